//! Random plans, built without any file: pods of many kinds on nodes of many kinds, and everything that can go wrong. One
//! number decides all the details, so that a failure is named by a handful of numbers.
#![allow(dead_code, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

mod hard;

use podsim::base::{Distribution, SimDuration, SimTime};
use podsim::model::plan::{
    ArrivalPlan, ArrivalProcess, ArrivalSource, ChangeKind, ChangePlan, ControlPlane, Evaluator, FaultKind, FaultPlan,
    Image, Naming, NodePlan, NodeTarget, Plan, PodPlan, PodTarget, RateCurve, TraceRow, TrafficPlan, Workload,
};
use podsim::model::strings::known;
use podsim::model::*;

pub const GIB: i64 = 1 << 30;
pub const MIB: i64 = 1 << 20;

/// How slow the control plane is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Latency {
    None,
    Typical,
    /// A binding takes seconds, and the scheduler hears of everything at once.
    SlowBinding,
    /// Watches lag by seconds: every component acts on an old view.
    Slow,
}

/// What decides a random plan.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Decides the details and is the plan's seed.
    pub seed: u64,
    pub nodes: u32,
    /// Pods that arrive over time; some bare ones come on top.
    pub pods: u32,
    pub latency: Latency,
    pub scan: bool,
    /// How many faults and changes.
    pub faults: u32,
    pub changes: u32,
    /// `--terminated-pod-gc-threshold`.
    pub gc_threshold: u32,
    pub minutes: i64,
    /// Pods of the burst are deleted by force while they arrive.
    pub purge: bool,
    /// Nodes come under pressure and are shut down, hooks are slow, pods are resized.
    pub hard: bool,
}

impl Setup {
    /// A small plan with some of everything.
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            nodes: 12,
            pods: 120,
            latency: Latency::Typical,
            scan: false,
            faults: 6,
            changes: 6,
            gc_threshold: 40,
            minutes: 60,
            purge: false,
            hard: false,
        }
    }
}

/// Numbers for building plans; not the simulator's draws.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn range(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from + 1) as u64) as i64
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// Names that plans use again and again.
struct Names {
    gpu: StrId,
    dedicated: StrId,
    batch: StrId,
    disk: StrId,
    ssd: StrId,
    app: StrId,
    http: StrId,
    main: StrId,
    helper: StrId,
    init: StrId,
}

struct Builder {
    plan: Plan,
    dice: Dice,
    names: Names,
    config: ConfigId,
    secret: ConfigId,
    images: Vec<ImageId>,
}

/// The random plan of a setup.
pub fn plan(setup: &Setup) -> Plan {
    let mut plan = Plan {
        name: "random".to_owned(),
        seed: setup.seed,
        duration: SimDuration::from_secs(60 * setup.minutes),
        control_plane: match setup.latency {
            Latency::None => ControlPlane::instant(),
            Latency::Typical => ControlPlane::typical(),
            Latency::SlowBinding => ControlPlane {
                watch_scheduler: SimDuration::ZERO,
                binding: SimDuration::from_millis(3_300),
                ..ControlPlane::instant()
            },
            Latency::Slow => ControlPlane {
                watch_scheduler: SimDuration::from_millis(2_300),
                watch_kubelet: SimDuration::from_millis(3_100),
                watch_controller: SimDuration::from_millis(4_700),
                binding: SimDuration::from_millis(700),
                node_boot: Distribution::Uniform { min: 0.1, max: 5.0 },
                ..ControlPlane::typical()
            },
        },
        ..Plan::default()
    };
    plan.control_plane.terminated_pod_gc_threshold = setup.gc_threshold;
    plan.control_plane.scheduler.evaluator = if setup.scan { Evaluator::Scan } else { Evaluator::Columns };
    let mut word = |text: &str| plan.strings.intern(text);
    let names = Names {
        gpu: word("nvidia.com/gpu"),
        dedicated: word("dedicated"),
        batch: word("batch"),
        disk: word("disk"),
        ssd: word("ssd"),
        app: word("app"),
        http: word("http"),
        main: word("main"),
        helper: word("helper"),
        init: word("init"),
    };
    let (settings, password) = (word("settings"), word("password"));
    let object = |kind, name| ConfigObject { kind, namespace: known::DEFAULT, name };
    let config = plan.configs.push(object(ConfigKind::ConfigMap, settings));
    let secret = plan.configs.push(object(ConfigKind::Secret, password));
    plan.config_contents.push(ConfigContent { config, keys: Box::new([settings]) });
    let mut builder = Builder { plan, dice: Dice::new(setup.seed), names, config, secret, images: Vec::new() };
    builder.images();
    builder.nodes(setup.nodes);
    builder.pods(setup);
    builder.traffic();
    if setup.hard {
        builder.hard_kubelets();
        builder.hard_containers();
        builder.resizes();
        for _ in 0..setup.faults {
            builder.shutdown();
        }
    }
    for _ in 0..setup.faults {
        builder.fault();
    }
    for _ in 0..setup.changes {
        builder.change(setup.nodes);
    }
    if setup.purge {
        let name = builder.word("burst");
        for number in 1..5 {
            let pod = PodTarget { namespace: known::DEFAULT, name };
            let at = builder.plan.start + SimDuration::from_millis(110 * number);
            let kind = ChangeKind::DeletePod { pod, grace_seconds: Some(0) };
            builder.plan.changes.push(ChangePlan { at, kind });
        }
    }
    builder.plan.faults.sort_by_key(|fault| fault.at);
    builder.plan.changes.sort_by_key(|change| change.at);
    builder.plan
}

