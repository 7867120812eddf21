//! What the containers of a pod share: network, storage, configuration (spec 3.1 to 3.3).

use crate::support::{Run, Scene, pod, within};
use podsim::base::SimDuration;
use podsim::model::PodConditionType;

// ---- Network.

const CONFLICT: &str = "containers: [{name: first, image: 'i:1', ports: [{containerPort: 80}]}, \
                        {name: second, image: 'i:1', ports: [{containerPort: 80}]}]";

/// 3.1: passes validation; the second to bind the port exits and crash-loops. 2.5 for its times.
#[test]
fn the_second_to_bind_a_port_crash_loops() {
    let mut run = Scene::new(&pod("web", CONFLICT)).start();
    run.until(60.0);
    // first runs from 2.25; second from 2.5, ends at once, is restarted at once: 2.75; then 10 s: 13 (2.75 + 10 polled).
    run.expect("web/first Running", &[2.25]).expect("web/first Terminated", &[]);
    run.expect("web/second Running", &[2.5, 2.75, 13.25, 34.25])
        .expect("web/second Terminated Error 1", &[2.5, 2.75, 13.25, 34.25]);
    assert_eq!(run.phase("web"), "Running");
    assert!(!run.is("web", PodConditionType::Ready));
}

/// `listens` says what a process really does; protocols have ports of their own.
#[test]
fn declared_ports_conflict_only_if_both_listen() {
    let other = "[[behavior]]\nselect = { container = \"second\" }\nlistens = [81]";
    let run = Scene::new(&pod("web", CONFLICT)).with(other).run();
    run.expect("web/second Running", &[2.5]).expect("web/second Terminated", &[]);
    assert!(run.is("web", PodConditionType::Ready));
    let udp = CONFLICT.replace(
        "second, image: 'i:1', ports: [{containerPort: 80}]",
        "second, image: 'i:1', ports: [{containerPort: 80, protocol: UDP}]",
    );
    Scene::new(&pod("web", &udp)).run().expect("web/second Terminated", &[]);
    let same = "[[behavior]]\nlistens = [81]";
    let undeclared = "containers: [{name: first, image: 'i:1'}, {name: second, image: 'i:1'}]";
    let run = Scene::new(&pod("web", undeclared)).with(same).lasts("12s").run();
    run.expect("web/second Running", &[2.5, 2.75]).expect("web/first Terminated", &[]);
}

/// 3.1: init containers run one after another and never conflict; a sidecar and a main container do.
#[test]
fn init_containers_never_conflict_but_sidecars_do() {
    let spec = |policy: &str| {
        format!(
            "initContainers: [{{name: i0, image: 'i:1', ports: [{{containerPort: 80}}]{policy}}}, \
             {{name: i1, image: 'i:1', ports: [{{containerPort: 80}}]}}], \
             containers: [{{name: m, image: 'i:1', ports: [{{containerPort: 80}}]}}]"
        )
    };
    let slow = "[[behavior]]\nselect = { container = \"i1\" }\nrun = \"2s\"\nexit_codes = 0";
    let run = Scene::new(&pod("web", &spec(""))).with(slow).run();
    run.expect("web/i1 Running", &[2.5]).expect("web/m Running", &[4.75]).expect("web/m Terminated", &[]);
    let run = Scene::new(&pod("web", &spec(", restartPolicy: Always")))
        .with("[[behavior]]\nselect = { container = \"i1\" }\nlistens = []\nrun = \"2s\"")
        .lasts("20s")
        .run();
    assert_eq!(run.times("web/m Terminated Error 1").len(), 3, "{}", run.lines().join("\n"));
    run.expect("web/i0 Terminated", &[]);
}

