//! Scale-down: which nodes nobody needs, and which of them go now.
//!
//! Mirrors cluster-autoscaler/core/scaledown/{eligibility,planner,unneeded,actuation}, simulator/{cluster,drain}.go and
//! simulator/utilization, 1.34 (spec 9.1).

use super::budgets::Budgets;
use super::cluster_autoscaler::{Autoscaler, Timer, autoscaled};
use super::drainability::{Blocker, DrainOwner, DrainPod, DrainRules, Drainability, drainability};
use super::jobs::{Why, is_daemon};
use super::scale_up::GPU;
use super::snapshot::Snapshot;
use super::unneeded::{Deadline, in_cooldown};
use crate::api::{Op, PodRef};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::objects::{ObjectKind, ObjectSpec};
use crate::model::strings::known;
use crate::model::{AutoscalerPlan, ClassId, ConditionStatus, NodeId, PodId, PoolId, Resources, Taint, TaintEffect};
use crate::record::Recorder;
use crate::scheduler::view::NodeSpec;

/// A node that may turn out to be unneeded.
struct Candidate {
    node: NodeId,
    /// What has to go elsewhere.
    pods: Vec<(PodId, ClassId)>,
}

/// Why a node is needed, or blocked.
enum Needed {
    /// Its pods find no place elsewhere, or must stay.
    Blocked,
    /// Until then.
    Until(crate::base::SimTime),
}

impl Autoscaler {
    /// Whether a scan could find an unneeded node, or has to take notice that there is none.
    pub(super) fn has_candidates<T, R>(&self, env: &Env<'_, T, R>, settings: &AutoscalerPlan) -> bool {
        let above = |pool: PoolId| self.cloud.size(pool) > env.plan.pools[pool].limits.map_or(0, |limits| limits.min);
        settings.scale_down && (!self.unneeded.is_empty() || autoscaled(env.plan).any(above))
    }

