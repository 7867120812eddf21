//! Quiet pods: what happens to a pod of one plain container on a machine that is short of nothing is of no concern to
//! anybody until its next status message arrives. Its sandbox, its start, the relists and the end of its process are no
//! events: they are worked out, each as of its own time and by the functions that would have handled it, when that message
//! is due, when anything else concerns the pod or its machine, or when somebody looks. **Being quiet changes nothing that can
//! be seen.** Knows no rule of its own; which pods may be quiet is said in [`plain`](super::plain).

use std::cmp::Reverse;

use super::kubelet::{Kubelets, Timer};
use super::load::Ceiling;
use super::plain::Plain;
use super::runtime::{Machine, RecordId, Worker};
use crate::api::Op;
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::control_plane::ControlPlane;
use crate::model::{NodeId, PodUid};
use crate::record::Recorder;

/// What a quiet pod's record has instead of timers.
#[derive(Debug)]
pub(super) struct Quiet {
    /// When its worker's step is over, or its next sync; [`SimTime::NEVER`]: there is none.
    next: SimTime,
    /// Its next status message arrives then.
    at: SimTime,
    /// The timer of that; `None`: it is being handled.
    pub(super) tell: Option<TimerKey>,
    /// That message, if it is on its way already.
    message: Option<u32>,
    /// Its process is counted in the machine's ceiling although it has not started.
    pub(super) reserved: bool,
}

impl Quiet {
    /// Of a pod that runs, and whose end is told at `at`.
    pub(super) const fn running(at: SimTime, tell: Option<TimerKey>) -> Self {
        Self { next: SimTime::NEVER, at, tell, message: None, reserved: false }
    }

    /// Whether only the end of its process is to come.
    pub(super) fn is_over_with_its_end(&self) -> bool {
        self.next == SimTime::NEVER && self.message.is_none()
    }

    /// When its worker goes on; `None`: it does not, or a message is on its way already.
    pub(super) fn step_due(&self) -> Option<SimTime> {
        (self.next < SimTime::NEVER && self.message.is_none()).then_some(self.next)
    }

    /// Its worker goes on at `at`.
    pub(super) const fn set_next(&mut self, at: SimTime) {
        self.next = at;
    }
}

/// What a recorder is to be told in the order of time: when, which of several at that time, which record, whose.
pub(super) type Unseen = Reverse<(SimTime, u64, RecordId, PodUid)>;

impl Machine {
    /// Looks at each of the lines that every pod's life asks for: what was read.
    #[inline]
    pub(super) fn read_ahead(&self) -> i64 {
        self.pleg_phase.0 ^ self.safe_images ^ self.pods ^ i64::from(self.quiet)
    }

    /// Whether nobody here may suffer from what others do.
    pub(super) fn is_calm(&self) -> bool {
        self.up
            && self.shutdown.is_none()
            && !self.cpu_was_short
            && !self.is_cpu_short()
            && !self.is_at_risk()
            && !self.minds_images()
    }

    /// When the worker syncs that hears of what happened in the runtime at `at`.
    pub(super) fn seen_at(&self, settings: &ControlPlane, at: SimTime) -> SimTime {
        let seen = if settings.pleg_period > SimDuration::ZERO {
            at.ceil_to_grid(self.pleg_phase, settings.pleg_period)
        } else {
            at
        };
        seen + settings.pleg_delay
    }

    /// When the status message arrives that tells of it.
    pub(super) fn told_at(&self, settings: &ControlPlane, at: SimTime) -> SimTime {
        self.seen_at(settings, at) + settings.status_update
    }
}

