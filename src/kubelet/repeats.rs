//! What the kubelet tells again and again while nothing changes: probes that go on failing, volumes that are still
//! missing. The simulation does not tick for them; their times are computed when somebody wants to see them. Only for
//! recorders that count repetitions: must not change anything else.

use super::backoff::CrashLoopBackOff;
use super::health::{LIVENESS, READINESS, STARTUP, probe_of};
use super::kubelet::{Kubelets, Timer};
use super::mounts::{Missing, missing_text, next_retry, set_up_failed};
use super::runtime::RecordId;
use crate::api::PodRef;
use crate::base::SimTime;
use crate::component::Env;
use crate::engine::Timers;
use crate::model::{NodeId, PodUid, Probe};
use crate::record::{KubeEvent, Recorder, Subject};

/// A volume that is missing, as long as it is.
#[derive(Clone, Debug)]
pub(super) struct MountRepeat {
    pub(super) record: RecordId,
    /// When the first attempt to mount failed.
    pub(super) since: SimTime,
    /// Failures up to this are told.
    pub(super) told: SimTime,
    pub(super) text: String,
}

/// Tells an Event about a container: as a new one, or as one that was told before.
pub(super) fn tell<T, R: Recorder>(
    env: &mut Env<'_, T, R>,
    again: bool,
    (pod, index): (PodUid, u16),
    event: KubeEvent,
    text: impl FnOnce() -> String,
) {
    if again {
        env.repeat(env.now, Subject::Container(pod, index), event, text);
    } else {
        env.container_event(pod, index, event, text);
    }
}

impl Kubelets {
    /// The crash-loop back-off of a container.
    #[must_use]
    pub fn crash_loop_back_off(&self, pod: PodRef, container: u16) -> Option<CrashLoopBackOff> {
        let id = self.records.of(pod).filter(|&id| !self.records.is_parked(id))?;
        Some(self.records.container(id, container).back_off)
    }

    /// Tells all repetitions up to now.
    pub fn tell_repeats<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        if !R::REPEATS {
            return;
        }
        self.tell_mounts(env, None);
        let nodes: Vec<NodeId> = self.machines.ids().collect();
        let records: Vec<RecordId> = nodes.into_iter().flat_map(|node| self.records_on(node)).collect();
        for id in records {
            if self.records.is_parked(id) {
                continue;
            }
            let count = env.plan.templates[self.records.get(id).template].containers.len();
            for index in 0..u16::try_from(count).expect("few containers") {
                for kind in [STARTUP, READINESS, LIVENESS] {
                    self.tell_failures(env, id, index, kind, env.now);
                }
            }
        }
    }

    /// Tells the failures of a probe up to `until` that are not counted yet. The caller counts them.
    pub(super) fn tell_failures<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        kind: u8,
        until: SimTime,
    ) {
        if !R::REPEATS {
            return;
        }
        let record = self.records.get(id);
        let (pod, template) = (record.pod.uid, record.template);
        let spec = &env.plan.templates[template].containers[usize::from(index)];
        let Some(probe) = probe_of(spec, kind) else { return };
        let Some((prober, _)) = self.prober(id, index, kind) else { return };
        let (mut at, count, period) = prober.failures(probe, until);
        if count == 0 {
            return;
        }
        let text = self.unhealthy_text(env.plan, id, index, kind);
        for _ in 0..count {
            env.repeat(at, Subject::Container(pod, index), KubeEvent::Unhealthy, || text.clone());
            at += period;
        }
    }

    /// Counts a probe's ticks up to now and tells its failures, but for one that is published now: that is news.
    pub(super) fn advance_probe<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        kind: u8,
        probe: &Probe,
    ) -> Option<bool> {
        let now = env.now;
        self.tell_failures(env, id, index, kind, SimTime(now.0 - 1));
        let pod = self.records.get(id).pod.uid;
        let (prober, _) = self.prober(id, index, kind)?;
        let (first, count, period) = prober.failures(probe, now);
        let fails_now = R::REPEATS && count > 0 && first + period * i64::from(count - 1) == now;
        let published = prober.advance(probe, now);
        if fails_now && published != Some(false) {
            let text = self.unhealthy_text(env.plan, id, index, kind);
            env.repeat(now, Subject::Container(pod, index), KubeEvent::Unhealthy, || text);
        }
        published
    }

    /// Tells the attempts to mount that failed up to now: of one pod, or of all.
    fn tell_mounts<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, of: Option<RecordId>) {
        for repeat in self.mount_repeats.iter_mut().filter(|repeat| of.is_none_or(|id| id == repeat.record)) {
            let pod = self.records.get(repeat.record).pod.uid;
            let wait = self.mount_waits.iter().find(|wait| wait.record == repeat.record);
            let until = wait.and_then(|wait| wait.mounted_at).map_or(env.now, |at| env.now.min(SimTime(at.0 - 1)));
            loop {
                let next = next_retry(repeat.since, SimTime(repeat.told.0 + 1));
                if next > until {
                    break;
                }
                env.repeat(next, Subject::Pod(pod), KubeEvent::FailedMount, || repeat.text.clone());
                repeat.told = next;
            }
        }
    }

    /// ConfigMaps or Secrets changed: what was missing before is told, and what is missing now may be something else.
    pub(super) fn mounts_changed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        if self.mount_repeats.is_empty() {
            return;
        }
        self.tell_mounts(env, None);
        for at in 0..self.mount_repeats.len() {
            let missing = self.missing(env, self.mount_repeats[at].record);
            if let Some(Missing::Config(volume, reference)) = missing {
                let why = missing_text(env, reference);
                self.mount_repeats[at].text = set_up_failed(env.plan.strings.text(volume), &why);
            }
        }
    }

    /// A pod's volumes are mounted, or it does not wait for them any more.
    pub(super) fn mounts_over<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        if self.mount_repeats.is_empty() {
            return;
        }
        self.tell_mounts(env, Some(id));
        self.mount_repeats.retain(|repeat| repeat.record != id);
    }
}
