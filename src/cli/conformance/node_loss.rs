//! `node_zone_state.json`, `podgc.json` and `node_shutdown.json`: the rules of [`zones`], [`pod_gc`] and
//! [`shutdown`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::vector::phase;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::controllers::pod_gc::{self, Garbage, Quarantine};
use crate::controllers::zones::{self, ZoneLimits};
use crate::model::shutdown::{self, ShutdownGroup};

#[derive(Deserialize)]
struct Zone {
    ready_nodes: u32,
    not_ready_nodes: u32,
    unhealthy_threshold: f32,
    large_cluster_threshold: u32,
    eviction_qps: f32,
    secondary_qps: f32,
}

pub(super) fn zone_state(case: &Case) -> Checked {
    if case.kind != "zone" {
        return unknown_kind(case);
    }
    let input: Zone = case.input()?;
    let limits = ZoneLimits {
        unhealthy_threshold: input.unhealthy_threshold,
        large_cluster_size: input.large_cluster_threshold,
        eviction_rate: input.eviction_qps,
        secondary_eviction_rate: input.secondary_qps,
    };
    let state = zones::zone_state(input.ready_nodes, input.not_ready_nodes, &limits);
    let nodes = input.ready_nodes + input.not_ready_nodes;
    let rate = zones::evictions_per_second(state, nodes, &limits);
    Ok(Answer::Complete(json!({
        "state": state.text(),
        "unready": input.not_ready_nodes,
        "evictions_per_s": rate.to_string().parse::<f64>().unwrap_or(f64::NAN),
    })))
}

#[derive(Deserialize)]
struct PodIn {
    name: String,
    phase: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    node: String,
    #[serde(default)]
    terminating: bool,
}

#[derive(Deserialize)]
struct Threshold {
    threshold: usize,
    pods_oldest_first: Vec<PodIn>,
}

#[derive(Deserialize)]
struct Orphaned {
    nodes_in_cache: Vec<String>,
    nodes_in_api: Vec<String>,
    added_in_cache_before_second_pass: Vec<String>,
    added_in_api_before_second_pass: Vec<String>,
    deleted_from_cache: Vec<String>,
    deleted_from_api: Vec<String>,
    delay_s: i64,
    quarantine_s: i64,
    pods: Vec<PodIn>,
}

#[derive(Deserialize)]
struct Pods {
    pods: Vec<PodIn>,
}

pub(super) fn pod_gc(case: &Case) -> Checked {
    match case.kind.as_str() {
        "terminated_threshold" => {
            let input: Threshold = case.input()?;
            let pods = &input.pods_oldest_first;
            let over: Vec<usize> = (0..pods.len()).filter(|&at| phase(&pods[at].phase).is_terminal()).collect();
            let finished = over.iter().map(|&at| (pods[at].reason == "Evicted", SimTime::default(), at));
            let deleted = pod_gc::beyond_threshold(finished.collect(), input.threshold);
            let mut deleted: Vec<&str> = deleted.into_iter().map(|at| pods[at].name.as_str()).collect();
            deleted.sort_unstable();
            Ok(Answer::Complete(json!({"deleted": deleted})))
        }
        "orphaned" => {
            let input: Orphaned = case.input()?;
            let mut quarantine = Quarantine::default();
            let (start, of) = (SimTime::default(), SimDuration::from_secs(input.quarantine_s));
            let missing = |cache: &[String]| -> Vec<String> {
                let names = input.pods.iter().map(|pod| pod.node.clone());
                names.filter(|name| !name.is_empty() && !cache.contains(name)).collect()
            };
            let (mut cache, mut api) = (input.nodes_in_cache.clone(), input.nodes_in_api.clone());
            quarantine.add(start, of, missing(&cache));
            let first = quarantine.released(start, |node| cache.contains(node) || api.contains(node));
            cache.extend(input.added_in_cache_before_second_pass);
            api.extend(input.added_in_api_before_second_pass);
            cache.retain(|node| !input.deleted_from_cache.contains(node));
            api.retain(|node| !input.deleted_from_api.contains(node));
            let later = start + SimDuration::from_secs(input.delay_s);
            quarantine.add(later, of, missing(&cache));
            let second = quarantine.released(later, |node| cache.contains(node) || api.contains(node));
            let gone = |node: &String| first.contains(node) || second.contains(node);
            Ok(garbage(&input.pods, |pod| gone(&pod.node)))
        }
        "unscheduled_terminating" => {
            let input: Pods = case.input()?;
            Ok(garbage(&input.pods, |pod| pod_gc::is_unscheduled_terminating(!pod.node.is_empty(), pod.terminating)))
        }
        _ => unknown_kind(case),
    }
}

fn garbage(pods: &[PodIn], is: impl Fn(&PodIn) -> bool) -> Answer {
    let of = |pod: &PodIn| Garbage::of(phase(&pod.phase));
    let names = |list: Vec<&PodIn>| list.iter().map(|pod| pod.name.clone()).collect::<Vec<_>>();
    let found: Vec<&PodIn> = pods.iter().filter(|pod| is(pod)).collect();
    let failed = found.iter().copied().filter(|pod| of(pod) == Garbage::FailFirst).collect();
    Answer::Complete(json!({"deleted": names(found), "marked_failed": names(failed)}))
}

#[derive(Deserialize)]
struct GroupIn {
    priority: i32,
    grace_s: i64,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    priority: i32,
}

pub(super) fn node_shutdown(case: &Case) -> Checked {
    let found: Value = match case.kind.as_str() {
        "migrate" => {
            #[derive(Deserialize)]
            struct Simple {
                shutdown_grace_s: i64,
                critical_grace_s: i64,
            }
            let input: Simple = case.input()?;
            let groups = shutdown::migrate(input.shutdown_grace_s, input.critical_grace_s);
            let out = |group: &ShutdownGroup| json!({"priority": group.priority, "grace_s": group.grace_seconds});
            json!({"groups": groups.iter().map(out).collect::<Vec<_>>()})
        }
        "group" => {
            #[derive(Deserialize)]
            struct Grouping {
                groups: Vec<GroupIn>,
                pods: Vec<Member>,
            }
            let input: Grouping = case.input()?;
            let build = |group: &GroupIn| ShutdownGroup { priority: group.priority, grace_seconds: group.grace_s };
            let mut groups: Vec<ShutdownGroup> = input.groups.iter().map(build).collect();
            groups.sort_unstable_by_key(|group| group.priority);
            if groups.is_empty() {
                return Err(Unsupported("no groups".to_owned()));
            }
            let members = groups.iter().enumerate().map(|(at, group)| {
                let of = |pod: &&Member| shutdown::group_of(&groups, pod.priority) == at;
                let mut pods: Vec<&str> = input.pods.iter().filter(of).map(|pod| pod.name.as_str()).collect();
                pods.sort_unstable();
                json!({"priority": group.priority, "pods": pods})
            });
            json!({"assigned": members.collect::<Vec<_>>()})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Complete(found))
}
