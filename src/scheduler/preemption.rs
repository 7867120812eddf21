//! Preemption: which pods would have to go so that a pod fits, tried node by node on one recounted state. Owns the dry run;
//! the criteria are the plugin's. Knows neither the API nor time. Mirrors
//! pkg/scheduler/framework/preemption/preemption.go and `SelectVictimsOnNode` of DefaultPreemption (v1.34.1).

use super::cycle::{Ask, Pick};
use super::diagnosis::{FitError, Histogram, PostFilter};
use super::framework::{Rejection, Verdict};
use super::plugins::default_preemption::{
    Candidate, Ineligible, Victim, best_candidates, by_importance, candidates_wanted, eligible, violations,
};
use super::state::CycleState;
use super::view::View;
use crate::base::SimTime;
use crate::model::{ClassId, NodeId, PodId};

/// What preemption asks about pods on nodes that placement does not.
pub trait Victims {
    /// `status.startTime`; now, if it has none yet.
    fn started(&self, pod: PodId) -> SimTime;

    /// Whether it has one, so that it stays what it is.
    fn has_started(&self, _: PodId) -> bool {
        true
    }

    /// A number that changes whenever a pod on the node that [has started](Self::has_started) is said to have started at another
    /// time; `None`: nobody counts.
    fn starts_on(&self, _: NodeId) -> Option<u32> {
        None
    }

    /// Whether it is being deleted because the scheduler evicted it.
    fn evicted_by_scheduler(&self, pod: PodId) -> bool;

    /// `disruptionsAllowed` of every PodDisruptionBudget.
    fn disruptions_allowed(&self) -> Vec<i64>;

    /// The budgets that count for a pod, by their places: those whose selector is not empty and matches its labels, in its
    /// namespace, unless the pod is among the budget's `disruptedPods`.
    fn budgets_of(&self, pod: PodId, budgets: &mut Vec<usize>);
}

/// What a node says to a pod, first with the pods nominated there that count against it, then without them.
pub fn filter_with_nominated(
    state: &mut CycleState<'_>,
    view: &View,
    node: NodeId,
    priority: i32,
) -> Option<Rejection> {
    if let Some(rejection) = filter_nominated(state, view, node, priority) {
        return Some(rejection);
    }
    state.filter(node)
}

/// What a node says to a pod because of the pods nominated there that count against it; nothing if there are none.
pub fn filter_nominated(state: &mut CycleState<'_>, view: &View, node: NodeId, priority: i32) -> Option<Rejection> {
    let nominations = view.nominations();
    nominations.counting(node, priority).next()?;
    nominations.counting(node, priority).for_each(|nominee| state.add_pod(nominee.pod, nominee.class, node));
    let rejection = state.filter(node);
    nominations.counting(node, priority).for_each(|nominee| state.remove_pod(nominee.pod, nominee.class, node));
    rejection
}

/// Looks for pods to evict after no node took the pod, and notes in `error` what came of it. Returns the best candidates in
/// list order, which are equally good: the first is to be taken; none if evictions do not help. `offset` is a random word: at
/// which of the potential nodes the search begins. The pod's own nomination must not be in the view.
pub fn preempt(view: &View, ask: Ask, error: &mut FitError, pods: &impl Victims, offset: u64) -> Vec<Candidate> {
    let class = view.tables().class(ask.class);
    if !matches!(error.post_filter, PostFilter::NoCandidate { .. }) {
        return Vec::new();
    }
    // As long as no pod has a lower priority, what the error says without looking at the pods is right.
    if !view.has_priority_below(class.priority) {
        return Vec::new();
    }
    let mut search = Search { view, state: CycleState::new(view, ask.class), priority: class.priority, pods };
    let whole = whole_verdict(error);
    let is_potential = |search: &mut Search<'_, _>, node| {
        whole.unwrap_or_else(|| search.filter(node).is_some_and(|rejection| resolvable(&rejection.verdict)))
    };
    if waits_for_victims(view, ask, pods, |node| is_potential(&mut search, node)) {
        error.post_filter = PostFilter::TerminatingVictims;
        return Vec::new();
    }
    let potential: Vec<NodeId> = view.list().iter().copied().filter(|&node| is_potential(&mut search, node)).collect();
    let count = u32::try_from(potential.len()).expect("node ids are 32 bits wide");
    let args = &view.tables().profile(&class).args.preemption;
    let mut found = search.dry_run(&potential, Pick::Drawn(offset).index(count), candidates_wanted(args, count));
    if found.candidates.is_empty() {
        error.post_filter = PostFilter::NoCandidate {
            not_helpful: error.all_nodes - count,
            no_victims: found.no_victims,
            remaining: found.remaining,
        };
        return Vec::new();
    }
    error.post_filter = PostFilter::Silent;
    found.candidates.sort_by_key(|candidate| view.position(candidate.node));
    best_candidates(found.candidates)
}

/// What PreFilter said of all nodes at once: whether evictions may change it.
pub(super) fn whole_verdict(error: &FitError) -> Option<bool> {
    error.diagnosis.pre_filter.as_deref().map(|rejection| resolvable(&rejection.verdict))
}

