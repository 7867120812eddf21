//! The component: node pools, the loop of the Cluster Autoscaler, and what people ask of pools. The loop's period is computed: a
//! scan happens on its grid, when something changed since the last one or when a time that a rule waits for is over.
//!
//! Mirrors cluster-autoscaler/core/static_autoscaler.go and clusterstate/clusterstate.go, 1.34 (spec 9.1). Must not know other
//! components: the scheduler's view comes as an argument.

use std::collections::BTreeMap;

use super::backoff::{Backoff, BackoffParams, failed};
use super::cloud::{Cloud, Registration};
use super::jobs::{Job, Rollout};
use super::scale_up::Growth;
use super::snapshot::Snapshot;
use super::unneeded::{Deadline, Latest, Unneeded};
use crate::api::{Change, PodRef, StatusMask};
use crate::base::{IdVec, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{AutoscalerPlan, ConditionStatus, NodeId, PodConditionType, PodUid, PoolId};
use crate::record::Recorder;
use crate::scheduler::cycle::Options;
use crate::scheduler::view::View;

/// Timers of node pools and their autoscaler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The autoscaler's loop.
    Scan,
    /// A machine's kubelet registers its node. The simulation handles this one.
    Registers(u32),
    /// A node's removal goes on.
    Job(u32),
}

/// What only the simulation can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// The node's machine is switched off and deleted, and the node with it.
    Delete(NodeId),
}

/// What is remembered of a pool between scans.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub backoff: Option<Backoff>,
    /// An increase is expected to be done by then.
    pub expected: Option<SimTime>,
}

/// A node that is not looked at for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unremovable {
    pub until: SimTime,
    /// How many changes had been seen when that was found.
    pub changes: u64,
}

/// Node pools and their autoscaler.
#[derive(Debug, Default)]
pub struct Autoscaler {
    pub(super) cloud: Cloud,
    pub(super) jobs: Vec<Option<Job>>,
    pub(super) rollouts: Vec<Rollout>,
    pub(super) commands: Vec<Command>,
    /// Whether there is a Cluster Autoscaler.
    is_enabled: bool,
    /// The next scan.
    scan: Option<(SimTime, TimerKey)>,
    last_scan: Option<SimTime>,
    /// How many changes were seen that a scan may care about.
    pub(super) changes: u64,
    /// Pods that the scheduler found no node for.
    pub(super) pending: BTreeMap<PodUid, PodRef>,
    pub(super) groups: IdVec<PoolId, Group>,
    pub(super) latest: Latest,
    pub(super) unneeded: Unneeded,
    pub(super) unremovable: BTreeMap<NodeId, Unremovable>,
    /// Increases so far.
    pub(super) increases: u64,
    /// Why pods triggered nothing, as told last.
    pub(super) told: BTreeMap<PodUid, String>,
}

