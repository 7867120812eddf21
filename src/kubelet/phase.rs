//! The phase of a pod, from the statuses of its containers, and what of it is sent to the API server.
//!
//! Mirrors pkg/kubelet/kubelet_pods.go (`getPhase`, `generateAPIPodStatus`) and pkg/kubelet/status/status_manager.go
//! (`mergePodStatus`), v1.34.

use super::containers::{Observed, should_restart};
use crate::base::broken;
use crate::model::status::{ContainerState, Phase};
use crate::model::{RestartPolicy, Role};

/// What the phase depends on besides the containers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PhaseInput {
    /// `spec.restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// Whether a main container exists in the newest sandbox and that is ready.
    pub has_initialized: bool,
    /// Whether the pod worker has stopped the pod for good.
    pub terminal: bool,
    /// Whether the pod comes from a file on the node.
    pub static_pod: bool,
    /// The gate `ContainerRestartRules`, off by default.
    pub restart_rules: bool,
}

#[derive(Default)]
struct Counts {
    pending_init: u32,
    failed_init: u32,
    pending_sidecar: u32,
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    /// Of the stopped ones: those that are going to be restarted.
    restarting: u32,
    /// Of the stopped ones: those whose state now is exit code 0.
    succeeded: u32,
}

impl Counts {
    fn init(&mut self, container: &Observed<'_>, policy: RestartPolicy) {
        let Some(status) = container.status else {
            self.pending_init += 1;
            return;
        };
        let ended = match status.state {
            ContainerState::Running { .. } | ContainerState::Unset => None,
            ContainerState::Terminated(terminated) => Some(terminated),
            ContainerState::Waiting { .. } => status.last_state.terminated().copied(),
        };
        match ended {
            None => self.pending_init += 1,
            // A failure counts only if it is final.
            Some(end) => {
                let failed = end.exit_code != 0 && !should_restart(policy, container.restart, end.exit_code);
                self.failed_init += u32::from(failed);
            }
        }
    }

    fn sidecar(&mut self, container: &Observed<'_>) {
        let Some(status) = container.status else {
            self.unknown += 1;
            return;
        };
        match status.state {
            ContainerState::Running { .. } => {
                self.running += 1;
                self.pending_sidecar += u32::from(status.started != Some(true));
            }
            ContainerState::Terminated(_) => {}
            ContainerState::Waiting { .. } => {
                if status.last_state.terminated().is_none() {
                    self.pending_sidecar += 1;
                    self.waiting += 1;
                }
            }
            ContainerState::Unset => {
                self.pending_sidecar += 1;
                self.unknown += 1;
            }
        }
    }

    fn main(&mut self, container: &Observed<'_>, policy: RestartPolicy) {
        let Some(status) = container.status else {
            self.unknown += 1;
            return;
        };
        let mut stopped = |exit_code| {
            self.stopped += 1;
            self.restarting += u32::from(should_restart(policy, container.restart, exit_code));
        };
        match status.state {
            ContainerState::Running { .. } => self.running += 1,
            ContainerState::Terminated(end) => {
                stopped(end.exit_code);
                self.succeeded += u32::from(end.exit_code == 0);
            }
            ContainerState::Waiting { .. } => match status.last_state.terminated() {
                Some(end) => stopped(end.exit_code),
                None => self.waiting += 1,
            },
            ContainerState::Unset => self.unknown += 1,
        }
    }
}

