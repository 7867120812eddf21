//! What nodes say to a pod: grouped, with what is left there of what is short, and as a sentence. Asks the scheduler's own
//! filters; owns no rule. Knows no terminal.

mod volumes;
pub(crate) mod words;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{NodeId, PodClass, StrId, Strings};
use crate::scheduler::framework::{Reason, Rejection, Verdict};
use crate::scheduler::pre_filter::pre_filter;
use crate::scheduler::view::View;
use crate::scheduler::whatif;
use crate::sim::plan::Plan;

/// Nodes that say the same.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) nodes: Vec<String>,
    /// `None`: they would take the pod.
    pub(crate) plugin: Option<&'static str>,
    pub(crate) reasons: Vec<String>,
    /// Whether evicting pods could change it.
    pub(crate) evictions_may_help: bool,
    /// What is left there of what is short.
    pub(crate) free: Vec<Free>,
}

/// The most that a node of a group has left of a resource.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Free {
    pub(crate) resource: String,
    pub(crate) most: String,
    pub(crate) node: String,
}

/// Texts and amounts of one run.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) strings: &'a Strings,
    pub(crate) view: &'a View,
    pub(crate) spec: &'a PodClass,
}

impl Facts<'_> {
    pub(crate) fn node(&self, node: NodeId) -> String {
        let name = self.view.facts(node).map(|facts| facts.name);
        name.map_or_else(|| "?".to_owned(), |name| self.strings.text(name).to_owned())
    }

    /// What is left of a resource on a node.
    pub(crate) fn free(&self, node: NodeId, resource: StrId) -> i64 {
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
    pub(crate) fn groups(&self, rejected: &[(NodeId, Rejection)], fit: Vec<NodeId>) -> Vec<Group> {
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
pub(crate) struct Survey {
    pub(crate) rejected: Vec<(NodeId, Rejection)>,
    pub(crate) fit: Vec<NodeId>,
    /// PreFilter's word against the pod as a whole.
    pub(crate) of_pod: Option<Rejection>,
    pub(crate) why: String,
}

pub(crate) fn survey(facts: &Facts<'_>, class: crate::model::ClassId) -> Survey {
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

/// `1 node`, `5 nodes`.
pub(crate) fn nodes(count: u32) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}
