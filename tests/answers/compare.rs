//! `podsim compare`: differences against runs made one by one, conditions, and what a new user meets.

use podsim::answers::{Arm, Cell, CompareOptions, Condition, Question, Runner, compare};
use podsim::base::statistics::Moments;
use podsim::sim::Simulation;

use crate::asked::{RUNNER, file, podsim, shared};

const SCENARIO: &str = r#"
[scenario]
duration = "30m"
[[node_pool]]
name = "node"
count = 2
capacity = { cpu = "1", memory = "4Gi" }
[[arrivals]]
name = "job"
template = { cpu = "300m", memory = "64Mi" }
rate = "120/h"
[[behavior]]
select = { name = "job" }
run = { exp = "4m" }
"#;

#[test]
fn differences_are_those_of_runs_made_one_by_one() {
    let question = Question::scenario(&file("compare", "brute.toml", SCENARIO));
    let counts = [2, 1, 3];
    let arms: Vec<Arm> = counts
        .iter()
        .map(|count| {
            let plan = question.with(&[format!("node_pool.0.count={count}")]).load().plan.expect("a plan");
            Arm { name: count.to_string(), plan }
        })
        .collect();
    let options = CompareOptions { seeds: vec![3, 4, 5, 9], metrics: vec!["wait_seconds_mean"], fail_if: Vec::new() };
    let answer = compare(&arms, &RUNNER, &options).expect("an answer");
    let run = |arm: usize, seed: u64| {
        let mut plan = arms[arm].plan.clone();
        plan.seed = seed;
        Simulation::new(plan).run().metrics["wait_seconds_mean"]
    };
    for (row, arm) in [(0, 1), (1, 2)] {
        let pairs: Moments = [3, 4, 5, 9].iter().map(|&seed| run(arm, seed) - run(0, seed)).collect();
        let cells = &answer.tables[0].rows[row];
        let number = |at: usize| match cells[at] {
            Cell::Number(number, _) => number,
            _ => panic!("{:?} is no number", cells[at]),
        };
        assert_eq!(cells[1], Cell::from(counts[arm].to_string()));
        assert!((number(4) - pairs.mean).abs() < 1e-9, "{} and {}", number(4), pairs.mean);
        assert!((number(5) - pairs.half_width(0.95).expect("four")).abs() < 1e-9);
    }
    let one = compare(&arms, &Runner { threads: 1, ..RUNNER }, &options).expect("an answer");
    assert_eq!(one, answer, "threads change nothing");
    // An arm that is the first again differs in nothing.
    let same = [arms[0].clone(), Arm { name: "again".to_owned(), ..arms[0].clone() }];
    let all = CompareOptions { seeds: vec![1, 2], ..CompareOptions::default() };
    let answer = compare(&same, &RUNNER, &all).expect("an answer");
    assert_eq!(answer.sentence, "All arms are equal in every metric with 2 seeds.");
    assert!(answer.yes && answer.tables[0].rows.is_empty());
}

#[test]
fn a_condition_that_is_met_fails() {
    let question = Question::scenario(&file("compare", "met.toml", SCENARIO));
    let plan = |count: u32| question.with(&[format!("node_pool.0.count={count}")]).load().plan.expect("a plan");
    let arms = [2, 1].map(|count| Arm { name: format!("{count} nodes"), plan: plan(count) });
    for (condition, met) in [
        ("pending_pods.max > +5%", true),
        ("pods_pending_peak < +5%", false),
        ("wait_seconds.mean > +1s", true),
        ("node_crashes > 0", false),
    ] {
        let fail_if = vec![Condition::parse(condition).expect(condition)];
        let options = CompareOptions { seeds: (1..=5).collect(), fail_if, ..CompareOptions::default() };
        let answer = compare(&arms, &RUNNER, &options).expect("an answer");
        assert_eq!(answer.yes, !met, "{condition}: {}", answer.sentence);
        assert_eq!(answer.sentence.starts_with("No: "), met, "{}", answer.sentence);
    }
}

#[test]
fn a_new_user_is_told_what_to_do() {
    let path = file("compare", "cli.toml", SCENARIO);
    let path = path.to_str().expect("a path");
    for (args, part) in [
        (&[path][..], "there is nothing to compare with: give two scenarios, or --arm 'name: key=value'"),
        (&[path, path, "--arm", "a: scenario.duration=1h"], "but not both"),
        (&[path, "--arm", "small"], "write 'name: key=value, key=value'"),
        (&[path, "--arm", "small: node_pool.0.cuont=1"], "did you mean `count`?"),
        (&[path, "--arm", "a: scenario.duration=1h", "--arm", "a: scenario.duration=2h"], "two arms `a`"),
        (&[path, "--arm", "a: scenario.duration=1h", "--fail-if", "pods_faild > 1"], "did you mean `pods_failed`?"),
        (&[path, "--arm", "a: scenario.duration=1h", "--metrics", "pods_faild"], "did you mean `pods_failed`?"),
        (&["missing.toml", "--arm", "a: scenario.duration=1h"], "cannot read `missing.toml`"),
    ] {
        let (code, _, said) = compared(args);
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
    let chart = file("compare", "chart.svg", "");
    let arm = "one node: node_pool.0.count=1, scenario.duration=20m";
    let fails =
        ["--fail-if", "pods_pending_at_end.mean > +5%", "--seeds", "1..4", "--chart", chart.to_str().expect("a path")];
    let (code, told, said) = compared(&[&[path, "--arm", arm][..], &fails].concat());
    assert_eq!(code, 1, "{told}{said}");
    assert!(told.starts_with("No: `pods_pending_at_end.mean > +5%` holds for one node: "), "{told}");
    assert!(std::fs::read_to_string(&chart).expect("a chart").contains("one node"));
    let json = compared(&[path, "--arm", arm, "--seeds", "1..2", "-o", "json"]).1;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["command"], &json["yes"]), (&"compare".into(), &true.into()));
    assert!(json["tables"]["differences"].as_array().is_some_and(|rows| rows.len() > 3));
}

#[test]
fn an_application_and_a_dump_can_be_compared() {
    let Some(boutique) = shared("data/manifests/online-boutique/release/kubernetes-manifests.yaml") else { return };
    let arm = "two nodes: node_pool.0.count=2";
    let args = [&boutique, "--nodes", "4", "--cpu", "2", "--memory", "8Gi", "--arm", arm, "--seeds", "1..3"];
    let (code, told, said) = compared(&[&args[..], &["--fail-if", "pods_running_at_end < -20%"]].concat());
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("cpu_requested_ratio_peak"), "{told}");
    let Some(dump) = shared("data/manifests/cluster-dumps/test-deployment/dump") else { return };
    let arm = "one more node: node_pool=[{name='more', capacity={cpu='4', memory='16Gi'}}]";
    let (code, told, said) = compared(&[&dump, "--arm", arm, "--seeds", "1..3", "-o", "json"]);
    assert_eq!(code, 0, "{told}{said}");
    let json: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let rows = json["tables"]["differences"].as_array().expect("rows");
    let nodes = rows.iter().find(|row| row["metric"] == "nodes_peak");
    assert!(nodes.is_some(), "{told}");
}

/// `podsim compare`.
fn compared(arguments: &[&str]) -> (i32, String, String) {
    podsim(&[&["compare"][..], arguments].concat())
}
