//! One column: the verdicts and scores of all nodes for one question, in the order of a layout, built block by block, and what
//! blocks come to. [`search`](super::search) looks for the best of a window; [`store`](super::store) owns which columns exist.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::diagnosis::Diagnosis;
use super::journal::Cursor;
use super::kinds::Kinds;
use super::layout::{BLOCK, Layout};
use super::nominated::{Denied, denial};
use super::plugins::node_resources_fit::Usage;
use super::probe::{Probe, Reject};
use super::search::count;
use super::tables::SortId;
use super::view::{NOT_LISTED, View};
use crate::base::id::DenseId;
use crate::model::NodeId;

/// Distinct rejections that a column tells apart in its cells; further ones are asked again for a diagnosis.
const MAX_REJECTS: usize = 4096;

/// A cell of a node that fits holds its score (0 or more); of a node that does not, the number of its rejection as `-1 - n`;
/// this one stands for a rejection without a number.
const UNNUMBERED: i16 = i16::MIN;

/// Of so many sorts of nodes a column remembers what those without pods say.
const MANY_SORTS: usize = 1024;

/// What a node of this usage says.
type OfUsage = (Usage, Result<i16, Reject>);

/// What nodes of one sort say that have no pods.
#[derive(Clone, Copy, Debug)]
struct Empty {
    /// [`UNNUMBERED`]: nothing is known.
    cell: i16,
    intolerable: u16,
    preferred: u32,
}

/// The cells of one signature in one layout.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    epoch: u64,
    layout: u64,
    pub(super) cursor: Cursor,
    /// If it goes along with others: at which of their turns it was used last, and their cursor counts.
    pub(super) turn: Option<u64>,
    /// Those of blocks that are not built do not fit.
    pub(super) cells: Vec<i16>,
    /// One flag a block.
    built: Vec<bool>,
    built_cells: usize,
    /// Built cells that fit.
    fits: usize,
    /// Distinct rejections, with the number of built cells that have them.
    rejects: IndexMap<Reject, u32, FxBuildHasher>,
    /// Untolerated PreferNoSchedule taints by slot; empty as long as there are none.
    pub(super) intolerable: Vec<u16>,
    /// Weights of matching preferred terms of node affinity by slot; empty as long as there are none.
    pub(super) preferred: Vec<u32>,
    /// What blocks come to; kept only from the first time that it is asked for.
    pub(super) sums: Sums,
    kinds: Kinds,
    /// By sort.
    empties: Vec<Empty>,
    /// How often it was brought up to date since it was empty.
    pub(super) uses: u32,
    /// What the cells' scores count for taints and preferences.
    pub(super) extremes: Option<Extremes>,
    /// Set by every use, cleared by the clock that looks for columns to take away.
    pub(super) used: bool,
}

/// The most taints to avoid and the highest preference of the nodes that fit, by which both are normalized. Cells may hold the
/// scores that are right for these; a search must find out whether they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Extremes {
    pub worst: i64,
    pub most: i64,
}

/// The highest cell of each block, how many are equal to it, how many fit, and which.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub tops: Vec<i16>,
    pub ties: Vec<u8>,
    pub fits: Vec<u8>,
    /// Which cells of a block fit.
    pub bits: Vec<u64>,
    /// Blocks that must be summed up again.
    stale: Vec<u32>,
    is_stale: Vec<bool>,
}

impl Sums {
    /// A block must be summed up again, if sums are kept.
    #[inline]
    fn forget(&mut self, block: usize) {
        if let Some(stale) = self.is_stale.get_mut(block)
            && !std::mem::replace(stale, true)
        {
            self.stale.push(u32::try_from(block).expect("node ids are 32 bits wide"));
        }
    }
}

impl Column {
    /// Number of cells.
    pub(super) const fn len(&self) -> usize {
        self.cells.len()
    }

    /// Forgets everything, for so many cells.
    pub(super) fn clear(&mut self, size: usize) {
        self.cells.clear();
        self.cells.resize(size, UNNUMBERED);
        self.built.clear();
        self.built.resize(size.div_ceil(BLOCK), false);
        self.built_cells = 0;
        self.fits = 0;
        self.rejects.clear();
        self.intolerable.clear();
        self.preferred.clear();
        self.sums = Sums::default();
        self.kinds.clear();
        self.empties.clear();
        (self.epoch, self.uses) = (0, 0);
    }

