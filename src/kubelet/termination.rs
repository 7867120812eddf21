//! How long a pod and its containers are given to stop, and in which order they are asked to.
//!
//! Mirrors pkg/kubelet/pod_workers.go (`calculateEffectiveGracePeriod`), pkg/kubelet/kuberuntime/kuberuntime_container.go (`setTerminationGracePeriod`,
//! `killContainer`) and kuberuntime_termination_order.go, v1.34. Grace periods are in whole seconds.

use super::actions::KillReason;
use crate::base::{SimDuration, broken};
use crate::model::Role;

/// What a container gets at least, even when its pod has no grace left.
pub const MINIMUM_CONTAINER_GRACE: i64 = 2;

/// The grace period that a pod's worker goes by: it can only become shorter. `previous` is that of an earlier request
/// (0: none), `deletion` that of the API object, `request` that of whoever asks now (eviction, shutdown, preemption).
#[must_use]
pub fn pod_effective_grace(previous: i64, deletion: Option<i64>, request: Option<i64>, spec: Option<i64>) -> i64 {
    let (mut grace, mut overridden) = (previous, false);
    for shorter in [deletion, request].into_iter().flatten() {
        if grace == 0 || shorter < grace {
            (grace, overridden) = (shorter, true);
        }
    }
    if !overridden && grace == 0 {
        grace = spec.unwrap_or(0);
    }
    grace.max(1)
}

/// The grace periods that one container's kill may go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KillGrace {
    /// `metadata.deletionGracePeriodSeconds`.
    pub deletion: Option<i64>,
    /// `spec.terminationGracePeriodSeconds`.
    pub spec: Option<i64>,
    /// That of the container's liveness probe.
    pub liveness: Option<i64>,
    /// That of the container's startup probe.
    pub startup: Option<i64>,
}

impl KillGrace {
    /// The grace period of a container that is killed for `reason` (`None`: with its pod), before hooks.
    #[must_use]
    pub fn for_container(&self, reason: Option<KillReason>) -> i64 {
        let of_probe = match reason {
            Some(KillReason::Liveness) => self.liveness,
            Some(KillReason::Startup) => self.startup,
            _ => None,
        };
        let of_spec = broken!("grace", self.spec.map(|spec| of_probe.unwrap_or(spec)), None);
        self.deletion.or(of_spec).unwrap_or(MINIMUM_CONTAINER_GRACE)
    }
}

/// What is left of a grace period after a preStop hook or a wait took `spent`: only whole seconds are taken off.
#[must_use]
pub const fn grace_left(grace: i64, spent: SimDuration) -> i64 {
    grace - spent.whole_secs()
}

/// The time between SIGTERM and SIGKILL, given what is left of the grace period.
#[must_use]
pub fn kill_after(grace_left: i64) -> SimDuration {
    SimDuration::from_secs(grace_left.max(MINIMUM_CONTAINER_GRACE))
}

/// Whether any container of the pod waits for others when the pod is stopped.
#[must_use]
pub fn has_order(roles: &[Role]) -> bool {
    roles.contains(&Role::Sidecar)
}

/// Whether it is `container`'s turn to stop. `roles` are those of init containers, then main containers, in spec order;
/// `runs` tells which of them ran when the pod was asked to stop and still do. A sidecar waits for the main containers
/// and for the next sidecar after it; nothing else waits.
#[must_use]
pub fn is_turn(container: usize, roles: &[Role], runs: impl Fn(usize) -> bool) -> bool {
    if broken!("termination order", roles[container] != Role::Sidecar, true) {
        return true;
    }
    let main_run = roles.iter().enumerate().any(|(index, role)| *role == Role::Main && runs(index));
    let next = roles.iter().skip(container + 1).position(|role| *role == Role::Sidecar);
    !main_run && !next.is_some_and(|after| runs(container + 1 + after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_only_shrinks() {
        assert_eq!(pod_effective_grace(10, Some(30), None, Some(60)), 10);
        assert_eq!(pod_effective_grace(10, Some(5), Some(3), Some(60)), 3);
        assert_eq!(pod_effective_grace(0, Some(0), Some(7), Some(60)), 7);
        assert_eq!(pod_effective_grace(0, None, None, None), 1);
    }

    #[test]
    fn a_probes_grace_counts_only_for_its_own_kills() {
        let grace = KillGrace { deletion: None, spec: Some(60), liveness: Some(10), startup: None };
        assert_eq!(grace.for_container(Some(KillReason::Liveness)), 10);
        assert_eq!(grace.for_container(Some(KillReason::Startup)), 60);
        assert_eq!(KillGrace { deletion: Some(3), ..grace }.for_container(Some(KillReason::Liveness)), 3);
        assert_eq!(kill_after(grace_left(3, SimDuration::from_millis(2900))), SimDuration::from_secs(2));
    }

    #[test]
    fn sidecars_stop_after_main_containers_and_later_sidecars() {
        let roles = [Role::Sidecar, Role::Init, Role::Sidecar, Role::Main];
        let turns = |running: [bool; 4]| [0, 1, 2, 3].map(|i| is_turn(i, &roles, |j| running[j]));
        assert_eq!(turns([true, true, true, true]), [false, true, false, true]);
        assert_eq!(turns([true, false, true, false]), [false, true, true, true]);
        assert_eq!(turns([true, false, false, false]), [true, true, true, true]);
        assert!(has_order(&roles) && !has_order(&roles[3..]));
    }
}
