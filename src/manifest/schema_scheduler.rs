//! The fields of the scheduler's configuration, `kubescheduler.config.k8s.io/v1`, v1.34; see [`super::schema`]. Mirrors
//! staging/src/k8s.io/kube-scheduler/config/v1/{types,types_pluginargs}.go.

use super::fields::Schema;

/// A KubeSchedulerConfiguration.
pub(super) const CONFIGURATION: Schema = Schema {
    go: "KubeSchedulerConfiguration",
    what: "a KubeSchedulerConfiguration",
    modelled: &[
        "apiVersion",
        "kind",
        "parallelism",
        "percentageOfNodesToScore",
        "podInitialBackoffSeconds",
        "podMaxBackoffSeconds",
        "profiles",
        "extenders",
    ],
    ignored: &[
        "leaderElection",
        "clientConnection",
        "enableProfiling",
        "enableContentionProfiling",
        "delayCacheUntilActive",
    ],
    misplaced: &[
        ("plugins", "plugins belong to a profile: put them under `profiles:`, behind `- schedulerName:`"),
        ("pluginConfig", "it belongs to a profile: put it under `profiles:`, behind `- schedulerName:`"),
        ("schedulerName", "it belongs to a profile: write `profiles: [{schedulerName: ...}]`"),
        ("metadata", "the file is not an object of the API: remove it"),
        ("healthzBindAddress", "the API v1 has no such field any more: remove it"),
        ("metricsBindAddress", "the API v1 has no such field any more: remove it"),
    ],
};

/// A profile.
pub(super) const PROFILE: Schema = Schema {
    go: "KubeSchedulerProfile",
    what: "a profile",
    modelled: &["schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"],
    ignored: &[],
    misplaced: &[
        ("multiPoint", "put it under `plugins:`"),
        ("score", "put it under `plugins:`"),
        ("filter", "put it under `plugins:`"),
    ],
};

/// `plugins` of a profile.
pub(super) const PLUGINS: Schema = Schema {
    go: "Plugins",
    what: "a profile's plugins",
    modelled: &[
        "preEnqueue",
        "queueSort",
        "preFilter",
        "filter",
        "postFilter",
        "preScore",
        "score",
        "reserve",
        "permit",
        "preBind",
        "bind",
        "postBind",
        "multiPoint",
    ],
    ignored: &[],
    misplaced: &[
        ("enabled", "put it under an extension point, such as `score:` or `multiPoint:`"),
        ("disabled", "put it under an extension point, such as `score:` or `multiPoint:`"),
    ],
};

/// The plugins of one extension point.
pub(super) const PLUGIN_SET: Schema = Schema {
    go: "PluginSet",
    what: "a set of plugins",
    modelled: &["enabled", "disabled"],
    ignored: &[],
    misplaced: &[("name", "put it under `enabled:` or `disabled:`, behind `- `")],
};

/// A plugin that is enabled or disabled.
pub(super) const PLUGIN: Schema = Schema {
    go: "Plugin",
    what: "a plugin",
    modelled: &["name", "weight"],
    ignored: &[],
    misplaced: &[("args", "arguments stand under `pluginConfig:` of the profile")],
};

/// The arguments of a plugin.
pub(super) const PLUGIN_CONFIG: Schema = Schema {
    go: "PluginConfig",
    what: "the configuration of a plugin",
    modelled: &["name", "args"],
    ignored: &[],
    misplaced: &[("weight", "weights stand under `plugins:`, at `score:` or `multiPoint:`")],
};

/// `NodeResourcesFitArgs`.
pub(super) const FIT_ARGS: Schema = Schema {
    go: "NodeResourcesFitArgs",
    what: "NodeResourcesFitArgs",
    modelled: &["apiVersion", "kind", "ignoredResources", "ignoredResourceGroups", "scoringStrategy"],
    ignored: &[],
    misplaced: &[
        ("resources", "put it under `scoringStrategy:`"),
        ("type", "put it under `scoringStrategy:`"),
        ("shape", "put it under `scoringStrategy:` and there under `requestedToCapacityRatio:`"),
    ],
};

