//! Which time of a schedule is to be served now, and when the next one is.
//!
//! Knows no CronJob and no clock. Mirrors pkg/controller/cronjob/utils.go (`mostRecentScheduleTime`,
//! `nextScheduleTimeDuration`), v1.34 (spec 8.6).

use crate::base::{SimDuration, SimTime};
use crate::model::CronSchedule;

/// A CronJob is looked at this long after its time, not to be a moment too early.
const NEXT_SCHEDULE_DELTA: SimDuration = SimDuration::from_millis(100);
/// More missed times than this are worth a warning.
const MANY: i64 = 100;

/// How many times of the schedule have passed, roughly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missed {
    /// At most one.
    None,
    /// Some.
    Few,
    /// More than a hundred.
    Many,
}

/// What a look back at the schedule found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recent {
    /// Where the look began.
    pub earliest: SimTime,
    /// The last time that has come.
    pub most_recent: Option<SimTime>,
    /// How many came.
    pub missed: Missed,
}

/// The schedule's times do not follow each other: there are none, or no second one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoInterval;

/// What the schedule is counted from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// When the CronJob was created.
    pub created: SimTime,
    /// The last time that was served.
    pub last_schedule: Option<SimTime>,
}

/// Looks back from `now`, at most as far as the starting deadline.
///
/// # Errors
/// If two times of the schedule are not at least a second apart.
pub fn most_recent(
    origin: Origin,
    deadline: Option<SimDuration>,
    now: SimTime,
    schedule: &CronSchedule,
) -> Result<Recent, NoInterval> {
    let earliest = origin.last_schedule.unwrap_or(origin.created);
    let horizon = deadline.map(|deadline| SimTime(now.0.saturating_sub(deadline.0)));
    let earliest = horizon.map_or(earliest, |horizon| earliest.max(horizon));
    let found = |most_recent, missed| Ok(Recent { earliest, most_recent, missed });
    let first = schedule.next(earliest).ok_or(NoInterval)?;
    if now < first {
        return found(None, Missed::None);
    }
    let second = schedule.next(first).ok_or(NoInterval)?;
    if now < second {
        return found(Some(first), Missed::None);
    }
    let interval = (second.since(first).0 + 500_000_000) / 1_000_000_000;
    if interval < 1 {
        return Err(NoInterval);
    }
    let count = now.since(first).whole_secs() / interval + 1;
    // One interval before the last time, if all intervals are alike: the schedule itself says what came since.
    let mut at = first + SimDuration::from_secs((count - 2) * interval);
    let mut most_recent = None;
    while let Some(next) = schedule.next(at).filter(|&next| next <= now) {
        (at, most_recent) = (next, Some(next));
    }
    found(most_recent, if count > MANY { Missed::Many } else { Missed::Few })
}

/// How long it is until the next look; `FOREVER` if the schedule has no further time.
#[must_use]
pub fn next_delay(origin: Origin, now: SimTime, schedule: &CronSchedule) -> SimDuration {
    let base = match most_recent(origin, None, now, schedule) {
        Ok(Recent { most_recent: Some(at), .. }) => at,
        Ok(Recent { earliest, missed: Missed::None, .. }) => earliest,
        Ok(_) | Err(NoInterval) => now,
    };
    schedule
        .next(base)
        .map_or(SimDuration::FOREVER, |next| SimTime(next.0.saturating_add(NEXT_SCHEDULE_DELTA.0)).since(now))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::cron_next::Zone;

    fn schedule(text: &str) -> CronSchedule {
        CronSchedule::parse(text, &Zone::utc()).expect("a schedule")
    }

    proptest! {
        /// The rough count never skips the last time: it is the one that a step by step search finds.
        #[test]
        fn the_last_time_that_came(
            text in prop::sample::select(vec!["*/5 * * * *", "0 * * * *", "30 6-16/4 * * 1-5", "0 0 1 * *", "15,16 3 * * *"]),
            created in 1_463_652_000i64..1_463_652_000 + 86_400 * 40,
            after in 0i64..86_400 * 40,
        ) {
            let schedule = schedule(text);
            let (created, now) = (SimTime(created * 1_000_000_000), SimTime((created + after) * 1_000_000_000));
            let mut last = None;
            let mut at = created;
            while let Some(next) = schedule.next(at).filter(|&next| next <= now) {
                (at, last) = (next, Some(next));
            }
            let found = most_recent(Origin { created, last_schedule: None }, None, now, &schedule).expect("it repeats");
            // Upstream begins one interval before its guess: where intervals differ, the guess can be beyond the last time.
            if found.most_recent.is_some() {
                prop_assert_eq!(found.most_recent, last);
            } else {
                prop_assert!(last.is_none() || text != "*/5 * * * *" && text != "0 * * * *");
            }
            let delay = next_delay(Origin { created, last_schedule: None }, now, &schedule);
            prop_assert!(delay > SimDuration::ZERO, "it is always looked at again: {:?}", delay);
        }
    }
}
