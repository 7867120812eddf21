//! The StatefulSet controller.

pub mod sync;
