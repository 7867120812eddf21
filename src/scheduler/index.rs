//! The evaluator in use: columns for what hangs on a node alone, counts for what hangs on other pods, and groups of nodes that
//! the latter treats alike, so that a decision about all nodes looks at summaries of blocks and not at nodes. Remembers that a
//! class fits nowhere until something changes. Must give the answers of [`scan`](super::scan), always; hands over to it only
//! pods with volumes, and profiles whose verdicts or scores cells cannot hold.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::asked::Asked;
use super::columns::{DEFAULT_BUDGET_CELLS, fits_columns, has_volumes};
use super::counts::Counts;
use super::cycle::{Ask, Evaluator, Pick, Search, Window};
use super::diagnosis::{Diagnosis, FitError};
use super::domains::TopologyId;
use super::dry_runs::DryRuns;
use super::framework::Rejection;
use super::group_search::Scratch;
use super::journal::Cursor;
use super::layout::{Layout, has_opinions};
use super::nominated::Denied;
use super::plugins::default_preemption::Candidate;
use super::preemption::Victims;
use super::probe::Probe;
use super::question::{Question, Thought};
use super::scan::Scan;
use super::store::Store;
use super::tables::{Class, StaticsId};
use super::trial::Trial;
use super::view::{NOT_LISTED, View};
use crate::base::IdVec;
use crate::model::{ClassId, NodeId, ProfileId};

/// After how many uses a grouped layout is worth being made; a search over all nodes is worth several.
const USES: u32 = 8;
const USES_OF_ALL: u32 = USES;

/// So many ways to group are remembered, and so many slots all grouped layouts have together.
const MAX_PLANS: usize = 4096;
const MAX_SLOTS: usize = 16 << 20;

/// What nodes are grouped by: topologies, and the opinion of a profile and of what a class demands.
type Grouping = (SmallVec<[TopologyId; 2]>, Option<(Option<ProfileId>, StaticsId)>);

/// A grouped layout, if it is made already.
#[derive(Clone, Debug)]
struct Planned {
    /// Whose opinion counts. A class that has none may come to one when a taint appears, which does not concern others that have none.
    opinion: Option<Class>,
    topologies: SmallVec<[TopologyId; 2]>,
    uses: u32,
    layout: Option<Layout>,
    /// For this epoch of the list the groups were found too small.
    given_up: Option<u64>,
}

/// A class that fits nowhere, and when that was.
#[derive(Clone, Debug)]
struct Failure {
    at: Moment,
    denied: Denied,
    diagnosis: Option<Diagnosis>,
}

/// What there was to know.
pub(super) type Moment = (Cursor, Cursor, u64, u64);

/// How often it answered itself, and how often it did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shares {
    /// Searches that it answered.
    pub searches: u64,
    /// Searches that it handed over to the plain evaluator.
    pub handed_over: u64,
    /// Looks for pods to evict that it answered.
    pub evictions: u64,
    /// Looks for pods to evict that it handed over.
    pub evictions_handed_over: u64,
    /// Answers that were remembered.
    pub remembered: u64,
}

/// Columns, counts and groups.
#[derive(Clone, Debug)]
pub struct Index {
    pub(super) store: Store,
    pub(super) flat: Layout,
    planned: Vec<Planned>,
    /// Never iterated.
    plans: FxHashMap<Grouping, usize>,
    stamps: u64,
    pub(super) counts: Counts,
    pub(super) questions: IdVec<ClassId, Option<Box<Question>>>,
    listers_epoch: u64,
    failures: IdVec<ClassId, Option<Box<Failure>>>,
    beyond: IdVec<ClassId, Option<bool>>,
    scan: Scan,
    pub(super) dry_runs: IdVec<ClassId, Option<DryRuns>>,
    pub(super) shares: Shares,
    scratch: Scratch,
}

/// Where things stand in a view.
pub(super) fn moment(view: &View) -> Moment {
    (view.journal().cursor(), view.moves().cursor(), view.list_epoch(), view.listers_epoch())
}

impl Index {
    /// An index with columns within the default budget.
    #[must_use]
    pub fn new() -> Self {
        Self::with_budget(DEFAULT_BUDGET_CELLS)
    }

    /// Keeps at most `cells` cells, but always at least one column.
    #[must_use]
    pub fn with_budget(cells: usize) -> Self {
        Self {
            store: Store::with_budget(cells),
            flat: Layout::default(),
            planned: Vec::new(),
            plans: FxHashMap::default(),
            stamps: 0,
            counts: Counts::default(),
            questions: IdVec::new(),
            listers_epoch: 0,
            failures: IdVec::new(),
            beyond: IdVec::new(),
            scan: Scan,
            dry_runs: IdVec::new(),
            shares: Shares::default(),
            scratch: Scratch::default(),
        }
    }

