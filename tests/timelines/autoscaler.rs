//! Nodes that come and go (spec 9.1). Times were worked out by hand: scans at 10, 20, 30 s, ...; a new machine takes 40 s to be made
//! and 60 s to boot; nothing else takes time but what `support` says.

use crate::support::{Scene, pod};

/// A pool of machines with two cores.
fn pool(keys: &str) -> String {
    let capacity = "capacity = { cpu = \"2\", memory = \"8Gi\" }\nprovision = \"40s\"\nboot = \"60s\"";
    format!("[[node_pool]]\nname = \"node\"\n{capacity}\n{keys}\n")
}

/// `count` replicas that request so much, and end as soon as they are told.
fn replicas(name: &str, count: u32, cpu: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: {name}}}\nspec:\n  replicas: {count}\n  selector: {{matchLabels: \
         {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: app, image: \
         'i:1', resources: {{requests: {{cpu: {cpu}}}}}}}]{more}}}\n---\n"
    )
}

fn asks(cpu: &str) -> String {
    format!("containers: [{{name: app, image: 'i:1', resources: {{requests: {{cpu: '{cpu}'}}}}}}]")
}

fn fault(kind: &str, at: &str, last: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\npool = \"node\"\nat = \"{at}\"\nfor = \"{last}\"\n")
}

/// The names of the nodes that exist at the end.
fn nodes(run: &crate::support::Run) -> Vec<String> {
    let plan = run.sim.plan();
    let rows = run.sim.cluster().nodes().entries().filter(|(_, row)| row.exists);
    rows.map(|(_, row)| plan.strings.text(row.name).to_owned()).collect()
}

/// The pod that finds no place at 0 is seen at 10; its machine is a node at 10 + 40 + 60, and takes it at once.
#[test]
fn a_pending_pod_gets_a_node() {
    let yaml = pod("a", &asks("1500m")) + &pod("b", &asks("1500m"));
    let run = Scene::new(&yaml).nodes(&pool("max = 3\nmin = 1")).run();
    run.expect("event b Normal TriggeredScaleUp: pod triggered scale-up: [{node 1->2 (max: 3)}]", &[10.0]);
    run.expect("node node-1 added", &[110.0]).expect("pod b on node-1", &[110.0]);
    assert_eq!(nodes(&run), ["node-0", "node-1"]);
}

/// A pod that is younger than two seconds at 10 is helped at 20. Four pods of 800m: two on each node.
#[test]
fn young_pods_wait_for_others_and_pods_are_packed() {
    let scene = Scene::new("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n").nodes(&pool("max = 5"));
    let scene = scene.with("[[change]]\nat = \"9s\"\napply = \"four.yaml\"\n");
    let four: String = ["a", "b", "c", "d"].iter().map(|name| pod(name, &asks("800m"))).collect();
    let run = scene.file("four.yaml", &four).run();
    run.expect("event a Normal TriggeredScaleUp: pod triggered scale-up: [{node 0->2 (max: 5)}]", &[20.0]);
    run.expect("node node-0 added", &[120.0]).expect("node node-1 added", &[120.0]);
    assert_eq!((run.phase("d"), nodes(&run).len()), ("Running".to_owned(), 2));
}

/// What no machine of the pool could take triggers nothing, and nothing is looked at again.
#[test]
fn a_pod_that_no_machine_could_take_says_why() {
    let scene = |lasts: &str| Scene::new(&pod("a", &asks("3"))).nodes(&pool("max = 3\nmin = 1")).lasts(lasts).run();
    let run = scene("1h");
    run.expect("event a Normal NotTriggerScaleUp: pod didn't trigger scale-up: 1 Insufficient cpu", &[10.0]);
    let scans = |run: &crate::support::Run| run.lines().iter().filter(|line| line.contains("NotTrigger")).count();
    assert_eq!((scans(&run), scans(&scene("10h"))), (1, 1));
}

