//! `podsim completions SHELL`.

use clap::CommandFactory;

use super::Exit;
use super::args::{Args, CompletionsArgs};
use super::terminal::Terminal;

pub(super) fn run(args: &CompletionsArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    // Into memory first: the generator panics when its writer fails, as a closed pipe does.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "podsim", &mut text);
    terminal.print(&text)?;
    Ok(Exit::Success)
}
