//! What kubectl shows of a simulated cluster: objects as the API would give them, and how they are printed. Owns what is
//! made up where the simulation has no word for it (addresses, image digests). Must not know how a run is made.

mod defaults;
pub(super) mod describe;
mod describe_container;
mod describe_node;
mod describe_policy;
mod describe_workload;
mod events;
mod network;
mod node;
mod objects;
mod pod;
mod revisions;
mod storage;
pub(super) mod table;
mod usage;
pub(super) mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::{PodRef, Revision};
use crate::base::{IdVec, SimTime};
use crate::model::objects::ObjectKind;
use crate::model::selector::Selector;
use crate::model::{ClaimName, ConfigId, ConfigKind, NodeId, ObjectId, ServiceId, StrId, TemplateId};
use crate::record::{ApiEvent, KubeEvents};
use crate::sim::Simulation;
use crate::sim::plan::Plan;

/// Kinds of objects that can be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Pod,
    Node,
    Service,
    Endpoints,
    EndpointSlice,
    ConfigMap,
    Secret,
    Event,
    Claim,
    Volume,
    Revision,
    Object(ObjectKind),
}

impl Kind {
    pub const ALL: [Self; 23] = [
        Self::Revision,
        Self::Pod,
        Self::Node,
        Self::Service,
        Self::Endpoints,
        Self::EndpointSlice,
        Self::ConfigMap,
        Self::Secret,
        Self::Event,
        Self::Claim,
        Self::Volume,
        Self::Object(ObjectKind::Deployment),
        Self::Object(ObjectKind::ReplicaSet),
        Self::Object(ObjectKind::ReplicationController),
        Self::Object(ObjectKind::StatefulSet),
        Self::Object(ObjectKind::DaemonSet),
        Self::Object(ObjectKind::Job),
        Self::Object(ObjectKind::CronJob),
        Self::Object(ObjectKind::HorizontalPodAutoscaler),
        Self::Object(ObjectKind::PodDisruptionBudget),
        Self::Object(ObjectKind::ResourceQuota),
        Self::Object(ObjectKind::LimitRange),
        Self::Object(ObjectKind::Namespace),
    ];

