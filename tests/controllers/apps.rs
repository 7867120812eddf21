//! Deployments, StatefulSets and DaemonSets in time, on plans made by hand. API writes take 10 ms, controllers see changes
//! after 20 ms.

use crate::app_support::{Apps, active, pods, rolling, run_to, sets};
use podsim::base::SimDuration;
use podsim::model::objects::{DeploymentSpec, DeploymentStatus, DeploymentStrategy, ObjectKind, ObjectSpec};
use podsim::model::plan::{ChangeKind, FaultKind, FaultPlan, NodeTarget};
use podsim::model::{ConditionStatus, Taint, TaintEffect};
use podsim::record::{Fact, KubeEvent, Recording};
use podsim::{Pod, Simulation};

fn web() -> Pod {
    Pod::new("web", "100m", "64Mi")
}

fn deployment(pod: Pod, replicas: i32, strategy: DeploymentStrategy) -> Apps {
    Apps::new(pod, 3, |apps| ObjectSpec::Deployment(apps.deployment(0, replicas, strategy)))
}

/// The texts of its events about scaling, with the second in which they came.
fn scalings(apps: Apps) -> Vec<(i64, String)> {
    let start = apps.plan.start;
    let (_, recording) = Simulation::with_recorder(apps.plan, Recording::new()).run_recorded();
    let facts = recording.facts().iter();
    let scalings = facts.filter_map(|(at, fact)| match fact {
        Fact::Event { event: KubeEvent::ScalingReplicaSet, note, .. } => {
            Some(((*at - start).whole_secs(), recording.note_text(*note).to_owned()))
        }
        _ => None,
    });
    scalings.collect()
}

fn status(simulation: &Simulation) -> DeploymentStatus {
    let objects = simulation.cluster().objects();
    objects.iter().find_map(|(_, row)| row.status.deployment().cloned()).expect("a status")
}

/// Spec 8.1: 25 % of 4 is a surge of 1 and 1 unavailable. The first sync makes one new pod and takes one old; what that frees
/// is given to the new ReplicaSet, and so on with every pod that becomes available.
#[test]
fn a_rolling_update_goes_step_by_step() {
    let mut apps = deployment(web(), 4, rolling("25%", "25%"));
    let next = apps.deployment(1, 4, rolling("25%", "25%"));
    apps.apply_at(60, ObjectSpec::Deployment(next));
    let found: Vec<String> = scalings(apps).into_iter().map(|(_, text)| text).collect();
    let expected = [
        "Scaled up replica set web-1 from 0 to 4",
        "Scaled up replica set web-2 from 0 to 1",
        "Scaled down replica set web-1 from 4 to 3",
        "Scaled up replica set web-2 from 1 to 2",
        "Scaled down replica set web-1 from 3 to 2",
        "Scaled up replica set web-2 from 2 to 3",
        "Scaled down replica set web-1 from 2 to 1",
        "Scaled up replica set web-2 from 3 to 4",
        "Scaled down replica set web-1 from 1 to 0",
    ];
    assert_eq!(found, expected);
}

/// The Deployment is seen at 20 ms, its ReplicaSet made at 30, seen at 50; pods in batches of 1 and 2 at 60 and 70.
#[test]
fn pods_of_a_deployment_come_by_way_of_its_replica_set() {
    let apps = deployment(web(), 3, rolling("25%", "25%"));
    let start = apps.plan.start;
    let (_, recording) = Simulation::with_recorder(apps.plan, Recording::new()).run_recorded();
    let created = recording.facts().iter().filter(|(_, fact)| matches!(fact, Fact::PodCreated(_)));
    let times: Vec<i64> = created.map(|(at, _)| (*at - start).0 / 1_000_000).collect();
    assert_eq!(times, [60, 70, 70]);
}

