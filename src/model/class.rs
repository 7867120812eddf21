//! The scheduling signature of a pod: pods of one class ask the scheduler the same question.

use super::ids::StrId;
use super::node_affinity::NodeAffinity;
use super::pod::Protocol;
use super::pod_affinity::PodAffinity;
use super::resources::Resources;
use super::spread::{PodOwner, SpreadConstraint};
use super::storage::PodVolume;
use super::strings::{LabelSet, known};

/// Everything of a pod that placement depends on, interned: equal classes get equal answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PodClass {
    /// Namespace: selectors of other pods look for it here.
    pub namespace: StrId,
    /// Labels: selectors of other pods look at them.
    pub labels: LabelSet,
    /// `spec.schedulerName`; `None` is `default-scheduler`.
    pub scheduler_name: Option<StrId>,
    /// `spec.schedulingGates`, in order: as long as there are some, the pod is not scheduled.
    pub scheduling_gates: Box<[StrId]>,
    /// Effective requests (init containers, sidecars, overhead, pod-level resources considered).
    pub requests: Resources,
    /// CPU that the score of NodeResourcesFit counts for the incoming pod: the containers' effective requests, absent ones as
    /// 100m, and the overhead. Pod-level requests are not looked at. Milli-cores.
    pub scoring_milli_cpu: i64,
    /// Memory, likewise: absent container requests as 200Mi. Bytes.
    pub scoring_memory: i64,
    /// What that score counts once the pod is on a node, (milli-cores, bytes), where it differs: there pod-level requests count,
    /// and the defaults are taken only if the whole pod requests none.
    pub accounted_scoring: Option<(i64, i64)>,
    /// Extended resources and huge pages that that score counts for the incoming pod, where they differ from `requests`: huge
    /// pages of the pod level are not looked at.
    pub scoring_scalar: Option<Box<[(StrId, i64)]>>,
    /// `spec.priority` after admission.
    pub priority: i32,
    /// `spec.preemptionPolicy`.
    pub preemption: PreemptionPolicy,
    /// `spec.nodeName` as the manifest gave it: NodeName filters by it (and such a pod skips the scheduler).
    pub node_name: Option<StrId>,
    /// `spec.nodeSelector`: label keys and values that a node must have, sorted.
    pub node_selector: Box<[(StrId, StrId)]>,
    /// `spec.affinity.nodeAffinity`.
    pub node_affinity: Option<Box<NodeAffinity>>,
    /// `spec.tolerations`, in order, with the ones that admission adds.
    pub tolerations: Box<[Toleration]>,
    /// Host ports of main containers and sidecars.
    pub host_ports: Box<[HostPort]>,
    /// Images of all containers, init containers first, with `:latest` where there is neither tag nor digest.
    pub images: Box<[StrId]>,
    /// Volumes that rules of the scheduler read, in order.
    pub volumes: Box<[PodVolume]>,
    /// `spec.affinity.podAffinity` and `podAntiAffinity`; `None` if there is no term.
    pub pod_affinity: Option<Box<PodAffinity>>,
    /// `spec.topologySpreadConstraints`.
    pub spread: Box<[SpreadConstraint]>,
    /// The controller that owns it, if default constraints take its selector.
    pub owner: Option<PodOwner>,
}

impl PodClass {
    /// The same in another namespace, with those terms that are about the pod's own.
    pub fn move_to(&mut self, namespace: StrId) {
        self.namespace = namespace;
        let terms = self.pod_affinity.iter_mut().flat_map(|affinity| affinity.terms_mut());
        terms.filter(|term| term.in_own_namespace).for_each(|term| term.namespaces = Box::new([namespace]));
    }
}

impl Default for PodClass {
    /// A pod in the default namespace that asks for nothing.
    fn default() -> Self {
        Self {
            namespace: known::DEFAULT,
            labels: LabelSet::default(),
            scheduler_name: None,
            scheduling_gates: Box::default(),
            requests: Resources::default(),
            scoring_milli_cpu: 0,
            scoring_memory: 0,
            accounted_scoring: None,
            priority: 0,
            preemption: PreemptionPolicy::default(),
            node_name: None,
            node_selector: Box::default(),
            node_affinity: None,
            tolerations: Box::default(),
            host_ports: Box::default(),
            volumes: Box::default(),
            images: Box::default(),
            scoring_scalar: Default::default(),
            pod_affinity: None,
            spread: Box::default(),
            owner: None,
        }
    }
}

/// Whether a pod may evict pods of lower priority to find a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum PreemptionPolicy {
    /// It may.
    #[default]
    PreemptLowerPriority,
    /// It waits.
    Never,
}

/// A port that a pod takes on its node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostPort {
    /// Transport protocol.
    pub protocol: Protocol,
    /// The host address; the empty string and `0.0.0.0` are all addresses.
    pub host_ip: StrId,
    /// The port number on the node.
    pub port: u16,
}

impl HostPort {
    /// Whether two ports cannot be open on one node. `0.0.0.0` (and no address) means all addresses; `::` does not.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        let all = |ip: StrId| ip == known::EMPTY || ip == known::ALL_ADDRESSES;
        self.port == other.port
            && self.protocol == other.protocol
            && self.port != 0
            && (self.host_ip == other.host_ip || all(self.host_ip) || all(other.host_ip))
    }
}

/// A node's taint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct Taint {
    /// Key.
    pub key: StrId,
    /// Value, possibly the empty string.
    pub value: StrId,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// The effect of a taint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum TaintEffect {
    /// New pods are not placed on the node.
    NoSchedule,
    /// The scheduler avoids the node.
    PreferNoSchedule,
    /// New pods are not placed and running ones are evicted.
    NoExecute,
}

/// A pod's toleration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Toleration {
    /// The taint key; `None` (with `Exists`) tolerates all keys.
    pub key: Option<StrId>,
    /// How the value is compared.
    pub operator: TolerationOperator,
    /// The effect it is for; `None` is all effects.
    pub effect: Option<TaintEffect>,
    /// How long a NoExecute taint is tolerated, in seconds; `None` is for ever.
    pub seconds: Option<i64>,
}

/// How a toleration compares the taint's value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TolerationOperator {
    /// The value must be this one.
    Equal(StrId),
    /// Any value.
    Exists,
}

impl Toleration {
    /// Whether this toleration tolerates `taint`.
    /// Source: staging/src/k8s.io/api/core/v1/toleration.go, v1.34.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let effect = self.effect.is_none_or(|effect| effect == taint.effect);
        let key = self.key.is_none_or(|key| key == taint.key);
        let value = match self.operator {
            TolerationOperator::Exists => true,
            TolerationOperator::Equal(value) => value == taint.value,
        };
        effect && key && value
    }
}
