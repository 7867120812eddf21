//! The scheduler's own view of the cluster: nodes, and pods that are assumed or bound, advanced by the changes it has seen.
//! Owns the node list order, the usage of every node and a journal of which nodes changed; knows neither the API's objects
//! nor how nodes are judged. Mirrors pkg/scheduler/backend/cache/{cache,snapshot}.go and `NodeInfo` (v1.34.1).

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::journal::{Changed, Journal, Move};
use super::node_tree::{NodeTree, ZoneKey};
use super::nominated::{Nominations, Nominee};
use super::plugins::image_locality::ImageState;
use super::plugins::node_resources_fit::{Scalar, Usage};
use super::relations::Listers;
use super::storage::{PodVolumes, Storage};
use super::tables::SortId;
pub use super::tables::{NodeFacts, NodeImagesId, NodeSpec, Tables};
use super::volumes;
use crate::base::{IdPages, IdVec};
use crate::model::profile::Profile;
use crate::model::strings::known;
use crate::model::{ClassId, HostPort, NodeId, PodClass, PodId, ProfileId, StrId, Strings};

mod reading;

/// The position of a node that is not in the list.
pub const NOT_LISTED: u32 = u32::MAX;

#[derive(Clone, Copy, Default, Debug)]
struct PodRow {
    place: Option<(NodeId, ClassId)>,
    next: Option<PodId>,
    previous: Option<PodId>,
}

#[derive(Clone, Debug, Default)]
struct NodeRow {
    zone: Option<ZoneKey>,
    scalars: SmallVec<[Scalar; 1]>,
    ports: Vec<HostPort>,
}

/// Of a node, what every pod that comes or goes asks for, and whoever looks at it for the first time.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// The pod that came last.
    first_pod: Option<PodId>,
    /// The sort of its last facts.
    sort: Option<SortId>,
}

/// What the scheduler believes about the cluster.
#[derive(Clone, Debug, Default)]
pub struct View {
    tables: Tables,
    usage: IdVec<NodeId, Usage>,
    /// `None`: there is no such node (any more).
    facts: IdVec<NodeId, Option<NodeFacts>>,
    nodes: IdVec<NodeId, NodeRow>,
    heads: IdVec<NodeId, Head>,
    pods: IdPages<PodId, PodRow>,
    /// Pods that are assumed: a handful at a time, while a flag would be padded to four bytes a pod. Never iterated.
    assumed: FxHashSet<PodId>,
    /// Pods on nodes that are being deleted: a handful, too. Never iterated.
    terminating: FxHashSet<PodId>,
    /// How many pods on nodes have which priority.
    priorities: Vec<(i32, u32)>,
    nominations: Nominations,
    storage: Storage,
    /// How many pods on nodes have terms of pod affinity, by class.
    with_affinity: BTreeMap<ClassId, u32>,
    relations_epoch: u64,
    listers_epoch: u64,
    tree: NodeTree<NodeId>,
    list: Vec<NodeId>,
    positions: IdVec<NodeId, u32>,
    list_is_old: bool,
    ignores_zones: bool,
    list_epoch: u64,
    /// The images that nodes report. Never iterated.
    images: FxHashMap<StrId, ImageState>,
    journal: Journal<Changed>,
    moves: Journal<Move>,
    pub(super) next_start: u32,
}

impl View {
    /// A cluster without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A cluster without nodes, for these profiles.
    #[must_use]
    pub fn with_profiles(profiles: IdVec<ProfileId, Profile>) -> Self {
        Self { tables: Tables::with_profiles(profiles), ..Self::default() }
    }

    /// A cluster without nodes, whose nodes are looked at in order of arrival, not zone by zone: the order of recorded decisions.
    #[must_use]
    pub fn in_arrival_order(profiles: IdVec<ProfileId, Profile>) -> Self {
        Self { ignores_zones: true, ..Self::with_profiles(profiles) }
    }

    /// Classes and the parts of nodes.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Makes a pod class known; needed before a pod of it is placed or scheduled. Costs nothing if it is known.
    pub fn register_class(&mut self, class: ClassId, spec: &PodClass) {
        self.tables.register_class(class, spec);
    }

