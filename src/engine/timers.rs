//! Owns the port through which components arm timers without knowing the other events of the simulation.

use super::entry::Rank;
use super::kernel::Kernel;
use super::slab::TimerKey;
use crate::base::{SimDuration, SimTime};

/// An event that knows its rank among the events of one instant.
pub trait Ranked {
    /// The rank: at one instant lower ranks are handled first.
    fn rank(&self) -> Rank;
}

/// Arms timers of one component, whose events are `T`.
pub trait Timers<T> {
    /// The simulated time.
    fn now(&self) -> SimTime;
    /// Delivers `what` at `at`, which is not before now.
    fn at(&mut self, at: SimTime, what: T) -> TimerKey;
    /// Takes a timer back; whether it was still pending.
    fn disarm(&mut self, key: TimerKey) -> bool;
    /// Delivers `what` after `delay`.
    fn after(&mut self, delay: SimDuration, what: T) -> TimerKey {
        self.at(self.now() + delay, what)
    }
    /// Delivers `what` after `delay`, which is one of a few that are the same all through the run: such timers are sorted
    /// by nature and cost less.
    #[inline]
    fn after_constant(&mut self, delay: SimDuration, what: T) -> TimerKey {
        self.after(delay, what)
    }
}

impl<E: Copy + From<T> + Ranked, T> Timers<T> for Kernel<E> {
    fn now(&self) -> SimTime {
        Self::now(self)
    }

    #[inline]
    fn at(&mut self, at: SimTime, what: T) -> TimerKey {
        let event = E::from(what);
        self.schedule_at(at, event.rank(), event)
    }

    #[inline]
    fn disarm(&mut self, key: TimerKey) -> bool {
        self.cancel(key)
    }

    #[inline]
    fn after_constant(&mut self, delay: SimDuration, what: T) -> TimerKey {
        let event = E::from(what);
        let lane = self.lane(delay, event.rank());
        self.schedule_on(lane, event)
    }
}
