//! The records of all pods on all machines: found by id, by pod, by machine. Most pods of a large cluster just run, and
//! are kept parked. Knows no policy.

use smallvec::SmallVec;

use crate::api::PodRef;
use crate::api::stored::ApiTime;
use crate::base::id::DenseId;
use crate::base::{IdPages, SimDuration, SimTime};
use crate::engine::TimerKey;
use crate::model::strings::known;
use crate::model::{NodeId, PodId, StrId, TemplateId, WorkloadId};

use super::quiet::Quiet;
use super::runtime::{ContainerRecord, Instance, PodRecord, RecordId, Worker};

/// Records of all pods on all machines.
#[derive(Debug, Default)]
pub(super) struct Records {
    pods: IdPages<RecordId, Stored>,
    links: IdPages<RecordId, Links>,
    /// The first free record.
    free: Option<RecordId>,
    /// The record of a pod object's slot.
    by_slot: IdPages<PodId, Option<RecordId>>,
    /// Room of whole records that were parked or forgotten, for the next ones.
    #[allow(clippy::vec_box, reason = "boxes go in and out: what they hold is not moved")]
    spare: Vec<Box<Full>>,
}

/// So much room is kept at most: few records are whole at once.
const MOST_SPARE: usize = 256;

/// A record's place among those of its machine. Whoever comes or goes writes to its neighbours: here, in few lines of the cache,
/// and not in theirs.
#[derive(Clone, Copy, Debug)]
struct Links {
    next: Option<RecordId>,
    previous: Option<RecordId>,
}

/// A record as it is kept. Most pods of a large cluster just run: those are parked in 64 bytes.
#[derive(Debug)]
enum Stored {
    /// Free, with the next free record: a list of its own would grow as long as the column.
    Free(Option<RecordId>),
    Parked(Parked),
    Full(Box<Full>),
}

#[derive(Debug)]
struct Full {
    pod: PodRecord,
    containers: SmallVec<[ContainerRecord; 1]>,
}

/// A pod of one container that runs for the first time, with nothing pending but its own end. What does not fit (more
/// pulls, other exits) is not parked.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Parked {
    pub(super) pod: PodRef,
    pub(super) template: TemplateId,
    workload: WorkloadId,
    ordinal: u32,
    pub(super) node: NodeId,
    /// The end of its process; if it is quiet: the status message that follows from that.
    timer: Option<TimerKey>,
    pub(super) running_since: SimTime,
    pub(super) exit_at: SimTime,
    /// Of its start only the status asks, which shows seconds.
    pub(super) started_at: ApiTime,
    pub(super) exit_code: u8,
    /// A well-known string, whose id is below 256.
    exit_reason: u8,
    pulls: u8,
    /// Whether it is quiet. (That a byte can be no `bool` is how [`Stored`] tells its variants apart without a ninth word.)
    pub(super) quiet: bool,
}

impl Parked {
    /// Why its process ends.
    pub(super) const fn exit_reason(&self) -> StrId {
        StrId::from_raw(self.exit_reason as u32)
    }
}

/// What is known of a record without waking it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brief {
    pub(super) pod: PodRef,
    pub(super) template: TemplateId,
    pub(super) workload: WorkloadId,
    pub(super) node: NodeId,
}

impl Records {
    /// The record, which is not parked.
    #[inline]
    pub(super) fn get(&self, id: RecordId) -> &PodRecord {
        &self.full(id).pod
    }

    /// The record, which is not parked.
    #[inline]
    pub(super) fn get_mut(&mut self, id: RecordId) -> &mut PodRecord {
        &mut self.full_mut(id).pod
    }

    #[inline]
    fn full(&self, id: RecordId) -> &Full {
        match &self.pods[id] {
            Stored::Full(full) => full,
            other => unreachable!("a record is woken before it is used, and its timers go with it: {other:?}"),
        }
    }

    #[inline]
    fn full_mut(&mut self, id: RecordId) -> &mut Full {
        match &mut self.pods[id] {
            Stored::Full(full) => full,
            other => unreachable!("a record is woken before it is used, and its timers go with it: {other:?}"),
        }
    }

