//! ReplicaSets and ReplicationControllers: as many pods as there should be. Mirrors pkg/controller/replicaset/replica_set.go
//! and replica_set_utils.go, v1.34 (spec 8.2).

use super::ranking::{self, Candidate};
use crate::api::{Cluster, PodRef};
use crate::base::SimDuration;
use crate::controllers::script::{Sync, Write};
use crate::model::available::{available_at, is_available};
use crate::model::objects::{ReplicaSetSpec, ReplicaSetStatus};
use crate::model::plan::Plan;
use crate::model::{NodeId, PodConditionType, PodUid, Role, TemplateId};
use crate::record::Recorder;

/// At most so many pods are created or deleted in one sync (`BurstReplicas`).
const BURST: usize = 500;

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let cluster = cx.cluster;
    let row = cluster.objects().get(cx.id);
    let Some(spec) = row.spec.replica_set() else { return };
    let is_deleted = row.deleting.is_some();
    if !is_deleted && !cx.orphans.is_empty() {
        let adopted = cx.orphans.iter().map(|&pod| Write::AdoptPod(pod)).collect();
        cx.write(adopted);
        return;
    }
    let active = row.tally().active as usize;
    let wanted = usize::try_from(spec.replicas).unwrap_or(0);
    if !is_deleted && active < wanted {
        let missing = (wanted - active).min(BURST);
        let create = Write::CreatePod { template: spec.template, variation: None, member: 0 };
        cx.slow_start(std::iter::repeat_n(create, missing));
    } else if !is_deleted && active > wanted {
        let deletes = chosen(cx, &active_pods(cx), (active - wanted).min(BURST));
        cx.write(deletes);
    }
    let status = status(cx, spec, active != wanted && cx.failures > 0);
    let status = ReplicaSetStatus { observed_generation: row.generation, ..status };
    if row.status.replica_set() != Some(&status) {
        cx.finally(Write::PutCounts(cx.id, status));
    }
}

/// The pods that count as replicas, in the order of their creation.
fn active_pods<R: Recorder>(cx: &Sync<'_, R>) -> Vec<PodRef> {
    let mut pods = Vec::with_capacity(cx.row().tally().active as usize);
    pods.extend(cx.cluster.active_pods_of(cx.id));
    pods.reverse();
    pods.sort_unstable_by_key(|pod| pod.uid);
    pods
}

/// The status, from the counts that the API keeps; pods are looked at one by one only if they differ in what is asked.
fn status<R: Recorder>(cx: &mut Sync<'_, R>, spec: &ReplicaSetSpec, replica_failure: bool) -> ReplicaSetStatus {
    let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let row = cx.cluster.objects().get(cx.id);
    let tally = row.tally();
    let mut status = ReplicaSetStatus {
        replicas: count(tally.active),
        ready_replicas: count(tally.ready),
        available_replicas: count(tally.ready),
        replica_failure,
        ..Default::default()
    };
    let labels = |id| cx.plan.strings.labels(id);
    let wanted = cx.plan.templates[spec.template].labels;
    let is_labeled = |template: TemplateId| {
        let has = cx.plan.templates[template].labels;
        has == wanted || labels(wanted).pairs().iter().all(|&(key, value)| labels(has).get(key) == Some(value))
    };
    status.fully_labeled_replicas = match row.pod_template() {
        _ if tally.active == 0 => 0,
        Some(template) if is_labeled(template) => status.replicas,
        Some(_) => 0,
        None => {
            let templates = active_pods(cx).into_iter().map(|pod| cx.cluster.pods().template(pod.pod));
            count(u32::try_from(templates.filter(|&template| is_labeled(template)).count()).unwrap_or(u32::MAX))
        }
    };
    let min_ready = SimDuration::from_secs(i64::from(spec.min_ready_seconds));
    if min_ready == SimDuration::ZERO {
        return status;
    }
    status.available_replicas = 0;
    for pod in active_pods(cx) {
        let Some(since) = cx.ready_since(pod) else { continue };
        if is_available(Some(since), min_ready, cx.now) {
            status.available_replicas += 1;
        } else {
            cx.again_after(available_at(since, min_ready) - cx.now);
        }
    }
    status
}

/// Pods by the texts of their uids, which are as good as random.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ByUuid(PodRef);

impl PartialOrd for ByUuid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByUuid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let text = |pod: &Self| PodUid::uuid_order(pod.0.uid);
        text(self).cmp(&text(other))
    }
}

/// The pods that are deleted if `count` are too many. Pods of all ReplicaSets of one owner count for who shares a node.
fn chosen<R: Recorder>(cx: &Sync<'_, R>, active: &[PodRef], count: usize) -> Vec<Write> {
    let delete = |pod: PodRef| Write::DeletePod(pod);
    if count == active.len() {
        return active.iter().copied().map(delete).collect();
    }
    let (cluster, pods) = (cx.cluster, cx.cluster.pods());
    let own = [cx.id];
    let family = cx.row().owner.map_or(&own[..], |owner| cluster.objects().get(owner).children());
    let related = family.iter().flat_map(|&set| cluster.active_pods_of(set)).map(|pod| pods.node(pod.pod));
    let nodes: Vec<Option<NodeId>> = active.iter().map(|pod| pods.node(pod.pod)).collect();
    let colocated = ranking::colocated(&nodes, related);
    let mut candidates: Vec<Candidate<ByUuid>> =
        active.iter().zip(colocated).map(|(&pod, colocated)| candidate(cx.plan, cluster, pod, colocated)).collect();
    ranking::choose(&mut candidates, count, Some(cx.now)).iter().map(|pod| delete(pod.uid.0)).collect()
}

fn candidate(plan: &Plan, cluster: &Cluster, pod: PodRef, colocated: u32) -> Candidate<ByUuid> {
    let (pods, slot) = (cluster.pods(), pod.pod);
    let template = &plan.templates[pods.template(slot)];
    let ready = pods.conditions(slot).is_true(PodConditionType::Ready);
    let most = |sidecar: bool| {
        let containers = template.containers.iter().zip(pods.containers(slot));
        let of_role =
            containers.filter(|(spec, _)| if sidecar { spec.role == Role::Sidecar } else { spec.role == Role::Main });
        of_role.map(|(_, status)| status.restart_count()).max().unwrap_or(0)
    };
    Candidate {
        scheduled: pods.node(slot).is_some(),
        phase: pods.phase(slot),
        ready,
        ready_since: pods.transition(slot, PodConditionType::Ready).filter(|_| ready),
        deletion_cost: template.deletion_cost,
        colocated,
        restarts: most(false),
        sidecar_restarts: most(true),
        created: Some(pods.created(slot)),
        uid: ByUuid(pod),
    }
}
