//! The answer for people: one sentence, and a line a pod.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::decide::{Entry, Outcome};
use crate::cli::explain::text::table;

/// What came of all pods.
pub(super) struct Report<'a> {
    rows: Vec<Row<'a>>,
    /// Pods that wait in the cluster and were not asked about.
    waiting: &'a [String],
    evicted: usize,
}

/// What came of a pod.
struct Row<'a> {
    /// The last attempt.
    last: &'a Entry,
    /// Who was evicted for it.
    victims: Vec<&'a str>,
    /// For whom it was evicted after it had found a node.
    evicted_for: Option<&'a str>,
}

impl Row<'_> {
    fn has_node(&self) -> bool {
        self.last.outcome == Outcome::Bound && self.evicted_for.is_none()
    }

    fn cells(&self) -> Vec<String> {
        let entry = self.last;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let tied = (!entry.tied.is_empty()).then(|| entry.tied.len().to_string());
        vec![
            entry.pod.clone(),
            or_dash(entry.chosen.clone()),
            or_dash(entry.total.map(|total| total.to_string())),
            or_dash(tied),
            or_dash(entry.feasible.map(|feasible| feasible.to_string())),
            self.note(),
        ]
    }

    fn note(&self) -> String {
        let entry = self.last;
        let mut parts = Vec::new();
        if !self.victims.is_empty() {
            parts.push(format!("evicts {}", self.victims.join(", ")));
        }
        if entry.preassigned {
            parts.push("came with its node".to_owned());
        }
        parts.extend(entry.message.clone());
        if let Some(other) = self.evicted_for {
            parts.push(format!("evicted later for {other}"));
        }
        parts.join("; ")
    }
}

impl<'a> Report<'a> {
    /// Of the attempts for each pod.
    pub fn new(attempts: &'a [Vec<Entry>], waiting: &'a [String]) -> Self {
        let mut evicted_for = BTreeMap::new();
        for entry in attempts.iter().flatten() {
            let victims = entry.victims.iter().flatten();
            evicted_for.extend(victims.map(|victim| (victim.as_str(), entry.pod.as_str())));
        }
        let evicted = evicted_for.len();
        let row = |entries: &'a Vec<Entry>| {
            let last = entries.last()?;
            let victims = entries.iter().filter_map(|entry| entry.victims.as_ref()).flatten().map(String::as_str);
            Some(Row { last, victims: victims.collect(), evicted_for: evicted_for.get(last.pod.as_str()).copied() })
        };
        Self { rows: attempts.iter().filter_map(row).collect(), waiting, evicted }
    }

    /// Whether no pod is without a node in the end.
    pub fn all_find_a_node(&self) -> bool {
        self.rows.iter().all(Row::has_node)
    }

    /// The whole text.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n", self.sentence());
        if !self.rows.is_empty() {
            let head = ["POD", "NODE", "SCORE", "TIED", "FEASIBLE", "NOTE"].map(str::to_owned).to_vec();
            let rows: Vec<Vec<String>> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
            let _ = write!(text, "\n{}", table(&rows));
        }
        if !self.waiting.is_empty() {
            let _ = writeln!(text, "\nPending in the cluster, not decided (--pending decides them first):");
            self.waiting.iter().for_each(|pod| {
                let _ = writeln!(text, "  {pod}");
            });
        }
        text
    }

    fn sentence(&self) -> String {
        let all = self.rows.len();
        let fit = self.rows.iter().filter(|row| row.has_node()).count();
        let mut text = match (fit, all) {
            (_, 0) => "There is no pod to decide about".to_owned(),
            (1, 1) => "The pod finds a node".to_owned(),
            (0, 1) => "The pod finds no node".to_owned(),
            (fit, all) if fit == all => format!("All {all} pods find a node"),
            (1, _) => format!("1 of {all} pods finds a node"),
            (fit, _) => format!("{fit} of {all} pods find a node"),
        };
        match self.evicted {
            0 => {}
            1 => text.push_str("; 1 pod is evicted for another"),
            evicted => {
                let _ = write!(text, "; {evicted} pods are evicted for others");
            }
        }
        text.push('.');
        text
    }
}
