//! The evaluator in use decides what the plain one decides, on random clusters with random churn.

use std::cell::Cell;

use podsim::base::SimTime;
use podsim::model::profile::{Profile, ScoringStrategy, ScoringStrategyType};
use podsim::model::strings::known;
use podsim::model::{
    ClassId, CompiledSelector, HostPort, LabelSelectorRequirement, NodeAffinity, NodeId, NodeInclusionPolicy,
    NodeSelectorTerm, PodAffinity, PodAffinityTerm, PodClass, PodId, Protocol, Resources, SpreadConstraint, StrId,
    Strings, Taint, TaintEffect, Toleration, TolerationOperator, WhenUnsatisfiable,
};
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::{Ask, Evaluator, Options, Outcome, TieBreak, schedule_one};
use podsim::scheduler::diagnosis::PostFilter;
use podsim::scheduler::framework::Plugin;
use podsim::scheduler::index::Index;
use podsim::scheduler::nominated::denial;
use podsim::scheduler::plugins::default_preemption::Candidate;
use podsim::scheduler::preemption::{Victims, preempt};
use podsim::scheduler::relations::{Listers, ServiceSelector};
use podsim::scheduler::scan::Scan;
use podsim::scheduler::view::{NodeSpec, View};
use proptest::prelude::*;

const CLASSES: u32 = 24;
const GIB: i64 = 1 << 30;

/// What a random node is like.
#[derive(Clone, Debug)]
struct Shape {
    zone: u8,
    size: u8,
    taint: u8,
    disk: bool,
    gpus: u8,
    cordoned: bool,
    /// Which images it has, as bits.
    images: u8,
}

#[derive(Clone, Debug)]
enum Step {
    /// Decide for a class and assume the pod where it goes.
    Decide {
        class: u32,
        tie: u64,
        nominate: Option<usize>,
    },
    /// A pod appears on a node, whether or not it fits.
    Force {
        class: u32,
        node: usize,
    },
    /// The n-th placed pod goes.
    Remove(usize),
    /// The n-th placed pod is confirmed, or forgotten.
    Settle(usize, bool),
    /// The n-th placed pod is being deleted.
    Terminate(usize),
    /// The n-th placed pod is resized to another class.
    Resize(usize, u32),
    Change {
        node: usize,
        shape: Shape,
    },
    Delete(usize),
    Add(Shape),
    /// A pending pod is nominated for a node.
    Nominate {
        class: u32,
        node: usize,
    },
    /// The n-th nominated pod is no longer.
    Withdraw(usize),
}

fn shape() -> impl Strategy<Value = Shape> {
    (
        0..4_u8,
        0..4_u8,
        prop::option::weighted(0.3, 0..6_u8),
        any::<bool>(),
        prop::option::weighted(0.2, 1..4_u8),
        0..12_u8,
        0..8_u8,
    )
        .prop_map(|(zone, size, taint, disk, gpus, cordon, images)| Shape {
            images,
            zone,
            size,
            taint: taint.map_or(0, |t| t + 1),
            disk,
            gpus: gpus.unwrap_or(0),
            cordoned: cordon == 0,
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (0..CLASSES, any::<u64>(), prop::option::weighted(0.05, any::<usize>()))
            .prop_map(|(class, tie, nominate)| Step::Decide { class, tie, nominate }),
        2 => (0..CLASSES, any::<usize>()).prop_map(|(class, node)| Step::Force { class, node }),
        6 => any::<usize>().prop_map(Step::Remove),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(pod, keep)| Step::Settle(pod, keep)),
        1 => any::<usize>().prop_map(Step::Terminate),
        1 => (any::<usize>(), 0..CLASSES).prop_map(|(pod, class)| Step::Resize(pod, class)),
        2 => (any::<usize>(), shape()).prop_map(|(node, shape)| Step::Change { node, shape }),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => shape().prop_map(Step::Add),
        2 => (0..CLASSES, any::<usize>()).prop_map(|(class, node)| Step::Nominate { class, node }),
        1 => any::<usize>().prop_map(Step::Withdraw),
    ]
}

