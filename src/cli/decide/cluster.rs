//! The cluster that decisions are about: objects of manifests in a [`View`], with the pods that are on its nodes.

use std::collections::BTreeMap;

use super::placed::Placed;
use crate::base::IdVec;
use crate::base::id::DenseId;
use crate::manifest::{Objects, PodObject};
use crate::model::profile::Profile;
use crate::model::strings::known;
use crate::model::{ClassId, DisruptionBudget, Namespace, NodeId, PodId, ProfileId, StrId, Vocabulary};
use crate::scheduler::relations::Listers;
use crate::scheduler::storage::Storage;
use crate::scheduler::view::{NodeSpec, View};

/// The cluster.
#[derive(Debug)]
pub(in crate::cli) struct Cluster {
    pub words: Vocabulary,
    pub view: View,
    /// Ids count the nodes in the order of the objects.
    nodes: BTreeMap<StrId, NodeId>,
    /// The pods that are or were on nodes.
    pub(super) placed: IdVec<PodId, Placed>,
    pub(super) budgets: Vec<DisruptionBudget>,
}

impl Cluster {
    /// A cluster of `objects`, without its pods: [`settle`](Self::settle) puts those on their nodes that have one. All classes of
    /// all pods are known to it. With `in_order` nodes are looked at in the order of the objects, else zone by zone.
    pub fn new(
        mut objects: Objects,
        mut words: Vocabulary,
        mut profiles: IdVec<ProfileId, Profile>,
        in_order: bool,
    ) -> (Self, Vec<PodObject>) {
        profiles.iter_mut().for_each(|profile| profile.args.fit.resolve(&words.strings));
        let mut view = if in_order { View::in_arrival_order(profiles) } else { View::with_profiles(profiles) };
        *view.storage_mut() = Storage::new(std::mem::take(&mut objects.storage).into_objects().collect());
        if !objects.namespaces.iter().any(|namespace| namespace.name == known::DEFAULT) {
            objects.namespaces.push(Namespace::bare(known::DEFAULT, &mut words.strings));
        }
        let services = objects.services.iter().map(|(service, _)| service);
        view.set_listers(Listers::new(&objects.namespaces, services, &objects.owners));
        let mut nodes = BTreeMap::new();
        for (index, node) in objects.nodes.iter().enumerate() {
            let shape = words.shapes.get(node.shape);
            let id = NodeId::from_index(index);
            let spec = NodeSpec {
                name: node.name,
                hostname: node.has_hostname.then_some(node.name),
                labels: words.strings.labels(shape.labels).pairs(),
                taints: &shape.taints,
                allocatable: &shape.allocatable,
                max_pods: shape.max_pods,
                unschedulable: shape.unschedulable,
                images: &shape.images,
            };
            view.add_node(id, &spec);
            nodes.insert(node.name, id);
        }
        for pod in &objects.pods {
            view.register_class(pod.template.class, words.classes.get(pod.template.class));
        }
        if view.tables().needs_numbers() {
            view.learn_numbers(&words.strings);
        }
        view.refresh();
        (Self { words, view, nodes, placed: IdVec::new(), budgets: objects.budgets }, objects.pods)
    }

    /// A pod that was there before takes its place, if it has one: what has ended holds nothing, and a node that is not there
    /// has no effect.
    pub fn settle(&mut self, pod: &PodObject) {
        let node = self.words.classes.get(pod.template.class).node_name.and_then(|name| self.node(name));
        if let Some(node) = node.filter(|_| !pod.observed.is_over()) {
            self.put(Placed::existing(self, pod), pod, node);
        }
    }

    /// Counts a pod on a node that it was not given by a decision.
    pub(super) fn put(&mut self, placed: Placed, pod: &PodObject, node: NodeId) {
        let id = self.placed.push(placed);
        self.view.add_pod(id, pod.template.class, node);
        if pod.observed.terminating {
            self.view.set_terminating(id);
        }
    }

    /// Counts a pod where a decision put it.
    pub(super) fn assume(&mut self, placed: Placed, class: ClassId, node: NodeId) {
        let id = self.placed.push(placed);
        self.view.assume(id, class, node);
    }

    /// The pod vanishes.
    pub(super) fn remove(&mut self, pod: PodId) {
        self.view.remove_pod(pod);
    }

    /// The node of this name.
    pub fn node(&self, name: StrId) -> Option<NodeId> {
        self.nodes.get(&name).copied()
    }

    /// A node's name.
    pub fn name(&self, node: NodeId) -> &str {
        self.view.facts(node).map_or("", |facts| self.words.strings.text(facts.name))
    }

    /// A pod's `namespace/name`.
    pub fn key(&self, pod: &PodObject) -> String {
        let text = |id| self.words.strings.text(id);
        format!("{}/{}", text(pod.namespace), text(pod.name))
    }

    /// The pod of this `namespace/name` that is on a node.
    pub fn pod_on_node(&self, key: &str) -> Option<PodId> {
        self.view.placed_pods().map(|(pod, ..)| pod).find(|&pod| self.placed[pod].key == key)
    }
}
