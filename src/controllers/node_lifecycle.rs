//! Nodes that stop answering: detection, conditions, taints, eviction of pods by taint. Mirrors
//! pkg/controller/nodelifecycle/node_lifecycle_controller.go and pkg/controller/tainteviction, v1.34 (spec 6.2 to 6.5).
//! The five-second monitor pass is computed to the pass that will see something.

use crate::api::{Change, Cluster, Op, PodRef};
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::tolerations::min_toleration_seconds;
use crate::model::{ConditionStatus, NodeId, PodCondition, PodConditionType, Pressure, StrId, Taint, TaintEffect};
use crate::record::{KubeEvent, Recorder};

use super::zones::{TaintQueue, ZoneLimits, ZoneState, evictions_per_second, zone_state};

/// The queues of NoExecute taints are looked at this often.
const TAINT_PERIOD: SimDuration = SimDuration::from_millis(100);

/// Timers of this controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The monitor finds that a node has not renewed its lease for too long.
    Unknown(NodeId),
    /// The rest of a pass of the monitor in which something is new.
    Pass,
    /// The next node of a zone, by its number, gets its NoExecute taint.
    NoExecute(u32),
    /// A pod's toleration of its node's taints is over.
    Evict(PodRef),
}

/// Region and zone of a node.
type ZoneKey = (StrId, StrId);

/// A zone that has, or had, nodes.
#[derive(Clone, Debug)]
struct Zone {
    key: ZoneKey,
    state: ZoneState,
    queue: TaintQueue,
    /// When its queue is looked at next.
    due: Option<SimTime>,
}

/// The node lifecycle and the taint eviction controllers.
#[derive(Clone, Debug, Default)]
pub struct NodeLifecycle {
    zones: Vec<Zone>,
    /// Nodes that the next pass of the monitor has something to do about.
    news: Vec<NodeId>,
    /// When that pass is.
    pass_at: Option<SimTime>,
    /// Whether no zone has a node that answers.
    all_down: bool,
}

