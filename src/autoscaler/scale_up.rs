//! Scale-up: which pending pods no node will take, which pool would help how many of them with how many nodes, and the increase
//! of the pool that the expander chose.
//!
//! Mirrors cluster-autoscaler/core/podlistprocessor/filter_out_schedulable.go, core/scaleup/orchestrator,
//! estimator/binpacking_estimator.go and processors/status/eventing_scale_up_processor.go, 1.34 (spec 9.1).

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;

use super::backoff::failed;
use super::cluster_autoscaler::{Autoscaler, Timer, autoscaled, params};
use super::expander::{Offer, choose};
use super::snapshot::{Snapshot, Template};
use super::unneeded::Deadline;
use crate::api::PodRef;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::{AutoscalerPlan, ClassId, NodeId, ObjectId, PoolId, ShapeId};
use crate::record::{KubeEvent, Recorder};
use crate::scheduler::framework::Rejection;

/// Pods that are all younger than this wait for others that may come with them.
const YOUNG: SimDuration = SimDuration::from_secs(2);
/// The same for pods with GPUs.
const YOUNG_WITH_GPU: SimDuration = SimDuration::from_secs(30);
/// The resource that makes a pod one with GPUs.
pub(super) const GPU: &str = "nvidia.com/gpu";

/// What came of a scale-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Growth {
    /// No pod needs one, or none would help.
    None,
    /// All pods are young: nothing else happens either.
    Waits,
    /// A pool was made larger, or its provider refused.
    Done,
}

/// Equal pods.
#[derive(Debug)]
struct PodGroup {
    class: ClassId,
    pods: Vec<PodRef>,
    /// Why the pools that cannot help them cannot.
    reasons: BTreeMap<String, u32>,
}

/// What a pool could do.
struct Estimate {
    nodes: u32,
    pods: Vec<(PodRef, ClassId)>,
}

