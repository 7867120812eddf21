//! Whole runs of random plans, with everything that can go wrong going wrong. What must hold in any cluster is checked on
//! the way and at the end, from outside: through what the simulation shows of its three owners of truth.

macro_rules! ensure {
    ($holds:expr, $sim:expr, $($text:tt)+) => {
        assert!(
            $holds,
            "{}\nat event {} ({}), seed {}",
            format!($($text)+),
            $sim.events(),
            $sim.now().rfc3339_millis(),
            $sim.plan().seed
        )
    };
}

mod lives;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::plans::{Latency, Setup};
use lives::Lives;
use podsim::api::{Cursor, PodRef};
use podsim::base::{Distribution, SimDuration, SimTime};
use podsim::model::strings::known;
use podsim::model::*;
use podsim::sim::Simulation;
use podsim::sim::outcome::{Outcome, Stopped};
use podsim::sim::plan::{ChangeKind, ChangePlan, ControlPlane, FaultKind, FaultPlan, NodeTarget, Plan, PodPlan};
use proptest::prelude::*;

/// Events between two looks at the whole cluster in big runs.
const EVENTS_BETWEEN_CHECKS: u64 = 150;

/// Longer than any message takes.
const MOMENT: SimDuration = SimDuration::from_millis(200);

/// Which plugin said what, over all runs of this file.
static COVERAGE: Mutex<BTreeMap<(&str, String), u64>> = Mutex::new(BTreeMap::new());

/// What a pod was when it was seen last.
#[derive(Clone)]
struct Seen {
    phase: Phase,
    restarts: Vec<u32>,
}

/// What is remembered from one check to the next.
#[derive(Default)]
struct Memory {
    now: SimTime,
    pods: BTreeMap<PodUid, Seen>,
    /// Pods whose node was down when they were seen last: since when, and their statuses then.
    frozen: BTreeMap<PodUid, (SimTime, Vec<ContainerStatus>)>,
    /// Pods that no machine held although one should, since when.
    unheld: BTreeMap<PodUid, SimTime>,
    lives: Lives,
    checks: u64,
    coincidences: u64,
}

/// Runs a random plan and looks at the whole cluster after every so many events.
fn run(setup: &Setup, every: u64) -> (Outcome, lives::Troubles) {
    let plan = crate::plans::plan(setup);
    let mut sim = Simulation::new(plan);
    let mut memory = Memory { now: sim.now(), ..Memory::default() };
    check(&sim, &mut memory);
    while sim.step(SimTime::NEVER).expect("no limit is reached").is_some() {
        ensure!(sim.now() >= memory.now, sim, "the clock went back");
        memory.now = sim.now();
        if sim.events().is_multiple_of(every) {
            check(&sim, &mut memory);
        }
    }
    check(&sim, &mut memory);
    pending_pods_have_reasons(&sim);
    assert!(memory.checks > 5 && memory.coincidences > 0, "{} checks, {} of views", memory.checks, memory.coincidences);
    let plan = sim.plan().clone();
    let created = sim.cluster().pods().created_total();
    let counters = *sim.counters();
    let (outcome, _) = sim.run_recorded();
    assert!(matches!(outcome.stopped, Stopped::Duration | Stopped::Quiet), "{:?}", outcome.stopped);
    assert_eq!(outcome.counters.pods_created, u64::from(created));
    assert_eq!(outcome.counters.pods_created, outcome.pods.len() as u64 + outcome.counters.pods_removed);
    requests_are_served_or_failed(&plan, &outcome);
    (outcome, memory.lives.troubles(&counters))
}

fn check(sim: &Simulation, memory: &mut Memory) {
    memory.checks += 1;
    let resources = nodes_are_not_overcommitted(sim);
    pods_are_conserved(sim);
    counts_are_recounts(sim, &resources);
    statuses_make_sense(sim);
    lives_go_forward(sim, memory);
    machines_hold_their_pods(sim, memory);
    memory.lives.check(sim);
    if sim.cluster().log().next_at(Cursor::Scheduler, SimDuration::ZERO).is_none() {
        memory.coincidences += 1;
        the_scheduler_sees_what_is(sim);
        evictions_are_for_higher_priorities(sim);
    }
    cover(sim);
}

fn class_of(sim: &Simulation, pod: PodRef) -> ClassId {
    let pods = sim.cluster().pods();
    pods.resized(pod.pod).map_or(sim.plan().templates[pods.template(pod.pod)].class, |resized| resized.class)
}

/// A pod that counts on its node.
fn holds(sim: &Simulation, pod: PodRef) -> bool {
    sim.cluster().pods().node(pod.pod).is_some() && !sim.cluster().pods().phase(pod.pod).is_terminal()
}

