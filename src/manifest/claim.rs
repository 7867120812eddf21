//! PersistentVolumeClaims, and what claims and volumes have in common. Mirrors ValidatePersistentVolumeClaimSpec of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::label_selector;
use super::meta::Meta;
use super::schema;
use super::tree::{At, Entry};
use crate::base::Quantity;
use crate::model::names::{dns1123_subdomain_errors, go_quote};
use crate::model::storage::{AccessModes, ClaimName, ClaimPhase, PersistentVolumeClaim, VolumeMode};
use crate::model::strings::known;
use crate::model::{CompiledSelector, StrId};

const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The class of a claim or volume as it was written before there was a field for it; it still counts.
pub(super) const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

const ACCESS_MODES: &[(&str, AccessModes)] = &[
    ("ReadOnlyMany", AccessModes::READ_ONLY_MANY),
    ("ReadWriteMany", AccessModes::READ_WRITE_MANY),
    ("ReadWriteOnce", AccessModes::READ_WRITE_ONCE),
    ("ReadWriteOncePod", AccessModes::READ_WRITE_ONCE_POD),
];
const PHASES: &[(&str, ClaimPhase)] =
    &[("Bound", ClaimPhase::Bound), ("Lost", ClaimPhase::Lost), ("Pending", ClaimPhase::Pending)];

/// The `spec` of a claim.
pub(super) struct ClaimSpec {
    access_modes: AccessModes,
    request: Option<Quantity>,
    class: Option<StrId>,
    attributes_class: StrId,
    mode: VolumeMode,
    selector: Option<CompiledSelector>,
    volume: Option<StrId>,
}

/// Reads a claim.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<PersistentVolumeClaim> {
    let path = root.path.field("spec");
    let Some(entry) = root.get("spec") else {
        let at = root.written("spec").map_or(root.anchor, |entry| entry.key_at);
        let help = "say what is claimed: add `spec:` with `accessModes: [ReadWriteOnce]` and `resources:`";
        cx.invalid(codes::NO_SIZE, at, &path.field("resources"), "Required value", "`spec` is missing", help);
        return None;
    };
    let spec = spec(cx, entry, &path)?;
    let phase = root.get("status").and_then(|entry| {
        let path = root.path.field("status");
        let status = cx.fields(&entry.value, entry.key_at, &path, &schema::CLAIM_STATUS, "")?;
        cx.choice(&status, "phase", PHASES)
    });
    let uid = meta.uid();
    let strings = &mut cx.words.strings;
    let class = meta.annotation(CLASS_ANNOTATION).map(|class| strings.intern(class));
    Some(PersistentVolumeClaim {
        name: ClaimName { namespace: strings.intern(meta.namespace), name: strings.intern(&meta.name) },
        uid: strings.intern(&uid),
        controller: meta.controller.map(|uid| strings.intern(uid)),
        request: spec.request,
        class: class.or(spec.class),
        attributes_class: spec.attributes_class,
        selector: spec.selector,
        access_modes: spec.access_modes,
        mode: spec.mode,
        volume: spec.volume,
        bind_completed: meta.annotation(BIND_COMPLETED).is_some(),
        selected_node: meta.annotation(SELECTED_NODE).map(|node| strings.intern(node)),
        is_deleting: meta.is_deleting,
        phase: phase.unwrap_or_default(),
        provisioned: strings.intern(&format!("pvc-{uid}")),
    })
}

/// Reads the `spec` of a claim, or of the template of one.
pub(super) fn spec(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) -> Option<ClaimSpec> {
    let example = "write `accessModes: [ReadWriteOnce]` and `resources: {requests: {storage: 1Gi}}` under it";
    let spec = cx.fields(&entry.value, entry.key_at, path, &schema::CLAIM_SPEC, example)?;
    let access_modes = access_modes(cx, &spec, "Required value: at least 1 access mode is required");
    let alone = AccessModes::READ_WRITE_ONCE_POD;
    if access_modes.contains(alone) && access_modes != alone {
        let text = "Forbidden: may not use ReadWriteOncePod with other access modes";
        let help = "ReadWriteOncePod means one pod in the cluster: remove the other modes, or this one";
        let path = path.field("accessModes");
        cx.invalid(codes::BAD_ACCESS_MODES, spec.at("accessModes"), &path, text, "exclude each other", help);
    }
    let selector = label_selector::read(cx, &spec, "selector");
    let volume = spec.text(cx, "volumeName").filter(|name| !name.is_empty());
    Some(ClaimSpec {
        access_modes,
        request: request(cx, &spec),
        class: class_name(cx, &spec, "storageClassName"),
        attributes_class: class_name(cx, &spec, "volumeAttributesClassName").unwrap_or(known::EMPTY),
        mode: volume_mode(cx, &spec),
        selector: selector.map(|selector| label_selector::compile(Some(&selector), &mut cx.words.strings)),
        volume: volume.map(|name| cx.words.strings.intern(name)),
    })
}

