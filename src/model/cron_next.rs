//! When a cron schedule is due next, in a time zone with daylight saving.
//!
//! Zones come from the time zone database that is compiled in: what a machine has installed, or is set to, changes
//! nothing. Mirrors vendor/github.com/robfig/cron/v3/spec.go (`SpecSchedule.Next`) and constantdelay.go, v1.34.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp};

use super::cron::{CronSchedule, Fields, STAR, Times};
use crate::base::SimTime;
use crate::base::time::NANOS_PER_SEC;

/// A search that reaches so many years beyond the year in which it began is given up.
const MOST_YEARS: i16 = 5;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// A time zone; the controllers' own is UTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// UTC.
    #[must_use]
    pub const fn utc() -> Self {
        Self(None)
    }

    /// The zone of a name in the time zone database, which is case-sensitive; `Local` is the controllers' own.
    ///
    /// # Errors
    /// Go's message.
    pub fn load(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::utc());
        }
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return Err("time: invalid location name".to_owned());
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok();
        let zone = zone.filter(|zone| zone.iana_name() == Some(name));
        zone.map(|zone| Self(Some(zone))).ok_or_else(|| format!("unknown time zone {name}"))
    }

    /// Seconds east of UTC at a Unix time.
    fn offset(&self, unix: i64) -> i64 {
        let at = |zone: &TimeZone| zone.to_offset(timestamp(unix)).seconds().into();
        self.0.as_ref().map_or(0, at)
    }

    /// What clocks show at a Unix time.
    fn clock(&self, unix: i64) -> DateTime {
        Offset::UTC.to_datetime(timestamp(unix + self.offset(unix)))
    }

    /// The Unix time at which clocks show `civil`. If they never do, or twice, it is what Go's `time.Date` chooses.
    fn unix(&self, civil: DateTime) -> i64 {
        let as_utc = Offset::UTC.to_timestamp(civil).map_or(0, Timestamp::as_second);
        as_utc - self.offset(as_utc - self.offset(as_utc))
    }
}

/// Searches stay within years that both types can hold.
fn timestamp(unix: i64) -> Timestamp {
    Timestamp::from_second(unix).unwrap_or(Timestamp::MAX)
}

impl CronSchedule {
    /// The first time after `after` at which this is due; `None` if there is none for more than five years.
    #[must_use]
    pub fn next(&self, after: SimTime) -> Option<SimTime> {
        match self.times {
            Times::Every(delay) => Some(after.floor_seconds() + delay),
            Times::Fields(fields) => {
                let begin = after.0.div_euclid(NANOS_PER_SEC) + 1;
                let due = search(&self.zone, &fields, begin)?;
                due.checked_mul(NANOS_PER_SEC).map(SimTime)
            }
        }
    }
}

/// The first Unix time from `begin` on that matches. Fields are brought to match from the largest to the smallest; when
/// one overflows, all are looked at again.
fn search(zone: &Zone, fields: &Fields, begin: i64) -> Option<i64> {
    let has = |bits: u64, value: i8| bits >> value & 1 == 1;
    if [fields.minute, fields.hour, fields.month].iter().any(|bits| bits & !STAR == 0) {
        return None;
    }
    let mut at = begin;
    // Nothing was moved yet: the smaller fields are still those of `begin`.
    let mut fresh = true;
    let last_year = zone.clock(at).year() + MOST_YEARS;
    'again: while zone.clock(at).year() <= last_year {
        while !has(fields.month, zone.clock(at).month()) {
            let mut clock = zone.clock(at);
            if fresh {
                fresh = false;
                clock = zone.clock(zone.unix(clock.date().first_of_month().at(0, 0, 0, 0)));
            }
            at = zone.unix(clock.checked_add(Span::new().months(1)).ok()?);
            if zone.clock(at).month() == 1 {
                continue 'again;
            }
        }
        while !is_day(fields, zone.clock(at)) {
            let mut clock = zone.clock(at);
            if fresh {
                fresh = false;
                clock = zone.clock(zone.unix(clock.date().at(0, 0, 0, 0)));
            }
            at = zone.unix(clock.checked_add(Span::new().days(1)).ok()?);
            // Where daylight saving begins or ends at midnight, the day begins an hour off.
            let hour = i64::from(zone.clock(at).hour());
            at += if hour > 12 { (24 - hour) * HOUR } else { -hour * HOUR };
            if zone.clock(at).day() == 1 {
                continue 'again;
            }
        }
        while !has(fields.hour, zone.clock(at).hour()) {
            if fresh {
                fresh = false;
                let clock = zone.clock(at);
                at = zone.unix(clock.date().at(clock.hour(), 0, 0, 0));
            }
            at += HOUR;
            if zone.clock(at).hour() == 0 {
                continue 'again;
            }
        }
        while !has(fields.minute, zone.clock(at).minute()) {
            if fresh {
                fresh = false;
                at -= at.rem_euclid(MINUTE);
            }
            at += MINUTE;
            if zone.clock(at).minute() == 0 {
                continue 'again;
            }
        }
        let second = i64::from(zone.clock(at).second());
        if second == 0 {
            return Some(at);
        }
        fresh = false;
        at += MINUTE - second;
    }
    None
}

/// If both fields are restricted, one of them is enough.
fn is_day(fields: &Fields, clock: DateTime) -> bool {
    let month = fields.day_of_month >> clock.day() & 1 == 1;
    let week = fields.day_of_week >> clock.weekday().to_sunday_zero_offset() & 1 == 1;
    if (fields.day_of_month | fields.day_of_week) & STAR != 0 { month && week } else { month || week }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &str, zone: &str, after: &str) -> String {
        let zone = Zone::load(zone).expect("a zone");
        let schedule = CronSchedule::parse(text, &zone).expect("a schedule");
        let after = SimTime::parse_rfc3339(after).expect("a time");
        schedule.next(after).map_or_else(|| "never".to_owned(), SimTime::rfc3339)
    }

    #[test]
    fn names_of_zones_are_case_sensitive() {
        assert!(Zone::load("Europe/Berlin").is_ok() && Zone::load("US/Eastern").is_ok());
        assert_eq!(Zone::load("europe/berlin"), Err("unknown time zone europe/berlin".to_owned()));
        assert_eq!(Zone::load("../UTC"), Err("time: invalid location name".to_owned()));
    }

    #[test]
    fn hours_that_do_not_exist_are_skipped() {
        // 02:30 on 2024-03-31 is not in Berlin.
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z"), "2024-04-01T00:30:00Z");
        // 2018-11-04 began at 01:00 in Sao Paulo.
        assert_eq!(next("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z"), "2018-11-05T02:00:00Z");
        assert_eq!(next("0 9 4 * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z"), "2018-11-04T11:00:00Z");
    }

    #[test]
    fn hours_that_come_twice_match_twice() {
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2024-10-26T23:00:00Z"), "2024-10-27T00:30:00Z");
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2024-10-27T00:30:00Z"), "2024-10-27T01:30:00Z");
    }

    #[test]
    fn the_search_ends() {
        assert_eq!(next("0 0 30 2 *", "Asia/Tokyo", "2024-01-01T00:00:00Z"), "never");
        assert_eq!(next(", * * * *", "UTC", "2024-01-01T00:00:00Z"), "never");
        // The next leap year is eight years away.
        assert_eq!(next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z"), "never");
    }

    #[test]
    fn zones_with_odd_offsets_keep_whole_minutes() {
        assert_eq!(next("0 0 * * *", "Asia/Kathmandu", "2024-01-01T00:00:30.5Z"), "2024-01-01T18:15:00Z");
    }
}