/// What the pods of a class ask of labels and names.
#[derive(Clone, Debug)]
struct Affinity {
    required: Option<Vec<NodeSelectorTerm>>,
    preferred: Vec<(u8, NodeSelectorTerm)>,
}

impl Affinity {
    fn compile(&self, strings: &mut Strings) -> NodeAffinity {
        NodeAffinity {
            required: self.required.as_ref().map(|terms| terms.iter().map(|term| term.compile(strings)).collect()),
            preferred: self.preferred.iter().map(|(weight, term)| (*weight, term.compile(strings))).collect(),
        }
    }
}

fn expression() -> impl Strategy<Value = LabelSelectorRequirement> {
    let make = |key: &str, operator: &str, values: Vec<String>| LabelSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values,
    };
    prop_oneof![
        (prop::sample::select(vec!["In", "NotIn"]), prop::collection::vec(0..4_u8, 1..3)).prop_map(
            move |(word, zones)| {
                make(
                    "topology.kubernetes.io/zone",
                    word,
                    zones.into_iter().map(|zone| format!("zone-{zone}")).collect(),
                )
            }
        ),
        prop::sample::select(vec!["Exists", "DoesNotExist"]).prop_map(move |word| make("disk", word, Vec::new())),
        (prop::sample::select(vec!["Gt", "Lt"]), 0..9_i8).prop_map(move |(word, bound)| make(
            "cores",
            word,
            vec![bound.to_string()]
        )),
        (0..90_u32).prop_map(move |n| make("kubernetes.io/hostname", "NotIn", vec![format!("node-{n}")])),
        Just(make("disk", "In", vec!["not a value".to_owned()])),
    ]
}

fn term() -> impl Strategy<Value = NodeSelectorTerm> {
    let name = (any::<bool>(), 0..60_u32).prop_map(|(is, n)| LabelSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: if is { "In" } else { "NotIn" }.to_owned(),
        values: vec![format!("node-{n}")],
    });
    let names = prop_oneof![4 => Just(Vec::new()).boxed(), 1 => prop::collection::vec(name, 1..3).boxed()];
    (prop::collection::vec(expression(), 0..3), names)
        .prop_map(|(match_expressions, match_fields)| NodeSelectorTerm { match_expressions, match_fields })
}

fn affinity() -> impl Strategy<Value = Affinity> {
    let required = prop::option::weighted(0.6, prop::collection::vec(term(), 0..4));
    (required, prop::collection::vec((1..=100_u8, term()), 0..4))
        .prop_map(|(required, preferred)| Affinity { required, preferred })
}

/// What the pods of a class are to others, and ask of them.
#[derive(Clone, Debug)]
struct Relation {
    app: u8,
    team: u8,
    /// Kind (required, preferred; affinity, anti-affinity), topology key, app, whether in every namespace, weight.
    terms: Vec<(u8, u8, u8, bool, u8)>,
    /// Topology key, app, skew, least number of domains, whether it must be met, whether it honours taints.
    spread: Vec<(u8, u8, i32, i32, bool, bool)>,
}

fn relation() -> impl Strategy<Value = Relation> {
    let term = (0..4_u8, 0..3_u8, 0..6_u8, any::<bool>(), 1..=100_u8);
    let terms = prop_oneof![7 => Just(Vec::new()).boxed(), 1 => prop::collection::vec(term, 1..4).boxed()];
    let spread = (0..3_u8, 0..7_u8, 1..4_i32, 1..5_i32, any::<bool>(), any::<bool>());
    let spread = prop_oneof![7 => Just(Vec::new()).boxed(), 1 => prop::collection::vec(spread, 1..3).boxed()];
    (0..6_u8, 0..2_u8, terms, spread).prop_map(|(app, team, terms, spread)| Relation { app, team, terms, spread })
}

