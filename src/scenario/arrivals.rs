//! `[[arrivals]]` -> templates and when pods are made from them. Simple templates and rows of traces are written as
//! manifests and read by the same reader as the user's own, so that defaults are filled in in one place.

use serde_json::{Map, Value as Json, json};

use super::fields::{Fields, Placed, whole};
use super::files::{open_all, open_one};
use super::nodes::extended;
use super::parts::{Owner, Parts};
use super::pods::{Purpose, compile};
use super::spec::workload::{ARRIVALS, TEMPLATE, TRACE};
use super::time::moment;
use super::traffic::steps;
use super::units;
use super::{Cx, codes};
use crate::base::{SimDuration, SimTime};
use crate::diag::Span;
use crate::manifest::PodObject;
use crate::model::{NodeShape, PodClass, PodTemplate, Resources, StrId, TemplateId};
use crate::sim::plan::{ArrivalPlan, ArrivalProcess, ArrivalSource, Naming, NodePlan, RateCurve, TraceRow, Workload};
use crate::trace::{self, Mode};

/// The image of simple pods. With a tag: without one it would be `latest`, which is pulled at every start.
const IMAGE: &str = "main:1";
/// More pods than this are refused in one source.
const MOST_PODS: u64 = 100_000_000;

pub(super) fn read(cx: &mut Cx<'_>, root: &Fields<'_>, parts: &mut Parts) {
    for fields in root.tables(cx, "arrivals", &ARRIVALS) {
        if arrival(cx, &fields, parts).is_none() {
            cx.missing.pods = true;
        }
    }
}

/// `None` if something is wrong with it.
fn arrival(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts) -> Option<()> {
    let name = fields.text(cx, "name");
    let namespace = fields.text(cx, "namespace").map_or("default", |namespace| namespace.value);
    let digits = fields.whole(cx, "digits").and_then(|digits| u8::try_from(digits.value).ok()).unwrap_or(1);
    let ttl = fields.duration(cx, "ttl_after_finished").map(|ttl| ttl.value);
    let from = moment(cx, fields, "from").map_or(cx.start, |from| from.value);
    let until = moment(cx, fields, "until").map_or(cx.end, |until| until.value);
    if until <= from {
        let (message, help) = ("no pod arrives: `until` is not after `from`", "write a later `until`");
        cx.diagnostics.error(codes::OUT_OF_RANGE, fields.key_span("until"), message, "too early", help);
    }
    let count = fields.whole(cx, "count").and_then(|count| u32::try_from(count.value).ok());
    let what = fields.one_of(cx, &["pods", "template", "trace"], true)?;
    let written = name.as_ref().map_or("arrivals", |name| name.value);
    let strings = &mut cx.vocabulary.strings;
    let (id, space) = (strings.intern(written), strings.intern(namespace));
    let naming = Naming::Numbered { width: digits };
    let workload = Workload { namespace: space, name: id, naming };
    let workload = parts.workload(cx, workload, name.map_or(fields.span, |name| name.span));

    let source = if what == "trace" {
        for key in fields.given(cx, &["rate", "steps", "weights", "until"]) {
            let message = format!("`{key}` does not go with a trace");
            let help = "the trace says which pods arrive when";
            cx.diagnostics.error(codes::EXCLUSIVE_KEYS, fields.key_span(key), message, "does not fit", help);
        }
        let every = fields.duration(cx, "every").map_or(SimDuration::ZERO, |every| every.value);
        let trace = fields.table(cx, "trace", &TRACE)?;
        let target =
            Target { namespace, space, owner: Owner { traced: true, ..Owner::of(workload) }, from, every, count };
        let (rows, naming) = traced(cx, &trace, parts, &target)?;
        parts.workloads[workload].naming = naming;
        ArrivalSource::Trace(rows)
    } else {
        let templates = match what {
            "pods" => manifests(cx, fields, parts),
            _ => inline(cx, fields, written, namespace),
        };
        let owner = Owner::of(workload);
        let own = |PodObject { template, span, .. }: PodObject| parts.template(moved(cx, template, space), owner, span);
        let templates: Box<[TemplateId]> = templates.into_iter().map(own).collect();
        let weights = weights(cx, fields, templates.len());
        let process = process(cx, fields, from, until)?;
        if templates.is_empty() {
            return None;
        }
        ArrivalSource::Generated { templates, weights, process, from, until, count }
    };
    parts.arrivals.push(ArrivalPlan { workload, source, ttl_after_finished: ttl });
    Some(())
}

