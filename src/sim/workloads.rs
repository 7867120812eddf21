//! The workloads that throughput is told in: S1 plain, S2 zone spread, S3 anti-affinity, S4 preferred, S5 preemption, and S6
//! with many classes, on as many nodes as asked for. Owns what they are and the loop that runs them: decide, assume, and on failure evict and decide
//! again; no queue, no binding. Knows no wall clock: who wants to know how long it takes measures around it.

use rand::Rng as _;

use super::plan::Plan;
use super::workload_plans::{Node, SOURCE};
use crate::base::draw::{Draw, Draws, Purpose};
use crate::base::{Digest, SimDuration, SimTime};
use crate::model::node_affinity::NodeSelectorTerm;
use crate::model::selector::LabelSelectorRequirement;
use crate::model::strings::known;
use crate::model::{
    ClassId, CompiledSelector, NodeAffinity, NodeId, NodeInclusionPolicy, PodAffinity, PodAffinityTerm, PodClass,
    PodId, Resources, SpreadConstraint, StrId, Strings, Taint, TaintEffect, Toleration, TolerationOperator,
    WhenUnsatisfiable,
};
use crate::scheduler::cycle::{Ask, Decision, Evaluator, Options, Outcome, schedule_one};
use crate::scheduler::preemption::Victims;
use crate::scheduler::view::{NodeSpec, View};

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;
const ZONES: u32 = 5;
/// Running pods on each node of S5.
pub(super) const OLD_PODS: u32 = 4;
/// 2025-05-01T00:00:00Z.
const OLD_START: SimTime = SimTime(1_746_057_600_000_000_000);

/// CPU (milli-cores) and memory (MiB) of the ten templates.
const TEMPLATES: [(i64, i64); 10] = [
    (100, 128),
    (200, 256),
    (250, 256),
    (300, 512),
    (500, 512),
    (500, 1024),
    (750, 1024),
    (1000, 2048),
    (1500, 2048),
    (2000, 4096),
];

/// A workload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Workload {
    /// Pods of ten sizes.
    Plain,
    /// And each app spread over zones, with a skew of at most 1.
    ZoneSpread,
    /// A hundred apps of which no node has two pods.
    AntiAffinity,
    /// Preferred node affinity, and a taint to avoid that every other pod tolerates.
    Preferred,
    /// Full nodes: every tenth pod fits nowhere and evicts one.
    Preemption,
    /// Two thousand sizes of pods, so that each comes rarely.
    ManyClasses,
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Decisions.
    pub cycles: u64,
    /// Pods that got a node.
    pub bound: u64,
    /// Pods that evicted others.
    pub preemptions: u64,
    /// Nodes that were looked at, over all cycles.
    pub evaluated: u64,
    /// Nodes that fitted, over all cycles.
    pub feasible: u64,
}

/// A workload on its way.
#[derive(Clone, Debug)]
pub struct Run {
    workload: Workload,
    strings: Strings,
    view: View,
    nodes: u32,
    /// The classes that pods take turns with.
    classes: Vec<ClassId>,
    next: u32,
    tally: Tally,
    /// The draws that a simulation of the same pods makes.
    ties: Draw,
    placements: Digest,
}