impl Relation {
    fn apply(&self, class: &mut PodClass, strings: &mut Strings) {
        let app = |n: u8, strings: &mut Strings| match n {
            6 => CompiledSelector::of_pairs(&[]),
            n => CompiledSelector::of_pairs(&[(strings.intern("app"), strings.intern(&format!("app-{n}")))]),
        };
        let key = |n: u8| [known::LABEL_ZONE, known::LABEL_HOSTNAME, known::LABEL_REGION][usize::from(n)];
        let text = format!("app-{}", self.app);
        let labels = strings.intern_labels([("app", text.as_str())]);
        class.labels = strings.labels(labels).clone();
        class.namespace = [known::DEFAULT, strings.intern("team")][usize::from(self.team)];
        let mut lists: [Vec<(u8, PodAffinityTerm)>; 4] = Default::default();
        for &(kind, at, matched, everywhere, weight) in &self.terms {
            let all = CompiledSelector::of_pairs(&[]);
            let term = PodAffinityTerm {
                topology_key: key(at),
                selector: app(matched, strings),
                namespaces: Box::new([class.namespace]),
                in_own_namespace: true,
                namespace_selector: if everywhere { all } else { CompiledSelector::nothing() },
            };
            lists[usize::from(kind)].push((weight, term));
        }
        let [required, preferred, anti_required, anti_preferred] = lists;
        let plain = |list: Vec<(u8, PodAffinityTerm)>| list.into_iter().map(|(_, term)| term).collect();
        let affinity = PodAffinity {
            required: plain(required),
            preferred: preferred.into(),
            anti_required: plain(anti_required),
            anti_preferred: anti_preferred.into(),
        };
        class.pod_affinity = (!self.terms.is_empty()).then(|| Box::new(affinity));
        let constraint =
            |&(at, matched, max_skew, min_domains, hard, taints): &(u8, u8, i32, i32, bool, bool)| SpreadConstraint {
                max_skew,
                topology_key: key(at),
                when_unsatisfiable: [WhenUnsatisfiable::ScheduleAnyway, WhenUnsatisfiable::DoNotSchedule]
                    [usize::from(hard)],
                selector: app(matched, strings),
                min_domains,
                node_affinity_policy: NodeInclusionPolicy::Honor,
                node_taints_policy: [NodeInclusionPolicy::Ignore, NodeInclusionPolicy::Honor][usize::from(taints)],
            };
        class.spread = self.spread.iter().map(constraint).collect();
    }
}

/// What the profile of a run is like.
#[derive(Clone, Debug)]
struct Rules {
    kind: ScoringStrategyType,
    /// Weights of cpu, memory, ephemeral storage and gpu in the strategy; 0 leaves the resource out.
    weights: [i64; 4],
    balanced: [bool; 4],
    /// Weights of the score plugins; 0 leaves the plugin out.
    score: [i64; 5],
    /// Filters that do not run, as bits.
    disabled: u16,
    shuffled: bool,
    narrows: bool,
    ignores_gpus: bool,
    added: Option<Affinity>,
    images: bool,
}

const SCORES: [Plugin; 5] = [
    Plugin::TaintToleration,
    Plugin::NodeAffinity,
    Plugin::NodeResourcesFit,
    Plugin::NodeResourcesBalancedAllocation,
    Plugin::ImageLocality,
];

fn rules() -> impl Strategy<Value = Rules> {
    let points = prop::collection::btree_map(0..=100_i64, 0..=10_i64, 1..5);
    let kind = prop_oneof![
        Just(ScoringStrategyType::LeastAllocated).boxed(),
        Just(ScoringStrategyType::MostAllocated).boxed(),
        points.prop_map(|shape| ScoringStrategyType::RequestedToCapacityRatio(shape.into_iter().collect())).boxed(),
    ];
    let weight = prop_oneof![1 => Just(0_i64), 6 => 1..9_i64, 1 => 60..200_i64];
    let disabled = prop::option::weighted(0.4, any::<u16>()).prop_map(Option::unwrap_or_default);
    let some = prop::collection::vec(1..9_i64, 4).prop_map(|weights| [weights[0], weights[1], weights[2], weights[3]]);
    (
        (kind, (some, any::<[bool; 4]>()), any::<[bool; 4]>(), prop::array::uniform5(weight), disabled),
        (prop::bool::weighted(0.1), prop::bool::weighted(0.8), any::<bool>()),
        (prop::option::weighted(0.3, affinity()), any::<bool>()),
    )
        .prop_map(
            |((kind, (weights, taken), balanced, score, disabled), (shuffled, narrows, ignores_gpus), rest)| Rules {
                kind,
                weights: std::array::from_fn(|at| if taken[at] { weights[at] } else { 0 }),
                balanced,
                score,
                disabled,
                shuffled,
                narrows,
                ignores_gpus,
                added: rest.0,
                images: rest.1,
            },
        )
}

