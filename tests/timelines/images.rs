//! Registries that do not answer: ErrImagePull and ImagePullBackOff in turn (spec 2.8).

use crate::support::{Run, Scene, pod};

/// A pull that fails asks for the manifest only: 0.5 s. The back-off runs from the failure (10, 20, 40 s); tries come 10 s
/// after a failed sync, polled each second. Fails at 1.0. At 11: 10 s are over, fails at 11.5. At 22: 10.5 of 20. At 32:
/// fails at 32.5. At 43, 53, 63: too soon. At 73: 40.5 of 40; the registry is back since 70, the pull takes 1.5 s.
#[test]
fn pulls_are_retried_with_their_own_back_off() {
    let outage = "[[fault]]\nkind = \"registry-outage\"\nat = \"0s\"\nfor = \"70s\"\nregistry = \"reg.example/\"";
    let yaml = pod("web", "containers: [{name: app, image: 'reg.example/a:1'}, {name: b, image: 'other:1'}]");
    let mut run = Scene::new(&yaml).with(outage).start();
    run.until(20.0);
    // b starts although app does not (2.3).
    run.expect("web/b Running", &[2.75]);
    assert_eq!(run.phase("web"), "Pending");
    run.until(300.0);
    // The second container's start brings a sync at 2.75, whose retry is at 13; fails at 13.5 (20 s). 24: 10.5. 34: fails
    // at 34.5 (40 s). 45, 55, 65: too soon. 75.
    run.expect("web/app pull", &[0.5, 1.0, 13.0, 13.5, 34.0, 34.5, 75.0, 76.5]).expect("web/app Running", &[76.75]);
    let alone = pod("web", "containers: [{name: app, image: 'reg.example/a:1'}]");
    let mut run = Scene::new(&alone).with(outage).start();
    for (seconds, status) in [
        (1.0, "Waiting ContainerCreating | Unset | 0"),
        (11.0, "Waiting ErrImagePull | Unset | 0"),
        (22.0, "Waiting ErrImagePull | Unset | 0"),
        (32.0, "Waiting ImagePullBackOff | Unset | 0"),
        (43.0, "Waiting ErrImagePull | Unset | 0"),
        (53.0, "Waiting ImagePullBackOff | Unset | 0"),
        (74.75, "Running | Unset | 0"),
    ] {
        run.until(seconds);
        assert_eq!(run.status("web", "app"), status, "at {seconds}");
    }
    run.expect("web/app pulled false", &[1.0, 11.5, 32.5]).expect("web/app pulled true", &[74.5]);
    run.expect("web/app Waiting ErrImagePull", &[1.0, 32.5]).expect("web/app Waiting ImagePullBackOff", &[22.0, 43.0]);
    assert_eq!(
        run.story("event web Warning")[..2],
        [
            "event web Warning Failed: Failed to pull image \"reg.example/a:1\": the registry does not answer"
                .to_owned(),
            "event web Warning Failed: Error: ErrImagePull".to_owned(),
        ]
    );
    run.expect("event web Normal BackOff: Back-off pulling image \"reg.example/a:1\"", &[22.0, 43.0]);
    run.expect("event web Warning Failed: Error: ImagePullBackOff", &[22.0, 43.0]);
}

/// 2.7: policy Always needs the registry at every start of a container, even with the image at hand; IfNotPresent does not.
#[test]
fn a_restart_needs_the_registry_only_under_always() {
    let outage = "[[fault]]\nkind = \"registry-outage\"\nat = \"3600ms\"\n\
                  [[behavior]]\nrun = \"10s\"\nexit_codes = 1";
    let yaml =
        pod("web", "containers: [{name: app, image: 'a'}]") + &pod("old", "containers: [{name: app, image: 'a:1'}]");
    let run = Scene::new(&yaml).with(outage).lasts("30s").run();
    run.expect("web/app Running", &[2.25]).expect("web/app Waiting ErrImagePull", &[12.75]);
    // Its own pull came after the other one: 0.5 + 1.5 + 1.5 + 0.25.
    run.expect("old/app Running", &[3.75, 14.0]);
}

