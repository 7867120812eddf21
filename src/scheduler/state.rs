//! The state of one cycle of the plain evaluator: what PreFilter and PreScore prepare, recounted from the view's pods, and
//! every plugin's verdict and score from it. Pods can be taken away from a node and put back, for questions of the kind "what
//! if". Mirrors `CycleState` and its users in pkg/scheduler/framework (v1.34.1); the arithmetic is the plugins' own.

use super::framework::{Plugin, Rejection, Verdict};
use super::plugins::node_resources_fit::{Scalar, Usage};
use super::plugins::{
    balanced_allocation, node_affinity, node_name, node_ports, node_resources_fit, node_unschedulable,
    resource_allocation, taint_toleration,
};
use super::scan::NodeScores;
use super::tables::{Class, NodeFacts, Request, Statics, Tables};
use super::view::View;
use crate::base::IdVec;
use crate::model::profile::Profile;
use crate::model::{ClassId, HostPort, NodeId, PodId};

/// A node's load, recounted from its pods.
#[derive(Clone, Debug, Default)]
struct Load {
    usage: Usage,
    scalars: Vec<Scalar>,
    ports: Vec<HostPort>,
}

impl Load {
    fn of(tables: &Tables, facts: &NodeFacts) -> Self {
        let offered = tables.allocatable(facts.allocatable);
        let usage = Usage {
            allocatable_milli_cpu: offered.amounts.milli_cpu,
            allocatable_memory: offered.amounts.memory,
            allocatable_ephemeral: offered.amounts.ephemeral_storage,
            allocatable_pods: offered.pods,
            ..Usage::default()
        };
        let scalars = offered.amounts.scalar.iter();
        let scalars = scalars.map(|&(name, allocatable)| Scalar { name, allocatable, requested: 0 }).collect();
        Self { usage, scalars, ports: Vec::new() }
    }

    /// Counts a pod of `class` `sign` times.
    fn count(&mut self, tables: &Tables, class: &Class, sign: i64) {
        let request = tables.request(class.request);
        let usage = &mut self.usage;
        usage.milli_cpu += sign * request.amounts.milli_cpu;
        usage.memory += sign * request.amounts.memory;
        usage.ephemeral += sign * request.amounts.ephemeral_storage;
        usage.scoring_milli_cpu += sign * request.accounted_milli_cpu;
        usage.scoring_memory += sign * request.accounted_memory;
        usage.pods += sign;
        for scalar in &mut self.scalars {
            scalar.requested += sign * request.amounts.scalar(scalar.name);
        }
        let ports = tables.ports(class.ports);
        if sign > 0 {
            self.ports.extend_from_slice(ports);
        } else {
            for port in ports {
                if let Some(at) = self.ports.iter().position(|used| used == port) {
                    self.ports.swap_remove(at);
                }
            }
        }
    }
}

/// One cycle's state, for one pod.
#[derive(Clone, Debug)]
pub struct CycleState<'a> {
    view: &'a View,
    tables: &'a Tables,
    profile: &'a Profile,
    class: Class,
    request: &'a Request,
    statics: &'a Statics,
    loads: IdVec<NodeId, Load>,
}

impl<'a> CycleState<'a> {
    /// Recounts everything for a pod of `class`. The list must be fresh.
    #[must_use]
    pub fn new(view: &'a View, class: ClassId) -> Self {
        let tables = view.tables();
        let class = tables.class(class);
        let mut loads = IdVec::new();
        for &node in view.list() {
            loads.grow_to(node, Load::default());
            if let Some(facts) = view.facts(node) {
                loads[node] = Load::of(tables, facts);
            }
        }
        let mut state = Self {
            view,
            tables,
            profile: tables.profile(&class),
            class,
            request: tables.request(class.request),
            statics: tables.statics(class.statics),
            loads,
        };
        for (pod, node, class) in view.placed_pods() {
            state.count(pod, class, node, 1);
        }
        state
    }

    /// Takes a pod off `node`.
    pub fn remove_pod(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        self.count(pod, class, node, -1);
    }

    /// Puts a pod on `node`.
    pub fn add_pod(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        self.count(pod, class, node, 1);
    }

    fn count(&mut self, _pod: PodId, class: ClassId, node: NodeId, sign: i64) {
        let class = self.tables.class(class);
        // A pod on a node that is not there has no effect.
        if self.view.facts(node).is_some() {
            self.loads[node].count(self.tables, &class, sign);
        }
    }

