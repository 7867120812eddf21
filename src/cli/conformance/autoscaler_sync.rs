//! `hpa_end_to_end.json`: [`decide`], with metrics in the form of the API.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::autoscaler::{PodIn, Recommended, RulesIn, WINDOW, requests, secs};
use super::vector::{now, quantity};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::controllers::hpa::decide::decide;
use crate::controllers::hpa::replicas::{self, Member, NoProposal, PodMetric, Pods, Proposal, Readiness, Tolerances};
use crate::controllers::hpa::rules::{Bounds, Memory};

#[derive(Deserialize)]
struct Input {
    min_replicas: i32,
    max_replicas: i32,
    spec_replicas: i32,
    status_replicas: i32,
    cpu_target_pct: Option<i32>,
    metrics: Option<Vec<MetricIn>>,
    reported_levels_milli: Vec<i64>,
    pods: Vec<PodIn>,
    tolerance: f64,
    cpu_initialization_period_s: i64,
    initial_readiness_delay_s: i64,
    downscale_stabilization_s: i64,
    scale_up: Option<RulesIn>,
    scale_down: Option<RulesIn>,
    #[serde(default)]
    gate_hpa_configurable_tolerance: bool,
    previous_recommendations: Option<Vec<Recommended>>,
}

/// A metric: its type, and under the type's name its source with its target.
#[derive(Deserialize)]
struct MetricIn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    sources: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceIn {
    #[serde(default)]
    name: String,
    target: TargetIn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetIn {
    average_utilization: Option<i32>,
    average_value: Option<String>,
    value: Option<String>,
}

fn milli(text: Option<&String>) -> Result<i64, Unsupported> {
    let text = text.ok_or_else(|| Unsupported("no target".to_owned()))?;
    Ok(quantity(text)?.milli_value())
}

/// Fixtures measure this much memory of every container.
const MEMORY_MILLI: i64 = 1024 * 1024 * 1000;

impl Input {
    fn pods<'a>(&self, members: &'a [Member], strangers: &'a [i64], tolerances: Tolerances) -> Pods<'a> {
        let readiness = Readiness {
            cpu_initialization: secs(self.cpu_initialization_period_s),
            initial_delay: secs(self.initial_readiness_delay_s),
        };
        Pods { members, strangers, current: self.spec_replicas, tolerances, readiness, now: now() }
    }

    /// What a metric asks for, or the reason why it asks for nothing.
    fn proposal(
        &self,
        kind: &str,
        source: Option<&SourceIn>,
        tolerances: Tolerances,
    ) -> Result<Result<Proposal, &'static str>, Unsupported> {
        let Some(source) = source else { return Ok(Err("InvalidMetricSourceType")) };
        let (target, levels) = (&source.target, &self.reported_levels_milli);
        let (is_resource, is_container) = (kind == "Resource", kind == "ContainerResource");
        let is_cpu = source.name == "cpu" && (is_resource || is_container);
        // Fixtures measure each of a pod's two containers alike.
        let containers = if is_resource { 2 } else { 1 };
        let value = |at: usize| match levels.get(at) {
            Some(_) if (is_resource || is_container) && !is_cpu => Some(MEMORY_MILLI * containers),
            level => level.map(|level| level * containers),
        };
        let metric = |at: usize| value(at).map(|value| PodMetric { value, at: now(), window: WINDOW });
        let members: Vec<Member> = self.pods.iter().enumerate().map(|(at, pod)| pod.member(None, metric(at))).collect();
        let strangers: Vec<i64> = (self.pods.len()..levels.len()).filter_map(value).collect();
        let pods = self.pods(&members, &strangers, tolerances);
        let usage = replicas::total(levels);
        let found = match kind {
            "Resource" | "ContainerResource" | "Pods" if levels.is_empty() => Err(NoProposal::NoMetrics),
            "Resource" | "ContainerResource" => match target.average_utilization {
                Some(percent) => {
                    let requests = requests(&self.pods, &source.name, containers)?;
                    pods.by_utilization(is_cpu, percent, || requests)
                }
                None => pods.by_average(is_cpu, milli(target.average_value.as_ref())?),
            },
            "Pods" => pods.by_average(false, milli(target.average_value.as_ref())?),
            _ if levels.is_empty() => Err(NoProposal::NoMetrics),
            _ if target.value.is_some() => pods.by_value(usage, milli(target.value.as_ref())?),
            _ => {
                let target = milli(target.average_value.as_ref())?;
                Ok(replicas::by_value_per_pod(usage, target, self.status_replicas, tolerances))
            }
        };
        let reason = match kind {
            "Resource" => "FailedGetResourceMetric",
            "ContainerResource" => "FailedGetContainerResourceMetric",
            "Pods" => "FailedGetPodsMetric",
            "Object" => "FailedGetObjectMetric",
            _ => "FailedGetExternalMetric",
        };
        Ok(found.map_err(|_| reason))
    }
}

