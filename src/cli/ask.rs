//! What the commands that answer questions share: what is asked about, how runs are made, how an answer is printed.

use std::io::IsTerminal as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Exit;
use super::ignored;
use super::run::{interrupted, listen_for_interrupts};
use super::terminal::Terminal;
use crate::answers::{Answer, Halt, Machines, Question, Runner};
use crate::base::{SimDuration, SimTime};
use crate::manifest::codes;
use crate::scenario::Loaded;
use crate::sim::plan::Plan;

/// What is asked about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AskArgs {
    /// A scenario file, or manifests: files, folders, or what `kubectl get -o yaml` dumped
    #[arg(required = true, value_name = "INPUT")]
    pub input: Vec<PathBuf>,
    /// Machines for manifests without Nodes: how many
    #[arg(long, value_name = "N", help_heading = "Machines")]
    pub nodes: Option<u32>,
    /// CPU of each machine
    #[arg(long, value_name = "QUANTITY", default_value = "4", help_heading = "Machines")]
    pub cpu: String,
    /// Memory of each machine
    #[arg(long, value_name = "QUANTITY", default_value = "16Gi", help_heading = "Machines")]
    pub memory: String,
    /// Most pods on each machine
    #[arg(long, value_name = "N", help_heading = "Machines")]
    pub max_pods: Option<u32>,
    /// Zones, given to the machines in turn, as in a,b,c
    #[arg(long, value_name = "ZONES", value_delimiter = ',', help_heading = "Machines")]
    pub zones: Vec<String>,
    /// Change a key of the scenario, as in scenario.duration=2h or node_pool.0.count=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The root of all random draws, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many runs are made at once [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// How the answer is printed
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: AnswerForm,
    /// Draw the answer's chart to this file: .svg or .png
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum AnswerForm {
    /// A sentence, tables with bars, notes
    Text,
    /// One JSON object
    Json,
    /// The first table as CSV
    Csv,
}

impl AskArgs {
    /// Of `INPUT... NAME...`: the same with the inputs alone, and the names. What comes after the first and is no file is a name.
    pub(super) fn with_names(&self) -> (Self, Vec<String>) {
        let is_input =
            |path: &Path| path.exists() || path.extension().is_some_and(|end| end == "toml" || end == "yaml");
        let (input, names): (Vec<_>, Vec<_>) =
            self.input.iter().enumerate().partition(|(at, path)| *at == 0 || is_input(path));
        let input = input.into_iter().map(|(_, path)| path.clone()).collect();
        (Self { input, ..self.clone() }, names.into_iter().map(|(_, name)| name.display().to_string()).collect())
    }
}

