//! Chart: how long pods waited for a node: the share of pods that waited at most so long.

use super::Source;
use super::axis::crisp;
use super::frame::{MARGIN, WIDTH, begin, finish};
use super::scene::{Anchor, Scene};
use super::theme::{AXIS, BLUE, GRID, INK, LABEL, PANEL, SMALL, STRONG};

const LEFT: f64 = 74.0;
const HEIGHT: f64 = 300.0;
/// With fewer pods there is no distribution to speak of.
const ENOUGH: usize = 30;

/// Waits worth a label, in seconds.
const TICKS: [(f64, &str); 15] = [
    (0.001, "1 ms"),
    (0.01, "10 ms"),
    (0.1, "100 ms"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (21_600.0, "6 h"),
    (86_400.0, "1 d"),
    (604_800.0, "7 d"),
    (2_592_000.0, "30 d"),
    (31_536_000.0, "1 y"),
    (315_360_000.0, "10 y"),
    (3_153_600_000.0, "100 y"),
];

/// The chart, if enough pods were bound.
#[allow(clippy::cast_precision_loss, reason = "shares of pods")]
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let ctx = source.ctx;
    let mut waits: Vec<f64> =
        source.lives.iter().filter_map(|pod| Some((pod.bound? - pod.created).as_secs_f64())).collect();
    if waits.len() < ENOUGH {
        return None;
    }
    waits.sort_by(f64::total_cmp);
    let never = source.lives.iter().filter(|pod| pod.bound.is_none() && pod.removed.is_none()).count();
    let all = (waits.len() + never) as f64;
    let censored = if never > 0 {
        format!(" {never} pods still wait at the end and count as longer than any: the curve stops below 100 %.")
    } else {
        String::new()
    };
    let subtitle = format!(
        "{} · Seconds from creation to binding of {} pods, on a logarithmic axis. The further left, the better.{censored}",
        ctx.plan.name,
        waits.len()
    );
    let (mut scene, mut y) = begin("How long pods waited for a node", &subtitle, &[]);
    y += 10.0;
    scene.text("Share of pods that waited at most so long, %", MARGIN, y, PANEL);
    let (top, bottom, right) = (y + 14.0, y + 14.0 + HEIGHT, WIDTH - MARGIN - 12.0);
    let (least, greatest) = (waits[0].max(0.001), waits[waits.len() - 1].max(0.001));
    let low = TICKS.iter().rev().map(|t| t.0).find(|t| *t <= least).unwrap_or(0.001);
    let high = TICKS.iter().map(|t| t.0).find(|t| *t >= greatest * 1.05 && *t > low).unwrap_or(greatest * 1.1);
    let (from, to) = (libm::log10(low), libm::log10(high));
    let x = |wait: f64| LEFT + ((libm::log10(wait.max(low)) - from) / (to - from)).clamp(0.0, 1.0) * (right - LEFT);
    let height = |share: f64| bottom - share * (bottom - top);
    for percent in [0_u32, 25, 50, 75, 100] {
        let at = crisp(height(f64::from(percent) / 100.0));
        scene.rect(LEFT, at - 0.5, right - LEFT, 1.0, if percent == 0 { AXIS } else { GRID });
        scene.text(percent.to_string(), LEFT - 8.0, at + 4.2, LABEL.anchor(Anchor::End));
    }
    for (wait, label) in TICKS.iter().filter(|(wait, _)| (low..=high).contains(wait)) {
        let at = crisp(x(*wait));
        scene.rect(at - 0.5, top, 1.0, bottom - top, GRID);
        scene.rect(at - 0.5, bottom, 1.0, 4.0, AXIS);
        scene.text(*label, at, bottom + 17.0, LABEL.anchor(Anchor::Middle));
    }
    let mut points = vec![(x(waits[0]), bottom)];
    for (i, wait) in waits.iter().enumerate() {
        let (at, share) = (x(*wait), (i + 1) as f64 / all);
        // Steps that are not a pixel apart are one step.
        if points.last().is_some_and(|&(last, _)| at - last < 0.4) && i + 1 < waits.len() {
            continue;
        }
        // Those that were left out count where the last step is.
        let (last, before) = (points.last().map_or(at, |p| p.0), height(i as f64 / all));
        points.extend([(last, before), (at, before), (at, height(share))]);
    }
    points.push((right, points.last().map_or(bottom, |p| p.1)));
    scene.line(points, 2.25, BLUE);
    for (share, name) in [(0.5, "half of the pods"), (0.9, "90 %"), (0.99, "99 %")] {
        let Some(wait) = quantile(&waits, share * all) else { continue };
        let (at, up) = (x(wait), height(share));
        scene.rect(at - 4.0, up - 4.0, 8.0, 8.0, BLUE);
        let text = format!("{name}: {}", human(wait));
        let (shift, anchor) = if at > right - 190.0 { (-12.0, Anchor::End) } else { (12.0, Anchor::Start) };
        // Below the curve on its right, above it on its left.
        let baseline = if at > right - 190.0 { up - 8.0 } else { up + 15.0 };
        scene.text(text, at + shift, baseline, STRONG.anchor(anchor).colour(INK));
    }
    let note = "waits below a millisecond are drawn at the left end";
    if waits[0] < 0.001 {
        scene.text(note, right, bottom + 32.0, SMALL.anchor(Anchor::End));
    }
    Some(finish(scene, bottom + if waits[0] < 0.001 { 10.0 } else { 0.0 }, ctx, "time from creation to binding"))
}

/// The wait that `rank` pods do not exceed; none if those pods never got a node.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is a small positive number")]
fn quantile(sorted: &[f64], rank: f64) -> Option<f64> {
    sorted.get((rank.ceil() as usize).max(1) - 1).copied()
}

fn human(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}
