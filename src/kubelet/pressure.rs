//! The eviction manager of every node. What the node's processes use together is computed
//! to the pass that will see a threshold met; a node whose processes cannot use too much is never looked at. Mirrors
//! pkg/kubelet/eviction/eviction_manager.go, v1.34 (spec 5).

use smallvec::SmallVec;

use super::eviction::{self, Candidate, Observation, condition_holds, eviction_grace, grace_is_over, is_met};
use super::kubelet::{Kubelets, Timer};
use super::oom::is_critical;
use super::runtime::{Machine, RecordId, Worker};
use super::usage::{Facts, NodeLoad, whole};
use crate::api::{Op, PodRef};
use crate::base::quantity::Format;
use crate::base::{Quantity, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::eviction::{Signal, Threshold};
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{NodeId, Pressure};
use crate::record::{KubeEvent, Recorder};
use crate::workload::UsageAt;

/// The eviction manager looks this often.
const MONITORING: SimDuration = SimDuration::from_secs(10);
/// After an eviction it waits for the pod to be cleaned up, looking this often, and at most so long.
const CLEANUP_POLL: SimDuration = SimDuration::from_secs(1);
const CLEANUP_LIMIT: SimDuration = SimDuration::from_secs(30);

/// What the eviction manager of a node has in mind. Nodes that were never at risk have none.
#[derive(Debug)]
pub(super) struct Watch {
    /// The next pass that has something to see.
    pass: Option<(TimerKey, SimTime)>,
    /// Memory is used up then.
    pub(super) oom: Option<TimerKey>,
    /// Passes are on a grid with this phase; waiting for an evicted pod moves it.
    phase: SimTime,
    last_pass: SimTime,
    /// Thresholds (by number) that were met at the last pass, and since when.
    met: SmallVec<[(usize, SimTime); 2]>,
    /// When each condition's thresholds were met last.
    observed: [Option<SimTime>; 3],
    /// The pod that was evicted and is not cleaned up yet.
    evicting: Option<(PodRef, SimTime)>,
}

impl Machine {
    /// Whether somebody may suffer from what others use here.
    pub(super) fn is_at_risk(&self) -> bool {
        let ceiling = &self.ceiling;
        ceiling.memory > self.safe_memory
            || ceiling.boundless_memory > 0
            || ceiling.writers > 0
            || i64::from(ceiling.processes) > self.safe_processes
            || self.image_bytes > self.safe_images
            || self.watch.is_some()
    }
}

impl Kubelets {
    /// A process of this pod began or ended.
    pub(super) fn node_changed_by<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get(id);
        if record.quiet.is_some() {
            // Its machine was calm when this happened.
            self.machines[record.node].steady_usage.set(None);
        } else {
            self.node_changed(env, record.node);
        }
    }

    /// What runs on a node, or what it uses, changed.
    pub(super) fn node_changed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let machine = &self.machines[node];
        machine.steady_usage.set(None);
        if machine.quiet > 0 && !machine.is_calm() {
            let now = env.now;
            self.disturb_node(env, node, now);
        }
        let machine = &self.machines[node];
        if machine.is_cpu_short() || machine.cpu_was_short {
            self.share_cpu(env, node);
        }
        let machine = &mut self.machines[node];
        let at_risk = machine.is_at_risk();
        machine.disk_fills |= machine.ceiling.writers > 0 || machine.image_bytes > machine.safe_images;
        let minds_images = machine.minds_images();
        if machine.up && (at_risk || minds_images) {
            let load = self.node_load(env.plan, env.now, node);
            if at_risk {
                self.arm_node_oom(env, node, &load);
                self.arm_pass(env, node, &load, false);
            }
            if minds_images {
                self.arm_image_gc(env, node, &load);
            }
        }
    }

    /// The machine stopped: nobody watches any more.
    pub(super) fn stop_watching<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let machine = &mut self.machines[node];
        machine.ceiling = super::load::Ceiling::default();
        machine.cpu_was_short = false;
        if let Some(timer) = machine.cpu_timer.take() {
            env.timers.disarm(timer);
        }
        if let Some(watch) = machine.watch.take() {
            for timer in watch.pass.map(|(timer, _)| timer).into_iter().chain(watch.oom) {
                env.timers.disarm(timer);
            }
        }
        if let Some((timer, _)) = machine.image_pass.take() {
            env.timers.disarm(timer);
        }
    }

    pub(super) fn watch_of(&mut self, node: NodeId, now: SimTime) -> &mut Watch {
        let machine = &mut self.machines[node];
        let phase = machine.lease_phase;
        machine.watch.get_or_insert_with(|| {
            let (met, observed, last_pass) = (SmallVec::new(), [None; 3], now - SimDuration(1));
            Box::new(Watch { pass: None, oom: None, phase, last_pass, met, observed, evicting: None })
        })
    }

    /// When the next pass has something to see. `idle`: the last one found nobody to evict, and nothing changed since.
    fn arm_pass<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        load: &NodeLoad,
        idle: bool,
    ) {
        let now = env.now;
        let settings = &env.plan.control_plane.eviction;
        let facts = Facts::new(env, node);
        let watch = self.watch_of(node, now);
        if watch.evicting.is_some() {
            return;
        }
        // Passes that were left out because nothing changed have seen the same as the last one.
        let missed = SimTime(now.0 - MONITORING.0).ceil_to_grid(watch.phase, MONITORING);
        if missed > watch.last_pass && missed < now {
            for &(number, _) in &watch.met {
                watch.observed[Pressure::of(settings.thresholds[number].signal) as usize] = Some(missed);
            }
        }
        let after =
            |at: SimTime, watch: &Watch| at.max(watch.last_pass + SimDuration(1)).ceil_to_grid(watch.phase, MONITORING);
        let mut next: Option<SimTime> = None;
        let mut take = |at: SimTime| next = Some(next.map_or(at, |next| next.min(at)));
        let mut pressed = [false; 3];
        for (number, threshold) in settings.thresholds.iter().enumerate() {
            let since = watch.met.iter().find(|(met, _)| *met == number).map(|&(_, since)| since);
            let Some(observed) = facts.observe(threshold.signal, load) else { continue };
            if is_met(threshold, &observed, since.is_some()) {
                pressed[Pressure::of(threshold.signal) as usize] = true;
                match since {
                    None => take(after(now, watch)),
                    Some(since) if idle && grace_is_over(threshold, since, now) => {}
                    Some(since) => take(after(now.max(since + threshold.grace), watch)),
                }
            } else if let Some(at) = facts.met_at(threshold, load) {
                take(after(at.max(now), watch));
            }
        }
        for pressure in Pressure::ALL {
            if let Some(seen) = watch.observed[pressure as usize].filter(|_| !pressed[pressure as usize]) {
                take(after((seen + settings.transition_period).max(now), watch));
            }
        }
        if next != watch.pass.map(|(_, at)| at) {
            if let Some((timer, _)) = watch.pass.take() {
                env.timers.disarm(timer);
            }
            watch.pass = next.map(|at| (env.timers.at(at, Timer::Pressure(node)), at));
        }
        let watch = &self.machines[node].watch;
        if watch.as_ref().is_some_and(|w| w.pass.is_none() && w.oom.is_none() && w.met.is_empty()) {
            self.machines[node].watch = None;
        }
    }

    /// A pass of the eviction manager.
    pub(super) fn pressure_pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let (now, plan) = (env.now, env.plan);
        let settings = &plan.control_plane.eviction;
        let facts = Facts::new(env, node);
        let load = self.node_load(plan, now, node);
        let watch = self.watch_of(node, now);
        watch.pass = None;
        if watch.evicting.take().is_some() {
            // The wait for an evicted pod is over: the next passes follow from here.
            watch.phase = now;
        }
        watch.last_pass = now;
        let before = std::mem::take(&mut watch.met);
        for (number, threshold) in settings.thresholds.iter().enumerate() {
            let since = before.iter().find(|(met, _)| *met == number).map(|&(_, since)| since);
            let observed = facts.observe(threshold.signal, &load);
            if observed.is_some_and(|observed| is_met(threshold, &observed, since.is_some())) {
                watch.met.push((number, since.unwrap_or(now)));
                watch.observed[Pressure::of(threshold.signal) as usize] = Some(now);
            }
        }
        let observed = watch.observed;
        for pressure in Pressure::ALL {
            let on = observed[pressure as usize].is_some_and(|at| condition_holds(at, now, settings.transition_period));
            if !on {
                self.watch_of(node, now).observed[pressure as usize] = None;
            }
            let op = Op::SetNodePressure { node, pressure, on };
            if env.cluster.request(now, op).is_ok() {
                let (event, name) = (pressure_event(pressure, on), env.cluster.nodes().get(node).name);
                env.node_event(node, event, || format!("Node {} status is now: {event:?}", plan.strings.text(name)));
            }
        }
        let evicted = self.act_on_pressure(env, node, &load);
        if let Some(pod) = evicted {
            let limit = now + CLEANUP_LIMIT;
            let timer = env.timers.at(limit, Timer::Pressure(node));
            let watch = self.watch_of(node, now);
            (watch.evicting, watch.pass) = (Some((pod, now)), Some((timer, limit)));
            self.evicted_is_gone(env, node, pod);
            return;
        }
        let load = self.node_load(plan, now, node);
        self.arm_pass(env, node, &load, true);
    }

    /// Reclaims what the most urgent threshold asks for; the pod that was evicted for it.
    fn act_on_pressure<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        load: &NodeLoad,
    ) -> Option<PodRef> {
        let (now, plan) = (env.now, env.plan);
        let settings = &plan.control_plane.eviction;
        let facts = Facts::new(env, node);
        let ripe = self.watch_of(node, now).met.iter().filter_map(|&(number, since)| {
            let threshold = &settings.thresholds[number];
            grace_is_over(threshold, since, now).then_some(*threshold)
        });
        let mut ripe: SmallVec<[Threshold; 4]> = ripe.collect();
        eviction::sort_by_priority(&mut ripe);
        let threshold = *ripe.first()?;
        let resource = resource_name(threshold.signal);
        env.node_event(node, KubeEvent::EvictionThresholdMet, || format!("Attempting to reclaim {resource}"));
        if Pressure::of(threshold.signal) == Pressure::Disk && self.delete_unused_images(plan, node, now) {
            let load = self.node_load(plan, now, node);
            let observed = facts.observe(threshold.signal, &load)?;
            if !is_met(&threshold, &observed, true) {
                return None;
            }
        }
        let compare = match Pressure::of(threshold.signal) {
            Pressure::Disk if threshold.signal.is_inodes() => eviction::by_inodes,
            Pressure::Memory | Pressure::Disk => eviction::by_use_above_request,
            Pressure::Pid => eviction::by_processes,
        };
        let candidates = self.records.chain(self.machines[node].first_record).filter_map(|id| {
            let brief = self.records.brief(id);
            let class = &plan.classes[plan.templates[brief.template].class];
            let stops = !self.records.is_parked(id)
                && matches!(self.records.get(id).worker, Worker::Terminating | Worker::Finished);
            let request = match Pressure::of(threshold.signal) {
                Pressure::Memory => class.requests.memory,
                Pressure::Disk => class.requests.ephemeral_storage,
                Pressure::Pid => 0,
            };
            let usage = self.pod_usage(plan, now, id, threshold.signal);
            (!stops && !is_critical(class.priority))
                .then_some((id, Candidate { priority: class.priority, usage, request }))
        });
        let first = candidates.min_by(|(_, a), (_, b)| compare(a, b));
        let (id, _) = first?;
        if !self.wake_record(env, id) {
            return None;
        }
        let observed = facts.observe(threshold.signal, load)?;
        let template = &plan.templates[self.records.get(id).template];
        let grace = eviction_grace(&threshold, settings.max_pod_grace_seconds, template.grace_period_seconds);
        let pod = self.records.get(id).pod;
        if R::ON {
            let text = self.eviction_text(plan, now, id, &threshold, &observed);
            env.pod_event(pod.uid, KubeEvent::Evicted, || text);
        }
        self.kill_pod_now(env, id, known::EVICTED, Some(grace));
        self.park_record(plan, id);
        Some(pod)
    }

    fn eviction_text(
        &self,
        plan: &Plan,
        now: SimTime,
        id: RecordId,
        threshold: &Threshold,
        observed: &Observation,
    ) -> String {
        let resource = resource_name(threshold.signal);
        let wanted = threshold.value.of(observed.capacity);
        let mut text = format!(
            "The node was low on resource: {resource}. Threshold quantity: {wanted}, available: {}. ",
            in_kibibytes(observed.available)
        );
        let template = &plan.templates[self.records.get(id).template];
        for (index, spec) in template.containers.iter().enumerate() {
            let index = u16::try_from(index).expect("few containers");
            let Some((since, rate)) = self.records.running(id, index) else { continue };
            if Pressure::of(threshold.signal) != Pressure::Memory {
                continue;
            }
            let used = whole(plan.behaviors[spec.behavior].memory.at((now - since).as_secs_f64(), rate));
            if used > spec.requests.memory {
                let name = plan.strings.text(spec.name);
                let used = in_kibibytes(Quantity::new(used, Format::BinarySi));
                let request = Quantity::new(spec.requests.memory, Format::BinarySi);
                text += &format!(
                    "Container {name} was using {used}, request is {request}, has larger consumption of {resource}. "
                );
            }
        }
        text
    }

    /// A pod is cleaned up: if it was evicted, the eviction manager goes on at its next look.
    pub(super) fn evicted_is_gone<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        pod: PodRef,
    ) {
        if self.machines[node].watch.is_none() || self.records.of(pod).is_some() {
            return;
        }
        let Some(watch) = self.machines[node].watch.as_mut() else { return };
        let Some((_, since)) = watch.evicting.filter(|(evicted, _)| *evicted == pod) else { return };
        if let Some((timer, _)) = watch.pass.take() {
            env.timers.disarm(timer);
        }
        let at = env.now.max(since + SimDuration(1)).ceil_to_grid(since, CLEANUP_POLL).min(since + CLEANUP_LIMIT);
        watch.pass = Some((env.timers.at(at, Timer::Pressure(node)), at));
    }

    /// The pressure that pods are let in by.
    pub(super) fn pressure_on<T, R>(env: &Env<'_, T, R>, node: NodeId) -> SmallVec<[Pressure; 3]> {
        let row = env.cluster.nodes().get(node);
        Pressure::ALL.into_iter().filter(|&pressure| row.pressure[pressure as usize]).collect()
    }
}

/// As upstream writes amounts that it measured.
fn in_kibibytes(amount: Quantity) -> String {
    if amount.format() == Format::BinarySi { format!("{}Ki", amount.value() / 1024) } else { amount.to_string() }
}

const fn resource_name(signal: Signal) -> &'static str {
    match signal {
        Signal::AllocatableMemoryAvailable | Signal::MemoryAvailable => "memory",
        Signal::NodeFsInodesFree | Signal::ImageFsInodesFree | Signal::ContainerFsInodesFree => "inodes",
        Signal::PidAvailable => "pids",
        _ => "ephemeral-storage",
    }
}

const fn pressure_event(pressure: Pressure, on: bool) -> KubeEvent {
    match (pressure, on) {
        (Pressure::Memory, true) => KubeEvent::NodeHasInsufficientMemory,
        (Pressure::Memory, false) => KubeEvent::NodeHasSufficientMemory,
        (Pressure::Disk, true) => KubeEvent::NodeHasDiskPressure,
        (Pressure::Disk, false) => KubeEvent::NodeHasNoDiskPressure,
        (Pressure::Pid, true) => KubeEvent::NodeHasInsufficientPID,
        (Pressure::Pid, false) => KubeEvent::NodeHasSufficientPID,
    }
}