/// The one that lost gets the port when the first restarts after it.
#[test]
fn a_freed_port_can_be_bound() {
    let sections =
        "[[fault]]\nkind = \"container-outage\"\nat = \"10s\"\nfor = \"60s\"\npod = \"web\"\ncontainer = \"first\"";
    let run = Scene::new(&pod("web", CONFLICT)).with(sections).lasts("90s").run();
    // second's retry at 13 finds the port free and keeps it; first comes back after the outage and finds it taken.
    assert_eq!(run.times("web/second Terminated").last(), Some(&2.75));
    assert!(run.times("web/first Running").last() > Some(&70.0));
    assert_eq!(run.times("web/first Running").len(), run.times("web/first Terminated").len());
}

/// 3.1: host ports conflict between pods, at scheduling.
#[test]
fn host_ports_conflict_at_scheduling() {
    let spec = "containers: [{name: app, image: 'i:1', ports: [{containerPort: 80, hostPort: 8080}]}]";
    let sections = "[[change]]\nat = \"60s\"\ndelete = \"Pod/a\"";
    let run = Scene::new(&(pod("a", spec) + &pod("b", spec))).with(sections).run();
    let text = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.";
    assert!(run.story("event b Warning FailedScheduling")[0].contains(text), "{}", run.lines().join("\n"));
    run.expect("pod a on node-0", &[0.0]);
    within(run.time("pod b on node-0"), 60.0, 61.0);
}

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: svc}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

/// `requires`: requests fail while the other container is down, and succeed again after.
#[test]
fn requests_fail_while_a_required_container_is_down() {
    let spec = "containers: [{name: app, image: 'i:1', ports: [{containerPort: 80}]}, {name: db, image: 'i:1'}]";
    let sections = "[[behavior]]\nselect = { container = \"app\" }\nrequires = [\"db\"]\n\
                    [[traffic]]\nservice = \"svc\"\nrate = \"10/s\"\n\
                    [[fault]]\nkind = \"container-kill\"\nat = \"100s\"\npod = \"web\"\ncontainer = \"db\"\n";
    let run = Scene::new(&(pod("web", spec) + SERVICE)).with(sections).lasts("200s").run();
    run.expect("web/db Running", &[2.5, 100.25]);
    let (outcome, _) = run.outcome();
    // The pod is an endpoint from 2.5 on; the database is down for 0.25 s, and at 100 the pod is not Ready: no endpoint.
    let served = (200.0 - 2.5 - 0.25) * 10.0;
    within(outcome.services[0].served, served - 1e-6, served + 1e-6);
    within(outcome.services[0].served + outcome.services[0].failed, 2000.0 - 1e-6, 2000.0 + 1e-6);
}

// ---- Storage.

const VOLUME: &str = "containers: [{name: app, image: 'i:1', volumeMounts: [{name: v, mountPath: /var/log/app}]}, \
                      {name: agent, image: 'i:1', volumeMounts: [{name: v, mountPath: /logs}]}], \
                      volumes: [{name: v, emptyDir: {}}]";

fn bytes(run: &Run, container: u16, path: &str) -> Option<f64> {
    let pod = run.pod("web").expect("the pod exists");
    run.sim.kubelets().file_bytes(run.sim.plan(), run.sim.now(), pod, container, path)
}

/// 3.2: sharing is by path: what one writes under its mount the other reads under its own.
#[test]
fn an_empty_dir_is_shared_by_path() {
    let sections = "[[behavior]]\nselect = { container = \"app\" }\n\
                    writes = [{ path = \"/var/log/app/x.log\", rate = \"10/s\" }, { path = \"/tmp/y\", rate = \"10/s\" }]\n\
                    [[fault]]\nkind = \"container-kill\"\nat = \"102250ms\"\npod = \"web\"\ncontainer = \"app\"\n\
                    [[change]]\nat = \"200s\"\ndelete = \"Pod/web\"";
    let mut run = Scene::new(&pod("web", VOLUME)).with(sections).start();
    run.until(102.3);
    // From 2.25 to 102.25.
    assert_eq!((bytes(&run, 0, "/var/log/app/x.log"), bytes(&run, 1, "/logs/x.log")), (Some(1000.0), Some(1000.0)));
    assert_eq!((bytes(&run, 0, "/tmp/y"), bytes(&run, 1, "/tmp/y")), (Some(1000.0), None));
    assert_eq!((bytes(&run, 1, "/logs/other"), bytes(&run, 1, "/logs/x.logs")), (None, None));
    // Restarted at 102.5: the volume keeps its content, the container's own layer does not.
    run.until(200.0 - 1e-6);
    run.expect("web/app Running", &[2.25, 102.5]);
    assert_eq!(bytes(&run, 0, "/tmp/y"), Some(0.0));
    assert_eq!(bytes(&run, 1, "/logs/x.log"), Some(1000.0));
    run.until(201.0);
    assert!(run.pod("web").is_none() && run.sim.kubelets().records_held() == 0, "gone with the pod");
}

