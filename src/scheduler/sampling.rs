//! How many feasible nodes are enough. Mirrors `numFeasibleNodesToFind` in pkg/scheduler/schedule_one.go (v1.34.1).

/// Clusters with fewer nodes are searched whole, and no search stops before it found this many.
pub const MIN_FEASIBLE_NODES: i32 = 100;

/// The number of feasible nodes after which the search stops in a cluster of `num_all`; `percentage` 0 adapts to the size.
#[must_use]
pub const fn num_feasible_nodes_to_find(percentage: i32, num_all: i32) -> i32 {
    if num_all < MIN_FEASIBLE_NODES {
        return num_all;
    }
    let percentage = match percentage {
        0 => {
            let adaptive = 50 - num_all / 125;
            if adaptive < 5 { 5 } else { adaptive }
        }
        set => set,
    };
    if percentage >= 100 {
        return num_all;
    }
    #[allow(clippy::cast_possible_truncation)]
    let nodes = (num_all as i64 * percentage as i64 / 100) as i32;
    if nodes < MIN_FEASIBLE_NODES { MIN_FEASIBLE_NODES } else { nodes }
}
