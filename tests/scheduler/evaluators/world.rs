//! Random clusters, pods and profiles, and what happens to them.

use podsim::model::profile::{Plugin, Profile, ScoringStrategy, ScoringStrategyType};
use podsim::model::strings::known;
use podsim::model::{
    ClassId, CompiledSelector, HostPort, LabelSelectorRequirement, NodeAffinity, NodeId, NodeInclusionPolicy,
    NodeSelectorTerm, PodAffinity, PodAffinityTerm, PodClass, PodId, Protocol, Resources, SpreadConstraint, StrId,
    Strings, Taint, TaintEffect, Toleration, TolerationOperator, WhenUnsatisfiable,
};
use podsim::scheduler::relations::{Listers, ServiceSelector};
use podsim::scheduler::view::{NodeSpec, View};
use proptest::prelude::*;

pub const CLASSES: u32 = 24;
pub const GIB: i64 = 1 << 30;
/// The number of the selector that is empty, in terms and constraints.
const EVERYTHING: u8 = 6;

/// What a random node is like.
#[derive(Clone, Debug)]
pub struct Shape {
    pub zone: u8,
    pub size: u8,
    pub taint: u8,
    pub disk: bool,
    pub gpus: u8,
    pub cordoned: bool,
    /// Which images it has, as bits.
    pub images: u8,
}

#[derive(Clone, Debug)]
pub enum Step {
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

pub fn shape() -> impl Strategy<Value = Shape> {
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

pub fn step() -> impl Strategy<Value = Step> {
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
pub struct Affinity {
    pub required: Option<Vec<NodeSelectorTerm>>,
    pub preferred: Vec<(u8, NodeSelectorTerm)>,
}

impl Affinity {
    pub fn compile(&self, strings: &mut Strings) -> NodeAffinity {
        NodeAffinity {
            required: self.required.as_ref().map(|terms| terms.iter().map(|term| term.compile(strings)).collect()),
            preferred: self.preferred.iter().map(|(weight, term)| (*weight, term.compile(strings))).collect(),
        }
    }
}

pub fn expression() -> impl Strategy<Value = LabelSelectorRequirement> {
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

pub fn term() -> impl Strategy<Value = NodeSelectorTerm> {
    let name = (any::<bool>(), 0..60_u32).prop_map(|(is, n)| LabelSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: if is { "In" } else { "NotIn" }.to_owned(),
        values: vec![format!("node-{n}")],
    });
    let names = prop_oneof![4 => Just(Vec::new()).boxed(), 1 => prop::collection::vec(name, 1..3).boxed()];
    (prop::collection::vec(expression(), 0..3), names)
        .prop_map(|(match_expressions, match_fields)| NodeSelectorTerm { match_expressions, match_fields })
}

pub fn affinity() -> impl Strategy<Value = Affinity> {
    let required = prop::option::weighted(0.6, prop::collection::vec(term(), 0..4));
    (required, prop::collection::vec((1..=100_u8, term()), 0..4))
        .prop_map(|(required, preferred)| Affinity { required, preferred })
}

/// What the pods of a class are to others, and ask of them.
#[derive(Clone, Debug)]
pub struct Relation {
    pub app: u8,
    pub team: u8,
    /// Kind (required, preferred; affinity, anti-affinity), topology key, app, whether in every namespace, weight.
    pub terms: Vec<(u8, u8, u8, bool, u8)>,
    /// Topology key, app, skew, least number of domains, whether it must be met, whether it honours taints.
    pub spread: Vec<(u8, u8, i32, i32, bool, bool)>,
}

/// One of so many classes has terms, and one of so many constraints.
pub fn relation(rare: u32) -> impl Strategy<Value = Relation> {
    let term = (0..4_u8, 0..3_u8, 0..6_u8, any::<bool>(), 1..=100_u8);
    let terms = prop_oneof![rare => Just(Vec::new()).boxed(), 1 => prop::collection::vec(term, 1..4).boxed()];
    let spread = (0..3_u8, 0..7_u8, 1..4_i32, 1..5_i32, any::<bool>(), any::<bool>());
    let spread = prop_oneof![rare => Just(Vec::new()).boxed(), 1 => prop::collection::vec(spread, 1..3).boxed()];
    (0..6_u8, 0..2_u8, terms, spread).prop_map(|(app, team, terms, spread)| Relation { app, team, terms, spread })
}

impl Relation {
    /// Whether a hard spread constraint has the empty selector.
    fn spreads_all(&self) -> bool {
        self.spread.iter().any(|&(_, matched, _, _, hard, _)| hard && matched == EVERYTHING)
    }

    pub fn apply(&self, class: &mut PodClass, strings: &mut Strings) {
        let app = |n: u8, strings: &mut Strings| match n {
            EVERYTHING => CompiledSelector::of_pairs(&[]),
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
pub struct Rules {
    pub kind: ScoringStrategyType,
    /// Weights of cpu, memory, ephemeral storage and gpu in the strategy; 0 leaves the resource out.
    pub weights: [i64; 4],
    pub balanced: [bool; 4],
    /// Weights of the score plugins; 0 leaves the plugin out.
    pub score: [i64; 5],
    /// Filters that do not run, as bits.
    pub disabled: u16,
    pub shuffled: bool,
    pub narrows: bool,
    pub ignores_gpus: bool,
    pub added: Option<Affinity>,
    pub images: bool,
}

pub const SCORES: [Plugin; 5] = [
    Plugin::TaintToleration,
    Plugin::NodeAffinity,
    Plugin::NodeResourcesFit,
    Plugin::NodeResourcesBalancedAllocation,
    Plugin::ImageLocality,
];

pub fn rules() -> impl Strategy<Value = Rules> {
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
        (prop::bool::weighted(0.04), prop::bool::weighted(0.8), any::<bool>()),
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
    pub fn profile(&self, strings: &mut Strings) -> Profile {
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

pub struct World {
    pub with_images: bool,
    /// Whether the class has a hard spread constraint whose selector is empty.
    pub spreads_all: Vec<bool>,
    pub strings: Strings,
    pub view: View,
    pub alive: Vec<NodeId>,
    pub nodes: u32,
    pub placed: Vec<PodId>,
    pub nominees: Vec<PodId>,
    pub pods: u32,
}

impl World {
    pub fn new(
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
        let spreads_all = relations.iter().map(Relation::spreads_all).collect();
        Self {
            with_images,
            spreads_all,
            strings,
            view,
            alive: Vec::new(),
            nodes: 0,
            placed: Vec::new(),
            nominees: Vec::new(),
            pods: 0,
        }
    }

    pub fn node(&mut self, node: NodeId, shape: &Shape) {
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

    pub fn add(&mut self, shape: &Shape) {
        let node = NodeId::from_raw(self.nodes);
        self.nodes += 1;
        self.alive.push(node);
        self.node(node, shape);
    }

    pub fn new_pod(&mut self) -> PodId {
        self.pods += 1;
        self.placed.push(PodId::from_raw(self.pods - 1));
        PodId::from_raw(self.pods - 1)
    }
}

pub fn class(number: u32, words: &[StrId]) -> PodClass {
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
