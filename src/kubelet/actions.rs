//! What one sync of a pod does: whether its sandbox is made anew, which containers are killed and which are started.
//!
//! Mirrors pkg/kubelet/kuberuntime/kuberuntime_manager.go (`computePodActions`), kuberuntime_container.go
//! (`computeInitContainerActions`) and util/util.go (`PodSandboxChanged`), v1.34.

use smallvec::SmallVec;

use super::containers::{OwnRestart, RuntimeState, restarts_on_failure, should_restart, should_start};
use crate::base::broken;
use crate::model::{RestartPolicy, Role};

/// A sandbox of the pod in the container runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sandbox {
    /// Whether it is ready.
    pub ready: bool,
    /// Its attempt number.
    pub attempt: u32,
    /// Whether it has an address.
    pub has_ip: bool,
    /// Whether it uses the node's network.
    pub host_network: bool,
}

/// Whether a new sandbox is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SandboxChange {
    /// Whether it is.
    pub needed: bool,
    /// The attempt number of the sandbox to use.
    pub attempt: u32,
}

/// Whether a pod with these sandboxes, newest first, needs a new one.
#[must_use]
pub fn sandbox_change(sandboxes: &[Sandbox], host_network: bool) -> SandboxChange {
    let Some(newest) = sandboxes.first() else { return SandboxChange { needed: true, attempt: 0 } };
    let several_ready = sandboxes.iter().filter(|sandbox| sandbox.ready).count() > 1;
    let no_network = !host_network && !newest.has_ip;
    let needed = several_ready || !newest.ready || newest.host_network != host_network || no_network;
    SandboxChange { needed, attempt: newest.attempt + u32::from(needed) }
}

/// The result of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeResult {
    /// It passes.
    Success,
    /// It fails.
    Failure,
    /// No decision yet.
    Unknown,
}

/// A container as a sync sees it.
#[derive(Clone, Copy, Debug)]
pub struct SyncContainer<'a> {
    /// Init container, sidecar or main container.
    pub role: Role,
    /// Restart rules of its own; only behind the gate `ContainerRestartRules`.
    pub restart: Option<OwnRestart<'a>>,
    /// Whether it has a startup probe.
    pub startup_probe: bool,
    /// Its newest instance in the container runtime.
    pub runtime: Option<Instance>,
}

/// The newest instance of a container in the container runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its state.
    pub state: RuntimeState,
    /// Whether name or image are no longer those of the spec.
    pub changed: bool,
    /// The latest liveness result, if there is one.
    pub liveness: Option<ProbeResult>,
    /// The latest startup result, if there is one.
    pub startup: Option<ProbeResult>,
}

/// A pod as a sync sees it.
#[derive(Clone, Copy, Debug)]
pub struct SyncInput<'a> {
    /// `spec.restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// Whether the pod is being deleted.
    pub deleting: bool,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// Init containers in spec order, then main containers in spec order.
    pub containers: &'a [SyncContainer<'a>],
    /// For each ephemeral container, whether the runtime knows it.
    pub ephemeral: &'a [bool],
    /// The pod's sandboxes, newest first.
    pub sandboxes: &'a [Sandbox],
}

/// Why a container is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KillReason {
    /// Its name or image changed.
    Changed,
    /// Its liveness probe failed.
    Liveness,
    /// Its startup probe failed.
    Startup,
    /// The runtime cannot tell its state.
    Unknown,
    /// Its postStart hook failed.
    PostStart,
}

/// Indexes into [`SyncInput::containers`].
pub type Indexes = SmallVec<[usize; 4]>;

/// What a sync does, in the order of the fields: kill the pod, make the sandbox, kill containers, start ephemeral, init
/// and main containers, each list in spec order, one container after another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodActions {
    /// Kill all that runs in the pod.
    pub kill_pod: bool,
    /// Make a new sandbox.
    pub create_sandbox: bool,
    /// The attempt number of the sandbox.
    pub attempt: u32,
    /// Containers to kill.
    pub kill: SmallVec<[(usize, KillReason); 4]>,
    /// Ephemeral containers to start: indexes into [`SyncInput::ephemeral`].
    pub start_ephemeral: Indexes,
    /// Init containers and sidecars to start.
    pub start_init: Indexes,
    /// Main containers to start.
    pub start: Indexes,
}

/// What one sync of the pod does.
#[must_use]
pub fn pod_actions(input: &SyncInput<'_>) -> PodActions {
    let change = sandbox_change(input.sandboxes, input.host_network);
    let mut actions = PodActions { attempt: change.attempt, ..PodActions::default() };
    let init_count = input.containers.iter().take_while(|container| container.role != Role::Main).count();
    if change.needed {
        actions.kill_pod = true;
        restart_pod(input, init_count, &mut actions);
        return actions;
    }
    let unknown = input.ephemeral.iter().enumerate().filter(|(_, known)| !**known);
    actions.start_ephemeral.extend(unknown.map(|(index, _)| index));
    let initialized = init_actions(input, init_count, &mut actions);
    if initialized && !actions.kill_pod {
        main_actions(input, init_count, &mut actions);
    }
    actions
}

