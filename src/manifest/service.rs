//! Services: decoding, defaulting, checking, compiling. Mirrors ValidateService of
//! pkg/apis/core/validation/validation.go, v1.34.

use std::net::IpAddr;

use super::codes;
use super::container::{PROTOCOLS, check_port};
use super::fields::{Context, Fields, Path};
use super::meta::{Meta, check_labels};
use super::names;
use super::schema;
use super::tree::{At, Entry, Meaning, Value, meaning};
use crate::model::names::{dns1123_subdomain_errors, go_quote};
use crate::model::strings::known;
use crate::model::{Protocol, ServicePort, ServiceSpec, ServiceType, TargetPort};

/// The range of `--service-node-port-range`.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

/// A Service with the places of the target ports that are names.
pub(super) struct Service<'t> {
    /// Compiled.
    pub spec: ServiceSpec,
    /// Where the selector's key stands.
    pub selector_at: Option<At>,
    /// Names of target ports with their places.
    pub targets: Vec<(&'t str, At)>,
}

/// Reads a Service. The result is for use only if no errors were found.
pub(super) fn read<'t>(cx: &mut Context<'_>, root: &Fields<'t, '_>, meta: &Meta<'_>) -> Option<Service<'t>> {
    let path = root.path.field("spec");
    let Some(entry) = root.get("spec") else {
        let at = root.written("spec").map_or(root.anchor, |entry| entry.key_at);
        let help = "add `spec:` with `selector:` and `ports: [{port: 80}]`";
        cx.invalid(codes::NO_PORTS, at, &path.field("ports"), "Required value", "`spec` is missing", help);
        return None;
    };
    let example = "write `selector:` and `ports:` under it";
    let spec = cx.fields(&entry.value, entry.key_at, &path, &schema::SERVICE_SPEC, example)?;
    let kind = kind(cx, &spec);
    let mut selector = check_labels(cx, &spec, "selector");
    selector.sort_unstable();
    let (ports, targets) = ports(cx, &spec, kind);
    let load_balancer_ip = load_balancer_ip(cx, &spec);
    external_name(cx, &spec, kind);
    session_affinity(cx, &spec);
    let publish = spec.boolean(cx, "publishNotReadyAddresses").unwrap_or(false);
    let selector_at = spec.get("selector").map(|entry| entry.key_at);
    let strings = &mut cx.words.strings;
    let spec = ServiceSpec {
        namespace: strings.intern(meta.namespace),
        name: strings.intern(&meta.name),
        kind,
        selector: selector.into_iter().map(|(k, v)| (strings.intern(k), strings.intern(v))).collect(),
        ports: ports.into_boxed_slice(),
        load_balancer_ip: load_balancer_ip.map(|ip| strings.intern(ip)),
        publish_not_ready_addresses: publish,
    };
    Some(Service { spec, selector_at, targets })
}

fn kind(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> ServiceType {
    let words = [
        ("ClusterIP", ServiceType::ClusterIp),
        ("ExternalName", ServiceType::ExternalName),
        ("LoadBalancer", ServiceType::LoadBalancer),
        ("NodePort", ServiceType::NodePort),
    ];
    let kind = cx.choice(spec, "type", &words).unwrap_or(ServiceType::ClusterIp);
    let address = spec.text(cx, "clusterIP").unwrap_or("");
    match (kind, address) {
        (ServiceType::ClusterIp, "None") => return ServiceType::Headless,
        (_, "None") if kind != ServiceType::ExternalName => {
            let text = "Invalid value: \"None\": may not be set to 'None' for LoadBalancer services";
            let help = "a Service without address is of type ClusterIP: remove `type` or `clusterIP`";
            cx.invalid(codes::BAD_ADDRESS, spec.at("clusterIP"), &spec.path.field("clusterIP"), text, "", help);
        }
        (_, "" | "None") => {}
        (_, address) if address.parse::<IpAddr>().is_err() => {
            let text = format!(
                "Invalid value: {}: must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                go_quote(address)
            );
            let help = "remove it: the cluster chooses an address; or write None for none";
            cx.invalid(codes::BAD_ADDRESS, spec.at("clusterIP"), &spec.path.field("clusterIP"), &text, "", help);
        }
        _ => cx.ignore(&spec.path.field("clusterIP")),
    }
    kind
}

fn load_balancer_ip<'t>(cx: &mut Context<'_>, spec: &Fields<'t, '_>) -> Option<&'t str> {
    let entry = spec.written("loadBalancerIP")?;
    let text = spec.text(cx, "loadBalancerIP").unwrap_or("");
    if text.is_empty() && !matches!(entry.value.value, Value::List(_) | Value::Map(_)) {
        if cx.errors == 0 || entry.value.is_null() || matches!(entry.value.value, Value::Text(_)) {
            let message = "spec.loadBalancerIP: empty, which is the same as not there";
            let help = "remove the line if any address will do: the provider then chooses one; \
                        or write the address that was reserved, such as 203.0.113.10";
            cx.warn(codes::EMPTY_LOAD_BALANCER_IP, entry.key_at, message, "no address follows", help);
        }
        return None;
    }
    if text.parse::<IpAddr>().is_err() && !text.is_empty() {
        let message = format!(
            "spec.loadBalancerIP: {} must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            go_quote(text)
        );
        let help = "the provider will refuse it: write an address, not a name";
        cx.warn(codes::BAD_ADDRESS, entry.value.at, &message, "not an address", help);
    }
    Some(text).filter(|text| !text.is_empty())
}

