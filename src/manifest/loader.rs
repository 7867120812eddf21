//! The way through: files -> objects -> one reader for each kind -> checks across objects.

use std::collections::{BTreeMap, BTreeSet};

use super::documents::{self, Kind, Object};
use super::fields::{ConfigUse, Context, Fields, Path, Schema};
use super::meta::{self, Meta, NameRule};
use super::references::{self, Selectable, Selecting};
use super::tree::Node;
use super::{
    NodeObject, Objects, Observed, PodObject, budget, claim, codes, config, kinds, node, observed, owners,
    persistent_volume, pod, schema, service, storage,
};
use crate::diag::{Diagnostics, SourceId, Sources, Span};
use crate::model::service::ConfigContent;
use crate::model::storage::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment,
};
use crate::model::{
    ClaimName, ConfigId, ConfigKind, DisruptionBudget, Namespace, PriorityClass, PriorityClasses, Vocabulary,
};

/// See [`super::load`].
pub(super) fn load(
    files: &[SourceId],
    sources: &Sources,
    vocabulary: &mut Vocabulary,
    diagnostics: &mut Diagnostics,
) -> Objects {
    let files: Vec<_> = files.iter().map(|&file| documents::read(file, sources, diagnostics)).collect();
    let objects: Vec<_> = files.iter().flat_map(|file| documents::objects(file, diagnostics)).collect();
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
        priorities: PriorityClasses::of_the_system(),
        seen: BTreeMap::new(),
        not_modelled: BTreeMap::new(),
        selectable: Vec::new(),
        services: Vec::new(),
        broken_configs: BTreeSet::new(),
    };
    let (classes, others): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| object.kind == Kind::Modelled("PriorityClass"));
    for (ordinal, object) in classes.iter().chain(&others).enumerate() {
        loader.object(object, ordinal);
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
    priorities: PriorityClasses,
    /// Kind, namespace and name of every object, with its place.
    seen: BTreeMap<(&'static str, String, String), Span>,
    /// API version and kind of objects that are not modelled: the first place and how many.
    not_modelled: BTreeMap<(String, String), (Span, u32)>,
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
}

impl<'t> Loader<'_, 't> {
    fn object(&mut self, object: &Object<'t>, ordinal: usize) {
        let (kind, schema) = match &object.kind {
            Kind::Modelled(kind) => (*kind, schema_of(kind)),
            Kind::Other(version, kind) => {
                self.other(object, version, kind);
                return;
            }
        };
        let span = span(object.source, object.node);
        self.words.stored = self.all_stored || observed::is_stored(object.node);
        let mut cx = Context {
            source: object.source,
            diagnostics: self.diagnostics,
            words: self.words,
            ignored: &mut self.ignored,
            kind,
            name: raw_name(object.node).to_owned(),
            errors: u32::from(object.broken),
            uses: &mut self.uses,
            claims: &mut self.claims,
            priorities: &self.priorities,
        };
        let root = Path::ROOT;
        let Some(fields) = cx.fields(object.node, object.node.anchor(), &root, schema, "") else { return };
        let rule = match kind {
            "Service" => NameRule::Label1035,
            "Namespace" => NameRule::Label1123,
            _ => NameRule::Subdomain,
        };
        let meta = meta::read(&mut cx, &fields, rule, ordinal);
        let made = make(&mut cx, &fields, &meta, kind);
        let mut errors = cx.errors;
        let name_span = cx.span(meta.name_at);
        if !meta.name.is_empty() && self.is_duplicate(kind, &meta, name_span) {
            errors += 1;
        }
        self.keep(object, made, &meta, span, errors > 0);
    }

    fn keep(&mut self, object: &Object<'t>, made: Made<'t>, meta: &Meta<'t>, span: Span, broken: bool) {
        let strings = &mut self.words.strings;
        match made {
            Made::Pod(made) => {
                let ports = made.as_ref().map_or(Vec::new(), |made| made.port_names.clone());
                self.selectable.push(Selectable { namespace: meta.namespace, labels: meta.labels.clone(), ports });
                if let Some(made) = made.filter(|_| !broken) {
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
                self.priorities.insert(&meta.name, class, is_default);
            }
            Made::Namespace(namespace) if !broken => self.objects.namespaces.push(namespace),
            Made::Budget(budget) if !broken => self.objects.budgets.push(budget),
            Made::Budget(_) | Made::Node(_) | Made::Service(_) | Made::Namespace(_) | Made::Priority(_) => {}
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

    fn is_duplicate(&mut self, kind: &'static str, meta: &Meta<'_>, span: Span) -> bool {
        let namespace = if kinds::is_cluster_scoped(kind) { "" } else { meta.namespace };
        let key = (kind, namespace.to_owned(), meta.name.clone());
        let Some(first) = self.seen.get(&key) else {
            self.seen.insert(key, span);
            return false;
        };
        let (line, column) = self.sources.position(*first);
        let file = &self.sources.get(first.source).name;
        let place = if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace}") };
        let message = format!("{kind} \"{}\" already exists{place}", meta.name);
        let help = format!("it is defined at {file}:{line}:{column} as well: rename or remove one of the two");
        self.diagnostics.error(codes::DUPLICATE_OBJECT, span, message, "defined twice", help);
        true
    }

    /// An object that is only counted; what Services must know of it is taken.
    fn other(&mut self, object: &Object<'t>, version: &str, kind: &str) {
        let at = object.node.get("kind").map_or(object.node.anchor(), |entry| entry.value.at);
        let span = Span { source: object.source, start: at.start as usize, end: at.end as usize };
        self.not_modelled.entry((kind.to_owned(), version.to_owned())).or_insert((span, 0)).1 += 1;
        let spec = object.node.get("spec").map(|entry| &entry.value);
        let owner = spec.and_then(|spec| owners::read(&mut self.words.strings, object.node, spec, version, kind));
        self.objects.owners.extend(owner);
        let job = spec.and_then(|spec| spec.get("jobTemplate")?.value.get("spec")).map(|entry| &entry.value);
        let Some(template) = job.or(spec).and_then(|spec| spec.get("template")) else { return };
        let (labels, ports) = pod::selectable(&template.value);
        let namespace = object.node.get("metadata").and_then(|meta| meta.value.get("namespace"));
        let namespace = namespace.and_then(|entry| entry.value.scalar()).unwrap_or("default");
        self.selectable.push(Selectable { namespace, labels, ports });
    }

    fn finish(mut self) -> Objects {
        self.words.stored = self.all_stored;
        for ((kind, version), (span, count)) in &self.not_modelled {
            let what = if *count == 1 {
                format!("1 object of kind {kind} ({version}) is left out")
            } else {
                format!("{count} objects of kind {kind} ({version}) are left out")
            };
            let message = format!("{what}: the kind is not modelled yet");
            let help = "nothing of it will happen in the simulation; compiled are Pod, Node, ConfigMap, Secret, Service, \
                        Namespace, PriorityClass, PodDisruptionBudget, List and the storage kinds";
            self.diagnostics.warning(codes::NOT_MODELLED, *span, message, "not simulated", help);
        }
        let (words, diagnostics) = (&*self.words, &mut *self.diagnostics);
        references::check_configs(&self.uses, &self.objects.configs, &self.broken_configs, words, diagnostics);
        let storage = &self.objects.storage;
        references::check_claims(&self.claims, storage, &self.broken_claims, words, diagnostics);
        references::check_services(&self.services, &self.selectable, words, diagnostics);
        self.objects.ignored = self.ignored.into_iter().collect();
        self.objects
    }
}

fn make<'t>(cx: &mut Context<'_>, root: &Fields<'t, '_>, meta: &Meta<'_>, kind: &str) -> Made<'t> {
    match kind {
        "Pod" => Made::Pod(pod::spec(cx, root, meta)),
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
