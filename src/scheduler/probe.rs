//! One question put to one node, from the view's running sums: the first rejection in filter order, or the scores that
//! depend on that node alone. Knows no cache. The plugins' own functions do the arithmetic.

use super::framework::{Plugin, Reason, Rejection, Verdict};
use super::plugins::node_resources_fit::Insufficient;
use super::plugins::{
    balanced_allocation, node_affinity, node_ports, node_resources_fit, node_unschedulable, taint_toleration,
};
use super::tables::{Class, Request, Statics};
use super::view::View;
use crate::model::{HostPort, NodeId, StrId};

/// A class, taken apart for asking many nodes.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    request: &'a Request,
    statics: &'a Statics,
    ports: &'a [HostPort],
    balance: bool,
}

/// A rejection in few bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reject {
    /// Cordoned.
    NodeUnschedulable,
    /// Another node is asked for.
    NodeName,
    /// An untolerated taint.
    Taint {
        /// Its key.
        key: StrId,
        /// Its value.
        value: StrId,
    },
    /// Labels do not match.
    NodeAffinity,
    /// Node affinity names other nodes.
    NotNamed,
    /// A host port is taken.
    NodePorts,
    /// Too little is left.
    Fit(Insufficient),
}

/// A node that fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fit {
    /// The weighted scores that depend on this node alone.
    pub score: i16,
    /// How many PreferNoSchedule taints are not tolerated: normalized over the window later.
    pub intolerable: u16,
    /// The weights of the preferred terms of node affinity that match: normalized over the window later.
    pub preferred: u32,
}

impl Reject {
    /// The plugin and its verdict in full.
    #[must_use]
    pub fn rejection(self, probe: &Probe<'_>) -> Rejection {
        let (plugin, verdict) = match self {
            Self::NodeUnschedulable => (Plugin::NodeUnschedulable, Verdict::unresolvable(Reason::NodeUnschedulable)),
            Self::NodeName => (Plugin::NodeName, Verdict::unresolvable(Reason::NodeName)),
            Self::Taint { key, value } => {
                (Plugin::TaintToleration, Verdict::unresolvable(Reason::UntoleratedTaint { key, value }))
            }
            Self::NodeAffinity => (Plugin::NodeAffinity, Verdict::unresolvable(Reason::NodeAffinity)),
            Self::NotNamed => (Plugin::NodeAffinity, Verdict::unresolvable(Reason::NotNamed)),
            Self::NodePorts => (Plugin::NodePorts, Verdict::unschedulable(Reason::NodePorts)),
            Self::Fit(short) => (Plugin::NodeResourcesFit, short.verdict(&probe.request.amounts)),
        };
        Rejection { plugin, verdict }
    }
}

impl<'a> Probe<'a> {
    /// The question that pods of `class` ask.
    #[inline]
    #[must_use]
    pub fn new(view: &'a View, class: &Class) -> Self {
        let tables = view.tables();
        let request = tables.request(class.request);
        Self {
            request,
            statics: tables.statics(class.statics),
            ports: tables.ports(class.ports),
            balance: !balanced_allocation::skips(&request.amounts),
        }
    }

    /// Asks one node.
    ///
    /// # Errors
    /// The first rejection in filter order.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub fn evaluate(&self, view: &View, node: NodeId) -> Result<Fit, Reject> {
        let tables = view.tables();
        let facts = view.facts(node).expect("a listed node exists");
        let statics = self.statics;
        if let Some(named) = &statics.named_nodes
            && !named.contains(&facts.name)
        {
            return Err(Reject::NotNamed);
        }
        if facts.unschedulable && !node_unschedulable::tolerated(&statics.tolerations) {
            return Err(Reject::NodeUnschedulable);
        }
        if statics.node_name.is_some_and(|wanted| wanted != facts.name) {
            return Err(Reject::NodeName);
        }
        let taints = tables.taints(facts.taints);
        if let Some(taint) = taint_toleration::first_untolerated(taints, &statics.tolerations) {
            return Err(Reject::Taint { key: taint.key, value: taint.value });
        }
        let affinity = statics.node_affinity.as_deref();
        if !node_affinity::matches(&statics.node_selector, affinity, &tables.labels_of(facts)) {
            return Err(Reject::NodeAffinity);
        }
        if !self.ports.is_empty() && node_ports::any_conflict(self.ports, view.ports(node)) {
            return Err(Reject::NodePorts);
        }
        let (usage, amounts) = (view.usage(node), &self.request.amounts);
        let scalars = if amounts.scalar.is_empty() { &[] } else { view.scalars(node) };
        let short = node_resources_fit::insufficient(amounts, usage, scalars);
        if !short.is_none() {
            return Err(Reject::Fit(short));
        }
        let (cpu, memory) = (self.request.scoring_milli_cpu, self.request.scoring_memory);
        let mut score = node_resources_fit::least_allocated(cpu, memory, usage)
            * const { Plugin::NodeResourcesFit.default_weight() };
        if self.balance {
            score += balanced_allocation::score(amounts.milli_cpu, amounts.memory, usage)
                * const { Plugin::NodeResourcesBalancedAllocation.default_weight() };
        }
        let intolerable =
            if taints.is_empty() { 0 } else { taint_toleration::intolerable(taints, &statics.tolerations) };
        Ok(Fit {
            score: score as i16,
            intolerable: u16::try_from(intolerable).expect("a node has fewer than 2^16 taints"),
            preferred: affinity.map_or(0, |affinity| node_affinity::preference(affinity, &tables.labels_of(facts))),
        })
    }
}
