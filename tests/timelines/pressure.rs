//! Nodes that run short of memory, disk or process ids (spec 4.5, 5).

use crate::support::{Scene, pod, within};
use podsim::base::SimDuration;

const SMALL: &str = r#"
[[node_pool]]
name = "node"
capacity = { cpu = "8", memory = "1Gi", ephemeral-storage = "10Gi" }
"#;

fn behavior(name: &str, keys: &str) -> String {
    format!("[[behavior]]\nselect = {{ name = \"{name}\" }}\n{keys}\n")
}

fn memory(name: &str, base: &str, leak: &str) -> String {
    behavior(name, &format!("memory = {{ base = \"{base}\", leak = \"{leak}\" }}"))
}

/// A pod on node-0 with these resources.
fn on_node(name: &str, resources: &str) -> String {
    pod(name, &format!("nodeName: node-0, containers: [{{name: app, image: 'i:1', resources: {resources}}}]"))
}

/// The first pass of the eviction manager at or after so many seconds: each 10 s, with the phase of the lease.
fn pass(scene: &Scene, at: f64) -> f64 {
    let run = scene.start();
    let (id, _) = run.sim.cluster().nodes().entries().next().expect("it exists");
    let renewed = run.sim.kubelets().last_renewal(run.sim.plan(), id, run.begin + SimDuration::from_secs(20));
    let phase = (renewed - run.begin).as_secs_f64() % 10.0;
    let pass = phase + ((at - phase) / 10.0).ceil() * 10.0;
    (pass * 1000.0).floor() / 1000.0
}

/// 5.1, 5.2: the threshold of 100Mi is crossed when 924Mi of 1024Mi are used. 100 + 250 + 100 + t: 474 s after its start
/// at 2.75 (the images come one after the other). 5.3: of those that exceed their requests the one that exceeds it by most goes first. Hard thresholds leave
/// one second. The condition stays for 5 min after it was observed last, on the grid that begins when the pod was
/// cleaned up, one second after its eviction.
#[test]
fn the_pod_that_exceeds_its_request_by_most_is_evicted() {
    let yaml = on_node("idle", "{}")
        + &on_node("leaky", "{requests: {memory: 200Mi}}")
        + &on_node("good", "{requests: {memory: 300Mi, cpu: '1'}, limits: {memory: 300Mi, cpu: '1'}}");
    let sections =
        memory("idle", "100Mi", "0/s") + &memory("leaky", "100Mi", "1Mi/s") + &memory("good", "250Mi", "0/s");
    let scene = Scene::new(&yaml).nodes(SMALL).with(&sections).lasts("20m");
    let run = scene.run();
    let seen = pass(&scene, 476.75);
    run.expect("node node-0 MemoryPressure true", &[seen]).expect("node node-0 MemoryPressure false", &[seen + 301.0]);
    run.expect("node node-0 +node.kubernetes.io/memory-pressure:NoSchedule", &[seen]);
    run.expect("node node-0 -node.kubernetes.io/memory-pressure:NoSchedule", &[seen + 301.0]);
    run.expect("pod leaky DisruptionTarget True TerminationByKubelet", &[seen]);
    run.expect("pod leaky Failed Evicted", &[seen]);
    run.expect("pod idle Failed", &[]).expect("pod good Failed", &[]);
    let events = run.times(
        "event leaky Warning Evicted: The node was low on resource: memory. Threshold quantity: 100Mi, available: ",
    );
    assert_eq!(events, [seen]);
    let text = run.lines().into_iter().find(|line| line.contains("Evicted: The node")).expect("there is one");
    assert!(
        text.contains("Container app was using ")
            && text.contains("request is 200Mi, has larger consumption of memory.")
    );
}

/// 4.5: memory that is asked for faster than the eviction manager looks. At 2.75 s 600 + 500 of 1024Mi are used: after a
/// moment the kernel kills the process with the highest badness: 500 per mille and 1000 of the best-effort one beat 586
/// and 999 - 585 of the one that requests what it uses.
#[test]
pub fn the_kernel_kills_by_score_when_memory_is_used_up() {
    let yaml = on_node("asked", "{requests: {memory: 600Mi}}") + &on_node("greedy", "{}");
    let sections = memory("asked", "600Mi", "0/s") + &memory("greedy", "500Mi", "0/s");
    let run = Scene::new(&yaml).nodes(SMALL).with(&sections).lasts("3s").run();
    let started = run.times("greedy/app Running")[0];
    run.expect("greedy/app Terminated OOMKilled 137", &[started + 0.1]).expect("asked/app Terminated", &[]);
    run.expect("pod greedy Failed", &[]);
    within(started, 2.75, 2.75);
}

