//! `[[traffic]]` -> rates over time. The diurnal curve is a cosine in steps, so that a rate is constant between events.

use super::fields::Fields;
use super::files::open_one;
use super::parts::{Parts, split_name};
use super::spec::workload::{DIURNAL, STEP, TRAFFIC};
use super::time::moment;
use super::units;
use super::{Cx, checks, codes, suggest};
use crate::base::{IdVec, SimDuration, SimTime};
use crate::model::{Behavior, BehaviorId, ServiceId};
use crate::sim::plan::{RateCurve, TrafficPlan};
use crate::trace;

/// More steps than this (nine years) would fill the memory with one curve.
const MOST_STEPS: i64 = 1_000_000;
/// How long the rate of a diurnal curve stays the same.
const STEP_LENGTH: SimDuration = SimDuration::from_secs(300);
const DAY_SECONDS: f64 = 86_400.0;

pub(super) fn read(
    cx: &mut Cx<'_>,
    root: &Fields<'_>,
    parts: &Parts,
    behaviors: &IdVec<BehaviorId, Behavior>,
) -> Vec<TrafficPlan> {
    let mut plans = Vec::new();
    for fields in root.tables(cx, "traffic", &TRAFFIC) {
        let service = service(cx, &fields, parts, behaviors);
        let rate = rate(cx, &fields);
        if let (Some(service), Some(rate)) = (service, rate) {
            plans.push(TrafficPlan { service, rate });
        }
    }
    plans
}

fn service(
    cx: &mut Cx<'_>,
    fields: &Fields<'_>,
    parts: &Parts,
    behaviors: &IdVec<BehaviorId, Behavior>,
) -> Option<ServiceId> {
    let written = fields.text(cx, "service")?;
    let (namespace, name) = split_name(written.value);
    let text = |id| cx.vocabulary.strings.text(id);
    let found = parts.services.entries().find(|(_, s)| text(s.namespace) == namespace && text(s.name) == name);
    if let Some((id, spec)) = found {
        checks::listening(cx, &written, spec, parts, behaviors);
        return Some(id);
    }
    if !cx.missing.objects {
        let names: Vec<&str> = parts.services.iter().map(|service| text(service.name)).collect();
        let help = suggest::help(name, names);
        let message = format!("there is no Service `{}`", written.value);
        cx.diagnostics.error(codes::UNKNOWN_SERVICE, written.span, message, "does not exist", help);
    }
    None
}

fn rate(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<RateCurve> {
    match fields.one_of(cx, &["rate", "steps", "diurnal", "csv"], true)? {
        "rate" => {
            let rate = fields.amount(cx, "rate", units::rate)?;
            Some(RateCurve::constant(cx.start, rate.value))
        }
        "steps" => steps(cx, fields),
        "diurnal" => {
            let fields = fields.table(cx, "diurnal", &DIURNAL)?;
            diurnal(cx, &fields)
        }
        _ => {
            let path = fields.paths(cx, "csv")?.into_iter().next()?;
            let source = open_one(cx, &path)?;
            let rows = trace::curve::read(source, &cx.sources, &mut cx.diagnostics);
            let points = rows.into_iter().map(|(at, rate)| (cx.start + at, rate)).collect();
            Some(RateCurve { points })
        }
    }
}

/// Rates that hold from a time on.
pub(super) fn steps(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<RateCurve> {
    let mut points: Vec<(SimTime, f64)> = Vec::new();
    let mut complete = true;
    for step in fields.tables(cx, "steps", &STEP) {
        let at = moment(cx, &step, "at");
        let rate = step.amount(cx, "rate", units::rate);
        let (Some(at), Some(rate)) = (at, rate) else {
            complete = false;
            continue;
        };
        if points.last().is_some_and(|&(before, _)| before >= at.value) {
            let (message, help) = ("this step is not after the one before it", "sort the steps by time");
            cx.diagnostics.error(codes::OUT_OF_RANGE, at.span, message, "not later", help);
            complete = false;
        }
        points.push((at.value, rate.value));
    }
    complete.then_some(RateCurve { points: points.into() })
}

fn diurnal(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<RateCurve> {
    let min = fields.amount(cx, "min", units::rate);
    let peak = fields.amount(cx, "peak", units::rate);
    let peak_at = moment(cx, fields, "peak_at");
    let (min, peak, peak_at) = (min?, peak?, peak_at?);
    if peak.value < min.value {
        let (message, help) = ("the peak is below the minimum", "exchange `min` and `peak`");
        cx.diagnostics.error(codes::OUT_OF_RANGE, peak.span, message, "below `min`", help);
        return None;
    }
    if cx.end.since(cx.start).0 / STEP_LENGTH.0 > MOST_STEPS {
        let (message, help) = ("this run is too long for a curve in steps of five minutes", "use `steps` or `csv`");
        cx.diagnostics.error(codes::TOO_MANY, fields.span, message, "too many steps", help);
        return None;
    }
    let mut points = Vec::new();
    let mut at = cx.start;
    while at < cx.end {
        let middle = at + SimDuration(STEP_LENGTH.0 / 2);
        let turn = middle.since(peak_at.value).as_secs_f64() / DAY_SECONDS;
        let height = f64::midpoint(1.0, libm::cos(2.0 * std::f64::consts::PI * turn));
        points.push((at, min.value + (peak.value - min.value) * height));
        at += STEP_LENGTH;
    }
    Some(RateCurve { points: points.into() })
}
