//! What a pod says in `spec.affinity`: about nodes here, about other pods in `pod_affinity`. Mirrors validateNodeAffinity of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::meta::Meta;
use super::pod_affinity;
use super::schema;
use crate::diag::did_you_mean;
use crate::model::names::{dns1123_subdomain_errors, go_quote, label_key_errors, label_value_errors};
use crate::model::{LabelSelectorRequirement, NodeAffinity, NodeSelectorTerm, NodeTerm, PodAffinity};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const TERM: &str = "write `- matchExpressions:` with `- {key: disktype, operator: In, values: [ssd]}` under it";
const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

/// Reads `spec.affinity`: what it says about nodes and about pods. `None` for what asks for nothing.
pub(super) fn read(
    cx: &mut Context<'_>,
    spec: &Fields<'_, '_>,
    meta: &Meta<'_>,
) -> (Option<Box<NodeAffinity>>, Option<Box<PodAffinity>>) {
    let Some(entry) = spec.get("affinity") else { return (None, None) };
    let path = spec.path.field("affinity");
    let example = "write `nodeAffinity:` under it";
    let affinity = cx.fields(&entry.value, entry.key_at, &path, &schema::AFFINITY, example);
    let Some(affinity) = affinity else { return (None, None) };
    (node_affinity(cx, &affinity), pod_affinity::read(cx, &affinity, meta))
}

fn node_affinity(cx: &mut Context<'_>, affinity: &Fields<'_, '_>) -> Option<Box<NodeAffinity>> {
    let entry = affinity.get("nodeAffinity")?;
    let path = affinity.path.field("nodeAffinity");
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::NODE_AFFINITY, "")?;
    let affinity = of_node(cx, &fields);
    (affinity != NodeAffinity::default()).then(|| Box::new(affinity))
}

/// Reads a node affinity, of a pod or of a profile.
pub(super) fn of_node(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> NodeAffinity {
    NodeAffinity { required: terms(cx, fields, REQUIRED), preferred: preferred(cx, fields) }
}

/// Reads a node selector: terms of which one must match.
pub(super) fn terms(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<Box<[NodeTerm]>> {
    let entry = fields.get(name)?;
    let path = fields.path.field(name);
    let selector =
        cx.fields(&entry.value, entry.key_at, &path, &schema::NODE_SELECTOR, "write `nodeSelectorTerms:`")?;
    let path = path.field("nodeSelectorTerms");
    let errors = cx.errors;
    let nodes = selector.list(cx, "nodeSelectorTerms", "v1.NodeSelectorTerm");
    if nodes.is_empty() && cx.errors == errors {
        let at = selector.at("nodeSelectorTerms");
        let text = "Required value: must have at least one node selector term";
        cx.invalid(codes::BAD_NODE_AFFINITY, at, &path, text, "no terms", TERM);
    }
    let mut terms = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = path.index(index);
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::NODE_SELECTOR_TERM, TERM) else { continue };
        let read = term(cx, &fields, true);
        terms.push(read.compile(&mut cx.words.strings));
    }
    Some(terms.into())
}

