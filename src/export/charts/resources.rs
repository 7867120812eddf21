//! Chart: what pods request and use of what nodes offer, over time; a panel for cpu and one for memory.

use super::Source;
use super::axis::{TimeAxis, ValueAxis, brief};
use super::frame::{MARGIN, Marked, Swatch, WIDTH, begin, finish, panel};
use super::scene::{Anchor, Scene};
use super::theme::{BLUE, LABEL, ORANGE, PANEL, SOFT};
use crate::base::SimTime;
use crate::export::usage::{Resource, ResourceUse, resources};
use crate::record::Sample;

const LEFT: f64 = 74.0;
const HEIGHT: f64 = 190.0;
/// More points than this cannot be told apart.
const POINTS: usize = 1600;

/// The chart, if there are samples.
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let samples = source.ctx.recording.samples();
    let (first, last) = (samples.first()?.0, samples.last()?.0);
    let time = TimeAxis::new(first.min(source.ctx.plan.start), last, LEFT, WIDTH - MARGIN);
    let marked = Marked::new(&source.marks, &time);
    let subtitle = format!(
        "{} · Blue far above orange is booked but idle; blue near grey leaves no room; grey steps down with lost nodes.",
        source.ctx.plan.name
    );
    let keys = [
        (Swatch::Line, SOFT, "allocatable on ready nodes"),
        (Swatch::Line, BLUE, "requested by pods"),
        (Swatch::Line, ORANGE, "used"),
    ];
    let (mut scene, mut y) = begin("Requested, used and allocatable resources", &subtitle, &keys);
    for (i, usage) in resources(source.ctx.plan, source.ctx.recording).iter().take(2).enumerate() {
        y += 14.0;
        let (unit, scale) = unit(usage);
        let name = if usage.resource == Resource::Cpu { "CPU" } else { "Memory" };
        scene.text(format!("{name}, {unit}"), MARGIN, y, PANEL);
        scene.text(facts(usage, unit, scale), WIDTH - MARGIN, y, LABEL.anchor(Anchor::End));
        y += if i == 0 { 12.0 + marked.height() } else { 12.0 };
        let bottom = y + HEIGHT;
        let values = ValueAxis::new(usage.allocatable_peak.max(usage.requested_peak) / scale, false, y, bottom);
        marked.shade(&mut scene, y, bottom);
        panel(&mut scene, &time, y, bottom);
        values.draw(&mut scene, LEFT, time.right, "");
        let resource = usage.resource;
        let steps = |f: &dyn Fn(&Sample) -> f64| staircase(samples, &time, &values, |s| f(s) / scale);
        let requested = steps(&|s| resource.requested(s));
        let mut area = requested.clone();
        area.extend([(time.right, values.y(0.0)), (requested[0].0, values.y(0.0))]);
        scene.area(area, BLUE.alpha(0.10));
        scene.line(steps(&|s| resource.allocatable(s)), 2.0, SOFT);
        scene.line(requested, 2.0, BLUE);
        let used = thin(samples).map(|(at, s)| (time.x(at), values.y(resource.used(s).unwrap_or(0.0) / scale)));
        scene.line(used.collect(), 2.0, ORANGE);
        marked.strike(&mut scene, y, bottom, i == 0);
        time.labels(&mut scene, bottom);
        y = bottom + 30.0;
    }
    Some(finish(scene, y - 30.0, source.ctx, &time.caption))
}

/// A unit in which the numbers are short.
fn unit(usage: &ResourceUse) -> (&'static str, f64) {
    const GIB: f64 = 1_073_741_824.0;
    let peak = usage.allocatable_peak.max(usage.requested_peak);
    match usage.resource {
        Resource::Memory if peak >= 4096.0 * GIB => ("TiB", GIB * 1024.0),
        Resource::Memory if peak < GIB => ("MiB", GIB / 1024.0),
        Resource::Memory => ("GiB", GIB),
        _ => ("cores", 1.0),
    }
}

fn facts(usage: &ResourceUse, unit: &str, scale: f64) -> String {
    let used = usage.used.map_or_else(String::new, |(mean, peak)| {
        format!(", used {} mean and {} peak", brief(mean / scale), brief(peak / scale))
    });
    format!(
        "requested {} {unit} at the peak ({:.0} % of allocatable){used}",
        brief(usage.requested_peak / scale),
        usage.share_peak * 100.0
    )
}

/// Every sample, or as many as can be told apart.
pub(super) fn thin(samples: &[(SimTime, Sample)]) -> impl Iterator<Item = (SimTime, &Sample)> {
    let step = samples.len().div_ceil(POINTS).max(1);
    samples.iter().step_by(step).map(|(at, sample)| (*at, sample))
}

/// A line that keeps each sample's value until the next one.
pub(super) fn staircase(
    samples: &[(SimTime, Sample)],
    time: &TimeAxis,
    values: &ValueAxis,
    value: impl Fn(&Sample) -> f64,
) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (at, sample) in thin(samples) {
        let (x, y) = (time.x(at), values.y(value(sample)));
        match points.last() {
            // Nothing changed: the last point will do, once something does.
            Some(&(_, last)) if (last - y).abs() < 1e-9 => continue,
            Some(&(_, last)) => points.push((x, last)),
            None => {}
        }
        points.push((x, y));
    }
    if let Some(&(_, y)) = points.last() {
        points.push((time.right, y));
    }
    points
}