    /// What users call it: plural, singular, short forms.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Pod => &["pods", "pod", "po"],
            Self::Node => &["nodes", "node", "no"],
            Self::Service => &["services", "service", "svc"],
            Self::Endpoints => &["endpoints", "endpoint", "ep"],
            Self::EndpointSlice => &[
                "endpointslices",
                "endpointslice",
                "endpointslices.discovery.k8s.io",
                "endpointslice.discovery.k8s.io",
            ],
            Self::ConfigMap => &["configmaps", "configmap", "cm"],
            Self::Secret => &["secrets", "secret"],
            Self::Event => &["events", "event", "ev"],
            Self::Claim => &["persistentvolumeclaims", "persistentvolumeclaim", "pvc"],
            Self::Volume => &["persistentvolumes", "persistentvolume", "pv"],
            Self::Revision => {
                &["controllerrevisions", "controllerrevision", "controllerrevisions.apps", "controllerrevision.apps"]
            }
            Self::Object(kind) => objects::names(kind),
        }
    }

    /// The kind that is called so.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| kind.names().contains(&&*name))
    }

    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::Node | Self::Volume | Self::Object(ObjectKind::Namespace))
    }

    /// Its name in messages: with its group, if it has one.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::EndpointSlice => "endpointslices.discovery.k8s.io",
            Self::Revision => "controllerrevisions.apps",
            Self::Object(kind) => kind.resource(),
            other => other.names()[0],
        }
    }

    /// Columns of its table; `true`: only in the wide one.
    pub const fn columns(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Pod => &[
                ("NAME", false),
                ("READY", false),
                ("STATUS", false),
                ("RESTARTS", false),
                ("AGE", false),
                ("IP", true),
                ("NODE", true),
                ("NOMINATED NODE", true),
                ("READINESS GATES", true),
            ],
            Self::Node => &[
                ("NAME", false),
                ("STATUS", false),
                ("ROLES", false),
                ("AGE", false),
                ("VERSION", false),
                ("INTERNAL-IP", true),
                ("EXTERNAL-IP", true),
                ("OS-IMAGE", true),
                ("KERNEL-VERSION", true),
                ("CONTAINER-RUNTIME", true),
            ],
            Self::Claim => storage::CLAIM_COLUMNS,
            Self::Volume => storage::VOLUME_COLUMNS,
            Self::Service => &[
                ("NAME", false),
                ("TYPE", false),
                ("CLUSTER-IP", false),
                ("EXTERNAL-IP", false),
                ("PORT(S)", false),
                ("AGE", false),
                ("SELECTOR", true),
            ],
            Self::Endpoints => &[("NAME", false), ("ENDPOINTS", false), ("AGE", false)],
            Self::EndpointSlice => {
                &[("NAME", false), ("ADDRESSTYPE", false), ("PORTS", false), ("ENDPOINTS", false), ("AGE", false)]
            }
            Self::ConfigMap => &[("NAME", false), ("DATA", false), ("AGE", false)],
            Self::Secret => &[("NAME", false), ("TYPE", false), ("DATA", false), ("AGE", false)],
            Self::Event => &[
                ("LAST SEEN", false),
                ("TYPE", false),
                ("REASON", false),
                ("OBJECT", false),
                ("SUBOBJECT", true),
                ("SOURCE", true),
                ("MESSAGE", false),
                ("FIRST SEEN", true),
                ("COUNT", true),
                ("NAME", true),
            ],
            Self::Revision => &[("NAME", false), ("CONTROLLER", false), ("REVISION", false), ("AGE", false)],
            Self::Object(kind) => objects::columns(kind),
        }
    }
}

/// Which objects are wanted.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub kind: Kind,
    /// `None`: all namespaces.
    pub namespace: Option<String>,
    pub selector: Option<Selector>,
    /// Empty: all.
    pub names: Vec<String>,
}

/// Objects as manifests have them.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// The pod that each template was made from.
    pub templates: IdVec<TemplateId, Value>,
    /// By kind, namespace and name.
    pub objects: BTreeMap<(String, String, String), Value>,
}

/// Which object of the simulation something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Pod(PodRef),
    Node(NodeId),
    Service(ServiceId),
    Config(ConfigId),
    Claim(ClaimName),
    Volume(StrId),
    /// The place in [`View::events`].
    Event(usize),
    Object(ObjectId),
    /// One of the templates of an object.
    Revision(ObjectId, Revision),
    /// A namespace that is no object of the simulation: it exists, and nothing becomes of it.
    Namespace(StrId),
}

/// An object in a list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub source: Source,
    pub namespace: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// Its line in the wide table.
    pub cells: Vec<String>,
}

/// The cluster at an instant.
pub(super) struct View<'a> {
    pub simulation: &'a Simulation<KubeEvents>,
    pub now: SimTime,
    pub written: &'a Written,
    /// Events that the API shows, in the order of their creation.
    pub events: Vec<ApiEvent>,
    /// The same, with those that have expired: statuses go on showing what they told.
    pub told: Vec<ApiEvent>,
}

impl<'a> View<'a> {
    pub fn new(simulation: &'a Simulation<KubeEvents>, now: SimTime, written: &'a Written) -> Self {
        let (recorder, start) = (simulation.recorder(), simulation.plan().start);
        let (events, told) = (recorder.visible(start, now), recorder.all(start, now));
        Self { simulation, now, written, events, told }
    }

