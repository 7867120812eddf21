//! The volume controller and the provisioners: claims that bind at once get their volumes, claims whose binding waits for a pod
//! get the one that the scheduler chose, and volumes are made where there is none. Mirrors
//! pkg/controller/volume/persistentvolume/{pv_controller,index}.go and the external provisioner, v1.34 (spec 3.5). Must not
//! know pods.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Change, Op};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::storage::{
    AttachmentName, BindingMode, ClaimPhase, ClaimRef, PersistentVolume, PersistentVolumeClaim, ReclaimPolicy,
    VolumePhase,
};
use crate::model::strings::known;
use crate::model::volume_match::find_matching_volume;
use crate::model::{ClaimName, NodeLabels, NodeTerm, StorageKey, StorageObject, StorageSet, StrId};
use crate::record::fact::NoteId;
use crate::record::{Fact, KubeEvent, Recorder, Subject};

/// `--pvclaimbinder-sync-period`: claims without a volume are looked at again.
const RESYNC: SimDuration = SimDuration::from_secs(15);

/// Timers of this controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// A provisioner has made a volume for a claim.
    Provisioned(ClaimName),
    /// It is time to look at all claims.
    Resync,
}

/// The volume controller with the provisioners.
#[derive(Clone, Debug, Default)]
pub struct VolumeBinder {
    /// Claims for which a volume is being made.
    provisioning: BTreeSet<ClaimName>,
    resync_armed: bool,
    /// What was told of claims last.
    told: BTreeMap<ClaimName, KubeEvent>,
}

/// What is to be done about a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing, at least for now.
    Wait,
    /// It gets this volume.
    Bind(StrId),
    /// A volume is to be made.
    Provision,
    /// Its volume is gone, or has become somebody else's.
    Lose,
}

/// What becomes of a volume whose claim is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reclaim {
    /// It stays, Released.
    Keep,
    /// It goes, data and all.
    Delete,
    /// Nobody can delete it.
    Fail,
}

/// What becomes of a volume whose claim is gone; a driver deletes none that is still attached.
#[must_use]
pub const fn reclaim(policy: ReclaimPolicy, driver: Option<StrId>, is_attached: bool) -> Reclaim {
    match (policy, driver) {
        (ReclaimPolicy::Retain, _) => Reclaim::Keep,
        (ReclaimPolicy::Delete, Some(_)) if is_attached => Reclaim::Keep,
        (ReclaimPolicy::Delete, Some(_)) => Reclaim::Delete,
        (ReclaimPolicy::Delete | ReclaimPolicy::Recycle, _) => Reclaim::Fail,
    }
}

/// Whether the claim that a volume was bound to is gone.
#[must_use]
pub fn is_orphan(volume: &PersistentVolume, storage: &StorageSet) -> bool {
    volume
        .claim
        .is_some_and(|of| of.uid != known::EMPTY && storage.claim(of.claim).is_none_or(|claim| claim.uid != of.uid))
}

/// Where no node is meant.
enum NoNode {}

impl NodeLabels for NoNode {
    fn name(&self) -> StrId {
        match *self {}
    }

    fn label(&self, _: StrId) -> Option<StrId> {
        match *self {}
    }

    fn number(&self, _: StrId) -> Option<i64> {
        match *self {}
    }
}

