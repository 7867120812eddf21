//! What a reconciler has decided to write, in order, and the one thing that a reconciler is given: a view of the objects as they
//! are. Knows no timer and no rule of any controller.
//!
//! A sync upstream is a sequence of calls to the API server, some of them in parallel. Here it is a [`Script`]: groups of
//! writes that go out together; the next group waits until all of the last are done, and is dropped if one was refused.

use smallvec::SmallVec;

use super::hpa::metrics::Known;
use super::slow_start::{INITIAL_BATCH, next_batch};
use crate::api::{Cluster, NewObject, ObjectRow, PodRef, Propagation};
use crate::base::{SimDuration, SimTime};
use crate::model::objects::{ObjectSpec, ObjectStatus, ReplicaSetStatus};
use crate::model::plan::Plan;
use crate::model::{ConfigId, NodeId, ObjectId, PodConditionType, ServiceId, StorageKey, StorageObject, TemplateId};
use crate::record::{Fact, KubeEvent, Recorder, Subject};

/// One write.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    /// Creates a pod for the script's object.
    CreatePod {
        /// The template of the plan.
        template: TemplateId,
        /// How the pod differs from it.
        variation: Option<Variation>,
        /// See [`Owned::member`](crate::api::Owned::member).
        member: u32,
    },
    /// Deletes a pod with its own grace.
    DeletePod(PodRef),
    /// Makes the script's object the owner of a pod without one.
    AdoptPod(PodRef),
    /// Takes its owner from a pod.
    ReleasePod(PodRef),
    /// Tells a pod of the script's object, a Job, that it was counted.
    UntrackPod(PodRef),
    /// Creates the claim of a StatefulSet's pod, unless it is there.
    CreateClaim {
        /// Which of `spec.volumeClaimTemplates`.
        at: usize,
        /// The pod's ordinal.
        ordinal: i32,
    },
    /// Creates an object.
    CreateObject(Box<NewObject>),
    /// Writes the spec of an object.
    PutSpec(ObjectId, Box<ObjectSpec>),
    /// Writes `spec.replicas` of an object.
    Scale(ObjectId, i32),
    /// Writes the status of an object.
    PutStatus(ObjectId, Box<ObjectStatus>),
    /// The same of a ReplicaSet: the most frequent of all writes is not worth a box.
    PutCounts(ObjectId, ReplicaSetStatus),
    /// Deletes an object.
    DeleteObject(ObjectId, Propagation),
    /// Deletes a storage object, which may stay until it is no longer used.
    DeleteStorage(StorageKey),
    /// Deletes a ConfigMap or Secret.
    DeleteConfig(ConfigId),
    /// Deletes a service.
    DeleteService(ServiceId),
    /// Deletions that the API server carries out for one call (`DELETE` of a collection).
    Collection(Vec<Write>),
    /// Nothing is left in a namespace that is being deleted.
    FinalizeNamespace(ObjectId),
    /// Creates or replaces a claim or another storage object.
    PutStorage(Box<StorageObject>),
}

/// How one pod of a template differs from its siblings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Variation {
    /// Pod number so-and-so of a StatefulSet, and of which revision: its name, its labels and its claims.
    Ordinal(u32, u64),
    /// The pod of a DaemonSet on this node, of which revision and generation of the template: its labels and the affinity to
    /// the node.
    Node(NodeId, u64, u32),
    /// A pod of a Job: its name and its labels.
    Job(ObjectId),
    /// A pod of an indexed Job with this completion index: its name and its labels.
    Index(ObjectId, u32),
}

/// Groups of writes: each goes out together, one group after the other.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Groups {
    writes: SmallVec<[Write; 1]>,
    /// How many writes are in each group.
    sizes: SmallVec<[u32; 4]>,
    /// How many groups have gone out.
    gone: usize,
}

impl Groups {
    /// Adds a group, unless it is empty.
    fn push(&mut self, group: impl IntoIterator<Item = Write>) {
        let before = self.writes.len();
        self.writes.extend(group);
        let size = self.writes.len() - before;
        if size > 0 {
            self.sizes.push(u32::try_from(size).unwrap_or(u32::MAX));
        }
    }

    /// Adds a group, as the first without copying it.
    fn push_all(&mut self, group: Vec<Write>) {
        if self.writes.is_empty() && group.len() > 1 {
            self.sizes.push(u32::try_from(group.len()).unwrap_or(u32::MAX));
            self.writes = SmallVec::from_vec(group);
        } else {
            self.push(group);
        }
    }

    /// Takes out the next group.
    pub(super) fn pop(&mut self) -> Option<impl ExactSizeIterator<Item = Write> + '_> {
        let size = *self.sizes.get(self.gone)?;
        self.gone += 1;
        Some(self.writes.drain(..size as usize))
    }

    /// Whether nothing is to be written.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// Writes in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Script {
    /// Groups of writes that go out together.
    pub groups: Groups,
    /// Groups that follow whether those were accepted or not.
    pub always: Groups,
    /// Written after the groups, whether they were accepted or not.
    pub last: Option<Write>,
    /// Written in place of that if a group was refused.
    pub if_refused: Option<Write>,
}

