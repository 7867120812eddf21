//! Deployments, ReplicaSets, ReplicationControllers, StatefulSets and DaemonSets, compiled, with defaults filled in
//! (pkg/apis/apps/v1/defaults.go, v1.34).

use crate::base::SimTime;
use crate::model::ids::{StrId, TemplateId};
use crate::model::int_or_percent::IntOrPercent;
use crate::model::selector::CompiledSelector;
use crate::model::status::ConditionStatus;
use crate::model::storage::PersistentVolumeClaim;

/// A ReplicaSet or a ReplicationController.
#[derive(Clone, PartialEq, Debug)]
pub struct ReplicaSetSpec {
    /// `spec.replicas`, default 1.
    pub replicas: i32,
    /// `spec.selector`.
    pub selector: CompiledSelector,
    /// `spec.template`.
    pub template: TemplateId,
    /// Which template that is: equal for equal templates. (Upstream: the label `pod-template-hash`.)
    pub template_hash: u64,
    /// `spec.minReadySeconds`, default 0.
    pub min_ready_seconds: i32,
    /// The annotation `deployment.kubernetes.io/revision`; 0: none.
    pub revision: i64,
    /// The annotation `deployment.kubernetes.io/desired-replicas`.
    pub desired_replicas: Option<i32>,
    /// The annotation `deployment.kubernetes.io/max-replicas`.
    pub max_replicas: Option<i32>,
}

/// `status` of a ReplicaSet or a ReplicationController.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplicaSetStatus {
    /// `replicas`.
    pub replicas: i32,
    /// `fullyLabeledReplicas`.
    pub fully_labeled_replicas: i32,
    /// `readyReplicas`.
    pub ready_replicas: i32,
    /// `availableReplicas`.
    pub available_replicas: i32,
    /// `observedGeneration`.
    pub observed_generation: u32,
    /// The condition `ReplicaFailure`.
    pub replica_failure: bool,
}

/// A Deployment.
#[derive(Clone, PartialEq, Debug)]
pub struct DeploymentSpec {
    /// `spec.replicas`, default 1.
    pub replicas: i32,
    /// `spec.selector`.
    pub selector: CompiledSelector,
    /// `spec.template`, with the label `pod-template-hash`.
    pub template: TemplateId,
    /// Which template that is: equal for equal templates.
    pub template_hash: u64,
    /// The name of the ReplicaSet of this template.
    pub replica_set_name: StrId,
    /// The selector of the ReplicaSet of this template.
    pub replica_set_selector: CompiledSelector,
    /// `spec.strategy`.
    pub strategy: DeploymentStrategy,
    /// `spec.minReadySeconds`, default 0.
    pub min_ready_seconds: i32,
    /// `spec.revisionHistoryLimit`, default 10; `None`: without limit (upstream: the greatest 32-bit number).
    pub revision_history_limit: Option<i32>,
    /// `spec.paused`.
    pub paused: bool,
    /// `spec.progressDeadlineSeconds`, default 600; `None`: never (upstream: the greatest 32-bit number).
    pub progress_deadline_seconds: Option<i32>,
}

/// `spec.strategy` of a Deployment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeploymentStrategy {
    /// `RollingUpdate`, both 25% by default.
    RollingUpdate {
        /// `maxSurge`.
        max_surge: IntOrPercent,
        /// `maxUnavailable`.
        max_unavailable: IntOrPercent,
    },
    /// `Recreate`.
    Recreate,
}

/// `status` of a Deployment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeploymentStatus {
    /// `replicas`.
    pub replicas: i32,
    /// `updatedReplicas`.
    pub updated_replicas: i32,
    /// `readyReplicas`.
    pub ready_replicas: i32,
    /// `availableReplicas`.
    pub available_replicas: i32,
    /// `unavailableReplicas`.
    pub unavailable_replicas: i32,
    /// `observedGeneration`.
    pub observed_generation: u32,
    /// `collisionCount`.
    pub collision_count: u32,
    /// The condition `Progressing`.
    pub progressing: Option<ObjectCondition>,
    /// The condition `Available`.
    pub available: Option<ObjectCondition>,
    /// The condition `ReplicaFailure`.
    pub replica_failure: Option<ObjectCondition>,
}

/// A condition of an object that is no pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectCondition {
    /// `status`.
    pub status: ConditionStatus,
    /// `reason`, one of upstream's words.
    pub reason: &'static str,
    /// `lastTransitionTime`, in whole seconds.
    pub transition: SimTime,
    /// `lastUpdateTime`, in whole seconds.
    pub update: SimTime,
}

