//! Jobs and CronJobs, compiled, with defaults filled in (pkg/apis/batch/v1/defaults.go, v1.34).

use crate::base::SimTime;
use crate::model::ids::{StrId, TemplateId};
use crate::model::indexes::Indexes;
use crate::model::selector::CompiledSelector;

/// A Job.
#[derive(Clone, PartialEq, Debug)]
pub struct JobSpec {
    /// `spec.template`.
    pub template: TemplateId,
    /// `spec.selector`, if `spec.manualSelector` is set.
    pub selector: Option<CompiledSelector>,
    /// `spec.parallelism`, default 1.
    pub parallelism: i32,
    /// `spec.completions`; `None`: a work queue.
    pub completions: Option<i32>,
    /// `spec.completionMode: Indexed`.
    pub indexed: bool,
    /// `spec.backoffLimit`, default 6, or the greatest 32-bit number with a limit per index.
    pub backoff_limit: i32,
    /// `spec.backoffLimitPerIndex`.
    pub backoff_limit_per_index: Option<i32>,
    /// `spec.maxFailedIndexes`.
    pub max_failed_indexes: Option<i32>,
    /// `spec.activeDeadlineSeconds`.
    pub active_deadline_seconds: Option<i64>,
    /// `spec.ttlSecondsAfterFinished`.
    pub ttl_seconds_after_finished: Option<i32>,
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.podReplacementPolicy: Failed`; otherwise `TerminatingOrFailed`.
    pub replace_only_failed: bool,
    /// `spec.podFailurePolicy.rules`.
    pub pod_failure_policy: Box<[PodFailureRule]>,
    /// `spec.successPolicy.rules`.
    pub success_policy: Box<[SuccessRule]>,
}

/// One of `spec.podFailurePolicy.rules`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodFailureRule {
    /// What happens.
    pub action: PodFailureAction,
    /// When.
    pub when: PodFailureMatch,
}

/// What a pod failure rule does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's action, spelled alike")]
pub enum PodFailureAction {
    FailJob,
    FailIndex,
    Ignore,
    Count,
}

/// When a pod failure rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PodFailureMatch {
    /// `onExitCodes`.
    ExitCodes {
        /// `containerName`; `None`: any.
        container: Option<StrId>,
        /// `operator: NotIn`; otherwise `In`.
        not_in: bool,
        /// `values`.
        values: Box<[i32]>,
    },
    /// `onPodConditions`: types and statuses.
    Conditions(Box<[(StrId, StrId)]>),
}

/// One of `spec.successPolicy.rules`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuccessRule {
    /// `succeededIndexes`: ranges, both ends included, sorted; `None`: all.
    pub indexes: Option<Box<[(u32, u32)]>>,
    /// `succeededCount`.
    pub count: Option<i32>,
}

/// `status` of a Job.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JobStatus {
    /// `active`.
    pub active: i32,
    /// `ready`.
    pub ready: i32,
    /// `terminating`.
    pub terminating: i32,
    /// `succeeded`.
    pub succeeded: i32,
    /// `failed`.
    pub failed: i32,
    /// `startTime`, in whole seconds.
    pub start: Option<SimTime>,
    /// `completionTime`, in whole seconds.
    pub completion: Option<SimTime>,
    /// Conditions that are True, in the order in which they came, with their reasons and times.
    pub conditions: Vec<JobCondition>,
    /// `completedIndexes`.
    pub completed_indexes: Indexes,
    /// `failedIndexes`.
    pub failed_indexes: Indexes,
}

/// A condition of a Job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobCondition {
    /// `type`.
    pub kind: JobConditionType,
    /// `reason`, one of upstream's words.
    pub reason: &'static str,
    /// `lastTransitionTime`, in whole seconds.
    pub transition: SimTime,
}

/// The type of a condition of a Job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's type, spelled alike")]
pub enum JobConditionType {
    Suspended,
    FailureTarget,
    SuccessCriteriaMet,
    Complete,
    Failed,
}

impl JobStatus {
    /// Whether it has this condition.
    #[must_use]
    pub fn has(&self, kind: JobConditionType) -> bool {
        self.conditions.iter().any(|condition| condition.kind == kind)
    }

    /// Whether it is complete or failed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.has(JobConditionType::Complete) || self.has(JobConditionType::Failed)
    }
}

/// A CronJob.
#[derive(Clone, PartialEq, Debug)]
pub struct CronJobSpec {
    /// `spec.schedule`, as written and checked.
    pub schedule: Box<str>,
    /// `spec.timeZone`; `None`: UTC.
    pub time_zone: Option<Box<str>>,
    /// `spec.startingDeadlineSeconds`.
    pub starting_deadline_seconds: Option<i64>,
    /// `spec.concurrencyPolicy`, default Allow.
    pub concurrency: ConcurrencyPolicy,
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.successfulJobsHistoryLimit`, default 3.
    pub successful_history: i32,
    /// `spec.failedJobsHistoryLimit`, default 1.
    pub failed_history: i32,
    /// `spec.jobTemplate.spec`.
    pub job: JobSpec,
}

/// `spec.concurrencyPolicy` of a CronJob.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "each is upstream's policy, spelled alike")]
pub enum ConcurrencyPolicy {
    #[default]
    Allow,
    Forbid,
    Replace,
}

/// `status` of a CronJob.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CronJobStatus {
    /// `active`.
    pub active: Vec<crate::model::ids::ObjectId>,
    /// `lastScheduleTime`.
    pub last_schedule: Option<SimTime>,
    /// `lastSuccessfulTime`.
    pub last_successful: Option<SimTime>,
}
