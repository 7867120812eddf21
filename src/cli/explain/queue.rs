//! Where a pod without a node is in the scheduler: which pods it waits for, which stand before it, and which would have to
//! go if its priority were higher.

use serde_json::{Value as Json, json};

use super::changes::{Change, Described};
use super::edit::{Edit, Op, Source, full_name, scenario};
use super::report::Status;
use super::watch::Watched;
use crate::answers::survey::words;
use crate::api::PodRef;
use crate::model::{ClassId, NodeId, PodClass, PodId, PreemptionPolicy};
use crate::record::Recorder;
use crate::scheduler::framework::Plugin;
use crate::scheduler::plugins::scheduling_gates;
use crate::scheduler::preemption::Victims as _;
use crate::scheduler::queue::{Place, QueuedPod};
use crate::scheduler::whatif::Lab;
use crate::sim::Simulation;

/// Where a pod without a node is in the scheduler, as the end of a sentence.
pub(super) fn place(watched: &Watched, fits: &[String]) -> (Status, String) {
    let simulation = &watched.simulation;
    let scheduler = simulation.scheduler();
    let Some(pod) = watched.pod else { return (Status::Pending, String::new()) };
    if let Some((_, node)) = scheduler.bindings().find(|(bound, _)| *bound == pod) {
        let node = simulation.cluster().nodes().get(node).name;
        return (Status::Scheduling, format!("is being bound to {}", simulation.plan().strings.text(node)));
    }
    if scheduler.in_cycle() == Some(pod) {
        return (Status::Scheduling, "is being scheduled right now".to_owned());
    }
    if let Some(node) = scheduler.view().nominations().node_of(pod.pod) {
        let leaving = leaving(simulation, pod, node);
        if !leaving.is_empty() {
            let node = simulation.plan().strings.text(simulation.cluster().nodes().get(node).name);
            let (victims, was) = (words::elided(&leaving), if leaving.len() == 1 { "is" } else { "are" });
            let text = format!("is nominated for {node} and waits there for {victims}, which {was} evicted for it");
            return (Status::Preempting, text);
        }
    }
    if let Some(gate) = scheduler.queue().get(pod.pod).and_then(|info| info.gate) {
        let (plan, template) = (simulation.plan(), simulation.cluster().pods().template(pod.pod));
        let gates = &plan.classes[plan.templates[template].class].scheduling_gates;
        let text = match gate {
            Plugin::SchedulingGates => format!("is {}", scheduling_gates::message(gates, &plan.strings)),
            other => format!("is held back by {}", other.name()),
        };
        return (Status::Gated, text);
    }
    let start = simulation.plan().start;
    let next = match (scheduler.queue().place(pod.pod), scheduler.queue().get(pod.pod)) {
        (Some(Place::Active), _) => "its turn in the queue comes next".to_owned(),
        (Some(Place::BackOff | Place::ErrorBackOff), Some(info)) => match info.backoff_expiry() {
            Some(until) if until > simulation.now() => {
                format!("it backs off until {}", words::since(start, until))
            }
            _ => "it is tried again at once".to_owned(),
        },
        _ => "it waits for an event that may help".to_owned(),
    };
    let text = match fits {
        [] => String::new(),
        [node] => format!("is pending, but would fit on {node} now: {next}"),
        [node, ..] => format!("is pending, but would fit on {} nodes now, {node} among them: {next}", fits.len()),
    };
    (Status::Pending, text)
}

/// The pods that are evicted on `node` for `pod`, or will be in a moment, by name.
fn leaving<R: Recorder>(simulation: &Simulation<R>, pod: PodRef, node: NodeId) -> Vec<String> {
    let (scheduler, cluster) = (simulation.scheduler(), simulation.cluster());
    let view = scheduler.view();
    let priority = |pod: PodId| simulation.plan().classes[class_of(simulation, pod)].priority;
    let asked = scheduler.evictions().filter(|(preemptor, _)| *preemptor == pod).flat_map(|(_, victims)| victims);
    let mut leaving: Vec<PodId> =
        asked.filter(|victim| cluster.pods().exists(**victim)).map(|victim| victim.pod).collect();
    let victims = scheduler.victims(cluster, simulation.plan(), simulation.now());
    let going = view.pods_on(node).map(|(other, _)| other).filter(|&other| victims.evicted_by_scheduler(other));
    leaving.extend(going.filter(|&other| priority(other) < priority(pod.pod)));
    leaving.sort_unstable();
    leaving.dedup();
    leaving.into_iter().map(|victim| name_of(simulation, victim)).collect()
}

