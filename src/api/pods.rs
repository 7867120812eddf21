//! Pod objects as columns. A slot is reused after its pod is gone; the uid tells pods of one slot apart.

use super::log::{PodRef, StatusMask};
use super::objects::Uncounted;
use super::owners::OwnedPod;
use rustc_hash::FxHashMap;

use super::stored::{ApiTime, Past, StatusRow, StoredConditions, StoredContainer, pack_reason, unpack_reason};
use crate::base::{IdPages, IdVec, SimDuration, SimTime};
use crate::model::{
    ClassId, ConditionStatus, NodeId, Phase, PodCondition, PodConditionType, PodId, PodUid, ResizeState, StrId,
    TemplateId, WorkloadId,
};

/// What every pod has: a line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Core {
    /// `None`: the slot is free.
    pub(super) uid: Option<PodUid>,
    pub(super) template: TemplateId,
    pub(super) workload: WorkloadId,
    pub(super) ordinal: u32,
    pub(super) node: Option<NodeId>,
    pub(super) started: ApiTime,
    /// A well-known string.
    pub(super) reason: u8,
    pub(super) phase: Phase,
    pub(super) has_address: bool,
    /// How many statuses it has in the status column.
    pub(super) containers: u8,
    /// First of its containers' statuses in the status column.
    pub(super) first_container: u32,
    created_at: SimTime,
    conditions: StoredConditions,
}

/// A pod's place in its node's list. Whoever comes or goes writes to its neighbours: here, in few lines, and not in theirs.
#[derive(Clone, Copy, Default, Debug)]
struct Links {
    /// The next pod there. If the slot is free: the next free slot.
    next: Option<PodId>,
    previous: Option<PodId>,
}

/// When a pod is to be gone, and the grace it was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    pub(super) at: ApiTime,
    pub(super) grace_seconds: u32,
}

/// A pod whose resources were changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resized {
    /// What its spec says now.
    pub spec: TemplateId,
    /// What its node grants it.
    pub allocated: TemplateId,
    /// The class that it counts as: the greater of both.
    pub class: ClassId,
    /// How far the change is.
    pub state: ResizeState,
}

/// All pods.
#[derive(Debug, Default)]
pub struct Pods {
    pub(super) core: IdPages<PodId, Core>,
    links: IdPages<PodId, Links>,
    /// Of pods that are being deleted; never iterated.
    pub(super) deletions: FxHashMap<PodId, Deletion>,
    /// Of pods that were ever resized; never iterated.
    pub(super) resizes: FxHashMap<PodId, Resized>,
    /// `status.nominatedNodeName` of pods that have one; never iterated.
    pub(super) nominations: FxHashMap<PodId, NodeId>,
    /// Owners of the pods that have one; as long as the last such pod needs.
    pub(super) owned: IdPages<PodId, Option<OwnedPod>>,
    /// Transition times of conditions that changed late in their pod's life; never iterated.
    late_transitions: FxHashMap<(PodId, PodConditionType), ApiTime>,
    /// A run of rows for each pod: one for each container.
    statuses: IdPages<u32, StatusRow>,
    /// What containers of the status column went through that ever ended; never iterated.
    pasts: FxHashMap<u32, Past>,
    /// The first free run of the status column for each length, [`NONE`] if there is none. Free runs and free slots are
    /// chained through themselves: lists of their own would grow as long as the columns.
    free_runs: Vec<u32>,
    free: Option<PodId>,
    pub(super) first_on_node: IdVec<NodeId, Option<PodId>>,
    /// How often a pod there told its start, or went.
    starts: IdVec<NodeId, u32>,
    created: u32,
    live: u32,
    peak: u32,
}

/// Removes what may be there; in most runs most of these maps are empty.
#[inline]
fn forget<K: Eq + std::hash::Hash, V>(map: &mut FxHashMap<K, V>, key: &K) {
    if !map.is_empty() {
        map.remove(key);
    }
}

/// No run of the status column.
const NONE: u32 = u32::MAX;

impl Pods {
    /// How many pods exist.
    #[must_use]
    pub const fn live(&self) -> u32 {
        self.live
    }

