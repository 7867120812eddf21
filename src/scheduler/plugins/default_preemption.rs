//! DefaultPreemption: who may evict, whose eviction a budget forbids, how many nodes are tried, and which of them is taken.
//! Owns the arithmetic; knows neither filters nor the cluster. Mirrors plugins/defaultpreemption/default_preemption.go and the
//! choice of pkg/scheduler/framework/preemption/preemption.go (v1.34.1).

use std::cmp::{Ordering, Reverse};

use crate::base::SimTime;
use crate::model::profile::DefaultPreemptionArgs;
use crate::model::{NodeId, PodId, PreemptionPolicy};

/// A pod that may have to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Victim {
    /// The pod.
    pub pod: PodId,
    /// `spec.priority`.
    pub priority: i32,
    /// `status.startTime`; now, if it has none yet.
    pub started: SimTime,
}

/// A node that would take the pod if these were evicted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Who would have to go, most important first. At least one.
    pub victims: Vec<Victim>,
    /// How many of them a budget forbids to evict.
    pub violations: u32,
}

/// Why a pod is not let evict others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ineligible {
    /// `preemptionPolicy: Never`.
    Never,
    /// Victims of an earlier eviction are still going on the node it waits for.
    TerminatingVictims,
}

/// Whether a pod may evict others. `nominated` tells of the node it is nominated for, if there is one: whether no eviction
/// makes it fit, and whether a pod of lower priority there is being evicted by the scheduler already.
///
/// # Errors
/// Why it may not.
pub const fn eligible(policy: PreemptionPolicy, nominated: Option<(bool, bool)>) -> Result<(), Ineligible> {
    match (policy, nominated) {
        (PreemptionPolicy::Never, _) => Err(Ineligible::Never),
        (_, Some((false, true))) => Err(Ineligible::TerminatingVictims),
        _ => Ok(()),
    }
}

/// How many candidates are enough, of `potential` nodes.
#[must_use]
pub const fn candidates_wanted(args: &DefaultPreemptionArgs, potential: u32) -> u32 {
    let share = potential as u64 * args.min_candidate_nodes_percentage as u64 / 100;
    let absolute = args.min_candidate_nodes_absolute as u64;
    let wanted = if share < absolute { absolute } else { share };
    if wanted < potential as u64 { wanted as u32 } else { potential }
}

/// Who is more important stands first: higher priority, then earlier start.
#[must_use]
pub fn by_importance(a: &Victim, b: &Victim) -> Ordering {
    (Reverse(a.priority), a.started).cmp(&(Reverse(b.priority), b.started))
}

/// Whether evicting each of `victims`, which are sorted by importance, would violate a budget. `allowed` are the budgets'
/// `disruptionsAllowed`; `budgets_of` gives the budgets that count for a pod by their places there.
#[must_use]
pub fn violations(
    victims: &[Victim],
    mut allowed: Vec<i64>,
    mut budgets_of: impl FnMut(PodId, &mut Vec<usize>),
) -> Vec<bool> {
    let mut budgets = Vec::new();
    let mut violates = |victim: &Victim| {
        budgets.clear();
        budgets_of(victim.pod, &mut budgets);
        let mut violated = false;
        for &budget in &budgets {
            allowed[budget] -= 1;
            violated |= allowed[budget] < 0;
        }
        violated
    };
    victims.iter().map(&mut violates).collect()
}

/// How bad a candidate is: the least is taken.
pub(crate) type Badness = (u32, i32, i64, usize, Reverse<SimTime>);

/// How bad it is that these have to go, most important first, against so many budgets.
pub(crate) fn badness(violations: u32, victims: &[Victim]) -> Badness {
    let highest = victims.first().map_or(i32::MIN, |victim| victim.priority);
    // Upstream makes priorities positive, so that few pods of negative priority are not worse than many.
    let sum = victims.iter().map(|victim| i64::from(victim.priority) + (1 << 31)).sum();
    let first = victims.iter().filter(|victim| victim.priority == highest).map(|victim| victim.started).min();
    (violations, highest, sum, victims.len(), Reverse(first.unwrap_or_default()))
}