impl Rules {
    fn profile(&self, strings: &mut Strings) -> Profile {
        let mut profile = Profile::default();
        let gpu = strings.intern("gpu");
        let resources = [known::CPU, known::MEMORY, known::EPHEMERAL_STORAGE, gpu];
        let weighted = resources.into_iter().zip(self.weights).filter(|&(_, weight)| weight > 0);
        profile.args.fit.strategy = ScoringStrategy { kind: self.kind.clone(), resources: weighted.collect() };
        let balanced = resources.into_iter().zip(self.balanced).filter(|&(_, counts)| counts);
        profile.args.balanced.resources = balanced.map(|(resource, _)| resource).collect();
        profile.args.fit.ignored_resources = if self.ignores_gpus { vec![gpu] } else { Vec::new() };
        if let Some(added) = &self.added {
            let added = added.compile(strings);
            profile.args.node_affinity.added_required = added.required;
            profile.args.node_affinity.added_preferred = added.preferred;
        }
        profile.score = SCORES.into_iter().zip(self.score).filter(|&(_, weight)| weight > 0).collect();
        let mut bit = 0;
        profile.filter.retain(|_| {
            bit += 1;
            self.disabled & 1 << bit == 0
        });
        if self.shuffled {
            profile.filter.reverse();
        }
        if !self.narrows {
            profile.pre_filter.retain(|&plugin| plugin != Plugin::NodeAffinity);
        }
        profile
    }
}

struct World {
    with_images: bool,
    strings: Strings,
    view: View,
    alive: Vec<NodeId>,
    nodes: u32,
    placed: Vec<PodId>,
    nominees: Vec<PodId>,
    pods: u32,
}

impl World {
    fn new(
        affinities: &[Option<Affinity>],
        relations: &[Relation],
        service: Option<u8>,
        rules: Option<&Rules>,
    ) -> Self {
        let mut strings = Strings::new();
        let profile = rules.map_or_else(Profile::default, |rules| rules.profile(&mut strings));
        let mut view = View::with_profiles([profile].into_iter().collect());
        let words: Vec<StrId> = ["gpu", "disk", "ssd", "dedicated", "a", "b"].map(|w| strings.intern(w)).to_vec();
        let (app, selected) = (strings.intern("app"), service.map(|n| strings.intern(&format!("app-{n}"))));
        let mut listers = Listers::default();
        let select = |value| ServiceSelector { namespace: known::DEFAULT, labels: Box::new([(app, value)]) };
        listers.services.extend(selected.map(select));
        view.set_listers(listers);
        for ((number, affinity), relation) in (0..CLASSES).zip(affinities).zip(relations) {
            let node_affinity = affinity.as_ref().map(|affinity| Box::new(affinity.compile(&mut strings)));
            let images =
                (0..3).filter(|image| (number >> image) & 1 == 1).map(|n| strings.intern(&format!("image-{n}")));
            let images = images.collect();
            let mut spec = PodClass { node_affinity, images, ..class(number, &words) };
            relation.apply(&mut spec, &mut strings);
            view.register_class(ClassId::from_raw(number), &spec);
        }
        for cores in [0, 2, 4, 8] {
            strings.intern(&format!("{cores}"));
        }
        view.learn_numbers(&strings);
        let with_images = rules.is_none_or(|rules| rules.images);
        Self {
            with_images,
            strings,
            view,
            alive: Vec::new(),
            nodes: 0,
            placed: Vec::new(),
            nominees: Vec::new(),
            pods: 0,
        }
    }

