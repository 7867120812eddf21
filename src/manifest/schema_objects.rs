//! The fields of objects other than pods, v1.34; see [`super::schema`]. Mirrors
//! staging/src/k8s.io/api/core/v1/types.go and scheduling/v1/types.go.

use super::fields::Schema;

/// A Node.
pub(super) const NODE: Schema = Schema {
    go: "Node",
    what: "a Node",
    modelled: &["apiVersion", "kind", "metadata", "spec", "status"],
    ignored: &[],
    misplaced: &[
        ("capacity", "put it under `status:`"),
        ("allocatable", "put it under `status:`"),
        ("taints", "put it under `spec:`"),
        ("labels", "put it under `metadata:`"),
    ],
};

/// `spec` of a node.
pub(super) const NODE_SPEC: Schema = Schema {
    go: "NodeSpec",
    what: "a node's spec",
    modelled: &["unschedulable", "taints"],
    ignored: &["podCIDR", "podCIDRs", "providerID", "configSource", "externalID"],
    misplaced: &[("capacity", "put it under `status:`"), ("allocatable", "put it under `status:`")],
};

/// `status` of a node.
pub(super) const NODE_STATUS: Schema = Schema {
    go: "NodeStatus",
    what: "a node's status",
    modelled: &["capacity", "allocatable", "images"],
    ignored: &[
        "phase",
        "conditions",
        "addresses",
        "daemonEndpoints",
        "nodeInfo",
        "volumesInUse",
        "volumesAttached",
        "config",
        "runtimeHandlers",
        "features",
    ],
    misplaced: &[],
};

/// An image that a node has.
pub(super) const NODE_IMAGE: Schema = Schema {
    go: "ContainerImage",
    what: "an image of a node",
    modelled: &["names", "sizeBytes"],
    ignored: &[],
    misplaced: &[("name", "an image has `names:`, a list")],
};

/// A taint.
pub(super) const TAINT: Schema = Schema {
    go: "Taint",
    what: "a taint",
    modelled: &["key", "value", "effect"],
    ignored: &["timeAdded"],
    misplaced: &[],
};

/// A Service.
pub(super) const SERVICE: Schema = Schema {
    go: "Service",
    what: "a Service",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &["status"],
    misplaced: &[
        ("selector", "put it under `spec:`"),
        ("ports", "put it under `spec:`"),
        ("type", "put it under `spec:`"),
        ("name", "put it under `metadata:`"),
    ],
};

/// `spec` of a Service.
pub(super) const SERVICE_SPEC: Schema = Schema {
    go: "ServiceSpec",
    what: "a Service's spec",
    modelled: &[
        "ports",
        "selector",
        "clusterIP",
        "type",
        "loadBalancerIP",
        "externalName",
        "sessionAffinity",
        "sessionAffinityConfig",
        "publishNotReadyAddresses",
    ],
    ignored: &[
        "clusterIPs",
        "externalIPs",
        "loadBalancerSourceRanges",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "ipFamilies",
        "ipFamilyPolicy",
        "ipFamily",
        "topologyKeys",
        "allocateLoadBalancerNodePorts",
        "loadBalancerClass",
        "internalTrafficPolicy",
        "trafficDistribution",
    ],
    misplaced: &[
        ("matchLabels", "a Service's selector has no matchLabels: write the labels directly under `selector:`"),
        ("port", "`ports:` is a list: write `ports: [{port: 80}]`"),
        ("labels", "labels stand under `metadata:`"),
    ],
};

/// A port of a Service.
pub(super) const SERVICE_PORT: Schema = Schema {
    go: "ServicePort",
    what: "a Service port",
    modelled: &["name", "protocol", "port", "targetPort", "nodePort"],
    ignored: &["appProtocol"],
    misplaced: &[("containerPort", "the pod's end is called `targetPort` in a Service")],
};

/// Session affinity.
pub(super) const SESSION_AFFINITY: Schema = Schema {
    go: "SessionAffinityConfig",
    what: "sessionAffinityConfig",
    modelled: &["clientIP"],
    ignored: &[],
    misplaced: &[],
};

/// Session affinity by client address.
pub(super) const CLIENT_IP: Schema =
    Schema { go: "ClientIPConfig", what: "clientIP", modelled: &["timeoutSeconds"], ignored: &[], misplaced: &[] };

/// A ConfigMap.
pub(super) const CONFIG_MAP: Schema = Schema {
    go: "ConfigMap",
    what: "a ConfigMap",
    modelled: &["apiVersion", "kind", "metadata", "data", "binaryData"],
    ignored: &["immutable"],
    misplaced: &[("spec", "a ConfigMap has no spec: put keys and values under `data:`")],
};

/// A Secret.
pub(super) const SECRET: Schema = Schema {
    go: "Secret",
    what: "a Secret",
    modelled: &["apiVersion", "kind", "metadata", "data", "stringData"],
    ignored: &["immutable", "type"],
    misplaced: &[("spec", "a Secret has no spec: put keys and values under `stringData:`")],
};

/// A PriorityClass.
pub(super) const PRIORITY_CLASS: Schema = Schema {
    go: "PriorityClass",
    what: "a PriorityClass",
    modelled: &["apiVersion", "kind", "metadata", "value", "globalDefault", "preemptionPolicy"],
    ignored: &["description"],
    misplaced: &[("spec", "a PriorityClass has no spec: put `value:` beside `metadata:`")],
};

/// A PodDisruptionBudget.
pub(super) const POD_DISRUPTION_BUDGET: Schema = Schema {
    go: "PodDisruptionBudget",
    what: "a PodDisruptionBudget",
    modelled: &["apiVersion", "kind", "metadata", "spec", "status"],
    ignored: &[],
    misplaced: &[
        ("selector", "put it under `spec:`"),
        ("minAvailable", "put it under `spec:`"),
        ("maxUnavailable", "put it under `spec:`"),
    ],
};

/// `spec` of a PodDisruptionBudget.
pub(super) const POD_DISRUPTION_BUDGET_SPEC: Schema = Schema {
    go: "PodDisruptionBudgetSpec",
    what: "a budget's spec",
    modelled: &["selector", "minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy"],
    ignored: &[],
    misplaced: &[("matchLabels", "put it under `selector:`")],
};

/// `status` of a PodDisruptionBudget.
pub(super) const POD_DISRUPTION_BUDGET_STATUS: Schema = Schema {
    go: "PodDisruptionBudgetStatus",
    what: "a budget's status",
    modelled: &["disruptionsAllowed", "disruptedPods"],
    ignored: &["observedGeneration", "currentHealthy", "desiredHealthy", "expectedPods", "conditions"],
    misplaced: &[],
};

/// A Namespace.
pub(super) const NAMESPACE: Schema = Schema {
    go: "Namespace",
    what: "a Namespace",
    modelled: &["apiVersion", "kind", "metadata"],
    ignored: &["spec", "status"],
    misplaced: &[("labels", "put it under `metadata:`"), ("name", "put it under `metadata:`")],
};

/// Who made an object.
pub(super) const OWNER_REFERENCE: Schema = Schema {
    go: "OwnerReference",
    what: "an owner reference",
    modelled: &["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"],
    ignored: &[],
    misplaced: &[("namespace", "owners are in the same namespace: remove it")],
};
