//! What controllers cost. `cargo bench --bench controllers` says, in CPU time of the controllers and the API alone (nobody
//! places or runs the pods; each is bound and ready as soon as it is there):
//!
//! - 10,000 Deployments of 10 replicas come up, and roll out another template;
//! - one Deployment of 10,000 replicas does the same;
//! - and so a StatefulSet and a DaemonSet; a Job runs 2,000 pods at a time, which end at any time.
//!
//! `cargo bench --bench controllers -- indexed` measures only the named parts (`lives`, `deployments`,
//! `deployment`, `stateful`, `job`, `indexed`, `daemon`).

use podsim::api::{Change, Cluster, Cursor, NewObject, Op, PodRef, StatusPatch};
use podsim::base::{SimDuration, SimTime};
use podsim::component::{DrawTables, Env};
use podsim::controllers::manager::{Manager, Timer};
use podsim::engine::{Kernel, Limits, Rank, Ranked};
use podsim::model::objects::{DaemonSetSpec, DeploymentSpec, DeploymentStrategy, JobSpec, ObjectSpec, StatefulSetSpec};
use podsim::model::strings::known;
use podsim::model::{
    CompiledSelector, IntOrPercent, NodeId, Phase, PodCondition, PodConditionType, PodNaming, TemplateId, WorkloadId,
};
use podsim::record::{Counters, Off};
use podsim::{Plan, PlanBuilder, Pod};

#[derive(Clone, Copy)]
enum Event {
    Controllers(Timer),
    /// Everything that was written so long ago is read.
    Wake,
    /// The processes of a pod end well.
    End(PodRef),
}

impl From<Timer> for Event {
    fn from(timer: Timer) -> Self {
        Self::Controllers(timer)
    }
}

impl Ranked for Event {
    fn rank(&self) -> Rank {
        Rank::new(2)
    }
}

/// A cluster that has nothing but controllers.
struct Bench {
    plan: Plan,
    templates: [TemplateId; 2],
    cluster: Cluster,
    draws: DrawTables,
    kernel: Kernel<Event>,
    manager: Manager,
    counters: Counters,
    selector: CompiledSelector,
    workload: WorkloadId,
    created: u64,
    deleted: u64,
    /// Pods end after 1 to 1,000 seconds.
    ends: bool,
}

impl Bench {
    fn new(nodes: u32) -> Self {
        let builder = PlanBuilder::new("bench").nodes("n", nodes, "64", "256Gi");
        let mut plan = builder.pods(Pod::new("web", "100m", "64Mi").label("app", "web")).build().expect("a plan");
        let workload = plan.arrivals.pop().expect("the pods of the builder").workload;
        plan.control_plane.controller_qps = 0.0;
        let first = plan.templates.entries().next().expect("a template").0;
        let mut template = |name: &str| {
            let naming = PodNaming::Generated(plan.strings.intern(name));
            let template = podsim::model::PodTemplate { naming, ..plan.templates[first].clone() };
            plan.templates.push(template)
        };
        let templates = [template("web-1"), template("web-2")];
        let pairs = [(plan.strings.intern("app"), plan.strings.intern("web"))];
        let mut cluster = Cluster::new(0);
        for node in plan.nodes.clone() {
            let op = Op::AddNode { name: node.name, id: node.shape, shape: &plan.shapes[node.shape] };
            cluster.request(plan.start, op).expect("a node");
        }
        Self {
            draws: DrawTables::new(&plan),
            kernel: Kernel::new(plan.start, Limits::default()),
            plan,
            templates,
            cluster,
            manager: Manager::default(),
            counters: Counters::default(),
            selector: CompiledSelector::of_pairs(&pairs),
            workload,
            created: 0,
            deleted: 0,
            ends: false,
        }
    }

    fn deployment(&mut self, at: usize, replicas: i32, name: &str) -> ObjectSpec {
        ObjectSpec::Deployment(DeploymentSpec {
            replicas,
            selector: self.selector.clone(),
            template: self.templates[at],
            template_hash: at as u64 + 1,
            replica_set_name: self.plan.strings.intern(&format!("{name}-{at}")),
            replica_set_selector: self.selector.clone(),
            strategy: DeploymentStrategy::RollingUpdate {
                max_surge: IntOrPercent::parse("25%"),
                max_unavailable: IntOrPercent::parse("25%"),
            },
            min_ready_seconds: 0,
            revision_history_limit: Some(10),
            paused: false,
            progress_deadline_seconds: Some(600),
        })
    }

    fn stateful_set(&self, at: usize, replicas: i32) -> ObjectSpec {
        ObjectSpec::StatefulSet(StatefulSetSpec {
            replicas,
            selector: self.selector.clone(),
            template: self.templates[at],
            template_hash: at as u64 + 1,
            ordinals_start: 0,
            parallel: false,
            on_delete: false,
            partition: Some(0),
            max_unavailable: None,
            min_ready_seconds: 0,
            revision_history_limit: 10,
            claims: Box::default(),
            delete_claims_when_deleted: false,
            delete_claims_when_scaled: false,
        })
    }

