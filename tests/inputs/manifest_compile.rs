//! What well-formed manifests are compiled to: defaults, admission, classes, references.

use podsim::diag::{Diagnostics, Sources};
use podsim::manifest::{Objects, load};
use podsim::model::*;

fn compile(text: &str) -> (Objects, Vocabulary, Diagnostics) {
    let mut sources = Sources::default();
    let file = sources.add("m.yaml", text);
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    let objects = load(&[file], &sources, &mut words, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, false));
    (objects, words, diagnostics)
}

const POD: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  namespace: shop
  labels: {app: web, tier: "1"}
  annotations: {Example.com/Note: "a text: of any kind"}
spec:
  nodeName: ""
  nodeSelector: {zone: b, arch: amd64}
  tolerations:
  - {key: dedicated, value: web, effect: NoSchedule}
  - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
  initContainers:
  - name: migrate
    image: shop/migrate
    resources: {requests: {cpu: "2", memory: 1Gi}}
  - name: proxy
    image: proxy:latest
    restartPolicy: Always
    ports: [{containerPort: 15001, hostPort: 15001, hostIP: 127.0.0.1}]
    resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
    startupProbe: {tcpSocket: {port: 15001}}
  containers:
  - name: web
    image: shop/web:1.2@sha256:0123
    command: [serve]
    ports:
    - {name: http, containerPort: 8080}
    - {name: dns, containerPort: 53, protocol: UDP}
    envFrom:
    - configMapRef: {name: settings}
    - secretRef: {name: passwords, optional: true}
    env:
    - {name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    resources:
      limits: {cpu: 1.5, memory: 1Gi, example.com/gpu: 2}
      requests: {cpu: 500m}
    volumeMounts:
    - {name: scratch, mountPath: /tmp}
    - {name: config, mountPath: /etc/web, readOnly: true, subPath: web.conf}
    readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5, failureThreshold: 2}
    livenessProbe: {exec: {command: ["true"]}, initialDelaySeconds: 7, terminationGracePeriodSeconds: 3}
  - name: helper
    image: helper
  volumes:
  - name: scratch
    emptyDir: {sizeLimit: 1Gi, medium: Memory}
  - name: config
    projected:
      sources:
      - configMap: {name: settings, items: [{key: level, path: level}]}
      - serviceAccountToken: {path: token}
      - configMap: {name: kube-root-ca.crt}
  - name: host
    hostPath: {path: /var/log}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {level: "3", color: "yes"}
binaryData: {logo: YWJj}
"#;

#[test]
fn a_pod_is_defaulted_and_compiled() {
    let (objects, words, diagnostics) = compile(POD);
    assert!(diagnostics.is_empty());
    let text = |id| words.strings.text(id);
    let pod = &objects.pods[0];
    assert_eq!((text(pod.namespace), text(pod.name)), ("shop", "web-0"));
    let template = &pod.template;
    assert_eq!(template.restart_policy, RestartPolicy::Always);
    assert_eq!(template.grace_period_seconds, 30);
    assert_eq!(template.qos, QosClass::Burstable);
    assert_eq!(template.init_count(), 2);
    let roles: Vec<Role> = template.containers.iter().map(|c| c.role).collect();
    assert_eq!(roles, [Role::Init, Role::Sidecar, Role::Main, Role::Main]);
    let policies: Vec<ImagePullPolicy> = template.containers.iter().map(|c| c.pull_policy).collect();
    use ImagePullPolicy::{Always, IfNotPresent};
    assert_eq!(policies, [Always, Always, IfNotPresent, Always]);

    let class = words.classes.get(template.class);
    // Init: 2 cores, 1 GiB; together: 100m + 500m + nothing, 64 Mi + 1 Gi (a limit is a request) + nothing.
    assert_eq!((class.requests.milli_cpu, class.requests.memory), (2000, (1 << 30) + (64 << 20)));
    assert_eq!((class.scoring_milli_cpu, class.scoring_memory), (2000, (1 << 30) + (264 << 20)));
    assert_eq!((class.accounted_scoring, class.priority), (None, 0));
    let gpu = words.strings.lookup("example.com/gpu").unwrap();
    assert_eq!(class.requests.scalar(gpu), 2);
    assert_eq!(class.node_name, None);
    let selector: Vec<_> = class.node_selector.iter().map(|&(k, v)| (text(k), text(v))).collect();
    assert_eq!(selector, [("arch", "amd64"), ("zone", "b")]);
    let tolerations: Vec<_> = class
        .tolerations
        .iter()
        .map(|t| (t.key.map(text), t.operator == TolerationOperator::Exists, t.seconds))
        .collect();
    assert_eq!(
        tolerations,
        [
            (Some("dedicated"), false, None),
            (Some("node.kubernetes.io/not-ready"), true, Some(5)),
            (Some("node.kubernetes.io/unreachable"), true, Some(300)),
        ]
    );
    let [port] = &*class.host_ports else { panic!("one host port") };
    assert_eq!((port.protocol, text(port.host_ip), port.port), (Protocol::Tcp, "127.0.0.1", 15001));
}