/// A full pool triggers nothing.
#[test]
fn a_pool_grows_to_its_max() {
    let yaml: String = (0..4).map(|at| pod(&format!("p{at}"), &asks("1500m"))).collect();
    let run = Scene::new(&yaml).nodes(&pool("max = 3\ncount = 1")).run();
    run.expect(
        "event p3 Normal NotTriggerScaleUp: pod didn't trigger scale-up: 1 max node group size reached",
        &[20.0],
    );
    assert_eq!(nodes(&run), ["node-0", "node-1", "node-2"]);
}

/// The provider refuses at 10: the pool is left alone up to 310, so the next try is at 320.
#[test]
fn a_refused_increase_backs_off_for_five_minutes() {
    let yaml = pod("a", &asks("1500m")) + &pod("b", &asks("1500m"));
    let scene = Scene::new(&yaml).nodes(&pool("max = 3\ncount = 1")).with(&fault("pool-exhausted", "0s", "2m"));
    let run = scene.run();
    let text = "event b Normal NotTriggerScaleUp: pod didn't trigger scale-up: 1 in backoff after failed scale-up";
    run.expect(text, &[20.0]).expect("event b Normal TriggeredScaleUp", &[320.0]).expect("node node-1 added", &[420.0]);
}

/// Asked for at 10, a machine that boots for an hour is given up after 910, at 920, and its pool left alone up to 1220. The name
/// of the machine that never came is not used again.
#[test]
fn a_machine_that_never_comes_is_given_up() {
    let yaml = pod("a", &asks("1500m")) + &pod("b", &asks("1500m"));
    let nodes = pool("max = 3\ncount = 1").replace("60s", "1h");
    let run = Scene::new(&yaml).nodes(&nodes).lasts("50m").run();
    run.expect("event b Normal TriggeredScaleUp", &[10.0, 1230.0, 2750.0]);
    run.expect("node node-1 added", &[]);
}

/// Unneeded since the first scan, at 10; for more than ten minutes at 620; deleted 5 s after the taint. The pool keeps its least
/// size, and nothing happens any more.
#[test]
fn an_empty_node_goes_after_ten_minutes() {
    let yaml = pod("a", &asks("1500m"));
    let scene = |lasts: &str| Scene::new(&yaml).nodes(&pool("max = 3\nmin = 1\ncount = 2")).lasts(lasts).run();
    let run = scene("1h");
    let empty = if run.times("pod a on node-0").is_empty() { "node-0" } else { "node-1" };
    let line = |text: &str| format!("node {empty} {text}");
    run.expect(&line("+DeletionCandidateOfClusterAutoscaler:PreferNoSchedule"), &[10.0]);
    run.expect(&line("+ToBeDeletedByClusterAutoscaler:NoSchedule"), &[620.0]);
    run.expect(&line("removed"), &[625.0]).expect(&line("crashed"), &[]);
    assert_eq!(run.sim.events(), scene("1000h").sim.events(), "an idle cluster costs nothing");
}

/// Both nodes are used a little. The first is unneeded: its pods fit on the other. Its evicted pod is gone before the next look, at
/// 630. The other stays, because there is nowhere to go.
#[test]
fn pods_move_and_their_node_goes() {
    let run = Scene::new(&replicas("web", 4, "200m", "")).nodes(&pool("max = 2\nmin = 0\ncount = 2")).lasts("2h").run();
    run.expect("node node-0 +ToBeDeletedByClusterAutoscaler:NoSchedule", &[620.0])
        .expect("node node-0 removed", &[630.0]);
    assert_eq!(
        run.lines().iter().filter(|line| line.contains("DisruptionTarget True EvictionByEvictionAPI")).count(),
        2
    );
    assert_eq!(nodes(&run), ["node-1"]);
    let pods = run.sim.cluster().pods();
    assert_eq!(pods.iter().filter(|pod| pods.phase(pod.pod).text() == "Running").count(), 4);
}

