//! Objects of kinds that are not modelled: which of them stand for pods that an operator would make, and what is said of
//! them. Knows kinds and their groups, no fields but templates of pods.

use super::codes;
use super::tree::{Node, Value};
use crate::diag::{Diagnostics, Span};

/// What an object of a kind that is not modelled stands for.
pub(super) enum Hidden {
    /// Nothing that is known to run.
    Nothing,
    /// Pods; what its operator makes.
    Pods(&'static str),
    /// It is a file of kustomize.
    Kustomization,
}

/// Custom resources of which operators make pods: group, kinds (none: any) and what is made.
const OPERATORS: &[(&str, &[&str], &str)] = &[
    (
        "monitoring.coreos.com",
        &["Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler"],
        "StatefulSets (by the Prometheus Operator)",
    ),
    (
        "kafka.strimzi.io",
        &["Kafka", "KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2", "KafkaNodePool"],
        "pods (by Strimzi)",
    ),
    ("ray.io", &["RayCluster", "RayJob", "RayService"], "pods of a Ray cluster (by KubeRay)"),
    ("jobset.x-k8s.io", &["JobSet"], "Jobs (by the JobSet controller)"),
    ("leaderworkerset.x-k8s.io", &["LeaderWorkerSet"], "StatefulSets (by the LeaderWorkerSet controller)"),
    ("batch.volcano.sh", &["Job", "CronJob"], "pods (by Volcano; it is not the kind of batch/v1)"),
    ("flow.volcano.sh", &["JobFlow", "JobTemplate"], "Jobs of Volcano"),
    ("kubeflow.org", &[], "pods (by the training operator)"),
    ("trainer.kubeflow.org", &["TrainJob"], "JobSets (by Kubeflow Trainer)"),
    ("sparkoperator.k8s.io", &["SparkApplication", "ScheduledSparkApplication"], "pods (by the Spark operator)"),
    ("argoproj.io", &["Workflow", "CronWorkflow", "Rollout"], "pods (by Argo)"),
    ("tekton.dev", &["PipelineRun", "TaskRun"], "pods (by Tekton)"),
    ("serving.knative.dev", &["Service", "Configuration"], "Deployments (by Knative)"),
    ("serving.kserve.io", &["InferenceService"], "Deployments (by KServe)"),
    ("apps.kruise.io", &[], "pods (by OpenKruise)"),
    ("flink.apache.org", &["FlinkDeployment"], "Deployments (by the Flink operator)"),
    ("elasticsearch.k8s.elastic.co", &["Elasticsearch"], "StatefulSets (by ECK)"),
    ("kibana.k8s.elastic.co", &["Kibana"], "Deployments (by ECK)"),
    ("postgresql.cnpg.io", &["Cluster", "Pooler"], "pods (by CloudNativePG)"),
    ("acid.zalan.do", &["postgresql"], "StatefulSets (by the Postgres operator)"),
    ("rabbitmq.com", &["RabbitmqCluster"], "StatefulSets (by the RabbitMQ operator)"),
    ("cassandra.datastax.com", &["CassandraDatacenter"], "StatefulSets (by cass-operator)"),
    ("minio.min.io", &["Tenant"], "StatefulSets (by the MinIO operator)"),
    ("mongodbcommunity.mongodb.com", &["MongoDBCommunity"], "StatefulSets (by the MongoDB operator)"),
    ("mysql.oracle.com", &["InnoDBCluster"], "StatefulSets (by the MySQL operator)"),
    ("ceph.rook.io", &["CephCluster", "CephFilesystem", "CephObjectStore"], "Deployments (by Rook)"),
    ("keda.sh", &["ScaledJob"], "Jobs (by KEDA)"),
    ("opentelemetry.io", &["OpenTelemetryCollector"], "Deployments (by the OpenTelemetry operator)"),
    ("jaegertracing.io", &["Jaeger"], "Deployments (by the Jaeger operator)"),
    ("workload.codeflare.dev", &["AppWrapper"], "the objects that it wraps (by AppWrapper)"),
];

/// What an object of a kind that is not modelled stands for.
pub(super) fn pods_of(object: &Node<'_>, kind: &str, version: &str) -> Hidden {
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    if group == "kustomize.config.k8s.io" {
        return Hidden::Kustomization;
    }
    let is_listed = |kinds: &[&str]| {
        if kinds.is_empty() { kind.ends_with("Job") || kind.ends_with("Set") } else { kinds.contains(&kind) }
    };
    if let Some((.., made)) = OPERATORS.iter().find(|(other, kinds, _)| *other == group && is_listed(kinds)) {
        return Hidden::Pods(made);
    }
    // Whatever else has a template of pods.
    if template(object).is_some() { Hidden::Pods("pods (by its operator)") } else { Hidden::Nothing }
}

/// The first template of pods in an object: a mapping with a `spec` that has containers.
pub(super) fn template<'t>(node: &'t Node<'t>) -> Option<&'t Node<'t>> {
    match &node.value {
        Value::Map(entries) => entries.iter().find_map(|entry| {
            let spec = entry.value.get("spec").map(|entry| &entry.value);
            let is_template =
                entry.key.ends_with("emplate") && spec.is_some_and(|spec| spec.get("containers").is_some());
            if is_template { Some(&entry.value) } else { template(&entry.value) }
        }),
        Value::List(items) => items.iter().find_map(template),
        _ => None,
    }
}

/// Says of all objects of a kind (kind, API version and how many) that they are left out.
pub(super) fn report(
    diagnostics: &mut Diagnostics,
    span: Span,
    (kind, version, count): (&str, &str, u32),
    hidden: &Hidden,
) {
    let (objects, are, stand) =
        if count == 1 { ("1 object".to_owned(), "is", "stands") } else { (format!("{count} objects"), "are", "stand") };
    let what = format!("{objects} of kind {kind} ({version})");
    match hidden {
        Hidden::Nothing => {
            let message = format!("{what} {are} left out: the kind is not modelled yet");
            let help = "nothing of it will happen in the simulation; compiled are pods, workloads, autoscalers, Services, \
                        ConfigMaps, Secrets, nodes, namespaces, quotas, budgets, priorities and storage";
            diagnostics.warning(codes::NOT_MODELLED, span, message, "not simulated", help);
        }
        Hidden::Pods(made) => {
            let message = format!("{what} {are} left out: it {stand} for {made}, which will be missing");
            let message = if count == 1 { message } else { message.replace(": it stand", ": they stand") };
            let help = "give what the operator makes of it as well, as `kubectl get -o yaml` shows it in a cluster, or \
                        write Deployments, StatefulSets or Jobs with the same pods";
            diagnostics.warning(codes::HIDDEN_PODS, span, message, "stands for pods", help);
        }
        Hidden::Kustomization => {
            let message = format!("{what} {are} skipped: it says how kustomize makes manifests and is none itself");
            let message = if count == 1 { message } else { message.replace(": it says", ": they say") };
            let help = "render it first: `kubectl kustomize DIRECTORY > rendered.yaml` and give rendered.yaml; as it is, \
                        only the files that are given are read, without what it changes in them";
            diagnostics.warning(codes::KUSTOMIZATION, span, message, "skipped", help);
        }
    }
}