    fn job(&self, completions: i32, parallelism: i32, indexed: bool) -> ObjectSpec {
        ObjectSpec::Job(JobSpec {
            template: self.templates[0],
            selector: None,
            parallelism,
            completions: Some(completions),
            indexed,
            backoff_limit: 6,
            backoff_limit_per_index: None,
            max_failed_indexes: None,
            active_deadline_seconds: None,
            ttl_seconds_after_finished: None,
            suspend: false,
            replace_only_failed: false,
            pod_failure_policy: Box::default(),
            success_policy: Box::default(),
        })
    }

    fn daemon_set(&self, at: usize) -> ObjectSpec {
        ObjectSpec::DaemonSet(DaemonSetSpec {
            selector: self.selector.clone(),
            template: self.templates[at],
            template_hash: at as u64 + 1,
            on_delete: false,
            max_surge: IntOrPercent::Int(0),
            max_unavailable: IntOrPercent::parse("10%"),
            min_ready_seconds: 0,
            revision_history_limit: 10,
        })
    }

    fn create(&mut self, name: &str, spec: ObjectSpec) {
        let new = NewObject {
            namespace: known::DEFAULT,
            name: name.into(),
            owner: None,
            workload: Some(self.workload),
            spec,
        };
        self.cluster.request(self.kernel.now(), Op::CreateObject(&new)).expect("a new name");
    }

    fn apply(&mut self, name: &str, spec: &ObjectSpec) {
        let object = self.cluster.objects().find(spec.kind(), known::DEFAULT, name).expect("it exists");
        self.cluster.request(self.kernel.now(), Op::PutSpec(object, spec)).expect("another spec");
    }

    /// Until nothing happens any more.
    fn settle(&mut self) {
        let lag = self.plan.control_plane.watch_controller;
        let mut off = Off;
        let mut wake = SimTime::NEVER;
        let mut changes = Vec::new();
        loop {
            let next = self.cluster.log().next_at(Cursor::Controllers, lag);
            if let Some(at) = next.map(|at| at.max(self.kernel.now())).filter(|&at| at < wake) {
                wake = at;
                self.kernel.schedule_at(at, Rank::new(2), Event::Wake);
            }
            let Ok(Some((now, event))) = self.kernel.pop() else { return };
            let mut env = Env {
                cluster: &mut self.cluster,
                timers: &mut self.kernel,
                plan: &mut self.plan,
                draws: &self.draws,
                recorder: &mut off,
                counters: &mut self.counters,
                now,
            };
            match event {
                Event::Controllers(timer) => self.manager.handle(&mut env, timer),
                Event::End(pod) => self.end(now, pod),
                Event::Wake => {
                    wake = SimTime::NEVER;
                    for cursor in [Cursor::Recorder, Cursor::Kubelet, Cursor::Scheduler] {
                        while env.cluster.log_mut().next(cursor, now, SimDuration::ZERO).is_some() {}
                    }
                    while let Some(change) = env.cluster.log_mut().next(Cursor::Controllers, now, lag) {
                        self.manager.on_change(&mut env, &change);
                        changes.push(change);
                    }
                    self.manager.work(&mut env);
                    for change in changes.drain(..) {
                        self.live(now, &change);
                    }
                }
            }
        }
    }

    /// What scheduler and kubelets would do in the end.
    fn live(&mut self, now: SimTime, change: &Change) {
        match *change {
            Change::PodAdded { pod, class, .. } if self.cluster.pods().exists(pod) => {
                self.created += 1;
                self.start(now, pod, class);
            }
            Change::PodDeleting { pod, .. } if self.cluster.pods().exists(pod) => {
                self.deleted += 1;
                let op = Op::DeletePod { pod, grace_seconds: Some(0), spec_grace_seconds: 0 };
                self.cluster.request(now, op).expect("it exists");
            }
            _ => {}
        }
    }

    fn end(&mut self, now: SimTime, pod: PodRef) {
        let mut conditions = [None; 6];
        conditions[PodConditionType::Ready as usize] = Some(PodCondition::not(known::POD_COMPLETED));
        let status = StatusPatch {
            phase: Phase::Succeeded,
            reason: known::EMPTY,
            containers: self.cluster.pods().containers(pod.pod).collect(),
            conditions,
            has_address: true,
            started: now,
        };
        self.cluster.request(now, Op::PatchStatus { pod, status: &status }).expect("it exists");
    }

