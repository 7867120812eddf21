//! What makes the nodes of a random plan hard places: kubelets that evict early and shut down in order, processes that eat
//! memory, disk and process ids, and pods that are resized in place.

use podsim::model::eviction::{EvictionPlan, Statements};
use podsim::model::shutdown;

use super::*;

impl Builder {
    /// Kubelets look after their nodes.
    pub(super) fn hard_kubelets(&mut self) {
        let statements = Statements {
            hard: &[
                ("memory.available", "500Mi"),
                ("nodefs.available", "40%"),
                ("nodefs.inodesFree", "10%"),
                ("pid.available", "100"),
            ],
            soft: &[("memory.available", "2Gi")],
            soft_grace: &[("memory.available", "45s")],
            min_reclaim: &[("memory.available", "300Mi")],
            enforce_pods: true,
        };
        let plan = &mut self.plan.control_plane;
        plan.eviction = EvictionPlan {
            thresholds: statements.parse().expect("the statements are well formed").into(),
            transition_period: SimDuration::from_secs(self.dice.pick(&[10, 300])),
            max_pod_grace_seconds: 20,
            max_pids: 1_000,
            max_inodes: Some(20_000),
        };
        plan.image_gc.max_age = SimDuration::from_secs(self.dice.pick(&[0, 200]));
        plan.shutdown = shutdown::migrate(40, 10).into();
        plan.container_restart_rules = self.dice.chance(50);
    }

    /// Some containers eat, and some probes and hooks are slow.
    pub(super) fn hard_containers(&mut self) {
        for id in self.plan.templates.ids().collect::<Vec<_>>() {
            for index in 0..self.plan.templates[id].containers.len() {
                let dice = &mut self.dice;
                let (hungry, forks, writes) = (dice.chance(25), dice.chance(15), dice.chance(15));
                let (slow_hook, shorter, restarts) = (dice.chance(30), dice.chance(30), dice.chance(50));
                let memory = dice.pick(&[1e9, 3e9, 6e9]);
                let takes = Distribution::Uniform { min: 0.0, max: dice.pick(&[2.0, 50.0]) };
                let spec = &mut self.plan.templates[id].containers[index];
                spec.resize_restarts = ResizeRestarts { cpu: false, memory: restarts };
                if let Some(probe) = spec.liveness_probe.as_mut().filter(|_| shorter) {
                    probe.grace_period_seconds = Some(3);
                }
                let behavior = &mut self.plan.behaviors[spec.behavior];
                if hungry {
                    behavior.memory = Usage { base: memory, ramp: memory / 2.0, ramp_seconds: 60.0, ..behavior.memory };
                    behavior.memory.leak_per_second = 5e6;
                }
                if forks {
                    behavior.processes = 180;
                }
                if writes {
                    let path = "/var/data".into();
                    let (bytes_per_second, files_per_second) = (40e6, 30.0);
                    behavior.writes =
                        Box::new([FileUse { path, bytes_per_second, bytes_per_request: 0.0, files_per_second }]);
                }
                if slow_hook {
                    behavior.pre_stop = HookRun { takes, fails: forks };
                }
            }
        }
    }

    /// A machine is switched off.
    pub(super) fn shutdown(&mut self) {
        let kind = FaultKind::NodeShutdown(NodeTarget::Random { pool: None, count: self.dice.range(1, 3) as u32 });
        let duration = self.dice.chance(70).then(|| SimDuration::from_secs(self.dice.range(1, 900)));
        let at = self.at();
        self.plan.faults.push(FaultPlan { at, duration, kind });
    }

    /// A bare pod wants more, less or something else: two versions, one after the other.
    pub(super) fn resizes(&mut self) {
        for planned in self.plan.pods.clone() {
            let mut versions = vec![planned.template];
            let mut times = [self.at().max(planned.at), self.at().max(planned.at)];
            times.sort_unstable();
            for at in times {
                let old = self.plan.templates[planned.template].clone();
                let Some(index) = old.containers.iter().position(|spec| spec.role == Role::Main) else { continue };
                let mut new = old.clone();
                let (cpu, memory) = (self.dice.pick(&[50, 900, 3_000]), self.dice.pick(&[32 * MIB, 2 * GIB, 9 * GIB]));
                let spec = &mut new.containers[index];
                (spec.requests.milli_cpu, spec.requests.memory) = (cpu, memory);
                spec.limits.milli_cpu = spec.limits.milli_cpu.map(|_| cpu + 200);
                spec.limits.memory = spec.limits.memory.map(|_| memory + 128 * MIB);
                let both: Vec<(TemplateId, ClassId)> =
                    versions.iter().map(|&version| (version, self.class(&new, Some(version)))).collect();
                new.class = self.class(&new, None);
                let template = self.plan.templates.push(new);
                versions.push(template);
                let name = self.plan.workloads[planned.workload].name;
                let pod = PodTarget { namespace: known::DEFAULT, name };
                let kind = ChangeKind::ResizePod { pod, template, both: both.into() };
                self.plan.changes.push(ChangePlan { at, kind });
            }
        }
    }

    /// The class of a version of a pod, or the one that stands for two versions.
    fn class(&mut self, new: &PodTemplate, other: Option<TemplateId>) -> ClassId {
        let mut class = self.plan.classes[new.class].clone();
        let mut sum = Resources::default();
        for (index, spec) in new.containers.iter().enumerate().filter(|(_, spec)| spec.role != Role::Init) {
            let mut requests = spec.requests.clone();
            if let Some(other) = other {
                let other = &self.plan.templates[other].containers[index].requests;
                requests.milli_cpu = requests.milli_cpu.max(other.milli_cpu);
                requests.memory = requests.memory.max(other.memory);
            }
            sum.add(&requests);
        }
        for spec in new.containers.iter().filter(|spec| spec.role == Role::Init) {
            sum.milli_cpu = sum.milli_cpu.max(spec.requests.milli_cpu);
            sum.memory = sum.memory.max(spec.requests.memory);
        }
        (class.requests.milli_cpu, class.requests.memory) = (sum.milli_cpu, sum.memory);
        class.scoring_milli_cpu = sum.milli_cpu.max(100);
        class.scoring_memory = sum.memory.max(200 * MIB);
        self.plan.classes.push(class)
    }
}