fn request(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<Quantity> {
    let path = spec.path.field("resources");
    let missing = |cx: &mut Context<'_>, at: At| {
        let help = "say how much: add `resources: {requests: {storage: 1Gi}}`";
        cx.invalid(codes::NO_SIZE, at, &path.key("storage"), "Required value", "no size", help);
    };
    let Some(entry) = spec.get("resources") else {
        missing(cx, spec.at("resources"));
        return None;
    };
    let example = "write `requests: {storage: 1Gi}` under it";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::CLAIM_RESOURCES, example)?;
    let errors = cx.errors;
    let requests = fields.map(cx, "requests", "v1.ResourceList", "write `storage: 1Gi` under it");
    let Some(entry) = requests.iter().find(|entry| entry.key == "storage") else {
        if cx.errors == errors {
            missing(cx, fields.at("requests"));
        }
        return None;
    };
    size(cx, entry, &path.key("storage"))
}

/// An amount of storage, which must be more than nothing.
pub(super) fn size(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) -> Option<Quantity> {
    let amount = cx.quantity(&entry.value, path)?;
    if amount <= Quantity::ZERO {
        let text = format!("Invalid value: \"{amount}\": must be greater than zero");
        let help = "write how large it is, for example 1Gi";
        cx.invalid(codes::OUT_OF_RANGE, entry.value.at, path, &text, "nothing", help);
        return None;
    }
    Some(amount)
}

/// Reads `accessModes`, which must be there.
pub(super) fn access_modes(cx: &mut Context<'_>, spec: &Fields<'_, '_>, missing: &str) -> AccessModes {
    let list_path = spec.path.field("accessModes");
    let errors = cx.errors;
    let nodes = spec.list(cx, "accessModes", "v1.PersistentVolumeAccessMode");
    if nodes.is_empty() && cx.errors == errors {
        let help = "say who may use it: add `accessModes: [ReadWriteOnce]`, for pods on one node at a time";
        let at = spec.at("accessModes");
        cx.invalid(codes::BAD_ACCESS_MODES, at, &list_path, missing, "no access mode", help);
    }
    let mut modes = AccessModes::default();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let Some(text) = cx.text(node, &path, "PersistentVolumeSpec", "string") else { continue };
        if let Some((_, mode)) = ACCESS_MODES.iter().find(|(word, _)| *word == text) {
            modes = modes.with(*mode);
            continue;
        }
        let known: Vec<String> = ACCESS_MODES.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let text = format!("Unsupported value: {}: supported values: {}", go_quote(text), known.join(", "));
        let help = "write ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod";
        cx.invalid(codes::UNSUPPORTED, node.at, &list_path, &text, "not one of them", help);
    }
    modes
}

/// Reads `volumeMode`.
pub(super) fn volume_mode(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> VolumeMode {
    let words = [("Block", VolumeMode::Block), ("Filesystem", VolumeMode::Filesystem)];
    cx.choice(spec, "volumeMode", &words).unwrap_or_default()
}

/// Reads the name of a class, which may be empty.
pub(super) fn class_name(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<StrId> {
    let text = fields.text(cx, name)?;
    if !text.is_empty() {
        let help = "write the name of a class: lower case letters, digits, `-` and `.`";
        let path = fields.path.field(name);
        cx.invalid_text(codes::BAD_NAME, fields.at(name), &path, text, dns1123_subdomain_errors(text), help);
    }
    Some(cx.words.strings.intern(text))
}
