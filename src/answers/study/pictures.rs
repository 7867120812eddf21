//! Charts of a study: curves over one parameter, with one line for each value of a second; heat maps of two parameters; clouds
//! of a random design. What else varies is averaged over.

use super::design::{Design, Parameter, Shown};
use super::journal::Rows;
use super::results::{PointSummary, Spread, chosen};
use crate::export::{Best, Curve, CurvePoint, Dot, Picture, PictureShape};

/// More lines than this cannot be told apart.
const MOST_CURVES: usize = 7;

/// File stems and pictures, the most telling first.
#[must_use]
pub fn pictures(design: &Design, points: &[PointSummary], rows: &Rows) -> Vec<(String, Picture)> {
    let varied: Vec<usize> = (0..design.parameters.len()).filter(|at| values(design, *at).len() > 1).collect();
    // Few samples are as good as a grid.
    let cloud = design.random
        && varied.iter().any(|at| design.parameters[*at].numeric && values(design, *at).len() > MOST_CURVES);
    let mut found = Vec::new();
    for metric in chosen(design) {
        let view = View { design, points, rows, metric };
        if cloud {
            found.extend(varied.iter().filter_map(|&at| view.cloud(at, &varied)));
        } else {
            found.extend(view.curves(&varied));
            found.extend(view.heat(&varied));
            found.extend(view.bars(&varied));
        }
    }
    found
}

/// The values of a parameter: numbers by size, names as they come.
fn values(design: &Design, at: usize) -> Vec<&Shown> {
    let mut found: Vec<&Shown> = Vec::new();
    for point in &design.points {
        if !found.iter().any(|known| known.text == point[at].text) {
            found.push(&point[at]);
        }
    }
    if design.parameters[at].numeric {
        found.sort_by(|a, b| a.number.unwrap_or(0.0).total_cmp(&b.number.unwrap_or(0.0)));
    }
    found
}

struct View<'a> {
    design: &'a Design,
    points: &'a [PointSummary],
    rows: &'a Rows,
    metric: usize,
}

