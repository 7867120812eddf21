//! The gallery of `scenarios/lifecycle`, the part about nodes: each shipped scenario does what was worked out by hand from
//! the written rules. `docs/LIFECYCLE.md` tells the same tables with words.

use std::path::Path;

use crate::support::{Run, within};
use podsim::base::SimDuration;
use podsim::sim::plan::Plan;

fn plan(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/lifecycle").join(format!("{name}.toml"));
    let loaded = podsim::scenario::load(&path, &[]);
    let told = loaded.diagnostics.render(&loaded.sources, false);
    assert!(loaded.diagnostics.is_empty() && loaded.ignored.is_empty(), "{told}");
    loaded.plan.expect("a plan")
}

/// Runs a shipped scenario to its end.
fn gallery(name: &str) -> Run {
    let mut run = Run::new(plan(name));
    run.until(f64::MAX);
    run
}

/// The drawn phase of a node's leases and of its eviction manager: the seconds of its grid of 10 s.
fn phase(name: &str) -> f64 {
    let run = Run::new(plan(name));
    let (node, _) = run.sim.cluster().nodes().entries().next().expect("a node");
    let renewed = run.sim.kubelets().last_renewal(run.sim.plan(), node, run.begin + SimDuration::from_secs(20));
    (renewed - run.begin).as_secs_f64() % 10.0
}

/// 4.5: 64 MiB and 1 MiB a second exceed 256 MiB 192 s after each start. 2.5: the waits are none, 10, 20 and 40 s from the
/// end; 2.4: tried each 10 s from the failed sync, on whole seconds.
///
/// | starts at | killed at | wait | over at | tries |
/// |---|---|---|---|---|
/// | 2.25 | 194.25 | none | 194.25 | 194.25 |
/// | 194.5 | 386.5 | 10 | 396.5 | 397 |
/// | 397.25 | 589.25 | 20 | 609.25 | 600, 610 |
/// | 610.25 | 802.25 | 40 | 842.25 | 813, 823, 833, 843 |
/// | 843.25 | 1035.25 | 80 | 1115.25 | 1046, .., 1116 |
/// | 1116.25 | | | | |
#[test]
fn memory_leak() {
    let run = gallery("memory-leak");
    run.expect("web/app Running", &[2.25, 194.5, 397.25, 610.25, 843.25, 1116.25]);
    run.expect("web/app Terminated OOMKilled 137", &[194.25, 386.5, 589.25, 802.25, 1035.25]);
    run.expect("web/app Waiting CrashLoopBackOff", &[386.5, 589.25, 802.25, 1035.25]);
    // Only that container: the other one, and the pod, go on.
    run.expect("web/proxy Running", &[2.5]).expect("web/proxy Terminated", &[]);
    run.expect("pod web Running", &[2.5]).expect("pod web Failed", &[]);
}

/// 5.1: the threshold of 100Mi is crossed when more than 924 of 1024 MiB are used. `batch` starts at 2.25, the others
/// before 6: 100 + t + 250 + 250 + 150 MiB are 924 at t = 174. 5.3: `batch` and `cheap` use more than they request, and
/// `cheap` is less important. That gives back 150 MiB: 924 again at t = 324, and only `batch` is left of those.
///
/// | what | when |
/// |---|---|
/// | crossed | 176.25 |
/// | `cheap` evicted, MemoryPressure, taint | p, the first pass at or after 176.25 |
/// | the eviction manager goes on | p + 1: it waits for the pod, looking each second; its grid begins anew |
/// | crossed again | 326.25 |
/// | `batch` evicted | q, the first of p + 1 + 10 k at or after 326.25 |
/// | MemoryPressure ends (5 min after q, on the grid of q + 1) | q + 301 |
#[test]
pub fn node_memory() {
    let run = gallery("node-memory");
    let phase = phase("node-memory");
    let grid = |phase: f64, at: f64| phase + ((at - phase) / 10.0).ceil() * 10.0;
    let millis = |at: f64| (at * 1000.0).floor() / 1000.0;
    let p = grid(phase, 176.25);
    let q = grid(p + 1.0, 326.25);
    run.expect("pod cheap Failed Evicted", &[millis(p)]).expect("pod batch Failed Evicted", &[millis(q)]);
    run.expect("pod cheap DisruptionTarget True TerminationByKubelet", &[millis(p)]);
    run.expect("node node-0 MemoryPressure true", &[millis(p)]);
    run.expect("node node-0 MemoryPressure false", &[millis(q + 301.0)]);
    run.expect("node node-0 +node.kubernetes.io/memory-pressure:NoSchedule", &[millis(p)]);
    run.expect("node node-0 -node.kubernetes.io/memory-pressure:NoSchedule", &[millis(q + 301.0)]);
    run.expect("pod web Failed", &[]).expect("pod db Failed", &[]).expect("batch/app Terminated OOMKilled", &[]);
}

