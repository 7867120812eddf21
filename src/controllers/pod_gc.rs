//! Pod garbage: finished pods beyond a threshold, pods of nodes that are gone, finished pods past their time to live.
//! Mirrors pkg/controller/podgc/gc_controller.go, v1.34 (spec 6.6).

use crate::api::{Change, Cursor, Op, PodRef, StatusPatch};
use crate::base::{SimDuration, SimTime, broken};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{ConditionStatus, NodeId, Phase, PodCondition, PodConditionType, StrId};
use crate::record::Recorder;

/// A pass every so often, on a grid from the simulation's start.
const PERIOD: SimDuration = SimDuration::from_secs(20);
/// A node must be missing this long before its pods count as orphans.
const QUARANTINE: SimDuration = SimDuration::from_secs(40);

/// What to do with a pod that nobody looks after any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Garbage {
    /// Its object is removed.
    Remove,
    /// The same, after it was given a last phase: Failed.
    FailFirst,
}

impl Garbage {
    /// For a pod in this phase.
    #[must_use]
    pub const fn of(phase: Phase) -> Self {
        if phase.is_terminal() { Self::Remove } else { Self::FailFirst }
    }
}

/// Whether a pod is being deleted although no node has it: nobody else would end it.
#[must_use]
pub const fn is_unscheduled_terminating(assigned: bool, terminating: bool) -> bool {
    !assigned && terminating
}

/// Whether a pod stays for ever on a node that was declared out of service.
#[must_use]
pub const fn is_out_of_service(node_ready: bool, tainted: bool, terminating: bool) -> bool {
    !node_ready && tainted && terminating
}

/// Which finished pods, of (evicted?, created, name or what stands for it), are to go: those beyond the threshold; evicted
/// ones first, then the oldest, then by name. A threshold of 0 keeps all.
#[must_use]
pub fn beyond_threshold<N: Ord + Copy>(mut finished: Vec<(bool, SimTime, N)>, threshold: usize) -> Vec<N> {
    let excess = finished.len().saturating_sub(threshold);
    if threshold == 0 || excess == 0 {
        return Vec::new();
    }
    let key = |&(evicted, created, name): &(bool, SimTime, N)| (!evicted, created, name);
    if excess < finished.len() {
        finished.select_nth_unstable_by_key(excess, key);
        finished.truncate(excess);
    }
    finished.sort_unstable_by_key(key);
    finished.into_iter().map(|(_, _, name)| name).collect()
}

/// Nodes that are missing, and since when: their pods are orphans only after a while.
#[derive(Clone, Debug)]
pub struct Quarantine<N>(Vec<(N, SimTime)>);

impl<N> Default for Quarantine<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<N: PartialEq> Quarantine<N> {
    /// A pass at `now` finds these nodes missing.
    pub fn add(&mut self, now: SimTime, quarantine: SimDuration, missing: impl IntoIterator<Item = N>) {
        for node in missing {
            if !self.0.iter().any(|(known, _)| *known == node) {
                self.0.push((node, now + quarantine));
            }
        }
    }

    /// When the next node's time is over.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.0.iter().map(|(_, until)| *until).min()
    }

    /// The nodes whose time is over at `now` and that do not exist, neither in the cache nor at a second look.
    pub fn released(&mut self, now: SimTime, exists: impl Fn(&N) -> bool) -> Vec<N> {
        let (over, waiting) =
            std::mem::take(&mut self.0).into_iter().partition(|(_, until)| broken!("pod gc", *until <= now, true));
        self.0 = waiting;
        let over: Vec<(N, SimTime)> = over;
        over.into_iter().map(|(node, _)| node).filter(|node| !exists(node)).collect()
    }
}

/// Timers of this controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// A pass in which there is something to do.
    Pass,
    /// A finished pod's time to live is over.
    Expired(PodRef),
}

/// The pod garbage collector.
#[derive(Clone, Debug, Default)]
pub struct PodGc {
    /// Finished pods that exist, in the order in which they finished.
    finished: std::collections::VecDeque<PodRef>,
    /// Nodes that are gone and may have left pods behind.
    missing: Vec<NodeId>,
    quarantine: Quarantine<NodeId>,
    /// Nodes with the out-of-service taint.
    out_of_service: Vec<NodeId>,
    /// When the next pass is that has something to do.
    pass_at: Option<SimTime>,
}

