//! What a study comes to: tables of runs and of points, the summary, the answer. Pure functions of the design and its rows, so
//! that neither threads nor shards nor interruptions leave a trace in them.

use serde_json::{Map, Value, json};

use super::design::{Design, Shown};
use super::journal::{Row, Rows};
use crate::answers::{Answer, Cell, Column, Table};
use crate::base::statistics::{Interval, Moments, quantile, sort};

/// With which confidence intervals hold their means.
pub const CONFIDENCE: f64 = 0.95;

/// What the runs of one point say of one metric.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spread {
    /// Mean, deviation, least and greatest.
    pub moments: Moments,
    /// Where the true mean lies with [`CONFIDENCE`]; None with one run.
    pub mean_ci95: Option<Interval>,
    /// 10th percentile.
    pub p10: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
}

impl Spread {
    /// Of some numbers.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        let moments: Moments = values.iter().copied().collect();
        sort(&mut values);
        let at = |q| quantile(&values, q).unwrap_or(0.0);
        Self { moments, mean_ci95: moments.interval(CONFIDENCE), p10: at(0.1), p50: at(0.5), p90: at(0.9) }
    }
}

/// A point with its runs.
#[derive(Clone, PartialEq, Debug)]
pub struct PointSummary {
    /// How many runs.
    pub runs: usize,
    /// Runs in which every expectation of the scenario holds.
    pub passed: usize,
    /// Runs that reached a limit.
    pub cut_short: usize,
    /// For each metric of the design.
    pub metrics: Vec<Spread>,
}

/// Sums up each point.
#[must_use]
pub fn summaries(design: &Design, rows: &Rows) -> Vec<PointSummary> {
    (0..design.points.len())
        .map(|point| {
            let runs: Vec<&Row> = rows.range((point, 0)..=(point, u64::MAX)).map(|(_, row)| row).collect();
            PointSummary {
                runs: runs.len(),
                passed: runs.iter().filter(|row| row.expectations_failed == 0).count(),
                cut_short: runs.iter().filter(|row| row.ended == "limit").count(),
                metrics: (0..design.metrics.len())
                    .map(|metric| Spread::of(runs.iter().map(|row| row.values[metric]).collect()))
                    .collect(),
            }
        })
        .collect()
}

fn value(numeric: bool, shown: &Shown) -> Cell {
    match shown.number {
        Some(number) if numeric => Cell::Number(number, 3),
        _ => Cell::Text(shown.text.clone()),
    }
}

fn parameters(design: &Design, point: usize) -> Vec<Cell> {
    design.parameters.iter().zip(&design.points[point]).map(|(p, shown)| value(p.numeric, shown)).collect()
}

fn columns(design: &Design) -> Vec<Column> {
    design.parameters.iter().map(|p| Column::new(p.column.clone(), p.name.clone())).collect()
}

/// A row for every run, sorted by point and seed: `results.csv`.
#[must_use]
pub fn runs_table(design: &Design, rows: &Rows) -> Table {
    let mut table = Table::new("runs", "", &[("point", "POINT")]);
    table.columns.extend(columns(design));
    let fixed = ["seed", "digest", "ended", "expectations_failed", "events"];
    table.columns.extend(fixed.map(|key| Column::new(key, key)));
    table.columns.extend(design.metrics.iter().map(|name| Column::new(name.clone(), name.clone())));
    for row in rows.values() {
        let mut cells = vec![Cell::from(row.point)];
        cells.extend(parameters(design, row.point));
        cells.push(Cell::Count(i64::try_from(row.seed).unwrap_or(i64::MAX)));
        cells.push(Cell::Text(row.digest.clone()));
        cells.push(Cell::Text(row.ended.clone()));
        cells.push(Cell::from(row.expectations_failed));
        cells.push(Cell::Count(i64::try_from(row.events).unwrap_or(i64::MAX)));
        cells.extend(row.values.iter().map(|value| Cell::Number(*value, 3)));
        table.row(cells);
    }
    table
}

/// A row for every point and metric: `summary.csv`.
#[must_use]
pub fn points_table(design: &Design, points: &[PointSummary]) -> Table {
    let mut table = Table::new("points", "", &[("point", "POINT")]);
    table.columns.extend(columns(design));
    let fixed = [
        "runs",
        "passed",
        "metric",
        "mean",
        "mean_ci95_low",
        "mean_ci95_high",
        "deviation",
        "min",
        "p10",
        "p50",
        "p90",
        "max",
    ];
    table.columns.extend(fixed.map(|key| Column::new(key, key)));
    for (at, point) in points.iter().enumerate() {
        for (name, spread) in design.metrics.iter().zip(&point.metrics) {
            let number = |value: f64| Cell::Number(value, 3);
            let mut cells = vec![Cell::from(at)];
            cells.extend(parameters(design, at));
            cells.extend([Cell::from(point.runs), Cell::from(point.passed), Cell::Text(name.clone())]);
            cells.push(number(spread.moments.mean));
            for end in [spread.mean_ci95.map(|ci| ci.low), spread.mean_ci95.map(|ci| ci.high)] {
                cells.push(end.map_or(Cell::Nothing, number));
            }
            let Moments { min, max, .. } = spread.moments;
            cells.extend([spread.moments.deviation(), min, spread.p10, spread.p50, spread.p90, max].map(number));
            table.row(cells);
        }
    }
    table
}

