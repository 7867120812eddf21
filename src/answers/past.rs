//! What became of pods, their controllers and nodes up to an instant of a run, read from its facts as they come. Knows no question.

use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::{
    ConditionStatus, ContainerState, NodeId, ObjectId, Phase, PodClass, PodConditionType, PodUid, Resources, Role,
    StrId, TemplateId, strings::known,
};
use crate::record::fact::{NoteId, Stamped};
use crate::record::{Fact, KubeEvent, Recording, Subject};
use crate::sim::Simulation;

use super::runs::{Halt, Run, watch};

/// A pod up to now.
#[derive(Clone, Debug)]
pub(super) struct PodPast {
    /// `namespace/name`.
    pub name: String,
    pub template: TemplateId,
    /// Index of its [`Family`].
    pub family: usize,
    pub node: Option<NodeId>,
    pub created: SimTime,
    pub bound: Option<SimTime>,
    /// When it was Ready first.
    pub ready_at: Option<SimTime>,
    /// Whether it is Ready on a machine that runs.
    pub ready: bool,
    pub phase: Phase,
    pub deleting: Option<SimTime>,
    pub removed: Option<SimTime>,
    /// Why the scheduler found no node, the last time.
    pub message: Option<NoteId>,
    /// Why a container does not run.
    pub waiting: StrId,
    condition: bool,
    /// Its machine stopped: which of its containers have been ready since.
    down: Option<Box<[bool]>>,
}

impl PodPast {
    /// Whether the object exists.
    pub(super) const fn exists(&self) -> bool {
        self.removed.is_none()
    }

    /// Whether it waits for a node.
    pub(super) const fn is_pending(&self) -> bool {
        self.exists() && self.node.is_none() && matches!(self.phase, Phase::Pending) && self.deleting.is_none()
    }

    /// Whether it takes room on a node.
    const fn counts(&self) -> bool {
        self.exists() && !self.phase.is_terminal()
    }
}

/// The pods that one controller keeps up, found from its top (the Deployment, not the ReplicaSet); a bare pod is alone.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// The controller; `None`: a bare pod.
    pub object: Option<ObjectId>,
    pub kind: Option<ObjectKind>,
    /// `Deployment default/web`; of a bare pod its name.
    pub name: String,
    /// How many pods are Ready.
    pub ready: u32,
    /// How many it wants, where it says.
    pub wanted: Option<u32>,
    /// A bare pod that ended well.
    pub done: bool,
}

impl Family {
    /// Whether its pods are there to run, not to end.
    pub(super) const fn stays(&self) -> bool {
        !matches!(self.kind, Some(ObjectKind::Job | ObjectKind::CronJob))
    }
}

/// A node up to now.
#[derive(Clone, Debug)]
pub(super) struct NodePast {
    pub name: String,
    pub zone: StrId,
    pub pool: StrId,
    pub exists: bool,
    /// Whether its machine runs.
    pub up: bool,
    pub allocatable: Resources,
    /// What its pods request that have not ended.
    pub requested: Resources,
    /// Such pods.
    pub pods: u32,
}

/// Everything up to now.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub pods: Vec<PodPast>,
    pub families: Vec<Family>,
    pub nodes: Vec<NodePast>,
    /// The last Warning about each object.
    pub warnings: Vec<Option<(KubeEvent, NoteId)>>,
    family_of: Vec<Option<usize>>,
    /// How many pods are in families without a controller.
    bare: usize,
}

/// Runs a plan with its past: `look` is told each fact after the past has read it.
pub(super) fn follow(
    plan: Plan,
    stop: &dyn Fn() -> bool,
    mut look: impl FnMut(&Past, &Simulation<Recording>, Stamped),
) -> Result<(Run, Past), Halt> {
    let mut past = Past::default();
    let run = watch(plan, stop, |simulation, facts| {
        for &(at, fact) in facts {
            past.read(simulation.plan(), simulation.recorder(), at, fact);
            if let Fact::ObjectReplicas { object, .. } = fact {
                past.adopted(simulation, object);
            }
            look(&past, simulation, (at, fact));
        }
    })?;
    Ok((run, past))
}