/// Reads what is asked about, asks, and prints the answer. `ask` gets the plan of the input as it is; it compiles
/// variations of it from the question. Exit code 1 when the answer is no.
pub(super) fn ask(
    args: &AskArgs,
    terminal: &Terminal,
    ask: impl FnOnce(&Question, Plan, &Runner<'_>) -> Result<Answer, Halt>,
) -> anyhow::Result<Exit> {
    let Some(question) = question(args, terminal) else { return Ok(Exit::Usage) };
    let plan = match understand(&question, terminal) {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    answered(args, terminal, |runner| ask(&question, plan, runner))
}

/// Asks with a runner that shows how far it is, and prints the answer.
pub(super) fn answered(
    args: &AskArgs,
    terminal: &Terminal,
    ask: impl FnOnce(&Runner<'_>) -> Result<Answer, Halt>,
) -> anyhow::Result<Exit> {
    listen_for_interrupts();
    let show = terminal.progress && std::io::stderr().is_terminal();
    let progress = |done: usize, of: usize| {
        if show && of > 1 {
            let end = if done == of { "\r\x1b[2K" } else { "" };
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2Krun {done} of {of}{end}");
        }
    };
    let runner = Runner { threads: threads(args.threads), stop: &interrupted, progress: &progress };
    let answer = match ask(&runner) {
        Ok(answer) => answer,
        Err(halt) => {
            let text = halt.to_string();
            let label = if text.starts_with("error") { "" } else { "error: " };
            terminal.say(&format!("{label}{text}"));
            return Ok(match halt {
                Halt::Interrupted => Exit::Interrupted,
                Halt::Limit(_) => Exit::Limit,
                Halt::Unasked(_) => Exit::Usage,
            });
        }
    };
    print(args, &answer, terminal)
}

/// A time of the run that an argument names.
pub(super) fn instant(argument: &str, text: Option<&str>, start: SimTime) -> Result<Option<SimTime>, Halt> {
    let Some(text) = text else { return Ok(None) };
    let wrong = "is not a time: write `3h20m` (after the start), `21:30`, or `2026-03-02T21:30:00Z`";
    crate::scenario::instant(text, start).map(Some).ok_or_else(|| Halt::Unasked(format!("{argument} `{text}` {wrong}")))
}

/// A duration that an argument names.
pub(super) fn duration(argument: &str, text: Option<&str>) -> Result<Option<SimDuration>, Halt> {
    let wrong = |text, error| Halt::Unasked(format!("{argument} `{text}` is not a duration: {error}"));
    text.map(|text| SimDuration::parse(text).map_err(|error| wrong(text, error))).transpose()
}

/// As many threads as asked for, or one for each core.
pub(super) fn threads(asked: Option<usize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1).max(1)
}

/// Prints an answer and draws its chart.
pub(super) fn print(args: &AskArgs, answer: &Answer, terminal: &Terminal) -> anyhow::Result<Exit> {
    let text = match args.output {
        AnswerForm::Text => answer.text(),
        AnswerForm::Json => format!("{}\n", serde_json::to_string_pretty(&answer.json())?),
        AnswerForm::Csv => answer.tables.first().map(|table| table.csv()).transpose()?.unwrap_or_default(),
    };
    terminal.print(text.as_bytes())?;
    if let Some(path) = &args.chart {
        match &answer.picture {
            Some(picture) if path.extension().is_some_and(|end| end == "svg") => {
                write(path, picture.svg().map_err(anyhow::Error::msg)?.as_bytes())?;
            }
            Some(picture) if path.extension().is_some_and(|end| end == "png") => {
                write(path, &picture.png().map_err(anyhow::Error::msg)?)?;
            }
            Some(_) => {
                terminal.say(&format!("error: `{}` is neither .svg nor .png", path.display()));
                return Ok(Exit::Usage);
            }
            None => terminal.note("note: there is nothing to draw for this answer"),
        }
    }
    Ok(if answer.yes { Exit::Success } else { Exit::ExpectationFailed })
}

/// Writes a file as a whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let named = || format!("cannot write `{}`", path.display());
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    hidden.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(hidden);
    let written = std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written.with_context(named)
}

/// The question, or nothing after saying what is wrong with the arguments.
pub(super) fn question(args: &AskArgs, terminal: &Terminal) -> Option<Question> {
    let scenarios = args.input.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")).count();
    let question = match (scenarios, &args.input[..]) {
        (0, paths) => {
            let machines = args.nodes.map(|count| Machines {
                count,
                cpu: args.cpu.clone(),
                memory: args.memory.clone(),
                pods: args.max_pods,
                zones: args.zones.clone(),
            });
            Question::manifests(paths, machines.as_ref())
        }
        (1, [path]) if args.nodes.is_none() && args.zones.is_empty() => Question::scenario(path),
        (1, [_]) => {
            terminal
                .say("error: a scenario says itself what machines there are: change it with --set node_pool.0.count=5");
            return None;
        }
        _ => {
            terminal.say("error: give one scenario, or manifests, but not both");
            return None;
        }
    };
    let mut overrides = args.set.clone();
    overrides.extend(args.seed.map(|seed| format!("scenario.seed={seed}")));
    Some(question.with(&overrides))
}

/// The plan of the input as it is; says what is wrong with it.
pub(super) fn understand(question: &Question, terminal: &Terminal) -> Result<Plan, Exit> {
    let mut loaded = question.load();
    if terminal.strict {
        loaded.diagnostics.raise(codes::STRICT);
    }
    let plan = said(&mut loaded, terminal)?;
    for line in ignored::in_short(&loaded.ignored, terminal.level > 0) {
        terminal.note(&line);
    }
    if plan.nodes.is_empty() && plan.pools.is_empty() {
        terminal
            .say("error: there are no machines: give --nodes 5 (and --cpu 4 --memory 16Gi), or manifests with Nodes");
        return Err(Exit::Usage);
    }
    if plan.duration <= SimDuration::ZERO {
        terminal.say("error: the run has no duration");
        return Err(Exit::Usage);
    }
    Ok(plan)
}

/// The plan, after saying what is wrong. Warnings are said when asked for: the question is about something else.
fn said(loaded: &mut Loaded, terminal: &Terminal) -> Result<Plan, Exit> {
    let errors = loaded.diagnostics.has_errors();
    if errors || terminal.level > 0 {
        let alone = (terminal.level <= 0).then(|| loaded.diagnostics.errors_alone());
        let text = alone.as_ref().unwrap_or(&loaded.diagnostics).render(&loaded.sources, terminal.color_err());
        if !text.is_empty() {
            terminal.say(text.trim_end());
        }
    }
    loaded.plan.take().filter(|_| !errors).ok_or(Exit::Usage)
}
