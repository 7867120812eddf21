//! What all charts share: heading, legend, fault marks and footer. A chart fills the space in between.

use super::axis::TimeAxis;
use super::font::{fit, width};
use super::scene::{Anchor, Colour, Scene, Type};
use super::theme::{GRID, INK, LEGEND, PAPER, SMALL, SUBTITLE, TITLE};
use crate::base::SimTime;
use crate::export::Context;
use crate::record::Fact;

/// Width of every chart.
pub(super) const WIDTH: f64 = 960.0;
/// Space at the left and right border.
pub(super) const MARGIN: f64 = 28.0;
/// Below the last axis: its labels and the footer.
pub(super) const FOOT: f64 = 54.0;

/// How a legend shows a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Swatch {
    Box,
    Line,
}

/// A key of the legend.
pub(super) type Key<'a> = (Swatch, Colour, &'a str);

/// Starts a scene with title, subtitle and legend; returns it with the height at which the chart may begin. The height
/// of the scene is set by [`finish`].
pub(super) fn begin(title: &str, subtitle: &str, keys: &[Key<'_>]) -> (Scene, f64) {
    let mut scene = Scene { width: WIDTH, height: 0.0, title: title.to_owned(), shapes: Vec::new() };
    scene.rect(0.0, 0.0, WIDTH, 0.0, PAPER);
    scene.text(fit(title, TITLE.size, TITLE.weight, WIDTH - 2.0 * MARGIN), MARGIN, 38.0, TITLE);
    let mut y = 38.0;
    for line in wrap(subtitle, SUBTITLE, WIDTH - 2.0 * MARGIN, 3) {
        y += if y > 38.0 { 18.5 } else { 23.0 };
        scene.text(line, MARGIN, y, SUBTITLE);
    }
    if !keys.is_empty() {
        y += 26.0;
        let mut x = MARGIN;
        for &(swatch, colour, label) in keys {
            let wide = 18.0 + width(label, LEGEND.size, LEGEND.weight);
            if x > MARGIN && x + wide > WIDTH - MARGIN {
                x = MARGIN;
                y += 20.0;
            }
            match swatch {
                Swatch::Box => scene.rect(x, y - 9.5, 11.0, 11.0, colour),
                Swatch::Line => scene.rect(x, y - 5.5, 13.0, 3.0, colour),
            }
            scene.text(label, x + 18.0, y, LEGEND);
            x += wide + 20.0;
        }
    }
    (scene, y + 16.0)
}

/// Sets the height below the last axis at `bottom` and writes the footer.
pub(super) fn finish(mut scene: Scene, bottom: f64, ctx: &Context<'_>, caption: &str) -> Scene {
    scene.height = (bottom + FOOT).ceil();
    scene.shapes[0] = super::scene::Shape::Rect(0.0, 0.0, WIDTH, scene.height, PAPER);
    let y = scene.height - 14.0;
    let version = env!("CARGO_PKG_VERSION");
    let origin = format!("podsim {version} · seed {} · digest {}", ctx.plan.seed, ctx.outcome.digest);
    scene.text(origin, MARGIN, y, SMALL);
    scene.text(caption, WIDTH - MARGIN, y, SMALL.anchor(Anchor::End));
    scene
}

/// Breaks a text into at most `most` lines that fit into `room`; a longer text ends with an ellipsis.
pub(super) fn wrap(text: &str, style: Type, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split(' ').peekable();
    while words.peek().is_some() && lines.len() < most {
        let mut line = words.next().unwrap_or_default().to_owned();
        while let Some(word) = words.peek() {
            let longer = format!("{line} {word}");
            if lines.len() + 1 < most && width(&longer, style.size, style.weight) > room {
                break;
            }
            line = longer;
            words.next();
        }
        lines.push(fit(&line, style.size, style.weight, room));
    }
    lines
}

/// Something that breaks: from when to when, and what.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Mark {
    pub from: SimTime,
    pub to: Option<SimTime>,
    pub text: String,
}

