//! `podsim rollout`.

use super::Exit;
use super::ask::{AskArgs, ask, instant};
use super::terminal::Terminal;
use crate::answers::{self, RolloutOptions};

/// Shown below the options.
const EXAMPLES: &str = "\
Examples:
  podsim rollout scenarios/workloads/rollout-stuck.toml
  podsim rollout shop/ --nodes 4 --cpu 2 --memory 4Gi
  podsim rollout cluster.toml deployment/web --restart
  podsim rollout shop/ --nodes 4 --all";

/// Say whether updates of Deployments, StatefulSets and DaemonSets finish, when, and what they take meanwhile
///
/// INPUT may be followed by workloads, as in deployment/web or web; without, each one is updated alone. Exit code 1 if one does not
/// finish.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub(crate) struct RolloutArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// All at once instead of each alone
    #[arg(long, help_heading = "Rollout")]
    pub all: bool,
    /// Without a new image, as `kubectl rollout restart`
    #[arg(long, help_heading = "Rollout")]
    pub restart: bool,
    /// When: `3h20m` (after the start), `21:30`, or `2026-03-02T21:30:00Z` [default: half-way]
    #[arg(long, value_name = "TIME", help_heading = "Rollout")]
    pub at: Option<String>,
}

pub(super) fn run(args: &RolloutArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (asked, names) = args.ask.with_names();
    ask(&asked, terminal, |question, plan, runner| {
        let options = RolloutOptions {
            workloads: names.clone(),
            together: args.all,
            restart: args.restart,
            at: instant("--at", args.at.as_deref(), plan.start)?,
        };
        answers::rollout(question, plan, runner, &options)
    })
}
