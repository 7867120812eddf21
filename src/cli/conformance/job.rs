//! `job_backoff.json`, `job_indexed.json`, `job_pod_failure_policy.json` and `job_success_policy.json`: the rules of
//! [`job`](crate::controllers::job).

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::{StateIn, now, phase};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::controllers::job::backoff::{self, BackoffRecord, Finish, IndexFailures};
use crate::controllers::job::{failure_policy, indexed, success_policy};
use crate::model::indexes::Indexes;
use crate::model::objects::{PodFailureAction, PodFailureMatch, PodFailureRule, SuccessRule};
use crate::model::strings::known;
use crate::model::{ContainerState, ContainerStatus, Phase, Strings, Terminated};

fn seconds(value: f64) -> SimDuration {
    SimDuration((value * 1e9).round() as i64)
}

fn at(offset: f64) -> SimTime {
    now() + seconds(offset)
}

fn offset(time: SimTime) -> f64 {
    time.since(now()).as_secs_f64()
}

#[derive(Deserialize)]
struct Update {
    new_failed_at_s: Vec<f64>,
    new_succeeded_at_s: Vec<f64>,
    #[serde(default)]
    consecutive_failures: u32,
    #[serde(default)]
    last_failure_at_s: Option<f64>,
}

#[derive(Deserialize)]
struct Remaining {
    default_s: f64,
    max_s: f64,
    #[serde(default)]
    consecutive_failures: u32,
    #[serde(default)]
    last_failure_offset_s: Option<f64>,
    #[serde(default)]
    last_failed_pod: Option<LastFailed>,
    now_offset_s: Option<f64>,
}

#[derive(Deserialize)]
struct LastFailed {
    failure_count: u32,
    #[serde(default)]
    ignored_failure_count: u32,
    finished_offset_s: f64,
}

pub(super) fn backoff(case: &Case) -> Checked {
    let found = match case.kind.as_str() {
        "record_update" => {
            let input: Update = case.input()?;
            let times = |offsets: &[f64]| offsets.iter().map(|&offset| at(offset)).collect::<Vec<_>>();
            let known =
                BackoffRecord { failures: input.consecutive_failures, last_failure: input.last_failure_at_s.map(at) };
            let record = known.update(&times(&input.new_succeeded_at_s), &times(&input.new_failed_at_s));
            let last = record.last_failure.map(offset);
            json!({"consecutive_failures": record.failures, "last_failure_at_s": last})
        }
        "remaining" => {
            let input: Remaining = case.input()?;
            let last_failure = input.last_failure_offset_s.map(at);
            let record = BackoffRecord { failures: input.consecutive_failures, last_failure };
            let now = at(input.now_offset_s.unwrap_or_default());
            let wait = record.remaining(seconds(input.default_s), seconds(input.max_s), now);
            json!({"remaining_s": wait.as_secs_f64()})
        }
        "remaining_per_index" => {
            let input: Remaining = case.input()?;
            let wait = input.last_failed_pod.as_ref().map_or(SimDuration::ZERO, |pod| {
                let before = IndexFailures { counted: pod.failure_count, ignored: pod.ignored_failure_count };
                let (finished, now) = (at(pod.finished_offset_s), at(input.now_offset_s.unwrap_or_default()));
                backoff::remaining_per_index(before, finished, seconds(input.default_s), seconds(input.max_s), now)
            });
            json!({"remaining_s": wait.as_secs_f64()})
        }
        "pod_finish_time" => json!({"finished_offset_s": offset(finish_time(&case.input["pod"])?)}),
        _ => return unknown_kind(case),
    };
    Ok(Answer::Complete(found))
}

/// A pod as the API writes it, with times as offsets.
fn finish_time(pod: &Value) -> Result<SimTime, Unsupported> {
    let time = |value: &Value| value["offset_s"].as_f64().map(at);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let states = |statuses: &[Value]| -> Vec<ContainerState> {
        let state = |status: &Value| match status["state"].get("terminated") {
            None => ContainerState::Unset,
            Some(end) => ContainerState::Terminated(Terminated {
                exit_code: 0,
                signal: 0,
                reason: known::EMPTY,
                started_at: Terminated::NO_TIME,
                finished_at: time(&end["finishedAt"]).unwrap_or(Terminated::NO_TIME),
            }),
        };
        statuses.iter().map(state).collect()
    };
    let (meta, status) = (&pod["metadata"], &pod["status"]);
    let sidecars = list(&pod["spec"]["initContainers"]);
    let is_sidecar = |status: &Value| {
        let named = |container: &&Value| container["name"] == status["name"];
        sidecars.iter().find(named).is_some_and(|container| container["restartPolicy"] == "Always")
    };
    let init: Vec<Value> = list(&status["initContainerStatuses"]).into_iter().filter(is_sidecar).collect();
    let conditions = list(&status["conditions"]);
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    let grace = SimDuration::from_secs(meta["deletionGracePeriodSeconds"].as_i64().unwrap_or_default());
    let finish = Finish {
        not_ready_since: ready.filter(|ready| ready["status"] == "False").and_then(|r| time(&r["lastTransitionTime"])),
        deletion: time(&meta["deletionTimestamp"]).map(|at| (at, grace)),
        created: time(&meta["creationTimestamp"]).unwrap_or(SimTime(i64::MIN)),
    };
    Ok(finish.time(&states(&list(&status["containerStatuses"])), &states(&init)))
}