impl Autoscaler {
    /// Makes a pool larger if that helps pods.
    pub(super) fn scale_up<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        settings: &AutoscalerPlan,
        snapshot: &mut Snapshot,
        next: &mut Deadline,
    ) -> Growth {
        let pods = self.helpless(env, settings, snapshot);
        if pods.is_empty() {
            return Growth::None;
        }
        if let Some(until) = young_until(env, &pods) {
            next.at(until);
            return Growth::Waits;
        }
        let mut groups = grouped(env, &pods);
        let mut offers = Vec::new();
        let mut refusals: BTreeMap<&str, u32> = BTreeMap::new();
        for pool in autoscaled(env.plan) {
            let limits = env.plan.pools[pool].limits.expect("the pool has limits");
            let size = self.cloud.size(pool);
            if size >= limits.max {
                *refusals.entry("max node group size reached").or_default() += 1;
                continue;
            }
            if let Some(backoff) = self.groups[pool].backoff.filter(|backoff| backoff.holds(env.now)) {
                next.after(backoff.until);
                *refusals.entry("in backoff after failed scale-up").or_default() += 1;
                continue;
            }
            let room = self.room(env, settings).min(limits.max - size).min(settings.max_nodes_per_scale_up);
            let shapes = |more: usize| self.cloud.next_shape(env.plan, pool, more);
            let fitting = fitting(snapshot, env.plan, shapes(0), &mut groups);
            let estimate = estimate(snapshot, env.plan, &groups, &fitting, &shapes, room);
            if estimate.nodes > 0 {
                offers.push((pool, offer(env.plan, pool, shapes(0), &estimate), estimate));
            }
        }
        let plain: Vec<Offer> = offers.iter().map(|(_, offer, _)| offer.clone()).collect();
        let word = env.draws.autoscaler.at(self.increases, 0, 0).next_u64();
        let Some(chosen) = choose(&plain, &settings.expanders, word) else {
            self.tell_why_not(env, &groups, &refusals);
            return Growth::None;
        };
        self.increases += 1;
        let (pool, _, estimate) = offers.swap_remove(chosen);
        self.grow(env, settings, pool, &estimate);
        Growth::Done
    }

    /// Pending pods that no node takes, nor one that is coming; in the order in which they would be tried. The others are on the
    /// nodes of the snapshot afterwards, but for those of nodes that are coming.
    fn helpless<T, R>(&self, env: &Env<'_, T, R>, settings: &AutoscalerPlan, snapshot: &mut Snapshot) -> Vec<PodRef> {
        let pods = env.cluster.pods();
        let class = |pod: PodRef| env.plan.templates[pods.template(pod.pod)].class;
        let priority = |pod: PodRef| env.plan.classes[class(pod)].priority;
        let waits = |&pod: &PodRef| {
            pods.exists(pod)
                && pods.node(pod.pod).is_none()
                && !pods.deleting(pod.pod)
                && pods.nominated_node(pod.pod).is_none()
                && priority(pod) >= settings.expendable_priority
                && snapshot.lab.view().tables().knows(class(pod))
        };
        let mut waiting: Vec<PodRef> = self.pending.values().copied().filter(waits).collect();
        waiting.sort_by_key(|&pod| (std::cmp::Reverse(priority(pod)), pods.created(pod.pod), pod.uid));
        let mut coming: Vec<Template> = Vec::new();
        for pool in autoscaled(env.plan) {
            let shapes: Vec<ShapeId> = self.cloud.coming_shapes(env.plan, pool).collect();
            coming.extend(shapes.into_iter().map(|shape| snapshot.add(env.plan, shape)));
        }
        let is_coming: BTreeSet<NodeId> = coming.iter().map(|template| template.node).collect();
        let (mut helpless, mut on_coming) = (Vec::new(), Vec::new());
        let mut unfit: BTreeSet<ClassId> = BTreeSet::new();
        for pod in waiting {
            let class = class(pod);
            let node = if unfit.contains(&class) { None } else { snapshot.lab.decide(class) };
            match node {
                Some(node) => {
                    snapshot.lab.put_pod(pod.pod, class, node);
                    if is_coming.contains(&node) {
                        on_coming.push(pod);
                    }
                }
                None => {
                    unfit.insert(class);
                    helpless.push(pod);
                }
            }
        }
        on_coming.iter().for_each(|pod| snapshot.lab.remove_pod(pod.pod));
        coming.iter().for_each(|template| snapshot.remove(template));
        helpless
    }

    /// How many more nodes the cluster may have.
    fn room<T, R>(&self, env: &Env<'_, T, R>, settings: &AutoscalerPlan) -> u32 {
        if settings.max_nodes_total == 0 {
            return u32::MAX;
        }
        let nodes = env.cluster.nodes().entries().filter(|(_, row)| row.exists).count();
        let coming: usize = env.plan.pools.ids().map(|pool| self.cloud.coming(pool)).sum();
        settings.max_nodes_total.saturating_sub(u32::try_from(nodes + coming).unwrap_or(u32::MAX))
    }

    /// Makes a pool larger by what was estimated.
    fn grow<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        settings: &AutoscalerPlan,
        pool: PoolId,
        estimate: &Estimate,
    ) {
        let before = self.cloud.size(pool);
        if !self.cloud.increase(env, pool, estimate.nodes) {
            let group = &mut self.groups[pool];
            group.backoff = Some(failed(group.backoff, env.now, &params(settings)));
            return;
        }
        self.latest.scale_up = Some(env.now);
        self.groups[pool].expected = Some(env.now + settings.max_provision_time);
        if R::ON {
            let plan = &env.plan.pools[pool];
            let (name, max) = (env.plan.strings.text(plan.name), plan.limits.map_or(0, |limits| limits.max));
            let text =
                format!("pod triggered scale-up: [{{{name} {before}->{} (max: {max})}}]", before + estimate.nodes);
            for (pod, _) in &estimate.pods {
                self.told.remove(&pod.uid);
                env.pod_event(pod.uid, KubeEvent::TriggeredScaleUp, || text.clone());
            }
        }
    }

    /// Tells pods why nothing is done for them, unless that was told last.
    fn tell_why_not<T, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        groups: &[PodGroup],
        refusals: &BTreeMap<&str, u32>,
    ) {
        if !R::ON {
            return;
        }
        for group in groups {
            let own = group.reasons.iter().map(|(reason, count)| format!("{count} {reason}"));
            let reasons: Vec<String> =
                own.chain(refusals.iter().map(|(reason, count)| format!("{count} {reason}"))).collect();
            let text = format!("pod didn't trigger scale-up: {}", reasons.join(", "));
            for pod in &group.pods {
                if self.told.insert(pod.uid, text.clone()).as_ref() != Some(&text) {
                    env.pod_event(pod.uid, KubeEvent::NotTriggerScaleUp, || text.clone());
                }
            }
        }
    }
}

/// Until when pods are waited for, if all of these are young. Creation times are whole seconds.
fn young_until<T, R>(env: &Env<'_, T, R>, pods: &[PodRef]) -> Option<SimTime> {
    let created = |pod: &PodRef| env.cluster.pods().created(pod.pod).floor_seconds();
    let gpu = env.plan.strings.lookup(GPU);
    let has_gpu = |pod: &&PodRef| {
        let class = env.plan.templates[env.cluster.pods().template(pod.pod)].class;
        gpu.is_some_and(|gpu| env.plan.classes[class].requests.scalar(gpu) > 0)
    };
    let oldest = pods.iter().map(created).min().map(|at| at + YOUNG);
    let oldest_with_gpu = pods.iter().filter(has_gpu).map(created).min().map(|at| at + YOUNG_WITH_GPU);
    [oldest, oldest_with_gpu].into_iter().flatten().filter(|&until| until > env.now).max()
}

