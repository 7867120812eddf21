//! The ReplicaSet controller, which also runs ReplicationControllers.

pub mod ranking;
pub(super) mod reconcile;
