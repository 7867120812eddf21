//! The README's commands work as they stand: every `podsim` command in its shell blocks is run, in a folder of its own that
//! holds what a fresh clone holds; commands of cargo are spelled as `.ci/run` spells them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a clone holds and commands may read.
const READ: &[&str] = &["scenarios", "tests", "examples", "docs", "README.md", "Cargo.toml"];

/// Programs that a README may ask for and that say nothing about podsim.
const OTHERS: &[&str] = &["git", "cd", "open", "xdg-open", "firefox", "less", "export"];

/// Commands of cargo that only get the program built or installed.
const GETTING_IT: &[&str] = &["cargo build --release", "cargo install --path ."];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("there is a README.md")
}

/// The commands in the shell blocks of a Markdown text: prompts and comments taken off, continued lines joined.
fn commands(markdown: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut block: Option<(usize, bool)> = None;
    let mut joined = String::new();
    for line in markdown.lines() {
        let trimmed = line.trim_start();
        let fence = trimmed.chars().take_while(|&c| c == '`').count();
        if let Some((opened, shell)) = block {
            if fence >= opened && trimmed.trim_start_matches('`').trim().is_empty() {
                block = None;
                continue;
            }
            if !shell {
                continue;
            }
            let text = trimmed.strip_prefix("$ ").unwrap_or(trimmed);
            let text = match text.find(" #") {
                Some(at) => text[..at].trim_end(),
                None => text.trim_end(),
            };
            if let Some(begun) = text.strip_suffix('\\') {
                joined.push_str(begun);
                continue;
            }
            joined.push_str(text);
            let command = std::mem::take(&mut joined);
            if !command.trim().is_empty() && !command.trim_start().starts_with('#') {
                commands.push(command.trim().to_owned());
            }
        } else if fence >= 3 {
            let language = trimmed.trim_start_matches('`').split([' ', ',']).next().unwrap_or_default();
            block = Some((fence, matches!(language, "sh" | "bash" | "shell" | "console")));
        }
    }
    commands
}

/// `cargo run ... -- ARGS` is `podsim ARGS`.
fn without_cargo(command: &str) -> String {
    match (command.starts_with("cargo run"), command.split_once(" -- ")) {
        (true, Some((_, args))) => format!("podsim {args}"),
        (true, None) if !command.contains("--example") => "podsim".to_owned(),
        _ => command.to_owned(),
    }
}

/// The program of a command, after variables that are set for it.
fn program(command: &str) -> &str {
    let mut words = command.split_whitespace();
    words.find(|word| !word.contains('=') || word.contains('/') && !word.starts_with(char::is_uppercase)).unwrap_or("")
}

/// A folder that looks like a clone, with `podsim` on the path of the shell.
struct Clone {
    folder: PathBuf,
    path: String,
}

impl Clone {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let bin = folder.join("target/release");
        std::fs::create_dir_all(&bin).expect("a folder for tests");
        for entry in READ {
            copy(&root().join(entry), &folder.join(entry));
        }
        std::fs::copy(env!("CARGO_BIN_EXE_podsim"), bin.join("podsim")).expect("the built program");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        Self { folder, path }
    }

    fn run(&self, command: &str) -> std::process::Output {
        Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell")
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a readable folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.exists() {
        std::fs::copy(from, to).expect("a copy");
    }
}

/// Whether a command reads other people's data, which only lies where `$PODSIM_SHARED` says.
fn wants_shared(command: &str) -> bool {
    let names_it = |word: &str| {
        word.ends_with(".toml")
            && std::fs::read_to_string(root().join(word)).is_ok_and(|text| {
                text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("$PODSIM_SHARED"))
            })
    };
    command.contains("PODSIM_SHARED") || command.split_whitespace().any(names_it)
}

#[test]
fn blocks_are_read_as_a_reader_reads_them() {
    let text = "# A\n```sh\n$ podsim run a.toml # why\n# alone\npodsim \\\n    schema\n```\n```toml\nx = 1\n```\n\
                ````text\n```sh\nno\n```\n````\n  ```console\n  cargo run --release -- run b.toml\n  ```\n";
    assert_eq!(commands(text), ["podsim run a.toml", "podsim schema", "cargo run --release -- run b.toml"]);
    assert_eq!(without_cargo("cargo run --release -- run b.toml"), "podsim run b.toml");
    assert_eq!(program("PODSIM_SHARED=/x podsim run y"), "podsim");
}

#[test]
fn every_command_of_the_readme_works() {
    let commands = commands(&readme());
    let ci = std::fs::read_to_string(root().join(".ci/run")).expect("there is a .ci/run");
    let clone = Clone::new("clone");
    let mut wrong = Vec::new();
    let mut ran = 0;
    for written in &commands {
        let command = without_cargo(written);
        match program(&command) {
            "podsim" | "./target/release/podsim" | "target/release/podsim" | "target/debug/podsim" => {
                if wants_shared(&command) && std::env::var_os("PODSIM_SHARED").is_none() {
                    println!("not run, because PODSIM_SHARED is not set: {written}");
                    continue;
                }
                let output = clone.run(&command);
                // The scenario of mistakes is there to be refused.
                let wanted = if command.contains("broken") { 2 } else { 0 };
                if output.status.code() != Some(wanted) {
                    let told = String::from_utf8_lossy(&output.stderr);
                    wrong.push(format!("{written}\n    ends with {}:\n{told}", output.status));
                }
                ran += 1;
            }
            "cargo" if command.contains("--example") => {
                let name = command.split_whitespace().skip_while(|word| *word != "--example").nth(1).unwrap_or("?");
                if !root().join("examples").join(format!("{name}.rs")).exists() {
                    wrong.push(format!("{written}: there is no example {name}"));
                }
            }
            "cargo" => {
                let known = GETTING_IT.contains(&command.as_str()) || ci.contains(&command);
                if !known {
                    wrong.push(format!("{written}: .ci/run does not spell it so"));
                }
            }
            ".ci/run" | "./.ci/run" => {}
            other if OTHERS.contains(&other) => {}
            other => wrong.push(format!("{written}: what is {other}?")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} commands do not work:\n{}", wrong.len(), commands.len(), wrong.join("\n"));
    assert!(ran >= 2, "the README shows {ran} commands of podsim: {commands:#?}");
    let run = commands.iter().any(|command| command.contains("run scenarios/user-msvc.toml"));
    let test = commands.iter().any(|command| command.starts_with("cargo test"));
    assert!(run && test, "the README shows the run command and the test command: {commands:#?}");
}

/// Pictures and pages that the README points at are there.
#[test]
fn every_link_of_the_readme_leads_somewhere() {
    let text = readme();
    let mut wrong = Vec::new();
    for part in text.split("](").skip(1) {
        let target = part.split([')', ' ', '#']).next().unwrap_or_default();
        if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        if !root().join(target).exists() {
            wrong.push(target);
        }
    }
    assert!(wrong.is_empty(), "the README points at what is not there: {wrong:?}");
}
