//! Recorded decisions of the real scheduler, one case a file: a cluster, a queue of pods, and what became of each pod.
//! Each pod goes through [`schedule_one`] with the evaluator of the simulation and is assumed where that put it; reasons
//! and scores come from the plain evaluator. Where the recorded scheduler's word is not modelled, its choice is taken over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cluster::{Cluster, key, node_name};
use super::evictions::{self, Placed};
use super::{Answer, Unsupported, compare, unmodelled};
use crate::model::{ClassId, NodeId};
use crate::scheduler::columns::Columns;
use crate::scheduler::cycle::{Ask, Decision, Options, Outcome, Placement, TieBreak, schedule_one};
use crate::scheduler::framework::{Rejection, Verdict};
use crate::scheduler::plugins::scheduling_gates;
use crate::scheduler::pre_enqueue::pre_enqueue;
use crate::scheduler::preemption::preempt;
use crate::scheduler::scan::{NodeScores, Scan};

/// In the large cases more tied nodes than these are only counted.
const TIED_BY_NAME: usize = 10;

/// A recorded case.
#[derive(Deserialize)]
pub(super) struct Recorded {
    #[serde(default)]
    compact: bool,
    #[serde(default)]
    pub(super) config: Value,
    #[serde(default)]
    objects: BTreeMap<String, Vec<Value>>,
    pub(super) queue: Vec<Value>,
    expect: Vec<Value>,
}

impl Recorded {
    /// The objects of a kind, as the case names the kind.
    pub(super) fn objects(&self, kind: &str) -> &[Value] {
        self.objects.get(kind).map_or(&[], Vec::as_slice)
    }

    /// How many decisions were recorded.
    pub(super) fn len(&self) -> u64 {
        self.expect.len() as u64
    }
}

/// What came of one decision: where it differs, or why it was not checked.
pub(super) type Checked = (String, Result<Vec<String>, Unsupported>);

/// Checks the decisions of a case one after the other. An error is for all of them.
pub(super) fn check(case: &Recorded) -> Result<Vec<Checked>, Unsupported> {
    let mut cluster = Cluster::new(case)?;
    let asked = case.expect.iter().filter(|expected| !is_retry(expected)).count();
    if case.queue.len() != asked {
        return Err(Unsupported(format!("{asked} entries for {} pods", case.queue.len())));
    }
    let mut columns = Columns::new();
    let mut entries = case.expect.iter().peekable();
    let mut checked = Vec::new();
    for (at, pod) in case.queue.iter().enumerate() {
        let Some(expected) = entries.next() else { break };
        let mut turn = Turn { pod, at, nominated: preset_nomination(&cluster, pod), is_retry: false };
        let mut expected = Some(expected);
        loop {
            let (found, evicted) = one(case, &mut cluster, &mut columns, &turn, expected)?;
            checked.extend(found);
            let retry = entries.next_if(|expected| is_retry(expected));
            match (evicted, retry) {
                // What follows a preemption is decided even if it was not recorded.
                (Some(node), retry) => (turn.nominated, turn.is_retry, expected) = (Some(node), true, retry),
                (None, Some(_)) => {
                    checked.push((key(pod), Ok(vec!["retry: nothing was evicted for it".to_owned()])));
                    break;
                }
                (None, None) => break,
            }
        }
    }
    Ok(checked)
}

/// A pod's turn.
struct Turn<'a> {
    pod: &'a Value,
    /// Its place in the queue.
    at: usize,
    nominated: Option<NodeId>,
    is_retry: bool,
}

fn is_retry(entry: &Value) -> bool {
    entry.get("retry") == Some(&json!(true))
}

fn preset_nomination(cluster: &Cluster, pod: &Value) -> Option<NodeId> {
    let name = pod.pointer("/status/nominatedNodeName").and_then(Value::as_str)?;
    cluster.nodes.get(name).copied()
}