    /// Takes in what changed since the last use.
    pub(super) fn sync(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, extremes: Option<Extremes>) {
        self.used = true;
        self.uses = self.uses.saturating_add(1);
        let is_same = self.layout == layout.stamp && self.extremes == extremes;
        let is_current = is_same && self.epoch == view.list_epoch();
        let changes = if is_current { view.journal().changes_since(self.cursor) } else { None };
        match changes {
            // To ask again when a search comes by is cheaper than to follow more changes than there are cells.
            Some(changes) if changes.len() <= self.built_cells => {
                let mut last = None;
                for &change in changes {
                    let position = view.position(change.node);
                    if last.replace(change) == Some(change) || position == NOT_LISTED {
                        continue;
                    }
                    let slot = layout.slot_of[position as usize] as usize;
                    if self.built[slot / BLOCK] {
                        if change.facts {
                            self.uncount(slot);
                            self.ask(view, layout, probe, slot, &mut None);
                        } else {
                            self.ask_load(view, layout, probe, slot);
                        }
                        self.touch(slot);
                    }
                }
            }
            _ => {
                self.clear(layout.slots());
                self.epoch = view.list_epoch();
                self.layout = layout.stamp;
                self.extremes = extremes;
            }
        }
        self.cursor = view.journal().cursor();
    }

