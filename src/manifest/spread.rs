//! How a pod wants to be spread: `spec.topologySpreadConstraints`. Mirrors validateTopologySpreadConstraints of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::label_selector;
use super::meta::Meta;
use super::schema;
use crate::model::{NodeInclusionPolicy, SpreadConstraint, WhenUnsatisfiable};

const POLICIES: &[(&str, NodeInclusionPolicy)] =
    &[("Honor", NodeInclusionPolicy::Honor), ("Ignore", NodeInclusionPolicy::Ignore)];
const ACTIONS: &[(&str, WhenUnsatisfiable)] =
    &[("DoNotSchedule", WhenUnsatisfiable::DoNotSchedule), ("ScheduleAnyway", WhenUnsatisfiable::ScheduleAnyway)];
const EXAMPLE: &str = "write `- maxSkew: 1`, `topologyKey: topology.kubernetes.io/zone`, `whenUnsatisfiable: DoNotSchedule` \
                       and `labelSelector:` with `matchLabels:` under it";

/// Reads the constraints.
pub(super) fn read(cx: &mut Context<'_>, spec: &Fields<'_, '_>, meta: &Meta<'_>) -> Box<[SpreadConstraint]> {
    const NAME: &str = "topologySpreadConstraints";
    let list_path = spec.path.field(NAME);
    let (mut all, mut kinds) = (Vec::new(), Vec::new());
    for (index, node) in spec.list(cx, NAME, "v1.TopologySpreadConstraint").iter().enumerate() {
        let path = list_path.index(index);
        let schema = &schema::TOPOLOGY_SPREAD_CONSTRAINT;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, EXAMPLE) else { continue };
        let (constraint, action) = constraint(cx, &fields, meta);
        let kind = (constraint.topology_key, action);
        if kinds.contains(&kind) {
            let key = cx.words.strings.text(constraint.topology_key).to_owned();
            let path = path.field("{topologyKey, whenUnsatisfiable}");
            let text = format!("Duplicate value: \"{{{key}, {action}}}\"");
            let help = "one constraint of each kind is allowed for a key: remove or change one of the two";
            cx.invalid(codes::BAD_SPREAD, fields.at("topologyKey"), &path, &text, "there already", help);
        }
        kinds.push(kind);
        all.push(constraint);
    }
    all.into()
}

fn constraint<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, meta: &Meta<'_>) -> (SpreadConstraint, &'t str) {
    let code = codes::BAD_SPREAD;
    let errors = cx.errors;
    let max_skew = fields.integer(cx, "maxSkew", "int32").unwrap_or(0);
    if max_skew <= 0 && cx.errors == errors {
        let text = format!("Invalid value: {max_skew}: must be greater than zero");
        let help = "say how many pods more one domain may have than another: maxSkew: 1";
        cx.invalid(codes::OUT_OF_RANGE, fields.at("maxSkew"), &fields.path.field("maxSkew"), &text, "", help);
    }
    let topology_key = label_selector::topology_key(cx, fields, code);
    let action = action(cx, fields);
    let min_domains = min_domains(cx, fields);
    let affinity = cx.choice(fields, "nodeAffinityPolicy", POLICIES).unwrap_or(NodeInclusionPolicy::Honor);
    let taints = cx.choice(fields, "nodeTaintsPolicy", POLICIES).unwrap_or(NodeInclusionPolicy::Ignore);
    let mut selector = label_selector::read(cx, fields, "labelSelector");
    label_selector::merge_keys(cx, fields, &meta.labels, selector.as_mut(), code, ("TopologySpreadConstraint", false));
    let strings = &mut cx.words.strings;
    let when = ACTIONS.iter().find(|(word, _)| *word == action).map(|&(_, when)| when);
    let constraint = SpreadConstraint {
        max_skew: i32::try_from(max_skew).unwrap_or(1),
        topology_key: strings.intern(topology_key),
        when_unsatisfiable: when.unwrap_or(WhenUnsatisfiable::DoNotSchedule),
        selector: label_selector::compile(selector.as_ref(), strings),
        min_domains,
        node_affinity_policy: affinity,
        node_taints_policy: taints,
    };
    (constraint, action)
}

/// The word of `whenUnsatisfiable`, which must be there.
fn action<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>) -> &'t str {
    const NAME: &str = "whenUnsatisfiable";
    if fields.get(NAME).is_some() {
        cx.choice(fields, NAME, ACTIONS);
        return fields.get(NAME).and_then(|entry| entry.value.scalar()).unwrap_or("");
    }
    let text = "Unsupported value: \"\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\"";
    let help = "add `whenUnsatisfiable: DoNotSchedule`, or ScheduleAnyway for a wish";
    cx.invalid(codes::UNSUPPORTED, fields.at(NAME), &fields.path.field(NAME), text, "not said", help);
    ""
}

fn min_domains(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> i32 {
    const NAME: &str = "minDomains";
    let Some(domains) = fields.integer(cx, NAME, "int32") else { return 1 };
    let (at, path) = (fields.at(NAME), fields.path.field(NAME));
    if domains <= 0 {
        let text = format!("Invalid value: {domains}: must be greater than zero");
        let help = "write how many domains there must be at least, or remove it";
        cx.invalid(codes::OUT_OF_RANGE, at, &path, &text, "out of range", help);
    }
    let action = fields.get("whenUnsatisfiable").and_then(|entry| entry.value.scalar()).unwrap_or("");
    if action != "DoNotSchedule" {
        let text = format!(
            "Invalid value: {domains}: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
            action
        );
        let help = "remove `minDomains`, or write `whenUnsatisfiable: DoNotSchedule`";
        cx.invalid(codes::BAD_SPREAD, at, &path, &text, "of no use", help);
    }
    i32::try_from(domains).unwrap_or(1)
}
