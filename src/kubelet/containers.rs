//! A container as the rules see it, and whether it is to be restarted.
//!
//! Mirrors pkg/kubelet/container/helpers.go (`ShouldContainerBeRestarted`) and pkg/api/v1/pod/util.go
//! (`ContainerShouldRestart`, `FindMatchingContainerRestartRule`, `IsContainerRestartable`), v1.34.

use crate::model::{ContainerSpec, ContainerStatus, RestartPolicy, RestartRule, Role, StrId};

/// A container of the spec together with its status.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Name.
    pub name: StrId,
    /// Init container, sidecar or main container.
    pub role: Role,
    /// Restart rules of its own; only behind the gate `ContainerRestartRules`.
    pub restart: Option<OwnRestart<'a>>,
    /// Its status, if there is one.
    pub status: Option<&'a ContainerStatus>,
}

/// A container's own `restartPolicy` and `restartPolicyRules`, which go before those of the pod.
/// They are alpha in v1.34 and off by default: leave them out unless `ContainerRestartRules` is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnRestart<'a> {
    /// Its `restartPolicy`.
    pub policy: RestartPolicy,
    /// Its `restartPolicyRules`, in order.
    pub rules: &'a [RestartRule],
}

impl<'a> OwnRestart<'a> {
    /// Those of a container's spec, if it has any.
    #[must_use]
    pub fn of(spec: &'a ContainerSpec) -> Option<Self> {
        spec.restart.as_deref().map(|own| Self { policy: own.policy, rules: &own.rules })
    }
}

impl RestartRule {
    /// Whether the rule is for this exit code.
    #[must_use]
    pub fn matches(&self, exit_code: i32) -> bool {
        self.exit_codes.contains(&exit_code) != self.not_in
    }
}

/// The first rule for this exit code.
#[must_use]
pub fn matching_rule(rules: &[RestartRule], exit_code: i32) -> Option<&RestartRule> {
    rules.iter().find(|rule| rule.matches(exit_code))
}

impl RestartPolicy {
    /// Whether a container that ended with this exit code is restarted.
    #[must_use]
    pub const fn restarts(self, exit_code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => exit_code != 0,
            Self::Never => false,
        }
    }

    /// Whether a failed container is restarted.
    #[must_use]
    pub const fn restarts_on_failure(self) -> bool {
        !matches!(self, Self::Never)
    }
}

/// Whether a container that ended with this exit code is restarted.
#[must_use]
pub fn should_restart(pod: RestartPolicy, own: Option<OwnRestart<'_>>, exit_code: i32) -> bool {
    match own {
        Some(own) => matching_rule(own.rules, exit_code).is_some() || own.policy.restarts(exit_code),
        None => pod.restarts(exit_code),
    }
}

/// Whether the container can be restarted at all.
#[must_use]
pub fn is_restartable(pod: RestartPolicy, own: Option<OwnRestart<'_>>) -> bool {
    own.map_or(pod.restarts_on_failure(), |own| !own.rules.is_empty() || own.policy.restarts_on_failure())
}

/// Whether a container that failed a probe or was lost track of is restarted: rules do not count, as there is no exit
/// code to hold against them.
#[must_use]
pub fn restarts_on_failure(pod: RestartPolicy, own: Option<OwnRestart<'_>>) -> bool {
    own.map_or(pod, |own| own.policy).restarts_on_failure()
}

/// The state of a container's newest instance in the container runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuntimeState {
    /// Made but not started.
    Created,
    /// Running.
    Running,
    /// Ended with this exit code.
    Exited(i32),
    /// The runtime cannot tell.
    Unknown,
}

/// Whether a container is to be started, given its newest instance in the runtime.
#[must_use]
pub fn should_start(
    pod: RestartPolicy,
    own: Option<OwnRestart<'_>>,
    deleting: bool,
    runtime: Option<RuntimeState>,
) -> bool {
    if deleting {
        return false;
    }
    match runtime {
        None | Some(RuntimeState::Created | RuntimeState::Unknown) => true,
        Some(RuntimeState::Running) => false,
        Some(RuntimeState::Exited(exit_code)) => should_restart(pod, own, exit_code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_own_rules_go_before_its_own_policy() {
        let rules = [RestartRule { not_in: true, exit_codes: [0, 1].into() }];
        let own = Some(OwnRestart { policy: RestartPolicy::Never, rules: &rules });
        assert!(should_restart(RestartPolicy::Never, own, 42));
        assert!(!should_restart(RestartPolicy::Always, own, 1));
        assert!(is_restartable(RestartPolicy::Never, own) && !restarts_on_failure(RestartPolicy::Always, own));
        assert!(
            should_restart(RestartPolicy::OnFailure, None, 1) && !should_restart(RestartPolicy::OnFailure, None, 0)
        );
    }

    #[test]
    fn nothing_starts_in_a_pod_that_is_deleted() {
        for state in [None, Some(RuntimeState::Created), Some(RuntimeState::Exited(1))] {
            assert!(!should_start(RestartPolicy::Always, None, true, state));
            assert!(should_start(RestartPolicy::Always, None, false, state));
        }
    }
}
