//! `spec.metrics` of a HorizontalPodAutoscaler, in the form of autoscaling/v2 and in that of v2beta1. Mirrors validateMetricSpec of
//! pkg/apis/autoscaling/validation/validation.go, v1.34.

use super::autoscaler::{CODE, reference, segment};
use super::codes;
use super::fields::{Context, Fields, Path};
use super::numbers::int32;
use super::schema_scaling as schema;
use crate::base::Quantity;
use crate::model::names::go_quote;
use crate::model::objects::{HpaMetric, HpaSource, HpaTarget};

const TYPES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];
/// The fields in the order in which upstream looks at them.
const SOURCES: [&str; 5] = ["object", "external", "pods", "resource", "containerResource"];

/// CPU at so many percent of the requests.
pub(super) fn cpu(cx: &mut Context<'_>, percent: i32) -> HpaMetric {
    HpaMetric { source: HpaSource::Resource(cx.words.strings.intern("cpu")), target: HpaTarget::Utilization(percent) }
}

/// Reads `spec.metrics`; none are CPU at 80 %.
pub(super) fn all(cx: &mut Context<'_>, spec: &Fields<'_, '_>, is_beta: bool) -> Vec<HpaMetric> {
    let list_path = spec.path.field("metrics");
    let nodes = spec.list(cx, "metrics", "v2.MetricSpec");
    if nodes.is_empty() {
        return vec![cpu(cx, 80)];
    }
    let mut metrics = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example =
            "write `- {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::METRIC, example) else { continue };
        metrics.extend(metric(cx, &fields, &path, is_beta));
    }
    metrics
}

fn metric(cx: &mut Context<'_>, fields: &Fields<'_, '_>, path: &Path<'_>, is_beta: bool) -> Option<HpaMetric> {
    let kind = fields.text(cx, "type").unwrap_or("");
    let expected = TYPES.iter().find(|(word, _)| *word == kind).map(|(_, field)| *field);
    let type_path = path.field("type");
    if kind.is_empty() {
        let text = "Required value: must specify a metric source type";
        cx.invalid(codes::REQUIRED, fields.at("type"), &type_path, text, "no type", "add `type: Resource`");
    }
    if expected.is_none() {
        let words: Vec<String> = TYPES.iter().map(|(word, _)| go_quote(word)).collect();
        let text = format!("Unsupported value: {}: supported values: {}", go_quote(kind), words.join(", "));
        if kind.is_empty() {
            cx.echo(&type_path, &text);
        } else {
            let help = "write Resource, Pods, Object, External or ContainerResource";
            cx.invalid(codes::UNSUPPORTED, fields.at("type"), &type_path, &text, "not one of them", help);
        }
    }
    let present: Vec<&'static str> = SOURCES.into_iter().filter(|name| fields.get(name).is_some()).collect();
    let mut found = None;
    if let Some(&first) = present.first() {
        let inner = path.field(first);
        let schema = if is_beta { &schema::METRIC_SOURCE_BETA } else { &schema::METRIC_SOURCE };
        if let Some(source) = fields.section(cx, first, &inner, schema, "write `name:` and `target:` under it") {
            found = if is_beta { beta(cx, first, &source) } else { source_of(cx, first, &source) };
        }
    }
    match expected {
        Some(expected) if !present.contains(&expected) => {
            let text = "Required value: must populate information for the given metric source";
            let help = format!("a metric of type {kind} has its details under `{expected}:`");
            cx.invalid(codes::REQUIRED, fields.anchor, &path.field(expected), text, "no details", &help);
        }
        None => {
            let words: Vec<String> = TYPES.iter().map(|(word, _)| go_quote(word)).collect();
            let text = format!("Unsupported value: {}: supported values: {}", go_quote(kind), words.join(", "));
            cx.echo(&type_path, &text);
        }
        Some(_) => {}
    }
    for other in present.iter().filter(|name| present.len() > 1 && Some(**name) != expected) {
        let text = "Forbidden: must populate the given metric source only";
        let help = format!("a metric has one source: remove `{other}`, or write a metric of its own for it");
        cx.invalid(CODE, fields.at(other), &path.field(other), text, "second source", &help);
    }
    found
}

/// What `target` says.
#[derive(Default)]
struct Aim {
    value: Option<Quantity>,
    average: Option<Quantity>,
    utilization: Option<i32>,
}

