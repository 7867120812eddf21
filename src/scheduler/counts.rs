//! Pods counted by what they are and by the domain of their node, kept up to date from the view's moves: what topology spread and
//! inter-pod affinity recount in every cycle. Counts exist from the first question that needs them. Owns the sums; whether a
//! pod counts is said by the plugins' own functions. Must agree with [`CycleState`](super::state::CycleState)'s recount, always.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashSet};
use smallvec::SmallVec;

use super::domains::{Field, FieldId, FieldKey, NOWHERE, Policy, Topology, TopologyId, TopologyKey};
use super::journal::{Cursor, Move};
use super::plugins::inter_pod_affinity::matches_all;
use super::plugins::pod_topology_spread::{selects, selects_in_thought};
use super::relations::Relations;
use super::tables::{RelationsId, Tables};
use super::view::View;
use crate::base::id::DenseId;
use crate::base::{IdVec, Interner};
use crate::define_id;
use crate::model::{ClassId, CompiledSelector, NodeId, PodAffinityTerm, StrId};

define_id! {
    /// Pods of one kind, by domain.
    TallyId
}

/// How many tallies there may be, and how many nodes all fields may have together; beyond that they are made anew as they are
/// asked for.
const MAX_TALLIES: usize = 1 << 16;
const MAX_FIELD_NODES: usize = 64 << 20;

/// Which pods are counted, and how often each.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Subject {
    /// Those that a constraint of topology spread selects; terminating ones do not count.
    Selected(StrId, CompiledSelector),
    /// Those that match all terms.
    Matching(Box<[PodAffinityTerm]>),
    /// Those that have this term of required anti-affinity, once a term.
    Repelling(PodAffinityTerm),
    /// Those that have this term and would have it near: by the sum of weights, with that of a required one.
    Attracting(PodAffinityTerm, i64),
}

impl Subject {
    /// How often a pod counts.
    fn amount(&self, relations: &Relations) -> i64 {
        match self {
            Self::Selected(namespace, selector) => i64::from(selects(selector, *namespace, relations.pod())),
            _ => self.amount_in_thought(relations),
        }
    }

    /// How often a pod counts that comes or goes in thought.
    pub(super) fn amount_in_thought(&self, relations: &Relations) -> i64 {
        let affinity = relations.affinity.as_deref();
        match self {
            Self::Selected(namespace, selector) => i64::from(selects_in_thought(selector, *namespace, relations.pod())),
            Self::Matching(terms) => i64::from(matches_all(terms, relations.pod())),
            Self::Repelling(term) => {
                let own = affinity.map_or(&[][..], |affinity| &affinity.anti_required);
                own.iter().filter(|own| *own == term).fold(0, |sum, _| sum + 1)
            }
            Self::Attracting(term, hard_weight) => {
                let Some(affinity) = affinity else { return 0 };
                let weights = |list: &[(u8, PodAffinityTerm)]| {
                    list.iter().filter(|(_, own)| own == term).map(|&(weight, _)| i64::from(weight)).sum::<i64>()
                };
                let required = affinity.required.iter().filter(|own| *own == term).fold(0, |sum, _| sum + hard_weight);
                required + weights(&affinity.preferred) - weights(&affinity.anti_preferred)
            }
        }
    }

    const fn leaves_terminating_out(&self) -> bool {
        matches!(self, Self::Selected(..))
    }
}

/// Sums by domain.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub field: FieldId,
    /// The domains whose sum is not zero, in any order.
    sums: IndexMap<u32, i64, FxBuildHasher>,
    /// The sum of all.
    pub total: i64,
    /// The least sum of the domains that count, and how many have it; `None` is not known.
    least: Option<(i64, u32)>,
}

impl Tally {
    fn new(field: FieldId) -> Self {
        Self { field, sums: IndexMap::default(), total: 0, least: None }
    }