/// `scoringStrategy`.
pub(super) const SCORING_STRATEGY: Schema = Schema {
    go: "ScoringStrategy",
    what: "a scoring strategy",
    modelled: &["type", "resources", "requestedToCapacityRatio"],
    ignored: &[],
    misplaced: &[("shape", "put it under `requestedToCapacityRatio:`")],
};

/// The shape of RequestedToCapacityRatio.
pub(super) const RATIO: Schema = Schema {
    go: "RequestedToCapacityRatioParam",
    what: "requestedToCapacityRatio",
    modelled: &["shape"],
    ignored: &[],
    misplaced: &[],
};

/// A point of a shape.
pub(super) const SHAPE_POINT: Schema = Schema {
    go: "UtilizationShapePoint",
    what: "a point of a shape",
    modelled: &["utilization", "score"],
    ignored: &[],
    misplaced: &[],
};

/// A resource with its weight.
pub(super) const RESOURCE_SPEC: Schema =
    Schema { go: "ResourceSpec", what: "a resource", modelled: &["name", "weight"], ignored: &[], misplaced: &[] };

/// `NodeResourcesBalancedAllocationArgs`.
pub(super) const BALANCED_ARGS: Schema = Schema {
    go: "NodeResourcesBalancedAllocationArgs",
    what: "NodeResourcesBalancedAllocationArgs",
    modelled: &["apiVersion", "kind", "resources"],
    ignored: &[],
    misplaced: &[],
};

/// `NodeAffinityArgs`.
pub(super) const NODE_AFFINITY_ARGS: Schema = Schema {
    go: "NodeAffinityArgs",
    what: "NodeAffinityArgs",
    modelled: &["apiVersion", "kind", "addedAffinity"],
    ignored: &[],
    misplaced: &[("requiredDuringSchedulingIgnoredDuringExecution", "put it under `addedAffinity:`")],
};

/// `PodTopologySpreadArgs`.
pub(super) const SPREAD_ARGS: Schema = Schema {
    go: "PodTopologySpreadArgs",
    what: "PodTopologySpreadArgs",
    modelled: &["apiVersion", "kind", "defaultConstraints", "defaultingType"],
    ignored: &[],
    misplaced: &[],
};

/// A default constraint of topology spread.
pub(super) const DEFAULT_CONSTRAINT: Schema = Schema {
    go: "TopologySpreadConstraint",
    what: "a default constraint",
    modelled: &[
        "maxSkew",
        "topologyKey",
        "whenUnsatisfiable",
        "labelSelector",
        "minDomains",
        "nodeAffinityPolicy",
        "nodeTaintsPolicy",
    ],
    ignored: &["matchLabelKeys"],
    misplaced: &[],
};

/// `InterPodAffinityArgs`.
pub(super) const INTER_POD_ARGS: Schema = Schema {
    go: "InterPodAffinityArgs",
    what: "InterPodAffinityArgs",
    modelled: &["apiVersion", "kind", "hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"],
    ignored: &[],
    misplaced: &[],
};

/// `DefaultPreemptionArgs`.
pub(super) const PREEMPTION_ARGS: Schema = Schema {
    go: "DefaultPreemptionArgs",
    what: "DefaultPreemptionArgs",
    modelled: &["apiVersion", "kind", "minCandidateNodesPercentage", "minCandidateNodesAbsolute"],
    ignored: &[],
    misplaced: &[],
};

/// `VolumeBindingArgs`.
pub(super) const VOLUME_BINDING_ARGS: Schema = Schema {
    go: "VolumeBindingArgs",
    what: "VolumeBindingArgs",
    modelled: &["apiVersion", "kind", "bindTimeoutSeconds", "shape"],
    ignored: &[],
    misplaced: &[],
};

/// `DynamicResourcesArgs`.
pub(super) const DYNAMIC_RESOURCES_ARGS: Schema = Schema {
    go: "DynamicResourcesArgs",
    what: "DynamicResourcesArgs",
    modelled: &["apiVersion", "kind", "filterTimeout"],
    ignored: &[],
    misplaced: &[],
};
