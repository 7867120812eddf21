//! `hpa_replica_calc.json`, `hpa_group_pods.json` and `hpa_behavior.json`: [`replicas`] and [`rules`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::{now, phase, quantity};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::controllers::hpa::replicas::{
    self, Group, Member, NoProposal, PodMetric, Pods, Proposal, Readiness, Tolerances,
};
use crate::controllers::hpa::rules::{Bounds, Memory, change_within};
use crate::model::ConditionStatus;
use crate::model::objects::{HpaBehavior, HpaPolicy, HpaScalingRules, HpaSelectPolicy};

pub(super) fn secs(seconds: i64) -> SimDuration {
    SimDuration::from_secs(seconds)
}

/// The time over which cases measure.
pub(super) const WINDOW: SimDuration = SimDuration::from_secs(60);
/// What cases call long ago.
pub(super) const LONG_AGO: SimTime = SimTime(0);

/// A pod as cases of the calculator and of whole syncs write it.
#[derive(Deserialize)]
pub(super) struct PodIn {
    phase: String,
    ready: String,
    start_offset_s: Option<i64>,
    deleting: bool,
    #[serde(alias = "cpu_request")]
    request_per_container: Option<String>,
}

pub(super) fn condition(text: &str) -> ConditionStatus {
    match text {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

impl PodIn {
    /// `ready_since`: when it is not the time at which the pod started.
    pub(super) fn member(&self, ready_since: Option<SimTime>, metric: Option<PodMetric>) -> Member {
        let started = self.start_offset_s.map_or(LONG_AGO, |offset| now() + secs(offset));
        Member {
            phase: phase(&self.phase),
            deleting: self.deleting,
            started: Some(started),
            ready: Some((condition(&self.ready), ready_since.unwrap_or(started))),
            metric,
        }
    }

    /// What a container requests of cpu, in thousandths.
    pub(super) fn request(&self) -> Result<Option<i64>, Unsupported> {
        Ok(self.request_per_container.as_deref().map(quantity).transpose()?.map(|amount| amount.milli_value()))
    }
}

/// Requests of pods of `containers` containers that count, or upstream's text.
pub(super) fn requests(
    pods: &[PodIn],
    resource: &str,
    containers: i64,
) -> Result<Result<Vec<i64>, Box<str>>, Unsupported> {
    let mut all = Vec::new();
    for (at, pod) in pods.iter().enumerate() {
        match pod.request()?.filter(|_| resource == "cpu") {
            Some(request) => all.push(request * containers),
            None => {
                let text = format!("missing request for {resource} in container container1 of Pod test-pod-{at}");
                return Ok(Err(text.into()));
            }
        }
    }
    Ok(Ok(all))
}

#[derive(Deserialize)]
struct Calculate {
    current_replicas: i32,
    tolerance_up: f64,
    tolerance_down: f64,
    cpu_initialization_period_s: i64,
    initial_readiness_delay_s: i64,
    pods: Vec<PodIn>,
    metric_pod_names: Option<Vec<String>>,
    metric: String,
    #[serde(default)]
    resource: String,
    target_utilization_pct: Option<i32>,
    #[serde(default)]
    usage_per_pod_per_container_milli: Vec<Vec<i64>>,
    container: Option<String>,
    #[serde(default)]
    usage_milli: Vec<i64>,
    #[serde(alias = "target_average_milli")]
    target_milli: Option<i64>,
}

fn proposal_out(found: Result<Proposal, NoProposal>) -> Value {
    match found {
        Ok(Proposal { replicas, usage, average }) => match average {
            Some(average) => json!({"replicas": replicas, "utilization_pct": usage, "average_raw_milli": average}),
            None => json!({"replicas": replicas, "usage_milli": usage, "average_raw_milli": usage}),
        },
        Err(error) => json!({"error": error.to_string()}),
    }
}

pub(super) fn replica_calc(case: &Case) -> Checked {
    if case.kind != "replicas" {
        return unknown_kind(case);
    }
    let input: Calculate = case.input()?;
    let container = match input.container.as_deref() {
        None | Some("") => None,
        Some(name) => {
            let number = name.strip_prefix("container").and_then(|number| number.parse::<usize>().ok());
            Some(number.ok_or_else(|| Unsupported(format!("container `{name}`")))? - 1)
        }
    };
    let is_resource = input.metric == "Resource";
    let per_pod: Vec<Option<i64>> = if is_resource {
        let of = |usage: &Vec<i64>| match container {
            Some(at) => usage.get(at).copied(),
            None => Some(usage.iter().sum()),
        };
        input.usage_per_pod_per_container_milli.iter().map(of).collect()
    } else {
        input.usage_milli.iter().map(|&usage| Some(usage)).collect()
    };
    // Metrics have the names of the pods in order, unless the case gives them others.
    let is_named = |at: usize| match &input.metric_pod_names {
        Some(names) => names.get(at).is_none_or(|name| *name == format!("test-pod-{at}")),
        None => at < input.pods.len(),
    };
    let measured = |at: usize| per_pod.get(at).copied().flatten().filter(|_| is_named(at));
    let strangers: Vec<i64> =
        (0..per_pod.len()).filter(|&at| at >= input.pods.len() || !is_named(at)).filter_map(|at| per_pod[at]).collect();
    let members = input.pods.iter().enumerate().map(|(at, pod)| {
        let metric = measured(at).map(|value| PodMetric { value, at: LONG_AGO, window: WINDOW });
        pod.member(Some(LONG_AGO), metric)
    });
    let members: Vec<Member> = members.collect();
    let tolerances = Tolerances { up: input.tolerance_up, down: input.tolerance_down };
    let readiness = Readiness {
        cpu_initialization: secs(input.cpu_initialization_period_s),
        initial_delay: secs(input.initial_readiness_delay_s),
    };
    let current = input.current_replicas;
    let pods = Pods { members: &members, strangers: &strangers, current, tolerances, readiness, now: now() };
    let target = || input.target_milli.ok_or_else(|| Unsupported("no target".to_owned()));
    let usage = replicas::total(&input.usage_milli);
    let found = match input.metric.as_str() {
        "Resource" if input.usage_per_pod_per_container_milli.is_empty() => {
            let error = "no metrics returned from resource metrics API";
            return Ok(Answer::Asserted(json!({
                "error": format!("unable to get metrics for resource {}: {error}", input.resource)
            })));
        }
        "Resource" => {
            let (is_cpu, counted) = (input.resource == "cpu", if container.is_some() { 1 } else { 2 });
            match input.target_utilization_pct {
                Some(percent) => {
                    let requests = requests(&input.pods, &input.resource, counted)?;
                    pods.by_utilization(is_cpu, percent, || requests)
                }
                None => pods.by_average(is_cpu, target()?),
            }
        }
        "Pods" => pods.by_average(false, target()?),
        "Object.Value" | "External.Value" => pods.by_value(usage, target()?),
        "Object.AverageValue" | "External.AverageValue" => {
            Ok(replicas::by_value_per_pod(usage, target()?, current, tolerances))
        }
        other => return Err(Unsupported(format!("metric `{other}`"))),
    };
    Ok(Answer::Asserted(proposal_out(found)))
}

#[derive(Deserialize)]
struct GroupPods {
    resource: String,
    pods: Vec<NamedIn>,
    metrics: BTreeMap<String, MetricIn>,
    cpu_initialization_period_s: i64,
    initial_readiness_delay_s: i64,
}

#[derive(Deserialize)]
struct NamedIn {
    name: String,
    phase: String,
    deleting: bool,
    start_offset_s: Option<i64>,
    ready: Option<ReadyIn>,
}

#[derive(Deserialize)]
struct ReadyIn {
    status: String,
    since_offset_s: Option<i64>,
}

#[derive(Deserialize)]
struct MetricIn {
    value: i64,
    timestamp_offset_s: Option<i64>,
    window_s: i64,
}

#[derive(Deserialize)]
struct Ratio {
    usage: BTreeMap<String, i64>,
    #[serde(default)]
    requests: BTreeMap<String, i64>,
    #[serde(alias = "target_pct", alias = "target_usage", alias = "target_milli")]
    target: i64,
}

pub(super) fn group_pods(case: &Case) -> Checked {
    let at = |offset: Option<i64>| offset.map_or(LONG_AGO, |offset| now() + secs(offset));
    let got = match case.kind.as_str() {
        "group" => {
            let input: GroupPods = case.input()?;
            let readiness = Readiness {
                cpu_initialization: secs(input.cpu_initialization_period_s),
                initial_delay: secs(input.initial_readiness_delay_s),
            };
            let groups = input.pods.iter().map(|pod| {
                let metric = input.metrics.get(&pod.name).map(|metric| PodMetric {
                    value: metric.value,
                    at: at(metric.timestamp_offset_s),
                    window: secs(metric.window_s),
                });
                let member = Member {
                    phase: phase(&pod.phase),
                    deleting: pod.deleting,
                    started: pod.start_offset_s.map(|offset| now() + secs(offset)),
                    ready: pod.ready.as_ref().map(|ready| (condition(&ready.status), at(ready.since_offset_s))),
                    metric,
                };
                (pod.name.as_str(), replicas::group(&member, input.resource == "cpu", readiness, now()))
            });
            let groups: Vec<(&str, Group)> = groups.collect();
            let of = |wanted: Group| {
                let mut names: Vec<&str> =
                    groups.iter().filter(|(_, group)| *group == wanted).map(|(name, _)| *name).collect();
                names.sort_unstable();
                names
            };
            json!({
                "ready_count": of(Group::Ready).len(),
                "unready": of(Group::Unready),
                "missing": of(Group::Missing),
                "ignored": of(Group::Ignored),
            })
        }
        "utilization_ratio" => {
            let input: Ratio = case.input()?;
            let known = |(name, usage): (&String, &i64)| Some((*usage, *input.requests.get(name)?));
            let percent = i32::try_from(input.target).map_err(|error| Unsupported(error.to_string()))?;
            match replicas::utilization(input.usage.iter().filter_map(known), percent) {
                Ok((ratio, current, average)) => {
                    json!({"ratio": ratio, "current_pct": current, "average_raw": average})
                }
                Err(error) => json!({"error": error.to_string()}),
            }
        }
        "usage_ratio" => {
            let input: Ratio = case.input()?;
            let values: Vec<i64> = input.usage.values().copied().collect();
            let (ratio, mean) = replicas::mean_ratio(&values, input.target);
            json!({"ratio": ratio, "current": mean, "current_usage": mean, "usage": mean, "average_raw": mean})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}

#[derive(Deserialize)]
pub(super) struct Recommended {
    replicas: i32,
    age_s: i64,
}

impl Recommended {
    pub(super) fn list(all: &[Self]) -> Vec<(i32, SimTime)> {
        all.iter().map(|one| (one.replicas, now() - secs(one.age_s))).collect()
    }
}

#[derive(Deserialize)]
struct EventIn {
    replica_change: i32,
    age_s: i64,
}

fn events(all: &[EventIn]) -> Vec<(i32, SimTime)> {
    all.iter().map(|one| (one.replica_change, now() - secs(one.age_s))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyIn {
    #[serde(rename = "type")]
    kind: String,
    value: i32,
    period_seconds: i32,
}

/// Rules of one direction in API form; what is not set is as the API server sets it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RulesIn {
    stabilization_window_seconds: Option<i32>,
    select_policy: Option<String>,
    policies: Option<Vec<PolicyIn>>,
    pub(super) tolerance: Option<String>,
}

impl RulesIn {
    fn over(given: Option<&Self>, mut rules: HpaScalingRules) -> Result<HpaScalingRules, Unsupported> {
        let Some(given) = given else { return Ok(rules) };
        if given.stabilization_window_seconds.is_some() {
            rules.stabilization_window_seconds = given.stabilization_window_seconds;
        }
        rules.select = match given.select_policy.as_deref() {
            None => rules.select,
            Some("Max") => HpaSelectPolicy::Max,
            Some("Min") => HpaSelectPolicy::Min,
            Some("Disabled") => HpaSelectPolicy::Disabled,
            Some(other) => return Err(Unsupported(format!("selectPolicy `{other}`"))),
        };
        if let Some(policies) = &given.policies {
            let build = |policy: &PolicyIn| HpaPolicy {
                percent: policy.kind == "Percent",
                value: policy.value,
                period_seconds: policy.period_seconds,
            };
            rules.policies = policies.iter().map(build).collect();
        }
        Ok(rules)
    }

    pub(super) fn behavior(up: Option<&Self>, down: Option<&Self>) -> Result<HpaBehavior, Unsupported> {
        Ok(HpaBehavior {
            up: Self::over(up, HpaScalingRules::default_up())?,
            down: Self::over(down, HpaScalingRules::default_down())?,
        })
    }
}

#[derive(Deserialize)]
struct Stabilize {
    #[serde(default)]
    current: i32,
    desired: i32,
    previous_recommendations: Vec<Recommended>,
    #[serde(default)]
    window_s: i64,
    #[serde(default)]
    up_window_s: i64,
    #[serde(default)]
    down_window_s: i64,
}

#[derive(Deserialize)]
struct Apply {
    current: i32,
    desired: i32,
    min: i32,
    max: i32,
    scale_up: Option<RulesIn>,
    scale_down: Option<RulesIn>,
    scale_up_events: Vec<EventIn>,
    scale_down_events: Vec<EventIn>,
}

#[derive(Deserialize)]
struct Store {
    replica_change: i32,
    stored_before: Vec<EventIn>,
    rules: Option<RulesIn>,
    count_period_s: i32,
}

pub(super) fn behavior(case: &Case) -> Checked {
    let got = match case.kind.as_str() {
        "stabilize_legacy" | "stabilize_with_behavior" => {
            let input: Stabilize = case.input()?;
            let recommendations = Recommended::list(&input.previous_recommendations);
            let mut memory = Memory { recommendations, ..Memory::default() };
            let replicas = if case.kind == "stabilize_legacy" {
                memory.stabilize(input.desired, secs(input.window_s), now())
            } else {
                let windows = (secs(input.up_window_s), secs(input.down_window_s));
                memory.stabilize_by(input.desired, input.current, windows, now())
            };
            let stored: Vec<i32> = memory.recommendations.iter().map(|(replicas, _)| *replicas).collect();
            json!({"replicas": replicas, "log_length": stored.len(), "stored_recommendations": stored})
        }
        "apply_rules" => {
            let input: Apply = case.input()?;
            let memory = Memory {
                ups: events(&input.scale_up_events),
                downs: events(&input.scale_down_events),
                ..Memory::default()
            };
            let rules = RulesIn::behavior(input.scale_up.as_ref(), input.scale_down.as_ref())?;
            let bounds = Bounds { current: input.current, min: input.min, max: input.max };
            let found = memory.limit_by(input.desired, bounds, &rules, now());
            json!({"replicas": found.replicas, "condition_reason": found.reason})
        }
        "store_event" => {
            let input: Store = case.input()?;
            let rules = input.rules.as_ref().map(|rules| RulesIn::behavior(Some(rules), None)).transpose()?;
            let mut memory = Memory { ups: events(&input.stored_before), ..Memory::default() };
            let before = change_within(&memory.ups, input.count_period_s, now());
            memory.store(0, input.replica_change, rules.as_ref(), now());
            let stored: Vec<i32> = memory.ups.iter().map(|(change, _)| *change).collect();
            let mut out = json!({"stored_after_changes": stored});
            out[format!("change_in_last_{}s_before", input.count_period_s)] = json!(before);
            out
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}
