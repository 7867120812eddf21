//! The change log: the watch that every component reads, each through its own cursor, with its own lag. A ring cut at
//! the slowest cursor. A change carries what its readers need, because the object may be gone when they read it.

use std::collections::VecDeque;

use crate::base::{Digest, SimDuration, SimTime};
use crate::model::storage::AttachmentName;
use crate::model::{
    ClaimName, ClassId, ConditionStatus, ConfigId, NodeId, ObjectId, Phase, PodConditionType, PodId, PodUid, Pressure,
    ResizeState, ServiceId, StorageKey, StrId, Taint, TemplateId,
};

/// A pod object: its slot, and its uid to tell whether the slot was reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PodRef {
    /// The slot.
    pub pod: PodId,
    /// The pod.
    pub uid: PodUid,
}

/// What of a pod's status changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatusMask(pub u16);

impl StatusMask {
    /// The phase or its reason.
    pub const PHASE: Self = Self(1 << 15);
    /// Some container's status.
    pub const CONTAINERS: Self = Self(1 << 14);
    /// The pod got or lost its address.
    pub const ADDRESS: Self = Self(1 << 13);

    /// The bit of one condition.
    #[must_use]
    pub const fn condition(kind: PodConditionType) -> Self {
        Self(1 << kind as u16)
    }

