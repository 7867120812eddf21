//! Crash loops: the exact back-off, what the status shows meanwhile, the restart policies.

use crate::support::{Scene, pod, within};

const WEB: &str = "containers: [{name: app, image: 'i:1'}]";
const CRASHES: &str = "[[behavior]]\nrun = \"1s\"\nexit_codes = 1";

/// Spec 2.5: delays 0, 10, 20, 40, 80, 160, 300, 300 after the end, each up to the retry grid (2.1: 10 s after the sync
/// that failed, polled each second). Sandbox 0.5, pull 1.5, start 0.25: Running at 2.25, the end at 3.25.
/// 2: at once. Ends at 4.5: tries at 15 (14.5 polled), 10.5 after the end. Ends at 16.25: tries at 27, 37 (20.75).
/// Ends at 38.25: 49, 59, 69, 79 (40.75). Ends at 80.25: 91, .., 161 (80.75). Ends at 162.25: 173, .., 323 (160.75).
/// Ends at 324.25: 335, .., 625 (300.75). Ends at 626.25: 637, .., 927 (300.75).
#[test]
fn a_crash_loop_backs_off() {
    let run = Scene::new(&pod("web", WEB)).with(CRASHES).lasts("20m").run();
    run.expect("web/app Running", &[2.25, 3.5, 15.25, 37.25, 79.25, 161.25, 323.25, 625.25, 927.25]);
    run.expect("web/app Waiting CrashLoopBackOff", &[4.5, 16.25, 38.25, 80.25, 162.25, 324.25, 626.25, 928.25]);
    // 1.1 rule 4: a crash-looping pod stays Running. It is Ready whenever it runs.
    run.expect("pod web Running", &[2.25]).expect("pod web Failed", &[]);
    run.expect(
        "pod web Ready False ContainersNotReady",
        &[0.0, 3.25, 4.5, 16.25, 38.25, 80.25, 162.25, 324.25, 626.25, 928.25],
    );
    assert_eq!(
        run.story("event web Warning BackOff")[0],
        "event web Warning BackOff: Back-off restarting failed container app in pod web_default(0529f2d9-f3ae-4ac4-bca1-b5c64dae29f1)"
    );
}

/// 1.2.5: the status is computed at the beginning of a sync, errors are recorded at its end: Error first, one retry later
/// CrashLoopBackOff, with Error as the last state.
#[test]
fn the_status_shows_the_error_first() {
    let mut run = Scene::new(&pod("web", WEB)).with(CRASHES).start();
    for (seconds, status) in [
        (2.0, "Waiting ContainerCreating | Unset | 0"),
        (2.25, "Running | Unset | 0"),
        (3.3, "Terminated Error 1 | Unset | 0"),
        (3.5, "Running | Terminated Error 1 | 1"),
        (4.5, "Terminated Error 1 | Terminated Error 1 | 1"),
        (14.9, "Terminated Error 1 | Terminated Error 1 | 1"),
        (15.0, "Waiting CrashLoopBackOff | Terminated Error 1 | 1"),
        (15.25, "Running | Terminated Error 1 | 2"),
        (26.9, "Terminated Error 1 | Terminated Error 1 | 2"),
        (27.0, "Waiting CrashLoopBackOff | Terminated Error 1 | 2"),
        (37.2, "Waiting CrashLoopBackOff | Terminated Error 1 | 2"),
        (37.25, "Running | Terminated Error 1 | 3"),
    ] {
        run.until(seconds);
        assert_eq!(run.status("web", "app"), status, "at {seconds}");
    }
}

/// 2.5: forgotten only if the end is more than 600 s after the decision to start (0.25 s before it runs).
#[test]
fn ten_minutes_of_life_reset_the_back_off() {
    // 599.75 + 0.25 is not more than 600: the second crash at 602.25 + 599.75 = 1202 waits for 10 s, which are over at
    // 1212 exactly; the third, at 1212.25 + 599.75 = 1812, for 20 s; then 40.
    let scene = |run: &str| {
        Scene::new(&pod("web", WEB)).with(&format!("[[behavior]]\nrun = \"{run}\"\nexit_codes = 1")).lasts("45m")
    };
    let run = scene("599750ms").run();
    run.expect("web/app Running", &[2.25, 602.25, 1212.25, 1832.25, 2472.25]);
    // A second longer and every crash is the first.
    let run = scene("600750ms").run();
    run.expect("web/app Running", &[2.25, 603.25, 1204.25, 1805.25, 2406.25]).expect("web/app Waiting Crash", &[]);
}

