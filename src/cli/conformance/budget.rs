//! `pdb.json` and `eviction_api.json`: [`disruption`] and [`evict`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::{now, phase};
use super::{Answer, Case, Checked, Unsupported, int_or_percent, unknown_kind};
use crate::api::eviction::{Guard, evict};
use crate::base::{SimDuration, SimTime};
use crate::controllers::disruption;
use crate::model::BudgetBound;
use crate::model::objects::BudgetState;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allowed {
    min_available: Option<Value>,
    max_unavailable: Option<Value>,
    #[serde(rename = "expected_pods")]
    expected: i64,
    #[serde(rename = "healthy_pods")]
    healthy: i64,
}

#[derive(Deserialize)]
struct Stale {
    pod: PodIn,
    time_passed_s: i64,
}

#[derive(Deserialize)]
struct PodIn {
    metadata: MetadataIn,
    #[serde(default)]
    status: StatusIn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataIn {
    deletion_timestamp: Option<OffsetIn>,
}

#[derive(Deserialize, Clone, Copy)]
struct OffsetIn {
    offset_s: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusIn {
    phase: String,
    conditions: Vec<ConditionIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConditionIn {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
    last_transition_time: Option<OffsetIn>,
}

impl ConditionIn {
    /// What the status of this condition is at `end`.
    fn status_at(&self, pod: &PodIn, end: SimTime) -> &str {
        // A time that is not set is one long ago.
        let since =
            self.last_transition_time.map_or(SimTime::default(), |at| now() + SimDuration::from_secs(at.offset_s));
        let deleting = pod.metadata.deletion_timestamp.is_some();
        let by_kubelet = self.reason == "TerminationByKubelet";
        let over = disruption::stale_at(since, deleting, phase(&pod.status.phase).is_terminal(), by_kubelet);
        let is_stale = self.kind == "DisruptionTarget" && self.status == "True" && over.is_some_and(|at| at <= end);
        if is_stale { "False" } else { &self.status }
    }
}

pub(super) fn budget(case: &Case) -> Checked {
    match case.kind.as_str() {
        "disruptions_allowed" => {
            let input: Allowed = case.input()?;
            let bound = match (&input.min_available, &input.max_unavailable) {
                (_, Some(most)) => BudgetBound::MaxUnavailable(int_or_percent::build(most)?),
                (Some(least), None) => BudgetBound::MinAvailable(int_or_percent::build(least)?),
                (None, None) => return Err(Unsupported("a budget without a bound".to_owned())),
            };
            let got = disruption::allowance(&bound, input.expected, input.healthy);
            let got = got.map_err(Unsupported)?;
            let (allowed, desired) = (got.disruptions_allowed, got.desired_healthy);
            Ok(Answer::Complete(json!({"disruptions_allowed": allowed, "desired_healthy": desired})))
        }
        "stale_disruption_condition" => {
            let Stale { pod, time_passed_s } = case.input()?;
            let end = now() + SimDuration::from_secs(time_passed_s);
            let out = pod.status.conditions.iter();
            let out = out.map(|condition| json!({"type": condition.kind, "status": condition.status_at(&pod, end)}));
            Ok(Answer::Complete(json!({"conditions": out.collect::<Vec<_>>()})))
        }
        _ => unknown_kind(case),
    }
}

#[derive(Deserialize)]
struct Evict {
    pod_phase: String,
    pod_ready_condition: String,
    pod_terminating: bool,
    matching_pdbs: Vec<BudgetIn>,
    unhealthy_pod_eviction_policy: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct BudgetIn {
    disruptions_allowed: i32,
    current_healthy: i32,
    desired_healthy: i32,
    observed_generation: u32,
    generation: u32,
}

/// What upstream's fixtures call their budgets.
const NAME: &str = "foo";

pub(super) fn eviction(case: &Case) -> Checked {
    if case.kind != "evict" {
        return unknown_kind(case);
    }
    let input: Evict = case.input()?;
    let state = |budget: &BudgetIn| BudgetState {
        disruptions_allowed: budget.disruptions_allowed,
        current_healthy: budget.current_healthy,
        desired_healthy: budget.desired_healthy,
        observed_generation: budget.observed_generation,
        ..BudgetState::default()
    };
    let states: Vec<(BudgetState, u32)> =
        input.matching_pdbs.iter().map(|budget| (state(budget), budget.generation)).collect();
    let always_allow_unhealthy = input.unhealthy_pod_eviction_policy == "AlwaysAllow";
    let guards: Vec<Guard<'_>> = states
        .iter()
        .map(|(state, generation)| Guard { state, generation: *generation, always_allow_unhealthy })
        .collect();
    let ready = input.pod_ready_condition == "True";
    let got = match evict(phase(&input.pod_phase), input.pod_terminating, ready, &guards) {
        Ok(_) => json!({"allowed": true}),
        Err(refused) => {
            let detail = states.first().and_then(|(state, _)| refused.detail(NAME, state));
            let detail = detail.unwrap_or_else(|| refused.to_string());
            json!({"allowed": false, "http_status": refused.http_status(), "detail": detail})
        }
    };
    Ok(Answer::Asserted(got))
}
