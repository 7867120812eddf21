//! `podsim explain`: what it says for each kind of reason, and that every change that it suggests works: it is applied to the
//! files, the scenario is run again, and the pod is on a node.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value as Json, json};

/// A scenario and its objects, as files in a folder of their own.
#[derive(Clone)]
struct Case {
    folder: PathBuf,
    scenario: Json,
    objects: Vec<Json>,
    sets: Vec<String>,
}

impl Case {
    fn new(name: &str, scenario: &str, objects: &[Json]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain").join(name);
        std::fs::create_dir_all(&folder).expect("a folder for tests");
        let mut scenario: Json = toml::from_str(scenario).expect("TOML");
        let header = scenario.as_object_mut().expect("a table").entry("scenario").or_insert_with(|| json!({}));
        header["duration"] = header.get("duration").cloned().unwrap_or_else(|| json!("10m"));
        header["manifests"] = json!(["objects.json"]);
        let case = Self { folder, scenario, objects: objects.to_vec(), sets: Vec::new() };
        case.write();
        case
    }

    fn write(&self) {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": self.objects });
        std::fs::write(self.folder.join("objects.json"), list.to_string()).expect("a written file");
        let text: String =
            self.scenario.as_object().expect("a table").iter().map(|(key, value)| section(key, value)).collect();
        std::fs::write(self.folder.join("scenario.toml"), text).expect("a written file");
    }

    fn explain(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podsim"));
        command.current_dir(&self.folder).args(["explain", "scenario.toml", "-q"]).args(arguments);
        for set in &self.sets {
            command.args(["--set", set]);
        }
        command.output().expect("podsim starts")
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.explain(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.text(&[arguments, &["-o", "json"]].concat())).expect("JSON")
    }

    /// Applies one edit to the files.
    fn apply(&mut self, edit: &Json) {
        if let Some(set) = edit["set"].as_str() {
            self.sets.push(set.to_owned());
        } else if let Some(delete) = edit["delete"].as_str() {
            let (pod, namespace) = delete.strip_prefix("pod ").and_then(|pod| pod.split_once(" -n ")).expect("a pod");
            let before = self.objects.len();
            self.objects.retain(|object| !is(object, "Pod", namespace, pod));
            assert_eq!(self.objects.len() + 1, before, "{delete}");
        } else if edit["create"].is_object() {
            self.objects.push(edit["create"].clone());
        } else {
            let path = edit["path"].as_array().expect("a path");
            let target = match edit["object"].as_str().expect("an object").split_once(' ') {
                None => &mut self.scenario,
                Some((kind, name)) => {
                    let kind = if kind == "pod" { "Pod" } else { "Node" };
                    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
                    self.objects.iter_mut().find(|object| is(object, kind, namespace, name)).expect("the object")
                }
            };
            change(target, path, edit["op"].as_str().expect("an operation"), &edit["value"]);
        }
    }

    /// Every change that is suggested for the pod lets it be placed. Returns what they are.
    fn all_changes_work(&self, pod: &str) -> Vec<String> {
        let report = self.json(&[pod]);
        assert!(["pending", "gated"].contains(&report["status"].as_str().expect("a text")), "{report:#}");
        let changes = report["changes"].as_array().expect("a list");
        assert!(!changes.is_empty(), "{report:#}");
        for change in changes {
            let edits = change["edits"].as_array().expect("a list");
            assert!(!edits.is_empty(), "{change:#}");
            let mut changed = self.clone();
            edits.iter().for_each(|edit| changed.apply(edit));
            changed.write();
            let after = changed.json(&[pod]);
            assert_eq!(after["status"], "on-node", "{change:#}\n{after:#}");
        }
        self.write();
        changes.iter().map(|change| change["what"].as_str().expect("a text").to_owned()).collect()
    }
}

fn is(object: &Json, kind: &str, namespace: &str, name: &str) -> bool {
    let meta = &object["metadata"];
    let own = meta.get("namespace").and_then(Json::as_str).unwrap_or("default");
    object["kind"] == kind && meta["name"] == name && (kind == "Node" || own == namespace)
}

fn change(target: &mut Json, path: &[Json], op: &str, value: &Json) {
    let (last, parents) = path.split_last().expect("a path is not empty");
    let mut place = target;
    for part in parents {
        place = match part {
            Json::String(key) => {
                if place.is_null() {
                    *place = json!({});
                }
                place.as_object_mut().expect("a map").entry(key.as_str()).or_insert(Json::Null)
            }
            index => &mut place[usize::try_from(index.as_u64().expect("a position")).expect("a small one")],
        };
    }
    let Some(key) = last.as_str() else {
        let index = usize::try_from(last.as_u64().expect("a position")).expect("a small one");
        assert_eq!(op, "remove");
        place.as_array_mut().expect("a list").remove(index);
        return;
    };
    if place.is_null() {
        *place = json!({});
    }
    let map = place.as_object_mut().expect("a map");
    match op {
        "set" => drop(map.insert(key.to_owned(), value.clone())),
        "remove" => drop(map.remove(key)),
        _ => map.entry(key).or_insert_with(|| json!([])).as_array_mut().expect("a list").push(value.clone()),
    }
}

