//! The recorded scheduling cases as JSON: what their objects are.

use serde_json::Value;

/// The lists of a case: name, API version, kind.
pub const KINDS: [(&str, &str, &str); 16] = [
    ("priorityClasses", "scheduling.k8s.io/v1", "PriorityClass"),
    ("nodes", "v1", "Node"),
    ("pods", "v1", "Pod"),
    ("namespaces", "v1", "Namespace"),
    ("services", "v1", "Service"),
    ("replicationControllers", "v1", "ReplicationController"),
    ("replicaSets", "apps/v1", "ReplicaSet"),
    ("statefulSets", "apps/v1", "StatefulSet"),
    ("persistentVolumes", "v1", "PersistentVolume"),
    ("persistentVolumeClaims", "v1", "PersistentVolumeClaim"),
    ("storageClasses", "storage.k8s.io/v1", "StorageClass"),
    ("csiNodes", "storage.k8s.io/v1", "CSINode"),
    ("csiDrivers", "storage.k8s.io/v1", "CSIDriver"),
    ("csiStorageCapacities", "storage.k8s.io/v1", "CSIStorageCapacity"),
    ("volumeAttachments", "storage.k8s.io/v1", "VolumeAttachment"),
    ("podDisruptionBudgets", "policy/v1", "PodDisruptionBudget"),
];

/// The items of a list; of anything else none.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
