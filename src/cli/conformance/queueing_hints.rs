//! `queueing_hints.json`: whether an event wakes a pod that a plugin rejected. Objects are read as a user's manifests are; what
//! fixtures leave out is filled in.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cluster::{Loaded, load};
use super::decisions::Recorded;
use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::model::ClassId;
use crate::model::plan::Evaluator;
use crate::scheduler::framework::{Plugin, PluginSet};
use crate::scheduler::hints::{self, ClusterEvent};
use crate::scheduler::queue;

#[derive(Deserialize)]
struct Input {
    plugin: String,
    pod: Value,
    #[serde(default)]
    old: Option<Value>,
    #[serde(default)]
    new: Option<Value>,
    object: String,
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// An object with this name and whatever else the reader insists on.
fn named(object: &Value, name: &str) -> Value {
    let mut object = object.as_object().cloned().unwrap_or_default();
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    metadata["name"] = json!(name);
    Value::Object(object)
}

/// A pod of this name with containers that can be read.
fn pod(object: &Value, name: &str) -> Value {
    let mut pod = named(object, name);
    let spec = pod.as_object_mut().expect("an object").entry("spec").or_insert_with(|| json!({}));
    let containers = spec.get("containers").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut containers: Vec<Value> = containers.iter().enumerate().map(|(at, it)| container(it, at)).collect();
    if containers.is_empty() {
        containers.push(container(&json!({}), 0));
    }
    spec["containers"] = json!(containers);
    pod
}

fn container(object: &Value, at: usize) -> Value {
    let mut container: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    container.entry("name").or_insert_with(|| json!(format!("c{at}")));
    container.entry("image").or_insert_with(|| json!("i"));
    // A pod always takes one place; fixtures write zero.
    if let Some(resources) = container.get_mut("resources")
        && let Some(requests) = resources.get_mut("requests").and_then(Value::as_object_mut)
    {
        requests.remove("pods");
        // Extended resources cannot be overcommitted: a limit must say the same.
        let mut limits = requests.clone();
        limits.retain(|name, _| name.contains('/'));
        if !limits.is_empty() {
            resources["limits"] = Value::Object(limits);
        }
    }
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if port.get("containerPort") == Some(&json!(0)) {
            port["containerPort"] = port["hostPort"].clone();
        }
    }
    Value::Object(container)
}

/// An earlier or later state of the pending pod: what it says nothing of is as in the pod itself.
fn state_of(pending: &Value, state: &Value) -> Value {
    let mut whole = state.clone();
    let mut spec = pending.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    for (field, value) in state.get("spec").and_then(Value::as_object).into_iter().flatten() {
        spec.insert(field.clone(), value.clone());
    }
    spec.retain(|field, _| field != "schedulingGates" || state.pointer("/spec/schedulingGates").is_some());
    whole["spec"] = Value::Object(spec);
    whole
}

/// What keeps a pod out of the queue.
fn gate(pod: &Value) -> Option<Plugin> {
    let gates = pod.pointer("/spec/schedulingGates").and_then(Value::as_array);
    gates.is_some_and(|gates| !gates.is_empty()).then_some(Plugin::SchedulingGates)
}

pub(super) fn answer(case: &Case) -> Checked {
    let kinds = ["NodeChange", "PodChange", "PodTolerationChange", "PodDeleted", "PodAdded", "PodUpdated"];
    if !kinds.contains(&case.kind.as_str()) {
        return unknown_kind(case);
    }
    let input: Input = case.input()?;
    let plugin = Plugin::ALL.into_iter().find(|plugin| plugin.name() == input.plugin);
    let plugin = plugin.ok_or_else(|| Unsupported(format!("plugin `{}`", input.plugin)))?;
    let wakes = match input.object.as_str() {
        "node" => of_node(&input, plugin)?,
        "pod" => of_pod(&input, plugin)?,
        other => return Err(Unsupported(format!("object `{other}`"))),
    };
    Ok(Answer::Asserted(json!({"hint": if wakes { "queue" } else { "skip" }})))
}

