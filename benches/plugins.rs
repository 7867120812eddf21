//! What each plugin costs: its filter for one node, and its score for one node among 1,000 that fit, normalization included.
//! Each is alone in a profile, so that what is timed is the way on which the plain evaluator asks it. The cluster is what such
//! plugins meet: 1,000 nodes in five zones with labels, taints, images and CSI drivers, and four pods on each. And S1 with all
//! nodes scored: what a decision over 5,000 nodes costs with all plugins on. Times are CPU times.

mod cpu;

use std::fmt::Write as _;
use std::hint::black_box;

use cpu::{CpuTime, criterion};
use cpu_time::ThreadTime;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use podsim::diag::{Diagnostics, Sources};
use podsim::manifest;
use podsim::model::profile::Profile;
use podsim::model::{ClassId, NodeId, PodClass, PodId, Vocabulary};
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::Options;
use podsim::scheduler::framework::Plugin;
use podsim::scheduler::pre_enqueue::pre_enqueue;
use podsim::scheduler::relations::Listers;
use podsim::scheduler::state::CycleState;
use podsim::scheduler::storage::Storage;
use podsim::scheduler::tables::Tables;
use podsim::scheduler::view::{NodeSpec, View};
use podsim::sim::workloads::{Run, Workload};

const NODES: u32 = 1000;
/// Pods of each of these are on a node.
const APPS: u32 = 4;

/// The pod that asks: it uses what every plugin looks at.
const POD: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: asking, labels: {app: app-0}}
spec:
  containers:
  - name: main
    image: registry.example.com/app:v1
    ports: [{containerPort: 8080, hostPort: 8080}, {containerPort: 9090, hostPort: 9090}]
    resources:
      requests: {cpu: 500m, memory: 1Gi, ephemeral-storage: 2Gi}
      limits: {example.com/gpu: 1}
  tolerations:
  - {key: dedicated, operator: Equal, value: batch, effect: NoSchedule}
  - {key: maintenance, operator: Exists}
  nodeSelector: {kubernetes.io/os: linux}
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        - matchExpressions: [{key: tier, operator: In, values: [fast, slow]}, {key: retired, operator: DoesNotExist}]
      preferredDuringSchedulingIgnoredDuringExecution:
      - {weight: 50, preference: {matchExpressions: [{key: tier, operator: In, values: [fast]}]}}
      - {weight: 10, preference: {matchExpressions: [{key: disk, operator: Exists}]}}
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: app-1}}}
      preferredDuringSchedulingIgnoredDuringExecution:
      - {weight: 20, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: app-2}}}}
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: app-9}}}
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: app-0}}}
  - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: app-0}}}
  volumes:
  - {name: shared, gcePersistentDisk: {pdName: shared, readOnly: true}}
  - {name: data, persistentVolumeClaim: {claimName: data}}
  - {name: scratch, persistentVolumeClaim: {claimName: scratch}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: late}
provisioner: csi.example.com
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: scratch}
spec: {accessModes: [ReadWriteOnce], storageClassName: late, resources: {requests: {storage: 10Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, annotations: {pv.kubernetes.io/bind-completed: 'yes'}}
spec: {accessModes: [ReadWriteOnce], storageClassName: late, volumeName: data, resources: {requests: {storage: 10Gi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: data, labels: {topology.kubernetes.io/zone: zone-1}}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: late
  capacity: {storage: 10Gi}
  csi: {driver: csi.example.com, volumeHandle: data}
  claimRef: {namespace: default, name: data}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [zone-1]}]}]}}
";

