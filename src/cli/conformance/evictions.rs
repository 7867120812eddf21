//! What a recorded case tells of its pods that only preemption asks, and how a preemption is recorded.

use serde_json::{Value, json};

use super::cluster::{Cluster, key};
use crate::base::{SimDuration, SimTime};
use crate::model::PodId;
use crate::scheduler::plugins::default_preemption::Candidate;
use crate::scheduler::preemption::Victims;

/// 2025-06-01T00:00:00Z: the start time of the pod at place 0 of a queue; each later pod starts a second later.
const QUEUE_START: SimTime = SimTime(1_748_736_000_000_000_000);

/// A pod of the case that was placed.
pub(super) struct Placed {
    /// Its `namespace/name`.
    key: String,
    started: SimTime,
    evicted_by_scheduler: bool,
    /// The budgets that count for it, by their places.
    budgets: Vec<usize>,
}

impl Placed {
    /// A pod that existed before.
    pub(super) fn existing(cluster: &Cluster, pod: &Value) -> Self {
        let started = pod.pointer("/status/startTime").and_then(Value::as_str);
        let started = started.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let started = started.and_then(|at| i64::try_from(at.as_nanosecond()).ok()).map_or(QUEUE_START, SimTime);
        Self { started, evicted_by_scheduler: evicted_by_scheduler(pod), ..Self::queued(cluster, pod, 0) }
    }

    /// A pod that was placed when its turn came, at this place of the queue.
    pub(super) fn queued(cluster: &Cluster, pod: &Value, at: usize) -> Self {
        let seconds = i64::try_from(at).expect("a queue is short");
        let key = key(pod);
        let budgets = cluster.budgets_of.get(&key).cloned().unwrap_or_default();
        let started = QUEUE_START + SimDuration::from_secs(seconds);
        Self { key, started, evicted_by_scheduler: false, budgets }
    }
}

fn evicted_by_scheduler(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let is = |condition: &Value, field: &str, value: &str| condition.get(field).and_then(Value::as_str) == Some(value);
    pod.pointer("/metadata/deletionTimestamp").is_some()
        && conditions.into_iter().flatten().any(|condition| {
            is(condition, "type", "DisruptionTarget")
                && is(condition, "status", "True")
                && is(condition, "reason", "PreemptionByScheduler")
        })
}

impl Victims for Cluster {
    fn started(&self, pod: PodId) -> SimTime {
        self.placed[pod].started
    }

    fn evicted_by_scheduler(&self, pod: PodId) -> bool {
        self.placed[pod].evicted_by_scheduler
    }

    fn disruptions_allowed(&self) -> Vec<i64> {
        self.disruptions_allowed.clone()
    }

    fn budgets_of(&self, pod: PodId, budgets: &mut Vec<usize>) {
        budgets.extend_from_slice(&self.placed[pod].budgets);
    }
}

/// The names of a candidate's victims, sorted.
fn victims(cluster: &Cluster, candidate: &Candidate) -> Vec<String> {
    let mut names: Vec<String> =
        candidate.victims.iter().map(|victim| cluster.placed[victim.pod].key.clone()).collect();
    names.sort_unstable();
    names
}

/// The fields of an entry that nominated the first of these candidates, which are equally good.
pub(super) fn recorded(cluster: &Cluster, candidates: &[Candidate]) -> Vec<(&'static str, Value)> {
    let [chosen, others @ ..] = candidates else { return Vec::new() };
    let mut fields =
        vec![("nominated", json!(cluster.name(chosen.node))), ("victims", json!(victims(cluster, chosen)))];
    if !others.is_empty() {
        let all = candidates.iter().map(|one| json!([cluster.name(one.node), victims(cluster, one)]));
        fields.push(("acceptable", all.collect()));
    }
    fields
}

/// The pods of the chosen candidate vanish.
pub(super) fn carry_out(cluster: &mut Cluster, chosen: &Candidate) {
    for victim in &chosen.victims {
        cluster.view.remove_pod(victim.pod);
    }
}
