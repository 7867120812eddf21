//! In-place resize: whether a pod's new resources fit on its node, who is asked first when room comes, and what is done to
//! its containers. Must not know how the API counts the pod. Mirrors pkg/kubelet/allocation/allocation_manager.go and
//! doPodResizeAction of kuberuntime/kuberuntime_manager.go, v1.34 (spec 4.8).

use std::cmp::Reverse;

use super::kubelet::{Kubelets, Message, Timer};
use super::load::Ceiling;
use super::runtime::RecordId;
use crate::api::{PodRef, Resized};
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::plan::Plan;
use crate::model::{ContainerSpec, NodeId, QosClass, ResizeState, Resources, Role, TemplateId};
use crate::record::{KubeEvent, Recorder};

/// Deferred resizes are tried anew so long after the kubelet's start, and every so often from then on.
const FIRST_RETRY: SimDuration = SimDuration::from_secs(30);
const RETRY: SimDuration = SimDuration::from_secs(180);

/// What becomes of a resize.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is granted.
    Fits,
    /// It does not fit beside the other pods.
    Deferred,
    /// It does not fit on the node at all.
    Infeasible,
}

/// Whether a pod that wants so much fits beside others that have so much, on a node with so much for pods.
#[must_use]
pub const fn verdict(wanted: &Resources, others: &Resources, allocatable: &Resources) -> Verdict {
    if wanted.milli_cpu > allocatable.milli_cpu || wanted.memory > allocatable.memory {
        return Verdict::Infeasible;
    }
    let fits = wanted.milli_cpu + others.milli_cpu <= allocatable.milli_cpu
        && wanted.memory + others.memory <= allocatable.memory;
    if fits { Verdict::Fits } else { Verdict::Deferred }
}

/// The order in which deferred resizes are tried: those that want no more than they have, then by priority, quality of
/// service, and who waits longest.
pub type Turn = (bool, Reverse<i32>, QosClass, SimTime);

/// The place of a resize in that order.
#[must_use]
pub const fn turn(grows: bool, priority: i32, qos: QosClass, since: SimTime) -> Turn {
    (grows, Reverse(priority), qos, since)
}

/// A resize under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resize {
    record: RecordId,
    wanted: TemplateId,
    since: SimTime,
    state: ResizeState,
    timer: Option<TimerKey>,
}

impl Kubelets {
    /// The template that the pod has on its node, if its node knows it.
    #[must_use]
    pub fn template_of(&self, pod: PodRef) -> Option<TemplateId> {
        self.records.of(pod).map(|id| self.records.template_of(id))
    }