impl Builder {
    fn word(&mut self, text: &str) -> StrId {
        self.plan.strings.intern(text)
    }

    fn at(&mut self) -> SimTime {
        // Everything begins in the first three quarters, so that most of it can end.
        let end = self.plan.duration.0 / 4 * 3;
        self.plan.start + SimDuration(self.dice.below(end as u64) as i64)
    }

    fn images(&mut self) {
        for (name, megabytes) in [("registry.test/app:1", 80), ("registry.test/job:1", 300), ("mirror.test/side:1", 20)]
        {
            let name = self.word(name);
            let image = Image { name, size_bytes: megabytes * MIB };
            self.images.push(self.plan.images.push(image));
        }
    }

    fn nodes(&mut self, count: u32) {
        let zones = ["a", "b", "c"].map(|zone| self.word(zone));
        let pools = ["small", "large", "batch"].map(|pool| self.word(pool));
        let mut shapes = Vec::new();
        for zone in zones {
            for (kind, pool) in pools.into_iter().enumerate() {
                let (milli_cpu, memory, max_pods) =
                    [(4_000, 16 * GIB, 20), (16_000, 64 * GIB, 60), (8_000, 16 * GIB, 8)][kind];
                let mut allocatable =
                    Resources { milli_cpu, memory, ephemeral_storage: 50 * GIB, ..Resources::default() };
                if kind == 1 {
                    allocatable.set_scalar(self.names.gpu, 4);
                }
                let zone_text = self.plan.strings.text(zone).to_owned();
                let mut labels = vec![("topology.kubernetes.io/zone", zone_text.as_str())];
                if kind == 1 {
                    labels.push(("disk", "ssd"));
                }
                let taint = |effect| Taint { key: self.names.dedicated, value: self.names.batch, effect };
                let taints: Box<[Taint]> = match kind {
                    2 => Box::new([taint(TaintEffect::NoSchedule)]),
                    1 if zone == zones[2] => Box::new([taint(TaintEffect::PreferNoSchedule)]),
                    _ => Box::default(),
                };
                shapes.push(self.plan.shapes.push(NodeShape {
                    pool,
                    capacity: allocatable.clone(),
                    allocatable,
                    max_pods,
                    labels: self.plan.strings.intern_labels(labels),
                    taints,
                    zone,
                    unschedulable: false,
                    images: Box::default(),
                }));
            }
        }
        for number in 0..count {
            let name = self.word(&format!("node-{number}"));
            let shape = self.dice.pick(&shapes);
            self.plan.nodes.push(NodePlan { name, shape });
        }
    }