impl Aim {
    fn compiled(&self) -> Option<HpaTarget> {
        let utilization = self.utilization.map(HpaTarget::Utilization);
        utilization.or(self.average.map(HpaTarget::AverageValue)).or(self.value.map(HpaTarget::Value))
    }
}

fn positive(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<Quantity> {
    let path = fields.path.field(name);
    let amount = cx.quantity(&fields.get(name)?.value, &path)?;
    if amount <= Quantity::ZERO {
        let text = format!("Invalid value: \"{amount}\": must be positive");
        cx.invalid(CODE, fields.at(name), &path, &text, "too little", "write an amount above 0");
    }
    Some(amount)
}

fn utilization(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<i32> {
    let percent = int32(cx, fields, name)?;
    if percent < 1 {
        let text = format!("Invalid value: {percent}: must be greater than 0");
        let help = "write percent of the requests, such as 80";
        cx.invalid(CODE, fields.at(name), &fields.path.field(name), &text, "too little", help);
    }
    Some(percent)
}

fn target(cx: &mut Context<'_>, source: &Fields<'_, '_>) -> Aim {
    let path = source.path.field("target");
    let example = "write `{type: Utilization, averageUtilization: 80}`";
    let Some(target) = source.section(cx, "target", &path, &schema::METRIC_TARGET, example) else {
        return Aim::default();
    };
    let kind = target.text(cx, "type").unwrap_or("");
    let type_path = path.field("type");
    let wrong = format!("Invalid value: {}: must be either Utilization, Value, or AverageValue", go_quote(kind));
    let help = "write `type: Utilization`, `type: Value` or `type: AverageValue`";
    if kind.is_empty() {
        let text = "Required value: must specify a metric target type";
        cx.invalid(codes::REQUIRED, target.at("type"), &type_path, text, "no type", help);
        cx.echo(&type_path, &wrong);
    } else if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        cx.invalid(codes::UNSUPPORTED, target.at("type"), &type_path, &wrong, "not one of them", help);
    }
    let value = positive(cx, &target, "value");
    let average = positive(cx, &target, "averageValue");
    Aim { value, average, utilization: utilization(cx, &target, "averageUtilization") }
}

/// Reports a target that says nothing, at one of its fields.
fn missing(cx: &mut Context<'_>, source: &Fields<'_, '_>, field: &'static str, text: &str) {
    let path = source.path.field("target");
    let help = format!("say what it is to be: add `{field}:` under `target:`");
    let text = format!("Required value: {text}");
    cx.invalid(codes::REQUIRED, source.at("target"), &path.field(field), &text, "no target", &help);
}

/// Reports a target that says two things, at one of its fields.
fn second(cx: &mut Context<'_>, source: &Fields<'_, '_>, field: &'static str, text: &str) {
    let path = source.path.field("target");
    let text = format!("Forbidden: {text}");
    cx.invalid(CODE, source.at("target"), &path.field(field), &text, "two targets", "remove one of the two");
}

/// The name under `metric`.
fn identifier<'t>(cx: &mut Context<'_>, source: &Fields<'t, '_>) -> Option<&'t str> {
    let path = source.path.field("metric");
    let metric = source.section(cx, "metric", &path, &schema::METRIC_IDENTIFIER, "write `name:` under it")?;
    let Some(name) = metric.text(cx, "name").filter(|name| !name.is_empty()) else {
        let text = "Required value: must specify a metric name";
        cx.invalid(
            codes::REQUIRED,
            metric.at("name"),
            &path.field("name"),
            text,
            "no name",
            "say which metric: add `name:`",
        );
        return None;
    };
    segment(cx, &metric, "name", name);
    Some(name)
}

fn resource_name<'t>(cx: &mut Context<'_>, source: &Fields<'t, '_>) -> Option<&'t str> {
    let name = source.text(cx, "name").filter(|name| !name.is_empty());
    if name.is_none() {
        let text = "Required value: must specify a resource name";
        let path = source.path.field("name");
        cx.invalid(codes::REQUIRED, source.at("name"), &path, text, "no name", "say which resource: add `name: cpu`");
    }
    name
}

