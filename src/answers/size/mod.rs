//! `size`: how many nodes of a pool or of which type of machine, so that everything runs and what the scenario expects holds. Every
//! size that is named was simulated with every seed, and so were the three below it; sums stand beside it.

mod bound;
pub mod catalogue;
mod search;
mod told;
mod trial;

use std::fmt::Write as _;

use super::recommend::Recommendations;
use super::{Answer, Halt, Question, Runner};
use crate::base::id::DenseId;
use crate::model::{PoolId, StrId};
use crate::sim::plan::{FaultKind, FaultPlan, NodeTarget, Plan};
pub use catalogue::MachineType;
use search::{Found, Search};
use told::told;
pub use trial::Loss;

/// What is counted.
#[derive(Clone, PartialEq, Debug)]
pub enum Sized {
    /// The nodes of a pool of the scenario; without a name, of the only one.
    Pool(Option<String>),
    /// Machines of one of these types.
    Types(Vec<MachineType>),
}

/// How `size` is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct SizeOptions {
    /// What is counted.
    pub sized: Sized,
    /// All of them must pass.
    pub seeds: Vec<u64>,
    /// What is to be survived; the answer is about the first.
    pub losses: Vec<Loss>,
    /// Zones of machines that no pool of the scenario is for.
    pub zones: Vec<String>,
    /// More nodes than this are not tried.
    pub most: usize,
    /// Other requests, with which it is asked a second time.
    pub recommendations: Option<Recommendations>,
}

/// A pool with machines of one type, to be sized.
struct Candidate {
    name: String,
    size: String,
    price: f64,
    plan: Plan,
    pool: PoolId,
    /// Fewer nodes than this make no sense: none where there are other nodes.
    least: usize,
}

impl Candidate {
    fn search<'a>(&'a self, loss: Loss, options: &'a SizeOptions, runner: &'a Runner<'a>) -> Search<'a> {
        Search { plan: &self.plan, pool: self.pool, loss, seeds: &options.seeds, most: options.most, runner }
    }
}

/// One size for one loss.
struct Choice {
    candidate: usize,
    loss: Loss,
    found: Result<Found, String>,
}

/// How many nodes are needed.
///
/// # Errors
/// There is no such pool, a file cannot be read, or the user stopped it.
pub fn size(question: &Question, plan: Plan, runner: &Runner<'_>, options: &SizeOptions) -> Result<Answer, Halt> {
    let mut before = ask(question, &plan, runner, options, &|_| {})?;
    let Some(recommendations) = &options.recommendations else { return Ok(before) };
    let mut varied = plan.clone();
    let told = recommendations.apply(&mut varied);
    let mut answer = ask(question, &varied, runner, options, &|plan| {
        recommendations.apply(plan);
    })?;
    answer.sentence = format!("With the recommendations: {} Without them: {}", answer.sentence, before.sentence);
    let mut tried = before.tables.swap_remove(0);
    (tried.name, tried.title) = ("tried_without", "Sizes tried without the recommendations".to_owned());
    answer.tables.insert(1, tried);
    answer.notes.extend(told);
    Ok(answer)
}

