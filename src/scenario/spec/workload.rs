//! The sections that describe what runs and what happens to it: `[[behavior]]`, `[[traffic]]`, `[[arrivals]]`,
//! `[[fault]]`, `[[change]]`. Data only.

use super::{EXIT_CODE, Key, Kind, Section, at_least};

const PORT: Kind = Kind::Whole { min: 1, max: 65_535 };
const EXIT_CODES: Kind =
    Kind::Either(&[EXIT_CODE, Kind::List(&EXIT_CODE), Kind::Map(&Kind::Whole { min: 0, max: 1_000_000 })]);

/// A distribution of durations.
pub static DISTRIBUTION: Section = Section {
    name: "distribution",
    doc: "A duration that differs from case to case: exactly one of these keys. A plain duration is always that long.",
    extended_resources: false,
    keys: &[
        Key::optional("uniform", Kind::List(&Kind::Duration), "none", "Anything between the two.", "[\"1s\", \"5s\"]"),
        Key::optional("exp", Kind::Duration, "none", "Exponential with this mean: a constant hazard.", "\"2h\""),
        Key::optional(
            "weibull",
            Kind::Table(&WEIBULL),
            "none",
            "Weibull: a hazard that falls or grows with age.",
            "{ scale = \"2h\", shape = 0.7 }",
        ),
        Key::optional(
            "lognormal",
            Kind::Table(&LOGNORMAL),
            "none",
            "Log-normal: many short ones, a few very long.",
            "{ median = \"10m\", sigma = 1.0 }",
        ),
    ],
};

/// `weibull = { .. }`.
pub static WEIBULL: Section = Section {
    name: "distribution.weibull",
    doc: "A Weibull distribution.",
    extended_resources: false,
    keys: &[
        Key::required("scale", Kind::Duration, "63.2 % are shorter than this.", "\"2h\""),
        Key::required("shape", Kind::Number, "Below 1: infant mortality; 1: exponential; above 1: wear-out.", "0.7"),
    ],
};

/// `lognormal = { .. }`.
pub static LOGNORMAL: Section = Section {
    name: "distribution.lognormal",
    doc: "A log-normal distribution.",
    extended_resources: false,
    keys: &[
        Key::required("median", Kind::Duration, "Half are shorter than this.", "\"10m\""),
        Key::required("sigma", Kind::Number, "Standard deviation of the logarithm.", "1.0"),
    ],
};

/// `run = { .. }`.
pub static RUN: Section = Section {
    name: "behavior.run",
    doc: "How long a process works: a distribution, or an even sweep without any draw.",
    extended_resources: false,
    keys: &[
        Key::optional("uniform", Kind::List(&Kind::Duration), "none", "As in a distribution.", "[\"1s\", \"5s\"]"),
        Key::optional("exp", Kind::Duration, "none", "As in a distribution.", "\"2h\""),
        Key::optional(
            "weibull",
            Kind::Table(&WEIBULL),
            "none",
            "As in a distribution.",
            "{ scale = \"2h\", shape = 0.7 }",
        ),
        Key::optional(
            "lognormal",
            Kind::Table(&LOGNORMAL),
            "none",
            "As in a distribution.",
            "{ median = \"10m\", sigma = 1.0 }",
        ),
        Key::optional(
            "sweep",
            Kind::Table(&SWEEP),
            "none",
            "From the least to the greatest in steps, by the pod's number.",
            "{ min = \"10m\", max = \"30m\", stride = \"7919s\" }",
        ),
    ],
};

/// `sweep = { .. }`.
pub static SWEEP: Section = Section {
    name: "behavior.run.sweep",
    doc: "Pod number i works for `min + (stride * i) mod (max - min + 1s)`. Whole seconds.",
    extended_resources: false,
    keys: &[
        Key::required("min", Kind::Duration, "Least run time.", "\"10m\""),
        Key::required("max", Kind::Duration, "Greatest run time.", "\"30m\""),
        Key::required("stride", Kind::Duration, "Step from one pod to the next.", "\"7919s\""),
    ],
};

