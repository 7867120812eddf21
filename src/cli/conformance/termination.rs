//! `grace_period.json` and `termination_order.json`: [`termination`](crate::kubelet::termination), and
//! [`admission`](crate::api::admission) for what a DELETE asks for.

use serde::Deserialize;
use serde_json::json;

use super::vector::phase;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::api::admission::api_delete_grace;
use crate::base::SimDuration;
use crate::kubelet::actions::KillReason;
use crate::kubelet::termination::{KillGrace, is_turn, pod_effective_grace};
use crate::model::Role;

#[derive(Deserialize)]
struct Kill {
    reason: String,
    pod_grace: Option<i64>,
    deletion_grace: Option<i64>,
    liveness_grace: Option<i64>,
    startup_grace: Option<i64>,
    #[serde(default)]
    has_liveness_probe: bool,
    #[serde(default)]
    has_startup_probe: bool,
}

#[derive(Deserialize)]
struct Effective {
    previous: i64,
    deletion_grace: Option<i64>,
    #[serde(rename = "override")]
    request: Option<i64>,
    spec_grace: Option<i64>,
}

#[derive(Deserialize)]
struct Delete {
    requested: Option<i64>,
    spec_grace: Option<i64>,
    assigned_to_node: bool,
    phase: String,
}

pub(super) fn grace_period(case: &Case) -> Checked {
    let grace = match case.kind.as_str() {
        "container_kill_grace" => {
            let input: Kill = case.input()?;
            let grace = KillGrace {
                deletion: input.deletion_grace,
                spec: input.pod_grace,
                liveness: input.liveness_grace.filter(|_| input.has_liveness_probe),
                startup: input.startup_grace.filter(|_| input.has_startup_probe),
            };
            grace.for_container(match input.reason.as_str() {
                "LivenessProbe" => Some(KillReason::Liveness),
                "StartupProbe" => Some(KillReason::Startup),
                _ => None,
            })
        }
        "pod_effective_grace" => {
            let input: Effective = case.input()?;
            pod_effective_grace(input.previous, input.deletion_grace, input.request, input.spec_grace)
        }
        "api_delete_grace" => {
            let input: Delete = case.input()?;
            let phase = (!input.phase.is_empty()).then(|| phase(&input.phase));
            api_delete_grace(input.requested, input.spec_grace, input.assigned_to_node, phase)
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(json!({"grace_s": grace})))
}

#[derive(Deserialize)]
struct Order {
    sidecars_in_spec_order: Vec<String>,
    main: Vec<String>,
    container: String,
    grace_s: i64,
    stop_duration_s: f64,
}

pub(super) fn order(case: &Case) -> Checked {
    if case.kind != "wait_before_stop" {
        return unknown_kind(case);
    }
    let input: Order = case.input()?;
    let names: Vec<&String> = input.sidecars_in_spec_order.iter().chain(&input.main).collect();
    let mut roles = vec![Role::Sidecar; input.sidecars_in_spec_order.len()];
    roles.resize(names.len(), Role::Main);
    let stop_takes = SimDuration::from_secs_f64(input.stop_duration_s);
    let grace = SimDuration::from_secs(input.grace_s);
    // From one moment at which something stops to the next: those whose turn it is begin to stop.
    let mut begins: Vec<Option<SimDuration>> = vec![None; names.len()];
    let mut time = SimDuration::ZERO;
    loop {
        let running: Vec<bool> =
            begins.iter().map(|begin| begin.is_none_or(|begin| begin + stop_takes > time)).collect();
        for (index, begin) in begins.iter_mut().enumerate() {
            if begin.is_none() && (time >= grace || is_turn(index, &roles, |other| running[other])) {
                *begin = Some(time);
            }
        }
        if begins.iter().all(Option::is_some) {
            break;
        }
        let stops = begins.iter().flatten().map(|begin| *begin + stop_takes).filter(|stop| *stop > time);
        time = stops.min().map_or(grace, |next| next.min(grace));
    }
    let found = names.iter().position(|name| **name == input.container).and_then(|index| begins[index]);
    let waited = found.ok_or_else(|| Unsupported(format!("no container `{}`", input.container)))?;
    Ok(Answer::Asserted(json!({"wait_whole_seconds": waited.whole_secs()})))
}
