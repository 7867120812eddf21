//! The evaluator in use: for every distinct question (signature) one column of 16-bit cells in node-list order, holding each
//! node's verdict and score. Cells are computed when a search first comes by and again when the journal says that their node
//! changed, so a decision is a scan of contiguous numbers. Must give the answers of [`scan`](super::scan), always.

use std::collections::VecDeque;

use super::column::Column;
use super::cycle::{Evaluator, Pick, Search, Window};
use super::diagnosis::Diagnosis;
use super::framework::Rejection;
use super::nominated::Denied;
use super::probe::Probe;
use super::scan::Scan;
use super::tables::SignatureId;
use super::view::{NOT_LISTED, View};
use crate::base::IdVec;
use crate::model::{ClassId, NodeId};

/// How many cells (of two bytes) are kept unless told otherwise.
pub const DEFAULT_BUDGET_CELLS: usize = 32 << 20;

/// Columns of cells by signature, within a memory budget.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: IdVec<SignatureId, Option<Box<Column>>>,
    /// The signatures that have a column, in the order of the second-chance clock.
    clock: VecDeque<SignatureId>,
    cells: usize,
    budget: usize,
    scan: Scan,
    /// Whether a class is beyond columns, and the view's epoch for which that holds.
    beyond: IdVec<ClassId, Option<(u64, bool)>>,
}

impl Columns {
    /// Columns within the default budget.
    #[must_use]
    pub fn new() -> Self {
        Self::with_budget(DEFAULT_BUDGET_CELLS)
    }

    /// Keeps at most `cells` cells, but always at least one column.
    #[must_use]
    pub fn with_budget(cells: usize) -> Self {
        Self {
            columns: IdVec::new(),
            clock: VecDeque::new(),
            cells: 0,
            budget: cells,
            scan: Scan,
            beyond: IdVec::new(),
        }
    }

    /// How many columns are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.clock.len()
    }

    /// Whether no column holds a class's verdicts and scores: because they hang on pods of other nodes or on volumes, or
    /// because the profile's rules are not what cells are made for. Then the plain evaluator is asked.
    fn is_beyond(&mut self, view: &View, class: ClassId) -> bool {
        let epoch = view.relations_epoch();
        self.beyond.grow_to(class, None);
        match self.beyond[class] {
            Some((known, beyond)) if known == epoch => beyond,
            _ => {
                let beyond = view.relates(class) || has_volumes(view, class) || !fits_columns(view, class);
                self.beyond[class] = Some((epoch, beyond));
                beyond
            }
        }
    }

    /// The column of `signature`, up to date as far as it is built.
    fn column(&mut self, view: &View, signature: SignatureId, probe: &Probe<'_>) -> &mut Column {
        let size = view.list().len();
        self.columns.grow_to(signature, None);
        if self.columns[signature].is_none() {
            let spare = self.make_room(size);
            self.columns[signature] = Some(spare);
            self.clock.push_back(signature);
            self.cells += size;
        }
        let column = self.columns[signature].as_mut().expect("just made");
        let before = column.len();
        column.sync(view, probe);
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
            let column = &mut self.columns[oldest];
            if column.as_mut().is_some_and(|c| std::mem::take(&mut c.used)) {
                self.clock.push_back(oldest);
            } else if let Some(column) = column.take() {
                self.cells -= column.len().min(self.cells);
                spare = Some(column);
            }
        }
        let mut spare = spare.unwrap_or_default();
        spare.clear(size);
        spare
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether volumes decide about a class: what is known of them changes without any node changing, so nothing is remembered.
fn has_volumes(view: &View, class: ClassId) -> bool {
    !view.tables().volumes(view.tables().class(class).volumes).is_empty()
}

/// Whether cells are made for the rules of the class's profile.
fn fits_columns(view: &View, class: ClassId) -> bool {
    view.tables().rules(&view.tables().class(class)).is_columnar
}

impl Evaluator for Columns {
    fn deny(&mut self, view: &mut View, class: ClassId) -> Denied {
        if self.is_beyond(view, class) {
            return self.scan.deny(view, class);
        }
        // As upstream, a plugin that leaves the pod alone goes on to do so whoever is nominated.
        let class = view.tables().class(class);
        let priority = class.priority;
        let listed = |&node: &NodeId| view.position(node) != NOT_LISTED;
        let nodes: Vec<NodeId> = view.nominations().nodes_against(priority).filter(listed).collect();
        let say = |node| {
            let said = view.with_nominated(node, priority, |view| {
                let probe = Probe::new(view, &class);
                probe.evaluate(view, node).err().map(|reject| reject.rejection(&probe))
            });
            said.map(|rejection| (node, rejection))
        };
        nodes.into_iter().filter_map(say).collect()
    }

    fn search(&mut self, view: &View, class: ClassId, window: Window, pick: Pick, denied: &Denied) -> Search {
        if self.is_beyond(view, class) {
            return self.scan.search(view, class, window, pick, denied);
        }
        let class = view.tables().class(class);
        let probe = Probe::new(view, &class);
        let column = self.column(view, class.signature, &probe);
        let denied = column.deny(view, &probe, denied);
        let found = column.search(view, &probe, window, pick);
        column.allow(&denied);
        found
    }

    fn judge(&mut self, view: &View, class: ClassId, node: NodeId) -> Option<Rejection> {
        if self.is_beyond(view, class) {
            return self.scan.judge(view, class, node);
        }
        let probe = Probe::new(view, &view.tables().class(class));
        probe.evaluate(view, node).err().map(|reject| reject.rejection(&probe))
    }

    fn diagnose(&mut self, view: &View, class: ClassId, denied: &Denied) -> Diagnosis {
        if self.is_beyond(view, class) {
            return self.scan.diagnose(view, class, denied);
        }
        let class = view.tables().class(class);
        let probe = Probe::new(view, &class);
        let column = self.column(view, class.signature, &probe);
        let saved = column.deny(view, &probe, denied);
        let diagnosis = column.diagnose(view, &probe, denied);
        column.allow(&saved);
        diagnosis
    }
}
