//! ReplicaSets and ReplicationControllers: as many pods as there should be. Mirrors pkg/controller/replicaset/replica_set.go
//! and replica_set_utils.go, v1.34 (spec 8.2).

use super::super::script::{Sync, Write};
use crate::api::PodRef;
use crate::base::SimDuration;
use crate::model::PodConditionType;
use crate::model::available::{available_at, is_available};
use crate::model::objects::{ObjectStatus, ReplicaSetStatus};
use crate::record::Recorder;

/// At most so many pods are created or deleted in one sync (`BurstReplicas`).
const BURST: usize = 500;

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.row();
    let spec = row.spec.replica_set().expect("a ReplicaSet").clone();
    let generation = row.generation;
    if row.deleting.is_none() && !cx.orphans.is_empty() {
        let adopted = cx.orphans.iter().map(|&pod| Write::AdoptPod(pod)).collect();
        cx.write(adopted);
        return;
    }
    let pods = cx.cluster.pods();
    let active: Vec<PodRef> =
        cx.pods().into_iter().filter(|pod| !pods.phase(pod.pod).is_terminal() && !pods.deleting(pod.pod)).collect();
    let wanted = usize::try_from(spec.replicas).unwrap_or(0);
    if cx.row().deleting.is_none() {
        if active.len() < wanted {
            let missing = (wanted - active.len()).min(BURST);
            let create = Write::CreatePod { template: spec.template, variation: None, member: 0 };
            cx.slow_start(vec![create; missing]);
        } else if active.len() > wanted {
            let surplus = (active.len() - wanted).min(BURST);
            let deletes = active[active.len() - surplus..].iter().map(|&pod| Write::DeletePod(pod)).collect();
            cx.write(deletes);
        }
    }
    let mut status = ReplicaSetStatus {
        replicas: i32::try_from(active.len()).unwrap_or(i32::MAX),
        fully_labeled_replicas: i32::try_from(active.len()).unwrap_or(i32::MAX),
        observed_generation: generation,
        ..ReplicaSetStatus::default()
    };
    let min_ready = SimDuration::from_secs(i64::from(spec.min_ready_seconds));
    for &pod in &active {
        let ready = pods.conditions(pod.pod).is_true(PodConditionType::Ready);
        status.ready_replicas += i32::from(ready);
        let since = pods.transition(pod.pod, PodConditionType::Ready);
        let since = since.filter(|_| ready);
        if is_available(since, min_ready, cx.now) {
            status.available_replicas += 1;
        } else if let Some(since) = since {
            cx.again_after(available_at(since, min_ready) - cx.now);
        }
    }
    cx.status(ObjectStatus::ReplicaSet(status));
}
