//! Statuses of pods and containers, as the API shows them.

use super::ids::StrId;
use super::strings::known;
use crate::base::SimTime;

/// `status.phase`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum Phase {
    /// Accepted; some container has not started yet.
    #[default]
    Pending,
    /// Bound, all containers created, at least one running or restarting.
    Running,
    /// All containers ended with exit code 0 and will not be restarted.
    Succeeded,
    /// All containers ended, at least one in failure, or the pod was killed.
    Failed,
    /// The kubelet cannot be asked.
    Unknown,
}

impl Phase {
    /// Succeeded or Failed: a phase that never changes again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// As the API writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }
}

/// The state of a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum ContainerState {
    /// No state is set at all (upstream: an empty `state`).
    #[default]
    Unset,
    /// Not running yet, or waiting to be restarted; the reason may be [`known::EMPTY`].
    Waiting {
        /// Why.
        reason: StrId,
    },
    /// Its process runs.
    Running {
        /// Since when, cut to seconds.
        started_at: SimTime,
    },
    /// Its process ended.
    Terminated(Terminated),
}

/// How a container's process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Terminated {
    /// Exit code.
    pub exit_code: i32,
    /// Signal number, or 0.
    pub signal: i32,
    /// `Completed`, `Error`, `OOMKilled`, ...; may be [`known::EMPTY`].
    pub reason: StrId,
    /// When the process started, cut to seconds.
    pub started_at: SimTime,
    /// When it ended, cut to seconds.
    pub finished_at: SimTime,
}

impl Terminated {
    /// Stands for a time that the API leaves empty.
    pub const NO_TIME: SimTime = SimTime(i64::MIN);

    /// The end of a container that was lost track of: exit code 137, no times.
    #[must_use]
    pub const fn status_unknown() -> Self {
        Self {
            exit_code: 137,
            signal: 0,
            reason: known::CONTAINER_STATUS_UNKNOWN,
            started_at: Self::NO_TIME,
            finished_at: Self::NO_TIME,
        }
    }
}

impl ContainerState {
    /// How it ended, if it is terminated.
    #[must_use]
    pub const fn terminated(&self) -> Option<&Terminated> {
        match self {
            Self::Terminated(terminated) => Some(terminated),
            _ => None,
        }
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// Whether it waits.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
}

/// The status of one container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContainerStatus {
    /// The container's name.
    pub name: StrId,
    /// Its state now.
    pub state: ContainerState,
    /// The previous termination, if any.
    pub last_state: ContainerState,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// Whether it passed its startup probe; `None` is unset.
    pub started: Option<bool>,
    /// How often it was restarted.
    pub restart_count: u32,
}

impl ContainerStatus {
    /// A container the runtime does not know yet.
    #[must_use]
    pub const fn waiting(name: StrId, reason: StrId) -> Self {
        Self {
            name,
            state: ContainerState::Waiting { reason },
            last_state: ContainerState::Unset,
            ready: false,
            started: Some(false),
            restart_count: 0,
        }
    }
}

/// The types of pod conditions that components here write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum PodConditionType {
    /// Bound to a node.
    PodScheduled,
    /// Sandbox and network are there.
    PodReadyToStartContainers,
    /// Init containers are done.
    Initialized,
    /// All containers are ready.
    ContainersReady,
    /// The pod can serve requests.
    Ready,
    /// The pod is about to be killed by a disruption.
    DisruptionTarget,
}

impl PodConditionType {
    /// Every type, in the order `kubectl describe` lists them.
    pub const ALL: [Self; 6] = [
        Self::DisruptionTarget,
        Self::PodReadyToStartContainers,
        Self::Initialized,
        Self::Ready,
        Self::ContainersReady,
        Self::PodScheduled,
    ];

    /// As the API writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::PodScheduled => "PodScheduled",
            Self::PodReadyToStartContainers => "PodReadyToStartContainers",
            Self::Initialized => "Initialized",
            Self::ContainersReady => "ContainersReady",
            Self::Ready => "Ready",
            Self::DisruptionTarget => "DisruptionTarget",
        }
    }
}

/// `status` of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum ConditionStatus {
    /// True.
    True,
    /// False.
    False,
    /// Unknown, or never written.
    #[default]
    Unknown,
}

impl ConditionStatus {
    /// From a truth value.
    #[must_use]
    pub const fn from_bool(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    /// As the API writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition: its status and reason. Messages are rendered on demand from the statuses they are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodCondition {
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// Reason, or [`known::EMPTY`].
    pub reason: StrId,
}

impl PodCondition {
    /// True without a reason.
    pub const TRUE: Self = Self { status: ConditionStatus::True, reason: known::EMPTY };

    /// False with `reason`.
    #[must_use]
    pub const fn not(reason: StrId) -> Self {
        Self { status: ConditionStatus::False, reason }
    }
}

/// How far an in-place resize is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum ResizeState {
    /// It was asked for.
    Proposed,
    /// PodResizePending: it does not fit beside the other pods now.
    Deferred,
    /// PodResizePending: it will never fit on this node.
    Infeasible,
    /// PodResizeInProgress: it was granted.
    InProgress,
    /// PodResizeInProgress with an error: memory in use is above the new limit.
    Error,
    /// The runtime shows the new amounts.
    Done,
}

impl ResizeState {
    /// The condition and its reason, as the API writes them.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Proposed => "Proposed",
            Self::Deferred => "PodResizePending Deferred",
            Self::Infeasible => "PodResizePending Infeasible",
            Self::InProgress => "PodResizeInProgress",
            Self::Error => "PodResizeInProgress Error",
            Self::Done => "Done",
        }
    }
}