    /// Finds out which nodes are unneeded, and lets those go that have been for long enough.
    pub(super) fn scale_down<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        settings: &AutoscalerPlan,
        snapshot: &mut Snapshot,
        is_disabled: bool,
        next: &mut Deadline,
    ) {
        let unneeded = self.find_unneeded(env, settings, snapshot, next);
        self.unneeded.update(&unneeded, env.now);
        let delays = (settings.delay_after_add, settings.delay_after_delete, settings.delay_after_failure);
        let mut until = Deadline::NEVER;
        let cools = in_cooldown(&self.latest, delays, env.now, &mut until);
        if !self.unneeded.is_empty() {
            next.at(until.0);
        }
        let chosen = if is_disabled || cools { Vec::new() } else { self.choose_nodes(env, settings, next) };
        if chosen.is_empty() {
            self.update_soft_taints(env, settings, next);
            return;
        }
        for (node, why) in chosen {
            self.latest.delete = Some(env.now);
            self.remove_node(env, node, why);
        }
    }

    /// Nodes whose pods all fit elsewhere together; whether each has none.
    fn find_unneeded<T, R>(
        &mut self,
        env: &Env<'_, T, R>,
        settings: &AutoscalerPlan,
        snapshot: &mut Snapshot,
        next: &mut Deadline,
    ) -> Vec<(NodeId, bool)> {
        let budgets = Budgets::new(env.cluster, env.plan);
        let mut candidates: Vec<Candidate> = Vec::new();
        for pool in autoscaled(env.plan) {
            let plan = &env.plan.pools[pool];
            if plan.scale_down_disabled || self.cloud.size(pool) <= plan.limits.map_or(0, |limits| limits.min) {
                continue;
            }
            for node in self.cloud.nodes(pool).to_vec() {
                if self.is_leaving(node) || !self.may_be_looked_at(env, node, next) {
                    continue;
                }
                let is_ready = env.cluster.nodes().get(node).ready == ConditionStatus::True;
                if is_ready && utilization(env, settings, snapshot, node) > settings.utilization_threshold {
                    continue;
                }
                match pods_to_move(env, settings, snapshot, &budgets, node) {
                    Ok(pods) => candidates.push(Candidate { node, pods }),
                    Err(needed) => {
                        if let Needed::Until(until) = needed {
                            next.at(until);
                        }
                        self.set_unremovable(node, env.now + settings.unremovable_recheck);
                    }
                }
            }
        }
        // Empty ones first, then those that were unneeded before.
        candidates.sort_by_key(|one| (!one.pods.is_empty(), !self.unneeded.contains(one.node), one.node));
        let mut unneeded = Vec::new();
        let mut tried = 0;
        for Candidate { node, pods } in candidates {
            if pods.is_empty() {
                snapshot.lab.remove_node(node);
                unneeded.push((node, true));
                continue;
            }
            tried += 1;
            if tried > settings.candidates {
                break;
            }
            if moves(env, snapshot, node, &pods) {
                unneeded.push((node, false));
            } else {
                self.set_unremovable(node, env.now + settings.unremovable_recheck);
            }
        }
        unneeded
    }

    /// Whether a node that could not be removed when it was looked at last is looked at again. If something changed since then, it
    /// will be when its time is over.
    fn may_be_looked_at<T, R>(&mut self, env: &Env<'_, T, R>, node: NodeId, next: &mut Deadline) -> bool {
        match self.unremovable.get(&node) {
            Some(known) if known.until > env.now => {
                if known.changes != self.changes {
                    next.at(known.until);
                }
                false
            }
            _ => {
                self.unremovable.remove(&node);
                true
            }
        }
    }

    /// Unneeded nodes that go now.
    fn choose_nodes<T, R>(
        &self,
        env: &Env<'_, T, R>,
        settings: &AutoscalerPlan,
        next: &mut Deadline,
    ) -> Vec<(NodeId, Why)> {
        let under_way = u32::try_from(self.deletions().count()).expect("few nodes");
        let draining = self.deletions().filter(|job| job.why == Why::Unneeded).count();
        let mut room = settings.parallelism.saturating_sub(under_way);
        let mut drains = settings.drain_parallelism.saturating_sub(u32::try_from(draining).expect("few nodes"));
        let mut sizes: Vec<u32> = env.plan.pools.ids().map(|pool| self.remaining(pool)).collect();
        let mut chosen = Vec::new();
        for wants_empty in [true, false] {
            for (node, _) in self.unneeded.iter().filter(|(_, since)| since.is_empty == wants_empty) {
                let is_ready = env.cluster.nodes().get(node).ready == ConditionStatus::True;
                let time = if is_ready { settings.unneeded_time } else { settings.unready_time };
                if !self.unneeded.is_over(node, time, env.now, next) {
                    continue;
                }
                let Some(pool) = self.cloud.pool_of(node) else { continue };
                let size = &mut sizes[crate::base::id::DenseId::index(pool)];
                let min = env.plan.pools[pool].limits.map_or(0, |limits| limits.min);
                if *size <= min || room == 0 || (!wants_empty && drains == 0) {
                    continue;
                }
                (*size, room) = (*size - 1, room - 1);
                drains -= u32::from(!wants_empty);
                chosen.push((node, if wants_empty { Why::Empty } else { Why::Unneeded }));
            }
        }
        chosen
    }

    /// How many machines a pool has beyond those that are going.
    fn remaining(&self, pool: PoolId) -> u32 {
        let going = self.cloud.nodes(pool).iter().filter(|&&node| self.is_leaving(node)).count();
        self.cloud.size(pool) - u32::try_from(going).expect("few nodes")
    }

    /// Marks unneeded nodes, so that the scheduler avoids them, and takes the marks of others away; so many in a loop.
    fn update_soft_taints<T, R>(&self, env: &mut Env<'_, T, R>, settings: &AutoscalerPlan, next: &mut Deadline) {
        let key = settings.deletion_candidate;
        let taint = Taint { key, value: known::EMPTY, effect: TaintEffect::PreferNoSchedule };
        let mut left = settings.soft_taints;
        for wanted in [false, true] {
            for pool in autoscaled(env.plan) {
                for &node in self.cloud.nodes(pool) {
                    let row = env.cluster.nodes().get(node);
                    let has = row.taints.iter().any(|(taint, _)| taint.key == key);
                    if self.unneeded.contains(node) != wanted || has == wanted || !row.exists {
                        continue;
                    }
                    if left == 0 {
                        return next.at(env.now);
                    }
                    left -= 1;
                    let op = if wanted { Op::AddTaint(node, taint) } else { Op::RemoveTaint(node, taint) };
                    let _ = env.cluster.request(env.now, op);
                }
            }
        }
    }
}

/// The greater share of CPU and memory that the pods of a node request; of GPUs alone, if it has some.
#[allow(clippy::cast_precision_loss)]
fn utilization<T, R>(env: &Env<'_, T, R>, settings: &AutoscalerPlan, snapshot: &Snapshot, node: NodeId) -> f64 {
    let offered = &env.plan.shapes[env.cluster.nodes().get(node).shape].allocatable;
    let (mut counted, mut daemons) = (Resources::default(), Resources::default());
    for (pod, class) in snapshot.lab.view().pods_on(node) {
        let requests = &env.plan.classes[class].requests;
        match env.cluster.pods().in_slot(pod) {
            Some(pod) if is_gone(env, pod) => {}
            Some(pod) if settings.ignore_daemonsets && is_daemon(env, pod) => daemons.add(requests),
            _ => counted.add(requests),
        }
    }
    let share = |requested: i64, offered: i64, daemons: i64| {
        let offered = offered - daemons;
        if offered > 0 { requested as f64 / offered as f64 } else { 0.0 }
    };
    if let Some(gpu) = env.plan.strings.lookup(GPU).filter(|&gpu| offered.scalar(gpu) > 0) {
        return share(counted.scalar(gpu), offered.scalar(gpu), daemons.scalar(gpu));
    }
    let cpu = share(counted.milli_cpu, offered.milli_cpu, daemons.milli_cpu);
    cpu.max(share(counted.memory, offered.memory, daemons.memory))
}

