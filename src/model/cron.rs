//! The schedules of CronJobs: five fields or a descriptor, read as robfig/cron reads them, in a time zone.
//!
//! Knows no CronJob. When a schedule is due next is `cron_next`'s. Mirrors vendor/github.com/robfig/cron/v3/parser.go
//! (`ParseStandard`), v1.34, with its messages.

use super::cron_duration::parse_go_duration;
use super::cron_next::Zone;
use crate::base::SimDuration;

/// Set in a field that was not restricted: `*` or `?` without a step.
pub(super) const STAR: u64 = 1 << 63;

/// When something is due: a compiled schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CronSchedule {
    pub(super) zone: Zone,
    pub(super) times: Times,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Times {
    /// `@every`: this long after the last time, in whole seconds.
    Every(SimDuration),
    /// At second zero of the minutes whose fields all match.
    Fields(Fields),
}

/// One bit for each value that matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fields {
    pub(super) minute: u64,
    pub(super) hour: u64,
    pub(super) day_of_month: u64,
    pub(super) month: u64,
    pub(super) day_of_week: u64,
}

/// What a field may hold.
struct Bounds {
    min: u64,
    max: u64,
    /// Names of the values, from `min` on.
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAYS_OF_MONTH: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const DAYS_OF_WEEK: Bounds = Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl CronSchedule {
    /// Reads a schedule; its times are found in `zone` unless it names one itself (`TZ=` or `CRON_TZ=` in front).
    ///
    /// # Errors
    /// Upstream's message.
    pub fn parse(text: &str, zone: &Zone) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        let own = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ="));
        let (zone, spec) = match own {
            None => (zone.clone(), text),
            Some(rest) => {
                let (name, spec) = rest.split_once(' ').unwrap_or((rest, ""));
                let zone = Zone::load(name).map_err(|why| format!("provided bad location {name}: {why}"))?;
                (zone, spec.trim())
            }
        };
        let times = if spec.starts_with('@') { descriptor(spec)? } else { Times::Fields(fields(spec)?) };
        Ok(Self { zone, times })
    }
}

fn fields(spec: &str) -> Result<Fields, String> {
    let parts: Vec<&str> = spec.split_whitespace().collect();
    let &[minute, hour, day_of_month, month, day_of_week] = parts.as_slice() else {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", parts.len(), parts.join(" ")));
    };
    Ok(Fields {
        minute: field(minute, &MINUTES)?,
        hour: field(hour, &HOURS)?,
        day_of_month: field(day_of_month, &DAYS_OF_MONTH)?,
        month: field(month, &MONTHS)?,
        day_of_week: field(day_of_week, &DAYS_OF_WEEK)?,
    })
}

/// A list of ranges. Empty items are skipped, so that `,` is a field that never matches.
fn field(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let mut bits = 0;
    for item in text.split(',').filter(|item| !item.is_empty()) {
        bits |= range(item, bounds)?;
    }
    Ok(bits)
}

/// `number | number "-" number`, either with `"/" number`; `*` and `?` stand for everything.
fn range(item: &str, bounds: &Bounds) -> Result<u64, String> {
    let mut by_slash = item.split('/');
    let limits: Vec<&str> = by_slash.next().unwrap_or_default().split('-').collect();
    let all = matches!(limits[0], "*" | "?");
    let (start, mut end) = match limits.as_slice() {
        _ if all => (bounds.min, bounds.max),
        [one] => {
            let start = number_or_name(one, bounds)?;
            (start, start)
        }
        [first, last] => (number_or_name(first, bounds)?, number_or_name(last, bounds)?),
        // The first number is read before the hyphens are counted.
        more => {
            number_or_name(more[0], bounds)?;
            return Err(format!("too many hyphens: {item}"));
        }
    };
    let (mut star, mut step) = (all, 1);
    if let Some(text) = by_slash.next() {
        if by_slash.next().is_some() {
            return Err(format!("too many slashes: {item}"));
        }
        step = number(text)?;
        // `a/n` means from `a` to the end.
        if limits.len() == 1 {
            end = bounds.max;
        }
        star &= step <= 1;
    }
    if start < bounds.min {
        return Err(format!("beginning of range ({start}) below minimum ({}): {item}", bounds.min));
    }
    if end > bounds.max {
        return Err(format!("end of range ({end}) above maximum ({}): {item}", bounds.max));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {item}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {item}"));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    let bits = (start..=end).step_by(step).fold(0, |bits, value| bits | 1 << value);
    Ok(if star { bits | STAR } else { bits })
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match (bounds.min..).zip(bounds.names).find(|(_, name)| **name == lower) {
        Some((value, _)) => Ok(value),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let value: i64 = text.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let why = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}")
    })?;
    u64::try_from(value).map_err(|_| format!("negative number ({value}) not allowed: {text}"))
}

fn descriptor(text: &str) -> Result<Times, String> {
    let short = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let every = text.strip_prefix("@every ").ok_or_else(|| format!("unrecognized descriptor: {text}"))?;
            let every = parse_go_duration(every).map_err(|why| format!("failed to parse duration {text}: {why}"))?;
            let whole = SimDuration::from_secs(every.whole_secs());
            return Ok(Times::Every(whole.max(SimDuration::from_secs(1))));
        }
    };
    Ok(Times::Fields(fields(short)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        CronSchedule::parse(text, &Zone::utc()).expect_err("it is wrong")
    }

    #[test]
    fn mistakes_are_told_in_upstreams_words() {
        for (text, message) in [
            ("-5 * * * *", r#"failed to parse int from : strconv.Atoi: parsing "": invalid syntax"#),
            ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            (
                "99999999999999999999 * * * *",
                "failed to parse int from 99999999999999999999: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            ("TZ=Mars/Base 0 * * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
            ("TZ=UTC", "expected exactly 5 fields, found 0: []"),
            ("@every 1d", r#"failed to parse duration @every 1d: time: unknown unit "d" in duration "1d""#),
            ("@Daily", "unrecognized descriptor: @Daily"),
        ] {
            assert_eq!(refused(text), message);
        }
    }

    #[test]
    fn a_step_takes_the_star_away() {
        let bits = |text| field(text, &DAYS_OF_MONTH).expect("a field");
        assert_eq!(bits("*"), (1 << 32) - 2 + STAR);
        assert_eq!(bits("*/1"), bits("*"));
        assert_eq!(bits("*/31"), 1 << 1);
        assert_eq!(bits("30/1"), 1 << 30 | 1 << 31);
        assert_eq!(bits(","), 0);
        assert_eq!(bits("?,5"), bits("*"));
        assert_eq!(field("SAT,Mon", &DAYS_OF_WEEK), Ok(1 << 6 | 1 << 1));
    }

    #[test]
    fn short_periods_count_as_a_second() {
        let every = |text| CronSchedule::parse(text, &Zone::utc()).expect("a schedule").times;
        assert_eq!(every("@every 10ms"), Times::Every(SimDuration::from_secs(1)));
        assert_eq!(every("@every -5m"), Times::Every(SimDuration::from_secs(1)));
        assert_eq!(every("@every 1m30.9s"), Times::Every(SimDuration::from_secs(90)));
    }
}