/// `[[behavior]]`.
pub static BEHAVIOR: Section = Section {
    name: "behavior",
    doc: "What processes in containers do. Several entries may match one container: a later one overrides earlier ones \
          key by key. Without any entry a process serves at once and runs until something stops it; that of an init \
          container that is no sidecar finishes at once.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "select",
            Kind::Table(&SELECT),
            "every container",
            "Which containers.",
            "{ name = \"web\", container = \"app\" }",
        ),
        Key::optional(
            "startup",
            Kind::Distribution,
            "\"0s\"",
            "From the start of the process until it listens and is healthy.",
            "{ uniform = [\"2s\", \"6s\"] }",
        ),
        Key::optional(
            "run",
            Kind::Either(&[Kind::Choice(&["forever"]), Kind::Duration, Kind::Table(&RUN)]),
            "\"forever\"",
            "How long the process works, once it is healthy, before it exits by itself.",
            "\"5m\"",
        ),
        Key::optional(
            "exit_codes",
            EXIT_CODES,
            "0",
            "Exit code when it exits by itself: one, a list of equally likely ones, or codes with weights.",
            "{ 0 = 9, 1 = 1 }",
        ),
        Key::optional(
            "crash",
            Kind::Table(&CRASH),
            "never",
            "Crashes of a process that would otherwise go on.",
            "{ mtbf = \"2h\" }",
        ),
        Key::optional(
            "listens",
            Kind::List(&PORT),
            "the container's declared ports",
            "Ports it listens on once healthy. Declaring a port in the manifest opens nothing.",
            "[443]",
        ),
        Key::optional(
            "requires",
            Kind::List(&Kind::Text),
            "none",
            "Containers of the same pod that it needs: while one is down, its requests fail.",
            "[\"cloudsql-proxy\"]",
        ),
        Key::optional(
            "unready_without_required",
            Kind::Flag,
            "true",
            "Whether its HTTP and exec probes fail while a required container is down.",
            "false",
        ),
        Key::optional(
            "memory",
            Kind::Table(&MEMORY_USE),
            "0",
            "Memory in use.",
            "{ base = \"60Mi\", leak = \"10Mi/h\" }",
        ),
        Key::optional("cpu", Kind::Table(&CPU_USE), "0", "CPU in use.", "{ base = \"20m\", per_request = \"1m\" }"),
        Key::optional(
            "writes",
            Kind::Tables(&WRITES),
            "none",
            "Files it writes, such as logs.",
            "[{ path = \"/var/log/app/app.log\", rate = \"2Ki/s\" }]",
        ),
        Key::optional(
            "reads",
            Kind::List(&Kind::Text),
            "none",
            "Absolute paths it reads in files that other containers write.",
            "[\"/var/log/monitor/app.log\"]",
        ),
        Key::optional(
            "on_terminate",
            Kind::Either(&[Kind::Choice(&["ignore"]), Kind::Table(&ON_TERMINATE)]),
            "{ after = \"0s\", exit_code = 143 }",
            "What it does on SIGTERM; `ignore`: it is killed when its grace period ends.",
            "{ after = \"2s\", exit_code = 0 }",
        ),
    ],
};

/// `select = { .. }`.
pub static SELECT: Section = Section {
    name: "behavior.select",
    doc: "Which containers a behavior is for: all of these conditions must hold.",
    extended_resources: false,
    keys: &[
        Key::optional("namespace", Kind::Text, "any", "The pod's namespace.", "\"shop\""),
        Key::optional(
            "name",
            Kind::Pattern,
            "any",
            "The pod's name, or the name of its `[[arrivals]]`; a `*` at the end stands for any text.",
            "\"web*\"",
        ),
        Key::optional("labels", Kind::Map(&Kind::Text), "any", "Labels that the pod has.", "{ app = \"web\" }"),
        Key::optional("container", Kind::Text, "all of the pod", "The container's name.", "\"app\""),
    ],
};

/// `crash = { .. }`.
pub static CRASH: Section = Section {
    name: "behavior.crash",
    doc: "Crashes: exactly one of `mtbf`, `weibull` and `after`, counted from when the process became healthy.",
    extended_resources: false,
    keys: &[
        Key::optional("mtbf", Kind::Duration, "none", "Mean time between failures: exponential.", "\"2h\""),
        Key::optional("weibull", Kind::Table(&WEIBULL), "none", "Weibull.", "{ scale = \"2h\", shape = 0.7 }"),
        Key::optional("after", Kind::Distribution, "none", "Any distribution.", "{ uniform = [\"1h\", \"2h\"] }"),
        Key::optional("exit_codes", EXIT_CODES, "1", "Exit codes of a crash.", "[1, 139]"),
    ],
};

