//! One question put to one node, from the view's running sums: the first rejection in filter order, or the scores that
//! depend on that node alone. Knows no cache. The plugins' own functions do the arithmetic.

use super::framework::{Plugin, Reason, Rejection, Verdict};
use super::plugins::node_resources_fit::Insufficient;
use super::plugins::{
    balanced_allocation, node_affinity, node_ports, node_resources_fit, node_unschedulable, resource_allocation,
    taint_toleration,
};
use super::rules::Rules;
use super::tables::{Class, Request, Statics};
use super::view::View;
use crate::model::profile::PluginArgs;
use crate::model::{HostPort, NodeId, StrId};

/// A class, taken apart for asking many nodes.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    request: &'a Request,
    statics: &'a Statics,
    ports: &'a [HostPort],
    pub(super) rules: &'a Rules,
    args: &'a PluginArgs,
    /// The nodes that PreFilter leaves.
    named: Option<&'a [StrId]>,
    /// The weight of NodeResourcesBalancedAllocation, or 0 if it leaves the pod alone.
    balance: i64,
    /// The images that the score of the nodes hangs on.
    images: &'a [StrId],
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
    /// The profile's added affinity does not match.
    EnforcedNodeAffinity,
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
            Self::EnforcedNodeAffinity => (Plugin::NodeAffinity, Verdict::unresolvable(Reason::EnforcedNodeAffinity)),
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
        let statics = tables.statics(class.statics);
        let (profile, rules) = (tables.profile(class), tables.rules(class));
        let skips = balanced_allocation::skips(&profile.args.balanced.resources, &request.for_balance());
        Self {
            request,
            statics,
            ports: tables.ports(class.ports),
            rules,
            args: &profile.args,
            named: statics.named_nodes.as_deref().filter(|_| rules.narrows_to_names),
            images: tables.signature(class.signature).images.map_or(&[], |images| tables.images(images)),
            balance: if skips { 0 } else { rules.balance_weight },
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
        let runs = |plugin| self.rules.filters.contains(plugin);
        if let Some(named) = self.named
            && !named.contains(&facts.name)
        {
            return Err(Reject::NotNamed);
        }
        if facts.unschedulable
            && runs(Plugin::NodeUnschedulable)
            && !node_unschedulable::tolerated(&statics.tolerations)
        {
            return Err(Reject::NodeUnschedulable);
        }
        if statics.node_name.is_some_and(|wanted| wanted != facts.name) && runs(Plugin::NodeName) {
            return Err(Reject::NodeName);
        }
        let taints = tables.taints(facts.taints);
        if let Some(taint) = taint_toleration::first_untolerated(taints, &statics.tolerations)
            && runs(Plugin::TaintToleration)
        {
            return Err(Reject::Taint { key: taint.key, value: taint.value });
        }
        let affinity = statics.node_affinity.as_deref();
        let labels = tables.labels_of(facts);
        if runs(Plugin::NodeAffinity) {
            if !node_affinity::matches_added(&self.args.node_affinity, &labels) {
                return Err(Reject::EnforcedNodeAffinity);
            }
            if !node_affinity::matches(&statics.node_selector, affinity, &labels) {
                return Err(Reject::NodeAffinity);
            }
        }
        if !self.ports.is_empty() && runs(Plugin::NodePorts) && node_ports::any_conflict(self.ports, view.ports(node)) {
            return Err(Reject::NodePorts);
        }
        let (usage, amounts) = (view.usage(node), &self.request.amounts);
        let scalars = if amounts.scalar.is_empty() { &[] } else { view.scalars(node) };
        if runs(Plugin::NodeResourcesFit) {
            let short = node_resources_fit::insufficient(amounts, usage, scalars, &self.args.fit.ignored_resources);
            if !short.is_none() {
                return Err(Reject::Fit(short));
            }
        }
        let mut score = 0;
        if self.rules.fit_weight != 0 {
            let fit = resource_allocation::score(&self.args.fit.strategy, &self.request.for_fit(), usage, scalars);
            score += fit * self.rules.fit_weight;
        }
        if self.balance != 0 {
            let (resources, pod) = (&self.args.balanced.resources, self.request.for_balance());
            score += balanced_allocation::score(resources, &pod, usage, scalars) * self.balance;
        }
        if !self.images.is_empty() {
            score += view.image_score(self.images, facts) * self.rules.image_weight;
        }
        let intolerable =
            if taints.is_empty() { 0 } else { taint_toleration::intolerable(taints, &statics.tolerations) };
        Ok(Fit {
            score: score as i16,
            intolerable: u16::try_from(intolerable).expect("a node has fewer than 2^16 taints"),
            preferred: node_affinity::preference(&self.args.node_affinity, affinity, &labels),
        })
    }
}
