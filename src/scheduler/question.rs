//! What pods of one class ask of other pods: topology spread and inter-pod affinity, taken apart into tallies. Gives verdicts and
//! raw scores from the counts. Owns which tallies count for what; the arithmetic is the plugins' own. Knows no cells.

use smallvec::SmallVec;

use super::counts::{Counts, Subject, TallyId};
use super::domains::{NOWHERE, Policy, TopologyId, TopologyKey};
use super::framework::Plugin;
use super::plugins::inter_pod_affinity::{matches_all, resolved};
use super::plugins::{inter_pod_affinity, pod_topology_spread, pod_topology_spread_score};
use super::probe::Reject;
use super::relations::Relations;
use super::rules::Rules;
use super::tables::{Class, Tables};
use super::view::View;
use crate::model::profile::PodTopologySpreadArgs;
use crate::model::strings::known;
use crate::model::{
    CompiledSelector, NodeId, NodeInclusionPolicy, PodAffinity, PodAffinityTerm, SpreadConstraint, WhenUnsatisfiable,
};

/// A constraint that must be met.
#[derive(Clone, Debug)]
struct Hard {
    tally: TallyId,
    max_skew: i32,
    min_domains: i32,
    itself: i64,
}

/// A constraint that is scored.
#[derive(Clone, Debug)]
struct Soft {
    tally: TallyId,
    /// Who has the label.
    label: TopologyId,
    /// Whether pods are counted node by node.
    by_node: bool,
    max_skew: i32,
}

/// What a search asks of each node, worked out for the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub tally: TallyId,
    pub wants: Wants,
}

/// What a sum must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wants {
    /// At most this, and the node must have the label.
    AtMost(i64),
    /// Some, and the node must have the label.
    Some,
    /// Anything, but the node must have the label.
    Label,
    /// Nothing.
    Nothing,
}

/// Sums that are thought to be others at one node.
pub(super) type Thought = SmallVec<[(TallyId, i64); 4]>;

/// A node, or one of a group of nodes, that is scored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored {
    pub node: NodeId,
    pub intolerable: i64,
    pub preferred: i64,
}

/// What pods of a class ask of others.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    hard: Vec<Hard>,
    required: Vec<TallyId>,
    /// Whether it would be near itself.
    is_first_of_group: bool,
    anti: Vec<TallyId>,
    repelling: Vec<TallyId>,
    soft: Vec<Soft>,
    /// Whether nodes without the label of each soft constraint are not scored.
    requires_all_keys: bool,
    attracting: Vec<(TallyId, i64)>,
    spread_weight: i64,
    inter_pod_weight: i64,
    filters_inter_pod: bool,
    /// How many owners of terms were looked at.
    owners: usize,
    /// Which grouped layout is made for it, and for what list, number of tallies and number of taint sets that holds.
    pub layout: Option<((u64, usize, usize), Option<usize>)>,
}

impl Question {
    /// What pods of `class` ask.
    pub(super) fn new(view: &View, counts: &mut Counts, class: &Class) -> Self {
        let (tables, relations) = (view.tables(), view.tables().relations(class.relations));
        let (profile, rules) = (tables.profile(class), tables.rules(class));
        let mut question = Self {
            spread_weight: profile.weight(Plugin::PodTopologySpread),
            inter_pod_weight: profile.weight(Plugin::InterPodAffinity),
            filters_inter_pod: rules.filters.contains(Plugin::InterPodAffinity),
            ..Self::default()
        };
        if rules.filters.contains(Plugin::PodTopologySpread) {
            question.add_hard(view, counts, class);
        }
        if question.spread_weight != 0 {
            let is_system = relations.spread.is_empty() && profile.args.spread == PodTopologySpreadArgs::System;
            question.add_soft(view, counts, class, !is_system);
        }
        if let Some(affinity) = relations.affinity.as_deref() {
            question.add_terms(view, counts, relations, affinity);
        }
        question.extend(view, counts, class);
        question
    }

