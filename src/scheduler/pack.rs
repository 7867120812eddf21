//! Columns that are used again and again, kept up to date together: what a changed node says to requests of so much is worked out
//! once for all columns that request as much, where each column alone would work it out anew. Owns which columns go together;
//! cells are the [`column`](super::column)'s business. Only questions of processors and memory under the usual scores are
//! here; a column that leaves catches up by itself when it is used.

use super::column::Column;
use super::journal::Cursor;
use super::plugins::node_resources_fit::{Insufficient, Usage, insufficient_plain};
use super::plugins::{balanced_allocation, resource_allocation};
use super::probe::Reject;
use super::view::{NOT_LISTED, View};

/// After so many turns without use a column leaves.
const PATIENCE: u64 = 40;

/// More changes at once are left to each column.
const MANY_CHANGES: usize = 64;

/// A question that a node's usage answers alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Plain {
    pub milli_cpu: Amount,
    pub memory: Amount,
    pub ephemeral_storage: i64,
    pub fit_weight: i64,
    pub balance_weight: i64,
}

/// How much is requested of a resource, and how much scoring counts for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Amount {
    pub request: i64,
    pub scoring: i64,
}

/// What a node says to an amount: what it is short of (a place for a pod included), the score of NodeResourcesFit, and how
/// much of it would be requested.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    short: Insufficient,
    least: i64,
    fraction: f64,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    column: u32,
    plain: Plain,
    /// Positions in the lists of amounts.
    milli_cpu: u32,
    memory: u32,
}

/// The columns that go together.
#[derive(Clone, Debug, Default)]
pub(super) struct Pack {
    members: Vec<Member>,
    /// The distinct amounts, with what the node at hand says.
    milli_cpu: Vec<(Amount, Said)>,
    memory: Vec<(Amount, Said)>,
    /// How far the members' cells are up to date, and for which list.
    cursor: Cursor,
    epoch: u64,
    turn: u64,
}

impl Pack {
    /// Takes what changed into all members' cells.
    pub(super) fn advance(&mut self, view: &View, columns: &mut [Column]) {
        let now = view.journal().cursor();
        if self.members.is_empty() || self.cursor == now {
            return;
        }
        self.turn += 1;
        if self.turn.is_multiple_of(PATIENCE) {
            let since = self.turn - PATIENCE;
            let is_used = |column: &Column| column.turn.is_some_and(|turn| turn >= since);
            if !self.members.iter().all(|member| is_used(&columns[member.column as usize])) {
                self.keep(columns, is_used);
            }
        }
        let changes = view.journal().changes_since(self.cursor).filter(|changes| changes.len() <= MANY_CHANGES);
        let Some(changes) = changes.filter(|_| self.epoch == view.list_epoch()) else {
            return self.keep(columns, |_| false);
        };
        let mut last = None;
        for &change in changes {
            let position = view.position(change.node);
            if last.replace(change.node) == Some(change.node) && !change.facts || position == NOT_LISTED {
                continue;
            }
            let usage = view.usage(change.node);
            if change.facts || usage.allocatable_milli_cpu == 0 || usage.allocatable_memory == 0 {
                return self.keep(columns, |_| false);
            }
            self.ask(usage);
            let mut is_lost = false;
            for member in &self.members {
                let [cpu, memory] = [&self.milli_cpu[member.milli_cpu as usize], &self.memory[member.memory as usize]];
                let column = &mut columns[member.column as usize];
                if !column.follow(position as usize, member.plain.load(usage, &cpu.1, &memory.1)) {
                    // What it has followed since the cursor it looks at once more.
                    (column.cursor, column.turn) = (self.cursor, None);
                    is_lost = true;
                }
            }
            if is_lost {
                self.keep(columns, |column| column.turn.is_some());
            }
        }
        self.cursor = now;
    }

