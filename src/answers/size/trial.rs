//! One trial of a size: the plan with so many nodes, a failure to survive, a run, and what it came to. Owns how plans are varied;
//! decides nothing.

use std::collections::BTreeMap;

use super::super::{Halt, Judged, Runner};
use crate::base::{SimDuration, SimTime};
use crate::model::{PoolId, Resources, StrId};
use crate::sim::Simulation;
use crate::sim::plan::{ChangeKind, ChangePlan, FaultKind, FaultPlan, NodePlan, NodeTarget, Plan};

/// What is to be survived.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Loss {
    /// Nothing is lost.
    Nothing,
    /// So many machines at once.
    Nodes(u32),
    /// A zone, whichever it is.
    Zone,
}

/// How long a run goes on after a loss: pods are evicted from a lost node after five minutes.
const AFTER: SimDuration = SimDuration::from_secs(30 * 60);
/// A provider removes the node of a machine that is gone after so long.
const REMOVED: SimDuration = SimDuration::from_secs(60);
/// More different losses than this are not tried for one size.
const MOST_CASES: usize = 12;
/// Events between two looks at whether to stop.
const EVENTS: u32 = 4096;

impl Loss {
    /// `one node`.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Nodes(1) => "1 node".to_owned(),
            Self::Nodes(count) => format!("{count} nodes"),
            Self::Zone => "a zone".to_owned(),
        }
    }

    /// The least number of nodes of which `enough` are left, in so many zones.
    #[must_use]
    pub fn beside(self, enough: usize, zones: usize) -> usize {
        match self {
            Self::Nothing => enough,
            Self::Nodes(count) => enough + count as usize,
            // The largest zone is lost.
            Self::Zone => (enough..).find(|all| all - all.div_ceil(zones.max(1)) >= enough).unwrap_or(enough),
        }
    }

    /// `a zone is`.
    #[must_use]
    pub fn is(self) -> String {
        format!("{} {}", self.text(), if matches!(self, Self::Nodes(count) if count > 1) { "are" } else { "is" })
    }

    /// Whether whoever survives this survives `other`.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Nothing) => true,
            (Self::Nodes(more), Self::Nodes(less)) => more >= less,
            (Self::Zone, Self::Zone | Self::Nodes(1)) => true,
            _ => false,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub judged: Judged,
    /// Bare pods that were lost with their node and that nobody makes again.
    pub lost: usize,
    /// What pods on nodes request in the end, without DaemonSets.
    pub demand: Demand,
    /// What the DaemonSets' pods of a node of the pool request, on average.
    pub overhead: Demand,
}

/// Requests and number of pods.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Demand {
    pub requests: Resources,
    pub pods: i64,
}

impl Trial {
    pub fn passes(&self) -> bool {
        self.judged.passes() && self.lost == 0
    }

    pub fn why(&self) -> String {
        match self.lost {
            0 => self.judged.why(),
            1 => "a pod without a controller is lost with its node".to_owned(),
            lost => format!("{lost} pods without a controller are lost with their nodes"),
        }
    }
}

/// The plan with `count` nodes in a pool.
pub(super) fn sized(plan: &Plan, pool: PoolId, count: usize) -> Plan {
    let mut plan = plan.clone();
    let of = plan.pools[pool].clone();
    let made: Vec<NodePlan> = (0..count)
        .map(|number| {
            let name = format!("{}-{number:0digits$}", plan.strings.text(of.name), digits = of.digits);
            NodePlan { name: plan.strings.intern(&name), shape: of.shapes[number % of.shapes.len()] }
        })
        .collect();
    let (before, after) = (&plan.nodes[..of.nodes.start], &plan.nodes[of.nodes.end..]);
    plan.nodes = before.iter().copied().chain(made).chain(after.iter().copied()).collect();
    let (was, end) = (of.nodes.len(), of.nodes.end);
    for (id, other) in plan.pools.iter_mut().enumerate() {
        if id == crate::base::id::DenseId::index(pool) {
            other.nodes.end = other.nodes.start + count;
        } else if other.nodes.start >= end {
            other.nodes = other.nodes.start - was + count..other.nodes.end - was + count;
        }
    }
    plan
}

/// A plan, and what is lost in it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    plan: Plan,
    struck: Vec<StrId>,
    at: SimTime,
}

