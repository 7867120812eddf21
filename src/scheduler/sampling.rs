//! How many nodes the scheduler looks at, and which of the best it takes.
//!
//! Mirrors pkg/scheduler/schedule_one.go (`numFeasibleNodesToFind`, `selectHost`), v1.34.

/// Clusters of fewer nodes are looked at whole, and at least so many feasible nodes are looked for.
pub const MIN_FEASIBLE_NODES: u32 = 100;
const MIN_PERCENTAGE: u32 = 5;

/// After how many feasible nodes the search ends. A percentage of 0 stands for one that shrinks from 50 with the number of
/// nodes, down to 5.
#[must_use]
pub fn feasible_nodes_to_find(nodes: u32, percentage: u32) -> u32 {
    if nodes < MIN_FEASIBLE_NODES {
        return nodes;
    }
    let percentage = match percentage {
        0 => 50_u32.saturating_sub(nodes / 125).max(MIN_PERCENTAGE),
        percentage => percentage.min(100),
    };
    let wanted = u64::from(nodes) * u64::from(percentage) / 100;
    u32::try_from(wanted).unwrap_or(nodes).max(MIN_FEASIBLE_NODES)
}

/// The nodes with the highest score, in order: the one to take is drawn from these.
pub fn best<'a, N>(scores: &'a [(N, i64)]) -> impl Iterator<Item = &'a N> + use<'a, N> {
    let highest = scores.iter().map(|(_, score)| *score).max();
    scores.iter().filter(move |(_, score)| Some(*score) == highest).map(|(node, _)| node)
}
