//! What if: decisions on a copy of the scheduler's view in which something was changed, and the details of one decision.
//! Asks [`schedule_one`] and the plain evaluator; owns no rule of its own and knows neither queue nor clock.

use super::columns::Columns;
use super::cycle::{Ask, Decision, Evaluator, Options, Outcome, schedule_one};
use super::framework::Rejection;
use super::plugins::default_preemption::Candidate;
use super::pre_filter::pre_filter;
use super::preemption::{Victims, filter_with_nominated, preempt};
use super::scan::NodeScores;
use super::state::CycleState;
use super::tables::NodeSpec;
use super::view::View;
use crate::base::id::DenseId;
use crate::model::{ClassId, NodeId, PodClass, PodId, Strings};

/// A copy of a view that may be changed at will.
#[derive(Clone, Debug)]
pub struct Lab {
    view: View,
    columns: Columns,
    options: Options,
    /// Classes from here on are not taken.
    free: ClassId,
}

impl Lab {
    /// A copy of `view`; classes from `free` on must not be known to it.
    #[must_use]
    pub fn new(view: &View, options: Options, free: ClassId) -> Self {
        let mut view = view.clone();
        view.refresh();
        Self { view, columns: Columns::new(), options, free }
    }

    /// What the scheduler would believe.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Makes a class known that no pod of the run has.
    pub fn class(&mut self, spec: &PodClass) -> ClassId {
        let class = self.free;
        self.free = ClassId::from_index(class.index() + 1);
        self.view.register_class(class, spec);
        class
    }

    /// Where a pod of this class would go now. Does not put it there.
    pub fn decide(&mut self, class: ClassId) -> Option<NodeId> {
        // Nobody schedules the pods of an unknown scheduler.
        self.view.tables().class(class).profile?;
        schedule_one(&mut self.view, &mut self.columns, Ask::of(class), &self.options, 0).node()
    }

    /// Where a pod like this would go now.
    pub fn fits(&mut self, spec: &PodClass) -> Option<NodeId> {
        let class = self.class(spec);
        self.decide(class)
    }

    /// Who would be evicted for a pod like this, and where it would go then; `None` if it needs no evictions, or none help.
    pub fn preempts(&mut self, spec: &PodClass, pods: &impl Victims) -> Option<Candidate> {
        let class = self.class(spec);
        self.view.tables().class(class).profile?;
        match schedule_one(&mut self.view, &mut self.columns, Ask::of(class), &self.options, 0).outcome {
            Outcome::Placed(_) => None,
            Outcome::Unfit(mut error) => preempt(&self.view, Ask::of(class), &mut error, pods, 0).into_iter().next(),
        }
    }

    /// Decides about pods one after the other, and lets each take its place.
    pub fn place_all(&mut self, pods: impl IntoIterator<Item = (PodId, ClassId)>) {
        for (pod, class) in pods {
            if let Some(node) = self.decide(class) {
                self.view.assume(pod, class, node);
            }
        }
    }

    /// The greatest amount below `most` with which the pod fits, in steps of `step`, and where it goes then; `None` if it does
    /// not fit even with nothing. What a pod takes never lets less fit, so halving finds it.
    pub fn greatest(&mut self, most: i64, step: i64, with: impl Fn(i64) -> Option<PodClass>) -> Option<(i64, NodeId)> {
        let mut fits = |steps: i64| with(steps * step).and_then(|class| self.fits(&class));
        let mut best = (0, fits(0)?);
        let (mut low, mut high) = (0, most.div_euclid(step) + i64::from(most.rem_euclid(step) != 0));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match fits(middle) {
                Some(node) => (low, best) = (middle, (middle * step, node)),
                None => high = middle,
            }
        }
        Some(best)
    }

    /// Adds a node or changes it.
    pub fn set_node(&mut self, node: NodeId, spec: &NodeSpec<'_>, strings: &Strings) {
        self.view.update_node(node, spec);
        self.view.learn_numbers(strings);
    }

    /// Adds a node whose labels are of the run, so that no number is new; it is looked at last in its zone.
    pub fn add_node(&mut self, node: NodeId, spec: &NodeSpec<'_>) {
        self.view.add_node(node, spec);
        self.view.refresh();
    }

    /// Removes a node; pods that are left on it stay accounted, in case it comes back.
    pub fn remove_node(&mut self, node: NodeId) {
        self.view.remove_node(node);
        self.view.refresh();
    }

    /// Why this node does not take a pod of this class, nominated pods apart; `None` if it does.
    pub fn judge(&mut self, class: ClassId, node: NodeId) -> Option<Rejection> {
        pre_filter(&self.view, class).or_else(|| self.columns.judge(&self.view, class, node))
    }

    /// Puts a pod on a node, whether it fits or not.
    pub fn put_pod(&mut self, pod: PodId, class: ClassId, node: NodeId) {
        self.view.assume(pod, class, node);
    }

    /// Takes a pod off its node.
    pub fn remove_pod(&mut self, pod: PodId) {
        self.view.remove_pod(pod);
    }
}

