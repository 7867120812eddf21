//! Facts of a long run in a file instead of in memory: written in the order in which they were told, read back in the order
//! in which they happened. Knows neither what facts mean nor where the file comes from.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, PoisonError};

use super::fact::Stamped;
use crate::base::SimTime;

/// Facts that were sorted and written together.
#[derive(Debug)]
struct Chunk {
    /// Where its bytes begin in the file.
    offset: u64,
    bytes: usize,
    first: SimTime,
}

/// The file and what is in it.
#[derive(Debug)]
pub(super) struct Spill {
    /// So many facts are kept in memory before they go to the file.
    pub(super) at: usize,
    file: Mutex<File>,
    chunks: Vec<Chunk>,
    written: u64,
    facts: usize,
    /// The first thing that went wrong: whoever tells a fact has no use for it, the writer of results does.
    trouble: Mutex<Option<io::Error>>,
}

impl Spill {
    pub(super) const fn new(file: File, at: usize) -> Self {
        Self { at, file: Mutex::new(file), chunks: Vec::new(), written: 0, facts: 0, trouble: Mutex::new(None) }
    }

    /// How many facts the file holds.
    pub(super) const fn len(&self) -> usize {
        self.facts
    }

    /// What went wrong, once.
    pub(super) fn trouble(&self) -> Option<io::Error> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, error: io::Error) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Writes `facts`, which are in the order of time, and forgets them.
    pub(super) fn write(&mut self, facts: &mut Vec<Stamped>) {
        let Some(&(first, _)) = facts.first() else { return };
        match self.append(facts) {
            Ok(bytes) => {
                self.chunks.push(Chunk { offset: self.written, bytes, first });
                self.written += bytes as u64;
            }
            Err(error) => self.fail(error),
        }
        self.facts += facts.len();
        facts.clear();
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

    fn read(&self, chunk: &Chunk) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; chunk.bytes];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(chunk.offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// All facts in the order in which they happened; what happened at one time in the order in which it was told. What was told
/// late lies in a later chunk: chunks that overlap in time are read side by side.
pub struct Facts<'a> {
    spill: Option<&'a Spill>,
    /// Chunks that are being read, in the order of the file; facts in memory come last.
    open: Vec<Cursor<'a>>,
    /// The next chunk that is not.
    next: usize,
    /// The earliest time in each chunk and those after it.
    from: Vec<SimTime>,
}

enum Cursor<'a> {
    File { bytes: Vec<u8>, at: usize, head: Option<Stamped> },
    Memory(&'a [Stamped]),
}

impl Cursor<'_> {
    fn head(&self) -> Option<Stamped> {
        match self {
            Self::File { head, .. } => *head,
            Self::Memory(facts) => facts.first().copied(),
        }
    }

    fn step(&mut self) -> Result<(), postcard::Error> {
        match self {
            Self::File { bytes, at, head } => {
                let rest = &bytes[*at..];
                *head = None;
                if !rest.is_empty() {
                    let (fact, left) = postcard::take_from_bytes(rest)?;
                    *at += rest.len() - left.len();
                    *head = Some(fact);
                }
            }
            Self::Memory(facts) => *facts = facts.get(1..).unwrap_or_default(),
        }
        Ok(())
    }
}

impl<'a> Facts<'a> {
    pub(super) fn new(spill: Option<&'a Spill>, memory: &'a [Stamped]) -> Self {
        let mut from: Vec<SimTime> =
            spill.map_or_else(Vec::new, |spill| spill.chunks.iter().map(|c| c.first).collect());
        for at in (1..from.len()).rev() {
            from[at - 1] = from[at - 1].min(from[at]);
        }
        Self { spill, open: vec![Cursor::Memory(memory)], next: 0, from }
    }

    /// Opens the chunks that may hold something as early as `at`.
    fn open_until(&mut self, at: Option<SimTime>) -> Result<(), io::Error> {
        let Some(spill) = self.spill else { return Ok(()) };
        while self.from.get(self.next).is_some_and(|&from| at.is_none_or(|at| from <= at)) {
            let mut cursor = Cursor::File { bytes: spill.read(&spill.chunks[self.next])?, at: 0, head: None };
            cursor.step().map_err(io::Error::other)?;
            self.open.insert(self.open.len() - 1, cursor);
            self.next += 1;
            if at.is_none() {
                // It holds the earliest, or one that comes after it does.
                return self.open_until(self.earliest().map(|(_, at)| at));
            }
        }
        Ok(())
    }

    fn earliest(&self) -> Option<(usize, SimTime)> {
        let heads = self.open.iter().enumerate().filter_map(|(index, cursor)| Some((index, cursor.head()?.0)));
        heads.min_by_key(|&(index, at)| (at, index))
    }

    fn advance(&mut self) -> Result<Option<Stamped>, io::Error> {
        self.open_until(self.earliest().map(|(_, at)| at))?;
        let Some((index, _)) = self.earliest() else { return Ok(None) };
        let fact = self.open[index].head();
        self.open[index].step().map_err(io::Error::other)?;
        if index + 1 < self.open.len() && self.open[index].head().is_none() {
            self.open.remove(index);
        }
        Ok(fact)
    }
}

impl Iterator for Facts<'_> {
    type Item = Stamped;

    fn next(&mut self) -> Option<Stamped> {
        match (self.advance(), self.spill) {
            (Ok(fact), _) => fact,
            (Err(error), Some(spill)) => {
                // Whoever writes results asks for it before they count.
                spill.fail(error);
                self.open.clear();
                self.open.push(Cursor::Memory(&[]));
                self.next = self.from.len();
                None
            }
            (Err(_), None) => None,
        }
    }
}
