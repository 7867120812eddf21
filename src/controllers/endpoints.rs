//! Endpoints of services: the pods that a selector matches, and what proxies know of them a little later. Mirrors
//! staging/src/k8s.io/endpointslice and pkg/proxy, v1.34 (spec 3.6). Must not know who sends requests.

use crate::api::{Change, Cluster, PodRef, StatusMask};
use crate::base::{IdVec, SimDuration};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::{PodConditionType, PodTemplate, ServiceId, ServiceSpec, ServiceType, Strings, TemplateId};
use crate::record::{Fact, Recorder};

/// Timers of this controller and of the proxies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The proxies have taken over the endpoints of a service.
    Synced(ServiceId),
    /// The cloud provider has given a load balancer its address.
    LoadBalancer(ServiceId),
}

#[derive(Clone, Debug, Default)]
struct Members {
    ready: Vec<PodRef>,
    /// Being deleted but still serving: used only when none is ready.
    leaving: Vec<PodRef>,
    /// The proxies will take over what there is then.
    syncing: bool,
    syncs: u32,
}

/// The EndpointSlice controller and the proxies.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Which services select the pods of a template.
    selected_by: IdVec<TemplateId, Vec<ServiceId>>,
    members: IdVec<ServiceId, Members>,
    /// Services that were deleted.
    gone: Vec<ServiceId>,
}

/// Whether the selector of `service` matches the pods of `template`.
#[must_use]
pub fn selects(service: &ServiceSpec, template: &PodTemplate, strings: &Strings) -> bool {
    let labels = strings.labels(template.labels);
    !service.selector.is_empty()
        && service.namespace == template.namespace
        && service.kind != ServiceType::ExternalName
        && service.selector.iter().all(|&(key, value)| labels.get(key) == Some(value))
}

impl Endpoints {
    /// For the services of `plan`.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let members = plan.services.iter().map(|_| Members::default()).collect();
        let mut endpoints = Self { selected_by: IdVec::new(), members, gone: Vec::new() };
        endpoints.learn(plan);
        endpoints
    }

    /// Looks at the templates that were added to `plan`.
    pub fn learn(&mut self, plan: &Plan) {
        let of = |template: &PodTemplate| {
            let services = plan.services.entries();
            let exist = services.filter(|(id, _)| !self.gone.contains(id));
            exist.filter(|(_, service)| selects(service, template, &plan.strings)).map(|(id, _)| id).collect()
        };
        let known = self.selected_by.len();
        plan.templates.iter().skip(known).for_each(|template| _ = self.selected_by.push(of(template)));
    }

    /// The services that select pods of a template.
    #[must_use]
    pub fn services_of(&self, template: TemplateId) -> &[ServiceId] {
        &self.selected_by[template]
    }

    /// The endpoints of a service as the controller knows them: ready ones, and ones that are leaving but still serve.
    #[must_use]
    pub fn members(&self, service: ServiceId) -> (&[PodRef], &[PodRef]) {
        (&self.members[service].ready, &self.members[service].leaving)
    }

    /// Asks the cloud provider for addresses.
    pub fn start<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for (id, service) in env.plan.services.entries() {
            if service.kind == ServiceType::LoadBalancer {
                let mut rng = env.draws.network.at(u64::from(id.raw()), 0, 0);
                let takes = env.plan.control_plane.load_balancer.sample(&mut rng);
                env.timers.after(SimDuration::from_secs_f64(takes), Timer::LoadBalancer(id));
            }
        }
    }

    /// Whether a change concerns some service.
    #[must_use]
    pub fn minds(&self, cluster: &Cluster, change: &Change) -> bool {
        match *change {
            Change::PodStatus { pod, .. } | Change::PodDeleting { pod, .. } => {
                cluster.pods().exists(pod) && !self.selected_by[cluster.pods().template(pod.pod)].is_empty()
            }
            Change::PodRemoved { template, .. } => !self.selected_by[template].is_empty(),
            Change::ServiceRemoved(_) => true,
            _ => false,
        }
    }

    /// A change that controllers see.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, change: &Change) {
        if env.plan.services.is_empty() {
            return;
        }
        let (pod, template) = match *change {
            Change::PodStatus { pod, mask, .. } => {
                let ready = StatusMask::condition(PodConditionType::Ready);
                let matters = [StatusMask::PHASE, StatusMask::ADDRESS, ready].into_iter().any(|bit| mask.has(bit));
                if !matters || !env.cluster.pods().exists(pod) {
                    return;
                }
                (pod, env.cluster.pods().template(pod.pod))
            }
            Change::PodDeleting { pod, .. } if env.cluster.pods().exists(pod) => {
                (pod, env.cluster.pods().template(pod.pod))
            }
            Change::PodRemoved { pod, template, .. } => (pod, template),
            Change::ServiceRemoved(service) => return self.remove(env, service),
            _ => return,
        };
        for at in 0..self.selected_by[template].len() {
            self.review(env, self.selected_by[template][at], pod);
        }
    }

    fn review<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, service: ServiceId, pod: PodRef) {
        let pods = env.cluster.pods();
        let exists = pods.exists(pod);
        let listed = exists && pods.has_address(pod.pod) && !pods.phase(pod.pod).is_terminal();
        let serving = listed && pods.conditions(pod.pod).is_true(PodConditionType::Ready);
        let deleting = exists && pods.deleting(pod.pod);
        let published = env.plan.services[service].publish_not_ready_addresses;
        let ready = (listed && published) || (serving && !deleting);
        let members = &mut self.members[service];
        let a = set(&mut members.ready, pod, ready);
        let b = set(&mut members.leaving, pod, serving && deleting && !ready);
        if a || b {
            self.sync(env, service);
        }
    }

    /// A service is gone, and so are its endpoints.
    fn remove<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, service: ServiceId) {
        self.gone.push(service);
        self.selected_by.iter_mut().for_each(|services| services.retain(|other| *other != service));
        let members = &mut self.members[service];
        if !members.ready.is_empty() || !members.leaving.is_empty() {
            (members.ready, members.leaving) = (Vec::new(), Vec::new());
            self.sync(env, service);
        }
    }

    /// The proxies take over what there is now.
    fn sync<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, service: ServiceId) {
        let members = &mut self.members[service];
        let (count, all) = (members.ready.len(), members.ready.len() + members.leaving.len());
        if !std::mem::replace(&mut members.syncing, true) {
            members.syncs += 1;
            let settings = &env.plan.control_plane;
            let address = (u64::from(service.raw()), u64::from(members.syncs));
            let wait = settings.proxy_sync.as_secs_f64() * env.draws.network.unit(address.0, address.1, 1);
            let delay = settings.endpoint_slice + SimDuration::from_secs_f64(wait);
            env.timers.after(delay, Timer::Synced(service));
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        env.fact(|| Fact::Endpoints(service, number(count), number(all)));
    }

    /// The endpoints that get requests, as the proxies now take them over.
    pub fn synced(&mut self, service: ServiceId) -> &[PodRef] {
        let members = &mut self.members[service];
        members.syncing = false;
        if members.ready.is_empty() { &members.leaving } else { &members.ready }
    }
}

/// Makes `pod` a member or not; whether that changed anything. Members are kept in the order of their creation.
fn set(members: &mut Vec<PodRef>, pod: PodRef, member: bool) -> bool {
    match (members.binary_search_by_key(&pod.uid, |other| other.uid), member) {
        (Ok(at), false) => {
            members.remove(at);
            true
        }
        (Err(at), true) => {
            members.insert(at, pod);
            true
        }
        _ => false,
    }
}
