//! CronJobs: their arithmetic, one file a rule.

pub mod missed;
pub mod sync;
