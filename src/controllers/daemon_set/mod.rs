//! The DaemonSet controller.

pub mod placement;
pub mod rolling;
