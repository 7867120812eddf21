//! The gallery of `scenarios/lifecycle`, the part about a pod's own life: each shipped scenario does what was worked out by
//! hand from the written rules. `docs/LIFECYCLE.md` tells the same tables with words.

use std::path::Path;

use crate::support::Run;

/// Runs a shipped scenario to its end.
fn gallery(name: &str) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/lifecycle").join(format!("{name}.toml"));
    let loaded = podsim::scenario::load(&path, &[]);
    let told = loaded.diagnostics.render(&loaded.sources, false);
    assert!(loaded.diagnostics.is_empty() && loaded.ignored.iter().all(|(path, _)| path.ends_with(".args")), "{told}");
    let mut run = Run::new(loaded.plan.expect("a plan"));
    run.until(f64::MAX);
    run
}

/// 2.5: the wait runs from the end of the last instance: none, 10, 20, 40, 80, 160, 300, 300 and 300 s. 2.4: tried each
/// 10 s (2.1: from the failed sync, polled each second, so the first falls on the next whole second).
///
/// | ends at | waits | over at | tries | starts at |
/// |---|---|---|---|---|
/// | 60 | none | 60 | 60 | 60.25 |
/// | 60.25 | 10 | 70.25 | 71 | 71.25 |
/// | 71.25 | 20 | 91.25 | 82, 92 | 92.25 |
/// | 92.25 | 40 | 132.25 | 103, 113, 123, 133 | 133.25 |
/// | 133.25 | 80 | 213.25 | 144, .., 214 | 214.25 |
/// | 214.25 | 160 | 374.25 | 225, .., 375 | 375.25 |
/// | 375.25 | 300 | 675.25 | 386, .., 676 | 676.25 |
/// | 676.25 | 300 | 976.25 | 687, .., 977 | 977.25 |
/// | 977.25 | 300 | 1277.25 | 988, .., 1278 | 1278.25 |
/// | 1278.25 | 300 | 1578.25 | 1289, .., 1579 | 1579.25, well since 1500 |
/// | 2700 | none: it ended more than 600 s after 1579 | 2700 | 2700 | 2700.25 |
/// | 2705 | 10 | 2715 | 2715 (at equality it starts) | 2715.25 |
#[test]
pub fn crash_loop() {
    let run = gallery("crash-loop");
    let starts =
        [2.25, 60.25, 71.25, 92.25, 133.25, 214.25, 375.25, 676.25, 977.25, 1278.25, 1579.25, 2700.25, 2715.25];
    let ends = [60.0, 60.25, 71.25, 92.25, 133.25, 214.25, 375.25, 676.25, 977.25, 1278.25, 2700.0, 2705.0];
    let waits = [60.25, 71.25, 92.25, 133.25, 214.25, 375.25, 676.25, 977.25, 1278.25, 2705.0];
    run.expect("web/app Running", &starts).expect("web/app Terminated Error 1", &ends);
    run.expect("web/app Waiting CrashLoopBackOff", &waits).expect("event web Warning BackOff", &waits);
    // 1.1 rule 4: it is Running all the time.
    run.expect("pod web Running", &[2.25]);
    assert_eq!(
        (run.phase("web").as_str(), run.status("web", "app")),
        ("Running", "Running | Terminated Error 1 | 12".into())
    );
}

