//! Owns the run of a simulation: the calendar with its clock, the count of events, and the limits that end a run
//! which would not end by itself. Must not know what events mean.

use super::calendar::Calendar;
use super::entry::Rank;
use super::lanes::Lane;
use super::slab::TimerKey;
use crate::base::{SimDuration, SimTime};

/// Bounds of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Events of the whole run.
    pub events: u64,
    /// Events of one instant: more means that handlers wake each other without time going on.
    pub events_at_instant: u64,
}

impl Default for Limits {
    /// No bound on the run. At one instant ten million events, ten times what a million pods that wake at once need.
    fn default() -> Self {
        Self { events: u64::MAX, events_at_instant: 10_000_000 }
    }
}

/// Why a run was ended before it was done. The next event is still pending: with larger limits the run can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LimitReached {
    /// [`Limits::events`] were handled.
    #[error("the limit of {events} events is reached at {}", .at.rfc3339_millis())]
    Events {
        /// The simulated time.
        at: SimTime,
        /// Events handled in the run.
        events: u64,
    },
    /// [`Limits::events_at_instant`] were handled without the clock going on.
    #[error("{events} events at one instant, {}: the simulation does not get on", .at.rfc3339_millis())]
    Livelock {
        /// The instant.
        at: SimTime,
        /// Events handled at this instant.
        events: u64,
    },
}

/// The loop of a simulation: `pop`, handle, schedule.
///
/// ```
/// use podsim::base::{SimDuration, SimTime};
/// use podsim::engine::{Kernel, Limits, Rank};
///
/// let mut kernel = Kernel::new(SimTime(0), Limits::default());
/// let ticks = kernel.lane(SimDuration::from_secs(10), Rank::new(0));
/// kernel.schedule_on(ticks, "tick");
/// let alarm = kernel.schedule_in(SimDuration::from_secs(25), Rank::new(1), "alarm");
/// let mut ticked = 0;
/// while let Some((_, event)) = kernel.pop()? {
///     if event == "tick" && ticked < 4 {
///         ticked += 1;
///         kernel.schedule_on(ticks, "tick");
///     }
/// }
/// assert_eq!((kernel.now(), kernel.events()), (SimTime::default() + SimDuration::from_secs(50), 6));
/// assert!(!kernel.cancel(alarm), "it has fired");
/// # Ok::<(), podsim::engine::LimitReached>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kernel<E> {
    calendar: Calendar<E>,
    limits: Limits,
    events: u64,
    events_at_instant: u64,
}

impl<E: Copy> Kernel<E> {
    /// A kernel with nothing to do, whose clock stands at `start`.
    #[must_use]
    pub fn new(start: SimTime, limits: Limits) -> Self {
        Self { calendar: Calendar::new(start), limits, events: 0, events_at_instant: 0 }
    }

