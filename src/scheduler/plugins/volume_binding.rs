//! Claims against volumes: which free volume each unbound claim would get on a node, and where volumes can be made. Mirrors
//! pkg/scheduler/framework/plugins/volumebinding/{volume_binding,binder}.go (v1.34.1).

use smallvec::SmallVec;

use crate::model::storage::{
    BindingMode, ClaimPhase, CsiDriver, CsiStorageCapacity, PersistentVolumeClaim, StorageClass, TopologyTerm,
};
use crate::model::strings::known;
use crate::model::volume_match::{find_matching_volume, is_reachable};
use crate::model::{ClaimName, NodeLabels, PodVolume, StrId};
use crate::scheduler::framework::{Reason, Reasons};
use crate::scheduler::storage::{PodVolumes, Storage};
use crate::scheduler::volume_reason::VolumeReason;

/// A pod's claims.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// Those that have their volumes.
    bound: SmallVec<[ClaimName; 2]>,
    /// Those that are bound together with the pod.
    delayed: SmallVec<[ClaimName; 2]>,
}

/// What PreFilter says of a pod with `volumes`: `None` if the filter has nothing to look at.
///
/// # Errors
/// The reason why no node can take the pod.
pub fn pre_filter(volumes: &[PodVolume], storage: &Storage) -> Result<Option<Claims>, VolumeReason> {
    for volume in volumes {
        let Some(name) = volume.claim() else { continue };
        let missing = match volume {
            PodVolume::Ephemeral { .. } => VolumeReason::EphemeralClaimMissing(name.name),
            _ => VolumeReason::ClaimNotFound(name.name),
        };
        let claim = storage.claim(name).ok_or(missing)?;
        if claim.phase == ClaimPhase::Lost {
            let volume = claim.volume.unwrap_or(known::EMPTY);
            return Err(VolumeReason::ClaimLost { claim: name.name, volume });
        }
        if claim.is_deleting {
            return Err(VolumeReason::ClaimDeleting(name.name));
        }
        if let PodVolume::Ephemeral { pod, uid, .. } = *volume
            && claim.controller != Some(uid)
        {
            return Err(VolumeReason::ClaimNotOwned { claim: name, pod });
        }
    }
    let mut claims = Claims::default();
    let mut unbound_immediate = false;
    for name in volumes.iter().filter_map(PodVolume::claim) {
        let Some(claim) = storage.claim(name) else { continue };
        if claim.bound_to().is_some() {
            claims.bound.push(name);
        } else if claim.volume.is_none() && is_delayed(claim, storage) {
            claims.delayed.push(name);
        } else {
            unbound_immediate = true;
        }
    }
    if unbound_immediate {
        return Err(VolumeReason::UnboundImmediateClaims);
    }
    Ok((!claims.bound.is_empty() || !claims.delayed.is_empty()).then_some(claims))
}

/// Whether the scheduler binds a claim. One whose class does not exist is not for it.
fn is_delayed(claim: &PersistentVolumeClaim, storage: &Storage) -> bool {
    storage.class(claim.class_name()).is_some_and(|class| class.binding_mode == BindingMode::WaitForFirstConsumer)
}

/// What the pod's claims get on a node.
///
/// # Errors
/// Upstream's reasons, in its order, why the node does not do.
pub fn find(claims: &Claims, storage: &Storage, node: &impl NodeLabels) -> Result<PodVolumes, Reasons> {
    let (mut reasons, mut missing) = (Reasons::new(), false);
    let mut add = |reason| reasons.push(Reason::Volume(reason));
    for name in &claims.bound {
        let bound_to = storage.claim(*name).and_then(PersistentVolumeClaim::bound_to);
        let Some(volume) = bound_to.and_then(|name| storage.volume(name)) else {
            missing = true;
            break;
        };
        if !is_reachable(volume, node) {
            add(VolumeReason::NodeAffinity);
            break;
        }
    }
    let found = bind(&claims.delayed, storage, node).map_err(add);
    if missing {
        reasons.push(Reason::Volume(VolumeReason::VolumesNotFound));
    }
    match found {
        Ok(found) if reasons.is_empty() => Ok(found),
        _ => Err(reasons),
    }
}

