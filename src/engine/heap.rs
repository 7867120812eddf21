//! Owns a 4-ary implicit heap of entries whose removed top leaves a hole that the next push fills. Must not know what
//! entries stand for.

use std::hint::select_unpredictable;

use super::entry::Entry;
use super::slab::reserve_modestly;

/// Four siblings in one cache line; vacant places hold [`Entry::LAST`].
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Siblings([Entry; 4]);

impl Siblings {
    const VACANT: Self = Self([Entry::LAST; 4]);

    /// The first of the four and its place.
    #[inline]
    fn first(&self) -> (usize, Entry) {
        let [a, b, c, d] = self.0;
        let (left, right) = (usize::from(b < a), 2 + usize::from(d < c));
        let (left_entry, right_entry) = (a.min(b), c.min(d));
        // A branch would be mispredicted every other time.
        select_unpredictable(right_entry < left_entry, (right, right_entry), (left, left_entry))
    }
}

/// A place is numbered `4 * line + position`. The root stands in the last position of line 0, so that the children of
/// place `p` are exactly line `p - 2`, and the parent of `p` is place `p / 4 + 2`.
const ROOT: usize = 3;

/// A heap of entries.
#[derive(Clone, Debug)]
pub(super) struct Heap {
    lines: Vec<Siblings>,
    /// One more than the last place in use.
    end: usize,
    /// Whether the root was taken and not yet replaced. A simulator's usual step is "pop, then schedule": filling the
    /// hole with what is scheduled costs one descent where removal and insertion would cost two.
    hole: bool,
}

impl Heap {
    /// No entries.
    pub(super) fn new() -> Self {
        Self { lines: vec![Siblings::VACANT; 2], end: ROOT, hole: false }
    }

    /// Number of entries.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.end - ROOT - self.hole as usize
    }

    /// Adds `entry`.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        if self.hole {
            self.hole = false;
            self.descend(ROOT, entry);
        } else {
            self.append(entry);
            self.ascend(self.end - 1, entry);
        }
    }

    /// The first entry, or [`Entry::LAST`]. A hole is left open: if the next event comes from elsewhere, what that one
    /// schedules can still fill it.
    #[inline]
    pub(super) fn first(&self) -> Entry {
        if self.hole { self.lines[1].first().1 } else { self.lines[0].0[ROOT] }
    }

    /// Removes the first entry, which there must be.
    #[inline]
    pub(super) fn remove_first(&mut self) {
        self.close();
        debug_assert!(self.end > ROOT);
        self.hole = true;
    }

    /// Fills the hole, if there is one, with the last entry.
    #[inline(always)]
    fn close(&mut self) {
        if self.hole {
            self.hole = false;
            self.end -= 1;
            let last = self.end;
            let place = &mut self.lines[last / 4].0[last % 4];
            let entry = std::mem::replace(place, Entry::LAST);
            if last > ROOT {
                self.descend(ROOT, entry);
            }
        }
    }

    /// Puts `entry` in `place` or below it, whichever keeps the heap.
    #[inline]
    fn descend(&mut self, mut place: usize, entry: Entry) {
        while let Some(children) = self.lines.get(place - 2) {
            let (position, first) = children.first();
            if entry <= first {
                break;
            }
            self.lines[place / 4].0[place % 4] = first;
            place = (place - 2) * 4 + position;
        }
        self.lines[place / 4].0[place % 4] = entry;
    }

    /// Puts `entry` in `place` or above it, whichever keeps the heap.
    #[inline]
    fn ascend(&mut self, mut place: usize, entry: Entry) {
        while place > ROOT {
            let parent = place / 4 + 2;
            let above = self.lines[parent / 4].0[parent % 4];
            if above <= entry {
                break;
            }
            self.lines[place / 4].0[place % 4] = above;
            place = parent;
        }
        self.lines[place / 4].0[place % 4] = entry;
    }

    /// Puts `entry` in the place after the last, heap or not.
    #[inline]
    fn append(&mut self, entry: Entry) {
        let place = self.end;
        self.end += 1;
        if place / 4 == self.lines.len() {
            reserve_modestly(&mut self.lines);
            self.lines.push(Siblings::VACANT);
        }
        self.lines[place / 4].0[place % 4] = entry;
    }

    /// Keeps the entries that `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        self.close();
        let end = std::mem::replace(&mut self.end, ROOT);
        for place in ROOT..end {
            let entry = std::mem::replace(&mut self.lines[place / 4].0[place % 4], Entry::LAST);
            if keep(entry) {
                // Never ahead of the place being read.
                self.append(entry);
            }
        }
        self.restore();
    }

    /// Gives back the memory of places that are not in use.
    pub(super) fn shrink(&mut self) {
        self.close();
        self.lines.truncate(self.end.div_ceil(4).max(2));
        self.lines.shrink_to_fit();
    }

    /// Adds many entries at once.
    pub(super) fn extend(&mut self, entries: impl Iterator<Item = Entry>) {
        self.close();
        for entry in entries {
            self.append(entry);
        }
        self.restore();
    }

    /// Makes a heap of places in any order, from the last parent up to the root.
    fn restore(&mut self) {
        if self.end > ROOT + 1 {
            for place in (ROOT..=(self.end - 1) / 4 + 2).rev() {
                let entry = self.lines[place / 4].0[place % 4];
                self.descend(place, entry);
            }
        }
    }

    /// Every entry, in no particular order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.close();
        let count = self.end - ROOT;
        self.lines.iter_mut().flat_map(|line| &mut line.0).skip(ROOT).take(count)
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Siblings>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Rank;
    use super::*;
    use crate::base::SimTime;

    fn entry(at: i64) -> Entry {
        Entry::new(SimTime(at), Rank::new(0), 0, u32::try_from(at).unwrap())
    }

    fn drain(heap: &mut Heap) -> Vec<u32> {
        let mut slots = Vec::new();
        while !heap.first().is_last() {
            slots.push(heap.first().slot());
            heap.remove_first();
        }
        assert_eq!(heap.len(), 0);
        slots
    }

    #[test]
    fn entries_come_out_sorted_however_they_went_in() {
        for count in 0..40 {
            let scattered = || (0..count).map(|i| entry(i * 7 % 41));
            let mut sorted: Vec<_> = scattered().map(Entry::slot).collect();
            sorted.sort_unstable();

            let mut pushed = Heap::new();
            scattered().for_each(|entry| pushed.push(entry));
            assert_eq!(drain(&mut pushed), sorted);
            // The emptied heap has vacant lines, which must not be seen.
            pushed.extend(scattered());
            assert_eq!(pushed.len(), sorted.len());
            assert_eq!(pushed.iter_mut().count(), sorted.len());
            pushed.retain(|entry| entry.slot() % 3 != 0);
            sorted.retain(|slot| slot % 3 != 0);
            assert_eq!(drain(&mut pushed), sorted);
        }
    }

    #[test]
    fn a_push_after_a_removal_fills_the_hole() {
        let mut heap = Heap::new();
        heap.extend([5, 1, 9, 3, 7, 8, 2].into_iter().map(entry));
        assert_eq!(heap.first(), entry(1));
        heap.remove_first();
        heap.push(entry(6));
        assert_eq!(heap.len(), 7);
        assert_eq!(heap.first(), entry(2));
        heap.remove_first();
        assert_eq!(heap.len(), 6);
        assert_eq!(drain(&mut heap), [3, 5, 6, 7, 8, 9]);
    }
}
