//! Which volume a claim gets: the one rule that the scheduler and the volume controller share. Mirrors
//! staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go (v1.34.1).

use super::ids::StrId;
use super::node_affinity::NodeLabels;
use super::storage::{PersistentVolume, PersistentVolumeClaim, VolumePhase};
use super::strings::known;

/// The volume of `volumes` that a claim gets, without those that are `taken`: the one that is meant for it, else the smallest
/// free one that fits, of equals the first. With a node the volume must be for it; without one, claims whose binding is
/// `delayed` get only volumes that are meant for them.
#[must_use]
pub fn find_matching_volume<'s, N: NodeLabels>(
    claim: &PersistentVolumeClaim,
    volumes: impl Iterator<Item = &'s PersistentVolume>,
    node: Option<&N>,
    taken: &[StrId],
    delayed: bool,
) -> Option<StrId> {
    let is_reachable = |volume: &PersistentVolume| node.is_none_or(|node| is_reachable(volume, node));
    let mut smallest: Option<&PersistentVolume> = None;
    for volume in volumes {
        let is_meant = volume.is_bound_to(claim);
        if taken.contains(&volume.name)
            || (volume.claim.is_some() && !is_meant)
            || volume.capacity < claim.size()
            || volume.mode != claim.mode
            || volume.attributes_class != claim.attributes_class
            || volume.is_deleting
        {
            continue;
        }
        if is_meant {
            return is_reachable(volume).then_some(volume.name);
        }
        if node.is_none() && delayed {
            continue;
        }
        let labels = |key| volume.labels.get(key);
        let is_selected = claim.selector.as_ref().is_none_or(|selector| selector.matches_values(labels, |_| None));
        if volume.phase == VolumePhase::Available
            && volume.class == claim.class_name()
            && is_selected
            && volume.access_modes.contains(claim.access_modes)
            && smallest.is_none_or(|smallest| volume.capacity < smallest.capacity)
            && is_reachable(volume)
        {
            smallest = Some(volume);
        }
    }
    smallest.map(|volume| volume.name)
}

/// The labels of a node without its name: volumes cannot ask for it.
struct Nameless<'a, N>(&'a N);

impl<N: NodeLabels> NodeLabels for Nameless<'_, N> {
    fn name(&self) -> StrId {
        known::EMPTY
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        self.0.label(key)
    }

    fn number(&self, value: StrId) -> Option<i64> {
        self.0.number(value)
    }
}

/// Whether a volume's node affinity matches a node.
#[must_use]
pub fn is_reachable(volume: &PersistentVolume, node: &impl NodeLabels) -> bool {
    let Some(terms) = &volume.node_affinity else { return true };
    terms.iter().any(|term| term.matches(&Nameless(node)))
}
