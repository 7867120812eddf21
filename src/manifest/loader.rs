//! The way through: files -> objects -> one reader for each kind -> checks across objects.

use std::collections::{BTreeMap, BTreeSet};

use super::apps::{Outside, Workload};
use super::documents::{self, Kind, Object};
use super::fields::{ConfigUse, Context, Fields, Path, Schema};
use super::hidden::Hidden;
use super::meta::{self, Meta, NameRule};
use super::references::{self, Selectable, Selecting};
use super::template::{self, Stamp};
use super::tree::Node;
use super::verdict::Verdict;
use super::{
    ControllerObject, NodeObject, Objects, Observed, PodObject, apps, autoscaler, budget, charts, claim, codes, config,
    hidden, job, kinds, node, observed, owners, persistent_volume, pod, quota, schema, schema_apps, schema_batch,
    schema_scaling, service, sets, storage,
};
use crate::diag::{Diagnostics, Severity, SourceId, Sources, Span};
use crate::model::objects::ObjectSpec;
use crate::model::service::ConfigContent;
use crate::model::storage::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment,
};
use crate::model::{ClaimName, ConfigId, ConfigKind, DisruptionBudget, Namespace, PriorityClass, Vocabulary};

/// See [`super::load`].
pub(super) fn load(
    files: &[SourceId],
    sources: &Sources,
    vocabulary: &mut Vocabulary,
    diagnostics: &mut Diagnostics,
) -> Objects {
    let files = charts::leave_out(files, sources, diagnostics);
    let files: Vec<_> = files.iter().map(|&file| documents::read(file, sources, diagnostics)).collect();
    let objects: Vec<_> = files.iter().flat_map(|file| documents::objects(file, diagnostics)).collect();
    let stamps: Vec<Stamp> = objects.iter().map(|object| Stamp::of(object.node)).collect();
    let mut loader = Loader {
        all_stored: vocabulary.stored,
        sources,
        words: vocabulary,
        diagnostics,
        objects: Objects::default(),
        ignored: BTreeMap::new(),
        uses: Vec::new(),
        claims: Vec::new(),
        broken_claims: BTreeSet::new(),
        seen: BTreeMap::new(),
        spaces: BTreeMap::new(),
        not_modelled: BTreeMap::new(),
        selectable: Vec::new(),
        services: Vec::new(),
        broken_configs: BTreeSet::new(),
    };
    let all = objects.iter().zip(&stamps);
    let (classes, others): (Vec<_>, Vec<_>) =
        all.partition(|(object, _)| matches!(object.kind, Kind::Modelled("PriorityClass" | "LimitRange")));
    for (ordinal, (object, stamp)) in classes.into_iter().chain(others).enumerate() {
        loader.object(object, stamp, ordinal);
    }
    loader.finish()
}