/// The answer for a plan, and for the plans of other machines when `change` was made to them as well.
fn ask(
    question: &Question,
    plan: &Plan,
    runner: &Runner<'_>,
    options: &SizeOptions,
    change: &dyn Fn(&mut Plan),
) -> Result<Answer, Halt> {
    let mut candidates = candidates(question, plan, options, change)?;
    let grown = candidates.iter_mut().map(|candidate| candidate.plan.autoscaler.take()).any(|had| had.is_some());
    for candidate in &mut candidates {
        candidate.plan.pools[candidate.pool].limits = None;
    }
    let losses: Vec<Loss> = options
        .losses
        .iter()
        .copied()
        .filter(|&loss| loss != Loss::Zone || bound::zones(&candidates[0].plan, candidates[0].pool) > 1)
        .collect();
    let Some(&wanted) = losses.first() else {
        return Err(Halt::Unasked(
            "the machines have no zones: give --zones a,b,c, or zones in the node pool".to_owned(),
        ));
    };
    let mut choices: Vec<Choice> = Vec::new();
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let mut skipped = 0;
    for &loss in &losses {
        let mut best = f64::INFINITY;
        for turn in 0..order.len() {
            let at = order[turn];
            let candidate = &candidates[at];
            if candidates.len() > 1 && floor(candidate, &choices, loss) * candidate.price >= best {
                skipped += 1;
                continue;
            }
            let smaller = |choice: &&Choice| choice.candidate == at && loss.covers(choice.loss);
            let known: Vec<&Result<Found, String>> =
                choices.iter().filter(smaller).map(|choice| &choice.found).collect();
            let least = known.iter().filter_map(|found| Some(found.as_ref().ok()?.count)).max();
            let found = match known.iter().find_map(|found| found.as_ref().err()) {
                Some(why) => Err(why.clone()),
                None => candidate.search(loss, options, runner).find(least.unwrap_or(candidate.least))?,
            };
            if let Ok(found) = &found {
                best = best.min(cost(candidate, found.count));
            }
            let first = found.is_ok() && choices.iter().all(|choice| choice.found.is_err());
            choices.push(Choice { candidate: at, loss, found });
            if first {
                // What is demanded is known now: types that could be cheapest come first.
                let floors: Vec<f64> = candidates.iter().map(|one| floor(one, &choices, loss) * one.price).collect();
                order[turn + 1..].sort_by(|&a, &b| floors[a].total_cmp(&floors[b]));
            }
        }
    }
    let bare = |of: &MachineType| of.reserved_milli_cpu == 0 && of.reserved_memory == 0;
    let unreserved = matches!(&options.sized, Sized::Types(types) if types.iter().any(bare));
    let mut answer = told(&candidates, &choices, wanted, runner, options)?;
    if losses.len() < options.losses.len() {
        let told = "the machines have no zones, so the loss of a zone is not asked about: give them --zones a,b,c";
        answer.notes.push(told.to_owned());
    }
    if unreserved {
        let told = "types without reserved_cpu and reserved_memory in the catalogue keep nothing for the system but what the kubelet \
                    evicts at";
        answer.notes.push(told.to_owned());
    }
    let named = |fault: &FaultPlan| {
        let (FaultKind::NodeCrash(target) | FaultKind::NodeShutdown(target) | FaultKind::Cordon(target)) = &fault.kind
        else {
            return false;
        };
        matches!(target, NodeTarget::Named(_))
    };
    if plan.faults.iter().any(named) {
        answer.notes.push("faults of the scenario name nodes: sizes without these nodes do not suffer them".to_owned());
    }
    if grown {
        answer.notes.push("the Cluster Autoscaler is off: the size asked for is one that stays".to_owned());
    }
    if skipped > 0 {
        answer.notes.push(format!(
            "{skipped} sizes were left out because even their sums of requests cost more than what was found"
        ));
    }
    Ok(answer)
}

fn cost(candidate: &Candidate, count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) * candidate.price
}

/// Nodes of this type that could be enough at least, by the requests of a run that passed with another type.
fn floor(candidate: &Candidate, choices: &[Choice], loss: Loss) -> f64 {
    let Some(found) = choices.iter().find_map(|choice| choice.found.as_ref().ok()) else { return 0.0 };
    let shape = &candidate.plan.shapes[candidate.plan.pools[candidate.pool].shapes[0]];
    if candidate.least == 0 {
        return 0.0;
    }
    let demand = &found.trial.demand;
    let share = |asked: i64, offered: i64| {
        if offered > 0 { asked.max(0).unsigned_abs().div_ceil(offered.unsigned_abs()) } else { 0 }
    };
    let enough = share(demand.requests.milli_cpu, shape.allocatable.milli_cpu)
        .max(share(demand.requests.memory, shape.allocatable.memory))
        .max(share(demand.pods, shape.max_pods));
    let enough = usize::try_from(enough).unwrap_or(usize::MAX).min(1_000_000);
    let all = loss.beside(enough, bound::zones(&candidate.plan, candidate.pool));
    f64::from(u32::try_from(all).unwrap_or(u32::MAX))
}

