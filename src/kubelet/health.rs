//! Probe workers of containers on their nodes: they turn what processes do into readiness, restarts and started-ness.
//! The counting is in [`super::probes`].

use super::kubelet::{Kubelets, Timer};
use super::probes::Prober;
use super::runtime::{RecordId, Worker};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::{ContainerSpec, Probe, ProbeAction, Role};
use crate::record::{Fact, KubeEvent, Recorder};

/// Index of the startup probe's worker.
pub(super) const STARTUP: u8 = 0;
/// Index of the readiness probe's worker.
pub(super) const READINESS: u8 = 1;
/// Index of the liveness probe's worker.
pub(super) const LIVENESS: u8 = 2;

pub(super) const fn probe_of(spec: &ContainerSpec, kind: u8) -> Option<&Probe> {
    match kind {
        STARTUP => spec.startup_probe.as_ref(),
        READINESS => spec.readiness_probe.as_ref(),
        _ => spec.liveness_probe.as_ref(),
    }
}

const fn name_of(kind: u8) -> &'static str {
    match kind {
        STARTUP => "Startup",
        READINESS => "Readiness",
        _ => "Liveness",
    }
}

impl Kubelets {
    /// A new instance runs: its workers begin with their initial results.
    pub(super) fn start_probes<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let record = self.records.get(id);
        let (template, tick) = (record.template, record.probes_from.unwrap_or(env.now));
        let spec = &env.plan.templates[template].containers[usize::from(index)];
        if spec.role == Role::Init {
            return;
        }
        // While its postStart hook runs, no status says that the container runs.
        if spec.post_start.is_none() {
            self.settle(env, id, index, spec);
        }
        let probes = [STARTUP, READINESS, LIVENESS].map(|kind| probe_of(spec, kind));
        let container = self.records.container_mut(id, index);
        if probes.iter().all(Option::is_none) {
            return;
        }
        let initial = [None, Some(false), Some(true)];
        let mut probers: super::runtime::Probers = [None; 3];
        for kind in 0..3 {
            probers[kind] = probes[kind].map(|_| (Prober::new(tick, env.now, initial[kind]), None));
        }
        container.probers = Some(Box::new(probers));
    }

    /// The pod's status is computed: from now on the workers of a running container know that it runs, and those of a
    /// started one probe its readiness and liveness. Delays run from the start as the status shows it, in whole seconds.
    pub(super) fn watch_status<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        let container = self.records.container(id, index);
        let (Some(since), true) = (container.running(), container.probers.is_some()) else { return };
        if container.stopping {
            return;
        }
        let started = container.started;
        let spec = &env.plan.templates[self.records.get(id).template].containers[usize::from(index)];
        for kind in [STARTUP, READINESS, LIVENESS] {
            let Some(probe) = probe_of(spec, kind) else { continue };
            let delay = SimDuration::from_secs(i64::from(probe.initial_delay_seconds));
            let Some((prober, _)) = self.prober(id, index, kind) else { continue };
            if !prober.is_enabled() && (kind == STARTUP || started) {
                prober.enable((since.floor_seconds() + delay).max(env.now));
                self.arm_probe(env, id, index, kind);
            }
        }
        self.trigger_readiness(env, id, index);
    }

    /// The pod is being stopped: its liveness and startup do not matter any more.
    pub(super) fn hold_probes<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        for kind in [STARTUP, LIVENESS] {
            self.tell_failures(env, id, index, kind, env.now);
            if let Some((prober, _)) = self.prober(id, index, kind) {
                prober.hold();
                self.arm_probe(env, id, index, kind);
            }
        }
    }

    /// The instance is gone: its workers wait for the next one.
    pub(super) fn stop_probes<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        for kind in [STARTUP, READINESS, LIVENESS] {
            self.tell_failures(env, id, index, kind, env.now);
        }
        let Some(probers) = self.records.container_mut(id, index).probers.take() else { return };
        for (_, timer) in probers.into_iter().flatten() {
            if let Some(timer) = timer {
                env.timers.disarm(timer);
            }
        }
    }

    /// Something that probes see may have changed: counts what was, and computes anew what will be.
    pub(super) fn refresh_probes<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        if self.records.container(id, index).probers.is_none() {
            return;
        }
        let spec = &env.plan.templates[self.records.get(id).template].containers[usize::from(index)];
        for kind in 0..3 {
            let Some(probe) = probe_of(spec, kind) else { continue };
            let truth = self.probe_truth(env.plan, id, index, probe.action, kind == READINESS);
            let lag = if truth { SimDuration::ZERO } else { self.silence(env.plan, id, index, probe) };
            let published = self.advance_probe(env, id, index, kind, probe);
            let Some((prober, _)) = self.prober(id, index, kind) else { continue };
            prober.set_truth(probe, truth, lag);
            if let Some(result) = published {
                self.published(env, id, index, kind, result);
            }
            self.arm_probe(env, id, index, kind);
        }
    }

    /// A probe's result is due.
    pub(super) fn probe_due<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        kind: u8,
    ) {
        let spec = &env.plan.templates[self.records.get(id).template].containers[usize::from(index)];
        let Some(probe) = probe_of(spec, kind) else { return };
        let Some((_, timer)) = self.prober_slot(id, index, kind) else { return };
        *timer = None;
        if let Some(result) = self.advance_probe(env, id, index, kind, probe) {
            self.published(env, id, index, kind, result);
        }
        self.arm_probe(env, id, index, kind);
    }

    /// A started container that is unready gets an extra readiness probe now (the kubelet does so whenever it computes the
    /// pod's status).
    fn trigger_readiness<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let container = self.records.container(id, index);
        if container.running().is_none() || !container.started || container.ready || container.stopping {
            return;
        }
        let spec = &env.plan.templates[self.records.get(id).template].containers[usize::from(index)];
        let Some(probe) = probe_of(spec, READINESS) else { return };
        let now = env.now;
        self.tell_failures(env, id, index, READINESS, SimTime(now.0 - 1));
        let Some((prober, _)) = self.prober(id, index, READINESS) else { return };
        prober.trigger(probe, now);
        self.arm_probe(env, id, index, READINESS);
    }

    fn published<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        kind: u8,
        success: bool,
    ) {
        let pod = self.records.get(id).pod.uid;
        let spec = &env.plan.templates[self.records.get(id).template].containers[usize::from(index)];
        if !success {
            env.counters.probe_failures += 1;
            let text = if R::ON { self.unhealthy_text(env.plan, id, index, kind) } else { String::new() };
            env.container_event(pod, index, KubeEvent::Unhealthy, || text);
        }
        match kind {
            STARTUP => {
                if let Some((prober, _)) = self.prober(id, index, STARTUP) {
                    prober.hold();
                }
                if success {
                    let container = self.records.container_mut(id, index);
                    container.started = true;
                    container.ready = spec.readiness_probe.is_none();
                    if container.ready {
                        env.fact(|| Fact::ContainerReady(pod, index, true));
                    }
                }
            }
            READINESS => {
                self.records.container_mut(id, index).ready = success;
                env.fact(|| Fact::ContainerReady(pod, index, success));
            }
            _ => {
                if !success && let Some((prober, _)) = self.prober(id, index, LIVENESS) {
                    prober.hold();
                }
            }
        }
        // Readiness and started-ness go straight into the status, whatever the pod's worker is doing.
        if self.records.get(id).worker != Worker::Idle && (kind == READINESS || kind == STARTUP && success) {
            self.report(env, id);
        }
        self.request_sync(env, id, env.now);
    }

    /// What a failing probe's Event says.
    pub(super) fn unhealthy_text(&self, plan: &Plan, id: RecordId, index: u16, kind: u8) -> String {
        let spec = &plan.templates[self.records.get(id).template].containers[usize::from(index)];
        let probe = probe_of(spec, kind);
        let silent = probe.is_some_and(|probe| self.silence(plan, id, index, probe) > SimDuration::ZERO);
        let answers = self.records.container(id, index).serving;
        let detail = match probe.map(|probe| probe.action) {
            Some(ProbeAction::Http(port)) if silent => format!("port {port} did not answer in time"),
            Some(ProbeAction::Http(_)) if answers => "HTTP probe failed with statuscode: 500".to_owned(),
            Some(ProbeAction::Http(port)) => format!("HTTP request to port {port} was refused"),
            Some(ProbeAction::Tcp(port)) => format!("dial tcp :{port}: connect: connection refused"),
            _ if silent => "command timed out".to_owned(),
            _ => "command exited with a failure".to_owned(),
        };
        format!("{} probe failed: {detail}", name_of(kind))
    }

    /// How long a failing probe waits for an answer: its time-out if the process hangs, else it is refused at once.
    fn silence(&self, plan: &Plan, id: RecordId, index: u16, probe: &Probe) -> SimDuration {
        let hangs = self.hangs(plan, id, index) && !matches!(probe.action, ProbeAction::Tcp(_));
        if hangs { SimDuration::from_secs(i64::from(probe.timeout_seconds.max(1))) } else { SimDuration::ZERO }
    }

    /// The last published results, as the pod's sync asks for them: startup and liveness; `None`: none yet.
    pub(super) fn probe_results(&self, id: RecordId, index: u16) -> (Option<bool>, Option<bool>) {
        let Some(probers) = &self.records.container(id, index).probers else { return (None, None) };
        let published = |kind: u8| probers[usize::from(kind)].as_ref().and_then(|(prober, _)| prober.published());
        (published(STARTUP), published(LIVENESS))
    }

    pub(super) fn prober(
        &mut self,
        id: RecordId,
        index: u16,
        kind: u8,
    ) -> Option<&mut (Prober, Option<crate::engine::TimerKey>)> {
        self.records.container_mut(id, index).probers.as_mut()?[usize::from(kind)].as_mut()
    }

    fn prober_slot(
        &mut self,
        id: RecordId,
        index: u16,
        kind: u8,
    ) -> Option<(&mut Prober, &mut Option<crate::engine::TimerKey>)> {
        self.prober(id, index, kind).map(|(prober, timer)| (prober, timer))
    }

    fn arm_probe<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        kind: u8,
    ) {
        let spec = &env.plan.templates[self.records.get(id).template].containers[usize::from(index)];
        let Some(probe) = probe_of(spec, kind) else { return };
        let Some((prober, timer)) = self.prober_slot(id, index, kind) else { return };
        let due = prober.next_publish(probe);
        if let Some(timer) = timer.take() {
            env.timers.disarm(timer);
        }
        let armed = due.map(|at| env.timers.at(at.max(env.now), Timer::Probe { record: id, container: index, kind }));
        if let Some((_, timer)) = self.prober_slot(id, index, kind) {
            *timer = armed;
        }
    }
}
