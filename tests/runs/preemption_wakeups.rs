//! Random plans full of preemptions in which nothing takes time: pods come, are bound and are evicted at one instant. A pod
//! that would fit must not be left waiting: what made room for it has to have woken it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::support::{Run, Scene};
use podsim::model::PodId;
use podsim::scheduler::cycle::{Ask, Options, Outcome, schedule_one};
use podsim::scheduler::queue::Place;
use podsim::scheduler::scan::Scan;

/// Random numbers of the test's own.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).expect("few")]
    }
}

/// Pods of three priorities that come in groups at few instants, to nodes that are too small for all of them.
fn scene(seed: u64, is_async: bool) -> Scene {
    let mut dice = Dice(seed);
    let priorities: String = [("low", 1), ("mid", 50), ("high", 100)]
        .iter()
        .map(|(name, value)| {
            format!(
                "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: {value}\n---\n"
            )
        })
        .collect();
    let nodes = 1 + dice.below(3);
    let mut scene = Scene::new(&priorities)
        .nodes(&format!(
            "[[node_pool]]\nname = \"node\"\ncount = {nodes}\ncapacity = {{ cpu = \"2\", memory = \"8Gi\" }}\n"
        ))
        .control_plane("[control_plane]\npreset = \"instant\"\n")
        .with(&format!("[control_plane.scheduler]\nasync_preemption = {is_async}"))
        .seed(seed)
        .lasts("4m");
    let mut number = 0;
    for group in 0..12 {
        let at = 5 + 3 * group + dice.below(4);
        let mut text = String::new();
        for _ in 0..=dice.below(5) {
            number += 1;
            let class = dice.one(&["low", "low", "mid", "high"]);
            let cpu = dice.one(&["300m", "700m", "1", "1500m", "2"]);
            let grace = dice.one(&["0", "1", "7"]);
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p-{number}}}\nspec: {{priorityClassName: {class}, \
                 restartPolicy: Never, terminationGracePeriodSeconds: {grace}, containers: [{{name: app, image: 'i:1', \
                 resources: {{requests: {{cpu: '{cpu}'}}}}}}]}}\n---"
            );
            let run = dice.one(&["1s", "4s", "20s", "60s"]);
            let stop = dice.one(&["on_terminate = \"ignore\"", ""]);
            scene = scene.with(&format!("[[behavior]]\nselect = {{ name = \"p-{number}\" }}\nrun = \"{run}\"\n{stop}"));
        }
        let file = format!("{group}.yaml");
        scene = scene.with(&format!("[[change]]\nat = \"{at}s\"\napply = [\"{file}\"]\n")).file(&file, &text);
    }
    scene
}

/// Pods that wait for an event although a node takes them.
fn forgotten(run: &Run) -> Vec<(PodId, u32)> {
    let scheduler = run.sim.scheduler();
    let waiting =
        scheduler.queue().pods().filter(|(info, place)| *place == Place::Unschedulable && info.gate.is_none());
    waiting
        .filter(|(info, _)| {
            let mut view = scheduler.view().clone();
            let nominated = view.clear_nomination(info.pod).map(|(_, node)| node);
            let ask = Ask { class: info.class, nominated };
            let decision = schedule_one(&mut view, &mut Scan, ask, &Options::default(), 0);
            matches!(decision.outcome, Outcome::Placed(_))
        })
        .map(|(info, _)| (info.pod, info.attempts))
        .collect()
}

#[test]
fn nobody_who_fits_is_left_waiting() {
    let (mut preempted, mut waited) = (0, 0);
    for seed in 0..30 {
        for is_async in [true, false] {
            let mut run = scene(seed, is_async).start();
            // When a pod was first found forgotten, in halves of seconds.
            let mut since: BTreeMap<(PodId, u32), u32> = BTreeMap::new();
            for half in 0..480 {
                run.until(f64::from(half) / 2.0 + 0.25);
                let now = forgotten(&run);
                since.retain(|pod, _| now.contains(pod));
                for pod in now {
                    let first = *since.entry(pod).or_insert(half);
                    assert!(
                        half - first < 4,
                        "seed {seed}, async {is_async}: {pod:?} fits since {first} halves, now {half}"
                    );
                }
                waited += run.sim.scheduler().queue_lengths().2;
            }
            preempted += run.sim.counters().pods_preempted;
        }
    }
    assert!(preempted > 150 && waited > 1000, "{preempted} were preempted, {waited} waited");
}
