//! Scheduling gates in time: who takes them away, and when the pod is tried then. Cycles take 2 ms, the scheduler's calls 5 ms,
//! its watch 10 ms.

use crate::support::{Scene, pod};

const GATES: &str = "schedulingGates: [{name: a}, {name: example.com/b}, {name: c}]";

fn gated(name: &str, more: &str, cpu: &str) -> String {
    let app = format!("{{name: app, image: 'i:1', resources: {{requests: {{cpu: '{cpu}'}}}}}}");
    pod(name, &format!("{GATES}, {more} containers: [{app}]"))
}

fn ungate(at: &str, pod: &str, gates: &str) -> String {
    format!("[[change]]\nat = \"{at}\"\nungate = \"{pod}\"\n{gates}\n")
}

fn scene(manifests: &str) -> Scene {
    Scene::new(manifests).setting("scheduling_cycle = \"2ms\"\nbinding = \"5ms\"\nwatch_scheduler = \"10ms\"")
}

/// Spec 7.1: as long as one gate is left nothing happens. The last goes at 100: seen at 100.010, tried until 100.012, bound at
/// 100.017. There is no back-off, as there was no attempt.
#[test]
fn the_last_gate_lets_the_pod_go_at_once() {
    let changes = ungate("60s", "default/web", "gates = [\"example.com/b\"]")
        + &ungate("80s", "web", "gates = [\"c\"]")
        + &ungate("100s", "default/web", "");
    let mut run = scene(&gated("web", "", "1")).with(&changes).start();
    run.until(100.016);
    run.expect("pod web PodScheduled False SchedulingGated", &[0.0]);
    run.expect("pod web unschedulable", &[]).expect("pod web on", &[]);
    run.until(f64::MAX);
    run.expect("pod web on node-0", &[100.017]);
    assert_eq!(run.outcome().0.counters.scheduling_attempts, 1);
}

/// What is left is named in the order of the spec, and the pod is not tried.
#[test]
fn the_message_names_the_gates_that_are_left() {
    let run = scene(&gated("web", "", "1")).with(&ungate("60s", "web", "gates = [\"example.com/b\"]")).run();
    run.expect("pod web on", &[]);
    let (outcome, _) = run.outcome();
    assert_eq!(outcome.pending, [(1, "waiting for scheduling gates: [a c]".to_owned())]);
    assert_eq!((outcome.counters.scheduling_attempts, outcome.counters.changes_refused), (0, 0));
}

/// Both are in the activeQ when the watch has told of both, at 60.010: the higher priority goes first (60.012 + 5 ms), the
/// other one cycle later, though its gates went first.
#[test]
fn pods_without_gates_are_tried_by_priority() {
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 100\n---\n";
    let pods = class.to_owned() + &gated("low", "", "1") + &gated("high", "priorityClassName: high,", "1");
    let run = scene(&pods).with(&(ungate("60s", "low", "") + &ungate("60s", "high", ""))).run();
    run.expect("pod high on node-0", &[60.017]).expect("pod low on node-0", &[60.019]);
}

/// The node has 8 cpus. What asks for 9 fails as any other pod does: the first attempt ends at 60.012, and only then is its
/// reason another one.
#[test]
fn a_pod_without_gates_can_still_be_unschedulable() {
    let run = scene(&gated("big", "", "9")).with(&ungate("60s", "big", "")).lasts("2m").run();
    run.expect("pod big unschedulable: 0/1 nodes are available: 1 Insufficient cpu.", &[60.012]);
    run.expect("pod big PodScheduled False", &[0.0, 60.012]);
}

/// A pod with gates is on no node: the first resize is refused, and what the gates are taken from is the pod without it. The
/// second finds the pod that lost its gates: 3 cpus of 8 leave room for 5, no more.
#[test]
fn gates_and_resizes_go_together() {
    let resize = |at: &str, cpu: &str| {
        let what = format!("container = \"app\"\nrequests = {{ cpu = \"{cpu}\" }}");
        format!("[[change]]\nat = \"{at}\"\nresize = \"Pod/web\"\n{what}\n")
    };
    let changes = resize("40s", "6")
        + &ungate("60s", "web", "")
        + "[[change]]\nat = \"70s\"\napply = \"five.yaml\"\n"
        + &resize("80s", "3")
        + "[[change]]\nat = \"90s\"\napply = \"more.yaml\"\n";
    let asks = |name: &str, cpu: &str| {
        pod(name, &format!("containers: [{{name: app, image: 'i:1', resources: {{requests: {{cpu: '{cpu}'}}}}}}]"))
    };
    let scene = scene(&gated("web", "", "1")).with(&changes).lasts("2m");
    let run = scene.file("five.yaml", &asks("five", "5")).file("more.yaml", &asks("more", "1m")).run();
    run.expect("pod web on node-0", &[60.017]).expect("pod five on node-0", &[70.017]);
    run.expect("pod web resize Done", &[80.0]).expect("pod more unschedulable", &[90.012]);
    assert_eq!(run.outcome().0.counters.changes_refused, 1);
}