impl Workload {
    /// All of them, S1 to S6.
    pub const ALL: [Self; 6] =
        [Self::Plain, Self::ZoneSpread, Self::AntiAffinity, Self::Preferred, Self::Preemption, Self::ManyClasses];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "S1 plain",
            Self::ZoneSpread => "S2 zone spread",
            Self::AntiAffinity => "S3 anti-affinity",
            Self::Preferred => "S4 preferred",
            Self::Preemption => "S5 preemption",
            Self::ManyClasses => "S6 many classes",
        }
    }

    /// How many pods are different.
    pub(super) const fn turns(self) -> u32 {
        match self {
            Self::AntiAffinity => 100,
            Self::ManyClasses => 2000,
            _ => 10,
        }
    }

    /// What the pods j are that leave the remainder `turn`.
    pub(super) fn class(self, turn: u32, strings: &mut Strings) -> PodClass {
        let (milli_cpu, mib) = match self {
            Self::Preemption if turn == 9 => (1000, 4096),
            Self::Preemption => (50, 64),
            Self::ManyClasses => (100 + i64::from(turn), 128 + i64::from(turn)),
            _ => TEMPLATES[turn as usize % TEMPLATES.len()],
        };
        let app = match self {
            Self::Preemption if turn == 9 => "vip".to_owned(),
            Self::Preemption => "small".to_owned(),
            _ => format!("app-{turn}"),
        };
        let mut class = pod(milli_cpu, mib, &app, strings);
        let own = CompiledSelector::of_pairs(class.labels.pairs());
        match self {
            Self::Plain | Self::ManyClasses => {}
            Self::ZoneSpread => class.spread = [spread(own)].into(),
            Self::AntiAffinity => {
                let anti_required = [away(own, class.namespace)].into();
                class.pod_affinity = Some(Box::new(PodAffinity { anti_required, ..PodAffinity::default() }));
            }
            Self::Preferred => {
                class.node_affinity = Some(Box::new(preferences(strings)));
                if turn.is_multiple_of(2) {
                    class.tolerations = [tolerates_spot(strings)].into();
                }
            }
            Self::Preemption if turn == 9 => class.priority = 1000,
            Self::Preemption => {}
        }
        class
    }

    /// What the pods are that nodes of S5 start with.
    pub(super) fn old_class(strings: &mut Strings) -> PodClass {
        pod(1000, 4096, "batch", strings)
    }

    /// Its node number `number`.
    pub(super) fn node(self, number: u32, strings: &mut Strings) -> Node {
        let mut word = |text: &str| strings.intern(text);
        let name = word(&format!("node-{number:05}"));
        let mut labels = vec![
            (known::LABEL_ZONE, word(&format!("zone-{}", number % ZONES))),
            (known::LABEL_REGION, word("region-1")),
        ];
        let mut taints = Vec::new();
        if self == Self::Preferred {
            labels.push((word("tier"), word(if number.is_multiple_of(4) { "fast" } else { "slow" })));
            if number.is_multiple_of(3) {
                labels.push((word("disk"), word("ssd")));
            }
            if number.is_multiple_of(5) {
                taints.push(Taint { key: word("spot"), value: word("true"), effect: TaintEffect::PreferNoSchedule });
            }
        }
        let (milli_cpu, gib) = if self == Self::Preemption { (4500, 17) } else { (32_000, 128) };
        let allocatable = Resources { milli_cpu, memory: gib * GIB, ..Resources::default() };
        Node { name, labels, taints, allocatable, max_pods: 110 }
    }
}

fn pod(milli_cpu: i64, mib: i64, app: &str, strings: &mut Strings) -> PodClass {
    let labels = strings.intern_labels([("app", app)]);
    PodClass {
        labels: strings.labels(labels).clone(),
        requests: Resources { milli_cpu, memory: mib * MIB, ..Resources::default() },
        scoring_milli_cpu: milli_cpu,
        scoring_memory: mib * MIB,
        ..PodClass::default()
    }
}

fn spread(selector: CompiledSelector) -> SpreadConstraint {
    SpreadConstraint {
        max_skew: 1,
        topology_key: known::LABEL_ZONE,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        selector,
        min_domains: 1,
        node_affinity_policy: NodeInclusionPolicy::Honor,
        node_taints_policy: NodeInclusionPolicy::Ignore,
    }
}

fn away(selector: CompiledSelector, namespace: StrId) -> PodAffinityTerm {
    PodAffinityTerm {
        topology_key: known::LABEL_HOSTNAME,
        selector,
        namespaces: Box::new([namespace]),
        in_own_namespace: true,
        namespace_selector: CompiledSelector::nothing(),
    }
}

