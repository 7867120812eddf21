//! Facts: everything observable that happens in a run.

use crate::base::SimTime;
use crate::define_id;
use crate::model::{
    ClaimPhase, ConditionStatus, ConfigId, ContainerState, NodeId, ObjectId, Phase, PodConditionType, PodUid, Pressure,
    ResizeState, ServiceId, StrId, Taint,
};

define_id! {
    /// A text kept with the recording; see [`super::Recorder::note`].
    NoteId
}

/// One thing that happened. Pods are named by [`PodUid`] (their records hold names), containers by their index in the
/// pod's template.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Fact {
    /// A node object was created.
    NodeAdded(NodeId),
    /// A node object was removed.
    NodeRemoved(NodeId),
    /// The node's Ready condition changed.
    NodeReady(NodeId, ConditionStatus),
    /// A pressure condition of the node changed.
    NodePressure(NodeId, Pressure, bool),
    /// `spec.unschedulable` changed.
    NodeCordoned(NodeId, bool),
    /// A taint was added (`true`) or removed.
    NodeTaint(NodeId, Taint, bool),
    /// The machine stopped.
    NodeCrashed(NodeId),
    /// The machine runs again.
    NodeBooted(NodeId),

    /// The pod object was created.
    PodCreated(PodUid),
    /// The scheduler tried and found no node; the note is the message.
    PodUnschedulable(PodUid, NoteId),
    /// The pod was bound to a node.
    PodBound(PodUid, NodeId),
    /// The phase changed; the reason is `status.reason`.
    PodPhase(PodUid, Phase, StrId),
    /// A condition changed.
    PodCondition(PodUid, PodConditionType, ConditionStatus, StrId),
    /// How far an in-place resize is.
    PodResize(PodUid, ResizeState),
    /// Deletion was requested with this grace in seconds.
    PodDeleting(PodUid, i64),
    /// The pod object is gone.
    PodRemoved(PodUid),

    /// A container's state changed, as its node sees it.
    Container {
        /// The pod.
        pod: PodUid,
        /// Index in the template's containers.
        container: u16,
        /// The new state.
        state: ContainerState,
        /// Restarts so far.
        restarts: u32,
    },
    /// A container became ready or unready.
    ContainerReady(PodUid, u16, bool),
    /// A container was asked to stop.
    ContainerStopping(PodUid, u16),
    /// Nanoseconds of CPU time that a container's limit has kept from it since that was told last.
    CpuThrottled(PodUid, u16, u64),
    /// A pull began.
    ImagePullStarted(PodUid, u16),
    /// A pull ended; `false`: it failed.
    ImagePullEnded(PodUid, u16, bool),

    /// An object of a controller was created.
    ObjectCreated(ObjectId),
    /// An object of a controller is gone.
    ObjectRemoved(ObjectId),
    /// What an object that keeps a number of pods wants and has, after a change of its spec or status.
    ObjectReplicas {
        /// The object.
        object: ObjectId,
        /// How many it wants.
        wanted: i32,
        /// How many there are.
        current: i32,
        /// How many of them are of the newest template.
        updated: i32,
        /// How many of them are ready.
        ready: i32,
    },

    /// A Kubernetes Event.
    Event {
        /// What it is about.
        subject: Subject,
        /// Reason and type.
        event: KubeEvent,
        /// The message.
        note: NoteId,
    },

    /// How many endpoints a service has: ready ones and all.
    Endpoints(ServiceId, u32, u32),
    /// The load balancer of a service got its address.
    LoadBalancer(ServiceId),
    /// A configuration object was created or changed (`true`) or deleted.
    Config(ConfigId, bool),
    /// How far a PersistentVolume is on its way to a node, or from it; the note is its name.
    Volume {
        /// The volume.
        volume: NoteId,
        /// The node.
        node: NodeId,
        /// How far.
        stage: VolumeStage,
    },
    /// The phase of a claim changed, or it is gone (`None`); the note is `namespace/name`.
    Claim(NoteId, Option<ClaimPhase>),
    /// What a command of a change of the plan printed.
    Command(NoteId),
    /// A fault of the plan began (`true`) or ended; the note describes it.
    Fault(u32, bool, NoteId),
}