/// The sum of what bound, unfinished pods request, after a look at every node.
fn nodes_are_not_overcommitted(sim: &Simulation) -> Resources {
    let (plan, cluster) = (sim.plan(), sim.cluster());
    let mut all = Resources::default();
    let mut listed = 0;
    for (node, row) in cluster.nodes().entries() {
        let shape = &plan.shapes[row.shape];
        let mut used = Resources::default();
        let mut ports: Vec<HostPort> = Vec::new();
        let mut pods = 0;
        for pod in cluster.pods().on_node(node) {
            listed += 1;
            ensure!(cluster.pods().node(pod.pod) == Some(node), sim, "{pod:?} is in the list of another node");
            if !holds(sim, pod) {
                continue;
            }
            let class = &plan.classes[class_of(sim, pod)];
            pods += 1;
            used.add(&class.requests);
            ports.extend(class.host_ports.iter());
        }
        let offered = &shape.allocatable;
        let fits = used.milli_cpu <= offered.milli_cpu
            && used.memory <= offered.memory
            && used.ephemeral_storage <= offered.ephemeral_storage
            && used.scalar.iter().all(|&(name, amount)| amount <= offered.scalar(name));
        // A resize counts before anybody knows whether there is room.
        let resized = cluster.pods().on_node(node).any(|pod| cluster.pods().resized(pod.pod).is_some());
        let fits = fits || resized;
        ensure!(fits, sim, "{node:?} offers {offered:?} and its pods request {used:?}");
        ensure!(pods <= shape.max_pods, sim, "{node:?} takes {} pods and has {pods}", shape.max_pods);
        // All plans use one host address.
        let distinct: BTreeSet<_> = ports.iter().map(|port| (port.protocol, port.port)).collect();
        ensure!(distinct.len() == ports.len(), sim, "{node:?} has a host port twice: {ports:?}");
        all.add(&used);
    }
    let bound = cluster.pods().iter().filter(|pod| cluster.pods().node(pod.pod).is_some()).count();
    ensure!(bound == listed, sim, "{bound} pods are bound and {listed} are in lists of nodes");
    all
}

fn pods_are_conserved(sim: &Simulation) {
    let pods = sim.cluster().pods();
    let existing = pods.iter().count() as u64;
    ensure!(existing == u64::from(pods.live()), sim, "{existing} pods exist and {} are counted", pods.live());
    let (created, removed) = (u64::from(pods.created_total()), sim.counters().pods_removed);
    ensure!(created == existing + removed, sim, "{created} created, {existing} exist, {removed} removed");
    let distinct: BTreeSet<PodUid> = pods.iter().map(|pod| pod.uid).collect();
    ensure!(distinct.len() as u64 == existing, sim, "a uid is there twice");
}

fn counts_are_recounts(sim: &Simulation, requested: &Resources) {
    let (plan, cluster) = (sim.plan(), sim.cluster());
    let pods = cluster.pods();
    let count =
        |wanted: &dyn Fn(PodRef) -> bool| u32::try_from(pods.iter().filter(|&pod| wanted(pod)).count()).unwrap();
    let phase = |pod: PodRef| pods.phase(pod.pod);
    let bound = |pod: PodRef| pods.node(pod.pod).is_some();
    let counts = sim.counts();
    let shown = [
        ("unscheduled", counts.pods_unscheduled, count(&|pod| phase(pod) == Phase::Pending && !bound(pod))),
        ("starting", counts.pods_starting, count(&|pod| phase(pod) == Phase::Pending && bound(pod))),
        ("running", counts.pods_running, count(&|pod| phase(pod) == Phase::Running)),
        ("succeeded", counts.pods_succeeded, count(&|pod| phase(pod) == Phase::Succeeded)),
        ("failed", counts.pods_failed, count(&|pod| phase(pod) == Phase::Failed)),
        ("ready", counts.pods_ready, count(&|pod| pods.conditions(pod.pod).is_true(PodConditionType::Ready))),
        ("terminating", counts.pods_terminating, count(&|pod| pods.deleting(pod.pod))),
    ];
    for (what, kept, recounted) in shown {
        ensure!(kept == recounted, sim, "{what}: {kept} are counted, {recounted} are there");
    }
    // Extended resources that nobody requests any more stay as zeros.
    let mut kept = counts.requested.clone();
    kept.scalar.retain(|&mut (_, amount)| amount != 0);
    ensure!(kept == *requested, sim, "requested: {kept:?} is counted, {requested:?} is there");
    let (mut existing, mut ready, mut allocatable) = (0, 0, Resources::default());
    for (_, row) in cluster.nodes().entries().filter(|(_, row)| row.exists) {
        existing += 1;
        if row.ready == ConditionStatus::True {
            ready += 1;
            allocatable.add(&plan.shapes[row.shape].allocatable);
        }
    }
    ensure!((counts.nodes, counts.nodes_ready) == (existing, ready), sim, "nodes: {counts:?}, not {existing}, {ready}");
    let mut kept = counts.allocatable.clone();
    kept.scalar.retain(|&mut (_, amount)| amount != 0);
    ensure!(kept == allocatable, sim, "allocatable: {kept:?} is counted, {allocatable:?} is there");
    ensure!(counts.pods_created_total == u64::from(pods.created_total()), sim, "pods created");
}

