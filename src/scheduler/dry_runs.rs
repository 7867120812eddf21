//! Preemption for the [`index`](super::index): who would have to go where, remembered by class and node until the node or the
//! start of one of its pods changes. Owns what is remembered; the search for victims and the criteria are those of
//! [`preemption`](super::preemption).

use std::cmp::{Ordering, Reverse};

use smallvec::SmallVec;

use super::cycle::{Ask, Pick};
use super::diagnosis::{FitError, Histogram, PostFilter};
use super::framework::Rejection;
use super::index::{Index, Moment, moment};
use super::journal::Cursor;
use super::plugins::default_preemption::{Candidate, Victim, badness, candidates_wanted, violations};
use super::plugins::node_resources_fit::Usage;
use super::preemption::{
    Stage, Victims, lower_on, preempt, resolvable, select_victims, waits_for_victims, whole_verdict,
};
use super::probe::{Probe, Reject};
use super::trial::Trial;
use super::view::View;
use crate::base::id::DenseId;
use crate::base::{IdVec, SimTime};
use crate::model::{ClassId, NodeId};

/// So many situations are told apart in one look for victims.
const SITUATIONS: usize = 32;

/// What came of a node.
#[derive(Clone, Debug)]
enum Tried {
    /// Nobody there has a lower priority.
    NoVictims,
    /// Nobody has to go.
    Nobody,
    /// It does not fit even so.
    Unhelpful(Rejection),
    /// These have to go, against so many budgets.
    Evict(Going, u32),
}

/// Who has to go.
type Going = SmallVec<[Victim; 2]>;

/// What came of a node, and for whom.
#[derive(Clone, Debug)]
struct Run {
    lower: SmallVec<[Victim; 6]>,
    tried: Tried,
}

/// As much of a [`Run`] as most searches look at, in 32 bytes of a column of their own: they read as many as there are candidates
/// to find.
#[derive(Clone, Copy, Debug)]
struct Brief {
    /// How many have to go; 0: something else came of the node.
    victims: u32,
    /// What was counted of the starts on the node; [`UNCOUNTED`]: they must be compared one by one.
    starts: u32,
    /// Violations of budgets and the highest priority, in this order. Without victims: what came of the node.
    first: u64,
    sum: i64,
    started: SimTime,
}

/// What came of a node from which nobody would be evicted.
const UNKNOWN: u64 = 0;
const NO_VICTIMS: u64 = 1;
const NOBODY: u64 = 2;
const UNHELPFUL: u64 = 3;

const UNCOUNTED: u32 = u32::MAX;

/// What [`badness`] says, as a brief holds it.
type Rank = (u64, i64, u32, Reverse<SimTime>);

impl Brief {
    const UNKNOWN: Self = Self { victims: 0, starts: UNCOUNTED, first: UNKNOWN, sum: 0, started: SimTime(0) };

    fn new(run: &Run, starts: Option<u32>) -> Self {
        let starts = starts.unwrap_or(UNCOUNTED);
        let nobody = |first| Self { starts, first, ..Self::UNKNOWN };
        match &run.tried {
            Tried::NoVictims => nobody(NO_VICTIMS),
            Tried::Nobody => nobody(NOBODY),
            Tried::Unhelpful(_) => nobody(UNHELPFUL),
            Tried::Evict(victims, violations) => {
                let (violations, highest, sum, victims, Reverse(started)) = badness(*violations, victims);
                // From the lowest priority on, so that the order of bits is that of priorities.
                let highest = highest.cast_unsigned() ^ 1 << 31;
                let first = u64::from(violations) << 32 | u64::from(highest);
                Self { victims: u32::from_index(victims), starts, first, sum, started }
            }
        }
    }

    #[inline]
    const fn rank(&self) -> Rank {
        (self.first, self.sum, self.victims, Reverse(self.started))
    }

    const fn is_unknown(&self) -> bool {
        self.victims == 0 && self.first == UNKNOWN
    }
}

/// How many budgets an eviction of this rank violates.
const fn violations_of(rank: Rank) -> u64 {
    rank.0 >> 32
}

/// What came of all nodes for one class.
#[derive(Clone, Debug, Default)]
pub(super) struct DryRuns {
    cursor: Cursor,
    briefs: IdVec<NodeId, Brief>,
    runs: IdVec<NodeId, Option<Run>>,
    /// When no evictions helped, and what was said of it. That hangs neither on budgets nor on when pods started.
    hopeless: Option<(Moment, PostFilter)>,
}

