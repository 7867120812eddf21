//! The least number of nodes with which all is well: found by doubling and halving with one seed, then tried with all seeds,
//! and so are the three sizes below it, because more nodes are not always better.

use super::super::{Halt, Runner};
use super::trial::{Loss, Trial, all, losing, sized};
use crate::model::PoolId;
use crate::sim::plan::Plan;

/// A size that was tried with all seeds.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    pub count: usize,
    /// Seeds with which all is well, whatever is lost.
    pub passed: usize,
    /// Why not, with the first seed that fails.
    pub why: String,
}

/// What the search came to.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The least number that passes with all seeds.
    pub count: usize,
    /// It, and up to three below it, greatest first.
    pub tried: Vec<Tried>,
    /// A run that passes.
    pub trial: Trial,
}

/// What is sized.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub plan: &'a Plan,
    pub pool: PoolId,
    pub loss: Loss,
    pub seeds: &'a [u64],
    pub most: usize,
    pub runner: &'a Runner<'a>,
}

impl Search<'_> {
    /// All that may be lost with `count` nodes, with one seed. The first trial that fails, or else the first.
    fn trial(&self, count: usize, seed: u64) -> Result<Trial, Halt> {
        let plan = Plan { seed, ..sized(self.plan, self.pool, count) };
        let cases = losing(plan, self.pool, self.loss);
        let mut trials = all(self.runner, &cases, self.pool)?;
        let at = trials.iter().position(|trial| !trial.passes()).unwrap_or(0);
        Ok(trials.swap_remove(at))
    }

    pub fn with_seeds(&self, count: usize) -> Result<(Tried, Trial), Halt> {
        let mut tried = Tried { count, passed: 0, why: String::new() };
        let mut shown = None;
        for &seed in self.seeds {
            let trial = self.trial(count, seed)?;
            if trial.passes() {
                tried.passed += 1;
                shown.get_or_insert(trial);
            } else if tried.why.is_empty() {
                tried.why = trial.why();
                shown = Some(trial);
            }
        }
        Ok((tried, shown.expect("there is a seed")))
    }

    /// The least number from `least` on; `Err` inside: why `most` is not enough.
    pub fn find(&self, least: usize) -> Result<Result<Found, String>, Halt> {
        let first = self.seeds[0];
        // Doubling: the last that fails, and one that passes.
        let (mut fails, mut passes) = (None, least.max(1).min(self.most));
        if least == 0 && self.trial(0, first)?.passes() {
            passes = 0;
        }
        loop {
            let trial = self.trial(passes, first)?;
            if trial.passes() {
                break;
            }
            // No size brings back what nobody makes again.
            if passes >= self.most || trial.lost > 0 {
                return Ok(Err(trial.why()));
            }
            fails = Some(passes);
            passes = (passes * 2).min(self.most);
        }
        let mut low = fails.map_or(least, |fails| fails + 1);
        while low < passes {
            let middle = low + (passes - low) / 2;
            if self.trial(middle, first)?.passes() { passes = middle } else { low = middle + 1 }
        }
        self.confirm(passes, least)
    }

    /// Up until all seeds pass, then down as long as one of three below does.
    fn confirm(&self, from: usize, least: usize) -> Result<Result<Found, String>, Halt> {
        let mut count = from;
        let mut known: Vec<Tried> = Vec::new();
        let mut trial = loop {
            let (tried, trial) = self.with_seeds(count)?;
            let passed = tried.passed == self.seeds.len();
            known.push(tried);
            if passed {
                break trial;
            }
            if count >= self.most {
                return Ok(Err(trial.why()));
            }
            count += 1;
        };
        loop {
            let mut lower = None;
            for below in (count.saturating_sub(3).max(least)..count).rev() {
                if !known.iter().any(|tried| tried.count == below) {
                    let (tried, of) = self.with_seeds(below)?;
                    if tried.passed == self.seeds.len() {
                        lower = Some((below, of));
                    }
                    known.push(tried);
                }
            }
            let Some(found) = lower else { break };
            (count, trial) = found;
        }
        known.retain(|tried| tried.count <= count && tried.count + 3 >= count);
        known.sort_by_key(|tried| std::cmp::Reverse(tried.count));
        Ok(Ok(Found { count, tried: known, trial }))
    }

    /// The least number from `least` to `count`, which passes, that passes with the first seed; by halving.
    pub fn below(&self, count: usize, least: usize) -> Result<usize, Halt> {
        let (mut low, mut high) = (least.min(count), count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.trial(middle, self.seeds[0])?.passes() { high = middle } else { low = middle + 1 }
        }
        Ok(high)
    }
}
