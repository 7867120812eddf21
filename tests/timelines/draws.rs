//! What pods would do depends on who they are only: not on the scheduler, on other pods or on the nodes. And random runs:
//! nothing is left over, nothing is forgotten.

use std::collections::BTreeMap;

use crate::support::{Run, Scene, pod};
use podsim::base::id::DenseId;
use podsim::model::{ContainerState, Phase};
use podsim::record::{Fact, Off};
use podsim::sim::Simulation;

const SECTIONS: &str = r#"
[[arrivals]]
name = "batch"
template = [{ cpu = "500m", memory = "512Mi", restart_policy = "OnFailure" }]
every = "7s"
count = 40

[[behavior]]
select = { name = "batch" }
startup = { uniform = ["1s", "5s"] }
run = { lognormal = { median = "60s", sigma = 1.0 } }
crash = { mtbf = "2m" }
exit_codes = { 0 = 3, 1 = 1 }
"#;

/// How long each instance of each container of `batch` ran, in nanoseconds, and its exit code: by pod, in order.
fn lives(run: &Run) -> BTreeMap<u32, Vec<(i64, i32)>> {
    let mut lives: BTreeMap<u32, Vec<(i64, i32)>> = BTreeMap::new();
    let mut began = BTreeMap::new();
    let recording = run.sim.recorder();
    let plan = run.sim.plan();
    for &(at, fact) in recording.facts() {
        let Fact::Container { pod, state, .. } = fact else { continue };
        let of = recording.pods()[pod];
        if plan.strings.text(plan.workloads[of.workload].name) != "batch" {
            continue;
        }
        match state {
            ContainerState::Running { .. } => {
                began.insert(of.ordinal, at);
            }
            ContainerState::Terminated(end) => {
                lives.entry(of.ordinal).or_default().push(((at - began[&of.ordinal]).0, end.exit_code));
            }
            _ => {}
        }
    }
    lives
}

fn nodes(count: u32) -> String {
    format!(
        "[[node_pool]]\nname = \"node\"\ncount = {count}\nzones = [\"a\", \"b\"]\ncapacity = {{ cpu = \"4\", memory = \"16Gi\" }}\n"
    )
}

/// Issue item 6: another scheduler, more nodes, another workload: the same lives.
#[test]
fn lives_do_not_depend_on_the_surroundings() {
    let base = || Scene::new("").nodes(&nodes(5)).with(SECTIONS).control_plane("").lasts("2h");
    let expected = lives(&base().run());
    assert_eq!(expected.len(), 40);
    assert!(expected.values().any(|lives| lives.len() > 2) && expected.values().any(|lives| lives.len() == 1));
    let scan = "[control_plane]\nscheduler = { evaluator = \"scan\", first_node_on_tie = true }\n";
    assert_eq!(lives(&base().control_plane(scan).run()), expected, "another scheduler");
    assert_eq!(lives(&base().nodes(&nodes(9)).run()), expected, "more nodes");
    let other = "[[arrivals]]\nname = \"other\"\ntemplate = [{ cpu = \"1\" }]\nevery = \"3s\"\nuntil = \"10m\"\n\
                 [[behavior]]\nselect = { name = \"other\" }\nrun = { exp = \"1m\" }";
    assert_eq!(lives(&base().with(other).run()), expected, "another workload");
    let slow = "[control_plane]\nscheduling_cycle = \"300ms\"\npleg_period = \"3s\"\n";
    assert_eq!(lives(&base().control_plane(slow).run()), expected, "a slower control plane");
    assert_ne!(lives(&base().seed(2).run()), expected, "another seed");
    // Both evaluators decide alike, so the runs are the same to the last bit.
    let digest = |section: &str| Simulation::new(base().control_plane(section).plan()).run().digest;
    let columns = digest("[control_plane]\nscheduler = { evaluator = \"columns\" }\n");
    assert_eq!(columns, digest("[control_plane]\nscheduler = { evaluator = \"scan\" }\n"));
}

/// A pod of each kind, everything breaking: at any time a runtime's record belongs to an existing pod, runs something, or
/// lies on a dead machine; no pod is bound to a working machine that does not know it.
#[test]
fn nothing_leaks_and_nothing_is_forgotten() {
    let mut yaml = String::new();
    let mut sections = SECTIONS.to_owned();
    let spec = |policy: &str| {
        format!(
            "restartPolicy: {policy}, terminationGracePeriodSeconds: 9, \
             initContainers: [{{name: i, image: 'i:1'}}, {{name: s, image: 'i:2', restartPolicy: Always}}], \
             containers: [{{name: m, image: 'i:3', livenessProbe: {{exec: {{command: [x]}}, periodSeconds: 3, failureThreshold: 1}}}}, \
             {{name: n, image: 'i:4', resources: {{limits: {{memory: 20Mi}}}}}}]"
        )
    };
    for (index, policy) in ["Always", "OnFailure", "Never"].into_iter().enumerate() {
        for copy in 0..3 {
            let name = format!("p{index}{copy}");
            yaml += &pod(&name, &spec(policy));
            let (at, grace) = (37 * (copy + 1) + 11 * index, if copy == 1 { "grace = \"0s\"" } else { "" });
            sections += &format!("[[change]]\nat = \"{at}s\"\ndelete = \"Pod/{name}\"\n{grace}\n");
        }
    }
    sections += "[[behavior]]\nselect = { name = \"p*\", container = \"m\" }\nstartup = { uniform = [\"0s\", \"8s\"] }\ncrash = { mtbf = \"20s\" }\n\
                 [[behavior]]\nselect = { name = \"p*\", container = \"n\" }\nmemory = { leak = \"512Ki/s\" }\non_terminate = \"ignore\"\n\
                 [[behavior]]\nselect = { name = \"p*\", container = \"i\" }\nrun = { exp = \"3s\" }\nexit_codes = { 0 = 2, 1 = 1 }\n";
    for at in [20, 55, 90, 130] {
        sections += &format!("[[fault]]\nkind = \"node-crash\"\nat = \"{at}s\"\nfor = \"{}s\"\nrandom = 2\n", at % 40);
        sections += &format!("[[fault]]\nkind = \"registry-outage\"\nat = \"{}s\"\nfor = \"9s\"\n", at + 7);
    }
    for seed in 1..=12 {
        let scene = Scene::new(&yaml).nodes(&nodes(4)).with(&sections).control_plane("").seed(seed).lasts("30m");
        let mut run = scene.start();
        for seconds in (0..1800).step_by(10) {
            run.until(f64::from(seconds));
            let problems = run.sim.kubelets().inconsistencies(run.sim.plan(), run.sim.cluster());
            assert!(problems.is_empty(), "seed {seed} at {seconds}: {problems:?}");
        }
        let pods = run.sim.cluster().pods();
        for pod in pods.iter() {
            let slot = pod.pod;
            // A deleted pod may wait for its node's return only.
            let lost = pods.node(slot).is_some_and(|node| !run.sim.kubelets().is_up(node));
            assert!(!pods.deleting(slot) || lost, "seed {seed}: pod {slot:?} is stuck");
            assert!(pods.phase(slot) != Phase::Pending || pods.node(slot).is_some() || lost, "{:?}", slot.index());
        }
        let mut off = Simulation::with_recorder(scene.plan(), Off);
        off.run_until(podsim::base::SimTime::NEVER).expect("no limit");
        run.until(f64::MAX);
        assert_eq!(off.digest(), run.sim.digest(), "recording changes nothing");
    }
}
