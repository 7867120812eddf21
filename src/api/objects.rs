//! Objects of controllers: Deployments, Jobs, budgets and their kin, with who owns whom. A row keeps its name when its object
//! is gone, and is never used again, so that events and pods may still name it. Knows no rule of any controller.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::log::PodRef;
use super::owners::Tally;
use super::request::Rejection;
use super::stored::{StoredConditions, StoredContainer};
use crate::base::id::DenseId;
use crate::base::{IdVec, SimDuration, SimTime, uuid};
use crate::model::objects::{ObjectKind, ObjectSpec, ObjectStatus};
use crate::model::{ObjectId, Phase, PodId, StrId, Strings, TemplateId, WorkloadId};

/// An object of a controller.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectRow {
    /// `metadata.namespace`.
    pub namespace: StrId,
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.creationTimestamp`, uncut.
    pub created: SimTime,
    /// `metadata.generation`: how often the spec was written.
    pub generation: u32,
    /// The controlling owner.
    pub owner: Option<ObjectId>,
    /// The workload under which its pods are counted and drawn.
    pub workload: Option<WorkloadId>,
    /// `metadata.deletionTimestamp`: it waits for its dependents (foreground deletion).
    pub deleting: Option<SimTime>,
    /// Its spec.
    pub spec: ObjectSpec,
    /// Its status.
    pub status: ObjectStatus,
    exists: bool,
    /// The objects that it owns, in order of creation.
    children: Vec<ObjectId>,
    first_pod: Option<PodId>,
    last_pod: Option<PodId>,
    pods: u32,
    /// The template of its pods; `None`: they are of several.
    pod_template: Option<TemplateId>,
    tally: Tally,
    touched: Vec<(PodRef, u32)>,
    uncounted: Vec<Uncounted>,
    revisions: Vec<Revision>,
}

/// A template that a StatefulSet or a DaemonSet has or had. (Upstream: a ControllerRevision.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Which template.
    pub hash: u64,
    /// `revision`: the greatest is the newest, and a template that comes back is the newest again.
    pub number: i64,
    /// `metadata.creationTimestamp`.
    pub created: SimTime,
}

/// What happens to what an object owns when it is deleted (`propagationPolicy`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Propagation {
    /// The object goes at once, its dependents are collected later.
    Background,
    /// The dependents go first.
    Foreground,
    /// The dependents stay, without an owner.
    Orphan,
}

/// An object to be created.
#[derive(Clone, PartialEq, Debug)]
pub struct NewObject {
    /// `metadata.namespace`.
    pub namespace: StrId,
    /// `metadata.name`.
    pub name: Box<str>,
    /// The controlling owner.
    pub owner: Option<ObjectId>,
    /// The workload under which its pods are counted and drawn.
    pub workload: Option<WorkloadId>,
    /// Its spec.
    pub spec: ObjectSpec,
}

/// The owner of a pod, and the pod's place among its siblings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owned {
    /// The controlling owner.
    pub object: ObjectId,
    /// The ordinal of a StatefulSet's pod, the completion index of an indexed Job's, the node (as a number) of a
    /// DaemonSet's; otherwise 0.
    pub member: u32,
}

/// A pod of a Job that is gone, but that the Job has not counted. Upstream's object would exist yet: the finalizer
/// `batch.kubernetes.io/job-tracking` holds it, and nothing else does anything about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Uncounted {
    /// The pod.
    pub pod: PodRef,
    /// See [`Owned::member`].
    pub member: u32,
    /// What it was made from.
    pub template: TemplateId,
    /// Its phase; one that was not over has failed.
    pub phase: Phase,
    /// Its containers' statuses.
    pub containers: Box<[StoredContainer]>,
    /// Its conditions.
    pub conditions: StoredConditions,
    /// Since when it was not ready, if it was not.
    pub not_ready_since: Option<SimTime>,
    /// When it was to be gone, and its grace period.
    pub deletion: Option<(SimTime, SimDuration)>,
    /// When it was created.
    pub created: SimTime,
}

/// All objects of controllers.
#[derive(Debug, Default)]
pub struct Objects {
    rows: IdVec<ObjectId, ObjectRow>,
    names: BTreeMap<(ObjectKind, StrId, Box<str>), ObjectId>,
    /// How many exist of each kind: most clusters have none of those that everything created is held against.
    counts: [u32; ObjectKind::ALL.len()],
    /// Namespaces that exist; `None`: none was ever an object, and each is taken for existing.
    namespaces: Option<BTreeMap<StrId, ObjectId>>,
}

impl ObjectRow {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        self.spec.kind()
    }

    /// Whether the object exists.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.exists
    }

    /// The objects that it owns, in order of creation.
    #[must_use]
    pub fn children(&self) -> &[ObjectId] {
        &self.children
    }

    /// How many pods it owns.
    #[must_use]
    pub const fn pods(&self) -> u32 {
        self.pods
    }

    /// How many of its pods count as replicas.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// The template that all pods of its have been made from since it had none; `None`: they are of several.
    #[must_use]
    pub const fn pod_template(&self) -> Option<TemplateId> {
        self.pod_template
    }

    /// The templates that a StatefulSet or a DaemonSet ever had, in the order in which they came first.
    #[must_use]
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// Notes which template the spec has.
    pub(super) fn note_revision(&mut self, now: SimTime) {
        let (set, daemons) = (self.spec.stateful_set(), self.spec.daemon_set());
        let hash = set.map(|spec| spec.template_hash).or_else(|| Some(daemons?.template_hash));
        let Some(hash) = hash else { return };
        let newest = self.revisions.iter().map(|revision| revision.number).max().unwrap_or(0);
        match self.revisions.iter_mut().find(|revision| revision.hash == hash) {
            Some(known) if known.number == newest => {}
            Some(known) => known.number = newest + 1,
            None => self.revisions.push(Revision { hash, number: newest + 1, created: now }),
        }
    }

    /// The pods that are gone, but that it has not counted.
    #[must_use]
    pub fn uncounted(&self) -> &[Uncounted] {
        &self.uncounted
    }

    pub(super) const fn first_pod(&self) -> Option<PodId> {
        self.first_pod
    }
}

impl Objects {
    /// The object `id`, which may be gone.
    #[must_use]
    pub fn get(&self, id: ObjectId) -> &ObjectRow {
        &self.rows[id]
    }

    /// The object `id`, if it exists.
    #[must_use]
    pub fn existing(&self, id: ObjectId) -> Option<&ObjectRow> {
        Some(&self.rows[id]).filter(|row| row.exists)
    }

    /// `metadata.uid`: made up from what the object is.
    #[must_use]
    pub fn uid(&self, id: ObjectId, strings: &Strings) -> String {
        let row = &self.rows[id];
        uuid(&format!("{} {}/{} {}", row.kind().text(), strings.text(row.namespace), row.name, id.raw()))
    }

    /// The existing object of this kind, namespace and name.
    #[must_use]
    pub fn find(&self, kind: ObjectKind, namespace: StrId, name: &str) -> Option<ObjectId> {
        self.names.get(&(kind, namespace, name.into())).copied()
    }

    /// Every object that exists, in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &ObjectRow)> {
        self.rows.entries().filter(|(_, row)| row.exists)
    }

    /// Whether there is an object of a kind.
    #[inline]
    #[must_use]
    pub const fn has_kind(&self, kind: ObjectKind) -> bool {
        self.counts[kind as usize] > 0
    }

    /// The existing objects of a kind, by namespace (in the order of its id) and name.
    pub fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = (ObjectId, &ObjectRow)> {
        let some = (self.counts[kind as usize] > 0).then_some(&self.names).into_iter();
        let all = some.flat_map(move |names| names.range((kind, StrId::from_index(0), Box::from(""))..));
        all.take_while(move |((of, ..), _)| *of == kind).map(|(_, &id)| (id, &self.rows[id]))
    }

    /// The existing objects of a kind in a namespace, by name.
    pub fn of_kind_in(&self, kind: ObjectKind, namespace: StrId) -> impl Iterator<Item = (ObjectId, &ObjectRow)> {
        let some = (self.counts[kind as usize] > 0).then_some(&self.names).into_iter();
        let all = some.flat_map(move |names| names.range((kind, namespace, Box::from(""))..));
        all.take_while(move |((of, place, _), _)| (*of, *place) == (kind, namespace))
            .map(|(_, &id)| (id, &self.rows[id]))
    }

    /// Whether namespaces are objects here.
    #[must_use]
    pub const fn knows_namespaces(&self) -> bool {
        self.namespaces.is_some()
    }

    /// Whether something may be created in a namespace.
    ///
    /// # Errors
    /// There is none of that name, or it is being deleted.
    pub(super) fn check_namespace(&self, name: StrId) -> Result<(), Rejection> {
        let Some(namespaces) = &self.namespaces else { return Ok(()) };
        match namespaces.get(&name) {
            None => Err(Rejection::NoNamespace(name)),
            Some(&id) if self.rows[id].deleting.is_some() => Err(Rejection::NamespaceEnds(name)),
            Some(_) => Ok(()),
        }
    }

    /// How many objects ever existed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there never was one.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn create(&mut self, now: SimTime, new: &NewObject) -> Result<ObjectId, Rejection> {
        let kind = new.spec.kind();
        let Entry::Vacant(place) = self.names.entry((kind, new.namespace, new.name.clone())) else {
            return Err(Rejection::AlreadyExists);
        };
        if new.owner.is_some_and(|owner| !self.rows[owner].exists) {
            return Err(Rejection::NotFound);
        }
        let id = self.rows.push(ObjectRow {
            namespace: new.namespace,
            name: new.name.clone(),
            created: now,
            generation: 1,
            owner: new.owner,
            workload: new.workload,
            deleting: None,
            spec: new.spec.clone(),
            status: ObjectStatus::None,
            exists: true,
            children: Vec::new(),
            first_pod: None,
            last_pod: None,
            pods: 0,
            pod_template: None,
            tally: Tally::default(),
            touched: Vec::new(),
            uncounted: Vec::new(),
            revisions: Vec::new(),
        });
        self.rows[id].note_revision(now);
        self.counts[kind as usize] += 1;
        place.insert(id);
        if let ObjectSpec::Namespace(name) = new.spec {
            self.namespaces.get_or_insert_default().insert(name, id);
        }
        if let Some(owner) = new.owner {
            self.rows[owner].children.push(id);
        }
        Ok(id)
    }

    pub(super) fn existing_mut(&mut self, id: ObjectId) -> Result<&mut ObjectRow, Rejection> {
        Some(&mut self.rows[id]).filter(|row| row.exists).ok_or(Rejection::NotFound)
    }

    /// Removes the object; whom it owns keeps the reference unless `orphan`.
    pub(super) fn remove(&mut self, id: ObjectId, orphan: bool) {
        let row = &mut self.rows[id];
        row.exists = false;
        let key = (row.kind(), row.namespace, row.name.clone());
        let owner = row.owner;
        if let (ObjectSpec::Namespace(name), Some(namespaces)) = (&row.spec, &mut self.namespaces) {
            namespaces.remove(name);
        }
        let children = if orphan { std::mem::take(&mut row.children) } else { Vec::new() };
        self.counts[key.0 as usize] -= 1;
        self.names.remove(&key);
        for child in children {
            self.rows[child].owner = None;
        }
        if let Some(owner) = owner {
            self.rows[owner].children.retain(|&child| child != id);
        }
    }

    /// Puts a pod at the head of an owner's list; the pod that was there.
    pub(super) fn join(&mut self, id: ObjectId, pod: PodId, template: TemplateId) -> Option<PodId> {
        let row = &mut self.rows[id];
        row.pod_template = Some(template).filter(|_| row.pods == 0 || row.pod_template == Some(template));
        row.pods += 1;
        row.last_pod.get_or_insert(pod);
        row.first_pod.replace(pod)
    }

    /// Puts a pod at the end of an owner's list; the pod that was there.
    pub(super) fn join_last(&mut self, id: ObjectId, pod: PodId) -> Option<PodId> {
        let row = &mut self.rows[id];
        row.pods += 1;
        row.first_pod.get_or_insert(pod);
        row.last_pod.replace(pod)
    }

    /// Its pods are of several templates from now on.
    pub(super) fn mix(&mut self, id: ObjectId) {
        self.rows[id].pod_template = None;
    }

    pub(super) fn tally_mut(&mut self, id: ObjectId) -> &mut Tally {
        &mut self.rows[id].tally
    }

    /// Notes that a pod came, went or changed, for owners that remember their pods one by one. `standing`: it counts otherwise
    /// than before.
    pub(super) fn touch(&mut self, by: Owned, pod: PodRef, standing: bool) {
        let row = &mut self.rows[by.object];
        let minds = match row.kind() {
            ObjectKind::StatefulSet => standing,
            ObjectKind::Job => true,
            _ => false,
        };
        if row.exists && minds {
            row.touched.push((pod, by.member));
        }
    }

    pub(super) fn take_touched(&mut self, id: ObjectId) -> Vec<(PodRef, u32)> {
        std::mem::take(&mut self.rows[id].touched)
    }

    /// Keeps what a Job is yet to count of a pod that goes.
    pub(super) fn keep_uncounted(&mut self, id: ObjectId, pod: Uncounted) {
        self.rows[id].uncounted.push(pod);
    }

    /// Drops a pod that was counted. Returns whether it was there.
    pub(super) fn drop_uncounted(&mut self, id: ObjectId, pod: PodRef) -> bool {
        let uncounted = &mut self.rows[id].uncounted;
        let at = uncounted.iter().position(|kept| kept.pod == pod);
        at.map(|at| uncounted.remove(at)).is_some()
    }

    /// Takes a pod out of an owner's list, where it stood between these.
    pub(super) fn leave(&mut self, id: ObjectId, previous: Option<PodId>, next: Option<PodId>) {
        let row = &mut self.rows[id];
        row.pods -= 1;
        if previous.is_none() {
            row.first_pod = next;
        }
        if next.is_none() {
            row.last_pod = previous;
        }
    }
}