    fn node(&mut self, node: NodeId, shape: &Shape) {
        let mut word = |text: &str| self.strings.intern(text);
        let (gpu, disk, ssd, dedicated) = (word("gpu"), word("disk"), word("ssd"), word("dedicated"));
        let name = word(&format!("node-{}", node.raw()));
        let zone = word(&format!("zone-{}", shape.zone));
        let mut labels = vec![(known::LABEL_ZONE, zone)];
        if shape.disk {
            labels.push((disk, ssd));
        }
        let cores = [2, 4, 8, 0][usize::from(shape.size)];
        labels.push((word("cores"), word(&format!("{cores}"))));
        let effect = match shape.taint % 3 {
            0 => TaintEffect::NoSchedule,
            1 => TaintEffect::PreferNoSchedule,
            _ => TaintEffect::NoExecute,
        };
        let value = word(if shape.taint > 3 { "a" } else { "b" });
        let mut taints = vec![Taint { key: dedicated, value, effect }; usize::from(shape.taint > 0)];
        if shape.taint == 1 {
            // Several taints to avoid, so that the normalization has more than one step.
            taints.push(Taint { key: gpu, value: known::EMPTY, effect: TaintEffect::PreferNoSchedule });
        }
        let mut allocatable = Resources {
            milli_cpu: cores * 1000,
            memory: cores * 3 * GIB,
            ephemeral_storage: 20 * GIB,
            ..Resources::default()
        };
        if shape.gpus > 0 {
            allocatable.set_scalar(gpu, i64::from(shape.gpus));
        }
        let has = |image: &u32| self.with_images && shape.images >> image & 1 == 1;
        let size = |image: u32| (i64::from(image) + 1) * (300 << 20);
        let mut images: Vec<(StrId, i64)> =
            (0..3).filter(has).map(|image| (self.strings.intern(&format!("image-{image}")), size(image))).collect();
        images.sort_unstable();
        let spec = NodeSpec {
            name,
            hostname: (shape.zone != 3).then_some(name),
            labels: &labels,
            taints: &taints,
            allocatable: &allocatable,
            max_pods: 6 + i64::from(shape.size),
            unschedulable: shape.cordoned,
            images: &images,
        };
        self.view.update_node(node, &spec);
    }

    fn add(&mut self, shape: &Shape) {
        let node = NodeId::from_raw(self.nodes);
        self.nodes += 1;
        self.alive.push(node);
        self.node(node, shape);
    }

    fn new_pod(&mut self) -> PodId {
        self.pods += 1;
        self.placed.push(PodId::from_raw(self.pods - 1));
        PodId::from_raw(self.pods - 1)
    }
}

fn class(number: u32, words: &[StrId]) -> PodClass {
    let [gpu, disk, ssd, dedicated, a, b] = words[..] else { unreachable!() };
    let i = i64::from(number);
    let mut class = PodClass {
        requests: Resources { milli_cpu: 100 * (i % 7), memory: GIB / 4 * (i % 5), ..Resources::default() },
        priority: [0, 0, 10, -5][number as usize % 4],
        ..PodClass::default()
    };
    class.scoring_milli_cpu = class.requests.milli_cpu.max(100);
    class.scoring_memory = class.requests.memory.max(200 << 20);
    if number % 6 == 1 {
        class.requests.set_scalar(gpu, 1);
    }
    if number % 8 == 3 {
        class.requests.ephemeral_storage = 6 * GIB;
        class.accounted_scoring = Some((class.requests.milli_cpu, class.requests.memory));
    }
    if number % 5 == 2 {
        class.node_selector = [(disk, ssd)].into();
    }
    if number == 17 {
        class.node_selector = [(known::LABEL_HOSTNAME, a)].into();
    }
    let port = |host_ip, protocol| HostPort { protocol, host_ip, port: 8080 };
    match number % 9 {
        4 => class.host_ports = [port(known::EMPTY, Protocol::Tcp)].into(),
        5 => class.host_ports = [port(a, Protocol::Tcp), port(b, Protocol::Udp)].into(),
        _ => {}
    }
    let tolerate = |key, operator| Toleration { key, operator, effect: None, seconds: None };
    match number % 4 {
        1 => class.tolerations = [tolerate(Some(dedicated), TolerationOperator::Equal(a))].into(),
        2 => class.tolerations = [tolerate(Some(dedicated), TolerationOperator::Exists)].into(),
        3 if number % 8 == 7 => class.tolerations = [tolerate(None, TolerationOperator::Exists)].into(),
        _ => {}
    }
    class
}

