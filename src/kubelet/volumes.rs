//! Volumes of CSI drivers: which of them a node's kubelet has in use and tells the API server of, and what a pod waits for before
//! they are mounted. Mirrors pkg/kubelet/volumemanager/{volume_manager,reconciler/reconciler_common}.go and
//! GenerateVerifyControllerAttachedVolumeFunc of pkg/volume/util/operationexecutor, v1.34 (spec 3.4). Attaches nothing itself.

use super::kubelet::{Kubelets, Timer};
use super::runtime::RecordId;
use crate::api::Op;
use crate::base::SimDuration;
use crate::component::Env;
use crate::engine::Timers;
use crate::model::{ClaimName, NodeId, PodVolume, StrId, TemplateId, VolumeSource};
use crate::record::Recorder;

/// The claims of a template's pods.
fn claims<'p, T, R>(env: &Env<'p, T, R>, template: TemplateId) -> impl Iterator<Item = ClaimName> + 'p {
    let volumes = &env.plan.classes[env.plan.templates[template].class].volumes;
    volumes.iter().filter_map(|volume| match volume {
        PodVolume::Claim(claim) => Some(*claim),
        _ => None,
    })
}

impl Kubelets {
    /// A claim of the pod whose volume the kubelet cannot mount yet: the claim is not bound, the volume is not attached, or the
    /// API server was not told yet that it is in use.
    pub(super) fn unattached<T, R>(&self, env: &Env<'_, T, R>, id: RecordId) -> Option<ClaimName> {
        let record = self.records.get(id);
        let row = env.cluster.nodes().get(record.node);
        let storage = env.cluster.storage();
        let is_ready = |&claim: &ClaimName| {
            if storage.claim(claim).is_none_or(|claim| claim.bound_to().is_none()) {
                return false;
            }
            let Some((volume, _)) = storage.attachable(claim) else { return true };
            storage.attachment(volume.name, row.name).is_some_and(|attachment| attachment.attached)
                && row.volumes_in_use.contains(&volume.name)
        };
        claims(env, record.template).find(|claim| !is_ready(claim))
    }

    /// How long the pod's volumes take to be mounted, once they are attached: as long as the slowest.
    pub(super) fn mount_takes<T, R>(&self, env: &Env<'_, T, R>, id: RecordId) -> SimDuration {
        let record = self.records.get(id);
        if record.mounted {
            return SimDuration::ZERO;
        }
        let csi = claims(env, record.template).filter(|&claim| env.cluster.storage().csi_volume(claim).is_some());
        let draw = env.draws.workload(record.workload).latency;
        let takes = csi.enumerate().map(|(at, _)| {
            let address = (u64::from(record.sandboxes) << 32) | at as u64;
            let mut rng = draw.at(u64::from(record.ordinal), address, 4);
            SimDuration::from_secs_f64(env.plan.control_plane.volume_mount.sample(&mut rng))
        });
        takes.max().unwrap_or_default()
    }

    /// What the pod calls the volume of this claim.
    pub(super) fn volume_name<T, R>(&self, env: &Env<'_, T, R>, id: RecordId, claim: ClaimName) -> StrId {
        let template = self.records.get(id).template;
        let number = claims(env, template).position(|other| other == claim);
        let volumes = &env.plan.templates[template].volumes;
        let mut named = volumes.iter().filter(|volume| volume.source == VolumeSource::Claim);
        number.and_then(|number| named.nth(number)).map_or(claim.name, |volume| volume.name)
    }

    /// The first claim of the pod that a driver serves.
    pub(super) fn csi_claim<T, R>(&self, env: &Env<'_, T, R>, id: RecordId) -> Option<ClaimName> {
        let storage = env.cluster.storage();
        claims(env, self.records.get(id).template).find(|&claim| storage.csi_volume(claim).is_some())
    }

    /// A pod of this template has come to a machine or left it: if it has claims, the next status of the node tells what is in
    /// use.
    pub(super) fn volumes_changed<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        template: TemplateId,
    ) {
        let machine = &mut self.machines[node];
        if machine.status_timer.is_some() || !machine.up || claims(env, template).next().is_none() {
            return;
        }
        let period = env.plan.control_plane.node_status_period;
        let at = if period > SimDuration::ZERO { env.now.ceil_to_grid(machine.lease_phase, period) } else { env.now };
        machine.status_timer = Some(env.timers.at(at, Timer::NodeStatus(node)));
    }

    /// The kubelet tells which volumes its pods use.
    pub(super) fn tell_volumes<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        self.machines[node].status_timer = None;
        let mut volumes: Vec<StrId> = Vec::new();
        for id in self.records.chain(self.machines[node].first_record) {
            let storage = env.cluster.storage();
            let here = claims(env, self.records.template_of(id));
            volumes.extend(here.filter_map(|claim| storage.attachable(claim)).map(|(volume, _)| volume.name));
        }
        volumes.sort_unstable();
        volumes.dedup();
        if env.cluster.request(env.now, Op::SetVolumesInUse(node, &volumes)).is_ok() {
            let name = env.cluster.nodes().get(node).name;
            self.retry_mounts(env, Some(name));
        }
    }
}