struct Loader<'a, 't> {
    /// Whether all objects are taken for stored ones.
    all_stored: bool,
    sources: &'a Sources,
    words: &'a mut Vocabulary,
    diagnostics: &'a mut Diagnostics,
    objects: Objects,
    ignored: BTreeMap<String, u32>,
    uses: Vec<ConfigUse>,
    claims: Vec<(ClaimName, Span)>,
    /// Claims that exist, but with errors.
    broken_claims: BTreeSet<ClaimName>,
    /// Kind, namespace and name of every object, with its place.
    seen: BTreeMap<(&'static str, String, String), (Span, &'t Node<'t>)>,
    /// Namespaces that new objects are in: the first place of each.
    spaces: BTreeMap<&'t str, Span>,
    /// API version and kind of objects that are not modelled: the first place, how many, and what they stand for.
    not_modelled: BTreeMap<(String, String), (Span, u32, Hidden)>,
    selectable: Vec<Selectable<'t>>,
    services: Vec<Selecting<'t>>,
    /// Configuration objects that exist, but with errors.
    broken_configs: BTreeSet<ConfigId>,
}

/// What was made of an object.
enum Made<'t> {
    Pod(Option<pod::Pod<'t>>),
    Node(crate::model::ShapeId),
    Config(ConfigContent),
    Service(Option<service::Service<'t>>),
    Namespace(Namespace),
    Budget(DisruptionBudget),
    Priority(Option<(PriorityClass, bool)>),
    Volume(Option<PersistentVolume>),
    Claim(Option<PersistentVolumeClaim>),
    Class(Option<StorageClass>),
    CsiNode(Option<CsiNode>),
    CsiDriver(Option<CsiDriver>),
    Capacity(Option<CsiStorageCapacity>),
    Attachment(Option<VolumeAttachment>),
    Workload(Option<Box<Workload<'t>>>),
    Controlled(Option<Box<ObjectSpec>>),
}

impl<'t> Loader<'_, 't> {
    fn object(&mut self, object: &Object<'t>, stamp: &'t Stamp, ordinal: usize) {
        let (kind, schema) = match &object.kind {
            Kind::Modelled(kind) => (*kind, schema_of(kind)),
            Kind::Other(version, kind) => {
                self.other(object, version, kind);
                return;
            }
            Kind::Irrelevant(kind) => {
                *self.ignored.entry(format!("{kind}: the object as a whole")).or_insert(0) += 1;
                return;
            }
        };
        let version = object.node.get("apiVersion").and_then(|entry| entry.value.scalar()).unwrap_or("");
        let successor = kinds::successor(kind, version);
        if self.all_stored && self.bare_owner(object, version, kind) {
            return;
        }
        let span = span(object.source, object.node);
        let name = raw_name(object.node).to_owned();
        let is_stored = self.all_stored || observed::is_stored(object.node);
        // Pods of a stored workload are new when they are made.
        self.words.stored = if object.node.get("spec").is_some_and(|spec| spec.value.get("template").is_some()) {
            self.all_stored
        } else {
            is_stored
        };
        let mut cx = Context {
            source: object.source,
            diagnostics: self.diagnostics,
            words: self.words,
            ignored: &mut self.ignored,
            kind,
            verdict: Verdict::of(kinds::with_group(kind), name.clone(), span),
            strict: false,
            name,
            errors: u32::from(object.broken),
            uses: &mut self.uses,
            claims: &mut self.claims,
        };
        let root = Path::ROOT;
        let Some(fields) = cx.fields(object.node, object.node.anchor(), &root, schema, "") else {
            self.objects.verdicts.push(cx.verdict);
            return;
        };
        let rule = match kind {
            "Service" => NameRule::Label1035,
            "Namespace" | "StatefulSet" => NameRule::Label1123,
            _ => NameRule::Subdomain,
        };
        let meta = meta::read(&mut cx, &fields, rule, ordinal);
        if let Some(successor) = successor.filter(|_| !is_stored) {
            let at = object.node.get("apiVersion").map_or(object.node.anchor(), |entry| entry.value.at);
            let message = format!("{version} is served no more: read as {successor}");
            let help = format!("write `apiVersion: {successor}`: an API server of v1.34 refuses this one");
            cx.warn(codes::OLD_API_VERSION, at, &message, "an old version", &help);
        }
        let outside =
            Outside { meta: &meta, stamp, is_lenient: successor.is_some() || observed::is_noted(object.node) };
        let made = make(&mut cx, &fields, &outside, kind, version);
        let mut errors = cx.errors;
        if errors > 0 || !cx.verdict.strict.is_empty() {
            let answer = Verdict::of(String::new(), String::new(), span);
            self.objects.verdicts.push(std::mem::replace(&mut cx.verdict, answer));
        }
        let name_span = cx.span(meta.name_at);
        match self.duplicate(object, kind, &meta, name_span) {
            Some(Severity::Warning) => return,
            Some(Severity::Error) => errors += 1,
            None => {}
        }
        if !is_stored && !kinds::is_cluster_scoped(kind) {
            let written = object.node.get("metadata").and_then(|meta| meta.value.get("namespace"));
            let at = written.map_or(object.node.anchor(), |entry| entry.value.at);
            let place = Span { source: object.source, start: at.start as usize, end: at.end as usize };
            self.spaces.entry(meta.namespace).or_insert(place);
        }
        self.keep(object, made, &meta, span, errors > 0);
    }

    /// Whether it is a controller without containers, as recorded clusters have them: only what it selects counts.
    fn bare_owner(&mut self, object: &Object<'t>, version: &str, kind: &str) -> bool {
        let Some(spec) = object.node.get("spec").map(|entry| &entry.value) else { return false };
        let pod = spec.get("template").and_then(|template| template.value.get("spec"));
        if pod.is_some_and(|pod| pod.value.get("containers").is_some()) {
            return false;
        }
        let owner = owners::read(&mut self.words.strings, object.node, spec, version, kind);
        self.objects.owners.extend(owner.clone());
        owner.is_some()
    }

    fn keep(&mut self, object: &Object<'t>, made: Made<'t>, meta: &Meta<'t>, span: Span, broken: bool) {
        let strings = &mut self.words.strings;
        match made {
            Made::Pod(made) => {
                let ports = made.as_ref().map_or(Vec::new(), |made| made.port_names.clone());
                self.selectable.push(Selectable { namespace: meta.namespace, labels: meta.labels.clone(), ports });
                if let Some(made) = made.filter(|_| !broken) {
                    self.objects.without_requests.pods += u32::from(!made.asks);
                    let (namespace, name) = (strings.intern(meta.namespace), strings.intern(&meta.name));
                    let observed = Observed::read(strings, object.node, meta);
                    self.objects.pods.push(PodObject { namespace, name, template: made.template, observed, span });
                }
            }
            Made::Node(shape) if !broken => {
                let has_hostname = meta.labels.iter().any(|(key, _)| *key == "kubernetes.io/hostname");
                self.objects.nodes.push(NodeObject { name: strings.intern(&meta.name), shape, has_hostname, span });
            }
            Made::Config(content) if broken => {
                self.broken_configs.insert(content.config);
            }
            Made::Config(content) => self.objects.configs.push((content, span)),
            Made::Service(Some(service)) if !broken => {
                self.objects.services.push((service.spec.clone(), span));
                self.services.push(Selecting { source: object.source, service });
            }
            Made::Priority(Some((class, is_default))) if !broken => {
                self.words.priorities.insert(&meta.name, class, is_default);
            }
            Made::Workload(Some(made)) => {
                let Workload { spec, template, replicas_given, owner } = *made;
                let ports = template.pod.as_ref().map_or(Vec::new(), |pod| pod.port_names.clone());
                self.selectable.push(Selectable { namespace: meta.namespace, labels: template.labels, ports });
                if let Some(pod) = template.pod.filter(|_| !broken) {
                    if !pod.asks {
                        self.objects.without_requests.add(&spec);
                    }
                    self.objects.owners.extend(owner);
                    let (namespace, name) = (strings.intern(meta.namespace), strings.intern(&meta.name));
                    let template = Some(pod.template);
                    let object = ControllerObject { namespace, name, spec, template, replicas_given, span };
                    self.objects.controllers.push(object);
                }
            }
            Made::Controlled(Some(spec)) if !broken => {
                if let Some(range) = spec.limit_range() {
                    let ranges = self.words.limit_ranges.entry(meta.namespace.into()).or_default();
                    ranges.push(range.clone());
                }
                let (namespace, name) = (strings.intern(meta.namespace), strings.intern(&meta.name));
                let object =
                    ControllerObject { namespace, name, spec: *spec, template: None, replicas_given: false, span };
                self.objects.controllers.push(object);
            }
            Made::Namespace(namespace) if !broken => self.objects.namespaces.push(namespace),
            Made::Budget(budget) if !broken => self.objects.budgets.push(budget),
            Made::Workload(_)
            | Made::Controlled(_)
            | Made::Budget(_)
            | Made::Node(_)
            | Made::Service(_)
            | Made::Namespace(_)
            | Made::Priority(_) => {}
            Made::Claim(_) if broken => {
                let (namespace, name) = (strings.intern(meta.namespace), strings.intern(&meta.name));
                self.broken_claims.insert(ClaimName { namespace, name });
            }
            _ if broken => {}
            Made::Volume(made) => self.objects.storage.volumes.extend(made),
            Made::Claim(made) => self.objects.storage.claims.extend(made),
            Made::Class(made) => self.objects.storage.classes.extend(made),
            Made::CsiNode(made) => self.objects.storage.csi_nodes.extend(made),
            Made::CsiDriver(made) => self.objects.storage.csi_drivers.extend(made),
            Made::Capacity(made) => self.objects.storage.capacities.extend(made),
            Made::Attachment(made) => self.objects.storage.attachments.extend(made),
        }
    }

    /// Reports an object that is there already. Where both say the same, it is enough to read one of them.
    fn duplicate(&mut self, object: &Object<'t>, kind: &'static str, meta: &Meta<'_>, span: Span) -> Option<Severity> {
        if meta.name.is_empty() {
            return None;
        }
        let namespace = if kinds::is_cluster_scoped(kind) { "" } else { meta.namespace };
        let key = (kind, namespace.to_owned(), meta.name.clone());
        let Some((first, node)) = self.seen.get(&key) else {
            self.seen.insert(key, (span, object.node));
            return None;
        };
        let (line, column) = self.sources.position(*first);
        let file = &self.sources.get(first.source).name;
        let place = if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace}") };
        let message = format!("{kind} \"{}\" already exists{place}", meta.name);
        if template::digest_of(node) == template::digest_of(object.node) {
            let message = format!("{message}: both say the same");
            let help = format!("it is defined at {file}:{line}:{column} as well: one of the two is enough");
            self.diagnostics.warning(codes::DUPLICATE_OBJECT, span, message, "defined twice", help);
            return Some(Severity::Warning);
        }
        let help =
            format!("it is defined at {file}:{line}:{column} as well, in other words: rename or remove one of the two");
        self.diagnostics.error(codes::DUPLICATE_OBJECT, span, message, "defined twice", help);
        Some(Severity::Error)
    }

    /// An object that is only counted; what Services must know of it is taken.
    fn other(&mut self, object: &Object<'t>, version: &str, kind: &str) {
        let at = object.node.get("kind").map_or(object.node.anchor(), |entry| entry.value.at);
        let span = Span { source: object.source, start: at.start as usize, end: at.end as usize };
        let hidden = hidden::pods_of(object.node, kind, version);
        let entry = self.not_modelled.entry((kind.to_owned(), version.to_owned())).or_insert((span, 0, hidden));
        entry.1 += 1;
        if let Some((labels, ports)) = hidden::template(object.node).map(pod::selectable) {
            let namespace = object.node.get("metadata").and_then(|meta| meta.value.get("namespace"));
            let namespace = namespace.and_then(|entry| entry.value.scalar()).unwrap_or("default");
            self.selectable.push(Selectable { namespace, labels, ports });
        }
    }

    fn finish(mut self) -> Objects {
        self.words.stored = self.all_stored;
        for ((kind, version), (span, count, hidden)) in &self.not_modelled {
            hidden::report(self.diagnostics, *span, (kind, version, *count), hidden);
            *self.ignored.entry(format!("{kind} ({version}): the object as a whole")).or_insert(0) += count;
        }
        let (words, diagnostics) = (&*self.words, &mut *self.diagnostics);
        references::check_configs(&self.uses, &self.objects.configs, &self.broken_configs, words, diagnostics);
        let storage = &self.objects.storage;
        references::check_claims(&self.claims, storage, &self.broken_claims, words, diagnostics);
        let declared = |name: &str| self.seen.contains_key(&("Namespace", String::new(), name.to_owned()));
        self.objects.undeclared = references::check_namespaces(&self.spaces, declared, words, diagnostics);
        references::check_services(&self.services, &self.selectable, words, diagnostics);
        self.objects.ignored = self.ignored.into_iter().collect();
        self.objects
    }
}

fn make<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
    kind: &str,
    version: &str,
) -> Made<'t> {
    let meta = outside.meta;
    let workload = |made: Option<Workload<'t>>| Made::Workload(made.map(Box::new));
    let controlled = |made: Option<ObjectSpec>| Made::Controlled(made.map(Box::new));
    match kind {
        "Pod" => Made::Pod(pod::spec(cx, root, meta, &pod::Origin::POD)),
        "Deployment" => workload(apps::deployment(cx, root, outside)),
        "ReplicaSet" => workload(apps::replica_set(cx, root, outside)),
        "ReplicationController" => workload(apps::replication_controller(cx, root, outside)),
        "StatefulSet" => workload(sets::stateful_set(cx, root, outside)),
        "DaemonSet" => workload(sets::daemon_set(cx, root, outside)),
        "Job" => workload(job::job(cx, root, outside)),
        "CronJob" => workload(job::cron_job(cx, root, outside)),
        "HorizontalPodAutoscaler" => {
            controlled(autoscaler::read(cx, root, version).map(ObjectSpec::HorizontalPodAutoscaler))
        }
        "ResourceQuota" => controlled(quota::quota(cx, root).map(ObjectSpec::ResourceQuota)),
        "LimitRange" => controlled(quota::limit_range(cx, root).map(ObjectSpec::LimitRange)),
        "Node" => Made::Node(node::read(cx, root, meta)),
        "ConfigMap" => Made::Config(config::read(cx, root, meta, ConfigKind::ConfigMap)),
        "Secret" => Made::Config(config::read(cx, root, meta, ConfigKind::Secret)),
        "Service" => Made::Service(service::read(cx, root, meta)),
        "PodDisruptionBudget" => Made::Budget(budget::read(cx, root, meta)),
        "PersistentVolume" => Made::Volume(persistent_volume::read(cx, root, meta)),
        "PersistentVolumeClaim" => Made::Claim(claim::read(cx, root, meta)),
        "StorageClass" => Made::Class(storage::class(cx, root, meta)),
        "CSINode" => Made::CsiNode(storage::csi_node(cx, root, meta)),
        "CSIDriver" => Made::CsiDriver(storage::csi_driver(cx, root, meta)),
        "CSIStorageCapacity" => Made::Capacity(storage::capacity(cx, root, meta)),
        "VolumeAttachment" => Made::Attachment(storage::attachment(cx, root, meta)),
        "Namespace" => Made::Namespace(owners::namespace(&mut cx.words.strings, meta)),
        _ => Made::Priority(config::priority_class(cx, root, meta)),
    }
}

