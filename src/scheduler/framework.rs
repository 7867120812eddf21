//! The scheduler's words: plugins, verdicts, reasons. Owns their order, weights and texts; knows no cluster.
//! Mirrors staging/src/k8s.io/kube-scheduler/framework and pkg/scheduler/framework/types.go (v1.34.1), and the default
//! profile of pkg/scheduler/apis/config/v1/default_plugins.go.

use std::fmt;

use smallvec::SmallVec;

use crate::model::{StrId, Strings};

/// The plugins of the default profile that can reject or score, in the order in which Filter runs them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Plugin {
    /// Holds pods with scheduling gates back from the queue.
    SchedulingGates,
    /// Rejects cordoned nodes.
    NodeUnschedulable,
    /// Compares `spec.nodeName`.
    NodeName,
    /// Rejects nodes with untolerated taints and avoids those with PreferNoSchedule ones.
    TaintToleration,
    /// `nodeSelector` and node affinity.
    NodeAffinity,
    /// Host ports.
    NodePorts,
    /// Requests against what the node has left.
    NodeResourcesFit,
    /// Volumes that one pod or one node at a time may use.
    VolumeRestrictions,
    /// How many volumes a node can attach.
    NodeVolumeLimits,
    /// Claims against volumes.
    VolumeBinding,
    /// Zones of volumes.
    VolumeZone,
    /// `topologySpreadConstraints`.
    PodTopologySpread,
    /// Pod affinity and anti-affinity.
    InterPodAffinity,
    /// Resource claims.
    DynamicResources,
    /// Prefers nodes whose resources are used evenly.
    NodeResourcesBalancedAllocation,
    /// Prefers nodes that have the images.
    ImageLocality,
    /// Evicts pods of lower priority; holds a pod back while its victims are being evicted.
    DefaultPreemption,
}

/// The highest score a plugin gives before its weight.
pub const MAX_NODE_SCORE: i64 = 100;

impl Plugin {
    /// Every plugin, in order.
    pub const ALL: [Self; 17] = [
        Self::SchedulingGates,
        Self::NodeUnschedulable,
        Self::NodeName,
        Self::TaintToleration,
        Self::NodeAffinity,
        Self::NodePorts,
        Self::NodeResourcesFit,
        Self::VolumeRestrictions,
        Self::NodeVolumeLimits,
        Self::VolumeBinding,
        Self::VolumeZone,
        Self::PodTopologySpread,
        Self::InterPodAffinity,
        Self::DynamicResources,
        Self::NodeResourcesBalancedAllocation,
        Self::ImageLocality,
        Self::DefaultPreemption,
    ];

    /// Upstream's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SchedulingGates => "SchedulingGates",
            Self::NodeUnschedulable => "NodeUnschedulable",
            Self::NodeName => "NodeName",
            Self::TaintToleration => "TaintToleration",
            Self::NodeAffinity => "NodeAffinity",
            Self::NodePorts => "NodePorts",
            Self::NodeResourcesFit => "NodeResourcesFit",
            Self::VolumeRestrictions => "VolumeRestrictions",
            Self::NodeVolumeLimits => "NodeVolumeLimits",
            Self::VolumeBinding => "VolumeBinding",
            Self::VolumeZone => "VolumeZone",
            Self::PodTopologySpread => "PodTopologySpread",
            Self::InterPodAffinity => "InterPodAffinity",
            Self::DynamicResources => "DynamicResources",
            Self::NodeResourcesBalancedAllocation => "NodeResourcesBalancedAllocation",
            Self::ImageLocality => "ImageLocality",
            Self::DefaultPreemption => "DefaultPreemption",
        }
    }

    /// The weight of its score in the default profile; 0 for plugins that do not score.
    #[must_use]
    pub const fn default_weight(self) -> i64 {
        match self {
            Self::TaintToleration => 3,
            Self::NodeAffinity | Self::PodTopologySpread | Self::InterPodAffinity => 2,
            Self::NodeResourcesFit | Self::NodeResourcesBalancedAllocation | Self::ImageLocality => 1,
            _ => 0,
        }
    }
}

/// A set of plugins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PluginSet(u32);

impl PluginSet {
    /// No plugin.
    pub const EMPTY: Self = Self(0);

    /// The set of these plugins.
    #[must_use]
    pub const fn of(plugins: &[Plugin]) -> Self {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < plugins.len() {
            set = set.with(plugins[at]);
            at += 1;
        }
        set
    }

    /// This set and `plugin`.
    #[must_use]
    pub const fn with(self, plugin: Plugin) -> Self {
        Self(self.0 | 1 << plugin as u32)
    }

    /// This set without `plugin`.
    #[must_use]
    pub const fn without(self, plugin: Plugin) -> Self {
        Self(self.0 & !(1 << plugin as u32))
    }

    /// Adds `plugin`.
    pub const fn insert(&mut self, plugin: Plugin) {
        *self = self.with(plugin);
    }

    /// Whether `plugin` is in it.
    #[must_use]
    pub const fn contains(self, plugin: Plugin) -> bool {
        self.0 & 1 << plugin as u32 != 0
    }

    /// Whether it is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in one of them.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The plugins in it, in order.
    pub fn iter(self) -> impl Iterator<Item = Plugin> {
        Plugin::ALL.into_iter().filter(move |&plugin| self.contains(plugin))
    }
}

impl fmt::Debug for PluginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

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
    /// A host port is taken.
    NodePorts,
    /// The node has as many pods as it takes.
    TooManyPods,
    /// Less is left of this resource than the pod requests.
    Insufficient(StrId),
}

/// The reasons of one verdict.
pub type Reasons = SmallVec<[Reason; 2]>;

impl Reason {
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
            Self::NodePorts => "node(s) didn't have free ports for the requested pod ports".to_owned(),
            Self::TooManyPods => "Too many pods".to_owned(),
            Self::Insufficient(resource) => format!("Insufficient {}", strings.text(resource)),
        }
    }
}

/// What a filter says about one node.
#[derive(Clone, PartialEq, Eq, Debug)]
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
#[derive(Clone, PartialEq, Eq, Debug)]
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
    fn plugins_stand_in_the_order_of_their_numbers() {
        for (at, plugin) in Plugin::ALL.into_iter().enumerate() {
            assert_eq!(plugin as usize, at);
        }
        let set = PluginSet::of(&[Plugin::NodePorts, Plugin::NodeName]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Plugin::NodeName, Plugin::NodePorts]);
        assert!(set.contains(Plugin::NodePorts) && !set.contains(Plugin::NodeAffinity));
        assert_eq!(format!("{set:?}"), "{NodeName, NodePorts}");
    }

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
