//! Nodes that stop answering: detection, conditions, taints, eviction of pods by taint. Mirrors
//! pkg/controller/nodelifecycle/node_lifecycle_controller.go and pkg/controller/tainteviction, v1.34 (spec 6.2 to 6.5).
//! The five-second monitor pass is computed to the pass that will see something.

use crate::api::{Change, Op, PodRef};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::tolerations::min_toleration_seconds;
use crate::model::{ConditionStatus, NodeId, PodCondition, PodConditionType, StrId, Taint, TaintEffect};
use crate::record::{KubeEvent, Recorder};

/// Timers of this controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The monitor finds that a node has not renewed its lease for too long.
    Unknown(NodeId),
    /// A node's turn to get its NoExecute taint.
    NoExecute(NodeId),
    /// A pod's toleration of its node's taints is over.
    Evict(PodRef),
}

/// The state of a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZoneState {
    /// Most nodes answer.
    Normal,
    /// More than two nodes and at least 55 % of all do not.
    Partial,
    /// No node answers.
    Full,
}

impl ZoneState {
    /// As upstream writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Partial => "PartialDisruption",
            Self::Full => "FullDisruption",
        }
    }
}

/// What zones are judged by. Upstream counts with 32 bits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ZoneLimits {
    /// `--unhealthy-zone-threshold`.
    pub unhealthy_threshold: f32,
    /// `--large-cluster-size-threshold`.
    pub large_cluster_size: u32,
    /// `--node-eviction-rate`, per second.
    pub eviction_rate: f32,
    /// `--secondary-node-eviction-rate`, per second.
    pub secondary_eviction_rate: f32,
}

impl ZoneLimits {
    /// What kube-controller-manager has that was not told otherwise.
    pub const DEFAULT: Self =
        Self { unhealthy_threshold: 0.55, large_cluster_size: 50, eviction_rate: 0.1, secondary_eviction_rate: 0.01 };
}

/// The state of a zone with so many nodes that answer and that do not. Source: ComputeZoneState, v1.34.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn zone_state(ready: u32, not_ready: u32, limits: &ZoneLimits) -> ZoneState {
    if ready == 0 && not_ready > 0 {
        ZoneState::Full
    } else if not_ready > 2 && not_ready as f32 / (not_ready + ready) as f32 >= limits.unhealthy_threshold {
        ZoneState::Partial
    } else {
        ZoneState::Normal
    }
}

/// How many nodes of a zone in this state, with so many nodes in all, are tainted in a second.
/// Source: setLimiterInZone, HealthyQPSFunc, ReducedQPSFunc, v1.34.
#[must_use]
pub fn evictions_per_second(state: ZoneState, nodes: u32, limits: &ZoneLimits) -> f32 {
    match state {
        ZoneState::Partial if nodes > limits.large_cluster_size => limits.secondary_eviction_rate,
        ZoneState::Partial => 0.0,
        ZoneState::Normal | ZoneState::Full => limits.eviction_rate,
    }
}

/// The node lifecycle and the taint eviction controllers.
#[derive(Clone, Debug, Default)]
pub struct NodeLifecycle {
    /// When the next node of a zone may be tainted.
    next_in_zone: std::collections::BTreeMap<StrId, SimTime>,
    /// Silent nodes that are not tainted as long as their zone, or the whole cluster, is in its present state.
    suspended: Vec<NodeId>,
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

