//! `podsim fail` and `podsim drain`: answers against arithmetic by hand, and the commands as somebody new to them would try them.

use std::path::{Path, PathBuf};

use podsim::answers::{Answer, Cell, DrainOptions, FailOptions, Halt, Question, Runner, drain, fail};
use podsim::base::SimDuration;

use crate::asked::{podsim, shared};

/// A scenario with a Deployment `web` of so many pods of 1 CPU on so many nodes that take `slots` of them.
fn shop(name: &str, replicas: u32, nodes: u32, slots: u32, more: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers-fail-drain");
    std::fs::create_dir_all(&folder).expect("a folder for tests");
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: \
         {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers: [{{name: app, image: \
         'web:1', resources: {{requests: {{cpu: '1', memory: 64Mi}}}}}}]\n{more}"
    );
    let scenario = format!(
        "[scenario]\nduration = \"20m\"\nmanifests = [\"{name}.yaml\"]\n[[node_pool]]\nname = \"node\"\ncount = {nodes}\ncapacity = \
         {{ cpu = \"{slots}\", memory = \"8Gi\" }}\nzones = [\"a\", \"b\"]\n[control_plane]\npreset = \"instant\"\n"
    );
    std::fs::write(folder.join(format!("{name}.yaml")), manifest).expect("written");
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, scenario).expect("written");
    path
}

fn with<T>(threads: usize, path: &Path, ask: impl FnOnce(&Question, podsim::sim::plan::Plan, &Runner<'_>) -> T) -> T {
    let question = Question::scenario(path);
    let plan = question.load().plan.expect("a scenario without mistakes");
    ask(&question, plan, &Runner { threads, stop: &|| false, progress: &|_, _| {} })
}

fn failing(path: &Path, options: &FailOptions) -> Answer {
    with(2, path, |question, plan, runner| fail(question, plan, runner, options)).expect("no limit")
}

fn every(nodes: u32) -> FailOptions {
    FailOptions { every: nodes, pairs: 100, ..FailOptions::default() }
}

/// The column of a table, by its key.
fn column<'a>(answer: &'a Answer, table: usize, key: &str) -> Vec<&'a Cell> {
    let table = &answer.tables[table];
    let at = table.columns.iter().position(|column| column.key == key).expect("a column");
    table.rows.iter().map(|row| &row[at]).collect()
}

fn counts(answer: &Answer, table: usize, key: &str) -> Vec<i64> {
    let number = |cell: &&Cell| if let Cell::Count(count) = cell { *count } else { panic!("{cell:?} is no count") };
    column(answer, table, key).iter().map(number).collect()
}

fn seconds(cell: &Cell) -> f64 {
    if let Cell::Number(number, _) = cell { *number } else { panic!("{cell:?} is no number") }
}

#[test]
fn what_does_not_fit_on_the_survivors_stays_pending() {
    // 2 slots a node: of r pods max(0, r - 2 * survivors) find none. Every number is arithmetic.
    for (replicas, nodes, lose) in [(4, 3, 1), (5, 3, 1), (6, 3, 1), (4, 3, 2), (5, 3, 2), (7, 4, 2), (3, 4, 2)] {
        let path = shop(&format!("web-{replicas}-{nodes}-{lose}"), replicas, nodes, 2, "");
        let answer = failing(&path, &every(lose));
        let missing = i64::from(replicas) - 2 * i64::from(nodes - lose);
        let pending = counts(&answer, 0, "pods_pending");
        let failures = if lose == 1 { nodes } else { nodes * (nodes - 1) / 2 };
        assert_eq!(pending.len(), failures as usize, "{replicas} on {nodes} without {lose}");
        assert!(
            pending.iter().all(|&pods| pods == missing.max(0)),
            "{replicas} on {nodes} without {lose}: {pending:?}"
        );
        assert_eq!(answer.yes, missing <= 0, "{}", answer.sentence);
        let left = counts(&answer, 1, "pods").iter().sum::<i64>();
        assert_eq!(left, missing.max(0), "the table of what is left");
        if missing > 0 {
            assert!(answer.sentence.contains("Insufficient cpu"), "{}", answer.sentence);
        }
    }
}

