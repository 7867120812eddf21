//! Which reconciler is for which kind of object, which objects a change concerns, and what is told of the writes.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::script::{ByUid, Sync, Write};
use super::{cronjob, daemon_set, deployment, disruption, gc, hpa, job, namespace, quota, replica_set, stateful_set};
use crate::api::{Change, Cluster, ObjectRow, PodRef, Rejection, StatusMask};
use crate::base::SimDuration;
use crate::component::MakerEnv;
use crate::model::objects::{DeploymentStrategy, ObjectKind, ObjectSpec};
use crate::model::{ObjectId, PodConditionType};
use crate::record::{KubeEvent, Recorder, Subject};

/// What controllers remember of objects from sync to sync.
#[derive(Clone, Debug, Default)]
pub(super) struct Memories {
    /// Of Jobs.
    pub jobs: BTreeMap<ObjectId, job::sync::Memory>,
    /// Of Jobs: their pods, as of a generation.
    pub job_pods: BTreeMap<ObjectId, (u32, job::roster::Roster<ByUid>)>,
    /// Of CronJobs.
    pub cron_jobs: BTreeMap<ObjectId, cronjob::Memory>,
    /// Of StatefulSets: their pods, as of a generation; `None` while they are looked at.
    pub stateful_sets: BTreeMap<ObjectId, Option<(u32, stateful_set::roster::Roster<ByUid>)>>,
    /// Of DaemonSets.
    pub daemon_sets: BTreeMap<ObjectId, daemon_set::backoff::FailedPods>,
    /// Of namespaces that are being deleted: how often something stayed that should have gone.
    pub namespaces: BTreeMap<ObjectId, u32>,
}

/// First delay of an object whose sync failed, and the greatest (`ItemExponentialFailureRateLimiter`).
pub(super) const fn retries(kind: ObjectKind) -> (SimDuration, SimDuration) {
    match kind {
        ObjectKind::Job => (SimDuration::from_secs(1), SimDuration::from_secs(60)),
        _ => (SimDuration::from_millis(5), SimDuration::from_secs(1000)),
    }
}

/// Syncs of Jobs for what happens to their pods are put off (`syncJobBatchPeriod`).
const JOB_BATCH: SimDuration = SimDuration::from_secs(1);

/// Objects that a change concerns.
#[derive(Clone, Debug, Default)]
pub(super) struct Concerned {
    /// Synced at once.
    pub now: SmallVec<[ObjectId; 2]>,
    /// Synced after a delay.
    pub later: SmallVec<[(ObjectId, SimDuration); 1]>,
}

impl Concerned {
    /// At once.
    fn add(&mut self, object: Option<ObjectId>) {
        if let Some(object) = object {
            self.now.push(object);
        }
    }

    /// For what its pods did, or its own status.
    fn add_later(&mut self, cluster: &Cluster, object: Option<ObjectId>) {
        let Some(object) = object else { return };
        let row = cluster.objects().get(object);
        let is_finished = || row.status.job().is_some_and(|status| status.is_finished());
        if row.kind() == ObjectKind::Job && row.exists() && row.deleting.is_none() && !is_finished() {
            self.later.push((object, JOB_BATCH));
        } else {
            self.now.push(object);
        }
    }
}