/// What is to be done about a claim.
#[must_use]
pub fn step(claim: &PersistentVolumeClaim, storage: &StorageSet) -> Step {
    if claim.phase == ClaimPhase::Lost || claim.is_deleting {
        return Step::Wait;
    }
    if let Some(name) = claim.volume {
        let volume = storage.volume(name);
        let is_free = volume.is_some_and(|volume| volume.claim.is_none() || volume.is_bound_to(claim));
        let is_done =
            claim.phase == ClaimPhase::Bound && volume.is_some_and(|volume| volume.phase == VolumePhase::Bound);
        return match (is_free, claim.bind_completed) {
            (true, true) if is_done => Step::Wait,
            (true, _) => Step::Bind(name),
            (false, true) => Step::Lose,
            (false, false) => Step::Wait,
        };
    }
    let class = storage.class(claim.class_name());
    let is_delayed = class.is_some_and(|class| class.binding_mode == BindingMode::WaitForFirstConsumer);
    // Volumes with fewer access modes come first.
    let found = (1..=4).find_map(|modes| {
        let fitting = |volume: &&PersistentVolume| {
            volume.access_modes.len() == modes && volume.access_modes.contains(claim.access_modes)
        };
        let volumes = storage.volumes_of(claim.class_name()).filter(fitting);
        find_matching_volume(claim, volumes, None::<&NoNode>, &[], is_delayed)
    });
    match found {
        Some(volume) => Step::Bind(volume),
        None if is_delayed && claim.selected_node.is_none() => Step::Wait,
        None if class.is_some_and(|class| class.provisions) => Step::Provision,
        None => Step::Wait,
    }
}

