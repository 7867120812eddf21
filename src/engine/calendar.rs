//! Owns all pending events and the clock: the total order (time, rank, order of scheduling), cancellation, and the
//! housekeeping that keeps them cheap. Must not know what events mean, nor when a run has to end.

use super::entry::{Entry, Rank, SEQUENCE_LIMIT, time_key};
use super::lanes::{Lane, Lanes};
use super::queue::{Queue, Tuning};
use super::slab::{Slab, TimerKey};
use crate::base::{SimDuration, SimTime};

/// Pending events in the total order (time, rank, order of scheduling).
///
/// Memory: 16 bytes an event plus the event itself and 4 bytes of generation, and a few partly filled pages.
#[derive(Clone, Debug)]
pub struct Calendar<E> {
    now: SimTime,
    slab: Slab<E>,
    queue: Queue,
    lanes: Lanes,
    next_sequence: u32,
    sequence_limit: u32,
    /// Entries in `queue` and `lanes`, dead ones included.
    held: usize,
    /// Entries whose event was cancelled.
    dead: usize,
}

/// So many dead entries are never worth a compaction.
const FEW_DEAD: usize = 64;

impl<E: Copy> Calendar<E> {
    /// An empty calendar whose clock stands at `start`.
    #[must_use]
    pub fn new(start: SimTime) -> Self {
        Self::tuned(start, Tuning::DEFAULT, 0, SEQUENCE_LIMIT)
    }

    /// A calendar with other sizes, and a counter that starts at `sequence` and runs out at `sequence_limit`.
    pub(super) fn tuned(start: SimTime, tuning: Tuning, sequence: u32, sequence_limit: u32) -> Self {
        Self {
            now: start,
            slab: Slab::new(),
            queue: Queue::new(tuning),
            lanes: Lanes::new(),
            next_sequence: sequence,
            sequence_limit,
            held: 0,
            dead: 0,
        }
    }

