//! `podsim bench`: the standard workloads, measured on this machine. Each runs in a process of its own, so that its memory is its own.

mod loads;

use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::json;

use super::Exit;
use super::args::{BenchArgs, BenchForm};
use super::run::{interrupted, listen_for_interrupts};
use super::terminal::Terminal;
use crate::diag::did_you_mean;
use loads::{Load, Measured};

/// Raised when a key of the JSON form changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn run(args: &BenchArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let all = loads::all();
    if let Some(name) = &args.one {
        let Some(load) = all.iter().find(|load| load.name == *name) else { return Ok(Exit::Usage) };
        let measured = load.measure(!args.no_check, terminal)?;
        terminal.print(format!("{}\n", serde_json::to_string(&measured)?).as_bytes())?;
        return Ok(Exit::Success);
    }
    if args.list {
        let names: String = all.iter().map(|load| format!("{}\n", load.name)).collect();
        terminal.print(names.as_bytes())?;
        return Ok(Exit::Success);
    }
    let mut wanted: Vec<&Load> = Vec::new();
    for name in &args.names {
        let before = wanted.len();
        wanted.extend(all.iter().filter(|load| load.name.contains(name.as_str())));
        if wanted.len() == before {
            let names = all.iter().map(|load| load.name.as_str());
            let meant = did_you_mean(name, names).map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            terminal.say(&format!("error: there is no workload like `{name}`{meant} (--list names them all)"));
            return Ok(Exit::Usage);
        }
    }
    if args.names.is_empty() {
        wanted = all.iter().collect();
    }
    wanted.dedup_by_key(|load| load.name.clone());
    measure(&wanted, args, terminal)
}

fn measure(wanted: &[&Load], args: &BenchArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    listen_for_interrupts();
    let text = args.output == BenchForm::Text;
    if text {
        terminal.print(heading().as_bytes())?;
    }
    let mut rows = Vec::new();
    for load in wanted {
        let row = apart(load, args)?;
        if text {
            terminal.print(line(&row).as_bytes())?;
        }
        rows.push(row);
        if interrupted() {
            return Ok(Exit::Interrupted);
        }
    }
    if args.output == BenchForm::Json {
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "generator": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
            "optimized": !cfg!(debug_assertions),
            "workloads": rows,
        });
        terminal.print(format!("{}\n", serde_json::to_string_pretty(&document)?).as_bytes())?;
    }
    if cfg!(debug_assertions) {
        terminal.note("note: this is a debug build, many times slower: cargo run --release -- bench");
    }
    let wrong: Vec<&str> =
        rows.iter().filter(|row| row.digest_checked == Some(false)).map(|row| row.name.as_str()).collect();
    if wrong.is_empty() {
        return Ok(Exit::Success);
    }
    terminal.say(&format!("error: the digests of {} are not those of `podsim run`: a bug", wrong.join(", ")));
    Ok(Exit::Internal)
}

/// Measures a workload in a process of its own.
fn apart(load: &Load, args: &BenchArgs) -> anyhow::Result<Measured> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(["bench", "--no-progress", "--one", &load.name]).stdin(Stdio::null()).stderr(Stdio::inherit());
    if args.no_check {
        command.arg("--no-check");
    }
    let output = command.output().with_context(|| format!("cannot run {}", load.name))?;
    anyhow::ensure!(output.status.success(), "{} did not end well: {}", load.name, output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{} said something unexpected", load.name))
}

fn heading() -> String {
    format!(
        "{:<20} {:>9} {:>8} {:>10} {:>12} {:>12} {:>9} {:>10}  {:<16} {}\n",
        "WORKLOAD",
        "PODS",
        "CPU s",
        "us/DECISION",
        "DECISIONS/s",
        "EVENTS/s",
        "LIVE",
        "BYTES/LIVE",
        "DIGEST",
        "CHECKED"
    )
}

fn line(row: &Measured) -> String {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let checked = match row.digest_checked {
        Some(true) => "yes",
        Some(false) => "WRONG",
        None => "-",
    };
    format!(
        "{:<20} {:>9} {:>8.3} {:>11.2} {:>12.0} {:>12} {:>9} {:>10}  {:<16} {checked}\n",
        row.name,
        row.pods,
        row.cpu_seconds,
        row.cpu_microseconds_per_decision,
        row.decisions_per_cpu_second,
        or_dash(row.events_per_cpu_second.map(|rate| format!("{rate:.0}"))),
        row.live_pods_peak,
        or_dash(row.bytes_per_live_pod.map(|bytes| bytes.to_string())),
        row.digest,
    )
}