fn process(cx: &mut Cx<'_>, fields: &Fields<'_>, from: SimTime, until: SimTime) -> Option<ArrivalProcess> {
    match fields.one_of(cx, &["every", "rate", "steps"], true)? {
        "every" => {
            let every = fields.duration(cx, "every")?;
            let spacing = every.value.0.unsigned_abs();
            let most = until.since(from).0.unsigned_abs() / spacing.max(1);
            if spacing == 0 || most > MOST_PODS {
                let message = if spacing == 0 { "no time between two pods" } else { "more than 100 million pods" };
                let help = "write a longer `every`, for example `\"100ms\"`";
                cx.diagnostics.error(codes::TOO_MANY, every.span, message, "too often", help);
                return None;
            }
            Some(ArrivalProcess::Every(every.value))
        }
        "rate" => {
            let rate = fields.amount(cx, "rate", units::rate)?;
            Some(ArrivalProcess::Poisson(RateCurve::constant(from, rate.value)))
        }
        _ => steps(cx, fields).map(ArrivalProcess::Poisson),
    }
}

fn weights(cx: &mut Cx<'_>, fields: &Fields<'_>, templates: usize) -> Box<[u32]> {
    let Some(items) = fields.list(cx, "weights") else { return Box::default() };
    let weights: Box<[u32]> = items
        .iter()
        .filter_map(|item| whole(cx, item, 0, 1_000_000))
        .map(|weight| u32::try_from(weight.value).unwrap_or(0))
        .collect();
    let right = weights.len() == templates && weights.iter().any(|&weight| weight > 0);
    if !right && weights.len() == items.len() && templates > 0 && !cx.missing.pods {
        let message = format!("there are {} weights for {templates} templates", weights.len());
        let help = "give each template one weight, and at least one of them more than 0";
        cx.diagnostics.error(codes::OUT_OF_RANGE, fields.key_span("weights"), message, "do not fit", help);
    }
    weights
}

/// Templates from the user's manifests.
fn manifests(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts) -> Vec<PodObject> {
    let paths = fields.paths(cx, "pods").unwrap_or_default();
    let sources = open_all(cx, &paths);
    let missing = cx.diagnostics.has_errors();
    let objects = compile(cx, &sources, Purpose::Beside);
    if objects.pods.is_empty() && !missing && !cx.missing.pods {
        let (message, help) = ("the manifests hold no Pod", "name a file with objects of the kind Pod");
        cx.diagnostics.error(codes::NO_TEMPLATES, fields.key_span("pods"), message, "no pods", help);
    }
    parts.related(objects.namespaces, objects.owners);
    parts.objects.extend(objects.budgets.into_iter().map(super::parts::budget));
    objects.pods
}

/// The template, in another namespace.
fn moved(cx: &mut Cx<'_>, mut template: PodTemplate, namespace: StrId) -> PodTemplate {
    let mut class = cx.vocabulary.classes.get(template.class).clone();
    class.move_to(namespace);
    template.class = cx.vocabulary.classes.intern(class);
    template.namespace = namespace;
    template
}

