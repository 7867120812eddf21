//! The search in one column: the best of a window, from cells that stand in list order or in groups. Owns the walk and the
//! choice among equals; what cells hold is the [`column`](super::column)'s business.

use super::column::{Column, Extremes};
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
                let (position, score, tied) = self.best(&ranges, probe.rules, pick);
                Some(Placement { node: view.list()[position], score: Some(score), tied })
            }
        };
        let count = |n: usize| u32::try_from(n).expect("node ids are 32 bits wide");
        Some(Search { placement, feasible: count(walk.feasible), processed: count(walk.processed) })
    }

    /// Whether the extremes that the cells count with are those of the nodes that fit in these ranges: no node of the list
    /// exceeds them, so they are if they occur.
    pub(super) fn is_right(&self, ranges: &[std::ops::Range<usize>; 2]) -> bool {
        let Some(Extremes { worst, most }) = self.extremes else { return true };
        let occurs =
            |is_it: &dyn Fn(usize) -> bool| ranges.iter().cloned().flatten().any(|at| self.cells[at] >= 0 && is_it(at));
        let has_worst = |at: usize| self.intolerable.get(at).is_some_and(|&taints| i64::from(taints) == worst);
        let has_most = |at: usize| self.preferred.get(at).is_some_and(|&weight| i64::from(weight) == most);
        (worst == 0 || occurs(&has_worst)) && (most == 0 || occurs(&has_most))
    }

    /// Goes on through `range` until `need` nodes fit.
    fn walk(
        &mut self,
        view: &View,
        layout: &Layout,
        probe: &Probe<'_>,
        range: std::ops::Range<usize>,
        need: usize,
        walk: &mut Walk,
    ) {
        let mut at = range.start;
        while at < range.end && walk.feasible < need {
            let block = at / BLOCK;
            self.build(view, layout, probe, block);
            let end = range.end.min((block + 1) * BLOCK);
            let cells = &self.cells[at..end];
            let fit = count(cells, |cell| cell >= 0);
            if walk.feasible + fit < need {
                walk.feasible += fit;
                walk.processed += cells.len();
            } else {
                let mut missing = need - walk.feasible;
                let last = cells.iter().position(|&cell| {
                    missing -= usize::from(cell >= 0);
                    missing == 0
                });
                walk.processed += last.map_or(cells.len(), |last| last + 1);
                walk.feasible = need;
            }
            at = end;
        }
    }

    /// Position and score of the chosen node of the ranges, and how many are equal to it. At least one node fits.
    fn best(&self, ranges: &[std::ops::Range<usize>; 2], rules: &Rules, pick: Pick) -> (usize, i64, u32) {
        let fitting = || ranges.iter().cloned().flatten().filter(|&at| self.cells[at] >= 0);
        let intolerable = |at: usize| self.intolerable.get(at).map_or(0, |&taints| i64::from(taints));
        let preferred = |at: usize| self.preferred.get(at).map_or(0, |&weight| i64::from(weight));
        let looks = self.extremes.is_none();
        let worst =
            if self.intolerable.is_empty() || !looks { 0 } else { fitting().map(intolerable).max().unwrap_or(0) };
        let most = if self.preferred.is_empty() || !looks { 0 } else { fitting().map(preferred).max().unwrap_or(0) };
        if self.extremes.is_some() || (worst == 0 && most == 0) {
            let known = if self.extremes.is_some() { 0 } else { rules.opinion(0, 0, 0, 0) };
            let parts = [&self.cells[ranges[0].clone()], &self.cells[ranges[1].clone()]];
            let (best, tied) = highest(parts);
            let mut left = pick.index(tied) as usize;
            for (range, part) in ranges.iter().zip(parts) {
                match nth(part, best, left) {
                    Ok(at) => return (range.start + at, i64::from(best) + known, tied),
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
    cells.chunks(BLOCK).map(|chunk| chunk.iter().map(|&c| i16::from(test(c))).sum::<i16>()).map(usize_of).sum()
}

#[inline]
fn usize_of(small: i16) -> usize {
    usize::from(small.unsigned_abs())
}

/// The highest cell, and how many are equal to it.
#[inline]
pub(super) fn highest(parts: [&[i16]; 2]) -> (i16, u32) {
    let top = |cells: &[i16]| cells.iter().fold(i16::MIN, |top, &cell| top.max(cell));
    let best = top(parts[0]).max(top(parts[1]));
    let tied = count(parts[0], |c| c == best) + count(parts[1], |c| c == best);
    (best, u32::try_from(tied).expect("node ids are 32 bits wide"))
}

/// The position of the `n`-th cell equal to `value`, counted from 0, or how many there are.
#[inline]
pub(super) fn nth(cells: &[i16], value: i16, n: usize) -> Result<usize, usize> {
    let mut seen = 0;
    for (at, chunk) in cells.chunks(BLOCK).enumerate() {
        let here = count(chunk, |c| c == value);
        if seen + here > n {
            let mut left = n - seen;
            for (offset, &cell) in chunk.iter().enumerate() {
                if cell == value {
                    if left == 0 {
                        return Ok(at * BLOCK + offset);
                    }
                    left -= 1;
                }
            }
        }
        seen += here;
    }
    Err(seen)
}
