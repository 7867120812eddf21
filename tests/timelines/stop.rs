//! How pods stop: graceful and forced deletion, deadlines, deletion in the middle of something.

use crate::support::{Scene, pod};

const WEB: &str = "containers: [{name: app, image: 'i:1'}]";

fn delete(at: &str, grace: &str) -> String {
    let grace = if grace.is_empty() { String::new() } else { format!("grace = \"{grace}\"") };
    format!("[[change]]\nat = \"{at}\"\ndelete = \"Pod/web\"\n{grace}\n")
}

/// Spec 2.11: SIGTERM ends a process that does nothing about it with 143, at once. 1.1.3: the status passes through a
/// terminal phase just before the object goes.
#[test]
fn sigterm_ends_a_process_with_143() {
    let run = Scene::new(&pod("web", WEB)).with(&delete("60s", "")).run();
    run.expect("pod web deleting 30", &[60.0]).expect("web/app Terminated Error 143", &[60.0]);
    run.expect("pod web Failed", &[60.0]).expect("pod web removed", &[60.0]);
    run.expect("event web Normal Killing: Stopping container app", &[60.0]);
    // A process that handles it ends with its own code and the pod, all of whose containers succeeded, Succeeded.
    let handles = "[[behavior]]\non_terminate = { after = \"7s\", exit_code = 0 }";
    let run = Scene::new(&pod("web", WEB)).with(&delete("60s", "")).with(handles).run();
    run.expect("web/app Terminated Completed 0", &[67.0]).expect("pod web Succeeded", &[67.0]);
    run.expect("pod web removed", &[67.0]);
}

/// 2.11: SIGKILL after the grace: the pod's own, the request's, and at least 2 s for a container.
#[test]
fn a_process_that_ignores_sigterm_is_killed_after_its_grace() {
    let ignores = "[[behavior]]\non_terminate = \"ignore\"";
    for (spec, grace, killed) in [
        (WEB.to_owned(), "", 90.0),
        (format!("{WEB}, terminationGracePeriodSeconds: 45"), "", 105.0),
        (format!("{WEB}, terminationGracePeriodSeconds: 45"), "5s", 65.0),
        (WEB.to_owned(), "1s", 62.0),
    ] {
        let run = Scene::new(&pod("web", &spec)).with(&delete("60s", grace)).with(ignores).run();
        run.expect("web/app Terminated Error 137", &[killed]).expect("pod web removed", &[killed]);
    }
    // 2.11: terminationGracePeriodSeconds 0 removes the object at once; the kubelet goes by 1 s, the container by 2 s.
    let spec = format!("{WEB}, terminationGracePeriodSeconds: 0");
    let run = Scene::new(&pod("web", &spec)).with(&delete("60s", "")).with(ignores).run();
    run.expect("pod web removed", &[60.0]).expect("web/app Terminated Error 137", &[62.0]);
}

/// 2.11: a second request can only shorten the grace; the new one runs from then.
#[test]
fn a_second_deletion_shortens_the_grace() {
    let ignores = "[[behavior]]\non_terminate = \"ignore\"";
    let twice = delete("60s", "") + &delete("70s", "5s");
    let run = Scene::new(&pod("web", WEB)).with(&twice).with(ignores).run();
    run.expect("pod web deleting", &[60.0, 70.0]).expect("web/app Terminated Error 137", &[75.0]);
    let longer = delete("60s", "10s") + &delete("65s", "40s");
    let run = Scene::new(&pod("web", WEB)).with(&longer).with(ignores).run();
    run.expect("pod web deleting", &[60.0]).expect("web/app Terminated Error 137", &[70.0]);
    assert_eq!(run.sim.cluster().pods().live(), 0);
}

