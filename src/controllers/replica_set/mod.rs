//! The ReplicaSet controller, which also runs ReplicationControllers.

pub mod ranking;
