//! Importers of workload traces: CSV files -> plain rows with times as offsets from the trace's start. Knows no plan
//! and no scenario; docs/TRACES.md describes the formats.

pub mod codes;
pub mod curve;
pub mod dlrm;
pub mod openb;
pub mod pods_csv;
mod table;

use std::collections::BTreeMap;

use crate::base::SimDuration;

/// The extended resource that stands for whole GPUs.
pub const GPU: &str = "nvidia.com/gpu";
/// The label that says which GPU a node has.
pub const GPU_MODEL: &str = "nvidia.com/gpu.product";
/// How many pods a node of a trace takes: no limit that would ever bind.
pub const PODS_PER_NODE: i64 = 1001;

/// How the times of a trace are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Pods are created and deleted as recorded.
    Clock,
    /// Pods are created in file order and never deleted.
    Fill,
}

/// A recorded pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// When it was created.
    pub at: SimDuration,
    /// When it was deleted, if it was.
    pub delete_at: Option<SimDuration>,
    /// How long its process worked, if that is known.
    pub run: Option<SimDuration>,
    /// What it asks for.
    pub shape: Shape,
}

/// What a recorded pod asks for; many pods share one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Shape {
    /// CPU in milli-cores.
    pub milli_cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Whole GPUs.
    pub gpus: i64,
    /// A label that its node must have.
    pub node_selector: Option<(String, String)>,
}

/// A recorded node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// CPU in milli-cores.
    pub milli_cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Whole GPUs.
    pub gpus: i64,
    /// Which GPU.
    pub model: String,
}

/// The distinct shapes of some rows, in order of first appearance, and the number of each row's shape.
#[must_use]
pub fn shapes(rows: &[Row]) -> (Vec<Shape>, Vec<usize>) {
    let mut known: BTreeMap<&Shape, usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    let of_row = rows
        .iter()
        .map(|row| {
            *known.entry(&row.shape).or_insert_with(|| {
                distinct.push(row.shape.clone());
                distinct.len() - 1
            })
        })
        .collect();
    (distinct, of_row)
}
