//! `podsim run SCENARIO`: reads, runs, writes, sums up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::Exit;
use super::args::{RunArgs, Summary};
use super::progress::{Progress, Tick, rate};
use super::seeds;
use super::terminal::Terminal;
use crate::base::SimTime;
use crate::export::{self, Context, Scratch, terminal as page};
use crate::manifest::codes;
use crate::record::{Recorder, Recording, SamplesOnly};
use crate::scenario::{self, Loaded};
use crate::sim::Simulation;
use crate::sim::outcome::{Outcome, Stopped};
use crate::sim::plan::Plan;

/// Facts of a run that are kept in memory: a few MB.
const FACTS_IN_MEMORY: usize = 1 << 17;

/// Events between two looks at the progress line and for an interrupt.
const PROGRESS_EVENTS: u32 = 4096;

/// A finished run.
pub(super) struct Finished {
    pub outcome: Outcome,
    pub recording: Recording,
}

/// A plan with what reading it left behind.
pub(super) struct Ready {
    pub plan: Plan,
    pub ignored: Vec<(String, u32)>,
}

/// Set by the first Ctrl-C: what was simulated so far is kept. A second one ends the process at once.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Exit code of a process that a second Ctrl-C ends.
const INTERRUPTED_TWICE: i32 = Exit::Interrupted as i32;

pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

pub(super) fn listen_for_interrupts() {
    // Where no handler can be set, an interrupt ends the process as it would any other.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED_TWICE);
        }
    });
}