    fn facts(&self, node: NodeId) -> &'a NodeFacts {
        self.view.facts(node).expect("a listed node exists")
    }

    /// What the first plugin that says no says, in filter order; a node that PreFilter left out comes before all.
    #[must_use]
    pub fn filter(&self, node: NodeId) -> Option<Rejection> {
        let named = self.tables.named_nodes(&self.class);
        let left_out = node_affinity::filter_named(named, self.facts(node).name);
        if !left_out.fits() {
            return Some(Rejection { plugin: Plugin::NodeAffinity, verdict: left_out });
        }
        let verdicts =
            self.profile.filter.iter().map(|&plugin| Rejection { plugin, verdict: self.verdict(plugin, node) });
        verdicts.into_iter().find(|rejection| !rejection.verdict.fits())
    }

    fn verdict(&self, plugin: Plugin, node: NodeId) -> Verdict {
        let (tables, statics, facts, load) = (self.tables, self.statics, self.facts(node), &self.loads[node]);
        let args = &self.profile.args;
        match plugin {
            Plugin::NodeUnschedulable => node_unschedulable::filter(facts.unschedulable, &statics.tolerations),
            Plugin::NodeName => node_name::filter(statics.node_name, facts.name),
            Plugin::TaintToleration => taint_toleration::filter(tables.taints(facts.taints), &statics.tolerations),
            Plugin::NodeAffinity => {
                let affinity = statics.node_affinity.as_deref();
                node_affinity::filter(&args.node_affinity, &statics.node_selector, affinity, &tables.labels_of(facts))
            }
            Plugin::NodePorts => node_ports::filter(tables.ports(self.class.ports), &load.ports),
            Plugin::NodeResourcesFit => {
                let request = &self.request.amounts;
                let ignored = &args.fit.ignored_resources;
                node_resources_fit::insufficient(request, &load.usage, &load.scalars, ignored).verdict(request)
            }
            _ => Verdict::Fits,
        }
    }

    /// Every plugin's weighted score of every node in `feasible`, normalized over them.
    #[must_use]
    pub fn score(&self, feasible: &[NodeId]) -> Vec<NodeScores> {
        let empty = |&node: &NodeId| NodeScores { node, scores: Vec::new(), total: 0 };
        let mut all: Vec<NodeScores> = feasible.iter().map(empty).collect();
        for &(plugin, weight) in &self.profile.score {
            let Some(scores) = self.scores_of(plugin, feasible) else { continue };
            for (node, score) in all.iter_mut().zip(scores) {
                node.scores.push((plugin, score * weight));
                node.total += score * weight;
            }
        }
        all
    }

    /// A plugin's normalized scores, node by node; `None` if it leaves the pod alone.
    fn scores_of(&self, plugin: Plugin, feasible: &[NodeId]) -> Option<Vec<i64>> {
        let (tables, statics, request) = (self.tables, self.statics, self.request);
        let args = &self.profile.args;
        let of_nodes = |score: &dyn Fn(NodeId) -> i64| feasible.iter().map(|&node| score(node)).collect::<Vec<_>>();
        let scores = match plugin {
            Plugin::TaintToleration => {
                let taints = |node| tables.taints(self.facts(node).taints);
                let raw = of_nodes(&|node| taint_toleration::intolerable(taints(node), &statics.tolerations));
                let worst = raw.iter().copied().max().unwrap_or(0);
                raw.into_iter().map(|count| taint_toleration::normalized(count, worst)).collect()
            }
            Plugin::NodeAffinity => {
                let (args, affinity) = (&args.node_affinity, statics.node_affinity.as_deref());
                if node_affinity::skips(args, affinity) {
                    return None;
                }
                let labels = |node| tables.labels_of(self.facts(node));
                let raw = of_nodes(&|node| i64::from(node_affinity::preference(args, affinity, &labels(node))));
                let most = raw.iter().copied().max().unwrap_or(0);
                raw.into_iter().map(|preference| node_affinity::normalized(preference, most)).collect()
            }
            Plugin::NodeResourcesFit => {
                let pod = request.for_fit();
                let load = |node| &self.loads[node];
                of_nodes(&|node| {
                    resource_allocation::score(&args.fit.strategy, &pod, &load(node).usage, &load(node).scalars)
                })
            }
            Plugin::NodeResourcesBalancedAllocation => {
                let (resources, pod) = (&args.balanced.resources, request.for_balance());
                if balanced_allocation::skips(resources, &pod) {
                    return None;
                }
                let load = |node| &self.loads[node];
                of_nodes(&|node| balanced_allocation::score(resources, &pod, &load(node).usage, &load(node).scalars))
            }
            Plugin::ImageLocality => {
                let images = tables.images(self.class.images);
                of_nodes(&|node| self.view.image_score(images, self.facts(node)))
            }
            _ => return None,
        };
        Some(scores)
    }
}
