//! What a study file says, as plain data, and the values that random keys take. Knows nothing of how it is written.

use std::path::PathBuf;
use std::sync::Arc;

use super::settings::{Place, Setting, Unit};
use crate::base::Draw;

/// A study as it was understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Study {
    /// Names the output folder.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// The scenario that is varied.
    pub scenario: PathBuf,
    /// With which every point is run, each once.
    pub seeds: Vec<u64>,
    /// Metrics of tables and charts, the most telling first.
    pub metrics: Vec<&'static str>,
    /// What is changed at every point.
    pub set: Vec<Setting>,
    /// Variants with a name.
    pub arms: Vec<Arm>,
    /// Keys that take every one of their values.
    pub grid: Vec<Axis>,
    /// How many samples are drawn; 0 without a random design.
    pub samples: u64,
    /// The root of the draws.
    pub random_seed: u64,
    /// Keys whose values are drawn.
    pub random: Vec<RandomAxis>,
}

/// A variant.
#[derive(Clone, PartialEq, Debug)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What it changes.
    pub set: Vec<Setting>,
}

/// A value of a key.
#[derive(Clone, PartialEq, Debug)]
pub struct Level {
    /// What is set.
    pub setting: Setting,
    /// As people read it.
    pub shown: String,
    /// As a number in the key's unit, if it is one.
    pub number: Option<f64>,
}

/// A key and all of its values.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// The dotted key.
    pub key: Arc<str>,
    /// The unit of its numbers.
    pub unit: Unit,
    /// Its values, at least one.
    pub levels: Vec<Level>,
}

/// A key and what its values are drawn from.
#[derive(Clone, PartialEq, Debug)]
pub struct RandomAxis {
    /// The dotted key.
    pub key: Arc<str>,
    /// The unit of its numbers.
    pub unit: Unit,
    /// Where it is written.
    pub place: Place,
    /// What its values are drawn from.
    pub from: DrawFrom,
}

/// What values are drawn from.
#[derive(Clone, PartialEq, Debug)]
pub enum DrawFrom {
    /// Any number between two.
    Uniform(f64, f64),
    /// The same of its logarithm.
    LogUniform(f64, f64),
    /// A whole number from one to another.
    Whole(i64, i64),
    /// One of these.
    Choice(Vec<Level>),
}

impl RandomAxis {
    /// The value of a sample.
    #[must_use]
    pub fn level(&self, draw: &Draw, sample: u64) -> Level {
        let unit = draw.unit(sample, 0, 0);
        self.at(unit, draw.at(sample, 1, 0).below(1 << 32))
    }

    /// The values at both ends, or all choices: what is wrong with any is mostly wrong with one of them.
    #[must_use]
    pub fn extremes(&self) -> Vec<Level> {
        match &self.from {
            DrawFrom::Choice(levels) => levels.clone(),
            _ => vec![self.at(0.0, 0), self.at(1.0, (1 << 32) - 1)],
        }
    }

    /// At a share of the way and, where there are steps, a share of 2^32.
    fn at(&self, share: f64, word: u64) -> Level {
        let step = |count: u64| u64::try_from((u128::from(word) * u128::from(count)) >> 32).unwrap_or(0);
        let number = match &self.from {
            DrawFrom::Uniform(low, high) => low + (high - low) * share,
            DrawFrom::LogUniform(low, high) => {
                libm::exp(libm::log(*low) + (libm::log(*high) - libm::log(*low)) * share).clamp(*low, *high)
            }
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "both ends are checked")]
            DrawFrom::Whole(low, high) => (low + step(low.abs_diff(*high) + 1) as i64) as f64,
            DrawFrom::Choice(levels) => {
                let at = usize::try_from(step(levels.len() as u64)).unwrap_or(0);
                return levels[at.min(levels.len() - 1)].clone();
            }
        };
        // What is set is what is told: the number as the scenario reads it.
        let shown = self.unit.text(number);
        let number = self.unit.number(&shown).unwrap_or(number);
        let value = if self.unit == Unit::One { shown.clone() } else { format!("\"{shown}\"") };
        Level {
            setting: Setting { key: Arc::clone(&self.key), value, place: self.place.clone() },
            shown,
            number: Some(number),
        }
    }
}
