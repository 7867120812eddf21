//! The house stays as drawn: every `crate::` and `super::` path under `src/` is read and checked against the table of who
//! may know whom. A path that is not allowed here is either a mistake or a decision that belongs into this table and
//! into docs/ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may use. Nothing uses `cli`, and `cli` may use everything.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("model", &["base"]),
    ("engine", &["base"]),
    ("diag", &[]),
    ("record", &["base", "model"]),
    ("api", &["base", "model"]),
    ("workload", &["base", "model", "api"]),
    ("component", &["base", "model", "record", "api", "workload"]),
    ("kubelet", &["base", "model", "engine", "record", "api", "workload", "component"]),
    ("scheduler", &["base", "model", "engine", "record", "api", "component"]),
    ("controllers", &["base", "model", "engine", "record", "api", "component"]),
    ("autoscaler", &["base", "model", "engine", "record", "api", "component", "scheduler"]),
    (
        "sim",
        &[
            "base",
            "model",
            "engine",
            "record",
            "api",
            "workload",
            "component",
            "kubelet",
            "scheduler",
            "controllers",
            "autoscaler",
        ],
    ),
    ("manifest", &["base", "model", "diag"]),
    ("trace", &["base", "model", "diag"]),
    ("scenario", &["base", "model", "diag", "manifest", "trace", "sim"]),
    ("export", &["base", "model", "record", "sim"]),
    (
        "answers",
        &[
            "base",
            "model",
            "diag",
            "record",
            "api",
            "scheduler",
            "controllers",
            "manifest",
            "sim",
            "scenario",
            "export",
        ],
    ),
];

/// The files of the kubelet and the scheduler that run the rules. Every other file there is pure policy: it knows `base`
/// and `model`, other pure files, and nothing else.
const COMPONENT_FILES: &[&str] = &[
    "kubelet/cpu.rs",
    "kubelet/health.rs",
    "kubelet/intake.rs",
    "kubelet/hooks.rs",
    "kubelet/kubelet.rs",
    "kubelet/image_passes.rs",
    "kubelet/machine.rs",
    "kubelet/messages.rs",
    "kubelet/mounts.rs",
    "kubelet/outages.rs",
    "kubelet/process.rs",
    "kubelet/power.rs",
    "kubelet/pressure.rs",
    "kubelet/pulls.rs",
    "kubelet/plain.rs",
    "kubelet/quiet.rs",
    "kubelet/usage.rs",
    "kubelet/volumes.rs",
    "kubelet/records.rs",
    "kubelet/repeats.rs",
    "kubelet/report.rs",
    "kubelet/resize.rs",
    "kubelet/runtime.rs",
    "kubelet/stop.rs",
    "kubelet/worker.rs",
    "scheduler/bindings.rs",
    "scheduler/evictions.rs",
    "scheduler/scheduler.rs",
];

/// Rooms that files, terminals, wall clocks and serialization do not reach.
const CORE: &[&str] = &[
    "base",
    "model",
    "engine",
    "record",
    "api",
    "workload",
    "component",
    "kubelet",
    "scheduler",
    "controllers",
    "autoscaler",
    "sim",
];

/// What the core must not name, and why.
const BANNED_IN_CORE: &[(&str, &str)] = &[
    ("std::collections::HashMap", "its order is random"),
    ("std::collections::HashSet", "its order is random"),
    ("SystemTime", "it reads the wall clock"),
    ("Instant::now", "it reads the wall clock"),
    ("std::time::", "it reads the wall clock"),
    ("std::fs", "the core knows no files"),
    ("std::io", "the core knows no files"),
    ("std::env", "the core does not depend on where it runs"),
    ("std::thread", "one run is one thread"),
    ("serde", "formats belong to the edge"),
    ("println!", "the core knows no terminal"),
    ("eprintln!", "the core knows no terminal"),
    ("Box<dyn", "events and policies are closed enums"),
];

/// Lines of a file above which it wants to be two, and the number that it must not exceed.
const GOOD_LENGTH: usize = 500;
const MOST_LENGTH: usize = 600;

struct Source {
    /// Relative to `src/`, with slashes.
    path: String,
    text: String,
    /// Without comments, texts and the tests at its end.
    code: String,
}

