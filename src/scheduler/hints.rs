//! Which events wake which pods: asks the queueing hints of the plugins that rejected a pod. Pure; the hints themselves are
//! the plugins' own. Mirrors the EventsToRegister of the in-tree plugins and pkg/scheduler/framework/events.go (v1.34.1).

use super::framework::{Plugin, PluginSet};
use super::plugins::{
    inter_pod_affinity, node_affinity, node_ports, node_resources_fit, node_unschedulable, node_volume_limits,
    pod_topology_spread, taint_toleration, volume_binding, volume_restrictions, volume_zone,
};
use super::tables::{Class, NodeFacts, Tables};
use crate::model::profile::PluginArgs;
use crate::model::storage::CsiDriver;
use crate::model::{ClaimName, ClassId, PodLabels, PodVolume, StorageObject, StrId, WhenUnsatisfiable};

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
    /// A pod that had (or was nominated to) a node is gone, has ended, or was forgotten.
    AssignedPodRemoved {
        /// Its class.
        class: ClassId,
        /// Whether it was being deleted before it was gone.
        terminating: bool,
    },
    /// A pod with a node changed its class (an in-place resize).
    AssignedPodUpdated {
        /// Before.
        old: ClassId,
        /// After.
        new: ClassId,
    },
    /// A storage object appeared or changed.
    Storage(StorageEvent),
    /// Everything may have changed.
    Wildcard,
}

/// What happened to a storage object, as far as the volume plugins ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StorageEvent {
    /// A claim appeared.
    ClaimAdded(ClaimName),
    /// A claim changed.
    ClaimUpdated(ClaimName),
    /// A volume appeared or changed.
    Volume {
        /// Whether what its labels say of zones is new.
        zones: bool,
    },
    /// A class appeared or changed.
    Class {
        /// Whether it is new and binds claims late.
        delays: bool,
        /// Whether it is new or is allowed elsewhere.
        topologies: bool,
    },
    /// A CSINode appeared or changed.
    CsiNode {
        /// Whether it is new.
        is_new: bool,
        /// Whether a driver attaches more.
        attaches_more: bool,
    },
    /// A driver no longer looks for room.
    RoomIgnored(CsiDriver),
    /// There is more room.
    MoreRoom,
    /// A volume is attached no more, by this driver.
    Detached(StrId),
    /// Nothing that could help.
    Other,
}

impl StorageEvent {
    /// What it means that an object is gone.
    #[must_use]
    pub const fn gone(object: &StorageObject) -> Self {
        match object {
            StorageObject::Attachment(attachment) => Self::Detached(attachment.attacher),
            _ => Self::Other,
        }
    }

    /// What it means that an object appeared (`old` is `None`) or changed.
    #[must_use]
    pub fn of(old: Option<&StorageObject>, new: &StorageObject) -> Self {
        use StorageObject::{Capacity, Claim, Class, CsiDriver as Driver, CsiNode, Volume};
        match (old, new) {
            (None, Claim(claim)) => Self::ClaimAdded(claim.name),
            (_, Claim(claim)) => Self::ClaimUpdated(claim.name),
            (Some(Volume(old)), Volume(new)) => Self::Volume { zones: volume_zone::hint_volume(Some(old), new) },
            (_, Volume(_)) => Self::Volume { zones: true },
            (Some(Class(old)), Class(new)) => {
                Self::Class { delays: false, topologies: volume_binding::hint_class(Some(old), new) }
            }
            (_, Class(new)) => Self::Class { delays: volume_zone::hint_class_added(new), topologies: true },
            (Some(CsiNode(old)), CsiNode(new)) => {
                Self::CsiNode { is_new: false, attaches_more: node_volume_limits::hint_csi_node(Some(old), new) }
            }
            (_, CsiNode(_)) => Self::CsiNode { is_new: true, attaches_more: true },
            (Some(Driver(old)), Driver(new)) if old.storage_capacity && !new.storage_capacity => {
                Self::RoomIgnored(*new)
            }
            (Some(Capacity(old)), Capacity(new)) if !volume_binding::hint_capacity(Some(old), new) => Self::Other,
            (_, Capacity(_)) => Self::MoreRoom,
            _ => Self::Other,
        }
    }
}