impl VolumeBinder {
    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::Storage(StorageKey::Claim(name)) if env.cluster.storage().claim(name).is_none() => {
                self.told.remove(&name);
                let had =
                    env.cluster.storage().volumes().filter(|volume| volume.claim.is_some_and(|of| of.claim == name));
                for volume in had.map(|volume| volume.name).collect::<Vec<_>>() {
                    self.sync_volume(env, volume);
                }
            }
            Change::Storage(StorageKey::Claim(name)) => self.sync(env, name),
            Change::Storage(StorageKey::Volume(name)) => self.sync_volume(env, name),
            // A volume is deleted when it is attached nowhere.
            Change::Storage(StorageKey::Attachment(AttachmentName::Of { volume, .. })) => {
                let released = env.cluster.storage().volume(volume).is_some_and(|of| of.phase == VolumePhase::Released);
                if released {
                    self.sync_volume(env, volume);
                }
            }
            Change::Storage(StorageKey::Class(_)) => self.arm_resync(env),
            _ => {}
        }
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        match timer {
            Timer::Provisioned(claim) => self.provisioned(env, claim),
            Timer::Resync => {
                self.resync_armed = false;
                let unbound = env.cluster.storage().claims().filter(|claim| claim.bound_to().is_none());
                let unbound: Vec<ClaimName> = unbound.map(|claim| claim.name).collect();
                for claim in unbound {
                    self.sync(env, claim);
                }
            }
        }
    }

    fn sync<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: ClaimName) {
        let Some(claim) = env.cluster.storage().claim(name) else { return };
        match step(claim, env.cluster.storage()) {
            Step::Wait => {
                self.grow(env, name);
                self.tell_wait(env, name);
            }
            Step::Lose => {
                let lost = PersistentVolumeClaim { phase: ClaimPhase::Lost, ..claim.clone() };
                put(env, StorageObject::Claim(lost));
                self.tell(env, name, KubeEvent::ClaimLost, |_| {
                    "Bound claim has lost its PersistentVolume. Data on the volume is lost!".to_owned()
                });
                tell_phase(env, name, ClaimPhase::Lost);
            }
            Step::Bind(volume) => {
                if let Some(volume) = env.cluster.storage().volume(volume) {
                    let (claim, volume) = (claim.clone(), volume.clone());
                    bind(env, claim, volume);
                }
            }
            Step::Provision => {
                if self.provisioning.insert(name) {
                    let address = (u64::from(name.namespace.raw()), u64::from(name.name.raw()));
                    let mut rng = env.draws.storage.at(address.0, address.1, 0);
                    let takes = env.plan.control_plane.volume_provisioning.sample(&mut rng);
                    env.timers.after(SimDuration::from_secs_f64(takes), Timer::Provisioned(name));
                    let class = env.cluster.storage().claim(name).map(PersistentVolumeClaim::class_name);
                    let class = class.and_then(|class| env.cluster.storage().class(class));
                    let by = class.map(|class| class.provisioner);
                    self.tell(env, name, KubeEvent::ExternalProvisioning, |plan| {
                        format!(
                            "Waiting for a volume to be created either by the external provisioner '{}' or manually by the \
                             system administrator. If volume creation is delayed, please verify that the provisioner is \
                             running and correctly registered.",
                            by.map_or("", |by| plan.strings.text(by))
                        )
                    });
                }
            }
        }
    }

    fn sync_volume<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: StrId) {
        let Some(volume) = env.cluster.storage().volume(name) else {
            let had = env.cluster.storage().claims().filter(|claim| claim.volume == Some(name));
            for claim in had.map(|claim| claim.name).collect::<Vec<_>>() {
                self.sync(env, claim);
            }
            return;
        };
        let (claim, phase) = (volume.claim, volume.phase);
        if is_orphan(volume, env.cluster.storage()) && phase != VolumePhase::Failed {
            release(env, &volume.clone());
            return;
        }
        if phase == VolumePhase::Pending {
            let available = PersistentVolume { phase: VolumePhase::Available, ..volume.clone() };
            put(env, StorageObject::Volume(available));
        }
        match claim {
            Some(ClaimRef { claim, .. }) => self.sync(env, claim),
            None => self.arm_resync(env),
        }
    }

    /// As upstream, what appears helps waiting claims when they are looked at the next time.
    fn arm_resync<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        if !self.resync_armed && env.cluster.storage().claims().any(|claim| claim.bound_to().is_none()) {
            self.resync_armed = true;
            let next = SimTime(env.now.0 + 1).ceil_to_grid(env.plan.start, RESYNC);
            env.timers.at(next, Timer::Resync);
        }
    }

    fn provisioned<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: ClaimName) {
        self.provisioning.remove(&name);
        let storage = env.cluster.storage();
        let Some(claim) = storage.claim(name).filter(|claim| claim.volume.is_none()) else { return };
        let Some(class) = storage.class(claim.class_name()) else { return };
        // The volume can be used in the zone of the node that it was made for.
        let nodes = env.cluster.nodes().entries().map(|(_, node)| node);
        let node = claim.selected_node.and_then(|name| nodes.into_iter().find(|node| node.exists && node.name == name));
        let labels = node.map(|node| env.plan.strings.labels(env.plan.shapes[node.shape].labels));
        let zone = labels.and_then(|labels| labels.get(known::LABEL_ZONE));
        let terms = zone.map(|zone| -> Box<[NodeTerm]> { Box::new([NodeTerm::equal(known::LABEL_ZONE, zone)]) });
        let volume = PersistentVolume::provisioned(claim, class, claim.provisioned, terms);
        let claim = claim.clone();
        let made = volume.name;
        bind(env, claim, volume);
        self.tell(env, name, KubeEvent::ProvisioningSucceeded, |plan| {
            format!("Successfully provisioned volume {}", plan.strings.text(made))
        });
    }

    /// A bound claim that asks for more than its volume has: the driver makes the volume larger.
    fn grow<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: ClaimName) {
        let storage = env.cluster.storage();
        let Some(claim) = storage.claim(name) else { return };
        let Some(volume) = claim.bound_to().and_then(|volume| storage.volume(volume)) else { return };
        let expands = storage.class(claim.class_name()).is_some_and(|class| class.expands);
        if expands && volume.is_bound_to(claim) && claim.size() > volume.capacity {
            let larger = PersistentVolume { capacity: claim.size(), ..volume.clone() };
            put(env, StorageObject::Volume(larger));
            self.told.remove(&name);
            self.tell(env, name, KubeEvent::VolumeResizeSuccessful, |_| "Resize volume succeeded".to_owned());
        }
    }

    /// Says what an unbound claim waits for.
    fn tell_wait<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: ClaimName) {
        let storage = env.cluster.storage();
        let Some(claim) = storage.claim(name).filter(|claim| claim.volume.is_none() && !claim.is_deleting) else {
            return;
        };
        let class = claim.class_name();
        match storage.class(class) {
            Some(of) if of.binding_mode == BindingMode::WaitForFirstConsumer && claim.selected_node.is_none() => {
                self.tell(env, name, KubeEvent::WaitForFirstConsumer, |_| {
                    "waiting for first consumer to be created before binding".to_owned()
                });
            }
            None if class == known::EMPTY => self.tell(env, name, KubeEvent::FailedBinding, |_| {
                "no persistent volumes available for this claim and no storage class is set".to_owned()
            }),
            None => self.tell(env, name, KubeEvent::ProvisioningFailed, |plan| {
                format!("storageclass.storage.k8s.io \"{}\" not found", plan.strings.text(class))
            }),
            Some(_) => {}
        }
    }

    /// Tells an Event about a claim, unless it was the last that was told.
    fn tell<T, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        claim: ClaimName,
        event: KubeEvent,
        text: impl FnOnce(&Plan) -> String,
    ) {
        if R::ON && self.told.insert(claim, event) != Some(event) {
            let subject = Subject::Claim(claim_note(env, claim));
            let plan = env.plan;
            env.event(subject, event, || text(plan));
        }
    }
}

