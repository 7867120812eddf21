//! Volumes that wait for a ConfigMap or Secret. Mirrors pkg/kubelet/volumemanager and
//! pkg/util/goroutinemap/exponentialbackoff, v1.34 (spec 2.1, 3.3): failed operations are retried with a growing wait,
//! the pod's sync looks for their success on a grid of its own and gives up from time to time.

use super::kubelet::{Kubelets, Timer};
use super::repeats::MountRepeat;
use super::runtime::{RecordId, Worker};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::{ConfigKind, ConfigRef, StrId, VolumeSource};
use crate::record::{KubeEvent, Recorder};

/// Volume operations that fail are retried after this, doubled each time up to [`RETRY_MAX`].
const RETRY: SimDuration = SimDuration::from_millis(500);
const RETRY_MAX: SimDuration = SimDuration::from_secs(122);
/// A sync waits for volumes so long, and looks so often.
const SYNC_WAITS: SimDuration = SimDuration::from_secs(123);
const POLL: SimDuration = SimDuration::from_millis(300);

/// A pod that waits for volumes.
#[derive(Clone, Copy, Debug)]
pub(super) struct MountWait {
    pub(super) record: RecordId,
    /// When the first attempt to mount failed.
    failing_since: SimTime,
    /// When the sync that waits began.
    sync_began: SimTime,
    /// The attempt that succeeds, once everything is there.
    pub(super) mounted_at: Option<SimTime>,
}

impl Kubelets {
    /// Whether every volume is mounted; if not, the sync waits for that.
    pub(super) fn mount<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let known = self.mount_waits.iter().position(|wait| wait.record == id);
        let missing = self.missing(env, id);
        match (known, missing) {
            (None, None) => return true,
            (Some(at), _) if self.mount_waits[at].mounted_at.is_some_and(|mounted| mounted <= env.now) => {
                self.mount_waits.swap_remove(at);
                self.mounts_over(env, id);
                return true;
            }
            (Some(at), None) => {
                let wait = &mut self.mount_waits[at];
                wait.sync_began = env.now;
                let mounted = *wait.mounted_at.get_or_insert_with(|| next_retry(wait.failing_since, env.now));
                self.wait_for_mounts(env, id, mounted.ceil_to_grid(env.now, POLL).min(env.now + SYNC_WAITS));
                return false;
            }
            (Some(at), Some(_)) => {
                let wait = &mut self.mount_waits[at];
                (wait.sync_began, wait.mounted_at) = (env.now, None);
            }
            (None, Some((volume, reference))) => {
                let now = env.now;
                let wait = MountWait { record: id, failing_since: now, sync_began: now, mounted_at: None };
                self.mount_waits.push(wait);
                let pod = self.records.get(id).pod.uid;
                let text = missing_text(env, reference);
                let text = set_up_failed(env.plan.strings.text(volume), &text);
                if R::REPEATS {
                    self.mount_repeats.push(MountRepeat { record: id, since: now, told: now, text: text.clone() });
                }
                env.pod_event(pod, KubeEvent::FailedMount, || text);
            }
        }
        self.wait_for_mounts(env, id, env.now + SYNC_WAITS);
        false
    }

    fn wait_for_mounts<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        until: SimTime,
    ) {
        self.records.get_mut(id).worker = Worker::Mounting;
        self.step(env, id, until - env.now);
    }

    /// The sync has waited long enough, or everything is mounted.
    pub(super) fn mounts_done<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let known = self.mount_waits.iter().position(|wait| wait.record == id);
        let mounted = known.and_then(|at| self.mount_waits[at].mounted_at);
        let missing = self.missing(env, id);
        if let (Some(at), None) = (known, missing)
            && mounted.is_some_and(|mounted| mounted <= env.now)
        {
            self.mount_waits.swap_remove(at);
            self.mounts_over(env, id);
            self.volumes_mounted(env, id);
            return;
        }
        let record = self.records.get_mut(id);
        record.failed_sync = true;
        let pod = record.pod.uid;
        if let Some((volume, _)) = missing {
            env.pod_event(pod, KubeEvent::FailedMount, || {
                let volume = env.plan.strings.text(volume);
                format!(
                    "Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[], \
                     failed to process volumes=[]: timed out waiting for the condition"
                )
            });
        }
        self.end_sync(env, id);
    }

    /// A ConfigMap or Secret changed: pods that wait for it find it at the next retry of their mounts.
    pub(super) fn retry_mounts<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        self.mounts_changed(env);
        for at in 0..self.mount_waits.len() {
            let wait = self.mount_waits[at];
            let record = self.records.get(wait.record);
            if wait.mounted_at.is_some()
                || record.worker != Worker::Mounting
                || self.missing(env, wait.record).is_some()
            {
                continue;
            }
            let mounted = next_retry(wait.failing_since, env.now);
            self.mount_waits[at].mounted_at = Some(mounted);
            let seen = mounted.ceil_to_grid(wait.sync_began, POLL).max(env.now);
            if seen <= wait.sync_began + SYNC_WAITS {
                self.step(env, wait.record, seen - env.now);
            }
        }
    }

    /// The pod does not wait any more.
    pub(super) fn forget_mounts(&mut self, id: RecordId) {
        self.mount_waits.retain(|wait| wait.record != id);
    }

    /// A volume whose content is missing, and what is missing.
    pub(super) fn missing<'p, T, R>(&self, env: &Env<'p, T, R>, id: RecordId) -> Option<(StrId, &'p ConfigRef)> {
        let template = &env.plan.templates[self.records.get(id).template];
        template.volumes.iter().find_map(|volume| match &volume.source {
            VolumeSource::Config(refs) => refs.iter().find(|r| !is_there(env, r)).map(|r| (volume.name, r)),
            _ => None,
        })
    }
}

/// Upstream's text for a volume that cannot be mounted, because of `why`.
pub(super) fn set_up_failed(volume: &str, why: &str) -> String {
    format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}")
}

/// The first retry at or after `now` of an operation that has failed since `since`.
pub(super) fn next_retry(since: SimTime, now: SimTime) -> SimTime {
    let (mut retry, mut wait) = (since + RETRY, RETRY);
    while retry < now {
        wait = (wait * 2).min(RETRY_MAX);
        retry += wait;
    }
    retry
}

/// Whether a reference to a ConfigMap or Secret can be followed now.
pub(super) fn is_there<T, R>(env: &Env<'_, T, R>, reference: &ConfigRef) -> bool {
    reference.optional
        || env.cluster.config(reference.config).is_some_and(|keys| reference.keys.iter().all(|key| keys.contains(key)))
}

/// Upstream's text for a reference that leads nowhere.
pub(super) fn missing_text<T, R>(env: &Env<'_, T, R>, reference: &ConfigRef) -> String {
    let object = &env.plan.configs[reference.config];
    let strings = &env.plan.strings;
    let (kind, title) = match object.kind {
        ConfigKind::ConfigMap => ("configmap", "ConfigMap"),
        ConfigKind::Secret => ("secret", "Secret"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_double_up_to_two_minutes() {
        let at = |millis: i64| SimTime::default() + SimDuration::from_millis(millis);
        let next = |now: i64| next_retry(at(0), at(now));
        assert_eq!([0, 500, 501, 1500, 3400].map(next), [500, 500, 1500, 1500, 3500].map(at));
        // 0.5 s + 1 s + ... + 64 s = 127.5 s; then every 122 s.
        assert_eq!([127_501, 249_501].map(next), [249_500, 371_500].map(at));
    }
}