/// The hint of a volume plugin about a storage object.
fn storage_hint(plugin: Plugin, volumes: &[PodVolume], event: StorageEvent) -> bool {
    match (plugin, event) {
        (Plugin::VolumeRestrictions, StorageEvent::ClaimAdded(claim)) => {
            volume_restrictions::hint_claim_added(volumes, claim)
        }
        (Plugin::NodeVolumeLimits, StorageEvent::ClaimAdded(claim)) => {
            node_volume_limits::hint_claim_added(volumes, claim)
        }
        (Plugin::NodeVolumeLimits, StorageEvent::Detached(driver)) => {
            node_volume_limits::hint_detached(volumes, driver)
        }
        (Plugin::NodeVolumeLimits, StorageEvent::CsiNode { attaches_more, .. }) => attaches_more,
        (Plugin::VolumeBinding, StorageEvent::ClaimAdded(claim) | StorageEvent::ClaimUpdated(claim)) => {
            volume_binding::hint_claim(volumes, claim)
        }
        (Plugin::VolumeBinding, StorageEvent::Class { topologies, .. }) => topologies,
        (Plugin::VolumeBinding, StorageEvent::Volume { .. } | StorageEvent::MoreRoom) => true,
        (Plugin::VolumeBinding, StorageEvent::CsiNode { is_new, .. }) => is_new,
        (Plugin::VolumeBinding, StorageEvent::RoomIgnored(driver)) => volume_binding::hint_csi_driver(volumes, driver),
        (Plugin::VolumeZone, StorageEvent::ClaimAdded(claim) | StorageEvent::ClaimUpdated(claim)) => {
            volume_zone::hint_claim(volumes, claim)
        }
        (Plugin::VolumeZone, StorageEvent::Volume { zones }) => zones,
        (Plugin::VolumeZone, StorageEvent::Class { delays, .. }) => delays,
        _ => false,
    }
}

const VOLUME_PLUGINS: PluginSet =
    PluginSet::of(&[Plugin::VolumeRestrictions, Plugin::NodeVolumeLimits, Plugin::VolumeBinding, Plugin::VolumeZone]);

const ON_NODE_ADDED: PluginSet = PluginSet::of(&[
    Plugin::NodeResourcesFit,
    Plugin::NodeAffinity,
    Plugin::TaintToleration,
    Plugin::NodeUnschedulable,
    Plugin::NodeName,
    Plugin::NodePorts,
    Plugin::PodTopologySpread,
    Plugin::InterPodAffinity,
    Plugin::VolumeRestrictions,
    Plugin::VolumeBinding,
    Plugin::VolumeZone,
]);

const ON_POD: PluginSet = PluginSet::of(&[Plugin::PodTopologySpread, Plugin::InterPodAffinity]);

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
                plugins = plugins.with(Plugin::NodeAffinity).with(Plugin::VolumeBinding).with(Plugin::VolumeZone);
                plugins = plugins.union(ON_POD);
            }
            // Upstream reports a cordon as a change of taints.
            if (old.taints, old.unschedulable) != (new.taints, new.unschedulable) {
                plugins = plugins.with(Plugin::TaintToleration).with(Plugin::NodeUnschedulable);
                plugins.insert(Plugin::PodTopologySpread);
            }
            plugins
        }
        ClusterEvent::AssignedPodRemoved { .. } => ON_POD.union(PluginSet::of(&[
            Plugin::NodeResourcesFit,
            Plugin::NodePorts,
            Plugin::VolumeRestrictions,
            Plugin::NodeVolumeLimits,
        ])),
        ClusterEvent::AssignedPodUpdated { .. } => ON_POD.with(Plugin::NodeResourcesFit),
        ClusterEvent::AssignedPodAdded(_) => ON_POD,
        ClusterEvent::NodeRemoved(_) => PluginSet::of(&[Plugin::PodTopologySpread]),
        ClusterEvent::Storage(_) => VOLUME_PLUGINS,
        ClusterEvent::Wildcard => PluginSet::of(&Plugin::ALL),
    }
}

