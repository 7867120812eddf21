//! PodDisruptionBudgets: decoding, checking, compiling. Mirrors ValidatePodDisruptionBudgetSpec of
//! pkg/apis/policy/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::label_selector;
use super::meta::Meta;
use super::numbers;
use super::schema;
use crate::model::{BudgetBound, BudgetStatus, CompiledSelector, DisruptionBudget};

/// Reads a PodDisruptionBudget. The result is for use only if no errors were found.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> DisruptionBudget {
    let (mut selector, mut bound, mut always_allow_unhealthy) = (CompiledSelector::nothing(), None, false);
    if let Some(entry) = root.get("spec") {
        let path = root.path.field("spec");
        let example = "write `selector:` and `minAvailable:` under it";
        if let Some(spec) = cx.fields(&entry.value, entry.key_at, &path, &schema::POD_DISRUPTION_BUDGET_SPEC, example) {
            let json = label_selector::as_json(spec.get("selector").map(|entry| &entry.value));
            bound = read_bound(cx, &spec, &json);
            let read = label_selector::read(cx, &spec, "selector");
            selector = label_selector::compile(read.as_ref(), &mut cx.words.strings);
            let policies = [("AlwaysAllow", true), ("IfHealthyBudget", false)];
            always_allow_unhealthy = cx.choice(&spec, "unhealthyPodEvictionPolicy", &policies).unwrap_or(false);
        }
    }
    let strings = &mut cx.words.strings;
    let (namespace, name) = (strings.intern(meta.namespace), strings.intern(&meta.name));
    DisruptionBudget { namespace, name, selector, bound, always_allow_unhealthy, status: status(cx, root) }
}

fn read_bound(cx: &mut Context<'_>, spec: &Fields<'_, '_>, selector: &str) -> Option<BudgetBound> {
    const GO: &str = "PodDisruptionBudgetSpec";
    let least = numbers::int_or_percent(cx, spec, "minAvailable", GO);
    let most = numbers::int_or_percent(cx, spec, "maxUnavailable", GO);
    if let (Some(least), Some(most)) = (&least, &most) {
        let text = format!(
            "Invalid value: {{\"MinAvailable\":{},\"Selector\":{selector},\"MaxUnavailable\":{},\
             \"UnhealthyPodEvictionPolicy\":null}}: minAvailable and maxUnavailable cannot be both set",
            numbers::as_json(least),
            numbers::as_json(most),
        );
        let help = "remove `minAvailable` or `maxUnavailable`";
        cx.invalid(codes::BAD_BUDGET, spec.at("maxUnavailable"), spec.path, &text, "the second one", help);
    }
    for (name, value) in [("minAvailable", &least), ("maxUnavailable", &most)] {
        if let Some(value) = value {
            numbers::check_positive(cx, spec, name, value, codes::BAD_BUDGET);
            numbers::check_percentage(cx, spec, name, value, codes::BAD_BUDGET);
        }
    }
    least.map(BudgetBound::MinAvailable).or(most.map(BudgetBound::MaxUnavailable))
}

fn status(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> Option<BudgetStatus> {
    let entry = root.get("status")?;
    let path = root.path.field("status");
    let example = "remove it: it is computed";
    let fields = cx.fields(&entry.value, entry.key_at, &path, &schema::POD_DISRUPTION_BUDGET_STATUS, example)?;
    let allowed = fields.integer(cx, "disruptionsAllowed", "int32");
    let disrupted = fields.map(cx, "disruptedPods", "map[string]v1.Time", "the name of a pod and when it was evicted");
    let disrupted_pods = disrupted.iter().map(|entry| (*entry.key).into()).collect();
    let is_told = allowed.is_some() || fields.get("disruptedPods").is_some();
    is_told.then_some(BudgetStatus { disruptions_allowed: allowed.unwrap_or(0), disrupted_pods })
}
