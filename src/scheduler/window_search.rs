//! The search in a window of the list whose nodes stand in groups, without looking at each: how many of a group fit in a stretch of
//! the list is counted in bits, the best of each group is found in summaries of blocks. Says the same as
//! [`search_nodes`](super::group_search::Ground::search_nodes), which is the definition.

use std::ops::Range;

use super::column::Column;
use super::cycle::{Placement, Search};
use super::group_search::Ground;
use super::layout::BLOCK;
use super::question::Scored;
use super::search::{count, nth};
use crate::base::id::DenseId;

/// So many stretches are looked at together at first.
const STRIDE: usize = 8;

/// A group that may take the pod, and where its nodes of the window stand: from the start of the window to the end of the list,
/// then from the beginning of the list.
struct Part {
    group: usize,
    slots: [Range<usize>; 2],
    top: i16,
}

/// What is counted of the cells of some groups.
struct Counting<'c> {
    column: &'c Column,
    /// By group: nothing, or cells that fit if it is negative, or else cells that are equal to it.
    wanted: Vec<Option<i16>>,
}

impl Counting<'_> {
    fn range(&self, wanted: i16, slots: Range<usize>) -> usize {
        if wanted < 0 {
            return ones(&self.column.sums.bits, slots);
        }
        count(&self.column.cells[slots], |cell| cell == wanted)
    }

    fn one(&self, group: usize, slot: usize) -> bool {
        let cell = self.column.cells[slot];
        self.wanted[group].is_some_and(|wanted| if wanted < 0 { cell >= 0 } else { cell == wanted })
    }
}

impl Ground<'_> {
    /// Whether [`search_window`](Self::search_window) may be asked.
    pub(super) fn is_windowable(&self, column: &mut Column) -> bool {
        self.layout.knows_firsts() && self.is_summable(column)
    }

    /// The best of the window. The column must be summed up, and the layout must know where stretches of the list stand.
    pub(super) fn search_window(&self, column: &Column) -> Search {
        let (size, start, need) = (self.view.list().len(), self.window.start as usize, self.window.need as usize);
        let allowed = self.allowed();
        let groups: Vec<usize> = (0..allowed.len()).filter(|&group| allowed[group]).collect();
        let fitting = Counting { column, wanted: allowed.iter().map(|&allowed| allowed.then_some(-1)).collect() };
        let end = match self.nth(&fitting, start..size, need) {
            Ok(last) => last + 1,
            Err(seen) => match self.nth(&fitting, 0..start, need - seen) {
                Ok(last) => size + last + 1,
                // All nodes are looked at.
                Err(_) => return self.search_blocks(column),
            },
        };
        let (first, second) = (start..end.min(size), 0..end.saturating_sub(size));
        let part = |group| {
            let slots = [self.slots_in(group, &first), self.slots_in(group, &second)];
            let top = top(column, &slots[0]).max(top(column, &slots[1]));
            Part { group, slots, top }
        };
        let mut parts: Vec<Part> = groups.into_iter().map(part).filter(|part| part.top >= 0).collect();
        let scored: Vec<Scored> = parts.iter().map(|part| self.scored(part.group)).collect();
        let bonuses = if need > 1 {
            self.question.bonuses(self.counts, self.probe.rules, &scored)
        } else {
            vec![0; scored.len()]
        };
        let total = |(part, bonus): (&Part, &i64)| i64::from(part.top) + bonus;
        let best = parts.iter().zip(&bonuses).map(total).max().expect("as many fit as are needed");
        let mut at = 0;
        parts.retain(|part| {
            at += 1;
            i64::from(part.top) + bonuses[at - 1] == best
        });
        let ties =
            |range: usize| -> usize { parts.iter().map(|part| ties(column, &part.slots[range], part.top)).sum() };
        let (before, after) = (ties(0), ties(1));
        let tied = u32::from_index(before + after);
        let pick = self.pick.index(tied) as usize;
        let position = match parts[..] {
            [Part { ref slots, top, .. }] => {
                let (slots, left) = if pick < before { (&slots[0], pick) } else { (&slots[1], pick - before) };
                let at = nth(&column.cells[slots.clone()], top, left).expect("it is one of them");
                self.layout.position_at[slots.start + at] as usize
            }
            _ => {
                let mut equal = Counting { column, wanted: vec![None; allowed.len()] };
                parts.iter().for_each(|part| equal.wanted[part.group] = Some(part.top));
                let (positions, left) = if pick < before { (first, pick) } else { (second, pick - before) };
                self.nth(&equal, positions, left + 1).expect("it is one of them")
            }
        };
        let score = (need > 1).then_some(best);
        let placement = Some(Placement { node: self.view.list()[position], score, tied });
        Search { placement, feasible: u32::from_index(need), processed: u32::from_index(end - start) }
    }

    /// The position of the `n`-th node, counted from 1, of those that `counting` counts, or how many there are.
    fn nth(&self, counting: &Counting<'_>, positions: Range<usize>, n: usize) -> Result<usize, usize> {
        let (mut at, mut seen, mut stride) = (positions.start, 0, STRIDE);
        while at < positions.end {
            let end = positions.end.min((at / BLOCK + stride) * BLOCK);
            let groups = counting.wanted.iter().enumerate();
            let here = |(group, wanted): (usize, &Option<i16>)| {
                wanted.map_or(0, |wanted| counting.range(wanted, self.slots_in(group, &(at..end))))
            };
            let more: usize = groups.map(here).sum();
            if seen + more < n {
                (at, seen) = (end, seen + more);
            } else if stride > 1 {
                stride = 1;
            } else {
                let counts = |&position: &usize| {
                    let slot = self.layout.slot_of[position] as usize;
                    counting.one(self.layout.group_of(slot), slot)
                };
                return Ok((at..end).filter(counts).nth(n - seen - 1).expect("so many were counted"));
            }
        }
        Err(seen)
    }

    /// Where the nodes of a group stand that are at these positions of the list.
    fn slots_in(&self, group: usize, positions: &Range<usize>) -> Range<usize> {
        self.layout.slot_from(group, positions.start)..self.layout.slot_from(group, positions.end)
    }
}

