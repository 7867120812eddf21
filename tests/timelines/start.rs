//! How pods start: order of containers, images, init containers, sidecars.

use crate::support::{Scene, pod};
use podsim::model::PodConditionType;

/// Spec 2.3: containers start one after another; 2.8: one pull at a time. Each image has 100 MB: a pull takes 1.5 s.
#[test]
fn three_containers_start_in_order_each_after_its_own_pull() {
    let spec = "containers: [{name: c, image: i1}, {name: a, image: i2}, {name: b, image: i1}]";
    let run = Scene::new(&pod("web", spec)).run();
    run.expect("web/c Waiting ContainerCreating", &[0.0]);
    // The sandbox is there after 0.5 s, the first image 1.5 s later, the first container 0.25 s after that.
    run.expect("web/c pull", &[0.5, 2.0]).expect("web/c Running", &[2.25]);
    // The second container waits for all of that: 2.25 + 1.5 + 0.25.
    run.expect("web/a pull", &[2.25, 3.75]).expect("web/a Running", &[4.0]);
    // The third finds its image (2.7 IfNotPresent does not hold: no tag means Always, so it asks for 0.5 s).
    run.expect("web/b pull", &[4.0, 4.5]).expect("web/b Running", &[4.75]);
    // Status is computed at the beginning of a sync: the one that the start of `c` asked for comes after the last start.
    run.expect("pod web Running", &[4.75]).expect("pod web Ready True", &[4.75]);
    run.expect("event web Normal Pulling", &[0.5, 2.25, 4.0]);
    let texts = run.story("event web Normal Pulled");
    assert_eq!(
        texts[0],
        "event web Normal Pulled: Successfully pulled image \"i1\" in 1.5s (1.5s including waiting). \
         Image size: 100000000 bytes."
    );
    run.expect("event web Normal Created: Created container: a", &[3.75]);
    run.expect("event web Normal Started: Started container a", &[4.0]);
}

/// 2.7: an image that is there is not pulled; 2.8: two pods of a node wait for each other's pulls, and the second pull of
/// an image transfers nothing.
#[test]
fn pulls_of_a_node_are_serial() {
    let yaml = pod("a", "containers: [{name: c, image: 'i:1'}]") + &pod("b", "containers: [{name: c, image: 'i:1'}]");
    let run = Scene::new(&yaml).run();
    run.expect("a/c pull", &[0.5, 2.0]).expect("b/c pull", &[0.5, 2.5]);
    run.expect("a/c Running", &[2.25]).expect("b/c Running", &[2.75]);
    let yaml = pod("c", "restartPolicy: Never, containers: [{name: x, image: 'i:1'}, {name: y, image: 'i:1'}]");
    let run = Scene::new(&yaml).run();
    run.expect("c/x Running", &[2.25]).expect("c/y Running", &[2.5]).expect("c/y pull", &[]);
    run.expect("event c Normal Pulled: Container image \"i:1\" already present on machine", &[2.25]);
}

/// 2.7: policy Never needs the image to be there: ErrImageNeverPull on the retry grid.
#[test]
fn an_image_that_must_not_be_pulled_is_missed() {
    let spec = "containers: [{name: c, image: i, imagePullPolicy: Never}, {name: d, image: j}]";
    let mut run = Scene::new(&pod("web", spec)).start();
    run.until(5.0);
    run.expect("web/c Waiting ErrImageNeverPull", &[0.5]).expect("web/d Running", &[2.25]);
    // 1.2.5: a status shows the error one sync late: the sync that began at 2.25 because `d` started.
    assert_eq!(run.status("web", "c"), "Waiting ErrImageNeverPull | Unset | 0");
    assert_eq!(run.phase("web"), "Pending");
    let image = "Container image \"i\" is not present with pull policy of Never";
    assert_eq!(
        run.story("event web Warning"),
        [
            format!("event web Warning ErrImageNeverPull: {image}"),
            "event web Warning Failed: Error: ErrImageNeverPull".to_owned(),
        ]
    );
}

const INIT: &str = "initContainers: [{name: i0, image: 'i:1'}, {name: i1, image: 'i:1'}], \
                    containers: [{name: m, image: 'i:1'}]";

/// 2.3: init containers one by one to completion, then the main ones. 1.2.1: everything waits as PodInitializing.
#[test]
fn init_containers_run_in_order() {
    let behavior = "[[behavior]]\nselect = { container = \"i0\" }\nrun = \"3s\"\n\
                    [[behavior]]\nselect = { container = \"i1\" }\nrun = \"4s\"";
    let mut run = Scene::new(&pod("web", INIT)).with(behavior).start();
    run.until(3.0);
    assert_eq!(run.status("web", "m"), "Waiting PodInitializing | Unset | 0");
    assert!(
        !run.is("web", PodConditionType::Initialized) && run.is("web", PodConditionType::PodReadyToStartContainers)
    );
    run.until(100.0);
    // 0.5 sandbox + 1.5 pull + 0.25 = 2.25; ends at 5.25, noticed at once; + 0.25; ends at 9.5; + 0.25.
    run.expect("web/i0 Running", &[2.25]).expect("web/i0 Terminated Completed 0", &[5.25]);
    run.expect("web/i1 Running", &[5.5]).expect("web/i1 Terminated Completed 0", &[9.5]);
    run.expect("web/m Running", &[9.75]).expect("pod web Initialized True", &[9.5]);
    run.expect("pod web Running", &[9.75]).expect("pod web Ready True", &[9.75]);
}

