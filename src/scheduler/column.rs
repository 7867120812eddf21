//! One column: the verdicts and scores of all nodes for one question, in list order, built block by block. Owns the search
//! for the best of a window; [`columns`](super::columns) owns which columns exist.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::cycle::{Pick, Placement, Search, Window};
use super::diagnosis::Diagnosis;
use super::framework::MAX_NODE_SCORE;
use super::journal::Cursor;
use super::nominated::{Denied, denial};
use super::plugins::{node_affinity, taint_toleration};
use super::probe::{Probe, Reject};
use super::rules::Rules;
use super::view::{NOT_LISTED, View};

/// Cells that are built together.
const BLOCK: usize = 64;

/// Distinct rejections that a column tells apart in its cells; further ones are asked again for a diagnosis.
const MAX_REJECTS: usize = 4096;

/// A cell of a node that fits holds its score (0 or more); of a node that does not, the number of its rejection as `-1 - n`;
/// this one stands for a rejection without a number.
const UNNUMBERED: i16 = i16::MIN;

/// The cells of one signature.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    epoch: u64,
    cursor: Cursor,
    cells: Vec<i16>,
    /// One flag a block.
    built: Vec<bool>,
    built_cells: usize,
    /// Built cells that fit.
    fits: usize,
    /// Distinct rejections, with the number of built cells that have them.
    rejects: IndexMap<Reject, u32, FxBuildHasher>,
    /// Untolerated PreferNoSchedule taints by position; empty as long as there are none.
    intolerable: Vec<u16>,
    /// Weights of matching preferred terms of node affinity by position; empty as long as there are none.
    preferred: Vec<u32>,
    /// Set by every use, cleared by the clock that looks for columns to take away.
    pub(super) used: bool,
}

/// How far a search came.
#[derive(Default)]
struct Walk {
    processed: usize,
    feasible: usize,
}

impl Column {
    /// Number of cells.
    pub(super) const fn len(&self) -> usize {
        self.cells.len()
    }

    /// Forgets everything, for a list of `size` nodes.
    pub(super) fn clear(&mut self, size: usize) {
        // Cells of blocks that are not built are never read, so they need not be wiped.
        self.cells.resize(size, 0);
        self.built.clear();
        self.built.resize(size.div_ceil(BLOCK), false);
        self.built_cells = 0;
        self.fits = 0;
        self.rejects.clear();
        self.intolerable.clear();
        self.preferred.clear();
        self.epoch = 0;
    }

    /// Takes in what changed since the last use.
    pub(super) fn sync(&mut self, view: &View, probe: &Probe<'_>) {
        self.used = true;
        let changes = if self.epoch == view.list_epoch() { view.journal().changes_since(self.cursor) } else { None };
        match changes {
            // To ask again when a search comes by is cheaper than to follow more changes than there are cells.
            Some(changes) if changes.len() <= self.built_cells => {
                let mut last = None;
                for &node in changes {
                    let position = view.position(node);
                    if last.replace(node) == Some(node) || position == NOT_LISTED {
                        continue;
                    }
                    let position = position as usize;
                    if self.built[position / BLOCK] {
                        self.uncount(position);
                        self.ask(view, probe, position);
                    }
                }
            }
            _ => {
                self.clear(view.list().len());
                self.epoch = view.list_epoch();
            }
        }
        self.cursor = view.journal().cursor();
    }

    /// Takes the cell at `position` out of the counts.
    fn uncount(&mut self, position: usize) {
        match self.cells[position] {
            UNNUMBERED => {}
            cell if cell < 0 => self.rejects[usize::from((-1 - cell).unsigned_abs())] -= 1,
            _ => self.fits -= 1,
        }
    }

    /// Computes the cell at `position` and counts it.
    fn ask(&mut self, view: &View, probe: &Probe<'_>, position: usize) {
        let (mut intolerable, mut preferred) = (0, 0);
        self.cells[position] = match probe.evaluate(view, view.list()[position]) {
            Ok(fit) => {
                self.fits += 1;
                (intolerable, preferred) = (fit.intolerable, fit.preferred);
                fit.score
            }
            Err(reject) => self.number(reject),
        };
        put(&mut self.intolerable, self.cells.len(), position, intolerable);
        put(&mut self.preferred, self.cells.len(), position, preferred);
    }

    /// Counts a rejection and gives its cell.
    fn number(&mut self, reject: Reject) -> i16 {
        if self.rejects.len() >= MAX_REJECTS && !self.rejects.contains_key(&reject) {
            return UNNUMBERED;
        }
        let entry = self.rejects.entry(reject);
        let number = i16::try_from(entry.index()).expect("less than MAX_REJECTS");
        *entry.or_insert(0) += 1;
        -1 - number
    }

    fn build(&mut self, view: &View, probe: &Probe<'_>, block: usize) {
        if self.built[block] {
            return;
        }
        let cells = block * BLOCK..((block + 1) * BLOCK).min(self.cells.len());
        self.built_cells += cells.len();
        for position in cells {
            self.ask(view, probe, position);
        }
        self.built[block] = true;
    }

    /// Lets the cells of `denied` nodes not fit. Returns what they hold, for [`allow`](Self::allow).
    pub(super) fn deny(&mut self, view: &View, probe: &Probe<'_>, denied: &Denied) -> Vec<(usize, i16)> {
        let mut saved = Vec::new();
        for &(node, _) in denied {
            let position = view.position(node) as usize;
            self.build(view, probe, position / BLOCK);
            self.uncount(position);
            saved.push((position, std::mem::replace(&mut self.cells[position], UNNUMBERED)));
        }
        saved
    }