    fn add_hard(&mut self, view: &View, counts: &mut Counts, class: &Class) {
        let relations = view.tables().relations(class.relations);
        let constraints = view.tables().spread_constraints(class, WhenUnsatisfiable::DoNotSchedule);
        for constraint in &constraints {
            let policy = policy(constraint, &constraints, class, view.tables());
            let subject = Subject::Selected(relations.namespace, constraint.selector.clone());
            let key = TopologyKey::Label(constraint.topology_key);
            self.hard.push(Hard {
                tally: counts.tally(view, subject, key, Some(policy)),
                max_skew: constraint.max_skew,
                min_domains: constraint.min_domains,
                itself: i64::from(constraint.selector.selects(&relations.labels)),
            });
        }
    }

    fn add_soft(&mut self, view: &View, counts: &mut Counts, class: &Class, requires_all_keys: bool) {
        let relations = view.tables().relations(class.relations);
        let constraints = view.tables().spread_constraints(class, WhenUnsatisfiable::ScheduleAnyway);
        self.requires_all_keys = requires_all_keys;
        for constraint in &constraints {
            let subject = Subject::Selected(relations.namespace, constraint.selector.clone());
            let by_node = constraint.topology_key == known::LABEL_HOSTNAME;
            let tally = if by_node {
                counts.tally(view, subject, TopologyKey::Node, None)
            } else {
                let keys = if requires_all_keys { &constraints[..] } else { &[] };
                let policy = policy(constraint, keys, class, view.tables());
                let key = constraint.topology_key;
                let key = if requires_all_keys { TopologyKey::Label(key) } else { TopologyKey::LabelOrEmpty(key) };
                counts.tally(view, subject, key, Some(policy))
            };
            let label = counts.topology(view, TopologyKey::Label(constraint.topology_key));
            self.soft.push(Soft { tally, label, by_node, max_skew: constraint.max_skew });
        }
    }

    fn add_terms(&mut self, view: &View, counts: &mut Counts, relations: &Relations, affinity: &PodAffinity) {
        let namespaces = || view.tables().listers().namespaces.iter();
        let matching = |counts: &mut Counts, terms: Box<[PodAffinityTerm]>, at: usize| {
            let key = TopologyKey::Label(terms[at].topology_key);
            counts.tally(view, Subject::Matching(terms), key, None)
        };
        if self.filters_inter_pod {
            let required: Box<[_]> = affinity.required.iter().map(|term| resolved(term, namespaces())).collect();
            self.is_first_of_group = matches_all(&required, relations.pod());
            // Terms that count the same pods in the same domains ask the same.
            let add = |tallies: &mut Vec<TallyId>, tally| {
                if !tallies.contains(&tally) {
                    tallies.push(tally);
                }
            };
            for at in 0..required.len() {
                add(&mut self.required, matching(counts, required.clone(), at));
            }
            for term in &affinity.anti_required {
                add(&mut self.anti, matching(counts, Box::new([resolved(term, namespaces())]), 0));
            }
        }
        if self.inter_pod_weight != 0 {
            let signed =
                |sign: i64| move |(weight, term): &(u8, PodAffinityTerm)| (sign * i64::from(*weight), term.clone());
            let terms = affinity.preferred.iter().map(signed(1)).chain(affinity.anti_preferred.iter().map(signed(-1)));
            for (weight, term) in terms {
                let tally = matching(counts, Box::new([resolved(&term, namespaces())]), 0);
                self.attracting.push((tally, weight));
            }
        }
    }