/// A StatefulSet.
#[derive(Clone, PartialEq, Debug)]
pub struct StatefulSetSpec {
    /// `spec.replicas`, default 1.
    pub replicas: i32,
    /// `spec.selector`.
    pub selector: CompiledSelector,
    /// `spec.template`.
    pub template: TemplateId,
    /// Which template that is: equal for equal templates.
    pub template_hash: u64,
    /// `spec.ordinals.start`, default 0.
    pub ordinals_start: i32,
    /// `spec.podManagementPolicy: Parallel`; otherwise `OrderedReady`.
    pub parallel: bool,
    /// `spec.updateStrategy.type: OnDelete`; otherwise `RollingUpdate`.
    pub on_delete: bool,
    /// `spec.updateStrategy.rollingUpdate.partition`, default 0; `None`: `rollingUpdate` is not set.
    pub partition: Option<i32>,
    /// `spec.updateStrategy.rollingUpdate.maxUnavailable` (gate MaxUnavailableStatefulSet, off).
    pub max_unavailable: Option<IntOrPercent>,
    /// `spec.minReadySeconds`, default 0.
    pub min_ready_seconds: i32,
    /// `spec.revisionHistoryLimit`, default 10.
    pub revision_history_limit: i32,
    /// `spec.volumeClaimTemplates`: claims named after the template, without the pod's name.
    pub claims: Box<[ClaimTemplate]>,
    /// `spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Delete`.
    pub delete_claims_when_deleted: bool,
    /// `spec.persistentVolumeClaimRetentionPolicy.whenScaled: Delete`.
    pub delete_claims_when_scaled: bool,
}

/// One of `spec.volumeClaimTemplates`: the volume of that name in each pod is the claim `‹name›-‹pod›`.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimTemplate {
    /// `metadata.name`.
    pub name: StrId,
    /// The claim, named as the template is.
    pub claim: PersistentVolumeClaim,
}

/// `status` of a StatefulSet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatefulSetStatus {
    /// `replicas`.
    pub replicas: i32,
    /// `readyReplicas`.
    pub ready_replicas: i32,
    /// `availableReplicas`.
    pub available_replicas: i32,
    /// `currentReplicas`.
    pub current_replicas: i32,
    /// `updatedReplicas`.
    pub updated_replicas: i32,
    /// `currentRevision`: the template's hash; 0: none yet.
    pub current_revision: u64,
    /// `updateRevision`: the template's hash; 0: none yet.
    pub update_revision: u64,
    /// The template that `currentRevision` stands for. (Upstream: in a ControllerRevision.)
    pub current_template: Option<TemplateId>,
    /// `observedGeneration`.
    pub observed_generation: u32,
    /// `collisionCount`.
    pub collision_count: u32,
}

/// A DaemonSet.
#[derive(Clone, PartialEq, Debug)]
pub struct DaemonSetSpec {
    /// `spec.selector`.
    pub selector: CompiledSelector,
    /// `spec.template`, with the tolerations that the controller adds.
    pub template: TemplateId,
    /// Which template that is: equal for equal templates.
    pub template_hash: u64,
    /// `spec.updateStrategy.type: OnDelete`; otherwise `RollingUpdate`.
    pub on_delete: bool,
    /// `spec.updateStrategy.rollingUpdate.maxSurge`, default 0.
    pub max_surge: IntOrPercent,
    /// `spec.updateStrategy.rollingUpdate.maxUnavailable`, default 1.
    pub max_unavailable: IntOrPercent,
    /// `spec.minReadySeconds`, default 0.
    pub min_ready_seconds: i32,
    /// `spec.revisionHistoryLimit`, default 10.
    pub revision_history_limit: i32,
}

/// `status` of a DaemonSet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DaemonSetStatus {
    /// `currentNumberScheduled`.
    pub current: i32,
    /// `numberMisscheduled`.
    pub misscheduled: i32,
    /// `desiredNumberScheduled`.
    pub desired: i32,
    /// `numberReady`.
    pub ready: i32,
    /// `updatedNumberScheduled`.
    pub updated: i32,
    /// `numberAvailable`.
    pub available: i32,
    /// `numberUnavailable`.
    pub unavailable: i32,
    /// `observedGeneration`.
    pub observed_generation: u32,
}
