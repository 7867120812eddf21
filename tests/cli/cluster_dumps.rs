//! Dumps of real clusters (`kubectl get ... -o yaml`) load, with the numbers that stand in them; they are the same as JSON and as
//! KYAML; pods are decided about on them, and a simulation begins with them. The files are other people's and are read where
//! they are; without them the tests say so and pass.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use podsim::diag::{Diagnostics, Severity, Sources};
use podsim::manifest::{Objects, load};
use podsim::model::{Phase, Vocabulary};
use podsim::{Simulation, scenario};
use serde_json::Value;

fn dumps() -> Option<PathBuf> {
    let folder = std::env::var_os("PODSIM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("data/manifests/cluster-dumps");
    if !folder.is_dir() {
        // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no dumps at {}", folder.display());
    }
    folder.is_dir().then_some(folder)
}

fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("UTF-8"))).collect()
}

fn read(folder: &Path) -> (Objects, Vocabulary) {
    let (mut sources, mut words, mut diagnostics) = (Sources::default(), Vocabulary::default(), Diagnostics::default());
    let files: Vec<_> = texts(folder).into_iter().map(|(name, text)| sources.add(name, text)).collect();
    let objects = load(&files, &sources, &mut words, &mut diagnostics);
    let errors: Vec<_> = diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{}: {errors:?}", folder.display());
    (objects, words)
}

const DUMPS: [&str; 5] = [
    "daemonset_eviction/cluster_dump",
    "daemonset_eviction_with_deployment/cluster_dump",
    "dataset_small_1/cluster_dump",
    "test-daemonset/dump",
    "test-deployment/dump",
];

/// Nodes, pods that run, pods that have ended, and allocatable memory of the nodes in KiB; each has 940m of cpu, 47,093,746,742
/// bytes of disk and takes 110 pods.
const COUNTS: [(usize, usize, usize, &[i64]); 5] = [
    (5, 29, 3, &[2_702_284, 2_702_284, 2_702_284, 2_702_292, 2_702_284]),
    (5, 29, 3, &[2_702_284, 2_702_284, 2_702_284, 2_702_292, 2_702_284]),
    (2, 6, 0, &[2_702_284, 2_702_284]),
    (2, 2, 0, &[2_701_496, 2_701_504]),
    (2, 7, 0, &[2_701_496, 2_701_504]),
];

#[test]
fn dumps_load_with_what_stands_in_them() {
    let Some(folder) = dumps() else { return };
    for (dump, (nodes, running, ended, memory)) in DUMPS.into_iter().zip(COUNTS) {
        let (objects, words) = read(&folder.join(dump));
        let count = |phase| objects.pods.iter().filter(|pod| pod.observed.phase == phase).count();
        let counts = (objects.nodes.len(), count(Phase::Running), count(Phase::Succeeded), objects.pods.len());
        assert_eq!(counts, (nodes, running, ended, running + ended), "{dump}");
        let shapes = objects.nodes.iter().map(|node| words.shapes.get(node.shape));
        let kibs: Vec<i64> = shapes.clone().map(|shape| shape.allocatable.memory / 1024).collect();
        assert_eq!(kibs, memory, "{dump}");
        for shape in shapes {
            let all = &shape.allocatable;
            assert_eq!((all.milli_cpu, all.ephemeral_storage, all.memory % 1024), (940, 47_093_746_742, 0), "{dump}");
            assert_eq!((shape.max_pods, shape.capacity.milli_cpu), (110, 1000), "{dump}");
        }
        assert!(objects.nodes.iter().all(|node| node.has_hostname), "{dump}");
        assert!(objects.pods.iter().all(|pod| pod.observed.started.is_some() && !pod.observed.terminating), "{dump}");
        let ignored = |field: &str| objects.ignored.iter().find(|(path, _)| path == field).map(|(_, count)| *count);
        assert_eq!(ignored("Pod: metadata.resourceVersion"), u32::try_from(running + ended).ok(), "{dump}");
    }
}

