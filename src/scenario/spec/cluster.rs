//! The sections that describe the run and the cluster: `[scenario]`, `[[image]]`, `[control_plane]`,
//! `[[expect]]`, `[output]`. Data only.

use super::autoscaler::AUTOSCALER;
use super::behavior::BEHAVIOR;
use super::defaults::DEFAULTS;
use super::kubelets::{EVICTION, IMAGE_GC};
use super::node_pool::NODE_POOL;
pub use super::results::{EXPECT, OUTPUT};
use super::workload::{ARRIVALS, CHANGE, FAULT, TRAFFIC};
use super::{Key, Kind, Section, at_least};

/// The file.
pub static ROOT: Section = Section {
    name: "",
    doc: "A scenario file.",
    extended_resources: false,
    keys: &[
        Key::required("scenario", Kind::Table(&SCENARIO), "The run itself.", "{ duration = \"1h\" }"),
        Key::optional("node_pool", Kind::Tables(&NODE_POOL), "none", "Groups of equal nodes.", "[]"),
        Key::optional("behavior", Kind::Tables(&BEHAVIOR), "none", "What processes in containers do.", "[]"),
        Key::optional(
            "defaults",
            Kind::Table(&DEFAULTS),
            "nothing",
            "What pods without requests are taken to request.",
            "{ cpu = \"100m\", memory = \"128Mi\" }",
        ),
        Key::optional("image", Kind::Tables(&IMAGE), "none", "Sizes of container images.", "[]"),
        Key::optional("traffic", Kind::Tables(&TRAFFIC), "none", "Requests on services over time.", "[]"),
        Key::optional("arrivals", Kind::Tables(&ARRIVALS), "none", "Pods that arrive over time.", "[]"),
        Key::optional("fault", Kind::Tables(&FAULT), "none", "What breaks, and when.", "[]"),
        Key::optional("change", Kind::Tables(&CHANGE), "none", "What somebody does to the cluster.", "[]"),
        Key::optional("autoscaler", Kind::Table(&AUTOSCALER), "upstream's", "The Cluster Autoscaler.", "{}"),
        Key::optional("control_plane", Kind::Table(&CONTROL_PLANE), "typical", "Latencies and flags.", "{}"),
        Key::optional("expect", Kind::Tables(&EXPECT), "none", "What must hold at the end.", "[]"),
        Key::optional("output", Kind::Table(&OUTPUT), "everything", "What is written.", "{}"),
    ],
};

/// `[scenario]`.
pub static SCENARIO: Section = Section {
    name: "scenario",
    doc: "The run itself.",
    extended_resources: false,
    keys: &[
        Key::optional("name", Kind::Text, "the file's name", "Names the output folder.", "\"black-friday\""),
        Key::optional("description", Kind::Text, "\"\"", "One sentence for reports.", "\"A day in the life of a pod\""),
        Key::optional("seed", at_least(0), "1", "Root of all random draws: the same seed gives the same run.", "7"),
        Key::optional(
            "start",
            Kind::Date,
            "2026-01-01",
            "What the simulated clock shows at the start (UTC).",
            "\"2026-03-02\"",
        ),
        Key::required("duration", Kind::Duration, "How long the run lasts.", "\"24h\""),
        Key::optional(
            "manifests",
            Kind::OneOrMany(&Kind::Path),
            "none",
            "Kubernetes manifests (YAML or JSON) that are applied at the start. A folder stands \
             for all manifests below it, `*` for any text in a name, `**` for any folders. `$PODSIM_SHARED` may start a path.",
            "[\"shop/*.yaml\"]",
        ),
    ],
};

/// `[[image]]`.
pub static IMAGE: Section = Section {
    name: "image",
    doc: "The size of a container image. Images that are not listed have 100M.",
    extended_resources: false,
    keys: &[
        Key::required(
            "name",
            Kind::Pattern,
            "The image as the manifest writes it; a `*` at the end stands for any text.",
            "\"nginx:1.27\"",
        ),
        Key::required("size", Kind::Bytes, "Compressed size, which a pull transfers.", "\"70M\""),
    ],
};

/// Gates of v1.34 that are off by default and that can be on.
pub const FEATURE_GATES: &[&str] = &["ContainerRestartRules", "ReduceDefaultCrashLoopBackOffDecay"];