    fn tolerations(&mut self) -> Box<[Toleration]> {
        let mut list = Vec::new();
        if self.dice.chance(40) {
            let (key, operator) = (Some(self.names.dedicated), TolerationOperator::Equal(self.names.batch));
            list.push(Toleration { key, operator, effect: None, seconds: None });
        }
        // What admission adds, mostly; some pods leave a lost node at once and some never do.
        let seconds = match self.dice.below(10) {
            0 => None,
            1 => Some(Some(0)),
            2 => Some(None),
            _ => Some(Some(self.dice.pick(&[20, 60, 300]))),
        };
        if let Some(seconds) = seconds {
            for key in [known::TAINT_NOT_READY, known::TAINT_UNREACHABLE] {
                let effect = Some(TaintEffect::NoExecute);
                list.push(Toleration { key: Some(key), operator: TolerationOperator::Exists, effect, seconds });
            }
        }
        list.into()
    }

    fn behavior(&mut self, endless: bool) -> Behavior {
        let dice = &mut self.dice;
        let run = if endless {
            RunTime::Forever
        } else {
            match dice.below(3) {
                0 => RunTime::Drawn(Distribution::Exponential { mean: 200.0 }),
                1 => RunTime::Drawn(Distribution::Uniform { min: 0.0, max: 400.0 }),
                _ => RunTime::Sweep { min: 1, span: 300, stride: 7 },
            }
        };
        let crash = dice.chance(30).then(|| Crash {
            after: Distribution::Exponential { mean: 300.0 },
            exit_codes: Box::new([(1, 2), (3, 1)]),
        });
        let leaks = dice.chance(15);
        Behavior {
            startup: dice.pick(&[Distribution::Constant(0.0), Distribution::Uniform { min: 1.0, max: 20.0 }]),
            run,
            exit_codes: dice.pick(&[Box::default(), Box::from([(0, 4), (2, 1)])]),
            crash,
            cpu: Usage { base: 20.0, per_request: 2.0, ..Usage::default() },
            memory: Usage {
                base: 30e6,
                leak_per_second: if leaks { 1e6 } else { 0.0 },
                per_request: 1e4,
                ..Usage::default()
            },
            on_terminate: OnTerminate {
                after_seconds: dice.pick(&[Some(0.0), Some(2.5), Some(40.0), None]),
                exit_code: dice.pick(&[143, 0]),
            },
            ..Behavior::default()
        }
    }

    fn container(&mut self, name: StrId, role: Role, endless: bool) -> ContainerSpec {
        let behavior = match role {
            Role::Init => Behavior {
                run: RunTime::Drawn(Distribution::Uniform { min: 0.5, max: 10.0 }),
                exit_codes: self.dice.pick(&[Box::default(), Box::from([(0, 5), (1, 1)])]),
                ..Behavior::default()
            },
            Role::Sidecar => self.behavior(true),
            Role::Main => self.behavior(endless),
        };
        let behavior = self.plan.behaviors.push(behavior);
        let dice = &mut self.dice;
        let requests = Resources {
            milli_cpu: dice.pick(&[0, 100, 500, 1_500]),
            memory: dice.pick(&[0, 64 * MIB, GIB, 3 * GIB]),
            ..Resources::default()
        };
        let limits = Limits {
            milli_cpu: dice.chance(50).then_some(requests.milli_cpu + 200),
            memory: dice.chance(60).then_some(requests.memory + 128 * MIB),
            ephemeral_storage: None,
        };
        let port = ContainerPort { name: self.names.http, protocol: Protocol::Tcp, port: 8080, host_port: 0 };
        let serves = role == Role::Main && name == self.names.main;
        let probe = |dice: &mut Dice, failure_threshold| Probe {
            action: dice.pick(&[ProbeAction::Http(8080), ProbeAction::Tcp(8080), ProbeAction::Exec]),
            initial_delay_seconds: dice.pick(&[0, 5]),
            period_seconds: 10,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold,
            grace_period_seconds: None,
        };
        let startup_probe = (serves && dice.chance(20)).then(|| probe(dice, 12));
        let readiness_probe = (serves && dice.chance(50)).then(|| probe(dice, 3));
        let liveness_probe = (serves && dice.chance(30)).then(|| probe(dice, 3));
        let hook = |dice: &mut Dice| dice.pick(&[Hook::Exec, Hook::Http(8080), Hook::Sleep(3)]);
        let post_start = (serves && dice.chance(15)).then(|| hook(dice));
        let pre_stop = (role != Role::Init && dice.chance(25)).then(|| hook(dice));
        let reference = |config, optional| ConfigRef { config, keys: Box::default(), optional };
        let env: Box<[ConfigRef]> = match dice.below(12) {
            0 => Box::new([reference(self.config, false)]),
            1 => Box::new([reference(self.secret, true)]),
            2 => Box::new([reference(self.secret, false)]),
            _ => Box::default(),
        };
        ContainerSpec {
            name,
            role,
            image: dice.pick(&self.images),
            pull_policy: dice.pick(&[
                ImagePullPolicy::IfNotPresent,
                ImagePullPolicy::IfNotPresent,
                ImagePullPolicy::Always,
            ]),
            requests,
            limits,
            ports: if serves { Box::new([port]) } else { Box::default() },
            env,
            mounts: Box::default(),
            startup_probe,
            readiness_probe,
            liveness_probe,
            resize_restarts: Default::default(),
            post_start,
            pre_stop,
            restart: None,
            behavior,
        }
    }