fn preferences(strings: &mut Strings) -> NodeAffinity {
    let mut term = |key: &str, operator: &str, values: &[&str]| {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        let expression = LabelSelectorRequirement { key: key.to_owned(), operator: operator.to_owned(), values };
        NodeSelectorTerm { match_expressions: vec![expression], match_fields: Vec::new() }.compile(strings)
    };
    let tier = term("tier", "In", &["fast"]);
    let zone = term("topology.kubernetes.io/zone", "In", &["zone-1", "zone-2"]);
    let disk = term("disk", "Exists", &[]);
    NodeAffinity { required: None, preferred: [(50, tier), (20, zone), (10, disk)].into() }
}

fn tolerates_spot(strings: &mut Strings) -> Toleration {
    Toleration {
        key: Some(strings.intern("spot")),
        operator: TolerationOperator::Equal(strings.intern("true")),
        effect: Some(TaintEffect::PreferNoSchedule),
        seconds: None,
    }
}

impl Run {
    /// A workload on an empty cluster of `nodes` nodes; S5 starts with four pods on each.
    #[must_use]
    pub fn new(workload: Workload, nodes: u32) -> Self {
        let mut run = Self {
            workload,
            strings: Strings::new(),
            view: View::new(),
            nodes,
            classes: (0..workload.turns()).map(ClassId::from_raw).collect(),
            next: 0,
            tally: Tally::default(),
            ties: Draws::new(Plan::default().seed).of(Purpose::TieBreak, &format!("default/{SOURCE}")),
            placements: Digest::new(),
        };
        for turn in 0..workload.turns() {
            let class = workload.class(turn, &mut run.strings);
            run.view.register_class(ClassId::from_raw(turn), &class);
        }
        (0..nodes).for_each(|number| run.add_node(number));
        if workload == Workload::Preemption {
            let old = ClassId::from_raw(workload.turns());
            let class = Workload::old_class(&mut run.strings);
            run.view.register_class(old, &class);
            for number in 0..nodes * OLD_PODS {
                run.view.add_pod(PodId::from_raw(number), old, NodeId::from_raw(number / OLD_PODS));
            }
        }
        run
    }

    fn add_node(&mut self, number: u32) {
        let node = self.workload.node(number, &mut self.strings);
        let spec = NodeSpec {
            name: node.name,
            hostname: Some(node.name),
            labels: &node.labels,
            taints: &node.taints,
            allocatable: &node.allocatable,
            max_pods: node.max_pods,
            unschedulable: false,
            images: &[],
        };
        self.view.add_node(NodeId::from_raw(number), &spec);
    }

    /// How many pods run from the start.
    fn old(&self) -> u32 {
        if self.workload == Workload::Preemption { self.nodes * OLD_PODS } else { 0 }
    }

    /// The pod that comes after so many.
    fn pod(&self, number: u32) -> PodId {
        PodId::from_raw(self.old() + number)
    }

    /// The next pod: one decision, or two if it has to evict somebody.
    pub fn place(&mut self, evaluator: &mut impl Evaluator, options: &Options) {
        let class = self.classes[self.next as usize % self.classes.len()];
        let pod = self.pod(self.next);
        let mut rng = self.ties.at(u64::from(self.next), 1, 0);
        let mut ask = Ask::of(class);
        let mut decision = self.decide(evaluator, ask, options, rng.next_u64());
        if let Outcome::Unfit(error) = &mut decision.outcome
            && let Some(chosen) =
                evaluator.preempt_first(&self.view, ask, error, &Started { old: self.old() }, rng.next_u64())
        {
            for victim in &chosen.victims {
                self.view.remove_pod(victim.pod);
            }
            self.tally.preemptions += 1;
            ask.nominated = Some(chosen.node);
            let tie = self.ties.at(u64::from(self.next), 2, 0).next_u64();
            decision = self.decide(evaluator, ask, options, tie);
        }
        self.next += 1;
        self.placements.fold(place(decision.node()));
        if let Some(node) = decision.node() {
            self.view.assume(pod, class, node);
            self.tally.bound += 1;
        }
    }

