//! Volumes of a pod and their mounts. Mirrors ValidateVolumes and ValidateVolumeMounts of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::claim;
use super::codes;
use super::env::{self, Reference};
use super::fields::{Context, Fields, Path};
use super::meta::Meta;
use super::names;
use super::schema::{self, VOLUME_SOURCES};
use super::tree::{At, Entry, Node};
use super::volume_source::{self, Source};
use crate::base::Quantity;
use crate::diag::did_you_mean;
use crate::model::names::go_quote;
use crate::model::{ClaimName, ConfigKind, ConfigRef, Mount, PodVolume, StrId, Volume, VolumeSource};

/// Where admission mounts the service account's token.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The ConfigMap that every namespace has.
const ROOT_CA: &str = "kube-root-ca.crt";

/// The volumes of a pod with their names as written.
pub(super) struct Volumes<'t> {
    /// Names, in order; one entry for every list item, even one that is not usable.
    pub names: Vec<&'t str>,
    /// Compiled.
    pub volumes: Vec<Volume>,
    /// Those that rules of the scheduler read.
    pub scheduled: Vec<PodVolume>,
    /// Whether some keep files on the node, and no annotation gives them up.
    pub keeps_files: bool,
}

impl<'t> Volumes<'t> {
    /// Adds those that a StatefulSet's controller adds: one for each claim template, instead of a volume of that name. The
    /// claims are named after the templates here; whoever makes a pod names them after the pod as well.
    pub(super) fn add_claims(&mut self, cx: &mut Context<'_>, meta: &Meta<'_>, claims: &[&'t str]) {
        let namespace = cx.words.strings.intern(meta.namespace);
        for &claim in claims {
            let name = cx.words.strings.intern(claim);
            if !self.names.contains(&claim) {
                self.names.push(claim);
                self.volumes.push(Volume { name, source: VolumeSource::Claim });
            }
            self.scheduled.push(PodVolume::Claim(ClaimName { namespace, name }));
        }
    }
}

/// Reads `spec.volumes`. `token_volumes` are names of volumes that hold service account tokens, which always exist.
pub(super) fn volumes<'t>(
    cx: &mut Context<'_>,
    spec: &Fields<'t, '_>,
    meta: &Meta<'_>,
    token_volumes: &[&str],
) -> Volumes<'t> {
    let namespace = cx.words.strings.intern(meta.namespace);
    let list_path = spec.path.field("volumes");
    let given_up = meta.annotation("cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes").unwrap_or("");
    let mut all = Volumes { names: Vec::new(), volumes: Vec::new(), scheduled: Vec::new(), keeps_files: false };
    for (index, node) in spec.list(cx, "volumes", "v1.Volume").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- name: data` and `emptyDir: {}` under it";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::VOLUME, example) else {
            all.names.push("");
            all.volumes.push(Volume { name: crate::model::strings::known::EMPTY, source: VolumeSource::Other });
            continue;
        };
        let help = "every volume needs a name that volumeMounts refer to: add `name: data`";
        let name = fields.required(cx, "name", codes::REQUIRED, help).unwrap_or("");
        if !name.is_empty() {
            let at = fields.at("name");
            let help = format!("lower case letters, digits and `-`: for example {}", names::repaired(name));
            cx.invalid_text(codes::BAD_NAME, at, &path.field("name"), name, names::dns_label_errors(name), &help);
            if all.names.contains(&name) {
                let text = format!("Duplicate value: {}", go_quote(name));
                let help = "give each volume its own name, and use it in volumeMounts";
                cx.invalid(codes::DUPLICATE_VOLUME, at, &path.field("name"), &text, "used by an earlier volume", help);
            }
        }
        let is_token = token_volumes.contains(&name);
        let (source, scheduled) = source(cx, &fields, &path, namespace, is_token, &Owner { meta, volume: name });
        all.scheduled.extend(scheduled);
        let is_local =
            matches!(source, VolumeSource::EmptyDir { memory: false, .. }) || fields.get("hostPath").is_some();
        all.keeps_files |= is_local && !given_up.split(',').any(|other| other.trim() == name);
        all.names.push(name);
        let name = cx.words.strings.intern(name);
        all.volumes.push(Volume { name, source });
    }
    all
}

/// The pod and its volume: generic ephemeral volumes are named after both.
struct Owner<'a, 't> {
    meta: &'a Meta<'t>,
    volume: &'a str,
}

fn source(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    namespace: StrId,
    is_token: bool,
    owner: &Owner<'_, '_>,
) -> (VolumeSource, Option<PodVolume>) {
    let mut first: Option<(&'static str, &Entry<'_>)> = None;
    for &name in VOLUME_SOURCES {
        let Some(entry) = fields.get(name) else { continue };
        if let Some((other, _)) = first {
            let text = "Forbidden: may not specify more than 1 volume type";
            let help = format!("a volume has one source: remove `{name}` or `{other}`, or make two volumes");
            cx.invalid(codes::TWO_SOURCES, entry.key_at, &path.field(name), text, "second source", &help);
        } else {
            first = Some((name, entry));
        }
    }
    let Some((name, entry)) = first else {
        let empty = VOLUME_SOURCES.iter().find_map(|name| fields.written(name).map(|entry| (*name, entry)));
        let (at, help) = match empty {
            Some((name, entry)) => {
                let value = if name == "emptyDir" { "{}" } else { "{...}" };
                (entry.key_at, format!("nothing follows `{name}:`; write `{name}: {value}`"))
            }
            None => (
                fields.anchor,
                "say what the volume holds: `emptyDir: {}`, `configMap: {name: settings}`, ...".to_owned(),
            ),
        };
        cx.invalid(codes::NO_SOURCE, at, path, "Required value: must specify a volume type", "holds nothing", &help);
        return (VolumeSource::Other, None);
    };
    let inner = path.field(name);
    if volume_source::is_read(name) || matches!(name, "persistentVolumeClaim" | "ephemeral" | "csi") {
        let scheduled = scheduled(cx, name, entry, &inner, namespace, owner);
        return match scheduled {
            Some(PodVolume::Claim(_)) => (VolumeSource::Claim, scheduled),
            _ => (VolumeSource::Other, scheduled),
        };
    }
    let files = match name {
        "emptyDir" => empty_dir(cx, entry, &inner),
        "configMap" => {
            let Some(fields) = cx.fields(&entry.value, entry.key_at, &inner, &schema::CONFIG_MAP_VOLUME, "") else {
                return (VolumeSource::Other, None);
            };
            config(cx, &fields, "name", ConfigKind::ConfigMap, namespace, false)
        }
        "secret" => {
            let Some(fields) = cx.fields(&entry.value, entry.key_at, &inner, &schema::SECRET_VOLUME, "") else {
                return (VolumeSource::Other, None);
            };
            config(cx, &fields, "secretName", ConfigKind::Secret, namespace, is_token)
        }
        "projected" => projected(cx, entry, &inner, namespace),
        _ => {
            cx.ignore(&inner);
            VolumeSource::Other
        }
    };
    (files, None)
}

/// A volume that rules of the scheduler read.
fn scheduled(
    cx: &mut Context<'_>,
    name: &str,
    entry: &Entry<'_>,
    path: &Path<'_>,
    namespace: StrId,
    owner: &Owner<'_, '_>,
) -> Option<PodVolume> {
    match name {
        "persistentVolumeClaim" => {
            let example = "write `claimName: data` under it";
            let fields = cx.fields(&entry.value, entry.key_at, path, &schema::CLAIM_VOLUME, example)?;
            let help = "say which claim: add `claimName: data`";
            let name = fields.required(cx, "claimName", codes::REQUIRED, help)?;
            let claim = ClaimName { namespace, name: cx.words.strings.intern(name) };
            cx.claims.push((claim, cx.span(fields.at("claimName"))));
            Some(PodVolume::Claim(claim))
        }
        "ephemeral" => ephemeral(cx, entry, path, namespace, owner),
        "csi" => {
            let example = "write `driver:` under it";
            let fields = cx.fields(&entry.value, entry.key_at, path, &schema::CSI_INLINE, example)?;
            let driver = fields.required(cx, "driver", codes::REQUIRED, "say which driver: add `driver:`")?;
            Some(PodVolume::Csi(cx.words.strings.intern(driver)))
        }
        name => Some(match volume_source::read(cx, name, entry, path, "")? {
            Source::Gce { disk, read_only, csi } => PodVolume::GcePersistentDisk { disk, read_only, csi },
            Source::Ebs { volume, csi } => PodVolume::AwsElasticBlockStore { volume, csi },
            Source::Iscsi { iqn, read_only } => PodVolume::Iscsi { iqn, read_only },
            Source::Rbd { monitors, pool, image, read_only } => PodVolume::Rbd { monitors, pool, image, read_only },
            Source::Migrated(csi) => PodVolume::Migrated(csi),
        }),
    }
}

fn ephemeral(
    cx: &mut Context<'_>,
    entry: &Entry<'_>,
    path: &Path<'_>,
    namespace: StrId,
    owner: &Owner<'_, '_>,
) -> Option<PodVolume> {
    let example = "write `volumeClaimTemplate: {spec: ...}` under it";
    let fields = cx.fields(&entry.value, entry.key_at, path, &schema::EPHEMERAL_VOLUME, example)?;
    let path = path.field("volumeClaimTemplate");
    let missing = "Required value";
    let help = "say what is claimed: add `volumeClaimTemplate: {spec: {accessModes: [...], resources: ...}}`";
    let Some(entry) = fields.get("volumeClaimTemplate") else {
        cx.invalid(codes::REQUIRED, fields.anchor, &path, missing, "no template", help);
        return None;
    };
    let template = cx.fields(&entry.value, entry.key_at, &path, &schema::CLAIM_TEMPLATE, help)?;
    let spec_path = path.field("spec");
    let Some(spec) = template.get("spec") else {
        cx.invalid(codes::REQUIRED, template.anchor, &spec_path, missing, "no spec", help);
        return None;
    };
    let strings = &mut cx.words.strings;
    let pod = strings.intern(&owner.meta.name);
    let uid = strings.intern(&owner.meta.uid());
    let name = strings.intern(&format!("{}-{}", owner.meta.name, owner.volume));
    let claim = ClaimName { namespace, name };
    claim::spec(cx, spec, &spec_path)?;
    Some(PodVolume::Ephemeral { claim, pod, uid })
}

fn empty_dir(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) -> VolumeSource {
    let mut source = VolumeSource::EmptyDir { size_limit: None, memory: false };
    let Some(fields) = cx.fields(&entry.value, entry.key_at, path, &schema::EMPTY_DIR, "write `emptyDir: {}`") else {
        return source;
    };
    let words = [("", false), ("Memory", true), ("HugePages", false)];
    let in_memory = match fields.text(cx, "medium") {
        Some(medium) if medium.starts_with("HugePages") => false,
        Some(_) => cx.choice(&fields, "medium", &words).unwrap_or(false),
        None => false,
    };
    let limit = fields.get("sizeLimit").and_then(|limit| {
        let path = path.field("sizeLimit");
        let amount = cx.quantity(&limit.value, &path)?;
        if amount < Quantity::default() {
            let text = "Forbidden: SizeLimit field must be a valid resource quantity";
            let help = "amounts cannot be negative: write for example sizeLimit: 1Gi";
            cx.invalid(codes::NEGATIVE_QUANTITY, limit.value.at, &path, text, "below zero", help);
            return None;
        }
        Some(amount.value())
    });
    if let VolumeSource::EmptyDir { size_limit, memory } = &mut source {
        *size_limit = limit.filter(|&limit| limit > 0);
        *memory = in_memory;
    }
    source
}

/// A ConfigMap or Secret as files: which keys must exist.
fn config(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    name_field: &'static str,
    kind: ConfigKind,
    namespace: StrId,
    is_token: bool,
) -> VolumeSource {
    match config_ref(cx, fields, name_field, kind, namespace, is_token) {
        Some(config) => VolumeSource::Config(Box::new([config])),
        None => VolumeSource::Other,
    }
}

fn config_ref(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    name_field: &'static str,
    kind: ConfigKind,
    namespace: StrId,
    is_token: bool,
) -> Option<ConfigRef> {
    let help = format!("say which one: add `{name_field}: settings`");
    let name = fields.required(cx, name_field, codes::REQUIRED, &help);
    let optional = fields.boolean(cx, "optional").unwrap_or(false);
    let list_path = fields.path.field("items");
    let mut keys = Vec::new();
    for (index, node) in fields.list(cx, "items", "v1.KeyToPath").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `key: app.conf` and `path: app.conf`";
        let Some(item) = cx.fields(node, node.anchor(), &path, &schema::KEY_TO_PATH, example) else { continue };
        if let Some(key) = item.required(cx, "key", codes::REQUIRED, "say which key: add `key: app.conf`") {
            keys.push((key, item.at("key")));
        }
        let help = "say what the file is called in the volume: add `path: app.conf`";
        if let Some(file) = item.required(cx, "path", codes::REQUIRED, help) {
            check_inside(cx, file, item.at("path"), &path.field("path"));
        }
    }
    let name = name?;
    if is_token || (kind == ConfigKind::ConfigMap && name == ROOT_CA) {
        return None;
    }
    let reference = Reference { kind, namespace, name, at: fields.at(name_field), optional };
    Some(env::reference(cx, &reference, &keys))
}

fn projected(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>, namespace: StrId) -> VolumeSource {
    let Some(fields) = cx.fields(&entry.value, entry.key_at, path, &schema::PROJECTED, "write `sources:` and a list")
    else {
        return VolumeSource::Other;
    };
    let list_path = path.field("sources");
    let mut configs = Vec::new();
    for (index, node) in fields.list(cx, "sources", "v1.VolumeProjection").iter().enumerate() {
        let path = list_path.index(index);
        let Some(source) = cx.fields(node, node.anchor(), &path, &schema::PROJECTION, "") else { continue };
        let kinds = [
            ("configMap", ConfigKind::ConfigMap, &schema::CONFIG_MAP_VOLUME),
            ("secret", ConfigKind::Secret, &schema::SECRET_PROJECTION),
        ];
        for (name, kind, schema) in kinds {
            let Some(entry) = source.get(name) else { continue };
            let path = path.field(name);
            if let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, schema, "") {
                configs.extend(config_ref(cx, &fields, "name", kind, namespace, false));
            }
        }
    }
    VolumeSource::Config(configs.into_boxed_slice())
}

/// Names of volumes that are mounted where service account tokens are.
pub(super) fn token_volumes<'t>(containers: &'t Node<'t>) -> Vec<&'t str> {
    let super::tree::Value::List(containers) = &containers.value else { return Vec::new() };
    let mounts = containers.iter().filter_map(|c| c.get("volumeMounts")).filter_map(|e| match &e.value.value {
        super::tree::Value::List(mounts) => Some(mounts),
        _ => None,
    });
    let is_token = |mount: &&Node<'_>| mount.get("mountPath").and_then(|e| e.value.scalar()) == Some(TOKEN_PATH);
    mounts.flatten().filter(is_token).filter_map(|m| m.get("name")?.value.scalar()).collect()
}

/// Reads `volumeMounts` of a container.
pub(super) fn mounts(cx: &mut Context<'_>, container: &Fields<'_, '_>, volumes: &Volumes<'_>) -> Vec<Mount> {
    let list_path = container.path.field("volumeMounts");
    let mut mounts: Vec<Mount> = Vec::new();
    for (index, node) in container.list(cx, "volumeMounts", "v1.VolumeMount").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- name: data` and `mountPath: /data`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::VOLUME_MOUNT, example) else { continue };
        let name = fields.required(cx, "name", codes::REQUIRED, "say which volume: add `name: data`");
        let volume = name.and_then(|name| {
            let found = volumes.names.iter().position(|other| *other == name);
            if found.is_none() {
                let known = volumes.names.iter().copied().filter(|name| !name.is_empty());
                let help = match did_you_mean(name, known.clone()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None if known.clone().next().is_none() => {
                        format!(
                            "the pod has no volumes: add `volumes: [{{name: {name}, emptyDir: {{}}}}]` under `spec:`"
                        )
                    }
                    None => format!(
                        "the pod's volumes are {}: use one of them or add {name} under `spec.volumes`",
                        known.collect::<Vec<_>>().join(", ")
                    ),
                };
                let text = format!("Not found: {}", go_quote(name));
                cx.invalid(
                    codes::UNKNOWN_VOLUME,
                    fields.at("name"),
                    &path.field("name"),
                    &text,
                    "no such volume",
                    &help,
                );
            }
            found
        });
        let help = "say where in the container: add `mountPath: /data`";
        let mount_path = fields.required(cx, "mountPath", codes::REQUIRED, help);
        if let Some(mount_path) = mount_path {
            check_mount_path(cx, mount_path, fields.at("mountPath"), &path, &mounts);
        }
        let sub_path = fields.text(cx, "subPath").unwrap_or("");
        if !sub_path.is_empty() {
            check_inside(cx, sub_path, fields.at("subPath"), &path.field("subPath"));
        }
        let read_only = fields.boolean(cx, "readOnly").unwrap_or(false);
        if let Some(mount_path) = mount_path {
            let volume = volume.and_then(|at| u16::try_from(at).ok()).unwrap_or(0);
            mounts.push(Mount { volume, path: mount_path.into(), sub_path: sub_path.into(), read_only });
        }
    }
    mounts
}

