//! Samples: how the cluster looked at an instant.

use crate::model::{Resources, ServiceId};

/// The cluster at one instant. Amounts are sums over nodes that exist.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sample {
    /// Nodes that exist.
    pub nodes: u32,
    /// Nodes whose Ready condition is True.
    pub nodes_ready: u32,
    /// What pods may request, on ready nodes.
    pub allocatable: Resources,
    /// What bound, unfinished pods request.
    pub requested: Resources,
    /// CPU in use, milli-cores (computed from behaviour).
    pub used_milli_cpu: i64,
    /// Memory in use, bytes (computed from behaviour).
    pub used_memory: i64,
    /// Pending pods without a node.
    pub pods_unscheduled: u32,
    /// Pending pods with a node.
    pub pods_starting: u32,
    /// Running pods.
    pub pods_running: u32,
    /// Running pods that are Ready.
    pub pods_ready: u32,
    /// Succeeded pods that still exist.
    pub pods_succeeded: u32,
    /// Failed pods that still exist.
    pub pods_failed: u32,
    /// Pods with a deletion timestamp.
    pub pods_terminating: u32,
    /// Pods created so far.
    pub pods_created_total: u64,
    /// Pods bound so far.
    pub pods_bound_total: u64,
    /// Container restarts so far.
    pub restarts_total: u64,
    /// Services that traffic goes to.
    pub services: Vec<ServiceSample>,
}

/// A service at one instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServiceSample {
    /// Which.
    pub service: ServiceId,
    /// Endpoints that get traffic.
    pub endpoints_ready: u32,
    /// Requests per second asked now.
    pub rate: f64,
    /// Requests served so far.
    pub served_total: f64,
    /// Requests failed so far.
    pub failed_total: f64,
}
