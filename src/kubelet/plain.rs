//! Plain pods: one container that runs once, of which nobody asks anything. Which pods these are is listed here; on a calm machine
//! they are [`quiet`](super::quiet). Where nobody records what happens on the way, the steps between two of their messages are
//! taken at once: **what is left of them is the same.** Knows no rule of its own: what is said of a pod is found out once for each
//! template, by the functions that say it of any pod.

use smallvec::smallvec;

use super::images::asks_runtime;
use super::kubelet::{Kubelets, Timer, waiting_reason};
use super::load::Ceiling;
use super::process::{reason_of, terminated, words_of};
use super::quiet::Quiet;
use super::report::{Said, said_of};
use super::runtime::{Exit, Instance, RecordId, Worker};
use super::worker::sandbox_takes;
use crate::api::{Op, PodRef, StatusPatch, stored::StoredContainer};
use crate::base::id::DenseId;
use crate::base::{Distribution, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{
    Behavior, ContainerSpec, ContainerState, ContainerStatus, PodTemplate, RestartPolicy, Role, RunTime, TemplateId,
    Usage,
};
use crate::record::Recorder;
use crate::workload::UsageAt;

/// What is found out once of a template whose pods can be quiet.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    /// What its process can use at most.
    pub(super) ceiling: Ceiling,
    /// Milli-cores and bytes that its process uses from its start to its end, if these are always the same whole numbers:
    /// sums of those do not hang on their order.
    pub(super) fixed: Option<(i64, i64)>,
    /// What is said of one that waits for its sandbox, of one that runs, and of one that ended with success or not.
    waits: Said,
    runs: Said,
    ended: [Said; 2],
}

impl Kubelets {
    /// What plain pods of this template are like; `None`: they are not plain. Found out once for each.
    pub(super) fn plain_of(&mut self, plan: &Plan, id: TemplateId) -> Option<&Plain> {
        if self.plain.len() <= id.index() {
            self.plain.resize(plan.templates.len(), None);
        }
        self.plain[id.index()].get_or_insert_with(|| plain_of(plan, &plan.templates[id])).as_ref()
    }

