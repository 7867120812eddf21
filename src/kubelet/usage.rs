//! What pods use together on a node, and the kernel's OOM killer. Computed where something changes, never polled.
//! Mirrors the summary of pkg/kubelet/server/stats and mm/oom_kill.c as far as rules depend on them (spec 4.5, 5.1).

use smallvec::SmallVec;

use super::eviction::Observation;
use super::image_gc;
use super::kubelet::{Kubelets, Timer};
use super::load::Load;
use super::oom::{OomPod, badness};
use super::process::SIGKILL_EXIT;
use super::runtime::RecordId;
use crate::api::PodRef;
use crate::base::quantity::Format;
use crate::base::{Quantity, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::eviction::{EvictionPlan, Signal, Threshold};
use crate::model::plan::{ControlPlane, Plan};
use crate::model::strings::known;
use crate::model::{ContainerSpec, ImageGc, NodeId, NodeShape, Pressure, Role};
use crate::record::Recorder;
use crate::workload::UsageAt;

/// Even processes that ask for too much at once need a moment to touch their pages.
const TOUCH: SimDuration = SimDuration::from_millis(100);

/// What a node's pods use at one instant.
pub(super) struct NodeLoad {
    pub(super) memory: Load,
    pub(super) disk: Load,
    pub(super) inodes: Load,
    pub(super) processes: i64,
}

impl NodeLoad {
    fn new(now: SimTime) -> Self {
        let nothing = || Load::new(now);
        Self { memory: nothing(), disk: nothing(), inodes: nothing(), processes: 0 }
    }
}

/// What there is on a node.
pub(super) struct Facts<'p> {
    pub(super) shape: &'p NodeShape,
    /// Memory that all its pods may use together.
    pub(super) pods_memory: i64,
    settings: &'p EvictionPlan,
}

impl<'p> Facts<'p> {
    pub(super) fn new<T, R>(env: &Env<'p, T, R>, node: NodeId) -> Self {
        let settings = &env.plan.control_plane.eviction;
        let shape = &env.plan.shapes[env.cluster.nodes().get(node).shape];
        Self { shape, pods_memory: pods_memory_limit(shape, &settings.thresholds), settings }
    }

    /// What a signal says; `None`: nothing measures it.
    pub(super) fn observe(&self, signal: Signal, load: &NodeLoad) -> Option<Observation> {
        let of = |capacity: i64, used: i64, format| Observation {
            available: Quantity::new(capacity - used, format),
            capacity: Quantity::new(capacity, format),
        };
        let (memory, storage) = (whole(load.memory.value()), self.shape.capacity.ephemeral_storage);
        Some(match signal {
            Signal::MemoryAvailable => of(self.shape.capacity.memory, memory, Format::BinarySi),
            Signal::AllocatableMemoryAvailable => of(self.pods_memory, memory, Format::BinarySi),
            Signal::NodeFsAvailable | Signal::ImageFsAvailable if storage > 0 => {
                of(storage, whole(load.disk.value()), Format::BinarySi)
            }
            Signal::NodeFsInodesFree | Signal::ImageFsInodesFree if storage > 0 => {
                of(self.settings.inodes(storage), whole(load.inodes.value()), Format::DecimalSi)
            }
            Signal::PidAvailable => of(self.settings.max_pids, load.processes, Format::DecimalSi),
            _ => return None,
        })
    }

    /// When the disk is so full that unused images are removed; `None`: never, as far as can be seen.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn images_go_at(&self, policy: &ImageGc, load: &NodeLoad) -> Option<SimTime> {
        let capacity = self.shape.capacity.ephemeral_storage;
        let level = (capacity > 0 && !policy.is_off()).then(|| image_gc::safe_bytes(policy, capacity))?;
        load.disk.exceeds_at(level as f64)
    }

    /// When a threshold that is not met now will be.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn met_at(&self, threshold: &Threshold, load: &NodeLoad) -> Option<SimTime> {
        let Observation { capacity, .. } = self.observe(threshold.signal, load)?;
        let level = (capacity.value() - threshold.value.of(capacity).value()) as f64;
        match Pressure::of(threshold.signal) {
            Pressure::Memory => load.memory.exceeds_at(level),
            Pressure::Disk if threshold.signal.is_inodes() => load.inodes.exceeds_at(level),
            Pressure::Disk => load.disk.exceeds_at(level),
            // Processes come and go with changes only.
            Pressure::Pid => None,
        }
    }
}

