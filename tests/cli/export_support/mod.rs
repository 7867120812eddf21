//! Hand-made runs for the tests of exports: a day of a small service in which everything goes wrong once, and a large
//! cluster with GPUs. Facts are written as the simulation writes them, but nothing is simulated.
#![allow(dead_code, clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

pub mod big;
pub mod day;

use podsim::base::{Digest, SimDuration, SimTime};
use podsim::model::strings::known;
use podsim::model::*;
use podsim::record::{Fact, Recorder, Recording, Sample};
use podsim::sim::outcome::{Counters, Outcome, Quantiles, Stopped};
use podsim::sim::plan::{Image, Naming, NodePlan, Plan, Workload};

pub const GIB: i64 = 1 << 30;

/// A run ready to be exported.
pub struct Run {
    pub plan: Plan,
    pub outcome: Outcome,
    pub recording: Recording,
    pub ignored: Vec<(String, u32)>,
}

impl Run {
    pub fn context(&self) -> podsim::export::Context<'_> {
        podsim::export::Context {
            plan: &self.plan,
            outcome: &self.outcome,
            recording: &self.recording,
            ignored: &self.ignored,
        }
    }
}

/// Facts in any order, and what they refer to.
pub struct Builder {
    pub plan: Plan,
    pub recording: Recording,
    pub facts: Vec<(SimTime, Fact)>,
    records: Vec<podsim::record::PodRecord>,
}

pub fn seconds(s: f64) -> SimDuration {
    SimDuration::from_secs_f64(s)
}

impl Builder {
    pub fn new(name: &str, start: SimTime, duration: SimDuration) -> Self {
        let plan =
            Plan { name: name.to_owned(), description: String::new(), seed: 42, start, duration, ..Plan::default() };
        Self { plan, recording: Recording::new(), facts: Vec::new(), records: Vec::new() }
    }

    pub fn at(&self, after: f64) -> SimTime {
        self.plan.start + seconds(after)
    }

    pub fn fact(&mut self, after: f64, fact: Fact) {
        let at = self.at(after);
        self.facts.push((at, fact));
    }

    pub fn note(&mut self, text: &str) -> podsim::record::fact::NoteId {
        self.recording.note(|| text.to_owned())
    }

    pub fn node(&mut self, name: &str, shape: ShapeId) -> NodeId {
        let name = self.plan.strings.intern(name);
        self.plan.nodes.push(NodePlan { name, shape });
        let node = NodeId::from_raw(self.plan.nodes.len() as u32 - 1);
        self.fact(0.0, Fact::NodeAdded(node));
        self.fact(0.0, Fact::NodeReady(node, ConditionStatus::True));
        node
    }

    pub fn shape(&mut self, allocatable: Resources) -> ShapeId {
        let pool = self.plan.strings.intern("pool");
        self.plan.shapes.push(NodeShape {
            pool,
            capacity: allocatable.clone(),
            allocatable,
            max_pods: 110,
            labels: Strings::no_labels(),
            taints: Box::default(),
            zone: known::EMPTY,
            unschedulable: false,
            images: Box::default(),
        })
    }

    pub fn template(&mut self, containers: &[&str]) -> TemplateId {
        let behavior = self.plan.behaviors.push(Behavior::default());
        let class = self.plan.classes.push(PodClass::default());
        let name = self.plan.strings.intern("example.org/app:1");
        let image = self.plan.images.push(Image { name, size_bytes: 100 << 20 });
        let specs = containers.iter().map(|name| ContainerSpec {
            name: self.plan.strings.intern(name),
            role: Role::Main,
            image,
            pull_policy: ImagePullPolicy::IfNotPresent,
            requests: Resources::default(),
            limits: Limits::default(),
            ports: Box::default(),
            env: Box::default(),
            mounts: Box::default(),
            startup_probe: None,
            readiness_probe: None,
            liveness_probe: None,
            resize_restarts: Default::default(),
            post_start: None,
            pre_stop: None,
            restart: None,
            behavior,
        });
        let containers = specs.collect();
        self.plan.templates.push(PodTemplate {
            labels: Strings::no_labels(),
            class,
            naming: Default::default(),
            revision: 0,
            spec: std::sync::Arc::new(PodSpec {
                namespace: known::DEFAULT,
                restart_policy: RestartPolicy::Always,
                grace_period_seconds: 30,
                active_deadline_seconds: None,
                host_network: false,
                pod_resources: false,
                qos: QosClass::Burstable,
                cgroup: podsim::model::PodCgroup::default(),
                containers,
                volumes: Box::default(),
                drain: Default::default(),
                deletion_cost: 0,
                admission: None,
            }),
        })
    }

    pub fn workload(&mut self, name: &str, naming: Naming) -> WorkloadId {
        let name = self.plan.strings.intern(name);
        self.plan.workloads.push(Workload { namespace: known::DEFAULT, name, naming })
    }

    /// The next pod; to be called in the order of creation.
    pub fn pod(&mut self, after: f64, workload: WorkloadId, ordinal: u32, template: TemplateId) -> PodUid {
        let uid = PodUid::from_raw(self.records.len() as u32);
        self.records.push(podsim::record::PodRecord { uid, workload, ordinal, template, name: None, owner: None });
        self.fact(after, Fact::PodCreated(uid));
        self.fact(after, Fact::PodPhase(uid, Phase::Pending, known::EMPTY));
        uid
    }

    /// Facts in the order of time, in the recording.
    pub fn sorted(&mut self) -> Vec<(SimTime, Fact)> {
        self.facts.sort_by_key(|(at, _)| *at);
        self.facts.clone()
    }

    pub fn finish(mut self, outcome: Outcome, samples: Vec<(SimTime, Sample)>) -> Run {
        for record in &self.records {
            self.recording.pod(*record);
        }
        for (at, fact) in self.sorted() {
            self.recording.fact(at, fact);
        }
        for (at, sample) in samples {
            self.recording.sample(at, sample);
        }
        Run { plan: self.plan, outcome, recording: self.recording, ignored: Vec::new() }
    }

    pub fn outcome(&self) -> Outcome {
        let mut digest = Digest::new();
        digest.fold(7);
        Outcome {
            ended_at: self.plan.start + self.plan.duration,
            stopped: Stopped::Duration,
            events: 41_234,
            writes: 9_876,
            digest,
            counters: Counters::default(),
            wait: Quantiles::default(),
            ready: Quantiles::default(),
            pods: Vec::new(),
            lost: Vec::new(),
            refused: Vec::new(),
            pending: Vec::new(),
            services: Vec::new(),
            strings: self.plan.strings.clone(),
            metrics: std::collections::BTreeMap::new(),
        }
    }
}
