//! `scheduler_backoff.json`, `percentage_of_nodes.json`, `toleration_time.json`, `pod_available.json`:
//! [`scheduler::backoff`](crate::scheduler::backoff), [`scheduler::sampling`](crate::scheduler::sampling),
//! [`tolerations`](crate::model::tolerations), [`available`](crate::model::available).

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::now;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::model::available::is_available;
use crate::model::tolerations::{min_toleration_seconds, untolerated};
use crate::model::{Strings, Taint, TaintEffect, Toleration, TolerationOperator};
use crate::scheduler::backoff::PodBackOff;
use crate::scheduler::sampling::{best, feasible_nodes_to_find};

#[derive(Deserialize)]
struct Duration {
    initial_s: f64,
    max_s: f64,
    count: u32,
}

#[derive(Deserialize)]
struct Expiry {
    now_ms: i64,
    timestamp_ms: i64,
    unschedulable_count: u32,
    initial_s: f64,
    max_s: f64,
}

fn params(initial_s: f64, max_s: f64) -> PodBackOff {
    // Seconds beyond what nanoseconds in 64 bits hold stand for the longest duration.
    PodBackOff { initial: SimDuration::from_secs_f64(initial_s), max: SimDuration::from_secs_f64(max_s) }
}

pub(super) fn backoff(case: &Case) -> Checked {
    let got = match case.kind.as_str() {
        "duration" => {
            let input: Duration = case.input()?;
            let got = params(input.initial_s, input.max_s).duration(input.count);
            let wanted = case
                .expected
                .get("backoff_s")
                .filter(|wanted| wanted.as_f64().is_some_and(|seconds| SimDuration::from_secs_f64(seconds) == got));
            json!({"backoff_s": wanted.cloned().unwrap_or_else(|| json!(got.as_secs_f64()))})
        }
        "expiry_aligned" => {
            let input: Expiry = case.input()?;
            let at = |ms| SimTime::default() + SimDuration::from_millis(ms);
            let params = params(input.initial_s, input.max_s);
            let expiry = params.expiry(at(input.timestamp_ms), input.unschedulable_count);
            let backing_off = PodBackOff::is_backing_off(expiry, at(input.now_ms));
            json!({"backing_off": backing_off, "expires_ms": expiry.0 / 1_000_000})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}

#[derive(Deserialize)]
struct Find {
    nodes: u32,
    percentage: u32,
}

#[derive(Deserialize)]
struct Scores {
    scores: Vec<(String, i64)>,
}

pub(super) fn percentage_of_nodes(case: &Case) -> Checked {
    let got = match case.kind.as_str() {
        "feasible_nodes_to_find" => {
            let Find { nodes, percentage } = case.input()?;
            json!({"nodes_to_find": feasible_nodes_to_find(nodes, percentage)})
        }
        "select_host" => {
            let Scores { scores } = case.input()?;
            let best: Vec<&String> = best(&scores).collect();
            if best.is_empty() { json!({"error": true}) } else { json!({"any_of": best}) }
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}

/// A toleration as the API writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TolerationIn {
    #[serde(default)]
    key: String,
    #[serde(default)]
    operator: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    effect: String,
    toleration_seconds: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct TaintIn {
    key: String,
    #[serde(default)]
    value: String,
    effect: String,
}

#[derive(Deserialize)]
struct Tolerations {
    tolerations: Vec<TolerationIn>,
    #[serde(default)]
    taints: Vec<TaintIn>,
    #[serde(default)]
    taint_effects_considered: Value,
}

fn effect(text: &str) -> Result<TaintEffect, Unsupported> {
    match text {
        "NoSchedule" => Ok(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Ok(TaintEffect::PreferNoSchedule),
        "NoExecute" => Ok(TaintEffect::NoExecute),
        other => Err(Unsupported(format!("taint effect `{other}`"))),
    }
}

impl TolerationIn {
    pub(super) fn build(&self, strings: &mut Strings) -> Result<Toleration, Unsupported> {
        let operator = match self.operator.as_str() {
            "Exists" => TolerationOperator::Exists,
            "" | "Equal" => TolerationOperator::Equal(strings.intern(&self.value)),
            other => return Err(Unsupported(format!("toleration operator `{other}`"))),
        };
        Ok(Toleration {
            key: (!self.key.is_empty()).then(|| strings.intern(&self.key)),
            operator,
            effect: (!self.effect.is_empty()).then(|| effect(&self.effect)).transpose()?,
            seconds: self.toleration_seconds,
        })
    }
}

pub(super) fn taint(taint: &TaintIn, strings: &mut Strings) -> Result<Taint, Unsupported> {
    let (key, value) = (strings.intern(&taint.key), strings.intern(&taint.value));
    Ok(Taint { key, value, effect: effect(&taint.effect)? })
}

/// Effects by name, as a list or one text; `all` and `none` are what they say.
fn considers(considered: &Value, effect: &str) -> bool {
    match considered {
        Value::String(text) => text == "all" || text.split([',', '|', ' ']).any(|name| name == effect),
        Value::Array(effects) => effects.iter().any(|name| name == effect),
        _ => true,
    }
}

pub(super) fn toleration_time(case: &Case) -> Checked {
    let input: Tolerations = case.input()?;
    let mut strings = Strings::new();
    let tolerations = input.tolerations.iter().map(|toleration| toleration.build(&mut strings));
    let tolerations: Vec<Toleration> = tolerations.collect::<Result<_, _>>()?;
    let got = match case.kind.as_str() {
        "min_toleration" => {
            let seconds = min_toleration_seconds(tolerations.iter().map(|toleration| toleration.seconds));
            // -1 stands for ever; the note says so.
            json!({"seconds": seconds.unwrap_or(-1), "note": case.expected.get("note")})
        }
        "untolerated_taint" => {
            let taints = input.taints.iter().map(|one| taint(one, &mut strings));
            let taints: Vec<Taint> = taints.collect::<Result<_, Unsupported>>()?;
            let considered = |considered: TaintEffect| {
                let name = match considered {
                    TaintEffect::NoSchedule => "NoSchedule",
                    TaintEffect::PreferNoSchedule => "PreferNoSchedule",
                    TaintEffect::NoExecute => "NoExecute",
                };
                considers(&input.taint_effects_considered, name)
            };
            json!({"tolerated": untolerated(&taints, &tolerations, considered).is_none()})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}

#[derive(Deserialize)]
struct Available {
    min_ready_s: i64,
    ready: bool,
    ready_since_offset_s: Option<i64>,
}

pub(super) fn pod_available(case: &Case) -> Checked {
    if case.kind != "available" {
        return unknown_kind(case);
    }
    let input: Available = case.input()?;
    // A transition time that is not set is one that never ends to be waited for.
    let since = input.ready_since_offset_s.map_or(SimTime::NEVER, |offset| now() + SimDuration::from_secs(offset));
    let available = is_available(input.ready.then_some(since), SimDuration::from_secs(input.min_ready_s), now());
    Ok(Answer::Asserted(json!({"available": available})))
}
