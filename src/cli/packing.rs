//! `podsim packing`: four measures of how well pods are packed. The answer is made in [`crate::answers`].

use super::Exit;
use super::ask::{AskArgs, ask};
use super::at::instant_in;
use super::terminal::Terminal;
use crate::answers::{Halt, PackingOptions, packing};
use crate::base::Quantity;

/// Measure how well pods are packed: utilisation, hole filling, workload inflation, cluster compaction
///
/// The four measures of Verma, Korupolu and Wilkes (2014). Exit code 1 when not even all nodes are enough.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podsim packing scenarios/kubesbs.toml
  podsim packing manifests/ --nodes 5 --hole 1,4Gi
  podsim packing dump.yaml --trials 21 --percentile 50")]
pub(crate) struct PackingArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// When utilisation, holes and inflation are measured [default: the end of the run]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// The pod that fills holes, as CPU,MEMORY [default: the mean of the pods that are there]
    #[arg(long, value_name = "CPU,MEMORY", value_parser = hole)]
    pub hole: Option<(i64, i64)>,
    /// Random orders of nodes in which compaction takes them away
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    pub trials: u32,
    /// Which percentile of the trials is the measure
    #[arg(long, value_name = "P", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub percentile: u32,
}

fn hole(text: &str) -> Result<(i64, i64), String> {
    let (cpu, memory) = text.split_once(',').ok_or("write CPU and memory, as in 500m,1Gi")?;
    let parse = |text: &str| Quantity::parse(text.trim()).map_err(|error| format!("`{text}`: {error}"));
    Ok((parse(cpu)?.milli_value(), parse(memory)?.value()))
}

pub(super) fn run(args: &PackingArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    ask(&args.ask, terminal, |_, plan, runner| {
        let at = instant_in(args.at.as_deref(), &plan).map_err(Halt::Unasked)?;
        let (hole, trials, percentile) = (args.hole, args.trials, args.percentile);
        packing(&plan, runner, &PackingOptions { at, hole, trials, percentile })
    })
}
