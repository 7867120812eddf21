//! Random clusters over time: the evaluator in use never places a pod where a rule of the API forbids it, and finds no node
//! only if there is none. Which nodes do is worked out by brute force from the API's documentation (`rules`), not by the
//! plugins. Prints how often each plugin gave each reason; every reason of every filter plugin must have occurred.

mod cluster;
mod rules;

use std::cell::RefCell;
use std::collections::BTreeMap;

use cluster::{Claim, Dice, Kind, Node, Pod, Volume};
use podsim::base::SimTime;
use podsim::diag::{Diagnostics, Sources};
use podsim::manifest::{self, Objects, scheduler_config};
use podsim::model::profile::Profile;
use podsim::model::storage::{ClaimPhase, ClaimRef, PersistentVolume, PersistentVolumeClaim, VolumePhase};
use podsim::model::{ClassId, NodeId, PodId, StorageObject, StorageSet, Vocabulary};
use podsim::scheduler::cycle::{Ask, Evaluator, Options, Outcome, schedule_one};
use podsim::scheduler::framework::Reason;
use podsim::scheduler::index::Index;
use podsim::scheduler::preemption::Victims;
use podsim::scheduler::relations::Listers;
use podsim::scheduler::storage::{PodVolumes, Storage};
use podsim::scheduler::view::{NodeSpec, View};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use rules::{Rules, State};
use serde_json::{Value, json};

const TEMPLATES: usize = 40;
const CLAIMS: u8 = 42;

/// Scheduler names with what their profiles leave out or add.
const PROFILES: [(&str, Rules); 5] = [
    ("default-scheduler", Rules { without: &[], pool: None }),
    ("packing", Rules { without: &[], pool: Some("general") }),
    ("careless", Rules { without: &["VolumeRestrictions", "VolumeBinding"], pool: None }),
    ("zoneless", Rules { without: &["VolumeZone"], pool: None }),
    ("blind", Rules { without: &["VolumeRestrictions", "VolumeBinding", "VolumeZone"], pool: None }),
];

/// Every reason that a filter or its PreFilter has, with the plugin that gives it.
const REASONS: [&str; 40] = [
    "NodeUnschedulable NodeUnschedulable",
    "TaintToleration UntoleratedTaint",
    "NodeAffinity NodeAffinity",
    "NodeAffinity NotNamed",
    "NodeAffinity TermsConflict",
    "NodeAffinity EnforcedNodeAffinity",
    "NodePorts NodePorts",
    "NodeResourcesFit TooManyPods",
    "NodeResourcesFit Insufficient cpu",
    "NodeResourcesFit Insufficient memory",
    "NodeResourcesFit Insufficient ephemeral-storage",
    "NodeResourcesFit Insufficient example.com/gpu",
    "VolumeRestrictions ClaimNotFound",
    "VolumeRestrictions DiskConflict",
    "VolumeRestrictions ReadWriteOncePod",
    "NodeVolumeLimits Limit",
    "NodeVolumeLimits LookingUpClaim",
    "VolumeBinding EphemeralClaimMissing",
    "VolumeBinding ClaimLost",
    "VolumeBinding ClaimDeleting",
    "VolumeBinding ClaimNotOwned",
    "VolumeBinding UnboundImmediateClaims",
    "VolumeBinding NodeAffinity",
    "VolumeBinding NothingToBind",
    "VolumeBinding NotEnoughStorage",
    "VolumeBinding VolumesNotFound",
    "VolumeZone Zone",
    "VolumeZone ClaimNotFound",
    "VolumeZone VolumeNotFound",
    "VolumeZone ClaimWithoutClass",
    "VolumeZone ClassNotFound",
    "VolumeZone ClaimNotBound",
    "PodTopologySpread TopologySpread",
    "PodTopologySpread TopologySpreadLabel",
    "InterPodAffinity PodAffinity",
    "InterPodAffinity PodAntiAffinity",
    "InterPodAffinity ExistingPodsAntiAffinity",
    "NodeName NodeName",
    "DefaultPreemption evicted",
    "Placed",
];

#[derive(Clone, Debug, Default)]
struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    fn add(&mut self, key: String, count: u32) {
        *self.0.entry(key).or_default() += u64::from(count);
    }

    fn reason(&mut self, plugin: &str, reason: Reason, words: &Vocabulary, count: u32) {
        let name = match reason {
            Reason::Insufficient(resource) => format!("Insufficient {}", words.strings.text(resource)),
            Reason::Volume(reason) => variant(&format!("{reason:?}")),
            other => variant(&format!("{other:?}")),
        };
        self.add(format!("{plugin} {name}"), count);
    }
}

