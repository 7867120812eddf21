//! `eviction_thresholds.json` and `eviction_ranking.json`: [`eviction`](crate::kubelet::eviction), and
//! [`model::eviction`](crate::model::eviction) for how thresholds are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::quantity;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{Quantity, SimDuration};
use crate::kubelet::eviction::{self, Candidate, Observation, is_met};
use crate::model::eviction::{Signal, Statements, Threshold, ThresholdValue, percentage};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    hard: BTreeMap<String, String>,
    soft: BTreeMap<String, String>,
    soft_grace: BTreeMap<String, String>,
    min_reclaim: BTreeMap<String, String>,
    enforce_node_allocatable: Vec<String>,
}

#[derive(Deserialize)]
struct ThresholdIn {
    signal: String,
    #[serde(default)]
    grace_s: i64,
    value: String,
    #[serde(default)]
    min_reclaim: Option<String>,
}

#[derive(Deserialize)]
struct ObservationIn {
    available: String,
    #[serde(default)]
    capacity: Option<String>,
}

#[derive(Deserialize)]
struct Met {
    enforce_min_reclaim: bool,
    thresholds: Vec<ThresholdIn>,
    observations: BTreeMap<String, ObservationIn>,
}

fn signal(text: &str) -> Result<Signal, Unsupported> {
    Signal::parse(text).ok_or_else(|| Unsupported(format!("signal `{text}`")))
}

fn value(text: &str) -> Result<ThresholdValue, Unsupported> {
    if text.ends_with('%') {
        percentage(text).map(ThresholdValue::Fraction).map_err(Unsupported)
    } else {
        quantity(text).map(ThresholdValue::Quantity)
    }
}

impl ThresholdIn {
    fn build(&self) -> Result<Threshold, Unsupported> {
        Ok(Threshold {
            signal: signal(&self.signal)?,
            value: value(&self.value)?,
            grace: SimDuration::from_secs(self.grace_s),
            min_reclaim: self.min_reclaim.as_deref().map(value).transpose()?,
        })
    }
}

fn value_out(value: ThresholdValue) -> Value {
    match value {
        ThresholdValue::Quantity(quantity) => json!(quantity.to_string()),
        ThresholdValue::Fraction(part) => json!(format!("{:.1}%", part * 100.0)),
    }
}

/// The thresholds in the order in which they are expected: a configuration has none.
fn thresholds_out(thresholds: &[Threshold], expected: &Value) -> Value {
    let out = |threshold: &Threshold| {
        let mut out = json!({
            "signal": threshold.signal.text(),
            "grace_s": threshold.grace.whole_secs(),
            "value": value_out(threshold.value),
        });
        if let Some(reclaim) = threshold.min_reclaim {
            out["min_reclaim"] = value_out(reclaim);
        }
        out
    };
    let wanted = expected["thresholds"].as_array().cloned().unwrap_or_default();
    let mut found: Vec<Value> = thresholds.iter().map(out).collect();
    found.sort_by_key(|found| wanted.iter().position(|wanted| wanted == found).unwrap_or(wanted.len()));
    json!({"thresholds": found})
}

fn parse(case: &Case) -> Checked {
    let input: Config = case.input()?;
    fn pairs(map: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
        map.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }
    let parsed = Statements {
        hard: &pairs(&input.hard),
        soft: &pairs(&input.soft),
        soft_grace: &pairs(&input.soft_grace),
        min_reclaim: &pairs(&input.min_reclaim),
        enforce_pods: input.enforce_node_allocatable.iter().any(|what| what == "pods"),
    }
    .parse();
    Ok(Answer::Complete(match parsed {
        Ok(thresholds) => thresholds_out(&thresholds, &case.expected),
        Err(_) => json!({"error": true}),
    }))
}

