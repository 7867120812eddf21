//! Every directory of real manifests is read and run for an hour, with the verdict that `tests/manifests.toml` gives it: what
//! its pods request, what becomes of them, what is left out, or why it is refused. The files are other people's and are read
//! where they are; without them the test says so and passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use podsim::diag::Severity;
use podsim::model::Phase;
use podsim::model::objects::{ObjectSpec, WithoutRequests};
use podsim::{Simulation, scenario};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    directory: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The directory.
    name: String,
    /// What of it is given; all of it if nothing is said.
    #[serde(default)]
    manifests: Vec<String>,
    /// The node pool: how many nodes and their capacity, as a scenario has it; none if the manifests bring nodes.
    #[serde(default)]
    nodes: u32,
    #[serde(default)]
    capacity: String,
    /// More of the scenario.
    #[serde(default)]
    scenario: String,
    /// What the pods that the manifests ask for request together: pods, cores, GiB.
    requested: Option<(u32, f64, f64)>,
    /// Pods at the end by STATUS, `Running 1/1` for one that runs.
    #[serde(default)]
    at_end: BTreeMap<String, u32>,
    /// A part of what the scheduler says of those that wait.
    #[serde(default)]
    pending: Vec<String>,
    /// Parts of warnings, each once: what is left out.
    #[serde(default)]
    left_out: Vec<String>,
    /// Parts of errors: all of them.
    #[serde(default)]
    refused: Vec<String>,
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("PODSIM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("data/manifests");
    if !folder.is_dir() {
        // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no manifests at {}", folder.display());
    }
    folder.is_dir().then_some(folder)
}

/// Pods, cores and GiB that the objects of a plan ask for, DaemonSets and CronJobs left out.
fn requested(plan: &podsim::sim::plan::Plan) -> (u32, f64, f64) {
    let mut sum = (0, 0, 0);
    let mut add = |template, count: u32| {
        let requests = &plan.classes[plan.templates[template].class].requests;
        let times = i64::from(count);
        sum = (sum.0 + count, sum.1 + times * requests.milli_cpu, sum.2 + times * requests.memory);
    };
    for pod in &plan.pods {
        add(pod.template, 1);
    }
    for object in &plan.objects {
        let mut count = WithoutRequests::default();
        if let Some(template) = object.spec.template() {
            count.add(&object.spec);
            add(
                template,
                if matches!(object.spec, ObjectSpec::DaemonSet(_) | ObjectSpec::CronJob(_)) { 0 } else { count.pods },
            );
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let (cores, gib) = (sum.1 as f64 / 1000.0, sum.2 as f64 / f64::from(1 << 30));
    (sum.0, cores, gib)
}

fn scenario_of(entry: &Entry, folder: &Path) -> PathBuf {
    let all = [String::new()];
    let given: &[String] = if entry.manifests.is_empty() { &all } else { &entry.manifests };
    let root = folder.join(&entry.name);
    let paths: Vec<String> = given.iter().map(|path| format!("{:?}", root.join(path).display().to_string())).collect();
    let mut text = format!("[scenario]\nduration = \"1h\"\nmanifests = [{}]\n", paths.join(", "));
    if entry.nodes > 0 {
        let _ =
            write!(text, "[[node_pool]]\nname = \"n\"\ncount = {}\ncapacity = {{ {} }}\n", entry.nodes, entry.capacity);
    }
    text += &entry.scenario;
    let file: String = entry.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("directory-{file}.toml"));
    std::fs::write(&path, text).expect("the folder is writable");
    path
}

/// What is not as the table says.
fn differences(entry: &Entry, folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let loaded = scenario::load(&scenario_of(entry, folder), &[]);
    let messages = |severity| -> Vec<String> {
        let all = loaded.diagnostics.sorted().into_iter().filter(|one| one.severity == severity);
        all.map(|one| format!("{} {}", one.code, one.message)).collect()
    };
    let (errors, warnings) = (messages(Severity::Error), messages(Severity::Warning));
    for want in &entry.refused {
        if !errors.iter().any(|error| error.contains(want)) {
            wrong.push(format!("no error with {want:?}"));
        }
    }
    for error in errors.iter().filter(|error| !entry.refused.iter().any(|want| error.contains(want))) {
        wrong.push(format!("error: {error}"));
    }
    for want in &entry.left_out {
        if warnings.iter().filter(|warning| warning.contains(want)).count() != 1 {
            wrong.push(format!("not one warning with {want:?} in {warnings:#?}"));
        }
    }
    let left_out = ["PS1010", "PS1123", "PS1124"];
    for warning in warnings.iter().filter(|warning| left_out.iter().any(|code| warning.starts_with(code))) {
        if !entry.left_out.iter().any(|want| warning.contains(want)) {
            wrong.push(format!("left out: {warning}"));
        }
    }
    let Some(plan) = loaded.plan else { return wrong };
    let got = requested(&plan);
    if let Some(want) = entry.requested
        && (got.0 != want.0 || (got.1 - want.1).abs() > 0.006 || (got.2 - want.2).abs() > 0.006)
    {
        wrong.push(format!("requested {got:?}, not {want:?}"));
    }
    let outcome = Simulation::new(plan).run();
    let mut at_end: BTreeMap<String, u32> = BTreeMap::new();
    for row in &outcome.pods {
        let status = match row.phase {
            Phase::Running if row.status == "Running" => {
                let ready = row.ready.split_once('/').is_some_and(|(ready, all)| ready == all);
                if ready { "Ready".to_owned() } else { format!("Running {}", row.ready) }
            }
            _ => row.status.clone(),
        };
        *at_end.entry(status).or_default() += 1;
    }
    if at_end != entry.at_end {
        let odd: Vec<_> =
            outcome.pods.iter().filter(|row| row.status != "Running" && row.status != "Completed").collect();
        let odd: Vec<_> = odd.iter().map(|row| format!("{} {} {}", row.name, row.ready, row.status)).collect();
        wrong.push(format!("at the end {at_end:?}, not {:?}: {odd:?}", entry.at_end));
    }
    for want in &entry.pending {
        if !outcome.pending.iter().any(|(_, message)| message.contains(want)) {
            wrong.push(format!("nobody waits with {want:?}, but with {:?}", outcome.pending));
        }
    }
    wrong
}

#[test]
fn every_directory_has_the_verdict_of_the_table() {
    let Some(folder) = data() else { return };
    let table: Table = toml::from_str(include_str!("../manifests.toml")).expect("the table is TOML");
    let known: BTreeSet<&str> = table.directory.iter().map(|entry| entry.name.split('/').next().unwrap()).collect();
    let there = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let there: BTreeSet<String> = there.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(there.iter().map(String::as_str).collect::<BTreeSet<_>>(), known, "directories and the table");
    let mut wrong = Vec::new();
    for entry in &table.directory {
        let found = differences(entry, &folder);
        if !found.is_empty() {
            wrong.push(format!("{} {:?}:\n    {}", entry.name, entry.manifests, found.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
