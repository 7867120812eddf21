//! How many pods are pending over a run, against sums worked out by hand.

use podsim::scenario;
use podsim::sim::Simulation;

/// The metrics, and how many seconds were run.
fn metrics(text: &str) -> (std::collections::BTreeMap<&'static str, f64>, f64) {
    let read = |_: &std::path::Path| Err(std::io::Error::other("no files"));
    let loaded = scenario::from_text("pending.toml", text, &read);
    assert!(!loaded.diagnostics.has_errors(), "{}", loaded.diagnostics.render(&loaded.sources, false));
    let plan = loaded.plan.expect("a plan");
    let start = plan.start;
    let outcome = Simulation::new(plan).run();
    let seconds = (outcome.ended_at - start).as_secs_f64();
    (outcome.metrics, seconds)
}

/// Five pods that no node can take arrive at 0, 10, ... 40 s of 100: they wait 100 + 90 + 80 + 70 + 60 = 400 pod seconds.
#[test]
fn waiting_is_counted_from_change_to_change() {
    let (metrics, ran) = metrics(
        r#"
        [scenario]
        duration = "100s"
        [control_plane]
        preset = "instant"
        [[node_pool]]
        name = "node"
        capacity = { cpu = "1", memory = "1Gi" }
        [[arrivals]]
        name = "large"
        template = { cpu = "2", memory = "1Mi" }
        every = "10s"
        count = 5
        "#,
    );
    assert_eq!(metrics["pods_pending_peak"].to_bits(), 5.0_f64.to_bits());
    let seconds = metrics["pods_pending_mean"] * ran;
    assert!((seconds - 400.0).abs() < 1.0, "{seconds} pod seconds");
    assert_eq!(metrics["pods_pending_at_end"].to_bits(), 5.0_f64.to_bits());
}

/// One node for one pod at a time: of two pods the second waits for the minute that the first one takes, and nothing is pending
/// at the end, nor at the ends of samples.
#[test]
fn a_peak_between_samples_is_seen() {
    let (metrics, ran) = metrics(
        r#"
        [scenario]
        duration = "1h"
        [output]
        sample_every = "30m"
        [control_plane]
        preset = "instant"
        [[node_pool]]
        name = "node"
        capacity = { cpu = "1", memory = "1Gi" }
        [[arrivals]]
        name = "job"
        template = { cpu = "800m", memory = "1Mi" }
        every = "1s"
        count = 2
        [[behavior]]
        select = { name = "job" }
        run = "1m"
        "#,
    );
    assert_eq!(metrics["pods_pending_at_end"].to_bits(), 0.0_f64.to_bits());
    assert!((1.0..=2.0).contains(&metrics["pods_pending_peak"]), "{}", metrics["pods_pending_peak"]);
    // The second pod waits a minute, give or take the seconds of back-offs and starts.
    let seconds = metrics["pods_pending_mean"] * ran;
    assert!((58.0..75.0).contains(&seconds), "{seconds} pod seconds");
}

/// Two nodes of 0.25 an hour for two hours, and two more after one hour and the time that a machine and its boot take.
#[test]
fn nodes_and_their_price_are_counted_over_time() {
    let (metrics, ran) = metrics(
        r#"
        [scenario]
        duration = "2h"
        [control_plane]
        preset = "instant"
        [[node_pool]]
        name = "node"
        count = 2
        price_per_hour = 0.25
        provision = "40s"
        boot = "20s"
        capacity = { cpu = "1", memory = "1Gi" }
        [[node_pool]]
        name = "free"
        count = 1
        capacity = { cpu = "1", memory = "1Gi" }
        [[change]]
        at = "1h"
        scale_pool = "node"
        count = 4
        [[change]]
        at = "119m59s"
        taint = "last=true:NoSchedule"
        node = "node-0"
        [[arrivals]]
        name = "pod"
        template = { cpu = "1m", memory = "1Mi" }
        every = "30m"
        "#,
    );
    // Nothing is left to happen after the last change.
    assert!((ran - 7199.0).abs() < 1.0, "{ran}");
    assert_eq!(metrics["nodes_peak"].to_bits(), 5.0_f64.to_bits());
    // A machine is a node when it has booted: after 3660 s.
    let later = ran - 3660.0;
    let node_seconds = 3.0 * ran + 2.0 * later;
    assert!((metrics["nodes_mean"] * ran - node_seconds).abs() < 10.0, "{}", metrics["nodes_mean"] * ran);
    let cost = 0.25 * (2.0 * ran + 2.0 * later) / 3600.0;
    assert!((metrics["nodes_cost"] - cost).abs() < 0.001, "{}", metrics["nodes_cost"]);
}
