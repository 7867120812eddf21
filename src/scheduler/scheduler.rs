//! The scheduler as a component: one server that runs one cycle at a time over its own view, which it advances by its
//! cursor on the change log. Must not know other components. Mirrors pkg/scheduler/{eventhandlers,schedule_one}.go (v1.34.1).

use rand::Rng;

use super::bindings::{BIND_TIMEOUT, Binding};
use super::cycle::{Ask, Options, Outcome, TieBreak};
use super::diagnosis::FitError;
use super::errors::Errors;
use super::evictions::{Eviction, Objects};
use super::framework::PluginSet;
use super::hints::{ClusterEvent, StorageEvent};
use super::judge::Judge;
use super::plugins::default_preemption::Candidate;
use super::pre_enqueue::pre_enqueue;
use super::queue::{Queue, QueueConfig, QueuedPod};
use super::relations::Listers;
use super::tables::NodeSpec;
use super::view::View;
use crate::api::{Change, Cursor, Op, PodRef};
use crate::base::{IdPages, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{ClassId, NodeId, PodCondition, PodConditionType, PodId, PodUid, Taint};
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
    /// Deletions of victims reach the API server.
    Evict(u32),
    /// It is looked whether the volumes of a pod that is being bound are there.
    Volumes(u32),
}

/// A cycle, with what was decided when it began.
#[derive(Clone, Debug)]
struct Cycle {
    pod: PodRef,
    info: QueuedPod,
    outcome: Outcome,
    /// Who is to be evicted for it, if no node takes it.
    candidate: Option<Candidate>,
    /// Whether the cycle goes on until they are.
    evicts: bool,
    /// Nobody waits for the end of the cycle: its timer is that of the binding. When it ends, and that timer.
    unseen: Option<(SimTime, TimerKey)>,
}

