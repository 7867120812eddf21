//! The fields of what a pod says about its place, v1.34; see [`super::schema`]. Mirrors
//! staging/src/k8s.io/api/core/v1/types.go and staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go.

use super::fields::Schema;

/// Affinities of a pod.
pub(super) const AFFINITY: Schema = Schema {
    go: "Affinity",
    what: "an affinity",
    modelled: &["nodeAffinity", "podAffinity", "podAntiAffinity"],
    ignored: &[],
    misplaced: &[
        (
            "requiredDuringSchedulingIgnoredDuringExecution",
            "put it under `nodeAffinity:`, `podAffinity:` or `podAntiAffinity:`",
        ),
        (
            "preferredDuringSchedulingIgnoredDuringExecution",
            "put it under `nodeAffinity:`, `podAffinity:` or `podAntiAffinity:`",
        ),
    ],
};

/// Affinity of a pod to nodes.
pub(super) const NODE_AFFINITY: Schema = Schema {
    go: "NodeAffinity",
    what: "a node affinity",
    modelled: &["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"],
    ignored: &[],
    misplaced: &[],
};

/// Terms of which one must match a node.
pub(super) const NODE_SELECTOR: Schema = Schema {
    go: "NodeSelector",
    what: "a required node affinity",
    modelled: &["nodeSelectorTerms"],
    ignored: &[],
    misplaced: &[("matchExpressions", "put it under `nodeSelectorTerms:`, behind `- `")],
};

/// A term about nodes.
pub(super) const NODE_SELECTOR_TERM: Schema = Schema {
    go: "NodeSelectorTerm",
    what: "a node selector term",
    modelled: &["matchExpressions", "matchFields"],
    ignored: &[],
    misplaced: &[("matchLabels", "node affinity has `matchExpressions:` only; plain pairs go to `nodeSelector:`")],
};

/// A condition on a node.
pub(super) const NODE_SELECTOR_REQUIREMENT: Schema = Schema {
    go: "NodeSelectorRequirement",
    what: "a node selector requirement",
    modelled: &["key", "operator", "values"],
    ignored: &[],
    misplaced: &[("value", "the field is called `values`, a list")],
};

/// A preferred term about nodes.
pub(super) const PREFERRED_TERM: Schema = Schema {
    go: "PreferredSchedulingTerm",
    what: "a preferred term",
    modelled: &["weight", "preference"],
    ignored: &[],
    misplaced: &[("matchExpressions", "put it under `preference:`")],
};

/// Affinity of a pod to pods.
pub(super) const POD_AFFINITY: Schema = Schema {
    go: "PodAffinity",
    what: "a pod affinity",
    modelled: &["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"],
    ignored: &[],
    misplaced: &[
        ("topologyKey", "put it under `requiredDuringSchedulingIgnoredDuringExecution:`, behind `- `"),
        ("labelSelector", "put it under `requiredDuringSchedulingIgnoredDuringExecution:`, behind `- `"),
    ],
};

/// A term about pods.
pub(super) const POD_AFFINITY_TERM: Schema = Schema {
    go: "PodAffinityTerm",
    what: "a pod affinity term",
    modelled: &[
        "labelSelector",
        "namespaces",
        "topologyKey",
        "namespaceSelector",
        "matchLabelKeys",
        "mismatchLabelKeys",
    ],
    ignored: &[],
    misplaced: &[
        ("matchLabels", "put it under `labelSelector:`"),
        ("matchExpressions", "put it under `labelSelector:`"),
        ("weight", "required terms have no weight"),
        ("podAffinityTerm", "required terms stand directly in the list: write its fields here"),
    ],
};

/// A preferred term about pods.
pub(super) const WEIGHTED_POD_AFFINITY_TERM: Schema = Schema {
    go: "WeightedPodAffinityTerm",
    what: "a preferred pod affinity term",
    modelled: &["weight", "podAffinityTerm"],
    ignored: &[],
    misplaced: &[
        ("labelSelector", "put it under `podAffinityTerm:`"),
        ("topologyKey", "put it under `podAffinityTerm:`"),
        ("preference", "terms about nodes have it; here it is `podAffinityTerm`"),
    ],
};

/// A selector of labels.
pub(super) const LABEL_SELECTOR: Schema = Schema {
    go: "LabelSelector",
    what: "a label selector",
    modelled: &["matchLabels", "matchExpressions"],
    ignored: &[],
    misplaced: &[("app", "put it under `matchLabels:`")],
};

/// A requirement of a selector of labels.
pub(super) const LABEL_SELECTOR_REQUIREMENT: Schema = Schema {
    go: "LabelSelectorRequirement",
    what: "a label selector requirement",
    modelled: &["key", "operator", "values"],
    ignored: &[],
    misplaced: &[("value", "the field is called `values`, a list")],
};

/// A constraint of topology spread.
pub(super) const TOPOLOGY_SPREAD_CONSTRAINT: Schema = Schema {
    go: "TopologySpreadConstraint",
    what: "a topology spread constraint",
    modelled: &[
        "maxSkew",
        "topologyKey",
        "whenUnsatisfiable",
        "labelSelector",
        "minDomains",
        "nodeAffinityPolicy",
        "nodeTaintsPolicy",
        "matchLabelKeys",
    ],
    ignored: &[],
    misplaced: &[
        ("matchLabels", "put it under `labelSelector:`"),
        ("matchExpressions", "put it under `labelSelector:`"),
    ],
};
