//! `node_affinity.json`: the filter of NodeAffinity, and single terms.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Case, Checked, unknown_kind};
use crate::model::{
    LabelSelectorRequirement, LabelSet, NodeAffinity, NodeLabels, NodeSelectorTerm, NodeTerm, StrId, Strings,
};
use crate::scheduler::plugins::node_affinity;

#[derive(Deserialize)]
struct Input {
    node_selector: Option<BTreeMap<String, String>>,
    node_affinity: Option<Affinity>,
    terms: Option<Vec<Term>>,
    node_labels: Option<BTreeMap<String, String>>,
    node_name: String,
}

#[derive(Deserialize)]
pub(super) struct Affinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(super) required: Option<Required>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Required {
    pub(super) node_selector_terms: Option<Vec<Term>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Term {
    #[serde(default)]
    match_expressions: Vec<Expression>,
    #[serde(default)]
    match_fields: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    #[serde(default)]
    key: String,
    #[serde(default)]
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

pub(super) struct Node<'a> {
    pub(super) name: StrId,
    pub(super) labels: &'a LabelSet,
    pub(super) strings: &'a Strings,
}

impl NodeLabels for Node<'_> {
    fn name(&self) -> StrId {
        self.name
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        self.labels.get(key)
    }

    fn number(&self, value: StrId) -> Option<i64> {
        self.strings.text(value).parse().ok()
    }
}

pub(super) fn compile(terms: Option<Vec<Term>>, strings: &mut Strings) -> Box<[NodeTerm]> {
    let list = |expressions: Vec<Expression>| {
        let each = expressions.into_iter();
        each.map(|Expression { key, operator, values }| LabelSelectorRequirement { key, operator, values }).collect()
    };
    let terms = terms.into_iter().flatten().map(|term| NodeSelectorTerm {
        match_expressions: list(term.match_expressions),
        match_fields: list(term.match_fields),
    });
    terms.map(|term| term.compile(strings)).collect()
}

pub(super) fn answer(case: &Case) -> Checked {
    let input: Input = case.input()?;
    let mut strings = Strings::new();
    let required = match case.kind.as_str() {
        "pod_matches_node" => input.node_affinity.and_then(|affinity| affinity.required),
        "selector_terms" => Some(Required { node_selector_terms: input.terms }),
        _ => return unknown_kind(case),
    };
    let required = required.map(|required| compile(required.node_selector_terms, &mut strings));
    let affinity = NodeAffinity { required, ..NodeAffinity::default() };
    let selector: Vec<(StrId, StrId)> = (input.node_selector.iter().flatten())
        .map(|(key, value)| (strings.intern(key), strings.intern(value)))
        .collect();
    let labels = input.node_labels.unwrap_or_default();
    let labels = strings.intern_labels(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let name = strings.intern(&input.node_name);
    let node = Node { name, labels: strings.labels(labels), strings: &strings };
    Ok(Answer::Asserted(json!({"matches": node_affinity::matches(&selector, Some(&affinity), &node)})))
}
