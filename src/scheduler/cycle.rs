//! One scheduling cycle: which node a pod gets, or why none. The one function that simulation, conformance and what-if
//! questions call, over whichever evaluator. Owns the window of nodes that is looked at and the choice among equals; knows
//! neither the queue nor how a node is judged. Mirrors `schedulePod` in pkg/scheduler/schedule_one.go (v1.34.1).

use super::diagnosis::{Diagnosis, FitError};
use super::framework::{Plugin, Rejection};
use super::nominated::{Denied, denial};
use super::plugins::default_preemption::Candidate;
use super::pre_filter::pre_filter;
use super::preemption::{Victims, preempt};
use super::sampling::feasible_nodes_to_find;
use super::view::View;
use crate::model::{ClassId, NodeId};

/// What a cycle may be told to do otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// `percentageOfNodesToScore`: 0 adapts to the size of the cluster, 100 looks at all nodes.
    pub percentage_of_nodes_to_score: u32,
    /// Which of several equally good nodes is taken.
    pub tie_break: TieBreak,
}

/// Which of several equally good nodes is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TieBreak {
    /// One at random.
    #[default]
    Drawn,
    /// The first in list order from where the search started.
    First,
}

/// A pod that wants a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// What it is.
    pub class: ClassId,
    /// `status.nominatedNodeName`: the node that is tried first, alone.
    pub nominated: Option<NodeId>,
}

impl Ask {
    /// A pod of `class` without a nominated node.
    #[must_use]
    pub const fn of(class: ClassId) -> Self {
        Self { class, nominated: None }
    }
}

/// The part of the node list that a search looks at: from `start`, cyclically, until `need` nodes fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// A position in the list.
    pub start: u32,
    /// How many feasible nodes are enough.
    pub need: u32,
}

/// Picks one of several equals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// The first.
    First,
    /// Uniformly, by this random word.
    Drawn(u64),
}

impl Pick {
    /// Which of `count` equals, counted from 0.
    #[inline]
    #[must_use]
    pub fn index(self, count: u32) -> u32 {
        match self {
            Self::First => 0,
            Self::Drawn(word) => u32::try_from((u128::from(word) * u128::from(count)) >> 64).expect("less than count"),
        }
    }
}

/// A node that was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The node.
    pub node: NodeId,
    /// Its weighted total; `None` if it was the only feasible node, which is taken without scoring.
    pub score: Option<i64>,
    /// How many nodes had that total.
    pub tied: u32,
}

/// What an evaluator found in a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    /// The best node; `None` if none fits.
    pub placement: Option<Placement>,
    /// How many nodes fit.
    pub feasible: u32,
    /// How many nodes were looked at: up to and with the last feasible one that was needed, or all.
    pub processed: u32,
}

/// Judges nodes. All evaluators give the same answers; they differ in what they remember.
pub trait Evaluator {
    /// The nodes of the (refreshed) list that do not take the pod if the pods nominated there are on them that count against
    /// its priority, with what they say then; sorted by node.
    fn deny(&mut self, view: &mut View, class: ClassId) -> Denied;

    /// Looks through a window of the node list; nodes in `denied` do not fit. Among the best nodes, in the order in which they
    /// were looked at, `pick` chooses.
    fn search(&mut self, view: &View, class: ClassId, window: Window, pick: Pick, denied: &Denied) -> Search;

    /// Why a node does not take the pod; `None` if it does.
    fn judge(&mut self, view: &View, class: ClassId, node: NodeId) -> Option<Rejection>;

    /// What all nodes of the list say, when none fits; those in `denied` say what stands there.
    fn diagnose(&mut self, view: &View, class: ClassId, denied: &Denied) -> Diagnosis;

    /// Looks for pods to evict after no node took the pod: see [`preempt`].
    fn preempt(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Vec<Candidate> {
        preempt(view, ask, error, pods, offset)
    }

    /// The first of them, for who takes it anyway.
    fn preempt_first(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Option<Candidate> {
        self.preempt(view, ask, error, pods, offset).into_iter().next()
    }
}

/// The outcome of a cycle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The pod may be assumed there.
    Placed(Placement),
    /// No node takes it.
    Unfit(FitError),
}

/// A decision and what it took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What was decided.
    pub outcome: Outcome,
    /// How many nodes were looked at.
    pub evaluated: u32,
    /// How many of them fit.
    pub feasible: u32,
}