impl Source {
    fn room(&self) -> &str {
        self.path.split('/').next().expect("a path has a beginning")
    }

    /// The module that the file is, from the crate's root.
    fn module(&self) -> Vec<String> {
        let mut parts: Vec<String> = self.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            parts.pop();
        }
        parts
    }

    fn is_pure_policy(&self) -> bool {
        matches!(self.room(), "kubelet" | "scheduler")
            && !self.path.ends_with("/mod.rs")
            && !COMPONENT_FILES.contains(&self.path.as_str())
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("sources are readable");
        let inside = file.strip_prefix(&root).expect("files of the root");
        let path = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        Source { path, code: code_of(&text), text }
    };
    files.into_iter().map(read).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Code alone: tests may use what they like, comments may speak of everything.
fn code_of(text: &str) -> String {
    let text = match text.find("#[cfg(test)]\nmod tests {") {
        Some(at) => &text[..at],
        None => text,
    };
    let mut code = String::with_capacity(text.len());
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            while chars.peek().is_some_and(|&(_, c)| c != '\n') {
                chars.next();
            }
        } else if c == '"' {
            let mut escaped = false;
            for (_, c) in chars.by_ref() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped => break,
                    _ => escaped = false,
                }
            }
            code.push_str("\"\"");
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            // A quote as a character does not begin a text.
            while chars.next().is_some_and(|(_, c)| c != '\'') {}
            if rest.starts_with("'\\\"'") {
                continue;
            }
        } else {
            code.push(c);
        }
    }
    code
}

/// Every path of the code that begins with `crate` or `super`, resolved from the crate's root.
fn paths_of(source: &Source) -> BTreeSet<Vec<String>> {
    let code = &source.code;
    let mut found = BTreeSet::new();
    for keyword in ["crate::", "super::"] {
        let mut from = 0;
        while let Some(at) = code[from..].find(keyword).map(|at| at + from) {
            from = at + keyword.len();
            let before = code[..at].chars().next_back();
            let begins = before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '$')));
            // `pub(in crate::x)` says who sees something, not what is used.
            if begins && !code[..at].ends_with("(in ") {
                let mut prefix = source.module();
                if keyword == "crate::" {
                    prefix.clear();
                } else {
                    prefix.pop();
                }
                tree(&code[from..], &mut prefix, &mut found);
            }
        }
    }
    found
}

/// Reads a path or a `use` tree at the beginning of `code`, relative to `prefix`; returns what follows it.
fn tree<'a>(code: &'a str, prefix: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let code = code.trim_start();
    let depth = prefix.len();
    let mut kept = prefix.clone();
    let rest = if let Some(mut list) = code.strip_prefix('{') {
        loop {
            list = list.trim_start();
            if let Some(rest) = list.strip_prefix('}') {
                break rest;
            }
            if let Some(rest) = list.strip_prefix(',') {
                list = rest;
                continue;
            }
            let before = list.len();
            list = tree(list, prefix, found);
            if list.len() == before {
                // Not a `use` list after all.
                break list;
            }
        }
    } else {
        let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
        let (name, rest) = code.split_at(end);
        match name {
            "super" => drop(prefix.pop()),
            "self" | "" => {}
            name => prefix.push(name.to_owned()),
        }
        match rest.strip_prefix("::") {
            Some(more) => tree(more, prefix, found),
            None => {
                found.insert(prefix.clone());
                let rest = rest.trim_start();
                // `x as y`.
                match rest.strip_prefix("as ") {
                    Some(alias) => alias.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
                    None => rest,
                }
            }
        }
    };
    kept.truncate(depth);
    *prefix = kept;
    rest
}

fn check(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn paths_are_understood() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: String::new(), code: code_of(text) };
    let paths =
        |path, text| -> Vec<String> { paths_of(&source(path, text)).iter().map(|path| path.join("::")).collect() };
    let text =
        "use crate::{kubelet, model::{self as m, pod::{Role, Probe}}};\nfn f() { super::g(super::super::api::X) }";
    assert_eq!(
        paths("sim/event.rs", text),
        ["api::X", "kubelet", "model", "model::pod::Probe", "model::pod::Role", "sim::g"]
    );
    assert_eq!(paths("a/b/mod.rs", "use super::c::D; // crate::no\nlet x = \"crate::no\";"), ["a::c::D"]);
    assert_eq!(paths("a/mod.rs", "use super::b;\n#[cfg(test)]\nmod tests {\n use crate::cli::X; }"), ["b"]);
}

