//! The attach/detach controller: volumes of CSI drivers are attached to the nodes of the pods that use them, and detached when
//! no pod there does and the kubelet has unmounted them. Mirrors
//! pkg/controller/volume/attachdetach/{attach_detach_controller,reconciler/reconciler,cache/*}.go, v1.34 (spec 3.4). Must not
//! know kubelets: what they have mounted it reads from the nodes' statuses.
//!
//! Upstream compares what is and what should be every 100 ms; here a volume is looked at when something about it changes, and
//! when it is time to detach it by force.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::api::{Change, Cluster, Op, PodRef};
use crate::base::{Digest, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::storage::{AccessModes, AttachmentName};
use crate::model::strings::known;
use crate::model::{
    ClaimName, ConditionStatus, ContainerState, NodeId, PodUid, PodVolume, StorageKey, StorageObject, StrId,
    TemplateId, VolumeAttachment,
};
use crate::record::{Fact, KubeEvent, Recorder, VolumeStage};

/// A volume that a kubelet does not unmount is taken from an unhealthy node after this (`maxWaitForUnmountDuration`).
pub const FORCE_DETACH_AFTER: SimDuration = SimDuration::from_secs(360);

/// Timers of this controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// A driver has attached a volume to a node, or detached it.
    Done(StrId, NodeId),
    /// A volume may be detached by force.
    Due(StrId),
}

/// Whether several nodes may have a volume at a time. Source: IsMultiAttachAllowed of pkg/volume/util/util.go.
#[must_use]
pub const fn is_multi_attach_allowed(modes: AccessModes) -> bool {
    modes.is_empty() || modes.contains(AccessModes::READ_WRITE_MANY) || modes.contains(AccessModes::READ_ONLY_MANY)
}

/// A node that has a volume which no pod there uses any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaving {
    /// Its kubelet says that the volume is in use.
    pub in_use: bool,
    /// Whether it is Ready.
    pub healthy: bool,
    /// Whether it has the taint `node.kubernetes.io/out-of-service`.
    pub out_of_service: bool,
    /// How long nobody has been using the volume.
    pub waited: SimDuration,
}

impl Leaving {
    /// Whether the volume is detached now.
    #[must_use]
    pub const fn detaches(self) -> bool {
        let forced = !self.healthy && (self.out_of_service || self.waited.0 >= FORCE_DETACH_AFTER.0);
        !self.in_use || forced
    }
}

/// How far a volume is on its way to a node, or from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Attaching,
    Attached,
    Detaching,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    node: NodeId,
    stage: Stage,
    /// Since when no pod there uses it.
    unused_since: Option<SimTime>,
}

#[derive(Clone, Debug, Default)]
struct Volume {
    /// Pods that are to use it, in the order in which they were seen.
    users: Vec<(NodeId, PodRef)>,
    places: Vec<Place>,
    /// Nodes whose pods were told that it is elsewhere.
    told: Vec<NodeId>,
    /// How often something was done with it: addresses the draws.
    operations: u64,
}

impl Volume {
    fn is_used_on(&self, node: NodeId) -> bool {
        self.users.iter().any(|(user, _)| *user == node)
    }
}

/// The attach/detach controller.
#[derive(Clone, Debug, Default)]
pub struct AttachDetach {
    volumes: BTreeMap<StrId, Volume>,
    /// The volumes of the pods that use some. Never iterated.
    pods: FxHashMap<PodUid, SmallVec<[StrId; 1]>>,
    /// Pods on nodes whose claims have no volumes yet.
    unbound: Vec<(PodRef, NodeId)>,
    /// Volumes that nodes have without need.
    leaving: Vec<(NodeId, StrId)>,
}