fn statuses(sim: &Simulation, pod: PodRef) -> Vec<ContainerStatus> {
    let pods = sim.cluster().pods();
    let template = &sim.plan().templates[pods.template(pod.pod)];
    let stored = template.containers.iter().zip(pods.containers(pod.pod));
    stored.map(|(spec, status)| status.unpack(spec.name)).collect()
}

fn statuses_make_sense(sim: &Simulation) {
    let pods = sim.cluster().pods();
    for pod in pods.iter() {
        let template = &sim.plan().templates[pods.template(pod.pod)];
        let statuses = statuses(sim, pod);
        let main = &statuses[template.init_count()..];
        let conditions = pods.conditions(pod.pod);
        let phase = pods.phase(pod.pod);
        let is = |kind| conditions.is_true(kind);
        let told = || format!("{pod:?} {phase:?} {statuses:?} {conditions:?}");

        let scheduled = is(PodConditionType::PodScheduled);
        ensure!(scheduled == pods.node(pod.pod).is_some(), sim, "PodScheduled: {}", told());
        if pods.node(pod.pod).is_none() {
            ensure!(phase == Phase::Pending, sim, "no node: {}", told());
            ensure!(statuses.iter().all(|s| s.state == ContainerState::Unset), sim, "no node: {}", told());
        }
        for status in &statuses {
            ensure!(!status.ready || status.state.is_running() || !main.contains(status), sim, "ready: {}", told());
            // A new sandbox makes the runtime forget how init containers ended before.
            let lived = status.restart_count == 0
                || status.last_state != ContainerState::Unset
                || status.state.terminated().is_some()
                || !main.contains(status);
            ensure!(lived, sim, "restarted without a life before: {}", told());
        }
        let first =
            template.containers.iter().zip(&statuses).any(|(spec, s)| spec.role == Role::Init && s.state.is_running());
        ensure!(!first || main.iter().all(|s| !s.state.is_running()), sim, "init containers come first: {}", told());
        let done = |status: &ContainerStatus| status.state.terminated().is_some_and(|end| end.exit_code == 0);
        match phase {
            Phase::Succeeded => ensure!(main.iter().all(done), sim, "Succeeded: {}", told()),
            Phase::Failed => {
                ensure!(statuses.iter().all(|s| !s.state.is_running()), sim, "Failed: {}", told());
                let reason = pods.reason(pod.pod) != known::EMPTY;
                ensure!(reason || !main.iter().all(done), sim, "Failed without a reason: {}", told());
            }
            Phase::Running => {
                let begun = |s: &ContainerStatus| {
                    s.state.is_running() || s.state.terminated().is_some() || s.last_state != ContainerState::Unset
                };
                ensure!(main.iter().any(begun), sim, "Running: {}", told());
            }
            Phase::Pending | Phase::Unknown => {}
        }
        if is(PodConditionType::Ready) {
            // Of a pod that it evicts the kubelet tells the phase that was known before, until its containers have ended.
            let target = conditions.get(PodConditionType::DisruptionTarget);
            let evicted = target.is_some_and(|target| target.reason == known::TERMINATION_BY_KUBELET);
            let evicted = evicted && phase == Phase::Pending;
            ensure!(phase == Phase::Running || evicted, sim, "Ready: {}", told());
            ensure!(main.iter().all(|status| status.ready), sim, "Ready: {}", told());
            ensure!(pods.has_address(pod.pod), sim, "Ready without an address: {}", told());
        }
    }
}

/// Terminal phases stay, restarts only grow, Running does not become Pending again.
fn lives_go_forward(sim: &Simulation, memory: &mut Memory) {
    let pods = sim.cluster().pods();
    let mut now = BTreeMap::new();
    for pod in pods.iter() {
        let restarts: Vec<u32> = pods.containers(pod.pod).map(|status| status.restart_count()).collect();
        let seen = Seen { phase: pods.phase(pod.pod), restarts };
        if let Some(before) = memory.pods.get(&pod.uid) {
            let stays = !before.phase.is_terminal() || before.phase == seen.phase;
            ensure!(stays, sim, "{pod:?} was {:?} and is {:?}", before.phase, seen.phase);
            // After a reboot init containers run again, and upstream calls that Pending.
            let template = &sim.plan().templates[pods.template(pod.pod)];
            let again =
                template.init_count() > 0 && pods.node(pod.pod).is_some_and(|node| sim.kubelets().boots(node) > 0);
            let forward = before.phase != Phase::Running || seen.phase != Phase::Pending || again;
            ensure!(forward, sim, "{pod:?} was Running and is Pending: {:?}", statuses(sim, pod));
            let grows = before.restarts.iter().zip(&seen.restarts).all(|(before, now)| before <= now);
            ensure!(grows, sim, "{pod:?}: restarts were {:?} and are {:?}", before.restarts, seen.restarts);
        }
        now.insert(pod.uid, seen);
    }
    memory.pods = now;
}

