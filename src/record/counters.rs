//! Counters that components keep, recording or not.

/// Counters of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "each counts what its name says")]
pub struct Counters {
    pub pods_created: u64,
    pub pods_bound: u64,
    pub pods_started: u64,
    pub pods_succeeded: u64,
    pub pods_failed: u64,
    pub pods_removed: u64,
    pub pods_lost: u64,
    pub container_starts: u64,
    pub container_restarts: u64,
    pub container_crashes: u64,
    pub oom_kills: u64,
    pub cpu_throttled_nanoseconds: u64,
    pub image_pulls: u64,
    pub image_pull_failures: u64,
    pub scheduling_attempts: u64,
    pub scheduling_failures: u64,
    pub pods_preempted: u64,
    pub probe_failures: u64,
    pub node_crashes: u64,
    pub changes_refused: u64,
    pub writes_refused: u64,
}
