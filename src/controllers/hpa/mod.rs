//! The horizontal pod autoscaler: what metrics ask for (`replicas`), how fast that may happen (`rules`), and what one sync
//! comes to (`decide`); what it sees (`metrics`) and does (`sync`). Mirrors pkg/controller/podautoscaler, v1.34. Must not know
//! who measures.

pub mod decide;
pub mod metrics;
pub mod replicas;
pub mod rules;
pub(super) mod sync;
