//! The plugins for volumes in a cycle: what their PreFilters prepare for a pod, and their filters from it. Glue between the
//! view and the plugins' own functions, which hold all rules.

use super::framework::{Plugin, Verdict};
use super::plugins::{node_volume_limits, volume_binding, volume_restrictions, volume_zone};
use super::storage::{PodVolumes, Storage};
use super::tables::{Class, NodeFacts, Tables};
use super::view::View;
use super::volume_reason::VolumeReason;
use crate::model::{ClaimName, ClassId, NodeId, PodVolume};

/// What PreFilter says of a pod of `class`, plugin by plugin.
pub(super) fn pre_filter(view: &View, class: &Class, plugin: Plugin) -> Verdict {
    let volumes = view.tables().volumes(class.volumes);
    if volumes.is_empty() {
        return Verdict::Fits;
    }
    let storage = view.storage();
    let rejection = match plugin {
        Plugin::VolumeRestrictions => volume_restrictions::pre_filter(volumes, storage, |_| false).err(),
        Plugin::VolumeBinding => volume_binding::pre_filter(volumes, storage).err(),
        Plugin::VolumeZone => volume_zone::pre_filter(volumes, storage).err(),
        _ => None,
    };
    rejection.map_or(Verdict::Fits, VolumeReason::unresolvable)
}

/// What a pod's claims get on a node; `None` if the node does not do.
pub(super) fn reserve(view: &View, class: ClassId, node: NodeId) -> Option<PodVolumes> {
    let tables = view.tables();
    let volumes = tables.volumes(tables.class(class).volumes);
    let Some(claims) = volume_binding::pre_filter(volumes, view.storage()).ok()? else {
        return Some(PodVolumes::default());
    };
    let facts = view.facts(node)?;
    volume_binding::find(&claims, view.storage(), &tables.labels_of(facts)).ok()
}

/// What the filters for volumes know of the pod that is asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct State<'a> {
    volumes: &'a [PodVolume],
    restrictions: Option<volume_restrictions::State>,
    claims: Option<volume_binding::Claims>,
    topologies: Vec<volume_zone::Topology<'a>>,
}

impl<'a> State<'a> {
    /// For a pod of `class`. If a PreFilter rejects the pod, its filter has nothing to look at.
    pub(super) fn new(view: &'a View, class: &Class) -> Self {
        let volumes = view.tables().volumes(class.volumes);
        if volumes.is_empty() {
            return Self::default();
        }
        let storage = view.storage();
        let is_used = |claim: ClaimName| {
            let tables = view.tables();
            let mut placed = view.placed_pods().filter(|(_, node, _)| view.facts(*node).is_some());
            placed.any(|(_, _, class)| tables.volumes(tables.class(class).volumes).contains(&PodVolume::Claim(claim)))
        };
        Self {
            volumes,
            restrictions: volume_restrictions::pre_filter(volumes, storage, is_used).ok().flatten(),
            claims: volume_binding::pre_filter(volumes, storage).ok().flatten(),
            topologies: volume_zone::pre_filter(volumes, storage).unwrap_or_default(),
        }
    }

    /// A pod with these volumes is put on a node (`sign` 1) or taken off it (-1).
    pub(super) fn count(&mut self, volumes: &[PodVolume], sign: i64) {
        if let Some(state) = &mut self.restrictions {
            state.count(volumes, sign);
        }
    }

    /// What a plugin says of a node where pods have the volumes `there`.
    pub(super) fn verdict<'v>(
        &self,
        plugin: Plugin,
        storage: &Storage,
        tables: &Tables,
        facts: &NodeFacts,
        there: impl Iterator<Item = &'v PodVolume>,
    ) -> Verdict {
        match plugin {
            Plugin::VolumeRestrictions => {
                self.restrictions.as_ref().map_or(Verdict::Fits, |state| state.filter(self.volumes, there))
            }
            Plugin::NodeVolumeLimits if node_volume_limits::applies(self.volumes) => {
                node_volume_limits::filter(self.volumes, storage, facts.name, there)
            }
            Plugin::VolumeBinding => {
                let found = self.claims.as_ref().map(|claims| {
                    let labels = tables.labels_of(facts);
                    volume_binding::find(claims, storage, &labels)
                });
                found.and_then(Result::err).map_or(Verdict::Fits, Verdict::UnschedulableAndUnresolvable)
            }
            Plugin::VolumeZone if !self.topologies.is_empty() => {
                volume_zone::filter(&self.topologies, |key| tables.label(facts, key))
            }
            _ => Verdict::Fits,
        }
    }
}
