//! The table of keys, the readers and the schema agree; whole scenarios compile to the plan that they describe.

use std::path::Path;

use super::*;
use crate::base::Distribution;
use crate::model::{Expander, ImageGc, PoolLimits, RunTime};
use crate::sim::plan::{ArrivalProcess, ArrivalSource, ChangeKind, Evaluator, FaultKind, Naming, NodeTarget};

/// Uses every section once and every way to write it.
const EVERYTHING: &str = include_str!("everything.toml");

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - {name: app, image: 'app:1', resources: {requests: {cpu: 10m}}, ports: [{name: http, containerPort: 8080}], volumeMounts: [{name: logs, mountPath: /var/log/app}]}
  - {name: reader, image: reader, volumeMounts: [{name: logs, mountPath: /logs}]}
  volumes: [{name: logs, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
";
const CONFIG: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}";
const NODES_CSV: &str = "sn,cpu_milli,memory_mib,gpu,model\nn-0,64000,262144,2,P100\nn-1,96000,1024,0,\n";
const PODS_CSV: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n\
    b,12000,16384,1,1000,,200,300\na,6000,12288,1,460,P100,100,\n";

fn files(path: &Path) -> io::Result<String> {
    match path.to_str().unwrap_or_default() {
        "web.yaml" => Ok(POD.to_owned()),
        "template.yaml" => Ok(POD.replace("web", "template")),
        "settings.yaml" => Ok(CONFIG.to_owned()),
        "load.csv" => Ok("seconds,per_second\n0,5\n60,7.5\n".to_owned()),
        "nodes.csv" => Ok(NODES_CSV.to_owned()),
        "pods.csv" => Ok(PODS_CSV.to_owned()),
        "own.csv" => Ok("name,at_seconds,cpu_milli,memory_mib,run_seconds\nx,5,100,64,2.5\n".to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn everything() -> (Loaded, Asked) {
    compile("everything.toml", EVERYTHING.to_owned(), PathBuf::new(), (&[], &[]), &files::Given(&files))
}

fn plan_of(loaded: Loaded) -> Plan {
    let short = loaded.diagnostics.render_short(&loaded.sources);
    assert!(loaded.diagnostics.is_empty(), "{short}");
    loaded.plan.expect("without errors there is a plan")
}

#[test]
fn readers_ask_for_exactly_the_listed_keys() {
    let (_, asked) = everything();
    let listed: Asked =
        spec::sections().iter().flat_map(|section| section.keys.iter().map(|key| (section.name, key.name))).collect();
    let unread: Vec<_> = listed.difference(&asked).collect();
    assert!(unread.is_empty(), "no reader asks for {unread:?}");
    let unlisted: Vec<_> = asked.difference(&listed).collect();
    assert!(unlisted.is_empty(), "read but not listed: {unlisted:?}");
}

#[test]
fn the_schema_has_exactly_the_listed_keys() {
    let schema = spec::schema::schema();
    for section in spec::sections() {
        let object = if section.name.is_empty() { &schema } else { &schema["definitions"][section.name] };
        let properties = object["properties"].as_object().expect("every section is an object");
        let mut in_schema: Vec<&str> = properties.keys().map(String::as_str).collect();
        let mut listed: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        in_schema.sort_unstable();
        listed.sort_unstable();
        assert_eq!(in_schema, listed, "[{}]", section.name);
    }
    let definitions = schema["definitions"].as_object().map_or(0, serde_json::Map::len);
    assert_eq!(definitions + 1, spec::sections().len());
}

#[test]
fn every_example_is_toml() {
    for section in spec::sections() {
        for key in section.keys {
            let text = format!("x = {}", key.example);
            assert!(toml::de::DeTable::parse(&text).is_ok(), "[{}] {text}", section.name);
        }
    }
}

#[test]
fn everything_compiles_to_what_it_says() {
    let plan = plan_of(everything().0);
    let text = |id| plan.strings.text(id);
    assert_eq!((plan.name.as_str(), plan.seed), ("everything", 9));
    assert_eq!(plan.start.rfc3339(), "2026-03-02T06:00:00Z");

    let node = |name: &str| plan.nodes.iter().find(|node| text(node.name) == name).map(|node| &plan.shapes[node.shape]);
    let gpu = node("gpu-00").expect("the pool's first node");
    assert_eq!((gpu.capacity.milli_cpu, gpu.allocatable.milli_cpu), (8000, 7500));
    assert_eq!(gpu.allocatable.memory, (32 << 30) - (1 << 30) - (500 << 20), "capacity, reserved, hard eviction");
    assert_eq!((gpu.max_pods, text(gpu.zone)), (50, "a"));
    assert_eq!(text(node("gpu-01").expect("the second node").zone), "b");
    assert_eq!(
        gpu.allocatable.scalar.iter().map(|&(name, n)| (text(name), n)).collect::<Vec<_>>(),
        [("nvidia.com/gpu", 4)]
    );
    assert_eq!(node("n-0").map(|shape| shape.capacity.milli_cpu), Some(64_000), "from the trace");

    // The web pod: a later behavior overrides the earlier one key by key.
    let web = &plan.templates[plan.pods[0].template];
    let app = &plan.behaviors[web.containers[0].behavior];
    assert_eq!(app.startup, Distribution::Uniform { min: 1.0, max: 2.0 });
    assert_eq!(app.run, RunTime::Drawn(Distribution::Constant(300.0)));
    assert_eq!(app.exit_codes.as_ref(), [(0, 9), (1, 1)]);
    assert_eq!(app.crash.as_ref().map(|crash| crash.after.clone()), Some(Distribution::Exponential { mean: 7200.0 }));
    assert!((app.memory.leak_per_second - 10.0 * 1_048_576.0 / 3600.0).abs() < 1.0);
    assert!((app.cpu.per_request - 0.5).abs() < 1e-12);
    let reader = &plan.behaviors[web.containers[1].behavior];
    assert_eq!(reader.run, RunTime::Forever);

    let sizes: Vec<_> = plan.images.iter().map(|image| (text(image.name), image.size_bytes)).collect();
    assert!(sizes.contains(&("app:1", 70_000_000)) && sizes.contains(&("reader", 100_000_000)), "{sizes:?}");

    let [generated, cycled, poisson, openb, own] = plan.arrivals.as_slice() else { panic!("five arrivals") };
    let ArrivalSource::Generated { templates, weights, process, count, .. } = &generated.source else { panic!() };
    assert_eq!((templates.len(), weights.as_ref(), *count), (2, [3, 1].as_slice(), Some(1000)));
    assert_eq!(*process, ArrivalProcess::Every(SimDuration::from_secs(30)));
    assert_eq!(plan.workloads[generated.workload].pod_name(&plan.strings, 7), "batch-0007");
    let swept = &plan.templates[templates[0]].containers[0];
    assert_eq!(plan.behaviors[swept.behavior].run, RunTime::Sweep { min: 600, span: 1201, stride: 7919 });
    assert!(matches!(&cycled.source, ArrivalSource::Generated { process: ArrivalProcess::Poisson(_), .. }));
    assert!(
        matches!(&poisson.source, ArrivalSource::Generated { process: ArrivalProcess::Poisson(c), .. } if c.points.len() == 2)
    );

    // The trace: sorted by time, names as recorded, times from `from` on.
    let ArrivalSource::Trace(rows) = &openb.source else { panic!("a trace") };
    let Naming::Listed(names) = &plan.workloads[openb.workload].naming else { panic!("names of the trace") };
    assert_eq!(names.iter().map(|name| text(*name)).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(rows[0].at.since(plan.start), SimDuration::from_secs(160));
    assert_eq!((rows[0].delete_at, rows[1].delete_at.since(plan.start)), (SimTime::NEVER, SimDuration::from_secs(360)));
    let ArrivalSource::Trace(rows) = &own.source else { panic!("a trace") };
    assert_eq!(rows[0].run, SimDuration::from_millis(2500));
    let traced = &plan.templates[rows[0].template].containers[0];
    assert_eq!(plan.behaviors[traced.behavior].run, RunTime::Trace);

    // 06:00 to 06:00; the curve is at its peak at 14:00, which is 8 h after the start.
    let diurnal = &plan.traffic[2].rate;
    let at = |hours: i64| diurnal.at(plan.start + SimDuration::from_secs(hours * 3600));
    assert_eq!(diurnal.points.len(), 288);
    assert!((at(8) - 200.0).abs() < 0.1 && (at(20) - 20.0).abs() < 0.1 && (at(2) - 110.0).abs() < 2.0);
    assert!((plan.traffic[3].rate.at(plan.start + SimDuration::from_secs(61)) - 7.5).abs() < 1e-12);

    assert!(matches!(plan.faults[0].kind, FaultKind::NodeCrash(NodeTarget::OfPod(_))));
    assert_eq!(plan.faults[0].at.rfc3339(), "2026-03-02T21:30:00Z");
    assert_eq!(plan.faults[1].at.since(plan.start), SimDuration::from_secs(5400));
    assert!(matches!(plan.faults[2].kind, FaultKind::Cordon(NodeTarget::Random { count: 2, .. })));
    assert!(matches!(plan.faults[6].kind, FaultKind::NodeShutdown(NodeTarget::Named(_))));
    assert!(matches!(plan.faults[7].kind, FaultKind::NoCapacity(_)));
    assert_eq!(plan.faults.len(), 8);
    let (hour, week) = (SimDuration::from_secs(3600), SimDuration::from_secs(7 * 86_400));
    let image_gc = ImageGc { high_percent: 70, low_percent: 60, min_age: hour, max_age: week };
    assert_eq!((plan.control_plane.image_gc, plan.control_plane.eviction.max_inodes), (image_gc, Some(1_000_000)));
    assert!(
        plan.behaviors
            .iter()
            .flat_map(|behavior| &behavior.writes)
            .any(|file| (file.files_per_second - 2.0).abs() < 1e-12)
    );
    assert_eq!(plan.control_plane.shutdown.iter().map(|group| group.grace_seconds).collect::<Vec<_>>(), [40, 20]);
    assert!(matches!(plan.changes[0].kind, ChangeKind::ApplyConfig(_)));
    assert!(matches!(plan.changes[2].kind, ChangeKind::DeletePod { grace_seconds: Some(0), .. }));
    assert!(matches!(plan.changes[8].kind, ChangeKind::ScalePool(_, 5)));
    assert!(matches!(plan.changes[9].kind, ChangeKind::UpgradePool(_, 0)));
    assert_eq!(plan.changes.len(), 10);

    let pool = plan.pools.iter().next().expect("a pool");
    assert_eq!((text(pool.name), pool.nodes.len(), pool.shapes.len(), pool.digits), ("gpu", 3, 2, 2));
    assert_eq!((pool.limits, pool.priority), (Some(PoolLimits { min: 1, max: 6 }), 10));
    assert_eq!(pool.boot, Some(Distribution::Uniform { min: 30.0, max: 60.0 }));
    let autoscaler = plan.autoscaler.as_ref().expect("a pool may grow");
    assert_eq!(*autoscaler.expanders, [Expander::Priority, Expander::LeastWaste]);
    assert_eq!((autoscaler.unneeded_time.whole_secs(), autoscaler.unready_time.whole_secs()), (300, 1200));
    assert_eq!((autoscaler.expendable_priority, autoscaler.max_nodes_total), (-5, 50));

    assert_eq!(plan.control_plane.scheduler.evaluator, Evaluator::Scan);
    assert_eq!(plan.control_plane.watch_kubelet, SimDuration::from_millis(50));
    assert_eq!(plan.control_plane.pleg_period, SimDuration::ZERO, "the preset");
    assert_eq!((plan.expects[0].max, plan.expects[1].min), (Some(30.0), Some(1.0)));
    assert!(!plan.output.charts && plan.output.events);
}

#[test]
fn overrides_are_judged_by_the_same_readers() {
    let read = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        from_text_with("everything.toml", EVERYTHING, &sets, &files::Given(&files))
    };
    let plan = plan_of(read(&[
        "scenario.seed=7",
        "node_pool.0.count=5",
        "scenario.duration=2d",
        "behavior.0.startup={ uniform = [\"3s\", \"4s\"] }",
        "output.sample_every=10s",
    ]));
    assert_eq!((plan.seed, plan.nodes.len()), (7, 5 + 2));
    assert_eq!(plan.duration, SimDuration::from_secs(2 * 86_400));
    let loaded = read(&["scenario.seed=-1"]);
    assert_eq!(loaded.diagnostics.render_short(&loaded.sources).split(": ").next(), Some("--set:1:15"));
    assert!(loaded.plan.is_none());
}

#[test]
fn nonsense_is_refused_and_never_panics() {
    let none = |_: &Path| -> io::Result<String> { Err(io::ErrorKind::NotFound.into()) };
    for text in
        ["", "\0", "[", "[[scenario]]", "scenario = 3", "[scenario]\nduration = 99999999999999999999", "a.b.c = 1"]
    {
        assert!(from_text("x.toml", text, &none).plan.is_none(), "{text:?}");
    }
    // Cut anywhere and with any line left out, it says something sensible or nothing.
    for end in (0..EVERYTHING.len()).filter(|end| EVERYTHING.is_char_boundary(*end)).step_by(7) {
        let loaded = from_text("x.toml", &EVERYTHING[..end], &files);
        let _ = loaded.diagnostics.render(&loaded.sources, true);
    }
    let lines: Vec<&str> = EVERYTHING.lines().collect();
    for skipped in 0..lines.len() {
        let text = lines.iter().enumerate().filter(|(line, _)| *line != skipped).map(|(_, line)| *line);
        let _ = from_text("x.toml", &text.collect::<Vec<_>>().join("\n"), &files);
    }
}
