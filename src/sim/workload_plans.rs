//! The workloads S1 to S6 as plans: what [`workloads`](super::workloads) decides in a bare loop, whole simulations decide as well,
//! pod by pod on the same nodes. So a measurement of the loop is one of the simulator's decisions.

use super::builder::{PlanBuilder, Pod};
use super::plan::{ArrivalPlan, ArrivalProcess, ArrivalSource, Naming, NodePlan, Plan, TraceRow, Workload as Source};
use super::simulation::Simulation;
use super::workloads::{OLD_PODS, Workload, digest_of};
use crate::base::id::DenseId;
use crate::base::{Digest, IdVec, SimDuration, SimTime};
use crate::model::strings::known;
use crate::model::{ClassId, NodeId, NodeShape, PodClass, PodTemplate, Resources, StrId, TemplateId, WorkloadId};

/// Time between two pods: whatever the one before it did is over.
const GAP: SimDuration = SimDuration::from_secs(60);

/// The name of the source of the pods that are decided about: their draws are addressed by it.
pub(super) const SOURCE: &str = "pod";

impl Workload {
    /// The plan in which `pods` pods of the workload come one after the other to `nodes` nodes.
    #[must_use]
    pub fn plan(self, nodes: u32, pods: u32, percentage: u32) -> Plan {
        let mut plan = PlanBuilder::new(self.name()).pods(Pod::new(SOURCE, "1", "1Gi")).build().unwrap_or_default();
        plan.control_plane.scheduler.percentage_of_nodes_to_score = percentage;
        let Some(pattern) = plan.templates.iter().next().cloned() else { return plan };
        plan.classes = (0..self.turns()).map(|turn| self.class(turn, &mut plan.strings)).collect();
        let templates = plan.classes.entries().map(|(id, class)| template(&pattern, id, class));
        plan.templates = templates.collect();
        let own: Box<[TemplateId]> = (0..self.turns()).map(TemplateId::from_raw).collect();
        (0..nodes).for_each(|number| self.plan_node(number, &mut plan));

        let mut from = plan.start;
        let mut sources = IdVec::new();
        plan.arrivals.clear();
        let name = plan.strings.intern(SOURCE);
        let workload = sources.push(Source { namespace: known::DEFAULT, name, naming: Naming::Numbered { width: 1 } });
        if self == Self::Preemption {
            let name = plan.strings.intern("old");
            let old = sources.push(Source { namespace: known::DEFAULT, name, naming: Naming::Numbered { width: 1 } });
            let rows = self.old_pods(nodes, &pattern, &mut plan);
            from = from + SimDuration::from_secs(i64::from(nodes * OLD_PODS)) + GAP;
            let source = ArrivalSource::Trace(rows);
            plan.arrivals.push(ArrivalPlan { workload: old, source, ttl_after_finished: None });
        }
        let source = ArrivalSource::Generated {
            templates: own,
            weights: Box::default(),
            process: ArrivalProcess::Every(GAP),
            from,
            until: SimTime::NEVER,
            count: Some(pods),
        };
        plan.arrivals.push(ArrivalPlan { workload, source, ttl_after_finished: None });
        plan.workloads = sources;
        plan.duration = (from - plan.start) + GAP * (i64::from(pods) + 1);
        plan
    }

    fn plan_node(self, number: u32, plan: &mut Plan) {
        let node = self.node(number, &mut plan.strings);
        let mut labels = node.labels;
        labels.push((known::LABEL_HOSTNAME, node.name));
        let text = |id: StrId, plan: &Plan| plan.strings.text(id).to_owned();
        let pairs: Vec<_> = labels.iter().map(|&(key, value)| (text(key, plan), text(value, plan))).collect();
        let labels = plan.strings.intern_labels(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let zone = plan.strings.labels(labels).get(known::LABEL_ZONE).unwrap_or(known::EMPTY);
        let shape = plan.shapes.push(NodeShape {
            pool: known::EMPTY,
            capacity: node.allocatable.clone(),
            allocatable: node.allocatable,
            max_pods: node.max_pods,
            labels,
            taints: node.taints.into(),
            zone,
            unschedulable: false,
            images: Box::default(),
        });
        plan.nodes.push(NodePlan { name: node.name, shape });
    }

    /// The pods that nodes of S5 start with, by their names on them, one a second.
    fn old_pods(self, nodes: u32, pattern: &PodTemplate, plan: &mut Plan) -> Box<[TraceRow]> {
        let mut rows = Vec::new();
        for number in 0..nodes {
            let node_name = Some(plan.nodes[number as usize].name);
            let class = PodClass { node_name, ..Self::old_class(&mut plan.strings) };
            let id = ClassId::from_index(plan.classes.len());
            let template = plan.templates.push(template(pattern, id, &class));
            plan.classes.push(class);
            for _ in 0..OLD_PODS {
                let at = plan.start + SimDuration::from_secs(i64::try_from(rows.len()).unwrap_or(i64::MAX));
                rows.push(TraceRow { at, template, delete_at: SimTime::NEVER, run: SimDuration::ZERO });
            }
        }
        rows.into()
    }
}

/// A pod of a class that runs until it is evicted, and then ends at once.
fn template(pattern: &PodTemplate, id: ClassId, class: &PodClass) -> PodTemplate {
    let mut template = PodTemplate { class: id, ..pattern.clone() };
    template.grace_period_seconds = 0;
    for container in &mut template.containers {
        container.requests = class.requests.clone();
    }
    template
}

/// What a node of a workload is like.
pub(super) struct Node {
    pub name: StrId,
    pub labels: Vec<(StrId, StrId)>,
    pub taints: Vec<crate::model::Taint>,
    pub allocatable: Resources,
    pub max_pods: i64,
}

/// Which nodes the pods of a plan's first source got in a simulation of it.
///
/// # Errors
/// A limit was reached.
pub fn placements(plan: Plan) -> Result<Digest, crate::engine::LimitReached> {
    let source: WorkloadId = DenseId::from_index(0);
    let mut simulation = Simulation::new(plan);
    simulation.run_until(SimTime::NEVER)?;
    let cluster = simulation.cluster();
    let mut places: Vec<(u32, Option<NodeId>)> = Vec::new();
    for pod in cluster.pods().iter() {
        let (workload, ordinal) = cluster.pods().source(pod.pod);
        if workload == source {
            places.push((ordinal, cluster.pods().node(pod.pod)));
        }
    }
    places.sort_unstable_by_key(|&(ordinal, _)| ordinal);
    Ok(digest_of(places.into_iter().map(|(_, node)| node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::cycle::Options;
    use crate::scheduler::index::Index;
    use crate::sim::workloads::Run;

    #[test]
    fn the_loop_decides_as_a_simulation_does() {
        for workload in Workload::ALL {
            for percentage in [0, 100] {
                let (nodes, pods) = (150, 120);
                let mut run = Run::new(workload, nodes);
                let mut index = Index::new();
                let options = Options { percentage_of_nodes_to_score: percentage, ..Options::default() };
                (0..pods).for_each(|_| run.place(&mut index, &options));
                assert_eq!(run.tally().bound, u64::from(pods));
                let simulated = placements(workload.plan(nodes, pods, percentage)).expect("no limit");
                assert_eq!(run.placements(), simulated, "{} {percentage}", workload.name());
            }
        }
    }
}
