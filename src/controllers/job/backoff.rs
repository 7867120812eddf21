//! How long a Job waits before it replaces a failed pod.
//!
//! Knows no Job and no clock. Mirrors pkg/controller/job/backoff_utils.go, v1.34 (spec 8.5).

use crate::base::{SimDuration, SimTime, broken};
use crate::model::{ContainerState, Terminated};

/// The wait after the first failure.
pub const DEFAULT_BACKOFF: SimDuration = SimDuration::from_secs(10);
/// The longest wait.
pub const MAX_BACKOFF: SimDuration = SimDuration::from_secs(600);

/// What the back-off of a Job hangs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BackoffRecord {
    /// Failures since the last success, by the times at which the pods finished.
    pub failures: u32,
    /// When the last of them finished.
    pub last_failure: Option<SimTime>,
}

impl BackoffRecord {
    /// With pods that finished since, by their finish times in any order.
    #[must_use]
    pub fn update(self, succeeded: &[SimTime], failed: &[SimTime]) -> Self {
        let last_success = succeeded.iter().max();
        let since = |at: &&SimTime| last_success.is_none_or(|success| *at > success);
        let new = u32::try_from(failed.iter().filter(since).count()).unwrap_or(u32::MAX);
        let last = failed.iter().filter(since).max().copied();
        if last_success.is_some() {
            return Self { failures: new, last_failure: last };
        }
        Self { failures: self.failures.saturating_add(new), last_failure: last.or(self.last_failure) }
    }

    /// How long to wait yet.
    #[must_use]
    pub fn remaining(&self, base: SimDuration, most: SimDuration, now: SimTime) -> SimDuration {
        self.last_failure.map_or(SimDuration::ZERO, |at| remaining(self.failures, at, base, most, now))
    }
}

/// How long to wait yet after that many failures, of which the last was at `last`.
#[must_use]
pub fn remaining(failures: u32, last: SimTime, base: SimDuration, most: SimDuration, now: SimTime) -> SimDuration {
    if failures == 0 {
        return SimDuration::ZERO;
    }
    let mut wait = base;
    for _ in 1..broken!("job back-off", failures, 1) {
        wait = SimDuration(wait.0.saturating_mul(2));
        if wait >= most {
            wait = most;
            break;
        }
    }
    (wait - now.since(last)).max(SimDuration::ZERO)
}

/// How often the pods of an index had failed before the one that is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IndexFailures {
    /// Failures that count towards the limit per index (`job-index-failure-count`).
    pub counted: u32,
    /// Failures that the pod failure policy ignored (`job-index-ignored-failure-count`).
    pub ignored: u32,
}

impl IndexFailures {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u32 {
        self.counted.saturating_add(self.ignored)
    }

    /// With one more, as the replacement of the failed pod will say.
    #[must_use]
    pub const fn with(self, counts: bool) -> Self {
        if counts {
            Self { counted: self.counted.saturating_add(1), ..self }
        } else {
            Self { ignored: self.ignored.saturating_add(1), ..self }
        }
    }
}

/// How long an index waits yet for the replacement of its last failed pod, which had these failures before it and finished
/// at `finished`.
#[must_use]
pub fn remaining_per_index(
    before: IndexFailures,
    finished: SimTime,
    base: SimDuration,
    most: SimDuration,
    now: SimTime,
) -> SimDuration {
    remaining(before.total().saturating_add(1), finished, base, most, now)
}

/// What tells when a pod finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Finish {
    /// Since when it is not ready, if it is not.
    pub not_ready_since: Option<SimTime>,
    /// When it is to be gone, if it is being deleted, and its grace period.
    pub deletion: Option<(SimTime, SimDuration)>,
    /// When it was created.
    pub created: SimTime,
}

impl Finish {
    /// When a pod with these containers and sidecars finished.
    #[must_use]
    pub fn time<'a>(
        &self,
        containers: impl IntoIterator<Item = &'a ContainerState>,
        sidecars: impl IntoIterator<Item = &'a ContainerState>,
    ) -> SimTime {
        let deleted = self.deletion.map(|(at, grace)| at - grace);
        latest_end(latest_end(None, containers), sidecars).or(self.not_ready_since).or(deleted).unwrap_or(self.created)
    }
}

/// The latest end; nothing at all if one has not ended.
fn latest_end<'a>(
    mut latest: Option<SimTime>,
    states: impl IntoIterator<Item = &'a ContainerState>,
) -> Option<SimTime> {
    for state in states {
        let end = state.terminated().filter(|end| end.finished_at != Terminated::NO_TIME)?;
        latest = latest.max(Some(end.finished_at));
    }
    latest
}