#[test]
fn containers_have_probes_mounts_and_references() {
    let (objects, words, _) = compile(POD);
    let text = |id| words.strings.text(id);
    let template = &objects.pods[0].template;
    let web = &template.containers[2];
    let readiness = web.readiness_probe.unwrap();
    assert_eq!(readiness.action, ProbeAction::Http(8080));
    let numbers = |p: Probe| {
        (p.initial_delay_seconds, p.period_seconds, p.timeout_seconds, p.success_threshold, p.failure_threshold)
    };
    assert_eq!(numbers(readiness), (0, 5, 1, 1, 2));
    let liveness = web.liveness_probe.unwrap();
    assert_eq!(numbers(liveness), (7, 10, 1, 1, 3));
    assert_eq!((liveness.action, liveness.grace_period_seconds), (ProbeAction::Exec, Some(3)));
    assert_eq!(template.containers[1].startup_probe.unwrap().action, ProbeAction::Tcp(15001));
    assert_eq!(web.limits, Limits { milli_cpu: Some(1500), memory: Some(1 << 30), ephemeral_storage: None });
    assert_eq!((web.requests.milli_cpu, web.requests.memory), (500, 1 << 30));

    let name_of = |config: ConfigId| text(words.configs.get(config).name);
    let env: Vec<_> = web.env.iter().map(|e| (name_of(e.config), e.keys.len(), e.optional)).collect();
    assert_eq!(env, [("settings", 0, false), ("passwords", 0, true), ("settings", 1, false)]);
    let mounts: Vec<_> = web.mounts.iter().map(|m| (m.volume, &*m.path, &*m.sub_path, m.read_only)).collect();
    assert_eq!(mounts, [(0, "/tmp", "", false), (1, "/etc/web", "web.conf", true)]);
    assert_eq!(template.volumes[0].source, VolumeSource::EmptyDir { size_limit: Some(1 << 30), memory: true });
    let VolumeSource::Config(sources) = &template.volumes[1].source else { panic!("configuration") };
    assert_eq!(sources.len(), 1, "tokens and the cluster's certificate are always there");
    assert_eq!(text(sources[0].keys[0]), "level");
    assert_eq!(template.volumes[2].source, VolumeSource::Other);

    let (settings, _) = &objects.configs[0];
    assert_eq!(name_of(settings.config), "settings");
    assert_eq!(settings.config, sources[0].config);
    let mut keys: Vec<&str> = settings.keys.iter().map(|&key| text(key)).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["color", "level", "logo"]);
}

#[test]
fn what_is_not_used_is_said_by_path_and_count() {
    let (objects, ..) = compile(POD);
    let ignored: Vec<_> = objects.ignored.iter().map(|(path, count)| (path.as_str(), *count)).collect();
    assert_eq!(
        ignored,
        [
            ("Pod: spec.containers[].command", 1),
            ("Pod: spec.containers[].env[].valueFrom.fieldRef", 1),
            ("Pod: spec.containers[].readinessProbe.httpGet.path", 1),
            ("Pod: spec.volumes[].hostPath", 1),
        ]
    );
}

