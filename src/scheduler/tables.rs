//! What the scheduler knows of classes and nodes, cut into the parts that plugins read and interned part by part, so that
//! caches are shared by all classes with the same requests and all nodes with the same taints. Knows no usage.

use rustc_hash::FxHashMap;

use super::plugins::node_affinity;
use super::relations::{Listers, Relations};
pub use super::request::Request;
use super::rules::Rules;
use crate::base::{IdVec, Interner};
use crate::define_id;
use crate::model::profile::Profile;
use crate::model::strings::known;
use crate::model::{
    ClassId, HostPort, NodeAffinity, NodeLabels, NodeTerm, PodClass, PodVolume, PreemptionPolicy, ProfileId, Resources,
    SpreadConstraint, StrId, Strings, Taint, Toleration, WhenUnsatisfiable,
};

define_id! {
    /// A distinct list of node taints.
    TaintSetId
    /// A distinct set of node labels, without the hostname.
    NodeLabelsId
    /// A distinct amount of what nodes offer.
    AllocatableId
    /// A distinct combination of a node's labels, taints, cordon and what it offers: what nodes without pods differ by.
    SortId
    /// A distinct amount of what pods request.
    RequestId
    /// A distinct demand on a node's fixed properties.
    StaticsId
    /// A distinct set of what pods are to each other.
    RelationsId
    /// A distinct list of images of a node.
    NodeImagesId
    /// A distinct list of images of a pod.
    ImagesId
    /// A distinct list of host ports.
    PortsId
    /// A distinct list of volumes.
    VolumesId
    /// A distinct combination of profile, request, statics, ports and volumes: pods that get the same verdicts and scores.
    SignatureId
}

/// What a node offers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Allocatable {
    /// Resources.
    pub amounts: Resources,
    /// How many pods.
    pub pods: i64,
}

/// What a pod demands of a node's name, labels and taints.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Statics {
    /// `spec.nodeName`.
    pub node_name: Option<StrId>,
    /// `spec.nodeSelector`.
    pub node_selector: Box<[(StrId, StrId)]>,
    /// `spec.affinity.nodeAffinity`.
    pub node_affinity: Option<Box<NodeAffinity>>,
    /// The only nodes that are looked at; see [`named_nodes`](super::plugins::node_affinity::named_nodes).
    pub named_nodes: Option<Box<[StrId]>>,
    /// `spec.tolerations`.
    pub tolerations: Box<[Toleration]>,
    /// Whether it may tell nodes of one kind apart.
    pub looks_at_names: bool,
}

/// What decides about the fixed properties of a node for whoever looks at no names: labels, taints, and whether it is
/// unschedulable.
pub(super) type Kind = (NodeLabelsId, TaintSetId, bool);

/// A class as the scheduler knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class {
    /// The profile that schedules it; `None` if its `schedulerName` is somebody else's.
    pub profile: Option<ProfileId>,
    /// What it takes.
    pub request: RequestId,
    /// What it demands.
    pub statics: StaticsId,
    /// Its host ports.
    pub ports: PortsId,
    /// Its volumes that rules of the scheduler read.
    pub volumes: VolumesId,
    /// Its images.
    pub images: ImagesId,
    /// Profile, request, statics, ports, volumes and images.
    pub signature: SignatureId,
    /// What it is to other pods.
    pub relations: RelationsId,
    /// `spec.priority`.
    pub priority: i32,
    /// `spec.preemptionPolicy`.
    pub preemption: PreemptionPolicy,
}

/// The parts of a signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Signature {
    /// By whose rules.
    pub profile: Option<ProfileId>,
    /// What it takes.
    pub request: RequestId,
    /// What it demands.
    pub statics: StaticsId,
    /// Its host ports.
    pub ports: PortsId,
    /// Its volumes.
    pub volumes: VolumesId,
    /// Its images, if some node has images.
    pub images: Option<ImagesId>,
}

/// The fixed properties of a node: what events carry and hints compare.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NodeFacts {
    /// Its name.
    pub name: StrId,
    /// The value of its `kubernetes.io/hostname` label, if it has one.
    pub hostname: Option<StrId>,
    /// Its other labels.
    pub labels: NodeLabelsId,
    /// Its taints, in order.
    pub taints: TaintSetId,
    /// What it offers.
    pub allocatable: AllocatableId,
    /// Its images.
    pub images: NodeImagesId,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
}

