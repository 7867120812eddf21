//! CronJobs: their arithmetic, one file a rule, and the reconciler that asks it.

pub mod missed;
mod reconcile;
pub mod sync;

pub(super) use reconcile::{Memory, sync as reconcile};
