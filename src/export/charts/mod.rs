//! Charts, as SVG and as PNG at twice the size. Each chart turns a run into a [`scene::Scene`]; none knows how scenes
//! become files, and none needs a font of the system.

mod axis;
mod canvas;
mod curves;
mod font;
mod frame;
mod heat;
mod lanes;
mod pareto;
mod picture;
mod pods;
mod repeats;
mod replicas;
mod resources;
mod scale;
mod scatter;
mod scene;
mod services;
mod shares;
mod theme;
mod waits;

use std::io::Write;

use crate::base::{SimDuration, SimTime};

use super::folder::{CHARTS, Draft};
use super::lives::PodLife;
use super::names::Names;
use super::{Context, ExportError};
use scene::Scene;

pub use curves::{Curve, CurvePoint};
pub use pareto::Way;
pub use picture::{Picture, PictureShape};
pub use repeats::{Repeated, Repeats, RepeatsPanel};
pub use scatter::{Best, Dot};

/// What charts are made from.
struct Source<'a> {
    ctx: &'a Context<'a>,
    names: &'a Names<'a>,
    lives: &'a [PodLife],
    marks: Vec<frame::Mark>,
}

impl Source<'_> {
    /// Where charts end. What was reached at the very end goes on, and is seen doing so, if the run was meant to last longer.
    fn end(&self) -> SimTime {
        let (plan, ended) = (self.ctx.plan, self.ctx.outcome.ended_at);
        let more = SimDuration((ended - plan.start).0 / 16);
        (ended + more).min(plan.start + plan.duration).max(ended)
    }
}

type Maker = fn(&Source<'_>) -> Option<Scene>;

/// File stems and makers, the most telling first. A maker returns nothing if the run has nothing of the kind.
const ALL: [(&str, Maker); 7] = [
    ("lives", lanes::draw),
    ("services", services::draw),
    ("replicas", replicas::draw),
    ("pods", pods::draw),
    ("resources", resources::draw),
    ("shares", shares::draw),
    ("waits", waits::draw),
];

/// Draws every chart that has something to show.
pub(super) fn write(
    draft: &mut Draft,
    ctx: &Context<'_>,
    names: &Names<'_>,
    lives: &[PodLife],
) -> Result<(), ExportError> {
    font::register().map_err(|reason| ExportError::Chart { chart: "any", reason: reason.to_owned() })?;
    let source = Source { ctx, names, lives, marks: frame::marks(ctx, names) };
    let scenes: Vec<_> = ALL.iter().filter_map(|(stem, make)| Some((*stem, make(&source)?))).collect();
    // Drawing is most of the work and the pictures are independent of each other.
    let drawn: Vec<_> = std::thread::scope(|scope| {
        let tasks: Vec<_> = scenes.iter().map(|(_, scene)| scope.spawn(|| (scene.svg(), canvas::png(scene)))).collect();
        tasks.into_iter().map(|task| task.join().unwrap_or_else(|e| std::panic::resume_unwind(e))).collect()
    });
    for ((chart, _), (svg, png)) in scenes.iter().zip(drawn) {
        let failed = |reason| ExportError::Chart { chart, reason };
        let (svg, png) = (svg.map_err(failed)?, png.map_err(failed)?);
        draft.file(&format!("{CHARTS}/{chart}.svg"), |out| out.write_all(svg.as_bytes()))?;
        draft.file(&format!("{CHARTS}/{chart}.png"), |out| out.write_all(&png))?;
    }
    Ok(())
}
