//! The pod worker: one sync at a time, one step after another (sandbox, pulls, starts). Mirrors pkg/kubelet/pod_workers.go
//! and kuberuntime/kuberuntime_manager.go (SyncPod), v1.34 (spec 2.1 to 2.5).

use smallvec::SmallVec;

use super::actions::{self, PodActions, ProbeResult, Sandbox, SyncContainer, SyncInput, pod_actions};
use super::backoff::{BackOffParams, PullBackOff};
use super::containers::RuntimeState;
use super::kubelet::{Kubelets, Timer};
use super::runtime::{Instance, RecordId, Worker};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{ContainerState, ImagePullPolicy, PodTemplate, Role, StrId, VolumeSource};
use crate::record::{Fact, KubeEvent, Recorder};

/// Volume operations that fail are retried after this, doubled each time up to [`MOUNT_RETRY_MAX`].
const MOUNT_RETRY: SimDuration = SimDuration::from_millis(500);
const MOUNT_RETRY_MAX: SimDuration = SimDuration::from_secs(122);
/// The work queue of the kubelet's sync loop is polled this often.
const QUEUE_POLL: SimDuration = SimDuration::from_secs(1);

impl Kubelets {
    /// Has the worker sync at `at`, or right after what it is doing.
    pub(super) fn request_sync<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        at: SimTime,
    ) {
        let record = self.records.get_mut(id);
        if record.due.is_some_and(|due| due <= at) {
            return;
        }
        record.due = Some(at);
        if record.worker == Worker::Idle {
            if let Some(timer) = record.timer.take() {
                env.timers.disarm(timer);
            }
            self.records.get_mut(id).timer = Some(env.timers.at(at, Timer::Sync(id)));
        }
    }

    /// The runtime changed: the worker hears of it at the next relist.
    pub(super) fn relist<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let settings = &env.plan.control_plane;
        let phase = self.machines[self.records.get(id).node].pleg_phase;
        let seen = if settings.pleg_period > SimDuration::ZERO {
            env.now.ceil_to_grid(phase, settings.pleg_period)
        } else {
            env.now
        };
        self.request_sync(env, id, seen + settings.pleg_delay);
    }

    pub(super) fn sync<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        if self.records.get(id).grace_seconds.is_some() {
            self.terminate(env, id);
            return;
        }
        if self.report(env, id).is_terminal() {
            self.terminate(env, id);
            return;
        }
        if !self.volumes_are_there(env, id) {
            return;
        }
        self.records.get_mut(id).probes_from.get_or_insert(env.now);
        let actions = self.actions(&env.plan.templates[self.records.get(id).template], id);
        self.act(env, id, &actions);
    }

    fn actions(&self, template: &PodTemplate, id: RecordId) -> PodActions {
        let record = self.records.get(id);
        let result = |published: Option<bool>| {
            published.map(|success| if success { ProbeResult::Success } else { ProbeResult::Failure })
        };
        let containers: SmallVec<[SyncContainer<'_>; 4]> = template
            .containers
            .iter()
            .enumerate()
            .map(|(index, spec)| {
                let index = u16::try_from(index).expect("few containers");
                let container = self.records.container(id, index);
                // With a new sandbox the runtime forgets the init containers of the one before (purgeInitContainers), so
                // that they run again, each in its turn.
                let purged = spec.role != Role::Main && container.sandbox != record.sandboxes;
                let state = match container.instance {
                    Instance::None => None,
                    Instance::Exited(_) if purged => None,
                    Instance::Running(_) => Some(RuntimeState::Running),
                    Instance::Exited(exit) => Some(RuntimeState::Exited(exit.code)),
                };
                let (startup, liveness) = self.probe_results(id, index);
                let (startup, liveness) = (result(startup), result(liveness));
                SyncContainer {
                    role: spec.role,
                    restart: None,
                    startup_probe: spec.startup_probe.is_some(),
                    runtime: state.map(|state| actions::Instance { state, changed: false, liveness, startup }),
                }
            })
            .collect();
        let sandbox = (record.sandboxes > 0).then(|| Sandbox {
            ready: record.sandbox_ready,
            attempt: u32::from(record.sandboxes - 1),
            has_ip: record.sandbox_ready,
            host_network: template.host_network,
        });
        pod_actions(&SyncInput {
            restart_policy: template.restart_policy,
            deleting: record.grace_seconds.is_some(),
            host_network: template.host_network,
            containers: &containers,
            ephemeral: &[],
            sandboxes: sandbox.as_slice(),
        })
    }

    fn act<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, actions: &PodActions) {
        let bits = actions.start_init.iter().chain(&actions.start).fold(0_u64, |bits, &index| bits | 1 << index);
        let record = self.records.get_mut(id);
        record.to_start = bits;
        if actions.create_sandbox {
            let (workload, ordinal) = (record.workload, u64::from(record.ordinal));
            record.worker = Worker::Sandbox;
            let mut rng = env.draws.workload(workload).latency.at(ordinal, u64::from(record.sandboxes), 0);
            let takes = env.plan.control_plane.sandbox_start.sample(&mut rng);
            self.step(env, id, SimDuration::from_secs_f64(takes));
            return;
        }
        let template = &env.plan.templates[self.records.get(id).template];
        if actions.kill_pod {
            for index in 0..u16::try_from(template.containers.len()).expect("few containers") {
                self.kill_container(env, id, index, None);
            }
        }
        for &(index, reason) in &actions.kill {
            let index = u16::try_from(index).expect("few containers");
            self.kill_container(env, id, index, Some(reason));
        }
        if self.is_killing(template, id) {
            self.records.get_mut(id).worker = Worker::Killing;
        } else {
            self.start_next(env, id);
        }
    }

    /// Whether some process was asked to stop and still runs.
    pub(super) fn is_killing(&self, template: &PodTemplate, id: RecordId) -> bool {
        (0..u16::try_from(template.containers.len()).expect("few containers")).any(|index| {
            let container = self.records.container(id, index);
            container.stopping && container.running().is_some()
        })
    }

    fn step<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, takes: SimDuration) {
        let record = self.records.get_mut(id);
        if let Some(timer) = record.timer.take() {
            env.timers.disarm(timer);
        }
        record.timer = Some(env.timers.after(takes, Timer::Step(id)));
    }

    pub(super) fn step_done<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get_mut(id);
        match record.worker {
            Worker::Sandbox => {
                record.sandbox_ready = true;
                record.sandboxes += 1;
                self.start_next(env, id);
            }
            Worker::Pulling(index) => self.pulled(env, id, index),
            Worker::Starting(index) => {
                record.to_start &= !(1 << index);
                self.records.container_mut(id, index).sandbox = self.records.get(id).sandboxes;
                self.start_process(env, id, index);
                self.relist(env, id);
                self.start_next(env, id);
            }
            Worker::Idle | Worker::Killing | Worker::Terminating | Worker::Finished => {
                unreachable!("no step is under way")
            }
        }
    }

    /// Containers are started one after another; one that cannot be is skipped, a regular init container ends the sync.
    pub(super) fn start_next<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        loop {
            let record = self.records.get(id);
            if record.to_start == 0 {
                self.end_sync(env, id);
                return;
            }
            let index = u16::try_from(record.to_start.trailing_zeros()).expect("fewer than 64 bits");
            match self.prepare(env, id, index) {
                Ok(true) => return,
                Ok(false) => {
                    self.create(env, id, index);
                    return;
                }
                Err(reason) => self.refuse(env, id, index, reason),
            }
        }
    }

    /// Back-off and image: `Ok(true)` if a pull is under way, `Ok(false)` if the container can be created now.
    fn prepare<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) -> Result<bool, StrId> {
        let settings = &env.plan.control_plane;
        let crash_loop = BackOffParams {
            initial: settings.crash_loop_initial.min(settings.crash_loop_max),
            cap: settings.crash_loop_max,
            ..BackOffParams::CRASH_LOOP
        };
        let container = self.records.container_mut(id, index);
        if let Some(exit) = container.exited() {
            if container.back_off.in_back_off(&crash_loop, env.now, exit.finished) {
                return Err(known::CRASH_LOOP_BACK_OFF);
            }
            container.back_off.next(&crash_loop, env.now, exit.finished);
        }
        self.image(env, id, index)?.map_or(Ok(false), |takes| {
            self.records.get_mut(id).worker = Worker::Pulling(index);
            self.step(env, id, takes);
            Ok(true)
        })
    }

    /// How long the image's pull takes from now; `None` if none is needed.
    fn image<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) -> Result<Option<SimDuration>, StrId> {
        let record = self.records.get(id);
        let (pod, node, workload, ordinal) = (record.pod.uid, record.node, record.workload, record.ordinal);
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        let image = &env.plan.images[spec.image];
        let present = self.machines[node].images.binary_search(&spec.image).is_ok();
        match (spec.pull_policy, present) {
            (ImagePullPolicy::IfNotPresent | ImagePullPolicy::Never, true) => return Ok(None),
            (ImagePullPolicy::Never, false) => return Err(known::ERR_IMAGE_NEVER_PULL),
            _ => {}
        }
        let container = self.records.container(id, index);
        let attempt = container.pulls;
        if container.pull_back_off.as_ref().is_some_and(|back_off| back_off.in_back_off(&pull_params(), env.now)) {
            return Err(known::IMAGE_PULL_BACK_OFF);
        }
        let settings = &env.plan.control_plane;
        let address = (u64::from(index) << 32) | u64::from(attempt);
        let mut rng = env.draws.workload(workload).latency.at(u64::from(ordinal), address, 1);
        let mut takes = settings.image_manifest.sample(&mut rng);
        if !present {
            #[allow(clippy::cast_precision_loss)]
            let bytes = image.size_bytes as f64;
            takes += bytes / settings.image_bytes_per_second;
        }
        let machine = &mut self.machines[node];
        let done = machine.pull_free_at.max(env.now) + SimDuration::from_secs_f64(takes);
        machine.pull_free_at = done;
        self.records.container_mut(id, index).pulls += 1;
        env.counters.image_pulls += 1;
        env.fact(|| Fact::ImagePullStarted(pod, index));
        env.pod_event(pod, KubeEvent::Pulling, || format!("Pulling image \"{}\"", env.plan.strings.text(image.name)));
        Ok(Some(done - env.now))
    }

    fn pulled<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let record = self.records.get(id);
        let (pod, node) = (record.pod.uid, record.node);
        let image = env.plan.templates[record.template].containers[usize::from(index)].image;
        let name = env.plan.strings.text(env.plan.images[image].name);
        let fails = self.registry_outages.iter().any(|&prefix| name.starts_with(env.plan.strings.text(prefix)));
        env.fact(|| Fact::ImagePullEnded(pod, index, !fails));
        if fails {
            env.counters.image_pull_failures += 1;
            env.pod_event(pod, KubeEvent::FailedPull, || {
                format!("Failed to pull image \"{name}\": the registry does not answer")
            });
            let back_off = self.records.container_mut(id, index).pull_back_off.get_or_insert_default();
            PullBackOff::next(back_off, &pull_params(), env.now);
            self.refuse(env, id, index, known::ERR_IMAGE_PULL);
            self.start_next(env, id);
            return;
        }
        let images = &mut self.machines[node].images;
        if let Err(at) = images.binary_search(&image) {
            images.insert(at, image);
        }
        env.pod_event(pod, KubeEvent::Pulled, || format!("Successfully pulled image \"{name}\""));
        self.create(env, id, index);
    }

    /// Configuration, then creation and start.
    fn create<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let record = self.records.get(id);
        let (pod, workload, ordinal) = (record.pod.uid, record.workload, record.ordinal);
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        let missing = spec.env.iter().find(|source| !is_there(env, source));
        if let Some(source) = missing {
            let text = missing_text(env, source);
            env.pod_event(pod, KubeEvent::Failed, || format!("Error: {text}"));
            self.refuse(env, id, index, known::CREATE_CONTAINER_CONFIG_ERROR);
            self.start_next(env, id);
            return;
        }
        self.records.get_mut(id).worker = Worker::Starting(index);
        let restart = self.records.container(id, index).restarts;
        let address = (u64::from(index) << 32) | u64::from(restart);
        let mut rng = env.draws.workload(workload).latency.at(u64::from(ordinal), address, 2);
        let takes = env.plan.control_plane.container_start.sample(&mut rng);
        env.pod_event(pod, KubeEvent::Created, || format!("Created container: {}", env.plan.strings.text(spec.name)));
        self.step(env, id, SimDuration::from_secs_f64(takes));
    }

    /// The container cannot be started now.
    fn refuse<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        reason: StrId,
    ) {
        let record = self.records.get_mut(id);
        record.to_start &= !(1 << index);
        record.failed_sync = true;
        let pod = record.pod.uid;
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        if spec.role == Role::Init {
            self.records.get_mut(id).to_start = 0;
        }
        let container = self.records.container_mut(id, index);
        container.start_error = reason;
        let (news, back_off) = (container.shown != reason, container.back_off);
        if !news {
            return;
        }
        self.show(env, id, index, ContainerState::Waiting { reason });
        let (name, image) = (env.plan.strings.text(spec.name), env.plan.strings.text(env.plan.images[spec.image].name));
        if reason == known::CRASH_LOOP_BACK_OFF {
            let wait = back_off.current();
            env.pod_event(pod, KubeEvent::BackOff, || {
                format!("Back-off restarting failed container {name} (back-off {wait})")
            });
        } else if reason == known::IMAGE_PULL_BACK_OFF {
            env.pod_event(pod, KubeEvent::BackOffPull, || format!("Back-off pulling image \"{image}\""));
        }
    }

    pub(super) fn end_sync<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get_mut(id);
        record.worker = Worker::Idle;
        let due = record.due.take();
        let failed = std::mem::take(&mut record.failed_sync);
        if let Some(due) = due {
            self.request_sync(env, id, due.max(env.now));
        }
        if failed {
            let record = self.records.get_mut(id);
            record.retries += 1;
            let (workload, ordinal, retries) = (record.workload, record.ordinal, record.retries);
            let (node, settings) = (record.node, &env.plan.control_plane);
            let jitter = env.draws.workload(workload).jitter.unit(u64::from(ordinal), u64::from(retries), 0);
            let wait = settings.sync_retry.as_secs_f64() * (1.0 + settings.retry_jitter * jitter);
            let due = env.now + SimDuration::from_secs_f64(wait);
            let polled = due.ceil_to_grid(self.machines[node].pleg_phase, QUEUE_POLL);
            self.request_sync(env, id, polled);
        }
    }

    /// Whether every volume can be mounted; if not, waits for what is missing.
    fn volumes_are_there<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let record = self.records.get(id);
        let pod = record.pod.uid;
        let template = &env.plan.templates[record.template];
        let missing = template.volumes.iter().find_map(|volume| match &volume.source {
            VolumeSource::Config(refs) => refs.iter().find(|r| !is_there(env, r)).map(|r| (volume.name, r)),
            _ => None,
        });
        let Some((volume, missing)) = missing else {
            self.records.get_mut(id).mount_failing_since = None;
            return true;
        };
        if self.records.get(id).mount_failing_since.is_none() {
            self.records.get_mut(id).mount_failing_since = Some(env.now);
            self.mount_waiters.push(id);
            let text = missing_text(env, missing);
            env.pod_event(pod, KubeEvent::FailedMount, || {
                let volume = env.plan.strings.text(volume);
                format!("MountVolume.SetUp failed for volume \"{volume}\" : {text}")
            });
        }
        false
    }

    /// A ConfigMap or Secret changed: pods that wait for one find it at the next retry of their mounts.
    pub(super) fn retry_mounts<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for id in std::mem::take(&mut self.mount_waiters) {
            let record = self.records.get(id);
            let template = &env.plan.templates[record.template];
            let ready = template.volumes.iter().all(|volume| match &volume.source {
                VolumeSource::Config(refs) => refs.iter().all(|r| is_there(env, r)),
                _ => true,
            });
            let Some(since) = record.mount_failing_since.filter(|_| ready) else {
                self.mount_waiters.push(id);
                continue;
            };
            let (mut retry, mut wait) = (since + MOUNT_RETRY, MOUNT_RETRY);
            while retry < env.now {
                wait = (wait * 2).min(MOUNT_RETRY_MAX);
                retry += wait;
            }
            self.request_sync(env, id, retry);
        }
    }
}