/// Whether an event wakes a pod of `class` that these plugins rejected: one of them must say so.
#[must_use]
pub fn wakes(tables: &Tables, class: ClassId, rejected_by: PluginSet, event: &ClusterEvent) -> bool {
    // A pod that something holds back is moved only by what may lift that: while its victims are being evicted, by pods that go.
    let held = rejected_by.contains(Plugin::SchedulingGates)
        || (rejected_by.contains(Plugin::DefaultPreemption)
            && !matches!(event, ClusterEvent::AssignedPodRemoved { .. }));
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
    match plugin {
        Plugin::PodTopologySpread => return spread_hint(tables, &class, event),
        Plugin::InterPodAffinity => return inter_pod_hint(tables, &class, event),
        _ => {}
    }
    let request = &tables.request(class.request).amounts;
    let statics = tables.statics(class.statics);
    let args = &tables.profile(&class).args;
    match *event {
        ClusterEvent::NodeAdded(new) => node_hint(tables, args, plugin, request, statics, None, &new),
        ClusterEvent::NodeUpdated { old, new } => node_hint(tables, args, plugin, request, statics, Some(&old), &new),
        ClusterEvent::AssignedPodRemoved { class: gone, .. } => match plugin {
            Plugin::NodePorts => {
                let freed = tables.ports(tables.class(gone).ports);
                node_ports::hint_pod_deleted(tables.ports(class.ports), freed)
            }
            Plugin::VolumeRestrictions => {
                let gone = tables.class(gone);
                let namespace = |class: &Class| tables.relations(class.relations).namespace;
                let freed = tables.volumes(gone.volumes);
                namespace(&gone) == namespace(&class)
                    && volume_restrictions::hint_pod_deleted(tables.volumes(class.volumes), freed)
            }
            Plugin::NodeVolumeLimits => {
                node_volume_limits::hint_pod_deleted(tables.volumes(tables.class(gone).volumes))
            }
            plugin => plugin == Plugin::NodeResourcesFit,
        },
        ClusterEvent::AssignedPodUpdated { old, new } => {
            let amounts = |class| &tables.request(tables.class(class).request).amounts;
            node_resources_fit::hint_scaled_down(request, amounts(old), amounts(new))
        }
        ClusterEvent::NodeRemoved(_) | ClusterEvent::AssignedPodAdded(_) => false,
        ClusterEvent::Storage(event) => storage_hint(plugin, tables.volumes(class.volumes), event),
        ClusterEvent::Wildcard => true,
    }
}

fn pod_labels(tables: &Tables, class: ClassId) -> PodLabels<'_> {
    tables.relations(tables.class(class).relations).pod()
}

fn spread_hint(tables: &Tables, class: &Class, event: &ClusterEvent) -> bool {
    let constraints = tables.spread_constraints(class, WhenUnsatisfiable::DoNotSchedule);
    let pending = tables.relations(class.relations).pod();
    let on_node = |old: Option<&NodeFacts>, new: Option<&NodeFacts>| {
        let labels = [old, new].map(|facts| facts.map(|facts| tables.labels_of(facts)));
        let taints = |facts: &NodeFacts| tables.taints(facts.taints);
        let [old, new] =
            [(&labels[0], old), (&labels[1], new)].map(|(labels, facts)| Some((labels.as_ref()?, taints(facts?))));
        pod_topology_spread::hint_node(&constraints, old, new)
    };
    let pod = |class| pod_labels(tables, class);
    match *event {
        ClusterEvent::NodeAdded(new) => on_node(None, Some(&new)),
        ClusterEvent::NodeUpdated { old, new } => on_node(Some(&old), Some(&new)),
        ClusterEvent::NodeRemoved(old) => on_node(Some(&old), None),
        ClusterEvent::AssignedPodAdded(class) => {
            pod_topology_spread::hint_pod(&constraints, pending, pod(class), false)
        }
        ClusterEvent::AssignedPodRemoved { class, terminating } => {
            pod_topology_spread::hint_pod(&constraints, pending, pod(class), terminating)
        }
        ClusterEvent::AssignedPodUpdated { old, new } => {
            pod_topology_spread::hint_pod_updated(&constraints, pending, pod(old), pod(new))
        }
        ClusterEvent::Storage(_) => false,
        ClusterEvent::Wildcard => true,
    }
}

