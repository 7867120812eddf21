//! The scheduler: what kube-scheduler decides, and how.

pub mod backoff;
pub mod sampling;