fn external_name(cx: &mut Context<'_>, spec: &Fields<'_, '_>, kind: ServiceType) {
    if kind != ServiceType::ExternalName {
        if spec.get("externalName").is_some() {
            cx.ignore(&spec.path.field("externalName"));
        }
        return;
    }
    let help = "say which DNS name it stands for: add `externalName: db.example.com`";
    if let Some(name) = spec.required(cx, "externalName", codes::REQUIRED, help) {
        let reasons = dns1123_subdomain_errors(name.trim_end_matches('.'));
        let path = spec.path.field("externalName");
        let help = "write a DNS name, such as db.example.com";
        cx.invalid_text(codes::BAD_NAME, spec.at("externalName"), &path, name, reasons, help);
    }
}

fn session_affinity(cx: &mut Context<'_>, spec: &Fields<'_, '_>) {
    if spec.get("sessionAffinity").is_some()
        && cx.choice(spec, "sessionAffinity", &[("ClientIP", true), ("None", false)]) == Some(true)
    {
        cx.ignore(&spec.path.field("sessionAffinity"));
    }
    let Some(entry) = spec.get("sessionAffinityConfig") else { return };
    let path = spec.path.field("sessionAffinityConfig");
    let Some(config) = cx.fields(&entry.value, entry.key_at, &path, &schema::SESSION_AFFINITY, "") else { return };
    let Some(entry) = config.get("clientIP") else { return };
    let path = path.field("clientIP");
    let Some(client) = cx.fields(&entry.value, entry.key_at, &path, &schema::CLIENT_IP, "") else { return };
    if let Some(seconds) = client.integer(cx, "timeoutSeconds", "int32") {
        let path = path.field("timeoutSeconds");
        if !(1..=86400).contains(&seconds) {
            let text = format!("Invalid value: {seconds}: must be greater than 0 and less than 86400");
            let help = "write a number of seconds from 1 to 86400 (one day)";
            cx.invalid(codes::OUT_OF_RANGE, client.at("timeoutSeconds"), &path, &text, "out of range", help);
        }
        cx.ignore(&path);
    }
}

type Ports<'t> = (Vec<ServicePort>, Vec<(&'t str, At)>);