#[derive(Deserialize)]
struct PodIn {
    #[serde(default)]
    index: Option<String>,
    #[serde(default)]
    failure_count: Option<String>,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    has_finalizer: Option<bool>,
}

impl PodIn {
    fn index(&self) -> Option<u32> {
        self.index.as_deref().and_then(indexed::completion_index)
    }
}

#[derive(Deserialize)]
struct Indexed {
    completions: u32,
    #[serde(default)]
    previous: Option<String>,
    #[serde(default)]
    previous_failed: Option<String>,
    #[serde(default)]
    backoff_limit_per_index: u32,
    #[serde(default)]
    pod_failure_policy: Option<Value>,
    #[serde(default)]
    pods: Vec<PodIn>,
    #[serde(default)]
    count: usize,
    #[serde(default)]
    active: Vec<String>,
    #[serde(default)]
    succeeded: Option<Vec<(u32, u32)>>,
    #[serde(default)]
    failed: Option<Vec<(u32, u32)>>,
}

pub(super) fn indexed(case: &Case) -> Checked {
    let input: Indexed = case.input()?;
    let completions = input.completions;
    let parse = |text: &Option<String>| Indexes::parse(text.as_deref().unwrap_or_default(), completions);
    let ranges = |list: &Option<Vec<(u32, u32)>>| Indexes::from(list.as_deref().unwrap_or_default());
    Ok(Answer::Complete(match case.kind.as_str() {
        "succeeded_indexes" => {
            let known = parse(&input.previous);
            // Fixtures that do not speak of the finalizer have it.
            let new = input.pods.iter().filter(|pod| pod.has_finalizer != Some(false));
            let new = new.filter(|pod| phase(&pod.phase) == Phase::Succeeded).filter_map(PodIn::index);
            let all = indexed::with_new(&known, new, completions);
            json!({"status_intervals": known.ranges(), "all_intervals": all.ranges()})
        }
        "failed_indexes" => {
            if input.pod_failure_policy.is_some() {
                return Err(Unsupported("a pod failure policy, but no exit codes to ask it about".to_owned()));
            }
            let known = parse(&input.previous_failed);
            let new = input.pods.iter().filter(|pod| pod.has_finalizer == Some(true));
            let new = new.filter(|pod| phase(&pod.phase) == Phase::Failed).filter(|pod| {
                let counted = pod.failure_count.as_deref().and_then(indexed::completion_index).unwrap_or(0);
                let before = IndexFailures { counted, ignored: 0 };
                indexed::is_index_failed(None, before, input.backoff_limit_per_index)
            });
            let all = indexed::with_new(&known, new.filter_map(PodIn::index), completions);
            json!({"previous": known.ranges(), "failed": all.ranges()})
        }
        "first_pending" => {
            let active = input.active.iter().filter_map(|text| indexed::completion_index(text));
            let (succeeded, failed) = (ranges(&input.succeeded), ranges(&input.failed));
            let vacant = Indexes::all();
            json!({"indexes": indexed::first_pending(input.count, completions, &vacant, active, &succeeded, &failed)})
        }
        _ => return unknown_kind(case),
    }))
}

#[derive(Deserialize)]
struct Success {
    completions: u32,
    policy: Option<SuccessPolicy>,
    succeeded: Vec<(u32, u32)>,
}