impl DryRuns {
    /// Forgets what came of nodes that changed.
    fn sync(&mut self, view: &View) {
        match view.journal().changes_since(self.cursor) {
            Some(changes) => {
                for change in changes {
                    if self.briefs.get(change.node).is_some() {
                        self.briefs[change.node] = Brief::UNKNOWN;
                    }
                }
            }
            None => (self.briefs, self.runs) = (IdVec::new(), IdVec::new()),
        }
        self.cursor = view.journal().cursor();
    }
}

/// A node from which pods are taken in thought.
struct OnNode<'t, 'a> {
    trial: Trial<'a>,
    probe: &'t Probe<'a>,
    priority: i32,
}

impl Stage for OnNode<'_, '_> {
    fn count(&mut self, _: &Victim, class: ClassId, sign: i64) {
        self.trial.count(class, sign);
    }

    fn rejection(&mut self) -> Option<Rejection> {
        self.trial.verdict_with_nominated(self.priority).map(|reject| reject.rejection(self.probe))
    }

    fn fits(&mut self) -> bool {
        self.trial.verdict_with_nominated(self.priority).is_none()
    }
}

impl Index {
    /// As [`preempt`], from cells, counts and what is remembered; `first_only`: no more than the first.
    pub(super) fn preempt_remembering(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
        first_only: bool,
    ) -> Vec<Candidate> {
        let class = view.tables().class(ask.class);
        let may = matches!(error.post_filter, PostFilter::NoCandidate { .. });
        if !may || !view.has_priority_below(class.priority) {
            return Vec::new();
        }
        if self.is_beyond(view, ask.class) {
            self.shares.evictions_handed_over += 1;
            let mut best = preempt(view, ask, error, pods, offset);
            best.truncate(if first_only { 1 } else { usize::MAX });
            return best;
        }
        self.shares.evictions += 1;
        let is_alone = view.nominations().is_empty() && ask.nominated.is_none();
        let known = self.dry_runs.get(ask.class).and_then(Option::as_ref).and_then(|runs| runs.hopeless.as_ref());
        if let Some((_, said)) = known.filter(|(at, _)| is_alone && *at == moment(view)) {
            self.shares.remembered += 1;
            error.post_filter = said.clone();
            return Vec::new();
        }
        self.prepare(view, ask.class, 1);
        self.dry_runs.grow_to(ask.class, None);
        let mut remembered = self.dry_runs[ask.class].take().unwrap_or_default();
        remembered.sync(view);
        let probe = Probe::new(view, &class);
        let question = self.questions[ask.class].as_deref().expect("it is prepared");
        let trial = |node| Trial::new(view, &probe, question, &self.counts, node);
        let whole = whole_verdict(error);
        let may_help = |reject: Reject| resolvable(&reject.rejection(&probe).verdict);
        let is_potential =
            |node| whole.unwrap_or_else(|| trial(node).verdict_with_nominated(class.priority).is_some_and(may_help));
        let chosen = if waits_for_victims(view, ask, pods, is_potential) {
            error.post_filter = PostFilter::TerminatingVictims;
            Vec::new()
        } else {
            // If all nodes said something that evictions may change, all are tried.
            let some: Vec<NodeId>;
            let potential = if error.diagnosis.resolvable == error.all_nodes || whole == Some(true) {
                view.list()
            } else {
                let column = self.store.column(view, &self.flat, class.signature, &probe, None);
                let flags: Vec<bool> = column.rejects().map(may_help).collect();
                let says = |&(slot, &node): &(usize, &NodeId)| {
                    if !view.nominations().on(node).is_empty() {
                        return is_potential(node);
                    }
                    match column.number_at(slot) {
                        Some(number) => flags[number],
                        None => is_potential(node),
                    }
                };
                some = view.list().iter().enumerate().filter(says).map(|(_, &node)| node).collect();
                &some
            };
            let allowed = pods.disruptions_allowed();
            let keeps = !question.filters() && allowed.is_empty();
            let (priority, probe, situations) = (class.priority, &probe, Vec::new());
            let remembered = &mut remembered;
            let search = Search { view, pods, probe, situations, priority, allowed, keeps, first_only, remembered };
            let stage = |node| OnNode { trial: trial(node), probe, priority: class.priority };
            let args = &view.tables().profile(&class).args.preemption;
            let count = u32::try_from(potential.len()).expect("node ids are 32 bits wide");
            let from = Pick::Drawn(offset).index(count);
            search.run(potential, from, candidates_wanted(args, count), error, stage)
        };
        let is_hopeless = is_alone && matches!(error.post_filter, PostFilter::NoCandidate { .. });
        remembered.hopeless = is_hopeless.then(|| (moment(view), error.post_filter.clone()));
        self.dry_runs[ask.class] = Some(remembered);
        chosen
    }
}

