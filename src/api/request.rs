//! Writes: what can be asked of the API server, and why it refuses. Mirrors the registry's rules for pods
//! (pkg/registry/core/pod/strategy.go, v1.34): binding, graceful deletion, terminal phases that never change.

use super::Cluster;
use super::admission::api_delete_grace;
use super::eviction::{Granted, Guard, Refused, evict};
use super::log::{Change, PodRef, StatusMask};
use super::nodes::NodeRow;
use super::objects::{NewObject, Owned, Propagation};
use super::pods::{Deletion, Resized};
use super::policies::ResizeAsked;
use super::stored::{ApiTime, StatusPatch, pack_reason};
use crate::base::SimTime;
use crate::model::objects::{BudgetState, ObjectKind, ObjectSpec, ObjectStatus};
use crate::model::quota::Asked;
use crate::model::strings::known;
use crate::model::{
    ClassId, ConditionStatus, ConfigId, ConfigObject, NodeId, NodeShape, ObjectId, Phase, PodCondition,
    PodConditionType, PodTemplate, Pressure, ServiceId, ShapeId, StorageKey, StorageObject, StrId, Strings, Taint,
    TemplateId, WorkloadId,
};

/// A write.
#[derive(Clone, Copy, Debug)]
pub enum Op<'a> {
    /// Creates a pod.
    CreatePod {
        /// Its source.
        workload: WorkloadId,
        /// Its number there.
        ordinal: u32,
        /// The template's id.
        id: TemplateId,
        /// What it is like.
        template: &'a PodTemplate,
        /// `spec.nodeName`, if the manifest sets it and the node exists.
        node: Option<NodeId>,
        /// Its controlling owner.
        owned: Option<Owned>,
    },
    /// Binds a pod to a node.
    Bind {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: NodeId,
        /// The pod's class.
        class: ClassId,
    },
    /// Writes or clears `status.nominatedNodeName`.
    Nominate {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: Option<NodeId>,
        /// The pod's class.
        class: ClassId,
    },
    /// Writes what the kubelet knows of a pod.
    PatchStatus {
        /// The pod.
        pod: PodRef,
        /// The new status.
        status: &'a StatusPatch,
    },
    /// Writes one condition.
    SetCondition {
        /// The pod.
        pod: PodRef,
        /// Which.
        kind: PodConditionType,
        /// The condition.
        condition: PodCondition,
    },
    /// Asks for a pod's deletion; without grace the pod's own is used. Grace 0 removes it at once.
    DeletePod {
        /// The pod.
        pod: PodRef,
        /// Requested grace in seconds.
        grace_seconds: Option<i64>,
        /// `spec.terminationGracePeriodSeconds`.
        spec_grace_seconds: i64,
    },
    /// Asks for a pod's eviction (`kubectl drain`), which budgets may refuse.
    EvictPod {
        /// The pod.
        pod: PodRef,
        /// What it is like.
        template: &'a PodTemplate,
        /// The plan's texts.
        strings: &'a Strings,
    },
    /// Writes how the resources of a pod change: what is asked of it, or what its kubelet says.
    ResizePod {
        /// The pod.
        pod: PodRef,
        /// The class of the pod as it was created.
        class: ClassId,
        /// What holds from now on.
        resized: Resized,
        /// What admission looks at if a user asks for it.
        asked: Option<ResizeAsked<'a>>,
    },
    /// Removes scheduling gates of a pod without a node: it becomes another version of itself.
    UngatePod {
        /// The pod.
        pod: PodRef,
        /// What the pod is like without them.
        template: TemplateId,
        /// Its scheduling class without them.
        class: ClassId,
    },
    /// Creates a node.
    AddNode {
        /// Its name.
        name: StrId,
        /// The shape's id.
        id: ShapeId,
        /// What it is like.
        shape: &'a NodeShape,
    },
    /// Removes a node object.
    RemoveNode(NodeId),
    /// Writes the Ready condition of a node.
    SetNodeReady(NodeId, ConditionStatus),
    /// Writes a pressure condition of a node.
    SetNodePressure {
        /// The node.
        node: NodeId,
        /// Which.
        pressure: Pressure,
        /// Whether it is under it.
        on: bool,
    },
    /// Writes `spec.unschedulable` of a node.
    SetUnschedulable(NodeId, bool),
    /// Adds a taint.
    AddTaint(NodeId, Taint),
    /// Removes a taint (key and effect count).
    RemoveTaint(NodeId, Taint),
    /// Creates or replaces a ConfigMap or Secret.
    PutConfig(ConfigId, &'a ConfigObject, &'a [StrId]),
    /// Deletes a ConfigMap or Secret.
    DeleteConfig(ConfigId),
    /// Deletes a service.
    DeleteService(ServiceId),
    /// Creates or replaces a storage object, status and all.
    PutStorage(&'a StorageObject),
    /// Creates a storage object, or writes what a user may change of it.
    ApplyStorage(&'a StorageObject),
    /// Asks for the deletion of a storage object; claims and volumes stay as long as they are in use.
    DeleteStorage(StorageKey),
    /// Removes a storage object that nothing holds any more.
    RemoveStorage(StorageKey),
    /// Writes `status.volumesInUse` of a node.
    SetVolumesInUse(NodeId, &'a [StrId]),
    /// Gives a pod a controlling owner (adoption), or takes it away (release).
    OwnPod(PodRef, Option<Owned>),
    /// A Job has counted a pod of its: removes the finalizer that holds the pod for it.
    UntrackPod(PodRef, ObjectId),
    /// Creates an object of a controller.
    CreateObject(&'a NewObject),
    /// Writes the spec of an object of a controller, which stays of its kind.
    PutSpec(ObjectId, &'a ObjectSpec),
    /// Writes `spec.replicas` through the scale subresource.
    Scale(ObjectId, i32),
    /// Writes the status of an object of a controller.
    PutStatus(ObjectId, &'a ObjectStatus),
    /// Deletes an object of a controller. A namespace waits for what is in it.
    DeleteObject(ObjectId, Propagation),
    /// Nothing is left in a namespace that is being deleted.
    FinalizeNamespace(ObjectId),
}

/// Why a write was refused; a modelled outcome.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// 404: the object does not exist (any more).
    #[error("not found")]
    NotFound,
    /// 409: there is an object of that name.
    #[error("already exists")]
    AlreadyExists,
    /// 409: the object is not in the state that the write supposes.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// 403: admission does not let it in. With the name of what is refused ([`told`](Self::told)), 404 of its namespace as well.
    #[error("{0}")]
    Forbidden(Box<str>),
    /// 404: there is no such namespace.
    #[error("namespace not found")]
    NoNamespace(StrId),
    /// 403: the namespace is being deleted.
    #[error("namespace is being terminated")]
    NamespaceEnds(StrId),
    /// The same, told.
    #[error("{0}")]
    Ending(Box<str>),
    /// 403, 429 or 500: why an eviction is refused.
    #[error("{0}")]
    Eviction(Refused),
}

impl Cluster {
    /// Accepts or refuses a write at `now`; an accepted one is logged.
    ///
    /// # Errors
    /// A [`Rejection`], with which nothing has changed.
    pub fn request(&mut self, now: SimTime, op: Op<'_>) -> Result<Change, Rejection> {
        let change = match op {
            Op::CreatePod { workload, ordinal, id, template, node, owned } => {
                if owned.is_some_and(|owned| self.objects.existing(owned.object).is_none()) {
                    return Err(Rejection::NotFound);
                }
                self.objects.check_namespace(template.namespace)?;
                if let Some(admission) = &template.admission {
                    let charges = self.admit(template.namespace, &Asked::Pod(admission))?;
                    self.charge(now, charges);
                }
                let change = self.create_pod(now, workload, ordinal, id, template, node);
                if let (Some(owned), Change::PodAdded { pod, .. }) = (owned, change) {
                    self.pods.join_owner(&mut self.objects, pod, owned);
                }
                change
            }
            Op::Bind { pod, node, class } => self.bind(now, pod, node, class)?,
            Op::Nominate { pod, node, class } => self.nominate(pod, node, class)?,
            Op::PatchStatus { pod, status } => return self.patch_status(now, pod, status),
            Op::SetCondition { pod, kind, condition } => return self.set_condition(now, pod, kind, condition),
            Op::DeletePod { pod, grace_seconds, spec_grace_seconds } => {
                self.delete_pod(now, pod, grace_seconds, spec_grace_seconds)?
            }
            Op::EvictPod { pod, template, strings } => self.evict_pod(now, pod, template, strings)?,
            Op::ResizePod { pod, class, resized, asked } => self.resize_pod(now, pod, class, resized, asked)?,
            Op::UngatePod { pod, template, class } => self.ungate_pod(pod, template, class)?,
            Op::AddNode { name, id, shape } => Change::NodeAdded(self.add_node(now, name, id, shape)),
            Op::RemoveNode(node) => {
                self.existing(node)?.exists = false;
                Change::NodeRemoved(node)
            }
            Op::SetNodeReady(node, status) => {
                let row = self.existing(node)?;
                if row.ready == status {
                    return Err(Rejection::Conflict("the node has that condition"));
                }
                (row.ready, row.ready_since) = (status, now.floor_seconds());
                Change::NodeReady(node, status)
            }
            Op::SetNodePressure { node, pressure, on } => {
                let row = self.existing(node)?;
                if std::mem::replace(&mut row.pressure[pressure as usize], on) == on {
                    return Err(Rejection::Conflict("the node has that condition"));
                }
                Change::NodePressure { node, pressure, on }
            }
            Op::SetUnschedulable(node, on) => {
                let row = self.existing(node)?;
                if row.unschedulable == on {
                    return Err(Rejection::Conflict("the node is that already"));
                }
                row.unschedulable = on;
                Change::NodeUnschedulable(node, on)
            }
            Op::AddTaint(node, taint) => {
                let row = self.existing(node)?;
                if row.taints.iter().any(|(t, _)| *t == taint) {
                    return Err(Rejection::Conflict("the node has that taint"));
                }
                row.taints.retain(|(t, _)| (t.key, t.effect) != (taint.key, taint.effect));
                row.taints.push((taint, now.floor_seconds()));
                Change::NodeTaints { node, taint, added: true }
            }
            Op::RemoveTaint(node, taint) => {
                let row = self.existing(node)?;
                let before = row.taints.len();
                row.taints.retain(|(t, _)| (t.key, t.effect) != (taint.key, taint.effect));
                if row.taints.len() == before {
                    return Err(Rejection::NotFound);
                }
                Change::NodeTaints { node, taint, added: false }
            }
            Op::PutConfig(config, of, keys) => {
                if self.configs[config].is_none() {
                    let charges = self.admit(of.namespace, &Asked::Config(of.kind))?;
                    self.charge(now, charges);
                }
                self.configs[config] = Some(keys.into());
                Change::Config(config, true)
            }
            Op::DeleteConfig(config) => {
                self.configs[config].take().ok_or(Rejection::NotFound)?;
                Change::Config(config, false)
            }
            Op::PutStorage(object) => {
                let charges = self.admit_storage(object)?;
                let change = self.volumes.put(now, object)?;
                self.charge(now, charges);
                change
            }
            Op::ApplyStorage(object) => {
                let merged = self.volumes.merged(object)?;
                let charges = self.admit_storage(&merged)?;
                let change = self.volumes.put(now, &merged)?;
                self.charge(now, charges);
                change
            }
            Op::DeleteService(service) => {
                if !self.services_gone.insert(service) {
                    return Err(Rejection::NotFound);
                }
                Change::ServiceRemoved(service)
            }
            Op::DeleteStorage(key) => self.volumes.delete(now, key)?,
            Op::RemoveStorage(key) => self.volumes.remove(key)?,
            Op::SetVolumesInUse(node, volumes) => {
                let row = self.existing(node)?;
                if *row.volumes_in_use == *volumes {
                    return Err(Rejection::Conflict("nothing changed"));
                }
                row.volumes_in_use = volumes.into();
                Change::NodeVolumes(node)
            }
            Op::OwnPod(pod, owned) => self.own_pod(pod, owned)?,
            Op::UntrackPod(pod, owner) => {
                let is_done = self.pods.exists(pod) && self.pods.untrack(&mut self.objects, pod);
                if !is_done && !self.objects.drop_uncounted(owner, pod) {
                    return Err(Rejection::NotFound);
                }
                Change::PodUntracked(pod, owner)
            }
            Op::CreateObject(new) => {
                let charges = self.admit(new.namespace, &Asked::Object(new.spec.kind()))?;
                let change = Change::ObjectAdded(self.objects.create(now, new)?);
                self.charge(now, charges);
                change
            }
            Op::PutSpec(object, spec) => self.put_spec(now, object, spec)?,
            Op::Scale(object, replicas) => self.scale(object, replicas)?,
            Op::PutStatus(object, status) => self.put_status(object, status)?,
            Op::DeleteObject(object, how) => self.delete_object(now, object, how)?,
            Op::FinalizeNamespace(object) => {
                if self.objects.existing(object).is_none_or(|row| row.deleting.is_none()) {
                    return Err(Rejection::Conflict("it is not being deleted"));
                }
                self.objects.remove(object, false);
                Change::ObjectRemoved(object)
            }
        };
        Ok(self.accept(now, change))
    }

    fn existing(&mut self, node: NodeId) -> Result<&mut NodeRow, Rejection> {
        Some(&mut self.nodes.rows[node]).filter(|row| row.exists).ok_or(Rejection::NotFound)
    }

    fn create_pod(
        &mut self,
        now: SimTime,
        workload: WorkloadId,
        ordinal: u32,
        id: TemplateId,
        template: &PodTemplate,
        node: Option<NodeId>,
    ) -> Change {
        let pod = self.pods.insert(now, workload, ordinal, id, template.containers.len());
        if let Some(node) = node {
            self.pods.join_node(pod.pod, node);
            self.pods.set_condition(now, pod.pod, PodConditionType::PodScheduled, PodCondition::TRUE);
        }
        Change::PodAdded { pod, class: template.class, template: id, node }
    }

    fn bind(&mut self, now: SimTime, pod: PodRef, node: NodeId, class: ClassId) -> Result<Change, Rejection> {
        let found = self.pods.exists(pod) && self.nodes.rows[node].exists;
        if !found {
            return Err(Rejection::NotFound);
        }
        if self.pods.deleting(pod.pod) {
            return Err(Rejection::Conflict("the pod is being deleted"));
        }
        if self.pods.node(pod.pod).is_some() {
            return Err(Rejection::Conflict("the pod is already assigned to a node"));
        }
        self.pods.join_node(pod.pod, node);
        self.pods.set_condition(now, pod.pod, PodConditionType::PodScheduled, PodCondition::TRUE);
        Ok(Change::PodBound { pod, node, class })
    }

    fn nominate(&mut self, pod: PodRef, node: Option<NodeId>, class: ClassId) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        let before = match node {
            Some(node) => self.pods.nominations.insert(pod.pod, node),
            None => self.pods.nominations.remove(&pod.pod),
        };
        if before == node {
            return Err(Rejection::Conflict("nothing changed"));
        }
        Ok(Change::PodNominated { pod, node, before, class })
    }

    /// A status that changes nothing is accepted without a change of the object, and refused here so that no watcher
    /// is woken: the caller treats that as done.
    fn patch_status(&mut self, now: SimTime, pod: PodRef, status: &StatusPatch) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        let mut mask = StatusMask::default();
        let slot = pod.pod;
        let old_phase = self.pods.phase(slot);
        let core = &mut self.pods.core[slot];
        // A terminal phase never changes again.
        let reason = pack_reason(status.reason);
        if !old_phase.is_terminal() && (core.phase, core.reason) != (status.phase, reason) {
            (core.phase, core.reason) = (status.phase, reason);
            mask.add(StatusMask::PHASE);
        }
        if core.has_address != status.has_address {
            core.has_address = status.has_address;
            mask.add(StatusMask::ADDRESS);
        }
        if core.started == ApiTime::default() {
            core.started = ApiTime::cut(status.started);
            self.pods.count_start(slot);
            mask.add(StatusMask::PHASE);
        }
        mask.add(self.pods.set_conditions(now, slot, &status.conditions));
        if self.pods.set_containers(slot, &status.containers) {
            mask.add(StatusMask::CONTAINERS);
        }
        if mask.is_empty() {
            return Err(Rejection::Conflict("nothing changed"));
        }
        Ok(self.accept(now, self.status_change(pod, mask, old_phase)))
    }

    fn set_condition(
        &mut self,
        now: SimTime,
        pod: PodRef,
        kind: PodConditionType,
        condition: PodCondition,
    ) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        if !self.pods.set_condition(now, pod.pod, kind, condition) {
            return Err(Rejection::Conflict("nothing changed"));
        }
        let phase = self.pods.phase(pod.pod);
        Ok(self.accept(now, self.status_change(pod, StatusMask::condition(kind), phase)))
    }

    fn status_change(&self, pod: PodRef, mask: StatusMask, old_phase: Phase) -> Change {
        let phase = self.pods.phase(pod.pod);
        Change::PodStatus { pod, mask, old_phase, phase, node: self.pods.node(pod.pod) }
    }

    fn ungate_pod(&mut self, pod: PodRef, template: TemplateId, class: ClassId) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        if self.pods.node(pod.pod).is_some() {
            return Err(Rejection::Conflict("the pod is already assigned to a node"));
        }
        let core = &mut self.pods.core[pod.pod];
        if std::mem::replace(&mut core.template, template) == template {
            return Err(Rejection::Conflict("nothing changed"));
        }
        if let Some(owned) = self.pods.owned(pod.pod) {
            self.objects.mix(owned.object);
        }
        Ok(Change::PodUngated { pod, class })
    }

    /// Source: pkg/registry/core/pod/strategy.go CheckGracefulDelete, v1.34 (spec 2.11).
    fn delete_pod(
        &mut self,
        now: SimTime,
        pod: PodRef,
        requested: Option<i64>,
        spec: i64,
    ) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        let slot = pod.pod;
        let bound = self.pods.node(slot);
        let grace = api_delete_grace(requested, Some(spec), bound.is_some(), Some(self.pods.phase(slot)));
        let grace_seconds = u32::try_from(grace).unwrap_or(u32::MAX);
        if grace_seconds == 0 {
            let id = self.pods.template(slot);
            let owned = self.pods.owned(slot);
            let owner = owned.map(|owned| owned.object);
            if let Some(owned) = owned.filter(|_| self.pods.tracked(slot))
                && self.objects.existing(owned.object).is_some()
            {
                self.objects.keep_uncounted(owned.object, self.pods.uncounted(pod, owned.member));
            }
            self.pods.leave_owner(&mut self.objects, pod);
            self.pods.remove(slot);
            return Ok(Change::PodRemoved { pod, template: id, node: bound, owner });
        }
        if self.pods.deletion_grace_seconds(slot).is_some_and(|earlier| earlier <= grace_seconds) {
            return Err(Rejection::Conflict("it is being deleted at least as soon"));
        }
        let at = ApiTime::cut(now + crate::base::SimDuration::from_secs(i64::from(grace_seconds)));
        self.pods.deletions.insert(slot, Deletion { at, grace_seconds });
        Ok(Change::PodDeleting { pod, node: bound, grace_seconds })
    }

    /// Source: pkg/registry/core/pod/storage/eviction.go, v1.34 (spec 8.8).
    fn evict_pod(
        &mut self,
        now: SimTime,
        pod: PodRef,
        template: &PodTemplate,
        strings: &Strings,
    ) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        let (none, slot) = (BudgetState::default(), pod.pod);
        let labels = strings.labels(template.labels);
        let budgets = self.objects.of_kind(ObjectKind::PodDisruptionBudget).filter_map(|(id, row)| {
            let spec = row.spec.budget().filter(|_| row.namespace == template.namespace)?;
            let state = row.status.budget().unwrap_or(&none);
            let always_allow_unhealthy = spec.always_allow_unhealthy;
            let guard = Guard { state, generation: row.generation, always_allow_unhealthy };
            spec.selects(labels, strings).then_some((id, guard))
        });
        let (ids, guards): (Vec<ObjectId>, Vec<Guard<'_>>) = budgets.unzip();
        let ready = self.pods.conditions(slot).is_true(PodConditionType::Ready);
        let granted = evict(self.pods.phase(slot), self.pods.deleting(slot), ready, &guards);
        if granted.map_err(Rejection::Eviction)? == Granted::DeleteAndCharge {
            let row = self.objects.existing_mut(ids[0])?;
            let mut state = row.status.budget().cloned().unwrap_or_default();
            state.disruptions_allowed -= 1;
            state.charged += 1;
            state.disrupted.push((pod.uid, now));
            row.status = ObjectStatus::PodDisruptionBudget(state);
            self.accept(now, Change::ObjectChanged(ids[0], false));
        }
        let condition = PodCondition { status: ConditionStatus::True, reason: known::EVICTION_BY_EVICTION_API };
        // Refused if somebody else evicts it as well.
        let _ = self.set_condition(now, pod, PodConditionType::DisruptionTarget, condition);
        self.delete_pod(now, pod, None, template.grace_period_seconds)
    }

    fn add_node(&mut self, now: SimTime, name: StrId, id: ShapeId, shape: &NodeShape) -> NodeId {
        self.nodes.rows.push(NodeRow {
            name,
            shape: id,
            exists: true,
            ready: ConditionStatus::True,
            ready_since: now.floor_seconds(),
            pressure: [false; 3],
            unschedulable: shape.unschedulable,
            volumes_in_use: Box::default(),
            taints: shape.taints.iter().map(|&taint| (taint, now.floor_seconds())).collect(),
            created: now,
        })
    }
}
