//! The kubelet: pure rules of plain values, which know neither the engine nor the API objects' columns, one file each;
//! and the component that runs them on every node (`kubelet`, `intake`, `worker`, `messages`, `mounts`, `outages`, `pulls`, `process`,
//! `health`, `hooks`, `quiet`, `resize`, `stop`, `report`, `machine`, `power`, `usage`, `pressure`, `image_passes`, `cpu`) over the runtime's records (`runtime`).

pub mod actions;
pub mod admission;
pub mod backoff;
pub mod conditions;
pub mod containers;
mod cpu;
pub mod eviction;
mod health;
mod hooks;
pub mod image_gc;
mod image_passes;
pub mod images;
mod intake;
#[allow(clippy::module_inception, reason = "the component is called like its room")]
pub mod kubelet;
pub mod load;
mod machine;
mod messages;
mod mounts;
pub mod oom;
mod outages;
pub mod phase;
mod plain;
mod power;
mod pressure;
pub mod probes;
mod process;
mod pulls;
mod quiet;
mod records;
mod repeats;
mod report;
pub mod resize;
mod runtime;
pub mod shares;
pub mod status_column;
mod stop;
pub mod storage;
pub mod terminate;
pub mod termination;
mod usage;
mod volumes;
mod worker;

pub use kubelet::{Kubelets, Timer};
