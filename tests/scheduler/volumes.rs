//! The volume plugins on objects as users write them.

use podsim::diag::{Diagnostics, Sources};
use podsim::manifest;
use podsim::model::{ClaimName, NodeLabels, PodVolume, StorageObject, StrId, Strings, Vocabulary};
use podsim::scheduler::framework::{Reason, Verdict};
use podsim::scheduler::hints::StorageEvent;
use podsim::scheduler::plugins::{node_volume_limits, volume_binding, volume_restrictions, volume_zone};
use podsim::scheduler::storage::{PodVolumes, Storage};
use podsim::scheduler::volume_reason::VolumeReason;

/// Objects, and the volumes of pods by name.
struct World {
    words: Vocabulary,
    storage: Storage,
    pods: Vec<(StrId, Box<[PodVolume]>)>,
}

struct Node<'a>(&'a Strings, StrId, Vec<(&'a str, &'a str)>);

impl NodeLabels for Node<'_> {
    fn name(&self) -> StrId {
        self.1
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        let found = self.2.iter().find(|(name, _)| *name == self.0.text(key));
        found.and_then(|(_, value)| self.0.lookup(value))
    }

    fn number(&self, value: StrId) -> Option<i64> {
        self.0.text(value).parse().ok()
    }
}

impl World {
    fn new(yaml: &str) -> Self {
        let mut sources = Sources::default();
        let file = sources.add("m.yaml", yaml.to_owned());
        let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
        // Names that nodes have.
        for name in ["n1", "n2", "za", "zb", "zc"] {
            words.strings.intern(name);
        }
        let objects = manifest::load(&[file], &sources, &mut words, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, false));
        let pods = objects.pods.iter().map(|pod| (pod.name, words.classes.get(pod.template.class).volumes.clone()));
        let pods = pods.collect();
        Self { storage: Storage::new(objects.storage.into_objects().collect()), words, pods }
    }

    fn pod(&self, name: &str) -> &[PodVolume] {
        let found = self.pods.iter().find(|(pod, _)| self.words.strings.text(*pod) == name);
        &found.expect("a pod of the file").1
    }

    fn id(&self, text: &str) -> StrId {
        self.words.strings.lookup(text).expect("a text of the file")
    }

    /// What VolumeBinding says of a pod on the node `name` in `zone`: claims with volumes (`+` is made), or reasons.
    fn bind(&self, pod: &str, name: &str, zone: &str) -> Result<String, String> {
        let text = |id| self.words.strings.text(id);
        let claims = volume_binding::pre_filter(self.pod(pod), &self.storage);
        let claims = claims.map_err(|reason| reason.text(&self.words.strings))?.expect("it has claims");
        let labels = vec![("kubernetes.io/hostname", name), ("topology.kubernetes.io/zone", zone)];
        let node = Node(&self.words.strings, self.id(name), labels);
        match volume_binding::find(&claims, &self.storage, &node) {
            Ok(PodVolumes { bindings, provisions }) => {
                let bindings = bindings.iter().map(|(claim, volume)| format!("{}={}", text(claim.name), text(*volume)));
                let made = provisions.iter().map(|claim| format!("{}=+", text(claim.name)));
                Ok(bindings.chain(made).collect::<Vec<_>>().join(" "))
            }
            Err(reasons) => {
                Err(reasons.iter().map(|reason| reason.text(&self.words.strings)).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn claim(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n")
}

fn wants(name: &str, class: &str, size: &str, more: &str) -> String {
    let size = format!("resources: {{requests: {{storage: {size}}}}}");
    claim(name, &format!("accessModes: [ReadWriteOnce], storageClassName: {class}, {size}{more}"))
}

fn volume(name: &str, class: &str, size: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}, labels: {{disk: {name}}}}}\nspec: {{accessModes: \
         [ReadWriteOnce, ReadOnlyMany], storageClassName: {class}, capacity: {{storage: {size}}}, csi: {{driver: d, \
         volumeHandle: {name}}}{more}}}\nstatus: {{phase: Available}}\n---\n"
    )
}

fn class(name: &str, provisioner: &str, more: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {provisioner}\n\
         volumeBindingMode: WaitForFirstConsumer\n{more}\n---\n"
    )
}

fn pod(name: &str, volumes: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: i}}], \
         volumes: [{volumes}]}}\n---\n"
    )
}

