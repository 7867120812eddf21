//! Being quiet changes nothing that can be seen. The same runs, once with pods that are quiet whenever they can be, and once
//! with pods that listen on a port that nobody asks and are therefore never quiet: the same facts at the same times in the
//! same order, the same samples, the same pods in the end. Only the calendar has more to do.

use std::io;
use std::path::Path;

use podsim::base::{SimDuration, SimTime};
use podsim::record::{Recording, SamplesOnly};
use podsim::sim::{Outcome, Plan, Simulation};

/// Pods that run once, some of which fail; pods that are started again; pods that go on. Nodes become full, run short of
/// memory, crash and are shut down; pods are deleted and killed on every stage of their lives.
fn scenario(seed: u64, is_loud: bool) -> String {
    let listens = if is_loud { "listens = [80]" } else { "" };
    let limits = ["none", "requests"][usize::from(!seed.is_multiple_of(3))];
    let cpu = ["100m", "700m"][usize::from(seed.is_multiple_of(2))];
    let leak = if seed % 4 == 1 { "memory = { base = \"100Mi\", leak = \"3Mi/s\" }" } else { "" };
    let mut text = format!(
        r#"
[scenario]
duration = "15m"
seed = {seed}
manifests = ["named.yaml"]
[control_plane]
shutdown_grace = "20s"
[[node_pool]]
name = "node"
count = 3
capacity = {{ cpu = "8", memory = "8Gi", pods = 40 }}
[[arrivals]]
name = "once"
every = "1300ms"
count = 300
ttl_after_finished = "20s"
template = {{ cpu = "{cpu}", memory = "200Mi", limits = "{limits}" }}
[[arrivals]]
name = "again"
every = "11s"
count = 40
template = {{ cpu = "100m", memory = "50Mi", limits = "{limits}", restart_policy = "OnFailure" }}
[[arrivals]]
name = "stays"
every = "60s"
count = 10
template = {{ cpu = "50m", memory = "50Mi", restart_policy = "Always" }}
[[behavior]]
select = {{ name = "once" }}
run = {{ uniform = ["100ms", "40s"] }}
exit_codes = [0, 0, 3]
{leak}
{listens}
[[behavior]]
select = {{ name = "again" }}
run = "20s"
exit_codes = {codes}
{listens}
[[behavior]]
select = {{ name = "stays" }}
run = "forever"
{listens}
[[behavior]]
select = {{ name = "named*" }}
run = "1m"
{listens}
"#,
        codes = ["0", "[0, 1]"][usize::from(seed.is_multiple_of(5))],
    );
    let node = |at: u32| format!("node-{at}");
    let mut fault = |what: &str| text.push_str(&format!("[[fault]]\n{what}\n"));
    fault(&format!("kind = \"node-crash\"\nat = \"{}s\"\nfor = \"70s\"\nrandom = 1", 100 + seed * 7));
    fault(&format!("kind = \"node-shutdown\"\nat = \"{}s\"\nfor = \"2m\"\nrandom = 1", 400 + seed * 3));
    fault(&format!(
        "kind = \"container-kill\"\nat = \"{}ms\"\npod = \"once\"\ncontainer = \"main\"",
        61_000 + seed * 97
    ));
    fault(&format!(
        "kind = \"container-outage\"\nat = \"{}s\"\nfor = \"5s\"\npod = \"again\"\ncontainer = \"main\"",
        220 + seed
    ));
    text.push_str(&format!("[[change]]\nat = \"300s\"\ndrain = \"{}\"\nforce = true\n", node(2)));
    for number in 0..30 {
        // From a moment after its creation on, on a fine grid: before it is bound, in its sandbox, as it runs.
        let at = 40_000 + number * 9_000 + number * (60 + seed) + if number % 3 == 0 { 21_000 } else { 0 };
        let grace = ["", "grace = \"0s\"", "grace = \"5s\""][number as usize % 3];
        text.push_str(&format!("[[change]]\nat = \"{at}ms\"\ndelete = \"Pod/named-{number}\"\n{grace}\n"));
    }
    text
}

