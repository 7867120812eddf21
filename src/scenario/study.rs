//! Study files: which keys of a scenario take which values, with which seeds. Reads them with everything that is wrong in its
//! place; runs nothing and reads no scenario.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fields::{Fields, Placed, number, text, whole, wrong_type};
use super::settings::{Place, Setting, Unit};
use super::spec::study::{ARM, DRAWN, RANDOM, RANGE, STUDY, STUDY_FILE};
use super::studied::{Arm, Axis, DrawFrom, Level, RandomAxis, Study};
use super::tree::{self, Node, Table, Value};
use super::{Cx, Disk, Files as _, codes, files, suggest};
use crate::diag::{Diagnostics, Source, Sources, Span};
use crate::sim::metrics;

/// What was read, with everything that is wrong.
#[derive(Debug)]
pub struct LoadedStudy {
    /// The study; None if there are errors.
    pub study: Option<Study>,
    /// The texts that were read.
    pub sources: Sources,
    /// What is wrong.
    pub diagnostics: Diagnostics,
}

/// More runs than this are a slip of the keyboard.
const MOST_RUNS: u128 = 10_000_000;
/// What tables and charts show if nothing is said.
const METRICS: [&str; 4] = ["pods_pending_at_end", "pods_pending_peak", "wait_seconds_p99", "cpu_requested_ratio_mean"];

/// Reads a study file.
#[must_use]
pub fn read_study(path: &Path) -> LoadedStudy {
    let name = path.display().to_string();
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let mut cx = Cx::new(&Disk, folder);
    let text = match Disk.read(path) {
        Ok(text) => text,
        Err(error) => {
            let help = "give the path of a study file; `scenarios/studies/hello.toml` is a small one";
            let message = format!("cannot read `{name}`: {error}");
            cx.diagnostics.error(codes::UNREADABLE_FILE, None, message, "", help);
            return LoadedStudy { study: None, sources: cx.sources, diagnostics: cx.diagnostics };
        }
    };
    let source = cx.sources.add(name.as_str(), text.as_str());
    let tree = tree::parse(&text, source, &mut cx.diagnostics);
    let top = Span { source, start: 0, end: text.find('\n').unwrap_or(text.len()) };
    let root = Fields::open(&mut cx, &tree, top, &STUDY_FILE);
    let mut reader = Reader { source: Arc::new(Source { name, text }), keys: BTreeSet::new() };
    let study = reader.study(&mut cx, &root, path);
    let study = study.filter(|_| !cx.diagnostics.has_errors());
    LoadedStudy { study, sources: cx.sources, diagnostics: cx.diagnostics }
}

struct Reader {
    source: Arc<Source>,
    /// Keys that vary.
    keys: BTreeSet<Arc<str>>,
}

impl Reader {
    fn study(&mut self, cx: &mut Cx<'_>, root: &Fields<'_>, path: &Path) -> Option<Study> {
        let header = root.table(cx, "study", &STUDY);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("study").to_owned();
        let mut study = Study {
            name: stem,
            description: String::new(),
            scenario: PathBuf::new(),
            seeds: (1..=10).collect(),
            metrics: METRICS.to_vec(),
            set: Vec::new(),
            arms: Vec::new(),
            grid: Vec::new(),
            samples: 0,
            random_seed: 1,
            random: Vec::new(),
        };
        if let Some(fields) = header {
            if let Some(name) = fields.text(cx, "name") {
                name.value.clone_into(&mut study.name);
            }
            study.description = fields.text(cx, "description").map(|text| text.value.to_owned()).unwrap_or_default();
            if let Some(written) = fields.text(cx, "scenario") {
                let written = Placed { value: written.value.to_owned(), span: written.span };
                study.scenario = files::resolve(cx, &written).unwrap_or_default();
            }
            if let Some(seeds) = fields.node(cx, "seeds").map(|node| seeds(cx, node)) {
                study.seeds = seeds.unwrap_or_default();
            }
            if let Some(names) = fields.texts(cx, "metrics") {
                study.metrics = names.iter().filter_map(|name| metric(cx, name)).collect();
            }
            study.set = fields.node(cx, "set").map(|node| self.settings(cx, node)).unwrap_or_default();
        }
        let mut names = BTreeSet::new();
        for fields in root.tables(cx, "arm", &ARM) {
            let set = fields.node(cx, "set").map(|node| self.settings(cx, node)).unwrap_or_default();
            let Some(name) = fields.text(cx, "name") else { continue };
            if !names.insert(name.value) {
                let message = format!("there are two arms `{}`", name.value);
                cx.diagnostics.error(codes::DUPLICATE_NAME, name.span, message, "the second one", "names must differ");
            }
            study.arms.push(Arm { name: name.value.to_owned(), set });
        }
        if let Some(node) = root.node(cx, "grid") {
            let range = |table: &Table| ["from", "to", "step"].iter().any(|key| table.get(key).is_some());
            for leaf in self.leaves(cx, node, range) {
                study.grid.extend(self.axis(cx, &leaf));
            }
        }
        if let Some(node) = root.node(cx, "random") {
            self.random(cx, node, &mut study);
        }
        let points = study.grid.iter().map(|axis| axis.levels.len() as u128).product::<u128>()
            * study.arms.len().max(1) as u128
            * u128::from(study.samples.max(1));
        if points * study.seeds.len() as u128 > MOST_RUNS {
            let message = format!("{points} points with {} seeds are more than {MOST_RUNS} runs", study.seeds.len());
            cx.diagnostics.error(codes::TOO_MANY, root.span, message, "too many runs", "take fewer values or seeds");
        }
        Some(study)
    }

