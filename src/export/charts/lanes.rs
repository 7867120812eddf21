//! Chart: the life of each container as a lane of coloured stages, grouped by pod.

use std::collections::BTreeMap;

use super::Source;
use super::axis::TimeAxis;
use super::font::{fit, width};
use super::frame::{MARGIN, Marked, Swatch, WIDTH, begin, finish};
use super::scene::{Anchor, Colour, Scene};
use super::theme::{
    BLACK, BLUE, GREEN, GREY, GRID, INK, LABEL, MINT, ORANGE, PALE, PAPER, PURPLE, SKY, SMALL, STRONG, VERMILLION,
    YELLOW,
};
use crate::base::SimTime;
use crate::export::lives::{PodLife, Stage};
use crate::export::names::Names;
use crate::model::Phase;
use crate::model::strings::known;

/// Pods and lanes that a reader can take in.
const PODS: usize = 30;
const LANES: usize = 60;
const LANE: f64 = 15.0;
const GAP: f64 = 5.0;
const HEADER: f64 = 21.0;
/// Space right of the lanes for restarts and ends.
const RIGHT: f64 = 128.0;
/// What is shorter than this many pixels is drawn this wide: a back-off of ten seconds in a day must be seen.
const LEAST: f64 = 2.0;
/// The width of a notch, and the least space between two.
const NOTCH: f64 = 1.4;
const APART: f64 = 5.0;

/// Stages in the order they are painted, so that short and telling ones lie on top; colour and legend.
const STAGES: [(Stage, Colour, &str); 11] = [
    (Stage::Unscheduled, PALE, "no node"),
    (Stage::Ready, GREEN, "ready"),
    (Stage::Stopping, MINT, "stopping"),
    (Stage::Succeeded, GREY, "exit 0"),
    (Stage::NotReady, YELLOW, "not ready"),
    (Stage::Creating, SKY, "creating"),
    (Stage::Pulling, BLUE, "pulling image"),
    (Stage::StartError, PURPLE, "cannot start"),
    (Stage::Failed, VERMILLION, "failed"),
    (Stage::BackOff, ORANGE, "CrashLoopBackOff"),
    (Stage::Lost, BLACK, "node lost"),
];

/// The order of the legend: a life's.
const LEGEND: [Stage; 11] = [
    Stage::Unscheduled,
    Stage::Creating,
    Stage::Pulling,
    Stage::StartError,
    Stage::NotReady,
    Stage::Ready,
    Stage::Stopping,
    Stage::Failed,
    Stage::BackOff,
    Stage::Succeeded,
    Stage::Lost,
];

fn look(stage: Stage) -> (Colour, &'static str) {
    STAGES.iter().find(|(s, _, _)| *s == stage).map_or((GREY, ""), |(_, colour, name)| (*colour, *name))
}

