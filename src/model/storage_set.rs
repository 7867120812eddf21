//! Storage objects by name, in order of appearance: what the API server holds, and what the scheduler has seen of it. Knows no
//! rule.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::ids::StrId;
use super::storage::{
    AttachmentName, ClaimName, CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim,
    StorageClass, StorageObjects, VolumeAttachment,
};
use super::strings::Strings;

type Named<K, T> = IndexMap<K, T, FxBuildHasher>;

/// Storage objects by name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StorageSet {
    volumes: Named<StrId, PersistentVolume>,
    claims: Named<ClaimName, PersistentVolumeClaim>,
    classes: Named<StrId, StorageClass>,
    csi_nodes: Named<StrId, CsiNode>,
    csi_drivers: Named<StrId, CsiDriver>,
    capacities: Named<ClaimName, CsiStorageCapacity>,
    attachments: Named<AttachmentName, VolumeAttachment>,
}

/// Any storage object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StorageObject {
    /// A StorageClass.
    Class(StorageClass),
    /// A CSIDriver.
    CsiDriver(CsiDriver),
    /// A CSINode.
    CsiNode(CsiNode),
    /// A CSIStorageCapacity.
    Capacity(CsiStorageCapacity),
    /// A PersistentVolume.
    Volume(PersistentVolume),
    /// A PersistentVolumeClaim.
    Claim(PersistentVolumeClaim),
    /// A VolumeAttachment.
    Attachment(VolumeAttachment),
}

/// Any storage object by its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StorageKey {
    /// A StorageClass.
    Class(StrId),
    /// A CSIDriver.
    CsiDriver(StrId),
    /// A CSINode.
    CsiNode(StrId),
    /// A CSIStorageCapacity.
    Capacity(ClaimName),
    /// A PersistentVolume.
    Volume(StrId),
    /// A PersistentVolumeClaim.
    Claim(ClaimName),
    /// A VolumeAttachment.
    Attachment(AttachmentName),
}

impl StorageObject {
    /// Its kind and name.
    #[must_use]
    pub const fn key(&self) -> StorageKey {
        match self {
            Self::Class(of) => StorageKey::Class(of.name),
            Self::CsiDriver(of) => StorageKey::CsiDriver(of.name),
            Self::CsiNode(of) => StorageKey::CsiNode(of.node),
            Self::Capacity(of) => StorageKey::Capacity(of.name),
            Self::Volume(of) => StorageKey::Volume(of.name),
            Self::Claim(of) => StorageKey::Claim(of.name),
            Self::Attachment(of) => StorageKey::Attachment(of.name),
        }
    }
}

impl StorageObjects {
    /// All of them: first what others refer to.
    pub fn into_objects(self) -> impl Iterator<Item = StorageObject> {
        let classes = self.classes.into_iter().map(StorageObject::Class);
        let drivers = self.csi_drivers.into_iter().map(StorageObject::CsiDriver);
        let nodes = self.csi_nodes.into_iter().map(StorageObject::CsiNode);
        let capacities = self.capacities.into_iter().map(StorageObject::Capacity);
        let volumes = self.volumes.into_iter().map(StorageObject::Volume);
        let claims = self.claims.into_iter().map(StorageObject::Claim);
        let attachments = self.attachments.into_iter().map(StorageObject::Attachment);
        classes.chain(drivers).chain(nodes).chain(capacities).chain(volumes).chain(claims).chain(attachments)
    }
}

impl StorageSet {
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

