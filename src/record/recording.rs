//! A whole run: every fact, every sample, and what pods were called. Exports are made from it.

use super::fact::{Fact, NoteId, Stamped};
use super::facts::{Away, FactStore, Facts};
use super::some_pods::SomePods;
use super::{Recorder, Sample};
use crate::base::{Interner, SimTime};
use crate::model::objects::ObjectKind;
use crate::model::{NodeId, ObjectId, PodUid, ShapeId, StrId, TemplateId, WorkloadId};

/// What a pod was, for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodRecord {
    /// Which pod of the run it was: facts call it by its number in the recording, which is another if only some are kept.
    pub uid: PodUid,
    /// Its source, which names it.
    pub workload: WorkloadId,
    /// Its number in the source.
    pub ordinal: u32,
    /// What it is like; of a variation, the template of the plan that it was made from.
    pub template: TemplateId,
    /// The name that a controller gave it.
    pub name: Option<NoteId>,
    /// Its controlling owner when it was created.
    pub owner: Option<ObjectId>,
}

/// What a node was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeRecord {
    /// Its name.
    pub name: NoteId,
    /// What it is like.
    pub shape: ShapeId,
}

/// What an object of a controller was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectRecord {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace.
    pub namespace: StrId,
    /// Its name.
    pub name: NoteId,
    /// Its controlling owner when it was created.
    pub owner: Option<ObjectId>,
}

/// A whole run; its facts are in memory, or put away but for the last ones.
#[derive(Debug, Default)]
pub struct Recording {
    facts: Vec<Stamped>,
    away: Option<Away>,
    some: Option<SomePods>,
    pods: crate::base::IdVec<PodUid, PodRecord>,
    nodes: crate::base::IdVec<NodeId, NodeRecord>,
    objects: crate::base::IdVec<ObjectId, ObjectRecord>,
    samples: Vec<(SimTime, Sample)>,
    notes: Interner<NoteId, Box<str>>,
}

impl Recording {
    /// Nothing recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing recorded yet; facts will be put into `store` whenever `at` of them are in memory.
    #[must_use]
    pub fn spilling(store: impl FactStore + 'static, at: usize) -> Self {
        Self { away: Some(Away::new(Box::new(store), at)), ..Self::default() }
    }

    /// The same recording, of about this share of the pods, from 0 to 1: the same ones in every run.
    #[must_use]
    pub fn of_some(self, share: f64) -> Self {
        Self { some: Some(SomePods::new(share)), ..self }
    }

    /// Facts in the order they happened.
    ///
    /// # Panics
    /// If they may be put away: [`Self::every_fact`] reads those, too.
    #[must_use]
    pub fn facts(&self) -> &[Stamped] {
        assert!(self.away.is_none(), "facts may be put away");
        &self.facts
    }

    /// Facts in the order they happened, wherever they are kept. Those that cannot be read are missing, and
    /// [`Self::trouble`] says why.
    #[must_use]
    pub fn every_fact(&self) -> Facts<'_> {
        Facts::new(self.away.as_ref(), &self.facts)
    }

    /// How many facts there are.
    #[must_use]
    pub fn fact_count(&self) -> usize {
        self.away.as_ref().map_or(0, Away::len) + self.facts.len()
    }

    /// Why not all facts could be put away or read again, told once.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.away.as_ref().and_then(Away::trouble)
    }

    /// Pods in the order of their creation.
    #[must_use]
    pub const fn pods(&self) -> &crate::base::IdVec<PodUid, PodRecord> {
        &self.pods
    }

    /// Nodes in the order of their creation.
    #[must_use]
    pub const fn nodes(&self) -> &crate::base::IdVec<NodeId, NodeRecord> {
        &self.nodes
    }

    /// Objects of controllers in the order of their creation.
    #[must_use]
    pub const fn objects(&self) -> &crate::base::IdVec<ObjectId, ObjectRecord> {
        &self.objects
    }

    /// Samples in the order of time.
    #[must_use]
    pub fn samples(&self) -> &[(SimTime, Sample)] {
        &self.samples
    }

    /// A kept text.
    #[must_use]
    pub fn note_text(&self, id: NoteId) -> &str {
        self.notes.get(id)
    }
}

impl Recorder for Recording {
    fn fact(&mut self, at: SimTime, fact: Fact) {
        let Some(fact) = (match &self.some {
            Some(some) => fact.renumbered(|uid| some.number(uid)),
            None => Some(fact),
        }) else {
            return;
        };
        // What happened to a quiet pod may be told a moment late.
        let place = match self.facts.last() {
            Some(&(last, _)) if last > at => self.facts.partition_point(|&(other, _)| other <= at),
            _ => self.facts.len(),
        };
        self.facts.insert(place, (at, fact));
        if let Some(away) = &mut self.away
            && self.facts.len() >= away.at
        {
            away.put(&mut self.facts);
        }
    }

    fn pod(&mut self, pod: PodRecord) {
        let kept = self.pods.len();
        if self.some.as_mut().is_none_or(|some| some.next(pod.uid, kept)) {
            self.pods.push(pod);
        }
    }

    fn node(&mut self, node: NodeRecord) {
        self.nodes.push(node);
    }

    fn object(&mut self, object: ObjectRecord) {
        self.objects.push(object);
    }

    fn sample(&mut self, at: SimTime, sample: Sample) {
        self.samples.push((at, sample));
    }

    fn note(&mut self, text: impl FnOnce() -> String) -> NoteId {
        self.notes.intern_str(&text())
    }
}
