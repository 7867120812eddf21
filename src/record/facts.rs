//! All facts of a run in the order in which they happened, also if most of them were put away while it went on. What is put
//! away comes in chunks, in the order in which it was told; reading merges those that overlap in time. Knows neither what facts
//! mean nor where they are put.

use std::fmt::Debug;

use super::fact::Stamped;
use crate::base::SimTime;

/// A place for facts outside of memory.
pub trait FactStore: Debug + Send + Sync {
    /// Takes a chunk of facts, which are in the order of time. What cannot be kept is told by [`trouble`](Self::trouble).
    fn put(&mut self, facts: &[Stamped]);
    /// The chunk of this number, in the order of [`put`](Self::put); empty if it cannot be read, which `trouble` tells.
    fn get(&self, chunk: usize) -> Vec<Stamped>;
    /// The first thing that went wrong since it was last asked.
    fn trouble(&self) -> Option<String>;
}

/// Facts that were put away.
#[derive(Debug)]
pub(super) struct Away {
    store: Box<dyn FactStore>,
    /// So many facts stay in memory before they are put away.
    pub(super) at: usize,
    /// When the first fact of each chunk happened.
    firsts: Vec<SimTime>,
    facts: usize,
}

impl Away {
    pub(super) fn new(store: Box<dyn FactStore>, at: usize) -> Self {
        Self { store, at, firsts: Vec::new(), facts: 0 }
    }

    /// How many facts were put away.
    pub(super) const fn len(&self) -> usize {
        self.facts
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.store.trouble()
    }

    /// Puts facts away, which are in the order of time.
    pub(super) fn put(&mut self, facts: &mut Vec<Stamped>) {
        self.firsts.extend(facts.first().map(|&(at, _)| at));
        self.facts += facts.len();
        self.store.put(facts);
        facts.clear();
    }
}

/// Facts in the order in which they happened; what happened at one time in the order in which it was told.
pub struct Facts<'a> {
    away: Option<&'a Away>,
    /// Chunks that are being read, in their order, each with how far it was.
    open: Vec<(Vec<Stamped>, usize)>,
    /// What is in memory comes after all chunks.
    memory: &'a [Stamped],
    /// The next chunk that is not being read.
    next: usize,
    /// The earliest time in each chunk and those after it.
    from: Vec<SimTime>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(away: Option<&'a Away>, memory: &'a [Stamped]) -> Self {
        let mut from = away.map_or_else(Vec::new, |away| away.firsts.clone());
        for at in (1..from.len()).rev() {
            from[at - 1] = from[at - 1].min(from[at]);
        }
        Self { away, open: Vec::new(), memory, next: 0, from }
    }

    /// Where the earliest fact is, with its time: a chunk that is being read, or memory behind them.
    fn earliest(&self) -> Option<(usize, SimTime)> {
        let open = self.open.iter().map(|(facts, at)| facts.get(*at));
        let heads = open.chain([self.memory.first()]).enumerate();
        heads.filter_map(|(index, head)| Some((index, head?.0))).min_by_key(|&(index, at)| (at, index))
    }
}

impl Iterator for Facts<'_> {
    type Item = Stamped;

    fn next(&mut self) -> Option<Stamped> {
        // Chunks that may hold something as early are read as well.
        while let (Some(away), Some(&from)) = (self.away, self.from.get(self.next))
            && self.earliest().is_none_or(|(_, at)| from <= at)
        {
            self.open.push((away.store.get(self.next), 0));
            self.next += 1;
        }
        let (index, _) = self.earliest()?;
        let Some((facts, at)) = self.open.get_mut(index) else {
            let (&first, rest) = self.memory.split_first()?;
            self.memory = rest;
            return Some(first);
        };
        let fact = facts[*at];
        *at += 1;
        if *at == facts.len() {
            self.open.remove(index);
        }
        Some(fact)
    }
}
