//! A CSV file with named columns whose cells know their places. The `csv` crate takes it apart; columns of a cell in
//! its line are found again by counting, for simple lines, and else the whole line is pointed at.

use super::codes;
use crate::base::SimDuration;
use crate::diag::{Diagnostics, SourceId, Sources, Span, did_you_mean};

/// At most this many mistakes of one file are reported; the rest is counted.
const MOST_REPORTED: usize = 50;

/// A file with its header read.
pub(super) struct CsvFile<'s> {
    text: &'s str,
    source: SourceId,
    columns: Vec<Option<usize>>,
    width: usize,
    records: csv::StringRecordsIntoIter<&'s [u8]>,
}

/// A row: the cells of the wanted columns.
pub(super) struct Cells<'s> {
    source: SourceId,
    /// The text of the line and where it starts.
    line: &'s str,
    start: usize,
    record: csv::StringRecord,
    columns: Vec<Option<usize>>,
}

/// A wanted column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub name: &'static str,
    pub required: bool,
}

impl<'s> CsvFile<'s> {
    /// Reads the header. `closed`: other columns than the wanted ones are mistakes.
    pub fn open(
        source: SourceId,
        sources: &'s Sources,
        wanted: &[Column],
        closed: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let text = sources.get(source).text.as_str();
        let first_line = Span { source, start: 0, end: text.find('\n').unwrap_or(text.len()) };
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().ok().filter(|header| !header.is_empty()).cloned();
        let list = wanted.iter().map(|column| column.name).collect::<Vec<_>>().join(",");
        let Some(header) = header else {
            let help = format!("the first line names the columns: {list}");
            diagnostics.error(codes::NO_ROWS, first_line, "the file is empty", "no header", help);
            return None;
        };
        let mut complete = true;
        let mut misspelt = Vec::new();
        let mut columns = Vec::new();
        for column in wanted {
            let at = header.iter().position(|name| name == column.name);
            if at.is_none() && column.required {
                let message = format!("the column `{}` is missing", column.name);
                let help = match did_you_mean(column.name, header.iter()) {
                    Some(near) => {
                        misspelt.push(near);
                        format!("rename `{near}` to `{}`", column.name)
                    }
                    None => format!("the first line names the columns: {list}"),
                };
                diagnostics.error(codes::MISSING_COLUMN, first_line, message, "not among these", help);
                complete = false;
            }
            columns.push(at);
        }
        if closed {
            for (index, name) in header.iter().enumerate() {
                if wanted.iter().any(|column| column.name == name) || misspelt.contains(&name) {
                    continue;
                }
                let message = format!("there is no column `{name}`");
                let help = match did_you_mean(name, wanted.iter().map(|column| column.name)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("columns are: {list}"),
                };
                let span = cell_span(source, &text[..first_line.end], 0, index);
                diagnostics.error(codes::UNKNOWN_COLUMN, span, message, "unknown", help);
                complete = false;
            }
        }
        let width = header.len();
        let records = reader.into_records();
        complete.then_some(Self { text, source, columns, width, records })
    }

    /// The rows; broken ones are reported and left out.
    pub fn rows(mut self, diagnostics: &mut Diagnostics, mut take: impl FnMut(&Cells<'s>, &mut Diagnostics)) {
        let mut any = false;
        let before = diagnostics.len();
        let (mut more, mut wrong) = (0, false);
        for record in self.records.by_ref() {
            let mut counted = Diagnostics::default();
            let is_full = diagnostics.len() - before >= MOST_REPORTED;
            let said = if is_full { &mut counted } else { &mut *diagnostics };
            any = true;
            let Ok(record) = record else { continue };
            let start = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(0));
            // The position of a record may be on the blank lines before it.
            let rest = self.text.get(start..).unwrap_or_default();
            let start = start + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
            let rest = self.text.get(start..).unwrap_or_default();
            let line = rest.lines().next().unwrap_or_default();
            if record.len() != self.width {
                let span = Span { source: self.source, start, end: start + line.len() };
                let message = format!("this row has {} cells and the header {}", record.len(), self.width);
                let help = "give every row one cell for each column; it may be empty";
                said.error(codes::CELL_COUNT, span, message, "here", help);
            } else {
                let columns = self.columns.clone();
                take(&Cells { source: self.source, line, start, record, columns }, said);
            }
            more += counted.len();
            wrong |= counted.has_errors();
        }
        if more > 0 {
            let span = Span { source: self.source, start: 0, end: self.text.find('\n').unwrap_or(self.text.len()) };
            let message = format!("{more} more mistakes in this file are not shown");
            let help = "mend those that are shown: what many rows have in common is often one mistake";
            if wrong {
                diagnostics.error(codes::MORE_MISTAKES, span, message, "in its rows", help);
            } else {
                diagnostics.warning(codes::MORE_MISTAKES, span, message, "in its rows", help);
            }
        }
        if !any {
            let span = Span { source: self.source, start: 0, end: self.text.find('\n').unwrap_or(self.text.len()) };
            diagnostics.error(codes::NO_ROWS, span, "the file has no rows", "only a header", "add a row");
        }
    }
}

impl Cells<'_> {
    /// The text of wanted column number `index`; empty if the file has no such column.
    pub fn text(&self, index: usize) -> &str {
        self.columns[index].and_then(|at| self.record.get(at)).unwrap_or_default()
    }

    /// Where it stands.
    pub fn span(&self, index: usize) -> Span {
        cell_span(self.source, self.line, self.start, self.columns[index].unwrap_or(usize::MAX))
    }

    /// A whole number that is not negative; an empty cell is an error.
    pub fn whole(&self, index: usize, diagnostics: &mut Diagnostics) -> Option<i64> {
        let number = self.text(index).parse::<i64>().ok().filter(|number| (0..=1 << 53).contains(number));
        if number.is_none() {
            self.bad(index, "a whole number", "write digits only", diagnostics);
        }
        number
    }

    /// Seconds, with fractions; an empty cell is `None` without an error.
    pub fn seconds(&self, index: usize, diagnostics: &mut Diagnostics) -> Option<SimDuration> {
        if self.text(index).is_empty() {
            return None;
        }
        let number = self.text(index).parse::<f64>().ok().filter(|number| (0.0..=1e9).contains(number));
        if number.is_none() {
            self.bad(index, "a number of seconds", "write for example `12.5`", diagnostics);
        }
        number.map(SimDuration::from_secs_f64)
    }

    /// Reports the cell.
    pub fn bad(&self, index: usize, wanted: &str, help: &str, diagnostics: &mut Diagnostics) {
        let message = format!("`{}` is not {wanted}", self.text(index));
        diagnostics.error(codes::BAD_CELL, self.span(index), message, format!("not {wanted}"), help);
    }
}

/// Cell number `index` of a line; the whole line if it is quoted or has no such cell.
fn cell_span(source: SourceId, line: &str, start: usize, index: usize) -> Span {
    let line = line.trim_end_matches('\r');
    let whole = Span { source, start, end: start + line.len() };
    if line.contains('"') {
        return whole;
    }
    let mut at = start;
    for (number, cell) in line.split(',').enumerate() {
        if number == index {
            let begin = at + (cell.len() - cell.trim_start().len());
            return Span { source, start: begin, end: begin + cell.trim().len() };
        }
        at += cell.len() + 1;
    }
    whole
}
