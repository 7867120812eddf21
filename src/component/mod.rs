//! What every component is given when one of its events is handled: the objects, the timers, the plan, the draws, the
//! recorder. Knows no component.

use crate::api::Cluster;
use crate::base::draw::Purpose;
use crate::base::{Draw, Draws, IdVec, SimTime};
use crate::model::plan::{Plan, Workload};
use crate::model::{NodeId, PodTemplate, PodUid, TemplateId, WorkloadId};
use crate::record::{Counters, Fact, KubeEvent, Recorder, Subject};
use crate::workload::LifeDraws;

/// The surroundings of a component while it handles one event. `T` arms its timers, `R` records.
pub struct Env<'a, T, R> {
    /// The objects.
    pub cluster: &'a mut Cluster,
    /// The component's timers.
    pub timers: &'a mut T,
    /// The compiled plan.
    pub plan: &'a Plan,
    /// Draws by name.
    pub draws: &'a DrawTables,
    /// The recorder.
    pub recorder: &'a mut R,
    /// Counters.
    pub counters: &'a mut Counters,
    /// The simulated time.
    pub now: SimTime,
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

impl<T, R: Recorder> Env<'_, T, R> {
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