/// The third owner of truth: what runs where.
fn machines_hold_their_pods(sim: &Simulation, memory: &mut Memory) {
    let (cluster, kubelets) = (sim.cluster(), sim.kubelets());
    let pods = cluster.pods();
    let heard = cluster.log().next_at(Cursor::Kubelet, SimDuration::ZERO).is_none();
    let mut held = BTreeSet::new();
    for (pod, node) in kubelets.pods() {
        ensure!(held.insert(pod.uid), sim, "{pod:?} is held twice");
        if pods.exists(pod) {
            ensure!(pods.node(pod.pod) == Some(node), sim, "{pod:?} is held by {node:?}");
            // A machine that is down holds what its disk holds.
            let over = pods.phase(pod.pod).is_terminal() && kubelets.is_up(node);
            ensure!(!over, sim, "{pod:?} is over and {node:?} still holds it");
        }
    }
    let (mut frozen, mut unheld) = (BTreeMap::new(), BTreeMap::new());
    for pod in pods.iter().filter(|&pod| holds(sim, pod)) {
        let node = pods.node(pod.pod).expect("it is bound");
        let leaving = pods.deleting(pod.pod);
        if kubelets.is_up(node) {
            if heard && !leaving && !held.contains(&pod.uid) {
                // The last status of a pod that ended is on its way for a moment.
                let since = memory.unheld.get(&pod.uid).copied().unwrap_or(sim.now());
                ensure!(sim.now() - since < MOMENT, sim, "{pod:?} is not held by {node:?}");
                unheld.insert(pod.uid, since);
            }
        } else if let Some(since) = kubelets.down_since(node).filter(|&since| since < sim.now()) {
            let statuses = statuses(sim, pod);
            // Between two looks a machine may have booted, told something, and gone down again.
            if let Some((_, before)) = memory.frozen.get(&pod.uid).filter(|(then, _)| *then == since) {
                ensure!(*before == statuses, sim, "{pod:?} changed on a dead machine: {before:?}, {statuses:?}");
            }
            if sim.now() - since >= MOMENT {
                frozen.insert(pod.uid, (since, statuses));
            }
        }
    }
    (memory.frozen, memory.unheld) = (frozen, unheld);
}

