//! Zones of nodes: how much of a zone must be down for what, and how fast its nodes are tainted. Pure.
//!
//! Mirrors pkg/controller/nodelifecycle/node_lifecycle_controller.go (`ComputeZoneState`, `setLimiterInZone`) and
//! scheduler/rate_limited_queue.go, v1.34 (spec 6.3, 6.4).

use std::collections::VecDeque;

use crate::base::{SimDuration, SimTime, broken};
use crate::model::NodeId;

/// The state of a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZoneState {
    /// Most nodes answer.
    Normal,
    /// More than two nodes and at least 55 % of all do not.
    Partial,
    /// No node answers.
    Full,
}

impl ZoneState {
    /// As upstream writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Partial => "PartialDisruption",
            Self::Full => "FullDisruption",
        }
    }
}

/// What zones are judged by. Upstream counts with 32 bits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ZoneLimits {
    /// `--unhealthy-zone-threshold`.
    pub unhealthy_threshold: f32,
    /// `--large-cluster-size-threshold`.
    pub large_cluster_size: u32,
    /// `--node-eviction-rate`, per second.
    pub eviction_rate: f32,
    /// `--secondary-node-eviction-rate`, per second.
    pub secondary_eviction_rate: f32,
}

impl ZoneLimits {
    /// What kube-controller-manager has that was not told otherwise.
    pub const DEFAULT: Self =
        Self { unhealthy_threshold: 0.55, large_cluster_size: 50, eviction_rate: 0.1, secondary_eviction_rate: 0.01 };
}

/// The state of a zone with so many nodes that answer and that do not. Source: ComputeZoneState, v1.34.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn zone_state(ready: u32, not_ready: u32, limits: &ZoneLimits) -> ZoneState {
    if broken!("zone state", ready == 0 && not_ready > 0, false) {
        ZoneState::Full
    } else if not_ready > 2 && not_ready as f32 / (not_ready + ready) as f32 >= limits.unhealthy_threshold {
        ZoneState::Partial
    } else {
        ZoneState::Normal
    }
}

/// How many nodes of a zone in this state, with so many nodes in all, are tainted in a second.
/// Source: setLimiterInZone, HealthyQPSFunc, ReducedQPSFunc, v1.34.
#[must_use]
pub fn evictions_per_second(state: ZoneState, nodes: u32, limits: &ZoneLimits) -> f32 {
    match state {
        ZoneState::Partial if nodes > limits.large_cluster_size => limits.secondary_eviction_rate,
        ZoneState::Partial => 0.0,
        ZoneState::Normal | ZoneState::Full => limits.eviction_rate,
    }
}

/// Nodes of one zone that wait for their NoExecute taint: a queue behind a token bucket of one token.
#[derive(Clone, Debug)]
pub struct TaintQueue {
    /// Tokens in a second; 0: none ever.
    rate: f32,
    /// When there is a token again.
    token_at: SimTime,
    nodes: VecDeque<NodeId>,
}

impl TaintQueue {
    /// An empty queue with a token.
    #[must_use]
    pub const fn new(rate: f32) -> Self {
        Self { rate, token_at: SimTime(i64::MIN), nodes: VecDeque::new() }
    }

    /// Another rate. The new bucket has a token if the old one had.
    pub fn set_rate(&mut self, now: SimTime, rate: f32) {
        if rate.to_bits() == self.rate.to_bits() {
            return;
        }
        let had_token = self.rate > 0.0 && self.token_at <= now;
        self.rate = rate;
        self.token_at = if had_token || rate <= 0.0 { now } else { now + self.interval() };
    }

    /// Adds a node, unless it waits already.
    pub fn add(&mut self, node: NodeId) {
        if !self.nodes.contains(&node) {
            self.nodes.push_back(node);
        }
    }

    /// The node does not wait any more.
    pub fn remove(&mut self, node: NodeId) {
        self.nodes.retain(|other| *other != node);
    }

    /// When the first of the queue can be taken; `None`: nobody waits, or there is never a token.
    #[must_use]
    pub fn next_at(&self, now: SimTime) -> Option<SimTime> {
        (!self.nodes.is_empty() && self.rate > 0.0).then(|| self.token_at.max(now))
    }

    /// Takes the first of the queue, if there is a token.
    pub fn pop(&mut self, now: SimTime) -> Option<NodeId> {
        if self.rate <= 0.0 || self.token_at > now {
            return None;
        }
        let node = self.nodes.pop_front()?;
        self.token_at = now + self.interval();
        Some(node)
    }

    fn interval(&self) -> SimDuration {
        // Rates are short decimals kept with 32 bits: the milliseconds are what was meant.
        #[allow(clippy::cast_possible_truncation)]
        SimDuration::from_millis((1000.0 / self.rate).round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DenseId;

    #[test]
    fn a_bucket_that_never_had_a_token_starts_empty() {
        let (start, second) = (SimTime(0), SimDuration::from_secs(1));
        let [a, b] = [0, 1].map(NodeId::from_index);
        let mut queue = TaintQueue::new(0.1);
        queue.add(a);
        queue.add(b);
        queue.add(a);
        assert_eq!(queue.pop(start), Some(a));
        assert_eq!((queue.pop(start + second * 9), queue.next_at(start)), (None, Some(start + second * 10)));
        queue.set_rate(start + second, 0.0);
        assert_eq!((queue.next_at(start + second * 60), queue.pop(start + second * 60)), (None, None));
        queue.set_rate(start + second * 60, 0.1);
        assert_eq!(queue.next_at(start + second * 60), Some(start + second * 70));
        queue.remove(b);
        assert_eq!(queue.next_at(start + second * 90), None);
    }
}