    /// Gives cells back what they held.
    pub(super) fn allow(&mut self, denied: &[(usize, i16)]) {
        for &(position, cell) in denied {
            self.cells[position] = cell;
            match cell {
                UNNUMBERED => {}
                cell if cell < 0 => self.rejects[usize::from((-1 - cell).unsigned_abs())] += 1,
                _ => self.fits += 1,
            }
        }
    }

    /// The best node of a window.
    pub(super) fn search(&mut self, view: &View, probe: &Probe<'_>, window: Window, pick: Pick) -> Search {
        let (size, start, need) = (self.cells.len(), window.start as usize, window.need as usize);
        let mut walk = Walk::default();
        if self.built_cells == size && self.fits == 0 {
            walk.processed = size;
        } else {
            self.walk(view, probe, start..size, need, &mut walk);
            self.walk(view, probe, 0..start, need, &mut walk);
        }
        let ranges = [start..size.min(start + walk.processed), 0..(start + walk.processed).saturating_sub(size)];
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
        Search { placement, feasible: count(walk.feasible), processed: count(walk.processed) }
    }

    /// Goes on through `range` until `need` nodes fit.
    fn walk(&mut self, view: &View, probe: &Probe<'_>, range: std::ops::Range<usize>, need: usize, walk: &mut Walk) {
        let mut at = range.start;
        while at < range.end && walk.feasible < need {
            let block = at / BLOCK;
            self.build(view, probe, block);
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
        let worst = if self.intolerable.is_empty() { 0 } else { fitting().map(intolerable).max().unwrap_or(0) };
        let most = if self.preferred.is_empty() { 0 } else { fitting().map(preferred).max().unwrap_or(0) };
        if worst == 0 && most == 0 {
            let parts = [&self.cells[ranges[0].clone()], &self.cells[ranges[1].clone()]];
            let (best, tied) = highest(parts);
            let mut left = pick.index(tied) as usize;
            for (range, part) in ranges.iter().zip(parts) {
                match nth(part, best, left) {
                    Ok(at) => return (range.start + at, i64::from(best) + rules.taint_weight * MAX_NODE_SCORE, tied),
                    Err(seen) => left -= seen,
                }
            }
            unreachable!("the pick is one of the tied");
        }
        let total = |at: usize| {
            i64::from(self.cells[at])
                + rules.taint_weight * taint_toleration::normalized(intolerable(at), worst)
                + rules.affinity_weight * node_affinity::normalized(preferred(at), most)
        };
        let best = fitting().map(total).max().expect("some node fits");
        let equals = || fitting().filter(|&at| total(at) == best);
        let tied = u32::try_from(equals().count()).expect("node ids are 32 bits wide");
        let position = equals().nth(pick.index(tied) as usize).expect("the pick is one of the tied");
        (position, best, tied)
    }

    /// What all nodes say; those in `denied`, which must not fit, what stands there.
    pub(super) fn diagnose(&mut self, view: &View, probe: &Probe<'_>, denied: &Denied) -> Diagnosis {
        for block in 0..self.built.len() {
            self.build(view, probe, block);
        }
        let mut diagnosis = Diagnosis::default();
        for (_, rejection) in denied {
            diagnosis.add(rejection.plugin, &rejection.verdict, 1);
        }
        let mut add = |reject: Reject, nodes: u32| {
            let rejection = reject.rejection(probe);
            diagnosis.add(rejection.plugin, &rejection.verdict, nodes);
        };
        let numbered: u32 = self.rejects.values().sum();
        self.rejects.iter().for_each(|(&reject, &nodes)| add(reject, nodes));
        if numbered as usize + self.fits < self.cells.len() {
            for (position, _) in self.cells.iter().enumerate().filter(|&(_, &cell)| cell == UNNUMBERED) {
                let node = view.list()[position];
                if denial(denied, node).is_some() {
                    continue;
                }
                if let Err(reject) = probe.evaluate(view, node) {
                    add(reject, 1);
                }
            }
        }
        diagnosis
    }
}

/// Sets what stands at `position` in a list of `size`, which is made when the first non-zero comes.
#[inline]
fn put<T: Copy + Default + PartialEq>(list: &mut Vec<T>, size: usize, position: usize, value: T) {
    if value != T::default() && list.is_empty() {
        list.resize(size, T::default());
    }
    if let Some(slot) = list.get_mut(position) {
        *slot = value;
    }
}

/// How many cells satisfy `test`. Sums at most 64 at a time in the cells' own width, which vectorizes.
#[inline]
fn count(cells: &[i16], test: impl Fn(i16) -> bool) -> usize {
    cells.chunks(BLOCK).map(|chunk| chunk.iter().map(|&c| i16::from(test(c))).sum::<i16>()).map(usize_of).sum()
}

#[inline]
fn usize_of(small: i16) -> usize {
    usize::from(small.unsigned_abs())
}

/// The highest cell, and how many are equal to it.
#[inline]
fn highest(parts: [&[i16]; 2]) -> (i16, u32) {
    let top = |cells: &[i16]| cells.iter().fold(i16::MIN, |top, &cell| top.max(cell));
    let best = top(parts[0]).max(top(parts[1]));
    let tied = count(parts[0], |c| c == best) + count(parts[1], |c| c == best);
    (best, u32::try_from(tied).expect("node ids are 32 bits wide"))
}

/// The position of the `n`-th cell equal to `value`, counted from 0, or how many there are.
#[inline]
fn nth(cells: &[i16], value: i16, n: usize) -> Result<usize, usize> {
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