/// 2.8: from the failure on 10, 20, 40, 80 and 160 s; a pull that fails takes 0.5 s; tries on the grid of 2.4.
///
/// | fails at | waits | over at | tries | pulls at |
/// |---|---|---|---|---|
/// | 1 | 10 | 11 | 11 | 11 |
/// | 11.5 | 20 | 31.5 | 22, 32 | 32 |
/// | 32.5 | 40 | 72.5 | 43, .., 73 | 73 |
/// | 73.5 | 80 | 153.5 | 84, .., 154 | 154 |
/// | 154.5 | 160 | 314.5 | 165, .., 315 | 315, well since 180: 1.5 s, Running at 316.75 |
///
/// 2.7: `later` pulls at 200.5 and runs at 202.25. At its next try, 205, `second` finds the image on its node and does not
/// ask for the back-off: Running at 205.25.
#[test]
pub fn image_registry_outage() {
    let run = gallery("image-registry-outage");
    run.expect("first/app pull", &[0.5, 1.0, 11.0, 11.5, 32.0, 32.5, 73.0, 73.5, 154.0, 154.5, 315.0, 316.5]);
    run.expect("first/app pulled false", &[1.0, 11.5, 32.5, 73.5, 154.5]).expect("first/app Running", &[316.75]);
    run.expect("first/app Waiting ErrImagePull", &[1.0, 32.5, 73.5, 154.5]);
    run.expect("first/app Waiting ImagePullBackOff", &[22.0, 43.0, 84.0, 165.0]);
    run.expect("second/app pulled", &[1.0, 11.5, 32.5, 73.5, 154.5]).expect("second/app Running", &[205.25]);
    run.expect("later/app Running", &[202.25]);
    // 1.1 rule 2: Pending until then.
    run.expect("pod first Running", &[316.75]).expect("pod second Running", &[205.25]);
}

/// 2.10: probes every 5 s from 0 on, the first after the delay of 5 s from the start as shown (whole seconds); the third
/// failure in a row kills. 2.11: the grace is 30 s, then 137.
///
/// | starts at | unhealthy at | failures | killed | ends at | 2.5: measured from | waited | next start |
/// |---|---|---|---|---|---|---|---|
/// | 2.25 | 32.25 | 35, 40, 45 | 45 | 75 | nothing before | none | 75.25 |
/// | 75.25 | 105.25 | 110, 115, 120 | 120 | 150 | 75, no wait has begun | none; 10 s begin | 150.25 |
/// | 150.25 | 180.25 | 185, 190, 195 | 195 | 225 | 150 | 75 of 10; 20 s begin | 225.25 |
/// | 225.25 | 255.25 | 260, 265, 270 | 270 | 300 | 225 | 75 of 20; 40 s begin | 300.25 |
/// | 300.25 | 330.25 | 335, 340, 345 | 345 | 375 | 300 | 75 of 40; 80 s begin | 375.25 |
/// | 375.25 | 405.25 | 410, 415, 420 | 420 | 450 | 375, then 450 | 75 of 80: too soon; tries 460, .., 530 | 530.25 |
/// | 530.25 | 560.25 | 565, 570, 575 | 575 | after the end | | | |
#[test]
pub fn strict_liveness() {
    let run = gallery("strict-liveness");
    let name = "liveness-exec/liveness";
    run.expect(&format!("{name} Running"), &[2.25, 75.25, 150.25, 225.25, 300.25, 375.25, 530.25]);
    run.expect(&format!("{name} Terminated Error 137"), &[75.0, 150.0, 225.0, 300.0, 375.0, 450.0]);
    let killed = [45.0, 120.0, 195.0, 270.0, 345.0, 420.0, 575.0];
    run.expect("event liveness-exec Warning Unhealthy: Liveness probe failed", &killed);
    run.expect("event liveness-exec Normal Killing: Container liveness failed liveness probe", &killed);
    run.expect(&format!("{name} Waiting CrashLoopBackOff"), &[450.0]);
    // 2.10: without a readiness probe it is ready whenever it runs, healthy or not. A sync that kills and restarts reports
    // nothing between (2.1), so the pod stays Ready until it has to wait.
    run.expect("pod liveness-exec Ready True", &[2.25, 530.25]).expect("pod liveness-exec Ready False", &[0.0, 450.0]);
}

/// 2.3: the next container starts when the one before it has exited with 0; 2.5 holds for init containers, too.
///
/// | what | when | why |
/// |---|---|---|
/// | migrate runs | 2.25 | sandbox 0.5, pull 1.5, start 0.25 |
/// | it fails | 4.25 | after 2 s; at once again: no wait has begun |
/// | runs, fails | 4.5, 6.5 | now it waits for 10 s, until 16.5 |
/// | runs, succeeds | 17.25, 19.25 | try at 17 (6.5 + 10, polled) |
/// | Initialized | 19.25 | 1.4 (d) |
/// | app runs | 21 | pull 1.5, start 0.25 |
#[test]
pub fn init_fails_twice() {
    let run = gallery("init-fails-twice");
    run.expect("web/migrate Running", &[2.25, 4.5, 17.25]).expect("web/migrate Terminated Error 1", &[4.25, 6.5]);
    run.expect("web/migrate Waiting CrashLoopBackOff", &[6.5]).expect("web/migrate Terminated Completed 0", &[19.25]);
    run.expect("pod web Initialized True", &[19.25]).expect("web/app Running", &[21.0]);
    // 1.1: Pending until its main container runs.
    run.expect("pod web Running", &[21.0]).expect("pod web Ready True", &[21.0]);
}