impl View<'_> {
    fn name(&self) -> &str {
        &self.design.metrics[self.metric]
    }

    fn parameter(&self, at: usize) -> &Parameter {
        &self.design.parameters[at]
    }

    fn subtitle(&self, what: &str) -> String {
        let Self { design, .. } = self;
        let about = if design.description.is_empty() { design.name.clone() } else { design.description.clone() };
        let seeds = design.seeds.len();
        format!(
            "{about} · {what} {} points with {seeds} {} each.",
            design.points.len(),
            if seeds == 1 { "seed" } else { "seeds" }
        )
    }

    /// What all runs say at the points that have these values.
    fn spread(&self, wanted: &[(usize, &str)]) -> Option<Spread> {
        let at = |point: usize| wanted.iter().all(|(at, text)| self.design.points[point][*at].text == *text);
        let rows = self.rows.values().filter(|row| at(row.point));
        let found: Vec<f64> = rows.map(|row| row.values[self.metric]).collect();
        (!found.is_empty()).then(|| Spread::of(found))
    }

    /// Over the number with the most values; a line for each value of another parameter, if there are few.
    fn curves(&self, varied: &[usize]) -> Option<(String, Picture)> {
        let numeric = varied.iter().copied().filter(|at| self.parameter(*at).numeric);
        let x = numeric.rev().max_by_key(|at| values(self.design, *at).len())?;
        let second = varied.iter().copied().find(|at| *at != x && values(self.design, *at).len() <= MOST_CURVES);
        let line = |name: &str, wanted: &[(usize, &str)]| {
            let points = values(self.design, x).into_iter().filter_map(|value| {
                let mut wanted = wanted.to_vec();
                wanted.push((x, &value.text));
                let spread = self.spread(&wanted)?;
                // What cannot be negative is not drawn so, however wide its interval.
                let least = if spread.moments.min >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
                let band = spread.mean_ci95.map(|ci| (ci.low.max(least), ci.high));
                let range = (spread.moments.count > 2).then_some((spread.p10, spread.p90));
                Some(CurvePoint { x: value.number?, y: spread.moments.mean, band, range })
            });
            Curve { name: name.to_owned(), points: points.collect() }
        };
        let curves: Vec<Curve> = match second {
            None => vec![line("", &[])],
            Some(at) => {
                let own = self.parameter(at);
                let name = |value: &Shown| {
                    if own.name == "arm" { value.text.clone() } else { format!("{} = {}", own.name, value.text) }
                };
                values(self.design, at).into_iter().map(|value| line(&name(value), &[(at, &value.text)])).collect()
            }
        };
        let bands = if curves.len() <= 2 {
            "Lines are means; dark bands their 95 % confidence intervals, light ones hold 80 % of the runs."
        } else {
            "Lines are means, bands their 95 % confidence intervals."
        };
        let title = format!("{} against {}", self.name(), self.parameter(x).name);
        let shape = PictureShape::Curves {
            x: self.parameter(x).column.clone(),
            y: self.name().to_owned(),
            curves,
            limit: None,
        };
        Some((self.name().to_owned(), Picture { title, subtitle: self.subtitle(bands), shape }))
    }

    /// Where two parameters vary.
    fn heat(&self, varied: &[usize]) -> Option<(String, Picture)> {
        let mut both: Vec<usize> = varied.iter().copied().filter(|at| self.parameter(*at).name != "arm").collect();
        both.sort_by_key(|at| (!self.parameter(*at).numeric, std::cmp::Reverse(values(self.design, *at).len()), *at));
        let [x, y, ..] = both[..] else { return None };
        let (columns, rows) = (values(self.design, x), values(self.design, y));
        let cells = rows
            .iter()
            .map(|row| {
                let mean = |column: &&Shown| Some(self.spread(&[(x, &column.text), (y, &row.text)])?.moments.mean);
                columns.iter().map(mean).collect()
            })
            .collect();
        let texts = |shown: &[&Shown]| shown.iter().map(|shown| shown.text.clone()).collect::<Vec<_>>();
        let shape = PictureShape::Heat {
            x: self.parameter(x).name.clone(),
            y: self.parameter(y).name.clone(),
            value: self.name().to_owned(),
            columns: texts(&columns),
            rows: texts(&rows),
            cells,
        };
        let title = format!("{} over {} and {}", self.name(), self.parameter(x).name, self.parameter(y).name);
        Some((format!("{}-map", self.name()), Picture { title, subtitle: self.subtitle("Means."), shape }))
    }

    /// Where nothing that varies is a number.
    fn bars(&self, varied: &[usize]) -> Option<(String, Picture)> {
        if varied.is_empty() || varied.iter().any(|at| self.parameter(*at).numeric) {
            return None;
        }
        let texts = |point: usize| {
            varied.iter().map(|at| self.design.points[point][*at].text.clone()).collect::<Vec<_>>().join(", ")
        };
        let names = (0..self.points.len()).map(texts).collect();
        let means = self.points.iter().map(|point| point.metrics[self.metric].moments.mean).collect();
        let series = vec![(self.name().to_owned(), means)];
        let shape = PictureShape::Bars { axis: self.name().to_owned(), names, series };
        let title = format!("{} of each variant", self.name());
        Some((self.name().to_owned(), Picture { title, subtitle: self.subtitle("Bars are means."), shape }))
    }

    /// A dot for each point of a random design; colours for the values of a parameter that is not drawn.
    fn cloud(&self, x: usize, varied: &[usize]) -> Option<(String, Picture)> {
        if !self.parameter(x).numeric || (values(self.design, x).len() <= MOST_CURVES && varied.len() > 1) {
            return None;
        }
        let second = varied.iter().copied().find(|at| *at != x && values(self.design, *at).len() <= MOST_CURVES);
        let groups: Vec<String> = match second {
            None => vec![String::new()],
            Some(at) => values(self.design, at).into_iter().map(|shown| shown.text.clone()).collect(),
        };
        let dots = |group: &String| {
            let points = self.design.points.iter().zip(self.points);
            points
                .filter(|(point, _)| second.is_none_or(|at| point[at].text == *group))
                .filter_map(|(point, summary)| {
                    let y = summary.metrics[self.metric].moments.mean;
                    Some(Dot { x: point[x].number?, y, label: String::new() })
                })
                .collect()
        };
        let groups = groups.iter().map(|group| (group.clone(), dots(group))).collect();
        let (x, name) = (self.parameter(x), self.name());
        let shape = PictureShape::Scatter { x: x.column.clone(), y: name.to_owned(), groups, best: Best::Neither };
        let title = format!("{name} against {}", x.name);
        let stem: String = x.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let subtitle = self.subtitle("Dots are means over the seeds.");
        Some((format!("{name}-{stem}"), Picture { title, subtitle, shape }))
    }
}
