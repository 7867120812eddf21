//! Which pods a ReplicaSet deletes first. Pure; knows no API. Mirrors pkg/controller/controller_utils.go
//! (`ActivePodsWithRanks`) and pkg/controller/replicaset/replica_set.go (`getPodsToDelete`) (v1.34.1).

use crate::base::SimTime;
use crate::model::status::Phase;

/// So many are looked through rather than sorted.
const FEW: usize = 32;

/// Runs of this length are sorted by insertion, as upstream's sort does with lists of that length.
const RUN: usize = 12;

/// What the choice looks at in a pod. `U`: its uid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<U> {
    /// Whether it is bound to a node.
    pub scheduled: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// The `Ready` condition.
    pub ready: bool,
    /// When that last changed; `None` if the API does not say.
    pub ready_since: Option<SimTime>,
    /// See [`deletion_cost`](crate::model::deletion_cost).
    pub deletion_cost: i32,
    /// How many active pods of the owner's ReplicaSets are on its node.
    pub colocated: u32,
    /// The most restarts that one of its main containers had.
    pub restarts: u32,
    /// The most restarts that one of its sidecars had.
    pub sidecar_restarts: u32,
    /// `metadata.creationTimestamp`; `None` if it has none.
    pub created: Option<SimTime>,
    /// `metadata.uid`, which decides between ages of one magnitude.
    pub uid: U,
}

const fn phase_rank(phase: Phase) -> u8 {
    match phase {
        Phase::Unknown => 1,
        Phase::Running => 2,
        _ => 0,
    }
}

/// The magnitude of an age: so pods of about one age are chosen among at random.
fn age_rank(since: SimTime, now: SimTime) -> i64 {
    match u64::try_from((now - since).0) {
        Ok(age @ 1..) => i64::from(age.ilog2()),
        _ => -1,
    }
}

/// Whether `first` comes before `second`, given two different times; unknown ones are first, then later ones.
fn younger<U: Ord>(times: [Option<SimTime>; 2], uids: [&U; 2], now: Option<SimTime>) -> bool {
    let (Some(first), Some(second)) = (times[0], times[1]) else { return times[0].is_none() };
    let Some(now) = now else { return first > second };
    let ranks = (age_rank(first, now), age_rank(second, now));
    if ranks.0 == ranks.1 { uids[0] < uids[1] } else { ranks.0 < ranks.1 }
}

/// Whether `first` is rather deleted than `second`. With `now` ages are compared by magnitude, without it exactly.
///
/// This is not quite an order, because uids decide some questions and restarts others: see [`sort`].
#[must_use]
pub fn is_deleted_before<U: Ord>(first: &Candidate<U>, second: &Candidate<U>, now: Option<SimTime>) -> bool {
    if first.scheduled != second.scheduled {
        return !first.scheduled;
    }
    let phases = (phase_rank(first.phase), phase_rank(second.phase));
    if phases.0 != phases.1 {
        return phases.0 < phases.1;
    }
    if first.ready != second.ready {
        return !first.ready;
    }
    if first.deletion_cost != second.deletion_cost {
        return first.deletion_cost < second.deletion_cost;
    }
    if first.colocated != second.colocated {
        return first.colocated > second.colocated;
    }
    let uids = [&first.uid, &second.uid];
    if first.ready && first.ready_since != second.ready_since {
        return younger([first.ready_since, second.ready_since], uids, now);
    }
    if first.restarts != second.restarts {
        return first.restarts > second.restarts;
    }
    if first.sidecar_restarts != second.sidecar_restarts {
        return first.sidecar_restarts > second.sidecar_restarts;
    }
    first.created != second.created && younger([first.created, second.created], uids, now)
}

