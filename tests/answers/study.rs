//! `podsim study`, as a user runs it: points against brute force, shards, threads and kills that leave no trace in the results,
//! wrong files that are explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use podsim::base::statistics::Moments;
use podsim::scenario;
use podsim::sim::Simulation;

const SCENARIO: &str = r#"
[scenario]
duration = "20m"
[[node_pool]]
name = "node"
count = 1
capacity = { cpu = "1", memory = "4Gi" }
[[arrivals]]
name = "job"
template = { cpu = "300m", memory = "64Mi" }
rate = "60/h"
[[behavior]]
select = { name = "job" }
run = { exp = "2m" }
"#;

const STUDY: &str = r#"
[study]
scenario = "cluster.toml"
seeds = "1..25"
metrics = ["wait_seconds_mean", "pods_pending_peak"]
[grid]
"node_pool.0.count" = [1, 2, 3]
"behavior.0.run" = ["1m", "90s"]
[random]
samples = 2
seed = 5
"arrivals.0.rate" = { uniform = ["30/h", "120/h"] }
"#;

/// A folder that is gone at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("podsim-study-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("a folder");
        fs::write(root.join("cluster.toml"), SCENARIO).expect("a file");
        fs::write(root.join("study.toml"), STUDY).expect("a file");
        Self(root)
    }

    fn study(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
        command.arg("study").args(args).current_dir(&self.0).stdin(Stdio::null());
        for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.study(args).output().expect("podsim runs")
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All files of a folder but the journal, whose rows stand in the order in which they were done.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for sub in ["", "charts"] {
        for entry in fs::read_dir(folder.join(sub)).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let name = entry.strip_prefix(folder).expect("below").display().to_string();
            if entry.is_file() && name != "journal.csv" {
                found.push((name, fs::read(&entry).expect("a file")));
            }
        }
    }
    found.sort();
    assert!(found.iter().any(|(name, _)| name == "summary.json") && found.len() >= 5, "{}", found.len());
    found
}

fn same(place: &Place, left: &str, right: &str) {
    let (left, right) = (files(&place.0.join(left)), files(&place.0.join(right)));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&left), names(&right));
    for ((name, left), (_, right)) in left.iter().zip(&right) {
        assert!(left == right, "{name} differs");
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).expect("a text").lines().map(str::to_owned).collect()
}

#[test]
fn points_are_what_the_same_overrides_give() {
    let place = Place::new("brute");
    let told = place.done(&["study.toml", "-o", "out"]);
    assert!(
        told.starts_with("study: 300 runs, 12 points with 25 seeds; the mean of wait_seconds_mean goes from "),
        "{told}"
    );
    let results = lines(&place.0.join("out/results.csv"));
    let columns: Vec<&str> = results[0].split(',').collect();
    let head = "point,node_pool.0.count,behavior.0.run_seconds,arrivals.0.rate_per_second,seed,digest,ended";
    assert!(results[0].starts_with(head), "{}", results[0]);
    assert_eq!(results.len(), 301);
    let digest = columns.iter().position(|name| *name == "digest").expect("a column");
    for line in results[1..].iter().step_by(41) {
        let cells: Vec<&str> = line.split(',').collect();
        let overrides = [
            format!("node_pool.0.count={}", cells[1]),
            format!("behavior.0.run={}s", cells[2]),
            format!("arrivals.0.rate={}/s", cells[3]),
            format!("scenario.seed={}", cells[4]),
        ];
        let rate: f64 = cells[3].parse().expect("a number");
        assert!((30.0 / 3600.0..=120.0 / 3600.0).contains(&rate), "{rate}");
        let loaded = scenario::load(&place.0.join("cluster.toml"), &overrides);
        let outcome = Simulation::new(loaded.plan.expect("a plan")).run();
        assert_eq!(outcome.digest.to_string(), cells[digest], "{overrides:?}");
        for (name, value) in columns.iter().zip(&cells).skip(digest + 4) {
            assert_eq!(outcome.metrics[name].to_string(), **value, "{name} of {overrides:?}");
        }
    }
    // Sorted by point and seed.
    let keys: Vec<(u32, u32)> = results[1..]
        .iter()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|cells| (cells[0].parse().expect("a point"), cells[4].parse().expect("a seed")))
        .collect();
    assert!(keys.is_sorted() && keys.iter().collect::<BTreeSet<_>>().len() == 300);
}