#[test]
fn nodes_services_and_priority_classes() {
    let (objects, words, _) = compile(
        r#"
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata:
    name: a
    labels: {kubernetes.io/hostname: a, topology.kubernetes.io/zone: z1, pool: x}
  spec:
    unschedulable: true
    taints: [{key: dedicated, value: web, effect: NoSchedule, timeAdded: "2020-01-01T00:00:00Z"}]
  status:
    capacity: {cpu: 4, memory: 16Gi, pods: 30, ephemeral-storage: 100Gi}
    allocatable: {cpu: 3920m, memory: 15Gi, pods: 29}
- apiVersion: v1
  kind: Node
  metadata: {name: "b", labels: {kubernetes.io/hostname: other}}
  status: {capacity: {cpu: 2, memory: 1Gi}}
- apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec:
    type: NodePort
    selector: {app: web}
    ports:
    - {name: http, port: 80, targetPort: http, nodePort: 30080}
    - {name: dns, port: 53, protocol: UDP}
- apiVersion: v1
  kind: Service
  metadata: {name: db}
  spec: {clusterIP: None, selector: {app: db}, publishNotReadyAddresses: true}
- apiVersion: scheduling.k8s.io/v1
  kind: PriorityClass
  metadata: {name: high}
  value: 1000
  preemptionPolicy: Never
- apiVersion: v1
  kind: Pod
  metadata: {generateName: job-, labels: {app: web}}
  spec:
    priorityClassName: high
    hostNetwork: true
    restartPolicy: Never
    containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}], resources: {limits: {cpu: 1, memory: 1}}}]
- apiVersion: v1
  kind: Pod
  metadata: {name: agent}
  spec:
    priorityClassName: system-node-critical
    containers: [{name: c, image: i}]
    resources: {requests: {cpu: 300m}}
"#,
    );
    let text = |id| words.strings.text(id);
    let shape = words.shapes.get(objects.nodes[0].shape);
    assert_eq!((shape.capacity.milli_cpu, shape.allocatable.milli_cpu, shape.max_pods), (4000, 3920, 29));
    assert_eq!((text(shape.zone), shape.unschedulable, shape.taints.len()), ("z1", true, 1));
    assert_eq!(words.strings.labels(shape.labels).pairs().len(), 2, "the node's own hostname is not in the shape");
    let shape = words.shapes.get(objects.nodes[1].shape);
    assert_eq!((shape.allocatable.milli_cpu, shape.max_pods), (2000, 110));
    assert_eq!(words.strings.labels(shape.labels).pairs().len(), 1, "another hostname is");

    let service = &objects.services[0].0;
    assert_eq!((service.kind, service.ports.len()), (ServiceType::NodePort, 2));
    assert!(matches!(service.ports[0].target, TargetPort::Name(name) if text(name) == "http"));
    assert_eq!((service.ports[1].target, service.ports[1].protocol), (TargetPort::Number(53), Protocol::Udp));
    let headless = &objects.services[1].0;
    assert_eq!((headless.kind, headless.publish_not_ready_addresses), (ServiceType::Headless, true));

    let pod = &objects.pods[0];
    assert!(text(pod.name).starts_with("job-") && text(pod.name).len() == 9);
    let class = words.classes.get(pod.template.class);
    assert_eq!((class.priority, class.preemption), (1000, PreemptionPolicy::Never));
    assert_eq!(class.host_ports[0].port, 80);
    assert_eq!(pod.template.qos, QosClass::Guaranteed);
    let class = words.classes.get(objects.pods[1].template.class);
    assert_eq!(class.priority, 2_000_001_000);
    assert_eq!((class.requests.milli_cpu, class.scoring_milli_cpu), (300, 100));
    assert_eq!(class.accounted_scoring, Some((300, 200 << 20)));
}

