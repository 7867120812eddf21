//! Everything that users give: manifests, scenarios, configurations of the scheduler.

mod manifest_compile;
mod manifest_diagnostics;
mod manifest_directories;
mod manifest_fuzz;
mod manifest_real;
mod manifest_validation;
mod scenario_diagnostics;
mod scenario_docs;
mod scenario_fuzz;
mod scenario_shipped;
mod scheduler_config;
