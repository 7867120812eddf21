//! PersistentVolumes. Mirrors ValidatePersistentVolumeSpec of pkg/apis/core/validation/validation.go, v1.34, and
//! LabelZonesToSet of staging/src/k8s.io/cloud-provider/volume/helpers/zones.go.

use super::affinity;
use super::claim::{self, CLASS_ANNOTATION};
use super::codes;
use super::fields::{Context, Fields, Path};
use super::meta::Meta;
use super::schema::{self, PERSISTENT_VOLUME_SOURCES};
use super::tree::Entry;
use super::volume_source::{self, Source};
use crate::base::Quantity;
use crate::model::storage::{
    ClaimName, ClaimRef, CsiHandle, PersistentVolume, ReclaimPolicy, VolumeBacking, VolumePhase,
};
use crate::model::strings::known;
use crate::model::{NodeTerm, StrId};

/// Labels of zones and regions, in the order in which VolumeZone looks at them.
const ZONE_LABELS: [(&str, StrId); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", known::LABEL_ZONE_BETA),
    ("failure-domain.beta.kubernetes.io/region", known::LABEL_REGION_BETA),
    ("topology.kubernetes.io/zone", known::LABEL_ZONE),
    ("topology.kubernetes.io/region", known::LABEL_REGION),
];
const PHASES: &[(&str, VolumePhase)] = &[
    ("Available", VolumePhase::Available),
    ("Bound", VolumePhase::Bound),
    ("Failed", VolumePhase::Failed),
    ("Pending", VolumePhase::Pending),
    ("Released", VolumePhase::Released),
];

/// Reads a volume.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<PersistentVolume> {
    let path = root.path.field("spec");
    let Some(entry) = root.get("spec") else {
        let at = root.written("spec").map_or(root.anchor, |entry| entry.key_at);
        let help = "say what the volume is: add `spec:` with `capacity:`, `accessModes:` and where it is";
        cx.invalid(codes::NO_SIZE, at, &path.field("capacity"), "Required value", "`spec` is missing", help);
        return None;
    };
    let example = "write `capacity: {storage: 1Gi}`, `accessModes:` and where it is under it";
    let spec = cx.fields(&entry.value, entry.key_at, &path, &schema::PERSISTENT_VOLUME_SPEC, example)?;
    let capacity = capacity(cx, &spec).unwrap_or_default();
    let access_modes = claim::access_modes(cx, &spec, "Required value");
    let class = match meta.annotation(CLASS_ANNOTATION) {
        Some(class) => cx.words.strings.intern(class),
        None => claim::class_name(cx, &spec, "storageClassName").unwrap_or(known::EMPTY),
    };
    let policies =
        [("Delete", ReclaimPolicy::Delete), ("Recycle", ReclaimPolicy::Recycle), ("Retain", ReclaimPolicy::Retain)];
    let volume = PersistentVolume {
        name: cx.words.strings.intern(&meta.name),
        labels: {
            let id = cx.words.strings.intern_labels(meta.labels.iter().copied());
            cx.words.strings.labels(id).clone()
        },
        zones: zones(cx, meta),
        capacity,
        class,
        attributes_class: claim::class_name(cx, &spec, "volumeAttributesClassName").unwrap_or(known::EMPTY),
        access_modes,
        mode: claim::volume_mode(cx, &spec),
        claim: claim_ref(cx, &spec),
        node_affinity: node_affinity(cx, &spec),
        reclaim: cx.choice(&spec, "persistentVolumeReclaimPolicy", &policies).unwrap_or(ReclaimPolicy::Retain),
        phase: phase(cx, root),
        is_deleting: meta.is_deleting,
        backing: backing(cx, &spec, meta),
    };
    Some(volume)
}

