//! The scheduler's configuration: a file with a `KubeSchedulerConfiguration` of `kubescheduler.config.k8s.io/v1`, as profiles
//! and the settings that all profiles share. Knows no cluster. Mirrors pkg/scheduler/apis/config/v1/defaults.go and
//! pkg/scheduler/apis/config/validation/validation.go, v1.34.

use std::collections::BTreeMap;

use super::codes;
use super::documents;
use super::fields::{Context, Fields, Path};
use super::scheduler_config_args as args;
use super::scheduler_config_plugins as plugins;
use super::schema_scheduler as schema;
use super::tree::{At, Node};
use super::verdict::Verdict;
use crate::diag::{Diagnostics, SourceId, Sources, Span};
use crate::model::Vocabulary;
use crate::model::names::go_quote;
use crate::model::profile::Profile;

const KIND: &str = "KubeSchedulerConfiguration";
const GROUP: &str = "kubescheduler.config.k8s.io/";
pub(super) const VERSION: &str = "kubescheduler.config.k8s.io/v1";
/// The scheduler of pods that name none.
pub(super) const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// What a configuration file says.
#[derive(Clone, Debug, Default)]
pub struct SchedulerConfig {
    /// Profiles, in order; each has another scheduler name.
    pub profiles: Vec<Profile>,
    /// `percentageOfNodesToScore` of all profiles that do not say it themselves.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// `podInitialBackoffSeconds`.
    pub initial_backoff_seconds: Option<i64>,
    /// `podMaxBackoffSeconds`.
    pub max_backoff_seconds: Option<i64>,
    /// Fields that were read but that have no effect here: (kind and path, how often).
    pub ignored: Vec<(String, u32)>,
}

/// Reads a configuration file, YAML or JSON. `None` if it has errors, all of which are added to `diagnostics`.
pub fn load(
    file: SourceId,
    sources: &Sources,
    words: &mut Vocabulary,
    diagnostics: &mut Diagnostics,
) -> Option<SchedulerConfig> {
    let before = diagnostics.errors();
    let read = documents::read(file, sources, diagnostics);
    let ([document], true) = (&read.documents[..], diagnostics.errors() == before) else {
        if diagnostics.errors() == before {
            let second = read.documents.get(1).map_or(At::point(0), |document| document.root.at);
            let span = Span { source: file, start: second.start as usize, end: second.end as usize };
            let message = format!("the file holds {} objects, not one {KIND}", read.documents.len());
            let help = format!("write one: it begins with `apiVersion: {VERSION}` and `kind: {KIND}`");
            diagnostics.error(codes::NOT_AN_OBJECT, span, message, "not one object", help);
        }
        return None;
    };
    let (mut ignored, mut uses, mut claims) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut cx = Context {
        source: file,
        diagnostics,
        words,
        ignored: &mut ignored,
        kind: KIND,
        name: sources.get(file).name.clone(),
        errors: 0,
        verdict: Verdict::of(KIND.to_owned(), String::new(), Span { source: file, start: 0, end: 0 }),
        strict: true,
        uses: &mut uses,
        claims: &mut claims,
    };
    if !is_configuration(&mut cx, &document.root) {
        return None;
    }
    let (root, anchor) = (Path::ROOT, document.root.anchor());
    let mut config = cx
        .fields(&document.root, anchor, &root, &schema::CONFIGURATION, "")
        .map(|fields| configuration(&mut cx, &fields))
        .filter(|_| cx.errors == 0)?;
    config.ignored = ignored.into_iter().collect();
    Some(config)
}

/// Whether the document says that it is a configuration of the version that is read here.
fn is_configuration(cx: &mut Context<'_>, root: &Node<'_>) -> bool {
    let begin = format!("begin with `apiVersion: {VERSION}` and `kind: {KIND}`");
    if root.map().is_none() {
        let message = format!("a {KIND} is a mapping, this is {}", root.plain_type());
        cx.diagnostics.error(codes::NOT_AN_OBJECT, cx.span(root.at), message, "not a mapping", begin);
        return false;
    }
    let text = |name: &str| root.get(name).and_then(|entry| entry.value.scalar()).filter(|text| !text.is_empty());
    let at = |name: &str| root.get(name).map_or(root.anchor(), |entry| entry.value.at);
    let (kind, version) = (text("kind"), text("apiVersion"));
    if kind.is_none() {
        let span = cx.span(root.anchor());
        cx.diagnostics.error(codes::NO_KIND, span, "Object 'Kind' is missing", "in this object", begin.as_str());
    }
    if version.is_none() {
        let span = cx.span(root.anchor());
        let message = "Object 'apiVersion' is missing";
        cx.diagnostics.error(codes::NO_API_VERSION, span, message, "in this object", begin.as_str());
    }
    let (Some(kind), Some(version)) = (kind, version) else { return false };
    let message = format!("no kind {} is registered for version {}", go_quote(kind), go_quote(version));
    if kind != KIND {
        let span = cx.span(at("kind"));
        cx.diagnostics.error(codes::UNKNOWN_KIND, span, message, "not the scheduler's configuration", begin);
        return false;
    }
    if version != VERSION {
        let span = cx.span(at("apiVersion"));
        let help = if version.starts_with(GROUP) {
            format!("v1.34 reads `apiVersion: {VERSION}` only; older versions have nearly the same fields")
        } else {
            format!("write `apiVersion: {VERSION}`")
        };
        cx.diagnostics.error(codes::WRONG_API_VERSION, span, message, "not the version of this kind", help);
        return false;
    }
    true
}

