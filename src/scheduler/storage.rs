//! The storage objects as far as the scheduler has seen them, and what it assumes of those that it is about to bind. Knows no
//! pod, no node and no rule. Mirrors pkg/scheduler/framework/plugins/volumebinding/assume_cache.go (v1.34.1).

use rustc_hash::FxHashMap;

use crate::model::storage::{ClaimName, ClaimRef};
use crate::model::{StorageKey, StorageObject, StorageSet, StrId};

/// Storage objects, with assumptions.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    set: StorageSet,
    /// What assumed volumes were bound to before. Never iterated.
    volumes: FxHashMap<StrId, Option<ClaimRef>>,
    /// The nodes that assumed claims were selected for before. Never iterated.
    claims: FxHashMap<ClaimName, Option<StrId>>,
}

impl std::ops::Deref for Storage {
    type Target = StorageSet;

    fn deref(&self) -> &StorageSet {
        &self.set
    }
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
    pub fn new(set: StorageSet) -> Self {
        Self { set, ..Self::default() }
    }

    /// An object appeared or changed: what was assumed of it is known now. Returns what it was.
    pub fn put(&mut self, object: StorageObject) -> Option<StorageObject> {
        match object.key() {
            StorageKey::Volume(name) => drop(self.volumes.remove(&name)),
            StorageKey::Claim(name) => drop(self.claims.remove(&name)),
            _ => {}
        }
        self.set.put(object)
    }

    /// An object is gone, with what was assumed of it. Returns what it was.
    pub fn remove(&mut self, key: StorageKey) -> Option<StorageObject> {
        match key {
            StorageKey::Volume(name) => drop(self.volumes.remove(&name)),
            StorageKey::Claim(name) => drop(self.claims.remove(&name)),
            _ => {}
        }
        self.set.remove(key)
    }

    /// A pod is about to be bound to `node` with these volumes: nobody else gets them.
    pub fn assume(&mut self, volumes: &PodVolumes, node: StrId) {
        for &(name, volume) in &volumes.bindings {
            let Some(uid) = self.set.claim(name).map(|claim| claim.uid) else { continue };
            let Some(volume) = self.set.volume_mut(volume) else { continue };
            let before = volume.claim.replace(ClaimRef { claim: name, uid });
            self.volumes.entry(volume.name).or_insert(before);
        }
        for &name in &volumes.provisions {
            let Some(claim) = self.set.claim_mut(name) else { continue };
            let before = claim.selected_node.replace(node);
            self.claims.entry(name).or_insert(before);
        }
    }

    /// The pod will not be bound after all: whatever was not written yet is as before.
    pub fn forget(&mut self, volumes: &PodVolumes) {
        for &(_, name) in &volumes.bindings {
            if let Some(before) = self.volumes.remove(&name)
                && let Some(volume) = self.set.volume_mut(name)
            {
                volume.claim = before;
            }
        }
        for &name in &volumes.provisions {
            if let Some(before) = self.claims.remove(&name)
                && let Some(claim) = self.set.claim_mut(name)
            {
                claim.selected_node = before;
            }
        }
    }
}