fn check_mount_path(cx: &mut Context<'_>, text: &str, at: At, path: &Path<'_>, before: &[Mount]) {
    let path = path.field("mountPath");
    if before.iter().any(|mount| &*mount.path == text) {
        let message = format!("Invalid value: {}: must be unique", go_quote(text));
        let help = "only one volume can be at a path: choose another mountPath for one of them";
        cx.invalid(codes::DUPLICATE_MOUNT, at, &path, &message, "mounted above already", help);
    }
    if !text.starts_with('/') {
        let message = format!("{path}: {} is not an absolute path", go_quote(text));
        let help = format!("write /{text}: container runtimes take it from the root directory");
        cx.warn(codes::BAD_MOUNT_PATH, at, &message, "does not begin with /", &help);
    }
}

fn check_inside(cx: &mut Context<'_>, text: &str, at: At, path: &Path<'_>) {
    let reason = if text.starts_with('/') {
        "must be a relative path"
    } else if text.split('/').any(|part| part == "..") {
        "must not contain '..'"
    } else {
        return;
    };
    let message = format!("Invalid value: {}: {reason}", go_quote(text));
    let help = "write a path inside the volume, such as conf/app.conf";
    cx.invalid(codes::BAD_SUB_PATH, at, path, &message, "leaves the volume", help);
}
