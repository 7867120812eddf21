//! Chart: how many pods are in which phase, over time, as stacked areas. Made from facts, so that what happens between
//! two samples is seen too.

use super::Source;
use super::axis::{TimeAxis, ValueAxis};
use super::frame::{MARGIN, Marked, Swatch, WIDTH, begin, finish, panel};
use super::scene::{Colour, Scene};
use super::theme::{GREEN, GREY, ORANGE, SKY, VERMILLION, YELLOW};
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::model::{ConditionStatus, Phase, PodConditionType};
use crate::record::Fact;

const LEFT: f64 = 74.0;
const HEIGHT: f64 = 330.0;
/// Columns of the chart: one for each logical pixel.
const COLUMNS: usize = 858;
/// So many changes can be drawn one by one.
const EXACT: usize = 2000;

/// From the bottom of the stack to its top.
const GROUPS: [(Colour, &str); 6] = [
    (GREEN, "Running, ready"),
    (YELLOW, "Running, not ready"),
    (SKY, "Pending, on a node"),
    (ORANGE, "Pending, no node"),
    (VERMILLION, "Failed"),
    (GREY, "Succeeded"),
];

/// The chart, if there ever was a pod.
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let ctx = source.ctx;
    // Of a sample nothing can be counted.
    if source.lives.is_empty() || ctx.plan.output.pods_share < 1.0 {
        return None;
    }
    let time = TimeAxis::new(ctx.plan.start, ctx.outcome.ended_at, LEFT, WIDTH - MARGIN);
    let marked = Marked::new(&source.marks, &time);
    let columns = count(source, &time);
    let seen: Vec<bool> = (0..GROUPS.len()).map(|g| columns.iter().any(|(_, column)| column[g] > 0.0)).collect();
    let keys: Vec<_> =
        GROUPS.iter().zip(&seen).filter(|(_, seen)| **seen).map(|((c, n), _)| (Swatch::Box, *c, *n)).collect();
    let subtitle = format!(
        "{} · Orange is the scheduler's queue; yellow runs but cannot serve; a falling edge is pods that were removed.",
        ctx.plan.name
    );
    let (mut scene, mut y) = begin("Pods by phase", &subtitle, &keys);
    y += 2.0 + marked.height();
    let bottom = y + HEIGHT;
    let greatest = columns.iter().map(|(_, column)| column.iter().sum::<f64>()).fold(0.0, f64::max);
    let values = ValueAxis::new(greatest, true, y, bottom);
    marked.shade(&mut scene, y, bottom);
    panel(&mut scene, &time, y, bottom);
    values.draw(&mut scene, LEFT, time.right, "");
    let mut floor = vec![0.0; columns.len()];
    for (group, (colour, _)) in GROUPS.iter().enumerate().filter(|(g, _)| seen[*g]) {
        let roof: Vec<f64> = floor.iter().zip(&columns).map(|(f, (_, column))| f + column[group]).collect();
        let mut outline = edge(&columns, &roof, &time, &values);
        let mut under = edge(&columns, &floor, &time, &values);
        under.reverse();
        outline.extend(under);
        scene.area(outline, *colour);
        floor = roof;
    }
    marked.strike(&mut scene, y, bottom, true);
    time.labels(&mut scene, bottom);
    Some(finish(scene, bottom, ctx, &time.caption))
}

/// Pods in each group from a place on the time axis on.
type Column = (f64, [f64; 6]);

/// The steps of one edge of an area; columns of equal height make one step.
fn edge(columns: &[Column], heights: &[f64], time: &TimeAxis, values: &ValueAxis) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for ((x, _), height) in columns.iter().zip(heights) {
        let y = values.y(*height);
        match points.last() {
            Some(&(_, last)) if (last - y).abs() < 1e-9 => continue,
            Some(&(_, last)) => points.push((*x, last)),
            None => {}
        }
        points.push((*x, y));
    }
    let last = points.last().map_or(values.bottom, |p| p.1);
    points.push((time.right, last));
    points
}

/// Where a pod is counted.
#[derive(Clone, Copy, Default)]
struct Standing {
    exists: bool,
    bound: bool,
    ready: bool,
    phase: Phase,
}

