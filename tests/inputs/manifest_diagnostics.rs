//! Every kind of mistake, each in a small file: its code, its exact place and what to do about it. And all at once.

use std::collections::BTreeSet;

use podsim::diag::{Diagnostics, Severity, Sources};
use podsim::manifest::codes::{self, ALL};
use podsim::manifest::{load, scheduler_config};
use podsim::model::Vocabulary;

#[path = "manifest_cases/mod.rs"]
mod cases;

use cases::{Case, cases};

fn check(text: &str) -> (Sources, Diagnostics) {
    let mut sources = Sources::default();
    let file = sources.add("m.yaml", text);
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    if text.starts_with("apiVersion: kubescheduler.config.k8s.io/") {
        let config = scheduler_config::load(file, &sources, &mut words, &mut diagnostics);
        assert_eq!(config.is_none(), diagnostics.has_errors(), "{text}");
    } else {
        load(&[file], &sources, &mut words, &mut diagnostics);
    }
    (sources, diagnostics)
}

#[test]
fn every_mistake_has_its_code_its_place_and_a_help() {
    let mut wrong = Vec::new();
    for Case { code, text, at, help } in cases() {
        let (sources, diagnostics) = check(&text);
        let found: Vec<_> = diagnostics.iter().filter(|d| d.code == code).collect();
        let place = |d: &&podsim::diag::Diagnostic| d.span.map(|span| sources.position(span));
        if found.len() != 1 || place(&found[0]) != Some(at) || !found[0].help.contains(help) || diagnostics.len() != 1 {
            let shown = diagnostics.render_short(&sources);
            wrong.push(format!("{code} at {at:?} with help {help:?}, but found\n{shown}in\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_is_in_the_table() {
    let tested: BTreeSet<&str> = cases().iter().map(|case| case.code.id).collect();
    let missing: Vec<&str> = ALL.iter().map(|code| code.id).filter(|id| !tested.contains(id)).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
}

#[test]
fn all_mistakes_of_a_file_are_found_in_one_go() {
    let text = include_str!("manifest_cases/broken.yaml");
    let (sources, diagnostics) = check(text);
    let mut found = Vec::new();
    for diagnostic in diagnostics.sorted() {
        let (line, column) = sources.position(diagnostic.span.expect("every mistake has a place"));
        found.push((diagnostic.code, line, column));
        assert!(!diagnostic.help.is_empty());
    }
    // The file says where its mistakes are: `# PS1012:3` is a mistake in column 3 of that line.
    let mut want = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let marks = line.split_once("# PS").map_or("", |(_, marks)| marks);
        for mark in marks.split_whitespace() {
            let (id, column) = mark.trim_start_matches("PS").split_once(':').expect("code and column");
            let code = *ALL.iter().find(|code| code.id == format!("PS{id}")).expect("a known code");
            want.push((code, index + 1, column.parse().expect("a column")));
        }
    }
    found.sort_by_key(|&(code, line, column)| (line, column, code));
    want.sort_by_key(|&(code, line, column)| (line, column, code));
    assert_eq!(found, want, "{}", diagnostics.render_short(&sources));
    assert!(want.len() > 20);
}

#[test]
fn mistakes_in_one_file_hide_none_in_others() {
    let mut sources = Sources::default();
    let files = [
        sources.add("a.yaml", "kind: Pod\n\tmetadata: {}\n"),
        sources.add("b.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: []}\n"),
        sources
            .add("c.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"C\"}, \"spec\": 1}"),
    ];
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    let objects = load(&files, &sources, &mut words, &mut diagnostics);
    let shown = diagnostics.render_short(&sources);
    let places: Vec<&str> = shown.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["a.yaml:2:1", "b.yaml:4:8", "c.json:1:58", "c.json:1:72"], "{shown}");
    assert!(objects.pods.is_empty());
}

#[test]
fn warnings_leave_objects_in_and_errors_take_them_out() {
    for Case { text, .. } in cases().into_iter().filter(|case| !case.text.starts_with("apiVersion: kubescheduler")) {
        let mut sources = Sources::default();
        let file = sources.add("m.yaml", text.as_str());
        let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
        let objects = load(&[file], &sources, &mut words, &mut diagnostics);
        let count = objects.pods.len() + objects.nodes.len() + objects.services.len() + objects.configs.len();
        let count = count + objects.controllers.len() + objects.budgets.len() + objects.storage.into_objects().count();
        let documents = text.matches("kind: ").count();
        let left_out = [codes::NOT_MODELLED, codes::HIDDEN_PODS, codes::KUSTOMIZATION];
        if diagnostics.iter().all(|d| d.severity == Severity::Warning && !left_out.contains(&d.code)) {
            assert!(count > 0 || documents == 0, "{text}");
        }
        if diagnostics.has_errors() {
            assert!(count < documents.max(1), "{text}");
        }
    }
}

/// What changes apply in a namespace that nobody declares, or only later, is told once each; not what manifests of the start or
/// of an earlier change declare, or were told not to.
#[test]
fn namespaces_of_timed_changes_are_checked() {
    let objects = |kind: &str, all: &[(&str, &str)]| -> String {
        let one = |(name, space): &(&str, &str)| {
            let space = if space.is_empty() { String::new() } else { format!(", namespace: {space}") };
            format!("---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}{space}}}\n")
        };
        all.iter().map(one).collect()
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n";
    let start = pod.to_owned() + &objects("Namespace", &[("shop", "")]) + &objects("ConfigMap", &[("a", "told")]);
    let places = [("b", "shop"), ("b", "told"), ("b", "early"), ("b", "kube-system"), ("b", "late"), ("b", "none")];
    let applied = objects("ConfigMap", &places) + &objects("ConfigMap", &[("c", "none")]);
    let late = objects("Namespace", &[("late", "")]) + &objects("ConfigMap", &[("c", "late"), ("d", "none")]);
    let files = [
        ("start.yaml", start),
        ("applied.yaml", applied),
        ("late.yaml", late),
        ("early.yaml", objects("Namespace", &[("early", "")])),
    ];
    let read = |path: &std::path::Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = files.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| text.clone()).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    };
    let change = |at: &str, file: &str| format!("[[change]]\nat = \"{at}\"\napply = \"{file}\"\n");
    let text = "[scenario]\nduration = \"1d\"\nmanifests = \"start.yaml\"\n[[node_pool]]\nname = \"n\"\ncount = 1\n\
                capacity = { cpu = \"4\", memory = \"16Gi\" }\n"
        .to_owned()
        + &change("1h", "applied.yaml")
        + &change("2h", "late.yaml")
        + &change("30m", "early.yaml");
    let loaded = podsim::scenario::from_text("scenario.toml", &text, &read);
    assert!(loaded.plan.is_some(), "{:?}", loaded.diagnostics);
    let all = loaded.diagnostics.sorted();
    let told: Vec<&str> =
        all.iter().filter(|one| one.code == codes::MISSING_NAMESPACE).map(|one| one.message.as_str()).collect();
    let late = "namespaces \"late\" not found: it is applied later";
    let missing = |name: &str| format!("namespaces \"{name}\" not found in the files");
    assert_eq!(told, [&missing("told"), late, &missing("none")]);
}
