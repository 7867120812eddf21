//! Chart: what Deployments and their kin want and what they have, over time.

use std::collections::BTreeMap;

use super::Source;
use super::axis::{TimeAxis, ValueAxis};
use super::frame::{MARGIN, Marked, Swatch, WIDTH, begin, finish, panel};
use super::scene::{Anchor, Points, Scene};
use super::theme::{BLACK, BLUE, LABEL, MINT, PANEL, YELLOW};
use crate::base::SimTime;
use crate::model::ObjectId;
use crate::record::Fact;

const LEFT: f64 = 74.0;
/// Objects with a panel; those that change most often.
const PANELS: usize = 5;

/// What an object wants and has from a time on.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    wanted: i32,
    current: i32,
    updated: i32,
    ready: i32,
}

/// The chart, if some object keeps a number of pods.
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let ctx = source.ctx;
    if ctx.recording.objects().is_empty() {
        return None;
    }
    let mut all: BTreeMap<ObjectId, Vec<(SimTime, Counts)>> = BTreeMap::new();
    for (at, fact) in ctx.recording.every_fact() {
        match fact {
            Fact::ObjectReplicas { object, wanted, current, updated, ready }
                if ctx.recording.objects()[object].owner.is_none() =>
            {
                let steps = all.entry(object).or_default();
                let counts = Counts { wanted, current, updated, ready };
                if steps.last().is_none_or(|(_, last)| *last != counts) {
                    steps.push((at, counts));
                }
            }
            Fact::ObjectRemoved(object) => {
                if let Some(steps) = all.get_mut(&object) {
                    steps.push((at, Counts::default()));
                }
            }
            _ => {}
        }
    }
    if all.is_empty() {
        return None;
    }
    let total = all.len();
    let mut shown: Vec<(ObjectId, Vec<(SimTime, Counts)>)> = all.into_iter().collect();
    shown.sort_by_key(|(_, steps)| std::cmp::Reverse(steps.len()));
    shown.truncate(PANELS);
    shown.sort_by_key(|(object, _)| *object);

    let time = TimeAxis::new(ctx.plan.start, source.end(), LEFT, WIDTH - MARGIN);
    let marked = Marked::new(&source.marks, &time);
    let chosen =
        if total > PANELS { format!(" The {PANELS} of {total} that change most often.") } else { String::new() };
    let subtitle = format!(
        "{} · Where the line is above the green, pods are missing.{}{chosen}",
        ctx.plan.name,
        if shown.iter().any(|(_, steps)| rolls(steps)) { " Blue counts pods of the newest template." } else { "" }
    );
    let mut keys =
        vec![(Swatch::Line, BLACK, "wanted"), (Swatch::Box, MINT, "ready"), (Swatch::Box, YELLOW, "there, not ready")];
    if shown.iter().any(|(_, steps)| rolls(steps)) {
        keys.push((Swatch::Line, BLUE, "of the newest template"));
    }
    let (mut scene, mut y) = begin("Replicas wanted and ready", &subtitle, &keys);
    let height = if shown.len() == 1 { 300.0 } else { 150.0 };
    let mut bottom = y;
    for (i, (object, steps)) in shown.iter().enumerate() {
        let (kind, name) = source.names.object(*object);
        y += 14.0;
        scene.text(format!("{kind} {name}, pods"), MARGIN, y, PANEL);
        scene.text(facts(steps), WIDTH - MARGIN, y, LABEL.anchor(Anchor::End));
        y += if i == 0 { 12.0 + marked.height() } else { 12.0 };
        bottom = y + height;
        let most = steps.iter().map(|(_, counts)| counts.wanted.max(counts.current)).max().unwrap_or(0);
        let values = ValueAxis::new(f64::from(most), true, y, bottom);
        marked.shade(&mut scene, y, bottom);
        panel(&mut scene, &time, y, bottom);
        values.draw(&mut scene, LEFT, time.right, "");
        let edge = |value: fn(&Counts) -> i32| stairs(steps, &time, &values, value);
        for (value, colour) in [(current as fn(&Counts) -> i32, YELLOW), (ready, MINT)] {
            let mut outline = vec![(time.left, values.bottom)];
            outline.extend(edge(value));
            outline.push((time.right, values.bottom));
            scene.area(outline, colour);
        }
        if rolls(steps) {
            scene.line(edge(|counts| counts.updated), 1.6, BLUE);
        }
        scene.line(edge(|counts| counts.wanted), 2.0, BLACK);
        marked.strike(&mut scene, y, bottom, i == 0);
        time.labels(&mut scene, bottom);
        y = bottom + 30.0;
    }
    Some(finish(scene, bottom, ctx, &time.caption))
}

/// Whether ready pods were ever of an older template: if not, the line of the newest would only hide the others.
fn rolls(steps: &[(SimTime, Counts)]) -> bool {
    steps.iter().any(|(_, counts)| counts.updated < counts.ready)
}

fn current(counts: &Counts) -> i32 {
    counts.current
}

fn ready(counts: &Counts) -> i32 {
    counts.ready
}

fn facts(steps: &[(SimTime, Counts)]) -> String {
    let Some((_, last)) = steps.last() else { return String::new() };
    format!("at the end {} wanted, {} ready", last.wanted, last.ready)
}

fn stairs(steps: &[(SimTime, Counts)], time: &TimeAxis, values: &ValueAxis, value: impl Fn(&Counts) -> i32) -> Points {
    let mut points = vec![(time.left, values.bottom)];
    for (at, counts) in steps {
        let (x, y) = (time.x(*at), values.y(f64::from(value(counts))));
        let before = points.last().map_or(values.bottom, |point| point.1);
        if (before - y).abs() > 1e-9 {
            points.extend([(x, before), (x, y)]);
        }
    }
    let last = points.last().map_or(values.bottom, |point| point.1);
    points.push((time.right, last));
    points
}
