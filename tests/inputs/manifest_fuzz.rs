//! The loader never panics, whatever it is given: mutated manifests, and texts made of the pieces that YAML trips over.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use podsim::diag::{Diagnostics, Sources};
use podsim::manifest::{load, scheduler_config};
use podsim::model::Vocabulary;
use proptest::prelude::*;

const SEEDS: &[&str] = &[
    include_str!("manifest_cases/broken.yaml"),
    include_str!("manifest_cases/scheduler.yaml"),
    "apiVersion: v1\nkind: List\nitems:\n- &p {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}\n- *p\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"s\"}, \"data\": {\"k\": \"YQ==\"}}",
];

fn check(text: &str) {
    let mut sources = Sources::default();
    let file = sources.add("fuzz.yaml", text);
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    load(&[file], &sources, &mut words, &mut diagnostics);
    let found = diagnostics.len();
    let config = scheduler_config::load(file, &sources, &mut words, &mut diagnostics);
    assert!(config.is_some() || diagnostics.len() > found, "nothing is left out in silence");
    for diagnostic in &diagnostics {
        let span = diagnostic.span.expect("every mistake of a manifest has a place");
        assert!(span.start <= span.end && span.end <= text.len(), "{span:?} of {}", text.len());
        let (line, column) = sources.position(span);
        assert!(line >= 1 && column >= 1);
    }
    let _ = diagnostics.render(&sources, false);
    let _ = diagnostics.render_short(&sources);
    let _ = diagnostics.render_json(&sources);
}

/// One edit at a place given in thousandths of the text.
#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, &'static str),
    Delete(usize, usize),
    Copy(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let pieces = [
        "\t",
        "\n",
        "  ",
        "---\n",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "&a ",
        "*a",
        "<<: *a",
        "|\n",
        ">-\n",
        "#",
        "!!str ",
        "? ",
        "%YAML 1.2\n",
        "\u{feff}",
        "é",
        "\u{0}",
        "~",
        "null",
        "-1",
        "99999999999999999999",
        "1e3",
        "0x",
        "{{ x }}",
        "kind: Pod\n",
        "apiVersion: v1\n",
        "...\n",
        "\r\n",
        "spec",
        "name: ",
    ];
    prop_oneof![
        (0..1000_usize, proptest::sample::select(pieces.to_vec())).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (0..1000_usize, 1..40_usize).prop_map(|(at, count)| Edit::Delete(at, count)),
        (0..1000_usize, 0..1000_usize, 1..60_usize).prop_map(|(from, to, count)| Edit::Copy(from, to, count)),
    ]
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let place = |at: usize| at * chars.len() / 1000;
        match *edit {
            Edit::Insert(at, piece) => {
                let at = place(at);
                chars.splice(at..at, piece.chars());
            }
            Edit::Delete(at, count) => {
                let at = place(at);
                let end = (at + count).min(chars.len());
                chars.drain(at..end);
            }
            Edit::Copy(from, to, count) => {
                let (from, to) = (place(from), place(to));
                let copy: Vec<char> = chars[from..(from + count).min(chars.len())].to_vec();
                chars.splice(to..to, copy);
            }
        }
    }
    chars.into_iter().collect()
}

/// Small real manifests, if they are there.
fn real() -> Vec<String> {
    let folder = std::env::var_os("PODSIM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let names = [
        "data/manifests/guestbook/all-in-one/guestbook-all-in-one.yaml",
        "data/manifests/cluster-dumps/dataset_small_1/cluster_dump/pods.yaml",
        "data/manifests/cluster-dumps/dataset_small_1/cluster_dump/nodes.yaml",
    ];
    let found: Vec<String> = names.iter().filter_map(|name| std::fs::read_to_string(folder.join(name)).ok()).collect();
    if found.is_empty() {
        // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no real manifests at {}", folder.display());
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_manifests_never_panic(seed in 0..SEEDS.len(), edits in proptest::collection::vec(edit(), 1..12)) {
        check(&apply(SEEDS[seed], &edits));
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn texts_of_yaml_pieces_never_panic(pieces in proptest::collection::vec(edit(), 0..60)) {
        check(&apply("a", &pieces));
    }
}

#[test]
fn mutated_real_manifests_never_panic() {
    let real = real();
    if real.is_empty() {
        return;
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 60, ..ProptestConfig::default() });
    let strategy = (0..real.len(), proptest::collection::vec(edit(), 1..12));
    runner
        .run(&strategy, |(index, edits)| {
            check(&apply(&real[index], &edits));
            Ok(())
        })
        .unwrap();
}