    /// The distinct rejections, by their numbers.
    pub(super) fn rejects(&self) -> impl Iterator<Item = Reject> + '_ {
        self.rejects.keys().copied()
    }

    /// The number of the rejection that a cell holds, if its block is built.
    pub(super) fn number_at(&self, slot: usize) -> Option<usize> {
        let cell = self.cells[slot];
        let is_numbered = self.built[slot / BLOCK] && cell < 0 && cell != UNNUMBERED;
        is_numbered.then(|| usize::from((-1 - cell).unsigned_abs()))
    }

    /// Whether it is known that no cell fits.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.built_cells == self.cells.len() && self.fits == 0
    }

    /// A cell is not what it was.
    fn touch(&mut self, slot: usize) {
        let block = slot / BLOCK;
        if let Some(bits) = self.sums.bits.get_mut(block) {
            let bit = 1 << (slot % BLOCK);
            if self.cells[slot] >= 0 {
                *bits |= bit
            } else {
                *bits &= !bit
            }
            self.sums.forget(block);
        }
    }

    /// A cell goes on to fit, with another score.
    #[inline]
    fn rescore(&mut self, slot: usize, score: i16) {
        if std::mem::replace(&mut self.cells[slot], score) == score {
            return;
        }
        self.sums.forget(slot / BLOCK);
    }

    /// Builds everything, and sums up blocks that changed.
    pub(super) fn sum_up(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>) {
        let blocks = self.built.len();
        if self.built_cells < self.cells.len() {
            (0..blocks).for_each(|block| self.build(view, layout, probe, block));
        }
        if self.sums.tops.len() != blocks {
            let all = 0..u32::try_from(blocks).expect("node ids are 32 bits wide");
            let bits = |cells: &[i16]| cells.iter().rev().fold(0, |bits, &cell| bits << 1 | u64::from(cell >= 0));
            let bits = self.cells.chunks(BLOCK).map(bits).collect();
            let (tops, ties, fits) = (vec![0; blocks], vec![0; blocks], vec![0; blocks]);
            self.sums = Sums { tops, ties, fits, bits, stale: all.collect(), is_stale: vec![true; blocks] };
        }
        let Sums { tops, ties, fits, bits, stale, is_stale } = &mut self.sums;
        let small = |n: usize| u8::try_from(n).expect("blocks are small");
        for block in stale.drain(..) {
            let block = block as usize;
            let cells = &self.cells[block * BLOCK..((block + 1) * BLOCK).min(self.cells.len())];
            let top = cells.iter().fold(i16::MIN, |top, &cell| top.max(cell));
            tops[block] = top;
            ties[block] = small(count(cells, |cell| cell == top));
            fits[block] = small(bits[block].count_ones() as usize);
            is_stale[block] = false;
        }
    }

    /// Counts a cell like one that was counted before.
    #[inline]
    fn count(&mut self, cell: i16) {
        match cell {
            UNNUMBERED => {}
            cell if cell < 0 => self.rejects[usize::from((-1 - cell).unsigned_abs())] += 1,
            _ => self.fits += 1,
        }
    }

    /// Takes the cell at `slot` out of the counts.
    fn uncount(&mut self, slot: usize) {
        match self.cells[slot] {
            UNNUMBERED => {}
            cell if cell < 0 => self.rejects[usize::from((-1 - cell).unsigned_abs())] -= 1,
            _ => self.fits -= 1,
        }
    }

    /// Computes the cell at `slot` and counts it. `last` is what nodes of one usage say, to be taken over by those like it.
    fn ask(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, slot: usize, last: &mut Option<OfUsage>) {
        let Some(node) = layout.node(view, slot) else {
            self.cells[slot] = UNNUMBERED;
            return;
        };
        let extremes = self.extremes;
        let count = |intolerable, preferred| opinion(extremes, probe, intolerable, preferred);
        let (intolerable, preferred) = match self.kinds.facts(view, probe, node, count) {
            Err(reject) => {
                self.cells[slot] = self.number(reject);
                (0, 0)
            }
            Ok((intolerable, preferred, opinion)) => {
                let said = match last {
                    Some((usage, said)) if usage == view.usage(node) => *said,
                    _ => {
                        let said = probe.load(view, node);
                        if probe.looks_at_usage_alone() {
                            *last = Some((*view.usage(node), said));
                        }
                        said
                    }
                };
                self.cells[slot] = self.counted(said, opinion);
                (intolerable, preferred)
            }
        };
        put(&mut self.intolerable, self.cells.len(), slot, intolerable);
        put(&mut self.preferred, self.cells.len(), slot, preferred);
    }

    /// As [`ask`](Self::ask), for a node of this sort without pods: all of them say the same.
    #[inline]
    fn ask_empty(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, slot: usize, sort: SortId) {
        let known = self.empties.get(sort.index()).filter(|known| known.cell != UNNUMBERED);
        let Some(&Empty { cell, intolerable, preferred }) = known else {
            return self.learn_empty(view, layout, probe, slot, sort);
        };
        self.count(cell);
        self.cells[slot] = cell;
        put(&mut self.intolerable, self.cells.len(), slot, intolerable);
        put(&mut self.preferred, self.cells.len(), slot, preferred);
    }

    fn learn_empty(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, slot: usize, sort: SortId) {
        self.ask(view, layout, probe, slot, &mut None);
        let at = sort.index();
        if at < MANY_SORTS {
            if at >= self.empties.len() {
                self.empties.resize(at + 1, Empty { cell: UNNUMBERED, intolerable: 0, preferred: 0 });
            }
            let (intolerable, preferred) = self.facts_at(slot);
            self.empties[at] = Empty { cell: self.cells[slot], intolerable, preferred };
        }
    }

    /// Taints to avoid and weights of preferred terms of the node at `slot`.
    fn facts_at(&self, slot: usize) -> (u16, u32) {
        let (intolerable, preferred) = (self.intolerable.get(slot), self.preferred.get(slot));
        (intolerable.copied().unwrap_or(0), preferred.copied().unwrap_or(0))
    }

    /// As [`ask`](Self::ask), for a node of a known kind that fits and is used as the `last` one was. Whether it is that.
    #[inline]
    fn ask_like(&mut self, view: &View, layout: &Layout, slot: usize, last: &Option<OfUsage>) -> bool {
        let (Some(node), Some((usage, Ok(score)))) = (layout.node(view, slot), last) else { return false };
        let Some(&Ok((intolerable, preferred, opinion))) =
            view.facts(node).and_then(|facts| self.kinds.known(facts.kind()))
        else {
            return false;
        };
        if usage != view.usage(node) {
            return false;
        }
        self.fits += 1;
        self.cells[slot] = score + opinion;
        put(&mut self.intolerable, self.cells.len(), slot, intolerable);
        put(&mut self.preferred, self.cells.len(), slot, preferred);
        true
    }

    /// Computes the cell at `slot` anew after only what the node's pods take changed.
    fn ask_load(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, slot: usize) {
        let known = match self.cells[slot] {
            UNNUMBERED => None,
            cell if cell < 0 => {
                self.rejects.get_index(usize::from((-1 - cell).unsigned_abs())).map(|(reject, _)| reject)
            }
            _ => {
                let node = layout.node(view, slot).expect("padding does not fit");
                self.fits -= 1;
                let (intolerable, preferred) = self.facts_at(slot);
                let opinion = opinion(self.extremes, probe, intolerable, preferred);
                self.cells[slot] = self.counted(probe.load(view, node), opinion);
                return;
            }
        };
        // What comes before all load goes on to be said.
        if known.is_none_or(|reject| reject.is_of_load()) {
            self.uncount(slot);
            self.ask(view, layout, probe, slot, &mut None);
        }
    }

    /// As [`ask_load`](Self::ask_load), where it is `said` what the load comes to and cells count no opinions. Returns whether it
    /// is known what the cell must be.
    #[inline]
    pub(super) fn follow(&mut self, slot: usize, said: Result<i16, Reject>) -> bool {
        match said {
            Ok(score) if self.cells[slot] >= 0 => {
                self.rescore(slot, score);
                true
            }
            _ => self.turn_over(slot, said),
        }
    }

    /// What fitted does not, or what did not is asked again.
    #[inline(never)]
    fn turn_over(&mut self, slot: usize, said: Result<i16, Reject>) -> bool {
        if !self.built[slot / BLOCK] {
            return true;
        }
        match self.cells[slot] {
            UNNUMBERED => return false,
            cell if cell < 0 => {
                let reject = self.rejects.get_index(usize::from((-1 - cell).unsigned_abs()));
                // What comes before all load goes on to be said.
                if reject.is_some_and(|(reject, _)| !reject.is_of_load()) {
                    return true;
                }
                self.uncount(slot);
            }
            _ => self.fits -= 1,
        }
        self.cells[slot] = self.counted(said, 0);
        self.touch(slot);
        true
    }

    /// Counts what the load comes to and gives its cell.
    fn counted(&mut self, said: Result<i16, Reject>, opinion: i16) -> i16 {
        match said {
            Ok(score) => {
                self.fits += 1;
                score + opinion
            }
            Err(reject) => self.number(reject),
        }
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

    /// Makes sure that a block is built.
    #[inline]
    pub(super) fn build(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, block: usize) {
        if !self.built[block] {
            self.build_anew(view, layout, probe, block);
        }
    }

    fn build_anew(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, block: usize) {
        let cells = block * BLOCK..((block + 1) * BLOCK).min(self.cells.len());
        self.built_cells += cells.len();
        let mut last = None;
        let is_plain = probe.looks_at_kind_alone() && probe.looks_at_usage_alone();
        for slot in cells {
            let node = layout.node(view, slot).filter(|_| is_plain);
            if let Some(sort) = node.and_then(|node| view.sort_of_empty(node)) {
                self.ask_empty(view, layout, probe, slot, sort);
            } else if !(is_plain && self.ask_like(view, layout, slot, &last)) {
                self.ask(view, layout, probe, slot, &mut last);
            }
        }
        self.built[block] = true;
        // Sums begin when everything is built.
        debug_assert!(self.sums.tops.is_empty());
    }

    /// Lets the cells of nodes not fit. Appends what they hold to `saved`, for [`allow`](Self::allow).
    pub(super) fn deny(
        &mut self,
        view: &View,
        layout: &Layout,
        probe: &Probe<'_>,
        nodes: impl Iterator<Item = NodeId>,
        saved: &mut Vec<(usize, i16)>,
    ) {
        for node in nodes {
            let position = view.position(node);
            if position == NOT_LISTED {
                continue;
            }
            let slot = layout.slot_of[position as usize] as usize;
            self.build(view, layout, probe, slot / BLOCK);
            self.uncount(slot);
            saved.push((slot, std::mem::replace(&mut self.cells[slot], UNNUMBERED)));
            self.touch(slot);
        }
    }

    /// Gives cells back what they held.
    pub(super) fn allow(&mut self, saved: &[(usize, i16)]) {
        // A cell that was denied twice is given back what it held first.
        for &(slot, cell) in saved.iter().rev() {
            self.cells[slot] = cell;
            self.touch(slot);
            self.count(cell);
        }
    }

    /// What all nodes say that do not fit by their cells; those in `denied`, whose cells must be denied, what stands there.
    pub(super) fn diagnose(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, denied: &Denied) -> Diagnosis {
        for block in 0..self.built.len() {
            self.build(view, layout, probe, block);
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
        if numbered as usize + self.fits < view.list().len() {
            for (slot, _) in self.cells.iter().enumerate().filter(|&(_, &cell)| cell == UNNUMBERED) {
                let Some(node) = layout.node(view, slot).filter(|&node| denial(denied, node).is_none()) else {
                    continue;
                };
                if let Err(reject) = probe.evaluate(view, node) {
                    add(reject, 1);
                }
            }
        }
        diagnosis
    }
}

/// What a cell counts for taints and preferences.
fn opinion(extremes: Option<Extremes>, probe: &Probe<'_>, intolerable: u16, preferred: u32) -> i16 {
    let Some(Extremes { worst, most }) = extremes else { return 0 };
    let opinion = probe.rules.opinion(i64::from(intolerable), worst, i64::from(preferred), most);
    i16::try_from(opinion).expect("rules say that cells hold it")
}

/// Sets what stands at `slot` of a list of `size`, which is made when the first non-zero comes.
#[inline]
fn put<T: Copy + Default + PartialEq>(list: &mut Vec<T>, size: usize, slot: usize, value: T) {
    if value != T::default() && list.is_empty() {
        list.resize(size, T::default());
    }
    if let Some(there) = list.get_mut(slot) {
        *there = value;
    }
}
