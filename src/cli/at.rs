//! A run up to a time: what `podsim get` and `podsim describe` look at. Owns what `--at` means, for `podsim explain` as well.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::Exit;
use super::args::AtArgs;
use super::kubectl::{Kind, Query, Written};
use super::run::understand;
use super::terminal::Terminal;
use crate::base::SimTime;
use crate::manifest;
use crate::model::selector::Selector;
use crate::record::KubeEvents;
use crate::scenario::instant;
use crate::sim::Simulation;
use crate::sim::plan::Plan;

/// A run that was stopped to be looked at.
pub(super) struct Stop {
    pub simulation: Simulation<KubeEvents>,
    pub now: SimTime,
    pub written: Written,
    pub query: Query,
    /// The kinds that were asked for, that of the query first.
    pub kinds: Vec<Kind>,
}

/// Runs the scenario up to the time that the arguments name; says what is wrong with them.
pub(super) fn stop(args: &AtArgs, terminal: &Terminal) -> Result<Stop, Exit> {
    let (query, kinds) = query(args).map_err(|(exit, wrong)| {
        terminal.say(&wrong);
        exit
    })?;
    let (scenario, names) = words(args);
    // What is suspicious about a scenario is for `run` and `validate` to say.
    let (mut plan, loaded) = understand(&scenario, &args.set, 1, terminal)?;
    if let Some(seed) = args.seed {
        plan.seed = seed;
    }
    let now = instant_of(args.at.as_deref(), &plan, terminal)?;
    let mut simulation = Simulation::with_recorder(plan, KubeEvents::default());
    if let Err(limit) = simulation.run_until(now) {
        terminal.say(&format!("error: {limit}"));
        return Err(Exit::Limit);
    }
    simulation.tell_repeats(now);
    let (mut by_place, mut by_name) = (BTreeMap::new(), BTreeMap::new());
    for &source in &loaded.manifests {
        for manifest::Written { span, object } in manifest::written(source, &loaded.sources) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let meta = &object["metadata"];
            let namespace = meta["namespace"].as_str().unwrap_or("default").to_owned();
            by_name.insert((text(&object["kind"]), namespace, text(&meta["name"])), object.clone());
            by_place.insert((span.source, span.start), pod_of(object));
        }
    }
    let of = |span: &crate::diag::Span| by_place.get(&(span.source, span.start)).cloned().unwrap_or_default();
    let written = Written { templates: loaded.templates.iter().map(of).collect(), objects: by_name };
    Ok(Stop { simulation, now, written, query: Query { names, ..query }, kinds })
}

/// The pod of an object: of a controller's, the template of its pods.
fn pod_of(object: Value) -> Value {
    let templates = ["/spec/jobTemplate/spec/template", "/spec/template"];
    let template = templates.into_iter().find_map(|path| object.pointer(path).cloned());
    template.unwrap_or(object)
}

/// The time that `--at` names; the end of the run without. Says what is wrong with it.
pub(super) fn instant_of(at: Option<&str>, plan: &Plan, terminal: &Terminal) -> Result<SimTime, Exit> {
    instant_in(at, plan).map_err(|wrong| {
        terminal.say(&format!("error: {wrong}"));
        Exit::Usage
    })
}

/// The same; or what is wrong with it.
pub(super) fn instant_in(at: Option<&str>, plan: &Plan) -> Result<SimTime, String> {
    let end = plan.start + plan.duration;
    let Some(text) = at else { return Ok(end) };
    let wrong = match instant(text, plan.start) {
        Some(at) if (plan.start..=end).contains(&at) => return Ok(at),
        Some(at) => {
            let side = if at < plan.start { "before the run starts" } else { "after the run has ended" };
            let (from, to, lasts) = (plan.start.rfc3339(), end.rfc3339(), plan.duration.human());
            format!("is {side}: it lasts {lasts}, from {from} to {to}")
        }
        None => "is not a time: write `3h20m` (after the start), `21:30`, or `2026-03-02T21:30:00Z`".to_owned(),
    };
    Err(format!("--at `{text}` {wrong}"))
}

/// The scenario and the names. Whoever writes the name before the scenario is understood as well.
fn words(args: &AtArgs) -> (PathBuf, Vec<String>) {
    let mut names = args.names.clone();
    names.extend(args.kind.split_once('/').map(|(_, name)| name.to_owned()));
    let is_scenario = |name: &String| name.ends_with(".toml");
    let mut scenario = args.scenario.clone();
    if scenario.extension().is_none_or(|extension| extension != "toml")
        && let Some(at) = names.iter().position(is_scenario)
    {
        let name = std::mem::replace(&mut scenario, PathBuf::from(names.remove(at)));
        names.insert(0, name.display().to_string());
    }
    (scenario, names)
}

fn query(args: &AtArgs) -> Result<(Query, Vec<Kind>), (Exit, String)> {
    let named = args.kind.split_once('/').map_or(args.kind.as_str(), |(kind, _)| kind);
    let found = |kind| {
        Kind::find(kind).ok_or_else(|| {
            let known = Kind::ALL.map(|kind| kind.names()[0]).join(", ");
            let wrong = format!("error: the server doesn't have a resource type \"{kind}\"\nsimulated are {known}");
            (Exit::ExpectationFailed, wrong)
        })
    };
    let mut kinds = Vec::new();
    for kind in named.split(',') {
        let kind = found(kind)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let selector = args.selector.as_deref().map(Selector::parse).transpose();
    let selector = selector.map_err(|wrong| (Exit::Usage, format!("error: --selector: {wrong}")))?;
    let namespace = (!args.all_namespaces).then(|| args.namespace.clone());
    Ok((Query { kind: kinds[0], namespace, selector, names: Vec::new() }, kinds))
}
