//! The files of a cluster: files as given, all manifests below a folder, or standard input.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::diag::{SourceId, Sources};

/// Opens everything that `paths` stand for: `-` is standard input, a folder its `.yaml`, `.yml` and `.json` files and folders,
/// in the order of their names.
///
/// # Errors
/// Something that cannot be read.
pub(super) fn read(paths: &[PathBuf], sources: &mut Sources) -> anyhow::Result<Vec<SourceId>> {
    let mut opened = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            opened.push(sources.add("standard input", text));
            continue;
        }
        let mut files = Vec::new();
        below(path, &mut files).with_context(|| format!("cannot list `{}`", path.display()))?;
        for file in files {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read `{name}`"))?;
            opened.push(sources.add(name, text));
        }
    }
    Ok(opened)
}

fn below(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = path.read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    let is_manifest = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        path.is_dir() || matches!(extension, Some("yaml" | "yml" | "json"))
    };
    entries.retain(is_manifest);
    entries.sort();
    entries.iter().try_for_each(|entry| below(entry, files))
}