fn uses(name: &str, claims: &[&str]) -> String {
    let volumes = claims.iter().enumerate();
    let volumes = volumes.map(|(i, claim)| format!("{{name: v{i}, persistentVolumeClaim: {{claimName: {claim}}}}}"));
    pod(name, &volumes.collect::<Vec<_>>().join(", "))
}

const ON_N1: &str = ", nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, \
                     operator: In, values: [n1]}]}]}}";
const NOTHING: &str = "node(s) didn't find available persistent volumes to bind";

#[test]
fn claims_of_a_pod_share_the_volumes_smallest_first() {
    let manual = class("m", "kubernetes.io/no-provisioner", "");
    let claims = wants("big", "m", "8Gi", "") + &wants("small", "m", "1Gi", "") + &wants("huge", "m", "99Gi", "");
    let volumes = volume("v20", "m", "20Gi", "") + &volume("v9", "m", "9Gi", "") + &volume("other", "x", "1Gi", "");
    let pods = uses("two", &["big", "small"]) + &uses("all", &["big", "small", "huge"]);
    let mut world = World::new(&(manual + &claims + &volumes + &pods));
    // The small claim comes first and takes the smallest volume, so the large one gets the larger.
    assert_eq!(world.bind("two", "n1", "za"), Ok("small=v9 big=v20".to_owned()));
    assert_eq!(world.bind("all", "n1", "za"), Err(NOTHING.to_owned()));
    // What is assumed is nobody else's, until it is forgotten.
    let [big, v9] = ["big", "v9"].map(|name| world.id(name));
    let namespace = world.id("default");
    let taken = PodVolumes { bindings: vec![(ClaimName { namespace, name: big }, v9)], provisions: Vec::new() };
    let before = world.storage.volume(v9).cloned();
    world.storage.assume(&taken, world.id("n1"));
    assert_eq!(world.bind("two", "n1", "za"), Ok("small=v20 big=v9".to_owned()));
    world.storage.forget(&taken);
    assert_eq!(world.storage.volume(v9).cloned(), before);
}

#[test]
fn a_volume_that_is_meant_for_a_claim_wins_or_is_the_only_hope() {
    let manual = class("m", "kubernetes.io/no-provisioner", "");
    let meant = |uid: &str| format!(", claimRef: {{namespace: default, name: c{uid}}}");
    let with = |more: &str| {
        let text = manual.clone() + &wants("c", "m", "1Gi", "") + &uses("p", &["c"]) + &volume("free", "m", "1Gi", "");
        World::new(&(text + &volume("meant", "m", "5Gi", more)))
    };
    assert_eq!(with(&meant("")).bind("p", "n1", "za"), Ok("c=meant".to_owned()));
    assert_eq!(with(&meant(", uid: uid-default-c")).bind("p", "n1", "za"), Ok("c=meant".to_owned()));
    assert_eq!(with(&meant(", uid: another")).bind("p", "n1", "za"), Ok("c=free".to_owned()));
    let elsewhere = with(&(meant("") + ON_N1));
    assert_eq!(elsewhere.bind("p", "n1", "za"), Ok("c=meant".to_owned()));
    assert_eq!(elsewhere.bind("p", "n2", "za"), Err(NOTHING.to_owned()), "the free one is not looked at");
}

#[test]
fn modes_and_selectors_count() {
    let manual = class("m", "kubernetes.io/no-provisioner", "");
    let volumes =
        volume("a", "m", "1Gi", "") + &volume("b", "m", "2Gi", "") + &volume("raw", "m", "3Gi", ", volumeMode: Block");
    for (more, want) in [
        ("", Ok("c=a")),
        (", selector: {matchLabels: {disk: b}}", Ok("c=b")),
        (", selector: {matchExpressions: [{key: disk, operator: NotIn, values: [a, b]}]}", Err(NOTHING)),
        (", volumeMode: Block", Ok("c=raw")),
    ] {
        let world = World::new(&(manual.clone() + &volumes + &wants("c", "m", "1Gi", more) + &uses("p", &["c"])));
        assert_eq!(world.bind("p", "n1", "za"), want.map(str::to_owned).map_err(str::to_owned), "{more}");
    }
}

