//! Controllers: reconcilers that read the change log and write objects; their arithmetic is pure.

pub mod attach_detach;
pub mod client;
pub mod cronjob;
pub mod daemon_set;
pub mod deployment;
pub mod disruption;
pub mod endpoints;
mod gc;
pub mod hpa;
pub mod job;
pub mod manager;
mod mint;
pub mod namespace;
pub mod node_lifecycle;
mod orphans;
pub mod pod_gc;
pub mod quota;
mod reconcile;
pub mod replica_set;
pub mod script;
mod selected;
pub mod slow_start;
pub mod stateful_set;
pub mod volume_binder;
pub mod volume_protection;
pub mod zones;

pub use attach_detach::AttachDetach;
pub use endpoints::Endpoints;
pub use manager::Manager;
pub use node_lifecycle::NodeLifecycle;
pub use pod_gc::PodGc;
pub use volume_binder::VolumeBinder;
pub use volume_protection::VolumeProtection;