/// A range of slots as blocks, with what is left before and after them.
const fn in_blocks(slots: &Range<usize>) -> (Range<usize>, Range<usize>, Range<usize>) {
    let (first, last) = (slots.start.div_ceil(BLOCK), slots.end / BLOCK);
    if first > last {
        return (slots.start..slots.end, 0..0, 0..0);
    }
    (slots.start..first * BLOCK, first..last, last * BLOCK..slots.end)
}

/// The highest cell of a range.
fn top(column: &Column, slots: &Range<usize>) -> i16 {
    let highest = |cells: &[i16]| cells.iter().fold(i16::MIN, |top, &cell| top.max(cell));
    let (before, blocks, after) = in_blocks(slots);
    let ends = highest(&column.cells[before]).max(highest(&column.cells[after]));
    ends.max(highest(&column.sums.tops[blocks]))
}

/// How many cells of a range are equal to its highest.
pub(super) fn ties(column: &Column, slots: &Range<usize>, top: i16) -> usize {
    let (before, blocks, after) = in_blocks(slots);
    let is_top = |cell| cell == top;
    let whole = column.sums.equal(blocks, top) as usize;
    whole + count(&column.cells[before], is_top) + count(&column.cells[after], is_top)
}

/// How many bits of a range are set.
fn ones(bits: &[u64], range: Range<usize>) -> usize {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (range.start / BLOCK, (range.end - 1) / BLOCK);
    let word = |at: usize| {
        let from = if at == first { u64::MAX << (range.start % BLOCK) } else { u64::MAX };
        let to = if at == last { u64::MAX >> (BLOCK - 1 - (range.end - 1) % BLOCK) } else { u64::MAX };
        (bits[at] & from & to).count_ones() as usize
    };
    (first..=last).map(word).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_blocks_and_what_is_left() {
        assert_eq!(in_blocks(&(3..200)), (3..64, 1..3, 192..200));
        assert_eq!(in_blocks(&(64..128)), (64..64, 1..2, 128..128));
        assert_eq!(in_blocks(&(65..127)), (65..127, 0..0, 0..0));
        let bits = [u64::MAX, 0b1010, u64::MAX];
        let counted = [0..0, 0..64, 63..66, 65..68, 60..132, 128..192, 1..192].map(|range| ones(&bits, range));
        assert_eq!(counted, [0, 64, 2, 2, 10, 64, 129]);
    }
}
