//! Since when nodes are unneeded, which are not looked at for a while, and when nothing may be deleted. Pure: `(state, input, now)`.
//!
//! Mirrors cluster-autoscaler/core/scaledown/{unneeded,unremovable} and the cooldown of core/static_autoscaler.go, 1.34 (spec 9.1).

use std::collections::BTreeMap;

use crate::base::{SimDuration, SimTime};
use crate::model::NodeId;

/// When to look again although nothing changes: the earliest time that somebody named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline(pub SimTime);

impl Deadline {
    /// Nobody named one.
    pub const NEVER: Self = Self(SimTime::NEVER);

    /// Something may be different at `at`.
    pub fn at(&mut self, at: SimTime) {
        self.0 = self.0.min(at);
    }

    /// Something may be different as soon as `at` is over.
    pub fn after(&mut self, at: SimTime) {
        self.at(at + SimDuration(1));
    }
}

/// Nodes that nobody needs, since when, and whether they are empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unneeded(BTreeMap<NodeId, Since>);

/// Since when a node is unneeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// Since when, without a break.
    pub since: SimTime,
    /// Whether no pod had to go elsewhere.
    pub is_empty: bool,
}

impl Unneeded {
    /// These are unneeded at `now`, and no others. Who was so before has been so since then.
    pub fn update(&mut self, nodes: &[(NodeId, bool)], now: SimTime) {
        let before = std::mem::take(&mut self.0);
        let since = |node| before.get(node).map_or(now, |known: &Since| known.since);
        self.0 =
            nodes.iter().map(|(node, is_empty)| (*node, Since { since: since(node), is_empty: *is_empty })).collect();
    }

    /// Nobody is.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a node is.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.0.contains_key(&node)
    }

    /// Nodes with their times.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, Since)> + '_ {
        self.0.iter().map(|(&node, &since)| (node, since))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the time of a node that needs `time` is over at `now`; if not, says when it will be.
    #[must_use]
    pub fn is_over(&self, node: NodeId, time: SimDuration, now: SimTime, next: &mut Deadline) -> bool {
        let Some(since) = self.0.get(&node) else { return false };
        let until = since.since + time;
        if until < now {
            return true;
        }
        next.after(until);
        false
    }
}

/// When something happened last that keeps nodes from being deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latest {
    /// A group was made larger.
    pub scale_up: Option<SimTime>,
    /// A node's deletion began.
    pub delete: Option<SimTime>,
    /// A node's deletion failed.
    pub failure: Option<SimTime>,
}

/// Whether no node may be deleted at `now`; then says when that is over.
#[must_use]
pub fn in_cooldown(
    latest: &Latest,
    (add, delete, failure): (SimDuration, SimDuration, SimDuration),
    now: SimTime,
    next: &mut Deadline,
) -> bool {
    let waits = [(latest.scale_up, add), (latest.delete, delete), (latest.failure, failure)];
    let until = waits.iter().filter_map(|(at, delay)| at.map(|at| at + *delay)).max();
    match until.filter(|&until| until > now) {
        Some(until) => {
            next.at(until);
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> SimTime {
        SimTime(seconds * 1_000_000_000)
    }

    #[test]
    fn a_break_starts_the_time_anew() {
        let (a, b) = (NodeId::from_raw(0), NodeId::from_raw(1));
        let ten_minutes = SimDuration::from_secs(600);
        let mut unneeded = Unneeded::default();
        unneeded.update(&[(a, true), (b, false)], at(10));
        unneeded.update(&[(a, false)], at(20));
        unneeded.update(&[(a, false), (b, false)], at(30));
        let since: Vec<_> = unneeded.iter().map(|(node, since)| (node, since.since, since.is_empty)).collect();
        assert_eq!(since, [(a, at(10), false), (b, at(30), false)]);
        let mut next = Deadline::NEVER;
        assert!(!unneeded.is_over(a, ten_minutes, at(610), &mut next), "more than ten minutes");
        assert_eq!(next.0, at(610) + SimDuration(1));
        assert!(unneeded.is_over(a, ten_minutes, at(620), &mut next));
    }

    #[test]
    fn the_latest_of_the_cooldowns_counts() {
        let delays = (SimDuration::from_secs(600), SimDuration::ZERO, SimDuration::from_secs(180));
        let latest = Latest { scale_up: Some(at(100)), delete: Some(at(500)), failure: Some(at(600)) };
        let mut next = Deadline::NEVER;
        assert!(in_cooldown(&latest, delays, at(699), &mut next));
        assert_eq!(next.0, at(780));
        assert!(in_cooldown(&latest, delays, at(779), &mut next));
        assert!(!in_cooldown(&latest, delays, at(780), &mut next));
        assert!(!in_cooldown(&Latest::default(), delays, at(0), &mut next));
    }
}