fn schema_of(kind: &str) -> &'static Schema {
    match kind {
        "Pod" => &schema::POD,
        "Deployment" => &schema_apps::DEPLOYMENT,
        "ReplicaSet" => &schema_apps::REPLICA_SET,
        "ReplicationController" => &schema_apps::REPLICATION_CONTROLLER,
        "StatefulSet" => &schema_apps::STATEFUL_SET,
        "DaemonSet" => &schema_apps::DAEMON_SET,
        "Job" => &schema_batch::JOB,
        "CronJob" => &schema_batch::CRON_JOB,
        "HorizontalPodAutoscaler" => &schema_scaling::AUTOSCALER,
        "ResourceQuota" => &schema_scaling::QUOTA,
        "LimitRange" => &schema_scaling::LIMIT_RANGE,
        "Node" => &schema::NODE,
        "ConfigMap" => &schema::CONFIG_MAP,
        "Secret" => &schema::SECRET,
        "Service" => &schema::SERVICE,
        "PodDisruptionBudget" => &schema::POD_DISRUPTION_BUDGET,
        "PersistentVolume" => &schema::PERSISTENT_VOLUME,
        "PersistentVolumeClaim" => &schema::CLAIM,
        "StorageClass" => &schema::STORAGE_CLASS,
        "CSINode" => &schema::CSI_NODE,
        "CSIDriver" => &schema::CSI_DRIVER,
        "CSIStorageCapacity" => &schema::CSI_STORAGE_CAPACITY,
        "VolumeAttachment" => &schema::VOLUME_ATTACHMENT,
        "Namespace" => &schema::NAMESPACE,
        _ => &schema::PRIORITY_CLASS,
    }
}

fn raw_name<'t>(node: &'t Node<'t>) -> &'t str {
    let metadata = node.get("metadata").map(|entry| &entry.value);
    metadata.and_then(|metadata| metadata.get("name")?.value.scalar()).unwrap_or("")
}

fn span(source: SourceId, node: &Node<'_>) -> Span {
    Span { source, start: node.at.start as usize, end: node.at.end as usize }
}
