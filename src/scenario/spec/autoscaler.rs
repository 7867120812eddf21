//! `[autoscaler]`: the flags of the Cluster Autoscaler. Data only.

use super::{Key, Kind, Section, at_least};

/// The expanders, as upstream calls them.
pub const EXPANDERS: &[&str] = &["least-waste", "random", "most-pods", "price", "priority", "least-nodes"];

/// `[autoscaler]`.
pub static AUTOSCALER: Section = Section {
    name: "autoscaler",
    doc: "The Cluster Autoscaler. It runs if some node pool has a `max`; the defaults are those of its flags in 1.34.",
    extended_resources: false,
    keys: &[
        Key::optional("enabled", Kind::Flag, "true", "Whether it runs.", "false"),
        Key::optional("scan_interval", Kind::Duration, "\"10s\"", "Time between two looks at the cluster.", "\"30s\""),
        Key::optional(
            "expander",
            Kind::OneOrMany(&Kind::Choice(EXPANDERS)),
            "\"least-waste\"",
            "How it chooses among pools that would help; of several, each narrows down what the one before left. Equals are \
             drawn.",
            "[\"priority\", \"least-waste\"]",
        ),
        Key::optional(
            "expendable_priority",
            Kind::Whole { min: -2_147_483_648, max: 2_147_483_647 },
            "-10",
            "Pods of lower priority neither need nodes nor keep them.",
            "0",
        ),
        Key::optional(
            "max_provision_time",
            Kind::Duration,
            "\"15m\"",
            "A machine that is no node after this long is given up, and its pool left alone for a while.",
            "\"10m\"",
        ),
        Key::optional("max_nodes_per_scale_up", at_least(1), "1000", "So many nodes at once, at most.", "50"),
        Key::optional(
            "max_nodes_total",
            at_least(0),
            "0",
            "So many nodes in the cluster, at most; 0: no limit.",
            "100",
        ),
        Key::optional(
            "initial_backoff",
            Kind::Duration,
            "\"5m\"",
            "How long a pool is left alone after an increase failed; doubles up to `max_backoff`.",
            "\"1m\"",
        ),
        Key::optional(
            "max_backoff",
            Kind::Duration,
            "\"30m\"",
            "The longest time that a pool is left alone.",
            "\"1h\"",
        ),
        Key::optional("scale_down", Kind::Flag, "true", "Whether nodes are removed.", "false"),
        Key::optional(
            "utilization_threshold",
            Kind::Number,
            "0.5",
            "Nodes whose requests take a greater share of CPU or memory stay.",
            "0.7",
        ),
        Key::optional(
            "ignore_daemonsets",
            Kind::Flag,
            "false",
            "Whether pods of DaemonSets do not count for that.",
            "true",
        ),
        Key::optional(
            "unneeded_time",
            Kind::Duration,
            "\"10m\"",
            "A node is removed when it was unneeded for longer than this.",
            "\"5m\"",
        ),
        Key::optional("unready_time", Kind::Duration, "\"20m\"", "The same for nodes that are not ready.", "\"10m\""),
        Key::optional(
            "delay_after_add",
            Kind::Duration,
            "\"10m\"",
            "No removal for so long after a scale-up.",
            "\"5m\"",
        ),
        Key::optional("delay_after_delete", Kind::Duration, "\"0s\"", "The same after a removal.", "\"10s\""),
        Key::optional(
            "delay_after_failure",
            Kind::Duration,
            "\"3m\"",
            "The same after a removal that failed.",
            "\"1m\"",
        ),
        Key::optional(
            "unremovable_recheck",
            Kind::Duration,
            "\"5m\"",
            "A node that turned out to be needed is not looked at for so long.",
            "\"1m\"",
        ),
        Key::optional("parallelism", at_least(1), "10", "So many nodes are removed at a time.", "1"),
        Key::optional("drain_parallelism", at_least(1), "1", "So many of them have pods that must move.", "5"),
        Key::optional(
            "max_eviction_time",
            Kind::Duration,
            "\"2m\"",
            "How long evictions that a budget refuses are tried before the node stays.",
            "\"10m\"",
        ),
        Key::optional(
            "max_graceful_termination",
            Kind::Duration,
            "\"10m\"",
            "The longest grace that evicted pods get.",
            "\"1h\"",
        ),
        Key::optional(
            "skip_system_pods",
            Kind::Flag,
            "true",
            "Whether pods in `kube-system` without a budget keep their nodes for their first hour.",
            "false",
        ),
        Key::optional(
            "skip_local_storage",
            Kind::Flag,
            "true",
            "Whether pods with `hostPath` or `emptyDir` volumes keep their nodes.",
            "false",
        ),
    ],
};