fn named() -> String {
    let of = |number: u64| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: named-{number}}}\nspec: {{restartPolicy: Never, containers: [{{name: \
             main, image: 'main:1', resources: {{requests: {{cpu: 10m, memory: 10Mi}}}}}}]}}\n---\n"
        )
    };
    (0..30).map(of).collect()
}

fn plan(scenario: &str) -> Plan {
    let read = |path: &Path| match path.to_str() {
        Some("named.yaml") => Ok(named()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let loaded = podsim::scenario::from_text("quiet.toml", scenario, &read);
    let told: Vec<String> = loaded.diagnostics.iter().map(|diagnostic| format!("{diagnostic:?}")).collect();
    loaded.plan.unwrap_or_else(|| panic!("{told:?}"))
}

#[test]
fn quiet_pods_do_what_the_others_do() {
    let (mut quiet_events, mut loud_events) = (0, 0);
    for seed in 0..8 {
        let run = |is_loud| Simulation::with_recorder(plan(&scenario(seed, is_loud)), Recording::new()).run_recorded();
        let ((quiet, quietly), (loud, loudly)) = (run(false), run(true));
        let facts = |of: &Recording| of.facts().iter().map(|fact| format!("{fact:?}")).collect::<Vec<_>>();
        let (a, b) = (facts(&quietly), facts(&loudly));
        let differs = a.iter().zip(&b).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| (&a[at], &b[at])), None, "seed {seed}: the first fact that differs");
        assert_eq!(a.len(), b.len(), "seed {seed}");
        assert_eq!(quietly.samples(), loudly.samples(), "seed {seed}");
        assert_eq!((&quiet.pods, &quiet.counters, quiet.writes), (&loud.pods, &loud.counters, loud.writes));
        assert_eq!(quiet.metrics, loud.metrics, "seed {seed}");
        (quiet_events, loud_events) = (quiet_events + quiet.events, loud_events + loud.events);
    }
    assert!(quiet_events * 10 < loud_events * 9, "{quiet_events} events are hardly less than {loud_events}");
}

fn gist(of: &Outcome) -> impl PartialEq + std::fmt::Debug + use<> {
    (of.digest, of.events, of.writes, format!("{:?}", of.pods), of.counters)
}

/// Where nobody records what happens between two messages of a plain pod, it is taken at once, and comes to the same.
#[test]
fn steps_that_nobody_records_come_to_the_same() {
    for seed in 8..40 {
        let plan = plan(&scenario(seed, false));
        let whole = Simulation::new(plan.clone()).run();
        let (recorded, _) = Simulation::with_recorder(plan, Recording::new()).run_recorded();
        assert_eq!(gist(&whole), gist(&recorded), "seed {seed}");
        assert_eq!(whole.metrics, recorded.metrics, "seed {seed}");
    }
}

/// Nobody who looks changes anything, however often.
#[test]
fn who_looks_at_quiet_pods_changes_nothing() {
    for seed in 0..8 {
        let plan = plan(&scenario(seed, false));
        let whole = Simulation::new(plan.clone()).run();
        let (recorded, facts) = Simulation::with_recorder(plan.clone(), Recording::new()).run_recorded();
        let (sampled, samples) = Simulation::with_recorder(plan.clone(), SamplesOnly::default()).run_recorded();
        assert_eq!(facts.samples(), samples.0.samples(), "seed {seed}");
        let mut stepped = Simulation::new(plan);
        let mut at = stepped.now();
        while at < SimTime(stepped.plan().start.0 + SimDuration::from_secs(900).0) {
            at += SimDuration::from_millis(170);
            stepped.run_until(at).expect("no limit");
            let (kubelets, plan) = (stepped.kubelets(), stepped.plan());
            assert_eq!(kubelets.miscounts(plan), Vec::<String>::new(), "seed {seed}, {at:?}");
            assert_eq!(kubelets.inconsistencies(plan, stepped.cluster()), Vec::<String>::new(), "seed {seed}, {at:?}");
        }
        for other in [recorded, sampled, stepped.run()] {
            assert_eq!(gist(&whole), gist(&other), "seed {seed}");
        }
    }
}
