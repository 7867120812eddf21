//! What is left when a run ends: the outcome, and samples on the way.

use std::collections::BTreeMap;

use super::metrics;
use super::outcome::{LostPod, Outcome, PodRow, ServiceOutcome, Stopped};
use super::world::World;
use crate::api::PodRef;
use crate::base::SimTime;
use crate::kubelet::status_column::{ColumnInput, columns};
use crate::model::strings::known;
use crate::model::{ContainerStatus, Phase, PodConditionType, Role};
use crate::record::{Sample, ServiceSample};
use crate::scheduler::plugins::scheduling_gates;

impl World {
    /// The cluster at `at`, which is not before the last event.
    pub(super) fn sample(&self, at: SimTime) -> Sample {
        let services = self.plan.traffic.iter().zip(&self.traffic).map(|(plan, traffic)| {
            let (served_total, failed_total) = traffic.totals(at);
            ServiceSample {
                service: plan.service,
                endpoints_ready: u32::try_from(traffic.endpoints().len()).unwrap_or(u32::MAX),
                rate: traffic.rate(),
                served_total,
                failed_total,
            }
        });
        let (used_milli_cpu, used_memory) = self.kubelets.usage(&self.plan, at);
        Sample {
            used_milli_cpu,
            used_memory,
            restarts_total: self.counters.container_restarts,
            services: services.collect(),
            ..self.stats.sample.clone()
        }
    }

    /// The outcome of a run that ended at `ended_at`.
    pub(super) fn outcome(mut self, ended_at: SimTime, stopped: Stopped, events: u64) -> Outcome {
        self.stats.end(ended_at);
        for traffic in &mut self.traffic {
            traffic.advance(ended_at);
        }
        self.lose_pods_of_dead_machines();
        for traffic in &self.traffic {
            self.cluster.fold(traffic.served().to_bits());
            self.cluster.fold(traffic.failed().to_bits());
        }
        let services: Vec<ServiceOutcome> = self
            .plan
            .traffic
            .iter()
            .zip(&self.traffic)
            .map(|(plan, traffic)| ServiceOutcome {
                service: plan.service,
                served: traffic.served(),
                failed: traffic.failed(),
                degraded_seconds: traffic.degraded_seconds(),
            })
            .collect();
        let mut pods: Vec<PodRef> = self.cluster.pods().iter().collect();
        pods.sort_unstable_by_key(|pod| pod.uid);
        Outcome {
            ended_at,
            stopped,
            events,
            writes: self.cluster.resource_version(),
            digest: self.cluster.digest(),
            counters: self.counters,
            wait: self.stats.wait_quantiles(),
            ready: self.stats.ready_quantiles(),
            pods: pods.iter().map(|&pod| self.row(pod, ended_at)).collect(),
            pending: self.pending(&pods),
            metrics: self.metrics(ended_at, &services),
            strings: std::mem::take(&mut self.plan.strings),
            lost: self.stats.lost,
            refused: self.refused,
            services,
        }
    }

    /// Pods that wait on machines that are down: nothing will bring them back unless their node returns.
    fn lose_pods_of_dead_machines(&mut self) {
        let lost: Vec<_> = self
            .cluster
            .pods()
            .iter()
            .filter_map(|pod| {
                let node = self.cluster.pods().node(pod.pod)?;
                let at = self.kubelets.down_since(node)?;
                let over = self.cluster.pods().phase(pod.pod).is_terminal();
                let known = self.stats.lost.iter().any(|lost: &LostPod| lost.uid == pod.uid);
                (!over && !known).then_some((pod, node, at))
            })
            .collect();
        for (pod, node, at) in lost {
            self.stats.lose(&self.plan, &self.cluster, &mut self.counters, pod, node, at);
        }
        self.stats.lost.sort_unstable_by_key(|lost| (lost.at, lost.uid));
    }

