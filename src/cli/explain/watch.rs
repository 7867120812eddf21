//! Runs a scenario up to a time and keeps what happens to one pod in the scheduler's queue. Looks at the simulation from
//! outside, between events: nothing of it costs anything in an ordinary run.

use super::edit::full_name;
use crate::api::PodRef;
use crate::base::id::DenseId;
use crate::base::{IdVec, SimTime};
use crate::engine::LimitReached;
use crate::model::{ClassId, NodeId, PodUid, Strings, WorkloadId};
use crate::record::fact::NoteId;
use crate::record::{Fact, KubeEvent, PodRecord, Recorder, Sample, Subject};
use crate::scheduler::cycle::{Ask, Placement};
use crate::scheduler::framework::Plugin;
use crate::scheduler::queue::{Place, QueuedPod};
use crate::scheduler::trail::Woken;
use crate::scheduler::view::View;
use crate::scheduler::whatif::{Detailed, detailed};
use crate::sim::Simulation;
use crate::sim::plan::{Plan, Workload};

/// What happened to the pod.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The pod object was created.
    Created,
    /// The scheduler learned of it.
    Queued,
    /// Something keeps it out of the queue.
    Gated(Plugin),
    /// A scheduling cycle began.
    Attempt(u32),
    /// The cycle found no node; the message.
    Failed(String),
    /// The cycle chose a node.
    Chosen(NodeId),
    /// It waits for an event.
    Waits,
    /// It backs off until then.
    BacksOff(SimTime),
    /// An event woke it.
    Woken(Woken),
    /// It was tried again because it had waited so long.
    WaitedLong,
    /// It may be tried now.
    Active,
    /// It was bound to this node.
    Bound(NodeId),
    /// It is nominated for this node: others are evicted there for it.
    Nominated(NodeId),
    /// It is nominated for no node any more, and not bound either.
    NotNominated,
    /// This pod, by its full name, was evicted for it.
    Evicts(String),
    /// A Kubernetes Event about it, of preemption or eviction.
    Event(String, String),
    /// Its deletion was requested.
    Deleting,
    /// The object is gone.
    Removed,
}

/// The decision that placed the pod.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub at: SimTime,
    pub class: ClassId,
    pub placement: Placement,
    /// The node that it was nominated for.
    pub nominated: Option<NodeId>,
    pub detailed: Detailed,
    /// What the scheduler believed then.
    pub view: View,
}

/// Everything kept about the pod.
#[derive(Debug)]
pub(super) struct Watched {
    pub simulation: Simulation<Aimed>,
    pub pod: Option<PodRef>,
    pub steps: Vec<(SimTime, Step)>,
    pub decided: Option<Decided>,
}

/// A recorder that is aimed at one pod.
#[derive(Debug)]
pub(super) struct Aimed {
    namespace: String,
    name: String,
    workloads: IdVec<WorkloadId, Workload>,
    strings: Strings,
    /// All pods by their uids, for their names.
    created: Vec<String>,
    /// The latest pod of the name.
    uid: Option<PodUid>,
    note: String,
    facts: Vec<(SimTime, Step)>,
}

impl Aimed {
    fn new(plan: &Plan, namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            workloads: plan.workloads.clone(),
            strings: plan.strings.clone(),
            created: Vec::new(),
            uid: None,
            note: String::new(),
            facts: Vec::new(),
        }
    }

    /// Whether the last note, which is of an eviction, names the pod as the one that it makes room for.
    fn is_for_it(&self) -> bool {
        self.uid.is_some_and(|uid| self.note.starts_with(&format!("Preempted by pod {} on node ", uid.raw())))
    }
}

impl Recorder for Aimed {
    const SAMPLES: bool = false;

    fn fact(&mut self, at: SimTime, fact: Fact) {
        let (uid, step) = match fact {
            Fact::Event { subject: Subject::Pod(victim), event: KubeEvent::Preempted, .. } if self.is_for_it() => {
                self.facts.push((at, Step::Evicts(self.created[victim.index()].clone())));
                return;
            }
            Fact::PodCreated(uid) => (uid, Step::Created),
            Fact::PodUnschedulable(uid, _) => (uid, Step::Failed(self.note.clone())),
            Fact::PodBound(uid, node) => (uid, Step::Bound(node)),
            Fact::PodDeleting(uid, _) => (uid, Step::Deleting),
            Fact::PodRemoved(uid) => (uid, Step::Removed),
            Fact::Event {
                subject: Subject::Pod(uid),
                event: event @ (KubeEvent::Preempted | KubeEvent::Evicted),
                ..
            } => (uid, Step::Event(event.reason(), self.note.clone())),
            _ => return,
        };
        if self.uid == Some(uid) {
            self.facts.push((at, step));
        }
    }

    fn pod(&mut self, pod: PodRecord) {
        let uid = DenseId::from_index(self.created.len());
        let workload = &self.workloads[pod.workload];
        // The last note is the name of a pod that was given one.
        let name = match pod.name {
            Some(_) => format!("{}/{}", self.strings.text(workload.namespace), self.note),
            None => full_name(&self.strings, workload, pod.ordinal),
        };
        let is_it = name.strip_prefix(&self.namespace).and_then(|rest| rest.strip_prefix('/')) == Some(&*self.name);
        self.created.push(name);
        if is_it {
            self.uid = Some(uid);
            self.facts = vec![];
        }
    }

