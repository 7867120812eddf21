//! Edits that a user can apply: a `--set` for the scenario, or a field of a manifest with its new value.

use serde::Serialize;
use serde_json::Value as Json;

use crate::cli::args::ExplainArgs;
use crate::model::Strings;
use crate::sim::plan::{ArrivalSource, Plan, Workload};

/// One edit.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Edit {
    /// A key of the scenario, as `--set` takes it.
    Set { set: String },
    /// A field of an object.
    Field {
        /// `pod default/web`, `node worker-1`, or `scenario`.
        object: String,
        /// Keys, and positions in lists.
        path: Vec<Json>,
        op: Op,
        #[serde(skip_serializing_if = "Json::is_null")]
        value: Json,
    },
    /// An object that is added.
    Create { create: Json },
    /// An object that is to go.
    Delete { delete: String },
}

/// What is done to a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Op {
    /// It gets this value, whatever it had.
    Set,
    /// The list, which may be missing, gets one more entry.
    Append,
    /// It is taken away, if it is there.
    Remove,
}

impl Edit {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Set { set } if set.contains([' ', '{', '"']) => format!("--set '{set}'"),
            Self::Set { set } => format!("--set {set}"),
            Self::Create { create } => format!("add {}", flow(create)),
            Self::Delete { delete } => format!("kubectl delete {delete}"),
            Self::Field { object, path, op, value } => {
                let place = if object.starts_with("pod ") { String::new() } else { format!("{object}: ") };
                let path = dotted(path);
                match op {
                    Op::Set => format!("{place}{path}: {}", flow(value)),
                    Op::Append => format!("{place}{path}: add {}", flow(value)),
                    Op::Remove => format!("{place}{path}: remove"),
                }
            }
        }
    }
}

/// `spec.containers[0].resources`, with keys that hold dots in brackets.
fn dotted(path: &[Json]) -> String {
    let mut text = String::new();
    for part in path {
        match part {
            Json::String(key) if key.contains(['.', '/']) => text.push_str(&format!("[\"{key}\"]")),
            Json::String(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            number => text.push_str(&format!("[{number}]")),
        }
    }
    text
}

/// YAML on one line.
fn flow(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            // As manifests are usually written; all else in the order of the alphabet.
            let usual = ["apiVersion", "kind", "metadata", "key", "operator", "value", "effect"];
            let usual = |key: &str| usual.iter().position(|other| *other == key);
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| usual(key).unwrap_or(usize::MAX));
            let fields: Vec<String> =
                fields.into_iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        // What YAML would read as something else than a text is quoted.
        Json::String(text) => {
            let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
                && text.parse::<f64>().is_err()
                && !matches!(
                    text.to_lowercase().as_str(),
                    "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
                );
            if plain { text.clone() } else { Json::String(text.clone()).to_string() }
        }
        other => other.to_string(),
    }
}

/// Where the pod is described.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Source {
    /// In a manifest.
    Manifest,
    /// In the scenario: the place of its `template`.
    Template(Vec<Json>),
    /// In a row of a trace.
    Trace,
}

/// The scenario as it is written, for the places of its keys.
#[derive(Debug)]
pub(super) struct Written {
    table: toml::Table,
    pub args: ExplainArgs,
}

impl Written {
    pub(super) fn new(args: &ExplainArgs) -> Self {
        // It was read without errors a moment ago.
        let text = std::fs::read_to_string(&args.scenario).unwrap_or_default();
        Self { table: text.parse().unwrap_or_default(), args: args.clone() }
    }

    /// The names of the node pools, in order.
    pub(super) fn pools(&self) -> Vec<String> {
        let pools = self.table.get("node_pool").and_then(toml::Value::as_array);
        let name = |pool: &toml::Value| pool.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        pools.map(|pools| pools.iter().map(name).collect()).unwrap_or_default()
    }

    /// Where the pods of a workload are described.
    pub(super) fn source(
        &self,
        plan: &Plan,
        workload: crate::model::WorkloadId,
        template: crate::model::TemplateId,
    ) -> Source {
        let Some(index) = plan.arrivals.iter().position(|arrival| arrival.workload == workload) else {
            return Source::Manifest;
        };
        let ArrivalSource::Generated { templates, .. } = &plan.arrivals[index].source else { return Source::Trace };
        let number = templates.iter().position(|&one| one == template).unwrap_or(0);
        let arrivals = self.table.get("arrivals").and_then(toml::Value::as_array);
        match arrivals.and_then(|arrivals| arrivals.get(index)?.get("template")) {
            Some(toml::Value::Array(_)) => {
                Source::Template(vec!["arrivals".into(), index.into(), "template".into(), number.into()])
            }
            Some(_) => Source::Template(vec!["arrivals".into(), index.into(), "template".into()]),
            None => Source::Manifest,
        }
    }
}

/// An edit of a key of the scenario: a `--set` wherever the key can be written with dots.
pub(super) fn scenario(path: &[Json], key: &str, op: Op, value: Json) -> Edit {
    let mut path = path.to_vec();
    path.push(key.into());
    let plain = |part: &Json| part.as_str().is_none_or(|key| !key.contains('.'));
    if op == Op::Set && path.iter().all(plain) && !value.is_object() && !value.is_array() {
        let dotted: Vec<String> =
            path.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
        // A text that looks like a number must be seen to be a text.
        let plain = value.as_str().filter(|text| text.parse::<f64>().is_err());
        let value = plain.map_or_else(|| value.to_string(), str::to_owned);
        return Edit::Set { set: format!("{}={value}", dotted.join(".")) };
    }
    Edit::Field { object: "scenario".to_owned(), path, op, value }
}

/// `default/web` of a workload's pod.
pub(super) fn full_name(strings: &Strings, workload: &Workload, ordinal: u32) -> String {
    format!("{}/{}", strings.text(workload.namespace), workload.pod_name(strings, ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn edits_are_written_as_a_user_writes_them() {
        let field = |path: Json, op, value| Edit::Field {
            object: "pod default/web".to_owned(),
            path: path.as_array().expect("a list").clone(),
            op,
            value,
        };
        let cases = [
            (
                field(json!(["spec", "containers", 0, "resources"]), Op::Set, json!("500m")),
                "spec.containers[0].resources: 500m",
            ),
            (field(json!(["spec", "cpu"]), Op::Set, json!("2")), "spec.cpu: \"2\""),
            (
                field(
                    json!(["spec", "tolerations"]),
                    Op::Append,
                    json!({"value": "yes", "key": "a/b", "effect": "NoSchedule"}),
                ),
                "spec.tolerations: add {key: a/b, value: \"yes\", effect: NoSchedule}",
            ),
            (
                field(json!(["spec", "nodeSelector", "a.b/c"]), Op::Remove, Json::Null),
                "spec.nodeSelector[\"a.b/c\"]: remove",
            ),
            (scenario(&[json!("node_pool"), json!(0)], "count", Op::Set, json!(4)), "--set node_pool.0.count=4"),
            (
                scenario(&[json!("node_pool"), json!(0), json!("labels")], "a.b/c", Op::Set, json!("x")),
                "scenario: node_pool[0].labels[\"a.b/c\"]: x",
            ),
        ];
        for (edit, text) in cases {
            assert_eq!(edit.text(), text);
        }
    }
}