#[test]
fn equal_pods_share_a_class_and_json_is_the_same_as_yaml() {
    let pod = |name: &str| {
        format!(
            r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}"}},
                "spec": {{"containers": [{{"name": "c", "image": "i", "resources": {{"requests": {{"cpu": "1"}}}}}}]}}}}"#
        )
    };
    let json = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{}, {}]}}"#, pod("a"), pod("b"));
    let (from_json, _, _) = compile(&json);
    let (from_yaml, _, _) = compile(&format!("# KYAML\n---\n{}", json.replace("]}", ",]}")));
    let classes: Vec<_> = from_json.pods.iter().chain(&from_yaml.pods).map(|pod| pod.template.class).collect();
    assert_eq!(classes.len(), 4);
    assert!(classes.iter().all(|class| *class == classes[0]));
    let list = format!("[{}, {}]", pod("a"), pod("b"));
    assert_eq!(compile(&list).0.pods.len(), 2, "a JSON array of objects is read as well");
}

#[test]
fn token_volumes_of_dumps_need_no_secret() {
    let (objects, _, diagnostics) = compile(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: c
    image: i
    volumeMounts: [{name: default-token-abcde, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]
  volumes: [{name: default-token-abcde, secret: {secretName: default-token-abcde}}]
"#,
    );
    assert!(diagnostics.is_empty());
    assert_eq!(objects.pods[0].template.volumes[0].source, VolumeSource::Other);
}

#[test]
fn node_affinity_is_compiled() {
    let text = r#"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: c, image: i}]
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        - matchExpressions: [{key: disk, operator: In, values: [ssd, nvme]}, {key: cores, operator: Gt, values: ["4"]}]
        - matchFields: [{key: metadata.name, operator: In, values: [node-1]}]
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 30
        preference: {matchExpressions: [{key: disk, operator: NotIn, values: [hdd]}]}
    podAntiAffinity: {}
"#;
    let (objects, words, _) = compile(text);
    let class = words.classes.get(objects.pods[0].template.class);
    let affinity = class.node_affinity.as_deref().expect("it has one");
    assert_eq!(affinity.required.as_ref().map(|terms| terms.len()), Some(2));
    assert_eq!(affinity.preferred.iter().map(|&(weight, _)| weight).collect::<Vec<_>>(), [30]);
    assert_eq!(affinity.terms().map(|term| term.compares_numbers()).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(affinity.terms().map(|term| term.names().len()).collect::<Vec<_>>(), [0, 1, 0]);
    assert!(objects.ignored.is_empty() && class.pod_affinity.is_none());
}

#[test]
fn terms_about_pods_are_compiled_as_admission_leaves_them() {
    let text = r#"
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  labels: {app: web, hash: h1}
  ownerReferences:
  - {apiVersion: apps/v1, kind: Deployment, name: other, uid: u, controller: false}
  - {apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: v, controller: true}
spec:
  containers: [{name: c, image: i}]
  affinity:
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: zone, labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [hash, absent]}
      - {topologyKey: zone, labelSelector: {matchLabels: {app: web}, matchExpressions: [{key: hash, operator: In, values: [h1]}]}, matchLabelKeys: [hash]}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 7
        podAffinityTerm: {topologyKey: zone, labelSelector: {}, mismatchLabelKeys: [hash], namespaceSelector: {}}
  topologySpreadConstraints:
  - {maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [hash]}
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, nodeTaintsPolicy: Honor}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
"#;
    let (objects, mut words, _) = compile(text);
    let class = words.classes.get(objects.pods[0].template.class).clone();
    let mut labels = |pairs: &[(&str, &str)]| {
        let id = words.strings.intern_labels(pairs.iter().copied());
        words.strings.labels(id).clone()
    };
    let same = labels(&[("app", "web"), ("hash", "h1")]);
    let other = labels(&[("app", "web"), ("hash", "h2")]);
    let affinity = class.pod_affinity.as_deref().expect("it has terms");
    for term in &affinity.required {
        assert_eq!((&*term.namespaces, term.in_own_namespace), (&[class.namespace][..], true));
        assert!(term.selector.selects(&same) && !term.selector.selects(&other));
    }
    let (weight, apart) = &affinity.anti_preferred[0];
    assert!(*weight == 7 && apart.namespaces.is_empty() && apart.namespace_selector.is_everything());
    assert!(!apart.selector.selects(&same) && apart.selector.selects(&other));
    let [hard, soft] = &class.spread[..] else { panic!("two constraints") };
    assert!((hard.max_skew, hard.min_domains) == (2, 1) && hard.selector.selects(&same));
    assert!(!hard.selector.selects(&other) && !soft.selector.selects(&same), "no selector selects nothing");
    assert_eq!(class.owner, Some(objects.owners[0].owner));
    assert!(
        words.strings.text(objects.namespaces[0].name) == "shop" && objects.namespaces[0].labels.pairs().len() == 2
    );
}

