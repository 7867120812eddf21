//! Probes: when results are published and what follows (spec 2.10).

use crate::support::{Scene, pod};
use podsim::model::PodConditionType;

const PORT: &str = "ports: [{containerPort: 8080}]";

fn app(probes: &str) -> String {
    pod("web", &format!("containers: [{{name: app, image: 'i:1', {PORT}, {probes}}}]"))
}

/// The container runs at 2.25 and serves at 5.25. Its status is computed at 2.25: that triggers a probe at once, which
/// fails, and ticks every period from then: 7.25 is the first after 5.25.
#[test]
fn readiness_is_published_at_the_first_success() {
    let slow = "[[behavior]]\nstartup = \"3s\"";
    let readiness = "readinessProbe: {httpGet: {port: 8080}, periodSeconds: 5}";
    let run = Scene::new(&app(readiness)).with(slow).run();
    run.expect("web/app Running", &[2.25]).expect("web/app ready true", &[7.25]).expect("pod web Ready True", &[7.25]);
    run.expect("event web Warning", &[]);
    // A delay of 10 s runs from the start as shown, 2: the first tick at or after 12.
    let delayed = "readinessProbe: {httpGet: {port: 8080}, periodSeconds: 5, initialDelaySeconds: 10}";
    Scene::new(&app(delayed)).with(slow).run().expect("pod web Ready True", &[12.25]);
    // Two successes in a row.
    let twice = "readinessProbe: {httpGet: {port: 8080}, periodSeconds: 5, successThreshold: 2}";
    Scene::new(&app(twice)).with(slow).run().expect("pod web Ready True", &[12.25]);
    // Served at once, the extra probe at 2.25 finds it ready: earlier than the tick at 5.
    Scene::new(&app(readiness)).run().expect("pod web Ready True", &[2.25]);
}

/// The database is down from 100 on: probes at 102.25, 107.25 and 112.25 fail, the third publishes. Every sync of the pod
/// probes once more while it is unready. The database: exits at 100 and 100.25 (restarted at once), waits until 111
/// (10.75), exits at 111.25, then waits for 20 s. Its syncs are at 112.25 (the readiness), 123 and 133: up at 133.25.
#[test]
fn readiness_fails_after_three_failures_and_comes_back_at_once() {
    let yaml = pod(
        "web",
        &format!(
            "containers: [{{name: app, image: 'i:1', {PORT}, readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 5}}}}, \
             {{name: db, image: 'i:1'}}]"
        ),
    );
    let sections = "[[behavior]]\nselect = { container = \"app\" }\nrequires = [\"db\"]\n\
                    [[fault]]\nkind = \"container-outage\"\nat = \"100s\"\nfor = \"20s\"\npod = \"web\"\ncontainer = \"db\"";
    let run = Scene::new(&yaml).with(sections).run();
    // Both run at 2.5; the status that shows it is computed then.
    run.expect("web/db Running", &[2.5, 100.25, 111.25, 133.25]);
    run.expect("web/app ready", &[2.5, 112.5, 133.25]).expect("web/app Running", &[2.25]);
    run.expect("event web Warning Unhealthy: Readiness probe failed: ", &[112.5]);
    assert_eq!(run.story("web/app ready"), ["web/app ready true", "web/app ready false", "web/app ready true"]);
}

/// Nobody listens on 8080. Probe workers tick from the first sync on (0), the delay ends at 2 + 5 = 7: failures at 10, 20
/// and 30. Each kill restarts through the crash-loop back-off (2.5); a sync knows the runtime as it was at its beginning
/// (2.1), so at a kill the end of the instance before counts: at 30 there is none; at 60 no wait has begun (it becomes
/// 10 s); 90 is 30 s after the end at 60 (becomes 20), 120 as well (becomes 40); at 150 only 30 of 40 s are over. From then
/// on the end at 150 counts: tries at 160, 170, 180 and 190.
#[test]
fn liveness_kills_and_the_back_off_follows() {
    let probe = "livenessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 5}";
    let run = Scene::new(&app(probe)).with("[[behavior]]\nlistens = [9090]").lasts("195s").run();
    run.expect("web/app Running", &[2.25, 30.25, 60.25, 90.25, 120.25, 190.25]);
    run.expect("web/app Terminated Error 143", &[30.0, 60.0, 90.0, 120.0, 150.0]);
    run.expect("web/app Waiting CrashLoopBackOff", &[150.0]);
    run.expect(
        "event web Normal Killing: Container app failed liveness probe, will be restarted",
        &[30.0, 60.0, 90.0, 120.0, 150.0],
    );
    // Without a readiness probe it is ready whenever it runs.
    assert!(!run.is("web", PodConditionType::Ready) || run.times("web/app ready true").len() == 6);
}

/// 2.11: the grace of the probe counts for its kills, at least 2 s; then 137.
#[test]
fn a_probes_own_grace_counts() {
    let probe = "livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 10, failureThreshold: 1, terminationGracePeriodSeconds: 4}";
    let sections = "[[behavior]]\nlistens = [9090]\non_terminate = \"ignore\"";
    let run = Scene::new(&app(probe)).with(sections).lasts("20s").run();
    run.expect("web/app Terminated Error 137", &[14.0]).expect("web/app Running", &[2.25, 14.25]);
    // 2.3: under Never nothing is kept and nothing to start: the pod is killed, with its own grace of 30 s.
    let never = app(probe).replace("spec: {", "spec: {restartPolicy: Never, ");
    let run = Scene::new(&never).with(sections).run();
    run.expect("web/app Running", &[2.25]).expect("pod web Failed", &[40.0]);
}

