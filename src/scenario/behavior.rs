//! `[[behavior]]` as written: what each entry selects and which keys it gives.

use super::Cx;
use super::codes;
use super::distributions::{distribution, keyed, weibull};
use super::fields::{Fields, Placed, choice, duration, table, whole, wrong_type};
use super::spec::behavior::{
    BEHAVIOR, CPU_USE, CRASH, HOOK, MEMORY_USE, ON_TERMINATE, RUN, SELECT, START_FAILS, SWEEP, UNHEALTHY, WRITES,
};
use super::tree::{Node, Value};
use super::units;
use crate::base::{Distribution, SimDuration};
use crate::diag::Span;
use crate::model::{Crash, FileUse, HookRun, OnTerminate, RunTime, StartFailure, StartStep, StrId, Unhealthy, Usage};

/// One `[[behavior]]`. What is `None` is left as it was.
pub(super) struct Entry {
    pub span: Span,
    pub select: Select,
    pub startup: Option<Distribution>,
    pub run: Option<RunTime>,
    pub exit_codes: Option<Box<[(i32, u32)]>>,
    pub crash: Option<Crash>,
    pub listens: Option<Box<[u16]>>,
    pub requires: Option<Vec<Placed<StrId>>>,
    pub unready_without_required: Option<bool>,
    pub memory: Option<Usage>,
    pub cpu: Option<Usage>,
    pub writes: Option<Vec<Placed<FileUse>>>,
    pub reads: Option<Vec<Placed<String>>>,
    pub processes: Option<u32>,
    pub on_terminate: Option<OnTerminate>,
    pub first_exit_codes: Option<Box<[i32]>>,
    pub unhealthy: Option<Unhealthy>,
    pub post_start: Option<HookRun>,
    pub pre_stop: Option<HookRun>,
    pub start_fails: Option<StartFailure>,
}

/// Which containers.
#[derive(Default)]
pub(super) struct Select {
    pub span: Option<Span>,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub labels: Vec<(String, String)>,
    pub container: Option<Placed<String>>,
}

pub(super) fn entries(cx: &mut Cx<'_>, root: &Fields<'_>) -> Vec<Entry> {
    root.tables(cx, "behavior", &BEHAVIOR).iter().map(|fields| entry(cx, fields)).collect()
}

fn entry(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Entry {
    Entry {
        span: fields.span,
        select: fields.table(cx, "select", &SELECT).map(|fields| select(cx, &fields)).unwrap_or_default(),
        startup: distribution(cx, fields, "startup"),
        run: fields.node(cx, "run").and_then(|node| run(cx, node)),
        exit_codes: exit_codes(cx, fields),
        crash: fields.table(cx, "crash", &CRASH).and_then(|fields| crash(cx, &fields)),
        listens: listens(cx, fields),
        requires: fields.texts(cx, "requires").map(|names| {
            let intern =
                |name: &Placed<&str>| Placed { value: cx.vocabulary.strings.intern(name.value), span: name.span };
            names.iter().map(intern).collect()
        }),
        unready_without_required: fields.flag(cx, "unready_without_required"),
        memory: fields.table(cx, "memory", &MEMORY_USE).map(|fields| memory(cx, &fields)),
        cpu: fields.table(cx, "cpu", &CPU_USE).map(|fields| cpu(cx, &fields)),
        writes: writes(cx, fields),
        reads: fields.texts(cx, "reads").map(|paths| paths.iter().filter_map(|path| absolute(cx, path)).collect()),
        processes: fields.whole(cx, "processes").and_then(|count| u32::try_from(count.value).ok()),
        on_terminate: fields.node(cx, "on_terminate").and_then(|node| on_terminate(cx, node)),
        first_exit_codes: fields
            .list(cx, "first_exit_codes")
            .map(|items| items.iter().filter_map(|item| i32::try_from(whole(cx, item, 0, 255)?.value).ok()).collect()),
        unhealthy: fields.table(cx, "unhealthy", &UNHEALTHY).and_then(|fields| unhealthy(cx, &fields)),
        post_start: fields.table(cx, "post_start", &HOOK).map(|fields| hook(cx, &fields)),
        pre_stop: fields.table(cx, "pre_stop", &HOOK).map(|fields| hook(cx, &fields)),
        start_fails: fields.table(cx, "start_fails", &START_FAILS).and_then(|fields| start_fails(cx, &fields)),
    }
}

fn select(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Select {
    let owned = |text: Option<Placed<&str>>| text.map(|text| text.value.to_owned());
    Select {
        span: Some(fields.span),
        namespace: owned(fields.text(cx, "namespace")),
        name: owned(fields.text(cx, "name")),
        labels: fields
            .map(cx, "labels")
            .unwrap_or_default()
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.value.to_owned()))
            .collect(),
        container: fields.text(cx, "container").map(|name| Placed { value: name.value.to_owned(), span: name.span }),
    }
}