/// 2.8: containers with the same image share its back-off.
#[test]
fn the_back_off_belongs_to_the_image() {
    let outage = "[[fault]]\nkind = \"registry-outage\"\nat = \"0s\"";
    let yaml = pod("web", "containers: [{name: a, image: 'i:1'}, {name: b, image: 'i:1'}]");
    let run = Scene::new(&yaml).with(outage).lasts("10s").run();
    run.expect("web/a Waiting ErrImagePull", &[1.0]).expect("web/b Waiting ImagePullBackOff", &[1.0]);
}

/// 1.2: a name that is none.
#[test]
fn a_name_that_does_not_parse_is_never_pulled() {
    let run = Scene::new(&pod("web", "containers: [{name: a, image: 'No/Such:1:2'}]")).lasts("10s").run();
    run.expect("web/a Waiting InvalidImageName", &[0.5]).expect("web/a pull", &[]);
}

fn three_pods() -> String {
    let one = |name: &str| pod(name, &format!("containers: [{{name: app, image: '{name}:1'}}]"));
    one("a") + &one("b") + &one("c")
}

/// 2.8: serially each of the three pulls takes 1.5 s and waits for the one before: 2.0, 3.5, 5.0; two at a time: 2.0, 2.0
/// and 3.5; without a limit all are there at 2.0.
#[test]
fn pulls_run_beside_each_other_if_the_kubelet_allows() {
    for (settings, starts) in [
        ("", [2.25, 3.75, 5.25]),
        ("serialize_image_pulls = true\nmax_parallel_image_pulls = 1", [2.25, 3.75, 5.25]),
        ("max_parallel_image_pulls = 2", [2.25, 2.25, 3.75]),
        ("serialize_image_pulls = false", [2.25, 2.25, 2.25]),
        ("serialize_image_pulls = false\nmax_parallel_image_pulls = 1", [2.25, 3.75, 5.25]),
    ] {
        let run = Scene::new(&three_pods()).setting(settings).lasts("10s").run();
        for (name, start) in ["a", "b", "c"].iter().zip(starts) {
            run.expect(&format!("{name}/app Running"), &[start]);
        }
    }
    // The same image twice: the second comes with the first, asked for 1 s later.
    let yaml = pod("a", "containers: [{name: app, image: 'i:1'}]");
    let later = "[[change]]\nat = \"1s\"\napply = \"b.yaml\"";
    let b = pod("b", "containers: [{name: app, image: 'i:1'}]");
    let scene = Scene::new(&yaml).with(later).file("b.yaml", &b).setting("serialize_image_pulls = false").lasts("10s");
    scene.run().expect("b/app Running", &[2.25]);
}

/// 2.8: a node may begin `registryBurst` pulls at once and `registryPullQPS` a second after that; others fail. With 2 and
/// 1: the third finds no token, waits out 10 s and the retry grid (0.5, 10.5, polled 11).
#[test]
fn pulls_beyond_the_rate_fail() {
    let settings = "serialize_image_pulls = false\nregistry_pull_qps = 1\nregistry_burst = 2";
    let run = Scene::new(&three_pods()).setting(settings).lasts("20s").run();
    run.expect("a/app Running", &[2.25]).expect("b/app Running", &[2.25]).expect("c/app Running", &[12.75]);
    run.expect("event c Warning Failed: Failed to pull image \"c:1\": pull QPS exceeded", &[0.5]);
    run.expect("c/app Waiting ErrImagePull", &[0.5]);
    // One after the other nobody is too fast: 1.5 s each.
    let serial = "registry_pull_qps = 1\nregistry_burst = 1";
    Scene::new(&three_pods()).setting(serial).lasts("20s").run().expect("c/app Running", &[5.25]);
}