/// kube-scheduler.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) view: View,
    judge: Judge,
    options: Options,
    pub(super) queue: Queue,
    /// The cycle under way.
    cycle: Option<Cycle>,
    /// When the queue's own timer is due.
    queue_timer: Option<(SimTime, TimerKey)>,
    pub(super) bindings: Vec<Option<Binding>>,
    pub(super) free_bindings: Vec<u32>,
    /// Evictions that go on beside the cycles, by the number of their timers.
    pub(super) evictions: std::collections::BTreeMap<u32, Eviction>,
    pub(super) next_eviction: u32,
    /// The pods that the slots stand for, as far as the log was read.
    pub(super) uids: IdPages<PodId, Option<PodUid>>,
    pub(super) errors: Errors,
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
        let mut view = View::with_profiles(settings.profiles(&plan.strings));
        let services = plan.services.iter();
        view.set_listers(Listers::new(&plan.namespaces, services, &plan.owners));
        Self {
            view,
            judge: Judge::new(settings.evaluator),
            options: Options {
                percentage_of_nodes_to_score: settings.percentage_of_nodes_to_score,
                tie_break: if settings.first_node_on_tie { TieBreak::First } else { TieBreak::Drawn },
            },
            queue: Queue::new(config, plan.start),
            cycle: None,
            queue_timer: None,
            bindings: Vec::new(),
            free_bindings: Vec::new(),
            evictions: std::collections::BTreeMap::new(),
            next_eviction: 0,
            uids: IdPages::new(),
            errors: Errors::default(),
        }
    }

    /// Reads what changed, after the watch's latency, and goes on scheduling.
    pub fn watch<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        self.catch_up(env);
        self.go_on(env);
    }

    /// Reads what changed, each change as of when it could be read first: nobody sees whether it was read then, or when
    /// there was something to do.
    pub fn catch_up<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let unseen = self.cycle.as_ref().and_then(|cycle| cycle.unseen).filter(|&(end, _)| end <= env.now);
        if let Some((end, timer)) = unseen {
            let now = std::mem::replace(&mut env.now, end);
            self.read(env);
            env.timers.disarm(timer);
            self.end_cycle(env);
            env.now = now;
        }
        self.read(env);
    }

    fn read<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let (now, lag) = (env.now, env.plan.control_plane.watch_scheduler);
        while let Some((due, change)) = env.cluster.log_mut().next_due(Cursor::Scheduler, now, lag) {
            env.now = due;
            self.observe(env, &change);
        }
        env.now = now;
    }

    /// Whether a change can wait until the scheduler has something to do: what only moves pods that have a place, while
    /// none waits for one.
    #[must_use]
    pub fn can_wait(change: &Change) -> bool {
        match change {
            Change::PodAdded { node, .. } => node.is_some(),
            Change::PodBound { .. } | Change::PodDeleting { .. } | Change::PodRemoved { .. } => true,
            Change::PodStatus { .. } => true,
            _ => false,
        }
    }

    /// Whether pods wait for a node: then every change may help one.
    #[must_use]
    pub fn has_waiting_pods(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        self.catch_up(env);
        match timer {
            Timer::Cycle if self.cycle.is_some() => self.end_cycle(env),
            // The binding of a cycle whose end nobody waited for.
            Timer::Cycle => {}
            Timer::Queue => self.queue_timer = None,
            Timer::Bind(slot) => self.bind(env, slot),
            Timer::Evict(number) => self.go_on_evicting(env, number),
            Timer::Volumes(slot) => self.await_volumes(env, slot),
        }
        self.go_on(env);
    }

    /// Why a pending pod did not fit when it was tried last.
    #[must_use]
    pub fn last_error(&self, pod: PodRef) -> Option<&FitError> {
        self.errors.get(pod.pod).filter(|_| self.uids.get(pod.pod).copied().flatten() == Some(pod.uid))
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
        self.cycle.as_ref().map(|cycle| cycle.pod)
    }

    /// Where the pod of the cycle under way goes; `None` if no node fits it, or there is no cycle.
    #[must_use]
    pub fn placement(&self) -> Option<super::cycle::Placement> {
        match self.cycle.as_ref()?.outcome {
            Outcome::Placed(placement) => Some(placement),
            Outcome::Unfit(_) => None,
        }
    }

    /// How often the pod of the cycle under way was tried, this time included.
    #[must_use]
    pub fn attempt(&self) -> Option<u32> {
        self.cycle.as_ref().map(|cycle| cycle.info.attempts)
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

    /// Evictions that are on their way: for whom, and who is left to be evicted.
    pub fn evictions(&self) -> impl Iterator<Item = (PodRef, &[PodRef])> {
        self.evictions.values().map(|eviction| (eviction.preemptor, eviction.victims.as_slice()))
    }

    /// Pods whose bindings are on their way, and where they are to go.
    pub fn bindings(&self) -> impl Iterator<Item = (PodRef, NodeId)> {
        self.bindings.iter().flatten().map(|binding| (binding.pod, binding.node))
    }

    fn observe<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
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
                    self.view.clear_nomination(pod.pod);
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
            Change::PodUngated { pod, class } => {
                self.view.register_class(class, &env.plan.classes[class]);
                if self.is_pending(pod) && self.view.tables().class(class).profile.is_some() {
                    let gate = pre_enqueue(self.view.tables(), class, &env.plan.classes[class]);
                    self.queue.update(self.view.tables(), pod.pod, class, gate, now);
                }
            }
            Change::PodStatus { pod, phase, .. } if phase.is_terminal() => self.left(pod, now),
            Change::PodDeleting { pod, .. } => self.view.set_terminating(pod.pod),
            Change::PodRemoved { pod, .. } => {
                if !self.queue.delete(pod.pod) {
                    self.left(pod, now);
                }
                self.withdrawn(pod.pod, now);
                if self.uids.get(pod.pod).copied().flatten() == Some(pod.uid) {
                    self.uids[pod.pod] = None;
                    self.errors.forget(pod.pod);
                }
            }
            Change::PodNominated { pod, node, before, class } => {
                if !self.is_pending(pod) {
                    return;
                }
                match node {
                    Some(node) => self.view.nominate(pod.pod, class, node),
                    None => _ = self.view.clear_nomination(pod.pod),
                }
                if before.is_some() {
                    self.made_room(class, now);
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
                let event = match env.cluster.storage().get(key) {
                    Some(new) => Some(StorageEvent::of(self.view.storage_mut().put(new.clone()).as_ref(), &new)),
                    None => self.view.storage_mut().remove(key).as_ref().map(StorageEvent::gone),
                };
                if let Some(event) = event {
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

    /// Whether the pod is there and has no place, as far as the log was read.
    fn is_pending(&self, pod: PodRef) -> bool {
        self.uids.get(pod.pod).copied().flatten() == Some(pod.uid) && self.view.place_of(pod.pod).is_none()
    }

    fn appeared(&mut self, pod: PodId, class: ClassId, node: NodeId, now: SimTime) {
        self.view.add_pod(pod, class, node);
        self.queue.on_event(self.view.tables(), &ClusterEvent::AssignedPodAdded(class), now);
    }

    /// A pending pod is gone: the node that was kept for it is not any more.
    fn withdrawn(&mut self, pod: PodId, now: SimTime) {
        if let Some((nominee, _)) = self.view.clear_nomination(pod) {
            self.made_room(nominee.class, now);
        }
    }

    /// A pod of `class` is no longer nominated for its node: to pods of at most its priority that is as if it had gone.
    fn made_room(&mut self, class: ClassId, now: SimTime) {
        let priority = self.view.tables().class(class).priority;
        let event = ClusterEvent::AssignedPodRemoved { class, terminating: false };
        self.queue.on_event_for(self.view.tables(), &event, priority, now);
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
        if let Some(cycle) = &mut self.cycle
            && !self.queue.is_empty()
            && let Some((end, timer)) = cycle.unseen.take()
        {
            // Now somebody waits.
            env.timers.disarm(timer);
            env.timers.at(end, Timer::Cycle);
        }
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
            // Its own nomination does not stand in its way.
            let nominated = self.view.clear_nomination(pod.pod).map(|(_, node)| node);
            let (ask, tie) = (Ask { class: info.class, nominated }, rng.next_u64());
            let mut decision = self.judge.decide(&mut self.view, ask, &self.options, tie);
            let candidate = match &mut decision.outcome {
                Outcome::Placed(_) => None,
                Outcome::Unfit(error) => {
                    let objects = Objects::new(env.cluster, env.plan, &self.uids, env.now);
                    self.judge.preempt_first(&self.view, ask, error, &objects, rng.next_u64())
                }
            };
            if let Some(node) = nominated {
                self.view.nominate(pod.pod, info.class, node);
            }
            let settings = &env.plan.control_plane;
            let takes = settings.scheduling_cycle;
            // Without a binding time the bindings of one instant would change places.
            let unseen = settings.binding > SimDuration::ZERO
                && matches!(&decision.outcome, Outcome::Placed(placement) if self.queue.is_empty()
                && self.view.volumes_for(info.class, placement.node).is_some_and(|volumes| volumes.is_empty()));
            let unseen = if unseen {
                Some((env.now + takes, env.timers.after_constant(takes + settings.binding, Timer::Cycle)))
            } else {
                env.timers.after_constant(takes, Timer::Cycle);
                None
            };
            self.cycle = Some(Cycle { pod, info, outcome: decision.outcome, candidate, evicts: false, unseen });
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
        let cycle = self.cycle.take().expect("a cycle is under way");
        let Cycle { pod, info, outcome, candidate, evicts, unseen } = cycle;
        if !env.cluster.pods().exists(pod) {
            self.queue.done(pod.pod);
            return;
        }
        match outcome {
            Outcome::Placed(placement) => {
                self.view.clear_nomination(pod.pod);
                let Some(volumes) = self.reserve(env, info.class, placement.node) else {
                    // What the decision was made with is no longer so.
                    let _ = env.cluster.request(env.now, Op::Nominate { pod, node: None, class: info.class });
                    self.queue.failed(self.view.tables(), info, PluginSet::EMPTY, env.now);
                    return;
                };
                self.view.assume(pod.pod, info.class, placement.node);
                self.queue.done(pod.pod);
                let deadline = env.now + BIND_TIMEOUT;
                let binding = Binding { pod, node: placement.node, info, volumes, deadline };
                self.start_binding(env, binding, unseen.is_some());
            }
            Outcome::Unfit(error) => {
                if let Some(chosen) = &candidate
                    && !env.plan.control_plane.scheduler.async_preemption
                {
                    if !evicts {
                        let outcome = Outcome::Unfit(error);
                        let cycle = Cycle { evicts: true, outcome, pod, info, candidate, unseen };
                        self.cycle = Some(cycle);
                        env.timers.after(env.plan.control_plane.binding * 2, Timer::Cycle);
                        return;
                    }
                    self.evict_at_once(env, pod, info.class, chosen);
                }
                env.counters.scheduling_failures += 1;
                // Nobody else writes this condition of a pod without a node: once is enough.
                if info.unschedulable_count == 0 || env.cluster.pods().node(pod.pod).is_some() {
                    let kind = PodConditionType::PodScheduled;
                    let condition = PodCondition::not(known::UNSCHEDULABLE);
                    let _ = env.cluster.request(env.now, Op::SetCondition { pod, kind, condition });
                }
                if R::ON {
                    let strings = &env.plan.strings;
                    let note = env.recorder.note(|| error.message(strings));
                    env.fact(|| Fact::PodUnschedulable(pod.uid, note));
                    env.pod_event(pod.uid, KubeEvent::FailedScheduling, || error.message(strings));
                }
                self.nominate(env, pod, info.class, candidate.as_ref(), &error);
                if let Some(chosen) = candidate.filter(|_| !evicts) {
                    self.start_evicting(env, pod, info.class, &chosen);
                }
                let rejected_by = error.rejected_by();
                self.errors.note(pod.pod, info.class, error);
                self.queue.failed(self.view.tables(), info, rejected_by, env.now);
            }
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
