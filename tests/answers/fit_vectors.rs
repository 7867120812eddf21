//! `podsim fit` on the clusters of the recorded scheduling cases: as many copies as `podsim schedule` places one by one, when it
//! is given the nodes and pods that `podsim get` shows at that time. `fit` is a simulation with controllers and kubelets,
//! `schedule` knows neither; what comes between (admission, pods that their kubelets refuse, pods of controllers) has happened
//! to what `get` shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use podsim::answers::{FitOptions, Question, What, fit};
use serde_json::{Value, json};

use crate::asked::{RUNNER, file, podsim, shared};
use crate::vectors::{KINDS, items};

/// What both are told of the scheduler, so that what they draw does not count.
const SETTLED: &str = "percentage_of_nodes_to_score = 100\nfirst_node_on_tie = true\n";

fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The objects of a case of these kinds.
fn objects(case: &Value, wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let mut all = Vec::new();
    for (name, version, kind) in KINDS.into_iter().filter(|(name, ..)| wanted(name)) {
        for object in items(&case["objects"][name]) {
            let mut object = object.clone();
            (object["apiVersion"], object["kind"]) = (json!(version), json!(kind));
            all.push(object);
        }
    }
    all
}

/// What admission makes of a pod: it tolerates for a while that its node is not ready.
fn admitted(mut pod: Value) -> Value {
    let tolerations: Vec<Value> = items(&pod["spec"]["tolerations"]).to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerates = |toleration: &Value| {
            let is = |field: &str, text: &str| toleration[field].as_str().unwrap_or_default() == text;
            (is("key", key) || is("key", "")) && (is("effect", "NoExecute") || is("effect", ""))
        };
        if !tolerations.iter().any(tolerates) {
            let more = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            match pod["spec"]["tolerations"].as_array_mut() {
                Some(all) => all.push(more),
                None => pod["spec"]["tolerations"] = json!([more]),
            }
        }
    }
    pod
}

/// A pod whose priority is a number alone has it from a class, as admission wants it.
fn classed(pod: &mut Value, classes: &mut BTreeMap<i64, Value>) {
    let Some(priority) = pod["spec"]["priority"].as_i64().filter(|_| pod["spec"]["priorityClassName"].is_null()) else {
        return;
    };
    let name = format!("of-{priority}").replace("of--", "of-minus-");
    pod["spec"]["priorityClassName"] = json!(name);
    let version = "scheduling.k8s.io/v1";
    let class = json!({"apiVersion": version, "kind": "PriorityClass", "metadata": {"name": name}, "value": priority});
    classes.insert(priority, class);
}

/// The files of one case.
struct Folder(String);

impl Folder {
    fn write(&self, name: &str, text: &str) -> String {
        file(&format!("fit-vectors/{}", self.0), name, text).display().to_string()
    }
}

fn answered(arguments: &[&str]) -> Value {
    let (_, told, said) = podsim(arguments);
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{said}"))
}