    /// The record of a pod, parked or not.
    #[inline]
    pub(super) fn of(&self, pod: PodRef) -> Option<RecordId> {
        let id = self.by_slot.get(pod.pod).copied().flatten()?;
        (self.pod_of(id) == Some(pod)).then_some(id)
    }

    /// The record of a pod whose slot a later pod has taken over, searched among those of its machine.
    pub(super) fn displaced(&self, pod: PodRef, first: Option<RecordId>) -> Option<RecordId> {
        self.by_slot.get(pod.pod).copied().flatten()?;
        self.chain(first).find(|&id| self.pod_of(id) == Some(pod))
    }

    #[inline]
    pub(super) fn pod_of(&self, id: RecordId) -> Option<PodRef> {
        match &self.pods[id] {
            Stored::Free(_) => None,
            Stored::Parked(parked) => Some(parked.pod),
            Stored::Full(full) => Some(full.pod.pod),
        }
    }

    /// What the pod is made from.
    #[inline]
    pub(super) fn template_of(&self, id: RecordId) -> TemplateId {
        match &self.pods[id] {
            Stored::Full(full) => full.pod.template,
            Stored::Parked(parked) => parked.template,
            Stored::Free(_) => unreachable!("a free record has no pod"),
        }
    }

    /// The pod's node.
    #[inline]
    pub(super) fn node_of(&self, id: RecordId) -> NodeId {
        match &self.pods[id] {
            Stored::Full(full) => full.pod.node,
            Stored::Parked(parked) => parked.node,
            Stored::Free(_) => unreachable!("a free record has no pod"),
        }
    }

    /// Whether the record is whole: it is there and not parked.
    #[inline]
    pub(super) fn is_whole(&self, id: RecordId) -> bool {
        matches!(self.pods[id], Stored::Full(_))
    }

    /// Whether the pod is quiet.
    #[inline]
    pub(super) fn is_quiet(&self, id: RecordId) -> bool {
        match &self.pods[id] {
            Stored::Free(_) => false,
            Stored::Parked(parked) => parked.quiet,
            Stored::Full(full) => full.pod.quiet.is_some(),
        }
    }

    /// A record as it is parked; `None`: it is not.
    #[inline]
    pub(super) fn parked(&self, id: RecordId) -> Option<&Parked> {
        match &self.pods[id] {
            Stored::Parked(parked) => Some(parked),
            _ => None,
        }
    }

    /// Every record's id, free ones included.
    pub(super) fn ids(&self) -> impl Iterator<Item = RecordId> + use<> {
        (0..self.pods.len()).map(RecordId::from_index)
    }

    /// Whether the pod's machine counts its process already, which has not started.
    pub(super) fn is_reserved(&self, id: RecordId) -> bool {
        self.is_whole(id) && self.get(id).quiet.as_ref().is_some_and(|quiet| quiet.reserved)
    }

    /// Looks at a parked record and its neighbours on the node: pod and node, and what was read.
    #[inline]
    pub(super) fn read_ahead(&self, id: RecordId) -> Option<(PodId, NodeId, u32)> {
        let Stored::Parked(parked) = &self.pods[id] else { return None };
        let Links { next, previous } = self.links[id];
        let read = [next, previous].into_iter().flatten().map(|id| u32::from(self.links[id].next.is_some())).sum();
        Some((parked.pod.pod, parked.node, read))
    }

    /// Looks at the place of a record among those of its machine.
    #[inline]
    pub(super) fn read_link_ahead(&self, id: Option<RecordId>) -> bool {
        id.is_some_and(|id| self.links[id].previous.is_some())
    }

    /// Looks at which record is of a pod object's slot.
    #[inline]
    pub(super) fn read_slot_ahead(&self, pod: PodId) -> bool {
        self.by_slot.get(pod).is_some_and(|id| id.is_some())
    }

    /// Whether the record is parked.
    #[inline]
    pub(super) fn is_parked(&self, id: RecordId) -> bool {
        matches!(self.pods[id], Stored::Parked(_))
    }

