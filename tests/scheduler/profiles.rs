//! Runs with a configuration of the scheduler: pods go to the profile they name, gated pods wait, and pods of a scheduler that
//! is not there stay pending, which is said beforehand.

use std::io;
use std::path::Path;

use podsim::diag::Severity;
use podsim::scenario::{self, codes};
use podsim::sim::Simulation;
use podsim::sim::outcome::PodRow;

const SCENARIO: &str = r#"
[scenario]
duration = "5m"
manifests = "objects.yaml"

[control_plane]
preset = "instant"

[control_plane.scheduler]
config = "scheduler.yaml"
first_node_on_tie = true
"#;

const CONFIG: &str = "
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
podInitialBackoffSeconds: 3
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated}}
- schedulerName: careless
  plugins:
    filter: {disabled: [{name: NodeUnschedulable}, {name: TaintToleration}]}
    preEnqueue: {disabled: [{name: SchedulingGates}]}
";

fn objects(pods: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, spec) in [("a", ""), ("b", ""), ("c", "spec: {unschedulable: true}\n")] {
        text += &format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n{spec}\
             status: {{allocatable: {{cpu: '4', memory: 8Gi, pods: '10'}}}}\n---\n"
        );
    }
    for (name, rest) in pods {
        text += &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n\
             spec:\n  containers: [{{name: c, image: i, resources: {{requests: {{cpu: '1', memory: 1Gi}}}}}}]\n  {rest}\n---\n"
        );
    }
    text
}

/// Name, node and status of a pod.
type Place = (String, Option<String>, String);

/// Where pods are at the end, why some are pending, and what was warned about.
fn run(pods: &[(&str, &str)]) -> (Vec<Place>, Vec<(u32, String)>, Vec<String>) {
    let objects = objects(pods);
    let read = |path: &Path| match path.to_str() {
        Some("objects.yaml") => Ok(objects.clone()),
        Some("scheduler.yaml") => Ok(CONFIG.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    };
    let loaded = scenario::from_text("profiles.toml", SCENARIO, &read);
    let shown = loaded.diagnostics.render_short(&loaded.sources);
    let warnings = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Warning);
    let warnings = warnings.inspect(|one| assert_eq!(one.code, codes::UNKNOWN_SCHEDULER, "{shown}"));
    let warnings = warnings.map(|one| one.message.clone()).collect();
    let plan = loaded.plan.unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(plan.control_plane.scheduler.initial_backoff.whole_secs(), 3);
    let strings = plan.strings.clone();
    let outcome = Simulation::new(plan).run();
    let place =
        |pod: &PodRow| (pod.name.clone(), pod.node.map(|node| strings.text(node).to_owned()), pod.status.clone());
    let places = outcome.pods.iter().map(place).collect();
    (places, outcome.pending, warnings)
}

#[test]
fn pods_go_where_their_profile_sends_them() {
    let (places, pending, warnings) = run(&[
        ("d1", ""),
        ("p1", "schedulerName: packing"),
        ("p2", "schedulerName: packing"),
        ("d2", "schedulerName: default-scheduler"),
        ("careless", "schedulerName: careless\n  schedulingGates: [{name: g}]"),
        ("gated", "schedulingGates: [{name: example.com/quota}, {name: b}]"),
        ("stranger", "schedulerName: other"),
    ]);
    let on = |name: &str, node: &str| (name.to_owned(), Some(node.to_owned()), "Running".to_owned());
    let waits = |name: &str, status: &str| (name.to_owned(), None, status.to_owned());
    assert_eq!(
        places,
        [
            on("d1", "a"),
            on("p1", "a"),
            on("p2", "a"),
            on("d2", "b"),
            on("careless", "c"),
            waits("gated", "SchedulingGated"),
            waits("stranger", "Pending"),
        ]
    );
    let messages: Vec<&str> = pending.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(
        messages,
        ["no profile of the scheduler is called other", "waiting for scheduling gates: [example.com/quota b]"]
    );
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("schedulerName") && warnings[0].contains("\"other\""), "{warnings:?}");
}
