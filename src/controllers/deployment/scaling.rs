//! How a Deployment's ReplicaSets share a change of its size, and which old ones are forgotten. Pure; knows no API.
//! Mirrors pkg/controller/deployment/sync.go (`scale`, `isScalingEvent`, `cleanupDeployment`) and
//! util/deployment_util.go (`getReplicaSetFraction`, `GetReplicaSetProportion`, `IsSaturated`, `FindActiveOrLatest`)
//! (v1.34.1).
//!
//! Lists of ReplicaSets are in the order of their creation, oldest first.

use super::rolling::{Goal, ReplicaSetSize, total};

/// Whether the size of the Deployment changed since its ReplicaSets were last scaled.
pub fn is_scaling_event<'a>(goal: &Goal, sets: impl IntoIterator<Item = &'a ReplicaSetSize>) -> bool {
    let changed = |set: &ReplicaSetSize| set.desired.is_some_and(|desired| desired != goal.replicas);
    sets.into_iter().any(|set| set.replicas > 0 && changed(set))
}

/// How many replicas more a ReplicaSet gets if all grow or shrink alike. `status_replicas`: those that the Deployment
/// last counted, for a ReplicaSet that does not say of how many it was a part.
#[must_use]
pub fn fraction(goal: &Goal, set: &ReplicaSetSize, status_replicas: i32) -> i32 {
    if goal.replicas == 0 {
        return -set.replicas;
    }
    let before = i64::from(set.max.filter(|&max| max != 0).unwrap_or(status_replicas));
    if before == 0 {
        return 0;
    }
    let product = i64::from(set.replicas) * i64::from(goal.max_replicas());
    // Rounded to the nearest, halves away from zero.
    let size = (2 * product.abs() + before.abs()) / (2 * before.abs()) * product.signum() * before.signum();
    i32::try_from(size).unwrap_or(i32::MAX) - set.replicas
}

/// Whether the new ReplicaSet has all replicas, all of them available.
fn is_saturated(goal: &Goal, new: &ReplicaSetSize) -> bool {
    new.desired == Some(goal.replicas) && new.replicas == goal.replicas && new.available == goal.replicas
}

/// Gives ReplicaSets the sizes that follow from a new size of their Deployment, or of its surge. `new`: which of them has
/// the present template. Those that were scaled note of how many replicas they are a part now.
pub fn scale(goal: &Goal, sets: &mut [ReplicaSetSize], new: Option<usize>, status_replicas: i32) {
    let mut active = (0..sets.len()).filter(|&at| sets[at].replicas > 0);
    let sole = match (active.next(), active.next()) {
        (None, _) => new.or_else(|| sets.len().checked_sub(1)),
        (Some(sole), None) => Some(sole),
        _ => None,
    };
    let set_to = |set: &mut ReplicaSetSize, replicas: i32| {
        if set.replicas != replicas {
            set.replicas = replicas;
            set.note(goal);
        }
    };
    if let Some(sole) = sole {
        set_to(&mut sets[sole], goal.replicas);
    } else if let Some(new) = new.filter(|&new| is_saturated(goal, &sets[new])) {
        sets.iter_mut().enumerate().filter(|(at, _)| *at != new).for_each(|(_, set)| set_to(set, 0));
    } else if goal.fenceposts.is_some() && !sets.is_empty() {
        proportionally(goal, sets, status_replicas);
    }
}

fn proportionally(goal: &Goal, sets: &mut [ReplicaSetSize], status_replicas: i32) {
    let allowed = if goal.replicas > 0 { goal.max_replicas() } else { 0 };
    let change = allowed - total(&*sets);
    // Larger ones first; of equal ones the newer if they grow, the older if they shrink.
    let mut order: Vec<usize> = (0..sets.len()).filter(|&at| sets[at].replicas > 0).collect();
    if change > 0 {
        order.reverse();
    }
    order.sort_by_key(|&at| std::cmp::Reverse(sets[at].replicas));
    let mut done = 0;
    for &at in &order {
        // As it was: what it notes is about the size before.
        let part = fraction(goal, &sets[at], status_replicas);
        let left = change - done;
        let part = if change == 0 || left == 0 {
            0
        } else if change > 0 {
            part.min(left)
        } else {
            part.max(left)
        };
        sets[at].replicas += part;
        done += part;
    }
    if let Some(&first) = order.first() {
        sets[first].replicas = (sets[first].replicas + change - done).max(0);
    }
    order.iter().for_each(|&at| sets[at].note(goal));
}

/// What the choice of forgotten ReplicaSets looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Past {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `status.replicas`.
    pub actual: i32,
    /// Its controller has seen its newest spec.
    pub observed: bool,
    /// It is being deleted.
    pub deleting: bool,
}

/// How many old ReplicaSets are kept at least (`None`: all are).
#[must_use]
pub fn remembered(limit: Option<i32>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(0))
}

/// Which of the old ReplicaSets, in the order of their revisions, are deleted to keep `limit` (`None`: all are kept). One
/// of those beyond the limit that still has pods is left alone, and none takes its place.
#[must_use]
pub fn forgotten(old: &[Past], limit: Option<i32>) -> Vec<usize> {
    let alive: Vec<usize> = (0..old.len()).filter(|&at| !old[at].deleting).collect();
    let beyond = alive.len().saturating_sub(remembered(limit));
    let empty = |at: &usize| old[*at].replicas == 0 && old[*at].actual == 0 && old[*at].observed;
    alive.into_iter().take(beyond).filter(empty).collect()
}

#[cfg(test)]
#[path = "scaling_tests.rs"]
mod tests;