impl NodeFacts {
    /// What it is to those who look at no names.
    #[inline]
    pub(super) const fn kind(&self) -> Kind {
        (self.labels, self.taints, self.unschedulable)
    }
}

/// A node as the API shows it.
#[derive(Clone, Copy, Debug)]
pub struct NodeSpec<'a> {
    /// Name.
    pub name: StrId,
    /// The value of the `kubernetes.io/hostname` label, unless it is among `labels`.
    pub hostname: Option<StrId>,
    /// Labels, each key once, in any fixed order.
    pub labels: &'a [(StrId, StrId)],
    /// Taints, in order.
    pub taints: &'a [Taint],
    /// Allocatable resources.
    pub allocatable: &'a Resources,
    /// Allocatable pods.
    pub max_pods: i64,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// `status.images`: names with sizes in bytes, each name once, sorted.
    pub images: &'a [(StrId, i64)],
}

/// The interned parts of all classes and nodes.
#[derive(Clone, Debug)]
pub struct Tables {
    profiles: IdVec<ProfileId, Profile>,
    rules: IdVec<ProfileId, Rules>,
    classes: IdVec<ClassId, Option<Class>>,
    requests: Interner<RequestId, Request>,
    statics: Interner<StaticsId, Statics>,
    ports: Interner<PortsId, Box<[HostPort]>>,
    volumes: Interner<VolumesId, Box<[PodVolume]>>,
    images: Interner<ImagesId, Box<[StrId]>>,
    node_images: Interner<NodeImagesId, Box<[(StrId, i64)]>>,
    /// Whether some node has had images: until then a pod's images make no difference.
    images_count: bool,
    signatures: Interner<SignatureId, Signature>,
    relations: Interner<RelationsId, Relations>,
    pub(super) listers: Listers,
    taints: Interner<TaintSetId, Box<[Taint]>>,
    labels: Interner<NodeLabelsId, Box<[(StrId, StrId)]>>,
    allocatables: Interner<AllocatableId, Allocatable>,
    sorts: Interner<SortId, (Kind, AllocatableId)>,
    /// Whether a class compares labels as integers.
    compares_numbers: bool,
    /// The strings that are integers, once a class asks. Never iterated.
    numbers: Option<FxHashMap<StrId, i64>>,
}

/// A node as terms of node affinity look at it.
#[derive(Clone, Copy, Debug)]
pub struct LabelsOf<'a> {
    tables: &'a Tables,
    facts: &'a NodeFacts,
}

impl NodeLabels for LabelsOf<'_> {
    fn name(&self) -> StrId {
        self.facts.name
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        self.tables.label(self.facts, key)
    }

    fn number(&self, value: StrId) -> Option<i64> {
        self.tables.numbers.as_ref()?.get(&value).copied()
    }
}

impl Default for Tables {
    /// Nothing is known but the default profile.
    fn default() -> Self {
        Self::with_profiles([Profile::default()].into_iter().collect())
    }
}

impl Tables {
    /// Nothing is known but the profiles, of which each has another scheduler name.
    #[must_use]
    pub fn with_profiles(profiles: IdVec<ProfileId, Profile>) -> Self {
        let terms = profiles.iter().flat_map(|profile| profile.args.node_affinity.terms());
        let compares_numbers = terms.into_iter().any(NodeTerm::compares_numbers);
        Self {
            rules: profiles.iter().map(Rules::of).collect(),
            profiles,
            classes: IdVec::default(),
            requests: Interner::default(),
            statics: Interner::default(),
            ports: Interner::default(),
            volumes: Interner::default(),
            images: Interner::default(),
            node_images: Interner::default(),
            images_count: false,
            signatures: Interner::default(),
            relations: Interner::default(),
            listers: Listers::default(),
            taints: Interner::default(),
            labels: Interner::default(),
            allocatables: Interner::default(),
            sorts: Interner::default(),
            compares_numbers,
            numbers: None,
        }
    }

