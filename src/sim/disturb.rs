//! Faults and changes of the plan, carried out.

use super::event::Event;
use super::world::{World, env, maker};
use crate::api::{NewObject, ObjectRow, Op, PodRef, Rejection, ResizeAsked, Resized};
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::controllers::manager;
use crate::controllers::quota::{first_status, granted};
use crate::engine::{Kernel, Ranked};
use crate::model::objects::{ObjectKind, ObjectPlan, ObjectSpec};
use crate::model::plan::{ChangeKind, FaultKind, NodeTarget, PodTarget};
use crate::model::{ClassId, NodeId, ObjectId, ResizeState, StorageKey, StorageObject, StrId, TemplateId, WorkloadId};
use crate::record::{Fact, KubeEvent, Recorder};

/// So many answers are kept of those with which users were refused something.
const MOST_REFUSED: usize = 100;

impl World {
    /// A fault begins, or ends.
    pub(super) fn fault<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: usize, begins: bool) {
        let fault = self.plan.faults[at].clone();
        if begins {
            self.struck[at] = self.targets(&fault.kind, at);
        }
        let nodes = self.struck[at].clone();
        if R::ON {
            let text = self.describe(&fault.kind, &nodes);
            let note = recorder.note(|| text);
            recorder.fact(kernel.now(), Fact::Fault(u32::try_from(at).expect("few faults"), begins, note));
        }
        match fault.kind {
            FaultKind::NodeCrash(_) | FaultKind::ZoneLoss(_) => {
                for node in nodes {
                    if begins {
                        self.crash(kernel, recorder, node);
                    } else {
                        self.power_on(kernel, node);
                    }
                }
            }
            FaultKind::NodeShutdown(_) => {
                for node in nodes {
                    if begins {
                        self.shut_down(kernel, recorder, node);
                    } else if self.kubelets.is_up(node) {
                        // It is still ending its pods: it boots as soon as it is off.
                        self.boot_when_off.push(node);
                    } else {
                        self.power_on(kernel, node);
                    }
                }
            }
            FaultKind::Cordon(_) => {
                for node in nodes {
                    self.cordon(kernel, recorder, node, begins);
                }
            }
            FaultKind::ContainerKill { pod, container, exit_code } => {
                if let Some(workload) = self.workload_of(pod).filter(|_| begins) {
                    let mut env = env!(self, kernel, recorder);
                    self.kubelets.kill_containers(&mut env, workload, container, exit_code);
                }
            }
            FaultKind::ContainerOutage { pod, container, exit_code } => {
                if let Some(workload) = self.workload_of(pod) {
                    let mut env = env!(self, kernel, recorder);
                    self.kubelets.set_outage(&mut env, (workload, container), exit_code, begins);
                }
            }
            FaultKind::RegistryOutage(prefix) => self.kubelets.set_registry_outage(prefix, begins),
            FaultKind::NoCapacity(pool) => self.exhaust(kernel, recorder, pool, begins),
        }
    }

    /// Writes `spec.unschedulable` of a node, and what its kubelet tells of that.
    pub(super) fn cordon<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, node: NodeId, on: bool) {
        if self.cluster.request(kernel.now(), Op::SetUnschedulable(node, on)).is_ok() {
            let event = if on { KubeEvent::NodeNotSchedulable } else { KubeEvent::NodeSchedulable };
            let (plan, name) = (&self.plan, self.cluster.nodes().get(node).name);
            let mut env = env!(self, kernel, recorder);
            env.node_event(node, event, || format!("Node {} status is now: {event:?}", plan.strings.text(name)));
        }
    }

    fn crash<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, node: NodeId) {
        let renewed = self.kubelets.last_renewal(&self.plan, node, kernel.now());
        let mut env = env!(self, kernel, recorder);
        self.kubelets.crash(&mut env, node);
        self.lifecycle.node_is_silent(&mut env, node, renewed);
    }

    /// The machine is switched off; its kubelet may ask for time to end its pods.
    fn shut_down<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, node: NodeId) {
        let mut env = env!(self, kernel, recorder);
        if !self.kubelets.begin_shutdown(&mut env, node) {
            self.crash(kernel, recorder, node);
        }
    }

    /// The kubelet has ended what it could: the machine is off.
    pub(super) fn power_off<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, node: NodeId) {
        self.crash(kernel, recorder, node);
        if let Some(at) = self.boot_when_off.iter().position(|other| *other == node) {
            self.boot_when_off.remove(at);
            self.power_on(kernel, node);
        }
    }

    fn power_on(&mut self, kernel: &mut Kernel<Event>, node: NodeId) {
        if !self.cluster.nodes().get(node).exists {
            return;
        }
        let name = self.plan.strings.text(self.cluster.nodes().get(node).name);
        let boots = self.kubelets.boots(node);
        let mut rng = self.draws.node(name).boot.at(0, u64::from(boots), 0);
        let takes = SimDuration::from_secs_f64(self.plan.control_plane.node_boot.sample(&mut rng));
        let event = Event::Booted(node);
        kernel.schedule_in(takes, event.rank(), event);
    }

    fn targets(&self, fault: &FaultKind, at: usize) -> Vec<NodeId> {
        match fault {
            FaultKind::NodeCrash(target) | FaultKind::NodeShutdown(target) | FaultKind::Cordon(target) => {
                self.nodes_of(target, at)
            }
            FaultKind::ZoneLoss(zone) => {
                self.existing_nodes(|node| self.plan.shapes[self.cluster.nodes().get(node).shape].zone == *zone)
            }
            _ => Vec::new(),
        }
    }

    fn nodes_of(&self, target: &NodeTarget, at: usize) -> Vec<NodeId> {
        match target {
            NodeTarget::Named(name) => self.node_names.get(name).copied().into_iter().collect(),
            NodeTarget::OfPod(pod) => {
                let mut nodes: Vec<NodeId> =
                    self.pods_of(*pod).iter().filter_map(|pod| self.cluster.pods().node(pod.pod)).collect();
                nodes.sort_unstable();
                nodes.dedup();
                nodes
            }
            NodeTarget::Random { pool, count } => {
                let in_pool = |node: NodeId| {
                    let shape = &self.plan.shapes[self.cluster.nodes().get(node).shape];
                    pool.is_none_or(|pool| shape.pool == pool)
                };
                let mut nodes = self.existing_nodes(in_pool);
                let mut struck = Vec::new();
                for k in 0..*count {
                    if nodes.is_empty() {
                        break;
                    }
                    let mut rng = self.draws.fault.at(at as u64, u64::from(k), 0);
                    let chosen = rng.below(nodes.len() as u64);
                    struck.push(nodes.remove(usize::try_from(chosen).expect("an index")));
                }
                struck
            }
        }
    }

    fn existing_nodes(&self, keep: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let existing = self.cluster.nodes().entries().filter(|(_, row)| row.exists);
        existing.map(|(node, _)| node).filter(|&node| keep(node)).collect()
    }

    fn workload_of(&self, pod: PodTarget) -> Option<WorkloadId> {
        self.workloads.get(&(pod.namespace, pod.name)).copied()
    }

    fn pods_of(&self, pod: PodTarget) -> Vec<PodRef> {
        let Some(workload) = self.workload_of(pod) else { return Vec::new() };
        self.cluster.pods().iter().filter(|pod| self.cluster.pods().source(pod.pod).0 == workload).collect()
    }

    /// A change of the plan is made.
    pub(super) fn change<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: usize) {
        let kind = match self.plan.changes[at].kind.clone() {
            ChangeKind::Patch(kind) => match self.missing(&kind) {
                None => *kind,
                Some(name) => {
                    self.refuse(kernel.now(), &Rejection::Forbidden(format!("{name} not found").into()));
                    self.counters.changes_refused += 1;
                    return;
                }
            },
            kind => kind,
        };
        let refused = self.make(kernel, recorder, kind);
        self.counters.changes_refused += u64::from(refused);
    }

    /// The object that is to be patched, if it is not there.
    fn missing(&self, kind: &ChangeKind) -> Option<String> {
        let (strings, cluster) = (&self.plan.strings, &self.cluster);
        let (exists, resource, name) = match kind {
            ChangeKind::ApplyConfig(content) => {
                let of = &self.plan.configs[content.config];
                (cluster.config(content.config).is_some(), of.kind.resource(), of.name)
            }
            ChangeKind::ApplyStorage(object) => {
                let (resource, name) = match object.key() {
                    StorageKey::Claim(claim) => ("persistentvolumeclaims", claim.name),
                    StorageKey::Volume(volume) => ("persistentvolumes", volume),
                    StorageKey::Class(class) => ("storageclasses.storage.k8s.io", class),
                    _ => return None,
                };
                (cluster.storage().get(object.key()).is_some(), resource, name)
            }
            ChangeKind::ApplyObject(object) => {
                let kind = object.spec.kind();
                (self.find_object(kind, object.namespace, object.name).is_some(), kind.resource(), object.name)
            }
            _ => return None,
        };
        (!exists).then(|| format!("{resource} \"{}\"", strings.text(name)))
    }

    /// Makes a change; whether it was refused.
    fn make<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, kind: ChangeKind) -> bool {
        let now = kernel.now();
        match kind {
            ChangeKind::Patch(kind) => self.make(kernel, recorder, *kind),
            ChangeKind::ApplyConfig(content) => {
                let of = self.plan.configs[content.config].clone();
                let result = self.cluster.request(now, Op::PutConfig(content.config, &of, &content.keys));
                let strings = &self.plan.strings;
                let told = |error: Rejection| error.told(strings, of.kind.resource(), strings.text(of.name));
                result.map_err(told).map_err(|error| self.refuse(now, &error)).is_err()
            }
            ChangeKind::DeleteConfig(config) => self.cluster.request(now, Op::DeleteConfig(config)).is_err(),
            ChangeKind::ApplyStorage(object) => {
                let result = self.cluster.request(now, Op::ApplyStorage(&object));
                result.map_err(|error| self.refuse_storage(now, &object, error)).is_err()
            }
            ChangeKind::DeleteStorage(key) => self.cluster.request(now, Op::DeleteStorage(key)).is_err(),
            ChangeKind::DeletePod { pod, grace_seconds } => {
                let pods = self.pods_of(pod);
                for pod in &pods {
                    self.delete_pod(now, *pod, grace_seconds);
                }
                pods.is_empty()
            }
            ChangeKind::DeleteNamedPod { namespace, name, grace_seconds } => {
                let pod = self.pod_called(namespace, name);
                if let Some(pod) = pod {
                    self.delete_pod(now, pod, grace_seconds);
                }
                pod.is_none()
            }
            ChangeKind::ResizePod { pod, template, both } => {
                let pods = self.pods_of(pod);
                let accepted = pods.iter().filter(|pod| self.resize_pod(now, **pod, template, &both)).count();
                accepted == 0
            }
            ChangeKind::UngatePod { pod, template } => {
                let class = self.plan.templates[template].class;
                let pods = self.pods_of(pod).into_iter();
                let ops = pods.map(|pod| Op::UngatePod { pod, template, class });
                ops.filter(|op| self.cluster.request(now, *op).is_ok()).count() == 0
            }
            ChangeKind::ApplyObject(object) => {
                let before = self.cluster.objects().len();
                let refused = self.apply_object(now, &object);
                if self.cluster.objects().len() > before {
                    manager::record(&mut maker!(self, kernel, recorder), ObjectId::from_index(before));
                }
                refused
            }
            ChangeKind::DeleteObject(kind, namespace, name) => match self.find_object(kind, namespace, name) {
                Some(object) => {
                    self.cluster.request(now, Op::DeleteObject(object, crate::api::Propagation::Background)).is_err()
                }
                None => true,
            },
            ChangeKind::ScaleObject { kind, namespace, name, replicas } => {
                match self.find_object(kind, namespace, name) {
                    Some(object) => self.cluster.request(now, Op::Scale(object, replicas)).is_err(),
                    None => true,
                }
            }
            ChangeKind::Drain(drain) => {
                self.begin_drain(kernel, recorder, drain);
                false
            }
            ChangeKind::DeleteNode(name) => match self.node_names.remove(&name) {
                Some(node) => {
                    let refused = self.cluster.request(now, Op::RemoveNode(node)).is_err();
                    self.leave_pool(kernel, recorder, node);
                    refused
                }
                None => true,
            },
            ChangeKind::ScalePool(pool, count) => self.scale_pool(kernel, recorder, pool, count),
            ChangeKind::UpgradePool(pool, surge) => {
                self.upgrade_pool(kernel, recorder, pool, surge);
                false
            }
            ChangeKind::TaintNode { node, taint, add } => match self.node_names.get(&node) {
                Some(&node) => {
                    let op = if add { Op::AddTaint(node, taint) } else { Op::RemoveTaint(node, taint) };
                    self.cluster.request(now, op).is_err()
                }
                None => true,
            },
        }
    }

    /// The pod of that name, whoever made it.
    fn pod_called(&self, namespace: StrId, name: StrId) -> Option<PodRef> {
        let (pods, plan) = (self.cluster.pods(), &self.plan);
        let name = plan.strings.text(name);
        pods.iter().find(|pod| {
            let (template, (workload, ordinal)) = (pods.template(pod.pod), pods.source(pod.pod));
            plan.templates[template].namespace == namespace && plan.pod_name(workload, template, ordinal) == name
        })
    }

    /// A user is told that something is refused.
    pub(super) fn refuse(&mut self, now: SimTime, error: &Rejection) {
        self.counters.writes_refused += 1;
        if self.refused.len() < MOST_REFUSED {
            self.refused.push((now, error.to_string()));
        }
    }

    /// A user is told that a storage object is refused.
    fn refuse_storage(&mut self, now: SimTime, object: &StorageObject, error: Rejection) {
        let strings = &self.plan.strings;
        let error = match object {
            StorageObject::Claim(claim) => error.told(strings, "persistentvolumeclaims", strings.text(claim.name.name)),
            _ => error,
        };
        self.refuse(now, &error);
    }

    fn find_object(&self, kind: ObjectKind, namespace: StrId, name: StrId) -> Option<ObjectId> {
        self.cluster.objects().find(kind, namespace, self.plan.strings.text(name))
    }

    /// The Deployment that adopts a ReplicaSet which nobody made here, as one of a dump.
    fn adopter(&self, plan: &ObjectPlan) -> Option<ObjectId> {
        let ObjectSpec::ReplicaSet(set) = &plan.spec else { return None };
        let labels = self.plan.strings.labels(self.plan.templates[set.template].labels);
        let adopts = |row: &ObjectRow| {
            row.namespace == plan.namespace
                && row.spec.deployment().is_some_and(|spec| spec.selector.matches(labels, &self.plan.strings))
        };
        self.cluster.objects().iter().find(|(_, row)| adopts(row)).map(|(id, _)| id)
    }

    /// Creates an object, or writes the spec of the one that there is; whether that was refused.
    pub(super) fn apply_object(&mut self, now: SimTime, plan: &ObjectPlan) -> bool {
        let Some(object) = self.find_object(plan.spec.kind(), plan.namespace, plan.name) else {
            let new = NewObject {
                namespace: plan.namespace,
                name: self.plan.strings.text(plan.name).into(),
                owner: self.adopter(plan),
                workload: plan.workload,
                spec: plan.spec.clone(),
            };
            let result = self.cluster.request(now, Op::CreateObject(&new));
            let told = |error: Rejection| error.told(&self.plan.strings, new.spec.kind().resource(), &new.name);
            return result.map_err(told).map_err(|error| self.refuse(now, &error)).is_err();
        };
        let mut spec = plan.spec.clone();
        if let Some(replicas) = self.cluster.objects().get(object).spec.replicas().filter(|_| !plan.replicas_given) {
            spec.set_replicas(replicas);
        }
        self.cluster.request(now, Op::PutSpec(object, &spec)).is_err()
    }

    /// Quotas of the start know what there is: nobody has to wait for their controller.
    pub(super) fn count_quotas(&mut self, now: SimTime) {
        let quotas = self.cluster.objects().of_kind(ObjectKind::ResourceQuota);
        let first = quotas.filter_map(|(id, row)| {
            let status = first_status(&self.cluster, &self.plan, row.namespace, row.spec.quota()?, now);
            Some((id, status))
        });
        for (id, status) in first.collect::<Vec<_>>() {
            let _ = self.cluster.request(now, Op::PutStatus(id, &status));
        }
    }

    /// Until its node says more, the pod counts as the greater of what it was granted and what it wants.
    fn resize_pod(&mut self, now: SimTime, pod: PodRef, spec: TemplateId, both: &[(TemplateId, ClassId)]) -> bool {
        let first = self.cluster.pods().template(pod.pod);
        let allocated = self.cluster.pods().resized(pod.pod).map_or(first, |resized| resized.allocated);
        let known = both.iter().find(|(version, _)| *version == allocated);
        let class = known.map_or(self.plan.templates[spec].class, |&(_, class)| class);
        let resized = Resized { spec, allocated, class, state: ResizeState::Proposed };
        let plan = &self.plan;
        let before = self.cluster.pods().resized(pod.pod).unwrap_or(Resized { spec: first, ..resized });
        let both = granted(plan, before).zip(granted(plan, resized));
        let namespace = plan.templates[first].namespace;
        let asked = both.as_ref().map(|(before, after)| ResizeAsked { namespace, before, after });
        let op = Op::ResizePod { pod, class: plan.templates[first].class, resized, asked };
        let (workload, ordinal) = self.cluster.pods().source(pod.pod);
        match self.cluster.request(now, op) {
            Err(error @ Rejection::Forbidden(_)) => {
                let name = self.plan.pod_name(workload, first, ordinal);
                self.refuse(now, &error.told(&self.plan.strings, "pods", &name));
                false
            }
            result => result.is_ok(),
        }
    }

    fn describe(&self, fault: &FaultKind, nodes: &[NodeId]) -> String {
        let text = |id| self.plan.strings.text(id);
        let names: Vec<&str> = nodes.iter().map(|&node| text(self.cluster.nodes().get(node).name)).collect();
        let names = names.join(", ");
        match fault {
            FaultKind::NodeCrash(_) => format!("node crash: {names}"),
            FaultKind::NodeShutdown(_) => format!("node shutdown: {names}"),
            FaultKind::Cordon(_) => format!("cordon: {names}"),
            FaultKind::ZoneLoss(zone) => format!("loss of zone {}: {names}", text(*zone)),
            FaultKind::ContainerKill { pod, container, exit_code } => {
                format!("container {} of {} killed with exit code {exit_code}", text(*container), text(pod.name))
            }
            FaultKind::ContainerOutage { pod, container, .. } => {
                format!("container {} of {} cannot run", text(*container), text(pod.name))
            }
            FaultKind::NoCapacity(pool) => format!("no machines for pool {}", text(self.plan.pools[*pool].name)),
            FaultKind::RegistryOutage(prefix) => format!("registry of {} does not answer", text(*prefix)),
        }
    }
}
