//! What a pod counts for in ResourceQuotas, and whether one lets it in. Pure: knows quotas by their numbers.
//!
//! Mirrors pkg/quota/v1/evaluator/core/pods.go and staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota,
//! v1.34.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::SimTime;
use crate::base::{Format, Quantity};
use crate::model::effective::{CPU, EPHEMERAL_STORAGE, MEMORY, Options, StatusResources, is_pod_level_resource};
use crate::model::objects::{ObjectKind, QuotaScope, QuotaScopeName, QuotaScopeOperator, QuotaSpec};
use crate::model::profile::is_extended_resource;
use crate::model::qos::qos_class;
use crate::model::storage::PersistentVolumeClaim;
use crate::model::{
    ConfigKind, Phase, PodAffinity, PodResources, QosClass, ResourceList, ResourceRequirements, ServiceSpec,
    ServiceType, StrId,
};

const COUNT_PODS: &str = "count/pods";
const PODS: &str = "pods";
const HUGE_PAGES: &str = "hugepages-";

/// What admission looks at in a pod.
#[derive(Clone, PartialEq, Debug)]
pub struct PodAdmission {
    /// What it requests and may use.
    pub resources: PodResources,
    /// Names of its containers: init containers first, as in `resources`.
    pub containers: Box<[Box<str>]>,
    /// What quotas' scopes look at.
    pub scoped: Scoped,
    /// Whether an API server has let it in already.
    pub is_stored: bool,
}

impl PodAdmission {
    /// A pod of which nothing else is known.
    #[must_use]
    pub fn new(resources: &PodResources, containers: &[&str]) -> Arc<Self> {
        let best_effort = qos_class(resources) == QosClass::BestEffort;
        Arc::new(Self {
            resources: resources.clone(),
            containers: containers.iter().map(|&name| name.into()).collect(),
            scoped: Scoped { best_effort, ..Scoped::default() },
            is_stored: false,
        })
    }

    /// The same pod while its node grants it what `allocated` says: it counts for the greater of both.
    #[must_use]
    pub fn granted(&self, allocated: &Self) -> Self {
        let mut both = self.clone();
        let granted = allocated.resources.init.iter().chain(&allocated.resources.main);
        for (container, granted) in both.resources.init.iter_mut().chain(&mut both.resources.main).zip(granted) {
            let (allocated, actual) = (granted.spec.requests.clone(), granted.spec.clone());
            container.status = Some(StatusResources { allocated, actual });
        }
        both
    }

    /// Its containers with what they state; none if the pod states it as a whole.
    fn stating(&self) -> impl Iterator<Item = (&str, &ResourceRequirements)> + Clone {
        let states = |pod: &ResourceRequirements| {
            pod.requests.iter().chain(pod.limits.iter()).any(|(name, _)| is_pod_level_resource(name))
        };
        let is_stated = self.resources.pod.as_ref().is_some_and(states);
        let all = self.resources.init.iter().chain(&self.resources.main).map(|container| &container.spec);
        self.containers.iter().map(|name| &**name).zip(all).filter(move |_| !is_stated)
    }

    /// Whether a quota with these scopes is about the pod.
    #[must_use]
    pub fn is_in(&self, scopes: &[QuotaScope]) -> bool {
        scopes.iter().all(|scope| in_scope(&self.scoped, scope))
    }
}

/// Whether a term of affinity between pods says which namespaces it is about.
#[must_use]
pub fn names_namespaces(affinity: &PodAffinity) -> bool {
    let preferred = affinity.preferred.iter().chain(&affinity.anti_preferred).map(|(_, term)| term);
    let mut terms = affinity.required.iter().chain(&affinity.anti_required).chain(preferred);
    terms.any(|term| !term.in_own_namespace)
}

