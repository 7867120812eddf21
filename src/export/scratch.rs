//! A file for the facts of a long run while it goes on. It has no name and is gone when it is closed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{ExportError, folder};
use crate::record::FactStore;
use crate::record::fact::Stamped;

/// Facts in a file.
#[derive(Debug)]
pub struct Scratch {
    file: Mutex<File>,
    /// Where each chunk begins, and how many bytes it has.
    chunks: Vec<(u64, usize)>,
    written: u64,
    trouble: Mutex<Option<io::Error>>,
}

impl Scratch {
    /// On the disk that results in `dir` will be on.
    ///
    /// # Errors
    /// If it cannot be created: then neither could the results.
    pub fn beside(dir: &Path) -> Result<Self, ExportError> {
        // What does not exist yet is created beside what does.
        let there = dir.ancestors().skip(1).find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(there).map(Self::new).map_err(|source| folder::io("create a file in", there, source))
    }

    /// In a file that nobody else touches.
    #[must_use]
    pub const fn new(file: File) -> Self {
        Self { file: Mutex::new(file), chunks: Vec::new(), written: 0, trouble: Mutex::new(None) }
    }

    fn append(&self, facts: &[Stamped]) -> io::Result<usize> {
        let mut bytes = Vec::new();
        for fact in facts {
            bytes = postcard::to_extend(fact, bytes).map_err(io::Error::other)?;
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.written))?;
        file.write_all(&bytes)?;
        Ok(bytes.len())
    }

    fn read(&self, chunk: usize) -> io::Result<Vec<Stamped>> {
        // What could not be written was told then.
        let Some(&(offset, size)) = self.chunks.get(chunk) else { return Ok(Vec::new()) };
        let mut bytes = vec![0; size];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes)?;
        }
        let (mut facts, mut rest) = (Vec::new(), &bytes[..]);
        while !rest.is_empty() {
            let (fact, left) = postcard::take_from_bytes(rest).map_err(io::Error::other)?;
            facts.push(fact);
            rest = left;
        }
        Ok(facts)
    }

    fn fail(&self, error: io::Error) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

impl FactStore for Scratch {
    fn put(&mut self, facts: &[Stamped]) {
        let size = self.append(facts).unwrap_or_else(|error| {
            self.fail(error);
            0
        });
        self.chunks.push((self.written, size));
        self.written += size as u64;
    }

    fn get(&self, chunk: usize) -> Vec<Stamped> {
        self.read(chunk).unwrap_or_else(|error| {
            self.fail(error);
            Vec::new()
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take().map(|error| error.to_string())
    }
}
