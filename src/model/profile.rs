//! A scheduling profile: which plugins run, in which order, with which weights and arguments. Owns the plugins' names and the
//! default profile; knows no cluster and no configuration file. Mirrors pkg/scheduler/apis/config/types*.go and
//! pkg/scheduler/apis/config/v1/default_plugins.go (v1.34.1).

use std::fmt;

use super::ids::StrId;
use super::node_affinity::NodeTerm;
use super::spread::SpreadConstraint;
use super::strings::{Strings, known};

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

/// What one scheduler name stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The `spec.schedulerName` of its pods; `None` is `default-scheduler`.
    pub scheduler_name: Option<StrId>,
    /// `percentageOfNodesToScore`, if it differs from that of all profiles.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// PreEnqueue plugins, in order.
    pub pre_enqueue: Vec<Plugin>,
    /// PreFilter plugins, in order.
    pub pre_filter: Vec<Plugin>,
    /// Filter plugins, in order.
    pub filter: Vec<Plugin>,
    /// PostFilter plugins, in order.
    pub post_filter: Vec<Plugin>,
    /// Score plugins with their weights, in order.
    pub score: Vec<(Plugin, i64)>,
    /// What the plugins are told.
    pub args: PluginArgs,
}

/// `pluginConfig`: the arguments of all plugins that have some.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PluginArgs {
    /// `NodeResourcesFitArgs`.
    pub fit: NodeResourcesFitArgs,
    /// `NodeResourcesBalancedAllocationArgs`: the resources, without the pods' number; each has weight 1.
    pub balanced: BalancedAllocationArgs,
    /// `NodeAffinityArgs`.
    pub node_affinity: NodeAffinityArgs,
    /// `PodTopologySpreadArgs`.
    pub spread: PodTopologySpreadArgs,
    /// `InterPodAffinityArgs`.
    pub inter_pod: InterPodAffinityArgs,
    /// `DefaultPreemptionArgs`.
    pub preemption: DefaultPreemptionArgs,
}

/// `NodeResourcesFitArgs`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeResourcesFitArgs {
    /// `ignoredResources`: extended resources that the filter leaves out.
    pub ignored_resources: Vec<StrId>,
    /// `ignoredResourceGroups`: what stands before the slash of extended resources that the filter leaves out.
    pub ignored_groups: Vec<StrId>,
    /// `scoringStrategy`.
    pub strategy: ScoringStrategy,
}

impl NodeResourcesFitArgs {
    /// Replaces what is ignored by the extended resources among `strings` that it stands for: of groups as well, and without
    /// those that are no extended resources, which cannot be ignored.
    pub fn resolve(&mut self, strings: &Strings) {
        let group = |text: &str| text.split_once('/').and_then(|(group, _)| strings.lookup(group));
        let is_ignored = |id: StrId, text: &str| {
            self.ignored_resources.contains(&id)
                || group(text).is_some_and(|group| self.ignored_groups.contains(&group))
        };
        if !self.ignored_resources.is_empty() || !self.ignored_groups.is_empty() {
            let extended = strings.iter().filter(|(_, text)| is_extended_resource(text));
            self.ignored_resources = extended.filter(|&(id, text)| is_ignored(id, text)).map(|(id, _)| id).collect();
        }
    }
}

/// Whether a resource is not one of Kubernetes' own. Mirrors `IsExtendedResourceName` of pkg/apis/core/v1/helper/helpers.go.
#[must_use]
pub fn is_extended_resource(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// `scoringStrategy` of NodeResourcesFit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScoringStrategy {
    /// Its `type`.
    pub kind: ScoringStrategyType,
    /// `resources` with their weights (1 to 100), in order.
    pub resources: Vec<(StrId, i64)>,
}

/// The `type` of a scoring strategy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScoringStrategyType {
    /// Prefers nodes with much left.
    LeastAllocated,
    /// Prefers nodes with little left.
    MostAllocated,
    /// By a piecewise linear function of the utilization: points (utilization 0 to 100, score 0 to 10), utilization rising.
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

/// `NodeResourcesBalancedAllocationArgs`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalancedAllocationArgs {
    /// `resources`, in order.
    pub resources: Vec<StrId>,
}

/// `NodeAffinityArgs`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeAffinityArgs {
    /// The required terms of `addedAffinity`: one of them must match as well; `None` requires nothing.
    pub added_required: Option<Box<[NodeTerm]>>,
    /// The preferred terms of `addedAffinity` with their weights.
    pub added_preferred: Box<[(u8, NodeTerm)]>,
}