#[test]
fn neither_threads_nor_shards_leave_a_trace() {
    let place = Place::new("shards");
    let one = place.done(&["study.toml", "-o", "one", "--threads", "1"]);
    assert_eq!(one, place.done(&["study.toml", "-o", "three", "--threads", "3"]));
    same(&place, "one", "three");
    for shard in 0..3 {
        place.done(&["study.toml", "-o", &format!("part-{shard}"), "--shard", &format!("{shard}/3")]);
    }
    let incomplete = place.run(&["merge", "part-0", "part-2", "-o", "half"]);
    let said = String::from_utf8_lossy(&incomplete.stderr).into_owned();
    assert!(incomplete.status.code() == Some(2) && said.contains("100 of 300 runs are missing"), "{said}");
    assert!(said.contains("`--shard` 1/3"), "{said}");
    assert_eq!(one, place.done(&["merge", "part-2", "part-0", "part-1", "part-1", "-o", "merged"]));
    same(&place, "one", "merged");
    // The jobs of an array and of an Indexed Job find their numbers themselves.
    for (name, env) in [
        ("slurm", vec![("SLURM_ARRAY_TASK_ID", "6"), ("SLURM_ARRAY_TASK_MIN", "5"), ("SLURM_ARRAY_TASK_COUNT", "3")]),
        ("job", vec![("JOB_COMPLETION_INDEX", "1")]),
    ] {
        let args: &[&str] = &["study.toml", "-o", name, "--shards", "3", "--threads", "1"];
        let output = place.study(args).envs(env).output().expect("podsim runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sorted =
            |folder: &str| lines(&place.0.join(folder).join("journal.csv")).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(sorted(name), sorted("part-1"));
    }
}

/// SIGKILL, 20 times, each after some more rows and some more milliseconds: nothing is lost, nothing is there twice, and the
/// results are those of a run that nobody disturbed.
#[test]
fn kills_leave_no_trace() {
    let place = Place::new("kills");
    // More runs than any machine makes between 20 starts and kills.
    fs::write(place.0.join("study.toml"), STUDY.replace("1..25", "1..250")).expect("a file");
    place.done(&["study.toml", "-o", "calm"]);
    let journal = place.0.join("killed/journal.csv");
    let rows = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count().saturating_sub(3));
    let (mut kills, mut random, mut kept) = (0, 12_345_u64, 0);
    while kills < 20 {
        let mut child = place
            .study(&["study.toml", "-o", "killed", "--resume", "--threads", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("podsim runs");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wanted = kept + usize::try_from(random >> 61).expect("below 8");
        let mut over = false;
        while rows() < wanted && !over {
            over = child.try_wait().expect("a child").is_some();
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(random >> 32 & 0xfff));
        // On Unix this is SIGKILL.
        child.kill().expect("a child");
        let status = child.wait().expect("a child");
        assert!(!status.success(), "the study is over after {kills} kills: it is too small for this test");
        kills += 1;
        assert!(rows() >= kept, "a kill has lost rows");
        kept = rows();
    }
    assert!((20..3000).contains(&kept), "{kept} rows before the last start");
    // And a line that a full disk or a power cut has torn.
    let whole = fs::read_to_string(&journal).expect("a journal");
    let last = whole.lines().last().expect("a line");
    fs::write(&journal, format!("{}\n{}", whole.trim_end(), &last[..last.len() / 2])).expect("a journal");
    place.done(&["study.toml", "-o", "killed", "--resume"]);
    same(&place, "calm", "killed");
    let all = lines(&journal);
    let runs: Vec<(String, String)> = all[3..]
        .iter()
        .map(|line| line.split(',').take(2).map(str::to_owned).collect::<Vec<_>>())
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    assert_eq!(runs.len(), 3000);
    assert_eq!(runs.iter().collect::<BTreeSet<_>>().len(), 3000, "no run is there twice");
    // What is complete stays so.
    let before = fs::read(&journal).expect("a journal");
    place.done(&["study.toml", "-o", "killed", "--resume"]);
    assert_eq!(before, fs::read(&journal).expect("a journal"));
}

#[test]
fn a_journal_is_not_mixed_with_another_study() {
    let place = Place::new("mixed");
    place.done(&["study.toml", "-o", "out"]);
    let refused = |args: &[&str], part: &str| {
        let output = place.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(part), "{args:?}: {said}");
    };
    refused(&["study.toml", "-o", "out"], "go on with it by --resume, begin anew with --force");
    refused(&["study.toml", "-o", "out", "--resume", "--shard", "0/2"], "is of shard 0/1, not of 0/2");
    fs::write(place.0.join("cluster.toml"), SCENARIO.replace("4Gi", "5Gi")).expect("a file");
    refused(&["study.toml", "-o", "out", "--resume"], "has changed since");
    place.done(&["study.toml", "-o", "out", "--force"]);
    fs::write(place.0.join("out/journal.csv"), "mine\n").expect("a file");
    refused(&["study.toml", "-o", "out", "--resume"], "is no journal of a study");
}

/// Arrivals at 60 an hour for 20 minutes: the number of pods is Poisson with the mean 20. Of the 95 % confidence intervals of 100
/// samples of ten seeds each as many hold it as should, within four deviations of the binomial distribution.
#[test]
fn intervals_of_a_model_with_a_known_mean_cover_it() {
    let place = Place::new("coverage");
    let study = "[study]\nscenario = \"cluster.toml\"\nseeds = \"1..1000\"\nmetrics = [\"pods_created\"]\n\
                 set = { \"node_pool.0.capacity.cpu\" = \"64\" }\n";
    fs::write(place.0.join("study.toml"), study).expect("a file");
    place.done(&["study.toml", "-o", "out"]);
    let results = lines(&place.0.join("out/results.csv"));
    let column = results[0].split(',').position(|name| name == "pods_created").expect("a column");
    let created: Vec<f64> = results[1..]
        .iter()
        .map(|line| line.split(',').nth(column).expect("a cell").parse().expect("a number"))
        .collect();
    assert_eq!(created.len(), 1000);
    let covered = created
        .chunks(10)
        .map(|sample| sample.iter().copied().collect::<Moments>().interval(0.95).expect("ten numbers"))
        .filter(|interval| interval.contains(20.0))
        .count();
    // 95 ± 4 * sqrt(100 * 0.95 * 0.05)
    assert!((87..=100).contains(&covered), "{covered} of 100 intervals hold the mean");
    let all: Moments = created.into_iter().collect();
    assert!((all.mean - 20.0).abs() < 4.0 * (20.0_f64 / 1000.0).sqrt(), "{}", all.mean);
    assert!((all.deviation() - 20.0_f64.sqrt()).abs() < 0.5, "{}", all.deviation());
}

#[test]
fn wrong_files_are_explained_in_their_place() {
    let place = Place::new("wrong");
    let head = "[study]\nscenario = \"cluster.toml\"\n";
    for (text, parts) in [
        ("[study]\n", &["PS2003", "study.toml:1:1", "add `scenario = "][..]),
        ("[study]\nscenario = \"none.toml\"\n", &["cannot read `none.toml`"]),
        ("[study]\nscenarios = \"x\"\n", &["PS2002", "study.toml:2:1", "did you mean `scenario`?"]),
        ("[grid\n", &["PS2001", "study.toml:1:"]),
        (&format!("{head}seeds = \"5\"\n"), &["`5` is not a range of seeds", "study.toml:3:9", "\"1..20\""]),
        (
            &format!("{head}metrics = [\"wait_second_p99\"]\n"),
            &["PS2021", "study.toml:3:12", "did you mean `wait_seconds_p99`?"],
        ),
        (&format!("{head}[grid]\n\"node_pool.0.count\" = 3\n"), &["PS2004", "study.toml:4:23", "[3, 4, 5]"]),
        (&format!("{head}[grid]\n\"node_pool.0.count\" = [3, 3]\n"), &["takes the value 3 twice", "study.toml:4:27"]),
        (
            &format!("{head}[grid]\n\"node_pool.0.cuont\" = [3]\n"),
            &["PS2002", "study.toml:4:14", "did you mean `count`?"],
        ),
        (&format!("{head}[grid]\n\"node_pool.0.count\" = [3, -4]\n"), &["PS2009", "study.toml:4:27"]),
        (&format!("{head}[grid]\n\"node_pool.7.count\" = [3]\n"), &["PS2024", "study.toml:4:12", "from 0 to 0"]),
        (&format!("{head}[grid]\nnodes = [3]\n"), &["`nodes` is no key of a scenario", "study.toml:4:1"]),
        (
            &format!("{head}[grid]\n\"node_pool.0.count\" = [3]\n[random]\nsamples = 3\n\"node_pool.0.count\" = [4]\n"),
            &["`node_pool.0.count` varies twice", "study.toml:7:1"],
        ),
        (&format!("{head}[random]\n\"node_pool.0.count\" = [3]\n"), &["PS2003", "`samples`"]),
        (
            &format!("{head}[random]\nsamples = 3\n\"node_pool.0.count\" = {{ uniform = [3, 5] }}\n"),
            &["PS2004", "study.toml:5:23", "a whole number"],
        ),
        (
            &format!("{head}[random]\nsamples = 3\n\"behavior.0.run\" = {{ uniform = [60, 90] }}\n"),
            &["PS2004", "study.toml:5:33", "an amount with its unit"],
        ),
        (
            &format!("{head}[random]\nsamples = 3\n\"node_pool.0.count\" = {{ whole = [5, 3] }}\n"),
            &["PS2028", "write the smaller bound first"],
        ),
        (&format!("{head}[[arm]]\nset = {{}}\n"), &["PS2003", "`name`", "study.toml:3:1"]),
        (
            &format!("{head}seeds = \"1..1000000\"\n[grid]\n\"node_pool.0.count\" = {{ from = 1, to = 1000 }}\n"),
            &["PS2035", "are more than 10000000 runs"],
        ),
    ] {
        fs::write(place.0.join("study.toml"), text).expect("a file");
        let output = place.run(&["study.toml", "-o", "out"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{text}\n{said}");
        for part in parts {
            assert!(said.contains(part), "`{part}` is missing for\n{text}\n{said}");
        }
        assert!(!place.0.join("out").exists(), "nothing is written for\n{text}");
    }
}

#[test]
fn shipped_studies_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/studies");
    let studies: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .filter(|path| fs::read_to_string(path).expect("a text").contains("[study]"))
        .collect();
    assert!(!studies.is_empty());
    for path in studies {
        if fs::read_to_string(&path).expect("a text").contains("$PODSIM_SHARED")
            && std::env::var_os("PODSIM_SHARED").is_none()
        {
            eprintln!("SKIPPED {}: PODSIM_SHARED is not set", path.display());
            continue;
        }
        let loaded = scenario::read_study(&path);
        assert!(loaded.study.is_some(), "{}", loaded.diagnostics.render(&loaded.sources, false));
    }
}
