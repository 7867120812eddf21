//! The cluster of a recorded case of the scheduler: its objects, read as a user's manifests are, in a [`View`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Unsupported;
use super::decisions::Recorded;
use super::evictions::Placed;
use crate::base::IdVec;
use crate::base::id::DenseId;
use crate::diag::{Diagnostics, Severity, Sources};
use crate::manifest;
use crate::model::profile::Profile;
use crate::model::storage::{ClaimPhase, ClaimRef, PersistentVolume, PersistentVolumeClaim, VolumePhase};
use crate::model::strings::known;
use crate::model::{
    ClassId, DisruptionBudget, LabelSelectorRequirement, Namespace, NodeId, NodeSelectorTerm, NodeTerm, PodId,
    PodVolume, StorageObject, Vocabulary,
};
use crate::scheduler::relations::Listers;
use crate::scheduler::storage::{PodVolumes, Storage};
use crate::scheduler::view::{NodeSpec, View};

const HOSTNAME: &str = "kubernetes.io/hostname";
/// Objects that say how pods are spread, and where their terms look: as the case, and as Kubernetes, calls their kinds.
const RELATED: [(&str, &str, &str); 5] = [
    ("namespaces", "v1", "Namespace"),
    ("services", "v1", "Service"),
    ("replicationControllers", "v1", "ReplicationController"),
    ("replicaSets", "apps/v1", "ReplicaSet"),
    ("statefulSets", "apps/v1", "StatefulSet"),
];
/// Tells the tolerations that admission adds from those of the case: the recorded scheduler saw none of admission.
const BY_ADMISSION: i64 = i64::MIN;

/// Storage objects: what the case calls the list, API version and kind.
const STORAGE: [(&str, &str, &str); 7] = [
    ("persistentVolumes", "v1", "PersistentVolume"),
    ("persistentVolumeClaims", "v1", "PersistentVolumeClaim"),
    ("storageClasses", "storage.k8s.io/v1", "StorageClass"),
    ("csiNodes", "storage.k8s.io/v1", "CSINode"),
    ("csiDrivers", "storage.k8s.io/v1", "CSIDriver"),
    ("csiStorageCapacities", "storage.k8s.io/v1", "CSIStorageCapacity"),
    ("volumeAttachments", "storage.k8s.io/v1", "VolumeAttachment"),
];

/// What the decisions of a case are about.
pub(super) struct Cluster {
    pub(super) words: Vocabulary,
    pub(super) view: View,
    /// The nodes by name; their ids count them in the order of the case.
    pub(super) nodes: BTreeMap<String, NodeId>,
    /// Every pod's class by `namespace/name`.
    pub(super) classes: BTreeMap<String, ClassId>,
    /// The pods that were placed.
    pub(super) placed: IdVec<PodId, Placed>,
    /// The budgets that count for a pod, by `namespace/name`.
    pub(super) budgets_of: BTreeMap<String, Vec<usize>>,
    /// `disruptionsAllowed` of each budget.
    pub(super) disruptions_allowed: Vec<i64>,
}

/// A pod's `namespace/name`.
pub(super) fn key(pod: &Value) -> String {
    let field = |name: &str| pod.get("metadata")?.get(name)?.as_str().filter(|text| !text.is_empty());
    format!("{}/{}", field("namespace").unwrap_or("default"), field("name").unwrap_or_default())
}

/// The node a pod was created with.
pub(super) fn node_name(pod: &Value) -> Option<&str> {
    pod.pointer("/spec/nodeName")?.as_str().filter(|name| !name.is_empty())
}

fn with_kind(object: &Value, api_version: &str, kind: &str) -> Value {
    let mut object = object.as_object().cloned().unwrap_or_default();
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Value::Object(object)
}

