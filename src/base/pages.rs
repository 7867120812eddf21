//! Columns that grow page by page: for what there may be a million of.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use super::id::DenseId;

/// Rows of a page: at 1 to 64 bytes a row, pages of 1 to 64 KiB.
const ROWS: usize = 1024;

/// A vector indexed by one kind of id, in pages that never move. A `Vec` that grows needs spare room, or a second copy
/// of itself while it grows, and the room that it leaves is too small for the next one: with a dozen columns that grow
/// together, that was a fifth of a run's memory. Here it is half a page. The price is one more load an access, so what
/// is scanned (the scheduler's columns of nodes) stays in [`IdVec`](super::IdVec).
#[derive(Clone)]
pub struct IdPages<I, T> {
    /// All full but the last.
    pages: Vec<Vec<T>>,
    len: usize,
    id: PhantomData<fn(I)>,
}

impl<I: DenseId, T> IdPages<I, T> {
    /// An empty column.
    #[must_use]
    pub const fn new() -> Self {
        Self { pages: Vec::new(), len: 0, id: PhantomData }
    }

    /// Appends a row and returns its id.
    pub fn push(&mut self, item: T) -> I {
        if self.len.is_multiple_of(ROWS) {
            self.pages.push(Vec::with_capacity(ROWS));
        }
        self.pages[self.len / ROWS].push(item);
        self.len += 1;
        I::from_index(self.len - 1)
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row of `id`, if there is one.
    #[inline]
    #[must_use]
    pub fn get(&self, id: I) -> Option<&T> {
        self.pages.get(id.index() / ROWS)?.get(id.index() % ROWS)
    }

    /// Ids with their rows, in order.
    pub fn entries(&self) -> impl Iterator<Item = (I, &T)> {
        self.pages.iter().flatten().enumerate().map(|(index, item)| (I::from_index(index), item))
    }

    /// Bytes held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.len.next_multiple_of(ROWS) * size_of::<T>() + self.pages.capacity() * size_of::<Vec<T>>()
    }
}

impl<I: DenseId, T: Clone> IdPages<I, T> {
    /// Makes row `id` exist, filling with `fill`.
    pub fn grow_to(&mut self, id: I, fill: &T) {
        while self.len <= id.index() {
            self.push(fill.clone());
        }
    }
}

impl<I: DenseId, T> Default for IdPages<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, T: std::fmt::Debug> std::fmt::Debug for IdPages<I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pages.iter().flatten()).finish()
    }
}

impl<I: DenseId, T> Index<I> for IdPages<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, id: I) -> &T {
        &self.pages[id.index() / ROWS][id.index() % ROWS]
    }
}

impl<I: DenseId, T> IndexMut<I> for IdPages<I, T> {
    #[inline]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.pages[id.index() / ROWS][id.index() % ROWS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_ids_across_pages() {
        let mut column = IdPages::<u32, usize>::new();
        assert!(column.is_empty() && column.get(0).is_none());
        let ids: Vec<u32> = (0..ROWS + 2).map(|i| column.push(10 * i)).collect();
        assert_eq!((ids[ROWS], column.len(), column.pages.len()), (1024, ROWS + 2, 2));
        column[1024] += 1;
        let rows = (column[1023], column[1024], column.get(1025), column.get(1026));
        assert_eq!(rows, (10_230, 10_241, Some(&10_250), None));
        column.grow_to(2400, &7);
        assert_eq!((column.len(), column[2400], column[1025]), (2401, 7, 10_250));
        assert!(column.entries().map(|(id, _)| id).eq(0..2401));
        assert!(column.pages.iter().all(|page| page.capacity() == ROWS), "a page is never reallocated");
    }
}