fn pull_params() -> BackOffParams {
    BackOffParams::new(SimDuration::from_secs(10), SimDuration::from_secs(300))
}

/// Whether a reference to a ConfigMap or Secret can be followed now.
fn is_there<T, R>(env: &Env<'_, T, R>, reference: &crate::model::ConfigRef) -> bool {
    reference.optional
        || env.cluster.config(reference.config).is_some_and(|keys| reference.keys.iter().all(|key| keys.contains(key)))
}

/// Upstream's text for a reference that leads nowhere.
fn missing_text<T, R>(env: &Env<'_, T, R>, reference: &crate::model::ConfigRef) -> String {
    let object = &env.plan.configs[reference.config];
    let strings = &env.plan.strings;
    let (kind, title) = match object.kind {
        crate::model::ConfigKind::ConfigMap => ("configmap", "ConfigMap"),
        crate::model::ConfigKind::Secret => ("secret", "Secret"),
    };
    let name = strings.text(object.name);
    let keys = env.cluster.config(reference.config);
    match keys.and_then(|keys| reference.keys.iter().find(|key| !keys.contains(key))) {
        Some(&key) => {
            let namespace = strings.text(object.namespace);
            format!("couldn't find key {} in {title} {namespace}/{name}", strings.text(key))
        }
        None => format!("{kind} \"{name}\" not found"),
    }
}