    /// Takes in terms of pods that nobody knew of before.
    pub(super) fn extend(&mut self, view: &View, counts: &mut Counts, class: &Class) {
        if self.owners == counts.owners().len() {
            return;
        }
        let (tables, new) = (view.tables(), counts.owners()[self.owners..].to_vec());
        self.owners = counts.owners().len();
        let (relations, args) = (tables.relations(class.relations), tables.profile(class).args.inter_pod);
        let namespace = tables.listers().namespace_labels(relations.namespace);
        let prefers = relations.affinity.as_deref().is_some_and(PodAffinity::prefers);
        let scores = self.inter_pod_weight != 0 && (prefers || !args.ignore_preferred_terms_of_existing_pods);
        let hard_weight = args.hard_pod_affinity_weight;
        for owner in new {
            let Some(affinity) = tables.relations(owner).affinity.as_deref() else { continue };
            let concerns = |term: &&PodAffinityTerm| term.matches(relations.pod(), namespace);
            if self.filters_inter_pod {
                for term in affinity.anti_required.iter().filter(concerns) {
                    let key = TopologyKey::Label(term.topology_key);
                    let tally = counts.tally(view, Subject::Repelling(term.clone()), key, None);
                    if !self.repelling.contains(&tally) {
                        self.repelling.push(tally);
                    }
                }
            }
            if scores {
                let required = affinity.required.iter().filter(|_| hard_weight > 0);
                let preferred = affinity.preferred.iter().chain(&affinity.anti_preferred).map(|(_, term)| term);
                for term in required.chain(preferred).filter(concerns) {
                    let (key, hard) = (TopologyKey::Label(term.topology_key), hard_weight.max(0));
                    let tally = counts.tally(view, Subject::Attracting(term.clone(), hard), key, None);
                    if !self.attracting.contains(&(tally, 1)) {
                        self.attracting.push((tally, 1));
                    }
                }
            }
        }
    }

    /// Whether verdicts hang on other pods.
    pub(super) const fn filters(&self) -> bool {
        !(self.hard.is_empty() && self.required.is_empty() && self.anti.is_empty() && self.repelling.is_empty())
    }

    /// Whether scores hang on other pods.
    pub(super) const fn scores(&self) -> bool {
        !(self.soft.is_empty() && self.attracting.is_empty())
    }

    /// Whether scores hang on the pods of the node itself, not of its domain.
    pub(super) fn scores_by_node(&self) -> bool {
        self.soft.iter().any(|soft| soft.by_node)
    }

    /// Whether topology spread decides about it.
    pub(super) const fn is_spread(&self) -> bool {
        !(self.hard.is_empty() && self.soft.is_empty())
    }

    /// Whether affinity between pods decides about it.
    pub(super) const fn is_inter_pod(&self) -> bool {
        !(self.required.is_empty() && self.anti.is_empty() && self.repelling.is_empty() && self.attracting.is_empty())
    }

    /// How many tallies it has.
    pub(super) const fn tallies(&self) -> usize {
        self.hard.len()
            + self.required.len()
            + self.anti.len()
            + self.repelling.len()
            + self.soft.len()
            + self.attracting.len()
    }

    /// How the tallies that verdicts and scores hang on part nodes, each once.
    pub(super) fn topologies(&self, counts: &Counts) -> SmallVec<[TopologyId; 2]> {
        let mut all = SmallVec::new();
        let filters = self.hard.iter().map(|hard| hard.tally).chain(self.anti.iter().copied());
        let filters = filters.chain(self.required.iter().copied()).chain(self.repelling.iter().copied());
        let scores = self.attracting.iter().map(|&(tally, _)| tally).chain(self.soft.iter().map(|soft| soft.tally));
        let tallies = filters.chain(scores).map(|tally| counts.field(tally).topology);
        for topology in tallies.chain(self.soft.iter().map(|soft| soft.label)) {
            if !all.contains(&topology) {
                all.push(topology);
            }
        }
        all
    }

    /// Whether nodes with the same domains of `topologies` get the same scores.
    pub(super) fn scores_by(&self, counts: &Counts, topologies: &[TopologyId]) -> bool {
        let is_in = |tally| topologies.contains(&counts.field(tally).topology);
        self.attracting.iter().all(|&(tally, _)| is_in(tally))
            && self.soft.iter().all(|soft| is_in(soft.tally) && topologies.contains(&soft.label))
    }

    /// What a search asks of each node. A node fits if all hold.
    pub(super) fn checks(&self, counts: &mut Counts) -> SmallVec<[Check; 4]> {
        let mut checks = SmallVec::new();
        for hard in &self.hard {
            counts.find_least(hard.tally);
            let fewest = fewest(counts, hard, None);
            // Not more than that many may be there: see `exceeds`.
            let most = i64::from(hard.max_skew) + fewest - hard.itself;
            checks.push(Check { tally: hard.tally, wants: Wants::AtMost(most) });
        }
        let alone = self.is_first_of_group && self.required.iter().all(|&tally| counts.sums(tally).total == 0);
        let near = if alone { Wants::Label } else { Wants::Some };
        checks.extend(self.required.iter().map(|&tally| Check { tally, wants: near }));
        let apart = self.anti.iter().chain(&self.repelling);
        let apart = apart.filter(|&&tally| counts.sums(tally).total != 0);
        checks.extend(apart.map(|&tally| Check { tally, wants: Wants::Nothing }));
        checks
    }