/// As long as pods have no more processes than this, there are enough ids.
pub(super) fn safe_processes(settings: &EvictionPlan) -> i64 {
    let capacity = Quantity::new(settings.max_pids, Format::DecimalSi);
    let levels = settings.thresholds.iter().filter(|threshold| threshold.signal == Signal::PidAvailable);
    levels.map(|threshold| settings.max_pids - threshold.value.of(capacity).value()).min().unwrap_or(i64::MAX)
}

/// As long as images take no more than this and nobody writes files, there is enough disk.
pub(super) fn safe_images(shape: &NodeShape, settings: &ControlPlane) -> i64 {
    let capacity = shape.capacity.ephemeral_storage;
    if capacity == 0 {
        return i64::MAX;
    }
    let bytes = |signal| matches!(signal, Signal::NodeFsAvailable | Signal::ImageFsAvailable);
    let levels = settings.eviction.thresholds.iter().filter(|threshold| bytes(threshold.signal));
    let levels =
        levels.map(|threshold| capacity - threshold.value.of(Quantity::new(capacity, Format::BinarySi)).value());
    let collected = (!settings.image_gc.is_off()).then(|| image_gc::safe_bytes(&settings.image_gc, capacity));
    levels.chain(collected).min().unwrap_or(i64::MAX)
}

/// Memory that all pods of a node together may use: the limit of the cgroup above theirs.
fn pods_memory_limit(shape: &NodeShape, thresholds: &[Threshold]) -> i64 {
    let capacity = Quantity::new(shape.capacity.memory, Format::BinarySi);
    let hard = thresholds.iter().find(|t| t.signal == Signal::MemoryAvailable && t.is_hard());
    let kept = hard.map_or(0, |threshold| threshold.value.of(capacity).value());
    shape.allocatable.memory.saturating_add(kept).min(shape.capacity.memory)
}

/// As long as pods use no more memory than this, nothing happens to anybody.
pub(super) fn safe_memory(shape: &NodeShape, thresholds: &[Threshold]) -> i64 {
    let limit = pods_memory_limit(shape, thresholds);
    let levels = thresholds.iter().filter(|threshold| threshold.signal.is_memory()).map(|threshold| {
        let capacity = if threshold.signal == Signal::MemoryAvailable { shape.capacity.memory } else { limit };
        capacity - threshold.value.of(Quantity::new(capacity, Format::BinarySi)).value()
    });
    levels.fold(limit, i64::min)
}

impl Kubelets {
    /// CPU in milli-cores and memory in bytes that all processes use at `now`. A machine is looked at only if what its
    /// processes use has changed since it was looked at last.
    #[must_use]
    pub fn usage(&self, plan: &Plan, now: SimTime) -> (i64, i64) {
        #[allow(clippy::cast_precision_loss)]
        let (mut cpu, mut memory) = (self.fixed.0 as f64, self.fixed.1 as f64);
        for (node, machine) in self.machines.entries().filter(|(_, machine)| machine.pods > machine.fixed) {
            let used = machine.steady_usage.get().unwrap_or_else(|| {
                let (used, steady) = self.usage_of(plan, now, node);
                machine.steady_usage.set(steady.then_some(used));
                used
            });
            cpu += used.0;
            memory += used.1;
        }
        #[allow(clippy::cast_possible_truncation)]
        (cpu as i64, memory as i64)
    }

