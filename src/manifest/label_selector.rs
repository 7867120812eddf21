//! Label selectors of objects. Mirrors ValidateLabelSelector of
//! staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::meta::check_labels;
use super::schema;
use super::tree::Entry;
use crate::diag::did_you_mean;
use crate::model::names::{go_quote, label_key_errors, label_value_errors};
use crate::model::{CompiledSelector, LabelSelector, LabelSelectorRequirement, Selector};

const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

/// Reads a label selector. `None` if it is not usable, which is reported.
pub(super) fn read(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) -> Option<CompiledSelector> {
    let example = "write `matchLabels: {app: web}` under it";
    let fields = cx.fields(&entry.value, entry.key_at, path, &schema::LABEL_SELECTOR, example)?;
    let errors = cx.errors;
    let labels = check_labels(cx, &fields, "matchLabels");
    let match_labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut object = LabelSelector { match_labels, ..LabelSelector::default() };
    let list_path = path.field("matchExpressions");
    for (index, node) in fields.list(cx, "matchExpressions", "v1.LabelSelectorRequirement").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {key: app, operator: In, values: [web]}`";
        let schema = &schema::LABEL_SELECTOR_REQUIREMENT;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        object.match_expressions.push(requirement(cx, &fields));
    }
    if cx.errors > errors {
        return None;
    }
    Selector::from_object(Some(&object)).ok().map(|selector| selector.compile(&mut cx.words.strings))
}

fn requirement(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> LabelSelectorRequirement {
    let code = codes::BAD_LABEL_SELECTOR;
    let values_path = fields.path.field("values");
    let nodes = fields.list(cx, "values", "string");
    let mut values = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = values_path.index(index);
        let value = cx.text(node, &path, "LabelSelectorRequirement", "string").unwrap_or("");
        let help = "label values have at most 63 letters, digits, `-`, `_` and `.`";
        cx.invalid_text(code, node.at, &path, value, label_value_errors(value), help);
        values.push(value.to_owned());
    }
    let key = fields.text(cx, "key").unwrap_or("").to_owned();
    let operator = fields.text(cx, "operator").unwrap_or("").to_owned();
    let at = fields.at("values");
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let text = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
            cx.invalid(code, at, &values_path, text, "no values", "add `values: [web]`, or write `operator: Exists`");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let text = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            cx.invalid(code, at, &values_path, text, "not compared", "remove `values`, or write `operator: In`");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => {
            let help = match did_you_mean(other, OPERATORS.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write one of {}", OPERATORS.join(", ")),
            };
            let text = format!("Invalid value: {}: not a valid selector operator", go_quote(other));
            cx.invalid(code, fields.at("operator"), &fields.path.field("operator"), &text, "not an operator", &help);
        }
    }
    let help = "label keys are a name, or a domain, a slash and a name: app or example.com/app";
    cx.invalid_text(code, fields.at("key"), &fields.path.field("key"), &key, label_key_errors(&key), help);
    LabelSelectorRequirement { key, operator, values }
}