/// Sorts pods, the first to be deleted first. As the comparison has cycles, the way of sorting shows: up to `RUN` pods
/// come as upstream's sort has them.
pub fn sort<U: Ord + Copy>(pods: &mut [Candidate<U>], now: Option<SimTime>) {
    let before = |first: &_, second: &_| is_deleted_before(first, second, now);
    for run in pods.chunks_mut(RUN) {
        for at in 1..run.len() {
            let pod = run[at];
            let to = (0..at).rev().take_while(|&other| before(&pod, &run[other])).last().unwrap_or(at);
            run.copy_within(to..at, to + 1);
            run[to] = pod;
        }
    }
    let mut merged = Vec::new();
    let mut width = RUN;
    while width < pods.len() {
        for pair in pods.chunks_mut(2 * width).filter(|pair| pair.len() > width) {
            merged.clear();
            let (mut left, mut right) = (0, width);
            while left < width || right < pair.len() {
                let take_right = right < pair.len() && (left == width || before(&pair[right], &pair[left]));
                let from = if take_right { &mut right } else { &mut left };
                merged.push(pair[*from]);
                *from += 1;
            }
            pair.copy_from_slice(&merged);
        }
        width *= 2;
    }
}

/// Chooses `count` of the pods to be deleted. If that is all of them, they stay in their order.
pub fn choose<U: Ord + Copy>(pods: &mut [Candidate<U>], count: usize, now: Option<SimTime>) -> &[Candidate<U>] {
    if count < pods.len() {
        sort(pods, now);
    }
    &pods[..count.min(pods.len())]
}

/// For each of the nodes how many of the related pods are on it. `None` is a node of its own: that of unbound pods.
#[must_use]
pub fn colocated<N: Ord + Copy>(nodes: &[Option<N>], related: impl IntoIterator<Item = Option<N>>) -> Vec<u32> {
    let mut related: Vec<Option<N>> = related.into_iter().collect();
    if related.len() <= FEW {
        let count = |node| u32::try_from(related.iter().filter(|at| *at == node).count()).unwrap_or(u32::MAX);
        return nodes.iter().map(count).collect();
    }
    related.sort_unstable();
    let count = |node: &Option<N>| {
        let (from, to) = (related.partition_point(|at| at < node), related.partition_point(|at| at <= node));
        u32::try_from(to - from).unwrap_or(u32::MAX)
    };
    nodes.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::SimDuration;

    fn at(seconds: i64) -> SimTime {
        SimTime::default() + SimDuration::from_secs(seconds)
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate<u32>>> {
        let phase = prop::sample::select(vec![Phase::Pending, Phase::Unknown, Phase::Running]);
        let one = (any::<bool>(), phase, any::<bool>(), 0..40i64, -1..2i32, 0..3u32, 0..3u32, 0..40i64, 0..9u32)
            .prop_map(|(scheduled, phase, ready, ready_since, deletion_cost, colocated, restarts, created, uid)| {
                Candidate {
                    scheduled,
                    phase,
                    ready,
                    ready_since: Some(at(ready_since)),
                    deletion_cost,
                    colocated,
                    restarts,
                    sidecar_restarts: 0,
                    created: Some(at(created)),
                    uid,
                }
            });
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn sorting_keeps_every_pod_and_the_rules_that_are_an_order(pods in candidates()) {
            let mut sorted = pods.clone();
            sort(&mut sorted, Some(at(50)));
            let uids = |pods: &[Candidate<u32>]| {
                let mut uids: Vec<u32> = pods.iter().map(|pod| pod.uid).collect();
                uids.sort_unstable();
                uids
            };
            prop_assert_eq!(uids(&sorted), uids(&pods));
            let key = |pod: &Candidate<u32>| {
                let colocated = std::cmp::Reverse(pod.colocated);
                (pod.scheduled, phase_rank(pod.phase), pod.ready, pod.deletion_cost, colocated)
            };
            prop_assert!(sorted.is_sorted_by_key(key));
        }

        #[test]
        fn no_two_pods_come_before_each_other(pods in candidates()) {
            for (first, second) in pods.iter().zip(pods.iter().skip(1)) {
                let both = is_deleted_before(first, second, Some(at(50))) && is_deleted_before(second, first, Some(at(50)));
                prop_assert!(!both);
            }
        }
    }

    #[test]
    fn pods_are_counted_by_node() {
        let related = [Some(1), Some(2), Some(1), None];
        assert_eq!(colocated(&[Some(1), Some(3), None, Some(2)], related), [2, 0, 1, 1]);
        let many = (0..100).map(|at| Some(at % 3).filter(|node| *node < 2));
        assert_eq!(colocated(&[Some(0), Some(1), None, Some(2)], many), [34, 33, 33, 0]);
    }
}