    /// How often it answered itself.
    #[must_use]
    pub const fn shares(&self) -> Shares {
        self.shares
    }

    /// Whether topology spread or affinity between pods has a say about a class, as far as is known from the last decision.
    #[must_use]
    pub fn concerns(&self, class: ClassId) -> (bool, bool) {
        let question = self.questions.get(class).and_then(Option::as_deref);
        question.map_or((false, false), |question| (question.is_spread(), question.is_inter_pod()))
    }

    /// Whether cells and counts do not hold what decides about a class: volumes, or rules that cells are not made for.
    pub(super) fn is_beyond(&mut self, view: &View, class: ClassId) -> bool {
        self.beyond.grow_to(class, None);
        *self.beyond[class].get_or_insert_with(|| has_volumes(view, class) || !fits_columns(view, class))
    }

    /// Brings everything up to date that a question about `class` needs, which is used so many times.
    pub(super) fn prepare(&mut self, view: &View, id: ClassId, uses: u32) {
        if self.listers_epoch != view.listers_epoch() {
            self.listers_epoch = view.listers_epoch();
            self.questions = IdVec::new();
        }
        if !self.flat.is_listed(view) {
            self.flat = Layout::flat(view, 0);
        }
        if !self.counts.sync(view) || self.planned.len() > MAX_PLANS {
            self.questions = IdVec::new();
            self.planned.clear();
            self.plans.clear();
        }
        let changed = self.counts.changed();
        if !changed.is_empty() {
            for planned in &mut self.planned {
                planned.given_up = None;
                planned.layout =
                    planned.layout.take().filter(|it| it.holds(view, &self.counts, planned.opinion.as_ref(), changed));
            }
        }
        let class = view.tables().class(id);
        self.questions.grow_to(id, None);
        match &mut self.questions[id] {
            Some(question) => question.extend(view, &mut self.counts, &class),
            none => *none = Some(Box::new(Question::new(view, &mut self.counts, &class))),
        }
        let question = self.questions[id].as_mut().expect("just made");
        question.prepare(&mut self.counts);
        let asked = (view.list_epoch(), question.tallies(), view.tables().taint_sets().len());
        if question.layout.is_none_or(|(known, _)| known != asked) {
            let nodes = view.list().len();
            let mut topologies = question.topologies(&self.counts);
            topologies.retain(|&mut topology| !self.counts.domains_of(topology).is_fine(nodes));
            let opinion = has_opinions(view.tables(), &class).then_some(class);
            let opinions = opinion.map(|class| (class.profile, class.statics));
            let plan = (!topologies.is_empty() || opinions.is_some()).then(|| {
                *self.plans.entry((topologies.clone(), opinions)).or_insert_with(|| {
                    self.planned.push(Planned { opinion, topologies, uses: 0, layout: None, given_up: None });
                    self.planned.len() - 1
                })
            });
            question.layout = Some((asked, plan));
        }
        if let Some((_, Some(plan))) = question.layout {
            let (planned, epoch) = (&mut self.planned[plan], view.list_epoch());
            planned.uses = planned.uses.saturating_add(uses);
            let is_made = planned.layout.as_ref().is_some_and(|layout| layout.is_listed(view));
            if planned.uses > USES && !is_made && planned.given_up != Some(epoch) {
                let made = self.planned.iter().filter(|planned| planned.layout.is_some()).count();
                if made * view.list().len() > MAX_SLOTS {
                    self.planned.iter_mut().for_each(|planned| (planned.layout, planned.uses) = (None, 0));
                }
                let planned = &mut self.planned[plan];
                self.stamps += 1;
                planned.layout =
                    Layout::grouped(view, &self.counts, planned.opinion.as_ref(), &planned.topologies, self.stamps);
                planned.given_up = planned.layout.is_none().then_some(epoch);
            }
        }
    }