/// The phase that the containers' statuses amount to.
#[must_use]
pub fn phase(containers: &[Observed<'_>], input: &PhaseInput) -> Phase {
    let mut counts = Counts::default();
    for container in containers {
        match container.role {
            Role::Init => counts.init(container, input.restart_policy),
            Role::Sidecar => counts.sidecar(container),
            Role::Main => counts.main(container, input.restart_policy),
        }
    }
    if counts.failed_init > 0 {
        return Phase::Failed;
    }
    let sidecars_pending = counts.pending_sidecar > 0 && !input.has_initialized;
    if counts.pending_init > 0 || sidecars_pending || counts.waiting > 0 || counts.unknown > 0 {
        return Phase::Pending;
    }
    if counts.running > 0 {
        return Phase::Running;
    }
    if counts.stopped == 0 {
        return Phase::Pending;
    }
    let succeeded = counts.stopped == counts.succeeded;
    let final_phase = if succeeded { Phase::Succeeded } else { Phase::Failed };
    if input.terminal && !input.static_pod {
        return final_phase;
    }
    // A container that waits for its restart is never counted as succeeded, even if it last exited with 0; without
    // the gate such a pod goes on under OnFailure, too.
    let goes_on = broken!("phase", counts.restarting > 0, false)
        || !input.restart_rules && !succeeded && input.restart_policy == RestartPolicy::OnFailure;
    if goes_on { Phase::Running } else { final_phase }
}

/// The phase that a status keeps: once terminal in the status known before, it never changes again.
#[must_use]
pub const fn keep_terminal(previous: Phase, computed: Phase) -> Phase {
    if previous.is_terminal() { previous } else { computed }
}

/// The phase that is sent to the API server: a terminal one only once no main or init container runs any more, and
/// the old one until then (with its reason and message).
#[must_use]
pub const fn phase_to_send(old: Phase, new: Phase, some_container_runs: bool) -> Phase {
    if new.is_terminal() && some_container_runs { old } else { new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;
    use crate::model::{ContainerStatus, Terminated};

    fn ended(exit_code: i32) -> ContainerState {
        ContainerState::Terminated(Terminated { exit_code, ..Terminated::status_unknown() })
    }

    fn status(state: ContainerState, last_state: ContainerState) -> ContainerStatus {
        ContainerStatus { state, last_state, ..ContainerStatus::waiting(known::EMPTY, known::EMPTY) }
    }

    fn of(role: Role, status: &ContainerStatus) -> Observed<'_> {
        Observed { name: known::EMPTY, role, restart: None, status: Some(status) }
    }

    const INPUT: PhaseInput = PhaseInput {
        restart_policy: RestartPolicy::OnFailure,
        has_initialized: true,
        terminal: false,
        static_pod: false,
        restart_rules: false,
    };
    const WAITING: ContainerState = ContainerState::Waiting { reason: known::EMPTY };
    const RUNNING: ContainerState = ContainerState::Running { started_at: Terminated::NO_TIME };

    #[test]
    fn a_container_that_waits_after_success_keeps_its_pod_running() {
        let waits = status(WAITING, ended(0));
        let done = status(ended(0), ContainerState::Unset);
        assert_eq!(phase(&[of(Role::Main, &waits), of(Role::Main, &done)], &INPUT), Phase::Running);
        assert_eq!(phase(&[of(Role::Main, &done)], &INPUT), Phase::Succeeded);
        let gate = PhaseInput { restart_rules: true, ..INPUT };
        assert_eq!(phase(&[of(Role::Main, &waits)], &gate), Phase::Failed);
        let stopped = PhaseInput { terminal: true, ..INPUT };
        assert_eq!(phase(&[of(Role::Main, &waits)], &stopped), Phase::Failed);
        let static_pod = PhaseInput { static_pod: true, ..stopped };
        assert_eq!(phase(&[of(Role::Main, &waits)], &static_pod), Phase::Running);
    }

    #[test]
    fn a_sidecar_alone_keeps_its_pod_running_until_it_stops() {
        let done = status(ended(0), ContainerState::Unset);
        let mut sidecar = status(RUNNING, ContainerState::Unset);
        sidecar.started = Some(true);
        assert_eq!(phase(&[of(Role::Sidecar, &sidecar), of(Role::Main, &done)], &INPUT), Phase::Running);
        assert_eq!(phase(&[of(Role::Sidecar, &done), of(Role::Main, &done)], &INPUT), Phase::Succeeded);
    }

    #[test]
    fn terminal_phases_are_sent_late_and_kept() {
        assert_eq!(phase_to_send(Phase::Running, Phase::Failed, true), Phase::Running);
        assert_eq!(phase_to_send(Phase::Running, Phase::Failed, false), Phase::Failed);
        assert_eq!(keep_terminal(Phase::Succeeded, Phase::Running), Phase::Succeeded);
        assert_eq!(keep_terminal(Phase::Pending, Phase::Running), Phase::Running);
    }
}