/// 5.4: under memory pressure best-effort pods are refused, others are not.
#[test]
fn a_node_under_pressure_refuses_best_effort_pods() {
    let hog = on_node("hog", "{requests: {memory: 900Mi, cpu: '1'}, limits: {memory: 950Mi, cpu: '1'}}");
    let sections = memory("hog", "940Mi", "0/s") + "[[change]]\nat = \"30s\"\napply = [\"late.yaml\", \"asking.yaml\"]";
    let asking = on_node("asking", "{requests: {memory: 10Mi}}");
    let critical = hog.replace("spec: {", "spec: {priorityClassName: system-node-critical, ");
    let run = Scene::new(&critical)
        .nodes(SMALL)
        .with(&sections)
        .file("late.yaml", &on_node("late", "{}"))
        .file("asking.yaml", &asking)
        .lasts("1m")
        .run();
    within(run.time("node node-0 MemoryPressure true"), 2.25, 12.25);
    run.expect("pod late Failed Evicted", &[30.0]).expect("late/app", &[]).expect("pod hog Failed", &[]);
    run.expect("event late Warning Evicted: The node had condition: [MemoryPressure]. ", &[30.0]);
    run.expect("asking/app Running", &[30.25 + 0.5]);
}

/// 5.6: who is bound to a full node by other means than the scheduler is refused with the first resource that is missing;
/// so is who does not match the node, or wants a port that is taken.
#[test]
fn a_full_node_refuses_pods() {
    let wants = |name: &str, spec: &str| {
        pod(name, &format!("nodeName: node-0, containers: [{{name: app, image: 'i:1'}}], {spec}"))
    };
    let yaml = on_node("first", "{requests: {cpu: '6', memory: 100Mi}}")
        + &on_node("second", "{requests: {cpu: '3', memory: 10Gi}}")
        + &on_node("third", "{requests: {cpu: '1', memory: 10Gi}}")
        + &wants("picky", "nodeSelector: {disk: ssd}")
        + &wants("port", "hostNetwork: false")
            .replace("image: 'i:1'", "image: 'i:1', ports: [{containerPort: 80, hostPort: 80}]")
        + &wants("port-too", "hostNetwork: false")
            .replace("image: 'i:1'", "image: 'i:1', ports: [{containerPort: 80, hostPort: 80}]");
    let run = Scene::new(&yaml).nodes(SMALL).lasts("1m").run();
    run.expect("pod second Failed OutOfcpu", &[0.0]).expect("pod third Failed OutOfmemory", &[0.0]);
    let text = "event second Warning OutOfcpu: Node didn't have enough resource: cpu, requested: 3000, used: 6000, capacity: 8000";
    run.expect(text, &[0.0]).expect("pod picky Failed NodeAffinity", &[0.0]);
    run.expect("pod port-too Failed NodePorts", &[0.0]).expect("pod port Failed", &[]).expect("pod first Failed", &[]);
    assert_eq!(run.sim.kubelets().records_held(), 2);
}

/// 5.6: for a critical pod room is made: by the best-effort and burstable pods that are nearest to what is missing.
#[test]
fn a_critical_pod_ends_others() {
    let critical = on_node("agent", "{requests: {cpu: '3'}}")
        .replace("spec: {", "spec: {priorityClassName: system-node-critical, ");
    let yaml = on_node("big", "{requests: {cpu: '5'}}") + &on_node("small", "{requests: {cpu: '2'}}");
    let sections = "[[change]]\nat = \"30s\"\napply = \"agent.yaml\"\n[[behavior]]\non_terminate = { after = \"4s\", exit_code = 0 }";
    let run = Scene::new(&yaml).nodes(SMALL).with(sections).file("agent.yaml", &critical).lasts("2m").run();
    // 2 of 8 cores are missing: ending `small` leaves nothing missing, and so would `big`, which is larger.
    run.expect("event small Warning Preempting: Preempted in order to admit critical pod", &[30.0]);
    run.expect("pod small DisruptionTarget True TerminationByKubelet", &[30.0]);
    run.expect("pod small Failed Preempting", &[34.0]).expect("pod big Failed", &[]);
    run.expect("agent/app Running", &[30.75]);
}