/// Something that is to be created, as quotas see it.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// A pod.
    Pod(&'a PodAdmission),
    /// A claim.
    Claim(&'a PersistentVolumeClaim),
    /// A claim that is written anew.
    Grown {
        /// As it is.
        before: &'a PersistentVolumeClaim,
        /// As it then is.
        after: &'a PersistentVolumeClaim,
    },
    /// A pod whose resources a user changes.
    Resize {
        /// As it counts.
        before: &'a PodAdmission,
        /// As it then counts.
        after: &'a PodAdmission,
    },
    /// A ConfigMap or Secret.
    Config(ConfigKind),
    /// An object of a controller.
    Object(ObjectKind),
}

impl Asked<'_> {
    /// What it counts for in a quota; `None`: the quota is not about it.
    #[must_use]
    pub fn usage(&self, spec: &QuotaSpec) -> Option<ResourceList> {
        match self {
            Self::Pod(pod) => pod.is_in(&spec.scopes).then(|| usage(&pod.resources, true)),
            Self::Claim(claim) => claim_usage(claim, spec),
            Self::Grown { before, after } => {
                let before = claim_usage(before, spec).unwrap_or_default();
                Some(growth(&claim_usage(after, spec)?, &before))
            }
            Self::Resize { before, after } => after
                .is_in(&spec.scopes)
                .then(|| growth(&usage(&after.resources, true), &usage(&before.resources, true))),
            Self::Config(kind) => spec.scopes.is_empty().then(|| config_usage(*kind)),
            Self::Object(kind) => spec.scopes.is_empty().then(|| object_usage(*kind)),
        }
    }
}

/// By how much `now` is more than `before`: what is given back is counted when it is.
fn growth(now: &ResourceList, before: &ResourceList) -> ResourceList {
    let more = now.iter().map(|(name, amount)| (name, amount.minus(before.get(name).unwrap_or(Quantity::ZERO))));
    more.filter(|(_, amount)| *amount > Quantity::ZERO).collect()
}

fn one(names: &[&str]) -> ResourceList {
    names.iter().map(|&name| (name, Quantity::new(1, Format::DecimalSi))).collect()
}

/// What a claim counts for; `None`: the quota is not about it. Source: pkg/quota/v1/evaluator/core/persistent_volume_claims.go.
#[must_use]
pub fn claim_usage(claim: &PersistentVolumeClaim, spec: &QuotaSpec) -> Option<ResourceList> {
    let is_in = |scope: &QuotaScope| {
        let has = claim.attributes_class != crate::model::strings::known::EMPTY;
        let among = scope.values.contains(&claim.attributes_class);
        scope.name == QuotaScopeName::VolumeAttributesClass
            && match scope.operator {
                QuotaScopeOperator::In => has && among,
                QuotaScopeOperator::NotIn => !(has && among),
                QuotaScopeOperator::Exists => has,
                QuotaScopeOperator::DoesNotExist => !has,
            }
    };
    if !spec.scopes.iter().all(is_in) {
        return None;
    }
    let mut usage = one(&["persistentvolumeclaims", "count/persistentvolumeclaims"]);
    if let Some(size) = claim.request {
        usage.set("requests.storage", size);
    }
    for bound in spec.of_classes.iter().filter(|bound| bound.class == claim.class_name()) {
        let amount = if bound.is_storage { claim.request } else { Some(Quantity::new(1, Format::DecimalSi)) };
        if let Some(amount) = amount {
            usage.set(&bound.resource, amount);
        }
    }
    Some(usage)
}

/// What a service counts for. Source: pkg/quota/v1/evaluator/core/services.go.
#[must_use]
pub fn service_usage(service: &ServiceSpec) -> ResourceList {
    let mut usage = one(&["services", "count/services"]);
    let ports = Quantity::new(i64::try_from(service.ports.len()).unwrap_or(i64::MAX), Format::DecimalSi);
    match service.kind {
        ServiceType::NodePort => usage.set("services.nodeports", ports),
        ServiceType::LoadBalancer => {
            usage.set("services.nodeports", ports);
            usage.set("services.loadbalancers", Quantity::new(1, Format::DecimalSi));
        }
        ServiceType::ClusterIp | ServiceType::Headless | ServiceType::ExternalName => {}
    }
    usage
}

/// What a ConfigMap (or a Secret) counts for.
#[must_use]
pub fn config_usage(kind: ConfigKind) -> ResourceList {
    one(match kind {
        ConfigKind::Secret => &["secrets", "count/secrets"],
        ConfigKind::ConfigMap => &["configmaps", "count/configmaps"],
    })
}

/// What an object of a controller counts for: itself.
#[must_use]
pub fn object_usage(kind: ObjectKind) -> ResourceList {
    one(match kind {
        ObjectKind::ReplicationController => &["replicationcontrollers", "count/replicationcontrollers"],
        ObjectKind::ReplicaSet => &["count/replicasets.apps"],
        ObjectKind::Deployment => &["count/deployments.apps"],
        ObjectKind::StatefulSet => &["count/statefulsets.apps"],
        ObjectKind::DaemonSet => &["count/daemonsets.apps"],
        ObjectKind::Job => &["count/jobs.batch"],
        ObjectKind::CronJob => &["count/cronjobs.batch"],
        ObjectKind::HorizontalPodAutoscaler => &["count/horizontalpodautoscalers.autoscaling"],
        ObjectKind::PodDisruptionBudget => &["count/poddisruptionbudgets.policy"],
        ObjectKind::ResourceQuota => &["resourcequotas", "count/resourcequotas"],
        ObjectKind::LimitRange => &["count/limitranges"],
        ObjectKind::Namespace => &[],
    })
}

