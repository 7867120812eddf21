//! What one sync of a CronJob does: which of its Jobs are active, and whether another one begins.
//!
//! Knows no API: `J` stands for a Job. Mirrors pkg/controller/cronjob/cronjob_controllerv2.go (`syncCronJob`), v1.34
//! (spec 8.6).

use super::missed::{Missed, Origin, most_recent, next_delay};
use crate::base::{SimDuration, SimTime};
use crate::model::CronSchedule;
use crate::model::cron_next::Zone;
use crate::model::objects::ConcurrencyPolicy;

/// A schedule in its zone, as far as it can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compiled {
    /// The schedule, or why there is none.
    pub schedule: Result<CronSchedule, Unusable>,
    /// The schedule names a zone itself, which works but is not supported.
    pub own_zone: bool,
}

/// Why a CronJob never starts anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// `spec.timeZone` is no time zone.
    TimeZone,
    /// `spec.schedule` is no schedule.
    Schedule,
}

impl Compiled {
    /// Of `spec.schedule` and `spec.timeZone`.
    #[must_use]
    pub fn new(schedule: &str, time_zone: Option<&str>) -> Self {
        let own_zone = schedule.contains("TZ");
        let zone = time_zone.map_or_else(|| Ok(Zone::utc()), Zone::load);
        let schedule = zone
            .map_err(|_| Unusable::TimeZone)
            .and_then(|zone| CronSchedule::parse(schedule, &zone).map_err(|_| Unusable::Schedule));
        Self { schedule, own_zone }
    }
}

/// What an event tells about a CronJob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's reason, spelled alike")]
pub enum Notice {
    UnexpectedJob,
    SawCompletedJob,
    MissingJob,
    UnknownTimeZone,
    UnsupportedSchedule,
    UnparseableSchedule,
    InvalidSchedule,
    TooManyMissedTimes,
    /// Of this time.
    MissSchedule(SimTime),
    JobAlreadyActive,
}

impl Notice {
    /// Whether the event is a warning.
    #[must_use]
    pub const fn is_warning(self) -> bool {
        !matches!(self, Self::SawCompletedJob | Self::MissingJob | Self::JobAlreadyActive)
    }
}

/// `status` of a CronJob.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status<J> {
    /// The Jobs that run, as far as the CronJob knows.
    pub active: Vec<J>,
    /// The last time that was served.
    pub last_schedule: Option<SimTime>,
    /// When a Job last succeeded.
    pub last_successful: Option<SimTime>,
}

/// A Job that the CronJob owns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Child<J> {
    /// Which.
    pub job: J,
    /// How it ended, if it did.
    pub end: Option<End>,
}

/// How a Job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It is complete, since then.
    Complete(Option<SimTime>),
    /// It failed.
    Failed,
}

impl<J: Copy + PartialEq> Status<J> {
    /// Brings the list of active Jobs up to date with the CronJob's Jobs; tells what is worth an event. `exists` is asked
    /// about active Jobs that are not among them.
    pub fn observe(&mut self, children: &[Child<J>], exists: impl Fn(J) -> bool, mut tell: impl FnMut(Notice, J)) {
        for child in children {
            let known = self.active.contains(&child.job);
            match child.end {
                None if !known => tell(Notice::UnexpectedJob, child.job),
                Some(_) if known => {
                    self.active.retain(|&job| job != child.job);
                    tell(Notice::SawCompletedJob, child.job);
                }
                _ => {}
            }
            if let Some(End::Complete(at)) = child.end {
                self.last_successful = self.last_successful.max(at);
            }
        }
        self.active.retain(|&job| {
            let there = children.iter().any(|child| child.job == job) || exists(job);
            if !there {
                tell(Notice::MissingJob, job);
            }
            there
        });
    }
}

/// What a CronJob's spec says about starting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// What if a Job still runs.
    pub concurrency: ConcurrencyPolicy,
    /// How long after its time a Job may begin yet.
    pub deadline: Option<SimDuration>,
    /// Whether nothing begins.
    pub suspend: bool,
}

