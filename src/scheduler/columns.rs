//! The evaluator for classes that come rarely: for every distinct question (signature) one column of 16-bit cells in node-list order, holding each
//! node's verdict and score. Cells are computed when a search first comes by and again when the journal says that their node
//! changed, so a decision is a scan of contiguous numbers. Must give the answers of [`scan`](super::scan), always.

use super::cycle::{Evaluator, Pick, Search, Window};
use super::diagnosis::Diagnosis;
use super::framework::Rejection;
use super::layout::Layout;
use super::nominated::Denied;
use super::probe::Probe;
use super::scan::Scan;
use super::store::Store;
use super::view::{NOT_LISTED, View};
use crate::base::IdVec;
use crate::model::{ClassId, NodeId};

/// How many cells (of two bytes) are kept unless told otherwise.
pub const DEFAULT_BUDGET_CELLS: usize = 32 << 20;

/// Columns of cells by signature, within a memory budget.
#[derive(Clone, Debug)]
pub struct Columns {
    store: Store,
    layout: Layout,
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
        Self { store: Store::with_budget(cells), layout: Layout::default(), scan: Scan, beyond: IdVec::new() }
    }

    /// How many columns are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.store.held()
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

    /// Brings the order of cells up to date.
    fn lay_out(&mut self, view: &View) {
        if !self.layout.is_listed(view) {
            self.layout = Layout::flat(view, 0);
        }
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether volumes decide about a class: what is known of them changes without any node changing, so nothing is remembered.
pub(super) fn has_volumes(view: &View, class: ClassId) -> bool {
    !view.tables().volumes(view.tables().class(class).volumes).is_empty()
}

/// Whether cells are made for the rules of the class's profile.
pub(super) fn fits_columns(view: &View, class: ClassId) -> bool {
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
        self.lay_out(view);
        let layout = &self.layout;
        let column = self.store.column(view, layout, class.signature, &probe, None);
        let mut saved = Vec::new();
        column.deny(view, layout, &probe, denied.iter().map(|&(node, _)| node), &mut saved);
        let found = column.search(view, layout, &probe, window, pick);
        column.allow(&saved);
        found.expect("cells hold no more than what hangs on their nodes")
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
        self.lay_out(view);
        let layout = &self.layout;
        let column = self.store.column(view, layout, class.signature, &probe, None);
        let mut saved = Vec::new();
        column.deny(view, layout, &probe, denied.iter().map(|&(node, _)| node), &mut saved);
        let diagnosis = column.diagnose(view, layout, &probe, denied);
        column.allow(&saved);
        diagnosis
    }
}
