//! The search in one column: the best of a window, from cells that stand in list order or in groups. Owns the walk and the
//! choice among equals; what cells hold is the [`column`](super::column)'s business.

use std::ops::Range;

use smallvec::SmallVec;

use super::column::Column;
use super::cycle::{Pick, Placement, Search, Window};
use super::layout::{BLOCK, Layout};
use super::probe::Probe;
use super::rules::Rules;
use super::view::View;

/// How far a search came.
#[derive(Default)]
struct Walk {
    processed: usize,
    feasible: usize,
    /// What it looked at.
    pieces: SmallVec<[Piece; 32]>,
}

/// Cells that stand together, and the highest of them.
struct Piece {
    cells: Range<usize>,
    top: i16,
}

impl Column {
    /// The best node of a window, in the flat layout; `None` if what cells hold is not right for it.
    pub(super) fn search(
        &mut self,
        view: &View,
        layout: &Layout,
        probe: &Probe<'_>,
        window: Window,
        pick: Pick,
    ) -> Option<Search> {
        let (size, start, need) = (self.cells.len(), window.start as usize, window.need as usize);
        let mut walk = Walk::default();
        if self.is_hopeless() {
            walk.processed = size;
        } else {
            self.walk(view, layout, probe, start..size, need, &mut walk);
            self.walk(view, layout, probe, 0..start, need, &mut walk);
        }
        let ranges = [start..size.min(start + walk.processed), 0..(start + walk.processed).saturating_sub(size)];
        if walk.feasible > 1 && !self.is_right(&ranges) {
            return None;
        }
        let placement = match walk.feasible {
            0 => None,
            1 => {
                let position = ranges.into_iter().flatten().find(|&at| self.cells[at] >= 0).expect("one fits");
                Some(Placement { node: view.list()[position], score: None, tied: 1 })
            }
            _ => {
                let (position, score, tied) = self.best(&ranges, &walk.pieces, probe.rules, pick);
                Some(Placement { node: view.list()[position], score: Some(score), tied })
            }
        };
        let count = |n: usize| u32::try_from(n).expect("node ids are 32 bits wide");
        Some(Search { placement, feasible: count(walk.feasible), processed: count(walk.processed) })
    }

    /// Whether the extremes that the cells count with are those of the nodes that fit in these ranges: no node of the list
    /// exceeds them, so they are if they occur.
    pub(super) fn is_right(&self, ranges: &[Range<usize>; 2]) -> bool {
        self.opinions.is_right(ranges.iter().cloned().flatten().filter(|&at| self.cells[at] >= 0))
    }

    /// Goes on through `range` until `need` nodes fit.
    fn walk(
        &mut self,
        view: &View,
        layout: &Layout,
        probe: &Probe<'_>,
        range: Range<usize>,
        need: usize,
        walk: &mut Walk,
    ) {
        let mut at = range.start;
        while at < range.end && walk.feasible < need {
            let block = at / BLOCK;
            self.build(view, layout, probe, block);
            let end = range.end.min((block + 1) * BLOCK);
            let cells = &self.cells[at..end];
            let (fit, top) = fit_and_top(cells);
            if walk.feasible + fit < need {
                walk.feasible += fit;
                walk.processed += cells.len();
                walk.pieces.push(Piece { cells: at..end, top });
            } else {
                let last = position(cells, |cell| cell >= 0, need - walk.feasible - 1).expect("so many fit");
                walk.feasible = need;
                walk.processed += last + 1;
                let (_, top) = fit_and_top(&cells[..=last]);
                walk.pieces.push(Piece { cells: at..at + last + 1, top });
            }
            at = end;
        }
    }