#[test]
fn recovery_takes_as_long_as_the_taints_say() {
    // A kubelet is silent for 50 s before its node is Unknown (seen on a grid of 5 s, the lease was renewed up to 10 s
    // before), pods tolerate that for 300 s, and start at once elsewhere.
    let path = shop("web-recovery", 4, 3, 2, "");
    let answer = failing(&path, &every(1));
    for cell in column(&answer, 0, "ready_again_seconds") {
        let after = seconds(cell);
        assert!((335.0..=362.0).contains(&after), "{after}");
    }
    let full = column(&answer, 0, "fullest_requested_percent");
    assert!(
        full.iter().all(|cell| (seconds(cell) - 100.0).abs() < 1e-9),
        "two survivors with two slots hold four pods"
    );
    // A machine that is back after 20 s was not missed by anybody but its own pods, which start again.
    let short = FailOptions { lasts: Some(SimDuration::from_secs(20)), ..every(1) };
    let answer = failing(&path, &short);
    let hit: i64 = counts(&answer, 0, "pods_hit").iter().sum();
    assert_eq!(hit, 4, "each pod is on one of the nodes");
    for (cell, hit) in column(&answer, 0, "ready_again_seconds").iter().zip(counts(&answer, 0, "pods_hit")) {
        assert!(if hit == 0 { seconds(cell) == 0.0 } else { (20.0..100.0).contains(&seconds(cell)) }, "{cell:?}");
    }
}

#[test]
fn zones_bare_pods_and_names() {
    let bare = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: alone}\nspec: {containers: [{name: app, image: 'a:1'}], \
                nodeSelector: {topology.kubernetes.io/zone: b}}\n";
    let path = shop("web-zones", 4, 4, 2, bare);
    let answer = failing(&path, &FailOptions { every_zone: true, ..FailOptions::default() });
    // Two nodes in each zone; the pod without a controller is in b and is lost with it.
    let names: Vec<&Cell> = column(&answer, 0, "failure");
    assert_eq!(names, [&Cell::Text("zone b".into()), &Cell::Text("zone a".into())]);
    assert_eq!(counts(&answer, 0, "pods_lost"), [1, 0]);
    assert_eq!(counts(&answer, 0, "nodes"), [2, 2]);
    assert!(!answer.yes && answer.sentence.contains("1 bare pod is lost for good"), "{}", answer.sentence);
    let wrong = FailOptions { nodes: vec![vec!["nobody".into()]], ..FailOptions::default() };
    let halt = with(1, &path, |question, plan, runner| fail(question, plan, runner, &wrong));
    let Err(Halt::Unasked(text)) = halt else { panic!("{halt:?}") };
    assert_eq!(text, "there is no node `nobody` at that time; there are: node-0, node-1, node-2, node-3");
}

#[test]
fn threads_change_no_byte() {
    let path = shop("web-threads", 5, 4, 2, "");
    let ask = |threads| {
        let answer = with(threads, &path, |question, plan, runner| fail(question, plan, runner, &every(2)));
        answer.expect("no limit").json().to_string()
    };
    assert_eq!(ask(1), ask(3));
}

const BUDGET: &str = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: MIN, selector: \
                      {matchLabels: {app: web}}}\n";

fn draining(path: &Path, nodes: &[&str]) -> Answer {
    let nodes = nodes.iter().map(|&name| name.to_owned()).collect();
    let options = DrainOptions { nodes, ..DrainOptions::default() };
    with(1, path, |question, plan, runner| drain(question, plan, runner, &options)).expect("no limit")
}

#[test]
fn a_drain_moves_every_pod_to_another_node() {
    let path = shop("web-drain", 4, 3, 2, "");
    let answer = draining(&path, &["node-0"]);
    assert!(answer.yes, "{}", answer.sentence);
    let from = column(&answer, 0, "from_node");
    assert!(!from.is_empty() && from.iter().all(|cell| **cell == Cell::Text("node-0".into())));
    for cell in column(&answer, 0, "to_node") {
        assert!([Cell::Text("node-1".into()), Cell::Text("node-2".into())].contains(cell), "{cell:?}");
    }
    // All four on one node of two slots: two find no place.
    let answer = draining(&path, &["node-0", "node-1"]);
    assert!(!answer.yes && answer.sentence.contains("2 of "), "{}", answer.sentence);
}

#[test]
fn a_budget_that_allows_nothing_stops_a_drain() {
    let path = shop("web-stuck", 2, 3, 1, &BUDGET.replace("MIN", "2"));
    for node in ["node-0", "node-1", "node-2"] {
        let answer = draining(&path, &[node]);
        if counts(&answer, 1, "refused").is_empty() {
            assert!(answer.yes, "nothing is there: {}", answer.sentence);
            continue;
        }
        // From minute 10 for an hour every 5 s, and at once.
        assert_eq!(counts(&answer, 1, "refused"), [721]);
        assert_eq!(
            [
                counts(&answer, 1, "current_healthy"),
                counts(&answer, 1, "desired_healthy"),
                counts(&answer, 1, "disruptions_allowed")
            ],
            [[2], [2], [0]]
        );
        assert!(!answer.yes);
        assert!(answer.sentence.contains("default/web (healthy 2, desired 2, allowed 0)"), "{}", answer.sentence);
    }
}