#[test]
fn volumes_are_made_where_the_class_and_the_room_allow() {
    let zones = "allowedTopologies: [{matchLabelExpressions: [{key: topology.kubernetes.io/zone, values: [za, zb]}]}]";
    let room = |name: &str, zone: &str, amount: &str| {
        format!(
            "apiVersion: storage.k8s.io/v1\nkind: CSIStorageCapacity\nmetadata: {{name: {name}}}\nstorageClassName: c\n\
             nodeTopology: {{matchLabels: {{topology.kubernetes.io/zone: {zone}}}}}\n{amount}\n---\n"
        )
    };
    let driver =
        "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: d}\nspec: {storageCapacity: true}\n---\n";
    let text = class("c", "d", zones) + driver + &room("ra", "za", "capacity: 10Gi") + &wants("x", "c", "9Gi", "");
    let text = text + &room("rb", "zb", "capacity: 90Gi\nmaximumVolumeSize: 2Gi") + &uses("p", &["x"]);
    let world = World::new(&text);
    assert_eq!(world.bind("p", "n1", "za"), Ok("x=+".to_owned()));
    assert_eq!(world.bind("p", "n1", "zb"), Err("node(s) did not have enough free storage".to_owned()));
    assert_eq!(world.bind("p", "n1", "zc"), Err(NOTHING.to_owned()));
}

#[test]
fn the_first_thing_that_is_wrong_with_a_claim_is_told() {
    let eph = "{name: e, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: \
               {storage: 1Gi}}}}}}";
    let pods = pod("p", eph) + &pod("q", eph) + &uses("r", &["gone"]) + &uses("s", &["now"]);
    let world = World::new(&(wants("p-e", "\"\"", "1Gi", "") + &wants("now", "none", "1Gi", "") + &pods));
    let said = |pod| world.bind(pod, "n1", "za").unwrap_err();
    assert_eq!(said("p"), "PVC default/p-e was not created for pod default/p (pod is not owner)");
    assert_eq!(said("q"), "waiting for ephemeral volume controller to create the persistentvolumeclaim \"q-e\"");
    assert_eq!(said("r"), "persistentvolumeclaim \"gone\" not found");
    assert_eq!(said("s"), "pod has unbound immediate PersistentVolumeClaims", "its class does not exist");
    let zone = volume_zone::pre_filter(world.pod("s"), &world.storage);
    assert_eq!(zone.unwrap_err(), VolumeReason::ClassNotFound(world.id("none")));
}

#[test]
fn disks_are_shared_for_reading_only() {
    let gce = |mode: &str| format!("{{name: v, gcePersistentDisk: {{pdName: d, readOnly: {mode}}}}}");
    let rbd = |monitors: &str| format!("{{name: v, rbd: {{monitors: [{monitors}], image: i}}}}");
    let ebs = "{name: v, awsElasticBlockStore: {volumeID: vol-1}}";
    let disks = [gce("true"), gce("false"), rbd("a, b"), rbd("b, c"), rbd("c"), ebs.to_owned()];
    let pods = disks.iter().enumerate().map(|(i, disk)| pod(&format!("p{i}"), disk));
    let world = World::new(&pods.collect::<String>());
    for (a, b, fits) in
        [(0, 0, true), (0, 1, false), (1, 1, false), (2, 3, false), (2, 4, true), (5, 5, false), (0, 5, true)]
    {
        let [a, b] = [a, b].map(|at| world.pod(&format!("p{at}")));
        let state = volume_restrictions::pre_filter(a, &world.storage, |_| false).expect("no claims").expect("disks");
        assert_eq!(state.filter(a, b.iter()) == Verdict::Fits, fits, "{a:?} {b:?}");
        assert_eq!(volume_restrictions::hint_pod_deleted(a, b), !fits);
    }
}

#[test]
fn a_claim_for_one_pod_is_free_when_its_pod_is_taken_away() {
    let alone = "accessModes: [ReadWriteOncePod], resources: {requests: {storage: 1Gi}}";
    let world = World::new(&(claim("c", alone) + &uses("p", &["c"])));
    let pod = world.pod("p");
    assert_eq!(volume_restrictions::pre_filter(pod, &world.storage, |_| false), Ok(None));
    let mut state = volume_restrictions::pre_filter(pod, &world.storage, |_| true).expect("it exists").expect("in use");
    let in_use = Verdict::unschedulable(Reason::Volume(VolumeReason::ReadWriteOncePod));
    assert_eq!(state.filter(pod, [].iter()), in_use);
    state.count(pod, -1);
    assert_eq!(state.filter(pod, [].iter()), Verdict::Fits);
    state.count(pod, 1);
    assert_eq!(state.filter(pod, [].iter()), in_use);
}

