//! The answer as data: where the pod is or why it is nowhere, what each node says, how it was decided, what happened to it in
//! the queue. Text and JSON are made from it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::changes::Change;
use super::watch::{Decided, Step};
use super::{volumes, words};
use crate::base::SimTime;
use crate::export;
use crate::model::{NodeId, PodClass, StrId, Strings};
use crate::scheduler::framework::{Reason, Rejection, Verdict};
use crate::scheduler::pre_filter::pre_filter;
use crate::scheduler::scan::PluginScore;
use crate::scheduler::view::View;
use crate::scheduler::whatif;
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

/// Nodes that say the same.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Group {
    pub nodes: Vec<String>,
    /// `None`: they would take the pod.
    pub plugin: Option<&'static str>,
    pub reasons: Vec<String>,
    /// Whether evicting pods could change it.
    pub evictions_may_help: bool,
    /// What is left there of what is short.
    pub free: Vec<Free>,
}

/// The most that a node of a group has left of a resource.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Free {
    pub resource: String,
    pub most: String,
    pub node: String,
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

/// Texts and amounts of one run.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub plan: &'a Plan,
    pub strings: &'a Strings,
    pub view: &'a View,
    pub spec: &'a PodClass,
}

impl Facts<'_> {
    pub(super) fn node(&self, node: NodeId) -> String {
        let name = self.view.facts(node).map(|facts| facts.name);
        name.map_or_else(|| "?".to_owned(), |name| self.strings.text(name).to_owned())
    }

    /// What is left of a resource on a node.
    fn free(&self, node: NodeId, resource: crate::model::StrId) -> i64 {
        use crate::model::strings::known;
        let usage = self.view.usage(node);
        match resource {
            known::CPU => usage.allocatable_milli_cpu - usage.milli_cpu,
            known::MEMORY => usage.allocatable_memory - usage.memory,
            known::EPHEMERAL_STORAGE => usage.allocatable_ephemeral - usage.ephemeral,
            other => {
                let scalar = self.view.scalars(node).iter().find(|scalar| scalar.name == other);
                scalar.map_or(0, |scalar| scalar.allocatable - scalar.requested)
            }
        }
    }

    /// Nodes that say the same, most first.
    pub(super) fn groups(&self, rejected: &[(NodeId, Rejection)], fit: Vec<NodeId>) -> Vec<Group> {
        let mut by_verdict: Vec<(&Rejection, Vec<NodeId>)> = Vec::new();
        for (node, rejection) in rejected {
            match by_verdict.iter_mut().find(|(known, _)| *known == rejection) {
                Some((_, nodes)) => nodes.push(*node),
                None => by_verdict.push((rejection, vec![*node])),
            }
        }
        by_verdict.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
        let mut groups: Vec<Group> =
            by_verdict.into_iter().map(|(rejection, nodes)| self.group(rejection, &nodes)).collect();
        if !fit.is_empty() {
            let nodes = self.names(&fit);
            let (reasons, free) = (Vec::new(), Vec::new());
            groups.insert(0, Group { nodes, plugin: None, reasons, evictions_may_help: false, free });
        }
        groups
    }

    fn names(&self, nodes: &[NodeId]) -> Vec<String> {
        let mut names: Vec<String> = nodes.iter().map(|&node| self.node(node)).collect();
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        names
    }

    fn group(&self, rejection: &Rejection, nodes: &[NodeId]) -> Group {
        let mut free = Vec::new();
        for reason in rejection.verdict.reasons() {
            if let Reason::Insufficient(resource) = *reason
                && let Some(&node) = nodes.iter().rev().max_by_key(|&&node| self.free(node, resource))
            {
                free.push(Free {
                    resource: self.strings.text(resource).to_owned(),
                    most: words::quantity(resource, self.free(node, resource), self.strings),
                    node: self.node(node),
                });
            }
        }
        Group {
            nodes: self.names(nodes),
            plugin: Some(rejection.plugin.name()),
            reasons: rejection.verdict.reasons().iter().map(|reason| reason.text(self.strings)).collect(),
            evictions_may_help: matches!(rejection.verdict, Verdict::Unschedulable(_)),
            free,
        }
    }

    /// Why no node takes the pod, in plain words, the most frequent reason first.
    fn why(&self, rejected: &[(NodeId, Rejection)], all: u32) -> String {
        let mut counts: BTreeMap<Reason, u32> = BTreeMap::new();
        for reason in rejected.iter().flat_map(|(_, rejection)| rejection.verdict.reasons()) {
            *counts.entry(*reason).or_default() += 1;
        }
        let mut reasons: Vec<(u32, String)> = counts
            .into_iter()
            .map(|(reason, count)| (count, words::reason(reason, count, all, self.spec, self.strings)))
            .collect();
        reasons.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        reasons.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ")
    }
}

/// What the nodes say now to a pod that has none, and the sentence made of it.
pub(super) struct Survey {
    pub rejected: Vec<(NodeId, Rejection)>,
    pub fit: Vec<NodeId>,
    /// PreFilter's word against the pod as a whole.
    pub of_pod: Option<Rejection>,
    pub why: String,
}

pub(super) fn survey(facts: &Facts<'_>, class: crate::model::ClassId) -> Survey {
    let (strings, view) = (facts.strings, facts.view);
    let nobody = Survey { rejected: Vec::new(), fit: Vec::new(), of_pod: None, why: String::new() };
    if !view.tables().knows(class) {
        return Survey { why: "the scheduler has not seen it yet".to_owned(), ..nobody };
    }
    if view.tables().class(class).profile.is_none() {
        let of = |name: Option<StrId>| name.map_or("default-scheduler", |name| strings.text(name));
        let profiles = &facts.plan.control_plane.scheduler.profiles;
        let profiles: Vec<&str> = profiles.iter().map(|profile| of(profile.scheduler_name)).collect();
        let are = if profiles.len() == 1 { "the only profile is" } else { "the profiles are" };
        let profiles = profiles.join(", ");
        let why = format!(
            "it asks for the scheduler {}, which does not run here: {are} {profiles}",
            of(facts.spec.scheduler_name)
        );
        return Survey { why, ..nobody };
    }
    if view.list().is_empty() {
        return Survey { why: "there are no nodes".to_owned(), ..nobody };
    }
    if let Some(rejection) = pre_filter(view, class) {
        let of_pod = |reason: &Reason| volumes::of_pod(*reason, facts).unwrap_or_else(|| reason.text(strings));
        let why = rejection.verdict.reasons().iter().map(of_pod).collect::<Vec<_>>().join(", ");
        return Survey { why, of_pod: Some(rejection), ..nobody };
    }
    let (rejected, fit) = whatif::survey(view, class);
    let all = u32::try_from(view.list().len()).unwrap_or(u32::MAX);
    let why = facts.why(&rejected, all);
    Survey { rejected, fit, of_pod: None, why }
}

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

/// `1 node`, `5 nodes`.
pub(super) fn nodes(count: u32) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
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