/// Faults of the plan, and machines that stopped without one.
pub(super) fn marks(ctx: &Context<'_>, names: &crate::export::names::Names<'_>) -> Vec<Mark> {
    let mut marks: Vec<(Option<u32>, Mark)> = Vec::new();
    for (at, fact) in ctx.recording.every_fact() {
        match fact {
            Fact::Fault(index, true, note) => {
                let text = ctx.recording.note_text(note).to_owned();
                marks.push((Some(index), Mark { from: at, to: None, text }));
            }
            Fact::Fault(index, false, _) => {
                if let Some((_, mark)) = marks.iter_mut().rev().find(|(i, m)| *i == Some(index) && m.to.is_none()) {
                    mark.to = Some(at);
                }
            }
            Fact::NodeCrashed(node) if !marks.iter().any(|(i, mark)| i.is_some() && mark.from == at) => {
                marks.push((None, Mark { from: at, to: None, text: format!("node {} stops", names.node(node)) }));
            }
            _ => {}
        }
    }
    for (index, mark) in &mut marks {
        let plan = index.and_then(|index| ctx.plan.faults.get(index as usize));
        if mark.to.is_none() && plan.is_some_and(|fault| fault.duration.is_some()) {
            // It would have ended, had the run been longer.
            mark.to = Some(ctx.outcome.ended_at);
        }
    }
    marks.into_iter().map(|(_, mark)| mark).collect()
}

/// Marks on a time axis, with the places of their labels.
pub(super) struct Marked<'a> {
    marks: &'a [Mark],
    time: &'a TimeAxis,
    /// Row above the panel (0 is next to it), start and text; none if there is no room.
    labels: Vec<Option<(usize, f64, String)>>,
}

impl<'a> Marked<'a> {
    const ROW: f64 = 14.0;
    const ROWS: usize = 3;

    pub(super) fn new(marks: &'a [Mark], time: &'a TimeAxis) -> Self {
        // From the last to the first: a label that reaches a later line goes above that line's own label, where the line
        // does not reach up to it.
        let mut placed: Vec<(f64, f64, usize)> = Vec::new();
        let mut labels: Vec<Option<(usize, f64, String)>> = Vec::new();
        for mark in marks.iter().rev() {
            let x = time.x(mark.from);
            let text = fit(&mark.text, SMALL.size, SMALL.weight, 300.0);
            let wide = width(&text, SMALL.size, SMALL.weight);
            // To the right of its line, or to the left of it where the chart ends.
            let start = if x + 5.0 + wide <= WIDTH - 6.0 { x + 5.0 } else { x - 5.0 - wide };
            let end = start + wide + 10.0;
            let over = placed.iter().filter(|(from, to, _)| start < *to && *from < end);
            let row = over.map(|(.., row)| row + 1).max().unwrap_or(0);
            let fits = row < Self::ROWS;
            if fits {
                placed.push((start.min(x - 3.0), end, row));
            }
            labels.push(fits.then_some((row, start, text)));
        }
        labels.reverse();
        Self { marks, time, labels }
    }

    /// Room that the labels need above a panel.
    pub(super) fn height(&self) -> f64 {
        self.labels.iter().flatten().map(|(row, ..)| row + 1).max().map_or(0.0, |rows| 4.0 + Self::ROW * as_f64(rows))
    }

    /// Shades the time of each fault, behind a panel.
    pub(super) fn shade(&self, scene: &mut Scene, top: f64, bottom: f64) {
        for mark in self.marks {
            let (from, to) = (self.time.x(mark.from), self.time.x(mark.to.unwrap_or(mark.from)));
            if to - from > 1.0 {
                scene.rect(from, top, to - from, bottom - top, INK.alpha(0.07));
            }
        }
    }

    /// A dashed line where each fault begins, in front of a panel, with or without labels above it.
    pub(super) fn strike(&self, scene: &mut Scene, top: f64, bottom: f64, labelled: bool) {
        // Many faults must not hide what they did.
        let ink = INK.alpha(if self.marks.len() > 12 { 0.3 } else { 0.75 });
        for (mark, label) in self.marks.iter().zip(&self.labels) {
            let x = super::axis::crisp(self.time.x(mark.from));
            let mut y = top;
            if let Some((row, start, text)) = label.as_ref().filter(|_| labelled) {
                let baseline = top - 5.0 - Self::ROW * as_f64(*row);
                scene.text(text, *start, baseline, SMALL.colour(INK));
                y = baseline - 9.0;
            }
            while y < bottom {
                scene.rect(x - 0.5, y, 1.0, 4.0_f64.min(bottom - y), ink);
                y += 7.0;
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are few rows")]
fn as_f64(row: usize) -> f64 {
    row as f64
}

/// The empty area of a panel.
pub(super) fn panel(scene: &mut Scene, time: &TimeAxis, top: f64, bottom: f64) {
    scene.rect(time.left, top, time.right - time.left, 1.0, GRID);
    time.grid(scene, top, bottom);
}
