//! What the API server decides about a request by arithmetic alone. Pure.
//!
//! Mirrors pkg/registry/core/pod/strategy.go (`CheckGracefulDelete`), v1.34.

use crate::model::Phase;

/// The grace period in seconds of a DELETE request: 0 removes the object at once.
#[must_use]
pub fn api_delete_grace(requested: Option<i64>, spec: Option<i64>, assigned: bool, phase: Option<Phase>) -> i64 {
    let grace = requested.or(spec).unwrap_or(0);
    match grace {
        _ if !assigned || phase.is_some_and(Phase::is_terminal) => 0,
        negative if negative < 0 => 1,
        grace => grace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_grace_counts_as_one_second_and_an_unassigned_pod_has_none() {
        assert_eq!(api_delete_grace(None, Some(-5), true, Some(Phase::Running)), 1);
        assert_eq!(api_delete_grace(Some(5), Some(30), false, Some(Phase::Pending)), 0);
    }
}
