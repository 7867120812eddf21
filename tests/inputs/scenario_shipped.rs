//! The scenarios that are shipped: they compile, and the broken one is told all its mistakes at once.

use std::path::{Path, PathBuf};

use podsim::model::ServiceType;
use podsim::scenario::{self, Loaded};
use podsim::sim::plan::{ArrivalSource, FaultKind, Plan};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

fn load(name: &str) -> Loaded {
    scenario::load(&path(name), &[])
}

fn plan(name: &str) -> Plan {
    let loaded = load(name);
    let shown = loaded.diagnostics.render(&loaded.sources, false);
    assert!(loaded.diagnostics.is_empty(), "{name}\n{shown}");
    loaded.plan.expect("a plan")
}

#[test]
fn every_scenario_names_its_schema_in_the_first_line() {
    let folder = std::fs::read_dir(path("")).expect("scenarios/");
    let mut count = 0;
    for entry in folder {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).expect("a text");
            assert!(text.starts_with("#:schema ./scenario.schema.json\n"), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 7);
}

#[test]
fn a_day_in_the_life_of_a_pod() {
    let plan = plan("user-msvc.toml");
    let text = |id| plan.strings.text(id);
    assert_eq!((plan.nodes.len(), plan.pods.len(), plan.config_contents.len()), (5, 3, 2));
    let zones: std::collections::BTreeSet<_> =
        plan.nodes.iter().map(|node| text(plan.shapes[node.shape].zone)).collect();
    assert_eq!(zones.len(), 3);
    let service = plan.services.iter().next().expect("a Service");
    assert_eq!((service.kind, service.load_balancer_ip.map(text)), (ServiceType::LoadBalancer, Some("203.0.113.10")));

    let pod = plan.pods.iter().find(|pod| text(plan.workloads[pod.workload].name) == "user-msvc").expect("the pod");
    let template = &plan.templates[pod.template];
    let names: Vec<_> = template.containers.iter().map(|container| text(container.name)).collect();
    assert_eq!(names, ["user-msvc", "cloudsql-proxy", "datadog-agent"]);
    let behavior = |index: usize| &plan.behaviors[template.containers[index].behavior];
    assert!(behavior(0).crash.is_some() && behavior(1).crash.is_none());
    assert_eq!(behavior(0).requires.iter().map(|name| text(*name)).collect::<Vec<_>>(), ["cloudsql-proxy"]);
    assert_eq!(behavior(2).reads.as_ref(), [Box::from("/var/log/monitor/user-msvc.log")]);
    assert_eq!(template.containers[0].env.len(), 2);

    let peak = plan.traffic[0].rate.points.iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("a curve");
    // Of the two equal steps beside the peak the later one is found.
    assert!(peak.0.rfc3339() == "2026-03-02T14:00:00Z" || peak.0.rfc3339() == "2026-03-02T13:55:00Z");
    assert!(matches!(plan.faults[2].kind, FaultKind::NodeCrash(_)) && plan.faults.len() == 3);
}

#[test]
fn small_and_large_ones_compile() {
    assert_eq!(plan("hello.toml").nodes.len(), 2);
    let w1 = plan("w1.toml");
    assert_eq!((w1.nodes.len(), w1.strings.text(w1.nodes[999].name)), (1000, "node-00999"));
    let shape = &w1.shapes[w1.nodes[0].shape];
    assert_eq!((shape.allocatable.milli_cpu, shape.allocatable.memory), (32_000, 128 << 30));
    let arrivals = &w1.arrivals[0];
    assert_eq!(w1.workloads[arrivals.workload].pod_name(&w1.strings, 42), "pod-0000042");
    let ArrivalSource::Generated { templates, .. } = &arrivals.source else { panic!("generated") };
    for (i, template) in templates.iter().enumerate() {
        let requests = &w1.classes[w1.templates[*template].class].requests;
        assert_eq!(requests.milli_cpu, [500, 1000, 2000, 4000][i % 4]);
        assert_eq!(requests.memory, [1_i64, 2, 4, 8][i / 4] << 30);
    }
}

