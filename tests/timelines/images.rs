//! Registries that do not answer: ErrImagePull and ImagePullBackOff in turn (spec 2.8).

use crate::support::{Scene, pod};

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
