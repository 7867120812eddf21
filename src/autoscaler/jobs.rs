//! Nodes that are on their way out: marked, drained through evictions, deleted with their machines; and pools whose nodes are
//! replaced, one after the other or a few at a time. The Cluster Autoscaler drains with little patience, people (`kubectl drain`) for ever.
//!
//! Mirrors cluster-autoscaler/core/scaledown/actuation/{actuator,drain}.go, 1.34 (spec 9.1), and
//! staging/src/k8s.io/kubectl/pkg/drain/drain.go, v1.34 (spec 8.8), with `--force` and `--delete-emptydir-data`.

use std::collections::VecDeque;

use super::cluster_autoscaler::{Autoscaler, Command, Timer};
use crate::api::{Change, Op, PodRef};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{AutoscalerPlan, NodeId, PoolId, Taint, TaintEffect};
use crate::record::{KubeEvent, Recorder};

/// Beyond the pods' own grace, the autoscaler waits this long for them to go (`PodEvictionHeadroom`).
const HEADROOM: SimDuration = SimDuration::from_secs(30);

/// Why a node goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// The autoscaler found nothing on it.
    Empty,
    /// The autoscaler found room for its pods elsewhere.
    Unneeded,
    /// Somebody made its pool smaller, or replaces its nodes.
    Asked,
}

/// What is being waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// That the scheduler has seen the node's taint.
    Marked,
    /// That all evictions are granted.
    Evicting,
    /// That the evicted pods are gone.
    Leaving,
}

/// A node on its way out.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub node: NodeId,
    pub why: Why,
    stage: Stage,
    /// When the stage began.
    since: SimTime,
    /// Pods whose evictions are not granted yet, or that are not gone.
    pods: Vec<PodRef>,
    wake: Option<(SimTime, TimerKey)>,
}

/// A pool whose nodes are replaced.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pool: PoolId,
    left: VecDeque<NodeId>,
    /// Nodes that are being removed.
    going: Vec<NodeId>,
    /// How many machines there may be beside those that were there.
    surge: usize,
    /// Machines that are to be asked for now, and later.
    owed: usize,
    unmade: usize,
}

/// How patiently a node is drained.
struct Manner {
    retry: SimDuration,
    /// Evictions that are refused for longer end the drain.
    give_up: Option<SimDuration>,
    poll: SimDuration,
    /// The greatest grace that pods get.
    max_grace: Option<SimDuration>,
}

impl Manner {
    fn of(why: Why, settings: Option<&AutoscalerPlan>) -> Self {
        match settings.filter(|_| why != Why::Asked) {
            Some(settings) => Self {
                retry: SimDuration::from_secs(10),
                give_up: Some(settings.max_eviction_time),
                poll: SimDuration::from_secs(5),
                max_grace: Some(settings.max_graceful_termination),
            },
            None => Self {
                retry: SimDuration::from_secs(5),
                give_up: None,
                poll: SimDuration::from_secs(1),
                max_grace: None,
            },
        }
    }
}

impl Autoscaler {
    /// Whether a node is on its way out.
    pub(super) fn is_leaving(&self, node: NodeId) -> bool {
        self.jobs.iter().flatten().any(|job| job.node == node)
    }

    /// The nodes that the autoscaler is deleting.
    pub(super) fn deletions(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().flatten().filter(|job| job.why != Why::Asked)
    }