/// Once it has read the whole log, the scheduler's view and queue are what a recount of the objects gives.
fn the_scheduler_sees_what_is(sim: &Simulation) {
    let (plan, cluster, scheduler) = (sim.plan(), sim.cluster(), sim.scheduler());
    let (pods, view) = (cluster.pods(), scheduler.view());
    let mut under_way: BTreeSet<PodUid> = scheduler.in_cycle().map(|pod| pod.uid).into_iter().collect();
    for (pod, node) in scheduler.bindings().filter(|(pod, _)| pods.exists(*pod)) {
        under_way.insert(pod.uid);
        let place = view.place_of(pod.pod).map(|(node, _)| node);
        ensure!(place == Some(node), sim, "{pod:?} is on its way to {node:?} and is at {place:?} in the view");
    }
    for (slot, node, class) in view.placed_pods() {
        let Some(pod) = pods.in_slot(slot) else {
            ensure!(false, sim, "the view has a pod in the free slot {slot:?}");
            return;
        };
        ensure!(class == class_of(sim, pod), sim, "{pod:?} is of another class in the view");
        if view.is_assumed(slot) {
            ensure!(under_way.contains(&pod.uid), sim, "{pod:?} is assumed and nobody binds it");
        } else {
            ensure!(holds(sim, pod) && pods.node(slot) == Some(node), sim, "{pod:?} is on {node:?} in the view only");
        }
    }
    for pod in pods.iter() {
        let place = view.place_of(pod.pod);
        if holds(sim, pod) {
            let wanted = pods.node(pod.pod).map(|node| (node, class_of(sim, pod)));
            ensure!(place == wanted, sim, "{pod:?} is at {place:?} in the view, not at {wanted:?}");
        }
        let waits = scheduler.queue().get(pod.pod).is_some();
        let unbound = pods.node(pod.pod).is_none();
        let known = waits || under_way.contains(&pod.uid);
        ensure!(!unbound || known, sim, "{pod:?} has no node and nobody looks for one");
        ensure!(unbound || !waits, sim, "{pod:?} has a node and waits for one");
    }
    let waiting = scheduler.queue().pods().count();
    let lengths = scheduler.queue_lengths();
    ensure!(waiting == lengths.0 + lengths.1 + lengths.2, sim, "{waiting} pods wait, the queue counts {lengths:?}");
    for (node, row) in cluster.nodes().entries() {
        let Some(facts) = view.facts(node) else {
            ensure!(!row.exists, sim, "{node:?} is not in the view");
            continue;
        };
        ensure!(row.exists && facts.unschedulable == row.unschedulable, sim, "{node:?}: {facts:?}, {row:?}");
        let taints: Vec<Taint> = row.taints.iter().map(|&(taint, _)| taint).collect();
        ensure!(view.tables().taints(facts.taints) == taints, sim, "{node:?} has other taints in the view: {row:?}");
        // The running sums are the sums of what is there.
        let mut requested = Resources::default();
        let mut count = 0;
        let mut ports: Vec<HostPort> = Vec::new();
        for (_, class) in view.pods_on(node) {
            ports.extend(plan.classes[class].host_ports.iter());
            requested.add(&plan.classes[class].requests);
            count += 1;
        }
        let usage = view.usage(node);
        let sums = (usage.milli_cpu, usage.memory, usage.ephemeral, usage.pods);
        let wanted = (requested.milli_cpu, requested.memory, requested.ephemeral_storage, count);
        ensure!(sums == wanted, sim, "{node:?}: the sums are {sums:?}, not {wanted:?}");
        ports.sort_unstable();
        let mut taken = view.ports(node).to_vec();
        taken.sort_unstable();
        ensure!(taken == ports, sim, "{node:?}: the view has the ports {taken:?}, its pods have {ports:?}");
        for scalar in view.scalars(node) {
            ensure!(scalar.requested == requested.scalar(scalar.name), sim, "{node:?}: {scalar:?}, not {requested:?}");
        }
    }
}

/// Nobody is evicted for a pod of lower or equal priority, and only pods without a node are nominated for one.
fn evictions_are_for_higher_priorities(sim: &Simulation) {
    let (pods, scheduler) = (sim.cluster().pods(), sim.scheduler());
    let priority = |pod: PodRef| sim.plan().classes[class_of(sim, pod)].priority;
    for (preemptor, victims) in scheduler.evictions() {
        for &victim in victims.iter().filter(|&&pod| pods.exists(pod) && pods.exists(preemptor)) {
            ensure!(priority(victim) < priority(preemptor), sim, "{victim:?} is evicted for {preemptor:?}");
        }
    }
    let view = scheduler.view();
    for (node, _) in sim.cluster().nodes().entries() {
        for nominee in view.nominations().on(node) {
            ensure!(view.place_of(nominee.pod).is_none(), sim, "{nominee:?} is nominated for {node:?} and has a node");
        }
    }
    for pod in pods.iter().filter(|pod| pods.deleting(pod.pod)) {
        let condition = pods.conditions(pod.pod).get(PodConditionType::DisruptionTarget);
        let evicted = condition.is_some_and(|condition| condition.reason == known::PREEMPTION_BY_SCHEDULER);
        ensure!(!evicted || priority(pod) < 100, sim, "{pod:?} has the highest priority and was evicted");
    }
}

