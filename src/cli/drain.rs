//! `podsim drain`.

use super::Exit;
use super::ask::{AskArgs, ask, duration, instant};
use super::terminal::Terminal;
use crate::answers::{self, DrainOptions};

/// Shown below the options.
const EXAMPLES: &str = "\
Examples:
  podsim drain scenarios/workloads/drain-pdb.toml node-0
  podsim drain shop/ node-0 node-1 --nodes 4 --cpu 4 --memory 16Gi --delete-emptydir-data
  podsim drain cluster.toml --pool worker --timeout 10m";

/// Say whether nodes can be drained: in which order, what blocks it, where pods land
///
/// INPUT is followed by names of nodes. The nodes are cordoned at once and drained one after the other, as `kubectl drain
/// --ignore-daemonsets` does. Exit code 1 if that gets stuck or a pod finds no other node.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub(crate) struct DrainArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// A node to drain, for names that are also names of files
    #[arg(long, value_name = "NODE", help_heading = "Drain")]
    pub node: Vec<String>,
    /// All nodes of this pool
    #[arg(long, value_name = "POOL", help_heading = "Drain")]
    pub pool: Option<String>,
    /// Evict pods without a controller, too
    #[arg(long, help_heading = "Drain")]
    pub force: bool,
    /// Evict pods with emptyDirs, too
    #[arg(long, help_heading = "Drain")]
    pub delete_emptydir_data: bool,
    /// Give a node up after this long, as in 10m [default: never]
    #[arg(long, value_name = "DURATION", help_heading = "Drain")]
    pub timeout: Option<String>,
    /// When: `3h20m` (after the start), `21:30`, or `2026-03-02T21:30:00Z` [default: half-way]
    #[arg(long, value_name = "TIME", help_heading = "Drain")]
    pub at: Option<String>,
}

pub(super) fn run(args: &DrainArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (asked, names) = args.ask.with_names();
    ask(&asked, terminal, |question, plan, runner| {
        let options = DrainOptions {
            nodes: [&names[..], &args.node[..]].concat(),
            pool: args.pool.clone(),
            force: args.force,
            delete_emptydir_data: args.delete_emptydir_data,
            timeout: duration("--timeout", args.timeout.as_deref())?,
            at: instant("--at", args.at.as_deref(), plan.start)?,
        };
        answers::drain(question, plan, runner, &options)
    })
}
