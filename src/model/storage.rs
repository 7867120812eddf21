//! Storage objects and what pods use of them, compiled: claims, volumes, classes, drivers. What strings are made of (sets of
//! zones, handles of translated volumes) is taken apart when they are read. Knows no rule of who gets what.
//! Mirrors staging/src/k8s.io/api/core/v1 and storage/v1, and staging/src/k8s.io/csi-translation-lib (v1.34.1).

use super::ids::StrId;
use super::node_affinity::NodeTerm;
use super::selector::CompiledSelector;
use super::strings::{LabelSet, Strings, known};
use crate::base::Quantity;

/// A claim by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClaimName {
    /// Namespace.
    pub namespace: StrId,
    /// Name.
    pub name: StrId,
}

/// A volume of a pod that rules of the scheduler read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PodVolume {
    /// `persistentVolumeClaim`.
    Claim(ClaimName),
    /// `ephemeral`: a claim that is made for the pod and belongs to it.
    Ephemeral {
        /// The claim, named after pod and volume.
        claim: ClaimName,
        /// The pod's name.
        pod: StrId,
        /// The pod's uid: the claim must have it as its controlling owner's.
        uid: StrId,
    },
    /// `gcePersistentDisk`.
    GcePersistentDisk {
        /// `pdName`.
        disk: StrId,
        /// `readOnly`.
        read_only: bool,
        /// As its CSI driver sees it.
        csi: CsiHandle,
    },
    /// `awsElasticBlockStore`.
    AwsElasticBlockStore {
        /// `volumeID`.
        volume: StrId,
        /// As its CSI driver sees it.
        csi: CsiHandle,
    },
    /// `iscsi`.
    Iscsi {
        /// `iqn`.
        iqn: StrId,
        /// `readOnly`.
        read_only: bool,
    },
    /// `rbd`.
    Rbd {
        /// `monitors`.
        monitors: Box<[StrId]>,
        /// `pool`.
        pool: StrId,
        /// `image`.
        image: StrId,
        /// `readOnly`.
        read_only: bool,
    },
    /// Another volume of an in-tree plugin that a CSI driver took over (`azureDisk`, `cinder`).
    Migrated(CsiHandle),
    /// `csi`, with its driver.
    Csi(StrId),
}

impl PodVolume {
    /// The claim behind it.
    #[must_use]
    pub const fn claim(&self) -> Option<ClaimName> {
        match self {
            Self::Claim(claim) | Self::Ephemeral { claim, .. } => Some(*claim),
            _ => None,
        }
    }

    /// What a CSI driver that took over the in-tree plugin sees of an inline volume.
    #[must_use]
    pub const fn migrated(&self) -> Option<CsiHandle> {
        match self {
            Self::GcePersistentDisk { csi, .. } | Self::AwsElasticBlockStore { csi, .. } | Self::Migrated(csi) => {
                Some(*csi)
            }
            _ => None,
        }
    }
}

/// A volume to a CSI driver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CsiHandle {
    /// The driver's name.
    pub driver: StrId,
    /// `volumeHandle`: which of its volumes.
    pub handle: StrId,
}

/// A set of access modes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct AccessModes(u8);

impl AccessModes {
    /// `ReadWriteOnce`.
    pub const READ_WRITE_ONCE: Self = Self(1);
    /// `ReadOnlyMany`.
    pub const READ_ONLY_MANY: Self = Self(2);
    /// `ReadWriteMany`.
    pub const READ_WRITE_MANY: Self = Self(4);
    /// `ReadWriteOncePod`.
    pub const READ_WRITE_ONCE_POD: Self = Self(8);

    /// The modes of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// How many modes there are.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// `volumeMode`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum VolumeMode {
    /// Mounted.
    #[default]
    Filesystem,
    /// A raw device.
    Block,
}

/// What becomes of a volume when its claim is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReclaimPolicy {
    /// It stays, released.
    Retain,
    /// It goes.
    Delete,
    /// It is wiped and offered again.
    Recycle,
}

/// `status.phase` of a PersistentVolume.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum VolumePhase {
    /// Not looked at yet.
    #[default]
    Pending,
    /// Free.
    Available,
    /// Bound to a claim.
    Bound,
    /// Its claim is gone.
    Released,
    /// It could not be reclaimed.
    Failed,
}

/// `status.phase` of a PersistentVolumeClaim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum ClaimPhase {
    /// Waits for a volume.
    #[default]
    Pending,
    /// Has a volume.
    Bound,
    /// Its volume is gone.
    Lost,
}

impl ClaimPhase {
    /// As the API writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Bound => "Bound",
            Self::Lost => "Lost",
        }
    }
}

impl VolumePhase {
    /// As the API writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Available => "Available",
            Self::Bound => "Bound",
            Self::Released => "Released",
            Self::Failed => "Failed",
        }
    }
}