impl Past {
    /// Reads the next fact.
    pub(super) fn read(&mut self, plan: &Plan, recording: &Recording, at: SimTime, fact: Fact) {
        match fact {
            Fact::NodeAdded(node) => self.node_added(plan, recording, node),
            Fact::NodeRemoved(node) => self.nodes[node.index()].exists = false,
            Fact::NodeCrashed(node) => self.crashed(plan, node),
            Fact::NodeBooted(node) => {
                if let Some(node) = self.nodes.get_mut(node.index()) {
                    node.up = true;
                }
            }
            Fact::PodCreated(uid) => self.created(plan, recording, at, uid),
            Fact::PodBound(uid, node) => {
                let pod = &mut self.pods[uid.index()];
                (pod.node, pod.bound) = (Some(node), Some(at));
                self.take(plan, uid, true);
            }
            Fact::PodPhase(uid, phase, _) => {
                let counted = self.pods[uid.index()].counts();
                self.pods[uid.index()].phase = phase;
                if phase == Phase::Succeeded {
                    let family = self.pods[uid.index()].family;
                    self.families[family].done = true;
                }
                if counted && phase.is_terminal() {
                    self.take(plan, uid, false);
                }
            }
            Fact::PodCondition(uid, PodConditionType::Ready, status, _) => {
                let pod = &mut self.pods[uid.index()];
                pod.condition = status == ConditionStatus::True;
                if pod.condition {
                    pod.ready_at.get_or_insert(at);
                }
                self.settle(uid);
            }
            Fact::PodUnschedulable(uid, note) => self.pods[uid.index()].message = Some(note),
            Fact::PodDeleting(uid, _) => {
                self.pods[uid.index()].deleting.get_or_insert(at);
            }
            Fact::PodRemoved(uid) => {
                let counted = self.pods[uid.index()].counts();
                self.pods[uid.index()].removed = Some(at);
                if counted {
                    self.take(plan, uid, false);
                }
                self.settle(uid);
            }
            Fact::Container { pod, state, .. } => {
                self.pods[pod.index()].waiting = match state {
                    ContainerState::Waiting { reason } => reason,
                    _ => known::EMPTY,
                };
            }
            Fact::ContainerReady(uid, container, true) => self.container_ready(uid, container),
            Fact::ObjectReplicas { object, wanted, .. } => {
                let wanted = u32::try_from(wanted).unwrap_or(0);
                if let Some(family) = self.family_of.get(object.index()).copied().flatten() {
                    self.families[family].wanted = Some(wanted);
                }
            }
            Fact::Event { subject: Subject::Object(object), event, note }
                if event.kind_for(Subject::Object(object)) == "Warning" =>
            {
                if self.warnings.len() <= object.index() {
                    self.warnings.resize(object.index() + 1, None);
                }
                self.warnings[object.index()] = Some((event, note));
            }
            _ => {}
        }
    }