/// What keeps a node: a budget that allows nothing, files on its disk, a pod that nobody would make again, an annotation.
#[test]
fn nodes_are_kept_for_their_pods() {
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 4, selector: \
                  {matchLabels: {app: web}}}\n---\n";
    let kept = |yaml: &str| {
        let run = Scene::new(yaml).nodes(&pool("max = 2\nmin = 0\ncount = 2")).lasts("3h").run();
        run.lines().iter().all(|line| !line.contains("ToBeDeleted"))
    };
    let web = replicas("web", 4, "200m", "");
    assert!(kept(&(web.clone() + budget)), "a budget");
    assert!(!kept(&(web.clone() + &budget.replace("minAvailable: 4", "minAvailable: 3"))), "a budget that allows one");
    let disk = replicas("web", 4, "200m", ", volumes: [{name: d, emptyDir: {}}]");
    assert!(kept(&disk) && !kept(&disk.replace("emptyDir: {}", "emptyDir: {medium: Memory}")), "files");
    let annotated =
        |text: &str| web.replace("labels: {app: web}}", &format!("labels: {{app: web}}, annotations: {{{text}}}}}"));
    assert!(kept(&annotated("cluster-autoscaler.kubernetes.io/safe-to-evict: 'false'")), "an annotation");
    let bare = |meta: &str| {
        let one =
            |name: &str| pod(name, &asks("200m")).replace(&format!("name: {name}}}"), &format!("name: {name}{meta}}}"));
        one("a") + &one("b")
    };
    assert!(kept(&bare("")), "bare pods");
}

/// A pool is given three nodes at 60, one at 300, two at 400. Names are not used again.
#[test]
fn a_pool_is_scaled_by_hand() {
    let change = |at: &str, count: u32| format!("[[change]]\nat = \"{at}\"\nscale_pool = \"node\"\ncount = {count}\n");
    let changes = change("60s", 3) + &change("300s", 1) + &change("400s", 2);
    let run = Scene::new(&pod("a", "nodeName: node-0, containers: [{name: app, image: 'i:1'}]"))
        .nodes(&pool("count = 1"))
        .with(&changes)
        .run();
    run.expect("node node-1 added", &[160.0]).expect("node node-2 added", &[160.0]);
    run.expect("node node-2 removed", &[300.0]).expect("node node-1 removed", &[300.0]);
    run.expect("node node-3 added", &[500.0]);
    assert_eq!(nodes(&run), ["node-0", "node-3"]);
}

/// Node by node: cordoned and drained at 60, the machine deleted when its pods are gone, a new one 100 s later; then the next.
#[test]
fn a_pool_is_upgraded_node_by_node() {
    let scene = Scene::new(&replicas("web", 4, "200m", "")).nodes(&pool("count = 2"));
    let run = scene.with("[[change]]\nat = \"60s\"\nupgrade_pool = \"node\"\n").lasts("1h").run();
    run.expect("node node-0 cordoned true", &[60.0]).expect("node node-0 removed", &[61.0]);
    run.expect("node node-2 added", &[161.0]).expect("node node-1 cordoned true", &[161.0]);
    run.expect("node node-1 removed", &[162.0]).expect("node node-3 added", &[262.0]);
    assert_eq!(nodes(&run), ["node-2", "node-3"]);
    let pods = run.sim.cluster().pods();
    assert_eq!(pods.iter().filter(|pod| pods.phase(pod.pod).text() == "Running").count(), 4);
}

/// A manifest holds a node that is called like the pool's second one.
#[test]
fn names_that_are_taken_are_passed_over() {
    let amounts = "{cpu: '2', memory: 8Gi, pods: '110'}";
    let node = format!(
        "apiVersion: v1\nkind: Node\nmetadata: {{name: node-1}}\nstatus: {{capacity: {amounts}, allocatable: {amounts}}}\n---\n"
    );
    let yaml = node + &pod("a", &asks("100m"));
    let change = "[[change]]\nat = \"60s\"\nscale_pool = \"node\"\ncount = 3\n";
    let run = Scene::new(&yaml).nodes(&pool("count = 1")).with(change).run();
    assert_eq!(nodes(&run), ["node-1", "node-0", "node-2", "node-3"]);
}
