//! HorizontalPodAutoscalers of all versions: decoding, defaulting, checking, compiling; metrics are `autoscaler_metric`'s. Mirrors
//! pkg/apis/autoscaling/validation/validation.go and pkg/apis/autoscaling/v2/defaults.go, v1.34.

use super::autoscaler_metric as metric;
use super::codes;
use super::fields::{Context, Fields, Path};
use super::numbers::int32;
use super::schema_scaling as schema;
use crate::model::objects::{
    HpaBehavior, HpaMetric, HpaPolicy, HpaScalingRules, HpaSelectPolicy, HpaSource, HpaSpec, ObjectKind,
};

pub(super) const CODE: crate::diag::Code = codes::BAD_AUTOSCALER;
const MOST_STABILIZATION_SECONDS: i32 = 3600;
const MOST_PERIOD_SECONDS: i32 = 1800;

/// Reads a HorizontalPodAutoscaler of an API version.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, version: &str) -> Option<HpaSpec> {
    let path = root.path.field("spec");
    let example = "write `scaleTargetRef:`, `minReplicas:`, `maxReplicas:` and `metrics:` under it";
    let is_v1 = version.ends_with("/v1");
    let schema = if is_v1 { &schema::AUTOSCALER_V1_SPEC } else { &schema::AUTOSCALER_SPEC };
    let spec = root.section(cx, "spec", &path, schema, example)?;
    let (min_replicas, max_replicas) = replicas(cx, &spec);
    let target = reference(cx, &spec, "scaleTargetRef")
        .map(|(kind, name, version)| (scalable(kind, version), cx.words.strings.intern(name)));
    let metrics = if is_v1 { cpu_alone(cx, &spec) } else { metric::all(cx, &spec, version.ends_with("/v2beta1")) };
    let scales_on_outside =
        metrics.iter().any(|metric| matches!(metric.source, HpaSource::Object { .. } | HpaSource::External(_)));
    if min_replicas == 0 && !scales_on_outside {
        let text = "Forbidden: must specify at least one Object or External metric to support scaling to zero replicas";
        let help = "no pods have no usage: write `minReplicas: 1`";
        let at = spec.at("minReplicas");
        cx.invalid(CODE, at, &path.field("metrics"), text, "cannot scale from zero", help);
    }
    let behavior = if is_v1 { None } else { behavior(cx, &spec) };
    Some(HpaSpec { target: target?, min_replicas, max_replicas, metrics: metrics.into(), behavior })
}

fn replicas(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> (i32, i32) {
    let least = int32(cx, spec, "minReplicas").unwrap_or(1);
    if least < 1 {
        let text = format!("Invalid value: {least}: must be greater than or equal to 1");
        let at = spec.at("minReplicas");
        cx.invalid(CODE, at, &spec.path.field("minReplicas"), &text, "too few", "write at least 1");
    }
    let most = int32(cx, spec, "maxReplicas").unwrap_or(0);
    let path = spec.path.field("maxReplicas");
    if most < 1 {
        let text = format!("Invalid value: {most}: must be greater than 0");
        let help = "say how many pods there may be at most: add `maxReplicas: 10`";
        cx.invalid(CODE, spec.at("maxReplicas"), &path, &text, "too few", help);
    }
    if most < least {
        let text = format!("Invalid value: {most}: must be greater than or equal to `minReplicas`");
        if most < 1 {
            cx.echo(&path, &text);
        } else {
            let help = format!("raise it to at least {least}, or lower `minReplicas`");
            cx.invalid(CODE, spec.at("maxReplicas"), &path, &text, "less than the least", &help);
        }
    }
    (least, most)
}

/// Reads a reference: kind, name and API version.
pub(super) fn reference<'t>(
    cx: &mut Context<'_>,
    owner: &Fields<'t, '_>,
    field: &'static str,
) -> Option<(&'t str, &'t str, &'t str)> {
    let path = owner.path.field(field);
    let example = "write `{apiVersion: apps/v1, kind: Deployment, name: web}`";
    let fields = owner.section(cx, field, &path, &schema::OBJECT_REFERENCE, example)?;
    let kind = fields.required(cx, "kind", codes::REQUIRED, "say what is scaled: add `kind: Deployment`");
    let name = fields.required(cx, "name", codes::REQUIRED, "say what is scaled: add `name:` of the workload");
    for (field, text) in [("kind", kind), ("name", name)] {
        segment(cx, &fields, field, text.unwrap_or("a"));
    }
    Some((kind?, name?, fields.text(cx, "apiVersion").unwrap_or("")))
}

/// Reports a text that cannot be a part of a path.
pub(super) fn segment(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str, text: &str) {
    let mut reasons = Vec::new();
    if matches!(text, "." | "..") {
        reasons.push(format!("may not be '{text}'"));
    } else {
        let bad = ['/', '%'].into_iter().filter(|&c| text.contains(c));
        reasons.extend(bad.map(|c| format!("may not contain '{c}'")));
    }
    let help = "write a name without `/` and `%`";
    cx.invalid_text(codes::BAD_NAME, fields.at(name), &fields.path.field(name), text, reasons, help);
}

