//! Pods that wait for their volumes: for a ConfigMap or Secret, for an attachment, for the mount itself. Mirrors pkg/kubelet/volumemanager and
//! pkg/util/goroutinemap/exponentialbackoff, v1.34 (spec 2.1, 3.3): failed operations are retried with a growing wait,
//! the pod's sync looks for their success on a grid of its own and gives up from time to time.

use super::kubelet::{Kubelets, Timer};
use super::records::Brief;
use super::repeats::MountRepeat;
use super::runtime::{RecordId, Worker};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::{ClaimName, ConfigKind, ConfigRef, StrId, VolumeSource};
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

/// What a pod waits for.
#[derive(Clone, Copy)]
pub(super) enum Missing<'p> {
    /// Content of this volume.
    Config(StrId, &'p ConfigRef),
    /// The volume of this claim at its node.
    Volume(ClaimName),
}

impl Kubelets {
    /// Whether every volume is mounted; if not, the sync waits for that.
    pub(super) fn mount<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let known = self.mount_waits.iter().position(|wait| wait.record == id);
        let missing = self.missing(env, id);
        let now = env.now;
        let at = match (known, missing) {
            (None, None) => {
                let takes = self.mount_takes(env, id);
                if takes == SimDuration::ZERO {
                    self.records.get_mut(id).mounted = true;
                    return true;
                }
                let mounted_at = Some(now + takes);
                self.mount_waits.push(MountWait { record: id, failing_since: now, sync_began: now, mounted_at });
                self.mount_waits.len() - 1
            }
            (Some(at), _) if self.mount_waits[at].mounted_at.is_some_and(|mounted| mounted <= now) => {
                self.mounted(env, id, at);
                return true;
            }
            (Some(at), None) => {
                let takes = self.mount_takes(env, id);
                let wait = &mut self.mount_waits[at];
                wait.sync_began = now;
                wait.mounted_at.get_or_insert_with(|| next_retry(wait.failing_since, now) + takes);
                at
            }
            (Some(at), Some(_)) => {
                let wait = &mut self.mount_waits[at];
                (wait.sync_began, wait.mounted_at) = (now, None);
                at
            }
            (None, Some(missing)) => {
                let wait = MountWait { record: id, failing_since: now, sync_began: now, mounted_at: None };
                self.mount_waits.push(wait);
                // Nobody is told at once of volumes that are not attached.
                if let Missing::Config(volume, reference) = missing {
                    let pod = self.records.get(id).pod.uid;
                    let text = missing_text(env, reference);
                    let text = set_up_failed(env.plan.strings.text(volume), &text);
                    if R::REPEATS {
                        self.mount_repeats.push(MountRepeat { record: id, since: now, told: now, text: text.clone() });
                    }
                    env.pod_event(pod, KubeEvent::FailedMount, || text);
                }
                self.mount_waits.len() - 1
            }
        };
        let last = now + SYNC_WAITS;
        let seen = self.mount_waits[at].mounted_at.map_or(last, |mounted| mounted.ceil_to_grid(now, POLL).min(last));
        self.records.get_mut(id).worker = Worker::Mounting;
        self.step(env, id, seen - now);
        false
    }

    /// Everything is mounted.
    fn mounted<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, at: usize) {
        self.mount_waits.swap_remove(at);
        self.records.get_mut(id).mounted = true;
        self.mounts_over(env, id);
    }

    /// The sync has waited long enough, or everything is mounted.
    pub(super) fn mounts_done<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let known = self.mount_waits.iter().position(|wait| wait.record == id);
        let mounted = known.and_then(|at| self.mount_waits[at].mounted_at);
        let missing = self.missing(env, id);
        if let (Some(at), None) = (known, missing)
            && mounted.is_some_and(|mounted| mounted <= env.now)
        {
            self.mounted(env, id, at);
            self.volumes_mounted(env, id);
            return;
        }
        let record = self.records.get_mut(id);
        record.failed_sync = true;
        let pod = record.pod.uid;
        let waits = match missing {
            Some(Missing::Config(volume, _)) => Some((volume, false)),
            Some(Missing::Volume(claim)) => Some((self.volume_name(env, id, claim), true)),
            None => self.csi_claim(env, id).map(|claim| (self.volume_name(env, id, claim), false)),
        };
        if let Some((volume, unattached)) = waits {
            env.pod_event(pod, KubeEvent::FailedMount, || {
                let volume = env.plan.strings.text(volume);
                let unattached = if unattached { volume } else { "" };
                format!(
                    "Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[{unattached}], \
                     failed to process volumes=[]: timed out waiting for the condition"
                )
            });
        }
        self.end_sync(env, id);
    }

    /// A ConfigMap or Secret changed, or what is attached to a node: pods that wait for it find it at the next retry of their
    /// mounts.
    pub(super) fn retry_mounts<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: Option<StrId>) {
        if node.is_none() {
            self.mounts_changed(env);
        }
        for at in 0..self.mount_waits.len() {
            let wait = self.mount_waits[at];
            let record = self.records.get(wait.record);
            if node.is_some_and(|node| env.cluster.nodes().get(record.node).name != node)
                || wait.mounted_at.is_some()
                || record.worker != Worker::Mounting
                || self.missing(env, wait.record).is_some()
            {
                continue;
            }
            let mounted = next_retry(wait.failing_since, env.now) + self.mount_takes(env, wait.record);
            self.mount_waits[at].mounted_at = Some(mounted);
            let seen = mounted.ceil_to_grid(wait.sync_began, POLL).max(env.now);
            if seen <= wait.sync_began + SYNC_WAITS {
                self.step(env, wait.record, seen - env.now);
            }
        }
    }

    /// A claim changed: pods that wait may have a volume now.
    pub(super) fn claims_changed<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for at in 0..self.mount_waits.len() {
            let Brief { node, template, .. } = self.records.brief(self.mount_waits[at].record);
            self.volumes_changed(env, node, template);
        }
        if !self.mount_waits.is_empty() {
            self.retry_mounts(env, None);
        }
    }

    /// The pod does not wait any more.
    pub(super) fn forget_mounts(&mut self, id: RecordId) {
        self.mount_waits.retain(|wait| wait.record != id);
    }

    /// What keeps the pod's volumes from being mounted.
    pub(super) fn missing<'p, T, R>(&self, env: &Env<'p, T, R>, id: RecordId) -> Option<Missing<'p>> {
        let record = self.records.get(id);
        let template = &env.plan.templates[record.template];
        let config = template.volumes.iter().find_map(|volume| match &volume.source {
            VolumeSource::Config(refs) => {
                refs.iter().find(|r| !is_there(env, r)).map(|r| Missing::Config(volume.name, r))
            }
            _ => None,
        });
        let is_mounted = record.mounted || env.plan.classes[template.class].volumes.is_empty();
        config.or_else(|| if is_mounted { None } else { self.unattached(env, id).map(Missing::Volume) })
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
