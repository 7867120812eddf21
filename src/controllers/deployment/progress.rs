//! The status of a Deployment: counts, whether it is complete, gets on, or has not for too long. Pure; knows no API and no
//! clock. Mirrors pkg/controller/deployment/progress.go, sync.go (`calculateStatus`, `checkPausedConditions`) and
//! util/deployment_util.go (`DeploymentComplete`, `DeploymentProgressing`, `DeploymentTimedOut`) (v1.34.1).

use super::rolling::{Goal, ReplicaSetSize};
use crate::base::{SimDuration, SimTime};
use crate::model::objects::{DeploymentStatus, ObjectCondition};
use crate::model::status::ConditionStatus;

/// Reasons of the condition `Progressing`.
pub mod reason {
    /// The ReplicaSet of the present template was made.
    pub const NEW_REPLICA_SET: &str = "NewReplicaSetCreated";
    /// It was there already.
    pub const FOUND_REPLICA_SET: &str = "FoundNewReplicaSet";
    /// Pods come or go.
    pub const UPDATED: &str = "ReplicaSetUpdated";
    /// All is done.
    pub const AVAILABLE: &str = "NewReplicaSetAvailable";
    /// Nothing came or went for longer than the deadline.
    pub const TIMED_OUT: &str = "ProgressDeadlineExceeded";
    /// `spec.paused`.
    pub const PAUSED: &str = "DeploymentPaused";
    /// It was paused.
    pub const RESUMED: &str = "DeploymentResumed";
    /// The ReplicaSet of the present template could not be made.
    pub const CREATE_ERROR: &str = "ReplicaSetCreateError";
    /// Of the condition `Available`.
    pub const MINIMUM: &str = "MinimumReplicasAvailable";
    /// Of the condition `Available`.
    pub const BELOW_MINIMUM: &str = "MinimumReplicasUnavailable";
    /// All of them.
    pub const ALL: [&str; 10] = [
        NEW_REPLICA_SET,
        FOUND_REPLICA_SET,
        UPDATED,
        AVAILABLE,
        TIMED_OUT,
        PAUSED,
        RESUMED,
        CREATE_ERROR,
        MINIMUM,
        BELOW_MINIMUM,
    ];
}

/// Sets a condition: one of the same status and reason stays as it is; the transition is that of the status.
pub fn set_condition(of: &mut Option<ObjectCondition>, status: ConditionStatus, reason: &'static str, now: SimTime) {
    let now = now.floor_seconds();
    let since = match of {
        Some(old) if old.status == status && old.reason == reason => return,
        Some(old) if old.status == status => old.transition,
        _ => now,
    };
    *of = Some(ObjectCondition { status, reason, transition: since, update: now });
}

/// Notes that the Deployment is paused or no longer is, unless it has timed out. Whether that changed anything.
pub fn note_pause(of: &mut Option<ObjectCondition>, paused: bool, deadline: Option<i32>, now: SimTime) -> bool {
    let reason = of.map(|condition| condition.reason);
    if deadline.is_none() || reason == Some(reason::TIMED_OUT) || paused == (reason == Some(reason::PAUSED)) {
        return false;
    }
    set_condition(of, ConditionStatus::Unknown, if paused { reason::PAUSED } else { reason::RESUMED }, now);
    true
}

/// What is counted of the ReplicaSets, with the conditions of `old`. `new`: that of the present template.
#[must_use]
pub fn calculate_status<'a>(
    goal: &Goal,
    all: impl IntoIterator<Item = &'a ReplicaSetSize>,
    new: Option<&ReplicaSetSize>,
    old: &DeploymentStatus,
    generation: u32,
    now: SimTime,
) -> DeploymentStatus {
    let mut status = DeploymentStatus {
        replicas: 0,
        updated_replicas: new.map_or(0, |new| new.actual),
        ready_replicas: 0,
        available_replicas: 0,
        unavailable_replicas: 0,
        observed_generation: generation,
        ..old.clone()
    };
    let mut wanted = 0;
    for set in all {
        status.replicas += set.actual;
        status.ready_replicas += set.ready;
        status.available_replicas += set.available;
        wanted += set.replicas;
    }
    status.unavailable_replicas = (wanted - status.available_replicas).max(0);
    let enough = status.available_replicas >= goal.replicas - goal.max_unavailable();
    let reason = if enough { reason::MINIMUM } else { reason::BELOW_MINIMUM };
    set_condition(&mut status.available, ConditionStatus::from_bool(enough), reason, now);
    status
}

/// Whether all replicas are of the present template and available, and no others are left.
#[must_use]
pub const fn is_complete(replicas: i32, status: &DeploymentStatus, generation: u32) -> bool {
    status.updated_replicas == replicas
        && status.replicas == replicas
        && status.available_replicas == replicas
        && status.observed_generation >= generation
}

/// Whether pods came or went between two statuses.
#[must_use]
pub const fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    new.updated_replicas > old.updated_replicas
        || new.replicas - new.updated_replicas < old.replicas - old.updated_replicas
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

