//! Dates and instants: the start of the run, and times in it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::Cx;
use super::codes;
use super::fields::{Fields, Placed, duration, fail, wrong_type};
use super::tree::{Node, Value};
use crate::base::time::NANOS_PER_SEC;
use crate::base::{SimDuration, SimTime};

const DAY_SECONDS: i64 = 86_400;

/// 2026-01-01T00:00:00Z.
pub(super) const fn default_start() -> SimTime {
    SimTime(1_767_225_600 * NANOS_PER_SEC)
}

/// A date, or a date and time, in UTC unless it says otherwise.
pub(super) fn date(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str) -> Option<SimTime> {
    let node = fields.node(cx, key)?;
    let (Value::Text(written) | Value::Moment(written)) = &node.value else {
        return wrong_type(cx, node, "a date", "write for example `\"2026-03-02\"`");
    };
    let Some(time) = parse_date(written) else {
        let message = format!("`{written}` is not a date");
        let help = "write for example `2026-03-02` or `2026-03-02T06:30:00Z`";
        return fail(cx, codes::BAD_TIME, node, &message, "not a date", help);
    };
    // Far from the ends of the representable time, so that no sum in a run can overflow.
    if !(parse_date("1900-01-01")..=parse_date("2150-01-01")).contains(&Some(time)) {
        let help = "write a date from 1900 to 2150";
        return fail(cx, codes::OUT_OF_RANGE, node, "the simulated clock cannot start then", "out of range", help);
    }
    Some(time)
}

fn parse_date(text: &str) -> Option<SimTime> {
    let timestamp: Timestamp = if let Ok(timestamp) = text.parse() {
        timestamp
    } else if let Ok(datetime) = text.parse::<DateTime>() {
        jiff::tz::Offset::UTC.to_timestamp(datetime).ok()?
    } else {
        let date: Date = text.parse().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?
    };
    i64::try_from(timestamp.as_nanosecond()).ok().map(SimTime)
}

/// An instant of the run: `21h30m` after the start, the next `21:30` from the start on, or a date and time.
pub(super) fn moment(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str) -> Option<Placed<SimTime>> {
    let node = fields.node(cx, key)?;
    moment_of(cx, node)
}

fn moment_of(cx: &mut Cx<'_>, node: &Node) -> Option<Placed<SimTime>> {
    let placed = |value| Some(Placed { value, span: node.span });
    if let Value::Text(text) | Value::Moment(text) = &node.value {
        if let Some(time) = clock(text).map(|seconds| next_at(cx.start, seconds)) {
            return placed(time);
        }
        if looks_like_date(text) {
            let Some(time) = parse_date(text) else {
                let message = format!("`{text}` is not a time");
                let help = "write `21h30m` (after the start), `21:30`, or `2026-03-02T21:30:00Z`";
                return fail(cx, codes::BAD_TIME, node, &message, "not a time", help);
            };
            return placed(time);
        }
    }
    let offset: Placed<SimDuration> = duration(cx, node)?;
    placed(cx.start + offset.value)
}

fn looks_like_date(text: &str) -> bool {
    text.contains(['-', ':']) && !text.starts_with('-')
}

/// An instant of a run that starts at `start`, written as `moment` reads it.
#[must_use]
pub fn instant(text: &str, start: SimTime) -> Option<SimTime> {
    if let Some(seconds) = clock(text) {
        return Some(next_at(start, seconds));
    }
    if looks_like_date(text) { parse_date(text) } else { Some(start + SimDuration::parse(text).ok()?) }
}

/// Seconds since midnight of `21:30` or `21:30:15`.
fn clock(text: &str) -> Option<i64> {
    let (hours, _) = text.split_once(':')?;
    let padded = if hours.len() == 1 { format!("0{text}") } else { text.to_owned() };
    let time: Time = padded.parse().ok()?;
    Some(i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second()))
}

/// The first instant at or after `start` at which a clock (UTC) shows so many seconds since midnight.
fn next_at(start: SimTime, seconds: i64) -> SimTime {
    let day = SimDuration::from_secs(DAY_SECONDS);
    start.ceil_to_grid(SimTime(seconds * NANOS_PER_SEC), day)
}

/// Warns of something that is due outside of the run.
pub(super) fn within_run(cx: &mut Cx<'_>, at: &Placed<SimTime>, what: &str) {
    if (cx.start..cx.end).contains(&at.value) {
        return;
    }
    let when = if at.value < cx.start { "before the run starts" } else { "after the run has ended" };
    let message = format!("this {what} is due {} which is {when}", at.value.rfc3339());
    let help = format!("the run lasts from {} to {}", cx.start.rfc3339(), cx.end.rfc3339());
    cx.diagnostics.warning(codes::OUTSIDE_RUN, at.span, message, "never happens", help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_clock_times_are_read() {
        assert_eq!(parse_date("2026-01-01"), Some(default_start()));
        assert_eq!(parse_date("2026-01-01T01:00:00+01:00"), Some(default_start()));
        assert_eq!(parse_date("2026-01-01T00:00:00"), Some(default_start()));
        assert_eq!(parse_date("2026-13-01"), None);
        assert_eq!(clock("9:30"), Some(34_200));
        assert_eq!(clock("21:30:15"), Some(77_415));
        assert_eq!(clock("25:00"), None);
        let six = default_start() + SimDuration::from_secs(6 * 3600);
        assert_eq!(next_at(six, 7 * 3600), six + SimDuration::from_secs(3600));
        assert_eq!(next_at(six, 5 * 3600), six + SimDuration::from_secs(23 * 3600), "the next day");
    }
}
