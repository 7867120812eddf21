//! Pods that were bound to a node: its kubelet takes them over, refuses them, or makes room for them. What
//! [`super::admission`] decides is carried out here. Mirrors HandlePodAdditions of pkg/kubelet/kubelet.go, v1.34 (spec 5.4,
//! 5.6).

use smallvec::SmallVec;

use super::admission::{self, Preemptable, Room, Shortage};
use super::eviction;
use super::kubelet::{Kubelets, Timer};
use super::oom::is_critical;
use super::runtime::{Machine, RecordId, Worker};
use crate::api::{PodRef, StatusPatch};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::node_affinity::matches;
use crate::model::strings::known;
use crate::model::{LabelSet, NodeId, NodeLabels, Phase, PodClass, StrId, Strings};
use crate::record::{KubeEvent, Recorder};

/// Why a pod is refused.
enum Refusal {
    /// The node is under pressure, or another of the reasons that stand for themselves.
    Plain(StrId),
    /// There is not enough of something.
    Short(Shortage),
}

/// A node as its kubelet knows it.
struct Labels<'a> {
    strings: &'a Strings,
    name: StrId,
    labels: &'a LabelSet,
}

impl NodeLabels for Labels<'_> {
    fn name(&self) -> StrId {
        self.name
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        self.labels.get(key).or_else(|| (key == known::LABEL_HOSTNAME).then_some(self.name))
    }

    fn number(&self, value: StrId) -> Option<i64> {
        self.strings.text(value).parse().ok()
    }
}

impl Kubelets {
    /// A pod was bound to a node.
    pub(super) fn take_over<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        node: NodeId,
    ) {
        match self.refusal(env, pod, node) {
            None => {
                let id = self.admit(env, pod, node);
                if !self.sync_first(env, id) {
                    self.sync(env, id);
                }
            }
            Some(refusal) => reject(self, env, pod, node, &refusal),
        }
    }

    fn refusal<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        node: NodeId,
    ) -> Option<Refusal> {
        let plan = env.plan;
        let template = &plan.templates[env.cluster.pods().template(pod.pod)];
        let class = &plan.classes[template.class];
        let critical = is_critical(class.priority);
        let pressure = Self::pressure_on(env, node);
        if !eviction::admits(&pressure, critical, template.qos, &class.tolerations) {
            return Some(Refusal::Plain(known::EVICTED));
        }
        let shape = &plan.shapes[env.cluster.nodes().get(node).shape];
        if self.machines[node].shutdown.is_some() {
            return Some(Refusal::Plain(known::NODE_SHUTDOWN));
        }
        let shortages = |machine: &Machine| {
            let (used, pods) = (&machine.used, machine.pods);
            let room = Room { allocatable: &shape.allocatable, max_pods: shape.max_pods, used, pods };
            admission::shortages(&class.requests, &room)
        };
        let mut short = shortages(&self.machines[node]);
        if !short.is_empty() && self.machines[node].quiet > 0 {
            // A quiet pod may have ended that is still counted.
            let now = env.now;
            self.disturb_node(env, node, now);
            short = shortages(&self.machines[node]);
        }
        if let Some(device) = short.iter().find(|short| short.reason() == known::UNEXPECTED_ADMISSION_ERROR) {
            return Some(Refusal::Short(*device));
        }
        let other = self.unfit(env, class, node).map(Refusal::Plain);
        match (short.first(), other) {
            (None, other) => other,
            (Some(_), other) if critical => other.or_else(|| self.make_room(env, class, node, &short)),
            (Some(first), _) => Some(Refusal::Short(*first)),
        }
    }

    /// Reasons that no missing resource gives.
    fn unfit<T, R>(&self, env: &Env<'_, T, R>, class: &PodClass, node: NodeId) -> Option<StrId> {
        let row = env.cluster.nodes().get(node);
        let labels = env.plan.strings.labels(env.plan.shapes[row.shape].labels);
        let known_as = Labels { strings: &env.plan.strings, name: row.name, labels };
        if !matches(&class.node_selector, class.node_affinity.as_deref(), &known_as) {
            return Some(known::NODE_AFFINITY);
        }
        if !class.host_ports.is_empty() {
            let taken = self.records.chain(self.machines[node].first_record).any(|id| {
                let other = &env.plan.classes[env.plan.templates[self.records.brief(id).template].class];
                class.host_ports.iter().any(|port| other.host_ports.iter().any(|used| port.conflicts(used)))
            });
            if taken {
                return Some(known::NODE_PORTS);
            }
        }
        let taints = row.taints.iter().map(|(taint, _)| taint);
        (!admission::tolerates_no_execute(&class.tolerations, taints)).then_some(known::TAINT_TOLERATION)
    }

    /// Ends pods so that a critical one has room.
    fn make_room<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        class: &PodClass,
        node: NodeId,
        short: &[Shortage],
    ) -> Option<Refusal> {
        let plan = env.plan;
        let of = |id: RecordId| &plan.templates[self.records.brief(id).template];
        let candidates = self.records.chain(self.machines[node].first_record).filter(|&id| {
            let priority = plan.classes[of(id).class].priority;
            let stops = !self.records.is_parked(id)
                && matches!(self.records.get(id).worker, Worker::Terminating | Worker::Finished);
            !stops && (!is_critical(priority) || priority < class.priority)
        });
        let candidates: Vec<RecordId> = candidates.collect();
        let pods: Vec<Preemptable<'_>> = candidates
            .iter()
            .map(|&id| Preemptable { qos: of(id).qos, requests: &plan.classes[of(id).class].requests })
            .collect();
        let missing: SmallVec<[(StrId, i64); 4]> = short.iter().map(|s| (s.resource, s.missing())).collect();
        let Some(victims) = admission::victims(&missing, &pods) else {
            return short.first().map(|first| Refusal::Short(*first));
        };
        for at in victims {
            let id = candidates[at];
            if !self.wake_record(env, id) {
                continue;
            }
            let pod = self.records.get(id).pod.uid;
            env.pod_event(pod, KubeEvent::Preempting, || "Preempted in order to admit critical pod".to_owned());
            self.kill_pod_now(env, id, known::PREEMPTING, None);
        }
        None
    }
}

