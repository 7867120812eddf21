//! One search of the [`index`](super::index) in one layout: which nodes are left out beforehand, and which way to search is
//! enough. Owns that choice, which never changes an answer.

use smallvec::SmallVec;

use super::counts::Counts;
use super::cycle::{Pick, Search, Window};
use super::group_search::{Ground, Scratch};
use super::layout::Layout;
use super::nominated::Denied;
use super::opinions::Extremes;
use super::probe::Probe;
use super::question::{Check, Question, Wants};
use super::store::Store;
use super::tables::SignatureId;
use super::view::View;
use crate::model::NodeId;

/// After how many uses a column is built whole for the sake of a window, rather than as far as windows came by.
const USES: u32 = 4;

/// Windows of shorter lists are walked through: that takes no longer.
const MANY_NODES: usize = 2048;

/// What is asked, and in which layout.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub view: &'a View,
    pub layout: &'a Layout,
    pub probe: &'a Probe<'a>,
    pub question: &'a Question,
    pub window: Window,
    pub pick: Pick,
    pub denied: &'a Denied,
}

impl Asked<'_> {
    /// The best of the window; `None` if cells count opinions by `extremes` that are not those of the window.
    pub(super) fn search(
        &self,
        counts: &mut Counts,
        store: &mut Store,
        scratch: &mut Scratch,
        signature: SignatureId,
        extremes: Option<Extremes>,
    ) -> Option<Search> {
        let &Self { view, layout, probe, question, window, pick, denied } = self;
        let mut checks = if question.filters() { question.checks(counts) } else { SmallVec::new() };
        let counts = &*counts;
        let (fine, excluded) = self.exclude(counts, &mut checks);
        let column = store.column(view, layout, signature, probe, extremes);
        let mut saved = Vec::new();
        column.deny(view, layout, probe, denied.iter().map(|&(node, _)| node).chain(excluded), &mut saved);
        let scores_by_group =
            !question.scores() || (!question.scores_by_node() && question.scores_by(counts, &layout.topologies));
        let is_coarse = fine.is_empty() && scores_by_group;
        let ground = Ground { view, layout, probe, counts, question, checks: &checks, fine: &fine, window, pick };
        let size = view.list().len();
        let found = if column.is_hopeless() {
            let processed = u32::try_from(size).expect("node ids are 32 bits wide");
            Some(Search { placement: None, feasible: 0, processed })
        } else if is_coarse && window.need as usize >= size && ground.is_summable(column) {
            Some(ground.search_blocks(column))
        } else if is_coarse && !layout.is_grouped && checks.is_empty() {
            column.search(view, layout, probe, window, pick)
        } else if extremes.is_some() {
            None
        } else if is_coarse && size >= MANY_NODES && column.uses > USES && ground.is_windowable(column) {
            Some(ground.search_window(column))
        } else {
            Some(ground.search_nodes(column, is_coarse && layout.is_grouped, scratch))
        };
        column.allow(&saved);
        found
    }

    /// Nodes whose own domain excludes them, if they are few: they are denied their cells, so that the others need not be asked.
    fn exclude(&self, counts: &Counts, checks: &mut SmallVec<[Check; 4]>) -> (SmallVec<[Check; 4]>, Vec<NodeId>) {
        let nodes = self.view.list().len();
        let (mut fine, mut excluded) = (SmallVec::new(), Vec::new());
        checks.retain(|check| {
            if self.layout.topologies.contains(&counts.field(check.tally).topology) {
                return true;
            }
            let present = counts.sums(check.tally).present();
            if check.wants == Wants::Nothing && present.len() * 8 <= nodes {
                let topology = counts.topology_of(check.tally);
                let excluding = present.flat_map(|domain| topology.nodes(domain));
                let before = excluded.len();
                excluded.extend(excluding.copied().take(nodes / 8 + 1));
                if excluded.len() * 8 <= nodes {
                    return false;
                }
                excluded.truncate(before);
            }
            fine.push(*check);
            false
        });
        (fine, excluded)
    }
}
