//! Which indexes of a Job succeeded, failed for good, or want a pod.
//!
//! Knows no pods beyond what is asked about them. Mirrors pkg/controller/job/indexed_job_utils.go, v1.34 (spec 8.5).

use super::backoff::IndexFailures;
use super::failure_policy::Verdict;
use crate::model::indexes::Indexes;
use crate::model::objects::PodFailureAction;

/// The index that a pod's annotation tells, if it is one.
#[must_use]
pub fn completion_index(annotation: &str) -> Option<u32> {
    annotation.parse::<i64>().ok().and_then(|index| u32::try_from(index).ok())
}

/// With those that are below `completions`.
#[must_use]
pub fn with_new(known: &Indexes, new: impl IntoIterator<Item = u32>, completions: u32) -> Indexes {
    let mut all = known.clone();
    new.into_iter().filter(|&index| index < completions).for_each(|index| all.insert(index));
    all
}

/// Whether an index is lost with this failed pod: the policy says so, or the failure counts and there were as many
/// before it as the limit allows.
#[must_use]
pub fn is_index_failed(verdict: Option<&Verdict>, before: IndexFailures, limit: u32) -> bool {
    match verdict.map(|verdict| verdict.action) {
        Some(PodFailureAction::FailIndex) => true,
        Some(PodFailureAction::Ignore) => false,
        _ => before.counted >= limit,
    }
}

/// The lowest indexes that have no pod and are not settled. `vacant`: all those, and whatever else.
#[must_use]
pub fn first_pending(
    count: usize,
    completions: u32,
    vacant: &Indexes,
    taken: impl IntoIterator<Item = u32>,
    succeeded: &Indexes,
    failed: &Indexes,
) -> Vec<u32> {
    vacant.first_not_in(&[&taken.into_iter().collect(), succeeded, failed], count, completions)
}