/// `[control_plane]`.
pub static CONTROL_PLANE: Section = Section {
    name: "control_plane",
    doc: "Latencies and flags of the control plane and of kubelets.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "preset",
            Kind::Choice(&["typical", "instant"]),
            "\"typical\"",
            "`typical`: latencies as in real clusters. `instant`: no latency; periods such as back-off stay. The other \
             keys change single values of it; the defaults given here are the typical ones.",
            "\"instant\"",
        ),
        Key::optional(
            "api_write",
            Kind::Distribution,
            "\"10ms\"",
            "An API write, from request to acceptance.",
            "\"20ms\"",
        ),
        Key::optional(
            "watch_scheduler",
            Kind::Duration,
            "\"10ms\"",
            "From a change to the scheduler's knowledge of it.",
            "\"50ms\"",
        ),
        Key::optional(
            "watch_kubelet",
            Kind::Duration,
            "\"20ms\"",
            "From a change to a kubelet's knowledge of it.",
            "\"50ms\"",
        ),
        Key::optional(
            "watch_controller",
            Kind::Duration,
            "\"20ms\"",
            "From a change to the controllers' knowledge of it.",
            "\"50ms\"",
        ),
        Key::optional(
            "controller_qps",
            Kind::Number,
            "20",
            "Writes per second of all controllers together; 0: no limit.",
            "0",
        ),
        Key::optional("controller_burst", at_least(1), "30", "So many writes of controllers at once.", "100"),
        Key::optional(
            "metrics_resolution",
            Kind::Duration,
            "\"15s\"",
            "What autoscalers ask for is measured so often, on a grid from the start.",
            "\"60s\"",
        ),
        Key::optional(
            "metrics_lag",
            Kind::Duration,
            "\"15s\"",
            "From a measurement to the autoscalers' knowledge of it.",
            "\"30s\"",
        ),
        Key::optional("scheduling_cycle", Kind::Duration, "\"2ms\"", "One scheduling cycle.", "\"5ms\""),
        Key::optional(
            "binding",
            Kind::Duration,
            "\"5ms\"",
            "From the end of the cycle to the binding's acceptance.",
            "\"10ms\"",
        ),
        Key::optional(
            "sandbox_start",
            Kind::Distribution,
            "{ uniform = [\"200ms\", \"800ms\"] }",
            "Creating a pod's sandbox and network.",
            "\"500ms\"",
        ),
        Key::optional(
            "container_start",
            Kind::Distribution,
            "{ uniform = [\"100ms\", \"400ms\"] }",
            "Creating and starting one container.",
            "\"250ms\"",
        ),
        Key::optional(
            "image_manifest",
            Kind::Distribution,
            "{ uniform = [\"300ms\", \"1s\"] }",
            "Asking the registry for an image's manifest.",
            "\"500ms\"",
        ),
        Key::optional(
            "image_bandwidth",
            Kind::ByteRate,
            "\"50M/s\"",
            "Speed of an image pull, unpacking included.",
            "\"20M/s\"",
        ),
        Key::optional(
            "serialize_image_pulls",
            Kind::Flag,
            "true, or false if `max_parallel_image_pulls` is at least 2",
            "`serializeImagePulls`: whether a kubelet pulls one image at a time.",
            "false",
        ),
        Key::optional(
            "max_parallel_image_pulls",
            Kind::Whole { min: 1, max: 1_000_000 },
            "no limit where pulls are not serial",
            "`maxParallelImagePulls`: how many images a kubelet pulls at a time, each with the whole `image_bandwidth`.",
            "3",
        ),
        Key::optional(
            "registry_pull_qps",
            Kind::Number,
            "5",
            "`registryPullQPS`: how many pulls per second a kubelet may begin beyond its burst; the others fail. 0: no \
             limit, which is what the preset `instant` has.",
            "10",
        ),
        Key::optional("registry_burst", at_least(0), "10", "`registryBurst`.", "20"),
        Key::optional(
            "pleg_period",
            Kind::Duration,
            "\"1s\"",
            "The kubelet's relist period: exits are noticed on this grid.",
            "\"1s\"",
        ),
        Key::optional(
            "pleg_delay",
            Kind::Duration,
            "\"50ms\"",
            "From the relist to the pod worker's sync.",
            "\"50ms\"",
        ),
        Key::optional(
            "status_update",
            Kind::Duration,
            "\"20ms\"",
            "From a computed status to its acceptance by the API server.",
            "\"20ms\"",
        ),
        Key::optional(
            "endpoint_slice",
            Kind::Duration,
            "\"100ms\"",
            "From a change of readiness to the EndpointSlice.",
            "\"100ms\"",
        ),
        Key::optional("proxy_sync", Kind::Duration, "\"1s\"", "kube-proxy's least time between two updates.", "\"1s\""),
        Key::optional(
            "load_balancer",
            Kind::Distribution,
            "{ uniform = [\"30s\", \"180s\"] }",
            "How long a cloud load balancer takes to get an address.",
            "\"1m\"",
        ),
        Key::optional(
            "volume_provisioning",
            Kind::Distribution,
            "{ uniform = [\"2s\", \"20s\"] }",
            "How long a provisioner takes to make a volume for a claim.",
            "\"5s\"",
        ),
        Key::optional(
            "volume_attach",
            Kind::Distribution,
            "{ uniform = [\"5s\", \"30s\"] }",
            "How long a CSI driver takes to attach a volume to a node.",
            "\"15s\"",
        ),
        Key::optional(
            "volume_detach",
            Kind::Distribution,
            "{ uniform = [\"5s\", \"20s\"] }",
            "How long a CSI driver takes to detach a volume from a node.",
            "\"10s\"",
        ),
        Key::optional(
            "volume_mount",
            Kind::Distribution,
            "{ uniform = [\"2s\", \"10s\"] }",
            "How long a kubelet takes to mount a volume of a CSI driver.",
            "\"3s\"",
        ),
        Key::optional(
            "node_status_period",
            Kind::Duration,
            "10s",
            "`nodeStatusUpdateFrequency`: so often kubelets tell which volumes are in use, each with a phase of its own; `0s`: at once.",
            "\"0s\"",
        ),
        Key::optional(
            "retry_jitter",
            Kind::Number,
            "0.5",
            "The kubelet retries after `period * (1 + U[0, this])`.",
            "0.0",
        ),
        Key::optional(
            "sync_retry",
            Kind::Duration,
            "\"10s\"",
            "Retry of a sync that failed (`backOffPeriod`).",
            "\"10s\"",
        ),
        Key::optional(
            "feature_gates",
            Kind::List(&Kind::Choice(FEATURE_GATES)),
            "none",
            "Gates that are off by default and that are on here. `ContainerRestartRules`: containers may have a \
             `restartPolicy` and `restartPolicyRules` of their own. `ReduceDefaultCrashLoopBackOffDecay`: the crash-loop \
             back-off begins with 1 s and grows to 1 min.",
            "[\"ContainerRestartRules\"]",
        ),
        Key::optional(
            "crash_loop_initial",
            Kind::Duration,
            "\"10s\"",
            "First delay of the crash-loop back-off.",
            "\"1s\"",
        ),
        Key::optional(
            "crash_loop_max",
            Kind::Duration,
            "\"5m\"",
            "Greatest delay of the crash-loop back-off; below the first one it is both. Real kubelets have \
             `crashLoopBackOff.maxContainerRestartPeriod` for it behind the gate `KubeletCrashLoopBackOffMax`.",
            "\"1m\"",
        ),
        Key::optional(
            "lease_renew",
            Kind::Duration,
            "\"10s\"",
            "How often a kubelet renews its node's lease.",
            "\"10s\"",
        ),
        Key::optional("node_monitor_period", Kind::Duration, "\"5s\"", "`--node-monitor-period`.", "\"5s\""),
        Key::optional("node_monitor_grace", Kind::Duration, "\"50s\"", "`--node-monitor-grace-period`.", "\"40s\""),
        Key::optional(
            "node_boot",
            Kind::Distribution,
            "{ uniform = [\"30s\", \"120s\"] }",
            "From a machine's power-on to its kubelet's first status.",
            "\"1m\"",
        ),
        Key::optional(
            "default_toleration",
            Kind::Duration,
            "\"300s\"",
            "How long pods tolerate a node that is not ready or unreachable, unless they say so themselves. Whole seconds.",
            "\"60s\"",
        ),
        Key::optional(
            "terminated_pod_gc_threshold",
            Kind::Whole { min: 0, max: u32::MAX as i64 },
            "12500",
            "`--terminated-pod-gc-threshold`; 0: never.",
            "100",
        ),
        Key::optional(
            "shutdown_grace",
            Kind::Duration,
            "\"0s\"",
            "`shutdownGracePeriod` of kubelets: how long pods have when a node is shut down. Zero: none. Whole seconds.",
            "\"60s\"",
        ),
        Key::optional(
            "shutdown_grace_critical",
            Kind::Duration,
            "\"0s\"",
            "`shutdownGracePeriodCriticalPods`: the last part of it, for critical pods.",
            "\"20s\"",
        ),
        Key::optional("eviction", Kind::Table(&EVICTION), "kubelets'", "When kubelets evict pods.", "{}"),
        Key::optional("image_gc", Kind::Table(&IMAGE_GC), "kubelets'", "When kubelets remove images.", "{}"),
        Key::optional("scheduler", Kind::Table(&SCHEDULER), "kube-scheduler's", "The scheduler's settings.", "{}"),
    ],
};

