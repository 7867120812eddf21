//! One container of a pod: name, image, ports, and what the neighbouring files read. Mirrors validateContainers and
//! validateContainerPorts of pkg/apis/core/validation/validation.go and SetDefaults_Container of
//! pkg/apis/core/v1/defaults.go, v1.34.

use super::codes;
use super::env;
use super::fields::{Context, Fields, Path};
use super::hooks;
use super::names;
use super::probe::{self, NamedPort, Which};
use super::resources::{self, Owner};
use super::schema;
use super::tree::{At, Node};
use super::volume::{self, Volumes};
use crate::model::names::go_quote;
use crate::model::{
    BehaviorId, ContainerPort, ContainerSpec, HostPort, ImagePullPolicy, Protocol, ResourceRequirements, Role, StrId,
};

/// What a container must know of its pod.
pub(super) struct Scope<'a, 't> {
    /// The pod's namespace.
    pub namespace: StrId,
    /// Whether it uses the node's network.
    pub host_network: bool,
    /// Its grace period.
    pub grace_seconds: i64,
    /// Its volumes.
    pub volumes: &'a Volumes<'t>,
}

/// A container, compiled as far as it can be without its neighbours.
pub(super) struct Container<'t> {
    /// Its name as written; empty if it has none.
    pub name: &'t str,
    /// Where the name stands.
    pub name_at: At,
    /// Compiled.
    pub spec: ContainerSpec,
    /// Requests and limits as quantities.
    pub resources: ResourceRequirements,
    /// Host ports with their places.
    pub host_ports: Vec<(HostPort, At, usize)>,
    /// Names of its ports.
    pub port_names: Vec<&'t str>,
}

/// Words of `protocol`, in upstream's order.
pub(super) const PROTOCOLS: &[(&str, Protocol)] =
    &[("SCTP", Protocol::Sctp), ("TCP", Protocol::Tcp), ("UDP", Protocol::Udp)];

/// Reads a container of `initContainers` or `containers`.
pub(super) fn read<'t>(
    cx: &mut Context<'_>,
    node: &'t Node<'t>,
    path: &Path<'_>,
    is_init: bool,
    scope: &Scope<'_, '_>,
) -> Option<Container<'t>> {
    let example = "write `- name: web` and `image: nginx:1.27`";
    let fields = cx.fields(node, node.anchor(), path, &schema::CONTAINER, example)?;
    let name = name(cx, &fields, path);
    let image = image(cx, &fields, path, name);
    let pull_policy = cx.choice(
        &fields,
        "imagePullPolicy",
        &[
            ("Always", ImagePullPolicy::Always),
            ("IfNotPresent", ImagePullPolicy::IfNotPresent),
            ("Never", ImagePullPolicy::Never),
        ],
    );
    let (role, restart) = hooks::restart(cx, &fields, path, is_init);
    let (ports, host_ports, named) = ports(cx, &fields, path, scope);
    let env = env::sources(cx, &fields, scope.namespace);
    let resources = resources::requirements(cx, &fields, Owner::Container);
    let mounts = volume::mounts(cx, &fields, scope.volumes);
    let mut probes = [None; 3];
    for (slot, which) in probes.iter_mut().zip([Which::Startup, Which::Readiness, Which::Liveness]) {
        if role == Role::Init {
            forbid(cx, &fields, path, which.field());
        } else {
            *slot = probe::probe(cx, &fields, which, &named);
        }
    }
    let hooks = if role == Role::Init {
        forbid(cx, &fields, path, "lifecycle");
        [None; 2]
    } else {
        hooks::lifecycle(cx, &fields, &named, scope.grace_seconds)
    };
    let image_name = cx.words.strings.intern(image);
    let spec = ContainerSpec {
        name: cx.words.strings.intern(name),
        role,
        image: cx.words.images.intern(image_name),
        pull_policy: pull_policy.unwrap_or_else(|| default_pull_policy(image)),
        requests: resources.requests.compile(&mut cx.words.strings),
        limits: resources.limits.compile_limits(),
        ports: ports.into_boxed_slice(),
        env: env.into_boxed_slice(),
        mounts: mounts.into_boxed_slice(),
        startup_probe: probes[0],
        readiness_probe: probes[1],
        liveness_probe: probes[2],
        resize_restarts: hooks::resize_policy(cx, &fields, path),
        post_start: hooks[0],
        pre_stop: hooks[1],
        restart,
        behavior: BehaviorId::from_raw(0),
    };
    let port_names = named.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    Some(Container { name, name_at: fields.at("name"), spec, resources, host_ports, port_names })
}

fn name<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, path: &Path<'_>) -> &'t str {
    let help = "every container needs a name: add `name: web`";
    let Some(name) = fields.required(cx, "name", codes::REQUIRED, help) else { return "" };
    let help = format!("lower case letters, digits and `-`: for example {}", names::repaired(name).replace('.', "-"));
    let reasons = names::dns_label_errors(name);
    cx.invalid_text(codes::BAD_NAME, fields.at("name"), &path.field("name"), name, reasons, &help);
    name
}

fn image<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, path: &Path<'_>, name: &str) -> &'t str {
    let help =
        format!("say what container {} runs: write `image: nginx:1.27`", if name.is_empty() { "this" } else { name });
    let Some(image) = fields.required(cx, "image", codes::NO_IMAGE, &help) else { return "" };
    if image.trim() != image {
        let reason = "must not have leading or trailing whitespace".to_owned();
        let help = format!("write {} without the blanks around it", go_quote(image.trim()));
        cx.invalid_text(codes::BAD_IMAGE, fields.at("image"), &path.field("image"), image, [reason], &help);
    }
    image
}