    /// Begins to remove a node.
    pub(super) fn remove_node<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        why: Why,
    ) {
        let slot = self.jobs.iter().position(Option::is_none).unwrap_or(self.jobs.len());
        let job = Job { node, why, stage: Stage::Marked, since: env.now, pods: Vec::new(), wake: None };
        if slot == self.jobs.len() {
            self.jobs.push(None);
        }
        self.jobs[slot] = Some(job);
        match env.plan.autoscaler.as_ref().filter(|_| why != Why::Asked) {
            Some(settings) => {
                let taint = to_be_deleted(settings);
                let _ = env.cluster.request(env.now, Op::AddTaint(node, taint));
                env.node_event(node, KubeEvent::ScaleDown, || {
                    "marked the node as toBeDeleted/unschedulable".to_owned()
                });
                self.arm_job(env, slot, env.now + settings.delete_delay);
            }
            None => {
                let _ = env.cluster.request(env.now, Op::SetUnschedulable(node, true));
                self.step(env, slot);
            }
        }
    }

    /// Gives a pool so many nodes. Those that came last go first. Whether that was refused.
    pub(super) fn resize<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pool: PoolId,
        count: u32,
    ) -> bool {
        let leaving = |node: &&NodeId| self.is_leaving(**node);
        let gone = self.cloud.nodes(pool).iter().filter(leaving).count();
        let mut size = self.cloud.size(pool) - u32::try_from(gone).expect("few nodes");
        if size < count {
            return !self.cloud.increase(env, pool, count - size);
        }
        while size > count && self.cloud.take_back(env, pool) {
            size -= 1;
        }
        let staying = self.cloud.nodes(pool).iter().rev().filter(|&&node| !self.is_leaving(node));
        let surplus: Vec<NodeId> = staying.copied().take((size - count) as usize).collect();
        surplus.into_iter().for_each(|node| self.remove_node(env, node, Why::Asked));
        false
    }

    /// Begins to replace all nodes of a pool.
    pub(super) fn upgrade<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pool: PoolId, surge: u32) {
        let left: VecDeque<NodeId> = self.cloud.nodes(pool).iter().copied().collect();
        let surge = surge as usize;
        let owed = surge.min(left.len());
        let unmade = left.len() - owed;
        self.rollouts.push(Rollout { pool, left, going: Vec::new(), surge, owed, unmade });
        self.go_on_replacing(env);
    }

    /// Does what rollouts are ready for: machines are made for those that are gone, and when all are there the next nodes go.
    pub(super) fn go_on_replacing<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for at in 0..self.rollouts.len() {
            let (cloud, rollout) = (&mut self.cloud, &mut self.rollouts[at]);
            let before = rollout.going.len();
            rollout.going.retain(|&node| cloud.pool_of(node).is_some());
            let gone = (before - rollout.going.len()).min(rollout.unmade);
            (rollout.owed, rollout.unmade) = (rollout.owed + gone, rollout.unmade - gone);
            while rollout.owed > 0 && cloud.increase(env, rollout.pool, 1) {
                rollout.owed -= 1;
            }
            if rollout.owed > 0 || cloud.coming(rollout.pool) > 0 {
                continue;
            }
            // Without a surge one is missed at a time.
            while self.rollouts[at].going.len() < self.rollouts[at].surge.max(1) {
                let rollout = &mut self.rollouts[at];
                let Some(node) = rollout.left.pop_front() else { break };
                if self.cloud.pool_of(node).is_none() {
                    rollout.unmade = rollout.unmade.saturating_sub(1);
                    continue;
                }
                rollout.going.push(node);
                if !self.is_leaving(node) {
                    self.remove_node(env, node, Why::Asked);
                }
            }
        }
        self.rollouts.retain(|rollout| !(rollout.left.is_empty() && rollout.going.is_empty() && rollout.owed == 0));
    }

    /// The next step of a node's removal is due.
    pub(super) fn step<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, slot: usize) {
        let Some(mut job) = self.jobs[slot].take() else { return };
        job.wake = None;
        let manner = Manner::of(job.why, env.plan.autoscaler.as_ref());
        if !env.cluster.nodes().get(job.node).exists {
            return;
        }
        if job.stage == Stage::Marked {
            job.pods = movable(env, job.node, job.why != Why::Asked);
            if job.why == Why::Empty && !job.pods.is_empty() {
                return self.fail(env, &job, "new pods were scheduled to it");
            }
            (job.stage, job.since) = (Stage::Evicting, env.now);
        }
        if job.stage == Stage::Evicting {
            let mut refused = Vec::new();
            for &pod in &job.pods {
                if !evict(env, pod, manner.max_grace) {
                    refused.push(pod);
                }
            }
            if refused.is_empty() {
                // Pods that were on their way to the node meanwhile are evicted as well.
                job.pods = movable(env, job.node, job.why != Why::Asked);
                refused = job.pods.iter().copied().filter(|pod| !env.cluster.pods().deleting(pod.pod)).collect();
            }
            if refused.is_empty() {
                (job.stage, job.since) = (Stage::Leaving, env.now);
            } else {
                job.pods = refused;
                let until = manner.give_up.map(|time| job.since + time);
                if until.is_some_and(|until| until <= env.now) {
                    return self.fail(env, &job, "evictions were refused");
                }
                self.jobs[slot] = Some(job);
                if let Some(until) = until {
                    self.arm_job(env, slot, until);
                }
                return;
            }
        }
        let node = job.node;
        let pods = env.cluster.pods();
        job.pods
            .retain(|&pod| pods.exists(pod) && pods.node(pod.pod) == Some(node) && !pods.phase(pod.pod).is_terminal());
        if job.pods.is_empty() {
            self.commands.push(Command::Delete(node));
            if job.why != Why::Asked {
                env.node_event(node, KubeEvent::ScaleDown, || "node removed by cluster autoscaler".to_owned());
            }
            return;
        }
        let longest = job.pods.iter().filter_map(|pod| pods.deletion_grace_seconds(pod.pod)).max().unwrap_or(0);
        let until = job.since + SimDuration::from_secs(i64::from(longest)) + HEADROOM;
        if manner.give_up.is_some() && until <= env.now {
            return self.fail(env, &job, "pods did not go");
        }
        self.jobs[slot] = Some(job);
        if manner.give_up.is_some() {
            self.arm_job(env, slot, until);
        }
    }

    /// Something changed that drains may wait for: they look again when they would have looked.
    pub(super) fn look_again<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        for slot in 0..self.jobs.len() {
            let Some(job) = &self.jobs[slot] else { continue };
            let manner = Manner::of(job.why, env.plan.autoscaler.as_ref());
            let period = match (job.stage, change) {
                (Stage::Marked, _) | (Stage::Leaving, Change::NodeTaints { .. }) => continue,
                (Stage::Evicting, _) => manner.retry,
                (Stage::Leaving, _) => manner.poll,
            };
            let at = SimTime(env.now.0 + 1).ceil_to_grid(job.since, period);
            self.arm_job(env, slot, at);
        }
    }

    /// A node stays after all.
    fn fail<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, job: &Job, why: &str) {
        let Some(settings) = &env.plan.autoscaler else { return };
        let _ = env.cluster.request(env.now, Op::RemoveTaint(job.node, to_be_deleted(settings)));
        env.node_event(job.node, KubeEvent::ScaleDownFailed, || format!("failed to delete the node: {why}"));
        self.latest.failure = Some(env.now);
        self.set_unremovable(job.node, env.now + settings.unremovable_recheck);
        self.request_scan(env);
    }

    /// Lets a removal go on at `at`, or sooner.
    fn arm_job<T: Timers<Timer>, R>(&mut self, env: &mut Env<'_, T, R>, slot: usize, at: SimTime) {
        let Some(job) = &mut self.jobs[slot] else { return };
        if job.wake.is_some_and(|(sooner, _)| sooner <= at) {
            return;
        }
        if let Some((_, timer)) = job.wake.take() {
            env.timers.disarm(timer);
        }
        let number = u32::try_from(slot).expect("few nodes at a time");
        job.wake = Some((at, env.timers.at(at, Timer::Job(number))));
    }
}