/// `[control_plane.scheduler]`.
pub static SCHEDULER: Section = Section {
    name: "control_plane.scheduler",
    doc: "The scheduler's settings.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "config",
            Kind::Path,
            "none",
            "A file with a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): profiles, plugins, weights, arguments. \
             The keys below win over what it says.",
            "\"scheduler-config.yaml\"",
        ),
        Key::optional(
            "percentage_of_nodes_to_score",
            Kind::Whole { min: 0, max: 100 },
            "0",
            "`percentageOfNodesToScore`; 0: adaptive, 100: all.",
            "100",
        ),
        Key::optional("initial_backoff", Kind::Duration, "\"1s\"", "`podInitialBackoffSeconds`.", "\"1s\""),
        Key::optional("max_backoff", Kind::Duration, "\"10s\"", "`podMaxBackoffSeconds`.", "\"10s\""),
        Key::optional(
            "first_node_on_tie",
            Kind::Flag,
            "false",
            "Take the first of several best nodes instead of a drawn one.",
            "true",
        ),
        Key::optional(
            "async_preemption",
            Kind::Flag,
            "true",
            "Evict for pods of higher priority beside the scheduling cycles (SchedulerAsyncPreemption), not within them.",
            "false",
        ),
        Key::optional(
            "evaluator",
            Kind::Choice(&["index", "columns", "scan"]),
            "\"index\"",
            "How nodes are evaluated; all decide the same. `scan` is the plain and slow judge.",
            "\"scan\"",
        ),
    ],
};
