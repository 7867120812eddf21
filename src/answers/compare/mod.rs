//! `compare`: the same workload under several settings. Every arm is run with the same seeds, and draws are addressed, so that
//! run times and crashes are the same in all arms: what is told is the differences of pairs.

mod condition;

use crate::base::statistics::{Moments, paired};
use crate::export::{Picture, PictureShape};
use crate::sim::metrics;
use crate::sim::plan::Plan;

use super::study::outcome;
use super::study::results::{CONFIDENCE, decimals};
use super::{Answer, Cell, Halt, Runner, Table};

pub use condition::{Condition, Statistic};

/// One of the things that are compared.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What is run.
    pub plan: Plan,
}

/// How arms are compared.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// The seeds with which every arm is run.
    pub seeds: Vec<u64>,
    /// Metrics to tell; none: those that differ.
    pub metrics: Vec<&'static str>,
    /// The answer is no if an arm meets one of these.
    pub fail_if: Vec<Condition>,
}

/// What a metric is in an arm beside the first.
struct Difference {
    metric: &'static str,
    arm: usize,
    base: Moments,
    own: Moments,
    pairs: Moments,
}

impl Difference {
    /// Whether it is surely more (1) or less (-1).
    fn sure(&self) -> i8 {
        match self.pairs.interval(CONFIDENCE) {
            Some(ci) if ci.low > 0.0 => 1,
            Some(ci) if ci.high < 0.0 => -1,
            _ => 0,
        }
    }

    fn percent(&self) -> Option<f64> {
        (self.base.mean != 0.0).then(|| 100.0 * self.pairs.mean / self.base.mean.abs())
    }
}

/// Compares arms with the first of them.
///
/// # Errors
/// If there are fewer than two arms or no seeds, a run reached a limit, or the user asked to stop.
pub fn compare(arms: &[Arm], runner: &Runner<'_>, options: &CompareOptions) -> Result<Answer, Halt> {
    let seeds = &options.seeds;
    if arms.len() < 2 || seeds.is_empty() {
        return Err(Halt::Unasked("there is nothing to compare: give two scenarios, or an --arm".to_owned()));
    }
    let runs = runner.all(arms.len() * seeds.len(), |at| {
        let (arm, seed) = (at / seeds.len(), at % seeds.len());
        let outcome = outcome(&arms[arm].plan, seeds[seed], runner.stop)?;
        match outcome.stopped {
            crate::sim::outcome::Stopped::Limit(limit) => Err(Halt::Limit(limit)),
            _ => Ok(outcome.metrics),
        }
    })?;
    let values = |arm: usize, metric: &str| -> Vec<f64> {
        let of = &runs[arm * seeds.len()..(arm + 1) * seeds.len()];
        of.iter().map(|metrics| metrics.get(metric).copied().unwrap_or(0.0)).collect()
    };
    let differences: Vec<Difference> = metrics::ALL
        .iter()
        .filter(|metric| options.metrics.is_empty() || options.metrics.contains(&metric.name))
        .flat_map(|metric| (1..arms.len()).map(move |arm| (metric.name, arm)))
        .map(|(metric, arm)| {
            let (base, own) = (values(0, metric), values(arm, metric));
            let pairs = paired(&base, &own);
            Difference { metric, arm, base: base.into_iter().collect(), own: own.into_iter().collect(), pairs }
        })
        .collect();
    let told: Vec<&Difference> = differences
        .iter()
        .filter(|one| {
            let differs = differences
                .iter()
                .any(|other| other.metric == one.metric && (other.pairs.min != 0.0 || other.pairs.max != 0.0));
            differs || !options.metrics.is_empty()
        })
        .collect();

    let mut tables = Vec::new();
    let met = conditions(arms, options, &values, &mut tables);
    tables.insert(0, differences_table(arms, &told));
    let mut notes = vec![format!(
        "± and the interval are of the mean difference of pairs with equal seeds, with {:.0} % confidence",
        CONFIDENCE * 100.0
    )];
    if seeds.len() < 2 {
        notes.push("one seed says nothing of how sure this is: give --seeds 1..10".to_owned());
    }
    let all = if options.metrics.is_empty() { metrics::ALL.len() } else { options.metrics.len() };
    let equal = all - told.len() / (arms.len() - 1);
    if equal > 0 {
        notes.push(format!("{equal} of {all} metrics are equal in all runs and not shown"));
    }
    let sentence = sentence(arms, seeds.len(), &told, &met);
    let picture = picture(arms, seeds.len(), &told);
    Ok(Answer { command: "compare", yes: met.is_empty(), sentence, tables, notes, picture })
}

/// Judges the conditions; returns those that are met, in words, and adds a table of all.
fn conditions(
    arms: &[Arm],
    options: &CompareOptions,
    values: &impl Fn(usize, &str) -> Vec<f64>,
    tables: &mut Vec<Table>,
) -> Vec<String> {
    let columns = [("condition", "CONDITION"), ("arm", "ARM"), ("first", "FIRST"), ("value", "VALUE"), ("met", "MET")];
    let mut table = Table::new("conditions", "Conditions under which this fails:", &columns);
    let mut met = Vec::new();
    for condition in &options.fail_if {
        let base = values(0, condition.metric);
        for (arm, Arm { name, .. }) in arms.iter().enumerate().skip(1) {
            let (is, first, value) = condition.judge(&base, &values(arm, condition.metric));
            let number = |value: f64| Cell::Number(value, decimals(value));
            table.row(vec![
                condition.written.as_str().into(),
                name.as_str().into(),
                number(first),
                number(value),
                is.into(),
            ]);
            if is {
                met.push(format!(
                    "`{}` holds for {name}: {} against {}",
                    condition.written,
                    plain(value),
                    plain(first)
                ));
            }
        }
    }
    if !table.rows.is_empty() {
        tables.push(table);
    }
    met
}