/// `memory = { .. }`.
pub static MEMORY_USE: Section = Section {
    name: "behavior.memory",
    doc: "Memory in use: `base + ramp * min(t / ramp_for, 1) + leak * t + per_request * (requests per second)`.",
    extended_resources: false,
    keys: &[
        Key::optional("base", Kind::Bytes, "0", "From the start of the process.", "\"60Mi\""),
        Key::optional("ramp", Kind::Bytes, "0", "Added evenly while `ramp_for` passes.", "\"100Mi\""),
        Key::optional("ramp_for", Kind::Duration, "\"0s\"", "How long the ramp takes.", "\"10m\""),
        Key::optional("leak", Kind::ByteRate, "0", "Added for ever.", "\"10Mi/h\""),
        Key::optional("per_request", Kind::Bytes, "0", "Added for every request per second.", "\"200Ki\""),
    ],
};

/// `cpu = { .. }`.
pub static CPU_USE: Section = Section {
    name: "behavior.cpu",
    doc: "CPU in use: `base + ramp * min(t / ramp_for, 1) + per_request * (requests per second)`.",
    extended_resources: false,
    keys: &[
        Key::optional("base", Kind::Cpu, "0", "From the start of the process.", "\"20m\""),
        Key::optional("ramp", Kind::Cpu, "0", "Added evenly while `ramp_for` passes.", "\"100m\""),
        Key::optional("ramp_for", Kind::Duration, "\"0s\"", "How long the ramp takes.", "\"10m\""),
        Key::optional("per_request", Kind::Cpu, "0", "Added for every request per second.", "\"1m\""),
    ],
};

/// `writes = [{ .. }]`.
pub static WRITES: Section = Section {
    name: "behavior.writes",
    doc: "A file that a process writes.",
    extended_resources: false,
    keys: &[
        Key::required("path", Kind::Text, "Absolute path in the container.", "\"/var/log/app/app.log\""),
        Key::optional("rate", Kind::ByteRate, "0", "Bytes over time.", "\"2Ki/s\""),
        Key::optional("per_request", Kind::Bytes, "0", "Bytes for each request that it serves.", "\"200\""),
    ],
};

/// `on_terminate = { .. }`.
pub static ON_TERMINATE: Section = Section {
    name: "behavior.on_terminate",
    doc: "What a process does on SIGTERM.",
    extended_resources: false,
    keys: &[
        Key::optional("after", Kind::Duration, "\"0s\"", "How long until it exits.", "\"2s\""),
        Key::optional("exit_code", EXIT_CODE, "143", "Its exit code.", "0"),
    ],
};

/// `[[traffic]]`.
pub static TRAFFIC: Section = Section {
    name: "traffic",
    doc: "Requests on a Service over time: exactly one of `rate`, `steps`, `diurnal` and `csv`.",
    extended_resources: false,
    keys: &[
        Key::required("service", Kind::Text, "The Service: `name`, or `namespace/name`.", "\"web\""),
        Key::optional("rate", Kind::Rate, "none", "The same all the time.", "\"200/s\""),
        Key::optional(
            "steps",
            Kind::Tables(&STEP),
            "none",
            "A rate from a time on, until the next one.",
            "[{ at = \"0s\", rate = \"20/s\" }, { at = \"9:00\", rate = \"200/s\" }]",
        ),
        Key::optional(
            "diurnal",
            Kind::Table(&DIURNAL),
            "none",
            "A cosine over the day, in steps of five minutes.",
            "{ min = \"20/s\", peak = \"200/s\", peak_at = \"14:00\" }",
        ),
        Key::optional(
            "csv",
            Kind::Path,
            "none",
            "A file with the columns `seconds` (after the start) and `per_second`.",
            "\"load.csv\"",
        ),
    ],
};

/// `steps = [{ .. }]`.
pub static STEP: Section = Section {
    name: "traffic.steps",
    doc: "A rate from a time on. Used by `[[traffic]]` and `[[arrivals]]`.",
    extended_resources: false,
    keys: &[
        Key::required("at", Kind::Moment, "From when.", "\"9:00\""),
        Key::required("rate", Kind::Rate, "How many.", "\"200/s\""),
    ],
};

/// `diurnal = { .. }`.
pub static DIURNAL: Section = Section {
    name: "traffic.diurnal",
    doc: "`min + (peak - min) * (1 + cos(2 pi (t - peak_at) / 24h)) / 2`, taken in the middle of each step of five minutes.",
    extended_resources: false,
    keys: &[
        Key::required("min", Kind::Rate, "Twelve hours from the peak.", "\"20/s\""),
        Key::required("peak", Kind::Rate, "At the peak.", "\"200/s\""),
        Key::required("peak_at", Kind::Moment, "When the peak is.", "\"14:00\""),
    ],
};

