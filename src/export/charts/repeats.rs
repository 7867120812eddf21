//! Chart: one number of many runs that differ in their seed only, beside the range in which it was measured elsewhere.

use super::axis::{ValueAxis, crisp};
use super::font;
use super::frame::{FOOT, Key, MARGIN, Swatch, WIDTH, begin};
use super::scene::{Anchor, Colour, Points, Scene, Shape};
use super::theme::{AXIS, BLUE, GRID, INK, LABEL, ORANGE, PALE, PANEL, PAPER, SMALL, STRONG};

/// One panel: what was counted in one setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepeatsPanel {
    /// Its heading.
    pub title: String,
    /// What is compared, at most as many as there are colours for.
    pub series: Vec<Repeated>,
}

/// A number in many runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeated {
    /// What was run, for the legend.
    pub name: String,
    /// The number of each run, by seed from 1.
    pub values: Vec<u32>,
    /// The least and the greatest that were measured elsewhere.
    pub measured: (u32, u32),
}

/// All of the chart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeats {
    /// What is asked.
    pub title: String,
    /// What to see.
    pub subtitle: String,
    /// What the grey bands are.
    pub measured: String,
    /// What the numbers count.
    pub axis: String,
    /// Side by side; each with the same series.
    pub panels: Vec<RepeatsPanel>,
}

const HEIGHT: f64 = 300.0;
const GAP: f64 = 52.0;
const COLOURS: [Colour; 2] = [BLUE, ORANGE];
const BAND: Colour = PALE;

impl Repeats {
    /// The chart as SVG.
    ///
    /// # Errors
    /// If it cannot be drawn, which would be a mistake of this crate.
    pub fn svg(&self) -> Result<String, String> {
        font::register()?;
        self.draw().svg()
    }

    fn draw(&self) -> Scene {
        let names = self.panels.first().into_iter().flat_map(|panel| &panel.series).zip(COLOURS);
        let mut keys: Vec<Key<'_>> = names.map(|(s, colour)| (Swatch::Box, colour, s.name.as_str())).collect();
        keys.push((Swatch::Box, BAND, &self.measured));
        let (mut scene, mut y) = begin(&self.title, &self.subtitle, &keys);
        y += 12.0;
        let count = as_f64(self.panels.len().max(1));
        let wide = (WIDTH - 2.0 * MARGIN - 34.0 - GAP * (count - 1.0)) / count;
        let mut left = MARGIN + 34.0;
        for panel in &self.panels {
            scene.text(&panel.title, left, y, PANEL);
            panel.draw(&mut scene, (left, left + wide), y + 16.0, &self.measured);
            left += wide + GAP;
        }
        let bottom = y + 16.0 + HEIGHT;
        scene.height = (bottom + FOOT).ceil();
        scene.shapes[0] = Shape::Rect(0.0, 0.0, WIDTH, scene.height, PAPER);
        let foot = scene.height - 14.0;
        scene.text(format!("podsim {}", env!("CARGO_PKG_VERSION")), MARGIN, foot, SMALL);
        scene.text(&self.axis, WIDTH - MARGIN, foot, SMALL.anchor(Anchor::End));
        scene
    }
}

impl RepeatsPanel {
    fn draw(&self, scene: &mut Scene, (left, right): (f64, f64), top: f64, elsewhere: &str) {
        let bottom = top + HEIGHT;
        let greatest =
            self.series.iter().flat_map(|s| s.values.iter().copied().chain([s.measured.1])).max().unwrap_or(0);
        let runs = self.series.iter().map(|s| s.values.len()).max().unwrap_or(0);
        let values = ValueAxis::new(f64::from(greatest), true, top, bottom);
        // Bands lie under the grid, so that values can be read in them.
        for series in &self.series {
            let (low, high) = (f64::from(series.measured.0), f64::from(series.measured.1));
            // A band of one value has the height of a dot.
            let (upper, lower) = (values.y(high).min(values.y(low) - 3.0), values.y(low).max(values.y(high) + 3.0));
            scene.rect(left, upper, right - left, lower - upper, BAND);
        }
        values.draw(scene, left, right, "");
        scene.rect(left, crisp(bottom) - 0.5, right - left, 1.0, AXIS);
        let step = (right - left) / as_f64(runs.max(1));
        let x = |run: usize| left + (as_f64(run) + 0.5) * step;
        for run in (0..runs).filter(|run| (run + 1) % 5 == 0 || *run == 0) {
            scene.rect(crisp(x(run)) - 0.5, bottom, 1.0, 4.0, AXIS);
            scene.text(format!("{}", run + 1), x(run), bottom + 17.0, LABEL.anchor(Anchor::Middle));
        }
        for (series, colour) in self.series.iter().zip(COLOURS) {
            for (run, &value) in series.values.iter().enumerate() {
                scene.area(dot(x(run), values.y(f64::from(value)), 4.6), PAPER);
                scene.area(dot(x(run), values.y(f64::from(value)), 3.8), colour);
            }
            // What the dots come to, out of their way: below them, or above if they lie on the axis.
            let low = values.y(f64::from(series.values.iter().copied().chain([series.measured.0]).min().unwrap_or(0)));
            let high = values.y(f64::from(series.values.iter().copied().chain([series.measured.1]).max().unwrap_or(0)));
            let baseline = if low + 22.0 < bottom { low + 22.0 } else { high - 13.0 };
            scene.text(series.words(elsewhere), left + 6.0, baseline, STRONG.colour(INK));
        }
        scene.rect(left, top, right - left, 1.0, GRID);
    }
}

impl Repeated {
    /// Twice the median: a whole number.
    fn twice_median(&self) -> u32 {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let middle = |at: usize| sorted.get(at).copied().unwrap_or(0);
        middle(sorted.len().saturating_sub(1) / 2) + middle(sorted.len() / 2)
    }

    fn words(&self, elsewhere: &str) -> String {
        let span = |low: u32, high: u32| if low == high { format!("{low}") } else { format!("{low} to {high}") };
        let (low, high) = (self.values.iter().min().unwrap_or(&0), self.values.iter().max().unwrap_or(&0));
        let measured = span(self.measured.0, self.measured.1);
        if low == high {
            return format!("{low} in every run; {elsewhere} {measured}");
        }
        let median = f64::from(self.twice_median()) / 2.0;
        format!("{}, median {median}; {elsewhere} {measured}", span(*low, *high))
    }
}

/// A disc as a polygon.
fn dot(x: f64, y: f64, radius: f64) -> Points {
    const SIDES: u32 = 20;
    let corner = |i: u32| {
        let angle = f64::from(i) / f64::from(SIDES) * std::f64::consts::TAU;
        (x + radius * libm::cos(angle), y + radius * libm::sin(angle))
    };
    (0..SIDES).map(corner).collect()
}

#[allow(clippy::cast_precision_loss, reason = "there are few of them")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told_in_words() {
        let of = |values: &[u32], measured| {
            Repeated { name: String::new(), values: values.to_vec(), measured }.words("real")
        };
        assert_eq!(of(&[20, 19, 23, 20], (18, 22)), "19 to 23, median 20; real 18 to 22");
        assert_eq!(of(&[20, 21], (18, 22)), "20 to 21, median 20.5; real 18 to 22");
        assert_eq!(of(&[0, 0], (0, 0)), "0 in every run; real 0");
    }
}