/// Templates of `template`.
fn inline(cx: &mut Cx<'_>, fields: &Fields<'_>, name: &str, namespace: &str) -> Vec<PodObject> {
    let tables = fields.tables(cx, "template", &TEMPLATE);
    let before = cx.diagnostics.len();
    let pods: Vec<Json> =
        tables.iter().enumerate().map(|(index, table)| pod(cx, table, &format!("{name}-{index}"), namespace)).collect();
    if pods.is_empty() {
        let (message, help) = ("there is no template", "write `template = { cpu = \"500m\", memory = \"1Gi\" }`");
        cx.diagnostics.error(codes::NO_TEMPLATES, fields.key_span("template"), message, "empty", help);
    }
    // Priorities come from PriorityClasses in manifests; here they are plain numbers and set afterwards.
    let priorities: Vec<i32> = tables.iter().map(|table| priority(cx, table)).collect();
    if cx.diagnostics.len() > before {
        return Vec::new();
    }
    let mut templates = generated(cx, &format!("templates of `{name}`"), pods);
    for (PodObject { template, .. }, priority) in templates.iter_mut().zip(priorities) {
        let class = PodClass { priority, ..cx.vocabulary.classes.get(template.class).clone() };
        template.class = cx.vocabulary.classes.intern(class);
    }
    templates
}

fn priority(cx: &mut Cx<'_>, fields: &Fields<'_>) -> i32 {
    fields.whole(cx, "priority").and_then(|priority| i32::try_from(priority.value).ok()).unwrap_or(0)
}

fn pod(cx: &mut Cx<'_>, fields: &Fields<'_>, name: &str, namespace: &str) -> Json {
    let mut requests = Map::new();
    if let Some(cpu) = fields.amount(cx, "cpu", units::cpu) {
        requests.insert("cpu".into(), format!("{}m", cpu.value).into());
    }
    for key in ["memory", "ephemeral-storage"] {
        if let Some(bytes) = fields.amount(cx, key, units::bytes) {
            requests.insert(key.into(), bytes.value.to_string().into());
        }
    }
    let scalar = extended(cx, fields);
    for &(resource, amount) in &scalar {
        requests.insert(cx.vocabulary.strings.text(resource).into(), amount.to_string().into());
    }
    let mut limits = Map::new();
    if fields.choice(cx, "limits") == Some("requests") {
        limits.clone_from(&requests);
    } else {
        // Extended resources cannot be overcommitted: their limit is their request.
        for (resource, _) in scalar {
            let name = cx.vocabulary.strings.text(resource);
            limits.insert(name.into(), requests[name].clone());
        }
    }
    let image = fields.text(cx, "image").map_or(IMAGE, |image| image.value);
    let restart_policy = fields.choice(cx, "restart_policy").unwrap_or("Never");
    let mut spec = json!({
        "restartPolicy": restart_policy,
        "containers": [{
            "name": "main",
            "image": image,
            "resources": { "requests": requests, "limits": limits },
        }],
    });
    if let Some(selector) = fields.map(cx, "node_selector") {
        spec["nodeSelector"] = texts(&selector);
    }
    let labels = fields.map(cx, "labels").map_or_else(|| json!({}), |labels| texts(&labels));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": spec,
    })
}

fn texts(pairs: &[(&str, Placed<&str>)]) -> Json {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Json::from(value.value))).collect::<Map<_, _>>().into()
}

/// Compiles manifests that were written here.
fn generated(cx: &mut Cx<'_>, name: &str, pods: Vec<Json>) -> Vec<PodObject> {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": pods });
    let text = format!("{list:#}");
    let source = cx.sources.add(name, text);
    compile(cx, &[source], Purpose::Beside).pods
}

/// What the rows of a trace become.
struct Target<'t> {
    namespace: &'t str,
    space: StrId,
    owner: Owner,
    from: SimTime,
    every: SimDuration,
    count: Option<u32>,
}

