//! PodDisruptionBudgets: how many of some pods may be missing at once. Mirrors the status of
//! pkg/controller/disruption/disruption.go and how pkg/scheduler reads it (v1.34.1). Knows no pods.

use super::ids::StrId;
use super::int_or_percent::IntOrPercent;
use super::selector::CompiledSelector;
use super::strings::{LabelSet, Strings};

/// A PodDisruptionBudget.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisruptionBudget {
    /// Namespace.
    pub namespace: StrId,
    /// Name.
    pub name: StrId,
    /// `spec.selector`.
    pub selector: CompiledSelector,
    /// How many pods must stay or may go.
    pub bound: Option<BudgetBound>,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`; otherwise `IfHealthyBudget`.
    pub always_allow_unhealthy: bool,
    /// The status that it came with, if it had one: what decides about a dumped cluster. A run computes its own.
    pub status: Option<BudgetStatus>,
}

/// How many pods must stay or may go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BudgetBound {
    /// `minAvailable`.
    MinAvailable(IntOrPercent),
    /// `maxUnavailable`.
    MaxUnavailable(IntOrPercent),
}

/// `status` of a budget, as far as it is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BudgetStatus {
    /// `disruptionsAllowed`.
    pub disruptions_allowed: i64,
    /// The names of `disruptedPods`: they are going already.
    pub disrupted_pods: Box<[Box<str>]>,
}

impl DisruptionBudget {
    /// Whether preemption looks at this budget when it considers a pod in `namespace` with these labels. An empty selector
    /// matches nothing here, and pods without labels are never matched.
    #[must_use]
    pub fn protects(&self, namespace: StrId, labels: &LabelSet, strings: &Strings) -> bool {
        self.namespace == namespace && !self.selector.is_everything() && self.selects(labels, strings)
    }

    /// Whether the selector matches these labels, of which there is at least one.
    #[must_use]
    pub fn selects(&self, labels: &LabelSet, strings: &Strings) -> bool {
        !labels.pairs().is_empty() && self.selector.matches(labels, strings)
    }

    /// Whether a pod of this name is going already.
    #[must_use]
    pub fn has_disrupted(&self, pod: &str) -> bool {
        self.status.as_ref().is_some_and(|status| status.disrupted_pods.iter().any(|name| **name == *pod))
    }

    /// `disruptionsAllowed` when `matching` pods match of which `healthy` are ready and not going. Percentages and
    /// `maxUnavailable` are of the replicas of the pods' controllers: without controllers nothing may be disrupted.
    #[must_use]
    pub fn disruptions_allowed(&self, matching: i64, healthy: i64) -> i64 {
        match (&self.status, &self.bound) {
            (Some(status), _) => status.disruptions_allowed,
            (None, Some(BudgetBound::MinAvailable(IntOrPercent::Int(desired)))) if matching > 0 => {
                (healthy - i64::from(*desired)).max(0)
            }
            _ => 0,
        }
    }
}
