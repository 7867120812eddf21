//! The plan while it grows: what was compiled so far, with the places that later checks point at.

use std::collections::{BTreeMap, BTreeSet};

use super::Cx;
use super::codes;
use crate::base::id::DenseId;
use crate::base::{IdVec, SimTime};
use crate::diag::Span;
use crate::manifest::{self, ControllerObject};
use crate::model::objects::{ObjectKind, ObjectPlan, ObjectSpec};
use crate::model::service::ConfigContent;
use crate::model::strings::known;
use crate::model::{
    DisruptionBudget, Namespace, OwnerSelector, PodNaming, PodTemplate, PoolId, PoolPlan, ServiceId, ServiceSpec,
    ShapeId, StorageObject, StrId, Strings, TemplateId, WorkloadId,
};
use crate::sim::plan::{ArrivalPlan, ChangeKind, ChangePlan, Naming, NodePlan, PodPlan, Workload};

/// The plan while it grows.
#[derive(Default)]
pub(super) struct Parts {
    pub templates: IdVec<TemplateId, PodTemplate>,
    /// For each template the workload that it is for, and whether a trace says how long its process works.
    pub owners: IdVec<TemplateId, Owner>,
    /// Where each template is written.
    pub origins: IdVec<TemplateId, Span>,
    pub workloads: IdVec<WorkloadId, Workload>,
    pub workload_names: BTreeMap<(StrId, StrId), WorkloadId>,
    pub nodes: Vec<NodePlan>,
    pub node_names: BTreeMap<StrId, ShapeId>,
    pub pools: IdVec<PoolId, PoolPlan>,
    pub services: IdVec<ServiceId, ServiceSpec>,
    pub namespaces: Vec<Namespace>,
    /// Namespaces that a change applies.
    pub later_namespaces: Vec<Namespace>,
    /// Since when manifests have each namespace, or were said not to have it.
    pub declared: BTreeMap<StrId, SimTime>,
    /// Namespaces that changes apply something in without declaring them: where, and when.
    pub undeclared: Vec<(StrId, Span, SimTime)>,
    pub controllers: Vec<OwnerSelector>,
    pub config_contents: Vec<ConfigContent>,
    pub storage: Vec<StorageObject>,
    /// The class of claims that name none.
    pub default_class: Option<StrId>,
    pub objects: Vec<ObjectPlan>,
    /// Objects of controllers that manifests hold, at the start or later: kind, namespace and name.
    pub named_objects: BTreeSet<(ObjectKind, StrId, StrId)>,
    pub pods: Vec<PodPlan>,
    pub arrivals: Vec<ArrivalPlan>,
    /// Where the first bare pod stands that asks for a scheduler.
    pub asking: BTreeMap<Option<StrId>, Span>,
    /// Resizes and removals of gates of pods so far, with their times.
    pub versions: Vec<(WorkloadId, SimTime)>,
    /// The latest versions of pods whose gates are removed.
    pub ungated: BTreeMap<WorkloadId, TemplateId>,
}

/// Whom a template is for.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub workload: WorkloadId,
    pub traced: bool,
    /// Whether a Job makes its pods.
    pub of_job: bool,
}

impl Owner {
    /// Pods of their own.
    pub const fn of(workload: WorkloadId) -> Self {
        Self { workload, traced: false, of_job: false }
    }
}

/// A budget as an object of its controller.
pub(super) fn budget(budget: DisruptionBudget) -> ObjectPlan {
    let (namespace, name) = (budget.namespace, budget.name);
    let spec = ObjectSpec::PodDisruptionBudget(budget);
    ObjectPlan { namespace, name, workload: None, spec, replicas_given: true }
}

/// A namespace as an object.
pub(super) fn namespace(name: StrId) -> ObjectPlan {
    let spec = ObjectSpec::Namespace(name);
    ObjectPlan { namespace: known::EMPTY, name, workload: None, spec, replicas_given: true }
}

