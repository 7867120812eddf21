//! The scheduler: which node a pod gets, and when it is asked. Decisions equal kube-scheduler v1.34.1.

pub mod backoff;
mod bindings;
mod column;
pub mod columns;
pub mod cycle;
pub mod diagnosis;
mod evictions;
pub mod framework;
pub mod hints;
mod inflight;
pub mod journal;
pub mod node_tree;
pub mod nominated;
pub mod plugins;
pub mod pre_enqueue;
pub mod pre_filter;
pub mod preemption;
pub mod probe;
pub mod queue;
pub mod relations;
pub mod rules;
pub mod sampling;
pub mod scan;
#[allow(clippy::module_inception, reason = "the component is called like its room")]
pub mod scheduler;
pub mod state;
pub mod storage;
pub mod tables;
pub mod trail;
pub mod view;
pub mod volume_reason;
mod volumes;
mod waiting;
pub mod whatif;

pub use scheduler::{Scheduler, Timer};
