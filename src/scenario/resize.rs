//! `[[change]] resize` -> a version of the pod with other resources. Checks what the API server checks of the `resize`
//! subresource (pkg/apis/core/validation ValidatePodResize, v1.34), and makes the classes as which the pod counts.

use std::sync::Arc;

use super::faults::pod_target;
use super::fields::{Fields, Placed};
use super::parts::{Owner, Parts};
use super::spec::workload::RESIZE_AMOUNTS;
use super::{Cx, codes, suggest, units};
use crate::base::{Format, Quantity, SimTime};
use crate::diag::Span;
use crate::model::cgroup::{QUOTA_PERIOD_US, quota, shares};
use crate::model::quota::PodAdmission;
use crate::model::{ClassId, ContainerSpec, PodCgroup, PodClass, PodTemplate, QosClass, Role, TemplateId};
use crate::sim::plan::{ChangeKind, Naming};

/// What the score of NodeResourcesFit counts for a container that requests none (spec 4.2).
const SCORED_CPU: i64 = 100;
const SCORED_MEMORY: i64 = 200 << 20;

pub(super) fn read(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts, at: SimTime) -> Option<ChangeKind> {
    let written = fields.text(cx, "resize")?;
    let namespace = fields.text(cx, "namespace").map_or("default", |namespace| namespace.value);
    let container = fields.text(cx, "container");
    let amounts = [amounts(cx, fields, "requests"), amounts(cx, fields, "limits")];
    let name = written.value.strip_prefix("Pod/").unwrap_or(written.value);
    let full = format!("{namespace}/{name}");
    let pod = pod_target(cx, &Placed { value: &full, span: written.span }, parts)?;
    let workload = parts.workload_names.get(&(pod.namespace, pod.name)).copied()?;
    if parts.workloads[workload].naming != Naming::Single {
        let help = "only pods of manifests can be resized, each by its own name";
        return refuse(cx, written.span, "these are many pods", help);
    }
    let versions: Vec<TemplateId> = parts.templates_of(workload).map(|(id, _)| id).collect();
    let base = *versions.last()?;
    if parts.versions.iter().any(|&(of, earlier)| of == workload && earlier > at) {
        let help = "write what changes a pod in the order of the times";
        return refuse(cx, fields.key_span("at"), "an earlier change of this pod stands before it", help);
    }
    let old = parts.templates[base].clone();
    let Some(container) = container else {
        let help = "add `container = \"app\"`: resources belong to containers";
        cx.diagnostics.error(codes::MISSING_KEY, fields.span, "`resize` needs the key `container`", "missing", help);
        return None;
    };
    let strings = &cx.vocabulary.strings;
    let found = old.containers.iter().position(|spec| strings.text(spec.name) == container.value);
    let Some(index) = found else {
        let help = suggest::help(container.value, old.containers.iter().map(|spec| strings.text(spec.name)));
        let message = format!("the pod `{name}` has no container `{}`", container.value);
        cx.diagnostics.error(codes::UNKNOWN_CONTAINER, container.span, message, "does not exist", &help);
        return None;
    };
    let mut new = old.clone();
    let spec = &mut new.containers[index];
    let [requests, limits] = amounts;
    spec.requests.milli_cpu = requests[0].unwrap_or(spec.requests.milli_cpu);
    spec.requests.memory = requests[1].unwrap_or(spec.requests.memory);
    spec.limits.milli_cpu = limits[0].or(spec.limits.milli_cpu);
    spec.limits.memory = limits[1].or(spec.limits.memory);
    new.admission = old.admission.as_ref().map(|admission| Arc::new(resized(admission, index, [requests, limits])));
    check(cx, fields.span, &old, &new, index)?;
    new.class = class(cx, &old, &new.containers);
    new.cgroup = cgroup(old.cgroup, &new.containers);
    let both = versions.iter().map(|&version| {
        let mut greatest = new.containers.clone();
        for (spec, other) in greatest.iter_mut().zip(&parts.templates[version].containers) {
            spec.requests.milli_cpu = spec.requests.milli_cpu.max(other.requests.milli_cpu);
            spec.requests.memory = spec.requests.memory.max(other.requests.memory);
        }
        (version, class(cx, &old, &greatest))
    });
    let both: Box<[(TemplateId, ClassId)]> = both.collect();
    parts.versions.push((workload, at));
    let origin = parts.origins[base];
    let template = parts.template(new, Owner::of(workload), origin);
    Some(ChangeKind::ResizePod { pod, template, both })
}

/// What admission then looks at.
fn resized(old: &PodAdmission, index: usize, [requests, limits]: [[Option<i64>; 2]; 2]) -> PodAdmission {
    let mut new = old.clone();
    let container = new.resources.init.iter_mut().chain(&mut new.resources.main).nth(index);
    let lists = container.map(|container| [&mut container.spec.requests, &mut container.spec.limits]);
    for (list, [cpu, memory]) in lists.into_iter().flatten().zip([requests, limits]) {
        let cpu = cpu.map(|cpu| ("cpu", Quantity::from_milli(cpu, Format::DecimalSi)));
        let memory = memory.map(|memory| ("memory", Quantity::new(memory, Format::BinarySi)));
        cpu.into_iter().chain(memory).for_each(|(name, amount)| list.set(name, amount));
    }
    new
}