#[test]
fn rooms_know_only_the_rooms_below_them() {
    let mut violations = Vec::new();
    let sources = sources();
    assert!(sources.len() > 100, "the sources were not found");
    for source in &sources {
        let room = source.room();
        if matches!(room, "cli" | "main.rs" | "lib.rs") {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            violations.push(format!("src/{}: the room {room} is not in the table", source.path));
            continue;
        };
        for path in paths_of(source) {
            let Some(other) = path.first() else { continue };
            // Macros live at the crate's root.
            if other != room && other != "define_id" && !allowed.contains(&other.as_str()) {
                violations.push(format!("src/{}: {room} must not know {}", source.path, path.join("::")));
            }
        }
    }
    check(&violations);
}

#[test]
fn policy_is_arithmetic() {
    let sources = sources();
    let pure: BTreeSet<Vec<String>> = sources.iter().filter(|s| s.is_pure_policy()).map(Source::module).collect();
    assert!(pure.len() > 25, "the pure files were not found");
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_pure_policy()) {
        for path in paths_of(source) {
            let text = path.join("::");
            let known = match path[0].as_str() {
                "base" => !text.contains("draw") && !text.contains("Draw") && !text.contains("AddressedRng"),
                // The plan is what a run is made of: rules are given the numbers that they need.
                "model" => !text.starts_with("model::plan"),
                "define_id" => true,
                room if room == source.room() => {
                    path.len() < 2
                        || pure.iter().any(|module| path.starts_with(module))
                        || path.len() == 2
                            && path[1].chars().next().is_some_and(char::is_lowercase)
                            && sources.iter().any(|other| {
                                let module = other.module();
                                module == path && other.path.ends_with("/mod.rs")
                            })
                }
                _ => false,
            };
            if !known {
                violations.push(format!("src/{}: a pure file must not know {text}", source.path));
            }
        }
        for word in ["rand::", "env.now", "&mut Env"] {
            if source.code.contains(word) {
                violations.push(format!("src/{}: a pure file must not name {word}", source.path));
            }
        }
    }
    check(&violations);
}

#[test]
fn components_do_not_know_each_other() {
    let components = ["kubelet", "scheduler", "controllers"];
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| components.contains(&source.room())) {
        for path in paths_of(source) {
            if path[0] != source.room() && components.contains(&path[0].as_str()) {
                violations.push(format!("src/{}: knows {}", source.path, path.join("::")));
            }
        }
    }
    check(&violations);
}

#[test]
fn the_core_reaches_nothing_outside() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| CORE.contains(&source.room())) {
        // That a fact can be written is no format: which one, and where to, the edge decides (docs/ARCHITECTURE.md).
        let code = source.code.replace(", serde::Serialize, serde::Deserialize)", ")");
        let keeps_facts = source.path == "record/facts.rs";
        for (word, why) in BANNED_IN_CORE {
            if code.contains(word) && !(keeps_facts && *word == "Box<dyn") {
                violations.push(format!("src/{}: names {word}: {why}", source.path));
            }
        }
    }
    check(&violations);
}

#[test]
fn files_open_with_what_they_own_and_stay_short() {
    let mut violations = Vec::new();
    let mut long = Vec::new();
    for source in &sources() {
        if !source.text.starts_with("//!") {
            violations.push(format!("src/{}: does not open with //!", source.path));
        }
        let lines = source.text.lines().count();
        if lines > MOST_LENGTH {
            violations.push(format!("src/{}: has {lines} lines", source.path));
        } else if lines > GOOD_LENGTH {
            long.push(format!("src/{}: {lines} lines", source.path));
        }
        for word in ["todo!", "unimplemented!", "dbg!("] {
            if source.code.contains(word) {
                violations.push(format!("src/{}: has {word}", source.path));
            }
        }
        for mark in ["TODO", "FIXME", "XXX"] {
            if source.text.contains(mark) {
                violations.push(format!("src/{}: has a {mark}", source.path));
            }
        }
    }
    println!("files that want to be two: {long:#?}");
    check(&violations);
}
