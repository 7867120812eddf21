//! `[[change]]` -> what somebody does to the cluster at a time.

use super::faults::{node, pod_target, pool};
use super::fields::{Fields, Placed};
use super::files::open_all;
use super::nodes::taint;
use super::parts::{Parts, budget, namespace};
use super::pods::{Purpose, compile};
use super::spec::workload::CHANGE;
use super::time::{moment, within_run};
use super::{Cx, codes, patch, resize, suggest, ungate};
use crate::base::SimTime;
use crate::base::id::DenseId;
use crate::diag::{SourceId, Span};
use crate::model::objects::ObjectKind;
use crate::model::strings::known;
use crate::model::{ClaimName, ConfigKind, ConfigObject, StorageKey, StrId, Taint};
use crate::sim::plan::{ChangeKind, ChangePlan, DrainPlan, Naming};

/// Keys that go with `drain`.
const DRAIN_FLAGS: [&str; 4] = ["force", "ignore_daemonsets", "delete_emptydir_data", "timeout"];

const ACTIONS: &[&str] = &[
    "apply",
    "delete",
    "drain",
    "patch",
    "resize",
    "scale",
    "scale_pool",
    "taint",
    "ungate",
    "untaint",
    "upgrade_pool",
];
const KINDS: &[&str] = &["ConfigMap", "Secret", "PersistentVolumeClaim", "PersistentVolume", "Pod", "Node"];

pub(super) fn read(cx: &mut Cx<'_>, root: &Fields<'_>, parts: &mut Parts) -> Vec<ChangePlan> {
    let mut changes = Vec::new();
    for fields in root.tables(cx, "change", &CHANGE) {
        let at = moment(cx, &fields, "at");
        if let Some(at) = &at {
            within_run(cx, at, "change");
        }
        let kinds = kinds(cx, &fields, parts, at.as_ref().map_or(cx.start, |at| at.value));
        if let Some(at) = at {
            changes.extend(kinds.into_iter().map(|kind| ChangePlan { at: at.value, kind }));
        }
    }
    parts.check_namespaces(cx);
    changes
}

fn kinds(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts, at: SimTime) -> Vec<ChangeKind> {
    let Some(action) = fields.one_of(cx, ACTIONS, true) else {
        return Vec::new();
    };
    let fitting: &[&str] = match action {
        "apply" => &[],
        "upgrade_pool" => &["max_surge"],
        "scale_pool" => &["count"],
        "delete" => &["namespace", "grace"],
        "drain" => &DRAIN_FLAGS,
        "patch" => &["namespace", "type", "with", "with_file"],
        "scale" => &["namespace", "replicas"],
        "resize" => &["namespace", "container", "requests", "limits"],
        "ungate" => &["gates"],
        _ => &["node"],
    };
    let others = [
        "namespace",
        "grace",
        "node",
        "container",
        "requests",
        "limits",
        "gates",
        "count",
        "max_surge",
        "replicas",
        "type",
        "with",
        "with_file",
    ];
    for key in fields.given(cx, &[&others[..], &DRAIN_FLAGS].concat()) {
        if !fitting.contains(&key) {
            let message = format!("`{key}` does not go with `{action}`");
            let help = "leave it out";
            cx.diagnostics.error(codes::EXCLUSIVE_KEYS, fields.key_span(key), message, "does not fit", help);
        }
    }
    match action {
        "apply" => apply(cx, fields, parts, at),
        "delete" => delete(cx, fields, parts).into_iter().collect(),
        "patch" => patch(cx, fields, parts, at),
        "scale" => scale(cx, fields, parts).into_iter().collect(),
        "drain" => drain(cx, fields, parts).into_iter().collect(),
        "resize" => resize::read(cx, fields, parts, at).into_iter().collect(),
        "ungate" => ungate::read(cx, fields, parts, at).into_iter().collect(),
        "scale_pool" => scale_pool(cx, fields, parts).into_iter().collect(),
        "upgrade_pool" => upgrade_pool(cx, fields, parts).into_iter().collect(),
        action => tainted(cx, fields, parts, action).into_iter().collect(),
    }
}

fn apply(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts, at: SimTime) -> Vec<ChangeKind> {
    let Some(paths) = fields.paths(cx, "apply") else { return Vec::new() };
    let sources = open_all(cx, &paths);
    cx.applied.extend(sources.iter().map(|&source| (source, at)));
    applied(cx, fields.key_span("apply"), &sources, parts, at)
}

