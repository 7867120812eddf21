//! Chart: requests that each service served and failed to serve, over time: differences of cumulative counts.

use super::Source;
use super::axis::{TimeAxis, ValueAxis, brief};
use super::frame::{MARGIN, Marked, Swatch, WIDTH, begin, finish, panel};
use super::scene::{Anchor, Scene};
use super::theme::{BLACK, LABEL, PALE, PANEL, SKY, VERMILLION};
use crate::base::{SimDuration, SimTime};
use crate::model::ServiceId;
use crate::record::{Fact, Sample, ServiceSample};

const LEFT: f64 = 74.0;
/// Services with a panel; the busiest ones.
const PANELS: usize = 4;
/// Intervals that can be told apart.
const INTERVALS: usize = 800;

/// Rates between two samples.
struct Interval {
    from: SimTime,
    to: SimTime,
    served: f64,
    failed: f64,
}

/// The chart, if there is traffic.
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let ctx = source.ctx;
    let samples = ctx.recording.samples();
    let mut services: Vec<ServiceSample> = samples.last()?.1.services.clone();
    services.retain(|s| s.served_total + s.failed_total > 0.0);
    if services.is_empty() {
        return None;
    }
    let total = services.len();
    services.sort_by(|a, b| (b.served_total + b.failed_total).total_cmp(&(a.served_total + a.failed_total)));
    services.truncate(PANELS);

    let time = TimeAxis::new(samples[0].0.min(ctx.plan.start), samples.last()?.0, LEFT, WIDTH - MARGIN);
    let marked = Marked::new(&source.marks, &time);
    let chosen = if total > PANELS { format!(" The {PANELS} busiest of {total} services.") } else { String::new() };
    let subtitle = format!(
        "{} · Failures stand on the baseline, so that even a few show; what was served is stacked on top.{chosen}",
        ctx.plan.name
    );
    let keys = [
        (Swatch::Box, SKY, "served"),
        (Swatch::Box, VERMILLION, "failed"),
        (Swatch::Box, BLACK, "no ready endpoint (strip below)"),
    ];
    let (mut scene, mut y) = begin("Requests served and failed", &subtitle, &keys);
    let height = if services.len() == 1 { 300.0 } else { 170.0 };
    let mut bottom = y;
    for (i, service) in services.iter().enumerate() {
        let intervals = intervals(samples, service.service);
        y += 14.0;
        scene.text(format!("{}, requests/s", source.names.service(service.service)), MARGIN, y, PANEL);
        scene.text(facts(source, service), WIDTH - MARGIN, y, LABEL.anchor(Anchor::End));
        y += if i == 0 { 12.0 + marked.height() } else { 12.0 };
        bottom = y + height;
        let greatest = intervals.iter().map(|n| n.served + n.failed).fold(0.0, f64::max);
        let values = ValueAxis::new(greatest, false, y, bottom);
        marked.shade(&mut scene, y, bottom);
        panel(&mut scene, &time, y, bottom);
        values.draw(&mut scene, LEFT, time.right, "");
        scene.area(outline(&intervals, &time, &values, |n| n.failed + n.served), SKY);
        scene.area(outline(&intervals, &time, &values, |n| n.failed), VERMILLION);
        marked.strike(&mut scene, y, bottom, i == 0);
        endpoints(&mut scene, source, service.service, &time, bottom + 4.0);
        bottom += 12.0;
        time.labels(&mut scene, bottom);
        y = bottom + 30.0;
    }
    Some(finish(scene, bottom, ctx, &time.caption))
}

fn facts(source: &Source<'_>, service: &ServiceSample) -> String {
    let all = service.served_total + service.failed_total;
    let degraded = source.ctx.outcome.services.iter().find(|s| s.service == service.service);
    let spell = degraded.map_or_else(String::new, |s| match s.degraded_seconds {
        0.0 => String::new(),
        s => format!(", within {}", SimDuration::from_secs_f64(s).human()),
    });
    let share = service.failed_total / all * 100.0;
    let share =
        if service.failed_total > 0.0 && share < 0.01 { "less than 0.01".to_owned() } else { format!("{share:.2}") };
    format!("{} requests, {} failed ({share} %){spell}", brief(all), brief(service.failed_total))
}

/// Rates of one service, at most as many as can be told apart.
fn intervals(samples: &[(SimTime, Sample)], service: ServiceId) -> Vec<Interval> {
    let step = samples.len().div_ceil(INTERVALS).max(1);
    let find = |sample: &Sample| sample.services.iter().find(|s| s.service == service).copied();
    let mut points: Vec<(SimTime, ServiceSample)> =
        samples.iter().step_by(step).filter_map(|(at, sample)| Some((*at, find(sample)?))).collect();
    if let Some((at, last)) = samples.last().and_then(|(at, sample)| Some((*at, find(sample)?)))
        && points.last().is_some_and(|(seen, _)| *seen < at)
    {
        points.push((at, last));
    }
    let pairs = points.windows(2).filter(|pair| pair[0].0 < pair[1].0).map(|pair| {
        let [(from, a), (to, b)] = [pair[0], pair[1]];
        let seconds = (to - from).as_secs_f64();
        let rate = |after: f64, before: f64| ((after - before) / seconds).max(0.0);
        Interval {
            from,
            to,
            served: rate(b.served_total, a.served_total),
            failed: rate(b.failed_total, a.failed_total),
        }
    });
    pairs.collect()
}

fn outline(
    intervals: &[Interval],
    time: &TimeAxis,
    values: &ValueAxis,
    value: impl Fn(&Interval) -> f64,
) -> Vec<(f64, f64)> {
    let mut points = vec![(time.left, values.bottom)];
    for interval in intervals {
        let y = values.y(value(interval));
        points.extend([(time.x(interval.from), y), (time.x(interval.to), y)]);
    }
    let end = points.last().map_or(time.right, |p| p.0);
    points.push((end, values.bottom));
    points
}

/// A strip that is black where the service had no ready endpoint.
fn endpoints(scene: &mut Scene, source: &Source<'_>, service: ServiceId, time: &TimeAxis, top: f64) {
    const THICK: f64 = 5.0;
    let mut down_since = Some(time.start);
    scene.rect(time.left, top, time.right - time.left, THICK, PALE);
    let mut black = |from: SimTime, to: SimTime| {
        let (from, to) = (time.x(from), time.x(to));
        scene.rect(from, top, (to - from).max(1.5), THICK, BLACK);
    };
    for (at, fact) in source.ctx.recording.every_fact() {
        let Fact::Endpoints(id, ready, _) = fact else { continue };
        if id != service {
            continue;
        }
        match (ready, down_since) {
            (0, None) => down_since = Some(at),
            (1.., Some(since)) => {
                black(since, at);
                down_since = None;
            }
            _ => {}
        }
    }
    if let Some(since) = down_since {
        black(since, time.end);
    }
}
