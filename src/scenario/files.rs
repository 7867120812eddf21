//! Where files come from: paths relative to the scenario, `$PODSIM_SHARED`, and patterns with `*`.

use std::io;
use std::path::{Path, PathBuf};

use super::codes;
use super::fields::Placed;
use super::{Cx, Missing};
use crate::diag::SourceId;

/// The only variable that may stand in a path.
pub const SHARED: &str = "PODSIM_SHARED";

/// Reads files for a scenario.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// If it cannot be read or is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The names of the files in a folder.
    ///
    /// # Errors
    /// If it cannot be read.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// Files that a function gives; no folders, no variables.
pub(super) struct Given<'f>(pub &'f dyn Fn(&Path) -> io::Result<String>);

impl Files for Given<'_> {
    fn read(&self, path: &Path) -> io::Result<String> {
        (self.0)(path)
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "folders cannot be listed here"))
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// The sources that `paths` name, in order; files are read once.
pub(super) fn open_all(cx: &mut Cx<'_>, paths: &[Placed<String>]) -> Vec<SourceId> {
    let before = cx.diagnostics.len();
    let mut opened = Vec::new();
    for written in paths {
        let Some(path) = resolve(cx, written) else { continue };
        for path in expand(cx, &path, written) {
            opened.extend(open(cx, &path, written));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    opened.retain(|source| seen.insert(*source));
    if cx.diagnostics.len() > before {
        cx.missing = Missing::ALL;
    }
    opened
}

/// The source of one file.
pub(super) fn open_one(cx: &mut Cx<'_>, written: &Placed<String>) -> Option<SourceId> {
    let source = resolve(cx, written).and_then(|path| open(cx, &path, written));
    if source.is_none() {
        cx.missing = Missing::ALL;
    }
    source
}

/// The path as the file system wants it.
fn resolve(cx: &mut Cx<'_>, written: &Placed<String>) -> Option<PathBuf> {
    let text = written.value.as_str();
    let Some(rest) = text.strip_prefix('$') else {
        return Some(cx.folder.join(text));
    };
    let (variable, rest) = match rest.split_once('/') {
        Some((variable, rest)) => (variable, rest),
        None => (rest, ""),
    };
    if variable.trim_matches(['{', '}']) != SHARED {
        cx.diagnostics.error(
            codes::PATH_VARIABLE,
            written.span,
            format!("`${variable}` cannot be used in a path"),
            "unknown variable",
            format!("only `${SHARED}` may start a path"),
        );
        return None;
    }
    let Some(value) = cx.files.variable(SHARED) else {
        cx.diagnostics.error(
            codes::PATH_VARIABLE,
            written.span,
            format!("the environment variable {SHARED} is not set"),
            "needed here",
            format!("set it to the folder that holds shared data: `{SHARED}=/path/to/shared podsim run ...`"),
        );
        return None;
    };
    Some(Path::new(&value).join(rest))
}

/// The files that a path with `*` in its last part stands for, sorted by name.
fn expand(cx: &mut Cx<'_>, path: &Path, written: &Placed<String>) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !name.contains('*') {
        return vec![path.to_owned()];
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let mut names = match cx.files.list(&folder) {
        Ok(names) => names,
        Err(error) => {
            unreadable(cx, &folder, written, &error);
            return Vec::new();
        }
    };
    names.retain(|candidate| !candidate.starts_with('.') && matches(&name, candidate));
    names.sort();
    if names.is_empty() {
        cx.diagnostics.error(
            codes::EMPTY_PATTERN,
            written.span,
            format!("no file matches `{}`", written.value),
            "matches nothing",
            format!("paths are relative to the scenario file; looked in `{}`", folder.display()),
        );
    }
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn open(cx: &mut Cx<'_>, path: &Path, written: &Placed<String>) -> Option<SourceId> {
    if let Some(known) = cx.opened.get(path) {
        return *known;
    }
    let source = match cx.files.read(path) {
        Ok(text) => Some(cx.sources.add(path.display().to_string(), text)),
        Err(error) => {
            unreadable(cx, path, written, &error);
            None
        }
    };
    cx.opened.insert(path.to_owned(), source);
    source
}

fn unreadable(cx: &mut Cx<'_>, path: &Path, written: &Placed<String>, error: &io::Error) {
    cx.diagnostics.error(
        codes::UNREADABLE_FILE,
        written.span,
        format!("cannot read `{}`: {error}", path.display()),
        "named here",
        "paths are relative to the scenario file",
    );
}

/// Whether `text` is what `pattern` says, where `*` stands for any text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [("*.yaml", "a.yaml"), ("a*c*e", "abcde"), ("web*", "web"), ("*", ""), ("a", "a")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("*.yaml", "a.yml"), ("web*", "we"), ("a", "ab"), ("a*a", "a"), ("*b*", "aac")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
