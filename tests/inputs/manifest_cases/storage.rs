//! Mistakes in storage objects and in volumes of pods.

use podsim::manifest::codes::*;

use super::Case;

/// Adds them to the table.
pub fn add_to(all: &mut Vec<Case>) {
    let mut add = |code, text: String, at, help| all.push(Case { code, text, at, help });
    let claim = |spec: &str| {
        format!("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{{spec}}}\n")
    };
    let volume =
        |spec: &str| format!("apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: pv}}\nspec: {{{spec}}}\n");
    let pod = |volume: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers: [{{name: c, image: i}}]\n  \
             volumes: [{{name: v, {volume}}}]\n"
        )
    };
    let storage = |kind: &str, rest: &str| {
        format!("apiVersion: storage.k8s.io/v1\nkind: {kind}\nmetadata: {{name: x}}\n{rest}\n")
    };
    const SIZE: &str = "resources: {requests: {storage: 1Gi}}";
    const GOOD: &str = "capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce]";

    add(BAD_ACCESS_MODES, claim(SIZE), (4, 1), "accessModes: [ReadWriteOnce]");
    let both = format!("accessModes: [ReadWriteOncePod, ReadWriteOnce], {SIZE}");
    add(BAD_ACCESS_MODES, claim(&both), (4, 21), "one pod in the cluster");
    add(BAD_ACCESS_MODES, volume("capacity: {storage: 1Gi}, hostPath: {path: /d}"), (4, 1), "on one node at a time");
    add(UNSUPPORTED, claim(&format!("accessModes: [RWO], {SIZE}")), (4, 22), "ReadWriteOnce");
    add(NO_SIZE, claim("accessModes: [ReadWriteOnce]"), (4, 1), "storage: 1Gi");
    add(NO_SIZE, claim("accessModes: [ReadWriteOnce], resources: {requests: {}}"), (4, 60), "storage: 1Gi");
    add(NO_SIZE, volume("accessModes: [ReadWriteOnce], hostPath: {path: /d}"), (4, 1), "capacity");
    add(NO_SIZE, "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv}\n".to_owned(), (1, 1), "accessModes:");
    add(OUT_OF_RANGE, claim("accessModes: [ReadWriteOnce], resources: {requests: {storage: 0}}"), (4, 70), "how large");
    let name = "PersistentVolumeClaim\nmetadata: {name: data}\nspec:";
    add(
        MISPLACED_FIELD,
        format!("apiVersion: v1\nkind: {name} {{accessModes: [ReadWriteOnce], {SIZE}, storage: 1Gi}}\n"),
        (4, 77),
        "under `resources:",
    );
    add(LOCAL_WITHOUT_NODE, volume(&format!("{GOOD}, local: {{path: /mnt}}")), (4, 64), "on which node");
    add(TWO_SOURCES, volume(&format!("{GOOD}, hostPath: {{path: /d}}, nfs: {{server: s}}")), (4, 86), "`nfs`");
    add(NO_SOURCE, volume(GOOD), (4, 1), "where the volume is");
    let required = format!("{GOOD}, hostPath: {{path: /d}}, nodeAffinity: {{}}");
    add(BAD_NODE_AFFINITY, volume(&required), (4, 86), "required:");
    add(REQUIRED, volume(&format!("{GOOD}, csi: {{driver: d}}")), (4, 64), "volumeHandle: vol-1");
    add(MISSING_CLAIM, pod("persistentVolumeClaim: {claimName: data}"), (6, 58), "add the PersistentVolumeClaim");
    add(
        MISSING_CLAIM,
        pod("persistentVolumeClaim: {claimName: dta}")
            + "---\n"
            + &claim(&format!("accessModes: [ReadWriteOnce], {SIZE}")),
        (6, 58),
        "did you mean `data`?",
    );
    add(REQUIRED, pod("gcePersistentDisk: {readOnly: true}"), (6, 23), "pdName");
    add(REQUIRED, pod("rbd: {image: i}"), (6, 23), "monitors:");
    add(REQUIRED, pod("ephemeral: {}"), (6, 23), "volumeClaimTemplate");
    let selector = |rest: &str| claim(&format!("accessModes: [ReadWriteOnce], {SIZE}, selector: {{{rest}}}"));
    let (exists, is) = ("{key: a, operator: Exists, values: [b]}", "{key: a, operator: is, values: [b]}");
    add(BAD_SELECTOR, selector("matchExpressions: [{key: a, operator: In}]"), (4, 108), "values: [web]");
    add(BAD_SELECTOR, selector(&format!("matchExpressions: [{exists}]")), (4, 142), "operator: In");
    add(BAD_SELECTOR, selector(&format!("matchExpressions: [{is}]")), (4, 126), "write one of In");
    add(REQUIRED, storage("StorageClass", "volumeBindingMode: Immediate"), (1, 1), "no-provisioner");
    add(
        UNSUPPORTED,
        storage("StorageClass", "provisioner: p\nvolumeBindingMode: Late"),
        (5, 20),
        "WaitForFirstConsumer",
    );
    let topology = "provisioner: p\nallowedTopologies: [{matchLabelExpressions: [{key: zone}]}]";
    add(REQUIRED, storage("StorageClass", topology), (5, 47), "us-east-1a");
    add(REQUIRED, storage("CSINode", "spec: {drivers: [{name: d}]}"), (4, 19), "nodeID: i-1");
    let count = "spec: {drivers: [{name: d, nodeID: i, allocatable: {count: -1}}]}";
    add(OUT_OF_RANGE, storage("CSINode", count), (4, 60), "for any number");
    add(REQUIRED, storage("CSIStorageCapacity", "capacity: 1Gi"), (1, 1), "storageClassName");
    add(REQUIRED, storage("VolumeAttachment", "spec: {attacher: a, source: {}}"), (4, 1), "nodeName:");
    add(WRONG_TYPE, storage("CSIDriver", "spec: {storageCapacity: 1}"), (4, 25), "true or false");
}
