//! Charts of answers: bars, curves with bands, heat maps, scatter plots and grades by what they cost. Plain data in, a scene out.

use super::axis::{ValueAxis, brief, crisp};
use super::curves::{self, Curve};
use super::font::{self, fit};
use super::frame::{FOOT, Key, MARGIN, Swatch, WIDTH, begin};
use super::heat;
use super::pareto::{self, Way};
use super::scatter::{self, Best, Dot};
use super::scene::{Anchor, Scene, Shape};
use super::theme::{AXIS, GRID, INK, LABEL, PANEL, PAPER, SERIES, SMALL};

/// A chart of an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Picture {
    /// What is asked.
    pub title: String,
    /// What to see.
    pub subtitle: String,
    /// What is drawn.
    pub shape: PictureShape,
}

/// What is drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum PictureShape {
    /// A group of bars for each name.
    Bars {
        /// What the numbers are, with their unit.
        axis: String,
        /// A name for each group.
        names: Vec<String>,
        /// Names for the legend, and a number for each group.
        series: Vec<(String, Vec<f64>)>,
    },
    /// How numbers answer to another number, and how sure that is.
    Curves {
        /// What lies to the right, with its unit.
        x: String,
        /// What lies upwards, with its unit.
        y: String,
        /// A line each.
        curves: Vec<Curve>,
        /// A dashed line across, with its name.
        limit: Option<(String, f64)>,
    },
    /// A number for each pair of two things.
    Heat {
        /// What the columns are.
        x: String,
        /// What the rows are.
        y: String,
        /// What the numbers are, with their unit.
        value: String,
        /// From left to right.
        columns: Vec<String>,
        /// From the bottom to the top.
        rows: Vec<String>,
        /// For each row, a number for each column, if there is one.
        cells: Vec<Vec<Option<f64>>>,
    },
    /// Two numbers of each thing.
    Scatter {
        /// What lies to the right, with its unit.
        x: String,
        /// What lies upwards, with its unit.
        y: String,
        /// A colour each, with a name for the legend.
        groups: Vec<(String, Vec<Dot>)>,
        /// Where the best ones are: they are joined by a line.
        best: Best,
    },
    /// What grades of something cost, one way or the other.
    Grades {
        /// What a cost is, with its unit.
        x: String,
        /// What the grades are.
        y: String,
        /// From the least to the best.
        grades: Vec<String>,
        /// A colour each, with a name for the legend.
        groups: Vec<(String, Vec<Way>)>,
    },
}

/// Height of a bar and gap between groups.
const BAR: f64 = 15.0;
const GAP: f64 = 9.0;
/// More groups than this are cut, and the cut is told.
const MOST: usize = 60;

impl Picture {
    /// As SVG.
    ///
    /// # Errors
    /// If it cannot be drawn, which would be a mistake of this crate.
    pub fn svg(&self) -> Result<String, String> {
        font::register()?;
        self.draw().svg()
    }

