//! The reference of all keys as Markdown, made from the table of keys: docs/SCENARIO.md holds it between two marks.

use std::fmt::Write;

use super::{Key, Kind, Presence, Section, sections};
use crate::sim::metrics;

/// All sections with their keys, then the metrics.
#[must_use]
pub fn reference() -> String {
    let mut out = String::new();
    for section in sections().into_iter().skip(1) {
        describe(&mut out, section);
    }
    out.push_str("### Metrics\n\nWhat `[[expect]]` can refer to.\n\n| metric | meaning |\n|---|---|\n");
    for metric in metrics::ALL {
        let _ = writeln!(out, "| `{}` | {} |", metric.name, metric.doc);
    }
    out
}

/// The sections of study files.
#[must_use]
pub fn study_reference() -> String {
    let mut out = String::new();
    for section in super::study::SECTIONS {
        describe(&mut out, section);
    }
    out
}

fn describe(out: &mut String, section: &Section) {
    let _ = writeln!(out, "### `{}`\n\n{}\n", section.name, section.doc);
    out.push_str("| key | type | default | meaning | example |\n|---|---|---|---|---|\n");
    for key in section.keys {
        let default = match key.presence {
            Presence::Required => "**required**".to_owned(),
            Presence::Default(default) if is_value(default) => format!("`{default}`"),
            Presence::Default(default) => default.to_owned(),
        };
        let Key { name, kind, doc, example, .. } = key;
        let (noun, example) = (noun(*kind).replace('|', "\\|"), example.replace('|', "\\|"));
        let _ = writeln!(out, "| `{name}` | {noun} | {default} | {doc} | `{name} = {example}` |");
    }
    if section.extended_resources {
        out.push_str("| `\"domain/name\"`, `hugepages-…` | whole number (bytes for huge pages) | none | Extended resources. | `\"nvidia.com/gpu\" = 8` |\n");
    }
    out.push('\n');
}

/// Whether a default is a value as one would write it, not a description.
fn is_value(default: &str) -> bool {
    default.starts_with(['"', '{']) || default.parse::<f64>().is_ok() || matches!(default, "true" | "false")
}

fn noun(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Choice(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or "),
        Kind::Flag => "true or false".into(),
        Kind::Whole { min, max: i64::MAX } if min > i64::MIN => format!("whole number, at least {min}"),
        Kind::Whole { min, max } => format!("whole number, {min} to {max}"),
        Kind::Number => "number".into(),
        Kind::Duration => "duration".into(),
        Kind::Moment => "time".into(),
        Kind::Date => "date".into(),
        Kind::Cpu => "cpu".into(),
        Kind::Bytes => "bytes".into(),
        Kind::Rate => "rate".into(),
        Kind::ByteRate => "bytes per time".into(),
        Kind::Path => "path".into(),
        Kind::Pattern => "text, `*` at its end".into(),
        Kind::Taint => "taint".into(),
        Kind::Distribution => "duration or [distribution](#distribution)".into(),
        Kind::List(inner) => format!("list of: {}", noun(*inner)),
        Kind::OneOrMany(inner) => format!("{}, or a list of them", noun(*inner)),
        Kind::Map(inner) => format!("table with free keys: {}", noun(*inner)),
        Kind::Table(section) => format!("table [{}](#{})", section.name, anchor(section)),
        Kind::Tables(section) => format!("list of tables [{}](#{})", section.name, anchor(section)),
        Kind::Either(kinds) => kinds.iter().map(|kind| noun(*kind)).collect::<Vec<_>>().join(", or "),
    }
}

/// As GitHub makes anchors of headings.
fn anchor(section: &Section) -> String {
    section.name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
}