/// The pod starts from the beginning in a new sandbox, unless it is over.
fn restart_pod(input: &SyncInput<'_>, init_count: usize, actions: &mut PodActions) {
    let some_known =
        input.containers.iter().any(|container| container.runtime.is_some()) || input.ephemeral.contains(&true);
    if !input.restart_policy.restarts_on_failure() && actions.attempt != 0 && some_known {
        return;
    }
    let main = &input.containers[init_count..];
    let done = |container: &SyncContainer<'_>| {
        let policy = container.restart.map_or(input.restart_policy, |own| own.policy);
        let exited = container.runtime.map(|instance| instance.state);
        policy == RestartPolicy::OnFailure && exited == Some(RuntimeState::Exited(0))
    };
    let created = |container: &SyncContainer<'_>| {
        container.runtime.is_some_and(|instance| instance.state != RuntimeState::Unknown)
    };
    let candidates = main.iter().enumerate().filter(|(_, container)| !done(container));
    let candidates: Indexes = candidates.map(|(index, _)| init_count + index).collect();
    if candidates.is_empty() && main.iter().any(created) {
        return;
    }
    actions.create_sandbox = true;
    if init_count > 0 {
        actions.start_init.push(0);
    } else {
        actions.start = candidates;
    }
}

/// What an init container asks for.
enum InitStep {
    /// Nothing: wait for it.
    Wait,
    /// It has done its part; restart it for this reason, if any.
    Done(Option<KillReason>),
    /// Start it (again), after killing it for this reason, if any.
    Start(Option<KillReason>),
    /// It failed for good, and the pod with it.
    KillPod,
}

fn init_step(container: &SyncContainer<'_>, instance: Instance, policy: RestartPolicy) -> InitStep {
    let sidecar = container.role == Role::Sidecar;
    match instance.state {
        RuntimeState::Created => InitStep::Start(None),
        RuntimeState::Running if !sidecar => InitStep::Wait,
        RuntimeState::Running => match instance.startup {
            Some(ProbeResult::Failure) if container.startup_probe => InitStep::Start(Some(KillReason::Startup)),
            None | Some(ProbeResult::Unknown) if container.startup_probe => InitStep::Wait,
            _ if instance.changed => InitStep::Done(Some(KillReason::Changed)),
            _ if instance.liveness == Some(ProbeResult::Failure) => InitStep::Done(Some(KillReason::Liveness)),
            _ => InitStep::Done(None),
        },
        RuntimeState::Exited(_) if sidecar => InitStep::Start(None),
        RuntimeState::Exited(0) => InitStep::Done(None),
        RuntimeState::Exited(code)
            if broken!("pod actions", should_restart(policy, container.restart, code), false) =>
        {
            InitStep::Start(None)
        }
        RuntimeState::Unknown if sidecar || restarts_on_failure(policy, container.restart) => {
            InitStep::Start(Some(KillReason::Unknown))
        }
        RuntimeState::Exited(_) | RuntimeState::Unknown => InitStep::KillPod,
    }
}

/// Goes over the init containers from the last to the first, as the records of finished ones may be gone, and returns
/// whether the pod is initialized.
fn init_actions(input: &SyncInput<'_>, init_count: usize, actions: &mut PodActions) -> bool {
    let (init, main) = input.containers.split_at(init_count);
    if init.is_empty() {
        return true;
    }
    let runs = |container: &SyncContainer<'_>| {
        let state = container.runtime.map(|instance| instance.state);
        matches!(state, Some(RuntimeState::Created | RuntimeState::Running))
    };
    let mut initialized = main.iter().any(runs);
    let mut later_initialized = initialized;
    for (index, container) in init.iter().enumerate().rev() {
        let sidecar = container.role == Role::Sidecar;
        let Some(instance) = container.runtime else {
            if later_initialized && sidecar {
                actions.start_init.push(index);
            }
            continue;
        };
        if later_initialized && !sidecar {
            continue;
        }
        match init_step(container, instance, input.restart_policy) {
            InitStep::Wait => {}
            InitStep::Done(restart) => {
                if index + 1 == init_count {
                    initialized = true;
                } else if !later_initialized {
                    actions.start_init.push(index + 1);
                }
                if let Some(reason) = restart {
                    actions.kill.push((index, reason));
                    actions.start_init.push(index);
                }
            }
            InitStep::Start(reason) => {
                actions.kill.extend(reason.map(|reason| (index, reason)));
                actions.start_init.push(index);
            }
            InitStep::KillPod => {
                actions.kill_pod = true;
                actions.start_init.clear();
                return false;
            }
        }
        later_initialized = true;
    }
    if !later_initialized {
        actions.start_init.push(0);
    }
    actions.start_init.reverse();
    initialized
}

fn main_actions(input: &SyncInput<'_>, init_count: usize, actions: &mut PodActions) {
    let mut kept = 0;
    for (index, container) in input.containers.iter().enumerate().skip(init_count) {
        let running = container.runtime.filter(|instance| instance.state == RuntimeState::Running);
        let Some(instance) = running else {
            let state = container.runtime.map(|instance| instance.state);
            if should_start(input.restart_policy, container.restart, input.deleting, state) {
                actions.start.push(index);
                if state == Some(RuntimeState::Unknown) {
                    actions.kill.push((index, KillReason::Unknown));
                }
            }
            continue;
        };
        let failed = Some(ProbeResult::Failure);
        let reason = match instance {
            Instance { changed: true, .. } => KillReason::Changed,
            Instance { liveness, .. } if liveness == failed => KillReason::Liveness,
            Instance { startup, .. } if startup == failed => KillReason::Startup,
            _ => {
                kept += 1;
                continue;
            }
        };
        // A changed container is replaced whatever the policy.
        if reason == KillReason::Changed || restarts_on_failure(input.restart_policy, container.restart) {
            actions.start.push(index);
        }
        actions.kill.push((index, reason));
    }
    if kept == 0 && actions.start.is_empty() {
        // Sidecars must not keep a pod alive that has nothing else to do.
        actions.kill_pod = true;
        actions.start_init.clear();
    }
}

#[cfg(test)]
#[path = "actions_tests.rs"]
mod tests;
