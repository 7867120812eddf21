//! `podsim size`: the least number of nodes, shown by running what is below it, with the sums of requests beside it.

use std::path::Path;

use podsim::Simulation;
use podsim::answers::size::{Loss, SizeOptions, Sized, catalogue, size};
use podsim::answers::{Answer, Halt, Judged, Machines, Question, Recommendations};

use crate::asked::{RUNNER, file, podsim, shared};

fn question(name: &str, manifests: &str, cpu: &str, memory: &str, pods: Option<u32>) -> Question {
    let zones = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let machines = Machines { count: 1, cpu: cpu.to_owned(), memory: memory.to_owned(), pods, zones };
    Question::manifests(&[file("size", name, manifests)], Some(&machines))
}

fn options(losses: &[Loss]) -> SizeOptions {
    SizeOptions {
        sized: Sized::Pool(None),
        seeds: vec![1, 2],
        losses: losses.to_vec(),
        zones: Vec::new(),
        most: 40,
        recommendations: None,
    }
}

fn ask(question: &Question, options: &SizeOptions) -> Answer {
    let plan = question.compiled().expect("a plan");
    size(question, plan, &RUNNER, options).expect("an answer")
}

/// Nodes of the row of `choices` for this loss.
fn nodes(answer: &Answer, survives: &str) -> Option<u64> {
    let choices = answer.json()["tables"]["choices"].as_array().cloned().unwrap_or_default();
    choices.iter().find(|choice| choice["survives"] == survives).and_then(|choice| choice["nodes"].as_u64())
}

fn controller(kind: &str, name: &str, replicas: u32, cpu: &str, memory: &str, more: &str) -> String {
    let replicas = if kind == "DaemonSet" { String::new() } else { format!("  replicas: {replicas}\n") };
    format!(
        "---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
{replicas}  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: main
        image: example/{name}:1
        resources: {{requests: {{cpu: {cpu}, memory: {memory}}}}}
{more}
"
    )
}

/// The least number by running every number from one on.
fn brute(question: &Question) -> u64 {
    for count in 1..40_u32 {
        let plan = question.with(&[format!("node_pool.0.count={count}")]).compiled().expect("a plan");
        let passes = [1, 2].into_iter().all(|seed| {
            let mut plan = plan.clone();
            plan.seed = seed;
            Judged::of(&plan, &Simulation::new(plan.clone()).run()).passes()
        });
        if passes {
            return count.into();
        }
    }
    unreachable!("forty nodes are enough")
}

#[test]
fn the_answer_is_the_least_number_that_passes() {
    let apart = "      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}";
    // Two pods of 1100m do not fit on 2 cores: seven nodes, where the sum of 7.7 cores asks for four.
    let cases = [
        (controller("Deployment", "web", 7, "1100m", "100Mi", ""), 7, 4),
        // Five replicas that keep apart.
        (controller("Deployment", "web", 5, "100m", "100Mi", apart), 5, 1),
        // 9 x 600m in 2000m - 300m of a DaemonSet: two on each node.
        (
            controller("Deployment", "web", 9, "600m", "100Mi", "")
                + &controller("DaemonSet", "agent", 0, "300m", "50Mi", ""),
            5,
            4,
        ),
    ];
    for (number, (manifests, by_hand, sums)) in cases.into_iter().enumerate() {
        let question = question(&format!("least-{number}.yaml"), &manifests, "2", "8Gi", None);
        let answer = ask(&question, &options(&[Loss::Nothing]));
        assert_eq!(nodes(&answer, "nothing"), Some(by_hand), "{}", answer.text());
        assert_eq!(brute(&question), by_hand, "by hand and by brute force");
        let json = answer.json();
        assert_eq!(json["tables"]["bounds"][0]["resource"], "cpu", "{}", answer.text());
        assert_eq!(json["tables"]["bounds"][0]["nodes"], sums, "{}", answer.text());
        let tried = json["tables"]["tried"].as_array().expect("sizes");
        assert_eq!(tried.len(), 4, "{}", answer.text());
        for row in tried {
            let passes = row["nodes"].as_u64() == Some(by_hand);
            assert_eq!(row["seeds_passed"], if passes { 2 } else { 0 }, "{}", answer.text());
        }
        if number == 1 {
            assert_eq!(json["tables"]["without"][0]["rule"], "required anti-affinity between pods");
            assert_eq!(json["tables"]["without"][0]["nodes"], 1);
        }
    }
}