impl Decision {
    /// The chosen node.
    #[must_use]
    pub const fn node(&self) -> Option<NodeId> {
        match &self.outcome {
            Outcome::Placed(placement) => Some(placement.node),
            Outcome::Unfit(_) => None,
        }
    }
}

/// Decides where a pod goes, and moves the start of the next search. Does not assume the pod. `tie` is a random word,
/// addressed by the pod and its attempt; it counts only if several nodes are equally good.
pub fn schedule_one<E: Evaluator>(
    view: &mut View,
    evaluator: &mut E,
    ask: Ask,
    options: &Options,
    tie: u64,
) -> Decision {
    view.refresh();
    let all = u32::try_from(view.list().len()).expect("node ids are 32 bits wide");
    let class = view.tables().class(ask.class);
    if all == 0 {
        let profile = view.tables().profile(&class);
        let error = FitError::without_victims(0, Diagnosis::default(), profile, class.preemption);
        return Decision { outcome: Outcome::Unfit(error), evaluated: 0, feasible: 0 };
    }
    if let Some(rejection) = pre_filter(view, ask.class) {
        let diagnosis = Diagnosis::of_pod(rejection, all);
        let error = FitError::without_victims(all, diagnosis, view.tables().profile(&class), class.preemption);
        return Decision { outcome: Outcome::Unfit(error), evaluated: 0, feasible: 0 };
    }
    let has_nominees = !view.nominations().is_empty();
    let denied = if has_nominees { evaluator.deny(view, ask.class) } else { Denied::new() };
    let nominated = ask.nominated.filter(|&node| view.facts(node).is_some());
    if let Some(node) = nominated
        && denial(&denied, node).is_none()
        && evaluator.judge(view, ask.class, node).is_none()
    {
        // The next search starts where this one would have: upstream returns before it moves the start.
        let placement = Placement { node, score: None, tied: 1 };
        return Decision { outcome: Outcome::Placed(placement), evaluated: 1, feasible: 1 };
    }

    // If node affinity names the nodes, those are looked at, all of them.
    let named = view.tables().named_nodes(&class);
    let is_named = |node: NodeId| view.facts(node).zip(named).is_none_or(|(facts, named)| named.contains(&facts.name));
    let looked_at = named.map(|_| view.list().iter().filter(|&&node| is_named(node)).count());
    let looked_at = looked_at.map(|count| u32::try_from(count).expect("node ids are 32 bits wide"));
    let unnamed = nominated.is_some_and(|node| !is_named(node));

    let percentage = view.tables().profile(&class).percentage_of_nodes_to_score;
    let need = match looked_at {
        Some(_) => all,
        None => feasible_nodes_to_find(all, percentage.unwrap_or(options.percentage_of_nodes_to_score)),
    };
    let start = view.next_start % all;
    let pick = match options.tie_break {
        TieBreak::First => Pick::First,
        TieBreak::Drawn => Pick::Drawn(tie),
    };
    let found = evaluator.search(view, ask.class, Window { start, need }, pick, &denied);
    // A nominated node that does not fit counts as looked at even if the search stopped before it.
    let evaluated = match looked_at {
        Some(nodes) => nodes + u32::from(unnamed),
        None => {
            let beyond = nominated.is_some_and(|node| (view.position(node) + all - start) % all >= found.processed);
            found.processed + u32::from(beyond)
        }
    };
    view.next_start = (start + evaluated) % all;
    let outcome = match found.placement {
        Some(placement) => Outcome::Placed(placement),
        None => {
            let mut diagnosis = evaluator.diagnose(view, ask.class, &denied);
            if looked_at.is_some() {
                diagnosis.plugins.insert(Plugin::NodeAffinity);
            }
            Outcome::Unfit(FitError::without_victims(all, diagnosis, view.tables().profile(&class), class.preemption))
        }
    };
    Decision { outcome, evaluated, feasible: found.feasible }
}