/// `spec.claimRef` of a volume.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClaimRef {
    /// The claim.
    pub claim: ClaimName,
    /// Its uid; the empty string is any.
    pub uid: StrId,
}

/// Where the data of a volume is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum VolumeBacking {
    /// With a CSI driver.
    Csi(CsiHandle),
    /// With an in-tree plugin that a CSI driver took over.
    Migrated(CsiHandle),
    /// Somewhere that is not attached (local, nfs, hostPath) or that nothing counts.
    #[default]
    Other,
}

impl VolumeBacking {
    /// The driver that serves it.
    #[must_use]
    pub const fn driver(self) -> Option<StrId> {
        match self {
            Self::Csi(handle) | Self::Migrated(handle) => Some(handle.driver),
            Self::Other => None,
        }
    }
}

/// A PersistentVolume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersistentVolume {
    /// `metadata.name`.
    pub name: StrId,
    /// Labels.
    pub labels: LabelSet,
    /// The zones and regions that its labels say, each as a set; in the order in which VolumeZone looks at them.
    pub zones: Box<[(StrId, Box<[StrId]>)]>,
    /// `spec.capacity.storage`.
    pub capacity: Quantity,
    /// The name of its class, or the empty string.
    pub class: StrId,
    /// `spec.volumeAttributesClassName`, or the empty string.
    pub attributes_class: StrId,
    /// `spec.accessModes`.
    pub access_modes: AccessModes,
    /// `spec.volumeMode`.
    pub mode: VolumeMode,
    /// `spec.claimRef`.
    pub claim: Option<ClaimRef>,
    /// `spec.nodeAffinity.required`: one of the terms must match; `None` is any node.
    pub node_affinity: Option<Box<[NodeTerm]>>,
    /// `spec.persistentVolumeReclaimPolicy`.
    pub reclaim: ReclaimPolicy,
    /// `status.phase`.
    pub phase: VolumePhase,
    /// Whether it is being deleted.
    pub is_deleting: bool,
    /// Where the data is.
    pub backing: VolumeBacking,
}

impl PersistentVolume {
    /// Whether it is bound, or bound beforehand, to this claim.
    #[must_use]
    pub fn is_bound_to(&self, claim: &PersistentVolumeClaim) -> bool {
        let is_same = |r: ClaimRef| r.claim == claim.name && (r.uid == known::EMPTY || r.uid == claim.uid);
        self.claim.is_some_and(is_same)
    }
}

impl PersistentVolume {
    /// The volume that a class' provisioner makes for a claim, bound to it; `terms` say from where it can be reached.
    #[must_use]
    pub fn provisioned(
        claim: &PersistentVolumeClaim,
        class: &StorageClass,
        name: StrId,
        terms: Option<Box<[NodeTerm]>>,
    ) -> Self {
        Self {
            name,
            labels: LabelSet::default(),
            zones: Box::default(),
            capacity: claim.size(),
            class: class.name,
            attributes_class: claim.attributes_class,
            access_modes: claim.access_modes,
            mode: claim.mode,
            claim: Some(ClaimRef { claim: claim.name, uid: claim.uid }),
            node_affinity: terms,
            reclaim: class.reclaim,
            phase: VolumePhase::Bound,
            is_deleting: false,
            backing: VolumeBacking::Csi(CsiHandle { driver: class.provisioner, handle: name }),
        }
    }
}

/// A PersistentVolumeClaim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersistentVolumeClaim {
    /// Namespace and name.
    pub name: ClaimName,
    /// `metadata.uid`.
    pub uid: StrId,
    /// The uid of the owner that controls it.
    pub controller: Option<StrId>,
    /// `spec.resources.requests.storage`.
    pub request: Option<Quantity>,
    /// The name of its class; the empty string asks for none, `None` for the default.
    pub class: Option<StrId>,
    /// `spec.volumeAttributesClassName`, or the empty string.
    pub attributes_class: StrId,
    /// `spec.selector`.
    pub selector: Option<CompiledSelector>,
    /// `spec.accessModes`.
    pub access_modes: AccessModes,
    /// `spec.volumeMode`.
    pub mode: VolumeMode,
    /// `spec.volumeName`.
    pub volume: Option<StrId>,
    /// Whether the annotation `pv.kubernetes.io/bind-completed` is there.
    pub bind_completed: bool,
    /// The annotation `volume.kubernetes.io/selected-node`.
    pub selected_node: Option<StrId>,
    /// Whether it is being deleted.
    pub is_deleting: bool,
    /// `status.phase`.
    pub phase: ClaimPhase,
    /// The name of the volume that a provisioner would make for it: `pvc-` and the uid.
    pub provisioned: StrId,
}

impl PersistentVolumeClaim {
    /// The name of its class, or the empty string.
    #[must_use]
    pub fn class_name(&self) -> StrId {
        self.class.unwrap_or(known::EMPTY)
    }

