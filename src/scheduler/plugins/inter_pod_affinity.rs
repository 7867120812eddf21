//! InterPodAffinity: pods that must, may not, or would rather run near other pods. Knows neither view nor queue: whoever asks
//! brings nodes and pods. Mirrors pkg/scheduler/framework/plugins/interpodaffinity/{filtering,scoring,plugin}.go (v1.34.1).

use rustc_hash::FxHashMap;

use crate::model::profile::InterPodAffinityArgs;
use crate::model::{LabelSet, Namespace, NodeLabels, PodAffinity, PodAffinityTerm, PodLabels, StrId};
use crate::scheduler::framework::{MAX_NODE_SCORE, Reason, Verdict};

/// The pod that wants a node.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Namespace and labels.
    pub pod: PodLabels<'a>,
    /// The labels of its namespace; none if nobody knows it.
    pub namespace_labels: &'a LabelSet,
    /// Its terms.
    pub affinity: Option<&'a PodAffinity>,
}

/// A pod that is on a node, or is thought to be.
#[derive(Clone, Copy, Debug)]
pub struct Existing<'a> {
    /// Namespace and labels.
    pub pod: PodLabels<'a>,
    /// Its terms.
    pub affinity: Option<&'a PodAffinity>,
}

/// The incoming pod's term with the namespaces that its selector finds, by name.
///
/// In 1.34 the selector stays in the term and is asked again later, about no labels: one that a namespace without labels
/// would satisfy is true of every namespace.
pub(crate) fn resolved<'n>(term: &PodAffinityTerm, namespaces: impl Iterator<Item = &'n Namespace>) -> PodAffinityTerm {
    let mut term = term.clone();
    if !term.namespace_selector.is_everything() {
        let found = namespaces.filter(|namespace| term.namespace_selector.selects(&namespace.labels));
        let names = term.namespaces.iter().copied().chain(found.map(|namespace| namespace.name));
        term.namespaces = names.collect();
    }
    term
}

/// Whether a pod matches all terms, of which there is one.
pub(crate) fn matches_all(terms: &[PodAffinityTerm], pod: PodLabels<'_>) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(pod, &LabelSet::default()))
}

/// Sums by topology key and value.
#[derive(Clone, Debug, Default)]
struct Topologies(Vec<(StrId, FxHashMap<StrId, i64>)>);

impl Topologies {
    fn add(&mut self, key: StrId, value: StrId, amount: i64) -> i64 {
        let at = self.0.iter().position(|&(k, _)| k == key).unwrap_or_else(|| {
            self.0.push((key, FxHashMap::default()));
            self.0.len() - 1
        });
        let sum = self.0[at].1.entry(value).or_insert(0);
        *sum += amount;
        *sum
    }

    /// As [`add`](Self::add), where a sum of zero is no sum.
    fn count(&mut self, key: StrId, value: StrId, pods: i64) {
        if self.add(key, value, pods) == 0 {
            self.0.retain_mut(|(k, values)| {
                if *k == key {
                    values.remove(&value);
                }
                !values.is_empty()
            });
        }
    }

    fn get(&self, key: StrId, value: StrId) -> i64 {
        let values = self.0.iter().find(|&&(k, _)| k == key).map(|(_, values)| values);
        values.and_then(|values| values.get(&value)).copied().unwrap_or(0)
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sums of the node's own values of all keys.
    fn of<'a>(&'a self, node: &'a impl NodeLabels) -> impl Iterator<Item = i64> + 'a {
        self.0.iter().filter_map(|(key, values)| values.get(&node.label(*key)?).copied())
    }
}

/// What PreFilter counted. To be filled with [`count`](Self::count) for every pod of the cluster; then the same function adds
/// and removes pods in thought.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    incoming: Incoming<'a>,
    required: Vec<PodAffinityTerm>,
    anti_required: Vec<PodAffinityTerm>,
    /// Pods that match all required terms, once a term.
    affinity: Topologies,
    /// Pods that match terms of required anti-affinity.
    anti_affinity: Topologies,
    /// Terms of existing pods' required anti-affinity that match the incoming one.
    existing_anti_affinity: Topologies,
}