    fn decide(&mut self, evaluator: &mut impl Evaluator, ask: Ask, options: &Options, tie: u64) -> Decision {
        let decision = schedule_one(&mut self.view, evaluator, ask, options, tie);
        self.tally.cycles += 1;
        self.tally.evaluated += u64::from(decision.evaluated);
        self.tally.feasible += u64::from(decision.feasible);
        decision
    }

    /// What it came to so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// The fold of the nodes that the pods got, in order.
    #[must_use]
    pub const fn placements(&self) -> Digest {
        self.placements
    }

    /// The scheduler's view as it is.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }
}

/// A place in the fold of all.
fn place(node: Option<NodeId>) -> u64 {
    node.map_or(u64::MAX, |node| u64::from(node.raw()))
}

/// The fold of nodes in order.
pub(super) fn digest_of(nodes: impl Iterator<Item = Option<NodeId>>) -> Digest {
    let mut digest = Digest::new();
    nodes.for_each(|node| digest.fold(place(node)));
    digest
}

/// When pods started: those of the beginning one after the other, the others just now. Nothing else is known of them.
struct Started {
    old: u32,
}

impl Victims for Started {
    fn started(&self, pod: PodId) -> SimTime {
        OLD_START + SimDuration::from_secs(pod.raw().min(self.old).into())
    }

    fn starts_on(&self, _: NodeId) -> Option<u32> {
        Some(0)
    }

    fn evicted_by_scheduler(&self, _: PodId) -> bool {
        false
    }

    fn disruptions_allowed(&self) -> Vec<i64> {
        Vec::new()
    }

    fn budgets_of(&self, _: PodId, _: &mut Vec<usize>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::columns::Columns;
    use crate::scheduler::index::Index;
    use crate::scheduler::scan::Scan;

    #[test]
    fn workloads_are_as_they_were_measured() {
        let mut made = Vec::new();
        for workload in Workload::ALL {
            let runs = || Run::new(workload, 1000);
            let (mut run, mut again, mut third, options) = (runs(), runs(), runs(), Options::default());
            let (mut index, mut columns) = (Index::new(), Columns::new());
            for _ in 0..200 {
                run.place(&mut index, &options);
            }
            for _ in 0..30 {
                again.place(&mut Scan, &options);
                third.place(&mut columns, &options);
            }
            assert_eq!((index.shares().handed_over, index.shares().evictions_handed_over), (0, 0));
            let Tally { cycles, bound, preemptions, evaluated, feasible } = run.tally();
            assert_eq!(bound, 200);
            assert_eq!((cycles, preemptions), if workload == Workload::Preemption { (220, 20) } else { (200, 0) });
            made.push((evaluated / cycles, feasible / bound));
            let placed = |run: &Run| (0..30).map(|j| run.view.place_of(run.pod(j))).collect::<Vec<_>>();
            assert_eq!(placed(&run), placed(&again), "evaluators differ in {}", workload.name());
            assert_eq!(placed(&third), placed(&again), "evaluators differ in {}", workload.name());
        }
        // How many nodes fitted the real scheduler's pods on average, over more pods than here.
        let feasible = made.iter().map(|&(_, feasible)| feasible).collect::<Vec<_>>();
        assert_eq!(feasible[..5], [420, 372, 420, 420, 378]);
        // Spread pods find a place in three zones of five, so the search goes on for longer: 729 nodes there.
        let evaluated = made.iter().map(|&(evaluated, _)| evaluated).collect::<Vec<_>>();
        assert_eq!(evaluated[..4], [420, 728, 420, 420]);
    }
}