impl AttachDetach {
    /// Whether a change is about a pod with claims: it concerns this controller, or those that protect claims.
    #[must_use]
    pub fn minds(cluster: &Cluster, plan: &Plan, change: &Change) -> bool {
        let template = match *change {
            Change::PodAdded { template, node: Some(_), .. } | Change::PodRemoved { template, .. } => template,
            Change::PodBound { pod, .. } | Change::PodStatus { pod, .. } | Change::PodDeleting { pod, .. }
                if cluster.pods().exists(pod) =>
            {
                cluster.pods().template(pod.pod)
            }
            _ => return false,
        };
        claims(plan, template).next().is_some()
    }

    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        match *change {
            Change::PodAdded { pod, node: Some(node), .. } | Change::PodBound { pod, node, .. }
                if env.cluster.pods().exists(pod) && has_claims(env, env.cluster.pods().template(pod.pod)) =>
            {
                self.add(env, pod, node);
            }
            Change::PodStatus { pod, .. } | Change::PodDeleting { pod, .. }
                if !self.pods.is_empty() && self.pods.contains_key(&pod.uid) && is_over(env.cluster, pod) =>
            {
                self.remove(env, pod);
            }
            Change::PodRemoved { pod, .. } if !self.pods.is_empty() || !self.unbound.is_empty() => {
                self.unbound.retain(|(other, _)| *other != pod);
                self.remove(env, pod);
            }
            Change::Storage(StorageKey::Claim(_)) if !self.unbound.is_empty() => {
                for (pod, node) in std::mem::take(&mut self.unbound) {
                    self.add(env, pod, node);
                }
            }
            Change::Storage(StorageKey::Attachment(AttachmentName::Of { volume, node })) => {
                self.adopt(env, volume, node);
            }
            Change::NodeVolumes(node) | Change::NodeReady(node, _) | Change::NodeTaints { node, .. }
                if !self.leaving.is_empty() =>
            {
                let here = self.leaving.iter().filter(|(other, _)| *other == node).map(|(_, volume)| *volume);
                for volume in here.collect::<Vec<_>>() {
                    self.reconcile(env, volume);
                }
            }
            _ => {}
        }
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        match timer {
            Timer::Due(volume) => self.reconcile(env, volume),
            Timer::Done(volume, node) => self.done(env, volume, node),
        }
    }

    /// A pod is on a node: its volumes are to be there.
    fn add<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef, node: NodeId) {
        if !env.cluster.pods().exists(pod) || is_over(env.cluster, pod) {
            return;
        }
        let mut volumes: SmallVec<[StrId; 1]> = SmallVec::new();
        let mut is_complete = true;
        let storage = env.cluster.storage();
        for claim in claims(env.plan, env.cluster.pods().template(pod.pod)) {
            is_complete &= storage.claim(claim).is_some_and(|claim| claim.bound_to().is_some());
            volumes.extend(storage.attachable(claim).map(|(volume, _)| volume.name));
        }
        volumes.sort_unstable();
        volumes.dedup();
        if !is_complete {
            self.unbound.push((pod, node));
        }
        if volumes.is_empty() {
            return;
        }
        let known = self.pods.insert(pod.uid, volumes.clone()).unwrap_or_default();
        for volume in volumes.into_iter().filter(|volume| !known.contains(volume)) {
            self.volumes.entry(volume).or_default().users.push((node, pod));
            self.reconcile(env, volume);
        }
    }

    /// A pod needs its volumes no more.
    fn remove<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef) {
        for name in self.pods.remove(&pod.uid).into_iter().flatten() {
            if let Some(volume) = self.volumes.get_mut(&name) {
                volume.users.retain(|(_, user)| *user != pod);
                self.reconcile(env, name);
            }
        }
    }

    /// An attachment that somebody else wrote.
    fn adopt<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: StrId, node: StrId) {
        let is_there = env.cluster.storage().attachment(name, node).is_some_and(|attachment| attachment.attached);
        let Some(node) = is_there.then(|| env.cluster.nodes().find(node)).flatten() else { return };
        let volume = self.volumes.entry(name).or_default();
        if !volume.places.iter().any(|place| place.node == node) {
            volume.places.push(Place { node, stage: Stage::Attached, unused_since: None });
            self.reconcile(env, name);
        }
    }

    /// Brings what is closer to what should be: first what is to be detached, as upstream does it.
    fn reconcile<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: StrId) {
        let Some(volume) = self.volumes.get_mut(&name) else { return };
        for at in 0..volume.places.len() {
            let Place { node, stage, unused_since } = volume.places[at];
            if stage != Stage::Attached {
                continue;
            }
            if volume.is_used_on(node) {
                volume.places[at].unused_since = None;
                self.leaving.retain(|leaving| *leaving != (node, name));
                continue;
            }
            let since = unused_since.unwrap_or(env.now);
            if leaving(env.cluster, name, node, env.now - since).detaches() {
                (volume.places[at].stage, volume.places[at].unused_since) = (Stage::Detaching, None);
                self.leaving.retain(|leaving| *leaving != (node, name));
                // Kubelets must not mount it from here on.
                put(env, name, node, false);
                begin(env, volume, name, node, Stage::Detaching);
            } else if unused_since.is_none() {
                volume.places[at].unused_since = Some(since);
                self.leaving.push((node, name));
                env.timers.at(since + FORCE_DETACH_AFTER, Timer::Due(name));
            }
        }
        let shared =
            env.cluster.storage().volume(name).is_none_or(|volume| is_multi_attach_allowed(volume.access_modes));
        let mut wanted: SmallVec<[NodeId; 2]> = SmallVec::new();
        for &(node, _) in &volume.users {
            if !wanted.contains(&node) && !volume.places.iter().any(|place| place.node == node) {
                wanted.push(node);
            }
        }
        volume.told.retain(|node| wanted.contains(node));
        for node in wanted {
            if shared || volume.places.is_empty() {
                volume.places.push(Place { node, stage: Stage::Attaching, unused_since: None });
                put(env, name, node, false);
                begin(env, volume, name, node, Stage::Attaching);
            } else if volume.places.iter().all(|place| place.stage == Stage::Attached) && !volume.told.contains(&node) {
                volume.told.push(node);
                tell_multi_attach(env, volume, name, node);
            }
        }
        if volume.users.is_empty() && volume.places.is_empty() {
            self.volumes.remove(&name);
        }
    }

    /// A driver is done.
    fn done<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, name: StrId, node: NodeId) {
        let Some(volume) = self.volumes.get_mut(&name) else { return };
        let Some(at) = volume.places.iter().position(|place| place.node == node) else { return };
        if volume.places[at].stage == Stage::Attaching {
            volume.places[at].stage = Stage::Attached;
            put(env, name, node, true);
            tell_stage(env, name, node, VolumeStage::Attached);
            for &(user, pod) in &volume.users {
                if user == node {
                    let plan = env.plan;
                    env.pod_event(pod.uid, KubeEvent::SuccessfulAttachVolume, || {
                        format!("AttachVolume.Attach succeeded for volume \"{}\" ", plan.strings.text(name))
                    });
                }
            }
        } else {
            volume.places.remove(at);
            let key = AttachmentName::Of { volume: name, node: env.cluster.nodes().get(node).name };
            let _ = env.cluster.request(env.now, Op::RemoveStorage(StorageKey::Attachment(key)));
            tell_stage(env, name, node, VolumeStage::Detached);
        }
        self.reconcile(env, name);
    }
}