    /// The first sync of a pod that was just admitted, up to the creation of its sandbox. Whether that is what happens; else nothing
    /// was done.
    pub(super) fn sync_first<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let record = self.records.get(id);
        let (pod, template, from) = (record.pod, record.template, record.started_at);
        let (workload, ordinal) = (record.workload, u64::from(record.ordinal));
        let is_usual = !R::ON
            && record.grace_seconds.is_none()
            && self.resizes.is_empty()
            && self.mount_waits.is_empty()
            && is_going(env, pod);
        let Some(plain) = self.plain_of(env.plan, template).filter(|_| is_usual) else { return false };
        let state = ContainerState::Waiting { reason: waiting_reason(false) };
        let status = patch(env.plan, template, &plain.waits, state, false, from);
        self.send(env, (pod, Some(id)), status);
        let record = self.records.get_mut(id);
        (record.mounted, record.probes_from) = (true, Some(env.now));
        (record.to_start, record.worker) = (1, Worker::Sandbox);
        let takes = sandbox_takes(env, workload, ordinal, 0);
        if !self.go_quiet(env, id, takes) {
            self.step(env, id, takes);
        }
        true
    }

    /// When the container of a quiet pod starts whose sandbox is being created; `None`: something else happens.
    fn starts<T, R: Recorder>(&self, env: &Env<'_, T, R>, id: RecordId) -> Option<SimTime> {
        let record = self.records.get(id);
        let done = record.quiet.as_ref().and_then(Quiet::step_due)?;
        let image = env.plan.templates[record.template].containers[0].image;
        let is_usual = !R::ON
            && record.worker == Worker::Sandbox
            && (record.due, record.orphan) == (None, false)
            && env.plan.traffic.is_empty()
            && self.resizes.is_empty()
            && self.machines[record.node].has_image(image)
            && is_going(env, record.pod);
        is_usual.then(|| done + self.start_takes(env, id, 0))
    }

    /// Since when the sync is due that a quiet pod's message tells of; `None`: that is found out step by step.
    pub(super) fn asks<T, R: Recorder>(&self, env: &Env<'_, T, R>, id: RecordId) -> Option<SimTime> {
        match self.records.parked(id) {
            Some(parked) => (parked.quiet && !R::ON).then_some(parked.exit_at),
            None => self.starts(env, id),
        }
    }

    /// A pod whose sandbox is being created: its start, and the sync that sees it run, up to the message that arrives now. Does
    /// nothing, or not all of it, if that is not what happened; the rest is worked out step by step.
    pub(super) fn begin<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let Some(started) = self.starts(env, id) else { return };
        let record = self.records.get_mut(id);
        let (node, pod, template, from) = (record.node, record.pod, record.template, record.started_at);
        (record.sandbox_ready, record.sandboxes, record.to_start) = (true, 1, 0);
        (record.worker, record.asked) = (Worker::Idle, started);
        self.records.container_mut(id, 0).sandbox = 1;
        let serves = self.start_process(&mut env.at(started), id, 0);
        let seen = self.machines[node].seen_at(&env.plan.control_plane, started);
        let container = self.records.container_mut(id, 0);
        container.serving = serves;
        let is_seen = container.exit_at > seen;
        let record = self.records.get_mut(id);
        record.due = Some(seen).filter(|_| !is_seen);
        if let Some(quiet) = &mut record.quiet {
            quiet.set_next(if is_seen { SimTime::NEVER } else { seen });
        }
        if is_seen {
            let state = ContainerState::Running { started_at: started.floor_seconds() };
            let Some(plain) = self.plain_of(env.plan, template) else { unreachable!("only plain pods are quiet") };
            self.in_hand = Some((pod, patch(env.plan, template, &plain.runs, state, true, from)));
        }
    }

    /// The status message of a parked quiet pod arrives, which says that it has ended: all that comes before it, and the message
    /// itself. Whether that is what happened; else nothing was done.
    pub(super) fn tell_end<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let Some(parked) = self.records.parked(id).filter(|parked| parked.quiet) else { return false };
        let (pod, template, node) = (parked.pod, parked.template, parked.node);
        let machine = &mut self.machines[node];
        let is_usual = !R::ON
            && env.plan.traffic.is_empty()
            && self.resizes.is_empty()
            && self.mount_waits.is_empty()
            && self.mount_repeats.is_empty()
            && machine.shutdown.is_none()
            && machine.watch.is_none()
            && !machine.minds_images()
            && is_going(env, pod);
        let Some(Some(Some(plain))) = self.plain.get(template.index()).filter(|_| is_usual) else { return false };
        let (code, since, end) = (i32::from(parked.exit_code), parked.running_since, parked.exit_at);
        let exit = Exit { code, reason: parked.exit_reason(), started: since, finished: end };
        let from = parked.started_at.time();
        env.counters.container_crashes += u64::from(code != 0);
        env.cluster.fold_in_any_order(words_of(pod, &exit));
        let (milli_cpu, memory) = plain.fixed.unwrap_or_default();
        self.fixed.0 -= milli_cpu;
        self.fixed.1 -= memory;
        machine.fixed -= i64::from(plain.fixed.is_some());
        machine.ceiling.sub(plain.ceiling);
        machine.quiet -= 1;
        machine.pods -= 1;
        machine.steady_usage.set(None);
        machine.used.sub(&env.plan.classes[env.plan.templates[template].class].requests);
        if let Some(first) = self.records.remove(id) {
            machine.first_record = first;
        }
        let seen = machine.seen_at(&env.plan.control_plane, end);
        let state = ContainerState::Terminated(terminated(&exit));
        let has_address = env.cluster.pods().has_address(pod.pod);
        let status = patch(env.plan, template, &plain.ended[usize::from(code != 0)], state, has_address, from);
        self.images_released(env.plan, seen, node, template, from);
        // A refusal says that nothing changed: that is fine.
        let _ = env.cluster.request(env.now, Op::PatchStatus { pod, status: &status });
        true
    }
}

/// Whether the pod's object exists and nobody said yet that the pod is over.
fn is_going<T, R>(env: &Env<'_, T, R>, pod: PodRef) -> bool {
    let pods = env.cluster.pods();
    pods.exists(pod) && !pods.phase(pod.pod).is_terminal()
}

