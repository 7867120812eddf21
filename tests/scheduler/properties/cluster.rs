//! Random clusters as plain values, and the manifests that say the same. Knows nothing of podsim.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub const DRIVER: &str = "csi.example.com";
pub const ZONE: &str = "topology.kubernetes.io/zone";
pub const HOST: &str = "kubernetes.io/hostname";

/// Numbers out of bytes; zeros, and so the simplest choice, when they are used up.
pub struct Dice<'a>(pub &'a [u8]);

impl Dice<'_> {
    /// Less than `sides`.
    pub fn roll(&mut self, sides: u8) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first % sides
    }

    /// True in one of `times` cases.
    pub fn one_in(&mut self, times: u8) -> bool {
        self.roll(times) == times - 1
    }
}

pub type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    pub labels: Labels,
    pub taints: Vec<(String, String, &'static str)>,
    pub cordoned: bool,
    /// cpu (milli-cores), memory (MiB), ephemeral-storage (GiB), example.com/gpu, pods.
    pub room: [i64; 5],
    /// How many volumes the driver attaches.
    pub attaches: Option<i64>,
}

impl Node {
    pub fn random(name: &str, dice: &mut Dice<'_>) -> Self {
        let mut node = Self { name: name.to_owned(), ..Self::default() };
        let size = 1 + i64::from(dice.roll(4));
        let gpus = if dice.one_in(3) { 2 } else { 0 };
        node.room = [1000 * size, 2048 * size, 10 + 5 * size, gpus, 3 + 2 * size];
        node.attaches = [None, Some(1), Some(2), Some(4)][usize::from(dice.roll(4))];
        node.redecorate(dice);
        node
    }

    /// Other labels and taints.
    pub fn redecorate(&mut self, dice: &mut Dice<'_>) {
        self.labels = Labels::new();
        if !dice.one_in(10) {
            self.labels.insert(ZONE.to_owned(), format!("zone-{}", dice.roll(4)));
        }
        if !dice.one_in(10) {
            self.labels.insert(HOST.to_owned(), self.name.clone());
        }
        if dice.one_in(2) {
            self.labels.insert("disk".to_owned(), "ssd".to_owned());
        }
        self.labels.insert("cores".to_owned(), format!("{}", dice.roll(9)));
        self.labels.insert("pool".to_owned(), ["general", "special"][usize::from(dice.one_in(8))].to_owned());
        self.taints = Vec::new();
        for (key, rare) in [("dedicated", 5), ("broken", 12), ("spot", 4)] {
            if dice.one_in(rare) {
                let effect = ["NoSchedule", "NoExecute", "PreferNoSchedule"][usize::from(dice.roll(3))];
                self.taints.push((key.to_owned(), ["a", "b"][usize::from(dice.roll(2))].to_owned(), effect));
            }
        }
        self.cordoned = dice.one_in(12);
    }

    pub fn manifest(&self) -> Value {
        let taints =
            self.taints.iter().map(|(key, value, effect)| json!({"key": key, "value": value, "effect": effect}));
        let [cpu, memory, ephemeral, gpus, pods] = self.room;
        json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name, "labels": self.labels},
            "spec": {"unschedulable": self.cordoned, "taints": taints.collect::<Vec<_>>()},
            "status": {"allocatable": {"cpu": format!("{cpu}m"), "memory": format!("{memory}Mi"), "pods": pods.to_string(),
                "ephemeral-storage": format!("{ephemeral}Gi"), "example.com/gpu": gpus.to_string()}}})
    }

    pub fn csi_manifest(&self) -> Option<Value> {
        let drivers = json!([{"name": DRIVER, "nodeID": self.name, "allocatable": {"count": self.attaches?}}]);
        Some(json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": self.name},
            "spec": {"drivers": drivers}}))
    }
}

/// Key, operator, values: of a label, or of the field `metadata.name`.
pub type Expression = (&'static str, &'static str, Vec<String>);

#[derive(Clone, Debug)]
pub struct Spread {
    pub key: &'static str,
    pub skew: i64,
    pub hard: bool,
    pub domains: Option<i64>,
    pub honors_taints: bool,
    pub app: String,
}

