//! `podsim fit`: the answer is that of a simulation in which the copies are made one by one, and says what stops the next.

use podsim::answers::{Answer, FitOptions, Halt, Machines, Question, What, fit};
use podsim::base::SimDuration;
use podsim::sim::plan::{Naming, PodPlan, Workload};
use podsim::{Plan, Simulation};

use crate::asked::{RUNNER, file, podsim, shared};

fn question(name: &str, manifests: &str, nodes: u32, cpu: &str, memory: &str) -> Question {
    let machines = Machines {
        count: nodes,
        cpu: cpu.to_owned(),
        memory: memory.to_owned(),
        pods: Some(20),
        zones: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
    };
    Question::manifests(&[file("fit", name, manifests)], Some(&machines))
}

fn ask(question: &Question, what: What) -> Result<Answer, Halt> {
    let plan = question.compiled()?;
    let at = plan.start + plan.duration;
    fit(question, plan, &RUNNER, &FitOptions { what, at })
}

/// The copies that an answer counts on the nodes.
fn copies(answer: &Answer) -> i64 {
    let nodes = answer.json()["tables"]["nodes"].as_array().cloned().unwrap_or_default();
    nodes.iter().map(|node| node["copies"].as_i64().expect("a count")).sum()
}

/// How many pods like those of the first workload fit, by running the whole simulation for one, two, three more of them.
fn one_by_one(plan: &Plan, template_of: usize) -> usize {
    let template = plan.objects[template_of].spec.template().expect("it makes pods");
    let namespace = plan.objects[template_of].namespace;
    for count in 1.. {
        let mut varied = plan.clone();
        for number in 0..count {
            let name = varied.strings.intern(&format!("more-{number}"));
            let workload = varied.workloads.push(Workload { namespace, name, naming: Naming::Single });
            let at = plan.start + plan.duration + SimDuration::from_secs(number + 1);
            varied.pods.push(PodPlan { workload, template, at });
        }
        varied.duration += SimDuration::from_secs(count + 60);
        let outcome = Simulation::new(varied).run();
        if !outcome.pending.is_empty() {
            return usize::try_from(count - 1).expect("a count");
        }
    }
    unreachable!("nodes are finite")
}

fn deployment(name: &str, replicas: u32, cpu: &str, memory: &str, more: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: main
        image: example/{name}:1
        resources: {{requests: {{cpu: {cpu}, memory: {memory}}}}}
{more}
"
    )
}

#[test]
fn copies_of_a_pod_are_those_of_a_simulation_one_by_one() {
    let spread = "      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}";
    let apart = "      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}";
    let ports = "        ports: [{containerPort: 80, hostPort: 8080}]";
    let nodes = [5, 4, 3, 7];
    for (case, (more, nodes)) in ["", spread, apart, ports].into_iter().zip(nodes).enumerate() {
        let manifests =
            format!("{}{}", deployment("web", 2, "300m", "700Mi", more), deployment("ballast", 3, "900m", "300Mi", ""));
        let question = question(&format!("one-{case}.yaml"), &manifests, nodes, "2", "8Gi");
        let answer = ask(&question, What::Workload("web".to_owned())).expect("an answer");
        let plan = question.compiled().expect("a plan");
        let brute = one_by_one(&plan, 0);
        assert_eq!(copies(&answer), i64::try_from(brute).expect("a count"), "case {case}: {}", answer.text());
        assert_eq!(answer.yes, brute > 0);
        assert!(brute > 0, "case {case} shows nothing");
    }
}

#[test]
fn a_pod_that_could_evict_others_does_not_fit_by_that() {
    let manifests = format!(
        "{}---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {{name: high}}
value: 1000
",
        deployment("low", 4, "900m", "100Mi", "")
    );
    let pod = file(
        "fit",
        "high.yaml",
        "apiVersion: v1
kind: Pod
metadata: {name: high}
spec:
  priorityClassName: high
  containers: [{name: main, image: 'example/high:1', resources: {requests: {cpu: 500m}}}]
",
    );
    let question = question("evict.yaml", &manifests, 2, "2", "8Gi");
    let answer = ask(&question, What::Pod(pod, None)).expect("an answer");
    assert!(!answer.yes, "{}", answer.text());
    assert!(answer.sentence.contains("no node has 500m of CPU free"), "{}", answer.sentence);
}

#[test]
fn a_quota_stops_copies() {
    let manifests = format!(
        "{}---
apiVersion: v1
kind: ResourceQuota
metadata: {{name: few, namespace: shop}}
spec: {{hard: {{pods: '5'}}}}
",
        deployment("web", 2, "100m", "100Mi", "")
    );
    let question = question("quota.yaml", &manifests, 3, "2", "8Gi");
    let answer = ask(&question, What::Workload("shop/web".to_owned())).expect("an answer");
    // Five, of which two are there.
    assert_eq!(copies(&answer), 3, "{}", answer.text());
    assert!(answer.sentence.contains("a ResourceQuota or LimitRange of the namespace shop"), "{}", answer.sentence);
}