/// The objects that must be looked at because of `change`.
#[inline]
pub(super) fn concerned(cluster: &Cluster, change: &Change, found: &mut Concerned) {
    let owner = |pod: PodRef| {
        cluster.pods().exists(pod).then(|| cluster.pods().owned(pod.pod)).flatten().map(|owned| owned.object)
    };
    match *change {
        // Autoscalers come on a grid of their own (upstream: FixedItemIntervalRateLimiter).
        Change::ObjectAdded(object) if hpa::sync::is_autoscaler(cluster, object) => {
            found.later.push((object, hpa::sync::PERIOD));
        }
        Change::ObjectChanged(object, _) if hpa::sync::is_autoscaler(cluster, object) => {}
        Change::PodAdded { pod, .. }
        | Change::PodBound { pod, .. }
        | Change::PodStatus { pod, .. }
        | Change::PodDeleting { pod, .. } => {
            let owner = owner(pod).filter(|&owner| matters(cluster.objects().get(owner), change));
            found.add_later(cluster, owner);
        }
        Change::PodRemoved { owner, .. } => {
            found.add_later(cluster, owner);
            // A Deployment that recreates waits for pods that its ReplicaSets no longer count.
            found.add(owner.and_then(|owner| cluster.objects().get(owner).owner).filter(|&above| {
                let above = cluster.objects().get(above);
                let strategy = above.spec.deployment().map(|spec| &spec.strategy);
                above.exists() && strategy == Some(&DeploymentStrategy::Recreate)
            }));
        }
        Change::PodOwned { before, owner, .. } => {
            found.add_later(cluster, before);
            found.add_later(cluster, owner);
        }
        Change::ObjectDeleting(object) if cluster.objects().get(object).kind() == ObjectKind::Namespace => {
            found.later.push((object, namespace::DELAY));
        }
        Change::ObjectChanged(object, false) => {
            let row = cluster.objects().get(object);
            found.add_later(cluster, Some(object).filter(|_| reads_status(row)));
            found.add(cluster.objects().get(object).owner);
        }
        Change::ObjectAdded(object)
        | Change::ObjectChanged(object, true)
        | Change::ObjectDeleting(object)
        | Change::ObjectRemoved(object) => {
            found.add(Some(object));
            found.add(cluster.objects().get(object).owner);
        }
        Change::NodeAdded(_) | Change::NodeRemoved(_) | Change::NodeTaints { .. } => {
            let all = cluster.objects().iter();
            let sets = all.filter(|(_, row)| row.kind() == ObjectKind::DaemonSet);
            found.now.extend(sets.map(|(id, _)| id));
        }
        _ => {}
    }
}

/// Whether there may be something to do for an object because its own status was written. The status of most is for others:
/// what they want themselves has not changed.
fn reads_status(row: &ObjectRow) -> bool {
    match &row.spec {
        ObjectSpec::ReplicationController(_)
        | ObjectSpec::ReplicaSet(_)
        | ObjectSpec::DaemonSet(_)
        | ObjectSpec::ResourceQuota(_) => false,
        // Its old ReplicaSets are looked at when it is complete.
        ObjectSpec::Deployment(spec) => {
            let status = row.status.deployment();
            status.is_some_and(|status| deployment::progress::is_complete(spec.replicas, status, row.generation))
        }
        // How many pods were of the earlier template counts only without a partition.
        ObjectSpec::StatefulSet(spec) => spec.partition.is_none() && !spec.on_delete,
        _ => true,
    }
}

/// Whether a change of one of its pods is of interest to an object: these count pods that are there and ready, not where
/// they are.
fn matters(owner: &ObjectRow, change: &Change) -> bool {
    use ObjectKind::{DaemonSet, ReplicaSet, ReplicationController, StatefulSet};
    if !matches!(owner.kind(), ReplicaSet | ReplicationController | StatefulSet | DaemonSet) {
        return true;
    }
    match *change {
        Change::PodBound { .. } => false,
        Change::PodStatus { mask, old_phase, phase, .. } => {
            old_phase != phase || mask.has(StatusMask::condition(PodConditionType::Ready))
        }
        _ => true,
    }
}

/// Syncs one object.
pub(super) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.row();
    if !row.exists() {
        cx.memories.stateful_sets.remove(&cx.id);
        cx.memories.job_pods.remove(&cx.id);
        stateful_set::reconcile::collect_claims(cx);
        return gc::collect(cx);
    }
    match row.kind() {
        ObjectKind::Namespace => return namespace::sync(cx),
        ObjectKind::ReplicaSet | ObjectKind::ReplicationController => replica_set::reconcile::sync(cx),
        ObjectKind::Deployment => deployment::sync(cx),
        ObjectKind::StatefulSet => stateful_set::reconcile::sync(cx),
        ObjectKind::DaemonSet => daemon_set::reconcile::sync(cx),
        ObjectKind::PodDisruptionBudget => disruption::sync(cx),
        ObjectKind::Job if row.deleting.is_none() => job::reconcile(cx),
        ObjectKind::CronJob if row.deleting.is_none() => cronjob::reconcile(cx),
        ObjectKind::HorizontalPodAutoscaler => hpa::sync::sync(cx),
        ObjectKind::ResourceQuota => quota::sync(cx),
        _ => {}
    }
    if cx.row().deleting.is_some() {
        gc::collect(cx);
    }
}

