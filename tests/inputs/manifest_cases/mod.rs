//! The table of mistakes.

use podsim::diag::Code;
use podsim::manifest::codes::*;

mod storage;
mod workloads;

/// One mistake.
pub struct Case {
    /// Its code.
    pub code: Code,
    /// The file.
    pub text: String,
    /// Line and column.
    pub at: (usize, usize),
    /// A part of the help.
    pub help: &'static str,
}

mod scheduler_config;

/// A good pod up to `spec:` (line 4).
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n";
/// A good pod up to its container (line 5).
const CONTAINER: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: c, image: i, ";
/// A pod that the Services below select.
const SELECTED: &str = "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\n\
                        spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}]}]}\n";

/// All of them.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |code, text: String, at, help| all.push(Case { code, text, at, help });
    let whole = |text: &str| text.to_owned();
    let object = |rest: &str| format!("apiVersion: v1\n{rest}");
    let spec = |rest: &str| format!("{POD}{rest}\n  containers: [{{name: c, image: i}}]\n");
    let container = |rest: &str| format!("{CONTAINER}{rest}}}]\n");
    let mount =
        |rest: &str| format!("{CONTAINER}volumeMounts: [{rest}]}}]\n  volumes: [{{name: v, emptyDir: {{}}}}]\n");
    let volume = |rest: &str| format!("{POD}  containers: [{{name: c, image: i}}]\n  volumes:\n  - {rest}\n");
    let service = |rest: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec:\n  selector: {{app: web}}\n  {rest}{SELECTED}"
        )
    };
    let node = |rest: &str| format!("apiVersion: v1\nkind: Node\nmetadata: {{name: node}}\n{rest}\n");
    let config = |rest: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\n{rest}\n");

    // Files and documents.
    add(SYNTAX, whole("kind: [Pod\n"), (1, 7), "brackets");
    add(SYNTAX, whole("kind: \"Pod\n"), (1, 7), "quotes");
    add(SYNTAX, whole("{a: 1}: b\n"), (1, 1), "keys of manifests are texts");
    add(SYNTAX, whole("<<: 5\nkind: Pod\n"), (1, 5), "alias of a mapping");
    add(TAB, whole("kind: Pod\nspec:\n\tcontainers: []\n"), (3, 1), "two for each level");
    add(TEMPLATE, whole("kind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"), (3, 9), "helm template");
    add(NOT_AN_OBJECT, whole("- just\n- a list\n"), (1, 1), "apiVersion: v1");
    add(NOT_AN_OBJECT, whole("name: chart\nversion: 1\n"), (1, 1), "leave the file out");
    add(NO_API_VERSION, whole("kind: ConfigMap\nmetadata: {name: m}\ndata: {a: b}\n"), (1, 1), "add `apiVersion: v1`");
    add(NO_KIND, whole("apiVersion: v1\nmetadata: {name: m}\nspec: {containers: []}\n"), (1, 1), "add `kind: Pod`");
    let rest = "metadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n";
    add(SPLIT, format!("kind: Pod\n---\napiVersion: v1\n{rest}"), (2, 1), "remove this line");
    add(SPLIT, format!("apiVersion: v1\n---\nkind: Pod\n{rest}"), (2, 1), "remove this line");
    add(SPLIT, format!("apiVersion: v1\nkind: Pod\n---\n{rest}"), (3, 1), "remove this line");
    add(
        UNKNOWN_KIND,
        object("kind: Podd\nmetadata: {name: x}\nspec: {containers: [{name: c, image: i}]}\n"),
        (2, 7),
        "did you mean",
    );
    add(
        UNKNOWN_KIND,
        object("kind: pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: i}]}\n"),
        (2, 7),
        "`Pod`",
    );
    add(
        WRONG_API_VERSION,
        whole("apiVersion: apps/v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: i}]}\n"),
        (1, 13),
        "apiVersion: v1",
    );
    add(WRONG_API_VERSION, whole("apiVersion: v1\nkind: Ingress\n"), (1, 13), "networking.k8s.io/v1");
    add(NOT_MODELLED, whole("apiVersion: node.k8s.io/v1\nkind: RuntimeClass\n"), (2, 7), "nothing of it will happen");
    add(DUPLICATE_KEY, spec("  nodeName: a\n  nodeName: b"), (6, 3), "keep one");
    add(DUPLICATE_KEY, config("data: {a: \"1\", a: \"2\"}"), (4, 16), "keep one");
    add(
        UNKNOWN_FIELD,
        format!("{POD}  contianers: []\n  containers: [{{name: c, image: i}}]\n"),
        (5, 3),
        "did you mean `containers`?",
    );
    add(UNKNOWN_FIELD, container("comand: [a]"), (5, 36), "`command`");
    add(MISPLACED_FIELD, container("requests: {cpu: 1}"), (5, 36), "under `resources:`");
    add(MISPLACED_FIELD, container("restartPolicy: Never"), (5, 51), "under `spec:`");
    add(MISPLACED_FIELD, format!("{POD}  containers: [{{name: c, image: i}}]\nreplicas: 2\n"), (6, 1), "Deployment");
    add(WRONG_TYPE, container("resources: {requests: cpu=1}"), (5, 58), "write `cpu: 500m`");
    add(WRONG_TYPE, spec("  nodeName: true"), (5, 13), "in quotes");
    add(WRONG_TYPE, spec("  hostNetwork: \"yes\""), (5, 16), "true or false");
    add(WRONG_TYPE, container("ports: 80"), (5, 43), "begin each item with `- `");
    add(WRONG_TYPE, container("ports: [{containerPort: \"80\"}]"), (5, 60), "without quotes: 80");
    add(WRONG_TYPE, container("ports: [80]"), (5, 44), "containerPort: 8080");
    add(YAML_SURPRISE, config("data: {country: N}"), (4, 17), "\"N\"");
    add(YAML_SURPRISE, config("data: {version: 1e3}"), (4, 17), "\"1e3\"");
    add(TOO_LARGE, format!("a: {}{}\n", "[".repeat(220), "]".repeat(220)), (1, 203), "aliases");
    add(EMPTY_FILE, whole("# nothing\n"), (1, 1), "write a manifest");

    // Names and labels.
    add(NO_NAME, object("kind: ConfigMap\nmetadata: {}\n"), (3, 1), "add `metadata: {name: web}`");
    add(NO_NAME, object("kind: ConfigMap\n"), (1, 1), "add `metadata: {name: web}`");
    add(NO_NAME, object("kind: ConfigMap\nmetadata:\n  name: \"\"\n"), (4, 9), "needs a name");
    add(BAD_NAME, object("kind: ConfigMap\nmetadata: {name: My_Map}\n"), (3, 18), "my-map");
    add(BAD_NAME, container("ports: []}, {name: C_2, image: i"), (5, 55), "c-2");
    add(BAD_LABEL, object("kind: ConfigMap\nmetadata: {name: m, labels: {a: b c}}\n"), (3, 33), "annotations");
    add(BAD_LABEL, spec("  nodeSelector: {\"a b\": c}"), (5, 18), "example.com/app");
    add(DUPLICATE_OBJECT, format!("{}---\n{}", config(""), config("data: {a: b}")), (8, 18), "m.yaml:3:18");
    add(DUPLICATE_OBJECT, format!("{}---\n{}", config(""), config("")), (8, 18), "one of the two is enough");

    // Pods.
    add(NO_CONTAINERS, format!("{POD}  restartPolicy: Never\n"), (4, 1), "at least one container");
    add(NO_CONTAINERS, object("kind: Pod\nmetadata: {name: web}\n"), (1, 1), "add `spec:`");
    add(DUPLICATE_CONTAINER, container("ports: []}, {name: c, image: i"), (5, 55), "rename one");
    add(NO_IMAGE, format!("{POD}  containers:\n  - name: c\n    image: \"\"\n"), (7, 12), "nginx:1.27");
    add(NO_IMAGE, format!("{POD}  containers:\n  - name: c\n    image:\n"), (7, 5), "nginx:1.27");
    add(NO_IMAGE, format!("{POD}  containers:\n  - name: c\n"), (6, 5), "what container c runs");
    add(BAD_IMAGE, format!("{POD}  containers:\n  - name: c\n    image: \" i\"\n"), (7, 12), "without the blanks");
    add(UNSUPPORTED, spec("  restartPolicy: always"), (5, 18), "did you mean `Always`?");
    add(UNSUPPORTED, container("ports: [{containerPort: 80, protocol: HTTP}]"), (5, 74), "write one of SCTP, TCP, UDP");
    add(REQUIRED, format!("{POD}  containers:\n  - image: i\n"), (6, 5), "add `name: web`");
    add(REQUIRED, container("ports: [{name: http}]"), (5, 45), "containerPort: 8080");
    add(OUT_OF_RANGE, spec("  activeDeadlineSeconds: 0"), (5, 26), "at least 1");
    add(OUT_OF_RANGE, container("livenessProbe: {tcpSocket: {port: 80}, periodSeconds: -1}"), (5, 90), "default 10");
    add(FORBIDDEN, spec("  ephemeralContainers: [{name: d}]"), (5, 3), "remove them");
    add(FORBIDDEN, container("resources: {limits: {hugepages-2Mi: 2Mi}}"), (5, 36), "cpu or memory");
    add(BAD_QUANTITY, container("resources: {requests: {memory: 1 GB}}"), (5, 67), "write 1G");
    add(BAD_QUANTITY, container("resources: {requests: {memory: }}"), (5, 59), "write an amount");
    add(NEGATIVE_QUANTITY, container("resources: {requests: {cpu: -1}}"), (5, 64), "minus sign");
    add(REQUEST_ABOVE_LIMIT, container("resources: {requests: {cpu: 2}, limits: {cpu: 1}}"), (5, 64), "at most 1");
    add(UNKNOWN_RESOURCE, container("resources: {requests: {mem: 1Gi}}"), (5, 59), "cpu, memory");
    add(UNKNOWN_RESOURCE, container("resources: {requests: {memroy: 1Gi}}"), (5, 59), "did you mean `memory`?");
    add(EXTENDED_RESOURCE, container("resources: {limits: {example.com/x: 500m}}"), (5, 72), "whole number");
    add(EXTENDED_RESOURCE, container("resources: {requests: {example.com/x: 1}}"), (5, 74), "under `limits:`");
    add(BAD_PORT, container("ports: [{containerPort: 70000}]"), (5, 60), "1 to 65535");
    add(BAD_PORT_NAME, container("ports: [{containerPort: 80, name: HTTP_port}]"), (5, 70), "15 lower case");
    add(
        DUPLICATE_PORT,
        container("ports: [{containerPort: 80, name: a}, {containerPort: 81, name: a}]"),
        (5, 100),
        "its own name",
    );
    add(
        HOST_PORT_CONFLICT,
        container(
            "ports: [{containerPort: 80, hostPort: 80}]}, {name: d, image: i, ports: [{containerPort: 81, hostPort: 80}]",
        ),
        (5, 139),
        "another hostPort",
    );
    add(
        HOST_NETWORK_PORT,
        format!("{CONTAINER}ports: [{{containerPort: 80, hostPort: 81}}]}}]\n  hostNetwork: true\n"),
        (5, 60),
        "remove hostPort",
    );

    // Volumes.
    add(UNKNOWN_VOLUME, mount("{name: w, mountPath: /w}"), (5, 58), "the pod's volumes are v");
    add(UNKNOWN_VOLUME, container("volumeMounts: [{name: data, mountPath: /w}]"), (5, 58), "the pod has no volumes");
    add(DUPLICATE_VOLUME, volume("{name: v, emptyDir: {}}\n  - {name: v, emptyDir: {}}"), (8, 12), "its own name");
    add(
        TWO_SOURCES,
        volume("{name: v, configMap: {name: m, optional: true}, emptyDir: {}}"),
        (7, 15),
        "remove `configMap` or `emptyDir`",
    );
    add(NO_SOURCE, volume("name: v"), (7, 5), "emptyDir: {}");
    add(NO_SOURCE, volume("name: v\n    emptyDir:"), (8, 5), "write `emptyDir: {}`");
    add(BAD_MOUNT_PATH, mount("{name: v, mountPath: data}"), (5, 72), "write /data");
    add(DUPLICATE_MOUNT, mount("{name: v, mountPath: /d}, {name: v, mountPath: /d}"), (5, 98), "another mountPath");
    add(BAD_SUB_PATH, mount("{name: v, mountPath: /d, subPath: ../x}"), (5, 85), "inside the volume");

    // Probes and environment.
    add(BAD_PROBE, container("livenessProbe: {periodSeconds: 5}"), (5, 36), "httpGet");
    add(
        BAD_PROBE,
        container("livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 80}}"),
        (5, 74),
        "remove `tcpSocket` or `exec`",
    );
    add(BAD_PROBE, container("lifecycle: {preStop: {}}"), (5, 48), "sleep");
    add(OUT_OF_RANGE, container("lifecycle: {preStop: {sleep: {seconds: 31}}}"), (5, 65), "grace period");
    add(UNKNOWN_FIELD, container("lifecycle: {prestop: {}}"), (5, 48), "did you mean `preStop`?");
    add(UNKNOWN_PROBE_PORT, container("readinessProbe: {httpGet: {port: http}}"), (5, 69), "name: http, containerPort");
    add(
        UNKNOWN_PROBE_PORT,
        container("ports: [{name: http, containerPort: 80}], readinessProbe: {httpGet: {port: htpp}}"),
        (5, 111),
        "did you mean `http`?",
    );
    add(
        PROBE_ON_INIT,
        spec("  initContainers: [{name: a, image: i, readinessProbe: {tcpSocket: {port: 80}}}]"),
        (5, 40),
        "sidecar",
    );
    add(BAD_ENV_NAME, container("env: [{name: a=b}]"), (5, 49), "its value in `value:`");
    add(
        BAD_ENV_SOURCE,
        container("env: [{name: a, value: x, valueFrom: {fieldRef: {fieldPath: p}}}]"),
        (5, 62),
        "either `value` or `valueFrom`",
    );
    add(BAD_ENV_SOURCE, container("envFrom: [{}]"), (5, 46), "configMapRef");

    // Disruption budgets.
    let budget = |spec: &str| {
        format!("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: b}}\nspec: {{{spec}}}\n")
    };
    add(BAD_BUDGET, budget("minAvailable: -1"), (4, 22), "a number of pods");
    add(BAD_BUDGET, budget("maxUnavailable: 101%"), (4, 24), "a percentage");
    add(BAD_BUDGET, budget("minAvailable: half"), (4, 22), "a percentage");
    add(BAD_BUDGET, budget("minAvailable: 1, maxUnavailable: 1"), (4, 41), "remove `minAvailable`");

    // Where pods may run.
    add(BAD_TOLERATION, spec("  tolerations: [{key: a, operator: Exists, value: b}]"), (5, 51), "remove `value`");
    add(
        BAD_TOLERATION,
        spec("  tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 5}]"),
        (5, 34),
        "NoExecute",
    );
    add(UNKNOWN_PRIORITY_CLASS, spec("  priorityClassName: high"), (5, 22), "add the PriorityClass");
    add(PRIORITY_CONFLICT, spec("  priority: 5"), (5, 13), "priorityClassName");
    let allocatable = "status: {allocatable: {cpu: 4, memory: 8Gi}}";
    add(BAD_TAINT, node(&format!("spec: {{taints: [{{key: a}}]}}\n{allocatable}")), (4, 18), "NoSchedule");
    add(
        BAD_TAINT,
        node(&format!(
            "spec: {{taints: [{{key: a, effect: NoSchedule}}, {{key: a, effect: NoSchedule}}]}}\n{allocatable}"
        )),
        (4, 48),
        "remove one",
    );
    let spread = |rest: &str| spec(&format!("  topologySpreadConstraints: [{{{rest}}}]"));
    let zone = "maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule";
    add(
        BAD_SELECTOR,
        spread(&format!("{zone}, labelSelector: {{matchExpressions: [{{key: a, operator: in}}]}}")),
        (5, 151),
        "did you mean `In`",
    );
    add(
        BAD_SELECTOR,
        spread(&format!("{zone}, labelSelector: {{matchExpressions: [{{key: a, operator: In}}]}}")),
        (5, 133),
        "operator: Exists",
    );
    add(
        BAD_SELECTOR,
        spread(&format!("{zone}, labelSelector: {{matchExpressions: [{{key: a, operator: Exists, values: [b]}}]}}")),
        (5, 167),
        "operator: In",
    );
    add(
        BAD_SELECTOR,
        spread(&format!("{zone}, labelSelector: {{matchExpressions: [{{key: /a, operator: Exists}}]}}")),
        (5, 138),
        "example.com/app",
    );
    add(BAD_LABEL, spread(&format!("{zone}, labelSelector: {{matchLabels: {{app: -a}}}}")), (5, 132), "63 letters");
    add(BAD_SPREAD, spread("maxSkew: 1, whenUnsatisfiable: DoNotSchedule"), (5, 32), "topology.kubernetes.io/zone");
    add(BAD_SPREAD, spread(&format!("{zone}}}, {{{zone}")), (5, 124), "one constraint of each kind");
    add(
        BAD_SPREAD,
        spread("maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, minDomains: 2"),
        (5, 110),
        "DoNotSchedule",
    );
    add(BAD_SPREAD, spread(&format!("{zone}, matchLabelKeys: [app]")), (5, 113), "add `labelSelector:`");
    add(OUT_OF_RANGE, spread("maxSkew: 0, topologyKey: zone, whenUnsatisfiable: DoNotSchedule"), (5, 41), "maxSkew: 1");
    add(OUT_OF_RANGE, spread(&format!("{zone}, minDomains: 0")), (5, 109), "at least");
    add(UNSUPPORTED, spread("maxSkew: 1, topologyKey: zone"), (5, 32), "ScheduleAnyway");
    add(UNSUPPORTED, spread(&format!("{zone}, nodeTaintsPolicy: honor")), (5, 115), "did you mean `Honor`");
    let near = |rest: &str| {
        spec(&format!(
            "  affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{{rest}}}]}}}}"
        ))
    };
    add(BAD_POD_AFFINITY, near("labelSelector: {}"), (5, 82), "topology.kubernetes.io/zone");
    add(BAD_POD_AFFINITY, near("topologyKey: zone, namespaces: [Team_A]"), (5, 114), "lower case");
    add(BAD_POD_AFFINITY, near("topologyKey: zone, mismatchLabelKeys: [app]"), (5, 120), "add `labelSelector:`");
    add(
        BAD_POD_AFFINITY,
        near("topologyKey: zone, labelSelector: {}, matchLabelKeys: [a], mismatchLabelKeys: [a]"),
        (5, 137),
        "one of the two",
    );
    add(MISPLACED_FIELD, near("topologyKey: zone, matchLabels: {}"), (5, 101), "labelSelector");
    add(
        BAD_POD_AFFINITY,
        whole(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec:\n  containers: [{name: c, image: i}]\n  \
             affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: \
             {topologyKey: zone, labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [app]}}]}}\n",
        ),
        (6, 186),
        "one of the two",
    );
    let wish = |rest: &str| {
        spec(&format!("  affinity: {{podAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{{{rest}}}]}}}}"))
    };
    add(
        OUT_OF_RANGE,
        wish("weight: 101, podAffinityTerm: {topologyKey: zone, labelSelector: {}}"),
        (5, 87),
        "from 1 to 100",
    );
    add(BAD_POD_AFFINITY, wish("weight: 1"), (5, 79), "podAffinityTerm");
    add(WRONG_TYPE, wish("weight: 1, podAffinityTerm: {topologyKey: zone, namespaces: team}"), (5, 139), "list");
    add(BAD_NAME, whole("apiVersion: v1\nkind: Namespace\nmetadata: {name: Team.A}\n"), (3, 18), "lower case");
    add(
        BAD_NODE_AFFINITY,
        spec("  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}"),
        (5, 97),
        "matchExpressions",
    );
    add(
        BAD_NODE_AFFINITY,
        spec(
            "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: in, values: [b]}]}]}}}",
        ),
        (5, 137),
        "did you mean `In`",
    );
    add(
        BAD_NODE_AFFINITY,
        spec(
            "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: []}]}]}}}",
        ),
        (5, 149),
        "operator: Exists",
    );
    add(
        BAD_NODE_AFFINITY,
        spec(
            "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [\"1\", \"2\"]}]}]}}}",
        ),
        (5, 149),
        "whole number",
    );
    add(
        BAD_NODE_AFFINITY,
        spec(
            "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Lt, values: [x]}]}]}}}",
        ),
        (5, 149),
        "matches no node",
    );
    add(
        BAD_NODE_AFFINITY,
        spec(
            "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.uid, operator: In, values: [x]}]}]}}}",
        ),
        (5, 119),
        "metadata.name",
    );
    add(
        OUT_OF_RANGE,
        spec(
            "  affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, preference: {}}]}}",
        ),
        (5, 88),
        "from 1 to 100",
    );
    add(NO_CAPACITY, node("status: {}"), (4, 1), "allocatable");

    // Services.
    add(NO_PORTS, service("type: ClusterIP"), (4, 1), "targetPort: 8080");
    add(
        DUPLICATE_SERVICE_PORT,
        service("ports: [{name: a, port: 80}, {name: b, port: 80}]"),
        (6, 48),
        "another port number",
    );
    add(BAD_NODE_PORT, service("ports: [{port: 80, nodePort: 30080}]"), (6, 32), "type: NodePort");
    add(BAD_NODE_PORT, service("ports: [{port: 80, nodePort: 80}]\n  type: NodePort"), (6, 32), "30000 to 32767");
    add(BAD_ADDRESS, service("ports: [{port: 80}]\n  clusterIP: web"), (7, 14), "None for none");
    add(BAD_ADDRESS, service("ports: [{port: 80}]\n  loadBalancerIP: web"), (7, 19), "not a name");
    add(EMPTY_LOAD_BALANCER_IP, service("ports: [{port: 80}]\n  loadBalancerIP: \"\""), (7, 3), "any address will do");
    add(EMPTY_LOAD_BALANCER_IP, service("ports: [{port: 80}]\n  loadBalancerIP:"), (7, 3), "any address will do");
    add(UNKNOWN_TARGET_PORT, service("ports: [{port: 80, targetPort: htpp}]"), (6, 34), "did you mean `http`?");
    add(
        SELECTS_NOTHING,
        whole(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {app: wbe}\n  ports: [{port: 80}]",
        ) + SELECTED,
        (5, 3),
        "did you mean `app: web`?",
    );

    // Configuration.
    add(EMPTY_CONFIG_VALUE, config("data:\n  URL:"), (5, 3), "remove the key");
    add(EMPTY_CONFIG_VALUE, config("data:\n  URL: \"\""), (5, 3), "take an empty setting for a missing one");
    add(BAD_CONFIG_KEY, config("data: {a b: c}"), (4, 8), "a-b");
    add(BAD_BASE64, object("kind: Secret\nmetadata: {name: s}\ndata: {password: hunter2!}\n"), (4, 18), "stringData");
    add(CONFIG_TOO_LARGE, config(&format!("data: {{a: {}}}", "x".repeat(1 << 21))), (4, 1), "split it");
    add(MISSING_CONFIG, container("envFrom: [{configMapRef: {name: settings}}]"), (5, 68), "add the ConfigMap");
    add(
        MISSING_CONFIG_KEY,
        container("env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: urll}}}]")
            + "---\n"
            + &config("data: {url: x}"),
        (5, 96),
        "did you mean `url`?",
    );
    storage::add_to(&mut all);
    workloads::add_to(&mut all);
    all.extend(scheduler_config::cases());
    all
}
