//! Whole runs of random plans, determinism, and how the project is built.

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod determinism;
mod plans;
mod preemption_wakeups;
mod quiet_pods;
mod sharing;
mod whole_runs;