    /// The class of claims that name none: of several the first by name.
    #[must_use]
    pub fn default_class(&self, strings: &Strings) -> Option<StrId> {
        let defaults = self.classes.values().filter(|class| class.is_default).map(|class| class.name);
        defaults.min_by_key(|&name| strings.text(name))
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

    /// What is attached, or is to be, of a volume to a node.
    #[must_use]
    pub fn attachment(&self, volume: StrId, node: StrId) -> Option<&VolumeAttachment> {
        self.attachments.get(&AttachmentName::Of { volume, node })
    }

    /// Whether something of a volume is attached, or is to be.
    #[must_use]
    pub fn is_attached(&self, volume: StrId) -> bool {
        self.attachments.values().any(|attachment| attachment.volume() == Some(volume))
    }

    /// The volume behind a claim of a pod and the CSI driver that serves it; `None` if the claim has no volume yet, or one that
    /// no driver serves.
    #[must_use]
    pub fn csi_volume(&self, claim: ClaimName) -> Option<(&PersistentVolume, StrId)> {
        let volume = self.volume(self.claim(claim)?.bound_to()?)?;
        Some((volume, volume.backing.driver()?))
    }

    /// The volume behind a claim of a pod that is attached to nodes, and the driver that does it.
    #[must_use]
    pub fn attachable(&self, claim: ClaimName) -> Option<(&PersistentVolume, StrId)> {
        self.csi_volume(claim).filter(|(_, driver)| self.csi_driver(*driver).is_none_or(|driver| driver.attaches))
    }

    /// All volumes.
    pub fn volumes(&self) -> impl Iterator<Item = &PersistentVolume> {
        self.volumes.values()
    }

    /// All claims.
    pub fn claims(&self) -> impl Iterator<Item = &PersistentVolumeClaim> {
        self.claims.values()
    }

    /// An object.
    #[must_use]
    pub fn get(&self, key: StorageKey) -> Option<StorageObject> {
        match key {
            StorageKey::Class(name) => self.classes.get(&name).cloned().map(StorageObject::Class),
            StorageKey::CsiDriver(name) => self.csi_drivers.get(&name).copied().map(StorageObject::CsiDriver),
            StorageKey::CsiNode(name) => self.csi_nodes.get(&name).cloned().map(StorageObject::CsiNode),
            StorageKey::Capacity(name) => self.capacities.get(&name).cloned().map(StorageObject::Capacity),
            StorageKey::Volume(name) => self.volumes.get(&name).cloned().map(StorageObject::Volume),
            StorageKey::Claim(name) => self.claims.get(&name).cloned().map(StorageObject::Claim),
            StorageKey::Attachment(name) => self.attachments.get(&name).copied().map(StorageObject::Attachment),
        }
    }

    /// An object appeared or changed. Returns what it was.
    pub fn put(&mut self, object: StorageObject) -> Option<StorageObject> {
        match object {
            StorageObject::Class(of) => self.classes.insert(of.name, of).map(StorageObject::Class),
            StorageObject::CsiDriver(of) => self.csi_drivers.insert(of.name, of).map(StorageObject::CsiDriver),
            StorageObject::CsiNode(of) => self.csi_nodes.insert(of.node, of).map(StorageObject::CsiNode),
            StorageObject::Capacity(of) => self.capacities.insert(of.name, of).map(StorageObject::Capacity),
            StorageObject::Volume(of) => self.volumes.insert(of.name, of).map(StorageObject::Volume),
            StorageObject::Claim(of) => self.claims.insert(of.name, of).map(StorageObject::Claim),
            StorageObject::Attachment(of) => self.attachments.insert(of.name, of).map(StorageObject::Attachment),
        }
    }

    /// An object is gone. The others keep their order. Returns what it was.
    pub fn remove(&mut self, key: StorageKey) -> Option<StorageObject> {
        match key {
            StorageKey::Class(name) => self.classes.shift_remove(&name).map(StorageObject::Class),
            StorageKey::CsiDriver(name) => self.csi_drivers.shift_remove(&name).map(StorageObject::CsiDriver),
            StorageKey::CsiNode(name) => self.csi_nodes.shift_remove(&name).map(StorageObject::CsiNode),
            StorageKey::Capacity(name) => self.capacities.shift_remove(&name).map(StorageObject::Capacity),
            StorageKey::Volume(name) => self.volumes.shift_remove(&name).map(StorageObject::Volume),
            StorageKey::Claim(name) => self.claims.shift_remove(&name).map(StorageObject::Claim),
            StorageKey::Attachment(name) => self.attachments.shift_remove(&name).map(StorageObject::Attachment),
        }
    }

    /// A claim, to change it.
    pub fn claim_mut(&mut self, name: ClaimName) -> Option<&mut PersistentVolumeClaim> {
        self.claims.get_mut(&name)
    }

    /// A volume, to change it.
    pub fn volume_mut(&mut self, name: StrId) -> Option<&mut PersistentVolume> {
        self.volumes.get_mut(&name)
    }
}

impl FromIterator<StorageObject> for StorageSet {
    fn from_iter<I: IntoIterator<Item = StorageObject>>(objects: I) -> Self {
        let mut set = Self::default();
        for object in objects {
            set.put(object);
        }
        set
    }
}