    /// Tells which strings are integers; needed if [`Tables::needs_numbers`] after a class was made known.
    pub fn learn_numbers(&mut self, strings: &Strings) {
        self.tables.learn_numbers(strings);
    }

    // ---- storage ----

    /// The storage objects.
    #[must_use]
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The storage objects, to bring them up to date.
    pub const fn storage_mut(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// What the claims of a pod of `class` get on a node, to be assumed together with the pod; `None` if the node does not do.
    #[must_use]
    pub fn volumes_for(&self, class: ClassId, node: NodeId) -> Option<PodVolumes> {
        volumes::reserve(self, class, node)
    }

    /// Tells what namespaces, Services and owners there are.
    pub fn set_listers(&mut self, listers: Listers) {
        self.tables.listers = listers;
        self.relations_epoch += 1;
        self.listers_epoch += 1;
    }

    // ---- nodes ----

    /// A node appeared. Pods that were bound to it before count. Returns its facts, for the event.
    pub fn add_node(&mut self, node: NodeId, spec: &NodeSpec<'_>) -> NodeFacts {
        self.set_node(node, spec).1
    }

    /// A node changed. Returns its facts before (`None`: it was not known, so it was added) and after.
    pub fn update_node(&mut self, node: NodeId, spec: &NodeSpec<'_>) -> (Option<NodeFacts>, NodeFacts) {
        self.set_node(node, spec)
    }

    fn set_node(&mut self, node: NodeId, spec: &NodeSpec<'_>) -> (Option<NodeFacts>, NodeFacts) {
        let facts = self.tables.facts(spec);
        self.grow_nodes(node);
        let old = self.facts[node];
        if old == Some(facts) {
            return (old, facts);
        }
        let zone = if self.ignores_zones { (known::EMPTY, known::EMPTY) } else { self.tables.zone_key(&facts) };
        if old.is_none() || self.nodes[node].zone != Some(zone) {
            if let Some(before) = self.nodes[node].zone {
                self.tree.remove(before, node);
            }
            self.tree.add(zone, node);
            self.nodes[node].zone = Some(zone);
            // As upstream, a node that only changed its zone keeps its place until a node comes or goes.
            self.list_is_old |= old.is_none();
        }
        if old.map(|old| old.images) != Some(facts.images) {
            self.move_images(old.map(|old| old.images), Some(facts.images));
        }
        self.facts[node] = Some(facts);
        self.heads[node].sort = Some(self.tables.sort(&facts));
        self.offer(node, &facts);
        self.changed(node, true);
        self.moves.note(Move::Node(node), self.list.len());
        (old, facts)
    }

    /// A node is gone. Pods that are still bound to it stay accounted, in case it comes back. Returns its last facts.
    pub fn remove_node(&mut self, node: NodeId) -> Option<NodeFacts> {
        self.facts(node)?;
        let facts = self.facts[node].take();
        if let Some(zone) = self.nodes[node].zone.take() {
            self.tree.remove(zone, node);
        }
        self.list_is_old = true;
        self.moves.note(Move::Node(node), self.list.len());
        self.move_images(facts.map(|facts| facts.images), None);
        facts
    }

    /// A node reports `new` images in place of `old`. That changes the scores of other nodes with them, too.
    fn move_images(&mut self, old: Option<NodeImagesId>, new: Option<NodeImagesId>) {
        let images = |id: Option<NodeImagesId>| id.map_or(&[][..], |id| self.tables.node_images(id));
        let (old, new) = (images(old), images(new));
        for (name, _) in old {
            if let Entry::Occupied(mut state) = self.images.entry(*name) {
                state.get_mut().nodes -= 1;
                if state.get().nodes == 0 {
                    state.remove();
                }
            }
        }
        for &(name, size) in new {
            self.images.entry(name).or_insert(ImageState { size, nodes: 0 }).nodes += 1;
        }
        if !old.is_empty() || !new.is_empty() {
            self.list_epoch += 1;
        }
    }

    fn grow_nodes(&mut self, node: NodeId) {
        self.nodes.grow_to(node, NodeRow::default());
        self.heads.grow_to(node, Head::default());
        self.facts.grow_to(node, None);
        self.usage.grow_to(node, Usage::default());
        self.positions.grow_to(node, NOT_LISTED);
    }

    /// Writes what `facts` offer into the usage columns.
    fn offer(&mut self, node: NodeId, facts: &NodeFacts) {
        let offered = self.tables.allocatable(facts.allocatable);
        let (usage, row) = (&mut self.usage[node], &mut self.nodes[node]);
        usage.allocatable_milli_cpu = offered.amounts.milli_cpu;
        usage.allocatable_memory = offered.amounts.memory;
        usage.allocatable_ephemeral = offered.amounts.ephemeral_storage;
        usage.allocatable_pods = offered.pods;
        row.scalars.iter_mut().for_each(|s| s.allocatable = 0);
        for &(name, amount) in &offered.amounts.scalar {
            scalar_of(&mut row.scalars, name).allocatable = amount;
        }
        row.scalars.retain(|s| s.allocatable != 0 || s.requested != 0);
    }

    // ---- pods ----

    /// A pod was given `node` by a decision that is not written yet: it counts from now on.
    pub fn assume(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        self.place(pod, class, node);
        self.assumed.insert(pod);
    }

    /// The binding of an assumed pod failed. Returns where it was; `None` if it is not assumed.
    pub fn forget(&mut self, pod: PodId) -> Option<(NodeId, ClassId)> {
        if self.is_assumed(pod) { self.remove_pod(pod) } else { None }
    }

    /// The API shows a pod on `node`: bound by this scheduler (an assumed pod is confirmed) or by someone else.
    pub fn add_pod(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        self.place(pod, class, node);
        self.assumed.remove(&pod);
    }

    /// A pod on a node changed its class (an in-place resize). Returns its class before; `None` if it is not on a node.
    pub fn update_pod(&mut self, pod: PodId, class: ClassId) -> Option<ClassId> {
        let (node, old) = self.place_of(pod)?;
        let assumed = self.is_assumed(pod);
        self.place(pod, class, node);
        if assumed {
            self.assumed.insert(pod);
        }
        Some(old)
    }

    /// Looks at the row of a pod: what was read.
    #[inline]
    #[must_use]
    pub fn read_pod_ahead(&self, pod: PodId) -> bool {
        self.pods.get(pod).is_some_and(|row| row.place.is_some())
    }

    /// Looks at what a pod's going will change: what was read.
    #[inline]
    #[must_use]
    pub fn read_ahead(&self, pod: PodId, node: NodeId) -> i64 {
        let Some(row) = self.pods.get(pod) else { return 0 };
        let beside = [row.next, row.previous].into_iter().flatten();
        let beside: i64 = beside.map(|pod| i64::from(self.pods[pod].next.is_some())).sum();
        let usage = self.usage.get(node).map_or(0, |usage| usage.pods ^ usage.scoring_memory);
        beside ^ usage
    }

    /// A pod is gone or has ended. Returns where it was; `None` if it was on no node.
    pub fn remove_pod(&mut self, pod: PodId) -> Option<(NodeId, ClassId)> {
        let (node, class) = self.place_of(pod)?;
        let row = std::mem::take(&mut self.pods[pod]);
        self.assumed.remove(&pod);
        let terminating = self.terminating.remove(&pod);
        self.moves.note(Move::Left(node, class, terminating), self.list.len());
        match row.previous {
            Some(previous) => self.pods[previous].next = row.next,
            None => self.heads[node].first_pod = row.next,
        }
        if let Some(next) = row.next {
            self.pods[next].previous = row.previous;
        }
        self.account(node, class, -1);
        let ports = self.tables.ports(self.tables.class(class).ports);
        for port in ports {
            let used = &mut self.nodes[node].ports;
            if let Some(at) = used.iter().position(|p| p == port) {
                used.swap_remove(at);
            }
        }
        Some((node, class))
    }

    /// A pod on a node is being deleted: it goes on to hold what it holds, but topology spread counts it no longer.
    pub fn set_terminating(&mut self, pod: PodId) {
        if let Some((node, class)) = self.place_of(pod)
            && self.terminating.insert(pod)
        {
            self.changed(node, false);
            self.moves.note(Move::Terminating(node, class), self.list.len());
        }
    }

    /// Nominates a pending pod for a node. Its class must be known.
    pub fn nominate(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        let priority = self.tables.class(class).priority;
        self.nominations.set(Nominee { pod, class, priority }, node);
    }

    /// Takes a pod's nomination back. Returns what it was and where, if it was nominated.
    pub fn clear_nomination(&mut self, pod: PodId) -> Option<(Nominee, NodeId)> {
        self.nominations.remove(pod)
    }

    /// Asks about `node` as if the pods nominated there that count against `priority` were on it.
    pub(super) fn with_nominated<R>(&mut self, node: NodeId, priority: i32, ask: impl FnOnce(&Self) -> R) -> R {
        let nominees: SmallVec<[Nominee; 4]> = self.nominations.counting(node, priority).collect();
        nominees.iter().for_each(|nominee| self.place(nominee.pod, nominee.class, node));
        let answer = ask(self);
        nominees.iter().for_each(|nominee| _ = self.remove_pod(nominee.pod));
        answer
    }

    fn place(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        if self.place_of(pod) == Some((node, class)) {
            return;
        }
        self.remove_pod(pod);
        self.grow_nodes(node);
        self.pods.grow_to(pod, &PodRow::default());
        let next = self.heads[node].first_pod.replace(pod);
        if let Some(next) = next {
            self.pods[next].previous = Some(pod);
        }
        self.pods[pod] = PodRow { place: Some((node, class)), next, previous: None };
        self.moves.note(Move::Came(node, class), self.list.len());
        self.account(node, class, 1);
        let ports = self.tables.ports(self.tables.class(class).ports);
        if !ports.is_empty() {
            self.nodes[node].ports.extend_from_slice(ports);
        }
    }

    /// Counts a pod of `class` on `node` `sign` times.
    fn account(&mut self, node: NodeId, class: ClassId, sign: i64) {
        let parts = self.tables.class(class);
        if self.tables.relations(parts.relations).affinity.is_some() {
            let pods = self.with_affinity.entry(class).or_insert(0);
            let before = *pods;
            *pods = if sign > 0 { before + 1 } else { before - 1 };
            if before == 0 || *pods == 0 {
                self.relations_epoch += 1;
            }
            if *pods == 0 {
                self.with_affinity.remove(&class);
            }
        }
        match self.priorities.iter().position(|&(priority, _)| priority == parts.priority) {
            Some(at) if sign > 0 => self.priorities[at].1 += 1,
            Some(at) => self.priorities[at].1 -= 1,
            None => self.priorities.push((parts.priority, 1)),
        }
        let request = self.tables.request(parts.request);
        let usage = &mut self.usage[node];
        let add = |to: &mut i64, amount: i64| *to = to.saturating_add(sign * amount);
        add(&mut usage.milli_cpu, request.amounts.milli_cpu);
        add(&mut usage.memory, request.amounts.memory);
        add(&mut usage.ephemeral, request.amounts.ephemeral_storage);
        add(&mut usage.scoring_milli_cpu, request.accounted_milli_cpu);
        add(&mut usage.scoring_memory, request.accounted_memory);
        add(&mut usage.pods, 1);
        for &(name, amount) in &request.amounts.scalar {
            add(&mut scalar_of(&mut self.nodes[node].scalars, name).requested, amount);
        }
        self.changed(node, false);
    }

    fn changed(&mut self, node: NodeId, facts: bool) {
        self.journal.note(Changed { node, facts }, self.list.len());
    }
}

fn scalar_of(scalars: &mut SmallVec<[Scalar; 1]>, name: crate::model::StrId) -> &mut Scalar {
    let at = scalars.iter().position(|s| s.name == name).unwrap_or_else(|| {
        scalars.push(Scalar { name, allocatable: 0, requested: 0 });
        scalars.len() - 1
    });
    &mut scalars[at]
}