/// A section of a scenario as TOML.
fn section(name: &str, value: &Json) -> String {
    let lines = |map: &Map<String, Json>| {
        map.iter().map(|(key, value)| format!("\"{key}\" = {}\n", inline(value))).collect::<String>()
    };
    match value {
        Json::Array(items) => {
            items.iter().map(|item| format!("[[{name}]]\n{}", lines(item.as_object().expect("a table")))).collect()
        }
        table => format!("[{name}]\n{}", lines(table.as_object().expect("a table"))),
    }
}

fn inline(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let fields: Vec<String> = map.iter().map(|(key, value)| format!("\"{key}\" = {}", inline(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn pod(name: &str, requests: &Json, spec: &Json) -> Json {
    let mut all = json!({
        "restartPolicy": "Always",
        "containers": [{ "name": "main", "image": "main:1", "resources": { "requests": requests } }],
    });
    for (key, value) in spec.as_object().expect("a map") {
        all[key] = value.clone();
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": all })
}

fn node(name: &str, allocatable: &Json, spec: &Json, labels: &Json) -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "labels": labels },
        "spec": spec,
        "status": { "capacity": allocatable, "allocatable": allocatable },
    })
}

const TWO_POOLS: &str = r#"
[[node_pool]]
name = "worker"
count = 2
capacity = { cpu = "4", memory = "16Gi" }

[[node_pool]]
name = "gpu"
count = 1
capacity = { cpu = "16", memory = "64Gi", "nvidia.com/gpu" = 2 }
taints = ["dedicated=gpu:NoSchedule"]
"#;

#[test]
fn too_little_cpu_and_a_taint_in_full() {
    let web = ["web-0", "web-1", "web-2"].map(|name| pod(name, &json!({ "cpu": "2500m" }), &json!({})));
    let case = Case::new("cpu-text", TWO_POOLS, &web);
    assert_eq!(
        case.text(&["web-2"]),
        "\
default/web-2 is pending: 2 of 3 nodes have less than 2500m of CPU free; 1 of 3 nodes has the taint dedicated=gpu, which it does not tolerate.

Nodes
  COUNT  PLUGIN            REASON                                          NODES
  2      NodeResourcesFit  Insufficient cpu                                worker-0, worker-1 (at most 1500m free of cpu, on worker-0)
  1      TaintToleration   node(s) had untolerated taint {dedicated: gpu}  gpu-0

Any one of these lets it fit
  1. request at most 1500m of cpu, instead of 2500m (then on worker-0)
       spec.containers[0].resources.requests.cpu: 1500m
  2. tolerate the taint dedicated=gpu:NoSchedule (then on gpu-0)
       spec.tolerations: add {key: dedicated, operator: Equal, value: gpu, effect: NoSchedule}
  3. one more node in the pool worker (then on worker-2)
       --set node_pool.0.count=3

History
  0:00:00.000  created
  0:00:00.010  joined the scheduling queue
  0:00:00.014  attempt 1: 0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.
  0:00:00.016  waits for an event that may help
  0:05:30.000  woken: it had waited for five minutes
  0:05:30.000  attempt 2: the same message
  0:05:30.002  waits for an event that may help
"
    );
    case.all_changes_work("web-2");
}

#[test]
fn a_placed_pod_in_full() {
    let objects = [
        pod("first", &json!({ "cpu": "1", "memory": "2Gi" }), &json!({})),
        pod("second", &json!({ "cpu": "1", "memory": "2Gi" }), &json!({})),
    ];
    let case = Case::new("placed", TWO_POOLS, &objects);
    let report = case.json(&["second"]);
    let first = case.json(&["first"]);
    let other = if first["node"] == "worker-0" { "worker-1" } else { "worker-0" };
    assert_eq!(report["node"], other, "the less allocated one");
    assert_eq!(
        report["answer"],
        format!("default/second is on {other}: it had the highest score, 474 of 600, of the 2 nodes that fitted.")
    );
    let decision = &report["decision"];
    assert_eq!(
        (&decision["nodes"], &decision["evaluated"], &decision["feasible"], &decision["tied"]),
        (&json!(3), &json!(3), &json!(2), &json!(1))
    );
    let scores = decision["scores"].as_array().expect("a list");
    assert_eq!(scores.len(), 2);
    for node in scores {
        let plugins = node["plugins"].as_array().expect("a list");
        let sum: i64 = plugins.iter().map(|score| score["weighted"].as_i64().expect("a number")).sum();
        assert_eq!(node["total"], sum);
        for score in plugins {
            let number = |key: &str| score[key].as_i64().expect("a number");
            assert_eq!(number("weighted"), number("normalized") * number("weight"));
            if score["plugin"] == "NodeResourcesFit" {
                assert_eq!(number("raw"), number("normalized"), "it has no NormalizeScore");
            }
        }
    }
    assert_eq!(report["changes"], json!([]));
    let what: Vec<&str> =
        report["history"].as_array().expect("a list").iter().map(|e| e["what"].as_str().expect("a text")).collect();
    assert_eq!(what, ["created", "queued", "attempt", "chosen", "bound"]);
}

#[test]
fn requests_are_lowered_exactly_as_far_as_needed() {
    let small = node(
        "small",
        &json!({ "cpu": "4", "memory": "8Gi", "pods": "110", "nvidia.com/gpu": "1" }),
        &json!({}),
        &json!({}),
    );
    let of = |name: &str, requests: Json| {
        let limits =
            requests.get("nvidia.com/gpu").map(|gpu| json!({ "nvidia.com/gpu": gpu })).unwrap_or_else(|| json!({}));
        pod(
            name,
            &json!({}),
            &json!({ "containers": [
                { "name": "helper", "image": "h:1", "resources": { "requests": { "cpu": "300m", "memory": "300Mi" } } },
                { "name": "main", "image": "m:1", "resources": { "requests": requests, "limits": limits } },
            ]}),
        )
    };
    for (name, requests, what) in [
        ("cpu", json!({ "cpu": "4" }), "request at most 3700m of cpu in container main, instead of 4"),
        ("memory", json!({ "memory": "10Gi" }), "request at most 7892Mi of memory in container main, instead of 10Gi"),
        ("decimal", json!({ "memory": "10G" }), "request at most 8275M of memory in container main, instead of 10G"),
        (
            "gpu",
            json!({ "nvidia.com/gpu": "3" }),
            "request at most 1 of nvidia.com/gpu in container main, instead of 3",
        ),
    ] {
        let case = Case::new(name, "", &[small.clone(), of("web", requests)]);
        assert_eq!(case.all_changes_work("web"), [what]);
        // One step more does not fit any more.
        let mut more = case.clone();
        let report = case.json(&["web"]);
        let amount = report["changes"][0]["edits"][0]["value"].as_str().expect("an amount").to_owned();
        let unit = amount.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: i64 = amount[..amount.len() - unit.len()].parse().expect("a number");
        for edit in report["changes"][0]["edits"].as_array().expect("a list") {
            let mut edit = edit.clone();
            edit["value"] = json!(format!("{}{unit}", number + 1));
            more.apply(&edit);
        }
        more.write();
        assert_eq!(more.json(&["web"])["status"], "pending", "{name}");
    }
}

#[test]
fn constraints_are_dropped_one_by_one() {
    let small = |spec: Json, labels: Json| {
        node("small", &json!({ "cpu": "4", "memory": "8Gi", "pods": "110" }), &spec, &labels)
    };
    let affinity = |term: Json| json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [term] } } } });
    let zone = json!({ "key": "zone", "operator": "In", "values": ["a"] });
    let port = json!([{ "name": "main", "image": "m:1", "ports": [{ "containerPort": 80, "hostPort": 8080 }] }]);
    let holder = pod("holder", &json!({}), &json!({ "containers": port }));
    /// Name, node, other pods, what the pod's spec holds, why it is pending, and what helps.
    type Kind<'a> = (&'a str, Json, Vec<Json>, Json, &'a str, &'a [&'a str]);
    let cases: [Kind<'_>; 8] = [
        (
            "selector",
            small(json!({}), json!({})),
            vec![],
            json!({ "nodeSelector": { "example.com/disk": "ssd" } }),
            "the only node does not have the labels of its nodeSelector (example.com/disk=ssd)",
            &["drop example.com/disk=ssd from its nodeSelector", "label small example.com/disk=ssd"],
        ),
        (
            "selectors",
            small(json!({}), json!({})),
            vec![],
            json!({ "nodeSelector": { "disk": "ssd", "tier": "fast" } }),
            "the only node does not have the labels of its nodeSelector (disk=ssd, tier=fast)",
            &["drop its nodeSelector"],
        ),
        (
            "affinity",
            small(json!({}), json!({})),
            vec![],
            affinity(json!({ "matchExpressions": [zone] })),
            "the only node does not match its required node affinity",
            &["drop its required node affinity"],
        ),
        (
            "named",
            small(json!({}), json!({})),
            vec![],
            affinity(json!({ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["other"] }] })),
            "the only node is not among those that its node affinity names",
            &["drop its required node affinity"],
        ),
        (
            "taint",
            small(json!({ "taints": [{ "key": "batch", "effect": "NoExecute" }] }), json!({})),
            vec![],
            json!({}),
            "the only node has the taint batch, which it does not tolerate",
            &["tolerate the taint batch:NoExecute"],
        ),
        (
            "cordon",
            small(json!({ "unschedulable": true }), json!({})),
            vec![],
            json!({}),
            "the only node is cordoned",
            &["uncordon small"],
        ),
        (
            "port",
            small(json!({}), json!({})),
            vec![holder],
            json!({ "containers": port }),
            "the only node has its host port in use (8080/TCP)",
            &["drop its host port 8080/TCP"],
        ),
        (
            "pods",
            node("small", &json!({ "cpu": "4", "memory": "8Gi", "pods": "1" }), &json!({}), &json!({})),
            vec![pod("holder", &json!({}), &json!({}))],
            json!({}),
            "the only node has as many pods as the kubelet takes",
            &["let small take 2 pods, instead of 1"],
        ),
    ];
    for (name, node, others, spec, why, changes) in cases {
        let mut objects = vec![node];
        objects.extend(others);
        objects.push(pod("web", &json!({}), &spec));
        let case = Case::new(name, "", &objects);
        assert_eq!(case.json(&["web"])["answer"], format!("default/web is pending: {why}."), "{name}");
        assert_eq!(case.all_changes_work("web"), changes, "{name}");
    }
}

