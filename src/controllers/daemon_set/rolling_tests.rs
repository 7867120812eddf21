//! Updates of DaemonSets over random histories: every node gets its new pod, without a surge no more than allowed are
//! taken away, with one no node is ever without an available pod that it had.

use proptest::prelude::*;

use super::*;
use crate::base::SimTime;
use crate::base::id::DenseId;
use crate::controllers::daemon_set::placement::{self, Placement};
use crate::model::NodeId;
use crate::model::status::Phase;

type Pod = DaemonPod<u32>;

fn node_id(at: usize) -> NodeId {
    NodeId::from_index(at)
}

fn pod(key: u32, updated: bool, available: bool) -> Pod {
    Pod {
        key,
        updated,
        scheduled: true,
        phase: Phase::Running,
        ready: available,
        available,
        terminating: false,
        created: SimTime(i64::from(key)),
    }
}

const FOR_ALL: Placement = Placement { should_run: true, should_continue: true };

struct World {
    nodes: Vec<Vec<Pod>>,
    made: u32,
}

impl World {
    fn views(&self) -> Vec<DaemonNode<'_, u32>> {
        let each = self.nodes.iter().enumerate();
        each.map(|(at, pods)| DaemonNode { node: node_id(at), placement: FOR_ALL, pods }).collect()
    }

    fn carry_out(&mut self, changes: &Changes<u32>) {
        for pod in self.nodes.iter_mut().flatten().filter(|pod| changes.delete.contains(&pod.key)) {
            pod.terminating = true;
        }
        for node in &changes.create {
            self.made += 1;
            self.nodes[node.index()].push(pod(self.made, true, false));
        }
    }

    fn sync(&mut self, limits: Limits) -> Changes<u32> {
        let mut changes = Changes::default();
        let surges = limits.surge > 0;
        self.views().iter().for_each(|node| placement::manage(node, surges, |_| true, &mut changes));
        self.carry_out(&changes);
        let update = rolling_update(self.views(), limits);
        self.carry_out(&update);
        update
    }

    fn available(&self) -> usize {
        let serves = |pods: &&Vec<Pod>| pods.iter().any(|pod| pod.available && !pod.terminating);
        self.nodes.iter().filter(serves).count()
    }
}

proptest! {
    #[test]
    fn an_update_ends_and_keeps_to_its_limits(
        nodes in 1..20usize,
        surge in 0..4usize,
        unavailable in 0..4usize,
        history in prop::collection::vec((any::<u8>(), 0..3u8), 0..60),
    ) {
        let limits = match surge {
            0 => Limits { surge, unavailable: unavailable.max(1) },
            _ => Limits { surge, unavailable: 0 },
        };
        let made = u32::try_from(nodes).unwrap();
        let mut world = World { nodes: (0..made).map(|key| vec![pod(key, false, true)]).collect(), made };
        let calm = std::iter::repeat_n(None, 4 * nodes + 4);
        for event in history.into_iter().map(Some).chain(calm) {
            match event {
                Some((choice, what)) => {
                    let pods = &mut world.nodes[usize::from(choice) % nodes];
                    match what {
                        0 => pods.retain(|pod| !pod.terminating),
                        _ => pods.iter_mut().filter(|pod| !pod.terminating).for_each(|pod| (pod.ready, pod.available) = (true, true)),
                    }
                }
                None => {
                    for pods in &mut world.nodes {
                        pods.retain(|pod| !pod.terminating);
                        pods.iter_mut().for_each(|pod| (pod.ready, pod.available) = (true, true));
                    }
                }
            }
            world.sync(limits);
            prop_assert!(world.available() + limits.unavailable >= nodes);
            let two = |pods: &&Vec<Pod>| pods.iter().filter(|pod| !pod.terminating).count() > 1;
            prop_assert!(world.nodes.iter().filter(two).count() <= limits.surge);
        }
        let done = |pods: &Vec<Pod>| pods.len() == 1 && pods[0].updated && !pods[0].terminating;
        prop_assert!(world.nodes.iter().all(done), "{:?}", world.nodes);
    }
}

#[test]
fn pods_that_serve_nobody_go_at_once() {
    let pods = [[pod(0, false, false)], [pod(1, false, false)], [pod(2, false, true)]];
    let node = |at: usize| DaemonNode { node: node_id(at), placement: FOR_ALL, pods: &pods[at] };
    let changes = rolling_update((0..3).map(node), Limits { surge: 0, unavailable: 1 });
    assert_eq!((changes.delete, changes.create), (vec![0, 1], vec![]));
}

#[test]
fn a_node_that_is_no_longer_wanted_keeps_its_pod_until_another_serves() {
    let unwanted = Placement { should_run: false, should_continue: true };
    let (old, new) = ([pod(0, false, true)], [pod(1, true, false)]);
    let nodes = |new| {
        let old = DaemonNode { node: node_id(0), placement: unwanted, pods: &old[..] };
        [old, DaemonNode { node: node_id(1), placement: FOR_ALL, pods: new }]
    };
    let limits = Limits { surge: 1, unavailable: 0 };
    assert_eq!(rolling_update(nodes(&new[..]), limits).delete, [0u32; 0]);
    let new = [pod(1, true, true)];
    assert_eq!(rolling_update(nodes(&new[..]), limits).delete, [0]);
}

#[test]
fn limits_round_up_and_never_stop_everything() {
    let of = |surge: &str, unavailable: &str, desired| {
        limits(&IntOrPercent::parse(surge), &IntOrPercent::parse(unavailable), desired).unwrap()
    };
    assert_eq!(of("0", "10%", 11), Limits { surge: 0, unavailable: 2 });
    assert_eq!(of("0%", "0", 5), Limits { surge: 0, unavailable: 1 });
    assert_eq!(of("30%", "0", 1), Limits { surge: 1, unavailable: 0 });
    assert!(allows_surge(&IntOrPercent::parse("1%")) && !allows_surge(&IntOrPercent::parse("0")));
}