pub(super) fn answer(case: &Case) -> Checked {
    if case.kind != "reconcile" {
        return unknown_kind(case);
    }
    let input: Input = case.input()?;
    let (up, down) = (input.scale_up.as_ref(), input.scale_down.as_ref());
    let behavior = (up.is_some() || down.is_some()).then(|| RulesIn::behavior(up, down)).transpose()?;
    let tolerance = |rules: Option<&RulesIn>| match rules.and_then(|rules| rules.tolerance.as_deref()) {
        Some(text) if input.gate_hpa_configurable_tolerance => Ok(quantity(text)?.milli_value() as f64 / 1000.0),
        _ => Ok(input.tolerance),
    };
    let tolerances = Tolerances { up: tolerance(up)?, down: tolerance(down)? };
    let mut proposals = Vec::new();
    if let Some(percent) = input.cpu_target_pct {
        let target = TargetIn { average_utilization: Some(percent), average_value: None, value: None };
        let source = SourceIn { name: "cpu".to_owned(), target };
        proposals.push(input.proposal("Resource", Some(&source), tolerances)?);
    }
    for metric in input.metrics.iter().flatten() {
        let field = match metric.kind.as_str() {
            "Resource" => Some("resource"),
            "ContainerResource" => Some("containerResource"),
            "Pods" => Some("pods"),
            "Object" => Some("object"),
            "External" => Some("external"),
            _ => None,
        };
        let source = field.and_then(|field| metric.sources.get(field)).map(SourceIn::deserialize).transpose();
        let source = source.map_err(|error| Unsupported(format!("metric: {error}")))?;
        proposals.push(input.proposal(&metric.kind, source.as_ref(), tolerances)?);
    }
    let current = input.spec_replicas;
    let bounds = Bounds { current, min: input.min_replicas, max: input.max_replicas };
    let mut memory = input
        .previous_recommendations
        .as_deref()
        .map(|previous| Memory { recommendations: Recommended::list(previous), ..Memory::default() });
    let asked = proposals.iter().map(|found| found.map(|proposal| proposal.replicas)).collect();
    let window = secs(input.downscale_stabilization_s);
    let decision = decide(bounds, behavior.as_ref(), window, &mut memory, now(), || asked);
    let action = match decision.replicas.cmp(&current) {
        std::cmp::Ordering::Greater => "scale_up",
        std::cmp::Ordering::Less => "scale_down",
        std::cmp::Ordering::Equal => "none",
    };
    let conditions = decision.conditions.iter().map(|&(kind, status, reason)| {
        json!({"type": kind, "status": if status { "True" } else { "False" }, "reason": reason})
    });
    let mut got = json!({
        "desired_replicas": decision.replicas,
        "action": action,
        "conditions": conditions.collect::<Vec<_>>(),
    });
    if let Some(Ok(cpu)) = proposals.first().filter(|_| input.cpu_target_pct.is_some()) {
        got["reported_cpu_pct"] = json!(cpu.usage);
    }
    Ok(Answer::Asserted(got))
}
