//! The storage objects as far as the scheduler has seen them, and what it assumes of those that it is about to bind. Knows no
//! pod, no node and no rule. Mirrors the listers of the volume plugins and
//! pkg/scheduler/framework/plugins/volumebinding/assume_cache.go (v1.34.1).

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::model::StrId;
use crate::model::storage::{
    ClaimName, ClaimRef, CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass,
    StorageObjects, VolumeAttachment,
};

type Named<K, T> = IndexMap<K, T, FxBuildHasher>;

/// Storage objects by name, in order of appearance.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    volumes: Named<StrId, PersistentVolume>,
    claims: Named<ClaimName, PersistentVolumeClaim>,
    classes: Named<StrId, StorageClass>,
    csi_nodes: Named<StrId, CsiNode>,
    csi_drivers: Named<StrId, CsiDriver>,
    capacities: Named<ClaimName, CsiStorageCapacity>,
    attachments: Named<StrId, VolumeAttachment>,
    /// What assumed volumes were bound to before. Never iterated.
    assumed_volumes: FxHashMap<StrId, Option<ClaimRef>>,
    /// The nodes that assumed claims were selected for before. Never iterated.
    assumed_claims: FxHashMap<ClaimName, Option<StrId>>,
}

/// What has to be done for a pod's claims before the pod can be bound.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodVolumes {
    /// Claims and the free volumes that they get.
    pub bindings: Vec<(ClaimName, StrId)>,
    /// Claims for which volumes are made.
    pub provisions: Vec<ClaimName>,
}

impl PodVolumes {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty() && self.provisions.is_empty()
    }
}

impl Storage {
    /// These objects.
    #[must_use]
    pub fn new(objects: StorageObjects) -> Self {
        Self {
            volumes: objects.volumes.into_iter().map(|volume| (volume.name, volume)).collect(),
            claims: objects.claims.into_iter().map(|claim| (claim.name, claim)).collect(),
            classes: objects.classes.into_iter().map(|class| (class.name, class)).collect(),
            csi_nodes: objects.csi_nodes.into_iter().map(|node| (node.node, node)).collect(),
            csi_drivers: objects.csi_drivers.into_iter().map(|driver| (driver.name, driver)).collect(),
            capacities: objects.capacities.into_iter().map(|capacity| (capacity.name, capacity)).collect(),
            attachments: objects.attachments.into_iter().map(|attachment| (attachment.name, attachment)).collect(),
            ..Self::default()
        }
    }

    /// A claim.
    #[must_use]
    pub fn claim(&self, name: ClaimName) -> Option<&PersistentVolumeClaim> {
        self.claims.get(&name)
    }

    /// A volume.
    #[must_use]
    pub fn volume(&self, name: StrId) -> Option<&PersistentVolume> {
        self.volumes.get(&name)
    }

    /// All volumes of a class.
    pub fn volumes_of(&self, class: StrId) -> impl Iterator<Item = &PersistentVolume> {
        self.volumes.values().filter(move |volume| volume.class == class)
    }

    /// A class.
    #[must_use]
    pub fn class(&self, name: StrId) -> Option<&StorageClass> {
        self.classes.get(&name)
    }

    /// What the drivers on a node say.
    #[must_use]
    pub fn csi_node(&self, node: StrId) -> Option<&CsiNode> {
        self.csi_nodes.get(&node)
    }

    /// A driver.
    #[must_use]
    pub fn csi_driver(&self, name: StrId) -> Option<&CsiDriver> {
        self.csi_drivers.get(&name)
    }

    /// How much room a class has where.
    pub fn capacities_of(&self, class: StrId) -> impl Iterator<Item = &CsiStorageCapacity> {
        self.capacities.values().filter(move |capacity| capacity.class == class)
    }

    /// What is attached to a node.
    pub fn attachments_of(&self, node: StrId) -> impl Iterator<Item = &VolumeAttachment> {
        self.attachments.values().filter(move |attachment| attachment.node == node)
    }

    /// A claim appeared or changed. Returns what it was.
    pub fn set_claim(&mut self, claim: PersistentVolumeClaim) -> Option<PersistentVolumeClaim> {
        self.assumed_claims.remove(&claim.name);
        self.claims.insert(claim.name, claim)
    }

    /// A claim is gone.
    pub fn remove_claim(&mut self, name: ClaimName) {
        self.assumed_claims.remove(&name);
        self.claims.shift_remove(&name);
    }

    /// A volume appeared or changed. Returns what it was.
    pub fn set_volume(&mut self, volume: PersistentVolume) -> Option<PersistentVolume> {
        self.assumed_volumes.remove(&volume.name);
        self.volumes.insert(volume.name, volume)
    }

    /// A volume is gone.
    pub fn remove_volume(&mut self, name: StrId) {
        self.assumed_volumes.remove(&name);
        self.volumes.shift_remove(&name);
    }

    /// A pod is about to be bound to `node` with these volumes: nobody else gets them.
    pub fn assume(&mut self, volumes: &PodVolumes, node: StrId) {
        for &(name, volume) in &volumes.bindings {
            let (Some(claim), Some(volume)) = (self.claims.get(&name), self.volumes.get_mut(&volume)) else { continue };
            let bound = Some(ClaimRef { claim: name, uid: claim.uid });
            let before = std::mem::replace(&mut volume.claim, bound);
            self.assumed_volumes.entry(volume.name).or_insert(before);
        }
        for &name in &volumes.provisions {
            let Some(claim) = self.claims.get_mut(&name) else { continue };
            let before = claim.selected_node.replace(node);
            self.assumed_claims.entry(name).or_insert(before);
        }
    }

    /// The pod will not be bound after all: whatever was not written yet is as before.
    pub fn forget(&mut self, volumes: &PodVolumes) {
        for &(_, name) in &volumes.bindings {
            if let Some(before) = self.assumed_volumes.remove(&name)
                && let Some(volume) = self.volumes.get_mut(&name)
            {
                volume.claim = before;
            }
        }
        for &name in &volumes.provisions {
            if let Some(before) = self.assumed_claims.remove(&name)
                && let Some(claim) = self.claims.get_mut(&name)
            {
                claim.selected_node = before;
            }
        }
    }
}
