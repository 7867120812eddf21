//! The sections that say what arrives and what happens: `[[traffic]]`, `[[arrivals]]`, `[[fault]]`, `[[change]]`. Data
//! only.

use super::{EXIT_CODE, Key, Kind, Section, at_least};

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
        Key::optional(
            "image",
            Kind::Text,
            "\"main:1\"",
            "Container image. Without a tag it is `latest`, which is pulled at every start.",
            "\"batch:1\"",
        ),
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
            Kind::Choice(&["csv", "dlrm", "openb"]),
            "`csv`: podsim's own simple format. `openb`: the GPU trace of that name. `dlrm`: a month of recommendation models.",
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
    doc: "Something that breaks. What it strikes: `node`, `pod` (the node it is on), or `random` for node-crash, \
          node-shutdown and cordon; `zone` for zone-loss; `pod` and `container` for container-kill and container-outage; `registry` \
          for registry-outage; `pool` for pool-exhausted.",
    extended_resources: false,
    keys: &[
        Key::required(
            "kind",
            Kind::Choice(&[
                "node-crash",
                "node-shutdown",
                "cordon",
                "zone-loss",
                "container-kill",
                "container-outage",
                "registry-outage",
                "pool-exhausted",
            ]),
            "node-crash: the machine stops. node-shutdown: it is switched off, and its kubelet first ends the pods if it has \
             `shutdown_grace`. cordon: no new pods. zone-loss: all nodes of a zone crash. container-kill: \
             the process is killed once. container-outage: the process exits at once whenever it is started. \
             registry-outage: image pulls fail. pool-exhausted: the provider makes no machines for a node pool.",
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
        Key::optional(
            "pool",
            Kind::Text,
            "any",
            "With `random`: nodes of this pool. With pool-exhausted: the pool.",
            "\"worker\"",
        ),
        Key::optional("container", Kind::Text, "none", "A container of the pod.", "\"app\""),
        Key::optional("exit_code", EXIT_CODE, "137 (kill), 1 (outage)", "How the process exits.", "1"),
        Key::optional("registry", Kind::Text, "every image", "Images whose name starts so.", "\"registry.example/\""),
    ],
};

/// `requests = { .. }` and `limits = { .. }`.
pub static RESIZE_AMOUNTS: Section = Section {
    name: "change.resources",
    doc: "Resources of a container after a resize; what is not given stays.",
    extended_resources: false,
    keys: &[
        Key::optional("cpu", Kind::Cpu, "as it is", "Cores.", "\"500m\""),
        Key::optional("memory", Kind::Bytes, "as it is", "Memory.", "\"512Mi\""),
    ],
};