    /// The scheduling signature of a pod.
    pub(super) fn class<'a>(&self, plan: &'a Plan, uid: PodUid) -> &'a PodClass {
        &plan.classes[plan.templates[self.pods[uid.index()].template].class]
    }

    /// Pods with their uids.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = (PodUid, &PodPast)> {
        self.pods.iter().enumerate().map(|(at, pod)| (PodUid::from_index(at), pod))
    }

    /// Nodes that exist and run, with their ids.
    pub(super) fn running_nodes(&self) -> impl Iterator<Item = (NodeId, &NodePast)> {
        let all = self.nodes.iter().enumerate().map(|(at, node)| (NodeId::from_index(at), node));
        all.filter(|(_, node)| node.exists && node.up)
    }

    /// Why a pod that is not Ready is not; empty if nothing is known.
    pub(super) fn why_not_ready(&self, plan: &Plan, recording: &Recording, uid: PodUid) -> String {
        let pod = &self.pods[uid.index()];
        match (pod.node, pod.message) {
            (None, Some(note)) => recording.note_text(note).to_owned(),
            (None, None) => "it waits for the scheduler".to_owned(),
            (Some(_), _) if pod.deleting.is_some() => "it is being deleted".to_owned(),
            (Some(_), _) if pod.waiting != known::EMPTY => plan.strings.text(pod.waiting).to_owned(),
            _ => "its containers run but are not ready".to_owned(),
        }
    }

    fn node_added(&mut self, plan: &Plan, recording: &Recording, node: NodeId) {
        let record = recording.nodes()[node];
        let shape = &plan.shapes[record.shape];
        let past = NodePast {
            name: recording.note_text(record.name).to_owned(),
            zone: shape.zone,
            pool: shape.pool,
            exists: true,
            up: true,
            allocatable: shape.allocatable.clone(),
            requested: Resources::default(),
            pods: 0,
        };
        debug_assert_eq!(node.index(), self.nodes.len(), "nodes are added in the order of their ids");
        self.nodes.push(past);
    }

    fn created(&mut self, plan: &Plan, recording: &Recording, at: SimTime, uid: PodUid) {
        let record = recording.pods()[uid];
        let name = pod_name(plan, recording, uid);
        let family = self.family(plan, recording, record.owner, &name);
        self.bare += usize::from(self.families[family].object.is_none());
        self.pods.push(PodPast {
            name,
            template: record.template,
            family,
            node: None,
            created: at,
            bound: None,
            ready_at: None,
            ready: false,
            phase: Phase::Pending,
            deleting: None,
            removed: None,
            message: None,
            waiting: known::EMPTY,
            condition: false,
            down: None,
        });
    }

    /// The family of a pod with this controller.
    fn family(&mut self, plan: &Plan, recording: &Recording, owner: Option<ObjectId>, pod: &str) -> usize {
        let top = owner.map(|owner| top(recording, owner));
        if let Some(known) = top.and_then(|top| self.family_of.get(top.index()).copied().flatten()) {
            return known;
        }
        let at = self.families.len();
        let record = top.map(|top| recording.objects()[top]);
        let name = record.map_or_else(
            || pod.to_owned(),
            |record| {
                let (namespace, name) = (plan.strings.text(record.namespace), recording.note_text(record.name));
                format!("{} {namespace}/{name}", record.kind.text())
            },
        );
        let kind = record.map(|record| record.kind);
        self.families.push(Family { object: top, kind, name, ready: 0, wanted: None, done: false });
        if let Some(top) = top {
            if self.family_of.len() <= top.index() {
                self.family_of.resize(top.index() + 1, None);
            }
            self.family_of[top.index()] = Some(at);
        }
        at
    }

    /// The pods and ReplicaSets of a dump are there before the controllers that adopt them: a controller has counted its own.
    fn adopted(&mut self, simulation: &Simulation<Recording>, object: ObjectId) {
        if self.bare == 0 {
            return;
        }
        let (cluster, plan, recording) = (simulation.cluster(), simulation.plan(), simulation.recorder());
        let objects = cluster.objects();
        let mut top = object;
        while let Some(owner) = objects.get(top).owner {
            top = owner;
        }
        let sets = objects.iter().filter(|(_, row)| row.exists() && row.owner == Some(object)).map(|(id, _)| id);
        let sets: Vec<ObjectId> = sets.chain([object]).collect();
        for set in sets {
            let uids: Vec<PodUid> = cluster.pods_of(set).map(|pod| pod.uid).collect();
            for uid in uids {
                let Some(before) = self.pods.get(uid.index()).map(|pod| pod.family) else { continue };
                let family = self.family(plan, recording, Some(top), "");
                if before == family {
                    continue;
                }
                self.bare -= usize::from(self.families[before].object.is_none());
                let pod = &mut self.pods[uid.index()];
                pod.family = family;
                if pod.ready {
                    self.families[before].ready -= 1;
                    self.families[family].ready += 1;
                }
            }
            if set != top && self.family_of.get(top.index()).copied().flatten().is_some() {
                let family = self.family_of[top.index()];
                self.family_of.resize(self.family_of.len().max(set.index() + 1), None);
                self.family_of[set.index()] = family;
            }
        }
    }

    fn crashed(&mut self, plan: &Plan, node: NodeId) {
        self.nodes[node.index()].up = false;
        for at in 0..self.pods.len() {
            let pod = &mut self.pods[at];
            if pod.node == Some(node) && pod.counts() {
                let containers = plan.templates[pod.template].containers.iter();
                pod.down = Some(containers.map(|container| container.role == Role::Init).collect());
                self.settle(PodUid::from_index(at));
            }
        }
    }

    fn container_ready(&mut self, uid: PodUid, container: u16) {
        let pod = &mut self.pods[uid.index()];
        if let Some(down) = &mut pod.down {
            if let Some(ready) = down.get_mut(usize::from(container)) {
                *ready = true;
            }
            if down.iter().all(|ready| *ready) {
                pod.down = None;
            }
            self.settle(uid);
        }
    }

    /// Counts whether the pod is Ready.
    fn settle(&mut self, uid: PodUid) {
        let pod = &mut self.pods[uid.index()];
        let ready = pod.condition && pod.down.is_none() && pod.exists();
        if ready != pod.ready {
            pod.ready = ready;
            let count = &mut self.families[pod.family].ready;
            *count = if ready { *count + 1 } else { *count - 1 };
        }
    }

    /// Counts what a pod requests on its node, or no longer.
    fn take(&mut self, plan: &Plan, uid: PodUid, takes: bool) {
        let pod = &self.pods[uid.index()];
        let Some(node) = pod.node else { return };
        let requests = &plan.classes[plan.templates[pod.template].class].requests;
        let node = &mut self.nodes[node.index()];
        if takes {
            node.requested.add(requests);
            node.pods += 1;
        } else {
            node.requested.sub(requests);
            node.pods = node.pods.saturating_sub(1);
        }
    }
}

