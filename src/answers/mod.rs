//! Answers to questions of capacity planning: the same simulation, run on varied plans. One file a question, a function from a
//! [`Question`] to an [`Answer`]. Owns what is varied and what is counted. **No second scheduler and no arithmetic that poses as
//! an answer**: whatever fits was simulated. Knows no terminal.

mod answer;
mod balloon;
mod compare;
mod drain;
mod fail;
mod fit;
mod headroom;
mod judge;
mod packing;
mod past;
mod question;
mod recommend;
mod revise;
mod rollout;
mod runs;
pub mod size;
pub mod study;
pub(crate) mod survey;

pub use answer::{Answer, Cell, Column, Table};
pub use compare::{Arm, CompareOptions, Condition, Statistic, compare};
pub use drain::{DrainOptions, drain};
pub use fail::{FailOptions, fail};
pub use fit::{FitOptions, What, fit};
pub use headroom::{HeadroomOptions, headroom};
pub use judge::Judged;
pub use packing::{PackingOptions, packing};
pub use question::{Machines, Question};
pub use recommend::Recommendations;
pub use rollout::{RolloutOptions, rollout};
pub use runs::{Halt, Run, Runner, simulate, watch};
