//! `podsim headroom`.

use super::Exit;
use super::args::{Seeds, seeds};
use super::ask::{AskArgs, ask, duration, instant};
use super::terminal::Terminal;
use crate::answers::{self, HeadroomOptions};
use crate::base::SimDuration;

/// Shown below the options.
const EXAMPLES: &str = "\
Examples:
  podsim headroom scenarios/workloads/hpa-day.toml --spike 4 --at 9:00
  podsim headroom shop.toml --spike 3 --service web --spare 0,1,2,4 --price 0.38 --within 2m
  podsim headroom shop.toml --spike 5 --workload deployment/web --chart headroom.svg";

/// Say how long pods take from a spike to Ready, and what spare nodes would buy
///
/// Spare nodes are kept by pods of low priority that make room at once. With --within the least number of them is sought that lets
/// 95% of the pods be Ready in time; exit code 1 if none does.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub(crate) struct HeadroomArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// So many times as much, as in 3
    #[arg(long, value_name = "FACTOR", help_heading = "Headroom")]
    pub spike: f64,
    /// Requests on this Service [default: on all that have traffic]
    #[arg(long, value_name = "SERVICE", conflicts_with = "workload", help_heading = "Headroom")]
    pub service: Option<String>,
    /// Replicas of this workload, as if somebody scaled it; or pods of these [[arrivals]], for the window
    #[arg(long, value_name = "WORKLOAD", help_heading = "Headroom")]
    pub workload: Option<String>,
    /// Numbers of spare nodes
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "0,1,2,3,4", help_heading = "Headroom")]
    pub spare: Vec<u32>,
    /// The seeds with which every number of spare nodes is run
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "1..5", conflicts_with = "seed", help_heading = "Headroom")]
    pub seeds: Seeds,
    /// The pools of the spare nodes, which have them in turn [default: those in which the spike makes nodes]
    #[arg(long, value_name = "POOL,...", value_delimiter = ',', help_heading = "Headroom")]
    pub pool: Vec<String>,
    /// What a node costs an hour [default: the pool's price_per_hour]
    #[arg(long, value_name = "PRICE", help_heading = "Headroom")]
    pub price: Option<f64>,
    /// In what time 95% of the pods have to be Ready, as in 2m
    #[arg(long, value_name = "DURATION", help_heading = "Headroom")]
    pub within: Option<String>,
    /// When: `3h20m` (after the start), `21:30`, or `2026-03-02T21:30:00Z` [default: half-way]
    #[arg(long, value_name = "TIME", help_heading = "Headroom")]
    pub at: Option<String>,
    /// Pods that are made so long after the spike belong to it
    #[arg(long, value_name = "DURATION", default_value = "5m", help_heading = "Headroom")]
    pub window: String,
}

pub(super) fn run(args: &HeadroomArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    ask(&args.ask, terminal, |question, plan, runner| {
        let options = HeadroomOptions {
            spike: args.spike,
            service: args.service.clone(),
            workload: args.workload.clone(),
            at: instant("--at", args.at.as_deref(), plan.start)?,
            window: duration("--window", Some(&args.window))?.unwrap_or(SimDuration::ZERO),
            spare: args.spare.clone(),
            seeds: args.seeds.list(args.ask.seed),
            pools: args.pool.clone(),
            price: args.price,
            within: duration("--within", args.within.as_deref())?,
        };
        answers::headroom(question, plan, runner, &options)
    })
}