    fn start(&mut self, now: SimTime, pod: PodRef, class: podsim::model::ClassId) {
        let node = NodeId::from_raw(self.cluster.pods().owned(pod.pod).map_or(0, |owned| owned.member));
        let exists = (node.raw() as usize) < self.cluster.nodes().len();
        let node = if exists { node } else { NodeId::from_raw(0) };
        self.cluster.request(now, Op::Bind { pod, node, class }).expect("it waits");
        let mut conditions = [None; 6];
        conditions[PodConditionType::Ready as usize] = Some(PodCondition::TRUE);
        let status = StatusPatch {
            phase: Phase::Running,
            reason: known::EMPTY,
            containers: self.cluster.pods().containers(pod.pod).collect(),
            conditions,
            has_address: true,
            started: now,
        };
        self.cluster.request(now, Op::PatchStatus { pod, status: &status }).expect("it exists");
        if self.ends {
            let seconds = 1 + i64::from(pod.uid.raw().wrapping_mul(2_654_435_769) % 1000);
            self.kernel.schedule_at(now + SimDuration::from_secs(seconds), Rank::new(2), Event::End(pod));
        }
    }
}

/// CPU time of this process.
fn timed(run: impl FnOnce()) -> f64 {
    let before = cpu_time::ProcessTime::now();
    run();
    before.elapsed().as_secs_f64()
}

#[allow(clippy::cast_precision_loss)]
fn report(what: &str, bench: &mut Bench, run: impl FnOnce(&mut Bench)) -> f64 {
    let (created, deleted) = (bench.created, bench.deleted);
    let spent = timed(|| {
        run(bench);
        bench.settle();
    });
    let pods = bench.created - created + bench.deleted - deleted;
    println!("{what}: {spent:.2} s of CPU, {pods} pods created or deleted, {:.2} us each", spent * 1e6 / pods as f64);
    spent
}

/// What the pods' own writes cost, which no controller asks for: they are in all numbers.
fn lives_alone() {
    let mut bench = Bench::new(10);
    report("100,000 pods without a controller come and go", &mut bench, |bench| {
        for ordinal in 0..100_000 {
            let (id, workload, now) = (bench.templates[0], bench.workload, bench.kernel.now());
            let template = &bench.plan.templates[id];
            let op = Op::CreatePod { workload, ordinal, id, template, node: None, owned: None };
            bench.cluster.request(now, op).expect("a new pod");
        }
        bench.settle();
        let pods: Vec<PodRef> = bench.cluster.pods().iter().collect();
        for pod in pods {
            let op = Op::DeletePod { pod, grace_seconds: None, spec_grace_seconds: 30 };
            bench.cluster.request(bench.kernel.now(), op).expect("it exists");
        }
    });
    assert_eq!((bench.created, bench.deleted), (100_000, 100_000));
}

fn many_deployments() {
    let mut bench = Bench::new(10);
    let names: Vec<String> = (0..10_000).map(|at| format!("web-{at}")).collect();
    let up = report("10,000 Deployments of 10 come up", &mut bench, |bench| {
        for name in &names {
            let spec = bench.deployment(0, 10, name);
            bench.create(name, spec);
        }
    });
    assert_eq!(bench.cluster.pods().live(), 100_000);
    let roll = report("they roll out another template", &mut bench, |bench| {
        for name in &names {
            let spec = bench.deployment(1, 10, name);
            bench.apply(name, &spec);
        }
    });
    assert_eq!((bench.cluster.pods().live(), bench.deleted), (100_000, 100_000));
    println!("together {:.2} s", up + roll);
}

fn one(what: &str, nodes: u32, spec: impl Fn(&mut Bench, usize) -> ObjectSpec) {
    let mut bench = Bench::new(nodes);
    report(&format!("{what} comes up"), &mut bench, |bench| {
        let spec = spec(bench, 0);
        bench.create("web", spec);
    });
    let live = bench.cluster.pods().live();
    report("it rolls out another template", &mut bench, |bench| {
        let spec = spec(bench, 1);
        bench.apply("web", &spec);
    });
    assert_eq!((bench.cluster.pods().live(), bench.deleted), (live, u64::from(live)));
}

fn job(what: &str, indexed: bool) {
    let mut bench = Bench::new(10);
    bench.ends = true;
    report(what, &mut bench, |bench| {
        let spec = bench.job(20_000, 2_000, indexed);
        bench.create("web", spec);
    });
    assert_eq!(bench.created, 20_000);
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let parts: [(&str, fn()); 7] = [
        ("lives", lives_alone),
        ("deployments", many_deployments),
        ("deployment", || one("a Deployment of 10,000", 10, |bench, at| bench.deployment(at, 10_000, "web"))),
        ("stateful", || one("a StatefulSet of 1,000", 10, |bench, at| bench.stateful_set(at, 1000))),
        ("job", || job("a Job of 20,000 pods, 2,000 at a time", false)),
        ("indexed", || job("an indexed one", true)),
        ("daemon", || one("a DaemonSet on 5,000 nodes", 5000, |bench, at| bench.daemon_set(at))),
    ];
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure();
        }
    }
}