fn cluster(nodes: &[Value], pods: &[Value]) -> Result<Loaded, Unsupported> {
    let case = json!({"objects": {"nodes": nodes}, "queue": pods, "expect": []});
    let case = Recorded::deserialize(case).map_err(|error| Unsupported(error.to_string()))?;
    load(&case, Evaluator::default())
}

fn wakes(cluster: &Loaded, class: ClassId, plugin: Plugin, event: &ClusterEvent) -> bool {
    hints::wakes(cluster.driver.cluster.view.tables(), class, PluginSet::of(&[plugin]), event)
}

fn of_node(input: &Input, plugin: Plugin) -> Result<bool, Unsupported> {
    let states = [("old", &input.old), ("new", &input.new)];
    let nodes = states.iter().filter_map(|(name, state)| Some(named(state.as_ref()?, name)));
    let pending = pod(&input.pod, "pending");
    let cluster = cluster(&nodes.collect::<Vec<_>>(), std::slice::from_ref(&pending))?;
    let facts = |name: &str| cluster.node(name).and_then(|node| cluster.driver.cluster.view.facts(node)).copied();
    let event = match (facts("old"), facts("new")) {
        (None, Some(new)) => ClusterEvent::NodeAdded(new),
        (Some(old), None) => ClusterEvent::NodeRemoved(old),
        (Some(old), Some(new)) => ClusterEvent::NodeUpdated { old, new },
        (None, None) => return Err(Unsupported("no object".to_owned())),
    };
    Ok(wakes(&cluster, cluster.class(&pending)?, plugin, &event))
}

fn of_pod(input: &Input, plugin: Plugin) -> Result<bool, Unsupported> {
    let same = |field: &str| {
        let of = |state: &Value| text(state, field) == text(&input.pod, field);
        [&input.old, &input.new].into_iter().flatten().all(of)
    };
    let is_own = input.old.is_some() && input.new.is_some() && same("/metadata/uid") && same("/metadata/name");
    let states = [("old", &input.old), ("new", &input.new)].map(|(name, state)| {
        let state = state.as_ref()?;
        let whole = if is_own { state_of(&input.pod, state) } else { state.clone() };
        // The node need not exist; its name is not the pod's demand.
        let has_place =
            !text(state, "/spec/nodeName").is_empty() || !text(state, "/status/nominatedNodeName").is_empty();
        Some((pod(&whole, name), gate(&whole), has_place))
    });
    let pending = pod(&input.pod, "pending");
    let objects = states.iter().flatten().map(|(pod, ..)| pod).chain([&pending]).cloned();
    let cluster = cluster(&[], &objects.collect::<Vec<_>>())?;
    let class = |pod: &Value| cluster.class(pod);
    let pending = class(&pending)?;
    let [old, new] = &states;
    Ok(match (old, new) {
        (Some((old, old_gate, _)), Some((new, new_gate, _))) if is_own => {
            let satisfied = queue::satisfied(
                cluster.driver.cluster.view.tables(),
                (class(old)?, *old_gate),
                (class(new)?, *new_gate),
            );
            satisfied.contains(plugin)
        }
        (Some((old, ..)), Some((new, _, true))) => {
            let event = ClusterEvent::AssignedPodUpdated { old: class(old)?, new: class(new)? };
            wakes(&cluster, pending, plugin, &event)
        }
        (None, Some((new, _, true))) => wakes(&cluster, pending, plugin, &ClusterEvent::AssignedPodAdded(class(new)?)),
        (Some((old, _, true)), None) => {
            let terminating = old.pointer("/metadata/deletionTimestamp").is_some();
            let event = ClusterEvent::AssignedPodRemoved { class: class(old)?, terminating };
            wakes(&cluster, pending, plugin, &event)
        }
        // The queue hears nothing of pods without a node but those that it holds.
        _ => false,
    })
}
