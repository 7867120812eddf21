//! The workloads S1 to S6, adaptive and with all nodes scored: CPU time a decision and a node. `cargo bench --bench workloads`
//! prints a table; a name (`S2`) or a number of nodes (`1000`) after `--` narrows it, and `columns` and `scan` ask another
//! evaluator than the one in use. Each run is checked: none of it was handed over to the plain evaluator.

use cpu_time::ThreadTime;
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::{Evaluator, Options};
use podsim::scheduler::index::Index;
use podsim::scheduler::scan::Scan;
use podsim::sim::workloads::{Run, Workload};

/// Nodes, percentage of nodes to score, and pods, as they were measured with the real scheduler.
const SIZES: [(u32, u32, u32); 6] =
    [(1000, 0, 3000), (1000, 100, 3000), (5000, 0, 3000), (5000, 100, 2000), (15_000, 0, 3000), (15_000, 100, 3000)];

/// A run that takes longer is cut: later pods of S2 and S3 meet more pods and cost more.
const ENOUGH_SECONDS: f64 = 60.0;

fn run(workload: Workload, nodes: u32, percentage: u32, pods: u32, evaluator: &mut impl Evaluator) {
    let options = Options { percentage_of_nodes_to_score: percentage, ..Options::default() };
    let pods = if workload == Workload::ManyClasses { 10_000 } else { pods };
    let mut run = Run::new(workload, nodes);
    let started = ThreadTime::now();
    // The first of each class asks every node anew.
    let turns = pods.min(if workload == Workload::AntiAffinity { 100 } else { 10 });
    (0..turns).for_each(|_| run.place(evaluator, &options));
    let (first, first_cycles) = (started.elapsed().as_secs_f64(), run.tally().cycles);
    let mut placed = turns;
    // The clock takes as long as half a decision: it is looked at now and then.
    while placed < pods && started.elapsed().as_secs_f64() < ENOUGH_SECONDS {
        let turns = (pods - placed).min(50);
        (0..turns).for_each(|_| run.place(evaluator, &options));
        placed += turns;
    }
    let seconds = started.elapsed().as_secs_f64();
    let tally = run.tally();
    #[allow(clippy::cast_precision_loss, reason = "a few million")]
    let (cycles, evaluated, warm) =
        (tally.cycles as f64, tally.evaluated.max(1) as f64, (tally.cycles - first_cycles).max(1) as f64);
    let percentage = if percentage == 0 { "adaptive".to_owned() } else { "all".to_owned() };
    println!(
        "| {} | {nodes} | {percentage} | {} | {} | {:.2} | {:.2} | {:.0} | {:.2} |",
        workload.name(),
        tally.cycles,
        tally.preemptions,
        seconds * 1e6 / cycles,
        (seconds - first) * 1e6 / warm,
        cycles / seconds,
        seconds * 1e9 / evaluated,
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let (evaluators, wanted): (Vec<String>, Vec<String>) =
        wanted.into_iter().partition(|word| ["columns", "scan"].contains(&word.as_str()));
    let is_wanted = |text: &str| wanted.is_empty() || wanted.iter().any(|word| text.contains(word.as_str()));
    println!(
        "| workload | nodes | scored | cycles | preemptions | CPU us/cycle | after the first | cycles per CPU s | ns a node |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (nodes, percentage, pods) in SIZES {
        for workload in Workload::ALL {
            if !is_wanted(&format!("{} {nodes}", workload.name())) {
                continue;
            }
            match evaluators.first().map(String::as_str) {
                Some("columns") => run(workload, nodes, percentage, pods, &mut Columns::new()),
                Some(_) => run(workload, nodes, percentage, pods, &mut Scan),
                None => {
                    let mut index = Index::new();
                    run(workload, nodes, percentage, pods, &mut index);
                    let shares = index.shares();
                    assert_eq!((shares.handed_over, shares.evictions_handed_over), (0, 0), "not answered by the index");
                }
            }
        }
    }
}
