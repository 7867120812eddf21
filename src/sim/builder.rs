//! A small way to write a plan in Rust: nodes, pods, services, requests. Owns the defaults that manifests and scenarios
//! would fill in; knows neither files nor formats. What it has no word for is set on the finished [`Plan`].

use std::fmt;
use std::sync::Arc;

use super::plan::{
    ArrivalPlan, ArrivalProcess, ArrivalSource, Image, Naming, NodePlan, Plan, RateCurve, TrafficPlan, Workload,
};
use crate::base::{Distribution, Interner, Quantity, SimDuration, SimTime};
use crate::model::cgroup::{QUOTA_PERIOD_US, pod_cgroup};
use crate::model::effective::{CPU, ContainerResources, MEMORY, Options, PodResources, ResourceList};
use crate::model::qos::qos_class;
use crate::model::quota::PodAdmission;
use crate::model::strings::known;
use crate::model::{
    Behavior, ClassId, ContainerPort, ContainerSpec, Crash, ImageId, ImagePullPolicy, Limits, NodeShape, PodClass,
    PodSpec, PodTemplate, Protocol, RestartPolicy, Role, RunTime, ServicePort, ServiceSpec, ServiceType, Strings,
    TaintEffect, TargetPort, Toleration, TolerationOperator,
};

/// Builds a [`Plan`] by hand. Amounts are Kubernetes quantities (`500m`, `2Gi`), durations are written `90s` or `1h30m`.
///
/// Nothing is checked before [`build`](Self::build), which reports all mistakes at once.
///
/// ```
/// use podsim::{PlanBuilder, Pod, Simulation};
///
/// let plan = PlanBuilder::new("shop")
///     .duration("1h")
///     .nodes("worker", 3, "4", "16Gi")
///     .pods(Pod::new("web", "500m", "512Mi").copies(4).label("app", "web").port(8080).crashes_every("20m"))
///     .service("web", ("app", "web"), 8080)
///     .traffic("web", 100.0)
///     .build()?;
/// let outcome = Simulation::new(plan).run();
/// assert_eq!(outcome.counters.pods_bound, 4);
/// assert!(outcome.counters.container_restarts > 0);
/// assert!(outcome.services[0].served > 300_000.0);
/// # Ok::<(), podsim::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PlanBuilder {
    plan: Plan,
    classes: Interner<ClassId, PodClass>,
    image: Option<ImageId>,
    mistakes: Vec<String>,
}

/// Pods of one kind, with one container called `main`; for [`PlanBuilder::pods`].
#[derive(Clone, PartialEq, Debug)]
pub struct Pod {
    name: String,
    cpu: String,
    memory: String,
    copies: u32,
    every: String,
    labels: Vec<(String, String)>,
    node_selector: Vec<(String, String)>,
    ports: Vec<u16>,
    priority: i32,
    restart_policy: Option<RestartPolicy>,
    startup: String,
    run: Option<String>,
    exit_code: i32,
    mtbf: Option<String>,
}

/// Everything that is wrong with what a [`PlanBuilder`] was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildError {
    /// One sentence for each mistake.
    pub mistakes: Vec<String>,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistakes.join("; "))
    }
}

impl std::error::Error for BuildError {}

impl Pod {
    /// One pod that requests this much and runs until the end, restarted whenever it exits.
    #[must_use]
    pub fn new(name: &str, cpu: &str, memory: &str) -> Self {
        Self {
            name: name.to_owned(),
            cpu: cpu.to_owned(),
            memory: memory.to_owned(),
            copies: 1,
            every: "0s".to_owned(),
            labels: Vec::new(),
            node_selector: Vec::new(),
            ports: Vec::new(),
            priority: 0,
            restart_policy: None,
            startup: "0s".to_owned(),
            run: None,
            exit_code: 0,
            mtbf: None,
        }
    }

    /// This many of them, named `name-0`, `name-1`, ...; all at the start, unless [`every`](Self::every) says otherwise.
    #[must_use]
    pub const fn copies(mut self, copies: u32) -> Self {
        self.copies = copies;
        self
    }

