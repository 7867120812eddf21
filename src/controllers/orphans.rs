//! Pods without a controller, and the objects whose selectors match them. Mirrors the look-ups of
//! pkg/controller/controller_ref_manager.go and replica_set.go (getPodReplicaSets), v1.34.

use std::collections::BTreeMap;

use crate::api::{Change, Cluster, ObjectRow, PodRef};
use crate::model::objects::ObjectSpec;
use crate::model::plan::Plan;
use crate::model::{CompiledSelector, ObjectId};

/// The pod that a change leaves without an owner.
#[inline]
pub(super) fn orphan(cluster: &Cluster, change: &Change) -> Option<PodRef> {
    let (Change::PodAdded { pod, .. } | Change::PodOwned { pod, owner: None, .. }) = *change else { return None };
    is_orphan(cluster, pod).then_some(pod)
}

fn is_orphan(cluster: &Cluster, pod: PodRef) -> bool {
    let pods = cluster.pods();
    pods.exists(pod) && pods.owned(pod.pod).is_none() && !pods.deleting(pod.pod) && !pods.phase(pod.pod).is_terminal()
}

/// The selector by which an object adopts pods; Deployments adopt ReplicaSets only.
fn adopts(row: &ObjectRow) -> Option<&CompiledSelector> {
    if row.deleting.is_some() {
        return None;
    }
    match &row.spec {
        ObjectSpec::ReplicationController(spec) | ObjectSpec::ReplicaSet(spec) => Some(&spec.selector),
        ObjectSpec::StatefulSet(spec) => Some(&spec.selector),
        ObjectSpec::DaemonSet(spec) => Some(&spec.selector),
        ObjectSpec::Job(spec) => spec.selector.as_ref(),
        _ => None,
    }
}

fn matches(plan: &Plan, cluster: &Cluster, row: &ObjectRow, selector: &CompiledSelector, pod: PodRef) -> bool {
    let template = &plan.templates[cluster.pods().template(pod.pod)];
    template.namespace == row.namespace && selector.matches(plan.strings.labels(template.labels), &plan.strings)
}

/// Notes `pod` for the first object that would adopt it.
pub(super) fn candidates(cluster: &Cluster, plan: &Plan, pod: PodRef, orphans: &mut BTreeMap<ObjectId, Vec<PodRef>>) {
    let found = cluster
        .objects()
        .iter()
        .find(|(_, row)| adopts(row).is_some_and(|selector| matches(plan, cluster, row, selector, pod)));
    if let Some((object, _)) = found {
        orphans.entry(object).or_default().push(pod);
    }
}

/// Notes all pods that a new object would adopt.
pub(super) fn all_of(cluster: &Cluster, plan: &Plan, object: ObjectId, orphans: &mut BTreeMap<ObjectId, Vec<PodRef>>) {
    let Some(row) = cluster.objects().existing(object) else { return };
    // What has just been made by another object finds its pods made for it.
    let Some(selector) = adopts(row).filter(|_| row.owner.is_none()) else { return };
    let pods = cluster.pods().iter().filter(|&pod| is_orphan(cluster, pod));
    let found: Vec<PodRef> = pods.filter(|&pod| matches(plan, cluster, row, selector, pod)).collect();
    if !found.is_empty() {
        let known = orphans.entry(object).or_default();
        known.extend(found);
        known.sort_unstable_by_key(|pod| pod.uid);
        known.dedup();
    }
}
