//! The kubelets of all nodes: one component. Reads the change log through its cursor, runs one worker for each pod, writes
//! statuses. Must not know other components. Mirrors pkg/kubelet/kubelet.go and pod_workers.go, v1.34.

use super::image_gc::PERIOD;
use super::images::PullLimit;
use super::messages::Sent;
use super::records::Records;
use super::runtime::{Machine, PodRecord, RecordId};
use super::worker::QUEUE_POLL;
use crate::api::{Change, Cursor, PodRef};
use crate::base::{IdVec, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::storage::AttachmentName;
use crate::model::strings::known;
use crate::model::{ContainerState, NodeId, ResizeState, Role, StorageKey, StrId, WorkloadId};
use crate::record::Recorder;

/// Timers of kubelets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The pod worker syncs.
    Sync(RecordId),
    /// The pod worker's step (sandbox, pull, start) is done.
    Step(RecordId),
    /// A process has started up.
    Serving {
        /// Its pod.
        record: RecordId,
        /// Its container.
        container: u16,
    },
    /// A process becomes unhealthy, or healthy again.
    Health {
        /// Its pod.
        record: RecordId,
        /// Its container.
        container: u16,
    },
    /// A process ends.
    Exit {
        /// Its pod.
        record: RecordId,
        /// Its container.
        container: u16,
    },
    /// A process exceeds its memory limit.
    OutOfMemory {
        /// Its pod.
        record: RecordId,
        /// Its container.
        container: u16,
    },
    /// The grace of a container that was asked to stop is over, or a sidecar's turn has come.
    GraceOver {
        /// Its pod.
        record: RecordId,
        /// Its container.
        container: u16,
    },
    /// A probe publishes a result.
    Probe {
        /// Its pod.
        record: RecordId,
        /// Its container.
        container: u16,
        /// 0 startup, 1 readiness, 2 liveness.
        kind: u8,
    },
    /// The pod exceeds the size limit of an emptyDir and the eviction manager sees it.
    LocalStorage(RecordId),
    /// `activeDeadlineSeconds` are over.
    Deadline(RecordId),
    /// A resize that waits for room is tried anew.
    Resize(RecordId),
    /// The eviction manager of a node looks.
    Pressure(NodeId),
    /// The pods of a node use more memory than there is for them.
    NodeOom(NodeId),
    /// The image garbage collection of a node finds something to remove.
    ImageGc(NodeId),
    /// What the containers of a node ask of its CPU changes.
    Cpu(NodeId),
    /// A node tells which volumes are in use.
    NodeStatus(NodeId),
    /// The time of a group of priorities is over in a node's shutdown.
    Shutdown(NodeId),
    /// A node's shutdown is done: the machine goes off. The simulation handles this one.
    PowerOff(NodeId),
    /// The status message of a quiet pod reaches the API server.
    Tell(RecordId),
    /// A message reaches the API server.
    Message(u32),
}

impl Timer {
    /// The record that it is about.
    const fn record(self) -> Option<RecordId> {
        match self {
            Self::Sync(record)
            | Self::Resize(record)
            | Self::Step(record)
            | Self::LocalStorage(record)
            | Self::Deadline(record) => Some(record),
            Self::Serving { record, .. }
            | Self::Health { record, .. }
            | Self::Exit { record, .. }
            | Self::OutOfMemory { record, .. }
            | Self::GraceOver { record, .. }
            | Self::Probe { record, .. } => Some(record),
            Self::Pressure(_)
            | Self::NodeOom(_)
            | Self::ImageGc(_)
            | Self::Cpu(_)
            | Self::NodeStatus(_)
            | Self::Shutdown(_)
            | Self::PowerOff(_)
            | Self::Tell(_)
            | Self::Message(_) => None,
        }
    }
}