pub(super) fn run(cx: &mut Cx<'_>, node: &Node) -> Option<RunTime> {
    match &node.value {
        Value::Text(word) if word.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            choice(cx, node, &["forever"]).map(|_| RunTime::Forever)
        }
        Value::Table(_) => {
            let fields = table(cx, node, &RUN)?;
            let key = fields.one_of(cx, &["uniform", "exp", "weibull", "lognormal", "sweep"], true)?;
            if key == "sweep" {
                let fields = fields.table(cx, "sweep", &SWEEP)?;
                return sweep(cx, &fields);
            }
            keyed(cx, &fields, key).map(RunTime::Drawn)
        }
        _ => duration(cx, node).map(|value| RunTime::Drawn(Distribution::Constant(value.value.as_secs_f64()))),
    }
}

fn sweep(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<RunTime> {
    let min = seconds(cx, fields, "min");
    let max = seconds(cx, fields, "max");
    let stride = seconds(cx, fields, "stride");
    let (min, max, stride) = (min?, max?, stride?);
    if max < min {
        let (message, help) = ("the greatest run time is below the least one", "exchange `min` and `max`");
        cx.diagnostics.error(codes::BAD_DISTRIBUTION, fields.span, message, "the wrong way round", help);
        return None;
    }
    Some(RunTime::Sweep { min, span: (max - min).saturating_add(1), stride })
}

/// Whole seconds that fit the model.
fn seconds(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str) -> Option<u32> {
    let given = fields.duration(cx, key)?;
    match u32::try_from(given.value.whole_secs()) {
        Ok(seconds) if SimDuration::from_secs(seconds.into()) == given.value => Some(seconds),
        _ => {
            let message = format!("`{key}` must be whole seconds, at most 136 years");
            let help = "write for example `\"10m\"`";
            cx.diagnostics.error(codes::OUT_OF_RANGE, given.span, message, "not whole seconds", help);
            None
        }
    }
}

/// One code, equally likely ones, or codes with weights.
fn exit_codes(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Box<[(i32, u32)]>> {
    let node = fields.node(cx, "exit_codes")?;
    let code = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    let codes: Box<[(i32, u32)]> = match &node.value {
        Value::List(items) => {
            items.iter().filter_map(|item| whole(cx, item, 0, 255)).map(|item| (code(item.value), 1)).collect()
        }
        Value::Table(table) => {
            let mut codes = Vec::new();
            for entry in &table.entries {
                let Some(number) = entry.key.parse().ok().filter(|number| (0..=255).contains(number)) else {
                    let message = format!("`{}` is not an exit code", entry.key);
                    let help = "exit codes are from 0 to 255: write `{ 0 = 9, 1 = 1 }`";
                    cx.diagnostics.error(codes::OUT_OF_RANGE, entry.key_span, message, "not an exit code", help);
                    continue;
                };
                let weight = whole(cx, &entry.node, 0, 1_000_000);
                codes.push((number, weight.map_or(1, |weight| u32::try_from(weight.value).unwrap_or(1))));
            }
            if !codes.is_empty() && codes.iter().all(|&(_, weight)| weight == 0) {
                let (message, help) = ("all exit codes have the weight 0", "give one of them a positive weight");
                cx.diagnostics.error(codes::OUT_OF_RANGE, node.span, message, "none can be drawn", help);
            }
            codes.into()
        }
        _ => Box::new([(code(whole(cx, node, 0, 255)?.value), 1)]),
    };
    Some(codes)
}

fn crash(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Crash> {
    let exit_codes = exit_codes(cx, fields).unwrap_or_default();
    let after = match fields.one_of(cx, &["mtbf", "weibull", "after"], true)? {
        "mtbf" => {
            let mean = fields.duration(cx, "mtbf")?;
            if mean.value == SimDuration::ZERO {
                let (message, help) = ("a mean time between failures of zero", "write for example `\"2h\"`");
                cx.diagnostics.error(codes::BAD_DISTRIBUTION, mean.span, message, "zero", help);
                return None;
            }
            Distribution::Exponential { mean: mean.value.as_secs_f64() }
        }
        "weibull" => weibull(cx, fields)?,
        _ => distribution(cx, fields, "after")?,
    };
    Some(Crash { after, exit_codes })
}

fn listens(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Box<[u16]>> {
    let items = fields.list(cx, "listens")?;
    let ports = items.iter().filter_map(|item| whole(cx, item, 1, 65_535));
    Some(ports.map(|port| u16::try_from(port.value).unwrap_or(u16::MAX)).collect())
}

fn memory(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Usage {
    #[allow(clippy::cast_precision_loss)]
    let mut bytes = |key| fields.amount(cx, key, units::bytes).map_or(0.0, |bytes| bytes.value as f64);
    let (base, ramp, per_request) = (bytes("base"), bytes("ramp"), bytes("per_request"));
    Usage {
        base,
        ramp,
        ramp_seconds: fields.duration(cx, "ramp_for").map_or(0.0, |time| time.value.as_secs_f64()),
        leak_per_second: fields.amount(cx, "leak", units::byte_rate).map_or(0.0, |rate| rate.value),
        per_request,
    }
}

fn cpu(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Usage {
    let mut cores = |key| fields.amount(cx, key, units::cpu_exact).map_or(0.0, |cpu| cpu.value);
    let (base, ramp, per_request) = (cores("base"), cores("ramp"), cores("per_request"));
    let ramp_seconds = fields.duration(cx, "ramp_for").map_or(0.0, |time| time.value.as_secs_f64());
    Usage { base, ramp, ramp_seconds, leak_per_second: 0.0, per_request }
}

fn writes(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Vec<Placed<FileUse>>> {
    fields.node(cx, "writes")?;
    let mut files = Vec::new();
    for file in fields.tables(cx, "writes", &WRITES) {
        let path = file.text(cx, "path").and_then(|path| absolute(cx, &path));
        let bytes_per_second = file.amount(cx, "rate", units::byte_rate).map_or(0.0, |rate| rate.value);
        let files_per_second = file.amount(cx, "files", units::rate).map_or(0.0, |rate| rate.value);
        let per_request = file.amount(cx, "per_request", units::bytes).map_or(0, |bytes| bytes.value);
        #[allow(clippy::cast_precision_loss)]
        let bytes_per_request = per_request as f64;
        if let Some(path) = path {
            let path_text = path.value.into();
            let value = FileUse { path: path_text, bytes_per_second, bytes_per_request, files_per_second };
            files.push(Placed { value, span: path.span });
        }
    }
    Some(files)
}

fn absolute(cx: &mut Cx<'_>, path: &Placed<&str>) -> Option<Placed<String>> {
    if path.value.starts_with('/') {
        return Some(Placed { value: path.value.to_owned(), span: path.span });
    }
    let message = format!("`{}` is not an absolute path", path.value);
    let help = format!("paths in containers start with a slash: write `/{}`", path.value);
    cx.diagnostics.error(codes::OUT_OF_RANGE, path.span, message, "relative", help);
    None
}

fn on_terminate(cx: &mut Cx<'_>, node: &Node) -> Option<OnTerminate> {
    match &node.value {
        // A killed process shows 137.
        Value::Text(_) => choice(cx, node, &["ignore"]).map(|_| OnTerminate { after_seconds: None, exit_code: 137 }),
        Value::Table(_) => {
            let fields = table(cx, node, &ON_TERMINATE)?;
            let after = fields.duration(cx, "after").map_or(0.0, |after| after.value.as_secs_f64());
            let code = fields.whole(cx, "exit_code").map_or(143, |code| code.value);
            Some(OnTerminate { after_seconds: Some(after), exit_code: i32::try_from(code).unwrap_or(143) })
        }
        _ => wrong_type(cx, node, "a table", "write `{ after = \"2s\", exit_code = 0 }` or `\"ignore\"`"),
    }
}

fn unhealthy(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Unhealthy> {
    let lasts = fields.duration(cx, "for").map(|lasts| lasts.value.as_secs_f64());
    let hangs = fields.flag(cx, "hangs").unwrap_or(false);
    distribution(cx, fields, "after").map(|after| Unhealthy { after, lasts, hangs })
}

fn hook(cx: &mut Cx<'_>, fields: &Fields<'_>) -> HookRun {
    let takes = distribution(cx, fields, "takes").unwrap_or(HookRun::DEFAULT.takes);
    HookRun { takes, fails: fields.flag(cx, "fails").unwrap_or(false) }
}

fn start_fails(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<StartFailure> {
    let times = fields.whole(cx, "times").map(|times| u32::try_from(times.value).unwrap_or(u32::MAX));
    let step = match fields.choice(cx, "reason")? {
        "CreatePodSandboxError" => StartStep::Sandbox,
        "CreateContainerConfigError" => StartStep::Config,
        "CreateContainerError" => StartStep::Create,
        _ => StartStep::Run,
    };
    Some(StartFailure { step, times })
}
