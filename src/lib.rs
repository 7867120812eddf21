//! podsim: a Kubernetes cluster in one deterministic process.

pub mod base;
pub mod cli;
pub mod engine;
pub mod kubelet;
pub mod model;
pub mod scheduler;
