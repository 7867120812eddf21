//! The plan: everything a run is made of, compiled and checked. Building one cannot fail half-way; running one cannot
//! fail at all. Scenarios, manifests and traces are compiled to it; tests and library users build it by hand.

use super::profile::Profile;
use super::service::ConfigContent;
use super::strings::known;
use super::{
    Behavior, BehaviorId, ClassId, ConfigId, ConfigObject, DisruptionBudget, ImageId, Namespace, NodeShape,
    OwnerSelector, PodClass, PodTemplate, ProfileId, ServiceId, ServiceSpec, ShapeId, StorageObject, StrId, Strings,
    Taint, TemplateId, WorkloadId,
};
use crate::base::{Distribution, IdVec, SimDuration, SimTime};

/// Everything a run is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario's name: names the output folder.
    pub name: String,
    /// One sentence for reports.
    pub description: String,
    /// Root of all draws.
    pub seed: u64,
    /// When the simulated clock starts.
    pub start: SimTime,
    /// How long it runs.
    pub duration: SimDuration,
    /// All strings and label sets.
    pub strings: Strings,
    /// Distinct scheduling questions.
    pub classes: IdVec<ClassId, PodClass>,
    /// Pods as manifests describe them.
    pub templates: IdVec<TemplateId, PodTemplate>,
    /// What containers do.
    pub behaviors: IdVec<BehaviorId, Behavior>,
    /// Images.
    pub images: IdVec<ImageId, Image>,
    /// Distinct kinds of nodes.
    pub shapes: IdVec<ShapeId, NodeShape>,
    /// Nodes that exist from the start.
    pub nodes: Vec<NodePlan>,
    /// ConfigMaps and Secrets that exist or are referred to.
    pub configs: IdVec<ConfigId, ConfigObject>,
    /// The ones that exist from the start, with their keys.
    pub config_contents: Vec<ConfigContent>,
    /// Claims, volumes, storage classes and drivers that exist from the start.
    pub storage: Vec<StorageObject>,
    /// Services.
    pub services: IdVec<ServiceId, ServiceSpec>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<DisruptionBudget>,
    /// Namespaces, which terms of pod affinity select by label.
    pub namespaces: Vec<Namespace>,
    /// Selectors of controllers, by which the pods that they own are spread.
    pub owners: Vec<OwnerSelector>,
    /// Named sources of pods.
    pub workloads: IdVec<WorkloadId, Workload>,
    /// Bare pods created one by one.
    pub pods: Vec<PodPlan>,
    /// Pods that arrive over time.
    pub arrivals: Vec<ArrivalPlan>,
    /// Requests on services over time.
    pub traffic: Vec<TrafficPlan>,
    /// What breaks, and when.
    pub faults: Vec<FaultPlan>,
    /// Objects that are applied or deleted at a time.
    pub changes: Vec<ChangePlan>,
    /// Latencies and flags of the control plane and kubelets.
    pub control_plane: ControlPlane,
    /// What the user expects of the result.
    pub expects: Vec<Expect>,
    /// What is written.
    pub output: OutputPlan,
}

/// A container image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// The reference as written (`nginx:1.27`).
    pub name: StrId,
    /// Compressed size in bytes, which a pull transfers.
    pub size_bytes: i64,
}

impl Image {
    /// Compressed size of an image about which nothing is known.
    pub const DEFAULT_BYTES: i64 = 100_000_000;
}

/// A node that exists from the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodePlan {
    /// Name.
    pub name: StrId,
    /// What it is like.
    pub shape: ShapeId,
}

/// A named source of pods. Draws are addressed by its namespace and name, and the pod's ordinal in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// Namespace of its pods.
    pub namespace: StrId,
    /// Name of the pod (bare pods) or of the family (arrivals).
    pub name: StrId,
    /// How its pods are named.
    pub naming: Naming,
}

/// How the pods of a workload are named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Naming {
    /// There is one pod, called like the workload.
    Single,
    /// The workload's name, a dash and the ordinal with at least `width` digits.
    Numbered {
        /// Least number of digits.
        width: u8,
    },
    /// A name for each ordinal.
    Listed(Box<[StrId]>),
}

impl Workload {
    /// The name of its pod number `ordinal`.
    #[must_use]
    pub fn pod_name(&self, strings: &Strings, ordinal: u32) -> String {
        let base = strings.text(self.name);
        match &self.naming {
            Naming::Single => base.to_owned(),
            Naming::Numbered { width } => format!("{base}-{ordinal:0width$}", width = usize::from(*width)),
            Naming::Listed(names) => strings.text(names[ordinal as usize]).to_owned(),
        }
    }
}