/// The name of a variant out of what `Debug` says.
fn variant(debug: &str) -> String {
    debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

struct World {
    words: Vocabulary,
    view: View,
    index: Index,
    options: Options,
    state: State,
    classes: Vec<ClassId>,
    nodes: u32,
    next_pod: u32,
    made: u32,
}

fn load(items: Vec<Value>, words: &mut Vocabulary) -> Objects {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let file = sources.add("cluster.json", list.to_string());
    let objects = manifest::load(&[file], &sources, words, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, false));
    objects
}

fn profiles(words: &mut Vocabulary) -> Vec<Profile> {
    let profiles = PROFILES.iter().map(|(name, rules)| {
        let disabled: Vec<Value> = rules.without.iter().map(|name| json!({"name": name})).collect();
        let mut profile = json!({"schedulerName": name, "plugins": {"multiPoint": {"disabled": disabled}}});
        if let Some(pool) = rules.pool {
            let term = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]});
            let added = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}});
            let strategy = json!({"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]});
            profile["pluginConfig"] = json!([{"name": "NodeAffinity", "args": {"addedAffinity": added}},
                {"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}]);
        }
        profile
    });
    let config = json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": profiles.collect::<Vec<_>>()});
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("config.json", config.to_string());
    let read = scheduler_config::load(file, &sources, words, &mut diagnostics);
    read.unwrap_or_else(|| panic!("{}", diagnostics.render(&sources, false))).profiles
}

fn classes_and_drivers() -> Vec<Value> {
    let zones = json!([{"matchLabelExpressions": [{"key": cluster::ZONE, "values": ["zone-0", "zone-1"]}]}]);
    let class = |name: &str, provisioner: &str, mode: &str| {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
            "provisioner": provisioner, "volumeBindingMode": mode})
    };
    let mut late = class("late", cluster::DRIVER, "WaitForFirstConsumer");
    late["allowedTopologies"] = zones;
    let room = |zone: &str, gib: i64| {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity", "metadata": {"name": zone},
            "storageClassName": "roomy", "nodeTopology": {"matchLabels": {cluster::ZONE: zone}}, "capacity": format!("{gib}Gi")})
    };
    let mut items = vec![
        late,
        class("roomy", "roomy.example.com", "WaitForFirstConsumer"),
        class("manual", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
        class("early", cluster::DRIVER, "Immediate"),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "roomy.example.com"},
            "spec": {"storageCapacity": true}}),
        room("zone-0", 10),
        room("zone-1", 1),
    ];
    for (value, never) in [(0, false), (10, false), (100, false), (0, true), (10, true), (100, true)] {
        let name = format!("p{value}{}", if never { "-never" } else { "" });
        let policy = if never { "Never" } else { "PreemptLowerPriority" };
        items.push(json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": value, "preemptionPolicy": policy}));
    }
    items
}

/// Claims and volumes: each kind of claim a few times.
fn storage(state: &mut State, dice: &mut Dice<'_>) {
    let add = |state: &mut State, claim: Claim, volume: Option<Volume>| {
        state.claims.insert(claim.name.clone(), claim);
        state.volumes.extend(volume.map(|volume| (volume.name.clone(), volume)));
    };
    for (number, kind) in (0..CLAIMS).zip(Kind::ALL.into_iter().cycle()) {
        let name = format!("claim-{number}");
        let gib = 2 + i64::from(dice.roll(6));
        let zone = format!("zone-{}", dice.roll(4));
        let mut claim = Claim { name, kind, gib, volume: None, owner: None };
        let volume = Volume { name: format!("pv-{number}"), gib: 10, is_attached: true, ..Volume::default() };
        let volume = match kind {
            Kind::Bound | Kind::ForOnePod => Some(volume),
            Kind::BoundInZone => Some(Volume { label: Some(zone), ..volume }),
            Kind::BoundNearby => Some(Volume { zone: Some(zone), ..volume }),
            _ => None,
        };
        claim.volume = match kind {
            Kind::VolumeMissing | Kind::Lost => Some("nowhere".to_owned()),
            _ => volume.as_ref().map(|volume| volume.name.clone()),
        };
        if kind != Kind::Missing {
            add(state, claim, volume);
        }
    }
    for number in 0..4 {
        let (zone, gib) = (Some(format!("zone-{}", dice.roll(4))), 3 + i64::from(dice.roll(6)));
        let volume = Volume { name: format!("local-{number}"), zone, gib, is_free: true, ..Volume::default() };
        state.volumes.insert(volume.name.clone(), volume);
    }
    // Claims of ephemeral volumes: own, somebody else's, or not there yet.
    let wanting: Vec<String> = state.pods.iter().filter(|pod| pod.has_ephemeral).map(|pod| pod.name.clone()).collect();
    for pod in wanting {
        let owner = [Some(pod.clone()), None][usize::from(dice.one_in(3))].clone();
        if !dice.one_in(3) {
            let claim = Claim { name: format!("{pod}-e"), kind: Kind::MadeLater, gib: 1, volume: None, owner };
            add(state, claim, None);
        }
    }
}