#[derive(Clone, Debug)]
pub struct Term {
    pub key: &'static str,
    pub app: String,
    /// In every namespace, not in the pod's own.
    pub everywhere: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Pod {
    pub name: String,
    pub namespace: &'static str,
    pub app: String,
    pub profile: usize,
    /// cpu, memory, ephemeral-storage, example.com/gpu.
    pub wants: [i64; 4],
    pub ports: Vec<(&'static str, &'static str, u16)>,
    /// Key (none: all), value (none: any), effect (none: all).
    pub tolerations: Vec<(Option<&'static str>, Option<&'static str>, Option<&'static str>)>,
    pub selector: Labels,
    pub required: Option<Vec<Vec<Expression>>>,
    pub prefers: bool,
    pub spread: Vec<Spread>,
    pub near: Vec<Term>,
    pub apart: Vec<Term>,
    pub priority: i32,
    pub never_preempts: bool,
    /// Asked for by name, by a pod that is scheduled all the same.
    pub node_name: Option<String>,
    /// Claims by name.
    pub claims: Vec<String>,
    /// Disk and whether it is for reading only.
    pub disk: Option<(String, bool)>,
    pub has_ephemeral: bool,
}

fn app(dice: &mut Dice<'_>) -> String {
    format!("app-{}", dice.roll(5))
}

fn key(dice: &mut Dice<'_>) -> &'static str {
    [ZONE, HOST][usize::from(dice.roll(2))]
}

fn term(dice: &mut Dice<'_>) -> Term {
    Term { key: key(dice), app: app(dice), everywhere: dice.one_in(2) }
}

fn expression(dice: &mut Dice<'_>) -> Expression {
    let zone = format!("zone-{}", dice.roll(4));
    match dice.roll(7) {
        0 => (ZONE, "In", vec![zone, "zone-0".to_owned()]),
        1 => (ZONE, "NotIn", vec![zone]),
        2 => ("disk", "Exists", Vec::new()),
        3 => ("disk", "DoesNotExist", Vec::new()),
        4 => ("cores", "Gt", vec![dice.roll(7).to_string()]),
        5 => ("cores", "Lt", vec![dice.roll(9).to_string()]),
        _ => ("metadata.name", "In", vec![format!("node-{}", dice.roll(60))]),
    }
}

impl Pod {
    pub fn random(number: usize, profiles: u8, claims: u8, dice: &mut Dice<'_>) -> Self {
        let mut pod = Self { name: format!("pod-{number}"), namespace: "default", app: app(dice), ..Self::default() };
        pod.wants = [100 * i64::from(dice.roll(9)), 128 * i64::from(dice.roll(9)), 0, 0];
        pod.priority = [0, 0, 10, 100][usize::from(dice.roll(4))];
        pod.never_preempts = dice.one_in(5);
        pod.node_name = dice.one_in(25).then(|| format!("node-{}", dice.roll(60)));
        pod.profile = if dice.one_in(3) { usize::from(dice.roll(profiles)) } else { 0 };
        if dice.one_in(6) {
            pod.wants[2] = 1 + i64::from(dice.roll(12));
        }
        if dice.one_in(6) {
            pod.wants[3] = 1;
        }
        if dice.one_in(6) {
            let address = ["0.0.0.0", "10.0.0.1", "10.0.0.2"][usize::from(dice.roll(3))];
            pod.ports.push((address, ["TCP", "UDP"][usize::from(dice.roll(2))], 8080 + u16::from(dice.roll(2))));
        }
        for (toleration, rare) in [
            ((Some("dedicated"), Some("a"), None), 4),
            ((Some("broken"), None, Some("NoSchedule")), 5),
            ((Some("node.kubernetes.io/unschedulable"), None, None), 8),
            ((None, None, None), 12),
        ] {
            if dice.one_in(rare) {
                pod.tolerations.push(toleration);
            }
        }
        if dice.one_in(8) {
            pod.selector.insert("disk".to_owned(), "ssd".to_owned());
        }
        if dice.one_in(5) {
            let terms = 1 + dice.roll(2);
            let conditions = |dice: &mut Dice<'_>| (0..=dice.roll(2)).map(|_| expression(dice)).collect();
            pod.required = Some((0..terms).map(|_| conditions(dice)).collect());
        }
        pod.prefers = dice.one_in(4);
        if dice.one_in(5) {
            for _ in 0..=dice.roll(2) {
                let own = pod.app.clone();
                let spread = Spread {
                    key: key(dice),
                    skew: 1 + i64::from(dice.roll(2)),
                    hard: dice.roll(3) > 0,
                    domains: dice.one_in(4).then_some(3),
                    honors_taints: dice.one_in(3),
                    app: if dice.one_in(3) { app(dice) } else { own },
                };
                if !pod.spread.iter().any(|other| (other.key, other.hard) == (spread.key, spread.hard)) {
                    pod.spread.push(spread);
                }
            }
        }
        if dice.one_in(7) {
            pod.near = (0..=dice.roll(2)).map(|_| term(dice)).collect();
        }
        if dice.one_in(7) {
            pod.apart = (0..=dice.roll(2)).map(|_| term(dice)).collect();
        }
        if dice.one_in(3) {
            for _ in 0..=dice.roll(2) {
                let claim = format!("claim-{}", dice.roll(claims));
                if !pod.claims.contains(&claim) {
                    pod.claims.push(claim);
                }
            }
        } else if dice.one_in(9) {
            pod.disk = Some((format!("disk-{}", dice.roll(2)), dice.one_in(2)));
        } else if dice.one_in(12) {
            pod.has_ephemeral = true;
        } else if dice.one_in(3) {
            pod.namespace = "team";
        }
        pod
    }

    /// The claim of its ephemeral volume.
    pub fn ephemeral_claim(&self) -> String {
        format!("{}-e", self.name)
    }

    /// A second name in one term contradicts the first: no node is both.
    pub fn manifest(&self, schedulers: &[&str]) -> Value {
        let [cpu, memory, ephemeral, gpus] = self.wants;
        let mut requests = json!({});
        for (name, amount, text) in [
            ("cpu", cpu, format!("{cpu}m")),
            ("memory", memory, format!("{memory}Mi")),
            ("ephemeral-storage", ephemeral, format!("{ephemeral}Gi")),
            ("example.com/gpu", gpus, gpus.to_string()),
        ] {
            if amount > 0 {
                requests[name] = json!(text);
            }
        }
        let mut resources = json!({"requests": requests});
        if gpus > 0 {
            resources["limits"] = json!({"example.com/gpu": gpus.to_string()});
        }
        let ports = self.ports.iter().map(|(address, protocol, port)| {
            json!({"containerPort": port, "hostPort": port, "hostIP": address, "protocol": protocol})
        });
        let tolerations = self.tolerations.iter().map(|(key, value, effect)| {
            let mut toleration = json!({"operator": if value.is_some() { "Equal" } else { "Exists" }});
            for (name, word) in [("key", key), ("value", value), ("effect", effect)] {
                if let Some(word) = word {
                    toleration[name] = json!(word);
                }
            }
            toleration
        });
        let mut affinity = json!({"nodeAffinity": {}, "podAffinity": {}, "podAntiAffinity": {}});
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        if let Some(terms) = &self.required {
            affinity["nodeAffinity"][required] =
                json!({"nodeSelectorTerms": terms.iter().map(|term| node_term(term)).collect::<Vec<_>>()});
        }
        if self.prefers {
            affinity["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
                json!([{"weight": 30, "preference": node_term(&[("disk", "Exists", Vec::new())])}]);
        }
        let pod_terms = |terms: &[Term]| terms.iter().map(pod_term).collect::<Vec<_>>();
        affinity["podAffinity"][required] = json!(pod_terms(&self.near));
        affinity["podAntiAffinity"][required] = json!(pod_terms(&self.apart));
        let spread = self.spread.iter().map(|spread| {
            let mut constraint = json!({"maxSkew": spread.skew, "topologyKey": spread.key,
                "whenUnsatisfiable": if spread.hard { "DoNotSchedule" } else { "ScheduleAnyway" },
                "nodeTaintsPolicy": if spread.honors_taints { "Honor" } else { "Ignore" },
                "labelSelector": {"matchLabels": {"app": spread.app}}});
            if spread.hard
                && let Some(domains) = spread.domains
            {
                constraint["minDomains"] = json!(domains);
            }
            constraint
        });
        let mut volumes: Vec<Value> = self
            .claims
            .iter()
            .enumerate()
            .map(|(at, claim)| json!({"name": format!("v{at}"), "persistentVolumeClaim": {"claimName": claim}}))
            .collect();
        if let Some((disk, read_only)) = &self.disk {
            volumes.push(json!({"name": "d", "gcePersistentDisk": {"pdName": disk, "readOnly": read_only}}));
        }
        if self.has_ephemeral {
            volumes.push(json!({"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec":
                {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}));
        }
        let node_name = self.node_name.as_deref().unwrap_or_default();
        let priority = format!("p{}{}", self.priority, if self.never_preempts { "-never" } else { "" });
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": {"app": self.app},
                "uid": format!("uid-of-{}", self.name)},
            "spec": {"nodeName": node_name, "schedulerName": schedulers[self.profile], "priorityClassName": priority,
                "containers": [{"name": "c", "image": "i", "resources": resources, "ports": ports.collect::<Vec<_>>()}],
                "tolerations": tolerations.collect::<Vec<_>>(), "nodeSelector": self.selector, "affinity": affinity,
                "topologySpreadConstraints": spread.collect::<Vec<_>>(), "volumes": volumes}})
    }
}

fn node_term(term: &[Expression]) -> Value {
    let (fields, labels): (Vec<_>, Vec<_>) = term.iter().partition(|(key, ..)| *key == "metadata.name");
    let all = |list: Vec<&Expression>| {
        list.iter()
            .map(|(key, word, values)| json!({"key": key, "operator": word, "values": values}))
            .collect::<Vec<_>>()
    };
    json!({"matchExpressions": all(labels), "matchFields": all(fields)})
}

fn pod_term(term: &Term) -> Value {
    let mut value = json!({"topologyKey": term.key, "labelSelector": {"matchLabels": {"app": term.app}}});
    if term.everywhere {
        value["namespaceSelector"] = json!({});
    }
    value
}

/// Where the data of a volume may be used.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    pub name: String,
    /// The zone of its label.
    pub label: Option<String>,
    /// The zone of its node affinity.
    pub zone: Option<String>,
    pub gib: i64,
    /// Nobody's.
    pub is_free: bool,
    /// Attached by the driver; else it is local.
    pub is_attached: bool,
}

/// What a claim is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Bound,
    BoundInZone,
    BoundNearby,
    ForOnePod,
    MadeLater,
    MadeWhereRoom,
    Manual,
    NotBound,
    WithoutClass,
    ClassMissing,
    Deleting,
    Lost,
    VolumeMissing,
    Missing,
}