/// A subPath mounts a part of the volume.
#[test]
fn a_sub_path_is_a_part_of_the_volume() {
    let spec = "containers: [{name: app, image: 'i:1', volumeMounts: [{name: v, mountPath: /out, subPath: a}]}, \
                {name: agent, image: 'i:1', volumeMounts: [{name: v, mountPath: /all}, {name: v, mountPath: /other, subPath: b}]}], \
                volumes: [{name: v, emptyDir: {}}]";
    let sections = "[[behavior]]\nselect = { container = \"app\" }\nwrites = [{ path = \"/out/x\", rate = \"1/s\" }]";
    let mut run = Scene::new(&pod("web", spec)).with(sections).start();
    run.until(60.0);
    assert!(bytes(&run, 1, "/all/a/x").is_some() && bytes(&run, 0, "/out/x").is_some());
    assert_eq!((bytes(&run, 1, "/other/x"), bytes(&run, 1, "/all/x")), (None, None));
}

/// 3.2: statistics are at most 60 s old, the eviction manager passes each 10 s: evicted up to 70 s after the limit is
/// crossed. Grace 1 s, for a container 2 s. Failed, Evicted, no DisruptionTarget.
#[test]
fn a_volume_beyond_its_limit_evicts_the_pod() {
    let spec = VOLUME.replace("emptyDir: {}", "emptyDir: {sizeLimit: 1Mi}");
    let sections = "[[behavior]]\nselect = { container = \"app\" }\nwrites = [{ path = \"/var/log/app/x\", rate = \"10Ki/s\" }]\n\
                    [[behavior]]\nselect = { container = \"agent\" }\non_terminate = \"ignore\"";
    for seed in 1..=8 {
        let run = Scene::new(&pod("web", &spec)).with(sections).seed(seed).run();
        let evicted = run.time("event web Warning Evicted: Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\".");
        // 1 MiB at 10 KiB/s: 102.4 s after 2.25. The pod's statistics are taken each 60 s from its start: 120.
        within(evicted, 120.0, 130.0);
        run.expect("web/app Terminated Error 143", &[evicted])
            .expect("web/agent Terminated Error 137", &[evicted + 2.0]);
        run.expect("pod web Failed Evicted", &[evicted + 2.0]).expect("pod web DisruptionTarget", &[]);
        assert_eq!(run.phase("web"), "Failed Evicted");
    }
    // Strictly more than the limit: 1 MiB after exactly 117.75 s, at 120, is not seen then, but 60 s later.
    let exact = sections.replace("10Ki/s", "8905.2/s");
    let run = Scene::new(&pod("web", &spec)).with(&exact).run();
    within(run.time("event web Warning Evicted"), 120.0, 190.0);
    assert!(Scene::new(&pod("web", VOLUME)).with(sections).run().phase("web") == "Running");
}

