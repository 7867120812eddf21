//! The kubelet's rules, as pure functions of plain values: they know neither the engine nor the API objects' columns.
//! The records of what runs and the component itself are built on top of them.

pub mod actions;
pub mod backoff;
pub mod conditions;
pub mod containers;
pub mod images;
pub mod phase;
pub mod status_column;
pub mod terminate;
pub mod termination;