/// `[[change]]`.
pub static CHANGE: Section = Section {
    name: "change",
    doc: "What somebody does to the cluster at a time: exactly one of `apply`, `delete`, `drain`, `patch`, `resize`, \
          `scale`, `scale_pool`, `taint`, `ungate`, `untaint` and `upgrade_pool`.",
    extended_resources: false,
    keys: &[
        Key::required("at", Kind::Moment, "When.", "\"10:00\""),
        Key::optional(
            "apply",
            Kind::OneOrMany(&Kind::Path),
            "none",
            "Manifests to apply: everything but Nodes and Services. Pods are created.",
            "\"shop/config-v2.yaml\"",
        ),
        Key::optional(
            "delete",
            Kind::Text,
            "none",
            "`Kind/name` of any object but a Service: `Pod/db-0`, `Deployment/web`, `Namespace/shop`, `ConfigMap/name`, `Node/name`, ... \
             A pod that a controller makes is looked for by its name when the time has come; what an object owns follows it.",
            "\"Pod/web\"",
        ),
        Key::optional(
            "patch",
            Kind::Text,
            "none",
            "`Kind/name`: an object of a manifest that changes as with `kubectl patch`. Takes `with` or `with_file`.",
            "\"Deployment/web\"",
        ),
        Key::optional(
            "with",
            Kind::Text,
            "none",
            "With `patch`: the fields that change, as YAML or JSON.",
            "\"{spec: {minReadySeconds: 5}}\"",
        ),
        Key::optional(
            "with_file",
            Kind::Path,
            "none",
            "With `patch`: a file with the fields that change.",
            "\"shop/more-memory.yaml\"",
        ),
        Key::optional(
            "type",
            Kind::Choice(&["strategic", "merge"]),
            "strategic",
            "With `patch`: strategic merges lists by the names of their elements (containers, env, ports, ...), merge replaces \
             them.",
            "\"merge\"",
        ),
        Key::optional(
            "scale",
            Kind::Text,
            "none",
            "`Kind/name`: a Deployment, StatefulSet, ReplicaSet or ReplicationController that gets another number of replicas.",
            "\"Deployment/web\"",
        ),
        Key::optional("replicas", at_least(0), "none", "With `scale`: how many.", "30"),
        Key::optional(
            "resize",
            Kind::Text,
            "none",
            "`Pod/name`: a running pod of a manifest whose container gets other resources in place, as with `kubectl patch \
             --subresource resize`.",
            "\"Pod/web\"",
        ),
        Key::optional("container", Kind::Text, "none", "With `resize`: the container.", "\"app\""),
        Key::optional(
            "requests",
            Kind::Table(&RESIZE_AMOUNTS),
            "as they are",
            "With `resize`: what it requests.",
            "{ cpu = \"1\" }",
        ),
        Key::optional(
            "limits",
            Kind::Table(&RESIZE_AMOUNTS),
            "as they are",
            "With `resize`: what it is limited to.",
            "{ memory = \"1Gi\" }",
        ),
        Key::optional(
            "ungate",
            Kind::Text,
            "none",
            "A pod of a manifest, as `name` or `namespace/name`, that loses scheduling gates. Without any it is scheduled.",
            "\"batch/train\"",
        ),
        Key::optional(
            "gates",
            Kind::List(&Kind::Text),
            "all of them",
            "With `ungate`: the scheduling gates that are removed.",
            "[\"example.com/quota\"]",
        ),
        Key::optional("namespace", Kind::Text, "\"default\"", "Namespace of the object.", "\"shop\""),
        Key::optional(
            "grace",
            Kind::Duration,
            "the pod's own",
            "Grace period of a deleted pod, in whole seconds; `0s` removes it by force.",
            "\"0s\"",
        ),
        Key::optional(
            "drain",
            Kind::OneOrMany(&Kind::Text),
            "none",
            "Nodes that are cordoned and emptied, one after the other, as by `kubectl drain`: every pod is evicted as soon as its \
             disruption budget allows it.",
            "\"worker-3\"",
        ),
        Key::optional(
            "force",
            Kind::Flag,
            "false",
            "With `drain`: evicts pods without a controller, too; otherwise nothing is evicted from a node that has one.",
            "true",
        ),
        Key::optional(
            "ignore_daemonsets",
            Kind::Flag,
            "false",
            "With `drain`: leaves pods of DaemonSets alone; otherwise nothing is evicted from a node that has one.",
            "true",
        ),
        Key::optional(
            "delete_emptydir_data",
            Kind::Flag,
            "false",
            "With `drain`: evicts pods with an emptyDir, too; otherwise nothing is evicted from a node that has one.",
            "true",
        ),
        Key::optional(
            "timeout",
            Kind::Duration,
            "none",
            "With `drain`: after this long a node is given up.",
            "\"10m\"",
        ),
        Key::optional("node", Kind::Text, "none", "The node to taint.", "\"worker-3\""),
        Key::optional(
            "scale_pool",
            Kind::Text,
            "none",
            "A node pool that gets `count` nodes. Surplus nodes, the newest first, are drained as by `kubectl drain`.",
            "\"worker\"",
        ),
        Key::optional("count", at_least(0), "none", "With `scale_pool`: how many nodes.", "5"),
        Key::optional(
            "upgrade_pool",
            Kind::Text,
            "none",
            "A node pool whose nodes are replaced, one after the other: drained, deleted, and made anew.",
            "\"worker\"",
        ),
        Key::optional(
            "max_surge",
            at_least(0),
            "0",
            "With `upgrade_pool`: so many machines are made before as many nodes are drained. 0: one node is missed at a time.",
            "1",
        ),
        Key::optional("taint", Kind::Taint, "none", "Added to the node.", "\"maintenance:NoExecute\""),
        Key::optional("untaint", Kind::Taint, "none", "Removed from the node.", "\"maintenance:NoExecute\""),
    ],
};
