//! The commands that answer a question: against brute force, and as a user calls them.

mod compare;
mod fail_drain;
mod fit;
mod packing;
mod rollout_headroom;
mod size;
mod study;
