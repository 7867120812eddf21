//! `podsim rollout` and `podsim headroom`: answers against arithmetic by hand, and the commands as somebody new to them would try
//! them.

use std::path::{Path, PathBuf};

use podsim::answers::{Answer, Cell, Halt, HeadroomOptions, Question, RolloutOptions, Runner, headroom, rollout};
use podsim::base::SimDuration;

use crate::asked::{podsim, shared};

/// A scenario in a folder for tests.
fn scenario(name: &str, pools: &str, manifest: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers-rollout-headroom");
    std::fs::create_dir_all(&folder).expect("a folder for tests");
    let head =
        format!("[scenario]\nduration = \"20m\"\nmanifests = [\"{name}.yaml\"]\n[[behavior]]\nstartup = \"30s\"\n");
    std::fs::write(folder.join(format!("{name}.yaml")), manifest).expect("written");
    let head = if manifest.is_empty() { head.replace(&format!("manifests = [\"{name}.yaml\"]\n"), "") } else { head };
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, head + pools).expect("written");
    path
}

fn pool(nodes: u32, slots: u32) -> String {
    format!(
        "[control_plane]\npreset = \"instant\"\n[[node_pool]]\nname = \"node\"\ncount = {nodes}\ncapacity = {{ cpu = \"{slots}\", \
         memory = \"8Gi\" }}\n"
    )
}

/// A workload of pods of 1 CPU that are ready as soon as they listen.
fn workload(kind: &str, name: &str, replicas: u32, more: &str) -> String {
    let replicas = if kind == "DaemonSet" { String::new() } else { format!("  replicas: {replicas}\n") };
    let service = if kind == "StatefulSet" { "  serviceName: x\n" } else { "" };
    format!(
        "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{replicas}{service}  selector: {{matchLabels: {{app: \
         {name}}}}}\n{more}  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers: [{{name: app, image: \
         'web:1', ports: [{{containerPort: 80}}], readinessProbe: {{tcpSocket: {{port: 80}}, periodSeconds: 1}}, resources: {{requests: \
         {{cpu: '1', memory: 64Mi}}}}}}]\n"
    )
}

fn with<T>(path: &Path, ask: impl FnOnce(&Question, podsim::sim::plan::Plan, &Runner<'_>) -> T) -> T {
    let question = Question::scenario(path);
    let loaded = question.load();
    let plan = loaded.plan.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(&loaded.sources, false)));
    ask(&question, plan, &Runner { threads: 2, stop: &|| false, progress: &|_, _| {} })
}

fn rolling(path: &Path, options: &RolloutOptions) -> Answer {
    with(path, |question, plan, runner| rollout(question, plan, runner, options)).expect("no limit")
}

fn cell<'a>(answer: &'a Answer, row: usize, key: &str) -> &'a Cell {
    let table = &answer.tables[0];
    &table.rows[row][table.columns.iter().position(|column| column.key == key).expect("a column")]
}

fn number(cell: &Cell) -> f64 {
    match cell {
        Cell::Number(number, _) => *number,
        Cell::Count(count) => i32::try_from(*count).expect("a small number").into(),
        other => panic!("{other:?} is no number"),
    }
}

fn text(cell: &Cell) -> &str {
    if let Cell::Text(text) = cell { text } else { panic!("{cell:?} is no text") }
}

#[test]
fn the_time_of_a_rollout_is_its_rounds_times_the_start() {
    // A pod is Ready 30 s after its start, on a grid of 1 s. `rounds` follow from the limits alone: how often new pods have to be
    // waited for before the last old one may go.
    let rolling = |surge: &str, unavailable: &str| {
        format!("  strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}\n")
    };
    for (replicas, surge, unavailable, rounds, extra, least) in [
        (4, "1", "0", 4, 1, 4),
        (4, "4", "0", 1, 4, 4),
        (4, "0", "2", 2, 0, 2),
        (4, "25%", "25%", 2, 1, 3),
        (1, "25%", "25%", 1, 1, 1),
        (3, "50%", "50%", 1, 2, 2),
    ] {
        let name = format!("web-{replicas}-{}-{}", surge.trim_end_matches('%'), unavailable.trim_end_matches('%'));
        let path = scenario(&name, &pool(4, 4), &workload("Deployment", "web", replicas, &rolling(surge, unavailable)));
        let answer = self::rolling(&path, &RolloutOptions::default());
        assert!(answer.yes, "{}", answer.sentence);
        let after = number(cell(&answer, 0, "after_seconds"));
        let wanted = 30.0 * f64::from(rounds);
        assert!((wanted..wanted + 2.5 * f64::from(rounds) + 1.0).contains(&after), "{name}: {after}, {rounds} rounds");
        assert!((number(cell(&answer, 0, "extra_pods")) - f64::from(extra)).abs() < 0.5, "{name}: {}", answer.text());
        assert!((number(cell(&answer, 0, "extra_cpu_cores")) - f64::from(extra)).abs() < 1e-9, "1 CPU a pod");
        assert_eq!(text(cell(&answer, 0, "least_ready")), format!("{least} of {replicas}"), "{name}");
    }
}

