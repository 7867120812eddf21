//! What the files look like inside: columns, keys, slices, and that the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::export_support::{Run, big, day};
use podsim::export::{terminal, verdicts, write_all};
use serde_json::Value;

fn written(run: &Run, name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("formats-{name}"));
    write_all(&dir, &run.context()).unwrap();
    dir
}

/// As [`written`], without the charts, which take most of the time.
fn unillustrated(mut run: Run, name: &str) -> PathBuf {
    run.plan.output.charts = false;
    written(&run, name)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every file below a folder, by its path in it.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            files.extend(contents(&path).into_iter().map(|(inner, bytes)| (name.join(inner), bytes)));
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (a, b) = (written(&day::run(), "same-a"), written(&day::run(), "same-b"));
    let (a, b) = (contents(&a), contents(&b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    assert_eq!(a.len(), 13);
    for (path, bytes) in &a {
        assert!(bytes == &b[path], "{} differs", path.display());
    }
}

#[test]
fn nothing_is_drawn_that_was_not_asked_for() {
    let mut run = day::run();
    (run.plan.output.charts, run.plan.output.events, run.plan.output.trace) = (false, false, false);
    let names: Vec<_> = contents(&written(&run, "few")).into_keys().collect();
    assert_eq!(names, ["pods.csv", "summary.json", "timeseries.csv"].map(PathBuf::from));
}

#[test]
fn the_pod_table_has_a_row_for_every_pod() {
    let text = fs::read_to_string(unillustrated(day::run(), "pods").join("pods.csv")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "namespace,name,uid,workload,node,created_s,scheduled_s,started_s,ready_s,finished_s,deleted_s,removed_s,lost_s,\
         phase,reason,restarts,wait_s,failed_attempts,exit_codes,cpu_throttled_s"
    );
    assert_eq!(lines.len(), 6);
    assert_eq!(
        lines[1],
        "default,user-msvc,0,user-msvc,worker-1,0.020,0.050,10.000,40.000,,56152.000,,55800.000,Running,,24,0.030,0,\
         api=2 cache=1,0.000"
    );
    assert_eq!(lines[4], "default,huge,3,huge,,32400.000,,,,,,,,Pending,,0,,30,,0.000");
    assert!(lines[5].ends_with(",Succeeded,,0,0.050,0,front=0,1.500"), "{}", lines[5]);
}

#[test]
fn the_time_series_has_units_in_its_columns() {
    let text = fs::read_to_string(unillustrated(day::run(), "series").join("timeseries.csv")).unwrap();
    assert_eq!(
        text.lines().next().unwrap(),
        "t_s,time,nodes,nodes_ready,cpu_allocatable_cores,cpu_requested_cores,cpu_used_cores,memory_allocatable_bytes,\
         memory_requested_bytes,memory_used_bytes,ephemeral_storage_allocatable_bytes,ephemeral_storage_requested_bytes,\
         pods_pending,pods_unscheduled,pods_starting,pods_running,pods_ready,pods_succeeded,pods_failed,pods_terminating,\
         pods_created_total,pods_bound_total,restarts_total,default/user-msvc:endpoints_ready,\
         default/user-msvc:rate_per_s,default/user-msvc:served_requests_total,default/user-msvc:failed_requests_total,\
         default/front:endpoints_ready,default/front:rate_per_s,default/front:served_requests_total,\
         default/front:failed_requests_total"
    );
    assert_eq!(text.lines().count(), 482);
    let large = fs::read_to_string(unillustrated(big::run(50, 5), "extended").join("timeseries.csv")).unwrap();
    assert!(large.lines().next().unwrap().ends_with(",nvidia.com/gpu_allocatable,nvidia.com/gpu_requested"));
}

#[test]
fn every_event_is_an_object_with_a_time_and_a_kind() {
    let facts = day::run().recording.facts().len();
    let text = fs::read_to_string(unillustrated(day::run(), "events").join("events.jsonl")).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), facts);
    let mut last = 0;
    for event in &events {
        let at = event["t_ns"].as_i64().unwrap();
        assert!(at >= last, "{event}");
        last = at;
        assert!(event["time"].as_str().unwrap().ends_with('Z') && event["kind"].is_string(), "{event}");
    }
    let lost = events.iter().find(|e| e["kind"] == "NodeCrashed").unwrap();
    assert_eq!((lost["time"].as_str(), lost["node"].as_str()), (Some("2026-03-02T21:30:00.000Z"), Some("worker-1")));
    let crash = events.iter().find(|e| e["state"] == "Terminated").unwrap();
    assert_eq!(
        serde_json::to_string(crash).unwrap(),
        r#"{"container":"cache","exit_code":1,"finished_at":"2026-03-02T08:12:00Z","kind":"Container","pod":"default/user-msvc","reason":"Error","restarts":0,"signal":0,"started_at":"2026-03-02T08:12:00Z","state":"Terminated","t_ns":7920000000000,"time":"2026-03-02T08:12:00.000Z","uid":0}"#
    );
}

