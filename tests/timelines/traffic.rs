//! Requests: conservation, sharing, fallbacks, load balancers, capacity (spec 3.6).

use crate::support::{Scene, pod, within};
use podsim::sim::Simulation;

const WEB: &str = "containers: [{name: app, image: 'i:1', ports: [{name: http, containerPort: 80}]}]";

fn service(rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: svc}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]{rest}}}\n---\n"
    )
}

fn web(name: &str, spec: &str) -> String {
    pod(name, spec).replace(&format!("app: {name}"), "app: web")
}

fn close(a: f64, b: f64) {
    within(a, b - 1e-6, b + 1e-6);
}

/// Served and failed together are the integral of the rate, whatever happens; recording changes nothing.
#[test]
fn requests_are_conserved() {
    let sections = "[[traffic]]\nservice = \"svc\"\nsteps = [{ at = \"0s\", rate = \"10/s\" }, { at = \"100s\", rate = \"40/s\" }, { at = \"400s\", rate = \"1/s\" }]\n\
                    [[behavior]]\ncrash = { mtbf = \"1m\" }\nstartup = \"2s\"";
    let yaml = service("") + &web("a", WEB) + &web("b", WEB);
    for seed in 1..=5 {
        let scene = Scene::new(&yaml).with(sections).control_plane("").seed(seed);
        let (outcome, _) = scene.run().outcome();
        let [svc] = outcome.services[..] else { panic!("one service") };
        // 100 * 10 + 300 * 40 + 200 * 1.
        close(svc.served + svc.failed, 13_200.0);
        assert!(svc.failed > 0.0 && svc.served > 6_000.0, "{svc:?}");
        let off = Simulation::new(scene.plan()).run();
        assert_eq!((off.digest, off.services), (outcome.digest, outcome.services));
    }
}

/// The diurnal curve: its mean over a day is the middle between least and peak.
#[test]
fn a_day_of_diurnal_traffic_has_the_mean_rate() {
    let sections =
        "[[traffic]]\nservice = \"svc\"\ndiurnal = { min = \"20/s\", peak = \"200/s\", peak_at = \"14:00\" }";
    let (outcome, _) = Scene::new(&(service("") + &web("a", WEB))).with(sections).lasts("24h").run().outcome();
    let svc = outcome.services[0];
    within(svc.served + svc.failed, 110.0 * 86_400.0 * 0.9999, 110.0 * 86_400.0 * 1.0001);
    // Nothing is served until the pod runs at 2.25.
    within(svc.failed, 2.25 * 20.0, 2.25 * 200.0);
}

/// 3.6: ready endpoints share evenly; one that stops serving gets requests, which fail, until the proxies know.
#[test]
fn endpoints_share_and_proxies_lag() {
    let sections = "[[traffic]]\nservice = \"svc\"\nrate = \"30/s\"\n\
                    [[fault]]\nkind = \"container-outage\"\nat = \"100s\"\nfor = \"10m\"\npod = \"b\"\ncontainer = \"app\"";
    let yaml = service("") + &web("a", WEB) + &web("b", WEB) + &web("c", WEB);
    let scene = Scene::new(&yaml).with(sections).lasts("200s").setting("endpoint_slice = \"4s\"");
    let run = scene.run();
    // Pulls are serial: a runs at 2.25 (others wait for their turn: 2.75 and 3.25). The proxies know 4 s after the first
    // change, of all that is known then: a alone at 6.25 .. or all three.
    run.expect("service svc 1/1", &[2.25]).expect("service svc 3/3", &[3.25]).expect("service svc 2/2", &[2.75, 100.0]);
    let (outcome, _) = run.outcome();
    // No endpoints until 6.25; then three. b is down from 100 on: a third fails for the 4 s until 104.
    close(outcome.services[0].failed, 6.25 * 30.0 + 4.0 * 10.0);
    close(outcome.services[0].served + outcome.services[0].failed, 6000.0);
    close(outcome.services[0].degraded_seconds, 10.25);
}

