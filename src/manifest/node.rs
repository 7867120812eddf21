//! Nodes: what they have, labels and taints. Mirrors ValidateNode of pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::meta::Meta;
use super::placement::EFFECTS;
use super::resources;
use super::schema;
use crate::model::names::{label_key_errors, label_value_errors};
use crate::model::{NodeShape, ResourceList, ShapeId, StrId, Taint};

/// What a kubelet takes unless it is told otherwise. The scheduler takes a node that does not say it for one that takes none.
const DEFAULT_MAX_PODS: i64 = 110;
/// Labels that say which pool of machines a node is from, in order of preference.
const POOL_LABELS: &[&str] = &[
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
];
const OLD_ZONE_LABEL: &str = "failure-domain.beta.kubernetes.io/zone";

/// Reads a node.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> ShapeId {
    let (unschedulable, taints) = spec(cx, root);
    let (capacity, allocatable, images) = status(cx, root);
    let unsaid = if cx.words.stored { 0 } else { DEFAULT_MAX_PODS };
    let pods = allocatable.get("pods").map_or(unsaid, |pods| pods.value());
    let label = |name: &str| meta.labels.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let zone = label("topology.kubernetes.io/zone").or_else(|| label(OLD_ZONE_LABEL)).unwrap_or("");
    let pool = POOL_LABELS.iter().find_map(|name| label(name)).unwrap_or("manifest");
    let own_hostname = |&&(key, value): &&(&str, &str)| key == "kubernetes.io/hostname" && value == meta.name;
    let labels = meta.labels.iter().filter(|pair| !own_hostname(pair)).copied();
    let strings = &mut cx.words.strings;
    let mut compile = |list: &ResourceList| {
        let without_pods: ResourceList = list.iter().filter(|(name, _)| *name != "pods").collect();
        without_pods.compile(strings)
    };
    let (capacity, allocatable) = (compile(&capacity), compile(&allocatable));
    let shape = NodeShape {
        pool: strings.intern(pool),
        capacity,
        allocatable,
        max_pods: pods,
        labels: strings.intern_labels(labels),
        taints: taints.into_boxed_slice(),
        zone: strings.intern(zone),
        unschedulable,
        images,
    };
    cx.words.shapes.intern(shape)
}

fn spec(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> (bool, Vec<Taint>) {
    let Some(entry) = root.get("spec") else { return (false, Vec::new()) };
    let path = root.path.field("spec");
    let Some(spec) = cx.fields(&entry.value, entry.key_at, &path, &schema::NODE_SPEC, "") else {
        return (false, Vec::new());
    };
    let unschedulable = spec.boolean(cx, "unschedulable").unwrap_or(false);
    let list_path = path.field("taints");
    let mut taints: Vec<Taint> = Vec::new();
    for (index, node) in spec.list(cx, "taints", "v1.Taint").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- key: dedicated`, `value: batch`, `effect: NoSchedule`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::TAINT, example) else { continue };
        let Some(taint) = taint(cx, &fields, &path) else { continue };
        if taints.iter().any(|other| other.key == taint.key && other.effect == taint.effect) {
            let text = "Duplicate value: taints must be unique by key and effect pair";
            let help = "a node has one taint for each key and effect: remove one of them";
            cx.invalid(codes::BAD_TAINT, fields.anchor, &path, text, "there is one already", help);
        }
        taints.push(taint);
    }
    (unschedulable, taints)
}

fn taint(cx: &mut Context<'_>, fields: &Fields<'_, '_>, path: &Path<'_>) -> Option<Taint> {
    let key = fields.required(cx, "key", codes::BAD_TAINT, "every taint needs a key: add `key: dedicated`");
    if let Some(key) = key {
        let help = "taint keys are a name, or a domain, a slash and a name: example.com/dedicated";
        cx.invalid_text(codes::BAD_TAINT, fields.at("key"), &path.field("key"), key, label_key_errors(key), help);
    }
    let value = fields.text(cx, "value").unwrap_or("");
    let help = "taint values have at most 63 letters, digits, `-`, `_` and `.`";
    let reasons = label_value_errors(value);
    cx.invalid_text(codes::BAD_TAINT, fields.at("value"), &path.field("value"), value, reasons, help);
    let help = "say what the taint does: add `effect: NoSchedule`";
    let errors = cx.errors;
    let effect = match fields.required(cx, "effect", codes::BAD_TAINT, help) {
        Some(_) => cx.choice(fields, "effect", EFFECTS),
        None => None,
    };
    if errors != cx.errors {
        return None;
    }
    let (key, value) = (cx.words.strings.intern(key?), cx.words.strings.intern(value));
    Some(Taint { key, value, effect: effect? })
}

/// The names of all images with their sizes; if a name is there twice, the first counts.
fn images(cx: &mut Context<'_>, status: &Fields<'_, '_>) -> Box<[(StrId, i64)]> {
    let list_path = status.path.field("images");
    let mut images: Vec<(StrId, i64)> = Vec::new();
    for (index, node) in status.list(cx, "images", "v1.ContainerImage").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- names: [nginx:1.27]` and `sizeBytes: 71000000`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::NODE_IMAGE, example) else { continue };
        let size = fields.integer(cx, "sizeBytes", "int64").unwrap_or(0);
        let path = path.field("names");
        for (index, node) in fields.list(cx, "names", "string").iter().enumerate() {
            let Some(name) = cx.text(node, &path.index(index), "ContainerImage", "string") else { continue };
            images.push((cx.words.strings.intern(name), size));
        }
    }
    images.sort_by_key(|&(name, _)| name);
    images.dedup_by_key(|&mut (name, _)| name);
    images.into()
}

/// Capacity and allocatable, each of which stands in for the other where only one is given, and the images.
fn status(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> (ResourceList, ResourceList, Box<[(StrId, i64)]>) {
    let path = root.path.field("status");
    let mut lists = (ResourceList::new(), ResourceList::new(), Box::default());
    let mut at = root.anchor;
    if let Some(entry) = root.get("status") {
        at = entry.key_at;
        let example = "write `allocatable: {cpu: \"4\", memory: 16Gi, pods: \"110\"}` under it";
        if let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::NODE_STATUS, example) {
            lists = (
                resources::list(cx, &fields, "capacity"),
                resources::list(cx, &fields, "allocatable"),
                images(cx, &fields),
            );
        }
    }
    let (capacity, allocatable, _) = &mut lists;
    if allocatable.is_empty() {
        allocatable.clone_from(capacity);
    } else {
        capacity.fill(allocatable);
    }
    if allocatable.is_empty() && cx.errors == 0 {
        let help = "add `status: {allocatable: {cpu: \"4\", memory: 16Gi, pods: \"110\"}}`, or no pod will ever fit";
        let message = "the node has neither status.allocatable nor status.capacity";
        cx.warn(codes::NO_CAPACITY, at, message, "offers nothing", help);
    }
    lists
}
