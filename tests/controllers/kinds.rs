//! Controllers in time, on plans made by hand. API writes take 10 ms, controllers see changes after 20 ms, and write 30 times at
//! once, then 20 times a second.

use podsim::base::SimDuration;
use podsim::model::CompiledSelector;
use podsim::model::objects::{ObjectPlan, ObjectSpec, ReplicaSetSpec};
use podsim::model::plan::{ChangeKind, ChangePlan, Plan};
use podsim::model::{PodNaming, StrId};
use podsim::record::Fact;
use podsim::{PlanBuilder, Pod, Simulation};

/// A plan with a ReplicaSet called `web` in place of the pods of that name.
fn with_replica_set(replicas: i32) -> Plan {
    let builder = PlanBuilder::new("rs").duration("10m").nodes("n", 4, "64", "256Gi");
    let mut plan = builder.pods(Pod::new("web", "100m", "64Mi").label("app", "web")).build().expect("a plan");
    let arrival = plan.arrivals.pop().expect("the pods of the builder");
    let template = plan.templates.entries().next().expect("a template").0;
    let name: StrId = plan.workloads[arrival.workload].name;
    plan.templates[template].naming = PodNaming::Generated(name);
    let pairs = [(plan.strings.intern("app"), plan.strings.intern("web"))];
    let spec = ObjectSpec::ReplicaSet(ReplicaSetSpec {
        replicas,
        selector: CompiledSelector::of_pairs(&pairs),
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

/// When pods were created, in ms after the start.
fn created(plan: Plan) -> Vec<i64> {
    let start = plan.start;
    let (_, recording) = Simulation::with_recorder(plan, podsim::record::Recording::new()).run_recorded();
    let facts = recording.facts().iter();
    let pods = facts.filter(|(_, fact)| matches!(fact, Fact::PodCreated(_)));
    pods.map(|(at, _)| (*at - start).0 / 1_000_000).collect()
}

/// Spec 8.2: batches of 1, 2, 4, 1, each 10 ms after the last; the controller sees the ReplicaSet at 20.
#[test]
fn pods_come_in_batches_that_double() {
    assert_eq!(created(with_replica_set(8)), [30, 40, 40, 50, 50, 50, 50, 60]);
}

/// Spec 8.0: 30 writes at once, then 20 a second. The first goes out at 20, so that the token of the 31st is there at 70.
#[test]
fn writes_of_controllers_are_limited() {
    let times = created(with_replica_set(40));
    assert_eq!(times.len(), 40);
    assert_eq!(times[29..33], [70, 80, 130, 180], "{times:?}");
}

#[test]
fn a_replica_set_is_scaled_and_its_pods_are_named_after_it() {
    let mut plan = with_replica_set(3);
    let (namespace, name) = (plan.objects[0].namespace, plan.objects[0].name);
    let kind = plan.objects[0].spec.kind();
    for (seconds, replicas) in [(60, 5), (120, 1)] {
        let at = plan.start + SimDuration::from_secs(seconds);
        plan.changes.push(ChangePlan { at, kind: ChangeKind::ScaleObject { kind, namespace, name, replicas } });
    }
    let mut simulation = Simulation::new(plan);
    let start = simulation.plan().start;
    for (seconds, replicas) in [(59, 3), (119, 5), (300, 1)] {
        simulation.run_until(start + SimDuration::from_secs(seconds)).expect("no limit");
        let pods: Vec<_> = simulation.cluster().pods().iter().collect();
        assert_eq!(pods.len(), replicas, "after {seconds} s");
        let row = simulation.cluster().objects().iter().next().expect("the ReplicaSet").1;
        assert_eq!(row.pods() as usize, replicas);
        let status = row.status.replica_set().expect("a status");
        assert_eq!((status.replicas as usize, status.ready_replicas as usize), (replicas, replicas));
        let names: Vec<String> = pods.iter().map(|&pod| simulation.pod_row(pod, simulation.now()).name).collect();
        assert!(names.iter().all(|name| name.starts_with("web-") && name.len() == 9), "{names:?}");
    }
}