/// cpu and memory, as far as they are given.
fn amounts(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str) -> [Option<i64>; 2] {
    let Some(fields) = fields.table(cx, key, &RESIZE_AMOUNTS) else { return [None; 2] };
    let cpu = fields.amount(cx, "cpu", units::cpu).map(|cpu| cpu.value);
    [cpu, fields.amount(cx, "memory", units::bytes).map(|memory| memory.value)]
}

fn check(cx: &mut Cx<'_>, span: Span, old: &PodTemplate, new: &PodTemplate, index: usize) -> Option<()> {
    let spec = &new.containers[index];
    if old == new {
        return refuse(cx, span, "this resize changes nothing", "give other `requests` or `limits`");
    }
    if old.pod_resources {
        let help = "Kubernetes 1.34 resizes containers of pods without `resources` of their own only";
        return refuse(cx, span, "the pod has `resources` of its own", help);
    }
    if spec.role == Role::Init {
        let help = "only main containers and sidecars can be resized";
        return refuse(cx, span, "the container is an init container", help);
    }
    let above = |request: i64, limit: Option<i64>| limit.is_some_and(|limit| request > limit);
    if above(spec.requests.milli_cpu, spec.limits.milli_cpu) || above(spec.requests.memory, spec.limits.memory) {
        return refuse(cx, span, "a request is above its limit", "raise the limit as well, or lower the request");
    }
    if qos(&new.containers) != old.qos {
        let help =
            "the quality of service is fixed when a pod is created: keep requests and limits alike where they were";
        return refuse(cx, span, &format!("the pod would no longer be {}", old.qos.text()), help);
    }
    Some(())
}

fn refuse<T>(cx: &mut Cx<'_>, span: Span, message: &str, help: &str) -> Option<T> {
    cx.diagnostics.error(codes::OUT_OF_RANGE, span, message, "cannot be resized so", help);
    None
}

/// Mirrors pkg/apis/core/v1/helper/qos (spec 4.3), for requests that have their defaults.
fn qos(containers: &[ContainerSpec]) -> QosClass {
    let pairs = |spec: &ContainerSpec| {
        [(spec.requests.milli_cpu, spec.limits.milli_cpu), (spec.requests.memory, spec.limits.memory)]
    };
    let mut all = containers.iter().flat_map(pairs);
    if all.clone().all(|(request, limit)| request == 0 && limit.unwrap_or(0) == 0) {
        return QosClass::BestEffort;
    }
    if all.all(|(request, limit)| request > 0 && limit == Some(request)) {
        QosClass::Guaranteed
    } else {
        QosClass::Burstable
    }
}

/// The cgroup of the pod with these containers.
fn cgroup(old: PodCgroup, containers: &[ContainerSpec]) -> PodCgroup {
    let limit = |of: &dyn Fn(&ContainerSpec) -> Option<i64>| {
        let of = |spec: &ContainerSpec| of(spec).unwrap_or(0);
        containers.iter().all(|spec| of(spec) > 0).then(|| effective(containers, &of))
    };
    PodCgroup {
        cpu_shares: shares(effective(containers, &|spec| spec.requests.milli_cpu)),
        cpu_quota_us: limit(&|spec| spec.limits.milli_cpu).map(|limit| quota(limit, QUOTA_PERIOD_US)),
        memory_limit: limit(&|spec| spec.limits.memory),
        ..old
    }
}

/// The class of the pod with these containers: only what they request differs.
fn class(cx: &mut Cx<'_>, old: &PodTemplate, containers: &[ContainerSpec]) -> ClassId {
    let class = class_of(cx.vocabulary.classes.get(old.class), old, containers);
    cx.vocabulary.classes.intern(class)
}

/// What changes of a pod when its containers get other requests and limits: class, cgroup and quality of service.
#[must_use]
pub fn with_requests(
    class: &PodClass,
    old: &PodTemplate,
    containers: &[ContainerSpec],
) -> (PodClass, PodCgroup, QosClass) {
    (class_of(class, old, containers), cgroup(old.cgroup, containers), qos(containers))
}

fn class_of(class: &PodClass, old: &PodTemplate, containers: &[ContainerSpec]) -> PodClass {
    let mut class = class.clone();
    let grown = |of: &dyn Fn(&ContainerSpec) -> i64| effective(containers, of) - effective(&old.containers, of);
    class.requests.milli_cpu += grown(&|spec| spec.requests.milli_cpu);
    class.requests.memory += grown(&|spec| spec.requests.memory);
    let or = |amount: i64, default: i64| if amount == 0 { default } else { amount };
    class.scoring_milli_cpu += grown(&|spec| or(spec.requests.milli_cpu, SCORED_CPU));
    class.scoring_memory += grown(&|spec| or(spec.requests.memory, SCORED_MEMORY));
    class
}

/// What a pod requests of one resource (spec 4.2): its main containers and sidecars together, or an init container and the
/// sidecars before it.
fn effective(containers: &[ContainerSpec], of: &dyn Fn(&ContainerSpec) -> i64) -> i64 {
    let (mut sidecars, mut main, mut greatest) = (0_i64, 0_i64, 0_i64);
    for spec in containers {
        match spec.role {
            Role::Init => greatest = greatest.max(sidecars.saturating_add(of(spec))),
            Role::Sidecar => sidecars = sidecars.saturating_add(of(spec)),
            Role::Main => main = main.saturating_add(of(spec)),
        }
    }
    greatest.max(main.saturating_add(sidecars))
}
