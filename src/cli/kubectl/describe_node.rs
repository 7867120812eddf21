//! `kubectl describe node`. Mirrors staging/src/k8s.io/kubectl/pkg/describe/describe.go (describeNode), v1.34.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::describe::{line, pairs, rfc1123, several};
use super::node::roles;
use super::{View, labels_of, text_of};
use crate::model::NodeId;

impl View<'_> {
    pub(super) fn describe_node(&self, id: NodeId) -> String {
        let node = self.node_object(id);
        let (meta, spec, status) = (&node["metadata"], &node["spec"], &node["status"]);
        let name = text_of(&meta["name"]);
        let labels: BTreeMap<String, String> = labels_of(&node);
        let mut out = String::new();
        line(&mut out, "Name", &name);
        line(&mut out, "Roles", &roles(&labels));
        pairs(&mut out, "Labels", &meta["labels"], "=");
        pairs(&mut out, "Annotations", &meta["annotations"], ": ");
        line(&mut out, "CreationTimestamp", &rfc1123(&text_of(&meta["creationTimestamp"])));
        taints(&mut out, &spec["taints"]);
        line(&mut out, "Unschedulable", if spec["unschedulable"] == true { "true" } else { "false" });
        let renewed = self.simulation.kubelets().last_renewal(self.plan(), id, self.now);
        let renewed = rfc1123(&renewed.floor_seconds().rfc3339());
        let _ = write!(out, "Lease:\n  HolderIdentity:\t{name}\n  AcquireTime:\t<unset>\n  RenewTime:\t{renewed}\n");
        out.push_str("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n");
        out.push_str("  ----\t------\t-----------------\t------------------\t------\t-------\n");
        for one in status["conditions"].as_array().into_iter().flatten() {
            let text = |key: &str| text_of(&one[key]);
            let time = |key: &str| rfc1123(&text(key));
            let (beat, since) = (time("lastHeartbeatTime"), time("lastTransitionTime"));
            let (reason, message) = (text("reason"), text("message"));
            let _ = writeln!(out, "  {} \t{} \t{beat} \t{since} \t{reason} \t{message}", text("type"), text("status"));
        }
        out.push_str("Addresses:\n");
        for address in status["addresses"].as_array().into_iter().flatten() {
            let _ = writeln!(out, "  {}:\t{}", text_of(&address["type"]), text_of(&address["address"]));
        }
        for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
            let _ = writeln!(out, "{title}:");
            let mut list: Vec<_> = status[key].as_object().into_iter().flatten().collect();
            list.sort_by_key(|(name, _)| *name);
            for (name, amount) in list {
                let _ = writeln!(out, "  {name}:\t{}", text_of(amount));
            }
        }
        out.push_str("System Info:\n");
        for (title, key) in [
            ("Machine ID", "machineID"),
            ("System UUID", "systemUUID"),
            ("Boot ID", "bootID"),
            ("Kernel Version", "kernelVersion"),
            ("OS Image", "osImage"),
            ("Operating System", "operatingSystem"),
            ("Architecture", "architecture"),
            ("Container Runtime Version", "containerRuntimeVersion"),
            ("Kubelet Version", "kubeletVersion"),
            ("Kube-Proxy Version", "kubeProxyVersion"),
        ] {
            let _ = writeln!(out, "  {title}:\t{}", text_of(&status["nodeInfo"][key]));
        }
        if let Some(provider) = spec["providerID"].as_str() {
            line(&mut out, "ProviderID", provider);
        }
        out + &self.describe_usage(id, &status["allocatable"])
    }
}

fn taints(out: &mut String, list: &Value) {
    let mut list: Vec<&Value> = list.as_array().into_iter().flatten().collect();
    list.sort_by_key(|taint| format!("{},{}", text_of(&taint["effect"]), text_of(&taint["key"])));
    let text = |taint: &Value| {
        let value = taint["value"].as_str().filter(|value| !value.is_empty());
        let value = value.map_or_else(String::new, |value| format!("={value}"));
        format!("{}{value}:{}", text_of(&taint["key"]), text_of(&taint["effect"]))
    };
    several(out, "Taints", list.into_iter().map(text).collect());
}