fn preferred(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Box<[(u8, NodeTerm)]> {
    let list_path = fields.path.field(PREFERRED);
    let mut terms = Vec::new();
    for (index, node) in fields.list(cx, PREFERRED, "v1.PreferredSchedulingTerm").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- weight: 10` and `preference:` with `matchExpressions:` under it";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::PREFERRED_TERM, example) else { continue };
        let errors = cx.errors;
        let weight = fields.integer(cx, "weight", "int32").unwrap_or(0);
        if !(1..=100).contains(&weight) && cx.errors == errors {
            let text = format!("Invalid value: {weight}: must be in the range 1-100");
            let help = "write a weight from 1 to 100: the score of a node is the sum of the weights of its terms";
            cx.invalid(codes::OUT_OF_RANGE, fields.at("weight"), &path.field("weight"), &text, "out of range", help);
        }
        let Some(entry) = fields.get("preference") else { continue };
        let path = path.field("preference");
        let schema = &schema::NODE_SELECTOR_TERM;
        let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, schema, TERM) else { continue };
        let read = term(cx, &fields, false);
        terms.push((u8::try_from(weight).unwrap_or(0), read.compile(&mut cx.words.strings)));
    }
    terms.into()
}

/// Values of labels are checked in required terms only.
fn term(cx: &mut Context<'_>, fields: &Fields<'_, '_>, is_required: bool) -> NodeSelectorTerm {
    let mut term = NodeSelectorTerm::default();
    for (name, is_field) in [("matchExpressions", false), ("matchFields", true)] {
        let list_path = fields.path.field(name);
        for (index, node) in fields.list(cx, name, "v1.NodeSelectorRequirement").iter().enumerate() {
            let path = list_path.index(index);
            let example = "write `- {key: disktype, operator: In, values: [ssd]}`";
            let schema = &schema::NODE_SELECTOR_REQUIREMENT;
            let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
            let requirement = requirement(cx, &fields);
            if is_field {
                check_field(cx, &fields, &requirement);
                term.match_fields.push(requirement);
            } else {
                check_expression(cx, &fields, &requirement, is_required);
                term.match_expressions.push(requirement);
            }
        }
    }
    term
}

fn requirement(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> LabelSelectorRequirement {
    let path = fields.path.field("values");
    let mut values = Vec::new();
    for (index, node) in fields.list(cx, "values", "string").iter().enumerate() {
        let text = cx.text(node, &path.index(index), "NodeSelectorRequirement", "string");
        values.push(text.unwrap_or("").to_owned());
    }
    let mut text = |name| fields.text(cx, name).unwrap_or("").to_owned();
    LabelSelectorRequirement { key: text("key"), operator: text("operator"), values }
}

fn bad_operator(cx: &mut Context<'_>, fields: &Fields<'_, '_>, operator: &str, known: &[&str]) {
    let help = match did_you_mean(operator, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write one of {}", known.join(", ")),
    };
    let text = format!("Invalid value: {}: not a valid selector operator", go_quote(operator));
    let path = fields.path.field("operator");
    cx.invalid(codes::BAD_NODE_AFFINITY, fields.at("operator"), &path, &text, "not an operator", &help);
}

fn check_expression(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    requirement: &LabelSelectorRequirement,
    is_required: bool,
) {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let (path, at, code) = (fields.path.field("values"), fields.at("values"), codes::BAD_NODE_AFFINITY);
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let text = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
            cx.invalid(code, at, &path, text, "no values", "add `values: [ssd]`, or write `operator: Exists`");
        }
        "In" | "NotIn" => {
            for (index, value) in values.iter().enumerate().filter(|_| is_required) {
                let help = "label values have at most 63 letters, digits, `-`, `_` and `.`";
                cx.invalid_text(code, at, &path.index(index), value, label_value_errors(value), help);
            }
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let text = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            cx.invalid(code, at, &path, text, "not compared", "remove `values`, or write `operator: In`");
        }
        "Exists" | "DoesNotExist" => {}
        "Gt" | "Lt" if values.len() != 1 => {
            let text = "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'";
            cx.invalid(code, at, &path, text, "not one value", "write one whole number in quotes: `values: [\"4\"]`");
        }
        "Gt" | "Lt" => {
            if values[0].parse::<i64>().is_err() {
                let message = format!("{}: {} is not an integer", path.index(0), go_quote(&values[0]));
                let help = "write a whole number in quotes: Kubernetes takes this one and then matches no node";
                cx.warn(code, at, &message, "the term never matches", help);
            }
        }
        other => bad_operator(cx, fields, other, OPERATORS),
    }
    let help = "label keys are a name, or a domain, a slash and a name: example.com/disk";
    cx.invalid_text(code, fields.at("key"), &fields.path.field("key"), key, label_key_errors(key), help);
}

fn check_field(cx: &mut Context<'_>, fields: &Fields<'_, '_>, requirement: &LabelSelectorRequirement) {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let (path, at, code) = (fields.path.field("values"), fields.at("values"), codes::BAD_NODE_AFFINITY);
    if !matches!(operator.as_str(), "In" | "NotIn") {
        bad_operator(cx, fields, operator, &OPERATORS[..2]);
    } else if values.len() != 1 {
        let text = "Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
        cx.invalid(
            code,
            at,
            &path,
            text,
            "not one value",
            "write one name: `values: [node-1]`; add a term for another",
        );
    }
    if key != "metadata.name" {
        let text = format!("Invalid value: {}: not a valid field selector key", go_quote(key));
        let help = "the only field is `metadata.name`; labels belong under `matchExpressions:`";
        cx.invalid(code, fields.at("key"), &fields.path.field("key"), &text, "not a field of nodes", help);
        return;
    }
    for (index, value) in values.iter().enumerate() {
        let help = "write the node's name: lower case letters, digits, `-` and `.`";
        cx.invalid_text(code, at, &path.index(index), value, dns1123_subdomain_errors(value), help);
    }
}
