//! The volume sources that rules of the scheduler read, in pods and in PersistentVolumes, and how the CSI drivers that took
//! over in-tree plugins name those volumes. Mirrors the checks of volume sources in
//! pkg/apis/core/validation/validation.go and staging/src/k8s.io/csi-translation-lib/plugins, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::schema;
use super::tree::Entry;
use crate::model::StrId;
use crate::model::storage::CsiHandle;

/// In-tree plugins and the CSI drivers that took them over for good.
pub(super) const MIGRATED: &[(&str, &str)] = &[
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
];

/// A volume source that was read.
pub(super) enum Source {
    /// `gcePersistentDisk`.
    Gce { disk: StrId, read_only: bool, csi: CsiHandle },
    /// `awsElasticBlockStore`.
    Ebs { volume: StrId, csi: CsiHandle },
    /// `iscsi`.
    Iscsi { iqn: StrId, read_only: bool },
    /// `rbd`.
    Rbd { monitors: Box<[StrId]>, pool: StrId, image: StrId, read_only: bool },
    /// `azureDisk` or `cinder`.
    Migrated(CsiHandle),
}

/// Whether [`read`] knows a source.
pub(super) fn is_read(name: &str) -> bool {
    matches!(name, "gcePersistentDisk" | "awsElasticBlockStore" | "iscsi" | "rbd" | "azureDisk" | "cinder")
}

/// Reads a source of this name. `zones` is what the labels of a PersistentVolume say, zones apart by `__`.
pub(super) fn read(
    cx: &mut Context<'_>,
    name: &str,
    entry: &Entry<'_>,
    path: &Path<'_>,
    zones: &str,
) -> Option<Source> {
    let schema = match name {
        "gcePersistentDisk" => &schema::GCE_DISK,
        "awsElasticBlockStore" => &schema::EBS_VOLUME,
        "iscsi" => &schema::ISCSI_VOLUME,
        "rbd" => &schema::RBD_VOLUME,
        "azureDisk" => &schema::AZURE_DISK,
        _ => &schema::CINDER_VOLUME,
    };
    let fields = cx.fields(&entry.value, entry.key_at, path, schema, "")?;
    let read_only = |cx: &mut Context<'_>| fields.boolean(cx, "readOnly").unwrap_or(false);
    Some(match name {
        "gcePersistentDisk" => {
            let disk = required(cx, &fields, "pdName")?;
            let csi = csi(cx, 1, &gce_handle(disk, zones));
            Source::Gce { disk: cx.words.strings.intern(disk), read_only: read_only(cx), csi }
        }
        "awsElasticBlockStore" => {
            let volume = required(cx, &fields, "volumeID")?;
            let id = volume.strip_prefix("aws://").and_then(|rest| rest.rsplit('/').next()).unwrap_or(volume);
            Source::Ebs { volume: cx.words.strings.intern(volume), csi: csi(cx, 0, id) }
        }
        "iscsi" => {
            let iqn = required(cx, &fields, "iqn")?;
            Source::Iscsi { iqn: cx.words.strings.intern(iqn), read_only: read_only(cx) }
        }
        "rbd" => rbd(cx, &fields)?,
        "azureDisk" => {
            let uri = required(cx, &fields, "diskURI")?;
            Source::Migrated(csi(cx, 2, uri))
        }
        _ => {
            let volume = required(cx, &fields, "volumeID")?;
            Source::Migrated(csi(cx, 3, volume))
        }
    })
}

fn required<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, name: &'static str) -> Option<&'t str> {
    fields.required(cx, name, codes::REQUIRED, &format!("say which one it is: add `{name}:`"))
}

fn csi(cx: &mut Context<'_>, plugin: usize, handle: &str) -> CsiHandle {
    let strings = &mut cx.words.strings;
    CsiHandle { driver: strings.intern(MIGRATED[plugin].1), handle: strings.intern(handle) }
}

/// A disk of several zones is a regional one.
fn gce_handle(disk: &str, zones: &str) -> String {
    let zones: Vec<&str> = zones.split("__").collect();
    match zones[..] {
        [""] => format!("projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{disk}"),
        [zone] => format!("projects/UNSPECIFIED/zones/{zone}/disks/{disk}"),
        _ => {
            let region = zones[0].rsplit_once('-').map_or(zones[0], |(region, _)| region);
            format!("projects/UNSPECIFIED/regions/{region}/disks/{disk}")
        }
    }
}

fn rbd(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Option<Source> {
    let path = fields.path.field("monitors");
    let mut monitors = Vec::new();
    for (index, node) in fields.list(cx, "monitors", "string").iter().enumerate() {
        let monitor = cx.text(node, &path.index(index), "RBDVolumeSource", "string").unwrap_or("");
        monitors.push(cx.words.strings.intern(monitor));
    }
    if monitors.is_empty() {
        let help = "name the Ceph monitors: add `monitors: [\"10.1.0.1:6789\"]`";
        cx.invalid(codes::REQUIRED, fields.at("monitors"), &path, "Required value", "no monitors", help);
    }
    let image = required(cx, fields, "image")?;
    let pool = fields.text(cx, "pool").filter(|pool| !pool.is_empty()).unwrap_or("rbd");
    let read_only = fields.boolean(cx, "readOnly").unwrap_or(false);
    let strings = &mut cx.words.strings;
    Some(Source::Rbd { monitors: monitors.into(), pool: strings.intern(pool), image: strings.intern(image), read_only })
}
