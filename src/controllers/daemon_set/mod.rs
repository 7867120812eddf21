//! The DaemonSet controller.

pub(super) mod backoff;
pub mod placement;
pub(super) mod reconcile;
pub mod rolling;