/// `[[arrivals]]`.
pub static ARRIVALS: Section = Section {
    name: "arrivals",
    doc: "Bare pods that arrive over time. What they are like: `pods` or `template`. When they come: exactly one of \
          `every`, `rate` and `steps`. Or both from a `trace`.",
    extended_resources: false,
    keys: &[
        Key::required("name", Kind::Text, "Pods are called like it, with a dash and a number from 0.", "\"batch\""),
        Key::optional("namespace", Kind::Text, "\"default\"", "Their namespace.", "\"jobs\""),
        Key::optional("digits", Kind::Whole { min: 1, max: 9 }, "1", "Least number of digits in the pods' names.", "7"),
        Key::optional(
            "pods",
            Kind::OneOrMany(&Kind::Path),
            "none",
            "Manifests whose Pods are templates; their names do not matter.",
            "\"batch/*.yaml\"",
        ),
        Key::optional(
            "template",
            Kind::OneOrMany(&Kind::Table(&TEMPLATE)),
            "none",
            "Simple pods with one container called `main`.",
            "[{ cpu = \"500m\", memory = \"1Gi\" }]",
        ),
        Key::optional(
            "weights",
            Kind::List(&Kind::Whole { min: 0, max: 1_000_000 }),
            "in turn",
            "How often each template is drawn; without it they are taken in turn.",
            "[3, 1]",
        ),
        Key::optional(
            "every",
            Kind::Duration,
            "none",
            "One every so often. With a trace in `fill` mode: the time between two pods.",
            "\"100ms\"",
        ),
        Key::optional("rate", Kind::Rate, "none", "Poisson with this rate.", "\"2/s\""),
        Key::optional(
            "steps",
            Kind::Tables(&STEP),
            "none",
            "Poisson with a rate that changes.",
            "[{ at = \"0s\", rate = \"1/s\" }]",
        ),
        Key::optional("from", Kind::Moment, "the start", "When it begins.", "\"10s\""),
        Key::optional("until", Kind::Moment, "the end of the run", "None arrives at or after this.", "\"2h\""),
        Key::optional(
            "count",
            Kind::Whole { min: 0, max: u32::MAX as i64 },
            "no limit",
            "At most this many.",
            "100_000",
        ),
        Key::optional(
            "ttl_after_finished",
            Kind::Duration,
            "pod GC",
            "The pod object is deleted this long after the pod finished.",
            "\"1m\"",
        ),
        Key::optional(
            "trace",
            Kind::Table(&TRACE),
            "none",
            "Pods as recorded.",
            "{ format = \"csv\", pods = \"jobs.csv\" }",
        ),
    ],
};

/// `template = { .. }`.
pub static TEMPLATE: Section = Section {
    name: "arrivals.template",
    doc: "A pod with one container called `main`. Extended resources are further keys: `\"nvidia.com/gpu\" = 1`.",
    extended_resources: true,
    keys: &[
        Key::optional("cpu", Kind::Cpu, "none", "Requested CPU.", "\"500m\""),
        Key::optional("memory", Kind::Bytes, "none", "Requested memory.", "\"1Gi\""),
        Key::optional("ephemeral-storage", Kind::Bytes, "none", "Requested local disk.", "\"1Gi\""),
        Key::optional(
            "limits",
            Kind::Choice(&["none", "requests"]),
            "\"none\"",
            "`requests`: limits equal to the requests.",
            "\"requests\"",
        ),
        Key::optional("image", Kind::Text, "\"main\"", "Container image.", "\"batch:1\""),
        Key::optional(
            "restart_policy",
            Kind::Choice(&["Always", "OnFailure", "Never"]),
            "\"Never\"",
            "`spec.restartPolicy`.",
            "\"OnFailure\"",
        ),
        Key::optional("labels", Kind::Map(&Kind::Text), "none", "Labels of the pod.", "{ app = \"batch\" }"),
        Key::optional("node_selector", Kind::Map(&Kind::Text), "none", "`spec.nodeSelector`.", "{ disk = \"ssd\" }"),
        Key::optional(
            "priority",
            Kind::Whole { min: i32::MIN as i64, max: 1_000_000_000 },
            "0",
            "`spec.priority`.",
            "100",
        ),
    ],
};

