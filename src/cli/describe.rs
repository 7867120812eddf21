//! `podsim describe KIND SCENARIO [NAME]... --at TIME`: objects as `kubectl describe` shows them.

use super::Exit;
use super::args::DescribeArgs;
use super::at::stop;
use super::get::{missing, not_found};
use super::kubectl::View;
use super::terminal::Terminal;

pub(super) fn run(args: &DescribeArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let stop = match stop(&args.at, terminal) {
        Ok(stop) => stop,
        Err(exit) => return Ok(exit),
    };
    let (view, query) = (View::new(&stop.simulation, stop.now, &stop.written), &stop.query);
    if stop.kinds.len() > 1 {
        terminal.say("error: one kind at a time is described");
        return Ok(Exit::Usage);
    }
    let items = view.list(query);
    let mut texts = Vec::new();
    for item in &items {
        let Some(text) = view.describe(item) else {
            let kind = query.kind.names()[0];
            terminal.say(&format!("error: {kind} are listed by `podsim get`; nothing else of them is to be described"));
            return Ok(Exit::Usage);
        };
        texts.push(text);
    }
    // Two empty lines between objects, as kubectl has them.
    terminal.print(texts.join("\n\n").as_bytes())?;
    let missing = missing(query, &items);
    for name in &missing {
        terminal.say(&not_found(query, name));
    }
    if items.is_empty() && missing.is_empty() {
        terminal.note(&match &query.namespace {
            Some(namespace) if query.kind.is_namespaced() => format!("No resources found in {namespace} namespace."),
            _ => "No resources found".to_owned(),
        });
    }
    Ok(if missing.is_empty() { Exit::Success } else { Exit::ExpectationFailed })
}
