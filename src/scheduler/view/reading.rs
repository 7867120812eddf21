//! What can be asked of the view: the node list, nodes, pods and journals. Changes nothing but the list, which is brought up to
//! date before each cycle.

use super::super::journal::{Changed, Journal, Move};
use super::super::nominated::Nominations;
use super::super::plugins::image_locality;
use super::super::plugins::inter_pod_affinity;
use super::super::plugins::node_resources_fit::{Scalar, Usage};
use super::super::tables::SortId;
use super::{NOT_LISTED, NodeFacts, View};
use crate::model::{ClassId, HostPort, NodeId, PodId, StrId, WhenUnsatisfiable};

impl View {
    /// Brings the node list up to date, as upstream does with its snapshot before each cycle.
    pub fn refresh(&mut self) {
        if !self.list_is_old {
            return;
        }
        for &node in &self.list {
            self.positions[node] = NOT_LISTED;
        }
        self.tree.list_into(&mut self.list);
        for (position, &node) in self.list.iter().enumerate() {
            self.positions[node] = u32::try_from(position).expect("node ids are 32 bits wide");
        }
        self.list_is_old = false;
        self.list_epoch += 1;
    }

    /// Nodes in the order in which they are looked at, as of the last [`refresh`](Self::refresh).
    #[must_use]
    pub fn list(&self) -> &[NodeId] {
        &self.list
    }

    /// Grows whenever the list or the nodes' images change: positions and scores of another epoch mean nothing.
    #[must_use]
    pub const fn list_epoch(&self) -> u64 {
        self.list_epoch
    }

    /// A node's position in the list, or [`NOT_LISTED`].
    #[inline]
    #[must_use]
    pub fn position(&self, node: NodeId) -> u32 {
        self.positions.get(node).copied().unwrap_or(NOT_LISTED)
    }

    /// Lets the next search start at the first node.
    pub const fn restart_search(&mut self) {
        self.next_start = 0;
    }

    /// Where the next search starts in the list.
    #[must_use]
    pub const fn next_start(&self) -> u32 {
        self.next_start
    }

    /// A node's facts; `None` if there is no such node (any more).
    #[inline]
    #[must_use]
    pub fn facts(&self, node: NodeId) -> Option<&NodeFacts> {
        self.facts.get(node)?.as_ref()
    }

    /// What a node differs by from others without pods; `None` if it was never known.
    #[inline]
    pub(in crate::scheduler) fn sort(&self, node: NodeId) -> Option<SortId> {
        self.heads[node].sort
    }

    /// The sort of a listed node without pods; `None` if it has pods.
    #[inline]
    pub(in crate::scheduler) fn sort_of_empty(&self, node: NodeId) -> Option<SortId> {
        let head = self.heads[node];
        if head.first_pod.is_none() { head.sort } else { None }
    }

    /// The nodes that are there, listed already or not.
    pub(in crate::scheduler) fn known_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.facts.entries().filter(|(_, facts)| facts.is_some()).map(|(node, _)| node)
    }

    /// What a node offers and what its pods request.
    #[inline]
    #[must_use]
    pub fn usage(&self, node: NodeId) -> &Usage {
        &self.usage[node]
    }

    /// The score of ImageLocality of a node for pods with these images.
    #[must_use]
    pub fn image_score(&self, images: &[StrId], facts: &NodeFacts) -> i64 {
        let here = self.tables.node_images(facts.images);
        let has = |name: &&StrId| here.binary_search_by_key(*name, |&(name, _)| name).is_ok();
        let states = images.iter().filter(has).filter_map(|name| self.images.get(name).copied());
        image_locality::score(states, images.len(), self.list.len())
    }

    /// A node's extended resources.
    #[inline]
    #[must_use]
    pub fn scalars(&self, node: NodeId) -> &[Scalar] {
        &self.nodes[node].scalars
    }

    /// Host ports that a node's pods take, one entry a pod and port.
    #[inline]
    #[must_use]
    pub fn ports(&self, node: NodeId) -> &[HostPort] {
        &self.nodes[node].ports
    }

    /// Where a pod is, and as what; `None` if it is on no node.
    #[must_use]
    pub fn place_of(&self, pod: PodId) -> Option<(NodeId, ClassId)> {
        self.pods.get(pod)?.place
    }

    /// Whether a pod was assumed and is not confirmed yet.
    #[must_use]
    pub fn is_assumed(&self, pod: PodId) -> bool {
        self.assumed.contains(&pod)
    }

    /// Whether a pod on a node is being deleted.
    #[must_use]
    pub fn is_terminating(&self, pod: PodId) -> bool {
        self.terminating.contains(&pod)
    }

    /// Who is nominated where.
    #[must_use]
    pub const fn nominations(&self) -> &Nominations {
        &self.nominations
    }

    /// Whether a pod on a node has a priority below `priority`.
    #[must_use]
    pub fn has_priority_below(&self, priority: i32) -> bool {
        self.priorities.iter().any(|&(held, pods)| held < priority && pods > 0)
    }

    /// The pods on a node, latest first, with their classes.
    pub fn pods_on(&self, node: NodeId) -> impl Iterator<Item = (PodId, ClassId)> + Clone {
        let first = self.heads.get(node).and_then(|head| head.first_pod);
        std::iter::successors(first, |&pod| self.pods[pod].next)
            .filter_map(|pod| self.pods[pod].place.map(|(_, class)| (pod, class)))
    }

    /// All pods on nodes, with their classes.
    pub fn placed_pods(&self) -> impl Iterator<Item = (PodId, NodeId, ClassId)> {
        self.pods.entries().filter_map(|(pod, row)| row.place.map(|(node, class)| (pod, node, class)))
    }

    /// Whether pods of `class` are spread, have terms about other pods, or are the subject of terms of pods on nodes. The
    /// answer holds as long as [`relations_epoch`](Self::relations_epoch) does.
    #[must_use]
    pub fn relates(&self, class: ClassId) -> bool {
        let tables = &self.tables;
        let parts = tables.class(class);
        let relations = tables.relations(parts.relations);
        let labels = tables.listers().namespace_labels(relations.namespace);
        let concerned = |&other: &ClassId| {
            let affinity = tables.relations(tables.class(other).relations).affinity.as_deref();
            affinity.is_some_and(|affinity| inter_pod_affinity::concerns(affinity, relations.pod(), labels))
        };
        let spread = |when| !tables.spread_constraints(&parts, when).is_empty();
        relations.affinity.is_some()
            || spread(WhenUnsatisfiable::DoNotSchedule)
            || spread(WhenUnsatisfiable::ScheduleAnyway)
            || self.with_affinity.keys().any(concerned)
    }

    /// Grows whenever the answers of [`relates`](Self::relates) may change.
    #[must_use]
    pub const fn relations_epoch(&self) -> u64 {
        self.relations_epoch
    }

    /// Grows whenever other namespaces, Services or owners are told.
    #[must_use]
    pub const fn listers_epoch(&self) -> u64 {
        self.listers_epoch
    }

    /// Which nodes changed, and when.
    #[must_use]
    pub const fn journal(&self) -> &Journal<Changed> {
        &self.journal
    }

    /// What pods came and went, and which nodes came, went or changed.
    #[must_use]
    pub const fn moves(&self) -> &Journal<Move> {
        &self.moves
    }
}