/// `summary.json`.
#[must_use]
pub fn summary_json(design: &Design, points: &[PointSummary]) -> Value {
    let of = |(at, point): (usize, &PointSummary)| {
        let parameters = design.parameters.iter().zip(&design.points[at]).map(|(p, shown)| {
            let value = match shown.number {
                Some(number) if p.numeric => json!(number),
                _ => json!(shown.text),
            };
            (p.column.clone(), value)
        });
        let metrics = design.metrics.iter().zip(&point.metrics).map(|(name, spread)| {
            let Moments { mean, min, max, .. } = spread.moments;
            let ci = spread.mean_ci95.map(|ci| [ci.low, ci.high]);
            let value = json!({
                "mean": mean, "mean_ci95": ci, "deviation": spread.moments.deviation(),
                "min": min, "p10": spread.p10, "p50": spread.p50, "p90": spread.p90, "max": max,
            });
            (name.clone(), value)
        });
        json!({
            "point": at,
            "parameters": parameters.collect::<Map<_, _>>(),
            "runs": point.runs,
            "runs_passed": point.passed,
            "runs_cut_short": point.cut_short,
            "metrics": metrics.collect::<Map<_, _>>(),
        })
    };
    json!({
        "schema_version": 1,
        "generator": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
        "study": design.name,
        "description": design.description,
        "hash": design.hash,
        "seeds": design.seeds,
        "points": points.iter().enumerate().map(of).collect::<Vec<_>>(),
    })
}

/// The answer: what the chosen metrics are at each point.
#[must_use]
pub fn answer(design: &Design, points: &[PointSummary]) -> Answer {
    let mut table = Table::new("points", "", &[]);
    table.columns = columns(design);
    table.columns.push(Column::new("runs", "RUNS"));
    let judged = points.iter().any(|point| point.passed < point.runs);
    if judged {
        table.columns.push(Column::new("runs_passed", "PASSED"));
    }
    let shown = chosen(design);
    for &at in &shown {
        let name = &design.metrics[at];
        table.columns.push(Column::new(format!("{name}_mean"), name.clone()));
        table.columns.push(Column::new(format!("{name}_ci95_half"), "±"));
    }
    for (at, point) in points.iter().enumerate() {
        let pairs = design.parameters.iter().zip(&design.points[at]);
        // Here values stand as they were written.
        let mut cells: Vec<Cell> = pairs
            .map(|(parameter, shown)| match shown.number {
                Some(number) if parameter.numeric && design.random => Cell::Number(number, decimals(number)),
                _ => Cell::Text(shown.text.clone()),
            })
            .collect();
        cells.push(Cell::from(point.runs));
        if judged {
            cells.push(Cell::from(point.passed));
        }
        for &metric in &shown {
            let spread = &point.metrics[metric];
            let mean = spread.moments.mean;
            cells.push(Cell::Number(mean, decimals(mean)));
            let half = spread.mean_ci95.map(|ci| (ci.high - ci.low) / 2.0);
            cells.push(half.map_or(Cell::Nothing, |half| Cell::Number(half, decimals(mean))));
        }
        table.row(cells);
    }
    if let Some(first) = table.columns.iter().position(|column| column.key.ends_with("_mean")) {
        table.bar = Some(first);
    }
    let runs: usize = points.iter().map(|point| point.runs).sum();
    let mut notes = vec!["± is half of the 95 % confidence interval of the mean over the seeds".to_owned()];
    let cut: usize = points.iter().map(|point| point.cut_short).sum();
    if cut > 0 {
        notes.push(format!("{cut} runs reached a limit and were cut short; `ended` is `limit` in results.csv"));
    }
    let sentence = sentence(design, points, &shown, runs);
    Answer { command: "study", yes: true, sentence, tables: vec![table], notes, picture: None }
}

/// The metrics to show, as columns of the design.
#[must_use]
pub fn chosen(design: &Design) -> Vec<usize> {
    design.shown.iter().filter_map(|name| design.metrics.iter().position(|metric| metric == name)).collect()
}

/// Three or four digits are enough for people.
pub(crate) fn decimals(value: f64) -> u8 {
    match value.abs() {
        v if (v - v.round()).abs() < 1e-9 && v < 1e9 => 0,
        v if v >= 1000.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 1.0 => 2,
        _ => 4,
    }
}

fn number(value: f64) -> String {
    format!("{value:.prec$}", prec = usize::from(decimals(value)))
}

fn sentence(design: &Design, points: &[PointSummary], shown: &[usize], runs: usize) -> String {
    let seeds = match design.seeds.len() {
        1 => "1 seed".to_owned(),
        more => format!("{more} seeds"),
    };
    let whole = format!("{}: {runs} runs, {} points with {seeds}", design.name, design.points.len());
    let Some(&metric) = shown.first() else { return format!("{whole}.") };
    let mean = |point: &usize| points[*point].metrics[metric].moments.mean;
    let order = |a: &usize, b: &usize| mean(a).total_cmp(&mean(b));
    // Of equal ones the first.
    let (Some(least), Some(greatest)) = ((0..points.len()).min_by(order), (0..points.len()).rev().max_by(order)) else {
        return format!("{whole}.");
    };
    let name = &design.metrics[metric];
    if mean(&least).total_cmp(&mean(&greatest)).is_eq() || points.len() == 1 {
        return format!("{whole}; {name} is {} everywhere.", number(mean(&least)));
    }
    format!(
        "{whole}; the mean of {name} goes from {} at {} to {} at {}.",
        number(mean(&least)),
        design.words(least),
        number(mean(&greatest)),
        design.words(greatest),
    )
}
