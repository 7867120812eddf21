//! The fields of Deployments, ReplicaSets, ReplicationControllers, StatefulSets and DaemonSets, v1.34; see
//! [`super::schema`]. Mirrors staging/src/k8s.io/api/apps/v1/types.go.

use super::fields::Schema;

/// Mistakes of all workloads.
const OUTSIDE: &[(&str, &str)] = &[
    ("replicas", "put it under `spec:`"),
    ("selector", "put it under `spec:`"),
    ("template", "put it under `spec:`"),
    ("strategy", "put it under `spec:`"),
    ("labels", "put it under `metadata:`"),
    ("name", "put it under `metadata:`"),
    ("containers", "put it under `spec:`, `template:`, `spec:`"),
];
const IN_SPEC: &[(&str, &str)] = &[
    ("containers", "containers belong to the pod: put them under `template:`, `spec:`"),
    ("volumes", "volumes belong to the pod: put them under `template:`, `spec:`"),
    ("restartPolicy", "it belongs to the pod: put it under `template:`, `spec:`"),
    ("serviceAccountName", "it belongs to the pod: put it under `template:`, `spec:`"),
    ("labels", "labels stand under `metadata:`, of the object or of its template"),
    ("matchLabels", "put it under `selector:`"),
    ("replica", "the field is called `replicas`"),
];

/// A Deployment.
pub(super) const DEPLOYMENT: Schema = Schema {
    go: "Deployment",
    what: "a Deployment",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &["status"],
    misplaced: OUTSIDE,
};

/// `spec` of a Deployment.
pub(super) const DEPLOYMENT_SPEC: Schema = Schema {
    go: "DeploymentSpec",
    what: "a Deployment's spec",
    modelled: &[
        "replicas",
        "selector",
        "template",
        "strategy",
        "minReadySeconds",
        "revisionHistoryLimit",
        "paused",
        "progressDeadlineSeconds",
    ],
    ignored: &[],
    misplaced: &[
        ("containers", "containers belong to the pod: put them under `template:`, `spec:`"),
        ("volumes", "volumes belong to the pod: put them under `template:`, `spec:`"),
        ("updateStrategy", "the field is called `strategy` in a Deployment"),
        ("serviceName", "only a StatefulSet has a serviceName: remove it"),
        ("labels", "labels stand under `metadata:`, of the object or of its template"),
        ("rollingUpdate", "put it under `strategy:`"),
    ],
};

/// `spec.strategy` of a Deployment.
pub(super) const DEPLOYMENT_STRATEGY: Schema = Schema {
    go: "DeploymentStrategy",
    what: "a strategy",
    modelled: &["type", "rollingUpdate"],
    ignored: &[],
    misplaced: &[("maxSurge", "put it under `rollingUpdate:`"), ("maxUnavailable", "put it under `rollingUpdate:`")],
};

/// `rollingUpdate` of Deployments and DaemonSets.
pub(super) const ROLLING_UPDATE: Schema = Schema {
    go: "RollingUpdateDeployment",
    what: "rollingUpdate",
    modelled: &["maxSurge", "maxUnavailable"],
    ignored: &[],
    misplaced: &[("partition", "only a StatefulSet has a partition: remove it")],
};

/// A ReplicaSet.
pub(super) const REPLICA_SET: Schema = Schema { go: "ReplicaSet", what: "a ReplicaSet", ..DEPLOYMENT };

/// `spec` of a ReplicaSet.
pub(super) const REPLICA_SET_SPEC: Schema = Schema {
    go: "ReplicaSetSpec",
    what: "a ReplicaSet's spec",
    modelled: &["replicas", "selector", "template", "minReadySeconds"],
    ignored: &[],
    misplaced: IN_SPEC,
};

/// A ReplicationController.
pub(super) const REPLICATION_CONTROLLER: Schema =
    Schema { go: "ReplicationController", what: "a ReplicationController", ..DEPLOYMENT };

/// `spec` of a ReplicationController.
pub(super) const REPLICATION_CONTROLLER_SPEC: Schema = Schema {
    go: "ReplicationControllerSpec",
    what: "a ReplicationController's spec",
    modelled: &["replicas", "selector", "template", "minReadySeconds"],
    ignored: &[],
    misplaced: &[("matchLabels", "its selector has no matchLabels: write the labels directly under `selector:`")],
};

/// A StatefulSet.
pub(super) const STATEFUL_SET: Schema = Schema { go: "StatefulSet", what: "a StatefulSet", ..DEPLOYMENT };