impl Script {
    /// Whether nothing is to be written.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.always.is_empty() && self.last.is_none()
    }

    /// The list of Jobs in the status of a CronJob that is yet to be written: what is created belongs there.
    pub(super) fn active_jobs(&mut self) -> Option<&mut Vec<ObjectId>> {
        let Some(Write::PutStatus(_, status)) = &mut self.last else { return None };
        if let ObjectStatus::CronJob(status) = &mut **status { Some(&mut status.active) } else { None }
    }
}

/// Pods by age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ByUid(pub PodRef);

impl PartialOrd for ByUid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByUid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.uid.cmp(&other.0.uid)
    }
}

/// What a reconciler is given for one sync of one object.
pub struct Sync<'a, R> {
    /// The object.
    pub id: ObjectId,
    /// The simulated time.
    pub now: SimTime,
    /// The objects.
    pub cluster: &'a Cluster,
    /// The plan.
    pub plan: &'a Plan,
    /// Pods without an owner that the object's selector matched when they appeared.
    pub orphans: &'a [PodRef],
    /// How many syncs in a row failed before this one.
    pub failures: u32,
    /// The pods that it selects, if it is a budget, in the order of their creation. Some may be gone.
    pub selected: &'a [PodRef],
    /// See [`Cluster::take_touched`].
    pub touched: Vec<(PodRef, u32)>,
    /// What autoscalers remember and see.
    pub(super) autoscalers: &'a mut Known,
    pub(super) recorder: &'a mut R,
    pub(super) memories: &'a mut super::reconcile::Memories,
    pub(super) script: Script,
    pub(super) again: SimTime,
}

impl<R: Recorder> Sync<'_, R> {
    /// The object.
    #[must_use]
    pub fn row(&self) -> &ObjectRow {
        self.cluster.objects().get(self.id)
    }

    /// The pods that the object owns, in the order of their creation.
    #[must_use]
    pub fn pods(&self) -> Vec<PodRef> {
        let mut pods: Vec<PodRef> = self.cluster.pods_of(self.id).collect();
        pods.sort_unstable_by_key(|pod| pod.uid);
        pods
    }

    /// Since when a pod is ready; `None` if it is not.
    #[must_use]
    pub fn ready_since(&self, pod: PodRef) -> Option<SimTime> {
        let pods = self.cluster.pods();
        let ready = pods.conditions(pod.pod).is_true(PodConditionType::Ready);
        if ready { pods.transition(pod.pod, PodConditionType::Ready) } else { None }
    }

    /// Adds a group of writes.
    pub fn write(&mut self, group: Vec<Write>) {
        self.script.groups.push_all(group);
    }

    /// Adds a group of writes that follow whether the others were accepted or not.
    pub fn write_always(&mut self, group: Vec<Write>) {
        self.script.always.push_all(group);
    }

    /// Adds one write after all others.
    pub fn then(&mut self, write: Write) {
        self.script.groups.push([write]);
    }

    /// Writes this at the end, whether the rest was accepted or not.
    pub fn finally(&mut self, write: Write) {
        self.script.last = Some(write);
    }

    /// Writes the object's status at the end, if it differs from the one that there is.
    pub fn status(&mut self, status: ObjectStatus) {
        if self.row().status != status {
            self.finally(Write::PutStatus(self.id, Box::new(status)));
        }
    }

    /// Writes this status at the end if something was refused.
    pub fn status_if_refused(&mut self, status: ObjectStatus) {
        self.script.if_refused = Some(Write::PutStatus(self.id, Box::new(status)));
    }

    /// Writes in batches of 1, 2, 4, ...: a batch that is refused ends it. Source: slowStartBatch of
    /// pkg/controller/controller_utils.go, v1.34 (spec 8.2).
    pub fn slow_start(&mut self, mut writes: impl ExactSizeIterator<Item = Write>) {
        let mut size = INITIAL_BATCH.min(writes.len());
        self.script.groups.writes.reserve(writes.len());
        while size > 0 {
            self.script.groups.push(writes.by_ref().take(size));
            size = next_batch(size, writes.len());
        }
    }

    /// Syncs the object again after `delay`, unless it is synced sooner for another reason.
    pub fn again_after(&mut self, delay: SimDuration) {
        self.again = self.again.min(self.now + delay);
    }

    /// Tells a Kubernetes Event about the object.
    pub fn event(&mut self, event: KubeEvent, text: impl FnOnce() -> String) {
        let subject = Subject::Object(self.id);
        if R::ON {
            let note = self.recorder.note(text);
            self.recorder.fact(self.now, Fact::Event { subject, event, note });
        }
    }
}