/// One attempt, compared with its entry, if there is one. The node for which pods were evicted, if so.
fn one(
    case: &Recorded,
    cluster: &mut Cluster,
    columns: &mut Columns,
    turn: &Turn<'_>,
    expected: Option<&Value>,
) -> Result<(Option<Checked>, Option<NodeId>), Unsupported> {
    let Turn { pod, nominated, .. } = *turn;
    let name = key(pod);
    let class = cluster.class(pod)?;
    let needs = unmodelled::of_pod(pod);
    let placed = Placed::queued(cluster, pod, turn.at);
    let mut evicted = None;
    let found = if let Some(node) = node_name(pod) {
        // The scheduler does not look at it.
        cluster.place(pod, placed)?;
        Ok(json!({"outcome": "bound", "preassigned": true, "chosen": node}))
    } else if let Some(found) = gated(cluster, class) {
        Ok(found)
    } else if needs.is_empty() {
        let ask = Ask { class, nominated };
        let options = Options { percentage_of_nodes_to_score: 100, tie_break: TieBreak::First };
        // Every recorded search began at the first node.
        cluster.view.restart_search();
        let mut decision = schedule_one(&mut cluster.view, columns, ask, &options, 0);
        let survey = Scan::survey(&cluster.view, class);
        let candidates = match &mut decision.outcome {
            Outcome::Unfit(error) => preempt(&cluster.view, ask, error, cluster, 0),
            Outcome::Placed(_) => Vec::new(),
        };
        let mut found = answer(case, cluster, nominated, &decision, &survey);
        for (field, value) in evictions::recorded(cluster, &candidates) {
            found[field] = value;
        }
        if turn.is_retry {
            found["retry"] = json!(true);
        }
        if let Some(node) = decision.node() {
            cluster.assume(placed, class, node);
            let volumes = cluster.volumes_of(class);
            if !volumes.is_empty() {
                found["volumes"] = json!(volumes);
            }
        }
        if let Some(chosen) = candidates.first() {
            evictions::carry_out(cluster, chosen);
            evicted = Some(chosen.node);
        }
        Ok(found)
    } else {
        let chosen = expected.and_then(|expected| expected.get("chosen")?.as_str());
        if let Some(&node) = chosen.and_then(|name| cluster.nodes.get(name)) {
            cluster.assume(placed, class, node);
        }
        Err(Unsupported(needs.join(", ")))
    };
    let found = found.map(|mut found| {
        if let Some(found) = found.as_object_mut() {
            found.insert("pod".to_owned(), json!(name));
        }
        expected.map_or_else(Vec::new, |expected| compare::differences(&as_sets(expected), &Answer::Complete(found)))
    });
    Ok((expected.map(|_| (name, found)), evicted))
}

/// The entry of a pod that PreEnqueue keeps out of the queue.
fn gated(cluster: &Cluster, class: ClassId) -> Option<Value> {
    let spec = cluster.words.classes.get(class);
    let plugin = pre_enqueue(cluster.view.tables(), class, spec)?;
    let message = scheduling_gates::message(&spec.scheduling_gates, &cluster.words.strings);
    let why = json!({"plugin": plugin.name(), "reasons": [message], "unresolvable": true});
    Some(json!({"outcome": "gated", "preenqueue": why, "message": message}))
}

/// A decision as it is recorded.
fn answer(
    case: &Recorded,
    cluster: &Cluster,
    nominated: Option<NodeId>,
    decision: &Decision,
    (rejections, scores): &(Vec<(NodeId, Rejection)>, Vec<NodeScores>),
) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    match &decision.outcome {
        Outcome::Unfit(error) => {
            put("outcome", json!("unschedulable"));
            put("message", json!(error.message(&cluster.words.strings)));
            if let Some(why) = &error.diagnosis.pre_filter {
                put("prefilter", said(cluster, why));
                return Value::Object(out);
            }
        }
        Outcome::Placed(placement) => {
            put("outcome", json!("bound"));
            put("chosen", json!(cluster.name(placement.node)));
            put("feasible", json!(decision.feasible));
            if placement.score.is_none() {
                put("single_feasible", json!(true));
            }
            if nominated == Some(placement.node) && placement.score.is_none() && decision.evaluated == 1 {
                put("nominated_fast_path", json!(true));
                return Value::Object(out);
            }
            if let Some(total) = placement.score {
                put("total", json!(total));
                if let Some(tied) = tied(case, cluster, placement, scores) {
                    put("tied", tied);
                }
                if !case.compact {
                    put("scores", scores.iter().map(|node| score(cluster, node)).collect());
                }
            }
        }
    }
    if !rejections.is_empty() && !case.compact {
        put("rejected", rejections.iter().map(|(node, why)| rejected(cluster, *node, why)).collect());
    }
    Value::Object(out)
}

/// The nodes of the highest total, if there are several. How many there are is the decision's word, which they are the
/// plain evaluator's.
fn tied(case: &Recorded, cluster: &Cluster, placement: &Placement, scores: &[NodeScores]) -> Option<Value> {
    let best = scores.iter().filter(|node| Some(node.total) == placement.score);
    let best: Vec<&str> = best.map(|node| cluster.name(node.node)).collect();
    match placement.tied as usize {
        1 if best.len() == 1 => None,
        count if best.len() != count => Some(json!([format!("{count} by the decision, {} by the scan", best.len())])),
        count if case.compact && count > TIED_BY_NAME => Some(json!([format!("#{count}")])),
        _ => Some(json!(best)),
    }
}

/// A node's scores: those of zero are left out, as they are of no weight.
fn score(cluster: &Cluster, node: &NodeScores) -> (String, Value) {
    let plugins = node.scores.iter().filter(|score| score.weighted != 0);
    let mut scores: Map<String, Value> =
        plugins.map(|score| (score.plugin.name().to_owned(), json!(score.weighted))).collect();
    scores.insert("total".to_owned(), json!(node.total));
    (cluster.name(node.node).to_owned(), Value::Object(scores))
}

fn rejected(cluster: &Cluster, node: NodeId, why: &Rejection) -> (String, Value) {
    (cluster.name(node).to_owned(), said(cluster, why))
}

