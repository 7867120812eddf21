//! The fields of Jobs and CronJobs, v1.34; see [`super::schema`]. Mirrors staging/src/k8s.io/api/batch/v1/types.go.

use super::fields::Schema;

/// A Job.
pub(super) const JOB: Schema = Schema {
    go: "Job",
    what: "a Job",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &["status"],
    misplaced: &[
        ("template", "put it under `spec:`"),
        ("completions", "put it under `spec:`"),
        ("parallelism", "put it under `spec:`"),
        ("backoffLimit", "put it under `spec:`"),
    ],
};

/// `spec` of a Job.
pub(super) const JOB_SPEC: Schema = Schema {
    go: "JobSpec",
    what: "a Job's spec",
    modelled: &[
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "podFailurePolicy",
        "successPolicy",
        "backoffLimit",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
        "selector",
        "manualSelector",
        "template",
        "ttlSecondsAfterFinished",
        "completionMode",
        "suspend",
        "podReplacementPolicy",
    ],
    ignored: &["managedBy"],
    misplaced: &[
        ("containers", "containers belong to the pod: put them under `template:`, `spec:`"),
        ("restartPolicy", "it belongs to the pod: put it under `template:`, `spec:`"),
        ("replicas", "a Job has `parallelism:` and `completions:`"),
        ("schedule", "only a CronJob has a schedule"),
    ],
};

/// `spec.podFailurePolicy`.
pub(super) const POD_FAILURE_POLICY: Schema =
    Schema { go: "PodFailurePolicy", what: "a podFailurePolicy", modelled: &["rules"], ignored: &[], misplaced: &[] };

/// One of its rules.
pub(super) const POD_FAILURE_RULE: Schema = Schema {
    go: "PodFailurePolicyRule",
    what: "a rule",
    modelled: &["action", "onExitCodes", "onPodConditions"],
    ignored: &[],
    misplaced: &[("operator", "put it under `onExitCodes:`"), ("values", "put it under `onExitCodes:`")],
};

/// `onExitCodes`.
pub(super) const ON_EXIT_CODES: Schema = Schema {
    go: "PodFailurePolicyOnExitCodesRequirement",
    what: "onExitCodes",
    modelled: &["containerName", "operator", "values"],
    ignored: &[],
    misplaced: &[],
};

/// One of `onPodConditions`.
pub(super) const ON_POD_CONDITION: Schema = Schema {
    go: "PodFailurePolicyOnPodConditionsPattern",
    what: "a condition",
    modelled: &["type", "status"],
    ignored: &[],
    misplaced: &[],
};

/// `spec.successPolicy`.
pub(super) const SUCCESS_POLICY: Schema =
    Schema { go: "SuccessPolicy", what: "a successPolicy", modelled: &["rules"], ignored: &[], misplaced: &[] };

/// One of its rules.
pub(super) const SUCCESS_RULE: Schema = Schema {
    go: "SuccessPolicyRule",
    what: "a rule",
    modelled: &["succeededIndexes", "succeededCount"],
    ignored: &[],
    misplaced: &[],
};

/// A CronJob.
pub(super) const CRON_JOB: Schema = Schema {
    go: "CronJob",
    what: "a CronJob",
    modelled: &["apiVersion", "kind", "metadata", "spec"],
    ignored: &["status"],
    misplaced: &[("schedule", "put it under `spec:`"), ("jobTemplate", "put it under `spec:`")],
};

/// `spec` of a CronJob.
pub(super) const CRON_JOB_SPEC: Schema = Schema {
    go: "CronJobSpec",
    what: "a CronJob's spec",
    modelled: &[
        "schedule",
        "timeZone",
        "startingDeadlineSeconds",
        "concurrencyPolicy",
        "suspend",
        "jobTemplate",
        "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit",
    ],
    ignored: &[],
    misplaced: &[
        ("template", "put it under `jobTemplate:`, `spec:`"),
        ("timezone", "the field is called `timeZone`"),
        ("backoffLimit", "put it under `jobTemplate:`, `spec:`"),
        ("containers", "put them under `jobTemplate:`, `spec:`, `template:`, `spec:`"),
    ],
};

/// The Jobs of a CronJob.
pub(super) const JOB_TEMPLATE: Schema = Schema {
    go: "JobTemplateSpec",
    what: "a job template",
    modelled: &["spec"],
    ignored: &["metadata"],
    misplaced: &[("template", "put it under `spec:`")],
};
