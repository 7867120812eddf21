//! Zones and regions that the labels of volumes say. Mirrors
//! pkg/scheduler/framework/plugins/volumezone/volume_zone.go (v1.34.1).

use crate::model::storage::{BindingMode, PersistentVolume, StorageClass};
use crate::model::strings::known;
use crate::model::{ClaimName, PodVolume, StrId};
use crate::scheduler::framework::Verdict;
use crate::scheduler::storage::Storage;
use crate::scheduler::volume_reason::VolumeReason;

/// A label and the values that a node may have there.
pub type Topology<'s> = (StrId, &'s [StrId]);

const LABELS: [StrId; 4] = [known::LABEL_ZONE_BETA, known::LABEL_REGION_BETA, known::LABEL_ZONE, known::LABEL_REGION];

/// What the labels of the volumes behind a pod's claims ask for; nothing: the filter has nothing to look at.
///
/// # Errors
/// The reason why no node can take the pod.
pub fn pre_filter<'s>(volumes: &[PodVolume], storage: &'s Storage) -> Result<Vec<Topology<'s>>, VolumeReason> {
    let mut topologies = Vec::new();
    for volume in volumes {
        let PodVolume::Claim(name) = *volume else { continue };
        let claim = storage.claim(name).ok_or(VolumeReason::ClaimNotFound(name.name))?;
        if let Some(volume) = claim.volume {
            let volume = storage.volume(volume).ok_or(VolumeReason::VolumeNotFound(volume))?;
            topologies.extend(volume.zones.iter().map(|(key, values)| (*key, &**values)));
            continue;
        }
        let class = claim.class_name();
        if class == known::EMPTY {
            return Err(VolumeReason::ClaimWithoutClass);
        }
        let class = storage.class(class).ok_or(VolumeReason::ClassNotFound(class))?;
        if class.binding_mode != BindingMode::WaitForFirstConsumer {
            return Err(VolumeReason::ClaimNotBound);
        }
    }
    Ok(topologies)
}

/// Whether a node's labels are among what the volumes ask for. Nodes without any such label take every volume.
#[must_use]
pub fn filter(topologies: &[Topology<'_>], label: impl Fn(StrId) -> Option<StrId>) -> Verdict {
    if LABELS.iter().all(|&key| label(key).is_none()) {
        return Verdict::Fits;
    }
    let matches = |&(key, values): &Topology<'_>| {
        let value = label(key).or_else(|| label(ga(key)));
        value.is_some_and(|value| values.contains(&value))
    };
    if topologies.iter().all(matches) { Verdict::Fits } else { VolumeReason::Zone.unresolvable() }
}

/// The label that took a beta label's place.
const fn ga(key: StrId) -> StrId {
    match key {
        known::LABEL_ZONE_BETA => known::LABEL_ZONE,
        known::LABEL_REGION_BETA => known::LABEL_REGION,
        key => key,
    }
}

/// Whether a class that appeared may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_class_added(class: &StorageClass) -> bool {
    class.binding_mode == BindingMode::WaitForFirstConsumer
}

/// Whether a claim that appeared or changed may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_claim(volumes: &[PodVolume], claim: ClaimName) -> bool {
    volumes.contains(&PodVolume::Claim(claim))
}

/// Whether a volume that appeared (`old` is `None`) or changed may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_volume(old: Option<&PersistentVolume>, new: &PersistentVolume) -> bool {
    old.is_none_or(|old| old.zones != new.zones)
}
