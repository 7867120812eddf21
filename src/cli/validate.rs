//! `podsim validate FILE...`: everything that is wrong with scenarios and manifests, at once.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Exit;
use super::args::{Format, ValidateArgs};
use super::terminal::Terminal;
use crate::diag::{Diagnostics, Severity, Sources};
use crate::manifest::Objects;
use crate::model::{Vocabulary, WithoutRequests};
use crate::{manifest, scenario};

/// What is known of a scenario, or of all manifests.
struct Checked {
    sources: Sources,
    diagnostics: Diagnostics,
    ignored: Vec<(String, u32)>,
    without_requests: WithoutRequests,
}

pub(super) fn run(args: &ValidateArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let is_scenario = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "toml");
    let (scenarios, manifests): (Vec<&PathBuf>, Vec<&PathBuf>) = args.files.iter().partition(is_scenario);
    let mut checked: Vec<(String, Checked)> = Vec::new();
    for file in scenarios {
        checked.push((file.display().to_string(), check_scenario(file, &args.set)));
    }
    if !manifests.is_empty() {
        // Together, since they refer to each other.
        let names: Vec<String> = manifests.iter().map(|file| file.display().to_string()).collect();
        checked.push((names.join(" "), check_manifests(&manifests)?));
    }
    let mut exit = Exit::Success;
    let mut json: Vec<Value> = Vec::new();
    if terminal.strict {
        checked.iter_mut().for_each(|(_, checked)| checked.diagnostics.raise(manifest::codes::STRICT));
    }
    for (name, Checked { sources, diagnostics, ignored, without_requests }) in &checked {
        match args.format {
            Format::Human => terminal.print(diagnostics.render(sources, terminal.color_out()).as_bytes())?,
            Format::Short => terminal.print(diagnostics.render_short(sources).as_bytes())?,
            Format::Json => match diagnostics.render_json(sources) {
                Value::Array(items) => json.extend(items),
                other => json.push(other),
            },
        }
        if diagnostics.has_errors() {
            exit = Exit::Usage;
        }
        terminal.note(&format!("{name}: {}", verdict(diagnostics)));
        if let Some(who) = without_requests.told() {
            terminal.note(&format!("  {who} request neither cpu nor memory"));
        }
        for line in super::ignored::lines(ignored, terminal.level > 0) {
            terminal.note(&line);
        }
    }
    if args.format == Format::Json {
        terminal.print(format!("{:#}\n", Value::Array(json)).as_bytes())?;
    }
    Ok(exit)
}

fn check_scenario(file: &Path, overrides: &[String]) -> Checked {
    let loaded = scenario::load(file, overrides);
    let without_requests = loaded.plan.map(|plan| plan.without_requests.0).unwrap_or_default();
    Checked { sources: loaded.sources, diagnostics: loaded.diagnostics, ignored: loaded.ignored, without_requests }
}

fn check_manifests(files: &[&PathBuf]) -> anyhow::Result<Checked> {
    let mut sources = Sources::default();
    let paths: Vec<PathBuf> = files.iter().map(|&file| file.clone()).collect();
    let opened = super::input::read(&paths, &mut sources)?;
    let mut diagnostics = Diagnostics::default();
    let objects = manifest::load(&opened, &sources, &mut Vocabulary::default(), &mut diagnostics);
    let Objects { ignored, without_requests, .. } = objects;
    Ok(Checked { sources, diagnostics, ignored, without_requests })
}

fn verdict(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics.sorted().iter().filter(|one| one.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    match (errors, warnings) {
        (0, 0) => "fine".to_owned(),
        (errors, 0) => format!("{errors} error{}", plural(errors)),
        (0, warnings) => format!("fine, with {warnings} warning{}", plural(warnings)),
        (errors, warnings) => {
            format!("{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
        }
    }
}
