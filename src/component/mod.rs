//! What every component is given when one of its events is handled: the objects, the timers, the plan, the draws, the
//! recorder. Knows no component.

use std::ops::Deref;

use crate::api::{Change, Cluster, Op, Owned, PodRef, Rejection};
use crate::base::draw::Purpose;
use crate::base::{Draw, Draws, IdVec, SimTime};
use crate::model::plan::{Plan, Workload};
use crate::model::strings::known;
use crate::model::{NodeId, PodCondition, PodConditionType, PodTemplate, PodUid, TemplateId, WorkloadId};
use crate::record::{Counters, Fact, KubeEvent, PodRecord, Recorder, Subject};
use crate::workload::LifeDraws;

/// The surroundings of a component while it handles one event. `T` arms its timers, `R` records. One component may add to
/// the plan (`P`).
pub struct Env<'a, T, R, P = &'a Plan> {
    /// The objects.
    pub cluster: &'a mut Cluster,
    /// The component's timers.
    pub timers: &'a mut T,
    /// The compiled plan.
    pub plan: P,
    /// Draws by name.
    pub draws: &'a DrawTables,
    /// The recorder.
    pub recorder: &'a mut R,
    /// Counters.
    pub counters: &'a mut Counters,
    /// The simulated time.
    pub now: SimTime,
}

impl<T, R> Env<'_, T, R> {
    /// The same as of another time.
    #[inline]
    pub const fn at(&mut self, now: SimTime) -> Env<'_, T, R> {
        Env {
            cluster: &mut *self.cluster,
            timers: &mut *self.timers,
            plan: self.plan,
            draws: self.draws,
            recorder: &mut *self.recorder,
            counters: &mut *self.counters,
            now,
        }
    }
}

/// A pod to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewPod {
    /// Its source.
    pub workload: WorkloadId,
    /// Its number there.
    pub ordinal: u32,
    /// What it is like.
    pub template: TemplateId,
    /// The template of the plan that this is a variation of, or the same.
    pub made_from: TemplateId,
    /// `spec.nodeName`, if the manifest sets it and the node exists.
    pub node: Option<NodeId>,
    /// Its controlling owner.
    pub owned: Option<Owned>,
}

/// Draws of everything that has a name, expanded once.
#[derive(Clone, Debug)]
pub struct DrawTables {
    root: Draws,
    workloads: IdVec<WorkloadId, WorkloadDraws>,
    /// Delays of proxies and load balancers, by service.
    pub network: Draw,
    /// How long provisioners take.
    pub storage: Draw,
    /// What faults strike.
    pub fault: Draw,
    /// Latencies of controllers' writes.
    pub controllers: Draw,
    /// Which of several equally good pools is made larger.
    pub autoscaler: Draw,
}

/// The draws of one workload.
#[derive(Clone, Copy, Debug)]
pub struct WorkloadDraws {
    /// Lives of its processes.
    pub life: LifeDraws,
    /// Latencies of its pods' starts.
    pub latency: Draw,
    /// Jitter of its pods' retries.
    pub jitter: Draw,
    /// When its pods arrive.
    pub arrival: Draw,
    /// Which of several equally good nodes its pods take.
    pub tie_break: Draw,
}

/// The draws of one node.
#[derive(Clone, Copy, Debug)]
pub struct NodeDraws {
    /// Phases of its periodic loops.
    pub phase: Draw,
    /// Boot times.
    pub boot: Draw,
}

impl DrawTables {
    /// The draws of a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let root = Draws::new(plan.seed);
        let expand = |workload: &Workload| {
            let (namespace, name) = (plan.strings.text(workload.namespace), plan.strings.text(workload.name));
            let name = format!("{namespace}/{name}");
            WorkloadDraws {
                life: LifeDraws::new(&root, &name),
                latency: root.of(Purpose::Latency, &name),
                jitter: root.of(Purpose::Jitter, &name),
                arrival: root.of(Purpose::Arrival, &name),
                tie_break: root.of(Purpose::TieBreak, &name),
            }
        };
        Self {
            workloads: plan.workloads.iter().map(expand).collect(),
            network: root.of(Purpose::Latency, "services"),
            storage: root.of(Purpose::Latency, "storage"),
            fault: root.of(Purpose::Fault, ""),
            controllers: root.of(Purpose::Latency, "controllers"),
            autoscaler: root.of(Purpose::TieBreak, "cluster-autoscaler"),
            root,
        }
    }

    /// The draws of a workload.
    #[must_use]
    pub fn workload(&self, id: WorkloadId) -> &WorkloadDraws {
        &self.workloads[id]
    }

    /// The draws of the node called `name`.
    #[must_use]
    pub fn node(&self, name: &str) -> NodeDraws {
        NodeDraws { phase: self.root.of(Purpose::Phase, name), boot: self.root.of(Purpose::Latency, name) }
    }
}