/// A node whose pods of lower priority were taken away in thought, as far as the outcome hangs on it: what it offers, what is
/// requested, and what these pods are, most important first.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Situation {
    usage: Usage,
    lower: SmallVec<[ClassId; 8]>,
}

/// What comes of a node on which these have to go.
fn evict(victims: Going, violations: u32) -> Tried {
    if victims.is_empty() { Tried::Nobody } else { Tried::Evict(victims, violations) }
}

/// What a search found so far.
struct Tally<'a> {
    view: &'a View,
    /// Whether only the first of the best in list order is wanted.
    first_only: bool,
    /// How many candidates there are, and whether one of them violates no budget.
    found: u32,
    harmless: bool,
    no_victims: u32,
    remaining: Histogram,
    /// The best. Candidates are made when it is clear that they are among them.
    best: Vec<NodeId>,
    least: Option<Rank>,
    /// Who has to go on those of them that are not remembered.
    fresh: Vec<(NodeId, Going)>,
}

impl Tally<'_> {
    /// This came of a node. `fresh` says more of it; `None`: what is remembered does.
    #[inline(always)]
    fn note(&mut self, node: NodeId, brief: &Brief, remembered: &DryRuns, fresh: Option<&Run>) {
        if brief.victims == 0 {
            let run = || fresh.or_else(|| remembered.runs[node].as_ref()).map(|run| &run.tried);
            self.no_victims += u32::from(brief.first == NO_VICTIMS);
            if brief.first == UNHELPFUL
                && let Some(Tried::Unhelpful(rejection)) = run()
            {
                rejection.verdict.reasons().iter().for_each(|&reason| self.remaining.add(reason, 1));
            }
            return;
        }
        let rank = brief.rank();
        self.found += 1;
        self.harmless |= violations_of(rank) == 0;
        match self.least.as_ref().map_or(Ordering::Less, |least| rank.cmp(least)) {
            Ordering::Equal if !self.first_only => {}
            Ordering::Equal if self.view.position(node) > self.view.position(self.best[0]) => return,
            Ordering::Greater => return,
            Ordering::Less | Ordering::Equal => {
                self.best.clear();
                self.fresh.clear();
            }
        }
        self.least = Some(rank);
        self.best.push(node);
        if let Some(Run { tried: Tried::Evict(victims, _), .. }) = fresh {
            self.fresh.push((node, victims.clone()));
        }
    }
}

struct Search<'a, P> {
    view: &'a View,
    pods: &'a P,
    probe: &'a Probe<'a>,
    /// Situations that were tried, and which of the pods had to go. Nodes of one size that are filled alike are many.
    situations: Vec<(Situation, SmallVec<[bool; 8]>)>,
    priority: i32,
    allowed: Vec<i64>,
    /// Whether what comes of a node hangs on that node alone.
    keeps: bool,
    /// Whether only the first of the best in list order is wanted.
    first_only: bool,
    remembered: &'a mut DryRuns,
}

