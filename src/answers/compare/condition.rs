//! Conditions such as `pods_pending_at_end.mean > +5%`: when a comparison is lost. Pure.

use crate::base::SimDuration;
use crate::base::statistics::{quantile, sort};
use crate::diag::did_you_mean;
use crate::sim::metrics;

/// What of the values over the seeds is meant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Statistic {
    /// Their mean.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// A quantile, from 0 to 1.
    Quantile(f64),
}

impl Statistic {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "mean" => Some(Self::Mean),
            "min" => Some(Self::Min),
            "max" => Some(Self::Max),
            "median" => Some(Self::Quantile(0.5)),
            _ => {
                let percent: f64 = text.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0).contains(&percent).then_some(Self::Quantile(percent / 100.0))
            }
        }
    }

    /// Of these values, of which there is at least one.
    #[must_use]
    pub fn of(self, values: &[f64]) -> f64 {
        let mut sorted = values.to_vec();
        sort(&mut sorted);
        match self {
            Self::Mean => values.iter().copied().collect::<crate::base::statistics::Moments>().mean,
            Self::Min => quantile(&sorted, 0.0).unwrap_or(0.0),
            Self::Max => quantile(&sorted, 1.0).unwrap_or(0.0),
            Self::Quantile(q) => quantile(&sorted, q).unwrap_or(0.0),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    More,
    AtLeast,
    Less,
    AtMost,
}

/// What the bound is counted from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    /// Zero.
    Zero,
    /// The first arm's value.
    First,
    /// The first arm's value, in parts of it.
    Share,
}

/// A condition that must not be met.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// As it was written.
    pub written: String,
    /// The metric.
    pub metric: &'static str,
    statistic: Statistic,
    relation: Relation,
    bound: f64,
    from: From,
}

/// How conditions are written.
const FORM: &str = "write it as `metric.mean > +5%`: a metric, then .mean, .min, .max or .p90 over the seeds (the mean, if \
                    nothing is said), then >, >=, < or <=, then a number; with a sign it is counted from the first arm's value, \
                    with % in parts of it";

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// In words: what is not understood, and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let at = text.find(['<', '>']).ok_or_else(|| format!("`{text}` has no `<` or `>`: {FORM}"))?;
        let (name, rest) = text.split_at(at);
        let (relation, number) = match rest.strip_prefix(">=") {
            Some(rest) => (Relation::AtLeast, rest),
            None => match rest.strip_prefix("<=") {
                Some(rest) => (Relation::AtMost, rest),
                None => (if rest.starts_with('>') { Relation::More } else { Relation::Less }, &rest[1..]),
            },
        };
        let (metric, statistic) = named(name.trim())?;
        let number = number.trim();
        let (digits, percent) = match number.strip_suffix('%') {
            Some(digits) => (digits.trim_end(), true),
            None => (number, false),
        };
        let signed = digits.starts_with(['+', '-']);
        let value = digits.parse::<f64>().ok().filter(|value| value.is_finite()).or_else(|| {
            // Seconds may be written as durations.
            let (sign, plain) = match digits.strip_prefix('-') {
                Some(plain) => (-1.0, plain),
                None => (1.0, digits.strip_prefix('+').unwrap_or(digits)),
            };
            let duration = metric.contains("_seconds") && !percent;
            Some(sign * SimDuration::parse(plain).ok().filter(|_| duration)?.as_secs_f64())
        });
        let Some(value) = value else { return Err(format!("`{number}` is not a number: {FORM}")) };
        let (bound, from) = match (percent, signed) {
            (true, _) => (value / 100.0, From::Share),
            (false, true) => (value, From::First),
            (false, false) => (value, From::Zero),
        };
        Ok(Self { written: text.trim().to_owned(), metric, statistic, relation, bound, from })
    }

    /// Whether an arm meets it, with the first arm's value and its own.
    #[must_use]
    pub fn judge(&self, first: &[f64], arm: &[f64]) -> (bool, f64, f64) {
        let (base, value) = (self.statistic.of(first), self.statistic.of(arm));
        let (left, right) = match self.from {
            From::Zero => (value, self.bound),
            From::First => (value - base, self.bound),
            From::Share => (value - base, self.bound * base.abs()),
        };
        let met = match self.relation {
            Relation::More => left > right,
            Relation::AtLeast => left >= right,
            Relation::Less => left < right,
            Relation::AtMost => left <= right,
        };
        (met, base, value)
    }
}

