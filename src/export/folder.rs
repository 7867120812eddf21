//! A folder of results that appears whole or not at all. Knows paths, not what is in the files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::ExportError;

/// The file by which a folder of results is known.
pub(super) const MARK: &str = "summary.json";
/// The subfolder of charts.
pub(super) const CHARTS: &str = "charts";
/// What podsim writes: everything else in a folder is somebody else's and survives.
const OURS: [&str; 6] = [MARK, "events.jsonl", "pods.csv", "timeseries.csv", "trace.json", CHARTS];

/// A folder that is being filled.
pub(super) struct Draft {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Draft {
    /// Writes one file; `name` is relative to the folder.
    pub(super) fn file(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), ExportError> {
        let path = self.root.join(name);
        let parent = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(|e| io("create", parent, e))?;
        let file = File::create(&path).map_err(|e| io("create", &path, e))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        fill(&mut out).and_then(|()| out.flush()).map_err(|e| io("write", &path, e))?;
        self.files.push(PathBuf::from(name));
        Ok(())
    }

    /// As [`Self::file`], and listed before all others.
    pub(super) fn first(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), ExportError> {
        self.file(name, fill)?;
        self.files.rotate_right(1);
        Ok(())
    }

    /// What was written so far, relative to the folder.
    pub(super) fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.display().to_string()).collect()
    }
}

/// Fills a new folder beside `dir` and, once all of it is written, puts it in the place of `dir`. Returns the files' paths.
pub(super) fn replace(
    dir: &Path,
    fill: impl FnOnce(&mut Draft) -> Result<(), ExportError>,
) -> Result<Vec<PathBuf>, ExportError> {
    let Some(name) = dir.file_name() else { return Err(ExportError::Foreign(dir.to_owned())) };
    let keep = foreign_entries(dir)?;
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|e| io("create", parent, e))?;
    let beside = |suffix: &str| {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.{suffix}", std::process::id()));
        parent.join(hidden)
    };
    let scratch = Scratch(beside("new"));
    fs::create_dir(&scratch.0).map_err(|e| io("create", &scratch.0, e))?;
    let mut draft = Draft { root: scratch.0.clone(), files: Vec::new() };
    fill(&mut draft)?;

    let old = Scratch(beside("old"));
    let existed = dir.exists();
    if existed {
        fs::rename(dir, &old.0).map_err(|e| io("move away", dir, e))?;
    }
    if let Err(error) = fs::rename(&scratch.0, dir) {
        if existed && fs::rename(&old.0, dir).is_err() {
            // The old results could not be put back: leave them where they are rather than delete them.
            std::mem::forget(old);
        }
        return Err(io("rename to", dir, error));
    }
    for name in keep {
        let (from, to) = (old.0.join(&name), dir.join(&name));
        if let Err(error) = fs::rename(&from, &to) {
            std::mem::forget(old);
            return Err(io("keep", &from, error));
        }
    }
    Ok(draft.files.into_iter().map(|file| dir.join(file)).collect())
}

/// Entries of an existing folder of results that podsim did not write.
fn foreign_entries(dir: &Path) -> Result<Vec<OsString>, ExportError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io("read", dir, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(|e| io("read", dir, e))?.file_name());
    }
    if !names.is_empty() && !names.iter().any(|name| name == MARK) {
        return Err(ExportError::Foreign(dir.to_owned()));
    }
    names.retain(|name| !OURS.iter().any(|ours| name == ours));
    names.sort();
    Ok(names)
}

/// A folder that is gone when this is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is only litter; the error that matters is the one being returned.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An error that says what was tried on which path.
pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> ExportError {
    ExportError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("podsim-folder-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        root
    }

    fn listing(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn results(text: &'static str) -> impl FnOnce(&mut Draft) -> Result<(), ExportError> {
        move |draft| {
            draft.file("pods.csv", |out| out.write_all(text.as_bytes()))?;
            draft.first(MARK, |out| out.write_all(b"{}"))
        }
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_keeps_what_is_not_ours() {
        let root = place("replace");
        let dir = root.join("deep/run");
        let files = replace(&dir, results("one")).unwrap();
        assert_eq!(files, [dir.join("summary.json"), dir.join("pods.csv")]);
        fs::write(dir.join("notes.md"), "mine").unwrap();
        fs::create_dir(dir.join("charts")).unwrap();
        replace(&dir, results("two")).unwrap();
        assert_eq!(listing(&dir), ["notes.md", "pods.csv", "summary.json"]);
        assert_eq!(fs::read_to_string(dir.join("pods.csv")).unwrap(), "two");
        assert_eq!(listing(&root.join("deep")), ["run"], "no litter");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_failure_leaves_everything_as_it_was() {
        let root = place("failure");
        let dir = root.join("run");
        replace(&dir, results("one")).unwrap();
        let failed = replace(&dir, |draft| {
            draft.file("pods.csv", |out| out.write_all(b"half"))?;
            draft.file("events.jsonl", |_| Err(std::io::Error::other("disk full")))
        });
        let message = format!("{:#}", anyhow::Error::from(failed.unwrap_err()));
        assert!(message.contains("events.jsonl: disk full"), "{message}");
        assert_eq!(fs::read_to_string(dir.join("pods.csv")).unwrap(), "one");
        assert_eq!(listing(&root), ["run"], "no litter");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let root = place("foreign");
        fs::write(root.join("thesis.tex"), "years of work").unwrap();
        assert!(matches!(replace(&root, results("one")), Err(ExportError::Foreign(_))));
        assert_eq!(listing(&root), ["thesis.tex"]);
        fs::remove_dir_all(root).unwrap();
    }
}