#[test]
fn a_complete_deployment_says_so() {
    let apps = deployment(web(), 3, rolling("25%", "25%"));
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 60);
    let status = status(&simulation);
    assert_eq!((status.replicas, status.updated_replicas, status.available_replicas), (3, 3, 3));
    let progressing = status.progressing.expect("a condition");
    assert_eq!((progressing.status, progressing.reason), (ConditionStatus::True, "NewReplicaSetAvailable"));
    assert_eq!(status.available.map(|found| found.reason), Some("MinimumReplicasAvailable"));
    let names = pods(&simulation);
    assert!(active(&names).iter().all(|name| name.starts_with("web-1-")), "{names:?}");
}

/// Recreate: no new pod as long as an old one is there, which takes until the old processes have ended.
#[test]
fn recreate_waits_for_the_last_old_pod() {
    let mut apps = deployment(web(), 3, DeploymentStrategy::Recreate);
    let next = apps.deployment(1, 3, DeploymentStrategy::Recreate);
    apps.apply_at(60, ObjectSpec::Deployment(next));
    let mut simulation = Simulation::new(apps.plan);
    let mut both = 0;
    for tenth in 0..1200 {
        let at = simulation.plan().start + SimDuration::from_millis(100 * tenth);
        simulation.run_until(at).expect("no limit");
        let pods = pods(&simulation);
        let of = |prefix: &str| pods.iter().filter(|pod| pod.name.starts_with(prefix)).count();
        both += usize::from(of("web-1-") > 0 && of("web-2-") > 0);
    }
    assert_eq!(both, 0);
    assert_eq!(sets(&simulation), [0, 3]);
    assert_eq!(active(&pods(&simulation)).len(), 3);
}

/// Spec 8.1: the deadline is 60 s after the last progress, which was the second new pod at about 61 s; the condition says so a
/// second later, and the rollout is not undone.
#[test]
fn a_rollout_that_cannot_go_on_times_out_and_still_can_be_corrected() {
    let mut apps = deployment(web(), 4, rolling("1", "0"));
    let slow = DeploymentSpec { progress_deadline_seconds: Some(60), ..apps.deployment(1, 4, rolling("1", "0")) };
    // The second template asks for a node that there is not.
    let class = apps.plan.templates[apps.templates[1]].class;
    let mut class = apps.plan.classes[class].clone();
    class.node_name = None;
    class.node_selector = Box::new([(apps.plan.strings.intern("disk"), apps.plan.strings.intern("none"))]);
    apps.plan.templates[apps.templates[1]].class = apps.plan.classes.push(class);
    apps.apply_at(60, ObjectSpec::Deployment(slow));
    let back = DeploymentSpec { progress_deadline_seconds: Some(60), ..apps.deployment(0, 4, rolling("1", "0")) };
    apps.apply_at(300, ObjectSpec::Deployment(back));
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 100);
    assert_eq!(status(&simulation).progressing.map(|found| found.reason), Some("ReplicaSetUpdated"));
    run_to(&mut simulation, 125);
    let progressing = status(&simulation).progressing.expect("a condition");
    assert_eq!((progressing.status, progressing.reason), (ConditionStatus::False, "ProgressDeadlineExceeded"));
    assert_eq!(sets(&simulation), [4, 1]);
    run_to(&mut simulation, 400);
    assert_eq!(sets(&simulation), [4, 0]);
    let progressing = status(&simulation).progressing.expect("a condition");
    assert_eq!((progressing.status, progressing.reason), (ConditionStatus::True, "NewReplicaSetAvailable"));
    let revisions: Vec<i64> = simulation
        .cluster()
        .objects()
        .iter()
        .filter_map(|(_, row)| row.spec.replica_set().map(|set| set.revision))
        .collect();
    assert_eq!(revisions, [3, 2], "the first template is the newest again");
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut apps = deployment(web(), 4, rolling("25%", "25%"));
    let paused = |apps: &mut Apps, replicas| DeploymentSpec {
        paused: true,
        ..apps.deployment(1, replicas, rolling("25%", "25%"))
    };
    let spec = paused(&mut apps, 4);
    apps.apply_at(60, ObjectSpec::Deployment(spec));
    let spec = paused(&mut apps, 6);
    apps.apply_at(120, ObjectSpec::Deployment(spec));
    let spec = apps.deployment(1, 6, rolling("25%", "25%"));
    apps.apply_at(180, ObjectSpec::Deployment(spec));
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 119);
    assert_eq!(sets(&simulation), [4]);
    assert_eq!(status(&simulation).progressing.map(|found| found.reason), Some("DeploymentPaused"));
    run_to(&mut simulation, 179);
    assert_eq!(sets(&simulation), [6]);
    run_to(&mut simulation, 300);
    assert_eq!(sets(&simulation), [0, 6]);
}

