//! Label selectors of objects: `labelSelector`, `namespaceSelector`, and label keys to be merged into them. Mirrors
//! ValidateLabelSelector of staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go, and
//! ValidateMatchLabelKeysAndMismatchLabelKeys of pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::meta::check_labels;
use super::schema;
use super::tree::{At, Node, Value};
use crate::diag::{Code, did_you_mean};
use crate::model::names::{go_quote, label_key_errors, label_value_errors};
use crate::model::{CompiledSelector, LabelSelector, LabelSelectorRequirement, Selector, Strings};

const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

/// Reads a selector; `None` if there is none, which selects nothing.
pub(super) fn read(cx: &mut Context<'_>, owner: &Fields<'_, '_>, name: &'static str) -> Option<LabelSelector> {
    let entry = owner.get(name)?;
    let path = owner.path.field(name);
    let example = "write `matchLabels:` with `app: web` under it";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::LABEL_SELECTOR, example)?;
    let pairs = check_labels(cx, &fields, "matchLabels").into_iter();
    let mut selector = LabelSelector {
        match_labels: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        ..LabelSelector::default()
    };
    let list_path = path.field("matchExpressions");
    for (index, node) in fields.list(cx, "matchExpressions", "v1.LabelSelectorRequirement").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {key: app, operator: In, values: [web]}`";
        let schema = &schema::LABEL_SELECTOR_REQUIREMENT;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let values = texts(cx, &fields, "values", "LabelSelectorRequirement").into_iter();
        let values = values.map(|(value, _)| value.to_owned()).collect();
        let mut text = |name| fields.text(cx, name).unwrap_or("").to_owned();
        let requirement = LabelSelectorRequirement { key: text("key"), operator: text("operator"), values };
        check(cx, &fields, &requirement);
        selector.match_expressions.push(requirement);
    }
    Some(selector)
}

/// A list of texts with their places.
pub(super) fn texts<'t>(
    cx: &mut Context<'_>,
    fields: &Fields<'t, '_>,
    name: &'static str,
    owner: &str,
) -> Vec<(&'t str, At)> {
    let path = fields.path.field(name);
    let mut all = Vec::new();
    for (index, node) in fields.list(cx, name, "string").iter().enumerate() {
        let text = cx.text(node, &path.index(index), owner, "string");
        all.extend(text.map(|text| (text, node.at)));
    }
    all
}

fn check(cx: &mut Context<'_>, fields: &Fields<'_, '_>, requirement: &LabelSelectorRequirement) {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let (path, at, code) = (fields.path.field("values"), fields.at("values"), codes::BAD_SELECTOR);
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let text = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
            cx.invalid(code, at, &path, text, "no values", "add `values: [web]`, or write `operator: Exists`");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let text = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            cx.invalid(code, at, &path, text, "not compared", "remove `values`, or write `operator: In`");
        }
        known if OPERATORS.contains(&known) => {}
        other => {
            let help = match did_you_mean(other, OPERATORS.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write one of {}", OPERATORS.join(", ")),
            };
            let text = format!("Invalid value: {}: not a valid selector operator", go_quote(other));
            let path = fields.path.field("operator");
            cx.invalid(code, fields.at("operator"), &path, &text, "not an operator", &help);
        }
    }
    let help = "label keys are a name, or a domain, a slash and a name: example.com/app";
    cx.invalid_text(code, fields.at("key"), &fields.path.field("key"), key, label_key_errors(key), help);
    for (index, value) in values.iter().enumerate() {
        let help = "label values have at most 63 letters, digits, `-`, `_` and `.`";
        cx.invalid_text(code, at, &path.index(index), value, label_value_errors(value), help);
    }
}

/// A list of label keys: its field, the operator that it adds, and the keys with their places.
type Keys<'t> = (&'static str, &'static str, Vec<(&'t str, At)>);

/// Reads `matchLabelKeys` and, where `mismatches`, `mismatchLabelKeys` of the object that has `selector`, and merges them
/// into it as the API server does when a pod is created: `key In [value]`, `key NotIn [value]`, for labels that the pod has.
pub(super) fn merge_keys(
    cx: &mut Context<'_>,
    owner: &Fields<'_, '_>,
    labels: &[(&str, &str)],
    selector: Option<&mut LabelSelector>,
    code: Code,
    (go, mismatches): (&str, bool),
) {
    let mut lists: Vec<Keys<'_>> = vec![("matchLabelKeys", "In", texts(cx, owner, "matchLabelKeys", go))];
    if mismatches {
        lists.push(("mismatchLabelKeys", "NotIn", texts(cx, owner, "mismatchLabelKeys", go)));
    }
    for (name, _, keys) in &lists {
        let path = owner.path.field(name);
        if !keys.is_empty() && selector.is_none() {
            let text = "Forbidden: must not be specified when labelSelector is not set";
            cx.invalid(code, owner.at(name), &path, text, "nothing to add to", "add `labelSelector:`, or remove it");
        }
        for (index, (key, at)) in keys.iter().enumerate().filter(|_| selector.is_some()) {
            let help = "write keys of the pod's labels, such as pod-template-hash";
            cx.invalid_text(code, *at, &path.index(index), key, label_key_errors(key), help);
        }
    }
    let Some(selector) = selector else { return };
    for (_, operator, keys) in &lists {
        for (key, _) in keys {
            let Some((_, value)) = labels.iter().rfind(|(label, _)| label == key) else { continue };
            let [operator, value] = [operator, value].map(|text| (*text).to_owned());
            let merged = LabelSelectorRequirement { key: (*key).to_owned(), operator, values: vec![value] };
            // A pod that was read back from a cluster has it already.
            if !selector.match_expressions.contains(&merged) {
                selector.match_expressions.push(merged);
            }
        }
    }
    check_merged(cx, owner, selector, &lists, code);
}

/// No key may be selected by the user and merged as well.
fn check_merged(
    cx: &mut Context<'_>,
    owner: &Fields<'_, '_>,
    selector: &LabelSelector,
    lists: &[Keys<'_>],
    code: Code,
) {
    let Some((_, _, keys)) = lists.first() else { return };
    let mut seen: Vec<&str> = selector.match_labels.keys().map(String::as_str).collect();
    for expression in &selector.match_expressions {
        let key = expression.key.as_str();
        if let Some((index, (_, at))) = keys.iter().enumerate().rfind(|(_, (merged, _))| *merged == key)
            && seen.contains(&key)
        {
            let text = format!("Invalid value: {}: exists in both matchLabelKeys and labelSelector", go_quote(key));
            let help = "remove the key from one of the two: matchLabelKeys adds the pod's own value to the selector";
            cx.invalid(code, *at, &owner.path.index(index), &text, "selected already", help);
        }
        seen.push(key);
    }
    let Some((_, _, mismatched)) = lists.get(1) else { return };
    let path = owner.path.field("matchLabelKeys");
    for (index, (key, at)) in keys.iter().enumerate() {
        if mismatched.iter().any(|(other, _)| other == key) {
            let text = format!("Invalid value: {}: exists in both matchLabelKeys and mismatchLabelKeys", go_quote(key));
            let help = "no pod can have the same value and another one: remove the key from one of the two";
            cx.invalid(code, *at, &path.index(index), &text, "contradicts itself", help);
        }
    }
}

/// Checks a topology key.
pub(super) fn topology_key<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, code: Code) -> &'t str {
    let errors = cx.errors;
    let key = fields.text(cx, "topologyKey").unwrap_or("");
    let (path, at) = (fields.path.field("topologyKey"), fields.at("topologyKey"));
    let help = "say which node label tells places apart: topologyKey: topology.kubernetes.io/zone";
    if key.is_empty() && cx.errors == errors {
        cx.invalid(code, at, &path, "Required value: can not be empty", "no key", help);
        // Upstream stops here for spread constraints.
        let more = if code == codes::BAD_POD_AFFINITY { label_key_errors(key) } else { Vec::new() };
        for reason in more {
            cx.echo(&path, &format!("Invalid value: \"\": {reason}"));
        }
    } else if !key.is_empty() {
        cx.invalid_text(code, at, &path, key, label_key_errors(key), help);
    }
    key
}

/// The selector over interned strings; none, or one with errors, selects nothing.
pub(super) fn compile(selector: Option<&LabelSelector>, strings: &mut Strings) -> CompiledSelector {
    Selector::from_object(selector).unwrap_or_else(|_| Selector::nothing()).compile(strings)
}

/// A selector as upstream's messages show it; `null` if there is none.
pub(super) fn as_json(node: Option<&Node<'_>>) -> String {
    let Some(node) = node else { return "null".to_owned() };
    let LabelSelector { match_labels, match_expressions } = unchecked(node);
    let mut parts = Vec::new();
    if !match_labels.is_empty() {
        let pairs: Vec<_> = match_labels.iter().map(|(k, v)| format!("{}:{}", go_quote(k), go_quote(v))).collect();
        parts.push(format!("\"matchLabels\":{{{}}}", pairs.join(",")));
    }
    if !match_expressions.is_empty() {
        let one = |LabelSelectorRequirement { key, operator, values }: &LabelSelectorRequirement| {
            let values: Vec<_> = values.iter().map(|value| go_quote(value)).collect();
            let values = if values.is_empty() { String::new() } else { format!(",\"values\":[{}]", values.join(",")) };
            format!("{{\"key\":{},\"operator\":{}{values}}}", go_quote(key), go_quote(operator))
        };
        let all: Vec<_> = match_expressions.iter().map(one).collect();
        parts.push(format!("\"matchExpressions\":[{}]", all.join(",")));
    }
    format!("{{{}}}", parts.join(","))
}

/// The selector of an object whose kind is not modelled: taken as it stands.
pub(super) fn unchecked(node: &Node<'_>) -> LabelSelector {
    let text = |node: &Node<'_>| node.scalar().unwrap_or_default().to_owned();
    let field = |node: &Node<'_>, name: &str| node.get(name).map(|entry| text(&entry.value)).unwrap_or_default();
    let list = |node: &Node<'_>, name: &str, each: &mut dyn FnMut(&Node<'_>)| {
        if let Some(Value::List(items)) = node.get(name).map(|entry| &entry.value.value) {
            items.iter().for_each(each);
        }
    };
    let pairs = node.get("matchLabels").and_then(|entry| entry.value.map()).unwrap_or_default();
    let match_labels = pairs.iter().map(|entry| (entry.key.to_string(), text(&entry.value))).collect();
    let mut match_expressions = Vec::new();
    list(node, "matchExpressions", &mut |item| {
        let mut values = Vec::new();
        list(item, "values", &mut |value| values.push(text(value)));
        let (key, operator) = (field(item, "key"), field(item, "operator"));
        match_expressions.push(LabelSelectorRequirement { key, operator, values });
    });
    LabelSelector { match_labels, match_expressions }
}
