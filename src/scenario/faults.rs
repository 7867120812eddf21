//! `[[fault]]` -> what breaks, with targets that exist.

use super::fields::{Fields, Placed};
use super::parts::Parts;
use super::spec::workload::FAULT;
use super::time::{moment, within_run};
use super::{Cx, codes, suggest};
use crate::model::strings::known;
use crate::model::{PoolId, StrId};
use crate::sim::plan::{FaultKind, FaultPlan, NodePlan, NodeTarget, PodTarget};

const TARGETS: &[&str] = &["node", "pod", "random", "zone", "container", "registry", "exit_code", "pool"];

pub(super) fn read(cx: &mut Cx<'_>, root: &Fields<'_>, parts: &Parts) -> Vec<FaultPlan> {
    let mut faults = Vec::new();
    for fields in root.tables(cx, "fault", &FAULT) {
        let at = moment(cx, &fields, "at");
        if let Some(at) = &at {
            within_run(cx, at, "fault");
        }
        let duration = fields.duration(cx, "for").map(|duration| duration.value);
        let kind = kind(cx, &fields, parts);
        if let (Some(at), Some(kind)) = (at, kind) {
            faults.push(FaultPlan { at: at.value, duration, kind });
        }
    }
    faults
}

fn kind(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<FaultKind> {
    let kind = fields.choice(cx, "kind")?;
    let fitting: &[&str] = match kind {
        "node-crash" | "node-shutdown" | "cordon" => &["node", "pod", "random", "pool"],
        "zone-loss" => &["zone"],
        "registry-outage" => &["registry"],
        "pool-exhausted" => &["pool"],
        _ => &["pod", "container", "exit_code"],
    };
    for key in fields.given(cx, TARGETS) {
        if !fitting.contains(&key) {
            let list = fitting.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let message = format!("a {kind} is not aimed with `{key}`");
            let help = format!("use {list}");
            cx.diagnostics.error(codes::EXCLUSIVE_KEYS, fields.key_span(key), message, "does not fit", help);
        }
    }
    match kind {
        "node-crash" => node_target(cx, fields, parts).map(FaultKind::NodeCrash),
        "node-shutdown" => node_target(cx, fields, parts).map(FaultKind::NodeShutdown),
        "cordon" => node_target(cx, fields, parts).map(FaultKind::Cordon),
        "zone-loss" => zone(cx, fields, parts).map(FaultKind::ZoneLoss),
        "pool-exhausted" => {
            let name = required(cx, fields, "pool", kind)?;
            pool(cx, &name, parts).map(FaultKind::NoCapacity)
        }
        "registry-outage" => {
            let prefix = fields.text(cx, "registry");
            let prefix = prefix.map_or(known::EMPTY, |prefix| cx.vocabulary.strings.intern(prefix.value));
            Some(FaultKind::RegistryOutage(prefix))
        }
        _ => {
            let pod = required(cx, fields, "pod", kind).and_then(|pod| pod_target(cx, &pod, parts));
            let container = required(cx, fields, "container", kind);
            let exit_code = fields.whole(cx, "exit_code").and_then(|code| i32::try_from(code.value).ok());
            let (pod, container) = (pod?, container?);
            let container = known_container(cx, &pod, &container, parts)?;
            Some(if kind == "container-kill" {
                FaultKind::ContainerKill { pod, container, exit_code: exit_code.unwrap_or(137) }
            } else {
                FaultKind::ContainerOutage { pod, container, exit_code: exit_code.unwrap_or(1) }
            })
        }
    }
}

fn required<'t>(cx: &mut Cx<'_>, fields: &Fields<'t>, key: &'static str, kind: &str) -> Option<Placed<&'t str>> {
    if fields.given(cx, &[key]).is_empty() {
        let message = format!("a {kind} needs the key `{key}`");
        let help = format!("add `{key} = \"name\"`");
        cx.diagnostics.error(codes::MISSING_KEY, fields.span, message, format!("`{key}` is missing"), help);
    }
    fields.text(cx, key)
}

