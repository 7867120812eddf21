//! The plain evaluator: every plugin on every node, with what the pods take recounted from the pods each time. It is the
//! definition of right: it remembers nothing, and shares with the other evaluators only the plugins' own functions.

use super::cycle::{Evaluator, Pick, Placement, Search, Window};
use super::diagnosis::Diagnosis;
use super::framework::{Plugin, Rejection};
use super::nominated::{Denied, denial};
use super::preemption::filter_nominated;
use super::sampling::best;
use super::state::CycleState;
use super::view::{NOT_LISTED, View};
use crate::model::{ClassId, NodeId};

/// Evaluates everything, every time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan;

/// What a plugin gave a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PluginScore {
    /// The plugin.
    pub plugin: Plugin,
    /// What Score said, in the plugin's own measure.
    pub raw: i64,
    /// What NormalizeScore made of it, from 0 to 100: the same, for a plugin without.
    pub normalized: i64,
    /// That, times the plugin's weight in the profile.
    pub weighted: i64,
}

/// A feasible node's scores, by plugin in the profile's order; a plugin that skips the pod is absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeScores {
    /// The node.
    pub node: NodeId,
    /// Plugin by plugin.
    pub scores: Vec<PluginScore>,
    /// The sum of the weighted ones.
    pub total: i64,
}

impl Scan {
    /// What every node of the (refreshed) list says: its rejection, or its scores normalized over all feasible nodes.
    #[must_use]
    pub fn survey(view: &View, class: ClassId) -> (Vec<(NodeId, Rejection)>, Vec<NodeScores>) {
        Self::survey_of(view, class, view.list().iter().copied())
    }

    /// What these nodes say, in this order; scores are normalized over the feasible ones among them.
    #[must_use]
    pub fn survey_of(
        view: &View,
        class: ClassId,
        nodes: impl IntoIterator<Item = NodeId>,
    ) -> (Vec<(NodeId, Rejection)>, Vec<NodeScores>) {
        let state = CycleState::new(view, class);
        let mut rejected = Vec::new();
        let mut feasible = Vec::new();
        for node in nodes {
            match state.filter(node) {
                Some(rejection) => rejected.push((node, rejection)),
                None => feasible.push(node),
            }
        }
        let scores = state.score(&feasible);
        (rejected, scores)
    }
}

impl Evaluator for Scan {
    fn deny(&mut self, view: &mut View, class: ClassId) -> Denied {
        let mut state = CycleState::new(view, class);
        let priority = view.tables().class(class).priority;
        let nodes = view.nominations().nodes_against(priority).filter(|&node| view.position(node) != NOT_LISTED);
        let say = |node| filter_nominated(&mut state, view, node, priority).map(|rejection| (node, rejection));
        nodes.filter_map(say).collect()
    }

    fn search(&mut self, view: &View, class: ClassId, window: Window, pick: Pick, denied: &Denied) -> Search {
        let state = CycleState::new(view, class);
        let nodes = view.list();
        let mut feasible = Vec::new();
        let mut processed = 0;
        while processed < nodes.len() && feasible.len() < window.need as usize {
            let node = nodes[(window.start as usize + processed) % nodes.len()];
            processed += 1;
            if denial(denied, node).is_none() && state.filter(node).is_none() {
                feasible.push(node);
            }
        }
        let placement = match feasible[..] {
            [] => None,
            [node] => Some(Placement { node, score: None, tied: 1 }),
            _ => {
                let scores = state.score(&feasible);
                let totals: Vec<(NodeId, i64)> = scores.iter().map(|s| (s.node, s.total)).collect();
                let equals: Vec<NodeId> = best(&totals).copied().collect();
                let tied = u32::try_from(equals.len()).expect("node ids are 32 bits wide");
                let score = totals.iter().map(|&(_, total)| total).max();
                Some(Placement { node: equals[pick.index(tied) as usize], score, tied })
            }
        };
        let count = |n: usize| u32::try_from(n).expect("node ids are 32 bits wide");
        Search { placement, feasible: count(feasible.len()), processed: count(processed) }
    }

    fn judge(&mut self, view: &View, class: ClassId, node: NodeId) -> Option<Rejection> {
        CycleState::new(view, class).filter(node)
    }

    fn diagnose(&mut self, view: &View, class: ClassId, denied: &Denied) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        let state = CycleState::new(view, class);
        for &node in view.list() {
            if let Some(rejection) = denial(denied, node).cloned().or_else(|| state.filter(node)) {
                diagnosis.add(rejection.plugin, &rejection.verdict, 1);
            }
        }
        diagnosis
    }
}
