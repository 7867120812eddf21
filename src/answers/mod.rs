//! Answers to questions of capacity planning: the same simulation, run on varied plans. One file a question, a function from a
//! [`Question`] to an [`Answer`]. Owns what is varied and what is counted. **No second scheduler and no arithmetic that poses as
//! an answer**: whatever fits was simulated. Knows no terminal.

mod answer;
mod judge;
mod question;
mod runs;
pub mod study;

pub use answer::{Answer, Cell, Column, Table};
pub use judge::Judged;
pub use question::{Machines, Question};
pub use runs::{Halt, Run, Runner, simulate};
