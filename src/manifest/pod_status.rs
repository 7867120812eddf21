//! What a pod's `status` says about resources while an in-place resize is under way. The rest of a status is what a simulation
//! finds out itself. Mirrors `determineContainerReqs` and `IsPodResizeInfeasible` of
//! staging/src/k8s.io/component-helpers/resource/helpers.go, v1.34.

use super::fields::{Context, Fields, Path};
use super::tree::{Entry, Node, Value};
use crate::model::effective::{ResourceList, ResourceRequirements, StatusResources};

/// What the status of a pod says about its containers.
#[derive(Default)]
pub(super) struct PodStatus<'t> {
    /// By container name, those whose statuses have `resources`.
    containers: Vec<(&'t str, StatusResources)>,
    /// Whether the resize cannot be done on the pod's node.
    pub resize_infeasible: bool,
}

impl PodStatus<'_> {
    /// What the status of a container says.
    pub(super) fn of(&self, container: &str) -> Option<StatusResources> {
        self.containers.iter().find(|(name, _)| *name == container).map(|(_, resources)| resources.clone())
    }
}

/// Reads the status of a pod that has a node; a pod without one has nothing to resize.
pub(super) fn read<'t>(cx: &mut Context<'_>, pod: &Fields<'t, '_>) -> PodStatus<'t> {
    let mut status = PodStatus::default();
    let Some(entry) = pod.get("status") else { return status };
    let path = pod.path.field("status");
    let node_name = pod.get("spec").and_then(|spec| spec.value.get("nodeName")?.value.scalar());
    if node_name.is_some_and(|name| !name.is_empty()) {
        for list in ["containerStatuses", "initContainerStatuses"] {
            let list_path = path.field(list);
            for (index, container) in items(&entry.value, list).iter().enumerate() {
                let Some(actual) = container.get("resources") else { continue };
                let Some(name) = container.get("name").and_then(|name| name.value.scalar()) else { continue };
                let path = list_path.index(index);
                let resources = path.field("resources");
                let requests = list_of(cx, actual.value.get("requests"), &resources.field("requests"));
                let limits = list_of(cx, actual.value.get("limits"), &resources.field("limits"));
                let allocated = list_of(cx, container.get("allocatedResources"), &path.field("allocatedResources"));
                let actual = ResourceRequirements { requests, limits };
                status.containers.push((name, StatusResources { allocated, actual }));
            }
        }
        let text =
            |condition: &Node<'t>, name| condition.get(name).and_then(|entry| entry.value.scalar().map(str::to_owned));
        let pending =
            items(&entry.value, "conditions").iter().find(|c| text(c, "type").as_deref() == Some("PodResizePending"));
        status.resize_infeasible = pending.is_some_and(|c| text(c, "reason").as_deref() == Some("Infeasible"));
    }
    if status.containers.is_empty() {
        cx.ignore(&path);
    }
    status
}

fn items<'t>(node: &'t Node<'t>, list: &str) -> &'t [Node<'t>] {
    match node.get(list).map(|entry| &entry.value.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn list_of(cx: &mut Context<'_>, entry: Option<&Entry<'_>>, path: &Path<'_>) -> ResourceList {
    let mut list = ResourceList::new();
    for entry in entry.and_then(|entry| entry.value.map()).unwrap_or_default() {
        if let Some(amount) = cx.quantity(&entry.value, &path.key(&entry.key)) {
            list.set(&entry.key, amount);
        }
    }
    list
}