fn node_target(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<NodeTarget> {
    let given = fields.one_of(cx, &["node", "pod", "random"], true)?;
    if given != "random" && !fields.given(cx, &["pool"]).is_empty() {
        let (message, help) = ("`pool` only goes with `random`", "leave it out, or write `random = 1`");
        cx.diagnostics.error(codes::EXCLUSIVE_KEYS, fields.key_span("pool"), message, "does not fit", help);
    }
    match given {
        "node" => {
            let name = fields.text(cx, "node")?;
            node(cx, &name, parts).map(NodeTarget::Named)
        }
        "pod" => {
            let pod = fields.text(cx, "pod")?;
            pod_target(cx, &pod, parts).map(NodeTarget::OfPod)
        }
        _ => {
            let count = fields.whole(cx, "random")?;
            let pool = match fields.text(cx, "pool") {
                Some(pool) => {
                    let pools: Vec<StrId> = cx.vocabulary.shapes.entries().map(|(_, shape)| shape.pool).collect();
                    Some(existing(cx, &pool, pools, "node pool")?)
                }
                None => None,
            };
            enough(cx, &count, pool, parts);
            Some(NodeTarget::Random { pool, count: u32::try_from(count.value).unwrap_or(u32::MAX) })
        }
    }
}

/// Warns if so many nodes cannot be drawn.
fn enough(cx: &mut Cx<'_>, count: &Placed<i64>, pool: Option<StrId>, parts: &Parts) {
    let fits = |node: &&NodePlan| pool.is_none_or(|pool| cx.vocabulary.shapes.get(node.shape).pool == pool);
    let there = parts.nodes.iter().filter(fits).count();
    if !cx.missing.nodes && i64::try_from(there).is_ok_and(|there| there < count.value) {
        let message = format!("{} nodes are to be struck but there are only {there}", count.value);
        let help = "all of them will be struck; write a smaller number if that is not meant";
        cx.diagnostics.warning(codes::TOO_MANY, count.span, message, "too many", help);
    }
}

/// A node that exists from the start.
pub(super) fn node(cx: &mut Cx<'_>, name: &Placed<&str>, parts: &Parts) -> Option<StrId> {
    let names: Vec<StrId> = parts.nodes.iter().map(|node| node.name).collect();
    existing(cx, name, names, "node")
}

/// A node pool of the scenario.
pub(super) fn pool(cx: &mut Cx<'_>, name: &Placed<&str>, parts: &Parts) -> Option<PoolId> {
    let name = existing(cx, name, parts.pools.iter().map(|pool| pool.name).collect(), "node pool")?;
    parts.pools.entries().find(|(_, pool)| pool.name == name).map(|(id, _)| id)
}

fn zone(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<StrId> {
    let zone = required(cx, fields, "zone", "zone-loss")?;
    let mut zones: Vec<StrId> = parts.nodes.iter().map(|node| cx.vocabulary.shapes.get(node.shape).zone).collect();
    zones.retain(|zone| *zone != known::EMPTY);
    existing(cx, &zone, zones, "zone")
}

/// The id of a name that must be one of these.
fn existing(cx: &mut Cx<'_>, name: &Placed<&str>, mut candidates: Vec<StrId>, noun: &str) -> Option<StrId> {
    candidates.sort_unstable();
    candidates.dedup();
    let strings = &cx.vocabulary.strings;
    if let Some(id) = strings.lookup(name.value).filter(|id| candidates.binary_search(id).is_ok()) {
        return Some(id);
    }
    if !cx.missing.nodes {
        let help = suggest::help(name.value, candidates.iter().map(|id| strings.text(*id)));
        let message = format!("there is no {noun} `{}`", name.value);
        cx.diagnostics.error(codes::UNKNOWN_TARGET, name.span, message, "does not exist", help);
    }
    None
}

/// A bare pod, or the pods of an `[[arrivals]]`.
pub(super) fn pod_target(cx: &mut Cx<'_>, name: &Placed<&str>, parts: &Parts) -> Option<PodTarget> {
    if let Some(id) = parts.find_workload(cx, name.value) {
        let workload = &parts.workloads[id];
        return Some(PodTarget { namespace: workload.namespace, name: workload.name });
    }
    if !cx.missing.pods {
        let bare = super::parts::split_name(name.value).1;
        let help = suggest::help(bare, parts.workload_texts(cx));
        let message = format!("there is no pod `{}`", name.value);
        cx.diagnostics.error(codes::UNKNOWN_TARGET, name.span, message, "does not exist", help);
    }
    None
}

fn known_container(cx: &mut Cx<'_>, pod: &PodTarget, name: &Placed<&str>, parts: &Parts) -> Option<StrId> {
    let workload = parts.workload_names.get(&(pod.namespace, pod.name)).copied()?;
    let mut names: Vec<StrId> = Vec::new();
    for (_, template) in parts.templates_of(workload) {
        names.extend(template.containers.iter().map(|container| container.name));
    }
    let strings = &cx.vocabulary.strings;
    if let Some(id) = strings.lookup(name.value).filter(|id| names.contains(id)) {
        return Some(id);
    }
    let help = suggest::help(name.value, names.iter().map(|id| strings.text(*id)));
    let message = format!("the pod `{}` has no container `{}`", strings.text(pod.name), name.value);
    cx.diagnostics.error(codes::UNKNOWN_CONTAINER, name.span, message, "does not exist", help);
    None
}