/// The claims of a template's pods.
fn claims(plan: &Plan, template: TemplateId) -> impl Iterator<Item = ClaimName> + '_ {
    let volumes = &plan.classes[plan.templates[template].class].volumes;
    volumes.iter().filter_map(|volume| match volume {
        PodVolume::Claim(claim) => Some(*claim),
        _ => None,
    })
}

fn has_claims<T, R>(env: &Env<'_, T, R>, template: TemplateId) -> bool {
    claims(env.plan, template).next().is_some()
}

/// Whether a pod runs nothing and never will. Source: IsPodTerminated of pkg/volume/util/util.go.
fn is_over(cluster: &Cluster, pod: PodRef) -> bool {
    let pods = cluster.pods();
    let runs = |status: crate::model::ContainerStatus| matches!(status.state, ContainerState::Running { .. });
    pods.exists(pod)
        && (pods.phase(pod.pod).is_terminal()
            || pods.deleting(pod.pod) && !pods.containers(pod.pod).any(|stored| runs(stored.unpack(known::EMPTY))))
}

fn leaving(cluster: &Cluster, volume: StrId, node: NodeId, waited: SimDuration) -> Leaving {
    let row = cluster.nodes().get(node);
    Leaving {
        in_use: row.volumes_in_use.contains(&volume),
        healthy: row.exists && row.ready == ConditionStatus::True,
        out_of_service: row.exists && row.taints.iter().any(|(taint, _)| taint.key == known::TAINT_OUT_OF_SERVICE),
        waited,
    }
}

/// A driver begins to attach or detach.
fn begin<T: Timers<Timer>, R: Recorder>(
    env: &mut Env<'_, T, R>,
    volume: &mut Volume,
    name: StrId,
    node: NodeId,
    what: Stage,
) {
    let settings = &env.plan.control_plane;
    let (spread, stage) = match what {
        Stage::Detaching => (&settings.volume_detach, VolumeStage::Detaching),
        _ => (&settings.volume_attach, VolumeStage::Attaching),
    };
    // An entity is named by what it is.
    let word = |text: &str| {
        let mut digest = Digest::default();
        text.bytes().for_each(|byte| digest.fold(u64::from(byte)));
        digest.value()
    };
    let strings = &env.plan.strings;
    let address = (word(strings.text(name)), word(strings.text(env.cluster.nodes().get(node).name)));
    let takes = spread.sample(&mut env.draws.storage.at(address.0, address.1, 1 + volume.operations));
    volume.operations += 1;
    tell_stage(env, name, node, stage);
    env.timers.after(SimDuration::from_secs_f64(takes), Timer::Done(name, node));
}