/// The kind, if it is one of those that can be scaled here.
fn scalable(kind: &str, version: &str) -> Option<ObjectKind> {
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("apps" | "extensions" | "", "Deployment") => Some(ObjectKind::Deployment),
        ("apps" | "extensions" | "", "ReplicaSet") => Some(ObjectKind::ReplicaSet),
        ("apps" | "", "StatefulSet") => Some(ObjectKind::StatefulSet),
        ("", "ReplicationController") => Some(ObjectKind::ReplicationController),
        _ => None,
    }
}

/// The metric of autoscaling/v1, which has no other.
fn cpu_alone(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Vec<HpaMetric> {
    const NAME: &str = "targetCPUUtilizationPercentage";
    let percent = int32(cx, spec, NAME).unwrap_or(80);
    if percent < 1 {
        let text = format!("Invalid value: {percent}: must be greater than 0");
        cx.invalid(CODE, spec.at(NAME), &spec.path.field(NAME), &text, "too little", "write percent of the requests");
    }
    vec![metric::cpu(cx, percent)]
}

fn behavior(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<Box<HpaBehavior>> {
    let entry = spec.get("behavior")?;
    let path = spec.path.field("behavior");
    let example = "write `scaleUp:` or `scaleDown:` under it";
    let behavior = cx.fields(&entry.value, entry.key_at, &path, &schema::BEHAVIOR, example)?;
    let percent = HpaPolicy { percent: true, value: 100, period_seconds: 15 };
    let up = HpaScalingRules {
        stabilization_window_seconds: Some(0),
        select: HpaSelectPolicy::Max,
        policies: [HpaPolicy { percent: false, value: 4, period_seconds: 15 }, percent].into(),
    };
    let down = HpaScalingRules {
        stabilization_window_seconds: None,
        select: HpaSelectPolicy::Max,
        policies: [percent].into(),
    };
    let up = rules(cx, &behavior, "scaleUp", up);
    Some(Box::new(HpaBehavior { up, down: rules(cx, &behavior, "scaleDown", down) }))
}

/// Reads the rules of one direction over their defaults.
fn rules(
    cx: &mut Context<'_>,
    behavior: &Fields<'_, '_>,
    name: &'static str,
    mut all: HpaScalingRules,
) -> HpaScalingRules {
    const WINDOW: &str = "stabilizationWindowSeconds";
    let path = behavior.path.field(name);
    let example = "write `policies:` or `stabilizationWindowSeconds:` under it";
    let Some(rules) = behavior.section(cx, name, &path, &schema::SCALING_RULES, example) else { return all };
    if let Some(seconds) = int32(cx, &rules, WINDOW) {
        let bound = match seconds {
            ..0 => Some("must be greater than or equal to zero".to_owned()),
            0..=MOST_STABILIZATION_SECONDS => None,
            _ => Some(format!("must be less than or equal to {MOST_STABILIZATION_SECONDS}")),
        };
        if let Some(bound) = bound {
            let text = format!("Invalid value: {seconds}: {bound}");
            let help = "write seconds from 0 to 3600 (one hour)";
            cx.invalid(CODE, rules.at(WINDOW), &path.field(WINDOW), &text, "out of range", help);
        }
        all.stabilization_window_seconds = Some(seconds);
    }
    let words = [("Disabled", HpaSelectPolicy::Disabled), ("Max", HpaSelectPolicy::Max), ("Min", HpaSelectPolicy::Min)];
    all.select = cx.choice(&rules, "selectPolicy", &words).unwrap_or(all.select);
    if rules.get("policies").is_none() {
        return all;
    }
    let list_path = path.field("policies");
    let nodes = rules.list(cx, "policies", "v2.HPAScalingPolicy");
    if nodes.is_empty() {
        let text = "Required value: must specify at least one Policy";
        let help = "write a policy, or remove the line for the default ones";
        cx.invalid(codes::REQUIRED, rules.at("policies"), &list_path, text, "no policy", help);
    }
    let mut policies = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {type: Pods, value: 4, periodSeconds: 60}`";
        let Some(policy) = cx.fields(node, node.anchor(), &path, &schema::SCALING_POLICY, example) else { continue };
        policies.push(scaling_policy(cx, &policy, &path));
    }
    all.policies = policies.into();
    all
}

fn scaling_policy(cx: &mut Context<'_>, policy: &Fields<'_, '_>, path: &Path<'_>) -> HpaPolicy {
    let percent = if policy.text(cx, "type").is_none_or(str::is_empty) {
        let text = "Unsupported value: \"\": supported values: \"Percent\", \"Pods\"";
        cx.invalid(codes::UNSUPPORTED, policy.at("type"), &path.field("type"), text, "no type", "add `type: Pods`");
        false
    } else {
        cx.choice(policy, "type", &[("Percent", true), ("Pods", false)]).unwrap_or(false)
    };
    let mut number = |name: &'static str, most: i32| {
        let value = int32(cx, policy, name).unwrap_or(0);
        let bound = match value {
            ..=0 => "must be greater than zero".to_owned(),
            _ if value > most => format!("must be less than or equal to {most}"),
            _ => return value,
        };
        let text = format!("Invalid value: {value}: {bound}");
        cx.invalid(CODE, policy.at(name), &path.field(name), &text, "out of range", "write another number");
        value
    };
    let value = number("value", i32::MAX);
    HpaPolicy { percent, value, period_seconds: number("periodSeconds", MOST_PERIOD_SECONDS) }
}
