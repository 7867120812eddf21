//! The settings of the control plane and the kubelets: latencies, periods and flags, with the values that real clusters have.
//! Knows no scenario file.

use super::profile::Profile;
use super::{EvictionPlan, PodClass, ProfileId, ShutdownGroup, Strings};
use crate::base::{Distribution, IdVec, SimDuration};

/// Latencies and flags. Every latency is a distribution in seconds. Source of the defaults: spec sections 2, 6, 7, 10.
#[derive(Clone, PartialEq, Debug)]
pub struct ControlPlane {
    /// An API write, from request to acceptance (creation of pods by their sources).
    pub api_write: Distribution,
    /// From a change to the scheduler's knowledge of it.
    pub watch_scheduler: SimDuration,
    /// From a change to a kubelet's knowledge of it.
    pub watch_kubelet: SimDuration,
    /// From a change to the controllers' knowledge of it.
    pub watch_controller: SimDuration,
    /// What autoscalers are told is measured so often, on a grid from the start (`--metric-resolution` of metrics-server).
    pub metrics_resolution: SimDuration,
    /// From a measurement to the autoscalers' knowledge of it.
    pub metrics_lag: SimDuration,
    /// `--kube-api-qps` of the controller manager: writes per second of all controllers together; 0: no limit.
    pub controller_qps: f64,
    /// `--kube-api-burst` of the controller manager.
    pub controller_burst: u32,
    /// One scheduling cycle.
    pub scheduling_cycle: SimDuration,
    /// From the end of the cycle to the binding's acceptance.
    pub binding: SimDuration,
    /// Creating a pod's sandbox and network.
    pub sandbox_start: Distribution,
    /// Creating and starting one container.
    pub container_start: Distribution,
    /// Asking the registry for an image's manifest.
    pub image_manifest: Distribution,
    /// Bytes per second of an image pull, unpacking included.
    pub image_bytes_per_second: f64,
    /// How many images a node pulls at a time; 1: serially.
    pub parallel_image_pulls: u32,
    /// `registryPullQPS`: how often a node may ask registries, per second; 0: no limit.
    pub registry_pull_qps: f64,
    /// `registryBurst`.
    pub registry_burst: u32,
    /// The kubelet's relist period: a container's exit is noticed on this grid.
    pub pleg_period: SimDuration,
    /// From the relist to the pod worker's sync.
    pub pleg_delay: SimDuration,
    /// From a computed status to its acceptance by the API server.
    pub status_update: SimDuration,
    /// From a change of readiness to the EndpointSlice.
    pub endpoint_slice: SimDuration,
    /// kube-proxy's least time between two updates (`minSyncPeriod`).
    pub proxy_sync: SimDuration,
    /// How long a cloud load balancer takes to get an address.
    pub load_balancer: Distribution,
    /// How long a provisioner takes to make a volume.
    pub volume_provisioning: Distribution,
    /// How long a driver takes to attach a volume to a node.
    pub volume_attach: Distribution,
    /// How long a driver takes to detach a volume from a node.
    pub volume_detach: Distribution,
    /// How long a kubelet takes to mount an attached volume.
    pub volume_mount: Distribution,
    /// `nodeStatusUpdateFrequency`: kubelets tell which volumes are in use on this grid; zero: at once.
    pub node_status_period: SimDuration,
    /// Added to the kubelet's retry periods: `period * (1 + U[0, this])`.
    pub retry_jitter: f64,
    /// Retry of a sync that failed (`backOffPeriod`).
    pub sync_retry: SimDuration,
    /// Crash-loop back-off: first delay.
    pub crash_loop_initial: SimDuration,
    /// Crash-loop back-off: greatest delay.
    pub crash_loop_max: SimDuration,
    /// The gate `ContainerRestartRules`: containers' own restart policies count.
    pub container_restart_rules: bool,
    /// Node lease renewal.
    pub lease_renew: SimDuration,
    /// `--node-monitor-period`.
    pub node_monitor_period: SimDuration,
    /// `--node-monitor-grace-period`.
    pub node_monitor_grace: SimDuration,
    /// Time from a machine's power-on to its kubelet's first status.
    pub node_boot: Distribution,
    /// `--default-not-ready-toleration-seconds` and `--default-unreachable-toleration-seconds`.
    pub default_toleration_seconds: i64,
    /// `--terminated-pod-gc-threshold`; 0: never.
    pub terminated_pod_gc_threshold: u32,
    /// When kubelets evict pods.
    pub eviction: EvictionPlan,
    /// When kubelets remove images.
    pub image_gc: ImageGc,
    /// `shutdownGracePeriodByPodPriority` of kubelets, sorted by priority; empty: no graceful shutdown.
    pub shutdown: Box<[ShutdownGroup]>,
    /// The scheduler's settings.
    pub scheduler: SchedulerPlan,
}

/// Image garbage collection of kubelets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageGc {
    /// `imageGCHighThresholdPercent`: images are removed when so much of the disk is used.
    pub high_percent: i64,
    /// `imageGCLowThresholdPercent`: until only so much is.
    pub low_percent: i64,
    /// `imageMinimumGCAge`: younger ones stay.
    pub min_age: SimDuration,
    /// `imageMaximumGCAge`: those that nobody used for so long go, however much is free; zero: never.
    pub max_age: SimDuration,
}

impl ImageGc {
    /// What a kubelet has that was not told otherwise.
    pub const DEFAULT: Self =
        Self { high_percent: 85, low_percent: 80, min_age: SimDuration::from_secs(120), max_age: SimDuration::ZERO };

    /// Whether kubelets never look: nothing is removed but under disk pressure.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.high_percent == 100 && self.max_age == SimDuration::ZERO
    }
}

