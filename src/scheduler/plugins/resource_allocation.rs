//! How much of a node's resources would be requested, and the score that NodeResourcesFit makes of it: LeastAllocated,
//! MostAllocated or RequestedToCapacityRatio over any resources. Mirrors
//! pkg/scheduler/framework/plugins/noderesources/{resource_allocation,least_allocated,most_allocated,
//! requested_to_capacity_ratio}.go and plugins/helper/shape_score.go (v1.34.1).

use super::node_resources_fit::{Scalar, Usage};
use crate::model::StrId;
use crate::model::profile::{ScoringStrategy, ScoringStrategyType};
use crate::model::strings::known;
use crate::scheduler::framework::MAX_NODE_SCORE;

/// What a pod adds to what is requested of a node.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// Milli-cores.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes.
    pub ephemeral_storage: i64,
    /// Extended resources and huge pages.
    pub scalar: &'a [(StrId, i64)],
}

impl Demand<'_> {
    /// How much of a resource.
    #[must_use]
    pub fn of(&self, resource: StrId) -> i64 {
        match resource {
            known::CPU => self.milli_cpu,
            known::MEMORY => self.memory,
            known::EPHEMERAL_STORAGE => self.ephemeral_storage,
            name => self.scalar.iter().find(|&&(other, _)| other == name).map_or(0, |&(_, amount)| amount),
        }
    }
}

/// What would be requested of a resource, and what there is; `None` if the resource is left out: the node has nothing of it,
/// or it is an extended one that the pod does not request. `REAL` counts what pods request, without defaults.
#[inline]
#[must_use]
pub fn share<const REAL: bool>(
    resource: StrId,
    pod: &Demand<'_>,
    usage: &Usage,
    scalars: &[Scalar],
) -> Option<(i64, i64)> {
    let (used, added, allocatable) = match resource {
        known::CPU if REAL => (usage.milli_cpu, pod.milli_cpu, usage.allocatable_milli_cpu),
        known::CPU => (usage.scoring_milli_cpu, pod.milli_cpu, usage.allocatable_milli_cpu),
        known::MEMORY if REAL => (usage.memory, pod.memory, usage.allocatable_memory),
        known::MEMORY => (usage.scoring_memory, pod.memory, usage.allocatable_memory),
        known::EPHEMERAL_STORAGE => (usage.ephemeral, pod.ephemeral_storage, usage.allocatable_ephemeral),
        name => {
            let added = pod.of(name);
            let scalar = scalars.iter().find(|scalar| scalar.name == name).filter(|_| added != 0)?;
            (scalar.requested, added, scalar.allocatable)
        }
    };
    (allocatable != 0).then(|| (used.saturating_add(added), allocatable))
}

/// The score of NodeResourcesFit: the mean of the resources' scores by their weights.
#[inline]
#[must_use]
pub fn score(strategy: &ScoringStrategy, pod: &Demand<'_>, usage: &Usage, scalars: &[Scalar]) -> i64 {
    // What nearly all profiles say, without a loop: this is asked for every pod and node.
    if let (ScoringStrategyType::LeastAllocated, [(known::CPU, 1), (known::MEMORY, 1)]) =
        (&strategy.kind, &strategy.resources[..])
        && let Some((cpu, cores)) = share::<false>(known::CPU, pod, usage, scalars)
        && let Some((memory, bytes)) = share::<false>(known::MEMORY, pod, usage, scalars)
    {
        return mean_of_two(least_requested(cpu, cores), least_requested(memory, bytes));
    }
    weighted(strategy, pod, usage, scalars)
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn weighted(strategy: &ScoringStrategy, pod: &Demand<'_>, usage: &Usage, scalars: &[Scalar]) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for &(resource, weight) in &strategy.resources {
        let Some((requested, capacity)) = share::<false>(resource, pod, usage, scalars) else { continue };
        let score = match &strategy.kind {
            ScoringStrategyType::LeastAllocated => least_requested(requested, capacity),
            ScoringStrategyType::MostAllocated => utilization(requested.min(capacity), capacity),
            ScoringStrategyType::RequestedToCapacityRatio(shape) => match at(shape, requested, capacity) {
                // Upstream leaves such a resource out of the mean.
                score if score <= 0 => continue,
                score => score,
            },
        };
        sum += score * weight;
        weights += weight;
    }
    match strategy.kind {
        _ if weights == 0 => 0,
        ScoringStrategyType::RequestedToCapacityRatio(_) => (sum as f64 / weights as f64).round() as i64,
        _ => sum / weights,
    }
}

/// The mean of two resources of weight 1.
#[inline]
#[must_use]
pub const fn mean_of_two(first: i64, second: i64) -> i64 {
    (first + second) / 2
}

/// The score of LeastAllocated for one resource of which the node has something.
#[inline]
#[must_use]
pub fn least_requested(requested: i64, capacity: i64) -> i64 {
    if requested > capacity { 0 } else { utilization(capacity - requested, capacity) }
}

/// Hundredths of `capacity`, cut.
#[inline(always)]
const fn utilization(amount: i64, capacity: i64) -> i64 {
    match amount.checked_mul(MAX_NODE_SCORE) {
        Some(hundredfold) => hundredfold / capacity,
        // Beyond 80 PiB: lose the last digits rather than wrap around.
        None => amount / (capacity / MAX_NODE_SCORE),
    }
}

