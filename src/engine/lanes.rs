//! Owns the events that come a constant delay after they are scheduled: one queue for each delay, sorted by nature.
//! Must not know the clock.

use std::collections::VecDeque;

use super::entry::{Entry, Rank};
use crate::base::SimDuration;

/// Names a lane: events of one rank that all come the same delay after they are scheduled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lane(u32);

/// One lane without its head.
#[derive(Clone, Debug)]
struct Queue {
    delay: SimDuration,
    rank: Rank,
    entries: VecDeque<Entry>,
}

/// All lanes. Of each only the head competes, and of the heads the first is remembered.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    queues: Vec<Queue>,
    /// The head of each lane, [`Entry::LAST`] if the lane is empty: together, so that finding the first reads a few
    /// cache lines.
    heads: Vec<Entry>,
    first: Entry,
    first_lane: usize,
}

impl Lanes {
    /// No lanes.
    pub(super) const fn new() -> Self {
        Self { queues: Vec::new(), heads: Vec::new(), first: Entry::LAST, first_lane: 0 }
    }

    /// The lane of `delay` and `rank`, made if there is none.
    pub(super) fn lane(&mut self, delay: SimDuration, rank: Rank) -> Lane {
        assert!(delay >= SimDuration::ZERO, "a lane leads forward, not {delay} back");
        let known = self.queues.iter().position(|queue| (queue.delay, queue.rank) == (delay, rank));
        let index = known.unwrap_or_else(|| {
            self.queues.push(Queue { delay, rank, entries: VecDeque::new() });
            self.heads.push(Entry::LAST);
            self.heads.len() - 1
        });
        Lane(u32::try_from(index).expect("a handful of lanes"))
    }

    /// The delay and rank of `lane`.
    #[inline]
    pub(super) fn terms(&self, lane: Lane) -> (SimDuration, Rank) {
        let queue = &self.queues[lane.0 as usize];
        (queue.delay, queue.rank)
    }

    /// Adds `entry`, later than all others of its lane.
    #[inline]
    pub(super) fn push(&mut self, lane: Lane, entry: Entry) {
        let index = lane.0 as usize;
        if self.heads[index].is_last() {
            self.heads[index] = entry;
            if entry < self.first {
                (self.first, self.first_lane) = (entry, index);
            }
        } else {
            let entries = &mut self.queues[index].entries;
            debug_assert!(entries.back().is_none_or(|&back| back < entry), "lanes are sorted");
            if entries.len() == entries.capacity() {
                entries.reserve_exact((entries.len() / 8).max(64));
            }
            entries.push_back(entry);
        }
    }

    /// The first entry, or [`Entry::LAST`].
    #[inline]
    pub(super) const fn first(&self) -> Entry {
        self.first
    }

    /// Removes the first entry, which there must be.
    #[inline]
    pub(super) fn remove_first(&mut self) {
        self.heads[self.first_lane] = self.queues[self.first_lane].entries.pop_front().unwrap_or(Entry::LAST);
        self.find_first();
    }

    #[inline]
    fn find_first(&mut self) {
        self.first = Entry::LAST;
        for (index, &head) in self.heads.iter().enumerate() {
            if head < self.first {
                (self.first, self.first_lane) = (head, index);
            }
        }
    }

    /// Keeps the entries that `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        for (queue, head) in self.queues.iter_mut().zip(&mut self.heads) {
            queue.entries.retain(|&entry| keep(entry));
            if !head.is_last() && !keep(*head) {
                *head = queue.entries.pop_front().unwrap_or(Entry::LAST);
            }
        }
        self.find_first();
    }

    /// Applies `change`, which must change neither times nor order, to every entry.
    pub(super) fn update(&mut self, mut change: impl FnMut(Entry) -> Entry) {
        let heads = self.heads.iter_mut().filter(|head| !head.is_last());
        let others = self.queues.iter_mut().flat_map(|queue| &mut queue.entries);
        heads.chain(others).for_each(|entry| *entry = change(*entry));
        self.find_first();
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.queues.iter().map(|queue| queue.entries.capacity() * size_of::<Entry>()).sum()
    }
}