/// A pod with a priority of its own, as stored ones have, keeps it: it gets a class of that value, added to `classes`.
fn with_class(mut pod: Value, known: &[Value], classes: &mut BTreeMap<String, Value>) -> Value {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return pod };
    let Some(value) = spec.get("priority").and_then(Value::as_i64) else { return pod };
    let named = spec.get("priorityClassName").and_then(Value::as_str);
    let class = known.iter().find(|class| class.pointer("/metadata/name").and_then(Value::as_str) == named);
    let policy = spec.get("preemptionPolicy").or_else(|| class.filter(|_| named.is_some())?.get("preemptionPolicy"));
    let policy = policy.and_then(Value::as_str).unwrap_or("PreemptLowerPriority").to_owned();
    let sign = if value < 0 { "minus" } else { "plus" };
    let name = format!("{}-{sign}-{}", policy.to_lowercase(), value.unsigned_abs());
    let class = json!({"metadata": {"name": name}, "value": value, "preemptionPolicy": policy});
    classes.insert(name.clone(), with_kind(&class, "scheduling.k8s.io/v1", "PriorityClass"));
    spec.insert("priorityClassName".to_owned(), json!(name));
    pod
}

/// A node whose status does not say how many pods it takes, takes none: the kubelet's default is not the scheduler's.
fn with_pod_limit(mut node: Value) -> Value {
    let Some(node_fields) = node.as_object_mut() else { return node };
    let status = node_fields.entry("status").or_insert_with(|| json!({}));
    let Some(status) = status.as_object_mut() else { return node };
    let is_filled = |status: &Map<String, Value>, list: &str| {
        status.get(list).and_then(Value::as_object).is_some_and(|list| !list.is_empty())
    };
    let list =
        if is_filled(status, "capacity") && !is_filled(status, "allocatable") { "capacity" } else { "allocatable" };
    let list = status.entry(list).or_insert_with(|| json!({}));
    if let Some(list) = list.as_object_mut() {
        list.entry("pods").or_insert_with(|| json!("0"));
    }
    node
}

/// The namespace `default` is always there.
fn with_default(mut namespaces: Vec<Namespace>, words: &mut Vocabulary) -> Vec<Namespace> {
    if !namespaces.iter().any(|namespace| namespace.name == known::DEFAULT) {
        namespaces.push(Namespace::bare(known::DEFAULT, &mut words.strings));
    }
    namespaces
}

/// The profile of a case, read as a user's configuration file is.
fn profile(case: &Recorded, words: &mut Vocabulary) -> Result<Profile, Unsupported> {
    let profiles: &[&Value] = if case.config.is_null() { &[] } else { &[&case.config] };
    let config = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "profiles": profiles,
    });
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("config", config.to_string());
    let config = manifest::scheduler_config::load(file, &sources, words, &mut diagnostics);
    config.and_then(|config| config.profiles.into_iter().next()).ok_or_else(|| first_error(&diagnostics))
}

fn first_error(diagnostics: &Diagnostics) -> Unsupported {
    let error = diagnostics.iter().find(|found| found.severity == Severity::Error);
    Unsupported(error.map_or_else(String::new, |error| format!("{} {}", error.code.id, error.message)))
}

