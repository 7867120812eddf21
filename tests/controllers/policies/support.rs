//! Plans with a ReplicaSet and what is around it.

use podsim::base::SimDuration;
use podsim::model::objects::{ObjectPlan, ObjectSpec, ReplicaSetSpec};
use podsim::model::plan::{ChangeKind, ChangePlan, Plan};
use podsim::model::{BudgetBound, CompiledSelector, DisruptionBudget, IntOrPercent, PodNaming, StrId};
use podsim::record::{Fact, Recording};
use podsim::{PlanBuilder, Pod, Simulation};

/// A plan with a ReplicaSet called `web` on these nodes; a pod is `pod`, labelled `app=web`.
pub fn with_replica_set(builder: PlanBuilder, pod: Pod, replicas: i32) -> Plan {
    let mut plan = builder.pods(pod.label("app", "web")).build().expect("a plan");
    let arrival = plan.arrivals.pop().expect("the pods of the builder");
    let template = plan.templates.entries().next().expect("a template").0;
    let name: StrId = plan.workloads[arrival.workload].name;
    plan.templates[template].naming = PodNaming::Generated(name);
    let spec = ObjectSpec::ReplicaSet(ReplicaSetSpec {
        replicas,
        selector: selector(&mut plan),
        template,
        template_hash: 1,
        min_ready_seconds: 0,
        revision: 0,
        desired_replicas: None,
        max_replicas: None,
    });
    let namespace = plan.templates[template].namespace;
    plan.objects.push(ObjectPlan { namespace, name, workload: Some(arrival.workload), spec, replicas_given: true });
    plan
}

/// `app=web`.
pub fn selector(plan: &mut Plan) -> CompiledSelector {
    let pairs = [(plan.strings.intern("app"), plan.strings.intern("web"))];
    CompiledSelector::of_pairs(&pairs)
}

/// A budget called `pdb` for the pods labelled `app=web`.
pub fn budget(plan: &mut Plan, bound: BudgetBound) -> ObjectPlan {
    let (namespace, name) = (plan.objects[0].namespace, plan.strings.intern("pdb"));
    let selector = selector(plan);
    let bound = Some(bound);
    let budget = DisruptionBudget { namespace, name, selector, bound, always_allow_unhealthy: false, status: None };
    let spec = ObjectSpec::PodDisruptionBudget(budget);
    ObjectPlan { namespace, name, workload: None, spec, replicas_given: true }
}

/// `minAvailable` as a number.
pub fn at_least(pods: i32) -> BudgetBound {
    BudgetBound::MinAvailable(IntOrPercent::Int(pods))
}

/// Adds a change so many seconds after the start.
pub fn change(plan: &mut Plan, seconds: i64, kind: ChangeKind) {
    let at = plan.start + SimDuration::from_secs(seconds);
    plan.changes.push(ChangePlan { at, kind });
}

/// What the commands of the plan's changes print, with seconds after the start.
pub fn commands(plan: Plan) -> Vec<(f64, String)> {
    let start = plan.start;
    let (_, recording) = Simulation::with_recorder(plan, Recording::new()).run_recorded();
    let commands = recording.facts().iter().filter_map(|(at, fact)| match fact {
        Fact::Command(note) => Some(((*at - start).as_secs_f64(), recording.note_text(*note).to_owned())),
        _ => None,
    });
    commands.collect()
}
