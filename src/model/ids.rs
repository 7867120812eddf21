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
}
