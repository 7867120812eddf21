//! `summary.json`: what a run came to, for machines. One object; units are in the keys; keys keep their order.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::names::Names;
use super::usage::{self, Resource};
use super::{Context, SCHEMA_VERSION, Verdict, verdicts};
use crate::model::Strings;
use crate::sim::outcome::{Counters, Outcome, PodRow, Quantiles, Stopped};

/// How many pods are listed one by one; `pods.csv` has all of them.
const LISTED: usize = 1000;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    generator: Generator,
    scenario: Scenario<'a>,
    digest: String,
    passed: bool,
    stopped: Stop<'a>,
    events: u64,
    writes: u64,
    counters: CounterFields,
    wait_seconds: QuantileFields,
    ready_seconds: QuantileFields,
    resources: Vec<ResourceFields>,
    services: Vec<ServiceFields>,
    expectations: Vec<Expectation<'a>>,
    pods_at_end_total: usize,
    pods_at_end: Vec<PodFields<'a>>,
    pending_at_end: Vec<Message<'a>>,
    lost_pods: Vec<Lost<'a>>,
    metrics: &'a BTreeMap<&'static str, f64>,
    ignored_fields: Vec<Ignored<'a>>,
    notes: &'a [String],
    files: &'a [String],
}

#[derive(Serialize)]
struct Generator {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    description: &'a str,
    seed: u64,
    start: String,
    duration_seconds: f64,
}

#[derive(Serialize)]
struct Stop<'a> {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a str>,
    at: String,
    after_seconds: f64,
}

#[derive(Serialize)]
struct CounterFields {
    pods_created: u64,
    pods_bound: u64,
    pods_started: u64,
    pods_succeeded: u64,
    pods_failed: u64,
    pods_removed: u64,
    pods_lost: u64,
    container_starts: u64,
    container_restarts: u64,
    container_crashes: u64,
    oom_kills: u64,
    cpu_throttled_seconds: f64,
    image_pulls: u64,
    image_pull_failures: u64,
    scheduling_attempts: u64,
    scheduling_failures: u64,
    probe_failures: u64,
    node_crashes: u64,
}

#[derive(Serialize)]
struct QuantileFields {
    count: u64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

#[derive(Serialize)]
struct ResourceFields {
    name: String,
    unit: &'static str,
    allocatable_mean: f64,
    allocatable_peak: f64,
    requested_mean: f64,
    requested_peak: f64,
    requested_share_mean: f64,
    requested_share_peak: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_peak: Option<f64>,
}

#[derive(Serialize)]
struct ServiceFields {
    service: String,
    served_requests: f64,
    failed_requests: f64,
    failed_share: f64,
    degraded_seconds: f64,
}

#[derive(Serialize)]
struct Expectation<'a> {
    metric: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    value: Option<f64>,
    passed: bool,
}

#[derive(Serialize)]
struct PodFields<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: u32,
    ready: &'a str,
    status: &'a str,
    restarts: &'a str,
    age_seconds: f64,
    ip: Option<&'a str>,
    node: Option<&'a str>,
    phase: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    pods: u32,
    message: &'a str,
}

#[derive(Serialize)]
struct Lost<'a> {
    name: &'a str,
    uid: u32,
    node: &'a str,
    at: String,
    sentence: String,
}

#[derive(Serialize)]
struct Ignored<'a> {
    path: &'a str,
    count: u32,
}

/// Writes the document; `notes` are things a reader of the other files should know, `files` their names.
pub(super) fn write(
    mut out: impl Write,
    ctx: &Context<'_>,
    names: &Names<'_>,
    notes: &[String],
    files: &[String],
) -> io::Result<()> {
    let (plan, outcome) = (ctx.plan, ctx.outcome);
    let judged = verdicts(plan, outcome);
    let document = Document {
        schema_version: SCHEMA_VERSION,
        generator: Generator { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        scenario: Scenario {
            name: &plan.name,
            description: &plan.description,
            seed: plan.seed,
            start: plan.start.rfc3339(),
            duration_seconds: plan.duration.as_secs_f64(),
        },
        digest: outcome.digest.to_string(),
        passed: judged.iter().all(|verdict| verdict.passed),
        stopped: stop(ctx),
        events: outcome.events,
        writes: outcome.writes,
        counters: counters(&outcome.counters),
        wait_seconds: quantiles(&outcome.wait),
        ready_seconds: quantiles(&outcome.ready),
        resources: usage::resources(plan, ctx.recording).into_iter().map(resource).collect(),
        services: services(outcome, names),
        expectations: judged.iter().map(expectation).collect(),
        pods_at_end_total: outcome.pods.len(),
        pods_at_end: outcome.pods.iter().take(LISTED).map(|row| pod(row, &outcome.strings)).collect(),
        pending_at_end: outcome.pending.iter().map(|(pods, message)| Message { pods: *pods, message }).collect(),
        lost_pods: lost(ctx),
        metrics: &outcome.metrics,
        ignored_fields: ctx.ignored.iter().map(|(path, count)| Ignored { path, count: *count }).collect(),
        notes,
        files,
    };
    serde_json::to_writer_pretty(&mut out, &document)?;
    out.write_all(b"\n")
}

fn stop<'a>(ctx: &Context<'a>) -> Stop<'a> {
    let (reason, limit) = match &ctx.outcome.stopped {
        Stopped::Duration => ("duration", None),
        Stopped::Quiet => ("quiet", None),
        Stopped::Limit(which) => ("limit", Some(which.as_str())),
        Stopped::Interrupted => ("interrupted", None),
    };
    let ended = ctx.outcome.ended_at;
    Stop { reason, limit, at: ended.rfc3339_millis(), after_seconds: (ended - ctx.plan.start).as_secs_f64() }
}