/// 2.5: exit 0 under Always crash-loops as well.
#[test]
fn a_completed_container_is_restarted_under_always() {
    let mut run = Scene::new(&pod("web", WEB)).with("[[behavior]]\nrun = \"1s\"").start();
    run.until(4.6);
    assert_eq!(run.status("web", "app"), "Terminated Completed 0 | Terminated Completed 0 | 1");
    assert_eq!(run.phase("web"), "Running");
    run.until(15.0);
    assert_eq!(run.status("web", "app"), "Waiting CrashLoopBackOff | Terminated Completed 0 | 1");
    run.until(40.0);
    run.expect("web/app Running", &[2.25, 3.5, 15.25, 37.25]);
}

/// 1.1 rule 4, 2.2: OnFailure restarts failures only; done when all have succeeded.
#[test]
fn on_failure_restarts_failures_only() {
    let spec = "restartPolicy: OnFailure, containers: [{name: good, image: 'i:1'}, {name: bad, image: 'i:1'}]";
    let sections = "[[behavior]]\nselect = { container = \"good\" }\nrun = \"4s\"\n\
                    [[behavior]]\nselect = { container = \"bad\" }\nrun = \"1s\"\nexit_codes = 7";
    let mut run = Scene::new(&pod("web", spec)).with(sections).start();
    run.until(60.0);
    // bad: 2.5 to 3.5, 3.75 to 4.75. The end of good at 6.25 brings a sync that fails, too: a pod has one retry, which is
    // now due at 16.25, polled at 17. bad runs from 17.25 to 18.25; tries at 29 and 39 (20.75 after the end).
    run.expect("web/good Running", &[2.25]).expect("web/bad Running", &[2.5, 3.75, 17.25, 39.25]);
    assert_eq!(
        (run.phase("web").as_str(), run.status("web", "good").as_str()),
        ("Running", "Terminated Completed 0 | Unset | 0")
    );
    let run = Scene::new(&pod("job", spec)).with("[[behavior]]\nrun = \"4s\"").run();
    run.expect("pod job Succeeded", &[6.5]).expect("pod job Ready False PodCompleted", &[6.5]);
}

/// 1.1 rule 4: Never ends with the last container; one failure fails the pod.
#[test]
fn never_ends_succeeded_or_failed() {
    let spec = "restartPolicy: Never, containers: [{name: a, image: 'i:1'}, {name: b, image: 'i:1'}]";
    let behavior = |code: u8| {
        format!(
            "[[behavior]]\nselect = {{ container = \"a\" }}\nrun = \"3s\"\nexit_codes = {code}\n\
             [[behavior]]\nselect = {{ container = \"b\" }}\nrun = \"9s\"\n"
        )
    };
    let run = Scene::new(&pod("web", spec)).with(&behavior(0)).run();
    run.expect("pod web Running", &[2.5]).expect("pod web Succeeded", &[11.5]).expect("web/a Running", &[2.25]);
    let mut run = Scene::new(&pod("web", spec)).with(&behavior(5)).start();
    run.until(8.0);
    assert_eq!(
        (run.phase("web").as_str(), run.status("web", "a").as_str()),
        ("Running", "Terminated Error 5 | Unset | 0")
    );
    run.until(100.0);
    run.expect("pod web Failed", &[11.5]).expect("pod web Ready False PodFailed", &[11.5]);
    assert!(run.pod("web").is_some(), "a finished pod stays until somebody deletes it");
}

/// 2.1 with its spread: an exit is noticed within the relist period plus 50 ms; a retry comes 10 to 15 s after the sync,
/// polled each second.
#[test]
fn with_typical_latencies_every_step_lies_in_its_range() {
    for seed in 1..=20 {
        let scene = Scene::new(&pod("web", WEB)).with(CRASHES).control_plane("").seed(seed);
        let run = scene.run();
        let (starts, ends) = (run.times("web/app Running"), run.times("web/app Terminated Error 1"));
        // At once: relist within 1 s, 0.05 s to the sync (less if one is due anyway), 0.1 to 0.4 s for the start.
        within(starts[1] - ends[0], 0.1, 1.45);
        // 10 s: noticed after up to 1.05; the retry 10 to 15 s and up to 1 s later; the start.
        within(starts[2] - ends[1], 10.1, 17.45);
        // 20 s, in steps of 10 to 16 s: the second or the third.
        within(starts[3] - ends[2], 20.1, 33.45);
        within(run.times("web/app Waiting CrashLoopBackOff")[0] - ends[1], 0.0, 1.05);
    }
}

