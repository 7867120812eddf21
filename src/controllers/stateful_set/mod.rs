//! The StatefulSet controller.

pub(super) mod reconcile;
pub mod sync;
