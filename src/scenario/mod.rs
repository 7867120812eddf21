//! Scenario TOML -> [`Plan`], with everything that is wrong at once and in its place. Must not know how a run is made
//! or shown. The table of all keys is [`spec`]; docs/SCENARIO.md is generated from it.

mod arrivals;
mod autoscaler;
mod behavior;
mod behavior_apply;
mod changes;
mod checks;
pub mod codes;
mod control;
mod distributions;
mod faults;
mod fields;
pub mod files;
mod nodes;
mod overrides;
mod parts;
mod patch;
mod pods;
mod resize;
mod settings;
pub mod spec;
mod studied;
mod study;
mod suggest;
mod time;
mod traffic;
mod tree;
mod ungate;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::base::{IdVec, SimDuration, SimTime};
use crate::diag::{Code, Diagnostics, SourceId, Sources, Span};
use crate::model::{TemplateId, Vocabulary, WithoutRequests};
use crate::sim::plan::Plan;

use fields::Fields;
pub use files::{Disk, Files};
pub use resize::with_requests;
pub use settings::{Place, Setting, Unit};
pub use studied::{Arm, Axis, DrawFrom, Level, RandomAxis, Study};
pub use study::{LoadedStudy, read_study};
pub use time::instant;

/// A scenario as it was understood.
#[derive(Debug)]
pub struct Loaded {
    /// What to run; `None` if there are errors.
    pub plan: Option<Plan>,
    /// Every text that was read.
    pub sources: Sources,
    /// Everything that is wrong or suspicious.
    pub diagnostics: Diagnostics,
    /// Fields of manifests that nothing here models: (kind and path, how often).
    pub ignored: Vec<(String, u32)>,
    /// Texts that were read as manifests.
    pub manifests: BTreeSet<SourceId>,
    /// Where the pods of each template are written.
    pub templates: IdVec<TemplateId, Span>,
}

/// Reads a scenario file and everything it names. `overrides` are `key=value` with dotted keys
/// (`scenario.seed=7`, `node_pool.0.count=5`).
#[must_use]
pub fn load(path: &Path, overrides: &[String]) -> Loaded {
    load_all(path, "", (overrides, &[]))
}

/// As [`load`], with what a study sets after the overrides.
#[must_use]
pub fn load_with(path: &Path, overrides: &[String], settings: &[Setting]) -> Loaded {
    load_all(path, "", (overrides, settings))
}

/// As [`load`], with `further` sections at the end of the file.
#[must_use]
pub fn load_adding(path: &Path, further: &str, overrides: &[String]) -> Loaded {
    load_all(path, further, (overrides, &[]))
}

fn load_all(path: &Path, further: &str, changed: Changed<'_>) -> Loaded {
    let name = path.display().to_string();
    match Disk.read(path) {
        Ok(text) => {
            let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
            let text = if further.is_empty() { text } else { format!("{text}\n{further}") };
            compile(&name, text, folder, changed, &Disk).0
        }
        Err(error) => {
            let mut diagnostics = Diagnostics::default();
            diagnostics.error(
                codes::UNREADABLE_FILE,
                None,
                format!("cannot read `{name}`: {error}"),
                "",
                "give the path of a scenario file; `scenarios/hello.toml` is a small one",
            );
            Loaded {
                plan: None,
                sources: Sources::default(),
                diagnostics,
                ignored: Vec::new(),
                manifests: BTreeSet::new(),
                templates: IdVec::new(),
            }
        }
    }
}

/// Compiles a scenario text; the files it names are read by `read_file`. For tests and fuzzing: never panics.
#[must_use]
pub fn from_text(name: &str, text: &str, read_file: &dyn Fn(&Path) -> io::Result<String>) -> Loaded {
    from_text_with(name, text, &[], &files::Given(read_file))
}

/// As [`from_text`], with overrides and with all that files can do.
#[must_use]
pub fn from_text_with(name: &str, text: &str, overrides: &[String], files: &dyn Files) -> Loaded {
    compile(name, text.to_owned(), PathBuf::new(), (overrides, &[]), files).0
}

