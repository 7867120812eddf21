//! What default topology spread and affinity read of other objects: labels of Namespaces, and selectors of controllers of which
//! nothing else is known. Mirrors SetDefaults_Namespace and SetDefaults_ReplicationController of pkg/apis/core/v1/defaults.go,
//! v1.34.

use super::label_selector;
use super::meta::Meta;
use super::tree::Node;
use crate::model::{Namespace, OwnedPods, OwnerKind, OwnerSelector, PodOwner, StrId, Strings};

/// A Namespace with its labels, among them its name.
pub(super) fn namespace(strings: &mut Strings, meta: &Meta<'_>) -> Namespace {
    Namespace::new(&meta.name, meta.labels.iter().copied(), strings)
}

/// The selector of a controller whose pods are spread by default and that came without a template; `None` if it is of another
/// kind, or has no name.
pub(super) fn read(
    strings: &mut Strings,
    object: &Node<'_>,
    spec: &Node<'_>,
    version: &str,
    kind: &str,
) -> Option<OwnerSelector> {
    let kind = match (version, kind) {
        ("v1", "ReplicationController") => OwnerKind::ReplicationController,
        ("apps/v1", "ReplicaSet") => OwnerKind::ReplicaSet,
        ("apps/v1", "StatefulSet") => OwnerKind::StatefulSet,
        _ => return None,
    };
    let meta = &object.get("metadata")?.value;
    let name = meta.get("name")?.value.scalar()?;
    let namespace = meta.get("namespace").and_then(|entry| entry.value.scalar()).unwrap_or("default");
    let selector = spec.get("selector").map(|entry| &entry.value).filter(|node| !node.is_null());
    let selector = if kind == OwnerKind::ReplicationController {
        let template = || Some(&spec.get("template")?.value.get("metadata")?.value.get("labels")?.value);
        OwnedPods::Labels(selector.or_else(template).map_or_else(Box::default, |labels| pairs(strings, labels)))
    } else {
        let selector = selector.map(label_selector::unchecked);
        OwnedPods::Selector(label_selector::compile(selector.as_ref(), strings))
    };
    let owner = PodOwner { kind, name: strings.intern(name) };
    Some(OwnerSelector { namespace: strings.intern(namespace), owner, selector })
}

fn pairs(strings: &mut Strings, labels: &Node<'_>) -> Box<[(StrId, StrId)]> {
    let entries = labels.map().unwrap_or_default().iter();
    entries.map(|e| (strings.intern(&e.key), strings.intern(e.value.scalar().unwrap_or_default()))).collect()
}
