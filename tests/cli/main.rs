//! The program as a user calls it, and what it writes.

mod cluster_dumps;
mod commands;
mod conformance;
mod describe;
mod explain;
mod export_formats;
mod export_render;
mod export_speed;
mod export_support;
mod get;
mod golden;
mod readme;
mod run;
mod schedule;
mod schedule_vectors;
mod some_pods;
mod spilled;
#[path = "../support/vectors.rs"]
mod vectors;