    /// The copies are created this long after each other.
    #[must_use]
    pub fn every(mut self, gap: &str) -> Self {
        gap.clone_into(&mut self.every);
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Only nodes with this label are taken.
    #[must_use]
    pub fn on_nodes_with(mut self, key: &str, value: &str) -> Self {
        self.node_selector.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Declares a container port, on which the process listens.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.ports.push(port);
        self
    }

    /// `spec.priority`.
    #[must_use]
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// `spec.restartPolicy`; without it `Always`, or `Never` for pods that end by themselves.
    #[must_use]
    pub const fn restart_policy(mut self, policy: RestartPolicy) -> Self {
        self.restart_policy = Some(policy);
        self
    }

    /// How long the process needs until it serves.
    #[must_use]
    pub fn starts_in(mut self, startup: &str) -> Self {
        startup.clone_into(&mut self.startup);
        self
    }

    /// The process ends by itself after this long.
    #[must_use]
    pub fn runs_for(mut self, run: &str) -> Self {
        self.run = Some(run.to_owned());
        self
    }

    /// The exit code of a process that ends by itself.
    #[must_use]
    pub const fn exits_with(mut self, code: i32) -> Self {
        self.exit_code = code;
        self
    }

    /// The process crashes with exit code 1, at exponentially distributed times with this mean.
    #[must_use]
    pub fn crashes_every(mut self, mtbf: &str) -> Self {
        self.mtbf = Some(mtbf.to_owned());
        self
    }
}

impl PlanBuilder {
    /// An empty cluster for an hour, seed 1, with the latencies of real clusters.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut builder = Self::default();
        name.clone_into(&mut builder.plan.name);
        builder
    }

