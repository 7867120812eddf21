//! Owns the irregular timers: the near ones in a heap, the far ones in radix buckets. Must not know what entries stand
//! for.
//!
//! With few entries everything is near: the horizon is beyond all time and the heap works alone. When the heap grows
//! over its threshold, what is later than the clock moves to the far buckets (a *spill*); from then on the heap is
//! filled from the buckets, a few hundred at a time (a *refill*), and stays small enough for the fastest cache. When
//! few entries are left, they all come back. Order is decided by the heap alone, comparing whole entries, so when and
//! how often entries move cannot change it.

use super::entry::Entry;
use super::far::Far;
use super::heap::Heap;

/// Sizes at which the queue changes its behaviour; they decide speed, never order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// The heap spills beyond this many entries.
    pub(super) heap_max: usize,
    /// A refill moves at most so many entries, unless they are of one instant.
    pub(super) batch: usize,
}

impl Tuning {
    /// What `benches/calendar.rs` found fast.
    pub(super) const DEFAULT: Self = Self { heap_max: 4_096, batch: 512 };
}

/// The irregular timers.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    near: Heap,
    far: Far,
    tuning: Tuning,
    /// The heap spills beyond this many entries.
    spill_at: usize,
    /// Room for entries on their way, kept between moves.
    moving: Vec<Entry>,
}

impl Queue {
    /// No entries.
    pub(super) fn new(tuning: Tuning) -> Self {
        Self { near: Heap::new(), far: Far::new(), tuning, spill_at: tuning.heap_max, moving: Vec::new() }
    }

    /// Adds `entry`; `now` is a time key that no entry here or to come is earlier than.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry, now: u64) {
        if entry.time_key() > self.far.horizon() {
            self.far.push(entry);
        } else {
            self.near.push(entry);
            if self.near.len() > self.spill_at {
                self.spill(now);
            }
        }
    }

    /// The first entry, or [`Entry::LAST`]. Entries on their way to the heap are dropped unless `keep` says yes.
    #[inline]
    pub(super) fn first(&mut self, keep: impl FnMut(Entry) -> bool) -> Entry {
        let first = self.near.first();
        if first.is_last() && self.far.len() > 0 {
            return self.refill(keep);
        }
        first
    }

    /// Removes the first entry, which [`Queue::first`] must just have shown.
    #[inline]
    pub(super) fn remove_first(&mut self) {
        self.near.remove_first();
    }

    /// Moves what is later than `now` from the heap to the buckets.
    #[cold]
    fn spill(&mut self, now: u64) {
        self.far.retreat(now);
        let far = &mut self.far;
        self.near.retain(|entry| {
            let stays = entry.time_key() <= now;
            if !stays {
                far.push(entry);
            }
            stays
        });
        self.near.shrink();
        self.set_spill();
    }

    /// Moves the first entries from the buckets to the heap, and shows the first that is kept.
    ///
    /// To ask `keep` here is more than tidiness. Every event must be read once, and with a million pending each reading
    /// waits for main memory; readings of a whole batch wait together, and the event is at hand when it is popped.
    #[cold]
    fn refill(&mut self, mut keep: impl FnMut(Entry) -> bool) -> Entry {
        while self.near.len() == 0 && self.far.len() > 0 {
            // A quarter: a queue whose size swings by less does not change its behaviour.
            if self.far.len() <= self.tuning.heap_max / 4 {
                self.far.take_all(&mut self.moving);
            } else {
                self.far.advance(self.tuning.batch, &mut self.moving);
            }
            self.moving.retain(|&entry| keep(entry));
            self.near.extend(self.moving.drain(..));
        }
        self.set_spill();
        self.near.first()
    }

    /// A spill takes as long as the heap is big, and the refill that follows may undo it (a crowd at one instant):
    /// it waits until the heap has doubled. It may also merge buckets: it waits for a share of their entries.
    fn set_spill(&mut self) {
        self.spill_at = self.tuning.heap_max.max(2 * self.near.len()).max(self.far.len() / 16);
    }

    /// Keeps the entries that `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        self.near.retain(&mut keep);
        self.far.retain(&mut keep);
    }

    /// Applies `change`, which must change neither times nor order, to every entry.
    pub(super) fn update(&mut self, mut change: impl FnMut(Entry) -> Entry) {
        self.near.iter_mut().for_each(|entry| *entry = change(*entry));
        self.far.update(change);
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        self.near.bytes() + self.far.bytes() + self.moving.capacity() * size_of::<Entry>()
    }

    /// Whether entries are in the far buckets.
    #[cfg(test)]
    pub(super) const fn is_far(&self) -> bool {
        self.far.len() > 0
    }
}