/// What reading needs everywhere.
struct Cx<'f> {
    files: &'f dyn Files,
    /// Where the scenario file is: paths are relative to it.
    folder: PathBuf,
    sources: Sources,
    diagnostics: Diagnostics,
    vocabulary: Vocabulary,
    /// Pods of manifests that request neither CPU nor memory.
    without_requests: WithoutRequests,
    ignored: BTreeMap<String, u32>,
    /// Files that were asked for.
    opened: BTreeMap<PathBuf, Option<SourceId>>,
    manifests: BTreeSet<SourceId>,
    /// Those that are applied or made by patches at a time, in the order of the changes.
    applied: Vec<(SourceId, SimTime)>,
    templates: IdVec<TemplateId, Span>,
    /// Keys that were asked for: proves that the table of keys and the readers agree.
    asked: Asked,
    /// Warnings that were given, where many pods would repeat them.
    given: BTreeSet<(&'static str, Span)>,
    start: SimTime,
    end: SimTime,
    missing: Missing,
}

/// What may be missing because something else is wrong: whoever refers to it must not be blamed.
#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    nodes: bool,
    pods: bool,
    /// Services, ConfigMaps and Secrets.
    objects: bool,
}

impl Missing {
    const ALL: Self = Self { nodes: true, pods: true, objects: true };
}

/// Pairs of section and key that readers asked for.
type Asked = BTreeSet<(&'static str, &'static str)>;

impl<'f> Cx<'f> {
    fn new(files: &'f dyn Files, folder: PathBuf) -> Self {
        Self {
            files,
            folder,
            sources: Sources::default(),
            diagnostics: Diagnostics::default(),
            vocabulary: Vocabulary::default(),
            without_requests: WithoutRequests::default(),
            ignored: BTreeMap::new(),
            opened: BTreeMap::new(),
            manifests: BTreeSet::new(),
            applied: Vec::new(),
            templates: IdVec::new(),
            asked: Asked::new(),
            given: BTreeSet::new(),
            start: SimTime::default(),
            end: SimTime::NEVER,
            missing: Missing::default(),
        }
    }

    /// Whether this is the first time that `code` is about to be given at `span`.
    fn first(&mut self, code: Code, span: Span) -> bool {
        self.given.insert((code.id, span))
    }
}

/// `--set` of a command and what a study sets.
type Changed<'a> = (&'a [String], &'a [Setting]);

fn compile(
    name: &str,
    text: String,
    folder: PathBuf,
    (overrides, settings): Changed<'_>,
    files: &dyn Files,
) -> (Loaded, Asked) {
    let mut cx = Cx::new(files, folder);
    let source = cx.sources.add(name, text.as_str());
    let mut tree = tree::parse(&text, source, &mut cx.diagnostics);
    if cx.diagnostics.has_errors() {
        // What follows a slip in the syntax may have been lost.
        cx.missing = Missing::ALL;
    }
    overrides::apply(&mut cx, &mut tree, overrides);
    overrides::apply_settings(&mut cx, &mut tree, settings);
    // Points at the first line, where a missing section would be noticed.
    let top = Span { source, start: 0, end: text.find('\n').unwrap_or(text.len()) };
    let root = Fields::open(&mut cx, &tree, top, &spec::ROOT);
    let plan = read(&mut cx, &root, name);
    let plan = if cx.diagnostics.has_errors() { None } else { plan };
    let ignored = cx.ignored.into_iter().collect();
    let Cx { sources, diagnostics, manifests, templates, asked, .. } = cx;
    (Loaded { plan, sources, diagnostics, ignored, manifests, templates }, asked)
}

