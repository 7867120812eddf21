//! The conditions of a pod that the kubelet writes: Initialized, ContainersReady, Ready, PodReadyToStartContainers.
//! Status and reason are computed without allocating; messages are rendered on demand from the same inputs.
//!
//! Mirrors pkg/kubelet/status/generate.go, v1.34.

use super::actions::{Sandbox, sandbox_change};
use super::containers::Observed;
use crate::base::broken;
use crate::model::status::{ConditionStatus, Phase, PodCondition};
use crate::model::strings::known;
use crate::model::{Role, StrId, Strings};

/// What the conditions depend on.
#[derive(Clone, Copy, Debug)]
pub struct ConditionInput<'a> {
    /// Init containers, then main containers, in spec order.
    pub containers: &'a [Observed<'a>],
    /// Whether the pod's status has a list of container statuses at all, if only an empty one.
    pub statuses_known: bool,
    /// The pod's phase.
    pub phase: Phase,
    /// `spec.readinessGates` with the conditions that they name.
    pub gates: &'a [ReadinessGate],
}

/// A readiness gate and the condition of that type, if the pod has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadinessGate {
    /// The type of the condition.
    pub condition: StrId,
    /// Its status.
    pub status: Option<ConditionStatus>,
}

const TRUE_COMPLETED: PodCondition = PodCondition { status: ConditionStatus::True, reason: known::POD_COMPLETED };

impl ConditionInput<'_> {
    /// Containers that must be ready: main containers and sidecars.
    fn serving(&self) -> impl Iterator<Item = &Observed<'_>> {
        self.containers.iter().filter(|container| container.role != Role::Init)
    }

    /// Init containers and sidecars.
    fn initial(&self) -> impl Iterator<Item = &Observed<'_>> {
        self.containers.iter().filter(|container| container.role != Role::Main)
    }
}

fn is_unknown(container: &Observed<'_>) -> bool {
    container.status.is_none()
}

fn is_unready(container: &Observed<'_>) -> bool {
    container.status.is_some_and(|status| !status.ready)
}

fn is_incomplete(container: &Observed<'_>) -> bool {
    container.status.is_some_and(|status| match container.role {
        Role::Sidecar => status.started != Some(true),
        _ => !status.ready,
    })
}

fn has_started(container: &Observed<'_>) -> bool {
    container.role == Role::Main
        && container.status.is_some_and(|s| s.state.is_running() || s.state.terminated().is_some())
}

/// Ready and ContainersReady of a pod whose phase, as it is sent to the API server, is terminal: False, whatever the
/// containers' statuses; `None` in other phases.
#[must_use]
pub const fn readiness_of_terminal(phase: Phase) -> Option<PodCondition> {
    match phase {
        Phase::Succeeded => Some(PodCondition::not(known::POD_COMPLETED)),
        Phase::Failed => Some(PodCondition::not(known::POD_FAILED)),
        _ => None,
    }
}

/// Whether all main containers and sidecars are ready.
#[must_use]
pub fn containers_ready(input: &ConditionInput<'_>) -> PodCondition {
    if !input.statuses_known {
        return PodCondition::not(known::UNKNOWN_CONTAINER_STATUSES);
    }
    let unknown = input.serving().any(is_unknown);
    // Success counts only where all containers are known.
    match readiness_of_terminal(input.phase).filter(|_| input.phase == Phase::Failed || !unknown) {
        Some(condition) => condition,
        None if unknown || broken!("conditions", input.serving().any(is_unready), false) => {
            PodCondition::not(known::CONTAINERS_NOT_READY)
        }
        None => PodCondition::TRUE,
    }
}

/// Whether the pod can serve: all containers are ready and all readiness gates are open.
#[must_use]
pub fn ready(input: &ConditionInput<'_>) -> PodCondition {
    let containers = containers_ready(input);
    let open = |gate: &ReadinessGate| gate.status == Some(ConditionStatus::True);
    if containers.status == ConditionStatus::True && !input.gates.iter().all(open) {
        return PodCondition::not(known::READINESS_GATES_NOT_READY);
    }
    containers
}

