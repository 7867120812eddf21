//! `podsim schedule --cluster FILE... --pods FILE...`: where pods would go in a cluster that was written down or dumped, without
//! any time. Objects are taken as an API server hands them out; the decisions are those of [`decide`](super::decide).

mod text;

use crate::base::{SimDuration, SimTime};
use crate::diag::{Diagnostic, Diagnostics, Severity, Sources};
use crate::manifest::scheduler_config::{self, SchedulerConfig};
use crate::manifest::{self, Objects, PodObject, codes};
use crate::model::plan::Evaluator;
use crate::model::profile::Profile;
use crate::model::{Namespace, Vocabulary};
use crate::scheduler::cycle::{Options, TieBreak};

use super::Exit;
use super::args::{ScheduleArgs, ScheduleForm};
use super::decide::{Cluster, Driver, Entry, Settings};
use super::ignored;
use super::input;
use super::terminal::Terminal;

/// Warnings about objects that no decision asks for.
const BESIDE_THE_POINT: &[crate::diag::Code] = &[
    codes::UNKNOWN_TARGET_PORT,
    codes::SELECTS_NOTHING,
    codes::MISSING_CONFIG,
    codes::MISSING_CONFIG_KEY,
    codes::MISSING_CLAIM,
    codes::MISSING_NAMESPACE,
];

pub(super) fn run(args: &ScheduleArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let mut words = Vocabulary { stored: true, ..Vocabulary::default() };
    let mut files = input::read(&args.cluster, &mut sources)?;
    let first_asked = files.len();
    files.extend(input::read(&args.pods, &mut sources)?);
    let asked: Vec<_> = files[first_asked..].to_vec();
    let mut objects = manifest::load(&files, &sources, &mut words, &mut diagnostics);
    if terminal.strict {
        diagnostics.raise(codes::STRICT);
    }
    say(&diagnostics, &sources, terminal);
    if diagnostics.has_errors() {
        return Ok(Exit::Usage);
    }
    notes(&objects, &words, terminal);
    // In a cluster every namespace exists and has the label of its name.
    for pod in &objects.pods {
        if !objects.namespaces.iter().any(|namespace| namespace.name == pod.namespace) {
            objects.namespaces.push(Namespace::bare(pod.namespace, &mut words.strings));
        }
    }

    let Some(mut config) = config(args, &mut words, terminal)? else { return Ok(Exit::Usage) };
    if let Some(percentage) = args.percentage_of_nodes_to_score {
        config.percentage_of_nodes_to_score = Some(percentage);
        config.profiles.iter_mut().for_each(|profile| profile.percentage_of_nodes_to_score = None);
    }
    let options = Options {
        percentage_of_nodes_to_score: config.percentage_of_nodes_to_score.unwrap_or(100),
        tie_break: if args.draw_ties { TieBreak::Drawn } else { TieBreak::First },
    };
    let shares = config.profiles.iter().map(|profile| profile.percentage_of_nodes_to_score);
    let looks_at_all = shares.map(|own| own.unwrap_or(options.percentage_of_nodes_to_score)).all(|share| share >= 100);
    let (mut cluster, pods) = Cluster::new(objects, words, config.profiles.into_iter().collect(), looks_at_all);
    let (new, old): (Vec<PodObject>, Vec<PodObject>) =
        pods.into_iter().partition(|pod| asked.contains(&pod.span.source));
    old.iter().for_each(|pod| cluster.settle(pod));
    let has_node = |pod: &PodObject| cluster.words.classes.get(pod.template.class).node_name.is_some();
    let pending: Vec<&PodObject> = old.iter().filter(|pod| !has_node(pod) && !pod.observed.is_over()).collect();
    let (over, new): (Vec<&PodObject>, Vec<&PodObject>) = new.iter().partition(|pod| pod.observed.is_over());
    for pod in over {
        terminal.note(&format!("note: {} has ended: nothing is to be decided about it", cluster.key(pod)));
    }
    let waiting: Vec<String> = pending.iter().map(|pod| cluster.key(pod)).collect();
    let (queue, waiting) = if args.pending { ([pending, new].concat(), Vec::new()) } else { (new, waiting) };

    let (evaluator, first_start) = (Evaluator::default(), after_all(&old));
    let settings = Settings { options, seed: args.seed, evaluator, restarts: looks_at_all, first_start };
    let mut driver = Driver::new(cluster, settings);
    let attempts = queue.iter().enumerate().map(|(at, pod)| driver.decide(pod, at));
    let attempts: Vec<Vec<Entry>> = attempts.collect();
    let report = text::Report::new(&attempts, &waiting);
    match args.output {
        ScheduleForm::Text => terminal.print(report.render().as_bytes())?,
        ScheduleForm::Json => {
            let entries: Vec<&Entry> = attempts.iter().flatten().collect();
            terminal.print(format!("{}\n", serde_json::to_string_pretty(&entries)?).as_bytes())?;
        }
    }
    Ok(if report.all_find_a_node() { Exit::Success } else { Exit::ExpectationFailed })
}

/// The scheduler's configuration: the file, or what is the default without one. `None` if the file has errors, which are said.
fn config(args: &ScheduleArgs, words: &mut Vocabulary, terminal: &Terminal) -> anyhow::Result<Option<SchedulerConfig>> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let Some(path) = &args.config else {
        return Ok(Some(SchedulerConfig { profiles: vec![Profile::default()], ..SchedulerConfig::default() }));
    };
    let opened = input::read(std::slice::from_ref(path), &mut sources)?;
    let config = opened.first().and_then(|&file| scheduler_config::load(file, &sources, words, &mut diagnostics));
    say(&diagnostics, &sources, terminal);
    for line in ignored::lines(config.as_ref().map_or(&[], |config| &config.ignored), terminal.level > 0) {
        terminal.note(&line);
    }
    Ok(config.filter(|_| !diagnostics.has_errors()))
}

/// What is wrong or doubtful in the objects, as far as a decision can hang on it.
fn say(diagnostics: &Diagnostics, sources: &Sources, terminal: &Terminal) {
    let mut said = Diagnostics::default();
    for diagnostic in diagnostics.sorted() {
        let is_error = diagnostic.severity == Severity::Error;
        if is_error || terminal.level >= 0 && !BESIDE_THE_POINT.contains(&diagnostic.code) {
            said.push(Diagnostic::clone(diagnostic));
        }
    }
    let text = said.render(sources, terminal.color_err());
    if !text.is_empty() {
        terminal.say(text.trim_end());
    }
}

/// What a reader of the answer should know of the objects.
fn notes(objects: &Objects, words: &Vocabulary, terminal: &Terminal) {
    for line in ignored::in_short(&objects.ignored, terminal.level > 0) {
        terminal.note(&line);
    }
    let none = objects.nodes.iter().filter(|node| words.shapes.get(node.shape).max_pods == 0);
    let names: Vec<&str> = none.map(|node| words.strings.text(node.name)).collect();
    if let [first, others @ ..] = &names[..] {
        let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
        terminal.note(&format!("note: {first}{more} takes no pods at all: `status.allocatable` says no `pods`"));
    }
}

/// A second after the last start of all pods that are there.
fn after_all(pods: &[PodObject]) -> SimTime {
    let last = pods.iter().filter_map(|pod| pod.observed.started).max();
    last.map_or_else(SimTime::default, |last| last + SimDuration::from_secs(1))
}
