//! Kubernetes YAML and JSON -> model: decoding with places, defaulting, validation with upstream's texts.
//!
//! A file becomes trees (`yaml`, `json` -> `tree`), trees become objects of known kinds (`documents`), and each
//! object is read field by field (`fields`, `schema`): checked, defaulted and compiled in one go, so that every mistake
//! of every object is found at once. What objects say about each other is checked last (`references`).
//! Knows the model; must not know scenarios, the engine or the terminal.

mod affinity;
mod apps;
mod autoscaler;
mod autoscaler_metric;
mod budget;
mod charts;
mod claim;
pub mod codes;
mod config;
mod container;
mod documents;
mod env;
mod fields;
mod hidden;
mod hooks;
mod job;
mod job_policy;
mod json;
mod kinds;
mod label_selector;
mod loader;
mod meta;
mod names;
mod node;
mod numbers;
mod observed;
mod owners;
mod patch;
mod path;
mod persistent_volume;
mod placement;
mod pod;
mod pod_affinity;
mod pod_status;
mod probe;
mod quota;
mod references;
mod resources;
pub mod scheduler_config;
mod scheduler_config_args;
mod scheduler_config_plugins;
mod schema;
mod schema_apps;
mod schema_batch;
mod schema_objects;
mod schema_placement;
mod schema_scaling;
mod schema_scheduler;
mod schema_storage;
mod service;
mod sets;
mod spread;
mod storage;
mod template;
mod tree;
mod verdict;
mod volume;
mod volume_source;
mod written;
mod yaml;

pub use observed::Observed;
pub use patch::{PatchType, patched};
pub use references::missing_namespace;
pub use verdict::{FieldError, Verdict};
pub use written::{Written, value, written};

use crate::diag::{Diagnostics, SourceId, Sources, Span};
use crate::model::WithoutRequests;
use crate::model::objects::ObjectSpec;
use crate::model::service::ConfigContent;
use crate::model::{
    DisruptionBudget, Namespace, OwnerSelector, PodTemplate, ServiceSpec, ShapeId, StorageObjects, StrId, Vocabulary,
};

/// Everything that some manifest files hold, compiled.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Bare pods, in order.
    pub pods: Vec<PodObject>,
    /// Objects of controllers, in order.
    pub controllers: Vec<ControllerObject>,
    /// Nodes, in order.
    pub nodes: Vec<NodeObject>,
    /// Services, in order.
    pub services: Vec<(ServiceSpec, Span)>,
    /// Namespaces, in order.
    pub namespaces: Vec<Namespace>,
    /// Namespaces that objects are in and that are not among those, with their first places.
    pub undeclared: Vec<(StrId, Span)>,
    /// ReplicationControllers, ReplicaSets and StatefulSets, as far as they spread the pods they own.
    pub owners: Vec<OwnerSelector>,
    /// PodDisruptionBudgets, in order.
    pub budgets: Vec<DisruptionBudget>,
    /// ConfigMaps and Secrets with their keys.
    pub configs: Vec<(ConfigContent, Span)>,
    /// Claims, volumes, storage classes and drivers.
    pub storage: StorageObjects,
    /// How many pods request neither CPU nor memory: pods and replicas, and kinds whose pods cannot be counted.
    pub without_requests: WithoutRequests,
    /// What an API server would answer, for objects in which something is wrong.
    pub verdicts: Vec<Verdict>,
    /// Fields that were read but that nothing here models: (kind and path, how often).
    pub ignored: Vec<(String, u32)>,
}

/// A bare pod of a manifest.
#[derive(Clone, Debug)]
pub struct PodObject {
    /// `metadata.namespace`, default `default`.
    pub namespace: StrId,
    /// `metadata.name`.
    pub name: StrId,
    /// The pod. Its containers' behaviors all have the first id: whoever knows behaviors sets them.
    pub template: PodTemplate,
    /// What its status says of its life so far.
    pub observed: Observed,
    /// Where the object stands.
    pub span: Span,
}

/// An object of a controller.
#[derive(Clone, Debug)]
pub struct ControllerObject {
    /// `metadata.namespace`, default `default`.
    pub namespace: StrId,
    /// `metadata.name`.
    pub name: StrId,
    /// What it is. The id of its template is the first one: whoever knows behaviors sets it.
    pub spec: ObjectSpec,
    /// The template of its pods, if it makes some. Its containers' behaviors all have the first id.
    pub template: Option<PodTemplate>,
    /// Whether the manifest sets `spec.replicas`.
    pub replicas_given: bool,
    /// Where the object stands.
    pub span: Span,
}

/// A node of a manifest.
#[derive(Clone, Debug)]
pub struct NodeObject {
    /// `metadata.name`.
    pub name: StrId,
    /// What it is like.
    pub shape: ShapeId,
    /// Whether it has the label `kubernetes.io/hostname`: the shape has it only if it says something else than the name.
    pub has_hostname: bool,
    /// Where the object stands.
    pub span: Span,
}

/// Reads manifests: YAML of any number of documents, or JSON, with lists unfolded. Whatever is wrong is added to
/// `diagnostics`, all of it at once; objects with errors are left out.
pub fn load(
    files: &[SourceId],
    sources: &Sources,
    vocabulary: &mut Vocabulary,
    diagnostics: &mut Diagnostics,
) -> Objects {
    loader::load(files, sources, vocabulary, diagnostics)
}
