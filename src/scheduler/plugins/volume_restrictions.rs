//! Volumes that one pod, or the pods of one node, may use at a time. Mirrors
//! pkg/scheduler/framework/plugins/volumerestrictions/volume_restrictions.go (v1.34.1).

use smallvec::SmallVec;

use crate::model::storage::AccessModes;
use crate::model::{ClaimName, PodVolume, StrId};
use crate::scheduler::framework::Verdict;
use crate::scheduler::storage::Storage;
use crate::scheduler::volume_reason::VolumeReason;

/// What PreFilter found out for a pod that the filter has to look at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// The names of the pod's claims that are for one pod at a time.
    claims: SmallVec<[StrId; 1]>,
    /// How many uses of them are in the way.
    conflicts: i64,
}

/// What PreFilter says of a pod with `volumes`: `None` if the filter has nothing to look at. `is_used` tells whether a pod on
/// some node uses a claim.
///
/// # Errors
/// The reason why no node can take the pod.
pub fn pre_filter(
    volumes: &[PodVolume],
    storage: &Storage,
    is_used: impl Fn(ClaimName) -> bool,
) -> Result<Option<State>, VolumeReason> {
    let mut state = State::default();
    for volume in volumes {
        let PodVolume::Claim(name) = *volume else { continue };
        let claim = storage.claim(name).ok_or(VolumeReason::ClaimNotFound(name.name))?;
        if claim.access_modes.contains(AccessModes::READ_WRITE_ONCE_POD) && !state.claims.contains(&name.name) {
            state.claims.push(name.name);
            state.conflicts += i64::from(is_used(name));
        }
    }
    let has_disks = volumes.iter().any(is_disk);
    Ok((has_disks || state.conflicts > 0).then_some(state))
}

impl State {
    /// A pod with `volumes` is put on a node (`sign` 1) or taken off it (-1). As upstream, names are compared without
    /// namespaces.
    pub fn count(&mut self, volumes: &[PodVolume], sign: i64) {
        let is_same =
            |volume: &&PodVolume| matches!(volume, PodVolume::Claim(name) if self.claims.contains(&name.name));
        let uses = volumes.iter().filter(is_same).count();
        self.conflicts += sign * i64::try_from(uses).unwrap_or(i64::MAX);
    }

    /// Whether a pod with `volumes` can go to the node where pods have the volumes `there`.
    #[must_use]
    pub fn filter<'v>(&self, volumes: &[PodVolume], mut there: impl Iterator<Item = &'v PodVolume>) -> Verdict {
        if there.any(|used| volumes.iter().any(|volume| is_conflict(volume, used))) {
            return VolumeReason::DiskConflict.unschedulable();
        }
        if self.conflicts > 0 {
            return VolumeReason::ReadWriteOncePod.unschedulable();
        }
        Verdict::Fits
    }
}

/// Whether the volume is a disk that pods of a node may not share as they like.
const fn is_disk(volume: &PodVolume) -> bool {
    matches!(
        volume,
        PodVolume::GcePersistentDisk { .. }
            | PodVolume::AwsElasticBlockStore { .. }
            | PodVolume::Iscsi { .. }
            | PodVolume::Rbd { .. }
    )
}

/// Whether two pods with these volumes cannot be on one node. EBS volumes are never shared, the others for reading only.
fn is_conflict(a: &PodVolume, b: &PodVolume) -> bool {
    use PodVolume::{AwsElasticBlockStore as Ebs, GcePersistentDisk as Gce, Iscsi, Rbd};
    match (a, b) {
        (Gce { disk: a, read_only: ra, .. }, Gce { disk: b, read_only: rb, .. })
        | (Iscsi { iqn: a, read_only: ra }, Iscsi { iqn: b, read_only: rb }) => a == b && !(*ra && *rb),
        (Ebs { volume: a, .. }, Ebs { volume: b, .. }) => a == b,
        (
            Rbd { monitors: ma, pool: pa, image: ia, read_only: ra },
            Rbd { monitors: mb, pool: pb, image: ib, read_only: rb },
        ) => pa == pb && ia == ib && ma.iter().any(|monitor| mb.contains(monitor)) && !(*ra && *rb),
        _ => false,
    }
}

/// Whether a pod that is gone from its node may let one that this plugin rejected fit. They must be of one namespace.
#[must_use]
pub fn hint_pod_deleted(volumes: &[PodVolume], gone: &[PodVolume]) -> bool {
    gone.iter().any(|gone| {
        let shares_claim =
            |volume: &PodVolume| matches!((volume, gone), (PodVolume::Claim(a), PodVolume::Claim(b)) if a == b);
        volumes.iter().any(|volume| is_conflict(volume, gone) || shares_claim(volume))
    })
}

/// Whether a claim that appeared may let a pod fit that this plugin rejected.
#[must_use]
pub fn hint_claim_added(volumes: &[PodVolume], claim: ClaimName) -> bool {
    volumes.contains(&PodVolume::Claim(claim))
}
