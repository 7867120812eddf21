//! An axis of numbers from any least to any greatest one, lying or standing, with round labels.

use super::axis::{crisp, number};
use super::font;
use super::scene::{Anchor, Scene};
use super::theme::{AXIS, GRID, LABEL};

/// Where numbers lie between two pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    /// The pixels of `low` and `high`.
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale on which all of `values` fit. Begins at zero where that costs less than half of the room.
    pub(super) fn new(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = ends(values);
        if low > 0.0 && low <= high * 0.5 {
            low = 0.0;
        } else if high < 0.0 && high >= low * 0.5 {
            high = 0.0;
        }
        Self::between(low, high, from, to)
    }

    /// A scale that is no longer than `values` need.
    pub(super) fn tight(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let values: Vec<f64> = values.collect();
        let (low, high) = ends(values.iter().copied());
        let mut scale = Self::between(low, high, from, to);
        // There is nothing between whole numbers.
        if scale.step < 1.0 && values.iter().all(|value| value.fract() == 0.0) {
            scale.step = 1.0;
            (scale.low, scale.high) = (scale.low.floor(), scale.high.ceil());
        }
        scale
    }

    fn between(mut low: f64, mut high: f64, from: f64, to: f64) -> Self {
        if high - low <= high.abs().max(low.abs()) * 1e-12 {
            // One number: it lies in the middle, and nothing becomes zero.
            let half = if low == 0.0 { 0.5 } else { low.abs() * 0.25 };
            (low, high) = (low - half, high + half);
        }
        let wanted = ((to - from).abs() / 70.0).clamp(2.0, 10.0);
        let mut power = 1.0;
        while power * 10.0 <= (high - low) / wanted {
            power *= 10.0;
        }
        while power > (high - low) / wanted {
            power /= 10.0;
        }
        let fits = |step: &f64| (high - low) / step <= wanted;
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(fits).unwrap_or(10.0 * power);
        Self { low: (low / step + 1e-9).floor() * step, high: (high / step - 1e-9).ceil() * step, step, from, to }
    }

    /// Where `value` lies.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round numbers and where they lie.
    fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks = Vec::new();
        let mut value = self.low;
        while value <= self.high + self.step * 1e-6 {
            // What should be zero is a remainder of sums.
            let round = if value.abs() < self.step * 1e-6 { 0.0 } else { value };
            ticks.push((self.at(round), number(round, self.step)));
            value += self.step;
        }
        ticks
    }

    /// Vertical lines between `top` and `bottom` with labels below them.
    pub(super) fn draw_lying(&self, scene: &mut Scene, top: f64, bottom: f64) {
        for (x, label) in self.ticks() {
            scene.rect(crisp(x) - 0.5, top, 1.0, bottom - top, GRID);
            scene.text(label, x, bottom + 17.0, LABEL.anchor(Anchor::Middle));
        }
        scene.rect(self.from, bottom - 0.5, self.to - self.from, 1.0, AXIS);
    }

    /// Horizontal lines between `left` and `right` with labels to their left.
    pub(super) fn draw_standing(&self, scene: &mut Scene, left: f64, right: f64) {
        for (y, label) in self.ticks() {
            scene.rect(left, crisp(y) - 0.5, right - left, 1.0, GRID);
            scene.text(label, left - 8.0, crisp(y) + 4.2, LABEL.anchor(Anchor::End));
        }
    }

    /// Room that the labels of a standing axis need.
    pub(super) fn room(&self) -> f64 {
        let widths = self.ticks().into_iter().map(|(_, label)| font::width(&label, LABEL.size, LABEL.weight));
        widths.fold(0.0, f64::max) + 14.0
    }
}

/// The least and the greatest; 0 and 1 without any.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_round_labels_wherever_they_lie() {
        let labels = |values: &[f64]| {
            let scale = Scale::new(values.iter().copied(), 0.0, 420.0);
            scale.ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>()
        };
        assert_eq!(labels(&[1.0, 4.0]), ["0", "1", "2", "3", "4"]);
        assert_eq!(labels(&[-3.0, 5.0]), ["-4", "-2", "0", "2", "4", "6"]);
        assert_eq!(labels(&[970.0, 1000.0]), ["970", "975", "980", "985", "990", "995", "1000"]);
        assert_eq!(labels(&[0.0, 0.0]), ["-0.6", "-0.4", "-0.2", "0", "0.2", "0.4", "0.6"]);
        assert_eq!(labels(&[]).len(), 6);
        let scale = Scale::new([0.0, 10.0].into_iter(), 300.0, 100.0);
        assert!((scale.at(0.0), scale.at(10.0)) == (300.0, 100.0), "a standing axis grows upwards");
    }
}
