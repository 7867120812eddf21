//! Budgets, evictions and drains (spec 8.8).

use podsim::base::SimDuration;
use podsim::model::plan::{ChangeKind, DrainPlan, Plan};
use podsim::model::{BudgetBound, IntOrPercent, PodConditionType};
use podsim::{PlanBuilder, Pod, Simulation};
use proptest::prelude::*;

use super::support::{at_least, budget, change, commands, with_replica_set};

fn plan(nodes: u32, replicas: i32) -> Plan {
    let builder = PlanBuilder::new("drain").duration("10m").nodes("n", nodes, "64", "256Gi");
    with_replica_set(builder, Pod::new("web", "100m", "64Mi"), replicas)
}

fn drain(plan: &mut Plan, seconds: i64, nodes: &[&str]) {
    let nodes = nodes.iter().map(|name| plan.strings.intern(name)).collect();
    let drain = DrainPlan { nodes, force: false, ignore_daemonsets: false, delete_emptydir_data: false, timeout: None };
    change(plan, seconds, ChangeKind::Drain(drain));
}

/// One pod on one of two nodes, of which all must stay: asked at 60 s and every 5 s. At 118 s the budget becomes one that allows
/// a pod to go; its status follows at 118.03, so that the attempt at 120 is granted.
#[test]
fn a_drain_waits_for_the_budget() {
    let mut plan = plan(1, 2);
    let all = budget(&mut plan, at_least(2));
    plan.objects.push(all);
    drain(&mut plan, 60, &["n-0"]);
    let fewer = budget(&mut plan, at_least(1));
    change(&mut plan, 118, ChangeKind::ApplyObject(Box::new(fewer)));
    let said = commands(plan);
    let refused: Vec<f64> = said.iter().filter(|(_, text)| text.contains("retry")).map(|(at, _)| *at).collect();
    let until_120: Vec<f64> = (0..12).flat_map(|k| [60.0 + 5.0 * f64::from(k); 2]).collect();
    assert_eq!(refused[..24], until_120);
    let text = "(will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.";
    assert!(said[0].1.starts_with("error when evicting pods/\"default/web-") && said[0].1.ends_with(text), "{said:?}");
    let first = said.iter().find(|(_, text)| text.starts_with("evicting")).expect("one goes");
    assert_eq!(first.0, 120.0);
    // The node is cordoned, so that the pod in its place stays without a node: the second can never go.
    assert_eq!(said.iter().filter(|(_, text)| text.starts_with("evicting")).count(), 1);
}

/// Without a budget both pods go at once; the pods that come in their place go to the other node. What is left of a grace period
/// of 30 s: the process ends at once. The drain looks every second.
#[test]
fn a_drain_without_budget_evicts_all_at_once() {
    let mut plan = plan(2, 4);
    drain(&mut plan, 60, &["n-0", "n-1"]);
    let said = commands(plan);
    let evicted: Vec<f64> = said.iter().filter(|(_, text)| text.starts_with("evicting")).map(|(at, _)| *at).collect();
    assert_eq!(evicted[..2], [60.0, 60.0]);
    let drained: Vec<&str> =
        said.iter().filter(|(_, text)| text.ends_with("drained")).map(|(_, text)| text.as_str()).collect();
    assert_eq!(drained, ["node/n-0 drained", "node/n-1 drained"]);
}

#[test]
fn a_drain_refuses_pods_that_nobody_brings_back() {
    let builder = PlanBuilder::new("bare").duration("5m").nodes("n", 1, "64", "256Gi");
    let mut plan = builder.pods(Pod::new("web", "100m", "64Mi")).build().expect("a plan");
    drain(&mut plan, 60, &["n-0"]);
    let said = commands(plan);
    let text = "error: unable to drain node \"n-0\" due to error: cannot delete Pods that declare no controller (use --force to \
                override): default/web";
    assert!(said[0].1.starts_with(text), "{said:?}");
    assert_eq!((said[0].0, said.len()), (60.0, 1));
}

/// The status of the only budget.
fn state(simulation: &Simulation) -> podsim::model::objects::BudgetState {
    let rows: Vec<_> = simulation.cluster().objects().iter().collect();
    rows.iter().find_map(|(_, row)| row.status.budget()).expect("a status").clone()
}

#[test]
fn the_status_of_a_budget_counts_the_replicas_that_are_wanted() {
    let mut plan = plan(2, 7);
    let half = budget(&mut plan, BudgetBound::MaxUnavailable(IntOrPercent::Text("30%".into())));
    plan.objects.push(half);
    let mut simulation = Simulation::new(plan);
    let start = simulation.plan().start;
    simulation.run_until(start + SimDuration::from_secs(60)).expect("no limit");
    let found = state(&simulation);
    // 30 % of 7 is 2.1, rounded up 3.
    let numbers = (found.expected_pods, found.current_healthy, found.desired_healthy, found.disruptions_allowed);
    assert_eq!((numbers, found.observed_generation), ((7, 7, 4, 3), 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whoever is evicted by the API and whenever: as many pods stay ready as the budget says.
    #[test]
    fn evictions_never_leave_fewer_than_the_budget_says(
        replicas in 1..9,
        least in 0..9,
        percent in any::<bool>(),
        times in prop::collection::vec((0_i64..40_000, 0_usize..9), 1..60),
    ) {
        let mut plan = plan(3, replicas);
        let bound = if percent {
            BudgetBound::MinAvailable(IntOrPercent::Text(format!("{}%", least * 12).into()))
        } else {
            at_least(least)
        };
        let least = if percent { (least * 12 * replicas + 99) / 100 } else { least };
        let object = budget(&mut plan, bound);
        plan.objects.push(object);
        let mut times = times;
        times.sort_unstable();
        let mut simulation = Simulation::new(plan);
        let start = simulation.plan().start + SimDuration::from_secs(60);
        simulation.run_until(start).expect("no limit");
        let mut evicted = 0;
        for (millis, which) in times {
            simulation.run_until(start + SimDuration::from_millis(millis)).expect("no limit");
            let mut pods: Vec<_> = simulation.cluster().pods().iter().collect();
            pods.sort_unstable_by_key(|pod| pod.uid);
            let pod = pods[which % pods.len()];
            let going = simulation.cluster().pods().deleting(pod.pod);
            let running = simulation.cluster().pods().conditions(pod.pod).is_true(PodConditionType::Ready);
            let accepted = simulation.evict(pod).is_ok();
            evicted += usize::from(accepted && !going && running);
            let ready = simulation.cluster().pods().iter().filter(|pod| {
                let pods = simulation.cluster().pods();
                pods.conditions(pod.pod).is_true(PodConditionType::Ready) && !pods.deleting(pod.pod)
            });
            let ready = i32::try_from(ready.count()).expect("few");
            prop_assert!(!(accepted && running && !going) || ready >= least, "{ready} of at least {least}");
        }
        if least >= replicas {
            prop_assert_eq!(evicted, 0);
        }
    }
}
