//! Who owns which pod: the owners' lists, and what owners count of their pods, kept up to date with every write, so that
//! nobody has to look through a list to know how many there are. Knows no rule of any controller.

use super::log::PodRef;
use super::objects::{Objects, Owned};
use super::pods::Pods;
use crate::base::id::DenseId;
use crate::model::objects::ObjectKind;
use crate::model::{Phase, PodConditionType, PodId};

/// The owner of a pod, and its neighbours in the owner's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnedPod {
    by: Owned,
    /// A Job has yet to count it.
    tracked: bool,
    /// Its Job has counted it after its end: it stands behind all others in the owner's list.
    settled: bool,
    /// As its owner counts it.
    standing: Standing,
    next: Option<PodId>,
    previous: Option<PodId>,
}

/// What owners look at in a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Standing {
    phase: Phase,
    ready: bool,
    deleting: bool,
}

impl Standing {
    const fn is_active(self) -> bool {
        !self.phase.is_terminal() && !self.deleting
    }
}

/// How many pods of an owner count as replicas.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Pods that have not ended and are not being deleted.
    pub active: u32,
    /// Those of them that are ready.
    pub ready: u32,
}

impl Tally {
    fn add(&mut self, standing: Standing) {
        self.active += u32::from(standing.is_active());
        self.ready += u32::from(standing.is_active() && standing.ready);
    }

    fn take(&mut self, standing: Standing) {
        self.active -= u32::from(standing.is_active());
        self.ready -= u32::from(standing.is_active() && standing.ready);
    }
}

impl Pods {
    /// Its controlling owner and its place there, if it has one.
    #[must_use]
    pub fn owned(&self, pod: PodId) -> Option<Owned> {
        self.owned.get(pod).and_then(|owned| Some(owned.as_ref()?.by))
    }

    /// Whether it has the finalizer by which its Job keeps it until it is counted.
    #[must_use]
    pub fn tracked(&self, pod: PodId) -> bool {
        self.owned.get(pod).copied().flatten().is_some_and(|owned| owned.tracked)
    }

    /// Removes that finalizer. Returns whether it was there.
    pub(super) fn untrack(&mut self, objects: &mut Objects, of: PodRef) -> bool {
        let pod = of.pod;
        let owned = self.owned.get(pod).copied().flatten();
        let Some(owned) = owned.filter(|owned| owned.tracked) else { return false };
        let mut owned = OwnedPod { tracked: false, settled: self.phase(pod).is_terminal(), ..owned };
        if owned.settled {
            self.unlink(objects, &owned);
            let last = objects.join_last(owned.by.object, pod);
            if let Some(Some(last)) = last.map(|last| self.owned[last].as_mut()) {
                last.next = Some(pod);
            }
            (owned.previous, owned.next) = (last, None);
        }
        objects.touch(owned.by, of, true);
        self.owned[pod] = Some(owned);
        true
    }

    /// Whether its Job has counted it after its end.
    pub(super) fn settled(&self, pod: PodId) -> bool {
        self.owned.get(pod).copied().flatten().is_some_and(|owned| owned.settled)
    }

    /// The pods of an owner's list from `first` on.
    pub(super) fn owned_from(&self, first: Option<PodId>) -> impl Iterator<Item = PodRef> + '_ {
        let mut next = first;
        std::iter::from_fn(move || {
            let slot = next?;
            next = self.owned.get(slot)?.as_ref()?.next;
            self.in_slot(slot)
        })
    }

    /// Those of them that count as replicas.
    pub(super) fn active_from(&self, first: Option<PodId>) -> impl Iterator<Item = PodRef> + '_ {
        let mut next = first;
        let owned = std::iter::from_fn(move || {
            let slot = next?;
            let owned = self.owned.get(slot)?.as_ref()?;
            next = owned.next;
            Some((slot, owned.standing))
        });
        owned.filter(|(_, standing)| standing.is_active()).filter_map(|(slot, _)| self.in_slot(slot))
    }

    /// Makes `by` the owner of a pod that has none.
    pub(super) fn join_owner(&mut self, objects: &mut Objects, pod: PodRef, by: Owned) {
        let slot = pod.pod;
        while self.owned.len() <= slot.index() {
            self.owned.push(None);
        }
        let next = objects.join(by.object, slot, self.template(slot));
        if let Some(Some(next)) = next.map(|next| self.owned[next].as_mut()) {
            next.previous = Some(slot);
        }
        let tracked = objects.get(by.object).kind() == ObjectKind::Job;
        let standing = self.standing(slot);
        self.owned[slot] = Some(OwnedPod { by, tracked, settled: false, standing, next, previous: None });
        objects.tally_mut(by.object).add(standing);
        objects.touch(by, pod, true);
    }

    /// Takes its owner from a pod.
    pub(super) fn leave_owner(&mut self, objects: &mut Objects, pod: PodRef) {
        let Some(owned) = self.owned.get(pod.pod).copied().flatten() else { return };
        self.owned[pod.pod] = None;
        self.unlink(objects, &owned);
        objects.tally_mut(owned.by.object).take(owned.standing);
        objects.touch(owned.by, pod, true);
    }

    /// Takes a pod out of its owner's list.
    fn unlink(&mut self, objects: &mut Objects, owned: &OwnedPod) {
        let OwnedPod { by, next, previous, .. } = *owned;
        objects.leave(by.object, previous, next);
        for (neighbour, is_next) in [(next, true), (previous, false)] {
            let Some(Some(neighbour)) = neighbour.map(|neighbour| self.owned[neighbour].as_mut()) else { continue };
            if is_next {
                neighbour.previous = previous;
            } else {
                neighbour.next = next;
            }
        }
    }

    fn standing(&self, pod: PodId) -> Standing {
        Standing {
            phase: self.phase(pod),
            ready: self.conditions(pod).is_true(PodConditionType::Ready),
            deleting: self.deleting(pod),
        }
    }

    /// Something about a pod was written: its owner counts it as it is now.
    pub(super) fn recount(&mut self, objects: &mut Objects, pod: PodRef) {
        let Some(Some(owned)) = self.owned.get(pod.pod) else { return };
        let (by, before, now) = (owned.by, owned.standing, self.standing(pod.pod));
        if before != now {
            if let Some(owned) = self.owned[pod.pod].as_mut() {
                owned.standing = now;
            }
            let tally = objects.tally_mut(by.object);
            tally.take(before);
            tally.add(now);
        }
        objects.touch(by, pod, before != now);
    }
}