    /// What the processes of one machine use that are added up one by one, and whether they go on to use as much until
    /// something happens.
    fn usage_of(&self, plan: &Plan, now: SimTime, node: NodeId) -> ((f64, f64), bool) {
        let (mut cpu, mut memory, mut steady) = (0.0, 0.0, true);
        let chain = self.records.chain(self.machines[node].first_record);
        for id in chain.filter(|&id| !self.is_fixed(id)) {
            let template = &plan.templates[self.records.template_of(id)];
            for (index, spec) in (0..).zip(&template.containers) {
                let Some((since, rate)) = self.records.running(id, index) else { continue };
                let (used, held) = self.used(plan, now, id, index, spec, (since, rate));
                cpu += used;
                memory += held;
                let (behavior, age) = (&plan.behaviors[spec.behavior], (now - since).as_secs_f64());
                steady &= behavior.cpu.is_steady(age) && behavior.memory.is_steady(age);
            }
            if let Some(storage) = self.records.storage(id) {
                let volumes = u16::try_from(template.volumes.len()).expect("few volumes");
                memory += storage.memory_bytes(now, volumes, |volume| self.memory_size(plan, id, volume));
                steady = false;
            }
        }
        ((cpu, memory), steady)
    }

    /// What a container uses at `now`: since when it runs, milli-cores, bytes, requests per second that it serves; `None` if it
    /// does not run.
    #[must_use]
    pub fn container_usage(
        &self,
        plan: &Plan,
        now: SimTime,
        pod: PodRef,
        container: u16,
    ) -> Option<(SimTime, f64, f64, f64)> {
        let id = self.records.of(pod)?;
        let spec = &plan.templates[self.records.template_of(id)].containers[usize::from(container)];
        let (since, rate) = self.records.running(id, container)?;
        let (cpu, memory) = self.used(plan, now, id, container, spec, (since, rate));
        Some((since, cpu, memory, rate))
    }

    /// Milli-cores and bytes that a process uses which runs `since` and serves requests at this rate.
    fn used(
        &self,
        plan: &Plan,
        now: SimTime,
        id: RecordId,
        index: u16,
        spec: &ContainerSpec,
        (since, rate): (SimTime, f64),
    ) -> (f64, f64) {
        let behavior = &plan.behaviors[spec.behavior];
        let age = (now - since).as_secs_f64();
        #[allow(clippy::cast_precision_loss)]
        let limit = spec.limits.milli_cpu.map_or(f64::INFINITY, |limit| limit as f64);
        let cpu = (behavior.cpu.at(age, rate) * self.records.speed(id, index)).min(limit);
        (cpu, behavior.memory.at(age, rate))
    }

    pub(super) fn node_load(&self, plan: &Plan, now: SimTime, node: NodeId) -> NodeLoad {
        let mut load = NodeLoad::new(now);
        #[allow(clippy::cast_precision_loss)]
        let images = self.machines[node].image_bytes as f64;
        load.disk.add_line(images, 0.0, None);
        for id in self.records.chain(self.machines[node].first_record) {
            self.add_pod(plan, now, id, &mut load);
        }
        load
    }

    fn add_pod(&self, plan: &Plan, now: SimTime, id: RecordId, load: &mut NodeLoad) {
        let template = &plan.templates[self.records.brief(id).template];
        for (index, spec) in template.containers.iter().enumerate() {
            let index = u16::try_from(index).expect("few containers");
            if let Some((since, rate)) = self.records.running(id, index) {
                let memory = &plan.behaviors[spec.behavior].memory;
                load.memory.add(memory.at((now - since).as_secs_f64(), rate), memory, since);
                load.processes += i64::from(plan.behaviors[spec.behavior].processes);
            }
        }
        if let Some(storage) = self.records.storage(id) {
            for volume in 0..u16::try_from(template.volumes.len()).expect("few volumes") {
                if let Some(size) = self.memory_size(plan, id, volume) {
                    let bytes = storage.volume_bytes(now, volume).min(size);
                    load.memory.add_line(bytes, storage.volume_rate(volume), storage.exceeds_at(now, volume, size));
                }
            }
            let (bytes, rate) = storage.disk(now, |volume| self.memory_size(plan, id, volume).is_some());
            load.disk.add_line(bytes, rate, None);
            let (inodes, rate) = storage.inodes(now, |volume| self.memory_size(plan, id, volume).is_some());
            load.inodes.add_line(inodes, rate, None);
        }
    }

