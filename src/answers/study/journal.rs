//! The journal of a study: a line for every finished run, written at once, so that a process that is killed loses only the runs
//! that it was in the middle of. Owns the file's form and what a half-written end means; knows nothing of what runs are.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::design::{Design, fold};
use crate::base::Digest;

/// The journal's name in a folder of results.
pub const JOURNAL: &str = "journal.csv";

const HEAD: &str = "# podsim study journal 1 ";
const SHARD: &str = "# shard ";

/// Which part of the runs is made here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    /// Counted from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// All runs.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a run, counted through all points and seeds, is made here.
    #[must_use]
    pub const fn has(self, run: usize) -> bool {
        run % self.of == self.index
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// A finished run.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Which point.
    pub point: usize,
    /// With which seed.
    pub seed: u64,
    /// The digest of all that was decided.
    pub digest: String,
    /// How it ended: `duration`, `quiet`, or `limit`, whose numbers are of a part of the run.
    pub ended: String,
    /// Expectations of the scenario that do not hold.
    pub expectations_failed: usize,
    /// Events that were handled.
    pub events: u64,
    /// A value for each metric of the design.
    pub values: Vec<f64>,
}

/// Finished runs by point and seed.
pub type Rows = BTreeMap<(usize, u64), Row>;

/// What was read of a journal.
#[derive(Clone, PartialEq, Debug)]
pub struct Read {
    /// The study.
    pub design: Design,
    /// Which part of it.
    pub shard: Shard,
    /// Finished runs by point and seed.
    pub rows: Rows,
    /// Bytes of the file that are sound.
    sound: usize,
}

/// An open journal, locked against other processes.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// There is one already.
    #[error(
        "{} holds runs of a study: go on with it by --resume, begin anew with --force, or name another folder by --output",
        .0.display()
    )]
    Exists(PathBuf),
    /// The file is something else.
    #[error("{} is no journal of a study: name another folder by --output, or begin anew with --force", .0.display())]
    Foreign(PathBuf),
    /// It belongs to a study that has changed since.
    #[error(
        "{} is of another study, or the study, its scenario or podsim has changed since: begin anew with --force, or name another folder by --output",
        .0.display()
    )]
    Other(PathBuf),
    /// It belongs to another part of the study.
    #[error("{path} is of shard {found}, not of {wanted}: name another folder by --output", path = path.display())]
    OtherShard {
        /// The journal.
        path: PathBuf,
        /// What it says.
        found: Shard,
        /// What was asked.
        wanted: Shard,
    },
    /// Somebody else writes it.
    #[error("another process is writing {}: wait for it, or name another folder by --output", .0.display())]
    Locked(PathBuf),
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { action, path, source }
}

impl Row {
    fn line(&self) -> String {
        let mut cells = vec![
            self.point.to_string(),
            self.seed.to_string(),
            self.digest.clone(),
            self.ended.clone(),
            self.expectations_failed.to_string(),
            self.events.to_string(),
        ];
        cells.extend(self.values.iter().map(f64::to_string));
        let line = cells.join(",");
        format!("{line},{}\n", check(&line))
    }

    fn parse(line: &str, design: &Design) -> Option<Self> {
        let (line, written) = line.rsplit_once(',')?;
        if check(line) != written {
            return None;
        }
        let mut cells = line.split(',');
        let mut next = || cells.next();
        let row = Self {
            point: next()?.parse().ok()?,
            seed: next()?.parse().ok()?,
            digest: next()?.to_owned(),
            ended: next()?.to_owned(),
            expectations_failed: next()?.parse().ok()?,
            events: next()?.parse().ok()?,
            values: cells.map(str::parse).collect::<Result<_, _>>().ok()?,
        };
        let known = row.point < design.points.len() && design.seeds.contains(&row.seed);
        (known && row.values.len() == design.metrics.len()).then_some(row)
    }
}

/// Eight characters that a torn line does not have.
fn check(line: &str) -> String {
    let mut digest = Digest::new();
    fold(&mut digest, line.as_bytes());
    format!("{:08x}", digest.value() >> 32)
}

