//! What happened, as small facts of ids, and how it looked, as samples. Knows no component and no format.

pub mod counters;
pub mod fact;
mod facts;
pub mod kube_events;
pub mod recording;
pub mod sample;
mod some_pods;

pub use counters::Counters;
pub use fact::{Fact, KubeEvent, Subject, VolumeStage};
pub use facts::{FactStore, Facts};
pub use kube_events::{ApiEvent, KubeEvents};
pub use recording::{NodeRecord, ObjectRecord, PodRecord, Recording};
pub use sample::{Sample, ServiceSample};

use crate::base::SimTime;

/// Receives facts and samples. A type parameter of the simulation, so that recording costs nothing when it is off.
pub trait Recorder {
    /// Whether facts are kept: when false, they are not even made.
    const ON: bool = true;
    /// Whether samples are kept: when false, none is taken.
    const SAMPLES: bool = Self::ON;
    /// Whether repetitions of Kubernetes Events are kept: when false, they are not even counted.
    const REPEATS: bool = false;
    /// Something happened at `at`.
    fn fact(&mut self, at: SimTime, fact: Fact);
    /// A pod was created; pods are recorded in the order of their uids, without gaps.
    fn pod(&mut self, pod: PodRecord);
    /// A node was created; nodes are recorded in the order of their ids, without gaps.
    fn node(&mut self, node: NodeRecord) {
        let _ = node;
    }
    /// An object of a controller was created; they are recorded in the order of their ids, without gaps.
    fn object(&mut self, object: ObjectRecord) {
        let _ = object;
    }
    /// The cluster at `at`.
    fn sample(&mut self, at: SimTime, sample: Sample);
    /// A Kubernetes Event happened once more at `at`, without anything new. May be told late.
    fn repeat(&mut self, at: SimTime, subject: Subject, event: KubeEvent, text: &str) {
        let _ = (at, subject, event, text);
    }
    /// Keeps a text for a fact; `text` is only called when recording.
    fn note(&mut self, text: impl FnOnce() -> String) -> fact::NoteId;
}

/// Records samples only: enough for a summary, in memory that does not grow with the number of pods.
#[derive(Debug, Default)]
pub struct SamplesOnly(pub Recording);

impl Recorder for SamplesOnly {
    const ON: bool = false;
    const SAMPLES: bool = true;
    fn fact(&mut self, _: SimTime, _: Fact) {}
    fn pod(&mut self, _: PodRecord) {}
    fn sample(&mut self, at: SimTime, sample: Sample) {
        self.0.sample(at, sample);
    }
    fn note(&mut self, _: impl FnOnce() -> String) -> fact::NoteId {
        fact::NoteId::from_raw(0)
    }
}

/// Records nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Off;

impl Recorder for Off {
    const ON: bool = false;
    fn fact(&mut self, _: SimTime, _: Fact) {}
    fn pod(&mut self, _: PodRecord) {}
    fn sample(&mut self, _: SimTime, _: Sample) {}
    fn note(&mut self, _: impl FnOnce() -> String) -> fact::NoteId {
        fact::NoteId::from_raw(0)
    }
}
