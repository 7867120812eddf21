//! The kinds of objects that Kubernetes v1.34 has, with their API versions: which are compiled, which are only known.
//! Knows no fields.

/// Kinds that are compiled, with their API version.
pub(super) const MODELLED: &[(&str, &str)] = &[
    ("Pod", "v1"),
    ("Node", "v1"),
    ("ConfigMap", "v1"),
    ("Secret", "v1"),
    ("Service", "v1"),
    ("Namespace", "v1"),
    ("PriorityClass", "scheduling.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("PersistentVolume", "v1"),
    ("PersistentVolumeClaim", "v1"),
    ("StorageClass", "storage.k8s.io/v1"),
    ("CSINode", "storage.k8s.io/v1"),
    ("CSIDriver", "storage.k8s.io/v1"),
    ("CSIStorageCapacity", "storage.k8s.io/v1"),
    ("VolumeAttachment", "storage.k8s.io/v1"),
    ("List", "v1"),
];

/// Other kinds with their groups (the empty group is the core).
const OTHERS: &[(&str, &str)] = &[
    ("Binding", ""),
    ("ComponentStatus", ""),
    ("Endpoints", ""),
    ("Event", ""),
    ("LimitRange", ""),
    ("PodTemplate", ""),
    ("ReplicationController", ""),
    ("ResourceQuota", ""),
    ("ServiceAccount", ""),
    ("DaemonSet", "apps"),
    ("Deployment", "apps"),
    ("ReplicaSet", "apps"),
    ("StatefulSet", "apps"),
    ("ControllerRevision", "apps"),
    ("Job", "batch"),
    ("CronJob", "batch"),
    ("HorizontalPodAutoscaler", "autoscaling"),
    ("Ingress", "networking.k8s.io"),
    ("IngressClass", "networking.k8s.io"),
    ("NetworkPolicy", "networking.k8s.io"),
    ("Role", "rbac.authorization.k8s.io"),
    ("RoleBinding", "rbac.authorization.k8s.io"),
    ("ClusterRole", "rbac.authorization.k8s.io"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io"),
    ("CustomResourceDefinition", "apiextensions.k8s.io"),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ("APIService", "apiregistration.k8s.io"),
    ("RuntimeClass", "node.k8s.io"),
    ("Lease", "coordination.k8s.io"),
    ("EndpointSlice", "discovery.k8s.io"),
    ("ResourceClaim", "resource.k8s.io"),
    ("ResourceClaimTemplate", "resource.k8s.io"),
    ("DeviceClass", "resource.k8s.io"),
    ("PodSecurityPolicy", "policy"),
];

/// Whether a modelled kind has no namespace.
pub(super) fn is_cluster_scoped(kind: &str) -> bool {
    matches!(
        kind,
        "Node" | "PriorityClass" | "PersistentVolume" | "StorageClass" | "CSINode" | "CSIDriver" | "VolumeAttachment"
    )
}

/// A modelled kind with its group, as upstream's messages have it: `Deployment.apps`.
pub(super) fn with_group(kind: &str) -> String {
    let version = MODELLED.iter().find(|(name, _)| *name == kind).map_or("", |(_, version)| version);
    version.split_once('/').map_or_else(|| kind.to_owned(), |(group, _)| format!("{kind}.{group}"))
}

/// What a pair of kind and API version is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// Compiled here, under this name.
    Modelled(&'static str),
    /// A list of objects of this kind, or of any kind.
    ListOf(Option<&'static str>),
    /// A kind of Kubernetes or of an extension that is not compiled.
    NotModelled,
    /// The kind exists, but with this API version.
    WrongVersion(&'static str),
    /// No such kind.
    Unknown,
}

/// Looks a kind up. Groups with a domain that is not Kubernetes' own are extensions: any kind can be theirs.
pub(super) fn look_up(kind: &str, api_version: &str) -> Known {
    if let Some(list) = list_of(kind, api_version) {
        return list;
    }
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let is_extension = group.contains('.') && !group.ends_with(".k8s.io");
    if let Some(&(kind, version)) = MODELLED.iter().find(|(name, _)| *name == kind) {
        let same_group = version.rsplit_once('/').map_or("", |(group, _)| group) == group;
        // Dumps of old clusters have scheduling.k8s.io/v1beta1, which is the same.
        return match () {
            () if version == api_version || (same_group && !group.is_empty()) => Known::Modelled(kind),
            () if is_extension => Known::NotModelled,
            () => Known::WrongVersion(version),
        };
    }
    match OTHERS.iter().find(|(name, _)| *name == kind) {
        Some((_, home)) if *home == group || is_extension => Known::NotModelled,
        // `extensions/v1beta1` held many kinds before they moved.
        Some(_) if group == "extensions" => Known::NotModelled,
        Some((_, "")) => Known::WrongVersion("v1"),
        Some((_, "apps")) => Known::WrongVersion("apps/v1"),
        Some((_, "batch")) => Known::WrongVersion("batch/v1"),
        Some((_, "autoscaling")) => Known::WrongVersion("autoscaling/v2"),
        Some((_, "policy")) => Known::WrongVersion("policy/v1"),
        Some((_, "networking.k8s.io")) => Known::WrongVersion("networking.k8s.io/v1"),
        Some((_, "rbac.authorization.k8s.io")) => Known::WrongVersion("rbac.authorization.k8s.io/v1"),
        Some((_, "storage.k8s.io")) => Known::WrongVersion("storage.k8s.io/v1"),
        Some(_) => Known::WrongVersion("its group's version"),
        None if group.contains('.') => Known::NotModelled,
        None => Known::Unknown,
    }
}

fn list_of(kind: &str, api_version: &str) -> Option<Known> {
    let item = kind.strip_suffix("List")?;
    if item.is_empty() {
        return (api_version == "v1").then_some(Known::ListOf(None));
    }
    let (item, _) = MODELLED.iter().find(|(name, version)| *name == item && *version == api_version)?;
    Some(Known::ListOf(Some(item)))
}

/// The API version that a kind usually has, for kinds that are compiled or frequent.
pub(super) fn usual_version(kind: &str) -> Option<&'static str> {
    MODELLED.iter().find(|(name, _)| *name == kind).map(|&(_, version)| version).or_else(|| match look_up(kind, "") {
        Known::WrongVersion(version) => Some(version),
        Known::NotModelled => Some("v1"),
        _ => None,
    })
}

/// Names of all kinds, for did-you-mean.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MODELLED.iter().chain(OTHERS).map(|&(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_name_and_group() {
        for (kind, version, want) in [
            ("Pod", "v1", Known::Modelled("Pod")),
            ("Pod", "apps/v1", Known::WrongVersion("v1")),
            ("pod", "v1", Known::Unknown),
            ("List", "v1", Known::ListOf(None)),
            ("PodList", "v1", Known::ListOf(Some("Pod"))),
            ("Deployment", "apps/v1", Known::NotModelled),
            ("Deployment", "extensions/v1beta1", Known::NotModelled),
            ("Deployment", "v1", Known::WrongVersion("apps/v1")),
            ("Job", "batch.volcano.sh/v1alpha1", Known::NotModelled),
            ("Prometheus", "monitoring.coreos.com/v1", Known::NotModelled),
            ("PriorityClass", "scheduling.k8s.io/v1beta1", Known::Modelled("PriorityClass")),
            ("Service", "serving.knative.dev/v1", Known::NotModelled),
            ("Foo", "v1", Known::Unknown),
            ("Foo", "apps/v1", Known::Unknown),
        ] {
            assert_eq!(look_up(kind, version), want, "{kind} {version}");
        }
        assert_eq!(usual_version("Deployment"), Some("apps/v1"));
        assert_eq!(usual_version("Namespace"), Some("v1"));
    }
}
