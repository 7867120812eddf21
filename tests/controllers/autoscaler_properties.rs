//! Random clusters with random ReplicaSets under the Cluster Autoscaler: sizes stay within their limits at all times, every pod that some
//! machine could take has one in the end, and no pod is lost when nodes go.

use crate::support::{Run, Scene};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Pool {
    cores: u32,
    min: u32,
    max: u32,
    count: u32,
    zones: bool,
}

#[derive(Clone, Debug)]
struct Set {
    /// In tenths of a core.
    cpu: u32,
    /// At the start, and from 40 min on.
    replicas: [u32; 2],
    budget: bool,
}

fn pools() -> impl Strategy<Value = Vec<Pool>> {
    let pool = (prop::sample::select(vec![1_u32, 2, 4, 8]), 0_u32..3, 0_u32..5, 0_u32..4, any::<bool>());
    let pool = pool.prop_map(|(cores, min, more, count, zones)| {
        let max = (min + more).max(1);
        Pool { cores, min, max, count: count.clamp(min, max), zones }
    });
    prop::collection::vec(pool, 1..4)
}

fn sets() -> impl Strategy<Value = Vec<Set>> {
    let set = (1_u32..45, [0_u32..9, 0_u32..9], prop::bool::weighted(0.3));
    prop::collection::vec(set.prop_map(|(cpu, replicas, budget)| Set { cpu, replicas, budget }), 1..5)
}

fn manifest(sets: &[Set], when: usize) -> String {
    let mut yaml = String::new();
    for (at, set) in sets.iter().enumerate() {
        let Set { cpu, replicas, budget } = set;
        yaml += &format!(
            "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: s{at}}}\nspec:\n  replicas: {}\n  selector: {{matchLabels: \
             {{app: s{at}}}}}\n  template:\n    metadata: {{labels: {{app: s{at}}}}}\n    spec: {{containers: [{{name: c, image: \
             'i:1', resources: {{requests: {{cpu: {}m}}}}}}]}}\n---\n",
            replicas[when],
            cpu * 100
        );
        if *budget && when == 0 {
            yaml += &format!(
                "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: s{at}}}\nspec: {{maxUnavailable: 1, selector: \
                 {{matchLabels: {{app: s{at}}}}}}}\n---\n"
            );
        }
    }
    yaml
}

fn size(run: &Run, pool: usize) -> u32 {
    let plan = run.sim.plan();
    let name = format!("p{pool}-");
    let rows = run.sim.cluster().nodes().entries();
    let count = rows.filter(|(_, row)| row.exists && plan.strings.text(row.name).starts_with(&name)).count();
    u32::try_from(count).expect("few nodes")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn sizes_keep_their_limits_and_pods_their_places(pools in pools(), sets in sets(), seed in 0_u64..1000) {
        let mut sections = String::new();
        for (at, Pool { cores, min, max, count, zones }) in pools.iter().enumerate() {
            let zones = if *zones { "zones = [\"a\", \"b\"]" } else { "" };
            sections += &format!(
                "[[node_pool]]\nname = \"p{at}\"\ncapacity = {{ cpu = \"{cores}\", memory = \"32Gi\" }}\nmin = {min}\nmax = \
                 {max}\ncount = {count}\n{zones}\n"
            );
        }
        let change = "[[change]]\nat = \"40m\"\napply = \"later.yaml\"\n";
        let scene = Scene::new(&manifest(&sets, 0))
            .file("later.yaml", &manifest(&sets, 1))
            .nodes(&sections)
            .with(change)
            .control_plane("[control_plane]\npreset = \"typical\"\n")
            .seed(seed)
            .lasts("2h");
        let mut run = scene.start();
        for step in 1..=144_u32 {
            run.until(f64::from(step * 50) - 1.0);
            for (at, pool) in pools.iter().enumerate() {
                let size = size(&run, at);
                prop_assert!(pool.min <= size && size <= pool.max, "pool {at} has {size} nodes after {} s", step * 50);
            }
        }
        let quiet = podsim::Simulation::new(scene.plan()).run();
        run.until(f64::MAX);
        prop_assert_eq!(quiet.digest, run.sim.digest(), "recording changes nothing");
        let cluster = run.sim.cluster();
        let pods = cluster.pods();
        for (_, row) in cluster.objects().iter() {
            let Some(wanted) = row.spec.replicas() else { continue };
            prop_assert_eq!(i64::from(row.pods()), i64::from(wanted), "pods of {}", &row.name);
        }
        for pod in pods.iter() {
            prop_assert!(!pods.phase(pod.pod).is_terminal(), "a pod ended");
            if pods.node(pod.pod).is_none() {
                let cpu = sets[run.sim.plan().workloads.ids().position(|id| id == pods.source(pod.pod).0).expect("it has one")].cpu;
                for (at, pool) in pools.iter().enumerate() {
                    prop_assert!(cpu > pool.cores * 10 || size(&run, at) == pool.max, "pool {at} would take a pending pod");
                }
            }
        }
    }
}