/// Settings of the scheduler.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerPlan {
    /// `percentageOfNodesToScore`; 0: adaptive; 100: all.
    pub percentage_of_nodes_to_score: u32,
    /// `podInitialBackoffSeconds`.
    pub initial_backoff: SimDuration,
    /// `podMaxBackoffSeconds`.
    pub max_backoff: SimDuration,
    /// Take the first of several best nodes instead of a drawn one.
    pub first_node_on_tie: bool,
    /// Evict for pods of higher priority beside the scheduling cycles (SchedulerAsyncPreemption) instead of within them.
    pub async_preemption: bool,
    /// Evaluate by the plain scan instead of the columns.
    pub evaluator: Evaluator,
    /// The profiles; each has another scheduler name.
    pub profiles: Vec<Profile>,
}

impl SchedulerPlan {
    /// The profiles, for a run with these strings.
    #[must_use]
    pub fn profiles(&self, strings: &Strings) -> IdVec<ProfileId, Profile> {
        let mut profiles = self.profiles.clone();
        profiles.iter_mut().for_each(|profile| profile.args.fit.resolve(strings));
        profiles.into_iter().collect()
    }

    /// Whether the pods of a class are scheduled by one of the profiles.
    #[must_use]
    pub fn schedules(&self, class: &PodClass) -> bool {
        self.profiles.iter().any(|profile| profile.scheduler_name == class.scheduler_name)
    }
}

/// Which evaluator the scheduler uses; all give the same decisions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Evaluator {
    /// Columns, counts and groups of nodes.
    #[default]
    Index,
    /// Struct-of-arrays with caches.
    Columns,
    /// Every plugin on every node, recounted: the judge.
    Scan,
}

impl ControlPlane {
    /// Real clusters' latencies (the default).
    #[must_use]
    pub fn typical() -> Self {
        let millis = SimDuration::from_millis;
        let secs = SimDuration::from_secs;
        Self {
            api_write: Distribution::Constant(0.010),
            watch_scheduler: millis(10),
            watch_kubelet: millis(20),
            watch_controller: millis(20),
            metrics_resolution: SimDuration::from_secs(15),
            metrics_lag: SimDuration::from_secs(15),
            controller_qps: 20.0,
            controller_burst: 30,
            scheduling_cycle: millis(2),
            binding: millis(5),
            sandbox_start: Distribution::Uniform { min: 0.2, max: 0.8 },
            container_start: Distribution::Uniform { min: 0.1, max: 0.4 },
            image_manifest: Distribution::Uniform { min: 0.3, max: 1.0 },
            image_bytes_per_second: 50e6,
            parallel_image_pulls: 1,
            registry_pull_qps: 5.0,
            registry_burst: 10,
            pleg_period: secs(1),
            pleg_delay: millis(50),
            status_update: millis(20),
            endpoint_slice: millis(100),
            proxy_sync: secs(1),
            load_balancer: Distribution::Uniform { min: 30.0, max: 180.0 },
            volume_provisioning: Distribution::Uniform { min: 2.0, max: 20.0 },
            volume_attach: Distribution::Uniform { min: 5.0, max: 30.0 },
            volume_detach: Distribution::Uniform { min: 5.0, max: 20.0 },
            volume_mount: Distribution::Uniform { min: 2.0, max: 10.0 },
            node_status_period: secs(10),
            retry_jitter: 0.5,
            sync_retry: secs(10),
            crash_loop_initial: secs(10),
            crash_loop_max: secs(300),
            container_restart_rules: false,
            lease_renew: secs(10),
            node_monitor_period: secs(5),
            node_monitor_grace: secs(50),
            node_boot: Distribution::Uniform { min: 30.0, max: 120.0 },
            default_toleration_seconds: 300,
            terminated_pod_gc_threshold: 12_500,
            eviction: EvictionPlan::default(),
            image_gc: ImageGc::DEFAULT,
            shutdown: Box::default(),
            scheduler: SchedulerPlan::default(),
        }
    }

    /// No latency anywhere; rules with periods of their own (back-off, leases, tolerations) keep them.
    #[must_use]
    pub fn instant() -> Self {
        let none = Distribution::Constant(0.0);
        Self {
            api_write: none.clone(),
            watch_scheduler: SimDuration::ZERO,
            watch_kubelet: SimDuration::ZERO,
            watch_controller: SimDuration::ZERO,
            metrics_lag: SimDuration::ZERO,
            controller_qps: 0.0,
            scheduling_cycle: SimDuration::ZERO,
            binding: SimDuration::ZERO,
            sandbox_start: none.clone(),
            container_start: none.clone(),
            image_manifest: none.clone(),
            image_bytes_per_second: f64::INFINITY,
            registry_pull_qps: 0.0,
            pleg_period: SimDuration::ZERO,
            pleg_delay: SimDuration::ZERO,
            status_update: SimDuration::ZERO,
            endpoint_slice: SimDuration::ZERO,
            proxy_sync: SimDuration::ZERO,
            load_balancer: none.clone(),
            volume_provisioning: none.clone(),
            volume_attach: none.clone(),
            volume_detach: none.clone(),
            volume_mount: none.clone(),
            node_status_period: SimDuration::ZERO,
            retry_jitter: 0.0,
            node_boot: none,
            ..Self::typical()
        }
    }
}

impl Default for SchedulerPlan {
    fn default() -> Self {
        Self {
            percentage_of_nodes_to_score: 0,
            initial_backoff: SimDuration::from_secs(1),
            max_backoff: SimDuration::from_secs(10),
            first_node_on_tie: false,
            async_preemption: true,
            evaluator: Evaluator::Index,
            profiles: vec![Profile::default()],
        }
    }
}
