//! podsim

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|command| command != "conformance") {
        eprintln!("usage: podsim conformance FILE...");
        return ExitCode::from(2);
    }
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let mut out = std::io::stdout().lock();
    let result = podsim::cli::conformance::run(&files, &mut out);
    let _ = out.flush();
    match result {
        Ok(totals) if totals.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