/// How many decisions of each kind were compared.
#[derive(Default)]
struct Shares {
    placed: u64,
    tied: u64,
    unfit: u64,
    sampled: u64,
    nominated: u64,
    preferring: u64,
    named: u64,
    spread: u64,
    near: u64,
    crowded: u64,
    unrelated: u64,
    denied: u64,
    evicting: u64,
    by_cells: u64,
    with_images: u64,
    index: podsim::scheduler::index::Shares,
}

fn run(
    mut world: World,
    has_rules: bool,
    nodes: &[Shape],
    steps: &[Step],
    options: Options,
    budget: usize,
    shares: &mut Shares,
) -> Result<(), TestCaseError> {
    nodes.iter().for_each(|shape| world.add(shape));
    let mut columns = Columns::with_budget(budget);
    let mut index = Index::with_budget(budget);
    for step in steps {
        match step {
            Step::Decide { class, tie, nominate } => {
                let nominated = nominate.and_then(|n| world.alive.get(n % world.alive.len().max(1)).copied());
                let ask = Ask { class: ClassId::from_raw(*class), nominated };
                let mut other = world.view.clone();
                let want = schedule_one(&mut other, &mut Scan, ask, &options, *tie);
                let mut third = world.view.clone();
                let by_index = schedule_one(&mut third, &mut index, ask, &options, *tie);
                prop_assert_eq!(&by_index, &want, "index");
                prop_assert_eq!(third.next_start(), other.next_start());
                let got = schedule_one(&mut world.view, &mut columns, ask, &options, *tie);
                prop_assert_eq!(&got, &want);
                prop_assert_eq!(world.view.next_start(), other.next_start());
                shares.nominated += u64::from(nominated.is_some() && got.evaluated == 1);
                let statics = world.view.tables().statics(world.view.tables().class(ask.class).statics);
                let prefers = statics.node_affinity.as_ref().is_some_and(|affinity| !affinity.preferred.is_empty());
                shares.preferring += u64::from(prefers && got.feasible > 1);
                shares.denied += u64::from(!Scan.deny(&mut other, ask.class).is_empty());
                shares.named += u64::from(statics.named_nodes.is_some());
                let is_unrelated = !world.view.relates(ask.class);
                shares.unrelated += u64::from(is_unrelated);
                let class = world.view.tables().class(ask.class);
                let is_columnar = is_unrelated && world.view.tables().rules(&class).is_columnar;
                shares.by_cells += u64::from(has_rules && is_columnar);
                shares.with_images +=
                    u64::from(is_columnar && world.view.tables().signature(class.signature).images.is_some());
                shares.sampled += u64::from((got.evaluated as usize) < world.alive.len());
                let spread = |when| {
                    let tables = world.view.tables();
                    !tables.spread_constraints(&tables.class(ask.class), when).is_empty()
                };
                shares.spread += u64::from(got.feasible > 1 && spread(WhenUnsatisfiable::ScheduleAnyway));
                match got.outcome {
                    Outcome::Placed(placement) => {
                        shares.placed += 1;
                        shares.tied += u64::from(placement.tied > 1);
                        let pod = world.new_pod();
                        world.view.assume(pod, ask.class, placement.node);
                    }
                    Outcome::Unfit(mut error) => {
                        shares.unfit += 1;
                        shares.crowded += u64::from(error.rejected_by().contains(Plugin::PodTopologySpread));
                        shares.near += u64::from(error.rejected_by().contains(Plugin::InterPodAffinity));
                        let all = u32::try_from(world.alive.len()).unwrap();
                        prop_assert_eq!(error.diagnosis.resolvable + error.diagnosis.unresolvable, all);
                        let (resolvable, unresolvable) = (error.diagnosis.resolvable, error.diagnosis.unresolvable);
                        let mut same = error.clone();
                        let best = preempt(&world.view, ask, &mut error, &Young, *tie);
                        prop_assert_eq!(&index.preempt(&world.view, ask, &mut same, &Young, *tie), &best, "index");
                        prop_assert_eq!(&same, &error, "index");
                        match (&error.post_filter, best.first()) {
                            (PostFilter::Silent, Some(chosen)) => {
                                shares.evicting += 1;
                                check_eviction(&world, ask.class, chosen)?;
                            }
                            (PostFilter::NoCandidate { not_helpful, no_victims, .. }, None) => {
                                prop_assert!(*not_helpful == unresolvable && *no_victims <= resolvable);
                            }
                            (PostFilter::StateNotFound, None) => {}
                            (other, _) => prop_assert!(all == 0, "{other:?}"),
                        }
                    }
                }
                if let Some(&node) = world.alive.first() {
                    let want = Scan.judge(&world.view, ask.class, node);
                    prop_assert_eq!(&columns.judge(&world.view, ask.class, node), &want);
                    prop_assert_eq!(&index.judge(&world.view, ask.class, node), &want, "index");
                }
            }
            Step::Force { class, node } if !world.alive.is_empty() => {
                let pod = world.new_pod();
                let node = world.alive[node % world.alive.len()];
                world.view.add_pod(pod, ClassId::from_raw(*class), node);
            }
            Step::Remove(n) if !world.placed.is_empty() => {
                let pod = world.placed.swap_remove(n % world.placed.len());
                world.view.remove_pod(pod);
            }
            Step::Settle(n, keep) if !world.placed.is_empty() => {
                let at = n % world.placed.len();
                let pod = world.placed[at];
                if let Some((node, class)) = world.view.place_of(pod) {
                    if *keep {
                        world.view.add_pod(pod, class, node);
                    } else if world.view.forget(pod).is_some() {
                        world.placed.swap_remove(at);
                    }
                }
            }
            Step::Terminate(n) if !world.placed.is_empty() => {
                world.view.set_terminating(world.placed[n % world.placed.len()]);
            }
            Step::Resize(n, class) if !world.placed.is_empty() => {
                let pod = world.placed[n % world.placed.len()];
                world.view.update_pod(pod, ClassId::from_raw(*class));
            }
            Step::Change { node, shape } if !world.alive.is_empty() => {
                let node = world.alive[node % world.alive.len()];
                world.node(node, shape);
            }
            Step::Delete(n) if !world.alive.is_empty() => {
                let node = world.alive.swap_remove(n % world.alive.len());
                world.view.remove_node(node);
            }
            Step::Add(shape) => world.add(shape),
            Step::Nominate { class, node } if !world.alive.is_empty() => {
                let node = world.alive[node % world.alive.len()];
                let pod = world.new_pod();
                world.placed.pop();
                world.nominees.push(pod);
                world.view.nominate(pod, ClassId::from_raw(*class), node);
            }
            Step::Withdraw(n) if !world.nominees.is_empty() => {
                let pod = world.nominees.swap_remove(n % world.nominees.len());
                prop_assert!(world.view.clear_nomination(pod).is_some());
            }
            _ => {}
        }
    }
    let by_index = index.shares();
    shares.index.searches += by_index.searches;
    shares.index.handed_over += by_index.handed_over;
    shares.index.evictions += by_index.evictions;
    shares.index.evictions_handed_over += by_index.evictions_handed_over;
    shares.index.remembered += by_index.remembered;
    Ok(())
}

