//! What one scheduling decision costs: 16 request classes taking turns on a cluster about half full, every decision followed
//! by the assumption of its pod and the end of the oldest one.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use podsim::model::strings::known;
use podsim::model::{ClassId, NodeId, PodClass, PodId, Resources, Strings};
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::{Ask, Options, schedule_one};
use podsim::scheduler::view::{NodeSpec, View};

const CLASSES: u32 = 16;
const GIB: i64 = 1 << 30;

struct Cluster {
    view: View,
    columns: Columns,
    options: Options,
    running: VecDeque<PodId>,
    free: Vec<PodId>,
    turn: u32,
}

impl Cluster {
    /// Nodes of 16 cores and 64 GiB in three zones, filled with eight pods a node.
    fn new(nodes: u32, percentage: i32) -> Self {
        let mut strings = Strings::new();
        let mut view = View::new();
        for number in 0..CLASSES {
            let i = i64::from(number);
            let requests =
                Resources { milli_cpu: 250 + 125 * i, memory: GIB + GIB / 4 * (i * 7 % 16), ..Resources::default() };
            let (scoring_milli_cpu, scoring_memory) = (requests.milli_cpu, requests.memory);
            view.register_class(
                ClassId::from_raw(number),
                &PodClass { requests, scoring_milli_cpu, scoring_memory, ..PodClass::default() },
            );
        }
        let allocatable = Resources { milli_cpu: 16_000, memory: 64 * GIB, ..Resources::default() };
        for number in 0..nodes {
            let name = strings.intern(&format!("node-{number}"));
            let zone = strings.intern(&format!("zone-{}", number % 3));
            let labels = [(known::LABEL_ZONE, zone)];
            let spec = NodeSpec {
                name,
                hostname: Some(name),
                labels: &labels,
                taints: &[],
                allocatable: &allocatable,
                max_pods: 110,
                unschedulable: false,
            };
            view.add_node(NodeId::from_raw(number), &spec);
        }
        let options = Options { percentage_of_nodes_to_score: percentage, ..Options::default() };
        let free = (0..nodes * 8 + 1).rev().map(PodId::from_raw).collect();
        let mut cluster = Self { view, columns: Columns::new(), options, running: VecDeque::new(), free, turn: 0 };
        while cluster.free.len() > 1 {
            cluster.place();
        }
        cluster
    }

    fn place(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        let class = ClassId::from_raw(self.turn % CLASSES);
        // Any well-spread word does for the choice among equals.
        let tie = u64::from(self.turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let decision = schedule_one(&mut self.view, &mut self.columns, Ask::of(class), &self.options, tie);
        if let Some(node) = black_box(decision).node()
            && let Some(pod) = self.free.pop()
        {
            self.view.assume(pod, class, node);
            self.running.push_back(pod);
        }
    }

    /// One decision with its churn.
    fn turn(&mut self) {
        self.place();
        if let Some(pod) = self.running.pop_front() {
            self.view.remove_pod(pod);
            self.free.push(pod);
        }
    }
}

fn scheduling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule_one");
    for nodes in [100, 1000, 5000] {
        for (percentage, name) in [(0, "adaptive"), (100, "all")] {
            let mut cluster = Cluster::new(nodes, percentage);
            group.bench_function(format!("{nodes} nodes, {name}"), |bencher| bencher.iter(|| cluster.turn()));
        }
    }
    group.finish();
}

criterion_group!(benches, scheduling);
criterion_main!(benches);
