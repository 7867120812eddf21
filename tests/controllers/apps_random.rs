//! Deployments, StatefulSets and DaemonSets over random histories: pods that crash and take their time, new templates, other
//! sizes, nodes that come and go. What is wanted is reached when things calm down; until then the limits hold.

use crate::app_support::{Apps, Seen, active, pods, rolling, run_to, sets};
use podsim::base::SimDuration;
use podsim::model::objects::{DeploymentStrategy, ObjectSpec};
use podsim::model::plan::{ChangeKind, FaultKind, FaultPlan, NodeTarget};
use podsim::model::{Taint, TaintEffect};
use podsim::{Pod, Simulation};
use proptest::prelude::*;

/// When nothing happens any more, in seconds; and when all must be well.
const CALM: i64 = 900;
const END: i64 = 3000;

#[derive(Clone, Debug)]
enum Event {
    Template(usize),
    Scale(i32),
    Crash(usize),
}

fn events(templates: usize) -> impl Strategy<Value = Vec<(i64, Event)>> {
    let event = prop_oneof![
        (0..templates).prop_map(Event::Template),
        (0..12i32).prop_map(Event::Scale),
        (0..4usize).prop_map(Event::Crash),
    ];
    prop::collection::vec((30..CALM, event), 0..8)
}

/// Pods that take a while, and sometimes crash.
fn pod(startup: u32, crashes: bool) -> Pod {
    let pod = Pod::new("web", "100m", "64Mi").starts_in(&format!("{startup}s"));
    if crashes { pod.crashes_every("10m") } else { pod }
}

fn crash(apps: &mut Apps, seconds: i64, node: usize) {
    let at = apps.plan.start + SimDuration::from_secs(seconds);
    let kind = FaultKind::NodeCrash(NodeTarget::Named(apps.plan.nodes[node].name));
    apps.plan.faults.push(FaultPlan { at, duration: Some(SimDuration::from_secs(60)), kind });
}

/// Writes the events into the plan; the specs are those of template `at` with so many replicas. The last of them.
fn write(
    apps: &mut Apps,
    events: &mut [(i64, Event)],
    replicas: i32,
    spec: impl Fn(&mut Apps, usize, i32) -> ObjectSpec,
) -> (usize, i32) {
    events.sort_by_key(|(at, _)| *at);
    let (mut template, mut replicas) = (0, replicas);
    for (at, event) in events.iter() {
        match *event {
            Event::Template(number) => {
                template = number;
                let spec = spec(apps, number, replicas);
                apps.apply_at(*at, spec);
            }
            Event::Scale(number) => {
                replicas = number;
                apps.scale_at(*at, number);
            }
            Event::Crash(node) => crash(apps, *at, node),
        }
    }
    (template, replicas)
}

