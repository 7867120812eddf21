//! The answer for people.

use std::fmt::Write as _;

use super::report::{Decision, Entry, Report, Score, Status};
use crate::answers::survey::{Group, words};

/// Entries of the history at its beginning and at its end that are shown when it is long.
const FIRST: usize = 6;
const LAST: usize = 12;

/// The whole text.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("{}\n", report.answer);
    if let Some(decision) = &report.decision {
        scores(&mut text, decision);
    }
    if !report.nodes.is_empty() {
        let when = if report.decision.is_some() { "Nodes, as they were at the decision" } else { "Nodes" };
        let _ = write!(text, "\n{when}\n{}", groups(&report.nodes));
    }
    changes(&mut text, report);
    history(&mut text, &report.history);
    text
}

fn scores(text: &mut String, decision: &Decision) {
    let Decision { nodes, evaluated, feasible, .. } = *decision;
    let looked = if evaluated == nodes { format!("all {nodes}") } else { format!("{evaluated} of {nodes}") };
    let _ =
        writeln!(text, "\nScores ({looked} nodes looked at, {feasible} fitted; raw -> normalized x weight = weighted)");
    let Some(first) = decision.scores.first() else { return };
    let mut head = vec!["NODE".to_owned(), "TOTAL".to_owned()];
    head.extend(first.plugins.iter().map(|score| score.plugin.to_owned()));
    let mut rows = vec![head];
    for node in &decision.scores {
        let mut row = vec![node.node.clone(), node.total.to_string()];
        row.extend(node.plugins.iter().map(|score| {
            let Score { raw, normalized, weight, weighted, .. } = score;
            format!("{raw} -> {normalized} x {weight} = {weighted}")
        }));
        rows.push(row);
    }
    text.push_str(&table(&rows));
    if feasible as usize > decision.scores.len() {
        let _ = writeln!(text, "  ... and {} more", feasible as usize - decision.scores.len());
    }
}

fn groups(groups: &[Group]) -> String {
    let mut rows = vec![["COUNT", "PLUGIN", "REASON", "NODES"].map(str::to_owned).to_vec()];
    for group in groups {
        let reason = match (&group.plugin, group.reasons.as_slice()) {
            (None, _) => "fits".to_owned(),
            // More than the node has for all pods together.
            (_, reasons) if !group.free.is_empty() && !group.evictions_may_help => {
                format!("{} (the node is too small)", reasons.join(", "))
            }
            (_, reasons) => reasons.join(", "),
        };
        let mut names = words::elided(&group.nodes);
        for free in &group.free {
            let on = if group.nodes.len() > 1 { format!(", on {}", free.node) } else { String::new() };
            let _ = write!(names, " ({} free of {}{on})", at_most(group, &free.most), free.resource);
        }
        rows.push(vec![group.nodes.len().to_string(), group.plugin.unwrap_or("-").to_owned(), reason, names]);
    }
    table(&rows)
}

fn at_most(group: &Group, amount: &str) -> String {
    if group.nodes.len() > 1 { format!("at most {amount}") } else { amount.to_owned() }
}

fn changes(text: &mut String, report: &Report) {
    if report.changes.is_empty() {
        if matches!(report.status, Status::Pending | Status::Gated)
            && !report.nodes.iter().any(|group| group.plugin.is_none())
        {
            text.push_str("\nNo single change was found that lets it fit.\n");
        }
        return;
    }
    text.push_str("\nAny one of these lets it fit\n");
    for (index, change) in report.changes.iter().enumerate() {
        let _ = writeln!(text, "  {}. {} (then on {})", index + 1, change.what, change.node);
        for edit in &change.edits {
            let _ = writeln!(text, "       {}", edit.text());
        }
        if let Some(note) = &change.note {
            let _ = writeln!(text, "       {note}");
        }
    }
}

fn history(text: &mut String, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    text.push_str("\nHistory\n");
    let widest = entries.iter().map(|entry| entry.since_start.len()).max().unwrap_or(0);
    let lines = to_lines(entries);
    let left_out = match lines.len().saturating_sub(FIRST + LAST) {
        1 => 0,
        more => more,
    };
    for (index, (at, line)) in lines.iter().enumerate() {
        if index == FIRST && left_out > 0 {
            let _ = writeln!(text, "  {:>widest$}  ... {left_out} more entries (-o json has them all)", "");
        }
        if !(FIRST..FIRST + left_out).contains(&index) {
            let _ = writeln!(text, "  {at:>widest$}  {line}");
        }
    }
}

/// A line for each entry. An attempt and what came of it share one; a message that was there before is not repeated, nor
/// that a woken pod may be tried.
fn to_lines(entries: &[Entry]) -> Vec<(&str, String)> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut message = "";
    for (index, entry) in entries.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| entries[before].what);
        let of_attempt = before == Some("attempt") && matches!(entry.what, "failed" | "chosen");
        if before == Some("woken") && entry.what == "active" {
            continue;
        }
        let text = if entry.what == "failed" && entry.text == message { "the same message" } else { &entry.text };
        if entry.what == "failed" {
            message = &entry.text;
        }
        match lines.last_mut().filter(|_| of_attempt) {
            Some((_, line)) => line.push_str(&format!(": {text}")),
            None => lines.push((&entry.since_start, text.to_owned())),
        }
    }
    lines
}

/// Columns below each other, two spaces apart.
pub(in crate::cli) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row.get(column).map_or(0, |cell| cell.chars().count())).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
    }
    text
}
