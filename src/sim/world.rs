//! The world: all components around one set of objects, and the one `match` that dispatches events to them.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use super::drain::Drain;
use super::event::{Actor, Event};
use super::stats::Stats;
use crate::api::{Change, Cluster, Cursor, Op, PodRef};
use crate::autoscaler::Autoscaler;
use crate::base::id::DenseId;
use crate::base::{Distribution, IdVec, SimDuration, SimTime};
use crate::component::{DrawTables, Env, NewPod};
use crate::controllers::{
    AttachDetach, Endpoints, Manager, NodeLifecycle, PodGc, VolumeBinder, VolumeProtection, attach_detach, endpoints,
    manager, pod_gc, volume_binder,
};
use crate::engine::{Kernel, Ranked, TimerKey};
use crate::kubelet::{self, Kubelets};
use crate::model::objects::ObjectKind;
use crate::model::plan::{ArrivalPlan, ArrivalProcess, ArrivalSource, Plan};
use crate::model::{ConditionStatus, NodeId, ObjectId, PodId, ServiceId, ServiceType, StrId, TemplateId, WorkloadId};
use crate::record::{Counters, Fact, KubeEvent, Recorder, Subject};
use crate::scheduler::Scheduler;
use crate::workload::arrivals::{self, Arrivals, Spacing};
use crate::workload::{Arrival, Traffic};

/// Every component, and what they share.
#[derive(Debug)]
pub struct World {
    pub(super) plan: Plan,
    pub(super) draws: DrawTables,
    pub(super) cluster: Cluster,
    pub(super) kubelets: Kubelets,
    pub(super) scheduler: Scheduler,
    pub(super) endpoints: Endpoints,
    pub(super) lifecycle: NodeLifecycle,
    pub(super) gc: PodGc,
    pub(super) volume_binder: VolumeBinder,
    pub(super) volume_protection: VolumeProtection,
    pub(super) attach_detach: AttachDetach,
    pub(super) manager: Manager,
    pub(super) autoscaler: Autoscaler,
    /// One for each entry of the plan's traffic.
    pub(super) traffic: Vec<Traffic>,
    pub(super) counters: Counters,
    pub(super) stats: Stats,
    /// The traffic of each service that has some.
    pub(super) traffic_of: IdVec<ServiceId, Option<usize>>,
    /// Existing nodes by name; never iterated.
    pub(super) node_names: FxHashMap<StrId, NodeId>,
    /// Workloads by namespace and name; never iterated.
    pub(super) workloads: FxHashMap<(StrId, StrId), WorkloadId>,
    /// The nodes that each fault of the plan struck.
    pub(super) struck: Vec<Vec<NodeId>>,
    /// What users asked for and the API server refused: the first of them.
    pub(super) refused: Vec<(SimTime, String)>,
    /// Drains that began.
    pub(super) drains: Vec<Drain>,
    /// Nodes whose outage is over before they were off.
    pub(super) boot_when_off: Vec<NodeId>,
    /// The arrival that each stream waits for.
    next_arrival: Vec<Option<Arrival>>,
    /// What the API server takes to accept a pod, if that is always the same: pods of a stream are created in their order
    /// then, and the next one is all that is pending.
    write_takes: Option<SimDuration>,
    /// The readers of the log.
    readers: [Reader; 3],
    /// Whether a reader has read, or has something to read, since their wake-ups were looked at last.
    pub(super) is_news: bool,
}

/// A reader of the log as `sim` wakes it.
#[derive(Debug, Default)]
struct Reader {
    /// Its wake-up, of which at most one is pending.
    wake: Option<(SimTime, TimerKey)>,
    /// When it can read the changes that it is to be woken for.
    minds: VecDeque<SimTime>,
}

/// So many changes at most wait for a reader that need not be woken for them.
const MOST_UNREAD: usize = 256;

/// So often, at most, traffic is shared anew at one instant.
const MOST_ROUNDS: u32 = 32;

/// The surroundings of a component, borrowed apart from the component itself.
macro_rules! env {
    ($world:ident, $kernel:expr, $recorder:expr) => {
        Env {
            now: $kernel.now(),
            cluster: &mut $world.cluster,
            timers: $kernel,
            plan: &$world.plan,
            draws: &$world.draws,
            recorder: $recorder,
            counters: &mut $world.counters,
        }
    };
}
pub(super) use env;

