//! `quota_usage.json`: [`quota`].

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::vector::{now, phase, resource_list_out};
use super::{Answer, Case, Checked, Unsupported, effective, unknown_kind};
use crate::base::SimDuration;
use crate::model::objects::{QuotaScope, QuotaScopeName, QuotaScopeOperator};
use crate::model::quota::{self, Scoped};
use crate::model::{QosClass, Strings, qos};

#[derive(Deserialize)]
struct PhaseIn {
    #[serde(default)]
    phase: String,
}

#[derive(Deserialize)]
struct Scopes {
    active_deadline_s: Option<i64>,
    priority_class: Option<String>,
    affinity: Option<Value>,
    selectors: Option<Vec<SelectorIn>>,
}

#[derive(Deserialize)]
struct SelectorIn {
    #[serde(rename = "scopeName")]
    name: String,
    #[serde(default)]
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

const SCOPES: [(&str, QuotaScopeName); 7] = [
    ("Terminating", QuotaScopeName::Terminating),
    ("NotTerminating", QuotaScopeName::NotTerminating),
    ("BestEffort", QuotaScopeName::BestEffort),
    ("NotBestEffort", QuotaScopeName::NotBestEffort),
    ("PriorityClass", QuotaScopeName::PriorityClass),
    ("CrossNamespacePodAffinity", QuotaScopeName::CrossNamespacePodAffinity),
    ("VolumeAttributesClass", QuotaScopeName::VolumeAttributesClass),
];

impl SelectorIn {
    fn build(&self, strings: &mut Strings) -> Result<QuotaScope, Unsupported> {
        let name = SCOPES.iter().find(|(text, _)| *text == self.name);
        let name = name.ok_or_else(|| Unsupported(format!("scope `{}`", self.name)))?.1;
        let operator = match self.operator.as_str() {
            "In" => QuotaScopeOperator::In,
            "NotIn" => QuotaScopeOperator::NotIn,
            "DoesNotExist" => QuotaScopeOperator::DoesNotExist,
            "" | "Exists" => QuotaScopeOperator::Exists,
            other => return Err(Unsupported(format!("operator `{other}`"))),
        };
        Ok(QuotaScope { name, operator, values: self.values.iter().map(|value| strings.intern(value)).collect() })
    }

    /// As the expectation writes it, which leaves out what is not asserted.
    fn out(&self, expected: &Value) -> Value {
        let all = [
            ("scope", json!(self.name)),
            ("scopeName", json!(self.name)),
            ("operator", json!(self.operator)),
            ("values", json!(self.values)),
        ];
        let written = |key: &str| expected.as_array().is_some_and(|list| list.iter().any(|one| one.get(key).is_some()));
        let is_empty = |value: &Value| value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        let all = all.into_iter().filter(|(key, value)| written(key) && !is_empty(value));
        Value::Object(all.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    }
}

/// The selectors of a fixture that names none.
fn usual_selectors() -> Vec<SelectorIn> {
    let plain = SCOPES.iter().filter(|(_, name)| *name != QuotaScopeName::VolumeAttributesClass);
    let of = |text: &str, name| {
        let of_class = name == QuotaScopeName::PriorityClass;
        let (operator, values) = if of_class { ("In", vec!["class1".to_owned()]) } else { ("", Vec::new()) };
        SelectorIn { name: text.to_owned(), operator: operator.to_owned(), values }
    };
    plain.map(|&(text, name)| of(text, name)).collect()
}

/// Whether a term names namespaces. Cases leave out objects that are empty, and so the `namespaceSelector: {}` of a term that
/// says nothing else.
fn crosses(affinity: &Value) -> bool {
    let lists = ["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"];
    let terms = ["podAffinity", "podAntiAffinity"]
        .into_iter()
        .filter_map(|kind| affinity.get(kind))
        .flat_map(|kind| lists.into_iter().filter_map(|list| kind.get(list)?.as_array()).flatten());
    terms.into_iter().any(|term| {
        let term = term.get("podAffinityTerm").unwrap_or(term);
        let named = term.get("namespaces").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
        named || term.get("namespaceSelector").is_some() || term.as_object().is_some_and(Map::is_empty)
    })
}

pub(super) fn answer(case: &Case) -> Checked {
    let pod = effective::input(case)?.pod()?;
    match case.kind.as_str() {
        "pod_usage" => {
            let PhaseIn { phase: text } = case.input()?;
            let counts = quota::counts(phase(&text), None, SimDuration::default(), now());
            let usage = quota::usage(&pod, counts);
            let expected = case.expected.get("usage").unwrap_or(&Value::Null);
            Ok(Answer::Complete(json!({"usage": resource_list_out(&usage, expected)})))
        }
        "scopes" => {
            let input: Scopes = case.input()?;
            let mut strings = Strings::new();
            let priority_class = input.priority_class.as_deref().filter(|name| !name.is_empty());
            let scoped = Scoped {
                has_deadline: input.active_deadline_s.is_some_and(|seconds| seconds >= 0),
                best_effort: qos::qos_class(&pod) == QosClass::BestEffort,
                priority_class: priority_class.map(|name| strings.intern(name)),
                cross_namespace_affinity: input.affinity.as_ref().is_some_and(crosses),
            };
            let expected = case.expected.get("matching").unwrap_or(&Value::Null);
            let mut matching = Vec::new();
            for selector in input.selectors.unwrap_or_else(usual_selectors) {
                if quota::in_scope(&scoped, &selector.build(&mut strings)?) {
                    matching.push(selector.out(expected));
                }
            }
            Ok(Answer::Complete(json!({"matching": matching})))
        }
        _ => unknown_kind(case),
    }
}
