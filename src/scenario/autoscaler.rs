//! `[autoscaler]` and what `[[node_pool]]` says of growing and shrinking.

use super::distributions::distribution;
use super::fields::{Fields, choice, fail};
use super::spec::autoscaler::{AUTOSCALER, EXPANDERS};
use super::tree::{Node, Value};
use super::{Cx, codes};
use crate::base::{Distribution, SimDuration};
use crate::model::{AutoscalerPlan, Expander, PoolLimits};

/// How long a provider takes to make a machine unless the pool says otherwise, in seconds.
const PROVISION: Distribution = Distribution::Constant(30.0);

/// What a pool says of machines that come and go.
pub(super) struct Growth {
    pub limits: Option<PoolLimits>,
    pub provision: Distribution,
    pub boot: Option<Distribution>,
    pub price_per_hour: f64,
    pub priority: i32,
    pub scale_down_disabled: bool,
}

/// Reads `min`, `max` and what goes with them. A pool that starts with `count` nodes is allowed to be smaller or larger than its limits.
pub(super) fn growth(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Growth {
    let max = fields.whole(cx, "max");
    let min = fields.whole(cx, "min");
    let whole = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    if let (Some(min), None) = (&min, &max) {
        let (message, help) = ("`min` says nothing without `max`", "add `max = 10`, or leave `min` out");
        cx.diagnostics.error(codes::MISSING_KEY, min.span, message, "`max` is missing", help);
    }
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value > max.value
    {
        let message = format!("a pool cannot have at least {} and at most {} nodes", min.value, max.value);
        cx.diagnostics.error(codes::OUT_OF_RANGE, min.span, message, "more than `max`", "lower `min`, or raise `max`");
    }
    let limits = max.map(|max| PoolLimits { min: min.map_or(0, |min| whole(min.value)), max: whole(max.value) });
    let price = fields.number(cx, "price_per_hour");
    if let Some(price) = &price
        && price.value < 0.0
    {
        let (message, help) = ("a price below zero makes no sense", "write for example `price_per_hour = 0.38`");
        cx.diagnostics.error(codes::OUT_OF_RANGE, price.span, message, "negative", help);
    }
    Growth {
        limits,
        provision: distribution(cx, fields, "provision").unwrap_or(PROVISION),
        boot: distribution(cx, fields, "boot"),
        price_per_hour: price.map_or(0.0, |price| price.value),
        priority: fields.whole(cx, "priority").and_then(|value| i32::try_from(value.value).ok()).unwrap_or(0),
        scale_down_disabled: fields.flag(cx, "scale_down_disabled").unwrap_or(false),
    }
}

/// Reads the flags. Without a pool that may grow there is no autoscaler.
pub(super) fn read(cx: &mut Cx<'_>, root: &Fields<'_>, has_limits: bool) -> Option<AutoscalerPlan> {
    let fields = root.table(cx, "autoscaler", &AUTOSCALER);
    if fields.is_none() && !has_limits {
        return None;
    }
    let mut plan = AutoscalerPlan::new(&mut cx.vocabulary.strings);
    let mut enabled = true;
    if let Some(fields) = fields {
        enabled = fields.flag(cx, "enabled").unwrap_or(true);
        flags(cx, &fields, &mut plan);
        if !has_limits && enabled && !cx.missing.nodes {
            let message = "the autoscaler has no node pool to work on";
            let help = "give a `[[node_pool]]` a `max`, or leave `[autoscaler]` out";
            cx.diagnostics.warning(codes::SELECTS_NOTHING, fields.span, message, "has no effect", help);
        }
    }
    Some(plan).filter(|_| enabled && has_limits)
}

fn flags(cx: &mut Cx<'_>, fields: &Fields<'_>, plan: &mut AutoscalerPlan) {
    let mut span = |key, place: &mut SimDuration| {
        if let Some(value) = fields.duration(cx, key) {
            *place = value.value;
        }
    };
    span("max_provision_time", &mut plan.max_provision_time);
    span("initial_backoff", &mut plan.initial_backoff);
    span("max_backoff", &mut plan.max_backoff);
    span("unneeded_time", &mut plan.unneeded_time);
    span("unready_time", &mut plan.unready_time);
    span("delay_after_add", &mut plan.delay_after_add);
    span("delay_after_delete", &mut plan.delay_after_delete);
    span("delay_after_failure", &mut plan.delay_after_failure);
    span("unremovable_recheck", &mut plan.unremovable_recheck);
    span("max_eviction_time", &mut plan.max_eviction_time);
    span("max_graceful_termination", &mut plan.max_graceful_termination);
    super::control::positive(cx, fields, "scan_interval", &mut plan.scan_interval);
    let mut whole = |key, place: &mut u32| {
        if let Some(value) = fields.whole(cx, key) {
            *place = u32::try_from(value.value).unwrap_or(u32::MAX);
        }
    };
    whole("max_nodes_per_scale_up", &mut plan.max_nodes_per_scale_up);
    whole("max_nodes_total", &mut plan.max_nodes_total);
    whole("parallelism", &mut plan.parallelism);
    whole("drain_parallelism", &mut plan.drain_parallelism);
    let mut flag = |key, place: &mut bool| {
        if let Some(value) = fields.flag(cx, key) {
            *place = value;
        }
    };
    flag("scale_down", &mut plan.scale_down);
    flag("ignore_daemonsets", &mut plan.ignore_daemonsets);
    flag("skip_system_pods", &mut plan.skip_system_pods);
    flag("skip_local_storage", &mut plan.skip_local_storage);
    if let Some(value) = fields.whole(cx, "expendable_priority").and_then(|value| i32::try_from(value.value).ok()) {
        plan.expendable_priority = value;
    }
    if let Some(threshold) = fields.number(cx, "utilization_threshold") {
        if (0.0..=1.0).contains(&threshold.value) {
            plan.utilization_threshold = threshold.value;
        } else {
            let (message, help) = ("`utilization_threshold` must be from 0 to 1", "the default is 0.5");
            cx.diagnostics.error(codes::OUT_OF_RANGE, threshold.span, message, "out of range", help);
        }
    }
    if let Some(node) = fields.node(cx, "expander") {
        let nodes: &[Node] = if let Value::List(items) = &node.value { items } else { std::slice::from_ref(node) };
        let expanders: Vec<Expander> = nodes.iter().filter_map(|node| expander(cx, node)).collect();
        if nodes.is_empty() {
            let help = "write for example `expander = \"least-waste\"`";
            let _: Option<()> = fail(cx, codes::OUT_OF_RANGE, node, "no expander is named", "empty", help);
        }
        plan.expanders = expanders.into();
    }
}

fn expander(cx: &mut Cx<'_>, node: &Node) -> Option<Expander> {
    Some(match choice(cx, node, EXPANDERS)? {
        "random" => Expander::Random,
        "most-pods" => Expander::MostPods,
        "price" => Expander::Price,
        "priority" => Expander::Priority,
        "least-nodes" => Expander::LeastNodes,
        _ => Expander::LeastWaste,
    })
}