#[test]
fn roundings_are_shown() {
    let path = scenario("rounds", &pool(4, 4), &workload("Deployment", "web", 5, ""));
    let answer = rolling(&path, &RolloutOptions::default());
    let rule = "surge 25% of 5 = 1.25, up to 2, unavailable 25% of 5 = 1.25, down to 1";
    assert_eq!(text(cell(&answer, 0, "rule")), rule);
}

#[test]
fn one_that_has_no_room_is_stuck_with_the_schedulers_words() {
    let strategy = "  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n";
    let both = workload("Deployment", "full", 4, strategy) + &workload("StatefulSet", "db", 2, "");
    // 6 pods of 1 CPU on 6 slots: the Deployment needs a seventh, the StatefulSet makes room first.
    let path = scenario("stuck", &pool(3, 2), &both);
    let answer = rolling(&path, &RolloutOptions::default());
    assert!(!answer.yes);
    assert_eq!([cell(&answer, 0, "finishes"), cell(&answer, 1, "finishes")], [&Cell::Flag(false), &Cell::Flag(true)]);
    assert_eq!(text(cell(&answer, 0, "stuck_at")), "1 of 4 new pods are there (ProgressDeadlineExceeded)");
    assert!(text(cell(&answer, 0, "why")).contains("0/3 nodes are available: 3 Insufficient cpu"), "{}", answer.text());
    let (_, first) = answer.sentence.split_at(4);
    assert!(first.starts_with("1 of 2 rollouts does not finish; deployment/full is stuck"), "{}", answer.sentence);
    // One by one, 30 s each.
    let after = number(cell(&answer, 1, "after_seconds"));
    assert!((60.0..68.0).contains(&after), "{after}");
    assert_eq!(text(cell(&answer, 1, "least_ready")), "1 of 2");
    let alone = RolloutOptions { workloads: vec!["sts/db".into()], ..RolloutOptions::default() };
    assert!(rolling(&path, &alone).yes);
    let wrong = RolloutOptions { workloads: vec!["deploy/db".into()], ..RolloutOptions::default() };
    let halt = with(&path, |question, plan, runner| rollout(question, plan, runner, &wrong));
    let there = "there is no `deploy/db`; there are: deployment/full, statefulset/db";
    assert_eq!(halt.map(|_| ()), Err(Halt::Unasked(there.into())));
}

#[test]
fn daemons_partitions_and_on_delete() {
    let all = workload("DaemonSet", "agent", 0, "  updateStrategy: {rollingUpdate: {maxUnavailable: 50%}}\n")
        + &workload("StatefulSet", "part", 3, "  updateStrategy: {rollingUpdate: {partition: 1}}\n")
        + &workload("StatefulSet", "hand", 1, "  updateStrategy: {type: OnDelete}\n");
    let path = scenario("kinds", &pool(3, 4), &all);
    let answer = rolling(&path, &RolloutOptions { restart: true, ..RolloutOptions::default() });
    assert_eq!(text(cell(&answer, 0, "rule")), "surge 0, unavailable 50% of 3 = 1.5, up to 2");
    let after = |row| number(cell(&answer, row, "after_seconds"));
    // Two nodes at once, then the third; ordinals 2 and 1, not 0.
    assert!((60.0..68.0).contains(&after(0)) && (60.0..68.0).contains(&after(1)), "{}", answer.text());
    assert_eq!(cell(&answer, 2, "finishes"), &Cell::Flag(false));
    assert_eq!(text(cell(&answer, 2, "stuck_at")), "OnDelete: old pods stay until somebody deletes them");
}

/// A Deployment that fills its two nodes, in a pool that grows: a machine takes 60 s and its boot 30 s.
fn growing(name: &str) -> PathBuf {
    let pool = "[[node_pool]]\nname = \"node\"\ncount = 2\nmin = 2\nmax = 12\nprovision = \"60s\"\nboot = \"30s\"\nprice_per_hour = \
                0.5\ncapacity = { cpu = \"2\", memory = \"8Gi\" }\n";
    scenario(name, pool, &workload("Deployment", "web", 4, ""))
}

fn spiking(path: &Path, options: &HeadroomOptions) -> Result<Answer, Halt> {
    with(path, |question, plan, runner| headroom(question, plan, runner, options))
}