    /// A pod's spec wants other resources.
    pub(super) fn resize_asked<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef) {
        let wanted = env.cluster.pods().resized(pod.pod).filter(|_| env.cluster.pods().exists(pod));
        let (Some(id), Some(resized)) = (self.records.of(pod), wanted) else { return };
        // What exactly its node has left is asked from now on.
        let now = env.now;
        self.disturb_node(env, self.records.node_of(id), now);
        if self.records.of(pod) != Some(id) {
            return;
        }
        self.unpark(env.plan, id);
        let before = self.allocated(id);
        self.forget_resize(env, id);
        self.count_allocated(env.plan, id, before);
        let state = ResizeState::Proposed;
        self.resizes.push(Resize { record: id, wanted: resized.spec, since: env.now, state, timer: None });
        self.try_resize(env, id);
    }

    /// A deferred resize is due to be tried anew.
    pub(super) fn resize_due<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        if let Some(resize) = self.resizes.iter_mut().find(|resize| resize.record == id) {
            resize.timer = None;
        }
        self.retry_resizes(env, self.records.get(id).node);
        self.arm_resize(env, id);
    }

    /// There may be room on the node.
    pub(super) fn retry_resizes<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if self.resizes.is_empty() || !self.machines[node].up {
            return;
        }
        let mut waiting: Vec<(Turn, RecordId)> = Vec::new();
        for resize in self.resizes.iter().filter(|resize| resize.state == ResizeState::Deferred) {
            if self.records.node_of(resize.record) != node {
                continue;
            }
            let requests = |id: TemplateId| &env.plan.classes[env.plan.templates[id].class].requests;
            let (has, wants) = (requests(self.records.template_of(resize.record)), requests(resize.wanted));
            let grows = wants.milli_cpu > has.milli_cpu || wants.memory > has.memory;
            let template = &env.plan.templates[resize.wanted];
            let priority = env.plan.classes[template.class].priority;
            waiting.push((turn(grows, priority, template.qos, resize.since), resize.record));
        }
        waiting.sort_unstable();
        for (_, id) in waiting {
            self.unpark(env.plan, id);
            self.try_resize(env, id);
        }
    }

    fn try_resize<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let Some(at) = self.resizes.iter().position(|resize| resize.record == id) else { return };
        let (wanted, before) = (self.resizes[at].wanted, self.resizes[at].state);
        let node = self.records.get(id).node;
        let plan = env.plan;
        let mut others = Resources::default();
        for other in self.records_on(node).into_iter().filter(|other| *other != id) {
            others.add(&plan.classes[plan.templates[self.allocated(other)].class].requests);
        }
        let allocatable = &plan.shapes[plan.nodes[node.index()].shape].allocatable;
        let pod = self.records.get(id).pod.uid;
        match verdict(&plan.classes[plan.templates[wanted].class].requests, &others, allocatable) {
            Verdict::Fits => {
                let before = self.allocated(id);
                self.resizes[at].state = ResizeState::InProgress;
                self.count_allocated(env.plan, id, before);
                self.tell_resize(env, id, ResizeState::InProgress);
                self.request_sync(env, id, env.now);
            }
            Verdict::Deferred => {
                self.resizes[at].state = ResizeState::Deferred;
                if before != ResizeState::Deferred {
                    env.pod_event(pod, KubeEvent::ResizeDeferred, || {
                        "Pod resize Deferred: the node is full".to_owned()
                    });
                    self.tell_resize(env, id, ResizeState::Deferred);
                    self.arm_resize(env, id);
                }
            }
            Verdict::Infeasible => {
                env.pod_event(pod, KubeEvent::ResizeInfeasible, || {
                    "Pod resize Infeasible: the node does not have so much".to_owned()
                });
                self.tell_resize(env, id, ResizeState::Infeasible);
                self.forget_resize(env, id);
            }
        }
    }

    /// What is allocated to a pod is no longer `before`.
    pub(super) fn count_allocated(&mut self, plan: &Plan, id: RecordId, before: TemplateId) {
        let class = |template: TemplateId| &plan.classes[plan.templates[template].class].requests;
        let (node, now) = (self.records.node_of(id), self.allocated(id));
        self.machines[node].used.sub(class(before));
        self.machines[node].used.add(class(now));
    }

    /// What a pod was granted: more than it has, while a resize is under way.
    pub(super) fn allocated(&self, id: RecordId) -> TemplateId {
        let granted = |resize: &&Resize| {
            resize.record == id && matches!(resize.state, ResizeState::InProgress | ResizeState::Error)
        };
        self.resizes.iter().find(granted).map_or_else(|| self.records.template_of(id), |resize| resize.wanted)
    }

    /// In a sync: a resize that was granted is carried out. Containers whose policy says so are restarted by the sync.
    pub(super) fn actuate_resize<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let granted = |resize: &Resize| {
            resize.record == id && matches!(resize.state, ResizeState::InProgress | ResizeState::Error)
        };
        let Some(at) = self.resizes.iter().position(granted) else { return };
        let (wanted, state) = (self.resizes[at].wanted, self.resizes[at].state);
        let record = self.records.get(id);
        let (pod, node, had) = (record.pod.uid, record.node, record.template);
        let (old, new) = (&env.plan.templates[had].containers, &env.plan.templates[wanted].containers);
        if had != wanted {
            let too_much = (0..old.len()).find(|&index| self.uses_more(env, id, index, &new[index]));
            if let Some(index) = too_much {
                self.records.get_mut(id).failed_sync = true;
                if state != ResizeState::Error {
                    self.resizes[at].state = ResizeState::Error;
                    env.pod_event(pod, KubeEvent::ResizeError, || {
                        let name = env.plan.strings.text(new[index].name);
                        format!("Container {name} uses more memory than the new limit")
                    });
                    self.tell_resize(env, id, ResizeState::Error);
                }
                return;
            }
            self.records.get_mut(id).template = wanted;
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let (cpu, memory) = changes(old, new);
                if !cpu && !memory {
                    continue;
                }
                let index = u16::try_from(index).expect("few containers");
                if self.records.container(id, index).running().is_some() {
                    let behavior = &env.plan.behaviors[new.behavior];
                    let ceiling = &mut self.machines[node].ceiling;
                    ceiling.sub(Ceiling::of(behavior, &old.limits));
                    ceiling.add(Ceiling::of(behavior, &new.limits));
                }
                let container = self.records.container_mut(id, index);
                // Resources are part of the back-off's key.
                container.back_off = super::backoff::CrashLoopBackOff::default();
                let restarts = cpu && new.resize_restarts.cpu || memory && new.resize_restarts.memory;
                container.resize_restart = restarts && container.running().is_some();
                self.arm_oom(env, id, index);
            }
            self.node_changed(env, node);
        }
        let count = u16::try_from(new.len()).expect("few containers");
        if (0..count).any(|index| self.records.container(id, index).resize_restart) {
            return;
        }
        env.pod_event(pod, KubeEvent::ResizeCompleted, || "Pod resize completed".to_owned());
        self.tell_resize(env, id, ResizeState::Done);
        self.forget_resize(env, id);
        self.retry_resizes(env, node);
    }

    /// Whether a container that goes on uses more memory than it is to be limited to.
    fn uses_more<T, R>(&self, env: &Env<'_, T, R>, id: RecordId, index: usize, new: &ContainerSpec) -> bool {
        let number = u16::try_from(index).expect("few containers");
        let Some(limit) = new.limits.memory.filter(|_| !new.resize_restarts.memory && new.role != Role::Init) else {
            return false;
        };
        #[allow(clippy::cast_precision_loss)]
        self.memory_of(env.plan, env.now, id, number).is_some_and(|used| used > limit as f64)
    }

    /// Tells the API server how far a resize is, and what the pod counts as.
    fn tell_resize<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        state: ResizeState,
    ) {
        let pod = self.records.get(id).pod;
        let Some(known) = env.cluster.pods().resized(pod.pod).filter(|_| env.cluster.pods().exists(pod)) else {
            return;
        };
        let allocated = self.allocated(id);
        let class = match state {
            // What can never be is not counted; what is done counts alone.
            ResizeState::Infeasible | ResizeState::Done => env.plan.templates[allocated].class,
            _ => known.class,
        };
        let slot = self.post(env.now, Message::Resized(pod, Resized { spec: known.spec, allocated, class, state }));
        env.timers.after_constant(env.plan.control_plane.status_update, Timer::Message(slot));
    }

    fn arm_resize<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let first = env.plan.start + FIRST_RETRY;
        let at = SimTime(env.now.0 + 1).max(first).ceil_to_grid(first, RETRY);
        let deferred = |resize: &&mut Resize| {
            resize.record == id && resize.state == ResizeState::Deferred && resize.timer.is_none()
        };
        if let Some(resize) = self.resizes.iter_mut().find(deferred) {
            resize.timer = Some(env.timers.at(at, Timer::Resize(id)));
        }
    }

    /// The pod is resized no more.
    pub(super) fn forget_resize<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        while let Some(at) = self.resizes.iter().position(|resize| resize.record == id) {
            if let Some(timer) = self.resizes.swap_remove(at).timer {
                env.timers.disarm(timer);
            }
        }
    }

    /// The class of a pod as it was created.
    pub(super) fn first_class(plan: &Plan, cluster: &crate::api::Cluster, pod: PodRef) -> crate::model::ClassId {
        plan.templates[cluster.pods().template(pod.pod)].class
    }
}

