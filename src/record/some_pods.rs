//! Recording what happens to some of the pods: what a run of a million leaves behind is kept small by choice.

use super::{Fact, NodeRecord, ObjectRecord, PodRecord, Recorder, Recording, Sample, fact};
use crate::base::draw::{Draw, Draws, Purpose};
use crate::base::id::DenseId;
use crate::base::{IdVec, SimTime};
use crate::model::PodUid;

/// Records everything but the pods that are not drawn. Which ones are hangs on nothing but the number of the pod, so the same
/// pods are kept in every run.
#[derive(Debug)]
pub struct SomePods {
    recording: Recording,
    share: f64,
    draw: Draw,
    /// The numbers of the kept ones in the recording.
    numbers: IdVec<PodUid, Option<PodUid>>,
}

impl SomePods {
    /// Keeps about this share of the pods, from 0 to 1, in `recording`.
    #[must_use]
    pub fn new(share: f64, recording: Recording) -> Self {
        let draw = Draws::new(0).of(Purpose::Sampling, "pods");
        Self { recording, share, draw, numbers: IdVec::new() }
    }

    /// What was kept.
    #[must_use]
    pub fn into_recording(self) -> Recording {
        self.recording
    }
}

impl Recorder for SomePods {
    fn fact(&mut self, at: SimTime, fact: Fact) {
        if let Some(fact) = fact.renumbered(|uid| self.numbers.get(uid).copied().flatten()) {
            self.recording.fact(at, fact);
        }
    }

    fn pod(&mut self, pod: PodRecord) {
        let kept = self.draw.unit(u64::from(pod.uid.raw()), 0, 0) < self.share;
        let number = kept.then(|| PodUid::from_index(self.recording.pods().len()));
        self.numbers.push(number);
        if kept {
            self.recording.pod(pod);
        }
    }

    fn node(&mut self, node: NodeRecord) {
        self.recording.node(node);
    }

    fn object(&mut self, object: ObjectRecord) {
        self.recording.object(object);
    }

    fn sample(&mut self, at: SimTime, sample: Sample) {
        self.recording.sample(at, sample);
    }

    fn note(&mut self, text: impl FnOnce() -> String) -> fact::NoteId {
        self.recording.note(text)
    }
}