#[test]
fn a_budget_lets_one_go_after_the_other() {
    // Both pods are on the one node with room for two; one may be missing, so the second waits for the first's successor.
    let path = shop("web-slow", 2, 1, 2, &BUDGET.replace("MIN", "1"));
    let text = std::fs::read_to_string(&path).expect("a scenario");
    let text = format!(
        "{text}[[node_pool]]\nname = \"spare\"\ncount = 1\ncapacity = {{ cpu = \"2\", memory = \"8Gi\" }}\ntaints = \
                        [\"closed=true:NoSchedule\"]\n[[change]]\nat = \"9m\"\nuntaint = \"closed=true:NoSchedule\"\nnode = \"spare-0\"\n"
    );
    std::fs::write(&path, text).expect("written");
    let answer = draining(&path, &["node-0"]);
    assert!(answer.yes, "{}", answer.sentence);
    assert_eq!(counts(&answer, 1, "refused"), [1], "{}", answer.text());
    let evicted: Vec<f64> = column(&answer, 0, "evicted_after_seconds").iter().map(|cell| seconds(cell)).collect();
    assert_eq!(evicted, [0.0, 5.0], "asked again after 5 s");
    assert_eq!(
        column(&answer, 1, "arithmetic"),
        [&Cell::Text("2 healthy - 1 desired - 1 just evicted = 0 allowed".into())]
    );
}

#[test]
fn the_commands_as_a_new_user_tries_them() {
    // The pod of a StatefulSet on a machine that does not come back cannot move.
    let (code, out, _) = podsim(&["fail", "scenarios/workloads/stateful-zone-loss.toml", "--at", "9m", "--lose", "1"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("No: after the loss of node ") && out.contains("StatefulSet default/db"), "{out}");
    let (code, out, err) = podsim(&["fail", "no-such-folder"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("no-such-folder"), "{err}");
    let (code, _, err) = podsim(&["drain", "scenarios/workloads/drain-pdb.toml"]);
    assert_eq!(code, 2);
    assert!(err.contains("name the nodes to drain, or --pool; there are: node-0, spare-0"), "{err}");
    let (code, out, _) =
        podsim(&["drain", "scenarios/workloads/drain-pdb.toml", "spare-0", "--at", "50s", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &json["command"], &json["yes"]), (0, &"drain".into(), &true.into()));
    assert_eq!(json["tables"]["blocked"], serde_json::json!([]), "what the scenario drains itself is another matter");
}

#[test]
fn real_inputs() {
    let Some(shop) = shared("data/manifests/online-boutique/release/kubernetes-manifests.yaml") else { return };
    let machines = ["--nodes", "4", "--cpu", "2", "--memory", "4Gi", "--zones", "a,b"];
    let chart = format!("{}/answers-fail.png", env!("CARGO_TARGET_TMPDIR"));
    let (code, out, err) = podsim(&[&["fail", &shop, "--chart", &chart][..], &machines].concat());
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("Yes: the loss of zone "), "{out}");
    assert!(std::fs::read(&chart).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")));
    let (code, out, err) = podsim(&[&["drain", &shop, "node-0", "node-1"][..], &machines].concat());
    assert_eq!(code, 0, "{out}{err}");
    let Some(dump) = shared("data/manifests/cluster-dumps/daemonset_eviction_with_deployment/cluster_dump") else {
        return;
    };
    let (code, out, _) = podsim(&["drain", &dump, "gke-tesg1-default-pool-ff7a1295-nvv4"]);
    assert_eq!(code, 1);
    assert!(out.contains("cannot delete Pods that declare no controller (use --force to override)"), "{out}");
    let (code, out, _) = podsim(&["fail", &dump, "--lose", "1"]);
    assert_eq!(code, 1);
    assert!(out.contains("bare pods are lost for good") && out.contains("a pod is bare when its controller"), "{out}");
    // In a full dump the pods of a Deployment are told from bare ones: two of seven pods of a node do not come back.
    let Some(full) = shared("data/manifests/cluster-dumps/test-deployment/dump") else { return };
    let (code, out, _) = podsim(&["fail", &full, "-o", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 1, "{out}");
    assert!(
        answer["tables"].as_object().is_some_and(|tables| tables.values().any(|table| table[0]["pods_lost"] == 2)),
        "{out}"
    );
    assert!(!out.contains("default/redis-master-7f86d8599d"), "{out}");
}