/// The cases in which the loss is each of those that there are: every node, neighbours, every zone; evenly chosen when there
/// are many.
pub(super) fn losing(plan: Plan, pool: PoolId, loss: Loss) -> Vec<Case> {
    let nodes = &plan.nodes[plan.pools[pool].nodes.clone()];
    let groups: Vec<Vec<StrId>> = match loss {
        Loss::Nothing => return vec![Case { plan, struck: Vec::new(), at: SimTime::NEVER }],
        Loss::Nodes(count) => {
            let count = (count as usize).min(nodes.len());
            // Neighbours are of different zones where there are zones.
            (0..nodes.len())
                .map(|first| (0..count).map(|next| nodes[(first + next) % nodes.len()].name).collect())
                .collect()
        }
        Loss::Zone => {
            let mut zones: BTreeMap<StrId, Vec<StrId>> = BTreeMap::new();
            for node in nodes {
                zones.entry(plan.shapes[node.shape].zone).or_default().push(node.name);
            }
            zones.into_values().collect()
        }
    };
    let step = groups.len().div_ceil(MOST_CASES).max(1);
    let at = plan.start + plan.duration;
    groups.iter().step_by(step).map(|group| struck(&plan, group, at)).collect()
}

fn struck(plan: &Plan, group: &[StrId], at: SimTime) -> Case {
    let mut plan = plan.clone();
    plan.duration += AFTER;
    for &name in group {
        let kind = FaultKind::NodeCrash(NodeTarget::Named(name));
        plan.faults.push(FaultPlan { at, duration: None, kind });
        plan.changes.push(ChangePlan { at: at + REMOVED, kind: ChangeKind::DeleteNode(name) });
    }
    Case { plan, struck: group.to_vec(), at }
}

/// Runs to `until`, or to the end.
fn step(simulation: &mut Simulation, until: SimTime, stop: &dyn Fn() -> bool) -> Result<(), Halt> {
    loop {
        for _ in 0..EVENTS {
            if simulation.step(until).map_err(|limit| Halt::Limit(limit.to_string()))?.is_none() {
                return Ok(());
            }
        }
        if stop() {
            return Err(Halt::Interrupted);
        }
    }
}

/// Pods on these nodes that no controller makes again.
fn bare(simulation: &Simulation, nodes: &[StrId]) -> usize {
    let (pods, all) = (simulation.cluster().pods(), simulation.cluster().nodes());
    let nodes = nodes.iter().filter_map(|&name| all.find(name));
    let there = nodes.flat_map(|node| pods.on_node(node));
    there.filter(|pod| pods.owned(pod.pod).is_none() && !pods.phase(pod.pod).is_terminal()).count()
}

/// Runs a case to its end.
pub(super) fn run(case: &Case, pool: PoolId, stop: &dyn Fn() -> bool) -> Result<Trial, Halt> {
    let plan = &case.plan;
    let names: Vec<StrId> = plan.nodes[plan.pools[pool].nodes.clone()].iter().map(|node| node.name).collect();
    let mut simulation = Simulation::new(plan.clone());
    let mut lost = 0;
    if !case.struck.is_empty() {
        step(&mut simulation, case.at - SimDuration(1), stop)?;
        lost = bare(&simulation, &case.struck);
    }
    step(&mut simulation, SimTime::NEVER, stop)?;
    let (mut demand, mut daemons) = (Demand::default(), Demand::default());
    let (cluster, run) = (simulation.cluster(), simulation.plan());
    for pod in cluster.pods().iter() {
        let pods = cluster.pods();
        let Some(node) = pods.node(pod.pod).filter(|_| !pods.phase(pod.pod).is_terminal()) else { continue };
        let owner = pods.owned(pod.pod).map(|owned| cluster.objects().get(owned.object));
        let to = if owner.is_some_and(|owner| owner.spec.daemon_set().is_some()) {
            if !names.contains(&cluster.nodes().get(node).name) {
                continue;
            }
            &mut daemons
        } else {
            &mut demand
        };
        to.requests.add(&run.classes[run.templates[pods.template(pod.pod)].class].requests);
        to.pods += 1;
    }
    let left = names.iter().filter(|&&name| cluster.nodes().find(name).is_some()).count();
    let each = i64::try_from(left.max(1)).unwrap_or(i64::MAX);
    let mut overhead = Demand { pods: daemons.pods / each, ..Demand::default() };
    overhead.requests.milli_cpu = daemons.requests.milli_cpu / each;
    overhead.requests.memory = daemons.requests.memory / each;
    overhead.requests.ephemeral_storage = daemons.requests.ephemeral_storage / each;
    for (name, amount) in daemons.requests.scalar {
        overhead.requests.set_scalar(name, amount / each);
    }
    let outcome = simulation.run();
    Ok(Trial { judged: Judged::of(plan, &outcome), lost, demand, overhead })
}

/// Runs cases side by side.
pub(super) fn all(runner: &Runner<'_>, cases: &[Case], pool: PoolId) -> Result<Vec<Trial>, Halt> {
    runner.all(cases.len(), |at| run(&cases[at], pool, runner.stop))
}
