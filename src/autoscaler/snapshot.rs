//! The cluster in thought: a copy of the scheduler's view with nodes that are not there yet, on which the scheduler's own
//! function is asked. Owns no rule.
//!
//! Mirrors cluster-autoscaler/simulator/clustersnapshot and the templates of simulator/node_info_utils.go, 1.34.

use crate::api::Cluster;
use crate::base::id::DenseId;
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::{ClassId, NodeId, PodId, ShapeId};
use crate::scheduler::cycle::Options;
use crate::scheduler::view::{NodeSpec, View};
use crate::scheduler::whatif::Lab;

/// The copy.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub lab: Lab,
    next_node: usize,
    next_pod: usize,
    /// Classes of the pods that DaemonSets would put on a new node, if it fits them.
    daemons: Vec<ClassId>,
}

/// A node in thought.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub node: NodeId,
    daemons: Vec<PodId>,
}

impl Snapshot {
    /// A copy in which pods below the priority `cutoff` do not exist.
    pub fn new(view: &View, options: Options, cluster: &Cluster, plan: &Plan, cutoff: i32) -> Self {
        let mut lab = Lab::new(view, options, ClassId::from_index(plan.classes.len()));
        if view.has_priority_below(cutoff) {
            let expendable = |class: ClassId| view.tables().class(class).priority < cutoff;
            let pods = view.placed_pods().filter(|&(_, _, class)| expendable(class));
            pods.for_each(|(pod, _, _)| lab.remove_pod(pod));
        }
        let sets = cluster.objects().iter().filter(|(_, row)| row.kind() == ObjectKind::DaemonSet);
        let templates = sets.filter_map(|(_, row)| row.spec.template());
        let daemons = templates.map(|template| lab.class(&plan.classes[plan.templates[template].class])).collect();
        Self {
            lab,
            next_node: cluster.nodes().len(),
            next_pod: usize::try_from(cluster.pods().created_total()).expect("ids are 32 bits wide"),
            daemons,
        }
    }

    /// Adds a node of this shape, with the pods of DaemonSets.
    pub fn add(&mut self, plan: &Plan, shape: ShapeId) -> Template {
        let node = NodeId::from_index(self.next_node);
        self.next_node += 1;
        let spec = &plan.shapes[shape];
        let name = plan.strings.unused(node.raw());
        self.lab.add_node(
            node,
            &NodeSpec {
                name,
                hostname: Some(name),
                labels: plan.strings.labels(spec.labels).pairs(),
                taints: &spec.taints,
                allocatable: &spec.allocatable,
                max_pods: spec.max_pods,
                unschedulable: spec.unschedulable,
                images: &spec.images,
            },
        );
        let mut daemons = Vec::new();
        for at in 0..self.daemons.len() {
            let class = self.daemons[at];
            if self.lab.judge(class, node).is_none() {
                let pod = self.new_pod();
                self.lab.put_pod(pod, class, node);
                daemons.push(pod);
            }
        }
        Template { node, daemons }
    }

    /// Removes a node in thought. Pods that were put there must be gone.
    pub fn remove(&mut self, template: &Template) {
        template.daemons.iter().for_each(|&pod| self.lab.remove_pod(pod));
        self.lab.remove_node(template.node);
    }

    /// The id of a pod that is only thought of.
    fn new_pod(&mut self) -> PodId {
        self.next_pod += 1;
        PodId::from_index(self.next_pod - 1)
    }
}
