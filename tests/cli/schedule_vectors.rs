//! `podsim schedule -o json` tells recorded decisions field by field, when the cluster and the queue of a recorded case are given
//! as the files that a user would have.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::vectors::{KINDS, items};

/// In the large cases more tied nodes than these are only counted.
const TIED_BY_NAME: usize = 10;

fn list<'v>(objects: impl Iterator<Item = (&'v Value, &'static str, &'static str)>) -> Value {
    let items = objects.map(|(object, version, kind)| {
        let mut object = object.clone();
        (object["apiVersion"], object["kind"]) = (json!(version), json!(kind));
        object
    });
    json!({"apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>()})
}

/// Reasons are a set, and compact cases leave out what nodes say.
fn comparable(mut entry: Value, compact: bool) -> Value {
    let sort = |said: &mut Value| {
        if let Some(reasons) = said.get_mut("reasons").and_then(Value::as_array_mut) {
            reasons.sort_by_key(Value::to_string);
        }
    };
    entry.get_mut("rejected").and_then(Value::as_object_mut).into_iter().flatten().for_each(|(_, said)| sort(said));
    for field in ["prefilter", "preenqueue"] {
        entry.get_mut(field).into_iter().for_each(sort);
    }
    if compact && let Some(fields) = entry.as_object_mut() {
        fields.remove("rejected");
        fields.remove("scores");
        let tied = fields.get("tied").map_or(0, |tied| items(tied).len());
        if tied > TIED_BY_NAME {
            fields.insert("tied".to_owned(), json!([format!("#{tied}")]));
        }
    }
    entry
}

fn check(file: &Path) -> usize {
    let case: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a case")).expect("JSON");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schedule-vectors");
    std::fs::create_dir_all(&folder).expect("the folder is writable");
    let write = |name: &str, value: &Value| {
        let path = folder.join(name);
        std::fs::write(&path, value.to_string()).expect("the folder is writable");
        path
    };
    let objects = KINDS.iter().flat_map(|&(name, version, kind)| {
        items(&case["objects"][name]).iter().map(move |object| (object, version, kind))
    });
    let cluster = write("cluster.json", &list(objects));
    let pods = write("pods.json", &list(items(&case["queue"]).iter().map(|pod| (pod, "v1", "Pod"))));
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    command.args(["schedule", "-q", "-o", "json", "--cluster"]).arg(cluster).arg("--pods").arg(pods);
    if !case["config"].is_null() {
        let version = "kubescheduler.config.k8s.io/v1";
        let config = json!({"apiVersion": version, "kind": "KubeSchedulerConfiguration", "profiles": [case["config"]]});
        command.arg("--config").arg(write("config.json", &config));
    }
    let output = command.output().expect("podsim starts");
    let got: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}\n{}", file.display(), String::from_utf8_lossy(&output.stderr)));
    let compact = case["compact"] == json!(true);
    let expected = items(&case["expect"]);
    assert_eq!(got.len(), expected.len(), "{}", file.display());
    for (got, expected) in got.into_iter().zip(expected) {
        let name = format!("{} {}", file.display(), expected["pod"]);
        assert_eq!(comparable(got, compact), comparable(expected.clone(), compact), "{name}");
    }
    expected.len()
}

#[test]
fn recorded_cases_as_files_of_a_user() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let listed = include_str!("../conformance.list").lines().map(str::trim);
    // A few of each family, so that this stays quick; `podsim conformance` checks them all.
    let some = listed.filter(|name| name.starts_with("scheduler/")).step_by(4);
    let files: Vec<PathBuf> = some.map(|name| root.join(name)).collect();
    let decisions: usize = files.iter().map(|file| check(file)).sum();
    assert!(files.len() > 30 && decisions > 800, "{} files, {decisions} decisions", files.len());
}
