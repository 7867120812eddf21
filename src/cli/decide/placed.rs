//! What preemption asks about pods on nodes: when they started, which budgets count for them.

use super::cluster::Cluster;
use crate::base::SimTime;
use crate::manifest::PodObject;
use crate::model::PodId;
use crate::scheduler::preemption::Victims;

/// A pod that is or was on a node.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// Its `namespace/name`.
    pub key: String,
    started: SimTime,
    evicted_by_scheduler: bool,
    /// The budgets that count for it, by their places.
    budgets: Vec<usize>,
}

impl Placed {
    /// A pod that was there before.
    pub fn existing(cluster: &Cluster, pod: &PodObject) -> Self {
        let started = pod.observed.started.unwrap_or_default();
        Self { evicted_by_scheduler: pod.observed.evicted_by_scheduler, ..Self::decided(cluster, pod, started) }
    }

    /// A pod that was decided about and starts now.
    pub fn decided(cluster: &Cluster, pod: &PodObject, started: SimTime) -> Self {
        let strings = &cluster.words.strings;
        let (labels, name) = (strings.labels(pod.template.labels), strings.text(pod.name));
        let budgets = cluster
            .budgets
            .iter()
            .enumerate()
            .filter(|(_, budget)| budget.protects(pod.namespace, labels, strings) && !budget.has_disrupted(name));
        let budgets = budgets.map(|(at, _)| at).collect();
        Self { key: cluster.key(pod), started, evicted_by_scheduler: false, budgets }
    }
}

impl Victims for Cluster {
    fn started(&self, pod: PodId) -> SimTime {
        self.placed[pod].started
    }

    fn evicted_by_scheduler(&self, pod: PodId) -> bool {
        self.placed[pod].evicted_by_scheduler
    }

    fn disruptions_allowed(&self) -> Vec<i64> {
        // Nobody brings a status up to date here; a budget without one says that nothing is allowed.
        self.budgets.iter().map(|budget| budget.disruptions_allowed(0, 0)).collect()
    }

    fn budgets_of(&self, pod: PodId, budgets: &mut Vec<usize>) {
        budgets.extend_from_slice(&self.placed[pod].budgets);
    }
}
