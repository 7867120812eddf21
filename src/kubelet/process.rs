//! Processes inside containers: they start, listen, use memory and files, crash, are stopped. Everything is computed to
//! its next transition. Knows nothing of syncs and statuses.

use super::kubelet::{Kubelets, Timer};
use super::load::Ceiling;
use super::runtime::{Exit, Instance, RecordId};
use super::storage;
use crate::api::PodRef;
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{Behavior, ContainerState, ProbeAction, Protocol, StrId, Terminated, Usage};
use crate::record::{Fact, KubeEvent, Recorder};
use crate::workload::UsageAt;
use crate::workload::life::RunOf;

/// How a container shows whose process could not be started.
const START_ERROR_EXIT: i32 = 128;
/// How a SIGKILL shows.
pub(super) const SIGKILL_EXIT: i32 = 137;

impl Kubelets {
    /// Starts a new instance of a container's process. Whether it has started up at once.
    pub(super) fn start_process<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) -> bool {
        let record = self.records.get(id);
        let (pod, workload, template) = (record.pod, record.workload, record.template);
        let of = RunOf {
            ordinal: record.ordinal,
            container: index,
            restart: self.records.container(id, index).restarts + u32::from(self.records.container(id, index).created),
            traced: record.traced_run,
        };
        let spec = &env.plan.templates[template].containers[usize::from(index)];
        let behavior = &env.plan.behaviors[spec.behavior];
        let life = env.draws.workload(workload).life.life(behavior, of);
        let now = env.now;
        let outage = self.outage_of(workload, spec.name);

        let container = self.records.container_mut(id, index);
        if container.created {
            container.restarts += 1;
            env.counters.container_restarts += 1;
        }
        container.created = true;
        container.previous = container.exited();
        container.instance = Instance::Running(now);
        container.start_error = known::EMPTY;
        (container.stopping, container.serving, container.kill, container.slow) = (false, false, None, None);
        container.resize_restart = false;
        (container.started, container.ready) = (false, false);
        env.counters.container_starts += 1;
        // Startup comes first: a process that ends before it has started up never serves.
        let (end, code) = match (outage, life.end) {
            (Some(code), _) => (Some(SimDuration::ZERO), code),
            (None, Some((after, code))) => (Some(after), code),
            (None, None) => (None, 0),
        };
        if let Some(after) = end {
            self.end_at(env, id, index, now + after, code, reason_of(code));
        }
        let serves_now = life.startup == SimDuration::ZERO && end != Some(SimDuration::ZERO);
        // Of a quiet pod's process that ends at once the end comes first anyway.
        let is_quiet = self.records.get(id).quiet.is_some();
        if !serves_now && !is_quiet {
            let timer = Timer::Serving { record: id, container: index };
            let serving = env.timers.at(now + life.startup, timer);
            self.records.container_mut(id, index).serving_timer = Some(serving);
        }
        if let Some(after) = life.unhealthy {
            let timer = env.timers.at(now + after, Timer::Health { record: id, container: index });
            self.records.container_mut(id, index).health_timer = Some(timer);
        }
        self.write_files(env, id, index);
        self.arm_oom(env, id, index);
        self.start_probes(env, id, index);
        let node = self.records.get(id).node;
        if !self.take_reserved(id) {
            self.machines[node].ceiling.add(Ceiling::of(behavior, &spec.limits));
        }
        self.fixed_starts(id);
        self.node_changed_by(env, id);
        self.show(env, id, index, ContainerState::Running { started_at: now });
        env.container_event(pod.uid, index, KubeEvent::Started, || {
            format!("Started container {}", env_text(env.plan, spec.name))
        });
        serves_now
    }

    /// The runtime created a new instance of the container and could not start its process.
    pub(super) fn fail_start<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let now = env.now;
        let container = self.records.container_mut(id, index);
        if container.created {
            container.restarts += 1;
            env.counters.container_restarts += 1;
        }
        container.created = true;
        container.previous = container.exited();
        let exit = Exit { code: START_ERROR_EXIT, reason: known::START_ERROR, started: now, finished: now };
        container.instance = Instance::Exited(exit);
        (container.stopping, container.resize_restart) = (false, false);
        self.fold_exit(env, id, &exit);
        self.show(env, id, index, ContainerState::Terminated(terminated(&exit)));
    }

    fn fold_exit<T, R>(&self, env: &mut Env<'_, T, R>, id: RecordId, exit: &Exit) {
        let record = self.records.get(id);
        let words = words_of(record.pod, exit);
        if record.quiet.is_some() {
            // When it is worked out says nothing.
            env.cluster.fold_in_any_order(words);
        } else {
            words.into_iter().for_each(|word| env.cluster.fold(word));
        }
    }

    /// Its process ends at `at` with this exit code, unless it ends earlier.
    pub(super) fn end_at<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        at: SimTime,
        code: i32,
        reason: StrId,
    ) {
        let container = self.records.container_mut(id, index);
        if let Some(timer) = container.exit_timer.take() {
            env.timers.disarm(timer);
        }
        (container.exit_at, container.exit_code, container.exit_reason) = (at, code, reason);
        if self.records.get(id).quiet.is_some() {
            return;
        }
        let timer = env.timers.at(at, Timer::Exit { record: id, container: index });
        self.records.container_mut(id, index).exit_timer = Some(timer);
    }

    /// Its process ends now.
    pub(super) fn exit<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let container = self.records.container_mut(id, index);
        let Some(started) = container.running() else { return };
        self.fixed_ends(id);
        self.count_throttled(env, id, index);
        let container = self.records.container_mut(id, index);
        let exit = Exit { code: container.exit_code, reason: container.exit_reason, started, finished: env.now };
        container.instance = Instance::Exited(exit);
        let timers = [
            container.exit_timer.take(),
            container.serving_timer.take(),
            container.health_timer.take(),
            container.oom_timer.take(),
        ];
        container.unhealthy = false;
        let (was_serving, asked) = (std::mem::take(&mut container.serving), container.stopping);
        (container.rate, container.slow) = (0.0, None);
        (container.started, container.ready) = (false, false);
        for timer in timers.into_iter().flatten() {
            env.timers.disarm(timer);
        }
        // Who was asked to stop, or killed for not doing so, has not crashed.
        if exit.code != 0 && !asked {
            env.counters.container_crashes += 1;
        }
        if exit.reason == known::OOM_KILLED {
            env.counters.oom_kills += 1;
        }
        self.stop_probes(env, id, index);
        self.write_files(env, id, index);
        self.fold_exit(env, id, &exit);
        self.show(env, id, index, ContainerState::Terminated(terminated(&exit)));
        if was_serving {
            self.serving_changed(env, id);
        }
        let record = self.records.get(id);
        let (node, spec) = (record.node, &env.plan.templates[record.template].containers[usize::from(index)]);
        self.machines[node].ceiling.sub(Ceiling::of(&env.plan.behaviors[spec.behavior], &spec.limits));
        self.node_changed_by(env, id);
    }

    /// Its process has started up: it binds its ports, or fails to.
    pub(super) fn serve<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        self.records.container_mut(id, index).serving_timer = None;
        if self.records.container(id, index).running().is_none() {
            return;
        }
        let taken = self.listens(env.plan, id, index).find(|&port| self.is_taken(env.plan, id, index, port));
        if taken.is_some() {
            // EADDRINUSE: the second process to bind a port of the pod's network namespace gives up.
            self.end_at(env, id, index, env.now, 1, known::ERROR);
            return;
        }
        self.records.container_mut(id, index).serving = true;
        self.serving_changed(env, id);
    }

    /// Its process becomes unhealthy for a while, or is healthy again.
    pub(super) fn health_changes<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let unhealthy = &behavior(env.plan, self.records.get(id).template, index).unhealthy;
        let container = self.records.container_mut(id, index);
        container.health_timer = None;
        container.unhealthy = !container.unhealthy;
        if container.unhealthy
            && let Some(lasts) = unhealthy.as_ref().and_then(|unhealthy| unhealthy.lasts)
        {
            let timer = Timer::Health { record: id, container: index };
            let timer = env.timers.after(SimDuration::from_secs_f64(lasts), timer);
            self.records.container_mut(id, index).health_timer = Some(timer);
        }
        self.serving_changed(env, id);
    }

    /// Whether a container's process runs and answers nobody.
    pub(super) fn hangs(&self, plan: &Plan, id: RecordId, index: u16) -> bool {
        let unhealthy = &behavior(plan, self.records.get(id).template, index).unhealthy;
        self.records.container(id, index).unhealthy && unhealthy.as_ref().is_some_and(|unhealthy| unhealthy.hangs)
    }

    /// Ports that a container's process listens on once it serves.
    pub(super) fn listens<'p>(
        &self,
        plan: &'p Plan,
        id: RecordId,
        index: u16,
    ) -> impl Iterator<Item = (Protocol, u16)> + use<'p> {
        let spec = &plan.templates[self.records.get(id).template].containers[usize::from(index)];
        let behavior = &plan.behaviors[spec.behavior];
        let declared = behavior.listens.is_none().then(|| spec.ports.iter().map(|port| (port.protocol, port.port)));
        let given = behavior.listens.iter().flat_map(|ports| ports.iter().map(|&port| (Protocol::Tcp, port)));
        let implied = behavior.listens.is_none().then(|| behavior.implied.iter().map(|&port| (Protocol::Tcp, port)));
        given.chain(declared.into_iter().flatten()).chain(implied.into_iter().flatten())
    }

    fn is_taken(&self, plan: &Plan, id: RecordId, index: u16, port: (Protocol, u16)) -> bool {
        let count = plan.templates[self.records.get(id).template].containers.len();
        let others = (0..u16::try_from(count).expect("few containers")).filter(|&other| other != index);
        others.into_iter().any(|other| {
            self.records.container(id, other).serving && self.listens(plan, id, other).any(|taken| taken == port)
        })
    }

    /// Whether some container of the pod listens on this TCP port: they share one network.
    pub(super) fn answers(&self, plan: &Plan, id: RecordId, port: u16) -> bool {
        let count = plan.templates[self.records.get(id).template].containers.len();
        (0..u16::try_from(count).expect("few containers")).any(|index| {
            self.records.container(id, index).serving
                && self.listens(plan, id, index).any(|other| other == (Protocol::Tcp, port))
        })
    }

    /// Whether requests to the container succeed now: it serves, and so does everything it requires.
    pub(super) fn works(&self, plan: &Plan, id: RecordId, index: u16) -> bool {
        let template = &plan.templates[self.records.get(id).template];
        let behavior = &plan.behaviors[template.containers[usize::from(index)].behavior];
        self.records.container(id, index).is_healthy()
            && behavior.requires.iter().all(|&required| {
                let found = template.containers.iter().position(|container| container.name == required);
                found.is_some_and(|at| {
                    self.records.container(id, u16::try_from(at).expect("few containers")).is_healthy()
                })
            })
    }

    /// Whether a probe with this action would succeed now.
    pub(super) fn probe_truth(
        &self,
        plan: &Plan,
        id: RecordId,
        index: u16,
        action: ProbeAction,
        readiness: bool,
    ) -> bool {
        let behavior = behavior(plan, self.records.get(id).template, index);
        let healthy = if readiness && behavior.unready_without_required {
            self.works(plan, id, index)
        } else {
            self.records.container(id, index).is_healthy()
        };
        match action {
            ProbeAction::Exec => healthy,
            ProbeAction::Http(port) => healthy && self.answers(plan, id, port),
            ProbeAction::Tcp(port) => {
                // The kernel accepts, whoever of the pod listens there.
                self.answers(plan, id, port)
            }
        }
    }

    /// A process began or ceased to serve: probes of the whole pod may see it, and traffic does.
    fn serving_changed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let count = env.plan.templates[self.records.get(id).template].containers.len();
        for index in 0..u16::try_from(count).expect("few containers") {
            self.refresh_probes(env, id, index);
        }
        if !env.plan.traffic.is_empty() {
            self.touched.push(self.records.get(id).pod);
        }
    }

    /// The container serves this many requests per second from now on.
    pub fn set_rate<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        index: u16,
        rate: f64,
    ) {
        let Some(id) = self.records.of(pod).filter(|&id| !self.records.is_parked(id)) else { return };
        if self.records.container(id, index).running().is_none() {
            return;
        }
        self.records.container_mut(id, index).rate = rate;
        self.write_files(env, id, index);
        self.arm_oom(env, id, index);
        self.node_changed(env, self.records.get(id).node);
    }

    /// Kills the process when its memory will exceed its limit at the present rate; earlier computations are void.
    pub(super) fn arm_oom<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let template = self.records.get(id).template;
        let spec = &env.plan.templates[template].containers[usize::from(index)];
        let memory = &env.plan.behaviors[spec.behavior].memory;
        let container = self.records.container(id, index);
        let (Some(limit), Some(since)) = (spec.limits.memory, container.running()) else { return };
        if let Some(timer) = self.records.container_mut(id, index).oom_timer.take() {
            env.timers.disarm(timer);
        }
        let (record, container) = (self.records.get(id), self.records.container(id, index));
        let age = (env.now - since).as_secs_f64();
        // Pages of volumes in memory count as the writer's own, until the volume is full.
        let nothing = (0.0, 0.0, None);
        let charge = record
            .storage
            .as_ref()
            .map_or(nothing, |storage| storage.charge(env.now, index, |volume| self.memory_size(env.plan, id, volume)));
        let (bytes, per_second, full_at) = charge;
        let full_age = full_at.map_or(f64::INFINITY, |full| (full - since).as_secs_f64());
        let filling = Usage {
            base: memory.base + bytes - per_second * age,
            leak_per_second: memory.leak_per_second + per_second,
            ..*memory
        };
        #[allow(clippy::cast_precision_loss)]
        let limit = limit as f64;
        let exceeds = match filling.exceeds_at(limit, age, container.rate) {
            Some(at) if at <= full_age => Some(at),
            _ if full_at.is_none() => None,
            _ => {
                let full = Usage { base: memory.base + bytes + per_second * (full_age - age), ..*memory };
                full.exceeds_at(limit, full_age, container.rate)
            }
        };
        let Some(at) = exceeds else { return };
        // Even a process that asks for too much at once needs a moment to touch its pages.
        let at = (since + SimDuration::from_secs_f64(at)).max(env.now).max(since + SimDuration::from_millis(100));
        if at - env.now < SimDuration::from_secs(10 * 365 * 86_400) {
            let timer = env.timers.at(at, Timer::OutOfMemory { record: id, container: index });
            self.records.container_mut(id, index).oom_timer = Some(timer);
        }
    }

    /// The size of a volume in memory; `None`: it is not in memory.
    pub(super) fn memory_size(&self, plan: &Plan, id: RecordId, volume: u16) -> Option<f64> {
        let record = self.records.get(id);
        let allocatable = plan.shapes[plan.nodes[record.node.index()].shape].allocatable.memory;
        storage::memory_size(&plan.templates[record.template], volume, allocatable)
    }

    /// Brings the rates of the files that a container writes up to date, and what follows for size limits.
    fn write_files<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let template = &env.plan.templates[self.records.get(id).template];
        let behavior = &env.plan.behaviors[template.containers[usize::from(index)].behavior];
        if behavior.writes.is_empty() {
            return;
        }
        let container = self.records.container(id, index);
        let (running, rate) = (container.running().is_some(), container.rate);
        let restarted = container.running() == Some(env.now) && container.restarts > 0;
        let record = self.records.get_mut(id);
        let storage = record.storage.get_or_insert_default();
        if restarted {
            storage.restarted(env.now, index);
        }
        for (at, file) in behavior.writes.iter().enumerate() {
            let bytes = if running { file.bytes_per_second + file.bytes_per_request * rate } else { 0.0 };
            let number = u16::try_from(at).expect("few files");
            let inodes = if running { file.files_per_second } else { 0.0 };
            storage.set_rate(env.now, template, index, (number, &file.path), (bytes, inodes));
        }
        let full =
            storage::local_limits(template).filter_map(|limit| storage.limit_exceeded_at(env.now, template, limit));
        let full = full.min();
        if let Some(at) = full {
            self.arm_local_storage_eviction(env, id, at);
        }
    }

    /// Bytes that a container finds in a file now; `None`: there is no such file where it looks. A file outside all mounts
    /// exists only for the container that writes it.
    #[must_use]
    pub fn file_bytes(&self, plan: &Plan, now: SimTime, pod: PodRef, reader: u16, path: &str) -> Option<f64> {
        let record = self.records.get(self.records.of(pod).filter(|&id| !self.records.is_parked(id))?);
        let template = &plan.templates[record.template];
        record.storage.as_ref()?.read(now, template, reader, path, |container, file| {
            let spec = &template.containers[usize::from(container)];
            plan.behaviors[spec.behavior].writes[usize::from(file)].path.clone()
        })
    }

    /// Memory in bytes that a container's process uses at `now`; `None`: it does not run.
    pub(super) fn memory_of(&self, plan: &Plan, now: SimTime, id: RecordId, index: u16) -> Option<f64> {
        let container = self.records.container(id, index);
        let memory = &behavior(plan, self.records.get(id).template, index).memory;
        container.running().map(|since| memory.at((now - since).as_secs_f64(), container.rate))
    }

    /// Tells the recorder a container's new state.
    pub(super) fn show<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        state: ContainerState,
    ) {
        let pod = self.records.get(id).pod.uid;
        let container = self.records.container_mut(id, index);
        container.shown = match state {
            ContainerState::Waiting { reason } => reason,
            _ => known::EMPTY,
        };
        let restarts = container.restarts;
        env.fact(|| Fact::Container { pod, container: index, state, restarts });
    }
}

/// What the digest takes in of an exit.
pub(super) const fn words_of(pod: PodRef, exit: &Exit) -> [u64; 2] {
    let (of, code) = (pod.uid.raw() as u64, exit.code.cast_unsigned() as u64);
    [of << 32 | code, exit.finished.0.cast_unsigned()]
}

/// As the API shows an exit.
pub(super) const fn terminated(exit: &Exit) -> Terminated {
    Terminated {
        exit_code: exit.code,
        signal: 0,
        reason: exit.reason,
        started_at: exit.started,
        finished_at: exit.finished,
    }
}

/// The runtime's reason for an exit that nothing else explains.
pub(super) const fn reason_of(code: i32) -> StrId {
    if code == 0 { known::COMPLETED } else { known::ERROR }
}

pub(super) fn behavior(plan: &Plan, template: crate::model::TemplateId, index: u16) -> &Behavior {
    &plan.behaviors[plan.templates[template].containers[usize::from(index)].behavior]
}

fn env_text(plan: &Plan, id: StrId) -> &str {
    plan.strings.text(id)
}