    /// Handles one of its timers; `silent` says whether the node still does not answer, and since when.
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
            Timer::NoExecute(node) => self.taint_no_execute(env, node),
            Timer::Evict(pod) => self.evict(env, pod),
        }
    }

    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::NodeReady(node, ConditionStatus::True) => {
                for effect in [TaintEffect::NoSchedule, TaintEffect::NoExecute] {
                    for key in [known::TAINT_UNREACHABLE, known::TAINT_NOT_READY] {
                        let _ = env.cluster.request(env.now, Op::RemoveTaint(node, taint(key, effect)));
                    }
                }
                announce(env, node, KubeEvent::NodeReady);
                self.zones_changed(env);
            }
            Change::NodeAdded(node) => {
                if env.cluster.nodes().get(node).unschedulable {
                    let _ = env.cluster.request(env.now, Op::AddTaint(node, CORDONED));
                }
                self.zones_changed(env);
            }
            Change::NodeRemoved(_) => self.zones_changed(env),
            Change::NodeUnschedulable(node, on) => {
                let op = if on { Op::AddTaint(node, CORDONED) } else { Op::RemoveTaint(node, CORDONED) };
                let _ = env.cluster.request(env.now, op);
            }
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
        announce(env, node, KubeEvent::NodeNotReady);
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
        let no_schedule = taint(known::TAINT_UNREACHABLE, TaintEffect::NoSchedule);
        let _ = env.cluster.request(env.now, Op::AddTaint(node, no_schedule));
        self.suspended.push(node);
        self.zones_changed(env);
    }

    /// Nodes began or ceased to answer, or came or went: which silent nodes are to be tainted follows from the states of
    /// all zones. With all zones down nobody knows who is cut off from whom: nothing is evicted then.
    fn zones_changed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        if self.suspended.is_empty() && !self.all_down {
            return;
        }
        let rows = env.cluster.nodes().entries();
        let all_down = rows.rev().all(|(_, row)| !row.exists || row.ready != ConditionStatus::True);
        if std::mem::replace(&mut self.all_down, all_down) == all_down && all_down {
            return;
        }
        let waiting = std::mem::take(&mut self.suspended);
        if !all_down {
            for node in waiting {
                self.queue_taint(env, node);
            }
            return;
        }
        let nodes = env.cluster.nodes().entries().filter(|(_, row)| row.exists);
        self.suspended = nodes.map(|(node, _)| node).collect();
        for at in 0..self.suspended.len() {
            for key in [known::TAINT_UNREACHABLE, known::TAINT_NOT_READY] {
                let no_execute = taint(key, TaintEffect::NoExecute);
                let _ = env.cluster.request(env.now, Op::RemoveTaint(self.suspended[at], no_execute));
            }
        }
    }

    /// Queues a node for its NoExecute taint, at its zone's rate.
    fn queue_taint<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let row = env.cluster.nodes().get(node);
        if !row.exists || row.ready != ConditionStatus::Unknown {
            return;
        }
        let zone = zone_of(env, node);
        let Some(interval) = interval(env, zone) else { return self.suspended.push(node) };
        let next = self.next_in_zone.entry(zone).or_insert(env.now);
        let at = (*next).max(env.now);
        *next = at + interval;
        env.timers.at(at, Timer::NoExecute(node));
    }

    fn taint_no_execute<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if env.cluster.nodes().get(node).ready != ConditionStatus::Unknown {
            return;
        }
        if self.all_down || interval(env, zone_of(env, node)).is_none() {
            if !self.suspended.contains(&node) {
                self.suspended.push(node);
            }
            return;
        }
        let no_execute = taint(known::TAINT_UNREACHABLE, TaintEffect::NoExecute);
        let _ = env.cluster.request(env.now, Op::AddTaint(node, no_execute));
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
    let (workload, ordinal) = env.cluster.pods().source(pod.pod);
    let workload = &env.plan.workloads[workload];
    let strings = &env.plan.strings;
    format!("{}/{}", strings.text(workload.namespace), workload.pod_name(strings, ordinal))
}

/// The time between two NoExecute taints in a zone; `None`: none is added in its present state.
fn interval<T, R>(env: &Env<'_, T, R>, zone: StrId) -> Option<SimDuration> {
    let (ready, not_ready) = count(env, zone);
    let limits = &ZoneLimits::DEFAULT;
    let rate = evictions_per_second(zone_state(ready, not_ready, limits), ready + not_ready, limits);
    (rate > 0.0).then(|| SimDuration::from_millis((1000.0 / rate).round() as i64))
}

fn announce<T: Timers<Timer>, R: Recorder>(env: &mut Env<'_, T, R>, node: NodeId, event: KubeEvent) {
    let (plan, name) = (env.plan, env.cluster.nodes().get(node).name);
    env.node_event(node, event, || format!("Node {} status is now: {event:?}", plan.strings.text(name)));
}

fn zone_of<T, R>(env: &Env<'_, T, R>, node: NodeId) -> StrId {
    env.plan.shapes[env.cluster.nodes().get(node).shape].zone
}

fn count<T, R>(env: &Env<'_, T, R>, zone: StrId) -> (u32, u32) {
    let mut counts = (0, 0);
    for (_, row) in env.cluster.nodes().entries() {
        if row.exists && env.plan.shapes[row.shape].zone == zone {
            if row.ready == ConditionStatus::True {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
    }
    counts
}

const fn taint(key: StrId, effect: TaintEffect) -> Taint {
    Taint { key, value: known::EMPTY, effect }
}

/// The taint of a node with `spec.unschedulable`.
const CORDONED: Taint = taint(known::TAINT_UNSCHEDULABLE, TaintEffect::NoSchedule);
