//! Exports are quick enough not to be noticed: `cargo test --release --test cli export_speed:: -- --nocapture` prints how quick.

use std::path::PathBuf;
use std::time::Instant;

use crate::export_support::{Run, big, day};
use podsim::export::write_all;

fn time(name: &str, run: &Run, limit_seconds: u64) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let begun = Instant::now();
    let files = write_all(&dir, &run.context()).unwrap();
    let took = begun.elapsed();
    println!("{name}: {} facts in {took:?}", run.recording.facts().len());
    for file in files {
        println!("  {:>10} bytes {}", file.metadata().unwrap().len(), file.file_name().unwrap().display());
    }
    // A tenth of this is usual; a busy machine must not fail.
    assert!(cfg!(debug_assertions) || took.as_secs() < limit_seconds, "{name} took {took:?}");
}

#[test]
fn a_day_and_a_cluster_of_1523_nodes() {
    time("speed-day", &day::run(), 2);
    let pods = if cfg!(debug_assertions) { 500 } else { 8152 };
    time("speed-big", &big::run(pods, 1523), 5);
}
