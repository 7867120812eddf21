//! When a pod counts as available.
//!
//! Mirrors pkg/api/v1/pod/util.go (`IsPodAvailable`), v1.34.

use crate::base::{SimDuration, SimTime};

/// Whether a pod that is ready since `ready_since` (`None`: it is not ready) has been so for `min_ready`.
#[must_use]
pub fn is_available(ready_since: Option<SimTime>, min_ready: SimDuration, now: SimTime) -> bool {
    ready_since.is_some_and(|since| min_ready == SimDuration::ZERO || since + min_ready <= now)
}

/// When a ready pod will be available: the time to look again at.
#[must_use]
pub fn available_at(ready_since: SimTime, min_ready: SimDuration) -> SimTime {
    ready_since + min_ready
}
