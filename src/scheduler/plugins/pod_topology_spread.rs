//! PodTopologySpread: pods that are alike are spread over domains, nodes of one label value each. Owns which constraints a
//! pod has, the filter and the queueing hints; the score is in [`super::pod_topology_spread_score`]. Knows neither view nor
//! queue: whoever asks brings nodes and pods. Mirrors pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering,
//! plugin}.go and plugins/helper/spread.go (v1.34.1).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{node_affinity, taint_toleration};
use crate::model::strings::known;
use crate::model::{
    CompiledSelector, NodeAffinity, NodeInclusionPolicy, NodeLabels, OwnedPods, PodLabels, SpreadConstraint, StrId,
    Taint, Toleration, WhenUnsatisfiable,
};
use crate::scheduler::framework::{Reason, Verdict};

/// The pod that wants a node, as far as its constraints look at it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Namespace and labels.
    pub pod: PodLabels<'a>,
    /// `spec.nodeSelector`.
    pub node_selector: &'a [(StrId, StrId)],
    /// `spec.affinity.nodeAffinity`.
    pub node_affinity: Option<&'a NodeAffinity>,
    /// `spec.tolerations`.
    pub tolerations: &'a [Toleration],
}

/// For each constraint the domain in which a node counts; `None` if it does not count.
pub type NodeDomains = SmallVec<[Option<StrId>; 2]>;

/// The constraints of the system's default profile: hostnames with a skew of 3 and zones with a skew of 5, as scores.
#[must_use]
pub fn system_defaults() -> [SpreadConstraint; 2] {
    [(known::LABEL_HOSTNAME, 3), (known::LABEL_ZONE, 5)].map(|(topology_key, max_skew)| SpreadConstraint {
        max_skew,
        topology_key,
        when_unsatisfiable: WhenUnsatisfiable::ScheduleAnyway,
        selector: CompiledSelector::nothing(),
        min_domains: 1,
        node_affinity_policy: NodeInclusionPolicy::Honor,
        node_taints_policy: NodeInclusionPolicy::Ignore,
    })
}

/// The constraints of one kind that a pod has: of its own, or if it has none at all, the default ones with the selector of
/// its Services and owner. None of these if that selector is empty.
#[must_use]
pub fn constraints(
    own: &[SpreadConstraint],
    defaults: &[SpreadConstraint],
    when: WhenUnsatisfiable,
    selector: impl FnOnce() -> CompiledSelector,
) -> Vec<SpreadConstraint> {
    let of_kind = |list: &[SpreadConstraint]| -> Vec<SpreadConstraint> {
        list.iter().filter(|constraint| constraint.when_unsatisfiable == when).cloned().collect()
    };
    if !own.is_empty() {
        return of_kind(own);
    }
    let mut defaults = of_kind(defaults);
    if defaults.is_empty() {
        return defaults;
    }
    let selector = selector();
    if selector.is_everything() {
        return Vec::new();
    }
    defaults.iter_mut().for_each(|constraint| constraint.selector.clone_from(&selector));
    defaults
}

/// What a pod's Services and its controller select together. `services` are the selectors of the Services of the pod's
/// namespace; those that do not select the pod, or have no pair, say nothing.
#[must_use]
pub fn default_selector<'a>(
    pod: PodLabels<'_>,
    services: impl Iterator<Item = &'a [(StrId, StrId)]>,
    owner: Option<&OwnedPods>,
) -> CompiledSelector {
    let mut pairs: BTreeMap<StrId, StrId> = BTreeMap::new();
    for selector in services {
        if selector.iter().all(|&(key, value)| pod.labels.get(key) == Some(value)) {
            pairs.extend(selector.iter().copied());
        }
    }
    if let Some(OwnedPods::Labels(labels)) = owner {
        pairs.extend(labels.iter().copied());
    }
    let pairs: Vec<(StrId, StrId)> = pairs.into_iter().collect();
    let selector = CompiledSelector::of_pairs(&pairs);
    match owner {
        Some(OwnedPods::Selector(owned)) => selector.with_requirements_of(owned),
        _ => selector,
    }
}

