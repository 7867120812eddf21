//! Joins the three worlds: the plan of a run, the closed event enum, the world, the simulation.

pub mod metrics;
pub mod outcome;
pub mod plan;