/// The pool as it is, or with each type of machine in its place.
fn candidates(
    question: &Question,
    plan: &Plan,
    options: &SizeOptions,
    change: &dyn Fn(&mut Plan),
) -> Result<Vec<Candidate>, Halt> {
    let text = |id: StrId| plan.strings.text(id);
    let names: Vec<&str> = plan.pools.iter().map(|pool| text(pool.name)).collect();
    let pool = match &options.sized {
        Sized::Pool(Some(name)) => {
            let found = names.iter().position(|known| known == name);
            Some(found.ok_or_else(|| {
                let known =
                    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
                Halt::Unasked(format!("the input has no node pool `{name}`: {known}"))
            })?)
        }
        _ if names.len() > 1 => {
            return Err(Halt::Unasked(format!(
                "there are several node pools: say which one with --pool {}",
                names.join(" or --pool ")
            )));
        }
        _ => (names.len() == 1).then_some(0),
    };
    let Sized::Types(types) = &options.sized else {
        let Some(pool) = pool else {
            let what = "the nodes of the input are of no pool that could be made larger";
            return Err(Halt::Unasked(format!(
                "{what}: say what further ones are like, with --types general-4 (and --catalogue FILE)"
            )));
        };
        let id = PoolId::from_index(pool);
        let shape = &plan.shapes[plan.pools[id].shapes[0]];
        return Ok(vec![Candidate {
            name: names[pool].to_owned(),
            size: format!("{} CPU and {} of memory each", cores(shape.capacity.milli_cpu), gib(shape.capacity.memory)),
            price: plan.pools[id].price_per_hour,
            plan: plan.clone(),
            pool: id,
            least: usize::from(plan.nodes.len() == plan.pools[id].nodes.len()),
        }]);
    };
    types.iter().map(|of| typed(question, pool, of, &options.zones, change)).collect()
}

fn typed(
    question: &Question,
    pool: Option<usize>,
    of: &MachineType,
    zones: &[String],
    change: &dyn Fn(&mut Plan),
) -> Result<Candidate, Halt> {
    let varied = match pool {
        Some(pool) => {
            let mut overrides: Vec<String> =
                of.keys().into_iter().map(|(key, value)| format!("node_pool.{pool}.{key}={value}")).collect();
            overrides.push(format!("node_pool.{pool}.allocatable={{}}"));
            question.with(&overrides)
        }
        None => {
            let mut section = "[[node_pool]]\nname = \"more\"\n".to_owned();
            for (key, value) in of.keys() {
                let _ = writeln!(section, "{key} = {value}");
            }
            if !zones.is_empty() {
                let _ = writeln!(section, "zones = {zones:?}");
            }
            question.adding(&section)
        }
    };
    let mut varied = varied.compiled()?;
    change(&mut varied);
    let id = PoolId::from_index(pool.unwrap_or(varied.pools.len() - 1));
    let others = varied.nodes.len() > varied.pools[id].nodes.len();
    // The labels that a provider sets.
    let labels = [("kubernetes.io/arch", of.arch.as_str()), ("node.kubernetes.io/instance-type", of.name.as_str())];
    let shapes = varied.pools[id].shapes.clone();
    let relabelled = shapes.iter().map(|&shape| {
        let mut shape = varied.shapes[shape].clone();
        let text = |id| varied.strings.text(id).to_owned();
        let mut pairs: std::collections::BTreeMap<String, String> =
            varied.strings.labels(shape.labels).pairs().iter().map(|&(key, value)| (text(key), text(value))).collect();
        pairs.extend(labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        shape.labels = varied.strings.intern_labels(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        varied.shapes.push(shape)
    });
    let relabelled: Box<[_]> = relabelled.collect();
    varied.pools[id].shapes = relabelled;
    Ok(Candidate {
        name: of.name.clone(),
        size: of.size(),
        price: of.price_per_hour,
        plan: varied,
        pool: id,
        least: usize::from(!others),
    })
}

#[allow(clippy::cast_precision_loss, reason = "a machine has far less than 2^53 bytes")]
fn gib(bytes: i64) -> String {
    format!("{} GiB", (bytes as f64 / (1_i64 << 30) as f64 * 10.0).round() / 10.0)
}

#[allow(clippy::cast_precision_loss, reason = "a machine has few cores")]
fn cores(milli: i64) -> f64 {
    milli as f64 / 1000.0
}

fn nodes(count: usize, more: bool) -> String {
    match (count, more) {
        (1, false) => "1 node".to_owned(),
        (1, true) => "1 more node".to_owned(),
        (_, false) => format!("{count} nodes"),
        (_, true) => format!("{count} more nodes"),
    }
}
