//! `podsim fail`.

use super::Exit;
use super::ask::{AskArgs, ask, duration, instant};
use super::terminal::Terminal;
use crate::answers::{self, FailOptions};

/// Shown below the options.
const EXAMPLES: &str = "\
Examples:
  podsim fail scenarios/workloads/stateful-zone-loss.toml --all-zones
  podsim fail shop/ --nodes 6 --cpu 4 --memory 16Gi --zones a,b,c --all-zones
  podsim fail dump.yaml --lose 2
  podsim fail cluster.toml --node worker-0,worker-1 --node worker-2 --at 21:30 --for 10m";

/// Say what is lost with a node, two nodes or a zone, what comes back, and when
///
/// Without anything that fails: each node alone, and each zone if there are several. Exit code 1 if something that ran before
/// does not run again.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub(crate) struct FailArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// A zone that is lost; several with commas: all at once; may be repeated
    #[arg(long, value_name = "ZONE", help_heading = "Failures")]
    pub zone: Vec<String>,
    /// Each zone
    #[arg(long, help_heading = "Failures")]
    pub all_zones: bool,
    /// A node that stops; several with commas: all at once; may be repeated
    #[arg(long, value_name = "NODE", help_heading = "Failures")]
    pub node: Vec<String>,
    /// Every K nodes at once: 1 (can one be lost?) or 2
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=2), help_heading = "Failures")]
    pub lose: Option<u32>,
    /// At most so many pairs of nodes
    #[arg(long, value_name = "N", default_value_t = 300, help_heading = "Failures")]
    pub pairs: usize,
    /// When: `3h20m` (after the start), `21:30`, or `2026-03-02T21:30:00Z` [default: half-way]
    #[arg(long, value_name = "TIME", help_heading = "Failures")]
    pub at: Option<String>,
    /// For how long, as in 10m: then the machines boot again [default: for good]
    #[arg(long = "for", value_name = "DURATION", help_heading = "Failures")]
    pub lasts: Option<String>,
}

pub(super) fn run(args: &FailArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let groups = |all: &[String]| -> Vec<Vec<String>> {
        all.iter().map(|group| group.split(',').map(|name| name.trim().to_owned()).collect()).collect()
    };
    ask(&args.ask, terminal, |question, plan, runner| {
        let options = FailOptions {
            zones: groups(&args.zone),
            every_zone: args.all_zones,
            nodes: groups(&args.node),
            every: args.lose.unwrap_or(0),
            pairs: args.pairs,
            at: instant("--at", args.at.as_deref(), plan.start)?,
            lasts: duration("--for", args.lasts.as_deref())?,
        };
        answers::fail(question, plan, runner, &options)
    })
}