    /// Whether all bits of `other` are set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets the bits of `other`.
    #[inline]
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One accepted write.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Change {
    /// A pod was created; with `spec.nodeName` already set it is bound from the start.
    PodAdded {
        /// The pod.
        pod: PodRef,
        /// Its scheduling class.
        class: ClassId,
        /// Its template.
        template: TemplateId,
        /// Its node, if it was created with one.
        node: Option<NodeId>,
    },
    /// A pod was bound.
    PodBound {
        /// The pod.
        pod: PodRef,
        /// Its node.
        node: NodeId,
        /// Its scheduling class.
        class: ClassId,
    },
    /// A pod's `status.nominatedNodeName` changed.
    PodNominated {
        /// The pod.
        pod: PodRef,
        /// The node it is nominated for.
        node: Option<NodeId>,
        /// The node before.
        before: Option<NodeId>,
        /// Its scheduling class.
        class: ClassId,
    },
    /// A pod's status changed.
    PodStatus {
        /// The pod.
        pod: PodRef,
        /// What of it.
        mask: StatusMask,
        /// The phase before.
        old_phase: Phase,
        /// The phase now.
        phase: Phase,
        /// Its node.
        node: Option<NodeId>,
    },
    /// A pod's resources are to change, or a kubelet says how far that is.
    PodResized {
        /// The pod.
        pod: PodRef,
        /// Its node.
        node: NodeId,
        /// The class that it counts as, before and now.
        classes: (ClassId, ClassId),
        /// How far.
        state: ResizeState,
    },
    /// Scheduling gates of a pod were removed.
    PodUngated {
        /// The pod.
        pod: PodRef,
        /// Its scheduling class from now on.
        class: ClassId,
    },
    /// Deletion was requested.
    PodDeleting {
        /// The pod.
        pod: PodRef,
        /// Its node.
        node: Option<NodeId>,
        /// The grace in seconds.
        grace_seconds: u32,
    },
    /// A pod object is gone.
    PodRemoved {
        /// The pod.
        pod: PodRef,
        /// Its template.
        template: TemplateId,
        /// The node it was on.
        node: Option<NodeId>,
        /// Its controlling owner.
        owner: Option<ObjectId>,
    },
    /// A pod got another controlling owner, or lost the one it had.
    PodOwned {
        /// The pod.
        pod: PodRef,
        /// The owner before.
        before: Option<ObjectId>,
        /// The owner now.
        owner: Option<ObjectId>,
    },
    /// A Job has counted a pod of its.
    PodUntracked(PodRef, ObjectId),
    /// An object of a controller was created.
    ObjectAdded(ObjectId),
    /// The spec (`true`) or the status of an object of a controller was written.
    ObjectChanged(ObjectId, bool),
    /// An object of a controller waits for its dependents to go.
    ObjectDeleting(ObjectId),
    /// An object of a controller is gone.
    ObjectRemoved(ObjectId),
    /// A node was created.
    NodeAdded(NodeId),
    /// A node object is gone.
    NodeRemoved(NodeId),
    /// The Ready condition of a node changed.
    NodeReady(NodeId, ConditionStatus),
    /// A pressure condition of a node changed.
    NodePressure {
        /// The node.
        node: NodeId,
        /// Which.
        pressure: Pressure,
        /// Whether it is under it now.
        on: bool,
    },
    /// `spec.unschedulable` of a node changed.
    NodeUnschedulable(NodeId, bool),
    /// A taint of a node was added or removed.
    NodeTaints {
        /// The node.
        node: NodeId,
        /// The taint.
        taint: Taint,
        /// Added or removed.
        added: bool,
    },
    /// A ConfigMap or Secret was created or changed (`true`) or deleted.
    Config(ConfigId, bool),
    /// A service is gone.
    ServiceRemoved(ServiceId),
    /// A storage object was created or changed, or is gone.
    Storage(StorageKey),
    /// `status.volumesInUse` of a node changed.
    NodeVolumes(NodeId),
}

impl Change {
    pub(super) fn fold_into(&self, digest: &mut Digest) {
        let pod_word = |pod: PodRef, tag: u64| (tag << 56) | u64::from(pod.uid.raw());
        let node_word = |node: Option<NodeId>| node.map_or(u64::MAX, |n| u64::from(n.raw()));
        let (a, b) = match *self {
            Self::PodAdded { pod, class, node, .. } => {
                (pod_word(pod, 1), u64::from(class.raw()) << 32 ^ node_word(node))
            }
            Self::PodBound { pod, node, .. } => (pod_word(pod, 2), u64::from(node.raw())),
            Self::PodStatus { pod, mask, phase, .. } => (pod_word(pod, 3), u64::from(mask.0) << 8 | phase as u64),
            Self::PodResized { pod, classes, state, .. } => {
                (pod_word(pod, 12), u64::from(classes.1.raw()) << 8 | state as u64)
            }
            Self::PodDeleting { pod, grace_seconds, .. } => (pod_word(pod, 4), u64::from(grace_seconds)),
            Self::PodRemoved { pod, .. } => (pod_word(pod, 5), 0),
            Self::PodNominated { pod, node, .. } => (pod_word(pod, 13), node_word(node)),
            Self::PodUngated { pod, class } => (pod_word(pod, 16), u64::from(class.raw())),
            Self::PodOwned { pod, owner, .. } => (pod_word(pod, 17), owner.map_or(u64::MAX, |o| u64::from(o.raw()))),
            Self::PodUntracked(pod, owner) => (pod_word(pod, 22), u64::from(owner.raw())),
            Self::ObjectAdded(object) => (18 << 56, u64::from(object.raw())),
            Self::ObjectChanged(object, spec) => (19 << 56 | u64::from(spec), u64::from(object.raw())),
            Self::ObjectDeleting(object) => (20 << 56, u64::from(object.raw())),
            Self::ObjectRemoved(object) => (21 << 56, u64::from(object.raw())),
            Self::NodeAdded(node) => (6 << 56, u64::from(node.raw())),
            Self::NodeRemoved(node) => (7 << 56, u64::from(node.raw())),
            Self::NodeReady(node, status) => (8 << 56 | status as u64, u64::from(node.raw())),
            Self::NodeUnschedulable(node, on) => (9 << 56 | u64::from(on), u64::from(node.raw())),
            Self::NodeTaints { node, taint, added } => {
                (10 << 56 | u64::from(added), u64::from(node.raw()) << 32 | u64::from(taint.key.raw()))
            }
            Self::NodePressure { node, pressure, on } => {
                (14 << 56 | u64::from(on) << 8 | pressure as u64, u64::from(node.raw()))
            }
            Self::NodeVolumes(node) => (22 << 56, u64::from(node.raw())),
            Self::Config(config, exists) => (11 << 56 | u64::from(exists), u64::from(config.raw())),
            Self::ServiceRemoved(service) => (23 << 56, u64::from(service.raw())),
            Self::Storage(key) => {
                let named = |kind: u64, name: StrId| (15 << 56 | kind, u64::from(name.raw()));
                let spaced = |kind: u64, of: ClaimName| {
                    (15 << 56 | kind, u64::from(of.namespace.raw()) << 32 | u64::from(of.name.raw()))
                };
                match key {
                    StorageKey::Class(name) => named(0, name),
                    StorageKey::CsiDriver(name) => named(1, name),
                    StorageKey::CsiNode(name) => named(2, name),
                    StorageKey::Capacity(name) => spaced(3, name),
                    StorageKey::Volume(name) => named(4, name),
                    StorageKey::Claim(name) => spaced(5, name),
                    StorageKey::Attachment(AttachmentName::Inline(name)) => named(6, name),
                    StorageKey::Attachment(AttachmentName::Of { volume, node }) => {
                        spaced(7, ClaimName { namespace: volume, name: node })
                    }
                }
            }
        };
        digest.fold(a);
        digest.fold(b);
    }
}

/// Who reads the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Cursor {
    /// The recorder, without lag.
    Recorder,
    /// All kubelets.
    Kubelet,
    /// All controllers.
    Controllers,
    /// The scheduler.
    Scheduler,
}

/// How many cursors there are.
pub const CURSORS: usize = 4;

impl Cursor {
    /// Every reader.
    pub const ALL: [Self; CURSORS] = [Self::Recorder, Self::Kubelet, Self::Controllers, Self::Scheduler];