fn twice() -> HeadroomOptions {
    HeadroomOptions {
        spike: 2.0,
        service: None,
        workload: Some("deployment/web".into()),
        at: None,
        window: SimDuration::from_secs(300),
        spare: vec![0, 1, 2, 3],
        seeds: vec![1, 2],
        pools: Vec::new(),
        price: None,
        within: Some(SimDuration::from_secs(60)),
    }
}

#[test]
fn spare_nodes_buy_the_time_of_machine_and_boot() {
    // 4 more pods of 1 CPU need two more nodes of two slots. Without spare nodes: a scan of the autoscaler (up to 10 s), 60 s for
    // the machine, 30 s for its boot, 30 s for the process, and a few
    // seconds for its sandbox and image. With one, the median is between; with two or more only the process.
    let answer = spiking(&growing("growing"), &twice()).expect("no limit");
    let row = |row, key| number(cell(&answer, row, key));
    for level in 0..4 {
        assert!((row(level, "pods") - 8.0).abs() < 0.5, "4 pods, 2 seeds: {}", answer.text());
        assert!((row(level, "spare_nodes_kept") - row(level, "spare_nodes")).abs() < 1e-9, "{}", answer.text());
        assert!((row(level, "spare_price_per_hour") - 0.5 * row(level, "spare_nodes")).abs() < 1e-9);
    }
    for level in [0, 1] {
        let p95 = row(level, "ready_seconds_p95");
        assert!((120.0..=142.0).contains(&p95), "{level}: {p95}");
    }
    for level in [2, 3] {
        let max = row(level, "ready_seconds_max");
        assert!((30.0..=42.0).contains(&max), "{level}: {max}");
    }
    assert!(answer.yes);
    assert!(
        answer.sentence.starts_with("Yes: with 2 spare nodes for 1.00 an hour, 95% of the pods"),
        "{}",
        answer.sentence
    );
    let fast = HeadroomOptions { within: Some(SimDuration::from_secs(20)), ..twice() };
    let answer = spiking(&growing("growing-fast"), &fast).expect("no limit");
    assert!(!answer.yes && answer.sentence.starts_with("No: 95% of the pods are Ready within"), "{}", answer.sentence);
}

/// Pods that are spread over two zones need nodes in the pools of both.
#[test]
fn spare_nodes_are_kept_in_the_pools_that_the_spike_needs() {
    let pool = |name: &str, zone: &str, price: &str| {
        format!(
            "[[node_pool]]\nname = \"{name}\"\ncount = 1\nmin = 1\nmax = 9\nprovision = \"60s\"\nboot = \"30s\"\nprice_per_hour = \
             {price}\nzones = [\"{zone}\"]\ncapacity = {{ cpu = \"2\", memory = \"8Gi\" }}\n"
        )
    };
    let pools = pool("unused", "c", "9.0") + &pool("north", "a", "0.5") + &pool("south", "b", "0.3");
    let spread = "    spec:\n      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: \
                  [{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [a, b]}]}]}}}\n      \
                  topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: \
                  DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]\n";
    let path = scenario("zones", &pools, &workload("Deployment", "web", 4, "").replace("    spec:\n", spread));
    let ask = |pools: &[&str], spare: &[u32]| {
        let pools = pools.iter().map(|&pool| pool.to_owned()).collect();
        let options = HeadroomOptions { pools, spare: spare.to_vec(), ..twice() };
        // By then the autoscaler has removed what it made while the first pods and the balloons looked for their places.
        let at = |start| Some(start + SimDuration::from_secs(18 * 60));
        let late = |plan: &podsim::Plan| HeadroomOptions { at: at(plan.start), ..options.clone() };
        with(&path, |question, plan, runner| headroom(question, plan.clone(), runner, &late(&plan))).expect("no limit")
    };
    let answer = ask(&[], &[0, 2]);
    let row = |answer: &Answer, row, key| number(cell(answer, row, key));
    assert!(row(&answer, 0, "ready_seconds_p95") > 100.0, "{}", answer.text());
    assert!(row(&answer, 1, "ready_seconds_max") < 45.0, "one in each zone: {}", answer.text());
    assert!((row(&answer, 1, "spare_price_per_hour") - 0.8).abs() < 1e-9, "{}", answer.text());
    let one_sided = ask(&["north"], &[0, 2]);
    assert!(row(&one_sided, 1, "ready_seconds_p95") > 100.0, "{}", one_sided.text());
    assert!((row(&one_sided, 1, "spare_price_per_hour") - 1.0).abs() < 1e-9, "{}", one_sided.text());
}