/// The candidates that no criterion tells apart, in their order: fewest violations of budgets, lowest highest priority, lowest
/// sum of priorities, fewest victims, and the latest start of the earliest pod of the highest priority. Upstream takes any of
/// them.
#[must_use]
pub fn best_candidates(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let bad = |candidate: &Candidate| badness(candidate.violations, &candidate.victims);
    let least = candidates.iter().map(bad).min();
    candidates.into_iter().filter(|candidate| Some(bad(candidate)) == least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim(pod: u32, priority: i32, started: i64) -> Victim {
        Victim { pod: PodId::from_raw(pod), priority, started: SimTime(started) }
    }

    fn candidate(node: u32, violations: u32, victims: &[(i32, i64)]) -> Candidate {
        let victims = victims.iter().map(|&(priority, started)| victim(0, priority, started)).collect();
        Candidate { node: NodeId::from_raw(node), victims, violations }
    }

    fn best(candidates: &[Candidate]) -> Vec<u32> {
        best_candidates(candidates.to_vec()).iter().map(|candidate| candidate.node.raw()).collect()
    }

    #[test]
    fn each_criterion_decides_before_the_next() {
        let low = candidate(0, 0, &[(5, 1)]);
        assert_eq!(best(&[candidate(1, 1, &[(1, 1)]), low.clone()]), [0]);
        assert_eq!(best(&[low.clone(), candidate(1, 0, &[(4, 1), (4, 1), (4, 1)])]), [1]);
        assert_eq!(best(&[candidate(1, 0, &[(5, 1), (1, 1)]), candidate(2, 0, &[(5, 1), (0, 1)])]), [2]);
        // Two of priority minus 2^31 add nothing to the sum: their number decides.
        assert_eq!(best(&[candidate(1, 0, &[(5, 9), (i32::MIN, 9)]), low.clone()]), [0]);
        assert_eq!(best(&[candidate(1, 0, &[(5, 3), (5, 8)]), candidate(2, 0, &[(5, 4), (5, 4)])]), [2]);
        assert_eq!(best(&[low.clone(), candidate(1, 0, &[(5, 1)])]), [0, 1]);
        assert!(best(&[]).is_empty());
    }

    #[test]
    fn budgets_are_used_up_by_the_most_important() {
        let mut victims = [victim(1, 1, 5), victim(2, 9, 5), victim(3, 9, 4)];
        victims.sort_by(by_importance);
        assert_eq!(victims.map(|victim| victim.pod.raw()), [3, 2, 1]);
        let first_only = |pod: PodId, budgets: &mut Vec<usize>| budgets.extend((pod.raw() != 2).then_some(0));
        assert_eq!(violations(&victims, vec![1], first_only), [false, false, true]);
        let both = |_: PodId, budgets: &mut Vec<usize>| budgets.extend([0, 1]);
        assert_eq!(violations(&victims, vec![9, 0], both), [true; 3]);
    }

    #[test]
    fn a_share_of_the_nodes_is_tried_but_not_few() {
        let args = DefaultPreemptionArgs::default();
        assert_eq!([50, 100, 500, 5000].map(|nodes| candidates_wanted(&args, nodes)), [50, 100, 100, 500]);
        let none = DefaultPreemptionArgs { min_candidate_nodes_percentage: 0, min_candidate_nodes_absolute: 1 };
        assert_eq!(candidates_wanted(&none, 500), 1);
    }

    #[test]
    fn a_pod_waits_for_its_victims_unless_that_is_in_vain() {
        let may = PreemptionPolicy::PreemptLowerPriority;
        assert_eq!(eligible(PreemptionPolicy::Never, None), Err(Ineligible::Never));
        assert_eq!(eligible(may, None), Ok(()));
        assert_eq!(eligible(may, Some((false, true))), Err(Ineligible::TerminatingVictims));
        assert_eq!((eligible(may, Some((true, true))), eligible(may, Some((false, false)))), (Ok(()), Ok(())));
    }
}
