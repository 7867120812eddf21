//! Nodes that die, come back, are cordoned or deleted (spec 6).

use crate::support::{Run, Scene, pod, within};
use podsim::base::SimDuration;
use podsim::model::PodConditionType;
use podsim::model::objects::ObjectKind;

const TWO: &str = r#"
[[node_pool]]
name = "node"
count = 2
capacity = { cpu = "8", memory = "32Gi" }
"#;

const WEB: &str = "nodeName: node-0, containers: [{name: app, image: 'i:1', ports: [{containerPort: 80}]}]";
const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: svc}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

fn crash(node: &str, at: &str, last: &str) -> String {
    let last = if last.is_empty() { String::new() } else { format!("for = \"{last}\"") };
    format!("[[fault]]\nkind = \"node-crash\"\nat = \"{at}\"\nnode = \"{node}\"\n{last}\n")
}

/// When the last lease before a crash at `at` was renewed.
fn renewed(scene: &Scene, node: usize, at: f64) -> f64 {
    let run = scene.start();
    let (id, _) = run.sim.cluster().nodes().entries().nth(node).expect("it exists");
    let at = run.begin + SimDuration::from_secs_f64(at);
    (run.sim.kubelets().last_renewal(run.sim.plan(), id, at) - run.begin).as_secs_f64()
}

fn row(run: Run, name: &str) -> (String, String) {
    let (outcome, _) = run.outcome();
    let row = outcome.pods.iter().find(|row| row.name == name).expect("the pod exists");
    (row.status.clone(), row.ready.clone())
}

/// 6.2: Unknown at the first pass (each 5 s) more than 50 s after the last renewal; pods Ready False, endpoints drop them.
/// 6.3: the NoSchedule taint at once, the NoExecute taint at once for the first node of a zone. 6.5: deletion 300 s later;
/// nothing stops on a dead node: Terminating for ever.
#[test]
fn a_dead_node_is_noticed_and_its_pods_are_deleted_but_stay() {
    for seed in 1..=8 {
        let yaml = pod("web", WEB) + SERVICE;
        let scene = Scene::new(&yaml).nodes(TWO).with(&crash("node-0", "100s", "")).lasts("1h").seed(seed);
        let run = scene.run();
        let unknown = run.time("node node-0 Ready Unknown");
        let since = unknown - renewed(&scene, 0, 100.0);
        assert!(since > 50.0 && since <= 55.0 && unknown % 5.0 == 0.0, "{since}");
        within(unknown, 140.0, 155.0);
        run.expect("pod web Ready False", &[0.0, unknown]).expect("pod web ContainersReady False", &[0.0]);
        run.expect("event web Warning NodeNotReady: Node is not ready", &[unknown]);
        run.expect("service svc 0/0", &[unknown]);
        run.expect("node node-0 +node.kubernetes.io/unreachable:NoSchedule", &[unknown]);
        run.expect("node node-0 +node.kubernetes.io/unreachable:NoExecute", &[unknown]);
        run.expect("pod web deleting 30", &[unknown + 300.0]).expect("pod web removed", &[]);
        run.expect("pod web DisruptionTarget True DeletionByTaintManager", &[unknown + 300.0]);
        let text = "event web Normal TaintManagerEviction: Marking for deletion Pod default/web";
        run.expect(text, &[unknown + 300.0]);
        assert_eq!(row(run, "web"), ("Terminating".to_owned(), "1/1".to_owned()));
    }
}

/// Admission's default toleration is a flag of the API server: `--default-unreachable-toleration-seconds`.
#[test]
fn the_default_toleration_is_a_setting() {
    let scene = Scene::new(&pod("web", WEB)).nodes(TWO).with(&crash("node-0", "100s", ""));
    let run = scene.setting("default_toleration = \"60s\"").run();
    let unknown = run.time("node node-0 Ready Unknown");
    run.expect("pod web deleting 30", &[unknown + 60.0]);
}

const INIT: &str = "nodeName: node-0, initContainers: [{name: i0, image: 'i:1'}, {name: s, image: 'i:1', restartPolicy: Always}, \
                    {name: i1, image: 'i:1'}], containers: [{name: app, image: 'i:1'}]";

