//! What grades of something cost: a row for each grade, a dot for each way to have it, and a line through those that nothing
//! beats: no other costs less and is at least as good.

use super::curves::disc;
use super::font::{self, fit};
use super::frame::{Key, MARGIN, Swatch, WIDTH, begin};
use super::scale::Scale;
use super::scene::{Anchor, Points, Scene};
use super::theme::{GRID, INK, LABEL, PANEL, PAPER, SERIES, SMALL, SOFT};

/// A way to have a grade.
#[derive(Clone, PartialEq, Debug)]
pub struct Way {
    /// What it costs.
    pub cost: f64,
    /// Its grade: which row.
    pub grade: usize,
    /// Whether nothing beats it.
    pub best: bool,
    /// Written beside it.
    pub label: String,
}

const ROW: f64 = 66.0;
const RADIUS: f64 = 5.5;

/// What is drawn beside the dots.
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub grades: &'a [String],
}

/// The scene and where its last axis is. The first grade lies at the bottom.
pub(super) fn draw(plot: &Plot<'_>, groups: &[(String, Vec<Way>)]) -> (Scene, f64) {
    let coloured = || groups.iter().zip(SERIES.into_iter().cycle());
    let mut keys: Vec<Key<'_>> = match groups {
        [_] => Vec::new(),
        _ => coloured().map(|((name, _), colour)| (Swatch::Box, colour, name.as_str())).collect(),
    };
    keys.push((Swatch::Line, SOFT, "filled and joined: nothing that is as good costs less"));
    let (mut scene, y) = begin(plot.title, plot.subtitle, &keys);
    let y = y + 10.0;
    scene.text(plot.y, MARGIN, y, PANEL);
    let top = y + 14.0;
    let bottom = top + ROW * as_f64(plot.grades.len());
    let widest = plot.grades.iter().map(|name| font::width(name, LABEL.size, LABEL.weight)).fold(0.0, f64::max);
    let (left, right) = (MARGIN + widest.min(220.0) + 14.0, WIDTH - MARGIN - 30.0);
    let ways = || groups.iter().flat_map(|(_, ways)| ways);
    let across = Scale::tight(ways().map(|way| way.cost).chain([0.0]), left, right);
    across.draw_lying(&mut scene, top, bottom);
    scene.text(plot.x, f64::midpoint(left, right), bottom + 36.0, LABEL.anchor(Anchor::Middle));
    let middle = |grade: usize| bottom - ROW * (as_f64(grade) + 0.5);
    for (grade, name) in plot.grades.iter().enumerate() {
        let name = fit(name, LABEL.size, LABEL.weight, 220.0);
        scene.text(name, left - 10.0, middle(grade) + 4.0, LABEL.colour(INK).anchor(Anchor::End));
        scene.rect(left, middle(grade) - 0.5, right - left, 1.0, GRID);
    }
    let place = |way: &Way| (across.at(way.cost), middle(way.grade));
    let mut best: Vec<&Way> = ways().filter(|way| way.best).collect();
    best.sort_by(|a, b| a.grade.cmp(&b.grade).then(a.cost.total_cmp(&b.cost)));
    // More money buys nothing until it buys the next grade.
    let mut stairs: Points = Vec::new();
    for way in best {
        let (x, y) = place(way);
        stairs.extend(stairs.last().map(|&(_, before)| (x, before)));
        stairs.push((x, y));
    }
    if stairs.len() > 1 {
        scene.line(stairs, 1.6, SOFT);
    }
    for ((_, ways), colour) in coloured() {
        for way in ways {
            scene.area(disc(place(way), RADIUS + 1.6), PAPER);
            scene.area(disc(place(way), RADIUS), colour);
            if !way.best {
                scene.area(disc(place(way), RADIUS - 2.0), PAPER);
            }
        }
    }
    let mut sorted: Vec<&Way> = ways().collect();
    sorted.sort_by(|a, b| b.best.cmp(&a.best).then(a.grade.cmp(&b.grade)).then(a.cost.total_cmp(&b.cost)));
    let mut written: Vec<(f64, f64, f64)> = Vec::new();
    for way in sorted {
        let (x, y) = place(way);
        let wide = font::width(&way.label, SMALL.size, SMALL.weight);
        let from = (x - wide / 2.0).clamp(left, WIDTH - MARGIN - wide);
        let free = |line: f64| {
            written.iter().all(|&(begins, ends, other)| {
                (other - line).abs() > 1.0 || from > ends + 8.0 || from + wide < begins - 8.0
            })
        };
        // Above the dot, or below it; what has no room is told by the colour alone.
        let Some(line) = [y - 12.0, y + 19.0].into_iter().find(|&line| free(line)) else { continue };
        written.push((from, from + wide, line));
        scene.rect(from - 3.0, line - 10.0, wide + 6.0, 13.0, PAPER);
        scene.text(&way.label, from, line, SMALL.colour(if way.best { INK } else { SOFT }));
    }
    (scene, bottom + 20.0)
}

#[allow(clippy::cast_precision_loss, reason = "there are few of them")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
