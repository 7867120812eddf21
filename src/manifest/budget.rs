//! PodDisruptionBudgets: decoding, checking, compiling. Mirrors ValidatePodDisruptionBudgetSpec of
//! pkg/apis/policy/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::label_selector;
use super::meta::Meta;
use super::schema;
use super::tree::{Meaning, Value, meaning};
use crate::model::names::go_quote;
use crate::model::{BudgetBound, BudgetStatus, CompiledSelector, DisruptionBudget, IntOrPercent};

/// Reads a PodDisruptionBudget. The result is for use only if no errors were found.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>) -> DisruptionBudget {
    let (mut selector, mut bound, mut always_allow_unhealthy) = (CompiledSelector::nothing(), None, false);
    if let Some(entry) = root.get("spec") {
        let path = root.path.field("spec");
        let example = "write `selector:` and `minAvailable:` under it";
        if let Some(spec) = cx.fields(&entry.value, entry.key_at, &path, &schema::POD_DISRUPTION_BUDGET_SPEC, example) {
            let read = label_selector::read(cx, &spec, "selector");
            selector = label_selector::compile(read.as_ref(), &mut cx.words.strings);
            bound = read_bound(cx, &spec);
            let policies = [("IfHealthyBudget", false), ("AlwaysAllow", true)];
            always_allow_unhealthy = cx.choice(&spec, "unhealthyPodEvictionPolicy", &policies).unwrap_or(false);
        }
    }
    let strings = &mut cx.words.strings;
    let (namespace, name) = (strings.intern(meta.namespace), strings.intern(&meta.name));
    DisruptionBudget { namespace, name, selector, bound, always_allow_unhealthy, status: status(cx, root) }
}

fn read_bound(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<BudgetBound> {
    let least = int_or_percent(cx, spec, "minAvailable");
    let most = int_or_percent(cx, spec, "maxUnavailable");
    if least.is_some() && most.is_some() {
        let text = "Invalid value: minAvailable and maxUnavailable cannot be both set";
        let help = "remove `minAvailable` or `maxUnavailable`";
        cx.invalid(codes::BAD_BUDGET, spec.at("maxUnavailable"), spec.path, text, "the second one", help);
    }
    least.map(BudgetBound::MinAvailable).or(most.map(BudgetBound::MaxUnavailable))
}

/// A number that is not negative, or a percentage of at most 100.
fn int_or_percent(cx: &mut Context<'_>, spec: &Fields<'_, '_>, name: &'static str) -> Option<IntOrPercent> {
    let node = &spec.get(name)?.value;
    let path = spec.path.field(name);
    let help = "write a number of pods (1) or a percentage (\"50%\")";
    let is_number = matches!(&node.value, Value::Plain(text) if matches!(meaning(text), Meaning::Integer(_)));
    let value = if is_number {
        IntOrPercent::Int(i32::try_from(spec.integer(cx, name, "int32")?).ok()?)
    } else {
        IntOrPercent::Text(cx.text(node, &path, "PodDisruptionBudgetSpec", "intstr.IntOrString")?.into())
    };
    let wrong = match &value {
        IntOrPercent::Int(number) if *number < 0 => {
            Some(format!("Invalid value: {number}: must be greater than or equal to 0"))
        }
        IntOrPercent::Int(_) => None,
        IntOrPercent::Text(text) => {
            let digits = text.strip_suffix('%').filter(|digits| !digits.is_empty());
            let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            match digits.map(|digits| digits.parse::<i32>()) {
                Some(Ok(percent)) if percent <= 100 => None,
                Some(_) => Some(format!("Invalid value: {}: must not be greater than 100%", go_quote(text))),
                None => Some(format!(
                    "Invalid value: {}: a valid percent string must be a numeric string followed by an ending '%' (e.g. \
                     '1%',  or '93%', regex used for validation is '[0-9]+%')",
                    go_quote(text)
                )),
            }
        }
    };
    match wrong {
        None => Some(value),
        Some(text) => {
            cx.invalid(codes::BAD_BUDGET, node.at, &path, &text, "not valid here", help);
            None
        }
    }
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
