//! `phase.json` and `container_restart_rules.json`: [`phase`](crate::kubelet::phase) and
//! [`containers`](crate::kubelet::containers).

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::{ContainerIn, RuleIn, Spec, StatusIn, restart_policy};
use super::{Answer, Case, Checked, unknown_kind};
use crate::kubelet::containers::{OwnRestart, is_restartable, matching_rule};
use crate::kubelet::phase::{PhaseInput, phase};
use crate::model::{RestartRule, Strings};

#[derive(Deserialize)]
struct Input {
    restart_policy: Option<String>,
    #[serde(default)]
    init_containers: Vec<ContainerIn>,
    #[serde(default)]
    containers: Vec<ContainerIn>,
    #[serde(default)]
    statuses: Vec<StatusIn>,
    #[serde(default)]
    pod_has_initialized: bool,
    #[serde(default)]
    pod_is_terminal: bool,
    #[serde(default)]
    static_pod: bool,
    #[serde(default)]
    gate_container_restart_rules: bool,
}

pub(super) fn answer(case: &Case) -> Checked {
    if case.kind != "phase" {
        return unknown_kind(case);
    }
    let input: Input = case.input()?;
    let mut strings = Strings::new();
    let spec = Spec::new(&input.init_containers, &input.containers, input.gate_container_restart_rules)?;
    let statuses = StatusIn::build_all(&input.statuses, &mut strings);
    let got = phase(
        &spec.observe(&statuses, &mut strings),
        &PhaseInput {
            restart_policy: restart_policy(input.restart_policy.as_deref())?,
            has_initialized: input.pod_has_initialized,
            terminal: input.pod_is_terminal,
            static_pod: input.static_pod,
            restart_rules: input.gate_container_restart_rules,
        },
    );
    Ok(Answer::Asserted(json!({"phase": got.text()})))
}

#[derive(Deserialize)]
struct Restartable {
    pod_policy: Option<String>,
    container_policy: Option<String>,
    #[serde(default)]
    rules: Vec<RuleIn>,
}

#[derive(Deserialize)]
struct Match {
    rules: Vec<Value>,
    exit_code: i32,
}

pub(super) fn restart_rules(case: &Case) -> Checked {
    let got = match case.kind.as_str() {
        "restartable" => {
            let input: Restartable = case.input()?;
            let rules: Vec<RestartRule> = input.rules.iter().map(RuleIn::build).collect();
            let policy = input.container_policy.as_deref().map(|policy| restart_policy(Some(policy))).transpose()?;
            let own = policy.map(|policy| OwnRestart { policy, rules: &rules });
            json!({"restartable": is_restartable(restart_policy(input.pod_policy.as_deref())?, own)})
        }
        "match_rule" => {
            let input: Match = case.input()?;
            let typed: Vec<RuleIn> = RuleIn::list(&input.rules)?;
            let rules: Vec<RestartRule> = typed.iter().map(RuleIn::build).collect();
            let found = matching_rule(&rules, input.exit_code);
            let position = found.and_then(|found| rules.iter().position(|rule| std::ptr::eq(rule, found)));
            let rule = position.map_or_else(|| json!({}), |position| input.rules[position].clone());
            json!({"found": found.is_some(), "rule": rule})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}
