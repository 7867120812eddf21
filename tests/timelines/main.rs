//! What happens when, in small clusters: times by hand from the written rules.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod attach;
mod autoscaler;
mod claims;
mod cpu;
mod crash;
mod draws;
mod gallery_life;
mod gallery_node;
mod gallery_workloads;
mod gates;
mod hooks;
mod images;
mod node;
mod preemption;
mod pressure;
mod probes;
mod relations;
mod resize;
mod start;
mod stop;
mod traffic;
mod volumes;
