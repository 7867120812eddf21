//! Studies: many points, each run with many seeds. [`design`] makes the points, [`journal`] keeps what is done, [`results`] and
//! [`pictures`] say what it comes to. Runs are made here: a plan is compiled once for a point, whatever the number of its seeds.

#[cfg(feature = "parquet")]
pub mod columns;
pub mod design;
pub mod journal;
pub mod pictures;
pub mod results;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Halt, Runner};
use crate::base::SimTime;
use crate::export::verdicts;
use crate::sim::Simulation;
use crate::sim::outcome::{Outcome, Stopped};
use crate::sim::plan::Plan;

use design::{Design, Recipe};
use journal::{Journal, JournalError, Row, Rows, Shard};

/// Events between two looks at whether to stop.
const EVENTS: u32 = 4096;

/// Why a study stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// As other answers.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Compiled by whoever needs it first; the others wait.
type Slot = Arc<OnceLock<Result<Arc<Plan>, Halt>>>;

/// A plan for each point, from its first run to its last.
struct Plans<'a> {
    recipe: &'a Recipe,
    design: &'a Design,
    slots: Vec<Mutex<Slot>>,
    /// Runs of each point that are still to be made.
    left: Vec<AtomicUsize>,
}

impl<'a> Plans<'a> {
    fn new(recipe: &'a Recipe, design: &'a Design, runs: &[(usize, u64)]) -> Self {
        let left: Vec<AtomicUsize> = design.points.iter().map(|_| AtomicUsize::new(0)).collect();
        for (point, _) in runs {
            left[*point].fetch_add(1, Ordering::Relaxed);
        }
        Self { recipe, design, slots: design.points.iter().map(|_| Mutex::default()).collect(), left }
    }

    fn get(&self, point: usize) -> Result<Arc<Plan>, Halt> {
        let slot = Arc::clone(&self.slots[point].lock().unwrap_or_else(PoisonError::into_inner));
        slot.get_or_init(|| {
            let loaded = self.recipe.load(point);
            match loaded.plan {
                Some(plan) if !loaded.diagnostics.has_errors() => Ok(Arc::new(plan)),
                _ => {
                    let text = loaded.diagnostics.render(&loaded.sources, false);
                    let words = self.design.words(point);
                    Err(Halt::Unasked(format!("the point with {words} cannot be run:\n{}", text.trim_end())))
                }
            }
        })
        .clone()
    }

    /// A run of the point is done; after the last its plan is dropped.
    fn done(&self, point: usize) {
        if self.left[point].fetch_sub(1, Ordering::Relaxed) == 1 {
            *self.slots[point].lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        }
    }
}

/// Makes the runs of `shard` that are not among `rows`, and adds them there and to the journal.
///
/// # Errors
/// If the user asked to stop, a point cannot be run, or the journal cannot be written. What was done is in the journal.
pub fn run(
    recipe: &Recipe,
    design: &Design,
    shard: Shard,
    rows: &mut Rows,
    journal: &mut Journal,
    runner: &Runner<'_>,
) -> Result<(), StudyError> {
    let all = (0..design.points.len()).flat_map(|point| design.seeds.iter().map(move |seed| (point, *seed)));
    let mine = all.enumerate().filter(|(at, _)| shard.has(*at)).map(|(_, run)| run);
    let runs: Vec<(usize, u64)> = mine.filter(|run| !rows.contains_key(run)).collect();
    let plans = Plans::new(recipe, design, &runs);
    let mut failed: Option<StudyError> = None;
    runner.each(
        runs.len(),
        |at| {
            let (point, seed) = runs[at];
            let row = plans.get(point).and_then(|plan| one(&plan, point, seed, runner.stop));
            plans.done(point);
            row
        },
        |_, row| {
            let kept = row.map_err(StudyError::from).and_then(|row| {
                journal.append(&row)?;
                rows.insert((row.point, row.seed), row);
                Ok(())
            });
            if let Err(error) = kept
                && failed.is_none()
            {
                failed = Some(error);
            }
            failed.is_none()
        },
    );
    match failed {
        Some(error) => Err(error),
        None if (runner.stop)() && runs.iter().any(|run| !rows.contains_key(run)) => Err(Halt::Interrupted.into()),
        None => Ok(()),
    }
}

