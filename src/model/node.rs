//! Nodes as their pool or manifest describes them.

use super::class::Taint;
use super::ids::{LabelSetId, StrId};
use super::resources::Resources;

/// A distinct kind of node. Nodes of one pool and zone share a shape except for their name and hostname label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeShape {
    /// The pool's name, for reports.
    pub pool: StrId,
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may request.
    pub allocatable: Resources,
    /// How many pods the kubelet takes (`maxPods`, default 110).
    pub max_pods: i64,
    /// Labels without `kubernetes.io/hostname`, which every node gets from its own name unless it is set here.
    pub labels: LabelSetId,
    /// Taints from the start.
    pub taints: Box<[Taint]>,
    /// The zone (`topology.kubernetes.io/zone`), or the empty string.
    pub zone: StrId,
    /// `spec.unschedulable` from the start.
    pub unschedulable: bool,
    /// `status.images`: every name that an image has with its size in bytes, each name once, sorted.
    pub images: Box<[(StrId, i64)]>,
}
