//! What the lives of pods cost. `cargo bench --bench lives` says, in CPU time: a pod's whole life from its creation to the
//! removal of its object, with the calendar events that it takes, by kind; and a year in which 10,000 pods just run.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use podsim::base::SimTime;
use podsim::record::Recording;
use podsim::sim::{Plan, Simulation};

/// On few nodes, so that hardly anything of the time is the search for a node; the image is pulled once on each.
const LIVES: &str = r#"
[scenario]
duration = "12h"
[[node_pool]]
name = "node"
count = 4
capacity = { cpu = "1000", memory = "4000Gi", pods = 10000 }
[[arrivals]]
name = "pod"
every = "100ms"
count = 200_000
ttl_after_finished = "60s"
template = { cpu = "100m", memory = "100Mi", limits = "requests" }
[[behavior]]
select = { name = "pod" }
run = "5m"
[output]
sample_every = "1h"
"#;

/// The change at the end keeps the run from ending early: nothing else is ever pending.
const YEAR: &str = r#"
[scenario]
duration = "8760h"
manifests = ["web.yaml"]
[[node_pool]]
name = "node"
count = 500
capacity = { cpu = "32", memory = "128Gi" }
[output]
sample_every = "1h"
[[change]]
at = "8759h"
delete = "Pod/web-1"
"#;

/// A pod with probes of all kinds.
fn web(number: u32) -> String {
    let probe = |kind: &str, period: u32| format!("{kind}: {{httpGet: {{port: 80}}, periodSeconds: {period}}}");
    let probes = [probe("startupProbe", 2), probe("readinessProbe", 5), probe("livenessProbe", 10)].join(", ");
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web-{number}, labels: {{app: web}}}}\nspec: {{containers: [{{name: app, \
         image: 'web:1', ports: [{{containerPort: 80}}], resources: {{requests: {{cpu: 100m, memory: 100Mi}}}}, {probes}}}]}}\n---\n"
    )
}

fn plan(scenario: &str) -> Plan {
    let read = |path: &Path| match path.to_str() {
        Some("web.yaml") => Ok((0..10_000).map(web).collect()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let loaded = podsim::scenario::from_text("bench.toml", scenario, &read);
    let told: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    loaded.plan.unwrap_or_else(|| panic!("{told:?}"))
}

/// CPU seconds of this process, where the system tells.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
    #[allow(clippy::cast_precision_loss)]
    Some(ticks as f64 / 100.0)
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu_seconds();
    let result = run();
    let spent = before.zip(cpu_seconds()).map_or(f64::NAN, |(before, after)| after - before);
    (result, spent)
}

#[allow(clippy::cast_precision_loss)]
fn lives() {
    let mut sim = Simulation::new(plan(LIVES));
    let (end, spent) = timed(|| sim.run_until(SimTime::NEVER));
    end.expect("no limit");
    let pods = f64::from(sim.cluster().pods().created_total());
    let done = sim.counters().pods_removed as f64;
    assert!((done - pods).abs() < 1.0, "{done} of {pods} pods went through a whole life");
    println!("a whole life: {:.2} us of CPU, {:.1} events", spent * 1e6 / pods, sim.events() as f64 / pods);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut sim = Simulation::new(plan(LIVES));
    while let Some(event) = sim.step(SimTime::NEVER).expect("no limit") {
        let name = format!("{event:?}").replace("Kubelet(", "Kubelet ").replace("Scheduler(", "Scheduler ");
        let name = name.split(['{', '(', ')', '0']).next().unwrap_or_default().trim();
        let name = if name == "Wake" { format!("{event:?}") } else { name.to_owned() };
        *kinds.entry(name).or_default() += 1;
    }
    for (name, count) in kinds {
        println!("    {name:32} {:.2}", count as f64 / pods);
    }
}

#[allow(clippy::cast_precision_loss)]
fn year() {
    let mut sim = Simulation::with_recorder(plan(YEAR), Recording::new());
    let begin = sim.plan().start;
    let (first, starting) = timed(|| sim.run_until(begin + podsim::base::SimDuration::from_secs(3600)));
    first.expect("no limit");
    let events = sim.events();
    assert_eq!(sim.counts().pods_ready, 10_000);
    let (rest, spent) = timed(|| sim.run_until(SimTime::NEVER));
    rest.expect("no limit");
    println!("10,000 pods start: {starting:.2} s of CPU, {events} events");
    println!("they run for a year: {spent:.2} s of CPU, {} events", sim.events() - events);
}

fn main() {
    lives();
    year();
}
