//! One column: the verdicts and scores of all nodes for one question, in the order of a layout, built block by block, and what
//! blocks come to. [`search`](super::search) looks for the best of a window; [`store`](super::store) owns which columns exist.

use std::ops::Range;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::diagnosis::Diagnosis;
use super::journal::Cursor;
use super::kinds::Kinds;
use super::layout::{BLOCK, Layout};
use super::nominated::{Denied, denial};
use super::opinions::{Extremes, Opinion, Opinions};
use super::plugins::node_resources_fit::Usage;
use super::probe::{Probe, Reject};
use super::sums::Sums;
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
    opinion: Opinion,
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
    /// What is thought of nodes besides.
    pub(super) opinions: Opinions,
    /// What blocks come to; kept only from the first time that it is asked for.
    pub(super) sums: Sums,
    kinds: Kinds,
    /// By sort.
    empties: Vec<Empty>,
    /// How often it was brought up to date since it was empty.
    pub(super) uses: u32,
    /// Set by every use, cleared by the clock that looks for columns to take away.
    pub(super) used: bool,
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
        self.opinions.clear(None);
        self.sums = Sums::default();
        self.kinds.clear();
        self.empties.clear();
        (self.epoch, self.uses) = (0, 0);
    }

    /// Takes in what changed since the last use.
    pub(super) fn sync(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, extremes: Option<Extremes>) {
        self.used = true;
        self.uses = self.uses.saturating_add(1);
        let is_same = self.layout == layout.stamp && self.opinions.extremes() == extremes;
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
                self.opinions.clear(extremes);
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
        self.sums.touch(slot, self.cells[slot] >= 0);
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
        self.sums.bring_up_to_date(&self.cells);
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

    /// Computes the cell at `slot` and counts it; what is thought of its node. `last` is what nodes of one usage say, to be taken
    /// over by those like it.
    fn ask(
        &mut self,
        view: &View,
        layout: &Layout,
        probe: &Probe<'_>,
        slot: usize,
        last: &mut Option<OfUsage>,
    ) -> Opinion {
        let Some(node) = layout.node(view, slot) else {
            self.cells[slot] = UNNUMBERED;
            return Opinion::default();
        };
        let opinion = match self.kinds.facts(view, probe, node, self.opinions.extremes()) {
            Err(reject) => {
                self.cells[slot] = self.number(reject);
                Opinion::default()
            }
            Ok(opinion) => {
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
                self.cells[slot] = self.counted(said, opinion.score());
                opinion
            }
        };
        self.opinions.put(self.cells.len(), slot, opinion);
        opinion
    }

    /// As [`ask`](Self::ask), for a node of this sort without pods: all of them say the same.
    #[inline]
    fn ask_empty(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, slot: usize, sort: SortId) {
        let known = self.empties.get(sort.index()).filter(|known| known.cell != UNNUMBERED);
        let Some(&Empty { cell, opinion }) = known else {
            return self.learn_empty(view, layout, probe, slot, sort);
        };
        self.count(cell);
        self.cells[slot] = cell;
        self.opinions.put(self.cells.len(), slot, opinion);
    }

    fn learn_empty(&mut self, view: &View, layout: &Layout, probe: &Probe<'_>, slot: usize, sort: SortId) {
        let opinion = self.ask(view, layout, probe, slot, &mut None);
        let at = sort.index();
        if at < MANY_SORTS {
            if at >= self.empties.len() {
                self.empties.resize(at + 1, Empty { cell: UNNUMBERED, opinion });
            }
            self.empties[at] = Empty { cell: self.cells[slot], opinion };
        }
    }

    /// As [`ask`](Self::ask), for a node of a known kind that fits and is used as the `last` one was. Whether it is that.
    #[inline]
    fn ask_like(&mut self, view: &View, node: NodeId, slot: usize, last: &Option<OfUsage>) -> bool {
        let Some((usage, Ok(score))) = last else { return false };
        let Some(&Ok(opinion)) = view.facts(node).and_then(|facts| self.kinds.known(facts.kind())) else {
            return false;
        };
        if usage != view.usage(node) {
            return false;
        }
        self.fits += 1;
        self.cells[slot] = score + opinion.score();
        self.opinions.put(self.cells.len(), slot, opinion);
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
                self.cells[slot] = self.counted(probe.load(view, node), self.opinions.score(slot));
                return;
            }
        };
        // What comes before all load goes on to be said.
        if known.is_none_or(|reject| reject.is_of_load()) {
            self.uncount(slot);
            self.ask(view, layout, probe, slot, &mut None);
        }
    }

    /// As [`ask_load`](Self::ask_load), where it is `said` what the load comes to. Returns whether it
    /// is known what the cell must be.
    #[inline]
    pub(super) fn follow(&mut self, slot: usize, said: Result<i16, Reject>) -> bool {
        match said {
            Ok(score) if self.cells[slot] >= 0 => {
                self.rescore(slot, score + self.opinions.score(slot));
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
        self.cells[slot] = self.counted(said, self.opinions.score(slot));
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
        let (mut last, mut left) = (None, u64::MAX >> (BLOCK - cells.len()));
        let is_plain = probe.looks_at_kind_alone() && probe.looks_at_usage_alone();
        if is_plain {
            // In list order the list itself tells.
            left = match view.list().get(cells.clone()).filter(|_| !layout.is_grouped) {
                Some(nodes) => self.build_empty(view, cells.clone(), nodes.iter().copied().map(Some)),
                None => self.build_empty(view, cells.clone(), cells.clone().map(|slot| layout.node(view, slot))),
            };
        }
        while left != 0 {
            let slot = cells.start + left.trailing_zeros() as usize;
            left &= left - 1;
            match layout.node(view, slot).filter(|_| is_plain) {
                Some(node) => match view.sort_of_empty(node) {
                    Some(sort) => self.ask_empty(view, layout, probe, slot, sort),
                    None if self.ask_like(view, node, slot, &last) => {}
                    None => _ = self.ask(view, layout, probe, slot, &mut last),
                },
                None => _ = self.ask(view, layout, probe, slot, &mut last),
            }
        }
        self.built[block] = true;
        // Sums begin when everything is built.
        debug_assert!(self.sums.is_empty());
    }

    /// Builds the cells of nodes without pods that are known to fit. Returns which of the block are left.
    #[inline]
    fn build_empty(&mut self, view: &View, slots: Range<usize>, nodes: impl Iterator<Item = Option<NodeId>>) -> u64 {
        let Self { cells, opinions, empties, .. } = self;
        let empties = empties.as_slice();
        let known = |node: Option<NodeId>| {
            let known = empties.get(view.sort_of_empty(node?)?.index());
            known.filter(|known| known.cell >= 0)
        };
        let (size, mut left) = (slots.len(), 0_u64);
        match opinions.counted_mut(cells.len(), slots.clone()) {
            Some(counted) => {
                for (at, ((cell, counted), node)) in cells[slots].iter_mut().zip(counted).zip(nodes).enumerate() {
                    match known(node) {
                        Some(known) => (*cell, *counted) = (known.cell, known.opinion.counted),
                        None => left |= 1 << at,
                    }
                }
            }
            None => {
                for (at, (cell, node)) in cells[slots].iter_mut().zip(nodes).enumerate() {
                    match known(node).filter(|known| known.opinion.is_none()) {
                        Some(known) => *cell = known.cell,
                        None => left |= 1 << at,
                    }
                }
            }
        }
        self.fits += size - left.count_ones() as usize;
        left
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
