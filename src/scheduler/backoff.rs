//! How long a pod that could not be scheduled waits before the next attempt.
//!
//! Mirrors pkg/scheduler/backend/queue/backoff_queue.go, v1.34.

use crate::base::{SimDuration, SimTime};

/// The queue's constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueConfig {
    /// `podInitialBackoffSeconds`.
    pub initial_backoff: SimDuration,
    /// `podMaxBackoffSeconds`.
    pub max_backoff: SimDuration,
    /// How long a pod waits for an event before it is tried anyway.
    pub max_in_unschedulable: SimDuration,
    /// How often that is looked at.
    pub leftover_period: SimDuration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            initial_backoff: SimDuration::from_secs(1),
            max_backoff: SimDuration::from_secs(10),
            max_in_unschedulable: SimDuration::from_secs(300),
            leftover_period: SimDuration::from_secs(30),
        }
    }
}

/// The first and the longest wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodBackOff {
    /// `podInitialBackoffSeconds`.
    pub initial: SimDuration,
    /// `podMaxBackoffSeconds`.
    pub max: SimDuration,
}

impl Default for PodBackOff {
    fn default() -> Self {
        Self { initial: SimDuration::from_secs(1), max: SimDuration::from_secs(10) }
    }
}

impl PodBackOff {
    /// The wait after so many failed attempts in a row: it doubles with each, up to the longest.
    #[must_use]
    pub fn duration(&self, attempts: u32) -> SimDuration {
        let Some(doublings) = attempts.checked_sub(1) else { return SimDuration::ZERO };
        // The comparison goes this way round because it cannot overflow.
        if self.initial.0 > self.max.0.checked_shr(doublings).unwrap_or(0) {
            return self.max;
        }
        SimDuration(self.initial.0.checked_shl(doublings).unwrap_or(0))
    }

    /// When the wait of a pod that failed at `timestamp` is over, cut to whole seconds: pods of one second leave the
    /// queue together.
    #[must_use]
    pub fn expiry(&self, timestamp: SimTime, attempts: u32) -> SimTime {
        (timestamp + self.duration(attempts)).floor_seconds()
    }

    /// Whether a pod whose wait ends at `expiry` still waits at `now`.
    #[must_use]
    pub fn is_backing_off(expiry: SimTime, now: SimTime) -> bool {
        expiry >= now.floor_seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let back_off = PodBackOff::default();
        assert_eq!([0, 1, 2, 3, 4, 5, 99].map(|n| back_off.duration(n).whole_secs()), [0, 1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn the_second_of_the_expiry_still_counts_as_waiting() {
        let at = |ms| SimTime::default() + SimDuration::from_millis(ms);
        let expiry = PodBackOff::default().expiry(at(1999), 1);
        assert_eq!(expiry, at(2000));
        assert!(PodBackOff::is_backing_off(expiry, at(2999)) && !PodBackOff::is_backing_off(expiry, at(3000)));
    }
}
