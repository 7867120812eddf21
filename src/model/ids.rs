//! The dense ids of everything a run knows by name.

use crate::define_id;

define_id! {
    /// An interned string; see [`Strings`](super::Strings).
    StrId
    /// An interned set of labels.
    LabelSetId
    /// A container image reference with its size.
    ImageId
    /// A distinct scheduling question: see [`PodClass`](super::PodClass).
    ClassId
    /// A pod as its manifest describes it, shared by all pods made from it.
    TemplateId
    /// What containers do: see [`Behavior`](super::Behavior).
    BehaviorId
    /// A named source of pods.
    WorkloadId
    /// A distinct kind of node: see [`NodeShape`](super::NodeShape).
    ShapeId
    /// A node object.
    NodeId
    /// A slot of a pod object; reused after the pod is gone.
    PodId
    /// One pod of the whole run, never reused: its place in the order of creation.
    PodUid
    /// A Service object.
    ServiceId
    /// A scheduling profile.
    ProfileId
    /// A ConfigMap or Secret, existing or only referred to.
    ConfigId
    /// A pool of nodes of the plan.
    PoolId
    /// An object of a controller (a Deployment, a Job, ...): its place in the order of creation, never reused.
    ObjectId
}

impl PodUid {
    /// The bits of its uid, of which some are fixed when it is written.
    fn bits(self) -> (u64, u64) {
        let mix = |salt: u64| {
            let mut digest = crate::base::Digest::new();
            digest.fold(salt);
            digest.fold(u64::from(self.raw()));
            digest.value()
        };
        (mix(1), mix(2))
    }

    /// Sorts as the texts of uids do.
    #[must_use]
    pub fn uuid_order(self) -> (u64, u64) {
        let (high, low) = self.bits();
        (high & !0xf000, low << 2)
    }

    /// `metadata.uid`: looks like one of the API server's, and is the same in every run.
    #[must_use]
    pub fn uuid(self) -> String {
        let (high, low) = self.bits();
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff)
    }
}
