//! The command itself: exit codes, what goes to stdout and what to stderr, closed pipes.

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn podsim(arguments: &[&str]) -> Output {
    command(arguments).output().expect("podsim starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    for variable in ["PODSIM_SHARED", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_usage_is_two_and_help_is_zero() {
    for arguments in
        [&["fly"][..], &["run"], &["run", "x.toml", "--until", "5"], &["run", "x", "--seed", "1", "--seeds", "1..2"]]
    {
        let output = podsim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    let help = podsim(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("podsim run scenarios/user-msvc.toml"));
}

#[test]
fn a_scenario_that_cannot_be_read_is_three_and_a_wrong_one_two() {
    let output = podsim(&["run", "no-such-file.toml"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{}", stderr(&output));
    let output = podsim(&["run", "scenarios/user-msvc-broken.toml"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(stderr(&output).contains("scenarios/user-msvc-broken.toml:"));
    let output = podsim(&["run", "scenarios/hello.toml", "--set", "node_pool.0.conut=3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `count`?") && stderr(&output).contains("--set:1:13"));
}

#[test]
fn validate_lists_mistakes_in_three_forms() {
    let manifests = ["pod.yaml", "config.yaml", "service.yaml"].map(|name| format!("scenarios/user-msvc/{name}"));
    let [pod, config, service] = manifests.each_ref().map(String::as_str);
    let fine = podsim(&["validate", "scenarios/hello.toml", "scenarios/user-msvc.toml", pod, config, service]);
    assert_eq!((fine.status.code(), stdout(&fine).as_str()), (Some(0), ""), "{}", stderr(&fine));

    let human = podsim(&["validate", "scenarios/user-msvc-broken.toml"]);
    assert_eq!(human.status.code(), Some(2));
    assert!(stdout(&human).contains("error[PS2022]") && !stdout(&human).contains('\x1b'));
    let colored = podsim(&["validate", "--color", "always", "scenarios/user-msvc-broken.toml"]);
    assert!(stdout(&colored).contains('\x1b'));

    let short = stdout(&podsim(&["validate", "--format", "short", "scenarios/user-msvc-broken.toml"]));
    let json = podsim(&["validate", "--format", "json", "-q", "scenarios/user-msvc-broken.toml"]);
    assert!(json.stderr.is_empty());
    let items: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let items = items.as_array().expect("an array");
    assert_eq!(items.len(), short.lines().count());
    for (item, line) in items.iter().zip(short.lines()) {
        let place = format!("{}:{}:{}: ", item["file"].as_str().expect("a file"), item["line"], item["column"]);
        assert!(line.starts_with(&place) && line.contains(item["code"].as_str().expect("a code")), "{line}\n{item}");
    }
}

#[test]
fn the_schema_is_the_committed_one() {
    let output = podsim(&["schema"]);
    let committed = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/scenario.schema.json"));
    assert_eq!(output.stdout, committed.expect("the committed schema"));
}

#[test]
fn completions_are_printed_and_a_closed_pipe_is_no_panic() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = podsim(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("validate"), "{shell}");
    }
    for arguments in [&["schema"][..], &["completions", "bash"], &["validate", "scenarios/user-msvc-broken.toml"]] {
        let mut child =
            command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("podsim starts");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        let status = child.wait().expect("it ends");
        assert!(!said.contains("panicked") && matches!(status.code(), Some(0 | 2)), "{arguments:?}: {status} {said}");
    }
}

#[test]
fn data_of_others_is_found_by_a_variable_only() {
    let output = podsim(&["validate", "--format", "short", "scenarios/openb.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stdout(&output);
    assert!(text.lines().count() == 2 && text.lines().all(|line| line.contains("PS2014")), "{text}");
}
