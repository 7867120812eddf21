//! The fields of HorizontalPodAutoscalers, ResourceQuotas and LimitRanges, v1.34; see [`super::schema`]. Mirrors
//! staging/src/k8s.io/api/autoscaling/{v1,v2,v2beta1,v2beta2}/types.go and core/v1/types.go.

use super::fields::Schema;

/// A HorizontalPodAutoscaler.
pub(super) const AUTOSCALER: Schema = Schema {
    go: "HorizontalPodAutoscaler",
    what: "a HorizontalPodAutoscaler",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &["status"],
    misplaced: &[("maxReplicas", "put it under `spec:`"), ("minReplicas", "put it under `spec:`")],
};

/// Its `spec`.
pub(super) const AUTOSCALER_SPEC: Schema = Schema {
    go: "HorizontalPodAutoscalerSpec",
    what: "an autoscaler's spec",
    modelled: &["scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"],
    ignored: &[],
    misplaced: &[
        (
            "targetCPUUtilizationPercentage",
            "autoscaling/v2 has `metrics:`; write `apiVersion: autoscaling/v1` for this",
        ),
        ("targetRef", "the field is called `scaleTargetRef`"),
    ],
};

/// Its `spec` in autoscaling/v1.
pub(super) const AUTOSCALER_V1_SPEC: Schema = Schema {
    go: "HorizontalPodAutoscalerSpec",
    what: "an autoscaler's spec",
    modelled: &["scaleTargetRef", "minReplicas", "maxReplicas", "targetCPUUtilizationPercentage"],
    ignored: &[],
    misplaced: &[
        ("metrics", "autoscaling/v1 knows CPU alone: write `apiVersion: autoscaling/v2`"),
        ("behavior", "autoscaling/v1 has none: write `apiVersion: autoscaling/v2`"),
    ],
};

/// A reference to an object of any version.
pub(super) const OBJECT_REFERENCE: Schema = Schema {
    go: "CrossVersionObjectReference",
    what: "a reference",
    modelled: &["kind", "name", "apiVersion"],
    ignored: &[],
    misplaced: &[],
};

/// One of `metrics`.
pub(super) const METRIC: Schema = Schema {
    go: "MetricSpec",
    what: "a metric",
    modelled: &["type", "object", "external", "pods", "resource", "containerResource"],
    ignored: &[],
    misplaced: &[("name", "put it under `resource:`"), ("target", "put it under `resource:`, `pods:` or `object:`")],
};

/// What one metric is about, for all its types.
pub(super) const METRIC_SOURCE: Schema = Schema {
    go: "ResourceMetricSource",
    what: "a metric's source",
    modelled: &["name", "container", "metric", "target", "describedObject"],
    ignored: &[],
    misplaced: &[
        ("targetAverageUtilization", "autoscaling/v2 writes `target: {type: Utilization, averageUtilization: 80}`"),
        ("targetAverageValue", "autoscaling/v2 writes `target: {type: AverageValue, averageValue: 100}`"),
        ("metricName", "autoscaling/v2 writes `metric: {name: ...}`"),
    ],
};

/// Likewise, in autoscaling/v2beta1. `target` is the object that the metric is of.
pub(super) const METRIC_SOURCE_BETA: Schema = Schema {
    go: "ResourceMetricSource",
    what: "a metric's source",
    modelled: &[
        "name",
        "container",
        "metricName",
        "target",
        "targetAverageUtilization",
        "targetAverageValue",
        "targetValue",
        "averageValue",
    ],
    ignored: &["selector", "metricSelector"],
    misplaced: &[],
};

/// `metric` of a source.
pub(super) const METRIC_IDENTIFIER: Schema =
    Schema { go: "MetricIdentifier", what: "metric", modelled: &["name"], ignored: &["selector"], misplaced: &[] };

/// `target` of a source.
pub(super) const METRIC_TARGET: Schema = Schema {
    go: "MetricTarget",
    what: "target",
    modelled: &["type", "value", "averageValue", "averageUtilization"],
    ignored: &[],
    misplaced: &[],
};

/// `behavior`.
pub(super) const BEHAVIOR: Schema = Schema {
    go: "HorizontalPodAutoscalerBehavior",
    what: "a behavior",
    modelled: &["scaleUp", "scaleDown"],
    ignored: &[],
    misplaced: &[("policies", "put it under `scaleUp:` or `scaleDown:`")],
};

/// Rules of one direction. The tolerance's gate is off.
pub(super) const SCALING_RULES: Schema = Schema {
    go: "HPAScalingRules",
    what: "scaling rules",
    modelled: &["stabilizationWindowSeconds", "selectPolicy", "policies"],
    ignored: &["tolerance"],
    misplaced: &[],
};

/// One of `policies`.
pub(super) const SCALING_POLICY: Schema = Schema {
    go: "HPAScalingPolicy",
    what: "a policy",
    modelled: &["type", "value", "periodSeconds"],
    ignored: &[],
    misplaced: &[],
};

/// A ResourceQuota.
pub(super) const QUOTA: Schema = Schema {
    go: "ResourceQuota",
    what: "a ResourceQuota",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &["status"],
    misplaced: &[("hard", "put it under `spec:`")],
};

/// Its `spec`.
pub(super) const QUOTA_SPEC: Schema = Schema {
    go: "ResourceQuotaSpec",
    what: "a quota's spec",
    modelled: &["hard", "scopes", "scopeSelector"],
    ignored: &[],
    misplaced: &[("limits", "write `limits.cpu:` under `hard:`"), ("requests", "write `requests.cpu:` under `hard:`")],
};

/// `scopeSelector`.
pub(super) const SCOPE_SELECTOR: Schema = Schema {
    go: "ScopeSelector",
    what: "a scope selector",
    modelled: &["matchExpressions"],
    ignored: &[],
    misplaced: &[],
};

/// One of its requirements.
pub(super) const SCOPE_REQUIREMENT: Schema = Schema {
    go: "ScopedResourceSelectorRequirement",
    what: "a requirement",
    modelled: &["scopeName", "operator", "values"],
    ignored: &[],
    misplaced: &[],
};

/// A LimitRange.
pub(super) const LIMIT_RANGE: Schema = Schema {
    go: "LimitRange",
    what: "a LimitRange",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &[],
    misplaced: &[("limits", "put it under `spec:`")],
};

/// Its `spec`.
pub(super) const LIMIT_RANGE_SPEC: Schema = Schema {
    go: "LimitRangeSpec",
    what: "a LimitRange's spec",
    modelled: &["limits"],
    ignored: &[],
    misplaced: &[("default", "`limits:` is a list: put it behind `- type: Container`")],
};

/// One of its limits.
pub(super) const LIMIT_RANGE_ITEM: Schema = Schema {
    go: "LimitRangeItem",
    what: "a limit",
    modelled: &["type", "max", "min", "default", "defaultRequest", "maxLimitRequestRatio"],
    ignored: &[],
    misplaced: &[
        ("cpu", "put it under `default:`, `max:`, ..."),
        ("defaultRequests", "did you mean `defaultRequest`?"),
    ],
};
