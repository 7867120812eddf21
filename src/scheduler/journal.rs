//! The journal of changed nodes: what a cache must look at again. Knows neither nodes nor caches.

use crate::model::NodeId;

/// A point in the journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Cursor(u64);

/// Which nodes changed, in order, as far back as it is worth while.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: Vec<NodeId>,
    start: u64,
}

impl Journal {
    /// A node of a list of `listed` nodes changed.
    pub(super) fn note(&mut self, node: NodeId, listed: usize) {
        self.entries.push(node);
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

    /// The nodes that changed since `cursor`, oldest first, possibly repeated; `None` if that is too long ago to tell.
    #[must_use]
    pub fn changes_since(&self, cursor: Cursor) -> Option<&[NodeId]> {
        let skip = usize::try_from(cursor.0.checked_sub(self.start)?).ok()?;
        self.entries.get(skip..)
    }
}