/// 6.7: groups one after the other: normal pods have 60 - 20 s, and of those no more than their own 30; then critical
/// ones. The node is not Ready from the beginning, takes nobody, and goes off when the last group is done.
#[test]
pub fn a_node_is_shut_down_in_order() {
    let critical = on_node("agent", "{requests: {cpu: '1'}}")
        .replace("spec: {", "spec: {priorityClassName: system-node-critical, ");
    let yaml = on_node("web", "{}") + &on_node("quick", "{}") + &critical;
    let sections = "[[fault]]\nkind = \"node-shutdown\"\nat = \"100s\"\nfor = \"300s\"\nnode = \"node-0\"\n\
                    [[change]]\nat = \"110s\"\napply = \"late.yaml\"\n"
        .to_owned()
        + &behavior("web", "on_terminate = { after = \"100s\", exit_code = 0 }")
        + &behavior("agent", "on_terminate = { after = \"5s\", exit_code = 0 }")
        + &behavior("late", "startup = \"0s\"");
    let run = Scene::new(&yaml)
        .nodes(SMALL)
        .setting("shutdown_grace = \"60s\"\nshutdown_grace_critical = \"20s\"")
        .with(&sections)
        .file("late.yaml", &on_node("late", "{}"))
        .run();
    run.expect("node node-0 Ready False", &[100.0])
        .expect("node node-0 +node.kubernetes.io/not-ready:NoSchedule", &[100.0]);
    run.expect("event node-0 Normal Shutdown: Shutdown manager detected shutdown event on node node-0", &[100.0]);
    run.expect("pod quick Failed Terminated", &[100.0]).expect("web/app Terminated Error 137", &[130.0]);
    run.expect("pod web Failed Terminated", &[130.0])
        .expect("pod web DisruptionTarget True TerminationByKubelet", &[100.0]);
    run.expect("agent/app Terminated Completed 0", &[135.0]).expect("pod agent Failed Terminated", &[135.0]);
    run.expect("pod late Failed NodeShutdown", &[110.0]);
    run.expect("event late Warning NodeShutdown: Pod was rejected as the node is shutting down.", &[110.0]);
    run.expect("node node-0 crashed", &[135.0]).expect("node node-0 booted", &[400.0]);
    run.expect("node node-0 Ready True", &[400.0]);
}

/// 6.7: without a grace period the power is just cut; with more time than the pods need it ends early.
#[test]
fn a_node_without_a_grace_period_just_goes_off() {
    let sections = "[[fault]]\nkind = \"node-shutdown\"\nat = \"100s\"\nnode = \"node-0\"\n";
    let run = Scene::new(&on_node("web", "{}")).nodes(SMALL).with(sections).run();
    run.expect("node node-0 crashed", &[100.0]).expect("pod web Failed", &[]).expect("node node-0 Ready False", &[]);
    let run = Scene::new("").nodes(SMALL).setting("shutdown_grace = \"60s\"").with(sections).run();
    run.expect("node node-0 crashed", &[100.0]).expect("node node-0 Ready False", &[100.0]);
}

/// 5.1: disk: 100 MB of image, then 10 MiB a second into the writable layer and 10 into an emptyDir. Of 10 GiB the
/// threshold of imagefs (15 %: one filesystem) is crossed when 8704 MiB are used: 95.4 + 20 t.
#[test]
fn the_pod_that_fills_the_disk_is_evicted() {
    let writer = pod(
        "writer",
        "nodeName: node-0, containers: [{name: app, image: 'i:1', volumeMounts: [{name: data, mountPath: /data}]}], \
         volumes: [{name: data, emptyDir: {}}]",
    );
    let sections = behavior(
        "writer",
        "writes = [{ path = \"/tmp/log\", rate = \"10Mi/s\" }, { path = \"/data/log\", rate = \"10Mi/s\" }]",
    );
    let scene =
        Scene::new(&(writer + &on_node("other", "{requests: {ephemeral-storage: 1Gi}}"))).nodes(SMALL).with(&sections);
    let run = scene.lasts("20m").run();
    let first = run.time("node node-0 DiskPressure true");
    within(first, 2.25 + (8704.0 - 100e6 / 1048576.0) / 20.0, 2.25 + (8704.0 - 100e6 / 1048576.0) / 20.0 + 10.0);
    run.expect("pod writer Failed Evicted", &[first]).expect("pod other Failed", &[]);
    run.expect("node node-0 +node.kubernetes.io/disk-pressure:NoSchedule", &[first]);
    run.expect("event node-0 Warning EvictionThresholdMet: Attempting to reclaim ephemeral-storage", &[first]);
}