    /// The greatest number of pods that existed at once.
    #[must_use]
    pub const fn peak(&self) -> u32 {
        self.peak
    }

    /// How many pods were ever created.
    #[must_use]
    pub const fn created_total(&self) -> u32 {
        self.created
    }

    /// Whether this pod still exists.
    #[inline]
    #[must_use]
    pub fn exists(&self, pod: PodRef) -> bool {
        self.core.get(pod.pod).is_some_and(|core| core.uid == Some(pod.uid))
    }

    /// The pod in `slot`, if any.
    #[inline]
    #[must_use]
    pub fn in_slot(&self, slot: PodId) -> Option<PodRef> {
        self.core[slot].uid.map(|uid| PodRef { pod: slot, uid })
    }

    /// Every existing pod, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = PodRef> + '_ {
        self.core.entries().filter_map(|(pod, core)| core.uid.map(|uid| PodRef { pod, uid }))
    }

    /// The pods on a node, latest bound first.
    pub fn on_node(&self, node: NodeId) -> impl Iterator<Item = PodRef> + '_ {
        let mut next = self.first_on_node.get(node).copied().flatten();
        std::iter::from_fn(move || {
            let slot = next?;
            next = self.links[slot].next;
            self.in_slot(slot)
        })
    }

    /// Looks at all of a pod, and at its neighbours on its node: what was read.
    #[inline]
    #[must_use]
    pub fn read_ahead(&self, pod: PodId) -> i64 {
        let core = &self.core[pod];
        let Links { next, previous } = self.links[pod];
        let beside: i64 =
            [next, previous].into_iter().flatten().map(|pod| i64::from(self.links[pod].next.is_some())).sum();
        let is_absent = core.containers > 0 && self.statuses[core.first_container] == StatusRow::ABSENT;
        core.created_at.0 ^ beside ^ i64::from(is_absent)
    }

    /// What its Job has yet to count of a pod that goes.
    pub(super) fn uncounted(&self, pod: PodRef, member: u32) -> Uncounted {
        let slot = pod.pod;
        let phase = self.phase(slot);
        let ready = self.core[slot].conditions.get(PodConditionType::Ready);
        let not_ready = ready.is_some_and(|ready| ready.status == ConditionStatus::False);
        let deletion = self.deletions.get(&slot);
        Uncounted {
            pod,
            member,
            template: self.template(slot),
            phase: if phase.is_terminal() { phase } else { Phase::Failed },
            containers: self.containers(slot).collect(),
            conditions: self.core[slot].conditions,
            not_ready_since: self.transition(slot, PodConditionType::Ready).filter(|_| not_ready),
            deletion: deletion.map(|d| (d.at.time(), SimDuration::from_secs(i64::from(d.grace_seconds)))),
            created: self.created(slot),
        }
    }

    /// What the pod was made from.
    #[inline]
    #[must_use]
    pub fn template(&self, pod: PodId) -> TemplateId {
        self.core[pod].template
    }

    /// How its resources were changed, if they ever were.
    #[must_use]
    pub fn resized(&self, pod: PodId) -> Option<Resized> {
        self.resizes.get(&pod).copied()
    }

    /// Where the pod came from, and its number there.
    #[inline]
    #[must_use]
    pub fn source(&self, pod: PodId) -> (WorkloadId, u32) {
        (self.core[pod].workload, self.core[pod].ordinal)
    }

    /// The node it is bound to.
    #[inline]
    #[must_use]
    pub fn node(&self, pod: PodId) -> Option<NodeId> {
        self.core[pod].node
    }

    /// `status.phase`.
    #[inline]
    #[must_use]
    pub fn phase(&self, pod: PodId) -> Phase {
        self.core[pod].phase
    }

    /// `status.reason`.
    #[inline]
    #[must_use]
    pub fn reason(&self, pod: PodId) -> StrId {
        unpack_reason(self.core[pod].reason)
    }

    /// Whether it has a deletion timestamp.
    #[inline]
    #[must_use]
    pub fn deleting(&self, pod: PodId) -> bool {
        !self.deletions.is_empty() && self.deletions.contains_key(&pod)
    }

    /// Whether it has an address.
    #[inline]
    #[must_use]
    pub fn has_address(&self, pod: PodId) -> bool {
        self.core[pod].has_address
    }

    /// `deletionGracePeriodSeconds`, if it is being deleted.
    #[must_use]
    pub fn deletion_grace_seconds(&self, pod: PodId) -> Option<u32> {
        self.deletions.get(&pod).map(|deletion| deletion.grace_seconds)
    }

    /// `deletionTimestamp`, if it is being deleted.
    #[must_use]
    pub fn deletion_timestamp(&self, pod: PodId) -> Option<SimTime> {
        self.deletions.get(&pod).map(|deletion| deletion.at.time())
    }

    /// `status.nominatedNodeName`.
    #[must_use]
    pub fn nominated_node(&self, pod: PodId) -> Option<NodeId> {
        self.nominations.get(&pod).copied()
    }

    /// When it was created, uncut.
    #[inline]
    #[must_use]
    pub fn created(&self, pod: PodId) -> SimTime {
        self.core[pod].created_at
    }

    /// `status.startTime`, once the kubelet has written it.
    #[inline]
    #[must_use]
    pub fn started(&self, pod: PodId) -> Option<SimTime> {
        let started = self.core[pod].started;
        (started != ApiTime::default()).then(|| started.time())
    }

    /// Its conditions.
    #[inline]
    #[must_use]
    pub fn conditions(&self, pod: PodId) -> &StoredConditions {
        &self.core[pod].conditions
    }

    /// When the status of a condition changed last, in whole seconds; `None` if it was never written.
    #[must_use]
    pub fn transition(&self, pod: PodId, kind: PodConditionType) -> Option<SimTime> {
        let conditions = &self.core[pod].conditions;
        conditions.get(kind)?;
        Some(match conditions.age(kind) {
            StoredConditions::LATE => self.late_transitions[&(pod, kind)].time(),
            age => ApiTime::cut(self.core[pod].created_at).plus(age).time(),
        })
    }

    /// Writes a condition. Returns whether anything changed.
    pub(super) fn set_condition(
        &mut self,
        now: SimTime,
        pod: PodId,
        kind: PodConditionType,
        condition: PodCondition,
    ) -> bool {
        let mut given = [None; 6];
        given[kind as usize] = Some(condition);
        !self.set_conditions(now, pod, &given).is_empty()
    }

    /// Writes those conditions that are given, by type; a transition time moves only when the status changes. Returns which
    /// of them changed anything.
    pub(super) fn set_conditions(&mut self, now: SimTime, pod: PodId, given: &[Option<PodCondition>; 6]) -> StatusMask {
        let mut mask = StatusMask::default();
        let now = ApiTime::cut(now);
        let core = &mut self.core[pod];
        let age = now.since(ApiTime::cut(core.created_at));
        let conditions = &mut core.conditions;
        for kind in PodConditionType::ALL {
            let Some(condition) = given[kind as usize] else { continue };
            let reason = pack_reason(condition.reason);
            if conditions.is(kind, condition.status, reason) {
                continue;
            }
            if conditions.moves(kind, condition.status) {
                conditions.set_age(kind, age);
                if conditions.age(kind) == StoredConditions::LATE {
                    self.late_transitions.insert((pod, kind), now);
                }
            }
            conditions.set(kind, condition.status, reason);
            mask.add(StatusMask::condition(kind));
        }
        mask
    }

    /// Its containers' statuses, in the order of the template's containers.
    pub fn containers(&self, pod: PodId) -> impl ExactSizeIterator<Item = StoredContainer> {
        self.rows(pod).map(|row| self.status(row))
    }

    /// The rows of its containers in the status column.
    fn rows(&self, pod: PodId) -> std::ops::Range<u32> {
        let core = &self.core[pod];
        core.first_container..core.first_container + u32::from(core.containers)
    }

    fn status(&self, row: u32) -> StoredContainer {
        let past = if self.pasts.is_empty() { None } else { self.pasts.get(&row).copied() };
        let past = past.unwrap_or(Past::NONE);
        StoredContainer { now: self.statuses[row], past }
    }

    /// Writes its containers' statuses. Returns whether anything changed.
    pub(super) fn set_containers(&mut self, pod: PodId, statuses: &[StoredContainer]) -> bool {
        let rows = self.rows(pod);
        debug_assert_eq!(rows.len(), statuses.len(), "a status for each container");
        let mut changed = false;
        for (row, &status) in rows.zip(statuses) {
            let before = self.status(row);
            changed |= before != status;
            self.statuses[row] = status.now;
            if status.past != before.past {
                self.pasts.insert(row, status.past);
            }
        }
        changed
    }

    pub(super) fn insert(
        &mut self,
        now: SimTime,
        workload: WorkloadId,
        ordinal: u32,
        id: TemplateId,
        containers: usize,
    ) -> PodRef {
        let uid = PodUid::from_raw(self.created);
        self.created += 1;
        self.live += 1;
        self.peak = self.peak.max(self.live);
        let containers = u8::try_from(containers).expect("a pod has fewer than 256 containers");
        let core = Core {
            uid: Some(uid),
            template: id,
            workload,
            ordinal,
            node: None,
            started: ApiTime::default(),
            reason: pack_reason(crate::model::strings::known::EMPTY),
            phase: Phase::Pending,
            has_address: false,
            containers,
            first_container: self.take_run(containers),
            created_at: now,
            conditions: StoredConditions::default(),
        };
        let pod = if let Some(pod) = self.free {
            self.free = std::mem::take(&mut self.links[pod]).next;
            self.core[pod] = core;
            pod
        } else {
            self.links.push(Links::default());
            self.core.push(core)
        };
        PodRef { pod, uid }
    }

    pub(super) fn remove(&mut self, pod: PodId) {
        self.leave_node(pod);
        forget(&mut self.deletions, &pod);
        forget(&mut self.resizes, &pod);
        forget(&mut self.nominations, &pod);
        if self.core[pod].conditions.has_late() {
            for kind in PodConditionType::ALL {
                self.late_transitions.remove(&(pod, kind));
            }
        }
        self.give_run_back(pod);
        self.core[pod].uid = None;
        self.links[pod].next = self.free.replace(pod);
        self.live -= 1;
    }

    /// A number that changes whenever a pod on the node tells its start, or goes.
    #[inline]
    #[must_use]
    pub fn starts_on(&self, node: NodeId) -> u32 {
        self.starts.get(node).copied().unwrap_or_default()
    }

    /// A pod tells its start, or goes.
    pub(super) fn count_start(&mut self, pod: PodId) {
        if let Some(node) = self.core[pod].node {
            self.starts.grow_to(node, 0);
            self.starts[node] = self.starts[node].wrapping_add(1);
        }
    }

    pub(super) fn join_node(&mut self, pod: PodId, node: NodeId) {
        self.first_on_node.grow_to(node, None);
        let first = self.first_on_node[node].replace(pod);
        if let Some(first) = first {
            self.links[first].previous = Some(pod);
        }
        self.links[pod] = Links { next: first, previous: None };
        self.core[pod].node = Some(node);
    }

    fn leave_node(&mut self, pod: PodId) {
        let Some(node) = self.core[pod].node else { return };
        self.count_start(pod);
        let Links { next, previous } = self.links[pod];
        match previous {
            Some(previous) => self.links[previous].next = next,
            None => self.first_on_node[node] = next,
        }
        if let Some(next) = next {
            self.links[next].previous = previous;
        }
    }

    /// The first of so many rows of the status column, all absent.
    fn take_run(&mut self, length: u8) -> u32 {
        let size = usize::from(length);
        if self.free_runs.len() <= size {
            self.free_runs.resize(size + 1, NONE);
        }
        let first = self.free_runs[size];
        if first == NONE {
            let first = self.statuses.len();
            (0..length).for_each(|_| _ = self.statuses.push(StatusRow::ABSENT));
            return u32::try_from(first).ok().filter(|&first| first < NONE).expect("fewer than 2^32 containers");
        }
        self.free_runs[size] = self.statuses[first].next_free();
        self.statuses[first] = StatusRow::ABSENT;
        first
    }

    fn give_run_back(&mut self, pod: PodId) {
        let rows = self.rows(pod);
        for row in rows.clone() {
            self.statuses[row] = StatusRow::ABSENT;
            forget(&mut self.pasts, &row);
        }
        if let Some(first) = rows.clone().next() {
            self.statuses[first] = StatusRow::free(std::mem::replace(&mut self.free_runs[rows.len()], first));
        }
    }

    /// Bytes that one more pod takes in the columns, containers aside.
    #[must_use]
    pub const fn bytes_per_pod() -> usize {
        size_of::<Core>() + size_of::<Links>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;
    use crate::model::{ContainerState, ContainerStatus, Terminated};

    fn at(seconds: i64) -> SimTime {
        SimTime(seconds * 1_000_000_000)
    }

    fn insert(pods: &mut Pods, seconds: i64, containers: usize) -> PodRef {
        pods.insert(at(seconds), WorkloadId::from_raw(0), 0, TemplateId::from_raw(0), containers)
    }

    #[test]
    fn a_pod_is_small() {
        assert_eq!((size_of::<Core>(), Pods::bytes_per_pod()), (64, 72));
    }

    #[test]
    fn a_transition_time_moves_only_with_the_status_early_or_late() {
        let mut pods = Pods::default();
        let kind = PodConditionType::Ready;
        for created in [5, 1_700_000_000] {
            let pod = insert(&mut pods, created, 1).pod;
            assert_eq!((pods.conditions(pod).get(kind), pods.transition(pod, kind)), (None, None));
            for late in [0, 65_534, 65_535, 4_000_000] {
                let then = created + late;
                let not = PodCondition::not(known::CONTAINERS_NOT_READY);
                assert!(pods.set_condition(at(then), pod, kind, not));
                assert!(pods.set_condition(at(then + 9), pod, kind, PodCondition::not(known::POD_FAILED)));
                assert!(!pods.set_condition(at(then + 9), pod, kind, PodCondition::not(known::POD_FAILED)));
                assert_eq!(pods.transition(pod, kind), Some(at(then)));
                assert!(pods.set_condition(at(then + 12), pod, kind, PodCondition::TRUE));
                let now = (pods.transition(pod, kind), pods.conditions(pod).is_true(kind));
                assert_eq!(now, (Some(at(then + 12)), true));
            }
            pods.remove(pod);
            assert!(pods.late_transitions.is_empty());
        }
    }

    #[test]
    fn slots_and_runs_are_used_again_and_forget_their_past() {
        let mut pods = Pods::default();
        let end =
            Terminated { exit_code: -1, signal: 0, reason: known::OOM_KILLED, started_at: at(3), finished_at: at(4) };
        let waiting = ContainerStatus::waiting(known::DEFAULT, known::CONTAINER_CREATING);
        let crashed = ContainerStatus { last_state: ContainerState::Terminated(end), restart_count: 7, ..waiting };
        let statuses = [StoredContainer::pack(&waiting), StoredContainer::pack(&crashed)];
        let (a, b, none) = (insert(&mut pods, 1, 2), insert(&mut pods, 1, 2), insert(&mut pods, 1, 0));
        assert!(pods.set_containers(b.pod, &statuses) && !pods.set_containers(b.pod, &statuses));
        assert!(pods.containers(b.pod).eq(statuses));
        assert_eq!((pods.pasts.len(), pods.containers(none.pod).len()), (1, 0));
        for pod in [a, none, b] {
            pods.remove(pod.pod);
            assert!(!pods.exists(pod));
        }
        assert!(pods.pasts.is_empty());
        let (c, d) = (insert(&mut pods, 2, 2), insert(&mut pods, 2, 2));
        assert_eq!((c.pod, d.pod, pods.statuses.len()), (b.pod, none.pod, 4));
        for pod in [c, d] {
            assert!(pods.containers(pod.pod).eq([StoredContainer::ABSENT; 2]));
        }
        assert!(pods.iter().eq([c, d]), "in slot order");
    }
}