    /// Makes `class` known; again with the same value does nothing.
    pub fn register_class(&mut self, class: ClassId, spec: &PodClass) {
        if self.knows(class) {
            return;
        }
        let scoring = (spec.scoring_milli_cpu, spec.scoring_memory);
        let accounted = spec.accounted_scoring.unwrap_or(scoring);
        let request = self.requests.intern(Request {
            amounts: spec.requests.clone(),
            scoring_milli_cpu: scoring.0,
            scoring_memory: scoring.1,
            accounted_milli_cpu: accounted.0,
            accounted_memory: accounted.1,
            scoring_scalar: spec.scoring_scalar.clone(),
        });
        let affinity = spec.node_affinity.as_deref();
        self.compares_numbers |= affinity.is_some_and(|affinity| affinity.terms().any(NodeTerm::compares_numbers));
        let statics = self.statics.intern(Statics {
            node_name: spec.node_name,
            node_selector: spec.node_selector.clone(),
            node_affinity: spec.node_affinity.clone(),
            named_nodes: affinity.and_then(node_affinity::named_nodes),
            tolerations: spec.tolerations.clone(),
            looks_at_names: spec.node_name.is_some()
                || spec.node_selector.iter().any(|&(key, _)| key == known::LABEL_HOSTNAME)
                || affinity.is_some_and(|affinity| affinity.terms().any(NodeTerm::looks_at_names)),
        });
        let ports = self.ports.intern(spec.host_ports.clone());
        let volumes = self.volumes.intern(spec.volumes.clone());
        let profile = self.profiles.entries().find(|(_, profile)| profile.scheduler_name == spec.scheduler_name);
        let profile = profile.map(|(id, _)| id);
        let images = self.images.intern(spec.images.clone());
        let counted = Some(images).filter(|_| self.images_count);
        let signature = Signature { profile, request, statics, ports, volumes, images: counted };
        let signature = self.signatures.intern(signature);
        self.classes.grow_to(class, None);
        self.classes[class] = Some(Class {
            profile,
            request,
            statics,
            ports,
            volumes,
            images,
            signature,
            relations: self.relations.intern(Relations::of(spec)),
            priority: spec.priority,
            preemption: spec.preemption,
        });
    }

    /// Whether a class compares labels as integers and nobody said yet which those are.
    #[inline]
    #[must_use]
    pub const fn needs_numbers(&self) -> bool {
        self.compares_numbers && self.numbers.is_none()
    }

    /// Takes in which strings are integers; those that are interned later are not.
    pub(super) fn learn_numbers(&mut self, strings: &Strings) {
        self.numbers = Some(strings.integers().collect());
    }

    /// A node as terms of node affinity look at it.
    #[inline]
    #[must_use]
    pub const fn labels_of<'a>(&'a self, facts: &'a NodeFacts) -> LabelsOf<'a> {
        LabelsOf { tables: self, facts }
    }

    /// Whether `class` was registered.
    #[must_use]
    pub fn knows(&self, class: ClassId) -> bool {
        self.classes.get(class).is_some_and(Option::is_some)
    }

    /// The facts of a node with this specification.
    pub(super) fn facts(&mut self, spec: &NodeSpec<'_>) -> NodeFacts {
        let labels = self.labels.lookup(spec.labels).unwrap_or_else(|| self.labels.intern(spec.labels.into()));
        let taints = self.taints.lookup(spec.taints).unwrap_or_else(|| self.taints.intern(spec.taints.into()));
        let images =
            self.node_images.lookup(spec.images).unwrap_or_else(|| self.node_images.intern(spec.images.into()));
        if !spec.images.is_empty() && !self.images_count {
            self.count_images();
        }
        let offered = Allocatable { amounts: spec.allocatable.clone(), pods: spec.max_pods };
        NodeFacts {
            name: spec.name,
            hostname: spec.hostname,
            labels,
            taints,
            allocatable: self.allocatables.intern(offered),
            images,
            unschedulable: spec.unschedulable,
        }
    }

    /// The sort of a node with these facts.
    pub(super) fn sort(&mut self, facts: &NodeFacts) -> SortId {
        self.sorts.intern((facts.kind(), facts.allocatable))
    }

    /// From now on pods with other images get other scores.
    fn count_images(&mut self) {
        self.images_count = true;
        for class in self.classes.iter_mut().flatten() {
            let signature = *self.signatures.get(class.signature);
            class.signature = self.signatures.intern(Signature { images: Some(class.images), ..signature });
        }
    }

    /// A class.
    ///
    /// # Panics
    /// If it was not registered.
    #[inline]
    #[must_use]
    pub fn class(&self, class: ClassId) -> Class {
        self.classes[class].expect("class not registered with the scheduler")
    }

