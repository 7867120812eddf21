//! Every vector file named in `conformance.list` passes whole: the copies in `tests/vectors`, and the originals where
//! they are at hand.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use podsim::cli::conformance::{self, Manner};
use podsim::model::plan::Evaluator;

fn listed() -> Vec<&'static str> {
    include_str!("../conformance.list").lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn check(root: &Path) {
    let files: Vec<PathBuf> = listed().iter().map(|name| root.join(name)).collect();
    for evaluator in [Evaluator::Index, Evaluator::Columns, Evaluator::Scan] {
        let mut out = Vec::new();
        let manner = Manner { evaluator, forced: false };
        let totals = conformance::run(&files, manner, &mut out).expect("every listed file can be read");
        assert!(totals.is_clean() && totals.passed > 0, "{evaluator:?}: {}", String::from_utf8_lossy(&out));
    }
}

#[test]
fn listed_files_pass_whole() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"));
}

#[test]
fn listed_files_pass_whole_where_they_come_from() {
    let shared = std::env::var_os("PODSIM_SHARED").unwrap_or_else(|| "../shared".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(shared).join("vectors");
    if root.is_dir() {
        check(&root);
    } else {
        // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: there are no shared vectors at {} (set PODSIM_SHARED)",
            root.display()
        );
    }
}

#[test]
fn the_list_names_exactly_the_copies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let (mut copies, mut rooms) = (Vec::new(), vec![root.clone()]);
    while let Some(room) = rooms.pop() {
        for entry in room.read_dir().expect("vectors lie in directories") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                rooms.push(path);
            } else {
                copies.push(path.strip_prefix(&root).expect("found below the root").to_string_lossy().into_owned());
            }
        }
    }
    copies.sort();
    let mut listed = listed();
    listed.sort_unstable();
    assert_eq!(copies, listed);
}

#[test]
fn unknown_subjects_are_unsupported_and_unreadable_files_are_errors() {
    let directory = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join("strange.json");
    let case = r#"{"id": "strange-0", "kind": "none", "input": {}, "expected": {}}"#;
    std::fs::write(&file, format!(r#"{{"file": "strange", "cases": [{case}]}}"#)).expect("the directory is writable");
    let mut out = Vec::new();
    let totals =
        conformance::run(std::slice::from_ref(&file), Manner::default(), &mut out).expect("the file can be read");
    assert_eq!((totals.passed, totals.failed, totals.unsupported), (0, 0, 1));
    let text = String::from_utf8(out).expect("UTF-8");
    assert!(text.starts_with("strange: passed=0 failed=0 unsupported=1\n"), "{text}");
    assert!(text.ends_with("total: passed=0 failed=0 unsupported=1\n"), "{text}");
    let missing = directory.join("missing.json");
    let error = conformance::run(std::slice::from_ref(&missing), Manner::default(), &mut Vec::new())
        .expect_err("there is no such file");
    assert!(format!("{error:#}").contains("missing.json"));
}