/// Spec 8.1: `minReadySeconds` of 30 lets each step take at least that long.
#[test]
fn pods_count_as_available_after_their_min_ready_seconds() {
    let mut apps = deployment(web(), 3, rolling("1", "0"));
    let next = DeploymentSpec { min_ready_seconds: 30, ..apps.deployment(1, 3, rolling("1", "0")) };
    apps.apply_at(60, ObjectSpec::Deployment(next));
    let steps: Vec<i64> =
        scalings(apps).into_iter().filter(|(_, text)| text.contains("Scaled down")).map(|(at, _)| at).collect();
    assert_eq!(steps.len(), 3);
    let gaps = [steps[0] - 60, steps[1] - steps[0], steps[2] - steps[1]];
    assert!(gaps.iter().all(|gap| (30..36).contains(gap)), "{gaps:?}");
}

#[test]
fn old_replica_sets_beyond_the_limit_are_deleted() {
    let of = |apps: &mut Apps, at| DeploymentSpec {
        revision_history_limit: Some(1),
        ..apps.deployment(at, 2, rolling("25%", "25%"))
    };
    let mut apps = Apps::new(web(), 3, |apps| ObjectSpec::Deployment(of(apps, 0)));
    for at in 1..3 {
        let spec = of(&mut apps, at);
        apps.apply_at(60 * at as i64, ObjectSpec::Deployment(spec));
    }
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 119);
    assert_eq!(sets(&simulation), [0, 2]);
    run_to(&mut simulation, 300);
    assert_eq!(sets(&simulation), [0, 2], "the first is gone");
    assert!(active(&pods(&simulation)).iter().all(|name| name.starts_with("web-3-")));
}

/// The machine of one of three pods is lost for good: after 40 s it is not ready, 5 minutes later its pod is deleted, and
/// replaced elsewhere at once.
#[test]
fn a_deployment_survives_the_loss_of_a_node() {
    let mut apps = deployment(web(), 3, rolling("25%", "25%"));
    let at = apps.plan.start + SimDuration::from_secs(60);
    let kind = FaultKind::NodeCrash(NodeTarget::Named(apps.plan.nodes[0].name));
    apps.plan.faults.push(FaultPlan { at, duration: None, kind });
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 59);
    let lost = pods(&simulation).iter().filter(|pod| pod.node.as_deref() == Some("n-0")).count();
    assert!(lost > 0, "a pod is on the node that is lost");
    run_to(&mut simulation, 600);
    let seen = pods(&simulation);
    assert_eq!(seen.iter().filter(|pod| pod.ready && !pod.deleting).count(), 3);
    assert_eq!(seen.iter().filter(|pod| pod.deleting).count(), lost, "nobody can say that its process has ended");
}

fn stateful_set(pod: Pod, replicas: i32, parallel: bool) -> Apps {
    Apps::new(pod, 3, |apps| ObjectSpec::StatefulSet(apps.stateful_set(0, replicas, parallel)))
}

#[test]
fn an_ordered_stateful_set_comes_and_goes_one_by_one() {
    let mut apps = stateful_set(web(), 3, false);
    apps.scale_at(60, 1);
    let mut simulation = Simulation::new(apps.plan);
    let mut most_unready = 0;
    for tenth in 0..600 {
        let at = simulation.plan().start + SimDuration::from_millis(100 * tenth);
        simulation.run_until(at).expect("no limit");
        most_unready = most_unready.max(pods(&simulation).iter().filter(|pod| !pod.ready).count());
    }
    assert_eq!(most_unready, 1);
    assert_eq!(active(&pods(&simulation)), ["web-0", "web-1", "web-2"]);
    run_to(&mut simulation, 200);
    assert_eq!(active(&pods(&simulation)), ["web-0"]);
}

