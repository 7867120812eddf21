//! The cluster of a recorded case of the scheduler: its objects, read as a user's manifests are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Unsupported;
use super::decisions::Recorded;
use crate::base::SimTime;
use crate::cli::decide::{Cluster, Driver, Settings};
use crate::diag::{Diagnostics, Severity, Sources};
use crate::manifest::{self, PodObject};
use crate::model::plan::Evaluator;
use crate::model::profile::Profile;
use crate::model::{ClassId, NodeId, Vocabulary};
use crate::scheduler::cycle::{Options, TieBreak};

/// Kinds of objects: what the case calls the list, API version and kind.
const KINDS: [(&str, &str, &str); 15] = [
    ("priorityClasses", "scheduling.k8s.io/v1", "PriorityClass"),
    ("nodes", "v1", "Node"),
    ("pods", "v1", "Pod"),
    ("namespaces", "v1", "Namespace"),
    ("services", "v1", "Service"),
    ("replicationControllers", "v1", "ReplicationController"),
    ("replicaSets", "apps/v1", "ReplicaSet"),
    ("statefulSets", "apps/v1", "StatefulSet"),
    ("persistentVolumes", "v1", "PersistentVolume"),
    ("persistentVolumeClaims", "v1", "PersistentVolumeClaim"),
    ("storageClasses", "storage.k8s.io/v1", "StorageClass"),
    ("csiNodes", "storage.k8s.io/v1", "CSINode"),
    ("csiDrivers", "storage.k8s.io/v1", "CSIDriver"),
    ("csiStorageCapacities", "storage.k8s.io/v1", "CSIStorageCapacity"),
    ("volumeAttachments", "storage.k8s.io/v1", "VolumeAttachment"),
];
/// 2025-06-01T00:00:00Z: the start time of the pod at place 0 of a queue; each later pod starts a second later.
const QUEUE_START: SimTime = SimTime(1_748_736_000_000_000_000);

fn with_kind(object: &Value, api_version: &str, kind: &str) -> Value {
    let mut object = object.as_object().cloned().unwrap_or_default();
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Value::Object(object)
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

/// A case that was read.
pub(super) struct Loaded {
    /// Its cluster with the existing pods, ready for the queue.
    pub(super) driver: Driver,
    /// The pods of the queue by `namespace/name`.
    pub(super) queue: BTreeMap<String, PodObject>,
    /// Every pod's class, likewise.
    classes: BTreeMap<String, ClassId>,
}

impl Loaded {
    /// The class of a pod of the case.
    pub(super) fn class(&self, pod: &Value) -> Result<ClassId, Unsupported> {
        let key = key(pod);
        self.classes.get(&key).copied().ok_or_else(|| Unsupported(format!("no pod `{key}` was read")))
    }

    /// A node by its name.
    pub(super) fn node(&self, name: &str) -> Option<NodeId> {
        let cluster = &self.driver.cluster;
        cluster.node(cluster.words.strings.lookup(name)?)
    }
}

/// A pod's `namespace/name`.
pub(super) fn key(pod: &Value) -> String {
    let field = |name: &str| pod.get("metadata")?.get(name)?.as_str().filter(|text| !text.is_empty());
    format!("{}/{}", field("namespace").unwrap_or("default"), field("name").unwrap_or_default())
}

/// Loads the objects of `case` and places its existing pods. What does not load is unsupported, with the first reason.
pub(super) fn load(case: &Recorded, evaluator: Evaluator) -> Result<Loaded, Unsupported> {
    let mut items = Vec::new();
    for (list, api_version, kind) in KINDS {
        items.extend(case.objects(list).iter().map(|object| with_kind(object, api_version, kind)));
    }
    let budgets = case.objects("podDisruptionBudgets").iter();
    items.extend(budgets.map(|budget| with_kind(budget, "policy/v1", "PodDisruptionBudget")));
    items.extend(case.queue.iter().map(|pod| with_kind(pod, "v1", "Pod")));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("case", list.to_string());
    // The recorded scheduler saw none of admission.
    let mut words = Vocabulary { stored: true, ..Vocabulary::default() };
    let loaded = manifest::load(&[file], &sources, &mut words, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(first_error(&diagnostics));
    }

    let profiles = [profile(case, &mut words)?].into_iter().collect();
    let (mut cluster, mut pods) = Cluster::new(loaded, words, profiles, true);
    let classes = pods.iter().map(|pod| (cluster.key(pod), pod.template.class)).collect();
    let queue = pods.split_off(case.objects("pods").len());
    pods.iter().for_each(|pod| cluster.settle(pod));
    let queue = queue.into_iter().map(|pod| (cluster.key(&pod), pod)).collect();
    let settings = Settings {
        options: Options { percentage_of_nodes_to_score: 100, tie_break: TieBreak::First },
        seed: 0,
        evaluator,
        restarts: true,
        first_start: QUEUE_START,
    };
    Ok(Loaded { driver: Driver::new(cluster, settings), queue, classes })
}
