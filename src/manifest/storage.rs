//! StorageClasses and what CSI drivers tell of themselves. Mirrors pkg/apis/storage/validation/validation.go, v1.34.

use super::claim::class_name;
use super::codes;
use super::fields::{Context, Fields, Path};
use super::label_selector;
use super::meta::Meta;
use super::schema;
use super::volume_source::MIGRATED;
use crate::model::StrId;
use crate::model::names::{go_quote, label_key_errors};
use crate::model::storage::{
    AttachmentName, BindingMode, ClaimName, CsiDriver, CsiNode, CsiStorageCapacity, ReclaimPolicy, StorageClass,
    TopologyTerm, VolumeAttachment,
};
use crate::model::strings::known;

/// Provisioners of this name make nothing.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
/// Annotations that make a class the default of all claims.
const DEFAULT_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// Reads a StorageClass.
pub(super) fn class(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<StorageClass> {
    let help = "say who makes the volumes: add `provisioner: ebs.csi.aws.com`, or `kubernetes.io/no-provisioner`";
    let provisioner = root.required(cx, "provisioner", codes::REQUIRED, help);
    let policies = [("Delete", ReclaimPolicy::Delete), ("Retain", ReclaimPolicy::Retain)];
    let reclaim = cx.choice(root, "reclaimPolicy", &policies).unwrap_or(ReclaimPolicy::Delete);
    let modes = [("Immediate", BindingMode::Immediate), ("WaitForFirstConsumer", BindingMode::WaitForFirstConsumer)];
    let binding_mode = cx.choice(root, "volumeBindingMode", &modes).unwrap_or_default();
    let allowed_topologies = topologies(cx, root);
    let expands = root.boolean(cx, "allowVolumeExpansion").unwrap_or(false);
    let provisioner = provisioner?;
    let migrated = MIGRATED.iter().find(|(plugin, _)| *plugin == provisioner);
    let strings = &mut cx.words.strings;
    Some(StorageClass {
        name: strings.intern(&meta.name),
        provisioner: strings.intern(provisioner),
        provisions: provisioner != NO_PROVISIONER,
        migrated_to: migrated.map(|(_, driver)| strings.intern(driver)),
        binding_mode,
        allowed_topologies,
        reclaim,
        expands,
        is_default: DEFAULT_CLASS.iter().any(|key| meta.annotation(key) == Some("true")),
    })
}

fn topologies(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> Box<[TopologyTerm]> {
    let list_path = root.path.field("allowedTopologies");
    let mut terms = Vec::new();
    for (index, node) in root.list(cx, "allowedTopologies", "v1.TopologySelectorTerm").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- matchLabelExpressions: [{key: topology.kubernetes.io/zone, values: [a]}]`";
        let Some(term) = cx.fields(node, node.anchor(), &path, &schema::TOPOLOGY_TERM, example) else { continue };
        let list_path = path.field("matchLabelExpressions");
        let mut requirements = Vec::new();
        let nodes = term.list(cx, "matchLabelExpressions", "v1.TopologySelectorLabelRequirement");
        for (index, node) in nodes.iter().enumerate() {
            let path = list_path.index(index);
            let example = "write `- {key: topology.kubernetes.io/zone, values: [a]}`";
            let schema = &schema::TOPOLOGY_REQUIREMENT;
            let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
            requirements.extend(requirement(cx, &fields));
        }
        terms.push(requirements.into());
    }
    terms.into()
}

fn requirement(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Option<(StrId, Box<[StrId]>)> {
    let values_path = fields.path.field("values");
    let mut values: Vec<StrId> = Vec::new();
    for (index, node) in fields.list(cx, "values", "string").iter().enumerate() {
        let path = values_path.index(index);
        let text = cx.text(node, &path, "TopologySelectorLabelRequirement", "string").unwrap_or("");
        let value = cx.words.strings.intern(text);
        if values.contains(&value) {
            let text = format!("Duplicate value: {}", go_quote(text));
            cx.invalid(codes::DUPLICATE_KEY, node.at, &path, &text, "written twice", "remove one of the two");
        }
        values.push(value);
    }
    if values.is_empty() {
        let help = "say which values the label may have: add `values: [us-east-1a]`";
        cx.invalid(codes::REQUIRED, fields.at("values"), &values_path, "Required value", "no values", help);
    }
    let key = fields.text(cx, "key").unwrap_or("");
    let help = "label keys are a name, or a domain, a slash and a name: topology.kubernetes.io/zone";
    cx.invalid_text(codes::BAD_LABEL, fields.at("key"), &fields.path.field("key"), key, label_key_errors(key), help);
    Some((cx.words.strings.intern(key), values.into()))
}

/// Reads a CSINode.
pub(super) fn csi_node(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<CsiNode> {
    let node = cx.words.strings.intern(&meta.name);
    let mut drivers = Vec::new();
    let path = root.path.field("spec");
    if let Some(entry) = root.get("spec") {
        let spec = cx.fields(&entry.value, entry.key_at, &path, &schema::CSI_NODE_SPEC, "write `drivers:` under it")?;
        let list_path = path.field("drivers");
        for (index, node) in spec.list(cx, "drivers", "v1.CSINodeDriver").iter().enumerate() {
            let path = list_path.index(index);
            let example = "write `- {name: ebs.csi.aws.com, nodeID: i-1, allocatable: {count: 25}}`";
            let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::CSI_NODE_DRIVER, example) else {
                continue;
            };
            let help = "say which driver it is: add `name: ebs.csi.aws.com`";
            let name = fields.required(cx, "name", codes::REQUIRED, help);
            let help = "say what the driver calls the node: add `nodeID: i-1`";
            fields.required(cx, "nodeID", codes::REQUIRED, help);
            let count = count(cx, &fields, &path);
            if let Some(name) = name {
                drivers.push((cx.words.strings.intern(name), count));
            }
        }
    }
    Some(CsiNode { node, drivers: drivers.into() })
}

fn count(cx: &mut Context<'_>, driver: &Fields<'_, '_>, path: &Path<'_>) -> Option<i64> {
    let entry = driver.get("allocatable")?;
    let path = path.field("allocatable");
    let example = "write `count: 25` under it";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::CSI_NODE_ALLOCATABLE, example)?;
    let count = fields.integer(cx, "count", "int32")?;
    if count < 0 {
        let text = format!("Invalid value: {count}: must be greater than or equal to 0");
        let help = "write how many volumes it attaches, or remove it for any number";
        cx.invalid(codes::OUT_OF_RANGE, fields.at("count"), &path.field("count"), &text, "below zero", help);
    }
    Some(count)
}

/// Reads a CSIDriver.
pub(super) fn csi_driver(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<CsiDriver> {
    let name = cx.words.strings.intern(&meta.name);
    let Some(entry) = root.get("spec") else {
        return Some(CsiDriver { name, storage_capacity: false, attaches: true });
    };
    let path = root.path.field("spec");
    let spec = cx.fields(&entry.value, entry.key_at, &path, &schema::CSI_DRIVER_SPEC, "")?;
    let storage_capacity = spec.boolean(cx, "storageCapacity").unwrap_or(false);
    Some(CsiDriver { name, storage_capacity, attaches: spec.boolean(cx, "attachRequired").unwrap_or(true) })
}

/// Reads a CSIStorageCapacity.
pub(super) fn capacity(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<CsiStorageCapacity> {
    let help = "say of which class the room is: add `storageClassName:`";
    root.required(cx, "storageClassName", codes::REQUIRED, help);
    let class = class_name(cx, root, "storageClassName").unwrap_or(known::EMPTY);
    let topology = label_selector::read(cx, root, "nodeTopology");
    let topology = topology.map(|selector| label_selector::compile(Some(&selector), &mut cx.words.strings));
    let mut amount = |name: &'static str| {
        let entry = root.get(name)?;
        cx.quantity(&entry.value, &root.path.field(name)).map(crate::base::Quantity::value)
    };
    let (all, largest) = (amount("capacity"), amount("maximumVolumeSize"));
    let strings = &mut cx.words.strings;
    let name = ClaimName { namespace: strings.intern(meta.namespace), name: strings.intern(&meta.name) };
    Some(CsiStorageCapacity { name, class, topology, limit: largest.or(all) })
}

/// Reads a VolumeAttachment.
pub(super) fn attachment(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<VolumeAttachment> {
    let path = root.path.field("spec");
    let Some(entry) = root.get("spec") else {
        let help = "say what is attached where: add `spec:` with `attacher:`, `nodeName:` and `source:`";
        cx.invalid(codes::REQUIRED, root.anchor, &path.field("attacher"), "Required value", "`spec` is missing", help);
        return None;
    };
    let spec = cx.fields(&entry.value, entry.key_at, &path, &schema::VOLUME_ATTACHMENT_SPEC, "")?;
    let attacher = spec.required(cx, "attacher", codes::REQUIRED, "say which driver attaches it: add `attacher:`");
    let node = spec.required(cx, "nodeName", codes::REQUIRED, "say where it is attached: add `nodeName:`");
    let path = path.field("source");
    let source = spec.get("source").and_then(|entry| {
        let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::VOLUME_ATTACHMENT_SOURCE, "")?;
        if fields.get("inlineVolumeSpec").is_some() {
            cx.ignore(&path.field("inlineVolumeSpec"));
        }
        fields.text(cx, "persistentVolumeName")
    });
    let strings = &mut cx.words.strings;
    let (attacher, node) = (strings.intern(attacher?), strings.intern(node?));
    let name = match source {
        Some(volume) => AttachmentName::Of { volume: strings.intern(volume), node },
        None => AttachmentName::Inline(strings.intern(&meta.name)),
    };
    // What a file holds is there from the start.
    Some(VolumeAttachment { name, attacher, node, attached: true })
}
