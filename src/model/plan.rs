//! The plan: everything a run is made of, compiled and checked. Building one cannot fail half-way; running one cannot
//! fail at all. Scenarios, manifests and traces are compiled to it; tests and library users build it by hand.

use super::effective::ResourceList;
use super::objects::{ObjectKind, ObjectPlan, WithoutRequests};
use super::pod::{PodNaming, generated_suffix};
use super::service::ConfigContent;
use super::strings::known;
use super::{
    AutoscalerPlan, Behavior, BehaviorId, ClassId, ConfigId, ConfigObject, ImageId, Namespace, NodeShape,
    OwnerSelector, PodClass, PodTemplate, PoolId, PoolPlan, ServiceId, ServiceSpec, ShapeId, StorageKey, StorageObject,
    StrId, Strings, Taint, TemplateId, WorkloadId,
};
use crate::base::{IdVec, SimDuration, SimTime};

pub use super::control_plane::{ControlPlane, Evaluator, SchedulerPlan};

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
    /// Nodes that exist from the start, and in a run those that came later.
    pub nodes: Vec<NodePlan>,
    /// Pools of nodes.
    pub pools: IdVec<PoolId, PoolPlan>,
    /// The Cluster Autoscaler, if there is one.
    pub autoscaler: Option<AutoscalerPlan>,
    /// ConfigMaps and Secrets that exist or are referred to.
    pub configs: IdVec<ConfigId, ConfigObject>,
    /// The ones that exist from the start, with their keys.
    pub config_contents: Vec<ConfigContent>,
    /// Pods of the manifests that request neither CPU nor memory, and what each of their containers is taken to request.
    pub without_requests: (WithoutRequests, ResourceList),
    /// Claims, volumes, storage classes and drivers that exist from the start.
    pub storage: Vec<StorageObject>,
    /// Services.
    pub services: IdVec<ServiceId, ServiceSpec>,
    /// Namespaces, which terms of pod affinity select by label.
    pub namespaces: Vec<Namespace>,
    /// Selectors of controllers, by which the pods that they own are spread.
    pub owners: Vec<OwnerSelector>,
    /// Named sources of pods.
    pub workloads: IdVec<WorkloadId, Workload>,
    /// Objects of controllers that exist from the start.
    pub objects: Vec<ObjectPlan>,
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
    /// How its pods are named, unless their templates say so.
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
    /// The machine is switched off, after its kubelet ended its pods if it does that; with a duration it boots again.
    NodeShutdown(NodeTarget),
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
    /// The provider has no machines for this pool.
    NoCapacity(PoolId),
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
    /// Deletes a storage object; claims and volumes stay as long as they are in use.
    DeleteStorage(StorageKey),
    /// Deletes pods, as `kubectl delete pod`.
    DeletePod {
        /// Which.
        pod: PodTarget,
        /// `--grace-period`; `None`: the pod's own. 0 with `--force` removes the object at once.
        grace_seconds: Option<i64>,
    },
    /// Deletes the pod that has this name by then, whoever made it.
    DeleteNamedPod {
        /// Its namespace.
        namespace: StrId,
        /// Its name.
        name: StrId,
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
    /// Removes scheduling gates of a pod without a node.
    UngatePod {
        /// Which.
        pod: PodTarget,
        /// What the pod is like after it.
        template: TemplateId,
    },
    /// Creates an object of a controller, or writes its spec.
    ApplyObject(Box<ObjectPlan>),
    /// The same of an object that must be there (`kubectl patch`): a ConfigMap, a Secret, a storage object or one of a
    /// controller.
    Patch(Box<ChangeKind>),
    /// Deletes an object of a controller, as `kubectl delete` (in the background).
    DeleteObject(ObjectKind, StrId, StrId),
    /// Sets `spec.replicas` (`kubectl scale`).
    ScaleObject {
        /// The object's kind.
        kind: ObjectKind,
        /// Its namespace.
        namespace: StrId,
        /// Its name.
        name: StrId,
        /// The number.
        replicas: i32,
    },
    /// Empties nodes (`kubectl drain`).
    Drain(DrainPlan),
    /// Removes a node object.
    DeleteNode(StrId),
    /// Gives a pool so many nodes.
    ScalePool(PoolId, u32),
    /// Replaces all nodes of a pool, with so many more for the time being; without any, one after the other.
    UpgradePool(PoolId, u32),
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

/// A `kubectl drain`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DrainPlan {
    /// The nodes, which are cordoned at once and drained one after the other.
    pub nodes: Box<[StrId]>,
    /// `--force`: pods without a controller, too.
    pub force: bool,
    /// `--ignore-daemonsets`: pods of DaemonSets stay.
    pub ignore_daemonsets: bool,
    /// `--delete-emptydir-data`: pods with emptyDirs, too.
    pub delete_emptydir_data: bool,
    /// `--timeout`; `None`: for ever.
    pub timeout: Option<SimDuration>,
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
#[derive(Clone, PartialEq, Debug)]
pub struct OutputPlan {
    /// Time between two rows of the time series; `None`: a 480th of the duration.
    pub sample_every: Option<SimDuration>,
    /// Write `events.jsonl`.
    pub events: bool,
    /// Write `trace.json`.
    pub trace: bool,
    /// Write charts.
    pub charts: bool,
    /// What share of the pods the files are about, from 0 to 1; samples and the summary count all.
    pub pods_share: f64,
}

impl Default for OutputPlan {
    fn default() -> Self {
        Self { sample_every: None, events: true, trace: true, charts: true, pods_share: 1.0 }
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

fn generated(base: &str, ordinal: u32) -> String {
    format!("{base}-{}", generated_suffix(base, ordinal))
}

impl Plan {
    /// The name of pod number `ordinal` of `workload`, made from `template`.
    #[must_use]
    pub fn pod_name(&self, workload: WorkloadId, template: TemplateId, ordinal: u32) -> String {
        match self.templates[template].naming {
            PodNaming::Workload => self.workloads[workload].pod_name(&self.strings, ordinal),
            PodNaming::Exact(name) => self.strings.text(name).to_owned(),
            PodNaming::Generated(base) => generated(self.strings.text(base), ordinal),
            PodNaming::Index(job, index) => generated(&format!("{}-{index}", self.strings.text(job)), ordinal),
        }
    }

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
            namespaces: vec![Namespace::bare(known::DEFAULT, &mut strings)],
            owners: Vec::new(),
            without_requests: (WithoutRequests::default(), ResourceList::new()),
            strings,
            classes: IdVec::new(),
            templates: IdVec::new(),
            behaviors: IdVec::new(),
            images: IdVec::new(),
            shapes: IdVec::new(),
            nodes: Vec::new(),
            pools: IdVec::new(),
            autoscaler: None,
            configs: IdVec::new(),
            config_contents: Vec::new(),
            storage: Vec::new(),
            services: IdVec::new(),
            workloads: IdVec::new(),
            objects: Vec::new(),
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
