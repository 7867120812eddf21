//! The fields of pods and of what is inside of them, v1.34: the ones that are read, and the ones that exist but are not
//! modelled. A field that is in neither list does not exist. Mirrors staging/src/k8s.io/api/core/v1/types.go.

use super::fields::Schema;
pub(super) use super::schema_objects::*;
pub(super) use super::schema_placement::*;
pub(super) use super::schema_storage::*;

/// A Pod.
pub(super) const POD: Schema = Schema {
    go: "Pod",
    what: "a Pod",
    modelled: &["apiVersion", "kind", "metadata", "spec", "status"],
    ignored: &[],
    misplaced: &[
        ("name", "put it under `metadata:`"),
        ("namespace", "put it under `metadata:`"),
        ("labels", "put it under `metadata:`"),
        ("containers", "put it under `spec:`"),
        ("template", "only Deployments, StatefulSets and the like have a template: put the pod's fields under `spec:`"),
        ("replicas", "a Pod is one pod: use a Deployment for several"),
    ],
};

/// `metadata` of any object.
pub(super) const META: Schema = Schema {
    go: "ObjectMeta",
    what: "metadata",
    modelled: &[
        "name",
        "generateName",
        "namespace",
        "labels",
        "annotations",
        "uid",
        "deletionTimestamp",
        "ownerReferences",
    ],
    ignored: &[
        "selfLink",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "finalizers",
        "managedFields",
        "clusterName",
    ],
    misplaced: &[("spec", "put it beside `metadata:`, not under it")],
};

/// `spec` of a pod.
pub(super) const POD_SPEC: Schema = Schema {
    go: "PodSpec",
    what: "a pod's spec",
    modelled: &[
        "volumes",
        "initContainers",
        "containers",
        "ephemeralContainers",
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "activeDeadlineSeconds",
        "dnsPolicy",
        "nodeSelector",
        "affinity",
        "topologySpreadConstraints",
        "nodeName",
        "hostNetwork",
        "hostname",
        "tolerations",
        "priorityClassName",
        "priority",
        "preemptionPolicy",
        "schedulerName",
        "schedulingGates",
        "overhead",
        "resources",
    ],
    ignored: &[
        "serviceAccountName",
        "serviceAccount",
        "automountServiceAccountToken",
        "hostPID",
        "hostIPC",
        "shareProcessNamespace",
        "securityContext",
        "imagePullSecrets",
        "subdomain",
        "hostAliases",
        "dnsConfig",
        "readinessGates",
        "runtimeClassName",
        "enableServiceLinks",
        "setHostnameAsFQDN",
        "os",
        "hostUsers",
        "resourceClaims",
        "hostnameOverride",
    ],
    misplaced: &[
        ("container", "`containers:` is a list: begin each container with `- name:`"),
        ("image", "an image belongs to a container: put it under `containers:`, behind `- name:`"),
        ("ports", "ports belong to a container: put them under `containers:`, behind `- name:`"),
        ("env", "the environment belongs to a container: put it under `containers:`, behind `- name:`"),
        ("volumeMounts", "mounts belong to a container: put them under `containers:`, behind `- name:`"),
        ("replicas", "a Pod is one pod: use a Deployment for several"),
        ("labels", "labels stand under `metadata:`, beside `spec:`"),
        ("requests", "requests stand under `resources:` of a container"),
        ("limits", "limits stand under `resources:` of a container"),
        ("topologySpreadConstraint", "did you mean `topologySpreadConstraints`?"),
    ],
};

