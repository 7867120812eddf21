//! The commands that answer a question: against brute force, and as a user calls them.

mod asked;
mod compare;
mod fail_drain;
mod fit;
mod fit_vectors;
mod packing;
mod rollout_headroom;
mod size;
mod study;
#[path = "../support/vectors.rs"]
mod vectors;
