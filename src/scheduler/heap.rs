//! Heaps of waiting pods whose members leave while they wait. Whoever leaves stays in the heap until its turn comes, and is told
//! from those who are there by a ticket, so that a heap is one run of memory however many pods wait. Knows neither pods nor time.

use std::collections::BinaryHeap;

/// Who is there: the slot of an entry, and the ticket that it has now.
pub(super) trait Tickets {
    /// Whether the entry in `slot` still has this ticket.
    fn holds(&self, slot: u32, ticket: u64) -> bool;
}

/// A heap of slots, the greatest key first.
#[derive(Clone, Debug)]
pub(super) struct Heap<K> {
    keys: BinaryHeap<(K, u64, u32)>,
    /// How many of them are there.
    live: usize,
}

impl<K: Ord + Copy> Heap<K> {
    pub(super) fn new() -> Self {
        Self { keys: BinaryHeap::new(), live: 0 }
    }

    /// How many are there.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Whether nobody is there.
    pub(super) const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Somebody comes. The ticket must be new.
    pub(super) fn push(&mut self, key: K, ticket: u64, slot: u32) {
        self.keys.push((key, ticket, slot));
        self.live += 1;
    }

    /// Somebody left, whose ticket does not hold any more. Those who left never outnumber those who are there by more than 64.
    pub(super) fn leave(&mut self, tickets: &impl Tickets) {
        self.live -= 1;
        if self.keys.len() > 2 * self.live + 64 {
            self.keys.retain(|&(_, ticket, slot)| tickets.holds(slot, ticket));
        }
        self.clear_top(tickets);
    }

    /// The greatest key, and the slot that has it.
    pub(super) fn peek(&self) -> Option<(K, u32)> {
        self.keys.peek().map(|&(key, _, slot)| (key, slot))
    }

    /// Takes the slot with the greatest key out.
    pub(super) fn pop(&mut self, tickets: &impl Tickets) -> Option<u32> {
        let (_, _, slot) = self.keys.pop()?;
        self.live -= 1;
        self.clear_top(tickets);
        Some(slot)
    }

    /// Drops those who left and would be next.
    fn clear_top(&mut self, tickets: &impl Tickets) {
        while self.keys.peek().is_some_and(|&(_, ticket, slot)| !tickets.holds(slot, ticket)) {
            self.keys.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Tickets for Vec<u64> {
        fn holds(&self, slot: u32, ticket: u64) -> bool {
            self[slot as usize] == ticket
        }
    }

    #[test]
    fn those_who_left_are_never_seen_and_never_many() {
        let (mut heap, mut tickets) = (Heap::new(), vec![0_u64; 1000]);
        for slot in 0..1000_u32 {
            let ticket = u64::from(slot) + 1;
            tickets[slot as usize] = ticket;
            heap.push(slot * 7919 % 1000, ticket, slot);
        }
        // All but every tenth leave; one of them comes back with a lesser key.
        for slot in (0..1000).filter(|slot| slot % 10 != 0) {
            tickets[slot] = 0;
            heap.leave(&tickets);
            assert!(heap.keys.len() <= 2 * heap.len() + 64);
        }
        tickets[5] = 2000;
        heap.push(0, 2000, 5);
        let mut popped = Vec::new();
        while let Some(slot) = heap.pop(&tickets) {
            tickets[slot as usize] = 0;
            popped.push(slot);
        }
        let mut wanted: Vec<u32> = (0..1000).step_by(10).collect();
        wanted.sort_by_key(|slot| std::cmp::Reverse(slot * 7919 % 1000));
        wanted.push(5);
        // Slot 0 has key 0, too, but an older ticket.
        let last = wanted.len() - 2;
        wanted.swap(last, last + 1);
        assert_eq!((popped, heap.is_empty()), (wanted, true));
    }
}
