//! The discrete-event kernel: clock, calendar, timers with cancel, limits; generic in the event.
//!
//! A run is a loop of three steps: [`Kernel::pop`] moves the clock to the next event and hands it out, the caller
//! handles it, and the handler schedules what follows. Events come in the total order (time, rank, order of
//! scheduling): nothing else, neither an address nor a hash nor the history of the data structures, decides.
//!
//! - `entry`: the 16 bytes that stand for a pending event, and their order;
//! - `slab`: the events themselves, named by slot and generation;
//! - `heap`, `far`, `queue`: the irregular timers, near ones in a 4-ary heap, far ones in radix buckets;
//! - `lanes`: constant delays, which need no sorting;
//! - `calendar`: these together, cancellation, compaction, renumbering;
//! - `timers`: the port through which components use it;
//! - `kernel`: the calendar with the limits of a run.
//!
//! It must not know what an event means: Kubernetes starts elsewhere.

pub mod calendar;
pub mod entry;
mod far;
mod heap;
pub mod kernel;
pub mod lanes;
#[cfg(test)]
mod model_test;
mod queue;
pub mod slab;
pub mod timers;

pub use calendar::Calendar;
pub use entry::Rank;
pub use kernel::{Kernel, LimitReached, Limits};
pub use lanes::Lane;
pub use slab::TimerKey;
pub use timers::{Ranked, Timers};
