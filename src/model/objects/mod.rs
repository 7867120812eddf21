//! Objects that controllers bring about or watch, compiled: what their specs say, and their statuses. Mirrors
//! staging/src/k8s.io/api/{apps/v1,batch/v1,autoscaling/v2,core/v1,policy/v1}/types.go, v1.34, as far as controllers read it.
//! Knows no rule.

mod apps;
mod batch;
mod scaling;

pub use apps::*;
pub use batch::*;
pub use scaling::*;

use super::budget::DisruptionBudget;
use super::ids::{StrId, TemplateId};

/// The kind of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is upstream's kind, spelled alike")]
pub enum ObjectKind {
    ReplicationController,
    ReplicaSet,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    ResourceQuota,
    LimitRange,
    Namespace,
}

impl ObjectKind {
    /// As manifests write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::ReplicationController => "ReplicationController",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::ResourceQuota => "ResourceQuota",
            Self::LimitRange => "LimitRange",
            Self::Namespace => "Namespace",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::ReplicationController,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::HorizontalPodAutoscaler,
        Self::PodDisruptionBudget,
        Self::ResourceQuota,
        Self::LimitRange,
        Self::Namespace,
    ];

    /// The kind that manifests call so.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }

    /// The controller that tells Events about such objects.
    #[must_use]
    pub const fn controller(self) -> &'static str {
        match self {
            Self::ReplicationController => "replication-controller",
            Self::ReplicaSet => "replicaset-controller",
            Self::Deployment => "deployment-controller",
            Self::StatefulSet => "statefulset-controller",
            Self::DaemonSet => "daemonset-controller",
            Self::Job => "job-controller",
            Self::CronJob => "cronjob-controller",
            Self::HorizontalPodAutoscaler => "horizontal-pod-autoscaler",
            Self::PodDisruptionBudget => "controllermanager",
            Self::ResourceQuota => "resourcequota-controller",
            Self::LimitRange => "apiserver",
            Self::Namespace => "namespace-controller",
        }
    }

    /// Its name in messages, with its group.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::ReplicationController => "replicationcontrollers",
            Self::ReplicaSet => "replicasets.apps",
            Self::Deployment => "deployments.apps",
            Self::StatefulSet => "statefulsets.apps",
            Self::DaemonSet => "daemonsets.apps",
            Self::Job => "jobs.batch",
            Self::CronJob => "cronjobs.batch",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscalers.autoscaling",
            Self::PodDisruptionBudget => "poddisruptionbudgets.policy",
            Self::ResourceQuota => "resourcequotas",
            Self::LimitRange => "limitranges",
            Self::Namespace => "namespaces",
        }
    }

    /// The API group and version, as manifests write it.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::ReplicationController | Self::ResourceQuota | Self::LimitRange | Self::Namespace => "v1",
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps/v1",
            Self::Job | Self::CronJob => "batch/v1",
            Self::HorizontalPodAutoscaler => "autoscaling/v2",
            Self::PodDisruptionBudget => "policy/v1",
        }
    }
}

/// The spec of an object, and with it its kind.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "each is upstream's kind, spelled alike")]
pub enum ObjectSpec {
    ReplicationController(ReplicaSetSpec),
    ReplicaSet(ReplicaSetSpec),
    Deployment(DeploymentSpec),
    StatefulSet(StatefulSetSpec),
    DaemonSet(DaemonSetSpec),
    Job(JobSpec),
    CronJob(CronJobSpec),
    HorizontalPodAutoscaler(HpaSpec),
    PodDisruptionBudget(DisruptionBudget),
    ResourceQuota(QuotaSpec),
    LimitRange(LimitRangeSpec),
    /// The namespace of that name.
    Namespace(StrId),
}

impl ObjectSpec {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        match self {
            Self::ReplicationController(_) => ObjectKind::ReplicationController,
            Self::ReplicaSet(_) => ObjectKind::ReplicaSet,
            Self::Deployment(_) => ObjectKind::Deployment,
            Self::StatefulSet(_) => ObjectKind::StatefulSet,
            Self::DaemonSet(_) => ObjectKind::DaemonSet,
            Self::Job(_) => ObjectKind::Job,
            Self::CronJob(_) => ObjectKind::CronJob,
            Self::HorizontalPodAutoscaler(_) => ObjectKind::HorizontalPodAutoscaler,
            Self::PodDisruptionBudget(_) => ObjectKind::PodDisruptionBudget,
            Self::ResourceQuota(_) => ObjectKind::ResourceQuota,
            Self::LimitRange(_) => ObjectKind::LimitRange,
            Self::Namespace(_) => ObjectKind::Namespace,
        }
    }

    /// The template of its pods; `None` if it makes none.
    #[must_use]
    pub const fn template(&self) -> Option<TemplateId> {
        Some(match self {
            Self::ReplicationController(spec) | Self::ReplicaSet(spec) => spec.template,
            Self::Deployment(spec) => spec.template,
            Self::StatefulSet(spec) => spec.template,
            Self::DaemonSet(spec) => spec.template,
            Self::Job(spec) => spec.template,
            Self::CronJob(spec) => spec.job.template,
            _ => return None,
        })
    }

    /// Sets the template of its pods, if it makes some.
    pub const fn set_template(&mut self, template: TemplateId) {
        match self {
            Self::ReplicationController(spec) | Self::ReplicaSet(spec) => spec.template = template,
            Self::Deployment(spec) => spec.template = template,
            Self::StatefulSet(spec) => spec.template = template,
            Self::DaemonSet(spec) => spec.template = template,
            Self::Job(spec) => spec.template = template,
            Self::CronJob(spec) => spec.job.template = template,
            _ => {}
        }
    }

    /// `spec.replicas`, where the scale subresource has it.
    #[must_use]
    pub const fn replicas(&self) -> Option<i32> {
        Some(match self {
            Self::ReplicationController(spec) | Self::ReplicaSet(spec) => spec.replicas,
            Self::Deployment(spec) => spec.replicas,
            Self::StatefulSet(spec) => spec.replicas,
            _ => return None,
        })
    }

    /// Sets `spec.replicas`, where the scale subresource has it.
    pub const fn set_replicas(&mut self, replicas: i32) {
        match self {
            Self::ReplicationController(spec) | Self::ReplicaSet(spec) => spec.replicas = replicas,
            Self::Deployment(spec) => spec.replicas = replicas,
            Self::StatefulSet(spec) => spec.replicas = replicas,
            _ => {}
        }
    }
}