    /// What is known to fail as it did.
    fn failure(&mut self, view: &View, class: ClassId, denied: &Denied) -> Option<&mut Failure> {
        let failure =
            self.failures.get(class).is_some_and(Option::is_some).then(|| self.failures[class].as_mut())??;
        (failure.at == moment(view) && failure.denied == *denied).then_some(failure)
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Evaluator for Index {
    fn deny(&mut self, view: &mut View, id: ClassId) -> Denied {
        if self.is_beyond(view, id) {
            return self.scan.deny(view, id);
        }
        self.prepare(view, id, 1);
        let view = &*view;
        let class = view.tables().class(id);
        let probe = Probe::new(view, &class);
        let question = self.questions[id].as_deref().expect("it is prepared");
        let listed = |&node: &NodeId| view.position(node) != NOT_LISTED;
        let say = |node| {
            let mut trial = Trial::new(view, &probe, question, &self.counts, node);
            let nominees = view.nominations().counting(node, class.priority);
            nominees.for_each(|nominee| trial.count(nominee.class, 1));
            trial.verdict().map(|reject| (node, reject.rejection(&probe)))
        };
        view.nominations().nodes_against(class.priority).filter(listed).filter_map(say).collect()
    }

    fn search(&mut self, view: &View, id: ClassId, window: Window, pick: Pick, denied: &Denied) -> Search {
        if self.is_beyond(view, id) {
            self.shares.handed_over += 1;
            return self.scan.search(view, id, window, pick, denied);
        }
        self.shares.searches += 1;
        let size = view.list().len();
        if self.failure(view, id, denied).is_some() {
            self.shares.remembered += 1;
            let processed = u32::try_from(size).expect("node ids are 32 bits wide");
            return Search { placement: None, feasible: 0, processed };
        }
        self.prepare(view, id, if window.need as usize >= size { USES_OF_ALL } else { 1 });
        let class = view.tables().class(id);
        let probe = Probe::new(view, &class);
        let question = self.questions[id].as_deref().expect("it is prepared");
        let plan = question.layout.and_then(|(_, plan)| plan);
        let grouped = plan.and_then(|plan| self.planned[plan].layout.as_ref());
        let mut found = None;
        // If only opinions tell groups apart, cells that count them for the likely extremes do without groups.
        if let Some(layout) = grouped
            && layout.topologies.is_empty()
            && !question.scores()
            && probe.rules.holds_opinions
        {
            found = Asked { view, layout: &self.flat, probe: &probe, question, window, pick, denied }.search(
                &mut self.counts,
                &mut self.store,
                &mut self.scratch,
                class.signature,
                Some(layout.extremes()),
            );
        }
        let found = found.unwrap_or_else(|| {
            let layout = grouped.unwrap_or(&self.flat);
            let asked = Asked { view, layout, probe: &probe, question, window, pick, denied };
            let found = asked.search(&mut self.counts, &mut self.store, &mut self.scratch, class.signature, None);
            found.expect("cells hold no more than what hangs on their nodes")
        });
        if found.placement.is_none() {
            self.failures.grow_to(id, None);
            let failure = Failure { at: moment(view), denied: denied.clone(), diagnosis: None };
            self.failures[id] = Some(Box::new(failure));
        }
        found
    }

    fn judge(&mut self, view: &View, id: ClassId, node: NodeId) -> Option<Rejection> {
        if self.is_beyond(view, id) {
            return self.scan.judge(view, id, node);
        }
        self.prepare(view, id, 1);
        let probe = Probe::new(view, &view.tables().class(id));
        let question = self.questions[id].as_deref().expect("it is prepared");
        let own = probe.evaluate(view, node).err();
        let reject = own.or_else(|| question.verdict(&self.counts, node, &Thought::new()));
        reject.map(|reject| reject.rejection(&probe))
    }

    fn diagnose(&mut self, view: &View, id: ClassId, denied: &Denied) -> Diagnosis {
        if self.is_beyond(view, id) {
            return self.scan.diagnose(view, id, denied);
        }
        if let Some(known) = self.failure(view, id, denied).and_then(|failure| failure.diagnosis.clone()) {
            return known;
        }
        self.prepare(view, id, 1);
        let class = view.tables().class(id);
        let probe = Probe::new(view, &class);
        let question = self.questions[id].as_deref().expect("it is prepared");
        let layout = &self.flat;
        let column = self.store.column(view, layout, class.signature, &probe, None);
        let mut saved = Vec::new();
        column.deny(view, layout, &probe, denied.iter().map(|&(node, _)| node), &mut saved);
        let mut diagnosis = column.diagnose(view, layout, &probe, denied);
        if question.filters() {
            for (slot, _) in column.cells.iter().enumerate().filter(|&(_, &cell)| cell >= 0) {
                let node = layout.node(view, slot).expect("padding does not fit");
                if let Some(reject) = question.verdict(&self.counts, node, &Thought::new()) {
                    let rejection = reject.rejection(&probe);
                    diagnosis.add(rejection.plugin, &rejection.verdict, 1);
                }
            }
        }
        column.allow(&saved);
        if let Some(failure) = self.failure(view, id, denied) {
            failure.diagnosis = Some(diagnosis.clone());
        }
        diagnosis
    }

    fn preempt(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Vec<Candidate> {
        self.preempt_remembering(view, ask, error, pods, offset, false)
    }

    fn preempt_first(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Option<Candidate> {
        self.preempt_remembering(view, ask, error, pods, offset, true).into_iter().next()
    }
}
