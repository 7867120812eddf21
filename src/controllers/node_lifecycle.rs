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

/// A NoExecute taint every ten seconds in one zone (`--node-eviction-rate` 0.1), and every hundred in a large zone that is
/// partly disrupted (`--secondary-node-eviction-rate` 0.01).
const EVICTION_INTERVAL: SimDuration = SimDuration::from_secs(10);
const SECONDARY_EVICTION_INTERVAL: SimDuration = SimDuration::from_secs(100);
/// Zones with more nodes than this are large.
const LARGE_ZONE: u32 = 50;

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

/// The state of a zone with so many nodes that answer and that do not. Source: ComputeZoneState, v1.34.
#[must_use]
pub fn zone_state(ready: u32, not_ready: u32) -> ZoneState {
    if ready == 0 && not_ready > 0 {
        ZoneState::Full
    } else if not_ready > 2 && u64::from(not_ready) * 100 >= u64::from(ready + not_ready) * 55 {
        ZoneState::Partial
    } else {
        ZoneState::Normal
    }
}

/// The node lifecycle and the taint eviction controllers.
#[derive(Clone, Debug, Default)]
pub struct NodeLifecycle {
    /// When the next node of a zone may be tainted.
    next_in_zone: std::collections::BTreeMap<StrId, SimTime>,
    /// Nodes that would be tainted if not all zones were down.
    suspended: Vec<NodeId>,
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
                for waiting in std::mem::take(&mut self.suspended) {
                    self.queue_taint(env, waiting);
                }
            }
            Change::NodeTaints { node, added: true, .. } => {
                let pods: Vec<PodRef> = env.cluster.pods().on_node(node).collect();
                for pod in pods {
                    self.review(env, node, pod);
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
            if env.cluster.pods().phase(pod.pod).is_terminal() {
                continue;
            }
            let kind = PodConditionType::Ready;
            let condition = PodCondition::not(known::EMPTY);
            if env.cluster.request(env.now, Op::SetCondition { pod, kind, condition }).is_ok() {
                env.pod_event(pod.uid, KubeEvent::NodeNotReady, || "Node is not ready".to_owned());
            }
        }
        let no_schedule = taint(known::TAINT_UNREACHABLE, TaintEffect::NoSchedule);
        let _ = env.cluster.request(env.now, Op::AddTaint(node, no_schedule));
        self.queue_taint(env, node);
    }

    /// Queues a node for its NoExecute taint, at its zone's rate.
    fn queue_taint<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let zone = zone_of(env, node);
        let (ready, not_ready) = count(env, zone);
        let interval = match zone_state(ready, not_ready) {
            ZoneState::Partial if ready + not_ready > LARGE_ZONE => SECONDARY_EVICTION_INTERVAL,
            // A small zone that is partly disrupted is left alone until that changes.
            ZoneState::Partial => return self.suspended.push(node),
            ZoneState::Normal | ZoneState::Full => EVICTION_INTERVAL,
        };
        let next = self.next_in_zone.entry(zone).or_insert(env.now);
        let at = (*next).max(env.now);
        *next = at + interval;
        env.timers.at(at, Timer::NoExecute(node));
    }

    fn taint_no_execute<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if env.cluster.nodes().get(node).ready != ConditionStatus::Unknown {
            return;
        }
        let some_zone_works =
            env.cluster.nodes().entries().any(|(_, row)| row.exists && row.ready == ConditionStatus::True);
        if !some_zone_works {
            self.suspended.push(node);
            return;
        }
        let no_execute = taint(known::TAINT_UNREACHABLE, TaintEffect::NoExecute);
        let _ = env.cluster.request(env.now, Op::AddTaint(node, no_execute));
    }

    /// When a pod will have tolerated its node's NoExecute taints for long enough.
    fn review<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId, pod: PodRef) {
        if let Some(at) = eviction_time(env, node, pod) {
            env.timers.at(at.max(env.now), Timer::Evict(pod));
        }
    }

    fn evict<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef) {
        let pods = env.cluster.pods();
        if !pods.exists(pod) || pods.deleting(pod.pod) {
            return;
        }
        let Some(node) = pods.node(pod.pod) else { return };
        // The taint may have gone, or come back later, since the timer was armed.
        if eviction_time(env, node, pod).is_none_or(|at| at > env.now) {
            return;
        }
        let template = &env.plan.templates[env.cluster.pods().template(pod.pod)];
        let condition = PodCondition { status: ConditionStatus::True, reason: known::DELETION_BY_TAINT_MANAGER };
        let kind = PodConditionType::DisruptionTarget;
        let _ = env.cluster.request(env.now, Op::SetCondition { pod, kind, condition });
        env.pod_event(pod.uid, KubeEvent::TaintManagerEviction, || "Marking for deletion Pod".to_owned());
        let spec_grace_seconds = template.grace_period_seconds;
        let _ = env.cluster.request(env.now, Op::DeletePod { pod, grace_seconds: None, spec_grace_seconds });
    }
}

fn eviction_time<T, R>(env: &Env<'_, T, R>, node: NodeId, pod: PodRef) -> Option<SimTime> {
    let row = env.cluster.nodes().get(node);
    let taints = row.taints.iter().filter(|(taint, _)| taint.effect == TaintEffect::NoExecute);
    let added = taints.clone().map(|&(_, at)| at).max()?;
    let template = &env.plan.templates[env.cluster.pods().template(pod.pod)];
    let tolerations = &env.plan.classes[template.class].tolerations;
    let mut used = smallvec::SmallVec::<[Option<i64>; 4]>::new();
    for (taint, _) in taints {
        match tolerations.iter().find(|toleration| toleration.tolerates(taint)) {
            Some(toleration) => used.push(toleration.seconds),
            None => return Some(added),
        }
    }
    min_toleration_seconds(used).map(|seconds| added + SimDuration::from_secs(seconds))
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