#[derive(Deserialize)]
struct SuccessPolicy {
    rules: Vec<SuccessRuleIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SuccessRuleIn {
    #[serde(default)]
    succeeded_indexes: Option<String>,
    #[serde(default)]
    succeeded_count: Option<i32>,
}

pub(super) fn success_policy(case: &Case) -> Checked {
    if case.kind != "match" {
        return unknown_kind(case);
    }
    let input: Success = case.input()?;
    let build = |rule: &SuccessRuleIn| SuccessRule {
        indexes: rule.succeeded_indexes.as_deref().map(|text| Indexes::parse(text, input.completions).ranges().into()),
        count: rule.succeeded_count,
    };
    let rules: Vec<SuccessRule> = input.policy.iter().flat_map(|policy| &policy.rules).map(build).collect();
    let met = success_policy::matching_rule(&rules, &Indexes::from(&*input.succeeded));
    let message = met.map(success_policy::message).unwrap_or_default();
    Ok(Answer::Complete(json!({"met": met.is_some(), "message": message})))
}

#[derive(Deserialize)]
struct Judged {
    policy: Option<FailurePolicy>,
    gate_backoff_limit_per_index: bool,
    pod: FailedPod,
}

#[derive(Deserialize)]
struct FailurePolicy {
    rules: Vec<FailureRuleIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailureRuleIn {
    action: String,
    #[serde(default)]
    on_exit_codes: Option<OnExitCodes>,
    #[serde(default)]
    on_pod_conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnExitCodes {
    #[serde(default)]
    container_name: Option<String>,
    operator: String,
    #[serde(default)]
    values: Vec<i32>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Deserialize)]
struct FailedPod {
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    containers: Vec<Ended>,
    #[serde(default)]
    init_containers: Vec<Ended>,
}

#[derive(Deserialize)]
struct Ended {
    name: String,
    #[serde(default)]
    state: Option<StateIn>,
}

impl FailureRuleIn {
    /// What upstream does not know matches nothing.
    fn build(&self, gate: bool, strings: &mut Strings) -> PodFailureRule {
        let nothing = PodFailureMatch::Conditions(Box::default());
        let mut when = match (&self.on_exit_codes, &self.on_pod_conditions) {
            (Some(codes), _) if matches!(codes.operator.as_str(), "In" | "NotIn") => PodFailureMatch::ExitCodes {
                container: codes.container_name.as_deref().map(|name| strings.intern(name)),
                not_in: codes.operator == "NotIn",
                values: codes.values.as_slice().into(),
            },
            (None, Some(patterns)) => PodFailureMatch::Conditions(build_conditions(patterns, strings).into()),
            _ => nothing.clone(),
        };
        let action = match self.action.as_str() {
            "FailJob" => PodFailureAction::FailJob,
            "FailIndex" if gate => PodFailureAction::FailIndex,
            "Ignore" => PodFailureAction::Ignore,
            known => {
                if known != "Count" {
                    when = nothing;
                }
                PodFailureAction::Count
            }
        };
        PodFailureRule { action, when }
    }
}

fn build_conditions(
    conditions: &[Condition],
    strings: &mut Strings,
) -> Vec<(crate::model::StrId, crate::model::StrId)> {
    conditions.iter().map(|c| (strings.intern(&c.kind), strings.intern(&c.status))).collect()
}

pub(super) fn failure_policy(case: &Case) -> Checked {
    if case.kind != "match" {
        return unknown_kind(case);
    }
    let input: Judged = case.input()?;
    let mut strings = Strings::new();
    let rules = input.policy.iter().flat_map(|policy| &policy.rules);
    let rules: Vec<_> = rules.map(|rule| rule.build(input.gate_backoff_limit_per_index, &mut strings)).collect();
    let mut statuses = |list: &[Ended]| -> Vec<ContainerStatus> {
        let status = |ended: &Ended| {
            let name = strings.intern(&ended.name);
            let state = StateIn::build(ended.state.as_ref(), &mut strings);
            ContainerStatus { state, ..ContainerStatus::waiting(name, known::EMPTY) }
        };
        list.iter().map(status).collect()
    };
    let (containers, init) = (statuses(&input.pod.containers), statuses(&input.pod.init_containers));
    let conditions = build_conditions(&input.pod.conditions, &mut strings);
    let verdict = failure_policy::judge(&rules, &containers, &init, &conditions);
    let action = verdict.as_ref().map(|verdict| match verdict.action {
        PodFailureAction::FailJob => "FailJob",
        PodFailureAction::FailIndex => "FailIndex",
        PodFailureAction::Ignore => "Ignore",
        PodFailureAction::Count => "Count",
    });
    // The fixture's pod.
    let message = verdict.filter(|verdict| verdict.action == PodFailureAction::FailJob);
    let message = message.map(|verdict| verdict.message(("default", "mypod"), &strings));
    Ok(Answer::Complete(json!({
        "action": action,
        "count_as_failed": failure_policy::counts(verdict.as_ref()),
        "fail_job_message": message,
    })))
}
