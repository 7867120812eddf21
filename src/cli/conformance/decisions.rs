//! Recorded decisions of the real scheduler, one case a file: a cluster, a queue of pods, and what became of each pod. The
//! decisions are those of [`decide`](crate::cli::decide); here they are compared, and free or with the recorded choice carried
//! out. Where what a pod needs is not modelled, the recorded choice is taken over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::{Loaded, key, load};
use super::{Answer, Manner, Unsupported, compare, unmodelled};
use crate::cli::decide::{Choice, Driver, Entry, Turn};

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

/// Checks the decisions of a case one after the other; if they are forced, each from where the recorded ones before it lead. An error
/// is for all of them.
pub(super) fn check(case: &Recorded, manner: Manner) -> Result<Vec<Checked>, Unsupported> {
    let asked = case.expect.iter().filter(|expected| !is_retry(expected)).count();
    if case.queue.len() != asked {
        return Err(Unsupported(format!("{asked} entries for {} pods", case.queue.len())));
    }
    let Loaded { mut driver, queue: pods, .. } = load(case, manner.evaluator)?;
    let mut entries = case.expect.iter().peekable();
    let mut checked = Vec::new();
    for (at, object) in case.queue.iter().enumerate() {
        let key = key(object);
        let pod = pods.get(&key).ok_or_else(|| Unsupported(format!("no pod `{key}` was read")))?;
        let needs = unmodelled::of_pod(object);
        let mut turn = driver.turn(pod, at);
        let mut expected = entries.next();
        loop {
            let (found, choice) = if needs.is_empty() {
                let (entry, own) = driver.attempt(&turn);
                let found = expected.map(|expected| Ok(differences(case, expected, entry)));
                let recorded = expected.filter(|_| manner.forced && own_is_replaced(&own));
                (found, recorded.map_or(own, |expected| recorded_choice(&driver, expected)))
            } else {
                let choice = expected.map_or(Choice::Nothing, |expected| recorded_choice(&driver, expected));
                (Some(Err(Unsupported(needs.join(", ")))), choice)
            };
            checked.extend(found.map(|found| (key.clone(), found)));
            let next: Option<Turn<'_>> = driver.carry_out(&turn, &choice);
            expected = entries.next_if(|expected| is_retry(expected));
            match (next, expected) {
                // What follows a preemption is decided even if it was not recorded.
                (Some(next), _) => turn = next,
                (None, Some(_)) => {
                    checked.push((key, Ok(vec!["retry: nothing was evicted for it".to_owned()])));
                    break;
                }
                (None, None) => break,
            }
        }
    }
    Ok(checked)
}

/// A pod that came with its node keeps it, whatever else is recorded.
const fn own_is_replaced(own: &Choice) -> bool {
    !matches!(own, Choice::Given(_))
}

/// What was done after the recorded attempt.
fn recorded_choice(driver: &Driver, expected: &Value) -> Choice {
    let text = |field: &str| expected.get(field).and_then(Value::as_str);
    let cluster = &driver.cluster;
    let node = |field: &str| text(field).and_then(|name| cluster.node(cluster.words.strings.lookup(name)?));
    if let Some(node) = node("chosen") {
        let volumes = expected.get("volumes").and_then(Value::as_object);
        let volumes = volumes
            .into_iter()
            .flatten()
            .filter_map(|(claim, volume)| Some((claim.clone(), volume.as_str()?.to_owned())));
        return Choice::Recorded(node, volumes.collect());
    }
    let Some(node) = node("nominated") else { return Choice::Nothing };
    let victims = expected.get("victims").and_then(Value::as_array);
    let victims = victims.into_iter().flatten().filter_map(|victim| cluster.pod_on_node(victim.as_str()?));
    Choice::Evict(node, victims.collect())
}

fn is_retry(entry: &Value) -> bool {
    entry.get("retry") == Some(&json!(true))
}

/// Where an attempt differs from the recorded one.
fn differences(case: &Recorded, expected: &Value, mut entry: Entry) -> Vec<String> {
    if case.compact {
        entry.scores.clear();
        entry.rejected.clear();
        if entry.tied.len() > TIED_BY_NAME {
            entry.tied = vec![format!("#{}", entry.tied.len())];
        }
    }
    let found = serde_json::to_value(entry).unwrap_or_default();
    compare::differences(&as_sets(expected.clone()), &Answer::Complete(as_sets(found)))
}

/// An entry whose reasons are sorted: they are compared as sets.
fn as_sets(mut entry: Value) -> Value {
    let sort = |said: &mut Value| {
        if let Some(reasons) = said.get_mut("reasons").and_then(Value::as_array_mut) {
            reasons.sort_unstable_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
    };
    let nodes = entry.get_mut("rejected").and_then(Value::as_object_mut).into_iter().flatten();
    nodes.for_each(|(_, said)| sort(said));
    for field in ["prefilter", "preenqueue"] {
        entry.get_mut(field).into_iter().for_each(sort);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, cpu: &str) -> Value {
        let resources = json!({"requests": {"cpu": cpu, "memory": "1Gi"}});
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}})
    }

    fn check_with(change: impl FnOnce(&mut Value)) -> Result<Vec<Checked>, Unsupported> {
        check(&recorded(change), Manner::default())
    }

    fn recorded(change: impl FnOnce(&mut Value)) -> Recorded {
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
        Recorded::deserialize(case).expect("a case")
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
    fn a_forced_case_shows_the_first_difference_alone() {
        // The first pod was recorded on the other node: freely, the second one differs as well.
        let case = recorded(|case| {
            case["expect"][0]["chosen"] = json!("b");
            case["expect"][1] = json!({"pod": "default/q", "outcome": "bound", "chosen": "a", "feasible": 1,
                "single_feasible": true, "rejected": {"b": case["expect"][1]["rejected"]["a"]}});
        });
        let count = |forced| {
            let found = whole(check(&case, Manner { forced, ..Manner::default() }));
            found.into_iter().map(|(_, found)| found.map_or(usize::MAX, |lines| lines.len())).collect::<Vec<_>>()
        };
        assert_eq!(count(true), [1, 0, 0]);
        assert_eq!(count(false), [1, 3, 0]);
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