/// Whether anything that is counted here has this name.
#[must_use]
pub fn is_counted(resource: &str) -> bool {
    const COUNTED: [&str; 22] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "count/pods",
        "persistentvolumeclaims",
        "count/persistentvolumeclaims",
        "services",
        "count/services",
        "services.nodeports",
        "services.loadbalancers",
        "configmaps",
        "count/configmaps",
        "secrets",
        "count/secrets",
        "replicationcontrollers",
        "count/replicationcontrollers",
        "resourcequotas",
        "count/resourcequotas",
    ];
    const GROUPS: [&str; 4] = [".apps", ".batch", ".autoscaling", ".policy"];
    COUNTED.contains(&resource)
        || resource.starts_with("requests.")
        || resource.starts_with(HUGE_PAGES)
        || resource.contains(".storageclass.storage.k8s.io/")
        || resource == "count/limitranges"
        || (resource.starts_with("count/") && GROUPS.iter().any(|group| resource.ends_with(group)))
}

/// What a pod does not state although a quota that is about it enforces `hard`: upstream's text, without the quota's name.
#[must_use]
pub fn unmet(hard: &ResourceList, asked: &Asked<'_>) -> Option<String> {
    match asked {
        Asked::Pod(pod) | Asked::Resize { after: pod, .. } => unstated(hard, pod.stating()),
        _ => None,
    }
}

/// `used` with what was let in, as far as the quota bounds it.
#[must_use]
pub fn charge(used: &ResourceList, hard: &ResourceList, usage: &ResourceList) -> ResourceList {
    let mut sum = used.clone();
    sum.add(&mask(usage, hard));
    sum
}

/// What of `usage` a quota over `hard` bounds.
#[must_use]
pub fn mask(usage: &ResourceList, hard: &ResourceList) -> ResourceList {
    usage.iter().filter(|(name, _)| hard.get(name).is_some()).collect()
}

/// Whether a pod still counts for more than an object. `deletion`: when it must be gone, and the grace that it was given;
/// one that is stuck for another grace does not count any more.
#[must_use]
pub fn counts(phase: Phase, deletion: Option<SimTime>, grace: crate::base::SimDuration, now: SimTime) -> bool {
    !phase.is_terminal() && deletion.is_none_or(|end| now <= end + grace)
}

/// What a pod counts for, by the names that quotas use.
#[must_use]
pub fn usage(pod: &PodResources, counts: bool) -> ResourceList {
    let mut usage = ResourceList::new();
    usage.set(COUNT_PODS, Quantity::new(1, Format::DecimalSi));
    if counts {
        let options = Options { use_status: true, ..Options::default() };
        compute_usage(&mut usage, &pod.requests(&options), &pod.limits(&options));
        usage.set(PODS, Quantity::new(1, Format::DecimalSi));
    }
    usage
}

/// Requests and limits by the names that quotas use.
fn compute_usage(usage: &mut ResourceList, requests: &ResourceList, limits: &ResourceList) {
    let is_compute = |name: &str| matches!(name, CPU | MEMORY | EPHEMERAL_STORAGE);
    for (name, amount) in requests.iter() {
        let plain = is_compute(name) || name.starts_with(HUGE_PAGES);
        if plain {
            usage.set(name, amount);
        }
        if plain || is_extended_resource(name) {
            usage.set(&format!("requests.{name}"), amount);
        }
    }
    for (name, amount) in limits.iter().filter(|(name, _)| is_compute(name)) {
        usage.set(&format!("limits.{name}"), amount);
    }
}

/// What a quota's scopes look at in a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scoped {
    /// Whether `spec.activeDeadlineSeconds` is set.
    pub has_deadline: bool,
    /// Whether its class is BestEffort.
    pub best_effort: bool,
    /// `spec.priorityClassName`, if it has one.
    pub priority_class: Option<StrId>,
    /// Whether one of its terms of affinity between pods names namespaces.
    pub cross_namespace_affinity: bool,
}

