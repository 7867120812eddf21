//! The scheduler's words: verdicts and reasons. Owns their texts; knows no cluster. Mirrors
//! staging/src/k8s.io/kube-scheduler/framework and pkg/scheduler/framework/types.go (v1.34.1).

use smallvec::SmallVec;

use super::volume_reason::VolumeReason;
use crate::model::{StrId, Strings};

pub use crate::model::profile::{Plugin, PluginSet};

/// The highest score a plugin gives before its weight.
pub const MAX_NODE_SCORE: i64 = 100;

/// Why a node does not take a pod. Texts are rendered when someone asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The node is cordoned.
    NodeUnschedulable,
    /// The pod asks for another node.
    NodeName,
    /// The first untolerated NoSchedule or NoExecute taint.
    UntoleratedTaint {
        /// Its key.
        key: StrId,
        /// Its value, possibly the empty string.
        value: StrId,
    },
    /// `nodeSelector` or required node affinity does not match.
    NodeAffinity,
    /// Required node affinity names other nodes.
    NotNamed,
    /// Every term of required node affinity names two nodes at once. Said of the pod, not of nodes.
    TermsConflict,
    /// The profile's added affinity does not match.
    EnforcedNodeAffinity,
    /// A host port is taken.
    NodePorts,
    /// The node has as many pods as it takes.
    TooManyPods,
    /// Less is left of this resource than the pod requests.
    Insufficient(StrId),
    /// The pod would make a topology domain too full.
    TopologySpread,
    /// The node lacks the label of a topology spread constraint.
    TopologySpreadLabel,
    /// No pod that the pod wants to be near is there.
    PodAffinity,
    /// A pod that the pod wants to be away from is there.
    PodAntiAffinity,
    /// A pod that wants to be away from the pod is there.
    ExistingPodsAntiAffinity,
    /// What a plugin for volumes says.
    Volume(VolumeReason),
}

/// The reasons of one verdict.
pub type Reasons = SmallVec<[Reason; 2]>;

impl Reason {
    /// The plugin that gives it.
    #[must_use]
    pub const fn plugin(self) -> Plugin {
        match self {
            Self::NodeUnschedulable => Plugin::NodeUnschedulable,
            Self::NodeName => Plugin::NodeName,
            Self::UntoleratedTaint { .. } => Plugin::TaintToleration,
            Self::NodeAffinity | Self::NotNamed | Self::TermsConflict | Self::EnforcedNodeAffinity => {
                Plugin::NodeAffinity
            }
            Self::NodePorts => Plugin::NodePorts,
            Self::TooManyPods | Self::Insufficient(_) => Plugin::NodeResourcesFit,
            Self::TopologySpread | Self::TopologySpreadLabel => Plugin::PodTopologySpread,
            Self::PodAffinity | Self::PodAntiAffinity | Self::ExistingPodsAntiAffinity => Plugin::InterPodAffinity,
            Self::Volume(reason) => reason.plugin(),
        }
    }

    /// Upstream's text.
    #[must_use]
    pub fn text(self, strings: &Strings) -> String {
        match self {
            Self::NodeUnschedulable => "node(s) were unschedulable".to_owned(),
            Self::NodeName => "node(s) didn't match the requested node name".to_owned(),
            Self::UntoleratedTaint { key, value } => {
                format!("node(s) had untolerated taint {{{}: {}}}", strings.text(key), strings.text(value))
            }
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector".to_owned(),
            Self::NotNamed => "node(s) didn't satisfy plugin(s) [NodeAffinity]".to_owned(),
            Self::TermsConflict => "pod affinity terms conflict".to_owned(),
            Self::EnforcedNodeAffinity => "node(s) didn't match scheduler-enforced node affinity".to_owned(),
            Self::NodePorts => "node(s) didn't have free ports for the requested pod ports".to_owned(),
            Self::TooManyPods => "Too many pods".to_owned(),
            Self::Insufficient(resource) => format!("Insufficient {}", strings.text(resource)),
            Self::TopologySpread => "node(s) didn't match pod topology spread constraints".to_owned(),
            Self::TopologySpreadLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)".to_owned()
            }
            Self::PodAffinity => "node(s) didn't match pod affinity rules".to_owned(),
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules".to_owned(),
            Self::ExistingPodsAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules".to_owned(),
            Self::Volume(reason) => reason.text(strings),
        }
    }
}

/// What a filter says about one node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// The pod may go there.
    Fits,
    /// Not now; evicting pods could change that.
    Unschedulable(Reasons),
    /// No eviction would help.
    UnschedulableAndUnresolvable(Reasons),
}

impl Verdict {
    /// No, for one reason that evictions do not change.
    #[must_use]
    pub fn unresolvable(reason: Reason) -> Self {
        Self::UnschedulableAndUnresolvable(Reasons::from_slice(&[reason]))
    }

    /// No, for one reason that evictions may change.
    #[must_use]
    pub fn unschedulable(reason: Reason) -> Self {
        Self::Unschedulable(Reasons::from_slice(&[reason]))
    }

    /// Whether the pod may go there.
    #[must_use]
    pub const fn fits(&self) -> bool {
        matches!(self, Self::Fits)
    }

    /// Why not; empty if it fits.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Fits => &[],
            Self::Unschedulable(reasons) | Self::UnschedulableAndUnresolvable(reasons) => reasons,
        }
    }
}

/// A node's rejection: the first plugin that said no, and what it said.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rejection {
    /// The first plugin in filter order that said no.
    pub plugin: Plugin,
    /// What it said; never [`Verdict::Fits`].
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;

    #[test]
    fn reasons_read_like_version_1_34_1() {
        let mut strings = Strings::new();
        let (key, value) = (strings.intern("dedicated"), strings.intern("gpu"));
        for (reason, text) in [
            (Reason::UntoleratedTaint { key, value }, "node(s) had untolerated taint {dedicated: gpu}"),
            (Reason::UntoleratedTaint { key, value: known::EMPTY }, "node(s) had untolerated taint {dedicated: }"),
            (Reason::Insufficient(known::CPU), "Insufficient cpu"),
            (Reason::TooManyPods, "Too many pods"),
        ] {
            assert_eq!(reason.text(&strings), text);
        }
    }
}