fn configuration(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> SchedulerConfig {
    if let Some(parallelism) = fields.integer(cx, "parallelism", "int32") {
        if parallelism <= 0 {
            let text = format!("Invalid value: {parallelism}: should be an integer value greater than zero");
            out_of_range(cx, fields, "parallelism", &text, "remove it: here one node is looked at after the other");
        }
        cx.ignore(&fields.path.field("parallelism"));
    }
    let (initial, max) = ("podInitialBackoffSeconds", "podMaxBackoffSeconds");
    let initial_backoff_seconds = fields.integer(cx, initial, "int64");
    let max_backoff_seconds = fields.integer(cx, max, "int64");
    let (first, most) = (initial_backoff_seconds.unwrap_or(1), max_backoff_seconds.unwrap_or(10));
    if first <= 0 {
        let text = format!("Invalid value: {first}: must be greater than 0");
        out_of_range(cx, fields, initial, &text, "write a number of seconds, at least 1");
    }
    if most < first {
        let text = format!("Invalid value: {most}: must be greater than or equal to PodInitialBackoffSeconds");
        let help = format!("write at least {first}, or lower `{initial}`");
        out_of_range(cx, fields, max, &text, &help);
    }
    if !fields.list(cx, "extenders", "v1.Extender").is_empty() {
        let path = fields.path.field("extenders");
        let message = format!("{path}: extenders are not modelled");
        let help = "remove them: no other program is asked about nodes here";
        cx.error(codes::NOT_MODELLED_SETTING, fields.at("extenders"), &message, "asks other programs", help);
    }
    SchedulerConfig {
        percentage_of_nodes_to_score: percentage(cx, fields),
        initial_backoff_seconds,
        max_backoff_seconds,
        profiles: profiles(cx, fields),
        ignored: Vec::new(),
    }
}

fn out_of_range(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str, text: &str, help: &str) {
    cx.invalid(codes::OUT_OF_RANGE, fields.at(name), &fields.path.field(name), text, "out of range", help);
}

fn percentage(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Option<u32> {
    const NAME: &str = "percentageOfNodesToScore";
    let percentage = fields.integer(cx, NAME, "int32")?;
    if !(0..=100).contains(&percentage) {
        let text = format!("Invalid value: {percentage}: not in valid range [0-100]");
        out_of_range(cx, fields, NAME, &text, "write 0 (by the size of the cluster) to 100 (all)");
    }
    u32::try_from(percentage).ok()
}

fn profiles(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Vec<Profile> {
    let list_path = fields.path.field("profiles");
    let nodes = fields.list(cx, "profiles", "v1.KubeSchedulerProfile");
    if nodes.is_empty() {
        return vec![Profile::default()];
    }
    let (mut profiles, mut names, mut sorts) = (Vec::new(), Vec::<&str>::new(), Vec::new());
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- schedulerName: default-scheduler` and `plugins:` or `pluginConfig:` under it";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::PROFILE, example) else { continue };
        let name = match fields.text(cx, "schedulerName") {
            None if nodes.len() == 1 => DEFAULT_SCHEDULER,
            Some(name) if !name.is_empty() => name,
            _ => {
                let help = "each of several profiles needs a name: add `schedulerName: default-scheduler`";
                let (at, path) = (fields.at("schedulerName"), path.field("schedulerName"));
                cx.invalid(codes::REQUIRED, at, &path, "Required value", "no name", help);
                ""
            }
        };
        if !name.is_empty() && names.contains(&name) {
            let path = path.field("schedulerName");
            let text = format!("Duplicate value: {}", go_quote(name));
            let help = "pods choose a profile by this name: give each profile another one";
            cx.invalid(
                codes::DUPLICATE_PROFILE,
                fields.at("schedulerName"),
                &path,
                &text,
                "there is one already",
                help,
            );
        }
        names.push(name);
        let percentage_of_nodes_to_score = percentage(cx, &fields);
        let (mut profile, sort) = plugins::read(cx, &fields);
        if sorts.first().is_some_and(|first| *first != sort) {
            let plugins = path.field("plugins");
            let text = "Invalid value: must be the same for all profiles";
            let help = "there is one queue: write the same `queueSort:` into all profiles, or into none";
            let (at, path) = (fields.at("plugins"), plugins.field("queueSort"));
            cx.invalid(codes::BAD_PLUGIN_SET, at, &path, text, "sorts differently", help);
        }
        sorts.push(sort);
        profile.scheduler_name = (name != DEFAULT_SCHEDULER).then(|| cx.words.strings.intern(name));
        profile.percentage_of_nodes_to_score = percentage_of_nodes_to_score;
        profile.args = args::read(cx, &fields);
        profiles.push(profile);
    }
    profiles
}
