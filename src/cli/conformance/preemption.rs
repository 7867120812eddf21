//! `preemption.json`: who may evict, and which node is taken.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cluster::{Loaded, load};
use super::decisions::Recorded;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::cli::decide::Outcome;
use crate::model::PreemptionPolicy;
use crate::model::plan::Evaluator;
use crate::scheduler::plugins::default_preemption::eligible;

#[derive(Deserialize)]
struct Choice {
    preemptor: PodIn,
    nodes: Vec<String>,
    pods: Vec<PodIn>,
    node_capacity: Map<String, Value>,
}

#[derive(Deserialize)]
struct PodIn {
    name: String,
    #[serde(default)]
    node: String,
    priority: Option<i32>,
    #[serde(default)]
    containers: usize,
    #[serde(default)]
    requests: Vec<Map<String, Value>>,
    #[serde(default)]
    start_s: i64,
    #[serde(default)]
    terminating: bool,
    #[serde(default)]
    conditions: Vec<ConditionIn>,
}

#[derive(Deserialize)]
struct ConditionIn {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
}

impl PodIn {
    fn object(&self) -> Value {
        let container = |at: usize| {
            let requests = self.requests.get(at).cloned().unwrap_or_default();
            json!({"name": format!("c{at}"), "image": "i", "resources": {"requests": requests}})
        };
        let containers: Vec<Value> = (0..self.containers.max(1)).map(container).collect();
        let mut spec = json!({"containers": containers, "priority": self.priority.unwrap_or(0)});
        if !self.node.is_empty() {
            spec["nodeName"] = json!(self.node);
        }
        let started = (SimTime::default() + SimDuration::from_secs(1_000_000_000 + self.start_s)).rfc3339();
        json!({"metadata": {"name": self.name}, "spec": spec, "status": {"startTime": started}})
    }

    fn evicted_by_scheduler(&self) -> bool {
        let says = |condition: &ConditionIn| {
            let ConditionIn { kind, status, reason } = condition;
            (kind.as_str(), status.as_str(), reason.as_str()) == ("DisruptionTarget", "True", "PreemptionByScheduler")
        };
        self.terminating && self.conditions.iter().any(says)
    }
}

pub(super) fn answer(case: &Case, evaluator: Evaluator) -> Checked {
    match case.kind.as_str() {
        "best_node" => best_node(case, evaluator),
        "eligible" => is_eligible(case),
        _ => unknown_kind(case),
    }
}

fn best_node(case: &Case, evaluator: Evaluator) -> Checked {
    let input: Choice = case.input()?;
    let node = |name: &String| json!({"metadata": {"name": name}, "status": {"capacity": input.node_capacity}});
    let nodes: Vec<Value> = input.nodes.iter().map(node).collect();
    let pods: Vec<Value> = input.pods.iter().map(PodIn::object).collect();
    let preemptor = input.preemptor.object();
    let recorded = json!({"objects": {"nodes": nodes, "pods": pods}, "queue": [preemptor], "expect": []});
    let recorded = Recorded::deserialize(recorded).map_err(|error| Unsupported(error.to_string()))?;
    let Loaded { mut driver, queue, .. } = load(&recorded, evaluator)?;
    let pod = queue.values().next().ok_or_else(|| Unsupported("the preemptor was not read".to_owned()))?;
    let (entry, _) = driver.attempt(&driver.turn(pod, 0));
    if entry.outcome != Outcome::Unschedulable {
        return Err(Unsupported("the pod fits without evictions".to_owned()));
    }
    let taken = entry.nominated;
    // Upstream takes any of several equals.
    let listed =
        case.expected.get("any_of").filter(|any| any.as_array().is_some_and(|any| any.contains(&json!(taken))));
    Ok(Answer::Asserted(json!({"any_of": listed.cloned().unwrap_or_else(|| json!([taken]))})))
}

#[derive(Deserialize)]
struct Eligible {
    preemption_policy: Option<String>,
    priority: Option<i32>,
    #[serde(default)]
    nominated_node: String,
    nominated_node_status_code: Option<Value>,
    #[serde(default)]
    pods: Vec<PodIn>,
}

fn is_eligible(case: &Case) -> Checked {
    let input: Eligible = case.input()?;
    let policy = match input.preemption_policy.as_deref() {
        Some("Never") => PreemptionPolicy::Never,
        _ => PreemptionPolicy::PreemptLowerPriority,
    };
    let code = input.nominated_node_status_code.as_ref();
    let unresolvable = code.is_some_and(|code| *code == json!("UnschedulableAndUnresolvable") || *code == json!(3));
    let lower =
        |pod: &&PodIn| pod.node == input.nominated_node && pod.priority.unwrap_or(0) < input.priority.unwrap_or(0);
    let going = input.pods.iter().filter(lower).any(PodIn::evicted_by_scheduler);
    let nominated = (!input.nominated_node.is_empty()).then_some((unresolvable, going));
    Ok(Answer::Asserted(json!({"eligible": eligible(policy, nominated).is_ok()})))
}
