//! Files about some of the pods: the same rows as among all, and nothing else changes.

use std::path::Path;

use podsim::export::{self, Context};
use podsim::record::Recording;
use podsim::sim::{Outcome, Plan, Simulation};

fn plan() -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/w1.toml");
    let overrides = ["arrivals.0.count=2000", "node_pool.0.count=40", "scenario.duration=1h", "output.pods_share=0.1"];
    let loaded = podsim::scenario::load(&path, &overrides.map(str::to_owned));
    loaded.plan.expect("scenarios/w1.toml is valid")
}

fn rows(plan: &Plan, outcome: &Outcome, recording: &Recording, name: &str) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("podsim-some-pods-{}-{name}", std::process::id()));
    let ctx = Context { plan, outcome, recording, ignored: &[] };
    export::write_all(&folder, &ctx).expect("the folder can be written");
    let text = std::fs::read_to_string(folder.join("pods.csv")).expect("pods.csv is there");
    let summary = std::fs::read_to_string(folder.join("summary.json")).expect("summary.json is there");
    assert_eq!(summary.contains("of 2000 (output.pods_share)"), plan.output.pods_share < 1.0);
    std::fs::remove_dir_all(&folder).expect("it can be removed");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_sample_of_pods_is_a_part_of_all() {
    let plan = plan();
    let (outcome, some) = Simulation::with_recorder(plan.clone(), Recording::new().of_some(0.1)).run_recorded();
    let mut whole = plan.clone();
    whole.output.pods_share = 1.0;
    let (all_outcome, all) = Simulation::with_recorder(whole.clone(), Recording::new()).run_recorded();
    assert_eq!(outcome.digest, all_outcome.digest);
    assert_eq!(some.samples(), all.samples());
    assert!(some.facts().len() * 5 < all.facts().len(), "{} of {} facts", some.facts().len(), all.facts().len());

    let (kept, every) = (rows(&plan, &outcome, &some, "some"), rows(&whole, &all_outcome, &all, "all"));
    assert_eq!(every.len(), 2001);
    assert!((150..260).contains(&kept.len()), "{} rows", kept.len());
    let mut others = every.iter();
    for row in &kept {
        assert!(others.any(|other| other == row), "not among all, or out of order: {row}");
    }
}