#[test]
fn attached_volumes_count_once_whoever_uses_them() {
    let node = "apiVersion: storage.k8s.io/v1\nkind: CSINode\nmetadata: {name: n1}\nspec: {drivers: [{name: d, nodeID: i, \
                allocatable: {count: 2}}]}\n---\n";
    let attached = "apiVersion: storage.k8s.io/v1\nkind: VolumeAttachment\nmetadata: {name: va}\nspec: {attacher: d, \
                    nodeName: n1, source: {persistentVolumeName: a}}\n---\n";
    let bound = |name: &str, volume: &str| wants(name, "c", "1Gi", &format!(", volumeName: {volume}"));
    let text = class("c", "d", "") + node + &volume("a", "c", "1Gi", "") + &volume("b", "c", "1Gi", "");
    let text =
        text + &bound("ca", "a") + &bound("cb", "b") + &wants("new", "c", "1Gi", "") + &wants("newer", "c", "1Gi", "");
    let pods = uses("a", &["ca"]) + &uses("ab", &["ca", "cb"]) + &uses("n", &["new"]) + &uses("nn", &["new", "newer"]);
    let world = World::new(&(text.clone() + &pods));
    let fits = |world: &World, pod: &str, there: &[&str]| {
        let there = there.iter().flat_map(|name| world.pod(name));
        node_volume_limits::filter(world.pod(pod), &world.storage, world.id("n1"), there) == Verdict::Fits
    };
    assert!(
        fits(&world, "ab", &[]) && fits(&world, "ab", &["a"]) && fits(&world, "a", &["ab"]),
        "shared ones count once"
    );
    assert!(fits(&world, "n", &["a"]) && fits(&world, "nn", &["n"]), "a claim without volume is one volume");
    assert!(!fits(&world, "n", &["ab"]) && !fits(&world, "nn", &["a"]));
    let world = World::new(&(text + attached + &pods));
    assert!(fits(&world, "n", &[]) && !fits(&world, "nn", &[]), "what is attached for nobody counts");
    assert!(fits(&world, "n", &["a"]), "what is attached for a pod there counts once");
    assert!(fits(&world, "a", &[]) && !fits(&world, "ab", &[]), "as upstream, it counts again for a new pod");
}

#[test]
fn zones_are_sets_and_beta_labels_are_matched_to_their_successors() {
    let labels = "{topology.kubernetes.io/zone: za__zb, failure-domain.beta.kubernetes.io/zone: za}";
    let pv = volume("v", "c", "1Gi", "").replace("{disk: v}", labels);
    let world = World::new(&(pv + &wants("x", "c", "1Gi", ", volumeName: v") + &uses("p", &["x"])));
    let topologies = volume_zone::pre_filter(world.pod("p"), &world.storage).expect("its volume exists");
    assert_eq!(topologies.len(), 2);
    let fits = |labels: &[(&str, &str)]| {
        let node = Node(&world.words.strings, world.id("n1"), labels.to_vec());
        volume_zone::filter(&topologies, |key| node.label(key)) == Verdict::Fits
    };
    assert!(fits(&[]) && fits(&[("topology.kubernetes.io/zone", "za")]));
    assert!(!fits(&[("topology.kubernetes.io/zone", "zb")]), "the beta label asks for za");
    assert!(!fits(&[("topology.kubernetes.io/region", "za")]), "a node with any such label must have them all");
}

#[test]
fn events_say_what_is_new() {
    let world = World::new(&(volume("v", "c", "1Gi", "") + &wants("x", "c", "1Gi", "") + &uses("p", &["x"])));
    let name = ClaimName { namespace: world.id("default"), name: world.id("x") };
    let claim = StorageObject::Claim(world.storage.claim(name).expect("it is there").clone());
    assert_eq!(StorageEvent::of(None, &claim), StorageEvent::ClaimAdded(name));
    assert_eq!(StorageEvent::of(Some(&claim), &claim), StorageEvent::ClaimUpdated(name));
    let volume = StorageObject::Volume(world.storage.volume(world.id("v")).expect("it is there").clone());
    assert_eq!(StorageEvent::of(None, &volume), StorageEvent::Volume { zones: true });
    assert_eq!(StorageEvent::of(Some(&volume), &volume), StorageEvent::Volume { zones: false });
    let pod = world.pod("p");
    assert!(volume_restrictions::hint_claim_added(pod, name) && volume_binding::hint_claim(pod, name));
    assert!(!volume_binding::hint_claim(&[], name));
}
