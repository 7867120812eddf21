//! Controllers: reconcilers that read the change log and write objects; their arithmetic is pure.

pub mod deployment;
pub mod endpoints;
pub mod node_lifecycle;
pub mod pod_gc;
pub mod replica_set;
pub mod slow_start;
pub mod stateful_set;
pub mod volume_binder;
pub mod zones;

pub use endpoints::Endpoints;
pub use node_lifecycle::NodeLifecycle;
pub use pod_gc::PodGc;
pub use volume_binder::VolumeBinder;
