//! NodeResourcesBalancedAllocation: prefers nodes on which cpu and memory are requested to the same degree. Mirrors
//! pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go (v1.34.1).

use super::node_resources_fit::Usage;
use crate::model::Resources;
use crate::scheduler::framework::MAX_NODE_SCORE;

/// Whether the plugin leaves such a pod alone: it requests neither cpu nor memory.
#[inline]
#[must_use]
pub const fn skips(request: &Resources) -> bool {
    request.milli_cpu == 0 && request.memory == 0
}

/// The score in upstream's floating point, for a pod that adds `milli_cpu` and `memory` to the real requests.
#[inline]
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn score(milli_cpu: i64, memory: i64, usage: &Usage) -> i64 {
    // A resource of which the node has nothing is left out, and with one resource there is no deviation.
    if usage.allocatable_milli_cpu == 0 || usage.allocatable_memory == 0 {
        return MAX_NODE_SCORE;
    }
    let fraction = |requested: i64, allocatable: i64| (requested as f64 / allocatable as f64).min(1.0);
    let cpu = fraction(usage.milli_cpu.saturating_add(milli_cpu), usage.allocatable_milli_cpu);
    let memory = fraction(usage.memory.saturating_add(memory), usage.allocatable_memory);
    let deviation = ((cpu - memory) / 2.0).abs();
    ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_use_scores_higher() {
        let usage = |cpu: (i64, i64), memory: (i64, i64)| Usage {
            milli_cpu: cpu.0,
            allocatable_milli_cpu: cpu.1,
            memory: memory.0,
            allocatable_memory: memory.1,
            ..Usage::default()
        };
        // Upstream's tables: 0.75 against 0.5 gives 87, 0.6 against 0.5 gives 95, everything overcommitted gives 100.
        assert_eq!(score(3000, 5000, &usage((0, 4000), (0, 10_000))), 87);
        assert_eq!(score(3000, 5000, &usage((0, 6000), (0, 10_000))), 100);
        assert_eq!(score(0, 0, &usage((6000, 10_000), (5000, 10_000))), 95);
        assert_eq!(score(9000, 9000, &usage((6000, 10_000), (5000, 10_000))), 100);
        assert_eq!(score(9000, 0, &usage((0, 0), (5000, 10_000))), 100);
        assert!(skips(&Resources::default()) && !skips(&Resources { memory: 1, ..Resources::default() }));
    }
}