/// The chart, if there ever was a pod.
pub(super) fn draw(source: &Source<'_>) -> Option<Scene> {
    let (ctx, names) = (source.ctx, source.names);
    let pods = choose(source.lives);
    if pods.is_empty() {
        return None;
    }
    let end = source.end();
    let left = label_room(source, &pods);
    let time = TimeAxis::new(ctx.plan.start, end, left, WIDTH - MARGIN - RIGHT);
    let marked = Marked::new(&source.marks, &time);
    let stages = || pods.iter().flat_map(|pod| pod.containers.iter().flat_map(|c| c.steps.iter().map(|s| s.stage)));
    let keys: Vec<_> = LEGEND
        .into_iter()
        .filter(|stage| stages().any(|seen| seen == *stage))
        .map(|stage| (Swatch::Box, look(stage).0, look(stage).1))
        .collect();
    let chosen = if pods.len() < source.lives.len() {
        format!("{} of {} pods, the most eventful of each kind of ending.", pods.len(), source.lives.len())
    } else {
        "One lane for each container, grouped by pod.".to_owned()
    };
    let restarted = pods.iter().any(|pod| pod.restarts() > 0);
    let notches = if restarted { " A notch is a restart." } else { "" };
    let subtitle = format!("{} · {chosen}{notches} Short stages are drawn wider than they are.", ctx.plan.name);
    let (mut scene, mut y) = begin("The life of each container", &subtitle, &keys);
    y += marked.height();
    let top = y;
    let bottom = top + pods.iter().map(|pod| height(pod)).sum::<f64>();
    marked.shade(&mut scene, top, bottom);
    time.grid(&mut scene, top, bottom);
    for pod in &pods {
        scene.rect(MARGIN, y, WIDTH - 2.0 * MARGIN, 1.0, GRID);
        let title = names.pod(pod.uid);
        if pod.containers.len() > 1 {
            let title = fit(title, STRONG.size, STRONG.weight, 420.0);
            let node = pod.node.map_or_else(|| "no node".to_owned(), |node| format!("on {}", names.node(node)));
            let after = MARGIN + width(&title, STRONG.size, STRONG.weight) + 8.0;
            // No grid behind words.
            let wide = after - MARGIN + width(&node, LABEL.size, LABEL.weight) + 6.0;
            scene.rect(MARGIN, y + 2.0, wide, HEADER - 3.0, PAPER);
            scene.text(title, MARGIN, y + 16.0, STRONG);
            scene.text(node, after, y + 16.0, LABEL);
            y += HEADER;
        } else {
            y += GAP;
        }
        for index in 0..pod.containers.len() {
            let label = u16::try_from(index).map_or("?", |i| names.container(pod.uid, i));
            let label = if pod.containers.len() > 1 { label } else { title };
            let label = fit(label, LABEL.size, LABEL.weight, time.left - MARGIN - 18.0);
            scene.text(label, time.left - 8.0, y + 11.5, LABEL.anchor(Anchor::End).colour(INK));
            lane(&mut scene, pod, index, &time, end, y);
            scene.text(remark(pod, index, end, names), time.right + 10.0, y + 11.5, SMALL);
            y += LANE + GAP;
        }
        y += 2.0;
    }
    marked.strike(&mut scene, top, bottom, true);
    time.labels(&mut scene, bottom);
    Some(finish(scene, bottom, ctx, &time.caption))
}

fn height(pod: &PodLife) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a pod has a few containers")]
    let lanes = pod.containers.len() as f64 * (LANE + GAP);
    lanes + 2.0 + if pod.containers.len() > 1 { HEADER } else { GAP }
}

/// As much space for labels as they need, within limits.
fn label_room(source: &Source<'_>, pods: &[&PodLife]) -> f64 {
    let widest = pods.iter().flat_map(|pod| {
        (0..pod.containers.len()).map(|index| {
            let name = u16::try_from(index).map_or("?", |i| source.names.container(pod.uid, i));
            let label = if pod.containers.len() > 1 { name } else { source.names.pod(pod.uid) };
            width(label, LABEL.size, LABEL.weight)
        })
    });
    MARGIN + widest.fold(60.0, f64::max).min(220.0) + 18.0
}

/// All pods, or as many as a reader can take in: in turn the most eventful of each kind of ending, because thirty pods
/// that failed alike tell less than ten that failed, ten that ended well and ten that still wait.
fn choose(lives: &[PodLife]) -> Vec<&PodLife> {
    let mut endings: BTreeMap<Option<Stage>, Vec<(u64, &PodLife)>> = BTreeMap::new();
    for pod in lives {
        let ending = pod.containers.first().and_then(|c| c.steps.last()).map(|step| step.stage);
        endings.entry(ending).or_default().push((eventfulness(pod), pod));
    }
    let mut queues: Vec<_> = endings.into_values().collect();
    for queue in &mut queues {
        // The best is popped from the end.
        queue.sort_by_key(|(score, pod)| (*score, std::cmp::Reverse(pod.uid)));
    }
    let mut lanes = 0;
    let mut chosen: Vec<&PodLife> = Vec::new();
    while queues.iter().any(|queue| !queue.is_empty()) && chosen.len() < PODS && lanes < LANES {
        for (_, pod) in queues.iter_mut().filter_map(Vec::pop) {
            if chosen.is_empty() || (chosen.len() < PODS && lanes + pod.containers.len() <= LANES) {
                lanes += pod.containers.len();
                chosen.push(pod);
            }
        }
    }
    chosen.sort_by_key(|pod| pod.uid);
    chosen
}

