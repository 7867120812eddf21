//! NodeResourcesBalancedAllocation: prefers nodes on which resources are requested to the same degree. Mirrors
//! pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go (v1.34.1).

use smallvec::SmallVec;

use super::node_resources_fit::{Scalar, Usage};
use super::resource_allocation::{Demand, share};
use crate::model::StrId;
use crate::model::strings::known;
use crate::scheduler::framework::MAX_NODE_SCORE;

/// Whether the plugin leaves such a pod alone: it requests none of the resources.
#[inline]
#[must_use]
pub fn skips(resources: &[StrId], pod: &Demand<'_>) -> bool {
    resources.iter().all(|&resource| pod.of(resource) == 0)
}

/// The score in upstream's floating point, from real requests.
#[inline]
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn score(resources: &[StrId], pod: &Demand<'_>, usage: &Usage, scalars: &[Scalar]) -> i64 {
    // What nearly all profiles say, without a loop: this is asked for every pod and node.
    if let [known::CPU, known::MEMORY] = resources
        && let Some(cpu) = share::<true>(known::CPU, pod, usage, scalars)
        && let Some(memory) = share::<true>(known::MEMORY, pod, usage, scalars)
    {
        score_of_two(fraction(cpu), fraction(memory))
    } else {
        score_of_deviation(deviation(resources, pod, usage, scalars))
    }
}

/// The score by the fractions of two resources.
#[inline]
#[must_use]
pub fn score_of_two(first: f64, second: f64) -> i64 {
    score_of_deviation(((first - second) / 2.0).abs())
}

#[inline]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn score_of_deviation(deviation: f64) -> i64 {
    ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64
}

/// How much of a resource would be requested, at most all.
#[inline]
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn fraction((requested, allocatable): (i64, i64)) -> f64 {
    (requested as f64 / allocatable as f64).min(1.0)
}

#[allow(clippy::cast_precision_loss)]
fn deviation(resources: &[StrId], pod: &Demand<'_>, usage: &Usage, scalars: &[Scalar]) -> f64 {
    let shares = resources.iter().filter_map(|&resource| share::<true>(resource, pod, usage, scalars));
    let fractions: SmallVec<[f64; 4]> = shares.map(fraction).collect();
    match fractions[..] {
        [] | [_] => 0.0,
        [first, second] => ((first - second) / 2.0).abs(),
        _ => {
            let count = fractions.len() as f64;
            // In upstream's order of operations: sums of floats depend on it.
            let mean = fractions.iter().fold(0.0, |sum, fraction| sum + fraction) / count;
            let squares = fractions.iter().fold(0.0, |sum, fraction| sum + (fraction - mean) * (fraction - mean));
            (squares / count).sqrt()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[StrId] = &[known::CPU, known::MEMORY];

    const fn pod(milli_cpu: i64, memory: i64, scalar: &[(StrId, i64)]) -> Demand<'_> {
        Demand { milli_cpu, memory, ephemeral_storage: 0, scalar }
    }

    fn usage(cpu: (i64, i64), memory: (i64, i64)) -> Usage {
        Usage {
            milli_cpu: cpu.0,
            allocatable_milli_cpu: cpu.1,
            memory: memory.0,
            allocatable_memory: memory.1,
            ..Usage::default()
        }
    }

    #[test]
    fn even_use_scores_higher() {
        let score = |cpu, memory, usage: Usage| score(BOTH, &pod(cpu, memory, &[]), &usage, &[]);
        // Upstream's tables: 0.75 against 0.5 gives 87, 0.6 against 0.5 gives 95, everything overcommitted gives 100.
        assert_eq!(score(3000, 5000, usage((0, 4000), (0, 10_000))), 87);
        assert_eq!(score(3000, 5000, usage((0, 6000), (0, 10_000))), 100);
        assert_eq!(score(0, 0, usage((6000, 10_000), (5000, 10_000))), 95);
        assert_eq!(score(9000, 9000, usage((6000, 10_000), (5000, 10_000))), 100);
        assert_eq!(score(9000, 0, usage((0, 0), (5000, 10_000))), 100);
    }

    #[test]
    fn more_than_two_resources_are_compared_with_their_mean() {
        let gpu = known::ERROR;
        let three = [known::CPU, known::MEMORY, gpu];
        let gpus = [Scalar { name: gpu, allocatable: 8, requested: 3 }];
        let node = usage((0, 1000), (0, 1000));
        // 0.5, 0.25 and 0.75: the variance is 1/24.
        assert_eq!(score(&three, &pod(500, 250, &[(gpu, 3)]), &node, &gpus), 79);
        // The pod asks for no gpu: two remain.
        assert_eq!(score(&three, &pod(500, 250, &[]), &node, &gpus), 87);
        assert_eq!(score(&[gpu], &pod(500, 250, &[(gpu, 3)]), &node, &gpus), 100);
    }

    #[test]
    fn a_pod_that_requests_nothing_of_it_is_left_alone() {
        assert!(skips(BOTH, &pod(0, 0, &[(known::ERROR, 1)])) && !skips(BOTH, &pod(0, 1, &[])));
        assert!(!skips(&[known::ERROR], &pod(0, 0, &[(known::ERROR, 1)])));
    }
}