/// The piecewise linear function of the utilization, with scores of up to 100.
fn at(shape: &[(i64, i64)], requested: i64, capacity: i64) -> i64 {
    let utilization = if requested > capacity { 100 } else { utilization(requested, capacity) };
    let tenfold = |score: i64| score * (MAX_NODE_SCORE / 10);
    match shape.iter().position(|&(point, _)| utilization <= point) {
        None => shape.last().map_or(0, |&(_, score)| tenfold(score)),
        Some(0) => tenfold(shape[0].1),
        Some(next) => {
            let ((from, low), (to, high)) = (shape[next - 1], shape[next]);
            tenfold(low) + (tenfold(high) - tenfold(low)) * (utilization - from) / (to - from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: StrId = known::ERROR;

    fn usage(cpu: (i64, i64), memory: (i64, i64)) -> Usage {
        Usage {
            allocatable_milli_cpu: cpu.1,
            allocatable_memory: memory.1,
            scoring_milli_cpu: cpu.0,
            scoring_memory: memory.0,
            ..Usage::default()
        }
    }

    const fn pod(milli_cpu: i64, memory: i64, scalar: &[(StrId, i64)]) -> Demand<'_> {
        Demand { milli_cpu, memory, ephemeral_storage: 0, scalar }
    }

    fn strategy(kind: ScoringStrategyType, resources: &[(StrId, i64)]) -> ScoringStrategy {
        ScoringStrategy { kind, resources: resources.to_vec() }
    }

    #[test]
    fn free_nodes_score_higher_in_whole_numbers() {
        let least = ScoringStrategy::default();
        let score = |cpu, memory, usage: &Usage| score(&least, &pod(cpu, memory, &[]), usage, &[]);
        let node = usage((0, 4000), (0, 10_000));
        // Upstream's table: 3000 of 4000 and 5000 of 10000 give (25 + 50) / 2, cut.
        assert_eq!(score(3000, 5000, &node), 37);
        assert_eq!(score(0, 0, &node), 100);
        assert_eq!(score(5000, 5000, &node), 25);
        assert_eq!(score(0, 5000, &usage((0, 0), (0, 10_000))), 50);
        assert_eq!(score(100, 200 << 20, &usage((0, 0), (0, 0))), 0);
        assert_eq!(score(0, 0, &usage((0, i64::MAX), (0, i64::MAX))), 100);
    }

    #[test]
    fn full_nodes_score_higher_if_they_should() {
        let most = strategy(ScoringStrategyType::MostAllocated, &[(known::CPU, 1), (known::MEMORY, 2)]);
        let node = usage((3000, 4000), (5000, 10_000));
        // 75 and 50, then everything.
        assert_eq!(score(&most, &pod(0, 0, &[]), &node, &[]), (75 + 2 * 50) / 3);
        assert_eq!(score(&most, &pod(9000, 9000, &[]), &node, &[]), 100);
    }

    #[test]
    fn an_extended_resource_counts_if_the_pod_requests_it_and_the_node_has_it() {
        let least = strategy(ScoringStrategyType::LeastAllocated, &[(known::MEMORY, 1), (GPU, 3)]);
        let node = usage((0, 1000), (0, 100));
        let gpus = [Scalar { name: GPU, allocatable: 4, requested: 1 }];
        assert_eq!(score(&least, &pod(0, 50, &[]), &node, &gpus), 50);
        assert_eq!(score(&least, &pod(0, 50, &[(GPU, 1)]), &node, &gpus), (50 + 3 * 50) / 4);
        assert_eq!(score(&least, &pod(0, 50, &[(GPU, 1)]), &node, &[]), 50);
        // What is no resource of nodes is left out.
        let pods = strategy(ScoringStrategyType::LeastAllocated, &[(known::PODS, 1)]);
        assert_eq!(score(&pods, &pod(0, 50, &[]), &node, &gpus), 0);
    }

    #[test]
    fn a_shape_is_linear_between_its_points_and_constant_beyond() {
        let shape = [(10, 2), (50, 10), (90, 0)];
        let value = |requested| at(&shape, requested, 100);
        assert_eq!([0, 10, 29, 30, 50, 51, 90, 100, 500].map(value), [20, 20, 58, 60, 100, 98, 0, 0, 0]);
        assert_eq!(at(&[], 1, 2), 0);
    }

    #[test]
    fn resources_that_score_nothing_are_left_out_and_the_mean_is_rounded() {
        let shape = ScoringStrategyType::RequestedToCapacityRatio(vec![(0, 0), (100, 10)]);
        let ratio = strategy(shape, &[(known::CPU, 3), (known::MEMORY, 2)]);
        let of = |cpu, memory| score(&ratio, &pod(cpu, memory, &[]), &usage((0, 100), (0, 100)), &[]);
        assert_eq!(of(0, 40), 40);
        assert_eq!(of(0, 0), 0);
        // (3 x 50 + 2 x 51) / 5 is 50.4, (3 x 50 + 2 x 54) / 5 is 51.6.
        assert_eq!([of(50, 51), of(50, 54)], [50, 52]);
    }
}
