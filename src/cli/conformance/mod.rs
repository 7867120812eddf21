//! `podsim conformance FILE...`: checks the rules against vector files, which hold upstream's behaviour as data.
//!
//! A vector file is `{"file": ..., "cases": [{"id", "kind", "label", "input", "expected"}]}`. An adapter, one file a
//! subject, builds from a case's input the arguments of the function that the simulation itself calls, and says what
//! came; `compare` finds where that differs from what was expected. Adapters decide nothing.
//! A file with a `queue` is a recorded case of the scheduler instead (`decisions`): each of its decisions counts as a case.

mod admission;
mod autoscaler;
mod autoscaler_sync;
mod backoff;
mod budget;
mod cgroup;
mod cluster;
mod compare;
mod conditions;
mod cron;
mod daemon_set;
mod decisions;
mod deployment;
mod effective;
mod eviction;
mod images;
mod int_or_percent;
mod job;
mod node_affinity;
mod node_loss;
mod phase;
mod pod_actions;
mod preemption;
mod quantity;
mod queueing_hints;
mod quota;
mod replica_set;
mod scheduling;
mod selector;
mod stateful_set;
mod status_column;
mod termination;
mod unmodelled;
mod validation;
mod vector;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::model::plan::Evaluator;

/// How cases are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Manner {
    /// Whether the recorded choice is carried out after each decision of the scheduler, so that one that differs does not lead
    /// to others.
    pub forced: bool,
    /// Which evaluator of the scheduler decides.
    pub evaluator: Evaluator,
}

/// How many cases passed, failed, or are of a kind that no adapter knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// What came is what was expected.
    pub passed: u64,
    /// Something else came.
    pub failed: u64,
    /// No adapter knows the kind, or the case has not the form of its kind.
    pub unsupported: u64,
}

impl Totals {
    /// Whether every case passed.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.failed == 0 && self.unsupported == 0
    }

    const fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unsupported += other.unsupported;
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "passed={} failed={} unsupported={}", self.passed, self.failed, self.unsupported)
    }
}

#[derive(Deserialize)]
struct VectorFile {
    file: String,
    cases: Vec<Case>,
}

/// One case of a vector file.
#[derive(Deserialize)]
pub(crate) struct Case {
    id: String,
    kind: String,
    #[serde(default)]
    label: Option<String>,
    input: Value,
    expected: Value,
}

impl Case {
    /// The input as an adapter's own type.
    fn input<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Unsupported> {
        T::deserialize(&self.input).map_err(|error| Unsupported(format!("input: {error}")))
    }
}

/// Why a case is not checked.
pub(crate) struct Unsupported(String);

