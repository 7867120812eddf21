//! The state of one cycle of the plain evaluator: what PreFilter and PreScore prepare, recounted from the view's pods, and
//! every plugin's verdict and score from it. Pods can be taken away from a node and put back, for questions of the kind "what
//! if". Mirrors `CycleState` and its users in pkg/scheduler/framework (v1.34.1); the arithmetic is the plugins' own.

use super::framework::{Plugin, Rejection, Verdict};
use super::plugins::node_resources_fit::{Scalar, Usage};
use super::plugins::{
    balanced_allocation, inter_pod_affinity, node_affinity, node_name, node_ports, node_resources_fit,
    node_unschedulable, pod_topology_spread, pod_topology_spread_score, resource_allocation, taint_toleration,
};
use super::relations::Relations;
use super::scan::{NodeScores, PluginScore};
use super::tables::{Class, LabelsOf, NodeFacts, Request, Statics, Tables, VolumesId};
use super::view::View;
use super::volumes;
use crate::base::IdVec;
use crate::model::profile::{PodTopologySpreadArgs, Profile};
use crate::model::{ClassId, HostPort, NodeId, PodId, WhenUnsatisfiable};

/// A node's load, recounted from its pods.
#[derive(Clone, Debug, Default)]
struct Load {
    usage: Usage,
    scalars: Vec<Scalar>,
    ports: Vec<HostPort>,
    volumes: Vec<VolumesId>,
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
        Self { usage, scalars, ports: Vec::new(), volumes: Vec::new() }
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
        if !tables.volumes(class.volumes).is_empty() {
            if sign > 0 {
                self.volumes.push(class.volumes);
            } else if let Some(at) = self.volumes.iter().position(|used| *used == class.volumes) {
                self.volumes.swap_remove(at);
            }
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
    relations: &'a Relations,
    loads: IdVec<NodeId, Load>,
    spread: pod_topology_spread::Filter<'a>,
    /// Where each node counts for topology spread.
    domains: IdVec<NodeId, pod_topology_spread::NodeDomains>,
    inter_pod: inter_pod_affinity::Filter<'a>,
    /// Whether inter-pod affinity had nothing to say before pods came and went in thought.
    inter_pod_skips: bool,
    volumes: volumes::State<'a>,
}

impl<'a> CycleState<'a> {
    /// Recounts everything for a pod of `class`. The list must be fresh.
    #[must_use]
    pub fn new(view: &'a View, class: ClassId) -> Self {
        let tables = view.tables();
        let class = tables.class(class);
        let relations = tables.relations(class.relations);
        let listers = tables.listers();
        let constraints = tables.spread_constraints(&class, WhenUnsatisfiable::DoNotSchedule);
        let statics = tables.statics(class.statics);
        let mut state = Self {
            view,
            tables,
            profile: tables.profile(&class),
            class,
            request: tables.request(class.request),
            statics,
            relations,
            loads: IdVec::new(),
            volumes: volumes::State::default(),
            spread: pod_topology_spread::Filter::new(spread_incoming(relations, statics), constraints),
            domains: IdVec::new(),
            inter_pod: inter_pod_affinity::Filter::new(
                inter_pod_incoming(tables, relations),
                listers.namespaces.iter(),
            ),
            inter_pod_skips: false,
        };
        for &node in view.list() {
            let facts = state.facts(node);
            state.loads.grow_to(node, Load::default());
            state.loads[node] = Load::of(tables, facts);
            state.domains.grow_to(node, pod_topology_spread::NodeDomains::new());
            state.domains[node] = state.spread.domains_of(&tables.labels_of(facts), tables.taints(facts.taints));
            state.spread.add_node(&state.domains[node]);
        }
        for (pod, node, class) in view.placed_pods().filter(|&(_, node, _)| view.facts(node).is_some()) {
            let pod_relations = state.count(class, node, 1);
            state.spread.count(&state.domains[node], pod_relations.pod(), view.is_terminating(pod));
        }
        state.inter_pod_skips = state.inter_pod.skips();
        state.volumes = volumes::State::new(view, &class);
        state
    }

    /// Takes a pod off `node`.
    pub fn remove_pod(&mut self, _pod: PodId, class: ClassId, node: NodeId) {
        self.move_pod(class, node, -1);
    }

    /// Puts a pod on `node`.
    pub fn add_pod(&mut self, _pod: PodId, class: ClassId, node: NodeId) {
        self.move_pod(class, node, 1);
    }

    fn move_pod(&mut self, class: ClassId, node: NodeId, sign: i64) {
        let relations = self.count(class, node, sign);
        self.spread.update(&self.domains[node], relations.pod(), sign);
    }

    /// Counts a pod for what counts all pods alike.
    fn count(&mut self, class: ClassId, node: NodeId, sign: i64) -> &'a Relations {
        let class = self.tables.class(class);
        let relations = self.tables.relations(class.relations);
        self.loads[node].count(self.tables, &class, sign);
        self.volumes.count(self.tables.volumes(class.volumes), sign);
        let existing = inter_pod_affinity::Existing { pod: relations.pod(), affinity: relations.affinity.as_deref() };
        self.inter_pod.count(existing, &self.labels(node), sign);
        relations
    }

