//! What happened while pods were being tried: an event that came during an attempt must not be lost when the attempt fails.
//! Mirrors the in-flight list of pkg/scheduler/backend/queue/active_queue.go (v1.34.1).

use std::collections::VecDeque;

use super::framework::{Plugin, PluginSet};
use super::hints::ClusterEvent;
use crate::model::{ClassId, PodId};

/// Something that happened during an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    /// To the cluster.
    Cluster(ClusterEvent),
    /// To one pod: it satisfies these plugins.
    Own {
        /// The pod.
        pod: PodId,
        /// The plugins.
        satisfied: PluginSet,
    },
}

/// A pod that is being tried, as it is now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pod: PodId,
    since: u64,
    pub(super) class: ClassId,
    pub(super) gate: Option<Plugin>,
}

/// The pods that are being tried, and what happened since the oldest of them was popped.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight {
    /// A handful at most: attempts end before the binding starts.
    flights: Vec<Flight>,
    log: VecDeque<Seen>,
    log_start: u64,
}

impl InFlight {
    /// An attempt begins.
    pub(super) fn start(&mut self, pod: PodId, class: ClassId, gate: Option<Plugin>) {
        let since = self.log_start + self.log.len() as u64;
        self.flights.push(Flight { pod, since, class, gate });
    }

    /// An attempt ended. What only it needed is dropped.
    pub(super) fn finish(&mut self, pod: PodId) {
        self.flights.retain(|flight| flight.pod != pod);
        let needed = self.flights.iter().map(|flight| flight.since).min();
        let end = self.log_start + self.log.len() as u64;
        let drop = needed.unwrap_or(end) - self.log_start;
        self.log.drain(..usize::try_from(drop).expect("less than the log"));
        self.log_start += drop;
    }

    /// Notes what happened, if anybody is being tried.
    pub(super) fn record(&mut self, seen: Seen) {
        if !self.flights.is_empty() {
            self.log.push_back(seen);
        }
    }

    /// What happened since `pod` was popped; nothing if it is not being tried.
    pub(super) fn seen(&self, pod: PodId) -> impl Iterator<Item = &Seen> {
        let since = self.of(pod).map_or(self.log_start + self.log.len() as u64, |flight| flight.since);
        self.log.iter().skip(usize::try_from(since - self.log_start).expect("within the log"))
    }

    /// The attempt of `pod`.
    pub(super) fn of(&self, pod: PodId) -> Option<&Flight> {
        self.flights.iter().find(|flight| flight.pod == pod)
    }

    /// The attempt of `pod`, to be changed.
    pub(super) fn of_mut(&mut self, pod: PodId) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.pod == pod)
    }
}