/// 5.1, 5.2: a soft threshold acts only after its grace period, and leaves pods their own; pid.available counts processes.
#[test]
fn soft_thresholds_wait_and_pids_run_short() {
    let soft = "[control_plane.eviction]\nsoft = { \"memory.available\" = \"500Mi\" }\n\
                soft_grace = { \"memory.available\" = \"90s\" }\nmax_pod_grace = \"20s\"\n";
    let sections = soft.to_owned()
        + &behavior("hog", "memory = { base = \"600Mi\" }\non_terminate = { after = \"60s\", exit_code = 0 }");
    let run = Scene::new(&on_node("hog", "{}")).nodes(SMALL).with(&sections).run();
    let first = run.time("node node-0 MemoryPressure true");
    within(first, 2.25, 12.25);
    run.expect("pod hog DisruptionTarget True", &[first + 90.0])
        .expect("hog/app Terminated Error 137", &[first + 110.0]);
    let pids = "[control_plane.eviction]\nhard = { \"pid.available\" = \"100\" }\nmax_pids = 1000\n";
    let sections = pids.to_owned() + &behavior("fork", "processes = 700") + &behavior("spoon", "processes = 250");
    let run = Scene::new(&(on_node("fork", "{}") + &on_node("spoon", "{}"))).nodes(SMALL).with(&sections).run();
    let first = run.time("node node-0 PIDPressure true");
    within(first, 2.75, 12.75);
    run.expect("pod fork Failed Evicted", &[first]).expect("pod spoon Failed", &[]);
}

/// 3.2: what a container writes outside its volumes counts against its own limit, and all of it against the pod's. The
/// container exceeds 100Mi after 100 s, the pod 150Mi after 75: seen at the next statistics and the next pass after them.
#[test]
fn limits_of_local_storage_evict() {
    let writer = |name: &str, limits: &str| {
        pod(
            name,
            &format!(
                "nodeName: node-0, containers: [{{name: app, image: 'i:1', resources: {{limits: {{ephemeral-storage: {limits}}}}}, \
                 volumeMounts: [{{name: data, mountPath: /data}}]}}], volumes: [{{name: data, emptyDir: {{}}}}]"
            ),
        )
    };
    let writes = |name: &str, files: &str| behavior(name, &format!("writes = [{files}]"));
    let own = "{ path = \"/tmp/a\", rate = \"1Mi/s\" }";
    let both = "{ path = \"/tmp/a\", rate = \"1Mi/s\" }, { path = \"/data/b\", rate = \"1Mi/s\" }";
    let sections = writes("own", own) + &writes("both", both);
    let run = Scene::new(&(writer("own", "100Mi") + &writer("both", "150Mi"))).nodes(SMALL).with(&sections).run();
    let (own, both) = (run.time("pod own Failed Evicted"), run.time("pod both Failed Evicted"));
    within(own, 102.25, 102.25 + 70.0);
    within(both, 77.75, 77.75 + 70.0);
    let text =
        "event both Warning Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 150Mi. ";
    run.expect(text, &[both]);
    let text =
        "event own Warning Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 100Mi. ";
    run.expect(text, &[own]).expect("pod own DisruptionTarget", &[]);
}

/// 5.1, 5.3: files. `asks` makes 9 a second from 2.25 on, `plain` one from 2.75 on, and each has the one that it writes: of
/// 1000 inodes 950 are used at 97.1 s. That either uses some makes them equal, and so does their priority; then what `asks`
/// requests in bytes counts for it, although it uses most. Its own reach 950 at 107.7 s: seen by the passes that follow the
/// end of the other, a second after its eviction.
#[test]
fn who_makes_too_many_files_is_evicted() {
    let settings = "[control_plane.eviction]\nmax_inodes = 1000\n";
    let writes = |files: &str| format!("writes = [{{ path = \"/tmp/x/0\", files = \"{files}\" }}]");
    let sections = settings.to_owned() + &behavior("asks", &writes("9/s")) + &behavior("plain", &writes("60/m"));
    let yaml = on_node("asks", "{requests: {ephemeral-storage: 1Ki}}") + &on_node("plain", "{}");
    let scene = Scene::new(&yaml).nodes(SMALL).with(&sections);
    let run = scene.run();
    run.expect("asks/app Running", &[2.25]).expect("plain/app Running", &[2.75]);
    let first = pass(&scene, 97.1);
    run.expect("pod plain Failed Evicted", &[first]).expect("node node-0 DiskPressure true", &[first]);
    let events = run.times(
        "event plain Warning Evicted: The node was low on resource: inodes. Threshold quantity: 50, available: ",
    );
    assert_eq!(events, [first]);
    let passes = (0..10).map(|number| first + 1.0 + 10.0 * f64::from(number));
    let second = passes.into_iter().find(|&at| at > 107.7).expect("there are enough");
    run.expect("pod asks Failed Evicted", &[second]);
}
