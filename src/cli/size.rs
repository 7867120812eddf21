//! `podsim size`: how many nodes are needed. The answer is made in [`crate::answers::size`].

use std::path::PathBuf;

use super::Exit;
use super::args::{Seeds, seeds};
use super::ask::{AskArgs, ask};
use super::terminal::Terminal;
use crate::answers::size::{Loss, MachineType, SizeOptions, Sized, catalogue, size};
use crate::answers::{Halt, Question, Recommendations};

/// Say how many nodes, of which pool or type of machine, let everything run and every [[expect]] hold
///
/// Sizes are simulated, with every seed; the answer comes with the three sizes below it. Exit code 1 when no size does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podsim size manifests/ --cpu 4 --memory 16Gi --zones a,b,c    machines of one size
  podsim size scenario.toml --pool worker --seeds 1..10         a pool of the scenario
  podsim size manifests/ --types all                            every type of the catalogue
  podsim size manifests/ --types general-4,compute-8 --survive zone,1,none
  podsim size manifests/ --catalogue my-prices.csv              your own catalogue
  podsim size manifests/ --recommendations krr.csv              with other requests, and without")]
pub(crate) struct SizeArgs {
    #[command(flatten)]
    pub ask: AskArgs,
    /// The pool of the scenario that is sized [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub pool: Option<String>,
    /// Types of the catalogue that are tried, as in general-4,compute-8; or all
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub types: Vec<String>,
    /// A catalogue of types with prices: CSV (type,cpu,memory,price_per_hour,...) or the JSON of Karpenter's kwok provider
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Only types of this architecture
    #[arg(long, value_name = "ARCH", default_value = "amd64")]
    pub arch: String,
    /// All of these seeds must pass
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "1..3", conflicts_with = "seed")]
    pub seeds: Seeds,
    /// What is to be survived: none, 1 (node), 2 (nodes), ..., zone. The answer is about the first, the table about all
    #[arg(long, value_name = "LOSSES", value_delimiter = ',', value_parser = loss, default_value = "none,1,2,zone")]
    pub survive: Vec<Loss>,
    /// More nodes than this are not tried
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub most: usize,
    /// Ask a second time with the requests of this CSV: workload,cpu,memory, and if need be namespace,container
    #[arg(long, value_name = "FILE")]
    pub recommendations: Option<PathBuf>,
}

fn loss(text: &str) -> Result<Loss, String> {
    match text {
        "none" => Ok(Loss::Nothing),
        "zone" => Ok(Loss::Zone),
        number => match number.parse() {
            Ok(0) => Ok(Loss::Nothing),
            Ok(count) => Ok(Loss::Nodes(count)),
            Err(_) => Err("write none, a number of nodes, or zone".to_owned()),
        },
    }
}

pub(super) fn run(args: &SizeArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut asked = args.ask.clone();
    let by_type = args.catalogue.is_some() || !args.types.is_empty();
    let is_scenario = asked.input.iter().any(|path| path.extension().is_some_and(|end| end == "toml"));
    if !is_scenario && asked.nodes.is_none() && Question::manifests(&asked.input, None).compiled().is_err() {
        // Without Nodes there is a pool to be sized; what else is wrong is told when it is read.
        asked.nodes = Some(1);
    }
    ask(&asked, terminal, |question, plan, runner| {
        let options = SizeOptions {
            sized: if by_type { Sized::Types(types(args)?) } else { Sized::Pool(args.pool.clone()) },
            seeds: args.seeds.list(args.ask.seed),
            losses: args.survive.clone(),
            zones: args.ask.zones.clone(),
            most: args.most.max(1),
            recommendations: match &args.recommendations {
                Some(path) => {
                    let name = path.display().to_string();
                    let text = read(path)?;
                    Some(Recommendations::read(&text, &name)?)
                }
                None => None,
            },
        };
        size(question, plan, runner, &options)
    })
}

fn read(path: &std::path::Path) -> Result<String, Halt> {
    std::fs::read_to_string(path).map_err(|error| Halt::Unasked(format!("cannot read `{}`: {error}", path.display())))
}

fn types(args: &SizeArgs) -> Result<Vec<MachineType>, Halt> {
    let (all, _) = match &args.catalogue {
        Some(path) => catalogue::read(&read(path)?, &path.display().to_string())?,
        None => (catalogue::own(), 0),
    };
    let every = args.types.is_empty() || args.types.iter().any(|name| name == "all");
    let chosen: Vec<MachineType> = if every {
        all.into_iter().filter(|of| of.arch == args.arch).collect()
    } else {
        let find = |name: &String| {
            let names = all.iter().map(|of| of.name.as_str());
            all.iter().find(|of| of.name == *name).cloned().ok_or_else(|| {
                let meant = crate::diag::did_you_mean(name, names);
                let hint = meant.map_or_else(
                    || "--types all tries every type".to_owned(),
                    |meant| format!("did you mean {meant}?"),
                );
                Halt::Unasked(format!("the catalogue has no type `{name}`: {hint}"))
            })
        };
        args.types.iter().map(find).collect::<Result<_, _>>()?
    };
    if chosen.is_empty() {
        return Err(Halt::Unasked(format!("the catalogue has no type of the architecture {}", args.arch)));
    }
    Ok(chosen)
}
