//! Pods: decoding, defaulting, checking, compiling. Mirrors ValidatePodSpec of pkg/apis/core/validation/validation.go and
//! SetDefaults_PodSpec of pkg/apis/core/v1/defaults.go, v1.34.

use std::sync::Arc;

use super::affinity;
use super::codes;
use super::container::{self, Container, Scope};
use super::fields::{Context, Fields};
use super::meta::Meta;
use super::names;
use super::placement;
use super::pod_status::{self, PodStatus};
use super::resources::{self, Owner};
use super::schema;
use super::spread;
use super::tree::{Node, Value};
use super::volume::{self, Volumes};
use crate::model::cgroup::{QUOTA_PERIOD_US, is_node_critical, pod_cgroup};
use crate::model::effective::{self, ContainerResources};
use crate::model::names::go_quote;
use crate::model::qos::qos_class;
use crate::model::quota::{PodAdmission, Scoped, names_namespaces};
use crate::model::{
    DrainHints, HostPort, PodCgroup, PodClass, PodOwner, PodResources, PodSpec, PodTemplate, QosClass, ResourceList,
    RestartPolicy, Role, StrId, deletion_cost,
};

/// A pod's `spec`, compiled.
pub(super) struct Pod<'t> {
    /// The template; of no use if there were errors.
    pub template: PodTemplate,
    /// Names of ports of all containers.
    pub port_names: Vec<&'t str>,
    /// Whether it requests CPU or memory itself.
    pub asks: bool,
}

/// Where a pod's `spec` stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Origin<'a, 't> {
    /// Whether it is an object of its own, with a status.
    pub is_pod: bool,
    /// Names of claim templates of the StatefulSet: its pods have volumes of these names.
    pub claims: &'a [&'t str],
    /// Whether a DaemonSet makes the pods: they tolerate what keeps others off a node.
    pub is_daemon: bool,
}

impl Origin<'_, '_> {
    /// A pod by itself.
    pub(super) const POD: Self = Self { is_pod: true, claims: &[], is_daemon: false };
}

/// Reads the `spec` of a pod. The result is for use only if no errors were found.
pub(super) fn spec<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    meta: &Meta<'_>,
    origin: &Origin<'_, 't>,
) -> Option<Pod<'t>> {
    let path = root.path.field("spec");
    let Some(entry) = root.get("spec") else {
        let at = root.written("spec").map_or(root.anchor, |entry| entry.key_at);
        let help = "say what runs: add `spec:` with `containers:`, a list of containers with name and image";
        cx.invalid(codes::NO_CONTAINERS, at, &path.field("containers"), "Required value", "`spec` is missing", help);
        return None;
    };
    let example = "write `containers:` and a list of containers under it";
    let spec = cx.fields(&entry.value, entry.key_at, &path, &schema::POD_SPEC, example)?;
    let namespace = cx.words.strings.intern(meta.namespace);
    let tokens: Vec<&str> = ["initContainers", "containers"]
        .into_iter()
        .filter_map(|name| spec.get(name))
        .flat_map(|entry| volume::token_volumes(&entry.value))
        .collect();
    let mut volumes = volume::volumes(cx, &spec, meta, &tokens);
    volumes.add_claims(cx, meta, origin.claims);
    let host_network = spec.boolean(cx, "hostNetwork").unwrap_or(false);
    let grace_period_seconds = spec.integer(cx, "terminationGracePeriodSeconds", "int64").unwrap_or(30);
    let scope = Scope { namespace, host_network, grace_seconds: grace_period_seconds, volumes: &volumes };
    let mut containers = containers(cx, &spec, &scope);
    fill_limits(cx, meta.namespace, &mut containers);
    let asks = requests(cx, &spec, &mut containers);
    check_host_ports(cx, &spec, &containers);
    let restart_policy = cx.choice(
        &spec,
        "restartPolicy",
        &[("Always", RestartPolicy::Always), ("OnFailure", RestartPolicy::OnFailure), ("Never", RestartPolicy::Never)],
    );
    let status = if origin.is_pod { pod_status::read(cx, root) } else { PodStatus::default() };
    let pod_resources = pod_resources(cx, &spec, &containers, &status);
    let daemon = origin.is_daemon.then_some(host_network);
    let mut class = class(cx, &spec, meta, &containers, (&pod_resources, daemon));
    class.volumes = volumes.scheduled.as_slice().into();
    let node_critical = is_node_critical(spec.text(cx, "priorityClassName").unwrap_or(""), class.priority);
    let active_deadline_seconds = deadline(cx, &spec);
    let admission = PodAdmission {
        scoped: Scoped {
            has_deadline: active_deadline_seconds.is_some(),
            best_effort: qos_class(&pod_resources) == QosClass::BestEffort,
            priority_class: priority_class(cx, &spec),
            cross_namespace_affinity: class.pod_affinity.as_deref().is_some_and(names_namespaces),
        },
        containers: containers.iter().map(|container| container.name.into()).collect(),
        resources: pod_resources.clone(),
        is_stored: cx.words.stored,
    };
    rest(cx, &spec, origin.is_pod);
    let labels = cx.words.strings.intern_labels(meta.labels.iter().copied());
    let port_names = containers.iter().flat_map(|c| c.port_names.iter().copied()).collect();
    let drain = DrainHints { safe_to_evict: safe_to_evict(meta), local_storage: volumes.keeps_files };
    let Volumes { volumes, .. } = volumes;
    let template = PodTemplate {
        labels,
        class: cx.words.classes.intern(class),
        naming: Default::default(),
        revision: 0,
        spec: Arc::new(PodSpec {
            namespace,
            restart_policy: restart_policy.unwrap_or_default(),
            grace_period_seconds,
            active_deadline_seconds,
            host_network,
            pod_resources: pod_resources.pod.is_some(),
            qos: qos_class(&pod_resources),
            cgroup: PodCgroup { node_critical, ..pod_cgroup(&pod_resources, true, QUOTA_PERIOD_US) },
            containers: containers.into_iter().map(|c| c.spec).collect(),
            volumes: volumes.into_boxed_slice(),
            drain,
            deletion_cost: meta.annotation("controller.kubernetes.io/pod-deletion-cost").map_or(0, deletion_cost),
            admission: Some(Arc::new(admission)),
        }),
    };
    Some(Pod { template, port_names, asks })
}