    /// What a table sets: keys of the scenario, joined by dots or in tables.
    fn settings(&self, cx: &mut Cx<'_>, node: &Node) -> Vec<Setting> {
        self.leaves(cx, node, |table| table.entries.is_empty())
            .iter()
            .map(|leaf| self.setting(leaf, leaf.node))
            .collect()
    }

    /// The keys of the scenario in a table with their values; tables are gone into unless `ends` says that they are values.
    fn leaves<'t>(&self, cx: &mut Cx<'_>, node: &'t Node, ends: impl Fn(&Table) -> bool + Copy) -> Vec<Leaf<'t>> {
        let Value::Table(table) = &node.value else {
            let help = "write keys of the scenario with their values: `\"node_pool.0.count\" = ..`";
            wrong_type::<()>(cx, node, "a table", help);
            return Vec::new();
        };
        let mut found = Vec::new();
        below(table, "", ends, &mut found);
        found
    }

    fn place(&self, key: Span, value: Span) -> Place {
        // A key that holds dots is written in quotes.
        let quoted = matches!(self.source.text.as_bytes().get(key.start), Some(b'"' | b'\''));
        let inner = usize::from(quoted && key.end > key.start + 1);
        let key = (key.start + inner, key.end - inner);
        Place { source: Arc::clone(&self.source), key, value: (value.start, value.end) }
    }

    fn setting(&self, leaf: &Leaf<'_>, value: &Node) -> Setting {
        Setting {
            key: leaf.key.as_str().into(),
            value: as_toml(&value.value),
            place: self.place(leaf.span, value.span),
        }
    }

    fn level(&self, leaf: &Leaf<'_>, unit: Unit, value: &Node) -> Level {
        #[allow(clippy::cast_precision_loss, reason = "values of a scenario")]
        let (shown, number) = match &value.value {
            Value::Text(text) => (text.clone(), unit.number(text)),
            Value::Whole(whole) => (whole.to_string(), Some(*whole as f64)),
            Value::Number(number) => (number.to_string(), Some(*number)),
            other => (as_toml(other), None),
        };
        Level { setting: self.setting(leaf, value), shown, number }
    }

    /// Takes note of a key that varies; each does so once.
    fn vary(&mut self, cx: &mut Cx<'_>, leaf: &Leaf<'_>) -> Option<Unit> {
        if !leaf.key.contains('.') {
            let help = "keys of the scenario are joined by dots, as `--set` takes them: `\"node_pool.0.count\"`";
            let message = format!("`{}` is no key of a scenario", leaf.key);
            cx.diagnostics.error(codes::UNKNOWN_KEY, leaf.span, message, "unknown key", help);
            return None;
        }
        if !self.keys.insert(leaf.key.as_str().into()) {
            let message = format!("`{}` varies twice", leaf.key);
            cx.diagnostics.error(codes::DUPLICATE_NAME, leaf.span, message, "the second time", "leave one of them out");
            return None;
        }
        Some(Unit::of_key(&leaf.key))
    }