fn plain(value: f64) -> String {
    format!("{value:.prec$}", prec = usize::from(decimals(value)))
}

fn differences_table(arms: &[Arm], told: &[&Difference]) -> Table {
    let mut table = Table::new(
        "differences",
        format!("Differences from {}:", arms[0].name),
        &[
            ("metric", "METRIC"),
            ("arm", "ARM"),
            ("first_mean", "FIRST"),
            ("mean", "MEAN"),
            ("difference", "DIFFERENCE"),
            ("difference_ci95_half", "±"),
            ("difference_percent", "%"),
            ("verdict", "VERDICT"),
        ],
    );
    for one in told {
        let half = one.pairs.half_width(CONFIDENCE);
        let number = |value: f64| {
            Cell::Number(value, decimals(one.base.mean.abs().max(one.own.mean.abs())).max(decimals(value)).min(4))
        };
        let verdict = match (one.sure(), half) {
            (1, _) => "more",
            (-1, _) => "less",
            _ if one.pairs.min == 0.0 && one.pairs.max == 0.0 => "equal",
            (_, None) => "one run",
            _ => "not sure",
        };
        table.row(vec![
            one.metric.into(),
            arms[one.arm].name.as_str().into(),
            number(one.base.mean),
            number(one.own.mean),
            number(one.pairs.mean),
            half.map_or(Cell::Nothing, number),
            one.percent().map_or(Cell::Nothing, |percent| Cell::Number(percent, 1)),
            verdict.into(),
        ]);
    }
    table
}

fn sentence(arms: &[Arm], seeds: usize, told: &[&Difference], met: &[String]) -> String {
    if let [first, rest @ ..] = met {
        let more = if rest.is_empty() { String::new() } else { format!(" ({} more conditions are met)", rest.len()) };
        return format!("No: {first}{more}.");
    }
    let runs = if seeds == 1 { "1 seed".to_owned() } else { format!("{seeds} seeds") };
    let sure: Vec<&&Difference> = told.iter().filter(|one| one.sure() != 0).collect();
    if told.is_empty() {
        return format!("All arms are equal in every metric with {runs}.");
    }
    if told.iter().all(|one| one.pairs.min == 0.0 && one.pairs.max == 0.0) {
        return format!("All arms are equal in these metrics with {runs}.");
    }
    if sure.is_empty() {
        return format!("With {runs} nothing surely differs from {}.", arms[0].name);
    }
    // What changes most, in parts of what it was; what came from nothing first.
    let mut largest = sure.clone();
    largest.sort_by(|a, b| {
        let size = |one: &Difference| one.percent().map_or(f64::INFINITY, f64::abs);
        size(b).total_cmp(&size(a))
    });
    let words = |one: &&&Difference| {
        let of = if arms.len() > 2 { format!(" with {}", arms[one.arm].name) } else { String::new() };
        let percent = one.percent().map_or_else(String::new, |percent| format!(", {percent:+.0} %"));
        format!("{} {} instead of {}{percent}{of}", one.metric, plain(one.own.mean), plain(one.base.mean))
    };
    let most: Vec<String> = largest.iter().take(3).map(words).collect();
    let who = match arms {
        [first, second] => format!("{} against {}", second.name, first.name),
        [first, ..] => format!("{} arms against {}", arms.len() - 1, first.name),
        [] => String::new(),
    };
    let differences = if sure.len() == 1 { "1 difference is" } else { &format!("{} differences are", sure.len()) };
    format!("{who} with {runs}: {differences} sure; {}.", most.join("; "))
}

/// Percent of the first arm beyond which a bar would hide all others.
const MOST_PERCENT: f64 = 500.0;

/// Means in parts of the first arm's.
fn picture(arms: &[Arm], seeds: usize, told: &[&Difference]) -> Option<Picture> {
    let mut names: Vec<&'static str> = Vec::new();
    for one in told.iter().filter(|one| one.sure() != 0) {
        let of_it = told.iter().filter(|other| other.metric == one.metric);
        let fits = |one: &&&Difference| {
            let share = 100.0 * one.own.mean / one.base.mean;
            one.base.mean > 0.0 && (0.0..=MOST_PERCENT).contains(&share)
        };
        if of_it.clone().count() == of_it.filter(fits).count() && !names.contains(&one.metric) {
            names.push(one.metric);
        }
    }
    if names.is_empty() {
        return None;
    }
    let of = |arm: usize| {
        let value = |name: &&'static str| match told.iter().find(|one| one.metric == *name && one.arm == arm) {
            Some(one) => 100.0 * one.own.mean / one.base.mean,
            None => 100.0,
        };
        names.iter().map(value).collect::<Vec<f64>>()
    };
    let series = arms.iter().enumerate().map(|(arm, Arm { name, .. })| (name.clone(), of(arm))).collect();
    Some(Picture {
        title: format!("What surely differs from {}", arms[0].name),
        subtitle: format!(
            "Means over {seeds} seeds, in percent of {}: metrics that surely differ, without those that are 0 there or more \
             than {MOST_PERCENT} % of it elsewhere.",
            arms[0].name
        ),
        shape: PictureShape::Bars {
            axis: format!("% of {}", arms[0].name),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            series,
        },
    })
}
