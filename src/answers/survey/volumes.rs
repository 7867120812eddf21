//! What PreFilter says of a pod's volumes, in plain words that say what to create. Knows no rule: the plugins have spoken.

use super::Facts;
use crate::model::{PodVolume, StrId};
use crate::scheduler::framework::Reason;
use crate::scheduler::volume_reason::VolumeReason;

/// What is wrong with the pod as a whole, as the end of a sentence; `None` if upstream's text must do.
pub(super) fn of_pod(reason: Reason, facts: &Facts<'_>) -> Option<String> {
    let Reason::Volume(reason) = reason else { return None };
    let text = |id: StrId| facts.strings.text(id);
    Some(match reason {
        VolumeReason::ClaimNotFound(claim) => {
            let (claim, namespace) = (text(claim), text(facts.spec.namespace));
            format!("there is no PersistentVolumeClaim {claim} in the namespace {namespace}: create it")
        }
        VolumeReason::ClaimLost { claim, volume } => {
            let (claim, volume) = (text(claim), text(volume));
            format!(
                "its PersistentVolumeClaim {claim} was bound to the PersistentVolume {volume}, which is gone: create \
                 the claim anew"
            )
        }
        VolumeReason::ClaimDeleting(claim) => {
            format!("its PersistentVolumeClaim {} is being deleted: create it anew", text(claim))
        }
        VolumeReason::VolumeNotFound(volume) => {
            format!("there is no PersistentVolume {}, which its claim is bound to: create it", text(volume))
        }
        VolumeReason::ClassNotFound(class) => {
            format!("there is no StorageClass {}, which its claim asks for: create it", text(class))
        }
        VolumeReason::UnboundImmediateClaims => unbound(facts)?,
        _ => return None,
    })
}

/// The claims that are not bound, and what would bind them.
fn unbound(facts: &Facts<'_>) -> Option<String> {
    let storage = facts.view.storage();
    let claims = facts.spec.volumes.iter().filter_map(PodVolume::claim).filter_map(|name| storage.claim(name));
    let unbound: Vec<String> = claims
        .filter(|claim| claim.bound_to().is_none())
        .map(|claim| {
            let name = facts.strings.text(claim.name.name);
            let class = facts.strings.text(claim.class_name());
            match storage.class(claim.class_name()) {
                _ if class.is_empty() => format!("{name}: create a PersistentVolume without a class for it"),
                None => format!("{name}: create the StorageClass {class}, or a PersistentVolume of this class"),
                Some(_) => format!("{name}: create a PersistentVolume of the class {class} for it"),
            }
        })
        .collect();
    (!unbound.is_empty()).then(|| format!("it has unbound immediate PersistentVolumeClaims ({})", unbound.join("; ")))
}
