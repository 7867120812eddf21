//! Instructions of the hot paths, counted by valgrind's callgrind: the same on a busy machine as on an idle one, so that a
//! slow-down is seen at once. `cargo bench --bench instructions` prints a table and fails if a path takes more than its limit.
//! After a change that is worth its price, or that saves some, set the limit to a twentieth above what was counted.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};

use podsim::base::SimTime;
use podsim::scheduler::cycle::Options;
use podsim::scheduler::index::Index;
use podsim::sim::workloads::{Run, Workload};
use podsim::sim::{Plan, Simulation};

/// Paths, with the greatest number of instructions that they may take, in millions.
const PATHS: [(&str, u64); 8] = [
    ("10,000 lives of W1 on 1,000 nodes", 350),
    ("100 Deployments of 50 pods, and their rollout", 771),
    ("S1 plain, 2,000 decisions on 5,000 nodes", 18),
    ("S2 zone spread, 2,000 decisions on 5,000 nodes", 40),
    ("S3 anti-affinity, 2,000 decisions on 5,000 nodes", 48),
    ("S4 preferred, 2,000 decisions on 5,000 nodes", 24),
    ("S5 preemption, 2,000 decisions on 5,000 nodes", 47),
    ("S2 zone spread, 2,000 decisions on 5,000 nodes, adaptive", 53),
];

/// Only what happens in here is counted.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    black_box(&mut *work)();
}

fn w1() -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/w1.toml");
    let loaded = podsim::scenario::load(&path, &["arrivals.0.count=10000".to_owned()]);
    loaded.plan.expect("scenarios/w1.toml is valid")
}

/// A hundred Deployments of fifty that roll out another image.
fn rollout() -> Plan {
    let manifest = |image: &str| {
        let one = |number: u32| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web-{number}}}\nspec:\n  replicas: 50\n  selector: \
                 {{matchLabels: {{app: web-{number}}}}}\n  template:\n    metadata: {{labels: {{app: web-{number}}}}}\n    spec: \
                 {{containers: [{{name: app, image: 'web:{image}', resources: {{requests: {{cpu: 10m, memory: 10Mi}}}}}}]}}\n---\n"
            )
        };
        (0..100).map(one).collect::<String>()
    };
    let scenario = r#"
[scenario]
duration = "2h"
manifests = ["1.yaml"]
[[node_pool]]
name = "node"
count = 100
capacity = { cpu = "32", memory = "128Gi" }
[control_plane]
controller_qps = 0
[[change]]
at = "1h"
apply = "2.yaml"
"#;
    let read = |path: &Path| Ok(manifest(&path.file_stem().unwrap_or_default().to_string_lossy()));
    let loaded = podsim::scenario::from_text("rollout.toml", scenario, &read);
    let told: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    loaded.plan.unwrap_or_else(|| panic!("{told:?}"))
}

fn simulate(plan: Plan) {
    let mut simulation = Simulation::new(plan);
    measured(&mut || simulation.run_until(SimTime::NEVER).expect("no limit"));
    let pods = simulation.run().counters.pods_created;
    assert!(pods >= 10_000, "{pods} pods");
}

fn decide(workload: Workload, percentage_of_nodes_to_score: u32) {
    let options = Options { percentage_of_nodes_to_score, ..Options::default() };
    let (mut run, mut index) = (Run::new(workload, 5000), Index::new());
    measured(&mut || (0..2000).for_each(|_| run.place(&mut index, &options)));
    assert_eq!(run.tally().bound, 2000);
}

fn walk(path: usize) {
    match path {
        0 => simulate(w1()),
        1 => simulate(rollout()),
        2..=6 => decide(Workload::ALL[path - 2], 100),
        _ => decide(Workload::ZoneSpread, 0),
    }
}

/// Counts one path in a process of its own; `None` if there is no valgrind.
fn count(path: usize) -> Option<u64> {
    let program = std::env::current_exe().expect("a running program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*"])
        .arg(program)
        .args(["--walk", &path.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let line = said.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind says what it collected");
    Some(line.1.trim().parse().expect("a number of instructions"))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, walked, path] = &arguments[..]
        && walked == "--walk"
    {
        walk(path.parse().expect("the number of a path"));
        return ExitCode::SUCCESS;
    }
    println!("| path | million instructions | limit |");
    println!("|---|---|---|");
    let mut exceeded = false;
    for (path, (name, limit)) in PATHS.into_iter().enumerate() {
        let Some(count) = count(path) else {
            println!("NOT MEASURED: there is no valgrind");
            return ExitCode::SUCCESS;
        };
        #[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let millions = count as f64 / 1e6;
        let above = count > limit * 1_000_000;
        exceeded |= above;
        println!("| {name} | {millions:.1} | {limit}{} |", if above { ": EXCEEDED" } else { "" });
    }
    if exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