impl NodeLifecycle {
    /// A machine stopped renewing its lease at `renewed`: says when the monitor will have seen that for too long.
    pub fn node_is_silent<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        renewed: SimTime,
    ) {
        let settings = &env.plan.control_plane;
        let late = SimTime(renewed.0 + settings.node_monitor_grace.0 + 1).max(env.now);
        let at = late.ceil_to_grid(env.plan.start, settings.node_monitor_period);
        env.timers.at(at, Timer::Unknown(node));
    }

    /// Handles one of its timers; `renewed` says when a node renewed its lease last.
    pub fn handle<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        timer: Timer,
        renewed: impl Fn(NodeId) -> SimTime,
    ) {
        match timer {
            Timer::Unknown(node) => {
                let silence = env.now - renewed(node);
                let known = env.cluster.nodes().get(node).ready == ConditionStatus::Unknown;
                if silence > env.plan.control_plane.node_monitor_grace && !known {
                    self.declare_unknown(env, node);
                }
            }
            Timer::Pass => self.pass(env),
            Timer::NoExecute(zone) => self.taint_next(env, zone),
            Timer::Evict(pod) => self.evict(env, pod),
        }
    }

    /// Whether a change concerns this controller: a pod does that comes to a node whose taints may evict it.
    #[must_use]
    pub fn minds(cluster: &Cluster, change: &Change) -> bool {
        match *change {
            Change::PodAdded { node: Some(node), .. } | Change::PodBound { node, .. } => {
                cluster.nodes().get(node).taints.iter().any(|(taint, _)| taint.effect == TaintEffect::NoExecute)
            }
            Change::PodAdded { .. } | Change::PodStatus { .. } | Change::PodRemoved { .. } => false,
            _ => true,
        }
    }

    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::NodeReady(node, status) => {
                // One worker keeps the NoSchedule taints equal to the conditions, as it hears of them.
                let now_on = match status {
                    ConditionStatus::True => None,
                    ConditionStatus::False => Some(known::TAINT_NOT_READY),
                    ConditionStatus::Unknown => Some(known::TAINT_UNREACHABLE),
                };
                for key in [known::TAINT_UNREACHABLE, known::TAINT_NOT_READY] {
                    set_taint(env, node, taint(key, TaintEffect::NoSchedule), now_on == Some(key));
                }
                if status != ConditionStatus::Unknown {
                    let event =
                        if status == ConditionStatus::True { KubeEvent::NodeReady } else { KubeEvent::NodeNotReady };
                    announce(env, node, event);
                    self.request_pass(env, node);
                }
            }
            Change::NodePressure { node, pressure, on } => {
                set_taint(env, node, taint(pressure.taint_key(), TaintEffect::NoSchedule), on);
            }
            Change::NodeAdded(node) => {
                if env.cluster.nodes().get(node).unschedulable {
                    set_taint(env, node, CORDONED, true);
                }
                if !self.zones.is_empty() {
                    self.request_pass(env, node);
                }
            }
            Change::NodeRemoved(node) if !self.zones.is_empty() => self.request_pass(env, node),
            Change::NodeUnschedulable(node, on) => set_taint(env, node, CORDONED, on),
            Change::NodeTaints { node, taint, added } if taint.effect == TaintEffect::NoExecute => {
                let pods: Vec<PodRef> = env.cluster.pods().on_node(node).collect();
                for pod in pods {
                    if added {
                        self.review(env, node, pod);
                    } else {
                        cancel(env, node, pod, &taint);
                    }
                }
            }
            Change::PodAdded { pod, node: Some(node), .. } | Change::PodBound { pod, node, .. }
                if env.cluster.pods().exists(pod) =>
            {
                self.review(env, node, pod);
            }
            _ => {}
        }
    }

    fn declare_unknown<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if env.cluster.request(env.now, Op::SetNodeReady(node, ConditionStatus::Unknown)).is_err() {
            return;
        }
        // The other conditions of a node that does not answer are not known either: their taints go.
        for pressure in Pressure::ALL {
            let _ = env.cluster.request(env.now, Op::SetNodePressure { node, pressure, on: false });
        }
        announce(env, node, KubeEvent::NodeNotReady);
        mark_pods_not_ready(env, node);
        self.request_pass(env, node);
    }

    /// The monitor's next pass has something to do about this node.
    fn request_pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if !self.news.contains(&node) {
            self.news.push(node);
        }
        if self.pass_at.is_none() {
            let at = env.now.ceil_to_grid(env.plan.start, env.plan.control_plane.node_monitor_period);
            self.pass_at = Some(at);
            env.timers.at(at, Timer::Pass);
        }
    }

    /// Taints and queues of the nodes that are new to the monitor, then the states of all zones.
    fn pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        self.pass_at = None;
        for node in std::mem::take(&mut self.news) {
            let row = env.cluster.nodes().get(node);
            let (exists, ready) = (row.exists, row.ready);
            let zone = self.zone_of(env, node);
            match ready {
                _ if !exists => self.zones[zone].queue.remove(node),
                ConditionStatus::True => {
                    self.zones[zone].queue.remove(node);
                    for key in [known::TAINT_UNREACHABLE, known::TAINT_NOT_READY] {
                        set_taint(env, node, taint(key, TaintEffect::NoExecute), false);
                    }
                }
                status => {
                    if status == ConditionStatus::False {
                        mark_pods_not_ready(env, node);
                    }
                    let (key, other) = no_execute_keys(status);
                    if has_taint(env, node, other) {
                        // Tainted for the other reason already: exchanged without waiting.
                        set_taint(env, node, taint(key, TaintEffect::NoExecute), true);
                        set_taint(env, node, taint(other, TaintEffect::NoExecute), false);
                    } else if !has_taint(env, node, key) {
                        self.zones[zone].queue.add(node);
                    }
                }
            }
        }
        self.judge_zones(env);
        for zone in 0..self.zones.len() {
            self.arm_queue(env, zone);
        }
    }

    /// The states of all zones, and what follows for the rates. With all zones down nobody knows who is cut off from
    /// whom: nothing is evicted then. (When that is over upstream takes all nodes for seen just now. That changes
    /// nothing: those that are known not to answer stay so.)
    fn judge_zones<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let mut counts = vec![(0_u32, 0_u32); self.zones.len()];
        let exclude = env.plan.strings.lookup(EXCLUDE_LABEL);
        for at in 0..env.cluster.nodes().len() {
            let node = NodeId::from_index(at);
            let row = env.cluster.nodes().get(node);
            let (exists, ready) = (row.exists, row.ready == ConditionStatus::True);
            let labels = env.plan.strings.labels(env.plan.shapes[row.shape].labels);
            if !exists || exclude.is_some_and(|exclude| labels.get(exclude).is_some()) {
                continue;
            }
            let zone = self.zone_of(env, node);
            counts.resize(self.zones.len(), (0, 0));
            let count = &mut counts[zone];
            if ready {
                count.0 += 1;
            } else {
                count.1 += 1;
            }
        }
        let limits = &ZoneLimits::DEFAULT;
        let states = counts.iter().map(|&(ready, not_ready)| zone_state(ready, not_ready, limits));
        let states: Vec<ZoneState> = states.collect();
        let peopled = counts.iter().zip(&states).filter(|((ready, not_ready), _)| ready + not_ready > 0);
        let all_down = peopled.clone().count() > 0 && peopled.clone().all(|(_, state)| *state == ZoneState::Full);
        let was_down = std::mem::replace(&mut self.all_down, all_down);
        for (at, zone) in self.zones.iter_mut().enumerate() {
            let (ready, not_ready) = counts[at];
            if all_down {
                zone.queue.set_rate(env.now, 0.0);
            } else if was_down || zone.state != states[at] {
                zone.queue.set_rate(env.now, evictions_per_second(states[at], ready + not_ready, limits));
            }
            zone.state = states[at];
        }
        if all_down && !was_down {
            self.spare_all(env);
        }
    }

    /// Takes all NoExecute taints away. The nodes wait for theirs again, at the rate of no zone.
    fn spare_all<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for at in 0..env.cluster.nodes().len() {
            let node = NodeId::from_index(at);
            let row = env.cluster.nodes().get(node);
            if !row.exists || row.ready == ConditionStatus::True {
                continue;
            }
            for key in [known::TAINT_UNREACHABLE, known::TAINT_NOT_READY] {
                set_taint(env, node, taint(key, TaintEffect::NoExecute), false);
            }
            let zone = self.zone_of(env, node);
            self.zones[zone].queue.add(node);
        }
    }

    fn zone_of<T, R>(&mut self, env: &Env<'_, T, R>, node: NodeId) -> usize {
        let labels = env.plan.strings.labels(env.plan.shapes[env.cluster.nodes().get(node).shape].labels);
        let first = |keys: [StrId; 2]| keys.into_iter().find_map(|key| labels.get(key)).unwrap_or(known::EMPTY);
        let region = first([known::LABEL_REGION, known::LABEL_REGION_BETA]);
        let key = (region, first([known::LABEL_ZONE, known::LABEL_ZONE_BETA]));
        self.zones.iter().position(|zone| zone.key == key).unwrap_or_else(|| {
            let queue = TaintQueue::new(ZoneLimits::DEFAULT.eviction_rate);
            self.zones.push(Zone { key, state: ZoneState::Normal, queue, due: None });
            self.zones.len() - 1
        })
    }

    fn arm_queue<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, zone: usize) {
        let Some(at) = self.zones[zone].queue.next_at(env.now) else { return };
        let at = at.ceil_to_grid(env.plan.start, TAINT_PERIOD);
        if self.zones[zone].due.is_none_or(|due| due > at) {
            self.zones[zone].due = Some(at);
            env.timers.at(at, Timer::NoExecute(u32::try_from(zone).expect("few zones")));
        }
    }

    fn taint_next<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, number: u32) {
        let zone = &mut self.zones[number as usize];
        if zone.due == Some(env.now) {
            zone.due = None;
        }
        if let Some(node) = zone.queue.pop(env.now) {
            let status = env.cluster.nodes().get(node).ready;
            // Who answers again since the last pass leaves the queue as if its turn had been for nothing.
            if status != ConditionStatus::True {
                let (key, _) = no_execute_keys(status);
                set_taint(env, node, taint(key, TaintEffect::NoExecute), true);
            }
        }
        self.arm_queue(env, number as usize);
    }

    /// A pod's toleration of its node's NoExecute taints, if it ends, runs from when it is seen.
    fn review<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId, pod: PodRef) {
        if let Some(Tolerated { seconds, .. }) = tolerated(env, node, pod) {
            env.timers.after(SimDuration::from_secs(seconds), Timer::Evict(pod));
        }
    }

    fn evict<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef) {
        let pods = env.cluster.pods();
        if !pods.exists(pod) || pods.deleting(pod.pod) {
            return;
        }
        let Some(node) = pods.node(pod.pod) else { return };
        // The taint may have gone, or come back later, since the timer was armed.
        let Some(Tolerated { since, seconds }) = tolerated(env, node, pod) else { return };
        if since + SimDuration::from_secs(seconds) > env.now {
            return;
        }
        let template = &env.plan.templates[env.cluster.pods().template(pod.pod)];
        let condition = PodCondition { status: ConditionStatus::True, reason: known::DELETION_BY_TAINT_MANAGER };
        let kind = PodConditionType::DisruptionTarget;
        let _ = env.cluster.request(env.now, Op::SetCondition { pod, kind, condition });
        let name = name_of(env, pod);
        env.pod_event(pod.uid, KubeEvent::TaintManagerEviction, || format!("Marking for deletion Pod {name}"));
        let spec_grace_seconds = template.grace_period_seconds;
        let _ = env.cluster.request(env.now, Op::DeletePod { pod, grace_seconds: None, spec_grace_seconds });
    }
}

