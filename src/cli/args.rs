//! The arguments, as clap reads them. Thin: meaning is given in the file of each subcommand.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::base::SimDuration;
use crate::model::plan::Evaluator;

/// A Kubernetes cluster in one deterministic process.
///
/// Simulates how pods are scheduled, run, crash and end, exactly by upstream's rules and much faster than life.
#[derive(Debug, Parser)]
#[command(name = "podsim", version, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Examples:
  podsim run scenarios/user-msvc.toml
  podsim run scenarios/w1.toml --set node_pool.0.count=900 --no-output
  podsim get pods scenarios/user-msvc.toml --at 3h20m
  podsim describe pod scenarios/user-msvc.toml user-msvc --at 3h20m
  podsim validate my-scenario.toml manifests/*.yaml

Exit codes: 0 fine, 1 an expectation failed or nothing of that name exists, 2 bad usage or input, 3 input/output, 4 a limit,
70 an internal error, 130 interrupted.";

/// What every subcommand takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Say less; twice: errors only
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Say more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Take fields of manifests that do not exist for errors
    #[arg(long, global = true)]
    pub strict: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Show no progress
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario and sum it up
    Run(RunArgs),
    /// List objects as kubectl would at a time of a run
    Get(GetArgs),
    /// Show objects in detail, with their events, as kubectl would at a time of a run
    Describe(DescribeArgs),
    /// Say why a pod is pending, or where it is, and what would let it fit
    Explain(ExplainArgs),
    Fit(super::fit::FitArgs),
    Size(super::size::SizeArgs),
    Packing(super::packing::PackingArgs),
    /// Say where pods would go in a cluster, without simulating it
    Schedule(ScheduleArgs),
    /// Say what is lost with a node, two nodes or a zone, what comes back, and when
    Fail(super::fail::FailArgs),
    /// Say whether nodes can be drained: in which order, what blocks it, where pods land
    Drain(super::drain::DrainArgs),
    /// Say whether rolling updates finish, when, and what they take meanwhile
    Rollout(super::rollout::RolloutArgs),
    /// Say how long pods take from a spike to Ready, and what spare nodes would buy
    Headroom(super::headroom::HeadroomArgs),
    /// Check scenarios and manifests without running anything
    Validate(ValidateArgs),
    /// Print the JSON Schema of scenario files
    Schema,
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Measure the standard workloads on this machine
    Bench(BenchArgs),
    /// Run the same workload under several settings, paired by seed, and say what differs and how surely
    Compare(super::compare::CompareArgs),
    /// Run a scenario at many points with many seeds, and say how its metrics answer
    Study(super::study::StudyArgs),
    /// Compare rules with recorded results of the real components
    Conformance(ConformanceArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Workloads whose names contain one of these [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// What is printed
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: BenchForm,
    /// Name the workloads
    #[arg(long)]
    pub list: bool,
    /// Do not run each plan once more to compare digests
    #[arg(long)]
    pub no_check: bool,
    /// Measure one workload in this process
    #[arg(long, value_name = "NAME", hide = true)]
    pub one: Option<String>,
}

/// What `bench` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum BenchForm {
    /// A table
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConformanceArgs {
    /// Carry out the recorded choice after each decision of the scheduler, to find the first that differs
    #[arg(long)]
    pub forced: bool,
    /// Which evaluator of the scheduler decides; all must decide the same
    #[arg(long, value_name = "EVALUATOR", value_enum, default_value_t)]
    pub evaluator: EvaluatorName,
    /// Vector files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// An evaluator of the scheduler by name.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum EvaluatorName {
    /// Columns, counts and groups of nodes
    #[default]
    Index,
    /// Columns alone
    Columns,
    /// The plain judge
    Scan,
}

impl From<EvaluatorName> for Evaluator {
    fn from(name: EvaluatorName) -> Self {
        match name {
            EvaluatorName::Index => Self::Index,
            EvaluatorName::Columns => Self::Columns,
            EvaluatorName::Scan => Self::Scan,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The scenario file
    pub scenario: PathBuf,
    /// The root of all random draws, instead of the scenario's
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// Run once for each seed and show how the metrics spread
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with = "check")]
    pub seeds: Option<Seeds>,
    /// Change a key of the scenario, as in scenario.duration=2h or node_pool.0.count=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Stop after so much simulated time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub until: Option<SimDuration>,
    /// Where results go [default: outputs/<scenario>]
    #[arg(short, long, value_name = "DIR", conflicts_with = "no_output")]
    pub output: Option<PathBuf>,
    /// Write no files
    #[arg(long)]
    pub no_output: bool,
    /// Run twice and compare: the same seed must give the same run
    #[arg(long)]
    pub check: bool,
    /// What is printed at the end
    #[arg(long, value_name = "FORM", default_value = "full")]
    pub summary: Summary,
}

/// Which objects of which run, and when.
#[derive(Debug, clap::Args)]
pub(crate) struct AtArgs {
    /// What: pods, nodes, services, endpoints, endpointslices, configmaps, secrets or events (or as kubectl shortens it); several with commas between
    pub kind: String,
    /// The scenario file
    pub scenario: PathBuf,
    /// Only the objects of these names
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// When: 3h20m after the start, 21:30 of its clock, or a date and time [default: the end of the run]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// The namespace
    #[arg(short, long, value_name = "NS", default_value = "default")]
    pub namespace: String,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects with these labels, as in app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Change a key of the scenario, as in scenario.duration=2h or node_pool.0.count=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The root of all random draws, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub at: AtArgs,
    /// More columns, the whole objects, or their names
    #[arg(short, long, value_name = "FORM")]
    pub output: Option<Output>,
    /// A column with all labels
    #[arg(long)]
    pub show_labels: bool,
    /// No line with the names of the columns
    #[arg(long)]
    pub no_headers: bool,
}

/// The form in which objects are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Output {
    /// A table with more columns
    Wide,
    /// YAML
    Yaml,
    /// JSON
    Json,
    /// Kinds and names
    Name,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    pub at: AtArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The scenario file
    pub scenario: PathBuf,
    /// The pod: NAME or NAMESPACE/NAME
    pub pod: String,
    /// Its namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// When to look: 3h20m after the start, the next 21:30, or a date and time [default: the end]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// The root of all random draws, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Change a key of the scenario, as in scenario.duration=2h or node_pool.0.count=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// What is printed
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: ExplainForm,
}

/// What `explain` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ExplainForm {
    /// For people
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleArgs {
    /// The cluster: manifests or `kubectl get ... -o yaml` dumps, folders of them, or `-` for standard input
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub cluster: Vec<PathBuf>,
    /// The pods to decide about, in order; likewise
    #[arg(long, required_unless_present = "pending", num_args = 1.., value_name = "FILE")]
    pub pods: Vec<PathBuf>,
    /// Decide first about the pods of the cluster that have no node yet
    #[arg(long)]
    pub pending: bool,
    /// The scheduler's configuration, a KubeSchedulerConfiguration [default: one default profile]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Stop looking once this share of the nodes fits; 0 adapts it to the size of the cluster [default: the configuration's, else 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub percentage_of_nodes_to_score: Option<u32>,
    /// Take a random one of several equally good nodes, as kube-scheduler does, not the first
    #[arg(long)]
    pub draw_ties: bool,
    /// The root of what is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What is printed
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: ScheduleForm,
}

/// What `schedule` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ScheduleForm {
    /// For people
    Text,
    /// A JSON array: every attempt with what all nodes said and their scores
    Json,
}

/// The form of the summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Summary {
    /// Verdicts and one line
    Compact,
    /// Everything, with the pods as kubectl lists them
    Full,
    /// One JSON object
    Json,
    /// Nothing
    None,
}

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seeds {
    pub first: u64,
    pub last: u64,
}

impl Seeds {
    /// All of them; or the one of `--seed`, which goes before the default.
    pub fn list(self, alone: Option<u64>) -> Vec<u64> {
        alone.map_or_else(|| (self.first..=self.last).collect(), |seed| vec![seed])
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    /// Scenario files (.toml) and manifests (.yaml, .yml, .json)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change a key of the scenarios before they are checked
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How mistakes are shown
    #[arg(long, value_name = "FORM", default_value = "human")]
    pub format: Format,
}

/// How mistakes are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// With the source line, for people
    Human,
    /// A JSON array, for programs
    Json,
    /// One line each, for editors
    Short,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// More seeds than this are a slip of the finger.
const MOST_SEEDS: u64 = 100_000;

pub(super) fn seeds(text: &str) -> Result<Seeds, String> {
    let wrong = || "write two whole numbers, as in 1..20".to_owned();
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let last = last.trim_start_matches('=');
    let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    if last < first {
        return Err("the last seed is below the first one".to_owned());
    }
    if last - first >= MOST_SEEDS {
        return Err(format!("these are more than {MOST_SEEDS} runs"));
    }
    Ok(Seeds { first, last })
}

fn duration(text: &str) -> Result<SimDuration, String> {
    match SimDuration::parse(text) {
        Ok(duration) if duration > SimDuration::ZERO => Ok(duration),
        Ok(_) => Err("it must be more than zero".to_owned()),
        Err(why) => Err(format!("{why}; write for example 90s, 1h30m or 2d")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn seeds_are_a_range_with_both_ends() {
        assert_eq!(seeds("1..20"), Ok(Seeds { first: 1, last: 20 }));
        assert_eq!(seeds("3..=3"), Ok(Seeds { first: 3, last: 3 }));
        for bad in ["", "5", "5..", "9..1", "a..b", "1..1000000000"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }
}
