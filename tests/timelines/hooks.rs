//! Lifecycle hooks, and containers that cannot be created or started (spec 1.2, 2.9, 2.11).

use crate::support::{Scene, pod};

fn app(fields: &str) -> String {
    pod("web", &format!("containers: [{{name: app, image: 'i:1', {fields}}}]"))
}

fn delete(at: &str) -> String {
    format!("\n[[change]]\nat = \"{at}\"\ndelete = \"Pod/web\"\n")
}

const IGNORES: &str = "[[behavior]]\non_terminate = \"ignore\"\n";

/// 2.9: postStart runs after the start and blocks the sync: 2.25 to 5.25. Until then the status says nothing of the
/// container (2.1), it is not ready, and the second container waits.
#[test]
fn post_start_blocks_the_sync() {
    let yaml = pod(
        "web",
        "containers: [{name: app, image: 'i:1', lifecycle: {postStart: {exec: {command: [x]}}}}, {name: b, image: 'i:1'}]",
    );
    let mut run = Scene::new(&yaml).with("[[behavior]]\npost_start = { takes = \"3s\" }").start();
    run.until(5.0);
    assert_eq!(run.status("web", "app"), "Waiting ContainerCreating | Unset | 0");
    run.until(60.0);
    run.expect("web/app Running", &[2.25]).expect("web/app ready true", &[5.25]).expect("web/b Running", &[5.5]);
    run.expect("pod web Running", &[5.5]).expect("pod web Ready True", &[5.5]);
    // A hook that sleeps takes as long as it says.
    let run = Scene::new(&app("lifecycle: {postStart: {sleep: {seconds: 4}}}")).run();
    run.expect("pod web Ready True", &[6.25]);
}

/// 2.9: a hook that fails has the container killed (143), PostStartHookError; then the restart policy: at once, for the
/// first end began no back-off (2.5). The hook fails again at 8.5: 10 s, try at 18.5, polled 19.
#[test]
fn a_failed_post_start_kills_the_container() {
    let yaml = app("lifecycle: {postStart: {exec: {command: [x]}}}");
    let fails = "[[behavior]]\npost_start = { takes = \"3s\", fails = true }";
    let mut run = Scene::new(&yaml).with(fails).start();
    run.until(5.4);
    assert_eq!(run.status("web", "app"), "Waiting PostStartHookError | Terminated Error 143 | 0");
    run.until(20.0);
    run.expect("web/app Running", &[2.25, 5.5, 19.25]).expect("web/app Terminated Error 143", &[5.25, 8.5]);
    run.expect("web/app Waiting PostStartHookError", &[5.25, 8.5]).expect("web/app Waiting CrashLoop", &[8.5]);
    run.expect("event web Warning FailedPostStartHook: PostStartHook failed", &[5.25, 8.5]);
    run.expect("event web Normal Killing: FailedPostStartHook", &[5.25, 8.5]).expect("web/app ready", &[]);
    // Never: the pod has failed.
    let never = yaml.replace("spec: {", "spec: {restartPolicy: Never, ");
    Scene::new(&never).with(fails).run().expect("pod web Failed", &[5.25]);
    // A process that ignores SIGTERM has the pod's grace; a command ends with the process that it is in.
    let stubborn = fails.to_owned() + "\non_terminate = \"ignore\"";
    Scene::new(&never).with(&stubborn).run().expect("web/app Terminated Error 137", &[35.25]);
    let crashes = "[[behavior]]\nrun = \"1s\"\nexit_codes = 3\npost_start = { takes = \"3s\" }";
    let run = Scene::new(&never).with(crashes).run();
    run.expect("web/app Terminated Error 3", &[3.25]).expect("event web Warning FailedPostStartHook", &[3.25]);
    run.expect("pod web Failed", &[3.25]);
}

/// An HTTP hook wants somebody to listen; `tcpSocket` is no hook that a kubelet knows.
#[test]
fn hooks_that_ask_a_port() {
    let http = app("ports: [{containerPort: 80}], lifecycle: {postStart: {httpGet: {port: 80}}}");
    let slow = "[[behavior]]\nstartup = \"2s\"\npost_start = { takes = \"1s\" }";
    Scene::new(&http).with(slow).lasts("4s").run().expect("event web Warning FailedPostStartHook", &[3.25]);
    let quick = "[[behavior]]\nstartup = \"500ms\"\npost_start = { takes = \"1s\" }";
    Scene::new(&http).with(quick).run().expect("pod web Ready True", &[3.25]);
    let tcp = app("lifecycle: {preStop: {tcpSocket: {port: 80}}}");
    let run = Scene::new(&tcp).with(&delete("60s")).run();
    run.expect("event web Warning FailedPreStopHook", &[60.0]).expect("pod web removed", &[60.0]);
}

