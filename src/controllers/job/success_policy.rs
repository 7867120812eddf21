//! When a Job succeeds before all its indexes did.
//!
//! Mirrors pkg/controller/job/success_policy.go, v1.34 (spec 8.5).

use crate::model::indexes::Indexes;
use crate::model::objects::SuccessRule;

/// The place of the first rule that is met.
#[must_use]
pub fn matching_rule(rules: &[SuccessRule], succeeded: &Indexes) -> Option<usize> {
    let met = |rule: &SuccessRule| {
        let enough = |have: i64| rule.count.is_some_and(|count| have >= i64::from(count));
        match &rule.indexes {
            // Indexes that nobody could read are a rule that is never met.
            Some(ranges) if ranges.is_empty() => false,
            Some(ranges) => {
                let wanted = Indexes::from(&**ranges);
                let have = wanted.overlap(succeeded);
                have == wanted.total() || enough(have)
            }
            None => enough(succeeded.total()),
        }
    };
    if succeeded.is_empty() { None } else { rules.iter().position(met) }
}

/// The message of the condition `SuccessCriteriaMet`.
#[must_use]
pub fn message(rule: usize) -> String {
    format!("Matched rules at index {rule}")
}
