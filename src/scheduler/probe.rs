//! One question put to one node, from the view's running sums: the first rejection in filter order, or the scores that
//! depend on that node alone. Knows no cache. The plugins' own functions do the arithmetic.

use super::framework::{Plugin, Reason, Rejection, Verdict};
use super::pack::{Amount, Plain};
use super::plugins::node_resources_fit::{Insufficient, Scalar, Usage};
use super::plugins::{
    balanced_allocation, node_affinity, node_ports, node_resources_fit, node_unschedulable, resource_allocation,
    taint_toleration,
};
use super::rules::Rules;
use super::tables::{Class, NodeFacts, Request, Statics, Tables};
use super::view::View;
use crate::model::profile::{PluginArgs, ScoringStrategyType};
use crate::model::strings::known;
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
    /// The label of a topology spread constraint is missing.
    SpreadLabel,
    /// The topology domain is too full.
    Spread,
    /// No pod is there that must be near.
    Affinity,
    /// A pod is there that must not be near.
    AntiAffinity,
    /// A pod is there that does not want this one near.
    ExistingAntiAffinity,
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
    /// Whether it hangs on what a node's pods take.
    pub(super) const fn is_of_load(self) -> bool {
        matches!(self, Self::NodePorts | Self::Fit(_))
    }

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
            Self::SpreadLabel => (Plugin::PodTopologySpread, Verdict::unresolvable(Reason::TopologySpreadLabel)),
            Self::Spread => (Plugin::PodTopologySpread, Verdict::unschedulable(Reason::TopologySpread)),
            Self::Affinity => (Plugin::InterPodAffinity, Verdict::unresolvable(Reason::PodAffinity)),
            Self::AntiAffinity => (Plugin::InterPodAffinity, Verdict::unschedulable(Reason::PodAntiAffinity)),
            Self::ExistingAntiAffinity => {
                (Plugin::InterPodAffinity, Verdict::unschedulable(Reason::ExistingPodsAntiAffinity))
            }
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
    pub fn evaluate(&self, view: &View, node: NodeId) -> Result<Fit, Reject> {
        let (intolerable, preferred) = self.facts(view, node)?;
        let score = self.load(view, node)?;
        Ok(Fit { score, intolerable, preferred })
    }

    /// What hangs on a node's fixed properties: how many taints the pod would avoid, and the weights of preferred terms.
    ///
    /// # Errors
    /// The first rejection in filter order.
    #[inline]
    pub(super) fn facts(&self, view: &View, node: NodeId) -> Result<(u16, u32), Reject> {
        let tables = view.tables();
        let facts = view.facts(node).expect("a listed node exists");
        self.filter_facts(tables, facts)?;
        let taints = tables.taints(facts.taints);
        let tolerations = &self.statics.tolerations;
        let intolerable = if taints.is_empty() { 0 } else { taint_toleration::intolerable(taints, tolerations) };
        let intolerable = u16::try_from(intolerable).expect("a node has fewer than 2^16 taints");
        let affinity = self.statics.node_affinity.as_deref();
        let preferred = node_affinity::preference(&self.args.node_affinity, affinity, &tables.labels_of(facts));
        Ok((intolerable, preferred))
    }

    /// Whether [`facts`](Self::facts) says the same of nodes of the same [`Kind`](super::tables::Kind).
    #[inline]
    pub(super) const fn looks_at_kind_alone(&self) -> bool {
        !self.statics.looks_at_names && !self.rules.looks_at_names
    }

    /// What hangs on what a node's pods take, and on images: the score.
    ///
    /// # Errors
    /// The first rejection in filter order, which comes after those of [`facts`](Self::facts).
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn load(&self, view: &View, node: NodeId) -> Result<i16, Reject> {
        let scalars = if self.request.amounts.scalar.is_empty() { &[] } else { view.scalars(node) };
        let usage = view.usage(node);
        self.filter_load(usage, scalars, || view.ports(node))?;
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
            let facts = view.facts(node).expect("a listed node exists");
            score += view.image_score(self.images, facts) * self.rules.image_weight;
        }
        Ok(score as i16)
    }

    /// Whether [`load`](Self::load) says the same of nodes of the same usage.
    pub(super) fn looks_at_usage_alone(&self) -> bool {
        self.ports.is_empty() && self.images.is_empty() && self.request.amounts.scalar.is_empty()
    }

    /// What is asked, if a node's usage answers it alone, with the usual scores.
    pub(super) fn plain(&self) -> Option<Plain> {
        let (fit, balanced) = (&self.args.fit.strategy, &self.args.balanced.resources);
        let is_plain = self.looks_at_usage_alone()
            && self.rules.filters.contains(Plugin::NodeResourcesFit)
            && fit.kind == ScoringStrategyType::LeastAllocated
            && fit.resources[..] == [(known::CPU, 1), (known::MEMORY, 1)]
            && (self.balance == 0 || balanced[..] == [known::CPU, known::MEMORY]);
        let amounts = &self.request.amounts;
        is_plain.then_some(Plain {
            milli_cpu: Amount { request: amounts.milli_cpu, scoring: self.request.scoring_milli_cpu },
            memory: Amount { request: amounts.memory, scoring: self.request.scoring_memory },
            ephemeral_storage: amounts.ephemeral_storage,
            fit_weight: self.rules.fit_weight,
            balance_weight: self.balance,
        })
    }

    /// What the filters say that look at a node's fixed properties.
    ///
    /// # Errors
    /// The first rejection in filter order.
    #[inline]
    pub(super) fn filter_facts(&self, tables: &Tables, facts: &NodeFacts) -> Result<(), Reject> {
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
        if runs(Plugin::NodeAffinity) {
            let (affinity, labels) = (statics.node_affinity.as_deref(), tables.labels_of(facts));
            if !node_affinity::matches_added(&self.args.node_affinity, &labels) {
                return Err(Reject::EnforcedNodeAffinity);
            }
            if !node_affinity::matches(&statics.node_selector, affinity, &labels) {
                return Err(Reject::NodeAffinity);
            }
        }
        Ok(())
    }

    /// What the filters say that look at what a node's pods take; they come after all of
    /// [`filter_facts`](Self::filter_facts).
    ///
    /// # Errors
    /// The first rejection in filter order.
    #[inline]
    pub(super) fn filter_load<'p>(
        &self,
        usage: &Usage,
        scalars: &[Scalar],
        ports: impl FnOnce() -> &'p [HostPort],
    ) -> Result<(), Reject> {
        let runs = |plugin| self.rules.filters.contains(plugin);
        if !self.ports.is_empty() && runs(Plugin::NodePorts) && node_ports::any_conflict(self.ports, ports()) {
            return Err(Reject::NodePorts);
        }
        if runs(Plugin::NodeResourcesFit) {
            let (amounts, ignored) = (&self.request.amounts, &self.args.fit.ignored_resources);
            let short = node_resources_fit::insufficient(amounts, usage, scalars, ignored);
            if !short.is_none() {
                return Err(Reject::Fit(short));
            }
        }
        Ok(())
    }

    /// Whether the verdicts hang on host ports.
    pub(super) const fn has_ports(&self) -> bool {
        !self.ports.is_empty()
    }

    /// Whether the verdicts hang on extended resources.
    pub(super) fn has_scalars(&self) -> bool {
        !self.request.amounts.scalar.is_empty()
    }
}