/// The surroundings of the component that makes pods of its own: it may add templates to the plan.
pub type MakerEnv<'a, T, R> = Env<'a, T, R, &'a mut Plan>;

impl<T, R: Recorder, P: Deref<Target = Plan>> Env<'_, T, R, P> {
    /// Creates a pod; it waits for its gates if it has some. `made_from` is the template of the plan that `id` is a variation
    /// of, for recorders, who know only the plan as it was.
    ///
    /// # Errors
    /// Why the API server refuses it.
    pub fn create_pod(&mut self, pod: NewPod) -> Result<PodRef, Rejection> {
        let NewPod { workload, ordinal, template: id, made_from, node, owned } = pod;
        let template = &self.plan.templates[id];
        let is_gated = node.is_none() && !self.plan.classes[template.class].scheduling_gates.is_empty();
        let op = Op::CreatePod { workload, ordinal, id, template, node, owned };
        let refused = |rejection: Rejection| {
            rejection.told(&self.plan.strings, "pods", &self.plan.pod_name(workload, id, ordinal))
        };
        let Change::PodAdded { pod, .. } = self.cluster.request(self.now, op).map_err(refused)? else {
            unreachable!("a new pod is added")
        };
        if is_gated {
            let (kind, condition) = (PodConditionType::PodScheduled, PodCondition::not(known::SCHEDULING_GATED));
            let _ = self.cluster.request(self.now, Op::SetCondition { pod, kind, condition });
        }
        if R::ON {
            let plan = &self.plan;
            let name = owned.map(|_| self.recorder.note(|| plan.pod_name(workload, id, ordinal)));
            let owner = owned.map(|owned| owned.object);
            self.recorder.pod(PodRecord { uid: pod.uid, workload, ordinal, template: made_from, name, owner });
        }
        Ok(pod)
    }

    /// The template `id`.
    #[must_use]
    pub fn template(&self, id: TemplateId) -> &PodTemplate {
        &self.plan.templates[id]
    }

    /// Records a fact; `make` is only called when recording.
    pub fn fact(&mut self, make: impl FnOnce() -> Fact) {
        if R::ON {
            self.recorder.fact(self.now, make());
        }
    }

    /// Records a Kubernetes Event about a pod.
    pub fn pod_event(&mut self, pod: PodUid, event: KubeEvent, text: impl FnOnce() -> String) {
        self.event(Subject::Pod(pod), event, text);
    }

    /// Records a Kubernetes Event about a container of a pod.
    pub fn container_event(&mut self, pod: PodUid, index: u16, event: KubeEvent, text: impl FnOnce() -> String) {
        self.event(Subject::Container(pod, index), event, text);
    }

    /// A Kubernetes Event happened once more at `at`, without anything new.
    pub fn repeat(&mut self, at: SimTime, subject: Subject, event: KubeEvent, text: impl FnOnce() -> String) {
        if R::REPEATS {
            self.recorder.repeat(at, subject, event, &text());
        }
    }

    /// Records a Kubernetes Event about a node.
    pub fn node_event(&mut self, node: NodeId, event: KubeEvent, text: impl FnOnce() -> String) {
        self.event(Subject::Node(node), event, text);
    }

    /// Records a Kubernetes Event.
    pub fn event(&mut self, subject: Subject, event: KubeEvent, text: impl FnOnce() -> String) {
        if R::ON {
            let note = self.recorder.note(text);
            self.recorder.fact(self.now, Fact::Event { subject, event, note });
        }
    }
}
