//! `outputs/user-msvc` is reviewed like code: a fresh run of the main job writes the same bytes. After a change that is
//! meant, `PODSIM_BLESS=1 cargo test --release --test golden` rewrites the folder; look at what it changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCENARIO: &str = "scenarios/user-msvc.toml";
const GOLDEN: &str = "outputs/user-msvc";

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

fn run_into(folder: &Path) -> std::process::Output {
    let output = Command::new(env!("CARGO_BIN_EXE_podsim"))
        .args(["run", SCENARIO, "--no-progress", "-o"])
        .arg(folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("podsim starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{SCENARIO} ends with {}:\n{told}", output.status);
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
        run_into(&golden);
        println!("{GOLDEN} is written anew: look at what changed");
        return;
    }
    let fresh: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    let _ = std::fs::remove_dir_all(&fresh);
    run_into(&fresh);
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
         --release --test golden, and look at the pictures.",
        wrong.join("\n")
    );
    assert!(new.len() > 8, "{:?}", new.keys());
}

/// Results say nothing of the machine, the folder or the moment they were written in.
#[test]
fn results_do_not_tell_where_they_come_from() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-whereabouts");
    let _ = std::fs::remove_dir_all(&folder);
    run_into(&folder);
    let mut secrets = vec![folder.display().to_string(), env!("CARGO_MANIFEST_DIR").to_owned()];
    secrets.extend(["HOSTNAME", "HOME"].iter().filter_map(|name| std::env::var(name).ok()).filter(|v| v.len() > 4));
    for (name, bytes) in files(&folder) {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{name} holds {secret}");
        }
    }
}