impl<P: Victims> Search<'_, P> {
    /// Tries the potential nodes from `offset` on, until enough candidates are found of which one violates no budget. Returns
    /// the best of them in list order.
    fn run<'t, 'a: 't>(
        mut self,
        potential: &[NodeId],
        offset: u32,
        wanted: u32,
        error: &mut FitError,
        stage: impl Fn(NodeId) -> OnNode<'t, 'a>,
    ) -> Vec<Candidate> {
        let mut tally = Tally {
            view: self.view,
            first_only: self.first_only,
            found: 0,
            harmless: false,
            no_victims: 0,
            remaining: Histogram::default(),
            best: Vec::new(),
            least: None,
            fresh: Vec::new(),
        };
        let trusts = self.keeps && self.view.nominations().is_empty();
        let (before, from) = potential.split_at(offset as usize);
        for &node in from.iter().chain(before) {
            if self.is_known(node, trusts) {
                tally.note(node, &self.remembered.briefs[node], self.remembered, None);
            } else {
                let run = self.try_node(node, &stage);
                let starts = self.pods.starts_on(node).filter(|_| self.have_started(&run.lower));
                let brief = Brief::new(&run, starts);
                if self.keeps && self.has_no_nominees(node) {
                    self.remembered.briefs.grow_to(node, Brief::UNKNOWN);
                    self.remembered.runs.grow_to(node, None);
                    self.remembered.briefs[node] = brief;
                    self.remembered.runs[node] = Some(run);
                    tally.note(node, &brief, self.remembered, None);
                } else {
                    tally.note(node, &brief, self.remembered, Some(&run));
                }
            }
            if tally.harmless && tally.found >= wanted {
                break;
            }
        }
        let Tally { mut best, least, no_victims, remaining, fresh, .. } = tally;
        if best.is_empty() {
            let count = u32::try_from(potential.len()).expect("node ids are 32 bits wide");
            error.post_filter = PostFilter::NoCandidate { not_helpful: error.all_nodes - count, no_victims, remaining };
            return Vec::new();
        }
        error.post_filter = PostFilter::Silent;
        best.sort_by_key(|&node| self.view.position(node));
        let violations = u32::try_from(least.map_or(0, violations_of)).expect("the upper half of it");
        let victims = |node: NodeId| match fresh.iter().find(|(other, _)| *other == node) {
            Some((_, victims)) => victims.to_vec(),
            None => match &self.remembered.runs[node] {
                Some(Run { tried: Tried::Evict(victims, _), .. }) => victims.to_vec(),
                _ => unreachable!("a candidate has victims"),
            },
        };
        best.into_iter().map(|node| Candidate { node, victims: victims(node), violations }).collect()
    }

    fn has_no_nominees(&self, node: NodeId) -> bool {
        let nominations = self.view.nominations();
        nominations.is_empty() || nominations.on(node).is_empty()
    }

    /// Whether what is remembered of a node is still right. `trusts`: nobody is nominated anywhere.
    #[inline]
    fn is_known(&mut self, node: NodeId, trusts: bool) -> bool {
        let Some(brief) = self.remembered.briefs.get(node) else { return false };
        if brief.is_unknown() || !(trusts || self.keeps && self.has_no_nominees(node)) {
            return false;
        }
        let starts = self.pods.starts_on(node);
        brief.starts != UNCOUNTED && Some(brief.starts) == starts || self.still_started(node, starts)
    }

    /// Whether the pods there started when they were said to have, although others started or went.
    fn still_started(&mut self, node: NodeId, starts: Option<u32>) -> bool {
        let Some(run) = &self.remembered.runs[node] else { return false };
        if run.lower.iter().any(|victim| self.pods.started(victim.pod) != victim.started) {
            return false;
        }
        let starts = starts.filter(|_| self.have_started(&run.lower));
        self.remembered.briefs[node].starts = starts.unwrap_or(UNCOUNTED);
        true
    }

    fn have_started(&self, pods: &[Victim]) -> bool {
        pods.iter().all(|victim| self.pods.has_started(victim.pod))
    }

    fn try_node<'t, 'a: 't>(&mut self, node: NodeId, stage: &impl Fn(NodeId) -> OnNode<'t, 'a>) -> Run {
        let lower = lower_on(self.view, self.priority, self.pods, node);
        let pods = lower.iter().map(|&(victim, _)| victim).collect();
        if lower.is_empty() {
            return Run { lower: pods, tried: Tried::NoVictims };
        }
        let situation = self.situation(node, &lower);
        let known = self.situations.iter().find(|(known, _)| Some(known) == situation.as_ref());
        if let Some((_, goes)) = known {
            let going = lower.iter().zip(goes).filter(|&(_, &goes)| goes);
            let victims = going.map(|(&(victim, _), _)| victim).collect();
            return Run { lower: pods, tried: evict(victims, 0) };
        }
        let violates = |victims: &[Victim]| {
            violations(victims, self.allowed.clone(), |pod, budgets| self.pods.budgets_of(pod, budgets))
        };
        let tried = match select_victims(&mut stage(node), &lower, violates) {
            Err(rejection) => Tried::Unhelpful(rejection),
            Ok((victims, violations)) => {
                if let Some(situation) = situation.filter(|_| self.situations.len() < SITUATIONS) {
                    let goes = |(victim, _): &(Victim, ClassId)| victims.iter().any(|going| going.pod == victim.pod);
                    self.situations.push((situation, lower.iter().map(goes).collect()));
                }
                evict(victims.into(), violations)
            }
        };
        Run { lower: pods, tried }
    }

    /// What decides about who has to go, if it is no more than how a node is filled.
    fn situation(&self, node: NodeId, lower: &[(Victim, ClassId)]) -> Option<Situation> {
        let facts = self.view.facts(node)?;
        let is_plain = self.keeps
            && self.probe.looks_at_usage_alone()
            && self.view.nominations().on(node).is_empty()
            && self.probe.filter_facts(self.view.tables(), facts).is_ok();
        let lower = lower.iter().map(|&(_, class)| class);
        is_plain.then(|| Situation { usage: *self.view.usage(node), lower: lower.collect() })
    }
}
