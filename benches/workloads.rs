//! The workloads S1 to S5, adaptive and with all nodes scored: CPU time a decision and a node. `cargo bench --bench workloads`
//! prints a table; a name (`S2`) or a number of nodes (`1000`) after `--` narrows it. With the columns it also tells what the
//! first look at every node costs, when nothing is remembered: a cold column.

use cpu_time::ThreadTime;
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::{Evaluator, Options};
use podsim::sim::workloads::{Run, Workload};

/// Nodes, percentage of nodes to score, and pods, as they were measured with the real scheduler.
const SIZES: [(u32, u32, u32); 4] = [(1000, 0, 3000), (5000, 0, 3000), (5000, 100, 2000), (15_000, 100, 200)];

/// A run that takes longer is cut: later pods of S2 and S3 meet more pods and cost more.
const ENOUGH_SECONDS: f64 = 60.0;

fn run(workload: Workload, nodes: u32, percentage: u32, pods: u32, evaluator: &mut impl Evaluator) {
    let options = Options { percentage_of_nodes_to_score: percentage, ..Options::default() };
    let mut run = Run::new(workload, nodes);
    let started = ThreadTime::now();
    // The first of each class asks every node anew.
    let turns = pods.min(10);
    (0..turns).for_each(|_| run.place(evaluator, &options));
    let (first, first_evaluated) = (started.elapsed().as_secs_f64(), run.tally().evaluated);
    let mut placed = turns;
    while placed < pods && started.elapsed().as_secs_f64() < ENOUGH_SECONDS {
        run.place(evaluator, &options);
        placed += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let tally = run.tally();
    #[allow(clippy::cast_precision_loss, reason = "a few million")]
    let (cycles, evaluated, first_evaluated) =
        (tally.cycles as f64, tally.evaluated.max(1) as f64, first_evaluated.max(1) as f64);
    let percentage = if percentage == 0 { "adaptive".to_owned() } else { percentage.to_string() };
    println!(
        "| {} | {nodes} | {percentage} | {} | {} | {:.4} | {:.0} | {:.2} | {:.1} |",
        workload.name(),
        tally.cycles,
        tally.preemptions,
        seconds * 1e3 / cycles,
        cycles / seconds,
        seconds * 1e9 / evaluated,
        first * 1e9 / first_evaluated,
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |text: &str| wanted.is_empty() || wanted.iter().any(|word| text.contains(word.as_str()));
    println!(
        "| workload | nodes | % | cycles | preemptions | CPU ms/cycle | cycles per CPU s | ns a node | ns a node, first 10 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (nodes, percentage, pods) in SIZES {
        for workload in Workload::ALL {
            if is_wanted(&format!("{} {nodes}", workload.name())) {
                run(workload, nodes, percentage, pods, &mut Columns::new());
            }
        }
    }
}
