//! What a run leaves behind: summary, events, tables, trace and charts, and what the terminal says. Owns every output
//! format and how a folder of results comes into being. Knows only a plan, an outcome and a recording: no component,
//! no wall clock, no host; the same three give the same bytes.

mod charts;
mod events;
mod folder;
mod json;
mod lives;
mod names;
mod scratch;
mod summary;
mod tables;
pub mod terminal;
mod trace;
mod trace_storage;
mod usage;
mod verdict;

use std::path::{Path, PathBuf};

use crate::record::Recording;
use crate::sim::outcome::Outcome;
use crate::sim::plan::Plan;

pub use charts::{Best, Curve, CurvePoint, Dot, Picture, PictureShape, Repeated, Repeats, RepeatsPanel, Way};
pub use scratch::Scratch;
pub use verdict::{Verdict, verdicts};

/// Version of the layout of `summary.json`: raised when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything that exports are made from.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What was to be run.
    pub plan: &'a Plan,
    /// What it came to.
    pub outcome: &'a Outcome,
    /// What happened on the way.
    pub recording: &'a Recording,
    /// Fields of the input that are not modelled: (path, how often).
    pub ignored: &'a [(String, u32)],
}

/// Why results could not be written. Nothing half-written is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `create`, `write`, `rename`, ...
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it was refused.
        source: std::io::Error,
    },
    /// The folder holds other things than results of an earlier run, which replacing it would destroy.
    #[error("{} exists and does not hold results of podsim: it is left alone; name another folder", .0.display())]
    Foreign(PathBuf),
    /// A chart could not be drawn.
    #[error("cannot draw {chart}: {reason}")]
    Chart {
        /// The file's stem.
        chart: &'static str,
        /// Why.
        reason: String,
    },
}

/// Writes everything the plan's output section asks for to `dir`, which is replaced as a whole, and returns the paths
/// of the files in the order a reader wants them. Files there that podsim does not write are kept.
///
/// # Errors
/// If something cannot be written or drawn; `dir` is then as it was before.
pub fn write_all(dir: &Path, ctx: &Context<'_>) -> Result<Vec<PathBuf>, ExportError> {
    let (plan, recording) = (ctx.plan, ctx.recording);
    let names = names::Names::new(plan, recording);
    let lives = lives::read(recording, &names);
    folder::replace(dir, |draft| {
        let mut notes = Vec::new();
        if plan.output.pods_share < 1.0 {
            let (kept, all) = (recording.pods().len(), ctx.outcome.counters.pods_created);
            notes.push(format!("files and charts about pods hold {kept} of {all} (output.pods_share)"));
        }
        if plan.output.charts {
            charts::write(draft, ctx, &names, &lives)?;
        }
        draft.file("pods.csv", |out| tables::pods(out, plan, &names, &lives))?;
        draft.file("timeseries.csv", |out| tables::time_series(out, plan, recording, &names))?;
        if plan.output.events {
            draft.file("events.jsonl", |out| events::write(out, plan, recording, &names))?;
        }
        if plan.output.trace {
            draft.file("trace.json", |out| {
                notes.extend(trace::write(out, ctx, &names, &lives)?);
                Ok(())
            })?;
        }
        if let Some(trouble) = ctx.recording.trouble() {
            let source = std::io::Error::other(trouble);
            return Err(folder::io("keep the facts of the run beside", dir, source));
        }
        let files = draft.names();
        draft.first(folder::MARK, |out| summary::write(out, ctx, &names, &notes, &files))
    })
}

/// The text of `summary.json`, without any file being written: for programs that read it from a pipe.
///
/// # Errors
/// If it cannot be put into words, which would be a mistake of this crate.
pub fn summary_json(ctx: &Context<'_>) -> std::io::Result<Vec<u8>> {
    let names = names::Names::new(ctx.plan, ctx.recording);
    let mut text = Vec::new();
    summary::write(&mut text, ctx, &names, &[], &[])?;
    Ok(text)
}