fn ready(pods: &[Seen]) -> usize {
    pods.iter().filter(|pod| pod.ready && !pod.deleting).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn deployments_reach_what_is_wanted(
        replicas in 0..12i32,
        strategy in prop_oneof![
            Just(DeploymentStrategy::Recreate),
            Just(rolling("25%", "25%")),
            Just(rolling("1", "0")),
            Just(rolling("0", "1")),
            Just(rolling("100%", "50%")),
        ],
        startup in 0..40u32,
        crashes in any::<bool>(),
        mut events in events(3),
    ) {
        let of = |apps: &mut Apps, at, replicas| ObjectSpec::Deployment(apps.deployment(at, replicas, strategy.clone()));
        let mut apps = Apps::new(pod(startup, crashes), 3, |apps| of(apps, 0, replicas));
        let (template, wanted) = write(&mut apps, &mut events, replicas, of);
        let mut simulation = Simulation::new(apps.plan);
        run_to(&mut simulation, END);
        let seen = pods(&simulation);
        let prefix = format!("web-{}-", template + 1);
        let names = active(&seen);
        prop_assert_eq!(names.len(), usize::try_from(wanted).unwrap(), "{:?}", &seen);
        prop_assert!(names.iter().all(|name| name.starts_with(&prefix)), "{:?}", &seen);
        prop_assert_eq!(sets(&simulation).into_iter().sum::<i32>(), wanted);
    }

    /// Nothing fails: then no limit is ever passed, from one template to the next and on before that is done.
    #[test]
    fn deployments_keep_to_their_limits(
        replicas in 1..12i32,
        limits in prop::sample::select(vec![("25%", "25%"), ("1", "0"), ("0", "1"), ("50%", "0"), ("0", "50%"), ("3", "2")]),
        startup in 0..20u32,
        times in prop::collection::vec(60..CALM, 1..5),
    ) {
        let strategy = rolling(limits.0, limits.1);
        let mut apps = Apps::new(pod(startup, false), 5, |apps| {
            ObjectSpec::Deployment(apps.deployment(0, replicas, strategy.clone()))
        });
        let mut times = times;
        times.sort_unstable();
        for (at, &seconds) in times.iter().enumerate() {
            let spec = ObjectSpec::Deployment(apps.deployment(at + 1, replicas, strategy.clone()));
            apps.apply_at(seconds, spec);
        }
        let goal = podsim::controllers::deployment::rolling::Goal::of(&apps.deployment(0, replicas, strategy.clone()));
        let most = usize::try_from(goal.max_replicas()).unwrap();
        let least = usize::try_from(goal.min_available()).unwrap();
        let mut simulation = Simulation::new(apps.plan);
        for half in 0..2 * CALM + 600 {
            let at = simulation.plan().start + SimDuration::from_millis(500 * half);
            simulation.run_until(at).expect("no limit");
            let seen = pods(&simulation);
            prop_assert!(active(&seen).len() <= most, "{:?}", &seen);
            prop_assert!(half < 110 || ready(&seen) >= least, "{} of {}: {:?}", ready(&seen), least, &seen);
        }
        let seen = pods(&simulation);
        let prefix = format!("web-{}-", times.len() + 1);
        prop_assert!(seen.len() == usize::try_from(replicas).unwrap() && seen.iter().all(|pod| pod.name.starts_with(&prefix)), "{:?}", &seen);
    }

    #[test]
    fn stateful_sets_have_one_pod_of_each_number(
        replicas in 0..8i32,
        parallel in any::<bool>(),
        startup in 0..20u32,
        crashes in any::<bool>(),
        mut events in events(3),
    ) {
        let of = |apps: &mut Apps, at, replicas| ObjectSpec::StatefulSet(apps.stateful_set(at, replicas, parallel));
        let mut apps = Apps::new(pod(startup, crashes), 3, |apps| of(apps, 0, replicas));
        let (template, wanted) = write(&mut apps, &mut events, replicas, of);
        let mut simulation = Simulation::new(apps.plan);
        for second in 0..END {
            run_to(&mut simulation, second);
            let seen = pods(&simulation);
            prop_assert!(seen.windows(2).all(|pair| pair[0].name != pair[1].name), "{:?}", &seen);
        }
        let seen = pods(&simulation);
        let names: Vec<String> = (0..wanted).map(|ordinal| format!("web-{ordinal}")).collect();
        let mut found = active(&seen);
        found.sort_by_key(|name| name.len());
        prop_assert_eq!(found, names);
        prop_assert!(seen.iter().all(|pod| pod.revision == template as u64 + 1), "{:?}", &seen);
    }

    #[test]
    fn daemon_sets_have_one_pod_on_each_node(
        surge in prop::sample::select(vec![("0", "1"), ("1", "0"), ("0", "50%"), ("50%", "0")]),
        startup in 0..20u32,
        crashes in any::<bool>(),
        taints in prop::collection::vec((30..CALM, 0..4usize, any::<bool>()), 0..8),
        mut events in events(3),
    ) {
        let of = |apps: &mut Apps, at, _| ObjectSpec::DaemonSet(apps.daemon_set(at, surge.0, surge.1));
        let mut apps = Apps::new(pod(startup, crashes), 3, |apps| of(apps, 0, 0));
        events.retain(|(_, event)| !matches!(event, Event::Scale(_)));
        let (template, _) = write(&mut apps, &mut events, 0, of);
        let (key, value) = (apps.plan.strings.intern("dedicated"), apps.plan.strings.intern("db"));
        for (at, node, executes) in taints {
            let effect = if executes { TaintEffect::NoExecute } else { TaintEffect::NoSchedule };
            let (node, taint) = (apps.plan.nodes[node].name, Taint { key, value, effect });
            for (at, add) in [(at, true), (at + 100, false)] {
                apps.change_at(at, ChangeKind::TaintNode { node, taint, add });
            }
        }
        let mut simulation = Simulation::new(apps.plan);
        run_to(&mut simulation, END);
        let seen = pods(&simulation);
        let mut nodes: Vec<&str> = seen.iter().filter(|pod| !pod.ended).filter_map(|pod| pod.node.as_deref()).collect();
        nodes.sort_unstable();
        prop_assert_eq!(nodes, ["n-0", "n-1", "n-2", "n-3"], "{:?}", &seen);
        prop_assert!(seen.iter().all(|pod| pod.revision == template as u64 + 1), "{:?}", &seen);
    }
}