/// The same for the component that adds to the plan.
macro_rules! maker {
    ($world:ident, $kernel:expr, $recorder:expr) => {
        Env {
            now: $kernel.now(),
            cluster: &mut $world.cluster,
            timers: &mut *$kernel,
            plan: &mut $world.plan,
            draws: &$world.draws,
            recorder: &mut *$recorder,
            counters: &mut $world.counters,
        }
    };
}
pub(super) use maker;

impl World {
    /// The world of a plan before anything happened.
    pub(super) fn new(plan: Plan) -> Self {
        let draws = DrawTables::new(&plan);
        let mut traffic_of: IdVec<ServiceId, Option<usize>> = plan.services.iter().map(|_| None).collect();
        let traffic = plan.traffic.iter().enumerate().map(|(at, traffic)| {
            traffic_of[traffic.service] = Some(at);
            let reachable = plan.services[traffic.service].kind != ServiceType::LoadBalancer;
            Traffic::new(plan.start, reachable)
        });
        let workloads = plan.workloads.entries().map(|(id, of)| ((of.namespace, of.name), id));
        Self {
            cluster: Cluster::new(plan.configs.len()),
            kubelets: Kubelets::default(),
            scheduler: Scheduler::new(&plan),
            endpoints: Endpoints::new(&plan),
            lifecycle: NodeLifecycle::default(),
            gc: PodGc::default(),
            volume_binder: VolumeBinder::default(),
            volume_protection: VolumeProtection::default(),
            attach_detach: AttachDetach::default(),
            manager: Manager::default(),
            autoscaler: Autoscaler::new(&plan),
            traffic: traffic.collect(),
            counters: Counters::default(),
            stats: Stats::default(),
            traffic_of,
            node_names: FxHashMap::default(),
            workloads: workloads.collect(),
            refused: Vec::new(),
            drains: Vec::new(),
            boot_when_off: Vec::new(),
            struck: vec![Vec::new(); plan.faults.len()],
            next_arrival: vec![None; plan.arrivals.len()],
            readers: Default::default(),
            is_news: false,
            draws,
            write_takes: match plan.control_plane.api_write {
                Distribution::Constant(seconds) => Some(SimDuration::from_secs_f64(seconds)),
                _ => None,
            },
            plan,
        }
    }

