//! What a run came to: counters, distributions of waiting times, and the pods as kubectl would list them at the end.

use std::collections::BTreeMap;

use crate::base::{Digest, SimDuration, SimTime};
use crate::model::objects::ObjectKind;
use crate::model::{Phase, PodUid, ServiceId, StrId, Strings};
pub use crate::record::Counters;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When the simulated clock stopped.
    pub ended_at: SimTime,
    /// Why it stopped.
    pub stopped: Stopped,
    /// Events that were handled.
    pub events: u64,
    /// Accepted API writes.
    pub writes: u64,
    /// Fold of every accepted write and of the runtime's state.
    pub digest: Digest,
    /// Counters.
    pub counters: Counters,
    /// Seconds from a pod's creation to its binding, for bound pods.
    pub wait: Quantiles,
    /// Seconds from a pod's creation to its first Ready.
    pub ready: Quantiles,
    /// Pods that still exist, in order of creation.
    pub pods: Vec<PodRow>,
    /// Pods that are gone or will never run again although nobody asked for it: bare pods lost with their node.
    pub lost: Vec<LostPod>,
    /// Messages of pods that are pending at the end, most frequent first: (count, message).
    pub pending: Vec<(u32, String)>,
    /// What users asked for and the API server refused, with its answer: the first of them.
    pub refused: Vec<(SimTime, String)>,
    /// Services.
    pub services: Vec<ServiceOutcome>,
    /// All strings of the run: the plan's, and those that came with the nodes and pods made on the way.
    pub strings: Strings,
    /// Every metric by its name, unit last; what `[[expect]]` refers to.
    pub metrics: BTreeMap<&'static str, f64>,
}

/// Why a run stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// Its duration was over.
    Duration,
    /// Nothing was left to happen.
    Quiet,
    /// A limit was reached; the text says which.
    Limit(String),
    /// The user asked.
    Interrupted,
}

/// Quantiles of a set of numbers; all zero when it is empty.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Quantiles {
    /// How many numbers.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

/// A pod as `kubectl get pods -o wide` prints it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodRow {
    /// Which pod.
    pub uid: PodUid,
    /// Namespace.
    pub namespace: StrId,
    /// NAME.
    pub name: String,
    /// READY, for example `2/3`.
    pub ready: String,
    /// STATUS, for example `CrashLoopBackOff`.
    pub status: String,
    /// RESTARTS, for example `3 (5m ago)`.
    pub restarts: String,
    /// AGE.
    pub age: SimDuration,
    /// IP, once it has one.
    pub ip: Option<String>,
    /// NODE, once it is bound.
    pub node: Option<StrId>,
    /// The phase.
    pub phase: Phase,
}

/// A pod that was lost with its node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostPod {
    /// Which pod.
    pub uid: PodUid,
    /// Its name.
    pub name: String,
    /// The node it was on.
    pub node: StrId,
    /// When the node stopped.
    pub at: SimTime,
    /// The kind and the name of its controller.
    pub owner: Option<(ObjectKind, String)>,
}

/// What a service did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServiceOutcome {
    /// Which.
    pub service: ServiceId,
    /// Requests served.
    pub served: f64,
    /// Requests that failed: no endpoint, connection refused, a required container down, or no capacity.
    pub failed: f64,
    /// Seconds during which at least one request failed.
    pub degraded_seconds: f64,
}
