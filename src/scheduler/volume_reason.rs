//! What the plugins for volumes say, and upstream's texts. Mirrors the errors of
//! pkg/scheduler/framework/plugins/{volumerestrictions,nodevolumelimits,volumebinding,volumezone} (v1.34.1). Knows no cluster.

use super::framework::{Plugin, Reason, Verdict};
use crate::model::{ClaimName, StrId, Strings};

/// Why volumes keep a pod off a node, or off every node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VolumeReason {
    /// The pod's claim does not exist. The first plugin that looks for it says so of the pod.
    ClaimNotFound(StrId),
    /// A disk that the pod wants is in use by a pod on the node.
    DiskConflict,
    /// A claim for one pod at a time is in use.
    ReadWriteOncePod,
    /// The node would have more volumes than its driver attaches.
    Limit,
    /// The claim does not exist, which no plugin noticed before NodeVolumeLimits counted.
    LookingUpClaim(ClaimName),
    /// The claim of a generic ephemeral volume does not exist yet. Said of the pod.
    EphemeralClaimMissing(StrId),
    /// The volume that the claim was bound to is gone. Said of the pod.
    ClaimLost {
        /// The claim.
        claim: StrId,
        /// The volume, or the empty string.
        volume: StrId,
    },
    /// The claim is being deleted. Said of the pod.
    ClaimDeleting(StrId),
    /// The claim of a generic ephemeral volume belongs to somebody else. Said of the pod.
    ClaimNotOwned {
        /// The claim.
        claim: ClaimName,
        /// The pod.
        pod: StrId,
    },
    /// A claim is not bound that must be before pods come. Said of the pod.
    UnboundImmediateClaims,
    /// A volume is not for this node.
    NodeAffinity,
    /// No free volume fits a claim, and none can be made.
    NothingToBind,
    /// Too little room to make a volume.
    NotEnoughStorage,
    /// A claim is bound to a volume that does not exist.
    VolumesNotFound,
    /// The node is in another zone than a volume.
    Zone,
    /// A claim is bound to a volume that does not exist. Said of the pod, by VolumeZone.
    VolumeNotFound(StrId),
    /// A claim has neither volume nor class. Said of the pod, by VolumeZone.
    ClaimWithoutClass,
    /// A claim's class does not exist. Said of the pod, by VolumeZone.
    ClassNotFound(StrId),
    /// A claim should be bound but is not. Said of the pod, by VolumeZone.
    ClaimNotBound,
}

impl VolumeReason {
    /// The plugin that gives it, in the default profile.
    #[must_use]
    pub const fn plugin(self) -> Plugin {
        match self {
            Self::ClaimNotFound(_) | Self::DiskConflict | Self::ReadWriteOncePod => Plugin::VolumeRestrictions,
            Self::Limit | Self::LookingUpClaim(_) => Plugin::NodeVolumeLimits,
            Self::EphemeralClaimMissing(_)
            | Self::ClaimLost { .. }
            | Self::ClaimDeleting(_)
            | Self::ClaimNotOwned { .. }
            | Self::UnboundImmediateClaims
            | Self::NodeAffinity
            | Self::NothingToBind
            | Self::NotEnoughStorage
            | Self::VolumesNotFound => Plugin::VolumeBinding,
            Self::Zone
            | Self::VolumeNotFound(_)
            | Self::ClaimWithoutClass
            | Self::ClassNotFound(_)
            | Self::ClaimNotBound => Plugin::VolumeZone,
        }
    }

    /// No, whoever is evicted.
    #[must_use]
    pub fn unresolvable(self) -> Verdict {
        Verdict::unresolvable(Reason::Volume(self))
    }

    /// No, unless somebody is evicted.
    #[must_use]
    pub fn unschedulable(self) -> Verdict {
        Verdict::unschedulable(Reason::Volume(self))
    }

    /// Upstream's text.
    #[must_use]
    pub fn text(self, strings: &Strings) -> String {
        let text = |id| strings.text(id);
        let fixed = match self {
            Self::ClaimNotFound(claim) => return format!("persistentvolumeclaim \"{}\" not found", text(claim)),
            Self::LookingUpClaim(ClaimName { namespace, name }) => {
                let (namespace, name) = (text(namespace), text(name));
                return format!("looking up PVC {namespace}/{name}: persistentvolumeclaim \"{name}\" not found");
            }
            Self::EphemeralClaimMissing(claim) => {
                let claim = text(claim);
                return format!(
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim \"{claim}\""
                );
            }
            Self::ClaimLost { claim, volume } => {
                let (claim, volume) = (text(claim), text(volume));
                return format!(
                    "persistentvolumeclaim \"{claim}\" bound to non-existent persistentvolume \"{volume}\""
                );
            }
            Self::ClaimDeleting(claim) => return format!("persistentvolumeclaim \"{}\" is being deleted", text(claim)),
            Self::ClaimNotOwned { claim: ClaimName { namespace, name }, pod } => {
                let (namespace, name, pod) = (text(namespace), text(name), text(pod));
                return format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)");
            }
            Self::VolumeNotFound(volume) => return format!("persistentvolume \"{}\" not found", text(volume)),
            Self::ClassNotFound(class) => {
                return format!("storageclass.storage.k8s.io \"{}\" not found", text(class));
            }
            Self::DiskConflict => "node(s) had no available disk",
            Self::ReadWriteOncePod => {
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
                 another pod"
            }
            Self::Limit => "node(s) exceed max volume count",
            Self::UnboundImmediateClaims => "pod has unbound immediate PersistentVolumeClaims",
            Self::NodeAffinity => "node(s) didn't match PersistentVolume's node affinity",
            Self::NothingToBind => "node(s) didn't find available persistent volumes to bind",
            Self::NotEnoughStorage => "node(s) did not have enough free storage",
            Self::VolumesNotFound => "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            Self::Zone => "node(s) had no available volume zone",
            Self::ClaimWithoutClass => "PersistentVolumeClaim had no pv name and storageClass name",
            Self::ClaimNotBound => "PersistentVolume had no name",
        };
        fixed.to_owned()
    }
}