/// 2.3, 2.5: a failing init container is retried with the same back-off; nothing after it starts. 1.1: Pending.
#[test]
fn a_failing_init_container_keeps_its_pod_pending() {
    let behavior = "[[behavior]]\nselect = { container = \"i0\" }\nrun = \"1s\"\nexit_codes = 2";
    let mut run = Scene::new(&pod("web", INIT)).with(behavior).start();
    run.until(60.0);
    // Ends at 3.25; restarted at once: 3.5, ends at 4.5. Back-off 10 s from 4.5; retries at 15 (4.5 + 10 up to a second).
    run.expect("web/i0 Running", &[2.25, 3.5, 15.25, 37.25]);
    run.expect("web/i1 Running", &[]).expect("web/m Running", &[]).expect("pod web Running", &[]);
    assert_eq!(run.phase("web"), "Pending");
    assert_eq!(run.story("web/i0 Terminated")[0], "web/i0 Terminated Error 2");
    // 1.1 rule 1: with restartPolicy Never the pod fails.
    let never = format!("restartPolicy: Never, {INIT}");
    let run = Scene::new(&pod("web", &never)).with(behavior).run();
    run.expect("web/i0 Running", &[2.25]).expect("pod web Failed", &[3.25]);
}

const SIDECARS: &str = "initContainers: [{name: s0, image: 'i:1', restartPolicy: Always}, {name: i, image: 'i:1'}, \
                        {name: s1, image: 'i:1', restartPolicy: Always}], \
                        containers: [{name: m, image: 'i:1'}], terminationGracePeriodSeconds: 20";

/// 2.3: a sidecar starts in its place among init containers and goes on; 2.11: they stop last, in reverse order.
#[test]
fn sidecars_start_before_and_stop_after_the_main_containers() {
    let sections = "[[behavior]]\nselect = { container = \"i\" }\nrun = \"2s\"\n\
                    [[behavior]]\nselect = { container = \"m\" }\non_terminate = { after = \"3s\", exit_code = 0 }\n\
                    [[behavior]]\nselect = { container = \"s1\" }\non_terminate = { after = \"2s\", exit_code = 0 }\n\
                    [[change]]\nat = \"60s\"\ndelete = \"Pod/web\"";
    let run = Scene::new(&pod("web", SIDECARS)).with(sections).run();
    run.expect("web/s0 Running", &[2.25]).expect("web/i Running", &[2.5]).expect("web/s1 Running", &[4.75]);
    run.expect("web/m Running", &[5.0]);
    // The main container stops at once, then s1 (2 s), then s0 (143 at once).
    run.expect("event web Normal Killing: Stopping container m", &[60.0])
        .expect("web/m Terminated Completed 0", &[63.0]);
    // All are asked at once (2.11, 1); a sidecar gets its SIGTERM when its turn comes.
    run.expect("event web Normal Killing: Stopping container s1", &[60.0]);
    run.expect("web/s1 Terminated Completed 0", &[65.0]).expect("web/s0 Terminated Error 143", &[65.0]);
    run.expect("pod web removed", &[65.0]);
}

/// 2.11: the whole order shares one grace: what is left of it when a sidecar's turn comes, at least 2 s.
#[test]
fn a_sidecar_has_what_the_others_left_of_the_grace() {
    let sections = "[[behavior]]\nselect = { name = \"web\" }\non_terminate = \"ignore\"\n\
                    [[behavior]]\nselect = { container = \"i\" }\nrun = \"2s\"\n\
                    [[change]]\nat = \"60s\"\ndelete = \"Pod/web\"";
    let run = Scene::new(&pod("web", SIDECARS)).with(sections).run();
    // m is killed after its 20 s. By then both sidecars have waited for 20 s: no turn is waited for, each has 2 s.
    run.expect("web/m Terminated Error 137", &[80.0]);
    run.expect("web/s1 Terminated Error 137", &[82.0]).expect("web/s0 Terminated Error 137", &[82.0]);
    run.expect("pod web removed", &[82.0]);
}

/// 2.3: when all main containers are done, sidecars are stopped; 1.1: Running until then, then Succeeded.
#[test]
fn sidecars_do_not_keep_a_finished_pod() {
    let spec = format!("restartPolicy: Never, {SIDECARS}");
    let sections = "[[behavior]]\nselect = { container = \"i\" }\nrun = \"2s\"\n\
                    [[behavior]]\nselect = { container = \"m\" }\nrun = \"10s\"\n\
                    [[behavior]]\nselect = { container = \"s0\" }\non_terminate = { after = \"5s\", exit_code = 0 }\n";
    let run = Scene::new(&pod("web", &spec)).with(sections).run();
    run.expect("web/m Terminated Completed 0", &[15.0]).expect("web/s1 Terminated Error 143", &[15.0]);
    run.expect("web/s0 Terminated Completed 0", &[20.0]).expect("pod web Succeeded", &[20.0]);
    run.expect("pod web removed", &[]);
}
