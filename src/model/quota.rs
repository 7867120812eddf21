//! What a pod counts for in ResourceQuotas, and whether one lets it in. Pure: knows quotas by their numbers.
//!
//! Mirrors pkg/quota/v1/evaluator/core/pods.go and staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota,
//! v1.34.

use std::collections::BTreeMap;

use crate::base::SimTime;
use crate::base::{Format, Quantity};
use crate::model::effective::{CPU, EPHEMERAL_STORAGE, MEMORY, Options};
use crate::model::objects::{QuotaScope, QuotaScopeName, QuotaScopeOperator};
use crate::model::profile::is_extended_resource;
use crate::model::{Phase, PodResources, ResourceList, ResourceRequirements, StrId};

const COUNT_PODS: &str = "count/pods";
const PODS: &str = "pods";
const HUGE_PAGES: &str = "hugepages-";

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