impl Parts {
    /// A workload with a name of its own; a name that is taken is an error at `span`.
    pub fn workload(&mut self, cx: &mut Cx<'_>, workload: Workload, span: Span) -> WorkloadId {
        let key = (workload.namespace, workload.name);
        let id = self.workloads.push(workload);
        if self.workload_names.insert(key, id).is_some() {
            let strings = &cx.vocabulary.strings;
            let name = format!("{}/{}", strings.text(key.0), strings.text(key.1));
            cx.diagnostics.error(
                codes::DUPLICATE_NAME,
                span,
                format!("there are two pods or arrivals called `{name}`"),
                "the second one",
                "give each its own name; namespaces tell names apart",
            );
        }
        id
    }

    /// A bare pod with its own template and workload.
    pub fn pod(&mut self, cx: &mut Cx<'_>, pod: crate::manifest::PodObject, at: crate::base::SimTime) {
        let workload = Workload { namespace: pod.namespace, name: pod.name, naming: Naming::Single };
        let workload = self.workload(cx, workload, pod.span);
        let class = cx.vocabulary.classes.get(pod.template.class);
        self.asking.entry(class.scheduler_name).or_insert(pod.span);
        let template = self.template(pod.template, Owner::of(workload), pod.span);
        self.pods.push(PodPlan { workload, template, at });
    }

    /// An object of a controller, with the template and the workload of its pods.
    pub fn object(&mut self, cx: &mut Cx<'_>, object: ControllerObject) -> ObjectPlan {
        let ControllerObject { namespace, name, mut spec, template, replicas_given, span } = object;
        let workload = template.map(|mut template| {
            template.naming = match &spec {
                ObjectSpec::Deployment(spec) => PodNaming::Generated(spec.replica_set_name),
                // Each pod gets a name of its own, from the StatefulSet's or from its Job's.
                ObjectSpec::StatefulSet(_) | ObjectSpec::CronJob(_) => PodNaming::Workload,
                _ => PodNaming::Generated(name),
            };
            // Objects that are applied again, and objects of several kinds that share a name, are one workload.
            let known = self.workload_names.get(&(namespace, name)).copied();
            let workload = known.unwrap_or_else(|| {
                self.workload(cx, Workload { namespace, name, naming: Naming::Numbered { width: 1 } }, span)
            });
            let class = cx.vocabulary.classes.get(template.class);
            self.asking.entry(class.scheduler_name).or_insert(span);
            let of_job = matches!(spec, ObjectSpec::Job(_) | ObjectSpec::CronJob(_));
            spec.set_template(self.template(template, Owner { of_job, ..Owner::of(workload) }, span));
            workload
        });
        self.named_objects.insert((spec.kind(), namespace, name));
        ObjectPlan { namespace, name, workload, spec, replicas_given }
    }

    /// Remembers the names of budgets.
    pub fn name_budgets(&mut self, budgets: &[DisruptionBudget]) {
        let names = budgets.iter().map(|of| (ObjectKind::PodDisruptionBudget, of.namespace, of.name));
        self.named_objects.extend(names);
    }

    pub fn template(&mut self, template: PodTemplate, owner: Owner, origin: Span) -> TemplateId {
        self.owners.push(owner);
        self.origins.push(origin);
        self.templates.push(template)
    }

    /// Namespaces and owners of manifests: those that came first stay.
    pub fn related(&mut self, namespaces: Vec<Namespace>, owners: Vec<OwnerSelector>) {
        for namespace in namespaces {
            if !self.namespaces.iter().any(|known| known.name == namespace.name) {
                self.namespaces.push(namespace);
            }
        }
        self.controllers.extend(owners);
    }

    /// Notes which namespaces the manifests of `at` declare.
    pub fn declare(&mut self, namespaces: &[Namespace], at: SimTime) {
        for namespace in namespaces {
            let since = self.declared.entry(namespace.name).or_insert(at);
            *since = at.min(*since);
        }
    }

