//! Pods that look at other pods: where they go, and what wakes them (spec 7.3).

use crate::support::Scene;

const TWO: &str = r#"
[[node_pool]]
name = "node"
count = 2
capacity = { cpu = "8", memory = "32Gi" }
"#;

/// A pod that asks for one core.
fn pod(name: &str, app: &str, more: &str) -> String {
    let container = "containers: [{name: c, image: 'i:1', resources: {requests: {cpu: 1, memory: 1Gi}}}]";
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {app}}}}}\nspec: {{{container}, {more}}}\n---\n"
    )
}

const SPREAD: &str = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, \
                      whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]";

const CORDON: &str = "[[fault]]\nkind = \"cordon\"\nat = \"0s\"\nnode = \"node-1\"\n";

/// The pod is tried again when the leader is bound, not when any other pod is.
#[test]
fn a_pod_waits_for_the_one_it_wants_to_be_near() {
    let near = "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
                [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: leader}}}]}}";
    let scene = Scene::new(&pod("follower", "follower", near)).nodes(TWO);
    let scene = scene.file("other.yaml", &pod("other", "other", "restartPolicy: Never"));
    let scene = scene.file("leader.yaml", &pod("leader", "leader", "restartPolicy: Never"));
    let change = |at: &str, file: &str| format!("[[change]]\nat = \"{at}\"\napply = [\"{file}\"]\n");
    let run = scene.with(&change("30s", "other.yaml")).with(&change("60s", "leader.yaml")).run();
    let why = "pod follower unschedulable: 0/2 nodes are available: 2 node(s) didn't match pod affinity rules.";
    run.expect(why, &[0.0]).expect("pod other on node", &[30.0]);
    run.expect("pod leader on node", &[60.0]).expect("pod follower on node", &[60.0]);
    let place = |pod: &str| run.story(&format!("pod {pod} on ")).concat().replace(pod, "");
    assert_eq!(place("leader"), place("follower"));
}

/// Two pods of one kind may not be on node-0 as long as there is none on node-1, where none can go. The first ends at
/// 62.25 s: 2.25 s for the start and 60 s of work.
#[test]
fn a_pod_that_ends_makes_room_for_one_that_is_spread() {
    let pods = pod("a", "web", "restartPolicy: Never") + &pod("b", "web", SPREAD);
    let ends = "[[behavior]]\nselect = { name = \"a\" }\nrun = \"60s\"\n";
    let run = Scene::new(&pods).nodes(TWO).with(CORDON).with(ends).run();
    let why = "pod b unschedulable: 0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, \
               1 node(s) were unschedulable.";
    // Tried again at once, as a pod that it counts was bound.
    run.expect(why, &[0.0, 0.0]).expect("pod b on node-0", &[62.25]);
}

/// A pod that is deleted counts no longer from when its deletion is asked for, but that is no event, and when it is gone
/// the hint finds that it did not count. So the next try is that of the flush: every 30 s, after more than 5 minutes.
#[test]
fn a_deleted_pod_wakes_nobody_who_is_spread() {
    let pods = pod("a", "web", "restartPolicy: Never") + &pod("b", "web", SPREAD);
    let delete = "[[change]]\nat = \"60s\"\ndelete = \"Pod/a\"\n";
    let run = Scene::new(&pods).nodes(TWO).with(CORDON).with(delete).run();
    run.expect("pod a deleting 30", &[60.0]).expect("pod b on node-0", &[330.0]);
}

/// The small node has less left than the large one, but a Service spreads its pods over both. Without one: LeastAllocated
/// prefers the large node by 10 points or more.
#[test]
fn services_spread_their_pods_by_default() {
    let nodes = "[[node_pool]]\nname = \"large\"\ncapacity = { cpu = \"64\", memory = \"64Gi\" }\n\
                 [[node_pool]]\nname = \"small\"\ncapacity = { cpu = \"8\", memory = \"8Gi\" }\n";
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    let pods: String = (0..4).map(|n| pod(&format!("web-{n}"), "web", "restartPolicy: Never")).collect();
    let on_small = |manifests: &str| {
        let run = Scene::new(manifests).nodes(nodes).run();
        run.lines().iter().filter(|line| line.contains(" on small")).count()
    };
    assert_eq!((on_small(&pods), on_small(&(pods.clone() + service))), (0, 2));
}
