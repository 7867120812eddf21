//! `pods.csv` and `timeseries.csv`: tables for spreadsheets and data frames. Units are in the columns' names.

use std::io::{self, Write};

use super::json::decimal;
use super::lives::PodLife;
use super::names::Names;
use super::usage;
use crate::base::{SimDuration, SimTime};
use crate::model::Resources;
use crate::record::{Recording, Sample};
use crate::sim::plan::Plan;

const POD_COLUMNS: [&str; 20] = [
    "namespace",
    "name",
    "uid",
    "workload",
    "node",
    "created_s",
    "scheduled_s",
    "started_s",
    "ready_s",
    "finished_s",
    "deleted_s",
    "removed_s",
    "lost_s",
    "phase",
    "reason",
    "restarts",
    "wait_s",
    "failed_attempts",
    "exit_codes",
    "cpu_throttled_s",
];

/// A row for every pod there ever was, in order of creation. Times are seconds since the start; empty is never.
pub(super) fn pods(out: impl Write, plan: &Plan, names: &Names<'_>, lives: &[PodLife]) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(POD_COLUMNS)?;
    for life in lives {
        let since = |at: Option<SimTime>| at.map_or_else(String::new, |at| seconds(at - plan.start));
        let exit_codes = life.containers.iter().enumerate().filter_map(|(i, container)| {
            let name = names.container(life.uid, u16::try_from(i).ok()?);
            Some(format!("{name}={}", container.exit_code?))
        });
        csv.write_record([
            names.namespace(life.uid),
            names.short(life.uid),
            &names.uid(life.uid).to_string(),
            names.workload(life.uid),
            life.node.map_or("", |node| names.node(node)),
            &since(Some(life.created)),
            &since(life.bound),
            &since(life.started),
            &since(life.ready),
            &since(life.finished),
            &since(life.deleting),
            &since(life.removed),
            &since(life.lost),
            life.phase.text(),
            names.text(life.reason),
            &life.restarts().to_string(),
            &life.bound.map_or_else(String::new, |bound| seconds(bound - life.created)),
            &life.unschedulable.to_string(),
            &exit_codes.collect::<Vec<_>>().join(" "),
            &seconds(SimDuration(i64::try_from(life.throttled_nanoseconds).unwrap_or(i64::MAX))),
        ])?;
    }
    csv.flush()
}

/// A row for every sample. Services have columns of their own, named after them.
pub(super) fn time_series(out: impl Write, plan: &Plan, recording: &Recording, names: &Names<'_>) -> io::Result<()> {
    let extended = usage::extended(plan, recording);
    let mut services: Vec<_> =
        recording.samples().iter().flat_map(|(_, s)| s.services.iter().map(|service| service.service)).collect();
    services.sort_unstable();
    services.dedup();

    let mut header: Vec<String> = SAMPLE_COLUMNS.map(|(name, _)| name.to_owned()).to_vec();
    header.splice(0..0, ["t_s".to_owned(), "time".to_owned()]);
    for (_, name) in &extended {
        header.extend([format!("{name}_allocatable"), format!("{name}_requested")]);
    }
    for &service in &services {
        let name = names.service(service);
        header.extend(SERVICE_COLUMNS.map(|column| format!("{name}:{column}")));
    }
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(&header)?;
    for (at, sample) in recording.samples() {
        let mut row = vec![seconds(*at - plan.start), at.rfc3339_millis()];
        row.extend(SAMPLE_COLUMNS.iter().map(|(_, value)| decimal(value(sample))));
        for &(name, _) in &extended {
            row.extend([sample.allocatable.scalar(name).to_string(), sample.requested.scalar(name).to_string()]);
        }
        for &id in &services {
            match sample.services.iter().find(|s| s.service == id) {
                Some(s) => row.extend([
                    s.endpoints_ready.to_string(),
                    decimal(s.rate),
                    decimal(s.served_total),
                    decimal(s.failed_total),
                ]),
                None => row.extend(SERVICE_COLUMNS.map(|_| String::new())),
            }
        }
        csv.write_record(&row)?;
    }
    csv.flush()
}

const SERVICE_COLUMNS: [&str; 4] = ["endpoints_ready", "rate_per_s", "served_requests_total", "failed_requests_total"];

type Column = (&'static str, fn(&Sample) -> f64);

#[allow(clippy::cast_precision_loss, reason = "tables need no more than 15 digits")]
const SAMPLE_COLUMNS: [Column; 21] = [
    ("nodes", |s| f64::from(s.nodes)),
    ("nodes_ready", |s| f64::from(s.nodes_ready)),
    ("cpu_allocatable_cores", |s| cores(&s.allocatable)),
    ("cpu_requested_cores", |s| cores(&s.requested)),
    ("cpu_used_cores", |s| s.used_milli_cpu as f64 / 1e3),
    ("memory_allocatable_bytes", |s| s.allocatable.memory as f64),
    ("memory_requested_bytes", |s| s.requested.memory as f64),
    ("memory_used_bytes", |s| s.used_memory as f64),
    ("ephemeral_storage_allocatable_bytes", |s| s.allocatable.ephemeral_storage as f64),
    ("ephemeral_storage_requested_bytes", |s| s.requested.ephemeral_storage as f64),
    ("pods_pending", |s| f64::from(s.pods_unscheduled + s.pods_starting)),
    ("pods_unscheduled", |s| f64::from(s.pods_unscheduled)),
    ("pods_starting", |s| f64::from(s.pods_starting)),
    ("pods_running", |s| f64::from(s.pods_running)),
    ("pods_ready", |s| f64::from(s.pods_ready)),
    ("pods_succeeded", |s| f64::from(s.pods_succeeded)),
    ("pods_failed", |s| f64::from(s.pods_failed)),
    ("pods_terminating", |s| f64::from(s.pods_terminating)),
    ("pods_created_total", |s| s.pods_created_total as f64),
    ("pods_bound_total", |s| s.pods_bound_total as f64),
    ("restarts_total", |s| s.restarts_total as f64),
];

#[allow(clippy::cast_precision_loss, reason = "tables need no more than 15 digits")]
fn cores(amounts: &Resources) -> f64 {
    amounts.milli_cpu as f64 / 1e3
}

/// Seconds with milliseconds.
fn seconds(span: SimDuration) -> String {
    let millis = span.0.div_euclid(1_000_000);
    let (sign, millis) = if millis < 0 { ("-", millis.unsigned_abs()) } else { ("", millis.unsigned_abs()) };
    format!("{sign}{}.{:03}", millis / 1000, millis % 1000)
}
