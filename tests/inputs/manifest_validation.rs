//! What upstream's validation says of manifests, executed: each refused manifest is refused here with upstream's words.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use podsim::diag::{Diagnostics, Severity, Sources};
use podsim::manifest::load;
use podsim::model::Vocabulary;
use serde_json::Value;

fn vectors() -> Option<Value> {
    let folder = std::env::var_os("PODSIM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = folder.join("vectors/lifecycle/validation.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no vectors at {}", path.display());
            None
        }
    }
}

#[test]
fn refused_manifests_are_refused_with_upstreams_words() {
    let Some(vectors) = vectors() else { return };
    let kinds = ["Pod", "Service", "ConfigMap", "Secret", "Node", "PriorityClass"];
    let (mut checked, mut wrong) = (0, Vec::new());
    for case in vectors["cases"].as_array().unwrap() {
        let manifest = &case["input"]["manifest"];
        if !kinds.iter().any(|kind| manifest["kind"] == *kind) {
            continue;
        }
        let label = case["label"].as_str().unwrap();
        let want = case["expected"]["message"].as_str().unwrap_or("");
        let strict = case["expected"]["strict_decoding_error"].as_str().unwrap_or("");
        let mut sources = Sources::default();
        let source = sources.add("case.json", manifest.to_string());
        let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
        load(&[source], &sources, &mut words, &mut diagnostics);
        checked += 1;
        let accepted = case["expected"]["accepted"] == true && strict.is_empty();
        let messages: Vec<&str> =
            diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.message.as_str()).collect();
        if accepted != messages.is_empty() {
            wrong.push(format!("{label}: accepted {accepted}, but {messages:?}"));
        }
        for message in messages {
            let invalid = message.split_once(" is invalid: ").map(|(_, text)| text);
            // Errors of decoding name no object: `Pod "p": ` is ours.
            let text = invalid.unwrap_or_else(|| message.split_once(": ").map_or(message, |(_, text)| text));
            let bare = text.split_once(": ").map_or("-", |(_, text)| text);
            let known = want.contains(text) || strict.contains(text) || (invalid.is_none() && want.contains(bare));
            if !known {
                wrong.push(format!("{label}: {text}\n    upstream: {want} {strict}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 40);
}
