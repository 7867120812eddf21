//! Scatter plots: two numbers of each thing, and which things no other beats in both (Pareto's front).

use super::curves::disc;
use super::frame::{Key, MARGIN, Swatch, WIDTH, begin};
use super::scale::Scale;
use super::scene::{Anchor, Points, Scene};
use super::theme::{INK, LABEL, PANEL, PAPER, SERIES, SMALL, SOFT};

/// One thing.
#[derive(Clone, PartialEq, Debug)]
pub struct Dot {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Written beside it; empty: nothing.
    pub label: String,
}

/// Which corner of a scatter plot is the best.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Best {
    /// None: no front is drawn.
    Neither,
    /// Little of both.
    LowLow,
    /// Little to the right, much upwards: cost against what it buys.
    LowHigh,
}

const HEIGHT: f64 = 380.0;

/// What is drawn beside the dots.
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub best: Best,
}

/// The scene and where its last axis is.
pub(super) fn draw(plot: &Plot<'_>, groups: &[(String, Vec<Dot>)]) -> (Scene, f64) {
    let coloured = || groups.iter().zip(SERIES.into_iter().cycle());
    let mut keys: Vec<Key<'_>> = match groups {
        [_] => Vec::new(),
        _ => coloured().map(|((name, _), colour)| (Swatch::Box, colour, name.as_str())).collect(),
    };
    if plot.best != Best::Neither {
        keys.push((Swatch::Line, SOFT, "nothing is better in both"));
    }
    let (mut scene, y) = begin(plot.title, plot.subtitle, &keys);
    let y = y + 10.0;
    scene.text(plot.y, MARGIN, y, PANEL);
    let (top, bottom) = (y + 14.0, y + 14.0 + HEIGHT);
    let right = WIDTH - MARGIN - 8.0;
    let dots = || groups.iter().flat_map(|(_, dots)| dots);
    let values = Scale::new(dots().map(|dot| dot.y), bottom, top);
    let left = MARGIN + values.room();
    let across = Scale::new(dots().map(|dot| dot.x), left, right);
    across.draw_lying(&mut scene, top, bottom);
    values.draw_standing(&mut scene, left, right);
    scene.text(plot.x, f64::midpoint(left, right), bottom + 36.0, LABEL.anchor(Anchor::Middle));
    let place = |dot: &Dot| (across.at(dot.x), values.at(dot.y));
    let front = front(dots(), plot.best);
    let mut stairs: Points = Vec::new();
    for dot in &front {
        let (x, y) = place(dot);
        if let Some(&(_, before)) = stairs.last() {
            stairs.push((x, before));
        }
        stairs.push((x, y));
    }
    if stairs.len() > 1 {
        scene.line(stairs, 1.6, SOFT);
    }
    let many = dots().count() > 60;
    let (radius, alpha) = if many { (3.2, 0.55) } else { (5.0, 1.0) };
    for ((_, dots), colour) in coloured() {
        for dot in dots {
            if !many {
                scene.area(disc(place(dot), radius + 1.2), PAPER);
            }
            scene.area(disc(place(dot), radius), colour.alpha(alpha));
        }
    }
    for dot in dots().filter(|dot| !dot.label.is_empty()) {
        let (x, y) = place(dot);
        let (x, anchor) = if x > right - 120.0 { (x - 9.0, Anchor::End) } else { (x + 9.0, Anchor::Start) };
        scene.text(&dot.label, x, (y - 6.0).max(top + 9.0), SMALL.colour(INK).anchor(anchor));
    }
    (scene, bottom + 20.0)
}

/// The dots that no other beats in both numbers, from left to right.
fn front<'a>(dots: impl Iterator<Item = &'a Dot>, best: Best) -> Vec<&'a Dot> {
    let worth = |dot: &Dot| if best == Best::LowHigh { -dot.y } else { dot.y };
    let mut sorted: Vec<&Dot> = if best == Best::Neither { Vec::new() } else { dots.collect() };
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(worth(a).total_cmp(&worth(b))));
    let mut least = f64::INFINITY;
    sorted.retain(|dot| {
        let better = worth(dot) < least;
        least = least.min(worth(dot));
        better
    });
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats_in_both() {
        let dots: Vec<Dot> = [(1.0, 9.0), (2.0, 9.0), (2.0, 4.0), (3.0, 5.0), (4.0, 1.0)]
            .into_iter()
            .map(|(x, y)| Dot { x, y, label: String::new() })
            .collect();
        let of = |best| front(dots.iter(), best).into_iter().map(|dot| (dot.x, dot.y)).collect::<Vec<_>>();
        assert_eq!(of(Best::LowLow), [(1.0, 9.0), (2.0, 4.0), (4.0, 1.0)]);
        assert_eq!(of(Best::LowHigh), [(1.0, 9.0)]);
        assert!(of(Best::Neither).is_empty());
    }
}