    /// The root of all draws.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = seed;
        self
    }

    /// How long the simulated clock runs.
    #[must_use]
    pub fn duration(mut self, duration: &str) -> Self {
        self.plan.duration = self.span("the duration of the run", duration);
        if self.plan.duration <= SimDuration::ZERO {
            self.mistakes.push("the duration of the run must be more than zero".to_owned());
        }
        self
    }

    /// `count` equal nodes called `pool-0`, `pool-1`, ...: everything allocatable, 110 pods each, in no zone, without labels
    /// but `kubernetes.io/hostname`.
    #[must_use]
    pub fn nodes(mut self, pool: &str, count: u32, cpu: &str, memory: &str) -> Self {
        let amounts = self.amounts(&format!("nodes `{pool}`"), cpu, memory);
        let strings = &mut self.plan.strings;
        let capacity = amounts.compile(strings);
        let shape = self.plan.shapes.push(NodeShape {
            pool: strings.intern(pool),
            allocatable: capacity.clone(),
            capacity,
            max_pods: 110,
            labels: Strings::no_labels(),
            taints: Box::default(),
            zone: known::EMPTY,
            unschedulable: false,
            images: Box::default(),
        });
        for index in 0..count {
            let name = strings.intern(&format!("{pool}-{index}"));
            if self.plan.nodes.iter().any(|node| node.name == name) {
                self.mistakes.push(format!("there are two nodes called `{pool}-{index}`"));
                break;
            }
            self.plan.nodes.push(NodePlan { name, shape });
        }
        self
    }

    /// Pods of one kind, in the namespace `default`.
    #[must_use]
    pub fn pods(mut self, pod: Pod) -> Self {
        let what = format!("pods `{}`", pod.name);
        let every = self.span(&what, &pod.every);
        let behavior = self.behavior(&what, &pod);
        let amounts = self.amounts(&what, &pod.cpu, &pod.memory);
        let resources = PodResources { main: vec![of_requests(amounts)], ..PodResources::default() };
        let class = self.class(&pod, &resources);
        let image = self.image();
        let plan = &mut self.plan;
        let port = |&port: &u16| ContainerPort { name: known::EMPTY, protocol: Protocol::Tcp, port, host_port: 0 };
        let container = ContainerSpec {
            name: plan.strings.intern("main"),
            role: Role::Main,
            image,
            pull_policy: ImagePullPolicy::IfNotPresent,
            requests: resources.requests(&Options::default()).compile(&mut plan.strings),
            limits: Limits::default(),
            ports: pod.ports.iter().map(port).collect(),
            env: Box::default(),
            mounts: Box::default(),
            startup_probe: None,
            readiness_probe: None,
            liveness_probe: None,
            resize_restarts: Default::default(),
            post_start: None,
            pre_stop: None,
            restart: None,
            behavior: plan.behaviors.push(behavior),
        };
        let ends = if pod.run.is_some() { RestartPolicy::Never } else { RestartPolicy::Always };
        let labels = pod.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let template = plan.templates.push(PodTemplate {
            labels: plan.strings.intern_labels(labels),
            class,
            naming: Default::default(),
            revision: 0,
            spec: Arc::new(PodSpec {
                namespace: known::DEFAULT,
                restart_policy: pod.restart_policy.unwrap_or(ends),
                grace_period_seconds: 30,
                active_deadline_seconds: None,
                host_network: false,
                pod_resources: false,
                qos: qos_class(&resources),
                cgroup: pod_cgroup(&resources, true, QUOTA_PERIOD_US),
                containers: Box::new([container]),
                volumes: Box::default(),
                drain: Default::default(),
                deletion_cost: 0,
                admission: Some(PodAdmission::new(&resources, &["main"])),
            }),
        });
        let name = plan.strings.intern(&pod.name);
        if plan.workloads.iter().any(|workload| workload.name == name) {
            self.mistakes.push(format!("there are two kinds of pods called `{}`", pod.name));
        }
        let naming = if pod.copies == 1 { Naming::Single } else { Naming::Numbered { width: 1 } };
        let workload = plan.workloads.push(Workload { namespace: known::DEFAULT, name, naming });
        let source = ArrivalSource::Generated {
            templates: Box::new([template]),
            weights: Box::default(),
            process: ArrivalProcess::Every(every),
            from: plan.start,
            until: SimTime::NEVER,
            count: Some(pod.copies),
        };
        plan.arrivals.push(ArrivalPlan { workload, source, ttl_after_finished: None });
        self
    }

    /// A Service of the type ClusterIP whose endpoints are the pods with this label that listen on `port`.
    #[must_use]
    pub fn service(mut self, name: &str, (key, value): (&str, &str), port: u16) -> Self {
        let strings = &mut self.plan.strings;
        let target = TargetPort::Number(port);
        self.plan.services.push(ServiceSpec {
            namespace: known::DEFAULT,
            name: strings.intern(name),
            kind: ServiceType::ClusterIp,
            selector: Box::new([(strings.intern(key), strings.intern(value))]),
            ports: Box::new([ServicePort { name: known::EMPTY, protocol: Protocol::Tcp, port, target }]),
            load_balancer_ip: None,
            publish_not_ready_addresses: false,
        });
        self
    }

    /// This many requests per second on a service that was described before, from the start to the end.
    #[must_use]
    pub fn traffic(mut self, service: &str, per_second: f64) -> Self {
        let strings = &self.plan.strings;
        let found = self.plan.services.entries().find(|(_, of)| strings.text(of.name) == service);
        let Some(service) = found.map(|(id, _)| id) else {
            self.mistakes.push(format!("there is no service called `{service}`"));
            return self;
        };
        if !(per_second.is_finite() && per_second >= 0.0) {
            self.mistakes.push(format!("{per_second} is not a rate of requests"));
        }
        self.plan.traffic.push(TrafficPlan { service, rate: RateCurve::constant(self.plan.start, per_second) });
        self
    }

    /// The plan.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn build(mut self) -> Result<Plan, BuildError> {
        if !self.mistakes.is_empty() {
            return Err(BuildError { mistakes: self.mistakes });
        }
        self.plan.classes = self.classes.entries().map(|(_, class)| class.clone()).collect();
        Ok(self.plan)
    }

    fn class(&mut self, pod: &Pod, resources: &PodResources) -> ClassId {
        let scoring = resources.requests(&Options::scoring());
        let counted = |name| scoring.get(name).unwrap_or_default();
        let strings = &mut self.plan.strings;
        let pairs = pod.node_selector.iter().map(|(key, value)| (strings.intern(key), strings.intern(value)));
        let mut node_selector: Vec<_> = pairs.collect();
        node_selector.sort_unstable();
        let seconds = self.plan.control_plane.default_toleration_seconds;
        let tolerated = |key| Toleration {
            key: Some(key),
            operator: TolerationOperator::Exists,
            effect: Some(TaintEffect::NoExecute),
            seconds: Some(seconds),
        };
        let labels = strings.intern_labels(pod.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        self.classes.intern(PodClass {
            labels: strings.labels(labels).clone(),
            requests: resources.requests(&Options::default()).compile(strings),
            scoring_milli_cpu: counted(CPU).milli_value(),
            scoring_memory: counted(MEMORY).value(),
            priority: pod.priority,
            node_selector: node_selector.into(),
            tolerations: [known::TAINT_NOT_READY, known::TAINT_UNREACHABLE].map(tolerated).into(),
            ..PodClass::default()
        })
    }

    fn behavior(&mut self, what: &str, pod: &Pod) -> Behavior {
        let mut seconds = |text: &str| self.span(what, text).as_secs_f64();
        Behavior {
            startup: Distribution::Constant(seconds(&pod.startup)),
            run: pod
                .run
                .as_deref()
                .map_or(RunTime::Forever, |run| RunTime::Drawn(Distribution::Constant(seconds(run)))),
            exit_codes: Box::new([(pod.exit_code, 1)]),
            crash: pod.mtbf.as_deref().map(|mtbf| Crash {
                after: Distribution::Exponential { mean: seconds(mtbf) },
                exit_codes: Box::default(),
            }),
            ..Behavior::default()
        }
    }

    fn image(&mut self) -> ImageId {
        let name = self.plan.strings.intern("main");
        let images = &mut self.plan.images;
        *self.image.get_or_insert_with(|| images.push(Image { name, size_bytes: Image::DEFAULT_BYTES }))
    }

    fn amounts(&mut self, what: &str, cpu: &str, memory: &str) -> ResourceList {
        let mut list = ResourceList::new();
        for (name, text) in [(CPU, cpu), (MEMORY, memory)] {
            match Quantity::parse(text) {
                Ok(amount) if !amount.is_negative() => list.set(name, amount),
                _ => self.mistakes.push(format!("{what}: `{text}` is not an amount of {name}; write `500m` or `2Gi`")),
            }
        }
        list
    }

    fn span(&mut self, what: &str, text: &str) -> SimDuration {
        SimDuration::parse(text).unwrap_or_else(|why| {
            self.mistakes.push(format!("{what}: `{text}` is not a duration ({why}); write `90s` or `1h30m`"));
            SimDuration::from_secs(1)
        })
    }
}