    /// The time of the event popped last, or the start.
    #[inline]
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// Number of pending events.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.held - self.dead
    }

    /// Whether no event is pending.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of entries kept, those of cancelled events included: at most twice the pending ones, and 64.
    #[inline]
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Bytes that one more pending event takes.
    #[must_use]
    pub const fn bytes_per_event() -> usize {
        size_of::<Entry>() + Slab::<E>::bytes_per_event()
    }

    /// Bytes of memory held, apart from a fixed few kilobytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slab.bytes() + self.queue.bytes() + self.lanes.bytes()
    }

    /// The lane for events of `rank` that come `delay` after they are scheduled. Cheaper than any other way to
    /// schedule; made for the handful of constant delays of a model, as each pop from a lane looks at all lanes' heads.
    ///
    /// # Panics
    /// If `delay` is negative.
    pub fn lane(&mut self, delay: SimDuration, rank: Rank) -> Lane {
        self.lanes.lane(delay, rank)
    }

    /// Schedules `event` at `at`.
    ///
    /// # Panics
    /// If `at` is earlier than now.
    pub fn schedule(&mut self, at: SimTime, rank: Rank, event: E) -> TimerKey {
        assert!(at >= self.now, "an event is scheduled at {at:?}, but it is already {:?}", self.now);
        let (entry, key) = self.enter(at, rank, event);
        self.queue.push(entry, time_key(self.now));
        key
    }

    /// Schedules `event` on `lane`: at now plus the lane's delay.
    pub fn schedule_on(&mut self, lane: Lane, event: E) -> TimerKey {
        let (delay, rank) = self.lanes.terms(lane);
        let (entry, key) = self.enter(self.now + delay, rank, event);
        self.lanes.push(lane, entry);
        key
    }

    #[inline]
    fn enter(&mut self, at: SimTime, rank: Rank, event: E) -> (Entry, TimerKey) {
        if self.next_sequence == self.sequence_limit {
            self.renumber();
        }
        let key = self.slab.insert(event);
        let entry = Entry::new(at, rank, self.next_sequence, key.slot());
        self.next_sequence += 1;
        self.held += 1;
        (entry, key)
    }

    /// Cancels an event: false if it already fired or was cancelled.
    #[inline]
    pub fn cancel(&mut self, key: TimerKey) -> bool {
        let live = self.slab.kill(key);
        if live {
            self.dead += 1;
            self.compact_if_half_dead();
        }
        live
    }

    /// Whether the event is still to come.
    #[inline]
    #[must_use]
    pub fn is_pending(&self, key: TimerKey) -> bool {
        self.slab.holds(key)
    }

    /// The time of the next event.
    pub fn next_time(&mut self) -> Option<SimTime> {
        self.first_live().map(Entry::at)
    }

    /// The time and rank of the next event.
    pub fn next_up(&mut self) -> Option<(SimTime, Rank)> {
        self.first_live().map(|entry| (entry.at(), entry.rank()))
    }

    /// The first entry that is live.
    #[inline]
    fn first_live(&mut self) -> Option<Entry> {
        loop {
            let entry = self.first();
            if entry.is_last() {
                return None;
            }
            if self.slab.is_live(entry.slot()) {
                return Some(entry);
            }
            self.remove(entry);
        }
    }

    /// Removes the next event if it is due at this instant and `wanted`.
    #[inline]
    pub fn pop_now_if(&mut self, wanted: impl FnOnce(&E) -> bool) -> Option<E> {
        let entry = self.first_live().filter(|entry| entry.at() == self.now)?;
        let event = self.slab.get(entry.slot()).filter(|event| wanted(event))?;
        self.remove(entry);
        self.compact_if_half_dead();
        Some(event)
    }

    /// Removes the next event and moves the clock to it.
    #[inline]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.pop_until(SimTime::NEVER)
    }

    /// Removes the next event, if it is not later than `until`, and moves the clock to it.
    #[inline]
    pub fn pop_until(&mut self, until: SimTime) -> Option<(SimTime, E)> {
        loop {
            let entry = self.first();
            if entry.is_last() || entry.at() > until {
                return None;
            }
            if let Some(event) = self.remove(entry) {
                self.now = entry.at();
                self.compact_if_half_dead();
                return Some((entry.at(), event));
            }
        }
    }

    /// The first entry, live or dead, or [`Entry::LAST`].
    #[inline]
    fn first(&mut self) -> Entry {
        let Self { slab, held, dead, .. } = self;
        let irregular = self.queue.first(|entry| {
            let live = slab.is_live(entry.slot());
            if !live {
                slab.release(entry.slot());
                *held -= 1;
                *dead -= 1;
            }
            live
        });
        self.lanes.first().min(irregular)
    }

    /// Removes the first entry and frees its slot: its event, if it was live.
    #[inline(always)]
    fn remove(&mut self, first: Entry) -> Option<E> {
        if first == self.lanes.first() {
            self.lanes.remove_first();
        } else {
            self.queue.remove_first();
        }
        self.held -= 1;
        let event = self.slab.release(first.slot());
        self.dead -= usize::from(event.is_none());
        event
    }

    /// Without this, long timers that are usually cancelled pile up to many times the pending ones.
    #[inline]
    fn compact_if_half_dead(&mut self) {
        if self.dead > FEW_DEAD && self.dead > self.held - self.dead {
            self.compact();
        }
    }

    /// Drops all dead entries. As more than half are dead, this costs each cancellation a constant share.
    #[cold]
    fn compact(&mut self) {
        let slab = &mut self.slab;
        let mut keep = |entry: Entry| {
            let live = slab.is_live(entry.slot());
            if !live {
                slab.release(entry.slot());
            }
            live
        };
        self.queue.retain(&mut keep);
        self.lanes.retain(&mut keep);
        self.held -= self.dead;
        self.dead = 0;
    }

    /// Gives the pending entries the sequence numbers from zero, in their order: the next event scheduled still comes
    /// after all others of its instant and rank.
    #[cold]
    fn renumber(&mut self) {
        self.compact();
        let mut sorted = Vec::with_capacity(self.held);
        let mut collect = |entry| {
            sorted.push(entry);
            entry
        };
        self.queue.update(&mut collect);
        self.lanes.update(&mut collect);
        sorted.sort_unstable();
        let count = u32::try_from(sorted.len()).ok().filter(|&count| count < self.sequence_limit);
        self.next_sequence = count.expect("fewer pending events than sequence numbers");

        // The new numbers rise with the old ones, so every queue stays as sorted as it was.
        let mut renumber = |entry: Entry| {
            let index = sorted.binary_search(&entry).expect("every entry was collected");
            entry.with_sequence(u32::try_from(index).expect("counted above"))
        };
        self.queue.update(&mut renumber);
        self.lanes.update(&mut renumber);
    }

    /// Whether the far buckets are in use.
    #[cfg(test)]
    pub(super) const fn is_far(&self) -> bool {
        self.queue.is_far()
    }
}
