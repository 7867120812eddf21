//! Chart: which share of each resource is allocated, over time, and how many pods wait for a node. For clusters with
//! extended resources, where one of them usually runs out first.

use super::Source;
use super::axis::{TimeAxis, ValueAxis, brief};
use super::frame::{MARGIN, Marked, Swatch, WIDTH, begin, finish, panel};
use super::resources::staircase;
use super::scene::{Anchor, Scene};
use super::theme::{LABEL, ORANGE, PANEL, SERIES};
use crate::export::usage::{Resource, resources};

const LEFT: f64 = 74.0;

/// The chart, if there are extended resources.
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let ctx = source.ctx;
    let samples = ctx.recording.samples();
    let (first, last) = (samples.first()?.0, samples.last()?.0);
    let mut uses = resources(ctx.plan, ctx.recording);
    uses.retain(|u| u.allocatable_peak > 0.0 && u.resource != Resource::EphemeralStorage);
    if !uses.iter().any(|u| matches!(u.resource, Resource::Extended(_))) {
        return None;
    }
    // The scarcest first: it explains the others.
    uses.sort_by(|a, b| b.share_peak.total_cmp(&a.share_peak));
    uses.truncate(SERIES.len());
    let time = TimeAxis::new(first.min(ctx.plan.start), last, LEFT, WIDTH - MARGIN);
    let marked = Marked::new(&source.marks, &time);
    let labels: Vec<String> = uses
        .iter()
        .map(|u| {
            format!("{} (peak {:.0} % of {})", u.name, u.share_peak * 100.0, amount(u.resource, u.allocatable_peak))
        })
        .collect();
    let keys: Vec<_> =
        labels.iter().zip(SERIES).map(|(label, colour)| (Swatch::Line, colour, label.as_str())).collect();
    let subtitle = format!(
        "{} · Requests by allocatable amounts of ready nodes. When pods queue although the uppermost line is below 100 %, \
         what is free is in the wrong pieces or on the wrong nodes.",
        ctx.plan.name
    );
    let (mut scene, mut y) = begin("Allocated share of each resource", &subtitle, &keys);
    y += 14.0;
    scene.text("Allocated, %", MARGIN, y, PANEL);
    y += 12.0 + marked.height();
    let bottom = y + 260.0;
    let greatest = uses.iter().map(|u| u.share_peak * 100.0).fold(0.0, f64::max);
    let values = ValueAxis::percent(greatest, y, bottom);
    marked.shade(&mut scene, y, bottom);
    panel(&mut scene, &time, y, bottom);
    values.draw(&mut scene, LEFT, time.right, "");
    for (usage, colour) in uses.iter().zip(SERIES).rev() {
        let resource = usage.resource;
        let share = |s: &crate::record::Sample| match resource.allocatable(s) {
            0.0 => 0.0,
            all => resource.requested(s) / all * 100.0,
        };
        scene.line(staircase(samples, &time, &values, share), 2.25, colour);
    }
    marked.strike(&mut scene, y, bottom, true);
    time.labels(&mut scene, bottom);

    let y = bottom + 44.0;
    let peak = samples.iter().map(|(_, s)| s.pods_unscheduled).max().unwrap_or(0);
    scene.text("Pods waiting for a node", MARGIN, y, PANEL);
    let last = samples.last().map_or(0, |(_, s)| s.pods_unscheduled);
    scene.text(format!("at most {peak}, {last} at the end"), WIDTH - MARGIN, y, LABEL.anchor(Anchor::End));
    let (top, bottom) = (y + 12.0, y + 12.0 + 110.0);
    let values = ValueAxis::new(f64::from(peak), true, top, bottom);
    marked.shade(&mut scene, top, bottom);
    panel(&mut scene, &time, top, bottom);
    values.draw(&mut scene, LEFT, time.right, "");
    let mut queue = staircase(samples, &time, &values, |s| f64::from(s.pods_unscheduled));
    queue.extend([(time.right, bottom), (queue[0].0, bottom)]);
    scene.area(queue, ORANGE);
    marked.strike(&mut scene, top, bottom, false);
    time.labels(&mut scene, bottom);
    Some(finish(scene, bottom, ctx, &time.caption))
}

fn amount(resource: Resource, value: f64) -> String {
    match resource {
        Resource::Cpu => format!("{} cores", brief(value)),
        Resource::Memory | Resource::EphemeralStorage => format!("{} GiB", brief(value / 1_073_741_824.0)),
        Resource::Extended(_) => brief(value),
    }
}