/// `trace = { .. }`.
pub static TRACE: Section = Section {
    name: "arrivals.trace",
    doc: "Pods as recorded in a file; docs/TRACES.md describes the formats.",
    extended_resources: false,
    keys: &[
        Key::required(
            "format",
            Kind::Choice(&["csv", "openb"]),
            "`csv`: podsim's own simple format. `openb`: the GPU trace of that name.",
            "\"openb\"",
        ),
        Key::required("pods", Kind::Path, "The file of pods.", "\"$PODSIM_SHARED/pods.csv\""),
        Key::optional(
            "nodes",
            Kind::Path,
            "none",
            "The file of nodes (openb), which are added to the cluster.",
            "\"$PODSIM_SHARED/nodes.csv\"",
        ),
        Key::optional(
            "mode",
            Kind::Choice(&["clock", "fill"]),
            "\"clock\"",
            "`clock`: created and deleted as recorded. `fill`: created in file order and never deleted, until the cluster is full.",
            "\"fill\"",
        ),
    ],
};

/// `[[fault]]`.
pub static FAULT: Section = Section {
    name: "fault",
    doc: "Something that breaks. What it strikes: `node`, `pod` (the node it is on), or `random` for node-crash and \
          cordon; `zone` for zone-loss; `pod` and `container` for container-kill and container-outage; `registry` \
          for registry-outage.",
    extended_resources: false,
    keys: &[
        Key::required(
            "kind",
            Kind::Choice(&[
                "node-crash",
                "cordon",
                "zone-loss",
                "container-kill",
                "container-outage",
                "registry-outage",
            ]),
            "node-crash: the machine stops. cordon: no new pods. zone-loss: all nodes of a zone crash. container-kill: \
             the process is killed once. container-outage: the process exits at once whenever it is started. \
             registry-outage: image pulls fail.",
            "\"node-crash\"",
        ),
        Key::required("at", Kind::Moment, "When.", "\"21:30\""),
        Key::optional(
            "for",
            Kind::Duration,
            "for good",
            "For how long; a crashed machine boots afterwards.",
            "\"30m\"",
        ),
        Key::optional("node", Kind::Text, "none", "A node by name.", "\"worker-3\""),
        Key::optional(
            "pod",
            Kind::Text,
            "none",
            "A pod, or the name of an `[[arrivals]]`: `name`, or `namespace/name`.",
            "\"web\"",
        ),
        Key::optional("zone", Kind::Text, "none", "A zone.", "\"b\""),
        Key::optional("random", at_least(1), "none", "So many nodes, drawn.", "2"),
        Key::optional("pool", Kind::Text, "any", "With `random`: nodes of this pool.", "\"worker\""),
        Key::optional("container", Kind::Text, "none", "A container of the pod.", "\"app\""),
        Key::optional("exit_code", EXIT_CODE, "137 (kill), 1 (outage)", "How the process exits.", "1"),
        Key::optional("registry", Kind::Text, "every image", "Images whose name starts so.", "\"registry.example/\""),
    ],
};

/// `[[change]]`.
pub static CHANGE: Section = Section {
    name: "change",
    doc: "What somebody does to the cluster at a time: exactly one of `apply`, `delete`, `taint` and `untaint`.",
    extended_resources: false,
    keys: &[
        Key::required("at", Kind::Moment, "When.", "\"10:00\""),
        Key::optional(
            "apply",
            Kind::OneOrMany(&Kind::Path),
            "none",
            "Manifests with ConfigMaps and Secrets to create or replace, and Pods to create.",
            "\"shop/config-v2.yaml\"",
        ),
        Key::optional(
            "delete",
            Kind::Text,
            "none",
            "`ConfigMap/name`, `Secret/name`, `Pod/name` or `Node/name`.",
            "\"Pod/web\"",
        ),
        Key::optional("namespace", Kind::Text, "\"default\"", "Namespace of what is deleted.", "\"shop\""),
        Key::optional(
            "grace",
            Kind::Duration,
            "the pod's own",
            "Grace period of a deleted pod, in whole seconds; `0s` removes it by force.",
            "\"0s\"",
        ),
        Key::optional("node", Kind::Text, "none", "The node to taint.", "\"worker-3\""),
        Key::optional("taint", Kind::Taint, "none", "Added to the node.", "\"maintenance:NoExecute\""),
        Key::optional("untaint", Kind::Taint, "none", "Removed from the node.", "\"maintenance:NoExecute\""),
    ],
};
