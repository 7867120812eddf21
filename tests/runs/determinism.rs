//! Same plan and seed: same bytes. Whatever only looks (recorders, samples, evaluators, threads) changes nothing, and what
//! a pod does depends on who it is, never on who else is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::plans::{Latency, Setup};
use podsim::base::{Digest, SimDuration, SimTime};
use podsim::model::*;
use podsim::record::{Fact, Recording};
use podsim::sim::Simulation;
use podsim::sim::outcome::Outcome;
use podsim::sim::plan::{
    ArrivalPlan, ArrivalProcess, ArrivalSource, Evaluator, Naming, NodePlan, Plan, TraceRow, Workload,
};

const SEEDS: std::ops::Range<u64> = 0..6;

fn setup(seed: u64) -> Setup {
    let latency = [Latency::Typical, Latency::None, Latency::Slow][seed as usize % 3];
    Setup { latency, ..Setup::small(seed) }
}

/// What two runs must have in common.
fn gist(outcome: &Outcome) -> (Digest, u64, u64, String) {
    (outcome.digest, outcome.events, outcome.writes, format!("{outcome:?}"))
}

fn run(plan: &Plan) -> Outcome {
    Simulation::new(plan.clone()).run()
}

fn recorded(plan: &Plan) -> (Outcome, Recording) {
    Simulation::with_recorder(plan.clone(), Recording::new()).run_recorded()
}

#[test]
fn a_run_repeats() {
    let mut digests = Vec::new();
    for seed in SEEDS {
        let plan = crate::plans::plan(&setup(seed));
        let first = run(&plan);
        assert_eq!(gist(&first), gist(&run(&plan)), "seed {seed}");
        digests.push(first.digest.value());
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len() as u64, SEEDS.end, "different seeds give different runs");
}

/// Running in steps, with a look at everything after each, is the same run.
#[test]
fn steps_do_not_matter() {
    for seed in SEEDS {
        let plan = crate::plans::plan(&setup(seed));
        let whole = run(&plan);
        let mut simulation = Simulation::new(plan.clone());
        let mut until = plan.start;
        while until < plan.start + plan.duration {
            until += SimDuration::from_millis(7_531);
            simulation.run_until(until).expect("no limit is reached");
            assert!(simulation.cluster().pods().iter().count() <= simulation.cluster().pods().peak() as usize);
        }
        assert_eq!(gist(&simulation.run()), gist(&whole), "seed {seed}");
    }
}

#[test]
fn recording_changes_nothing() {
    for seed in SEEDS {
        let plan = crate::plans::plan(&setup(seed));
        let (outcome, recording) = recorded(&plan);
        assert_eq!(gist(&outcome), gist(&run(&plan)), "seed {seed}");
        assert!(recording.facts().len() > 1_000 && recording.samples().len() > 400);
        assert!(recording.facts().is_sorted_by_key(|&(at, _)| at), "facts come in the order of time");
    }
}

#[test]
fn the_sample_interval_does_not_matter() {
    for seed in SEEDS {
        let mut plan = crate::plans::plan(&setup(seed));
        let (often, fine) = {
            plan.output.sample_every = Some(SimDuration::from_millis(1_700));
            recorded(&plan)
        };
        plan.output.sample_every = Some(SimDuration::from_secs(611));
        let (rarely, coarse) = recorded(&plan);
        assert_eq!(gist(&often), gist(&rarely), "seed {seed}");
        assert!(fine.samples().len() > coarse.samples().len() * 100);
        assert_eq!(fine.facts().len(), coarse.facts().len());
    }
}

#[test]
fn both_evaluators_decide_alike() {
    for seed in SEEDS {
        let mut plan = crate::plans::plan(&Setup { nodes: 30, pods: 300, ..setup(seed) });
        let columns = run(&plan);
        assert!(columns.counters.scheduling_attempts > 200);
        plan.control_plane.scheduler.evaluator = Evaluator::Scan;
        assert_eq!(gist(&run(&plan)), gist(&columns), "seed {seed}");
    }
}