fn patch(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts, at: SimTime) -> Vec<ChangeKind> {
    let Some(patched) = patch::read(cx, fields, at) else { return Vec::new() };
    let kinds = applied(cx, fields.key_span("patch"), &[patched.source], parts, at);
    let patch = |mut kind| {
        if let ChangeKind::ApplyObject(object) = &mut kind {
            object.replicas_given = patched.replicas_given;
        }
        ChangeKind::Patch(Box::new(kind))
    };
    kinds.into_iter().map(patch).collect()
}

/// The objects of manifests that are applied while the run goes on.
fn applied(cx: &mut Cx<'_>, span: Span, sources: &[SourceId], parts: &mut Parts, at: SimTime) -> Vec<ChangeKind> {
    let had_errors = cx.diagnostics.has_errors();
    let objects = compile(cx, sources, Purpose::Beside);
    let unusable = objects.nodes.len() + objects.services.len();
    let mut storage = objects.storage;
    storage.admit(parts.default_class);
    let storage: Vec<_> = storage.into_objects().collect();
    let usable = objects.pods.len()
        + objects.configs.len()
        + storage.len()
        + objects.controllers.len()
        + objects.budgets.len()
        + objects.namespaces.len();
    if unusable > 0 || (usable == 0 && !sources.is_empty() && had_errors == cx.diagnostics.has_errors()) {
        let message = if unusable > 0 {
            "Nodes and Services cannot be applied while the run goes on"
        } else {
            "there is nothing in it that can be applied"
        };
        let help = "put Nodes and Services into `manifests` of [scenario]: they exist from the start";
        cx.diagnostics.error(codes::NOTHING_TO_APPLY, span, message, "named here", help);
    }
    for pod in objects.pods {
        parts.pod(cx, pod, at);
    }
    parts.declare(&objects.namespaces, at);
    parts.undeclared.extend(objects.undeclared.into_iter().map(|(name, span)| (name, span, at)));
    let namespaces: Vec<_> = objects.namespaces.iter().map(|of| namespace(of.name)).collect();
    parts.later_namespaces.extend(objects.namespaces);
    let object = |object| ChangeKind::ApplyObject(Box::new(object));
    parts.name_budgets(&objects.budgets);
    let controllers: Vec<_> = objects.controllers.into_iter().map(|object| parts.object(cx, object)).collect();
    let controllers = controllers.into_iter().chain(objects.budgets.into_iter().map(budget)).map(object);
    let configs = objects.configs.into_iter().map(|(content, _)| ChangeKind::ApplyConfig(content));
    let storage = storage.into_iter().map(|object| ChangeKind::ApplyStorage(Box::new(object)));
    namespaces.into_iter().map(object).chain(configs).chain(storage).chain(controllers).collect()
}