/// A container or init container.
pub(super) const CONTAINER: Schema = Schema {
    go: "Container",
    what: "a container",
    modelled: &[
        "name",
        "image",
        "ports",
        "envFrom",
        "env",
        "resources",
        "restartPolicy",
        "volumeMounts",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
        "imagePullPolicy",
        "restartPolicyRules",
        "resizePolicy",
    ],
    ignored: &[
        "command",
        "args",
        "workingDir",
        "volumeDevices",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "securityContext",
        "stdin",
        "stdinOnce",
        "tty",
    ],
    misplaced: &[
        ("requests", "put it under `resources:`, as `resources: {requests: {cpu: 500m, memory: 256Mi}}`"),
        ("limits", "put it under `resources:`, as `resources: {limits: {cpu: 500m, memory: 256Mi}}`"),
        ("cpu", "put it under `resources:` and there under `requests:` or `limits:`"),
        ("memory", "put it under `resources:` and there under `requests:` or `limits:`"),
        ("port", "`ports:` is a list: write `ports: [{containerPort: 8080}]`"),
        ("containerPort", "put it under `ports:`, as `ports: [{containerPort: 8080}]`"),
        ("environment", "the field is called `env`: a list of `- name:` with `value:`"),
        ("configMapRef", "put it under `envFrom:`, as `envFrom: [{configMapRef: {name: settings}}]`"),
        ("secretRef", "put it under `envFrom:`, as `envFrom: [{secretRef: {name: passwords}}]`"),
        ("mounts", "the field is called `volumeMounts`"),
        ("volumes", "volumes belong to the pod: put them under `spec:`; the container has `volumeMounts:`"),
        ("containers", "containers do not nest: put it under `spec:`"),
        ("labels", "labels stand under the pod's `metadata:`"),
        ("nodeSelector", "it belongs to the pod: put it under `spec:`, beside `containers:`"),
        ("tolerations", "they belong to the pod: put them under `spec:`, beside `containers:`"),
        ("healthcheck", "Kubernetes has `livenessProbe`, `readinessProbe` and `startupProbe`"),
    ],
};

/// A port of a container.
pub(super) const CONTAINER_PORT: Schema = Schema {
    go: "ContainerPort",
    what: "a container port",
    modelled: &["name", "hostPort", "containerPort", "protocol", "hostIP"],
    ignored: &[],
    misplaced: &[
        ("port", "the field is called `containerPort` in a container"),
        ("targetPort", "a Service has target ports; the field is called `containerPort` in a container"),
    ],
};

/// `resources` of a container or pod.
pub(super) const RESOURCES: Schema = Schema {
    go: "ResourceRequirements",
    what: "resources",
    modelled: &["limits", "requests"],
    ignored: &["claims"],
    misplaced: &[
        ("cpu", "put it under `requests:` or `limits:`"),
        ("memory", "put it under `requests:` or `limits:`"),
        ("limit", "did you mean `limits`?"),
        ("request", "did you mean `requests`?"),
    ],
};

/// An environment variable.
pub(super) const ENV_VAR: Schema = Schema {
    go: "EnvVar",
    what: "an environment variable",
    modelled: &["name", "value", "valueFrom"],
    ignored: &[],
    misplaced: &[
        ("configMapKeyRef", "put it under `valueFrom:`"),
        ("secretKeyRef", "put it under `valueFrom:`"),
        ("fieldRef", "put it under `valueFrom:`"),
        ("key", "the variable's name is `name:`"),
    ],
};

/// Where a variable's value comes from.
pub(super) const ENV_VAR_SOURCE: Schema = Schema {
    go: "EnvVarSource",
    what: "valueFrom",
    modelled: &["configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef"],
    ignored: &[],
    misplaced: &[
        ("configMapRef", "one key is `configMapKeyRef`; a whole ConfigMap is taken by `envFrom`"),
        ("secretRef", "one key is `secretKeyRef`; a whole Secret is taken by `envFrom`"),
    ],
};

/// A key of a ConfigMap or Secret.
pub(super) const KEY_SELECTOR: Schema = Schema {
    go: "ConfigMapKeySelector",
    what: "a reference to a key",
    modelled: &["name", "key", "optional"],
    ignored: &[],
    misplaced: &[],
};

/// A whole ConfigMap or Secret as environment.
pub(super) const ENV_FROM: Schema = Schema {
    go: "EnvFromSource",
    what: "an item of envFrom",
    modelled: &["configMapRef", "secretRef"],
    ignored: &["prefix"],
    misplaced: &[
        ("configMapKeyRef", "one key is taken by `env:` with `valueFrom:`; here it is `configMapRef`"),
        ("secretKeyRef", "one key is taken by `env:` with `valueFrom:`; here it is `secretRef`"),
        ("name", "put it under `configMapRef:` or `secretRef:`"),
    ],
};