impl<'a> Filter<'a> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new<'n>(incoming: Incoming<'a>, namespaces: impl Iterator<Item = &'n Namespace> + Clone) -> Self {
        let resolve = |terms: Option<&[PodAffinityTerm]>| {
            terms.unwrap_or_default().iter().map(|term| resolved(term, namespaces.clone())).collect()
        };
        Self {
            incoming,
            required: resolve(incoming.affinity.map(|affinity| &*affinity.required)),
            anti_required: resolve(incoming.affinity.map(|affinity| &*affinity.anti_required)),
            affinity: Topologies::default(),
            anti_affinity: Topologies::default(),
            existing_anti_affinity: Topologies::default(),
        }
    }

    /// A pod is on a node (1), or came to it in thought (1), or left it in thought (-1).
    pub fn count(&mut self, existing: Existing<'_>, node: &impl NodeLabels, delta: i64) {
        let (incoming, no_labels) = (self.incoming, LabelSet::default());
        let place = |sums: &mut Topologies, term: &PodAffinityTerm| {
            if let Some(value) = node.label(term.topology_key) {
                sums.count(term.topology_key, value, delta);
            }
        };
        for term in existing.affinity.iter().flat_map(|affinity| &affinity.anti_required) {
            if term.matches(incoming.pod, incoming.namespace_labels) {
                place(&mut self.existing_anti_affinity, term);
            }
        }
        if matches_all(&self.required, existing.pod) {
            self.required.iter().for_each(|term| place(&mut self.affinity, term));
        }
        for term in self.anti_required.iter().filter(|term| term.matches(existing.pod, &no_labels)) {
            place(&mut self.anti_affinity, term);
        }
    }

    /// Whether there is nothing to look at. Upstream decides it before it adds or removes pods in thought.
    #[must_use]
    pub fn skips(&self) -> bool {
        self.required.is_empty() && self.anti_required.is_empty() && self.existing_anti_affinity.is_empty()
    }

    /// Rejects a node away from the pods that the pod must be near, or near pods that it, or that themselves, cannot stand.
    #[must_use]
    pub fn verdict(&self, node: &impl NodeLabels) -> Verdict {
        if !self.satisfies_affinity(node) {
            return Verdict::unresolvable(Reason::PodAffinity);
        }
        let near = |term: &PodAffinityTerm| {
            node.label(term.topology_key).is_some_and(|value| self.anti_affinity.get(term.topology_key, value) > 0)
        };
        if self.anti_required.iter().any(near) {
            return Verdict::unschedulable(Reason::PodAntiAffinity);
        }
        if self.existing_anti_affinity.of(node).any(|count| count > 0) {
            return Verdict::unschedulable(Reason::ExistingPodsAntiAffinity);
        }
        Verdict::Fits
    }

    fn satisfies_affinity(&self, node: &impl NodeLabels) -> bool {
        let mut near = true;
        for term in &self.required {
            let Some(value) = node.label(term.topology_key) else { return false };
            near &= self.affinity.get(term.topology_key, value) > 0;
        }
        // The first pod of a group whose pods want to be near each other.
        near || (self.affinity.is_empty() && matches_all(&self.required, self.incoming.pod))
    }
}

/// What PreScore counted. To be filled with [`count`](Self::count) for every pod of the cluster.
#[derive(Clone, Debug)]
pub struct Score<'a> {
    incoming: Incoming<'a>,
    preferred: Vec<(u8, PodAffinityTerm)>,
    anti_preferred: Vec<(u8, PodAffinityTerm)>,
    hard_weight: i64,
    ignores_existing: bool,
    sums: Topologies,
}

