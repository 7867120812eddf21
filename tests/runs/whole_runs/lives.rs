//! What must hold of a pod's life on its node, whatever happens to it: how soon containers are restarted, how long a pod
//! that is deleted stays, and what a machine counts.

use std::collections::{BTreeMap, BTreeSet};

use podsim::api::PodRef;
use podsim::base::{SimDuration, SimTime};
use podsim::model::strings::known;
use podsim::model::*;
use podsim::record::Counters;
use podsim::sim::Simulation;

/// Times in statuses are cut to seconds.
const CUT: SimDuration = SimDuration::from_secs(1);

/// What the end of a deleted pod takes beyond its grace: watches and messages, the step that is under way, and two
/// seconds for each container that has its turn after the others.
const SLACK: SimDuration = SimDuration::from_secs(12);

/// A container that lived so long may have been forgiven its crashes.
const FORGIVEN: SimDuration = SimDuration::from_secs(500);

/// A container as it was seen last.
#[derive(Clone, Copy)]
struct Life {
    restarts: u32,
    boots: u32,
    /// What it waits at least before the next restart.
    wait: SimDuration,
}

/// What is remembered from one check to the next.
#[derive(Default)]
pub struct Lives {
    containers: BTreeMap<(PodUid, usize), Life>,
    /// When nodes were seen up for the first time after their last boot.
    up_since: BTreeMap<NodeId, (u32, SimTime)>,
    evicted: BTreeSet<PodUid>,
    shut_down: BTreeSet<PodUid>,
    resizes: BTreeSet<(PodUid, TemplateId)>,
    waits: u64,
}

/// How much of what runs.
#[derive(Clone, Copy, Default, Debug)]
pub struct Troubles {
    evicted: u64,
    shut_down: u64,
    resized: u64,
    waits: u64,
    oom_kills: u64,
}

impl Troubles {
    pub fn add(&mut self, other: &Self) {
        self.evicted += other.evicted;
        self.shut_down += other.shut_down;
        self.resized += other.resized;
        self.waits += other.waits;
        self.oom_kills += other.oom_kills;
    }

    /// Each kind of trouble was there.
    pub fn assert_all(&self) {
        let least = [self.evicted, self.shut_down, self.resized, self.oom_kills, self.waits];
        assert!(least.iter().all(|&count| count > 10), "{self:?}");
    }
}

impl Lives {
    pub fn troubles(&self, counters: &Counters) -> Troubles {
        Troubles {
            evicted: self.evicted.len() as u64,
            shut_down: self.shut_down.len() as u64,
            resized: self.resizes.len() as u64,
            waits: self.waits,
            oom_kills: counters.oom_kills,
        }
    }

    pub fn check(&mut self, sim: &Simulation) {
        let problems = sim.kubelets().miscounts(sim.plan());
        ensure!(problems.is_empty(), sim, "{problems:?}");
        self.restarts_wait(sim);
        self.deleted_pods_go(sim);
        let pods = sim.cluster().pods();
        for pod in pods.iter() {
            match pods.reason(pod.pod) {
                known::EVICTED => _ = self.evicted.insert(pod.uid),
                known::TERMINATED => _ = self.shut_down.insert(pod.uid),
                _ => {}
            }
            if let Some(resized) = pods.resized(pod.pod).filter(|resized| resized.spec == resized.allocated) {
                self.resizes.insert((pod.uid, resized.allocated));
            }
        }
    }

    /// No restart before its back-off: after the first crash none, then 10 s, 20 s and so on from the end.
    fn restarts_wait(&mut self, sim: &Simulation) {
        let (pods, settings) = (sim.cluster().pods(), &sim.plan().control_plane);
        let mut seen = BTreeMap::new();
        for pod in pods.iter() {
            let Some(node) = pods.node(pod.pod) else { continue };
            let boots = sim.kubelets().boots(node);
            for (index, status) in pods.containers(pod.pod).enumerate() {
                let status = status.unpack(known::EMPTY);
                let before = self.containers.get(&(pod.uid, index)).copied();
                let mut life = before.unwrap_or(Life { restarts: 0, boots, wait: SimDuration::ZERO });
                let spec = &sim.plan().templates[pods.template(pod.pod)].containers[index];
                // Of an instance that the same sync has killed the end is not known yet: the one before counts.
                let killed = spec.liveness_probe.is_some() || spec.startup_probe.is_some() || spec.post_start.is_some();
                let more = status.restart_count - life.restarts;
                // Back-offs are in the kubelet's memory, and belong to the resources that a container had.
                if life.boots != boots || more > 1 || killed || pods.resized(pod.pod).is_some() {
                    life.wait = SimDuration::ZERO;
                } else if more == 1 {
                    life.wait = self.restart(sim, pod, &status, life.wait);
                    life.wait = life.wait.min(settings.crash_loop_max);
                }
                seen.insert((pod.uid, index), Life { restarts: status.restart_count, boots, ..life });
            }
        }
        self.containers = seen;
    }

    /// One restart after a wait of at least `wait`; what the next one waits.
    fn restart(&mut self, sim: &Simulation, pod: PodRef, status: &ContainerStatus, wait: SimDuration) -> SimDuration {
        // Containers that were lost track of have no times.
        let Some(end) = status.last_state.terminated() else { return SimDuration::ZERO };
        let started = match status.state {
            ContainerState::Running { started_at } => started_at,
            ContainerState::Terminated(again) if again.started_at > SimTime(0) => again.started_at,
            _ => return SimDuration::ZERO,
        };
        let lived = end.finished_at.since(end.started_at);
        if end.started_at <= SimTime(0) || lived > FORGIVEN {
            return SimDuration::ZERO;
        }
        let waited = started.since(end.finished_at);
        ensure!(waited + CUT >= wait, sim, "{pod:?} was restarted after {waited:?}, not {wait:?}: {status:?}");
        self.waits += u64::from(wait > SimDuration::ZERO);
        if wait == SimDuration::ZERO { sim.plan().control_plane.crash_loop_initial } else { wait * 2 }
    }

    /// A pod that is deleted is gone when its grace is over, if its machine runs.
    fn deleted_pods_go(&mut self, sim: &Simulation) {
        let (pods, kubelets) = (sim.cluster().pods(), sim.kubelets());
        for (node, _) in sim.cluster().nodes().entries().filter(|(node, _)| kubelets.is_up(*node)) {
            let boots = kubelets.boots(node);
            let up = self.up_since.entry(node).or_insert((boots, sim.now()));
            if up.0 != boots {
                *up = (boots, sim.now());
            }
        }
        for (pod, node) in kubelets.pods().filter(|&(pod, node)| pods.exists(pod) && kubelets.is_up(node)) {
            let Some(due) = pods.deletion_timestamp(pod.pod) else { continue };
            let due = due.max(self.up_since[&node].1) + SLACK;
            ensure!(sim.now() <= due, sim, "{pod:?} is still on {node:?}, its grace was over at {due:?}");
        }
    }
}