    /// The simulated time: that of the event popped last, or the start.
    #[inline]
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.calendar.now()
    }

    /// Number of events popped.
    #[inline]
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Number of events to come.
    #[inline]
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.calendar.len()
    }

    /// The pending events.
    #[must_use]
    pub const fn calendar(&self) -> &Calendar<E> {
        &self.calendar
    }

    /// The limits of the run.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Sets other limits, for example to go on after [`LimitReached`].
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The lane for events of `rank` that come `delay` after they are scheduled; see [`Calendar::lane`].
    ///
    /// # Panics
    /// If `delay` is negative.
    pub fn lane(&mut self, delay: SimDuration, rank: Rank) -> Lane {
        self.calendar.lane(delay, rank)
    }

    /// Schedules `event` at `at`, after all events already scheduled for that instant and rank.
    ///
    /// # Panics
    /// If `at` is earlier than now.
    #[inline]
    pub fn schedule_at(&mut self, at: SimTime, rank: Rank, event: E) -> TimerKey {
        self.calendar.schedule(at, rank, event)
    }

    /// Schedules `event` `delay` from now.
    ///
    /// # Panics
    /// If `delay` is negative.
    #[inline]
    pub fn schedule_in(&mut self, delay: SimDuration, rank: Rank, event: E) -> TimerKey {
        self.calendar.schedule(self.now() + delay, rank, event)
    }

    /// Schedules `event` on `lane`, the lane's delay from now.
    #[inline]
    pub fn schedule_on(&mut self, lane: Lane, event: E) -> TimerKey {
        self.calendar.schedule_on(lane, event)
    }

    /// Cancels an event: false if it already fired or was cancelled.
    #[inline]
    pub fn cancel(&mut self, key: TimerKey) -> bool {
        self.calendar.cancel(key)
    }

    /// Whether the event is still to come.
    #[inline]
    #[must_use]
    pub fn is_pending(&self, key: TimerKey) -> bool {
        self.calendar.is_pending(key)
    }

    /// The time of the next event. (It may tidy up, hence `mut`; nothing that can be seen changes.)
    pub fn next_time(&mut self) -> Option<SimTime> {
        self.calendar.next_time()
    }

    /// The time and rank of the next event.
    pub fn next_up(&mut self) -> Option<(SimTime, Rank)> {
        self.calendar.next_up()
    }

    /// Takes the next event if it is due at this very instant, `wanted`, and no limit forbids it.
    #[inline]
    pub fn pop_now_if(&mut self, wanted: impl FnOnce(&E) -> bool) -> Option<E> {
        if self.events >= self.limits.events || self.events_at_instant >= self.limits.events_at_instant {
            return None;
        }
        let popped = self.calendar.pop_now_if(wanted)?;
        self.events += 1;
        self.events_at_instant += 1;
        Some(popped)
    }

    /// Takes the next event and moves the clock to it; nothing when no event is pending.
    ///
    /// # Errors
    /// If there is a next event but a limit forbids it.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<(SimTime, E)>, LimitReached> {
        self.pop_until(SimTime::NEVER)
    }

    /// Takes the next event, if it is not later than `until`, and moves the clock to it.
    ///
    /// # Errors
    /// If there is such an event but a limit forbids it.
    #[inline]
    pub fn pop_until(&mut self, until: SimTime) -> Result<Option<(SimTime, E)>, LimitReached> {
        if self.events >= self.limits.events || self.events_at_instant >= self.limits.events_at_instant {
            self.check_limits(until)?;
        }
        let before = self.now();
        let popped = self.calendar.pop_until(until);
        if popped.is_some() {
            self.events += 1;
            self.events_at_instant = if self.now() == before { self.events_at_instant + 1 } else { 1 };
        }
        Ok(popped)
    }

    /// What the limits say about the next event.
    #[cold]
    fn check_limits(&mut self, until: SimTime) -> Result<(), LimitReached> {
        let at = self.now();
        match self.next_time() {
            Some(next) if next <= until => {
                if self.events >= self.limits.events {
                    return Err(LimitReached::Events { at, events: self.events });
                }
                if next == at && self.events_at_instant >= self.limits.events_at_instant {
                    return Err(LimitReached::Livelock { at, events: self.events_at_instant });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANK: Rank = Rank::new(0);

    fn kernel(limits: Limits) -> Kernel<u32> {
        Kernel::new(SimTime(1_000), limits)
    }

    #[test]
    fn events_that_wake_each_other_at_one_instant_are_stopped() {
        let mut kernel = kernel(Limits { events_at_instant: 5, ..Limits::default() });
        let now = kernel.lane(SimDuration::ZERO, RANK);
        // Two instants with as many events as are allowed are no livelock.
        for at in [1_000, 1_007] {
            for i in 0..5 {
                kernel.schedule_at(SimTime(at), RANK, i);
            }
        }
        (0..10).for_each(|_| assert!(kernel.pop().unwrap().is_some()));
        assert_eq!(kernel.pop(), Ok(None));
        kernel.schedule_at(SimTime(1_008), RANK, 0);
        let mut handled = 0;
        let stopped = loop {
            match kernel.pop() {
                Ok(_) => kernel.schedule_on(now, 0),
                Err(reason) => break reason,
            };
            handled += 1;
        };
        assert_eq!((stopped, handled), (LimitReached::Livelock { at: SimTime(1_008), events: 5 }, 5));
        assert_eq!(
            stopped.to_string(),
            "5 events at one instant, 1970-01-01T00:00:00.000Z: the simulation does not get on"
        );
        assert_eq!((kernel.pop(), kernel.pending()), (Err(stopped), 1), "it stays stopped, and loses nothing");
        kernel.set_limits(Limits::default());
        assert_eq!(kernel.pop(), Ok(Some((SimTime(1_008), 0))));
    }

    #[test]
    fn the_budget_ends_a_run_but_not_one_that_is_done() {
        let mut kernel = kernel(Limits { events: 2, ..Limits::default() });
        for at in [2_000, 3_000] {
            kernel.schedule_at(SimTime(at), RANK, 0);
        }
        assert!(kernel.pop().unwrap().is_some() && kernel.pop().unwrap().is_some());
        assert_eq!(kernel.pop(), Ok(None));
        kernel.schedule_at(SimTime(4_000), RANK, 0);
        assert_eq!(kernel.pop_until(SimTime(3_999)), Ok(None));
        assert_eq!(kernel.pop(), Err(LimitReached::Events { at: SimTime(3_000), events: 2 }));
    }

    #[test]
    fn what_is_due_now_is_taken_if_it_is_wanted() {
        let mut kernel = kernel(Limits { events: 4, ..Limits::default() });
        for (at, event) in [(2_000, 1), (2_000, 2), (2_000, 7), (2_001, 3)] {
            kernel.schedule_at(SimTime(at), RANK, event);
        }
        let dead = kernel.schedule_at(SimTime(2_000), RANK, 4);
        kernel.schedule_at(SimTime(2_000), RANK, 5);
        assert_eq!((kernel.pop(), kernel.next_up()), (Ok(Some((SimTime(2_000), 1))), Some((SimTime(2_000), RANK))));
        assert_eq!(kernel.pop_now_if(|event| *event < 7), Some(2));
        assert_eq!(kernel.pop_now_if(|event| *event < 7), None, "the next one is another");
        assert_eq!(kernel.pop(), Ok(Some((SimTime(2_000), 7))));
        kernel.cancel(dead);
        assert_eq!((kernel.pop_now_if(|_| true), kernel.events()), (Some(5), 4), "what was cancelled is passed over");
        kernel.set_limits(Limits::default());
        assert_eq!(kernel.pop_now_if(|_| true), None, "the next one comes later");
        kernel.set_limits(Limits { events: 4, ..Limits::default() });
        kernel.schedule_at(SimTime(2_000), RANK, 6);
        assert_eq!(kernel.pop_now_if(|_| true), None, "the limit is reached");
    }

    #[test]
    fn the_clock_stands_at_the_last_event() {
        let mut kernel = kernel(Limits::default());
        let key = kernel.schedule_in(SimDuration(5), RANK, 1);
        kernel.schedule_in(SimDuration(7), RANK, 2);
        assert_eq!(kernel.next_time(), Some(SimTime(1_005)));
        assert!(kernel.cancel(key) && !kernel.is_pending(key));
        assert_eq!((kernel.next_time(), kernel.now()), (Some(SimTime(1_007)), SimTime(1_000)));
        assert_eq!(kernel.pop_until(SimTime(1_006)), Ok(None));
        assert_eq!(kernel.pop_until(SimTime(1_007)), Ok(Some((SimTime(1_007), 2))));
        assert_eq!((kernel.next_time(), kernel.now(), kernel.events()), (None, SimTime(1_007), 1));
    }

    #[test]
    #[should_panic(expected = "already")]
    fn nothing_is_scheduled_in_the_past() {
        kernel(Limits::default()).schedule_in(SimDuration(-1), RANK, 0);
    }
}