/// 6.8: an outage shorter than 50 s is not noticed by the control plane. Everything starts again in a new sandbox, init
/// containers included; restart counts go on.
#[test]
fn a_short_outage_restarts_everything_and_taints_nothing() {
    let run = Scene::new(&pod("web", INIT)).nodes(TWO).with(&crash("node-0", "100s", "30s")).run();
    run.expect("node node-0 Ready Unknown", &[]).expect("node node-0 +", &[]).expect("pod web deleting", &[]);
    run.expect("node node-0 booted", &[130.0]);
    run.expect("event node-0 Warning Rebooted: Node node-0 has been rebooted, boot id: 1", &[130.0]);
    // Sandbox 0.5, then 0.25 for each container; the image is there.
    run.expect("web/i0 Running", &[2.25, 130.75]).expect("web/s Running", &[2.5, 131.0]);
    run.expect("web/i1 Running", &[2.75, 131.25]).expect("web/app Running", &[3.0, 131.5]);
    run.expect("pod web Ready", &[0.0, 3.0, 130.0, 131.5]);
    assert_eq!(run.status("web", "app"), "Running | Terminated Unknown 255 | 1");
    assert_eq!(run.status("web", "i1"), "Terminated Completed 0 | Unset | 1");
    assert_eq!(run.phase("web"), "Running");
}

/// 6.8: the crash back-off is in the kubelet's memory: the restart after a reboot is the first, whatever came before.
#[test]
fn a_reboot_forgets_back_offs_and_deadlines_go_on() {
    let sections = crash("node-0", "100s", "10s") + "[[behavior]]\nrun = \"1s\"\nexit_codes = 1";
    let run = Scene::new(&pod("web", WEB)).nodes(TWO).with(&sections).lasts("150s").run();
    // In back-off (80 s from 80.25) at 100. Boot at 110, sandbox, start at 110.5: the old end counts as the first crash.
    // Ends at 111.75, 10 s: 122; ends at 123.25, 20 s: 134 is too soon, 144.
    run.expect("web/app Running", &[2.25, 3.5, 15.25, 37.25, 79.25, 110.75, 122.25, 144.25]);
    let spec = format!("activeDeadlineSeconds: 200, {WEB}");
    let run = Scene::new(&pod("web", &spec)).nodes(TWO).with(&crash("node-0", "100s", "10s")).run();
    run.expect("web/app Running", &[2.25, 110.75]).expect("pod web Failed DeadlineExceeded", &[200.0]);
}

/// 6.8: containers of Never pods are not started again: what was lost has exit code 255, reason Unknown.
#[test]
fn never_pods_end_with_their_node() {
    let never = format!("restartPolicy: Never, {WEB}");
    let two = "restartPolicy: OnFailure, nodeName: node-0, containers: [{name: done, image: 'i:1'}, {name: more, image: 'i:1'}]";
    let sections = crash("node-0", "100s", "30s") + "[[behavior]]\nselect = { container = \"done\" }\nrun = \"10s\"";
    let run = Scene::new(&(pod("job", &never) + &pod("two", two))).nodes(TWO).with(&sections).run();
    run.expect("pod job Failed", &[130.0]).expect("job/app Running", &[2.25]);
    assert_eq!(run.status("job", "app"), "Terminated Unknown 255 | Unset | 0");
    // 2.3: under OnFailure what has succeeded is not started again.
    assert_eq!((run.times("two/done Running").len(), run.times("two/more Running").len()), (1, 2));
}

/// 6.2, 6.5: back between detection and deletion: taints go, the deletion is off, the pod starts again.
#[test]
fn a_node_that_returns_in_time_keeps_its_pods() {
    let run = Scene::new(&pod("web", WEB)).nodes(TWO).with(&crash("node-0", "100s", "200s")).lasts("1h").run();
    run.expect("node node-0 Ready True", &[300.0]);
    run.expect("node node-0 -node.kubernetes.io/unreachable:NoSchedule", &[300.0]);
    run.expect("node node-0 -node.kubernetes.io/unreachable:NoExecute", &[300.0]);
    run.expect("event web Normal TaintManagerEviction: Cancelling deletion of Pod default/web", &[300.0]);
    run.expect("pod web deleting", &[]).expect("web/app Running", &[2.25, 300.75]);
    assert!(run.is("web", PodConditionType::Ready));
}

/// 6.5: back after the deletion: the kubelet finds nothing running and lets the object go.
#[test]
fn a_node_that_returns_late_lets_its_pods_go() {
    let run = Scene::new(&pod("web", WEB)).nodes(TWO).with(&crash("node-0", "100s", "500s")).lasts("1h").run();
    assert_eq!(run.times("pod web deleting 30").len(), 1);
    run.expect("pod web removed", &[600.0]).expect("web/app Running", &[2.25]).expect("pod web Failed", &[600.0]);
    assert_eq!(run.sim.kubelets().records_held(), 0);
}