    /// Position and score of the chosen node of the ranges, and how many are equal to it. At least one node fits.
    fn best(&self, ranges: &[Range<usize>; 2], pieces: &[Piece], rules: &Rules, pick: Pick) -> (usize, i64, u32) {
        let fitting = || ranges.iter().cloned().flatten().filter(|&at| self.cells[at] >= 0);
        let (intolerable, preferred) = (|at| self.opinions.intolerable(at), |at| self.opinions.preferred(at));
        let is_counted = self.opinions.extremes().is_some();
        let highest = |of: &dyn Fn(usize) -> i64| {
            if self.opinions.is_empty() { 0 } else { fitting().map(of).max().unwrap_or(0) }
        };
        let (worst, most) = (highest(&intolerable), highest(&preferred));
        if is_counted || (worst == 0 && most == 0) {
            let known = if is_counted { 0 } else { rules.opinion(0, 0, 0, 0) };
            let best = pieces.iter().fold(i16::MIN, |best, piece| best.max(piece.top));
            let cells = || pieces.iter().filter(|piece| piece.top == best).map(|piece| &piece.cells);
            let equal = |cells: &Range<usize>| count(&self.cells[cells.clone()], |cell| cell == best);
            let tied = u32::try_from(cells().map(equal).sum::<usize>()).expect("node ids are 32 bits wide");
            let mut left = pick.index(tied) as usize;
            for cells in cells() {
                match nth(&self.cells[cells.clone()], best, left) {
                    Ok(at) => return (cells.start + at, i64::from(best) + known, tied),
                    Err(seen) => left -= seen,
                }
            }
            unreachable!("the pick is one of the tied");
        }
        let total = |at: usize| i64::from(self.cells[at]) + rules.opinion(intolerable(at), worst, preferred(at), most);
        let best = fitting().map(total).max().expect("some node fits");
        let equals = || fitting().filter(|&at| total(at) == best);
        let tied = u32::try_from(equals().count()).expect("node ids are 32 bits wide");
        let position = equals().nth(pick.index(tied) as usize).expect("the pick is one of the tied");
        (position, best, tied)
    }
}

/// How many cells satisfy `test`. Sums at most 64 at a time in the cells' own width, which vectorizes.
#[inline]
pub(super) fn count(cells: &[i16], test: impl Fn(i16) -> bool) -> usize {
    let sum = |cells: &[i16]| usize_of(cells.iter().map(|&cell| i16::from(test(cell))).sum::<i16>());
    let (blocks, rest) = cells.as_chunks::<BLOCK>();
    blocks.iter().map(|block| sum(block)).sum::<usize>() + sum(rest)
}

#[inline]
fn usize_of(small: i16) -> usize {
    usize::from(small.unsigned_abs())
}

/// How many of at most 64 cells fit, and the highest of them.
#[inline]
fn fit_and_top(cells: &[i16]) -> (usize, i16) {
    let look = |cells: &[i16]| {
        cells.iter().fold((0, i16::MIN), |(fit, top), &cell| (fit + i16::from(cell >= 0), top.max(cell)))
    };
    let (fit, top) = match <&[i16; BLOCK]>::try_from(cells) {
        Ok(block) => look(block),
        Err(_) => look(cells),
    };
    (usize_of(fit), top)
}

/// The highest cell, and how many are equal to it.
#[inline]
pub(super) fn highest(cells: &[i16]) -> (i16, u32) {
    let best = cells.iter().fold(i16::MIN, |top, &cell| top.max(cell));
    (best, u32::try_from(count(cells, |cell| cell == best)).expect("node ids are 32 bits wide"))
}

/// The position of the `n`-th cell equal to `value`, counted from 0, or how many there are.
#[inline]
pub(super) fn nth(cells: &[i16], value: i16, n: usize) -> Result<usize, usize> {
    let mut seen = 0;
    for (at, chunk) in cells.chunks(BLOCK).enumerate() {
        let here = count(chunk, |cell| cell == value);
        if seen + here > n {
            let offset = position(chunk, |cell| cell == value, n - seen).expect("it is there");
            return Ok(at * BLOCK + offset);
        }
        seen += here;
    }
    Err(seen)
}

/// The position of the `n`-th cell that satisfies `test`, counted from 0.
#[inline]
fn position(cells: &[i16], test: impl Fn(i16) -> bool, n: usize) -> Option<usize> {
    const FEW: usize = 8;
    let mut left = n;
    for (at, few) in cells.chunks(FEW).enumerate() {
        let here = count(few, &test);
        if left < here {
            return (at * FEW..).zip(few).filter(|&(_, &cell)| test(cell)).nth(left).map(|(at, _)| at);
        }
        left -= here;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_and_found_as_one_by_one() {
        let cells: Vec<i16> = (0..200).map(|at: i16| (at * 37 % 11) - 2).collect();
        for size in [0, 1, 7, 8, 63, 64, 65, 128, 200] {
            let cells = &cells[..size];
            let equal: Vec<usize> = (0..size).filter(|&at| cells[at] == 8).collect();
            assert_eq!(count(cells, |cell| cell == 8), equal.len());
            assert_eq!((0..equal.len()).map(|n| nth(cells, 8, n)).collect::<Result<Vec<_>, _>>(), Ok(equal.clone()));
            assert_eq!(nth(cells, 8, equal.len()), Err(equal.len()));
            let (few, fitting) = (&cells[..size.min(BLOCK)], |cell: &&i16| **cell >= 0);
            let top = few.iter().copied().max().unwrap_or(i16::MIN);
            assert_eq!(fit_and_top(few), (few.iter().filter(fitting).count(), top));
        }
    }
}