impl World {
    fn new(nodes: &[Vec<u8>], genes: &[Vec<u8>], more: &[u8], options: Options) -> Self {
        let mut state = State::default();
        let profiles_count = u8::try_from(PROFILES.len()).expect("a few");
        for (number, genes) in genes.iter().enumerate() {
            let mut pod = Pod::random(number, profiles_count, CLAIMS, &mut Dice(genes));
            let manual = |claim: &String| {
                claim[6..].parse::<usize>().is_ok_and(|n| Kind::ALL[n % Kind::ALL.len()] == Kind::Manual)
            };
            // Which of several volumes the first of two such claims takes may decide about the second: not a rule of the API.
            if pod.claims.iter().filter(|claim| manual(claim)).count() > 1 {
                pod.claims.truncate(1);
            }
            state.pods.push(pod);
        }
        storage(&mut state, &mut Dice(more));
        let mut words = Vocabulary::default();
        let mut view = View::with_profiles(profiles(&mut words).into_iter().collect());
        let mut items = classes_and_drivers();
        items.extend(state.claims.values().map(Claim::manifest));
        let user = |volume: &Volume| {
            state
                .claims
                .values()
                .find(|claim| claim.volume.as_ref() == Some(&volume.name))
                .map(|claim| claim.name.clone())
        };
        items.extend(state.volumes.values().map(|volume| volume.manifest(user(volume).as_deref())));
        items.extend(state.pods.iter().map(|pod| pod.manifest(&PROFILES.map(|(name, _)| name))));
        let objects = load(items, &mut words);
        let set: StorageSet = objects.storage.into_objects().collect();
        *view.storage_mut() = Storage::new(set);
        view.set_listers(Listers::new(&objects.namespaces, [].iter(), &[]));
        // Tolerations that admission adds are about evictions.
        let classes = objects.pods.iter().map(|pod| pod.template.class).collect::<Vec<_>>();
        classes.iter().for_each(|&class| view.register_class(class, words.classes.get(class)));
        let index = Index::with_budget(if more.len().is_multiple_of(2) { 1000 } else { 1 << 20 });
        let mut world = Self { words, view, index, options, state, classes, nodes: 0, next_pod: 0, made: 0 };
        nodes.iter().for_each(|genes| world.add_node(genes));
        world
    }

    fn add_node(&mut self, genes: &[u8]) {
        let node = Node::random(&format!("node-{}", self.nodes), &mut Dice(genes));
        let csi = node.csi_manifest().into_iter().collect();
        let drivers = load(csi, &mut self.words).storage;
        drivers.into_objects().for_each(|object| drop(self.view.storage_mut().put(object)));
        self.state.nodes.insert(self.nodes, node);
        self.nodes += 1;
        self.tell(self.nodes - 1);
    }

    /// Shows the scheduler a node as it is now.
    fn tell(&mut self, id: u32) {
        let node = &self.state.nodes[&id];
        let objects = load(vec![node.manifest()], &mut self.words);
        let shape = self.words.shapes.get(objects.nodes[0].shape);
        let name = objects.nodes[0].name;
        let spec = NodeSpec {
            name,
            hostname: node.labels.contains_key(cluster::HOST).then_some(name),
            labels: self.words.strings.labels(shape.labels).pairs(),
            taints: &shape.taints,
            allocatable: &shape.allocatable,
            max_pods: shape.max_pods,
            unschedulable: shape.unschedulable,
            images: &shape.images,
        };
        self.view.update_node(NodeId::from_raw(id), &spec);
        self.view.learn_numbers(&self.words.strings);
    }

    fn remove_node(&mut self, id: u32) {
        let gone: Vec<u32> =
            self.state.placed.iter().filter(|(_, (node, _))| *node == id).map(|(&pod, _)| pod).collect();
        gone.into_iter().for_each(|pod| self.remove_pod(pod));
        self.state.nodes.remove(&id);
        self.view.remove_node(NodeId::from_raw(id));
    }

    fn remove_pod(&mut self, pod: u32) {
        self.view.remove_pod(PodId::from_raw(pod));
        self.state.placed.remove(&pod);
    }

