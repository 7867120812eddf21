//! `podsim packing`: the four measures on clusters that are small enough for arithmetic by hand.

use std::path::Path;

use podsim::answers::{Answer, PackingOptions, Question, Runner, packing};
use podsim::{Plan, PlanBuilder, Pod};

use crate::asked::RUNNER;

fn ask(plan: &Plan, hole: Option<(i64, i64)>) -> Answer {
    let options = PackingOptions { at: plan.start + plan.duration, hole, trials: 5, percentile: 90 };
    packing(plan, &RUNNER, &options).expect("an answer")
}

fn measure(answer: &Answer, name: &str) -> f64 {
    let rows = answer.json()["tables"]["measures"].as_array().cloned().expect("measures");
    let row = rows.iter().find(|row| row["measure"] == name).unwrap_or_else(|| panic!("no {name}"));
    row["value"].as_f64().unwrap_or_else(|| panic!("{name}: {}", row["value"]))
}

fn is(answer: &Answer, name: &str, wanted: f64) {
    let value = measure(answer, name);
    assert!((value - wanted).abs() < 1e-9, "{name} is {value}, not {wanted}: {}", answer.text());
}

#[test]
fn equal_nodes_and_equal_pods() {
    // Four nodes of 4 cores, six pods of 1 core.
    let pods = Pod::new("web", "1", "1Gi").copies(6);
    let plan =
        PlanBuilder::new("six").duration("10m").nodes("worker", 4, "4", "16Gi").pods(pods).build().expect("a plan");
    let answer = ask(&plan, None);
    is(&answer, "aggregate utilisation, CPU", 6.0 / 16.0);
    // The mean pod is the pod: ten more fill every core.
    is(&answer, "hole filling", 10.0);
    is(&answer, "hole filling, CPU then", 1.0);
    is(&answer, "workload inflation, pods added", 10.0);
    is(&answer, "workload inflation", 16.0 / 6.0);
    // Six cores are two nodes, whichever they are.
    is(&answer, "cluster compaction", 2.0);
    is(&answer, "cluster compaction, ratio", 0.5);
}

#[test]
fn what_the_pods_keep_apart_for_is_waste() {
    // Five pods of 1100m on nodes of 2 cores: one on each, 900m are left.
    let pods = Pod::new("large", "1100m", "1Gi").copies(5);
    let plan =
        PlanBuilder::new("apart").duration("10m").nodes("worker", 7, "2", "8Gi").pods(pods).build().expect("a plan");
    let answer = ask(&plan, Some((900, 0)));
    is(&answer, "aggregate utilisation, CPU", 5.5 / 14.0);
    // Five holes of 900m, and two empty nodes with two each.
    is(&answer, "hole filling", 9.0);
    is(&answer, "workload inflation, pods added", 2.0);
    is(&answer, "workload inflation", 1.4);
    is(&answer, "cluster compaction", 5.0);
    assert!(answer.sentence.contains("5 of 7 nodes would be enough"), "{}", answer.sentence);
}

#[test]
fn random_orders_matter_where_nodes_differ() {
    // One pod of 3 cores, which only the two large nodes of six can take.
    let pods = Pod::new("large", "3", "1Gi");
    let builder = PlanBuilder::new("mixed").duration("10m").nodes("small", 4, "2", "8Gi");
    let plan = builder.nodes("large", 2, "4", "8Gi").pods(pods).build().expect("a plan");
    let options = PackingOptions { at: plan.start + plan.duration, hole: None, trials: 20, percentile: 100 };
    let answer = packing(&plan, &RUNNER, &options).expect("an answer");
    let trials = answer.json()["tables"]["trials"].as_array().cloned().expect("trials");
    let mut counts: Vec<u64> = trials.iter().map(|trial| trial["nodes"].as_u64().expect("a count")).collect();
    counts.sort_unstable();
    // Nodes are kept from the front of each order: at worst all small ones come before the first large one.
    assert!(counts[0] == 1 && counts[19] > 2 && counts[19] <= 5, "{counts:?}");
    is(&answer, "cluster compaction", f64::from(u32::try_from(counts[19]).expect("few")));
    let one = Runner { threads: 1, ..RUNNER };
    assert_eq!(packing(&plan, &one, &options).expect("an answer"), answer);
}

#[test]
fn a_cluster_that_is_too_small_is_told() {
    let pods = Pod::new("web", "1", "1Gi").copies(6);
    let plan =
        PlanBuilder::new("small").duration("10m").nodes("worker", 1, "4", "16Gi").pods(pods).build().expect("a plan");
    let answer = ask(&plan, None);
    assert!(!answer.yes);
    assert!(answer.sentence.contains("even all 1 nodes are not enough"), "{}", answer.sentence);
}

#[test]
fn a_cluster_whose_pods_are_there_already_is_measured() {
    // Two nodes with one pod each, as a dump has them: nobody ever asked the scheduler.
    let mut dump = String::new();
    for number in 0..2 {
        dump += &format!(
            "---
apiVersion: v1
kind: Node
metadata: {{name: node-{number}}}
status: {{capacity: {{cpu: '2', memory: 4Gi, pods: '10'}}, allocatable: {{cpu: '2', memory: 4Gi, pods: '10'}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: pod-{number}, creationTimestamp: '2026-01-01T00:00:00Z'}}
spec:
  nodeName: node-{number}
  containers: [{{name: main, image: 'example/main:1', resources: {{requests: {{cpu: 500m, memory: 1Gi}}}}}}]
status: {{phase: Running, startTime: '2026-01-01T00:00:00Z'}}
"
        );
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packing-dump.yaml");
    std::fs::write(&path, dump).expect("a file");
    let plan = Question::manifests(&[path], None).compiled().expect("a plan");
    let answer = ask(&plan, None);
    is(&answer, "aggregate utilisation, pods", 2.0 / 20.0);
    is(&answer, "aggregate utilisation, CPU", 0.25);
    is(&answer, "hole filling", 6.0);
    is(&answer, "workload inflation", 4.0);
    // Packed anew, both are on one node.
    is(&answer, "cluster compaction", 1.0);
}
