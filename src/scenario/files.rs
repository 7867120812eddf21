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

    /// Whether there is a folder of this name.
    fn is_folder(&self, _path: &Path) -> bool {
        false
    }

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

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
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
pub(super) fn resolve(cx: &mut Cx<'_>, written: &Placed<String>) -> Option<PathBuf> {
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

/// The files that a path stands for: a folder for all manifests below it, `*` in a name for any text, `**` for any folders.
fn expand(cx: &mut Cx<'_>, path: &Path, written: &Placed<String>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let listed = glob(cx.files, path, &mut found).and_then(|()| {
        let folders = found.iter().map(|path| below(cx.files, path));
        Ok(folders.collect::<io::Result<Vec<_>>>()?.concat())
    });
    match listed {
        Err(error) => {
            unreadable(cx, path, written, &error);
            Vec::new()
        }
        Ok(files) if files.is_empty() => {
            let (what, looked) = if path.to_string_lossy().contains('*') {
                (format!("no file matches `{}`", written.value), path.parent().unwrap_or(path))
            } else {
                (format!("no manifest is in `{}`", written.value), path)
            };
            let help = format!("paths are relative to the scenario file; looked in `{}`", looked.display());
            cx.diagnostics.error(codes::EMPTY_PATTERN, written.span, what, "matches nothing", help);
            files
        }
        Ok(files) => files,
    }
}

/// Finds what a path with `*` in its parts stands for, sorted by name; hidden files and folders are not found.
fn glob(files: &dyn Files, path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let parts: Vec<_> = path.components().collect();
    let Some(at) = parts.iter().position(|part| part.as_os_str().to_string_lossy().contains('*')) else {
        found.push(path.to_owned());
        return Ok(());
    };
    let folder: PathBuf = parts[..at].iter().collect();
    let pattern = parts[at].as_os_str().to_string_lossy();
    let rest: PathBuf = parts[at + 1..].iter().collect();
    let follow = |base: PathBuf| if rest.as_os_str().is_empty() { base } else { base.join(&rest) };
    if pattern == "**" {
        glob(files, &follow(folder.clone()), found)?;
    }
    let mut names = files.list(&folder)?;
    names.retain(|name| !name.starts_with('.') && (pattern == "**" || matches(&pattern, name)));
    names.sort();
    for name in names {
        let path = folder.join(name);
        match (pattern == "**", files.is_folder(&path)) {
            (true, true) => glob(files, &follow(path.join("**")), found)?,
            (true, false) => {}
            (false, true) => glob(files, &follow(path), found)?,
            (false, false) if rest.as_os_str().is_empty() => found.push(path),
            (false, false) => {}
        }
    }
    Ok(())
}

/// A file itself, or all manifests below a folder: files whose names end in `.yaml`, `.yml` and `.json`, in the order of their
/// names, without those in hidden folders.
///
/// # Errors
/// If a folder cannot be listed.
pub fn below(files: &dyn Files, path: &Path) -> io::Result<Vec<PathBuf>> {
    if !files.is_folder(path) {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = files.list(path)?;
    names.sort();
    let mut found = Vec::new();
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let entry = path.join(name);
        if files.is_folder(&entry) {
            found.append(&mut below(files, &entry)?);
        } else if [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end)) {
            found.push(entry);
        }
    }
    Ok(found)
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