/// A reference to a ConfigMap or Secret.
pub(super) const ENV_REF: Schema = Schema {
    go: "ConfigMapEnvSource",
    what: "a reference",
    modelled: &["name", "optional"],
    ignored: &[],
    misplaced: &[("key", "one key is taken by `env:` with `valueFrom:`; envFrom takes all")],
};

/// A mount.
pub(super) const VOLUME_MOUNT: Schema = Schema {
    go: "VolumeMount",
    what: "a volume mount",
    modelled: &["name", "readOnly", "mountPath", "subPath"],
    ignored: &["recursiveReadOnly", "mountPropagation", "subPathExpr"],
    misplaced: &[("path", "the field is called `mountPath`"), ("subpath", "the field is called `subPath`")],
};

/// What a volume can hold, in upstream's order.
pub(super) const VOLUME_SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "scaleIO",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

/// A volume: its name and one of [`VOLUME_SOURCES`].
pub(super) const VOLUME: Schema = Schema {
    go: "Volume",
    what: "a volume",
    modelled: &[
        "name",
        "emptyDir",
        "hostPath",
        "gitRepo",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "secret",
        "nfs",
        "iscsi",
        "glusterfs",
        "flocker",
        "persistentVolumeClaim",
        "rbd",
        "cinder",
        "cephfs",
        "quobyte",
        "downwardAPI",
        "fc",
        "flexVolume",
        "configMap",
        "azureFile",
        "vsphereVolume",
        "photonPersistentDisk",
        "portworxVolume",
        "azureDisk",
        "storageos",
        "scaleIO",
        "projected",
        "csi",
        "ephemeral",
        "image",
    ],
    ignored: &[],
    misplaced: &[
        ("mountPath", "a mount path belongs to `volumeMounts:` of a container"),
        ("pvc", "the field is called `persistentVolumeClaim`, with `claimName:`"),
    ],
};

/// An emptyDir.
pub(super) const EMPTY_DIR: Schema = Schema {
    go: "EmptyDirVolumeSource",
    what: "an emptyDir",
    modelled: &["medium", "sizeLimit"],
    ignored: &[],
    misplaced: &[],
};

/// A ConfigMap as a volume.
pub(super) const CONFIG_MAP_VOLUME: Schema = Schema {
    go: "ConfigMapVolumeSource",
    what: "a configMap volume",
    modelled: &["name", "items", "optional"],
    ignored: &["defaultMode"],
    misplaced: &[("configMapName", "the field is called `name`")],
};

/// A Secret as a volume.
pub(super) const SECRET_VOLUME: Schema = Schema {
    go: "SecretVolumeSource",
    what: "a secret volume",
    modelled: &["secretName", "items", "optional"],
    ignored: &["defaultMode"],
    misplaced: &[("name", "the field is called `secretName` in a volume")],
};

/// A Secret in a projected volume.
pub(super) const SECRET_PROJECTION: Schema = Schema {
    go: "SecretProjection",
    what: "a projected secret",
    modelled: &["name", "items", "optional"],
    ignored: &[],
    misplaced: &[("secretName", "the field is called `name` in a projection")],
};

/// A key as a file.
pub(super) const KEY_TO_PATH: Schema =
    Schema { go: "KeyToPath", what: "an item", modelled: &["key", "path"], ignored: &["mode"], misplaced: &[] };

/// A projected volume.
pub(super) const PROJECTED: Schema = Schema {
    go: "ProjectedVolumeSource",
    what: "a projected volume",
    modelled: &["sources"],
    ignored: &["defaultMode"],
    misplaced: &[],
};

/// One source of a projected volume.
pub(super) const PROJECTION: Schema = Schema {
    go: "VolumeProjection",
    what: "a projection",
    modelled: &["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"],
    ignored: &[],
    misplaced: &[],
};

