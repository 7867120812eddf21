//! What becomes of claims and volumes that are deleted, or made larger.

use crate::support::{Run, Scene, pod};
use podsim::model::storage::VolumePhase;

const SLOW: &str = "volume_provisioning = \"2s\"\nvolume_attach = \"1s\"\nvolume_detach = \"6s\"\n";
const POLITE: &str = "[[behavior]]\non_terminate = { after = \"5s\", exit_code = 0 }\n";

fn class(extra: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: fast}}\nprovisioner: csi.example.com\n{extra}\
         ---\n"
    )
}

fn claim(size: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, uid: u1}}\nspec: {{accessModes: \
         [ReadWriteOnce], storageClassName: fast, resources: {{requests: {{storage: {size}}}}}}}\n---\n"
    )
}

fn user(more: &str) -> String {
    let volumes = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]";
    pod("web", &format!("containers: [{{name: c, image: 'i:1'}}], {volumes}{more}"))
}

fn delete(at: &str, what: &str) -> String {
    format!("[[change]]\nat = \"{at}\"\ndelete = \"{what}\"\n")
}

/// The phase of the provisioned volume; `None`: it is gone.
fn volume(run: &Run) -> Option<VolumePhase> {
    let storage = run.sim.cluster().storage();
    storage.volumes().next().map(|volume| volume.phase)
}

/// 3.5: a claim in use stays until its pod has ended; its volume, whose class says Delete, goes when it is detached.
#[test]
fn a_claim_in_use_outlives_its_deletion() {
    let yaml = class("") + &claim("1Gi") + &user("");
    let changes = delete("30s", "PersistentVolumeClaim/data") + &delete("60s", "Pod/web");
    let mut run = Scene::new(&yaml).setting(SLOW).with(POLITE).with(&changes).start();
    run.until(64.0);
    run.expect("claim default/data Bound", &[2.0]).expect("claim default/data removed", &[]);
    assert!(run.sim.cluster().storage().claims().all(|claim| claim.is_deleting));
    assert_eq!(run.sim.cluster().storage().claims().count(), 1);
    run.until(70.0);
    run.expect("pod web removed", &[65.0]).expect("claim default/data removed", &[65.0]);
    run.expect("volume pvc-u1 node-0 detaching", &[65.0]);
    assert_eq!(volume(&run), Some(VolumePhase::Released));
    run.until(80.0);
    run.expect("volume pvc-u1 node-0 detached", &[71.0]);
    assert_eq!(volume(&run), None);
}

/// 3.5: a volume that is to be retained stays, Released, and nobody gets it.
#[test]
fn a_retained_volume_stays() {
    let yaml = class("reclaimPolicy: Retain\n") + &claim("1Gi");
    let run = Scene::new(&yaml).setting(SLOW).with(&delete("30s", "PersistentVolumeClaim/data")).run();
    run.expect("claim default/data", &[2.0, 30.0]);
    assert_eq!(volume(&run), Some(VolumePhase::Released));
    let again = "[[change]]\nat = \"60s\"\napply = \"claim.yaml\"\n";
    let fresh = claim("1Gi").replace("u1", "u2");
    let scene = Scene::new(&yaml).setting(SLOW).with(&delete("30s", "PersistentVolumeClaim/data")).with(again);
    let run = scene.file("claim.yaml", &fresh).run();
    run.expect("claim default/data Bound", &[2.0, 62.0]);
    assert_eq!(run.sim.cluster().storage().volumes().count(), 2);
}

/// 3.5: a pod that has ended holds no claim.
#[test]
fn a_finished_pod_holds_no_claim() {
    let yaml = class("") + &claim("1Gi") + &user(", restartPolicy: Never");
    let runs = "[[behavior]]\nrun = \"50s\"\n";
    let deleted = delete("30s", "PersistentVolumeClaim/data");
    let run = Scene::new(&yaml).setting(SLOW).with(runs).with(&deleted).run();
    let ended = run.time("pod web Succeeded");
    run.expect("claim default/data removed", &[ended]);
    assert!(run.pod("web").is_some());
}

