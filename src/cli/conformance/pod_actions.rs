//! `pod_actions.json`: [`pod_actions`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::{ContainerIn, Spec, restart_policy};
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::kubelet::actions::{Instance, ProbeResult, Sandbox, SyncContainer, SyncInput, pod_actions, sandbox_change};
use crate::kubelet::containers::RuntimeState;
use crate::model::Role;

#[derive(Deserialize)]
struct RuntimeIn {
    name: String,
    state: String,
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    spec_changed: bool,
}

#[derive(Deserialize)]
struct SandboxIn {
    ready: bool,
    #[serde(default)]
    ip: Option<String>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    host_network: Option<bool>,
}

#[derive(Deserialize, Default)]
struct ProbesIn {
    liveness: Option<String>,
    startup: Option<String>,
}

#[derive(Deserialize)]
struct Input {
    restart_policy: Option<String>,
    #[serde(default)]
    deleting: bool,
    #[serde(default)]
    host_network: bool,
    #[serde(default)]
    gate_container_restart_rules: bool,
    #[serde(default)]
    init_containers: Vec<ContainerIn>,
    #[serde(default)]
    containers: Vec<ContainerIn>,
    #[serde(default)]
    ephemeral_containers: Vec<String>,
    #[serde(default)]
    runtime_statuses: Vec<RuntimeIn>,
    #[serde(default)]
    sandboxes: Vec<SandboxIn>,
    #[serde(default)]
    probe_results: BTreeMap<String, ProbesIn>,
}

impl Input {
    fn runtime(&self, name: &str) -> Result<Option<Instance>, Unsupported> {
        let Some(status) = self.runtime_statuses.iter().find(|status| status.name == name) else { return Ok(None) };
        let state = match status.state.as_str() {
            "running" => RuntimeState::Running,
            "exited" => RuntimeState::Exited(status.exit_code),
            "created" => RuntimeState::Created,
            "unknown" => RuntimeState::Unknown,
            other => return Err(Unsupported(format!("runtime state `{other}`"))),
        };
        let probes = self.probe_results.get(name);
        let result = |text: Option<&String>| {
            text.map(|text| match text.as_str() {
                "Success" => ProbeResult::Success,
                "Failure" => ProbeResult::Failure,
                _ => ProbeResult::Unknown,
            })
        };
        Ok(Some(Instance {
            state,
            changed: status.spec_changed,
            liveness: result(probes.and_then(|probes| probes.liveness.as_ref())),
            startup: result(probes.and_then(|probes| probes.startup.as_ref())),
        }))
    }

    fn sandboxes(&self, expected: &Value) -> Vec<Sandbox> {
        let build = |sandbox: &SandboxIn, attempt| Sandbox {
            ready: sandbox.ready,
            attempt: sandbox.attempt.unwrap_or(attempt),
            has_ip: sandbox.ip.as_ref().is_some_and(|ip| !ip.is_empty()),
            host_network: sandbox.host_network.unwrap_or(self.host_network),
        };
        let all = |attempt| self.sandboxes.iter().map(move |sandbox| build(sandbox, attempt)).collect::<Vec<_>>();
        // Cases leave out the newest sandbox's attempt number, which is the one before the expected one if a new
        // sandbox is needed. What remains to be checked is that, and everything else.
        let wanted = expected.get("attempt").and_then(Value::as_u64).and_then(|attempt| u32::try_from(attempt).ok());
        let needed = sandbox_change(&all(0), self.host_network).needed;
        all(wanted.unwrap_or(0).saturating_sub(u32::from(needed)))
    }
}

pub(super) fn answer(case: &Case) -> Checked {
    if case.kind != "sync_actions" {
        return unknown_kind(case);
    }
    let input: Input = case.input()?;
    let spec = Spec::new(&input.init_containers, &input.containers, input.gate_container_restart_rules)?;
    let containers = spec.containers.iter().map(|container| {
        Ok(SyncContainer {
            role: container.role,
            restart: container.own_restart(),
            startup_probe: container.startup_probe,
            runtime: input.runtime(&container.name)?,
        })
    });
    let containers: Vec<SyncContainer<'_>> = containers.collect::<Result<_, Unsupported>>()?;
    let known = |name: &String| input.runtime_statuses.iter().any(|status| status.name == *name);
    let ephemeral: Vec<bool> = input.ephemeral_containers.iter().map(known).collect();
    let sandboxes = input.sandboxes(&case.expected);
    let got = pod_actions(&SyncInput {
        restart_policy: restart_policy(input.restart_policy.as_deref())?,
        deleting: input.deleting,
        host_network: input.host_network,
        containers: &containers,
        ephemeral: &ephemeral,
        sandboxes: &sandboxes,
    });
    let init_count = spec.containers.iter().filter(|container| container.role != Role::Main).count();
    let mut killed: Vec<&str> = got.kill.iter().map(|(index, _)| spec.containers[*index].name.as_str()).collect();
    killed.sort_unstable();
    Ok(Answer::Asserted(json!({
        "kill_pod": got.kill_pod,
        "create_sandbox": got.create_sandbox,
        "attempt": got.attempt,
        "init_to_start": got.start_init.to_vec(),
        "start": got.start.iter().map(|index| index - init_count).collect::<Vec<_>>(),
        "ephemeral_to_start": got.start_ephemeral.to_vec(),
        "kill": killed,
    })))
}