/// The pod has failed before anything of it ran.
fn reject<T: Timers<Timer>, R: Recorder>(
    kubelets: &mut Kubelets,
    env: &mut Env<'_, T, R>,
    pod: PodRef,
    node: NodeId,
    refusal: &Refusal,
) {
    let reason = match refusal {
        Refusal::Plain(reason) => *reason,
        Refusal::Short(short) => short.reason(),
    };
    let event = match reason {
        known::EVICTED => KubeEvent::Evicted,
        known::NODE_SHUTDOWN => KubeEvent::NodeShutdown,
        known::OUT_OF_PODS => KubeEvent::OutOfpods,
        known::OUT_OF_CPU => KubeEvent::OutOfcpu,
        known::OUT_OF_MEMORY => KubeEvent::OutOfmemory,
        known::OUT_OF_EPHEMERAL_STORAGE => KubeEvent::OutOfEphemeralStorage,
        known::NODE_AFFINITY => KubeEvent::NodeAffinity,
        known::NODE_PORTS => KubeEvent::NodePorts,
        known::TAINT_TOLERATION => KubeEvent::TaintToleration,
        _ => KubeEvent::UnexpectedAdmissionError,
    };
    if R::ON {
        let text = message(env, node, refusal);
        env.pod_event(pod.uid, event, || text);
    }
    let pods = env.cluster.pods();
    let patch = StatusPatch {
        phase: Phase::Failed,
        reason,
        conditions: [None; 6],
        containers: pods.containers(pod.pod).collect(),
        has_address: false,
        started: env.now,
    };
    kubelets.send(env, (pod, None), patch);
}

fn message<T, R>(env: &Env<'_, T, R>, node: NodeId, refusal: &Refusal) -> String {
    let text = |id| env.plan.strings.text(id);
    match refusal {
        Refusal::Plain(known::EVICTED) => {
            let pressure: Vec<&str> = Kubelets::pressure_on(env, node).iter().map(|pressure| pressure.text()).collect();
            format!("The node had condition: [{}]. ", pressure.join(" "))
        }
        Refusal::Plain(known::NODE_SHUTDOWN) => "Pod was rejected as the node is shutting down.".to_owned(),
        Refusal::Plain(known::NODE_AFFINITY) => {
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector".to_owned()
        }
        Refusal::Plain(known::NODE_PORTS) => {
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports".to_owned()
        }
        Refusal::Plain(reason) => format!("Predicate {} failed", text(*reason)),
        Refusal::Short(short) if short.reason() == known::UNEXPECTED_ADMISSION_ERROR => format!(
            "Allocate failed due to requested number of devices unavailable for {}. Requested: {}, Available: {}, which is \
             unexpected",
            text(short.resource),
            short.requested,
            (short.capacity - short.used).max(0),
        ),
        Refusal::Short(Shortage { resource, requested, used, capacity }) => format!(
            "Node didn't have enough resource: {}, requested: {requested}, used: {used}, capacity: {capacity}",
            text(*resource),
        ),
    }
}