/// The taint of a node that is being deleted.
pub(super) const fn to_be_deleted(settings: &AutoscalerPlan) -> Taint {
    Taint { key: settings.to_be_deleted, value: known::EMPTY, effect: TaintEffect::NoSchedule }
}

/// Whether the pod belongs to a DaemonSet: it goes down with its node.
pub(super) fn is_daemon<T, R>(env: &Env<'_, T, R>, pod: PodRef) -> bool {
    let owned = env.cluster.pods().owned(pod.pod);
    owned.is_some_and(|owned| env.cluster.objects().get(owned.object).kind() == ObjectKind::DaemonSet)
}

/// The pods of a node that must go before it does. The autoscaler takes no notice of expendable ones.
fn movable<T, R>(env: &Env<'_, T, R>, node: NodeId, for_autoscaler: bool) -> Vec<PodRef> {
    let (plan, pods): (&Plan, _) = (env.plan, env.cluster.pods());
    let cutoff = plan.autoscaler.as_ref().filter(|_| for_autoscaler).map_or(i32::MIN, |a| a.expendable_priority);
    let counts = |&pod: &PodRef| {
        let class = plan.templates[pods.template(pod.pod)].class;
        let given_up = pods.deletion_timestamp(pod.pod).is_some_and(|gone| gone + HEADROOM < env.now);
        let is_left_alone = pods.phase(pod.pod).is_terminal() || is_daemon(env, pod) || (for_autoscaler && given_up);
        !is_left_alone && plan.classes[class].priority >= cutoff
    };
    pods.on_node(node).filter(counts).collect()
}

/// Asks for the eviction of a pod; whether it is granted, or the pod is going anyway.
fn evict<T, R>(env: &mut Env<'_, T, R>, pod: PodRef, max_grace: Option<SimDuration>) -> bool {
    let pods = env.cluster.pods();
    if !pods.exists(pod) || pods.deleting(pod.pod) {
        return true;
    }
    let plan = env.plan;
    let template = &plan.templates[pods.template(pod.pod)];
    if env.cluster.request(env.now, Op::EvictPod { pod, template, strings: &plan.strings }).is_err() {
        return false;
    }
    let spec_grace_seconds = template.grace_period_seconds;
    if let Some(most) = max_grace.map(SimDuration::whole_secs).filter(|&most| most < spec_grace_seconds) {
        let _ = env.cluster.request(env.now, Op::DeletePod { pod, grace_seconds: Some(most), spec_grace_seconds });
    }
    true
}
