//! Joins requests with what serves them: endpoints as proxies know them, processes as kubelets know them.

use super::event::Event;
use super::world::{World, env};
use crate::api::PodRef;
use crate::base::SimTime;
use crate::component::Env;
use crate::engine::{Kernel, Ranked};
use crate::model::{ContainerSpec, PodTemplate, ServiceId, TargetPort};
use crate::record::Recorder;
use crate::workload::Endpoint;

impl World {
    /// The rate of a service's requests changes, now and at the next point of its curve.
    pub(super) fn rate<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: usize) {
        let now = kernel.now();
        let curve = &self.plan.traffic[at].rate;
        self.traffic[at].set_rate(now, curve.at(now));
        let next = curve.next_change(now);
        if next < SimTime::NEVER {
            let event = Event::Rate(u32::try_from(at).expect("few services"));
            kernel.schedule_at(next, event.rank(), event);
        }
        self.push_rates(kernel, recorder, at);
    }

    /// The proxies took over a service's endpoints.
    pub(super) fn synced<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, service: ServiceId) {
        let (now, pods) = (kernel.now(), self.endpoints.synced(service).to_vec());
        let Some(at) = self.traffic_of[service] else { return };
        let endpoints: Vec<Endpoint> = pods
            .into_iter()
            .filter(|pod| self.cluster.pods().exists(*pod) && self.has_target(service, *pod))
            .map(|pod| self.endpoint(now, service, pod))
            .collect();
        let gone: Vec<Endpoint> = self.traffic[at]
            .endpoints()
            .iter()
            .filter(|old| endpoints.iter().all(|new| new.pod != old.pod))
            .copied()
            .collect();
        self.traffic[at].set_endpoints(kernel.now(), endpoints);
        let mut env = env!(self, kernel, recorder);
        for endpoint in gone {
            if let Some(container) = endpoint.container {
                self.kubelets.set_rate(&mut env, endpoint.pod, container, 0.0);
            }
        }
        self.push_rates(kernel, recorder, at);
    }

    /// Processes of a pod began or ceased to serve.
    pub(super) fn update_traffic<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, pod: PodRef) {
        if !self.cluster.pods().exists(pod) {
            // A forced deletion: the proxies send requests there until they hear of it, and nobody answers.
            for traffic in &mut self.traffic {
                traffic.update(kernel.now(), pod, false, 0.0);
            }
            return;
        }
        let template = self.cluster.pods().template(pod.pod);
        for at in 0..self.endpoints.services_of(template).len() {
            let service = self.endpoints.services_of(template)[at];
            let Some(at) = self.traffic_of[service] else { continue };
            let Endpoint { up, capacity, .. } = self.endpoint(kernel.now(), service, pod);
            if self.traffic[at].update(kernel.now(), pod, up, capacity) {
                self.push_rates(kernel, recorder, at);
            }
        }
    }

    fn endpoint(&self, now: SimTime, service: ServiceId, pod: PodRef) -> Endpoint {
        let template = self.kubelets.template_of(pod).unwrap_or_else(|| self.cluster.pods().template(pod.pod));
        let template = &self.plan.templates[template];
        let target = self.plan.services[service].ports.first().map(|port| port.target);
        let number = target.and_then(|target| resolve(template, target));
        let listens = |spec: &ContainerSpec| {
            let behavior = &self.plan.behaviors[spec.behavior];
            let among = |ports: &[u16]| number.is_some_and(|number| ports.contains(&number));
            match &behavior.listens {
                Some(ports) => among(ports),
                None => spec.ports.iter().any(|port| Some(port.port) == number) || among(&behavior.implied),
            }
        };
        let containers = (0..u16::try_from(template.containers.len()).expect("few containers"))
            .filter(|&index| listens(&template.containers[usize::from(index)]));
        // Several may want the port: requests reach the one that has bound it.
        let works = |index: &u16| self.kubelets.works_for(&self.plan, pod, *index);
        let serves = |index: &u16| self.kubelets.serves(pod, *index);
        let container = containers.clone().find(serves).or_else(|| containers.clone().next());
        let up = container.as_ref().is_some_and(works);
        let capacity = container.map_or(0.0, |index| {
            let reach = self.kubelets.cpu_within_reach(&self.plan, now, pod, index);
            self.capacity(&template.containers[usize::from(index)], reach)
        });
        Endpoint { pod, container, up, capacity }
    }

    /// Whether the pod has the port that the service leads to: a pod without a port of that name is left out.
    fn has_target(&self, service: ServiceId, pod: PodRef) -> bool {
        let template = &self.plan.templates[self.cluster.pods().template(pod.pod)];
        let target = self.plan.services[service].ports.first().map(|port| port.target);
        target.is_none_or(|target| resolve(template, target).is_some())
    }

    /// Requests per second that a container can serve with its cpu limit and what its machine gives it.
    fn capacity(&self, spec: &ContainerSpec, reach: f64) -> f64 {
        let cpu = &self.plan.behaviors[spec.behavior].cpu;
        #[allow(clippy::cast_precision_loss)]
        let limit = spec.limits.milli_cpu.map_or(f64::INFINITY, |limit| limit as f64).min(reach);
        if cpu.per_request > 0.0 && limit.is_finite() {
            ((limit - cpu.base - cpu.ramp) / cpu.per_request).max(0.0)
        } else {
            f64::INFINITY
        }
    }

    /// Tells the processes behind a service what they serve now.
    pub(super) fn push_rates<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: usize) {
        let mut env = env!(self, kernel, recorder);
        let traffic = &self.traffic[at];
        for endpoint in traffic.endpoints() {
            if let Some(container) = endpoint.container {
                self.kubelets.set_rate(&mut env, endpoint.pod, container, traffic.served_by(endpoint));
            }
        }
    }
}

/// The port of a pod that a service's target means.
fn resolve(template: &PodTemplate, target: TargetPort) -> Option<u16> {
    let mut ports = template.containers.iter().flat_map(|spec| spec.ports.iter());
    match target {
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(name) => ports.find(|port| port.name == name).map(|port| port.port),
    }
}