impl Fact {
    /// The fact with its pod called by another number; `None` if it is about a pod that has none.
    #[must_use]
    pub fn renumbered(mut self, number: impl Fn(PodUid) -> Option<PodUid>) -> Option<Self> {
        let pod = match &mut self {
            Self::PodCreated(pod)
            | Self::PodUnschedulable(pod, _)
            | Self::PodBound(pod, _)
            | Self::PodPhase(pod, ..)
            | Self::PodCondition(pod, ..)
            | Self::PodResize(pod, _)
            | Self::PodDeleting(pod, _)
            | Self::PodRemoved(pod)
            | Self::Container { pod, .. }
            | Self::ContainerReady(pod, ..)
            | Self::ContainerStopping(pod, _)
            | Self::CpuThrottled(pod, ..)
            | Self::ImagePullStarted(pod, _)
            | Self::ImagePullEnded(pod, ..)
            | Self::Event { subject: Subject::Pod(pod) | Subject::Container(pod, _), .. } => pod,
            Self::NodeAdded(_)
            | Self::NodeRemoved(_)
            | Self::NodeReady(..)
            | Self::NodePressure(..)
            | Self::NodeCordoned(..)
            | Self::NodeTaint(..)
            | Self::NodeCrashed(_)
            | Self::NodeBooted(_)
            | Self::ObjectCreated(_)
            | Self::ObjectRemoved(_)
            | Self::ObjectReplicas { .. }
            | Self::Event {
                subject: Subject::Node(_) | Subject::Service(_) | Subject::Object(_) | Subject::Claim(_),
                ..
            }
            | Self::Endpoints(..)
            | Self::LoadBalancer(_)
            | Self::Config(..)
            | Self::Volume { .. }
            | Self::Claim(..)
            | Self::Command(_)
            | Self::Fault(..) => return Some(self),
        };
        *pod = number(*pod)?;
        Some(self)
    }
}

/// How far a volume is on its way to a node, or from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum VolumeStage {
    /// Its driver attaches it.
    Attaching,
    /// It is attached.
    Attached,
    /// Its driver detaches it.
    Detaching,
    /// It is detached.
    Detached,
}

impl VolumeStage {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
            Self::Detached => "detached",
        }
    }
}

/// What a Kubernetes Event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Subject {
    /// A pod.
    Pod(PodUid),
    /// A container of a pod, by its index in the template's containers.
    Container(PodUid, u16),
    /// A node.
    Node(NodeId),
    /// A service.
    Service(ServiceId),
    /// An object of a controller.
    Object(ObjectId),
    /// A PersistentVolumeClaim; the note is `namespace/name`.
    Claim(NoteId),
}

/// Reasons of Kubernetes Events (spec Appendix A).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "each is upstream's reason, spelled alike")]
pub enum KubeEvent {
    Scheduled,
    FailedScheduling,
    Preempted,
    Pulling,
    Pulled,
    FailedPull,
    Failed,
    BackOff,
    BackOffPull,
    Created,
    Started,
    Killing,
    Unhealthy,
    FailedMount,
    ErrImageNeverPull,
    InspectFailed,
    FailedCreatePodSandBox,
    Evicted,
    ExceededGracePeriod,
    NodeReady,
    NodeNotReady,
    Rebooted,
    NodeSchedulable,
    NodeNotSchedulable,
    RegisteredNode,
    RemovingNode,
    TaintManagerEviction,
    EnsuredLoadBalancer,
    DeadlineExceeded,
    NodeHasInsufficientMemory,
    NodeHasSufficientMemory,
    NodeHasDiskPressure,
    NodeHasNoDiskPressure,
    NodeHasInsufficientPID,
    NodeHasSufficientPID,
    EvictionThresholdMet,
    FreeDiskSpaceFailed,
    OutOfpods,
    OutOfcpu,
    OutOfmemory,
    OutOfEphemeralStorage,
    NodeAffinity,
    NodePorts,
    TaintToleration,
    NodeShutdown,
    UnexpectedAdmissionError,
    Preempting,
    Shutdown,
    FailedPostStartHook,
    FailedPreStopHook,
    ResizeDeferred,
    ResizeInfeasible,
    ResizeCompleted,
    ResizeError,
    SuccessfulCreate,
    SuccessfulDelete,
    FailedCreate,
    FailedDelete,
    ScalingReplicaSet,
    ReplicaSetCreateError,
    FailedDaemonPod,
    SucceededDaemonPod,
    Completed,
    Suspended,
    Resumed,
    BackoffLimitExceeded,
    MaxFailedIndexesExceeded,
    FailedIndexes,
    PodFailurePolicy,
    TooManySucceededPods,
    SawCompletedJob,
    UnexpectedJob,
    MissingJob,
    UnknownTimeZone,
    UnsupportedSchedule,
    UnparseableSchedule,
    InvalidSchedule,
    JobAlreadyActive,
    MissSchedule,
    TooManyMissedTimes,
    SuccessfulRescale,
    FailedGetResourceMetric,
    FailedGetPodsMetric,
    FailedGetObjectMetric,
    FailedGetExternalMetric,
    FailedGetContainerResourceMetric,
    FailedComputeMetricsReplicas,
    FailedRescale,
    FailedGetScale,
    NoPods,
    CalculateExpectedPodCountFailed,
    MultiplePodDisruptionBudgets,
    UnmanagedPods,
    TriggeredScaleUp,
    NotTriggerScaleUp,
    ScaleDown,
    ScaleDownFailed,
    SuccessfulAttachVolume,
    FailedAttachVolume,
    WaitForFirstConsumer,
    FailedBinding,
    ExternalProvisioning,
    ProvisioningSucceeded,
    ProvisioningFailed,
    VolumeResizeSuccessful,
    ClaimLost,
}

