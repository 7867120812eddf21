//! Whether a run is good: all pods have their place, and what the scenario expects holds. Pure.

use crate::export::verdicts;
use crate::model::Phase;
use crate::sim::outcome::Outcome;
use crate::sim::plan::Plan;

/// What was found wanting at the end of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Judged {
    /// Pods that are Pending.
    pub pending: usize,
    /// Pods that run, but not with all containers ready.
    pub unready: usize,
    /// Pods that failed, or were lost with their node.
    pub failed: usize,
    /// Why pods have no node: (how many, message), most frequent first.
    pub messages: Vec<(u32, String)>,
    /// Expectations that do not hold, in words.
    pub broken: Vec<String>,
}

impl Judged {
    /// Judges the end of a run.
    #[must_use]
    pub fn of(plan: &Plan, outcome: &Outcome) -> Self {
        let mut judged = Self { messages: outcome.pending.clone(), failed: outcome.lost.len(), ..Self::default() };
        for pod in &outcome.pods {
            match pod.phase {
                Phase::Pending => judged.pending += 1,
                Phase::Running if pod.ready.split_once('/').is_some_and(|(ready, all)| ready != all) => {
                    judged.unready += 1;
                }
                Phase::Failed => judged.failed += 1,
                Phase::Running | Phase::Succeeded | Phase::Unknown => {}
            }
        }
        for verdict in verdicts(plan, outcome).iter().filter(|verdict| !verdict.passed) {
            let value = verdict.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
            judged.broken.push(format!("{} is {value}, wanted {}", verdict.expect.metric, verdict.bounds()));
        }
        judged
    }

    /// Whether every pod has a node and every expectation holds. Pods that fail or are not ready are the business of
    /// expectations: more nodes would not help them.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.pending == 0 && self.broken.is_empty()
    }

    /// What is wrong, in words; empty if nothing is.
    #[must_use]
    pub fn why(&self) -> String {
        let mut parts = Vec::new();
        if self.pending > 0 {
            // What preemption would do comes after it in a sentence of its own.
            let first = |message: &str| message.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
            let why = self.messages.first().map_or_else(String::new, |(_, message)| format!(": {}", first(message)));
            let pods = if self.pending == 1 { "pod is" } else { "pods are" };
            parts.push(format!("{} {pods} pending{why}", self.pending));
        }
        parts.extend(self.broken.iter().cloned());
        parts.join("; ")
    }
}