fn inter_pod_hint(tables: &Tables, class: &Class, event: &ClusterEvent) -> bool {
    // Without terms of its own a pod can only have been rejected for those of others: no event is known to help it.
    let Some(affinity) = tables.relations(class.relations).affinity.as_deref() else { return false };
    let pod = |class| pod_labels(tables, class);
    match *event {
        ClusterEvent::NodeAdded(new) => inter_pod_affinity::hint_node(affinity, None, &tables.labels_of(&new)),
        ClusterEvent::NodeUpdated { old, new } => {
            inter_pod_affinity::hint_node(affinity, Some(&tables.labels_of(&old)), &tables.labels_of(&new))
        }
        ClusterEvent::NodeRemoved(_) | ClusterEvent::Storage(_) => false,
        ClusterEvent::AssignedPodAdded(class) => inter_pod_affinity::hint_pod_added(affinity, pod(class)),
        ClusterEvent::AssignedPodRemoved { class, .. } => inter_pod_affinity::hint_pod_deleted(affinity, pod(class)),
        ClusterEvent::AssignedPodUpdated { old, new } => {
            inter_pod_affinity::hint_pod_updated(affinity, pod(old), pod(new))
        }
        ClusterEvent::Wildcard => true,
    }
}

fn node_hint(
    tables: &Tables,
    args: &PluginArgs,
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
            node_resources_fit::hint_node(request, old.map(offer), offer(new), &args.fit.ignored_resources)
        }
        Plugin::NodeAffinity => {
            let affinity = statics.node_affinity.as_deref();
            let matches = |facts: &NodeFacts| {
                let labels = tables.labels_of(facts);
                node_affinity::matches_added(&args.node_affinity, &labels)
                    && node_affinity::matches(&statics.node_selector, affinity, &labels)
            };
            node_affinity::hint_node(old.map(matches), matches(new))
        }
        Plugin::TaintToleration => {
            let taints = |facts: &NodeFacts| tables.taints(facts.taints);
            taint_toleration::hint_node(old.map(taints), taints(new), &statics.tolerations)
        }
        Plugin::NodeUnschedulable => node_unschedulable::hint_node(old.map(|o| o.unschedulable), new.unschedulable),
        Plugin::NodeName | Plugin::NodePorts | Plugin::VolumeRestrictions => old.is_none(),
        // Asked only about new nodes and new labels.
        Plugin::VolumeBinding | Plugin::VolumeZone => true,
        _ => false,
    }
}

/// The plugins that a change of the pending pod itself satisfies: if one of them rejected it, it is tried again.
#[must_use]
pub fn satisfied_by_own_update(tables: &Tables, old: ClassId, new: ClassId) -> PluginSet {
    let mut plugins = PluginSet::EMPTY;
    let (old, new) = (tables.class(old), tables.class(new));
    let constraints = || tables.spread_constraints(&new, WhenUnsatisfiable::DoNotSchedule);
    if old.relations != new.relations {
        let (before, after) = (tables.relations(old.relations).pod(), tables.relations(new.relations).pod());
        if pod_topology_spread::hint_pod_updated(&constraints(), after, before, after) {
            plugins.insert(Plugin::PodTopologySpread);
        }
    }
    if old.statics != new.statics {
        let (before, after) = (&tables.statics(old.statics).tolerations, &tables.statics(new.statics).tolerations);
        if before != after {
            plugins.insert(Plugin::TaintToleration);
            if node_unschedulable::tolerated(after) {
                plugins.insert(Plugin::NodeUnschedulable);
            }
            if pod_topology_spread::hint_own_tolerations(&constraints()) {
                plugins.insert(Plugin::PodTopologySpread);
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
