//! Exports are quick enough not to be noticed: `cargo test --release --test export_speed -- --nocapture` prints how quick.

mod export_support;

use std::path::PathBuf;
use std::time::Instant;

use export_support::{Run, big, day};
use podsim::export::write_all;

fn time(name: &str, run: &Run) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let begun = Instant::now();
    let files = write_all(&dir, &run.context()).unwrap();
    println!("{name}: {} facts in {:?}", run.recording.facts().len(), begun.elapsed());
    for file in files {
        println!("  {:>10} bytes {}", file.metadata().unwrap().len(), file.file_name().unwrap().display());
    }
}

#[test]
fn a_day_and_a_cluster_of_1523_nodes() {
    time("speed-day", &day::run());
    time("speed-big", &big::run(8152, 1523));
}
