//! Topology spread: constraints of pods, and the selectors that constraints of the profile take from Services and owners.
//! Knows no scheduler. Mirrors `topologySpreadConstraint` of pkg/scheduler/framework/plugins/podtopologyspread/common.go
//! and `DefaultSelector` of pkg/scheduler/framework/plugins/helper/spread.go (v1.34.1).

use super::ids::StrId;
use super::selector::CompiledSelector;

/// One of `spec.topologySpreadConstraints`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SpreadConstraint {
    /// `maxSkew`, at least 1.
    pub max_skew: i32,
    /// Nodes with one value of this label are one domain.
    pub topology_key: StrId,
    /// Filter or score.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// Which pods count, with `matchLabelKeys` merged in.
    pub selector: CompiledSelector,
    /// `minDomains`, 1 if not set.
    pub min_domains: i32,
    /// `nodeAffinityPolicy`: whether nodes that the pod's node affinity excludes are left out. Default Honor.
    pub node_affinity_policy: NodeInclusionPolicy,
    /// `nodeTaintsPolicy`: whether nodes with taints that the pod does not tolerate are left out. Default Ignore.
    pub node_taints_policy: NodeInclusionPolicy,
}

/// What becomes of a pod that a constraint cannot be met for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WhenUnsatisfiable {
    /// It waits.
    DoNotSchedule,
    /// It goes where the skew is least.
    ScheduleAnyway,
}

/// Whether a property of the pod decides which nodes are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NodeInclusionPolicy {
    /// Only nodes that the pod could go to as far as this property goes.
    Honor,
    /// All nodes.
    Ignore,
}

/// A controller whose selector becomes part of a pod's default constraints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OwnerKind {
    /// ReplicationController of v1.
    ReplicationController,
    /// ReplicaSet of apps/v1.
    ReplicaSet,
    /// StatefulSet of apps/v1.
    StatefulSet,
}

/// The controller of a pod, in the pod's namespace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PodOwner {
    /// Its kind.
    pub kind: OwnerKind,
    /// Its name.
    pub name: StrId,
}

/// A controller with its selector.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OwnerSelector {
    /// Its namespace.
    pub namespace: StrId,
    /// Which one.
    pub owner: PodOwner,
    /// What it selects.
    pub selector: OwnedPods,
}

/// What a controller selects.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum OwnedPods {
    /// The labels of a ReplicationController.
    Labels(Box<[(StrId, StrId)]>),
    /// The label selector of the others.
    Selector(CompiledSelector),
}