    fn rejects(&self, like: usize, node: u32) -> Option<&'static str> {
        let pod = &self.state.pods[like];
        self.state.rejects(pod, &self.state.nodes[&node], PROFILES[pod.profile].1)
    }

    fn decide(&mut self, like: usize, tie: u64, coverage: &mut Coverage) -> Result<(), TestCaseError> {
        let mut ask = Ask::of(self.classes[like]);
        let fits: Vec<u32> =
            self.state.nodes.keys().copied().filter(|&node| self.rejects(like, node).is_none()).collect();
        let decision = schedule_one(&mut self.view, &mut self.index, ask, &self.options, tie);
        match decision.outcome {
            Outcome::Placed(placement) => {
                if self.options.percentage_of_nodes_to_score == 100 {
                    prop_assert_eq!(decision.feasible as usize, fits.len(), "{:?}", &self.state.pods[like]);
                }
                self.place(like, placement.node, coverage)
            }
            Outcome::Unfit(mut error) => {
                prop_assert!(fits.is_empty(), "{:?} would fit on {:?}: {:?}", &self.state.pods[like], fits, error);
                let whole = error.diagnosis.pre_filter.clone();
                match &whole {
                    Some(rejection) => {
                        for &reason in rejection.verdict.reasons() {
                            coverage.reason(rejection.plugin.name(), reason, &self.words, 1);
                        }
                    }
                    None => {
                        for &(reason, nodes) in error.diagnosis.histogram.counts() {
                            coverage.reason(reason.plugin().name(), reason, &self.words, nodes);
                        }
                        self.judge_some(like, tie)?;
                    }
                }
                let candidates = self.index.preempt(&self.view, ask, &mut error, &Unknown, tie);
                let Some(chosen) = candidates.first() else { return Ok(()) };
                for victim in &chosen.victims {
                    let like_victim = self.state.placed[&victim.pod.raw()].1;
                    prop_assert!(self.state.pods[like_victim].priority < self.state.pods[like].priority);
                    self.remove_pod(victim.pod.raw());
                }
                prop_assert!(!self.state.pods[like].never_preempts);
                coverage.add("DefaultPreemption evicted".to_owned(), 1);
                ask.nominated = Some(chosen.node);
                let again = schedule_one(&mut self.view, &mut self.index, ask, &self.options, tie);
                prop_assert_eq!(again.node(), Some(chosen.node));
                self.place(like, chosen.node, coverage)
            }
        }
    }

    /// Of single nodes the evaluator says what the rules say.
    fn judge_some(&mut self, like: usize, word: u64) -> Result<(), TestCaseError> {
        let nodes: Vec<u32> = self.state.nodes.keys().copied().collect();
        for at in [word, word >> 8] {
            let node = nodes[usize::try_from(at % 256).expect("small") % nodes.len()];
            let said = self.index.judge(&self.view, self.classes[like], NodeId::from_raw(node));
            prop_assert_eq!(said.is_some(), self.rejects(like, node).is_some());
        }
        Ok(())
    }

    fn place(&mut self, like: usize, node: NodeId, coverage: &mut Coverage) -> Result<(), TestCaseError> {
        let broken = self.rejects(like, node.raw());
        prop_assert!(
            broken.is_none(),
            "{:?} is placed on {:?} against {:?}",
            &self.state.pods[like],
            &self.state.nodes[&node.raw()],
            broken
        );
        coverage.add("Placed".to_owned(), 1);
        self.bind(like, node);
        let pod = self.next_pod;
        self.next_pod += 1;
        self.view.assume(PodId::from_raw(pod), self.classes[like], node);
        self.state.placed.insert(pod, (node.raw(), like));
        let node = &self.state.nodes[&node.raw()];
        let used = self.state.used(node);
        prop_assert!((0..5).all(|at| used[at] <= node.room[at]), "{node:?} is overcommitted: {used:?}");
        Ok(())
    }

    /// Claims get their volumes at once, in both books.
    fn bind(&mut self, like: usize, node: NodeId) {
        if PROFILES[self.state.pods[like].profile].1.without.contains(&"VolumeBinding") {
            return;
        }
        let Some(PodVolumes { bindings, provisions }) = self.view.volumes_for(self.classes[like], node) else { return };
        let zone = self.state.nodes[&node.raw()].labels.get(cluster::ZONE).cloned();
        for (name, volume) in bindings {
            let storage = self.view.storage();
            let claim = storage.claim(name).expect("it was found").clone();
            let volume = storage.volume(volume).expect("it was found").clone();
            let own = self.state.volumes.get_mut(self.words.strings.text(volume.name)).expect("it is known");
            assert!(own.is_free && own.zone == zone, "{own:?} is not free here");
            own.is_free = false;
            self.bound(claim, volume);
        }
        for name in provisions {
            let storage = self.view.storage();
            let claim = storage.claim(name).expect("it was found").clone();
            let class = storage.class(claim.class_name()).expect("it was found").clone();
            self.made += 1;
            let made = Volume {
                name: format!("made-{}", self.made),
                gib: 50,
                is_attached: class.provisioner == self.words.strings.intern(cluster::DRIVER),
                zone: zone.clone(),
                ..Volume::default()
            };
            let volume = self.words.strings.intern(&made.name);
            let text = vec![made.manifest(None)];
            let terms = load(text, &mut self.words).storage.volumes.remove(0).node_affinity;
            self.state.volumes.insert(made.name.clone(), made);
            self.bound(claim.clone(), PersistentVolume::provisioned(&claim, &class, volume, terms));
        }
    }

    fn bound(&mut self, claim: PersistentVolumeClaim, volume: PersistentVolume) {
        let own = self.state.claims.get_mut(self.words.strings.text(claim.name.name)).expect("it is known");
        own.volume = Some(self.words.strings.text(volume.name).to_owned());
        let claim_ref = Some(ClaimRef { claim: claim.name, uid: claim.uid });
        let bound = PersistentVolumeClaim {
            volume: Some(volume.name),
            bind_completed: true,
            phase: ClaimPhase::Bound,
            ..claim
        };
        let volume = PersistentVolume { claim: claim_ref, phase: VolumePhase::Bound, ..volume };
        self.view.storage_mut().put(StorageObject::Volume(volume));
        self.view.storage_mut().put(StorageObject::Claim(bound));
    }

    fn step(&mut self, genes: &[u8; 8], coverage: &mut Coverage) -> Result<(), TestCaseError> {
        let nodes: Vec<u32> = self.state.nodes.keys().copied().collect();
        let node = nodes[usize::from(genes[1]) % nodes.len()];
        match genes[0] {
            0..200 => self.decide(usize::from(genes[1]) % TEMPLATES, u64::from_le_bytes(*genes), coverage)?,
            200..230 => {
                let pods: Vec<u32> = self.state.placed.keys().copied().collect();
                if !pods.is_empty() {
                    self.remove_pod(pods[usize::from(genes[1]) % pods.len()]);
                }
            }
            230..246 => {
                self.state.nodes.get_mut(&node).expect("it is alive").redecorate(&mut Dice(&genes[2..]));
                self.tell(node);
            }
            246..250 => self.remove_node(node),
            _ => self.add_node(&genes[1..]),
        }
        Ok(())
    }
}

