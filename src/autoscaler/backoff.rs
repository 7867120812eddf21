//! How long a node group is left alone after an increase of it failed. Pure.
//!
//! Mirrors cluster-autoscaler/utils/backoff/exponential_backoff.go, 1.34 (spec 9.1).

use crate::base::{SimDuration, SimTime};

/// The delays.
#[derive(Clone, Copy, Debug)]
pub struct BackoffParams {
    /// After the first failure.
    pub initial: SimDuration,
    /// At most.
    pub max: SimDuration,
    /// A failure is forgotten after this long without another one.
    pub reset: SimDuration,
}

/// What is remembered of a group's failures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    duration: SimDuration,
    /// The group is left alone up to and with this time.
    pub until: SimTime,
    last_failure: SimTime,
}

/// What to remember after a failure at `now`. Failures while the group is left alone do not make it longer.
#[must_use]
pub fn failed(before: Option<Backoff>, now: SimTime, params: &BackoffParams) -> Backoff {
    let duration = match before {
        Some(before) if before.until < now => SimDuration(before.duration.0 * 2).min(params.max),
        _ => params.initial,
    };
    Backoff { duration, until: now + duration, last_failure: now }
}

impl Backoff {
    /// Whether the group is left alone at `now`.
    #[must_use]
    pub fn holds(&self, now: SimTime) -> bool {
        self.until >= now
    }

    /// Whether the failures are forgotten at `now`.
    #[must_use]
    pub fn is_stale(&self, now: SimTime, params: &BackoffParams) -> bool {
        self.last_failure + params.reset < now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: BackoffParams = BackoffParams {
        initial: SimDuration::from_secs(300),
        max: SimDuration::from_secs(1800),
        reset: SimDuration::from_secs(10_800),
    };

    #[test]
    fn it_doubles_up_to_half_an_hour_and_is_forgotten_after_three_hours() {
        let secs = |seconds: i64| SimTime(seconds * 1_000_000_000);
        let mut now = secs(1000);
        let mut backoff = failed(None, now, &PARAMS);
        let mut lasted = Vec::new();
        for _ in 0..5 {
            lasted.push((backoff.until - now).whole_secs());
            assert!(backoff.holds(backoff.until) && !backoff.holds(backoff.until + SimDuration(1)));
            now = backoff.until + SimDuration::from_secs(10);
            backoff = failed(Some(backoff), now, &PARAMS);
        }
        assert_eq!(lasted, [300, 600, 1200, 1800, 1800]);
        assert!(!backoff.is_stale(now + PARAMS.reset, &PARAMS));
        assert!(backoff.is_stale(now + PARAMS.reset + SimDuration(1), &PARAMS));
        let again = failed(Some(backoff), now + SimDuration::from_secs(60), &PARAMS);
        assert_eq!((again.until - now).whole_secs(), 360, "a failure meanwhile starts anew, with the first delay");
    }
}
