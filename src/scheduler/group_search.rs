//! The search over nodes that hang on other pods too: over summaries of blocks if all nodes are looked at, else node by node in
//! list order. Owns the walk; verdicts and scores come from the [`question`](super::question).

use super::column::Column;
use super::counts::Counts;
use super::cycle::{Pick, Placement, Search, Window};
use super::layout::{BLOCK, Layout};
use super::probe::Probe;
use super::question::{Check, Question, Scored};
use super::search::{highest, nth};
use super::view::View;
use super::window_search::ties;
use crate::base::id::DenseId;

/// What a search is about.
pub(super) struct Ground<'a> {
    pub view: &'a View,
    pub layout: &'a Layout,
    pub probe: &'a Probe<'a>,
    pub counts: &'a Counts,
    pub question: &'a Question,
    /// What groups must be.
    pub checks: &'a [Check],
    /// What nodes must be.
    pub fine: &'a [Check],
    pub window: Window,
    pub pick: Pick,
}

/// Room for a walk; kept to save the allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// Slots of nodes that fit, in order.
    slots: Vec<u32>,
    /// Their scores.
    totals: Vec<i64>,
    /// Their cells.
    cells: Vec<i16>,
    /// What is known of blocks.
    blocks: Vec<State>,
}

/// What is known of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its group may not take the pod.
    Closed,
    /// Its cells are computed.
    Built,
    /// They may not be.
    Open,
}

/// A group whose best nodes are among the best, and what their cells hold.
struct Tied {
    group: usize,
    cell: i16,
}

