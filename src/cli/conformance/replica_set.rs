//! `active_pods_ranking.json` and `slow_start_batch.json`: [`ranking`] and [`slow_start`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::{now, phase};
use super::{Answer, Case, Checked, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::controllers::replica_set::ranking::{self, Candidate};
use crate::controllers::slow_start::slow_start;
use crate::model::deletion_cost;
use crate::model::status::Phase;

#[derive(Deserialize, Clone)]
struct PodIn {
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    node: String,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    ready: bool,
    ready_since_offset_s: Option<f64>,
    created_offset_s: Option<f64>,
    deletion_cost: Option<String>,
    #[serde(default)]
    restarts: Vec<u32>,
    #[serde(default)]
    sidecar_restarts: Vec<u32>,
    #[serde(default)]
    colocated: u32,
    deleting: Option<bool>,
}

impl PodIn {
    fn is_active(&self) -> bool {
        !phase(&self.phase).is_terminal() && self.deleting != Some(true)
    }

    fn node(&self) -> Option<&str> {
        Some(self.node.as_str()).filter(|node| !node.is_empty())
    }

    /// The pod, with its uid and its place in the input.
    fn build(&self, costs: bool, place: usize) -> Candidate<Uid<'_>> {
        let at = |offset: Option<f64>| -> Option<SimTime> {
            offset.map(|seconds| now() + SimDuration::from_secs_f64(seconds.abs()) * if seconds < 0.0 { -1 } else { 1 })
        };
        Candidate {
            scheduled: self.node().is_some(),
            phase: if self.phase.is_empty() { Phase::Pending } else { phase(&self.phase) },
            ready: self.ready,
            ready_since: at(self.ready_since_offset_s),
            deletion_cost: self.deletion_cost.as_deref().filter(|_| costs).map_or(0, deletion_cost),
            colocated: self.colocated,
            restarts: self.restarts.iter().copied().max().unwrap_or(0),
            sidecar_restarts: self.sidecar_restarts.iter().copied().max().unwrap_or(0),
            created: at(self.created_offset_s),
            uid: Uid { uid: &self.uid, place },
        }
    }
}

/// A uid is compared by its text alone.
#[derive(Clone, Copy)]
struct Uid<'a> {
    uid: &'a str,
    place: usize,
}

impl PartialEq for Uid<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.uid == other.uid
    }
}

impl Eq for Uid<'_> {}

impl PartialOrd for Uid<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Uid<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uid.cmp(other.uid)
    }
}

#[derive(Deserialize)]
struct Gates {
    log_ranks: Option<bool>,
    deletion_cost_enabled: Option<bool>,
}

#[derive(Deserialize)]
struct List {
    pods: Vec<PodIn>,
}

#[derive(Deserialize)]
struct Pair {
    first: PodIn,
    second: PodIn,
}

#[derive(Deserialize)]
struct Choice {
    pods: Vec<PodIn>,
    related_pods: Option<Vec<PodIn>>,
    count: usize,
}

fn relation(pods: [&PodIn; 2], costs: bool, now: Option<SimTime>) -> Answer {
    let [first, second] = [pods[0].build(costs, 0), pods[1].build(costs, 1)];
    let before = ranking::is_deleted_before(&first, &second, now);
    let after = ranking::is_deleted_before(&second, &first, now);
    let relation = match (before, after) {
        (true, false) => "first_deleted_before_second",
        (false, true) => "second_deleted_before_first",
        _ => "equal",
    };
    Answer::Complete(json!({"relation": relation}))
}

pub(super) fn ranking(case: &Case) -> Checked {
    let gates: Gates = case.input()?;
    let costs = gates.deletion_cost_enabled != Some(false);
    let now = Some(now()).filter(|_| gates.log_ranks != Some(false));
    Ok(match case.kind.as_str() {
        "equal" => {
            let List { pods } = case.input()?;
            match pods.as_slice() {
                [first, second] => relation([first, second], costs, now),
                _ => return unknown_kind(case),
            }
        }
        "first_before_second" => {
            let Pair { first, second } = case.input()?;
            relation([&first, &second], costs, now)
        }
        kind @ ("sorted_list_with_ranks" | "sorted_list") => {
            let List { pods } = case.input()?;
            // The list without ranks is upstream's older order, which knows neither costs nor magnitudes.
            let ranked = kind == "sorted_list_with_ranks";
            let (costs, now) = (costs && ranked, now.filter(|_| ranked));
            let mut candidates: Vec<_> = pods.iter().enumerate().map(|(at, pod)| pod.build(costs, at)).collect();
            ranking::sort(&mut candidates, now);
            let order: Vec<&str> = candidates.iter().map(|pod| pods[pod.uid.place].name.as_str()).collect();
            Answer::Complete(json!({"deletion_order": order}))
        }
        "pods_to_delete" => {
            let Choice { pods, related_pods, count } = case.input()?;
            let nodes: Vec<Option<&str>> = pods.iter().map(PodIn::node).collect();
            let related = related_pods.iter().flatten().filter(|pod| pod.is_active()).map(PodIn::node);
            let colocated = ranking::colocated(&nodes, related);
            let mut candidates: Vec<_> = pods.iter().enumerate().map(|(at, pod)| pod.build(costs, at)).collect();
            candidates.iter_mut().zip(colocated).for_each(|(pod, colocated)| pod.colocated = colocated);
            let chosen = ranking::choose(&mut candidates, count, now);
            let mut names: Vec<&str> = chosen.iter().map(|pod| pods[pod.uid.place].name.as_str()).collect();
            names.sort_unstable();
            Answer::Complete(json!({"set_deleted": names}))
        }
        _ => return unknown_kind(case),
    })
}

#[derive(Deserialize)]
struct Batch {
    count: usize,
    initial_batch: usize,
    calls_that_succeed: usize,
}

pub(super) fn slow_start_batch(case: &Case) -> Checked {
    if case.kind != "batch" {
        return unknown_kind(case);
    }
    let Batch { count, initial_batch, calls_that_succeed } = case.input()?;
    let calls = slow_start(count, initial_batch, |at| if at < calls_that_succeed { Ok(()) } else { Err(()) });
    let got: Value = json!({"calls_made": calls.made, "successes": calls.successes, "error": calls.error.is_some()});
    Ok(Answer::Complete(got))
}