pub(super) fn run(args: &RunArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    listen_for_interrupts();
    let ready = match prepare(args, terminal) {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    match args.seeds {
        Some(range) => seeds::run(args, &ready, range, terminal),
        None => once(args, &ready, terminal),
    }
}

/// Reads the scenario of a run.
fn prepare(args: &RunArgs, terminal: &Terminal) -> Result<Ready, Exit> {
    let mut ready = read(&args.scenario, &args.set, args.seed, terminal)?;
    if let Some(until) = args.until {
        ready.plan.duration = ready.plan.duration.min(until);
    }
    Ok(ready)
}

/// Reads a scenario; says what is wrong with it.
pub(super) fn read(path: &Path, set: &[String], seed: Option<u64>, terminal: &Terminal) -> Result<Ready, Exit> {
    let (mut plan, Loaded { ignored, .. }) = understand(path, set, 0, terminal)?;
    if let Some(seed) = seed {
        plan.seed = seed;
    }
    Ok(Ready { plan, ignored })
}

/// The plan of a scenario, with all that was read for it; says what is wrong with it, and from the level `warnings` on also what is only suspicious.
pub(super) fn understand(
    path: &Path,
    overrides: &[String],
    warnings: i8,
    terminal: &Terminal,
) -> Result<(Plan, Loaded), Exit> {
    let mut loaded = scenario::load(path, overrides);
    if terminal.strict {
        loaded.diagnostics.raise(codes::STRICT);
    }
    let diagnostics = &loaded.diagnostics;
    if diagnostics.has_errors() || terminal.level >= warnings {
        let text = diagnostics.render(&loaded.sources, terminal.color_err());
        if !text.is_empty() {
            terminal.say(text.trim_end());
        }
    }
    let Some(plan) = loaded.plan.take().filter(|_| !diagnostics.has_errors()) else {
        // The scenario file itself could not be read, rather than understood.
        let unread =
            diagnostics.sorted().iter().any(|one| one.code == scenario::codes::UNREADABLE_FILE && one.span.is_none());
        return Err(if unread { Exit::Io } else { Exit::Usage });
    };
    Ok((plan, loaded))
}

fn once(args: &RunArgs, ready: &Ready, terminal: &Terminal) -> anyhow::Result<Exit> {
    let plan = &ready.plan;
    terminal.note(&header(plan));
    let folder = folder(args, plan);
    let (finished, seconds) = timed(plan, folder.as_deref(), terminal)?;
    if args.check && !interrupted() && !check(plan, &finished.outcome, terminal) {
        return Ok(Exit::Internal);
    }
    let outcome = &finished.outcome;
    let speed = rate(outcome.events, seconds);
    terminal.note(&format!("{} events in {seconds:.2} s of wall time, {speed} events/s", outcome.events));

    let ctx = Context { plan, outcome, recording: &finished.recording, ignored: &ready.ignored };
    if let Some(folder) = &folder {
        export::write_all(folder, &ctx)?;
    }
    summarize(args, &ctx, folder.as_deref(), terminal)?;
    Ok(verdict(&ctx))
}

/// What is about to be run.
fn header(plan: &Plan) -> String {
    let sources = plan.arrivals.len();
    let arrivals = match sources {
        0 => String::new(),
        1 => ", 1 source of arrivals".to_owned(),
        more => format!(", {more} sources of arrivals"),
    };
    format!(
        "running {}: {} from {}, {} nodes, {} pods{arrivals}, seed {}",
        plan.name,
        plan.duration.human(),
        plan.start.rfc3339(),
        plan.nodes.len(),
        plan.pods.len(),
        plan.seed
    )
}

/// Runs with a progress line; the seconds of wall time are for the terminal only. Facts are kept only if they are to be
/// written, to `folder`, and in a file: those of a million pods take gigabytes.
pub(super) fn timed(plan: &Plan, folder: Option<&Path>, terminal: &Terminal) -> anyhow::Result<(Finished, f64)> {
    let spilling = |scratch| Recording::spilling(scratch, FACTS_IN_MEMORY);
    let recording = folder.map(|folder| Scratch::beside(folder).map(spilling)).transpose()?;
    let mut progress = Progress::new(terminal.progress, plan.start, plan.duration);
    let tick = &mut |tick| progress.tick(tick);
    let finished = match recording {
        Some(recording) => {
            let share = plan.output.pods_share;
            let recording = if share < 1.0 { recording.of_some(share) } else { recording };
            simulate(plan.clone(), recording, tick, |recording| recording)
        }
        None => simulate(plan.clone(), SamplesOnly::default(), tick, |samples| samples.0),
    };
    let seconds = progress.finish().as_secs_f64();
    Ok((finished?, seconds))
}

/// One run: the only place where the command line meets the simulation.
fn simulate<R: Recorder>(
    plan: Plan,
    recorder: R,
    progress: &mut dyn FnMut(Tick),
    recording: fn(R) -> Recording,
) -> anyhow::Result<Finished> {
    let mut simulation = Simulation::with_recorder(plan, recorder);
    loop {
        // Looking at the clock of the wall after every event would cost more than the events.
        for _ in 0..PROGRESS_EVENTS {
            match simulation.step(SimTime::NEVER) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let (outcome, recorder) = simulation.run_recorded();
                    return Ok(Finished { outcome, recording: recording(recorder) });
                }
                Err(limit) => {
                    let (outcome, recorder) = simulation.finish(Stopped::Limit(limit.to_string()));
                    return Ok(Finished { outcome, recording: recording(recorder) });
                }
            }
        }
        if interrupted() {
            let (outcome, recorder) = simulation.finish(Stopped::Interrupted);
            return Ok(Finished { outcome, recording: recording(recorder) });
        }
        let unscheduled = simulation.unscheduled();
        progress(Tick { now: simulation.now(), events: simulation.events(), unscheduled });
    }
}