    /// The volume it is bound to for good.
    #[must_use]
    pub fn bound_to(&self) -> Option<StrId> {
        self.volume.filter(|_| self.bind_completed)
    }

    /// How much it asks for; nothing if it does not say.
    #[must_use]
    pub fn size(&self) -> Quantity {
        self.request.unwrap_or_default()
    }
}

/// `volumeBindingMode`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BindingMode {
    /// Claims are bound when they appear.
    #[default]
    Immediate,
    /// Claims are bound when a pod that uses them is placed.
    WaitForFirstConsumer,
}

/// Labels that a node must have: key and possible values, all of them.
pub type TopologyTerm = Box<[(StrId, Box<[StrId]>)]>;

/// A StorageClass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageClass {
    /// `metadata.name`.
    pub name: StrId,
    /// `provisioner`.
    pub provisioner: StrId,
    /// Whether the provisioner makes volumes: it is not `kubernetes.io/no-provisioner`.
    pub provisions: bool,
    /// The CSI driver that took over, if the provisioner is an in-tree plugin.
    pub migrated_to: Option<StrId>,
    /// `volumeBindingMode`.
    pub binding_mode: BindingMode,
    /// `allowedTopologies`: one of the terms must match; none is any node.
    pub allowed_topologies: Box<[TopologyTerm]>,
    /// `reclaimPolicy`.
    pub reclaim: ReclaimPolicy,
    /// Whether it is marked as the default class.
    pub is_default: bool,
    /// `allowVolumeExpansion`: claims of it may be made larger.
    pub expands: bool,
}

/// A CSINode: the CSI drivers on a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CsiNode {
    /// The node's name.
    pub node: StrId,
    /// Drivers with how many volumes they attach (`None`: any number).
    pub drivers: Box<[(StrId, Option<i64>)]>,
}

/// A CSIDriver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CsiDriver {
    /// `metadata.name`.
    pub name: StrId,
    /// `spec.storageCapacity`: the scheduler looks for room before it chooses.
    pub storage_capacity: bool,
    /// `spec.attachRequired`: its volumes are attached to nodes.
    pub attaches: bool,
}

/// A CSIStorageCapacity: how much room a class has in a part of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CsiStorageCapacity {
    /// Namespace and name.
    pub name: ClaimName,
    /// `storageClassName`.
    pub class: StrId,
    /// `nodeTopology`: the nodes that have access; `None` is no node.
    pub topology: Option<CompiledSelector>,
    /// The largest volume, in bytes: `maximumVolumeSize`, or else `capacity`; `None` is unknown.
    pub limit: Option<i64>,
}

/// A VolumeAttachment: a volume that is, or is to be, attached to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VolumeAttachment {
    /// What it attaches where.
    pub name: AttachmentName,
    /// `spec.attacher`: the driver.
    pub attacher: StrId,
    /// `spec.nodeName`.
    pub node: StrId,
    /// `status.attached`.
    pub attached: bool,
}

impl VolumeAttachment {
    /// `spec.source.persistentVolumeName`.
    #[must_use]
    pub const fn volume(&self) -> Option<StrId> {
        match self.name {
            AttachmentName::Of { volume, .. } => Some(volume),
            AttachmentName::Inline(_) => None,
        }
    }
}

/// What tells VolumeAttachments apart. Their names follow from it: a hash of volume, driver and node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AttachmentName {
    /// Of a PersistentVolume to a node.
    Of {
        /// The volume.
        volume: StrId,
        /// The node.
        node: StrId,
    },
    /// Of a volume that a pod writes out, by its `metadata.name`.
    Inline(StrId),
}

/// All storage objects of some manifests, each kind in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StorageObjects {
    /// PersistentVolumes.
    pub volumes: Vec<PersistentVolume>,
    /// PersistentVolumeClaims.
    pub claims: Vec<PersistentVolumeClaim>,
    /// StorageClasses.
    pub classes: Vec<StorageClass>,
    /// CSINodes.
    pub csi_nodes: Vec<CsiNode>,
    /// CSIDrivers.
    pub csi_drivers: Vec<CsiDriver>,
    /// CSIStorageCapacities.
    pub capacities: Vec<CsiStorageCapacity>,
    /// VolumeAttachments.
    pub attachments: Vec<VolumeAttachment>,
}

impl StorageObjects {
    /// The class of claims that name none: of several the first by name.
    #[must_use]
    pub fn default_class(&self, strings: &Strings) -> Option<StrId> {
        let defaults = self.classes.iter().filter(|class| class.is_default).map(|class| class.name);
        defaults.min_by_key(|&name| strings.text(name))
    }

    /// Claims that name no class get this one, as admission does it.
    pub fn admit(&mut self, default_class: Option<StrId>) {
        for claim in &mut self.claims {
            claim.class = claim.class.or(default_class);
        }
    }
}