/// Always for `:latest` and for references without tag and digest, else IfNotPresent.
fn default_pull_policy(image: &str) -> ImagePullPolicy {
    let (reference, has_digest) = match image.split_once('@') {
        Some((reference, _)) => (reference, true),
        None => (image, false),
    };
    let last = reference.rsplit('/').next().unwrap_or(reference);
    match last.split_once(':') {
        Some((_, "latest")) => ImagePullPolicy::Always,
        Some(_) => ImagePullPolicy::IfNotPresent,
        None if has_digest => ImagePullPolicy::IfNotPresent,
        None => ImagePullPolicy::Always,
    }
}

fn forbid(cx: &mut Context<'_>, fields: &Fields<'_, '_>, path: &Path<'_>, name: &'static str) {
    let Some(entry) = fields.get(name) else { return };
    let text = "Forbidden: may not be set for init containers without restartPolicy=Always";
    let help =
        "an init container ends before the others start: remove it, or make it a sidecar with `restartPolicy: Always`";
    cx.invalid(codes::PROBE_ON_INIT, entry.key_at, &path.field(name), text, "not for init containers", help);
}

/// A port number, if it is one.
pub(super) fn check_port(cx: &mut Context<'_>, number: i64, at: At, path: &Path<'_>) -> Option<u16> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Some(port),
        _ => {
            let text = format!("Invalid value: {number}: must be between 1 and 65535, inclusive");
            cx.invalid(codes::BAD_PORT, at, path, &text, "not a port", "write a number from 1 to 65535");
            None
        }
    }
}

type Ports<'t> = (Vec<ContainerPort>, Vec<(HostPort, At, usize)>, Vec<NamedPort<'t>>);

fn ports<'t>(cx: &mut Context<'_>, container: &Fields<'t, '_>, path: &Path<'_>, scope: &Scope<'_, '_>) -> Ports<'t> {
    let list_path = path.field("ports");
    let (mut ports, mut host_ports, mut named) = (Vec::new(), Vec::new(), Vec::<NamedPort<'t>>::new());
    for (index, node) in container.list(cx, "ports", "v1.ContainerPort").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- containerPort: 8080`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::CONTAINER_PORT, example) else { continue };
        let name = fields.text(cx, "name").unwrap_or("");
        if !name.is_empty() {
            check_port_name(cx, name, fields.at("name"), &path, &named);
        }
        let protocol = cx.choice(&fields, "protocol", PROTOCOLS).unwrap_or_default();
        let number_path = path.field("containerPort");
        let number = match fields.integer(cx, "containerPort", "int32") {
            Some(number) if number != 0 => check_port(cx, number, fields.at("containerPort"), &number_path),
            None if fields.get("containerPort").is_some() => None,
            _ => {
                let help = "say which port the process listens on: add `containerPort: 8080`";
                let at = fields.at("containerPort");
                cx.invalid(codes::REQUIRED, at, &number_path, "Required value", "no port number", help);
                None
            }
        };
        let mut host = fields.integer(cx, "hostPort", "int32").filter(|&number| number != 0);
        if scope.host_network {
            match (host, number) {
                (None, Some(number)) => host = Some(i64::from(number)),
                (Some(host), Some(number)) if host != i64::from(number) => {
                    let text = format!("Invalid value: {number}: must match `hostPort` when `hostNetwork` is true");
                    let help = "on the node's network both are the same port: remove hostPort";
                    let at = fields.at("containerPort");
                    cx.invalid(codes::HOST_NETWORK_PORT, at, &number_path, &text, "differs from hostPort", help);
                }
                _ => {}
            }
        }
        let host_at = if fields.get("hostPort").is_some() { fields.at("hostPort") } else { fields.at("containerPort") };
        let host = host.and_then(|host| check_port(cx, host, host_at, &path.field("hostPort")));
        let host_ip = fields.text(cx, "hostIP").unwrap_or("");
        if let Some(port) = host {
            let host_ip = cx.words.strings.intern(host_ip);
            host_ports.push((HostPort { protocol, host_ip, port }, host_at, index));
        }
        // A name counts even if its number is wrong: it is neither free nor unknown.
        named.push((name, number.unwrap_or(0)));
        if let Some(port) = number {
            let name = cx.words.strings.intern(name);
            ports.push(ContainerPort { name, protocol, port, host_port: host.unwrap_or(0) });
        }
    }
    (ports, host_ports, named)
}

fn check_port_name(cx: &mut Context<'_>, name: &str, at: At, path: &Path<'_>, before: &[NamedPort<'_>]) {
    let path = path.field("name");
    let help =
        "port names have at most 15 lower case letters, digits and `-`, and at least one letter: for example http";
    cx.invalid_text(codes::BAD_PORT_NAME, at, &path, name, names::port_name_errors(name), help);
    if before.iter().any(|(other, _)| *other == name) {
        let text = format!("Duplicate value: {}", go_quote(name));
        let help = "give each port of a container its own name, or none";
        cx.invalid(codes::DUPLICATE_PORT, at, &path, &text, "used by an earlier port", help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policy_follows_the_tag() {
        for (image, want) in [
            ("nginx", ImagePullPolicy::Always),
            ("nginx:latest", ImagePullPolicy::Always),
            ("nginx:1.27", ImagePullPolicy::IfNotPresent),
            ("host:5000/nginx", ImagePullPolicy::Always),
            ("host:5000/nginx:1", ImagePullPolicy::IfNotPresent),
            ("nginx@sha256:0123", ImagePullPolicy::IfNotPresent),
            ("nginx:latest@sha256:0123", ImagePullPolicy::Always),
        ] {
            assert_eq!(default_pull_policy(image), want, "{image}");
        }
    }
}
