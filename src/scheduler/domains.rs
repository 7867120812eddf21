//! Which domain each node is in, by topology key, and which nodes a constraint of topology spread counts. Owns what hangs on
//! nodes alone; knows no pods.

use rustc_hash::FxHashMap;

use super::plugins::pod_topology_spread::{Incoming, includes};
use super::tables::StaticsId;
use super::view::View;
use crate::base::IdVec;
use crate::base::id::DenseId;
use crate::define_id;
use crate::model::strings::known;
use crate::model::{LabelSet, NodeId, NodeLabels, PodLabels, SpreadConstraint, StrId};

define_id! {
    /// A way to part nodes into domains.
    TopologyId
    /// A topology, and which of its nodes count.
    FieldId
}

/// The domain of a node that is in none.
pub(super) const NOWHERE: u32 = u32::MAX;

/// How nodes are parted into domains.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum TopologyKey {
    /// By a label's value.
    Label(StrId),
    /// By a label's value; nodes without it are where those with the empty value are.
    LabelOrEmpty(StrId),
    /// Each node is a domain of its own.
    Node,
}

impl TopologyKey {
    /// Whether nodes with the same labels but for their hostname may be in different domains.
    pub(super) fn looks_at_names(self) -> bool {
        match self {
            Self::Label(key) | Self::LabelOrEmpty(key) => key == known::LABEL_HOSTNAME,
            Self::Node => true,
        }
    }
}

/// Domains of nodes.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    pub key: TopologyKey,
    domain_of: IdVec<NodeId, u32>,
    /// Never iterated.
    ids: FxHashMap<StrId, u32>,
    /// The nodes of each domain. Not kept if each node is one.
    nodes: Vec<Vec<NodeId>>,
}

impl Topology {
    pub(super) fn new(key: TopologyKey, view: &View) -> Self {
        let mut topology = Self { key, domain_of: IdVec::new(), ids: FxHashMap::default(), nodes: Vec::new() };
        view.known_nodes().for_each(|node| topology.place(view, node));
        topology
    }

    /// Looks anew where a node is.
    pub(super) fn place(&mut self, view: &View, node: NodeId) {
        self.domain_of.grow_to(node, NOWHERE);
        let before = self.domain_of[node];
        let label = |key| view.facts(node).map(|facts| view.tables().labels_of(facts).label(key));
        let value = match self.key {
            TopologyKey::Node => {
                self.domain_of[node] = view.facts(node).map_or(NOWHERE, |_| node.raw());
                return;
            }
            TopologyKey::Label(key) => label(key).flatten(),
            TopologyKey::LabelOrEmpty(key) => label(key).map(|value| value.unwrap_or(known::EMPTY)),
        };
        let domain = value.map_or(NOWHERE, |value| {
            let next = self.nodes.len();
            let domain = *self.ids.entry(value).or_insert(u32::from_index(next));
            if domain.index() == next {
                self.nodes.push(Vec::new());
            }
            domain
        });
        if domain == before {
            return;
        }
        if before != NOWHERE {
            self.nodes[before.index()].retain(|&other| other != node);
        }
        if domain != NOWHERE {
            self.nodes[domain.index()].push(node);
        }
        self.domain_of[node] = domain;
    }

    /// Where a node is, or [`NOWHERE`].
    #[inline]
    pub(super) fn domain(&self, node: NodeId) -> u32 {
        self.domain_of.get(node).copied().unwrap_or(NOWHERE)
    }

    /// The nodes of a domain.
    pub(super) fn nodes(&self, domain: u32) -> &[NodeId] {
        self.nodes.get(domain.index()).map_or(&[], Vec::as_slice)
    }

    /// How many domains there were so far.
    pub(super) fn domains(&self) -> usize {
        if self.key == TopologyKey::Node { self.domain_of.len() } else { self.nodes.len() }
    }

    /// Whether domains are so small that nodes of one are not worth being treated as a group.
    pub(super) fn is_fine(&self, nodes: usize) -> bool {
        self.key == TopologyKey::Node || self.nodes.len() * 8 > nodes + 64
    }
}

/// Which nodes count.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct FieldKey {
    pub topology: TopologyId,
    pub policy: Option<Policy>,
}

/// What a constraint asks of nodes so that they count.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Policy {
    /// Labels that they must have.
    pub keys: Box<[StrId]>,
    /// The constraint, of which only the policies matter.
    pub constraint: SpreadConstraint,
    /// The pod's node affinity and tolerations, if they matter.
    pub statics: Option<StaticsId>,
}

/// The nodes that count.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub topology: TopologyId,
    policy: Option<Policy>,
    /// Empty if all count.
    counted: IdVec<NodeId, bool>,
    /// Of each domain, how many count; kept only if there is a policy.
    nodes_in: Vec<u32>,
    /// How many domains have a node that counts.
    pub domains: usize,
}

impl Field {
    pub(super) fn new(key: &FieldKey, topology: &Topology, view: &View) -> Self {
        let (counted, nodes_in) = (IdVec::new(), Vec::new());
        let mut field = Self { topology: key.topology, policy: key.policy.clone(), counted, nodes_in, domains: 0 };
        view.known_nodes().for_each(|node| _ = field.place(view, node, topology));
        field
    }

    /// Whether the pods of a node count.
    #[inline]
    pub(super) fn counts(&self, node: NodeId) -> bool {
        self.policy.is_none() || self.counted.get(node).copied().unwrap_or(false)
    }

    /// Whether a domain has a node that counts.
    #[inline]
    pub(super) fn has(&self, domain: u32) -> bool {
        self.nodes_in.get(domain.index()).is_some_and(|&nodes| nodes > 0)
    }

    /// Leaves a node out, before its domain changes. Whether the domains that count may be others now.
    pub(super) fn remove(&mut self, node: NodeId, topology: &Topology) -> bool {
        if self.policy.is_none() || !self.counts(node) {
            return false;
        }
        self.counted[node] = false;
        let nodes = &mut self.nodes_in[topology.domain(node).index()];
        *nodes -= 1;
        self.domains -= usize::from(*nodes == 0);
        *nodes == 0
    }

    /// Takes a node in, if it counts, after its domain changed. Whether the domains that count may be others now.
    pub(super) fn place(&mut self, view: &View, node: NodeId, topology: &Topology) -> bool {
        let (Some(policy), Some(facts)) = (&self.policy, view.facts(node)) else { return false };
        let (tables, domain) = (view.tables(), topology.domain(node));
        let labels = tables.labels_of(facts);
        let is_included = |statics: StaticsId| {
            let (statics, nobody) = (tables.statics(statics), LabelSet::default());
            let incoming = Incoming {
                pod: PodLabels { namespace: known::EMPTY, labels: &nobody },
                node_selector: &statics.node_selector,
                node_affinity: statics.node_affinity.as_deref(),
                tolerations: &statics.tolerations,
            };
            includes(&policy.constraint, &incoming, &labels, tables.taints(facts.taints))
        };
        let counts = domain != NOWHERE
            && policy.keys.iter().all(|&key| labels.label(key).is_some())
            && policy.statics.is_none_or(is_included);
        self.counted.grow_to(node, false);
        self.counted[node] = counts;
        if !counts {
            return false;
        }
        if self.nodes_in.len() <= domain.index() {
            self.nodes_in.resize(domain.index() + 1, 0);
        }
        let nodes = &mut self.nodes_in[domain.index()];
        *nodes += 1;
        self.domains += usize::from(*nodes == 1);
        *nodes == 1
    }
}