/// Needs data that is not part of the project.
#[test]
fn scenarios_on_the_data_of_others_compile() {
    if std::env::var_os("PODSIM_SHARED").is_none() {
        return;
    }
    let openb = plan("openb.toml");
    let ArrivalSource::Trace(rows) = &openb.arrivals[0].source else { panic!("a trace") };
    assert_eq!((openb.nodes.len(), rows.len()), (1523, 8152));
    assert!(rows.is_sorted_by_key(|row| row.at));
    // At the most 56 pods at one time: creations count before deletions of the same second.
    let mut steps: Vec<(i64, i32)> = rows.iter().flat_map(|row| [(row.at.0, 1), (row.delete_at.0, -1)]).collect();
    steps.sort_unstable();
    let peak = steps.iter().scan(0, |alive, (_, step)| {
        *alive += step;
        Some(*alive)
    });
    assert_eq!(peak.max(), Some(56));
    let gpus: i64 =
        openb.nodes.iter().map(|node| openb.shapes[node.shape].capacity.scalar.iter().map(|s| s.1).sum::<i64>()).sum();
    assert_eq!(gpus, 6212);

    let fill = plan("openb-fill.toml");
    let ArrivalSource::Trace(rows) = &fill.arrivals[0].source else { panic!("a trace") };
    assert!(rows.windows(2).all(|pair| pair[0].at < pair[1].at));
    assert_eq!(fill.workloads[fill.arrivals[0].workload].pod_name(&fill.strings, 1), "openb-pod-0001");

    let kubesbs = load("kubesbs.toml").plan.expect("a plan");
    assert_eq!((kubesbs.nodes.len(), kubesbs.pods.len()), (100, 1067));
    let larger = load("kubesbs-700.toml").plan.expect("a plan");
    assert_eq!((larger.nodes.len(), larger.pods.len()), (700, 6453));
}

#[test]
fn every_mistake_of_a_first_day_is_told_at_once() {
    let loaded = load("user-msvc-broken.toml");
    assert!(loaded.plan.is_none());
    let shown = loaded.diagnostics.render_short(&loaded.sources);
    let found = |file: &str, line: usize, column: usize, code: &str| {
        let place = format!("{file}:{line}:{column}: ");
        assert!(
            shown.lines().any(|text| text.contains(&place) && text.contains(code) && text.contains("(help: ")),
            "{place}{code} is missing in\n{shown}"
        );
    };
    found("user-msvc-broken.toml", 19, 34, "PS2006");
    found("user-msvc-broken.toml", 25, 20, "PS2022");
    found("user-msvc-broken.toml", 25, 53, "PS2006");
    found("user-msvc-broken.toml", 31, 11, "PS2005");
    found("user-msvc-broken.toml", 35, 19, "PS2006");
    found("user-msvc-broken.toml", 38, 8, "PS2010");
    found("user-msvc-broken.toml", 43, 10, "PS2021");
    found("01-config.yaml", 7, 3, "PS1100");
    found("02-service.yaml", 8, 3, "PS1094");
    found("03-pod.yaml", 10, 7, "PS1032");
    found("03-pod.yaml", 14, 7, "PS1013");
    found("03-pod.yaml", 18, 17, "PS1050");
    found("03-pod.yaml", 23, 19, "PS1014");
    found("03-pod.yaml", 29, 19, "PS1040");
    found("04-stray-separator.yaml", 3, 1, "PS1007");
    found("05-no-api-version.yaml", 2, 1, "PS1005");
    found("06-no-kind.yaml", 2, 1, "PS1006");
    found("07-no-name.yaml", 4, 1, "PS1020");
    found("08-no-containers.yaml", 6, 1, "PS1030");
    assert_eq!(shown.lines().count(), 19, "and nothing else\n{shown}");
}
