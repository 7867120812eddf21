//! Which columns exist: by signature and layout, within a memory budget, the least recently used out first.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::column::Column;
use super::layout::Layout;
use super::opinions::Extremes;
use super::pack::Pack;
use super::probe::Probe;
use super::tables::SignatureId;
use super::view::View;

/// After how many uses a column is kept up to date together with others.
const USES: u32 = 3;

/// A signature and the stamp of a layout; 0 is the flat one, the last is the flat one with opinions.
type Key = (SignatureId, u64);

/// Columns within a memory budget.
#[derive(Clone, Debug)]
pub(super) struct Store {
    columns: Vec<Column>,
    /// Where in there; never iterated.
    places: FxHashMap<Key, u32>,
    free: Vec<u32>,
    pack: Pack,
    /// Those that exist, in the order of the second-chance clock.
    clock: VecDeque<Key>,
    cells: usize,
    budget: usize,
}

impl Store {
    /// Keeps at most `budget` cells, but always at least one column.
    pub(super) fn with_budget(budget: usize) -> Self {
        Self {
            columns: Vec::new(),
            places: FxHashMap::default(),
            free: Vec::new(),
            pack: Pack::default(),
            clock: VecDeque::new(),
            cells: 0,
            budget,
        }
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
        let at = self.places.get(&key).copied().unwrap_or_else(|| {
            let at = self.make_room(size);
            self.places.insert(key, at);
            self.clock.push_back(key);
            self.cells += size;
            at
        });
        if !layout.is_grouped {
            self.pack.advance(view, &mut self.columns);
        }
        let column = &mut self.columns[at as usize];
        self.pack.catch_up(column);
        let before = column.len();
        column.sync(view, layout, probe, extremes);
        self.cells = self.cells - before.min(self.cells) + column.len();
        // Whoever is asked only now and then had better look by itself at what changed in the meantime.
        if !layout.is_grouped && column.uses > USES {
            self.pack.used(view, at, column, || probe.plain());
        }
        column
    }

    /// Takes columns away that were not used since the clock last came by, until `size` cells fit in. Returns where there is a
    /// column for reuse.
    fn make_room(&mut self, size: usize) -> u32 {
        let mut spare = None;
        while self.cells + size > self.budget
            && let Some(oldest) = self.clock.pop_front()
        {
            let used = self.places.get(&oldest).is_some_and(|&at| std::mem::take(&mut self.columns[at as usize].used));
            if used {
                self.clock.push_back(oldest);
            } else if let Some(at) = self.places.remove(&oldest) {
                self.cells -= self.columns[at as usize].len().min(self.cells);
                self.pack.leave(at, &mut self.columns[at as usize]);
                // Only the last is worth keeping.
                if let Some(other) = spare.replace(at) {
                    self.columns[other as usize] = Column::default();
                    self.free.push(other);
                }
            }
        }
        let at = spare.or_else(|| self.free.pop()).unwrap_or_else(|| {
            self.columns.push(Column::default());
            u32::try_from(self.columns.len() - 1).expect("class ids are 32 bits wide")
        });
        self.columns[at as usize].clear(size);
        at
    }
}