    /// A pod of a random kind; `endless` ones run until something stops them.
    fn template(&mut self, endless: bool) -> TemplateId {
        let (main, helper, init) = (self.names.main, self.names.helper, self.names.init);
        let mut containers = Vec::new();
        if self.dice.chance(15) {
            containers.push(self.container(init, Role::Init, false));
        }
        if self.dice.chance(10) {
            containers.push(self.container(helper, Role::Sidecar, true));
        }
        containers.push(self.container(main, Role::Main, endless));
        if self.dice.chance(25) {
            let name = self.word("second");
            containers.push(self.container(name, Role::Main, endless));
        }
        let mut requests = Resources::default();
        for container in containers.iter().filter(|container| container.role != Role::Init) {
            requests.add(&container.requests);
        }
        for container in containers.iter().filter(|container| container.role == Role::Init) {
            requests.milli_cpu = requests.milli_cpu.max(container.requests.milli_cpu);
            requests.memory = requests.memory.max(container.requests.memory);
        }
        if self.dice.chance(12) {
            requests.set_scalar(self.names.gpu, self.dice.range(1, 3));
        }
        if self.dice.chance(8) {
            requests.ephemeral_storage = self.dice.range(10, 30) * GIB;
        }
        // Some ask for more than any node has.
        if self.dice.chance(4) {
            requests.milli_cpu += 20_000;
        }
        let port = HostPort {
            protocol: self.dice.pick(&[Protocol::Tcp, Protocol::Udp]),
            host_ip: self.dice.pick(&[known::EMPTY, known::ALL_ADDRESSES]),
            port: self.dice.pick(&[80, 9100]),
        };
        let selector: Box<[(StrId, StrId)]> =
            if self.dice.chance(12) { Box::new([(self.names.disk, self.names.ssd)]) } else { Box::default() };
        let class = PodClass {
            priority: self.dice.pick(&[0, 0, 0, 0, 10, 100]),
            scoring_milli_cpu: requests.milli_cpu.max(100),
            scoring_memory: requests.memory.max(200 * MIB),
            requests,
            node_selector: selector,
            tolerations: self.tolerations(),
            host_ports: if self.dice.chance(12) { Box::new([port]) } else { Box::default() },
            volumes: Box::default(),
            ..PodClass::default()
        };
        let class = self.plan.classes.push(class);
        let labels = if endless { vec![("app", "web")] } else { vec![("app", "job")] };
        let restart_policy = if endless {
            self.dice.pick(&[RestartPolicy::Always, RestartPolicy::Always, RestartPolicy::OnFailure])
        } else {
            self.dice.pick(&[
                RestartPolicy::Never,
                RestartPolicy::OnFailure,
                RestartPolicy::Never,
                RestartPolicy::Always,
            ])
        };
        let volumes: Box<[Volume]> = match self.dice.below(15) {
            0 => {
                let refs = ConfigRef { config: self.secret, keys: Box::default(), optional: false };
                Box::new([Volume { name: known::DEFAULT, source: VolumeSource::Config(Box::new([refs])) }])
            }
            _ => Box::default(),
        };
        self.plan.templates.push(PodTemplate {
            labels: self.plan.strings.intern_labels(labels),
            class,
            naming: Default::default(),
            revision: 0,
            spec: std::sync::Arc::new(PodSpec {
                namespace: known::DEFAULT,
                restart_policy,
                grace_period_seconds: self.dice.pick(&[0, 5, 30]),
                active_deadline_seconds: self.dice.chance(6).then_some(120),
                host_network: false,
                pod_resources: false,
                qos: QosClass::Burstable,
                cgroup: podsim::model::PodCgroup::default(),
                containers: containers.into(),
                volumes,
                drain: Default::default(),
                deletion_cost: 0,
                admission: None,
            }),
        })
    }

