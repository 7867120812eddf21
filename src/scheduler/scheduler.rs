//! The scheduler as a component: one server that runs one cycle at a time over its own view, which it advances by its
//! cursor on the change log. Must not know other components. Mirrors pkg/scheduler/{eventhandlers,schedule_one}.go (v1.34.1).

use rand::Rng;

use super::columns::Columns;
use super::cycle::{Ask, Options, Outcome, TieBreak, schedule_one};
use super::diagnosis::FitError;
use super::framework::PluginSet;
use super::hints::{ClusterEvent, StorageEvent};
use super::pre_enqueue::pre_enqueue;
use super::queue::{Queue, QueueConfig, QueuedPod};
use super::relations::Listers;
use super::scan::Scan;
use super::storage::PodVolumes;
use super::tables::NodeSpec;
use super::view::View;
use crate::api::{Change, Cursor, Op, PodRef};
use crate::base::{IdPages, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::plan::{Evaluator, Plan};
use crate::model::strings::known;
use crate::model::{
    ClaimName, ClassId, NodeId, PodCondition, PodConditionType, PodId, PodUid, StorageKey, StorageObject, Taint,
};
use crate::record::{Fact, KubeEvent, Recorder};

/// Timers of the scheduler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The cycle under way ends.
    Cycle,
    /// A pod in the queue may be tried again.
    Queue,
    /// A binding reaches the API server.
    Bind(u32),
    /// It is looked whether the volumes of a pod that is being bound are there.
    Volumes(u32),
}

/// How long a pod's binding waits for its volumes (`bindTimeoutSeconds`).
const BIND_TIMEOUT: SimDuration = SimDuration::from_secs(600);
/// How often it looks.
const VOLUME_POLL: SimDuration = SimDuration::from_secs(1);

/// A pod that is being bound.
#[derive(Clone, Debug)]
struct Binding {
    pod: PodRef,
    node: NodeId,
    info: QueuedPod,
    /// What its claims get.
    volumes: PodVolumes,
    /// When waiting for them is given up.
    deadline: SimTime,
}

