//! The Deployment controller.

pub mod progress;
pub mod rolling;
pub mod scaling;
