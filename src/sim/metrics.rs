//! The metrics of a run: their names, units last, and what they mean. `[[expect]]` refers to them, summaries print
//! them, and [`Outcome::metrics`](super::outcome::Outcome::metrics) has exactly these keys.

/// A metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its key.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $doc:literal;)+) => {
        $(#[doc = $doc] pub const $constant: Metric = Metric { name: $name, doc: $doc };)+
        /// All of them, in the order summaries show them.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    PODS_CREATED = "pods_created", "Pods that were created.";
    PODS_BOUND = "pods_bound", "Pods that got a node.";
    PODS_STARTED = "pods_started", "Pods of which a container started.";
    PODS_SUCCEEDED = "pods_succeeded", "Pods that ended Succeeded.";
    PODS_FAILED = "pods_failed", "Pods that ended Failed.";
    PODS_REMOVED = "pods_removed", "Pod objects that were removed.";
    PODS_LOST = "pods_lost", "Bare pods that were lost with their node.";
    PODS_PENDING_AT_END = "pods_pending_at_end", "Pods that are Pending when the run ends.";
    PODS_PENDING_PEAK = "pods_pending_peak", "Pods that are Pending at once over the run: greatest.";
    PODS_PENDING_MEAN = "pods_pending_mean", "Pods that are Pending over the run: mean over time.";
    PODS_UNSCHEDULED_AT_END = "pods_unscheduled_at_end", "Pods that have no node when the run ends.";
    PODS_RUNNING_AT_END = "pods_running_at_end", "Pods that are Running when the run ends.";
    CONTAINER_STARTS = "container_starts", "Starts of containers.";
    CONTAINER_RESTARTS = "container_restarts", "Starts of containers after the first.";
    CONTAINER_CRASHES = "container_crashes", "Exits of containers by a crash.";
    OOM_KILLS = "oom_kills", "Containers killed for their memory.";
    CPU_THROTTLED_SECONDS = "cpu_throttled_seconds", "CPU time that containers would have used beyond their limits, in core seconds.";
    IMAGE_PULLS = "image_pulls", "Images that were pulled.";
    IMAGE_PULL_FAILURES = "image_pull_failures", "Image pulls that failed.";
    SCHEDULING_ATTEMPTS = "scheduling_attempts", "Scheduling cycles.";
    SCHEDULING_FAILURES = "scheduling_failures", "Scheduling cycles that found no node.";
    PROBE_FAILURES = "probe_failures", "Probes that failed.";
    NODE_CRASHES = "node_crashes", "Machines that stopped.";
    NODES_MEAN = "nodes_mean", "Nodes that exist over the run: mean over time.";
    NODES_PEAK = "nodes_peak", "Nodes that exist at once over the run: greatest.";
    NODES_COST = "nodes_cost", "What the nodes cost as long as they existed, by `price_per_hour` of their pools.";
    WAIT_SECONDS_MEAN = "wait_seconds_mean", "From a pod's creation to its binding: mean.";
    WAIT_SECONDS_P50 = "wait_seconds_p50", "From a pod's creation to its binding: median.";
    WAIT_SECONDS_P90 = "wait_seconds_p90", "From a pod's creation to its binding: 90th percentile.";
    WAIT_SECONDS_P99 = "wait_seconds_p99", "From a pod's creation to its binding: 99th percentile.";
    WAIT_SECONDS_MAX = "wait_seconds_max", "From a pod's creation to its binding: greatest.";
    READY_SECONDS_MEAN = "ready_seconds_mean", "From a pod's creation to its first Ready: mean.";
    READY_SECONDS_P50 = "ready_seconds_p50", "From a pod's creation to its first Ready: median.";
    READY_SECONDS_P90 = "ready_seconds_p90", "From a pod's creation to its first Ready: 90th percentile.";
    READY_SECONDS_P99 = "ready_seconds_p99", "From a pod's creation to its first Ready: 99th percentile.";
    READY_SECONDS_MAX = "ready_seconds_max", "From a pod's creation to its first Ready: greatest.";
    REQUESTS_SERVED = "requests_served", "Requests on services that were served.";
    REQUESTS_FAILED = "requests_failed", "Requests on services that failed.";
    REQUESTS_FAILED_RATIO = "requests_failed_ratio", "Share of requests on services that failed, from 0 to 1.";
    SERVICE_DEGRADED_SECONDS = "service_degraded_seconds", "Seconds in which some service failed requests, summed over services.";
    CPU_REQUESTED_RATIO_MEAN = "cpu_requested_ratio_mean", "Requested share of allocatable CPU over the run: mean, from 0 to 1.";
    CPU_REQUESTED_RATIO_PEAK = "cpu_requested_ratio_peak", "Requested share of allocatable CPU over the run: greatest.";
    MEMORY_REQUESTED_RATIO_MEAN = "memory_requested_ratio_mean", "Requested share of allocatable memory over the run: mean, from 0 to 1.";
    MEMORY_REQUESTED_RATIO_PEAK = "memory_requested_ratio_peak", "Requested share of allocatable memory over the run: greatest.";
}
