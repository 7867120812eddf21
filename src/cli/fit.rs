//! `podsim fit`: how many more copies fit. The answer is made in [`crate::answers`].

use std::path::PathBuf;

use super::Exit;
use super::ask::{AskArgs, ask};
use super::at::instant_in;
use super::terminal::Terminal;
use crate::answers::{FitOptions, Halt, What, fit};

/// Say how many more copies of a pod or of the whole application fit, and what stops the next one
///
/// The input runs until it has settled; then copies come one by one until one finds no place. Exit code 1 when none fits.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podsim fit manifests/ --nodes 3                  the whole application, once more, and once more
  podsim fit dump.yaml --namespace shop            what is in one namespace of a cluster
  podsim fit scenario.toml --workload shop/web     pods like those of a Deployment
  podsim fit scenario.toml --pod big.yaml --at 2h  any pod, two hours after the start")]
pub(crate) struct FitArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// Copies of the pod of this manifest
    #[arg(long, value_name = "FILE", conflicts_with = "workload")]
    pub pod: Option<PathBuf>,
    /// Copies of the pods of this controller, pod or [[arrivals]]: NAME or NAMESPACE/NAME
    #[arg(long, value_name = "NAME")]
    pub workload: Option<String>,
    /// Where the copies of --pod are made, by default in its own; without --pod the namespaces of the application
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Vec<String>,
    /// When it has settled: 3h20m after the start, 21:30 of its clock, or a date and time [default: the end of the run]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

pub(super) fn run(args: &FitArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    ask(&args.ask, terminal, |question, plan, runner| {
        let at = instant_in(args.at.as_deref(), &plan).map_err(Halt::Unasked)?;
        let what = match (&args.pod, &args.workload) {
            (Some(file), _) => What::Pod(file.clone(), args.namespace.first().cloned()),
            (None, Some(name)) => What::Workload(name.clone()),
            (None, None) => What::Application(args.namespace.clone()),
        };
        fit(question, plan, runner, &FitOptions { what, at })
    })
}
