//! What the eviction subresource of a pod decides. Pure: knows budgets by their numbers.
//!
//! Mirrors pkg/registry/core/pod/storage/eviction.go, v1.34.

use crate::base::broken;
use crate::model::Phase;
use crate::model::objects::BudgetState;

/// A budget whose selector matches the pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guard<'a> {
    /// Its status.
    pub state: &'a BudgetState,
    /// `metadata.generation`.
    pub generation: u32,
    /// `spec.unhealthyPodEvictionPolicy: AlwaysAllow`; otherwise `IfHealthyBudget`.
    pub always_allow_unhealthy: bool,
}

/// What comes of an eviction that is not refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Granted {
    /// The pod is deleted; no budget is asked.
    Delete,
    /// The pod is deleted, and the budget allows one less.
    DeleteAndCharge,
}

/// Why an eviction is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// 500: several budgets match.
    #[error("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")]
    SeveralBudgets,
    /// 429: the budget's status is older than its spec.
    #[error("Cannot evict pod as it would violate the pod's disruption budget.")]
    BudgetNotProcessed,
    /// 429: the budget allows nothing.
    #[error("Cannot evict pod as it would violate the pod's disruption budget.")]
    BudgetUsedUp,
    /// 403: more pods are going than a budget can note.
    #[error("DisruptedPods map too big - too many evictions not confirmed by PDB controller")]
    TooManyDisrupted,
}

/// So many pods a budget can note as going.
const MOST_DISRUPTED: usize = 2000;

impl Refused {
    /// The HTTP status.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::SeveralBudgets => 500,
            Self::BudgetNotProcessed | Self::BudgetUsedUp => 429,
            Self::TooManyDisrupted => 403,
        }
    }

    /// What the answer says about the budget of that name.
    #[must_use]
    pub fn detail(self, budget: &str, state: &BudgetState) -> Option<String> {
        let BudgetState { desired_healthy, current_healthy, .. } = state;
        match self {
            Self::BudgetUsedUp => Some(format!(
                "The disruption budget {budget} needs {desired_healthy} healthy pods and has {current_healthy} currently"
            )),
            Self::BudgetNotProcessed => {
                Some(format!("The disruption budget {budget} is still being processed by the server."))
            }
            _ => None,
        }
    }
}

/// Decides about the eviction of a pod.
///
/// # Errors
/// See [`Refused`].
pub fn evict(phase: Phase, deleting: bool, ready: bool, budgets: &[Guard<'_>]) -> Result<Granted, Refused> {
    if deleting || matches!(phase, Phase::Succeeded | Phase::Failed | Phase::Pending) {
        return Ok(Granted::Delete);
    }
    let budget = match budgets {
        [] => return Ok(Granted::Delete),
        [one] => one,
        _ => return Err(Refused::SeveralBudgets),
    };
    let state = budget.state;
    if !ready {
        let is_healthy = state.current_healthy >= state.desired_healthy && state.desired_healthy > 0;
        if budget.always_allow_unhealthy || is_healthy {
            return Ok(Granted::Delete);
        }
    }
    if state.observed_generation < budget.generation {
        return Err(Refused::BudgetNotProcessed);
    }
    if state.disrupted.len() > MOST_DISRUPTED {
        return Err(Refused::TooManyDisrupted);
    }
    if broken!("eviction", state.disruptions_allowed <= 0, false) {
        return Err(Refused::BudgetUsedUp);
    }
    Ok(Granted::DeleteAndCharge)
}