#[test]
fn a_parallel_stateful_set_comes_in_batches() {
    let apps = stateful_set(web(), 7, true);
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 1);
    assert_eq!(active(&pods(&simulation)).len(), 7);
}

#[test]
fn a_stateful_set_is_updated_from_the_highest_ordinal_down_to_its_partition() {
    let mut apps = stateful_set(web(), 4, false);
    let mut next = apps.stateful_set(1, 4, false);
    next.partition = Some(2);
    apps.apply_at(60, ObjectSpec::StatefulSet(next));
    let last = apps.stateful_set(1, 4, false);
    apps.apply_at(600, ObjectSpec::StatefulSet(last));
    let mut simulation = Simulation::new(apps.plan);
    let mut order = Vec::new();
    for second in 0..1200 {
        run_to(&mut simulation, second);
        let seen = pods(&simulation);
        assert!(seen.windows(2).all(|pair| pair[0].name != pair[1].name), "{seen:?}");
        assert!(second < 60 || seen.iter().filter(|pod| pod.ready && !pod.deleting).count() >= 3, "one at a time");
        for pod in seen.iter().filter(|pod| pod.revision == 2) {
            if !order.contains(&pod.name) {
                order.push(pod.name.clone());
            }
        }
        if second == 599 {
            assert_eq!(order, ["web-3", "web-2"], "those below the partition stay");
        }
    }
    assert_eq!(order, ["web-3", "web-2", "web-1", "web-0"]);
}

/// Spec 8.3: the pod of a dead machine is marked for deletion and stays: there must never be two of one name. Only when the
/// node object is deleted is the pod gone, and made anew elsewhere.
#[test]
fn a_stateful_set_is_stuck_on_a_lost_node_until_the_node_is_deleted() {
    let mut apps = stateful_set(web(), 3, false);
    let name = apps.plan.nodes[0].name;
    let at = apps.plan.start + SimDuration::from_secs(60);
    let kind = FaultKind::NodeCrash(NodeTarget::Named(name));
    apps.plan.faults.push(FaultPlan { at, duration: None, kind });
    apps.change_at(1800, ChangeKind::DeleteNode(name));
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 59);
    let on_it = |pod: &&crate::app_support::Seen| pod.node.as_deref() == Some("n-0");
    let lost: Vec<String> = pods(&simulation).iter().filter(on_it).map(|pod| pod.name.clone()).collect();
    assert!(!lost.is_empty(), "a pod is on that node");
    run_to(&mut simulation, 1799);
    let stuck = pods(&simulation);
    assert_eq!(stuck.len(), 3);
    assert!(stuck.iter().all(|pod| pod.deleting == lost.contains(&pod.name)), "{stuck:?}");
    run_to(&mut simulation, 2000);
    let after = pods(&simulation);
    assert!(after.iter().all(|pod| pod.ready && !pod.deleting && pod.node.as_deref() != Some("n-0")), "{after:?}");
    assert_eq!(active(&after), ["web-0", "web-1", "web-2"]);
}

fn daemon_set(surge: &str, unavailable: &str) -> Apps {
    Apps::new(web(), 2, |apps| ObjectSpec::DaemonSet(apps.daemon_set(0, surge, unavailable)))
}

#[test]
fn a_daemon_set_has_one_pod_on_every_node_that_is_for_it() {
    let mut apps = daemon_set("0", "1");
    let (key, value) = (apps.plan.strings.intern("dedicated"), apps.plan.strings.intern("db"));
    let node = apps.plan.nodes[1].name;
    let taint = Taint { key, value, effect: TaintEffect::NoExecute };
    apps.change_at(60, ChangeKind::TaintNode { node, taint, add: true });
    apps.change_at(300, ChangeKind::TaintNode { node, taint, add: false });
    let mut simulation = Simulation::new(apps.plan);
    let nodes = |simulation: &Simulation| {
        let seen = pods(simulation);
        let mut nodes: Vec<String> = seen.into_iter().filter(|pod| pod.ready).filter_map(|pod| pod.node).collect();
        nodes.sort();
        nodes
    };
    run_to(&mut simulation, 59);
    assert_eq!(nodes(&simulation), ["n-0", "n-1", "n-2", "n-3"]);
    run_to(&mut simulation, 299);
    assert_eq!(nodes(&simulation), ["n-0", "n-2", "n-3"]);
    run_to(&mut simulation, 400);
    assert_eq!(nodes(&simulation), ["n-0", "n-1", "n-2", "n-3"]);
}

