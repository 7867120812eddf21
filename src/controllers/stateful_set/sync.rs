//! One sync of a StatefulSet: from its pods to what is made and deleted, and its status. Pure; knows no API. Mirrors
//! pkg/controller/statefulset/stateful_set_control.go (`updateStatefulSet`, `processReplica`, `processCondemned`,
//! `computeReplicaStatus`) and stateful_set_utils.go (`newVersionedStatefulSetPod`, `getStatefulSetMaxUnavailable`,
//! `completeRollingUpdate`) (v1.34.1).

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
    fn is_ready(&self) -> bool {
        self.phase == Phase::Running && self.ready
    }

    fn is_available(&self) -> bool {
        self.is_ready() && self.available
    }

    /// Whether something has to be waited for.
    fn is_unavailable(&self) -> bool {
        self.terminating || !self.is_available()
    }
}

/// A place of the set: its pod, or what its pod would be.
#[derive(Clone, Copy)]
struct Slot {
    member: Member,
    exists: bool,
}

impl Slot {
    fn is_unavailable(&self) -> bool {
        !self.exists || self.member.is_unavailable()
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

fn count(set: &Set<'_>, members: &[Member]) -> StatefulSetStatus {
    let mut status = StatefulSetStatus {
        current_revision: set.current_revision,
        update_revision: set.update_revision,
        ..StatefulSetStatus::default()
    };
    for member in members {
        status.replicas += 1;
        status.ready_replicas += i32::from(member.is_ready());
        status.available_replicas += i32::from(member.is_available());
        if !member.terminating {
            status.current_replicas += i32::from(member.revision == set.current_revision);
            status.updated_replicas += i32::from(member.revision == set.update_revision);
        }
    }
    status
}

/// When all replicas have the new template and are ready, it is the current one.
fn complete_update(spec: &StatefulSetSpec, status: &mut StatefulSetStatus) {
    let all = spec.replicas;
    if !spec.on_delete && [status.updated_replicas, status.ready_replicas, status.replicas] == [all; 3] {
        status.current_replicas = status.updated_replicas;
        status.current_revision = status.update_revision;
    }
}

/// Whether a sync goes on or waits for something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Wait,
}

/// One sync: what `act` is asked to do, in this order, and the status that is reported then. The first error ends it.
pub fn sync<E>(
    set: &Set<'_>,
    members: &[Member],
    act: impl FnMut(Action) -> Result<(), E>,
) -> (StatefulSetStatus, Result<(), E>) {
    let mut status = count(set, members);
    let result = if set.deleting { Ok(()) } else { Sync::new(set, members, act).run(&mut status) };
    complete_update(set.spec, &mut status);
    (status, result)
}

/// A sync under way.
struct Sync<'a, F> {
    set: &'a Set<'a>,
    ordered: bool,
    slots: Vec<Slot>,
    /// Pods outside of the range, highest ordinal first.
    condemned: Vec<Member>,
    act: F,
}

impl<'a, E, F: FnMut(Action) -> Result<(), E>> Sync<'a, F> {
    fn new(set: &'a Set<'a>, members: &[Member], act: F) -> Self {
        let start = set.spec.ordinals_start;
        let missing = |at: i32| {
            let (ordinal, phase) = (start + at, Phase::Pending);
            let revision = set.revision_of(ordinal);
            let member = Member { ordinal, revision, phase, ready: false, available: false, terminating: false };
            Slot { member, exists: false }
        };
        let mut slots: Vec<Slot> = (0..set.spec.replicas).map(missing).collect();
        let mut condemned = Vec::new();
        for &member in members {
            let at = usize::try_from(i64::from(member.ordinal) - i64::from(start)).ok();
            match at.and_then(|at| slots.get_mut(at)) {
                Some(slot) => *slot = Slot { member, exists: true },
                None => condemned.push(member),
            }
        }
        condemned.sort_unstable_by_key(|member| std::cmp::Reverse(member.ordinal));
        Self { set, ordered: !set.spec.parallel, slots, condemned, act }
    }

    fn run(&mut self, status: &mut StatefulSetStatus) -> Result<(), E> {
        if self.for_all(self.slots.len(), Self::replica)? == Flow::Wait {
            return Ok(());
        }
        // In order, only this one may be scaled away although it is not available: nothing lower is waited for.
        let first_unavailable = match self.slots.iter().any(Slot::is_unavailable) {
            true => None,
            false => self.condemned.iter().rposition(Member::is_unavailable),
        };
        let condemned = |this: &mut Self, at| this.condemned(at, first_unavailable);
        if self.for_all(self.condemned.len(), condemned)? == Flow::Wait || self.set.spec.on_delete {
            return Ok(());
        }
        self.update(status)
    }

    /// One after the other, until one has to be waited for; or all of them, as fast as they succeed.
    fn for_all(&mut self, count: usize, each: impl Fn(&mut Self, usize) -> Result<Flow, E>) -> Result<Flow, E> {
        if self.ordered {
            for at in 0..count {
                if each(self, at)? == Flow::Wait {
                    return Ok(Flow::Wait);
                }
            }
            return Ok(Flow::On);
        }
        let calls = slow_start(count, INITIAL_BATCH, |at| each(self, at).map(drop));
        calls.error.map_or(Ok(Flow::On), Err)
    }

    fn replica(&mut self, at: usize) -> Result<Flow, E> {
        let Slot { member, exists } = self.slots[at];
        let ordinal = member.ordinal;
        if !exists {
            (self.act)(Action::Create { ordinal, revision: member.revision })?;
            return Ok(Flow::Wait);
        }
        if member.phase.is_terminal() {
            if !member.terminating {
                (self.act)(Action::Delete { ordinal })?;
            }
            return Ok(Flow::Wait);
        }
        if member.phase == Phase::Pending {
            (self.act)(Action::CreateClaims { ordinal })?;
        }
        Ok(if member.is_unavailable() { Flow::Wait } else { Flow::On })
    }

    fn condemned(&mut self, at: usize, first_unavailable: Option<usize>) -> Result<Flow, E> {
        let member = self.condemned[at];
        let waits = self.ordered && !member.is_available() && first_unavailable != Some(at);
        if !member.terminating && !waits {
            (self.act)(Action::Delete { ordinal: member.ordinal })?;
        }
        Ok(Flow::Wait)
    }

    /// Deletes pods of another template, highest ordinal first.
    fn update(&mut self, status: &mut StatefulSetStatus) -> Result<(), E> {
        let spec = self.set.spec;
        let lowest = usize::try_from(spec.partition.unwrap_or(0)).unwrap_or(0).min(self.slots.len());
        // Without `maxUnavailable` one is waited for where it stands; with it, wherever one is missing counts.
        let limit = spec.max_unavailable.as_ref().and_then(|value| max_unavailable(value, spec.replicas).ok());
        let mut left = limit.map(|limit| {
            let unavailable = self.slots.iter().filter(|slot| slot.is_unavailable()).count();
            usize::try_from(limit).unwrap_or(0).saturating_sub(unavailable)
        });
        for at in (lowest..self.slots.len()).rev() {
            let slot = self.slots[at];
            if left == Some(0) {
                return Ok(());
            }
            if slot.member.revision != self.set.update_revision && !slot.member.terminating {
                (self.act)(Action::Delete { ordinal: slot.member.ordinal })?;
                status.current_replicas -= 1;
                match &mut left {
                    Some(left) => *left -= 1,
                    None => return Ok(()),
                }
            } else if left.is_none() && slot.is_unavailable() {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