#[test]
fn the_limit_of_pods_is_a_constraint() {
    let manifests = controller("Deployment", "web", 24, "10m", "10Mi", "");
    let question = question("pods.yaml", &manifests, "4", "8Gi", Some(8));
    let answer = ask(&question, &options(&[Loss::Nothing]));
    assert_eq!(nodes(&answer, "nothing"), Some(3), "{}", answer.text());
    assert_eq!(answer.json()["tables"]["bounds"][0]["resource"], "pods");
}

#[test]
fn what_is_lost_must_find_a_place_again() {
    // Four pods of 900m on 2 cores: two nodes hold them, three survive the loss of one, four that of two.
    let manifests = controller("Deployment", "web", 4, "900m", "100Mi", "");
    let question = question("lost.yaml", &manifests, "2", "8Gi", None);
    let answer = ask(&question, &options(&[Loss::Nothing, Loss::Nodes(1), Loss::Nodes(2), Loss::Zone]));
    assert_eq!(nodes(&answer, "nothing"), Some(2), "{}", answer.text());
    assert_eq!(nodes(&answer, "1 node"), Some(3), "{}", answer.text());
    assert_eq!(nodes(&answer, "2 nodes"), Some(4), "{}", answer.text());
    let zone = ask(&question, &options(&[Loss::Zone]));
    // 3600m on 2 cores are two nodes, and a third because one of them is a zone.
    assert_eq!(zone.json()["tables"]["bounds"][0]["nodes"], 3, "{}", zone.text());
    // With three nodes each zone has one of them.
    assert_eq!(nodes(&answer, "a zone"), Some(3), "{}", answer.text());
    let bare = "---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec: {containers: [{name: main, image: 'example/alone:1', resources: {requests: {cpu: 100m}}}]}
";
    let question = self::question("bare.yaml", bare, "2", "8Gi", None);
    let answer = ask(&question, &options(&[Loss::Nodes(1)]));
    assert!(!answer.yes);
    assert!(answer.sentence.contains("a pod without a controller is lost with its node"), "{}", answer.sentence);
}

#[test]
fn the_cheapest_type_is_found_among_all() {
    // 6 x (1 core, 6Gi): memory decides.
    let manifests = controller("Deployment", "web", 6, "1", "6Gi", "");
    let question = question("types.yaml", &manifests, "2", "8Gi", None);
    let all = SizeOptions { sized: Sized::Types(catalogue::own()), ..options(&[Loss::Nothing]) };
    let answer = ask(&question, &all);
    // Every type by itself.
    let mut cheapest = f64::MAX;
    for of in catalogue::own() {
        let one = SizeOptions { sized: Sized::Types(vec![of.clone()]), ..options(&[Loss::Nothing]) };
        if let Some(count) = nodes(&ask(&question, &one), "nothing") {
            cheapest = cheapest.min(f64::from(u32::try_from(count).expect("few")) * of.price_per_hour);
        }
    }
    let best = answer.json()["tables"]["choices"][0].clone();
    assert!((best["cost_per_hour"].as_f64().expect("a price") - cheapest).abs() < 1e-9, "{}", answer.text());
    assert_eq!(best["best"], true);
}