/// 2.9, 2.11: preStop comes before SIGTERM and its whole seconds are taken off the grace; at least 2 s stay.
#[test]
fn pre_stop_takes_from_the_grace() {
    let exec = app("lifecycle: {preStop: {exec: {command: [x]}}}");
    for (takes, sigterm, sigkill) in
        [("5s", 65.0, 90.0), ("5900ms", 65.9, 90.9), ("28700ms", 88.7, 90.7), ("30s", 90.0, 92.0), ("40s", 90.0, 92.0)]
    {
        let hook = format!("[[behavior]]\npre_stop = {{ takes = \"{takes}\" }}\n{}", delete("60s"));
        let run = Scene::new(&exec).with(&hook).run();
        run.expect("web/app Terminated Error 143", &[sigterm]).expect("pod web removed", &[sigterm]);
        run.expect("event web Normal Killing: Stopping container app", &[60.0]);
        let run = Scene::new(&exec).with(IGNORES).with(&hook).run();
        run.expect("web/app Terminated Error 137", &[sigkill]);
        // One that is given up on fails when its container goes.
        let failed: &[f64] = if takes == "40s" { &[sigkill] } else { &[] };
        run.expect("event web Warning FailedPreStopHook: PreStopHook failed", failed);
    }
    let sleep = app("lifecycle: {preStop: {sleep: {seconds: 10}}}");
    Scene::new(&sleep).with(&delete("60s")).run().expect("web/app Terminated Error 143", &[70.0]);
    let fails = "[[behavior]]\npre_stop = { takes = \"2s\", fails = true }".to_owned() + &delete("60s");
    let run = Scene::new(&exec).with(&fails).run();
    run.expect("event web Warning FailedPreStopHook", &[62.0]).expect("web/app Terminated Error 143", &[62.0]);
}

/// 2.9: not when the process ends by itself; and a second deletion begins it anew with the shorter grace.
#[test]
fn pre_stop_belongs_to_kills() {
    let exec = "lifecycle: {preStop: {exec: {command: [x]}}}";
    let never = app(exec).replace("spec: {", "spec: {restartPolicy: Never, ");
    let ends = "[[behavior]]\nrun = \"10s\"\npre_stop = { takes = \"5s\" }";
    Scene::new(&never).with(ends).run().expect("pod web Succeeded", &[12.25]).expect("event web Normal Killing", &[]);
    let twice = "[[behavior]]\npre_stop = { takes = \"20s\" }".to_owned()
        + &delete("60s")
        + &delete("65s")
        + "grace = \"10s\"\n";
    let run = Scene::new(&app(exec)).with(&twice).run();
    run.expect("event web Normal Killing", &[60.0, 65.0]).expect("web/app Terminated Error 143", &[75.0]);
    // A liveness kill runs it as well: failed at 10, 20 and 30 (2.10), restarted when the container is gone.
    let probed = app(&format!("{exec}, livenessProbe: {{tcpSocket: {{port: 80}}}}"));
    let run = Scene::new(&probed).with("[[behavior]]\nlistens = []\npre_stop = { takes = \"5s\" }").lasts("40s").run();
    run.expect("web/app Terminated Error 143", &[35.0]).expect("web/app Running", &[2.25, 35.25]);
}

/// 2.11: the hooks of sidecars run when the pod's termination begins; then they wait for their turn with what is left.
#[test]
fn hooks_of_sidecars_run_at_once() {
    let yaml = pod(
        "web",
        "initContainers: [{name: s, image: 'i:1', restartPolicy: Always, lifecycle: {preStop: {exec: {command: [x]}}}}], \
         containers: [{name: m, image: 'i:1'}], terminationGracePeriodSeconds: 20",
    );
    for (main, gone) in [("3s", 65.0), ("8s", 68.0)] {
        let sections = format!(
            "[[behavior]]\nselect = {{ container = \"m\" }}\non_terminate = {{ after = \"{main}\", exit_code = 0 }}\n\
             [[behavior]]\nselect = {{ container = \"s\" }}\npre_stop = {{ takes = \"5s\" }}\n{}",
            delete("60s")
        );
        let run = Scene::new(&yaml).with(&sections).run();
        run.expect("web/s Terminated Error 143", &[gone]).expect("pod web removed", &[gone]);
        run.expect("event web Normal Killing", &[60.0, 60.0]);
    }
}

/// 1.2: a start that the runtime refuses leaves an exited instance (128, StartError), so the crash-loop back-off counts:
/// again at once, then 10 s, polled 13. One that cannot be created leaves nothing: tried again at each retry.
#[test]
fn containers_that_cannot_be_made() {
    let yaml = app("");
    let start = "[[behavior]]\nstart_fails = { reason = \"RunContainerError\", times = 2 }";
    let mut run = Scene::new(&yaml).with(start).start();
    run.until(2.3);
    assert_eq!(run.status("web", "app"), "Waiting RunContainerError | Terminated StartError 128 | 0");
    run.until(5.0);
    assert_eq!(run.status("web", "app"), "Waiting RunContainerError | Terminated StartError 128 | 1");
    run.until(20.0);
    assert_eq!(run.status("web", "app"), "Running | Terminated StartError 128 | 2");
    run.expect("web/app Terminated StartError 128", &[2.25, 2.5]).expect("web/app Running", &[13.25]);
    run.expect("web/app Waiting RunContainerError", &[2.25, 2.5]).expect("web/app Waiting CrashLoopBackOff", &[2.5]);
    let never = yaml.replace("spec: {", "spec: {restartPolicy: Never, ");
    let run = Scene::new(&never).with(start).run();
    run.expect("pod web Failed", &[2.25]).expect("web/app Running", &[]);
    for reason in ["CreateContainerConfigError", "CreateContainerError"] {
        let fails = format!("[[behavior]]\nstart_fails = {{ reason = \"{reason}\", times = 2 }}");
        let run = Scene::new(&yaml).with(&fails).run();
        run.expect(&format!("web/app Waiting {reason}"), &[2.0]).expect("web/app Running", &[22.25]);
        run.expect("event web Warning Failed: Error: ", &[2.0]);
    }
}