/// Whether the init containers have done their part.
#[must_use]
pub fn initialized(input: &ConditionInput<'_>) -> PodCondition {
    if !input.statuses_known && input.initial().next().is_some() {
        return PodCondition::not(known::UNKNOWN_CONTAINER_STATUSES);
    }
    let unknown = input.initial().any(is_unknown);
    if input.phase == Phase::Succeeded && !unknown {
        return TRUE_COMPLETED;
    }
    let started = input.containers.iter().any(has_started);
    if !started && (unknown || input.initial().any(is_incomplete)) {
        return PodCondition::not(known::CONTAINERS_NOT_INITIALIZED);
    }
    PodCondition::TRUE
}

/// Whether the pod's sandbox and network are there.
#[must_use]
pub fn ready_to_start_containers(sandboxes: &[Sandbox], host_network: bool) -> PodCondition {
    let changed = sandbox_change(sandboxes, host_network).needed;
    PodCondition { status: ConditionStatus::from_bool(!changed), reason: known::EMPTY }
}

/// The message of a condition that [`containers_ready`], [`ready`] or [`initialized`] returned for `input`.
#[must_use]
pub fn message(condition: PodCondition, input: &ConditionInput<'_>, strings: &Strings) -> String {
    let names = |what: &str, containers: &mut dyn Iterator<Item = &Observed<'_>>| {
        let names: Vec<&str> = containers.map(|container| strings.text(container.name)).collect();
        (!names.is_empty()).then(|| format!("containers with {what} status: [{}]", names.join(" ")))
    };
    let parts: Vec<String> = match condition.reason {
        known::CONTAINERS_NOT_READY => {
            let unknown = names("unknown", &mut input.serving().filter(|c| is_unknown(c)));
            let unready = names("unready", &mut input.serving().filter(|c| is_unready(c)));
            unknown.into_iter().chain(unready).collect()
        }
        known::CONTAINERS_NOT_INITIALIZED => {
            let unknown = names("unknown", &mut input.initial().filter(|c| is_unknown(c)));
            let incomplete = names("incomplete", &mut input.initial().filter(|c| is_incomplete(c)));
            unknown.into_iter().chain(incomplete).collect()
        }
        known::READINESS_GATES_NOT_READY => {
            let closed = input.gates.iter().filter(|gate| gate.status != Some(ConditionStatus::True));
            let text = |gate: &ReadinessGate| {
                let name = strings.text(gate.condition);
                match gate.status {
                    None => format!("corresponding condition of pod readiness gate \"{name}\" does not exist."),
                    Some(status) => {
                        format!("the status of pod readiness gate \"{name}\" is not \"True\", but {}", status.text())
                    }
                }
            };
            closed.map(text).collect()
        }
        _ => Vec::new(),
    };
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ContainerStatus;

    #[test]
    fn closed_gates_are_told_one_by_one() {
        let mut strings = Strings::new();
        let [absent, closed, open] = ["a", "b", "c"].map(|name| strings.intern(name));
        let status = ContainerStatus { ready: true, ..ContainerStatus::waiting(open, known::EMPTY) };
        let container = Observed { name: open, role: Role::Main, restart: None, status: Some(&status) };
        let gates = [
            ReadinessGate { condition: absent, status: None },
            ReadinessGate { condition: closed, status: Some(ConditionStatus::Unknown) },
            ReadinessGate { condition: open, status: Some(ConditionStatus::True) },
        ];
        let containers = [container];
        let input =
            ConditionInput { containers: &containers, statuses_known: true, phase: Phase::Running, gates: &gates };
        let condition = ready(&input);
        assert_eq!(condition, PodCondition::not(known::READINESS_GATES_NOT_READY));
        assert_eq!(
            message(condition, &input, &strings),
            "corresponding condition of pod readiness gate \"a\" does not exist., \
             the status of pod readiness gate \"b\" is not \"True\", but Unknown"
        );
        assert_eq!(containers_ready(&input), PodCondition::TRUE);
        assert_eq!(message(containers_ready(&input), &input, &strings), "");
    }
}
