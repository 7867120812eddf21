//! The gallery of `scenarios/workloads`: each shipped scenario does what was worked out by hand from the written rules. In all of
//! them nothing takes time but a sandbox (0.5 s), a pull (0.5 s, and 1 s for 100 MB) and a container's start (0.25 s).

use std::path::Path;

use crate::support::Run;
use podsim::Simulation;
use podsim::base::SimDuration;
use podsim::sim::plan::Plan;

/// A shipped scenario.
fn plan(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/workloads").join(format!("{name}.toml"));
    let loaded = podsim::scenario::load(&path, &[]);
    let told = loaded.diagnostics.render(&loaded.sources, false);
    assert!(!loaded.diagnostics.has_errors(), "{told}");
    loaded.plan.expect("a plan")
}

/// Runs a shipped scenario to its end.
fn gallery(name: &str) -> Run {
    let mut run = Run::new(plan(name));
    run.until(f64::MAX);
    run
}

/// 8.5: failures finish at 7.25, 22.75, 47.75 and 92.75, which the API writes as 7, 22, 47 and 92. The waits of 10, 20 and 40 s
/// run from there. A sync comes 1 s after what happened to a pod; the fourth failure is one more than `backoffLimit`.
///
/// | created | starts | ends | as written | waits | next |
/// |---|---|---|---|---|---|
/// | 0 | 2.25 (with the pull) | 7.25 | 7 | 10 | 17 |
/// | 17 | 17.75 | 22.75 | 22 | 20 | 42 |
/// | 42 | 42.75 | 47.75 | 47 | 40 | 87 |
/// | 87 | 87.75 | 92.75 | 92 | gives up at 93.75 | |
///
/// The other Job's pod is on the same node and asks the registry after the first (0.5 s more): it ends at 7.75, and a second
/// later the policy fails the Job.
#[test]
pub fn jobs_that_fail() {
    let run = gallery("job-failures");
    run.expect("event Job/again Normal SuccessfulCreate", &[0.0, 17.0, 42.0, 87.0]);
    run.expect("event Job/again Warning BackoffLimitExceeded", &[93.75]);
    run.expect("event Job/no-use Normal SuccessfulCreate", &[0.0]);
    run.expect("event Job/no-use Warning PodFailurePolicy", &[8.75]);
    assert_eq!(run.outcome().0.counters.pods_created, 5);
}

/// 8.1: at 60 the new ReplicaSet may have one pod (3 + 1 - 3), and no old one may go before it is available (minAvailable 3).
/// It waits for a node until 900, is ready 0.5 + 1.5 + 0.25 s later, and from then on each pod takes the place of an old one:
/// 2.25 s a step, as each of these nodes pulls the new image.
#[test]
pub fn a_rollout_without_room() {
    let run = gallery("rollout-stuck");
    let scaled = [0.0, 60.0, 902.25, 902.25, 904.5, 904.5, 906.75];
    run.expect("event Deployment/web Normal ScalingReplicaSet", &scaled);
    let (outcome, _) = run.outcome();
    assert_eq!((outcome.counters.pods_created, outcome.pods.len()), (6, 3));
    assert!(outcome.pods.iter().all(|pod| pod.ready == "1/1"));
}

/// 8.1: the last progress was at 60. More than 600 s later, looked at a second after that: 661.
#[test]
pub fn a_rollout_without_room_misses_its_deadline() {
    let mut simulation = Simulation::new(plan("rollout-stuck"));
    let start = simulation.plan().start;
    for (seconds, reason) in
        [(660, "ReplicaSetUpdated"), (661, "ProgressDeadlineExceeded"), (910, "NewReplicaSetAvailable")]
    {
        simulation.run_until(start + SimDuration::from_secs(seconds)).expect("no limit");
        let mut objects = simulation.cluster().objects().iter();
        let status = objects.find_map(|(_, row)| row.status.deployment()).expect("a Deployment with a status");
        assert_eq!(status.progressing.map(|condition| condition.reason), Some(reason), "at {seconds}");
    }
}

