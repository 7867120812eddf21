//! The horizontal pod autoscaler: what metrics ask for (`replicas`), how fast that may happen (`rules`), and what one sync
//! comes to (`decide`). Mirrors pkg/controller/podautoscaler, v1.34. Must not know where metrics come from.

pub mod decide;
pub mod replicas;
pub mod rules;