impl Autoscaler {
    /// The pools of a plan, with its nodes.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let groups = plan.pools.iter().map(|_| Group::default()).collect();
        Self { cloud: Cloud::new(plan), groups, is_enabled: plan.autoscaler.is_some(), ..Self::default() }
    }

    /// The pools' machines.
    #[must_use]
    pub const fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// What the simulation is to do now.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Whether a change may be a reason to scan, or something that a drain waits for.
    #[must_use]
    pub fn minds(&self, change: &Change) -> bool {
        let is_enough = match change {
            Change::PodStatus { mask, old_phase, phase, .. } => {
                mask.has(StatusMask::condition(PodConditionType::PodScheduled))
                    || (mask.has(StatusMask::condition(PodConditionType::Ready)) && !self.unremovable.is_empty())
                    || old_phase.is_terminal() != phase.is_terminal()
            }
            _ => true,
        };
        self.jobs.iter().any(Option::is_some) || (self.is_enabled && is_enough)
    }

    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        self.look_again(env, change);
        if env.plan.autoscaler.is_none() {
            return;
        }
        let concerns = match *change {
            Change::PodStatus { pod, mask, old_phase, phase, .. } => {
                let kind = PodConditionType::PodScheduled;
                let scheduled = mask.has(StatusMask::condition(kind));
                if scheduled && env.cluster.pods().exists(pod) {
                    let condition = env.cluster.pods().conditions(pod.pod).get(kind);
                    if condition.is_some_and(|c| c.status == ConditionStatus::False && c.reason == known::UNSCHEDULABLE)
                    {
                        self.pending.insert(pod.uid, pod);
                    }
                }
                let ready = mask.has(StatusMask::condition(PodConditionType::Ready));
                scheduled || old_phase.is_terminal() != phase.is_terminal() || (ready && !self.unremovable.is_empty())
            }
            Change::PodBound { pod, .. } | Change::PodRemoved { pod, .. } => {
                self.pending.remove(&pod.uid);
                self.told.remove(&pod.uid);
                true
            }
            Change::PodAdded { node, .. } => node.is_some(),
            Change::NodeTaints { taint, .. } => {
                let settings = env.plan.autoscaler.as_ref().expect("there is one");
                ![settings.to_be_deleted, settings.deletion_candidate].contains(&taint.key)
            }
            Change::NodeAdded(_)
            | Change::NodeRemoved(_)
            | Change::NodeReady(..)
            | Change::NodeUnschedulable(..)
            | Change::PodDeleting { .. }
            | Change::PodResized { .. } => true,
            Change::ObjectAdded(object) | Change::ObjectRemoved(object) | Change::ObjectChanged(object, _) => {
                let kind = env.cluster.objects().get(object).kind();
                matches!(kind, ObjectKind::PodDisruptionBudget | ObjectKind::DaemonSet)
            }
            _ => false,
        };
        if concerns {
            self.changes += 1;
            self.request_scan(env);
        }
    }

    /// Handles one of its timers. `view` and `options` are the scheduler's.
    pub fn handle<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        timer: Timer,
        view: &View,
        options: Options,
    ) {
        match timer {
            Timer::Scan => {
                self.scan = None;
                self.last_scan = Some(env.now);
                let plan = env.plan;
                if let Some(settings) = &plan.autoscaler {
                    let next = self.run_once(env, settings, view, options);
                    if next.0 < SimTime::NEVER {
                        self.arm_scan(env, next.0);
                    }
                }
            }
            Timer::Job(slot) => self.step(env, slot as usize),
            Timer::Registers(_) => {}
        }
    }

    /// Somebody gives a pool so many nodes; whether that was refused.
    pub fn scale_pool<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pool: PoolId,
        count: u32,
    ) -> bool {
        self.resize(env, pool, count)
    }

    /// Somebody replaces all nodes of a pool, one after the other.
    pub fn upgrade_pool<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pool: PoolId, surge: u32) {
        self.upgrade(env, pool, surge);
    }

    /// The provider has no machines for a pool from now on, or has some again.
    pub fn set_exhausted<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pool: PoolId, on: bool) {
        self.cloud.set_exhausted(pool, on);
        self.go_on_replacing(env);
    }

    /// What a machine that runs is to be registered as.
    #[must_use]
    pub fn registration(&self, plan: &Plan, machine: u32) -> Registration {
        self.cloud.registration(plan, machine)
    }

    /// A machine is a node from now on.
    pub fn registered<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, machine: u32, node: NodeId) {
        self.cloud.registered(machine, node);
        self.go_on_replacing(env);
    }

    /// A node is gone, and its machine with it.
    pub fn removed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        self.cloud.removed(node);
        self.unremovable.remove(&node);
        self.go_on_replacing(env);
    }

    /// Scans at the next pass.
    pub(super) fn request_scan<T: Timers<Timer>, R>(&mut self, env: &mut Env<'_, T, R>) {
        self.arm_scan(env, env.now);
    }

    /// A node is not looked at until then.
    pub(super) fn set_unremovable(&mut self, node: NodeId, until: SimTime) {
        self.unremovable.insert(node, Unremovable { until, changes: self.changes });
    }

    /// Scans at the first pass at or after `at`.
    fn arm_scan<T: Timers<Timer>, R>(&mut self, env: &mut Env<'_, T, R>, at: SimTime) {
        let Some(settings) = &env.plan.autoscaler else { return };
        let first = if self.last_scan == Some(env.now) { SimTime(env.now.0 + 1) } else { env.now };
        // The first pass is one interval after the start.
        let first = first.max(SimTime(env.plan.start.0 + 1));
        let at = at.max(first).ceil_to_grid(env.plan.start, settings.scan_interval);
        if self.scan.is_some_and(|(sooner, _)| sooner <= at) {
            return;
        }
        if let Some((_, timer)) = self.scan.take() {
            env.timers.disarm(timer);
        }
        self.scan = Some((at, env.timers.at(at, Timer::Scan)));
    }

    /// One iteration of the loop; when the next is needed although nothing changes.
    fn run_once<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        settings: &AutoscalerPlan,
        view: &View,
        options: Options,
    ) -> Deadline {
        let mut next = Deadline::NEVER;
        self.update_groups(env, settings, &mut next);
        if !is_healthy(env, settings) {
            self.unneeded.clear();
            return next;
        }
        if self.pending.is_empty() && !self.has_candidates(env, settings) {
            return next;
        }
        let mut snapshot = Snapshot::new(view, options, env.cluster, env.plan, settings.expendable_priority);
        let growth = self.scale_up(env, settings, &mut snapshot, &mut next);
        if growth == Growth::Done {
            // More pods may need more: the loop comes by again.
            next.at(env.now);
            return next;
        }
        if settings.scale_down {
            self.scale_down(env, settings, &mut snapshot, growth == Growth::Waits, &mut next);
        }
        next
    }

    /// Increases that are done, or take too long; machines that never came.
    fn update_groups<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        settings: &AutoscalerPlan,
        next: &mut Deadline,
    ) {
        let (params, now) = (params(settings), env.now);
        for pool in autoscaled(env.plan) {
            let group = &mut self.groups[pool];
            group.backoff = group.backoff.filter(|backoff| !backoff.is_stale(now, &params));
            if let Some(expected) = group.expected {
                if self.cloud.coming(pool) == 0 {
                    *group = Group::default();
                } else if expected < now {
                    *group = Group { backoff: Some(failed(group.backoff, now, &params)), expected: None };
                } else {
                    next.after(expected);
                }
            }
            self.cloud.give_up(env, pool, SimTime(now.0 - settings.max_provision_time.0));
            if let Some(asked) = self.cloud.waits_since(pool) {
                next.after(asked + settings.max_provision_time);
            }
        }
    }
}

/// The pools that the autoscaler keeps.
pub(super) fn autoscaled(plan: &Plan) -> impl Iterator<Item = PoolId> + '_ {
    plan.pools.entries().filter(|(_, pool)| pool.limits.is_some()).map(|(id, _)| id)
}

pub(super) fn params(settings: &AutoscalerPlan) -> BackoffParams {
    BackoffParams { initial: settings.initial_backoff, max: settings.max_backoff, reset: settings.backoff_reset }
}

/// Whether so few nodes are not ready that the cluster may be changed.
fn is_healthy<T, R>(env: &Env<'_, T, R>, settings: &AutoscalerPlan) -> bool {
    let existing = env.cluster.nodes().entries().filter(|(_, row)| row.exists);
    let (mut all, mut unready) = (0_u32, 0_u32);
    for (_, row) in existing {
        all += 1;
        unready += u32::from(row.ready != ConditionStatus::True);
    }
    unready <= settings.ok_unready || f64::from(unready) <= settings.max_unready_percent / 100.0 * f64::from(all)
}