/// Whether nothing came or went for longer than the deadline (`None`: there is none).
#[must_use]
pub fn is_timed_out(progressing: Option<&ObjectCondition>, deadline: Option<i32>, now: SimTime) -> bool {
    let (Some(deadline), Some(condition)) = (deadline, progressing) else { return false };
    match condition.reason {
        reason::AVAILABLE => false,
        reason::TIMED_OUT => true,
        _ => {
            let deadline = SimDuration::from_secs(i64::from(deadline));
            condition.update + deadline < now
        }
    }
}

/// Brings the condition `Progressing` of `status`, which was just counted, up to date with what was before.
pub fn sync_progress(goal: &Goal, old: &DeploymentStatus, status: &mut DeploymentStatus, of: Deadline, now: SimTime) {
    if of.seconds.is_none() {
        status.progressing = None;
        return;
    }
    let current = old.progressing;
    let was_complete = current.is_some_and(|condition| condition.reason == reason::AVAILABLE);
    // A rollout that was complete and has no other pods is not one under way, whatever its pods do.
    if was_complete && status.replicas == status.updated_replicas {
        return;
    }
    if is_complete(goal.replicas, status, of.generation) {
        set_condition(&mut status.progressing, ConditionStatus::True, reason::AVAILABLE, now);
    } else if is_progressing(old, status) {
        let at = now.floor_seconds();
        let since = current.filter(|condition| condition.status == ConditionStatus::True);
        let transition = since.map_or(at, |condition| condition.transition);
        let (status_is, reason) = (ConditionStatus::True, reason::UPDATED);
        status.progressing = Some(ObjectCondition { status: status_is, reason, transition, update: at });
    } else if is_timed_out(status.progressing.as_ref(), of.seconds, now) {
        set_condition(&mut status.progressing, ConditionStatus::False, reason::TIMED_OUT, now);
    }
}

/// What progress is measured by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline {
    /// `spec.progressDeadlineSeconds`; `None`: none.
    pub seconds: Option<i32>,
    /// `metadata.generation`.
    pub generation: u32,
}

/// How long the Deployment can still be without progress, if somebody must look at it again because of that: 0 for less
/// than a second. It is looked at a second later than that. `old`: with the condition as it was before this sync.
#[must_use]
pub fn requeue_stuck(
    replicas: i32,
    old: &DeploymentStatus,
    status: &DeploymentStatus,
    of: Deadline,
    now: SimTime,
) -> Option<SimDuration> {
    let (deadline, condition) = (of.seconds?, old.progressing?);
    if is_complete(replicas, status, of.generation) || condition.reason == reason::TIMED_OUT {
        return None;
    }
    let after = condition.update + SimDuration::from_secs(i64::from(deadline)) - now;
    Some(if after < SimDuration::from_secs(1) { SimDuration::ZERO } else { after })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> SimTime {
        SimTime::default() + SimDuration::from_secs(seconds)
    }

    #[test]
    fn a_condition_keeps_its_transition_until_its_status_changes() {
        let mut condition = None;
        set_condition(&mut condition, ConditionStatus::True, reason::NEW_REPLICA_SET, at(1));
        set_condition(&mut condition, ConditionStatus::True, reason::NEW_REPLICA_SET, at(2));
        assert_eq!(condition.map(|found| (found.transition, found.update)), Some((at(1), at(1))));
        set_condition(&mut condition, ConditionStatus::True, reason::UPDATED, at(3));
        assert_eq!(condition.map(|found| (found.transition, found.update)), Some((at(1), at(3))));
        set_condition(&mut condition, ConditionStatus::False, reason::TIMED_OUT, at(4));
        assert_eq!(condition.map(|found| (found.transition, found.update)), Some((at(4), at(4))));
    }

    #[test]
    fn a_pause_is_noted_once_and_never_over_a_timeout() {
        let mut condition = None;
        assert!(!note_pause(&mut condition, true, None, at(0)) && condition.is_none());
        assert!(note_pause(&mut condition, true, Some(600), at(1)));
        assert!(!note_pause(&mut condition, true, Some(600), at(2)));
        assert!(note_pause(&mut condition, false, Some(600), at(3)));
        assert_eq!(condition.map(|found| (found.reason, found.update)), Some((reason::RESUMED, at(3))));
        set_condition(&mut condition, ConditionStatus::False, reason::TIMED_OUT, at(4));
        assert!(!note_pause(&mut condition, true, Some(600), at(5)));
    }

    #[test]
    fn the_deadline_is_past_only_after_its_second() {
        let mut condition = None;
        set_condition(&mut condition, ConditionStatus::True, reason::UPDATED, at(0));
        let late = SimTime(at(10).0 + 1);
        assert!(!is_timed_out(condition.as_ref(), Some(10), at(10)));
        assert!(is_timed_out(condition.as_ref(), Some(10), late));
        assert!(!is_timed_out(condition.as_ref(), None, late) && !is_timed_out(None, Some(10), late));
    }
}
