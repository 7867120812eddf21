//! What tests of answers share: files of their own, the program as a user calls it, and the data that is beside the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use podsim::answers::Runner;

pub const RUNNER: Runner<'_> = Runner { threads: 2, stop: &|| false, progress: &|_, _| {} };

/// Writes a file into a folder of this test run.
pub fn file(folder: &str, name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

/// Runs the program in the repository: exit code, what it prints, what it says.
pub fn podsim(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("podsim starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Shared data, if it is there.
pub fn shared(path: &str) -> Option<String> {
    let root = std::env::var_os("PODSIM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(path);
    if !path.exists() {
        eprintln!("SKIPPED: there is no {}", path.display());
        return None;
    }
    Some(path.display().to_string())
}
