//! Jobs: their arithmetic, one file a rule.

pub mod backoff;
pub mod failure_policy;
pub mod indexed;
pub mod success_policy;