    /// The sum of a domain.
    #[inline]
    pub(super) fn at(&self, domain: u32) -> i64 {
        self.sums.get(&domain).copied().unwrap_or(0)
    }

    /// The domains whose sum is not zero, in any order.
    pub(super) fn present(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.sums.keys().copied()
    }

    fn add(&mut self, domain: u32, amount: i64) {
        let sum = self.sums.entry(domain).or_insert(0);
        let before = *sum;
        *sum += amount;
        let after = *sum;
        self.total += amount;
        if after == 0 {
            self.sums.swap_remove(&domain);
        }
        if let Some((least, domains)) = &mut self.least {
            *domains -= u32::from(before == *least);
            match after.cmp(least) {
                std::cmp::Ordering::Less => self.least = Some((after, 1)),
                std::cmp::Ordering::Equal => *domains += 1,
                std::cmp::Ordering::Greater if *domains == 0 => self.least = None,
                std::cmp::Ordering::Greater => {}
            }
        }
    }

    /// The least sum of the domains of `field` that count, if in thought that of one domain is `change` more, and how many have
    /// it; `None` if there are none.
    fn least_of(&self, field: &Field, domains: usize, change: Option<(u32, i64)>) -> Option<(i64, u32)> {
        let mut least: Option<(i64, u32)> = None;
        for domain in (0..domains).map(u32::from_index).filter(|&domain| field.has(domain)) {
            let more = change.filter(|&(changed, _)| changed == domain).map_or(0, |(_, more)| more);
            let sum = self.at(domain) + more;
            match &mut least {
                Some((low, count)) if *low == sum => *count += 1,
                Some((low, _)) if *low < sum => {}
                _ => least = Some((sum, 1)),
            }
        }
        least
    }
}

/// How often one pod counts where.
#[derive(Clone, Copy, Debug)]
struct Share {
    tally: TallyId,
    amount: i64,
    /// Not when it is terminating.
    live: bool,
}

/// All tallies in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    cursor: Cursor,
    topology_ids: Interner<TopologyId, TopologyKey>,
    topologies: IdVec<TopologyId, Topology>,
    field_ids: Interner<FieldId, FieldKey>,
    fields: IdVec<FieldId, Field>,
    tally_ids: Interner<TallyId, (Subject, FieldId)>,
    tallies: IdVec<TallyId, Tally>,
    /// What a pod counts for, by what it is.
    shares: IdVec<RelationsId, SmallVec<[Share; 2]>>,
    /// How many pods on nodes are what, from the first tally on: what nobody is need not be counted from all pods.
    present: Option<IdVec<RelationsId, u32>>,
    /// Those that have terms about other pods.
    owners: Vec<RelationsId>,
    /// Nodes that came, went or changed at the last [`sync`](Self::sync).
    changed: Vec<NodeId>,
}

impl Counts {
    /// Takes in what happened since the last time. `false`: all tallies were given up, and ids of before mean nothing any more.
    pub(super) fn sync(&mut self, view: &View) -> bool {
        self.changed.clear();
        let moves = view.moves().changes_since(self.cursor);
        self.cursor = view.moves().cursor();
        let is_within = self.tallies.len() <= MAX_TALLIES && self.fields.len() * view.list().len() <= MAX_FIELD_NODES;
        let Some(moves) = moves.filter(|_| is_within) else {
            *self = Self { cursor: self.cursor, ..Self::default() };
            self.learn(view.tables());
            return false;
        };
        self.learn(view.tables());
        for entry in moves {
            match *entry {
                Move::Node(node) => self.changed.push(node),
                _ if self.tallies.is_empty() => {}
                Move::Came(node, class) => {
                    *self.present_of(view, class) += 1;
                    self.count(view, node, class, 1, |_| true);
                }
                Move::Left(node, class, terminating) => {
                    *self.present_of(view, class) -= 1;
                    self.count(view, node, class, -1, |share| !(terminating && share.live));
                }
                Move::Terminating(node, class) => self.count(view, node, class, -1, |share| share.live),
            }
        }
        if !self.changed.is_empty() {
            let mut seen = FxHashSet::default();
            self.changed.retain(|&node| seen.insert(node));
            (0..self.changed.len()).for_each(|at| self.renew(view, self.changed[at]));
        }
        true
    }

