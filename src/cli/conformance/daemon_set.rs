//! `daemonset.json`: [`placement`](crate::controllers::daemon_set::placement).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::node_affinity::{Affinity, Node, compile};
use super::scheduling::{TaintIn, TolerationIn, taint};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::controllers::daemon_set::placement::{Wanted, node_should_run};
use crate::model::{NodeAffinity, StrId, Strings, Taint, Toleration};

/// What upstream's fixture calls its node.
const NODE: &str = "simple-node";
/// A label that upstream's fixture gives its node, which the cases leave out.
const LABEL: (&str, &str) = ("name", "simple-daemon");

#[derive(Deserialize)]
struct Input {
    template: Template,
    node: NodeIn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    #[serde(default)]
    node_name: String,
    #[serde(default)]
    node_selector: BTreeMap<String, String>,
    affinity: Option<Affinities>,
    #[serde(default)]
    tolerations: Vec<TolerationIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Affinities {
    node_affinity: Option<Affinity>,
}

#[derive(Deserialize)]
struct NodeIn {
    name: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    taints: Vec<TaintIn>,
}

pub(super) fn answer(case: &Case) -> Checked {
    if case.kind != "node_should_run" {
        return unknown_kind(case);
    }
    let Input { template, node } = case.input()?;
    let mut strings = Strings::new();
    let required = template.affinity.and_then(|affinity| affinity.node_affinity?.required);
    let required = required.map(|required| compile(required.node_selector_terms, &mut strings));
    let affinity = NodeAffinity { required, ..NodeAffinity::default() };
    let selector: Vec<(StrId, StrId)> =
        (template.node_selector.iter()).map(|(key, value)| (strings.intern(key), strings.intern(value))).collect();
    let tolerations: Vec<Toleration> =
        template.tolerations.iter().map(|one| one.build(&mut strings)).collect::<Result<_, Unsupported>>()?;
    let taints: Vec<Taint> =
        node.taints.iter().map(|one| taint(one, &mut strings)).collect::<Result<_, Unsupported>>()?;
    let wanted = Wanted {
        node_name: (!template.node_name.is_empty()).then(|| strings.intern(&template.node_name)),
        node_selector: &selector,
        node_affinity: Some(&affinity),
        tolerations: &tolerations,
    };
    let labels = node.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let missing = (!node.labels.contains_key(LABEL.0)).then_some(LABEL);
    let labels = strings.intern_labels(labels.chain(missing));
    let name = strings.intern(node.name.as_deref().unwrap_or(NODE));
    let node = Node { name, labels: strings.labels(labels), strings: &strings };
    let found = node_should_run(&wanted, &node, &taints);
    Ok(Answer::Complete(json!({"should_run": found.should_run, "should_continue_running": found.should_continue})))
}
