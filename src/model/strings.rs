//! Strings and label sets, each held once. The reasons that upstream writes into statuses and events are strings with
//! fixed ids, so that pure policy can name them as constants.

use super::ids::{LabelSetId, StrId};
use crate::base::Interner;

macro_rules! well_known {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// Strings that every run knows under a fixed id.
        pub mod known {
            use super::StrId;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Position { $($name),+ }
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $name: StrId = StrId::from_raw(Position::$name as u32);
            )+
            pub(super) const TEXTS: &[&str] = &[$($text),+];
        }
    };
}

well_known! {
    EMPTY = "",
    // Container waiting reasons (pkg/kubelet/kubelet_pods.go, images/types.go, kuberuntime; v1.34).
    CONTAINER_CREATING = "ContainerCreating",
    POD_INITIALIZING = "PodInitializing",
    ERR_IMAGE_PULL = "ErrImagePull",
    IMAGE_PULL_BACK_OFF = "ImagePullBackOff",
    ERR_IMAGE_NEVER_PULL = "ErrImageNeverPull",
    INVALID_IMAGE_NAME = "InvalidImageName",
    CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError",
    CREATE_CONTAINER_ERROR = "CreateContainerError",
    RUN_CONTAINER_ERROR = "RunContainerError",
    POST_START_HOOK_ERROR = "PostStartHookError",
    CRASH_LOOP_BACK_OFF = "CrashLoopBackOff",
    // Container terminated reasons (containerd and the kubelet).
    COMPLETED = "Completed",
    ERROR = "Error",
    OOM_KILLED = "OOMKilled",
    START_ERROR = "StartError",
    UNKNOWN = "Unknown",
    CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown",
    // Pod reasons.
    EVICTED = "Evicted",
    DEADLINE_EXCEEDED = "DeadlineExceeded",
    PREEMPTING = "Preempting",
    TERMINATED = "Terminated",
    NODE_SHUTDOWN = "NodeShutdown",
    NODE_LOST = "NodeLost",
    UNEXPECTED_ADMISSION_ERROR = "UnexpectedAdmissionError",
    OUT_OF_CPU = "OutOfcpu",
    OUT_OF_MEMORY = "OutOfmemory",
    OUT_OF_EPHEMERAL_STORAGE = "OutOfephemeral-storage",
    OUT_OF_PODS = "OutOfpods",
    NODE_AFFINITY = "NodeAffinity",
    NODE_PORTS = "NodePorts",
    NODE_NAME = "NodeName",
    TAINT_TOLERATION = "TaintToleration",
    // Condition reasons.
    UNSCHEDULABLE = "Unschedulable",
    SCHEDULER_ERROR = "SchedulerError",
    SCHEDULING_GATED = "SchedulingGated",
    UNKNOWN_CONTAINER_STATUSES = "UnknownContainerStatuses",
    POD_COMPLETED = "PodCompleted",
    POD_FAILED = "PodFailed",
    CONTAINERS_NOT_INITIALIZED = "ContainersNotInitialized",
    CONTAINERS_NOT_READY = "ContainersNotReady",
    READINESS_GATES_NOT_READY = "ReadinessGatesNotReady",
    PREEMPTION_BY_SCHEDULER = "PreemptionByScheduler",
    DELETION_BY_TAINT_MANAGER = "DeletionByTaintManager",
    EVICTION_BY_EVICTION_API = "EvictionByEvictionAPI",
    DELETION_BY_POD_GC = "DeletionByPodGC",
    TERMINATION_BY_KUBELET = "TerminationByKubelet",
    KUBELET_READY = "KubeletReady",
    KUBELET_NOT_READY = "KubeletNotReady",
    NODE_STATUS_UNKNOWN = "NodeStatusUnknown",
    // Taint keys.
    TAINT_NOT_READY = "node.kubernetes.io/not-ready",
    TAINT_UNREACHABLE = "node.kubernetes.io/unreachable",
    TAINT_UNSCHEDULABLE = "node.kubernetes.io/unschedulable",
    TAINT_MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure",
    TAINT_DISK_PRESSURE = "node.kubernetes.io/disk-pressure",
    TAINT_PID_PRESSURE = "node.kubernetes.io/pid-pressure",
    TAINT_NETWORK_UNAVAILABLE = "node.kubernetes.io/network-unavailable",
    TAINT_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service",
    // Label keys.
    LABEL_HOSTNAME = "kubernetes.io/hostname",
    LABEL_ZONE = "topology.kubernetes.io/zone",
    LABEL_REGION = "topology.kubernetes.io/region",
    LABEL_ZONE_BETA = "failure-domain.beta.kubernetes.io/zone",
    LABEL_REGION_BETA = "failure-domain.beta.kubernetes.io/region",
    LABEL_METADATA_NAME = "kubernetes.io/metadata.name",
    // Resource names.
    CPU = "cpu",
    MEMORY = "memory",
    EPHEMERAL_STORAGE = "ephemeral-storage",
    PODS = "pods",
    // Host addresses.
    ALL_ADDRESSES = "0.0.0.0",
    // Namespaces.
    DEFAULT = "default",
}

