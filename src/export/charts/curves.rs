//! Curves with bands: how a number answers to another, and how sure that is.

use super::axis::{brief, crisp};
use super::frame::{Key, MARGIN, Swatch, WIDTH, begin};
use super::scale::Scale;
use super::scene::{Anchor, Colour, Points, Scene};
use super::theme::{INK, LABEL, PANEL, PAPER, SERIES, SMALL};

/// A line through points.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// From left to right.
    pub points: Vec<CurvePoint>,
}

/// A point of a curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CurvePoint {
    /// Where.
    pub x: f64,
    /// How much.
    pub y: f64,
    /// How sure that is: the dark band.
    pub band: Option<(f64, f64)>,
    /// How far single values lie apart: the light band.
    pub range: Option<(f64, f64)>,
}

const HEIGHT: f64 = 360.0;

/// What is drawn beside the curves.
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub limit: Option<(&'a str, f64)>,
}

/// The scene and where its last axis is.
pub(super) fn draw(plot: &Plot<'_>, curves: &[Curve]) -> (Scene, f64) {
    let coloured = || curves.iter().zip(SERIES.into_iter().cycle());
    let keys: Vec<Key<'_>> = match curves {
        [_] => Vec::new(),
        _ => coloured().map(|(curve, colour)| (Swatch::Line, colour, curve.name.as_str())).collect(),
    };
    let (mut scene, y) = begin(plot.title, plot.subtitle, &keys);
    let y = y + 10.0;
    scene.text(plot.y, MARGIN, y, PANEL);
    let (top, bottom) = (y + 14.0, y + 14.0 + HEIGHT);
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let heights = points().flat_map(|point| {
        let ends = [point.band, point.range].into_iter().flatten().flat_map(|(low, high)| [low, high]);
        ends.chain([point.y]).collect::<Vec<_>>()
    });
    let values = Scale::new(heights.chain(plot.limit.map(|(_, value)| value)), bottom, top);
    let left = MARGIN + values.room();
    let across = Scale::tight(points().map(|point| point.x), left, WIDTH - MARGIN - 8.0);
    across.draw_lying(&mut scene, top, bottom);
    values.draw_standing(&mut scene, left, WIDTH - MARGIN - 8.0);
    scene.text(plot.x, f64::midpoint(left, WIDTH - MARGIN), bottom + 36.0, LABEL.anchor(Anchor::Middle));
    let place = |x: f64, y: f64| (across.at(x), values.at(y));
    for (curve, colour) in coloured() {
        // Light bands of several curves would cover each other.
        if curves.len() <= 2 {
            band(&mut scene, curve, |point| point.range, place, colour.alpha(0.12));
        }
        band(&mut scene, curve, |point| point.band, place, colour.alpha(0.28));
    }
    if let Some((name, value)) = plot.limit {
        let at = crisp(values.at(value));
        let mut x = left;
        while x < WIDTH - MARGIN - 8.0 {
            scene.rect(x, at - 0.5, 5.0, 1.0, INK);
            x += 9.0;
        }
        scene.text(name, left + 8.0, at - 5.0, SMALL.colour(INK));
    }
    for (curve, colour) in coloured() {
        let line: Points = curve.points.iter().map(|point| place(point.x, point.y)).collect();
        for &at in &line {
            scene.area(disc(at, 4.2), PAPER);
        }
        if line.len() > 1 {
            scene.line(line.clone(), 2.2, colour);
        }
        for &at in &line {
            scene.area(disc(at, 3.4), colour);
        }
    }
    // Few points of one curve have room for their numbers.
    if let [curve] = curves
        && curve.points.len() <= 12
    {
        for point in &curve.points {
            let (x, y) = place(point.x, point.y);
            let anchor = if x > WIDTH - MARGIN - 30.0 { Anchor::End } else { Anchor::Middle };
            scene.text(brief(point.y), x, (y - 9.0).max(top + 9.0), SMALL.colour(INK).anchor(anchor));
        }
    }
    (scene, bottom + 20.0)
}

fn band(
    scene: &mut Scene,
    curve: &Curve,
    ends: fn(&CurvePoint) -> Option<(f64, f64)>,
    place: impl Fn(f64, f64) -> (f64, f64),
    colour: Colour,
) {
    let known: Vec<(f64, (f64, f64))> = curve.points.iter().filter_map(|point| Some((point.x, ends(point)?))).collect();
    if let [(x, (low, high))] = known[..] {
        let ((at, above), (_, below)) = (place(x, high), place(x, low));
        scene.rect(at - 4.0, above, 8.0, below - above, colour);
        return;
    }
    let mut outline: Points = known.iter().map(|&(x, (_, high))| place(x, high)).collect();
    outline.extend(known.iter().rev().map(|&(x, (low, _))| place(x, low)));
    if outline.len() > 3 {
        scene.area(outline, colour);
    }
}

/// A round dot.
pub(super) fn disc((x, y): (f64, f64), radius: f64) -> Points {
    const CORNERS: u32 = 16;
    (0..CORNERS)
        .map(|corner| {
            let angle = std::f64::consts::TAU * f64::from(corner) / f64::from(CORNERS);
            (x + radius * libm::cos(angle), y + radius * libm::sin(angle))
        })
        .collect()
}
