//! What one scheduling decision costs: 16 request classes taking turns on a cluster about half full, every decision followed
//! by the assumption of its pod and the end of the oldest one. And what a backlog of 100,000 pending pods costs the queue.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use podsim::base::SimTime;
use podsim::model::strings::known;
use podsim::model::{ClassId, NodeId, PodClass, PodId, Resources, Strings};
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::{Ask, Options, schedule_one};
use podsim::scheduler::framework::{Plugin, PluginSet};
use podsim::scheduler::hints::ClusterEvent;
use podsim::scheduler::queue::{Queue, QueueConfig};
use podsim::scheduler::view::{NodeFacts, NodeSpec, View};

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
    fn new(nodes: u32, percentage: u32) -> Self {
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
                images: &[],
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
    group.bench_function("5000 nodes, none fits", |bencher| {
        let mut cluster = Cluster::new(5000, 0);
        let class = ClassId::from_raw(CLASSES);
        let requests = Resources { milli_cpu: 20_000, ..Resources::default() };
        cluster.view.register_class(class, &PodClass { requests, ..PodClass::default() });
        bencher.iter(|| {
            let decision = schedule_one(&mut cluster.view, &mut cluster.columns, Ask::of(class), &cluster.options, 0);
            assert!(black_box(decision).node().is_none());
            // Something changes in between.
            let pod = cluster.running.pop_front().expect("the cluster is not empty");
            let (node, class) = cluster.view.remove_pod(pod).expect("it runs");
            cluster.view.assume(pod, class, node);
            cluster.running.push_back(pod);
        });
    });
    group.finish();
}

/// 100,000 pods of 16 classes, of which NodeResourcesFit rejected one class and TaintToleration the others.
fn backlog(criterion: &mut Criterion) {
    const PODS: u32 = 100_000;
    let cluster = Cluster::new(1, 0);
    let tables = cluster.view.tables();
    let fit = PluginSet::of(&[Plugin::NodeResourcesFit]);
    let taint = PluginSet::of(&[Plugin::TaintToleration]);
    let full = || {
        let mut queue = Queue::new(QueueConfig::default(), SimTime(0));
        for number in 0..PODS {
            queue.add(tables, PodId::from_raw(number), ClassId::from_raw(number % CLASSES), None, SimTime(0));
        }
        while let Some(popped) = queue.pop(SimTime(0)) {
            let by = if popped.class.raw() == 0 { fit } else { taint };
            queue.failed(tables, popped, by, SimTime(1));
        }
        queue
    };
    let mut group = criterion.benchmark_group("queue, 100,000 waiting");
    group.sample_size(20);
    group.bench_function("fill: add, pop and fail each", |bencher| bencher.iter_with_large_drop(full));
    let mut queue = full();
    group.bench_function("an event that 15 classes are asked about and wakes none", |bencher| {
        let old = *cluster.view.facts(NodeId::from_raw(0)).expect("there is a node");
        let new = NodeFacts { unschedulable: true, ..old };
        let event = ClusterEvent::NodeUpdated { old, new };
        bencher.iter(|| assert_eq!(queue.on_event(tables, &event, SimTime(2)), 0));
    });
    group.bench_function("an event that wakes 6,250, popped and failed again", |bencher| {
        let freed = ClusterEvent::AssignedPodRemoved { class: ClassId::from_raw(1), terminating: false };
        bencher.iter(|| {
            assert_eq!(queue.on_event(tables, &freed, SimTime(3)), 6_250);
            while let Some(popped) = queue.pop(SimTime(3)) {
                queue.failed(tables, popped, fit, SimTime(3));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, scheduling, backlog);
criterion_main!(benches);