fn capacity(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<Quantity> {
    let path = spec.path.field("capacity");
    let errors = cx.errors;
    let entries = spec.map(cx, "capacity", "v1.ResourceList", "write `storage: 1Gi` under it");
    let help = "say how large it is: add `capacity: {storage: 1Gi}`";
    if let Some(entry) = entries.iter().find(|entry| entry.key == "storage") {
        return claim::size(cx, entry, &path.key("storage"));
    }
    if cx.errors == errors {
        let text = match entries.first() {
            None => "Required value".to_owned(),
            Some(_) => "Unsupported value: supported values: \"storage\"".to_owned(),
        };
        cx.invalid(codes::NO_SIZE, spec.at("capacity"), &path, &text, "no size", help);
    }
    None
}

fn claim_ref(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<ClaimRef> {
    let entry = spec.get("claimRef")?;
    let path = spec.path.field("claimRef");
    let example = "write `{namespace: default, name: data}`";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::CLAIM_REF, example)?;
    let [namespace, name, uid] = ["namespace", "name", "uid"].map(|field| {
        let text = fields.text(cx, field).unwrap_or("");
        cx.words.strings.intern(text)
    });
    Some(ClaimRef { claim: ClaimName { namespace, name }, uid })
}

fn node_affinity(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<Box<[NodeTerm]>> {
    let entry = spec.get("nodeAffinity")?;
    let path = spec.path.field("nodeAffinity");
    let schema = &schema::VOLUME_NODE_AFFINITY;
    let fields = cx.fields(&entry.value, entry.key_at, &path, schema, "write `required:` under it")?;
    if fields.get("required").is_none() {
        let text = "Required value: must specify required node constraints";
        let help = "write `required: {nodeSelectorTerms: [...]}`, or remove `nodeAffinity`";
        cx.invalid(codes::BAD_NODE_AFFINITY, fields.at("required"), &path.field("required"), text, "", help);
    }
    affinity::terms(cx, &fields, "required")
}

fn phase(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> VolumePhase {
    let Some(entry) = root.get("status") else { return VolumePhase::default() };
    let path = root.path.field("status");
    let status = cx.fields(&entry.value, entry.key_at, &path, &schema::PERSISTENT_VOLUME_STATUS, "");
    status.and_then(|status| cx.choice(&status, "phase", PHASES)).unwrap_or_default()
}

fn zones(cx: &mut Context<'_>, meta: &Meta<'_>) -> Box<[(StrId, Box<[StrId]>)]> {
    let mut zones = Vec::new();
    for (label, key) in ZONE_LABELS {
        let Some((_, text)) = meta.labels.iter().find(|(name, _)| *name == label) else { continue };
        let parts: Vec<&str> = text.split("__").map(str::trim).collect();
        // A set with an empty part is none at all, and the label does not count.
        if !parts.contains(&"") {
            zones.push((key, parts.into_iter().map(|zone| cx.words.strings.intern(zone)).collect()));
        }
    }
    zones.into()
}

fn backing(cx: &mut Context<'_>, spec: &Fields<'_, '_>, meta: &Meta<'_>) -> VolumeBacking {
    let mut first: Option<(&'static str, &Entry<'_>)> = None;
    for &name in PERSISTENT_VOLUME_SOURCES {
        let Some(entry) = spec.get(name) else { continue };
        if let Some((other, _)) = first {
            let text = "Forbidden: may not specify more than 1 volume type";
            let help = format!("a volume is at one place: remove `{name}` or `{other}`, or make two volumes");
            cx.invalid(codes::TWO_SOURCES, entry.key_at, &spec.path.field(name), text, "second source", &help);
        } else {
            first = Some((name, entry));
        }
    }
    let Some((name, entry)) = first else {
        let text = "Required value: must specify a volume type";
        let help = "say where the volume is: `csi: {driver: ..., volumeHandle: ...}`, `local: {path: /mnt/disk}`, ...";
        cx.invalid(codes::NO_SOURCE, spec.anchor, spec.path, text, "nowhere", help);
        return VolumeBacking::Other;
    };
    let path = spec.path.field(name);
    if name == "csi" {
        return csi(cx, entry, &path).map_or(VolumeBacking::Other, VolumeBacking::Csi);
    }
    if volume_source::is_read(name) {
        let label = |name: &str| meta.labels.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let zones = label(ZONE_LABELS[2].0).filter(|zone| !zone.is_empty()).or_else(|| label(ZONE_LABELS[0].0));
        return match volume_source::read(cx, name, entry, &path, zones.unwrap_or("")) {
            Some(Source::Gce { csi, .. } | Source::Ebs { csi, .. } | Source::Migrated(csi)) => {
                VolumeBacking::Migrated(csi)
            }
            _ => VolumeBacking::Other,
        };
    }
    if name == "local" && spec.get("nodeAffinity").is_none() {
        let text = "Required value: Local volume requires node affinity";
        let help = "say on which node it is: add `nodeAffinity: {required: {nodeSelectorTerms: [...]}}`";
        let path = spec.path.field("nodeAffinity");
        cx.invalid(codes::LOCAL_WITHOUT_NODE, entry.key_at, &path, text, "on no node", help);
    }
    cx.ignore(&path);
    VolumeBacking::Other
}

fn csi(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) -> Option<CsiHandle> {
    let fields =
        cx.fields(&entry.value, entry.key_at, path, &schema::CSI_VOLUME, "write `driver:` and `volumeHandle:`")?;
    let driver =
        fields.required(cx, "driver", codes::REQUIRED, "say whose volume it is: add `driver: ebs.csi.aws.com`");
    let help = "say which volume of the driver it is: add `volumeHandle: vol-1`";
    let handle = fields.required(cx, "volumeHandle", codes::REQUIRED, help);
    let strings = &mut cx.words.strings;
    Some(CsiHandle { driver: strings.intern(driver?), handle: strings.intern(handle?) })
}