/// A bare pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodPlan {
    /// Its workload ([`Naming::Single`]).
    pub workload: WorkloadId,
    /// What it is like.
    pub template: TemplateId,
    /// When it is created.
    pub at: SimTime,
}

/// Pods that arrive over time.
#[derive(Clone, PartialEq, Debug)]
pub struct ArrivalPlan {
    /// Their workload.
    pub workload: WorkloadId,
    /// When and what.
    pub source: ArrivalSource,
    /// Deletes the pod object this long after it finished (as a Job's `ttlSecondsAfterFinished`); `None`: pod GC.
    pub ttl_after_finished: Option<SimDuration>,
}

/// Where arrivals come from.
#[derive(Clone, PartialEq, Debug)]
pub enum ArrivalSource {
    /// Generated.
    Generated {
        /// Templates, taken in turn or by weight.
        templates: Box<[TemplateId]>,
        /// Weights of the templates; empty: in turn.
        weights: Box<[u32]>,
        /// Spacing.
        process: ArrivalProcess,
        /// The first arrival is due here (or one interval later for Poisson).
        from: SimTime,
        /// None arrives at or after this.
        until: SimTime,
        /// At most this many.
        count: Option<u32>,
    },
    /// As recorded, sorted by time. The row number is the pod's ordinal.
    Trace(Box<[TraceRow]>),
}

/// The spacing of generated arrivals.
#[derive(Clone, PartialEq, Debug)]
pub enum ArrivalProcess {
    /// One every so often.
    Every(SimDuration),
    /// Poisson, with a rate per second that follows a curve.
    Poisson(RateCurve),
}

/// One recorded arrival.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceRow {
    /// When the pod is created.
    pub at: SimTime,
    /// What it is like.
    pub template: TemplateId,
    /// When the pod is deleted; [`SimTime::NEVER`] if it is not.
    pub delete_at: SimTime,
    /// How long its process works ([`super::RunTime::Trace`]).
    pub run: SimDuration,
}

/// A rate over time: constant between its points.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RateCurve {
    /// (from when, per second), sorted; the rate before the first point is zero.
    pub points: Box<[(SimTime, f64)]>,
}

/// Requests on a service over time.
#[derive(Clone, PartialEq, Debug)]
pub struct TrafficPlan {
    /// The service that is asked.
    pub service: ServiceId,
    /// Requests per second.
    pub rate: RateCurve,
}

/// Something that breaks.
#[derive(Clone, PartialEq, Debug)]
pub struct FaultPlan {
    /// When.
    pub at: SimTime,
    /// For how long; `None`: for good.
    pub duration: Option<SimDuration>,
    /// What.
    pub kind: FaultKind,
}

/// What breaks.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultKind {
    /// The machine stops; with a duration it boots again.
    NodeCrash(NodeTarget),
    /// `spec.unschedulable` is set; with a duration it is cleared again.
    Cordon(NodeTarget),
    /// All nodes of a zone crash.
    ZoneLoss(StrId),
    /// The container's process is killed once with this exit code.
    ContainerKill {
        /// The pods.
        pod: PodTarget,
        /// The container.
        container: StrId,
        /// The exit code.
        exit_code: i32,
    },
    /// The container's process exits at once, whenever it is started, while this lasts.
    ContainerOutage {
        /// The pods.
        pod: PodTarget,
        /// The container.
        container: StrId,
        /// The exit code.
        exit_code: i32,
    },
    /// Pulls of images whose name starts with this fail.
    RegistryOutage(StrId),
}

/// Which nodes a fault strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeTarget {
    /// The node called so.
    Named(StrId),
    /// The node that this pod is on at that time.
    OfPod(PodTarget),
    /// This many nodes of the pool, drawn.
    Random {
        /// The pool; `None`: any.
        pool: Option<StrId>,
        /// How many.
        count: u32,
    },
}

/// Which pods are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodTarget {
    /// Namespace.
    pub namespace: StrId,
    /// Workload name: the pod's own name for bare pods, the family's for arrivals.
    pub name: StrId,
}

/// Something done to the cluster at a time.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangePlan {
    /// When.
    pub at: SimTime,
    /// What.
    pub kind: ChangeKind,
}

