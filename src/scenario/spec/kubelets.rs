//! What kubelets are told about evictions and images. Must not know how the keys are read.

use super::{Key, Kind, Section, at_least};

/// `[control_plane.eviction]`.
pub static EVICTION: Section = Section {
    name: "control_plane.eviction",
    doc: "When kubelets evict pods because their node runs short of something.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "hard",
            Kind::Map(&Kind::Text),
            "kubelets'",
            "`evictionHard`: amounts, or parts of the capacity, below which pods are evicted at once. What is not listed is \
             off then. Without this key: 100Mi of memory, 10% of nodefs, 15% of imagefs, 5% of the inodes. 0% and 100% mean off.",
            "{ \"memory.available\" = \"500Mi\", \"nodefs.available\" = \"10%\" }",
        ),
        Key::optional(
            "soft",
            Kind::Map(&Kind::Text),
            "none",
            "`evictionSoft`: the same, but only after a grace period.",
            "{ \"memory.available\" = \"1Gi\" }",
        ),
        Key::optional(
            "soft_grace",
            Kind::Map(&Kind::Text),
            "none",
            "`evictionSoftGracePeriod`: each soft threshold needs one.",
            "{ \"memory.available\" = \"90s\" }",
        ),
        Key::optional(
            "min_reclaim",
            Kind::Map(&Kind::Text),
            "none",
            "`evictionMinimumReclaim`: once met, a threshold stays so until so much more is available.",
            "{ \"memory.available\" = \"200Mi\" }",
        ),
        Key::optional(
            "transition_period",
            Kind::Duration,
            "\"5m\"",
            "`evictionPressureTransitionPeriod`: how long a condition stays after it was observed last.",
            "\"5m\"",
        ),
        Key::optional(
            "max_pod_grace",
            Kind::Duration,
            "\"0s\"",
            "`evictionMaxPodGracePeriod`: the most that a pod is left when a soft threshold is met. Whole seconds.",
            "\"30s\"",
        ),
        Key::optional("max_inodes", at_least(1), "one for 16 KiB of disk", "Inodes of each machine's disk.", "1000000"),
        Key::optional("max_pids", at_least(1), "4194304", "Process ids of each machine.", "32768"),
    ],
};

/// `[control_plane.image_gc]`.
pub static IMAGE_GC: Section = Section {
    name: "control_plane.image_gc",
    doc: "Which images kubelets remove that no pod of their node uses. They look every five minutes.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "high_threshold_percent",
            PERCENT,
            "85",
            "`imageGCHighThresholdPercent`: images are removed when so much of the disk is used, those first that were used least \
             recently; 100: not for the sake of the disk.",
            "70",
        ),
        Key::optional(
            "low_threshold_percent",
            PERCENT,
            "80",
            "`imageGCLowThresholdPercent`: until only so much is used. Below the high one.",
            "60",
        ),
        Key::optional(
            "minimum_age",
            Kind::Duration,
            "\"2m\"",
            "`imageMinimumGCAge`: younger ones stay then.",
            "\"1h\"",
        ),
        Key::optional(
            "maximum_age",
            Kind::Duration,
            "\"0s\"",
            "`imageMaximumGCAge`: those that nobody used for so long go, however much of the disk is free; longer than \
             `minimum_age`. Zero: never.",
            "\"168h\"",
        ),
    ],
};

const PERCENT: Kind = Kind::Whole { min: 0, max: 100 };
