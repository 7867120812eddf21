//! The command line: one file a subcommand. Owns arguments, what is printed where, and exit codes. Nothing may import
//! it. Data goes to stdout and everything else to stderr; wall times stay on the terminal and out of every file.

mod args;
mod ask;
mod at;
mod bench;
mod compare;
mod completions;
pub mod conformance;
mod decide;
mod describe;
mod drain;
mod exit;
mod explain;
mod fail;
mod fit;
mod get;
mod headroom;
mod ignored;
mod input;
mod kubectl;
mod packing;
mod progress;
mod rollout;
mod run;
mod schedule;
mod schema;
mod seeds;
mod size;
mod study;
mod terminal;
mod validate;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
pub use exit::Exit;
use terminal::Terminal;

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    // clap ends the process itself for `--help` (0) and for bad usage (2).
    let args = Args::parse();
    let mut terminal = Terminal::new(&args.common);
    let result = catch_unwind(AssertUnwindSafe(|| dispatch(args.command, &mut terminal)));
    let exit = match result {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) if is_broken_pipe(&error) => Exit::Success,
        Ok(Err(error)) => {
            terminal.say(&format!("error: {error:#}"));
            Exit::Io
        }
        // The hook has already printed what went wrong.
        Err(_) => {
            let command: Vec<String> = std::env::args().collect();
            terminal.say("error: an internal invariant does not hold; this is a bug in podsim, not in the input");
            terminal.say(&format!("replay it with: {}", command.join(" ")));
            Exit::Internal
        }
    };
    exit.into()
}

fn dispatch(command: Command, terminal: &mut Terminal) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => run::run(&args, terminal),
        Command::Get(args) => get::run(&args, terminal),
        Command::Describe(args) => describe::run(&args, terminal),
        Command::Fail(args) => fail::run(&args, terminal),
        Command::Drain(args) => drain::run(&args, terminal),
        Command::Rollout(args) => rollout::run(&args, terminal),
        Command::Headroom(args) => headroom::run(&args, terminal),
        Command::Explain(args) => explain::run(&args, terminal),
        Command::Fit(args) => fit::run(&args, terminal),
        Command::Size(args) => size::run(&args, terminal),
        Command::Packing(args) => packing::run(&args, terminal),
        Command::Schedule(args) => schedule::run(&args, terminal),
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Schema => schema::run(terminal),
        Command::Completions(args) => completions::run(&args, terminal),
        Command::Bench(args) => bench::run(&args, terminal),
        Command::Compare(args) => compare::run(&args, terminal),
        Command::Study(args) => study::run(&args, terminal),
        Command::Conformance(args) => conformance(&args, terminal),
    }
}

/// The reader of stdout went away, as `head` does: no reason to complain.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}

/// `podsim conformance FILE...`. A file that is no vector file is bad input.
fn conformance(args: &args::ConformanceArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut report = Vec::new();
    let manner = conformance::Manner { forced: args.forced, evaluator: args.evaluator.into() };
    let totals = conformance::run(&args.files, manner, &mut report);
    terminal.print(&report)?;
    match totals {
        Ok(totals) if totals.is_clean() => Ok(Exit::Success),
        Ok(_) => Ok(Exit::ExpectationFailed),
        Err(error) if error.chain().any(|cause| cause.is::<io::Error>()) => Err(error),
        Err(error) => {
            terminal.say(&format!("error: {error:#}"));
            Ok(Exit::Usage)
        }
    }
}
