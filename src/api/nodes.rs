//! Node objects.

use crate::base::{IdVec, SimTime};
use crate::model::{ConditionStatus, NodeId, ShapeId, StrId, Taint};

/// A node object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRow {
    /// Name.
    pub name: StrId,
    /// What it is like: capacity, allocatable, labels.
    pub shape: ShapeId,
    /// Whether the object exists.
    pub exists: bool,
    /// Its Ready condition.
    pub ready: ConditionStatus,
    /// When that changed last.
    pub ready_since: SimTime,
    /// Its MemoryPressure, DiskPressure and PIDPressure conditions, by [`Pressure`](crate::model::Pressure).
    pub pressure: [bool; 3],
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Its taints, with the time they were added.
    pub taints: Vec<(Taint, SimTime)>,
    /// `status.volumesInUse`: PersistentVolumes that its kubelet has mounted, or is about to.
    pub volumes_in_use: Box<[StrId]>,
    /// When it was created.
    pub created: SimTime,
}

/// All nodes, and which pods are on them.
#[derive(Debug, Default)]
pub struct Nodes {
    pub(super) rows: IdVec<NodeId, NodeRow>,
}

impl Nodes {
    /// The node `id`.
    #[must_use]
    pub fn get(&self, id: NodeId) -> &NodeRow {
        &self.rows[id]
    }

    /// Every node that ever existed, in order of creation.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (NodeId, &NodeRow)> + ExactSizeIterator {
        self.rows.entries()
    }

    /// The existing node called `name`.
    #[must_use]
    pub fn find(&self, name: StrId) -> Option<NodeId> {
        self.rows.entries().find(|(_, row)| row.exists && row.name == name).map(|(id, _)| id)
    }

    /// How many nodes ever existed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there never was a node.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
