//! Statuses as they are stored: API times are whole seconds, so 32 bits hold them; a million pods fit in memory.

use crate::base::SimTime;
use crate::model::{
    ConditionStatus, ContainerState, ContainerStatus, Phase, PodCondition, PodConditionType, StrId, Terminated,
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

    /// Seconds since `earlier`.
    pub(super) const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// So many seconds later.
    pub(super) const fn plus(self, seconds: u16) -> Self {
        Self(self.0 + seconds as u32)
    }

    /// As an instant.
    #[must_use]
    pub const fn time(self) -> SimTime {
        SimTime(self.0 as i64 * 1_000_000_000)
    }
}

/// What a kubelet writes of a pod. Conditions that are `None` are left as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPatch {
    /// The phase.
    pub phase: Phase,
    /// `status.reason`.
    pub reason: StrId,
    /// Statuses of all containers, in the template's order.
    pub containers: smallvec::SmallVec<[StoredContainer; 1]>,
    /// Conditions by type.
    pub conditions: [Option<PodCondition>; 6],
    /// Whether the pod has an address.
    pub has_address: bool,
    /// Sets `status.startTime`, if it is not set yet.
    pub started: SimTime,
}

/// A container status without its name, which the template holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredContainer {
    pub(super) now: StatusRow,
    pub(super) past: Past,
}

/// What a container went through before its newest instance. Most never ended, so this is kept beside the column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Past {
    restart_count: u32,
    last_state: StatusRow,
}

impl Past {
    /// It never ended.
    pub(super) const NONE: Self = Self { restart_count: 0, last_state: StatusRow::ABSENT };
}

/// A container's state and flags in 16 bytes. What a state has no use for is zero, so equal states are equal rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StatusRow {
    kind: Kind,
    /// A well-known string, whose id is below 256.
    reason: u8,
    ready: bool,
    started: bool,
    exit_code: i32,
    /// Of a free row: the next free run of rows.
    started_at: ApiTime,
    finished_at: ApiTime,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Unset,
    Waiting,
    Running,
    Terminated,
}

impl StatusRow {
    /// No status was written yet.
    pub(super) const ABSENT: Self = Self {
        kind: Kind::Unset,
        reason: 0,
        ready: false,
        started: false,
        exit_code: 0,
        started_at: ApiTime(0),
        finished_at: ApiTime(0),
    };

    /// A row that is not in use and names the next one.
    pub(super) const fn free(next: u32) -> Self {
        Self { started_at: ApiTime(next), ..Self::ABSENT }
    }

    /// The next free row.
    pub(super) const fn next_free(self) -> u32 {
        self.started_at.0
    }

    fn pack(state: ContainerState, ready: bool, started: bool) -> Self {
        let flags = Self { ready, started, ..Self::ABSENT };
        match state {
            ContainerState::Unset => flags,
            ContainerState::Waiting { reason } => Self { kind: Kind::Waiting, reason: pack_reason(reason), ..flags },
            ContainerState::Running { started_at } => {
                Self { kind: Kind::Running, started_at: ApiTime::cut(started_at), ..flags }
            }
            ContainerState::Terminated(t) => Self {
                kind: Kind::Terminated,
                reason: pack_reason(t.reason),
                exit_code: t.exit_code,
                started_at: ApiTime::cut(t.started_at),
                finished_at: ApiTime::cut(t.finished_at),
                ..flags
            },
        }
    }