/// Whether the pod requests CPU or memory at all. If not, each container gets what is to be assumed, as it would from a
/// LimitRange.
fn requests(cx: &mut Context<'_>, spec: &Fields<'_, '_>, containers: &mut [Container<'_>]) -> bool {
    let of_pod = spec.get("resources").is_some();
    let asks =
        |c: &Container<'_>| [effective::CPU, effective::MEMORY].iter().any(|n| c.resources.requests.get(n).is_some());
    if of_pod || containers.iter().any(asks) {
        return true;
    }
    for container in containers {
        container.resources.requests.fill(&cx.words.default_requests);
        container.spec.requests = container.resources.requests.compile(&mut cx.words.strings);
    }
    false
}

/// What the pod says of its node being drained.
fn safe_to_evict(meta: &Meta<'_>) -> Option<bool> {
    match meta.annotation("cluster-autoscaler.kubernetes.io/safe-to-evict") {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    }
}

/// Gives containers what the LimitRanges of their namespace say for those that state nothing (the plugin LimitRanger).
fn fill_limits(cx: &mut Context<'_>, namespace: &str, containers: &mut [Container<'_>]) {
    if cx.words.stored {
        return;
    }
    let Some(ranges) = cx.words.limit_ranges.get(namespace) else { return };
    for container in containers {
        // What the API server fills in comes before its plugins.
        container.resources.requests.fill(&container.resources.limits.clone());
        ranges.iter().flat_map(|range| &range.limits).for_each(|item| item.fill(&mut container.resources));
        container.spec.requests = container.resources.requests.compile(&mut cx.words.strings);
        container.spec.limits = container.resources.limits.compile_limits();
    }
}