/// Pods about which nothing is known.
struct Unknown;

impl Victims for Unknown {
    fn started(&self, pod: PodId) -> SimTime {
        SimTime(i64::from(pod.raw() % 5))
    }

    fn evicted_by_scheduler(&self, _: PodId) -> bool {
        false
    }

    fn disruptions_allowed(&self) -> Vec<i64> {
        Vec::new()
    }

    fn budgets_of(&self, _: PodId, _: &mut Vec<usize>) {}
}

#[test]
fn no_rule_is_broken_and_no_place_overlooked() {
    let genes = |count: usize| prop::collection::vec(any::<u8>(), count);
    let strategy = (
        prop::collection::vec(genes(24), 50..130),
        prop::collection::vec(genes(60), TEMPLATES),
        prop::collection::vec(any::<u8>(), 180..220),
        prop::collection::vec(any::<[u8; 8]>(), 80..240),
        prop::sample::select(vec![0_u32, 100]),
    );
    let coverage = RefCell::new(Coverage::default());
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        max_shrink_iters: 200,
        rng_seed: RngSeed::Fixed(11),
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&strategy, |(nodes, pods, more, steps, percentage)| {
            let options = Options { percentage_of_nodes_to_score: percentage, ..Options::default() };
            let mut world = World::new(&nodes, &pods, &more, options);
            let mut coverage = coverage.borrow_mut();
            steps.iter().try_for_each(|genes| world.step(genes, &mut coverage))
        })
        .unwrap();
    let coverage = coverage.into_inner().0;
    coverage.iter().for_each(|(reason, count)| println!("{count:>9}  {reason}"));
    let missing: Vec<&str> = REASONS.into_iter().filter(|reason| !coverage.contains_key(*reason)).collect();
    assert!(missing.is_empty(), "these did not occur: {missing:?}");
    let unknown: Vec<&String> = coverage.keys().filter(|found| !REASONS.contains(&found.as_str())).collect();
    assert!(unknown.is_empty(), "these are not in the list: {unknown:?}");
}