#[test]
fn a_daemon_set_is_updated_node_by_node_or_with_a_second_pod() {
    for (surge, unavailable, least, most) in [("0", "1", 3, 4), ("1", "0", 4, 5)] {
        let mut apps = daemon_set(surge, unavailable);
        let next = apps.daemon_set(1, surge, unavailable);
        apps.apply_at(60, ObjectSpec::DaemonSet(next));
        let mut simulation = Simulation::new(apps.plan);
        run_to(&mut simulation, 59);
        for tenth in 590..3000 {
            let at = simulation.plan().start + SimDuration::from_millis(100 * tenth);
            simulation.run_until(at).expect("no limit");
            let seen = pods(&simulation);
            assert!(seen.iter().filter(|pod| pod.ready && !pod.deleting).count() >= least, "{seen:?}");
            assert!(active(&seen).len() <= most, "{seen:?}");
        }
        let seen = pods(&simulation);
        assert!(seen.len() == 4 && seen.iter().all(|pod| pod.ready && pod.revision == 2), "{seen:?}");
    }
}

/// What it owns goes with an object.
#[test]
fn deleting_a_deployment_deletes_its_pods() {
    let mut apps = deployment(web(), 3, rolling("25%", "25%"));
    let (namespace, name) = (apps.plan.objects[0].namespace, apps.plan.objects[0].name);
    apps.change_at(60, ChangeKind::DeleteObject(ObjectKind::Deployment, namespace, name));
    let mut simulation = Simulation::new(apps.plan);
    run_to(&mut simulation, 300);
    assert_eq!((pods(&simulation).len(), simulation.cluster().objects().iter().count()), (0, 0));
}

/// With `Retain` a claim stays when its pod is given up, with `Delete` it goes.
#[test]
fn claims_are_made_before_pods_and_go_as_the_policy_says() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: \
                 [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    for (deletes, expected) in [(false, vec!["data-web-0", "data-web-1"]), (true, vec!["data-web-0"])] {
        let mut apps = stateful_set(web(), 2, false);
        let read = |_: &std::path::Path| Ok(claim.to_owned());
        let text = "[scenario]\nduration = \"1h\"\nmanifests = [\"claim.yaml\"]\n[[node_pool]]\nname = \"n\"\n\
                    count = 1\ncapacity = { cpu = \"1\", memory = \"1Gi\" }\n";
        let other = podsim::scenario::from_text("claims.toml", text, &read).plan.expect("a plan");
        let storage = other.storage.iter().find_map(|object| match object {
            podsim::model::StorageObject::Claim(claim) => Some(claim.clone()),
            _ => None,
        });
        let name = apps.plan.strings.intern("data");
        let claim = podsim::model::objects::ClaimTemplate { name, claim: storage.expect("a claim") };
        if let ObjectSpec::StatefulSet(spec) = &mut apps.plan.objects[0].spec {
            spec.claims = Box::new([claim]);
            spec.delete_claims_when_scaled = deletes;
        }
        apps.scale_at(60, 1);
        let mut simulation = Simulation::new(apps.plan);
        let names = |simulation: &Simulation| {
            let strings = &simulation.plan().strings;
            let claims = simulation.cluster().storage().claims();
            let mut names: Vec<String> = claims.map(|claim| strings.text(claim.name.name).to_owned()).collect();
            names.sort();
            names
        };
        run_to(&mut simulation, 59);
        assert_eq!(names(&simulation), ["data-web-0", "data-web-1"]);
        run_to(&mut simulation, 200);
        assert_eq!(names(&simulation), expected);
    }
}