    fn axis(&mut self, cx: &mut Cx<'_>, leaf: &Leaf<'_>) -> Option<Axis> {
        let unit = self.vary(cx, leaf)?;
        let levels: Vec<Level> = match &leaf.node.value {
            Value::List(items) if !items.is_empty() => items.iter().map(|item| self.level(leaf, unit, item)).collect(),
            Value::Table(table) => {
                let fields = Fields::open(cx, table, leaf.node.span, &RANGE);
                let values = range(cx, &fields)?;
                let place = self.place(leaf.span, leaf.node.span);
                let key: Arc<str> = leaf.key.as_str().into();
                let level = |number: f64| {
                    let shown = number.to_string();
                    let setting = Setting { key: Arc::clone(&key), value: shown.clone(), place: place.clone() };
                    Level { setting, shown, number: Some(number) }
                };
                values.into_iter().map(level).collect()
            }
            _ => {
                let help = "write a list of values, `[3, 4, 5]`, or a range, `{ from = 3, to = 12 }`";
                return wrong_type(cx, leaf.node, "a list of values", help);
            }
        };
        let mut seen = BTreeSet::new();
        for level in &levels {
            if !seen.insert(level.setting.value.as_str()) {
                let span = Span { start: level.setting.place.value.0, end: level.setting.place.value.1, ..leaf.span };
                let message = format!("`{}` takes the value {} twice", leaf.key, level.shown);
                cx.diagnostics.error(codes::DUPLICATE_NAME, span, message, "the second time", "leave it out");
            }
        }
        Some(Axis { key: leaf.key.as_str().into(), unit, levels })
    }

    fn random(&mut self, cx: &mut Cx<'_>, node: &Node, study: &mut Study) {
        let Value::Table(table) = &node.value else {
            wrong_type::<()>(
                cx,
                node,
                "a table",
                "write `samples = 200` and keys of the scenario with what they are drawn from",
            );
            return;
        };
        let named = |entry: &&tree::Entry| RANDOM.key(&entry.key).is_some();
        let own = Table { entries: table.entries.iter().filter(named).cloned().collect() };
        let fields = Fields::open(cx, &own, node.span, &RANDOM);
        study.samples = fields.whole(cx, "samples").map_or(1, |samples| samples.value.unsigned_abs());
        study.random_seed = fields.whole(cx, "seed").map_or(1, |seed| seed.value.unsigned_abs());
        let drawn = |table: &Table| DRAWN.keys.iter().any(|key| table.get(key.name).is_some());
        let mut leaves = self.leaves(cx, node, drawn);
        leaves.retain(|leaf| RANDOM.key(&leaf.key).is_none());
        for leaf in &leaves {
            let Some(unit) = self.vary(cx, leaf) else { continue };
            let Some(from) = self.drawn(cx, leaf, unit) else { continue };
            let place = self.place(leaf.span, leaf.node.span);
            study.random.push(RandomAxis { key: leaf.key.as_str().into(), unit, place, from });
        }
    }

    fn drawn(&self, cx: &mut Cx<'_>, leaf: &Leaf<'_>, unit: Unit) -> Option<DrawFrom> {
        let choice = |items: &[Node]| items.iter().map(|item| self.level(leaf, unit, item)).collect::<Vec<_>>();
        let table = match &leaf.node.value {
            Value::List(items) if !items.is_empty() => return Some(DrawFrom::Choice(choice(items))),
            Value::Table(table) => table,
            _ => {
                let help = "write `{ uniform = [0.5, 2.0] }`, `{ whole = [3, 12] }` or a list of values";
                return wrong_type(cx, leaf.node, "what values are drawn from", help);
            }
        };
        let fields = Fields::open(cx, table, leaf.node.span, &DRAWN);
        let key = fields.one_of(cx, &["uniform", "log_uniform", "whole", "choice"], true)?;
        let items = fields.list(cx, key)?;
        let span = fields.node(cx, key)?.span;
        let bad = |cx: &mut Cx<'_>, message: &str, help: &str| {
            cx.diagnostics.error(codes::BAD_DISTRIBUTION, span, message, "here", help);
        };
        if key == "choice" {
            if items.is_empty() {
                bad(cx, "there is nothing to choose from", "write a list of values");
                return None;
            }
            return Some(DrawFrom::Choice(choice(items)));
        }
        let [low, high] = items else {
            bad(cx, "this distribution has two bounds", &format!("write `{key} = [least, greatest]`"));
            return None;
        };
        if key == "whole" {
            let most = 1 << 31;
            let (low, high) = (whole(cx, low, -most, most)?.value, whole(cx, high, -most, most)?.value);
            if high < low {
                bad(cx, "the greatest value is below the least one", "write the smaller bound first");
                return None;
            }
            return Some(DrawFrom::Whole(low, high));
        }
        let (low, high) = (bound(cx, low, unit)?, bound(cx, high, unit)?);
        if high < low {
            bad(cx, "the greatest value is below the least one", "write the smaller bound first");
        } else if key == "log_uniform" && low <= 0.0 {
            bad(cx, "only positive numbers have a logarithm", "write a least value above zero");
        } else if key == "log_uniform" {
            return Some(DrawFrom::LogUniform(low, high));
        } else {
            return Some(DrawFrom::Uniform(low, high));
        }
        None
    }
}