/// A metric and a statistic over the seeds. `wait_seconds.p99` and `pending_pods.max` are what a run itself calls
/// `wait_seconds_p99` and `pods_pending_peak`.
fn named(name: &str) -> Result<(&'static str, Statistic), String> {
    let find = |name: &str| metrics::ALL.iter().map(|metric| metric.name).find(|known| *known == name);
    if let Some(metric) = find(name) {
        return Ok((metric, Statistic::Mean));
    }
    if let Some((stem, end)) = name.rsplit_once('.') {
        if let Some(metric) = find(stem) {
            let statistic = Statistic::parse(end).ok_or_else(|| format!("`.{end}` is no statistic: {FORM}"))?;
            return Ok((metric, statistic));
        }
        let stem = if stem == "pending_pods" { "pods_pending" } else { stem };
        let ends = if end == "max" { &["max", "peak"][..] } else { &[end][..] };
        if let Some(metric) = ends.iter().find_map(|end| find(&format!("{stem}_{end}"))) {
            return Ok((metric, Statistic::Mean));
        }
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let near = did_you_mean(stem, metrics::ALL.iter().map(|metric| metric.name));
    let help =
        near.map_or_else(|| "docs/SCENARIO.md lists all metrics".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(format!("there is no metric `{stem}`: {help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_judged_against_the_first_arm() {
        let (first, arm) = ([10.0, 20.0, 30.0], [11.0, 21.0, 33.0]);
        for (text, met) in [
            ("pods_failed > +5%", true),
            ("pods_failed.mean > 5%", true),
            ("pods_failed > +10%", false),
            ("pods_failed.max >= +3", true),
            ("pods_failed.max > +3", false),
            ("pods_failed.min<12", true),
            ("pods_failed.p50 <= 20.5", false),
            ("pods_failed.p50 < -1", false),
            ("wait_seconds_p99.max > 30s", true),
            ("wait_seconds_p99 > +2s", false),
        ] {
            let condition = Condition::parse(text).expect(text);
            assert_eq!(condition.judge(&first, &arm).0, met, "{text}");
        }
        let growth = Condition::parse("pods_failed > +5%").expect("a condition");
        assert!(growth.judge(&[0.0], &[0.1]).0, "anything is more than nothing");
        assert!(!growth.judge(&[0.0], &[0.0]).0);
    }

    #[test]
    fn a_statistic_of_a_run_is_found_by_its_name() {
        let metric = |text: &str| Condition::parse(text).map(|condition| condition.metric);
        assert_eq!(metric("pending_pods.max > +5%"), Ok("pods_pending_peak"));
        assert_eq!(metric("pods_pending.mean > 1"), Ok("pods_pending_mean"));
        assert_eq!(metric("wait_seconds.p99 > 1m"), Ok("wait_seconds_p99"));
        assert_eq!(metric("cpu_requested_ratio.max > 0.9"), Ok("cpu_requested_ratio_peak"));
        for (bad, part) in [
            ("pods_failed", "has no `<` or `>`"),
            ("pods_faild > 1", "did you mean `pods_failed`?"),
            ("pods_failed.often > 1", "`.often` is no statistic"),
            ("pods_failed > many", "`many` is not a number"),
            ("pods_failed > 30s", "`30s` is not a number"),
            ("> 3", "there is no metric"),
        ] {
            let error = Condition::parse(bad).expect_err(bad);
            assert!(error.contains(part), "{error}");
        }
    }
}
