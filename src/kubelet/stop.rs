//! Stopping: single containers of a pod that goes on, whole pods, and pods that the kubelet itself ends. Mirrors
//! pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer) and pod_workers.go, v1.34 (spec 2.11).

use smallvec::SmallVec;

use super::actions::KillReason;
use super::kubelet::{Kubelets, Timer};
use super::process::SIGKILL_EXIT;
use super::runtime::{RecordId, Worker};
use super::storage::{self, LocalLimit};
use super::termination::{self, KillGrace};
use crate::base::quantity::Format;
use crate::base::{Quantity, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{Role, StrId};
use crate::record::{KubeEvent, Recorder};

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
        let pod = record.pod.uid;
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
        if container.running().is_none() || container.stopping {
            return;
        }
        env.pod_event(pod, KubeEvent::Killing, || {
            let name = env.plan.strings.text(spec.name);
            match reason {
                Some(KillReason::Liveness) => format!("Container {name} failed liveness probe, will be restarted"),
                Some(KillReason::Startup) => format!("Container {name} failed startup probe, will be restarted"),
                _ => format!("Stopping container {name}"),
            }
        });
        self.terminate_process(env, id, index, termination::kill_after(grace));
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
        let record = self.records.get_mut(id);
        record.terminating_since = env.now;
        let count = env.plan.templates[record.template].containers.len();
        for index in 0..u16::try_from(count).expect("few containers") {
            if let Some(timer) = self.records.container_mut(id, index).grace_timer.take() {
                env.timers.disarm(timer);
            }
        }
        self.kill_the_asked(env, id, grace);
        self.stop_in_turn(env, id);
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
        self.kill_the_asked(env, id, i64::from(grace));
        self.stop_in_turn(env, id);
    }

    /// Stops the containers whose turn it is; when nothing runs, the pod is over.
    pub(super) fn stop_in_turn<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get(id);
        let template = &env.plan.templates[record.template];
        let grace = i64::from(record.grace_seconds.unwrap_or(record.stop_grace_seconds));
        let since = record.terminating_since;
        if !self.runs(template, id) {
            self.finish(env, id);
            return;
        }
        let roles: SmallVec<[Role; 4]> = template.containers.iter().map(|spec| spec.role).collect();
        for index in 0..roles.len() {
            let number = u16::try_from(index).expect("few containers");
            let container = self.records.container(id, number);
            if container.running().is_none() || container.stopping {
                continue;
            }
            let runs = |other: usize| {
                self.records.container(id, u16::try_from(other).expect("few containers")).running().is_some()
            };
            if termination::is_turn(index, &roles, runs) {
                self.stop_one(env, id, number, grace, since);
            } else if self.records.container(id, number).grace_timer.is_none() {
                let at = (since + SimDuration::from_secs(grace)).max(env.now);
                let timer = env.timers.at(at, Timer::GraceOver { record: id, container: number });
                self.records.container_mut(id, number).grace_timer = Some(timer);
            }
        }
    }

    fn stop_one<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        grace: i64,
        since: SimTime,
    ) {
        let record = self.records.get(id);
        let (pod, template) = (record.pod.uid, record.template);
        if let Some(timer) = self.records.container_mut(id, index).grace_timer.take() {
            env.timers.disarm(timer);
        }
        env.pod_event(pod, KubeEvent::Killing, || {
            let name = env.plan.templates[template].containers[usize::from(index)].name;
            format!("Stopping container {}", env.plan.strings.text(name))
        });
        let left = termination::grace_left(grace, env.now - since);
        self.terminate_process(env, id, index, termination::kill_after(left));
    }

    /// A sidecar that waits for its turn has waited for the whole grace.
    pub(super) fn grace_over<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        self.records.container_mut(id, index).grace_timer = None;
        let container = self.records.container(id, index);
        if container.running().is_some() && !container.stopping {
            self.stop_one(env, id, index, 0, env.now);
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
