//! The API server's objects: the first owner of truth. One way to write ([`Cluster::request`]), one change log, a digest
//! folded in at every accepted write. Knows admission, but no component and no policy beyond it.

pub mod admission;
pub mod eviction;
pub mod log;
pub mod nodes;
mod object_requests;
pub mod objects;
mod owners;
pub mod pods;
mod policies;
pub mod request;
pub mod stored;
pub mod volumes;

pub use log::{Change, ChangeLog, Cursor, PodRef, StatusMask};
pub use nodes::{NodeRow, Nodes};
pub use objects::{NewObject, ObjectRow, Objects, Owned, Propagation, Revision, Uncounted};
pub use owners::Tally;
pub use pods::{Pods, Resized};
pub use policies::ResizeAsked;
pub use request::{Op, Rejection};
pub use stored::StatusPatch;
pub use volumes::StorageTimes;

use std::collections::BTreeSet;

use crate::base::{Digest, IdVec, SimTime};
use crate::model::{ClaimName, ConfigId, ServiceId, StorageKey, StorageSet, StrId};

/// Every object of the simulated cluster.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Pods.
    pub(crate) pods: Pods,
    /// Nodes.
    pub(crate) nodes: Nodes,
    /// Objects of controllers.
    pub(crate) objects: Objects,
    /// Keys of the ConfigMaps and Secrets that exist.
    configs: IdVec<ConfigId, Option<Box<[StrId]>>>,
    /// Services of the plan that were deleted.
    services_gone: BTreeSet<ServiceId>,
    /// Claims, volumes, storage classes and drivers.
    volumes: volumes::Volumes,
    log: ChangeLog,
    digest: Digest,
    /// A sum of what is folded in any order.
    unordered: u64,
    resource_version: u64,
}

impl Cluster {
    /// An empty cluster that knows `configs` configuration objects by id.
    #[must_use]
    pub fn new(configs: usize) -> Self {
        Self { configs: (0..configs).map(|_| None).collect(), ..Self::default() }
    }

    /// Pods.
    #[must_use]
    pub const fn pods(&self) -> &Pods {
        &self.pods
    }

    /// Nodes.
    #[must_use]
    pub const fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Objects of controllers.
    #[must_use]
    pub const fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The pods that an object owns, latest first.
    pub fn pods_of(&self, object: crate::model::ObjectId) -> impl Iterator<Item = PodRef> + '_ {
        self.pods.owned_from(self.objects.get(object).first_pod())
    }

    /// The pods that an object owns and that count as replicas, latest first.
    pub fn active_pods_of(&self, object: crate::model::ObjectId) -> impl Iterator<Item = PodRef> + '_ {
        self.pods.active_from(self.objects.get(object).first_pod())
    }

    /// The pods that an object owns, but for those that it has counted after their end; latest first.
    pub fn unsettled_pods_of(&self, object: crate::model::ObjectId) -> impl Iterator<Item = PodRef> + '_ {
        self.pods_of(object).take_while(|pod| !self.pods.settled(pod.pod))
    }

    /// The pods of an object that came, went or changed since this was asked last, some more than once. Only kept for
    /// StatefulSets and Jobs.
    pub fn take_touched(&mut self, object: crate::model::ObjectId) -> Vec<(PodRef, u32)> {
        self.objects.take_touched(object)
    }

    /// The keys of a ConfigMap or Secret, if it exists.
    #[must_use]
    pub fn config(&self, id: ConfigId) -> Option<&[StrId]> {
        self.configs[id].as_deref()
    }

    /// Whether a service of the plan exists.
    #[must_use]
    pub fn has_service(&self, id: ServiceId) -> bool {
        !self.services_gone.contains(&id)
    }

    /// Claims, volumes, storage classes and drivers.
    #[must_use]
    pub const fn storage(&self) -> &StorageSet {
        &self.volumes.set
    }

    /// When a storage object appeared.
    #[must_use]
    pub fn storage_times(&self, key: StorageKey) -> Option<StorageTimes> {
        self.volumes.times(key)
    }

    /// How many claims of this name there were before: what tells their uids apart.
    #[must_use]
    pub fn claims_gone(&self, name: ClaimName) -> u32 {
        self.volumes.gone(name)
    }

    /// The change log.
    #[must_use]
    pub const fn log(&self) -> &ChangeLog {
        &self.log
    }

    /// The change log, to move cursors.
    pub const fn log_mut(&mut self) -> &mut ChangeLog {
        &mut self.log
    }

    /// Fold of every accepted write.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        let mut digest = self.digest;
        if self.unordered != 0 {
            digest.fold(self.unordered);
        }
        digest
    }

    /// Folds runtime state that no write shows into the digest.
    pub const fn fold(&mut self, word: u64) {
        self.digest.fold(word);
    }

    /// The same of what does not depend on when it is folded in.
    pub fn fold_in_any_order(&mut self, words: [u64; 2]) {
        let mut own = Digest::new();
        words.into_iter().for_each(|word| own.fold(word));
        self.unordered = self.unordered.wrapping_add(own.value());
    }

    /// Accepted writes so far.
    #[must_use]
    pub const fn resource_version(&self) -> u64 {
        self.resource_version
    }

    fn accept(&mut self, now: SimTime, change: Change) -> Change {
        if let Change::PodStatus { pod, .. } | Change::PodDeleting { pod, .. } = change {
            self.pods.recount(&mut self.objects, pod);
        }
        self.resource_version += 1;
        self.digest.fold(now.0.cast_unsigned());
        change.fold_into(&mut self.digest);
        self.log.append(now, change);
        change
    }
}
