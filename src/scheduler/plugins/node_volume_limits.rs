//! How many volumes the CSI drivers attach to a node. Mirrors
//! pkg/scheduler/framework/plugins/nodevolumelimits/{csi,utils}.go (v1.34.1).

use smallvec::SmallVec;

use crate::model::storage::{CsiHandle, CsiNode, PersistentVolumeClaim, VolumeAttachment, VolumeBacking};
use crate::model::strings::known;
use crate::model::{ClaimName, PodVolume, StrId};
use crate::scheduler::framework::Verdict;
use crate::scheduler::storage::Storage;
use crate::scheduler::volume_reason::VolumeReason;

/// A volume as the drivers tell it from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unique {
    /// It exists.
    Handle(CsiHandle),
    /// It will, for a claim: one for each.
    New(StrId, ClaimName),
}

impl Unique {
    const fn driver(self) -> StrId {
        match self {
            Self::Handle(CsiHandle { driver, .. }) | Self::New(driver, _) => driver,
        }
    }
}

type Volumes = SmallVec<[Unique; 4]>;

/// Whether the filter has anything to look at.
#[must_use]
pub fn applies(volumes: &[PodVolume]) -> bool {
    volumes.iter().any(|volume| volume.claim().is_some() || volume.migrated().is_some())
}

/// Whether a node can attach what a pod with `volumes` needs, next to what its pods have (`there`) and what else is attached.
#[must_use]
pub fn filter<'v>(
    volumes: &[PodVolume],
    storage: &Storage,
    node: StrId,
    there: impl Iterator<Item = &'v PodVolume>,
) -> Verdict {
    let csi_node = storage.csi_node(node);
    let mut new = Volumes::new();
    for volume in volumes {
        match attachable(volume, storage, csi_node) {
            Ok(found) => insert(&mut new, found),
            Err(claim) => return VolumeReason::LookingUpClaim(claim).unresolvable(),
        }
    }
    let Some(csi_node) = csi_node.filter(|csi_node| csi_node.drivers.iter().any(|(_, count)| count.is_some())) else {
        return Verdict::Fits;
    };
    let mut attached = Volumes::new();
    for volume in there {
        insert(&mut attached, attachable(volume, storage, Some(csi_node)).ok().flatten());
    }
    new.retain(|volume| !attached.contains(volume));
    // What is attached for no pod counts as well, and again if this pod is the one that it is attached for.
    let mut others = Volumes::new();
    for attachment in storage.attachments_of(node) {
        insert(&mut others, of_attachment(attachment, storage).filter(|volume| !attached.contains(volume)));
    }
    let count = |volumes: &Volumes, driver: StrId| {
        let count = volumes.iter().filter(|volume| volume.driver() == driver).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    let exceeds = |&(driver, limit): &(StrId, Option<i64>)| {
        let wanted = count(&new, driver);
        limit.is_some_and(|limit| wanted > 0 && count(&attached, driver) + count(&others, driver) + wanted > limit)
    };
    if csi_node.drivers.iter().any(exceeds) { VolumeReason::Limit.unschedulable() } else { Verdict::Fits }
}

fn insert(volumes: &mut Volumes, volume: Option<Unique>) {
    if let Some(volume) = volume.filter(|volume| !volumes.contains(volume)) {
        volumes.push(volume);
    }
}

/// What a driver attaches for a pod's volume. In-tree plugins have drivers only where there is a CSINode.
fn attachable(volume: &PodVolume, storage: &Storage, csi_node: Option<&CsiNode>) -> Result<Option<Unique>, ClaimName> {
    if let Some(handle) = volume.migrated() {
        return Ok(csi_node.map(|_| Unique::Handle(handle)));
    }
    let Some(name) = volume.claim() else { return Ok(None) };
    let claim = storage.claim(name).ok_or(name)?;
    if let PodVolume::Ephemeral { uid, .. } = volume
        && claim.controller != Some(*uid)
    {
        return Ok(None);
    }
    Ok(behind(claim, storage, csi_node))
}

fn behind(claim: &PersistentVolumeClaim, storage: &Storage, csi_node: Option<&CsiNode>) -> Option<Unique> {
    if let Some(volume) = claim.volume.and_then(|name| storage.volume(name)) {
        return match volume.backing {
            VolumeBacking::Csi(handle) => Some(Unique::Handle(handle)),
            VolumeBacking::Migrated(handle) => csi_node.map(|_| Unique::Handle(handle)),
            VolumeBacking::Other => None,
        };
    }
    // A claim without a volume counts as a new one of its class' provisioner.
    let class = storage.class(claim.class_name()).filter(|class| class.name != known::EMPTY)?;
    match class.migrated_to {
        Some(driver) => csi_node.map(|_| Unique::New(driver, claim.name)),
        None => Some(Unique::New(class.provisioner, claim.name)),
    }
}

fn of_attachment(attachment: &VolumeAttachment, storage: &Storage) -> Option<Unique> {
    let volume = storage.volume(attachment.volume()?)?;
    let VolumeBacking::Csi(CsiHandle { handle, .. }) = volume.backing else { return None };
    Some(Unique::Handle(CsiHandle { driver: attachment.attacher, handle }))
}

/// Whether a pod that is gone from its node may let one that this plugin rejected fit.
#[must_use]
pub fn hint_pod_deleted(gone: &[PodVolume]) -> bool {
    applies(gone)
}

/// Whether an attachment by `attacher` that is gone may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_detached(volumes: &[PodVolume], attacher: StrId) -> bool {
    let concerns = |volume: &PodVolume| {
        volume.claim().is_some() || volume.migrated().is_some_and(|handle| handle.driver == attacher)
    };
    volumes.iter().any(concerns)
}

/// Whether a claim that appeared may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_claim_added(volumes: &[PodVolume], claim: ClaimName) -> bool {
    volumes.iter().any(|volume| volume.claim() == Some(claim))
}

/// Whether a CSINode that appeared (`old` is `None`) or changed may let a pod fit that this plugin rejected: a driver attaches
/// more.
#[must_use]
pub fn hint_csi_node(old: Option<&CsiNode>, new: &CsiNode) -> bool {
    let Some(old) = old else { return true };
    let before = |driver: StrId| {
        let entry = old.drivers.iter().find(|(name, _)| *name == driver);
        entry.and_then(|(_, count)| *count).unwrap_or(0)
    };
    new.drivers.iter().any(|&(driver, count)| count.unwrap_or(0) > before(driver))
}