/// What came, to be compared with what was expected.
pub(crate) enum Answer {
    /// Fields that were not expected are not asserted: a source asserts only some.
    Asserted(Value),
    /// Fields that were not expected are differences.
    Complete(Value),
    /// As complete, but for one field that the recorded case contradicts itself in: it is not judged.
    Without(&'static str, Value),
}

type Checked = Result<Answer, Unsupported>;

fn unknown_kind(case: &Case) -> Checked {
    Err(Unsupported(format!("unknown kind `{}`", case.kind)))
}

fn answer(file: &str, case: &Case, evaluator: Evaluator) -> Checked {
    match file {
        "active_pods_ranking" => replica_set::ranking(case),
        "admission" => admission::answer(case),
        "cgroup_cpu" => cgroup::cpu(case),
        "conditions" => conditions::answer(case),
        "container_restart_rules" => phase::restart_rules(case),
        "crashloop_backoff" => backoff::answer(case),
        "cron" => cron::schedule(case),
        "cronjob_sync" => cron::cronjob(case),
        "daemonset" => daemon_set::answer(case),
        "deployment_progress" => deployment::progress(case),
        "deployment_rolling" => deployment::rolling(case),
        "effective_requests" => effective::answer(case),
        "eviction_api" => budget::eviction(case),
        "eviction_ranking" => eviction::ranking(case),
        "eviction_thresholds" => eviction::thresholds(case),
        "grace_period" => termination::grace_period(case),
        "hpa_behavior" => autoscaler::behavior(case),
        "hpa_end_to_end" => autoscaler_sync::answer(case),
        "hpa_group_pods" => autoscaler::group_pods(case),
        "hpa_replica_calc" => autoscaler::replica_calc(case),
        "image_pull" => images::answer(case),
        "int_or_percent" => int_or_percent::answer(case),
        "job_backoff" => job::backoff(case),
        "job_indexed" => job::indexed(case),
        "job_pod_failure_policy" => job::failure_policy(case),
        "job_success_policy" => job::success_policy(case),
        "label_selector" => selector::answer(case),
        "node_affinity" => node_affinity::answer(case),
        "node_shutdown" => node_loss::node_shutdown(case),
        "node_zone_state" => node_loss::zone_state(case),
        "oom_score_adj" => cgroup::oom_score_adj(case),
        "pdb" => budget::budget(case),
        "percentage_of_nodes" => scheduling::percentage_of_nodes(case),
        "phase" => phase::answer(case),
        "pod_actions" => pod_actions::answer(case),
        "pod_available" => scheduling::pod_available(case),
        "pod_status_column" => status_column::answer(case),
        "podgc" => node_loss::pod_gc(case),
        "qos_class" => effective::qos_class(case),
        "preemption" => preemption::answer(case, evaluator),
        "quantity" => quantity::answer(case),
        "queueing_hints" => queueing_hints::answer(case),
        "quota_usage" => quota::answer(case),
        "scheduler_backoff" => scheduling::backoff(case),
        "slow_start_batch" => replica_set::slow_start_batch(case),
        "statefulset_sync" => stateful_set::answer(case),
        "termination_order" => termination::order(case),
        "toleration_time" => scheduling::toleration_time(case),
        "validation" => validation::answer(case),
        _ => Err(Unsupported(format!("unknown subject `{file}`"))),
    }
}

/// Checks every case of `files` and prints a line for each file, one for each difference, and the total.
/// A directory stands for its `*.json` files and its directories, in order.
///
/// # Errors
/// A file that cannot be read or is no vector file, or `out` that cannot be written.
pub fn run(files: &[PathBuf], manner: Manner, out: &mut dyn Write) -> anyhow::Result<Totals> {
    let mut total = Totals::default();
    for path in expand(files)? {
        total.add(check_file(&path, manner, out)?);
    }
    writeln!(out, "total: {total}")?;
    Ok(total)
}

fn expand(files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for file in files {
        if !file.is_dir() {
            paths.push(file.clone());
            continue;
        }
        let entries = file.read_dir().with_context(|| format!("cannot list {}", file.display()))?;
        let entries: Result<Vec<PathBuf>, io::Error> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut entries = entries.with_context(|| format!("cannot list {}", file.display()))?;
        entries.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "json"));
        entries.sort();
        paths.append(&mut expand(&entries)?);
    }
    Ok(paths)
}

/// What came of the cases of one file, and the lines that say so.
#[derive(Default)]
struct Report {
    totals: Totals,
    lines: Vec<String>,
}

impl Report {
    fn add(&mut self, name: &str, found: Result<Vec<String>, Unsupported>) {
        match found {
            Err(Unsupported(reason)) => {
                self.totals.unsupported += 1;
                self.lines.push(format!("  {name}: unsupported: {reason}"));
            }
            Ok(differences) if differences.is_empty() => self.totals.passed += 1,
            Ok(differences) => {
                self.totals.failed += 1;
                self.lines.extend(differences.iter().map(|difference| format!("  {name}: {difference}")));
            }
        }
    }

    fn of_cases(vectors: &VectorFile, evaluator: Evaluator) -> Self {
        let mut report = Self::default();
        for case in &vectors.cases {
            let name = match &case.label {
                Some(label) => format!("{} {} ({label})", case.id, case.kind),
                None => format!("{} {}", case.id, case.kind),
            };
            let found =
                answer(&vectors.file, case, evaluator).map(|answer| compare::differences(&case.expected, &answer));
            report.add(&name, found);
        }
        report
    }

    fn of_decisions(case: &decisions::Recorded, manner: Manner) -> Self {
        let mut report = Self::default();
        match decisions::check(case, manner) {
            Ok(checked) => checked.into_iter().for_each(|(pod, found)| report.add(&pod, found)),
            Err(Unsupported(reason)) => {
                report.totals.unsupported += case.len();
                report.lines.push(format!("  all {} decisions: unsupported: {reason}", case.len()));
            }
        }
        report
    }
}

fn check_file(path: &Path, manner: Manner, out: &mut dyn Write) -> anyhow::Result<Totals> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let not_one = || format!("{} is not a vector file", path.display());
    let content: Value = serde_json::from_str(&text).with_context(not_one)?;
    let report = if content.get("queue").is_some() {
        Report::of_decisions(&serde_json::from_value(content).with_context(not_one)?, manner)
    } else {
        Report::of_cases(&serde_json::from_value(content).with_context(not_one)?, manner.evaluator)
    };
    let name = path.file_stem().map_or_else(|| path.as_os_str().to_string_lossy(), |stem| stem.to_string_lossy());
    writeln!(out, "{name}: {}", report.totals)?;
    for line in report.lines {
        writeln!(out, "{line}")?;
    }
    Ok(report.totals)
}