fn node(number: u32) -> String {
    let (zone, tier) = (number % 5, if number.is_multiple_of(4) { "fast" } else { "slow" });
    let disk = if number.is_multiple_of(3) { ", disk: ssd" } else { "" };
    let taint = match number % 4 {
        0 => "{key: dedicated, value: batch, effect: NoSchedule}",
        1 => "{key: spot, value: 'true', effect: PreferNoSchedule}",
        2 => "{key: example.com/broken, effect: NoSchedule}, {key: maintenance, effect: NoExecute}",
        _ => "",
    };
    format!(
        "---\napiVersion: v1\nkind: Node\nmetadata: {{name: node-{number}, labels: {{kubernetes.io/os: linux, \
         kubernetes.io/arch: amd64, topology.kubernetes.io/zone: zone-{zone}, topology.kubernetes.io/region: region-1, \
         tier: {tier}{disk}}}}}\nspec: {{taints: [{taint}]}}\nstatus:\n  allocatable: {{cpu: 32, memory: 128Gi, \
         ephemeral-storage: 200Gi, pods: 110, example.com/gpu: 4}}\n  images: [{{names: [registry.example.com/app:v1], \
         sizeBytes: 300000000}}, {{names: [registry.example.com/other:v1], sizeBytes: 50000000}}]\n---\napiVersion: \
         storage.k8s.io/v1\nkind: CSINode\nmetadata: {{name: node-{number}}}\nspec: {{drivers: [{{name: csi.example.com, \
         nodeID: n{number}, allocatable: {{count: 25}}}}]}}\n"
    )
}

/// What is there already: some with ports, some with a disk, some that want to be apart.
fn app(number: u32) -> String {
    let ports = if number == 2 { ", ports: [{containerPort: 80, hostPort: 80}]" } else { "" };
    let apart = "podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, podAffinityTerm: \
                 {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: app-0}}}}]}";
    let affinity = if number == 3 { apart } else { "" };
    let volumes = if number == 1 { "{name: d, gcePersistentDisk: {pdName: other}}" } else { "" };
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: app-{number}, labels: {{app: app-{number}, tier: back}}}}\nspec: \
         {{containers: [{{name: main, image: registry.example.com/other:v1, resources: {{requests: {{cpu: 250m, memory: \
         512Mi}}}}{ports}}}], affinity: {{{affinity}}}, volumes: [{volumes}]}}\n"
    )
}

/// The cluster, for one profile, with the class that asks.
fn cluster(profile: Profile) -> (View, ClassId) {
    let mut text = POD.to_owned();
    (0..APPS).for_each(|number| text += &app(number));
    for number in 0..NODES {
        let _ = write!(text, "{}", node(number));
    }
    let (mut sources, mut words, mut diagnostics) = (Sources::default(), Vocabulary::default(), Diagnostics::default());
    let file = sources.add("cluster.yaml", text);
    let objects = manifest::load(&[file], &sources, &mut words, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, false));
    let mut view = View::with_profiles([profile].into_iter().collect());
    *view.storage_mut() = Storage::new(objects.storage.into_objects().collect());
    view.set_listers(Listers::new(
        &objects.namespaces,
        objects.services.iter().map(|(service, _)| service),
        &objects.owners,
    ));
    for (node, id) in objects.nodes.iter().zip((0..).map(NodeId::from_raw)) {
        let shape = words.shapes.get(node.shape);
        let spec = NodeSpec {
            name: node.name,
            hostname: Some(node.name),
            labels: words.strings.labels(shape.labels).pairs(),
            taints: &shape.taints,
            allocatable: &shape.allocatable,
            max_pods: shape.max_pods,
            unschedulable: shape.unschedulable,
            images: &shape.images,
        };
        view.add_node(id, &spec);
    }
    let classes: Vec<ClassId> = objects.pods.iter().map(|pod| pod.template.class).collect();
    classes.iter().for_each(|&class| view.register_class(class, words.classes.get(class)));
    for (pod, place) in (0..NODES * APPS).map(|number| (PodId::from_raw(number), number)) {
        view.add_pod(pod, classes[1 + (place % APPS) as usize], NodeId::from_raw(place / APPS));
    }
    view.refresh();
    (view, classes[0])
}

