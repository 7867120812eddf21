//! Kubernetes' vocabulary as plain compiled data: what a manifest means once names are interned, quantities are
//! integers and defaults are filled in. Knows neither the engine nor serde.

pub mod admission;
pub mod autoscaling;
pub mod available;
pub mod behavior;
pub mod budget;
pub mod cgroup;
pub mod class;
pub mod control_plane;
pub mod cron;
mod cron_duration;
pub mod cron_next;
pub mod effective;
pub mod eviction;
pub mod ids;
pub mod indexes;
pub mod int_or_percent;
pub mod limit_range;
pub mod names;
pub mod node;
pub mod node_affinity;
pub mod objects;
pub mod plan;
pub mod pod;
pub mod pod_affinity;
pub mod profile;
pub mod qos;
pub mod quota;
pub mod resources;
pub mod selector;
mod selector_parse;
pub mod service;
pub mod shutdown;
pub mod spread;
pub mod status;
pub mod storage;
pub mod storage_set;
pub mod strings;
pub mod tolerations;
pub mod vocabulary;
pub mod volume_match;

pub use admission::{PriorityClass, PriorityClasses, PriorityRefusal};
pub use autoscaling::{AutoscalerPlan, DrainHints, Expander, PoolLimits, PoolPlan};
pub use behavior::{
    Behavior, Crash, FileUse, HookRun, OnTerminate, RunTime, StartFailure, StartStep, Unhealthy, Usage,
};
pub use budget::{BudgetBound, BudgetStatus, DisruptionBudget};
pub use cgroup::PodCgroup;
pub use class::{HostPort, PodClass, PreemptionPolicy, Taint, TaintEffect, Toleration, TolerationOperator};
pub use control_plane::ImageGc;
pub use cron::CronSchedule;
pub use effective::{PodResources, ResourceList, ResourceRequirements};
pub use eviction::{EvictionPlan, Pressure};
pub use ids::*;
pub use int_or_percent::IntOrPercent;
pub use node::NodeShape;
pub use node_affinity::{NameTest, NodeAffinity, NodeLabels, NodeSelectorTerm, NodeTerm};
pub use objects::WithoutRequests;
pub use pod::{
    COMPLETION_INDEX, ConfigKind, ConfigRef, ContainerPort, ContainerSpec, EnvSource, Hook, ImagePullPolicy, Mount,
    OwnRestartPolicy, PodNaming, PodSpec, PodTemplate, Probe, ProbeAction, Protocol, QosClass, ResizeRestarts,
    RestartPolicy, RestartRule, Role, Volume, VolumeSource, deletion_cost,
};
pub use pod_affinity::{Namespace, PodAffinity, PodAffinityTerm, PodLabels};
pub use resources::{Limits, Resources};
pub use selector::{CompiledSelector, LabelSelector, LabelSelectorRequirement, Operator, Requirement, Selector};
pub use service::{ConfigContent, ConfigObject, ServicePort, ServiceSpec, ServiceType, TargetPort};
pub use shutdown::ShutdownGroup;
pub use spread::{
    NodeInclusionPolicy, OwnedPods, OwnerKind, OwnerSelector, PodOwner, SpreadConstraint, WhenUnsatisfiable,
};
pub use status::{
    ConditionStatus, ContainerState, ContainerStatus, Phase, PodCondition, PodConditionType, ResizeState, Terminated,
};
pub use storage::{ClaimName, ClaimPhase, PodVolume, StorageObjects, VolumeAttachment};
pub use storage_set::{StorageKey, StorageObject, StorageSet};
pub use strings::{LabelSet, Strings};
pub use vocabulary::Vocabulary;