fn bind(claims: &[ClaimName], storage: &Storage, node: &impl NodeLabels) -> Result<PodVolumes, VolumeReason> {
    let mut found = PodVolumes::default();
    let mut unmatched: SmallVec<[&PersistentVolumeClaim; 2]> = SmallVec::new();
    for claim in claims.iter().filter_map(|&name| storage.claim(name)) {
        match claim.selected_node {
            Some(selected) if selected != node.name() => return Err(VolumeReason::NothingToBind),
            Some(_) => found.provisions.push(claim.name),
            None => unmatched.push(claim),
        }
    }
    unmatched.sort_by_key(|claim| claim.size());
    let mut taken: SmallVec<[StrId; 2]> = SmallVec::new();
    for claim in unmatched {
        match find_matching_volume(claim, storage.volumes_of(claim.class_name()), Some(node), &taken, true) {
            Some(volume) => {
                taken.push(volume);
                found.bindings.push((claim.name, volume));
            }
            None => found.provisions.push(claim.name),
        }
    }
    for claim in found.provisions.iter().filter_map(|&name| storage.claim(name)) {
        let class = storage.class(claim.class_name()).filter(|class| class.provisions);
        let class = class.ok_or(VolumeReason::NothingToBind)?;
        if !is_allowed(&class.allowed_topologies, node) {
            return Err(VolumeReason::NothingToBind);
        }
        if !has_room(claim, class, storage, node) {
            return Err(VolumeReason::NotEnoughStorage);
        }
    }
    Ok(found)
}

/// Whether a class makes volumes for a node. A term without requirements matches nothing.
fn is_allowed(terms: &[TopologyTerm], node: &impl NodeLabels) -> bool {
    let matches = |(key, values): &(StrId, Box<[StrId]>)| node.label(*key).is_some_and(|value| values.contains(&value));
    terms.is_empty() || terms.iter().any(|term| !term.is_empty() && term.iter().all(matches))
}

/// Whether the provisioner has room for a claim where the node has access, as far as it tells.
fn has_room(claim: &PersistentVolumeClaim, class: &StorageClass, storage: &Storage, node: &impl NodeLabels) -> bool {
    let Some(request) = claim.request else { return true };
    if !storage.csi_driver(class.provisioner).is_some_and(|driver| driver.storage_capacity) {
        return true;
    }
    let has_access = |capacity: &CsiStorageCapacity| {
        let topology = capacity.topology.as_ref();
        topology.is_some_and(|selector| selector.matches_values(|key| node.label(key), |_| None))
    };
    storage
        .capacities_of(class.name)
        .any(|capacity| capacity.limit.is_some_and(|limit| limit >= request.value()) && has_access(capacity))
}

/// Whether a claim that appeared or changed may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_claim(volumes: &[PodVolume], claim: ClaimName) -> bool {
    volumes.iter().any(|volume| volume.claim() == Some(claim))
}

/// Whether a class that appeared (`old` is `None`) or changed may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_class(old: Option<&StorageClass>, new: &StorageClass) -> bool {
    old.is_none_or(|old| old.allowed_topologies != new.allowed_topologies)
}

/// Whether room that appeared (`old` is `None`) or changed may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_capacity(old: Option<&CsiStorageCapacity>, new: &CsiStorageCapacity) -> bool {
    old.is_none_or(|old| new.limit.is_some_and(|new| old.limit.is_none_or(|old| new > old)))
}

/// Whether a driver that no longer looks for room may let a pod fit that this plugin rejected. Only volumes that pods bring
/// themselves count.
#[must_use]
pub fn hint_csi_driver(volumes: &[PodVolume], driver: CsiDriver) -> bool {
    volumes.contains(&PodVolume::Csi(driver.name))
}
