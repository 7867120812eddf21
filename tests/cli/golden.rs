//! `outputs/user-msvc` is reviewed like code: a fresh run of the main job writes the same bytes. After a change that is
//! meant, `PODSIM_BLESS=1 cargo test --release --test cli golden::` rewrites the folder; look at what it changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCENARIO: &str = "scenarios/user-msvc.toml";
const GOLDEN: &str = "outputs/user-msvc";

/// The gallery of docs/WORKLOADS.md, of which only what a person looks at is kept.
const GALLERY: &[&str] = &[
    "cronjob-herd",
    "drain-pdb",
    "hpa-day",
    "job-failures",
    "rollout-stuck",
    "stateful-zone-loss",
    "user-msvc-deployment",
];

fn is_kept(name: &str) -> bool {
    let charts = ["lives", "replicas", "services", "waits"];
    matches!(name, "summary.json" | "pods.csv") || charts.iter().any(|chart| name == format!("charts/{chart}.svg"))
}

/// Every file of a folder, with its bytes; paths with slashes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let parts = path.strip_prefix(folder).expect("it is below").components();
                let name = parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
                found.insert(name, std::fs::read(&path).expect("a readable file"));
            }
        }
    }
    found
}

fn run_into(scenario: &str, folder: &Path) -> std::process::Output {
    let output = Command::new(env!("CARGO_BIN_EXE_podsim"))
        .args(["run", scenario, "--no-progress", "-o"])
        .arg(folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("podsim starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{scenario} ends with {}:\n{told}", output.status);
    output
}

/// The first line that differs, if both are text.
fn difference(old: &[u8], new: &[u8]) -> String {
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return format!("{} bytes were committed, {} are written", old.len(), new.len());
    };
    let (mut old_lines, mut new_lines) = (old.lines(), new.lines());
    for number in 1.. {
        let (a, b) = (old_lines.next(), new_lines.next());
        if a != b || a.is_none() {
            let short = |line: Option<&str>| line.unwrap_or("(end)").chars().take(200).collect::<String>();
            return format!("line {number}\n    committed: {}\n    written:   {}", short(a), short(b));
        }
    }
    unreachable!("one of the texts ends")
}

#[test]
fn the_committed_results_are_what_a_run_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join(GOLDEN);
    if std::env::var_os("PODSIM_BLESS").is_some_and(|value| value == "1") {
        run_into(SCENARIO, &golden);
        println!("{GOLDEN} is written anew: look at what changed");
        return;
    }
    let fresh: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    let _ = std::fs::remove_dir_all(&fresh);
    run_into(SCENARIO, &fresh);
    let (old, new) = (files(&golden), files(&fresh));
    let mut wrong = Vec::new();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        wrong.push(format!("{name} is committed and not written any more"));
    }
    for (name, bytes) in &new {
        match old.get(name) {
            None => wrong.push(format!("{name} is written and not committed")),
            Some(committed) if committed != bytes => {
                wrong.push(format!("{name} differs: {}", difference(committed, bytes)));
            }
            Some(_) => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{GOLDEN} is not what `podsim run {SCENARIO}` writes:\n{}\nIf that is meant: PODSIM_BLESS=1 cargo test \
         --release --test cli golden::, and look at the pictures.",
        wrong.join("\n")
    );
    assert!(new.len() > 8, "{:?}", new.keys());
}

/// What is kept of the gallery is what its runs write.
#[test]
fn the_gallery_is_what_its_runs_write() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for name in GALLERY {
        let (scenario, kept) = (format!("scenarios/workloads/{name}.toml"), root.join("outputs").join(name));
        if std::env::var_os("PODSIM_BLESS").is_some_and(|value| value == "1") {
            run_into(&scenario, &kept);
            continue;
        }
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("golden-{name}"));
        let _ = std::fs::remove_dir_all(&fresh);
        run_into(&scenario, &fresh);
        let (old, new) = (files(&kept), files(&fresh));
        for (file, bytes) in new.iter().filter(|(file, _)| is_kept(file)) {
            match old.get(file) {
                Some(committed) if committed == bytes => {}
                Some(committed) => wrong.push(format!("{name}/{file} differs: {}", difference(committed, bytes))),
                None => wrong.push(format!("{name}/{file} is written and not committed")),
            }
        }
        assert!(new.contains_key("charts/lives.svg") && old.len() > 2, "{name}");
    }
    assert!(
        wrong.is_empty(),
        "{}\nIf that is meant: PODSIM_BLESS=1 cargo test --release --test cli golden::, and look at the pictures.",
        wrong.join("\n")
    );
}

/// Results say nothing of the machine, the folder or the moment they were written in.
#[test]
fn results_do_not_tell_where_they_come_from() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-whereabouts");
    let _ = std::fs::remove_dir_all(&folder);
    run_into(SCENARIO, &folder);
    let mut secrets = vec![folder.display().to_string(), env!("CARGO_MANIFEST_DIR").to_owned()];
    secrets.extend(["HOSTNAME", "HOME"].iter().filter_map(|name| std::env::var(name).ok()).filter(|v| v.len() > 4));
    for (name, bytes) in files(&folder) {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{name} holds {secret}");
        }
    }
}