/// A key of the scenario in a study, and what is written for it.
struct Leaf<'t> {
    key: String,
    span: Span,
    node: &'t Node,
}

fn below<'t>(table: &'t Table, path: &str, ends: impl Fn(&Table) -> bool + Copy, found: &mut Vec<Leaf<'t>>) {
    for entry in &table.entries {
        let key = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        match &entry.node.value {
            // A key with dots is the whole key: a table is its value then.
            Value::Table(inner) if !ends(inner) && !entry.key.contains('.') => below(inner, &key, ends, found),
            _ => found.push(Leaf { key, span: entry.key_span, node: &entry.node }),
        }
    }
}

/// `"1..20"`, or a list.
fn seeds(cx: &mut Cx<'_>, node: &Node) -> Option<Vec<u64>> {
    if let Value::List(items) = &node.value {
        let seeds: Vec<u64> = items
            .iter()
            .filter_map(|item| whole(cx, item, 0, i64::MAX))
            .map(|seed| seed.value.unsigned_abs())
            .collect();
        let distinct = seeds.iter().collect::<BTreeSet<_>>().len() == seeds.len();
        if seeds.is_empty() || !distinct {
            let help = "write different whole numbers, or a range: `\"1..20\"`";
            cx.diagnostics.error(codes::OUT_OF_RANGE, node.span, "every seed is run once", "here", help);
        }
        return Some(seeds);
    }
    let written = text(cx, node)?;
    let range = written.value.split_once("..").and_then(|(first, last)| {
        let range = first.trim().parse::<u64>().ok()?..=last.trim().trim_start_matches('=').parse::<u64>().ok()?;
        (!range.is_empty() && u128::from(range.end() - range.start()) < MOST_RUNS).then_some(range)
    });
    if range.is_none() {
        let message = format!("`{}` is not a range of seeds", written.value);
        cx.diagnostics.error(codes::OUT_OF_RANGE, node.span, message, "not a range", "write for example `\"1..20\"`");
    }
    range.map(Iterator::collect)
}

fn metric(cx: &mut Cx<'_>, name: &Placed<&str>) -> Option<&'static str> {
    let known = metrics::ALL.iter().find(|metric| metric.name == name.value);
    if known.is_none() {
        let help = suggest::help(name.value, metrics::ALL.iter().map(|metric| metric.name));
        let message = format!("there is no metric `{}`", name.value);
        cx.diagnostics.error(codes::UNKNOWN_METRIC, name.span, message, "unknown metric", help);
    }
    known.map(|metric| metric.name)
}

/// Numbers at equal distances.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most 100,000"
)]
fn range(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Vec<f64>> {
    let (from, to, step) = (fields.number(cx, "from"), fields.number(cx, "to"), fields.number(cx, "step"));
    let (from, to, step) = (from?.value, to?.value, step.map_or(1.0, |step| step.value));
    let count = (to - from) / step + 1e-9;
    if step <= 0.0 || !(0.0..100_000.0).contains(&count) {
        let help = "write `{ from = 3, to = 12, step = 3 }`: the step is positive and leads from the one to the other";
        cx.diagnostics.error(codes::OUT_OF_RANGE, fields.span, "this range holds no values, or too many", "here", help);
        return None;
    }
    // 0.1 + 0.2 is told as 0.3.
    let round = |value: f64| (value * 1e9).round() / 1e9;
    Some((0..=count as u64).map(|at| round(from + at as f64 * step)).collect())
}

/// A bound of a distribution, in the unit of its key.
fn bound(cx: &mut Cx<'_>, node: &Node, unit: Unit) -> Option<f64> {
    if unit == Unit::One {
        return number(cx, node).map(|number| number.value);
    }
    let written = match &node.value {
        Value::Text(text) => unit.number(text),
        _ => None,
    };
    if written.is_none() {
        let help = format!("write it as the scenario would, for example `\"{}\"`", unit.text(60.0));
        return wrong_type(cx, node, "an amount with its unit", &help);
    }
    written
}

/// A value as it would stand after `=`. Texts are escaped as in JSON, which TOML reads as well.
fn as_toml(value: &Value) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Value::Text(written) => text(written),
        Value::Whole(number) => number.to_string(),
        Value::Number(number) => format!("{number:?}"),
        Value::Flag(flag) => flag.to_string(),
        Value::Moment(moment) => moment.clone(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| as_toml(&item.value)).collect::<Vec<_>>().join(", "))
        }
        Value::Table(table) => {
            let pair = |entry: &tree::Entry| format!("{} = {}", text(&entry.key), as_toml(&entry.node.value));
            format!("{{ {} }}", table.entries.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}
