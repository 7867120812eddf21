//! The kinds of objects that Kubernetes v1.34 has, with their API versions: which are compiled, which are only known.
//! Knows no fields.

/// Kinds that are compiled, with the API version that they have now.
pub(super) const MODELLED: &[(&str, &str)] = &[
    ("Pod", "v1"),
    ("Deployment", "apps/v1"),
    ("ReplicaSet", "apps/v1"),
    ("ReplicationController", "v1"),
    ("StatefulSet", "apps/v1"),
    ("DaemonSet", "apps/v1"),
    ("Job", "batch/v1"),
    ("CronJob", "batch/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2"),
    ("Node", "v1"),
    ("ConfigMap", "v1"),
    ("Secret", "v1"),
    ("Service", "v1"),
    ("Namespace", "v1"),
    ("PriorityClass", "scheduling.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("ResourceQuota", "v1"),
    ("LimitRange", "v1"),
    ("PersistentVolume", "v1"),
    ("PersistentVolumeClaim", "v1"),
    ("StorageClass", "storage.k8s.io/v1"),
    ("CSINode", "storage.k8s.io/v1"),
    ("CSIDriver", "storage.k8s.io/v1"),
    ("CSIStorageCapacity", "storage.k8s.io/v1"),
    ("VolumeAttachment", "storage.k8s.io/v1"),
    ("List", "v1"),
];

/// Other versions of compiled kinds, by group: whether servers of v1.34 still have them.
const OTHER_VERSIONS: &[(&str, &[&str], bool)] = &[
    ("extensions/v1beta1", &["Deployment", "ReplicaSet", "DaemonSet"], false),
    ("apps/v1beta1", &["Deployment", "StatefulSet"], false),
    ("apps/v1beta2", &["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"], false),
    ("batch/v1beta1", &["CronJob"], false),
    ("batch/v2alpha1", &["CronJob"], false),
    ("autoscaling/v1", &["HorizontalPodAutoscaler"], true),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], false),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], false),
    ("policy/v1beta1", &["PodDisruptionBudget"], false),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"], false),
    ("scheduling.k8s.io/v1alpha1", &["PriorityClass"], false),
    ("storage.k8s.io/v1beta1", STORAGE, false),
    ("storage.k8s.io/v1alpha1", STORAGE, false),
];
const STORAGE: &[&str] = &["StorageClass", "CSINode", "CSIDriver", "CSIStorageCapacity", "VolumeAttachment"];

/// Other kinds with their groups (the empty group is the core), and whether pods would fare differently if they were
/// modelled.
const OTHERS: &[(&str, &str, bool)] = &[
    ("Binding", "", true),
    ("ComponentStatus", "", false),
    ("Endpoints", "", true),
    ("Event", "", false),
    ("PodTemplate", "", false),
    ("ServiceAccount", "", false),
    ("ControllerRevision", "apps", false),
    ("Ingress", "networking.k8s.io", false),
    ("IngressClass", "networking.k8s.io", false),
    ("NetworkPolicy", "networking.k8s.io", false),
    ("IPAddress", "networking.k8s.io", false),
    ("ServiceCIDR", "networking.k8s.io", false),
    ("Role", "rbac.authorization.k8s.io", false),
    ("RoleBinding", "rbac.authorization.k8s.io", false),
    ("ClusterRole", "rbac.authorization.k8s.io", false),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io", false),
    ("CustomResourceDefinition", "apiextensions.k8s.io", false),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io", false),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io", false),
    ("ValidatingAdmissionPolicy", "admissionregistration.k8s.io", false),
    ("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io", false),
    ("APIService", "apiregistration.k8s.io", false),
    ("CertificateSigningRequest", "certificates.k8s.io", false),
    ("FlowSchema", "flowcontrol.apiserver.k8s.io", false),
    ("PriorityLevelConfiguration", "flowcontrol.apiserver.k8s.io", false),
    ("RuntimeClass", "node.k8s.io", true),
    ("Lease", "coordination.k8s.io", false),
    ("EndpointSlice", "discovery.k8s.io", true),
    ("VolumeAttributesClass", "storage.k8s.io", true),
    ("ResourceClaim", "resource.k8s.io", true),
    ("ResourceClaimTemplate", "resource.k8s.io", true),
    ("ResourceSlice", "resource.k8s.io", true),
    ("DeviceClass", "resource.k8s.io", true),
    ("PodSecurityPolicy", "policy", false),
];

/// Groups of Kubernetes itself that have no domain.
const OWN_GROUPS: &[&str] = &["", "apps", "batch", "autoscaling", "policy", "extensions"];