    pub fn plan(&self) -> &'a Plan {
        self.simulation.plan()
    }

    pub fn text(&self, id: StrId) -> &'a str {
        self.plan().strings.text(id)
    }

    /// The age of what was created at `since`, as kubectl prints it. The API shows times in whole seconds.
    pub fn age(&self, since: SimTime) -> String {
        self.now.since(since.floor_seconds()).human()
    }

    /// The objects that are wanted, in the order in which kubectl lists them.
    pub fn list(&self, query: &Query) -> Vec<Item> {
        let all = match query.kind {
            Kind::Pod => self.pods(),
            Kind::Node => self.nodes(),
            Kind::Service => self.services(),
            Kind::Endpoints => self.endpoints(),
            Kind::EndpointSlice => self.endpoint_slices(),
            Kind::ConfigMap => self.configs(ConfigKind::ConfigMap),
            Kind::Secret => self.configs(ConfigKind::Secret),
            Kind::Event => self.event_items(),
            Kind::Claim => self.claims(),
            Kind::Volume => self.volumes(),
            Kind::Revision => self.revisions(),
            Kind::Object(kind) => self.objects_of(kind),
        };
        let wanted = |item: &Item| {
            let here = query.namespace.as_ref().is_none_or(|namespace| *namespace == item.namespace);
            let named = query.names.is_empty() || query.names.contains(&item.name);
            let labelled = query.selector.as_ref();
            let labelled = labelled.is_none_or(|wanted| wanted.matches(|key| item.labels.get(key).map(String::as_str)));
            (here || !query.kind.is_namespaced()) && named && labelled
        };
        let mut items: Vec<Item> = all.into_iter().filter(wanted).collect();
        if query.kind != Kind::Event {
            items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        }
        items
    }

    /// The object as the API would give it.
    pub fn object(&self, kind: Kind, item: &Item) -> Value {
        match item.source {
            Source::Pod(pod) => self.pod_object(pod),
            Source::Node(node) => self.node_object(node),
            Source::Service(service) => match kind {
                Kind::Endpoints => self.endpoints_object(service),
                Kind::EndpointSlice => self.endpoint_slice_object(service, &item.name),
                _ => self.service_object(service),
            },
            Source::Config(config) => self.config_object(config),
            Source::Object(object) => self.controller_object(object),
            Source::Namespace(name) => self.namespace_object(name),
            Source::Revision(object, revision) => self.revision_object(object, revision),
            Source::Claim(claim) => self.claim_object(claim),
            Source::Volume(volume) => self.volume_object(volume),
            Source::Event(at) => self.event_object(&self.events[at]),
        }
    }

    /// `metadata` with what every object has.
    fn metadata(
        &self,
        uid: &str,
        namespace: Option<&str>,
        name: &str,
        created: SimTime,
        written: &Value,
    ) -> Map<String, Value> {
        let mut meta = Map::new();
        for key in ["annotations", "labels"] {
            if let Some(map) = written["metadata"][key].as_object().filter(|map| !map.is_empty()) {
                meta.insert(key.into(), map.clone().into());
            }
        }
        meta.insert("creationTimestamp".into(), created.rfc3339().into());
        meta.insert("name".into(), name.into());
        if let Some(namespace) = namespace {
            meta.insert("namespace".into(), namespace.into());
        }
        meta.insert("uid".into(), uid.into());
        meta
    }

    /// The object of this kind and name as its manifest has it.
    fn written(&self, kind: &str, namespace: &str, name: &str) -> &'a Value {
        const NOTHING: &Value = &Value::Null;
        self.written.objects.get(&(kind.to_owned(), namespace.to_owned(), name.to_owned())).unwrap_or(NOTHING)
    }
}

/// A list as `kubectl get -o yaml` prints it.
pub(super) fn list_object(items: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "items": items, "kind": "List", "metadata": { "resourceVersion": "" } })
}

/// Labels of a written object.
fn labels_of(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object();
    let pairs = labels.into_iter().flatten().map(|(key, value)| (key.clone(), text_of(value)));
    pairs.collect()
}

/// A scalar as a text.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An address made up from a number.
fn address(base: [u8; 4], number: u32) -> String {
    std::net::Ipv4Addr::from(u32::from_be_bytes(base).wrapping_add(number)).to_string()
}