    /// Lets members go that are not to be kept. They are as far as the pack is.
    fn keep(&mut self, columns: &mut [Column], keeps: impl Fn(&Column) -> bool) {
        let members = std::mem::take(&mut self.members);
        (self.milli_cpu, self.memory) = (Vec::new(), Vec::new());
        for Member { column: at, plain, .. } in members {
            let column = &mut columns[at as usize];
            if keeps(column) {
                self.enter(at, plain);
            } else if column.turn.take().is_some() {
                column.cursor = self.cursor;
            }
        }
    }

    /// What a node of this usage says to all amounts.
    fn ask(&mut self, usage: &Usage) {
        for (amount, said) in &mut self.milli_cpu {
            let short = insufficient_plain(amount.request, 0, 0, usage);
            let (scoring, capacity) = (usage.scoring_milli_cpu, usage.allocatable_milli_cpu);
            *said = Said::of(amount, short, scoring, usage.milli_cpu, capacity);
        }
        for (amount, said) in &mut self.memory {
            let short = insufficient_plain(0, amount.request, 0, usage);
            *said = Said::of(amount, short, usage.scoring_memory, usage.memory, usage.allocatable_memory);
        }
    }

    /// A member is as far as all are.
    #[inline]
    pub(super) fn catch_up(&self, column: &mut Column) {
        if column.turn.is_some() {
            column.cursor = self.cursor;
        }
    }

    /// A column was used and is up to date; it goes along from now on if it can.
    pub(super) fn used(&mut self, view: &View, at: u32, column: &mut Column, plain: impl FnOnce() -> Option<Plain>) {
        if column.turn.is_none() {
            let Some(plain) = plain() else { return };
            if self.members.is_empty() {
                (self.cursor, self.epoch) = (view.journal().cursor(), view.list_epoch());
            }
            self.enter(at, plain);
        }
        column.turn = Some(self.turn);
    }

    /// A column is another from now on.
    pub(super) fn leave(&mut self, at: u32, column: &mut Column) {
        if column.turn.take().is_some() {
            self.members.retain(|member| member.column != at);
        }
    }

    fn enter(&mut self, column: u32, plain: Plain) {
        let [milli_cpu, memory] = [(&mut self.milli_cpu, plain.milli_cpu), (&mut self.memory, plain.memory)]
            .map(|(amounts, wanted)| place_of(amounts, wanted));
        self.members.push(Member { column, plain, milli_cpu, memory });
    }
}

fn place_of(amounts: &mut Vec<(Amount, Said)>, wanted: Amount) -> u32 {
    let at = amounts.iter().position(|&(amount, _)| amount == wanted).unwrap_or_else(|| {
        amounts.push((wanted, Said::default()));
        amounts.len() - 1
    });
    u32::try_from(at).expect("fewer amounts than classes")
}

impl Said {
    #[inline]
    fn of(amount: &Amount, short: Insufficient, scoring: i64, requested: i64, capacity: i64) -> Self {
        Self {
            short,
            least: resource_allocation::least_requested(scoring.saturating_add(amount.scoring), capacity),
            fraction: balanced_allocation::fraction((requested.saturating_add(amount.request), capacity)),
        }
    }
}

impl Plain {
    /// What [`Probe::load`](super::probe::Probe::load) says.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    fn load(&self, usage: &Usage, milli_cpu: &Said, memory: &Said) -> Result<i16, Reject> {
        let mut short = milli_cpu.short.and(memory.short);
        if self.ephemeral_storage > 0 {
            short = short.and(insufficient_plain(0, 0, self.ephemeral_storage, usage));
        }
        if !short.is_none() {
            return Err(Reject::Fit(short));
        }
        let mut score = resource_allocation::mean_of_two(milli_cpu.least, memory.least) * self.fit_weight;
        if self.balance_weight != 0 {
            score += balanced_allocation::score_of_two(milli_cpu.fraction, memory.fraction) * self.balance_weight;
        }
        Ok(score as i16)
    }
}