/// 8.3: one after the other, each 5 s for its volume and 2.85 s until it is ready (the mount is looked for every 0.3 s, so 0.6 s
/// of that). 6.2 and 6.5: the zone is lost at 600 and last heard of at 590 or later; its nodes are Unknown at 645, and 300 s
/// later the pod's deletion is asked for. 8.3: it stays Terminating, so nobody replaces it. 6.8: the machines are back at 2400, the
/// pod goes, and the next one comes at once, to the zone of its volume.
#[test]
pub fn a_stateful_set_through_the_loss_of_a_zone() {
    let run = gallery("stateful-zone-loss");
    run.expect("event StatefulSet/db Normal SuccessfulCreate", &[0.0, 7.85, 15.7, 2400.0]);
    run.expect("pod db-1 on", &[12.85, 2400.0]).expect("pod db-1 deleting", &[945.0]);
    run.expect("pod db-1 removed", &[2400.0]).expect("pod db-0 deleting", &[]).expect("pod db-2 deleting", &[]);
}

/// 8.6: all ten at 1:00, 2:00 and 3:00 and 100 ms (the next wake-up). 8 cores hold four of 1.5 at a time; 5 GiB are no limit. The
/// others wait for one to end: three waves of 4 minutes.
#[test]
pub fn a_herd_of_cron_jobs() {
    let run = gallery("cronjob-herd");
    run.expect("event CronJob/report-7 Normal SuccessfulCreate", &[3600.1, 7200.1, 10_800.1]);
    let (outcome, _) = run.outcome();
    assert_eq!((outcome.counters.pods_created, outcome.counters.pods_bound), (30, 30));
    // Nobody waits longer than two waves, everybody of the last wave that long.
    assert!((480.0..500.0).contains(&outcome.wait.max), "{:?}", outcome.wait);
}

/// 6.2, 6.5: the node stops at 1800, its pod is not ready when the node is Unknown, and its deletion is asked for 300 s later. 8.2: a
/// pod that is Terminating does not count, so another one comes at that instant. It pulls 180, 35 and 320 MB one after another
/// if its node has none of them.
#[test]
pub fn a_deployment_survives_its_node() {
    let run = gallery("user-msvc-deployment");
    let (outcome, _) = run.outcome();
    assert_eq!((outcome.counters.pods_created, outcome.lost.len()), (4, 1));
    let ready = outcome.pods.iter().filter(|pod| pod.status == "Running" && pod.ready == "3/3").count();
    assert_eq!(ready, 3);
}

/// 8.8: one of two may be missing (minAvailable 1): at 60 the first eviction is allowed, the second is refused with 429, and asked
/// for again every 5 s for ever. The replacement of the first finds no node until 300 and is ready 2.25 s later: the next try,
/// at 305, is accepted.
#[test]
pub fn a_drain_waits_for_a_budget() {
    let refused: Vec<f64> = (12..=60).map(|step| f64::from(step) * 5.0).collect();
    let run = gallery("drain-pdb");
    run.expect("command error when evicting", &refused);
    run.expect("event ReplicaSet", &[0.0, 0.0, 60.0, 305.0]);
    let (outcome, _) = run.outcome();
    assert_eq!((outcome.counters.pods_created, outcome.pods.len()), (4, 2));
    assert!(outcome.pods.iter().all(|pod| pod.ready == "1/1"));
}

/// 8.7 and 9.1: 900 requests of 5 ms a second and 20 m of each of 13 pods are 73 % of what they ask for, which is within the
/// tolerance of 70 %. Three pods of 500 m fit on a node of 1.9 cores: five nodes. Nobody waits for a node longer than a scan (10 s), a machine (1 min) and its boot
/// (1 min), and almost no request fails.
#[test]
pub fn pods_and_nodes_follow_a_day_of_traffic() {
    let run = gallery("hpa-day");
    let (outcome, recording) = run.outcome();
    let most = recording.samples().iter().map(|(_, sample)| sample.nodes).max();
    assert_eq!((most, outcome.pods.len()), (Some(5), 2));
    assert!((120.0..135.0).contains(&outcome.wait.max), "{:?}", outcome.wait);
}
