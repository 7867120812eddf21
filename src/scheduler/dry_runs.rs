//! Preemption for the [`index`](super::index): who would have to go where, remembered by class and node until the node or the
//! start of one of its pods changes. Owns what is remembered; the search for victims and the criteria are those of
//! [`preemption`](super::preemption).

use smallvec::SmallVec;

use super::cycle::{Ask, Pick};
use super::diagnosis::{FitError, Histogram, PostFilter};
use super::framework::Rejection;
use super::index::{Index, Moment, moment};
use super::journal::Cursor;
use super::plugins::default_preemption::{Badness, Candidate, Victim, badness, candidates_wanted, violations};
use super::plugins::node_resources_fit::Usage;
use super::preemption::{
    Stage, Victims, lower_on, preempt, resolvable, select_victims, waits_for_victims, whole_verdict,
};
use super::probe::{Probe, Reject};
use super::trial::Trial;
use super::view::View;
use crate::base::IdVec;
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
    /// These have to go.
    Evict(Vec<Victim>, Badness),
}

/// What came of a node, and for whom.
#[derive(Clone, Debug)]
struct Run {
    lower: SmallVec<[Victim; 6]>,
    tried: Tried,
}

/// What came of all nodes for one class.
#[derive(Clone, Debug, Default)]
pub(super) struct DryRuns {
    cursor: Cursor,
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
                    if self.runs.get(change.node).is_some() {
                        self.runs[change.node] = None;
                    }
                }
            }
            None => self.runs = IdVec::new(),
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
    /// As [`preempt`], from cells, counts and what is remembered.
    pub(super) fn preempt_remembering(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Vec<Candidate> {
        let class = view.tables().class(ask.class);
        let may = matches!(error.post_filter, PostFilter::NoCandidate { .. });
        if !may || !view.has_priority_below(class.priority) {
            return Vec::new();
        }
        if self.is_beyond(view, ask.class) {
            self.shares.evictions_handed_over += 1;
            return preempt(view, ask, error, pods, offset);
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
            let search = Search { view, pods, probe, situations, priority, allowed, keeps, remembered };
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
fn evict(node: NodeId, victims: Vec<Victim>, violations: u32) -> Tried {
    if victims.is_empty() {
        return Tried::Nobody;
    }
    let candidate = Candidate { node, victims, violations };
    let bad = badness(&candidate);
    Tried::Evict(candidate.victims, bad)
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
        let (mut found, mut harmless) = (0, false);
        let (mut no_victims, mut remaining) = (0, Histogram::default());
        // A candidate that is remembered is made when it is clear that it is one of the best.
        let mut best: Vec<(NodeId, Option<Vec<Victim>>)> = Vec::new();
        let mut least: Option<Badness> = None;
        let (before, from) = potential.split_at(offset as usize);
        for &node in from.iter().chain(before) {
            let fresh;
            let mut is_kept = true;
            let run = if self.is_known(node) {
                self.remembered.runs[node].as_ref().expect("it is known")
            } else {
                let run = self.try_node(node, &stage);
                if self.keeps && self.view.nominations().on(node).is_empty() {
                    self.remembered.runs.grow_to(node, None);
                    self.remembered.runs[node].insert(run)
                } else {
                    is_kept = false;
                    fresh = run;
                    &fresh
                }
            };
            match &run.tried {
                Tried::NoVictims => no_victims += 1,
                Tried::Nobody => {}
                Tried::Unhelpful(rejection) => {
                    rejection.verdict.reasons().iter().for_each(|&reason| remaining.add(reason, 1));
                }
                Tried::Evict(victims, bad) => {
                    found += 1;
                    harmless |= bad.0 == 0;
                    if least.is_none_or(|least| *bad < least) {
                        least = Some(*bad);
                        best.clear();
                    }
                    if least == Some(*bad) {
                        best.push((node, (!is_kept).then(|| victims.clone())));
                    }
                }
            }
            if harmless && found >= wanted {
                break;
            }
        }
        if best.is_empty() {
            let count = u32::try_from(potential.len()).expect("node ids are 32 bits wide");
            error.post_filter = PostFilter::NoCandidate { not_helpful: error.all_nodes - count, no_victims, remaining };
            return Vec::new();
        }
        error.post_filter = PostFilter::Silent;
        best.sort_by_key(|&(node, _)| self.view.position(node));
        let violations = least.map_or(0, |least| least.0);
        let kept = |node: NodeId| match &self.remembered.runs[node] {
            Some(Run { tried: Tried::Evict(victims, _), .. }) => victims.clone(),
            _ => unreachable!("a candidate has victims"),
        };
        let made = |(node, victims): (NodeId, Option<Vec<Victim>>)| Candidate {
            node,
            victims: victims.unwrap_or_else(|| kept(node)),
            violations,
        };
        best.into_iter().map(made).collect()
    }

    fn is_known(&self, node: NodeId) -> bool {
        let run = self.remembered.runs.get(node).and_then(Option::as_ref);
        self.keeps
            && self.view.nominations().on(node).is_empty()
            && run.is_some_and(|run| run.lower.iter().all(|victim| self.pods.started(victim.pod) == victim.started))
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
            return Run { lower: pods, tried: evict(node, victims, 0) };
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
                evict(node, victims, violations)
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
