//! Workload W1 (scenarios/w1.toml) with the recorder off: 1,000 nodes and 100,000 pods. `cargo bench --bench w1` times
//! whole runs; before that it prints what one run takes in CPU seconds, in events and in memory beyond an empty run, and
//! its digest, which is the one that `podsim run scenarios/w1.toml` prints; and the same of ten times as many nodes.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group};
use podsim::sim::{Plan, Simulation};

fn plan(overrides: &[&str]) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/w1.toml");
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let loaded = podsim::scenario::load(&path, &overrides);
    loaded.plan.expect("scenarios/w1.toml is valid")
}

/// Peak memory of this process in bytes, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// CPU seconds of this process, where the system tells.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
    #[allow(clippy::cast_precision_loss)]
    Some(ticks as f64 / 100.0)
}

/// Reports of growing size: the peak is that of the process, so each empty run must be larger than all runs before.
fn report(name: &str, overrides: &[&str]) {
    let mut empty = Simulation::new(plan(&[overrides, &["arrivals.0.count=1"]].concat()));
    empty.run_until(podsim::base::SimTime::NEVER).expect("no limit");
    black_box(&empty);
    drop(empty);
    let (before, started) = (peak_bytes(), cpu_seconds());
    let mut run = Simulation::new(plan(overrides));
    run.run_until(podsim::base::SimTime::NEVER).expect("no limit");
    let (after, ended) = (peak_bytes(), cpu_seconds());
    let (events, peak) = (run.events(), run.cluster().pods().peak());
    let outcome = run.run();
    println!(
        "{name}: digest {}, {events} events, {} pods, at most {peak} at once",
        outcome.digest, outcome.counters.pods_created
    );
    if let (Some(started), Some(ended)) = (started, ended) {
        println!("{name}: {:.2} CPU s", ended - started);
    }
    if let (Some(before), Some(after)) = (before, after) {
        let more = after - before;
        println!(
            "{name}: {} kB more than an empty run at the peak, {} bytes a live pod",
            more / 1024,
            more / u64::from(peak)
        );
    }
}

fn w1(criterion: &mut Criterion) {
    let plan = plan(&[]);
    let mut group = criterion.benchmark_group("w1");
    group.sample_size(10);
    group.bench_function("1,000 nodes, 100,000 pods", |bench| {
        bench.iter(|| Simulation::new(plan.clone()).run().digest);
    });
    group.finish();
}

criterion_group!(benches, w1);

fn main() {
    report("w1", &[]);
    report("w1 on 10,000 nodes", &["node_pool.0.count=10000", "arrivals.0.every=10ms", "arrivals.0.count=200000"]);
    benches();
    Criterion::default().configure_from_args().final_summary();
}
