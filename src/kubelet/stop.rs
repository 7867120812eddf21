//! Stopping: single containers of a pod that goes on, whole pods, and pods that the kubelet itself ends. Mirrors
//! pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer) and pod_workers.go, v1.34 (spec 2.11).

use smallvec::SmallVec;

use super::actions::KillReason;
use super::kubelet::{Kubelets, Timer};
use super::process::SIGKILL_EXIT;
use super::runtime::{Kill, KillStage, RecordId, Worker};
use super::storage::{self, LocalLimit};
use super::termination::{self, KillGrace};
use crate::base::quantity::Format;
use crate::base::{Quantity, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{Role, StrId};
use crate::record::{Fact, KubeEvent, Recorder};

/// The eviction manager looks this often, at statistics that are at most [`STATS_PERIOD`] old (spec 3.2).
const EVICTION_PERIOD: SimDuration = SimDuration::from_secs(10);
const STATS_PERIOD: SimDuration = SimDuration::from_secs(60);
/// The grace of a pod that exceeds a limit of local storage.
const LOCAL_STORAGE_GRACE: i64 = 1;

impl Kubelets {
    /// Asks a running container to stop, for `reason` or with its pod.
    pub(super) fn kill_container<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        reason: Option<KillReason>,
    ) {
        let record = self.records.get(id);
        let template = &env.plan.templates[record.template];
        let spec = &template.containers[usize::from(index)];
        let grace = match record.grace_seconds {
            Some(grace) => i64::from(grace) - (env.now - record.terminating_since).whole_secs(),
            None => KillGrace {
                deletion: None,
                spec: Some(template.grace_period_seconds),
                liveness: spec.liveness_probe.and_then(|probe| probe.grace_period_seconds),
                startup: spec.startup_probe.and_then(|probe| probe.grace_period_seconds),
            }
            .for_container(reason),
        };
        let container = self.records.container(id, index);
        if container.running().is_some() && !container.is_asked() {
            self.begin_kill(env, id, index, (grace, false), reason);
        }
    }

    /// Asks every running container of a pod to stop, which the kubelet does not end for good.
    pub(super) fn kill_containers_of<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let template = &env.plan.templates[self.records.get(id).template];
        let spec = Some(template.grace_period_seconds);
        let grace = KillGrace { spec, ..KillGrace::default() }.for_container(None);
        for index in 0..u16::try_from(template.containers.len()).expect("few containers") {
            let container = self.records.container(id, index);
            if container.running().is_some() && !container.is_asked() {
                self.begin_kill(env, id, index, (grace, true), None);
            }
        }
        self.take_turns(env, id);
    }

    /// A container's kill begins: its preStop hook comes first, if there is time for it. `in_turn`: sidecars wait for
    /// the others.
    fn begin_kill<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        (grace, in_turn): (i64, bool),
        reason: Option<KillReason>,
    ) {
        let record = self.records.get(id);
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        env.pod_event(record.pod.uid, KubeEvent::Killing, || {
            let name = env.plan.strings.text(spec.name);
            match reason {
                Some(KillReason::Liveness) => format!("Container {name} failed liveness probe, will be restarted"),
                Some(KillReason::Startup) => format!("Container {name} failed startup probe, will be restarted"),
                Some(KillReason::Changed) => format!("Container {name} resize requires restart"),
                Some(KillReason::PostStart) => "FailedPostStartHook".to_owned(),
                _ => format!("Stopping container {name}"),
            }
        });
        let pod = record.pod.uid;
        env.fact(|| Fact::ContainerStopping(pod, index));
        let hook = spec.pre_stop.filter(|_| grace > 0);
        let stage = if hook.is_some() { KillStage::Hook } else { KillStage::Turn };
        let container = self.records.container_mut(id, index);
        container.kill = Some(Box::new(Kill { stage, left: grace, since: env.now, in_turn, abandoned: false }));
        match hook {
            Some(hook) => self.begin_pre_stop(env, id, index, hook),
            None if in_turn => {}
            None => self.signal(env, id, index),
        }
    }

    /// The preStop hook of a container is over: what is left of the grace is for its turn and for itself.
    pub(super) fn leave_hook<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let container = self.records.container_mut(id, index);
        if let Some(timer) = container.grace_timer.take() {
            env.timers.disarm(timer);
        }
        let container = self.records.container_mut(id, index);
        let runs = container.running().is_some();
        let Some(kill) = container.kill.as_deref_mut() else { return };
        kill.left = termination::grace_left(kill.left, env.now - kill.since);
        (kill.stage, kill.since) = (KillStage::Turn, env.now);
        let in_turn = kill.in_turn;
        if !runs {
            container.kill = None;
            self.after_exit(env, id);
        } else if in_turn {
            self.take_turns(env, id);
        } else {
            self.signal(env, id, index);
        }
    }

    /// What is left of the grace is the time between SIGTERM and SIGKILL.
    fn signal<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let container = self.records.container_mut(id, index);
        let timer = container.grace_timer.take();
        let Some(kill) = container.kill.as_deref_mut() else { return };
        kill.left = termination::grace_left(kill.left, env.now - kill.since);
        (kill.stage, kill.since) = (KillStage::Signalled, env.now);
        let patience = termination::kill_after(kill.left);
        if let Some(timer) = timer {
            env.timers.disarm(timer);
        }
        self.terminate_process(env, id, index, patience);
    }

    /// Of the containers that wait for their turn those go on whose turn it is, or who have no time to wait.
    fn take_turns<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let template = &env.plan.templates[self.records.get(id).template];
        let roles: SmallVec<[Role; 4]> = template.containers.iter().map(|spec| spec.role).collect();
        for index in 0..roles.len() {
            let number = u16::try_from(index).expect("few containers");
            let container = self.records.container(id, number);
            let Some(kill) = container.kill.as_deref() else { continue };
            if kill.stage != KillStage::Turn || container.running().is_none() {
                continue;
            }
            let left = kill.left;
            let runs = |other: usize| {
                let other = self.records.container(id, u16::try_from(other).expect("few containers"));
                other.running().is_some() || other.is_hooked()
            };
            if left <= 0 || termination::is_turn(index, &roles, runs) {
                self.signal(env, id, number);
            } else if self.records.container(id, number).grace_timer.is_none() {
                let timer = Timer::GraceOver { record: id, container: number };
                let timer = env.timers.after(SimDuration::from_secs(left), timer);
                self.records.container_mut(id, number).grace_timer = Some(timer);
            }
        }
    }

    /// SIGTERM now, SIGKILL after `patience`.
    fn terminate_process<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        patience: SimDuration,
    ) {
        let behavior = super::process::behavior(env.plan, self.records.get(id).template, index);
        let obeys = behavior.on_terminate.after_seconds.map(SimDuration::from_secs_f64);
        let (after, code) = match obeys.filter(|after| *after < patience) {
            Some(after) => (after, behavior.on_terminate.exit_code),
            None => (patience, SIGKILL_EXIT),
        };
        let container = self.records.container_mut(id, index);
        container.stopping = true;
        // A process that is about to end by itself may be faster.
        if container.exit_timer.is_none() || container.exit_at > env.now + after {
            self.end_at(env, id, index, env.now + after, code, super::process::reason_of(code));
        }
    }

    /// Deletion was requested with this grace; a second request can only shorten it.
    pub(super) fn delete<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        grace_seconds: u32,
    ) {
        let record = self.records.get_mut(id);
        let spec = env.plan.templates[record.template].grace_period_seconds;
        // A pod that is stopping for another reason has a grace already.
        let stopping = if record.worker == Worker::Terminating { record.stop_grace_seconds } else { 0 };
        let previous = i64::from(record.grace_seconds.unwrap_or(stopping));
        let grace = termination::pod_effective_grace(previous, Some(i64::from(grace_seconds)), None, Some(spec));
        record.grace_seconds = Some(u32::try_from(grace).unwrap_or(u32::MAX));
        let (worker, node) = (record.worker, record.node);
        if !self.machines[node].up {
            return;
        }
        if worker != Worker::Terminating {
            self.terminate(env, id);
        } else if grace < previous {
            self.hurry(env, id, grace);
        }
    }

    /// The grace became shorter while the pod was stopping: it is asked again, and the new grace runs from now.
    fn hurry<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, grace: i64) {
        self.records.get_mut(id).terminating_since = env.now;
        self.take_back(env, id);
        self.kill_the_asked(env, id, grace);
        self.stop_in_turn(env, id);
    }

    /// Kills that have not come to SIGTERM yet begin anew.
    fn take_back<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let count = env.plan.templates[self.records.get(id).template].containers.len();
        for index in 0..u16::try_from(count).expect("few containers") {
            let kill = self.records.container(id, index).kill.as_deref();
            if kill.is_some_and(|kill| kill.stage != KillStage::Signalled) {
                self.drop_kill(env, id, index);
            }
        }
    }

    /// Nothing is left to do to stop a container.
    pub(super) fn drop_kill<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let container = self.records.container_mut(id, index);
        container.kill = None;
        if let Some(timer) = container.grace_timer.take() {
            env.timers.disarm(timer);
        }
    }

    /// Containers that were asked to stop before, with more patience, are given this grace from now.
    fn kill_the_asked<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, grace: i64) {
        let latest = env.now + termination::kill_after(grace);
        let count = env.plan.templates[self.records.get(id).template].containers.len();
        for index in 0..u16::try_from(count).expect("few containers") {
            let container = self.records.container(id, index);
            if container.running().is_some() && container.stopping && container.exit_at > latest {
                self.end_at(env, id, index, latest, SIGKILL_EXIT, known::ERROR);
            }
        }
    }

    /// The kubelet itself ends the pod.
    pub(super) fn kill_pod<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        reason: StrId,
    ) {
        let record = self.records.get_mut(id);
        record.deadline = None;
        if matches!(record.worker, Worker::Terminating | Worker::Finished) {
            return;
        }
        record.kill_reason = reason;
        record.kill_grace = (reason == known::EVICTED).then_some(LOCAL_STORAGE_GRACE);
        let pod = record.pod.uid;
        if reason == known::DEADLINE_EXCEEDED {
            env.pod_event(pod, KubeEvent::DeadlineExceeded, || {
                "Pod was active on the node longer than the specified deadline".to_owned()
            });
        }
        self.terminate(env, id);
    }

    /// The kubelet ends the pod for the sake of others, with at most so many seconds of grace; the API hears of it at once.
    pub(super) fn kill_pod_now<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        reason: StrId,
        grace: Option<i64>,
    ) {
        let record = self.records.get_mut(id);
        (record.kill_reason, record.kill_grace, record.disrupted) = (reason, grace, true);
        self.report(env, id);
        self.terminate(env, id);
    }

    /// Stops everything that runs in the pod, each container in its turn.
    pub(super) fn terminate<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get_mut(id);
        if let Some(timer) = record.timer.take() {
            env.timers.disarm(timer);
        }
        let record = self.records.get_mut(id);
        (record.due, record.to_start) = (None, 0);
        if record.worker != Worker::Terminating {
            record.worker = Worker::Terminating;
            record.terminating_since = env.now;
        }
        let template = &env.plan.templates[record.template];
        for index in 0..u16::try_from(template.containers.len()).expect("few containers") {
            self.hold_probes(env, id, index);
        }
        let record = self.records.get_mut(id);
        if record.grace_seconds.is_none() {
            let request = record.kill_grace;
            let grace = termination::pod_effective_grace(0, None, request, Some(template.grace_period_seconds));
            record.stop_grace_seconds = u32::try_from(grace).unwrap_or(u32::MAX);
        }
        let record = self.records.get(id);
        let grace = record.grace_seconds.unwrap_or(record.stop_grace_seconds);
        // One that its probe had killed a moment ago may have been given longer.
        self.take_back(env, id);
        self.kill_the_asked(env, id, i64::from(grace));
        self.stop_in_turn(env, id);
    }

    /// Asks the containers to stop that were not asked yet, and goes on with those whose turn it is; when nothing runs, the
    /// pod is over.
    pub(super) fn stop_in_turn<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get(id);
        let grace = i64::from(record.grace_seconds.unwrap_or(record.stop_grace_seconds));
        let count = env.plan.templates[record.template].containers.len();
        let mut runs = false;
        for index in 0..u16::try_from(count).expect("few containers") {
            let container = self.records.container(id, index);
            runs |= container.running().is_some() || container.is_hooked();
            if container.running().is_some() && !container.is_asked() {
                self.begin_kill(env, id, index, (grace, true), None);
            }
        }
        if runs {
            self.take_turns(env, id);
        } else {
            self.finish(env, id);
        }
    }

    /// A preStop hook is over, or a sidecar that waits for its turn has waited for the whole grace.
    pub(super) fn grace_over<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let container = self.records.container_mut(id, index);
        container.grace_timer = None;
        match container.kill.as_deref().map(|kill| kill.stage) {
            Some(KillStage::Hook) => self.pre_stop_over(env, id, index),
            Some(KillStage::Turn) => self.signal(env, id, index),
            Some(KillStage::Signalled) | None => {}
        }
    }

    /// A process ended: the worker goes on with what it was waiting for, or hears of it at the next relist.
    pub(super) fn after_exit<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let template = &env.plan.templates[self.records.get(id).template];
        match self.records.get(id).worker {
            Worker::Terminating => self.stop_in_turn(env, id),
            Worker::Killing if !self.is_killing(template, id) => {
                self.relist(env, id);
                self.start_next(env, id);
            }
            Worker::Killing => {
                self.take_turns(env, id);
                self.relist(env, id);
            }
            Worker::Undoing(index) if !self.records.container(id, index).is_asked() => self.undone(env, id, index),
            _ => self.relist(env, id),
        }
    }

    /// Nothing runs any more: the last status goes out, then the object goes if its deletion was requested.
    fn finish<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get_mut(id);
        record.worker = Worker::Finished;
        record.sandbox_ready = false;
        let (pod, deleted, orphan) = (record.pod, record.grace_seconds.is_some(), record.orphan);
        self.report(env, id);
        if deleted && !orphan {
            self.request_removal(env, pod);
        }
        self.forget(env, id);
    }

    /// The pod will exceed the size limit of an emptyDir at `at`: the eviction manager sees it a little later.
    pub(super) fn arm_local_storage_eviction<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        at: SimTime,
    ) {
        // Statistics have each pod's own phase, the eviction manager that of the kubelet.
        let record = self.records.get(id);
        let measured = at.max(env.now).ceil_to_grid(record.started_at, STATS_PERIOD);
        let seen = measured.ceil_to_grid(self.machines[record.node].lease_phase, EVICTION_PERIOD);
        if let Some(timer) = self.records.get_mut(id).storage_timer.take() {
            env.timers.disarm(timer);
        }
        self.records.get_mut(id).storage_timer = Some(env.timers.at(seen, Timer::LocalStorage(id)));
    }

    /// The eviction manager looks at the pod's volumes.
    pub(super) fn local_storage_pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let now = env.now;
        let record = self.records.get_mut(id);
        record.storage_timer = None;
        let template = &env.plan.templates[record.template];
        let Some(storage) = record.storage.as_ref() else { return };
        let exceeds = |limit: &LocalLimit| storage.counted(now, template, *limit).0 > limit.bytes();
        let Some(exceeded) = storage::local_limits(template).find(exceeds) else { return };
        if matches!(self.records.get(id).worker, Worker::Terminating | Worker::Finished) {
            return;
        }
        let pod = self.records.get(id).pod.uid;
        env.pod_event(pod, KubeEvent::Evicted, || {
            let amount = |limit| Quantity::new(limit, Format::BinarySi);
            let text = |id| env.plan.strings.text(id);
            match exceeded {
                LocalLimit::EmptyDir(volume, limit) => {
                    let name = text(template.volumes[usize::from(volume)].name);
                    format!("Usage of EmptyDir volume \"{name}\" exceeds the limit \"{}\".", amount(limit))
                }
                LocalLimit::Pod(limit) => {
                    let limit = amount(limit);
                    format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. ")
                }
                LocalLimit::Container(container, limit) => {
                    let name = text(template.containers[usize::from(container)].name);
                    let limit = amount(limit);
                    format!("Container {name} exceeded its local ephemeral storage limit \"{limit}\". ")
                }
            }
        });
        self.kill_pod(env, id, known::EVICTED);
    }
}
