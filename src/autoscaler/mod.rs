//! Nodes that come and go: the machines of node pools as their provider sees them, the Cluster Autoscaler, nodes that are drained
//! and replaced. The arithmetic is pure; decisions about pods are the scheduler's own ([`crate::scheduler::whatif`]).

pub mod backoff;
mod budgets;
mod cloud;
mod cluster_autoscaler;
pub mod drainability;
pub mod expander;
mod jobs;
mod scale_down;
mod scale_up;
mod snapshot;
pub mod unneeded;

pub use cloud::{Cloud, Registration};
pub use cluster_autoscaler::{Autoscaler, Command, Timer};
