//! Joins the three worlds: the plan of a run, the closed event enum, the world, the simulation.

pub mod outcome;

pub use crate::model::plan;
