//! Who dies when memory runs out: `oom_score_adj` of containers, and the kernel's choice. Pure.
//!
//! Mirrors pkg/kubelet/qos/policy.go (`GetContainerOOMScoreAdjust`) and the badness of mm/oom_kill.c, v1.34 (spec 4.5).

use crate::base::broken;
use crate::model::cgroup::CRITICAL_PRIORITY;
use crate::model::{PodCgroup, QosClass, Role};

/// Node-critical and guaranteed containers are killed last of all pods'.
const GUARANTEED: i64 = -997;
const BEST_EFFORT: i64 = 1000;
/// The least and the greatest of burstable containers.
const BURSTABLE: std::ops::RangeInclusive<i64> = 3..=999;

/// Whether the kubelet takes a pod with this priority for critical: it is never evicted, and others make room for it.
#[must_use]
pub const fn is_critical(priority: i32) -> bool {
    priority >= CRITICAL_PRIORITY
}

/// A pod as far as its `oom_score_adj` goes.
#[derive(Clone, Copy, Debug)]
pub struct OomPod<'a> {
    /// Its class.
    pub qos: QosClass,
    /// Role and memory request in bytes of every container.
    pub containers: &'a [(Role, i64)],
    /// What was compiled of it.
    pub cgroup: PodCgroup,
    /// Memory of the machine in bytes.
    pub capacity: i64,
}

impl OomPod<'_> {
    /// `oom_score_adj` of the container at `index`.
    #[must_use]
    pub fn score_adj(&self, index: usize) -> i64 {
        if self.cgroup.node_critical {
            return GUARANTEED;
        }
        match self.qos {
            QosClass::Guaranteed => GUARANTEED,
            QosClass::BestEffort => BEST_EFFORT,
            QosClass::Burstable => broken!("oom score", self.burstable(index), BEST_EFFORT),
        }
    }

    fn burstable(&self, index: usize) -> i64 {
        let adjust = |request: i64| {
            let share = i128::from(request + self.cgroup.oom_extra) * 1000 / i128::from(self.capacity.max(1));
            1000 - i64::try_from(share).unwrap_or(i64::MAX).min(1_000_000)
        };
        let (role, request) = self.containers[index];
        let mut adjusted = adjust(request);
        if role == Role::Sidecar {
            // A sidecar must not be killed before the containers that it serves.
            let main = self.containers.iter().filter(|(role, _)| *role == Role::Main);
            if let Some(least) = main.map(|&(_, request)| request).min() {
                adjusted = adjusted.min(adjust(least));
            }
        }
        adjusted.clamp(*BURSTABLE.start(), *BURSTABLE.end())
    }
}

/// The kernel's badness of a process that uses `bytes` of the machine's memory: the highest is killed.
#[must_use]
pub fn badness(bytes: i64, score_adj: i64, capacity: i64) -> i128 {
    // In pages of the machine, as the kernel counts; scaled so that no digit is lost.
    i128::from(bytes) * 1000 + i128::from(score_adj) * i128::from(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_best_effort_process_dies_before_a_large_guaranteed_one() {
        let capacity = 8 << 30;
        assert!(badness(1 << 20, 1000, capacity) > badness(7 << 30, -997, capacity));
        assert!(badness(3 << 30, 900, capacity) > badness(1 << 30, 950, capacity));
    }
}