fn said(cluster: &Cluster, why: &Rejection) -> Value {
    let mut reasons: Vec<String> =
        why.verdict.reasons().iter().map(|reason| reason.text(&cluster.words.strings)).collect();
    reasons.sort_unstable();
    let mut out = json!({"plugin": why.plugin.name(), "reasons": reasons});
    if matches!(why.verdict, Verdict::UnschedulableAndUnresolvable(_)) {
        out["unresolvable"] = json!(true);
    }
    out
}

/// An entry whose reasons are sorted: they are compared as sets.
fn as_sets(expected: &Value) -> Value {
    let mut expected = expected.clone();
    let nodes = expected.get_mut("rejected").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, node) in nodes {
        if let Some(reasons) = node.get_mut("reasons").and_then(Value::as_array_mut) {
            reasons.sort_unstable_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, cpu: &str) -> Value {
        let resources = json!({"requests": {"cpu": cpu, "memory": "1Gi"}});
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}})
    }

    fn check_with(change: impl FnOnce(&mut Value)) -> Result<Vec<Checked>, Unsupported> {
        let capacity = json!({"cpu": 2, "memory": "4Gi", "pods": "9"});
        let node = |name: &str| json!({"metadata": {"name": name}, "status": {"capacity": capacity}});
        let scores = json!({
            "NodeResourcesFit": 62, "NodeResourcesBalancedAllocation": 87, "TaintToleration": 300, "total": 449,
        });
        let full = json!({"plugin": "NodeResourcesFit", "reasons": ["Insufficient cpu"]});
        let mut case = json!({
            "objects": {"nodes": [node("a"), node("b")]},
            "queue": [pod("p", "1"), pod("q", "1500m"), pod("r", "1500m")],
            "expect": [
                {"pod": "default/p", "outcome": "bound", "chosen": "a", "feasible": 2, "total": 449, "tied": ["a", "b"],
                 "scores": {"a": scores, "b": scores}},
                {"pod": "default/q", "outcome": "bound", "chosen": "b", "feasible": 1, "single_feasible": true,
                 "rejected": {"a": full}},
                {"pod": "default/r", "outcome": "unschedulable", "rejected": {"a": full, "b": full}, "message":
                 "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are \
                  available: 2 No preemption victims found for incoming pod."},
            ],
        });
        change(&mut case);
        check(&Recorded::deserialize(case).expect("a case"))
    }

    fn whole(checked: Result<Vec<Checked>, Unsupported>) -> Vec<Checked> {
        checked.unwrap_or_else(|Unsupported(reason)| panic!("unsupported: {reason}"))
    }

    fn differences(change: impl FnOnce(&mut Value)) -> Vec<Vec<String>> {
        let found = whole(check_with(change)).into_iter().map(|(pod, found)| match found {
            Ok(found) => found,
            Err(Unsupported(reason)) => panic!("{pod}: {reason}"),
        });
        found.collect()
    }

    #[test]
    fn every_field_of_an_entry_counts() {
        assert_eq!(differences(|_| ()), [[""; 0]; 3]);
        for (at, value) in [
            ("/expect/0/chosen", json!("b")),
            ("/expect/0/total", json!(448)),
            ("/expect/0/feasible", json!(1)),
            ("/expect/0/tied", json!(["a"])),
            ("/expect/0/scores/b/TaintToleration", json!(299)),
            ("/expect/1/single_feasible", json!(false)),
            ("/expect/1/rejected/a/plugin", json!("NodePorts")),
            ("/expect/2/rejected/b/reasons", json!(["Insufficient cpu", "Insufficient memory"])),
            ("/expect/2/message", json!("0/2 nodes are available: 2 Insufficient cpu.")),
            ("/expect/2/outcome", json!("bound")),
        ] {
            let found = differences(|case| *case.pointer_mut(at).expect(at) = value);
            assert_eq!(found.iter().flatten().count(), 1, "{at}: {found:?}");
        }
        let found = differences(|case| case["expect"][1]["rejected"] = json!({}));
        assert_eq!(found[1].len(), 1, "a rejection that was not recorded is a difference");
    }

    #[test]
    fn what_is_not_modelled_is_unsupported_and_its_choice_is_taken_over() {
        let claiming = |case: &mut Value| {
            case["queue"][0]["spec"]["resourceClaims"] = json!([{"name": "g"}]);
            case["expect"][0]["chosen"] = json!("b");
        };
        let checked = whole(check_with(claiming));
        assert!(matches!(&checked[0].1, Err(Unsupported(reason)) if reason.contains("DynamicResources")));
        assert!(matches!(&checked[1].1, Ok(found) if found.iter().any(|line| line.starts_with("chosen: "))));
    }

    #[test]
    fn what_concerns_all_makes_the_case_unsupported() {
        let profile =
            |case: &mut Value| case["config"] = json!({"plugins": {"filter": {"enabled": [{"name": "Own"}]}}});
        assert!(matches!(check_with(profile), Err(Unsupported(reason)) if reason.starts_with("PS1140")));
        let broken = |case: &mut Value| case["queue"][0]["spec"]["containers"][0]["resources"] = json!({"requests": 1});
        assert!(matches!(check_with(broken), Err(Unsupported(reason)) if reason.starts_with("PS1")));
    }
}
