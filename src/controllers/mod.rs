//! Controllers: reconcilers that read the change log and write objects; their arithmetic is pure.

pub mod disruption;
pub mod endpoints;
pub mod hpa;
pub mod node_lifecycle;
pub mod pod_gc;
pub mod volume_binder;
pub mod zones;

pub use endpoints::Endpoints;
pub use node_lifecycle::NodeLifecycle;
pub use pod_gc::PodGc;
pub use volume_binder::VolumeBinder;
