//! What pods are to each other: namespaces and labels by which they are found, terms and constraints by which they look for
//! others, and what the scheduler's listers know of Namespaces, Services and owners. Knows no node and no usage. Mirrors
//! pkg/scheduler/framework/plugins/helper/spread.go and `GetNamespaceLabelsSnapshot` of the plugin interpodaffinity (v1.34.1).

use super::plugins::pod_topology_spread::{self, constraints, system_defaults};
use crate::model::profile::PodTopologySpreadArgs;
use crate::model::{
    CompiledSelector, LabelSet, Namespace, OwnerSelector, PodAffinity, PodClass, PodLabels, PodOwner, ServiceSpec,
    SpreadConstraint, StrId, WhenUnsatisfiable,
};

/// What a pod is to other pods, and what it asks of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Relations {
    /// Its namespace.
    pub namespace: StrId,
    /// Its labels.
    pub labels: LabelSet,
    /// `spec.affinity.podAffinity` and `podAntiAffinity`.
    pub affinity: Option<Box<PodAffinity>>,
    /// `spec.topologySpreadConstraints`.
    pub spread: Box<[SpreadConstraint]>,
    /// Its controller.
    pub owner: Option<PodOwner>,
}

impl Relations {
    pub(super) fn of(class: &PodClass) -> Self {
        Self {
            namespace: class.namespace,
            labels: class.labels.clone(),
            affinity: class.pod_affinity.clone(),
            spread: class.spread.clone(),
            owner: class.owner,
        }
    }

    /// The pod as selectors look at it.
    #[must_use]
    pub const fn pod(&self) -> PodLabels<'_> {
        PodLabels { namespace: self.namespace, labels: &self.labels }
    }
}

/// What a Service selects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceSelector {
    /// Its namespace.
    pub namespace: StrId,
    /// Labels.
    pub labels: Box<[(StrId, StrId)]>,
}

/// Objects that the scheduler looks up by namespace.
#[derive(Clone, Debug, Default)]
pub struct Listers {
    /// Namespaces.
    pub namespaces: Vec<Namespace>,
    /// Selectors of Services.
    pub services: Vec<ServiceSelector>,
    /// ReplicationControllers, ReplicaSets and StatefulSets.
    pub owners: Vec<OwnerSelector>,
    /// What a namespace that nobody knows has.
    no_labels: LabelSet,
}

impl Listers {
    /// Knows these objects.
    #[must_use]
    pub fn new<'s>(
        namespaces: &[Namespace],
        services: impl Iterator<Item = &'s ServiceSpec>,
        owners: &[OwnerSelector],
    ) -> Self {
        Self {
            namespaces: namespaces.to_vec(),
            services: services
                .map(|service| ServiceSelector { namespace: service.namespace, labels: service.selector.clone() })
                .collect(),
            owners: owners.to_vec(),
            no_labels: LabelSet::default(),
        }
    }

    /// A namespace's labels; none if nobody knows it.
    #[must_use]
    pub fn namespace_labels(&self, name: StrId) -> &LabelSet {
        let known = self.namespaces.iter().find(|namespace| namespace.name == name);
        known.map_or(&self.no_labels, |namespace| &namespace.labels)
    }

    fn default_selector(&self, pod: &Relations) -> CompiledSelector {
        let services = self.services.iter().filter(|service| service.namespace == pod.namespace);
        let owner = pod.owner.and_then(|owner| {
            self.owners.iter().find(|known| known.namespace == pod.namespace && known.owner == owner)
        });
        let owner = owner.map(|owner| &owner.selector);
        pod_topology_spread::default_selector(pod.pod(), services.map(|service| &*service.labels), owner)
    }

    /// The constraints of one kind that a pod has, of its own or by default.
    #[must_use]
    pub fn spread_constraints(
        &self,
        pod: &Relations,
        args: &PodTopologySpreadArgs,
        when: WhenUnsatisfiable,
    ) -> Vec<SpreadConstraint> {
        let selector = || self.default_selector(pod);
        match args {
            PodTopologySpreadArgs::System => constraints(&pod.spread, &system_defaults(), when, selector),
            PodTopologySpreadArgs::List(list) => constraints(&pod.spread, list, when, selector),
        }
    }
}
