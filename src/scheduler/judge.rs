//! Which evaluator judges: one of the three, chosen when a run begins. All give the same decisions.

use super::columns::Columns;
use super::cycle::{Ask, Decision, Evaluator as _, Options, schedule_one};
use super::diagnosis::FitError;
use super::index::Index;
use super::plugins::default_preemption::Candidate;
use super::preemption::Victims;
use super::scan::Scan;
use super::view::View;
use crate::model::control_plane::Evaluator;

/// An evaluator with what it remembers.
#[derive(Clone, Debug)]
pub enum Judge {
    /// The one in use.
    Index(Box<Index>),
    /// Columns alone.
    Columns(Box<Columns>),
    /// The plain one.
    Scan(Scan),
}

impl Judge {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(evaluator: Evaluator) -> Self {
        match evaluator {
            Evaluator::Index => Self::Index(Box::default()),
            Evaluator::Columns => Self::Columns(Box::default()),
            Evaluator::Scan => Self::Scan(Scan),
        }
    }

    /// Decides where a pod goes: see [`schedule_one`].
    pub fn decide(&mut self, view: &mut View, ask: Ask, options: &Options, tie: u64) -> Decision {
        match self {
            Self::Index(index) => schedule_one(view, &mut **index, ask, options, tie),
            Self::Columns(columns) => schedule_one(view, &mut **columns, ask, options, tie),
            Self::Scan(scan) => schedule_one(view, scan, ask, options, tie),
        }
    }

    /// Looks for pods to evict: see [`preempt`](super::preemption::preempt).
    pub fn preempt(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Vec<Candidate> {
        match self {
            Self::Index(index) => index.preempt(view, ask, error, pods, offset),
            Self::Columns(columns) => columns.preempt(view, ask, error, pods, offset),
            Self::Scan(scan) => scan.preempt(view, ask, error, pods, offset),
        }
    }

    /// The first of them.
    pub fn preempt_first(
        &mut self,
        view: &View,
        ask: Ask,
        error: &mut FitError,
        pods: &impl Victims,
        offset: u64,
    ) -> Option<Candidate> {
        match self {
            Self::Index(index) => index.preempt_first(view, ask, error, pods, offset),
            Self::Columns(columns) => columns.preempt_first(view, ask, error, pods, offset),
            Self::Scan(scan) => scan.preempt_first(view, ask, error, pods, offset),
        }
    }
}
