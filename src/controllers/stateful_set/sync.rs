//! One sync of a StatefulSet: from its pods to what is made and deleted, and its status. Pure; knows no API. Mirrors
//! pkg/controller/statefulset/stateful_set_control.go (`updateStatefulSet`, `processReplica`, `processCondemned`,
//! `computeReplicaStatus`) and stateful_set_utils.go (`newVersionedStatefulSetPod`, `getStatefulSetMaxUnavailable`,
//! `completeRollingUpdate`) (v1.34.1).

use super::roster::Roster;
use crate::base::broken;
use crate::controllers::slow_start::{INITIAL_BATCH, slow_start};
use crate::model::IntOrPercent;
use crate::model::objects::{StatefulSetSpec, StatefulSetStatus};
use crate::model::status::Phase;

/// What a sync looks at in a pod. Revisions are hashes of templates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The number at the end of its name.
    pub ordinal: i32,
    /// Which template it was made from.
    pub revision: u64,
    /// `status.phase`.
    pub phase: Phase,
    /// The `Ready` condition.
    pub ready: bool,
    /// Whether it has been ready for `minReadySeconds`.
    pub available: bool,
    /// It is being deleted.
    pub terminating: bool,
}

impl Member {
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Running && self.ready
    }

    pub(super) fn is_available(&self) -> bool {
        self.is_ready() && self.available
    }

    /// Whether something has to be waited for.
    pub(super) fn is_unavailable(&self) -> bool {
        self.terminating || !self.is_available()
    }
}

/// What a sync wants to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Make the pod of this ordinal, and its claims before it.
    Create {
        /// The ordinal.
        ordinal: i32,
        /// The template.
        revision: u64,
    },
    /// Make the claims that the pod of this ordinal waits for, if some are missing.
    CreateClaims {
        /// The ordinal.
        ordinal: i32,
    },
    /// Delete the pod of this ordinal.
    Delete {
        /// The ordinal.
        ordinal: i32,
    },
}

/// What the set is like, and was at the last sync.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// `spec`.
    pub spec: &'a StatefulSetSpec,
    /// The template that pods should have had before the update.
    pub current_revision: u64,
    /// The template that pods should have.
    pub update_revision: u64,
    /// `status.currentReplicas` as it was.
    pub current_replicas: i32,
    /// It is being deleted.
    pub deleting: bool,
}

impl Set<'_> {
    /// Which template a pod is made from that is missing.
    fn revision_of(&self, ordinal: i32) -> u64 {
        let old = match self.spec.partition {
            _ if self.spec.on_delete => false,
            Some(partition) => ordinal < self.spec.ordinals_start.saturating_add(partition),
            None => ordinal < self.spec.ordinals_start.saturating_add(self.current_replicas),
        };
        if old { self.current_revision } else { self.update_revision }
    }
}

/// `maxUnavailable` in pods: rounded down, at least 1.
///
/// # Errors
/// Upstream's text for a text that is no percentage.
pub fn max_unavailable(value: &IntOrPercent, replicas: i32) -> Result<i32, String> {
    let scaled = value.scaled(i64::from(replicas), false)?;
    Ok(i32::try_from(scaled.max(1)).unwrap_or(i32::MAX))
}

fn count<K: Ord + Copy>(set: &Set<'_>, roster: &Roster<K>) -> StatefulSetStatus {
    let (replicas, ready_replicas, available_replicas, of_revision) = roster.counts();
    StatefulSetStatus {
        replicas,
        ready_replicas,
        available_replicas,
        current_replicas: of_revision(set.current_revision),
        updated_replicas: of_revision(set.update_revision),
        current_revision: set.current_revision,
        update_revision: set.update_revision,
        ..StatefulSetStatus::default()
    }
}

/// When all replicas have the new template and are ready, it is the current one.
fn complete_update(spec: &StatefulSetSpec, status: &mut StatefulSetStatus) {
    let all = spec.replicas;
    if !spec.on_delete && [status.updated_replicas, status.ready_replicas, status.replicas] == [all; 3] {
        status.current_replicas = status.updated_replicas;
        status.current_revision = status.update_revision;
    }
}