    /// What one pod uses of what a signal measures; `None`: there are no statistics of it.
    pub(super) fn pod_usage(&self, plan: &Plan, now: SimTime, id: RecordId, signal: Signal) -> Option<i64> {
        let known = self.records.is_parked(id) || self.records.get(id).sandboxes > 0;
        let mut load = NodeLoad::new(now);
        self.add_pod(plan, now, id, &mut load);
        known.then(|| match Pressure::of(signal) {
            Pressure::Memory => whole(load.memory.value()),
            Pressure::Disk if signal.is_inodes() => whole(load.inodes.value()),
            Pressure::Disk => whole(load.disk.value()),
            Pressure::Pid => load.processes,
        })
    }

    /// The kernel kills as soon as the pods' memory exceeds what they may have together.
    pub(super) fn arm_node_oom<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        load: &NodeLoad,
    ) {
        #[allow(clippy::cast_precision_loss)]
        let limit = Facts::new(env, node).pods_memory as f64;
        let exceeds = load.memory.exceeds_at(limit);
        if let Some(timer) = self.machines[node].watch.as_mut().and_then(|watch| watch.oom.take()) {
            env.timers.disarm(timer);
        }
        let Some(at) = exceeds else { return };
        let newest = self.running_on(env.plan, node).map(|(_, _, since)| since).max();
        let at = newest.map_or(at, |newest| at.max(newest + TOUCH)).max(env.now);
        let timer = env.timers.at(at, Timer::NodeOom(node));
        self.watch_of(node, env.now).oom = Some(timer);
    }

    /// Running containers on a node: record, index, since when.
    pub(super) fn running_on<'a>(
        &'a self,
        plan: &'a Plan,
        node: NodeId,
    ) -> impl Iterator<Item = (RecordId, u16, SimTime)> + 'a {
        self.records.chain(self.machines[node].first_record).flat_map(move |id| {
            let count = plan.templates[self.records.brief(id).template].containers.len();
            let indexes = 0..u16::try_from(count).expect("few containers");
            indexes.filter_map(move |index| self.records.running(id, index).map(|(since, _)| (id, index, since)))
        })
    }

    /// Memory is used up: the process with the highest badness is killed.
    pub(super) fn node_oom<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        self.watch_of(node, env.now).oom = None;
        let Facts { shape, pods_memory, .. } = Facts::new(env, node);
        let (plan, now) = (env.plan, env.now);
        let worst = self.running_on(plan, node).max_by_key(|&(id, index, since)| {
            let template = &plan.templates[self.records.brief(id).template];
            let containers: SmallVec<[(Role, i64); 4]> =
                template.containers.iter().map(|spec| (spec.role, spec.requests.memory)).collect();
            let capacity = shape.capacity.memory;
            let pod = OomPod { qos: template.qos, containers: &containers, cgroup: template.cgroup, capacity };
            let spec = &template.containers[usize::from(index)];
            let rate = self.records.running(id, index).map_or(0.0, |(_, rate)| rate);
            let used = plan.behaviors[spec.behavior].memory.at((now - since).as_secs_f64(), rate);
            let points = badness(whole(used), pod.score_adj(usize::from(index)), pods_memory);
            // The latest of equals: the kernel's list of processes has no order that could be told.
            (points, since, self.records.brief(id).pod.uid, index)
        });
        let Some((id, index, _)) = worst else { return };
        self.unpark(env.plan, id);
        let dying = self.records.container_mut(id, index);
        (dying.exit_code, dying.exit_reason) = (SIGKILL_EXIT, known::OOM_KILLED);
        self.exit(env, id, index);
        self.after_exit(env, id);
    }
}

/// Rounded up.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn whole(amount: f64) -> i64 {
    amount.ceil() as i64
}
