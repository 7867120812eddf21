//! Statuses as they are stored: API times are whole seconds, so 32 bits hold them; a million pods fit in memory.

use crate::base::SimTime;
use crate::model::{
    ConditionStatus, ContainerState, ContainerStatus, PodCondition, PodConditionType, StrId, Terminated,
};

/// Whole seconds since the Unix epoch (until 2106).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ApiTime(u32);

impl ApiTime {
    /// `at`, cut to seconds; times before 1970 become 1970.
    #[must_use]
    pub fn cut(at: SimTime) -> Self {
        Self(u32::try_from(at.0.div_euclid(1_000_000_000)).unwrap_or(0))
    }

    /// As an instant.
    #[must_use]
    pub fn time(self) -> SimTime {
        SimTime(i64::from(self.0) * 1_000_000_000)
    }
}

/// A container status without its name, which the template holds, in 32 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredContainer {
    state: State,
    restart_count: u32,
    ready: bool,
    started: bool,
    /// Most containers never ended, so most have no last state.
    last_state: Option<Box<State>>,
}

/// A container state in 16 bytes. Reasons are well-known strings, whose ids are below 256.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Unset,
    Waiting(u8),
    Running(ApiTime),
    Terminated { reason: u8, exit_code: i32, started: ApiTime, finished: ApiTime },
}

impl State {
    fn pack(state: ContainerState) -> Self {
        match state {
            ContainerState::Unset => Self::Unset,
            ContainerState::Waiting { reason } => Self::Waiting(pack_reason(reason)),
            ContainerState::Running { started_at } => Self::Running(ApiTime::cut(started_at)),
            ContainerState::Terminated(t) => Self::Terminated {
                reason: pack_reason(t.reason),
                exit_code: t.exit_code,
                started: ApiTime::cut(t.started_at),
                finished: ApiTime::cut(t.finished_at),
            },
        }
    }

    fn unpack(self) -> ContainerState {
        match self {
            Self::Unset => ContainerState::Unset,
            Self::Waiting(reason) => ContainerState::Waiting { reason: unpack_reason(reason) },
            Self::Running(at) => ContainerState::Running { started_at: at.time() },
            Self::Terminated { exit_code, reason, started, finished } => ContainerState::Terminated(Terminated {
                exit_code,
                signal: 0,
                reason: unpack_reason(reason),
                started_at: started.time(),
                finished_at: finished.time(),
            }),
        }
    }
}

/// A well-known string in one byte.
///
/// # Panics
/// If `reason` is not a well-known string.
pub(super) fn pack_reason(reason: StrId) -> u8 {
    u8::try_from(reason.raw()).expect("reasons are well-known strings")
}

pub(super) const fn unpack_reason(reason: u8) -> StrId {
    StrId::from_raw(reason as u32)
}

impl StoredContainer {
    /// No status was written yet.
    pub const ABSENT: Self =
        Self { state: State::Unset, last_state: None, restart_count: 0, ready: false, started: false };

    /// Stores `status`.
    #[must_use]
    pub fn pack(status: &ContainerStatus) -> Self {
        let last = State::pack(status.last_state);
        Self {
            state: State::pack(status.state),
            last_state: (last != State::Unset).then(|| Box::new(last)),
            restart_count: status.restart_count,
            ready: status.ready,
            started: status.started == Some(true),
        }
    }

    /// The status of the container called `name`.
    #[must_use]
    pub fn unpack(&self, name: StrId) -> ContainerStatus {
        ContainerStatus {
            name,
            state: self.state.unpack(),
            last_state: self.last_state.as_deref().map_or(ContainerState::Unset, |last| last.unpack()),
            ready: self.ready,
            started: Some(self.started),
            restart_count: self.restart_count,
        }
    }

    /// Restarts so far.
    #[must_use]
    pub const fn restart_count(&self) -> u32 {
        self.restart_count
    }
}

/// All conditions of a pod in 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoredConditions {
    transition: [ApiTime; 6],
    reason: [u8; 6],
    /// Two bits each: 0 never written, 1 True, 2 False, 3 Unknown.
    status: u16,
}

impl StoredConditions {
    /// The condition of type `kind`; `None` if it was never written.
    #[must_use]
    pub fn get(&self, kind: PodConditionType) -> Option<PodCondition> {
        let at = kind as usize;
        let status = match self.bits(at) {
            0 => return None,
            1 => ConditionStatus::True,
            2 => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        };
        Some(PodCondition { status, reason: unpack_reason(self.reason[at]) })
    }

    /// When its status changed last, in whole seconds.
    #[must_use]
    pub fn transition(&self, kind: PodConditionType) -> SimTime {
        self.transition[kind as usize].time()
    }

    /// Whether it is True.
    #[must_use]
    pub const fn is_true(&self, kind: PodConditionType) -> bool {
        self.bits(kind as usize) == 1
    }

    const fn bits(&self, at: usize) -> u16 {
        self.status >> (2 * at) & 3
    }

    /// Writes a condition; the transition time moves only when the status changes. Returns whether anything changed.
    ///
    /// # Panics
    /// If the reason is not a well-known string.
    pub fn set(&mut self, now: SimTime, kind: PodConditionType, condition: PodCondition) -> bool {
        let at = kind as usize;
        let reason = pack_reason(condition.reason);
        let status = match condition.status {
            ConditionStatus::True => 1,
            ConditionStatus::False => 2,
            ConditionStatus::Unknown => 3,
        };
        let moved = self.bits(at) != status;
        let changed = moved || self.reason[at] != reason;
        if moved {
            self.transition[at] = ApiTime::cut(now);
        }
        self.status = self.status & !(3 << (2 * at)) | status << (2 * at);
        self.reason[at] = reason;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;

    #[test]
    fn statuses_survive_storage_and_stay_small() {
        let at = SimTime(1_700_000_000_000_000_000);
        let status = ContainerStatus {
            name: known::DEFAULT,
            state: ContainerState::Waiting { reason: known::CRASH_LOOP_BACK_OFF },
            last_state: ContainerState::Terminated(Terminated {
                exit_code: 137,
                signal: 0,
                reason: known::OOM_KILLED,
                started_at: at,
                finished_at: at,
            }),
            ready: false,
            started: Some(false),
            restart_count: 4,
        };
        assert_eq!(StoredContainer::pack(&status).unpack(known::DEFAULT), status);
        assert!(size_of::<StoredContainer>() <= 32, "{}", size_of::<StoredContainer>());
        assert!(size_of::<StoredConditions>() <= 32);
    }

    #[test]
    fn a_transition_time_moves_only_with_the_status() {
        let mut conditions = StoredConditions::default();
        let kind = PodConditionType::Ready;
        let at = |s: i64| SimTime(s * 1_000_000_000);
        assert_eq!(conditions.get(kind), None);
        assert!(conditions.set(at(5), kind, PodCondition::not(known::CONTAINERS_NOT_READY)));
        assert!(conditions.set(at(9), kind, PodCondition::not(known::POD_FAILED)));
        assert_eq!(conditions.transition(kind), at(5));
        assert!(!conditions.set(at(9), kind, PodCondition::not(known::POD_FAILED)));
        assert!(conditions.set(at(12), kind, PodCondition::TRUE));
        assert_eq!((conditions.transition(kind), conditions.is_true(kind)), (at(12), true));
    }
}