/// Pods about which nothing is known.
struct Young;

impl Victims for Young {
    fn started(&self, pod: PodId) -> SimTime {
        SimTime(i64::from(pod.raw() % 7))
    }

    fn evicted_by_scheduler(&self, _: PodId) -> bool {
        false
    }

    fn disruptions_allowed(&self) -> Vec<i64> {
        vec![1, 0]
    }

    fn budgets_of(&self, pod: PodId, budgets: &mut Vec<usize>) {
        budgets.extend(
            [(3, 0), (5, 1)].into_iter().filter(|(n, _)| pod.raw().is_multiple_of(*n)).map(|(_, budget)| budget),
        );
    }
}

/// Only pods of lower priority go, and the pod fits where they went from.
fn check_eviction(world: &World, class: ClassId, chosen: &Candidate) -> Result<(), TestCaseError> {
    let mut view = world.view.clone();
    let priority = |class| world.view.tables().class(class).priority;
    prop_assert!(!chosen.victims.is_empty());
    for victim in &chosen.victims {
        let (node, its) = view.remove_pod(victim.pod).expect("a victim is on a node");
        prop_assert!(node == chosen.node && priority(its) < priority(class) && priority(its) == victim.priority);
    }
    // Topology spread takes a pod that is being deleted away though it did not count it.
    if chosen.victims.iter().any(|victim| world.view.is_terminating(victim.pod)) {
        return Ok(());
    }
    let denied = Scan.deny(&mut view, class);
    prop_assert!(denial(&denied, chosen.node).is_none());
    prop_assert_eq!(Scan.judge(&view, class, chosen.node), None);
    Ok(())
}

