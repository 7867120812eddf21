//! Claims and volumes: their lines, objects and the description of a claim. Mirrors printPersistentVolume and
//! printPersistentVolumeClaim of pkg/printers/internalversion/printers.go and describePVC of
//! staging/src/k8s.io/kubectl/pkg/describe/describe.go, v1.34.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::describe::{line, pairs, several};
use super::{Item, Source, View, labels_of, text_of};
use crate::api::StorageTimes;
use crate::base::{SimTime, uuid};
use crate::model::storage::{
    AccessModes, ClaimPhase, PersistentVolume, PersistentVolumeClaim, ReclaimPolicy, VolumeBacking, VolumeMode,
};
use crate::model::strings::known;
use crate::model::{ClaimName, PodVolume, StorageKey, StrId};

/// Columns of claims.
pub(super) const CLAIM_COLUMNS: &[(&str, bool)] = &[
    ("NAME", false),
    ("STATUS", false),
    ("VOLUME", false),
    ("CAPACITY", false),
    ("ACCESS MODES", false),
    ("STORAGECLASS", false),
    ("VOLUMEATTRIBUTESCLASS", false),
    ("AGE", false),
    ("VOLUMEMODE", true),
];

/// Columns of volumes.
pub(super) const VOLUME_COLUMNS: &[(&str, bool)] = &[
    ("NAME", false),
    ("CAPACITY", false),
    ("ACCESS MODES", false),
    ("RECLAIM POLICY", false),
    ("STATUS", false),
    ("CLAIM", false),
    ("STORAGECLASS", false),
    ("VOLUMEATTRIBUTESCLASS", false),
    ("REASON", false),
    ("AGE", false),
    ("VOLUMEMODE", true),
];

/// Modes in the order of the tables, with what they are called in short.
const MODES: [(AccessModes, &str, &str); 4] = [
    (AccessModes::READ_WRITE_ONCE, "RWO", "ReadWriteOnce"),
    (AccessModes::READ_ONLY_MANY, "ROX", "ReadOnlyMany"),
    (AccessModes::READ_WRITE_MANY, "RWX", "ReadWriteMany"),
    (AccessModes::READ_WRITE_ONCE_POD, "RWOP", "ReadWriteOncePod"),
];

fn modes(modes: AccessModes) -> impl Iterator<Item = (&'static str, &'static str)> {
    MODES.into_iter().filter(move |(mode, ..)| modes.contains(*mode)).map(|(_, short, long)| (short, long))
}

fn short_modes(of: AccessModes) -> String {
    modes(of).map(|(short, _)| short).collect::<Vec<_>>().join(",")
}

fn long_modes(of: AccessModes) -> Vec<&'static str> {
    modes(of).map(|(_, long)| long).collect()
}

const fn mode_text(mode: VolumeMode) -> &'static str {
    match mode {
        VolumeMode::Filesystem => "Filesystem",
        VolumeMode::Block => "Block",
    }
}

const fn policy_text(policy: ReclaimPolicy) -> &'static str {
    match policy {
        ReclaimPolicy::Retain => "Retain",
        ReclaimPolicy::Delete => "Delete",
        ReclaimPolicy::Recycle => "Recycle",
    }
}

