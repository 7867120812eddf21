//! What becomes of a status when the pod worker has finished: no evidence of an end is turned into a failure.
//!
//! Mirrors pkg/kubelet/status/status_manager.go (`TerminatePod`, `hasPodInitialized`, `initializedContainers`), v1.34.

use crate::model::status::{ContainerState, Phase};
use crate::model::{ContainerStatus, Role, StrId, Terminated};

/// Gives the containers that have no known end one, and returns the pod's final phase. `init_spec` are the init
/// containers of the spec, `init` and `main` the status lists.
pub fn terminate_pod(
    phase: Phase,
    static_pod: bool,
    init_spec: &[(StrId, Role)],
    init: &mut [ContainerStatus],
    main: &mut [ContainerStatus],
) -> Phase {
    let initialized = has_initialized(init_spec, init, main);
    let started = last_started(init);
    init[..started].iter_mut().for_each(end);
    if initialized {
        main.iter_mut().for_each(end);
    }
    terminated_phase(phase, static_pod)
}

/// The phase of a pod that the worker has finished: one that is not terminal becomes Failed, unless the pod is static.
#[must_use]
pub const fn terminated_phase(phase: Phase, static_pod: bool) -> Phase {
    if phase.is_terminal() || static_pod { phase } else { Phase::Failed }
}

fn end(status: &mut ContainerStatus) {
    if status.state.terminated().is_none() {
        status.state = ContainerState::Terminated(Terminated::status_unknown());
    }
}

fn left_waiting(status: &ContainerStatus) -> bool {
    !status.state.is_waiting() || status.last_state.terminated().is_some()
}

/// Whether there is evidence that the main containers had their turn.
fn has_initialized(init_spec: &[(StrId, Role)], init: &[ContainerStatus], main: &[ContainerStatus]) -> bool {
    if init_spec.is_empty() || main.iter().any(left_waiting) {
        return true;
    }
    let Some((last, status)) = init.len().checked_sub(1).and_then(|i| Some((init_spec.get(i)?, init.get(i)?))) else {
        return false;
    };
    let succeeded = |state: &ContainerState| state.terminated().is_some_and(|end| end.exit_code == 0);
    match last {
        (name, _) if *name != status.name => false,
        (_, Role::Sidecar) => status.state.is_running() && status.started == Some(true),
        _ => succeeded(&status.last_state) || succeeded(&status.state),
    }
}

/// How many of the init containers had their turn: up to the last that shows it, at least the first.
fn last_started(init: &[ContainerStatus]) -> usize {
    init.iter().rposition(left_waiting).map_or(init.len().min(1), |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;

    fn waiting(name: StrId) -> ContainerStatus {
        ContainerStatus::waiting(name, known::POD_INITIALIZING)
    }

    #[test]
    fn main_containers_end_only_if_the_last_sidecar_had_started() {
        let (first, last, main) = (known::CPU, known::MEMORY, known::PODS);
        let spec = [(first, Role::Init), (last, Role::Sidecar)];
        for (started, want) in [(Some(true), true), (Some(false), false), (None, false)] {
            let state = ContainerState::Running { started_at: Terminated::NO_TIME };
            let mut init = [waiting(first), ContainerStatus { state, started, ..waiting(last) }];
            let mut mains = [waiting(main)];
            assert_eq!(terminate_pod(Phase::Running, false, &spec, &mut init, &mut mains), Phase::Failed);
            assert!(init.iter().all(|status| status.state.terminated().is_some()));
            assert_eq!(mains[0].state.terminated().is_some(), want);
        }
        assert_eq!(terminated_phase(Phase::Running, true), Phase::Running);
    }
}
