//! Requests on services: a rate over time, shared among the endpoints that the proxies know, served or failed. Nothing
//! ticks: totals are brought up to date whenever a rate, an endpoint or a process changes.

use crate::api::PodRef;
use crate::base::SimTime;

/// An endpoint as the proxies know it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Endpoint {
    /// The pod.
    pub pod: PodRef,
    /// The container that the service's port leads to, if some container listens there.
    pub container: Option<u16>,
    /// Whether its process accepts requests now, and everything it requires is up.
    pub up: bool,
    /// Requests per second that its cpu limit lets it serve.
    pub capacity: f64,
}

/// The traffic of one service.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Requests per second asked now.
    rate: f64,
    endpoints: Vec<Endpoint>,
    /// Whether clients can reach the service at all (a load balancer has its address).
    reachable: bool,
    updated: SimTime,
    served: f64,
    failed: f64,
    degraded_seconds: f64,
}

impl Traffic {
    /// No requests yet.
    #[must_use]
    pub const fn new(start: SimTime, reachable: bool) -> Self {
        Self {
            rate: 0.0,
            endpoints: Vec::new(),
            reachable,
            updated: start,
            served: 0.0,
            failed: 0.0,
            degraded_seconds: 0.0,
        }
    }

    /// Brings the totals up to `now`; call before anything changes.
    pub fn advance(&mut self, now: SimTime) {
        (self.served, self.failed) = self.totals(now);
        let seconds = (now - self.updated).as_secs_f64();
        self.updated = now;
        // A share of a millionth is rounding, not degradation.
        if seconds > 0.0 && self.failing() > self.rate * 1e-6 {
            self.degraded_seconds += seconds;
        }
    }

    /// Requests served and failed until `now`. Looking moves nothing: sums that are taken in other pieces round to other
    /// numbers, and how often a run is sampled must not show in it.
    #[must_use]
    pub fn totals(&self, now: SimTime) -> (f64, f64) {
        let seconds = (now - self.updated).as_secs_f64();
        if seconds <= 0.0 || self.rate <= 0.0 {
            return (self.served, self.failed);
        }
        (self.served + self.serving() * seconds, self.failed + self.failing() * seconds)
    }

    /// Requests per second that are served now.
    fn serving(&self) -> f64 {
        self.endpoints.iter().map(|endpoint| self.served_by(endpoint)).sum()
    }

    /// Requests per second that fail now.
    fn failing(&self) -> f64 {
        (self.rate - self.serving()).max(0.0)
    }

    /// Requests per second that `endpoint` serves now.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn served_by(&self, endpoint: &Endpoint) -> f64 {
        if !endpoint.up || !self.reachable {
            return 0.0;
        }
        (self.rate / self.endpoints.len() as f64).min(endpoint.capacity)
    }

    /// Requests per second asked now.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Sets the rate asked from `now` on.
    pub fn set_rate(&mut self, now: SimTime, rate: f64) {
        self.advance(now);
        self.rate = rate;
    }

    /// Makes the service reachable from `now` on.
    pub fn set_reachable(&mut self, now: SimTime) {
        self.advance(now);
        self.reachable = true;
    }

    /// Replaces what the proxies know.
    pub fn set_endpoints(&mut self, now: SimTime, endpoints: Vec<Endpoint>) {
        self.advance(now);
        self.endpoints = endpoints;
    }

    /// What the proxies know.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Updates one pod's endpoint, if it is one; whether that changed anything. A capacity that differs by less than a
    /// millionth is the same: what processes on one machine leave each other settles in ever smaller steps.
    pub fn update(&mut self, now: SimTime, pod: PodRef, up: bool, capacity: f64) -> bool {
        let Some(at) = self.endpoints.iter().position(|endpoint| endpoint.pod == pod) else { return false };
        self.advance(now);
        let endpoint = &mut self.endpoints[at];
        let before = std::mem::replace(&mut endpoint.capacity, capacity);
        let same = before.to_bits() == capacity.to_bits() || (before - capacity).abs() <= 1e-6 * before.abs();
        if same {
            endpoint.capacity = before;
        }
        std::mem::replace(&mut endpoint.up, up) != up || !same
    }

    /// Requests served so far.
    #[must_use]
    pub const fn served(&self) -> f64 {
        self.served
    }

    /// Requests failed so far.
    #[must_use]
    pub const fn failed(&self) -> f64 {
        self.failed
    }

    /// Seconds during which some request failed.
    #[must_use]
    pub const fn degraded_seconds(&self) -> f64 {
        self.degraded_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PodId, PodUid};

    fn endpoint(i: u32, up: bool, capacity: f64) -> Endpoint {
        let pod = PodRef { pod: PodId::from_raw(i), uid: PodUid::from_raw(i) };
        Endpoint { pod, container: Some(0), up, capacity }
    }

    #[test]
    fn requests_are_shared_and_conserved() {
        let at = |s: i64| SimTime(s * 1_000_000_000);
        let mut traffic = Traffic::new(at(0), true);
        traffic.set_rate(at(0), 30.0);
        traffic
            .set_endpoints(at(10), vec![endpoint(0, true, 100.0), endpoint(1, false, 100.0), endpoint(2, true, 4.0)]);
        traffic.advance(at(20));
        // Ten seconds without endpoints, ten with one that serves its share, one down, one at its capacity.
        assert!((traffic.served() - 140.0).abs() < 1e-9);
        assert!((traffic.served() + traffic.failed() - 600.0).abs() < 1e-9);
        let pod = traffic.endpoints()[1].pod;
        assert!(traffic.update(at(20), pod, true, 100.0));
        traffic.set_endpoints(at(20), vec![endpoint(1, true, 100.0)]);
        traffic.advance(at(30));
        assert!((traffic.served() - 440.0).abs() < 1e-9);
        assert!((traffic.degraded_seconds() - 20.0).abs() < 1e-9);
    }
}
