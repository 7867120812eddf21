//! Interning: every distinct value exists once and is known by a dense id.

use std::hash::Hash;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::id::DenseId;

/// Gives equal values the same id, in order of first appearance.
pub struct Interner<I, T> {
    items: IndexSet<T, FxBuildHasher>,
    id: std::marker::PhantomData<fn(I)>,
}

impl<I: DenseId, T: Hash + Eq> Interner<I, T> {
    /// An interner that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { items: IndexSet::with_hasher(FxBuildHasher), id: std::marker::PhantomData }
    }

    /// The id of `item`, new if it was not seen before.
    pub fn intern(&mut self, item: T) -> I {
        I::from_index(self.items.insert_full(item).0)
    }

    /// The id of `item`, if it was seen before.
    pub fn lookup<Q: ?Sized + Hash + indexmap::Equivalent<T>>(&self, item: &Q) -> Option<I> {
        self.items.get_index_of(item).map(I::from_index)
    }

    /// The value of `id`.
    ///
    /// # Panics
    /// If `id` is not of this interner.
    #[must_use]
    pub fn get(&self, id: I) -> &T {
        self.items.get_index(id.index()).expect("id of another interner")
    }

    /// How many distinct values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was interned yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Ids with their values, in id order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (I, &T)> {
        self.items.iter().enumerate().map(|(i, item)| (I::from_index(i), item))
    }
}

impl<I: DenseId> Interner<I, Box<str>> {
    /// Interns a string slice without copying it when it is known.
    pub fn intern_str(&mut self, text: &str) -> I {
        match self.items.get_index_of(text) {
            Some(index) => I::from_index(index),
            None => self.intern(text.into()),
        }
    }
}

impl<I: DenseId, T: Hash + Eq> Default for Interner<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, T: Clone> Clone for Interner<I, T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), id: std::marker::PhantomData }
    }
}

impl<I, T: std::fmt::Debug> std::fmt::Debug for Interner<I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.items.fmt(f)
    }
}
