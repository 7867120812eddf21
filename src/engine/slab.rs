//! Owns the pending events, each in a slot with a generation. Must not know about time or order.

use std::num::NonZeroU32;

/// Names one scheduled event. It goes stale when the event fires or is cancelled; a stale key is harmless for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerKey {
    slot: u32,
    generation: NonZeroU32,
}

impl TimerKey {
    /// The slot of the event.
    #[inline]
    pub(super) const fn slot(self) -> u32 {
        self.slot
    }
}

/// An event and how often its slot has changed hands.
#[derive(Clone, Copy, Debug)]
struct Slot<E> {
    /// Odd while the event is live. Even when the slot is free, and when its event was cancelled but its entry is still
    /// in the calendar: such a slot is not given out again, as the entry could not be told from a new one's.
    generation: u32,
    event: E,
}

/// The events of all pending entries.
#[derive(Clone, Debug)]
pub(super) struct Slab<E> {
    slots: Vec<Slot<E>>,
    /// Free slots, last in first out: the slot just left is still in the cache.
    free: Vec<u32>,
}

/// A free slot that reaches this generation has no odd generation left and is given up: 8 to 24 bytes after 2^31
/// events, and no stale key can ever meet a later event.
const WORN_OUT: u32 = u32::MAX - 1;

impl<E: Copy> Slab<E> {
    /// No events.
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Keeps `event`.
    #[inline]
    pub(super) fn insert(&mut self, event: E) -> TimerKey {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            let generation = place.generation | 1;
            *place = Slot { generation, event };
            return TimerKey { slot, generation: NonZeroU32::MIN | generation };
        }
        self.insert_at_end(event)
    }

    #[cold]
    fn insert_at_end(&mut self, event: E) -> TimerKey {
        let slot = u32::try_from(self.slots.len()).ok().filter(|&slot| slot < u32::MAX);
        let slot = slot.expect("fewer than 2^32 - 1 pending events");
        reserve_modestly(&mut self.slots);
        self.slots.push(Slot { generation: 1, event });
        TimerKey { slot, generation: NonZeroU32::MIN }
    }

    /// Frees `slot`, whose entry has left the calendar: whether its event was live. Until the next insertion the event
    /// can still be read.
    #[inline]
    pub(super) fn release(&mut self, slot: u32) -> bool {
        let place = &mut self.slots[slot as usize];
        let live = place.generation & 1;
        place.generation += live;
        if place.generation < WORN_OUT {
            self.free.push(slot);
        }
        live == 1
    }

    /// The event in `slot`.
    #[inline]
    pub(super) fn event(&self, slot: u32) -> E {
        self.slots[slot as usize].event
    }

    /// Makes the event of `key` dead, its slot still held by the entry in the calendar: false if the key is stale.
    #[inline]
    pub(super) fn kill(&mut self, key: TimerKey) -> bool {
        let live = self.holds(key);
        if live {
            self.slots[key.slot as usize].generation += 1;
        }
        live
    }

    /// Whether the event of `key` is live.
    #[inline]
    pub(super) fn holds(&self, key: TimerKey) -> bool {
        self.slots.get(key.slot as usize).is_some_and(|place| place.generation == key.generation.get())
    }

    /// Whether the event in `slot`, which an entry holds, is live.
    #[inline]
    pub(super) fn is_live(&self, slot: u32) -> bool {
        self.slots[slot as usize].generation & 1 == 1
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<E>>() + self.free.capacity() * size_of::<u32>()
    }
}

/// Makes room for one more, an eighth at a time: doubling would leave a million pending timers with a million spare
/// places.
pub(super) fn reserve_modestly<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 8).max(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_is_harmless() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        assert!(slab.release(first.slot()));
        assert_eq!(slab.event(first.slot()), 'a');
        assert!(!slab.kill(first));
        let second = slab.insert('b');
        assert_eq!(first.slot(), second.slot(), "the slot is used again");
        assert!(!slab.kill(first) && slab.holds(second));
        assert!(slab.kill(second) && !slab.kill(second));
        let third = slab.insert('c');
        assert_ne!(third.slot(), second.slot(), "a dead slot waits for its entry");
        assert!(!slab.release(second.slot()));
        assert_eq!(slab.insert('d').slot(), second.slot());
        assert_eq!(size_of::<Option<TimerKey>>(), 8);
    }

    #[test]
    fn a_worn_out_slot_is_given_up() {
        let mut slab = Slab::new();
        let old = slab.insert('a');
        slab.slots[0].generation = WORN_OUT - 1;
        assert!(slab.release(0));
        let next = slab.insert('b');
        assert_eq!(next.slot(), 1);
        assert!(!slab.holds(old));
    }
}