impl NodeAffinityArgs {
    /// Every term.
    pub fn terms(&self) -> impl Iterator<Item = &NodeTerm> {
        self.added_required.iter().flatten().chain(self.added_preferred.iter().map(|(_, term)| term))
    }
}

/// `PodTopologySpreadArgs`: the constraints of pods that have none of their own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum PodTopologySpreadArgs {
    /// `defaultingType: System`.
    #[default]
    System,
    /// `defaultingType: List`, with `defaultConstraints`, whose selectors are not looked at.
    List(Box<[SpreadConstraint]>),
}

/// `InterPodAffinityArgs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterPodAffinityArgs {
    /// `hardPodAffinityWeight`: what a required affinity term of an existing pod counts, 0 to 100.
    pub hard_pod_affinity_weight: i64,
    /// `ignorePreferredTermsOfExistingPods`.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

/// `DefaultPreemptionArgs`: how many candidates are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DefaultPreemptionArgs {
    /// `minCandidateNodesPercentage`, 0 to 100.
    pub min_candidate_nodes_percentage: u32,
    /// `minCandidateNodesAbsolute`.
    pub min_candidate_nodes_absolute: u32,
}

impl Default for ScoringStrategy {
    fn default() -> Self {
        Self { kind: ScoringStrategyType::LeastAllocated, resources: vec![(known::CPU, 1), (known::MEMORY, 1)] }
    }
}

impl Default for BalancedAllocationArgs {
    fn default() -> Self {
        Self { resources: vec![known::CPU, known::MEMORY] }
    }
}

impl Default for InterPodAffinityArgs {
    fn default() -> Self {
        Self { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false }
    }
}

impl Default for DefaultPreemptionArgs {
    fn default() -> Self {
        Self { min_candidate_nodes_percentage: 10, min_candidate_nodes_absolute: 100 }
    }
}

impl Default for Profile {
    /// The default profile.
    fn default() -> Self {
        use Plugin as P;
        let weighted = [
            P::TaintToleration,
            P::NodeAffinity,
            P::NodeResourcesFit,
            P::PodTopologySpread,
            P::InterPodAffinity,
            P::NodeResourcesBalancedAllocation,
            P::ImageLocality,
        ];
        Self {
            scheduler_name: None,
            percentage_of_nodes_to_score: None,
            pre_enqueue: vec![P::SchedulingGates, P::DynamicResources, P::DefaultPreemption],
            pre_filter: vec![
                P::NodeAffinity,
                P::NodePorts,
                P::NodeResourcesFit,
                P::VolumeRestrictions,
                P::NodeVolumeLimits,
                P::VolumeBinding,
                P::VolumeZone,
                P::PodTopologySpread,
                P::InterPodAffinity,
                P::DynamicResources,
            ],
            filter: vec![
                P::NodeUnschedulable,
                P::NodeName,
                P::TaintToleration,
                P::NodeAffinity,
                P::NodePorts,
                P::NodeResourcesFit,
                P::VolumeRestrictions,
                P::NodeVolumeLimits,
                P::VolumeBinding,
                P::VolumeZone,
                P::PodTopologySpread,
                P::InterPodAffinity,
                P::DynamicResources,
            ],
            post_filter: vec![P::DynamicResources, P::DefaultPreemption],
            score: weighted.map(|plugin| (plugin, plugin.default_weight())).into(),
            args: PluginArgs::default(),
        }
    }
}

impl Profile {
    /// The weight of a plugin's score; 0 if it does not score.
    #[must_use]
    pub fn weight(&self, plugin: Plugin) -> i64 {
        self.score.iter().find(|&&(scoring, _)| scoring == plugin).map_or(0, |&(_, weight)| weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_extended_resources_are_ignored() {
        let mut strings = Strings::new();
        let [a, b, c, native] =
            ["example.com/a", "example.com/b", "other.org/c", "kubernetes.io/d"].map(|n| strings.intern(n));
        let group = strings.intern("example.com");
        let ignored = |resources: &[StrId], groups: &[StrId]| {
            let (ignored_resources, ignored_groups) = (resources.to_vec(), groups.to_vec());
            let mut args = NodeResourcesFitArgs { ignored_resources, ignored_groups, ..Default::default() };
            args.resolve(&strings);
            args.ignored_resources
        };
        assert_eq!(ignored(&[known::CPU, c, native], &[]), [c]);
        assert_eq!(ignored(&[], &[group]), [a, b]);
        assert_eq!(ignored(&[], &[]), []);
    }

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
}