/// 2.12: a forced deletion removes the object at once; the processes go on for the spec's grace and hold their memory. A
/// graceful deletion seen before keeps its grace.
#[test]
fn a_forced_deletion_leaves_processes_behind() {
    let sections =
        "[[behavior]]\non_terminate = \"ignore\"\nmemory = { base = \"64Mi\" }\n".to_owned() + &delete("60s", "0s");
    let mut run = Scene::new(&pod("web", WEB)).with(&sections).start();
    run.until(89.9);
    run.expect("pod web removed", &[60.0]).expect("pod web Failed", &[]);
    assert!(run.pod("web").is_none());
    let memory = |run: &crate::support::Run| run.sim.kubelets().usage(run.sim.plan(), run.sim.now()).1;
    assert_eq!(memory(&run), 64 << 20);
    run.until(90.0);
    run.expect("web/app Terminated Error 137", &[90.0]);
    assert_eq!((memory(&run), run.sim.kubelets().records_held()), (0, 0));
    let ignores = "[[behavior]]\non_terminate = \"ignore\"";
    let both = delete("60s", "20s") + &delete("65s", "0s");
    let run = Scene::new(&pod("web", WEB)).with(&both).with(ignores).run();
    run.expect("pod web removed", &[65.0]).expect("web/app Terminated Error 137", &[80.0]);
}

/// 2.11: activeDeadlineSeconds from the start time in whole seconds; Failed only once nothing runs (1.1.3).
#[test]
fn a_deadline_ends_the_pod() {
    let spec = format!("{WEB}, activeDeadlineSeconds: 40");
    let sections = "[[behavior]]\non_terminate = { after = \"3s\", exit_code = 0 }";
    let run = Scene::new(&pod("web", &spec)).with(sections).run();
    run.expect(
        "event web Normal DeadlineExceeded: Pod was active on the node longer than the specified deadline",
        &[40.0],
    );
    run.expect("web/app Terminated Completed 0", &[43.0]).expect("pod web Failed DeadlineExceeded", &[43.0]);
    assert_eq!(run.phase("web"), "Failed DeadlineExceeded");
    // The sync loop looks each second: a pod that starts at 10.3 s has its start time cut to 10 and is seen at 50.
    let later = "[[change]]\nat = \"10300ms\"\napply = \"late.yaml\"";
    let run = Scene::new("").with(later).file("late.yaml", &pod("web", &spec)).run();
    run.expect("event web Normal DeadlineExceeded", &[50.0]);
}

/// 2.11: deletion in the middle of a pull, of a sandbox, of a start, of a back-off: nothing is left running.
#[test]
fn a_pod_can_be_deleted_at_any_step() {
    let crashes = "[[behavior]]\nrun = \"1s\"\nexit_codes = 1";
    for at in ["1ms", "200ms", "500ms", "1s", "2s", "2100ms", "2250ms", "3s", "3300ms", "9s", "15s"] {
        let run = Scene::new(&pod("web", WEB)).with(&delete(at, "")).with(crashes).run();
        assert_eq!(run.sim.cluster().pods().live(), 0, "deleted at {at}");
        assert_eq!(run.sim.kubelets().records_held(), 0, "deleted at {at}");
        let (starts, ends) = (run.times("web/app Running").len(), run.times("web/app Terminated").len());
        assert_eq!(starts, ends, "deleted at {at}");
    }
}

/// 2.11: a pod without a node goes at once, whatever its grace.
#[test]
fn a_pending_pod_goes_at_once() {
    let spec = "nodeSelector: {disk: ssd}, containers: [{name: app, image: 'i:1'}]";
    let run = Scene::new(&pod("web", spec)).with(&delete("60s", "")).run();
    run.expect("pod web removed", &[60.0]).expect("pod web deleting", &[]);
    run.expect(
        "pod web unschedulable: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector",
        &[0.0],
    );
}

/// 2.11: the kill of a whole pod goes for a container, too, that a failed probe is stopping already: asked at 30 with 30 s
/// of grace, it has 5 s from the deletion at 40.
#[test]
fn a_deletion_overtakes_the_kill_of_one_container() {
    let spec =
        "containers: [{name: app, image: 'i:1', livenessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 5}}]";
    let ignores = "[[behavior]]\nlistens = [81]\non_terminate = \"ignore\"\n";
    let run = Scene::new(&pod("web", spec)).with(&(ignores.to_owned() + &delete("40s", "5s"))).run();
    run.expect("event web Normal Killing: Container app failed liveness probe", &[30.0]);
    run.expect("web/app Terminated Error 137", &[45.0]).expect("pod web removed", &[45.0]);
}