/// 6.4: with every node down nobody is tainted NoExecute and nothing is evicted.
#[test]
fn nothing_is_evicted_when_everything_is_down() {
    let run = Scene::new(&pod("web", WEB)).with(&crash("node-0", "100s", "")).lasts("1h").run();
    assert_eq!(run.times("node node-0 Ready Unknown").len(), 1);
    run.expect("node node-0 +node.kubernetes.io/unreachable:NoExecute", &[]).expect("pod web deleting", &[]);
}

const ZONES: &str = r#"
[[node_pool]]
name = "node"
count = 4
zones = ["a", "b"]
capacity = { cpu = "8", memory = "32Gi" }
"#;

/// 6.4: a zone all of whose nodes are dead is evicted at the normal rate, one node each 10 s (6.3), as long as another zone
/// works. When that dies, too, all NoExecute taints go and nothing is evicted until a zone is back.
#[test]
fn the_last_zone_saves_the_first() {
    let zone = |zone: &str, at: &str, last: &str| {
        format!("[[fault]]\nkind = \"zone-loss\"\nat = \"{at}\"\nzone = \"{zone}\"\nfor = \"{last}\"\n")
    };
    let yaml = pod("web", WEB) + &pod("two", &WEB.replace("node-0", "node-2"));
    let sections = zone("a", "100s", "55m") + &zone("b", "300s", "600s");
    let run = Scene::new(&yaml).nodes(ZONES).with(&sections).lasts("50m").run();
    let tainted = |node: usize| run.times(&format!("node node-{node} +node.kubernetes.io/unreachable:NoExecute"));
    let gone = |node: usize| run.times(&format!("node node-{node} -node.kubernetes.io/unreachable:NoExecute"));
    let (first, second) = (tainted(0), tainted(2));
    within(first[0].min(second[0]), 140.0, 155.0);
    within((first[0] - second[0]).abs(), 10.0, 10.0);
    // Zone b is Unknown at 340 to 355: before the 300 s of zone a are over.
    let all_down = run.times("node node-1 Ready Unknown")[0].max(run.times("node node-3 Ready Unknown")[0]);
    within(all_down, 340.0, 355.0);
    assert_eq!(
        (gone(0)[0], gone(2)[0], tainted(1).len(), tainted(3).len()),
        (all_down, all_down, tainted(1).len(), tainted(3).len())
    );
    // Zone b is back at 900: zone a is tainted again, one node after the other. A queue that stood still has no token: the
    // first one waits for 10 s.
    assert_eq!((first.len(), second.len()), (2, 2), "{}", run.lines().join("\n"));
    within(first[1].min(second[1]), 910.0, 910.0);
    within(run.times("pod web deleting")[0].min(run.times("pod two deleting")[0]), 1210.0, 1210.0);
    within(run.times("pod web deleting")[0].max(run.times("pod two deleting")[0]), 1220.0, 1220.0);
}

/// 6.4: three of five nodes of a small zone (60 %) are dead: partial disruption, nobody is evicted. When one is back
/// (40 %), it goes on.
#[test]
fn a_small_zone_that_is_mostly_dead_is_left_alone() {
    let nodes = ZONES.replace("count = 4", "count = 10");
    // Zone a: 0, 2, 4, 6, 8.
    let sections = crash("node-0", "100s", "") + &crash("node-2", "100s", "") + &crash("node-4", "100s", "1000s");
    let run = Scene::new(&pod("web", WEB)).nodes(&nodes).with(&sections).lasts("1h").run();
    let tainted = run.times("node node-0 +node.kubernetes.io/unreachable:NoExecute");
    within(tainted[0], 1100.0, 1110.0);
    run.expect("pod web deleting", &[tainted[0] + 300.0]);
}

/// 6.3, 7.7: a cordoned node gets its taint; pods on it stay, new ones do not come.
#[test]
fn a_cordoned_node_takes_no_new_pods() {
    let sections = "[[fault]]\nkind = \"cordon\"\nat = \"100s\"\nfor = \"200s\"\nnode = \"node-0\"\n\
                    [[change]]\nat = \"150s\"\napply = \"late.yaml\"";
    let late = pod("late", "containers: [{name: app, image: 'i:1'}]");
    let run = Scene::new(&pod("web", WEB)).with(sections).file("late.yaml", &late).run();
    run.expect("node node-0 cordoned", &[100.0, 300.0]).expect("pod web deleting", &[]);
    run.expect("node node-0 +node.kubernetes.io/unschedulable:NoSchedule", &[100.0]);
    run.expect("node node-0 -node.kubernetes.io/unschedulable:NoSchedule", &[300.0]);
    run.expect("event node-0 Normal NodeNotSchedulable: Node node-0 status is now: NodeNotSchedulable", &[100.0]);
    run.expect("event late Warning FailedScheduling: 0/1 nodes are available: 1 node(s) were unschedulable.", &[150.0]);
    within(run.time("pod late on node-0"), 300.0, 301.0);
}

