//! Protection of claims and volumes that are in use: one whose deletion was requested stays, Terminating, until nobody needs it.
//! Mirrors pkg/controller/volume/{pvcprotection,pvprotection}, v1.34 (spec 3.5). Must not know who binds them.

use crate::api::{Change, Cluster, Op};
use crate::component::Env;
use crate::model::plan::Plan;
use crate::model::storage::{PersistentVolume, VolumePhase};
use crate::model::{ClaimName, PodVolume, StorageKey, StrId, TemplateId};
use crate::record::{Fact, Recorder};

/// Whether a volume whose deletion was requested may go: no claim is bound to it.
#[must_use]
pub fn lets_go(volume: &PersistentVolume) -> bool {
    volume.is_deleting && volume.phase != VolumePhase::Bound
}

/// The controllers for claims and volumes.
#[derive(Clone, Debug, Default)]
pub struct VolumeProtection {
    /// Claims that are Terminating.
    deleting: Vec<ClaimName>,
}

impl VolumeProtection {
    /// A change that controllers see.
    pub fn on_change<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::Storage(StorageKey::Claim(name)) => {
                self.deleting.retain(|other| *other != name);
                if env.cluster.storage().claim(name).is_some_and(|claim| claim.is_deleting) {
                    self.deleting.push(name);
                    release(env, name);
                }
            }
            Change::Storage(StorageKey::Volume(name)) => release_volume(env, name),
            Change::PodStatus { pod, old_phase, phase, .. }
                if phase.is_terminal() && !old_phase.is_terminal() && env.cluster.pods().exists(pod) =>
            {
                let template = env.cluster.pods().template(pod.pod);
                self.left(env, template);
            }
            Change::PodRemoved { template, .. } => self.left(env, template),
            _ => {}
        }
    }

    /// A pod needs its claims no more.
    fn left<T, R: Recorder>(&self, env: &mut Env<'_, T, R>, template: TemplateId) {
        for &name in &self.deleting {
            if uses(env.plan, template, name) {
                release(env, name);
            }
        }
    }
}

fn uses(plan: &Plan, template: TemplateId, name: ClaimName) -> bool {
    plan.classes[plan.templates[template].class].volumes.contains(&PodVolume::Claim(name))
}

/// Whether a pod that has not ended uses a claim.
fn is_used(cluster: &Cluster, plan: &Plan, name: ClaimName) -> bool {
    let pods = cluster.pods();
    pods.iter().any(|pod| !pods.phase(pod.pod).is_terminal() && uses(plan, pods.template(pod.pod), name))
}

/// Removes a claim that nobody uses.
fn release<T, R: Recorder>(env: &mut Env<'_, T, R>, name: ClaimName) {
    if is_used(env.cluster, env.plan, name) {
        return;
    }
    if env.cluster.request(env.now, Op::RemoveStorage(StorageKey::Claim(name))).is_ok() && R::ON {
        let note = super::volume_binder::claim_note(env, name);
        env.recorder.fact(env.now, Fact::Claim(note, None));
    }
}

/// Removes a volume that no claim is bound to.
fn release_volume<T, R: Recorder>(env: &mut Env<'_, T, R>, name: StrId) {
    if env.cluster.storage().volume(name).is_some_and(lets_go) {
        let _ = env.cluster.request(env.now, Op::RemoveStorage(StorageKey::Volume(name)));
    }
}
