//! Journals of what changed: what a cache must look at again. Know neither nodes nor caches.

use crate::model::{ClassId, NodeId};

/// A point in a journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Cursor(u64);

/// What changed, in order, as far back as it is worth while.
#[derive(Clone, Debug)]
pub struct Journal<T> {
    entries: Vec<T>,
    start: u64,
}

/// A node that changed, for those who judge nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed {
    /// The node.
    pub node: NodeId,
    /// Whether more than what its pods take is another.
    pub facts: bool,
}

/// What those must know who count pods by what they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// A pod came to a node.
    Came(NodeId, ClassId),
    /// A pod left a node. `true`: it was being deleted.
    Left(NodeId, ClassId, bool),
    /// A pod on a node is being deleted from now on.
    Terminating(NodeId, ClassId),
    /// A node came, went or changed.
    Node(NodeId),
}

impl<T> Journal<T> {
    /// Something changed on a node of a list of `listed` nodes.
    pub(super) fn note(&mut self, entry: T, listed: usize) {
        self.entries.push(entry);
        let keep = (2 * listed).max(1024);
        if self.entries.len() > 2 * keep {
            let cut = self.entries.len() - keep;
            self.entries.drain(..cut);
            self.start += cut as u64;
        }
    }

    /// The end of the journal.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor(self.start + self.entries.len() as u64)
    }

    /// What changed since `cursor`, oldest first, possibly repeated; `None` if that is too long ago to tell.
    #[must_use]
    pub fn changes_since(&self, cursor: Cursor) -> Option<&[T]> {
        let skip = usize::try_from(cursor.0.checked_sub(self.start)?).ok()?;
        self.entries.get(skip..)
    }
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), start: 0 }
    }
}