/// Writes a value as KYAML: braces, names without quotes where they are plain, texts in quotes, a comma after each item.
fn kyaml(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            out.push_str("{\n");
            for (key, value) in fields {
                let is_plain = key.chars().all(|c| c.is_ascii_alphabetic());
                let _ = if is_plain { write!(out, "{key}: ") } else { write!(out, "{}: ", Value::String(key.clone())) };
                kyaml(value, out);
                out.push_str(",\n");
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                kyaml(item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn schedule(cluster: &Path, pods: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    command.arg("schedule").arg("--cluster").arg(cluster).arg("--pods").arg(pods).args(more).arg("-q");
    let output = command.output().expect("podsim starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn pods(name: &str, pods: &[(&str, &str, &str)]) -> PathBuf {
    let mut text = String::new();
    for (name, cpu, more) in pods {
        let _ = writeln!(
            text,
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{{more} containers: [{{name: c, image: i, \
             resources: {{requests: {{cpu: {cpu}, memory: 400Mi}}}}}}]}}}}"
        );
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the folder is writable");
    path
}

#[test]
fn json_and_kyaml_say_the_same() {
    let Some(folder) = dumps() else { return };
    for dump in DUMPS {
        let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dumps").join(dump);
        for form in ["json", "kyaml"] {
            let _ = std::fs::remove_dir_all(own.join(form));
            std::fs::create_dir_all(own.join(form)).expect("the folder is writable");
        }
        for (name, text) in texts(&folder.join(dump)) {
            let value: Value = serde_saphyr::from_str(&text).expect("YAML");
            let mut flow = "---\n".to_owned();
            kyaml(&value, &mut flow);
            std::fs::write(own.join("json").join(format!("{name}.json")), value.to_string()).expect("writable");
            std::fs::write(own.join("kyaml").join(format!("{name}.yaml")), flow).expect("writable");
        }
        let asked = pods("asked.yaml", &[("p", "100m", ""), ("q", "400m", ""), ("r", "900m", "priority: 5,")]);
        let answer = schedule(&folder.join(dump), &asked, &["-o", "json"]);
        assert!(answer.1.contains("\"scores\""), "{}", answer.1);
        for form in ["json", "kyaml"] {
            assert_eq!(schedule(&own.join(form), &asked, &["-o", "json"]), answer, "{dump} as {form}");
        }
    }
}

/// Two nodes with 940m and 2,701,496 and 2,701,504 KiB; on each a pod of the DaemonSet with 400m and 400Mi, priority 1000000.
/// One more like it would make 800m and 800Mi: least allocated (14 + 69) / 2 = 41, |800/940 - 800Mi/2638Mi| / 2 = 0.274, balance
/// 72, no taints 300: 413 on both. A third finds 140m free on each, and all pods are of the same priority. A pod of the class
/// above evicts the younger of the two that started last.
#[test]
fn a_daemonset_pod_more() {
    let Some(folder) = dumps() else { return };
    let class = "priorityClassName: high-priority,";
    let asked = pods("more.yaml", &[("a", "400m", class), ("b", "400m", class), ("c", "400m", class)]);
    let (code, out) = schedule(&folder.join("test-daemonset/dump"), &asked, &[]);
    let want = "\
2 of 3 pods find a node.

  POD        NODE                                      SCORE  TIED  FEASIBLE  NOTE
  default/a  gke-testspace-default-pool-72d9c2b5-562n  413    2     2
  default/b  gke-testspace-default-pool-72d9c2b5-n5cj  -      -     1
  default/c  -                                         -      -     -         0/2 nodes are available: 2 Insufficient cpu. \
                no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.
";
    assert_eq!((code, out.as_str()), (Some(1), want));
    let asked = pods("higher.yaml", &[("a", "900m", "priorityClassName: system-cluster-critical,")]);
    let (code, out) = schedule(&folder.join("test-daemonset/dump"), &asked, &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("562n  -      -     1         evicts default/fluentd-elasticsearch-xpdg6\n"), "{out}");
}

/// Requests on the five nodes leave 459, 639, 428, 469 and 39 milli-cores; what has ended holds nothing (the three ended pods
/// were on the second node and asked for 100m each).
#[test]
fn free_cpu_of_a_dump_is_exact() {
    let Some(folder) = dumps() else { return };
    for (cpu, feasible) in [
        ("39m", 5),
        ("40m", 4),
        ("428m", 4),
        ("429m", 3),
        ("459m", 3),
        ("460m", 2),
        ("469m", 2),
        ("470m", 1),
        ("639m", 1),
    ] {
        let asked = pods("free.yaml", &[("p", cpu, "")]);
        let (code, out) = schedule(&folder.join(DUMPS[0]), &asked, &["-o", "json"]);
        let entries: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((code, &entries[0]["feasible"]), (Some(0), &Value::from(feasible)), "{cpu}: {out}");
        if feasible == 1 {
            assert_eq!(entries[0]["chosen"], "gke-tesg1-default-pool-ff7a1295-dmtd");
        }
    }
    let (code, out) = schedule(&folder.join(DUMPS[0]), &pods("none.yaml", &[("p", "640m", "")]), &[]);
    assert!(code == Some(1) && out.starts_with("The pod finds no node.\n"), "{out}");
}

#[test]
fn a_simulation_begins_with_the_pods_that_run_where_they_run() {
    let Some(folder) = dumps() else { return };
    for (dump, (nodes, running, ..)) in DUMPS.into_iter().zip(COUNTS) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dump.toml");
        let files = folder.join(dump).join("*.yaml");
        let text = format!("[scenario]\nduration = \"5m\"\nmanifests = [{:?}]\n", files.display().to_string());
        std::fs::write(&path, text).expect("the folder is writable");
        let loaded = scenario::load(&path, &[]);
        let plan =
            loaded.plan.unwrap_or_else(|| panic!("{dump}: {}", loaded.diagnostics.render(&loaded.sources, false)));
        assert_eq!((plan.nodes.len(), plan.pods.len()), (nodes, running), "{dump}");
        let outcome = Simulation::new(plan.clone()).run();
        let (objects, words) = read(&folder.join(dump));
        assert_eq!(outcome.pods.len(), running, "{dump}");
        for row in &outcome.pods {
            let was =
                objects.pods.iter().find(|pod| words.strings.text(pod.name) == row.name).expect("a pod of the dump");
            let was = words.classes.get(was.template.class).node_name.map(|name| words.strings.text(name));
            // One dump holds pods of nodes that are not in it.
            let was = was.filter(|name| objects.nodes.iter().any(|node| words.strings.text(node.name) == *name));
            assert_eq!(row.node.map(|name| plan.strings.text(name)), was, "{dump}: {}", row.name);
        }
    }
}