/// What was found for a case.
enum Found {
    /// `fit`, and one by one.
    Counts(usize, usize),
    Left(&'static str),
}

fn ask(case: &Value, folder: &Folder) -> Found {
    let Some(pod) = items(&case["queue"]).first() else { return Found::Left("no pod is waiting") };
    if objects(case, |name| name == "replicaSets").iter().any(|set| set["spec"]["template"]["spec"].is_null()) {
        return Found::Left("its controllers have no pod template, which no API server takes");
    }
    let volumes = items(&pod["spec"]["volumes"]);
    if volumes.iter().any(|volume| volume["ephemeral"].is_object()) {
        return Found::Left("its ephemeral volumes need a controller that makes claims for them");
    }
    let claims = volumes.iter().any(|volume| volume["persistentVolumeClaim"].is_object());
    let mut pod = pod.clone();
    (pod["apiVersion"], pod["kind"]) = (json!("v1"), json!("Pod"));
    for (map, field) in [("spec", "nodeName"), ("spec", "schedulingGates"), ("metadata", "uid")] {
        pod[map].as_object_mut().into_iter().for_each(|fields| drop(fields.remove(field)));
    }
    pod.as_object_mut().into_iter().for_each(|fields| drop(fields.remove("status")));
    let lives = |object: &Value| {
        object["kind"] != "Pod"
            || object["spec"]["nodeName"].is_string() && object["metadata"]["deletionTimestamp"].is_null()
    };
    let mut classes = BTreeMap::new();
    let mut cluster: Vec<Value> = objects(case, |_| true).into_iter().filter(lives).collect();
    cluster.iter_mut().filter(|object| object["kind"] == "Pod").for_each(|pod| classed(pod, &mut classes));
    classed(&mut pod, &mut classes);
    cluster.extend(classes.values().cloned());
    folder.write("cluster.json", &list(cluster).to_string());
    let one = folder.write("pod.json", &pod.to_string());
    let mut scheduler = SETTLED.to_owned();
    let mut config = None;
    if !case["config"].is_null() {
        let version = "kubescheduler.config.k8s.io/v1";
        let file = json!({"apiVersion": version, "kind": "KubeSchedulerConfiguration", "profiles": [case["config"]]});
        config = Some(folder.write("config.json", &file.to_string()));
        scheduler.push_str("config = \"config.json\"\n");
    }
    let scenario = |name: &str, lasts: &str, more: &str| {
        let head = format!("[scenario]\nduration = \"{lasts}\"\nmanifests = [\"cluster.json\"]\n");
        folder.write(name, &format!("{head}[control_plane.scheduler]\n{scheduler}{more}"))
    };
    let settled = scenario("settled.toml", "1h", "");
    let question = Question::scenario(Path::new(&settled));
    let plan = question.compiled().unwrap_or_else(|halt| panic!("{settled}: {halt}"));
    let at = plan.start + plan.duration;
    let what = What::Pod(one.into(), None);
    let answer =
        fit(&question, plan, &RUNNER, &FitOptions { what, at }).unwrap_or_else(|halt| panic!("{settled}: {halt}"));
    let nodes = answer.json()["tables"]["nodes"].clone();
    let count: i64 = items(&nodes).iter().map(|node| node["copies"].as_i64().expect("a count")).sum();
    let count = usize::try_from(count).expect("a count");

    // Where volumes must be made for its claims, they are there when the first copy is.
    let space = pod["metadata"]["namespace"].as_str().unwrap_or("default");
    let first = format!(
        "[[arrivals]]\nname = \"first\"\nnamespace = \"{space}\"\npods = [\"pod.json\"]\nevery = \"1h\"\nfrom = \"1h\"\ncount = 1\n"
    );
    let (before, stop) = if claims && count > 0 { (1, scenario("claimed.toml", "1h5m", &first)) } else { (0, settled) };
    let shown = answered(&["get", "pods,nodes,pv,pvc", &stop, "-A", "-q", "-o", "json"]);
    // What is attached and needed by nobody has been detached.
    let moves = ["pods", "nodes", "persistentVolumes", "persistentVolumeClaims", "volumeAttachments"];
    let mut then = objects(case, |name| !moves.contains(&name));
    then.extend(classes.into_values());
    then.extend(items(&shown["items"]).iter().cloned());
    let then = folder.write("then.json", &list(then).to_string());
    let copies = (0..count + 2).map(|number| {
        let mut copy = admitted(pod.clone());
        copy["metadata"]["name"] = json!(format!("copy-{number}"));
        copy
    });
    let copies = folder.write("copies.json", &list(copies.collect()).to_string());
    let mut arguments = vec!["schedule", "--cluster", &then, "--pods", &copies, "-q", "-o", "json"];
    arguments.extend(["--percentage-of-nodes-to-score", "100"]);
    if let Some(config) = &config {
        arguments.extend(["--config", config]);
    }
    let decisions = answered(&arguments);
    let placed = |decision: &&Value| decision["chosen"].is_string() && decision["victims"].is_null();
    Found::Counts(count, before + items(&decisions).iter().take_while(placed).count())
}

#[test]
fn as_many_as_the_scheduler_places_one_by_one() {
    let Some(root) = shared("vectors/scheduler") else { return };
    let families = std::fs::read_dir(root).expect("a folder");
    let folders: Vec<PathBuf> = families.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder").flatten());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.sort();
    let (mut same, mut left, mut wrong) = (0, BTreeMap::<_, usize>::new(), Vec::new());
    for file in &files {
        let name = file.file_stem().expect("a file").to_string_lossy().into_owned();
        let case: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a case")).expect("JSON");
        match ask(&case, &Folder(name.clone())) {
            Found::Counts(fit, one_by_one) if fit == one_by_one => same += 1,
            Found::Counts(fit, one_by_one) => wrong.push(format!("{name}: fit {fit}, one by one {one_by_one}")),
            Found::Left(why) => *left.entry(why).or_default() += 1,
        }
    }
    eprintln!("{same} of {} equal, left out: {left:?}", files.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
