//! Node pools that grow and shrink, and the settings of the Cluster Autoscaler with upstream's defaults
//! (cluster-autoscaler/config/flags/flags.go, 1.34; spec 9.1). Knows no rule.

use std::ops::Range;

use super::ids::{ShapeId, StrId};
use super::strings::Strings;
use crate::base::{Distribution, SimDuration};

/// A pool of nodes that are made alike.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolPlan {
    /// Its name, with which the names of its nodes begin.
    pub name: StrId,
    /// Least number of digits in the nodes' names.
    pub digits: usize,
    /// What its nodes are like: one for each zone, given to the nodes in turn.
    pub shapes: Box<[ShapeId]>,
    /// Which of the plan's nodes are in it.
    pub nodes: Range<usize>,
    /// Between which sizes the Cluster Autoscaler keeps it; `None`: it leaves the pool alone.
    pub limits: Option<PoolLimits>,
    /// How long the provider takes to make a machine, in seconds.
    pub provision: Distribution,
    /// How long a new machine takes until its node is ready, in seconds; `None`: as long as any other boot.
    pub boot: Option<Distribution>,
    /// What a node costs, for the expander `price`.
    pub price_per_hour: f64,
    /// For the expander `priority`: the greatest wins.
    pub priority: i32,
    /// The annotation `cluster-autoscaler.kubernetes.io/scale-down-disabled` of its nodes.
    pub scale_down_disabled: bool,
}

/// The least and the greatest size of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolLimits {
    /// It is never made smaller than this.
    pub min: u32,
    /// It is never made larger than this.
    pub max: u32,
}

/// How the Cluster Autoscaler chooses among pools that would help.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Expander {
    /// The least share of CPU and memory left over.
    LeastWaste,
    /// Any.
    Random,
    /// The most pods helped.
    MostPods,
    /// The least price for what the pods request.
    Price,
    /// The greatest priority.
    Priority,
    /// The fewest nodes.
    LeastNodes,
}

/// Settings of the Cluster Autoscaler: its flags.
#[derive(Clone, PartialEq, Debug)]
pub struct AutoscalerPlan {
    /// `--scan-interval`.
    pub scan_interval: SimDuration,
    /// `--expander`: one narrows down what the one before left.
    pub expanders: Box<[Expander]>,
    /// `--expendable-pods-priority-cutoff`: pods below it do not count.
    pub expendable_priority: i32,
    /// `--max-node-provision-time`.
    pub max_provision_time: SimDuration,
    /// `--ok-total-unready-count`.
    pub ok_unready: u32,
    /// `--max-total-unready-percentage`.
    pub max_unready_percent: f64,
    /// `--max-nodes-per-scaleup`.
    pub max_nodes_per_scale_up: u32,
    /// `--max-nodes-total`; 0: no limit.
    pub max_nodes_total: u32,
    /// `--initial-node-group-backoff-duration`.
    pub initial_backoff: SimDuration,
    /// `--max-node-group-backoff-duration`.
    pub max_backoff: SimDuration,
    /// `--node-group-backoff-reset-timeout`.
    pub backoff_reset: SimDuration,
    /// `--scale-down-enabled`.
    pub scale_down: bool,
    /// `--scale-down-utilization-threshold`.
    pub utilization_threshold: f64,
    /// `--ignore-daemonsets-utilization`.
    pub ignore_daemonsets: bool,
    /// `--scale-down-unneeded-time`.
    pub unneeded_time: SimDuration,
    /// `--scale-down-unready-time`.
    pub unready_time: SimDuration,
    /// `--unremovable-node-recheck-timeout`.
    pub unremovable_recheck: SimDuration,
    /// `--scale-down-delay-after-add`.
    pub delay_after_add: SimDuration,
    /// `--scale-down-delay-after-delete`.
    pub delay_after_delete: SimDuration,
    /// `--scale-down-delay-after-failure`.
    pub delay_after_failure: SimDuration,
    /// `--scale-down-non-empty-candidates-count`.
    pub candidates: u32,
    /// `--max-scale-down-parallelism`.
    pub parallelism: u32,
    /// `--max-drain-parallelism`.
    pub drain_parallelism: u32,
    /// `--node-delete-delay-after-taint`.
    pub delete_delay: SimDuration,
    /// `--max-pod-eviction-time`.
    pub max_eviction_time: SimDuration,
    /// `--max-graceful-termination-sec`.
    pub max_graceful_termination: SimDuration,
    /// `--max-bulk-soft-taint-count`.
    pub soft_taints: u32,
    /// `--skip-nodes-with-system-pods`.
    pub skip_system_pods: bool,
    /// `--skip-nodes-with-local-storage`.
    pub skip_local_storage: bool,
    /// `--blocking-system-pod-distruption-timeout`.
    pub system_pod_timeout: SimDuration,
    /// `--min-replica-count`.
    pub min_replica_count: i32,
    /// The key of the taint of nodes that are being deleted.
    pub to_be_deleted: StrId,
    /// The key of the taint of nodes that may be deleted soon.
    pub deletion_candidate: StrId,
}

impl AutoscalerPlan {
    /// Upstream's defaults.
    #[must_use]
    pub fn new(strings: &mut Strings) -> Self {
        let secs = SimDuration::from_secs;
        Self {
            scan_interval: secs(10),
            expanders: Box::new([Expander::LeastWaste]),
            expendable_priority: -10,
            max_provision_time: secs(900),
            ok_unready: 3,
            max_unready_percent: 45.0,
            max_nodes_per_scale_up: 1000,
            max_nodes_total: 0,
            initial_backoff: secs(300),
            max_backoff: secs(1800),
            backoff_reset: secs(10_800),
            scale_down: true,
            utilization_threshold: 0.5,
            ignore_daemonsets: false,
            unneeded_time: secs(600),
            unready_time: secs(1200),
            unremovable_recheck: secs(300),
            delay_after_add: secs(600),
            delay_after_delete: SimDuration::ZERO,
            delay_after_failure: secs(180),
            candidates: 30,
            parallelism: 10,
            drain_parallelism: 1,
            delete_delay: secs(5),
            max_eviction_time: secs(120),
            max_graceful_termination: secs(600),
            soft_taints: 10,
            skip_system_pods: true,
            skip_local_storage: true,
            system_pod_timeout: secs(3600),
            min_replica_count: 0,
            to_be_deleted: strings.intern("ToBeDeletedByClusterAutoscaler"),
            deletion_candidate: strings.intern("DeletionCandidateOfClusterAutoscaler"),
        }
    }
}

/// What of a pod's manifest decides whether its node may be drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DrainHints {
    /// The annotation `cluster-autoscaler.kubernetes.io/safe-to-evict`.
    pub safe_to_evict: Option<bool>,
    /// Whether it keeps files on its node that no annotation gives up: `hostPath`, or an `emptyDir` on disk.
    pub local_storage: bool,
}