fn class_of<R: Recorder>(simulation: &Simulation<R>, pod: PodId) -> ClassId {
    simulation.plan().templates[simulation.cluster().pods().template(pod)].class
}

fn name_of<R: Recorder>(simulation: &Simulation<R>, pod: PodId) -> String {
    let (workload, ordinal) = simulation.cluster().pods().source(pod);
    full_name(&simulation.plan().strings, &simulation.plan().workloads[workload], ordinal)
}

/// The pods that the queue tries before this one: of higher priority, or of the same and earlier.
pub(super) fn ahead(watched: &Watched, pod: PodRef) -> Vec<(PodId, ClassId)> {
    let queue = watched.simulation.scheduler().queue();
    let Some(own) = queue.get(pod.pod) else { return Vec::new() };
    let key = |info: &QueuedPod| (std::cmp::Reverse(info.priority), info.timestamp, info.sequence);
    let mut before: Vec<_> =
        queue.pods().map(|(info, _)| *info).filter(|info| info.gate.is_none() && key(info) < key(own)).collect();
    before.sort_by_key(key);
    before.into_iter().map(|info| (info.pod, info.class)).collect()
}

/// The highest priority that users may give.
const HIGHEST: i32 = 1_000_000_000;

/// The lowest priority with which the pod evicts others and then fits. Its own may do, if it is only not allowed to.
pub(super) fn priority<R: Recorder>(
    simulation: &Simulation<R>,
    lab: &mut Lab,
    pod: &Described<'_>,
) -> Option<(NodeId, Change)> {
    // The new class lets it preempt, whatever its own says.
    let may = PreemptionPolicy::PreemptLowerPriority;
    let own = pod.spec.priority;
    let tables = lab.view().tables();
    let above = lab.view().placed_pods().map(|(.., class)| tables.class(class).priority.saturating_add(1).max(own));
    let mut higher: Vec<i32> =
        above.filter(|&above| above <= HIGHEST && (above > own || pod.spec.preemption != may)).collect();
    higher.sort_unstable();
    higher.dedup();
    let victims = simulation.scheduler().victims(simulation.cluster(), simulation.plan(), simulation.now());
    let (priority, found) = higher.into_iter().find_map(|priority| {
        let class = PodClass { priority, preemption: may, ..pod.spec.clone() };
        Some((priority, lab.preempts(&class, &victims)?))
    })?;
    let names: Vec<String> = found.victims.iter().map(|victim| name_of(simulation, victim.pod)).collect();
    let names = words::elided(&names);
    let what = if priority == own {
        format!("let it preempt, which evicts {names}")
    } else {
        format!("raise its priority from {own} to {priority}, which evicts {names}")
    };
    let (edits, note) = match &pod.source {
        Source::Template(path) => (vec![scenario(path, "priority", Op::Set, json!(priority))], None),
        source => {
            let name = format!("priority-{}", priority.to_string().replace('-', "minus-"));
            let class = json!({
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": { "name": name },
                "value": priority,
            });
            // What admission wrote into the pod must not contradict its class.
            let remove = |key: &str| pod.field(&["spec", key], Op::Remove, Json::Null);
            let mut edits = vec![Edit::Create { create: class }, remove("priority")];
            edits.extend((pod.spec.preemption != may).then(|| remove("preemptionPolicy")));
            edits.push(pod.field(&["spec", "priorityClassName"], Op::Set, json!(name)));
            (edits, super::changes::note(source))
        }
    };
    Some((found.node, Change { what, node: String::new(), edits, note }))
}