impl NodePast {
    /// The share of CPU and of memory that is requested.
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn shares(&self) -> (f64, f64) {
        let share = |asked: i64, there: i64| if there > 0 { asked as f64 / there as f64 } else { 0.0 };
        (
            share(self.requested.milli_cpu, self.allocatable.milli_cpu),
            share(self.requested.memory, self.allocatable.memory),
        )
    }
}

/// The controller above all.
pub(super) fn top(recording: &Recording, object: ObjectId) -> ObjectId {
    let mut at = object;
    while let Some(owner) = recording.objects()[at].owner {
        at = owner;
    }
    at
}

/// `namespace/name` of a pod.
pub(super) fn pod_name(plan: &Plan, recording: &Recording, uid: PodUid) -> String {
    let record = recording.pods()[uid];
    let workload = &plan.workloads[record.workload];
    let namespace = plan.strings.text(workload.namespace);
    match record.name {
        Some(name) => format!("{namespace}/{}", recording.note_text(name)),
        None => format!("{namespace}/{}", workload.pod_name(&plan.strings, record.ordinal)),
    }
}

/// A duration to the second, as short as Go's text of it allows: `8h55m`.
pub(super) fn spell(duration: SimDuration) -> String {
    let text = SimDuration::from_secs(duration.whole_secs()).go_text();
    let text = text.strip_suffix("m0s").map_or_else(|| text.clone(), |text| format!("{text}m"));
    text.strip_suffix("h0m").map_or_else(|| text.clone(), |text| format!("{text}h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_exact() {
        let texts = [0, 45, 60, 90, 3600, 32_100, 3601].map(|seconds| spell(SimDuration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "45s", "1m", "1m30s", "1h", "8h55m", "1h0m1s"]);
    }
}
