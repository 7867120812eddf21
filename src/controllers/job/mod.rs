//! Jobs: their arithmetic, one file a rule, and the reconciler that asks it.

pub mod backoff;
pub mod failure_policy;
pub mod indexed;
mod reconcile;
pub mod roster;
pub mod success_policy;
pub mod sync;
#[cfg(test)]
mod sync_tests;

pub(super) use reconcile::sync as reconcile;