/// All strings and label sets of a run.
#[derive(Clone, Debug)]
pub struct Strings {
    texts: Interner<StrId, Box<str>>,
    label_sets: Interner<LabelSetId, LabelSet>,
}

/// Labels sorted by key text; a key appears once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LabelSet(Box<[(StrId, StrId)]>);

impl LabelSet {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: StrId) -> Option<StrId> {
        self.0.iter().find(|(k, _)| *k == key).map(|&(_, value)| value)
    }

    /// Keys and values, sorted by the keys' texts.
    #[must_use]
    pub fn pairs(&self) -> &[(StrId, StrId)] {
        &self.0
    }
}

impl Strings {
    /// Only the [`known`] strings and the empty label set, which has the first id.
    #[must_use]
    pub fn new() -> Self {
        let mut texts = Interner::new();
        for text in known::TEXTS {
            texts.intern_str(text);
        }
        assert_eq!(texts.len(), known::TEXTS.len(), "a well-known string is listed twice");
        let mut label_sets = Interner::new();
        label_sets.intern(LabelSet::default());
        Self { texts, label_sets }
    }

    /// The id of `text`.
    pub fn intern(&mut self, text: &str) -> StrId {
        self.texts.intern_str(text)
    }

    /// The id of `text` if some part of the run uses it.
    #[must_use]
    pub fn lookup(&self, text: &str) -> Option<StrId> {
        self.texts.lookup(text)
    }

    /// The text of `id`.
    #[must_use]
    pub fn text(&self, id: StrId) -> &str {
        self.texts.get(id)
    }

    /// The id that the `more`-th next text would get: the name of something that is only thought of.
    #[must_use]
    pub fn unused(&self, more: u32) -> StrId {
        StrId::from_raw(u32::try_from(self.texts.len()).expect("ids are 32 bits wide") + more)
    }

    /// The strings that are integers.
    pub fn integers(&self) -> impl Iterator<Item = (StrId, i64)> {
        self.iter().filter_map(|(id, text)| Some((id, text.parse().ok()?)))
    }

    /// Every string.
    pub fn iter(&self) -> impl Iterator<Item = (StrId, &str)> {
        let ids = (0..u32::try_from(self.texts.len()).expect("ids are 32 bits wide")).map(StrId::from_raw);
        ids.map(|id| (id, self.text(id)))
    }

    /// The id of a set of labels; the last of several values of one key counts.
    pub fn intern_labels<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> LabelSetId {
        let sorted: std::collections::BTreeMap<&str, &str> = labels.into_iter().collect();
        let pairs = sorted.into_iter().map(|(k, v)| (self.intern(k), self.intern(v))).collect();
        self.label_sets.intern(LabelSet(pairs))
    }

    /// The id of the labels of `of` and more; the last of several values of one key counts.
    pub fn add_labels(&mut self, of: LabelSetId, more: &[(&str, &str)]) -> LabelSetId {
        let known = self.labels(of).pairs();
        let mut pairs = Vec::with_capacity(known.len() + more.len());
        pairs.extend_from_slice(known);
        for &(key, value) in more {
            let pair = (self.intern(key), self.intern(value));
            match pairs.binary_search_by(|&(other, _)| self.text(other).cmp(key)) {
                Ok(at) => pairs[at] = pair,
                Err(at) => pairs.insert(at, pair),
            }
        }
        self.label_sets.intern(LabelSet(pairs.into()))
    }

    /// The labels of `id`.
    #[must_use]
    pub fn labels(&self, id: LabelSetId) -> &LabelSet {
        self.label_sets.get(id)
    }

    /// The empty label set.
    #[must_use]
    pub const fn no_labels() -> LabelSetId {
        LabelSetId::from_raw(0)
    }
}

impl Default for Strings {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_strings_keep_their_ids() {
        let mut strings = Strings::new();
        assert_eq!(strings.text(known::CRASH_LOOP_BACK_OFF), "CrashLoopBackOff");
        assert_eq!(strings.intern("OOMKilled"), known::OOM_KILLED);
        let a = strings.intern_labels([("b", "1"), ("a", "2")]);
        let b = strings.intern_labels([("a", "2"), ("b", "1")]);
        assert_eq!(a, b);
        let more = strings.add_labels(a, &[("c", "3"), ("a", "4"), ("0", "5")]);
        assert_eq!(more, strings.intern_labels([("0", "5"), ("a", "4"), ("b", "1"), ("c", "3")]));
        let key = strings.intern("a");
        assert_eq!(strings.labels(a).get(key).map(|v| strings.text(v)), Some("2"));
    }
}