fn traced(
    cx: &mut Cx<'_>,
    fields: &Fields<'_>,
    parts: &mut Parts,
    target: &Target<'_>,
) -> Option<(Box<[TraceRow]>, Naming)> {
    let format = fields.choice(cx, "format");
    let mode = match fields.choice(cx, "mode") {
        Some("fill") => Mode::Fill,
        _ => Mode::Clock,
    };
    if let Some(path) = fields.paths(cx, "nodes").and_then(|paths| paths.into_iter().next()) {
        if let Some(format) = format.filter(|format| *format != "openb") {
            let message = format!("the format `{format}` has no file of nodes");
            let help = "describe nodes in [[node_pool]]";
            cx.diagnostics.error(codes::EXCLUSIVE_KEYS, path.span, message, "does not fit", help);
        } else if let Some(source) = open_one(cx, &path) {
            let rows = trace::openb::nodes(source, &cx.sources, &mut cx.diagnostics);
            nodes(cx, parts, &rows, path.span);
        }
    }
    let path = fields.paths(cx, "pods")?.into_iter().next()?;
    let source = open_one(cx, &path)?;
    let mut rows = match format? {
        "dlrm" => trace::dlrm::pods(source, &cx.sources, &mut cx.diagnostics, mode),
        "openb" => trace::openb::pods(source, &cx.sources, &mut cx.diagnostics, mode),
        _ => trace::pods_csv::read(source, &cx.sources, &mut cx.diagnostics, mode),
    };
    if mode == Mode::Clock {
        // Rows of one time stay in file order.
        rows.sort_by_key(|row| row.at);
    }
    rows.truncate(target.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX)));

    let (shapes, of_row) = trace::shapes(&rows);
    let pods = shapes.iter().enumerate().map(|(index, shape)| traced_pod(shape, index, target.namespace)).collect();
    let templates = generated(cx, &format!("pods of {}", path.value), pods);
    if templates.len() != shapes.len() {
        return None;
    }
    let own = |PodObject { template, span, .. }: PodObject| {
        parts.template(moved(cx, template, target.space), target.owner, span)
    };
    let templates: Vec<TemplateId> = templates.into_iter().map(own).collect();
    let mut names = Vec::with_capacity(rows.len());
    let mut planned = Vec::with_capacity(rows.len());
    for ((row, shape), index) in rows.iter().zip(of_row).zip(0_i64..) {
        names.push(cx.vocabulary.strings.intern(&row.name));
        planned.push(TraceRow {
            at: target.from + row.at + target.every * index,
            template: templates[shape],
            delete_at: row.delete_at.map_or(SimTime::NEVER, |at| target.from + at),
            run: row.run.unwrap_or(SimDuration::FOREVER),
        });
    }
    Some((planned.into(), Naming::Listed(names.into())))
}

fn traced_pod(shape: &trace::Shape, index: usize, namespace: &str) -> Json {
    let mut requests = Map::new();
    requests.insert("cpu".into(), format!("{}m", shape.milli_cpu).into());
    requests.insert("memory".into(), shape.memory.to_string().into());
    if shape.gpus > 0 {
        requests.insert(trace::GPU.into(), shape.gpus.to_string().into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": format!("shape-{index}"), "namespace": namespace },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "main",
                "image": IMAGE,
                "resources": { "requests": requests, "limits": requests },
            }],
            "nodeSelector": shape.node_selector.as_ref().map_or_else(
                || json!({}),
                |(key, value)| json!({ key.as_str(): value }),
            ),
        },
    })
}

/// The nodes of a trace join the cluster.
fn nodes(cx: &mut Cx<'_>, parts: &mut Parts, rows: &[trace::NodeRow], span: Span) {
    for row in rows {
        let strings = &mut cx.vocabulary.strings;
        let mut capacity = Resources { milli_cpu: row.milli_cpu, memory: row.memory, ..Resources::default() };
        let mut labels = vec![("kubernetes.io/os", "linux"), ("kubernetes.io/arch", "amd64")];
        if row.gpus > 0 {
            let gpu = strings.intern(trace::GPU);
            capacity.set_scalar(gpu, row.gpus);
            labels.push((trace::GPU_MODEL, &row.model));
        }
        let shape = NodeShape {
            pool: strings.intern("trace"),
            allocatable: capacity.clone(),
            capacity,
            max_pods: trace::PODS_PER_NODE,
            labels: strings.intern_labels(labels),
            taints: Box::default(),
            zone: crate::model::strings::known::EMPTY,
            unschedulable: false,
            images: Box::default(),
        };
        let name = strings.intern(&row.name);
        let shape = cx.vocabulary.shapes.intern(shape);
        parts.node(cx, NodePlan { name, shape }, span);
    }
}