fn pending_pods_have_reasons(sim: &Simulation) {
    let pods = sim.cluster().pods();
    for pod in pods.iter().filter(|pod| pods.phase(pod.pod) == Phase::Pending) {
        match pods.node(pod.pod) {
            None => {
                let error = sim.scheduler().last_error(pod);
                let message = error.map(|error| error.message(&sim.plan().strings));
                ensure!(message.is_some_and(|text| text.len() > 10), sim, "{pod:?} is pending without a reason");
                let condition = pods.conditions(pod.pod).get(PodConditionType::PodScheduled);
                ensure!(condition == Some(PodCondition::not(known::UNSCHEDULABLE)), sim, "{pod:?}: {condition:?}");
            }
            Some(node) => {
                let statuses = statuses(sim, pod);
                let told = statuses.iter().any(|status| match status.state {
                    ContainerState::Waiting { reason } => reason != known::EMPTY,
                    ContainerState::Running { .. } | ContainerState::Terminated(_) => true,
                    ContainerState::Unset => false,
                });
                // Its node may not have heard of it yet.
                let bound = pods.transition(pod.pod, PodConditionType::PodScheduled).expect("a bound pod is scheduled");
                let quiet = !sim.kubelets().is_up(node) || sim.now() - bound < SimDuration::from_secs(10);
                ensure!(told || quiet, sim, "{pod:?} is pending: {statuses:?}");
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn requests_are_served_or_failed(plan: &Plan, outcome: &Outcome) {
    for (traffic, service) in plan.traffic.iter().zip(&outcome.services) {
        let points = &traffic.rate.points;
        let ends = points.iter().skip(1).map(|&(at, _)| at).chain([outcome.ended_at]);
        let asked: f64 = points
            .iter()
            .zip(ends)
            .map(|(&(from, rate), until)| rate * (until.min(outcome.ended_at) - from).as_secs_f64().max(0.0))
            .sum();
        let done = service.served + service.failed;
        assert!((done - asked).abs() <= 1e-6 * asked.max(1.0), "{done} of {asked} requests, seed {}", plan.seed);
    }
}

fn cover(sim: &Simulation) {
    let pods = sim.cluster().pods();
    let mut coverage = COVERAGE.lock().expect("no check panicked");
    for pod in pods.iter().filter(|pod| pods.node(pod.pod).is_none()) {
        let Some(error) = sim.scheduler().last_error(pod) else { continue };
        for &(reason, _) in error.diagnosis.histogram.counts() {
            let plugin = reason.plugin();
            let name = format!("{reason:?}");
            let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
            assert!(error.diagnosis.plugins.contains(plugin), "{reason:?} without {plugin:?}");
            *coverage.entry((plugin.name(), name)).or_default() += 1;
        }
    }
}

fn setup() -> impl Strategy<Value = Setup> {
    let sizes = (50..70_u32, 500..800_u32, 0..16_u32, 0..16_u32);
    let latencies = prop::sample::select(vec![Latency::None, Latency::Typical, Latency::Slow, Latency::SlowBinding]);
    let ways = (latencies, prop::bool::weighted(0.3), prop::sample::select(vec![0, 30, 12_500]), any::<(bool, bool)>());
    (any::<u64>(), sizes, ways).prop_map(
        |(seed, (nodes, pods, faults, changes), (latency, scan, gc_threshold, (purge, hard)))| Setup {
            seed,
            nodes,
            pods,
            latency,
            scan,
            faults,
            changes,
            gc_threshold,
            purge,
            hard,
            minutes: 60,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_must_hold_holds(setup in setup()) {
        run(&setup, EVENTS_BETWEEN_CHECKS);
    }
}

/// Small clusters, looked at after every single event.
#[test]
fn nothing_is_wrong_between_two_events() {
    for (seed, latency) in
        [(11, Latency::None), (12, Latency::Typical), (13, Latency::Slow), (14, Latency::SlowBinding)]
    {
        run(&Setup { latency, pods: 100, purge: seed > 12, ..Setup::small(seed) }, 1);
    }
}

/// Nodes under pressure that are switched off now and then, slow hooks, and pods that are resized.
#[test]
fn hard_places() {
    let mut troubles = lives::Troubles::default();
    for seed in 0..4 {
        let latency = [Latency::None, Latency::Typical, Latency::Slow, Latency::SlowBinding][seed as usize];
        for (setup, every) in [
            (Setup { nodes: 50, pods: 500, latency, hard: true, ..Setup::small(seed) }, EVENTS_BETWEEN_CHECKS),
            (Setup { pods: 100, latency, hard: true, ..Setup::small(seed + 20) }, 1),
        ] {
            troubles.add(&run(&setup, every).1);
        }
    }
    println!("{troubles:?}");
    troubles.assert_all();
}

/// A machine that is down hears nothing: a ConfigMap that appears meanwhile starts no pod there.
#[test]
fn a_dead_machine_starts_nothing() {
    let mut plan = one_node();
    let secret =
        plan.configs.push(ConfigObject { kind: ConfigKind::Secret, namespace: known::DEFAULT, name: known::DEFAULT });
    let refs = ConfigRef { config: secret, keys: Box::default(), optional: false };
    let volume = Volume { name: known::DEFAULT, source: VolumeSource::Config(Box::new([refs])) };
    bare_pod(&mut plan, &[Role::Main], Box::new([volume]));
    let (node, start) = (plan.nodes[0].name, plan.start);
    let at = |seconds| start + SimDuration::from_secs(seconds);
    let kind = FaultKind::NodeCrash(NodeTarget::Named(node));
    plan.faults.push(FaultPlan { at: at(60), duration: Some(SimDuration::from_secs(600)), kind });
    let kind = ChangeKind::ApplyConfig(ConfigContent { config: secret, keys: Box::default() });
    plan.changes.push(ChangePlan { at: at(120), kind });
    let mut sim = Simulation::new(plan);
    sim.run_until(at(600)).expect("no limit is reached");
    assert_eq!(sim.counters().container_starts, 0, "a pod started on a dead machine");
    sim.run_until(at(900)).expect("no limit is reached");
    assert_eq!(sim.counters().container_starts, 1, "the pod starts after the boot");
}

/// A machine that is up for half a second between two crashes tells in that time how its containers ended, and starts
/// nothing: the sandbox takes longer. Nothing is told while it is down.
#[test]
fn a_machine_tells_only_while_it_is_up() {
    let mut plan = one_node();
    plan.control_plane = ControlPlane::typical();
    plan.control_plane.node_boot = Distribution::Constant(0.0);
    plan.control_plane.sandbox_start = Distribution::Constant(0.6);
    bare_pod(&mut plan, &[Role::Main], Box::default());
    let (node, start) = (plan.nodes[0].name, plan.start);
    let at = |millis| start + SimDuration::from_millis(millis);
    for (from, until) in [(300_000, 360_000), (360_500, 420_000)] {
        let kind = FaultKind::NodeCrash(NodeTarget::Named(node));
        plan.faults.push(FaultPlan { at: at(from), duration: Some(at(until) - at(from)), kind });
    }
    let mut sim = Simulation::new(plan);
    let mut told = Vec::new();
    let mut before = None;
    while sim.step(at(430_000)).expect("no limit is reached").is_some() {
        let Some(pod) = sim.cluster().pods().iter().next() else { continue };
        let states: Vec<ContainerState> = statuses(&sim, pod).iter().map(|status| status.state).collect();
        if sim.now() >= at(300_000) && before.as_ref() != Some(&states) {
            told.push((sim.now(), states.clone()));
        }
        before = Some(states);
    }
    // At once after the boot: the end of what the crash took with it, status_update (20 ms) later. After the second boot the
    // same is computed again and changes nothing; the new sandbox takes 0.6 s and its container at most 0.4 s.
    let (when, ended) = &told[0];
    assert_eq!(*when, at(360_020));
    assert_eq!(ended[0].terminated().map(|end| (end.exit_code, end.finished_at)), Some((255, at(300_000))));
    let (when, again) = &told[1];
    assert!((at(420_700)..at(422_100)).contains(when) && again[0].is_running(), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
}

/// A pod that its node's shutdown ended stays ended when the machine boots before the API server has heard of that.
#[test]
fn what_a_shutdown_ended_is_over_after_the_boot() {
    let mut plan = one_node();
    plan.control_plane = ControlPlane {
        node_boot: Distribution::Constant(0.0),
        shutdown: [ShutdownGroup { priority: 0, grace_seconds: 10 }].into(),
        ..ControlPlane::instant()
    };
    bare_pod(&mut plan, &[Role::Main], Box::default());
    // It ends with the time of its group, killed: the machine goes off at that instant, and is to be on again at once.
    let deaf = |behavior: &Behavior| {
        let on_terminate = OnTerminate { after_seconds: None, ..behavior.on_terminate };
        Behavior { on_terminate, ..behavior.clone() }
    };
    plan.behaviors = plan.behaviors.iter().map(deaf).collect();
    plan.templates.iter_mut().for_each(|template| template.grace_period_seconds = 30);
    let (node, start) = (plan.nodes[0].name, plan.start);
    let at = |seconds| start + SimDuration::from_secs(seconds);
    let kind = FaultKind::NodeShutdown(NodeTarget::Named(node));
    plan.faults.push(FaultPlan { at: at(300), duration: Some(SimDuration::ZERO), kind });
    let mut sim = Simulation::new(plan);
    let mut at_boot = None;
    while let Some(event) = sim.step(at(400)).expect("no limit is reached") {
        let pods = sim.cluster().pods();
        if format!("{event:?}").starts_with("Booted") {
            at_boot = pods.iter().next().map(|pod| pods.phase(pod.pod));
        }
    }
    assert_eq!(at_boot, Some(Phase::Running), "the status is on its way when the machine boots");
    let pods = sim.cluster().pods();
    let pod = pods.iter().next().expect("nobody removes it");
    assert_eq!((pods.phase(pod.pod), pods.reason(pod.pod)), (Phase::Failed, known::TERMINATED));
    let end = statuses(&sim, pod)[0].state.terminated().map(|end| (end.exit_code, end.finished_at));
    assert!(end.is_some_and(|(code, at)| code == 137 && at > start), "the status of the end stands: {end:?}");
    assert_eq!(sim.counters().container_starts, 1);
}

/// After a reboot the init containers run again before anything else does (spec 2.3).
#[test]
fn a_reboot_starts_from_the_beginning() {
    let mut plan = one_node();
    bare_pod(&mut plan, &[Role::Init, Role::Sidecar, Role::Main], Box::default());
    let (node, start) = (plan.nodes[0].name, plan.start);
    let at = |seconds| start + SimDuration::from_secs(seconds);
    let kind = FaultKind::NodeCrash(NodeTarget::Named(node));
    plan.faults.push(FaultPlan { at: at(300), duration: Some(SimDuration::from_secs(20)), kind });
    let mut sim = Simulation::new(plan);
    let mut orders = Vec::new();
    let mut before = Vec::new();
    while sim.step(at(900)).expect("no limit is reached").is_some() {
        let Some(pod) = sim.cluster().pods().iter().next() else { continue };
        let running: Vec<bool> = statuses(&sim, pod).iter().map(|status| status.state.is_running()).collect();
        if running != before {
            orders.push(running.clone());
            before = running;
        }
    }
    let (none, init, all) = ([false, false, false], [true, false, false], [false, true, true]);
    let once: Vec<_> =
        orders.iter().filter(|order| [none, init, all].contains(&order[..].try_into().unwrap())).collect();
    // Before: nothing, init, the others; after the reboot the dead statuses are seen first, then the same again.
    assert_eq!(
        once,
        [&none[..], &init, &none, &all, &none, &init, &none, &all].map(<[bool]>::to_vec).iter().collect::<Vec<_>>(),
        "{orders:?}"
    );
}

fn one_node() -> Plan {
    let mut plan = crate::plans::plan(&Setup { nodes: 1, faults: 0, changes: 0, ..Setup::small(1) });
    plan.pods.clear();
    plan.arrivals.clear();
    plan.traffic.clear();
    plan.shapes = plan.shapes.iter().map(|shape| NodeShape { taints: Box::default(), ..shape.clone() }).collect();
    plan
}

/// One bare pod with containers of these roles, which tolerates everything; an init container takes half a minute.
fn bare_pod(plan: &mut Plan, roles: &[Role], volumes: Box<[Volume]>) {
    let everything = Toleration { key: None, operator: TolerationOperator::Exists, effect: None, seconds: None };
    let class = plan.classes.push(PodClass { tolerations: Box::new([everything]), ..PodClass::default() });
    let forever = plan.behaviors.push(Behavior::default());
    let half_a_minute = RunTime::Drawn(Distribution::Constant(30.0));
    let short = plan.behaviors.push(Behavior { run: half_a_minute, ..Behavior::default() });
    let old = plan.templates.iter().next().expect("plans have templates").clone();
    let containers = roles.iter().map(|&role| ContainerSpec {
        role,
        pull_policy: ImagePullPolicy::IfNotPresent,
        limits: Limits::default(),
        env: Box::default(),
        startup_probe: None,
        readiness_probe: None,
        liveness_probe: None,
        resize_restarts: Default::default(),
        post_start: None,
        pre_stop: None,
        restart: None,
        behavior: if role == Role::Init { short } else { forever },
        ..old.containers[0].clone()
    });
    let (restart_policy, active_deadline_seconds) = (RestartPolicy::Always, None);
    let containers = containers.collect();
    let spec = PodSpec { restart_policy, active_deadline_seconds, containers, volumes, ..(*old.spec).clone() };
    let template = PodTemplate { class, spec: spec.into(), ..old };
    let template = plan.templates.push(template);
    let workload = plan.workloads.ids().next().expect("plans have workloads");
    plan.pods.push(PodPlan { workload, template, at: plan.start });
}

/// Few nodes and many pods: everything waits, every plugin says no.
#[test]
fn a_cluster_that_is_too_small() {
    let mut reasons = BTreeSet::new();
    let mut preempted = 0;
    for seed in 0..6 {
        let setup = Setup { nodes: 8, pods: 600, ..Setup::small(seed) };
        let (outcome, _) = run(&setup, EVENTS_BETWEEN_CHECKS);
        assert!(outcome.counters.scheduling_failures > 0);
        preempted += outcome.counters.pods_preempted;
        reasons.extend(outcome.pending.into_iter().map(|(_, message)| message));
    }
    println!("{preempted} pods were preempted");
    assert!(preempted > 20, "{preempted} pods were preempted");
    let coverage = COVERAGE.lock().expect("no check panicked");
    for ((plugin, reason), count) in coverage.iter() {
        println!("{plugin:20} {reason:32} {count}");
    }
    println!("{} distinct messages of pending pods", reasons.len());
    for plugin in ["NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"]
    {
        assert!(coverage.keys().any(|(name, _)| *name == plugin), "{plugin} never said no");
    }
    let fit = coverage.keys().filter(|(plugin, _)| *plugin == "NodeResourcesFit").count();
    assert!(fit >= 4, "NodeResourcesFit said no for {fit} reasons only");
}