    /// What PodTopologySpread and InterPodAffinity say of a node, if its domains' sums were as in `thought`. The least sums must
    /// be known: see [`prepare`](Self::prepare).
    pub(super) fn verdict(&self, counts: &Counts, node: NodeId, thought: &Thought) -> Option<Reject> {
        let more = |tally: TallyId| {
            let more = thought.iter().find(|&&(other, _)| other == tally).map_or(0, |&(_, more)| more);
            if more != 0 && counts.field(tally).counts(node) { more } else { 0 }
        };
        for hard in &self.hard {
            let Some(there) = counts.here(hard.tally, node) else { return Some(Reject::SpreadLabel) };
            let more = more(hard.tally);
            let fewest = fewest(counts, hard, Some((node, more)));
            if pod_topology_spread::exceeds(there + more, hard.itself, fewest, hard.max_skew) {
                return Some(Reject::Spread);
            }
        }
        // Upstream decides before it adds or removes pods in thought whether there is anything to look at.
        let is_repelled = || self.repelling.iter().any(|&tally| counts.sums(tally).total > 0);
        if self.required.is_empty() && self.anti.is_empty() && !is_repelled() {
            return None;
        }
        let sum = |tally: TallyId| counts.here(tally, node).map(|there| there + more(tally));
        let (mut near, mut alone) = (true, true);
        for &tally in &self.required {
            let Some(there) = sum(tally) else { return Some(Reject::Affinity) };
            near &= there > 0;
            alone &= counts.sums(tally).total + more(tally) == 0;
        }
        if !(near || (alone && self.is_first_of_group)) {
            return Some(Reject::Affinity);
        }
        let is_there = |&tally: &TallyId| sum(tally).is_some_and(|there| there > 0);
        if self.anti.iter().any(is_there) {
            return Some(Reject::AntiAffinity);
        }
        self.repelling.iter().any(is_there).then_some(Reject::ExistingAntiAffinity)
    }

    /// Makes sure that the least sums are known that [`verdict`](Self::verdict) needs.
    pub(super) fn prepare(&self, counts: &mut Counts) {
        self.hard.iter().for_each(|hard| counts.find_least(hard.tally));
    }

    /// Counts in thought that a pod of `relations` came (1) or left (-1).
    pub(super) fn think(&self, counts: &Counts, thought: &mut Thought, relations: &Relations, sign: i64) {
        // A constraint that stands twice is counted once.
        let is_first = |(at, hard): &(usize, &Hard)| self.hard[..*at].iter().all(|other| other.tally != hard.tally);
        let hard = self.hard.iter().enumerate().filter(is_first).map(|(_, hard)| hard.tally);
        let tallies = hard.chain(self.required.iter().copied());
        let anti = self.anti.iter().filter(|tally| !self.required.contains(tally));
        for tally in tallies.chain(anti.copied()).chain(self.repelling.iter().copied()) {
            let amount = sign * counts.subject(tally).amount_in_thought(relations);
            if amount == 0 {
                continue;
            }
            match thought.iter_mut().find(|(other, _)| *other == tally) {
                Some((_, sum)) => *sum += amount,
                None => thought.push((tally, amount)),
            }
        }
    }