    /// What is known of a record without waking it.
    pub(super) fn brief(&self, id: RecordId) -> Brief {
        match &self.pods[id] {
            Stored::Free(_) => unreachable!("the record exists"),
            Stored::Parked(Parked { pod, template, workload, node, .. }) => {
                Brief { pod: *pod, template: *template, workload: *workload, node: *node }
            }
            Stored::Full(full) => {
                let PodRecord { pod, template, workload, node, .. } = full.pod;
                Brief { pod, template, workload, node }
            }
        }
    }

    /// Every record, in slot order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RecordId, Brief)> {
        self.pods.entries().filter_map(|(id, stored)| match stored {
            Stored::Free(_) => None,
            Stored::Parked(Parked { pod, template, workload, node, .. }) => {
                Some((id, Brief { pod: *pod, template: *template, workload: *workload, node: *node }))
            }
            Stored::Full(full) => {
                let PodRecord { pod, template, workload, node, .. } = full.pod;
                Some((id, Brief { pod, template, workload, node }))
            }
        })
    }

    /// Since when a container's process runs, and how many requests per second it serves.
    pub(super) fn running(&self, id: RecordId, index: u16) -> Option<(SimTime, f64)> {
        match &self.pods[id] {
            Stored::Free(_) => None,
            Stored::Parked(parked) => Some((parked.running_since, 0.0)),
            Stored::Full(full) => {
                let container = &full.containers[usize::from(index)];
                container.running().map(|since| (since, container.rate))
            }
        }
    }

    /// How fast a container's process runs, as a part of its full speed.
    pub(super) fn speed(&self, id: RecordId, index: u16) -> f64 {
        match &self.pods[id] {
            Stored::Free(_) | Stored::Parked(_) => 1.0,
            Stored::Full(full) => full.containers[usize::from(index)].slow.as_ref().map_or(1.0, |slow| slow.speed),
        }
    }

    /// What is known of a container that gets less CPU time than it asks for.
    pub(super) fn slow_mut(&mut self, id: RecordId, index: u16) -> Option<&mut super::runtime::Slow> {
        match &mut self.pods[id] {
            Stored::Free(_) | Stored::Parked(_) => None,
            Stored::Full(full) => full.containers[usize::from(index)].slow.as_deref_mut(),
        }
    }

    /// What the pod's containers wrote, if they did.
    pub(super) fn storage(&self, id: RecordId) -> Option<&super::storage::Storage> {
        match &self.pods[id] {
            Stored::Free(_) | Stored::Parked(_) => None,
            Stored::Full(full) => full.pod.storage.as_deref(),
        }
    }

    /// Whether a container's process listens on its ports.
    pub(super) fn serving(&self, id: RecordId, index: u16) -> bool {
        match &self.pods[id] {
            Stored::Free(_) => false,
            Stored::Parked(_) => true,
            Stored::Full(full) => full.containers[usize::from(index)].serving,
        }
    }

    /// A new record, the first on its machine; `next` was that before.
    pub(super) fn insert(&mut self, record: PodRecord, containers: usize, next: Option<RecordId>) -> RecordId {
        let slot = record.pod.pod;
        let mut full = self.whole(record);
        (0..containers).for_each(|_| full.containers.push(ContainerRecord::default()));
        let stored = Stored::Full(full);
        let id = match self.free {
            Some(id) => {
                let Stored::Free(free) = std::mem::replace(&mut self.pods[id], stored) else {
                    unreachable!("the chain of free records holds free records")
                };
                self.free = free;
                self.links[id] = Links { next, previous: None };
                id
            }
            None => {
                self.links.push(Links { next, previous: None });
                self.pods.push(stored)
            }
        };
        self.by_slot.grow_to(slot, &None);
        self.by_slot[slot] = Some(id);
        if let Some(next) = next {
            self.links[next].previous = Some(id);
        }
        id
    }

    /// Room for a whole record, without containers.
    fn whole(&mut self, pod: PodRecord) -> Box<Full> {
        match self.spare.pop() {
            Some(mut full) => {
                full.pod = pod;
                full.containers.clear();
                full
            }
            None => Box::new(Full { pod, containers: SmallVec::new() }),
        }
    }

    fn keep(&mut self, stored: Stored) {
        if let Stored::Full(full) = stored
            && self.spare.len() < MOST_SPARE
        {
            self.spare.push(full);
        }
    }

    /// Forgets a record; its neighbours on the node close the gap, and the first one there is returned if it changes.
    pub(super) fn remove(&mut self, id: RecordId) -> Option<Option<RecordId>> {
        let slot = self.pod_of(id).expect("a record is removed once").pod;
        let stored = std::mem::replace(&mut self.pods[id], Stored::Free(self.free));
        self.free = Some(id);
        if self.by_slot[slot] == Some(id) {
            self.by_slot[slot] = None;
        }
        self.keep(stored);
        let Links { next, previous } = self.links[id];
        if let Some(next) = next {
            self.links[next].previous = previous;
        }
        let Some(previous) = previous else { return Some(next) };
        self.links[previous].next = next;
        None
    }

    /// The records on a machine, given the first.
    pub(super) fn chain(&self, first: Option<RecordId>) -> impl Iterator<Item = RecordId> {
        std::iter::successors(first, |&id| self.links[id].next)
    }

    #[inline]
    pub(super) fn container(&self, id: RecordId, index: u16) -> &ContainerRecord {
        &self.full(id).containers[usize::from(index)]
    }

    #[inline]
    pub(super) fn container_mut(&mut self, id: RecordId, index: u16) -> &mut ContainerRecord {
        &mut self.full_mut(id).containers[usize::from(index)]
    }

    /// Parks a record if nothing of it is out of the ordinary and its template allows it.
    pub(super) fn park_if(&mut self, id: RecordId, allowed: impl Fn(TemplateId) -> bool) {
        let Stored::Full(full) = &self.pods[id] else { return };
        let (pod, [container]) = (&full.pod, full.containers.as_slice()) else { return };
        let Some(running_since) = container.running() else { return };
        let pod_is_plain = pod.worker == Worker::Idle
            && pod.timer.is_none()
            && pod.due.is_none()
            && pod.sandboxes == 1
            && pod.sandbox_ready
            && pod.grace_seconds.is_none()
            && pod.kill_reason == known::EMPTY
            && !pod.orphan
            && pod.retries == 0
            && pod.deadline.is_none()
            && pod.storage_timer.is_none()
            && pod.storage.is_none()
            && pod.quiet.as_ref().is_none_or(Quiet::is_over_with_its_end);
        let container_is_plain = container.serving
            && container.ready
            && container.started
            && container.restarts == 0
            && container.previous.is_none()
            && container.start_error == known::EMPTY
            && !container.stopping
            && container.kill.is_none()
            && !container.unhealthy
            && container.health_timer.is_none()
            && container.rate == 0.0
            && container.slow.is_none()
            && container.oom_timer.is_none()
            && container.grace_timer.is_none()
            && container.pull_back_off.is_none()
            && container.probers.is_none();
        if !pod_is_plain || !container_is_plain || !allowed(pod.template) {
            return;
        }
        let fits = (
            u8::try_from(container.exit_code),
            u8::try_from(container.exit_reason.raw()),
            u8::try_from(container.pulls),
        );
        let (Ok(exit_code), Ok(exit_reason), Ok(pulls)) = fits else { return };
        let parked = Stored::Parked(Parked {
            pod: pod.pod,
            template: pod.template,
            workload: pod.workload,
            ordinal: pod.ordinal,
            node: pod.node,
            timer: pod.quiet.as_ref().map_or(container.exit_timer, |quiet| quiet.tell),
            running_since,
            exit_at: container.exit_at,
            started_at: ApiTime::cut(pod.started_at),
            exit_code,
            exit_reason,
            pulls,
            quiet: pod.quiet.is_some(),
        });
        let full = std::mem::replace(&mut self.pods[id], parked);
        self.keep(full);
    }

    /// Makes a parked record whole again. `traced_run` gives what its pod's trace says of its run time, `told_at` when on a
    /// node the status message arrives that follows from an end.
    pub(super) fn wake(
        &mut self,
        id: RecordId,
        traced_run: impl Fn(WorkloadId, u32) -> Option<SimDuration>,
        told_at: impl Fn(NodeId, SimTime) -> SimTime,
    ) {
        let Stored::Parked(parked) = self.pods[id] else { return };
        let mut pod = PodRecord::new(parked.pod, parked.template, (parked.workload, parked.ordinal), parked.node);
        (pod.sandboxes, pod.mounted) = (1, true);
        pod.sandbox_ready = true;
        pod.quiet = parked.quiet.then(|| Quiet::running(told_at(parked.node, parked.exit_at), parked.timer));
        pod.started_at = parked.started_at.time();
        pod.probes_from = Some(parked.running_since);
        pod.traced_run = traced_run(parked.workload, parked.ordinal);
        let container = ContainerRecord {
            instance: Instance::Running(parked.running_since),
            sandbox: 1,
            created: true,
            pulls: u32::from(parked.pulls),
            exit_timer: parked.timer.filter(|_| !parked.quiet),
            exit_at: parked.exit_at,
            exit_code: i32::from(parked.exit_code),
            exit_reason: parked.exit_reason(),
            serving: true,
            started: true,
            ready: true,
            ..ContainerRecord::default()
        };
        let mut full = self.whole(pod);
        full.containers.push(container);
        self.pods[id] = Stored::Full(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PodUid;

    fn record(slot: u32) -> PodRecord {
        let pod = PodRef { pod: PodId::from_raw(slot), uid: PodUid::from_raw(slot + 100) };
        let from = (WorkloadId::from_raw(0), slot);
        let plain = PodRecord::new(pod, TemplateId::from_raw(0), from, NodeId::from_raw(0));
        PodRecord { sandboxes: 1, sandbox_ready: true, started_at: SimTime(5_000_000_000), ..plain }
    }

    #[test]
    fn a_parked_record_comes_back_as_it_was_and_stays_in_its_chain() {
        let mut records = Records::default();
        let a = records.insert(record(0), 1, None);
        let b = records.insert(record(1), 1, Some(a));
        let c = records.insert(record(2), 1, Some(b));
        let container = records.container_mut(b, 0);
        container.instance = Instance::Running(SimTime(7));
        records.park_if(b, |_| true);
        assert!(!records.is_parked(b), "its process does not serve yet");
        let container = records.container_mut(b, 0);
        (container.serving, container.ready, container.started) = (true, true, true);
        (container.created, container.sandbox, container.exit_at) = (true, 1, SimTime(99));
        (container.exit_reason, container.pulls, container.exit_code) = (known::ERROR, 255, -1);
        records.park_if(b, |_| true);
        assert!(!records.is_parked(b), "its exit code does not fit");
        records.container_mut(b, 0).exit_code = 255;
        records.get_mut(b).probes_from = Some(SimTime(7));
        records.get_mut(b).mounted = true;
        let whole = format!("{:?} {:?}", records.get(b), records.container(b, 0));
        records.park_if(b, |_| true);
        assert!(records.is_parked(b));
        assert_eq!(records.running(b, 0), Some((SimTime(7), 0.0)));
        assert_eq!(records.chain(Some(c)).collect::<Vec<_>>(), [c, b, a]);
        records.wake(b, |_, _| None, |_, at| at);
        assert_eq!(format!("{:?} {:?}", records.get(b), records.container(b, 0)), whole);
        records.park_if(b, |_| true);
        assert_eq!(records.remove(a), None);
        assert_eq!(records.remove(c), Some(Some(b)));
        assert_eq!(records.chain(Some(b)).collect::<Vec<_>>(), [b]);
        let d = records.insert(record(3), 1, Some(b));
        let e = records.insert(record(4), 1, Some(d));
        let f = records.insert(record(5), 1, Some(e));
        assert_eq!((d, e, f.raw()), (c, a, 3), "free records are used again");
        assert_eq!(records.of(records.get(e).pod), Some(e));
        assert_eq!(size_of::<Stored>(), 64);
    }
}
