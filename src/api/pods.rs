//! Pod objects as columns. A slot is reused after its pod is gone; the uid tells pods of one slot apart.

use super::log::PodRef;
use rustc_hash::FxHashMap;

use super::stored::{ApiTime, StoredConditions, StoredContainer, pack_reason, unpack_reason};
use crate::base::{IdVec, SimTime};
use crate::model::{NodeId, Phase, PodId, PodTemplate, PodUid, StrId, TemplateId, WorkloadId};

/// What placement, kubelet and controllers ask for most.
#[derive(Clone, Copy, Debug)]
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
    pub(super) deleting: bool,
    pub(super) has_address: bool,
    /// Position in its node's list: the next pod there.
    pub(super) next_on_node: Option<PodId>,
    pub(super) previous_on_node: Option<PodId>,
    /// First of its containers' statuses in the status column.
    pub(super) first_container: u32,
    pub(super) containers: u16,
}

/// When a pod is to be gone, and the grace it was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    pub(super) at: ApiTime,
    pub(super) grace_seconds: u32,
}

/// All pods.
#[derive(Debug, Default)]
pub struct Pods {
    pub(super) core: IdVec<PodId, Core>,
    pub(super) created_at: IdVec<PodId, SimTime>,
    /// Of pods that are being deleted; never iterated.
    pub(super) deletions: FxHashMap<PodId, Deletion>,
    pub(super) conditions: IdVec<PodId, StoredConditions>,
    pub(super) statuses: Vec<StoredContainer>,
    /// Free runs of the status column, by length.
    free_runs: Vec<Vec<u32>>,
    free: Vec<PodId>,
    pub(super) first_on_node: IdVec<NodeId, Option<PodId>>,
    created: u32,
    live: u32,
    peak: u32,
}

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
    #[must_use]
    pub fn exists(&self, pod: PodRef) -> bool {
        self.core.get(pod.pod).is_some_and(|core| core.uid == Some(pod.uid))
    }

    /// The pod in `slot`, if any.
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
            next = self.core[slot].next_on_node;
            self.in_slot(slot)
        })
    }

    /// What the pod was made from.
    #[must_use]
    pub fn template(&self, pod: PodId) -> TemplateId {
        self.core[pod].template
    }

    /// Where the pod came from, and its number there.
    #[must_use]
    pub fn source(&self, pod: PodId) -> (WorkloadId, u32) {
        (self.core[pod].workload, self.core[pod].ordinal)
    }

    /// The node it is bound to.
    #[must_use]
    pub fn node(&self, pod: PodId) -> Option<NodeId> {
        self.core[pod].node
    }

    /// `status.phase`.
    #[must_use]
    pub fn phase(&self, pod: PodId) -> Phase {
        self.core[pod].phase
    }

    /// `status.reason`.
    #[must_use]
    pub fn reason(&self, pod: PodId) -> StrId {
        unpack_reason(self.core[pod].reason)
    }

    /// Whether it has a deletion timestamp.
    #[must_use]
    pub fn deleting(&self, pod: PodId) -> bool {
        self.core[pod].deleting
    }

    /// Whether it has an address.
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

    /// When it was created, uncut.
    #[must_use]
    pub fn created(&self, pod: PodId) -> SimTime {
        self.created_at[pod]
    }

    /// `status.startTime`, once the kubelet has written it.
    #[must_use]
    pub fn started(&self, pod: PodId) -> Option<SimTime> {
        let started = self.core[pod].started;
        (started != ApiTime::default()).then(|| started.time())
    }

    /// Its conditions.
    #[must_use]
    pub fn conditions(&self, pod: PodId) -> &StoredConditions {
        &self.conditions[pod]
    }

    /// Its containers' statuses, in the order of the template's containers.
    #[must_use]
    pub fn containers(&self, pod: PodId) -> &[StoredContainer] {
        let core = &self.core[pod];
        &self.statuses[core.first_container as usize..][..usize::from(core.containers)]
    }

    pub(super) fn containers_mut(&mut self, pod: PodId) -> &mut [StoredContainer] {
        let core = &self.core[pod];
        &mut self.statuses[core.first_container as usize..][..usize::from(core.containers)]
    }

    pub(super) fn insert(
        &mut self,
        now: SimTime,
        workload: WorkloadId,
        ordinal: u32,
        id: TemplateId,
        template: &PodTemplate,
    ) -> PodRef {
        let uid = PodUid::from_raw(self.created);
        self.created += 1;
        self.live += 1;
        self.peak = self.peak.max(self.live);
        let containers = u16::try_from(template.containers.len()).expect("a pod has fewer than 65,536 containers");
        let core = Core {
            uid: Some(uid),
            template: id,
            workload,
            ordinal,
            node: None,
            started: ApiTime::default(),
            reason: pack_reason(crate::model::strings::known::EMPTY),
            phase: Phase::Pending,
            deleting: false,
            has_address: false,
            next_on_node: None,
            previous_on_node: None,
            first_container: self.take_run(containers),
            containers,
        };
        let pod = if let Some(pod) = self.free.pop() {
            self.core[pod] = core;
            self.created_at[pod] = now;
            self.conditions[pod] = StoredConditions::default();
            pod
        } else {
            self.created_at.push(now);
            self.conditions.push(StoredConditions::default());
            self.core.push(core)
        };
        PodRef { pod, uid }
    }

    pub(super) fn remove(&mut self, pod: PodId) {
        self.leave_node(pod);
        self.deletions.remove(&pod);
        let core = &mut self.core[pod];
        core.uid = None;
        let (first, length) = (core.first_container, core.containers);
        self.free_runs[usize::from(length)].push(first);
        self.free.push(pod);
        self.live -= 1;
    }

    pub(super) fn join_node(&mut self, pod: PodId, node: NodeId) {
        self.first_on_node.grow_to(node, None);
        let first = self.first_on_node[node].replace(pod);
        if let Some(first) = first {
            self.core[first].previous_on_node = Some(pod);
        }
        let core = &mut self.core[pod];
        core.node = Some(node);
        core.next_on_node = first;
        core.previous_on_node = None;
    }

    fn leave_node(&mut self, pod: PodId) {
        let Core { node, next_on_node, previous_on_node, .. } = self.core[pod];
        let Some(node) = node else { return };
        match previous_on_node {
            Some(previous) => self.core[previous].next_on_node = next_on_node,
            None => self.first_on_node[node] = next_on_node,
        }
        if let Some(next) = next_on_node {
            self.core[next].previous_on_node = previous_on_node;
        }
    }

    fn take_run(&mut self, length: u16) -> u32 {
        let length = usize::from(length);
        if self.free_runs.len() <= length {
            self.free_runs.resize_with(length + 1, Vec::new);
        }
        if let Some(first) = self.free_runs[length].pop() {
            self.statuses[first as usize..][..length].fill(StoredContainer::ABSENT);
            return first;
        }
        let first = self.statuses.len();
        if self.statuses.capacity() < first + length {
            self.statuses.reserve_exact((first / 8).max(64).max(length));
        }
        self.statuses.resize(first + length, StoredContainer::ABSENT);
        u32::try_from(first).expect("fewer than 2^32 containers")
    }

    /// Bytes that one more pod takes in the columns, containers aside.
    #[must_use]
    pub const fn bytes_per_pod() -> usize {
        size_of::<Core>() + size_of::<SimTime>() + size_of::<StoredConditions>()
    }
}
