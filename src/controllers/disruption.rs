//! PodDisruptionBudgets: how many pods a budget allows to go, and marks of disruptions that did not happen. Must not know who
//! asks for disruptions. Mirrors pkg/controller/disruption/disruption.go, v1.34.

use crate::base::{SimDuration, SimTime};
use crate::model::{BudgetBound, IntOrPercent};

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