fn containers<'t>(cx: &mut Context<'_>, spec: &Fields<'t, '_>, scope: &Scope<'_, '_>) -> Vec<Container<'t>> {
    let mut all: Vec<Container<'t>> = Vec::new();
    for (field, is_init) in [("initContainers", true), ("containers", false)] {
        let list_path = spec.path.field(field);
        for (index, node) in spec.list(cx, field, "v1.Container").iter().enumerate() {
            let path = list_path.index(index);
            let Some(container) = container::read(cx, node, &path, is_init, scope) else { continue };
            if !container.name.is_empty() && all.iter().any(|other| other.name == container.name) {
                let text = format!("Duplicate value: {}", go_quote(container.name));
                let help = "containers and init containers of a pod share one space of names: rename one of them";
                let path = path.field("name");
                cx.invalid(codes::DUPLICATE_CONTAINER, container.name_at, &path, &text, "used above already", help);
            }
            all.push(container);
        }
    }
    if none(spec, "containers") {
        let entry = spec.written("containers");
        let at = entry.map_or(spec.anchor, |entry| entry.key_at);
        let help = "a pod needs at least one container: add `containers:` with `- name: web` and `image: nginx:1.27`";
        cx.invalid(
            codes::NO_CONTAINERS,
            at,
            &spec.path.field("containers"),
            "Required value",
            "no containers here",
            help,
        );
    }
    all
}

fn none(spec: &Fields<'_, '_>, name: &'static str) -> bool {
    spec.get(name).is_none_or(|entry| matches!(&entry.value.value, Value::List(items) if items.is_empty()))
}

/// No two main containers may take one port of the node.
fn check_host_ports(cx: &mut Context<'_>, spec: &Fields<'_, '_>, containers: &[Container<'_>]) {
    let mut taken: Vec<HostPort> = Vec::new();
    let list_path = spec.path.field("containers");
    for (index, container) in containers.iter().filter(|c| c.spec.role == Role::Main).enumerate() {
        for &(port, at, port_index) in &container.host_ports {
            if taken.contains(&port) {
                let protocol =
                    container::PROTOCOLS.iter().find(|(_, p)| *p == port.protocol).map_or("", |(word, _)| word);
                let ip = cx.words.strings.text(port.host_ip).to_owned();
                let text = format!("Duplicate value: \"{protocol}/{ip}/{}\"", port.port);
                let (container, ports) = (list_path.index(index), "ports");
                let ports = container.field(ports);
                let item = ports.index(port_index);
                let help = "two containers cannot have one port of the node: choose another hostPort, or remove it";
                cx.invalid(codes::HOST_PORT_CONFLICT, at, &item.field("hostPort"), &text, "taken above already", help);
            }
            taken.push(port);
        }
    }
}

fn pod_resources(
    cx: &mut Context<'_>,
    spec: &Fields<'_, '_>,
    containers: &[Container<'_>],
    status: &PodStatus<'_>,
) -> PodResources {
    let of = |wanted: fn(Role) -> bool| -> Vec<ContainerResources> {
        containers
            .iter()
            .filter(|c| wanted(c.spec.role))
            .map(|c| ContainerResources {
                sidecar: c.spec.role == Role::Sidecar,
                spec: c.resources.clone(),
                status: status.of(c.name),
            })
            .collect()
    };
    let pod = spec.get("resources").is_some().then(|| resources::requirements(cx, spec, Owner::Pod));
    let mut all = PodResources {
        init: of(|role| role != Role::Main),
        main: of(|role| role == Role::Main),
        pod,
        overhead: resources::list(cx, spec, "overhead"),
        resize_infeasible: status.resize_infeasible,
    };
    all.set_defaults();
    if all.pod.is_some() {
        check_pod_level(cx, spec, &all, containers);
    }
    all
}

/// What the pod has as a whole must be enough for its containers.
fn check_pod_level(cx: &mut Context<'_>, spec: &Fields<'_, '_>, all: &PodResources, containers: &[Container<'_>]) {
    let (Some(pod), Some(entry)) = (&all.pod, spec.get("resources")) else { return };
    let path = spec.path.field("resources");
    let requests = path.field("requests");
    let place = |list: &'static str, name: &str| {
        let list = entry.value.get(list);
        list.and_then(|e| e.value.get(name)).map_or(entry.key_at, |e| e.value.at)
    };
    for (name, sum) in all.container_requests(&effective::Options::default()).iter() {
        let Some(request) = pod.requests.get(name).filter(|request| *request < sum) else { continue };
        let text = format!(
            "Invalid value: \"{request}\": must be greater than or equal to aggregate container requests of {sum}"
        );
        let help = format!("the containers request {sum} together: raise it to that, or lower theirs");
        let at = place("requests", name);
        cx.invalid(codes::REQUEST_ABOVE_LIMIT, at, &requests.key(name), &text, "less than the containers'", &help);
    }
    for (name, limit) in pod.limits.iter() {
        if let Some(request) = pod.requests.get(name).filter(|request| *request > limit)
            && entry.value.get("requests").and_then(|e| e.value.get(name)).is_none()
        {
            let text = format!("Invalid value: \"{request}\": must be less than or equal to {name} limit of {limit}");
            let help = format!("the containers request {request} together: raise the pod's limit to that");
            cx.invalid(codes::REQUEST_ABOVE_LIMIT, place("limits", name), &requests, &text, "too low", &help);
        }
        let main = containers.iter().filter(|c| c.spec.role == Role::Main);
        for (index, own) in main.enumerate().filter_map(|(i, c)| Some((i, c.resources.limits.get(name)?))) {
            if own > limit {
                let text = format!("Invalid value: \"{own}\": must be less than or equal to pod limits of {limit}");
                let containers = path.field("containers");
                let (item, limits) = (containers.index(index), "limits");
                let keyed = item.key(name);
                let help = format!("no container may have more than its pod: raise the pod's limit to {own}");
                let at = place("limits", name);
                cx.invalid(
                    codes::REQUEST_ABOVE_LIMIT,
                    at,
                    &keyed.field(limits),
                    &text,
                    "less than a container's",
                    &help,
                );
            }
        }
    }
}

