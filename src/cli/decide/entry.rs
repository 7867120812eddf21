//! A decision as it is told: one object with the fields that recorded decisions have.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cluster::Cluster;
use crate::model::{ClassId, NodeId};
use crate::scheduler::cycle::{Decision, Outcome as Decided};
use crate::scheduler::framework::{Rejection, Verdict};
use crate::scheduler::plugins::default_preemption::Candidate;
use crate::scheduler::plugins::scheduling_gates;
use crate::scheduler::pre_enqueue::pre_enqueue;
use crate::scheduler::scan::NodeScores;

/// What nodes say: the rejections, and the scores of the others.
pub(super) type Survey = (Vec<(NodeId, Rejection)>, Vec<NodeScores>);

/// What became of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Outcome {
    /// The pod has a node.
    Bound,
    /// It has scheduling gates: the scheduler does not try.
    Gated,
    /// No node takes it.
    #[default]
    Unschedulable,
    /// The scheduler cannot try.
    Error,
}

/// Who rejected something, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::cli) struct Said {
    pub plugin: &'static str,
    pub reasons: Vec<String>,
    /// Whether evictions cannot help.
    #[serde(skip_serializing_if = "is_false")]
    pub unresolvable: bool,
}

/// One attempt. What does not apply is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(in crate::cli) struct Entry {
    /// `namespace/name`.
    pub pod: String,
    /// Whether it follows a preemption for the same pod.
    #[serde(skip_serializing_if = "is_false")]
    pub retry: bool,
    pub outcome: Outcome,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// Whether the pod came with its node.
    #[serde(skip_serializing_if = "is_false")]
    pub preassigned: bool,
    /// How many of the nodes that were looked at passed all filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feasible: Option<u32>,
    /// Whether it was the only feasible node, which is taken without scoring.
    #[serde(skip_serializing_if = "is_false")]
    pub single_feasible: bool,
    /// Whether the nominated node passed: no other was looked at.
    #[serde(skip_serializing_if = "is_false")]
    pub nominated_fast_path: bool,
    /// Why no node had to be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefilter: Option<Said>,
    /// Why the pod does not even queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preenqueue: Option<Said>,
    /// What the condition `PodScheduled` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, Said>,
    /// Weighted normalized scores by plugin, those of zero left out, and `total`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, BTreeMap<&'static str, i64>>,
    /// The total of the chosen node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// The nodes of the highest total, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tied: Vec<String>,
    /// The node that evictions make room on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nominated: Option<String>,
    /// Who is evicted, sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub victims: Option<Vec<String>>,
    /// All nodes that are as good, with their victims, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acceptable: Vec<(String, Vec<String>)>,
    /// The volumes that the pod's claims have once it is bound.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, String>,
}

/// The form that serde wants.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Entry {
    /// Nothing is known yet but the pod.
    pub(super) fn of(pod: String, retry: bool) -> Self {
        Self { pod, retry, ..Self::default() }
    }

    /// Fills in what keeps a pod of `class` out of the queue, if something does.
    pub(super) fn tell_gates(&mut self, cluster: &Cluster, class: ClassId) -> bool {
        let spec = cluster.words.classes.get(class);
        let Some(plugin) = pre_enqueue(cluster.view.tables(), class, spec) else { return false };
        let message = scheduling_gates::message(&spec.scheduling_gates, &cluster.words.strings);
        self.outcome = Outcome::Gated;
        self.preenqueue = Some(Said { plugin: plugin.name(), reasons: vec![message.clone()], unresolvable: true });
        self.message = Some(message);
        true
    }

    /// Fills in what was decided, and what the nodes said that were looked at.
    pub(super) fn tell(
        &mut self,
        cluster: &Cluster,
        nominated: Option<NodeId>,
        decision: &Decision,
        (rejections, scores): &Survey,
    ) {
        match &decision.outcome {
            Decided::Unfit(error) => {
                self.outcome = Outcome::Unschedulable;
                self.message = Some(error.message(&cluster.words.strings));
                if let Some(why) = &error.diagnosis.pre_filter {
                    self.prefilter = Some(said(cluster, why));
                    return;
                }
            }
            Decided::Placed(placement) => {
                self.outcome = Outcome::Bound;
                self.chosen = Some(cluster.name(placement.node).to_owned());
                self.feasible = Some(decision.feasible);
                self.single_feasible = placement.score.is_none();
                if nominated == Some(placement.node) && placement.score.is_none() && decision.evaluated == 1 {
                    self.nominated_fast_path = true;
                    return;
                }
                self.total = placement.score;
                if placement.score.is_some() {
                    self.tied = tied(cluster, placement.score, placement.tied as usize, scores);
                    self.scores = scores.iter().map(|node| (cluster.name(node.node).to_owned(), parts(node))).collect();
                }
            }
        }
        let rejected = rejections.iter().map(|(node, why)| (cluster.name(*node).to_owned(), said(cluster, why)));
        self.rejected = rejected.collect();
    }

    /// Fills in the nodes that evictions would make room on, all equally good: the first is taken.
    pub(super) fn tell_candidates(&mut self, cluster: &Cluster, candidates: &[Candidate]) {
        let named = |one: &Candidate| (cluster.name(one.node).to_owned(), victims(cluster, one));
        let [chosen, others @ ..] = candidates else { return };
        let (node, victims) = named(chosen);
        (self.nominated, self.victims) = (Some(node), Some(victims));
        if !others.is_empty() {
            self.acceptable = candidates.iter().map(named).collect();
        }
    }
}

/// The nodes of the highest total, if there are several. How many there are is the decision's word, which they are the
/// plain evaluator's.
fn tied(cluster: &Cluster, total: Option<i64>, count: usize, scores: &[NodeScores]) -> Vec<String> {
    let best = scores.iter().filter(|node| Some(node.total) == total);
    let best: Vec<String> = best.map(|node| cluster.name(node.node).to_owned()).collect();
    match count {
        1 if best.len() == 1 => Vec::new(),
        count if best.len() != count => vec![format!("{count} by the decision, {} by the scan", best.len())],
        _ => best,
    }
}

/// A node's scores: those of zero are left out, as they are of no weight.
fn parts(node: &NodeScores) -> BTreeMap<&'static str, i64> {
    let counting = node.scores.iter().filter(|score| score.weighted != 0);
    let plugins = counting.map(|score| (score.plugin.name(), score.weighted));
    plugins.chain([("total", node.total)]).collect()
}

fn said(cluster: &Cluster, why: &Rejection) -> Said {
    let reasons = why.verdict.reasons().iter().map(|reason| reason.text(&cluster.words.strings).to_string());
    let unresolvable = matches!(why.verdict, Verdict::UnschedulableAndUnresolvable(_));
    Said { plugin: why.plugin.name(), reasons: reasons.collect(), unresolvable }
}

/// The names of a candidate's victims, sorted.
fn victims(cluster: &Cluster, candidate: &Candidate) -> Vec<String> {
    let mut names: Vec<String> =
        candidate.victims.iter().map(|victim| cluster.placed[victim.pod].key.clone()).collect();
    names.sort_unstable();
    names
}
