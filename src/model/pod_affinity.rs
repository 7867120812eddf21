//! Pod affinity and anti-affinity: terms over other pods' labels and namespaces, interned. Knows no scheduler. Mirrors
//! `AffinityTerm` of staging/src/k8s.io/kube-scheduler/framework/types.go (v1.34.1).

use super::ids::StrId;
use super::selector::CompiledSelector;
use super::strings::{LabelSet, Strings, known};

/// `spec.affinity.podAffinity` and `podAntiAffinity` of a pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PodAffinity {
    /// Required affinity: all terms must hold, of one and the same pod.
    pub required: Box<[PodAffinityTerm]>,
    /// Preferred affinity with weights from 1 to 100.
    pub preferred: Box<[(u8, PodAffinityTerm)]>,
    /// Required anti-affinity: no term may hold.
    pub anti_required: Box<[PodAffinityTerm]>,
    /// Preferred anti-affinity with weights from 1 to 100.
    pub anti_preferred: Box<[(u8, PodAffinityTerm)]>,
}

/// A term: pods with these labels in these namespaces, near in this sense.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PodAffinityTerm {
    /// Nodes with one value of this label are one place.
    pub topology_key: StrId,
    /// Which pods, with `matchLabelKeys` and `mismatchLabelKeys` merged in.
    pub selector: CompiledSelector,
    /// Namespaces by name; the pod's own if the manifest names none and has no `namespaceSelector`.
    pub namespaces: Box<[StrId]>,
    /// Whether that is so.
    pub in_own_namespace: bool,
    /// Namespaces by label; selects nothing if the manifest has no `namespaceSelector`.
    pub namespace_selector: CompiledSelector,
}

/// A namespace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Namespace {
    /// Name.
    pub name: StrId,
    /// Labels, among them `kubernetes.io/metadata.name`.
    pub labels: LabelSet,
}

impl Namespace {
    /// A namespace with these labels, and with the one that every namespace has.
    pub fn new<'a>(name: &'a str, labels: impl IntoIterator<Item = (&'a str, &'a str)>, strings: &mut Strings) -> Self {
        let own = strings.text(known::LABEL_METADATA_NAME).to_owned();
        let mut labels: Vec<(&str, &str)> = labels.into_iter().collect();
        labels.push((&own, name));
        let labels = strings.intern_labels(labels);
        Self { name: strings.intern(name), labels: strings.labels(labels).clone() }
    }

    /// A namespace of which nothing is said.
    pub fn bare(name: StrId, strings: &mut Strings) -> Self {
        let text = strings.text(name).to_owned();
        Self::new(&text, [], strings)
    }
}

/// A pod as terms and selectors look at it.
#[derive(Clone, Copy, Debug)]
pub struct PodLabels<'a> {
    /// Its namespace.
    pub namespace: StrId,
    /// Its labels.
    pub labels: &'a LabelSet,
}

impl PodAffinityTerm {
    /// Whether it is about a pod, in a namespace with these labels.
    #[must_use]
    pub fn matches(&self, pod: PodLabels<'_>, namespace: &LabelSet) -> bool {
        (self.namespaces.contains(&pod.namespace) || self.namespace_selector.selects(namespace))
            && self.selector.selects(pod.labels)
    }
}

impl PodAffinity {
    /// Whether there is a required term.
    #[must_use]
    pub fn requires(&self) -> bool {
        !self.required.is_empty() || !self.anti_required.is_empty()
    }

    /// Whether there is a preferred term.
    #[must_use]
    pub fn prefers(&self) -> bool {
        !self.preferred.is_empty() || !self.anti_preferred.is_empty()
    }

    /// Every term.
    pub fn terms(&self) -> impl Iterator<Item = &PodAffinityTerm> {
        let preferred = self.preferred.iter().chain(&self.anti_preferred).map(|(_, term)| term);
        self.required.iter().chain(&self.anti_required).chain(preferred)
    }

    /// Every term of both kinds.
    pub fn terms_mut(&mut self) -> impl Iterator<Item = &mut PodAffinityTerm> {
        let preferred = self.preferred.iter_mut().chain(&mut self.anti_preferred).map(|(_, term)| term);
        self.required.iter_mut().chain(&mut self.anti_required).chain(preferred)
    }
}