/// Pods of one owner and class together, in the order of the first of each.
fn grouped<T, R>(env: &Env<'_, T, R>, pods: &[PodRef]) -> Vec<PodGroup> {
    let mut groups: Vec<PodGroup> = Vec::new();
    let mut known: BTreeMap<(Option<ObjectId>, ClassId), usize> = BTreeMap::new();
    for &pod in pods {
        let owner = env.cluster.pods().owned(pod.pod).map(|owned| owned.object);
        let class = env.plan.templates[env.cluster.pods().template(pod.pod)].class;
        let at = *known.entry((owner, class)).or_insert_with(|| {
            groups.push(PodGroup { class, pods: Vec::new(), reasons: BTreeMap::new() });
            groups.len() - 1
        });
        groups[at].pods.push(pod);
    }
    groups
}

/// The groups that an empty node of this shape takes, those that ask for the greatest share of it first. The others are told why
/// not.
fn fitting(snapshot: &mut Snapshot, plan: &Plan, shape: ShapeId, groups: &mut [PodGroup]) -> Vec<usize> {
    let template = snapshot.add(plan, shape);
    let mut fitting = Vec::new();
    for (at, group) in groups.iter_mut().enumerate() {
        match snapshot.lab.judge(group.class, template.node) {
            None => fitting.push(at),
            Some(Rejection { verdict, .. }) => {
                for reason in verdict.reasons() {
                    *group.reasons.entry(reason.text(&plan.strings)).or_default() += 1;
                }
            }
        }
    }
    snapshot.remove(&template);
    let offered = &plan.shapes[shape].allocatable;
    #[allow(clippy::cast_precision_loss)]
    let share = |requested: i64, offered: i64| if offered > 0 { requested as f64 / offered as f64 } else { 0.0 };
    let score = |at: usize| {
        let requests = &plan.classes[groups[at].class].requests;
        share(requests.milli_cpu, offered.milli_cpu) + share(requests.memory, offered.memory)
    };
    fitting.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    fitting
}

/// How many new nodes take how many of the pods of these groups: first fit on the nodes so far, beginning behind the last one that
/// took a pod; then the last node; then another node, unless the last is still empty. The snapshot is left as it was.
fn estimate(
    snapshot: &mut Snapshot,
    plan: &Plan,
    groups: &[PodGroup],
    order: &[usize],
    shapes: &dyn Fn(usize) -> ShapeId,
    room: u32,
) -> Estimate {
    let mut nodes: Vec<(Template, bool)> = Vec::new();
    let mut placed: Vec<(PodRef, ClassId)> = Vec::new();
    let mut start = 0;
    for &at in order {
        let PodGroup { class, pods, .. } = &groups[at];
        let mut pods = pods.iter().copied().peekable();
        while let Some(&pod) = pods.peek() {
            let count = nodes.len();
            let mut tries = (0..count).map(|offset| (start + offset) % count);
            let Some(found) = tries.find(|&at| snapshot.lab.judge(*class, nodes[at].0.node).is_none()) else { break };
            snapshot.lab.put_pod(pod.pod, *class, nodes[found].0.node);
            nodes[found].1 = true;
            start = (found + 1) % count;
            placed.push((pod, *class));
            pods.next();
        }
        for pod in pods {
            let fits_last = nodes.last().is_some_and(|(last, _)| snapshot.lab.judge(*class, last.node).is_none());
            if !fits_last {
                if nodes.last().is_some_and(|&(_, used)| !used) || nodes.len() >= room as usize {
                    break;
                }
                let template = snapshot.add(plan, shapes(nodes.len()));
                let fits = snapshot.lab.judge(*class, template.node).is_none();
                nodes.push((template, false));
                if !fits {
                    break;
                }
            }
            let (last, used) = nodes.last_mut().expect("there is one by now");
            snapshot.lab.put_pod(pod.pod, *class, last.node);
            *used = true;
            placed.push((pod, *class));
        }
    }
    placed.iter().for_each(|(pod, _)| snapshot.lab.remove_pod(pod.pod));
    nodes.iter().for_each(|(template, _)| snapshot.remove(template));
    let used = nodes.iter().filter(|(_, used)| *used).count();
    Estimate { nodes: u32::try_from(used).expect("node ids are 32 bits wide"), pods: placed }
}

fn offer(plan: &Plan, pool: PoolId, shape: ShapeId, estimate: &Estimate) -> Offer {
    let requests = || estimate.pods.iter().map(|&(_, class)| &plan.classes[class].requests);
    let capacity = &plan.shapes[shape].capacity;
    Offer {
        nodes: estimate.nodes,
        pods: u32::try_from(estimate.pods.len()).expect("pod ids are 32 bits wide"),
        requested_milli_cpu: requests().map(|requests| requests.milli_cpu).sum(),
        requested_memory: requests().map(|requests| requests.memory).sum(),
        capacity_milli_cpu: capacity.milli_cpu,
        capacity_memory: capacity.memory,
        price_per_hour: plan.pools[pool].price_per_hour,
        priority: plan.pools[pool].priority,
    }
}
