//! What [`probe`](super::probe) and [`columns`](super::columns) must know of a profile, worked out once: whether cells can hold
//! its verdicts and scores, which filters run, and the weights. Knows no pod and no node.

use super::framework::{MAX_NODE_SCORE, Plugin, PluginSet};
use super::plugins::{node_affinity, taint_toleration};
use crate::model::NodeTerm;
use crate::model::profile::Profile;

/// What one cell a node can hold of a profile, worked out once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether [`columns`](super::columns) can judge by it: filters run in the usual order, and scores of single nodes fit
    /// into their cells.
    pub is_columnar: bool,
    /// Whether cells also have room for the scores of TaintToleration and NodeAffinity.
    pub holds_opinions: bool,
    /// Whether PreFilter leaves only the nodes that node affinity names.
    pub narrows_to_names: bool,
    /// Whether what the profile adds to node affinity may tell nodes apart that differ in their names alone.
    pub looks_at_names: bool,
    /// The filters.
    pub filters: PluginSet,
    /// The weight of NodeResourcesFit.
    pub fit_weight: i64,
    /// The weight of NodeResourcesBalancedAllocation.
    pub balance_weight: i64,
    /// The weight of ImageLocality.
    pub image_weight: i64,
    /// The weight of TaintToleration.
    pub taint_weight: i64,
    /// The weight of NodeAffinity.
    pub affinity_weight: i64,
}

impl Rules {
    /// Works it out.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let weight = |plugin| profile.weight(plugin);
        let single = [Plugin::NodeResourcesFit, Plugin::NodeResourcesBalancedAllocation, Plugin::ImageLocality];
        let single = single.map(weight);
        let opinions = [Plugin::TaintToleration, Plugin::NodeAffinity].map(weight);
        // A cell is a score from 0 on in 16 bits.
        let fits = single.iter().sum::<i64>() * MAX_NODE_SCORE <= i64::from(i16::MAX);
        Self {
            is_columnar: profile.filter.is_sorted() && fits && single.iter().all(|&weight| weight >= 0),
            holds_opinions: opinions.iter().all(|&weight| weight >= 0)
                && single.iter().chain(&opinions).sum::<i64>() * MAX_NODE_SCORE <= i64::from(i16::MAX),
            narrows_to_names: profile.pre_filter.contains(&Plugin::NodeAffinity),
            looks_at_names: profile.args.node_affinity.terms().any(NodeTerm::looks_at_names),
            filters: PluginSet::of(&profile.filter),
            fit_weight: weight(Plugin::NodeResourcesFit),
            balance_weight: weight(Plugin::NodeResourcesBalancedAllocation),
            image_weight: weight(Plugin::ImageLocality),
            taint_weight: weight(Plugin::TaintToleration),
            affinity_weight: weight(Plugin::NodeAffinity),
        }
    }

    /// The weighted scores of TaintToleration and NodeAffinity of a node, if the worst has `worst` taints to avoid and the
    /// highest preference is `most`.
    #[inline]
    #[must_use]
    pub const fn opinion(&self, intolerable: i64, worst: i64, preferred: i64, most: i64) -> i64 {
        self.taint_weight * taint_toleration::normalized(intolerable, worst)
            + self.affinity_weight * node_affinity::normalized(preferred, most)
    }
}
