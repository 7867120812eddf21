//! Graceful node shutdown: groups of priorities with the time that each is given. Must not know nodes.
//!
//! Mirrors pkg/kubelet/nodeshutdown/nodeshutdown_manager.go (`migrateConfig`, `groupByPriority`), v1.34.

use super::cgroup::CRITICAL_PRIORITY;
use crate::base::broken;

/// Pods of a priority from here on up to the next group's, and how long they have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShutdownGroup {
    /// Least priority.
    pub priority: i32,
    /// Seconds.
    pub grace_seconds: i64,
}

/// The groups that `shutdownGracePeriod` and `shutdownGracePeriodCriticalPods` stand for, in seconds; none if they
/// switch the shutdown off or contradict each other.
#[must_use]
pub fn migrate(whole_seconds: i64, critical_seconds: i64) -> Vec<ShutdownGroup> {
    if whole_seconds == 0 || whole_seconds < critical_seconds {
        return Vec::new();
    }
    vec![
        ShutdownGroup { priority: 0, grace_seconds: whole_seconds - critical_seconds },
        ShutdownGroup { priority: CRITICAL_PRIORITY, grace_seconds: critical_seconds },
    ]
}

/// The index of the group (of those, sorted by priority) that a pod belongs to: the one with the greatest priority that
/// is not above its own, else the first.
#[must_use]
pub fn group_of(groups: &[ShutdownGroup], priority: i32) -> usize {
    let above = groups.partition_point(|group| group.priority <= priority);
    broken!("node shutdown", above.saturating_sub(1), 0)
}
