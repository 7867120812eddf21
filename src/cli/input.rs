//! The files of a cluster: files as given, all manifests below a folder, or standard input.

use std::io::{self, Read as _};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::diag::{SourceId, Sources};
use crate::scenario::files::{self, Disk};

/// Opens everything that `paths` stand for: `-` is standard input, a folder all manifests below it.
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
        let files = files::below(&Disk, path).with_context(|| format!("cannot list `{}`", path.display()))?;
        for file in files {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read `{name}`"))?;
            opened.push(sources.add(name, text));
        }
    }
    Ok(opened)
}
