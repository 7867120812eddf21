//! When volumes are attached to nodes, mounted, and taken from them again.

use crate::support::{Run, Scene, pod, within};

/// Two nodes between which a volume moves.
const TWO: &str = "[[node_pool]]\nname = \"node\"\ncount = 2\ncapacity = { cpu = \"8\", memory = \"32Gi\" }\n";
/// Volumes are made in 2 s, attached in 10 s, detached in 6 s and mounted in 3 s. Processes take 5 s to end.
const SLOW: &str =
    "volume_provisioning = \"2s\"\nvolume_attach = \"10s\"\nvolume_detach = \"6s\"\nvolume_mount = \"3s\"\n";
const POLITE: &str = "[[behavior]]\non_terminate = { after = \"5s\", exit_code = 0 }\n";

const CLASS: &str = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\n\
                     provisioner: csi.example.com\n---\n";

fn claim(mode: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, uid: u1}}\nspec: {{accessModes: [{mode}], \
         storageClassName: fast, resources: {{requests: {{storage: 1Gi}}}}}}\n---\n"
    )
}

fn user(name: &str, node: &str) -> String {
    let volumes = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]";
    let place = format!("nodeSelector: {{kubernetes.io/hostname: {node}}}");
    pod(name, &format!("{place}, containers: [{{name: c, image: 'i:1'}}], {volumes}"))
}

fn scene(mode: &str) -> Scene {
    let yaml = CLASS.to_owned() + &claim(mode) + &user("a", "node-0");
    Scene::new(&yaml).nodes(TWO).setting(SLOW).with(POLITE).lasts("1h")
}

fn apply(at: &str) -> String {
    format!("[[change]]\nat = \"{at}\"\napply = \"b.yaml\"\n")
}

/// `a` is on node-0 from 2 s on, `b` comes to node-1 at this time.
fn followed(mode: &str, at: &str) -> Scene {
    scene(mode).with(&apply(at)).file("b.yaml", &user("b", "node-1"))
}

/// 3.4: the attachment begins when the pod is bound. The kubelet asks for it at once and after 0.5, 1, 2, 4, 8 s more; then it
/// mounts, and its sync looks for that every 0.3 s.
fn expect_first_attach(run: &Run) {
    run.expect("pod a on node-0", &[2.0]);
    run.expect("volume pvc-u1 node-0 attaching", &[2.0]);
    run.expect("volume pvc-u1 node-0 attached", &[12.0]);
    let text = "event a Normal SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume \"pvc-u1\"";
    run.expect(text, &[12.0]);
    // Asked at 2, 2.5, 3.5, 5.5, 9.5, 17.5 s; mounted at 20.5 s; seen at 2 + 62 * 0.3 s.
    run.expect("event a Normal Pulling", &[20.6 + 0.5]);
    run.expect("pod a Running", &[20.6 + 0.5 + 1.5 + 0.25]);
}

#[test]
fn a_pod_starts_when_its_volume_is_attached_and_mounted() {
    let run = scene("ReadWriteOnce").run();
    expect_first_attach(&run);
    run.expect("volume pvc-u1", &[2.0, 12.0]);
}

/// 3.4, 6.1: the volume must be among the node's volumes in use, which its kubelet tells every 10 s.
#[test]
fn a_volume_is_mounted_only_when_the_node_tells_that_it_is_in_use() {
    for seed in 1..=5 {
        let yaml = CLASS.to_owned() + &claim("ReadWriteOnce") + &user("a", "node-0");
        let slow = SLOW.replace("attach = \"10s\"", "attach = \"0s\"") + "node_status_period = \"10s\"";
        let run = Scene::new(&yaml).nodes(TWO).setting(&slow).seed(seed).run();
        run.expect("volume pvc-u1 node-0 attached", &[2.0]);
        let pulled = run.time("event a Normal Pulling") - 0.5;
        // Told within 10 s, asked for at the next of 2.5, 3.5, 5.5, 9.5, 17.5 s, mounted 3 s later.
        let fits = [5.6, 6.5, 8.6, 12.5, 20.6].iter().any(|at| (pulled - at).abs() < 0.11);
        assert!(fits, "{pulled}");
    }
}

/// 3.4: a volume for one node moves: the second pod waits with a Multi-Attach error until the first has stopped and the volume
/// is detached and attached anew.
#[test]
fn a_volume_for_one_node_moves_with_its_pod() {
    let drained = "[[change]]\nat = \"60s\"\ndelete = \"Pod/a\"\n";
    let run = followed("ReadWriteOnce", "60s").with(drained).run();
    expect_first_attach(&run);
    run.expect("pod b on node-1", &[60.0]);
    let text = "event b Warning FailedAttachVolume: Multi-Attach error for volume \"pvc-u1\" Volume is already used by \
                pod(s) a";
    run.expect(text, &[60.0]);
    run.expect("pod a removed", &[65.0]);
    run.expect("volume pvc-u1 node-0 detaching", &[65.0]).expect("volume pvc-u1 node-0 detached", &[71.0]);
    run.expect("volume pvc-u1 node-1 attaching", &[71.0]).expect("volume pvc-u1 node-1 attached", &[81.0]);
    // Asked at 60, 60.5, 61.5, 63.5, 67.5, 75.5, 91.5 s; mounted at 94.5 s, which is 60 + 115 * 0.3 s.
    run.expect("pod b Running", &[94.5 + 0.5 + 1.5 + 0.25]);
}

