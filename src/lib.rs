//! podsim: a Kubernetes cluster in one deterministic process.

pub mod api;
pub mod base;
pub mod cli;
pub mod component;
pub mod controllers;
pub mod diag;
pub mod engine;
pub mod export;
pub mod kubelet;
pub mod manifest;
pub mod model;
pub mod record;
pub mod scenario;
pub mod scheduler;
pub mod sim;
pub mod trace;
pub mod workload;