/// Whether a pod is in a scope.
#[must_use]
pub fn in_scope(pod: &Scoped, scope: &QuotaScope) -> bool {
    match scope.name {
        QuotaScopeName::Terminating => pod.has_deadline,
        QuotaScopeName::NotTerminating => !pod.has_deadline,
        QuotaScopeName::BestEffort => pod.best_effort,
        QuotaScopeName::NotBestEffort => !pod.best_effort,
        QuotaScopeName::CrossNamespacePodAffinity => pod.cross_namespace_affinity,
        // This one is of claims.
        QuotaScopeName::VolumeAttributesClass => false,
        QuotaScopeName::PriorityClass => {
            let among = pod.priority_class.is_some_and(|class| scope.values.contains(&class));
            match scope.operator {
                QuotaScopeOperator::In => among,
                QuotaScopeOperator::NotIn => !among,
                QuotaScopeOperator::Exists => pod.priority_class.is_some(),
                QuotaScopeOperator::DoesNotExist => pod.priority_class.is_none(),
            }
        }
    }
}

/// Resources that every container must state if a quota limits them.
const MUST_BE_STATED: [&str; 6] = ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// Which of these containers (names and resources) do not state what a quota over `hard` wants to be stated: upstream's text.
#[must_use]
pub fn unstated<'a>(
    hard: &ResourceList,
    containers: impl Iterator<Item = (&'a str, &'a ResourceRequirements)> + Clone,
) -> Option<String> {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in MUST_BE_STATED.into_iter().filter(|name| hard.get(name).is_some()) {
        for (name, resources) in containers.clone() {
            let mut stated = ResourceList::new();
            compute_usage(&mut stated, &resources.requests, &resources.limits);
            if stated.get(resource).is_none() {
                missing.entry(resource).or_default().push(name);
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let lists = missing.into_iter().map(|(resource, mut names)| {
        names.sort_unstable();
        names.dedup();
        format!("{resource} for: {}", names.join(","))
    });
    Some(format!("must specify {}", lists.collect::<Vec<_>>().join("; ")))
}

/// What of a pod's usage would exceed a quota: upstream's text, without the quota's name. Only what the pod asks for and the
/// quota limits is looked at.
#[must_use]
pub fn exceeded(hard: &ResourceList, used: &ResourceList, usage: &ResourceList) -> Option<String> {
    let over = |(name, requested): (&str, Quantity)| {
        let (hard, used) = (hard.get(name)?, used.get(name).unwrap_or(Quantity::ZERO));
        (used.plus(requested) > hard).then(|| [requested, used, hard].map(|amount| format!("{name}={amount}")))
    };
    let over: Vec<[String; 3]> = usage.iter().filter_map(over).collect();
    if over.is_empty() {
        return None;
    }
    let list = |at: usize| over.iter().map(|texts| texts[at].as_str()).collect::<Vec<_>>().join(",");
    Some(format!("requested: {}, used: {}, limited: {}", list(0), list(1), list(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[(&str, &str)]) -> ResourceList {
        items.iter().map(|(name, text)| (*name, Quantity::parse(text).expect("a quantity"))).collect()
    }

    #[test]
    fn what_is_exceeded_is_named_with_its_numbers() {
        let hard = list(&[("requests.cpu", "3"), ("pods", "10"), ("limits.memory", "1Gi")]);
        let used = list(&[("requests.cpu", "3"), ("pods", "3"), ("limits.memory", "1Gi")]);
        let pod = list(&[("requests.cpu", "1"), ("cpu", "1"), ("pods", "1"), ("count/pods", "1")]);
        let text = "requested: requests.cpu=1, used: requests.cpu=3, limited: requests.cpu=3";
        assert_eq!(exceeded(&hard, &used, &pod).as_deref(), Some(text));
        assert_eq!(exceeded(&hard, &used, &list(&[("pods", "7")])), None);
    }

    #[test]
    fn containers_must_state_what_a_quota_limits() {
        let hard = list(&[("limits.cpu", "3"), ("memory", "1"), ("requests.nvidia.com/gpu", "4")]);
        let stated = ResourceRequirements { requests: list(&[("memory", "1")]), limits: list(&[("cpu", "1")]) };
        let nothing = ResourceRequirements::default();
        let text = "must specify limits.cpu for: b,c; memory for: b,c";
        let containers = [("c", &nothing), ("a", &stated), ("b", &nothing)];
        assert_eq!(unstated(&hard, containers.into_iter()).as_deref(), Some(text));
        assert_eq!(unstated(&hard, containers[1..2].iter().copied()), None);
    }
}
