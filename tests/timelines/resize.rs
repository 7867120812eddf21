//! In-place resize (spec 4.8): granted, deferred, infeasible; what the scheduler counts meanwhile.

use crate::support::{Run, Scene, pod};

fn app(name: &str, cpu: &str, more: &str) -> String {
    let resources = format!("resources: {{requests: {{cpu: {cpu}, memory: 64Mi}}, limits: {{memory: 1Gi}}}}");
    pod(name, &format!("containers: [{{name: app, image: 'i:1', {resources}, {more}}}]"))
}

fn resize(at: &str, pod: &str, amounts: &str) -> String {
    format!("[[change]]\nat = \"{at}\"\nresize = \"Pod/{pod}\"\ncontainer = \"app\"\n{amounts}\n")
}

fn restarts(run: &Run, pod: &str) -> usize {
    run.times(&format!("{pod}/app Running")).len() - 1
}

/// It fits: granted, carried out in the next sync, and done, all at once; nothing restarts. The new limit counts: a leak of
/// 10Mi/s from 2.25 on reaches 1Gi at 104.65 and 2Gi at 207.05.
#[test]
fn a_resize_that_fits_is_carried_out_in_place() {
    let leak = "[[behavior]]\nmemory = { leak = \"10Mi/s\" }\n";
    let more = resize("60s", "web", "requests = { cpu = \"2\" }\nlimits = { memory = \"2Gi\" }");
    let run = Scene::new(&app("web", "1", "")).with(leak).with(&more).lasts("206s").run();
    run.expect("pod web resize Proposed", &[60.0]).expect("pod web resize PodResizeInProgress", &[60.0]);
    run.expect("pod web resize Done", &[60.0]).expect("event web Normal ResizeCompleted", &[60.0]);
    assert_eq!(restarts(&run, "web"), 0);
    let run = Scene::new(&app("web", "1", "")).with(leak).with(&more).lasts("208s").run();
    run.expect("web/app Terminated OOMKilled 137", &[207.05]);
    Scene::new(&app("web", "1", "")).with(leak).lasts("106s").run().expect("web/app Terminated OOMKilled", &[104.65]);
}

/// `RestartContainer` for memory: the container stops (3 s) and starts again, counted as a restart; a change of cpu does
/// not restart it.
#[test]
fn a_policy_may_restart_the_container() {
    let yaml = app("web", "1", "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]");
    let stops = "[[behavior]]\non_terminate = { after = \"3s\", exit_code = 0 }\n";
    let sections = stops.to_owned()
        + &resize("60s", "web", "requests = { cpu = \"2\" }")
        + &resize("100s", "web", "requests = { memory = \"128Mi\" }");
    let run = Scene::new(&yaml).with(&sections).run();
    run.expect("web/app Running", &[2.25, 103.25]).expect("pod web resize Done", &[60.0, 103.25]);
    run.expect("event web Normal Killing: Container app resize requires restart", &[100.0]);
    assert_eq!(run.status("web", "app"), "Running | Terminated Completed 0 | 1");
}

/// The node has 8 cpus: `a` has 4 and `b` 3. With 6 for `a` they do not fit: Deferred, and the scheduler counts 6 for `a`,
/// so `c`, which wants 1, waits. When `b` goes at 100, `a` is granted its 6, and `c` finds room beside it.
#[test]
fn a_deferred_resize_waits_for_room() {
    let sections = resize("60s", "a", "requests = { cpu = \"6\" }")
        + "[[change]]\nat = \"70s\"\napply = \"c.yaml\"\n[[change]]\nat = \"100s\"\ndelete = \"Pod/b\"";
    let yaml = app("a", "4", "") + &app("b", "3", "");
    let run = Scene::new(&yaml).with(&sections).file("c.yaml", &app("c", "1", "")).run();
    run.expect("pod a resize PodResizePending Deferred", &[60.0]).expect("event a Warning ResizeDeferred", &[60.0]);
    run.expect("pod a resize PodResizeInProgress", &[100.0]).expect("pod a resize Done", &[100.0]);
    run.expect("pod c unschedulable: 0/1 nodes are available: 1 Insufficient cpu", &[70.0]);
    run.expect("pod c on node-0", &[100.0]);
    assert_eq!(restarts(&run, "a"), 0);
}

/// 9 cpus are more than the node has: Infeasible for good, and not counted: `c` fits. A later, smaller wish is a new one.
#[test]
fn an_infeasible_resize_is_not_counted() {
    let sections = resize("60s", "a", "requests = { cpu = \"9\" }")
        + &resize("200s", "a", "requests = { cpu = \"3\" }")
        + "[[change]]\nat = \"70s\"\napply = \"c.yaml\"";
    let yaml = app("a", "4", "") + &app("b", "3", "");
    let run = Scene::new(&yaml).with(&sections).file("c.yaml", &app("c", "1", "")).run();
    run.expect("pod a resize PodResizePending Infeasible", &[60.0]).expect("event a Warning ResizeInfeasible", &[60.0]);
    run.expect("pod c on node-0", &[70.0]).expect("pod a resize Done", &[200.0]);
}

/// A pod that shrinks frees its room when that is done; one that waits on the node is tried then, those that shrink first.
#[test]
fn room_is_passed_on() {
    let sections = resize("60s", "a", "requests = { cpu = \"6\" }") + &resize("80s", "b", "requests = { cpu = \"1\" }");
    let yaml = app("a", "4", "") + &app("b", "3", "");
    let run = Scene::new(&yaml).with(&sections).run();
    run.expect("pod a resize PodResizePending Deferred", &[60.0]).expect("pod b resize Done", &[80.0]);
    run.expect("pod a resize Done", &[80.0]);
}

/// A limit below the memory in use is refused and tried anew with every retry of the sync; another wish replaces it.
#[test]
fn a_limit_below_the_use_is_an_error() {
    let uses = "[[behavior]]\nmemory = { base = \"500Mi\" }\n".to_owned()
        + &resize("60s", "web", "limits = { memory = \"256Mi\" }")
        + &resize("95s", "web", "limits = { memory = \"512Mi\" }");
    let run = Scene::new(&app("web", "1", "")).with(&uses).run();
    run.expect("pod web resize PodResizeInProgress Error", &[60.0]).expect("event web Warning ResizeError", &[60.0]);
    run.expect("pod web resize Done", &[95.0]).expect("web/app Terminated", &[]);
}
