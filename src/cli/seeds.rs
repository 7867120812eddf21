//! `podsim run --seeds 1..20`: how the metrics spread over seeds. Arms with the same seeds are comparable, because
//! draws are addressed and not consumed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::Exit;
use super::args::{RunArgs, Seeds, Summary};
use super::run::{Ready, folder, timed, verdict};
use super::terminal::Terminal;
use crate::base::statistics::Moments;
use crate::export::{self, Context};
use crate::sim::metrics;

pub(super) fn run(args: &RunArgs, ready: &Ready, seeds: Seeds, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut spreads: BTreeMap<&'static str, Moments> = BTreeMap::new();
    let mut failed = Vec::new();
    let mut worst = Exit::Success;
    for seed in seeds.first..=seeds.last {
        let mut plan = ready.plan.clone();
        plan.seed = seed;
        // Files of every seed only where the user named a folder.
        let folder = args.output.as_ref().and_then(|_| folder(args, &plan));
        let (finished, seconds) = timed(&plan, folder.as_deref(), terminal)?;
        let outcome = &finished.outcome;
        let ctx = Context { plan: &plan, outcome, recording: &finished.recording, ignored: &ready.ignored };
        for (name, value) in &outcome.metrics {
            spreads.entry(name).or_default().add(*value);
        }
        let exit = verdict(&ctx);
        if exit != Exit::Success {
            failed.push(seed);
        }
        worst = if worst.code() < exit.code() { exit } else { worst };
        if let Some(folder) = folder {
            export::write_all(&folder.join(format!("seed-{seed}")), &ctx)?;
        }
        terminal.note(&format!("seed {seed}: digest {}, {seconds:.2} s of wall time", outcome.digest));
    }
    let text = match args.summary {
        Summary::None => String::new(),
        Summary::Json => as_json(&spreads, seeds, &failed),
        Summary::Full | Summary::Compact => as_table(&spreads, seeds, &failed),
    };
    terminal.print(text.as_bytes())?;
    Ok(worst)
}

/// Names in the order of their list, so that related ones stand together.
fn ordered(spreads: &BTreeMap<&'static str, Moments>) -> Vec<(&'static str, Moments)> {
    metrics::ALL.iter().filter_map(|metric| Some((metric.name, *spreads.get(metric.name)?))).collect()
}

fn as_table(spreads: &BTreeMap<&'static str, Moments>, seeds: Seeds, failed: &[u64]) -> String {
    let mut text = format!(
        "{:<30} {:>14} {:>12} {:>14} {:>14}\n",
        format!("seeds {} to {}", seeds.first, seeds.last),
        "mean",
        "deviation",
        "least",
        "greatest"
    );
    for (name, spread) in ordered(spreads) {
        let Moments { mean, min, max, .. } = spread;
        let _ = writeln!(text, "{name:<30} {mean:>14.3} {:>12.3} {min:>14.3} {max:>14.3}", spread.deviation());
    }
    if !failed.is_empty() {
        let list = failed.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "not all is well with the seeds {list}");
    }
    text
}

fn as_json(spreads: &BTreeMap<&'static str, Moments>, seeds: Seeds, failed: &[u64]) -> String {
    let metrics: serde_json::Map<String, serde_json::Value> = ordered(spreads)
        .into_iter()
        .map(|(name, spread)| {
            let Moments { count, mean, min, max, .. } = spread;
            let value = json!({ "runs": count, "mean": mean, "deviation": spread.deviation(), "min": min, "max": max });
            (name.to_owned(), value)
        })
        .collect();
    let object = json!({
        "schema_version": export::SCHEMA_VERSION,
        "first_seed": seeds.first,
        "last_seed": seeds.last,
        "failed_seeds": failed,
        "metrics": metrics,
    });
    format!("{object:#}\n")
}
