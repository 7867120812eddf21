//! Decisions: evaluators against each other, against independent rules, and against what a real cluster did.

mod cycle;
mod evaluators;
mod kubesbs;
mod pending_metrics;
mod profiles;
mod properties;
mod queue;
mod volumes;