fn nobody() -> Profile {
    Profile { filter: Vec::new(), score: Vec::new(), ..Profile::default() }
}

fn filters(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("filter, one node");
    for plugin in Profile::default().filter {
        let (view, class) = cluster(Profile { filter: vec![plugin], ..nobody() });
        let state = CycleState::new(&view, class);
        let fitting = view.list().iter().filter(|&&node| state.filter(node).is_none()).count();
        assert!(fitting > 0, "{} rejects every node", plugin.name());
        let mut nodes = view.list().iter().copied().cycle();
        group.bench_function(plugin.name(), |bencher| {
            bencher.iter(|| black_box(state.filter(nodes.next().expect("there are nodes"))));
        });
    }
    group.finish();
}

fn scores(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("score, 1,000 nodes");
    group.throughput(Throughput::Elements(NODES.into()));
    for (plugin, weight) in Profile::default().score {
        let (view, class) = cluster(Profile { score: vec![(plugin, weight)], ..nobody() });
        let state = CycleState::new(&view, class);
        let scored = state.score(view.list());
        assert!(scored.iter().all(|node| node.scores.len() <= 1));
        if scored[0].scores.is_empty() {
            println!("{} leaves the pod alone", plugin.name());
            continue;
        }
        group.bench_function(plugin.name(), |bencher| bencher.iter(|| black_box(state.score(view.list()))));
    }
    group.finish();
}

/// A pod that fits nowhere and evicts one: a failed decision, the dry run, the second decision.
fn gates(criterion: &mut Criterion<CpuTime>) {
    let mut words = Vocabulary::default();
    let gate = words.strings.intern("example.com/quota");
    let mut tables = Tables::default();
    let spec = PodClass { scheduling_gates: Box::new([gate]), ..PodClass::default() };
    let class = ClassId::from_raw(0);
    tables.register_class(class, &spec);
    let mut group = criterion.benchmark_group("pre enqueue");
    group.bench_function(Plugin::SchedulingGates.name(), |bencher| {
        bencher.iter(|| pre_enqueue(black_box(&tables), class, black_box(&spec)));
    });
    group.finish();
}

fn preemption(criterion: &mut Criterion<CpuTime>) {
    let options = Options::default();
    let (mut ready, mut columns) = (Run::new(Workload::Preemption, NODES), Columns::new());
    (0..9).for_each(|_| ready.place(&mut columns, &options));
    let mut group = criterion.benchmark_group("post filter, 1,000 nodes");
    group.bench_function(Plugin::DefaultPreemption.name(), |bencher| {
        let preempt = |(run, columns): &mut (Run, Columns)| {
            run.place(columns, &options);
            assert_eq!(run.tally().preemptions, 1);
        };
        bencher.iter_batched_ref(|| (ready.clone(), columns.clone()), preempt, BatchSize::LargeInput);
    });
    group.finish();
}

/// An "element" is one node in one decision.
fn s1(criterion: &mut Criterion<CpuTime>) {
    const S1_NODES: u32 = 5000;
    let options = Options { percentage_of_nodes_to_score: 100, ..Options::default() };
    let mut group = criterion.benchmark_group("S1 on 5,000 nodes, all scored");
    group.sample_size(10);
    for (name, pods) in [("2,000 pods", 2000_u32), ("the first pod of each class: nothing is remembered", 10)] {
        group.throughput(Throughput::Elements(u64::from(pods) * u64::from(S1_NODES)));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = std::time::Duration::ZERO;
                for _ in 0..times {
                    let (mut run, mut columns) = (Run::new(Workload::Plain, S1_NODES), Columns::new());
                    let started = ThreadTime::now();
                    (0..pods).for_each(|_| run.place(&mut columns, &options));
                    spent += started.elapsed();
                    assert_eq!(run.tally().evaluated, u64::from(pods) * u64::from(S1_NODES));
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = criterion(); targets = s1, gates, filters, scores, preemption }
criterion_main!(benches);