/// Whether a pod should have been gone for some time.
fn is_gone<T, R>(env: &Env<'_, T, R>, pod: PodRef) -> bool {
    let rules = DrainRules {
        skip_system_pods: false,
        skip_local_storage: false,
        system_pod_timeout: crate::base::SimDuration::ZERO,
        min_replica_count: 0,
    };
    let plain = drain_pod(env, pod, None);
    drainability(&plain, &rules, env.now) == Drainability::Skip
}

/// The pods of a node that would have to go elsewhere, unless one of them keeps the node.
fn pods_to_move<T, R>(
    env: &Env<'_, T, R>,
    settings: &AutoscalerPlan,
    snapshot: &Snapshot,
    budgets: &Budgets<'_>,
    node: NodeId,
) -> Result<Vec<(PodId, ClassId)>, Needed> {
    let rules = DrainRules {
        skip_system_pods: settings.skip_system_pods,
        skip_local_storage: settings.skip_local_storage,
        system_pod_timeout: settings.system_pod_timeout,
        min_replica_count: settings.min_replica_count,
    };
    let mut pods = Vec::new();
    for (id, class) in snapshot.lab.view().pods_on(node) {
        let Some(pod) = env.cluster.pods().in_slot(id) else { continue };
        let allowed = budgets.least(env.cluster, pod);
        match drainability(&drain_pod(env, pod, allowed), &rules, env.now) {
            Drainability::Skip | Drainability::Stays => {}
            Drainability::Evict => pods.push((id, class)),
            Drainability::Blocked(Blocker::System(until)) => return Err(Needed::Until(until)),
            Drainability::Blocked(_) => return Err(Needed::Blocked),
        }
    }
    Ok(pods)
}

/// A pod as the drain rules look at it.
fn drain_pod<T, R>(env: &Env<'_, T, R>, pod: PodRef, allowed: Option<i64>) -> DrainPod {
    let pods = env.cluster.pods();
    let template = &env.plan.templates[pods.template(pod.pod)];
    let owner = pods.owned(pod.pod).map(|owned| &env.cluster.objects().get(owned.object).spec);
    let owner = match owner {
        None => DrainOwner::Nobody,
        Some(spec) if spec.kind() == ObjectKind::DaemonSet => DrainOwner::DaemonSet,
        Some(ObjectSpec::Job(_)) => DrainOwner::Controller(i32::MAX),
        Some(spec) => DrainOwner::Controller(spec.replicas().unwrap_or(i32::MAX)),
    };
    DrainPod {
        deletion: pods.deletion_timestamp(pod.pod),
        owner,
        has_ended: pods.phase(pod.pod).is_terminal(),
        is_system: env.plan.strings.text(template.namespace) == "kube-system",
        created: pods.created(pod.pod),
        hints: template.drain,
        allowed,
    }
}

/// Whether the pods of a node find places on other nodes. Then they are there, and the node is gone; otherwise the snapshot is as it
/// was.
fn moves<T, R>(env: &Env<'_, T, R>, snapshot: &mut Snapshot, node: NodeId, pods: &[(PodId, ClassId)]) -> bool {
    let lab = &mut snapshot.lab;
    pods.iter().for_each(|&(pod, _)| lab.remove_pod(pod));
    lab.remove_node(node);
    for (done, &(pod, class)) in pods.iter().enumerate() {
        if let Some(other) = lab.decide(class) {
            lab.put_pod(pod, class, other);
            continue;
        }
        pods[..done].iter().for_each(|&(pod, _)| lab.remove_pod(pod));
        let row = env.cluster.nodes().get(node);
        let shape = &env.plan.shapes[row.shape];
        let taints: Vec<Taint> = row.taints.iter().map(|&(taint, _)| taint).collect();
        lab.add_node(
            node,
            &NodeSpec {
                name: row.name,
                hostname: Some(row.name),
                labels: env.plan.strings.labels(shape.labels).pairs(),
                taints: &taints,
                allocatable: &shape.allocatable,
                max_pods: shape.max_pods,
                unschedulable: row.unschedulable,
                images: &shape.images,
            },
        );
        pods.iter().for_each(|&(pod, class)| lab.put_pod(pod, class, node));
        return false;
    }
    true
}