/// 3.4: a volume for many nodes waits for nobody.
#[test]
fn a_shared_volume_is_attached_to_both_nodes() {
    let run = followed("ReadWriteMany", "60s").run();
    run.expect("volume pvc-u1 node-1 attaching", &[60.0]).expect("volume pvc-u1 node-1 attached", &[70.0]);
    run.expect("event b Warning FailedAttachVolume", &[]);
    // Asked at ..., 67.5, 75.5 s; mounted at 78.5 s; seen at 60 + 62 * 0.3 s.
    run.expect("pod b Running", &[78.6 + 0.5 + 1.5 + 0.25]);
}

/// 3.4: volumes of drivers without `attachRequired` are mounted without being attached.
#[test]
fn some_drivers_attach_nothing() {
    let driver = "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: csi.example.com}\n\
                  spec: {attachRequired: false}\n---\n";
    let yaml = driver.to_owned() + CLASS + &claim("ReadWriteOnce") + &user("a", "node-0");
    let run = Scene::new(&yaml).nodes(TWO).setting(SLOW).run();
    run.expect("volume", &[]);
    run.expect("pod a Running", &[2.0 + 3.0 + 0.5 + 1.5 + 0.25]);
}

/// A node that crashes at 60 s; its pod is deleted by taint at most 55 s + 300 s later and stays.
fn lost(seed: u64) -> Scene {
    let crash = "[[fault]]\nkind = \"node-crash\"\nat = \"60s\"\nnode = \"node-0\"\n";
    followed("ReadWriteOnce", "480s").with(crash).seed(seed)
}

fn expect_stuck(run: &Run) {
    expect_first_attach(run);
    let unknown = run.time("node node-0 Ready Unknown");
    within(unknown, 60.0 - 10.0 + 50.0, 60.0 + 55.0);
    run.expect("pod a deleting 30", &[unknown + 300.0]);
    run.expect("pod b on node-1", &[480.0]);
    let text = "event b Warning FailedAttachVolume: Multi-Attach error for volume \"pvc-u1\" Volume is already used by \
                pod(s) a";
    run.expect(text, &[480.0]);
}

/// 3.4, 6.5: a pod on a dead node holds its volume. After a forced deletion the volume is taken 6 minutes later.
#[test]
fn a_dead_node_keeps_its_volume_until_six_minutes_after_a_forced_deletion() {
    for seed in 1..=3 {
        let force = "[[change]]\nat = \"600s\"\ndelete = \"Pod/a\"\ngrace = \"0s\"\n";
        let run = lost(seed).with(force).run();
        expect_stuck(&run);
        run.expect("pod a removed", &[600.0]);
        run.expect("volume pvc-u1 node-0 detaching", &[960.0]).expect("volume pvc-u1 node-0 detached", &[966.0]);
        run.expect("volume pvc-u1 node-1 attached", &[976.0]);
        // The sync waits 123 s and is retried on the first whole second that is 10 s later.
        let text = "event b Warning FailedMount: Unable to attach or mount volumes: unmounted volumes=[v], unattached \
                    volumes=[v]";
        run.expect(text, &[603.0, 736.0, 869.0]);
        let mounting = "event b Warning FailedMount: Unable to attach or mount volumes: unmounted volumes=[v], unattached \
                        volumes=[], ";
        run.expect(mounting, &[1002.0]);
        // Asked since 480 s: 0.5 s doubled, 607.5 s, then every 122 s: 729.5, 851.5, 973.5, 1095.5 s. Mounted at 1098.5 s, seen
        // at 1012 + 289 * 0.3 s.
        run.expect("pod b Running", &[1098.7 + 0.5 + 1.5 + 0.25]);
    }
}

/// Nobody deletes the pod by force: the volume stays where it is.
#[test]
fn a_volume_stays_with_a_pod_that_is_stuck() {
    let run = lost(1).run();
    expect_stuck(&run);
    run.expect("volume pvc-u1", &[2.0, 12.0]).expect("pod b Running", &[]);
}

/// 3.4, 6.6: out of service: the pod goes at the next pass of the collector (every 20 s), the volume at once.
#[test]
fn the_out_of_service_taint_frees_the_volume() {
    let taint = "[[change]]\nat = \"605s\"\nnode = \"node-0\"\n\
                 taint = \"node.kubernetes.io/out-of-service=nodeshutdown:NoExecute\"\n";
    let run = lost(2).with(taint).run();
    expect_stuck(&run);
    run.expect("pod a removed", &[620.0]);
    run.expect("volume pvc-u1 node-0 detaching", &[620.0]).expect("volume pvc-u1 node-1 attached", &[636.0]);
    // Asked at 607.5, 729.5 s; mounted at 732.5 s; the sync began at 613 s: seen at 613 + 399 * 0.3 s.
    run.expect("pod b Running", &[732.7 + 0.5 + 1.5 + 0.25]);
}

/// 3.4: a node that comes back before that tells that nothing is mounted any more.
#[test]
fn a_node_that_boots_lets_its_volume_go() {
    let crash = "[[fault]]\nkind = \"node-crash\"\nat = \"60s\"\nfor = \"600s\"\nnode = \"node-0\"\n";
    let force = "[[change]]\nat = \"600s\"\ndelete = \"Pod/a\"\ngrace = \"0s\"\n";
    let run = followed("ReadWriteOnce", "480s").with(crash).with(force).run();
    run.expect("volume pvc-u1 node-0 detaching", &[660.0]).expect("volume pvc-u1 node-1 attached", &[676.0]);
}