    /// As PNG of twice the size.
    ///
    /// # Errors
    /// If it cannot be drawn, which would be a mistake of this crate.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        font::register()?;
        super::canvas::png(&self.draw())
    }

    fn draw(&self) -> Scene {
        let (mut scene, bottom, caption) = match &self.shape {
            PictureShape::Bars { axis, names, series } => self.bars(axis, names, series),
            PictureShape::Curves { x, y, curves, limit } => {
                let limit = limit.as_ref().map(|(name, value)| (name.as_str(), *value));
                let plot = curves::Plot { title: &self.title, subtitle: &self.subtitle, x, y, limit };
                let (scene, bottom) = curves::draw(&plot, curves);
                (scene, bottom, String::new())
            }
            PictureShape::Heat { x, y, value, columns, rows, cells } => {
                let (title, subtitle) = (&self.title, &self.subtitle);
                heat::draw(&heat::Plot { title, subtitle, x, y, value, columns, rows, cells })
            }
            PictureShape::Scatter { x, y, groups, best } => {
                let plot = scatter::Plot { title: &self.title, subtitle: &self.subtitle, x, y, best: *best };
                let (scene, bottom) = scatter::draw(&plot, groups);
                (scene, bottom, String::new())
            }
            PictureShape::Grades { x, y, grades, groups } => {
                let plot = pareto::Plot { title: &self.title, subtitle: &self.subtitle, x, y, grades };
                let (scene, bottom) = pareto::draw(&plot, groups);
                (scene, bottom, String::new())
            }
        };
        scene.height = (bottom + FOOT).ceil();
        scene.shapes[0] = Shape::Rect(0.0, 0.0, WIDTH, scene.height, PAPER);
        let foot = scene.height - 14.0;
        scene.text(format!("podsim {}", env!("CARGO_PKG_VERSION")), MARGIN, foot, SMALL);
        scene.text(caption, WIDTH - MARGIN, foot, SMALL.anchor(Anchor::End));
        scene
    }

    fn bars(&self, axis: &str, names: &[String], series: &[(String, Vec<f64>)]) -> (Scene, f64, String) {
        let colours = || series.iter().zip(SERIES.into_iter().cycle());
        let keys: Vec<Key<'_>> = match series {
            [_] => Vec::new(),
            _ => colours().map(|((name, _), colour)| (Swatch::Box, colour, name.as_str())).collect(),
        };
        let (mut scene, mut y) = begin(&self.title, &self.subtitle, &keys);
        y += 10.0;
        scene.text(axis, MARGIN, y, PANEL);
        let shown = names.len().min(MOST);
        let widest = names[..shown].iter().map(|name| font::width(name, LABEL.size, LABEL.weight)).fold(0.0, f64::max);
        let left = MARGIN + widest.min(320.0) + 12.0;
        let right = WIDTH - MARGIN - 48.0;
        let top = y + 14.0;
        let group = BAR * as_f64(series.len().max(1)) + GAP;
        let bottom = top + group * as_f64(shown) + GAP;
        let greatest = series.iter().flat_map(|(_, values)| &values[..shown]).copied().fold(0.0, f64::max);
        // The axis of values lies on its side: its bottom is the left end.
        let whole = series.iter().flat_map(|(_, values)| values).all(|value| value.fract() == 0.0);
        let values = ValueAxis::new(greatest, whole, 0.0, 420.0);
        let x = |value: f64| left + (value / values.max).clamp(0.0, 1.0) * (right - left);
        for (value, label) in values.ticks() {
            let at = crisp(x(value));
            scene.rect(at - 0.5, top, 1.0, bottom - top, if value > 0.0 { GRID } else { AXIS });
            scene.text(label, at, bottom + 17.0, LABEL.anchor(Anchor::Middle));
        }
        for (at, name) in names[..shown].iter().enumerate() {
            let above = top + GAP + group * as_f64(at);
            let middle = above + (group - GAP) / 2.0 + 4.0;
            scene.text(fit(name, LABEL.size, LABEL.weight, 320.0), left - 8.0, middle, LABEL.anchor(Anchor::End));
            for (row, ((_, numbers), colour)) in colours().enumerate() {
                let high = above + BAR * as_f64(row);
                scene.rect(left, high, x(numbers[at]) - left, BAR - 2.0, colour);
                scene.text(brief(numbers[at]), x(numbers[at]) + 5.0, high + BAR - 4.5, SMALL.colour(INK));
            }
        }
        let left_out = names.len() - shown;
        let caption = if left_out > 0 { format!("{left_out} more are not shown") } else { String::new() };
        (scene, bottom, caption)
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are few of them")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::super::curves::CurvePoint;
    use super::*;

    fn kinds() -> Vec<(&'static str, PictureShape)> {
        let curve = |name: &str, slope: f64| {
            let points = (3..=9).map(|x| {
                let y = slope / f64::from(x);
                let (band, range) = (Some((y * 0.9, y * 1.1)), Some((y * 0.6, y * 1.5)));
                CurvePoint { x: f64::from(x), y, band, range }
            });
            Curve { name: name.to_owned(), points: points.collect() }
        };
        let (x, y) = ("node_pool.0.count".to_owned(), "wait_seconds_p99".to_owned());
        let limit = Some(("wanted: 40 s".to_owned(), 40.0));
        let one = vec![curve("a", 300.0)];
        let several = vec![curve("crash 10m", 300.0), curve("crash 1h", 200.0), curve("no crash", 90.0)];
        let names = |count: i32, unit: &str| (1..=count).map(|n| format!("{n}{unit}")).collect::<Vec<_>>();
        let cells = (0..5_i32).map(|r| (0..8_i32).map(|c| (r + c != 9).then(|| f64::from(r * c) * 3.7)).collect());
        let dots = |shift: f64| {
            (1..=9_i32).map(move |n| {
                let label = if n % 3 == 0 { format!("n = {n}") } else { String::new() };
                Dot { x: f64::from(n) * 120.0, y: f64::from(n * 7 % 10) + shift, label }
            })
        };
        let groups = vec![("small".to_owned(), dots(0.0).collect()), ("large".to_owned(), dots(2.5).collect())];
        let ways = |price: u32, best: u32| {
            let way = |grade: u32| {
                let count = (8 / price).max(1) + grade;
                let label = format!("{count} of {price} cores");
                Way { cost: f64::from(count * price), grade: grade as usize, best: grade >= best, label }
            };
            (0..4).map(way).collect::<Vec<_>>()
        };
        vec![
            (
                "grades",
                PictureShape::Grades {
                    x: x.clone(),
                    y: y.clone(),
                    grades: ["nothing", "1 node", "2 nodes", "a zone"].map(str::to_owned).to_vec(),
                    groups: vec![("small".to_owned(), ways(2, 0)), ("large".to_owned(), ways(4, 4))],
                },
            ),
            ("curve", PictureShape::Curves { x: x.clone(), y: y.clone(), curves: one, limit }),
            ("curves", PictureShape::Curves { x: x.clone(), y: y.clone(), curves: several, limit: None }),
            (
                "heat",
                PictureShape::Heat {
                    x: x.clone(),
                    y: "scenario.duration".to_owned(),
                    value: y.clone(),
                    columns: names(8, ""),
                    rows: names(5, " h"),
                    cells: cells.collect(),
                },
            ),
            ("scatter", PictureShape::Scatter { x, y, groups, best: Best::LowLow }),
        ]
    }

    /// With `PODSIM_PICTURES=DIR` they are left there to be looked at.
    #[test]
    fn every_kind_can_be_drawn() {
        for (name, shape) in kinds() {
            let (title, subtitle) =
                (format!("A picture of kind {name}"), "What to see in it, in a sentence.".to_owned());
            let picture = Picture { title, subtitle, shape };
            let (svg, png) = (picture.svg().expect("an svg"), picture.png().expect("a png"));
            assert!(svg.contains("node_pool.0.count") && svg.contains("wait_seconds_p99"), "{name} names its axes");
            assert!(svg == picture.svg().expect("an svg") && png.len() > 5000, "{name}");
            if let Some(folder) = std::env::var_os("PODSIM_PICTURES") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).expect("a folder");
            }
        }
    }
}