fn of_requests(requests: ResourceList) -> ContainerResources {
    let mut container = ContainerResources::default();
    container.spec.requests = requests;
    container
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Simulation;

    #[test]
    fn mistakes_are_told_all_at_once() {
        let error = PlanBuilder::new("wrong")
            .duration("soon")
            .nodes("worker", 2, "four", "16Gi")
            .nodes("worker", 1, "4", "16Gi")
            .pods(Pod::new("job", "1", "-1Gi").runs_for("long"))
            .pods(Pod::new("job", "1", "1Gi"))
            .traffic("web", f64::NAN)
            .build()
            .expect_err("nearly everything is wrong");
        assert_eq!(error.mistakes.len(), 7, "{error}");
    }

    #[test]
    fn pods_without_room_stay_pending_and_say_why() {
        let plan = PlanBuilder::new("full")
            .nodes("worker", 1, "4", "16Gi")
            .pods(Pod::new("big", "3", "1Gi").copies(2))
            .pods(Pod::new("picky", "1", "1Gi").on_nodes_with("disk", "ssd"))
            .pods(Pod::new("job", "500m", "1Gi").runs_for("1m").exits_with(3).every("10s").copies(5))
            .build()
            .expect("nothing is wrong");
        let outcome = Simulation::new(plan).run();
        assert_eq!((outcome.counters.pods_created, outcome.counters.pods_failed), (8, 5));
        assert!(outcome.pending.iter().any(|(_, why)| why.contains("Insufficient cpu")), "{:?}", outcome.pending);
        assert!(outcome.pending.iter().any(|(_, why)| why.contains("affinity/selector")), "{:?}", outcome.pending);
    }
}