/// A node with a disk of 1 GB, whose kubelet starts at 10 s: it looks after images at 10, 310, 610, ... Each pod is bound to
/// it at its time, works so long, and has an image of its own with so many megabytes. Evictions are for memory alone.
fn collected(keys: &str, pods: &[(&str, u32, &str, u32)]) -> Scene {
    let node =
        "[[node_pool]]\nname = \"node\"\ncapacity = { cpu = \"8\", memory = \"8Gi\", ephemeral-storage = \"1G\" }\n";
    let settings = "[control_plane.eviction]\nhard = { \"memory.available\" = \"100Mi\" }\n";
    let mut scene = Scene::new(&pod("none", "containers: [{name: app, image: 'n:1'}], nodeSelector: {no: where}"))
        .nodes(node)
        .with("[[fault]]\nkind = \"node-crash\"\nat = \"1s\"\nfor = \"9s\"\nnode = \"node-0\"")
        .with(settings)
        .with(keys);
    for (name, at, run, megabytes) in pods {
        let file = format!("{name}.yaml");
        let spec = format!("nodeName: node-0, restartPolicy: Never, containers: [{{name: app, image: '{name}:1'}}]");
        scene = scene
            .with(&format!("[[change]]\nat = \"{at}s\"\napply = \"{file}\""))
            .with(&format!("[[behavior]]\nselect = {{ name = \"{name}\" }}\nrun = \"{run}\""))
            .with(&format!("[[image]]\nname = \"{name}:1\"\nsize = \"{megabytes}M\""))
            .file(&file, &pod(name, &spec));
    }
    scene
}

/// Which images are on the node right before and right after a time.
fn around(run: &mut Run, seconds: f64) -> [String; 2] {
    [seconds - 0.001, seconds].map(|seconds| {
        run.until(seconds);
        let (node, _) = run.sim.cluster().nodes().entries().next().expect("it exists");
        let plan = run.sim.plan();
        let name = |image| plan.strings.text(plan.images[image].name).trim_end_matches(":1").to_owned();
        let mut names: Vec<String> = run.sim.kubelets().images(node).map(name).collect();
        names.sort();
        names.concat()
    })
}

/// `imageMaximumGCAge` of 10 min. a works until 420 s: the look at 310 is the last that sees its image in use. At 910 that
/// is 10 min ago, which is not more, so it goes at 1210. No look sees b's image (320 to 330 s) in use: its age counts from the
/// kubelet's start, and at 610 that is 10 min ago; it goes at 910. c's goes at 1210 as soon as it is found. d keeps its own.
#[test]
fn images_that_nobody_used_for_long_are_removed() {
    let pods = [("a", 20, "400s", 100), ("b", 320, "10s", 100), ("c", 1000, "10s", 100), ("d", 20, "forever", 100)];
    let scene = collected("[control_plane.image_gc]\nmaximum_age = \"10m\"", &pods).lasts("1h");
    let mut run = scene.start();
    assert_eq!(around(&mut run, 610.0), ["abd", "abd"]);
    assert_eq!(around(&mut run, 910.0), ["abd", "ad"]);
    assert_eq!(around(&mut run, 1210.0), ["acd", "d"]);
    assert_eq!(around(&mut run, 3600.0), ["d", "d"]);
}

/// The thresholds of 85 and 80 %. At 610 800 MB are used: 80 %. At 910 900 are, and 100 of 1000 must go: b's image, as no
/// look saw it in use, while one saw a's at 310. At 1210 900 are used again and a's goes. At 1510 850 are used, but g's image
/// is found only then; at 1810 it is 5 min old. At 2110 900 are used, and i's 20 MB were found only then; at 2410 they go
/// and are too little.
#[test]
fn images_make_room_on_a_disk_that_fills_up() {
    let pods = [
        ("a", 20, "380s", 300),
        ("b", 30, "170s", 300),
        ("c", 40, "forever", 200),
        ("d", 700, "forever", 100),
        ("f", 1000, "forever", 300),
        ("g", 1300, "10s", 250),
        ("h", 1900, "forever", 280),
        ("i", 1910, "10s", 20),
    ];
    let mut run = collected("", &pods).lasts("1h").start();
    assert_eq!(around(&mut run, 610.0), ["abc", "abc"]);
    assert_eq!(around(&mut run, 910.0), ["abcd", "acd"]);
    assert_eq!(around(&mut run, 1210.0), ["acdf", "cdf"]);
    assert_eq!(around(&mut run, 1510.0), ["cdfg", "cdfg"]);
    assert_eq!(around(&mut run, 1810.0), ["cdfg", "cdf"]);
    assert_eq!(around(&mut run, 2110.0), ["cdfhi", "cdfhi"]);
    assert_eq!(around(&mut run, 2410.0), ["cdfhi", "cdfh"]);
    run.until(3600.0);
    let text = "event node-0 Warning FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to \
                free 100000000 bytes, but only found 20000000 bytes eligible to free.";
    run.expect(text, &[2410.0]);
}