    fn workload(&mut self, name: &str, naming: Naming) -> WorkloadId {
        let name = self.word(name);
        self.plan.workloads.push(Workload { namespace: known::DEFAULT, name, naming })
    }

    fn pods(&mut self, setup: &Setup) {
        let jobs: Vec<TemplateId> = (0..12).map(|_| self.template(false)).collect();
        let servers: Vec<TemplateId> = (0..4).map(|_| self.template(true)).collect();
        for number in 0..10 {
            let workload = self.workload(&format!("bare-{number}"), Naming::Single);
            let template = self.dice.pick(if number < 5 { &servers } else { &jobs });
            let at = if number < 3 { self.plan.start } else { self.at() };
            self.plan.pods.push(PodPlan { workload, template, at });
        }
        // One asks for a node by name that is not there.
        let lost = self.word("no-such-node");
        let class = self.plan.classes.push(PodClass { node_name: Some(lost), ..PodClass::default() });
        let template = PodTemplate { class, ..self.plan.templates[jobs[0]].clone() };
        let template = self.plan.templates.push(template);
        let workload = self.workload("nowhere", Naming::Single);
        self.plan.pods.push(PodPlan { workload, template, at: self.plan.start });

        let start = self.plan.start;
        let last = start + SimDuration(self.plan.duration.0 / 4 * 3);
        let count = u64::from(setup.pods);
        let rate = (count / 2) as f64 / (last - start).as_secs_f64();
        let steady = self.workload("steady", Naming::Numbered { width: 1 });
        let generated = |templates: &[TemplateId], process, count| ArrivalSource::Generated {
            templates: templates.into(),
            weights: Box::default(),
            process,
            from: start,
            until: last,
            count: Some(count),
        };
        self.plan.arrivals.push(ArrivalPlan {
            workload: steady,
            source: generated(&jobs, ArrivalProcess::Poisson(RateCurve::constant(start, rate)), setup.pods / 2),
            ttl_after_finished: Some(SimDuration::from_secs(90)),
        });
        // A quarter comes in one burst, and another from a trace with deletions.
        let burst = self.workload("burst", Naming::Numbered { width: 4 });
        let process = ArrivalProcess::Every(SimDuration::from_millis(20));
        let mut mixed = jobs.clone();
        mixed.extend(&servers);
        self.plan.arrivals.push(ArrivalPlan {
            workload: burst,
            source: generated(&mixed, process, setup.pods / 4),
            ttl_after_finished: None,
        });
        let traced = self.plan.behaviors.push(Behavior { run: RunTime::Trace, ..Behavior::default() });
        let mut template = self.plan.templates[jobs[1]].clone();
        for container in &mut template.containers {
            container.behavior = traced;
        }
        let template = self.plan.templates.push(template);
        let workload = self.workload("traced", Naming::Numbered { width: 1 });
        let mut rows: Vec<TraceRow> = (0..setup.pods / 4)
            .map(|_| {
                let at = self.at();
                let run = SimDuration::from_secs(self.dice.range(0, 600));
                let delete_at = if self.dice.chance(60) {
                    at + SimDuration::from_secs(self.dice.range(0, 900))
                } else {
                    SimTime::NEVER
                };
                TraceRow { at, template, delete_at, run }
            })
            .collect();
        rows.sort_by_key(|row| row.at);
        let source = ArrivalSource::Trace(rows.into());
        self.plan.arrivals.push(ArrivalPlan { workload, source, ttl_after_finished: None });
    }

