//! Machines: they crash with everything that runs on them, and boot again (spec 6.8).

use super::kubelet::{Kubelets, Timer};
use super::load::Ceiling;
use super::outages::just_before;
use super::runtime::{Exit, Instance, RecordId, Worker};
use crate::api::Cluster;
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{ContainerState, NodeId, Resources};
use crate::record::{Fact, KubeEvent, Recorder};

/// The exit code the runtime gives to a container whose end it did not see.
const LOST_EXIT: i32 = 255;

impl Kubelets {
    /// The machine stops: nothing on it goes on, and nobody is told.
    pub fn crash<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if !self.machines[node].up {
            return;
        }
        env.counters.node_crashes += 1;
        env.fact(|| Fact::NodeCrashed(node));
        self.switch_off(env, node);
    }

    /// The machine is off, for good or until it boots.
    pub fn switch_off<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        if !self.machines[node].up {
            return;
        }
        // It goes off before anything else happens at its instant.
        self.disturb_node(env, node, just_before(env.now));
        let machine = &mut self.machines[node];
        (machine.up, machine.crashed_at) = (false, env.now);
        machine.pulls.clear();
        machine.steady_usage.set(None);
        if let Some(timer) = machine.shutdown.take().and_then(|shutdown| shutdown.timer) {
            env.timers.disarm(timer);
        }
        if let Some(timer) = machine.status_timer.take() {
            env.timers.disarm(timer);
        }
        self.stop_watching(env, node);
        for id in self.records_on(node) {
            self.unpark(env.plan, id);
            self.mounts_over(env, id);
            self.forget_mounts(id);
            self.forget_pulls(id);
            let granted = self.allocated(id);
            self.forget_resize(env, id);
            self.count_allocated(env.plan, id, granted);
            let record = self.records.get_mut(id);
            // What the kubelet had in mind is lost with it: why it was ending the pod, when its probe workers tick.
            (record.kill_reason, record.probes_from, record.failed_sync) = (known::EMPTY, None, false);
            (record.kill_grace, record.disrupted) = (None, false);
            let timers = [record.timer.take(), record.deadline.take(), record.storage_timer.take()];
            (record.due, record.worker, record.to_start) = (None, Worker::Idle, 0);
            (record.sandbox_ready, record.mounted) = (false, false);
            if let Some(storage) = &mut record.storage {
                storage.stop(env.now);
            }
            let (pod, template) = (record.pod, record.template);
            for timer in timers.into_iter().flatten() {
                env.timers.disarm(timer);
            }
            let count = env.plan.templates[template].containers.len();
            for index in 0..u16::try_from(count).expect("few containers") {
                self.disarm_container(env, id, index);
                self.count_throttled(env, id, index);
                let container = self.records.container_mut(id, index);
                if let Instance::Running(started) = container.instance {
                    let reason = known::UNKNOWN;
                    container.instance = Instance::Exited(Exit { code: LOST_EXIT, reason, started, finished: env.now });
                }
                (container.serving, container.stopping, container.unhealthy) = (false, false, false);
                container.slow = None;
                (container.started, container.ready, container.rate) = (false, false, 0.0);
                container.resize_restart = false;
                // Back-offs are in the kubelet's memory.
                container.back_off = super::backoff::CrashLoopBackOff::default();
                container.pull_back_off = None;
            }
            self.touched.push(pod);
        }
    }

    /// The machine runs again, with what its disk holds: images and the records of containers.
    pub fn boot<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let machine = &mut self.machines[node];
        if machine.up {
            return;
        }
        machine.up = true;
        machine.boots += 1;
        machine.lease_phase = env.now;
        env.fact(|| Fact::NodeBooted(node));
        let (plan, name, boot) = (env.plan, env.cluster.nodes().get(node).name, machine.boots);
        env.node_event(node, KubeEvent::Rebooted, || {
            format!("Node {} has been rebooted, boot id: {boot}", plan.strings.text(name))
        });
        self.images_after_boot(node, env.now);
        // Records whose pods are gone from the API have nothing left to stop.
        for id in self.records_on(node) {
            let pod = self.records.get(id).pod;
            if !env.cluster.pods().exists(pod) || env.cluster.pods().phase(pod.pod).is_terminal() {
                self.forget(env, id);
            }
        }
        let mut pods: Vec<_> = env.cluster.pods().on_node(node).collect();
        pods.reverse();
        for pod in pods {
            if env.cluster.pods().phase(pod.pod).is_terminal() {
                continue;
            }
            let id = match self.records.of(pod) {
                Some(id) => {
                    self.arm_deadline(env, id);
                    self.volumes_changed(env, node, self.records.template_of(id));
                    id
                }
                // It ended before the machine went off, and the API server is about to hear of it.
                None if self.is_told_over(pod) => continue,
                None => self.admit(env, pod, node),
            };
            let count = env.plan.templates[self.records.get(id).template].containers.len();
            for index in 0..u16::try_from(count).expect("few containers") {
                if let Some(exit) = self.records.container(id, index).exited() {
                    let state = ContainerState::Terminated(super::process::terminated(&exit));
                    self.show(env, id, index, state);
                }
            }
            match env.cluster.pods().deletion_grace_seconds(pod.pod) {
                Some(grace) => self.delete(env, id, grace),
                None => self.request_sync(env, id, env.now),
            }
            let resized = env.cluster.pods().resized(pod.pod);
            // One that was being deleted may be gone by now.
            let known = self.template_of(pod);
            if resized.is_some_and(|resized| known.is_some_and(|known| known != resized.spec)) {
                self.resize_asked(env, pod);
            }
        }
        if self.machines[node].minds_images() {
            self.node_changed(env, node);
        }
    }

    /// The records of a node's pods, latest first.
    pub(super) fn records_on(&self, node: NodeId) -> Vec<RecordId> {
        self.records.chain(self.machines[node].first_record).collect()
    }

    /// What contradicts itself between objects and runtimes; for tests. A record must belong to an existing pod that is
    /// not over, run something, or lie on a machine that is down; a pod that is not over must be known on its machine.
    #[must_use]
    pub fn inconsistencies(&self, plan: &Plan, cluster: &Cluster) -> Vec<String> {
        let mut found = Vec::new();
        let pods = cluster.pods();
        for (id, record) in self.records.iter() {
            let machine = &self.machines[record.node];
            let exists = pods.exists(record.pod);
            if self.records.is_parked(id) {
                if !machine.up || !exists {
                    found.push(format!("{id:?} of {:?} is parked", record.pod));
                }
                continue;
            }
            let template = &plan.templates[record.template];
            let runs = self.runs(template, id) || self.is_killing(template, id);
            if machine.up && !exists && !runs {
                found.push(format!("{id:?} of {:?} is left over", record.pod));
            }
            let record = self.records.get(id);
            if !machine.up && (record.timer.is_some() || record.deadline.is_some() || record.storage_timer.is_some()) {
                found.push(format!("{id:?} has a timer on a machine that is down"));
            }
            let waits = record.timer.is_some() || record.quiet.is_some();
            if machine.up && record.worker != Worker::Idle && !waits && !runs {
                found.push(format!("{id:?} waits for nothing: {:?}", record.worker));
            }
        }
        found
    }

    /// What a machine counts is what its pods were granted and what its processes can use; for tests: where it is not.
    #[must_use]
    pub fn miscounts(&self, plan: &Plan) -> Vec<String> {
        let mut found = Vec::new();
        let mut fixed = (0, 0);
        for (id, _) in self.records.iter().filter(|&(id, _)| self.records.running(id, 0).is_some()) {
            let (milli_cpu, memory) = self.fixed_of(id).unwrap_or_default();
            fixed = (fixed.0 + milli_cpu, fixed.1 + memory);
        }
        if self.fixed != fixed {
            found.push(format!("quiet pods use {:?}, not {fixed:?}", self.fixed));
        }
        for (node, machine) in self.machines.entries() {
            let (mut used, mut count, mut ceiling) = (Resources::default(), 0, Ceiling::default());
            let mut quiet = 0;
            for id in self.records.chain(machine.first_record) {
                (count, quiet) = (count + 1, quiet + u32::from(self.records.is_quiet(id)));
                used.add(&plan.classes[plan.templates[self.allocated(id)].class].requests);
                let template = &plan.templates[self.records.template_of(id)];
                for (index, spec) in (0..).zip(&template.containers) {
                    if self.records.running(id, index).is_some() || self.records.is_reserved(id) {
                        ceiling.add(Ceiling::of(&plan.behaviors[spec.behavior], &spec.limits));
                    }
                }
            }
            let mut kept = machine.used.clone();
            kept.scalar.retain(|&mut (_, amount)| amount != 0);
            if (&kept, machine.pods) != (&used, count) {
                found.push(format!("{node:?} counts {} pods with {kept:?}, not {count} with {used:?}", machine.pods));
            }
            let fixed = self.records.chain(machine.first_record).filter(|&id| self.is_fixed(id)).count();
            if usize::try_from(machine.fixed) != Ok(fixed) {
                found.push(format!("{node:?} counts {} quiet pods of fixed use, not {fixed}", machine.fixed));
            }
            if machine.quiet != quiet {
                found.push(format!("{node:?} counts {} quiet pods, not {quiet}", machine.quiet));
            }
            if machine.ceiling != ceiling {
                found.push(format!("{node:?}: the ceiling is {:?}, not {ceiling:?}", machine.ceiling));
            }
        }
        found
    }
}