fn head(design: &Design, shard: Shard) -> String {
    let columns = ["point", "seed", "digest", "ended", "expectations_failed", "events"];
    let names = columns.into_iter().chain(design.metrics.iter().map(String::as_str)).chain(["check"]);
    format!("{HEAD}{}\n{SHARD}{shard}\n{}\n", design.json(), names.collect::<Vec<_>>().join(","))
}

impl Journal {
    /// A new journal in `folder`.
    ///
    /// # Errors
    /// If there is one, or it cannot be written.
    pub fn create(folder: &Path, design: &Design, shard: Shard, force: bool) -> Result<Self, JournalError> {
        let path = folder.join(JOURNAL);
        fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        if path.exists() {
            if !force {
                return Err(JournalError::Exists(path));
            }
            lock(&File::open(&path).map_err(io_error("open", &path))?, &path)?;
        }
        // Its head is there as a whole or not at all.
        let draft = folder.join(format!(".{JOURNAL}.{}.new", std::process::id()));
        let mut file = File::create(&draft).map_err(io_error("create", &draft))?;
        lock(&file, &draft)?;
        file.write_all(head(design, shard).as_bytes()).map_err(io_error("write", &draft))?;
        fs::rename(&draft, &path).map_err(io_error("rename to", &path))?;
        Ok(Self { file, path })
    }

    /// Goes on with the journal in `folder`, and says which runs it has; begins one if there is none. A line that was torn when
    /// its process was killed is cut off.
    ///
    /// # Errors
    /// If it is of another study or shard, in use, or cannot be read or written.
    pub fn resume(folder: &Path, design: &Design, shard: Shard) -> Result<(Self, Rows), JournalError> {
        let path = folder.join(JOURNAL);
        if !path.exists() {
            return Ok((Self::create(folder, design, shard, false)?, BTreeMap::new()));
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(io_error("open", &path))?;
        lock(&file, &path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io_error("read", &path))?;
        let read = parse(&bytes).ok_or_else(|| JournalError::Foreign(path.clone()))?;
        if read.design != *design {
            return Err(JournalError::Other(path));
        }
        if read.shard != shard {
            return Err(JournalError::OtherShard { path, found: read.shard, wanted: shard });
        }
        file.set_len(read.sound as u64).map_err(io_error("shorten", &path))?;
        file.seek(SeekFrom::Start(read.sound as u64)).map_err(io_error("seek in", &path))?;
        Ok((Self { file, path }, read.rows))
    }

    /// Writes a finished run: what is written survives the end of this process, however it comes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, row: &Row) -> Result<(), JournalError> {
        self.file.write_all(row.line().as_bytes()).map_err(io_error("write", &self.path))
    }
}

/// Reads the journal in a folder.
///
/// # Errors
/// If it cannot be read or is none.
pub fn read(folder: &Path) -> Result<Read, JournalError> {
    let path = if folder.is_dir() { folder.join(JOURNAL) } else { folder.to_owned() };
    let bytes = fs::read(&path).map_err(io_error("read", &path))?;
    parse(&bytes).ok_or(JournalError::Foreign(path))
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::Locked(path.to_owned())),
        // Not every file system has locks; there it is the user who takes care.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(fs::TryLockError::Error(error)) => Err(io_error("lock", path)(error)),
    }
}

/// The head, and rows up to the first that is not sound.
fn parse(bytes: &[u8]) -> Option<Read> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut sound = 0;
    let mut next = || {
        let line = lines.next()?;
        let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
        Some((text, line.len()))
    };
    let (head, long) = next()?;
    let design = Design::from_json(head.strip_prefix(HEAD)?)?;
    sound += long;
    let (shard, long) = next()?;
    let (index, of) = shard.strip_prefix(SHARD)?.split_once('/')?;
    let shard = Shard { index: index.parse().ok()?, of: of.parse().ok().filter(|of| *of > 0)? };
    sound += long;
    let (_, long) = next()?;
    sound += long;
    let mut rows = BTreeMap::new();
    while let Some((line, long)) = next() {
        let Some(row) = Row::parse(line, &design) else { break };
        sound += long;
        rows.insert((row.point, row.seed), row);
    }
    Some(Read { design, shard, rows, sound })
}
