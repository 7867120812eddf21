//! Heat maps: a number for each pair of two things.

use super::axis::brief;
use super::font::{self, fit};
use super::frame::{MARGIN, WIDTH, begin};
use super::scene::{Anchor, Colour, Scene};
use super::theme::{INK, LABEL, PALE, PANEL, PAPER, SMALL};

/// From the least number to the greatest: one hue, so that it can be read without colours as well.
const RAMP: [(f64, f64, f64); 3] = [(241.0, 246.0, 251.0), (107.0, 174.0, 214.0), (8.0, 69.0, 128.0)];
/// More than so many rows or columns are cut, and the cut is told.
const MOST: usize = 40;

/// What is drawn.
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub value: &'a str,
    pub columns: &'a [String],
    pub rows: &'a [String],
    pub cells: &'a [Vec<Option<f64>>],
}

/// The scene, where its last axis is, and what is not shown. The first row lies at the bottom, as on an axis.
pub(super) fn draw(plot: &Plot<'_>) -> (Scene, f64, String) {
    let (mut scene, y) = begin(plot.title, plot.subtitle, &[]);
    let (wide, high) = (plot.columns.len().min(MOST), plot.rows.len().min(MOST));
    let cell = |row: usize, column: usize| plot.cells.get(row).and_then(|row| row.get(column).copied().flatten());
    let shown: Vec<f64> = (0..high).flat_map(|row| (0..wide).filter_map(move |column| cell(row, column))).collect();
    let least = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let share = |value: f64| if greatest > least { (value - least) / (greatest - least) } else { 0.5 };

    let y = y + 10.0;
    scene.text(plot.y, MARGIN, y, PANEL);
    legend(&mut scene, plot.value, y, least, greatest);
    let top = y + 16.0;
    let widest = plot.rows[..high].iter().map(|name| font::width(name, LABEL.size, LABEL.weight)).fold(0.0, f64::max);
    let left = MARGIN + widest.min(220.0) + 12.0;
    let width = (WIDTH - MARGIN - left) / as_f64(wide.max(1));
    let height = (360.0 / as_f64(high.max(1))).clamp(18.0, 56.0);
    let bottom = top + height * as_f64(high);
    let every = (32.0 / width).ceil().max(1.0);
    for row in 0..high {
        let above = bottom - height * as_f64(row + 1);
        let name = fit(&plot.rows[row], LABEL.size, LABEL.weight, 220.0);
        scene.text(name, left - 8.0, above + height / 2.0 + 4.0, LABEL.anchor(Anchor::End));
        for column in 0..wide {
            let x = left + width * as_f64(column);
            let Some(value) = cell(row, column) else {
                scene.rect(x, above, width - 1.5, height - 1.5, PALE);
                continue;
            };
            scene.rect(x, above, width - 1.5, height - 1.5, ramp(share(value)));
            let text = brief(value);
            if font::width(&text, SMALL.size, SMALL.weight) < width - 6.0 {
                let ink = if share(value) > 0.55 { PAPER } else { INK };
                let style = SMALL.colour(ink).anchor(Anchor::Middle);
                scene.text(text, x + width / 2.0, above + height / 2.0 + 3.5, style);
            }
        }
    }
    for column in (0..wide).filter(|column| as_f64(*column) % every == 0.0) {
        let name = fit(&plot.columns[column], LABEL.size, LABEL.weight, width * every - 4.0);
        scene.text(name, left + width * (as_f64(column) + 0.5), bottom + 17.0, LABEL.anchor(Anchor::Middle));
    }
    scene.text(plot.x, f64::midpoint(left, WIDTH - MARGIN), bottom + 36.0, LABEL.anchor(Anchor::Middle));
    let cut = plot.columns.len() - wide + plot.rows.len() - high;
    let caption = if cut > 0 { format!("{cut} more rows and columns are not shown") } else { String::new() };
    (scene, bottom + 20.0, caption)
}

/// The colours with the numbers at their ends, at the right border.
fn legend(scene: &mut Scene, value: &str, baseline: f64, least: f64, greatest: f64) {
    if greatest < least {
        return;
    }
    const STEPS: u32 = 40;
    let high = brief(greatest);
    let mut right = WIDTH - MARGIN - font::width(&high, SMALL.size, SMALL.weight);
    scene.text(high, right, baseline, SMALL.colour(INK));
    right -= 6.0;
    for step in 0..STEPS {
        let x = right - 3.0 * f64::from(STEPS - step);
        scene.rect(x, baseline - 9.5, 3.0, 11.0, ramp((f64::from(step) + 0.5) / f64::from(STEPS)));
    }
    let left = right - 3.0 * f64::from(STEPS) - 6.0;
    let low = brief(least);
    scene.text(&low, left, baseline, SMALL.colour(INK).anchor(Anchor::End));
    let end = left - font::width(&low, SMALL.size, SMALL.weight) - 12.0;
    scene.text(value, end, baseline, LABEL.anchor(Anchor::End));
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a colour is a byte")]
fn ramp(share: f64) -> Colour {
    let [low, middle, high] = RAMP;
    let (from, to, part) = if share < 0.5 { (low, middle, share * 2.0) } else { (middle, high, share * 2.0 - 1.0) };
    let mix = |from: f64, to: f64| (from + (to - from) * part).round().clamp(0.0, 255.0) as u8;
    Colour { rgb: (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2)), alpha: 1.0 }
}

#[allow(clippy::cast_precision_loss, reason = "there are few of them")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
