//! How long a pod that found no place waits. Mirrors pkg/scheduler/backend/queue/backoff_queue.go (v1.34.1).

use crate::base::{SimDuration, SimTime};

/// The back-off after `attempts` failures: none, `initial`, then twice as long each time, at most `max`.
#[must_use]
pub const fn backoff_duration(attempts: u32, initial: SimDuration, max: SimDuration) -> SimDuration {
    if attempts == 0 {
        return SimDuration::ZERO;
    }
    let mut duration = initial.0;
    let mut attempt = 1;
    while attempt < attempts {
        if duration > max.0 - duration {
            return max;
        }
        duration += duration;
        attempt += 1;
    }
    SimDuration(duration)
}

/// When a back-off that started at `timestamp` ends, cut to whole seconds: pods that expire in one second are ordered by priority.
#[must_use]
pub const fn backoff_expiry(timestamp: SimTime, duration: SimDuration) -> SimTime {
    SimTime(timestamp.0.saturating_add(duration.0)).floor_seconds()
}

/// Whether a pod is still backing off: the second in which it expires has not passed.
#[must_use]
pub const fn is_backing_off(expiry: SimTime, now: SimTime) -> bool {
    expiry.0 >= now.floor_seconds().0
}