    /// What is added to the scores in the cells: everything that is normalized over the nodes that are scored. One may stand for
    /// others with the same domains, unless [`scores_by_node`](Self::scores_by_node).
    pub(super) fn bonuses(&self, counts: &Counts, rules: &Rules, scored: &[Scored]) -> Vec<i64> {
        let worst = scored.iter().map(|one| one.intolerable).max().unwrap_or(0);
        let most = scored.iter().map(|one| one.preferred).max().unwrap_or(0);
        let own = |one: &Scored| rules.opinion(one.intolerable, worst, one.preferred, most);
        let mut bonuses: Vec<i64> = scored.iter().map(own).collect();
        let mut add = |scores: Vec<i64>, weight: i64| {
            bonuses.iter_mut().zip(scores).for_each(|(bonus, score)| *bonus += weight * score);
        };
        if !self.soft.is_empty() {
            add(pod_topology_spread_score::normalized(&self.raw_spread(counts, scored)), self.spread_weight);
        }
        if !self.attracting.is_empty() {
            let sum = |one: &Scored| {
                let terms = self.attracting.iter();
                terms.map(|&(tally, weight)| weight * counts.here(tally, one.node).unwrap_or(0)).sum()
            };
            let raw: Vec<i64> = scored.iter().map(sum).collect();
            add(inter_pod_affinity::normalized(&raw), self.inter_pod_weight);
        }
        bonuses
    }

    fn raw_spread(&self, counts: &Counts, scored: &[Scored]) -> Vec<Option<i64>> {
        let lacks = |soft: &Soft, node| counts.domains_of(soft.label).domain(node) == NOWHERE;
        let is_ignored = |node| self.requires_all_keys && self.soft.iter().any(|soft| lacks(soft, node));
        let ignored: Vec<bool> = scored.iter().map(|one| is_ignored(one.node)).collect();
        let nodes = || scored.iter().zip(&ignored).filter(|&(_, &ignored)| !ignored).map(|(one, _)| one.node);
        let size = |soft: &Soft| {
            if soft.by_node {
                return nodes().count();
            }
            let topology = counts.topology_of(soft.tally);
            let mut domains: Vec<u32> = nodes().map(|node| topology.domain(node)).collect();
            domains.sort_unstable();
            domains.dedup();
            domains.len()
        };
        let weights: SmallVec<[f64; 2]> =
            self.soft.iter().map(|soft| pod_topology_spread_score::weight(size(soft))).collect();
        let raw = |node: NodeId| {
            let parts = self.soft.iter().zip(&weights).filter(|&(soft, _)| !lacks(soft, node));
            pod_topology_spread_score::sum(
                parts.map(|(soft, &weight)| (counts.here(soft.tally, node).unwrap_or(0), weight, soft.max_skew)),
            )
        };
        scored.iter().zip(&ignored).map(|(one, &ignored)| (!ignored).then(|| raw(one.node))).collect()
    }
}

impl Check {
    /// Whether a node is as it should be.
    #[inline]
    pub(super) fn holds(&self, counts: &Counts, node: NodeId) -> bool {
        let there = counts.here(self.tally, node);
        match self.wants {
            Wants::AtMost(most) => there.is_some_and(|there| there <= most),
            Wants::Some => there.is_some_and(|there| there > 0),
            Wants::Label => there.is_some(),
            Wants::Nothing => there.is_none_or(|there| there <= 0),
        }
    }
}

/// The fewest pods of a domain, if in thought the node's domain had more.
fn fewest(counts: &Counts, hard: &Hard, thought: Option<(NodeId, i64)>) -> i64 {
    let least = match thought {
        Some((node, more)) => counts.least(hard.tally, node, more),
        None => counts.least_now(hard.tally),
    };
    pod_topology_spread::fewest(least, counts.field(hard.tally).domains, hard.min_domains)
}

/// Which nodes a constraint counts, for pods of a class. `all` are the constraints whose labels nodes must have.
fn policy(constraint: &SpreadConstraint, all: &[SpreadConstraint], class: &Class, tables: &Tables) -> Policy {
    let mut keys: Vec<_> = all.iter().map(|constraint| constraint.topology_key).collect();
    keys.sort_unstable();
    keys.dedup();
    // What does not matter is made the same, so that constraints share what is counted for them.
    let constraint = SpreadConstraint {
        selector: CompiledSelector::nothing(),
        max_skew: 1,
        min_domains: 1,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        ..constraint.clone()
    };
    let honors = |policy| policy == NodeInclusionPolicy::Honor;
    let own = tables.statics(class.statics);
    let selects = !own.node_selector.is_empty() || own.node_affinity.is_some();
    let matters = (honors(constraint.node_affinity_policy) && selects) || honors(constraint.node_taints_policy);
    Policy { keys: keys.into(), constraint, statics: matters.then_some(class.statics) }
}