impl PodGc {
    /// A change that controllers will see after their watch's latency: a time to live runs from then. Whether there is
    /// something to do when they see it.
    pub fn minds<T: Timers<Timer>, R>(&self, env: &mut Env<'_, T, R>, change: &Change) -> bool {
        match *change {
            Change::PodStatus { pod, old_phase, phase, .. } if phase.is_terminal() && !old_phase.is_terminal() => {
                let settings = &env.plan.control_plane;
                let (workload, _) = env.cluster.pods().source(pod.pod);
                let arrivals = env.plan.arrivals_of(workload);
                if let Some(ttl) = arrivals.and_then(|arrivals| arrivals.ttl_after_finished) {
                    env.timers.after_constant(settings.watch_controller + ttl, Timer::Expired(pod));
                }
                // What is not read yet may be finished pods as well.
                let most = self.finished.len() as u64 + env.cluster.log().unread(Cursor::Controllers) + 1;
                settings.terminated_pod_gc_threshold > 0 && most > u64::from(settings.terminated_pod_gc_threshold)
            }
            Change::PodAdded { .. } | Change::PodBound { .. } | Change::PodStatus { .. } => false,
            Change::PodRemoved { .. } => false,
            _ => true,
        }
    }

    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::PodStatus { pod, old_phase, phase, .. } if phase.is_terminal() && !old_phase.is_terminal() => {
                if !env.cluster.pods().exists(pod) {
                    return;
                }
                self.finished.push_back(pod);
                let threshold = env.plan.control_plane.terminated_pod_gc_threshold;
                if threshold > 0 && self.finished.len() > threshold as usize {
                    self.request_pass(env, env.now);
                }
            }
            Change::PodRemoved { .. } if !self.finished.is_empty() => {
                // Which one it was shows at the next pass; the count only decides whether there is one.
                self.forget_gone(env);
            }
            Change::NodeRemoved(node) => {
                self.missing.push(node);
                self.request_pass(env, env.now);
            }
            Change::NodeTaints { node, taint, added } if taint.key == known::TAINT_OUT_OF_SERVICE => {
                self.out_of_service.retain(|other| *other != node);
                if added {
                    self.out_of_service.push(node);
                    self.request_pass(env, env.now);
                }
            }
            Change::NodeReady(node, _) | Change::PodDeleting { node: Some(node), .. }
                if self.out_of_service.contains(&node) =>
            {
                self.request_pass(env, env.now);
            }
            _ => {}
        }
    }

    /// The first pass at or after `at` has something to do.
    fn request_pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, at: SimTime) {
        let at = at.ceil_to_grid(env.plan.start, PERIOD);
        if self.pass_at.is_none_or(|pass| pass > at) {
            self.pass_at = Some(at);
            env.timers.at(at, Timer::Pass);
        }
    }

    fn forget_gone<T, R>(&mut self, env: &Env<'_, T, R>) {
        while let Some(pod) = self.finished.front()
            && !env.cluster.pods().exists(*pod)
        {
            self.finished.pop_front();
        }
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        match timer {
            Timer::Expired(pod) => remove(env, pod),
            Timer::Pass if self.pass_at == Some(env.now) => {
                self.pass_at = None;
                self.collect_terminated(env);
                self.collect_out_of_service(env);
                self.collect_orphans(env);
            }
            // An earlier pass was asked for since.
            Timer::Pass => {}
        }
    }

    /// Deletes finished pods beyond the threshold: evicted ones first, then the oldest, then by name (creation order).
    fn collect_terminated<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        self.finished.retain(|pod| env.cluster.pods().exists(*pod));
        let threshold = env.plan.control_plane.terminated_pod_gc_threshold as usize;
        let pods = env.cluster.pods();
        let finished = self
            .finished
            .iter()
            .map(|&pod| (pods.reason(pod.pod) == known::EVICTED, pods.created(pod.pod).floor_seconds(), Newest(pod)));
        for Newest(pod) in beyond_threshold(finished.collect(), threshold) {
            remove(env, pod);
        }
        self.finished.retain(|pod| env.cluster.pods().exists(*pod));
    }

    /// Ends pods that would be Terminating for ever on a node of which somebody said that it will not come back.
    fn collect_out_of_service<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for &node in &self.out_of_service {
            let ready = env.cluster.nodes().get(node).ready == ConditionStatus::True;
            let pods: Vec<PodRef> = env.cluster.pods().on_node(node).collect();
            for pod in pods {
                if is_out_of_service(ready, true, env.cluster.pods().deleting(pod.pod)) {
                    collect(env, pod, None);
                }
            }
        }
    }

    /// Ends pods whose nodes have been gone for a while.
    fn collect_orphans<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let cluster = &env.cluster;
        self.missing.retain(|&node| cluster.pods().on_node(node).next().is_some());
        self.quarantine.add(env.now, QUARANTINE, self.missing.iter().copied());
        for node in self.quarantine.released(env.now, |&node| env.cluster.nodes().get(node).exists) {
            let pods: Vec<PodRef> = env.cluster.pods().on_node(node).collect();
            for pod in pods {
                collect(env, pod, Some(known::DELETION_BY_POD_GC));
            }
        }
        if let Some(at) = self.quarantine.next_at() {
            self.request_pass(env, at);
        }
    }
}

/// Pods in the order of their creation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Newest(PodRef);

impl Ord for Newest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.uid.cmp(&other.0.uid)
    }
}

impl PartialOrd for Newest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Removes a pod at once; one that has not ended ends Failed before, and with this reason for its DisruptionTarget.
fn collect<T, R>(env: &mut Env<'_, T, R>, pod: PodRef, reason: Option<StrId>) {
    if Garbage::of(env.cluster.pods().phase(pod.pod)) == Garbage::FailFirst {
        if let Some(reason) = reason {
            let condition = PodCondition { status: ConditionStatus::True, reason };
            let kind = PodConditionType::DisruptionTarget;
            let _ = env.cluster.request(env.now, Op::SetCondition { pod, kind, condition });
        }
        let pods = env.cluster.pods();
        let status = StatusPatch {
            phase: Phase::Failed,
            reason: pods.reason(pod.pod),
            containers: pods.containers(pod.pod).collect(),
            conditions: [None; 6],
            has_address: pods.has_address(pod.pod),
            started: pods.started(pod.pod).unwrap_or_default(),
        };
        let _ = env.cluster.request(env.now, Op::PatchStatus { pod, status: &status });
    }
    remove(env, pod);
}

fn remove<T, R>(env: &mut Env<'_, T, R>, pod: PodRef) {
    // A refusal says that it is gone already.
    let _ = env.cluster.request(env.now, Op::DeletePod { pod, grace_seconds: Some(0), spec_grace_seconds: 0 });
}
