//! Mistakes in workloads, autoscalers, quotas and limit ranges, and objects that are not read at all.

use podsim::manifest::codes::*;

use super::Case;

/// Adds them to the table.
pub fn add_to(all: &mut Vec<Case>) {
    let mut add = |code, text: String, at, help| all.push(Case { code, text, at, help });
    const POD: &str = "spec: {containers: [{name: c, image: i}]";
    let apps = |kind: &str, spec: &str| {
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  {spec}\n  selector: {{matchLabels: {{a: b}}}}\n  \
             template: {{metadata: {{labels: {{a: b}}}}, {POD}}}}}\n"
        )
    };
    let job = |spec: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec:\n  {spec}\n  template: {{{POD}, restartPolicy: \
             Never}}}}\n"
        )
    };
    let cron = |spec: &str| {
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c}}\nspec:\n  {spec}\n  jobTemplate: {{spec: {{template: \
             {{{POD}, restartPolicy: Never}}}}}}}}\n"
        )
    };
    let autoscaler = |spec: &str| {
        format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h}}\nspec:\n  scaleTargetRef: \
             {{apiVersion: apps/v1, kind: Deployment, name: web}}\n  {spec}\n"
        )
    };
    let core =
        |kind: &str, spec: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n  {spec}\n");

    // Deployments, StatefulSets, DaemonSets.
    let other = apps("Deployment", "replicas: 1").replace("matchLabels: {a: b}", "matchLabels: {a: c}");
    add(SELECTOR_MISMATCH, other, (7, 25), "every label");
    add(BAD_SELECTOR, apps("ReplicaSet", "replicas: 1").replace("{matchLabels: {a: b}}", "{}"), (6, 13), "every pod");
    add(OUT_OF_RANGE, apps("Deployment", "replicas: -1"), (5, 13), "at least 0");
    add(OUT_OF_RANGE, apps("Deployment", "minReadySeconds: 600"), (5, 20), "after 600 s");
    let rolling = |spec: &str| apps("Deployment", &format!("strategy: {{rollingUpdate: {{{spec}}}}}"));
    add(BAD_STRATEGY, rolling("maxSurge: 0, maxUnavailable: 0%"), (5, 59), "raise one");
    add(BAD_STRATEGY, rolling("maxSurge: abc"), (5, 40), "percentage");
    add(BAD_STRATEGY, rolling("maxUnavailable: 101%"), (5, 46), "at most 100%");
    let daemons = |spec: &str| apps("DaemonSet", &format!("updateStrategy: {{rollingUpdate: {{{spec}}}}}"));
    add(BAD_STRATEGY, daemons("maxSurge: 1"), (5, 46), "maxUnavailable: 0");
    add(UNSUPPORTED, apps("Deployment", "strategy: {type: Rolling}"), (5, 20), "RollingUpdate");
    add(UNSUPPORTED, apps("StatefulSet", "podManagementPolicy: parallel"), (5, 24), "all at once");
    add(MISPLACED_FIELD, apps("StatefulSet", "strategy: {type: OnDelete}"), (5, 3), "updateStrategy");
    add(MISPLACED_FIELD, apps("DaemonSet", "replicas: 3"), (5, 3), "one pod on each node");
    let claim = "volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce]}}]";
    add(NO_SIZE, apps("StatefulSet", claim), (5, 48), "storage: 1Gi");

    // Jobs and CronJobs.
    add(BAD_JOB, job("backoffLimit: 3").replace(", restartPolicy: Never", ""), (6, 14), "restartPolicy: Never");
    add(BAD_JOB, job("backoffLimitPerIndex: 1"), (5, 25), "completionMode: Indexed");
    add(BAD_JOB_POLICY, job("podFailurePolicy: {rules: [{action: Ignore}]}"), (5, 31), "exactly one");
    let code = "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [0]}}]}";
    add(BAD_JOB_POLICY, job(code), (5, 85), "0 is success");
    add(
        BAD_JOB_POLICY,
        job("completions: 3\n  completionMode: Indexed\n  successPolicy: {rules: [{succeededIndexes: 2-5}]}"),
        (7, 46),
        "0,2-4",
    );
    add(BAD_SCHEDULE, cron("schedule: \"* * *\""), (5, 13), "five fields");
    add(BAD_SCHEDULE, cron("schedule: \"0 * * * *\"\n  timeZone: Europe/Berln"), (6, 13), "Europe/Berlin");
    add(
        BAD_NAME,
        cron("schedule: \"@daily\"").replace("name: c}\nspec", &format!("name: {}}}\nspec", "c".repeat(53))),
        (3, 18),
        "52",
    );

    // Autoscalers, quotas, limit ranges.
    add(BAD_AUTOSCALER, autoscaler("maxReplicas: 0"), (6, 16), "maxReplicas: 10");
    add(BAD_AUTOSCALER, autoscaler("maxReplicas: 3\n  minReplicas: 5"), (6, 16), "at least 5");
    let behavior = "maxReplicas: 3\n  behavior: {scaleDown: {stabilizationWindowSeconds: 7200}}";
    add(BAD_AUTOSCALER, autoscaler(behavior), (7, 54), "one hour");
    add(MISPLACED_FIELD, autoscaler("maxReplicas: 3\n  targetCPUUtilizationPercentage: 50"), (7, 3), "autoscaling/v1");
    add(BAD_QUOTA, core("ResourceQuota", "hard: {pods: 1.5}"), (5, 16), "whole number");
    add(UNKNOWN_RESOURCE, core("ResourceQuota", "hard: {request.cpu: 1}"), (5, 10), "`requests.cpu`");
    let limits = "limits: [{type: Container, default: {cpu: 2}, max: {cpu: 1}}]";
    add(BAD_LIMIT_RANGE, core("LimitRange", limits), (5, 13), "min <= defaultRequest");

    // Versions and kinds.
    let old = apps("Deployment", "replicas: 1").replace("apps/v1", "extensions/v1beta1");
    add(OLD_API_VERSION, old, (1, 13), "apiVersion: apps/v1");
    let custom = |version: &str, kind: &str| format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n");
    add(HIDDEN_PODS, custom("monitoring.coreos.com/v1", "Prometheus"), (2, 7), "kubectl get");
    add(HIDDEN_PODS, custom("batch.volcano.sh/v1alpha1", "Job"), (2, 7), "kubectl get");
    let unknown = custom("example.com/v1", "Farm") + "spec: {podTemplate: {spec: {containers: []}}}\n";
    add(HIDDEN_PODS, unknown, (2, 7), "kubectl get");
    add(NOT_MODELLED, custom("kueue.x-k8s.io/v1beta1", "LocalQueue"), (2, 7), "compiled are");
    add(KUSTOMIZATION, custom("kustomize.config.k8s.io/v1beta1", "Kustomization"), (2, 7), "kubectl kustomize");
}
