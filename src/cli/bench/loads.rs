//! The standard workloads, by name, and how one of them is measured. CPU time and memory are those of this process.

use std::path::PathBuf;

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use crate::base::SimTime;
use crate::cli::run::timed;
use crate::cli::terminal::Terminal;
use crate::scenario::{self, Disk};
use crate::scheduler::cycle::Options;
use crate::scheduler::index::Index;
use crate::sim::Simulation;
use crate::sim::plan::Plan;
use crate::sim::workload_plans::placements;
use crate::sim::workloads::{Run, Workload};

/// The scenario that W1 is; it needs no other file.
const W1: &str = include_str!("../../../scenarios/w1.toml");

/// A workload with its size.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// What it is asked for by.
    pub name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Whole lives of pods: W1 with other numbers.
    Lives { nodes: u32, pods: u32, every: &'static str, duration: &'static str },
    /// Decisions alone.
    Decisions { workload: Workload, nodes: u32, pods: u32, percentage: u32 },
}

/// What was measured of one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Measured {
    pub name: String,
    pub nodes: u32,
    pub pods: u64,
    /// Scheduling cycles.
    pub decisions: u64,
    pub cpu_seconds: f64,
    pub decisions_per_cpu_second: f64,
    pub cpu_microseconds_per_decision: f64,
    /// Of the calendar; none where there is only a loop of decisions.
    pub events: Option<u64>,
    pub events_per_cpu_second: Option<f64>,
    /// Pods that existed at once, at most.
    pub live_pods_peak: u64,
    /// Peak memory of the process, where the system tells, beyond that of the same run without pods.
    pub bytes_per_live_pod: Option<u64>,
    pub peak_memory_bytes: Option<u64>,
    /// Of the run, or of the nodes that the pods got.
    pub digest: String,
    /// Whether the same plan gave the same digest as `podsim run` runs it; none: not asked.
    pub digest_checked: Option<bool>,
}

/// All of them, in the order in which they are told.
pub(super) fn all() -> Vec<Load> {
    let lives = |name: &str, nodes, pods, every, duration| Load {
        name: name.to_owned(),
        kind: Kind::Lives { nodes, pods, every, duration },
    };
    let mut loads = vec![
        lives("w1-1000", 1000, 100_000, "100ms", "11900s"),
        lives("w1-5000", 5000, 200_000, "20ms", "5900s"),
        lives("w1o-1000", 1000, 100_000, "50ms", "11900s"),
        lives("lives-1m", 5000, 1_000_000, "20ms", "21900s"),
        lives("live-1m", 100_000, 1_000_000, "500us", "2400s"),
    ];
    for (short, workload) in (1..).zip(Workload::ALL) {
        let pods = if workload == Workload::ManyClasses { 10_000 } else { 3000 };
        let sizes: &[u32] = if workload == Workload::ManyClasses { &[5000] } else { &[1000, 5000, 15_000] };
        for &nodes in sizes {
            for (percentage, scored) in [(0, "adaptive"), (100, "all")] {
                let kind = Kind::Decisions { workload, nodes, pods, percentage };
                loads.push(Load { name: format!("s{short}-{nodes}-{scored}"), kind });
            }
        }
    }
    loads
}

impl Load {
    /// Measures it in this process, which should do nothing else before.
    ///
    /// # Errors
    /// A limit of the simulation, or a plan that cannot be read, which would be a mistake of this crate.
    pub fn measure(&self, check: bool, terminal: &Terminal) -> anyhow::Result<Measured> {
        match &self.kind {
            Kind::Lives { nodes, pods, every, duration } => {
                let plan = |pods: u32| {
                    let overrides = [
                        format!("node_pool.0.count={nodes}"),
                        format!("arrivals.0.count={pods}"),
                        format!("arrivals.0.every={every}"),
                        format!("scenario.duration={duration}"),
                    ];
                    w1(&overrides)
                };
                self.lives(plan(1)?, plan(*pods)?, *nodes, check, terminal)
            }
            Kind::Decisions { workload, nodes, pods, percentage } => {
                self.decisions(*workload, *nodes, *pods, *percentage, check)
            }
        }
    }

    fn lives(&self, empty: Plan, plan: Plan, nodes: u32, check: bool, terminal: &Terminal) -> anyhow::Result<Measured> {
        Simulation::new(empty).run();
        let before = peak_memory();
        let again = check.then(|| plan.clone());
        let started = ProcessTime::now();
        let mut run = Simulation::new(plan);
        run.run_until(SimTime::NEVER)?;
        let cpu_seconds = started.elapsed().as_secs_f64();
        let after = peak_memory();
        let (events, live) = (run.events(), u64::from(run.cluster().pods().peak()));
        let outcome = run.run();
        let digest_checked = match again {
            Some(plan) => Some(timed(&plan, None, terminal)?.0.outcome.digest == outcome.digest),
            None => None,
        };
        let bytes = before.zip(after).map(|(before, after)| (after - before) / live.max(1));
        Ok(Measured {
            events: Some(events),
            events_per_cpu_second: Some(as_f64(events) / cpu_seconds),
            live_pods_peak: live,
            bytes_per_live_pod: bytes,
            digest_checked,
            pods: outcome.counters.pods_created,
            digest: outcome.digest.to_string(),
            ..self.rates(nodes, outcome.counters.scheduling_attempts, cpu_seconds)
        })
    }

    fn decisions(
        &self,
        workload: Workload,
        nodes: u32,
        pods: u32,
        percentage: u32,
        check: bool,
    ) -> anyhow::Result<Measured> {
        let options = Options { percentage_of_nodes_to_score: percentage, ..Options::default() };
        let (mut run, mut index) = (Run::new(workload, nodes), Index::new());
        let before = peak_memory();
        let started = ProcessTime::now();
        (0..pods).for_each(|_| run.place(&mut index, &options));
        let cpu_seconds = started.elapsed().as_secs_f64();
        let after = peak_memory();
        let tally = run.tally();
        let digest_checked = match check {
            true => Some(placements(workload.plan(nodes, pods, percentage))? == run.placements()),
            false => None,
        };
        let bytes = before.zip(after).map(|(before, after)| (after - before) / tally.bound.max(1));
        Ok(Measured {
            live_pods_peak: tally.bound,
            bytes_per_live_pod: bytes,
            digest_checked,
            pods: u64::from(pods),
            digest: run.placements().to_string(),
            ..self.rates(nodes, tally.cycles, cpu_seconds)
        })
    }

    /// What follows from decisions and time; the rest is to be filled in.
    fn rates(&self, nodes: u32, decisions: u64, cpu_seconds: f64) -> Measured {
        Measured {
            name: self.name.clone(),
            nodes,
            pods: 0,
            decisions,
            cpu_seconds,
            decisions_per_cpu_second: as_f64(decisions) / cpu_seconds,
            cpu_microseconds_per_decision: cpu_seconds * 1e6 / as_f64(decisions.max(1)),
            events: None,
            events_per_cpu_second: None,
            live_pods_peak: 0,
            bytes_per_live_pod: None,
            peak_memory_bytes: peak_memory(),
            digest: String::new(),
            digest_checked: None,
        }
    }
}

/// W1 with other numbers.
fn w1(overrides: &[String]) -> anyhow::Result<Plan> {
    let loaded = scenario::from_text_with("w1.toml", W1, overrides, &Disk);
    loaded.plan.ok_or_else(|| anyhow::anyhow!("the scenario of W1 does not compile"))
}

/// Peak memory of this process in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string(PathBuf::from("/proc/self/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[allow(clippy::cast_precision_loss, reason = "rates")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
