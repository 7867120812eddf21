//! podsim
fn main() {}
