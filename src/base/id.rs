//! Dense 32-bit ids and vectors indexed by them.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// What [`define_id!`](crate::define_id) gives every id type.
pub trait DenseId: Copy + Eq + Ord + std::hash::Hash {
    /// The id of slot `index`.
    fn from_index(index: usize) -> Self;
    /// The slot this id names.
    fn index(self) -> usize;
}

/// For what has no id type of its own, such as the slots of the calendar.
impl DenseId for u32 {
    #[inline]
    fn from_index(index: usize) -> Self {
        Self::try_from(index).expect("fewer than 2^32 rows")
    }
    #[inline]
    fn index(self) -> usize {
        self as usize
    }
}

/// Defines a dense id: a `u32` whose `Option` is free (the slot number is stored plus one).
#[macro_export]
macro_rules! define_id {
    ($($(#[$doc:meta])* $name:ident)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(std::num::NonZeroU32);

        impl $crate::base::id::DenseId for $name {
            #[inline]
            fn from_index(index: usize) -> Self {
                let raw = u32::try_from(index + 1).expect("more than 2^32 - 2 ids of one kind");
                Self(std::num::NonZeroU32::new(raw).expect("index + 1 is positive"))
            }
            #[inline]
            fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl $name {
            /// The id of slot `raw`, usable in constants.
            #[must_use]
            pub const fn from_raw(raw: u32) -> Self {
                Self(std::num::NonZeroU32::new(raw + 1).expect("raw + 1 is positive"))
            }

            /// The slot number as `u32`.
            #[inline]
            #[must_use]
            pub const fn raw(self) -> u32 {
                self.0.get() - 1
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}#{}", stringify!($name), self.raw())
            }
        }
    )+ };
}

/// A vector indexed by one kind of id. Long ones grow by an eighth, not by doubling: columns of a million rows must not
/// carry a million spare ones.
pub struct IdVec<I, T> {
    items: Vec<T>,
    id: PhantomData<fn(I)>,
}

impl<I: DenseId, T> IdVec<I, T> {
    /// An empty column.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }

    /// Appends a row and returns its id.
    pub fn push(&mut self, item: T) -> I {
        if self.items.len() == self.items.capacity() {
            let length = self.items.len();
            self.items.reserve_exact((length / 8).max(length.clamp(16, 1024)));
        }
        self.items.push(item);
        I::from_index(self.items.len() - 1)
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The row of `id`, if there is one.
    #[must_use]
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(id.index())
    }

    /// Every id, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.items.len()).map(I::from_index)
    }

    /// Rows in id order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// Rows in id order, mutable.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// Ids with their rows, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(i, item)| (I::from_index(i), item))
    }

    /// The rows as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }
}

impl<I: DenseId, T: Clone> IdVec<I, T> {
    /// Makes row `id` exist, filling with `fill`.
    pub fn grow_to(&mut self, id: I, fill: T) {
        while self.items.len() <= id.index() {
            self.push(fill.clone());
        }
    }
}

impl<I, T> Default for IdVec<I, T> {
    fn default() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }
}

impl<I, T: Clone> Clone for IdVec<I, T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), id: PhantomData }
    }
}

impl<I, T: std::fmt::Debug> std::fmt::Debug for IdVec<I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.items.fmt(f)
    }
}

impl<I, T: PartialEq> PartialEq for IdVec<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<I, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<S: IntoIterator<Item = T>>(items: S) -> Self {
        Self { items: items.into_iter().collect(), id: PhantomData }
    }
}

impl<I: DenseId, T> Index<I> for IdVec<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: DenseId, T> IndexMut<I> for IdVec<I, T> {
    #[inline]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    define_id! {
        /// A test id.
        TestId
    }

    #[test]
    fn ids_are_dense_and_their_option_is_free() {
        let mut column = IdVec::<TestId, u8>::new();
        let (a, b) = (column.push(7), column.push(9));
        assert_eq!((a.raw(), b.raw(), column[b]), (0, 1, 9));
        assert_eq!((TestId::from_raw(1), size_of::<Option<TestId>>()), (b, 4));
        column.grow_to(TestId::from_index(4), 1);
        assert_eq!(column.as_slice(), &[7, 9, 1, 1, 1]);
        assert_eq!(format!("{a:?}"), "TestId#0");
    }
}
