//! The client that all controllers share: how long a write waits for its turn. Pure.
//!
//! Mirrors the token bucket of staging/src/k8s.io/client-go/util/flowcontrol/throttle.go (v1.34, spec 8.0): `burst` writes
//! at once, then so many per second, first come first served.

use crate::base::{SimDuration, SimTime};

/// The token bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client {
    /// When the bucket would be full of tokens again, had it any size.
    full: SimTime,
}

impl Client {
    /// When a write that is asked for at `now` goes out; `per_second` 0 is no limit.
    pub fn grant(&mut self, now: SimTime, per_second: f64, burst: u32) -> SimTime {
        if per_second <= 0.0 {
            return now;
        }
        let interval = SimDuration::from_secs_f64(1.0 / per_second);
        let spare = SimDuration(interval.0 * (i64::from(burst.max(1)) - 1));
        let full = self.full.max(now);
        self.full = full + interval;
        now.max(SimTime(full.0 - spare.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_out_at_once_and_what_follows_at_the_rate() {
        let mut client = Client::default();
        let start = SimTime(1_000_000_000_000);
        let waits: Vec<i64> = (0..33).map(|_| (client.grant(start, 20.0, 30) - start).0 / 1_000_000).collect();
        assert_eq!(waits[..30], [0; 30]);
        assert_eq!(waits[30..], [50, 100, 150]);
        let later = start + SimDuration::from_secs(10);
        assert_eq!(client.grant(later, 20.0, 30), later, "the bucket fills again");
        assert_eq!(Client::default().grant(start, 0.0, 0), start);
    }
}
