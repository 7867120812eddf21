//! Facts that go to a file while a run goes on come back as those that stay in memory: in the same order, and in the same
//! results.

use podsim::base::SimTime;
use podsim::export::{Context, Scratch, write_all};
use podsim::model::PodUid;
use podsim::record::{Fact, Recorder as _, Recording};
use podsim::sim::Simulation;

use std::path::Path;

fn scratch() -> Scratch {
    Scratch::beside(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("spilled")).expect("a file")
}

#[test]
fn what_is_told_late_comes_where_it_belongs() {
    let (mut memory, mut file) = (Recording::new(), Recording::spilling(scratch(), 10_000));
    for number in 0..60_000_u32 {
        // Every seventh is told late, some of them by more than what is kept in memory; many happen at one time.
        let late = if number % 7 == 0 { i64::from(number % 1_000) * 300 } else { 0 };
        let at = SimTime((i64::from(number / 3) - late).max(0));
        for recording in [&mut memory, &mut file] {
            recording.fact(at, Fact::PodDeleting(PodUid::from_raw(number), late));
        }
    }
    assert_eq!(file.fact_count(), 60_000);
    assert!(file.every_fact().eq(memory.facts().iter().copied()));
    assert!(file.every_fact().is_sorted_by_key(|(at, _)| at), "facts come in the order of time");
    assert_eq!(file.trouble(), None);
}

#[test]
fn results_are_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/user-msvc.toml");
    let plan = podsim::scenario::load(&path, &[]).plan.expect("a plan");
    let mut written = Vec::new();
    for (name, recording) in [("memory", Recording::new()), ("file", Recording::spilling(scratch(), 100))] {
        let (outcome, recording) = Simulation::with_recorder(plan.clone(), recording).run_recorded();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spilled").join(name);
        let ctx = Context { plan: &plan, outcome: &outcome, recording: &recording, ignored: &[] };
        let files = write_all(&dir, &ctx).expect("results");
        written.push(
            files
                .iter()
                .map(|file| (file.file_name().map(ToOwned::to_owned), std::fs::read(file).unwrap()))
                .collect::<Vec<_>>(),
        );
    }
    assert!(written[0].len() > 5 && written[0] == written[1]);
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spilled-read-only");
    std::fs::write(&path, "").unwrap();
    let mut recording = Recording::spilling(Scratch::new(std::fs::File::open(&path).unwrap()), 1_000);
    for number in 0..2_000 {
        recording.fact(SimTime(number), Fact::PodDeleting(PodUid::from_raw(0), number));
    }
    assert!(recording.trouble().is_some());
}