/// 6.6: pods of a node object that is gone for 40 s are orphans: a pass each 20 s marks them Failed and removes them. The
/// machine still runs: its kubelet stops what is left.
#[test]
pub fn pods_of_a_deleted_node_are_collected() {
    let sections = "[[change]]\nat = \"90s\"\ndelete = \"Node/node-0\"\n\
                    [[behavior]]\non_terminate = { after = \"5s\", exit_code = 0 }";
    let run = Scene::new(&pod("web", WEB)).nodes(TWO).with(sections).run();
    run.expect("pod web DisruptionTarget True DeletionByPodGC", &[140.0]).expect("pod web Failed", &[140.0]);
    run.expect("pod web removed", &[140.0]).expect("web/app Terminated Completed 0", &[145.0]);
    assert_eq!(run.sim.kubelets().records_held(), 0);
}

/// The pod of a ReplicaSet that is collected so is counted as lost, by its controller: that one makes another.
#[test]
fn a_collected_pod_is_lost_with_the_name_of_its_controller() {
    let yaml = format!(
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: web}}\nspec: {{replicas: 1, selector: {{matchLabels: {{app: web}}}}, \
         template: {{metadata: {{labels: {{app: web}}}}, spec: {{{WEB}}}}}}}\n"
    );
    let gone = "[[change]]\nat = \"90s\"\ndelete = \"Node/node-0\"\n";
    let (outcome, _) = Scene::new(&yaml).nodes(TWO).with(gone).run().outcome();
    let owners: Vec<_> = outcome.lost.iter().map(|lost| lost.owner.clone()).collect();
    assert_eq!(owners, [Some((ObjectKind::ReplicaSet, "web".to_owned()))]);
}

/// 6.6: a pod that is Terminating on a node that is not Ready and was declared out of service is ended at the next pass,
/// each 20 s; the same pod stays for ever without that taint.
#[test]
fn the_out_of_service_taint_ends_what_a_dead_node_holds() {
    let tolerant = format!("tolerations: [{{operator: Exists}}], {WEB}");
    let sections = crash("node-0", "100s", "")
        + "[[change]]\nat = \"500s\"\nnode = \"node-0\"\ntaint = \"node.kubernetes.io/out-of-service=yes:NoExecute\"";
    let yaml = pod("web", WEB) + &pod("agent", &tolerant);
    let run = Scene::new(&yaml).nodes(TWO).with(&sections).lasts("1h").run();
    // Deleted 300 s after the NoExecute taint of 140 to 155; the taint of 500 makes it hopeless, the pass at 500 ends it.
    within(run.time("pod web deleting 30"), 440.0, 455.0);
    run.expect("pod web Failed", &[500.0]).expect("pod web removed", &[500.0]);
    run.expect("pod agent deleting", &[]).expect("pod agent removed", &[]);
}

/// A forced deletion on a dead machine: the object goes; when the machine is back there is nothing to stop.
#[test]
fn a_forced_deletion_on_a_dead_machine_leaves_nothing() {
    let sections = crash("node-0", "100s", "100s") + "[[change]]\nat = \"150s\"\ndelete = \"Pod/web\"\ngrace = \"0s\"";
    let mut run = Scene::new(&pod("web", WEB)).nodes(TWO).with(&sections).start();
    run.until(199.0);
    run.expect("pod web removed", &[150.0]);
    assert_eq!(run.sim.kubelets().records_held(), 1, "on the machine's disk");
    run.until(300.0);
    assert_eq!(run.sim.kubelets().records_held(), 0);
    run.expect("web/app Running", &[2.25]);
}

/// A machine that dies while a pod starts, or stops, on it.
#[test]
fn a_machine_may_die_at_any_step() {
    for at in ["1ms", "300ms", "700ms", "2100ms", "2250ms", "30s", "60s", "61s"] {
        let sections = crash("node-0", at, "20s")
            + "[[change]]\nat = \"60s\"\ndelete = \"Pod/web\"\n[[behavior]]\non_terminate = { after = \"4s\", exit_code = 0 }";
        let run = Scene::new(&pod("web", WEB)).nodes(TWO).with(&sections).run();
        assert_eq!(run.sim.cluster().pods().live(), 0, "{at}");
        assert_eq!(run.sim.kubelets().records_held(), 0, "{at}");
        run.expect(
            "pod web removed",
            &[match at {
                "60s" => 80.0,
                "61s" => 81.0,
                _ => 64.0,
            }],
        );
    }
}