fn class(
    cx: &mut Context<'_>,
    spec: &Fields<'_, '_>,
    meta: &Meta<'_>,
    containers: &[Container<'_>],
    (resources, daemon): (&PodResources, Option<bool>),
) -> PodClass {
    // Once a pod has a node, what an in-place resize is about to take counts as well.
    let requests = resources.requests(&effective::Options { use_status: true, ..effective::Options::default() });
    let counted = |list: &ResourceList| {
        let of = |name| list.get(name).unwrap_or_default();
        (of(effective::CPU).milli_value(), of(effective::MEMORY).value())
    };
    let scoring = effective::Options { skip_pod_level: true, ..effective::Options::scoring() };
    let scoring_list = resources.requests(&scoring);
    let scoring = counted(&scoring_list);
    let requests_compiled = requests.compile(&mut cx.words.strings);
    let scoring_scalar = scoring_list.compile(&mut cx.words.strings).scalar;
    let node_name = spec.text(cx, "nodeName").filter(|name| !name.is_empty());
    let stays = |c: &&Container<'_>| c.spec.role != Role::Init;
    let (priority, preemption) = placement::priority(cx, spec);
    let (node_affinity, pod_affinity) = affinity::read(cx, spec, meta);
    let spread = spread::read(cx, spec, meta);
    let labels = cx.words.strings.intern_labels(meta.labels.iter().copied());
    PodClass {
        namespace: cx.words.strings.intern(meta.namespace),
        labels: cx.words.strings.labels(labels).clone(),
        scheduler_name: placement::scheduler_name(cx, spec),
        scheduling_gates: placement::scheduling_gates(cx, spec, node_name.is_some()),
        scoring_milli_cpu: scoring.0,
        scoring_memory: scoring.1,
        accounted_scoring: Some(counted(&accounted(resources, &requests))).filter(|sum| *sum != scoring),
        scoring_scalar: (scoring_scalar != requests_compiled.scalar).then(|| scoring_scalar.as_slice().into()),
        requests: requests_compiled,
        priority,
        preemption,
        node_name: node_name.map(|name| cx.words.strings.intern(name)),
        node_selector: placement::node_selector(cx, spec),
        node_affinity,
        pod_affinity,
        spread,
        owner: meta.owner.map(|(kind, name)| PodOwner { kind, name: cx.words.strings.intern(name) }),
        tolerations: placement::tolerations(cx, spec, daemon),
        images: containers.iter().map(|c| normalized_image(cx, c)).collect(),
        host_ports: containers.iter().filter(stays).flat_map(|c| c.host_ports.iter().map(|(port, ..)| *port)).collect(),
        volumes: Box::default(),
    }
}

/// A container's image as nodes report it: `:latest` is added where no colon follows the last slash.
fn normalized_image(cx: &mut Context<'_>, container: &Container<'_>) -> StrId {
    let image = *cx.words.images.get(container.spec.image);
    let text = cx.words.strings.text(image);
    if text.rfind(':') > text.rfind('/') {
        return image;
    }
    let text = format!("{text}:latest");
    cx.words.strings.intern(&text)
}

/// What scores count of a pod on a node: defaults for containers without requests, but if it has pod-level requests only for
/// what the whole pod does not request. Mirrors CalculateResource of pkg/scheduler/framework/types.go, v1.34.
fn accounted(resources: &PodResources, requests: &ResourceList) -> ResourceList {
    let pod_level = resources.pod.as_ref();
    let has_pod_level =
        pod_level.is_some_and(|pod| pod.requests.iter().any(|(name, _)| effective::is_pod_level_resource(name)));
    let defaults = effective::Options::scoring().non_missing_requests;
    let missing = defaults.iter().filter(|(name, _)| !has_pod_level || requests.get(name).is_none());
    let non_missing_requests = missing.collect();
    resources.requests(&effective::Options { non_missing_requests, use_status: true, ..effective::Options::default() })
}

/// The class that gives the pod its priority, its own or the default one.
fn priority_class(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<StrId> {
    let name = spec.text(cx, "priorityClassName").unwrap_or("").to_owned();
    let name = if name.is_empty() { cx.words.priorities.default_name()?.to_owned() } else { name };
    Some(cx.words.strings.intern(&name))
}

fn deadline(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<i64> {
    let seconds = spec.integer(cx, "activeDeadlineSeconds", "int64")?;
    if !(1..=i64::from(i32::MAX)).contains(&seconds) {
        let path = spec.path.field("activeDeadlineSeconds");
        let text = format!("Invalid value: {seconds}: must be between 1 and 2147483647, inclusive");
        let help = "write the seconds that the pod may run, at least 1, or remove the line for no limit";
        cx.invalid(codes::OUT_OF_RANGE, spec.at("activeDeadlineSeconds"), &path, &text, "out of range", help);
        return None;
    }
    Some(seconds)
}

/// Fields that are checked but that nothing here depends on.
fn rest(cx: &mut Context<'_>, spec: &Fields<'_, '_>, is_pod: bool) {
    if spec.get("dnsPolicy").is_some() {
        let words = [("ClusterFirst", ()), ("ClusterFirstWithHostNet", ()), ("Default", ()), ("None", ())];
        cx.choice(spec, "dnsPolicy", &words);
        cx.ignore(&spec.path.field("dnsPolicy"));
    }
    if let Some(hostname) = spec.text(cx, "hostname").filter(|name| !name.is_empty()) {
        let help =
            format!("lower case letters, digits and `-`: for example {}", names::repaired(hostname).replace('.', "-"));
        let path = spec.path.field("hostname");
        let reasons = names::dns_label_errors(hostname);
        cx.invalid_text(codes::BAD_NAME, spec.at("hostname"), &path, hostname, reasons, &help);
        cx.ignore(&path);
    }
    if !none(spec, "ephemeralContainers")
        && let Some(entry) = spec.get("ephemeralContainers")
    {
        let path = spec.path.field("ephemeralContainers");
        if cx.words.stored || !is_pod {
            return cx.ignore(&path);
        }
        let help = "they are added to running pods only (kubectl debug): remove them";
        cx.invalid(codes::FORBIDDEN, entry.key_at, &path, "Forbidden: cannot be set on create", "", help);
    }
}

/// Labels and port names of the pods that a workload would make: for checks of Services, before workloads are modelled.
pub(super) fn selectable<'t>(template: &'t Node<'t>) -> (Vec<(&'t str, &'t str)>, Vec<&'t str>) {
    let labels = template.get("metadata").and_then(|meta| meta.value.get("labels"));
    let labels = labels.and_then(|labels| labels.value.map()).unwrap_or_default();
    let labels = labels.iter().filter_map(|entry| Some((&*entry.key, entry.value.scalar()?))).collect();
    let spec = template.get("spec");
    let list = |node: &'t Node<'t>, name: &str| match node.get(name).map(|entry| &entry.value.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let containers =
        ["initContainers", "containers"].into_iter().flat_map(|name| spec.map_or(&[][..], |s| list(&s.value, name)));
    let ports = containers.flat_map(|container| list(container, "ports"));
    (labels, ports.filter_map(|port| port.get("name")?.value.scalar()).collect())
}
