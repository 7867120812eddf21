//! What a sync does with a pod, case by case.

use super::*;

const SANDBOX: Sandbox = Sandbox { ready: true, attempt: 3, has_ip: true, host_network: false };

fn container<'a>(role: Role, state: Option<RuntimeState>) -> SyncContainer<'a> {
    let runtime = state.map(|state| Instance { state, changed: false, liveness: None, startup: None });
    SyncContainer { role, restart: None, startup_probe: false, runtime }
}

fn sync(containers: &[SyncContainer<'_>], policy: RestartPolicy, deleting: bool) -> PodActions {
    pod_actions(&SyncInput {
        restart_policy: policy,
        deleting,
        host_network: false,
        containers,
        ephemeral: &[],
        sandboxes: &[SANDBOX],
    })
}

#[test]
fn a_sandbox_is_replaced_for_each_of_its_faults() {
    let change = |sandboxes: &[Sandbox], host| sandbox_change(sandboxes, host);
    assert_eq!(change(&[], false), SandboxChange { needed: true, attempt: 0 });
    assert_eq!(change(&[SANDBOX], false), SandboxChange { needed: false, attempt: 3 });
    let replaced = SandboxChange { needed: true, attempt: 4 };
    assert_eq!(change(&[SANDBOX, SANDBOX], false), replaced);
    assert_eq!(change(&[SANDBOX], true), replaced);
    assert_eq!(change(&[Sandbox { has_ip: false, ..SANDBOX }], false), replaced);
    assert_eq!(change(&[Sandbox { ready: false, ..SANDBOX }, SANDBOX], false), replaced);
    let host = Sandbox { host_network: true, has_ip: false, ..SANDBOX };
    assert!(!change(&[host], true).needed);
}

#[test]
fn an_unknown_instance_is_killed_before_it_is_replaced() {
    let unknown = container(Role::Main, Some(RuntimeState::Unknown));
    let actions = sync(&[unknown], RestartPolicy::Never, false);
    assert_eq!((&actions.kill[..], &actions.start[..]), (&[(0, KillReason::Unknown)][..], &[0][..]));
    assert!(sync(&[unknown], RestartPolicy::Always, true).kill_pod);
}

#[test]
fn a_changed_container_is_replaced_whatever_the_policy_but_a_failed_probe_is_not() {
    let mut changed = container(Role::Main, Some(RuntimeState::Running));
    changed.runtime.as_mut().expect("it runs").changed = true;
    let mut dead = container(Role::Main, Some(RuntimeState::Running));
    dead.runtime.as_mut().expect("it runs").liveness = Some(ProbeResult::Failure);
    let actions = sync(&[changed, dead], RestartPolicy::Never, false);
    assert_eq!(actions.kill[..], [(0, KillReason::Changed), (1, KillReason::Liveness)]);
    assert_eq!(actions.start[..], [0]);
    assert_eq!(sync(&[dead], RestartPolicy::OnFailure, false).start[..], [0]);
}

#[test]
fn a_dead_sidecar_is_restarted_and_the_next_container_started() {
    let mut sidecar = container(Role::Sidecar, Some(RuntimeState::Running));
    sidecar.runtime.as_mut().expect("it runs").liveness = Some(ProbeResult::Failure);
    let containers = [sidecar, container(Role::Init, None), container(Role::Main, None)];
    let actions = sync(&containers, RestartPolicy::Always, false);
    assert_eq!((&actions.start_init[..], &actions.start[..]), (&[0, 1][..], &[][..]));
    assert_eq!(actions.kill[..], [(0, KillReason::Liveness)]);
}

#[test]
fn lost_sidecars_come_back_but_not_in_a_pod_that_is_done() {
    let lost = [container(Role::Sidecar, None), container(Role::Main, Some(RuntimeState::Running))];
    assert_eq!(sync(&lost, RestartPolicy::Always, false).start_init[..], [0]);
    let done =
        [container(Role::Sidecar, Some(RuntimeState::Running)), container(Role::Main, Some(RuntimeState::Exited(0)))];
    let actions = sync(&done, RestartPolicy::OnFailure, false);
    assert!(actions.kill_pod && actions.start_init.is_empty() && actions.start.is_empty());
}
