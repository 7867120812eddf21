//! Nodes: their line in the list, and the object. Mirrors pkg/printers/internalversion/printers.go (printNode) and
//! pkg/kubelet/nodestatus/setters.go, v1.34.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Item, Source, View};
use crate::base::quantity::Format;
use crate::base::{Quantity, SimDuration, SimTime};
use crate::base::{hex, uuid};
use crate::model::{ConditionStatus, NodeId, Resources};

/// What every kubelet here is.
pub(super) const VERSION: &str = "v1.34.1";
const OS_IMAGE: &str = "podsim";
const KERNEL: &str = "0.0.0";
const RUNTIME: &str = "containerd://2.1.4";
const ROLE: &str = "node-role.kubernetes.io/";
/// A kubelet posts a status in which nothing changed so often (`nodeStatusReportFrequency`).
const REPORT: SimDuration = SimDuration::from_secs(300);

impl View<'_> {
    pub(super) fn nodes(&self) -> Vec<Item> {
        let rows = self.simulation.cluster().nodes().entries();
        rows.filter(|(_, row)| row.exists).map(|(id, _)| self.node_item(id)).collect()
    }

    fn node_item(&self, id: NodeId) -> Item {
        let row = self.simulation.cluster().nodes().get(id);
        let name = self.text(row.name).to_owned();
        let labels = self.node_labels(id);
        let mut status = if row.ready == ConditionStatus::True { "Ready" } else { "NotReady" }.to_owned();
        if row.unschedulable {
            status.push_str(",SchedulingDisabled");
        }
        let cells = vec![
            name.clone(),
            status,
            roles(&labels),
            self.age(row.created),
            VERSION.to_owned(),
            self.node_address(id),
            "<none>".to_owned(),
            OS_IMAGE.to_owned(),
            KERNEL.to_owned(),
            RUNTIME.to_owned(),
        ];
        Item { source: Source::Node(id), namespace: String::new(), name, labels, cells }
    }

    fn node_labels(&self, id: NodeId) -> BTreeMap<String, String> {
        let row = self.simulation.cluster().nodes().get(id);
        let name = self.text(row.name);
        let labels = self.plan().strings.labels(self.plan().shapes[row.shape].labels).pairs().iter();
        let mut labels: BTreeMap<String, String> =
            labels.map(|&(key, value)| (self.text(key).to_owned(), self.text(value).to_owned())).collect();
        labels.entry("kubernetes.io/hostname".to_owned()).or_insert_with(|| name.to_owned());
        labels
    }

    pub(super) fn node_object(&self, id: NodeId) -> Value {
        let row = self.simulation.cluster().nodes().get(id);
        let shape = &self.plan().shapes[row.shape];
        let name = self.text(row.name);
        let written = self.written("Node", "default", name);
        let uid = uuid(name);
        let mut meta = self.metadata(&uid, None, name, row.created, written);
        meta.insert("labels".into(), json!(self.node_labels(id)));
        let mut spec = Map::new();
        if let Some(provider) = written["spec"]["providerID"].as_str() {
            spec.insert("providerID".into(), provider.into());
        }
        if !row.taints.is_empty() {
            let taints: Vec<Value> = row.taints.iter().map(|(taint, since)| self.taint(taint, *since)).collect();
            spec.insert("taints".into(), taints.into());
        }
        if row.unschedulable {
            spec.insert("unschedulable".into(), true.into());
        }
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": meta,
            "spec": spec,
            "status": {
                "addresses": [
                    { "address": self.node_address(id), "type": "InternalIP" },
                    { "address": name, "type": "Hostname" },
                ],
                "allocatable": self.resources(&shape.allocatable, shape.max_pods),
                "capacity": self.resources(&shape.capacity, shape.max_pods),
                "conditions": self.node_conditions(id),
                "nodeInfo": {
                    "architecture": "amd64",
                    "bootID": uuid(&format!("{name} boot {}", self.simulation.kubelets().boots(id))),
                    "containerRuntimeVersion": RUNTIME,
                    "kernelVersion": KERNEL,
                    "kubeProxyVersion": "",
                    "kubeletVersion": VERSION,
                    "machineID": hex(name)[..32],
                    "operatingSystem": "linux",
                    "osImage": OS_IMAGE,
                    "systemUUID": uid,
                },
            },
        })
    }

    fn resources(&self, amounts: &Resources, pods: i64) -> Value {
        let mut out = Map::new();
        let plain = |value: i64| Value::from(Quantity::new(value, Format::DecimalSi).to_string());
        // The kubelet counts memory in Ki.
        let memory = |bytes: i64| {
            let whole = bytes % 1024 == 0;
            Value::from(if whole { format!("{}Ki", bytes / 1024) } else { bytes.to_string() })
        };
        out.insert("cpu".into(), Quantity::from_milli(amounts.milli_cpu, Format::DecimalSi).to_string().into());
        out.insert("memory".into(), memory(amounts.memory));
        if amounts.ephemeral_storage > 0 {
            out.insert("ephemeral-storage".into(), memory(amounts.ephemeral_storage));
        }
        out.insert("pods".into(), plain(pods));
        for &(name, amount) in &amounts.scalar {
            out.insert(self.text(name).to_owned(), plain(amount));
        }
        out.into()
    }

    fn node_conditions(&self, id: NodeId) -> Value {
        let row = self.simulation.cluster().nodes().get(id);
        let silent = row.ready == ConditionStatus::Unknown;
        let alive = self.simulation.kubelets().down_since(id).map_or(self.now, |since| since.min(self.now));
        let report = SimTime(alive.0 + 1).ceil_to_grid(row.created, REPORT) - REPORT;
        // A change is reported at once.
        let heartbeat = if row.ready_since <= alive { report.max(row.ready_since) } else { report };
        let one = |kind: &str, status: &str, reason: &str, message: &str, since: SimTime| {
            let (status, reason, message) = if silent {
                ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
            } else {
                (status, reason, message)
            };
            json!({
                "lastHeartbeatTime": heartbeat.floor_seconds().rfc3339(),
                "lastTransitionTime": since.rfc3339(),
                "message": message,
                "reason": reason,
                "status": status,
                "type": kind,
            })
        };
        let since = row.ready_since;
        let ready = match row.ready {
            ConditionStatus::True => ("True", "KubeletReady", "kubelet is posting ready status"),
            _ => ("False", "KubeletNotReady", "container runtime is down"),
        };
        json!([
            one(
                "MemoryPressure",
                "False",
                "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available",
                since
            ),
            one("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", since),
            one("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available", since),
            one("Ready", ready.0, ready.1, ready.2, since),
        ])
    }
}

/// Roles, from the labels.
pub(super) fn roles(labels: &BTreeMap<String, String>) -> String {
    let of = |(key, value): (&String, &String)| match key.strip_prefix(ROLE) {
        Some(role) if !role.is_empty() => Some(role.to_owned()),
        _ if key == "kubernetes.io/role" && !value.is_empty() => Some(value.clone()),
        _ => None,
    };
    let mut roles: Vec<String> = labels.iter().filter_map(of).collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}
