//! Nominated pods: pending pods that other pods were evicted for, by the node they wait for. Filtering counts them as if they
//! were there already. Owns who is nominated where; knows neither the API nor how a node is judged. Mirrors the nominator of
//! pkg/scheduler/backend/queue/nominator.go (v1.34.1).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::framework::Rejection;
use crate::model::{ClassId, NodeId, PodId};

/// Nodes that do not take a pod because of the pods nominated there, with what they say; sorted by node.
pub type Denied = Vec<(NodeId, Rejection)>;

/// What a node says because of the pods nominated there.
#[must_use]
pub fn denial(denied: &[(NodeId, Rejection)], node: NodeId) -> Option<&Rejection> {
    denied.binary_search_by_key(&node, |&(denied, _)| denied).ok().map(|at| &denied[at].1)
}

/// A pod that waits for a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nominee {
    /// The pod.
    pub pod: PodId,
    /// What it is.
    pub class: ClassId,
    /// `spec.priority`.
    pub priority: i32,
}

/// Who is nominated where.
#[derive(Clone, Debug, Default)]
pub struct Nominations {
    /// Nodes with nominated pods, in order of nomination.
    nodes: BTreeMap<NodeId, Vec<Nominee>>,
    /// Never iterated.
    pods: FxHashMap<PodId, NodeId>,
}

impl Nominations {
    /// Nominates a pod for `node`, and for no other node any more.
    pub(super) fn set(&mut self, nominee: Nominee, node: NodeId) {
        self.remove(nominee.pod);
        self.pods.insert(nominee.pod, node);
        self.nodes.entry(node).or_default().push(nominee);
    }

    /// Takes a pod's nomination back. Returns what it was and where, if it was nominated.
    pub(super) fn remove(&mut self, pod: PodId) -> Option<(Nominee, NodeId)> {
        let node = self.pods.remove(&pod)?;
        let nominees = self.nodes.get_mut(&node).expect("its node has nominees");
        let at = nominees.iter().position(|nominee| nominee.pod == pod).expect("it is one of them");
        let nominee = nominees.remove(at);
        if nominees.is_empty() {
            self.nodes.remove(&node);
        }
        Some((nominee, node))
    }

    /// The node that a pod is nominated for.
    #[must_use]
    pub fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.pods.get(&pod).copied()
    }

    /// The pods nominated for `node`, earliest first.
    #[must_use]
    pub fn on(&self, node: NodeId) -> &[Nominee] {
        self.nodes.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The pods nominated for `node` that count when a pod of `priority` is judged: those of at least its priority.
    pub fn counting(&self, node: NodeId, priority: i32) -> impl Iterator<Item = Nominee> + '_ {
        self.on(node).iter().copied().filter(move |nominee| nominee.priority >= priority)
    }

    /// The nodes where nominated pods count against a pod of `priority`, by id.
    pub fn nodes_against(&self, priority: i32) -> impl Iterator<Item = NodeId> + '_ {
        let counts = move |nominees: &[Nominee]| nominees.iter().any(|nominee| nominee.priority >= priority);
        self.nodes.iter().filter(move |(_, nominees)| counts(nominees)).map(|(&node, _)| node)
    }

    /// Whether nobody is nominated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_nominated_for_one_node_and_counts_against_no_greater_priority() {
        let mut nominations = Nominations::default();
        let (a, b) = (NodeId::from_raw(1), NodeId::from_raw(2));
        let nominee = |pod, priority| Nominee { pod: PodId::from_raw(pod), class: ClassId::from_raw(0), priority };
        nominations.set(nominee(7, 5), b);
        nominations.set(nominee(8, 9), b);
        nominations.set(nominee(7, 5), a);
        assert_eq!((nominations.node_of(PodId::from_raw(7)), nominations.on(b).len()), (Some(a), 1));
        assert_eq!(nominations.nodes_against(5).collect::<Vec<_>>(), [a, b]);
        assert_eq!(nominations.nodes_against(6).collect::<Vec<_>>(), [b]);
        assert_eq!((nominations.counting(b, 9).count(), nominations.counting(b, 10).count()), (1, 0));
        assert_eq!(nominations.remove(PodId::from_raw(8)).map(|(_, node)| node), Some(b));
        assert_eq!(nominations.remove(PodId::from_raw(8)), None);
        nominations.remove(PodId::from_raw(7));
        assert!(nominations.is_empty());
    }
}