    /// The profile that schedules a class.
    ///
    /// # Panics
    /// If it is somebody else's pod.
    #[must_use]
    pub fn profile(&self, class: &Class) -> &Profile {
        &self.profiles[class.profile.expect("asked about a pod of another scheduler")]
    }

    /// What a cell holds of the profile of a class.
    ///
    /// # Panics
    /// If it is somebody else's pod.
    #[inline]
    #[must_use]
    pub fn rules(&self, class: &Class) -> &Rules {
        &self.rules[class.profile.expect("asked about a pod of another scheduler")]
    }

    /// The only nodes that pods of a class look at; `None` is all.
    #[must_use]
    pub fn named_nodes(&self, class: &Class) -> Option<&[StrId]> {
        let named = self.statics(class.statics).named_nodes.as_deref();
        named.filter(|_| self.rules(class).narrows_to_names)
    }

    /// What pods with `id` request.
    #[must_use]
    pub fn request(&self, id: RequestId) -> &Request {
        self.requests.get(id)
    }

    /// What pods with `id` demand.
    #[must_use]
    pub fn statics(&self, id: StaticsId) -> &Statics {
        self.statics.get(id)
    }

    /// What pods with `id` are to other pods.
    #[must_use]
    pub fn relations(&self, id: RelationsId) -> &Relations {
        self.relations.get(id)
    }

    /// How many distinct relations there are.
    pub(super) fn relations_len(&self) -> usize {
        self.relations.len()
    }

    /// Namespaces, Services and owners.
    #[must_use]
    pub const fn listers(&self) -> &Listers {
        &self.listers
    }

    /// The constraints of topology spread of one kind that pods of a class have, of their own or by default.
    #[must_use]
    pub fn spread_constraints(&self, class: &Class, when: WhenUnsatisfiable) -> Vec<SpreadConstraint> {
        let args = &self.profile(class).args.spread;
        self.listers.spread_constraints(self.relations(class.relations), args, when)
    }

    /// Host ports.
    #[must_use]
    pub fn ports(&self, id: PortsId) -> &[HostPort] {
        self.ports.get(id)
    }

    /// Volumes that rules of the scheduler read.
    #[must_use]
    pub fn volumes(&self, id: VolumesId) -> &[PodVolume] {
        self.volumes.get(id)
    }

    /// The images of pods.
    #[must_use]
    pub fn images(&self, id: ImagesId) -> &[StrId] {
        self.images.get(id)
    }

    /// The images of a node with their sizes, sorted by name.
    #[must_use]
    pub fn node_images(&self, id: NodeImagesId) -> &[(StrId, i64)] {
        self.node_images.get(id)
    }

    /// The parts of a signature.
    #[must_use]
    pub fn signature(&self, id: SignatureId) -> Signature {
        *self.signatures.get(id)
    }

    /// A node's taints.
    #[must_use]
    pub fn taints(&self, id: TaintSetId) -> &[Taint] {
        self.taints.get(id)
    }

    /// The taints that nodes have or had.
    pub(super) fn taint_sets(&self) -> impl ExactSizeIterator<Item = &[Taint]> {
        self.taints.entries().map(|(_, taints)| &**taints)
    }

    /// What a node offers.
    #[must_use]
    pub fn allocatable(&self, id: AllocatableId) -> &Allocatable {
        self.allocatables.get(id)
    }

    /// The value of a node's label.
    #[must_use]
    pub fn label(&self, facts: &NodeFacts, key: StrId) -> Option<StrId> {
        let listed = self.labels.get(facts.labels).iter().find(|&&(k, _)| k == key).map(|&(_, value)| value);
        listed.or(if key == known::LABEL_HOSTNAME { facts.hostname } else { None })
    }

    /// Region and zone, which decide a node's place in the list (`GetZoneKey`, component-helpers/node/topology): the beta
    /// labels win; a missing label is the empty string.
    #[must_use]
    pub fn zone_key(&self, facts: &NodeFacts) -> (StrId, StrId) {
        let first = |beta, ga| self.label(facts, beta).or_else(|| self.label(facts, ga)).unwrap_or(known::EMPTY);
        (first(known::LABEL_REGION_BETA, known::LABEL_REGION), first(known::LABEL_ZONE_BETA, known::LABEL_ZONE))
    }
}