/// All kubelets with their machines.
#[derive(Debug, Default)]
pub struct Kubelets {
    pub(super) machines: IdVec<NodeId, Machine>,
    pub(super) records: Records,
    pub(super) outbox: Vec<Option<Sent>>,
    pub(super) outbox_free: Vec<u32>,
    /// Pods that wait for a ConfigMap or Secret volume.
    pub(super) mount_waits: Vec<super::mounts::MountWait>,
    /// What those tell again and again; kept only for recorders that count.
    pub(super) mount_repeats: Vec<super::repeats::MountRepeat>,
    /// Image pulls under way.
    pub(super) pulls: Vec<super::pulls::Pull>,
    /// Resizes under way.
    pub(super) resizes: Vec<super::resize::Resize>,
    pub(super) outages: Vec<super::outages::Outage>,
    /// Image name prefixes that no registry serves now.
    pub(super) registry_outages: Vec<StrId>,
    /// Pods whose processes began or ceased to serve since the last [`Self::take_touched`].
    pub(super) touched: Vec<PodRef>,
    /// Whether pods of a template can be quiet and what those are like, once somebody asked.
    pub(super) plain: Vec<Option<Option<super::plain::Plain>>>,
    /// Milli-cores and bytes that quiet pods use whose use does not change.
    pub(super) fixed: (i64, i64),
    /// The quiet pod whose message arrives now, and that message, once it was worked out.
    pub(super) telling: Option<RecordId>,
    pub(super) in_hand: Option<(PodRef, crate::api::StatusPatch)>,
    /// The message of a quiet pod whose record went with it.
    pub(super) arrived: Option<u32>,
    /// Whether any process of the plan writes files, and the bytes of all its images, once somebody asked.
    disk_use: Option<(bool, i64)>,
    /// Since when the sync under way was due.
    pub(super) cause: Option<SimTime>,
    /// What recorders are to see, first things first; kept for those that look between events.
    pub(super) unseen: std::collections::BinaryHeap<super::quiet::Unseen>,
    pub(super) unseen_total: u64,
}

impl Kubelets {
    /// A machine for the node with the next id.
    pub fn add_machine(
        &mut self,
        plan: &Plan,
        shape: crate::model::ShapeId,
        draws: crate::component::NodeDraws,
        start: SimTime,
    ) {
        let settings = &plan.control_plane;
        let phase = |k: u64, period: SimDuration| {
            #[allow(clippy::cast_precision_loss)]
            let offset = draws.phase.unit(0, 0, k) * period.0 as f64;
            #[allow(clippy::cast_possible_truncation)]
            SimTime(start.0 + offset as i64)
        };
        let (plan_writes, images) = *self.disk_use.get_or_insert_with(|| {
            let writes = plan.behaviors.iter().any(|behavior| !behavior.writes.is_empty());
            (writes, plan.images.iter().fold(0, |sum: i64, image| sum.saturating_add(image.size_bytes)))
        });
        let safe_images = super::usage::safe_images(&plan.shapes[shape], settings);
        let ages_images = settings.image_gc.max_age > SimDuration::ZERO;
        self.machines.push(Machine {
            up: true,
            first_record: None,
            pleg_phase: phase(0, settings.pleg_period),
            lease_phase: phase(1, settings.lease_renew),
            boots: 0,
            images: Vec::new(),
            image_bytes: 0,
            safe_images,
            kubelet_since: phase(2, PERIOD) - PERIOD,
            image_pass: None,
            last_image_pass: start - PERIOD,
            ages_images,
            disk_fills: false,
            minds_use: ages_images || plan_writes || images > safe_images,
            pulls: Vec::new(),
            pull_limit: PullLimit::new(settings.registry_pull_qps, settings.registry_burst, start),
            crashed_at: SimTime::NEVER,
            ceiling: super::load::Ceiling::default(),
            safe_memory: super::usage::safe_memory(&plan.shapes[shape], &settings.eviction.thresholds),
            safe_processes: super::usage::safe_processes(&settings.eviction),
            milli_cpu: plan.shapes[shape].capacity.milli_cpu,
            cpu_timer: None,
            cpu_was_short: false,
            watch: None,
            status_timer: None,
            shutdown: None,
            used: crate::model::Resources::default(),
            pods: 0,
            quiet: 0,
            fixed: 0,
            steady_usage: std::cell::Cell::new(None),
        });
    }

    /// Looks at what the end of a parked pod will need: the pod and its node, and what was read.
    #[inline]
    #[must_use]
    pub fn read_ahead(&self, id: RecordId) -> Option<(crate::model::PodId, NodeId, i64)> {
        let (pod, node, read) = self.records.read_ahead(id)?;
        Some((pod, node, self.machines[node].read_ahead() ^ i64::from(read)))
    }

    /// Looks at what a pod that was bound to a node will need there: what was read.
    #[inline]
    #[must_use]
    pub fn read_node_ahead(&self, node: NodeId) -> i64 {
        let machine = &self.machines[node];
        let image = machine.images.first().map_or(0, |held| held.detected.0);
        machine.read_ahead() ^ image ^ i64::from(self.records.read_link_ahead(machine.first_record))
    }