fn eventfulness(pod: &PodLife) -> u64 {
    let telling = |stage| match stage {
        Stage::Lost | Stage::Failed | Stage::BackOff | Stage::StartError => 10,
        Stage::NotReady | Stage::Pulling => 2,
        _ => 1,
    };
    let steps: u64 = pod.containers.iter().flat_map(|c| c.steps.iter().map(|s| telling(s.stage))).sum();
    steps + if pod.lost.is_some() { 100 } else { 0 } + u64::from(pod.unschedulable)
}

fn lane(scene: &mut Scene, pod: &PodLife, container: usize, time: &TimeAxis, end: SimTime, y: f64) {
    for (painted, colour, _) in STAGES {
        // Neighbours that touch are one bar: thousands of short back-offs need not be thousands of shapes.
        let mut open: Option<(f64, f64)> = None;
        // What comes after the end of a pod matters less than its life, and is drawn thinner.
        let over = |from: f64| pod.finished.is_some_and(|at| time.x(at) <= from + LEAST);
        let mut bar = |left: f64, right: f64| {
            let ended = matches!(painted, Stage::Succeeded | Stage::Failed) && over(left);
            let (top, thick) = if ended { (y + LANE / 2.0 - 2.5, 5.0) } else { (y, LANE) };
            scene.rect(left, top, right - left, thick, colour);
        };
        for (step, until) in pod.spans(container, end).filter(|(step, _)| step.stage == painted) {
            let from = time.x(step.at);
            let to = time.x(until).max(from + LEAST).min(time.right.max(from));
            match &mut open {
                Some((_, right)) if from <= *right => *right = right.max(to),
                _ => {
                    if let Some((left, right)) = open.replace((from, to)) {
                        bar(left, right);
                    }
                }
            }
        }
        if let Some((left, right)) = open {
            bar(left, right);
        }
    }
    // Restarts that follow each other too closely are not told apart.
    let mut last = f64::NEG_INFINITY;
    for at in pod.containers[container].notches.iter().map(|&at| time.x(at)) {
        if at - last >= APART {
            scene.rect(at - NOTCH / 2.0, y, NOTCH, LANE, PAPER);
            last = at;
        }
    }
}

/// What a lane cannot say: how often, and how it ended.
fn remark(pod: &PodLife, container: usize, end: SimTime, names: &Names<'_>) -> String {
    let life = &pod.containers[container];
    let mut parts = Vec::new();
    match life.restarts {
        0 => {}
        1 => parts.push("1 restart".to_owned()),
        n => parts.push(format!("{n} restarts")),
    }
    match life.steps.last().map(|step| (step.stage, step.exit_code)) {
        Some((Stage::Lost, _)) => parts.push("lost".to_owned()),
        Some((Stage::Failed, code)) if code != 0 => parts.push(format!("exit {code}")),
        Some((Stage::Unscheduled, _)) if pod.removed.is_none() => parts.push("never placed".to_owned()),
        _ => {}
    }
    if container == 0 && pod.phase == Phase::Failed && pod.reason != known::EMPTY {
        parts.push(names.text(pod.reason).to_owned());
    }
    if pod.removed.is_some_and(|at| at < end) && parts.is_empty() && !pod.phase.is_terminal() {
        parts.push("removed".to_owned());
    }
    parts.join(", ")
}
