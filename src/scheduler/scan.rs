//! The plain evaluator: every plugin on every node, with what the pods take recounted from the pods each time. It is the
//! definition of right: it remembers nothing, and shares with the other evaluators only the plugins' own functions.

use super::cycle::{Evaluator, Pick, Placement, Search, Window};
use super::diagnosis::Diagnosis;
use super::framework::{Plugin, Rejection, Verdict};
use super::plugins::node_resources_fit::{Scalar, Usage};
use super::plugins::{
    balanced_allocation, node_affinity, node_name, node_ports, node_resources_fit, node_unschedulable, taint_toleration,
};
use super::sampling::best;
use super::view::View;
use crate::model::{ClassId, HostPort, NodeAffinity, NodeId};

/// Evaluates everything, every time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan;

/// A feasible node's scores, weighted, by plugin in filter order; a plugin that skips the pod is absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeScores {
    /// The node.
    pub node: NodeId,
    /// Weighted normalized scores.
    pub scores: Vec<(Plugin, i64)>,
    /// Their sum.
    pub total: i64,
}

/// A node's load, recounted from its pods.
#[derive(Clone, Default)]
struct Load {
    usage: Usage,
    scalars: Vec<Scalar>,
    ports: Vec<HostPort>,
}

fn recount(view: &View, only: Option<NodeId>) -> Vec<Load> {
    use crate::base::id::DenseId;
    let tables = view.tables();
    let last = view.list().iter().map(|n| n.index()).max().max(only.map(DenseId::index));
    let mut loads = vec![Load::default(); last.map_or(0, |n| n + 1)];
    for &node in view.list().iter().chain(only.iter()) {
        let Some(facts) = view.facts(node) else { continue };
        let offered = tables.allocatable(facts.allocatable);
        let load = &mut loads[node.index()];
        load.usage.allocatable_milli_cpu = offered.amounts.milli_cpu;
        load.usage.allocatable_memory = offered.amounts.memory;
        load.usage.allocatable_ephemeral = offered.amounts.ephemeral_storage;
        load.usage.allocatable_pods = offered.pods;
        let scalars = offered.amounts.scalar.iter();
        load.scalars = scalars.map(|&(name, allocatable)| Scalar { name, allocatable, requested: 0 }).collect();
    }
    for (_, node, class) in view.placed_pods() {
        let Some(load) = loads.get_mut(node.index()) else { continue };
        let class = tables.class(class);
        let request = tables.request(class.request);
        load.usage.milli_cpu += request.amounts.milli_cpu;
        load.usage.memory += request.amounts.memory;
        load.usage.ephemeral += request.amounts.ephemeral_storage;
        load.usage.scoring_milli_cpu += request.accounted_milli_cpu;
        load.usage.scoring_memory += request.accounted_memory;
        load.usage.pods += 1;
        for scalar in &mut load.scalars {
            scalar.requested += request.amounts.scalar(scalar.name);
        }
        load.ports.extend_from_slice(tables.ports(class.ports));
    }
    loads
}

/// What the first plugin that says no says, in filter order.
fn filter(view: &View, class: ClassId, node: NodeId, load: &Load) -> Option<Rejection> {
    let tables = view.tables();
    let class = tables.class(class);
    let facts = view.facts(node)?;
    let statics = tables.statics(class.statics);
    let request = &tables.request(class.request).amounts;
    let labels = tables.labels_of(facts);
    let verdicts: [(Plugin, &dyn Fn() -> Verdict); 7] = [
        (Plugin::NodeAffinity, &|| node_affinity::filter_named(statics.named_nodes.as_deref(), facts.name)),
        (Plugin::NodeUnschedulable, &|| node_unschedulable::filter(facts.unschedulable, &statics.tolerations)),
        (Plugin::NodeName, &|| node_name::filter(statics.node_name, facts.name)),
        (Plugin::TaintToleration, &|| taint_toleration::filter(tables.taints(facts.taints), &statics.tolerations)),
        (Plugin::NodeAffinity, &|| {
            node_affinity::filter(&statics.node_selector, statics.node_affinity.as_deref(), &labels)
        }),
        (Plugin::NodePorts, &|| node_ports::filter(tables.ports(class.ports), &load.ports)),
        (Plugin::NodeResourcesFit, &|| {
            node_resources_fit::insufficient(request, &load.usage, &load.scalars).verdict(request)
        }),
    ];
    verdicts
        .into_iter()
        .map(|(plugin, verdict)| Rejection { plugin, verdict: verdict() })
        .find(|rejection| !rejection.verdict.fits())
}

