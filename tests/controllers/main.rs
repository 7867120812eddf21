//! Controllers, policies and autoscalers in time, over written and random histories.

#[path = "../support/mod.rs"]
mod support;

mod api_model;
mod app_support;
mod apps;
mod apps_random;
mod autoscaler_properties;
mod batch;
mod kinds;
mod policies;
