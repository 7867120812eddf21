//! Distributions of durations as scenarios write them.

use super::Cx;
use super::codes;
use super::fields::{Fields, Placed, duration, table};
use super::spec::behavior::{DISTRIBUTION, LOGNORMAL, WEIBULL};
use super::tree::{Node, Value};
use crate::base::Distribution;
use crate::diag::Span;

/// A duration or a table with one distribution.
pub(super) fn distribution(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str) -> Option<Distribution> {
    let node = fields.node(cx, key)?;
    of_node(cx, node)
}

fn of_node(cx: &mut Cx<'_>, node: &Node) -> Option<Distribution> {
    if let Value::Table(_) = node.value {
        let fields = table(cx, node, &DISTRIBUTION)?;
        let key = fields.one_of(cx, &["uniform", "exp", "weibull", "lognormal"], true)?;
        return keyed(cx, &fields, key);
    }
    duration(cx, node).map(|value| Distribution::Constant(value.value.as_secs_f64()))
}

/// The distribution that stands under one of the four keys.
pub(super) fn keyed(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str) -> Option<Distribution> {
    match key {
        "uniform" => uniform(cx, fields),
        "exp" => {
            let mean = fields.duration(cx, "exp")?;
            let mean = positive(cx, mean.value.as_secs_f64(), mean.span, "the mean")?;
            Some(Distribution::Exponential { mean })
        }
        "weibull" => weibull(cx, fields),
        _ => {
            let fields = fields.table(cx, "lognormal", &LOGNORMAL)?;
            let median = fields.duration(cx, "median");
            let sigma = fields.number(cx, "sigma");
            let (median, sigma) = (median?, sigma?);
            let median = positive(cx, median.value.as_secs_f64(), median.span, "the median")?;
            let sigma = within(cx, &sigma, 0.0, 10.0, "`sigma`")?;
            Some(Distribution::LogNormal { median, sigma })
        }
    }
}

/// `weibull = { .. }` of a distribution or of a crash.
pub(super) fn weibull(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Distribution> {
    let fields = fields.table(cx, "weibull", &WEIBULL)?;
    let scale = fields.duration(cx, "scale");
    let shape = fields.number(cx, "shape");
    let (scale, shape) = (scale?, shape?);
    let scale = positive(cx, scale.value.as_secs_f64(), scale.span, "the scale")?;
    let shape = within(cx, &shape, 0.05, 100.0, "`shape`")?;
    Some(Distribution::Weibull { scale, shape })
}

fn uniform(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Distribution> {
    let items = fields.list(cx, "uniform")?;
    let bounds: Vec<_> = items.iter().filter_map(|item| duration(cx, item)).collect();
    if bounds.len() != items.len() {
        return None;
    }
    let span = fields.node(cx, "uniform")?.span;
    let [min, max] = bounds.as_slice() else {
        let message = format!("a uniform distribution has two bounds, not {}", bounds.len());
        let help = "write `uniform = [\"1s\", \"5s\"]`";
        cx.diagnostics.error(codes::BAD_DISTRIBUTION, span, message, "two bounds are meant", help);
        return None;
    };
    if max.value < min.value {
        let message = "the greatest value is below the least one";
        let help = "write the smaller bound first";
        cx.diagnostics.error(codes::BAD_DISTRIBUTION, span, message, "the wrong way round", help);
        return None;
    }
    Some(Distribution::Uniform { min: min.value.as_secs_f64(), max: max.value.as_secs_f64() })
}

fn positive(cx: &mut Cx<'_>, seconds: f64, span: Span, what: &str) -> Option<f64> {
    if seconds > 0.0 {
        return Some(seconds);
    }
    let message = format!("{what} of this distribution must be positive");
    cx.diagnostics.error(codes::BAD_DISTRIBUTION, span, message, "zero", "write a duration such as `\"10m\"`");
    None
}

fn within(cx: &mut Cx<'_>, number: &Placed<f64>, min: f64, max: f64, what: &str) -> Option<f64> {
    if (min..=max).contains(&number.value) {
        return Some(number.value);
    }
    let message = format!("{what} of this distribution must be from {min} to {max}");
    cx.diagnostics.error(codes::BAD_DISTRIBUTION, number.span, message, "out of range", "write for example `1.0`");
    None
}
