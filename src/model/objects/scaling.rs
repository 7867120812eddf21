//! HorizontalPodAutoscalers, the state of disruption budgets, quotas and limit ranges, compiled, with defaults filled in.

use crate::base::{Quantity, SimTime};
use crate::model::effective::ResourceList;
use crate::model::ids::StrId;
use crate::model::limit_range::LimitItem;
use crate::model::objects::ObjectKind;

/// A HorizontalPodAutoscaler.
#[derive(Clone, PartialEq, Debug)]
pub struct HpaSpec {
    /// `spec.scaleTargetRef`, kind and name; `None` as kind: a kind without the scale subresource, or not modelled.
    pub target: (Option<ObjectKind>, StrId),
    /// `spec.minReplicas`, default 1.
    pub min_replicas: i32,
    /// `spec.maxReplicas`.
    pub max_replicas: i32,
    /// `spec.metrics`; default cpu at 80 % of the requests.
    pub metrics: Box<[HpaMetric]>,
    /// `spec.behavior.scaleUp` and `scaleDown`, with defaults filled in; `None`: no `behavior` was given.
    pub behavior: Option<Box<HpaBehavior>>,
}

/// One of `spec.metrics`.
#[derive(Clone, PartialEq, Debug)]
pub struct HpaMetric {
    /// Where it comes from.
    pub source: HpaSource,
    /// What it is to be.
    pub target: HpaTarget,
}

/// Where a metric comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HpaSource {
    /// `Resource`: a resource, summed over the pods' containers.
    Resource(StrId),
    /// `ContainerResource`: a resource of one container.
    ContainerResource {
        /// The resource.
        resource: StrId,
        /// The container.
        container: StrId,
    },
    /// `Pods`: a metric of each pod, by name.
    Pods(StrId),
    /// `Object`: a metric of one object.
    Object {
        /// The metric.
        metric: StrId,
        /// The object's kind.
        kind: StrId,
        /// The object's name.
        name: StrId,
    },
    /// `External`: a metric of nothing in the cluster.
    External(StrId),
}

/// What a metric is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HpaTarget {
    /// `averageUtilization`: percent of the requests.
    Utilization(i32),
    /// `averageValue`.
    AverageValue(Quantity),
    /// `value`.
    Value(Quantity),
}

/// `spec.behavior`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HpaBehavior {
    /// `scaleUp`.
    pub up: HpaScalingRules,
    /// `scaleDown`.
    pub down: HpaScalingRules,
}

/// Rules of one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HpaScalingRules {
    /// `stabilizationWindowSeconds`; `None` for scaling down: the controller's own (300 s).
    pub stabilization_window_seconds: Option<i32>,
    /// `selectPolicy`.
    pub select: HpaSelectPolicy,
    /// `policies`.
    pub policies: Box<[HpaPolicy]>,
}

impl HpaScalingRules {
    /// What holds for scaling up where `behavior` says nothing.
    #[must_use]
    pub fn default_up() -> Self {
        let pods = HpaPolicy { percent: false, value: 4, period_seconds: 15 };
        let percent = HpaPolicy { percent: true, value: 100, period_seconds: 15 };
        Self {
            stabilization_window_seconds: Some(0),
            select: HpaSelectPolicy::Max,
            policies: Box::new([pods, percent]),
        }
    }

    /// What holds for scaling down where `behavior` says nothing.
    #[must_use]
    pub fn default_down() -> Self {
        let percent = HpaPolicy { percent: true, value: 100, period_seconds: 15 };
        Self { stabilization_window_seconds: None, select: HpaSelectPolicy::Max, policies: Box::new([percent]) }
    }
}

/// `selectPolicy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's policy, spelled alike")]
pub enum HpaSelectPolicy {
    Max,
    Min,
    Disabled,
}

/// One of `policies`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HpaPolicy {
    /// `type: Percent`; otherwise `Pods`.
    pub percent: bool,
    /// `value`.
    pub value: i32,
    /// `periodSeconds`.
    pub period_seconds: i32,
}

/// `status` of a HorizontalPodAutoscaler.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HpaStatus {
    /// `currentReplicas`.
    pub current_replicas: i32,
    /// `desiredReplicas`.
    pub desired_replicas: i32,
    /// `lastScaleTime`.
    pub last_scale: Option<SimTime>,
    /// Conditions: type, whether True, reason.
    pub conditions: Vec<(&'static str, bool, &'static str)>,
    /// The current values of the metrics, as `kubectl get hpa` shows them; `None`: unknown.
    pub current: Vec<Option<i64>>,
}

/// `status` of a PodDisruptionBudget.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BudgetState {
    /// `disruptionsAllowed`.
    pub disruptions_allowed: i32,
    /// `currentHealthy`.
    pub current_healthy: i32,
    /// `desiredHealthy`.
    pub desired_healthy: i32,
    /// `expectedPods`.
    pub expected_pods: i32,
    /// `observedGeneration`.
    pub observed_generation: u32,
    /// `disruptedPods`: pods that are being evicted, with the time of their eviction.
    pub disrupted: Vec<(crate::model::ids::PodUid, SimTime)>,
    /// How many evictions the budget was ever charged for: a status that was computed from fewer is out of date.
    pub charged: u64,
}

/// A ResourceQuota.
#[derive(Clone, PartialEq, Debug)]
pub struct QuotaSpec {
    /// `spec.hard`.
    pub hard: ResourceList,
    /// Those of `hard` that bound the claims of one storage class.
    pub of_classes: Box<[ClassBound]>,
    /// `spec.scopes` and `spec.scopeSelector`.
    pub scopes: Box<[QuotaScope]>,
}

/// A bound on the claims of a storage class (`gold.storageclass.storage.k8s.io/requests.storage`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassBound {
    /// The class.
    pub class: StrId,
    /// The name of the resource.
    pub resource: Box<str>,
    /// Whether it is on how much they request; otherwise on how many there are.
    pub is_storage: bool,
}

/// One requirement on the pods that a quota counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaScope {
    /// The scope.
    pub name: QuotaScopeName,
    /// How its value is compared.
    pub operator: QuotaScopeOperator,
    /// `values`.
    pub values: Box<[StrId]>,
}

/// What a quota's scope looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's scope, spelled alike")]
pub enum QuotaScopeName {
    Terminating,
    NotTerminating,
    BestEffort,
    NotBestEffort,
    PriorityClass,
    CrossNamespacePodAffinity,
    VolumeAttributesClass,
}

/// How a quota's scope compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's operator, spelled alike")]
pub enum QuotaScopeOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// `status` of a ResourceQuota.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QuotaStatus {
    /// `hard`: what is enforced.
    pub hard: ResourceList,
    /// `used`, of resources that are counted.
    pub used: ResourceList,
    /// How often something was admitted and charged: a status that was computed from less is out of date.
    pub charged: u64,
}

/// A LimitRange.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitRangeSpec {
    /// `spec.limits`.
    pub limits: Box<[LimitItem]>,
}

/// What a limit is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's type, spelled alike")]
pub enum LimitType {
    Pod,
    Container,
    PersistentVolumeClaim,
}