    /// Warns of what changes apply in namespaces that nobody declares, or only later.
    pub fn check_namespaces(&mut self, cx: &mut Cx<'_>) {
        for (name, span, at) in std::mem::take(&mut self.undeclared) {
            let since = self.declared.get(&name).copied();
            let text = cx.vocabulary.strings.text(name);
            match since {
                None => manifest::missing_namespace(text, span, &mut cx.diagnostics),
                Some(since) if since > at => {
                    let message = format!("namespaces \"{text}\" not found: it is applied later");
                    let help = "apply the Namespace before: an API server refuses what is in none";
                    let code = manifest::codes::MISSING_NAMESPACE;
                    cx.diagnostics.warning(code, span, message, "no such namespace yet", help);
                }
                Some(_) => continue,
            }
            self.declared.insert(name, cx.start);
        }
    }

    /// The namespaces that manifests describe, the default one, and those that pods are in. They become objects if some change
    /// is about namespaces: those that are not applied later exist from the start.
    pub fn all_namespaces(&mut self, strings: &mut Strings, changes: &[ChangePlan]) -> Vec<Namespace> {
        let used = self.workloads.iter().map(|workload| workload.namespace);
        let later = |name: StrId| self.later_namespaces.iter().any(|later| later.name == name);
        for name in [known::DEFAULT].into_iter().chain(used) {
            if !self.namespaces.iter().any(|known| known.name == name) && !later(name) {
                self.namespaces.push(Namespace::bare(name, strings));
            }
        }
        let is_namespace = |change: &ChangePlan| match &change.kind {
            ChangeKind::ApplyObject(object) => object.spec.kind() == ObjectKind::Namespace,
            ChangeKind::DeleteObject(kind, ..) => *kind == ObjectKind::Namespace,
            _ => false,
        };
        if changes.iter().any(is_namespace) {
            self.objects.extend(self.namespaces.iter().map(|of| namespace(of.name)));
        }
        for later in std::mem::take(&mut self.later_namespaces) {
            if !self.namespaces.iter().any(|known| known.name == later.name) {
                self.namespaces.push(later);
            }
        }
        std::mem::take(&mut self.namespaces)
    }

    /// A node with a name of its own.
    pub fn node(&mut self, cx: &mut Cx<'_>, node: NodePlan, span: Span) {
        if self.node_names.insert(node.name, node.shape).is_some() {
            let name = cx.vocabulary.strings.text(node.name).to_owned();
            if cx.first(codes::DUPLICATE_NAME, span) {
                cx.diagnostics.error(
                    codes::DUPLICATE_NAME,
                    span,
                    format!("there are two nodes called `{name}`"),
                    "the second one",
                    "give each pool and each Node object its own name",
                );
            }
            return;
        }
        self.nodes.push(node);
    }

    /// The workload called `name` or `namespace/name`.
    pub fn find_workload(&self, cx: &Cx<'_>, written: &str) -> Option<WorkloadId> {
        let (namespace, name) = split_name(written);
        let strings = &cx.vocabulary.strings;
        let key = (strings.lookup(namespace)?, strings.lookup(name)?);
        self.workload_names.get(&key).copied()
    }

    /// The templates of a workload.
    pub fn templates_of(&self, workload: WorkloadId) -> impl Iterator<Item = (TemplateId, &PodTemplate)> {
        let owned = move |index: &usize| self.owners[TemplateId::from_index(*index)].workload == workload;
        (0..self.templates.len()).filter(owned).map(|index| {
            let id = TemplateId::from_index(index);
            (id, &self.templates[id])
        })
    }

    /// Names of workloads, for help texts.
    pub fn workload_texts<'c>(&self, cx: &'c Cx<'_>) -> Vec<&'c str> {
        let mut names: Vec<&str> =
            self.workload_names.keys().take(1000).map(|&(_, name)| cx.vocabulary.strings.text(name)).collect();
        names.sort_unstable();
        names
    }
}

/// `namespace/name`, or a name in the namespace `default`.
pub(super) fn split_name(written: &str) -> (&str, &str) {
    written.split_once('/').unwrap_or(("default", written))
}