fn put<T, R: Recorder>(env: &mut Env<'_, T, R>, volume: StrId, node: NodeId, attached: bool) {
    let node = env.cluster.nodes().get(node).name;
    let handle = env.cluster.storage().volume(volume).map(|volume| volume.backing.driver());
    let before = env.cluster.storage().attachment(volume, node).map(|attachment| attachment.attacher);
    let attacher = before.or(handle.flatten()).unwrap_or(known::EMPTY);
    let name = AttachmentName::Of { volume, node };
    let object = StorageObject::Attachment(VolumeAttachment { name, attacher, node, attached });
    // Refused if it is so already.
    let _ = env.cluster.request(env.now, Op::PutStorage(&object));
}

fn tell_stage<T, R: Recorder>(env: &mut Env<'_, T, R>, volume: StrId, node: NodeId, stage: VolumeStage) {
    if R::ON {
        let (plan, now) = (env.plan, env.now);
        let volume = env.recorder.note(|| plan.strings.text(volume).to_owned());
        env.recorder.fact(now, Fact::Volume { volume, node, stage });
    }
}

/// Pods on `node` wait for a volume that other nodes have. Source: reportMultiAttachError.
fn tell_multi_attach<T, R: Recorder>(env: &mut Env<'_, T, R>, volume: &Volume, name: StrId, node: NodeId) {
    if !R::ON {
        return;
    }
    let plan = env.plan;
    let full = |pod: PodRef| {
        let pods = env.cluster.pods();
        let ((workload, ordinal), template) = (pods.source(pod.pod), pods.template(pod.pod));
        (plan.workloads[workload].namespace, plan.pod_name(workload, template, ordinal))
    };
    let elsewhere = volume.users.iter().filter(|(user, pod)| *user != node && env.cluster.pods().exists(*pod));
    let elsewhere: Vec<_> = elsewhere.map(|(_, pod)| full(*pod)).collect();
    let waiting: Vec<_> = volume.users.iter().filter(|(user, _)| *user == node).map(|(_, pod)| *pod).collect();
    for pod in waiting {
        let (namespace, _) = full(pod);
        let here: Vec<&str> = elsewhere.iter().filter(|other| other.0 == namespace).map(|other| &*other.1).collect();
        let others = elsewhere.len() - here.len();
        let why = match (here.is_empty(), others) {
            (true, 0) => {
                "Volume is already exclusively attached to one node and can't be attached to another".to_owned()
            }
            (true, _) => format!("Volume is already used by {others} pod(s) in different namespaces"),
            (false, 0) => format!("Volume is already used by pod(s) {}", here.join(", ")),
            (false, _) => {
                format!(
                    "Volume is already used by pod(s) {} and {others} pod(s) in different namespaces",
                    here.join(", ")
                )
            }
        };
        let text = format!("Multi-Attach error for volume \"{}\" {why}", plan.strings.text(name));
        let note = env.recorder.note(|| text);
        let (subject, event) = (crate::record::Subject::Pod(pod.uid), KubeEvent::FailedAttachVolume);
        env.recorder.fact(env.now, Fact::Event { subject, event, note });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_volumes_for_one_node_are_exclusive() {
        let of = |modes: &[AccessModes]| {
            is_multi_attach_allowed(modes.iter().fold(AccessModes::default(), |all, mode| all.with(*mode)))
        };
        assert!(of(&[]));
        assert!(!of(&[AccessModes::READ_WRITE_ONCE]));
        assert!(!of(&[AccessModes::READ_WRITE_ONCE_POD]));
        assert!(of(&[AccessModes::READ_WRITE_ONCE, AccessModes::READ_ONLY_MANY]));
        assert!(of(&[AccessModes::READ_WRITE_MANY]));
    }

    #[test]
    fn a_volume_in_use_is_detached_from_a_dead_node_only() {
        let base = Leaving { in_use: true, healthy: true, out_of_service: false, waited: FORCE_DETACH_AFTER };
        assert!(!base.detaches(), "a healthy kubelet is waited for without end");
        assert!(Leaving { in_use: false, waited: SimDuration::ZERO, ..base }.detaches());
        let dead = Leaving { healthy: false, ..base };
        assert!(dead.detaches());
        let early = Leaving { waited: SimDuration(FORCE_DETACH_AFTER.0 - 1), ..dead };
        assert!(!early.detaches());
        assert!(Leaving { out_of_service: true, ..early }.detaches());
        assert!(!Leaving { out_of_service: true, ..base }.detaches(), "a node that is Ready is in service");
    }
}
