//! Which columns exist: by signature and layout, within a memory budget, the least recently used out first.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::column::{Column, Extremes};
use super::layout::Layout;
use super::probe::Probe;
use super::tables::SignatureId;
use super::view::View;

/// A signature and the stamp of a layout; 0 is the flat one, the last is the flat one with opinions.
type Key = (SignatureId, u64);

/// Columns within a memory budget.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// Never iterated.
    columns: FxHashMap<Key, Box<Column>>,
    /// Those that exist, in the order of the second-chance clock.
    clock: VecDeque<Key>,
    cells: usize,
    budget: usize,
}

impl Store {
    /// Keeps at most `budget` cells, but always at least one column.
    pub(super) fn with_budget(budget: usize) -> Self {
        Self { columns: FxHashMap::default(), clock: VecDeque::new(), cells: 0, budget }
    }

    /// How many columns are held.
    pub(super) fn held(&self) -> usize {
        self.clock.len()
    }

    /// The column of `signature` in a layout, up to date as far as it is built; with `extremes`, its cells count opinions.
    pub(super) fn column(
        &mut self,
        view: &View,
        layout: &Layout,
        signature: SignatureId,
        probe: &Probe<'_>,
        extremes: Option<Extremes>,
    ) -> &mut Column {
        let size = layout.slots();
        let stamp = if layout.is_grouped { layout.stamp } else { 0 };
        let key = (signature, if extremes.is_some() { u64::MAX } else { stamp });
        if !self.columns.contains_key(&key) {
            let spare = self.make_room(size);
            self.columns.insert(key, spare);
            self.clock.push_back(key);
            self.cells += size;
        }
        let column = self.columns.get_mut(&key).expect("just made");
        let before = column.len();
        column.sync(view, layout, probe, extremes);
        self.cells = self.cells - before.min(self.cells) + column.len();
        column
    }

    /// Takes columns away that were not used since the clock last came by, until `size` cells fit in; gives the last of them
    /// back for reuse.
    fn make_room(&mut self, size: usize) -> Box<Column> {
        let mut spare = None;
        while self.cells + size > self.budget
            && let Some(oldest) = self.clock.pop_front()
        {
            let used = self.columns.get_mut(&oldest).is_some_and(|column| std::mem::take(&mut column.used));
            if used {
                self.clock.push_back(oldest);
            } else if let Some(column) = self.columns.remove(&oldest) {
                self.cells -= column.len().min(self.cells);
                spare = Some(column);
            }
        }
        let mut spare = spare.unwrap_or_default();
        spare.clear(size);
        spare
    }
}
