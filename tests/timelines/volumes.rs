//! When claims get their volumes, and pods that use them their nodes.

use crate::support::{Scene, pod};

/// Three nodes, for volumes that are on one of them.
const NODES: &str = "[[node_pool]]\nname = \"node\"\ncount = 3\ncapacity = { cpu = \"8\", memory = \"32Gi\" }\n";

fn claim(name: &str, class: &str, size: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{accessModes: [ReadWriteOnce], \
         storageClassName: {class}, resources: {{requests: {{storage: {size}}}}}}}\n---\n"
    )
}

fn class(name: &str, provisioner: &str, mode: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {provisioner}\n\
         volumeBindingMode: {mode}\n---\n"
    )
}

fn local(name: &str, class: &str, size: &str, node: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec: {{accessModes: [ReadWriteOnce], \
         storageClassName: {class}, capacity: {{storage: {size}}}, local: {{path: /mnt}}, nodeAffinity: {{required: \
         {{nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{node}]}}]}}]}}}}}}\
         \n---\n"
    )
}

fn user(name: &str, claim: &str) -> String {
    let volumes = format!("volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}]");
    pod(name, &format!("containers: [{{name: c, image: 'i:1'}}], {volumes}"))
}

/// 3.5, 7.3: the claim is missed at once; when it appears, the pod waits no longer than its back-off, which is over.
#[test]
fn a_pod_waits_for_its_claim_to_appear() {
    let applied = claim("data", "\"\"", "1Gi") + &local("pv", "\"\"", "2Gi", "node-1");
    let change = "[[change]]\nat = \"30s\"\napply = \"claim.yaml\"";
    let run = Scene::new(&user("web", "data")).nodes(NODES).with(change).file("claim.yaml", &applied).run();
    let missing = "pod web unschedulable: 0/3 nodes are available: persistentvolumeclaim \"data\" not found. not found";
    run.expect(missing, &[0.0]);
    run.expect("pod web on node-1", &[30.0]);
}

/// 3.5: an immediate claim is bound before pods come; one without a volume keeps its pod waiting until the volume is made.
#[test]
fn an_immediate_claim_is_provisioned_whoever_uses_it() {
    let yaml = class("fast", "csi.example.com", "Immediate") + &claim("data", "fast", "1Gi") + &user("web", "data");
    let run = Scene::new(&yaml).setting("volume_provisioning = \"7s\"").run();
    let unbound = "pod web unschedulable: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. \
                   not found";
    assert_eq!(run.times(unbound).first(), Some(&0.0));
    // The update of the claim wakes the pod; its back-off of 1 s is long over.
    run.expect("pod web on node-0", &[7.0]);
}

/// 3.5: the first consumer decides. The volume is asked for when the pod has its node, and PreBind looks once a second.
#[test]
fn a_volume_is_made_where_the_pod_will_be() {
    let late = class("late", "csi.example.com", "WaitForFirstConsumer");
    let yaml = late + &claim("data", "late", "1Gi") + &user("web", "data");
    let run = Scene::new(&yaml).setting("volume_provisioning = \"4500ms\"").run();
    run.expect("pod web unschedulable", &[]);
    run.expect("pod web on node-0", &[5.0]);
    // The volume is attached at once, but the kubelet asked before that: it asks again 0.5 s later, and looks every 0.3 s.
    run.expect("pod web Running", &[5.0 + 0.6 + 0.5 + 1.5 + 0.25]);
}

/// 3.5: of the free volumes the smallest that is large enough, and the pod follows it; two pods never get the same one.
#[test]
fn a_pod_goes_where_its_volume_is() {
    let late = class("disk", "kubernetes.io/no-provisioner", "WaitForFirstConsumer");
    let volumes = local("small", "disk", "5Gi", "node-1") + &local("large", "disk", "50Gi", "node-2");
    let claims = claim("a", "disk", "10Gi") + &claim("b", "disk", "1Gi") + &claim("c", "disk", "1Gi");
    let pods = user("pod-a", "a") + &user("pod-b", "b") + &user("pod-c", "c");
    let run = Scene::new(&(late + &volumes + &claims + &pods)).nodes(NODES).run();
    // The volume controller binds at once; PreBind looks a second later.
    run.expect("pod pod-a on node-2", &[1.0]).expect("pod pod-b on node-1", &[1.0]);
    let none = run.story("pod pod-c unschedulable");
    assert!(
        !none.is_empty() && none[0].contains("3 node(s) didn't find available persistent volumes to bind"),
        "{none:?}"
    );
    run.expect("pod pod-c on", &[]);
}

/// 3.5: claims that wait for a volume are looked at every 15 s.
#[test]
fn a_volume_that_appears_is_found_at_the_next_resync() {
    let yaml = claim("data", "manual", "1Gi") + &user("web", "data");
    let change = "[[change]]\nat = \"20s\"\napply = \"pv.yaml\"";
    let volume = local("pv", "manual", "1Gi", "node-0");
    let run = Scene::new(&yaml).with(change).file("pv.yaml", &volume).run();
    run.expect("pod web on node-0", &[30.0]);
}

/// 3.5: a claim that names no class gets the default one when it is created.
#[test]
fn the_default_class_is_filled_in() {
    let mut default = class("standard", "csi.example.com", "WaitForFirstConsumer");
    default = default.replace(
        "{name: standard}",
        "{name: standard, annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}",
    );
    let yaml = default + &claim("data", "x", "1Gi").replace("storageClassName: x, ", "") + &user("web", "data");
    let run = Scene::new(&yaml).run();
    run.expect("pod web on node-0", &[1.0]);
}