impl Kind {
    pub const ALL: [Self; 14] = [
        Self::Bound,
        Self::BoundInZone,
        Self::BoundNearby,
        Self::ForOnePod,
        Self::MadeLater,
        Self::MadeWhereRoom,
        Self::Manual,
        Self::NotBound,
        Self::WithoutClass,
        Self::ClassMissing,
        Self::Deleting,
        Self::Lost,
        Self::VolumeMissing,
        Self::Missing,
    ];

    pub const fn class(self) -> &'static str {
        match self {
            Self::MadeWhereRoom => "roomy",
            Self::Manual => "manual",
            Self::NotBound => "early",
            Self::WithoutClass => "",
            Self::ClassMissing => "gone",
            _ => "late",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Claim {
    pub name: String,
    pub kind: Kind,
    pub gib: i64,
    pub volume: Option<String>,
    /// The pod whose ephemeral volume it is.
    pub owner: Option<String>,
}

impl Claim {
    pub fn manifest(&self) -> Value {
        let mode = if self.kind == Kind::ForOnePod { "ReadWriteOncePod" } else { "ReadWriteOnce" };
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": self.name},
            "spec": {"accessModes": [mode], "storageClassName": self.kind.class(),
                "resources": {"requests": {"storage": format!("{}Gi", self.gib)}}}});
        if let Some(volume) = &self.volume {
            claim["spec"]["volumeName"] = json!(volume);
            claim["metadata"]["annotations"] = json!({"pv.kubernetes.io/bind-completed": "yes"});
            claim["status"] = json!({"phase": if self.kind == Kind::Lost { "Lost" } else { "Bound" }});
        }
        if self.kind == Kind::Deleting {
            claim["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        if let Some(owner) = &self.owner {
            claim["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Pod", "name": owner,
                "uid": format!("uid-of-{owner}"), "controller": true}]);
        }
        claim
    }
}

impl Volume {
    pub fn manifest(&self, claim: Option<&str>) -> Value {
        let class = if self.is_attached { "late" } else { "manual" };
        let mut volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": self.name, "labels": {}},
            "spec": {"accessModes": ["ReadWriteOnce", "ReadWriteOncePod"], "storageClassName": class,
                "capacity": {"storage": format!("{}Gi", self.gib)}},
            "status": {"phase": if self.is_free { "Available" } else { "Bound" }}});
        if self.is_attached {
            volume["spec"]["csi"] = json!({"driver": DRIVER, "volumeHandle": self.name});
        } else {
            volume["spec"]["local"] = json!({"path": "/data"});
        }
        if let Some(zone) = &self.label {
            volume["metadata"]["labels"][ZONE] = json!(zone);
        }
        // A local volume must say where it is.
        let zone = self.zone.as_ref().map(|zone| (ZONE, "In", vec![zone.clone()]));
        if let Some(expression) = zone {
            volume["spec"]["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [node_term(&[expression])]}});
        }
        if let Some(claim) = claim {
            volume["spec"]["claimRef"] = json!({"namespace": "default", "name": claim});
        }
        volume
    }
}
