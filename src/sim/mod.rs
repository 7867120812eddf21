//! Joins the three worlds: the closed event enum, the world of all components, the simulation and its outcome.

pub mod builder;
mod disturb;
mod drain;
pub mod event;
mod facts;
mod machines;
mod measure;
pub mod metrics;
pub mod outcome;
mod rows;
pub mod simulation;
mod stats;
mod traffic;
pub mod workload_plans;
pub mod workloads;
pub mod world;

pub use crate::model::plan;
pub use builder::{BuildError, PlanBuilder, Pod};
pub use outcome::Outcome;
pub use plan::Plan;
pub use simulation::Simulation;
