//! Services, their endpoints, and configuration objects. Mirrors pkg/printers/internalversion/printers.go (printService,
//! printEndpoints, printEndpointSlice, printConfigMap, printSecret), v1.34.

use serde_json::{Map, Value, json};

use super::{Item, Source, View, address, defaults, labels_of};
use crate::api::PodRef;
use crate::base::{hex, uuid};
use crate::model::service::TargetPort;
use crate::model::{ConfigId, ConfigKind, Protocol, ServiceId, ServiceType};

/// So many endpoints, or ports of endpoint slices, are listed; the rest is only counted.
const LISTED: usize = 3;
/// The first port of nodes that services get.
const NODE_PORTS: usize = 30_000;

const fn protocol_text(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}

fn none_if_empty(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

impl View<'_> {
    fn service_name(&self, id: ServiceId) -> (String, String) {
        let service = &self.plan().services[id];
        (self.text(service.namespace).to_owned(), self.text(service.name).to_owned())
    }

    fn item(&self, id: ServiceId, cells: Vec<String>) -> Item {
        let (namespace, name) = self.service_name(id);
        let labels = labels_of(self.written("Service", &namespace, &name));
        Item { source: Source::Service(id), namespace, name, labels, cells }
    }

    /// The address inside the cluster, made up unless the manifest asks for one.
    fn cluster_ip(&self, id: ServiceId) -> Option<String> {
        let (namespace, name) = self.service_name(id);
        match self.plan().services[id].kind {
            ServiceType::ExternalName => None,
            ServiceType::Headless => Some("None".to_owned()),
            _ => {
                let asked = self.written("Service", &namespace, &name)["spec"]["clusterIP"].as_str();
                Some(asked.map_or_else(|| address([10, 96, 0, 10], id.raw()), str::to_owned))
            }
        }
    }

    /// The address that the cloud provider gave, once it did.
    fn load_balancer_ip(&self, id: ServiceId) -> Option<String> {
        self.simulation.recorder().load_balancer(id)?;
        let asked = self.plan().services[id].load_balancer_ip;
        Some(asked.map_or_else(|| address([203, 0, 113, 10], id.raw()), |asked| self.text(asked).to_owned()))
    }

    /// The node port of a port, made up unless the manifest asks for one.
    fn node_port(&self, id: ServiceId, at: usize) -> usize {
        let (namespace, name) = self.service_name(id);
        let asked = self.written("Service", &namespace, &name)["spec"]["ports"][at]["nodePort"].as_u64();
        let before: usize =
            self.plan().services.iter().take(id.raw() as usize).map(|service| service.ports.len()).sum();
        asked.and_then(|port| usize::try_from(port).ok()).unwrap_or(NODE_PORTS + before + at)
    }

    pub(super) fn services(&self) -> Vec<Item> {
        let ids = self.plan().services.ids().filter(|&id| self.simulation.cluster().has_service(id));
        ids.map(|id| {
            let service = &self.plan().services[id];
            let (namespace, name) = self.service_name(id);
            let (kind, external) = match service.kind {
                ServiceType::ClusterIp | ServiceType::Headless => ("ClusterIP", "<none>".to_owned()),
                ServiceType::NodePort => ("NodePort", "<none>".to_owned()),
                ServiceType::LoadBalancer => {
                    ("LoadBalancer", self.load_balancer_ip(id).unwrap_or_else(|| "<pending>".to_owned()))
                }
                ServiceType::ExternalName => {
                    let target = self.written("Service", &namespace, &name)["spec"]["externalName"].as_str();
                    ("ExternalName", none_if_empty(target.unwrap_or_default().to_owned()))
                }
            };
            let outside = matches!(service.kind, ServiceType::NodePort | ServiceType::LoadBalancer);
            let ports = service.ports.iter().enumerate().map(|(at, port)| {
                let node = if outside { format!(":{}", self.node_port(id, at)) } else { String::new() };
                format!("{}{node}/{}", port.port, protocol_text(port.protocol))
            });
            let mut selector: Vec<String> = service
                .selector
                .iter()
                .map(|&(key, value)| format!("{}={}", self.text(key), self.text(value)))
                .collect();
            selector.sort_unstable();
            let cells = vec![
                name,
                kind.to_owned(),
                self.cluster_ip(id).unwrap_or_else(|| "<none>".to_owned()),
                external,
                none_if_empty(ports.collect::<Vec<_>>().join(",")),
                self.age(self.plan().start),
                none_if_empty(selector.join(",")),
            ];
            self.item(id, cells)
        })
        .collect()
    }

    pub(super) fn service_object(&self, id: ServiceId) -> Value {
        let (namespace, name) = self.service_name(id);
        let written = self.written("Service", &namespace, &name);
        let meta = self.metadata(
            &uuid(&format!("service {namespace}/{name}")),
            Some(&namespace),
            &name,
            self.plan().start,
            written,
        );
        let mut spec = written["spec"].as_object().cloned().unwrap_or_default();
        defaults::service_spec(&mut spec);
        if let Some(ip) = self.cluster_ip(id) {
            spec.insert("clusterIPs".into(), json!([ip]));
            spec.insert("clusterIP".into(), ip.into());
        }
        if matches!(self.plan().services[id].kind, ServiceType::NodePort | ServiceType::LoadBalancer)
            && let Some(ports) = spec.get_mut("ports").and_then(Value::as_array_mut)
        {
            for (at, port) in ports.iter_mut().enumerate() {
                port["nodePort"] = self.node_port(id, at).into();
            }
        }
        let ingress = self.load_balancer_ip(id).map(|ip| json!({ "ingress": [{ "ip": ip, "ipMode": "VIP" }] }));
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": spec,
            "status": { "loadBalancer": ingress.unwrap_or_else(|| json!({})) },
        })
    }

    /// Services that have endpoints which a controller keeps.
    fn selecting(&self) -> Vec<ServiceId> {
        let services = self.plan().services.entries();
        let services = services.filter(|(id, _)| self.simulation.cluster().has_service(*id));
        let selecting = services.filter(|(_, s)| !s.selector.is_empty() && s.kind != ServiceType::ExternalName);
        selecting.map(|(id, _)| id).collect()
    }

    /// Addresses of the pods behind a service; those that are being deleted last.
    fn pod_addresses(&self, id: ServiceId, leaving: bool) -> Vec<(PodRef, String)> {
        let (ready, gone) = self.simulation.endpoints().members(id);
        let pods = ready.iter().chain(gone.iter().filter(|_| leaving));
        let exists = |pod: &&PodRef| self.simulation.cluster().pods().exists(**pod);
        pods.filter(exists).filter_map(|&pod| Some((pod, self.simulation.pod_row(pod, self.now).ip?))).collect()
    }

    fn target_port(&self, target: TargetPort, pod: PodRef) -> Option<u16> {
        match target {
            TargetPort::Number(number) => Some(number),
            TargetPort::Name(name) => {
                let mut ports = self.template(pod).containers.iter().flat_map(|container| &container.ports);
                ports.find(|port| port.name == name).map(|port| port.port)
            }
        }
    }

    pub(super) fn endpoints(&self) -> Vec<Item> {
        let of = |id: ServiceId| {
            let mut all = Vec::new();
            for port in &self.plan().services[id].ports {
                for (pod, ip) in self.pod_addresses(id, false) {
                    all.extend(self.target_port(port.target, pod).map(|port| format!("{ip}:{port}")));
                }
            }
            let more = all.len().saturating_sub(LISTED);
            all.truncate(LISTED);
            let mut text = all.join(",");
            if more > 0 {
                text.push_str(&format!(" + {more} more..."));
            }
            let (_, name) = self.service_name(id);
            self.item(id, vec![name, none_if_empty(text), self.age(self.plan().start)])
        };
        self.selecting().into_iter().map(of).collect()
    }

    pub(super) fn endpoints_object(&self, id: ServiceId) -> Value {
        let (namespace, name) = self.service_name(id);
        let uid = uuid(&format!("endpoints {namespace}/{name}"));
        let meta = self.metadata(&uid, Some(&namespace), &name, self.plan().start, &Value::Null);
        let service = &self.plan().services[id];
        let pods = self.pod_addresses(id, false);
        let addresses: Vec<Value> = pods.iter().map(|(pod, ip)| self.endpoint_address(*pod, ip)).collect();
        let ports = service.ports.iter().filter_map(|port| {
            let number = pods.first().and_then(|(pod, _)| self.target_port(port.target, *pod))?;
            let mut out = Map::new();
            if !self.text(port.name).is_empty() {
                out.insert("name".into(), self.text(port.name).into());
            }
            out.insert("port".into(), number.into());
            out.insert("protocol".into(), protocol_text(port.protocol).into());
            Some(Value::from(out))
        });
        let mut object = json!({ "apiVersion": "v1", "kind": "Endpoints", "metadata": meta });
        if !addresses.is_empty() {
            object["subsets"] = json!([{ "addresses": addresses, "ports": ports.collect::<Vec<_>>() }]);
        }
        object
    }

    fn endpoint_address(&self, pod: PodRef, ip: &str) -> Value {
        let (namespace, name) = self.pod_name(pod.uid);
        let node = self.simulation.cluster().pods().node(pod.pod);
        let node = node.map(|node| self.text(self.simulation.cluster().nodes().get(node).name));
        json!({
            "ip": ip,
            "nodeName": node,
            "targetRef": { "kind": "Pod", "name": name, "namespace": namespace, "uid": pod.uid.uuid() },
        })
    }

    pub(super) fn endpoint_slices(&self) -> Vec<Item> {
        let of = |id: ServiceId| {
            let (namespace, name) = self.service_name(id);
            let pods = self.pod_addresses(id, true);
            let ports = self.plan().services[id].ports.iter().filter_map(|port| {
                pods.first().and_then(|(pod, _)| self.target_port(port.target, *pod)).map(|port| port.to_string())
            });
            let ports: Vec<String> = ports.collect();
            let listed = |texts: &[String], none: &str| match texts.len() {
                0 => none.to_owned(),
                n if n <= LISTED => texts.join(","),
                n => format!("{} + {} more...", texts[..LISTED].join(","), n - LISTED),
            };
            let addresses: Vec<String> = pods.into_iter().map(|(_, ip)| ip).collect();
            let slice = format!("{name}-{}", &hex(&format!("{namespace}/{name}"))[..5]);
            let cells = vec![
                slice.clone(),
                "IPv4".to_owned(),
                listed(&ports, "<unset>"),
                listed(&addresses, "<unset>"),
                self.age(self.plan().start),
            ];
            Item { name: slice, ..self.item(id, cells) }
        };
        self.selecting().into_iter().map(of).collect()
    }

    pub(super) fn endpoint_slice_object(&self, id: ServiceId, slice: &str) -> Value {
        let (namespace, name) = self.service_name(id);
        let uid = uuid(&format!("endpointslice {namespace}/{name}"));
        let mut meta = self.metadata(&uid, Some(&namespace), slice, self.plan().start, &Value::Null);
        let labels = json!({
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            "kubernetes.io/service-name": name,
        });
        meta.insert("labels".into(), labels);
        let pods = self.pod_addresses(id, true);
        let ready = self.pod_addresses(id, false).len();
        let endpoint = |(at, (pod, ip)): (usize, &(PodRef, String))| {
            let mut endpoint = self.endpoint_address(*pod, ip);
            let conditions = json!({ "ready": at < ready, "serving": true, "terminating": at >= ready });
            json!({
                "addresses": [ip],
                "conditions": conditions,
                "nodeName": endpoint["nodeName"].take(),
                "targetRef": endpoint["targetRef"].take(),
            })
        };
        let ports = self.plan().services[id].ports.iter().filter_map(|port| {
            let number = pods.first().and_then(|(pod, _)| self.target_port(port.target, *pod))?;
            Some(json!({ "name": self.text(port.name), "port": number, "protocol": protocol_text(port.protocol) }))
        });
        json!({
            "addressType": "IPv4",
            "apiVersion": "discovery.k8s.io/v1",
            "endpoints": pods.iter().enumerate().map(endpoint).collect::<Vec<_>>(),
            "kind": "EndpointSlice",
            "metadata": meta,
            "ports": ports.collect::<Vec<_>>(),
        })
    }

    pub(super) fn configs(&self, kind: ConfigKind) -> Vec<Item> {
        let entries = self.plan().configs.entries().filter(|(_, config)| config.kind == kind);
        entries
            .filter_map(|(id, config)| {
                let keys = self.simulation.cluster().config(id)?.len().to_string();
                let (namespace, name) = (self.text(config.namespace).to_owned(), self.text(config.name).to_owned());
                let written = self.written(kind_text(kind), &namespace, &name);
                let created = self.simulation.recorder().config_created(id).unwrap_or(self.plan().start);
                let mut cells = vec![name.clone(), keys, self.age(created)];
                if kind == ConfigKind::Secret {
                    cells.insert(1, written["type"].as_str().unwrap_or("Opaque").to_owned());
                }
                Some(Item { source: Source::Config(id), namespace, name, labels: labels_of(written), cells })
            })
            .collect()
    }

    /// A ConfigMap or Secret. Of its keys only the names are simulated: values are those of the manifest, where it has
    /// them.
    pub(super) fn config_object(&self, id: ConfigId) -> Value {
        let config = &self.plan().configs[id];
        let (namespace, name) = (self.text(config.namespace), self.text(config.name));
        let kind = kind_text(config.kind);
        let written = self.written(kind, namespace, name);
        let created = self.simulation.recorder().config_created(id).unwrap_or(self.plan().start);
        let uid = uuid(&format!("{kind} {namespace}/{name}"));
        let meta = self.metadata(&uid, Some(namespace), name, created, written);
        let keys = self.simulation.cluster().config(id).unwrap_or_default();
        let data: Map<String, Value> = keys
            .iter()
            .map(|&key| {
                let key = self.text(key);
                (key.to_owned(), written["data"][key].clone())
            })
            .filter(|(_, value)| !value.is_null())
            .collect();
        let mut object = json!({ "apiVersion": "v1", "kind": kind, "metadata": meta });
        if !data.is_empty() {
            object["data"] = data.into();
        }
        for other in ["binaryData", "stringData", "immutable"] {
            if !written[other].is_null() {
                object[other] = written[other].clone();
            }
        }
        if config.kind == ConfigKind::Secret {
            object["type"] = written["type"].as_str().unwrap_or("Opaque").into();
        }
        object
    }
}

const fn kind_text(kind: ConfigKind) -> &'static str {
    match kind {
        ConfigKind::ConfigMap => "ConfigMap",
        ConfigKind::Secret => "Secret",
    }
}
