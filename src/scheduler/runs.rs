//! A queue by key of pods that leave while they wait, as a few runs that are sorted by nature: pods come mostly in the order
//! in which they will go, so a push is an append and a pop the head of a run, however many wait. Which run is next, the heads
//! say that compete in a small `PriorityQueue`. Whoever leaves stays where it is until its turn comes, and is told from those
//! who are there by a ticket. Knows pods by their names alone.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::hash::BuildHasherDefault;

use priority_queue::PriorityQueue;
use rustc_hash::FxHasher;

use crate::base::SimTime;
use crate::model::PodId;

/// Higher priority first, then who came earlier.
pub(super) type ActiveKey = (Reverse<i32>, SimTime, u64);
/// Earlier expiry first.
pub(super) type BackoffKey = (SimTime, ActiveKey);

/// Who is there: the slot of an entry, and the ticket that it has now.
pub(super) trait Tickets {
    /// Whether the entry in `slot` still has this ticket.
    fn holds(&self, slot: u32, ticket: u32) -> bool;
}

#[derive(Clone, Copy, Debug)]
struct Member<K> {
    key: K,
    ticket: u32,
    slot: u32,
    /// So that all that is known of a pod can be looked up at once.
    pod: PodId,
}

/// A queue of slots, the least key first. Keys are unique.
#[derive(Clone, Debug)]
pub(super) struct Runs<K: Ord> {
    /// None is empty but those in `free`.
    runs: Vec<VecDeque<Member<K>>>,
    free: Vec<u32>,
    /// The runs by their last keys, the greatest first.
    by_last: Vec<(K, u32)>,
    /// The runs by their first keys, the least first.
    heads: PriorityQueue<u32, Reverse<K>, BuildHasherDefault<FxHasher>>,
    /// How many are in the runs, and how many of them are there.
    held: usize,
    live: usize,
}

impl<K: Ord + Copy> Runs<K> {
    pub(super) fn new() -> Self {
        Self {
            runs: Vec::new(),
            free: Vec::new(),
            by_last: Vec::new(),
            heads: PriorityQueue::with_default_hasher(),
            held: 0,
            live: 0,
        }
    }

    /// How many are there.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Whether nobody is there.
    pub(super) const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Somebody comes. The slot must not have had the ticket before.
    pub(super) fn push(&mut self, key: K, ticket: u32, slot: u32, pod: PodId) {
        self.append(Member { key, ticket, slot, pod });
        self.live += 1;
    }

    /// Appends to the run whose last key is the greatest below, so that there are as few runs as can be.
    fn append(&mut self, member: Member<K>) {
        self.held += 1;
        let at = self.by_last.partition_point(|&(last, _)| last > member.key);
        if let Some((last, run)) = self.by_last.get_mut(at) {
            *last = member.key;
            self.runs[*run as usize].push_back(member);
            return;
        }
        let run = self.free.pop().unwrap_or_else(|| {
            self.runs.push(VecDeque::new());
            u32::try_from(self.runs.len() - 1).expect("pod ids are 32 bits wide")
        });
        self.by_last.push((member.key, run));
        self.heads.push(run, Reverse(member.key));
        self.runs[run as usize].push_back(member);
    }

    /// Somebody left, whose ticket does not hold any more. Those who left never outnumber those who are there by more than 64.
    pub(super) fn leave(&mut self, tickets: &impl Tickets) {
        self.live -= 1;
        if self.held > 2 * self.live + 64 {
            let runs = std::mem::replace(self, Self { live: self.live, ..Self::new() }).runs;
            let is_there = |member: &Member<K>| tickets.holds(member.slot, member.ticket);
            runs.into_iter().flatten().filter(is_there).for_each(|member| self.append(member));
        }
        self.clear_top(tickets);
    }

