//! The shortest simulation: twenty jobs on two nodes that have room for four at a time.
//!
//! ```sh
//! cargo run --release --example hello
//! ```

use podsim::{PlanBuilder, Pod, Simulation};

fn main() -> Result<(), podsim::BuildError> {
    let plan = PlanBuilder::new("hello")
        .nodes("worker", 2, "4", "16Gi")
        .pods(Pod::new("batch", "1500m", "2Gi").copies(20).runs_for("5m"))
        .build()?;
    let outcome = Simulation::new(plan).run();

    println!("{} of 20 jobs succeeded", outcome.counters.pods_succeeded);
    println!("half of them waited {:.0} s or more for a node", outcome.wait.p50);
    println!("all was done at {}", outcome.ended_at.rfc3339());
    for pod in outcome.pods.iter().take(3) {
        println!("{:<10} {:<6} {}", pod.name, pod.ready, pod.status);
    }
    Ok(())
}