impl Cluster {
    /// Loads the objects of `case` and places its existing pods. What does not load is unsupported, with the first reason.
    pub(super) fn new(case: &Recorded) -> Result<Self, Unsupported> {
        let mut words = Vocabulary { default_toleration_seconds: BY_ADMISSION, ..Vocabulary::default() };
        let priorities = case.objects("priorityClasses");
        let mut own_priorities = BTreeMap::new();
        let pods = case.objects("pods").iter().chain(&case.queue).map(|pod| with_kind(pod, "v1", "Pod"));
        let pods: Vec<Value> = pods.map(|pod| with_class(pod, priorities, &mut own_priorities)).collect();
        let mut items: Vec<Value> =
            priorities.iter().map(|class| with_kind(class, "scheduling.k8s.io/v1", "PriorityClass")).collect();
        items.extend(own_priorities.into_values());
        items.extend(case.objects("nodes").iter().map(|node| with_pod_limit(with_kind(node, "v1", "Node"))));
        items.extend(pods);
        for (list, api_version, kind) in STORAGE.into_iter().chain(RELATED.iter().copied()) {
            items.extend(case.objects(list).iter().map(|object| with_kind(object, api_version, kind)));
        }
        let budgets = case.objects("podDisruptionBudgets").iter();
        items.extend(budgets.map(|budget| with_kind(budget, "policy/v1", "PodDisruptionBudget")));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
        let file = sources.add("case", list.to_string());
        let loaded = manifest::load(&[file], &sources, &mut words, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(first_error(&diagnostics));
        }

        let mut profile = profile(case, &mut words)?;
        profile.args.fit.resolve(&words.strings);
        let mut view = View::in_arrival_order([profile].into_iter().collect());
        *view.storage_mut() = Storage::new(loaded.storage.into_objects().collect());
        let namespaces = with_default(loaded.namespaces, &mut words);
        let services = loaded.services.iter().map(|(service, _)| service);
        view.set_listers(Listers::new(&namespaces, services, &loaded.owners));
        let mut nodes = BTreeMap::new();
        for (index, (node, object)) in loaded.nodes.iter().zip(case.objects("nodes")).enumerate() {
            let shape = words.shapes.get(node.shape);
            let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
            let id = NodeId::from_index(index);
            let spec = NodeSpec {
                name: node.name,
                hostname: labels.is_some_and(|labels| labels.contains_key(HOSTNAME)).then_some(node.name),
                labels: words.strings.labels(shape.labels).pairs(),
                taints: &shape.taints,
                allocatable: &shape.allocatable,
                max_pods: shape.max_pods,
                unschedulable: shape.unschedulable,
                images: &shape.images,
            };
            view.add_node(id, &spec);
            nodes.insert(words.strings.text(node.name).to_owned(), id);
        }
        let mut classes = BTreeMap::new();
        let mut budgets_of = BTreeMap::new();
        for pod in &loaded.pods {
            let mut class = words.classes.get(pod.template.class).clone();
            let own = class.tolerations.iter().filter(|toleration| toleration.seconds != Some(BY_ADMISSION));
            class.tolerations = own.copied().collect();
            let id = words.classes.intern(class);
            view.register_class(id, words.classes.get(id));
            let (namespace, name) = (words.strings.text(pod.namespace), words.strings.text(pod.name));
            let key = format!("{namespace}/{name}");
            let labels = words.strings.labels(pod.template.labels);
            let counts = |budget: &DisruptionBudget| {
                budget.protects(pod.namespace, labels, &words.strings) && !budget.has_disrupted(name)
            };
            let budgets = loaded.budgets.iter().enumerate().filter(|(_, budget)| counts(budget));
            budgets_of.insert(key.clone(), budgets.map(|(at, _)| at).collect());
            classes.insert(key, id);
        }
        if view.tables().needs_numbers() {
            view.learn_numbers(&words.strings);
        }

        // The status of a case's budgets does not change; one without says that nothing is allowed.
        let disruptions_allowed = loaded.budgets.iter().map(|budget| budget.disruptions_allowed(0, 0)).collect();
        let placed = IdVec::new();
        let mut cluster = Self { words, view, nodes, classes, placed, budgets_of, disruptions_allowed };
        for pod in case.objects("pods") {
            let phase = pod.pointer("/status/phase").and_then(Value::as_str);
            if !matches!(phase, Some("Succeeded" | "Failed")) {
                let placed = Placed::existing(&cluster, pod);
                cluster.place(pod, placed)?;
            }
        }
        cluster.view.refresh();
        Ok(cluster)
    }

    /// The class of a pod of the case.
    pub(super) fn class(&self, pod: &Value) -> Result<ClassId, Unsupported> {
        let key = key(pod);
        self.classes.get(&key).copied().ok_or_else(|| Unsupported(format!("no pod `{key}` was read")))
    }

