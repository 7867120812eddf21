//! Owns the pending events, each in a slot with a generation. Must not know about time or order.

use std::num::NonZeroU32;

use crate::base::IdPages;

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
    content: Content<E>,
}

/// Free slots are chained through themselves: a list of their own would grow as long as the slab. If the event is an
/// enum, the choice costs no space.
#[derive(Clone, Copy, Debug)]
enum Content<E> {
    Event(E),
    /// The next free slot, or [`NONE`].
    Free(u32),
}

/// No slot.
const NONE: u32 = u32::MAX;

/// The events of all pending entries.
#[derive(Clone, Debug)]
pub(super) struct Slab<E> {
    slots: IdPages<u32, Slot<E>>,
    /// The first free slot. Last in first out: the slot just left is still in the cache.
    free: u32,
}

/// A free slot that reaches this generation has no odd generation left and is given up: 8 to 24 bytes after 2^31
/// events, and no stale key can ever meet a later event.
const WORN_OUT: u32 = u32::MAX - 1;

impl<E: Copy> Slab<E> {
    /// No events.
    pub(super) const fn new() -> Self {
        Self { slots: IdPages::new(), free: NONE }
    }

    /// Keeps `event`.
    #[inline]
    pub(super) fn insert(&mut self, event: E) -> TimerKey {
        let slot = self.free;
        if slot == NONE {
            return self.insert_at_end(event);
        }
        let place = &mut self.slots[slot];
        let Content::Free(next) = place.content else { unreachable!("free slots hold no event") };
        let generation = place.generation | 1;
        *place = Slot { generation, content: Content::Event(event) };
        self.free = next;
        TimerKey { slot, generation: NonZeroU32::MIN | generation }
    }

    #[cold]
    fn insert_at_end(&mut self, event: E) -> TimerKey {
        let slot = self.slots.push(Slot { generation: 1, content: Content::Event(event) });
        assert!(slot < NONE, "fewer than 2^32 - 1 pending events");
        TimerKey { slot, generation: NonZeroU32::MIN }
    }

    /// Frees `slot`, whose entry has left the calendar: its event, if it was live.
    #[inline]
    pub(super) fn release(&mut self, slot: u32) -> Option<E> {
        let place = &mut self.slots[slot];
        let Content::Event(event) = place.content else { unreachable!("an entry left a slot that is free") };
        let live = place.generation & 1;
        place.generation += live;
        if place.generation < WORN_OUT {
            place.content = Content::Free(self.free);
            self.free = slot;
        }
        (live == 1).then_some(event)
    }

    /// The live event in `slot`, which an entry holds.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<E> {
        match self.slots[slot].content {
            Content::Event(event) if self.is_live(slot) => Some(event),
            _ => None,
        }
    }

    /// Makes the event of `key` dead, its slot still held by the entry in the calendar: false if the key is stale.
    #[inline]
    pub(super) fn kill(&mut self, key: TimerKey) -> bool {
        let live = self.holds(key);
        if live {
            self.slots[key.slot].generation += 1;
        }
        live
    }

    /// Whether the event of `key` is live.
    #[inline]
    pub(super) fn holds(&self, key: TimerKey) -> bool {
        self.slots.get(key.slot).is_some_and(|place| place.generation == key.generation.get())
    }

    /// Whether the event in `slot`, which an entry holds, is live.
    #[inline]
    pub(super) fn is_live(&self, slot: u32) -> bool {
        self.slots[slot].generation & 1 == 1
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        self.slots.bytes()
    }

    /// Bytes of one slot.
    pub(super) const fn bytes_per_event() -> usize {
        size_of::<Slot<E>>()
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
        assert_eq!(slab.release(first.slot()), Some('a'));
        assert!(!slab.kill(first));
        let second = slab.insert('b');
        assert_eq!(first.slot(), second.slot(), "the slot is used again");
        assert!(!slab.kill(first) && slab.holds(second));
        assert!(slab.kill(second) && !slab.kill(second));
        let third = slab.insert('c');
        assert_ne!(third.slot(), second.slot(), "a dead slot waits for its entry");
        assert_eq!(slab.release(second.slot()), None);
        assert_eq!(slab.insert('d').slot(), second.slot());
        assert_eq!(size_of::<Option<TimerKey>>(), 8);
    }

    #[test]
    fn a_worn_out_slot_is_given_up() {
        let mut slab = Slab::new();
        let old = slab.insert('a');
        slab.slots[0].generation = WORN_OUT - 1;
        assert_eq!(slab.release(0), Some('a'));
        let next = slab.insert('b');
        assert_eq!(next.slot(), 1);
        assert!(!slab.holds(old));
    }
}
