//! Which pods a recording is about, if not about all: what a run of a million leaves behind is kept small by choice.

use crate::base::IdVec;
use crate::base::draw::{Draw, Draws, Purpose};
use crate::base::id::DenseId;
use crate::model::PodUid;

/// Chooses pods. Which ones are chosen hangs on nothing but the number of the pod, so they are the same in every run.
#[derive(Debug)]
pub(super) struct SomePods {
    share: f64,
    draw: Draw,
    /// The numbers of the kept ones in the recording.
    numbers: IdVec<PodUid, Option<PodUid>>,
}

impl SomePods {
    /// Keeps about this share of the pods, from 0 to 1.
    pub(super) fn new(share: f64) -> Self {
        Self { share, draw: Draws::new(0).of(Purpose::Sampling, "pods"), numbers: IdVec::new() }
    }

    /// Whether the next pod is kept, as the `kept`th.
    pub(super) fn next(&mut self, uid: PodUid, kept: usize) -> bool {
        let keep = self.draw.unit(u64::from(uid.raw()), 0, 0) < self.share;
        self.numbers.push(keep.then(|| PodUid::from_index(kept)));
        keep
    }

    /// The number of a pod in the recording, if it is kept.
    pub(super) fn number(&self, uid: PodUid) -> Option<PodUid> {
        self.numbers.get(uid).copied().flatten()
    }
}