#[test]
fn columns_decide_as_the_scan_does() {
    let shares = Cell::new(Shares::default());
    let strategy = (
        (
            prop::collection::vec(prop::option::weighted(0.4, affinity()), CLASSES as usize),
            prop::collection::vec(relation(), CLASSES as usize),
            prop::option::weighted(0.3, 0..6_u8),
            prop::option::weighted(0.6, rules()),
        ),
        prop_oneof![
            prop::collection::vec(shape(), 0..6),
            prop::collection::vec(shape(), 50..90),
            prop::collection::vec(shape(), 110..320)
        ],
        prop::collection::vec(step(), 60..260),
        prop_oneof![3 => Just(0), 1 => Just(100), 1 => 1..60_u32],
        any::<bool>(),
        prop_oneof![Just(0_usize), Just(2_000), Just(1 << 20)],
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    });
    runner
        .run(&strategy, |((affinities, relations, service, rules), nodes, steps, percentage, first, budget)| {
            let tie_break = if first { TieBreak::First } else { TieBreak::Drawn };
            let options = Options { percentage_of_nodes_to_score: percentage, tie_break };
            let mut sum = shares.take();
            let world = World::new(&affinities, &relations, service, rules.as_ref());
            let result = run(world, rules.is_some(), &nodes, &steps, options, budget, &mut sum);
            shares.set(sum);
            result
        })
        .unwrap();
    let sum = shares.take();
    println!("{:?}", sum.index);
    let Shares { placed, tied, unfit, sampled, nominated, preferring, named, .. } = sum;
    let Shares { spread, near, crowded, unrelated, denied, evicting, by_cells, with_images, .. } = sum;
    println!("placed {placed} (tied {tied}), unfit {unfit}, sampled {sampled}, on the nominated node {nominated}");
    println!("by cells of other profiles {by_cells}, with images {with_images}");
    assert!(by_cells > 1000 && with_images > 1000, "other profiles are rare");
    println!("with preferred terms {preferring}, with named nodes {named}");
    println!("spread {spread}, unfit by spread {crowded}, by affinity {near}, unrelated {unrelated}");
    assert!(spread > 200 && near > 30 && crowded > 30 && unrelated > 3000, "relations are rare, or too common");
    println!("with nodes kept for nominated pods {denied}, evicting {evicting}");
    assert!(denied > 200 && evicting > 50, "preemption is rare");
    assert!(preferring > 500 && named > 50, "node affinity is rare");
    assert!(
        placed > 3000 && tied > 1000 && unfit > 100 && sampled > 500 && nominated > 50,
        "too one-sided to mean much"
    );
}
