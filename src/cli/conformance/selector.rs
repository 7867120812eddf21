//! `label_selector.json`: [`Selector`], parsed, from an object, and compiled.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Case, Checked, unknown_kind};
use crate::model::{LabelSelector, LabelSelectorRequirement, Selector, Strings};

#[derive(Deserialize)]
struct Input<S> {
    selector: S,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    #[serde(default)]
    match_labels: BTreeMap<String, String>,
    #[serde(default)]
    match_expressions: Vec<Expression>,
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

/// Whether it selects the labels; both forms must say the same.
fn matches(selector: &Selector, labels: &BTreeMap<String, String>) -> Value {
    let plain = selector.matches(|key| labels.get(key).map(String::as_str));
    let mut strings = Strings::new();
    let id = strings.intern_labels(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let compiled = selector.compile(&mut strings).matches(strings.labels(id), &strings);
    if plain == compiled { json!(plain) } else { json!({"plain": plain, "compiled": compiled}) }
}

pub(super) fn answer(case: &Case) -> Checked {
    let (selector, labels) = match case.kind.as_str() {
        "string_selector" => {
            let input: Input<String> = case.input()?;
            (Selector::parse(&input.selector), input.labels)
        }
        "label_selector_object" => {
            let input: Input<Option<Object>> = case.input()?;
            let object = input.selector.map(|object| LabelSelector {
                match_labels: object.match_labels,
                match_expressions: (object.match_expressions.into_iter())
                    .map(|Expression { key, operator, values }| LabelSelectorRequirement { key, operator, values })
                    .collect(),
            });
            (Selector::from_object(object.as_ref()), input.labels)
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(match selector {
        Ok(selector) => json!({
            "matches": matches(&selector, &labels.unwrap_or_default()),
            "normal_form": selector.to_string(),
        }),
        Err(error) => json!({"matches": "error", "normal_form": error}),
    }))
}