pub(super) fn thresholds(case: &Case) -> Checked {
    let found = match case.kind.as_str() {
        "parse" => return parse(case),
        "parse_percentage" => {
            #[derive(Deserialize)]
            struct Text {
                text: String,
            }
            match percentage(&case.input::<Text>()?.text) {
                // Upstream counts with 32 bits; what is written is the shortest text of that number.
                Ok(part) => json!({"error": false, "fraction": part.to_string().parse::<f64>().unwrap_or(f64::NAN)}),
                Err(_) => json!({"error": true, "fraction": null}),
            }
        }
        "processing_order" => {
            #[derive(Deserialize)]
            struct Signals {
                signals: Vec<String>,
            }
            let input: Signals = case.input()?;
            let threshold = |name: &String| {
                let value = ThresholdValue::Quantity(Quantity::ZERO);
                Ok(Threshold { signal: signal(name)?, value, grace: SimDuration::ZERO, min_reclaim: None })
            };
            let mut thresholds: Vec<Threshold> = input.signals.iter().map(threshold).collect::<Result<_, _>>()?;
            eviction::sort_by_priority(&mut thresholds);
            json!({"order": thresholds.iter().map(|threshold| threshold.signal.text()).collect::<Vec<_>>()})
        }
        "met" => {
            let input: Met = case.input()?;
            let mut met = Vec::new();
            for given in &input.thresholds {
                let threshold = given.build()?;
                let Some(observed) = input.observations.get(&given.signal) else { continue };
                let capacity = observed.capacity.as_deref().map(quantity).transpose()?.unwrap_or_default();
                let observed = Observation { available: quantity(&observed.available)?, capacity };
                if is_met(&threshold, &observed, input.enforce_min_reclaim) {
                    met.push(threshold.signal.text());
                }
            }
            json!({"count": met.len(), "met": met})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(found))
}

#[derive(Deserialize)]
struct PodIn {
    name: String,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    request: String,
    #[serde(default)]
    usage: Option<String>,
    #[serde(default)]
    root: String,
    #[serde(default)]
    logs: String,
    #[serde(default)]
    vol: String,
    #[serde(default)]
    count: Option<i64>,
}

#[derive(Deserialize)]
struct Ranking {
    #[serde(default)]
    layout: String,
    pods: Vec<PodIn>,
}

/// An amount; the empty text is none.
fn amount(text: &str) -> Result<Option<i64>, Unsupported> {
    if text.is_empty() { Ok(None) } else { quantity(text).map(|quantity| Some(quantity.value())) }
}

fn disk_usage(pod: &PodIn, layout: &str) -> Result<Option<i64>, Unsupported> {
    let parts: &[&String] = match layout {
        "nodefs_single_disk" => &[&pod.root, &pod.logs, &pod.vol],
        "nodefs_with_imagefs" => &[&pod.logs, &pod.vol],
        "imagefs" => &[&pod.root],
        other => return Err(Unsupported(format!("layout `{other}`"))),
    };
    let known: Vec<i64> =
        parts.iter().map(|text| amount(text)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    Ok((!known.is_empty()).then(|| known.iter().sum()))
}

pub(super) fn ranking(case: &Case) -> Checked {
    let input: Ranking = case.input()?;
    let compare = match case.kind.as_str() {
        "memory" | "disk" => eviction::by_use_above_request,
        "inodes" => eviction::by_inodes,
        "pid" => eviction::by_processes,
        _ => return unknown_kind(case),
    };
    let mut pods = Vec::new();
    for pod in &input.pods {
        let usage = match case.kind.as_str() {
            "memory" => amount(pod.usage.as_deref().unwrap_or(""))?,
            "pid" => pod.count,
            _ => disk_usage(pod, &input.layout)?,
        };
        let request = amount(&pod.request)?.unwrap_or(0);
        pods.push((pod.name.as_str(), Candidate { priority: pod.priority, usage, request }));
    }
    pods.sort_by(|(_, a), (_, b)| compare(a, b));
    let order: Vec<&str> = pods.iter().map(|(name, _)| *name).collect();
    Ok(Answer::Complete(json!({"eviction_order": order})))
}
