//! `[[behavior]]` and the distributions that it and others use. Data only.

use super::{EXIT_CODE, Key, Kind, Section};

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
          key by key. Without any entry a process serves at once and runs until something stops it; those of Jobs and of \
          init containers, sidecars excepted, end after a time (see `defaults`).",
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
            "\"forever\", or as `defaults` says",
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
            "the container's declared ports, and those that its probes and hooks ask and nobody in the pod declares",
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
        Key::optional("processes", Kind::Whole { min: 0, max: 1_000_000 }, "1", "How many process ids it takes.", "40"),
        Key::optional(
            "on_terminate",
            Kind::Either(&[Kind::Choice(&["ignore"]), Kind::Table(&ON_TERMINATE)]),
            "{ after = \"0s\", exit_code = 143 }",
            "What it does on SIGTERM; `ignore`: it is killed when its grace period ends.",
            "{ after = \"2s\", exit_code = 0 }",
        ),
        Key::optional(
            "first_exit_codes",
            Kind::List(&EXIT_CODE),
            "none",
            "Exit codes of its first runs, in order, where they end by themselves; later runs go by `exit_codes`.",
            "[1, 1]",
        ),
        Key::optional(
            "unhealthy",
            Kind::Table(&UNHEALTHY),
            "never",
            "A time in which the process runs on, but its HTTP and exec probes and its requests fail.",
            "{ after = \"30s\" }",
        ),
        Key::optional(
            "post_start",
            Kind::Table(&HOOK),
            "succeeds at once",
            "How the `postStart` hook of its manifest goes.",
            "{ takes = \"3s\" }",
        ),
        Key::optional(
            "pre_stop",
            Kind::Table(&HOOK),
            "succeeds at once",
            "How the `preStop` hook of its manifest goes.",
            "{ takes = \"20s\" }",
        ),
        Key::optional(
            "start_fails",
            Kind::Table(&START_FAILS),
            "never",
            "Attempts to start the container that fail before its process runs.",
            "{ reason = \"RunContainerError\", times = 3 }",
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
        Key::optional(
            "files",
            Kind::Rate,
            "0",
            "Further files that it makes beside this one over time: each takes an inode of the node.",
            "\"100/m\"",
        ),
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

/// `unhealthy = { .. }`.
pub static UNHEALTHY: Section = Section {
    name: "behavior.unhealthy",
    doc: "A time in which a process runs on and serves nobody. TCP probes still connect: the kernel accepts for it.",
    extended_resources: false,
    keys: &[
        Key::required("after", Kind::Distribution, "Counted from when the process became healthy.", "\"30s\""),
        Key::optional("for", Kind::Duration, "until it ends", "How long.", "\"1m\""),
        Key::optional(
            "hangs",
            Kind::Flag,
            "false",
            "Whether it does not answer at all: a probe then fails only after its `timeoutSeconds`.",
            "true",
        ),
    ],
};

/// `post_start = { .. }` and `pre_stop = { .. }`.
pub static HOOK: Section = Section {
    name: "behavior.hook",
    doc: "How a lifecycle hook goes. One that sleeps takes as long as its manifest says and does not fail; one that asks a \
          port fails, too, if nobody in the pod listens there when it ends.",
    extended_resources: false,
    keys: &[
        Key::optional("takes", Kind::Distribution, "\"0s\"", "How long it takes.", "\"3s\""),
        Key::optional("fails", Kind::Flag, "false", "Whether it fails when it ends.", "true"),
    ],
};

/// `start_fails = { .. }`.
pub static START_FAILS: Section = Section {
    name: "behavior.start_fails",
    doc: "Attempts to start a container that fail before its process runs.",
    extended_resources: false,
    keys: &[
        Key::required(
            "reason",
            Kind::Choice(&[
                "CreatePodSandboxError",
                "CreateContainerConfigError",
                "CreateContainerError",
                "RunContainerError",
            ]),
            "What fails: the sandbox of its pod (such as a network that is not ready), building its configuration, \
             creating it in the runtime, or starting it there (such as an executable that is missing: exit code 128).",
            "\"RunContainerError\"",
        ),
        Key::optional("times", Kind::Whole { min: 1, max: 1_000_000 }, "all", "The first so many attempts.", "3"),
    ],
};