#[test]
fn the_summary_has_a_version_units_and_verdicts() {
    let run = day::run();
    let summary = json(&written(&run, "summary").join("summary.json"));
    assert_eq!(summary["schema_version"], 1);
    assert_eq!(summary["digest"], run.outcome.digest.to_string());
    assert_eq!(summary["passed"], false);
    assert_eq!(summary["stopped"]["reason"], "duration");
    assert_eq!(summary["stopped"]["after_seconds"], 86_400.0);
    assert_eq!(summary["expectations"][1]["passed"], false);
    assert_eq!(summary["expectations"][2]["value"], Value::Null);
    assert_eq!(summary["resources"][0]["unit"], "cores");
    assert_eq!(summary["pods_at_end"].as_array().unwrap().len(), 4);
    assert_eq!(summary["ignored_fields"][1]["count"], 2);
    let sentence = summary["lost_pods"][0]["sentence"].as_str().unwrap();
    assert_eq!(
        sentence,
        "Pod user-msvc was lost with node worker-1 at 21:30: a bare Pod is mortal, nothing recreates it; use a Deployment"
    );
    let keys: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "counters",
            "digest",
            "events",
            "expectations",
            "files",
            "generator",
            "ignored_fields",
            "lost_pods",
            "metrics",
            "notes",
            "passed",
            "pending_at_end",
            "pods_at_end",
            "pods_at_end_total",
            "ready_seconds",
            "resources",
            "scenario",
            "schema_version",
            "services",
            "stopped",
            "wait_seconds",
            "writes"
        ]
    );
    assert_eq!(summary["files"].as_array().unwrap().len(), 12);
}

/// Slices of each thread: (start, end, name), in the order of the file.
type Threads = BTreeMap<(i64, i64), Vec<(i64, i64, String)>>;

fn threads(trace: &Value) -> Threads {
    let mut threads = Threads::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        let int = |key: &str| event[key].as_i64().unwrap();
        match event["ph"].as_str().unwrap() {
            "X" => {
                assert!(int("dur") > 0 && int("ts") >= 0, "{event}");
                let slice = (int("ts"), int("ts") + int("dur"), event["name"].as_str().unwrap().to_owned());
                threads.entry((int("pid"), int("tid"))).or_default().push(slice);
            }
            "i" => assert!(["t", "p", "g"].contains(&event["s"].as_str().unwrap()) && int("tid") > 0, "{event}"),
            "C" => assert!(event["args"].as_object().unwrap().values().all(Value::is_number), "{event}"),
            "M" => assert!(event["args"].is_object(), "{event}"),
            other => panic!("an unpaired kind of event: {other}"),
        }
    }
    threads
}

/// Slices of a thread lie within each other or apart; an outer one comes first.
fn assert_nested(threads: &Threads) {
    for (thread, slices) in threads {
        let mut sorted = slices.clone();
        sorted.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut open: Vec<i64> = Vec::new();
        for (start, end, name) in sorted {
            open.retain(|until| *until > start);
            assert!(open.iter().all(|until| end <= *until), "{thread:?}: {name} outlives what it is in");
            open.push(end);
        }
    }
}

#[test]
fn the_trace_is_made_of_nested_slices_on_named_threads() {
    let trace = json(&unillustrated(day::run(), "trace").join("trace.json"));
    let threads = threads(&trace);
    assert_nested(&threads);
    let named = |what: &str| -> BTreeMap<(i64, i64), String> {
        let events = trace["traceEvents"].as_array().unwrap().iter().filter(|e| e["name"] == what);
        let id = |e: &Value| (e["pid"].as_i64().unwrap(), e["tid"].as_i64().unwrap_or(0));
        events.map(|e| (id(e), e["args"]["name"].as_str().unwrap().to_owned())).collect()
    };
    let processes: Vec<_> = named("process_name").into_values().collect();
    assert_eq!(processes[..3], ["cluster", "pending: pods without a node", "node worker-0"]);
    let names = named("thread_name");
    assert!(threads.keys().all(|thread| names.contains_key(thread)));
    let api = names.iter().find(|(_, name)| *name == "default/user-msvc · api").unwrap().0;
    let states: Vec<_> = threads[api].iter().map(|(_, _, name)| name.as_str()).collect();
    assert!(states.contains(&"Waiting: CrashLoopBackOff") && states.contains(&"Terminated: Error (exit 2)"));
    assert_eq!(states.last(), Some(&"Lost with its node"));
    let waiting = names.iter().find(|((pid, _), name)| *pid == 2 && *name == "default/huge").unwrap().0;
    assert_eq!(threads[waiting][0].1, 86_400_000_000, "a pod that never finds a node waits to the end");
}