#[test]
fn copies_of_an_application_are_complete_or_not_counted() {
    // 700m of CPU each: two large pods and a small one. 3 nodes of 2 cores: (2000 - 0) = 6 x 300m and a 100m each.
    let one = |namespace: &str| {
        let manifests =
            format!("{}{}", deployment("large", 2, "300m", "100Mi", ""), deployment("small", 1, "100m", "100Mi", ""));
        manifests.replace("namespace: shop", &format!("namespace: {namespace}"))
    };
    let first = question("app.yaml", &one("shop"), 3, "2", "8Gi");
    let answer = ask(&first, What::Application(Vec::new())).expect("an answer");
    // The same by hand: more and more copies written down as manifests.
    let mut complete = 0;
    for count in 1..12 {
        let all: String = (0..=count).map(|number| one(&format!("shop-{number}"))).collect();
        let question = question(&format!("app-{count}.yaml"), &all, 3, "2", "8Gi");
        let outcome = Simulation::new(question.compiled().expect("a plan")).run();
        if !outcome.pending.is_empty() {
            break;
        }
        complete = count;
    }
    assert!(complete > 3, "{complete}");
    assert!(answer.sentence.starts_with(&format!("{complete} more copies of app fit")), "{}", answer.sentence);
    // Three pods a copy, and nothing of the incomplete one.
    assert_eq!(copies(&answer), i64::from(complete) * 3, "{}", answer.text());
}

#[test]
fn an_application_that_is_not_complete_itself_has_no_copies() {
    let question = question("much.yaml", &deployment("much", 5, "1500m", "100Mi", ""), 3, "2", "8Gi");
    let answer = ask(&question, What::Application(Vec::new())).expect("an answer");
    assert!(!answer.yes);
    assert!(answer.sentence.contains("itself is not complete: 2 of its 5 pods find no node"), "{}", answer.sentence);
    let wrong = ask(&question, What::Application(vec!["else".to_owned()]));
    assert_eq!(wrong, Err(Halt::Unasked("no pods are in the namespace `else`; there are pods in shop".to_owned())));
    let wrong = ask(&question, What::Workload("mutch".to_owned()));
    assert_eq!(wrong, Err(Halt::Unasked("there is no workload `mutch`: did you mean much?".to_owned())));
}

#[test]
fn copies_wait_for_nodes_that_can_be_made() {
    let manifests = file("fit", "grow.yaml", &deployment("web", 2, "900m", "100Mi", ""));
    let scenario = format!(
        "[scenario]
duration = '30m'
manifests = [{:?}]
[[node_pool]]
name = 'fix'
count = 1
capacity = {{ cpu = '2', memory = '8Gi' }}
[[node_pool]]
name = 'grow'
min = 0
max = 3
capacity = {{ cpu = '4', memory = '16Gi' }}
[autoscaler]
",
        manifests.display().to_string()
    );
    let question = Question::scenario(&file("fit", "grow.toml", &scenario));
    // The two that are there fill the first node; each of three further ones takes four.
    let answer = ask(&question, What::Workload("web".to_owned())).expect("an answer");
    assert_eq!(copies(&answer), 12, "{}", answer.text());
    let answer = ask(&question, What::Application(Vec::new())).expect("an answer");
    assert!(answer.sentence.starts_with("6 more copies of grow fit"), "{}", answer.sentence);
}

#[test]
fn the_scheduler_alone_places_as_many_on_a_dump() {
    let pod = |name: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec: {{containers: [{{name: a, image: 'x:1', resources: {{requests: {{cpu: 100m, memory: 60Mi}}}}}}]}}
"
        )
    };
    let one = file("fit", "one-of-many.yaml", &pod("one"));
    let many: String = (0..60).map(|number| pod(&format!("many-{number}"))).collect();
    let many = file("fit", "many.yaml", &many);
    for dump in ["test-deployment/dump", "test-daemonset/dump", "dataset_small_1/cluster_dump"] {
        let Some(dump) = shared(&format!("data/manifests/cluster-dumps/{dump}")) else { return };
        let (_, text, wrong) =
            podsim(&["schedule", "--cluster", &dump, "--pods", &many.display().to_string(), "-o", "json"]);
        let decisions: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{wrong}"));
        let placed = |decision: &&serde_json::Value| decision["chosen"].is_string();
        let placed = decisions.as_array().expect("decisions").iter().filter(placed).count();
        let answer = ask(&Question::manifests(&[dump.into()], None), What::Pod(one.clone(), None));
        let answer = answer.expect("an answer");
        assert!(placed > 0 && placed < 60, "{placed}");
        assert_eq!(copies(&answer), i64::try_from(placed).expect("a count"), "{}", answer.text());
    }
}

#[test]
fn as_a_new_user_would() {
    let Some(boutique) = shared("data/manifests/online-boutique/release/kubernetes-manifests.yaml") else { return };
    let (code, text, _) = podsim(&["fit", &boutique, "--nodes", "3"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("6 more copies of kubernetes-manifests fit; the next one does not: "), "{text}");
    let one = podsim(&["fit", &boutique, "--nodes", "3", "--threads", "1", "-o", "json"]);
    let two = podsim(&["fit", &boutique, "--nodes", "3", "--threads", "4", "-o", "json"]);
    assert_eq!(one.1, two.1);
    let (code, text, wrong) = podsim(&["fit", &boutique]);
    assert_eq!((code, text.as_str()), (2, ""));
    assert!(wrong.contains("the cluster has no nodes"), "{wrong}");
    let Some(dump) = shared("data/manifests/cluster-dumps/dataset_small_1/cluster_dump") else { return };
    let big = file(
        "fit",
        "big.yaml",
        "apiVersion: v1
kind: Pod
metadata: {name: big}
spec: {containers: [{name: a, image: 'x:1', resources: {requests: {cpu: '1', memory: 3Gi}}}]}
",
    );
    let (code, text, _) = podsim(&["fit", &dump, "--pod", &big.display().to_string()]);
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with("No further copy of the pod of "), "{text}");
    assert!(text.contains("no node has 1 CPU free; no node has 3Gi of memory free"), "{text}");
    let (code, _, wrong) = podsim(&["fit", "/nonexistent.yaml", "--nodes", "2"]);
    assert_eq!(code, 2);
    assert!(wrong.contains("cannot read `/nonexistent.yaml`"), "{wrong}");
}