/// What every node of the (refreshed) list says to a pod of `class`, pods that are nominated there included: the rejections,
/// and the nodes that fit.
#[must_use]
pub fn survey(view: &View, class: ClassId) -> (Vec<(NodeId, Rejection)>, Vec<NodeId>) {
    let mut state = CycleState::new(view, class);
    let priority = view.tables().class(class).priority;
    let (mut rejected, mut feasible) = (Vec::new(), Vec::new());
    for &node in view.list() {
        match filter_with_nominated(&mut state, view, node, priority) {
            Some(rejection) => rejected.push((node, rejection)),
            None => feasible.push(node),
        }
    }
    (rejected, feasible)
}

/// A decision with everything that led to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detailed {
    /// What was decided.
    pub decision: Decision,
    /// How many nodes there are.
    pub nodes: u32,
    /// The nodes that were looked at and do not fit.
    pub rejected: Vec<(NodeId, Rejection)>,
    /// The nodes that were looked at and fit, with their scores by plugin, in the order in which they were looked at. A single one
    /// is taken without scoring; its scores are what they would be.
    pub feasible: Vec<NodeScores>,
}

/// Decides once more what was decided about a pod when the view was as it is and the search started at `start`.
#[must_use]
pub fn detailed(view: &View, start: u32, ask: Ask, options: &Options, tie: u64) -> Detailed {
    let class = ask.class;
    let mut view = view.clone();
    view.next_start = start;
    let decision = schedule_one(&mut view, &mut Columns::new(), ask, options, tie);
    let mut state = CycleState::new(&view, class);
    let priority = view.tables().class(class).priority;
    let list = view.list();
    let from = if list.is_empty() { 0 } else { start as usize % list.len() };
    // Nodes that node affinity names are looked at wherever they are in the list.
    let named = view.tables().statics(view.tables().class(class).statics).named_nodes.is_some();
    let looked_at = if named { list.len() } else { decision.evaluated as usize };
    let nominated = ask.nominated.filter(|&node| view.facts(node).is_some());
    // A nominated node that takes the pod is the only one that is looked at. One that does not counts as well.
    let taken = nominated.filter(|&node| filter_with_nominated(&mut state, &view, node, priority).is_none());
    let offset = |node| (view.position(node) as usize + list.len() - from) % list.len();
    let beyond = nominated.filter(|&node| !named && looked_at > 0 && offset(node) >= looked_at);
    let window = list[from..].iter().chain(&list[..from]).copied().take(looked_at - usize::from(beyond.is_some()));
    let nodes: Vec<NodeId> = taken.map_or_else(|| window.chain(beyond).collect(), |node| vec![node]);
    let (mut rejected, mut feasible) = (Vec::new(), Vec::new());
    for node in nodes {
        match filter_with_nominated(&mut state, &view, node, priority) {
            Some(rejection) => rejected.push((node, rejection)),
            None => feasible.push(node),
        }
    }
    let nodes = u32::try_from(list.len()).expect("node ids are 32 bits wide");
    Detailed { decision, nodes, rejected, feasible: state.score(&feasible) }
}