    fn labels(&self, node: NodeId) -> LabelsOf<'a> {
        self.tables.labels_of(self.facts(node))
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
            Plugin::PodTopologySpread => self.spread.verdict(&self.labels(node)),
            Plugin::InterPodAffinity if self.inter_pod_skips => Verdict::Fits,
            Plugin::InterPodAffinity => self.inter_pod.verdict(&self.labels(node)),
            _ => {
                let there = load.volumes.iter().flat_map(|&id| tables.volumes(id));
                self.volumes.verdict(plugin, self.view.storage(), tables, facts, there)
            }
        }
    }

    /// Every plugin's weighted score of every node in `feasible`, normalized over them.
    #[must_use]
    pub fn score(&self, feasible: &[NodeId]) -> Vec<NodeScores> {
        let empty = |&node: &NodeId| NodeScores { node, scores: Vec::new(), total: 0 };
        let mut all: Vec<NodeScores> = feasible.iter().map(empty).collect();
        for &(plugin, weight) in &self.profile.score {
            let Some(scores) = self.scores_of(plugin, feasible) else { continue };
            for (node, (raw, normalized)) in all.iter_mut().zip(scores) {
                let weighted = normalized * weight;
                node.scores.push(PluginScore { plugin, raw, normalized, weighted });
                node.total += weighted;
            }
        }
        all
    }

    /// A plugin's scores, raw and normalized, node by node; `None` if it leaves the pod alone.
    fn scores_of(&self, plugin: Plugin, feasible: &[NodeId]) -> Option<Vec<(i64, i64)>> {
        let (tables, statics, request) = (self.tables, self.statics, self.request);
        let args = &self.profile.args;
        let of_nodes = |score: &dyn Fn(NodeId) -> i64| feasible.iter().map(|&node| score(node)).collect::<Vec<_>>();
        let plain = match plugin {
            Plugin::TaintToleration => {
                let taints = |node| tables.taints(self.facts(node).taints);
                let raw = of_nodes(&|node| taint_toleration::intolerable(taints(node), &statics.tolerations));
                let worst = raw.iter().copied().max().unwrap_or(0);
                return Some(
                    raw.into_iter().map(|count| (count, taint_toleration::normalized(count, worst))).collect(),
                );
            }
            Plugin::NodeAffinity => {
                let (args, affinity) = (&args.node_affinity, statics.node_affinity.as_deref());
                if node_affinity::skips(args, affinity) {
                    return None;
                }
                let labels = |node| tables.labels_of(self.facts(node));
                let raw = of_nodes(&|node| i64::from(node_affinity::preference(args, affinity, &labels(node))));
                let most = raw.iter().copied().max().unwrap_or(0);
                return Some(raw.into_iter().map(|sum| (sum, node_affinity::normalized(sum, most))).collect());
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
            Plugin::PodTopologySpread => return self.spread_scores(feasible),
            Plugin::InterPodAffinity => return self.inter_pod_scores(feasible),
            _ => return None,
        };
        // Plugins without NormalizeScore.
        Some(plain.into_iter().map(|score| (score, score)).collect())
    }

    fn spread_scores(&self, feasible: &[NodeId]) -> Option<Vec<(i64, i64)>> {
        let (view, tables) = (self.view, self.tables);
        let constraints = tables.spread_constraints(&self.class, WhenUnsatisfiable::ScheduleAnyway);
        let is_system = self.relations.spread.is_empty() && self.profile.args.spread == PodTopologySpreadArgs::System;
        let incoming = spread_incoming(self.relations, self.statics);
        let nodes = feasible.iter().map(|&node| self.labels(node));
        let mut state = pod_topology_spread_score::Score::new(incoming, constraints, !is_system, nodes);
        if state.skips() {
            return None;
        }
        let pod_labels = |class: ClassId| tables.relations(tables.class(class).relations).pod();
        for &node in view.list() {
            let domains = state.domains_of(&self.labels(node), tables.taints(self.facts(node).taints));
            for (pod, class) in view.pods_on(node) {
                state.count(&domains, pod_labels(class), view.is_terminating(pod));
            }
        }
        let raw = |&node: &NodeId| {
            let pods = view.pods_on(node).map(|(pod, class)| (pod_labels(class), view.is_terminating(pod)));
            state.raw(&self.labels(node), pods)
        };
        let raw: Vec<Option<i64>> = feasible.iter().map(raw).collect();
        let normalized = pod_topology_spread_score::normalized(&raw);
        // Upstream's Score says 0 of the nodes that it leaves out.
        Some(raw.into_iter().map(Option::unwrap_or_default).zip(normalized).collect())
    }

    fn inter_pod_scores(&self, feasible: &[NodeId]) -> Option<Vec<(i64, i64)>> {
        let (view, tables) = (self.view, self.tables);
        let incoming = inter_pod_incoming(tables, self.relations);
        let namespaces = tables.listers().namespaces.iter();
        let mut state = inter_pod_affinity::Score::new(incoming, self.profile.args.inter_pod, namespaces);
        for &node in view.list() {
            for (_, class) in view.pods_on(node) {
                let relations = tables.relations(tables.class(class).relations);
                let affinity = relations.affinity.as_deref();
                state.count(inter_pod_affinity::Existing { pod: relations.pod(), affinity }, &self.labels(node));
            }
        }
        if state.skips() {
            return None;
        }
        let raw: Vec<i64> = feasible.iter().map(|&node| state.raw(&self.labels(node))).collect();
        let normalized = inter_pod_affinity::normalized(&raw);
        Some(raw.into_iter().zip(normalized).collect())
    }
}

fn spread_incoming<'a>(relations: &'a Relations, statics: &'a Statics) -> pod_topology_spread::Incoming<'a> {
    pod_topology_spread::Incoming {
        pod: relations.pod(),
        node_selector: &statics.node_selector,
        node_affinity: statics.node_affinity.as_deref(),
        tolerations: &statics.tolerations,
    }
}

fn inter_pod_incoming<'a>(tables: &'a Tables, relations: &'a Relations) -> inter_pod_affinity::Incoming<'a> {
    inter_pod_affinity::Incoming {
        pod: relations.pod(),
        namespace_labels: tables.listers().namespace_labels(relations.namespace),
        affinity: relations.affinity.as_deref(),
    }
}