fn ports<'t>(cx: &mut Context<'_>, spec: &Fields<'t, '_>, kind: ServiceType) -> Ports<'t> {
    let list_path = spec.path.field("ports");
    let items = spec.list(cx, "ports", "v1.ServicePort");
    let needed = !matches!(kind, ServiceType::Headless | ServiceType::ExternalName);
    let is_list = spec.get("ports").is_none_or(|entry| matches!(entry.value.value, Value::List(_)));
    if items.is_empty() && needed && is_list {
        let at = spec.written("ports").map_or(spec.anchor, |entry| entry.key_at);
        let help = "say which port clients connect to: add `ports: [{port: 80, targetPort: 8080}]`";
        cx.invalid(codes::NO_PORTS, at, &list_path, "Required value", "no ports here", help);
    }
    let (mut ports, mut targets): (Vec<ServicePort>, Vec<_>) = (Vec::new(), Vec::new());
    let mut names_seen: Vec<&str> = Vec::new();
    for (index, node) in items.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- port: 80` and `targetPort: 8080`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::SERVICE_PORT, example) else { continue };
        name(cx, &fields, &path, items.len() > 1, &mut names_seen);
        let protocol = cx.choice(&fields, "protocol", PROTOCOLS).unwrap_or_default();
        let port = match fields.integer(cx, "port", "int32") {
            Some(number) => check_port(cx, number, fields.at("port"), &path.field("port")),
            None if fields.get("port").is_some() => None,
            None => {
                let help = "say which port clients connect to: add `port: 80`";
                cx.invalid(codes::REQUIRED, fields.at("port"), &path.field("port"), "Required value", "no port", help);
                None
            }
        };
        let target = fields.get("targetPort").and_then(|entry| target(cx, entry, &path, &mut targets));
        node_port(cx, &fields, &path, kind);
        let Some(port) = port else { continue };
        if ports.iter().any(|other| other.port == port && other.protocol == protocol) {
            duplicate(cx, &fields, &path, port, protocol);
        }
        let name = names_seen.last().copied().unwrap_or("");
        let name = cx.words.strings.intern(name);
        ports.push(ServicePort { name, protocol, port, target: target.unwrap_or(TargetPort::Number(port)) });
    }
    (ports, targets)
}

fn name<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, path: &Path<'_>, needed: bool, seen: &mut Vec<&'t str>) {
    let path = path.field("name");
    let text = fields.text(cx, "name").unwrap_or("");
    if text.is_empty() && needed {
        let help = "with several ports each needs a name: add `name: http`";
        cx.invalid(codes::REQUIRED, fields.at("name"), &path, "Required value", "`name` is missing", help);
    } else if !text.is_empty() {
        let help =
            format!("lower case letters, digits and `-`: for example {}", names::repaired(text).replace('.', "-"));
        cx.invalid_text(codes::BAD_PORT_NAME, fields.at("name"), &path, text, names::dns_label_errors(text), &help);
        if seen.contains(&text) {
            let message = format!("Duplicate value: {}", go_quote(text));
            let help = "give each port of a Service its own name";
            cx.invalid(codes::DUPLICATE_SERVICE_PORT, fields.at("name"), &path, &message, "used above already", help);
        }
    }
    seen.push(text);
}

fn duplicate(cx: &mut Context<'_>, fields: &Fields<'_, '_>, path: &Path<'_>, port: u16, protocol: Protocol) {
    let protocol = PROTOCOLS.iter().find(|(_, other)| *other == protocol).map_or("", |(word, _)| word);
    let text = format!(
        "Duplicate value: {{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{port},\
         \"TargetPort\":0,\"NodePort\":0}}"
    );
    let help = "each pair of port and protocol can be there once: choose another port number";
    cx.invalid(codes::DUPLICATE_SERVICE_PORT, fields.at("port"), path, &text, "defined above already", help);
}

fn target<'t>(
    cx: &mut Context<'_>,
    entry: &'t Entry<'t>,
    path: &Path<'_>,
    targets: &mut Vec<(&'t str, At)>,
) -> Option<TargetPort> {
    let path = path.field("targetPort");
    let node = &entry.value;
    if let Value::Plain(text) = &node.value
        && let Meaning::Integer(number) = meaning(text)
    {
        // Zero is no target: the port itself.
        return if number == 0 { None } else { check_port(cx, number, node.at, &path).map(TargetPort::Number) };
    }
    let name = cx.text(node, &path, "ServicePort", "intstr.IntOrString").filter(|name| !name.is_empty())?;
    let reasons = names::port_name_errors(name);
    if !reasons.is_empty() {
        let help = match name.parse::<u16>() {
            Ok(number) => format!("in quotes it is a name; write the number without quotes: {number}"),
            Err(_) => "write a port number, or the name of a container port".to_owned(),
        };
        cx.invalid_text(codes::BAD_PORT_NAME, node.at, &path, name, reasons, &help);
        return None;
    }
    targets.push((name, node.at));
    Some(TargetPort::Name(cx.words.strings.intern(name)))
}

fn node_port(cx: &mut Context<'_>, fields: &Fields<'_, '_>, path: &Path<'_>, kind: ServiceType) {
    let Some(number) = fields.integer(cx, "nodePort", "int32").filter(|&number| number != 0) else { return };
    let (at, path) = (fields.at("nodePort"), path.field("nodePort"));
    if matches!(kind, ServiceType::ClusterIp | ServiceType::Headless) {
        let text = "Forbidden: may not be used when `type` is 'ClusterIP'";
        let help = "remove nodePort, or write `type: NodePort`";
        cx.invalid(codes::BAD_NODE_PORT, at, &path, text, "opened by NodePort and LoadBalancer only", help);
    } else if !NODE_PORTS.contains(&number) {
        let text = format!(
            "Invalid value: {number}: provided port is not in the valid range. The range of valid ports is 30000-32767"
        );
        let help = "write a number from 30000 to 32767, or remove the line: the cluster then chooses one";
        cx.invalid(codes::BAD_NODE_PORT, at, &path, &text, "out of range", help);
    } else {
        cx.ignore(&path);
    }
}

/// Whether a Service chooses its pods by itself.
pub(super) fn selects(spec: &ServiceSpec) -> bool {
    spec.kind != ServiceType::ExternalName && !spec.selector.is_empty() && spec.name != known::EMPTY
}