#[test]
fn recommendations_change_the_size() {
    let manifests = controller("Deployment", "web", 8, "1", "500Mi", "");
    let question = question("right.yaml", &manifests, "2", "8Gi", None);
    let csv = "workload,container,cpu,memory\nweb,main,250m,\nother,,1,1Gi\n";
    let recommendations = Some(Recommendations::read(csv, "krr.csv").expect("a CSV"));
    let answer = ask(&question, &SizeOptions { recommendations, ..options(&[Loss::Nothing]) });
    assert_eq!(nodes(&answer, "nothing"), Some(1), "{}", answer.text());
    assert_eq!(answer.json()["tables"]["tried_without"][0]["nodes"], 4, "{}", answer.text());
    assert!(answer.notes.iter().any(|note| note.contains("for other is for nothing")), "{:?}", answer.notes);
    let wrong = Recommendations::read("workload,cpu\nweb,lots\n", "krr.csv");
    assert!(matches!(wrong, Err(Halt::Unasked(text)) if text.starts_with("`krr.csv`, line 2: `lots`")));
}

#[test]
fn a_shop_survives_a_zone_with_nine_nodes() {
    let question = Question::scenario(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/studies/shop-zone.toml"));
    let seeds = vec![1, 2, 3, 4, 5];
    let answer = ask(&question, &SizeOptions { seeds, most: 12, ..options(&[Loss::Zone, Loss::Nothing]) });
    assert_eq!((nodes(&answer, "a zone"), nodes(&answer, "nothing")), (Some(9), Some(5)), "{}", answer.text());
    let json = answer.json();
    // Six if a third is lost; eight do not with every seed.
    assert_eq!(json["tables"]["bounds"][0]["nodes"], 6, "{}", answer.text());
    assert_eq!(json["tables"]["tried"][1]["nodes"], 8);
    let passed = json["tables"]["tried"][1]["seeds_passed"].as_u64().expect("a count");
    assert!((1..5).contains(&passed), "{}", answer.text());
    assert_eq!(json["tables"]["without"][0]["rule"], "hard topology spread");
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/studies");
    let csv = std::fs::read_to_string(right.join("shop/recommended.csv")).expect("a CSV");
    let recommendations = Some(Recommendations::read(&csv, "recommended.csv").expect("a CSV"));
    let question = Question::scenario(&right.join("right-sizing.toml"));
    let answer = ask(&question, &SizeOptions { recommendations, most: 12, ..options(&[Loss::Nothing]) });
    assert_eq!(nodes(&answer, "nothing"), Some(3), "{}", answer.text());
    assert_eq!(answer.json()["tables"]["tried_without"][0]["nodes"], 5, "{}", answer.text());
}

#[test]
fn as_a_new_user_would() {
    let Some(boutique) = shared("data/manifests/online-boutique/release/kubernetes-manifests.yaml") else { return };
    let small = ["size", &boutique, "--cpu", "1", "--memory", "4Gi", "--seeds", "1..2", "--survive", "none"];
    let (code, text, _) = podsim(&small);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("2 nodes of node (1 CPU and 4 GiB of memory each) are enough"), "{text}");
    let threads = |count| podsim(&[&small[..], &["--threads", count]].concat()).1;
    assert_eq!(threads("1"), threads("3"));
    let (code, _, wrong) = podsim(&["size", &boutique, "--types", "general-5"]);
    assert_eq!(code, 2);
    assert!(wrong.contains("the catalogue has no type `general-5`: did you mean general-"), "{wrong}");
    let Some(catalogues) = shared("data/traces/instance-catalogs") else { return };
    for name in ["aws_joined_DERIVED.csv", "karpenter_kwok_example.json", "karpenter_kwok_instance_types.json"] {
        let text = std::fs::read_to_string(format!("{catalogues}/{name}")).expect("a catalogue");
        let (types, _) = catalogue::read(&text, name).expect("a catalogue");
        assert!(types.iter().all(|of| of.milli_cpu > 0 && of.memory > 0 && of.price_per_hour > 0.0), "{name}");
    }
    let aws = format!("{catalogues}/aws_joined_DERIVED.csv");
    let types = "c5.large,m5.large,c5.xlarge";
    let (code, text, _) =
        podsim(&["size", &boutique, "--catalogue", &aws, "--types", types, "--survive", "none", "--seeds", "1..1"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(", the cheapest of 3 types, for "), "{text}");
}