/// The status of an object. An object that was just made has [`None`](Self::None).
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs, reason = "each is upstream's kind, spelled alike")]
pub enum ObjectStatus {
    /// No controller has written one yet.
    #[default]
    None,
    ReplicaSet(ReplicaSetStatus),
    Deployment(DeploymentStatus),
    StatefulSet(StatefulSetStatus),
    DaemonSet(DaemonSetStatus),
    Job(JobStatus),
    CronJob(CronJobStatus),
    HorizontalPodAutoscaler(HpaStatus),
    PodDisruptionBudget(BudgetState),
    ResourceQuota(QuotaStatus),
}

macro_rules! of_kind {
    ($($get:ident $body:ident $inner:ident $of:ident),+ $(,)?) => {
        $(
            impl $of {
                #[doc = concat!("The ", stringify!($body), ", if it is one.")]
                #[must_use]
                pub const fn $get(&self) -> Option<&$inner> {
                    if let Self::$body(inner) = self { Some(inner) } else { None }
                }
            }
        )+
    };
}

of_kind! {
    deployment Deployment DeploymentSpec ObjectSpec,
    stateful_set StatefulSet StatefulSetSpec ObjectSpec,
    daemon_set DaemonSet DaemonSetSpec ObjectSpec,
    job Job JobSpec ObjectSpec,
    cron_job CronJob CronJobSpec ObjectSpec,
    autoscaler HorizontalPodAutoscaler HpaSpec ObjectSpec,
    budget PodDisruptionBudget DisruptionBudget ObjectSpec,
    quota ResourceQuota QuotaSpec ObjectSpec,
    limit_range LimitRange LimitRangeSpec ObjectSpec,
    replica_set ReplicaSet ReplicaSetStatus ObjectStatus,
    deployment Deployment DeploymentStatus ObjectStatus,
    stateful_set StatefulSet StatefulSetStatus ObjectStatus,
    daemon_set DaemonSet DaemonSetStatus ObjectStatus,
    job Job JobStatus ObjectStatus,
    cron_job CronJob CronJobStatus ObjectStatus,
    autoscaler HorizontalPodAutoscaler HpaStatus ObjectStatus,
    budget PodDisruptionBudget BudgetState ObjectStatus,
    quota ResourceQuota QuotaStatus ObjectStatus,
}

impl ObjectSpec {
    /// The ReplicaSet or ReplicationController, if it is one.
    #[must_use]
    pub const fn replica_set(&self) -> Option<&ReplicaSetSpec> {
        match self {
            Self::ReplicationController(spec) | Self::ReplicaSet(spec) => Some(spec),
            _ => None,
        }
    }
}

/// How many pods of manifests request neither CPU nor memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WithoutRequests {
    /// Pods, and replicas of workloads.
    pub pods: u32,
    /// DaemonSets and CronJobs, whose pods are not counted in advance.
    pub workloads: u32,
}

impl WithoutRequests {
    /// Counts the pods of a workload.
    pub fn add(&mut self, spec: &ObjectSpec) {
        let replicas = match spec {
            ObjectSpec::Job(job) => Some(job.completions.map_or(job.parallelism, |all| all.min(job.parallelism))),
            other => other.replicas(),
        };
        match replicas {
            Some(replicas) => self.pods += u32::try_from(replicas).unwrap_or(0),
            None => self.workloads += 1,
        }
    }

    /// The counts in words; `None` if there are none.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let plural = |count: u32, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let pods = (self.pods > 0).then(|| plural(self.pods, "pod"));
        let workloads = (self.workloads > 0).then(|| plural(self.workloads, "DaemonSet or CronJob"));
        let who: Vec<String> = pods.into_iter().chain(workloads).collect();
        (!who.is_empty()).then(|| who.join(" and "))
    }

    /// Takes over another count.
    pub const fn append(&mut self, other: Self) {
        self.pods += other.pods;
        self.workloads += other.workloads;
    }
}

/// An object to be made.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectPlan {
    /// `metadata.namespace`.
    pub namespace: super::StrId,
    /// `metadata.name`.
    pub name: super::StrId,
    /// The workload that its pods, and those of objects it makes, are counted and drawn under; `None` if it makes none.
    pub workload: Option<super::WorkloadId>,
    /// What it is.
    pub spec: ObjectSpec,
    /// Whether the manifest sets `spec.replicas`: if not, applying it again leaves the number as it is.
    pub replicas_given: bool,
}
