//! Lifecycle hooks: postStart within a container's start, preStop within its kill. Knows nothing of syncs beyond that.
//! Mirrors pkg/kubelet/lifecycle/handlers.go and kuberuntime/kuberuntime_container.go (startContainer,
//! executePreStopHook), v1.34 (spec 2.9).

use super::actions::KillReason;
use super::kubelet::{Kubelets, Timer};
use super::process::behavior;
use super::runtime::{KillStage, RecordId, Worker};
use crate::base::SimDuration;
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{ContainerSpec, Hook, HookRun};
use crate::record::{Fact, KubeEvent, Recorder};
use crate::workload::life::{HookDraw, RunOf};

impl Kubelets {
    /// A container has been started: its postStart hook, if it has one, keeps the sync. Whether it does.
    pub(super) fn post_start<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) -> bool {
        let template = self.records.get(id).template;
        let Some(hook) = env.plan.templates[template].containers[usize::from(index)].post_start else { return false };
        let run = &behavior(env.plan, template, index).post_start;
        let takes = self.hook_takes(env, id, index, (hook, run, HookDraw::PostStart));
        self.records.get_mut(id).worker = Worker::PostStart(index);
        self.step(env, id, takes);
        true
    }

    /// The postStart hook has ended: the sync goes on, or kills the container first.
    pub(super) fn post_start_over<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let record = self.records.get(id);
        let (pod, template) = (record.pod.uid, record.template);
        let spec = &env.plan.templates[template].containers[usize::from(index)];
        if self.hook_succeeds(env, id, index, spec.post_start, &behavior(env.plan, template, index).post_start) {
            if self.records.container(id, index).running().is_some() {
                self.settle(env, id, index, spec);
            }
            self.start_next(env, id);
            return;
        }
        env.pod_event(pod, KubeEvent::FailedPostStartHook, || "PostStartHook failed".to_owned());
        self.records.get_mut(id).worker = Worker::Undoing(index);
        self.kill_container(env, id, index, Some(KillReason::PostStart));
        if !self.records.container(id, index).is_asked() {
            self.undone(env, id, index);
        }
    }

    /// A container whose postStart hook failed is gone: for this sync it could not be started.
    pub(super) fn undone<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        self.relist(env, id);
        self.refuse(env, id, index, known::POST_START_HOOK_ERROR);
        self.start_next(env, id);
    }

    /// A container without a startup probe has started, and is ready if no probe says when.
    pub(super) fn settle<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        spec: &ContainerSpec,
    ) {
        let pod = self.records.get(id).pod.uid;
        let container = self.records.container_mut(id, index);
        container.started = spec.startup_probe.is_none();
        container.ready = container.started && spec.readiness_probe.is_none();
        if container.ready {
            env.fact(|| Fact::ContainerReady(pod, index, true));
        }
    }

    /// The preStop hook of a container that is to stop begins; it has the whole grace.
    pub(super) fn begin_pre_stop<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        hook: Hook,
    ) {
        let run = &behavior(env.plan, self.records.get(id).template, index).pre_stop;
        let takes = self.hook_takes(env, id, index, (hook, run, HookDraw::PreStop));
        let container = self.records.container_mut(id, index);
        let Some(kill) = container.kill.as_deref_mut() else { return };
        let grace = SimDuration::from_secs(kill.left);
        kill.abandoned = takes > grace;
        let timer = env.timers.after(takes.min(grace), Timer::GraceOver { record: id, container: index });
        self.records.container_mut(id, index).grace_timer = Some(timer);
    }

    /// The preStop hook has ended, or its grace has.
    pub(super) fn pre_stop_over<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let record = self.records.get(id);
        let template = record.template;
        let hook = env.plan.templates[template].containers[usize::from(index)].pre_stop;
        let run = &behavior(env.plan, template, index).pre_stop;
        let abandoned = self.records.container(id, index).kill.as_deref().is_some_and(|kill| kill.abandoned);
        if !abandoned && !self.hook_succeeds(env, id, index, hook, run) {
            self.pre_stop_failed(env, id);
        }
        self.leave_hook(env, id, index);
    }

    /// A process is gone: a command that still runs in its container, in a hook, goes with it.
    pub(super) fn end_commands<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let record = self.records.get(id);
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        if record.worker == Worker::PostStart(index) && spec.post_start == Some(Hook::Exec) {
            self.step(env, id, SimDuration::ZERO);
        }
        let Some(kill) = self.records.container(id, index).kill.as_deref() else { return };
        let is_command = spec.pre_stop == Some(Hook::Exec);
        if kill.stage == KillStage::Hook && !is_command {
            return;
        }
        if is_command && (kill.stage == KillStage::Hook || kill.abandoned) {
            self.pre_stop_failed(env, id);
        }
        self.drop_kill(env, id, index);
    }

    fn pre_stop_failed<T: Timers<Timer>, R: Recorder>(&self, env: &mut Env<'_, T, R>, id: RecordId) {
        let pod = self.records.get(id).pod.uid;
        env.pod_event(pod, KubeEvent::FailedPreStopHook, || "PreStopHook failed".to_owned());
    }

    fn hook_takes<T, R>(
        &self,
        env: &Env<'_, T, R>,
        id: RecordId,
        index: u16,
        (hook, run, draw): (Hook, &HookRun, HookDraw),
    ) -> SimDuration {
        let record = self.records.get(id);
        let restart = self.records.container(id, index).restarts;
        let of = RunOf { ordinal: record.ordinal, container: index, restart, traced: None };
        match hook {
            Hook::Sleep(seconds) => SimDuration::from_secs(i64::from(seconds)),
            Hook::Exec | Hook::Http(_) => env.draws.workload(record.workload).life.hook(run, of, draw),
            Hook::Tcp => SimDuration::ZERO,
        }
    }

    /// Whether a hook that ends now succeeds.
    fn hook_succeeds<T, R>(
        &self,
        env: &Env<'_, T, R>,
        id: RecordId,
        index: u16,
        hook: Option<Hook>,
        run: &HookRun,
    ) -> bool {
        match hook {
            Some(Hook::Exec) => !run.fails && self.records.container(id, index).running().is_some(),
            Some(Hook::Http(port)) => !run.fails && self.answers(env.plan, id, port),
            Some(Hook::Tcp) => false,
            Some(Hook::Sleep(_)) | None => true,
        }
    }
}