    /// Accounts a pod for the node it names; one that is not there has no effect.
    pub(super) fn place(&mut self, pod: &Value, placed: Placed) -> Result<(), Unsupported> {
        let class = self.class(pod)?;
        if let Some(&node) = node_name(pod).and_then(|name| self.nodes.get(name)) {
            let id = self.placed.push(placed);
            self.view.add_pod(id, class, node);
            if pod.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
                self.view.set_terminating(id);
            }
        }
        Ok(())
    }

    /// A pod that was given `node` by a decision. Its claims are bound at once.
    pub(super) fn assume(&mut self, placed: Placed, class: ClassId, node: NodeId) {
        self.bind_volumes(class, node);
        let pod = self.placed.push(placed);
        self.view.assume(pod, class, node);
    }

    /// What the volume controller and the provisioners do before a pod is bound.
    fn bind_volumes(&mut self, class: ClassId, node: NodeId) {
        let Some(volumes) = self.view.volumes_for(class, node) else { return };
        let PodVolumes { bindings, provisions } = volumes;
        for (claim, volume) in bindings {
            let storage = self.view.storage();
            let (Some(claim), Some(volume)) = (storage.claim(claim), storage.volume(volume)) else { continue };
            let claim_ref = Some(ClaimRef { claim: claim.name, uid: claim.uid });
            let volume = PersistentVolume { claim: claim_ref, phase: VolumePhase::Bound, ..volume.clone() };
            let claim = claim.clone();
            self.bind_claim(claim, volume);
        }
        let zone = self.view.facts(node).and_then(|facts| self.view.tables().label(facts, known::LABEL_ZONE));
        for claim in provisions {
            let storage = self.view.storage();
            let Some(claim) = storage.claim(claim).cloned() else { continue };
            let Some(class) = storage.class(claim.class_name()).cloned() else { continue };
            let strings = &mut self.words.strings;
            let name = format!("pvc-{}-{}", strings.text(claim.name.namespace), strings.text(claim.name.name));
            let terms = zone.map(|zone| -> Box<[NodeTerm]> {
                let key = strings.text(known::LABEL_ZONE).to_owned();
                let values = vec![strings.text(zone).to_owned()];
                let in_zone = LabelSelectorRequirement { key, operator: "In".to_owned(), values };
                let term = NodeSelectorTerm { match_expressions: vec![in_zone], ..NodeSelectorTerm::default() };
                Box::new([term.compile(strings)])
            });
            let volume = PersistentVolume::provisioned(&claim, &class, strings.intern(&name), terms);
            self.bind_claim(claim, volume);
        }
    }

    fn bind_claim(&mut self, claim: PersistentVolumeClaim, volume: PersistentVolume) {
        let bound = PersistentVolumeClaim {
            volume: Some(volume.name),
            bind_completed: true,
            phase: ClaimPhase::Bound,
            ..claim
        };
        self.view.storage_mut().put(StorageObject::Volume(volume));
        self.view.storage_mut().put(StorageObject::Claim(bound));
    }

    /// The claims that a pod names, with their volumes. Claims of ephemeral volumes were not recorded.
    pub(super) fn volumes_of(&self, class: ClassId) -> BTreeMap<&str, &str> {
        let text = |id| self.words.strings.text(id);
        let volumes = self.words.classes.get(class).volumes.iter();
        let claims = volumes.filter_map(|volume| match volume {
            PodVolume::Claim(name) => self.view.storage().claim(*name),
            _ => None,
        });
        claims.filter_map(|claim| Some((text(claim.name.name), text(claim.volume?)))).collect()
    }

    /// A node's name.
    pub(super) fn name(&self, node: NodeId) -> &str {
        self.view.facts(node).map_or("", |facts| self.words.strings.text(facts.name))
    }
}