/// Whether the constraint's policies let a node count for a pod.
pub(crate) fn includes(
    constraint: &SpreadConstraint,
    pod: &Incoming<'_>,
    node: &impl NodeLabels,
    taints: &[Taint],
) -> bool {
    let honors = |policy: NodeInclusionPolicy| policy == NodeInclusionPolicy::Honor;
    (!honors(constraint.node_affinity_policy) || node_affinity::matches(pod.node_selector, pod.node_affinity, node))
        && (!honors(constraint.node_taints_policy)
            || taint_toleration::first_untolerated(taints, pod.tolerations).is_none())
}

/// Whether a node has the labels of all constraints.
#[must_use]
pub fn has_all_keys(constraints: &[SpreadConstraint], node: &impl NodeLabels) -> bool {
    constraints.iter().all(|constraint| node.label(constraint.topology_key).is_some())
}

/// Whether an existing pod counts. Terminating ones do not, and under an empty selector none does, although it matches all.
pub(super) fn counts(
    constraint: &SpreadConstraint,
    incoming: PodLabels<'_>,
    pod: PodLabels<'_>,
    terminating: bool,
) -> bool {
    !terminating && selects(&constraint.selector, incoming.namespace, pod)
}

/// Whether a constraint's selector, of a pod in `namespace`, counts an existing pod that is not terminating.
pub(crate) fn selects(selector: &CompiledSelector, namespace: StrId, pod: PodLabels<'_>) -> bool {
    pod.namespace == namespace && !selector.is_everything() && selector.selects(pod.labels)
}

/// Whether a constraint's selector counts a pod that comes or goes in thought: upstream's AddPod and RemovePod know neither
/// terminating pods nor what is special about an empty selector.
pub(crate) fn selects_in_thought(selector: &CompiledSelector, namespace: StrId, pod: PodLabels<'_>) -> bool {
    pod.namespace == namespace && selector.selects(pod.labels)
}

/// The fewest pods of a domain, if `least` is the fewest of the `domains` that there are; 0 if there are fewer than wanted.
pub(crate) fn fewest(least: Option<i64>, domains: usize, min_domains: i32) -> i64 {
    let enough = usize::try_from(min_domains).is_ok_and(|wanted| domains >= wanted);
    least.filter(|_| enough).unwrap_or(0)
}

/// Whether a domain with so many pods would have too many more than that with the `fewest` if the pod came, which counts
/// `itself` times.
pub(crate) const fn exceeds(there: i64, itself: i64, fewest: i64, max_skew: i32) -> bool {
    there + itself - fewest > max_skew as i64
}

/// How many matching pods the domains of a constraint have.
#[derive(Clone, Debug, Default)]
struct Domains {
    counts: FxHashMap<StrId, i64>,
    /// How many domains have so many pods.
    levels: BTreeMap<i64, u32>,
}

impl Domains {
    fn add(&mut self, domain: StrId, pods: i64) {
        let count = self.counts.entry(domain).or_insert_with(|| {
            *self.levels.entry(0).or_insert(0) += 1;
            0
        });
        if pods != 0 {
            if let Some(level) = self.levels.get_mut(count) {
                *level -= 1;
                if *level == 0 {
                    self.levels.remove(count);
                }
            }
            *count += pods;
            *self.levels.entry(*count).or_insert(0) += 1;
        }
    }

    /// The fewest pods of a domain; 0 if there are fewer domains than wanted.
    fn min(&self, min_domains: i32) -> i64 {
        fewest(self.levels.keys().next().copied(), self.counts.len(), min_domains)
    }
}

/// What PreFilter counted. To be filled with [`add_node`](Self::add_node) for every node and [`count`](Self::count) for every
/// pod on it; [`update`](Self::update) then adds and removes pods in thought.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    incoming: Incoming<'a>,
    constraints: Vec<(SpreadConstraint, Domains)>,
}

