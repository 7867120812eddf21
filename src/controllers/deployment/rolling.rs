//! How many pods the ReplicaSets of a Deployment get while it rolls out. Pure; knows no API. Mirrors
//! pkg/controller/deployment/rolling.go and util/deployment_util.go (`ResolveFenceposts`, `NewRSNewReplicas`,
//! `MaxUnavailable`) (v1.34.1).
//!
//! Lists of ReplicaSets are in the order of their creation, oldest first.

use crate::base::broken;
use crate::model::IntOrPercent;
use crate::model::objects::{self, DeploymentSpec, DeploymentStrategy};

/// What the arithmetic looks at in a ReplicaSet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplicaSetSize {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `status.replicas`.
    pub actual: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// `status.availableReplicas`.
    pub available: i32,
    /// The annotation `deployment.kubernetes.io/desired-replicas`.
    pub desired: Option<i32>,
    /// The annotation `deployment.kubernetes.io/max-replicas`.
    pub max: Option<i32>,
}

impl ReplicaSetSize {
    /// Notes of how many replicas this is a part.
    pub fn note(&mut self, goal: &Goal) {
        self.desired = Some(goal.replicas);
        self.max = Some(goal.max_replicas());
    }

    /// That of a ReplicaSet.
    #[must_use]
    pub fn of(spec: &objects::ReplicaSetSpec, status: Option<&objects::ReplicaSetStatus>) -> Self {
        let status = status.copied().unwrap_or_default();
        Self {
            replicas: spec.replicas,
            actual: status.replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
            desired: spec.desired_replicas,
            max: spec.max_replicas,
        }
    }
}

/// How far a rolling update may leave the number of replicas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fenceposts {
    /// How many pods more there may be.
    pub surge: i32,
    /// How many pods less may be available; not limited by the number of replicas.
    pub unavailable: i32,
}

/// `maxSurge`, rounded up, and `maxUnavailable`, rounded down; if both are 0, nothing could move, so 1 may be unavailable.
///
/// # Errors
/// Upstream's text for a text that is no percentage.
pub fn resolve_fenceposts(
    max_surge: &IntOrPercent,
    max_unavailable: &IntOrPercent,
    replicas: i32,
) -> Result<Fenceposts, String> {
    let scaled = |value: &IntOrPercent, round_up| {
        let number = value.scaled(i64::from(replicas), round_up)?;
        // The product of a percentage and 32 bits is cut to them, as upstream does.
        Ok::<_, String>(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
    };
    let surge = scaled(max_surge, true)?;
    let unavailable = scaled(max_unavailable, false)?;
    Ok(Fenceposts { surge, unavailable: if surge == 0 && unavailable == 0 { 1 } else { unavailable } })
}

/// What a Deployment wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Goal {
    /// `spec.replicas`.
    pub replicas: i32,
    /// How far it may be left; `None`: the strategy is Recreate.
    pub fenceposts: Option<Fenceposts>,
}

impl Goal {
    /// The goal of a Deployment whose limits were checked.
    #[must_use]
    pub fn of(spec: &DeploymentSpec) -> Self {
        let fenceposts = match &spec.strategy {
            // Validation lets no other texts in; what could not be read moved nothing.
            DeploymentStrategy::RollingUpdate { max_surge, max_unavailable } => {
                let found = resolve_fenceposts(max_surge, max_unavailable, spec.replicas);
                Some(found.unwrap_or(Fenceposts { surge: 0, unavailable: 0 }))
            }
            DeploymentStrategy::Recreate => None,
        };
        Self { replicas: spec.replicas, fenceposts }
    }

    /// How many pods more than wanted there may be.
    #[must_use]
    pub fn max_surge(&self) -> i32 {
        self.fenceposts.map_or(0, |posts| posts.surge)
    }

    /// The most pods that there may be: also what the annotation `max-replicas` says.
    #[must_use]
    pub fn max_replicas(&self) -> i32 {
        self.replicas.saturating_add(self.max_surge())
    }