fn one(plan: &Plan, point: usize, seed: u64, stop: &dyn Fn() -> bool) -> Result<Row, Halt> {
    Ok(row(plan, &outcome(plan, seed, stop)?, point, seed))
}

/// One run of a plan with a seed, without any recording. A limit ends it, and is told: it is no reason to lose other runs.
pub(super) fn outcome(plan: &Plan, seed: u64, stop: &dyn Fn() -> bool) -> Result<Outcome, Halt> {
    let mut own = plan.clone();
    own.seed = seed;
    let mut simulation = Simulation::new(own);
    loop {
        let mut over = None;
        for _ in 0..EVENTS {
            match simulation.step(SimTime::NEVER) {
                Ok(Some(_)) => continue,
                Ok(None) => over = Some(None),
                Err(limit) => over = Some(Some(limit.to_string())),
            }
            break;
        }
        match over {
            None if stop() => return Err(Halt::Interrupted),
            None => {}
            Some(None) => return Ok(simulation.run()),
            Some(Some(limit)) => return Ok(simulation.finish(Stopped::Limit(limit)).0),
        }
    }
}

fn row(plan: &Plan, outcome: &Outcome, point: usize, seed: u64) -> Row {
    let ended = match outcome.stopped {
        Stopped::Duration => "duration",
        Stopped::Quiet => "quiet",
        Stopped::Interrupted => "interrupted",
        Stopped::Limit(_) => "limit",
    };
    let value = |metric: &crate::sim::metrics::Metric| outcome.metrics.get(metric.name).copied().unwrap_or(f64::NAN);
    Row {
        point,
        seed,
        digest: outcome.digest.to_string(),
        ended: ended.to_owned(),
        expectations_failed: verdicts(plan, outcome).iter().filter(|verdict| !verdict.passed).count(),
        events: outcome.events,
        values: crate::sim::metrics::ALL.iter().map(value).collect(),
    }
}

/// Joins what shards have made.
///
/// # Errors
/// In words: if they are of different studies, disagree, or something is missing.
pub fn merge(parts: Vec<journal::Read>) -> Result<(Design, Rows), String> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Err("there is nothing to join".to_owned()) };
    let (design, mut rows, of) = (first.design, first.rows, first.shard.of);
    let mut shards = vec![first.shard];
    for part in parts {
        if part.design != design {
            return Err(format!(
                "the journals are of different studies ({} with the hash {}, {} with the hash {}): run all shards with the \
                 same study, scenario and podsim",
                design.name, design.hash, part.design.name, part.design.hash
            ));
        }
        shards.push(part.shard);
        for (run, row) in part.rows {
            if let Some(known) = rows.get(&run)
                && *known != row
            {
                return Err(format!("two journals say different things of point {} with seed {}", run.0, run.1));
            }
            rows.insert(run, row);
        }
    }
    let all = (0..design.points.len()).flat_map(|point| design.seeds.iter().map(move |seed| (point, *seed)));
    let missing: Vec<usize> = all.enumerate().filter(|(_, run)| !rows.contains_key(run)).map(|(at, _)| at).collect();
    if !missing.is_empty() {
        let gone: std::collections::BTreeSet<String> =
            missing.iter().map(|run| Shard { index: run % of, of }.to_string()).collect();
        let gone: Vec<String> = gone.into_iter().collect();
        return Err(format!(
            "{} of {} runs are missing: go on with `--resume` and `--shard` {}",
            missing.len(),
            design.runs(),
            gone.join(", ")
        ));
    }
    Ok((design, rows))
}
