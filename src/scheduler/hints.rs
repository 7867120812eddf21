//! Which events wake which pods: asks the queueing hints of the plugins that rejected a pod. Pure; the hints themselves are
//! the plugins' own. Mirrors the EventsToRegister of the in-tree plugins and pkg/scheduler/framework/events.go (v1.34.1).

use super::framework::{Plugin, PluginSet};
use super::plugins::{node_affinity, node_ports, node_resources_fit, node_unschedulable, taint_toleration};
use super::tables::{NodeFacts, Tables};
use crate::model::ClassId;

/// Something happened that may let pending pods fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClusterEvent {
    /// A node appeared.
    NodeAdded(NodeFacts),
    /// A node changed.
    NodeUpdated {
        /// Before.
        old: NodeFacts,
        /// After.
        new: NodeFacts,
    },
    /// A node is gone.
    NodeRemoved(NodeFacts),
    /// A pod of this class was bound or appeared with a node.
    AssignedPodAdded(ClassId),
    /// A pod of this class that had (or was nominated to) a node is gone, has ended, or was forgotten.
    AssignedPodRemoved(ClassId),
    /// A pod with a node changed its class (an in-place resize).
    AssignedPodUpdated {
        /// Before.
        old: ClassId,
        /// After.
        new: ClassId,
    },
    /// Everything may have changed.
    Wildcard,
}

const ON_NODE_ADDED: PluginSet = PluginSet::of(&[
    Plugin::NodeResourcesFit,
    Plugin::NodeAffinity,
    Plugin::TaintToleration,
    Plugin::NodeUnschedulable,
    Plugin::NodeName,
    Plugin::NodePorts,
]);

/// The plugins whose hints are asked about an event.
#[must_use]
pub fn interested(event: &ClusterEvent) -> PluginSet {
    match event {
        ClusterEvent::NodeAdded(_) => ON_NODE_ADDED,
        ClusterEvent::NodeUpdated { old, new } => {
            let mut plugins = PluginSet::EMPTY;
            if old.allocatable != new.allocatable {
                plugins.insert(Plugin::NodeResourcesFit);
            }
            if (old.labels, old.hostname) != (new.labels, new.hostname) {
                plugins.insert(Plugin::NodeAffinity);
            }
            // Upstream reports a cordon as a change of taints.
            if (old.taints, old.unschedulable) != (new.taints, new.unschedulable) {
                plugins = plugins.with(Plugin::TaintToleration).with(Plugin::NodeUnschedulable);
            }
            plugins
        }
        ClusterEvent::AssignedPodRemoved(_) => PluginSet::of(&[Plugin::NodeResourcesFit, Plugin::NodePorts]),
        ClusterEvent::AssignedPodUpdated { .. } => PluginSet::of(&[Plugin::NodeResourcesFit]),
        ClusterEvent::NodeRemoved(_) | ClusterEvent::AssignedPodAdded(_) => PluginSet::EMPTY,
        ClusterEvent::Wildcard => PluginSet::of(&Plugin::ALL),
    }
}

/// Whether an event wakes a pod of `class` that these plugins rejected: one of them must say so.
#[must_use]
pub fn wakes(tables: &Tables, class: ClassId, rejected_by: PluginSet, event: &ClusterEvent) -> bool {
    // A pod that something holds back is moved only by what may lift that: while its victims are being evicted, by pods that go.
    let held = rejected_by.contains(Plugin::SchedulingGates)
        || (rejected_by.contains(Plugin::DefaultPreemption) && !matches!(event, ClusterEvent::AssignedPodRemoved(_)));
    if held && *event != ClusterEvent::Wildcard {
        return false;
    }
    let asked = rejected_by.intersection(interested(event));
    if asked.is_empty() {
        return false;
    }
    if *event == ClusterEvent::Wildcard {
        return true;
    }
    asked.iter().any(|plugin| hint(tables, class, plugin, event))
}

fn hint(tables: &Tables, class: ClassId, plugin: Plugin, event: &ClusterEvent) -> bool {
    let class = tables.class(class);
    let request = &tables.request(class.request).amounts;
    let statics = tables.statics(class.statics);
    match *event {
        ClusterEvent::NodeAdded(new) => node_hint(tables, plugin, request, statics, None, &new),
        ClusterEvent::NodeUpdated { old, new } => node_hint(tables, plugin, request, statics, Some(&old), &new),
        ClusterEvent::AssignedPodRemoved(gone) => match plugin {
            Plugin::NodePorts => {
                let freed = tables.ports(tables.class(gone).ports);
                node_ports::hint_pod_deleted(tables.ports(class.ports), freed)
            }
            plugin => plugin == Plugin::NodeResourcesFit,
        },
        ClusterEvent::AssignedPodUpdated { old, new } => {
            let amounts = |class| &tables.request(tables.class(class).request).amounts;
            node_resources_fit::hint_scaled_down(request, amounts(old), amounts(new))
        }
        ClusterEvent::NodeRemoved(_) | ClusterEvent::AssignedPodAdded(_) => false,
        ClusterEvent::Wildcard => true,
    }
}

fn node_hint(
    tables: &Tables,
    plugin: Plugin,
    request: &crate::model::Resources,
    statics: &super::tables::Statics,
    old: Option<&NodeFacts>,
    new: &NodeFacts,
) -> bool {
    match plugin {
        Plugin::NodeResourcesFit => {
            let offer = |facts: &NodeFacts| {
                let offered = tables.allocatable(facts.allocatable);
                (&offered.amounts, offered.pods)
            };
            node_resources_fit::hint_node(request, old.map(offer), offer(new))
        }
        Plugin::NodeAffinity => {
            let affinity = statics.node_affinity.as_deref();
            let matches =
                |facts: &NodeFacts| node_affinity::matches(&statics.node_selector, affinity, &tables.labels_of(facts));
            node_affinity::hint_node(old.map(matches), matches(new))
        }
        Plugin::TaintToleration => {
            let taints = |facts: &NodeFacts| tables.taints(facts.taints);
            taint_toleration::hint_node(old.map(taints), taints(new), &statics.tolerations)
        }
        Plugin::NodeUnschedulable => node_unschedulable::hint_node(old.map(|o| o.unschedulable), new.unschedulable),
        Plugin::NodeName | Plugin::NodePorts => old.is_none(),
        _ => false,
    }
}

/// The plugins that a change of the pending pod itself satisfies: if one of them rejected it, it is tried again.
#[must_use]
pub fn satisfied_by_own_update(tables: &Tables, old: ClassId, new: ClassId) -> PluginSet {
    let mut plugins = PluginSet::EMPTY;
    let (old, new) = (tables.class(old), tables.class(new));
    if old.statics != new.statics {
        let (before, after) = (&tables.statics(old.statics).tolerations, &tables.statics(new.statics).tolerations);
        if before != after {
            plugins.insert(Plugin::TaintToleration);
            if node_unschedulable::tolerated(after) {
                plugins.insert(Plugin::NodeUnschedulable);
            }
        }
    }
    if old.request != new.request {
        let (before, after) = (&tables.request(old.request).amounts, &tables.request(new.request).amounts);
        if node_resources_fit::hint_scaled_down(before, before, after) {
            plugins.insert(Plugin::NodeResourcesFit);
        }
    }
    plugins
}