impl View<'_> {
    fn claim(&self, name: ClaimName) -> &PersistentVolumeClaim {
        self.simulation.cluster().storage().claim(name).expect("it is in the list")
    }

    fn volume(&self, name: StrId) -> &PersistentVolume {
        self.simulation.cluster().storage().volume(name).expect("it is in the list")
    }

    fn storage_times(&self, key: StorageKey) -> StorageTimes {
        let unknown = StorageTimes { created: self.plan().start, deleting: None };
        self.simulation.cluster().storage_times(key).unwrap_or(unknown)
    }

    /// What a claim has, once it is bound.
    fn claimed(&self, claim: &PersistentVolumeClaim) -> Option<&PersistentVolume> {
        self.simulation.cluster().storage().volume(claim.volume?).filter(|_| claim.phase == ClaimPhase::Bound)
    }

    fn attributes_class(&self, class: StrId) -> String {
        if class == known::EMPTY { "<unset>".to_owned() } else { self.text(class).to_owned() }
    }

    pub(super) fn claims(&self) -> Vec<Item> {
        let item = |claim: &PersistentVolumeClaim| {
            let (namespace, name) = (self.text(claim.name.namespace).to_owned(), self.text(claim.name.name).to_owned());
            let times = self.storage_times(StorageKey::Claim(claim.name));
            let status = if claim.is_deleting { "Terminating" } else { claim.phase.text() };
            let volume = self.claimed(claim);
            let cells = vec![
                name.clone(),
                status.to_owned(),
                claim.volume.map_or_else(String::new, |volume| self.text(volume).to_owned()),
                volume.map_or_else(String::new, |volume| volume.capacity.to_string()),
                volume.map_or_else(String::new, |volume| short_modes(volume.access_modes)),
                self.text(claim.class_name()).to_owned(),
                self.attributes_class(claim.attributes_class),
                self.age(times.created),
                mode_text(claim.mode).to_owned(),
            ];
            let labels = labels_of(self.written("PersistentVolumeClaim", &namespace, &name));
            Item { source: Source::Claim(claim.name), namespace, name, labels, cells }
        };
        self.simulation.cluster().storage().claims().map(item).collect()
    }

    pub(super) fn volumes(&self) -> Vec<Item> {
        let item = |volume: &PersistentVolume| {
            let name = self.text(volume.name).to_owned();
            let times = self.storage_times(StorageKey::Volume(volume.name));
            let status = if volume.is_deleting { "Terminating" } else { volume.phase.text() };
            let claim =
                volume.claim.map(|of| format!("{}/{}", self.text(of.claim.namespace), self.text(of.claim.name)));
            let cells = vec![
                name.clone(),
                volume.capacity.to_string(),
                short_modes(volume.access_modes),
                policy_text(volume.reclaim).to_owned(),
                status.to_owned(),
                claim.unwrap_or_default(),
                self.text(volume.class).to_owned(),
                self.attributes_class(volume.attributes_class),
                String::new(),
                self.age(times.created),
                mode_text(volume.mode).to_owned(),
            ];
            let labels = labels_of(self.written("PersistentVolume", "default", &name));
            Item { source: Source::Volume(volume.name), namespace: String::new(), name, labels, cells }
        };
        self.simulation.cluster().storage().volumes().map(item).collect()
    }

    pub(super) fn claim_object(&self, id: ClaimName) -> Value {
        let claim = self.claim(id);
        let (namespace, name) = (self.text(id.namespace), self.text(id.name));
        let written = self.written("PersistentVolumeClaim", namespace, name);
        let times = self.storage_times(StorageKey::Claim(id));
        let uid = uuid(&format!("PersistentVolumeClaim {namespace}/{name}"));
        let mut meta = self.metadata(&uid, Some(namespace), name, times.created, written);
        let mut notes = written["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        if claim.bind_completed {
            notes.insert("pv.kubernetes.io/bind-completed".into(), "yes".into());
        }
        if let Some(node) = claim.selected_node {
            notes.insert("volume.kubernetes.io/selected-node".into(), self.text(node).into());
        }
        if !notes.is_empty() {
            meta.insert("annotations".into(), notes.into());
        }
        meta.insert("finalizers".into(), json!(["kubernetes.io/pvc-protection"]));
        deleting(&mut meta, times.deleting);
        let mut spec = json!({
            "accessModes": long_modes(claim.access_modes),
            "resources": { "requests": { "storage": claim.size().to_string() } },
            "volumeMode": mode_text(claim.mode),
        });
        if !written["spec"]["selector"].is_null() {
            spec["selector"] = written["spec"]["selector"].clone();
        }
        if let Some(class) = claim.class {
            spec["storageClassName"] = self.text(class).into();
        }
        if let Some(volume) = claim.volume {
            spec["volumeName"] = self.text(volume).into();
        }
        let mut status = json!({ "phase": claim.phase.text() });
        if let Some(volume) = self.claimed(claim) {
            status["accessModes"] = json!(long_modes(volume.access_modes));
            status["capacity"] = json!({ "storage": volume.capacity.to_string() });
        }
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec, "status": status,
        })
    }

    pub(super) fn volume_object(&self, id: StrId) -> Value {
        let volume = self.volume(id);
        let name = self.text(id);
        let written = self.written("PersistentVolume", "default", name);
        let times = self.storage_times(StorageKey::Volume(id));
        let uid = uuid(&format!("PersistentVolume {name}"));
        let mut meta = self.metadata(&uid, None, name, times.created, written);
        meta.insert("finalizers".into(), json!(["kubernetes.io/pv-protection"]));
        deleting(&mut meta, times.deleting);
        let mut spec = written["spec"].as_object().cloned().unwrap_or_default();
        if spec.is_empty()
            && let VolumeBacking::Csi(handle) | VolumeBacking::Migrated(handle) = volume.backing
        {
            let (driver, handle) = (self.text(handle.driver), self.text(handle.handle));
            spec.insert("csi".into(), json!({ "driver": driver, "volumeHandle": handle }));
            // What was made for a claim can be used where it was made.
            let terms = volume.node_affinity.iter().flatten().map(|term| {
                let labels = term.labels().map(|(key, value)| (self.text(key), self.text(value)));
                let wants = labels.map(|(key, value)| json!({ "key": key, "operator": "In", "values": [value] }));
                json!({ "matchExpressions": wants.collect::<Vec<_>>() })
            });
            let terms: Vec<Value> = terms.collect();
            if !terms.is_empty() {
                spec.insert("nodeAffinity".into(), json!({ "required": { "nodeSelectorTerms": terms } }));
            }
        }
        spec.insert("accessModes".into(), json!(long_modes(volume.access_modes)));
        spec.insert("capacity".into(), json!({ "storage": volume.capacity.to_string() }));
        spec.insert("persistentVolumeReclaimPolicy".into(), policy_text(volume.reclaim).into());
        spec.insert("volumeMode".into(), mode_text(volume.mode).into());
        if volume.class != known::EMPTY {
            spec.insert("storageClassName".into(), self.text(volume.class).into());
        }
        if let Some(of) = volume.claim {
            let (namespace, name) = (self.text(of.claim.namespace), self.text(of.claim.name));
            let uid = uuid(&format!("PersistentVolumeClaim {namespace}/{name}"));
            let claim = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name, "namespace": namespace, "uid": uid,
            });
            spec.insert("claimRef".into(), claim);
        }
        let status = json!({ "phase": volume.phase.text() });
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec, "status": status })
    }

    pub(super) fn describe_volume(&self, id: StrId) -> String {
        let (object, volume) = (self.volume_object(id), self.volume(id));
        let (meta, spec) = (&object["metadata"], &object["spec"]);
        let mut out = String::new();
        line(&mut out, "Name", &text_of(&meta["name"]));
        pairs(&mut out, "Labels", &meta["labels"], "=");
        pairs(&mut out, "Annotations", &meta["annotations"], ": ");
        line(&mut out, "Finalizers", "[kubernetes.io/pv-protection]");
        line(&mut out, "StorageClass", self.text(volume.class));
        let times = self.storage_times(StorageKey::Volume(id));
        let status = match times.deleting {
            Some(since) => format!("Terminating (lasts {})", self.age(since)),
            None => volume.phase.text().to_owned(),
        };
        line(&mut out, "Status", &status);
        let claim = &spec["claimRef"];
        let of = |key: &str| claim[key].as_str().unwrap_or_default();
        let claim = if claim.is_object() { format!("{}/{}", of("namespace"), of("name")) } else { String::new() };
        line(&mut out, "Claim", &claim);
        line(&mut out, "Reclaim Policy", policy_text(volume.reclaim));
        line(&mut out, "Access Modes", &short_modes(volume.access_modes));
        line(&mut out, "VolumeMode", mode_text(volume.mode));
        line(&mut out, "Capacity", &volume.capacity.to_string());
        node_affinity(&mut out, &spec["nodeAffinity"]["required"]);
        line(&mut out, "Message", "");
        out.push_str("Source:\n");
        for (key, title, fields) in SOURCES {
            let source = &spec[*key];
            if source.is_object() {
                let _ = writeln!(out, "    Type:\t{title}");
                for (title, field) in *fields {
                    let text = if source[*field].is_null() { String::new() } else { text_of(&source[*field]) };
                    let _ = writeln!(out, "    {title}:\t{text}");
                }
            }
        }
        out
    }

    pub(super) fn describe_claim(&self, id: ClaimName) -> String {
        let object = self.claim_object(id);
        let claim = self.claim(id);
        let meta = &object["metadata"];
        let mut out = String::new();
        line(&mut out, "Name", &text_of(&meta["name"]));
        line(&mut out, "Namespace", &text_of(&meta["namespace"]));
        line(&mut out, "StorageClass", self.text(claim.class_name()));
        let times = self.storage_times(StorageKey::Claim(id));
        let status = match times.deleting {
            Some(since) => format!("Terminating (lasts {})", self.age(since)),
            None => claim.phase.text().to_owned(),
        };
        line(&mut out, "Status", &status);
        line(&mut out, "Volume", claim.volume.map_or("", |volume| self.text(volume)));
        pairs(&mut out, "Labels", &meta["labels"], "=");
        pairs(&mut out, "Annotations", &meta["annotations"], ": ");
        line(&mut out, "Finalizers", "[kubernetes.io/pvc-protection]");
        let volume = self.claimed(claim);
        line(&mut out, "Capacity", &volume.map_or_else(String::new, |volume| volume.capacity.to_string()));
        line(&mut out, "Access Modes", &volume.map_or_else(String::new, |volume| short_modes(volume.access_modes)));
        line(&mut out, "VolumeMode", mode_text(claim.mode));
        several(&mut out, "Used By", self.users(id));
        out
    }

    /// The pods that use a claim.
    fn users(&self, id: ClaimName) -> Vec<String> {
        let pods = self.simulation.cluster().pods();
        let uses = |template| {
            let class = self.plan().templates[template].class;
            self.plan().classes[class].volumes.contains(&PodVolume::Claim(id))
        };
        let users = pods.iter().filter(|pod| uses(pods.template(pod.pod)));
        let mut names: Vec<String> = users.map(|pod| self.pod_name(pod.uid).1).collect();
        names.sort_unstable();
        names
    }
}

