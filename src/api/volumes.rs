//! Storage objects as the API server holds them: what users may change of claims and volumes, and what protects both from
//! vanishing while they are in use. Mirrors ValidatePersistentVolumeClaimUpdate of pkg/apis/core/validation/validation.go and
//! plugin/pkg/admission/storage/{persistentvolume/resize,storageobjectinuseprotection}, v1.34 (spec 3.5).

use rustc_hash::FxHashMap;

use super::log::Change;
use super::request::Rejection;
use crate::base::SimTime;
use crate::model::storage::{ClaimPhase, PersistentVolume, PersistentVolumeClaim};
use crate::model::{ClaimName, StorageKey, StorageObject, StorageSet};

/// When a storage object appeared, and when its deletion was requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StorageTimes {
    /// `metadata.creationTimestamp`.
    pub created: SimTime,
    /// `metadata.deletionTimestamp`.
    pub deleting: Option<SimTime>,
}

/// Claims, volumes, storage classes and drivers.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    pub(super) set: StorageSet,
    /// Never iterated.
    times: FxHashMap<StorageKey, StorageTimes>,
    /// How often a claim of this name went. Never iterated.
    gone: FxHashMap<ClaimName, u32>,
}

impl Volumes {
    pub(super) fn times(&self, key: StorageKey) -> Option<StorageTimes> {
        self.times.get(&key).copied()
    }

    pub(super) fn gone(&self, claim: ClaimName) -> u32 {
        self.gone.get(&claim).copied().unwrap_or(0)
    }

    /// An object as a component writes it.
    pub(super) fn put(&mut self, now: SimTime, object: &StorageObject) -> Result<Change, Rejection> {
        let key = object.key();
        if self.set.get(key).as_ref() == Some(object) {
            return Err(Rejection::Conflict("nothing changed"));
        }
        self.times.entry(key).or_insert(StorageTimes { created: now, deleting: None });
        self.set.put(object.clone());
        Ok(Change::Storage(key))
    }

    /// What becomes of an object that a user writes: status and binding are not his to change.
    pub(super) fn merged(&self, object: &StorageObject) -> Result<StorageObject, Rejection> {
        Ok(match (object, self.set.get(object.key())) {
            (StorageObject::Claim(new), Some(StorageObject::Claim(old))) => {
                let expands = self.set.class(old.class_name()).is_some_and(|class| class.expands);
                StorageObject::Claim(updated_claim(&old, new, expands)?)
            }
            (StorageObject::Volume(new), Some(StorageObject::Volume(old))) => {
                let claim = new.claim.or(old.claim);
                let (phase, is_deleting) = (old.phase, old.is_deleting);
                StorageObject::Volume(PersistentVolume { claim, phase, is_deleting, ..new.clone() })
            }
            _ => object.clone(),
        })
    }

    /// Deletion is requested. Claims and volumes are only marked: who protects them lets them go.
    pub(super) fn delete(&mut self, now: SimTime, key: StorageKey) -> Result<Change, Rejection> {
        let mark = match key {
            StorageKey::Claim(name) => self.set.claim_mut(name).map(|claim| &mut claim.is_deleting),
            StorageKey::Volume(name) => self.set.volume_mut(name).map(|volume| &mut volume.is_deleting),
            _ => return self.remove(key),
        };
        if std::mem::replace(mark.ok_or(Rejection::NotFound)?, true) {
            return Err(Rejection::Conflict("it is being deleted"));
        }
        if let Some(times) = self.times.get_mut(&key) {
            times.deleting = Some(now);
        }
        Ok(Change::Storage(key))
    }

    /// Nothing holds an object any more.
    pub(super) fn remove(&mut self, key: StorageKey) -> Result<Change, Rejection> {
        self.set.remove(key).ok_or(Rejection::NotFound)?;
        self.times.remove(&key);
        if let StorageKey::Claim(name) = key {
            *self.gone.entry(name).or_default() += 1;
        }
        Ok(Change::Storage(key))
    }
}

/// A claim after a user wrote it anew: only its size and its attributes may change, and only of a bound one; it never shrinks,
/// and grows if its class `expands`.
///
/// # Errors
/// Why it is refused.
pub fn updated_claim(
    old: &PersistentVolumeClaim,
    new: &PersistentVolumeClaim,
    expands: bool,
) -> Result<PersistentVolumeClaim, Rejection> {
    let bound = old.phase == ClaimPhase::Bound;
    let same = old.access_modes == new.access_modes
        && (new.class.is_none() || old.class == new.class)
        && old.selector == new.selector
        && old.mode == new.mode
        && (new.volume.is_none() || old.volume == new.volume)
        && (bound || (old.request == new.request && old.attributes_class == new.attributes_class));
    if !same {
        return Err(Rejection::Conflict(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
    if new.size() < old.size() {
        return Err(Rejection::Conflict("field can not be less than status.capacity"));
    }
    if new.size() > old.size() && !expands {
        return Err(Rejection::Conflict(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
        ));
    }
    Ok(PersistentVolumeClaim { request: new.request, attributes_class: new.attributes_class, ..old.clone() })
}