    /// Gets to know what pods can be by now.
    fn learn(&mut self, tables: &Tables) {
        while self.shares.len() < tables.relations_len() {
            let id = RelationsId::from_index(self.shares.len());
            let relations = tables.relations(id);
            if relations.affinity.is_some() {
                self.owners.push(id);
            }
            let share = |(tally, (subject, _)): (TallyId, &(Subject, FieldId))| {
                let (amount, live) = (subject.amount(relations), subject.leaves_terminating_out());
                (amount != 0).then_some(Share { tally, amount, live })
            };
            self.shares.push(self.tally_ids.entries().filter_map(share).collect());
        }
    }

    /// How many pods on nodes are what pods of a class are.
    fn present_of(&mut self, view: &View, class: ClassId) -> &mut u32 {
        let relations = view.tables().class(class).relations;
        let present = self.present.as_mut().expect("there are tallies");
        present.grow_to(relations, 0);
        &mut present[relations]
    }

    fn count(&mut self, view: &View, node: NodeId, class: ClassId, sign: i64, which: impl Fn(&Share) -> bool) {
        for share in self.shares[view.tables().class(class).relations].iter().filter(|&share| which(share)) {
            let tally = &mut self.tallies[share.tally];
            let field = &self.fields[tally.field];
            let domain = self.topologies[field.topology].domain(node);
            if domain != NOWHERE && field.counts(node) {
                tally.add(domain, sign * share.amount);
            }
        }
    }

    /// A node is not what it was: its pods count elsewhere.
    fn renew(&mut self, view: &View, node: NodeId) {
        let there: SmallVec<[(ClassId, bool); 16]> =
            view.pods_on(node).map(|(pod, class)| (class, view.is_terminating(pod))).collect();
        let move_all = |counts: &mut Self, sign| {
            for &(class, terminating) in &there {
                counts.count(view, node, class, sign, |share| !(terminating && share.live));
            }
        };
        move_all(self, -1);
        let mut others = Vec::new();
        for (id, field) in self.fields.ids().zip(self.fields.iter_mut()) {
            if field.remove(node, &self.topologies[field.topology]) {
                others.push(id);
            }
        }
        self.topologies.iter_mut().for_each(|topology| topology.place(view, node));
        for (id, field) in self.fields.ids().zip(self.fields.iter_mut()) {
            if field.place(view, node, &self.topologies[field.topology]) {
                others.push(id);
            }
        }
        if !others.is_empty() {
            let concerned = self.tallies.iter_mut().filter(|tally| others.contains(&tally.field));
            concerned.for_each(|tally| tally.least = None);
        }
        move_all(self, 1);
    }

    /// The nodes that came, went or changed at the last [`sync`](Self::sync).
    pub(super) fn changed(&self) -> &[NodeId] {
        &self.changed
    }

    /// What pods can be that have terms about others.
    pub(super) fn owners(&self) -> &[RelationsId] {
        &self.owners
    }

    /// A way to part nodes.
    pub(super) fn topology(&mut self, view: &View, key: TopologyKey) -> TopologyId {
        let id = self.topology_ids.intern(key);
        if self.topologies.len() <= id.index() {
            let topology = Topology::new(key, view);
            self.topologies.push(topology);
        }
        id
    }