/// One sync: what `act` is asked to do, in this order, and the status that is reported then. The first error ends it.
/// `roster`: that of this set.
pub fn sync<K: Ord + Copy, E>(
    set: &Set<'_>,
    roster: &Roster<K>,
    act: impl FnMut(Action) -> Result<(), E>,
) -> (StatefulSetStatus, Result<(), E>) {
    let mut status = count(set, roster);
    let result = if set.deleting { Ok(()) } else { Sync { set, roster, act }.run(&mut status) };
    complete_update(set.spec, &mut status);
    (status, result)
}

/// A sync under way.
struct Sync<'a, K, F> {
    set: &'a Set<'a>,
    roster: &'a Roster<K>,
    act: F,
}

impl<K: Ord + Copy, E, F: FnMut(Action) -> Result<(), E>> Sync<'_, K, F> {
    /// In order one thing is done at a time, and nothing while there is something to wait for; otherwise everything, as fast
    /// as it succeeds.
    fn run(&mut self, status: &mut StatefulSetStatus) -> Result<(), E> {
        let roster = self.roster;
        if broken!("stateful order", self.set.spec.parallel, true) {
            self.for_all(roster.places(), |this, at| if roster.is_unavailable(at) { this.place(at) } else { Ok(()) })?;
            let condemned: Vec<&Member> = roster.condemned().collect();
            self.for_all(condemned.len(), |this, at| this.condemned(condemned[at]))?;
        } else {
            if let Some(at) = roster.first_unavailable() {
                return self.place(at);
            }
            let mut condemned = roster.condemned();
            if let Some(member) = condemned.next() {
                // One that is not available may be scaled away only if nothing lower is waited for.
                let waits = !member.is_available() && condemned.any(Member::is_unavailable);
                return if waits { Ok(()) } else { self.condemned(member) };
            }
        }
        if self.set.spec.on_delete { Ok(()) } else { self.update(status) }
    }

    fn for_all(&mut self, count: usize, each: impl Fn(&mut Self, usize) -> Result<(), E>) -> Result<(), E> {
        let calls = slow_start(count, INITIAL_BATCH, |at| each(self, at));
        calls.error.map_or(Ok(()), Err)
    }

    /// What is done about a place where something has to be waited for.
    fn place(&mut self, at: usize) -> Result<(), E> {
        let ordinal = self.roster.ordinal(at);
        match self.roster.place(at) {
            None => (self.act)(Action::Create { ordinal, revision: self.set.revision_of(ordinal) }),
            Some(member) if member.phase.is_terminal() && member.terminating => Ok(()),
            Some(member) if member.phase.is_terminal() => (self.act)(Action::Delete { ordinal }),
            Some(member) if member.phase == Phase::Pending => (self.act)(Action::CreateClaims { ordinal }),
            Some(_) => Ok(()),
        }
    }

    fn condemned(&mut self, member: &Member) -> Result<(), E> {
        if member.terminating { Ok(()) } else { (self.act)(Action::Delete { ordinal: member.ordinal }) }
    }

    /// Deletes pods of another template, highest ordinal first.
    fn update(&mut self, status: &mut StatefulSetStatus) -> Result<(), E> {
        let (spec, roster) = (self.set.spec, self.roster);
        let lowest = usize::try_from(spec.partition.unwrap_or(0)).unwrap_or(0);
        // Without `maxUnavailable` one is waited for where it stands; with it, wherever one is missing counts.
        let limit = spec.max_unavailable.as_ref().and_then(|value| max_unavailable(value, spec.replicas).ok());
        let mut left = limit.map(|limit| usize::try_from(limit).unwrap_or(0).saturating_sub(roster.unavailable()));
        let mut end = roster.places();
        while let Some(at) = roster.last_open_below(end).filter(|&at| at >= lowest) {
            end = at;
            if left == Some(0) {
                return Ok(());
            }
            let ordinal = roster.ordinal(at);
            let (revision, terminating) = match roster.place(at) {
                Some(member) => (member.revision, member.terminating),
                None => (self.set.revision_of(ordinal), false),
            };
            if revision != self.set.update_revision && !terminating {
                (self.act)(Action::Delete { ordinal })?;
                status.current_replicas -= 1;
                match &mut left {
                    Some(left) => *left -= 1,
                    None => return Ok(()),
                }
            } else if left.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