/// How a pod tolerates the NoExecute taints of its node.
struct Tolerated {
    /// When the earliest of those was added that it does not tolerate for ever.
    since: SimTime,
    /// For how long it tolerates them; 0: not at all.
    seconds: i64,
}

/// `None`: for ever.
fn tolerated<T, R>(env: &Env<'_, T, R>, node: NodeId, pod: PodRef) -> Option<Tolerated> {
    let row = env.cluster.nodes().get(node);
    let template = &env.plan.templates[env.cluster.pods().template(pod.pod)];
    let tolerations = &env.plan.classes[template.class].tolerations;
    let mut used = smallvec::SmallVec::<[Option<i64>; 4]>::new();
    let mut since = SimTime::NEVER;
    for (taint, added) in row.taints.iter().filter(|(taint, _)| taint.effect == TaintEffect::NoExecute) {
        match tolerations.iter().find(|toleration| toleration.tolerates(taint)) {
            None => return Some(Tolerated { since: *added, seconds: 0 }),
            Some(toleration) => {
                used.push(toleration.seconds);
                if toleration.seconds.is_some() {
                    since = since.min(*added);
                }
            }
        }
    }
    if used.is_empty() {
        return None;
    }
    min_toleration_seconds(used).map(|seconds| Tolerated { since, seconds })
}

