//! The order in which nodes are looked at: zones take turns. Mirrors pkg/scheduler/backend/cache/node_tree.go (v1.34.1).

use crate::base::id::DenseId;
use crate::model::StrId;

/// Region and zone of a node.
pub type ZoneKey = (StrId, StrId);

/// Nodes by zone, zones in order of their first node; within a zone in order of arrival.
#[derive(Clone, Debug)]
pub struct NodeTree<N> {
    zones: Vec<(ZoneKey, Vec<N>)>,
}

impl<N: DenseId> NodeTree<N> {
    /// No node.
    #[must_use]
    pub const fn new() -> Self {
        Self { zones: Vec::new() }
    }

    /// Adds a node at the end of its zone.
    pub fn add(&mut self, zone: ZoneKey, node: N) {
        match self.zones.iter_mut().find(|(key, _)| *key == zone) {
            Some((_, nodes)) => nodes.push(node),
            None => self.zones.push((zone, vec![node])),
        }
    }

    /// Takes a node out; a zone without nodes loses its turn.
    pub fn remove(&mut self, zone: ZoneKey, node: N) {
        let Some(at) = self.zones.iter().position(|(key, _)| *key == zone) else { return };
        self.zones[at].1.retain(|&n| n != node);
        if self.zones[at].1.is_empty() {
            self.zones.remove(at);
        }
    }

    /// Writes the list: the first node of every zone, then the second of every zone that has one, and so on.
    pub fn list_into(&self, list: &mut Vec<N>) {
        list.clear();
        let longest = self.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
        for turn in 0..longest {
            list.extend(self.zones.iter().filter_map(|(_, nodes)| nodes.get(turn)));
        }
    }
}

impl<N: DenseId> Default for NodeTree<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeId;
    use crate::model::strings::known;

    #[test]
    fn zones_take_turns() {
        let (a, b) = ((known::EMPTY, known::CPU), (known::EMPTY, known::MEMORY));
        let mut tree = NodeTree::new();
        for (zone, node) in [(a, 0), (a, 1), (a, 2), (b, 3)] {
            tree.add(zone, NodeId::from_raw(node));
        }
        let raw = |tree: &NodeTree<NodeId>| {
            let mut list = Vec::new();
            tree.list_into(&mut list);
            list.iter().map(|n| n.raw()).collect::<Vec<_>>()
        };
        assert_eq!(raw(&tree), [0, 3, 1, 2]);
        tree.remove(b, NodeId::from_raw(3));
        tree.remove(a, NodeId::from_raw(0));
        tree.add(b, NodeId::from_raw(4));
        assert_eq!(raw(&tree), [1, 4, 2]);
    }
}
