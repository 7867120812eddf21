//! `podsim schedule`: whole answers, worked out by hand.
//!
//! The cluster of `examples/what-if`: two nodes with 4 cores and 8 GiB; `batch-1` takes 3 cores and 2 GiB of node-a, `batch-2`
//! 2 cores and 2 GiB of node-b; `report` has ended and holds nothing.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const CLUSTER: &str = "examples/what-if/cluster.yaml";
const PODS: &str = "examples/what-if/pods.yaml";

fn schedule(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("schedule").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("podsim starts");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("podsim reads its input");
    child.wait_with_output().expect("podsim ends")
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A file in the tests' own folder.
fn file(name: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is writable");
    std::fs::write(&path, text).expect("the folder is writable");
    path.display().to_string()
}

/// `web` (500m, 1Gi): node-a would have 3.5 of 4 cores and 3 of 8 GiB taken: fit (12 + 62) / 2 = 37, balance 75, no taints
/// 300; node-b 2.5 cores: fit (37 + 62) / 2 = 49, balance 87, 300: 436. `db` (3 cores): nowhere. On node-a `batch-1` would
/// go, on node-b `batch-2` but not `web`: one pod each, and batch-2 is the younger one.
const ANSWER: &str = "\
All 2 pods find a node; 1 pod is evicted for another.

  POD          NODE    SCORE  TIED  FEASIBLE  NOTE
  default/web  node-b  436    -     2
  default/db   node-b  -      -     1         evicts default/batch-2

Pending in the cluster, not decided (--pending decides them first):
  default/too-large
";

#[test]
fn a_cluster_and_pods_in_order() {
    let (code, out, err) = told(&schedule(&["--cluster", CLUSTER, "--pods", PODS], ""));
    assert_eq!((code, out.as_str()), (Some(0), ANSWER), "{err}");
    assert_eq!(err, "not modelled: 1 field (0 times, and 4 times as API servers write them; -v lists them)\n");
    let piped = std::fs::read_to_string(PODS).expect("the example is there");
    let (code, out, _) =
        told(&schedule(&["--cluster", CLUSTER, "--pods", "-", "--percentage-of-nodes-to-score", "0"], &piped));
    assert_eq!((code, out.as_str()), (Some(0), ANSWER), "standard input, and a small cluster is looked at whole");
    let drawn = ["--cluster", CLUSTER, "--pods", PODS, "--draw-ties", "--seed", "7"];
    assert_eq!(told(&schedule(&drawn, "")).1, ANSWER, "nothing is tied here");
}

#[test]
fn pending_pods_come_first_if_they_are_wanted() {
    let (code, out, _) = told(&schedule(&["--cluster", CLUSTER, "--pending"], ""));
    let want = "\
The pod finds no node.

  POD                NODE  SCORE  TIED  FEASIBLE  NOTE
  default/too-large  -     -      -     -         0/2 nodes are available: 2 Insufficient cpu. no new claims to \
                deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
";
    assert_eq!((code, out.as_str()), (Some(1), want));
    let (_, out, _) = told(&schedule(&["--cluster", CLUSTER, "--pods", PODS, "--pending"], ""));
    assert!(out.starts_with("2 of 3 pods find a node; 1 pod is evicted for another.\n"), "{out}");
    assert_eq!(out.lines().nth(3).map(|line| line.starts_with("  default/too-large  ")), Some(true), "{out}");
}

#[test]
fn json_tells_every_attempt() {
    let (code, out, err) = told(&schedule(&["--cluster", CLUSTER, "--pods", PODS, "-o", "json"], ""));
    let got: Value = serde_json::from_str(&out).expect("JSON");
    let scores = |fit: i64, balance: i64, total: i64| {
        let (fit_name, balance_name) = ("NodeResourcesFit", "NodeResourcesBalancedAllocation");
        json!({fit_name: fit, balance_name: balance, "TaintToleration": 300, "total": total})
    };
    let full = json!({"plugin": "NodeResourcesFit", "reasons": ["Insufficient cpu"]});
    let want = json!([
        {"pod": "default/web", "outcome": "bound", "chosen": "node-b", "feasible": 2, "total": 436,
         "scores": {"node-a": scores(37, 75, 412), "node-b": scores(49, 87, 436)}},
        {"pod": "default/db", "outcome": "unschedulable", "rejected": {"node-a": full, "node-b": full},
         "nominated": "node-b", "victims": ["default/batch-2"],
         "message": "0/2 nodes are available: 2 Insufficient cpu."},
        {"pod": "default/db", "retry": true, "outcome": "bound", "chosen": "node-b", "feasible": 1,
         "single_feasible": true, "nominated_fast_path": true},
    ]);
    assert_eq!((code, got), (Some(0), want), "{err}");
}

#[test]
fn a_configuration_and_ties() {
    let config = file(
        "schedule/config.yaml",
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- plugins:\n    score:\n\
         \x20     disabled: [{name: '*'}]\n      enabled: [{name: NodeResourcesFit, weight: 3}]\n",
    );
    // A score of 49, three times.
    let (code, out, err) = told(&schedule(&["--cluster", CLUSTER, "--pods", PODS, "--config", &config], ""));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("  default/web  node-b  147    -     2\n"), "{out}");
    let node = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus: {{allocatable: {{cpu: 2, memory: 4Gi, pods: 9}}}}\n---\n"
        )
    };
    let folder = std::path::Path::new(&file("schedule/nodes/a.yaml", &node("a")))
        .parent()
        .map(|path| path.display().to_string());
    file("schedule/nodes/more/b.yml", &format!("{}{}", node("b"), node("c")));
    file("schedule/nodes/notes.txt", "not a manifest");
    let folder = folder.expect("a folder");
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}";
    let (_, out, err) = told(&schedule(&["--cluster", &folder, "--pods", "-"], pod));
    assert!(out.contains("  default/p  a     ") && out.contains("  3     3"), "{out}{err}");
    // All three are drawn sooner or later, and the same seed draws the same one.
    let drawn =
        |seed: &str| told(&schedule(&["--cluster", &folder, "--pods", "-", "--draw-ties", "--seed", seed], pod)).1;
    let nodes: std::collections::BTreeSet<String> =
        (0..12).map(|seed| drawn(&seed.to_string()).lines().nth(3).expect("a row")[13..14].to_owned()).collect();
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    assert_eq!(drawn("3"), drawn("3"));
}

#[test]
fn bad_input_is_two_and_no_input_three() {
    let (code, out, err) = told(&schedule(&["--cluster", "no-such-file.yaml", "--pods", PODS], ""));
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains("no-such-file.yaml"), "{err}");
    let (code, _, err) = told(&schedule(&["--cluster", CLUSTER, "--pods", "-"], "{apiVersion: v1, kind: Pod}"));
    assert_eq!(code, Some(2));
    assert!(err.contains("standard input:1:2") && err.contains("name or generateName is required"), "{err}");
    assert_eq!(told(&schedule(&["--cluster", CLUSTER], "")).0, Some(2), "no pods are asked about");
    let node = "{apiVersion: v1, kind: Node, metadata: {name: old}, status: {allocatable: {cpu: 2, memory: 4Gi}}}";
    let pod = file(
        "schedule/pod.yaml",
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}",
    );
    let (_, out, err) = told(&schedule(&["--cluster", "-", "--pods", &pod], node));
    assert!(err.contains("note: old takes no pods at all") && out.contains("1 Too many pods"), "{out}{err}");
}