impl<'a> Filter<'a> {
    /// Nothing counted yet. `constraints` are those with DoNotSchedule.
    #[must_use]
    pub fn new(incoming: Incoming<'a>, constraints: Vec<SpreadConstraint>) -> Self {
        let constraints = constraints.into_iter().map(|constraint| (constraint, Domains::default())).collect();
        Self { incoming, constraints }
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn skips(&self) -> bool {
        self.constraints.is_empty()
    }

    /// Where a node counts: nowhere unless it has the labels of all constraints.
    #[must_use]
    pub fn domains_of(&self, node: &impl NodeLabels, taints: &[Taint]) -> NodeDomains {
        let has_all = self.constraints.iter().all(|(constraint, _)| node.label(constraint.topology_key).is_some());
        let domain = |(constraint, _): &(SpreadConstraint, Domains)| {
            node.label(constraint.topology_key)
                .filter(|_| has_all && includes(constraint, &self.incoming, node, taints))
        };
        self.constraints.iter().map(domain).collect()
    }

    /// A node is there, with or without pods.
    pub fn add_node(&mut self, domains: &NodeDomains) {
        for ((_, counted), domain) in self.constraints.iter_mut().zip(domains) {
            if let Some(domain) = domain {
                counted.add(*domain, 0);
            }
        }
    }

    /// A pod is on the node of these domains.
    pub fn count(&mut self, domains: &NodeDomains, pod: PodLabels<'_>, terminating: bool) {
        for ((constraint, counted), domain) in self.constraints.iter_mut().zip(domains) {
            if let Some(domain) = domain
                && counts(constraint, self.incoming.pod, pod, terminating)
            {
                counted.add(*domain, 1);
            }
        }
    }

    /// If a pod came to the node of these domains (1) or left it (-1).
    pub fn update(&mut self, domains: &NodeDomains, pod: PodLabels<'_>, delta: i64) {
        for ((constraint, counted), domain) in self.constraints.iter_mut().zip(domains) {
            if let Some(domain) = domain
                && selects_in_thought(&constraint.selector, self.incoming.pod.namespace, pod)
            {
                counted.add(*domain, delta);
            }
        }
    }

    /// Rejects a node that lacks a label, or whose domain would have too many pods more than the one with the fewest. The
    /// first constraint that is not met gives the reason.
    #[must_use]
    pub fn verdict(&self, node: &impl NodeLabels) -> Verdict {
        for (constraint, counted) in &self.constraints {
            let Some(domain) = node.label(constraint.topology_key) else {
                return Verdict::unresolvable(Reason::TopologySpreadLabel);
            };
            let itself = i64::from(constraint.selector.selects(self.incoming.pod.labels));
            let there = counted.counts.get(&domain).copied().unwrap_or(0);
            if exceeds(there, itself, counted.min(constraint.min_domains), constraint.max_skew) {
                return Verdict::unschedulable(Reason::TopologySpread);
            }
        }
        Verdict::Fits
    }
}

/// Hint for an assigned pod that was added or deleted: some constraint selects it. One that is terminating says nothing.
#[must_use]
pub fn hint_pod(
    constraints: &[SpreadConstraint],
    pending: PodLabels<'_>,
    pod: PodLabels<'_>,
    terminating: bool,
) -> bool {
    !terminating
        && pod.namespace == pending.namespace
        && constraints.iter().any(|constraint| constraint.selector.selects(pod.labels))
}

/// Hint for an assigned pod, or the pending one itself, whose labels changed: some constraint selects it now and did not, or
/// the other way round.
#[must_use]
pub fn hint_pod_updated(
    constraints: &[SpreadConstraint],
    pending: PodLabels<'_>,
    old: PodLabels<'_>,
    new: PodLabels<'_>,
) -> bool {
    let flips = |c: &SpreadConstraint| c.selector.selects(old.labels) != c.selector.selects(new.labels);
    new.namespace == pending.namespace && old.labels != new.labels && constraints.iter().any(flips)
}

/// Hint for changed tolerations of the pending pod: a constraint leaves nodes with untolerated taints out.
#[must_use]
pub fn hint_own_tolerations(constraints: &[SpreadConstraint]) -> bool {
    constraints.iter().any(|constraint| constraint.node_taints_policy == NodeInclusionPolicy::Honor)
}

/// Hint for a node that was added (`old` is `None`), removed (`new` is `None`) or changed: it has all labels, or had them, and
/// their values or its taints changed.
#[must_use]
pub fn hint_node<N: NodeLabels>(
    constraints: &[SpreadConstraint],
    old: Option<(&N, &[Taint])>,
    new: Option<(&N, &[Taint])>,
) -> bool {
    let matches = |node: Option<(&N, &[Taint])>| node.is_some_and(|(node, _)| has_all_keys(constraints, node));
    match (old, new) {
        (Some((before, taints_before)), Some((after, taints_after))) if matches(old) && matches(new) => {
            taints_before != taints_after
                || constraints.iter().any(|c| before.label(c.topology_key) != after.label(c.topology_key))
        }
        _ => matches(old) != matches(new),
    }
}

#[cfg(test)]
#[path = "pod_topology_spread_tests.rs"]
mod tests;