/// What a sync comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Nothing begins, and only a change makes another sync.
    Rest,
    /// Nothing begins; look again after this long.
    Wait(SimDuration),
    /// The Job of this time begins.
    Start {
        /// The schedule's time.
        scheduled: SimTime,
        /// The active Jobs are deleted before.
        replace: bool,
    },
}

/// Whether a Job begins. `is_active` is asked whether the Job of a time is in the list of active ones, by its name.
pub fn decide(
    compiled: &Compiled,
    policy: Policy,
    origin: Origin,
    active: usize,
    now: SimTime,
    is_active: impl FnOnce(SimTime) -> bool,
    mut tell: impl FnMut(Notice),
) -> Decision {
    if compiled.schedule == Err(Unusable::TimeZone) {
        tell(Notice::UnknownTimeZone);
        return Decision::Rest;
    }
    if policy.suspend {
        return Decision::Rest;
    }
    if compiled.own_zone {
        tell(Notice::UnsupportedSchedule);
    }
    let Ok(schedule) = &compiled.schedule else {
        tell(Notice::UnparseableSchedule);
        return Decision::Rest;
    };
    let Ok(recent) = most_recent(origin, policy.deadline, now, schedule) else {
        tell(Notice::InvalidSchedule);
        return Decision::Rest;
    };
    let wait = || Decision::Wait(next_delay(origin, now, schedule));
    let Some(scheduled) = recent.most_recent else { return wait() };
    if recent.missed == Missed::Many {
        tell(Notice::TooManyMissedTimes);
    }
    if policy.deadline.is_some_and(|deadline| scheduled + deadline < now) {
        tell(Notice::MissSchedule(scheduled));
        return wait();
    }
    if origin.last_schedule == Some(scheduled) || is_active(scheduled) {
        return wait();
    }
    if policy.concurrency == ConcurrencyPolicy::Forbid && active > 0 {
        tell(Notice::JobAlreadyActive);
        return wait();
    }
    Decision::Start { scheduled, replace: policy.concurrency == ConcurrencyPolicy::Replace }
}

/// What the API said to the creation of a Job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Creation<J> {
    /// It is made: it comes into the list of active ones with that.
    Made,
    /// This CronJob has made it before.
    Ours(J),
    /// Somebody else's has the name.
    Taken,
    /// It was refused: the sync fails and is repeated.
    Refused,
}

impl<J: Copy + PartialEq> Status<J> {
    /// The Job of `scheduled` begins. Returns when to look again, if only for the time.
    pub fn begin(
        &mut self,
        creation: Creation<J>,
        scheduled: SimTime,
        created: SimTime,
        now: SimTime,
        schedule: &CronSchedule,
    ) -> Option<SimDuration> {
        match creation {
            Creation::Made => {}
            Creation::Ours(job) if !self.active.contains(&job) => self.active.push(job),
            _ => return None,
        }
        self.last_schedule = Some(scheduled);
        Some(next_delay(Origin { created, last_schedule: self.last_schedule }, now, schedule))
    }
}

/// The number behind the name of the Job of a time.
#[must_use]
pub const fn minutes(scheduled: SimTime) -> i64 {
    // Whole seconds are cut first, and so are the minutes: toward zero.
    scheduled.0.div_euclid(1_000_000_000) / 60
}

/// The oldest of the finished Jobs, of (start, name or what stands for it), beyond the limit of the history. Jobs that
/// never started come last.
#[must_use]
pub fn beyond_history<N: Ord + Copy>(mut finished: Vec<(Option<SimTime>, N)>, limit: i32) -> Vec<N> {
    let excess = finished.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    finished.sort_unstable_by_key(|&(start, name)| (start.is_none(), start, name));
    finished.truncate(excess);
    finished.into_iter().map(|(_, name)| name).collect()
}