/// `namespace/name`, kept for facts.
pub(super) fn claim_note<T, R: Recorder>(env: &mut Env<'_, T, R>, claim: ClaimName) -> NoteId {
    let text = |id| env.plan.strings.text(id);
    env.recorder.note(|| format!("{}/{}", text(claim.namespace), text(claim.name)))
}

fn tell_phase<T, R: Recorder>(env: &mut Env<'_, T, R>, claim: ClaimName, phase: ClaimPhase) {
    if R::ON {
        let note = claim_note(env, claim);
        env.recorder.fact(env.now, Fact::Claim(note, Some(phase)));
    }
}

/// The claim of a volume is gone.
fn release<T, R: Recorder>(env: &mut Env<'_, T, R>, volume: &PersistentVolume) {
    let released = PersistentVolume { phase: VolumePhase::Released, ..volume.clone() };
    put(env, StorageObject::Volume(released));
    if volume.is_deleting {
        // Who protects it lets it go.
        return;
    }
    let is_attached = env.cluster.storage().is_attached(volume.name);
    match reclaim(volume.reclaim, volume.backing.driver(), is_attached) {
        Reclaim::Keep => {}
        Reclaim::Delete => {
            let _ = env.cluster.request(env.now, Op::RemoveStorage(StorageKey::Volume(volume.name)));
        }
        Reclaim::Fail => {
            put(env, StorageObject::Volume(PersistentVolume { phase: VolumePhase::Failed, ..volume.clone() }));
        }
    }
}

fn put<T, R: Recorder>(env: &mut Env<'_, T, R>, object: StorageObject) {
    // Refused if nothing changes.
    let _ = env.cluster.request(env.now, Op::PutStorage(&object));
}

/// Binds a claim and a volume to each other, the volume first.
fn bind<T, R: Recorder>(env: &mut Env<'_, T, R>, claim: PersistentVolumeClaim, volume: PersistentVolume) {
    let claim_ref = Some(ClaimRef { claim: claim.name, uid: claim.uid });
    let name = Some(volume.name);
    put(env, StorageObject::Volume(PersistentVolume { claim: claim_ref, phase: VolumePhase::Bound, ..volume }));
    let (claim_name, was) = (claim.name, claim.phase);
    let bound = PersistentVolumeClaim { volume: name, bind_completed: true, phase: ClaimPhase::Bound, ..claim };
    put(env, StorageObject::Claim(bound));
    if was != ClaimPhase::Bound {
        tell_phase(env, claim_name, ClaimPhase::Bound);
    }
}
