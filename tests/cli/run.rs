//! `podsim run` from the scenario file to the exit code and the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn podsim(arguments: &[&str]) -> Output {
    command(arguments).output().expect("podsim starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).env_remove("CLICOLOR_FORCE");
    command
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-run-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder of results") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                found.insert(path.strip_prefix(folder).expect("below the folder").to_owned(), bytes);
            }
        }
    }
    found
}

#[test]
fn the_day_of_a_pod_runs_and_writes_the_same_bytes_every_time() {
    let [first, second] = ["first", "second"].map(|name| {
        let folder = folder(name);
        let output = podsim(&["run", "scenarios/user-msvc.toml", "-o", folder.to_str().expect("UTF-8"), "--check"]);
        assert_eq!(output.status.code(), Some(0), "{}\n{}", text(&output.stdout), text(&output.stderr));
        assert!(text(&output.stderr).contains("checked: two more runs agree"));
        assert!(text(&output.stdout).contains("a bare Pod is mortal"), "{}", text(&output.stdout));
        folder
    });
    let (first, second) = (contents(&first), contents(&second));
    assert!(first.len() >= 3 && first.keys().eq(second.keys()));
    for (path, bytes) in &first {
        assert!(*bytes == second[path], "{} differs between two runs", path.display());
    }
}

#[test]
fn nothing_is_written_where_nothing_is_wanted_and_summaries_come_in_four_forms() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("outputs/hello");
    let written = || std::fs::metadata(&folder).and_then(|folder| folder.modified()).ok();
    let before = written();
    let hello = |form: &str| podsim(&["run", "scenarios/hello.toml", "--no-output", "-q", "--summary", form]);
    let json = hello("json");
    assert!(json.stderr.is_empty() && json.status.success());
    let summary: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(summary["scenario"]["name"], "hello");
    assert_eq!(summary["metrics"]["pods_succeeded"], 10.0);
    assert!(hello("none").stdout.is_empty());
    let compact = text(&hello("compact").stdout);
    assert!(compact.starts_with("ok   pods_succeeded") && compact.lines().count() == 2, "{compact}");
    assert!(text(&hello("full").stdout).contains("Again"));
    assert_eq!(written(), before, "outputs/hello is as it was, if it was there at all");
}

#[test]
fn seeds_and_overrides_change_the_run_and_a_failed_expectation_is_one() {
    let digest = |arguments: &[&str]| {
        let mut all = vec!["run", "scenarios/user-msvc.toml", "--no-output", "--summary", "json"];
        all.extend(arguments);
        let summary: serde_json::Value = serde_json::from_slice(&podsim(&all).stdout).expect("JSON");
        summary["digest"].as_str().expect("a digest").to_owned()
    };
    let plain = digest(&[]);
    assert_eq!(plain, digest(&["--seed", "7"]), "the scenario's own seed");
    assert_eq!(digest(&["--seed", "8"]), digest(&["--set", "scenario.seed=8"]));
    assert_ne!(plain, digest(&["--seed", "8"]));
    assert_ne!(plain, digest(&["--until", "2h"]));

    let failed = podsim(&["run", "scenarios/hello.toml", "--no-output", "--set", "expect.0.min=11"]);
    assert_eq!(failed.status.code(), Some(1));

    let spread = podsim(&["run", "scenarios/hello.toml", "--no-output", "--seeds", "1..3", "--summary", "json", "-q"]);
    assert_eq!(spread.status.code(), Some(0));
    let spread: serde_json::Value = serde_json::from_slice(&spread.stdout).expect("JSON");
    assert_eq!(spread["metrics"]["pods_succeeded"]["runs"], 3);
    assert_eq!(spread["metrics"]["pods_succeeded"]["deviation"], 0.0);
}

#[test]
fn a_folder_of_others_is_left_alone() {
    let folder = folder("foreign");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("thesis.txt"), "precious").expect("a file");
    let output = podsim(&["run", "scenarios/hello.toml", "-o", folder.to_str().expect("UTF-8")]);
    let kept = std::fs::read_to_string(folder.join("thesis.txt")).expect("the file is still there");
    assert_eq!((output.status.code(), kept.as_str()), (Some(3), "precious"), "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = command(&["run", "scenarios/user-msvc.toml", "--no-output"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podsim starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && !text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}
