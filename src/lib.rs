//! podsim: a Kubernetes cluster in one deterministic process.
//!
//! A discrete-event simulator of pod scheduling and pod lifecycle. It places pods by the rules of kube-scheduler v1.34,
//! and lets them live and die by the rules of the kubelet and the controllers. The same plan and seed give the same run,
//! to the last byte, on every machine.
//!
//! # In a minute
//!
//! A [`Plan`] says everything a run is made of; a [`Simulation`] runs it; an [`Outcome`] says what came of it.
//!
//! ```
//! use podsim::{PlanBuilder, Pod, Simulation};
//!
//! let plan = PlanBuilder::new("hello")
//!     .nodes("worker", 2, "4", "16Gi")
//!     .pods(Pod::new("batch", "1500m", "2Gi").copies(10).runs_for("5m"))
//!     .build()?;
//! let outcome = Simulation::new(plan).run();
//! assert_eq!(outcome.counters.pods_succeeded, 10);
//! println!("the last pod waited {:.0} s for a node", outcome.wait.max);
//! # Ok::<(), podsim::BuildError>(())
//! ```
//!
//! # Three ways to a plan
//!
//! - [`PlanBuilder`], as above: for tests and experiments in Rust.
//! - [`scenario::load`] reads a scenario file with the Kubernetes manifests it names; [`scenario::from_text`] reads one
//!   that was made in memory. Both return the plan together with everything that is wrong, each with its place.
//! - The fields of [`Plan`] are public: what the builder has no word for is set on the finished plan.
//!
//! ```
//! let text = r#"
//!     [scenario]
//!     duration = "10m"
//!     [[node_pool]]
//!     name = "worker"
//!     count = 2
//!     capacity = { cpu = "2", memory = "4Gi" }
//!     [[arrivals]]
//!     name = "hello"
//!     template = { cpu = "500m", memory = "256Mi" }
//!     every = "30s"
//!     count = 8
//! "#;
//! let loaded = podsim::scenario::from_text("hello.toml", text, &|path| std::fs::read_to_string(path));
//! let plan = loaded.plan.expect("the diagnostics are empty");
//! assert_eq!(podsim::Simulation::new(plan).run().counters.pods_bound, 8);
//! ```
//!
//! # Watching a run
//!
//! What is recorded is a type parameter, so that it costs nothing when off. A [`Recording`] keeps every fact and sample;
//! [`export::write_all`] turns it into tables, traces and charts. [`Simulation::step`] and [`Simulation::run_until`] stop
//! where you want to look; [`Simulation::cluster`] shows the objects.
//!
//! ```
//! use podsim::{PlanBuilder, Pod, Recording, Simulation};
//!
//! let pods = Pod::new("job", "1", "1Gi").runs_for("1m");
//! let plan = PlanBuilder::new("one").nodes("worker", 1, "4", "8Gi").pods(pods).build()?;
//! let (outcome, recording) = Simulation::with_recorder(plan, Recording::new()).run_recorded();
//! for (at, fact) in recording.facts() {
//!     println!("{} {fact:?}", at.rfc3339());
//! }
//! assert_eq!(outcome.pods[0].status, "Completed");
//! # Ok::<(), podsim::BuildError>(())
//! ```
//!
//! # Where things are
//!
//! [`base`] time, quantities, ids, draws · [`model`] Kubernetes' vocabulary · [`engine`] the event kernel · [`api`] the
//! objects and the change log · [`scheduler`], [`kubelet`], [`controllers`] the components · [`workload`] what processes
//! and users do · [`record`] facts and samples · [`sim`] the simulation · [`scenario`], [`manifest`], [`trace`] input ·
//! [`export`] output · [`answers`] capacity
//! planning · [`diag`] diagnostics · [`cli`] the command. docs/ARCHITECTURE.md says who may know whom,
//! docs/FIDELITY.md where this differs from Kubernetes.

pub mod answers;
pub mod api;
pub mod autoscaler;
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

pub use record::Recording;
pub use sim::{BuildError, Outcome, Plan, PlanBuilder, Pod, Simulation};