/// 3.2: a volume in memory is never too large, as writes beyond its size fail; its pages count for the writer's limit.
#[test]
fn a_volume_in_memory_counts_as_memory() {
    let spec = |size: &str, limit: &str| {
        VOLUME.replace("emptyDir: {}", &format!("emptyDir: {{medium: Memory{size}}}")).replace(
            "name: app, image: 'i:1'",
            &format!("name: app, image: 'i:1', resources: {{limits: {{memory: {limit}}}}}"),
        )
    };
    let sections = "[[behavior]]\nselect = { container = \"app\" }\nmemory = { base = \"10Mi\" }\n\
                    writes = [{ path = \"/var/log/app/x\", rate = \"1Mi/s\" }]";
    // 10 MiB + 1 MiB/s: 40 MiB are reached after 30 s. What the volume holds then stays the pod's: the next instance
    // begins anew. 2.25 + 30; 32.5 + 30.
    let mut run = Scene::new(&pod("web", &spec("", "40Mi"))).with(sections).start();
    run.until(70.0);
    run.expect("web/app Terminated OOMKilled 137", &[32.25, 62.5]).expect("web/agent Terminated", &[]);
    let memory = run.sim.kubelets().usage(run.sim.plan(), run.sim.now()).1;
    assert_eq!(memory, 60 << 20, "what both instances wrote");
    // A volume of 20 MiB is full before that: nothing happens.
    let run = Scene::new(&pod("web", &spec(", sizeLimit: 20Mi", "40Mi"))).with(sections).run();
    run.expect("web/app Terminated", &[]).expect("event web Warning", &[]);
    let end = run.begin + SimDuration::from_secs(600);
    assert_eq!(run.sim.kubelets().usage(run.sim.plan(), end).1, 30 << 20);
}

// ---- Configuration.

fn env(kind: &str, optional: &str) -> String {
    format!(
        "containers: [{{name: app, image: 'i:1', env: [{{name: A, valueFrom: {{{kind}: {{name: conf, key: host{optional}}}}}}}]}}, \
         {{name: other, image: 'i:1'}}]"
    )
}

const CONF: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {host: db}\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: conf}\nstringData: {host: db}\n";
const APPLY: &str = "[[change]]\nat = \"30s\"\napply = \"conf.yaml\"";

/// 3.3: a variable without its object: that container waits, the others start; found at a retry, each 10 s here.
#[test]
fn a_missing_object_keeps_its_container_waiting() {
    for (kind, object, text) in [
        ("configMapKeyRef", CONF, "configmap \"conf\" not found"),
        ("secretKeyRef", SECRET, "secret \"conf\" not found"),
    ] {
        let mut run = Scene::new(&pod("web", &env(kind, ""))).with(APPLY).file("conf.yaml", object).start();
        run.until(20.0);
        // The image is pulled first (2.0). The start of `other` brings a second sync, whose retries are at 13, 23, 33.
        run.expect("web/other Running", &[2.25]).expect("web/app Waiting CreateContainerConfigError", &[2.0]);
        run.expect(&format!("event web Warning Failed: Error: {text}"), &[2.0]);
        assert_eq!(run.status("web", "app"), "Waiting CreateContainerConfigError | Unset | 0");
        assert_eq!(run.phase("web"), "Pending");
        run.until(100.0);
        run.expect("web/app Running", &[33.25]).expect("pod web Running", &[33.25]);
    }
}

/// A missing key is as bad, unless it is optional.
#[test]
fn a_missing_key_is_found_after_a_change() {
    let without = CONF.replace("host: db", "port: '1'");
    let yaml = pod("web", &env("configMapKeyRef", "")) + &without;
    let run = Scene::new(&yaml).with(APPLY).file("conf.yaml", CONF).run();
    run.expect("event web Warning Failed: Error: couldn't find key host in ConfigMap default/conf", &[2.0]);
    run.expect("web/app Running", &[33.25]);
    let optional = env("configMapKeyRef", ", optional: true");
    Scene::new(&pod("web", &optional)).run().expect("web/app Running", &[2.25]).expect("event web Warning", &[]);
    Scene::new(&(pod("web", &optional) + &without)).run().expect("web/app Running", &[2.25]);
}