/// kube-scheduler.
#[derive(Debug)]
pub struct Scheduler {
    view: View,
    columns: Columns,
    scan: Scan,
    evaluator: Evaluator,
    options: Options,
    queue: Queue,
    /// The pod of the cycle under way, and what was decided about it when the cycle began.
    cycle: Option<(PodRef, QueuedPod, Outcome)>,
    /// When the queue's own timer is due.
    queue_timer: Option<(SimTime, TimerKey)>,
    bindings: Vec<Option<Binding>>,
    free_bindings: Vec<u32>,
    /// The pods that the slots stand for, as far as the log was read.
    uids: IdPages<PodId, Option<PodUid>>,
    /// Why pending pods do not fit.
    errors: std::collections::BTreeMap<PodUid, FitError>,
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let settings = &plan.control_plane.scheduler;
        let config = QueueConfig {
            initial_backoff: settings.initial_backoff,
            max_backoff: settings.max_backoff,
            ..QueueConfig::default()
        };
        let mut view = View::new();
        let services = plan.services.iter();
        view.set_listers(Listers::new(&plan.namespaces, services, &plan.owners));
        Self {
            view,
            columns: Columns::new(),
            scan: Scan,
            evaluator: settings.evaluator,
            options: Options {
                percentage_of_nodes_to_score: settings.percentage_of_nodes_to_score,
                tie_break: if settings.first_node_on_tie { TieBreak::First } else { TieBreak::Drawn },
            },
            queue: Queue::new(config, plan.start),
            cycle: None,
            queue_timer: None,
            bindings: Vec::new(),
            free_bindings: Vec::new(),
            uids: IdPages::new(),
            errors: std::collections::BTreeMap::new(),
        }
    }

    /// Reads what changed, after the watch's latency, and goes on scheduling.
    pub fn watch<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let lag = env.plan.control_plane.watch_scheduler;
        while let Some(change) = env.cluster.log_mut().next(Cursor::Scheduler, env.now, lag) {
            self.observe(env, &change);
        }
        self.go_on(env);
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        match timer {
            Timer::Cycle => self.end_cycle(env),
            Timer::Queue => self.queue_timer = None,
            Timer::Bind(slot) => self.bind(env, slot),
            Timer::Volumes(slot) => self.await_volumes(env, slot),
        }
        self.go_on(env);
    }

    /// Why a pending pod did not fit when it was tried last.
    #[must_use]
    pub fn last_error(&self, pod: PodUid) -> Option<&FitError> {
        self.errors.get(&pod)
    }

    /// How many pods are active, backing off, and waiting for an event.
    #[must_use]
    pub fn queue_lengths(&self) -> (usize, usize, usize) {
        self.queue.lengths()
    }

    /// What it believes about the cluster.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The pods that wait for a node.
    #[must_use]
    pub const fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The pod of the cycle under way.
    #[must_use]
    pub fn in_cycle(&self) -> Option<PodRef> {
        self.cycle.as_ref().map(|(pod, ..)| *pod)
    }

    /// Where the pod of the cycle under way goes; `None` if no node fits it, or there is no cycle.
    #[must_use]
    pub fn placement(&self) -> Option<super::cycle::Placement> {
        match self.cycle.as_ref()?.2 {
            Outcome::Placed(placement) => Some(placement),
            Outcome::Unfit(_) => None,
        }
    }

    /// How often the pod of the cycle under way was tried, this time included.
    #[must_use]
    pub fn attempt(&self) -> Option<u32> {
        self.cycle.as_ref().map(|(_, info, _)| info.attempts)
    }

    /// What cycles are told.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Keeps from now on what moves `pod` in the queue: see [`Queue::trail`].
    pub fn follow(&mut self, pod: PodId) {
        self.queue.trail.follow(pod);
    }

    /// Pods whose bindings are on their way, and where they are to go.
    pub fn bindings(&self) -> impl Iterator<Item = (PodRef, NodeId)> {
        self.bindings.iter().flatten().map(|binding| (binding.pod, binding.node))
    }

    fn observe<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        let now = env.now;
        match *change {
            Change::PodAdded { pod, class, node, .. } => {
                self.uids.grow_to(pod.pod, &None);
                self.uids[pod.pod] = Some(pod.uid);
                self.view.register_class(class, &env.plan.classes[class]);
                if self.view.tables().needs_numbers() {
                    self.view.learn_numbers(&env.plan.strings);
                }
                match node {
                    Some(node) => self.appeared(pod.pod, class, node, now),
                    // Another scheduler's pod is none of its business until somebody binds it.
                    None if self.view.tables().class(class).profile.is_none() => {}
                    None => {
                        let gate = pre_enqueue(self.view.tables(), class, &env.plan.classes[class]);
                        self.queue.add(self.view.tables(), pod.pod, class, gate, now);
                    }
                }
            }
            Change::PodBound { pod, node, class } => {
                if !self.view.is_assumed(pod.pod) {
                    self.queue.delete(pod.pod);
                }
                self.appeared(pod.pod, class, node, now);
            }
            Change::PodResized { pod, classes: (_, new), .. } => {
                self.view.register_class(new, &env.plan.classes[new]);
                if let Some(old) = self.view.update_pod(pod.pod, new).filter(|old| *old != new) {
                    let event = ClusterEvent::AssignedPodUpdated { old, new };
                    self.queue.on_event(self.view.tables(), &event, now);
                }
            }
            Change::PodStatus { pod, phase, .. } if phase.is_terminal() => self.left(pod, now),
            Change::PodDeleting { pod, .. } => self.view.set_terminating(pod.pod),
            Change::PodRemoved { pod, .. } => {
                if !self.queue.delete(pod.pod) {
                    self.left(pod, now);
                }
                self.errors.remove(&pod.uid);
                if self.uids.get(pod.pod).copied().flatten() == Some(pod.uid) {
                    self.uids[pod.pod] = None;
                }
            }
            Change::NodeAdded(node) => {
                let facts = with_spec(env, node, |spec| self.view.add_node(node, spec));
                self.queue.on_event(self.view.tables(), &ClusterEvent::NodeAdded(facts), now);
            }
            Change::NodeUnschedulable(node, _) | Change::NodeTaints { node, .. } => {
                if !env.cluster.nodes().get(node).exists {
                    return;
                }
                let (old, new) = with_spec(env, node, |spec| self.view.update_node(node, spec));
                if let Some(old) = old {
                    self.queue.on_event(self.view.tables(), &ClusterEvent::NodeUpdated { old, new }, now);
                }
            }
            Change::Storage(key) => {
                if let Some(new) = env.cluster.storage().get(key) {
                    let event = |old: Option<&StorageObject>| StorageEvent::of(old, &new);
                    let event = event(self.view.storage_mut().put(new.clone()).as_ref());
                    self.queue.on_event(self.view.tables(), &ClusterEvent::Storage(event), now);
                }
            }
            Change::NodeRemoved(node) => {
                if let Some(facts) = self.view.remove_node(node) {
                    self.queue.on_event(self.view.tables(), &ClusterEvent::NodeRemoved(facts), now);
                }
            }
            _ => {}
        }
    }

    fn appeared(&mut self, pod: PodId, class: ClassId, node: NodeId, now: SimTime) {
        self.view.add_pod(pod, class, node);
        self.queue.on_event(self.view.tables(), &ClusterEvent::AssignedPodAdded(class), now);
    }

    fn left(&mut self, pod: PodRef, now: SimTime) {
        let terminating = self.view.is_terminating(pod.pod);
        if let Some((_, class)) = self.view.remove_pod(pod.pod) {
            let event = ClusterEvent::AssignedPodRemoved { class, terminating };
            self.queue.on_event(self.view.tables(), &event, now);
        }
    }

    /// Begins the next cycle if none is under way.
    fn go_on<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        while self.cycle.is_none() {
            let Some(info) = self.queue.pop(env.now) else {
                self.arm_queue(env);
                return;
            };
            let Some(uid) = self.uids.get(info.pod).copied().flatten() else {
                self.queue.done(info.pod);
                continue;
            };
            let pod = PodRef { pod: info.pod, uid };
            if !env.cluster.pods().exists(pod) || env.cluster.pods().deleting(pod.pod) {
                self.queue.done(info.pod);
                continue;
            }
            env.counters.scheduling_attempts += 1;
            let (workload, ordinal) = env.cluster.pods().source(pod.pod);
            let mut rng = env.draws.workload(workload).tie_break.at(u64::from(ordinal), u64::from(info.attempts), 0);
            let (ask, tie) = (Ask::of(info.class), rng.next_u64());
            let decision = match self.evaluator {
                Evaluator::Columns => schedule_one(&mut self.view, &mut self.columns, ask, &self.options, tie),
                Evaluator::Scan => schedule_one(&mut self.view, &mut self.scan, ask, &self.options, tie),
            };
            self.cycle = Some((pod, info, decision.outcome));
            env.timers.after_constant(env.plan.control_plane.scheduling_cycle, Timer::Cycle);
        }
    }

    fn arm_queue<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let wake = self.queue.next_wake(env.now);
        if self.queue_timer.map(|(at, _)| at) == wake {
            return;
        }
        if let Some((_, timer)) = self.queue_timer.take() {
            env.timers.disarm(timer);
        }
        self.queue_timer = wake.map(|at| (at, env.timers.at(at, Timer::Queue)));
    }

    fn end_cycle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let (pod, info, outcome) = self.cycle.take().expect("a cycle is under way");
        if !env.cluster.pods().exists(pod) {
            self.queue.done(pod.pod);
            return;
        }
        match outcome {
            Outcome::Placed(placement) => {
                let Some(volumes) = self.reserve(env, info.class, placement.node) else {
                    // What the decision was made with is no longer so.
                    self.queue.failed(self.view.tables(), info, PluginSet::EMPTY, env.now);
                    return;
                };
                self.view.assume(pod.pod, info.class, placement.node);
                self.queue.done(pod.pod);
                let has_volumes = !volumes.is_empty();
                let deadline = env.now + BIND_TIMEOUT;
                let binding = Binding { pod, node: placement.node, info, volumes, deadline };
                let slot = match self.free_bindings.pop() {
                    Some(slot) => {
                        self.bindings[slot as usize] = Some(binding);
                        slot
                    }
                    None => {
                        self.bindings.push(Some(binding));
                        u32::try_from(self.bindings.len() - 1).expect("few pods are bound at once")
                    }
                };
                if has_volumes {
                    env.timers.after_constant(VOLUME_POLL, Timer::Volumes(slot));
                } else {
                    env.timers.after_constant(env.plan.control_plane.binding, Timer::Bind(slot));
                }
            }
            Outcome::Unfit(error) => {
                env.counters.scheduling_failures += 1;
                let kind = PodConditionType::PodScheduled;
                let condition = PodCondition::not(known::UNSCHEDULABLE);
                let _ = env.cluster.request(env.now, Op::SetCondition { pod, kind, condition });
                if R::ON {
                    let strings = &env.plan.strings;
                    let note = env.recorder.note(|| error.message(strings));
                    env.fact(|| Fact::PodUnschedulable(pod.uid, note));
                    env.pod_event(pod.uid, KubeEvent::FailedScheduling, || error.message(strings));
                }
                let rejected_by = error.rejected_by();
                self.errors.insert(pod.uid, error);
                self.queue.failed(self.view.tables(), info, rejected_by, env.now);
            }
        }
    }

    /// Reserve and the writes of PreBind: the claims' volumes are assumed, and the API server is told of them.
    fn reserve<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, class: ClassId, node: NodeId) -> Option<PodVolumes> {
        let volumes = self.view.volumes_for(class, node)?;
        if volumes.is_empty() {
            return Some(volumes);
        }
        let name = self.view.facts(node)?.name;
        self.view.storage_mut().assume(&volumes, name);
        let bound = volumes.bindings.iter().map(|&(_, volume)| StorageKey::Volume(volume));
        let selected = volumes.provisions.iter().map(|&claim| StorageKey::Claim(claim));
        for object in bound.chain(selected).filter_map(|key| self.view.storage().get(key)) {
            // Refused if it says so already.
            let _ = env.cluster.request(env.now, Op::PutStorage(&object));
        }
        Some(volumes)
    }

    /// Upstream asks once a second, for ten minutes.
    fn await_volumes<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, slot: u32) {
        let binding = self.bindings[slot as usize].as_ref().expect("a binding arrives once");
        let claims = binding.volumes.bindings.iter().map(|(claim, _)| claim).chain(&binding.volumes.provisions);
        let storage = self.view.storage();
        let is_bound = |&claim: &ClaimName| storage.claim(claim).is_some_and(|claim| claim.bound_to().is_some());
        let all_bound = claims.copied().all(|claim| is_bound(&claim));
        if all_bound {
            env.timers.after_constant(env.plan.control_plane.binding, Timer::Bind(slot));
        } else if !env.cluster.pods().exists(binding.pod) || env.now >= binding.deadline {
            let binding = self.bindings[slot as usize].take().expect("a binding arrives once");
            self.free_bindings.push(slot);
            self.binding_failed(env, &binding);
        } else {
            env.timers.after_constant(VOLUME_POLL, Timer::Volumes(slot));
        }
    }

    fn bind<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, slot: u32) {
        let binding = self.bindings[slot as usize].take().expect("a binding arrives once");
        self.free_bindings.push(slot);
        let Binding { pod, node, ref info, .. } = binding;
        match env.cluster.request(env.now, Op::Bind { pod, node, class: info.class }) {
            Ok(_) => {
                env.counters.pods_bound += 1;
                self.errors.remove(&pod.uid);
                let name = env.cluster.nodes().get(node).name;
                let (workload, ordinal) = env.cluster.pods().source(pod.pod);
                let plan = env.plan;
                env.pod_event(pod.uid, KubeEvent::Scheduled, || {
                    let of = &plan.workloads[workload];
                    let namespace = plan.strings.text(of.namespace);
                    let pod = of.pod_name(&plan.strings, ordinal);
                    format!("Successfully assigned {namespace}/{pod} to {}", plan.strings.text(name))
                });
            }
            Err(_) => self.binding_failed(env, &binding),
        }
    }

    fn binding_failed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, binding: &Binding) {
        let pod = binding.pod;
        self.view.storage_mut().forget(&binding.volumes);
        // If the pod is gone, its slot may be another's by now, assumed in its turn.
        let same = self.uids.get(pod.pod).copied().flatten() == Some(pod.uid);
        if let Some((_, class)) = same.then(|| self.view.forget(pod.pod)).flatten() {
            let event = ClusterEvent::AssignedPodRemoved { class, terminating: false };
            self.queue.on_event(self.view.tables(), &event, env.now);
        }
        if env.cluster.pods().exists(pod) && env.cluster.pods().node(pod.pod).is_none() {
            self.queue.failed(self.view.tables(), binding.info, PluginSet::EMPTY, env.now);
        }
    }
}

/// The node as the view wants it.
fn with_spec<T, R, O>(env: &Env<'_, T, R>, node: NodeId, give: impl FnOnce(&NodeSpec<'_>) -> O) -> O {
    let row = env.cluster.nodes().get(node);
    let shape = &env.plan.shapes[row.shape];
    let taints: smallvec::SmallVec<[Taint; 4]> = row.taints.iter().map(|&(taint, _)| taint).collect();
    give(&NodeSpec {
        name: row.name,
        hostname: Some(row.name),
        labels: env.plan.strings.labels(shape.labels).pairs(),
        taints: &taints,
        allocatable: &shape.allocatable,
        max_pods: shape.max_pods,
        unschedulable: row.unschedulable,
        images: &shape.images,
    })
}