/// 3.6: without ready endpoints those are used that are terminating but still serve.
#[test]
fn terminating_pods_serve_when_none_is_ready() {
    let sections = "[[traffic]]\nservice = \"svc\"\nrate = \"10/s\"\n\
                    [[behavior]]\non_terminate = { after = \"20s\", exit_code = 0 }\n\
                    [[change]]\nat = \"100s\"\ndelete = \"Pod/a\"";
    let run = Scene::new(&(service("") + &web("a", WEB))).with(sections).lasts("200s").run();
    run.expect("service svc 0/1", &[100.0]).expect("service svc 0/0", &[120.0]);
    let (outcome, _) = run.outcome();
    close(outcome.services[0].served, (120.0 - 2.25) * 10.0);
}

/// A load balancer has no address at first: requests come from outside, so they fail until then.
#[test]
fn a_load_balancer_takes_time() {
    let sections = "[[traffic]]\nservice = \"svc\"\nrate = \"10/s\"";
    let scene = Scene::new(&(service(", type: LoadBalancer") + &web("a", WEB))).with(sections).lasts("200s");
    let run = scene.setting("load_balancer = \"50s\"").run();
    run.expect("service svc address", &[50.0]).expect("event service Normal EnsuredLoadBalancer", &[50.0]);
    let (outcome, _) = run.outcome();
    close(outcome.services[0].served, 1500.0);
    close(outcome.services[0].failed, 500.0);
}

/// A container serves what its cpu limit allows: (200m - 20m) / 10m = 18 requests a second each.
#[test]
fn a_cpu_limit_caps_what_is_served() {
    let spec = WEB.replace("image: 'i:1'", "image: 'i:1', resources: {limits: {cpu: 200m}}");
    let sections = "[[traffic]]\nservice = \"svc\"\nrate = \"100/s\"\n\
                    [[behavior]]\ncpu = { base = \"20m\", per_request = \"10m\" }";
    let yaml = service("") + &web("a", &spec) + &web("b", &spec);
    let mut run = Scene::new(&yaml).with(sections).lasts("102750ms").start();
    run.until(100.0);
    assert_eq!(run.sim.kubelets().usage(run.sim.plan(), run.sim.now()).0, 400, "both at their limits");
    let (outcome, _) = run.outcome();
    // a serves from 2.25, b from 2.75 on.
    close(outcome.services[0].served, 100.5 * 18.0 + 100.0 * 18.0);
}

/// Memory grows with the requests: more traffic, an OOM kill at the moment the limit is crossed.
#[test]
fn traffic_can_kill() {
    let spec = WEB.replace("image: 'i:1'", "image: 'i:1', resources: {limits: {memory: 100Mi}}");
    let sections = "[[traffic]]\nservice = \"svc\"\nsteps = [{ at = \"0s\", rate = \"10/s\" }, { at = \"60s\", rate = \"50/s\" }]\n\
                    [[behavior]]\nmemory = { base = \"20Mi\", per_request = \"2Mi\" }";
    let run = Scene::new(&(service("") + &web("a", &spec))).with(sections).lasts("61s").run();
    // 20 + 2 * 10 = 40; 20 + 2 * 50 = 120. The next instance serves from 60.25 and needs 0.1 s to touch its pages.
    run.expect("a/app Terminated OOMKilled 137", &[60.0, 60.35]);
}

/// 3.6: a pod without a port of the target's name is left out.
#[test]
fn a_pod_without_the_named_port_gets_nothing() {
    let nameless = WEB.replace("name: http, ", "");
    let sections = "[[traffic]]\nservice = \"svc\"\nrate = \"10/s\"";
    let yaml = service("") + &web("a", WEB) + &web("b", &nameless);
    let (outcome, _) = Scene::new(&yaml).with(sections).lasts("102250ms").run().outcome();
    close(outcome.services[0].served, 1000.0);
}

/// A Service whose port nobody listens on has endpoints that refuse.
#[test]
fn nobody_listens_on_the_port() {
    let sections = "[[traffic]]\nservice = \"svc\"\nrate = \"10/s\"\n[[behavior]]\nlistens = [81]";
    let (outcome, _) = Scene::new(&(service("") + &web("a", WEB))).with(sections).lasts("100s").run().outcome();
    close(outcome.services[0].failed, 1000.0);
}