/// The startup probe ticks at 4, 6, 8, 10; the process has started up at 9.25. Until 10 nothing else is probed; the sync at
/// 10 triggers readiness at once. Liveness would have killed it at 3.
#[test]
fn startup_gates_the_other_probes() {
    let probes = "startupProbe: {exec: {command: [x]}, periodSeconds: 2, failureThreshold: 30}, \
                  readinessProbe: {httpGet: {port: 8080}, periodSeconds: 10}, \
                  livenessProbe: {httpGet: {port: 8080}, periodSeconds: 1, failureThreshold: 1}";
    let mut run = Scene::new(&app(probes)).with("[[behavior]]\nstartup = \"7s\"").start();
    run.until(9.0);
    assert!(!run.is("web", PodConditionType::Ready));
    run.until(300.0);
    run.expect("web/app ready true", &[10.0]).expect("pod web Ready True", &[10.0]).expect("web/app Running", &[2.25]);
    // Without a readiness probe it is ready when it has started.
    let only = "startupProbe: {exec: {command: [x]}, periodSeconds: 2, failureThreshold: 30}";
    let run = Scene::new(&app(only)).with("[[behavior]]\nstartup = \"7s\"").run();
    run.expect("pod web Ready True", &[10.0]);
}

/// Failures at 5, 10 and 15 kill it; again at 20, 25 and 30 after the restart at 15.25.
#[test]
fn a_startup_that_takes_too_long_is_killed() {
    let probe = "startupProbe: {httpGet: {port: 8080}, periodSeconds: 5}";
    let run = Scene::new(&app(probe)).with("[[behavior]]\nstartup = \"60s\"").lasts("32s").run();
    run.expect("web/app Running", &[2.25, 15.25, 30.25]).expect("web/app Terminated Error 143", &[15.0, 30.0]);
    run.expect("event web Normal Killing: Container app failed startup probe, will be restarted", &[15.0, 30.0]);
    run.expect("event web Warning Unhealthy: Startup probe failed: ", &[15.0, 30.0]);
    run.expect("pod web Ready True", &[]);
}

/// 2.10: on deletion liveness stops, readiness goes on. The database stops at once at 60, the app needs 28 s: it fails its
/// readiness at 62.5, 67.5 and 72.5, and the status says so although the pod's worker waits for it to stop.
#[test]
fn readiness_goes_on_while_a_pod_stops() {
    let yaml = pod(
        "web",
        &format!(
            "containers: [{{name: app, image: 'i:1', {PORT}, readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 5}}, \
             livenessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}}}, {{name: db, image: 'i:1'}}]"
        ),
    );
    let sections = "[[behavior]]\nselect = { container = \"app\" }\nrequires = [\"db\"]\n\
                    on_terminate = { after = \"28s\", exit_code = 0 }\n\
                    [[change]]\nat = \"60s\"\ndelete = \"Pod/web\"";
    let run = Scene::new(&yaml).with(sections).run();
    run.expect("web/app ready", &[2.5, 72.5]).expect("pod web Ready False", &[0.0, 72.5, 88.0]);
    run.expect("web/app Terminated Completed 0", &[88.0]).expect("event web Warning Unhealthy: Liveness", &[]);
}

/// 2.10, the documentation's exec-liveness: healthy for 30 s, then every probe fails. It runs and serves at 2.25; delay 5 s
/// from 2: eligible at 7, ticks every 5 s from 0: fails at 35, 40 and 45.
#[test]
fn a_process_that_becomes_unhealthy_fails_its_probes() {
    let probe = "livenessProbe: {exec: {command: [cat, /tmp/healthy]}, initialDelaySeconds: 5, periodSeconds: 5}";
    let sections = "[[behavior]]\nunhealthy = { after = \"30s\" }";
    let run = Scene::new(&app(probe)).with(sections).lasts("50s").run();
    run.expect("web/app Terminated Error 143", &[45.0]).expect("web/app Running", &[2.25, 45.25]);
    run.expect("event web Warning Unhealthy: Liveness probe failed: command exited with a failure", &[45.0]);
    // One that hangs fails each probe after its time-out (2.10: a time-out is a failure).
    let hangs = "[[behavior]]\nunhealthy = { after = \"30s\", hangs = true }";
    let slow = probe.replace("periodSeconds: 5", "periodSeconds: 5, timeoutSeconds: 3");
    let run = Scene::new(&app(&slow)).with(hangs).lasts("50s").run();
    run.expect("web/app Terminated Error 143", &[48.0]);
    run.expect("event web Warning Unhealthy: Liveness probe failed: command timed out", &[48.0]);
    // TCP still connects; so does anything once it is healthy again (32.25 to 42.25: two failures).
    let tcp = app("livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 5}");
    Scene::new(&tcp).with(hangs).run().expect("web/app Terminated", &[]);
    let short = "[[behavior]]\nunhealthy = { after = \"30s\", for = \"10s\" }";
    Scene::new(&app(probe)).with(short).run().expect("web/app Terminated", &[]);
}

/// 2.10: the extra probe at 2.25 moves the ticks: failures at 37.25, 42.25 and 47.25, the first success at 62.25 (healthy
/// again from 61.25 on).
#[test]
fn an_unhealthy_process_leaves_its_service() {
    let probe = "readinessProbe: {httpGet: {port: 8080}, periodSeconds: 5}";
    let short = "[[behavior]]\nunhealthy = { after = \"30s\", for = \"29s\" }";
    let run = Scene::new(&app(probe)).with(short).lasts("90s").run();
    run.expect("web/app ready true", &[2.25, 62.25]).expect("web/app ready false", &[47.25]);
    run.expect("event web Warning Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500", &[47.25]);
}