impl<'a> Score<'a> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new<'n>(
        incoming: Incoming<'a>,
        args: InterPodAffinityArgs,
        namespaces: impl Iterator<Item = &'n Namespace> + Clone,
    ) -> Self {
        let resolve = |terms: Option<&[(u8, PodAffinityTerm)]>| -> Vec<(u8, PodAffinityTerm)> {
            let terms = terms.unwrap_or_default().iter();
            terms.map(|(weight, term)| (*weight, resolved(term, namespaces.clone()))).collect()
        };
        let prefers = incoming.affinity.is_some_and(PodAffinity::prefers);
        Self {
            incoming,
            preferred: resolve(incoming.affinity.map(|affinity| &*affinity.preferred)),
            anti_preferred: resolve(incoming.affinity.map(|affinity| &*affinity.anti_preferred)),
            hard_weight: args.hard_pod_affinity_weight,
            ignores_existing: args.ignore_preferred_terms_of_existing_pods && !prefers,
            sums: Topologies::default(),
        }
    }

    /// A pod is on a node.
    pub fn count(&mut self, existing: Existing<'_>, node: &impl NodeLabels) {
        if self.ignores_existing {
            return;
        }
        let (incoming, no_labels) = (self.incoming, LabelSet::default());
        let sums = &mut self.sums;
        let mut add = |term: &PodAffinityTerm, pod: PodLabels<'_>, namespace: &LabelSet, weight: i64| {
            if term.matches(pod, namespace)
                && let Some(value) = node.label(term.topology_key)
            {
                sums.add(term.topology_key, value, weight);
            }
        };
        for (weight, term) in &self.preferred {
            add(term, existing.pod, &no_labels, i64::from(*weight));
        }
        for (weight, term) in &self.anti_preferred {
            add(term, existing.pod, &no_labels, -i64::from(*weight));
        }
        let Some(affinity) = existing.affinity else { return };
        for term in affinity.required.iter().filter(|_| self.hard_weight > 0) {
            add(term, incoming.pod, incoming.namespace_labels, self.hard_weight);
        }
        for (weight, term) in &affinity.preferred {
            add(term, incoming.pod, incoming.namespace_labels, i64::from(*weight));
        }
        for (weight, term) in &affinity.anti_preferred {
            add(term, incoming.pod, incoming.namespace_labels, -i64::from(*weight));
        }
    }

    /// Whether there is nothing to score by.
    #[must_use]
    pub const fn skips(&self) -> bool {
        self.sums.is_empty()
    }

    /// A node's raw score: more is better, and it may be negative.
    #[must_use]
    pub fn raw(&self, node: &impl NodeLabels) -> i64 {
        self.sums.of(node).sum()
    }
}

/// The scores of feasible nodes from their raw ones.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn normalized(raw: &[i64]) -> Vec<i64> {
    let least = raw.iter().copied().min().unwrap_or(0);
    let most = raw.iter().copied().max().unwrap_or(0);
    let span = most - least;
    let one = |&raw: &i64| {
        // The division comes first: 29/50 of 100 is 57, not 58.
        if span > 0 { (MAX_NODE_SCORE as f64 * ((raw - least) as f64 / span as f64)) as i64 } else { 0 }
    };
    raw.iter().map(one).collect()
}

/// Whether an existing pod's terms say anything about an incoming one: whether the one can change the other's verdicts or
/// scores.
#[must_use]
pub fn concerns(affinity: &PodAffinity, incoming: PodLabels<'_>, namespace_labels: &LabelSet) -> bool {
    affinity.terms().any(|term| term.matches(incoming, namespace_labels))
}

/// Hint for an assigned pod that was added: it matches all required terms. Namespace selectors are not resolved here.
#[must_use]
pub fn hint_pod_added(pending: &PodAffinity, pod: PodLabels<'_>) -> bool {
    matches_all(&pending.required, pod)
}

/// Hint for an assigned pod that was deleted: it matched all terms of required anti-affinity.
#[must_use]
pub fn hint_pod_deleted(pending: &PodAffinity, pod: PodLabels<'_>) -> bool {
    matches_all(&pending.anti_required, pod)
}

/// Hint for an assigned pod whose labels changed.
#[must_use]
pub fn hint_pod_updated(pending: &PodAffinity, old: PodLabels<'_>, new: PodLabels<'_>) -> bool {
    (!matches_all(&pending.required, old) && matches_all(&pending.required, new))
        || (matches_all(&pending.anti_required, old) && !matches_all(&pending.anti_required, new))
}

/// Hint for a node that was added (`old` is `None`) or whose labels changed.
#[must_use]
pub fn hint_node<N: NodeLabels>(pending: &PodAffinity, old: Option<&N>, new: &N) -> bool {
    let joins = |term: &PodAffinityTerm| {
        let value = new.label(term.topology_key);
        value.is_some() && old.is_none_or(|old| old.label(term.topology_key) != value)
    };
    let leaves = |term: &PodAffinityTerm| {
        old.is_none_or(|old| {
            let value = old.label(term.topology_key);
            value.is_some() && new.label(term.topology_key) != value
        })
    };
    pending.required.iter().any(joins) || pending.anti_required.iter().any(leaves)
}

#[cfg(test)]
#[path = "inter_pod_affinity_tests.rs"]
mod tests;