/// `spec` of a StatefulSet.
pub(super) const STATEFUL_SET_SPEC: Schema = Schema {
    go: "StatefulSetSpec",
    what: "a StatefulSet's spec",
    modelled: &[
        "replicas",
        "selector",
        "template",
        "volumeClaimTemplates",
        "podManagementPolicy",
        "updateStrategy",
        "revisionHistoryLimit",
        "minReadySeconds",
        "persistentVolumeClaimRetentionPolicy",
        "ordinals",
    ],
    ignored: &["serviceName"],
    misplaced: &[
        ("containers", "containers belong to the pod: put them under `template:`, `spec:`"),
        ("volumes", "volumes belong to the pod: put them under `template:`, `spec:`"),
        ("strategy", "the field is called `updateStrategy` in a StatefulSet"),
        ("volumeClaimTemplate", "did you mean `volumeClaimTemplates`?"),
    ],
};

/// `spec.updateStrategy` of a StatefulSet.
pub(super) const STATEFUL_SET_STRATEGY: Schema = Schema {
    go: "StatefulSetUpdateStrategy",
    what: "an update strategy",
    modelled: &["type", "rollingUpdate"],
    ignored: &[],
    misplaced: &[("partition", "put it under `rollingUpdate:`")],
};

/// `rollingUpdate` of a StatefulSet.
pub(super) const STATEFUL_SET_ROLLING_UPDATE: Schema = Schema {
    go: "RollingUpdateStatefulSetStrategy",
    what: "rollingUpdate",
    modelled: &["partition"],
    ignored: &["maxUnavailable"],
    misplaced: &[("maxSurge", "a StatefulSet has no surge: remove it")],
};

/// `spec.persistentVolumeClaimRetentionPolicy`.
pub(super) const CLAIM_RETENTION: Schema = Schema {
    go: "StatefulSetPersistentVolumeClaimRetentionPolicy",
    what: "a retention policy",
    modelled: &["whenDeleted", "whenScaled"],
    ignored: &[],
    misplaced: &[],
};

/// `spec.ordinals`.
pub(super) const ORDINALS: Schema =
    Schema { go: "StatefulSetOrdinals", what: "ordinals", modelled: &["start"], ignored: &[], misplaced: &[] };

/// A DaemonSet.
pub(super) const DAEMON_SET: Schema = Schema { go: "DaemonSet", what: "a DaemonSet", ..DEPLOYMENT };

/// `spec` of a DaemonSet.
pub(super) const DAEMON_SET_SPEC: Schema = Schema {
    go: "DaemonSetSpec",
    what: "a DaemonSet's spec",
    modelled: &["selector", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit"],
    ignored: &["templateGeneration"],
    misplaced: &[
        ("replicas", "a DaemonSet has one pod on each node: remove it"),
        ("strategy", "the field is called `updateStrategy` in a DaemonSet"),
        ("containers", "containers belong to the pod: put them under `template:`, `spec:`"),
        ("volumes", "volumes belong to the pod: put them under `template:`, `spec:`"),
    ],
};

/// `spec.updateStrategy` of a DaemonSet.
pub(super) const DAEMON_SET_STRATEGY: Schema =
    Schema { go: "DaemonSetUpdateStrategy", what: "an update strategy", ..DEPLOYMENT_STRATEGY };

/// The template of a workload's pods.
pub(super) const POD_TEMPLATE: Schema = Schema {
    go: "PodTemplateSpec",
    what: "a pod template",
    modelled: &["metadata", "spec"],
    ignored: &[],
    misplaced: &[
        ("containers", "put it under `spec:`"),
        ("labels", "put it under `metadata:`"),
        ("volumes", "put it under `spec:`"),
    ],
};

/// `metadata` of a template.
pub(super) const TEMPLATE_META: Schema = Schema {
    go: "ObjectMeta",
    what: "a template's metadata",
    modelled: &["labels", "annotations"],
    ignored: &[
        "name",
        "generateName",
        "namespace",
        "uid",
        "selfLink",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "ownerReferences",
        "finalizers",
        "managedFields",
        "clusterName",
    ],
    misplaced: &[("spec", "put it beside `metadata:`, not under it")],
};

/// One of `volumeClaimTemplates`.
pub(super) const STATEFUL_SET_CLAIM: Schema = Schema {
    go: "PersistentVolumeClaim",
    what: "a claim template",
    modelled: &["metadata", "spec", "status"],
    ignored: &["apiVersion", "kind"],
    misplaced: &[("name", "put it under `metadata:`"), ("storage", "put it under `spec:`, `resources:`, `requests:`")],
};

/// `metadata` of a claim template.
pub(super) const CLAIM_META: Schema = Schema {
    go: "ObjectMeta",
    what: "a claim template's metadata",
    modelled: &["name", "labels", "annotations"],
    ignored: &[
        "generateName",
        "namespace",
        "uid",
        "selfLink",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ],
    misplaced: &[("spec", "put it beside `metadata:`, not under it")],
};