/// 3.5: a volume with a claim waits for the claim, and goes with it whatever its policy is.
#[test]
fn a_bound_volume_outlives_its_deletion() {
    let yaml = class("reclaimPolicy: Retain\n") + &claim("1Gi");
    let first = delete("20s", "PersistentVolume/pvc-u1");
    let run = Scene::new(&yaml).setting(SLOW).with(&first).run();
    assert_eq!(volume(&run), Some(VolumePhase::Bound));
    let both = first + &delete("30s", "PersistentVolumeClaim/data");
    let run = Scene::new(&yaml).setting(SLOW).with(&both).run();
    assert_eq!(volume(&run), None);
}

/// 3.5: a claim grows if its class allows it, and never shrinks.
#[test]
fn a_claim_grows_if_its_class_lets_it() {
    let allowed = "allowVolumeExpansion: true\n";
    for (extra, size, capacity, refused) in
        [("", "2Gi", "1Gi", 1), (allowed, "2Gi", "2Gi", 0), (allowed, "512Mi", "1Gi", 1), (allowed, "1Gi", "1Gi", 1)]
    {
        let change = "[[change]]\nat = \"30s\"\napply = \"larger.yaml\"\n";
        let yaml = class(extra) + &claim("1Gi");
        let run = Scene::new(&yaml).setting(SLOW).with(change).file("larger.yaml", &claim(size)).run();
        let storage = run.sim.cluster().storage();
        let has = storage.volumes().next().expect("it is there").capacity.to_string();
        assert_eq!((&*has, storage.claims().next().and_then(|claim| claim.volume).is_some()), (capacity, true));
        let told = if capacity == "2Gi" { vec![30.0] } else { Vec::new() };
        run.expect("event claim default/data Normal VolumeResizeSuccessful", &told);
        let (outcome, _) = run.outcome();
        assert_eq!(outcome.counters.changes_refused, refused, "{size} {extra}");
    }
}

/// Appendix A: what claims wait for.
#[test]
fn claims_say_what_they_wait_for() {
    let late = class("volumeBindingMode: WaitForFirstConsumer\n");
    let run = Scene::new(&(late + &claim("1Gi") + &user(""))).setting(SLOW).run();
    let about = |event: &str| format!("event claim default/data {event}");
    run.expect(&about("Normal WaitForFirstConsumer: waiting for first consumer to be created before binding"), &[0.0]);
    let text = "Normal ExternalProvisioning: Waiting for a volume to be created either by the external provisioner \
                'csi.example.com' or manually";
    run.expect(&about(text), &[0.0]);
    run.expect(&about("Normal ProvisioningSucceeded: Successfully provisioned volume pvc-u1"), &[2.0]);
    let nowhere = claim("1Gi").replace("storageClassName: fast", "storageClassName: \"\"");
    let run = Scene::new(&nowhere).run();
    run.expect(&about("Normal FailedBinding: no persistent volumes available for this claim"), &[0.0]);
    let run = Scene::new(&claim("1Gi")).run();
    let text = "Warning ProvisioningFailed: storageclass.storage.k8s.io \"fast\" not found";
    run.expect(&about(text), &[0.0]);
}

/// 3.5, 8.3: the claims that a StatefulSet makes have volumes of their own.
#[test]
fn a_stateful_set_gets_a_volume_for_each_pod() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: db, replicas: 2, \
               podManagementPolicy: Parallel, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, \
               spec: {containers: [{name: c, image: 'i:1', volumeMounts: [{name: data, mountPath: /d}]}]}}, \
               volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: \
               {storage: 1Gi}}}}]}\n---\n";
    let default = class("")
        .replace("{name: fast}", "{name: fast, annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}");
    let run = Scene::new(&(default + set)).setting(SLOW).run();
    run.expect("claim default/data-db-0 Bound", &[2.0]).expect("claim default/data-db-1 Bound", &[2.0]);
    run.expect("volume pvc-uid-default-data-db-0 node-0 attached", &[3.0]);
    run.expect("volume pvc-uid-default-data-db-1 node-0 attached", &[3.0]);
    assert_eq!((run.times("pod db-0 Running").len(), run.times("pod db-1 Running").len()), (1, 1));
    assert_eq!(run.sim.cluster().storage().volumes().count(), 2);
}
