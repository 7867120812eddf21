//! Plans with one object of a controller, made by hand, and what can be seen of it while it runs.
#![allow(dead_code, reason = "every test file uses some of it")]

use podsim::base::SimDuration;
use podsim::model::objects::{
    DaemonSetSpec, DeploymentSpec, DeploymentStrategy, LimitRangeSpec, ObjectKind, ObjectPlan, ObjectSpec,
    StatefulSetSpec,
};
use podsim::model::plan::{ChangeKind, ChangePlan, Plan};
use podsim::model::{CompiledSelector, IntOrPercent, PodConditionType, PodNaming, StrId, TemplateId};
use podsim::record::Recorder;
use podsim::{PlanBuilder, Pod, Simulation};

/// A plan with nodes `n-0` to `n-3` and one object called `web`.
pub struct Apps {
    pub plan: Plan,
    /// Templates of the object, the present one first.
    pub templates: Vec<TemplateId>,
    pub selector: CompiledSelector,
    name: StrId,
    object: ObjectPlan,
}

/// Limits of a rolling update.
pub fn rolling(surge: &str, unavailable: &str) -> DeploymentStrategy {
    let (max_surge, max_unavailable) = (IntOrPercent::parse(surge), IntOrPercent::parse(unavailable));
    DeploymentStrategy::RollingUpdate { max_surge, max_unavailable }
}

impl Apps {
    /// With `count` templates that differ in nothing but their hashes.
    pub fn new(pod: Pod, count: usize, spec: impl FnOnce(&mut Self) -> ObjectSpec) -> Self {
        let builder = PlanBuilder::new("apps").duration("2h").nodes("n", 4, "64", "256Gi");
        let mut plan = builder.pods(pod.label("app", "web")).build().expect("a plan");
        let arrival = plan.arrivals.pop().expect("the pods of the builder");
        let first = plan.templates.entries().next().expect("a template").0;
        let name = plan.workloads[arrival.workload].name;
        let mut templates = Vec::new();
        for number in 0..count {
            let naming = PodNaming::Generated(plan.strings.intern(&format!("web-{}", number + 1)));
            let template = podsim::model::PodTemplate { naming, ..plan.templates[first].clone() };
            templates.push(plan.templates.push(template));
        }
        let pairs = [(plan.strings.intern("app"), plan.strings.intern("web"))];
        let namespace = plan.templates[first].namespace;
        let workload = Some(arrival.workload);
        let selector = CompiledSelector::of_pairs(&pairs);
        let nothing = ObjectSpec::LimitRange(LimitRangeSpec { limits: Box::default() });
        let object = ObjectPlan { namespace, name, workload, spec: nothing, replicas_given: true };
        let mut apps = Self { plan, templates, selector, name, object };
        apps.object.spec = spec(&mut apps);
        apps.plan.objects.push(apps.object.clone());
        apps
    }

    /// A Deployment of template number `at`.
    pub fn deployment(&mut self, at: usize, replicas: i32, strategy: DeploymentStrategy) -> DeploymentSpec {
        DeploymentSpec {
            replicas,
            selector: self.selector.clone(),
            template: self.templates[at],
            template_hash: at as u64 + 1,
            replica_set_name: self.plan.strings.intern(&format!("web-{}", at + 1)),
            replica_set_selector: self.selector.clone(),
            strategy,
            min_ready_seconds: 0,
            revision_history_limit: Some(10),
            paused: false,
            progress_deadline_seconds: Some(600),
        }
    }

    pub fn stateful_set(&self, at: usize, replicas: i32, parallel: bool) -> StatefulSetSpec {
        StatefulSetSpec {
            replicas,
            selector: self.selector.clone(),
            template: self.templates[at],
            template_hash: at as u64 + 1,
            ordinals_start: 0,
            parallel,
            on_delete: false,
            partition: Some(0),
            max_unavailable: None,
            min_ready_seconds: 0,
            revision_history_limit: 10,
            claims: Box::default(),
            delete_claims_when_deleted: false,
            delete_claims_when_scaled: false,
        }
    }

    pub fn daemon_set(&self, at: usize, surge: &str, unavailable: &str) -> DaemonSetSpec {
        DaemonSetSpec {
            selector: self.selector.clone(),
            template: self.templates[at],
            template_hash: at as u64 + 1,
            on_delete: false,
            max_surge: IntOrPercent::parse(surge),
            max_unavailable: IntOrPercent::parse(unavailable),
            min_ready_seconds: 0,
            revision_history_limit: 10,
        }
    }

    /// Writes another spec after so many seconds.
    pub fn apply_at(&mut self, seconds: i64, spec: ObjectSpec) {
        let object = ObjectPlan { spec, ..self.object.clone() };
        self.change_at(seconds, ChangeKind::ApplyObject(Box::new(object)));
    }

    pub fn scale_at(&mut self, seconds: i64, replicas: i32) {
        let (namespace, name, kind) = (self.object.namespace, self.name, self.object.spec.kind());
        self.change_at(seconds, ChangeKind::ScaleObject { kind, namespace, name, replicas });
    }

    pub fn change_at(&mut self, seconds: i64, kind: ChangeKind) {
        let at = self.plan.start + SimDuration::from_secs(seconds);
        self.plan.changes.push(ChangePlan { at, kind });
    }
}

/// Runs to `seconds` after the start.
pub fn run_to<R: Recorder>(simulation: &mut Simulation<R>, seconds: i64) {
    let at = simulation.plan().start + SimDuration::from_secs(seconds);
    simulation.run_until(at).expect("no limit");
}

/// A pod of the object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seen {
    pub name: String,
    pub node: Option<String>,
    pub ready: bool,
    pub deleting: bool,
    pub ended: bool,
    /// Which of the templates it was made from, counted from 1; of a StatefulSet or a DaemonSet.
    pub revision: u64,
}

/// All pods, by name.
pub fn pods<R: Recorder>(simulation: &Simulation<R>) -> Vec<Seen> {
    let (cluster, plan) = (simulation.cluster(), simulation.plan());
    let all = cluster.pods();
    let see = |pod: podsim::api::PodRef| Seen {
        name: simulation.pod_row(pod, simulation.now()).name,
        node: all.node(pod.pod).map(|node| plan.strings.text(cluster.nodes().get(node).name).to_owned()),
        ready: all.conditions(pod.pod).is_true(PodConditionType::Ready),
        deleting: all.deleting(pod.pod),
        ended: all.phase(pod.pod).is_terminal(),
        revision: plan.templates[all.template(pod.pod)].revision,
    };
    let mut seen: Vec<Seen> = all.iter().map(see).collect();
    seen.sort();
    seen
}

/// The names of pods that count as replicas.
pub fn active(pods: &[Seen]) -> Vec<&str> {
    pods.iter().filter(|pod| !pod.deleting && !pod.ended).map(|pod| pod.name.as_str()).collect()
}

/// `spec.replicas` of the ReplicaSets, oldest first.
pub fn sets<R: Recorder>(simulation: &Simulation<R>) -> Vec<i32> {
    let rows = simulation.cluster().objects().iter();
    rows.filter(|(_, row)| row.kind() == ObjectKind::ReplicaSet).filter_map(|(_, row)| row.spec.replicas()).collect()
}
