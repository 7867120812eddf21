//! The closed event enum: everything that can be pending. Small, `Copy`, dense ids only.

use crate::api::PodRef;
use crate::autoscaler;
use crate::controllers::{attach_detach, endpoints, manager, node_lifecycle, pod_gc, volume_binder};
use crate::engine::{Rank, Ranked};
use crate::model::{ClaimName, NodeId, ObjectId, StrId};
use crate::{kubelet, scheduler};

/// Something that will happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Pod number so-and-so of the plan is created.
    Pod(u32),
    /// The next pod of an arrival stream is due; if writes always take the same time: the API server accepts it.
    Arrival(u32),
    /// The API server accepts a pod of an arrival stream. Its workload and template follow from these.
    Create {
        /// The stream.
        stream: u32,
        /// The pod's number there.
        ordinal: u32,
    },
    /// A trace deletes a pod.
    TraceDelete(PodRef),
    /// A fault of the plan begins (`true`) or ends.
    Fault(u32, bool),
    /// A change of the plan is made.
    Change(u32),
    /// A drain goes on.
    Drain(u32),
    /// The rate of requests on a service changes.
    Rate(u32),
    /// A machine's kubelet posts its first status after a boot.
    Booted(NodeId),
    /// A component reads the change log.
    Wake(Actor),
    /// A timer of a kubelet.
    Kubelet(kubelet::Timer),
    /// A timer of the EndpointSlice controller or the proxies.
    Endpoints(endpoints::Timer),
    /// A timer of the node lifecycle controller.
    NodeLifecycle(node_lifecycle::Timer),
    /// A pass of the pod garbage collector.
    PodGcPass,
    /// A finished pod's time to live is over. (The timers of this controller are variants of their own: of two enums
    /// that are as large as this one, one would make it larger.)
    PodGcExpired(PodRef),
    /// A provisioner has made a volume for a claim.
    VolumeProvisioned(ClaimName),
    /// The volume controller looks at all claims.
    VolumeResync,
    /// A driver has attached or detached a volume.
    VolumeMoved(StrId, NodeId),
    /// A volume may be detached by force.
    VolumeDue(StrId),
    /// A write of a controller has reached the API server.
    Written(u32),
    /// What autoscalers ask for is measured.
    Scrape,
    /// An object of a controller is to be synced.
    ObjectDue(ObjectId),
    /// A timer of node pools and their autoscaler.
    Pools(autoscaler::Timer),
    /// A timer of the scheduler.
    Scheduler(scheduler::Timer),
}

/// Components that read the change log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Actor {
    /// All kubelets.
    Kubelets,
    /// All controllers.
    Controllers,
    /// The scheduler.
    Scheduler,
}

impl Actor {
    /// Every actor.
    pub const ALL: [Self; 3] = [Self::Kubelets, Self::Controllers, Self::Scheduler];
}

impl Event {
    /// Whether it is a message of a kubelet.
    pub(super) const fn is_message(&self) -> bool {
        matches!(self, Self::Kubelet(kubelet::Timer::Tell(_) | kubelet::Timer::Message(_)))
    }
}

impl Ranked for Event {
    /// At one instant: the plan, kubelets, controllers, the scheduler.
    #[inline]
    fn rank(&self) -> Rank {
        Rank::new(match self {
            Self::Pod(_)
            | Self::Arrival(_)
            | Self::Create { .. }
            | Self::TraceDelete(_)
            | Self::Fault(..)
            | Self::Change(_)
            | Self::Drain(_)
            | Self::Rate(_)
            | Self::Booted(_)
            | Self::Pools(autoscaler::Timer::Registers(_)) => 0,
            Self::Wake(Actor::Kubelets) | Self::Kubelet(_) => 1,
            Self::Wake(Actor::Controllers) | Self::Endpoints(_) | Self::NodeLifecycle(_) | Self::Pools(_) => 2,
            Self::PodGcPass | Self::PodGcExpired(_) => 2,
            Self::VolumeMoved(..) | Self::VolumeDue(_) => 2,
            Self::VolumeProvisioned(_) | Self::VolumeResync | Self::Scrape | Self::Written(_) | Self::ObjectDue(_) => 2,
            Self::Wake(Actor::Scheduler) | Self::Scheduler(_) => 3,
        })
    }
}

impl From<kubelet::Timer> for Event {
    fn from(timer: kubelet::Timer) -> Self {
        Self::Kubelet(timer)
    }
}

impl From<endpoints::Timer> for Event {
    fn from(timer: endpoints::Timer) -> Self {
        Self::Endpoints(timer)
    }
}

impl From<node_lifecycle::Timer> for Event {
    fn from(timer: node_lifecycle::Timer) -> Self {
        Self::NodeLifecycle(timer)
    }
}

impl From<pod_gc::Timer> for Event {
    fn from(timer: pod_gc::Timer) -> Self {
        match timer {
            pod_gc::Timer::Pass => Self::PodGcPass,
            pod_gc::Timer::Expired(pod) => Self::PodGcExpired(pod),
        }
    }
}

impl From<volume_binder::Timer> for Event {
    fn from(timer: volume_binder::Timer) -> Self {
        match timer {
            volume_binder::Timer::Provisioned(claim) => Self::VolumeProvisioned(claim),
            volume_binder::Timer::Resync => Self::VolumeResync,
        }
    }
}

impl From<attach_detach::Timer> for Event {
    fn from(timer: attach_detach::Timer) -> Self {
        match timer {
            attach_detach::Timer::Done(volume, node) => Self::VolumeMoved(volume, node),
            attach_detach::Timer::Due(volume) => Self::VolumeDue(volume),
        }
    }
}

impl From<manager::Timer> for Event {
    fn from(timer: manager::Timer) -> Self {
        match timer {
            manager::Timer::Written(slot) => Self::Written(slot),
            manager::Timer::Due(object) => Self::ObjectDue(object),
        }
    }
}

impl From<autoscaler::Timer> for Event {
    fn from(timer: autoscaler::Timer) -> Self {
        Self::Pools(timer)
    }
}

impl From<scheduler::Timer> for Event {
    fn from(timer: scheduler::Timer) -> Self {
        Self::Scheduler(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_small() {
        // With the 4 bytes of its slot's generation and the 16 of its entry in the calendar.
        assert_eq!((size_of::<Event>(), crate::engine::Calendar::<Event>::bytes_per_event()), (12, 32));
    }
}
