//! Turns accepted writes into facts for the recorder.

use crate::api::{Change, Cluster, StatusMask};
use crate::base::SimTime;
use crate::model::objects::ObjectStatus;
use crate::model::{PodCondition, PodConditionType};
use crate::record::{Fact, Recorder};

/// Records the facts that a change stands for.
pub(super) fn record<R: Recorder>(cluster: &Cluster, recorder: &mut R, now: SimTime, change: &Change) {
    let mut fact = |fact: Fact| recorder.fact(now, fact);
    match *change {
        Change::PodAdded { pod, node, .. } => {
            fact(Fact::PodCreated(pod.uid));
            if let Some(node) = node {
                fact(Fact::PodBound(pod.uid, node));
            }
        }
        Change::PodBound { pod, node, .. } => fact(Fact::PodBound(pod.uid, node)),
        Change::PodStatus { pod, mask, old_phase, phase, .. } => {
            if mask.has(StatusMask::PHASE) && old_phase != phase {
                fact(Fact::PodPhase(pod.uid, phase, cluster.pods().reason(pod.pod)));
            }
            for kind in PodConditionType::ALL {
                if mask.has(StatusMask::condition(kind))
                    && let Some(PodCondition { status, reason }) = cluster.pods().conditions(pod.pod).get(kind)
                {
                    fact(Fact::PodCondition(pod.uid, kind, status, reason));
                }
            }
        }
        Change::PodResized { pod, state, .. } => fact(Fact::PodResize(pod.uid, state)),
        Change::PodDeleting { pod, grace_seconds, .. } => fact(Fact::PodDeleting(pod.uid, i64::from(grace_seconds))),
        Change::PodRemoved { pod, .. } => fact(Fact::PodRemoved(pod.uid)),
        // What becomes of the pod tells of it.
        Change::PodUngated { .. } => {}
        // The events of the victims tell of it.
        Change::PodNominated { .. } => {}
        Change::NodeAdded(node) => fact(Fact::NodeAdded(node)),
        Change::NodeRemoved(node) => fact(Fact::NodeRemoved(node)),
        Change::NodeReady(node, status) => fact(Fact::NodeReady(node, status)),
        Change::NodePressure { node, pressure, on } => fact(Fact::NodePressure(node, pressure, on)),
        Change::NodeUnschedulable(node, on) => fact(Fact::NodeCordoned(node, on)),
        Change::NodeTaints { node, taint, added } => fact(Fact::NodeTaint(node, taint, added)),
        // What becomes of its endpoints tells of it.
        Change::ServiceRemoved(_) => {}
        Change::Config(config, exists) => fact(Fact::Config(config, exists)),
        Change::ObjectAdded(object) => fact(Fact::ObjectCreated(object)),
        Change::ObjectChanged(object, _) => {
            let row = cluster.objects().get(object);
            let counted = match &row.status {
                ObjectStatus::ReplicaSet(status) => Some((status.replicas, status.replicas, status.ready_replicas)),
                ObjectStatus::Deployment(status) => {
                    Some((status.replicas, status.updated_replicas, status.ready_replicas))
                }
                ObjectStatus::StatefulSet(status) => {
                    Some((status.replicas, status.updated_replicas, status.ready_replicas))
                }
                ObjectStatus::DaemonSet(status) => Some((status.current, status.updated, status.ready)),
                _ => None,
            };
            let wanted = row.spec.replicas().or_else(|| Some(row.status.daemon_set()?.desired));
            if let (Some((current, updated, ready)), Some(wanted)) = (counted, wanted) {
                fact(Fact::ObjectReplicas { object, wanted, current, updated, ready });
            }
        }
        Change::ObjectRemoved(object) => fact(Fact::ObjectRemoved(object)),
        // What becomes of their pods tells of them.
        Change::PodOwned { .. } | Change::PodUntracked(..) | Change::ObjectDeleting(_) => {}
        // What becomes of claims shows in the pods that wait for them.
        Change::Storage(_) | Change::NodeVolumes(_) => {}
    }
}
