//! A rate over time: a CSV file with the columns `seconds` (after the start, growing) and `per_second`.

use super::codes;
use super::table::{Column, CsvFile};
use crate::base::SimDuration;
use crate::diag::{Diagnostics, SourceId, Sources};

/// Reads a curve: from when on which rate holds.
pub fn read(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<(SimDuration, f64)> {
    let columns = [Column { name: "seconds", required: true }, Column { name: "per_second", required: true }];
    let Some(file) = CsvFile::open(source, sources, &columns, true, diagnostics) else { return Vec::new() };
    let mut points: Vec<(SimDuration, f64)> = Vec::new();
    file.rows(diagnostics, |cells, diagnostics| {
        if cells.text(0).is_empty() {
            cells.bad(0, "a number of seconds", "write for example `12.5`", diagnostics);
        }
        let at = cells.seconds(0, diagnostics);
        let rate = cells.text(1).parse::<f64>().ok().filter(|rate| (0.0..=1e12).contains(rate));
        if rate.is_none() {
            cells.bad(1, "a rate", "write requests per second as a number, for example `20.5`", diagnostics);
        }
        let (Some(at), Some(rate)) = (at, rate) else { return };
        if points.last().is_some_and(|&(before, _)| before >= at) {
            let (message, help) = ("this time is not after the one before it", "sort the rows by time");
            diagnostics.error(codes::NOT_SORTED, cells.span(0), message, "not later", help);
            return;
        }
        points.push((at, rate));
    });
    points
}
