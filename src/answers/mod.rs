//! Answers to questions of capacity planning: the same simulation, run on varied plans. One file a question, a function from a
//! [`Question`] to an [`Answer`]. Owns what is varied and what is counted. **No second scheduler and no arithmetic that poses as
//! an answer**: whatever fits was simulated. Knows no terminal.

mod answer;
mod fit;
mod judge;
mod packing;
mod question;
mod recommend;
mod runs;
pub mod size;
pub(crate) mod survey;

pub use answer::{Answer, Cell, Column, Table};
pub use fit::{FitOptions, What, fit};
pub use judge::Judged;
pub use packing::{PackingOptions, packing};
pub use question::{Machines, Question};
pub use recommend::Recommendations;
pub use runs::{Halt, Run, Runner, simulate};