/// A source of volumes: the key, the words for it, and its fields with their titles.
type VolumeKind = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Where volumes come from.
const SOURCES: &[VolumeKind] = &[
    (
        "csi",
        "CSI (a Container Storage Interface (CSI) volume source)",
        &[("Driver", "driver"), ("FSType", "fsType"), ("VolumeHandle", "volumeHandle"), ("ReadOnly", "readOnly")],
    ),
    ("hostPath", "HostPath (bare host directory volume)", &[("Path", "path"), ("HostPathType", "type")]),
    ("local", "LocalVolume (a persistent volume backed by local storage on a node)", &[("Path", "path")]),
    (
        "nfs",
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        &[("Server", "server"), ("Path", "path"), ("ReadOnly", "readOnly")],
    ),
];

/// The nodes that a volume can be used on.
fn node_affinity(out: &mut String, required: &Value) {
    let Some(terms) = required["nodeSelectorTerms"].as_array() else {
        out.push_str("Node Affinity:\t<none>\n");
        return;
    };
    out.push_str("Node Affinity:\t\n  Required Terms:\t\n");
    for (at, term) in terms.iter().enumerate() {
        let requirements = term["matchExpressions"].as_array().into_iter().flatten().map(|one| {
            let operator = text_of(&one["operator"]).to_lowercase();
            let values: Vec<String> = one["values"].as_array().into_iter().flatten().map(text_of).collect();
            let values = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(", ")) };
            format!("{} {operator}{values}", text_of(&one["key"]))
        });
        let requirements: Vec<String> = requirements.collect();
        let _ = writeln!(out, "    Term {at}:\t{}", requirements.join("\n\t"));
    }
}

fn deleting(meta: &mut serde_json::Map<String, Value>, since: Option<SimTime>) {
    if let Some(since) = since {
        meta.insert("deletionTimestamp".into(), since.floor_seconds().rfc3339().into());
    }
}