    /// The least key, and whose it is.
    pub(super) fn peek(&self) -> Option<(K, (u32, PodId))> {
        let (&run, &Reverse(key)) = self.heads.peek()?;
        let member = self.runs[run as usize].front().expect("runs with heads have members");
        Some((key, (member.slot, member.pod)))
    }

    /// Takes the slot and the pod with the least key out.
    pub(super) fn pop(&mut self, tickets: &impl Tickets) -> Option<(u32, PodId)> {
        let popped = self.drop_top()?;
        self.live -= 1;
        self.clear_top(tickets);
        Some(popped)
    }

    fn drop_top(&mut self) -> Option<(u32, PodId)> {
        let (&run, _) = self.heads.peek()?;
        let members = &mut self.runs[run as usize];
        let Member { key, slot, pod, .. } = members.pop_front().expect("runs with heads have members");
        self.held -= 1;
        match members.front() {
            Some(next) => _ = self.heads.change_priority(&run, Reverse(next.key)),
            None => {
                self.heads.pop();
                // A key may stand there twice, if whoever left came back with it.
                let mut at = self.by_last.partition_point(|&(last, _)| last > key);
                while self.by_last[at].1 != run {
                    at += 1;
                }
                self.by_last.remove(at);
                self.free.push(run);
            }
        }
        Some((slot, pod))
    }

    /// Drops those who left and would be next.
    fn clear_top(&mut self, tickets: &impl Tickets) {
        while self.held > self.live
            && let Some((&run, _)) = self.heads.peek()
            && let Some(member) = self.runs[run as usize].front()
            && !tickets.holds(member.slot, member.ticket)
        {
            self.drop_top();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl Tickets for Vec<u32> {
        fn holds(&self, slot: u32, ticket: u32) -> bool {
            self[slot as usize] == ticket
        }
    }

    proptest! {
        /// Against a sorted map, with keys that mostly rise.
        #[test]
        fn the_least_comes_first_and_those_who_left_are_never_many(
            steps in prop::collection::vec((0_u8..6, 0_u64..40, any::<prop::sample::Index>()), 1..600),
        ) {
            let (mut runs, mut tickets, mut there) = (Runs::new(), Vec::new(), BTreeMap::new());
            for (number, (what, off, who)) in (0_u32..).zip(steps) {
                match what {
                    0..3 => {
                        let key = (u64::from(10 * number).saturating_sub(off * off), number);
                        let slot = u32::try_from(tickets.len()).expect("few");
                        tickets.push(number + 1);
                        let pod = PodId::from_raw(slot);
                        runs.push(key, number + 1, slot, pod);
                        there.insert(key, (slot, pod));
                    }
                    3 if !there.is_empty() => {
                        let (&key, &(slot, _)) = there.iter().nth(who.index(there.len())).expect("it is there");
                        there.remove(&key);
                        tickets[slot as usize] = 0;
                        runs.leave(&tickets);
                    }
                    _ => {
                        let least = there.pop_first();
                        prop_assert_eq!(runs.peek(), least);
                        if let Some((_, (slot, _))) = least {
                            // The ticket of whoever is popped holds no more.
                            tickets[slot as usize] = 0;
                        }
                        prop_assert_eq!(runs.pop(&tickets), least.map(|(_, who)| who));
                    }
                }
                prop_assert_eq!((runs.len(), runs.is_empty()), (there.len(), there.is_empty()));
                prop_assert!(runs.held <= 2 * runs.live + 64);
                prop_assert_eq!(runs.by_last.len(), runs.heads.len());
            }
        }
    }

    #[test]
    fn what_comes_in_order_is_one_run() {
        let (mut runs, tickets) = (Runs::new(), vec![1_u32; 100]);
        for slot in 0..100 {
            runs.push(slot, 1, slot, PodId::from_raw(slot));
        }
        let who = |slot| (slot, PodId::from_raw(slot));
        assert_eq!((runs.runs.len(), runs.pop(&tickets), runs.peek()), (1, Some(who(0)), Some((1, who(1)))));
    }
}