#[allow(clippy::cast_precision_loss, reason = "reports need no more than 15 digits")]
const fn counters(c: &Counters) -> CounterFields {
    CounterFields {
        pods_created: c.pods_created,
        pods_bound: c.pods_bound,
        pods_started: c.pods_started,
        pods_succeeded: c.pods_succeeded,
        pods_failed: c.pods_failed,
        pods_removed: c.pods_removed,
        pods_lost: c.pods_lost,
        container_starts: c.container_starts,
        container_restarts: c.container_restarts,
        container_crashes: c.container_crashes,
        oom_kills: c.oom_kills,
        cpu_throttled_seconds: c.cpu_throttled_nanoseconds as f64 / 1e9,
        image_pulls: c.image_pulls,
        image_pull_failures: c.image_pull_failures,
        scheduling_attempts: c.scheduling_attempts,
        scheduling_failures: c.scheduling_failures,
        probe_failures: c.probe_failures,
        node_crashes: c.node_crashes,
    }
}

const fn quantiles(q: &Quantiles) -> QuantileFields {
    QuantileFields { count: q.count, mean: q.mean, p50: q.p50, p90: q.p90, p99: q.p99, max: q.max }
}

fn resource(u: usage::ResourceUse) -> ResourceFields {
    let unit = match u.resource {
        Resource::Cpu => "cores",
        Resource::Memory | Resource::EphemeralStorage => "bytes",
        Resource::Extended(_) => "units",
    };
    ResourceFields {
        name: u.name,
        unit,
        allocatable_mean: u.allocatable_mean,
        allocatable_peak: u.allocatable_peak,
        requested_mean: u.requested_mean,
        requested_peak: u.requested_peak,
        requested_share_mean: u.share_mean,
        requested_share_peak: u.share_peak,
        used_mean: u.used.map(|(mean, _)| mean),
        used_peak: u.used.map(|(_, peak)| peak),
    }
}

fn services(outcome: &Outcome, names: &Names<'_>) -> Vec<ServiceFields> {
    let fields = outcome.services.iter().map(|s| ServiceFields {
        service: names.service(s.service),
        served_requests: s.served,
        failed_requests: s.failed,
        failed_share: if s.served + s.failed > 0.0 { s.failed / (s.served + s.failed) } else { 0.0 },
        degraded_seconds: s.degraded_seconds,
    });
    fields.collect()
}

fn expectation(verdict: &Verdict) -> Expectation<'_> {
    let Verdict { expect, value, passed } = verdict;
    Expectation { metric: &expect.metric, min: expect.min, max: expect.max, value: *value, passed: *passed }
}

fn pod<'a>(row: &'a PodRow, strings: &'a Strings) -> PodFields<'a> {
    PodFields {
        namespace: strings.text(row.namespace),
        name: &row.name,
        uid: row.uid.raw(),
        ready: &row.ready,
        status: &row.status,
        restarts: &row.restarts,
        age_seconds: row.age.as_secs_f64(),
        ip: row.ip.as_deref(),
        node: row.node.map(|node| strings.text(node)),
        phase: row.phase.text(),
    }
}

fn lost<'a>(ctx: &Context<'a>) -> Vec<Lost<'a>> {
    let entries = ctx.outcome.lost.iter().map(|lost| Lost {
        name: &lost.name,
        uid: lost.uid.raw(),
        node: ctx.outcome.strings.text(lost.node),
        at: lost.at.rfc3339(),
        sentence: super::terminal::lost_sentence(ctx, lost),
    });
    entries.collect()
}