    /// The tally of a subject; counted from all pods when it is asked for first.
    pub(super) fn tally(&mut self, view: &View, subject: Subject, key: TopologyKey, policy: Option<Policy>) -> TallyId {
        let topology = self.topology(view, key);
        let key = FieldKey { topology, policy };
        if self.field_ids.lookup(&key).is_none() {
            self.fields.push(Field::new(&key, &self.topologies[topology], view));
        }
        let field = self.field_ids.intern(key);
        let live = subject.leaves_terminating_out();
        let id = self.tally_ids.intern((subject, field));
        if self.tallies.len() > id.index() {
            return id;
        }
        let (tables, subject) = (view.tables(), &self.tally_ids.get(id).0);
        let present = self.present.get_or_insert_with(|| {
            let mut present = IdVec::new();
            for (_, _, class) in view.placed_pods() {
                let relations = tables.class(class).relations;
                present.grow_to(relations, 0);
                present[relations] += 1;
            }
            present
        });
        let mut tally = Tally::new(field);
        let mut counts = false;
        for (relations, shares) in self.shares.ids().zip(self.shares.iter_mut()) {
            let amount = subject.amount(tables.relations(relations));
            if amount != 0 {
                shares.push(Share { tally: id, amount, live });
                counts |= present.get(relations).is_some_and(|&pods| pods > 0);
            }
        }
        if counts {
            let (field, topology) = (&self.fields[field], &self.topologies[topology]);
            for (pod, node, class) in view.placed_pods() {
                let share = self.shares[tables.class(class).relations].last().filter(|share| share.tally == id);
                let domain = topology.domain(node);
                if let Some(share) = share
                    && domain != NOWHERE
                    && field.counts(node)
                    && !(live && view.is_terminating(pod))
                {
                    tally.add(domain, share.amount);
                }
            }
        }
        self.tallies.push(tally);
        id
    }

    /// Makes sure that the least sum of a tally is known.
    pub(super) fn find_least(&mut self, id: TallyId) {
        let tally = &mut self.tallies[id];
        if tally.least.is_none() {
            let field = &self.fields[tally.field];
            tally.least = tally.least_of(field, self.topologies[field.topology].domains(), None);
        }
    }

    /// The least sum of the domains that count, if in thought a node's domain had `more`. [`find_least`](Self::find_least) must
    /// have been called.
    pub(super) fn least(&self, id: TallyId, node: NodeId, more: i64) -> Option<i64> {
        let tally = &self.tallies[id];
        let (least, domains) = tally.least?;
        let field = &self.fields[tally.field];
        if more == 0 || !field.counts(node) {
            return Some(least);
        }
        let topology = &self.topologies[field.topology];
        let domain = topology.domain(node);
        let before = tally.at(domain);
        if before == least && domains == 1 && more > 0 {
            return tally.least_of(field, topology.domains(), Some((domain, more))).map(|(least, _)| least);
        }
        Some(least.min(before + more))
    }

    /// The least sum of the domains that count. [`find_least`](Self::find_least) must have been called.
    pub(super) fn least_now(&self, id: TallyId) -> Option<i64> {
        self.tallies[id].least.map(|(least, _)| least)
    }

    /// A tally's sums.
    pub(super) fn sums(&self, id: TallyId) -> &Tally {
        &self.tallies[id]
    }

    /// A tally's subject.
    pub(super) fn subject(&self, id: TallyId) -> &Subject {
        &self.tally_ids.get(id).0
    }

    /// Which nodes count for a tally.
    pub(super) fn field(&self, id: TallyId) -> &Field {
        &self.fields[self.tallies[id].field]
    }

    /// How a tally parts nodes.
    pub(super) fn topology_of(&self, id: TallyId) -> &Topology {
        &self.topologies[self.field(id).topology]
    }

    /// A way to part nodes.
    pub(super) fn domains_of(&self, id: TopologyId) -> &Topology {
        &self.topologies[id]
    }

    /// A tally's sum in the domain of a node; `None` if it is in none.
    #[inline]
    pub(super) fn here(&self, id: TallyId, node: NodeId) -> Option<i64> {
        let domain = self.topology_of(id).domain(node);
        (domain != NOWHERE).then(|| self.tallies[id].at(domain))
    }
}