fn source_of(cx: &mut Context<'_>, field: &str, source: &Fields<'_, '_>) -> Option<HpaMetric> {
    let (found, aim) = match field {
        "object" => {
            let object = reference(cx, source, "describedObject");
            let name = identifier(cx, source);
            let aim = target(cx, source);
            if aim.value.is_none() && aim.average.is_none() {
                missing(cx, source, "averageValue", "must set either a target value or averageValue");
            }
            let strings = &mut cx.words.strings;
            let found = object.zip(name).map(|((kind, name, _), metric)| HpaSource::Object {
                metric: strings.intern(metric),
                kind: strings.intern(kind),
                name: strings.intern(name),
            });
            (found, aim)
        }
        "external" => {
            let name = identifier(cx, source);
            let aim = target(cx, source);
            if aim.value.is_none() && aim.average.is_none() {
                let text = "must set either a target value for metric or a per-pod target";
                missing(cx, source, "averageValue", text);
            }
            if aim.value.is_some() && aim.average.is_some() {
                second(cx, source, "value", "may not set both a target value for metric and a per-pod target");
            }
            (name.map(|name| HpaSource::External(cx.words.strings.intern(name))), aim)
        }
        "pods" => {
            let name = identifier(cx, source);
            let aim = target(cx, source);
            if aim.average.is_none() {
                missing(cx, source, "averageValue", "must specify a positive target averageValue");
            }
            (name.map(|name| HpaSource::Pods(cx.words.strings.intern(name))), aim)
        }
        _ => {
            let resource = resource_name(cx, source);
            let container = (field == "containerResource").then(|| container(cx, source));
            let aim = target(cx, source);
            if aim.utilization.is_none() && aim.average.is_none() {
                let text = "must set either a target raw value or a target utilization";
                missing(cx, source, "averageUtilization", text);
            }
            if aim.utilization.is_some() && aim.average.is_some() {
                second(cx, source, "averageValue", "may not set both a target raw value and a target utilization");
            }
            (resource.map(|resource| of_resource(cx, resource, container.flatten())), aim)
        }
    };
    Some(HpaMetric { source: found?, target: aim.compiled()? })
}

fn container<'t>(cx: &mut Context<'_>, source: &Fields<'t, '_>) -> Option<&'t str> {
    let name = source.text(cx, "container").filter(|name| !name.is_empty());
    if name.is_none() {
        let text = "Required value: must specify a container";
        let path = source.path.field("container");
        cx.invalid(codes::REQUIRED, source.at("container"), &path, text, "no container", "add `container:`");
    }
    name
}

fn of_resource(cx: &mut Context<'_>, resource: &str, container: Option<&str>) -> HpaSource {
    let strings = &mut cx.words.strings;
    let resource = strings.intern(resource);
    match container {
        Some(container) => HpaSource::ContainerResource { resource, container: strings.intern(container) },
        None => HpaSource::Resource(resource),
    }
}

/// A source of autoscaling/v2beta1, where targets stand beside names.
fn beta(cx: &mut Context<'_>, field: &str, source: &Fields<'_, '_>) -> Option<HpaMetric> {
    let aim = Aim {
        value: positive(cx, source, "targetValue"),
        average: positive(cx, source, if field == "object" { "averageValue" } else { "targetAverageValue" }),
        utilization: utilization(cx, source, "targetAverageUtilization"),
    };
    let help = "say which metric: add `metricName:`";
    let found = match field {
        "object" => {
            let (kind, name, _) = reference(cx, source, "target")?;
            let metric = source.required(cx, "metricName", codes::REQUIRED, help)?;
            let strings = &mut cx.words.strings;
            let (kind, name) = (strings.intern(kind), strings.intern(name));
            HpaSource::Object { metric: strings.intern(metric), kind, name }
        }
        "external" | "pods" => {
            let metric = source.required(cx, "metricName", codes::REQUIRED, help)?;
            let metric = cx.words.strings.intern(metric);
            if field == "pods" { HpaSource::Pods(metric) } else { HpaSource::External(metric) }
        }
        _ => {
            let resource = resource_name(cx, source)?;
            let container = if field == "containerResource" { container(cx, source) } else { None };
            of_resource(cx, resource, container)
        }
    };
    if aim.compiled().is_none() {
        let path = source.path.field("targetAverageUtilization");
        let text = "Required value: must set either a target raw value or a target utilization";
        let help = "say what it is to be: add `targetAverageUtilization: 80`";
        cx.invalid(codes::REQUIRED, source.anchor, &path, text, "no target", help);
    }
    Some(HpaMetric { source: found, target: aim.compiled()? })
}
