//! Bindings: what becomes of a pod between the end of its cycle and its node's name in the API. Part of the component. Mirrors
//! `bindingCycle` of pkg/scheduler/schedule_one.go (v1.34.1).

use super::framework::PluginSet;
use super::hints::ClusterEvent;
use super::queue::QueuedPod;
use super::scheduler::{Scheduler, Timer};
use super::storage::PodVolumes;
use crate::api::{Op, PodRef};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::{ClaimName, ClassId, NodeId, StorageKey};
use crate::record::{KubeEvent, Recorder};

/// How long a pod's binding waits for its volumes (`bindTimeoutSeconds`).
pub(super) const BIND_TIMEOUT: SimDuration = SimDuration::from_secs(600);
/// How often it looks.
const VOLUME_POLL: SimDuration = SimDuration::from_secs(1);

/// A pod that is being bound.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub pod: PodRef,
    pub node: NodeId,
    pub info: QueuedPod,
    /// What its claims get.
    pub volumes: PodVolumes,
    /// When waiting for them is given up.
    pub deadline: SimTime,
}

impl Scheduler {
    /// A binding begins: with the volumes, if there are some to wait for.
    pub(super) fn start_binding<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        binding: Binding,
        is_late: bool,
    ) {
        let has_volumes = !binding.volumes.is_empty();
        let slot = match self.free_bindings.pop() {
            Some(slot) => {
                self.bindings[slot as usize] = Some(binding);
                slot
            }
            None => {
                self.bindings.push(Some(binding));
                u32::try_from(self.bindings.len() - 1).expect("few pods are bound at once")
            }
        };
        let binds_at = env.now + env.plan.control_plane.binding;
        if has_volumes {
            env.timers.after_constant(VOLUME_POLL, Timer::Volumes(slot));
        } else if is_late && binds_at <= env.timers.now() {
            env.now = binds_at;
            self.bind(env, slot);
        } else if is_late {
            env.timers.at(binds_at, Timer::Bind(slot));
        } else {
            env.timers.after_constant(env.plan.control_plane.binding, Timer::Bind(slot));
        }
    }

    /// Reserve and the writes of PreBind: the claims' volumes are assumed, and the API server is told of them.
    pub(super) fn reserve<T, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        class: ClassId,
        node: NodeId,
    ) -> Option<PodVolumes> {
        let volumes = self.view.volumes_for(class, node)?;
        if volumes.is_empty() {
            return Some(volumes);
        }
        let name = self.view.facts(node)?.name;
        self.view.storage_mut().assume(&volumes, name);
        let bound = volumes.bindings.iter().map(|&(_, volume)| StorageKey::Volume(volume));
        let selected = volumes.provisions.iter().map(|&claim| StorageKey::Claim(claim));
        for object in bound.chain(selected).filter_map(|key| self.view.storage().get(key)) {
            // Refused if it says so already.
            let _ = env.cluster.request(env.now, Op::PutStorage(&object));
        }
        Some(volumes)
    }

    /// Upstream asks once a second, for ten minutes.
    pub(super) fn await_volumes<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, slot: u32) {
        let binding = self.bindings[slot as usize].as_ref().expect("a binding arrives once");
        let claims = binding.volumes.bindings.iter().map(|(claim, _)| claim).chain(&binding.volumes.provisions);
        let storage = self.view.storage();
        let is_bound = |&claim: &ClaimName| storage.claim(claim).is_some_and(|claim| claim.bound_to().is_some());
        let all_bound = claims.copied().all(|claim| is_bound(&claim));
        if all_bound {
            env.timers.after_constant(env.plan.control_plane.binding, Timer::Bind(slot));
        } else if !env.cluster.pods().exists(binding.pod) || env.now >= binding.deadline {
            let binding = self.bindings[slot as usize].take().expect("a binding arrives once");
            self.free_bindings.push(slot);
            self.binding_failed(env, &binding);
        } else {
            env.timers.after_constant(VOLUME_POLL, Timer::Volumes(slot));
        }
    }

    pub(super) fn bind<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, slot: u32) {
        let binding = self.bindings[slot as usize].take().expect("a binding arrives once");
        self.free_bindings.push(slot);
        let Binding { pod, node, ref info, .. } = binding;
        match env.cluster.request(env.now, Op::Bind { pod, node, class: info.class }) {
            Ok(_) => {
                env.counters.pods_bound += 1;
                self.errors.forget(pod.pod);
                let name = env.cluster.nodes().get(node).name;
                let ((workload, ordinal), template) =
                    (env.cluster.pods().source(pod.pod), env.cluster.pods().template(pod.pod));
                let plan = env.plan;
                env.pod_event(pod.uid, KubeEvent::Scheduled, || {
                    let namespace = plan.strings.text(plan.workloads[workload].namespace);
                    let pod = plan.pod_name(workload, template, ordinal);
                    format!("Successfully assigned {namespace}/{pod} to {}", plan.strings.text(name))
                });
            }
            Err(_) => self.binding_failed(env, &binding),
        }
    }

    fn binding_failed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, binding: &Binding) {
        let pod = binding.pod;
        // As upstream, what failed is not to be expected where it was.
        let class = binding.info.class;
        let _ = env.cluster.request(env.now, Op::Nominate { pod, node: None, class });
        self.view.storage_mut().forget(&binding.volumes);
        // If the pod is gone, its slot may be another's by now, assumed in its turn.
        let same = self.uids.get(pod.pod).copied().flatten() == Some(pod.uid);
        if let Some((_, class)) = same.then(|| self.view.forget(pod.pod)).flatten() {
            let event = ClusterEvent::AssignedPodRemoved { class, terminating: false };
            self.queue.on_event(self.view.tables(), &event, env.now);
        }
        if env.cluster.pods().exists(pod) && env.cluster.pods().node(pod.pod).is_none() {
            self.queue.failed(self.view.tables(), binding.info, PluginSet::EMPTY, env.now);
        }
    }
}