    /// Looks at what the going of a pod object will need: what was read.
    #[inline]
    #[must_use]
    pub fn read_slot_ahead(&self, pod: crate::model::PodId) -> bool {
        self.records.read_slot_ahead(pod)
    }

    /// Whether [`Self::take_touched`] has something to give.
    #[must_use]
    pub const fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// How often the node's machine booted after a crash.
    #[must_use]
    pub fn boots(&self, node: NodeId) -> u32 {
        self.machines[node].boots
    }

    /// When the node's machine stopped; `None`: it runs.
    #[must_use]
    pub fn down_since(&self, node: NodeId) -> Option<SimTime> {
        let machine = &self.machines[node];
        (!machine.up).then_some(machine.crashed_at)
    }

    /// Pods whose processes began or ceased to serve since the last call.
    pub fn take_touched(&mut self) -> Vec<PodRef> {
        std::mem::take(&mut self.touched)
    }

    /// Whether the node's machine runs.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.machines[node].up
    }

    /// The last lease renewal of a node at or before `now`.
    #[must_use]
    pub fn last_renewal(&self, plan: &Plan, node: NodeId, now: SimTime) -> SimTime {
        let machine = &self.machines[node];
        let (until, period) =
            (if machine.up { now } else { machine.crashed_at.min(now) }, plan.control_plane.lease_renew);
        let next = SimTime(until.0 + 1).ceil_to_grid(machine.lease_phase, period);
        next - period
    }

    /// Every pod that some machine's runtime knows, and its node. A pod may be here without an object (a forced deletion,
    /// a lost node), or have an object and not be here (it ended, or its node has not heard of it yet).
    pub fn pods(&self) -> impl Iterator<Item = (PodRef, NodeId)> {
        self.records.iter().map(|(_, record)| (record.pod, record.node))
    }

    /// Whether the container in this pod accepts requests that succeed.
    #[must_use]
    pub fn works_for(&self, plan: &Plan, pod: PodRef, container: u16) -> bool {
        let id = self.records.of(pod).filter(|&id| !self.records.is_parked(id));
        id.is_some_and(|id| self.works(plan, id, container))
    }

    /// Whether the container in this pod listens on its ports.
    #[must_use]
    pub fn serves(&self, pod: PodRef, container: u16) -> bool {
        self.records.of(pod).is_some_and(|id| self.records.serving(id, container))
    }

    /// How many pods the runtimes of all machines know.
    #[must_use]
    pub fn records_held(&self) -> usize {
        self.records.iter().count()
    }

    /// Whether a change concerns some kubelet: the removal of a pod that no machine holds does not.
    #[must_use]
    pub fn minds(&self, change: &Change) -> bool {
        match *change {
            Change::PodRemoved { pod, .. } => self.records.of(pod).is_some(),
            Change::PodDeleting { node, .. } => node.is_some(),
            _ => true,
        }
    }

    /// Reads what changed, after the watch's latency.
    pub fn watch<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let lag = env.plan.control_plane.watch_kubelet;
        while let Some(change) = env.cluster.log_mut().next(Cursor::Kubelet, env.now, lag) {
            match change {
                Change::PodAdded { pod, node: Some(node), .. } | Change::PodBound { pod, node, .. }
                    // A machine that booted a moment ago may have found the pod before it read of it here.
                    if self.machines[node].up
                        && env.cluster.pods().exists(pod)
                        && self.records.of(pod).is_none() =>
                {
                    self.take_over(env, pod, node);
                }
                Change::PodDeleting { pod, node: Some(node), grace_seconds } => {
                    if let Some(id) = self.record_of(env, pod) {
                        self.delete(env, id, grace_seconds);
                    } else if self.machines[node].up {
                        self.request_removal(env, pod);
                    }
                }
                Change::PodRemoved { pod, node, .. } => {
                    let id = self.records.of(pod).or_else(|| {
                        // A later pod may have taken over the slot before this was read.
                        self.records.displaced(pod, self.machines[node?].first_record)
                    });
                    if let Some(id) = id.filter(|&id| self.wake_record(env, id)) {
                        // Its own copy carries no deletion grace: the full grace of the spec applies (spec 2.12).
                        let spec = env.plan.templates[self.records.get(id).template].grace_period_seconds;
                        self.records.get_mut(id).orphan = true;
                        self.delete(env, id, u32::try_from(spec.max(1)).unwrap_or(u32::MAX));
                    }
                }
                Change::PodResized { pod, node, state: ResizeState::Proposed, .. } if self.machines[node].up => {
                    self.resize_asked(env, pod);
                }
                Change::Config(_, true) => self.retry_mounts(env, None),
                Change::Storage(StorageKey::Attachment(AttachmentName::Of { node, .. })) => {
                    self.retry_mounts(env, Some(node));
                }
                Change::Storage(StorageKey::Claim(_)) => self.claims_changed(env),
                _ => {}
            }
        }
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        let id = timer.record();
        if let Some(id) = id {
            self.unpark(env.plan, id);
        }
        self.react(env, timer);
        if let Some(id) = id {
            self.park_record(env.plan, id);
        }
    }

    /// The record of a pod, made whole and brought up to now.
    fn record_of<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef) -> Option<RecordId> {
        let id = self.records.of(pod)?;
        self.wake_record(env, id).then_some(id)
    }

    /// Makes a record whole and brings it up to now. Whether it is still there.
    pub(super) fn wake_record<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> bool {
        let now = env.now;
        self.disturb(env, id, now);
        self.records.is_whole(id)
    }

    /// Makes a record whole.
    pub(super) fn unpark(&mut self, plan: &Plan, id: RecordId) {
        let Self { records, machines, .. } = self;
        records.wake(
            id,
            |workload, ordinal| traced_run(plan, workload, ordinal),
            |node, end| machines[node].told_at(&plan.control_plane, end),
        );
    }

    /// A pod that just runs, and whose processes nobody asks anything, needs little space until its end.
    pub(super) fn park_record(&mut self, plan: &Plan, id: RecordId) {
        self.records.park_if(id, |template| {
            let template = &plan.templates[template];
            template.containers.iter().all(|spec| {
                let behavior = &plan.behaviors[spec.behavior];
                spec.ports.is_empty()
                    && behavior.listens.is_none()
                    && behavior.implied.is_empty()
                    && behavior.writes.is_empty()
            })
        });
    }

    pub(super) fn react<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, timer: Timer) {
        match timer {
            Timer::Sync(id) => {
                let record = self.records.get_mut(id);
                (record.timer, record.due) = (None, None);
                self.cause = Some(record.asked);
                self.sync(env, id);
                self.cause = None;
            }
            Timer::Step(id) => {
                self.records.get_mut(id).timer = None;
                self.step_done(env, id);
            }
            Timer::Serving { record, container } => self.serve(env, record, container),
            Timer::Health { record, container } => self.health_changes(env, record, container),
            Timer::Exit { record, container } => {
                self.exit(env, record, container);
                self.end_commands(env, record, container);
                self.after_exit(env, record);
            }
            Timer::OutOfMemory { record, container } => {
                let dying = self.records.container_mut(record, container);
                dying.oom_timer = None;
                (dying.exit_code, dying.exit_reason) = (super::process::SIGKILL_EXIT, known::OOM_KILLED);
                self.exit(env, record, container);
                self.end_commands(env, record, container);
                self.after_exit(env, record);
            }
            Timer::GraceOver { record, container } => self.grace_over(env, record, container),
            Timer::Probe { record, container, kind } => self.probe_due(env, record, container, kind),
            Timer::LocalStorage(id) => self.local_storage_pass(env, id),
            Timer::Deadline(id) => self.kill_pod(env, id, known::DEADLINE_EXCEEDED),
            Timer::Resize(id) => self.resize_due(env, id),
            Timer::Pressure(node) => self.pressure_pass(env, node),
            Timer::NodeOom(node) => self.node_oom(env, node),
            Timer::ImageGc(node) => self.image_gc_pass(env, node),
            Timer::Cpu(node) => {
                self.machines[node].cpu_timer = None;
                self.share_cpu(env, node);
            }
            Timer::NodeStatus(node) => self.tell_volumes(env, node),
            Timer::Shutdown(node) => self.shutdown_group_is_over(env, node),
            Timer::PowerOff(_) => unreachable!("the simulation switches machines off"),
            Timer::Tell(_) | Timer::Message(_) => self.arrive(env, &mut [timer]),
        }
    }

    /// Takes a bound pod over.
    pub(super) fn admit<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        node: NodeId,
    ) -> RecordId {
        let pods = env.cluster.pods();
        let template_id = pods.resized(pod.pod).map_or_else(|| pods.template(pod.pod), |resized| resized.allocated);
        let template = &env.plan.templates[template_id];
        let (workload, ordinal) = env.cluster.pods().source(pod.pod);
        let next = self.machines[node].first_record;
        let record = PodRecord {
            started_at: env.cluster.pods().started(pod.pod).unwrap_or(env.now),
            traced_run: traced_run(env.plan, workload, ordinal),
            ..PodRecord::new(pod, template_id, (workload, ordinal), node)
        };
        let id = self.records.insert(record, template.containers.len(), next);
        let machine = &mut self.machines[node];
        machine.first_record = Some(id);
        machine.pods += 1;
        machine.used.add(&env.plan.classes[template.class].requests);
        let waiting = waiting_reason(template.containers.iter().any(|c| c.role != Role::Main));
        for index in 0..u16::try_from(template.containers.len()).expect("few containers") {
            self.show(env, id, index, ContainerState::Waiting { reason: waiting });
        }
        if let Some(grace) = env.cluster.pods().deletion_grace_seconds(pod.pod) {
            self.records.get_mut(id).grace_seconds = Some(grace);
        }
        self.arm_deadline(env, id);
        self.volumes_changed(env, node, template_id);
        id
    }

    /// `activeDeadlineSeconds` run from the start time as the status shows it, in whole seconds; the sync loop looks every
    /// second.
    pub(super) fn arm_deadline<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        let record = self.records.get(id);
        let Some(seconds) = env.plan.templates[record.template].active_deadline_seconds else { return };
        let over = record.started_at.floor_seconds() + SimDuration::from_secs(seconds);
        let at = over.max(env.now).ceil_to_grid(self.machines[record.node].pleg_phase, QUEUE_POLL);
        self.records.get_mut(id).deadline = Some(env.timers.at(at, Timer::Deadline(id)));
    }

    /// Forgets a pod; its timers are disarmed.
    pub(super) fn forget<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) {
        self.leave_quiet(env, id);
        let record = self.records.get_mut(id);
        let (node, template, since) = (record.node, record.template, record.started_at);
        let timers = [record.timer.take(), record.deadline.take(), record.storage_timer.take()];
        for timer in timers.into_iter().flatten() {
            env.timers.disarm(timer);
        }
        let count = env.plan.templates[template].containers.len();
        for index in 0..u16::try_from(count).expect("few containers") {
            self.disarm_container(env, id, index);
        }
        self.mounts_over(env, id);
        self.forget_mounts(id);
        self.forget_pulls(id);
        let allocated = self.allocated(id);
        self.forget_resize(env, id);
        let pod = self.records.get(id).pod;
        let machine = &mut self.machines[node];
        machine.pods -= 1;
        machine.steady_usage.set(None);
        machine.used.sub(&env.plan.classes[env.plan.templates[allocated].class].requests);
        if let Some(first) = self.records.remove(id) {
            self.machines[node].first_record = first;
        }
        self.images_released(env.plan, env.now, node, template, since);
        self.volumes_changed(env, node, template);
        self.retry_resizes(env, node);
        if self.machines[node].shutdown.is_some() {
            self.shutdown_goes_on(env, node);
        }
        self.evicted_is_gone(env, node, pod);
        if self.machines[node].watch.is_some() || self.machines[node].minds_images() {
            self.node_changed(env, node);
        }
    }

    /// Takes back every timer of a container.
    pub(super) fn disarm_container<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) {
        self.stop_probes(env, id, index);
        let container = self.records.container_mut(id, index);
        let timers = [
            container.exit_timer.take(),
            container.serving_timer.take(),
            container.health_timer.take(),
            container.oom_timer.take(),
            container.grace_timer.take(),
        ];
        container.kill = None;
        for timer in timers.into_iter().flatten() {
            env.timers.disarm(timer);
        }
    }
}

pub(super) const fn waiting_reason(has_init: bool) -> StrId {
    if has_init { known::POD_INITIALIZING } else { known::CONTAINER_CREATING }
}

fn traced_run(plan: &Plan, workload: WorkloadId, ordinal: u32) -> Option<SimDuration> {
    plan.traced(workload, ordinal).map(|row| row.run)
}
