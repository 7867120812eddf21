//! Preemption in time: who is evicted when, who waits for whom, and what is kept for whom meanwhile. Cycles take 2 ms, the
//! scheduler's calls 5 ms, its watch 10 ms.

use crate::support::{Run, Scene, pod};

const TWO_CORES: &str = "[[node_pool]]\nname = \"node\"\ncapacity = { cpu = \"2\", memory = \"8Gi\" }\n";

fn priority(name: &str, value: i32) -> String {
    format!("apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: {value}\n---\n")
}

/// A pod that asks for so much cpu, ignores SIGTERM and is killed after 5 s.
fn asks(name: &str, class: &str, cpu: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!("priorityClassName: {class}, ") };
    pod(
        name,
        &format!(
            "{class}terminationGracePeriodSeconds: 5, \
             containers: [{{name: app, image: 'i:1', resources: {{requests: {{cpu: '{cpu}'}}}}}}]"
        ),
    )
}

fn scene(manifests: &str) -> Scene {
    Scene::new(manifests)
        .nodes(TWO_CORES)
        .with("[[behavior]]\non_terminate = \"ignore\"")
        .setting("scheduling_cycle = \"2ms\"\nbinding = \"5ms\"\nwatch_scheduler = \"10ms\"")
}

fn arrives(scene: Scene, at: &str, name: &str, manifest: &str) -> Scene {
    let file = format!("{name}.yaml");
    let text = priority("high", 100) + &priority("mid", 50) + manifest;
    scene.with(&format!("[[change]]\nat = \"{at}\"\napply = [\"{file}\"]\n")).file(&file, &text)
}

fn nominated(run: &Run, name: &str) -> bool {
    run.pod(name).is_some_and(|pod| run.sim.cluster().pods().nominated_node(pod.pod).is_some())
}

/// Spec 7.5: the attempt ends at 60.012 (watch 10 ms, cycle 2 ms). Two calls of 5 ms: the victim is deleted at 60.022. It is
/// killed 5 s later. The scheduler sees that at 65.032; the back-off of the first failure ended at 61. Cycle and binding: 65.039.
#[test]
fn a_victim_goes_with_its_grace_and_the_preemptor_comes_back() {
    let run = arrives(scene(&asks("low", "", "1500m")), "60s", "high", &asks("high", "high", "1")).run();
    run.expect("pod high unschedulable: 0/1 nodes are available: 1 Insufficient cpu.", &[60.012]);
    run.expect("pod low DisruptionTarget True PreemptionByScheduler", &[60.022]);
    run.expect("pod low deleting 5", &[60.022]).expect("event low Normal Preempted: Preempted by pod", &[60.022]);
    run.expect("low/app Terminated Error 137", &[65.022]).expect("pod low removed", &[65.022]);
    run.expect("pod high on node-0", &[65.039]);
}

/// With the gate off the cycle lasts until the calls have returned, and fails then; the rest is the same.
#[test]
fn without_async_preemption_the_cycle_waits_for_its_calls() {
    let scene = scene(&asks("low", "", "1500m")).with("[control_plane.scheduler]\nasync_preemption = false");
    let run = arrives(scene, "60s", "high", &asks("high", "high", "1")).run();
    run.expect("pod low deleting 5", &[60.022]).expect("pod high unschedulable", &[60.022]);
    run.expect("pod high on node-0", &[65.039]);
}

/// 7.5.6: as long as `high` waits for the node, `tiny` finds no room beside `low` (1.5 + 0.5 of 2 cores), because `high`
/// counts, too; nor does evicting help `mid`, which would not fit beside `high`. When `low` is gone, all three are tried by
/// priority, each cycle 2 ms after the other: `high` at 65.032, `mid` (no room), `tiny` from 65.036, bound at 65.043.
#[test]
fn the_nominated_node_is_kept_against_equal_and_lower_priorities() {
    let scene = arrives(scene(&asks("low", "", "1500m")), "60s", "high", &asks("high", "high", "1"));
    let scene = arrives(scene, "61s", "tiny", &asks("tiny", "", "500m"));
    let mut run = arrives(scene, "62s", "mid", &asks("mid", "mid", "1500m")).lasts("2m").start();
    run.until(64.0);
    assert!(nominated(&run, "high") && !nominated(&run, "mid") && !nominated(&run, "tiny"));
    run.until(f64::MAX);
    run.expect("pod tiny unschedulable: 0/1 nodes are available: 1 Insufficient cpu.", &[61.012]);
    run.expect("pod mid unschedulable", &[62.012, 65.036]);
    run.expect("pod high on node-0", &[65.039]).expect("pod tiny on node-0", &[65.043]);
    run.expect("pod low deleting", &[60.022]);
}

/// The others first, at 60.022; the last victim when they are done, at 60.032. The preemptor is held back only until then:
/// it comes back with the last end (65.032 + 10 + 2 + 5 ms).
#[test]
fn the_last_victim_is_evicted_when_the_others_are() {
    let low = [asks("a", "", "1"), asks("b", "", "1")].join("\n---\n");
    let run = arrives(scene(&low), "60s", "high", &asks("high", "high", "2")).run();
    run.expect("pod a deleting 5", &[60.022]).expect("pod b deleting 5", &[60.032]);
    run.expect("pod high on node-0", &[65.049]);
}

/// `a` is alone in its budget: evicting it would leave fewer than one. So `b` goes, though `a` came later.
#[test]
fn a_budget_protects_its_pods_while_others_can_go() {
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\n\
                  spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}\n---\n";
    let low = [asks("b", "", "2"), asks("a", "", "2")].join("\n---\n");
    let nodes = TWO_CORES.to_owned() + "count = 2\n";
    let with = |budget: &str| {
        let scene =
            scene(&format!("{budget}{low}")).nodes(&nodes).with("[control_plane.scheduler]\nfirst_node_on_tie = true");
        arrives(scene, "60s", "high", &asks("high", "high", "1")).run()
    };
    with(budget).expect("pod b deleting", &[60.022]).expect("pod a deleting", &[]);
    // Without a budget both are equally good, and the first node is taken: that of `b` again, if it came first.
    let moved = budget.replace("app: a", "app: b");
    with(&moved).expect("pod a deleting", &[60.022]).expect("pod b deleting", &[]);
}

/// 7.5.1: `preemptionPolicy: Never` waits; equal priority evicts nobody.
#[test]
fn who_never_preempts_waits() {
    let never = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: never}\nvalue: 100\n\
                 preemptionPolicy: Never\n---\n";
    let waiting =
        arrives(scene(&asks("low", "", "2")), "60s", "kind", &(never.to_owned() + &asks("kind", "never", "1")));
    let run = arrives(waiting, "61s", "equal", &asks("equal", "", "1")).lasts("2m").run();
    run.expect("pod low deleting", &[]).expect("pod kind on", &[]).expect("pod equal on", &[]);
    assert!(
        run.story("pod kind unschedulable")[0].ends_with("preemption: not eligible due to preemptionPolicy=Never.")
    );
}