/// Same plan and seed must give the same run: two runs side by side, compared after every event, and with the recorded
/// one at the end.
fn check(plan: &Plan, recorded: &Outcome, terminal: &Terminal) -> bool {
    let mut runs = [Simulation::new(plan.clone()), Simulation::new(plan.clone())];
    loop {
        let [first, second] = runs.each_mut().map(|run| run.step(SimTime::NEVER));
        if first != second || runs[0].digest() != runs[1].digest() {
            terminal.say(&format!(
                "error: two runs of one plan differ at event {} ({}): {first:?} and {second:?}, digests {} and {}",
                runs[0].events(),
                runs[0].now().rfc3339_millis(),
                runs[0].digest(),
                runs[1].digest(),
            ));
            return false;
        }
        if !matches!(first, Ok(Some(_))) {
            // What is only settled at the end (requests on services) is in the outcome's digest.
            let [one, other] = runs.map(Simulation::run);
            let digest = recorded.digest;
            if one.digest != digest || other.digest != digest {
                terminal.say(&format!(
                    "error: the recorded run ends with the digest {digest}, two more with {} and {}",
                    one.digest, other.digest
                ));
                return false;
            }
            let events = one.events;
            terminal.note(&format!("checked: two more runs agree after each of {events} events, digest {digest}"));
            return true;
        }
    }
}

/// Where the results go.
pub(super) fn folder(args: &RunArgs, plan: &Plan) -> Option<PathBuf> {
    if args.no_output {
        return None;
    }
    Some(args.output.clone().unwrap_or_else(|| Path::new("outputs").join(folder_name(&plan.name))))
}

/// The scenario's name as the name of one folder, whatever it holds.
pub(super) fn folder_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "scenario".to_owned() } else { name.to_owned() }
}

fn summarize(args: &RunArgs, ctx: &Context<'_>, folder: Option<&Path>, terminal: &Terminal) -> anyhow::Result<()> {
    let command = command(args, ctx.plan);
    let style = page::Style { colour: terminal.color_out(), folder, command: &command };
    match args.summary {
        Summary::None => {}
        Summary::Json => terminal.print(&export::summary_json(ctx)?)?,
        Summary::Full => terminal.print(page::summary(ctx, &style).as_bytes())?,
        Summary::Compact => terminal.print(compact(ctx).as_bytes())?,
    }
    Ok(())
}

fn compact(ctx: &Context<'_>) -> String {
    let mut text = String::new();
    for verdict in export::verdicts(ctx.plan, ctx.outcome) {
        let mark = if verdict.passed { "ok  " } else { "FAIL" };
        let value = verdict.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
        text.push_str(&format!("{mark} {} {}: {value}\n", verdict.expect.metric, verdict.bounds()));
    }
    let counters = &ctx.outcome.counters;
    text.push_str(&format!(
        "{} seed {} digest {}: {} pods created, {} placed, {} succeeded, {} failed, {} lost\n",
        ctx.plan.name,
        ctx.plan.seed,
        ctx.outcome.digest,
        counters.pods_created,
        counters.pods_bound,
        counters.pods_succeeded,
        counters.pods_failed,
        counters.pods_lost
    ));
    text
}

/// The line that repeats the run.
fn command(args: &RunArgs, plan: &Plan) -> String {
    let mut command = format!("podsim run {} --seed {}", quoted(&args.scenario.display().to_string()), plan.seed);
    for set in &args.set {
        command.push_str(&format!(" --set {}", quoted(set)));
    }
    if let Some(until) = args.until {
        command.push_str(&format!(" --until {until}"));
    }
    command
}

/// As a shell wants it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

pub(super) fn verdict(ctx: &Context<'_>) -> Exit {
    match ctx.outcome.stopped {
        Stopped::Limit(_) => Exit::Limit,
        Stopped::Interrupted => Exit::Interrupted,
        Stopped::Duration | Stopped::Quiet => {
            let passed = export::verdicts(ctx.plan, ctx.outcome).iter().all(|verdict| verdict.passed);
            if passed { Exit::Success } else { Exit::ExpectationFailed }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stay_in_the_folder_of_outputs() {
        assert_eq!(folder_name("user-msvc"), "user-msvc");
        assert_eq!(folder_name("../../etc"), "-..-etc");
        assert_eq!(folder_name(".."), "scenario");
        assert_eq!(folder_name("a/b c"), "a-b-c");
    }

    #[test]
    fn the_line_that_repeats_a_run_survives_a_shell() {
        assert_eq!(quoted("scenarios/a.toml"), "scenarios/a.toml");
        assert_eq!(quoted("x='a b'"), "'x='\\''a b'\\'''");
    }
}