/// 4.5: memory = 10Mi + 1Mi/s * t crosses the limit of 70Mi after 60 s: only that container dies, with 137 OOMKilled, and
/// is restarted through the same back-off.
#[test]
fn a_leak_ends_in_an_oom_kill_of_that_container_only() {
    let spec =
        "containers: [{name: leaky, image: 'i:1', resources: {limits: {memory: 70Mi}}}, {name: calm, image: 'i:1'}]";
    let sections = "[[behavior]]\nselect = { container = \"leaky\" }\nmemory = { base = \"10Mi\", leak = \"1Mi/s\" }";
    let run = Scene::new(&pod("web", spec)).with(sections).lasts("3m").run();
    run.expect("web/leaky Running", &[2.25, 62.5, 133.25]);
    // 2.25 + 60; 62.5 + 60; the retry after the second is at 133 (122.5 + 10 polled).
    run.expect("web/leaky Terminated OOMKilled 137", &[62.25, 122.5]).expect("web/calm Running", &[2.5]);
    run.expect("web/calm Terminated", &[]);
}

/// 2.5: with `ReduceDefaultCrashLoopBackOffDecay` 1 s, doubled up to 60 s, on the same retry grid of 10 s. Ends at 3.25,
/// 4.5; then tries at 15 (1 s over), 27 (2 s), 39 (4 s), 51 (8 s), 63 (11.75 of 16: too soon), 73; each ends 1.25 s later.
#[test]
fn a_reduced_back_off_still_waits_for_the_grid() {
    let gate = "feature_gates = [\"ReduceDefaultCrashLoopBackOffDecay\"]";
    let run = Scene::new(&pod("web", WEB)).with(CRASHES).setting(gate).lasts("75s").run();
    run.expect("web/app Running", &[2.25, 3.5, 15.25, 27.25, 39.25, 51.25, 73.25]);
    // 2.5: a longest wait of its own: at every try it is over.
    let run = Scene::new(&pod("web", WEB)).with(CRASHES).setting("crash_loop_max = \"5s\"").lasts("65s").run();
    run.expect("web/app Running", &[2.25, 3.5, 15.25, 27.25, 39.25, 51.25, 63.25]);
}

/// 2.6: a container's own rules go before its policy, and that before the pod's; off by default.
#[test]
fn containers_have_restart_rules_of_their_own() {
    let rules =
        "restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]";
    let yaml = pod("web", &format!("restartPolicy: Never, containers: [{{name: app, image: 'i:1', {rules}}}]"));
    let codes = "[[behavior]]\nrun = \"1s\"\nfirst_exit_codes = [42, 42]\nexit_codes = 7";
    let gate = "feature_gates = [\"ContainerRestartRules\"]";
    let run = Scene::new(&yaml).with(codes).setting(gate).run();
    // At once, then after 10 s on the grid; 7 is in no rule.
    run.expect("web/app Running", &[2.25, 3.5, 15.25]).expect("web/app Terminated Error 7", &[16.25]);
    run.expect("pod web Running", &[2.25]).expect("pod web Failed", &[16.25]);
    let run = Scene::new(&yaml).with(codes).run();
    run.expect("web/app Running", &[2.25]).expect("pod web Failed", &[3.25]);
    // Its own policy goes before the pod's.
    let never = pod("web", "containers: [{name: app, image: 'i:1', restartPolicy: Never}]");
    let run = Scene::new(&never).with("[[behavior]]\nrun = \"1s\"").setting(gate).run();
    run.expect("pod web Succeeded", &[3.25]);
    // A probe's kill knows no exit code: rules do not count, and 143 is in none. The sync after a kill that ends with 42
    // knows it.
    let probed = yaml.replace("image: 'i:1',", "image: 'i:1', livenessProbe: {tcpSocket: {port: 80}},");
    let run = Scene::new(&probed).with("[[behavior]]\nlistens = []").setting(gate).run();
    run.expect("web/app Terminated Error 143", &[30.0]).expect("pod web Failed", &[30.0]);
    let ends = "[[behavior]]\nlistens = []\non_terminate = { exit_code = 42 }";
    let run = Scene::new(&probed).with(ends).setting(gate).lasts("40s").run();
    run.expect("web/app Terminated Error 42", &[30.0]).expect("web/app Running", &[2.25, 30.25]);
}
