//! The kubelet: pure rules, one file each, and the component that runs them on every node.

pub mod probes;
