//! Node pressure: which thresholds are met, which condition follows, who is evicted first, who is let in. Pure.
//!
//! Mirrors pkg/kubelet/eviction/{helpers,eviction_manager}.go, v1.34 (spec 5).

use std::cmp::Ordering;

use crate::base::{Quantity, SimDuration, SimTime, broken};
use crate::model::eviction::Threshold;
use crate::model::strings::known;
use crate::model::{Pressure, QosClass, Taint, TaintEffect, Toleration};

/// What a signal's source says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Observation {
    /// What is left.
    pub available: Quantity,
    /// What there is in all.
    pub capacity: Quantity,
}

/// Whether a threshold is met. `reclaiming`: it was met before, and counts until its least reclaim is reached.
#[must_use]
pub fn is_met(threshold: &Threshold, observed: &Observation, reclaiming: bool) -> bool {
    let mut wanted = threshold.value.of(observed.capacity);
    if let Some(reclaim) = threshold.min_reclaim.filter(|_| reclaiming) {
        wanted = wanted.plus(reclaim.of(observed.capacity));
    }
    wanted > observed.available
}

/// The order in which thresholds are looked at. Upstream's insertion sort with an order that is none: of two thresholds
/// of memory the later one comes first.
pub fn sort_by_priority(thresholds: &mut [Threshold]) {
    for end in 1..thresholds.len() {
        let mut at = end;
        while at > 0 && thresholds[at].signal.is_memory() {
            thresholds.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Whether a condition that was observed last at `observed` still holds.
#[must_use]
pub fn condition_holds(observed: SimTime, now: SimTime, transition_period: SimDuration) -> bool {
    now - observed < transition_period
}

/// Whether a threshold that is met since `first` has been met long enough.
#[must_use]
pub fn grace_is_over(threshold: &Threshold, first: SimTime, now: SimTime) -> bool {
    now - first >= threshold.grace
}

/// A pod as a candidate for eviction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// `spec.priority`.
    pub priority: i32,
    /// What it uses; `None`: there are no statistics of it.
    pub usage: Option<i64>,
    /// What it requests.
    pub request: i64,
}

/// Who is evicted first when memory or bytes of a disk run short: who exceeds its request, then who is less important,
/// then who exceeds it by more.
#[must_use]
pub fn by_use_above_request(a: &Candidate, b: &Candidate) -> Ordering {
    compare(a, b, |of| of.request)
}

/// The same for inodes, which nobody requests; in the end upstream compares them with bytes of ephemeral storage.
#[must_use]
pub fn by_inodes(a: &Candidate, b: &Candidate) -> Ordering {
    compare(a, b, |_| 0)
}

fn compare(a: &Candidate, b: &Candidate, threshold: impl Fn(&Candidate) -> i64) -> Ordering {
    let (Some(used_a), Some(used_b)) = (a.usage, b.usage) else {
        return a.usage.is_some().cmp(&b.usage.is_some()).then(a.priority.cmp(&b.priority));
    };
    let exceeds = |of: &Candidate, used: i64| used > threshold(of);
    let more = |used: i64, of: &Candidate| i128::from(used) - i128::from(of.request);
    exceeds(b, used_b)
        .cmp(&exceeds(a, used_a))
        .then(broken!("eviction ranking", a.priority.cmp(&b.priority), Ordering::Equal))
        .then(more(used_b, b).cmp(&more(used_a, a)))
}

/// Who is evicted first when process ids run short: who is less important, then who has more processes.
#[must_use]
pub fn by_processes(a: &Candidate, b: &Candidate) -> Ordering {
    let first = a.usage.is_some().cmp(&b.usage.is_some());
    a.priority.cmp(&b.priority).then(first).then(b.usage.cmp(&a.usage))
}

/// Whether a pod is let onto a node under this pressure (spec 5.4).
#[must_use]
pub fn admits(pressure: &[Pressure], critical: bool, qos: QosClass, tolerations: &[Toleration]) -> bool {
    if pressure.is_empty() || critical {
        return true;
    }
    let key = known::TAINT_MEMORY_PRESSURE;
    let taint = Taint { key, value: known::EMPTY, effect: TaintEffect::NoSchedule };
    pressure == [Pressure::Memory]
        && (qos != QosClass::BestEffort || tolerations.iter().any(|toleration| toleration.tolerates(&taint)))
}

/// The grace in seconds of a pod that is evicted: a hard threshold leaves one second, a soft one at most `most`.
#[must_use]
pub fn eviction_grace(threshold: &Threshold, most: i64, spec: i64) -> i64 {
    if threshold.is_hard() { 1 } else { most.min(spec) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(priority: i32, usage: Option<i64>, request: i64) -> Candidate {
        Candidate { priority, usage, request }
    }

    #[test]
    fn inodes_are_compared_with_bytes_in_the_end() {
        let (with, without) = (candidate(0, Some(500), 1000), candidate(0, Some(10), 0));
        assert_eq!(by_inodes(&without, &with), Ordering::Less);
        assert_eq!(by_use_above_request(&with, &candidate(0, None, 0)), Ordering::Greater);
        assert_eq!(by_processes(&candidate(1, None, 0), &candidate(0, Some(1), 0)), Ordering::Greater);
    }

    #[test]
    fn only_memory_pressure_lets_some_in() {
        let (memory, disk) = ([Pressure::Memory], [Pressure::Memory, Pressure::Disk]);
        assert!(admits(&memory, false, QosClass::Burstable, &[]));
        assert!(!admits(&memory, false, QosClass::BestEffort, &[]));
        assert!(!admits(&disk, false, QosClass::Guaranteed, &[]));
        assert!(admits(&disk, true, QosClass::BestEffort, &[]));
    }

    #[test]
    fn a_condition_ends_when_its_period_is_over() {
        let (at, period) = (SimTime(0), SimDuration::from_secs(300));
        assert!(condition_holds(at, at + SimDuration::from_secs(299), period));
        assert!(!condition_holds(at, at + period, period));
    }
}
