//! podsim's own simple format of arrivals: a CSV file with the columns `name,at_seconds,cpu_milli,memory_mib` and, if
//! wanted, `run_seconds,delete_at_seconds,gpus`. Units stand in the header, so that no number has to be guessed.

use std::collections::BTreeSet;

use super::table::{Cells, Column, CsvFile};
use super::{Mode, Row, Shape, codes};
use crate::base::SimDuration;
use crate::diag::{Diagnostics, SourceId, Sources};

const MIB: i64 = 1 << 20;

/// Reads arrivals, in file order.
pub fn read(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics, mode: Mode) -> Vec<Row> {
    let columns = [
        Column { name: "name", required: true },
        Column { name: "cpu_milli", required: true },
        Column { name: "memory_mib", required: true },
        Column { name: "at_seconds", required: mode == Mode::Clock },
        Column { name: "delete_at_seconds", required: false },
        Column { name: "run_seconds", required: false },
        Column { name: "gpus", required: false },
    ];
    let Some(file) = CsvFile::open(source, sources, &columns, true, diagnostics) else { return Vec::new() };
    let mut rows = Vec::new();
    let mut names = BTreeSet::new();
    file.rows(diagnostics, |cells, diagnostics| {
        let milli_cpu = cells.whole(1, diagnostics);
        let memory = cells.whole(2, diagnostics);
        let gpus = if cells.text(6).is_empty() { Some(0) } else { cells.whole(6, diagnostics) };
        let run = cells.seconds(5, diagnostics);
        let (Some(milli_cpu), Some(memory), Some(gpus)) = (milli_cpu, memory, gpus) else { return };
        let name = cells.text(0).to_owned();
        if name.is_empty() {
            cells.bad(0, "a name", "give every pod a name", diagnostics);
            return;
        }
        if !names.insert(name.clone()) {
            let (message, help) = (format!("there are two pods `{name}`"), "names must differ");
            diagnostics.error(codes::DUPLICATE_ROW, cells.span(0), message, "the second one", help);
            return;
        }
        let times = match mode {
            Mode::Fill => Some((SimDuration::ZERO, None)),
            Mode::Clock => times(cells, 3, 4, diagnostics),
        };
        let Some((at, delete_at)) = times else { return };
        let run = run.filter(|_| mode == Mode::Clock);
        let shape = Shape { milli_cpu, memory: memory.saturating_mul(MIB), gpus, node_selector: None };
        rows.push(Row { name, at, delete_at, run, shape });
    });
    rows
}

/// When a pod is created and deleted. Without a time of creation it existed before the trace: it is created at its
/// start.
pub(super) fn times(
    cells: &Cells<'_>,
    created: usize,
    deleted: usize,
    diagnostics: &mut Diagnostics,
) -> Option<(SimDuration, Option<SimDuration>)> {
    let at = cells.seconds(created, diagnostics);
    if at.is_none() {
        if !cells.text(created).is_empty() {
            return None;
        }
        let message = "this pod has no time of creation";
        let help = "it is taken to be created at the start";
        diagnostics.warning(codes::NO_CREATION, cells.span(created), message, "empty", help);
    }
    let at = at.unwrap_or_default();
    let delete_at = cells.seconds(deleted, diagnostics);
    if delete_at.is_none() && !cells.text(deleted).is_empty() {
        return None;
    }
    if delete_at.is_some_and(|delete_at| delete_at < at) {
        let (message, help) = ("this pod is deleted before it is created", "exchange the two times");
        diagnostics.error(codes::DELETED_EARLY, cells.span(deleted), message, "too early", help);
        return None;
    }
    Some((at, delete_at))
}