#[test]
fn threads_do_not_matter() {
    let one: Vec<_> = SEEDS.map(|seed| gist(&run(&crate::plans::plan(&setup(seed))))).collect();
    let many: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> =
            SEEDS.map(|seed| scope.spawn(move || gist(&run(&crate::plans::plan(&setup(seed)))))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a run ends")).collect()
    });
    assert_eq!(one, many);
}

/// Who a process is: the pod's name, the container, which run of it.
type Process = (String, u16, u32);

/// When pods came, and how long their main containers ran.
#[derive(Default)]
struct Lives {
    created: BTreeMap<String, SimTime>,
    runs: BTreeMap<Process, (SimDuration, i32)>,
}

fn lives(plan: &Plan) -> Lives {
    let (_, recording) = recorded(plan);
    let mut lives = Lives::default();
    let mut began: BTreeMap<(PodUid, u16), (SimTime, u32)> = BTreeMap::new();
    let name = |uid: PodUid| {
        let record = &recording.pods()[uid];
        plan.workloads[record.workload].pod_name(&plan.strings, record.ordinal)
    };
    for &(at, fact) in recording.facts() {
        match fact {
            Fact::PodCreated(uid) => drop(lives.created.insert(name(uid), at)),
            Fact::Container { pod, container, state, restarts } => {
                let template = &plan.templates[recording.pods()[pod].template];
                if template.containers[usize::from(container)].role != Role::Main {
                    continue;
                }
                match state {
                    ContainerState::Running { .. } => drop(began.insert((pod, container), (at, restarts))),
                    ContainerState::Terminated(end) => {
                        if let Some((start, restarts)) = began.remove(&(pod, container)) {
                            lives.runs.insert((name(pod), container, restarts), (at - start, end.exit_code));
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    lives
}

/// A plan in which processes end by themselves only.
fn undisturbed(seed: u64) -> Plan {
    let mut plan = crate::plans::plan(&Setup { faults: 0, changes: 0, gc_threshold: 0, ..setup(seed) });
    plan.traffic.clear();
    // Nor is anybody evicted for others.
    plan.classes.iter_mut().for_each(|class| class.priority = 0);
    let calm = |template: &PodTemplate| {
        let mut template = template.clone();
        template.active_deadline_seconds = None;
        for container in &mut template.containers {
            (container.startup_probe, container.readiness_probe, container.liveness_probe) = (None, None, None);
            container.post_start = None;
        }
        template
    };
    plan.templates = plan.templates.iter().map(calm).collect();
    for arrival in &mut plan.arrivals {
        if let ArrivalSource::Trace(rows) = &mut arrival.source {
            *rows = rows.iter().map(|row| TraceRow { delete_at: SimTime::NEVER, ..*row }).collect();
        }
    }
    plan
}

fn assert_same_lives(a: &Lives, b: &Lives, what: &str) {
    for (name, at) in &a.created {
        assert_eq!(b.created.get(name), Some(at), "{what}: {name} comes at another time");
    }
    let mut common = 0;
    for (process, run) in &a.runs {
        let Some(other) = b.runs.get(process) else { continue };
        common += 1;
        assert_eq!(run, other, "{what}: {process:?} does something else");
    }
    assert!(common > 100, "{what}: {common} runs of processes in common");
}

#[test]
fn another_workload_changes_no_other_life() {
    for seed in SEEDS {
        let plan = undisturbed(seed);
        let mut more = plan.clone();
        let name = more.strings.intern("newcomer");
        let workload =
            more.workloads.push(Workload { namespace: known_default(), name, naming: Naming::Numbered { width: 1 } });
        let template = more.pods[1].template;
        let source = ArrivalSource::Generated {
            templates: Box::new([template]),
            weights: Box::default(),
            process: ArrivalProcess::Every(SimDuration::from_secs(31)),
            from: more.start,
            until: more.start + more.duration,
            count: Some(60),
        };
        // First in the list, so that everything else moves.
        more.arrivals.insert(0, ArrivalPlan { workload, source, ttl_after_finished: None });
        let (alone, together) = (lives(&plan), lives(&more));
        assert_eq!(together.created.len(), alone.created.len() + 60);
        assert_same_lives(&alone, &together, &format!("seed {seed}"));
    }
}

#[test]
fn another_number_of_nodes_changes_no_life() {
    for seed in SEEDS {
        let plan = undisturbed(seed);
        let mut more = plan.clone();
        for number in 0..9 {
            let name = more.strings.intern(&format!("extra-{number}"));
            let shape = more.nodes[number].shape;
            more.nodes.insert(number * 2, NodePlan { name, shape });
        }
        assert_same_lives(&lives(&plan), &lives(&more), &format!("seed {seed}"));
    }
}

#[test]
fn another_order_of_workloads_changes_no_life() {
    for seed in SEEDS {
        let plan = undisturbed(seed);
        let mut turned = plan.clone();
        turned.arrivals.reverse();
        turned.pods.reverse();
        assert_same_lives(&lives(&plan), &lives(&turned), &format!("seed {seed}"));
    }
}

const fn known_default() -> StrId {
    podsim::model::strings::known::DEFAULT
}

/// A folder of this test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("determinism").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.parent().expect("it has one")).expect("a folder for tests");
    folder
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder of results") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(folder).expect("it is below").to_owned();
                found.insert(inside, std::fs::read(&path).expect("a readable file"));
            }
        }
    }
    found
}

#[test]
fn two_runs_write_the_same_bytes() {
    let mut plan = crate::plans::plan(&setup(3));
    plan.name = "twice".to_owned();
    let write = |name: &str| {
        let (outcome, recording) = recorded(&plan);
        let ctx = podsim::export::Context { plan: &plan, outcome: &outcome, recording: &recording, ignored: &[] };
        let folder = folder(name);
        let written = podsim::export::write_all(&folder, &ctx).expect("results are written");
        assert!(written.len() > 8, "{written:?}");
        files(&folder)
    };
    let (first, second) = (write("first"), write("second"));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(second[name] == *bytes, "{} differs", name.display());
    }
}

fn podsim(args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    let output = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("podsim starts");
    let text = |bytes| String::from_utf8(bytes).expect("podsim writes UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.code().is_some_and(|code| code <= 1), "{args:?}: {stdout}{stderr}");
    (stdout, stderr)
}

/// Many seeds in one go give what each gives alone.
#[test]
fn many_seeds_are_many_single_runs() {
    let scenario = "scenarios/hello.toml";
    let args = ["run", scenario, "--seeds", "1..4", "--no-output", "--no-progress", "--summary", "json"];
    let (stdout, stderr) = podsim(&args);
    assert_eq!(podsim(&args).0, stdout, "many seeds twice");
    let many: serde_json::Value = serde_json::from_str(&stdout).expect("a JSON summary");
    let mut digests = Vec::new();
    let mut ready = Vec::new();
    for seed in 1..=4_u64 {
        let mut plan = podsim::scenario::load(Path::new(scenario), &[]).plan.expect("a plan");
        plan.seed = seed;
        let outcome = run(&plan);
        digests.push(format!("seed {seed}: digest {},", outcome.digest));
        ready.push(outcome.metrics["ready_seconds_mean"]);
    }
    for digest in &digests {
        assert!(stderr.contains(digest.as_str()), "{digest} is not in:\n{stderr}");
    }
    let metric = &many["metrics"]["ready_seconds_mean"];
    let least = ready.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!((metric["runs"].as_u64(), metric["min"].as_f64()), (Some(4), Some(least)));
}

/// `--check` runs side by side and compares after every event.
#[test]
fn the_command_checks_itself() {
    let scenario = "scenarios/user-msvc.toml";
    let (_, stderr) = podsim(&["run", scenario, "--check", "--no-output", "--no-progress", "--summary", "none"]);
    assert!(stderr.contains("checked: two more runs agree after each of"), "{stderr}");
    let plan = podsim::scenario::load(Path::new(scenario), &[]).plan.expect("a plan");
    // The digest that the command prints is the library's.
    assert!(stderr.contains(&run(&plan).digest.to_string()), "{stderr}");
}
