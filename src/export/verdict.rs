//! Expectations against metrics. Knows no format.

use crate::sim::outcome::Outcome;
use crate::sim::plan::{Expect, Plan};

/// What became of one expectation.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// What was expected.
    pub expect: Expect,
    /// The metric's value; `None` if the run has no such metric.
    pub value: Option<f64>,
    /// Whether the value is within the bounds. A metric that does not exist, or is not a number, is not.
    pub passed: bool,
}

/// Every expectation of the plan, in its order, judged by the outcome's metrics.
#[must_use]
pub fn verdicts(plan: &Plan, outcome: &Outcome) -> Vec<Verdict> {
    plan.expects.iter().map(|expect| judge(expect, outcome.metrics.get(expect.metric.as_str()).copied())).collect()
}

fn judge(expect: &Expect, value: Option<f64>) -> Verdict {
    let within = |v: f64| expect.min.is_none_or(|min| v >= min) && expect.max.is_none_or(|max| v <= max);
    Verdict { expect: expect.clone(), value, passed: value.is_some_and(|v| !v.is_nan() && within(v)) }
}

impl Verdict {
    /// The bounds in words: `≤ 30`, `≥ 1`, `between 1 and 3`.
    #[must_use]
    pub fn bounds(&self) -> String {
        match (self.expect.min, self.expect.max) {
            (Some(min), Some(max)) if min.total_cmp(&max).is_eq() => format!("= {min}"),
            (Some(min), Some(max)) => format!("between {min} and {max}"),
            (Some(min), None) => format!("≥ {min}"),
            (None, Some(max)) => format!("≤ {max}"),
            (None, None) => "any number".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_a_missing_metric_fails() {
        let expect = |min, max| Expect { metric: "wait_seconds_p99".to_owned(), min, max };
        for (min, max, value, passed) in [
            (None, Some(30.0), Some(30.0), true),
            (None, Some(30.0), Some(30.1), false),
            (Some(1.0), None, Some(1.0), true),
            (Some(1.0), Some(2.0), Some(0.0), false),
            (None, Some(30.0), None, false),
            (None, None, Some(f64::NAN), false),
            (None, None, Some(5.0), true),
        ] {
            assert_eq!(judge(&expect(min, max), value).passed, passed, "{min:?} {max:?} {value:?}");
        }
        assert_eq!(judge(&expect(Some(0.0), Some(0.0)), Some(0.0)).bounds(), "= 0");
    }
}
