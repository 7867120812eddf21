//! The fields of storage objects, v1.34; see [`super::schema`]. Mirrors staging/src/k8s.io/api/core/v1/types.go and
//! storage/v1/types.go.

use super::fields::Schema;

macro_rules! schema {
    ($(#[doc = $doc:literal])* $name:ident, $go:literal, $what:literal, [$($modelled:literal),*], [$($ignored:literal),*]
     $(, [$($misplaced:expr),*])?) => {
        $(#[doc = $doc])*
        pub(super) const $name: Schema = Schema {
            go: $go,
            what: $what,
            modelled: &[$($modelled),*],
            ignored: &[$($ignored),*],
            misplaced: &[$($($misplaced),*)?],
        };
    };
}

schema!(
    /// A PersistentVolume.
    PERSISTENT_VOLUME, "PersistentVolume", "a PersistentVolume",
    ["apiVersion", "kind", "metadata", "spec", "status"], [],
    [("capacity", "put it under `spec:`"), ("storageClassName", "put it under `spec:`")]
);
schema!(
    /// `spec` of a PersistentVolume.
    PERSISTENT_VOLUME_SPEC, "PersistentVolumeSpec", "a PersistentVolume's spec",
    ["capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "volumeMode",
     "nodeAffinity", "volumeAttributesClassName", "gcePersistentDisk", "awsElasticBlockStore", "hostPath", "glusterfs",
     "nfs", "rbd", "iscsi", "cinder", "cephfs", "fc", "flocker", "flexVolume", "azureFile", "vsphereVolume", "quobyte",
     "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "local", "storageos", "csi"],
    ["mountOptions"],
    [("storage", "put it under `capacity:`"),
     ("resources", "a volume has `capacity: {storage: 1Gi}`; only claims have `resources:`"),
     ("reclaimPolicy", "the field is called `persistentVolumeReclaimPolicy`"),
     ("selector", "claims select volumes, not the other way round: remove it")]
);
/// What a PersistentVolume can be, in upstream's order.
pub(super) const PERSISTENT_VOLUME_SOURCES: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];
schema!(
    /// A volume's node affinity.
    VOLUME_NODE_AFFINITY, "VolumeNodeAffinity", "a volume's node affinity",
    ["required"], [], [("nodeSelectorTerms", "put it under `required:`")]
);
schema!(
    /// `claimRef` of a PersistentVolume.
    CLAIM_REF, "ObjectReference", "a claimRef",
    ["namespace", "name", "uid"], ["kind", "apiVersion", "resourceVersion", "fieldPath"]
);
schema!(
    /// `status` of a PersistentVolume.
    PERSISTENT_VOLUME_STATUS, "PersistentVolumeStatus", "a PersistentVolume's status",
    ["phase"], ["message", "reason", "lastPhaseTransitionTime"]
);
schema!(
    /// A CSI volume.
    CSI_VOLUME, "CSIPersistentVolumeSource", "a csi volume",
    ["driver", "volumeHandle"],
    ["readOnly", "fsType", "volumeAttributes", "controllerPublishSecretRef", "nodeStageSecretRef",
     "nodePublishSecretRef", "controllerExpandSecretRef", "nodeExpandSecretRef"],
    [("volumeID", "the field is called `volumeHandle`")]
);
schema!(
    /// A GCE disk.
    GCE_DISK, "GCEPersistentDiskVolumeSource", "a gcePersistentDisk",
    ["pdName", "readOnly"], ["fsType", "partition"]
);
schema!(
    /// An EBS volume.
    EBS_VOLUME, "AWSElasticBlockStoreVolumeSource", "an awsElasticBlockStore",
    ["volumeID"], ["fsType", "partition", "readOnly"]
);
schema!(
    /// An iSCSI volume.
    ISCSI_VOLUME, "ISCSIVolumeSource", "an iscsi volume",
    ["iqn", "readOnly"],
    ["targetPortal", "lun", "iscsiInterface", "fsType", "portals", "chapAuthDiscovery", "chapAuthSession", "secretRef",
     "initiatorName"]
);
schema!(
    /// An RBD volume.
    RBD_VOLUME, "RBDVolumeSource", "an rbd volume",
    ["monitors", "image", "pool", "readOnly"], ["fsType", "user", "keyring", "secretRef"]
);
schema!(
    /// An Azure disk.
    AZURE_DISK, "AzureDiskVolumeSource", "an azureDisk",
    ["diskURI"], ["diskName", "cachingMode", "fsType", "readOnly", "kind"]
);
schema!(
    /// A Cinder volume.
    CINDER_VOLUME, "CinderVolumeSource", "a cinder volume",
    ["volumeID"], ["fsType", "readOnly", "secretRef"]
);
schema!(
    /// A CSI volume in a pod.
    CSI_INLINE, "CSIVolumeSource", "a csi volume",
    ["driver"], ["readOnly", "fsType", "volumeAttributes", "nodePublishSecretRef"],
    [("volumeHandle", "a pod's own csi volume has no handle: claim a PersistentVolume instead")]
);
schema!(
    /// A claim as a volume.
    CLAIM_VOLUME, "PersistentVolumeClaimVolumeSource", "a persistentVolumeClaim volume",
    ["claimName"], ["readOnly"], [("name", "the field is called `claimName`")]
);
schema!(
    /// A claim that is made for the pod.
    EPHEMERAL_VOLUME, "EphemeralVolumeSource", "an ephemeral volume",
    ["volumeClaimTemplate"], ["readOnly"], [("spec", "put it under `volumeClaimTemplate:`")]
);
schema!(
    /// What such a claim is like.
    CLAIM_TEMPLATE, "PersistentVolumeClaimTemplate", "a volumeClaimTemplate",
    ["spec"], ["metadata"]
);
schema!(
    /// A PersistentVolumeClaim.
    CLAIM, "PersistentVolumeClaim", "a PersistentVolumeClaim",
    ["apiVersion", "kind", "metadata", "spec", "status"], [],
    [("accessModes", "put it under `spec:`"), ("resources", "put it under `spec:`"),
     ("storageClassName", "put it under `spec:`")]
);
schema!(
    /// `spec` of a PersistentVolumeClaim.
    CLAIM_SPEC, "PersistentVolumeClaimSpec", "a PersistentVolumeClaim's spec",
    ["accessModes", "selector", "resources", "volumeName", "storageClassName", "volumeMode",
     "volumeAttributesClassName"],
    ["dataSource", "dataSourceRef"],
    [("storage", "put it under `resources: {requests: ...}`"), ("requests", "put it under `resources:`"),
     ("capacity", "a claim has `resources: {requests: {storage: 1Gi}}`; only volumes have a capacity"),
     ("accessMode", "the field is called `accessModes`, a list")]
);
schema!(
    /// `resources` of a claim.
    CLAIM_RESOURCES, "VolumeResourceRequirements", "a claim's resources",
    ["requests"], ["limits"], [("storage", "put it under `requests:`")]
);
schema!(
    /// `status` of a PersistentVolumeClaim.
    CLAIM_STATUS, "PersistentVolumeClaimStatus", "a PersistentVolumeClaim's status",
    ["phase"],
    ["accessModes", "capacity", "conditions", "allocatedResources", "allocatedResourceStatuses", "resizeStatus",
     "currentVolumeAttributesClassName", "modifyVolumeStatus"]
);
schema!(
    /// A StorageClass.
    STORAGE_CLASS, "StorageClass", "a StorageClass",
    ["apiVersion", "kind", "metadata", "provisioner", "reclaimPolicy", "volumeBindingMode", "allowedTopologies",
     "allowVolumeExpansion"],
    ["parameters", "mountOptions"],
    [("spec", "a StorageClass has no spec: put `provisioner:` beside `metadata:`")]
);
schema!(
    /// A term of `allowedTopologies`.
    TOPOLOGY_TERM, "TopologySelectorTerm", "a topology term", ["matchLabelExpressions"], [],
    [("matchExpressions", "the field is called `matchLabelExpressions`"),
     ("matchLabels", "write `matchLabelExpressions: [{key: ..., values: [...]}]`")]
);
schema!(
    /// A condition of such a term.
    TOPOLOGY_REQUIREMENT, "TopologySelectorLabelRequirement", "a topology requirement", ["key", "values"], [],
    [("operator", "there is none: the label must have one of the values")]
);
schema!(
    /// A CSINode.
    CSI_NODE, "CSINode", "a CSINode", ["apiVersion", "kind", "metadata", "spec"], [], [("drivers", "put it under `spec:`")]
);
schema!(
    /// `spec` of a CSINode.
    CSI_NODE_SPEC, "CSINodeSpec", "a CSINode's spec", ["drivers"], []
);
schema!(
    /// A driver on a node.
    CSI_NODE_DRIVER, "CSINodeDriver", "a CSI driver on a node", ["name", "nodeID", "allocatable"], ["topologyKeys"],
    [("count", "put it under `allocatable:`")]
);
schema!(
    /// How much a driver attaches.
    CSI_NODE_ALLOCATABLE, "VolumeNodeResources", "allocatable", ["count"], []
);
schema!(
    /// A CSIDriver.
    CSI_DRIVER, "CSIDriver", "a CSIDriver", ["apiVersion", "kind", "metadata", "spec"], [],
    [("storageCapacity", "put it under `spec:`")]
);
schema!(
    /// `spec` of a CSIDriver.
    CSI_DRIVER_SPEC, "CSIDriverSpec", "a CSIDriver's spec", ["storageCapacity", "attachRequired"],
    ["podInfoOnMount", "volumeLifecycleModes", "fsGroupPolicy", "tokenRequests", "requiresRepublish",
     "seLinuxMount", "nodeAllocatableUpdatePeriodSeconds"]
);
schema!(
    /// A CSIStorageCapacity.
    CSI_STORAGE_CAPACITY, "CSIStorageCapacity", "a CSIStorageCapacity",
    ["apiVersion", "kind", "metadata", "nodeTopology", "storageClassName", "capacity", "maximumVolumeSize"], [],
    [("spec", "a CSIStorageCapacity has no spec: put `storageClassName:` beside `metadata:`")]
);
schema!(
    /// A VolumeAttachment.
    VOLUME_ATTACHMENT, "VolumeAttachment", "a VolumeAttachment",
    ["apiVersion", "kind", "metadata", "spec"], ["status"]
);
schema!(
    /// `spec` of a VolumeAttachment.
    VOLUME_ATTACHMENT_SPEC, "VolumeAttachmentSpec", "a VolumeAttachment's spec",
    ["attacher", "nodeName", "source"], []
);
schema!(
    /// What is attached.
    VOLUME_ATTACHMENT_SOURCE, "VolumeAttachmentSource", "a VolumeAttachment's source",
    ["persistentVolumeName", "inlineVolumeSpec"], []
);