    /// A pod that exists, as `kubectl get pods` lists it.
    pub(super) fn row(&self, pod: PodRef, now: SimTime) -> PodRow {
        let pods = self.cluster.pods();
        let slot = pod.pod;
        let template = &self.plan.templates[pods.template(slot)];
        let stored = template.containers.iter().zip(pods.containers(slot));
        let statuses: Vec<ContainerStatus> = stored.map(|(spec, status)| status.unpack(spec.name)).collect();
        let (source, ordinal) = pods.source(slot);
        let workload = &self.plan.workloads[source];
        let conditions = pods.conditions(slot);
        let init = template.init_count();
        let input = ColumnInput {
            phase: pods.phase(slot).text(),
            reason: pods.reason(slot),
            deleting: pods.deleting(slot),
            gated: conditions.get(PodConditionType::PodScheduled).is_some_and(|c| c.reason == known::SCHEDULING_GATED),
            initialized: conditions.is_true(PodConditionType::Initialized),
            ready: conditions.is_true(PodConditionType::Ready),
            init_count: init,
            serving_count: template.containers.iter().filter(|spec| spec.role != Role::Init).count(),
        };
        // The kubelet sorts the statuses of main containers by name (spec 1.2).
        let mut main: Vec<&ContainerStatus> = statuses[init..].iter().collect();
        main.sort_by_key(|status| self.plan.strings.text(status.name));
        let roles = template.containers.iter().map(|spec| spec.role);
        let shown = columns(&input, roles.zip(&statuses[..init]), main);
        PodRow {
            uid: pod.uid,
            namespace: workload.namespace,
            name: self.plan.pod_name(source, pods.template(slot), ordinal),
            ready: shown.ready_text(),
            status: shown.status.render(&self.plan.strings),
            restarts: shown.restarts_text(now),
            age: now - pods.created(slot),
            ip: pods.has_address(slot).then(|| address(pod)),
            node: pods.node(slot).map(|node| self.cluster.nodes().get(node).name),
            phase: pods.phase(slot),
        }
    }

    /// Why pods are pending, most frequent first.
    fn pending(&self, pods: &[PodRef]) -> Vec<(u32, String)> {
        let mut messages: BTreeMap<String, u32> = BTreeMap::new();
        for &pod in pods {
            if self.cluster.pods().phase(pod.pod) != Phase::Pending {
                continue;
            }
            let message = match (self.scheduler.last_error(pod), self.cluster.pods().node(pod.pod)) {
                (Some(error), None) => error.message(&self.plan.strings),
                (None, None) => self.untried(pod),
                (_, Some(_)) => format!("on its node: {}", self.row(pod, self.cluster.pods().created(pod.pod)).status),
            };
            *messages.entry(message).or_default() += 1;
        }
        let mut messages: Vec<(u32, String)> = messages.into_iter().map(|(text, count)| (count, text)).collect();
        messages.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        messages
    }