/// Whether cpu and memory of a container differ.
fn changes(old: &ContainerSpec, new: &ContainerSpec) -> (bool, bool) {
    let of = |spec: &ContainerSpec| {
        ((spec.requests.milli_cpu, spec.limits.milli_cpu), (spec.requests.memory, spec.limits.memory))
    };
    let (old, new) = (of(old), of(new));
    (old.0 != new.0, old.1 != new.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(milli_cpu: i64, memory: i64) -> Resources {
        Resources { milli_cpu, memory, ..Resources::default() }
    }

    #[test]
    fn what_never_fits_is_told_from_what_does_not_fit_now() {
        let (node, others) = (amounts(4000, 8000), amounts(3000, 1000));
        assert_eq!(verdict(&amounts(1000, 7000), &others, &node), Verdict::Fits);
        assert_eq!(verdict(&amounts(1001, 1), &others, &node), Verdict::Deferred);
        assert_eq!(verdict(&amounts(1, 7001), &others, &node), Verdict::Deferred);
        assert_eq!(verdict(&amounts(4001, 1), &others, &node), Verdict::Infeasible);
    }

    #[test]
    fn who_gives_room_goes_first() {
        let (burstable, best) = (QosClass::Burstable, QosClass::BestEffort);
        let mut turns = [
            turn(true, 0, best, SimTime(0)),
            turn(true, 0, burstable, SimTime(5)),
            turn(true, 0, burstable, SimTime(4)),
            turn(true, 7, best, SimTime(9)),
            turn(false, 0, best, SimTime(9)),
        ];
        turns.sort_unstable();
        assert_eq!(turns.map(|(grows, priority, ..)| (grows, priority.0))[..2], [(false, 0), (true, 7)]);
        assert_eq!(turns.map(|(.., qos, since)| (qos, since.0))[2..], [(burstable, 4), (burstable, 5), (best, 0)]);
    }
}
