//! Pod garbage: finished pods beyond a threshold, pods of nodes that are gone, finished pods past their time to live.
//! Mirrors pkg/controller/podgc/gc_controller.go, v1.34 (spec 6.6).

use crate::api::{Change, Op, PodRef, StatusPatch};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{ConditionStatus, NodeId, Phase, PodCondition, PodConditionType};
use crate::record::Recorder;

/// A pass every so often, on a grid from the simulation's start.
const PERIOD: SimDuration = SimDuration::from_secs(20);
/// A node must be missing this long before its pods count as orphans.
const QUARANTINE: SimDuration = SimDuration::from_secs(40);

/// Timers of this controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// A pass over finished pods.
    Pass,
    /// The pods of a removed node are orphans.
    Orphans(NodeId),
    /// A finished pod's time to live is over.
    Expired(PodRef),
}

/// The pod garbage collector.
#[derive(Clone, Debug, Default)]
pub struct PodGc {
    /// Finished pods that exist, in the order in which they finished.
    finished: std::collections::VecDeque<PodRef>,
    pass_is_due: bool,
}

impl PodGc {
    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::PodStatus { pod, old_phase, phase, .. } if phase.is_terminal() && !old_phase.is_terminal() => {
                if !env.cluster.pods().exists(pod) {
                    return;
                }
                let (workload, _) = env.cluster.pods().source(pod.pod);
                let arrivals = env.plan.arrivals_of(workload);
                if let Some(ttl) = arrivals.and_then(|arrivals| arrivals.ttl_after_finished) {
                    env.timers.after_constant(ttl, Timer::Expired(pod));
                }
                self.finished.push_back(pod);
                let threshold = env.plan.control_plane.terminated_pod_gc_threshold;
                if threshold > 0 && self.finished.len() > threshold as usize && !self.pass_is_due {
                    self.pass_is_due = true;
                    env.timers.at(self.next_pass(env.plan.start, env.now), Timer::Pass);
                }
            }
            Change::PodRemoved { .. } if !self.finished.is_empty() => {
                // Which one it was shows at the next pass; the count only decides whether there is one.
                self.forget_gone(env);
            }
            Change::NodeRemoved(node) => {
                let at = self.next_pass(env.plan.start, env.now + QUARANTINE);
                env.timers.at(at, Timer::Orphans(node));
            }
            _ => {}
        }
    }

    fn next_pass(&self, start: SimTime, after: SimTime) -> SimTime {
        after.ceil_to_grid(start, PERIOD)
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
            Timer::Orphans(node) => {
                let pods: Vec<PodRef> = env.cluster.pods().on_node(node).collect();
                for pod in pods {
                    fail(env, pod);
                    remove(env, pod);
                }
            }
            Timer::Pass => self.pass(env),
        }
    }

    /// Deletes finished pods beyond the threshold: evicted ones first, then the oldest, then by name (creation order).
    fn pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        self.pass_is_due = false;
        self.finished.retain(|pod| env.cluster.pods().exists(*pod));
        let threshold = env.plan.control_plane.terminated_pod_gc_threshold as usize;
        let Some(excess) = self.finished.len().checked_sub(threshold).filter(|&excess| excess > 0) else { return };
        let pods = env.cluster.pods();
        let mut order: Vec<(bool, SimTime, PodRef)> = self
            .finished
            .iter()
            .map(|&pod| (pods.reason(pod.pod) != known::EVICTED, pods.created(pod.pod).floor_seconds(), pod))
            .collect();
        let key = |entry: &(bool, SimTime, PodRef)| (entry.0, entry.1, entry.2.uid);
        if excess < order.len() {
            order.select_nth_unstable_by_key(excess, key);
            order.truncate(excess);
        }
        order.sort_unstable_by_key(key);
        for (_, _, pod) in order {
            remove(env, pod);
        }
        self.finished.retain(|pod| env.cluster.pods().exists(*pod));
    }
}

/// An orphan gets its DisruptionTarget condition and ends Failed, if it has not ended.
fn fail<T, R>(env: &mut Env<'_, T, R>, pod: PodRef) {
    let condition = PodCondition { status: ConditionStatus::True, reason: known::DELETION_BY_POD_GC };
    let kind = PodConditionType::DisruptionTarget;
    let _ = env.cluster.request(env.now, Op::SetCondition { pod, kind, condition });
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

fn remove<T, R>(env: &mut Env<'_, T, R>, pod: PodRef) {
    // A refusal says that it is gone already.
    let _ = env.cluster.request(env.now, Op::DeletePod { pod, grace_seconds: Some(0), spec_grace_seconds: 0 });
}