/// Reads the sections in the order of their dependencies. Never stops early: each says what is wrong with it.
fn read(cx: &mut Cx<'_>, root: &Fields<'_>, file: &str) -> Option<Plan> {
    let header = root.table(cx, "scenario", &spec::cluster::SCENARIO);
    let run = header.map(|fields| run_of(cx, &fields, file)).unwrap_or_default();
    cx.start = run.start;
    cx.end = run.start + run.duration;

    let control_plane = control::control_plane(cx, root);
    cx.vocabulary.default_toleration_seconds = control_plane.default_toleration_seconds;
    cx.vocabulary.container_restart_rules = control_plane.container_restart_rules;
    let (requests, runs) = control::defaults(cx, root);
    cx.vocabulary.default_requests = requests;
    let expects = control::expects(cx, root);
    let output = control::output(cx, root);

    let mut parts = parts::Parts::default();
    if let Some(fields) = header {
        pods::manifests(cx, root, &fields, &mut parts);
    }
    nodes::pools(cx, root, &mut parts, &control_plane.eviction.thresholds);
    let autoscaler = autoscaler::read(cx, root, parts.pools.iter().any(|pool| pool.limits.is_some()));
    arrivals::read(cx, root, &mut parts);
    let changes = changes::read(cx, root, &mut parts);
    let behaviors = behavior_apply::read(cx, root, &runs, &mut parts);
    let images = pods::images(cx, root);
    let traffic = traffic::read(cx, root, &parts, &behaviors);
    let faults = faults::read(cx, root, &parts);
    checks::whole(cx, root, &parts, &control_plane.scheduler);

    let without_requests = (cx.without_requests, cx.vocabulary.default_requests.clone());
    cx.templates = std::mem::take(&mut parts.origins);
    let mut vocabulary = std::mem::take(&mut cx.vocabulary);
    let namespaces = parts.all_namespaces(&mut vocabulary.strings, &changes);
    Some(Plan {
        name: run.name,
        description: run.description,
        seed: run.seed,
        start: run.start,
        duration: run.duration,
        classes: vocabulary.classes.entries().map(|(_, class)| pods::simulated(class)).collect(),
        templates: parts.templates,
        behaviors,
        images,
        shapes: vocabulary.shapes.entries().map(|(_, shape)| shape.clone()).collect(),
        nodes: parts.nodes,
        pools: parts.pools,
        autoscaler,
        configs: vocabulary.configs.entries().map(|(_, config)| config.clone()).collect(),
        config_contents: parts.config_contents,
        without_requests,
        storage: parts.storage,
        services: parts.services,
        namespaces,
        owners: parts.controllers,
        workloads: parts.workloads,
        objects: parts.objects,
        pods: parts.pods,
        arrivals: parts.arrivals,
        traffic,
        faults,
        changes,
        control_plane,
        expects,
        output,
        strings: vocabulary.strings,
    })
}

/// `[scenario]`.
struct Run {
    name: String,
    description: String,
    seed: u64,
    start: SimTime,
    duration: SimDuration,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            seed: 1,
            start: time::default_start(),
            duration: SimDuration::from_secs(86_400),
        }
    }
}

fn run_of(cx: &mut Cx<'_>, fields: &Fields<'_>, file: &str) -> Run {
    let mut run = Run::default();
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("scenario");
    run.name = fields.text(cx, "name").map_or(stem, |name| name.value).to_owned();
    run.description = fields.text(cx, "description").map(|text| text.value.to_owned()).unwrap_or_default();
    if let Some(seed) = fields.whole(cx, "seed") {
        run.seed = seed.value.unsigned_abs();
    }
    if let Some(start) = time::date(cx, fields, "start") {
        run.start = start;
    }
    if let Some(duration) = fields.duration(cx, "duration") {
        let longest = SimTime::NEVER.since(run.start);
        if duration.value == SimDuration::ZERO {
            cx.diagnostics.error(
                codes::OUT_OF_RANGE,
                duration.span,
                "a run of no duration shows nothing",
                "zero",
                "write for example `duration = \"24h\"`",
            );
        } else if duration.value >= longest || duration.value > SimDuration::from_secs(100 * 365 * 86_400) {
            cx.diagnostics.error(
                codes::OUT_OF_RANGE,
                duration.span,
                "a run cannot be longer than 100 years or last beyond the year 2262",
                "too long",
                "write a shorter duration",
            );
        } else {
            run.duration = duration.value;
        }
    }
    run
}

#[cfg(test)]
mod tests;