#[test]
fn what_a_resize_is_about_to_take_counts_on_the_node() {
    let pod = |node: &str, conditions: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  {node}\n  containers:\n  \
             - {{name: a, image: i, resources: {{requests: {{cpu: '1', memory: 1Gi}}}}}}\n  - {{name: b, image: i}}\n\
             status:\n  {conditions}\n  containerStatuses:\n  \
             - {{name: a, resources: {{requests: {{cpu: 500m}}}}, allocatedResources: {{cpu: 600m, memory: 2Gi}}}}\n  \
             - {{name: b, allocatedResources: {{cpu: '9'}}}}\n"
        )
    };
    let class = |text: &str| {
        let (objects, words, _) = compile(text);
        let class = words.classes.get(objects.pods[0].template.class).clone();
        (
            class.requests.milli_cpu,
            class.requests.memory >> 20,
            class.accounted_scoring.map(|(cpu, memory)| (cpu, memory >> 20)),
        )
    };
    // The status of a container counts only if it has `resources`; defaults for scores come after it.
    assert_eq!(class(&pod("nodeName: node", "phase: Running")), (1000, 2048, Some((1100, 2248))));
    let infeasible = "conditions: [{type: PodResizePending, reason: Infeasible}]";
    assert_eq!(class(&pod("nodeName: node", infeasible)), (600, 2048, Some((700, 2248))));
    // Without a node there is nothing to resize.
    assert_eq!(class(&pod("", "phase: Pending")), (1000, 1024, None));
}

/// The plugin LimitRanger: limits from `default` or `max`, requests from the container's own limits, `defaultRequest` or `default`.
#[test]
fn limit_ranges_of_the_namespace_fill_in_requests_and_limits() {
    let pod = |namespace: &str, resources: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}}}\nspec:\n  containers:\n  - {{name: a, \
             image: i, resources: {resources}}}\n---\n"
        )
    };
    let range = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: r, namespace: small}\nspec:\n  limits:\n  - type: \
                 Container\n    default: {cpu: 200m}\n    defaultRequest: {cpu: 50m}\n    max: {memory: 1Gi}\n";
    let text =
        pod("small", "{}") + &pod("other", "{}") + &pod("small", "{limits: {cpu: 150m}}").replace(": p,", ": q,");
    let (objects, words, _) = compile(&(text + range));
    let of = |at: usize| {
        let template = &objects.pods[at].template;
        let (spec, class) = (&template.containers[0], words.classes.get(template.class));
        (spec.requests.milli_cpu, spec.limits.milli_cpu, class.requests.memory, template.qos)
    };
    let gibi = 1 << 30;
    assert_eq!(of(0), (50, Some(200), gibi, QosClass::Burstable));
    assert_eq!(of(1), (0, None, 0, QosClass::BestEffort));
    assert_eq!(of(2), (150, Some(150), gibi, QosClass::Guaranteed));
}
