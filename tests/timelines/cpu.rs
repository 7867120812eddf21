//! CPU time: shares, quotas, contention (spec 4.4).

use crate::support::{Scene, pod, within};
use podsim::base::id::DenseId;
use podsim::record::Fact;

const TWO_CORES: &str = r#"
[[node_pool]]
name = "node"
capacity = { cpu = "2", memory = "8Gi" }
"#;

fn job(name: &str, resources: &str) -> String {
    let spec = format!(
        "nodeName: node-0, restartPolicy: Never, containers: [{{name: app, image: 'i:1', imagePullPolicy: Never, \
         resources: {resources}}}]"
    );
    pod(name, &spec.replace("imagePullPolicy: Never, ", ""))
}

fn behavior(name: &str, keys: &str) -> String {
    format!("[[behavior]]\nselect = {{ name = \"{name}\" }}\n{keys}\n")
}

/// A process that wants 500m and may use 200m works at 40 % of its speed: 10 s of start-up take 25, 60 s of work 150.
#[test]
fn a_quota_stretches_start_up_and_work() {
    let yaml = job("slow", "{requests: {cpu: 100m}, limits: {cpu: 200m}}");
    let sections = behavior("slow", "startup = \"10s\"\nrun = \"60s\"\ncpu = { base = \"500m\" }");
    let run = Scene::new(&yaml).nodes(TWO_CORES).with(&sections).run();
    run.expect("slow/app Running", &[2.25]).expect("slow/app Terminated Completed 0", &[2.25 + 175.0]);
}

/// Two processes want two cores each on a machine with two. `a` has 300m requested, `b` 100m: shares 307 and 102, so `a`
/// gets 307/409 of two cores. `a` runs from 2.25 alone at full speed, from 2.75 on with `b`. It has 59.5 s of work left,
/// which take 59.5 * 409/307 = 79.27 s; then `b` is alone.
#[test]
fn containers_share_by_weight_and_the_rest_of_the_work_takes_longer() {
    let yaml = job("a", "{requests: {cpu: 300m}}") + &job("b", "{requests: {cpu: 100m}}");
    let sections = behavior("*", "run = \"60s\"\ncpu = { base = \"2\" }");
    let run = Scene::new(&yaml).nodes(TWO_CORES).with(&sections).run();
    let a = 2.75 + 59.5 * 409.0 / 307.0;
    let b = a + 60.0 - (a - 2.75) * 102.0 / 409.0;
    let ended = |name: &str| run.time(&format!("{name}/app Terminated Completed 0"));
    within(ended("a"), a - 0.001, a + 0.001);
    within(ended("b"), b - 0.001, b + 0.001);
}

/// Who fits is not slowed by others, and a machine with enough for all slows nobody.
#[test]
fn only_those_who_want_more_than_their_part_are_slowed() {
    let yaml = job("big", "{requests: {cpu: '1'}}") + &job("small", "{requests: {cpu: '1'}}");
    let sections = behavior("big", "run = \"60s\"\ncpu = { base = \"3\" }")
        + &behavior("small", "run = \"60s\"\ncpu = { base = \"500m\" }");
    let run = Scene::new(&yaml).nodes(TWO_CORES).with(&sections).run();
    run.expect("small/app Terminated Completed 0", &[62.75]);
    // Two thirds of its speed for the first half second, then half of it until 62.75, then two thirds again.
    let left = 60.0 - 0.5 * 2.0 / 3.0 - 60.0 * 0.5;
    within(run.time("big/app Terminated Completed 0"), 62.75 + left * 1.5 - 0.001, 62.75 + left * 1.5 + 0.001);
    let fits = behavior("*", "run = \"60s\"\ncpu = { base = \"1\" }");
    let run = Scene::new(&yaml).nodes(TWO_CORES).with(&fits).run();
    run.expect("big/app Terminated Completed 0", &[62.25]).expect("small/app Terminated Completed 0", &[62.75]);
}

/// Two servers without limits on two cores, 150 requests a second for each at 10m: three cores would be needed. Equal
/// weights share: 100 requests a second each, the rest fails.
#[test]
fn servers_on_a_full_machine_serve_what_their_part_allows() {
    let server = |name: &str| {
        let spec = "nodeName: node-0, containers: [{name: app, image: 'i:1', ports: [{containerPort: 80}], \
                    resources: {requests: {cpu: 500m}}}]";
        pod(name, spec)
    };
    let service = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}\n"
        )
    };
    let yaml = server("left") + &server("right") + &service("left") + &service("right");
    let sections = behavior("*", "cpu = { per_request = \"10m\" }")
        + "[[traffic]]\nservice = \"left\"\nrate = \"150/s\"\n[[traffic]]\nservice = \"right\"\nrate = \"150/s\"\n";
    let run = Scene::new(&yaml).nodes(TWO_CORES).with(&sections).lasts("102750ms").run();
    let (outcome, _) = run.outcome();
    // `left` serves from 2.25 on: half a second alone, all it is asked; then 100 a second each until 102.75.
    within(outcome.services[0].served, 0.5 * 150.0 + 100.0 * 100.0 - 1.0, 0.5 * 150.0 + 100.0 * 100.0 + 1.0);
    within(outcome.services[1].served, 100.0 * 100.0 - 1.0, 100.0 * 100.0 + 1.0);
}

/// What a limit keeps from a process is counted in CPU time. The first wants 500m and may use 200m: 0.3 cores for the 175 s
/// that its work takes, or for 100 s if the run ends then; 10 s if the machine stops. The second wants 3 cores from 2.25 on and
/// may use 1.5 of two. At 22.75 another one begins that asks for as much and has nine times its shares: from then on it is not
/// its limit that keeps it back.
#[test]
fn what_limits_keep_back_is_counted() {
    let alone = job("slow", "{requests: {cpu: 100m}, limits: {cpu: 200m}}");
    let sections = behavior("slow", "startup = \"10s\"\nrun = \"60s\"\ncpu = { base = \"500m\" }");
    let crash = "[[fault]]\nkind = \"node-crash\"\nat = \"12250ms\"\nnode = \"node-0\"";
    for (more, lasts, seconds) in [("", "10m", 52.5), ("", "102250ms", 30.0), (crash, "1m", 3.0)] {
        let run = Scene::new(&alone).nodes(TWO_CORES).with(&sections).with(more).lasts(lasts).run();
        within(run.outcome().0.metrics["cpu_throttled_seconds"], seconds - 1e-6, seconds + 1e-6);
    }
    let two = job("two", "{requests: {cpu: 100m}, limits: {cpu: 1500m}}");
    let late = job("late", "{requests: {cpu: 900m}}");
    let sections =
        behavior("*", "run = \"10m\"\ncpu = { base = \"3\" }") + "[[change]]\nat = \"22s\"\napply = \"late.yaml\"";
    let run = Scene::new(&two).nodes(TWO_CORES).with(&sections).file("late.yaml", &late).lasts("5m").run();
    run.expect("two/app Running", &[2.25]).expect("late/app Running", &[22.75]);
    let (outcome, recording) = run.outcome();
    within(outcome.metrics["cpu_throttled_seconds"], 1.5 * 20.5 - 1e-6, 1.5 * 20.5 + 1e-6);
    let told = recording.every_fact().filter_map(|(_, fact)| match fact {
        Fact::CpuThrottled(pod, 0, nanoseconds) => Some((pod.index(), nanoseconds)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(0, 30_750_000_000)]);
}
