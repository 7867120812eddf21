//! What a pod's cgroups are given: cpu shares and quota, memory limit. Compiled once a template. Must not know who runs
//! in them.
//!
//! Mirrors pkg/kubelet/cm/helpers_linux.go (`MilliCPUToShares`, `MilliCPUToQuota`, `ResourceConfigForPod`), v1.34.

use super::effective::{CPU, MEMORY, Options, PodResources, ResourceList};
use super::pod::QosClass;
use super::qos::qos_class;

/// The least and the greatest number of cpu shares.
const SHARES: std::ops::RangeInclusive<i64> = 2..=262_144;
const SHARES_PER_CORE: i64 = 1024;
/// No quota is less than this, in microseconds: a limit below 10m counts as 10m.
const LEAST_QUOTA_US: i64 = 1000;
/// Priorities from here on are critical (`system-cluster-critical`).
pub const CRITICAL_PRIORITY: i32 = 2_000_000_000;
/// `cpuCFSQuotaPeriod`.
pub const QUOTA_PERIOD_US: i64 = 100_000;

/// What a pod's cgroups are given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodCgroup {
    /// cpu shares.
    pub cpu_shares: i64,
    /// CPU time in microseconds in each period; -1: no bound, although there is a period; `None`: not set.
    pub cpu_quota_us: Option<i64>,
    /// Bytes; `None`: not set.
    pub memory_limit: Option<i64>,
    /// Memory in bytes that the pod as a whole requests beyond its containers, for each of those: it lowers their
    /// `oom_score_adj`.
    pub oom_extra: i64,
    /// Whether the node cannot do without it: it is killed last.
    pub node_critical: bool,
}

impl Default for PodCgroup {
    fn default() -> Self {
        Self { cpu_shares: *SHARES.start(), cpu_quota_us: None, memory_limit: None, oom_extra: 0, node_critical: false }
    }
}

/// cpu shares of a request.
#[must_use]
pub fn shares(milli_cpu: i64) -> i64 {
    (milli_cpu.saturating_mul(SHARES_PER_CORE) / 1000).clamp(*SHARES.start(), *SHARES.end())
}

/// The quota in microseconds of a limit; 0 without one.
#[must_use]
pub fn quota(milli_cpu: i64, period_us: i64) -> i64 {
    if milli_cpu == 0 { 0 } else { (milli_cpu.saturating_mul(period_us) / 1000).max(LEAST_QUOTA_US) }
}

/// Whether a pod with this `priorityClassName` and priority is one that the node cannot do without.
#[must_use]
pub fn is_node_critical(priority_class: &str, priority: i32) -> bool {
    priority_class == "system-node-critical" && priority >= CRITICAL_PRIORITY
}

/// The cgroup of a pod. `period_us`: of the quota. `enforce`: `cpuCFSQuota`; without it no quota bounds anything.
#[must_use]
pub fn pod_cgroup(pod: &PodResources, enforce: bool, period_us: i64) -> PodCgroup {
    let of = |list: &ResourceList, name: &str| list.get(name).unwrap_or_default();
    let (requests, limits) = (pod.requests(&Options::default()), pod.limits(&Options::default()));
    let limited = |name: &str| {
        let every = pod.main.iter().chain(&pod.init).all(|container| !of(&container.spec.limits, name).is_zero());
        every || pod.pod.as_ref().is_some_and(|pod| !of(&pod.limits, name).is_zero())
    };
    let quota = if enforce { quota(of(&limits, CPU).milli_value(), period_us) } else { -1 };
    let memory = of(&limits, MEMORY).value();
    let cpu_shares = shares(of(&requests, CPU).milli_value());
    let oom_extra = oom_extra(pod);
    match qos_class(pod) {
        QosClass::Guaranteed => {
            let (cpu_quota_us, memory_limit) = (Some(quota), Some(memory));
            PodCgroup { cpu_shares, cpu_quota_us, memory_limit, oom_extra, ..PodCgroup::default() }
        }
        QosClass::Burstable => PodCgroup {
            cpu_shares,
            cpu_quota_us: limited(CPU).then_some(quota),
            memory_limit: limited(MEMORY).then_some(memory),
            oom_extra,
            ..PodCgroup::default()
        },
        QosClass::BestEffort => PodCgroup { oom_extra, ..PodCgroup::default() },
    }
}

/// Source: pkg/kubelet/qos/policy.go, v1.34 (spec 4.5): what pod-level requests add to each container's.
fn oom_extra(pod: &PodResources) -> i64 {
    let Some(level) = pod.pod.as_ref() else { return 0 };
    let whole = level.requests.get(MEMORY).unwrap_or_default().value();
    let containers = i64::try_from(pod.main.len() + pod.init.len()).unwrap_or(i64::MAX);
    if whole == 0 || containers == 0 {
        return 0;
    }
    let own = pod.container_requests(&Options::default()).get(MEMORY).unwrap_or_default().value();
    (whole - own) / containers
}
