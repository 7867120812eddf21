//! Charts of answers: bars of numbers that belong to names. Plain data in, a scene out.

use super::axis::{ValueAxis, brief, crisp};
use super::font::{self, fit};
use super::frame::{FOOT, Key, MARGIN, Swatch, WIDTH, begin};
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
        let values = ValueAxis::new(greatest, false, 0.0, 420.0);
        let x = |value: f64| left + (value / values.max).clamp(0.0, 1.0) * (right - left);
        let ticks = 5_u32;
        for tick in 0..=ticks {
            let value = values.max * f64::from(tick) / f64::from(ticks);
            let at = crisp(x(value));
            scene.rect(at - 0.5, top, 1.0, bottom - top, if tick == 0 { AXIS } else { GRID });
            scene.text(brief(value), at, bottom + 17.0, LABEL.anchor(Anchor::Middle));
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