/// With the kubelet's jitter the retries are 10 to 15 s apart, polled each second.
#[test]
fn retries_lie_on_the_jittered_grid() {
    let scene = Scene::new(&pod("web", &env("configMapKeyRef", ""))).with(APPLY).file("conf.yaml", CONF);
    for seed in 1..=10 {
        let mut scene = Scene::new(&pod("web", &env("configMapKeyRef", ""))).with(APPLY).file("conf.yaml", CONF);
        scene = scene.setting("retry_jitter = 0.5").seed(seed);
        within(scene.run().time("web/app Running"), 30.25, 46.25);
    }
    assert_eq!(scene.plan().seed, 1);
}

/// 3.3: a volume without its object: the pod waits in ContainerCreating. The mount is tried at 0, 0.5, 1.5, 3.5, 7.5, 15.5,
/// 31.5 s; the sync looks each 0.3 s from 0: 31.5. Then sandbox 0.5, pull 1.5, start 0.25.
#[test]
fn a_missing_volume_keeps_the_pod_waiting() {
    let spec = "containers: [{name: app, image: 'i:1', volumeMounts: [{name: v, mountPath: /etc/conf}]}, {name: other, image: 'i:1'}], \
                volumes: [{name: v, configMap: {name: conf}}]";
    let mut run = Scene::new(&pod("web", spec)).with(APPLY).file("conf.yaml", CONF).start();
    run.until(25.0);
    run.expect(
        "event web Warning FailedMount: MountVolume.SetUp failed for volume \"v\" : configmap \"conf\" not found",
        &[0.0],
    );
    assert_eq!(run.status("web", "other"), "Waiting ContainerCreating | Unset | 0");
    run.until(100.0);
    run.expect("web/app Running", &[33.75]).expect("web/other Running", &[34.0]);
    // Applied later: tries at 63.5, 127.5. The first sync gives up at 123 and is tried again at 133: it finds it mounted.
    let late = APPLY.replace("30s", "100s");
    let run = Scene::new(&pod("web", spec)).with(&late).file("conf.yaml", CONF).run();
    let text = "event web Warning FailedMount: Unable to attach or mount volumes: unmounted volumes=[v]";
    run.expect("web/app Running", &[135.25]).expect(text, &[]);
    let never = Scene::new(&pod("web", spec)).run();
    never.expect(text, &[123.0, 256.0, 389.0, 522.0]).expect("web/app pull", &[]);
    let optional = spec.replace("{name: conf}", "{name: conf, optional: true}");
    Scene::new(&pod("web", &optional)).run().expect("web/app Running", &[2.25]);
    // A listed key that is missing is as bad.
    let items = spec.replace("{name: conf}", "{name: conf, items: [{key: host, path: h}]}");
    let yaml = pod("web", &items) + &CONF.replace("host: db", "port: '1'");
    let run = Scene::new(&yaml).with(APPLY).file("conf.yaml", CONF).run();
    run.expect("web/app Running", &[33.75]);
}

/// Deleted, or its machine lost, while it waits.
#[test]
fn a_pod_that_waits_for_a_volume_can_go() {
    let spec = "containers: [{name: app, image: 'i:1'}], volumes: [{name: v, secret: {secretName: conf}}]";
    let delete = "[[change]]\nat = \"10s\"\ndelete = \"Pod/web\"\n".to_owned() + APPLY;
    let run = Scene::new(&pod("web", spec)).with(&delete).file("conf.yaml", SECRET).run();
    run.expect("pod web removed", &[10.0]);
    assert_eq!(run.sim.kubelets().records_held(), 0);
    let crash = "[[fault]]\nkind = \"node-crash\"\nat = \"10s\"\nfor = \"30s\"\nnode = \"node-0\"\n".to_owned() + APPLY;
    let run = Scene::new(&pod("web", spec)).with(&crash).file("conf.yaml", SECRET).run();
    run.expect("web/app Running", &[42.25]);
}