#[test]
fn pods_of_a_large_cluster_share_threads() {
    let trace = json(&unillustrated(big::run(600, 4), "slots").join("trace.json"));
    let threads = threads(&trace);
    assert_nested(&threads);
    assert!(threads.len() < 500, "{}", threads.len());
}

#[test]
fn charts_have_titles_axes_and_a_legend() {
    let dir = written(&day::run(), "charts").join("charts");
    for (chart, texts) in [
        ("lives", ["The life of each container", "CrashLoopBackOff", "node lost", "21 restarts, lost", "worker-1"]),
        ("services", ["Requests served and failed", "requests/s", "failed", "06:00", "3 Mar"]),
        ("pods", ["Pods by phase", "Running, ready", "Pending, no node", "12:00", "UTC, from 2 Mar 2026"]),
        (
            "resources",
            ["CPU, cores", "Memory, GiB", "allocatable on ready nodes", "used", "node of pod user-msvc crashes"],
        ),
    ] {
        let svg = fs::read_to_string(dir.join(format!("{chart}.svg"))).unwrap();
        assert!(svg.starts_with(r#"<svg width="960" height=""#), "{}", &svg[..80]);
        assert!(svg.trim_end().ends_with("</svg>"));
        for text in texts {
            assert!(svg.contains(text), "{chart}: {text}");
        }
        let png = png::Decoder::new(std::io::Cursor::new(fs::read(dir.join(format!("{chart}.png"))).unwrap()));
        let size = png.read_info().unwrap().info().size();
        assert_eq!(size.0, 1920);
        assert!(svg.contains(&format!(r#"height="{}" role"#, size.1 / 2)), "{chart}: both formats have one size");
    }
}

#[test]
fn the_terminal_says_what_matters() {
    let run = day::run();
    let style = terminal::Style { colour: false, folder: Some(Path::new("outputs/x")), command: "podsim run x.toml" };
    let text = terminal::summary(&run.context(), &style);
    for part in [
        "user-msvc  podsim 0.1.0 · seed 42 · digest ",
        "  ✓ wait_seconds_p99 ",
        "  ✗ requests_failed_share ",
        "is not a metric of this run",
        "5 created, 4 placed, 3 started, 1 succeeded, 0 failed, 1 lost, 1 pending at the end",
        "1 × 0/5 nodes are available: 5 Insufficient memory.",
        "! Pod user-msvc was lost with node worker-1 at 21:30: a bare Pod is mortal",
        "! 1 pod (20.0 %) still had no node at the end",
        "Again       podsim run x.toml",
        "user-msvc        0/3     Terminating   24 (11h ago)   24h   10.244.1.2   worker-1\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains('\x1b') && text.lines().all(|line| line == line.trim_end()));
    let coloured = terminal::summary(&run.context(), &terminal::Style { colour: true, ..style });
    assert!(coloured.contains("\x1b[31m✗\x1b[0m"));
    assert_eq!(verdicts(&run.plan, &run.outcome).iter().filter(|v| v.passed).count(), 1);
}

#[test]
fn a_run_that_placed_nothing_never_looks_like_success() {
    let mut run = day::run();
    run.outcome.counters.pods_bound = 0;
    let text = terminal::summary(&run.context(), &terminal::Style::default());
    assert!(text.contains("no pod was ever placed on a node"), "{text}");
    run.outcome.counters.pods_created = 0;
    let text = terminal::summary(&run.context(), &terminal::Style::default());
    assert!(text.contains("no pod was ever created"), "{text}");
}

#[test]
fn a_run_without_anything_can_be_written() {
    use crate::export_support::{Builder, seconds};
    let empty = Builder::new("empty", podsim::base::SimTime(0), seconds(0.0));
    let outcome = empty.outcome();
    let run = empty.finish(outcome, Vec::new());
    let files = contents(&written(&run, "empty"));
    assert!(files.len() == 5, "{:?}", files.keys());
    assert!(terminal::summary(&run.context(), &terminal::Style::default()).contains("no pod was ever created"));
}

#[test]
fn errors_name_the_path() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("a-file");
    fs::write(&file, "x").unwrap();
    let run = big::run(5, 1);
    let message = write_all(&file.join("run"), &run.context()).unwrap_err().to_string();
    assert!(message.contains("a-file"), "{message}");
}
