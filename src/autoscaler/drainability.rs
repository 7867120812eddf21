//! Whether a pod keeps its node from being drained by the Cluster Autoscaler. Pure: a pod comes as plain values.
//!
//! Mirrors cluster-autoscaler/simulator/drainability/rules, 1.34, in the order of `Default` there (spec 9.1).

use crate::base::{SimDuration, SimTime};
use crate::model::DrainHints;

/// A pod that has not ended is given up for gone so long after its grace.
const LONG_TERMINATING: SimDuration = SimDuration::from_secs(30);

/// A pod on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DrainPod {
    /// When its grace is over, if it is being deleted.
    pub deletion: Option<SimTime>,
    /// Who made it.
    pub owner: DrainOwner,
    /// Whether it ended and will not be restarted.
    pub has_ended: bool,
    /// Whether it is in `kube-system`.
    pub is_system: bool,
    /// When it was created.
    pub created: SimTime,
    /// What its manifest says.
    pub hints: DrainHints,
    /// How many disruptions the budgets for it allow, the least; `None` if there is no budget.
    pub allowed: Option<i64>,
}

/// Who made a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DrainOwner {
    /// Nobody who would make it again.
    Nobody,
    /// A DaemonSet.
    DaemonSet,
    /// A controller that makes it again, with so many replicas.
    Controller(i32),
}

/// The flags that count.
#[derive(Clone, Copy, Debug)]
pub struct DrainRules {
    /// `--skip-nodes-with-system-pods`.
    pub skip_system_pods: bool,
    /// `--skip-nodes-with-local-storage`.
    pub skip_local_storage: bool,
    /// `--blocking-system-pod-distruption-timeout`.
    pub system_pod_timeout: SimDuration,
    /// `--min-replica-count`.
    pub min_replica_count: i32,
}

/// What follows for the node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drainability {
    /// The pod counts for nothing.
    Skip,
    /// It goes down with the node.
    Stays,
    /// It can be evicted.
    Evict,
    /// The node cannot be drained.
    Blocked(Blocker),
}

/// Why a node cannot be drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blocker {
    /// Its controller has too few replicas.
    MinReplicas,
    /// Nobody would make it again.
    NotReplicated,
    /// It belongs to the system and has no budget: until this time.
    System(SimTime),
    /// An annotation says so.
    NotSafeToEvict,
    /// Its files would be lost.
    LocalStorage,
    /// A budget allows no disruption.
    Budget,
}

/// What a pod means for its node at `now`.
#[must_use]
pub fn drainability(pod: &DrainPod, rules: &DrainRules, now: SimTime) -> Drainability {
    if pod.deletion.is_some_and(|gone| gone + LONG_TERMINATING < now) {
        return Drainability::Skip;
    }
    if matches!(pod.owner, DrainOwner::Controller(replicas) if replicas < rules.min_replica_count) {
        return Drainability::Blocked(Blocker::MinReplicas);
    }
    if pod.owner == DrainOwner::DaemonSet {
        return Drainability::Stays;
    }
    // Decisive: a budget is not asked any more. The eviction itself will ask it.
    if pod.hints.safe_to_evict == Some(true) || pod.has_ended {
        return Drainability::Evict;
    }
    if pod.owner == DrainOwner::Nobody {
        return Drainability::Blocked(Blocker::NotReplicated);
    }
    let until = pod.created + rules.system_pod_timeout;
    if rules.skip_system_pods && pod.is_system && pod.allowed.is_none() && now < until {
        return Drainability::Blocked(Blocker::System(until));
    }
    if pod.hints.safe_to_evict == Some(false) {
        return Drainability::Blocked(Blocker::NotSafeToEvict);
    }
    if rules.skip_local_storage && pod.hints.local_storage {
        return Drainability::Blocked(Blocker::LocalStorage);
    }
    if pod.allowed.is_some_and(|allowed| allowed < 1) {
        return Drainability::Blocked(Blocker::Budget);
    }
    Drainability::Evict
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: DrainRules = DrainRules {
        skip_system_pods: true,
        skip_local_storage: true,
        system_pod_timeout: SimDuration::from_secs(3600),
        min_replica_count: 0,
    };

    fn at(seconds: i64) -> SimTime {
        SimTime(seconds * 1_000_000_000)
    }

    fn pod() -> DrainPod {
        DrainPod {
            deletion: None,
            owner: DrainOwner::Controller(3),
            has_ended: false,
            is_system: false,
            created: at(1000),
            hints: DrainHints::default(),
            allowed: None,
        }
    }

    #[test]
    fn the_first_decisive_rule_counts() {
        let now = at(2000);
        let of = |pod: DrainPod| drainability(&pod, &RULES, now);
        let blocked = |blocker| Drainability::Blocked(blocker);
        let safe = |safe| DrainHints { safe_to_evict: Some(safe), local_storage: true };
        assert_eq!(of(pod()), Drainability::Evict);
        assert_eq!(of(DrainPod { owner: DrainOwner::Nobody, ..pod() }), blocked(Blocker::NotReplicated));
        assert_eq!(of(DrainPod { owner: DrainOwner::DaemonSet, is_system: true, ..pod() }), Drainability::Stays);
        let local = DrainHints { safe_to_evict: None, local_storage: true };
        assert_eq!(of(DrainPod { hints: local, ..pod() }), blocked(Blocker::LocalStorage));
        assert_eq!(of(DrainPod { hints: safe(false), ..pod() }), blocked(Blocker::NotSafeToEvict));
        let bare = DrainPod { owner: DrainOwner::Nobody, allowed: Some(0), hints: safe(true), ..pod() };
        assert_eq!(of(bare), Drainability::Evict, "the annotation outweighs owner, storage and budget");
        let full = DrainPod { allowed: Some(0), ..pod() };
        assert_eq!(of(full), blocked(Blocker::Budget));
        assert_eq!(of(DrainPod { deletion: Some(at(1969)), ..full }), Drainability::Skip);
        assert_eq!(of(DrainPod { deletion: Some(at(1970)), ..full }), blocked(Blocker::Budget));
    }

    #[test]
    fn a_pod_of_the_system_without_a_budget_blocks_for_an_hour() {
        let system = DrainPod { is_system: true, ..pod() };
        let until = at(4600);
        assert_eq!(drainability(&system, &RULES, at(4599)), Drainability::Blocked(Blocker::System(until)));
        assert_eq!(drainability(&system, &RULES, until), Drainability::Evict);
        let budgeted = DrainPod { allowed: Some(1), ..system };
        assert_eq!(drainability(&budgeted, &RULES, at(2000)), Drainability::Evict);
    }
}
