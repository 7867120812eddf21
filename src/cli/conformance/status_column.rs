//! `pod_status_column.json`: [`status_column`](crate::kubelet::status_column).

use serde::Deserialize;
use serde_json::json;

use super::vector::{ContainerIn, StatusIn, now};
use super::{Answer, Case, Checked, unknown_kind};
use crate::kubelet::status_column::{ColumnInput, columns};
use crate::model::{Role, Strings};

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Input {
    phase: String,
    #[serde(default)]
    status_reason: String,
    #[serde(default)]
    deleting: bool,
    #[serde(default)]
    init_containers: Vec<ContainerIn>,
    #[serde(default)]
    containers: Vec<ContainerIn>,
    #[serde(default)]
    init_statuses: Vec<StatusIn>,
    #[serde(default)]
    statuses: Vec<StatusIn>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

pub(super) fn answer(case: &Case) -> Checked {
    if case.kind != "columns" {
        return unknown_kind(case);
    }
    let input: Input = case.input()?;
    let mut strings = Strings::new();
    let is_true = |kind: &str| input.conditions.iter().any(|c| c.kind == kind && c.status == "True");
    let gated = input.conditions.iter().any(|c| c.kind == "PodScheduled" && c.reason == "SchedulingGated");
    let sidecars = input.init_containers.iter().filter(|container| container.init_role() == Role::Sidecar).count();
    let init = StatusIn::build_all(&input.init_statuses, &mut strings);
    let main = StatusIn::build_all(&input.statuses, &mut strings);
    // A status belongs to the last container of its name.
    let role_of = |name: &str| {
        let found = input.init_containers.iter().rfind(|container| container.name == name);
        found.map_or(Role::Init, ContainerIn::init_role)
    };
    let columns = columns(
        &ColumnInput {
            phase: &input.phase,
            reason: strings.intern(&input.status_reason),
            deleting: input.deleting,
            gated,
            initialized: is_true("Initialized"),
            ready: is_true("Ready"),
            init_count: input.init_containers.len(),
            serving_count: input.containers.len() + sidecars,
        },
        init.iter().map(|status| (role_of(strings.text(status.name)), status)),
        &main,
    );
    Ok(Answer::Asserted(json!({
        "ready": columns.ready_text(),
        "status": columns.status.render(&strings),
        "restarts": columns.restarts_text(now()),
    })))
}