/// Whether victims of an earlier eviction are still going on the node that a pod is nominated for. `is_potential` tells whether
/// evictions may let the pod fit a node.
pub(super) fn waits_for_victims(
    view: &View,
    ask: Ask,
    pods: &impl Victims,
    is_potential: impl FnOnce(NodeId) -> bool,
) -> bool {
    let class = view.tables().class(ask.class);
    let nominated = ask.nominated.filter(|&node| view.facts(node).is_some()).map(|node| {
        let lower = |id: ClassId| view.tables().class(id).priority < class.priority;
        let evicted = view.pods_on(node).any(|(pod, class)| lower(class) && pods.evicted_by_scheduler(pod));
        (!is_potential(node), evicted)
    });
    eligible(class.preemption, nominated) == Err(Ineligible::TerminatingVictims)
}

/// Whether evictions may change a verdict.
pub(super) const fn resolvable(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unschedulable(_))
}

/// One node from which pods can be taken in thought, and put back.
pub(super) trait Stage {
    /// A pod comes (1) or leaves (-1).
    fn count(&mut self, victim: &Victim, class: ClassId, sign: i64);

    /// What the node says, pods that are nominated there included.
    fn rejection(&mut self) -> Option<Rejection>;

    /// Whether it takes the pod.
    fn fits(&mut self) -> bool {
        self.rejection().is_none()
    }
}

/// The pods of lower priority on a node, most important first; of equals, who came earlier.
pub(super) fn lower_on(view: &View, priority: i32, pods: &impl Victims, node: NodeId) -> Vec<(Victim, ClassId)> {
    let tables = view.tables();
    let with_priority = view.pods_on(node).map(|(pod, class)| (pod, class, tables.class(class).priority));
    let lower = with_priority.filter(|&(.., own)| own < priority);
    let victim = |(pod, class, priority)| (Victim { pod, priority, started: pods.started(pod) }, class);
    let mut lower: Vec<(Victim, ClassId)> = lower.map(victim).collect();
    lower.reverse();
    lower.sort_by(|(a, _), (b, _)| by_importance(a, b));
    lower
}

/// Who of `lower` has to go: all that cannot be put back, tried first those whose eviction a budget forbids (`violates`). The
/// stage is as before afterwards.
pub(super) fn select_victims(
    stage: &mut impl Stage,
    lower: &[(Victim, ClassId)],
    violates: impl FnOnce(&[Victim]) -> Vec<bool>,
) -> Result<(Vec<Victim>, u32), Rejection> {
    lower.iter().for_each(|(victim, class)| stage.count(victim, *class, -1));
    if let Some(rejection) = stage.rejection() {
        lower.iter().for_each(|(victim, class)| stage.count(victim, *class, 1));
        return Err(rejection);
    }
    let in_order: Vec<Victim> = lower.iter().map(|&(victim, _)| victim).collect();
    let violates = violates(&in_order);
    let mut goes = vec![false; lower.len()];
    for protected in [true, false] {
        for (at, (victim, class)) in lower.iter().enumerate().filter(|&(at, _)| violates[at] == protected) {
            stage.count(victim, *class, 1);
            if !stage.fits() {
                stage.count(victim, *class, -1);
                goes[at] = true;
            }
        }
    }
    let mut victims = Vec::new();
    let mut violations = 0;
    for (at, (victim, class)) in lower.iter().enumerate().filter(|&(at, _)| goes[at]) {
        stage.count(victim, *class, 1);
        violations += u32::from(violates[at]);
        victims.push(*victim);
    }
    Ok((victims, violations))
}

/// What a search found.
#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    /// Nodes without pods of lower priority.
    no_victims: u32,
    /// What the other nodes that are no candidates say without their pods of lower priority.
    remaining: Histogram,
}

struct Search<'a, P> {
    view: &'a View,
    state: CycleState<'a>,
    priority: i32,
    pods: &'a P,
}

/// A node in the recounted state.
struct OnNode<'s, 'a, P> {
    search: &'s mut Search<'a, P>,
    node: NodeId,
}

impl<P: Victims> Stage for OnNode<'_, '_, P> {
    fn count(&mut self, victim: &Victim, class: ClassId, sign: i64) {
        if sign > 0 {
            self.search.state.add_pod(victim.pod, class, self.node);
        } else {
            self.search.state.remove_pod(victim.pod, class, self.node);
        }
    }

    fn rejection(&mut self) -> Option<Rejection> {
        self.search.filter(self.node)
    }
}

impl<P: Victims> Search<'_, P> {
    fn filter(&mut self, node: NodeId) -> Option<Rejection> {
        filter_with_nominated(&mut self.state, self.view, node, self.priority)
    }

    /// Tries the potential nodes from `offset` on, until enough candidates are found of which one violates no budget.
    fn dry_run(&mut self, potential: &[NodeId], offset: u32, wanted: u32) -> Found {
        let mut found = Found::default();
        let (before, from) = potential.split_at(offset as usize);
        for &node in from.iter().chain(before) {
            let lower = lower_on(self.view, self.priority, self.pods, node);
            if lower.is_empty() {
                found.no_victims += 1;
                continue;
            }
            let pods = self.pods;
            let violates = |victims: &[Victim]| {
                violations(victims, pods.disruptions_allowed(), |pod, to| pods.budgets_of(pod, to))
            };
            match select_victims(&mut OnNode { search: self, node }, &lower, violates) {
                Ok((victims, _)) if victims.is_empty() => {}
                Ok((victims, violations)) => found.candidates.push(Candidate { node, victims, violations }),
                Err(rejection) => {
                    rejection.verdict.reasons().iter().for_each(|&reason| found.remaining.add(reason, 1));
                }
            }
            let harmless = found.candidates.iter().any(|candidate| candidate.violations == 0);
            if harmless && found.candidates.len() >= wanted as usize {
                break;
            }
        }
        found
    }
}