    /// Whether the reader does anything about `change`. It may be given others, too.
    #[inline]
    #[must_use]
    pub const fn cares(self, change: &Change) -> bool {
        match self {
            Self::Recorder => true,
            Self::Kubelet => matches!(
                change,
                Change::PodAdded { node: Some(_), .. }
                    | Change::PodBound { .. }
                    | Change::PodDeleting { .. }
                    | Change::PodResized { state: ResizeState::Proposed, .. }
                    | Change::PodRemoved { .. }
                    | Change::Config(..)
                    | Change::Storage(StorageKey::Attachment(_) | StorageKey::Claim(_))
            ),
            Self::Controllers => !matches!(
                change,
                Change::Config(_, true)
                    | Change::PodResized { state: ResizeState::Proposed, .. }
                    | Change::PodNominated { .. }
                    | Change::PodUngated { .. }
                    | Change::PodUntracked(..)
            ),
            Self::Scheduler => match change {
                Change::PodStatus { old_phase, phase, .. } => old_phase.is_terminal() != phase.is_terminal(),
                Change::NodeReady(..)
                | Change::NodePressure { .. }
                | Change::Config(..)
                | Change::ServiceRemoved(_)
                | Change::NodeVolumes(_)
                | Change::PodOwned { .. }
                | Change::PodUntracked(..)
                | Change::ObjectAdded(_)
                | Change::ObjectChanged(..)
                | Change::ObjectDeleting(_)
                | Change::ObjectRemoved(_) => false,
                _ => true,
            },
        }
    }
}

/// A ring with room for up to so many entries keeps it.
const MOST_SPARE: usize = 1024;

/// The log: changes that some cursor has not read yet.
#[derive(Debug, Default)]
pub struct ChangeLog {
    entries: VecDeque<(SimTime, Change)>,
    /// The sequence number of the first entry that is kept.
    first: u64,
    read: [u64; CURSORS],
}

impl ChangeLog {
    pub(super) fn append(&mut self, at: SimTime, change: Change) {
        self.entries.push_back((at, change));
        // A reader that is up to date and does not care need not be woken.
        let end = self.first + self.entries.len() as u64;
        let mut skipped = false;
        for cursor in Cursor::ALL {
            if self.read[cursor as usize] + 1 == end && !cursor.cares(&change) {
                self.read[cursor as usize] = end;
                skipped = true;
            }
        }
        if skipped {
            self.cut();
        }
    }

    /// The next change that `cursor` has not read, if it happened at least `lag` before `now`.
    #[inline]
    pub fn next(&mut self, cursor: Cursor, now: SimTime, lag: SimDuration) -> Option<Change> {
        self.next_due(cursor, now, lag).map(|(_, change)| change)
    }

    /// The same, with when it could be read first.
    #[inline]
    pub fn next_due(&mut self, cursor: Cursor, now: SimTime, lag: SimDuration) -> Option<(SimTime, Change)> {
        let at = &mut self.read[cursor as usize];
        let index = usize::try_from(*at - self.first).expect("the log fits in memory");
        let &(when, change) = self.entries.get(index)?;
        if when + lag > now {
            return None;
        }
        *at += 1;
        if index == 0 {
            self.cut();
        }
        Some((when + lag, change))
    }

    /// How many changes are kept: some reader has not read them.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether every reader has read everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many changes `cursor` has not read.
    #[inline]
    #[must_use]
    pub fn unread(&self, cursor: Cursor) -> u64 {
        self.first + self.entries.len() as u64 - self.read[cursor as usize]
    }

    /// When `cursor` can read its next change with this lag; `None`: there is none.
    #[inline]
    #[must_use]
    pub fn next_at(&self, cursor: Cursor, lag: SimDuration) -> Option<SimTime> {
        let index = usize::try_from(self.read[cursor as usize] - self.first).expect("the log fits in memory");
        self.entries.get(index).map(|&(when, _)| when + lag)
    }

    fn cut(&mut self) {
        let slowest = self.read.iter().copied().min().expect("there are cursors");
        while self.first < slowest {
            self.entries.pop_front();
            self.first += 1;
        }
        // A ring that was large once would be walked round through memory that no cache holds.
        if self.entries.capacity() > MOST_SPARE && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_lag_and_the_ring_is_cut_at_the_slowest() {
        let mut log = ChangeLog::default();
        let node = NodeId::from_raw(0);
        log.append(SimTime(10), Change::NodeAdded(node));
        assert_eq!(log.next_at(Cursor::Kubelet, SimDuration::ZERO), None, "kubelets do not watch nodes");
        log.append(SimTime(20), Change::NodeRemoved(node));
        let lag = SimDuration(5);
        assert_eq!(log.next(Cursor::Scheduler, SimTime(14), lag), None);
        assert_eq!(log.next_at(Cursor::Scheduler, lag), Some(SimTime(15)));
        assert_eq!(log.next(Cursor::Scheduler, SimTime(15), lag), Some(Change::NodeAdded(node)));
        assert_eq!(log.next(Cursor::Scheduler, SimTime(15), lag), None);
        for cursor in [Cursor::Recorder, Cursor::Controllers] {
            assert_eq!(log.next(cursor, SimTime(20), SimDuration::ZERO), Some(Change::NodeAdded(node)));
        }
        assert_eq!(log.entries.len(), 1);
        assert_eq!(log.next(Cursor::Recorder, SimTime(20), SimDuration::ZERO), Some(Change::NodeRemoved(node)));
        assert_eq!(log.next_at(Cursor::Recorder, SimDuration::ZERO), None);
    }
}
