//! Real clusters: how many pods of the KubeSBS sets find no node, beside what was measured with the real kube-scheduler,
//! over twenty seeds. docs/kubesbs.svg shows the numbers; after a change that is meant, `PODSIM_BLESS=1 cargo test --release
//! --test scheduler kubesbs::` draws it anew: look at it. The sets are other people's and are read where they are; without them the test
//! says so and passes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use podsim::export::{Repeated, Repeats, RepeatsPanel};
use podsim::scenario;
use podsim::sim::{Plan, Simulation};

const SEEDS: u32 = 20;

/// A set with what the real scheduler, in its default profile, left without a node.
struct Set {
    scenario: &'static str,
    title: &'static str,
    measured: (u32, u32),
}

const SETS: [Set; 2] = [
    Set { scenario: "kubesbs.toml", title: "100 nodes, 1,067 pods", measured: (18, 22) },
    Set { scenario: "kubesbs-700.toml", title: "700 nodes, 6,453 pods", measured: (83, 89) },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_there() -> bool {
    let shared = std::env::var_os("PODSIM_SHARED").map(PathBuf::from);
    let found = shared.as_ref().is_some_and(|folder| folder.join("data/traces/kubesbs/pods-700.yaml").exists());
    if !found {
        // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
        let _ = writeln!(std::io::stderr(), "SKIPPED: PODSIM_SHARED names no folder with data/traces/kubesbs");
    }
    found
}

fn plan(scenario: &str, overrides: &[&str]) -> Plan {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let loaded = scenario::load(&root().join("scenarios").join(scenario), &overrides);
    let shown = loaded.diagnostics.render(&loaded.sources, false);
    loaded.plan.unwrap_or_else(|| panic!("{scenario}:\n{shown}"))
}

/// Pods without a node at the end, by seed. The seeds are shared among the cores.
fn unscheduled(plan: &Plan) -> Vec<u32> {
    let run = |seed: u32| {
        let outcome = Simulation::new(Plan { seed: seed.into(), ..plan.clone() }).run();
        let waiting = outcome.pods.iter().filter(|pod| pod.node.is_none()).count();
        assert_eq!(outcome.pods.len(), plan.pods.len(), "no pod of the sets ever goes");
        u32::try_from(waiting).expect("a set has few pods")
    };
    let seeds: Vec<u32> = (1..=SEEDS).collect();
    let half = seeds.len().div_ceil(2);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            seeds.chunks(half).map(|part| scope.spawn(move || part.iter().map(|&s| run(s)).collect())).collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, Vec<u32>>| part.join().expect("every run ends");
        parts.into_iter().flat_map(join).collect()
    })
}

/// The median lies in the range that was measured, and at least 18 of 20 runs within 2 of it.
fn assert_like_the_real_one(values: &[u32], (low, high): (u32, u32)) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let twice_median = sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2];
    assert!((2 * low..=2 * high).contains(&twice_median), "half of {values:?} are outside {low} to {high}");
    let near = values.iter().filter(|&&value| value + 2 >= low && value <= high + 2).count();
    assert!(10 * near >= 9 * values.len(), "only {near} of {values:?} are within 2 of {low} to {high}");
}

#[test]
fn as_many_pods_find_no_node_as_with_the_real_scheduler() {
    if !is_there() {
        return;
    }
    let mut panels = Vec::new();
    for set in &SETS {
        let default = unscheduled(&plan(set.scenario, &[]));
        println!("{}, default profile: {default:?}", set.title);
        assert_eq!(default.len(), SEEDS as usize);
        assert_like_the_real_one(&default, set.measured);
        let packed = unscheduled(&plan(set.scenario, &["control_plane.scheduler.config=kubesbs/most-allocated.yaml"]));
        println!("{}, MostAllocated: {packed:?}", set.title);
        assert_eq!(packed, [0; SEEDS as usize], "the real scheduler finds a node for every pod");
        let series = [("default profile", default, set.measured), ("MostAllocated", packed, (0, 0))];
        let repeated = |(name, values, measured)| Repeated { name: format!("podsim, {name}"), values, measured };
        let series = series.map(repeated).into();
        panels.push(RepeatsPanel { title: set.title.to_owned(), series });
    }
    let chart = Repeats {
        title: "Pods that find no node".to_owned(),
        subtitle: "Two sets of KubeSBS: pods are submitted in file order and never end. Each dot is one run with its own \
                   seed, with real sampling and drawn ties; the bands are what the real kube-scheduler left in several runs."
            .to_owned(),
        measured: "real kube-scheduler".to_owned(),
        axis: "pods without a node at the end, by seed".to_owned(),
        panels,
    };
    compare_with_the_committed("docs/kubesbs.svg", &chart.svg().expect("it can be drawn"));
}

fn compare_with_the_committed(relative: &str, drawn: &str) {
    let path = root().join(relative);
    if std::env::var_os("PODSIM_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, drawn).expect("docs/ can be written");
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == drawn,
        "{relative} is stale. If the numbers above are meant: PODSIM_BLESS=1 cargo test --release --test scheduler kubesbs::, and look at it"
    );
}