/// What is done.
#[derive(Clone, PartialEq, Debug)]
pub enum ChangeKind {
    /// Creates or replaces a ConfigMap or Secret.
    ApplyConfig(ConfigContent),
    /// Deletes a ConfigMap or Secret.
    DeleteConfig(ConfigId),
    /// Creates or replaces a storage object.
    ApplyStorage(Box<StorageObject>),
    /// Deletes pods, as `kubectl delete pod`.
    DeletePod {
        /// Which.
        pod: PodTarget,
        /// `--grace-period`; `None`: the pod's own. 0 with `--force` removes the object at once.
        grace_seconds: Option<i64>,
    },
    /// Changes the resources of a running pod (`kubectl patch --subresource resize`).
    ResizePod {
        /// Which.
        pod: PodTarget,
        /// What the pod is like after it.
        template: TemplateId,
        /// For each version that the pod may have on its node by then: the class that stands for both.
        both: Box<[(TemplateId, ClassId)]>,
    },
    /// Removes a node object.
    DeleteNode(StrId),
    /// Adds a taint to a node, or removes it.
    TaintNode {
        /// The node's name.
        node: StrId,
        /// The taint.
        taint: Taint,
        /// Add or remove.
        add: bool,
    },
}

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
    /// The scheduler's settings.
    pub scheduler: SchedulerPlan,
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
    /// Struct-of-arrays with caches.
    #[default]
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
            evaluator: Evaluator::Columns,
            profiles: vec![Profile::default()],
        }
    }
}

/// A bound on a metric of the result.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// A key of the summary's metrics, for example `pods_failed` or `wait_seconds_p99`.
    pub metric: String,
    /// The metric must not be below this.
    pub min: Option<f64>,
    /// The metric must not be above this.
    pub max: Option<f64>,
}

/// What is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputPlan {
    /// Time between two rows of the time series; `None`: a 480th of the duration.
    pub sample_every: Option<SimDuration>,
    /// Write `events.jsonl`.
    pub events: bool,
    /// Write `trace.json`.
    pub trace: bool,
    /// Write charts.
    pub charts: bool,
}

impl Default for OutputPlan {
    fn default() -> Self {
        Self { sample_every: None, events: true, trace: true, charts: true }
    }
}

impl RateCurve {
    /// The same rate from `start` on.
    #[must_use]
    pub fn constant(start: SimTime, per_second: f64) -> Self {
        Self { points: Box::new([(start, per_second)]) }
    }

    /// The rate at `now`.
    #[must_use]
    pub fn at(&self, now: SimTime) -> f64 {
        let next = self.points.partition_point(|&(from, _)| from <= now);
        if next == 0 { 0.0 } else { self.points[next - 1].1 }
    }

    /// When the rate changes next after `now`; [`SimTime::NEVER`] if it does not.
    #[must_use]
    pub fn next_change(&self, now: SimTime) -> SimTime {
        let next = self.points.partition_point(|&(from, _)| from <= now);
        self.points.get(next).map_or(SimTime::NEVER, |&(from, _)| from)
    }
}

impl Plan {
    /// How the pods of `workload` arrive; `None` for bare pods.
    #[must_use]
    pub fn arrivals_of(&self, workload: WorkloadId) -> Option<&ArrivalPlan> {
        self.arrivals.iter().find(|arrival| arrival.workload == workload)
    }

    /// What a trace says of pod number `ordinal` of `workload`; `None` if it comes from no trace.
    #[must_use]
    pub fn traced(&self, workload: WorkloadId, ordinal: u32) -> Option<&TraceRow> {
        match &self.arrivals_of(workload)?.source {
            ArrivalSource::Trace(rows) => rows.get(ordinal as usize),
            ArrivalSource::Generated { .. } => None,
        }
    }
}

impl Default for Plan {
    /// An empty cluster for an hour from the first day of 2026.
    fn default() -> Self {
        let mut strings = Strings::new();
        Self {
            name: "unnamed".to_owned(),
            description: String::new(),
            seed: 1,
            start: SimTime(1_767_225_600_000_000_000),
            duration: SimDuration::from_secs(3600),
            budgets: Vec::new(),
            namespaces: vec![Namespace::bare(known::DEFAULT, &mut strings)],
            owners: Vec::new(),
            strings,
            classes: IdVec::new(),
            templates: IdVec::new(),
            behaviors: IdVec::new(),
            images: IdVec::new(),
            shapes: IdVec::new(),
            nodes: Vec::new(),
            configs: IdVec::new(),
            config_contents: Vec::new(),
            storage: Vec::new(),
            services: IdVec::new(),
            workloads: IdVec::new(),
            pods: Vec::new(),
            arrivals: Vec::new(),
            traffic: Vec::new(),
            faults: Vec::new(),
            changes: Vec::new(),
            control_plane: ControlPlane::typical(),
            expects: Vec::new(),
            output: OutputPlan::default(),
        }
    }
}
