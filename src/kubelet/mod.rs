//! The kubelet: pure rules of plain values, which know neither the engine nor the API objects' columns, one file each;
//! and the component that runs them on every node (`kubelet`, `worker`, `mounts`, `outages`, `pulls`, `process`, `health`, `hooks`,
//! `resize`, `stop`, `report`, `machine`) over the runtime's records (`runtime`).

pub mod actions;
pub mod backoff;
pub mod conditions;
pub mod containers;
mod health;
mod hooks;
pub mod images;
#[allow(clippy::module_inception, reason = "the component is called like its room")]
pub mod kubelet;
mod machine;
mod mounts;
mod outages;
pub mod phase;
pub mod probes;
mod process;
mod pulls;
mod records;
mod repeats;
mod report;
pub mod resize;
mod runtime;
pub mod status_column;
mod stop;
pub mod storage;
pub mod terminate;
pub mod termination;
mod worker;

pub use kubelet::{Kubelets, Timer};