#[test]
fn what_cannot_spike_says_what_to_do() {
    let path = scenario("fixed", &pool(2, 2), &workload("Deployment", "web", 4, ""));
    let Err(Halt::Unasked(text)) = spiking(&path, &twice()) else { panic!("a pool that does not grow") };
    assert!(text.starts_with("no pool grows"), "{text}");
    let nothing = HeadroomOptions { workload: None, ..twice() };
    let Err(Halt::Unasked(text)) = spiking(&growing("growing-nothing"), &nothing) else { panic!("no traffic") };
    assert!(text.contains("there is no [[traffic]] in the input; name what is scaled"), "{text}");
}

/// People who start a notebook each: a stream of pods, at its own rate and at three times it.
#[test]
fn a_stream_of_pods_is_counted_from_each_ones_creation() {
    let stream = "[[node_pool]]\nname = \"node\"\ncount = 1\nmin = 1\nmax = 40\nprovision = \"60s\"\nboot = \"30s\"\ncapacity = {{ cpu = \
                  \"4\", memory = \"8Gi\" }}\n[[arrivals]]\nname = \"user\"\nrate = \"1/m\"\ntemplate = {{ cpu = \"1\" }}\n";
    let path = scenario("stream", &stream.replace("{{", "{").replace("}}", "}"), "");
    let ask = |spike, spare: &[u32]| {
        let workload = Some("user".to_owned());
        let spare = spare.to_vec();
        spiking(&path, &HeadroomOptions { spike, workload, spare, within: None, seeds: (1..=6).collect(), ..twice() })
            .expect("no limit")
    };
    let number = |answer: &Answer, row, key| number(cell(answer, row, key));
    let (plain, tripled) = (ask(1.0, &[0, 4]), ask(3.0, &[0, 4]));
    // One a minute for 5 minutes and 6 seeds: 30 on average, with a deviation of 5.5; 90 with one of 9.5.
    assert!((15.0..45.0).contains(&number(&plain, 0, "pods")), "{}", plain.text());
    assert!((60.0..120.0).contains(&number(&tripled, 0, "pods")), "{}", tripled.text());
    for (answer, row) in [(&plain, 0), (&plain, 1), (&tripled, 0), (&tripled, 1)] {
        assert_eq!(number(answer, row, "made_seconds_p95").to_bits(), 0.0_f64.to_bits());
    }
    // A scan, a machine, its boot; none of it with four empty nodes of four slots each for 15 pods.
    assert!((90.0..=125.0).contains(&number(&tripled, 0, "ready_seconds_max")), "{}", tripled.text());
    assert!(number(&tripled, 1, "ready_seconds_p95") < 15.0, "{}", tripled.text());
}

#[test]
fn the_commands_as_a_new_user_tries_them() {
    let day = "scenarios/workloads/hpa-day.toml";
    let (code, out, err) =
        podsim(&["headroom", day, "--spike", "4", "--at", "9:00", "--spare", "0,3", "--seeds", "1..2"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("With no spare node 95% of the pods of the spike are Ready within "), "{out}");
    let (code, _, err) = podsim(&["headroom", day, "--spike", "4", "--service", "shpo"]);
    assert_eq!(code, 2);
    assert!(err.contains("no traffic goes to `shpo`; it goes to: shop"), "{err}");
    let (code, out, _) =
        podsim(&["rollout", "scenarios/workloads/rollout-stuck.toml", "web", "--at", "50s", "-o", "csv"]);
    assert_eq!(code, 0, "somebody adds room later: {out}");
    assert!(out.starts_with("workload,pods,rule,finishes,after_seconds,"), "{out}");
    let (code, out, err) = podsim(&["rollout", "Cargo.toml"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
}

#[test]
fn real_inputs() {
    let Some(shop) = shared("data/manifests/online-boutique/release/kubernetes-manifests.yaml") else { return };
    let machines = ["--nodes", "4", "--cpu", "2", "--memory", "4Gi"];
    let (code, out, err) = podsim(&[&["rollout", &shop][..], &machines].concat());
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("Yes: all 12 rollouts finish"), "{out}");
    let (code, out, _) = podsim(&[&["rollout", &shop, "--all"][..], &machines].concat());
    assert_eq!(code, 0, "{out}");
    let Some(dump) = shared("data/manifests/cluster-dumps/daemonset_eviction_with_deployment/cluster_dump") else {
        return;
    };
    let (code, _, err) = podsim(&["rollout", &dump]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no Deployment, StatefulSet or DaemonSet in the input; a dump needs"), "{err}");
    // In a full dump pods are there before the ReplicaSet and the Deployment that they belong to.
    let Some(full) = shared("data/manifests/cluster-dumps/test-deployment/dump") else { return };
    let (code, out, err) = podsim(&["rollout", &full, "-o", "csv"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.lines().nth(1).is_some_and(|row| row.starts_with("deployment/redis-master,3,")), "{out}");
}