    fn traffic(&mut self) {
        let (name, web) = (self.word("web"), self.word("web"));
        let port = ServicePort {
            name: known::EMPTY,
            protocol: Protocol::Tcp,
            port: 80,
            target: TargetPort::Name(self.names.http),
        };
        for kind in [ServiceType::ClusterIp, ServiceType::LoadBalancer] {
            let service = self.plan.services.push(ServiceSpec {
                namespace: known::DEFAULT,
                name,
                kind,
                selector: Box::new([(self.names.app, web)]),
                ports: Box::new([port.clone()]),
                load_balancer_ip: None,
                publish_not_ready_addresses: false,
            });
            let start = self.plan.start;
            let point = |minutes: i64, rate| (start + SimDuration::from_secs(60 * minutes), rate);
            let points = Box::new([point(1, 40.0), point(20, 400.0), point(30, 0.0), point(35, 90.0)]);
            self.plan.traffic.push(TrafficPlan { service, rate: RateCurve { points } });
        }
    }

    fn pod_target(&mut self) -> PodTarget {
        let name = match self.dice.below(4) {
            0 => self.word("burst"),
            1 => self.word("traced"),
            2 => self.word("steady"),
            _ => {
                let number = self.dice.below(10);
                self.word(&format!("bare-{number}"))
            }
        };
        PodTarget { namespace: known::DEFAULT, name }
    }

    fn fault(&mut self) {
        let duration = self.dice.chance(70).then(|| SimDuration::from_secs(self.dice.range(1, 900)));
        let count = self.dice.range(1, 4) as u32;
        let random = NodeTarget::Random { pool: None, count };
        let exit_code = self.dice.pick(&[1, 137, 0]);
        let kind = match self.dice.below(8) {
            0 | 1 => FaultKind::NodeCrash(random),
            2 => FaultKind::NodeCrash(NodeTarget::OfPod(self.bare())),
            3 => FaultKind::Cordon(random),
            4 => FaultKind::ZoneLoss(self.word("a")),
            5 => FaultKind::ContainerKill { pod: self.pod_target(), container: self.names.main, exit_code },
            6 => FaultKind::ContainerOutage { pod: self.pod_target(), container: self.names.main, exit_code },
            _ => FaultKind::RegistryOutage(self.word("registry.test/")),
        };
        let at = self.at();
        self.plan.faults.push(FaultPlan { at, duration, kind });
    }

    fn bare(&mut self) -> PodTarget {
        let number = self.dice.below(10);
        PodTarget { namespace: known::DEFAULT, name: self.word(&format!("bare-{number}")) }
    }

    fn change(&mut self, nodes: u32) {
        let number = self.dice.below(u64::from(nodes));
        let node = self.word(&format!("node-{number}"));
        let kind = match self.dice.below(8) {
            0..=2 => {
                let pod = if self.dice.chance(50) { self.pod_target() } else { self.bare() };
                ChangeKind::DeletePod { pod, grace_seconds: self.dice.pick(&[None, Some(0), Some(1), Some(60)]) }
            }
            3 => ChangeKind::DeleteNode(node),
            4 | 5 => {
                let effect = self.dice.pick(&[TaintEffect::NoExecute, TaintEffect::NoSchedule]);
                let taint = Taint { key: self.names.dedicated, value: self.names.batch, effect };
                ChangeKind::TaintNode { node, taint, add: self.dice.chance(70) }
            }
            6 => ChangeKind::ApplyConfig(ConfigContent { config: self.secret, keys: Box::default() }),
            _ => ChangeKind::DeleteConfig(self.config),
        };
        let at = self.at();
        self.plan.changes.push(ChangePlan { at, kind });
    }
}
