//! `[[node_pool]]`: nodes that are made alike. Data only.

use super::{Key, Kind, Section, at_least};

/// `[[node_pool]]`.
pub static NODE_POOL: Section = Section {
    name: "node_pool",
    doc: "A group of equal nodes. Manifests may hold Node objects as well.",
    extended_resources: false,
    keys: &[
        Key::required("name", Kind::Text, "Nodes are called like it, with a dash and a number from 0.", "\"worker\""),
        Key::optional("count", at_least(0), "`min`, or 1", "How many nodes at the start.", "5"),
        Key::optional("min", at_least(0), "0", "The Cluster Autoscaler leaves at least so many nodes.", "1"),
        Key::optional(
            "max",
            at_least(0),
            "none",
            "The Cluster Autoscaler makes the pool as large as this, if pods need it; without, it leaves the pool alone.",
            "10",
        ),
        Key::optional(
            "provision",
            Kind::Distribution,
            "\"30s\"",
            "How long a new machine takes until it boots.",
            "{ uniform = [\"30s\", \"90s\"] }",
        ),
        Key::optional(
            "boot",
            Kind::Distribution,
            "`node_boot`",
            "How long it takes then until its node is there and ready.",
            "\"1m\"",
        ),
        Key::optional("price_per_hour", Kind::Number, "0", "What a node costs, for the expander `price`.", "0.38"),
        Key::optional(
            "priority",
            Kind::Whole { min: -1_000_000, max: 1_000_000 },
            "0",
            "For the expander `priority`: the greatest wins.",
            "10",
        ),
        Key::optional(
            "scale_down_disabled",
            Kind::Flag,
            "false",
            "Whether the nodes have the annotation that keeps the Cluster Autoscaler from removing them.",
            "true",
        ),
        Key::optional(
            "digits",
            Kind::Whole { min: 1, max: 9 },
            "1",
            "Least number of digits in the nodes' names.",
            "5",
        ),
        Key::required(
            "capacity",
            Kind::Table(&CAPACITY),
            "What each machine has.",
            "{ cpu = \"8\", memory = \"32Gi\" }",
        ),
        Key::optional(
            "reserved",
            Kind::Table(&RESERVED),
            "nothing",
            "Kept for the system (`kubeReserved` and `systemReserved` together).",
            "{ cpu = \"100m\", memory = \"1Gi\" }",
        ),
        Key::optional(
            "allocatable",
            Kind::Table(&ALLOCATABLE),
            "capacity - reserved - hard eviction",
            "What pods may request, where it is not what the kubelet would compute: capacity less `reserved` less the \
             hard eviction thresholds (100Mi of memory, a tenth of ephemeral storage).",
            "{ memory = \"30Gi\" }",
        ),
        Key::optional(
            "labels",
            Kind::Map(&Kind::Text),
            "none",
            "Labels of each node, beside the ones that every kubelet sets.",
            "{ disk = \"ssd\" }",
        ),
        Key::optional(
            "taints",
            Kind::List(&Kind::Taint),
            "none",
            "Taints, as `kubectl taint` takes them.",
            "[\"dedicated=gpu:NoSchedule\"]",
        ),
        Key::optional(
            "zones",
            Kind::List(&Kind::Text),
            "none",
            "Zones, given to the nodes in turn.",
            "[\"a\", \"b\", \"c\"]",
        ),
        Key::optional("unschedulable", Kind::Flag, "false", "Whether the nodes start cordoned.", "true"),
    ],
};

/// `capacity = { .. }`.
pub static CAPACITY: Section = Section {
    name: "node_pool.capacity",
    doc: "What a machine has. Extended resources are further keys, in whole units: `\"nvidia.com/gpu\" = 8`.",
    extended_resources: true,
    keys: &[
        Key::required("cpu", Kind::Cpu, "Cores.", "\"8\""),
        Key::required("memory", Kind::Bytes, "Memory.", "\"32Gi\""),
        Key::optional("ephemeral-storage", Kind::Bytes, "\"100Gi\"", "Local disk for containers.", "\"200Gi\""),
        Key::optional("pods", at_least(0), "110", "How many pods the kubelet takes (`maxPods`).", "250"),
    ],
};

/// `reserved = { .. }`.
pub static RESERVED: Section = Section {
    name: "node_pool.reserved",
    doc: "What is kept for the system.",
    extended_resources: false,
    keys: &[
        Key::optional("cpu", Kind::Cpu, "0", "Cores.", "\"100m\""),
        Key::optional("memory", Kind::Bytes, "0", "Memory.", "\"1Gi\""),
        Key::optional("ephemeral-storage", Kind::Bytes, "0", "Local disk.", "\"10Gi\""),
    ],
};

/// `allocatable = { .. }`.
pub static ALLOCATABLE: Section = Section {
    name: "node_pool.allocatable",
    doc: "What pods may request, for the resources named here.",
    extended_resources: true,
    keys: &[
        Key::optional("cpu", Kind::Cpu, "computed", "Cores.", "\"7500m\""),
        Key::optional("memory", Kind::Bytes, "computed", "Memory.", "\"30Gi\""),
        Key::optional("ephemeral-storage", Kind::Bytes, "computed", "Local disk.", "\"90Gi\""),
    ],
};