fn delete(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<ChangeKind> {
    let grace = fields.duration(cx, "grace").map(|grace| grace.value.whole_secs());
    let namespace = fields.text(cx, "namespace").map_or("default", |namespace| namespace.value);
    let written = fields.text(cx, "delete")?;
    let Some((kind, name)) = written.value.split_once('/') else {
        let message = format!("`{}` does not say what kind of object it is", written.value);
        let help = "write `Pod/name`, `Node/name`, `ConfigMap/name` or `Secret/name`";
        cx.diagnostics.error(codes::UNKNOWN_CHOICE, written.span, message, "kind missing", help);
        return None;
    };
    if grace.is_some() && kind != "Pod" {
        let (message, help) = ("only Pods have a grace period", "leave `grace` out");
        cx.diagnostics.error(codes::EXCLUSIVE_KEYS, fields.key_span("grace"), message, "does not fit", help);
    }
    let named = Placed { value: name, span: written.span };
    match kind {
        "Pod" => {
            if let Some((namespace, name)) = made_pod(cx, parts, namespace, name) {
                return Some(ChangeKind::DeleteNamedPod { namespace, name, grace_seconds: grace });
            }
            let full = format!("{namespace}/{name}");
            let pod = pod_target(cx, &Placed { value: &full, span: written.span }, parts)?;
            Some(ChangeKind::DeletePod { pod, grace_seconds: grace })
        }
        "Node" => node(cx, &named, parts).map(ChangeKind::DeleteNode),
        "ConfigMap" => config(cx, &named, namespace, ConfigKind::ConfigMap),
        "Secret" => config(cx, &named, namespace, ConfigKind::Secret),
        "PersistentVolumeClaim" | "PersistentVolume" => {
            let strings = &mut cx.vocabulary.strings;
            // Another change may bring it.
            let is_named = strings.lookup(name).is_some();
            let (namespace, name) = (strings.intern(namespace), strings.intern(name));
            let key = match kind {
                "PersistentVolume" => StorageKey::Volume(name),
                _ => StorageKey::Claim(ClaimName { namespace, name }),
            };
            if !is_named {
                check_stored(cx, key, parts, &named);
            }
            Some(ChangeKind::DeleteStorage(key))
        }
        "Namespace" => {
            let name = cx.vocabulary.strings.intern(name);
            Some(ChangeKind::DeleteObject(ObjectKind::Namespace, known::EMPTY, name))
        }
        _ if let Some(kind) = ObjectKind::find(kind) => {
            let (namespace, name) = object(cx, parts, kind, namespace, &named)?;
            Some(ChangeKind::DeleteObject(kind, namespace, name))
        }
        _ => {
            let message = format!("objects of the kind `{kind}` cannot be deleted here");
            let kinds = KINDS.iter().copied().chain(ObjectKind::ALL.into_iter().map(ObjectKind::text));
            let help = suggest::help(kind, kinds);
            cx.diagnostics.error(codes::UNKNOWN_CHOICE, written.span, message, "unknown kind", help);
            None
        }
    }
}

/// An object of a controller: one that manifests hold, or one that an object of such a name makes.
fn object(
    cx: &mut Cx<'_>,
    parts: &Parts,
    kind: ObjectKind,
    namespace: &str,
    name: &Placed<&str>,
) -> Option<(StrId, StrId)> {
    let strings = &cx.vocabulary.strings;
    let (space, id) = (strings.lookup(namespace), strings.lookup(name.value));
    let mut here = parts.named_objects.iter().filter(|(_, of, _)| Some(*of) == space);
    let is_made = |(maker, _, base): &(ObjectKind, StrId, StrId)| {
        let made = match maker {
            ObjectKind::Deployment => ObjectKind::ReplicaSet,
            ObjectKind::CronJob => ObjectKind::Job,
            _ => return false,
        };
        let rest = name.value.strip_prefix(strings.text(*base));
        made == kind && rest.is_some_and(|rest| rest.starts_with('-'))
    };
    let is_known = here.clone().any(|&(of, _, called)| of == kind && Some(called) == id) || here.any(is_made);
    if is_known || cx.missing.objects {
        let strings = &mut cx.vocabulary.strings;
        return Some((strings.intern(namespace), strings.intern(name.value)));
    }
    let same = parts.named_objects.iter().filter(|(of, ..)| *of == kind);
    let help = suggest::help(name.value, same.map(|&(_, _, called)| strings.text(called)));
    let message = format!("no manifest holds the {} `{namespace}/{}`", kind.text(), name.value);
    cx.diagnostics.error(codes::UNKNOWN_TARGET, name.span, message, "does not exist", help);
    None
}

fn scale(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<ChangeKind> {
    let written = fields.text(cx, "scale")?;
    let namespace = fields.text(cx, "namespace").map_or("default", |namespace| namespace.value);
    let Some(replicas) = fields.whole(cx, "replicas") else {
        let (message, help) = ("`scale` needs the key `replicas`", "add `replicas = 5`");
        cx.diagnostics.error(codes::MISSING_KEY, fields.span, message, "`replicas` is missing", help);
        return None;
    };
    let scaled = written.value.split_once('/').and_then(|(kind, name)| Some((ObjectKind::find(kind)?, name)));
    let has_scale = |kind: ObjectKind| {
        use ObjectKind::{Deployment, ReplicaSet, ReplicationController, StatefulSet};
        matches!(kind, Deployment | ReplicaSet | ReplicationController | StatefulSet)
    };
    let Some((kind, name)) = scaled.filter(|(kind, _)| has_scale(*kind)) else {
        let message = format!("`{}` has no replicas", written.value);
        let help = "write `Deployment/name`, `StatefulSet/name`, `ReplicaSet/name` or `ReplicationController/name`";
        cx.diagnostics.error(codes::UNKNOWN_CHOICE, written.span, message, "cannot be scaled", help);
        return None;
    };
    let (namespace, name) = object(cx, parts, kind, namespace, &Placed { value: name, span: written.span })?;
    let replicas = i32::try_from(replicas.value).unwrap_or(i32::MAX);
    Some(ChangeKind::ScaleObject { kind, namespace, name, replicas })
}

/// The pod that a controller or a stream of arrivals makes under this name: it begins like theirs, and which pod has it shows
/// when the time has come.
fn made_pod(cx: &mut Cx<'_>, parts: &Parts, namespace: &str, name: &str) -> Option<(StrId, StrId)> {
    let strings = &cx.vocabulary.strings;
    let space = strings.lookup(namespace)?;
    let is_single = |id| parts.workloads[id].naming == Naming::Single;
    let whole = strings.lookup(name).and_then(|name| parts.workload_names.get(&(space, name)));
    if whole.is_some() {
        return None;
    }
    let begins = |family: StrId| {
        let rest = name.strip_prefix(strings.text(family)).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| !rest.is_empty())
    };
    let mut families = parts.workload_names.range((space, StrId::from_index(0))..);
    let known = families
        .by_ref()
        .take_while(|((of, _), _)| *of == space)
        .any(|(&(_, family), &id)| !is_single(id) && begins(family));
    known.then(|| (space, cx.vocabulary.strings.intern(name)))
}

fn drain(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<ChangeKind> {
    let names = fields.paths(cx, "drain")?;
    let nodes: Option<Vec<_>> =
        names.iter().map(|name| node(cx, &Placed { value: &name.value, span: name.span }, parts)).collect();
    let mut flag = |key| fields.flag(cx, key).unwrap_or(false);
    let (force, ignore_daemonsets) = (flag("force"), flag("ignore_daemonsets"));
    let delete_emptydir_data = flag("delete_emptydir_data");
    let timeout = fields.duration(cx, "timeout").map(|timeout| timeout.value);
    let nodes = nodes?.into_boxed_slice();
    Some(ChangeKind::Drain(DrainPlan { nodes, force, ignore_daemonsets, delete_emptydir_data, timeout }))
}

/// A claim or volume that no manifest has is made by a StatefulSet or a provisioner, or misspelled.
fn check_stored(cx: &mut Cx<'_>, key: StorageKey, parts: &Parts, name: &Placed<&str>) {
    let is_made = match key {
        StorageKey::Claim(_) => parts.objects.iter().any(|object| object.spec.stateful_set().is_some()),
        _ => name.value.starts_with("pvc-"),
    };
    if is_made || cx.missing.objects {
        return;
    }
    let same = parts.storage.iter().filter_map(|object| match (object.key(), key) {
        (StorageKey::Claim(claim), StorageKey::Claim(_)) => Some(claim.name),
        (StorageKey::Volume(volume), StorageKey::Volume(_)) => Some(volume),
        _ => None,
    });
    let help = suggest::help(name.value, same.map(|name| cx.vocabulary.strings.text(name)));
    let message = format!("no manifest holds or names `{}`", name.value);
    cx.diagnostics.error(codes::UNKNOWN_TARGET, name.span, message, "does not exist", help);
}

fn config(cx: &mut Cx<'_>, name: &Placed<&str>, namespace: &str, kind: ConfigKind) -> Option<ChangeKind> {
    let strings = &cx.vocabulary.strings;
    let object = strings.lookup(namespace).zip(strings.lookup(name.value));
    let object = object.map(|(namespace, name)| ConfigObject { kind, namespace, name });
    if let Some(id) = object.and_then(|object| cx.vocabulary.configs.lookup(&object)) {
        return Some(ChangeKind::DeleteConfig(id));
    }
    if !cx.missing.objects {
        let same_kind = cx.vocabulary.configs.entries().filter(|(_, config)| config.kind == kind);
        let names: Vec<&str> = same_kind.map(|(_, config)| strings.text(config.name)).collect();
        let help = suggest::help(name.value, names);
        let message = format!("no manifest holds or names `{namespace}/{}`", name.value);
        cx.diagnostics.error(codes::UNKNOWN_TARGET, name.span, message, "does not exist", help);
    }
    None
}

fn scale_pool(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<ChangeKind> {
    let Some(count) = fields.whole(cx, "count") else {
        let (message, help) = ("`scale_pool` needs the key `count`", "add `count = 5`");
        cx.diagnostics.error(codes::MISSING_KEY, fields.span, message, "`count` is missing", help);
        return None;
    };
    let name = fields.text(cx, "scale_pool")?;
    Some(ChangeKind::ScalePool(pool(cx, &name, parts)?, u32::try_from(count.value).unwrap_or(u32::MAX)))
}

fn upgrade_pool(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts) -> Option<ChangeKind> {
    let name = fields.text(cx, "upgrade_pool")?;
    let surge = fields.whole(cx, "max_surge").map_or(0, |surge| u32::try_from(surge.value).unwrap_or(u32::MAX));
    Some(ChangeKind::UpgradePool(pool(cx, &name, parts)?, surge))
}

fn tainted(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &Parts, action: &'static str) -> Option<ChangeKind> {
    let taint: Option<Taint> = fields.node(cx, action).and_then(|node| taint(cx, node));
    let Some(name) = fields.text(cx, "node") else {
        let message = format!("`{action}` needs the key `node`");
        let help = "add `node = \"worker-0\"`";
        cx.diagnostics.error(codes::MISSING_KEY, fields.span, message, "`node` is missing", help);
        return None;
    };
    let node = node(cx, &name, parts)?;
    Some(ChangeKind::TaintNode { node, taint: taint?, add: action == "taint" })
}
