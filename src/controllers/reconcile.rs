//! Which reconciler is for which kind of object, which objects a change concerns, and what is told of the writes.

use smallvec::SmallVec;

use super::script::{Sync, Write};
use super::{disruption, hpa, replica_set};
use crate::api::{Change, Cluster, PodRef, Rejection};
use crate::base::SimDuration;
use crate::component::MakerEnv;
use crate::model::ObjectId;
use crate::model::objects::ObjectKind;
use crate::record::{KubeEvent, Recorder, Subject};

/// Objects that a change concerns.
#[derive(Clone, Debug, Default)]
pub(super) struct Concerned {
    /// Synced at once.
    pub now: SmallVec<[ObjectId; 2]>,
    /// Synced after a delay.
    pub later: SmallVec<[(ObjectId, SimDuration); 1]>,
}

impl Concerned {
    fn add(&mut self, object: Option<ObjectId>) {
        self.now.extend(object);
    }
}

/// The objects that must be looked at because of `change`.
pub(super) fn concerned(cluster: &Cluster, change: &Change, found: &mut Concerned) {
    let owner = |pod: PodRef| {
        cluster.pods().exists(pod).then(|| cluster.pods().owned(pod.pod)).flatten().map(|owned| owned.object)
    };
    match *change {
        Change::PodAdded { pod, .. }
        | Change::PodBound { pod, .. }
        | Change::PodStatus { pod, .. }
        | Change::PodDeleting { pod, .. } => found.add(owner(pod)),
        Change::PodRemoved { owner, .. } => found.add(owner),
        Change::PodOwned { before, owner, .. } => {
            found.add(before);
            found.add(owner);
        }
        // Autoscalers come on a grid of their own (upstream: FixedItemIntervalRateLimiter).
        Change::ObjectAdded(object) if hpa::sync::is_autoscaler(cluster, object) => {
            found.later.push((object, hpa::sync::PERIOD));
        }
        Change::ObjectChanged(object, _) if hpa::sync::is_autoscaler(cluster, object) => {}
        Change::ObjectAdded(object)
        | Change::ObjectChanged(object, _)
        | Change::ObjectDeleting(object)
        | Change::ObjectRemoved(object) => {
            found.add(Some(object));
            found.add(cluster.objects().get(object).owner);
        }
        _ => {}
    }
}

/// Syncs one object.
pub(super) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.row();
    if !row.exists() {
        return;
    }
    match row.kind() {
        ObjectKind::ReplicaSet | ObjectKind::ReplicationController => replica_set::reconcile::sync(cx),
        ObjectKind::PodDisruptionBudget => disruption::sync(cx),
        ObjectKind::HorizontalPodAutoscaler => hpa::sync::sync(cx),
        _ => {}
    }
}

/// Tells what became of a write of `object`.
pub(super) fn written<T, R: Recorder>(
    env: &mut MakerEnv<'_, T, R>,
    object: ObjectId,
    write: &Write,
    result: &Result<Option<PodRef>, Rejection>,
) {
    if !R::ON {
        return;
    }
    let pod = match (write, result) {
        (Write::CreatePod { .. }, Ok(pod)) => *pod,
        (Write::DeletePod(pod), Ok(_)) => Some(*pod),
        _ => None,
    };
    let name = pod.filter(|&pod| env.cluster.pods().exists(pod)).map(|pod| {
        let pods = env.cluster.pods();
        let (workload, ordinal) = pods.source(pod.pod);
        env.plan.pod_name(workload, pods.template(pod.pod), ordinal)
    });
    let subject = Subject::Object(object);
    match (write, result) {
        (Write::CreatePod { .. }, Ok(_)) => {
            env.event(subject, KubeEvent::SuccessfulCreate, || format!("Created pod: {}", name.unwrap_or_default()));
        }
        (Write::CreatePod { .. }, Err(error)) => {
            env.event(subject, KubeEvent::FailedCreate, || format!("Error creating: {error}"));
        }
        (Write::DeletePod(_), Ok(_)) => {
            if let Some(name) = name {
                env.event(subject, KubeEvent::SuccessfulDelete, || format!("Deleted pod: {name}"));
            }
        }
        _ => {}
    }
}
