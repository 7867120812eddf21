//! What a question thinks of nodes besides whether they fit: taints to avoid and preferred terms. Which node thinks what is kept
//! beside the cells, by slot: as it is, to be normalized over each window, or as the scores that it comes to if the extremes of
//! the window are known.

use std::ops::Range;

use super::rules::Rules;

/// The most taints to avoid and the highest preference of the nodes that fit, by which both are normalized. Cells may hold the
/// scores that are right for these; a search must find out whether they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Extremes {
    pub worst: i64,
    pub most: i64,
}

/// What is thought of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opinion {
    /// How many taints a pod would avoid.
    intolerable: u16,
    /// The weights of the preferred terms that match.
    preferred: u32,
    /// If cells count opinions.
    pub counted: Counted,
}

/// What an opinion comes to with the extremes that are counted with, and which of them it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counted {
    score: i16,
    has: u8,
}

const WORST: u8 = 1;
const MOST: u8 = 2;

impl Opinion {
    /// What comes to scores if there are `extremes`.
    pub(super) fn new(rules: &Rules, extremes: Option<Extremes>, intolerable: u16, preferred: u32) -> Self {
        let Some(Extremes { worst, most }) = extremes else {
            return Self { intolerable, preferred, counted: Counted::default() };
        };
        let (taints, terms) = (i64::from(intolerable), i64::from(preferred));
        let score = i16::try_from(rules.opinion(taints, worst, terms, most)).expect("rules say that cells hold it");
        let bit = |has: bool, bit: u8| if has { bit } else { 0 };
        let has = bit(worst != 0 && taints == worst, WORST) | bit(most != 0 && terms == most, MOST);
        Self { intolerable, preferred, counted: Counted { score, has } }
    }

    /// Whether there is nothing to say.
    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.intolerable == 0 && self.preferred == 0
    }

    /// What the cell of a node that fits counts for it.
    #[inline]
    pub(super) const fn score(self) -> i16 {
        self.counted.score
    }
}

/// What is thought of all nodes, by slot. A list is empty as long as it would hold nothing but zeros.
#[derive(Clone, Debug, Default)]
pub(super) struct Opinions {
    /// What cells count, if they do.
    extremes: Option<Extremes>,
    intolerable: Vec<u16>,
    preferred: Vec<u32>,
    counted: Vec<Counted>,
}

impl Opinions {
    /// Forgets everything; from now on cells count what opinions come to with these extremes, or nothing.
    pub(super) fn clear(&mut self, extremes: Option<Extremes>) {
        self.extremes = extremes;
        self.intolerable.clear();
        self.preferred.clear();
        self.counted.clear();
    }

    /// What cells count.
    pub(super) const fn extremes(&self) -> Option<Extremes> {
        self.extremes
    }

    /// Whether all nodes are thought of alike, as far as that is not in their cells.
    pub(super) const fn is_empty(&self) -> bool {
        self.intolerable.is_empty() && self.preferred.is_empty()
    }

    /// What is thought of the node at `slot` of so many.
    #[inline(always)]
    pub(super) fn put(&mut self, size: usize, slot: usize, of: Opinion) {
        if self.extremes.is_some() {
            put(&mut self.counted, size, slot, of.counted);
        } else {
            put(&mut self.intolerable, size, slot, of.intolerable);
            put(&mut self.preferred, size, slot, of.preferred);
        }
    }

    /// What is counted of these slots, of so many; `None`: cells count nothing.
    pub(super) fn counted_mut(&mut self, size: usize, slots: Range<usize>) -> Option<&mut [Counted]> {
        self.extremes?;
        if self.counted.is_empty() {
            self.counted.resize(size, Counted::default());
        }
        self.counted.get_mut(slots)
    }

    /// What the cell at `slot` counts, if its node fits.
    #[inline]
    pub(super) fn score(&self, slot: usize) -> i16 {
        self.counted.get(slot).map_or(0, |counted| counted.score)
    }

    /// How many taints a pod would avoid, if cells do not count that.
    #[inline]
    pub(super) fn intolerable(&self, slot: usize) -> i64 {
        self.intolerable.get(slot).map_or(0, |&taints| i64::from(taints))
    }

    /// The weights of the preferred terms that match, if cells do not count that.
    #[inline]
    pub(super) fn preferred(&self, slot: usize) -> i64 {
        self.preferred.get(slot).map_or(0, |&weight| i64::from(weight))
    }

    /// Whether the extremes that cells count with are those of these nodes: no node exceeds them, so they are if they occur.
    pub(super) fn is_right(&self, slots: impl Iterator<Item = usize> + Clone) -> bool {
        let Some(Extremes { worst, most }) = self.extremes else { return true };
        let occurs =
            |bit: u8| slots.clone().any(|slot| self.counted.get(slot).is_some_and(|counted| counted.has & bit != 0));
        (worst == 0 || occurs(WORST)) && (most == 0 || occurs(MOST))
    }
}

/// Sets what stands at `slot` of a list of `size`, which is made when the first non-zero comes.
#[inline(always)]
fn put<T: Copy + Default + PartialEq>(list: &mut Vec<T>, size: usize, slot: usize, value: T) {
    if value != T::default() && list.is_empty() {
        list.resize(size, T::default());
    }
    if let Some(there) = list.get_mut(slot) {
        *there = value;
    }
}