impl KubeEvent {
    /// The component that tells it, as the column From of `kubectl describe` has it.
    #[must_use]
    pub const fn component(self) -> &'static str {
        match self {
            Self::Scheduled | Self::FailedScheduling | Self::Preempted => "default-scheduler",
            Self::NodeNotReady | Self::RegisteredNode | Self::RemovingNode => "node-controller",
            Self::TaintManagerEviction => "taint-eviction-controller",
            Self::EnsuredLoadBalancer => "service-controller",
            Self::TriggeredScaleUp | Self::NotTriggerScaleUp | Self::ScaleDown | Self::ScaleDownFailed => {
                "cluster-autoscaler"
            }
            Self::SuccessfulAttachVolume | Self::FailedAttachVolume => "attachdetach-controller",
            Self::WaitForFirstConsumer
            | Self::FailedBinding
            | Self::ExternalProvisioning
            | Self::ProvisioningFailed
            | Self::ClaimLost => "persistentvolume-controller",
            Self::ProvisioningSucceeded => "external-provisioner",
            Self::VolumeResizeSuccessful => "external-resizer",
            _ => "kubelet",
        }
    }

    /// `Normal` or `Warning`, of an Event about `subject`.
    #[must_use]
    pub const fn kind_for(self, subject: Subject) -> &'static str {
        match (self, subject) {
            (Self::NodeNotReady, Subject::Node(_)) => "Normal",
            (Self::DeadlineExceeded, Subject::Object(_)) => "Warning",
            _ => self.kind(),
        }
    }

    /// The reason as upstream writes it.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Self::FailedPull => "Failed".to_owned(),
            Self::BackOffPull => "BackOff".to_owned(),
            Self::OutOfEphemeralStorage => "OutOfephemeral-storage".to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// `Normal` or `Warning`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::FailedScheduling
            | Self::FailedPull
            | Self::Failed
            | Self::BackOff
            | Self::Unhealthy
            | Self::FailedPostStartHook
            | Self::FailedPreStopHook
            | Self::ResizeDeferred
            | Self::ResizeInfeasible
            | Self::ResizeError
            | Self::FailedMount
            | Self::ErrImageNeverPull
            | Self::InspectFailed
            | Self::FailedCreatePodSandBox
            | Self::Evicted
            | Self::EvictionThresholdMet
            | Self::FreeDiskSpaceFailed
            | Self::OutOfpods
            | Self::OutOfcpu
            | Self::OutOfmemory
            | Self::OutOfEphemeralStorage
            | Self::NodeAffinity
            | Self::NodePorts
            | Self::TaintToleration
            | Self::NodeShutdown
            | Self::UnexpectedAdmissionError
            | Self::Preempting
            | Self::ExceededGracePeriod
            | Self::NodeNotReady
            | Self::FailedCreate
            | Self::FailedDelete
            | Self::ReplicaSetCreateError
            | Self::FailedDaemonPod
            | Self::BackoffLimitExceeded
            | Self::MaxFailedIndexesExceeded
            | Self::FailedIndexes
            | Self::PodFailurePolicy
            | Self::TooManySucceededPods
            | Self::UnexpectedJob
            | Self::UnknownTimeZone
            | Self::UnsupportedSchedule
            | Self::UnparseableSchedule
            | Self::InvalidSchedule
            | Self::MissSchedule
            | Self::TooManyMissedTimes
            | Self::FailedGetResourceMetric
            | Self::FailedGetPodsMetric
            | Self::FailedGetObjectMetric
            | Self::FailedGetExternalMetric
            | Self::FailedGetContainerResourceMetric
            | Self::FailedComputeMetricsReplicas
            | Self::FailedRescale
            | Self::FailedGetScale
            | Self::CalculateExpectedPodCountFailed
            | Self::MultiplePodDisruptionBudgets
            | Self::UnmanagedPods
            | Self::FailedAttachVolume
            | Self::ScaleDownFailed
            | Self::ClaimLost
            | Self::ProvisioningFailed
            | Self::Rebooted => "Warning",
            _ => "Normal",
        }
    }
}

/// A fact and its time.
pub type Stamped = (SimTime, Fact);