#[test]
fn relations_between_pods_are_relaxed() {
    let scenario = "[[node_pool]]\nname = \"worker\"\ncount = 2\ncapacity = { cpu = \"4\", memory = \"16Gi\" }\nzones = [\"a\", \"b\"]\n";
    let selector = json!({ "matchLabels": { "app": "web" } });
    let term = json!({ "topologyKey": "kubernetes.io/hostname", "labelSelector": selector });
    let required = |terms: Json| json!({ "requiredDuringSchedulingIgnoredDuringExecution": terms });
    let labelled = |mut pod: Json| {
        pod["metadata"]["labels"] = json!({ "app": "web" });
        pod
    };
    let web = |name: &str, spec: Json| labelled(pod(name, &json!({ "cpu": "3" }), &spec));
    let full = web("web-0", json!({ "nodeSelector": { "topology.kubernetes.io/zone": "a" } }));

    // The one node that has room has the pod; the other one is full.
    let spread = json!([{ "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector }]);
    let filler =
        pod("filler", &json!({ "cpu": "4" }), &json!({ "nodeSelector": { "topology.kubernetes.io/zone": "b" } }));
    let last = labelled(pod("web-1", &json!({ "cpu": "1" }), &json!({ "topologySpreadConstraints": spread })));
    let case = Case::new("spread", scenario, &[full.clone(), filler.clone(), last]);
    let answer = case.json(&["web-1"])["answer"].clone();
    assert_eq!(
        answer,
        "default/web-1 is pending: 1 of 2 nodes has less than 1 CPU free; 1 of 2 nodes would make its topology spread too uneven."
    );
    assert_eq!(
        case.all_changes_work("web-1"),
        [
            "request no cpu",
            "let its spread over topology.kubernetes.io/zone be uneven by 2 pods, instead of 1",
            "drop its hard spread over topology.kubernetes.io/zone",
            "2 more nodes in the pool worker",
        ]
    );

    let apart = json!({ "affinity": { "podAntiAffinity": required(json!([term])) } });
    let objects = [full.clone(), web("web-1", json!({})), labelled(pod("web-2", &json!({}), &apart))];
    let case = Case::new("apart", scenario, &objects);
    assert_eq!(
        case.json(&["web-2"])["answer"],
        "default/web-2 is pending: all 2 nodes have a pod nearby that its podAntiAffinity keeps away from."
    );
    assert_eq!(
        case.all_changes_work("web-2"),
        [
            "drop a required term of its podAntiAffinity (over kubernetes.io/hostname)",
            "one more node in the pool worker"
        ]
    );

    let near = json!({ "affinity": { "podAffinity": required(json!([term])) } });
    let objects = [full, filler, pod("job", &json!({ "cpu": "2" }), &near)];
    let case = Case::new("near", scenario, &objects);
    assert_eq!(
        case.all_changes_work("job"),
        ["request at most 1 of cpu, instead of 2"],
        "a further node has no such pod"
    );
}

#[test]
fn what_is_said_of_the_pod_as_a_whole_is_told_once() {
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "slow",
            "resources": { "requests": { "storage": "1Gi" } },
        },
    });
    let spec = json!({ "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }] });
    let case = Case::new("claim", TWO_POOLS, &[claim, pod("db", &json!({}), &spec)]);
    let report = case.json(&["db"]);
    assert_eq!(
        report["answer"],
        "default/db is pending: it has unbound immediate PersistentVolumeClaims (data: create the StorageClass slow, or a PersistentVolume of this class)."
    );
    assert_eq!(report["nodes"].as_array().map(Vec::len), Some(1));
    assert_eq!((&report["nodes"][0]["plugin"], &report["changes"]), (&json!("VolumeBinding"), &json!([])));

    let named = |name: &str| json!({ "key": "metadata.name", "operator": "In", "values": [name] });
    let term = json!({ "matchFields": [named("worker-0"), named("worker-1")] });
    let required = json!({ "nodeSelectorTerms": [term] });
    let affinity =
        json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": required } } });
    let case = Case::new("conflict", TWO_POOLS, &[pod("web", &json!({}), &affinity)]);
    assert_eq!(case.json(&["web"])["answer"], "default/web is pending: pod affinity terms conflict.");
    assert_eq!(case.all_changes_work("web"), ["drop its required node affinity"]);
}

#[test]
fn pools_grow_by_as_many_nodes_as_it_takes() {
    let scenario = "[[node_pool]]\nname = \"worker\"\ncount = 1\ncapacity = { cpu = \"4\", memory = \"16Gi\" }\n\
         [[node_pool]]\nname = \"none\"\ncount = 0\ncapacity = { cpu = \"2\", memory = \"16Gi\" }\n\
         [[arrivals]]\nname = \"web\"\ntemplate = { cpu = \"3\", \"nvidia.com/gpu\" = 0 }\nevery = \"1s\"\ncount = 4\n";
    let case = Case::new("pools", scenario, &[]);
    // Two pods wait longer than this one.
    let changes = case.all_changes_work("web-3");
    assert_eq!(changes, ["request at most 1 of cpu, instead of 3", "3 more nodes in the pool worker"]);
    assert_eq!(case.all_changes_work("web-1")[1], "one more node in the pool worker");

    let scenario = "[[node_pool]]\nname = \"worker\"\ncapacity = { cpu = \"4\", memory = \"16Gi\", pods = 1 }\n\
         [[arrivals]]\nname = \"web\"\ntemplate = [{ cpu = \"1\" }, { cpu = \"1\", node_selector = { \"example.com/disk\" = \"ssd\" } }]\nevery = \"1s\"\ncount = 3\n";
    let case = Case::new("pool-limits", scenario, &[]);
    let changes = case.all_changes_work("web-2");
    assert_eq!(
        changes,
        ["one more node in the pool worker", "let the nodes of the pool worker take 2 pods, instead of 1"]
    );
    let roomy = Case { sets: vec!["node_pool.0.capacity.pods=9".to_owned()], ..case.clone() };
    let changes = roomy.all_changes_work("web-1");
    assert_eq!(
        changes,
        ["drop example.com/disk=ssd from its nodeSelector", "label the nodes of the pool worker example.com/disk=ssd"]
    );
}

#[test]
fn pods_are_to_go_only_if_nothing_else_helps() {
    let small = node("small", &json!({ "cpu": "4", "memory": "8Gi", "pods": "110" }), &json!({}), &json!({}));
    let objects = [
        small,
        pod("large", &json!({ "cpu": "3", "memory": "5Gi" }), &json!({})),
        pod("little", &json!({ "cpu": "500m", "memory": "1Gi" }), &json!({})),
        pod("web", &json!({ "cpu": "2", "memory": "4Gi" }), &json!({})),
    ];
    let case = Case::new("evict", "", &objects);
    assert_eq!(
        case.all_changes_work("web"),
        ["delete default/large", "raise its priority from 0 to 1, which evicts default/large"]
    );
}

#[test]
fn sometimes_no_single_change_helps() {
    let small = node("small", &json!({ "cpu": "1", "memory": "1Gi", "pods": "110" }), &json!({}), &json!({}));
    let objects = [small, pod("web", &json!({ "cpu": "2", "memory": "4Gi" }), &json!({}))];
    let text = Case::new("no-change", "", &objects).text(&["web"]);
    let start = "default/web is pending: no node has 2 CPUs free; no node has 4Gi of memory free.\n";
    assert!(text.starts_with(start) && text.contains("\nNo single change was found that lets it fit.\n"), "{text}");
}

#[test]
fn what_moved_a_pod_in_the_queue_is_told() {
    let scenario = "[[node_pool]]\nname = \"worker\"\ncapacity = { cpu = \"4\", memory = \"16Gi\" }\n\
         [[arrivals]]\nname = \"job\"\ntemplate = { cpu = \"3\" }\nevery = \"1s\"\ncount = 2\n\
         [[behavior]]\nrun = \"30s\"\n";
    let case = Case::new("queue", scenario, &[]);
    let pending = case.json(&["job-1", "--at", "20s"]);
    assert_eq!(pending["status"], "pending");
    let later = case.json(&["job-1", "--at", "45s"]);
    assert_eq!(later["status"], "on-node");
    let history: Vec<&str> =
        later["history"].as_array().expect("a list").iter().map(|e| e["text"].as_str().expect("a text")).collect();
    assert!(history.contains(&"woken: a pod left its node (NodeResourcesFit)"), "{history:#?}");
    assert_eq!(history.last(), Some(&"bound to worker-0"));
    let attempts = history.iter().filter(|text| text.starts_with("attempt ")).count();
    assert_eq!(attempts, 2, "{history:#?}");
    let over = case.text(&["job-0", "--at", "1m"]);
    assert!(
        over.starts_with("default/job-0 is over, Succeeded on worker-0: `podsim describe pod job-0` says"),
        "{over}"
    );
}

#[test]
fn an_unknown_pod_is_one_and_others_are_named() {
    let case = Case::new("unknown", TWO_POOLS, &[pod("web-12", &json!({}), &json!({}))]);
    for (arguments, told) in [
        (
            &["wbe-12"][..],
            "error: there is no pod default/wbe-12 (10m after the start)\ndid you mean default/web-12?\n",
        ),
        (
            &["web-12", "-n", "shop"],
            "error: there is no pod shop/web-12 (10m after the start)\ndid you mean default/web-12?\n",
        ),
        (&["something"], "error: there is no pod default/something (10m after the start)\nthere are default/web-12\n"),
    ] {
        let output = case.explain(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), told);
        assert!(output.stdout.is_empty());
    }
    let output = case.explain(&["web-12", "--at", "soon"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A pod with a priority, by way of a class that is called after it.
fn important(mut pod: Json, class: &str) -> Json {
    pod["spec"]["priorityClassName"] = json!(class);
    pod
}

fn class(name: &str, value: i32) -> Json {
    json!({
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": { "name": name },
        "value": value,
    })
}

fn texts(report: &Json) -> Vec<&str> {
    report["history"].as_array().expect("a list").iter().map(|entry| entry["text"].as_str().expect("a text")).collect()
}

#[test]
fn raw_scores_are_in_the_plugins_own_measure() {
    let near = json!({ "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
        { "weight": 7, "preference": { "matchExpressions": [{ "key": "disk", "operator": "In", "values": ["ssd"] }] } },
    ] } } });
    let offers = json!({ "cpu": "4", "memory": "8Gi", "pods": "110" });
    let slow = json!({ "taints": [{ "key": "slow", "effect": "PreferNoSchedule" }] });
    let objects = [
        node("fast", &offers, &json!({}), &json!({ "disk": "ssd" })),
        node("slow", &offers, &slow, &json!({})),
        pod("web", &json!({ "cpu": "1" }), &near),
    ];
    let case = Case::new("raw", "", &objects);
    let report = case.json(&["web"]);
    let of = |place: usize, plugin: &str| {
        let scores = report["decision"]["scores"][place]["plugins"].as_array().expect("a list");
        let score = scores.iter().find(|score| score["plugin"] == plugin).expect("a score");
        ["raw", "normalized", "weight", "weighted"].map(|key| score[key].as_i64().expect("a number"))
    };
    assert_eq!((of(0, "NodeAffinity"), of(1, "NodeAffinity")), ([7, 100, 2, 200], [0, 0, 2, 0]));
    assert_eq!((of(0, "TaintToleration"), of(1, "TaintToleration")), ([0, 100, 3, 300], [1, 0, 3, 0]));
    let text = case.text(&["web"]);
    assert!(text.contains("raw -> normalized x weight = weighted") && text.contains("7 -> 100 x 2 = 200"), "{text}");
}

#[test]
fn a_pod_that_evicts_others_says_so() {
    for mode in ["true", "false"] {
        let scenario = format!(
            "[control_plane.scheduler]\nasync_preemption = {mode}\n\
             [[arrivals]]\nname = \"late\"\ntemplate = {{ cpu = \"3\", priority = 10 }}\nfrom = \"1m\"\nevery = \"1s\"\ncount = 1\n\
             [[behavior]]\non_terminate = \"ignore\"\n"
        );
        let small = node("small", &json!({ "cpu": "4", "memory": "8Gi", "pods": "110" }), &json!({}), &json!({}));
        let low = pod("low", &json!({ "cpu": "3" }), &json!({}));
        let case = Case::new(&format!("preempts-{mode}"), &scenario, &[small, low]);
        let waiting = case.json(&["late-0", "--at", "70s"]);
        assert_eq!(
            (&waiting["status"], &waiting["answer"]),
            (
                &json!("preempting"),
                &json!(
                    "default/late-0 is nominated for small and waits there for default/low, which is evicted for it."
                )
            )
        );
        assert_eq!(waiting["changes"], json!([]));
        let report = case.json(&["late-0", "--at", "3m"]);
        assert_eq!(
            report["answer"],
            "default/late-0 is on small: others were evicted there for it, and it fitted on the node it was nominated for."
        );
        let decision = &report["decision"];
        assert_eq!((&decision["nominated"], &decision["evaluated"]), (&json!("small"), &json!(1)));
        let history = texts(&report);
        for text in ["nominated for small", "default/low is evicted for it", "bound to small"] {
            assert_eq!(history.iter().filter(|entry| **entry == text).count(), 1, "{text}: {history:#?}");
        }
    }
}

#[test]
fn a_higher_priority_is_suggested_if_it_lets_the_pod_evict() {
    let small = |name| node(name, &json!({ "cpu": "4", "memory": "8Gi", "pods": "110" }), &json!({}), &json!({}));
    let objects = [
        small("a"),
        small("b"),
        class("low", 5),
        class("middle", 50),
        important(pod("one", &json!({ "cpu": "3" }), &json!({ "nodeName": "a" })), "middle"),
        important(pod("two", &json!({ "cpu": "3" }), &json!({ "nodeName": "b" })), "low"),
        pod("web", &json!({ "cpu": "2" }), &json!({})),
    ];
    let case = Case::new("priority", "", &objects);
    assert_eq!(
        case.all_changes_work("web"),
        ["request at most 1 of cpu, instead of 2", "raise its priority from 0 to 6, which evicts default/two",]
    );
    let scenario = "[[node_pool]]\nname = \"worker\"\ncapacity = { cpu = \"4\", memory = \"16Gi\" }\n\
         [[arrivals]]\nname = \"first\"\ntemplate = { cpu = \"3\", priority = 7 }\nevery = \"1s\"\ncount = 1\n\
         [[arrivals]]\nname = \"second\"\ntemplate = { cpu = \"3\" }\nfrom = \"1m\"\nevery = \"1s\"\ncount = 1\n";
    let changes = Case::new("priority-template", scenario, &[]).all_changes_work("second-0");
    assert_eq!(
        changes.last().map(String::as_str),
        Some("raise its priority from 0 to 8, which evicts default/first-0")
    );
    // A class that never evicts is exchanged for one that does, of the same priority if that is enough.
    let mut patient = class("patient", 40);
    patient["preemptionPolicy"] = json!("Never");
    let mut never = objects.to_vec();
    never[6] = important(never[6].clone(), "patient");
    never.push(patient);
    let case = Case::new("priority-never", "", &never);
    assert!(case.text(&["web"]).contains("preemption: not eligible due to preemptionPolicy=Never."));
    let changes = case.all_changes_work("web");
    assert_eq!(changes.last().map(String::as_str), Some("let it preempt, which evicts default/two"));
}

#[test]
fn a_gated_pod_names_its_gates() {
    let gated = json!({ "schedulingGates": [{ "name": "example.com/b" }, { "name": "a" }] });
    let case = Case::new("gates", TWO_POOLS, &[pod("web", &json!({ "cpu": "1" }), &gated)]);
    let report = case.json(&["web"]);
    assert_eq!(
        (&report["status"], &report["answer"]),
        (&json!("gated"), &json!("default/web is waiting for scheduling gates: [example.com/b a]."))
    );
    assert_eq!(case.all_changes_work("web"), ["drop its scheduling gates"]);
    // Without its gates it would not fit either.
    let case = Case::new("gates-large", TWO_POOLS, &[pod("web", &json!({ "cpu": "99" }), &gated)]);
    let text = case.text(&["web"]);
    assert!(text.contains("\nNo single change was found that lets it fit.\n"), "{text}");
}

#[test]
fn a_pod_of_an_unknown_scheduler_learns_which_there_are() {
    let scenario = format!("[control_plane.scheduler]\nconfig = \"scheduler.yaml\"\n{TWO_POOLS}");
    let pod = |name: &str, scheduler: &str| pod(name, &json!({ "cpu": "1" }), &json!({ "schedulerName": scheduler }));
    let case = Case::new("profiles", TWO_POOLS, &[pod("web", "mine")]);
    assert_eq!(
        case.json(&["web"])["answer"],
        "default/web is pending: it asks for the scheduler mine, which does not run here: the only profile is default-scheduler."
    );
    assert_eq!(case.all_changes_work("web"), ["let the default scheduler place it"]);

    let case = Case::new("profiles", &scenario, &[pod("web", "mine"), pod("other", "packing")]);
    let config = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n\
         profiles: [{schedulerName: default-scheduler}, {schedulerName: packing}]\n";
    std::fs::write(case.folder.join("scheduler.yaml"), config).expect("a written file");
    assert_eq!(
        case.json(&["web"])["answer"],
        "default/web is pending: it asks for the scheduler mine, which does not run here: the profiles are default-scheduler, packing."
    );
    assert_eq!(
        case.all_changes_work("web"),
        ["let the default scheduler place it", "let the scheduler packing place it"]
    );
    assert_eq!(case.json(&["other"])["status"], "on-node");
}

#[test]
fn a_missing_claim_is_told_in_plain_words() {
    let spec = json!({ "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }] });
    let case = Case::new("no-claim", TWO_POOLS, &[pod("db", &json!({}), &spec)]);
    assert_eq!(
        case.json(&["db"])["answer"],
        "default/db is pending: there is no PersistentVolumeClaim data in the namespace default: create it."
    );
}

/// Programs read this: keys are added, never renamed.
#[test]
fn the_json_form_is_stable() {
    let web = ["web-0", "web-1"].map(|name| pod(name, &json!({ "cpu": "2500m" }), &json!({})));
    let scenario = "[[node_pool]]\nname = \"worker\"\ncapacity = { cpu = \"4\", memory = \"16Gi\" }\n";
    let case = Case::new("json", scenario, &web);
    let mut report = case.json(&["web-1", "--at", "1s"]);
    let history = report["history"].take();
    assert_eq!(
        report,
        json!({
            "schema_version": 1,
            "pod": "default/web-1",
            "at": "2026-01-01T00:00:01.000Z",
            "status": "pending",
            "answer": "default/web-1 is pending: no node has 2500m of CPU free.",
            "node": null,
            "node_count": 1,
            "nodes": [{
                "nodes": ["worker-0"],
                "plugin": "NodeResourcesFit",
                "reasons": ["Insufficient cpu"],
                "evictions_may_help": true,
                "free": [{ "resource": "cpu", "most": "1500m", "node": "worker-0" }],
            }],
            "decision": null,
            "history": null,
            "changes": [
                {
                    "what": "request at most 1500m of cpu, instead of 2500m",
                    "node": "worker-0",
                    "edits": [{
                        "object": "pod default/web-1",
                        "path": ["spec", "containers", 0, "resources", "requests", "cpu"],
                        "op": "set",
                        "value": "1500m",
                    }],
                },
                {
                    "what": "one more node in the pool worker",
                    "node": "worker-1",
                    "edits": [{ "set": "node_pool.0.count=2" }],
                },
            ],
        })
    );
    assert_eq!(
        history[0],
        json!({ "at": "2026-01-01T00:00:00.000Z", "since_start": "0:00:00.000", "what": "created", "text": "created" })
    );
}

/// The README's example prints what the README says; ` ...` stands for the rest of a line.
#[test]
fn the_readme_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("there is a README.md");
    let (_, after) = readme.split_once("podsim explain scenarios/").expect("an example");
    let (command, after) = after.split_once("\n```\n\n```text\n").expect("the command and what it prints");
    let (shown, _) = after.split_once("```").expect("an end");
    let mut arguments = command.split_whitespace();
    let scenario = format!("scenarios/{}", arguments.next().expect("a scenario"));
    let mut podsim = Command::new(env!("CARGO_BIN_EXE_podsim"));
    let output =
        podsim.current_dir(root).args(["explain", &scenario, "-q"]).args(arguments).output().expect("it starts");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(printed.lines().count(), shown.lines().count(), "{printed}");
    for (printed, shown) in printed.lines().zip(shown.lines()) {
        match shown.strip_suffix(" ...") {
            Some(begun) => assert!(printed.starts_with(begun), "{printed}\n{shown}"),
            None => assert_eq!(printed, shown),
        }
    }
}