    /// How many of the wanted pods may be unavailable.
    #[must_use]
    pub fn max_unavailable(&self) -> i32 {
        if self.replicas == 0 { 0 } else { self.fenceposts.map_or(0, |posts| posts.unavailable.min(self.replicas)) }
    }

    /// How many pods must be available.
    #[must_use]
    pub fn min_available(&self) -> i32 {
        if self.fenceposts.is_none() { 0 } else { self.replicas - self.max_unavailable() }
    }
}

/// The sum of `spec.replicas`.
pub fn total<'a>(sets: impl IntoIterator<Item = &'a ReplicaSetSize>) -> i32 {
    sets.into_iter().map(|set| set.replicas).sum()
}

/// The sum of `status.availableReplicas`.
pub fn total_available<'a>(sets: impl IntoIterator<Item = &'a ReplicaSetSize>) -> i32 {
    sets.into_iter().map(|set| set.available).sum()
}

/// How large the new ReplicaSet may be, if it has `new` replicas and all together have `all`.
#[must_use]
pub fn new_size(goal: &Goal, new: i32, all: i32) -> i32 {
    if goal.fenceposts.is_none() {
        return goal.replicas;
    }
    let most = goal.max_replicas();
    if all >= most { new } else { new + (most - all).min(goal.replicas - new) }
}

/// What size the new ReplicaSet gets now; `None`: that which it has.
#[must_use]
pub fn reconcile_new(goal: &Goal, new: i32, all: i32) -> Option<i32> {
    let size = if new > goal.replicas { goal.replicas } else { new_size(goal, new, all) };
    (size != new).then_some(size)
}

/// A ReplicaSet has more available pods than it should have pods: its status is older than its spec. Upstream gives up
/// this sync with an error and tries again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stale;

/// Takes up to `most` replicas from old ReplicaSets whose pods are not available. How many those were.
///
/// # Errors
/// [`Stale`]; what was taken before it is taken.
pub fn clean_up_unhealthy(old: &mut [ReplicaSetSize], most: i32) -> Result<i32, Stale> {
    let mut taken = 0;
    for set in old.iter_mut().filter(|set| set.replicas != 0 && set.replicas != set.available) {
        if taken >= most {
            break;
        }
        let cut = (most - taken).min(set.replicas - set.available);
        if cut < 0 {
            return Err(Stale);
        }
        set.replicas -= cut;
        taken += cut;
    }
    Ok(taken)
}

/// How many pods must stay available while old ones go.
fn least_available(goal: &Goal) -> i32 {
    broken!("rolling update", goal.replicas - goal.max_unavailable(), 0)
}

/// Takes replicas from old ReplicaSets as long as enough pods stay available. How many those were. `available`: of all.
#[must_use]
pub fn scale_down_old(goal: &Goal, old: &mut [ReplicaSetSize], available: i32) -> i32 {
    let least = least_available(goal);
    let mut taken = 0;
    for set in old.iter_mut().filter(|set| set.replicas != 0) {
        let cut = set.replicas.min(available - least - taken);
        if cut <= 0 {
            break;
        }
        set.replicas -= cut;
        taken += cut;
    }
    taken
}

/// Scales old ReplicaSets down as far as the rolling update allows now. How many replicas were taken.
///
/// # Errors
/// [`Stale`]; what was taken before it is taken.
pub fn reconcile_old(goal: &Goal, old: &mut [ReplicaSetSize], new: &ReplicaSetSize) -> Result<i32, Stale> {
    let before = total(&*old);
    if before == 0 {
        return Ok(0);
    }
    let least = least_available(goal);
    // New pods that are not available yet hold back old ones.
    let new_unavailable = new.replicas - new.available;
    let most = before + new.replicas - least - new_unavailable;
    if most <= 0 {
        return Ok(0);
    }
    let available = total_available(&*old) + new.available;
    let cleaned = clean_up_unhealthy(old, most)?;
    Ok(cleaned + scale_down_old(goal, old, available))
}

#[cfg(test)]
#[path = "rolling_tests.rs"]
mod tests;