/// A NoExecute taint is gone: a deletion that was due because of it is not any more.
fn cancel<T, R: Recorder>(env: &mut Env<'_, T, R>, node: NodeId, pod: PodRef, gone: &Taint) {
    let template = &env.plan.templates[env.cluster.pods().template(pod.pod)];
    let tolerations = &env.plan.classes[template.class].tolerations;
    let was_due = tolerations.iter().find(|t| t.tolerates(gone)).is_some_and(|t| t.seconds.is_some());
    if was_due && !env.cluster.pods().deleting(pod.pod) && tolerated(env, node, pod).is_none() {
        let name = name_of(env, pod);
        env.pod_event(pod.uid, KubeEvent::TaintManagerEviction, || format!("Cancelling deletion of Pod {name}"));
    }
}

/// `namespace/name`.
fn name_of<T, R: Recorder>(env: &Env<'_, T, R>, pod: PodRef) -> String {
    if !R::ON {
        return String::new();
    }
    let pods = env.cluster.pods();
    let ((workload, ordinal), template) = (pods.source(pod.pod), pods.template(pod.pod));
    let namespace = env.plan.strings.text(env.plan.workloads[workload].namespace);
    format!("{namespace}/{}", env.plan.pod_name(workload, template, ordinal))
}

/// A node with this label counts for no zone.
const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-disruption";

/// The key of the NoExecute taint of a node with this Ready condition, and the one that it excludes.
const fn no_execute_keys(ready: ConditionStatus) -> (StrId, StrId) {
    match ready {
        ConditionStatus::False => (known::TAINT_NOT_READY, known::TAINT_UNREACHABLE),
        _ => (known::TAINT_UNREACHABLE, known::TAINT_NOT_READY),
    }
}

fn has_taint<T, R>(env: &Env<'_, T, R>, node: NodeId, key: StrId) -> bool {
    let taints = &env.cluster.nodes().get(node).taints;
    taints.iter().any(|(taint, _)| taint.key == key && taint.effect == TaintEffect::NoExecute)
}

/// Adds a taint or takes it away; nothing happens if it is so already.
fn set_taint<T, R>(env: &mut Env<'_, T, R>, node: NodeId, taint: Taint, on: bool) {
    let op = if on { Op::AddTaint(node, taint) } else { Op::RemoveTaint(node, taint) };
    let _ = env.cluster.request(env.now, op);
}

/// The pods of a node that is not ready are not ready either.
fn mark_pods_not_ready<T: Timers<Timer>, R: Recorder>(env: &mut Env<'_, T, R>, node: NodeId) {
    let pods: Vec<PodRef> = env.cluster.pods().on_node(node).collect();
    for pod in pods {
        let kind = PodConditionType::Ready;
        let before = env.cluster.pods().conditions(pod.pod).get(kind);
        let Some(before) = before.filter(|before| before.status != ConditionStatus::False) else { continue };
        // Only the status changes: reason and message stay.
        let condition = PodCondition { status: ConditionStatus::False, ..before };
        if env.cluster.request(env.now, Op::SetCondition { pod, kind, condition }).is_ok() {
            env.pod_event(pod.uid, KubeEvent::NodeNotReady, || "Node is not ready".to_owned());
        }
    }
}

fn announce<T: Timers<Timer>, R: Recorder>(env: &mut Env<'_, T, R>, node: NodeId, event: KubeEvent) {
    let (plan, name) = (env.plan, env.cluster.nodes().get(node).name);
    env.node_event(node, event, || format!("Node {} status is now: {event:?}", plan.strings.text(name)));
}

const fn taint(key: StrId, effect: TaintEffect) -> Taint {
    Taint { key, value: known::EMPTY, effect }
}

/// The taint of a node with `spec.unschedulable`.
const CORDONED: Taint = taint(known::TAINT_UNSCHEDULABLE, TaintEffect::NoSchedule);