impl Ground<'_> {
    /// Whether the nodes of a group differ in their cells alone.
    pub(super) fn is_summable(&self, column: &mut Column) -> bool {
        column.sum_up(self.view, self.layout, self.probe);
        if column.opinions.extremes().is_some() {
            let all = [self.window.start as usize..column.cells.len(), 0..self.window.start as usize];
            return column.is_right(&all);
        }
        self.layout.is_grouped || column.opinions.is_empty()
    }

    /// Whether the nodes of each group may take the pod, as far as that hangs on the group.
    pub(super) fn allowed(&self) -> Vec<bool> {
        let holds = |check: &Check, node| check.holds(self.counts, node);
        let groups = self.layout.groups.iter();
        groups.map(|group| self.checks.iter().all(|check| holds(check, group.node))).collect()
    }

    pub(super) fn scored(&self, group: usize) -> Scored {
        let group = &self.layout.groups[group];
        Scored { node: group.node, intolerable: group.common.intolerable, preferred: group.common.preferred }
    }

    /// All nodes are looked at: the best of each group by what its blocks come to.
    pub(super) fn search_blocks(&self, column: &Column) -> Search {
        let sums = &column.sums;
        let allowed = self.allowed();
        let mut feasible = 0;
        let (mut occurring, mut scored) = (Vec::new(), Vec::new());
        for (at, group) in self.layout.groups.iter().enumerate().filter(|&(at, _)| allowed[at]) {
            let blocks = group.blocks();
            let fits: u32 = sums.fits[blocks.clone()].iter().map(|&fits| u32::from(fits)).sum();
            if fits > 0 {
                feasible += fits;
                let top = sums.tops[blocks].iter().fold(i16::MIN, |top, &cell| top.max(cell));
                occurring.push(Tied { group: at, cell: top });
                scored.push(self.scored(at));
            }
        }
        let bonuses = if feasible > 1 && column.opinions.extremes().is_none() {
            self.question.bonuses(self.counts, self.probe.rules, &scored)
        } else {
            vec![0; scored.len()]
        };
        let total = |(best, bonus): (&Tied, &i64)| i64::from(best.cell) + bonus;
        let best = occurring.iter().zip(&bonuses).map(total).max();
        let placement = best.filter(|_| feasible > 0).map(|best| {
            let mut at = 0;
            occurring.retain(|tied| {
                at += 1;
                i64::from(tied.cell) + bonuses[at - 1] == best
            });
            let ties = |tied: &Tied| sums.equal(self.layout.groups[tied.group].blocks(), tied.cell);
            let tied: u32 = occurring.iter().map(ties).sum();
            let position = self.nth_of(column, &occurring, tied, self.pick.index(tied));
            let node = self.view.list()[position];
            Placement { node, score: (feasible > 1).then_some(best), tied }
        });
        Search { placement, feasible, processed: u32::from_index(self.view.list().len()) }
    }

    /// The position of the `n`-th of `all` tied nodes from the start of the window on.
    fn nth_of(&self, column: &Column, tied: &[Tied], all: u32, n: u32) -> usize {
        let slot = |tied: &Tied, position| self.layout.slot_from(tied.group, position);
        let between = |from, to| {
            let here = |tied: &Tied| ties(column, &(slot(tied, from)..slot(tied, to)), tied.cell);
            u32::from_index(tied.iter().map(here).sum())
        };
        let start = self.window.start as usize;
        let skipped = if start == 0 { 0 } else { between(0, start) };
        let rank = if n < all - skipped { skipped + n } else { n - (all - skipped) };
        if let [Tied { group, cell }] = *tied {
            let (block, left) = column.sums.nth(self.layout.groups[group].blocks(), cell, rank);
            let first = block * BLOCK;
            let cells = &column.cells[first..(first + BLOCK).min(column.cells.len())];
            let offset = nth(cells, cell, left as usize).expect("the block has so many");
            return self.layout.position_at[first + offset] as usize;
        }
        // At `low` there are at most `rank` before, at `high` more.
        let (mut low, mut low_before, mut high) = (0, 0, self.view.list().len());
        while high - low > BLOCK {
            let middle = usize::midpoint(low, high).next_multiple_of(BLOCK);
            let more = between(low, middle);
            if low_before + more <= rank {
                (low, low_before) = (middle, low_before + more);
            } else {
                high = middle;
            }
        }
        let mut left = rank - low_before;
        for position in low..high {
            let slot = self.layout.slot_of[position] as usize;
            let group = self.layout.group_of(slot);
            if tied.iter().any(|tied| tied.group == group && tied.cell == column.cells[slot]) {
                if left == 0 {
                    return position;
                }
                left -= 1;
            }
        }
        unreachable!("the pick is one of the tied")
    }

    /// Looks at nodes one by one until enough fit. `by_group`: nodes of a group get the same bonus.
    pub(super) fn search_nodes(&self, column: &mut Column, by_group: bool, scratch: &mut Scratch) -> Search {
        let (size, start) = (self.view.list().len(), self.window.start as usize);
        let groups = self.layout.groups.len();
        let allowed = self.allowed();
        let state = |&group: &u32| if allowed[group.index()] { State::Open } else { State::Closed };
        scratch.blocks.clear();
        scratch.blocks.extend(self.layout.group_of_block.iter().map(state));
        scratch.slots.clear();
        scratch.cells.clear();
        let mut processed = self.walk(column, start..size, scratch);
        if scratch.slots.len() < self.window.need as usize {
            processed += self.walk(column, 0..start, scratch);
        }
        let Scratch { slots, totals, cells, .. } = scratch;
        let feasible = u32::from_index(slots.len());
        let node = |slot: u32| self.layout.node(self.view, slot as usize).expect("padding does not fit");
        totals.clear();
        let placement = match slots[..] {
            [] => None,
            [slot] => Some(Placement { node: node(slot), score: None, tied: 1 }),
            _ if by_group && !self.question.scores() && !self.layout.has_opinions => {
                let (best, tied) = highest(cells);
                let at = nth(cells, best, self.pick.index(tied) as usize).expect("the pick is one of the tied");
                let score = i64::from(best) + self.probe.rules.opinion(0, 0, 0, 0);
                Some(Placement { node: node(slots[at]), score: Some(score), tied })
            }
            _ => {
                if by_group {
                    let mut occurs = vec![false; groups];
                    slots.iter().for_each(|&slot| occurs[self.layout.group_of(slot as usize)] = true);
                    let present = (0..groups).filter(|&group| occurs[group]);
                    let scored: Vec<Scored> = present.clone().map(|group| self.scored(group)).collect();
                    let mut bonuses = vec![0; groups];
                    let worth = self.question.bonuses(self.counts, self.probe.rules, &scored);
                    present.zip(worth).for_each(|(group, bonus)| bonuses[group] = bonus);
                    let bonus = |&slot: &u32| bonuses[self.layout.group_of(slot as usize)];
                    totals.extend(slots.iter().zip(&*cells).map(|(slot, &cell)| i64::from(cell) + bonus(slot)));
                } else {
                    let one = |&slot: &u32| {
                        let (at, opinions) = (slot as usize, &column.opinions);
                        let (intolerable, preferred) = (opinions.intolerable(at), opinions.preferred(at));
                        Scored { node: node(slot), intolerable, preferred }
                    };
                    let scored: Vec<Scored> = slots.iter().map(one).collect();
                    let bonuses = self.question.bonuses(self.counts, self.probe.rules, &scored);
                    totals.extend(cells.iter().zip(bonuses).map(|(&cell, bonus)| i64::from(cell) + bonus));
                }
                let best = totals.iter().fold(i64::MIN, |best, &total| best.max(total));
                let tied = u32::from_index(totals.iter().filter(|&&total| total == best).count());
                let mut left = self.pick.index(tied);
                let at = totals.iter().position(|&total| {
                    let is_it = total == best && left == 0;
                    left -= u32::from(total == best && !is_it);
                    is_it
                });
                let slot = slots[at.expect("the pick is one of the tied")];
                Some(Placement { node: node(slot), score: Some(best), tied })
            }
        };
        Search { placement, feasible, processed: u32::from_index(processed) }
    }

    /// Goes on through `range` until enough nodes fit. Returns how many were looked at.
    fn walk(&self, column: &mut Column, range: std::ops::Range<usize>, scratch: &mut Scratch) -> usize {
        let Scratch { slots, cells, blocks, .. } = scratch;
        let need = self.window.need as usize;
        for (looked, &slot) in self.layout.slot_of[range.clone()].iter().enumerate() {
            let at = slot as usize;
            match blocks[at / BLOCK] {
                State::Built => {}
                State::Closed => continue,
                State::Open => {
                    column.build(self.view, self.layout, self.probe, at / BLOCK);
                    blocks[at / BLOCK] = State::Built;
                }
            }
            let cell = column.cells[at];
            if cell >= 0 && self.is_fine(at) {
                slots.push(slot);
                cells.push(cell);
                if slots.len() == need {
                    return looked + 1;
                }
            }
        }
        range.len()
    }

    fn is_fine(&self, slot: usize) -> bool {
        self.fine.is_empty()
            || self
                .layout
                .node(self.view, slot)
                .is_some_and(|node| self.fine.iter().all(|c| c.holds(self.counts, node)))
    }
}