/// When the control plane calls node-0 Unknown: 6.2: at the first pass, each 5 s, more than 50 s after the last lease.
fn unknown(name: &str) -> f64 {
    let renewed = phase(name) + ((100.0 - phase(name)) / 10.0).floor() * 10.0;
    ((renewed + 50.0) / 5.0).floor() * 5.0 + 5.0
}

/// The part that all three have in common.
///
/// | what | when |
/// |---|---|
/// | the machine stops | 100 |
/// | Ready Unknown, pods not ready, NoSchedule and NoExecute taints | u, 145 to 155 |
/// | it is back: Ready, taints go | 100 + m |
/// | its pod would be deleted | u + 300 |
fn lost(name: &str) -> (Run, f64) {
    let (run, u) = (gallery(name), unknown(name));
    within(u, 145.0, 155.0);
    run.expect("node node-0 crashed", &[100.0]).expect("node node-0 Ready Unknown", &[u]);
    run.expect("node node-0 +node.kubernetes.io/unreachable:NoSchedule", &[u]);
    run.expect("node node-0 +node.kubernetes.io/unreachable:NoExecute", &[u]);
    run.expect("service web 1/1", &[1.75 + 0.5, u]);
    run.expect("other/app Terminated", &[]).expect("pod other deleting", &[]);
    (run, u)
}

fn back(run: &Run, at: f64) {
    run.expect("node node-0 booted", &[at]).expect("node node-0 Ready True", &[at]);
    run.expect("node node-0 -node.kubernetes.io/unreachable:NoSchedule", &[at]);
    // 6.3: the NoExecute taint goes at a pass of the monitor, each 5 s: 220, 340 and 700 are such.
    run.expect("node node-0 -node.kubernetes.io/unreachable:NoExecute", &[at]);
}

/// 6.8: back at 220 and 340: new sandbox 0.5, start 0.25. The restart is not delayed: back-offs were in memory.
#[test]
fn node_lost_2_and_4_minutes() {
    for (name, at) in [("node-lost-2-minutes", 220.0), ("node-lost-4-minutes", 340.0)] {
        let (run, _) = lost(name);
        back(&run, at);
        run.expect("web/app Running", &[2.25, at + 0.75]).expect("pod web deleting", &[]);
        run.expect("event web Normal TaintManagerEviction: Cancelling deletion of Pod default/web", &[at]);
        assert_eq!(run.status("web", "app"), "Running | Terminated Unknown 255 | 1");
    }
}

/// 6.5: deleted at u + 300, and Terminating until the machine is back at 700: its kubelet finds nothing that runs.
#[test]
pub fn node_lost_10_minutes() {
    let (run, u) = lost("node-lost-10-minutes");
    back(&run, 700.0);
    run.expect("pod web deleting 30", &[u + 300.0]).expect("pod web removed", &[700.0]);
    run.expect("pod web DisruptionTarget True DeletionByTaintManager", &[u + 300.0]);
    run.expect("web/app Running", &[2.25]);
}

/// 6.4: the only zone is fully disrupted: no NoExecute taint, no eviction. The pod looks as if it ran: only its Ready
/// condition is False.
#[test]
pub fn one_node_lost() {
    let (run, u) = (gallery("one-node-lost"), unknown("one-node-lost"));
    run.expect("node node-0 Ready Unknown", &[u])
        .expect("node node-0 +node.kubernetes.io/unreachable:NoSchedule", &[u]);
    run.expect("node node-0 +node.kubernetes.io/unreachable:NoExecute", &[]).expect("pod web deleting", &[]);
    run.expect("pod web Ready False", &[0.0, u]);
    assert_eq!(run.phase("web"), "Running");
}
