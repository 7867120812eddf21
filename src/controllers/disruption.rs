//! PodDisruptionBudgets: how many pods a budget allows to go, and marks of disruptions that did not happen. Must not know who
//! asks for disruptions. Mirrors pkg/controller/disruption/disruption.go, v1.34.

use super::script::Sync;
use crate::api::{Cluster, PodRef};
use crate::base::{SimDuration, SimTime};
use crate::model::objects::{BudgetState, ObjectKind, ObjectStatus};
use crate::model::{BudgetBound, IntOrPercent, ObjectId, PodConditionType};
use crate::record::{KubeEvent, Recorder};

/// A pod that should be going for this long and is not is not going.
pub const STALE_AFTER: SimDuration = SimDuration::from_secs(120);

/// What a budget allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allowance {
    /// `desiredHealthy`.
    pub desired_healthy: i64,
    /// `disruptionsAllowed`.
    pub disruptions_allowed: i64,
}

/// Whether `expectedPods` are the replicas that the pods' controllers want, rather than the pods that there are.
#[must_use]
pub const fn counts_replicas(bound: &BudgetBound) -> bool {
    !matches!(bound, BudgetBound::MinAvailable(IntOrPercent::Int(_)))
}

/// What a budget allows when so many pods are expected and so many are healthy.
///
/// # Errors
/// Upstream's text for a bound that is neither a number nor a percentage.
pub fn allowance(bound: &BudgetBound, expected: i64, healthy: i64) -> Result<Allowance, String> {
    let desired_healthy = match bound {
        BudgetBound::MinAvailable(least) => least.scaled(expected, true)?,
        BudgetBound::MaxUnavailable(most) => (expected - most.scaled(expected, true)?).max(0),
    };
    let disruptions_allowed = if expected > 0 { (healthy - desired_healthy).max(0) } else { 0 };
    Ok(Allowance { desired_healthy, disruptions_allowed })
}

/// When a condition DisruptionTarget that is True since `since` is to be taken back, because its pod stays. `None`: it
/// stands.
#[must_use]
pub fn stale_at(since: SimTime, deleting: bool, terminal: bool, by_kubelet: bool) -> Option<SimTime> {
    (!deleting && !terminal && !by_kubelet).then(|| since + STALE_AFTER)
}

/// The object whose `spec.replicas` say how many pods of this owner there should be, and that number; `None`: nobody knows.
fn scale_of(cluster: &Cluster, owner: ObjectId) -> Option<(ObjectId, i32)> {
    let row = cluster.objects().existing(owner)?;
    let above = row.owner.filter(|_| row.kind() == ObjectKind::ReplicaSet);
    let above = above.and_then(|above| Some((above, cluster.objects().existing(above)?)));
    let (id, row) = above.unwrap_or((owner, row));
    Some((id, row.spec.replicas()?))
}

/// The sum of the replicas that the controllers of these pods want, and how many pods have no controller; `None`: a pod's
/// controller does not say.
fn expected_scale(cluster: &Cluster, pods: &[PodRef]) -> Option<(i64, usize)> {
    let mut scales: Vec<(ObjectId, i32)> = Vec::new();
    let (mut unmanaged, mut known) = (0, None);
    for pod in pods {
        let owner = cluster.pods().owned(pod.pod).map(|owned| owned.object);
        let Some(owner) = owner else {
            unmanaged += 1;
            continue;
        };
        if known.replace(owner) == Some(owner) {
            continue;
        }
        let scale = scale_of(cluster, owner)?;
        if !scales.iter().any(|(id, _)| *id == scale.0) {
            scales.push(scale);
        }
    }
    Some((scales.iter().map(|(_, replicas)| i64::from(*replicas)).sum(), unmanaged))
}

/// One sync of a budget: its status.
pub(super) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.row();
    let budget = row.spec.budget().expect("a PodDisruptionBudget").clone();
    let (generation, before) = (row.generation, row.status.budget().cloned().unwrap_or_default());
    let pods = cx.cluster.pods();
    let selected: Vec<PodRef> = cx.selected.iter().copied().filter(|&pod| pods.exists(pod)).collect();
    if selected.is_empty() {
        cx.event(KubeEvent::NoPods, || "No matching pods found".to_owned());
    }
    let count = i64::try_from(selected.len()).unwrap_or(i64::MAX);
    let scale = match &budget.bound {
        Some(bound) if counts_replicas(bound) => expected_scale(cx.cluster, &selected),
        Some(_) => Some((count, 0)),
        None => Some((0, 0)),
    };
    let Some((expected, unmanaged)) = scale else {
        let text = "Failed to calculate the number of expected pods: found no controllers for a pod";
        cx.event(KubeEvent::CalculateExpectedPodCountFailed, || text.to_owned());
        cx.status(ObjectStatus::PodDisruptionBudget(BudgetState { disruptions_allowed: 0, ..before }));
        return;
    };
    if unmanaged > 0 {
        cx.event(KubeEvent::UnmanagedPods, || {
            "Pods selected by this PodDisruptionBudget were found to be unmanaged. As a result, the status of the PDB cannot \
             be calculated correctly, which may result in undefined behavior. To account for these pods please set \
             \".spec.minAvailable\" field of the PDB to an integer value."
                .to_owned()
        });
    }
    // A pod that was evicted and is not going after a while counts again.
    let is_going = |&(uid, at): &(_, SimTime)| {
        let pod = selected.binary_search_by_key(&uid, |pod| pod.uid).ok().map(|at| selected[at]);
        pod.is_some_and(|pod| !pods.deleting(pod.pod)) && cx.now <= at + STALE_AFTER
    };
    let disrupted: Vec<_> = before.disrupted.iter().copied().filter(is_going).collect();
    let healthy = selected.iter().filter(|pod| {
        pods.conditions(pod.pod).is_true(PodConditionType::Ready)
            && !pods.deleting(pod.pod)
            && !disrupted.iter().any(|(uid, _)| *uid == pod.uid)
    });
    let healthy = i64::try_from(healthy.count()).unwrap_or(i64::MAX);
    let number = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let found = budget.bound.as_ref().map(|bound| allowance(bound, expected, healthy)).transpose();
    let found = found.ok().flatten().unwrap_or_default();
    if let Some((_, at)) = disrupted.iter().min_by_key(|(_, at)| *at) {
        cx.again_after(*at + STALE_AFTER - cx.now + SimDuration(1));
    }
    cx.status(ObjectStatus::PodDisruptionBudget(BudgetState {
        disruptions_allowed: number(found.disruptions_allowed),
        current_healthy: number(healthy),
        desired_healthy: number(found.desired_healthy),
        expected_pods: number(expected),
        observed_generation: generation,
        disrupted,
        charged: before.charged,
    }));
}