impl Kubelets {
    /// A sandbox is being created, which takes so long. Whether the pod is quiet from now on: no timer is needed then.
    pub(super) fn go_quiet<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        takes: SimDuration,
    ) -> bool {
        let record = self.records.get(id);
        let is_fresh = (record.sandboxes, record.retries, record.due, record.grace_seconds) == (0, 0, None, None)
            && record.timer.is_none()
            && !record.failed_sync;
        let settings = &env.plan.control_plane;
        let told_in_time = settings.status_update > SimDuration::ZERO && settings.status_update < settings.pleg_period;
        let (node, pod) = (record.node, record.pod.uid);
        let template = record.template;
        let nothing_special = is_fresh && told_in_time && self.outages.is_empty() && self.resizes.is_empty();
        if !nothing_special {
            return false;
        }
        let Some(&Plain { ceiling, fixed, .. }) = self.plain_of(env.plan, template) else { return false };
        let machine = &mut self.machines[node];
        if !machine.has_image(env.plan.templates[template].containers[0].image) {
            return false;
        }
        machine.ceiling.add(ceiling);
        if !machine.is_calm() {
            machine.ceiling.sub(ceiling);
            return false;
        }
        machine.quiet += 1;
        machine.fixed += i64::from(fixed.is_some());
        let done = env.now + takes;
        let started = done + self.start_takes(env, id, 0);
        let at = self.machines[node].told_at(settings, started);
        let tell = Some(env.timers.at(at, Timer::Tell(id)));
        self.records.get_mut(id).quiet = Some(Quiet { next: done, at, tell, message: None, reserved: true });
        self.will_be_seen::<R>(id, pod, done);
        true
    }

    /// Something happens to a quiet pod at `at`. Who only takes samples looks seldom, and at all machines then.
    fn will_be_seen<R: Recorder>(&mut self, id: RecordId, pod: PodUid, at: SimTime) {
        if R::ON {
            self.unseen.push(Reverse((at, self.unseen_total, id, pod)));
            self.unseen_total += 1;
        }
    }

    /// What a process uses as long as it is quiet, if that is fixed.
    pub(super) fn fixed_of(&self, id: RecordId) -> Option<(i64, i64)> {
        let template = self.records.template_of(id).index();
        self.records.is_quiet(id).then(|| self.plain[template].as_ref()?.as_ref()?.fixed).flatten()
    }

    /// Whether what the pod's process uses is in [`Self::fixed`].
    pub(super) fn is_fixed(&self, id: RecordId) -> bool {
        self.fixed_of(id).is_some()
    }

    /// The process of a pod that may be quiet starts.
    pub(super) fn fixed_starts(&mut self, id: RecordId) {
        if let Some((milli_cpu, memory)) = self.fixed_of(id) {
            self.fixed.0 += milli_cpu;
            self.fixed.1 += memory;
        }
    }

    /// The process of a pod that may be quiet ends, or is quiet no more.
    pub(super) fn fixed_ends(&mut self, id: RecordId) {
        if let Some((milli_cpu, memory)) = self.fixed_of(id) {
            self.fixed.0 -= milli_cpu;
            self.fixed.1 -= memory;
        }
    }

    /// What happens to a quiet pod next: when, and the timer that another pod would have for it. `syncs`: its syncs count,
    /// too.
    fn next_of(&self, id: RecordId, syncs: bool) -> Option<(SimTime, Timer)> {
        let record = self.records.get(id);
        let quiet = record.quiet.as_ref()?;
        let container = self.records.container(id, 0);
        let end = container.running().map_or(SimTime::NEVER, |_| container.exit_at);
        if end <= quiet.next {
            // Of what a process and its kubelet do at one instant the end was known first.
            return (end < SimTime::NEVER).then_some((end, Timer::Exit { record: id, container: 0 }));
        }
        let timer = if record.worker == Worker::Idle { Timer::Sync(id) } else { Timer::Step(id) };
        (syncs || !matches!(timer, Timer::Sync(_))).then_some((quiet.next, timer))
    }

    /// Works out what has happened to a quiet pod up to `until`.
    fn work_out<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        until: SimTime,
        syncs: bool,
    ) {
        while self.records.is_whole(id)
            && let Some((at, timer)) = self.next_of(id, syncs)
            && at <= until
        {
            if !matches!(timer, Timer::Exit { .. })
                && let Some(quiet) = &mut self.records.get_mut(id).quiet
            {
                quiet.next = SimTime::NEVER;
            }
            self.react(&mut env.at(at), timer);
        }
    }

    /// Something concerns a pod other than what it does by itself: what happened to it before is worked out, and from now on
    /// it has timers. `until`: what happens at this instant comes before, or not.
    pub(super) fn disturb<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        until: SimTime,
    ) {
        self.unpark(env.plan, id);
        self.work_out(env, id, until, true);
        if !self.records.is_whole(id) || self.records.get(id).quiet.is_none() {
            return;
        }
        let Some((next, timer)) = self.leave_quiet(env, id) else { return };
        if next < SimTime::NEVER {
            self.records.get_mut(id).timer = Some(env.timers.at(next, timer));
        }
        let container = self.records.container_mut(id, 0);
        if container.running().is_some() && container.exit_at < SimTime::NEVER {
            let at = container.exit_at;
            let timer = env.timers.at(at, Timer::Exit { record: id, container: 0 });
            self.records.container_mut(id, 0).exit_timer = Some(timer);
        }
    }

    /// A pod is quiet no more; when its worker goes on, and how.
    pub(super) fn leave_quiet<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
    ) -> Option<(SimTime, Timer)> {
        let is_fixed = self.is_fixed(id);
        if is_fixed && self.records.container(id, 0).running().is_some() {
            self.fixed_ends(id);
        }
        let record = self.records.get_mut(id);
        let quiet = record.quiet.take()?;
        let (node, template, idle) = (record.node, record.template, record.worker == Worker::Idle);
        let machine = &mut self.machines[node];
        machine.quiet -= 1;
        machine.fixed -= i64::from(is_fixed);
        if quiet.reserved {
            let spec = &env.plan.templates[template].containers[0];
            machine.ceiling.sub(Ceiling::of(&env.plan.behaviors[spec.behavior], &spec.limits));
        }
        match (quiet.tell, quiet.message) {
            (Some(tell), message) => {
                env.timers.disarm(tell);
                if let Some(slot) = message {
                    env.timers.at(quiet.at, Timer::Message(slot));
                }
            }
            (None, message) => self.arrived = message,
        }
        Some((quiet.next, if idle { Timer::Sync(id) } else { Timer::Step(id) }))
    }

    /// The process of a quiet pod starts: whether it is counted in the machine's ceiling already.
    pub(super) fn take_reserved(&mut self, id: RecordId) -> bool {
        self.records.get_mut(id).quiet.as_mut().is_some_and(|quiet| std::mem::take(&mut quiet.reserved))
    }

    /// The status of a quiet pod is on its way: it arrives when the pod's timer says. Whether the pod is quiet.
    pub(super) fn keep_message(&mut self, id: RecordId, slot: u32) -> bool {
        let quiet = self.records.get_mut(id).quiet.as_mut();
        quiet.map(|quiet| quiet.message = Some(slot)).is_some()
    }

    /// Every pod of a machine has timers from now on: what its processes use matters, or what exactly it has.
    pub(super) fn disturb_node<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        until: SimTime,
    ) {
        if self.machines[node].quiet == 0 {
            return;
        }
        for id in self.records_on(node) {
            if self.records.is_quiet(id) {
                self.disturb(env, id, until);
                self.park_record(env.plan, id);
            }
        }
    }

    /// The same of every machine.
    pub(super) fn disturb_all<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, until: SimTime) {
        for node in 0..self.machines.len() {
            self.disturb_node(env, NodeId::from_index(node), until);
        }
    }

    /// Messages reach the API server, all at this instant.
    pub fn arrive<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, messages: &mut [Timer]) {
        if messages.len() > 1 {
            // Those of one relist are sent in the order in which their syncs became due.
            messages.sort_by_cached_key(|&message| match message {
                Timer::Tell(id) => self.asks(env, id).unwrap_or_else(|| {
                    self.unpark(env.plan, id);
                    self.work_out(env, id, env.now, false);
                    self.records.get(id).asked
                }),
                Timer::Message(slot) => self.cause_of(slot).unwrap_or(env.now),
                _ => env.now,
            });
        }
        for &message in &*messages {
            match message {
                Timer::Tell(id) => self.tell(env, id),
                Timer::Message(slot) => self.deliver(env, slot),
                other => unreachable!("{other:?} is no message"),
            }
        }
    }

    /// The status message of a quiet pod arrives.
    fn tell<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let now = env.now;
        if self.tell_end(env, id) {
            return;
        }
        self.unpark(env.plan, id);
        if let Some(quiet) = &mut self.records.get_mut(id).quiet {
            quiet.tell = None;
        }
        self.telling = Some(id);
        self.begin(env, id);
        self.work_out(env, id, now, true);
        self.telling = None;
        let is_there = self.records.is_whole(id);
        let slot = if is_there {
            self.records.get_mut(id).quiet.as_mut().and_then(|quiet| quiet.message.take())
        } else {
            self.arrived.take()
        };
        if let Some(slot) = slot {
            self.deliver(env, slot);
        }
        if let Some((pod, status)) = self.in_hand.take() {
            // A refusal says that the pod is gone or that nothing changed: both are fine.
            let _ = env.cluster.request(now, Op::PatchStatus { pod, status: &status });
        }
        if is_there {
            self.stay_quiet(env, id);
            self.park_record(env.plan, id);
        }
    }

    /// The next message of a quiet pod is what follows from the end of its process.
    fn stay_quiet<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let (record, container) = (self.records.get(id), self.records.container(id, 0));
        let Some(quiet) = &record.quiet else { return };
        let at = match container.running() {
            Some(_) if container.exit_at == SimTime::NEVER => {
                self.leave_quiet(env, id);
                return;
            }
            Some(_) => {
                let (pod, end) = (record.pod.uid, container.exit_at);
                let at = self.machines[record.node].told_at(&env.plan.control_plane, end);
                self.will_be_seen::<R>(id, pod, end);
                at
            }
            None => quiet.next + env.plan.control_plane.status_update,
        };
        let tell = env.timers.at(at, Timer::Tell(id));
        if let Some(quiet) = &mut self.records.get_mut(id).quiet {
            (quiet.at, quiet.tell) = (at, Some(tell));
        }
    }

    /// Somebody looks at the machines as they are at `until`: what has happened to quiet pods is worked out.
    pub fn observe<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, until: SimTime) {
        if !R::ON {
            return self.observe_all(env, until);
        }
        while let Some(&Reverse((at, _, id, pod))) = self.unseen.peek()
            && at <= until
        {
            self.unseen.pop();
            if !self.records.is_quiet(id) || self.records.pod_of(id).is_none_or(|of| of.uid != pod) {
                continue;
            }
            self.unpark(env.plan, id);
            if self.next_of(id, false).is_some_and(|(next, _)| next == at) {
                self.work_out(env, id, at, false);
            }
            if let Some((next, _)) = self.next_of(id, false) {
                self.will_be_seen::<R>(id, pod, next);
            }
            self.park_record(env.plan, id);
        }
    }

    /// The same without a list of what there is to see.
    pub fn observe_all<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, until: SimTime) {
        let happened = |id: &RecordId| match self.records.parked(*id) {
            Some(parked) => parked.exit_at <= until,
            None => self.next_of(*id, false).is_some_and(|(next, _)| next <= until),
        };
        let quiet: Vec<RecordId> =
            self.records.ids().filter(|&id| self.records.is_quiet(id)).filter(happened).collect();
        for id in quiet {
            self.unpark(env.plan, id);
            self.work_out(env, id, until, false);
            self.park_record(env.plan, id);
        }
    }
}
