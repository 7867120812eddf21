//! PodTopologySpread's score: fewer matching pods in the node's domains are better. The filter is in
//! [`super::pod_topology_spread`]. Mirrors pkg/scheduler/framework/plugins/podtopologyspread/scoring.go (v1.34.1).

use rustc_hash::FxHashMap;

use super::pod_topology_spread::{Incoming, NodeDomains, counts, has_all_keys, includes};
use crate::model::strings::known;
use crate::model::{NodeLabels, PodLabels, SpreadConstraint, StrId, Taint};
use crate::scheduler::framework::MAX_NODE_SCORE;

/// A constraint with what was counted for it.
#[derive(Clone, Debug)]
struct Counted {
    constraint: SpreadConstraint,
    /// Pods by domain, for domains that some feasible node is in. Nodes without the label share the empty one. Not kept for
    /// hostnames: those are counted node by node.
    domains: FxHashMap<StrId, i64>,
    weight: f64,
}

/// What PreScore counted. To be filled with [`count`](Self::count) for every pod of the cluster.
#[derive(Clone, Debug)]
pub struct Score<'a> {
    incoming: Incoming<'a>,
    constraints: Vec<Counted>,
    requires_all_keys: bool,
}

impl<'a> Score<'a> {
    /// Nothing counted yet. `constraints` are those with ScheduleAnyway; `requires_all_keys` is false for the system's default
    /// ones, which do not ask that every node has a zone. `feasible` are the nodes that are to be scored.
    #[must_use]
    pub fn new<N: NodeLabels>(
        incoming: Incoming<'a>,
        constraints: Vec<SpreadConstraint>,
        requires_all_keys: bool,
        feasible: impl Iterator<Item = N> + Clone,
    ) -> Self {
        let scored = feasible.filter(|node| !requires_all_keys || has_all_keys(&constraints, node));
        let count = |constraint: &SpreadConstraint| {
            let is_hostname = constraint.topology_key == known::LABEL_HOSTNAME;
            let domain = |node: N| (node.label(constraint.topology_key).unwrap_or(known::EMPTY), 0);
            let domains: FxHashMap<StrId, i64> =
                if is_hostname { FxHashMap::default() } else { scored.clone().map(domain).collect() };
            let size = if is_hostname { scored.clone().count() } else { domains.len() };
            Counted { constraint: constraint.clone(), domains, weight: weight(size) }
        };
        let constraints = constraints.iter().map(count).collect();
        Self { incoming, constraints, requires_all_keys }
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn skips(&self) -> bool {
        self.constraints.is_empty()
    }

    fn is_ignored(&self, node: &impl NodeLabels) -> bool {
        self.requires_all_keys && self.constraints.iter().any(|c| node.label(c.constraint.topology_key).is_none())
    }

    /// Where a node of the cluster, feasible or not, counts.
    #[must_use]
    pub fn domains_of(&self, node: &impl NodeLabels, taints: &[Taint]) -> NodeDomains {
        let ignored = self.is_ignored(node);
        let domain = |counted: &Counted| {
            let domain = node.label(counted.constraint.topology_key).unwrap_or(known::EMPTY);
            let counts = !ignored
                && counted.domains.contains_key(&domain)
                && includes(&counted.constraint, &self.incoming, node, taints);
            counts.then_some(domain)
        };
        self.constraints.iter().map(domain).collect()
    }

    /// A pod is on the node of these domains.
    pub fn count(&mut self, domains: &NodeDomains, pod: PodLabels<'_>, terminating: bool) {
        for (counted, domain) in self.constraints.iter_mut().zip(domains) {
            if let Some(domain) = domain
                && counts(&counted.constraint, self.incoming.pod, pod, terminating)
            {
                *counted.domains.entry(*domain).or_insert(0) += 1;
            }
        }
    }

    /// A feasible node's raw score, less is better; `None` if it lacks a label that it must have. `pods` are those on it, and
    /// whether they are terminating.
    #[must_use]
    pub fn raw<'p>(
        &self,
        node: &impl NodeLabels,
        pods: impl Iterator<Item = (PodLabels<'p>, bool)> + Clone,
    ) -> Option<i64> {
        if self.is_ignored(node) {
            return None;
        }
        let part = |Counted { constraint, domains, weight }: &Counted| {
            let domain = node.label(constraint.topology_key)?;
            let count = if constraint.topology_key == known::LABEL_HOSTNAME {
                let here = pods.clone().filter(|&(pod, gone)| counts(constraint, self.incoming.pod, pod, gone)).count();
                i64::try_from(here).unwrap_or(i64::MAX)
            } else {
                domains.get(&domain).copied().unwrap_or(0)
            };
            Some((count, *weight, constraint.max_skew))
        };
        Some(sum(self.constraints.iter().filter_map(part)))
    }
}

/// A raw score, from the pods, the weight and the skew of each constraint whose label the node has.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub(crate) fn sum(parts: impl Iterator<Item = (i64, f64, i32)>) -> i64 {
    // The product and the sums are rounded one by one, in this order.
    let sum = parts.fold(0.0, |sum, (count, weight, max_skew)| sum + (count as f64 * weight + f64::from(max_skew - 1)));
    sum.round() as i64
}

/// More domains tell less about each.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn weight(domains: usize) -> f64 {
    libm::log((domains + 2) as f64)
}

/// The scores of feasible nodes from their raw ones.
#[must_use]
pub fn normalized(raw: &[Option<i64>]) -> Vec<i64> {
    let least = raw.iter().flatten().copied().min().unwrap_or(0);
    let most = raw.iter().flatten().copied().max().unwrap_or(0).max(0);
    let one = |raw: &Option<i64>| match *raw {
        None => 0,
        Some(_) if most == 0 => MAX_NODE_SCORE,
        Some(raw) => MAX_NODE_SCORE * (most + least - raw) / most,
    };
    raw.iter().map(one).collect()
}