    fn sample(&mut self, _: SimTime, _: Sample) {}

    fn note(&mut self, text: impl FnOnce() -> String) -> NoteId {
        self.note = text();
        NoteId::from_raw(0)
    }
}

/// Where the pod is in the scheduler.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Seen {
    queue: Option<(Place, QueuedPod)>,
    attempt: Option<u32>,
    nominated: Option<NodeId>,
    facts: usize,
    woken: usize,
}

/// Runs `plan` to `at` with all eyes on one pod.
pub(super) fn watch(plan: Plan, namespace: &str, name: &str, at: SimTime) -> Result<Watched, LimitReached> {
    let recorder = Aimed::new(&plan, namespace, name);
    let simulation = Simulation::with_recorder(plan, recorder);
    let mut watched = Watched { simulation, pod: None, steps: Vec::new(), decided: None };
    let mut seen = Seen::default();
    loop {
        let start = watched.simulation.scheduler().view().next_start();
        if watched.simulation.step(at)?.is_none() {
            return Ok(watched);
        }
        watched.look(&mut seen, start);
    }
}

impl Watched {
    /// Compares with what was seen before the last event.
    fn look(&mut self, seen: &mut Seen, start: u32) {
        let Some(uid) = self.simulation.recorder().uid else { return };
        if self.pod.map(|pod| pod.uid) != Some(uid) {
            // The object is in a slot now; it may be gone again before the next event, but not before this one has ended.
            self.pod = self.simulation.cluster().pods().iter().find(|pod| pod.uid == uid);
            self.steps.clear();
            self.decided = None;
            *seen = Seen::default();
            if let Some(pod) = self.pod {
                self.simulation.follow(pod.pod);
            }
        }
        let Some(pod) = self.pod else { return };
        let now = self.simulation.now();
        let recorder = self.simulation.recorder();
        let facts = recorder.facts.len();
        self.steps.extend_from_slice(&recorder.facts[seen.facts..]);
        seen.facts = facts;
        if matches!(self.steps.last(), Some((_, Step::Removed))) {
            // The slot may be another pod's from here on.
            return;
        }
        let scheduler = self.simulation.scheduler();
        let queue = scheduler.queue();
        let woken = queue.trail.woken();
        self.steps.extend(woken[seen.woken..].iter().map(|woken| (woken.at, Step::Woken(woken.clone()))));
        let was_woken = woken.len() > seen.woken;
        seen.woken = woken.len();

        let place = queue.place(pod.pod).zip(queue.get(pod.pod).copied());
        let attempt = scheduler.attempt().filter(|_| scheduler.in_cycle() == Some(pod));
        let mut add = |step: Step| self.steps.push((now, step));
        if place != seen.queue
            && let Some((at, info)) = place
        {
            let before = seen.queue;
            if before.is_none() && info.attempts == 0 {
                add(Step::Queued);
            }
            match (at, info.backoff_expiry()) {
                (Place::Unschedulable, _) if info.gate.is_some() => {
                    if before.is_none_or(|(_, before)| before.gate != info.gate) {
                        add(info.gate.map_or(Step::Waits, Step::Gated));
                    }
                }
                (Place::Unschedulable, _) => add(Step::Waits),
                (place, expiry) => {
                    let waited = before.is_some_and(|(place, _)| place == Place::Unschedulable);
                    if waited && !was_woken {
                        add(Step::WaitedLong);
                    }
                    match expiry {
                        Some(until) if place != Place::Active && until > now => add(Step::BacksOff(until)),
                        _ if before.is_some() => add(Step::Active),
                        _ => {}
                    }
                }
            }
        }
        if attempt != seen.attempt
            && let Some(number) = attempt
        {
            let before = seen.queue.filter(|_| place.is_none());
            if number == 1 && !self.steps.iter().any(|(_, step)| matches!(step, Step::Queued)) {
                self.steps.push((now, Step::Queued));
            }
            if before.is_some_and(|(place, _)| place == Place::Unschedulable) && !was_woken {
                self.steps.push((now, Step::WaitedLong));
            }
            self.steps.push((now, Step::Attempt(number)));
            if let Some(placement) = scheduler.placement() {
                let template = self.simulation.cluster().pods().template(pod.pod);
                let class = self.simulation.plan().templates[template].class;
                // Between the decision and now nothing else happened: the view is the one that was decided on.
                // Its own nomination does not stand in its way.
                let mut view = scheduler.view().clone();
                let nominated = view.clear_nomination(pod.pod).map(|(_, node)| node);
                let detailed = detailed(&view, start, Ask { class, nominated }, scheduler.options(), 0);
                self.steps.push((now, Step::Chosen(placement.node)));
                self.decided = Some(Decided { at: now, class, placement, nominated, detailed, view });
            }
        }
        let pods = self.simulation.cluster().pods();
        let nominated = pods.nominated_node(pod.pod).filter(|_| pods.exists(pod));
        if nominated != seen.nominated && pods.node(pod.pod).is_none() {
            self.steps.push((now, nominated.map_or(Step::NotNominated, Step::Nominated)));
        }
        (seen.queue, seen.attempt, seen.nominated) = (place, attempt, nominated);
    }
}