    const fn state(self) -> ContainerState {
        match self.kind {
            Kind::Unset => ContainerState::Unset,
            Kind::Waiting => ContainerState::Waiting { reason: unpack_reason(self.reason) },
            Kind::Running => ContainerState::Running { started_at: self.started_at.time() },
            Kind::Terminated => ContainerState::Terminated(Terminated {
                exit_code: self.exit_code,
                signal: 0,
                reason: unpack_reason(self.reason),
                started_at: self.started_at.time(),
                finished_at: self.finished_at.time(),
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
    pub const ABSENT: Self = Self { now: StatusRow::ABSENT, past: Past::NONE };

    /// Stores `status`.
    #[must_use]
    pub fn pack(status: &ContainerStatus) -> Self {
        let last_state = StatusRow::pack(status.last_state, false, false);
        Self {
            now: StatusRow::pack(status.state, status.ready, status.started == Some(true)),
            past: Past { restart_count: status.restart_count, last_state },
        }
    }

    /// The status of the container called `name`.
    #[must_use]
    pub const fn unpack(&self, name: StrId) -> ContainerStatus {
        ContainerStatus {
            name,
            state: self.now.state(),
            last_state: self.past.last_state.state(),
            ready: self.now.ready,
            started: Some(self.now.started),
            restart_count: self.past.restart_count,
        }
    }

    /// Restarts so far.
    #[must_use]
    pub const fn restart_count(&self) -> u32 {
        self.past.restart_count
    }
}

/// All conditions of a pod in 20 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoredConditions {
    /// The pod's age in whole seconds when the status changed last; [`Self::LATE`]: that or more.
    age: [u16; 6],
    reason: [u8; 6],
    /// Two bits each: 0 never written, 1 True, 2 False, 3 Unknown.
    status: u16,
}

impl StoredConditions {
    /// Ages from here on (18 hours) do not fit: the pods' owner keeps those transition times elsewhere.
    pub(super) const LATE: u16 = u16::MAX;

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

    /// Whether it is True.
    #[must_use]
    pub const fn is_true(&self, kind: PodConditionType) -> bool {
        self.bits(kind as usize) == 1
    }

    /// The pod's age in seconds when the condition's status changed last, at most [`Self::LATE`].
    pub(super) const fn age(&self, kind: PodConditionType) -> u16 {
        self.age[kind as usize]
    }

    /// Whether some age does not fit.
    pub(super) fn has_late(&self) -> bool {
        self.age.contains(&Self::LATE)
    }

    const fn bits(&self, at: usize) -> u16 {
        self.status >> (2 * at) & 3
    }

    /// Whether to write `status` would change the status.
    pub(super) const fn moves(&self, kind: PodConditionType, status: ConditionStatus) -> bool {
        self.bits(kind as usize) != bits_of(status)
    }

    /// Sets the age at which the status changed last.
    pub(super) fn set_age(&mut self, kind: PodConditionType, seconds: u32) {
        self.age[kind as usize] = u16::try_from(seconds).unwrap_or(Self::LATE);
    }

    /// Whether a condition is this already.
    pub(super) const fn is(&self, kind: PodConditionType, status: ConditionStatus, reason: u8) -> bool {
        !self.moves(kind, status) && self.reason[kind as usize] == reason
    }

    /// Writes a condition; its reason comes from [`pack_reason`].
    pub(super) const fn set(&mut self, kind: PodConditionType, status: ConditionStatus, reason: u8) {
        let at = kind as usize;
        self.status = self.status & !(3 << (2 * at)) | bits_of(status) << (2 * at);
        self.reason[at] = reason;
    }
}

const fn bits_of(status: ConditionStatus) -> u16 {
    match status {
        ConditionStatus::True => 1,
        ConditionStatus::False => 2,
        ConditionStatus::Unknown => 3,
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
        for state in [ContainerState::Unset, ContainerState::Running { started_at: at }, status.last_state] {
            let status = ContainerStatus { state, ready: true, ..status };
            assert_eq!(StoredContainer::pack(&status).unpack(known::DEFAULT), status);
        }
        let fresh = ContainerStatus::waiting(known::DEFAULT, known::CONTAINER_CREATING);
        assert_eq!(StoredContainer::pack(&fresh).past, Past::NONE);
        assert_eq!((size_of::<StatusRow>(), size_of::<StoredConditions>()), (16, 20));
    }
}
