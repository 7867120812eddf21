//! An answer: a sentence, then tables, then a picture. Owns its form as JSON, CSV and text; knows nothing of what was asked.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::export::Picture;

/// Raised when a key of the JSON form changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// What is said to a question.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The command that was asked: `fit`, `size`, ...
    pub command: &'static str,
    /// Whether the answer is yes (exit code 0) or no (exit code 1).
    pub yes: bool,
    /// All of it in one sentence.
    pub sentence: String,
    /// The most telling first.
    pub tables: Vec<Table>,
    /// What a reader should know beside: how it was asked, what was left out.
    pub notes: Vec<String>,
    /// The chart, where there is something to see.
    pub picture: Option<Picture>,
}

/// Rows of equal form.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Its key in JSON: `nodes`, `steps`.
    pub name: &'static str,
    /// Its heading for people; empty: none.
    pub title: String,
    /// What the cells of a row are.
    pub columns: Vec<Column>,
    /// As many cells as columns each.
    pub rows: Vec<Vec<Cell>>,
    /// The column that is drawn as a bar at the end of each row of the text form.
    pub bar: Option<usize>,
}

/// What stands in a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its key in JSON and CSV, unit last: `memory_requested_bytes`.
    pub key: Cow<'static, str>,
    /// Its heading for people: `MEMORY`.
    pub title: Cow<'static, str>,
}

impl Column {
    /// From its key and its heading.
    #[must_use]
    pub fn new(key: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Self {
        Self { key: key.into(), title: title.into() }
    }
}

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// A name or a sentence.
    Text(String),
    /// A count.
    Count(i64),
    /// A number, with so many decimals for people.
    Number(f64, u8),
    /// Yes or no.
    Flag(bool),
    /// Nothing to say.
    Nothing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Cell {
    fn from(count: u32) -> Self {
        Self::Count(i64::from(count))
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl Cell {
    /// For people and for CSV, where `missing` stands for nothing.
    fn text(&self, missing: &str) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(number, decimals) => format!("{number:.prec$}", prec = usize::from(*decimals)),
            Self::Flag(true) => "yes".to_owned(),
            Self::Flag(false) => "no".to_owned(),
            Self::Nothing => missing.to_owned(),
        }
    }

    /// In full, for other formats.
    #[cfg(feature = "parquet")]
    pub(super) fn written(&self) -> String {
        match self {
            Self::Number(number, _) => number.to_string(),
            other => other.text(""),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
            Self::Number(number, _) => json!(number),
            Self::Flag(flag) => json!(flag),
            Self::Nothing => Value::Null,
        }
    }

    /// How long its bar is, before scaling.
    #[allow(clippy::cast_precision_loss, reason = "a bar has a few dozen characters")]
    const fn amount(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number, _) => Some(*number),
            Self::Text(_) | Self::Flag(_) | Self::Nothing => None,
        }
    }

    const fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Number(..))
    }
}

/// More rows than this are cut in the text form, and the cut is told.
const MOST_ROWS: usize = 40;
/// Characters of the longest bar.
const BAR: f64 = 30.0;

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(name: &'static str, title: impl Into<String>, columns: &[(&'static str, &'static str)]) -> Self {
        let columns = columns.iter().map(|&(key, title)| Column::new(key, title)).collect();
        Self { name, title: title.into(), columns, rows: Vec::new(), bar: None }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a row of {} has other columns", self.name);
        self.rows.push(cells);
    }

    /// As columns of text, numbers to the right.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines: Vec<Vec<String>> = vec![self.columns.iter().map(|column| column.title.to_string()).collect()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(|cell| cell.text("-")).collect()));
        let numeric: Vec<bool> = (0..self.columns.len())
            .map(|at| self.rows.iter().all(|row| row[at].is_number() || row[at] == Cell::Nothing))
            .collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
            .collect();
        let amounts: Vec<Option<f64>> =
            self.rows.iter().map(|row| self.bar.and_then(|bar| row[bar].amount())).collect();
        let greatest = amounts.iter().flatten().copied().fold(0.0, f64::max);
        let mut text = String::new();
        if !self.title.is_empty() {
            let _ = writeln!(text, "{}", self.title);
        }
        for (at, line) in lines.iter().take(MOST_ROWS + 1).enumerate() {
            let mut out = String::from("  ");
            for (column, cell) in line.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                let cell = if numeric[column] { format!("{pad}{cell}") } else { format!("{cell}{pad}") };
                let _ = write!(out, "{}{cell}", if column == 0 { "" } else { "   " });
            }
            if let Some(amount) = at.checked_sub(1).and_then(|row| amounts[row]).filter(|_| greatest > 0.0) {
                let _ = write!(out, "   {}", bar(amount / greatest * BAR));
            }
            let _ = writeln!(text, "{}", out.trim_end());
        }
        if self.rows.len() > MOST_ROWS {
            let _ = writeln!(text, "  ... {} more (-o json has them all)", self.rows.len() - MOST_ROWS);
        }
        text
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(row).map(|(column, cell)| (column.key.to_string(), cell.json()));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }

    /// With a line of keys; full precision.
    ///
    /// # Errors
    /// If the text cannot be made, which would be a mistake of this crate.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(self.columns.iter().map(|column| &*column.key))?;
        for row in &self.rows {
            out.write_record(row.iter().map(|cell| match cell {
                Cell::Number(number, _) => number.to_string(),
                other => other.text(""),
            }))?;
        }
        let bytes = out.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A bar of so many characters, to the eighth of one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bar has a few dozen characters")]
fn bar(length: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (length.max(0.0) * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

impl Answer {
    /// The sentence, the tables with their bars, the notes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.sentence);
        for table in self.tables.iter().filter(|table| !table.rows.is_empty()) {
            let _ = write!(text, "\n{}", table.text());
        }
        if !self.notes.is_empty() {
            text.push('\n');
            for note in &self.notes {
                let _ = writeln!(text, "note: {note}");
            }
        }
        text
    }

    /// For machines: tables are lists of objects under their names.
    #[must_use]
    pub fn json(&self) -> Value {
        let tables = self.tables.iter().map(|table| (table.name.to_owned(), table.json()));
        json!({
            "schema_version": SCHEMA_VERSION,
            "generator": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
            "command": self.command,
            "yes": self.yes,
            "answer": self.sentence,
            "tables": tables.collect::<Map<_, _>>(),
            "notes": self.notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_three_forms() {
        let mut table = Table::new("nodes", "", &[("node", "NODE"), ("cpu_ratio", "CPU"), ("why", "WHY")]);
        table.bar = Some(1);
        table.row(vec!["worker-0".into(), Cell::Number(0.5, 2), Cell::Nothing]);
        table.row(vec!["b".into(), Cell::Number(1.0, 2), "full, really".into()]);
        let text = table.text();
        assert_eq!(
            text,
            "  NODE        CPU   WHY\n  worker-0   0.50   -              ███████████████\n  b          1.00   full, really   ██████████████████████████████\n"
        );
        assert_eq!(table.csv().expect("a table"), "node,cpu_ratio,why\nworker-0,0.5,\nb,1,\"full, really\"\n");
        let answer = Answer {
            command: "fit",
            yes: true,
            sentence: "It fits.".to_owned(),
            tables: vec![table],
            notes: Vec::new(),
            picture: None,
        };
        assert_eq!(answer.json()["tables"]["nodes"][1]["cpu_ratio"], 1.0);
        assert_eq!(answer.json()["tables"]["nodes"][0]["why"], Value::Null);
    }
}
