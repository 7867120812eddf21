//! The pod worker: one sync at a time, one step after another (sandbox, pulls, starts). Mirrors pkg/kubelet/pod_workers.go
//! and kuberuntime/kuberuntime_manager.go (SyncPod), v1.34 (spec 2.1 to 2.5).

use smallvec::SmallVec;

use super::actions::{self, PodActions, ProbeResult, SyncContainer, SyncInput, pod_actions};
use super::backoff::BackOffParams;
use super::containers::{OwnRestart, RuntimeState};
use super::kubelet::{Kubelets, Timer};
use super::mounts::{is_there, missing_text};
use super::repeats::tell;
use super::report::sandbox_of;
use super::runtime::{Instance, RecordId, Worker};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{ContainerSpec, ContainerState, PodTemplate, Role, StartFailure, StartStep, StrId, WorkloadId};
use crate::record::{KubeEvent, Recorder, Subject};

/// The work queue of the kubelet's sync loop is polled this often.
pub(super) const QUEUE_POLL: SimDuration = SimDuration::from_secs(1);

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
            record.asked = env.now;
            if let Some(quiet) = &mut record.quiet {
                quiet.set_next(at);
                return;
            }
            if let Some(timer) = record.timer.take() {
                env.timers.disarm(timer);
            }
            self.records.get_mut(id).timer = Some(env.timers.at(at, Timer::Sync(id)));
        }
    }

    /// The runtime changed: the worker hears of it at the next relist.
    pub(super) fn relist<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let seen = self.machines[self.records.get(id).node].seen_at(&env.plan.control_plane, env.now);
        self.request_sync(env, id, seen);
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
        if self.mount(env, id) {
            self.volumes_mounted(env, id);
        }
    }

    /// The sync goes on: probe workers, then the runtime.
    pub(super) fn volumes_mounted<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        self.records.get_mut(id).probes_from.get_or_insert(env.now);
        self.actuate_resize(env, id);
        let actions = self.actions(&env.plan.templates[self.records.get(id).template], id);
        self.act(env, id, &actions);
    }

    fn actions(&self, template: &PodTemplate, id: RecordId) -> PodActions {
        let record = self.records.get(id);
        let sandbox = sandbox_of(template, record);
        let input = |containers: &[SyncContainer<'_>]| {
            pod_actions(&SyncInput {
                restart_policy: template.restart_policy,
                deleting: record.grace_seconds.is_some(),
                host_network: template.host_network,
                containers,
                ephemeral: &[],
                sandboxes: sandbox.as_slice(),
            })
        };
        if let [spec] = &*template.containers {
            return input(&[self.sync_container(spec, id, 0)]);
        }
        let containers: SmallVec<[SyncContainer<'_>; 4]> =
            (0..).zip(&template.containers).map(|(index, spec)| self.sync_container(spec, id, index)).collect();
        input(&containers)
    }

    /// A container as a sync sees it.
    fn sync_container<'a>(&self, spec: &'a ContainerSpec, id: RecordId, index: u16) -> SyncContainer<'a> {
        let container = self.records.container(id, index);
        let state = match container.instance {
            Instance::None | Instance::Purged(_) => None,
            Instance::Running(_) => Some(RuntimeState::Running),
            Instance::Exited(exit) => Some(RuntimeState::Exited(exit.code)),
        };
        let result = |published: Option<bool>| {
            published.map(|success| if success { ProbeResult::Success } else { ProbeResult::Failure })
        };
        let changed = container.resize_restart;
        let (startup, liveness) = self.probe_results(id, index);
        let (startup, liveness) = (result(startup), result(liveness));
        SyncContainer {
            role: spec.role,
            restart: OwnRestart::of(spec),
            startup_probe: spec.startup_probe.is_some(),
            runtime: state.map(|state| actions::Instance { state, changed, liveness, startup }),
        }
    }

    fn act<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, actions: &PodActions) {
        let bits = actions.start_init.iter().chain(&actions.start).fold(0_u64, |bits, &index| bits | 1 << index);
        let record = self.records.get_mut(id);
        record.to_start = bits;
        if actions.create_sandbox {
            let (workload, ordinal) = (record.workload, u64::from(record.ordinal));
            record.worker = Worker::Sandbox;
            let template = &env.plan.templates[record.template];
            self.purge_init_containers(template, id);
            let record = self.records.get(id);
            let takes = sandbox_takes(env, workload, ordinal, record.sandboxes);
            if !self.go_quiet(env, id, takes) {
                self.step(env, id, takes);
            }
            return;
        }
        let template = &env.plan.templates[self.records.get(id).template];
        if actions.kill_pod {
            self.kill_containers_of(env, id);
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

    /// Whether some container was asked to stop and has not.
    pub(super) fn is_killing(&self, template: &PodTemplate, id: RecordId) -> bool {
        (0..u16::try_from(template.containers.len()).expect("few containers"))
            .any(|index| self.records.container(id, index).is_asked())
    }

    /// A new sandbox starts over: the runtime forgets what init containers and sidecars did in the old one.
    fn purge_init_containers(&mut self, template: &PodTemplate, id: RecordId) {
        for index in 0..u16::try_from(template.init_count()).expect("few containers") {
            let container = self.records.container_mut(id, index);
            if let Instance::Exited(exit) = container.instance {
                container.instance = Instance::Purged(exit);
            }
        }
    }

    pub(super) fn step<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        takes: SimDuration,
    ) {
        let record = self.records.get_mut(id);
        if let Some(quiet) = &mut record.quiet {
            quiet.set_next(env.now + takes);
            return;
        }
        if let Some(timer) = record.timer.take() {
            env.timers.disarm(timer);
        }
        record.timer = Some(env.timers.after(takes, Timer::Step(id)));
    }

    pub(super) fn step_done<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let worker = self.records.get(id).worker;
        match worker {
            Worker::Sandbox if self.sandbox_fails(env, id) => self.end_sync(env, id),
            Worker::Sandbox => {
                let record = self.records.get_mut(id);
                record.sandbox_ready = true;
                record.sandboxes += 1;
                self.start_next(env, id);
            }
            Worker::Mounting => self.mounts_done(env, id),
            Worker::Pulling(index) => self.pulled(env, id, index),
            Worker::Starting(index) => {
                self.records.get_mut(id).to_start &= !(1 << index);
                self.records.container_mut(id, index).sandbox = self.records.get(id).sandboxes;
                self.started(env, id, index);
            }
            Worker::PostStart(index) => self.post_start_over(env, id, index),
            Worker::Idle | Worker::Killing | Worker::Undoing(_) | Worker::Terminating | Worker::Finished => {
                unreachable!("no step is under way")
            }
        }
    }

    /// Whether this attempt of a container is one of those that its behavior makes fail.
    fn is_among(&self, id: RecordId, index: u16, failure: &StartFailure) -> bool {
        failure.times.is_none_or(|times| self.records.container(id, index).attempts < times)
    }

    /// The runtime is done with the sandbox: whether it could not create it. Containers show nothing of that; the sync is
    /// retried as any other that failed.
    fn sandbox_fails<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let record = self.records.get(id);
        let (pod, containers) = (record.pod.uid, &env.plan.templates[record.template].containers);
        let failing = (0..).zip(containers).find(|&(index, spec)| {
            let failure = env.plan.behaviors[spec.behavior].start_fails;
            failure.is_some_and(|failure| failure.step == StartStep::Sandbox && self.is_among(id, index, &failure))
        });
        let Some((index, _)) = failing else { return false };
        let attempts = &mut self.records.container_mut(id, index).attempts;
        *attempts += 1;
        let again = *attempts > 1;
        self.records.get_mut(id).failed_sync = true;
        let text =
            || "Failed to create pod sandbox: rpc error: code = Unknown desc = the runtime cannot create it".to_owned();
        if again {
            env.repeat(env.now, Subject::Pod(pod), KubeEvent::FailedCreatePodSandBox, text);
        } else {
            env.pod_event(pod, KubeEvent::FailedCreatePodSandBox, text);
        }
        true
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
        let crash_loop = BackOffParams::crash_loop(settings.crash_loop_initial, settings.crash_loop_max);
        let container = self.records.container_mut(id, index);
        // A sync knows the runtime as it was at its beginning: of an instance that it has just killed it does not know the
        // end yet, so the end of the one before counts (doBackOff).
        let latest = if container.stopping { container.previous } else { container.exited() };
        if let Some(exit) = latest {
            if container.back_off.in_back_off(&crash_loop, env.now, exit.finished) {
                return Err(known::CRASH_LOOP_BACK_OFF);
            }
            container.back_off.next(&crash_loop, env.now, exit.finished);
        }
        self.ensure_image(env, id, index)
    }

    /// Configuration, then creation and start.
    pub(super) fn create<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let record = self.records.get(id);
        let pod = record.pod.uid;
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        let missing = spec.env.iter().find(|source| !is_there(env, source));
        if let Some(source) = missing {
            let again = self.records.container(id, index).shown == known::CREATE_CONTAINER_CONFIG_ERROR;
            let text = if again && !R::REPEATS { String::new() } else { missing_text(env, source) };
            tell(env, again, (pod, index), KubeEvent::Failed, || format!("Error: {text}"));
            self.refuse(env, id, index, known::CREATE_CONTAINER_CONFIG_ERROR);
            self.start_next(env, id);
            return;
        }
        let failure = env.plan.behaviors[spec.behavior].start_fails;
        let failure = failure.filter(|failure| failure.step != StartStep::Sandbox && self.is_among(id, index, failure));
        self.records.container_mut(id, index).attempts += u32::from(failure.is_some());
        match failure.map(|failure| failure.step) {
            Some(step @ (StartStep::Config | StartStep::Create)) => {
                let reason = match step {
                    StartStep::Config => known::CREATE_CONTAINER_CONFIG_ERROR,
                    _ => known::CREATE_CONTAINER_ERROR,
                };
                if self.records.container(id, index).shown != reason {
                    let text = if step == StartStep::Create {
                        "Error: the runtime cannot create the container"
                    } else {
                        "Error: the container's configuration cannot be made"
                    };
                    env.pod_event(pod, KubeEvent::Failed, || text.to_owned());
                }
                self.refuse(env, id, index, reason);
                self.start_next(env, id);
                return;
            }
            Some(_) => self.records.container_mut(id, index).start_fails = true,
            None => {}
        }
        self.records.get_mut(id).worker = Worker::Starting(index);
        let takes = self.start_takes(env, id, index);
        env.container_event(pod, index, KubeEvent::Created, || {
            format!("Created container: {}", env.plan.strings.text(spec.name))
        });
        self.step(env, id, takes);
    }

    /// How long the creation and the start of a container take.
    pub(super) fn start_takes<T, R>(&self, env: &Env<'_, T, R>, id: RecordId, index: u16) -> SimDuration {
        let (record, restart) = (self.records.get(id), self.records.container(id, index).restarts);
        let address = (u64::from(index) << 32) | u64::from(restart);
        let mut rng = env.draws.workload(record.workload).latency.at(u64::from(record.ordinal), address, 2);
        SimDuration::from_secs_f64(env.plan.control_plane.container_start.sample(&mut rng))
    }

    /// A container was created and is started now, or cannot be.
    fn started<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        if std::mem::take(&mut self.records.container_mut(id, index).start_fails) {
            self.fail_start(env, id, index);
            self.relist(env, id);
            self.refuse(env, id, index, known::RUN_CONTAINER_ERROR);
            self.start_next(env, id);
            return;
        }
        let serves = self.start_process(env, id, index);
        self.relist(env, id);
        if !self.post_start(env, id, index) {
            self.start_next(env, id);
        }
        if serves {
            self.serve(env, id, index);
        }
    }

    /// The container cannot be started now.
    pub(super) fn refuse<T: Timers<Timer>, R: Recorder>(
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
        container.stopping = false;
        let again = container.shown == reason;
        if !again {
            self.show(env, id, index, ContainerState::Waiting { reason });
        }
        let (plan, record) = (env.plan, self.records.get(id));
        let (name, image) = (plan.strings.text(spec.name), plan.strings.text(plan.images[spec.image].name));
        match reason {
            known::CRASH_LOOP_BACK_OFF => tell(env, again, (pod, index), KubeEvent::BackOff, || {
                let owner = &plan.workloads[record.workload];
                let namespace = plan.strings.text(owner.namespace);
                let pod_name = plan.pod_name(record.workload, record.template, record.ordinal);
                format!("Back-off restarting failed container {name} in pod {pod_name}_{namespace}({})", pod.uuid())
            }),
            known::CREATE_CONTAINER_CONFIG_ERROR | known::CREATE_CONTAINER_ERROR | known::POST_START_HOOK_ERROR => {}
            known::RUN_CONTAINER_ERROR => {
                env.pod_event(pod, KubeEvent::Failed, || "Error: the runtime cannot start the container".to_owned())
            }
            reason => {
                match reason {
                    known::IMAGE_PULL_BACK_OFF => {
                        tell(env, again, (pod, index), KubeEvent::BackOffPull, || {
                            format!("Back-off pulling image \"{image}\"")
                        });
                    }
                    known::ERR_IMAGE_NEVER_PULL => tell(env, again, (pod, index), KubeEvent::ErrImageNeverPull, || {
                        format!("Container image \"{image}\" is not present with pull policy of Never")
                    }),
                    _ => {}
                }
                tell(env, again, (pod, index), KubeEvent::Failed, || format!("Error: {}", plan.strings.text(reason)));
            }
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
}

/// How long the creation of a pod's sandbox number `sandbox` takes.
pub(super) fn sandbox_takes<T, R>(
    env: &Env<'_, T, R>,
    workload: WorkloadId,
    ordinal: u64,
    sandbox: u16,
) -> SimDuration {
    let mut rng = env.draws.workload(workload).latency.at(ordinal, u64::from(sandbox), 0);
    SimDuration::from_secs_f64(env.plan.control_plane.sandbox_start.sample(&mut rng))
}
