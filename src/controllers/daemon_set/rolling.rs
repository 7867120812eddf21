//! Rolling updates of DaemonSets: which old pods go, and which nodes get a new one beside the old. Pure; knows no API.
//! Mirrors pkg/controller/daemon/update.go (`rollingUpdate`, `updatedDesiredNodeCounts`) and util/daemonset_util.go
//! (`UnavailableCount`, `SurgeCount`) (v1.34.1).
//!
//! Upstream goes through nodes in random order; here the order is the caller's.

use super::placement::{Changes, DaemonNode, DaemonPod};
use crate::model::IntOrPercent;

/// How far a rolling update may leave one available pod a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many nodes may have a second pod.
    pub surge: usize,
    /// How many pods may be unavailable; counts without a surge only.
    pub unavailable: usize,
}

/// `maxSurge` and `maxUnavailable` of so many desired nodes, both rounded up; if both are 0, 1 may be unavailable.
///
/// # Errors
/// Upstream's text for a text that is no percentage.
pub fn limits(max_surge: &IntOrPercent, max_unavailable: &IntOrPercent, desired: usize) -> Result<Limits, String> {
    let scaled = |value: &IntOrPercent| {
        let number = value.scaled(i64::try_from(desired).unwrap_or(i64::MAX), true)?;
        Ok::<_, String>(usize::try_from(number).unwrap_or(0))
    };
    let (surge, unavailable) = (scaled(max_surge)?, scaled(max_unavailable)?);
    let stuck = desired > 0 && surge == 0 && unavailable == 0;
    Ok(Limits { surge, unavailable: if stuck { 1 } else { unavailable } })
}

/// Whether nodes may have two pods for a while.
#[must_use]
pub fn allows_surge(max_surge: &IntOrPercent) -> bool {
    max_surge.scaled(1, true).is_ok_and(|surge| surge > 0)
}

/// The new and the old pod of a node; `Err`: there are several of either, which [`super::placement::manage`] clears up.
type Pair<'a, K> = Result<(Option<&'a DaemonPod<K>>, Option<&'a DaemonPod<K>>), Excess>;

struct Excess;

fn pair<'a, K>(node: &DaemonNode<'a, K>) -> Pair<'a, K> {
    let (mut new, mut old) = (None, None);
    for pod in node.pods.iter().filter(|pod| !pod.terminating) {
        let place = if pod.updated { &mut new } else { &mut old };
        if place.replace(pod).is_some() {
            return Err(Excess);
        }
    }
    Ok((new, old))
}

/// One step of a rolling update: what is to be deleted, and where a second pod is made.
pub fn rolling_update<'a, K: Copy + 'a>(
    nodes: impl IntoIterator<Item = DaemonNode<'a, K>>,
    limits: Limits,
) -> Changes<K> {
    if limits.surge == 0 { replace(nodes, limits.unavailable) } else { surge(nodes, limits.surge) }
}

/// Old pods go as long as not too many are missing; new ones are made where none is left.
fn replace<'a, K: Copy + 'a>(nodes: impl IntoIterator<Item = DaemonNode<'a, K>>, most: usize) -> Changes<K> {
    let mut unavailable = 0;
    let mut changes = Changes::default();
    let mut candidates = Vec::new();
    for node in nodes {
        match pair(&node) {
            Ok((None, Some(old))) if !old.available => {
                // It serves nobody, so it may go whatever the limit.
                changes.delete.push(old.key);
                unavailable += 1;
            }
            Ok((None, Some(old))) => candidates.push(old.key),
            Ok((Some(new), None)) => unavailable += usize::from(!new.available),
            // There is none, or too many, which is about to change.
            Ok(_) | Err(Excess) => unavailable += 1,
        }
    }
    let left = most.saturating_sub(unavailable);
    changes.delete.extend(candidates.into_iter().take(left));
    changes
}

/// New pods are made beside old ones, which go when the new ones are available.
fn surge<'a, K: Copy + 'a>(nodes: impl IntoIterator<Item = DaemonNode<'a, K>>, most: usize) -> Changes<K> {
    let mut changes = Changes::default();
    let (mut candidates, mut unwanted) = (Vec::new(), Vec::new());
    let (mut surging, mut available, mut desired) = (0, 0_usize, 0);
    for node in nodes {
        desired += usize::from(node.placement.should_run);
        let Ok((new, old)) = pair(&node) else {
            surging += 1;
            continue;
        };
        available += usize::from(old.or(new).is_some_and(|pod| pod.available));
        match (new, old) {
            (_, None) => {}
            (None, Some(old)) => match (old.available, node.placement.should_run) {
                (false, false) => changes.delete.push(old.key),
                (false, true) => changes.create.push(node.node),
                (true, false) => unwanted.push(old.key),
                (true, true) => candidates.push(node.node),
            },
            (Some(new), Some(_)) if !new.available => surging += 1,
            (Some(_), Some(old)) => changes.delete.push(old.key),
        }
    }
    // A node that is no longer wanted keeps its pod until enough others have theirs.
    changes.delete.extend(unwanted.into_iter().take(available.saturating_sub(desired)));
    changes.create.extend(candidates.into_iter().take(most.saturating_sub(surging)));
    changes
}

#[cfg(test)]
#[path = "rolling_tests.rs"]
mod tests;