impl Standing {
    const fn group(self) -> Option<usize> {
        if !self.exists {
            return None;
        }
        Some(match self.phase {
            Phase::Running | Phase::Unknown if self.ready => 0,
            Phase::Running | Phase::Unknown => 1,
            Phase::Pending if self.bound => 2,
            Phase::Pending => 3,
            Phase::Failed => 4,
            Phase::Succeeded => 5,
        })
    }
}

/// How many pods of each group there were: exactly, or, if that changes too often to be drawn, as means of columns.
fn count(source: &Source<'_>, time: &TimeAxis) -> Vec<Column> {
    let mut tally = Tally::new(time.start, time.end);
    let mut pods = vec![Standing::default(); source.lives.len()];
    for (at, fact) in source.ctx.recording.every_fact() {
        let (uid, change): (_, fn(&mut Standing, Fact)) = match fact {
            Fact::PodCreated(uid) => (uid, |pod, _| pod.exists = true),
            Fact::PodRemoved(uid) => (uid, |pod, _| pod.exists = false),
            Fact::PodBound(uid, _) => (uid, |pod, _| pod.bound = true),
            Fact::PodPhase(uid, ..) => (uid, |pod, fact| {
                if let Fact::PodPhase(_, phase, _) = fact {
                    pod.phase = phase;
                }
            }),
            Fact::PodCondition(uid, PodConditionType::Ready, ..) => (uid, |pod, fact| {
                pod.ready = matches!(fact, Fact::PodCondition(_, _, ConditionStatus::True, _));
            }),
            _ => continue,
        };
        let Some(pod) = pods.get_mut(uid.index()) else { continue };
        let before = pod.group();
        change(pod, fact);
        let after = pod.group();
        if before != after {
            tally.until(at);
            if let Some(group) = before {
                tally.now[group] -= 1.0;
            }
            if let Some(group) = after {
                tally.now[group] += 1.0;
            }
            tally.changed(at);
        }
    }
    tally.until(time.end);
    tally.finish(time)
}

/// Sums counts over time into columns.
struct Tally {
    start: SimTime,
    /// Nanoseconds that a column spans.
    width: i64,
    /// Counted up to here, in nanoseconds since the start.
    done: i64,
    now: [f64; 6],
    columns: Vec<[f64; 6]>,
    /// Every change, while there are few.
    exact: Vec<(SimTime, [f64; 6])>,
}

impl Tally {
    #[allow(clippy::cast_possible_wrap, reason = "there are less than 2000 columns")]
    fn new(start: SimTime, end: SimTime) -> Self {
        let span: SimDuration = end - start;
        let width = (span.0 / COLUMNS as i64).max(1);
        Self { start, width, done: 0, now: [0.0; 6], columns: vec![[0.0; 6]; COLUMNS], exact: vec![(start, [0.0; 6])] }
    }

    fn changed(&mut self, at: SimTime) {
        let few = self.exact.len() <= EXACT;
        match self.exact.last_mut() {
            Some((last, counts)) if *last == at => *counts = self.now,
            _ if few => self.exact.push((at, self.now)),
            _ => {}
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "there are less than 2000 columns")]
    fn finish(self, time: &TimeAxis) -> Vec<Column> {
        if self.exact.len() <= EXACT {
            return self.exact.into_iter().map(|(at, counts)| (time.x(at), counts)).collect();
        }
        let wide = (time.right - time.left) / COLUMNS as f64;
        self.columns.into_iter().enumerate().map(|(i, counts)| (time.left + i as f64 * wide, counts)).collect()
    }

    #[allow(clippy::cast_precision_loss, reason = "shares of a column")]
    fn until(&mut self, at: SimTime) {
        let goal = (at - self.start).0;
        while self.done < goal {
            let column = usize::try_from(self.done / self.width).unwrap_or(0);
            let Some(slot) = self.columns.get_mut(column) else { return };
            let next = ((self.done / self.width + 1) * self.width).min(goal);
            let share = (next - self.done) as f64 / self.width as f64;
            for (sum, now) in slot.iter_mut().zip(self.now) {
                *sum += now * share;
            }
            self.done = next;
        }
    }
}