/// The status of a plain pod whose container is in this state.
fn patch(
    plan: &Plan,
    template: TemplateId,
    (phase, conditions): &Said,
    state: ContainerState,
    has_address: bool,
    started: SimTime,
) -> StatusPatch {
    let runs = state.is_running();
    let status = ContainerStatus {
        name: plan.templates[template].containers[0].name,
        state,
        last_state: ContainerState::Unset,
        ready: runs,
        started: Some(runs),
        restart_count: 0,
    };
    let containers = smallvec![StoredContainer::pack(&status)];
    StatusPatch { phase: *phase, reason: known::EMPTY, conditions: *conditions, containers, has_address, started }
}

/// What quiet pods of this template are like, if what happens to one follows from its start alone, as long as its machine is
/// calm: it runs once, nobody asks its process anything, and it touches nothing that others share.
fn plain_of(plan: &Plan, template: &PodTemplate) -> Option<Plain> {
    let [spec] = &*template.containers else { return None };
    let behavior = &plan.behaviors[spec.behavior];
    let is_plain = template.active_deadline_seconds.is_none()
        && template.volumes.is_empty()
        && spec.role == Role::Main
        && spec.restart.is_none()
        && spec.ports.is_empty()
        && spec.env.is_empty()
        && [spec.startup_probe, spec.readiness_probe, spec.liveness_probe].iter().all(Option::is_none)
        && spec.post_start.is_none()
        && asks_runtime(spec.pull_policy)
        && behavior.listens.is_none()
        && behavior.writes.is_empty()
        && behavior.unhealthy.is_none()
        && behavior.start_fails.is_none()
        && behavior.startup == Distribution::Constant(0.0)
        && !may_exceed(behavior, spec)
        && runs_once(behavior, template.restart_policy);
    let fixed = || {
        let milli_cpu = whole_and_constant(&behavior.cpu)?;
        Some((
            spec.limits.milli_cpu.map_or(milli_cpu, |limit| milli_cpu.min(limit)),
            whole_and_constant(&behavior.memory)?,
        ))
    };
    let ended = |code| {
        let exit = Exit { code, reason: reason_of(code), started: SimTime(0), finished: SimTime(0) };
        said_of(template, spec, Instance::Exited(exit))
    };
    is_plain.then(|| Plain {
        ceiling: Ceiling::of(behavior, &spec.limits),
        fixed: fixed(),
        waits: said_of(template, spec, Instance::None),
        runs: said_of(template, spec, Instance::Running(SimTime(0))),
        ended: [0, 1].map(ended),
    })
}

/// What a process uses of something, if that is always the same whole number. A quiet one serves no requests.
#[allow(clippy::cast_possible_truncation)]
fn whole_and_constant(usage: &Usage) -> Option<i64> {
    let is_constant = usage.ramp == 0.0 && usage.leak_per_second == 0.0;
    (is_constant && usage.base.fract() == 0.0 && usage.base.abs() < MOST_WHOLE).then_some(usage.base as i64)
}

/// Sums of a million such numbers are exact.
const MOST_WHOLE: f64 = (1_u64 << 50) as f64;

/// Whether a process may be killed for its use of memory.
#[allow(clippy::cast_precision_loss)]
fn may_exceed(behavior: &Behavior, spec: &ContainerSpec) -> bool {
    spec.limits.memory.is_some_and(|limit| behavior.memory.exceeds_at(limit as f64, 0.0, 0.0).is_some())
}

/// Whether a process that ends by itself is never started again.
fn runs_once(behavior: &Behavior, policy: RestartPolicy) -> bool {
    let never_crashes = behavior.crash.is_none();
    match policy {
        RestartPolicy::Never => true,
        RestartPolicy::OnFailure => {
            let codes = behavior.exit_codes.iter().map(|(code, _)| code).chain(&*behavior.first_exit_codes);
            never_crashes && codes.copied().all(|code| code == 0)
        }
        RestartPolicy::Always => never_crashes && behavior.run == RunTime::Forever,
    }
}
