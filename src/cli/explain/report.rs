//! The answer as data: where the pod is or why it is nowhere, what each node says, how it was decided, what happened to it in
//! the queue. Text and JSON are made from it.

use serde::Serialize;

use super::changes::Change;
use super::watch::{Decided, Step};
use crate::answers::survey::{Facts, Group, nodes, words};
use crate::base::SimTime;
use crate::export;
use crate::model::NodeId;
use crate::scheduler::scan::PluginScore;
use crate::sim::plan::Plan;

/// Everything that is known about where one pod is and why.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub schema_version: u32,
    /// `namespace/name`.
    pub pod: String,
    /// When this was so.
    pub at: String,
    pub status: Status,
    /// One sentence.
    pub answer: String,
    /// The node that it is on.
    pub node: Option<String>,
    /// How many nodes the scheduler knows.
    pub node_count: u32,
    /// What nodes say, grouped: now if the pod is pending, at its decision if it is on a node.
    pub nodes: Vec<Group>,
    pub decision: Option<Decision>,
    pub history: Vec<Entry>,
    /// Single changes, each of which lets the pod fit.
    pub changes: Vec<Change>,
}

/// Where a pod is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    Pending,
    Gated,
    /// It waits for the pods that are evicted for it.
    Preempting,
    Scheduling,
    OnNode,
    Deleting,
    Finished,
}

/// The decision that placed the pod.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Decision {
    pub at: String,
    pub node: String,
    /// The node that it was nominated for, because pods were evicted there for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nominated: Option<String>,
    /// How many nodes there were, were looked at, and fitted.
    pub nodes: u32,
    pub evaluated: u32,
    pub feasible: u32,
    /// How many had the highest score.
    pub tied: u32,
    /// The best nodes, the chosen one first.
    pub scores: Vec<Scores>,
}

/// A node's scores.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Scores {
    pub node: String,
    pub total: i64,
    pub plugins: Vec<Score>,
}

/// What a plugin gave a node.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Score {
    pub plugin: &'static str,
    pub weight: i64,
    /// In the plugin's own measure.
    pub raw: i64,
    /// From 0 to 100.
    pub normalized: i64,
    /// Times the weight.
    pub weighted: i64,
}

/// Something that happened to the pod.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    pub at: String,
    /// The same, counted from the start of the run.
    pub since_start: String,
    pub what: &'static str,
    pub text: String,
}

/// The best nodes that are shown.
const BEST: usize = 5;

/// The decision that put the pod where it is, and the end of a sentence about it.
pub(super) fn decision(facts: &Facts<'_>, decided: &Decided) -> (Decision, String) {
    let detailed = &decided.detailed;
    let tables = facts.view.tables();
    let profile = tables.profile(&tables.class(decided.class));
    let chosen = decided.placement.node;
    let mut order: Vec<_> = detailed.feasible.iter().collect();
    order.sort_by_key(|scores| (scores.node != chosen, std::cmp::Reverse(scores.total)));
    let scores = order.into_iter().take(BEST).map(|scores| Scores {
        node: facts.node(scores.node),
        total: scores.total,
        plugins: scores
            .scores
            .iter()
            .map(|&PluginScore { plugin, raw, normalized, weighted }| {
                let (plugin, weight) = (plugin.name(), profile.weight(plugin));
                Score { plugin, weight, raw, normalized, weighted }
            })
            .collect(),
    });
    let scores: Vec<Scores> = scores.collect();
    let (feasible, tied) = (detailed.decision.feasible, decided.placement.tied);
    // A node that it was nominated for is taken without looking at others.
    let at_nominated = decided.nominated == Some(chosen) && decided.placement.score.is_none();
    let why = match (feasible, scores.first()) {
        _ if at_nominated => {
            "others were evicted there for it, and it fitted on the node it was nominated for".to_owned()
        }
        (0 | 1, _) if detailed.nodes == 1 => "it is the only node there was".to_owned(),
        (0 | 1, _) => format!("it was the only one of {} that fitted", nodes(detailed.nodes)),
        (_, Some(best)) => {
            let most: i64 = best.plugins.iter().map(|score| score.weight * 100).sum();
            let score = format!("the highest score, {} of {most}, of the {feasible} nodes that fitted", best.total);
            match tied {
                0 | 1 => format!("it had {score}"),
                2 => format!("it had {score}; another had the same, and it was drawn"),
                more => format!("it had {score}; {} others had the same, and it was drawn", more - 1),
            }
        }
        (_, None) => "the scheduler chose it".to_owned(),
    };
    let made = Decision {
        at: decided.at.rfc3339_millis(),
        node: facts.node(chosen),
        nominated: decided.nominated.map(|node| facts.node(node)),
        nodes: detailed.nodes,
        evaluated: detailed.decision.evaluated,
        feasible,
        tied,
        scores,
    };
    (made, why)
}

/// The queue's history.
pub(super) fn history(plan: &Plan, steps: &[(SimTime, Step)], node: &dyn Fn(NodeId) -> String) -> Vec<Entry> {
    let strings = &plan.strings;
    let entry = |(at, step): &(SimTime, Step)| {
        let (what, text) = match step {
            Step::Created => ("created", "created".to_owned()),
            Step::Queued => ("queued", "joined the scheduling queue".to_owned()),
            Step::Gated(plugin) => ("gated", format!("held back by {}", plugin.name())),
            Step::Attempt(number) => ("attempt", format!("attempt {number}")),
            Step::Failed(message) => ("failed", message.clone()),
            Step::Chosen(on) => ("chosen", format!("{} was chosen", node(*on))),
            Step::Waits => ("waits", "waits for an event that may help".to_owned()),
            Step::BacksOff(until) => ("back-off", format!("backs off until {}", words::since(plan.start, *until))),
            Step::Woken(woken) => {
                let hinted: Vec<&str> = woken.hinted.iter().map(|plugin| plugin.name()).collect();
                let hints = if hinted.is_empty() { String::new() } else { format!(" ({})", hinted.join(", ")) };
                ("woken", format!("woken: {}{hints}", words::event(&woken.event, strings)))
            }
            Step::WaitedLong => ("woken", "woken: it had waited for five minutes".to_owned()),
            Step::Active => ("active", "may be tried again".to_owned()),
            Step::Bound(on) => ("bound", format!("bound to {}", node(*on))),
            Step::Nominated(on) => ("nominated", format!("nominated for {}", node(*on))),
            Step::NotNominated => ("nominated", "nominated for no node any more".to_owned()),
            Step::Evicts(victim) => ("evicts", format!("{victim} is evicted for it")),
            Step::Event(reason, message) => ("event", format!("{reason}: {message}")),
            Step::Deleting => ("deleting", "its deletion was requested".to_owned()),
            Step::Removed => ("removed", "removed".to_owned()),
        };
        Entry { at: at.rfc3339_millis(), since_start: words::since(plan.start, *at), what, text }
    };
    steps.iter().map(entry).collect()
}

pub(super) const SCHEMA_VERSION: u32 = export::SCHEMA_VERSION;