/// Whether a modelled kind has no namespace.
pub(super) fn is_cluster_scoped(kind: &str) -> bool {
    matches!(
        kind,
        "Node"
            | "Namespace"
            | "PriorityClass"
            | "PersistentVolume"
            | "StorageClass"
            | "CSINode"
            | "CSIDriver"
            | "VolumeAttachment"
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
    /// A kind of Kubernetes that is not compiled, and pods fare the same with and without it.
    Irrelevant,
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
        return match () {
            () if version == api_version || other_version(kind, api_version).is_some() => Known::Modelled(kind),
            () if is_extension => Known::NotModelled,
            () => Known::WrongVersion(version),
        };
    }
    match OTHERS.iter().find(|(name, ..)| *name == kind) {
        Some((_, home, true)) if *home == group => Known::NotModelled,
        Some((_, home, false)) if *home == group || group == "extensions" => Known::Irrelevant,
        _ if is_extension => Known::NotModelled,
        Some((_, home, _)) => Known::WrongVersion(home_version(home)),
        None if !OWN_GROUPS.contains(&group) => Known::NotModelled,
        None => Known::Unknown,
    }
}

fn home_version(group: &str) -> &'static str {
    match group {
        "" => "v1",
        "apps" => "apps/v1",
        "policy" => "policy/v1",
        "networking.k8s.io" => "networking.k8s.io/v1",
        "rbac.authorization.k8s.io" => "rbac.authorization.k8s.io/v1",
        "storage.k8s.io" => "storage.k8s.io/v1",
        "apiextensions.k8s.io" => "apiextensions.k8s.io/v1",
        _ => "its group's version",
    }
}

/// Whether a kind has this API version besides its usual one, and servers of v1.34 still take it.
fn other_version(kind: &str, api_version: &str) -> Option<bool> {
    let found = OTHER_VERSIONS.iter().find(|(version, kinds, _)| *version == api_version && kinds.contains(&kind));
    found.map(|&(.., is_served)| is_served)
}

/// The API version that has taken the place of an old one of a compiled kind; `None` if it is still served.
pub(super) fn successor(kind: &str, api_version: &str) -> Option<&'static str> {
    (other_version(kind, api_version) == Some(false)).then(|| usual_version(kind)).flatten()
}

fn list_of(kind: &str, api_version: &str) -> Option<Known> {
    let item = kind.strip_suffix("List")?;
    if item.is_empty() {
        return (api_version == "v1").then_some(Known::ListOf(None));
    }
    let modelled = MODELLED.iter().find(|(name, _)| *name == item).map(|(name, _)| *name);
    let item = modelled.or_else(|| OTHERS.iter().find(|(name, ..)| *name == item).map(|(name, ..)| *name))?;
    matches!(look_up(item, api_version), Known::Modelled(_) | Known::NotModelled | Known::Irrelevant)
        .then_some(Known::ListOf(Some(item)))
}

/// The API version that a kind usually has.
pub(super) fn usual_version(kind: &str) -> Option<&'static str> {
    let modelled = MODELLED.iter().find(|(name, _)| *name == kind).map(|&(_, version)| version);
    modelled.or_else(|| OTHERS.iter().find(|(name, ..)| *name == kind).map(|(_, group, _)| home_version(group)))
}

/// Names of all kinds, for did-you-mean.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MODELLED.iter().map(|&(name, _)| name).chain(OTHERS.iter().map(|&(name, ..)| name))
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
            ("RoleList", "rbac.authorization.k8s.io/v1", Known::ListOf(Some("Role"))),
            ("Deployment", "apps/v1", Known::Modelled("Deployment")),
            ("Deployment", "extensions/v1beta1", Known::Modelled("Deployment")),
            ("StatefulSet", "extensions/v1beta1", Known::WrongVersion("apps/v1")),
            ("Ingress", "extensions/v1beta1", Known::Irrelevant),
            ("Role", "rbac.authorization.k8s.io/v1", Known::Irrelevant),
            ("Role", "v1", Known::WrongVersion("rbac.authorization.k8s.io/v1")),
            ("Config", "simon/v1alpha1", Known::NotModelled),
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
        assert_eq!(successor("CronJob", "batch/v1beta1"), Some("batch/v1"));
        assert_eq!(successor("HorizontalPodAutoscaler", "autoscaling/v1"), None);
        assert_eq!(usual_version("Deployment"), Some("apps/v1"));
        assert_eq!(usual_version("Namespace"), Some("v1"));
    }
}