    /// Creates what exists from the start and schedules what the plan says.
    pub(super) fn start<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R) {
        let start = self.plan.start;
        for at in 0..self.plan.nodes.len() {
            let node = self.plan.nodes[at];
            self.add_node(kernel, recorder, node.name, node.shape);
        }
        for content in &self.plan.config_contents {
            let op = Op::PutConfig(content.config, &self.plan.configs[content.config], &content.keys);
            self.cluster.request(start, op).expect("a new configuration object is always accepted");
        }
        for object in &self.plan.storage {
            self.cluster.request(start, Op::PutStorage(object)).expect("objects of the start have names of their own");
        }
        // Namespaces first, which others are in. Deployments next: they adopt the ReplicaSets of a dump.
        let mut objects = self.plan.objects.clone();
        objects.sort_by_key(|object| match object.spec.kind() {
            ObjectKind::Namespace => 0,
            ObjectKind::Deployment => 1,
            _ => 2,
        });
        for object in objects {
            self.apply_object(start, &object);
        }
        self.count_quotas(start);
        for object in 0..self.cluster.objects().len() {
            manager::record(&mut maker!(self, kernel, recorder), ObjectId::from_index(object));
        }
        let mut env = env!(self, kernel, recorder);
        self.endpoints.start(&mut env);
        let mut plan_event = |at: SimTime, event: Event| {
            kernel.schedule_at(at.max(start), event.rank(), event);
        };
        let number = |at: usize| u32::try_from(at).expect("fewer than 2^32 entries");
        for (at, change) in self.plan.changes.iter().enumerate() {
            plan_event(change.at, Event::Change(number(at)));
        }
        for (at, fault) in self.plan.faults.iter().enumerate() {
            plan_event(fault.at, Event::Fault(number(at), true));
            if let Some(duration) = fault.duration {
                plan_event(fault.at + duration, Event::Fault(number(at), false));
            }
        }
        for at in 0..self.plan.traffic.len() {
            plan_event(start, Event::Rate(number(at)));
        }
        for (at, pod) in self.plan.pods.iter().enumerate() {
            plan_event(pod.at, Event::Pod(number(at)));
        }
        for at in 0..self.plan.arrivals.len() {
            self.next_arrival[at] = self.arrival(at, 0, None);
            if let Some(arrival) = self.next_arrival[at] {
                plan_event(arrival.at + self.write_takes.unwrap_or_default(), Event::Arrival(number(at)));
            }
        }
        self.after_event(kernel, recorder);
    }

    /// Handles one event, and what follows from it at once.
    pub(super) fn dispatch<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, event: Event) {
        match event {
            Event::Pod(at) => {
                let pod = self.plan.pods[at as usize];
                self.create(kernel, recorder, pod.workload, 0, pod.template);
            }
            Event::Arrival(stream) => self.arrive(kernel, recorder, stream as usize),
            Event::Create { stream, ordinal } => {
                let workload = self.plan.arrivals[stream as usize].workload;
                let template = self.arrival_template(stream as usize, ordinal);
                self.create(kernel, recorder, workload, ordinal, template);
            }
            Event::TraceDelete(pod) => self.delete_pod(kernel.now(), pod, None),
            Event::Fault(at, begins) => self.fault(kernel, recorder, at as usize, begins),
            Event::Change(at) => self.change(kernel, recorder, at as usize),
            Event::Drain(at) => self.drain(kernel, recorder, at as usize),
            Event::Rate(at) => self.rate(kernel, recorder, at as usize),
            Event::Booted(node) => {
                let mut env = env!(self, kernel, recorder);
                self.kubelets.boot(&mut env, node);
                // Refused if the outage was too short to be noticed.
                let _ = self.cluster.request(kernel.now(), Op::SetNodeReady(node, ConditionStatus::True));
            }
            Event::Wake(actor) => self.wake(kernel, recorder, actor),
            Event::Kubelet(kubelet::Timer::PowerOff(node)) => self.power_off(kernel, recorder, node),
            Event::Kubelet(first @ (kubelet::Timer::Tell(_) | kubelet::Timer::Message(_))) => {
                self.read_ahead(first);
                let mut messages: SmallVec<[_; 8]> = smallvec![first];
                while let Some(Event::Kubelet(next)) = kernel.pop_now_if(Event::is_message) {
                    messages.push(next);
                }
                let mut env = env!(self, kernel, recorder);
                self.kubelets.arrive(&mut env, &mut messages);
            }
            Event::Kubelet(timer) => {
                let mut env = env!(self, kernel, recorder);
                self.kubelets.handle(&mut env, timer);
            }
            Event::Endpoints(endpoints::Timer::Synced(service)) => self.synced(kernel, recorder, service),
            Event::Endpoints(endpoints::Timer::LoadBalancer(service)) => {
                self.load_balancer(kernel, recorder, service);
            }
            Event::NodeLifecycle(timer) => {
                let now = kernel.now();
                let mut env = env!(self, kernel, recorder);
                let renewed = |node| self.kubelets.last_renewal(&self.plan, node, now);
                self.lifecycle.handle(&mut env, timer, renewed);
            }
            Event::PodGcPass => self.collect(kernel, recorder, pod_gc::Timer::Pass),
            Event::PodGcExpired(pod) => {
                let noted = self.kubelets.read_slot_ahead(pod.pod) ^ self.scheduler.view().read_pod_ahead(pod.pod);
                std::hint::black_box(self.rows_of(pod.pod) ^ i64::from(noted));
                self.collect(kernel, recorder, pod_gc::Timer::Expired(pod));
            }
            Event::VolumeProvisioned(claim) => {
                self.bind_volumes(kernel, recorder, volume_binder::Timer::Provisioned(claim))
            }
            Event::VolumeResync => self.bind_volumes(kernel, recorder, volume_binder::Timer::Resync),
            Event::Scrape => self.scrape(kernel, recorder),
            Event::VolumeMoved(volume, node) => {
                let mut env = env!(self, kernel, recorder);
                self.attach_detach.handle(&mut env, attach_detach::Timer::Done(volume, node));
            }
            Event::VolumeDue(volume) => {
                let mut env = env!(self, kernel, recorder);
                self.attach_detach.handle(&mut env, attach_detach::Timer::Due(volume));
            }
            Event::Written(slot) => self.manage(kernel, recorder, Some(manager::Timer::Written(slot))),
            Event::ObjectDue(object) => self.manage(kernel, recorder, Some(manager::Timer::Due(object))),
            Event::Pools(timer) => self.pools(kernel, recorder, timer),
            Event::Scheduler(timer) => {
                self.is_news = true;
                let mut env = env!(self, kernel, recorder);
                self.scheduler.handle(&mut env, timer);
            }
        }
        self.after_event(kernel, recorder);
    }

    /// See [`super::Simulation::tell_repeats`].
    pub(super) fn tell_repeats<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: SimTime) {
        let mut env = Env { now: at, ..env!(self, kernel, recorder) };
        self.kubelets.tell_repeats(&mut env);
    }

    /// A pod that just ran ends. No cache holds any of its rows any more: they are asked for together, not one after the other as
    /// the event comes to them, so that the processor waits once.
    #[inline]
    fn read_ahead(&self, timer: kubelet::Timer) {
        let kubelet::Timer::Tell(record) = timer else { return };
        let Some((pod, node, machine)) = self.kubelets.read_ahead(record) else { return };
        std::hint::black_box(machine ^ self.rows_of(pod) ^ self.scheduler.view().read_ahead(pod, node));
    }

    /// Looks at the rows of a pod: what was read.
    #[inline]
    fn rows_of(&self, pod: PodId) -> i64 {
        self.cluster.pods().read_ahead(pod) ^ i64::from(self.stats.read_ahead(pod))
    }

    fn collect<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, timer: pod_gc::Timer) {
        let mut env = env!(self, kernel, recorder);
        self.gc.handle(&mut env, timer);
    }

    fn bind_volumes<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, timer: volume_binder::Timer) {
        let mut env = env!(self, kernel, recorder);
        self.volume_binder.handle(&mut env, timer);
    }

    /// Lets the controllers of objects handle a timer, or work off their queue.
    fn manage<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, timer: Option<manager::Timer>) {
        let mut env = maker!(self, kernel, recorder);
        match timer {
            Some(timer) => self.manager.handle(&mut env, timer),
            None => self.manager.work(&mut env),
        }
        self.endpoints.learn(&self.plan);
    }

    fn wake<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, actor: Actor) {
        self.readers[actor as usize].wake = None;
        self.is_news = true;
        let mut env = env!(self, kernel, recorder);
        match actor {
            Actor::Kubelets => self.kubelets.watch(&mut env),
            Actor::Scheduler => self.scheduler.watch(&mut env),
            Actor::Controllers => {
                let lag = env.plan.control_plane.watch_controller;
                while let Some(change) = env.cluster.log_mut().next(Cursor::Controllers, env.now, lag) {
                    self.endpoints.on_change(&mut env, &change);
                    self.lifecycle.on_change(&mut env, &change);
                    self.gc.on_change(&mut env, &change);
                    self.volume_binder.on_change(&mut env, &change);
                    self.autoscaler.on_change(&mut env, &change);
                    self.volume_protection.on_change(&mut env, &change);
                    self.attach_detach.on_change(&mut env, &change);
                    self.manager.on_change(&mut maker!(self, kernel, recorder), &change);
                    env = env!(self, kernel, recorder);
                }
                self.manage(kernel, recorder, None);
                self.arrange_scrapes(kernel);
            }
        }
    }

    /// Nothing happens up to `at`: what can be read until then is read.
    pub(super) fn settle<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: SimTime) {
        let mut env = Env { now: at, ..env!(self, kernel, recorder) };
        self.scheduler.catch_up(&mut env);
        self.kubelets.observe(&mut env, at);
    }

    /// The run is over at `at`: what goes on is counted up to then.
    pub(super) fn end<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: SimTime) {
        let mut env = Env { now: at, ..env!(self, kernel, recorder) };
        self.kubelets.count_all_throttled(&mut env);
    }

    /// A recorder looks at the machines as they are at `at`, between two events.
    pub(super) fn observe<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: SimTime) {
        let mut env = env!(self, kernel, recorder);
        self.kubelets.observe(&mut env, at);
    }

    /// Tells the recorder, the statistics and the traffic; wakes the readers of the log.
    pub(super) fn after_event<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R) {
        let now = kernel.now();
        while let Some(change) = self.cluster.log_mut().next(Cursor::Recorder, now, SimDuration::ZERO) {
            self.stats.on_change(&self.plan, &self.cluster, &self.kubelets, &mut self.counters, now, &change);
            if R::ON {
                super::facts::record(&self.cluster, recorder, now, &change);
            }
            self.remember(kernel, recorder, &change);
            if let Change::PodBound { node, .. } = change {
                std::hint::black_box(self.kubelets.read_node_ahead(node));
            }
        }
        // What one process serves may leave another less, or more: that settles after a few rounds.
        let mut rounds = 0;
        while self.kubelets.has_touched() && rounds < MOST_ROUNDS {
            rounds += 1;
            for pod in self.kubelets.take_touched() {
                self.update_traffic(kernel, recorder, pod);
            }
        }
        if std::mem::take(&mut self.is_news) {
            self.wake_readers(kernel);
        }
    }

    /// A change was made: who is to be woken for it. What nobody is woken for is read when its reader is woken for something
    /// else.
    fn remember<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, change: &Change) {
        let (now, mut env) = (kernel.now(), env!(self, kernel, recorder));
        let minds = |cursor: Cursor, minds: bool| minds && cursor.cares(change);
        // Every controller is asked, as some compute from here when they will have to act.
        let controllers = [
            self.gc.minds(&mut env, change),
            !self.plan.services.is_empty() && self.endpoints.minds(&self.cluster, change),
            NodeLifecycle::minds(&self.cluster, change),
            Manager::minds(&self.cluster),
            AttachDetach::minds(&self.cluster, &self.plan, change),
            self.autoscaler.minds(change),
        ];
        for (actor, minds, lag) in [
            (Actor::Kubelets, minds(Cursor::Kubelet, self.kubelets.minds(change)), self.lag(Actor::Kubelets)),
            (Actor::Controllers, minds(Cursor::Controllers, controllers.contains(&true)), self.lag(Actor::Controllers)),
            (Actor::Scheduler, minds(Cursor::Scheduler, !Scheduler::can_wait(change)), self.lag(Actor::Scheduler)),
        ] {
            let due = &mut self.readers[actor as usize].minds;
            if minds && due.back() != Some(&(now + lag)) {
                due.push_back(now + lag);
                self.is_news = true;
            }
        }
        self.is_news |= self.scheduler.has_waiting_pods() || self.cluster.log().len() > MOST_UNREAD;
    }

    const fn lag(&self, actor: Actor) -> SimDuration {
        let settings = &self.plan.control_plane;
        match actor {
            Actor::Kubelets => settings.watch_kubelet,
            Actor::Controllers => settings.watch_controller,
            Actor::Scheduler => settings.watch_scheduler,
        }
    }

    /// Gives every reader that has something to do the wake-up that it needs.
    fn wake_readers(&mut self, kernel: &mut Kernel<Event>) {
        let now = kernel.now();
        for (actor, cursor) in [
            (Actor::Kubelets, Cursor::Kubelet),
            (Actor::Controllers, Cursor::Controllers),
            (Actor::Scheduler, Cursor::Scheduler),
        ] {
            let (log, lag) = (self.cluster.log(), self.lag(actor));
            let all = actor == Actor::Scheduler && self.scheduler.has_waiting_pods() || log.len() > MOST_UNREAD;
            let reader = &mut self.readers[actor as usize];
            if !all && reader.minds.is_empty() && reader.wake.is_none() {
                continue;
            }
            let next = log.next_at(cursor, lag);
            while reader.minds.front().is_some_and(|&due| next.is_none_or(|next| due < next)) {
                reader.minds.pop_front();
            }
            let due = if all { next } else { reader.minds.front().copied() };
            let due = due.map(|due| due.max(now));
            if due != reader.wake.map(|(at, _)| at) {
                if let Some((_, timer)) = reader.wake.take() {
                    kernel.cancel(timer);
                }
                let event = Event::Wake(actor);
                reader.wake = due.map(|at| (at, kernel.schedule_at(at, event.rank(), event)));
            }
        }
    }

    fn arrival(&self, stream: usize, ordinal: u32, previous: Option<SimTime>) -> Option<Arrival> {
        let ArrivalPlan { workload, source, .. } = &self.plan.arrivals[stream];
        match source {
            ArrivalSource::Trace(rows) => {
                rows.get(ordinal as usize).map(|row| Arrival { at: row.at, ordinal, template: row.template })
            }
            ArrivalSource::Generated { templates, weights, process, from, until, count } => Arrivals {
                spacing: match process {
                    ArrivalProcess::Every(gap) => Spacing::Every(*gap),
                    ArrivalProcess::Poisson(curve) => Spacing::Poisson(&curve.points),
                },
                from: *from,
                until: *until,
                count: *count,
                templates,
                weights,
                draw: self.draws.workload(*workload).arrival,
            }
            .next(ordinal, previous),
        }
    }

    /// The template of an arrival that there is.
    fn arrival_template(&self, stream: usize, ordinal: u32) -> TemplateId {
        let ArrivalPlan { workload, source, .. } = &self.plan.arrivals[stream];
        match source {
            ArrivalSource::Trace(rows) => rows[ordinal as usize].template,
            ArrivalSource::Generated { templates, weights, .. } => {
                arrivals::template(templates, weights, &self.draws.workload(*workload).arrival, ordinal)
            }
        }
    }

    fn arrive<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, stream: usize) {
        let Arrival { at, ordinal, template } = self.next_arrival[stream].expect("the stream waits for this arrival");
        let workload = self.plan.arrivals[stream].workload;
        self.next_arrival[stream] = self.arrival(stream, ordinal + 1, Some(at));
        if let Some(next) = self.next_arrival[stream] {
            let event = Event::Arrival(u32::try_from(stream).expect("few streams"));
            let at = next.at + self.write_takes.unwrap_or_default();
            kernel.schedule_at(at.max(kernel.now()), event.rank(), event);
        }
        if self.write_takes.is_some() {
            self.create(kernel, recorder, workload, ordinal, template);
            return;
        }
        let mut rng = self.draws.workload(workload).latency.at(u64::from(ordinal), 0, 3);
        let takes = SimDuration::from_secs_f64(self.plan.control_plane.api_write.sample(&mut rng));
        if takes == SimDuration::ZERO {
            self.create(kernel, recorder, workload, ordinal, template);
        } else {
            let stream = u32::try_from(stream).expect("few streams");
            let event = Event::Create { stream, ordinal };
            kernel.schedule_in(takes, event.rank(), event);
        }
    }

    fn create<R: Recorder>(
        &mut self,
        kernel: &mut Kernel<Event>,
        recorder: &mut R,
        workload: WorkloadId,
        ordinal: u32,
        id: TemplateId,
    ) {
        let template = &self.plan.templates[id];
        let node = self.plan.classes[template.class].node_name;
        let node = node.and_then(|name| self.node_names.get(&name).copied());
        let new = NewPod { workload, ordinal, template: id, made_from: id, node, owned: None };
        let pod = match env!(self, kernel, recorder).create_pod(new) {
            Ok(pod) => pod,
            Err(error) => return self.refuse(kernel.now(), &error),
        };
        let deleted = self.plan.traced(workload, ordinal).map(|row| row.delete_at);
        if let Some(at) = deleted.filter(|&at| at < SimTime::NEVER) {
            let event = Event::TraceDelete(pod);
            kernel.schedule_at(at.max(kernel.now()), event.rank(), event);
        }
    }

    pub(super) fn delete_pod(&mut self, now: SimTime, pod: PodRef, grace_seconds: Option<i64>) {
        if !self.cluster.pods().exists(pod) {
            return;
        }
        let spec_grace_seconds = self.plan.templates[self.cluster.pods().template(pod.pod)].grace_period_seconds;
        // Refused if it is being deleted at least as soon already.
        let _ = self.cluster.request(now, Op::DeletePod { pod, grace_seconds, spec_grace_seconds });
    }

    fn load_balancer<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, service: ServiceId) {
        if !self.cluster.has_service(service) {
            return;
        }
        if let Some(at) = self.traffic_of[service] {
            self.traffic[at].set_reachable(kernel.now());
            self.push_rates(kernel, recorder, at);
        }
        let mut env = env!(self, kernel, recorder);
        env.fact(|| Fact::LoadBalancer(service));
        env.event(Subject::Service(service), KubeEvent::EnsuredLoadBalancer, || "Ensured load balancer".to_owned());
    }
}