/// A probe.
pub(super) const PROBE: Schema = Schema {
    go: "Probe",
    what: "a probe",
    modelled: &[
        "exec",
        "httpGet",
        "tcpSocket",
        "grpc",
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
        "terminationGracePeriodSeconds",
    ],
    ignored: &[],
    misplaced: &[
        ("http", "the field is called `httpGet`, with `path:` and `port:`"),
        ("tcp", "the field is called `tcpSocket`, with `port:`"),
        ("command", "put it under `exec:`"),
        ("port", "put it under `httpGet:`, `tcpSocket:` or `grpc:`"),
        ("path", "put it under `httpGet:`"),
        ("handler", "put `httpGet:`, `tcpSocket:`, `grpc:` or `exec:` directly under the probe"),
    ],
};

/// What a probe asks: the fields of all four actions that are read or exist.
pub(super) const HTTP_GET: Schema = Schema {
    go: "HTTPGetAction",
    what: "httpGet",
    modelled: &["port", "scheme"],
    ignored: &["path", "host", "httpHeaders"],
    misplaced: &[],
};

/// A TCP probe.
pub(super) const TCP_SOCKET: Schema =
    Schema { go: "TCPSocketAction", what: "tcpSocket", modelled: &["port"], ignored: &["host"], misplaced: &[] };

/// A gRPC probe.
pub(super) const GRPC: Schema =
    Schema { go: "GRPCAction", what: "grpc", modelled: &["port"], ignored: &["service"], misplaced: &[] };

/// A command probe.
pub(super) const EXEC: Schema =
    Schema { go: "ExecAction", what: "exec", modelled: &["command"], ignored: &[], misplaced: &[] };

/// The hooks of a container.
pub(super) const LIFECYCLE: Schema = Schema {
    go: "Lifecycle",
    what: "lifecycle",
    modelled: &["postStart", "preStop"],
    ignored: &["stopSignal"],
    misplaced: &[
        ("exec", "put it under `postStart:` or `preStop:`"),
        ("httpGet", "put it under `postStart:` or `preStop:`"),
        ("sleep", "put it under `preStop:`"),
    ],
};

/// A hook.
pub(super) const LIFECYCLE_HANDLER: Schema = Schema {
    go: "LifecycleHandler",
    what: "a lifecycle hook",
    modelled: &["exec", "httpGet", "tcpSocket", "sleep"],
    ignored: &[],
    misplaced: &[("command", "put it under `exec:`"), ("seconds", "put it under `sleep:`")],
};

/// A hook that only waits.
pub(super) const SLEEP: Schema =
    Schema { go: "SleepAction", what: "sleep", modelled: &["seconds"], ignored: &[], misplaced: &[] };

/// What a resize of one resource does to a container.
pub(super) const RESIZE_POLICY: Schema = Schema {
    go: "ContainerResizePolicy",
    what: "a resize policy",
    modelled: &["resourceName", "restartPolicy"],
    ignored: &[],
    misplaced: &[],
};

/// A restart rule of a container.
pub(super) const RESTART_RULE: Schema = Schema {
    go: "ContainerRestartRule",
    what: "a restart rule",
    modelled: &["action", "exitCodes"],
    ignored: &[],
    misplaced: &[("operator", "put it under `exitCodes:`"), ("values", "put it under `exitCodes:`")],
};

/// The exit codes of a restart rule.
pub(super) const EXIT_CODES: Schema = Schema {
    go: "ContainerRestartRuleOnExitCodes",
    what: "exitCodes",
    modelled: &["operator", "values"],
    ignored: &[],
    misplaced: &[],
};

/// A scheduling gate.
pub(super) const SCHEDULING_GATE: Schema =
    Schema { go: "PodSchedulingGate", what: "a scheduling gate", modelled: &["name"], ignored: &[], misplaced: &[] };

/// A toleration.
pub(super) const TOLERATION: Schema = Schema {
    go: "Toleration",
    what: "a toleration",
    modelled: &["key", "operator", "value", "effect", "tolerationSeconds"],
    ignored: &[],
    misplaced: &[],
};