/// Every plugin's weighted score of every node in `feasible`, normalized over them.
fn score(view: &View, class: ClassId, feasible: &[NodeId], loads: &[Load]) -> Vec<NodeScores> {
    use crate::base::id::DenseId;
    let tables = view.tables();
    let class = tables.class(class);
    let request = tables.request(class.request);
    let statics = tables.statics(class.statics);
    let tolerations = &statics.tolerations;
    let intolerable = |node: NodeId| {
        view.facts(node).map_or(0, |facts| taint_toleration::intolerable(tables.taints(facts.taints), tolerations))
    };
    let worst = feasible.iter().map(|&node| intolerable(node)).max().unwrap_or(0);
    let preferring = statics.node_affinity.as_deref().filter(|affinity| !affinity.preferred.is_empty());
    let preference = |affinity: &NodeAffinity, node: NodeId| {
        view.facts(node).map_or(0, |facts| i64::from(node_affinity::preference(affinity, &tables.labels_of(facts))))
    };
    let most =
        preferring.and_then(|affinity| feasible.iter().map(|&node| preference(affinity, node)).max()).unwrap_or(0);
    let one = |&node: &NodeId| {
        let usage = &loads[node.index()].usage;
        let mut scores = vec![(Plugin::TaintToleration, taint_toleration::normalized(intolerable(node), worst))];
        if let Some(affinity) = preferring {
            scores.push((Plugin::NodeAffinity, node_affinity::normalized(preference(affinity, node), most)));
        }
        scores.push((
            Plugin::NodeResourcesFit,
            node_resources_fit::least_allocated(request.scoring_milli_cpu, request.scoring_memory, usage),
        ));
        if !balanced_allocation::skips(&request.amounts) {
            let score = balanced_allocation::score(request.amounts.milli_cpu, request.amounts.memory, usage);
            scores.push((Plugin::NodeResourcesBalancedAllocation, score));
        }
        scores.iter_mut().for_each(|(plugin, score)| *score *= plugin.default_weight());
        let total = scores.iter().map(|(_, score)| score).sum();
        NodeScores { node, scores, total }
    };
    feasible.iter().map(one).collect()
}

impl Scan {
    /// What every node of the (refreshed) list says: its rejection, or its scores normalized over all feasible nodes.
    #[must_use]
    pub fn survey(view: &View, class: ClassId) -> (Vec<(NodeId, Rejection)>, Vec<NodeScores>) {
        use crate::base::id::DenseId;
        let loads = recount(view, None);
        let mut rejected = Vec::new();
        let mut feasible = Vec::new();
        for &node in view.list() {
            match filter(view, class, node, &loads[node.index()]) {
                Some(rejection) => rejected.push((node, rejection)),
                None => feasible.push(node),
            }
        }
        let scores = score(view, class, &feasible, &loads);
        (rejected, scores)
    }
}

impl Evaluator for Scan {
    fn search(&mut self, view: &View, class: ClassId, window: Window, pick: Pick) -> Search {
        use crate::base::id::DenseId;
        let loads = recount(view, None);
        let nodes = view.list();
        let mut feasible = Vec::new();
        let mut processed = 0;
        while processed < nodes.len() && feasible.len() < window.need as usize {
            let node = nodes[(window.start as usize + processed) % nodes.len()];
            processed += 1;
            if filter(view, class, node, &loads[node.index()]).is_none() {
                feasible.push(node);
            }
        }
        let placement = match feasible[..] {
            [] => None,
            [node] => Some(Placement { node, score: None, tied: 1 }),
            _ => {
                let scores = score(view, class, &feasible, &loads);
                let totals: Vec<(NodeId, i64)> = scores.iter().map(|s| (s.node, s.total)).collect();
                let equals: Vec<NodeId> = best(&totals).copied().collect();
                let tied = u32::try_from(equals.len()).expect("node ids are 32 bits wide");
                let score = totals.iter().map(|&(_, total)| total).max();
                Some(Placement { node: equals[pick.index(tied) as usize], score, tied })
            }
        };
        let count = |n: usize| u32::try_from(n).expect("node ids are 32 bits wide");
        Search { placement, feasible: count(feasible.len()), processed: count(processed) }
    }

    fn judge(&mut self, view: &View, class: ClassId, node: NodeId) -> Option<Rejection> {
        use crate::base::id::DenseId;
        filter(view, class, node, &recount(view, Some(node))[node.index()])
    }

    fn diagnose(&mut self, view: &View, class: ClassId) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        for (_, rejection) in Self::survey(view, class).0 {
            diagnosis.add(rejection.plugin, &rejection.verdict, 1);
        }
        diagnosis
    }
}
