//! The StatefulSet controller.

pub(super) mod reconcile;
pub mod roster;
pub mod sync;