/// How many replicas the object has that a write changes, before it.
pub(super) fn replicas_before(cluster: &Cluster, write: &Write) -> Option<i32> {
    match write {
        Write::PutSpec(object, _) => cluster.objects().get(*object).spec.replicas(),
        Write::CreateObject(_) => Some(0),
        _ => None,
    }
}

/// Tells what became of a write of `object`. `before`: see [`replicas_before`].
pub(super) fn written<T, R: Recorder>(
    env: &mut MakerEnv<'_, T, R>,
    object: ObjectId,
    write: &Write,
    before: Option<i32>,
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
    let kind = env.cluster.objects().get(object).kind();
    let scaled = match write {
        Write::PutSpec(set, spec) => Some((&*env.cluster.objects().get(*set).name, spec.replica_set())),
        Write::CreateObject(new) => Some((&*new.name, new.spec.replica_set())),
        _ => None,
    };
    if let (Some((name, Some(spec))), Some(from), Ok(_)) = (scaled, before, result)
        && from != spec.replicas
    {
        let (how, name, to) = (if from < spec.replicas { "up" } else { "down" }, name.to_owned(), spec.replicas);
        env.event(subject, KubeEvent::ScalingReplicaSet, || {
            format!("Scaled {how} replica set {name} from {from} to {to}")
        });
        return;
    }
    let of_set = (kind == ObjectKind::StatefulSet).then(|| env.cluster.objects().get(object).name.clone());
    match (write, result) {
        (Write::CreatePod { .. } | Write::DeletePod(_), Ok(_)) if of_set.is_some() => {
            if let (Some(pod), Some(set)) = (name, of_set) {
                let (event, verb) = match write {
                    Write::DeletePod(_) => (KubeEvent::SuccessfulDelete, "delete"),
                    _ => (KubeEvent::SuccessfulCreate, "create"),
                };
                env.event(subject, event, || format!("{verb} Pod {pod} in StatefulSet {set} successful"));
            }
        }
        (Write::CreatePod { .. }, Ok(_)) => {
            env.event(subject, KubeEvent::SuccessfulCreate, || format!("Created pod: {}", name.unwrap_or_default()));
        }
        (Write::CreatePod { member, .. }, Err(error)) if of_set.is_some() => {
            let set = of_set.unwrap_or_default();
            env.event(subject, KubeEvent::FailedCreate, || {
                format!("create Pod {set}-{member} in StatefulSet {set} failed error: {error}")
            });
        }
        (Write::CreateClaim { at, ordinal }, Err(error)) => {
            let row = env.cluster.objects().get(object);
            let claim = row.spec.stateful_set().and_then(|spec| spec.claims.get(*at)).map(|claim| claim.name);
            let (set, claim) = (row.name.clone(), claim.map(|name| env.plan.strings.text(name).to_owned()));
            env.event(subject, KubeEvent::FailedCreate, || {
                let (pod, claim) = (format!("{set}-{ordinal}"), claim.unwrap_or_default());
                format!("create Claim {claim}-{pod} Pod {pod} in StatefulSet {set} failed error: {error}")
            });
        }
        (Write::CreatePod { .. }, Err(Rejection::Ending(_))) => {}
        (Write::CreatePod { .. }, Err(error)) => {
            env.event(subject, KubeEvent::FailedCreate, || format!("Error creating: {error}"));
        }
        (Write::CreateObject(new), Ok(_)) if new.spec.kind() == ObjectKind::Job => {
            env.event(subject, KubeEvent::SuccessfulCreate, || format!("Created job {}", new.name));
        }
        (&Write::DeleteObject(job, _), Ok(_)) if kind == ObjectKind::CronJob => {
            let name = env.cluster.objects().get(job).name.clone();
            env.event(subject, KubeEvent::SuccessfulDelete, || format!("Deleted job {name}"));
        }
        (Write::DeletePod(_), Ok(_)) => {
            if let Some(name) = name {
                env.event(subject, KubeEvent::SuccessfulDelete, || format!("Deleted pod: {name}"));
            }
        }
        _ => {}
    }
}