    /// Why the scheduler has not tried a pod.
    fn untried(&self, pod: PodRef) -> String {
        let template = self.cluster.pods().template(pod.pod);
        let class = &self.plan.classes[self.plan.templates[template].class];
        let strings = &self.plan.strings;
        match class.scheduler_name {
            Some(name) if !self.plan.control_plane.scheduler.schedules(class) => {
                format!("no profile of the scheduler is called {}", strings.text(name))
            }
            None if !self.plan.control_plane.scheduler.schedules(class) => {
                "no profile of the scheduler is called default-scheduler".to_owned()
            }
            _ if !class.scheduling_gates.is_empty() => scheduling_gates::message(&class.scheduling_gates, strings),
            _ => "not tried by the scheduler yet".to_owned(),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn metrics(&self, ended_at: SimTime, services: &[ServiceOutcome]) -> BTreeMap<&'static str, f64> {
        let counters = &self.counters;
        let sample = &self.stats.sample;
        let seconds = (ended_at - self.plan.start).as_secs_f64();
        let (wait, ready) = (self.stats.wait_quantiles(), self.stats.ready_quantiles());
        // The sum of nothing is -0.0.
        let sum = |of: fn(&ServiceOutcome) -> f64| services.iter().map(of).sum::<f64>() + 0.0;
        let (served, failed) = (sum(|s| s.served), sum(|s| s.failed));
        let asked = served + failed;
        let values = [
            (metrics::PODS_CREATED, counters.pods_created as f64),
            (metrics::PODS_BOUND, sample.pods_bound_total as f64),
            (metrics::PODS_STARTED, counters.pods_started as f64),
            (metrics::PODS_SUCCEEDED, counters.pods_succeeded as f64),
            (metrics::PODS_FAILED, counters.pods_failed as f64),
            (metrics::PODS_REMOVED, counters.pods_removed as f64),
            (metrics::PODS_LOST, counters.pods_lost as f64),
            (metrics::PODS_PENDING_AT_END, f64::from(sample.pods_unscheduled + sample.pods_starting)),
            (metrics::PODS_PENDING_PEAK, f64::from(self.stats.pending.peak)),
            (metrics::PODS_PENDING_MEAN, self.stats.pending.mean(seconds)),
            (metrics::PODS_UNSCHEDULED_AT_END, f64::from(sample.pods_unscheduled)),
            (metrics::PODS_RUNNING_AT_END, f64::from(sample.pods_running)),
            (metrics::CONTAINER_STARTS, counters.container_starts as f64),
            (metrics::CONTAINER_RESTARTS, counters.container_restarts as f64),
            (metrics::CONTAINER_CRASHES, counters.container_crashes as f64),
            (metrics::OOM_KILLS, counters.oom_kills as f64),
            (metrics::CPU_THROTTLED_SECONDS, counters.cpu_throttled_nanoseconds as f64 / 1e9),
            (metrics::IMAGE_PULLS, counters.image_pulls as f64),
            (metrics::IMAGE_PULL_FAILURES, counters.image_pull_failures as f64),
            (metrics::SCHEDULING_ATTEMPTS, counters.scheduling_attempts as f64),
            (metrics::SCHEDULING_FAILURES, counters.scheduling_failures as f64),
            (metrics::PROBE_FAILURES, counters.probe_failures as f64),
            (metrics::NODE_CRASHES, counters.node_crashes as f64),
            (metrics::NODES_MEAN, self.stats.nodes.mean(seconds)),
            (metrics::NODES_PEAK, f64::from(self.stats.nodes.peak)),
            (metrics::NODES_COST, self.stats.cost.total),
            (metrics::WAIT_SECONDS_MEAN, wait.mean),
            (metrics::WAIT_SECONDS_P50, wait.p50),
            (metrics::WAIT_SECONDS_P90, wait.p90),
            (metrics::WAIT_SECONDS_P99, wait.p99),
            (metrics::WAIT_SECONDS_MAX, wait.max),
            (metrics::READY_SECONDS_MEAN, ready.mean),
            (metrics::READY_SECONDS_P50, ready.p50),
            (metrics::READY_SECONDS_P90, ready.p90),
            (metrics::READY_SECONDS_P99, ready.p99),
            (metrics::READY_SECONDS_MAX, ready.max),
            (metrics::REQUESTS_SERVED, served),
            (metrics::REQUESTS_FAILED, failed),
            (metrics::REQUESTS_FAILED_RATIO, if asked > 0.0 { failed / asked } else { 0.0 }),
            (metrics::SERVICE_DEGRADED_SECONDS, sum(|s| s.degraded_seconds)),
            (metrics::CPU_REQUESTED_RATIO_MEAN, self.stats.cpu.mean(seconds)),
            (metrics::CPU_REQUESTED_RATIO_PEAK, self.stats.cpu.peak),
            (metrics::MEMORY_REQUESTED_RATIO_MEAN, self.stats.memory.mean(seconds)),
            (metrics::MEMORY_REQUESTED_RATIO_PEAK, self.stats.memory.peak),
        ];
        values.into_iter().map(|(metric, value)| (metric.name, value)).collect()
    }
}

/// A pod's address, made up from its uid: unique among a run's first 16 million pods.
fn address(pod: PodRef) -> String {
    let [_, a, b, c] = (pod.uid.raw() + 2).to_be_bytes();
    format!("10.{}.{b}.{c}", 128_u8.wrapping_add(a))
}