/// 2.3: each sidecar runs before the next container starts. 2.11: all are asked at 60; a sidecar waits for its turn.
///
/// | container | runs | SIGTERM | ends |
/// |---|---|---|---|
/// | proxy | 0.5 + 1.5 + 0.25 = 2.25 | 73, after logs | 75 |
/// | logs | 2.25 + 1.75 = 4 | 70, after app | 73 |
/// | app | 4 + 1.75 = 5.75 | 60 | 70 |
///
/// 1.1: all main containers ended with 0, so the pod has Succeeded, just before it is removed (1.1.3).
#[test]
pub fn sidecar_shutdown() {
    let run = gallery("sidecar-shutdown");
    run.expect("web/proxy Running", &[2.25]).expect("web/logs Running", &[4.0]).expect("web/app Running", &[5.75]);
    run.expect("event web Normal Killing", &[60.0, 60.0, 60.0]);
    run.expect("web/app Terminated Completed 0", &[70.0]).expect("web/logs Terminated Completed 0", &[73.0]);
    run.expect("web/proxy Terminated Completed 0", &[75.0]);
    run.expect("pod web Succeeded", &[75.0]).expect("pod web removed", &[75.0]);
}

/// 2.9, 2.11: the hook runs within the grace of 30 s; what it leaves is for SIGTERM, and at least 2 s.
///
/// | pod | runs | hook | SIGTERM | ends |
/// |---|---|---|---|---|
/// | quick | 2.25 | 60 to 70 | 70 | 71, by itself: exit 0 |
/// | slow | 2.75, its pull is the second | 60, given up at 90 | 90 | 91, by itself: exit 0 |
/// | slow-and-deaf | 3.25 | 60, given up at 90 | 90, ignored | 92: SIGKILL, 137 |
#[test]
fn prestop_outlives_grace() {
    let run = gallery("prestop-outlives-grace");
    for (pod, runs, end, ends, hook) in [
        ("quick", 2.25, "Completed 0", 71.0, None),
        ("slow", 2.75, "Completed 0", 91.0, Some(91.0)),
        ("slow-and-deaf", 3.25, "Error 137", 92.0, Some(92.0)),
    ] {
        run.expect(&format!("{pod}/app Running"), &[runs]).expect(&format!("{pod}/app Terminated {end}"), &[ends]);
        run.expect(&format!("event {pod} Normal Killing"), &[60.0]).expect(&format!("pod {pod} deleting 30"), &[60.0]);
        run.expect(&format!("event {pod} Warning FailedPreStopHook"), hook.as_slice());
        run.expect(&format!("pod {pod} removed"), &[ends]);
    }
    run.expect("pod quick Succeeded", &[71.0]).expect("pod slow-and-deaf Failed", &[92.0]);
}

/// 2.11: 60 s after the pod's start time (0) it is stopped; it is shown as Failed when its containers have stopped (1.1.3).
///
/// | pod | runs | ends | phase |
/// |---|---|---|---|
/// | in-time | 2.25 | 32.25, exit 0 | Succeeded at 32.25 |
/// | too-long | 2.75, its pull is the second | SIGTERM at 60, exit 0 at 65 | Failed, DeadlineExceeded at 65 |
#[test]
fn active_deadline() {
    let run = gallery("active-deadline");
    run.expect("in-time/work Running", &[2.25]).expect("pod in-time Succeeded", &[32.25]);
    run.expect("too-long/work Running", &[2.75]).expect("event too-long Normal DeadlineExceeded", &[60.0]);
    run.expect("too-long/work Terminated Completed 0", &[65.0]).expect("pod too-long Failed DeadlineExceeded", &[65.0]);
    run.expect("event in-time Normal DeadlineExceeded", &[]);
}
