//! What blocks of cells come to, so that a search over all nodes looks at blocks. Knows when a block must be summed up again; what
//! cells mean is the [`column`](super::column)'s business.

use std::ops::Range;

use super::layout::BLOCK;
use super::search::count;
use crate::base::id::DenseId;

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
    /// Whether nothing is summed up yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.tops.is_empty()
    }

    /// Sums up the blocks that changed, or all if none was.
    pub(super) fn bring_up_to_date(&mut self, cells: &[i16]) {
        let blocks = cells.len().div_ceil(BLOCK);
        if self.tops.len() != blocks {
            let bits = |cells: &[i16]| cells.iter().rev().fold(0, |bits, &cell| bits << 1 | u64::from(cell >= 0));
            let bits = cells.chunks(BLOCK).map(bits).collect();
            let (tops, ties, fits) = (vec![0; blocks], vec![0; blocks], vec![0; blocks]);
            let stale = (0..u32::from_index(blocks)).collect();
            *self = Self { tops, ties, fits, bits, stale, is_stale: vec![true; blocks] };
        }
        let Self { tops, ties, fits, bits, stale, is_stale } = self;
        let small = |n: usize| u8::try_from(n).expect("blocks are small");
        for block in stale.drain(..) {
            let block = block.index();
            let cells = &cells[block * BLOCK..((block + 1) * BLOCK).min(cells.len())];
            let top = cells.iter().fold(i16::MIN, |top, &cell| top.max(cell));
            tops[block] = top;
            ties[block] = small(count(cells, |cell| cell == top));
            fits[block] = small(bits[block].count_ones() as usize);
            is_stale[block] = false;
        }
    }

    /// The cell at `slot` is not what it was, and fits or does not.
    pub(super) fn touch(&mut self, slot: usize, fits: bool) {
        if let Some(bits) = self.bits.get_mut(slot / BLOCK) {
            let bit = 1 << (slot % BLOCK);
            *bits = if fits { *bits | bit } else { *bits & !bit };
            self.forget(slot / BLOCK);
        }
    }

    /// A block must be summed up again, if sums are kept.
    #[inline]
    pub(super) fn forget(&mut self, block: usize) {
        if let Some(stale) = self.is_stale.get_mut(block)
            && !std::mem::replace(stale, true)
        {
            self.stale.push(u32::from_index(block));
        }
    }

    /// How many cells of these blocks hold what is the highest of their block and equal to `cell`.
    pub(super) fn equal(&self, blocks: Range<usize>, cell: i16) -> u32 {
        let (tops, ties) = (&self.tops[blocks.clone()], &self.ties[blocks]);
        // So many blocks at a time that 16 bits hold their sum.
        let some = |(tops, ties): (&[i16], &[u8])| {
            let ties = tops.iter().zip(ties).map(|(&top, &ties)| if top == cell { u16::from(ties) } else { 0 });
            u32::from(ties.sum::<u16>())
        };
        tops.chunks(BLOCK).zip(ties.chunks(BLOCK)).map(some).sum()
    }

    /// In which of these blocks the `n`-th of them is, counted from 0, and how many of the block's come before it.
    pub(super) fn nth(&self, blocks: Range<usize>, cell: i16, n: u32) -> (usize, u32) {
        let (mut block, mut left) = (blocks.start, n);
        for stride in [64, 8, 1] {
            while block + stride <= blocks.end {
                let here = self.equal(block..block + stride, cell);
                if left < here {
                    break;
                }
                (block, left) = (block + stride, left - here);
            }
        }
        (block, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_of_the_highest_is_found_and_changes_are_summed_up() {
        // 100 blocks and a part of one; every third cell is one of the highest, and 70 in a row do not fit.
        let mut cells: Vec<i16> = (0..6430).map(|at| if at % 3 == 0 { 9 } else { 5 }).collect();
        cells[1000..1070].fill(-1);
        let mut sums = Sums::default();
        sums.bring_up_to_date(&cells);
        (cells[6402], cells[6]) = (5, -1);
        sums.touch(6402, true);
        sums.touch(6, false);
        sums.bring_up_to_date(&cells);
        let highest: Vec<usize> = (0..cells.len()).filter(|&at| cells[at] == 9).collect();
        assert_eq!(sums.equal(0..sums.tops.len(), 9) as usize, highest.len());
        for (n, &at) in highest.iter().enumerate() {
            let (block, left) = sums.nth(0..sums.tops.len(), 9, u32::from_index(n));
            assert_eq!(block, at / BLOCK);
            assert_eq!(left as usize, highest.iter().filter(|&&other| other / BLOCK == block && other < at).count());
        }
        let fits: usize = sums.fits.iter().map(|&fits| usize::from(fits)).sum();
        assert_eq!(fits, cells.iter().filter(|&&cell| cell >= 0).count());
    }
}
