//! What pods request and may use, from their specs as the API gives them, and how much of a node that is. Mirrors
//! kubectl's describeNodeResource, v1.34; the sums are the ones the scheduler makes.

use serde_json::Value;

use super::{View, text_of};
use crate::base::{Quantity, SimTime};
use crate::model::effective::{ContainerResources, Options, ResourceRequirements};
use crate::model::{NodeId, PodResources, ResourceList};

fn amounts(list: &Value) -> ResourceList {
    let list = list.as_object().into_iter().flatten();
    list.filter_map(|(name, amount)| Some((name.as_str(), Quantity::parse(&text_of(amount)).ok()?))).collect()
}

fn requirements(of: &Value) -> ResourceRequirements {
    ResourceRequirements { requests: amounts(&of["requests"]), limits: amounts(&of["limits"]) }
}

/// Requests and limits of a pod as a whole.
fn of_pod(spec: &Value) -> (ResourceList, ResourceList) {
    let containers = |list: &str| -> Vec<ContainerResources> {
        let all = spec[list].as_array().into_iter().flatten();
        all.map(|container| ContainerResources {
            sidecar: list == "initContainers" && container["restartPolicy"] == "Always",
            spec: requirements(&container["resources"]),
            status: None,
        })
        .collect()
    };
    let mut pod = PodResources {
        init: containers("initContainers"),
        main: containers("containers"),
        pod: spec["resources"].is_object().then(|| requirements(&spec["resources"])),
        overhead: amounts(&spec["overhead"]),
        resize_infeasible: false,
    };
    pod.set_defaults();
    (pod.requests(&Options::default()), pod.limits(&Options::default()))
}

/// `250m (25%)`.
fn share(amount: Quantity, of: Option<Quantity>) -> String {
    let whole = of.map_or(0, Quantity::milli_value);
    // As upstream: computed as a floating-point number, cut to a whole one.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let percent = (amount.milli_value() as f64 / whole as f64 * 100.0) as i64;
    format!("{amount} ({percent}%)")
}

impl View<'_> {
    /// The pods of a node that have not ended, and what they take of it.
    pub(super) fn describe_usage(&self, node: NodeId, allocatable: &Value) -> String {
        let allocatable = amounts(allocatable);
        let pods = self.simulation.cluster().pods();
        let mut on_node: Vec<_> = pods.on_node(node).filter(|pod| !pods.phase(pod.pod).is_terminal()).collect();
        on_node.sort_by_key(|pod| self.pod_name(pod.uid));
        let mut out = format!("Non-terminated Pods:\t({} in total)\n", on_node.len());
        out.push_str("  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n");
        out.push_str("  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n");
        let (mut requests, mut limits) = (ResourceList::new(), ResourceList::new());
        let get = |list: &ResourceList, name: &str| list.get(name).unwrap_or(Quantity::ZERO);
        for pod in on_node {
            let object = self.pod_object(pod);
            let (requested, limited) = of_pod(&object["spec"]);
            let created: SimTime = pods.created(pod.pod);
            let (namespace, name) = self.pod_name(pod.uid);
            let part = |list: &ResourceList, name: &str| share(get(list, name), allocatable.get(name));
            out.push_str(&format!(
                "  {namespace}\t{name}\t\t{}\t{}\t{}\t{}\t{}\n",
                part(&requested, "cpu"),
                part(&limited, "cpu"),
                part(&requested, "memory"),
                part(&limited, "memory"),
                self.age(created)
            ));
            requests.add(&requested);
            limits.add(&limited);
        }
        out.push_str("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n");
        out.push_str("  Resource\tRequests\tLimits\n  --------\t--------\t------\n");
        for name in ["cpu", "memory", "ephemeral-storage"] {
            let of = allocatable.get(name);
            let part = |list: &ResourceList| match of {
                None => format!("{} (0%)", get(list, name)),
                of => share(get(list, name), of),
            };
            out.push_str(&format!("  {name}\t{}\t{}\n", part(&requests), part(&limits)));
        }
        for (name, _) in
            allocatable.iter().filter(|(name, _)| !matches!(*name, "cpu" | "memory" | "pods" | "ephemeral-storage"))
        {
            let part = |list: &ResourceList| {
                let amount = get(list, name);
                if name.starts_with("hugepages-") { share(amount, allocatable.get(name)) } else { amount.to_string() }
            };
            out.push_str(&format!("  {name}\t{}\t{}\n", part(&requests), part(&limits)));
        }
        out
    }
}
